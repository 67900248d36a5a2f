package livekit_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"muster/internal/await"

	"muster/internal/call"
	"muster/internal/call/livekit"
	"muster/internal/call/livekit/peer"
	"muster/internal/fault"
	"muster/internal/id"
)

// rig is an engine in this process behind an HTTP server.
type rig struct {
	t      *testing.T
	engine *livekit.Local
	url    string
	seen   chan call.Seen // the newest
}

func open(t *testing.T) *rig {
	t.Helper()
	e, err := livekit.NewLocal(livekit.Settings{Local: true}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, engine: e, seen: make(chan call.Seen, 1)}
	ready := make(chan struct{})
	first := true
	if err := e.Start(func(_ call.State, seen call.Seen) {
		if first {
			first = false
			close(ready)
		}
		select {
		case <-r.seen:
		default:
		}
		r.seen <- seen
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	srv := httptest.NewServer(e.Signalling())
	t.Cleanup(srv.Close)
	r.url = srv.URL + "/media"
	select {
	case <-ready:
	case <-time.After(await.Limit):
		t.Fatal("the engine is not ready")
	}
	return r
}

func (r *rig) ctx() context.Context {
	ctx, stop := context.WithTimeout(context.Background(), await.Limit)
	r.t.Cleanup(stop)
	return ctx
}

func (r *rig) token(room, person string, m call.Mode) string {
	r.t.Helper()
	if err := r.engine.Open(r.ctx(), room); err != nil {
		r.t.Fatal(err)
	}
	tk, err := r.engine.Issue(call.Grant{Room: room, Person: person, Name: person, Mode: m})
	if err != nil {
		r.t.Fatal(err)
	}
	return tk.Token
}

func (r *rig) join(room, person string, m call.Mode, change ...func(*peer.Options)) *peer.Peer {
	r.t.Helper()
	o := peer.Options{URL: r.url, Token: r.token(room, person, m)}
	for _, c := range change {
		c(&o)
	}
	p, err := peer.Connect(r.ctx(), o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		if err := p.Close(); err != nil {
			r.t.Error(err)
		}
	})
	return p
}

// until waits for what the engine tells to be as wanted.
func (r *rig) until(what string, is func(call.Seen) bool) {
	r.t.Helper()
	end := time.After(await.Limit)
	for {
		select {
		case s := <-r.seen:
			if is(s) {
				return
			}
		case <-end:
			r.t.Fatal("the engine does not tell: " + what)
		}
	}
}

func who(s call.Seen, room, person string) (p call.Peer) {
	for _, one := range s[room] {
		if one.Person == person {
			return one
		}
	}
	return p
}

func TestTwoHearEachOther(t *testing.T) {
	r := open(t)
	room, a, b := id.New(), id.New(), id.New()
	ann, bob := r.join(room, a, call.Table), r.join(room, b, call.Table, func(o *peer.Options) { o.TCP = true })
	at, err := ann.Speak(r.ctx(), peer.Tone())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bob.Speak(r.ctx(), peer.Silence); err != nil {
		t.Fatal(err)
	}
	if _, err := ann.Show(r.ctx(), false); err != nil {
		t.Fatal(err)
	}
	if err := bob.Wait(r.ctx(), func() bool { return bob.Hears(a) > 100 && bob.People()[a].Speaking }); err != nil {
		t.Fatal(err)
	}
	if err := ann.Wait(r.ctx(), func() bool { return ann.Hears(b) > 10 }); err != nil {
		t.Fatal(err)
	}
	for _, h := range bob.Heard() {
		if h.Person != a || h.Lost > 0 || !h.Video && (len(h.Delays) == 0 || h.Delays[0] < 0 || h.Delays[0] > time.Second) {
			t.Errorf("%+v", h)
		}
	}
	r.until("ann speaks and shows herself, bob is silent", func(s call.Seen) bool {
		x, y := who(s, room, a), who(s, room, b)
		return x.Mic && x.Camera && x.Speaking && x.Speaks && y.Mic && !y.Speaking && !y.Camera
	})
	if err := at.Mute(true); err != nil {
		t.Fatal(err)
	}
	r.until("ann is muted", func(s call.Seen) bool { return !who(s, room, a).Mic })
	if err := at.Mute(false); err != nil {
		t.Fatal(err)
	}
	r.until("ann is back", func(s call.Seen) bool { return who(s, room, a).Mic })
	if err := r.engine.Mute(r.ctx(), room, a); err != nil {
		t.Fatal(err)
	}
	if err := ann.Wait(r.ctx(), at.Muted); err != nil {
		t.Fatal(err)
	}
	r.until("ann is muted by another", func(s call.Seen) bool { return !who(s, room, a).Mic })
	if err := r.engine.Remove(r.ctx(), room, a); err != nil {
		t.Fatal(err)
	}
	<-ann.Done()
	var gone *peer.Gone
	if !errors.As(ann.Err(), &gone) || gone.Reason != "PARTICIPANT_REMOVED" {
		t.Error(ann.Err())
	}
	r.until("ann is gone", func(s call.Seen) bool { return who(s, room, a).Person == "" && who(s, room, b).Person != "" })
	second := r.join(room, b, call.Table)
	<-bob.Done()
	if !errors.As(bob.Err(), &gone) || gone.Reason != "DUPLICATE_IDENTITY" {
		t.Error(bob.Err())
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	r.until("nobody is there", func(s call.Seen) bool { return len(s) == 0 })
}

// A closed connection leaves nothing running, however it ended.
func TestNothingIsLeftOfAConnection(t *testing.T) {
	r := open(t)
	room := id.New()
	for range 3 {
		ann, bob := r.join(room, "ann", call.Table), r.join(room, "bob", call.Table)
		if _, err := ann.Speak(r.ctx(), peer.Tone()); err != nil {
			t.Fatal(err)
		}
		if err := bob.Wait(r.ctx(), func() bool { return bob.Hears("ann") > 0 }); err != nil {
			t.Fatal(err)
		}
		if err := r.engine.Remove(r.ctx(), room, "bob"); err != nil {
			t.Fatal(err)
		}
		<-bob.Done()
		if err := errors.Join(ann.Close(), bob.Close(), bob.Close()); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(ann.Err(), peer.ErrClosed) {
			t.Error(ann.Err())
		}
	}
	stopped, stop := context.WithCancel(r.ctx())
	stop()
	if _, err := peer.Connect(stopped, peer.Options{URL: r.url, Token: r.token(room, "ann", call.Table)}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	stacks := make([]byte, 1<<20)
	for _, one := range strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if strings.Contains(one, "livekit/peer.") {
			t.Error("this still runs:\n" + one)
		}
	}
}

func TestGalleryOnlyListens(t *testing.T) {
	r := open(t)
	room, a, b := id.New(), id.New(), id.New()
	ann, bob := r.join(room, a, call.Table), r.join(room, b, call.Gallery)
	if _, err := ann.Speak(r.ctx(), peer.Tone()); err != nil {
		t.Fatal(err)
	}
	if err := bob.Wait(r.ctx(), func() bool { return bob.Hears(a) > 10 }); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(r.ctx(), 2*time.Second)
	defer stop()
	if _, err := bob.Speak(ctx, peer.Tone()); err == nil {
		t.Error("the gallery speaks")
	}
	if err := r.engine.Permit(r.ctx(), room, a, call.Gallery); err != nil {
		t.Fatal(err)
	}
	r.until("ann only listens", func(s call.Seen) bool { p := who(s, room, a); return p.Person != "" && !p.Speaks && !p.Mic })
}

// Sound of a screen without a screen is a voice, and is treated as one.
func TestAVoiceUnderAnotherName(t *testing.T) {
	r := open(t)
	room, a := id.New(), id.New()
	ann := r.join(room, a, call.Table)
	voice, err := ann.SpeakAs(r.ctx(), peer.Tone(), 4)
	if err != nil {
		t.Fatal(err)
	}
	r.until("her microphone is open", func(s call.Seen) bool { p := who(s, room, a); return p.Mic })
	if err := r.engine.Mute(r.ctx(), room, a); err != nil {
		t.Fatal(err)
	}
	if err := ann.Wait(r.ctx(), voice.Muted); err != nil {
		t.Fatal(err)
	}
	r.until("she is muted", func(s call.Seen) bool { return !who(s, room, a).Mic })
}

// A ticket opens one connection of one person, whatever else is in the address.
func TestAnotherIdentityInTheAddress(t *testing.T) {
	r := open(t)
	room, a := id.New(), id.New()
	ann := r.join(room, a, call.Table, func(o *peer.Options) { o.Extra = map[string][]string{"publish": {"ghost"}} })
	r.until("she is there as herself", func(s call.Seen) bool {
		for _, p := range s[room] {
			if strings.Contains(p.Person, "#") {
				t.Error(p.Person)
			}
		}
		return who(s, room, a).Person != ""
	})
	if err := ann.Close(); err != nil {
		t.Error(err)
	}
}

func TestTokens(t *testing.T) {
	r := open(t)
	good := r.token("room", "ann", call.Table)
	if g, err := r.engine.Read(good); err != nil || g.Room != "room" || g.Person != "ann" || g.Mode != call.Table {
		t.Error(g, err)
	}
	if g, err := r.engine.Read(r.token("room", "ann", call.Gallery)); err != nil || g.Mode != call.Gallery {
		t.Error(g, err)
	}
	parts := strings.Split(good, ".")
	for name, token := range map[string]string{
		"empty": "", "garbage": "x.y.z", "long": strings.Repeat("A", 1<<20), "no signature": parts[0] + "." + parts[1] + ".",
		"none":    "eyJhbGciOiJub25lIn0." + parts[1] + ".",
		"swapped": parts[0] + "." + parts[1] + "." + parts[2][:len(parts[2])-2] + "AA", "nul": good + "\x00", "two": good + "." + good,
	} {
		if g, err := r.engine.Read(token); !fault.Is(err, fault.Denied) {
			t.Error(name, g, err)
		}
		if len(token) > 1000 {
			continue
		}
		if p, err := peer.Connect(r.ctx(), peer.Options{URL: r.url, Token: token}); err == nil {
			t.Error(name, "let in")
			_ = p.Close()
		} else if token != "" && strings.Contains(err.Error(), "access_token") {
			t.Error(name, err)
		}
	}
}

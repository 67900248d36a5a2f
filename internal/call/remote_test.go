package call_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/internal/actor"
	"muster/internal/await"
	"muster/internal/call"
	"muster/internal/call/livekit"
	"muster/internal/call/livekit/livekittest"
	"muster/internal/call/livekit/peer"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/outbound"
	"muster/internal/room"
)

func remote(l *livekittest.Stock, url, secret string) *livekit.Remote {
	// As Muster itself dials it.
	c := outbound.New(outbound.Services, outbound.Rules{}, outbound.Options{}).Client(10 * time.Second)
	return livekit.NewRemote(url, l.Key, secret, c, slog.New(slog.DiscardHandler))
}

// elsewhere connects somebody by the ticket's own address, as a browser does.
func (w *world) elsewhere(url, token string) (*peer.Peer, error) {
	w.Helper()
	ctx, stop := context.WithTimeout(ctx, await.Limit)
	defer stop()
	p, err := peer.Connect(ctx, peer.Options{URL: url, Token: token})
	if err == nil {
		w.Cleanup(func() {
			if err := p.Close(); err != nil {
				w.Error(err)
			}
		})
	}
	return p, err
}

func (w *world) joinElsewhere(who actor.Actor, r room.Room, m call.Mode) *peer.Peer {
	w.Helper()
	t, err := w.calls.Join(ctx, w.db.Read(), who, r.ID, m, true)
	if err != nil {
		w.Fatal(err)
	}
	p, err := w.elsewhere(t.URL, t.Token)
	if err != nil {
		w.Fatal(err)
	}
	w.until(who.Name+" is in the call", func() bool { return w.in(r, who).Mode == m })
	return p
}

// A LiveKit that somebody else runs, which carries calls of others too.
func TestALiveKitElsewhere(t *testing.T) {
	l := livekittest.Start(t)
	w := open(t, func(*world) call.Engine { return remote(l, l.URL, l.Secret) })
	war := w.room(room.New{Name: "war"})
	w.record(war, room.Recorded)
	w.enter(war, w.ann, w.bob)
	for _, who := range []actor.Actor{w.ann, w.bob} {
		w.must(func(tx *db.Tx) error { return w.calls.Consent(ctx, tx, who, war.ID) })
	}
	// Others use the same LiveKit, one of them with names like ours.
	theirs := map[string]*peer.Peer{"board meeting": nil, id.New(): nil}
	for name := range theirs {
		l.Open(ctx, name)
		p, err := w.elsewhere(l.URL, l.Token(name, id.New()))
		if err != nil {
			t.Fatal(err)
		}
		theirs[name] = p
	}

	ann, bob, eve := w.joinElsewhere(w.ann, war, call.Table), w.joinElsewhere(w.bob, war, call.Table), w.joinElsewhere(w.eve, war, call.Gallery)
	voice := w.speak(ann)
	w.speak(bob)
	w.hears(bob, w.ann)
	w.hears(eve, w.ann)
	w.hears(ann, w.bob)
	w.until("both microphones are open", func() bool { return w.in(war, w.ann).Mic && w.in(war, w.bob).Mic })
	if n := w.calls.Calls(); len(n) != 1 || len(n[0].People) != 3 {
		t.Errorf("%+v", n)
	}
	w.must(func(tx *db.Tx) error { return w.calls.Mute(ctx, tx, w.admin, war.ID, w.ann.ID) })
	w.until("ann is muted", func() bool { return voice.Muted() && !w.in(war, w.ann).Mic })
	if err := voice.Mute(false); err != nil {
		t.Fatal(err)
	}
	w.until("it is recorded", func() bool { return w.isRecorded(war) })
	w.hears(eve, w.ann)

	// Who has the key lets anybody into its rooms, but not into ours.
	stranger, err := w.elsewhere(l.URL, l.Token(war.ID, "a stranger"))
	w.removed(stranger, err)
	outsider, err := w.elsewhere(l.URL, l.Token(war.ID, w.person("mallory", "observer").ID))
	if err != nil {
		t.Fatal(err)
	}
	_ = outsider // reads the room, and so may listen

	// Leaving the room ends what is sent; coming back by the old ticket does not help.
	old := bob.Token()
	w.must(func(tx *db.Tx) error { return w.office.Leave(ctx, tx, w.bob) })
	w.out(bob)
	if again, err := w.elsewhere(l.URL, old); err == nil {
		w.out(again)
	}

	for name, p := range theirs {
		if err := p.Err(); err != nil {
			t.Errorf("somebody in %q, a room of others, was put out: %v", name, err)
		}
	}
	if n := w.calls.Calls(); len(n) != 1 {
		t.Errorf("calls of others are shown: %+v", n)
	}

	// It goes away, and comes back having forgotten everything.
	was, token := w.calls.Calls()[0].ID, ann.Token()
	l.Kill()
	<-ann.Done()
	w.until("it is away", func() bool { return w.calls.State() == call.Starting })
	if _, err := w.calls.Join(ctx, w.db.Read(), w.ann, war.ID, call.Table, true); !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
	l.Run()
	w.until("it is back", func() bool { return w.calls.State() == call.Ready })
	ann, err = w.elsewhere(l.URL, token) // as a browser comes back, without asking
	if err != nil {
		t.Fatal(err)
	}
	eve = w.joinElsewhere(w.eve, war, call.Gallery)
	w.speak(ann)
	w.hears(eve, w.ann)
	w.until("it is recorded again", func() bool { return w.isRecorded(war) })
	anns := func(state string) (n int) {
		for _, r := range w.recordings(w.admin, war) {
			if r.UserID == w.ann.ID && (state == "" || r.State == state) {
				n++
			}
		}
		return n
	}
	w.until("ann is heard by the recorder again", func() bool { return anns("") >= 2 })
	if n := w.calls.Calls(); len(n) != 1 || n[0].ID != was {
		t.Errorf("another call: %+v", n)
	}
	for _, p := range []*peer.Peer{ann, eve, outsider} {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	w.clock.Advance(time.Minute) // so long they may take to come back
	w.until("the call is over", func() bool { return len(w.calls.Calls()) == 0 })
	w.until("the room is told who took part", func() bool {
		return slices.ContainsFunc(w.notes(war), func(n string) bool {
			return strings.HasPrefix(n, "The call ended after ") && strings.Contains(n, "The ann") && strings.HasSuffix(n, " took part.")
		})
	})
	w.until("the recordings are kept", func() bool { return anns("kept") >= 2 })
	for _, r := range w.recordings(w.admin, war) {
		opusinfo(t, w.sound(r))
	}
}

// What the doctor says of it.
func TestAskingALiveKitElsewhere(t *testing.T) {
	l := livekittest.Start(t)
	nothing := httptest.NewServer(http.NotFoundHandler())
	defer nothing.Close()
	for _, c := range []struct {
		name, url, secret string
		want              fault.Kind
	}{
		{"wrong secret", l.URL, l.Secret + "x", fault.Denied}, {"no LiveKit", nothing.URL, l.Secret, fault.Invalid},
	} {
		if err := remote(l, c.url, c.secret).Ask(ctx); !fault.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	other := remote(l, l.URL, l.Secret)
	if err := other.Ask(ctx); err != nil {
		t.Error(err)
	}
	l.Kill()
	if err := other.Ask(ctx); !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
	var e *peer.Refused
	if _, err := peer.Connect(ctx, peer.Options{URL: l.URL, Token: "x"}); err == nil || errors.As(err, &e) {
		t.Error("it was not away:", err)
	}
}

// What ends with a sign-in is what was connected by it: not by who asked for a
// ticket and never came, and also when Muster was away meanwhile.
func TestASignInEndsElsewhere(t *testing.T) {
	l := livekittest.Start(t)
	w := open(t, func(*world) call.Engine { return remote(l, l.URL, l.Secret) })
	war := w.room(room.New{Name: "war"})
	w.enter(war, w.ann, w.bob)
	signIn := func(who actor.Actor) actor.Actor {
		t.Helper()
		w.must(func(tx *db.Tx) error {
			_, se, err := w.accounts.CreateToken(ctx, tx, who, who.ID, id.New(), 1)
			who.Session = se.ID
			return err
		})
		return who
	}
	end := func(who actor.Actor) {
		t.Helper()
		w.must(func(tx *db.Tx) error { return w.accounts.RevokeToken(ctx, tx, who, who.Session) })
	}
	ann, bob := signIn(w.ann), signIn(w.bob)
	desk, other := w.joinElsewhere(ann, war, call.Table), w.joinElsewhere(bob, war, call.Table)

	// A second device asks and does not come; its sign-in is not the one that talks.
	laptop := signIn(w.ann)
	if _, err := w.calls.Join(ctx, w.db.Read(), laptop, war.ID, call.Table, false); err != nil {
		t.Fatal(err)
	}
	end(laptop)
	w.clock.Advance(10 * time.Second)
	w.speak(desk)
	w.hears(other, w.ann)
	if err := desk.Err(); err != nil {
		t.Fatalf("ann was put out by the end of another sign-in: %v", err)
	}
	end(ann)
	w.out(desk)

	// Muster goes and comes back; the LiveKit carries the call on meanwhile.
	w.stop()
	w.start(remote(l, l.URL, l.Secret))
	w.until("bob is still there", func() bool { return w.in(war, w.bob).Mode == call.Table && w.in(war, w.bob).Quality != "lost" })
	if err := other.Err(); err != nil {
		t.Fatal(err)
	}
	end(bob)
	w.out(other)
}

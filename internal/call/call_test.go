package call_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"muster/internal/await"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/call"
	"muster/internal/call/livekit"
	"muster/internal/call/livekit/peer"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/room"
)

func TestACallIsOnTheRecord(t *testing.T) {
	w := open(t, nil)
	ops := w.room(room.New{Name: "ops"})
	w.enter(ops, w.ann, w.bob)
	ann := w.join(w.ann, ops, call.Table)
	if p := w.in(ops, w.ann); p.Mic || p.Camera || p.Speaking {
		t.Error("she did not arrive muted", p)
	}
	bob := w.join(w.bob, ops, call.Table)
	eve := w.join(w.eve, ops, call.Gallery)
	voice := w.speak(ann)
	w.hears(bob, w.ann)
	w.hears(eve, w.ann)
	w.until("ann speaks", func() bool { p := w.in(ops, w.ann); return p.Mic && p.Speaking && p.Quality != "lost" })
	if err := voice.Mute(true); err != nil {
		t.Fatal(err)
	}
	w.until("ann is muted", func() bool { return !w.in(ops, w.ann).Mic })
	if err := voice.Mute(false); err != nil {
		t.Fatal(err)
	}
	w.until("ann speaks again", func() bool { return w.in(ops, w.ann).Speaking })
	if _, err := ann.Show(ctx, true); err != nil {
		t.Fatal(err)
	}
	w.until("ann shares", func() bool { return w.in(ops, w.ann).Shares == 1 })
	first := w.calls.Calls()
	if len(first) != 1 || len(first[0].People) != 3 || first[0].RoomID != ops.ID {
		t.Fatalf("%+v", first)
	}
	// A second tab of one person takes over, which is neither leaving nor coming.
	again, err := w.connect(w.bob, w.ticket(w.bob, ops, call.Table).Token)
	if err != nil {
		t.Fatal(err)
	}
	<-bob.Done()
	var gone *peer.Gone
	if !errors.As(bob.Err(), &gone) || gone.Reason != "DUPLICATE_IDENTITY" {
		t.Error(bob.Err())
	}
	w.hears(again, w.ann)
	for _, p := range []*peer.Peer{ann, again, eve} {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	w.until("the call is over", func() bool { return len(w.calls.Calls()) == 0 })
	w.written("Started system:call", "Joined ann", "Joined bob", "Joined eve", "Spoke ann", "Shared ann", "Left ann", "Left bob", "Left eve", "Ended system:call")
	// It was short: the line that it began says now how it was.
	if n := w.notes(ops); len(n) != 1 || !strings.HasPrefix(n[0], "The call ended after ") || !strings.Contains(n[0], "The ann spoke. The ann shared a screen. The bob and The eve listened.") {
		t.Errorf("%q", n)
	}
	w.enter(ops, w.ann)
	_ = w.join(w.ann, ops, call.Table)
	if next := w.calls.Calls(); len(next) != 1 || next[0].ID == first[0].ID {
		t.Error("the next call is the last one", next)
	}
}

// TestMediaEndsWithTheRight is every way to lose the right to take part.
func TestMediaEndsWithTheRight(t *testing.T) {
	w := open(t, nil)
	for name, c := range map[string]struct {
		mode call.Mode
		lose func(r room.Room, who actor.Actor)
		code int // of coming back with the same ticket
	}{
		"leaves the room": {call.Table, func(_ room.Room, who actor.Actor) {
			w.must(func(tx *db.Tx) error { return w.office.Leave(ctx, tx, who) })
		}, 409},
		"goes elsewhere": {call.Table, func(_ room.Room, who actor.Actor) { w.enter(w.room(room.New{Name: "else"}), who) }, 409},
		"sent home": {call.Table, func(r room.Room, who actor.Actor) {
			w.must(func(tx *db.Tx) error { return w.office.SendHome(ctx, tx, w.admin, r.ID, who.ID, "later") })
		}, 409},
		"room archived": {call.Gallery, func(r room.Room, _ actor.Actor) {
			yes := true
			w.must(func(tx *db.Tx) error {
				_, err := w.rooms.Update(ctx, tx, w.admin, r.ID, room.Change{Archived: &yes})
				return err
			})
		}, 409},
		"account closed": {call.Table, func(_ room.Room, who actor.Actor) {
			yes := true
			w.must(func(tx *db.Tx) error {
				_, err := w.accounts.Update(ctx, tx, w.admin, who.ID, account.Change{Disabled: &yes})
				return err
			})
		}, 401},
		"membership of a private room": {call.Gallery, func(r room.Room, who actor.Actor) {
			w.must(func(tx *db.Tx) error { return w.rooms.Leave(ctx, tx, who, r.ID, who.ID) })
		}, 404},
		"sign-in revoked": {call.Table, func(_ room.Room, who actor.Actor) {
			w.must(func(tx *db.Tx) error {
				all, err := w.accounts.Tokens(ctx, tx, who.ID)
				if err != nil {
					return err
				}
				return w.accounts.RevokeToken(ctx, tx, who, all[0].ID)
			})
		}, 401},
		"sign-in expired": {call.Table, func(room.Room, actor.Actor) { w.clock.Advance(25 * time.Hour) }, 401},
	} {
		t.Run(name, func(t *testing.T) {
			was := w.T
			w.T = t
			defer func() { w.T = was }()
			who := w.person("p"+id.New()[24:], "responder")
			r := w.room(room.New{Name: name, Private: strings.Contains(name, "private"), Members: []string{who.ID}})
			if c.mode == call.Table {
				w.enter(r, who)
			}
			ticket := w.ticket(who, r, c.mode)
			p, err := w.connect(who, ticket.Token)
			if err != nil {
				t.Fatal(err)
			}
			w.until("they are in", func() bool { return w.in(r, who).UserID != "" })
			if c.mode == call.Table {
				w.speak(p)
			}
			began := time.Now()
			c.lose(r, who)
			w.out(p)
			if d := time.Since(began); d > 2*time.Second {
				t.Error("their media went on for", d)
			}
			w.refused(who, ticket.Token, c.code)
			w.until("they are gone", func() bool { return w.in(r, who).UserID == "" })
		})
	}
}

func TestTicketsThatAreNotGood(t *testing.T) {
	w := open(t, nil)
	ops, secret := w.room(room.New{Name: "ops"}), w.room(room.New{Name: "secret", Private: true})
	w.enter(ops, w.ann)
	good := w.ticket(w.ann, ops, call.Table).Token
	w.refused(w.bob, good, 403)
	for name, token := range map[string]string{"none": "", "garbage": "a.b.c", "cut": good[:len(good)-3], "other": strings.Replace(good, ".", "..", 1), "long": strings.Repeat("x", 10000)} {
		if _, err := w.connect(w.ann, token); err == nil || !w.isRefused(err, 403) {
			t.Error(name, err)
		}
	}
	for _, name := range []string{secret.ID, "secret", "ops", "../" + ops.ID, ops.ID + "/..", "ops\x00", strings.Repeat("r", 5000), "комната", "%2e%2e", ""} {
		tk, err := w.deps.Engine.Issue(call.Grant{Room: name, Person: w.ann.ID, Mode: call.Gallery})
		if err != nil {
			continue
		}
		if _, err := w.connect(w.ann, tk.Token); err == nil {
			t.Errorf("let into %q", name)
		} else if no := (*peer.Refused)(nil); !errors.As(err, &no) || no.Status < 400 || no.Status >= 500 {
			t.Errorf("%q: %v", name, err)
		}
	}
	for what, err := range map[string]error{
		"a bot":        joinErr(w, actor.Actor{ID: w.ann.ID, Kind: actor.Bot, Groups: w.ann.Groups}, ops, call.Gallery),
		"the system":   joinErr(w, actor.System("x"), ops, call.Gallery),
		"from outside": joinErr(w, w.bob, ops, call.Table),
		"an observer":  joinErr(w, w.eve, ops, call.Table),
		"not a member": joinErr(w, w.bob, secret, call.Gallery),
		"no room":      joinErr(w, w.bob, room.Room{ID: "nowhere"}, call.Gallery),
	} {
		if err == nil || fault.KindOf(err) == fault.Internal {
			t.Error(what, err)
		}
	}
	// Nobody but who signed in gets as far as a ticket, and nothing but joining is behind the door.
	for _, path := range []string{"/media/rtc?access_token=" + good, "/media/rtc/validate?access_token=" + good, "/media/rtc/v1?access_token=" + good} {
		if resp, err := http.Get(w.server.URL + path); err != nil || resp.StatusCode != 401 {
			t.Error(path, err, resp.StatusCode)
		}
	}
	for _, path := range []string{"/media/twirp/livekit.RoomService/ListRooms", "/media/", "/media/rtcx", "/media/rtc/../twirp/livekit.RoomService/ListRooms", "/media/settings"} {
		for _, method := range []string{"GET", "POST"} {
			req := httptest.NewRequestWithContext(ctx, method, path, nil)
			req.Header = w.sign(w.ann)
			rec := httptest.NewRecorder()
			w.server.Config.Handler.ServeHTTP(rec, req)
			if rec.Code < 300 {
				t.Error(method, path, rec.Code)
			}
		}
	}
	if len(w.calls.Calls()) > 0 {
		t.Error(w.calls.Calls())
	}
}

func joinErr(w *world, who actor.Actor, r room.Room, m call.Mode) error {
	_, err := w.calls.Join(ctx, w.db.Read(), who, r.ID, m, false)
	return err
}

// Whoever gets around the door with a ticket that was good is put out.
func TestATicketAtTheEngineItself(t *testing.T) {
	w := open(t, nil)
	ops := w.room(room.New{Name: "ops"})
	w.enter(ops, w.ann, w.bob)
	bob := w.join(w.bob, ops, call.Table)
	w.speak(bob)
	ticket := w.ticket(w.ann, ops, call.Table)
	back := httptest.NewServer(w.deps.Engine.Signalling())
	defer back.Close()
	direct := func(token string) {
		p, err := peer.Connect(ctx, peer.Options{URL: back.URL + "/media", Token: token})
		w.removed(p, err)
	}
	direct(ticket.Token)
	stranger, err := w.deps.Engine.Issue(call.Grant{Room: ops.ID, Person: "mallory", Mode: call.Table})
	if err != nil {
		t.Fatal(err)
	}
	direct(stranger.Token)
	made, err := w.deps.Engine.Issue(call.Grant{Room: ops.ID, Person: id.New(), Mode: call.Table})
	if err != nil {
		t.Fatal(err)
	}
	direct(made.Token)
	for _, p := range w.calls.Calls()[0].People {
		if p.UserID == "mallory" {
			t.Error("a stranger shows")
		}
	}
}

func TestHandReactionsAndWhispers(t *testing.T) {
	w := open(t, nil)
	ops := w.room(room.New{Name: "ops"})
	w.enter(ops, w.ann, w.bob)
	q := w.db.Read()
	if err := w.calls.Hand(ctx, q, w.ann, ops.ID, true); !fault.Is(err, fault.Conflict) {
		t.Error(err)
	}
	ann, bob := w.join(w.ann, ops, call.Table), w.join(w.bob, ops, call.Table)
	eve := w.join(w.eve, ops, call.Gallery)
	_, _, _ = ann, bob, eve
	if err := w.calls.Hand(ctx, q, w.eve, ops.ID, true); err != nil {
		t.Fatal(err)
	}
	since := w.in(ops, w.eve).HandAt
	if since == nil {
		t.Fatal("her hand is down")
	}
	w.clock.Advance(time.Second)
	if err := w.calls.Hand(ctx, q, w.eve, ops.ID, true); err != nil || !w.in(ops, w.eve).HandAt.Equal(*since) {
		t.Error("raising it twice moved her back", err)
	}
	if err := w.calls.Hand(ctx, q, w.eve, ops.ID, false); err != nil || w.in(ops, w.eve).HandAt != nil {
		t.Error(err)
	}
	if err := w.calls.React(ctx, q, w.ann, ops.ID, "👍"); err != nil {
		t.Fatal(err)
	}
	if err := w.calls.React(ctx, q, w.ann, ops.ID, "👍"); !fault.Is(err, fault.RateLimited) {
		t.Error(err)
	}
	if err := w.calls.React(ctx, q, w.bob, ops.ID, "<script>"); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
	w.mu.Lock()
	if len(w.reacted) != 3 {
		t.Error("a reaction went to", w.reacted)
	}
	w.mu.Unlock()
	whisper := func(who actor.Actor, to string) error {
		return w.try(func(tx *db.Tx) error { return w.calls.Whisper(ctx, tx, who, ops.ID, to) })
	}
	if err := whisper(w.ann, w.ann.ID); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
	if err := whisper(w.ann, w.admin.ID); !fault.Is(err, fault.Conflict) || w.in(ops, w.ann).WhisperTo != "" {
		t.Error(err)
	}
	if err := whisper(w.eve, w.ann.ID); !fault.Is(err, fault.Conflict) {
		t.Error("the gallery whispers", err)
	}
	if err := whisper(w.ann, w.bob.ID); err != nil || w.in(ops, w.ann).WhisperTo != w.bob.ID {
		t.Error(err)
	}
	if err := bob.Close(); err != nil {
		t.Fatal(err)
	}
	w.until("ann whispers to nobody", func() bool { return w.in(ops, w.ann).WhisperTo == "" })
	w.written("Started system:call", "Joined ann", "Joined bob", "Joined eve", "Whispered ann", "Left bob")
}

func TestModerating(t *testing.T) {
	w := open(t, nil)
	ops := w.room(room.New{Name: "ops"})
	w.enter(ops, w.ann, w.bob)
	ann, bob := w.join(w.ann, ops, call.Table), w.join(w.bob, ops, call.Table)
	voice := w.speak(ann)
	w.hears(bob, w.ann)
	mute := func(who, whom actor.Actor) error {
		return w.try(func(tx *db.Tx) error { return w.calls.Mute(ctx, tx, who, ops.ID, whom.ID) })
	}
	move := func(who, whom actor.Actor, m call.Mode) error {
		return w.try(func(tx *db.Tx) error { return w.calls.Move(ctx, tx, who, ops.ID, whom.ID, m) })
	}
	if err := mute(w.bob, w.ann); !fault.Is(err, fault.Denied) {
		t.Error(err)
	}
	if err := move(w.bob, w.ann, call.Gallery); !fault.Is(err, fault.Denied) {
		t.Error(err)
	}
	if err := mute(w.admin, w.eve); !fault.Is(err, fault.Conflict) {
		t.Error(err)
	}
	if err := mute(w.admin, w.ann); err != nil {
		t.Fatal(err)
	}
	w.until("ann is muted, and her own side knows", func() bool { return !w.in(ops, w.ann).Mic && voice.Muted() })
	if err := voice.Mute(false); err != nil {
		t.Fatal(err)
	}
	w.until("ann opened her microphone again", func() bool { return w.in(ops, w.ann).Mic })

	if err := move(w.admin, w.ann, call.Gallery); err != nil {
		t.Fatal(err)
	}
	w.until("ann listens", func() bool { p := w.in(ops, w.ann); return p.Mode == call.Gallery && !p.Mic })
	if err := joinErr(w, w.ann, ops, call.Table); !fault.Is(err, fault.Denied) {
		t.Error("back by another ticket", err)
	}
	if err := move(w.ann, w.ann, call.Table); !fault.Is(err, fault.Denied) {
		t.Error("back by herself", err)
	}
	if err := ann.Close(); err != nil {
		t.Fatal(err)
	}
	w.until("ann is gone", func() bool { return w.in(ops, w.ann).UserID == "" })
	if err := joinErr(w, w.ann, ops, call.Table); !fault.Is(err, fault.Denied) {
		t.Error("back by leaving and coming", err)
	}
	again := w.join(w.ann, ops, call.Gallery)
	if err := move(w.admin, w.ann, call.Table); err != nil {
		t.Fatal(err)
	}
	w.until("ann may speak", func() bool { return w.in(ops, w.ann).Mode == call.Table && again.People()[w.ann.ID].Speaks })
	w.speak(again)
	w.hears(bob, w.ann)
	// From outside nobody is brought to the table.
	_ = w.join(w.eve, ops, call.Gallery)
	if err := move(w.admin, w.eve, call.Table); !fault.Is(err, fault.Conflict) {
		t.Error(err)
	}
	// Oneself, both ways.
	if err := move(w.bob, w.bob, call.Gallery); err != nil {
		t.Fatal(err)
	}
	w.until("bob listens", func() bool { return w.in(ops, w.bob).Mode == call.Gallery && !bob.People()[w.bob.ID].Speaks })
	if err := move(w.bob, w.bob, call.Table); err != nil {
		t.Fatal(err)
	}
	w.until("bob may speak", func() bool { return bob.People()[w.bob.ID].Speaks })
	// A new ticket for the other mode is as good as moving.
	other, err := w.connect(w.bob, w.ticket(w.bob, ops, call.Gallery).Token)
	if err != nil {
		t.Fatal(err)
	}
	w.until("bob listens from another tab", func() bool { return w.in(ops, w.bob).Mode == call.Gallery })
	if err := other.Close(); err != nil {
		t.Error(err)
	}
}

func TestACallIsTakenUpAfterARestart(t *testing.T) {
	w := open(t, nil)
	ops, old := w.room(room.New{Name: "ops"}), w.room(room.New{Name: "old"})
	w.enter(ops, w.ann, w.bob)
	ann, bob := w.join(w.ann, ops, call.Table), w.join(w.bob, ops, call.Table)
	_ = w.join(w.admin, old, call.Gallery)
	w.speak(ann)
	w.until("ann speaks", func() bool { return w.in(ops, w.ann).Speaking })
	if err := w.try(func(tx *db.Tx) error { return w.calls.Move(ctx, tx, w.admin, ops.ID, w.bob.ID, call.Gallery) }); err != nil {
		t.Fatal(err)
	}
	w.written("Started system:call", "Started system:call", "Joined root", "Joined ann", "Joined bob", "Spoke ann", "Moved root")
	callID := w.calls.Calls()[0].ID
	w.stop()
	<-ann.Done()
	<-bob.Done()
	w.server.CloseClientConnections()

	e, err := livekit.NewLocal(livekit.Settings{Local: true}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w.start(e)
	calls := w.calls.Calls()
	if len(calls) != 2 || calls[0].ID != callID || len(calls[0].People) != 2 || calls[0].People[0].Quality != "lost" {
		t.Fatalf("%+v", calls)
	}
	ann = w.join(w.ann, ops, call.Table)
	w.speak(ann)
	w.until("ann speaks", func() bool { return w.in(ops, w.ann).Speaking })
	if err := joinErr(w, w.bob, ops, call.Table); !fault.Is(err, fault.Denied) {
		t.Error("who was moved to the gallery is back at the table", err)
	}
	w.clock.Advance(25 * time.Second) // and the others did not come back
	w.until("only ann is there", func() bool { return len(w.calls.Calls()) == 1 && len(w.calls.Calls()[0].People) == 1 })
	w.written("Started system:call", "Started system:call", "Joined root", "Joined ann", "Joined bob", "Spoke ann", "Moved root", "Left bob", "Left root", "Ended system:call")

	// Muster was away for an hour: the call ended when it was last known to go on.
	w.stop()
	w.server.CloseClientConnections()
	w.clock.Advance(time.Hour)
	if e, err = livekit.NewLocal(livekit.Settings{Local: true}, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	w.start(e)
	w.written("Started system:call", "Started system:call", "Joined root", "Joined ann", "Joined bob", "Spoke ann", "Moved root", "Left bob", "Left root", "Ended system:call", "Left ann", "Ended system:call")
	if n := w.notes(ops); len(n) != 1 || strings.Contains(n[0], " h ") {
		t.Errorf("%q", n)
	}
	w.enter(ops, w.ann)
	_ = w.join(w.ann, ops, call.Table)
	if w.calls.Calls()[0].ID == callID {
		t.Error("the next call is the last one")
	}
}

// The media process is killed: whoever talked talks again within five seconds,
// in the same call, and nobody is recorded to have left it.
func TestTheEngineIsKilled(t *testing.T) {
	w := open(t, child)
	ops := w.room(room.New{Name: "ops"})
	w.enter(ops, w.ann, w.bob)
	ann, bob := w.join(w.ann, ops, call.Table), w.join(w.bob, ops, call.Table)
	w.speak(ann)
	w.hears(bob, w.ann)
	w.until("ann speaks", func() bool { return w.in(ops, w.ann).Speaking })
	was := w.calls.Calls()[0]
	c := w.deps.Engine.(*livekit.Child)
	tokens := map[string]string{w.ann.ID: ann.Token(), w.bob.ID: bob.Token()}
	pid := c.PID()
	kill(t, pid)
	began := time.Now()
	<-ann.Done()
	<-bob.Done()
	back := func(who actor.Actor) *peer.Peer {
		for {
			p, err := w.connect(who, tokens[who.ID])
			if err == nil {
				return p
			}
			if time.Since(began) > 10*time.Second {
				t.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond) // as a browser tries again
		}
	}
	ann, bob = back(w.ann), back(w.bob)
	w.speak(ann)
	w.hears(bob, w.ann)
	if d := time.Since(began); d > 5*time.Second {
		t.Error("sound came back after", d)
	} else {
		t.Log("sound came back after", d)
	}
	if c.PID() == pid || c.Restarts() != 1 {
		t.Error(c.PID(), c.Restarts())
	}
	w.until("both are seen", func() bool { return w.in(ops, w.ann).Speaking && w.in(ops, w.bob).Quality != "lost" })
	w.clock.Advance(time.Minute)
	w.until("they still are", func() bool { return w.in(ops, w.ann).Speaking })
	if now := w.calls.Calls(); len(now) != 1 || now[0].ID != was.ID || !now[0].StartedAt.Equal(was.StartedAt) || len(now[0].People) != 2 {
		t.Errorf("%+v", now)
	}
	w.written("Started system:call", "Joined ann", "Joined bob", "Spoke ann")
}

// Presence, rooms and sign-ins change while calls do, and somebody subscribes to
// the bus: none may wait for another.
func TestNothingWaitsForEachOther(t *testing.T) {
	w := open(t, nil)
	ops := w.room(room.New{Name: "ops"})
	w.enter(ops, w.ann, w.bob)
	_ = w.join(w.ann, ops, call.Table)
	stop, done := make(chan struct{}), make(chan struct{})
	n := 0
	for _, busy := range []func(){
		func() { w.bus.Publish("presence", w.ann.ID) },
		func() { w.bus.Publish("rooms", ops) },
		func() { w.bus.Subscribe(func(string, any) {})() },
		func() { w.bus.Publish(account.SessionTopic, account.SessionEnded{SessionID: "none"}) },
		func() { w.calls.Calls() },
		func() { _ = w.calls.Hand(ctx, w.db.Read(), w.ann, ops.ID, true) },
		func() { _ = w.calls.Hand(ctx, w.db.Read(), w.ann, ops.ID, false) },
	} {
		n++
		go func() {
			for {
				select {
				case <-stop:
					done <- struct{}{}
					return
				default:
					busy()
				}
			}
		}()
	}
	bob := w.join(w.bob, ops, call.Table)
	w.speak(bob)
	w.until("bob speaks", func() bool { return w.in(ops, w.bob).Speaking })
	close(stop)
	for range n {
		select {
		case <-done:
		case <-time.After(await.Limit):
			t.Fatal("somebody waits for ever")
		}
	}
}

// A closed laptop is greyed in the call as soon as it is missed, and leaves it long
// before the engine gives up; who sends is there, whatever their screen does.
func TestAClosedLaptop(t *testing.T) {
	w := open(t, nil)
	r := w.room(room.New{Name: "ops"})
	w.enter(r, w.ann, w.bob)
	w.office.Connected(w.ann.ID, "laptop")
	laptop := w.office.Connected(w.bob.ID, "laptop")
	ann, bob := w.join(w.ann, r, call.Table), w.join(w.bob, r, call.Table)
	w.speak(bob)
	w.hears(ann, w.bob)

	w.office.Silent(w.ann.ID, "laptop", true) // she only listens
	w.until("ann is lost", func() bool { return w.in(r, w.ann).Quality == "lost" })
	w.office.Silent(w.ann.ID, "laptop", false)
	w.until("ann is back", func() bool { return w.in(r, w.ann).Quality != "lost" })

	w.office.Silent(w.bob.ID, "laptop", true)
	w.until("what bob says is a sign of life", func() bool { return w.office.Online(w.bob.ID) && w.in(r, w.bob).Quality != "lost" })
	w.clock.Advance(30 * time.Second)
	w.hears(ann, w.bob)
	if p := w.in(r, w.bob); p.UserID == "" || p.Quality == "lost" || !w.office.Online(w.bob.ID) {
		t.Fatalf("bob talks, and is taken for gone: %+v", p)
	}
	laptop()
	w.office.Silent(w.ann.ID, "laptop", true)
	w.until("ann is lost", func() bool { return w.in(r, w.ann).Quality == "lost" })
	w.clock.Advance(7 * time.Second)
	w.until("ann left", func() bool { return w.in(r, w.ann).UserID == "" })
	// She opens it again: the engine has kept her, and so has Muster.
	w.office.Silent(w.ann.ID, "laptop", false)
	w.until("ann is in the call again", func() bool { return w.in(r, w.ann).UserID != "" })
	w.hears(ann, w.bob)
}

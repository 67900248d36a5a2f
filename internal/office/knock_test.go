package office_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"muster/internal/actor"
	"muster/internal/await"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
	"muster/internal/message"
	"muster/internal/office"
	"muster/internal/room"
)

// behind makes a room with a closed door and ann inside.
func (w *world) behind(kind, door string) (r room.Room) {
	w.t.Helper()
	w.must(func(tx *db.Tx) (err error) {
		if r, err = w.rooms.Create(ctx, tx, w.admin, room.New{Name: kind + " " + door, Kind: kind}); err != nil {
			return err
		}
		_, err = w.office.Enter(ctx, tx, w.ann, r.ID, 0)
		return err
	})
	w.office.Connected(w.ann.ID, "a")
	w.must(func(tx *db.Tx) error {
		who := w.ann
		if door == "locked" {
			who = w.admin
		}
		_, err := w.office.TurnDoor(ctx, tx, who, r.ID, door)
		return err
	})
	return r
}

func (w *world) enter(who actor.Actor, roomID string) error {
	return w.do(func(tx *db.Tx) error {
		_, err := w.office.Enter(ctx, tx, who, roomID, 0)
		return err
	})
}

func (w *world) knocks(who actor.Actor, roomID string) (k office.Knock, err error) {
	err = w.do(func(tx *db.Tx) error {
		k, err = w.office.Knock(ctx, tx, who, roomID, "it is about the cut-off")
		return err
	})
	return k, err
}

func TestKnockAndComeIn(t *testing.T) {
	w := open(t)
	r := w.behind("meeting", "closed")
	if err := w.enter(w.bob, r.ID); !fault.Is(err, fault.Denied) || !strings.Contains(fault.Message(err), "Knock") {
		t.Fatalf("through a closed door: %v", err)
	}
	w.told()
	k, err := w.knocks(w.bob, r.ID)
	if err != nil || k.State != "pending" || k.ExpiresAt.Sub(k.CreatedAt) != office.KnockExpiry {
		t.Fatalf("%+v %v", k, err)
	}
	if again, err := w.knocks(w.bob, r.ID); err != nil || again.ID != k.ID {
		t.Errorf("a second knock: %+v %v", again, err)
	}
	heard := w.told()
	for _, person := range []string{w.ann.ID, w.bob.ID} {
		if !slices.ContainsFunc(heard, func(h string) bool {
			return strings.HasPrefix(h, "user:"+person+" ") && strings.Contains(h, `"type":"knock"`)
		}) {
			t.Errorf("%s heard nothing: %v", person, heard)
		}
	}
	// Neither who knocks nor who is elsewhere opens.
	for _, who := range []actor.Actor{w.bob, w.watcher} {
		if err := w.do(func(tx *db.Tx) error { _, err := w.office.LetIn(ctx, tx, who, k.ID); return err }); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s opened: %v", who.Name, err)
		}
	}
	w.office.Connected(w.bob.ID, "b")
	w.must(func(tx *db.Tx) error {
		got, err := w.office.LetIn(ctx, tx, w.ann, k.ID)
		if got.State != "admitted" || got.AnsweredBy != w.ann.ID {
			t.Errorf("%+v", got)
		}
		return err
	})
	if at, _ := w.office.Location(ctx, w.d.Read(), w.bob.ID); at == nil || at.Room != r.ID {
		t.Errorf("bob is at %+v", at)
	}
	if err := w.do(func(tx *db.Tx) error { _, err := w.office.TurnAway(ctx, tx, w.ann, k.ID, "no"); return err }); !fault.Is(err, fault.Conflict) {
		t.Errorf("answered twice: %v", err)
	}
	// The last one out leaves the door open.
	w.must(func(tx *db.Tx) error { return w.office.Leave(ctx, tx, w.ann) })
	if now, _ := w.rooms.Get(ctx, w.d.Read(), r.ID); now.Door != "closed" {
		t.Errorf("bob is still inside, and the door is %s", now.Door)
	}
	w.must(func(tx *db.Tx) error { return w.office.Leave(ctx, tx, w.bob) })
	if now, _ := w.rooms.Get(ctx, w.d.Read(), r.ID); now.Door != "open" {
		t.Errorf("nobody is inside, and the door is %s", now.Door)
	}
	es, err := w.ledger.Events(ctx, w.d.Read(), ledger.Filter{Room: r.ID, Kinds: []string{"office.Knocked", "office.KnockAnswered"}, Limit: 10})
	if err != nil || len(es) != 2 || es[1].Fields["state"] != "admitted" || es[1].ActorID != w.ann.ID {
		t.Errorf("on record: %+v %v", es, err)
	}
}

func TestKnockThatNobodyAnswers(t *testing.T) {
	w := open(t)
	r := w.behind("meeting", "closed")
	if _, err := w.knocks(w.bob, r.ID); err != nil {
		t.Fatal(err)
	}
	w.tasks.Start()
	t.Cleanup(w.tasks.Stop)
	w.clock.Advance(office.KnockExpiry)
	deadline := time.Now().Add(await.Limit)
	for {
		ks, err := w.office.Knocks(ctx, w.d.Read(), w.bob)
		if err != nil {
			t.Fatal(err)
		}
		if len(ks) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the knock did not expire")
		}
		time.Sleep(5 * time.Millisecond) // the worker is another goroutine on a real database
	}
	ms, err := w.messages.History(ctx, w.d.Read(), w.ann, r.ID, message.Range{})
	if err != nil {
		t.Fatal(err)
	}
	last := ms.Items[len(ms.Items)-1]
	if last.Text != "bob knocked at 14:00 UTC and nobody answered." {
		t.Errorf("the chat says %q", last.Text)
	}
}

func TestWhoGetsThroughADoor(t *testing.T) {
	w := open(t)
	join := func(who actor.Actor, r room.Room) {
		w.must(func(tx *db.Tx) error { return w.rooms.Join(ctx, tx, w.admin, r.ID, who.ID) })
	}
	closed, locked, war := w.behind("meeting", "closed"), w.behind("team", "locked"), w.behind("incident", "closed")
	for _, r := range []room.Room{closed, locked, war} {
		join(w.bob, r)
	}
	// ann is in the war room now: nobody is behind the closed door of the meeting.
	if err := w.enter(w.watcher, closed.ID); err != nil {
		t.Errorf("an empty room keeps people out: %v", err)
	}
	for r, want := range map[string]bool{locked.ID: true, war.ID: true} {
		if err := w.enter(w.bob, r); (err == nil) != want {
			t.Errorf("a member: %v", err)
		}
		if err := w.enter(w.watcher, r); !fault.Is(err, fault.Denied) {
			t.Errorf("a stranger: %v", err)
		}
	}
	// Nobody is in the locked room: a knock would be heard by none.
	if err := w.enter(w.bob, war.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.knocks(w.watcher, locked.ID); !fault.Is(err, fault.Conflict) {
		t.Errorf("knocked at an empty room: %v", err)
	}
	if _, err := w.knocks(w.bob, war.ID); !fault.Is(err, fault.Conflict) {
		t.Errorf("knocked from inside: %v", err)
	}
	// Locking takes the right to change the room; so does unlocking.
	for _, door := range []string{"locked", "shut"} {
		if err := w.do(func(tx *db.Tx) error { _, err := w.office.TurnDoor(ctx, tx, w.watcher, closed.ID, door); return err }); err == nil {
			t.Errorf("an observer turned the door to %s", door)
		}
	}
}

func TestKnockFlood(t *testing.T) {
	w := open(t)
	r := w.behind("meeting", "closed")
	tries := 0
	for ; tries < 20; tries++ {
		k, err := w.knocks(w.bob, r.ID)
		if fault.Is(err, fault.RateLimited) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		w.must(func(tx *db.Tx) error { _, err := w.office.Withdraw(ctx, tx, w.bob, k.ID); return err })
	}
	if tries != 6 {
		t.Errorf("%d knocks in a minute", tries)
	}
	w.clock.Advance(time.Minute)
	if _, err := w.knocks(w.bob, r.ID); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

func TestSendHome(t *testing.T) {
	w := open(t)
	r := w.behind("meeting", "closed")
	send := func(who actor.Actor) error {
		return w.do(func(tx *db.Tx) error { return w.office.SendHome(ctx, tx, who, r.ID, w.ann.ID, "the meeting is over") })
	}
	if err := send(w.bob); !fault.Is(err, fault.Denied) {
		t.Errorf("bob sent ann home: %v", err)
	}
	if err := send(w.admin); err != nil {
		t.Fatal(err)
	}
	if at, _ := w.office.Location(ctx, w.d.Read(), w.ann.ID); at != nil {
		t.Errorf("ann is still at %+v", at)
	}
	if err := send(w.admin); !fault.Is(err, fault.Conflict) {
		t.Errorf("sent home twice: %v", err)
	}
}

func TestKnockEndsWhenTheDoorWasOpenedInstead(t *testing.T) {
	w := open(t)
	r := w.behind("meeting", "closed")
	k, err := w.knocks(w.bob, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.must(func(tx *db.Tx) error { _, err := w.office.TurnDoor(ctx, tx, w.ann, r.ID, "open"); return err })
	if err := w.enter(w.bob, r.ID); err != nil {
		t.Fatal(err)
	}
	if left, err := w.office.Knocks(ctx, w.d.Read(), w.bob); err != nil || len(left) != 0 {
		t.Errorf("bob is inside and still knocks: %+v %v", left, err)
	}
	if err := w.do(func(tx *db.Tx) error { _, err := w.office.LetIn(ctx, tx, w.ann, k.ID); return err }); !fault.Is(err, fault.Conflict) {
		t.Errorf("answered after they came in: %v", err)
	}
}

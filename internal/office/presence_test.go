package office_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"muster/internal/await"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
	"muster/internal/office"
	"muster/internal/room"
)

// shows follows what is told of a person's presence.
func (w *world) shows(person string) (next func(want office.Reach)) {
	told := make(chan struct{}, 64)
	w.bus.Subscribe(func(topic string, payload any) {
		if topic == "presence" && payload == person {
			told <- struct{}{}
		}
	})
	return func(want office.Reach) {
		w.t.Helper()
		select {
		case <-told:
		case <-time.After(await.Limit):
			w.t.Fatalf("nobody was told that they are %s", want)
		}
		if got := w.office.Reach(person); got != want {
			w.t.Fatalf("they are %s, want %s", got, want)
		}
	}
}

func TestReachIsThatOfAllDevices(t *testing.T) {
	w := open(t)
	told := w.shows(w.ann.ID)
	phone := w.office.Connected(w.ann.ID, "phone")
	told(office.Here) // it has not said anything yet
	w.clock.Advance(time.Hour)
	if r := w.office.Reach(w.ann.ID); r != office.Here {
		t.Fatal("a device that says nothing was taken for an idle one:", r)
	}
	w.office.Used(w.ann.ID, "phone", 0)
	told(office.Active)
	w.clock.Advance(office.ActiveFor)
	told(office.Here)
	w.clock.Advance(office.AwayAfter - office.ActiveFor)
	told(office.Idle)

	// Another device, used just now, counts for all; its end does not undo that.
	laptop := w.office.Connected(w.ann.ID, "laptop")
	w.office.Used(w.ann.ID, "laptop", 3*time.Second)
	told(office.Active)
	laptop()
	w.clock.Advance(office.Grace)
	if r := w.office.Reach(w.ann.ID); r != office.Active {
		t.Fatal("one of two devices closed:", r)
	}
	// An older word of another device changes nothing.
	w.office.Used(w.ann.ID, "phone", time.Hour)
	w.office.Used(w.ann.ID, "nobody's", 0)
	if r := w.office.Reach(w.ann.ID); r != office.Active {
		t.Fatal(r)
	}

	// Silence needs no grace, and what is heard again is at once.
	w.office.Silent(w.ann.ID, "phone", true)
	told(office.Gone)
	w.office.Silent(w.ann.ID, "phone", false)
	told(office.Active)
	phone()
	w.clock.Advance(office.Grace)
	told(office.Gone)
	w.office.Used(w.ann.ID, "phone", 0)
	if w.office.Online(w.ann.ID) {
		t.Fatal("a device that is gone was used")
	}
}

func TestWhoseMediaComesInIsThere(t *testing.T) {
	w := open(t)
	w.office.Media(w.ann.ID, true)
	if w.office.Online(w.ann.ID) {
		t.Fatal("media of somebody who never connected was taken for them")
	}
	told := w.shows(w.ann.ID)
	laptop := w.office.Connected(w.ann.ID, "laptop")
	told(office.Here)
	w.office.Used(w.ann.ID, "laptop", 0)
	told(office.Active)
	// A laptop that is busy with the screen it shows is late with its beats.
	w.office.Media(w.ann.ID, true)
	w.office.Silent(w.ann.ID, "laptop", true)
	if r := w.office.Reach(w.ann.ID); r != office.Active {
		t.Fatal("they talk, and are shown as", r)
	}
	w.office.Media(w.ann.ID, false)
	told(office.Gone)
	w.office.Silent(w.ann.ID, "laptop", false)
	told(office.Active)

	// Closed, or only reloaded: its socket ends first, and the grace runs from there.
	w.office.Media(w.ann.ID, true)
	laptop()
	w.office.Media(w.ann.ID, false)
	if !w.office.Online(w.ann.ID) {
		t.Fatal("a page that reloads is offline")
	}
	w.clock.Advance(office.Grace)
	told(office.Gone)
}

func TestStateOrder(t *testing.T) {
	said := func(s string) account.Availability { return account.Availability{State: s} }
	for _, c := range []struct {
		said  string
		reach office.Reach
		talks bool
		want  string
	}{
		{"available", office.Here, false, "available"}, {"available", office.Active, false, "active"}, {"available", office.Idle, false, "away"},
		{"", office.Here, false, "available"}, {"busy", office.Idle, false, "busy"}, {"away", office.Active, false, "away"},
		{"available", office.Idle, true, "call"}, {"busy", office.Here, true, "call"}, {"dnd", office.Active, true, "dnd"},
		{"dnd", office.Gone, true, "offline"}, {"available", office.Gone, false, "offline"},
	} {
		if got := office.State(said(c.said), c.reach, c.talks); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestStatusEndsByItself(t *testing.T) {
	w := open(t)
	w.tasks.Start()
	defer w.tasks.Stop()
	told := make(chan struct{}, 8)
	w.bus.Subscribe(func(topic string, payload any) {
		if topic == "presence" && payload == w.ann.ID {
			told <- struct{}{}
		}
	})
	set := func(in account.Availability) {
		t.Helper()
		w.must(func(tx *db.Tx) error {
			_, err := w.office.SetAvailability(ctx, tx, w.ann, in)
			return err
		})
		<-told
	}
	now := func() account.Availability {
		t.Helper()
		av, err := w.accounts.AvailabilityOf(ctx, w.d.Read(), w.ann.ID)
		if err != nil {
			t.Fatal(err)
		}
		return av
	}
	at := w.clock.Now()
	set(account.Availability{State: "dnd", StatusText: "key ceremony", Until: at.Add(30 * time.Minute)})
	set(account.Availability{State: "dnd", StatusText: "key ceremony", Until: at.Add(20 * time.Minute)}) // shorter after all
	// Moved in steps: the queue sets its own timer after it has looked.
	for w.clock.Now().Before(at.Add(20*time.Minute - time.Second)) {
		w.clock.Advance(time.Second)
	}
	if av := now(); av.State != "dnd" || av.StatusText != "key ceremony" {
		t.Fatalf("too early: %+v", av)
	}
	late := time.After(await.Limit)
	for ended := false; !ended; {
		w.clock.Advance(100 * time.Millisecond)
		select {
		case <-told:
			ended = true
		case <-late:
			t.Fatal("nobody was told that it ended")
		default:
		}
	}
	if av := now(); av.State != "available" || av.StatusText != "" || !av.Until.IsZero() {
		t.Fatalf("%+v", av)
	}
	var stored string
	if err := w.d.Read().QueryRow(ctx, `SELECT availability FROM account WHERE id = $1`, w.ann.ID).Scan(&stored); err != nil || stored != "available" {
		t.Fatal(stored, err)
	}
	// What has no end stays, also past an end that was set before.
	set(account.Availability{State: "busy", Until: w.clock.Now().Add(time.Minute)})
	set(account.Availability{State: "busy"})
	for range 90 {
		w.clock.Advance(time.Second)
	}
	if av := now(); av.State != "busy" {
		t.Fatalf("%+v", av)
	}
}

func TestAGetIsQuietForWhoWantsIt(t *testing.T) {
	w := open(t)
	lounge, war := w.room(room.New{Name: "lounge"}), w.room(room.New{Name: "war"})
	w.office.Leads(func(_ context.Context, _ db.Querier, who actor.Actor, r room.Room) (bool, error) {
		return who.ID == w.ann.ID && r.ID == war.ID, nil
	})
	ask := func(who actor.Actor, r room.Room) (g office.Get) {
		t.Helper()
		w.clock.Advance(time.Second)
		w.must(func(tx *db.Tx) (err error) {
			g, err = w.office.Ask(ctx, tx, who, w.bob.ID, r.ID, "")
			return err
		})
		return g
	}
	if ask(w.admin, lounge).Quiet {
		t.Error("quiet without a reason")
	}
	w.must(func(tx *db.Tx) error {
		_, err := w.office.SetAvailability(ctx, tx, w.bob, account.Availability{State: "dnd"})
		return err
	})
	if !ask(w.ann, lounge).Quiet {
		t.Error("disturbed")
	}
	if ask(w.ann, war).Quiet {
		t.Error("the commander was not heard")
	}
	ps, err := w.office.Pending(ctx, w.d.Read(), w.bob.ID)
	if err != nil || len(ps) != 2 || ps[0].Quiet || ps[1].Quiet || ps[1].RoomID != war.ID {
		t.Fatalf("they do not arrive as they were asked: %+v %v", ps, err)
	}
}

func TestHome(t *testing.T) {
	w := open(t)
	desk, lounge, vault := w.room(room.New{Name: "desk"}), w.room(room.New{Name: "lounge"}), w.room(room.New{Name: "vault", Private: true})
	w.office.Connected(w.ann.ID, "a")
	set := func(roomID string) (d office.Desk, err error) {
		err = w.do(func(tx *db.Tx) error {
			d, err = w.office.SetHome(ctx, tx, w.ann, roomID)
			return err
		})
		return d, err
	}
	where := func() string {
		t.Helper()
		l, err := w.office.Location(ctx, w.d.Read(), w.ann.ID)
		if err != nil {
			t.Fatal(err)
		}
		if l == nil {
			return ""
		}
		return l.Room
	}
	goHome := func() error {
		return w.do(func(tx *db.Tx) error {
			_, err := w.office.GoHome(ctx, tx, w.ann)
			return err
		})
	}
	sent := func() {
		t.Helper()
		w.must(func(tx *db.Tx) error {
			if _, err := w.office.Enter(ctx, tx, w.ann, lounge.ID, 0); err != nil {
				return err
			}
			return w.office.SendHome(ctx, tx, w.admin, lounge.ID, w.ann.ID, "enough")
		})
	}
	if err := goHome(); !fault.Is(err, fault.Conflict) {
		t.Error("without a home:", err)
	}
	if _, err := set(vault.ID); !fault.Is(err, fault.NotFound) {
		t.Error("a room that is not theirs to see:", err)
	}
	sent()
	if where() != "" {
		t.Error("sent home to", where())
	}
	d, err := set("desk")
	if err != nil || d.Home == nil || *d.Home != desk.ID {
		t.Fatalf("%+v %v", d, err)
	}
	if err := goHome(); err != nil || where() != desk.ID {
		t.Fatal(where(), err)
	}
	sent()
	if where() != desk.ID {
		t.Error("was not sent home but to", where())
	}
	if got := w.told(); !strings.Contains(strings.Join(got, "\n"), `"home_room_id":"`+desk.ID) {
		t.Error("they are not told where they are now:", got)
	}
	// A door that is locked for them stays so.
	w.must(func(tx *db.Tx) error {
		locked := "locked"
		if err := w.rooms.Leave(ctx, tx, w.ann, desk.ID, w.ann.ID); err != nil {
			return err
		}
		_, err := w.rooms.Update(ctx, tx, w.admin, desk.ID, room.Change{Door: &locked})
		return err
	})
	sent()
	if where() != "" {
		t.Error("got through a locked door by being sent home")
	}
	if err := goHome(); !fault.Is(err, fault.Denied) {
		t.Error(err)
	}
	if d, err := set(""); err != nil || d.Home != nil {
		t.Errorf("%+v %v", d, err)
	}
	evs, err := w.ledger.Events(ctx, w.d.Read(), ledger.Filter{Kinds: []string{"office.HomeChosen"}})
	if err != nil || len(evs) != 2 {
		t.Errorf("%d records of homes, %v", len(evs), err)
	}
}

func TestStarsAndWhoWasMet(t *testing.T) {
	w := open(t)
	r := w.room(room.New{Name: "lounge"})
	star := func(person string, on bool) (d office.Desk, err error) {
		err = w.do(func(tx *db.Tx) error {
			d, err = w.office.Star(ctx, tx, w.ann, person, on)
			return err
		})
		return d, err
	}
	if _, err := star("nobody", true); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	if _, err := star(w.ann.ID, true); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
	for range 2 {
		if d, err := star(w.bob.ID, true); err != nil || len(d.Starred) != 1 {
			t.Fatalf("%+v %v", d, err)
		}
	}
	if d, err := star(w.bob.ID, false); err != nil || len(d.Starred) != 0 {
		t.Fatalf("%+v %v", d, err)
	}
	w.must(func(tx *db.Tx) error {
		if _, err := w.office.Ask(ctx, tx, w.ann, w.bob.ID, r.ID, ""); err != nil {
			return err
		}
		w.clock.Advance(time.Second)
		_, err := w.office.Ask(ctx, tx, w.admin, w.ann.ID, r.ID, "")
		return err
	})
	met, err := w.office.Recent(ctx, w.d.Read(), w.ann.ID)
	if err != nil || len(met) != 2 || met[0] != w.admin.ID || met[1] != w.bob.ID {
		t.Fatal(met, err)
	}
}

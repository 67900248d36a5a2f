package oncall_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/fault"
	"muster/internal/ledger"
	"muster/internal/oncall"
)

// duty is an office with one rotation of three.
type duty struct {
	*testing.T
	db                  *db.DB
	clock               *clock.Test
	people              *account.Store
	s                   *oncall.Store
	admin               actor.Actor
	amara, jonas, marta actor.Actor
	r                   oncall.Rotation
	told                []string
}

func openDuty(t *testing.T, in oncall.SaveRotation) *duty {
	d := &duty{T: t, db: dbtest.Open(t), clock: clock.NewTest(time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC))}
	b := bus.NewMemory()
	keys, _, err := ledger.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	l := ledger.New(d.clock, b, keys)
	a := access.New(d.db, l, d.clock, slog.New(slog.DiscardHandler))
	d.people = account.New(d.db, a, l, b, d.clock)
	d.s = oncall.New(a, l, d.clock, b, d.people)
	d.s.WithTell(func(_ context.Context, _ *db.Tx, person, title, _, _ string) error {
		u, err := d.people.Get(ctx, d.db.Read(), person)
		d.told = append(d.told, u.Name+": "+title)
		return err
	})
	user := func(name string, roles ...string) actor.Actor {
		var u account.User
		d.do(func(tx *db.Tx) (err error) {
			u, err = d.people.Create(ctx, tx, actor.System("test"), account.NewUser{Name: name, Display: strings.ToUpper(name[:1]) + name[1:], Roles: roles})
			return err
		})
		return u.Actor()
	}
	d.admin, d.amara, d.jonas, d.marta = user("root", "administrator"), user("amara", "responder"), user("jonas", "responder"), user("marta", "responder")
	in.Name, in.Members = "payments-primary", []string{d.amara.ID, d.jonas.ID}
	d.do(func(tx *db.Tx) (err error) {
		d.r, err = d.s.CreateRotation(ctx, tx, d.admin, in)
		return err
	})
	return d
}

func (d *duty) do(fn func(tx *db.Tx) error) {
	d.Helper()
	if err := d.db.Do(ctx, fn); err != nil {
		d.Fatal(err)
	}
}

// refused runs what must fail, with a kind.
func (d *duty) refused(kind fault.Kind, fn func(tx *db.Tx) error) {
	d.Helper()
	if err := d.db.Do(ctx, fn); !fault.Is(err, kind) {
		d.Errorf("want %v, got %v", kind, err)
	}
}

// plan is the shifts as "amara 09:00-21:00", with an asterisk where overridden.
func (d *duty) plan(from, until time.Time) string {
	d.Helper()
	ss, err := d.s.Shifts(ctx, d.db.Read(), d.amara, d.r.ID, from, until)
	if err != nil {
		d.Fatal(err)
	}
	names := map[string]string{d.amara.ID: "amara", d.jonas.ID: "jonas", d.marta.ID: "marta"}
	var out []string
	for _, s := range ss {
		mark := ""
		if s.Overridden {
			mark = "*"
		}
		out = append(out, names[s.UserID]+mark+" "+s.From.Format("2T15:04")+"-"+s.Until.Format("2T15:04"))
	}
	return strings.Join(out, ", ")
}

func at(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }

// A screen that counts hours from the start is an hour off after the clock change;
// this is what the server says, which screens show.
func TestShiftsFollowTheWallClock(t *testing.T) {
	d := openDuty(t, oncall.SaveRotation{ShiftHours: 12, StartsAt: time.Date(2026, 10, 24, 7, 0, 0, 0, time.UTC), TimeZone: "Europe/Berlin"})
	if got, want := d.plan(at(30, 12), at(30, 24)), "amara 30T12:00-30T20:00, jonas 30T20:00-1T00:00"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Of overrides that overlap the one made last counts, on the screen as in paging.
func TestShiftsTakeTheNewestOverride(t *testing.T) {
	d := openDuty(t, oncall.SaveRotation{ShiftHours: 24, StartsAt: at(30, 0)})
	for _, who := range []actor.Actor{d.jonas, d.marta} {
		d.do(func(tx *db.Tx) error {
			_, err := d.s.AddOverride(ctx, tx, d.admin, d.r.ID, oncall.NewOverride{UserID: who.ID, From: at(30, 13), Until: at(30, 15)})
			return err
		})
	}
	if got, want := d.plan(at(30, 12), at(30, 18)), "amara 30T12:00-30T13:00, marta* 30T13:00-30T15:00, amara 30T15:00-30T18:00"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Who was on call stays as it was, whatever is changed afterwards.
func TestThePastStays(t *testing.T) {
	d := openDuty(t, oncall.SaveRotation{ShiftHours: 24, StartsAt: at(30, 0)})
	d.clock.Advance(24 * time.Hour) // 1 December, 12:00: jonas
	was := d.plan(at(30, 13), at(31, 12))
	if want := "amara 30T13:00-1T00:00, jonas 1T00:00-1T12:00"; was != want {
		t.Fatalf("%s, want %s", was, want)
	}
	members, hours := []string{d.marta.ID}, 1
	d.do(func(tx *db.Tx) error {
		_, err := d.s.UpdateRotation(ctx, tx, d.admin, d.r.ID, oncall.ChangeRotation{Members: &members, ShiftHours: &hours})
		return err
	})
	// An override that is said to have begun counts from when it was made.
	d.do(func(tx *db.Tx) error {
		_, err := d.s.AddOverride(ctx, tx, d.admin, d.r.ID, oncall.NewOverride{UserID: d.amara.ID, From: at(30, 0), Until: at(31, 13)})
		return err
	})
	if got := d.plan(at(30, 13), at(31, 12)); got != was {
		t.Errorf("%s, was %s", got, was)
	}
	if got, want := d.plan(at(31, 12), at(31, 14)), "amara* 1T12:00-1T13:00, marta 1T13:00-1T14:00"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestTakeOverAndHandBack(t *testing.T) {
	d := openDuty(t, oncall.SaveRotation{ShiftHours: 24, StartsAt: at(30, 0)})
	take := func(who actor.Actor) func(tx *db.Tx) error {
		return func(tx *db.Tx) error { _, err := d.s.Take(ctx, tx, who, "Payments-Primary", time.Time{}); return err }
	}
	back := func(who actor.Actor) func(tx *db.Tx) error {
		return func(tx *db.Tx) error { _, err := d.s.HandBack(ctx, tx, who, d.r.ID); return err }
	}
	d.refused(fault.Denied, take(d.marta))   // not in it
	d.refused(fault.Conflict, take(d.amara)) // has it
	d.refused(fault.Conflict, back(d.amara)) // their own turn
	d.do(take(d.jonas))
	if got, want := d.plan(at(30, 12), at(31, 6)), "jonas* 30T12:00-1T00:00, jonas 1T00:00-1T06:00"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	d.clock.Advance(time.Hour)
	d.do(back(d.jonas))
	if got, want := d.plan(at(30, 12), at(30, 18)), "jonas* 30T12:00-30T13:00, amara 30T13:00-30T18:00"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := strings.Join(d.told, "; "); got != "amara: Jonas took over your duty of payments-primary; amara: You are on call again for payments-primary" {
		t.Error(got)
	}
}

func TestSwap(t *testing.T) {
	d := openDuty(t, oncall.SaveRotation{ShiftHours: 24, StartsAt: at(30, 0)})
	from, until, backFrom, backUntil := at(32, 0), at(33, 0), at(31, 0), at(32, 0) // amara's 2 December for jonas's 1st
	ask := func(who actor.Actor, in oncall.NewSwap) (sw oncall.Swap, err error) {
		err = d.db.Do(ctx, func(tx *db.Tx) error { sw, err = d.s.AskSwap(ctx, tx, who, d.r.ID, in); return err })
		return sw, err
	}
	answer := func(who actor.Actor, id, word string) func(tx *db.Tx) error {
		return func(tx *db.Tx) error { _, err := d.s.AnswerSwap(ctx, tx, who, id, word); return err }
	}
	for what, in := range map[string]oncall.NewSwap{
		"not theirs":       {UserID: d.jonas.ID, From: backFrom, Until: backUntil},
		"not the other's":  {UserID: d.jonas.ID, From: from, Until: until, BackFrom: &from, BackUntil: &until},
		"with oneself":     {UserID: d.amara.ID, From: from, Until: until},
		"with an outsider": {UserID: d.marta.ID, From: from, Until: until},
		"in the past":      {UserID: d.jonas.ID, From: at(30, 1), Until: at(30, 2)},
		"half a return":    {UserID: d.jonas.ID, From: from, Until: until, BackFrom: &backFrom},
		"backwards":        {UserID: d.jonas.ID, From: until, Until: from},
	} {
		if _, err := ask(d.amara, in); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	sw, err := ask(d.amara, oncall.NewSwap{UserID: d.jonas.ID, From: from, Until: until, BackFrom: &backFrom, BackUntil: &backUntil, Note: "Wedding"})
	if err != nil {
		t.Fatal(err)
	}
	before := d.plan(at(31, 0), at(33, 0))
	d.refused(fault.NotFound, answer(d.marta, sw.ID, "accepted"))
	d.refused(fault.Denied, answer(d.amara, sw.ID, "accepted"))
	d.refused(fault.Denied, answer(d.jonas, sw.ID, "withdrawn"))
	if got := d.plan(at(31, 0), at(33, 0)); got != before {
		t.Error("changed before anybody agreed:", got)
	}
	d.do(answer(d.jonas, sw.ID, "accepted"))
	if got, want := d.plan(at(31, 0), at(33, 0)), "amara* 1T00:00-2T00:00, jonas* 2T00:00-3T00:00"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	d.refused(fault.Conflict, answer(d.jonas, sw.ID, "declined"))

	// One that no longer fits is not carried out.
	sw, err = ask(d.amara, oncall.NewSwap{UserID: d.jonas.ID, From: at(34, 0), Until: at(35, 0)})
	if err != nil {
		t.Fatal(err)
	}
	d.do(func(tx *db.Tx) error {
		_, err := d.s.AddOverride(ctx, tx, d.admin, d.r.ID, oncall.NewOverride{UserID: d.marta.ID, From: at(34, 3), Until: at(34, 4)})
		return err
	})
	d.refused(fault.Conflict, answer(d.jonas, sw.ID, "accepted"))
	d.do(answer(d.amara, sw.ID, "withdrawn"))
	if open, err := d.s.Swaps(ctx, d.db.Read(), d.jonas); err != nil || len(open) != 0 {
		t.Error(open, err)
	}
}

func TestCalendar(t *testing.T) {
	d := openDuty(t, oncall.SaveRotation{ShiftHours: 24, StartsAt: at(30, 0)})
	secret := ""
	d.do(func(tx *db.Tx) (err error) {
		secret, err = d.s.MakeCalendar(ctx, tx, d.amara)
		return err
	})
	feed := func(s string) (string, error) {
		body, _, err := d.s.Feed(ctx, d.db.Read(), s, d.people.ActorOf)
		return body, err
	}
	body, err := feed(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"BEGIN:VCALENDAR\r\n", "SUMMARY:On call: payments-primary\r\n", "DTSTART:20261202T000000Z\r\n", "DTEND:20261203T000000Z\r\n"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
	if strings.Contains(body, "DTSTART:20261201T000000Z") {
		t.Error("another's duty is in it")
	}
	if _, err := feed("guess"); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	// A new address ends the one before; a disabled person has none.
	was := secret
	d.do(func(tx *db.Tx) (err error) {
		secret, err = d.s.MakeCalendar(ctx, tx, d.amara)
		return err
	})
	if _, err := feed(was); !fault.Is(err, fault.NotFound) {
		t.Error("the old address:", err)
	}
	d.do(func(tx *db.Tx) error {
		off := true
		_, err := d.people.Update(ctx, tx, actor.System("test"), d.amara.ID, account.Change{Disabled: &off})
		return err
	})
	if _, err := feed(secret); !fault.Is(err, fault.NotFound) {
		t.Error("of somebody disabled:", err)
	}
}

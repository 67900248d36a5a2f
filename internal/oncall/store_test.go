package oncall_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

var ctx = context.Background()

func TestWhoIsOnCall(t *testing.T) {
	d, b := dbtest.Open(t), bus.NewMemory()
	c := clock.NewTest(time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC))
	keys, _, err := ledger.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	l := ledger.New(c, b, keys)
	a := access.New(d, l, c, slog.New(slog.DiscardHandler))
	people := account.New(d, a, l, b, c)
	s := oncall.New(a, l, c, b, people)
	told := 0
	b.Subscribe(func(topic string, payload any) {
		if m, ok := payload.(map[string]any); ok && topic == "office" && m["type"] == "oncall" {
			told++
		}
	})
	do := func(fn func(tx *db.Tx) error) {
		t.Helper()
		if err := d.Do(ctx, fn); err != nil {
			t.Fatal(err)
		}
	}
	user := func(name string, kind actor.Kind, roles ...string) actor.Actor {
		var u account.User
		do(func(tx *db.Tx) (err error) {
			u, err = people.Create(ctx, tx, actor.System("test"), account.NewUser{Name: name, Display: name, Kind: kind, Roles: roles})
			return err
		})
		return u.Actor()
	}
	admin, ann, bob, robot := user("root", actor.Person, "administrator"), user("ann", actor.Person, "responder"), user("bob", actor.Person, "responder"), user("robot", actor.Bot)

	var r oncall.Rotation
	do(func(tx *db.Tx) (err error) {
		r, err = s.CreateRotation(ctx, tx, admin, oncall.SaveRotation{Name: "daily", Members: []string{ann.ID, bob.ID}, ShiftHours: 24, StartsAt: time.Date(2026, 3, 28, 8, 0, 0, 0, time.UTC), TimeZone: "Europe/Berlin"})
		if err != nil {
			return err
		}
		if _, err = s.CreateService(ctx, tx, admin, oncall.SaveService{Name: "payments-api", RotationID: r.ID, Environments: []string{"prod", "prod"}}); err != nil {
			return err
		}
		_, err = s.CreateService(ctx, tx, admin, oncall.SaveService{Name: "lonely"})
		return err
	})
	if told != 3 {
		t.Errorf("screens were told %d times", told)
	}
	// 09:00 in Berlin, before and after the clocks change.
	got, ok, err := s.Now(ctx, d.Read(), "payments-api", c.Now())
	want := oncall.OnCall{Service: "payments-api", RotationID: r.ID, UserID: ann.ID, Until: time.Date(2026, 3, 29, 7, 0, 0, 0, time.UTC), NextUserID: bob.ID}
	if d := cmp.Diff(want, got, cmp.Comparer(time.Time.Equal)); !ok || err != nil || d != "" {
		t.Error(d, ok, err)
	}
	if _, ok, err := s.Now(ctx, d.Read(), "lonely", c.Now()); ok || err != nil {
		t.Error("nobody answers for lonely:", ok, err)
	}
	if _, _, err := s.Now(ctx, d.Read(), "nope", c.Now()); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	do(func(tx *db.Tx) error {
		_, err := s.AddOverride(ctx, tx, bob, r.ID, oncall.NewOverride{UserID: bob.ID, From: c.Now(), Until: c.Now().Add(time.Hour)})
		return err
	})
	all, err := s.All(ctx, d.Read(), ann)
	if err != nil || len(all) != 1 || all[0].UserID != bob.ID || all[0].NextUserID != ann.ID {
		t.Error(all, err)
	}
	c.Advance(2 * time.Hour)
	if all, _ := s.All(ctx, d.Read(), ann); all[0].UserID != ann.ID {
		t.Error(all)
	}
	sv, err := s.Find(ctx, d.Read(), "payments-api")
	if err != nil || len(sv.Environments) != 1 {
		t.Error(sv, err)
	}

	for field, in := range map[string]oncall.SaveRotation{
		"members":                {Name: "x"},
		"members[0]":             {Name: "x", Members: []string{robot.ID}},
		"members[1]":             {Name: "x", Members: []string{ann.ID, ann.ID}},
		"time_zone":              {Name: "x", Members: []string{ann.ID}, TimeZone: "Local"},
		"shift_hours":            {Name: "x", Members: []string{ann.ID}, ShiftHours: 5000},
		"starts_at":              {Name: "x", Members: []string{ann.ID}, StartsAt: time.Date(1066, 1, 1, 0, 0, 0, 0, time.UTC)},
		"escalate_after_seconds": {Name: "x", Members: []string{ann.ID}, EscalateAfter: 1},
	} {
		err := d.Do(ctx, func(tx *db.Tx) error { _, err := s.CreateRotation(ctx, tx, admin, in); return err })
		if fs := fault.FieldsOf(err); len(fs) != 1 || fs[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	err = d.Do(ctx, func(tx *db.Tx) error {
		_, err := s.CreateService(ctx, tx, admin, oncall.SaveService{Name: "x", RotationID: "nope"})
		return err
	})
	if fs := fault.FieldsOf(err); len(fs) != 1 || fs[0].Field != "rotation_id" {
		t.Error(err)
	}
	for _, who := range []actor.Actor{ann, {}} {
		if err := d.Do(ctx, func(tx *db.Tx) error {
			_, err := s.CreateService(ctx, tx, who, oncall.SaveService{Name: "mine"})
			return err
		}); err == nil {
			t.Errorf("%q made a service", who.Name)
		}
	}
	try := func(fn func(tx *db.Tx) error) error { return d.Do(ctx, fn) }
	override := func(who actor.Actor, from, until time.Duration) string {
		do(func(tx *db.Tx) (err error) {
			r, err = s.AddOverride(ctx, tx, who, r.ID, oncall.NewOverride{UserID: who.ID, From: c.Now().Add(from), Until: c.Now().Add(until)})
			return err
		})
		return r.Overrides[len(r.Overrides)-1].ID
	}
	rs, err := s.Rotations(ctx, d.Read(), admin)
	if err != nil || len(rs) != 1 {
		t.Fatal(rs, err)
	}
	past := rs[0].Overrides[0].ID // the override of the beginning is over
	running, coming := override(bob, 0, 4*time.Hour), override(bob, 24*time.Hour, 25*time.Hour)
	takeBack := func(who actor.Actor, override string) error {
		return try(func(tx *db.Tx) (err error) {
			_, err = s.DeleteOverride(ctx, tx, who, r.ID, override)
			return err
		})
	}
	if err := takeBack(admin, past); !fault.Is(err, fault.Conflict) {
		t.Errorf("an override that is over was taken back: %v", err)
	}
	if err := takeBack(ann, coming); !fault.Is(err, fault.Denied) {
		t.Errorf("ann took back what is bob's: %v", err)
	}
	if err := takeBack(admin, "nope"); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	c.Advance(time.Hour)
	for _, o := range []string{coming, running} {
		if err := takeBack(bob, o); err != nil {
			t.Error(err)
		}
	}
	if rs, err = s.Rotations(ctx, d.Read(), admin); err != nil || len(rs[0].Overrides) != 2 || !rs[0].Overrides[1].Until.Equal(c.Now()) {
		t.Errorf("the override that had begun did not end now: %+v %v", rs, err)
	}
	if all, _ := s.All(ctx, d.Read(), ann); all[0].UserID != ann.ID {
		t.Error(all)
	}

	remove := func(who actor.Actor, rotation string) error {
		return try(func(tx *db.Tx) error { return s.DeleteRotation(ctx, tx, who, rotation) })
	}
	if err := remove(admin, r.ID); !fault.Is(err, fault.Conflict) {
		t.Errorf("a rotation that a service needs was removed: %v", err)
	}
	if err := try(func(tx *db.Tx) error { return s.DeleteService(ctx, tx, ann, "payments-api") }); !fault.Is(err, fault.Denied) {
		t.Error(err)
	}
	do(func(tx *db.Tx) error { return s.DeleteService(ctx, tx, admin, "payments-api") })
	if _, err := s.Find(ctx, d.Read(), "payments-api"); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	if err := remove(bob, r.ID); !fault.Is(err, fault.Denied) {
		t.Error(err)
	}
	if err := remove(admin, r.ID); err != nil {
		t.Error(err)
	}
	if err := remove(admin, r.ID); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}

	rep, err := ledger.Verify(ctx, d.Read(), keys.Verifier, "")
	if err != nil || !rep.OK() {
		t.Error(rep, err)
	}
}

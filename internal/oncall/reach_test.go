package oncall_test

import (
	"context"
	"log/slog"
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

// reach is a small office: ann, bob and the auditor farah, and root.
type reach struct {
	t      *testing.T
	db     *db.DB
	clock  *clock.Test
	people *account.Store
	s      *oncall.Store
	by     map[string]actor.Actor
}

func newReach(t *testing.T) *reach {
	d, b := dbtest.Open(t), bus.NewMemory()
	c := clock.NewTest(time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC))
	keys, _, err := ledger.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	l := ledger.New(c, b, keys)
	a := access.New(d, l, c, slog.New(slog.DiscardHandler))
	r := &reach{t: t, db: d, clock: c, people: account.New(d, a, l, b, c), by: map[string]actor.Actor{}}
	r.s = oncall.New(a, l, c, b, r.people)
	for name, role := range map[string]string{"root": "administrator", "ann": "responder", "bob": "responder", "farah": "auditor"} {
		r.do(func(tx *db.Tx) error {
			u, err := r.people.Create(ctx, tx, actor.System("test"), account.NewUser{Name: name, Display: name, Roles: []string{role}})
			r.by[name] = u.Actor()
			return err
		})
	}
	return r
}

func (r *reach) do(fn func(tx *db.Tx) error) {
	r.t.Helper()
	if err := r.db.Do(ctx, fn); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reach) rotation(name string, catchAll bool, members ...string) (out oncall.Rotation) {
	r.t.Helper()
	in := oncall.SaveRotation{Name: name, ShiftHours: 24, StartsAt: r.clock.Now().Add(-time.Hour), CatchAll: catchAll}
	for _, m := range members {
		in.Members = append(in.Members, r.by[m].ID)
	}
	r.do(func(tx *db.Tx) (err error) { out, err = r.s.CreateRotation(ctx, tx, r.by["root"], in); return err })
	return out
}

func (r *reach) service(name, rotation string) {
	r.t.Helper()
	r.do(func(tx *db.Tx) error {
		_, err := r.s.CreateService(ctx, tx, r.by["root"], oncall.SaveService{Name: name, RotationID: rotation})
		return err
	})
}

func (r *reach) disable(name string, yes bool) {
	r.t.Helper()
	r.do(func(tx *db.Tx) error {
		_, err := r.people.Update(ctx, tx, r.by["root"], r.by[name].ID, account.Change{Disabled: &yes})
		return err
	})
}

// The answer names who a page would reach: never somebody whose account is disabled.
func TestADisabledPersonIsNotOnCall(t *testing.T) {
	r := newReach(t)
	rot := r.rotation("daily", false, "ann", "bob")
	r.service("payments-api", rot.ID)
	r.service("alone", r.rotation("ann only", false, "ann").ID)
	now := func(service string) string {
		t.Helper()
		on, ok, err := r.s.Now(ctx, r.db.Read(), service, r.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return "nobody"
		}
		for name, a := range r.by {
			if a.ID == on.UserID {
				return name
			}
		}
		return on.UserID
	}
	if now("payments-api") != "ann" || now("alone") != "ann" {
		t.Fatal("ann's turn:", now("payments-api"), now("alone"))
	}
	r.disable("ann", true)
	if now("payments-api") != "bob" || now("alone") != "nobody" {
		t.Error("ann is disabled:", now("payments-api"), now("alone"))
	}
	all, err := r.s.All(ctx, r.db.Read(), r.by["bob"])
	if err != nil || len(all) != 1 || all[0].UserID != r.by["bob"].ID || all[0].NextUserID != r.by["bob"].ID {
		t.Errorf("all: %+v %v", all, err)
	}
	// An override of theirs changes nothing.
	r.disable("ann", false)
	r.do(func(tx *db.Tx) error {
		_, err := r.s.AddOverride(ctx, tx, r.by["root"], rot.ID, oncall.NewOverride{UserID: r.by["farah"].ID, From: r.clock.Now(), Until: r.clock.Now().Add(time.Hour)})
		return err
	})
	if now("payments-api") != "farah" {
		t.Error("the override:", now("payments-api"))
	}
	r.disable("farah", true)
	if now("payments-api") != "bob" {
		t.Error("the override's person is disabled:", now("payments-api"))
	}
	// Nobody left anywhere: the catch-all answers.
	r.disable("bob", true)
	r.disable("ann", true)
	r.rotation("everything else", true, "root")
	on, ok, err := r.s.Now(ctx, r.db.Read(), "alone", r.clock.Now())
	if err != nil || !ok || !on.CatchAll || on.UserID != r.by["root"].ID {
		t.Errorf("catch-all: %+v %v %v", on, ok, err)
	}
}

func TestOneRotationIsTheCatchAll(t *testing.T) {
	r := newReach(t)
	if _, ok, err := r.s.CatchAll(ctx, r.db.Read()); ok || err != nil {
		t.Fatal("a catch-all from nowhere", err)
	}
	first, second := r.rotation("first", true, "ann"), r.rotation("second", false, "bob")
	set := func(rotation string, yes bool) (err error) {
		return r.db.Do(ctx, func(tx *db.Tx) error {
			_, err = r.s.UpdateRotation(ctx, tx, r.by["root"], rotation, oncall.ChangeRotation{CatchAll: &yes})
			return err
		})
	}
	is := func() string { c, _, _ := r.s.CatchAll(ctx, r.db.Read()); return c.Name }
	if !first.CatchAll || is() != "first" {
		t.Errorf("made with it: %+v, is %q", first, is())
	}
	if err := set(second.ID, true); err != nil || is() != "second" {
		t.Error("moved:", err, is())
	}
	all, _ := r.s.Rotations(ctx, r.db.Read(), r.by["root"])
	if len(all) != 2 || all[0].CatchAll || !all[1].CatchAll {
		t.Errorf("listed: %+v", all)
	}
	err := r.db.Do(ctx, func(tx *db.Tx) error { return r.s.DeleteRotation(ctx, tx, r.by["root"], second.ID) })
	if !fault.Is(err, fault.Conflict) {
		t.Error("the catch-all could be deleted:", err)
	}
	if err := set(second.ID, false); err != nil || is() != "" {
		t.Error("taken away:", err, is())
	}
}

func TestWarningsWhenPutOnCall(t *testing.T) {
	r := newReach(t)
	r.s.WithBeyond(func(_ context.Context, _ db.Querier, userID string) (bool, error) {
		return userID != r.by["bob"].ID, nil
	})
	kinds := func(ws []oncall.Warning) (out string) {
		for _, w := range ws {
			out += w.Kind + " "
		}
		return out
	}
	rot := r.rotation("daily", false, "ann", "bob", "farah")
	if got := kinds(rot.Warnings); got != "no_channel cannot_acknowledge " {
		t.Errorf("warnings %q of %+v", got, rot.Warnings)
	}
	for _, name := range []string{"ann", "bob", "farah"} {
		r.disable(name, true)
	}
	r.service("payments-api", rot.ID)
	r.service("lost", "")
	svs, err := r.s.Services(ctx, r.db.Read(), r.by["root"])
	if err != nil || kinds(svs[0].Warnings) != "no_rotation " || kinds(svs[1].Warnings) != "disabled disabled disabled nobody " {
		t.Errorf("services: %+v %v", svs, err)
	}
	r.disable("ann", false)
	r.do(func(tx *db.Tx) error {
		out, err := r.s.AddOverride(ctx, tx, r.by["root"], rot.ID, oncall.NewOverride{UserID: r.by["root"].ID, From: r.clock.Now(), Until: r.clock.Now().Add(time.Hour)})
		if got := kinds(out.Warnings); got != "disabled disabled " {
			t.Errorf("after the override: %q", got)
		}
		return err
	})
}

func TestAckTimeoutOfAService(t *testing.T) {
	r := newReach(t)
	r.service("payments-api", "")
	for service, want := range map[string]time.Duration{"payments-api": 30 * time.Minute, "": 30 * time.Minute, "ghost": 30 * time.Minute} {
		if got, err := r.s.AckTimeout(ctx, r.db.Read(), service); err != nil || got != want {
			t.Errorf("%q: %s %v", service, got, err)
		}
	}
	for seconds, ok := range map[int]bool{0: true, 600: true, 59: false, -1: false, 8 * 24 * 3600: false} {
		err := r.db.Do(ctx, func(tx *db.Tx) error {
			_, err := r.s.UpdateService(ctx, tx, r.by["root"], "payments-api", oncall.ChangeService{AckTimeout: &seconds})
			return err
		})
		if (err == nil) != ok {
			t.Errorf("%d seconds: %v", seconds, err)
		}
	}
}

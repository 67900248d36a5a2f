package access_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"muster/internal/access"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
)

func (f *fixture) refuse(name, thing string, times int) {
	f.t.Helper()
	who := person(name)
	for range times {
		err := f.access.Do(f.ctx, who, func(tx *db.Tx) error {
			return f.access.Check(f.ctx, tx, who, "manage", access.Resource{Type: "room", ID: thing})
		})
		if !fault.Is(err, fault.Denied) {
			f.t.Fatal(err)
		}
	}
}

// records gives the refusals recorded one by one, and the sum of those counted.
func (f *fixture) records() (single, counted, counts int) {
	f.t.Helper()
	rs, err := f.ledger.Events(f.ctx, f.db.Read(), ledger.Filter{Kinds: []string{"access.Denied", "access.DeniedAgain"}})
	if err != nil {
		f.t.Fatal(err)
	}
	for _, r := range rs {
		if r.Outcome != "denied" {
			f.t.Error(r)
		}
		if r.Kind == "access.Denied" {
			single++
			continue
		}
		counts++
		counted += int(r.Fields["times"].(float64))
	}
	return
}

// Whoever is refused a thousand times a minute fills no ledger, and nothing of
// it is forgotten.
func TestRepeatedDenialsAreCounted(t *testing.T) {
	f := open(t)
	f.refuse("eve", "one", 500)
	f.refuse("eve", "two", 3)
	f.refuse("bob", "one", 1)
	if single, _, counts := f.records(); single != 3 || counts != 0 {
		t.Fatal(single, counts)
	}
	f.access.Flush(f.ctx, false)
	if _, _, counts := f.records(); counts != 0 {
		t.Fatal("written before the window ended")
	}
	f.clock.Advance(time.Minute)
	// A new window begins, though the old one is not written yet.
	f.refuse("eve", "one", 5)
	if single, _, _ := f.records(); single != 4 {
		t.Error("a new window does not begin with a record of its own:", single)
	}
	f.access.Flush(f.ctx, false)
	if single, counted, counts := f.records(); single != 4 || counted != 499+2 || counts != 2 {
		t.Error(single, counted, counts)
	}
	f.access.Flush(f.ctx, true)
	if single, counted, _ := f.records(); single != 4 || counted != 499+2+4 {
		t.Error(single, counted)
	}
	f.access.Flush(f.ctx, true)
	if _, counted, _ := f.records(); counted != 499+2+4 {
		t.Error("counted twice")
	}
}

// Nor does trying ever new names help.
func TestDenialsOfManyThings(t *testing.T) {
	f := open(t)
	for i := range 1000 {
		f.refuse("eve", fmt.Sprint("thing ", i), 1)
	}
	f.refuse("bob", "one", 1)
	f.access.Flush(f.ctx, true)
	single, counted, counts := f.records()
	if single+counted != 1001 || single > 70 || counts != 1 {
		t.Error(single, counted, counts)
	}
}

// What is hidden is answered as if it did not exist, and recorded as refused.
func TestHide(t *testing.T) {
	f := open(t)
	who := person("eve")
	err := f.access.Do(f.ctx, who, func(tx *db.Tx) error {
		err := f.access.Check(f.ctx, tx, who, "read", access.Resource{Project: "vault", Type: "job", ID: "j", Name: "the secret job"})
		return access.Hide(err, fault.New(fault.NotFound, "There is no such job."))
	})
	if !fault.Is(err, fault.NotFound) || fault.Message(err) != "There is no such job." || err.Error() != "There is no such job." {
		t.Error(err)
	}
	if single, _, _ := f.records(); single != 1 {
		t.Error("not recorded")
	}
	plain := errors.New("disk")
	if access.Hide(plain, fault.New(fault.NotFound, "")) != plain || access.Hide(nil, plain) != nil {
		t.Error("something else was hidden")
	}
}

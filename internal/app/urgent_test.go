package app_test

import (
	"context"
	"testing"

	"muster/internal/account"
	"muster/internal/db"
	"muster/internal/incident"
	"muster/internal/run"
)

// TestApproversAreWokenWhenItGetsWorse: what waits for an incident calls who can
// say yes as soon as it is a SEV-1 or SEV-2, by whatever way it becomes one.
func TestApproversAreWokenWhenItGetsWorse(t *testing.T) {
	s := start(t)
	w := newWorld(s)
	bob := w.by("bob")
	declare := func(severity int) (i incident.Incident) {
		s.do(func(ctx context.Context, tx *db.Tx) (err error) {
			i, err = s.Incidents.Declare(ctx, tx, bob, incident.Declare{Title: w.name(), Severity: severity})
			return err
		})
		return i
	}
	called := func(r run.Run) bool {
		ns, err := s.Notify.Open(context.Background(), s.DB.Read(), s.people[account.Approver].ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range ns {
			if n.Kind == "approval" && n.Link == "/runs/"+r.ID {
				return true
			}
		}
		return false
	}
	one, two := 1, 2
	for name, c := range map[string]func(ctx context.Context, tx *db.Tx, i incident.Incident) error{
		"raised": func(ctx context.Context, tx *db.Tx, i incident.Incident) error {
			_, err := s.Incidents.Update(ctx, tx, bob, i.ID, incident.Change{Severity: &two})
			return err
		},
		"raised by an alert": func(ctx context.Context, tx *db.Tx, i incident.Incident) error {
			_, err := s.Incidents.Raise(ctx, tx, system, i.ID, 1, "worse")
			return err
		},
		"merged": func(ctx context.Context, tx *db.Tx, i incident.Incident) error {
			into, err := s.Incidents.Declare(ctx, tx, bob, incident.Declare{Title: "the same", Severity: 1})
			if err != nil {
				return err
			}
			_, err = s.Incidents.Merge(ctx, tx, bob, i.ID, into.ID)
			return err
		},
		"merged, and then raised": func(ctx context.Context, tx *db.Tx, i incident.Incident) error {
			into, err := s.Incidents.Declare(ctx, tx, bob, incident.Declare{Title: "the same", Severity: 3})
			if err != nil {
				return err
			}
			if _, err = s.Incidents.Merge(ctx, tx, bob, i.ID, into.ID); err != nil {
				return err
			}
			_, err = s.Incidents.Update(ctx, tx, bob, into.ID, incident.Change{Severity: &one})
			return err
		},
		"raised while resolved, and reopened": func(ctx context.Context, tx *db.Tx, i incident.Incident) error {
			if _, err := s.Incidents.SetStage(ctx, tx, bob, i.ID, incident.Resolved, ""); err != nil {
				return err
			}
			if _, err := s.Incidents.Update(ctx, tx, bob, i.ID, incident.Change{Severity: &two}); err != nil {
				return err
			}
			_, err := s.Incidents.SetStage(ctx, tx, bob, i.ID, incident.Triage, "")
			return err
		},
	} {
		i := declare(3)
		r := w.run("ours", i.Room.ID, "bob")
		if r.State != run.Waiting || r.IncidentID != i.ID || called(r) {
			t.Fatalf("%s: %s, %q, called %v", name, r.State, r.IncidentID, called(r))
		}
		s.do(func(ctx context.Context, tx *db.Tx) error { return c(ctx, tx, i) })
		if !called(r) {
			t.Errorf("%s: nobody was woken", name)
		}
	}
}

package incident

import (
	"context"
	"fmt"
	"strings"

	"muster/internal/actor"
	"muster/internal/db"
)

// OpenThing is what still goes on in an incident that somebody wants to end.
type OpenThing struct {
	Kind  string `json:"kind" enum:"alert,run"`
	ID    string `json:"id"`
	Title string `json:"title"`
	State string `json:"state" doc:"open or acknowledged for an alert; waiting, queued, running or unknown for a run"`
	Link  string `json:"link" doc:"Path in the app"`
}

// Runs finds what of an incident's runs has not ended, as far as who may see
// it; app provides it.
type Runs func(ctx context.Context, q db.Querier, who actor.Actor, incidentID string) ([]OpenThing, error)

// WithRuns tells the store where the runs of an incident are found.
func (s *Store) WithRuns(fn Runs) { s.runs = fn }

// WithWaiting tells the store whom to tell that an incident has become one that
// approvers are woken for: a SEV-1 or SEV-2 that is open. fn is told again of one
// that it knows, and wakes each of them once.
func (s *Store) WithWaiting(fn func(ctx context.Context, tx *db.Tx, incidentID string) error) {
	s.waiting = fn
}

// wake wakes who can say yes to what waits for the incident, and for those that
// were merged into it.
func (s *Store) wake(ctx context.Context, tx *db.Tx, i Incident) error {
	if s.waiting == nil || i.Severity > 2 || !i.Stage.Open() {
		return nil
	}
	for ids := []string{i.ID}; len(ids) > 0; ids = ids[1:] {
		if err := s.waiting(ctx, tx, ids[0]); err != nil {
			return err
		}
		more, err := db.All(ctx, tx, db.Strings, `SELECT id FROM incident WHERE merged_into = $1`, ids[0])
		if err != nil {
			return fmt.Errorf("find what was merged: %w", err)
		}
		ids = append(ids, more...)
	}
	return nil
}

// StillOpen lists what goes on in an incident: alerts that fire and runs that
// wait or run. Whoever ends it is asked once with this list.
func (s *Store) StillOpen(ctx context.Context, q db.Querier, who actor.Actor, idOrTicket string) ([]OpenThing, error) {
	i, err := s.Get(ctx, q, who, idOrTicket)
	if err != nil {
		return nil, err
	}
	out := []OpenThing{}
	for _, a := range i.Alerts {
		if a.State != "resolved" {
			out = append(out, OpenThing{Kind: "alert", ID: a.ID, Title: a.Title, State: a.State, Link: "/alerts/" + a.ID})
		}
	}
	if s.runs == nil {
		return out, nil
	}
	runs, err := s.runs(ctx, q, who, i.ID)
	return append(out, runs...), err
}

// Sentence tells of what is open in words.
func Sentence(things []OpenThing) string {
	words := []string{}
	for n, t := range things {
		if n == 5 {
			words = append(words, fmt.Sprintf("and %d more", len(things)-n))
			break
		}
		switch {
		case t.Kind == "alert":
			words = append(words, fmt.Sprintf("the alert “%s” fires", cut(t.Title, 80)))
		case t.State == "waiting":
			words = append(words, cut(t.Title, 80)+" waits for approval")
		case t.State == "unknown":
			words = append(words, cut(t.Title, 80)+" has no known end")
		default:
			words = append(words, cut(t.Title, 80)+" is "+t.State)
		}
	}
	return strings.Join(words, ", ")
}

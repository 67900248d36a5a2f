package account

import (
	"context"
	"fmt"
	"slices"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
)

// Availability is what a person says about themselves; whether they are here
// is presence, which the office sees.
type Availability struct {
	UserID     string    `json:"user_id"`
	State      string    `json:"state"` // available, busy, away, dnd
	StatusText string    `json:"status_text"`
	Until      time.Time `json:"until,omitzero"` // zero: until changed
}

// States a person can choose.
var States = []string{"available", "busy", "away", "dnd"}

// SetAvailability changes who's own availability and has their presence shown
// anew. It is no ledger event: it changes nothing but how a person is shown.
func (s *Store) SetAvailability(ctx context.Context, tx *db.Tx, who actor.Actor, in Availability) (Availability, error) {
	in.UserID = who.ID
	if !slices.Contains(States, in.State) {
		return in, fault.Field("availability", "The availability is available, busy, away or dnd.")
	}
	text, wrong := line("status_text", in.StatusText, 0, 140)
	if wrong != nil {
		return in, fault.Fields(*wrong)
	}
	in.StatusText = text
	if now := s.clock.Now(); !in.Until.IsZero() && !in.Until.After(now) {
		return in, fault.Field("until", "The end lies in the past. Leave it out to keep the state until you change it.")
	}
	res, err := tx.Exec(ctx, `UPDATE account SET availability=$2, status_text=$3, availability_until=$4 WHERE id=$1`, who.ID, in.State, in.StatusText, db.Micro(in.Until))
	if err != nil {
		return in, fmt.Errorf("store availability: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return in, notFound(who.Name)
	}
	tx.AfterCommit(func() { s.bus.Publish("presence", who.ID) })
	return in, nil
}

// EndAvailability makes a person available again whose state was to end by now,
// and has it shown.
func (s *Store) EndAvailability(ctx context.Context, tx *db.Tx, userID string) error {
	res, err := tx.Exec(ctx, `UPDATE account SET availability='available', status_text='', availability_until=0 WHERE id=$1 AND availability_until > 0 AND availability_until <= $2`, userID, db.Micro(s.clock.Now()))
	if err != nil {
		return fmt.Errorf("end availability: %w", err)
	}
	if n, _ := res.RowsAffected(); n > 0 {
		tx.AfterCommit(func() { s.bus.Publish("presence", userID) })
	}
	return nil
}

// AvailabilityOf returns one person's availability; an ended one is over.
func (s *Store) AvailabilityOf(ctx context.Context, q db.Querier, userID string) (Availability, error) {
	all, err := s.availability(ctx, q, ` WHERE id = $1`, userID)
	if err != nil {
		return Availability{}, err
	}
	a, ok := all[userID]
	if !ok {
		return a, notFound(userID)
	}
	return a, nil
}

// Availabilities returns everybody's, by user id.
func (s *Store) Availabilities(ctx context.Context, q db.Querier) (map[string]Availability, error) {
	return s.availability(ctx, q, "")
}

func (s *Store) availability(ctx context.Context, q db.Querier, where string, args ...any) (map[string]Availability, error) {
	now := s.clock.Now()
	all, err := db.All(ctx, q, func(r db.Scanner) (a Availability, err error) {
		var until int64
		err = r.Scan(&a.UserID, &a.State, &a.StatusText, &until)
		if a.Until = db.At(until); until != 0 && !now.Before(a.Until) {
			a = Availability{UserID: a.UserID, State: "available"}
		}
		return a, err
	}, `SELECT id, availability, status_text, availability_until FROM account`+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read availability: %w", err)
	}
	out := map[string]Availability{}
	for _, a := range all {
		out[a.UserID] = a
	}
	return out, nil
}

package account

import (
	"context"
	"fmt"

	"muster/internal/actor"
	"muster/internal/db"
)

// GuestGroup is the only group of guests; no role can have its name.
const GuestGroup = "guest"

// GuestLogin is the name of a guest's account. Nobody signs in by it.
func GuestLogin(guestID string) string { return "guest-" + guestID[max(0, len(guestID)-12):] }

// AddGuest makes the account of a guest whom somebody let into a room: shown
// like a person's, and good for nothing else. Office has checked who may.
func (s *Store) AddGuest(ctx context.Context, tx *db.Tx, guestID, display, title string) error {
	now := db.Micro(s.clock.Now())
	if _, err := tx.Exec(ctx, `INSERT INTO account (id, name, display, email, title, team, kind, disabled, password, password_at, failures, locks, locked_until, availability, status_text, availability_until, created_at, updated_at)
		VALUES ($1,$2,$3,'',$4,'',$5,FALSE,'',$6,0,0,0,'available','',0,$6,$6)`, guestID, GuestLogin(guestID), display, title, string(actor.Guest), now); err != nil {
		return fmt.Errorf("add a guest: %w", err)
	}
	u, err := s.Get(ctx, tx, guestID)
	if err != nil {
		return err
	}
	s.tell(tx, u)
	return nil
}

// EndGuest closes a guest's account; it stays for the record.
func (s *Store) EndGuest(ctx context.Context, tx *db.Tx, guestID string) error {
	if _, err := tx.Exec(ctx, `UPDATE account SET disabled=TRUE, updated_at=$2 WHERE id=$1 AND kind=$3`, guestID, db.Micro(s.clock.Now()), string(actor.Guest)); err != nil {
		return fmt.Errorf("end a guest: %w", err)
	}
	u, err := s.Get(ctx, tx, guestID)
	if err != nil {
		return err
	}
	s.tell(tx, u)
	return nil
}

package account

import (
	"context"
	"fmt"
	"strings"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
)

// What somebody did with another's account.
const (
	HandCreated  = "created"  // knew its first password
	HandPassword = "password" // gave it a new one
	HandRoles    = "roles"    // changed what it may do
	HandToken    = "token"    // made an API token for it
)

// Hand is one person's hand in another's account: a means to act as them. Of
// the same kind by the same person only the latest is kept; the ledger has all.
type Hand struct {
	Account string // user id
	By      string // user id
	What    string
	At      time.Time
}

// touch notes that who had a hand in an account. What the system and the
// machine's administrator do is not noted: nothing here holds them back.
func (s *Store) touch(ctx context.Context, tx *db.Tx, who actor.Actor, userID, what string) error {
	for _, by := range []string{who.ID, who.LentBy} {
		if by == "" || by == userID || strings.HasPrefix(by, "system:") {
			continue
		}
		if _, err := tx.Exec(ctx, `INSERT INTO account_touch (account, by_whom, what, at) VALUES ($1,$2,$3,$4)
			ON CONFLICT (account, by_whom, what) DO UPDATE SET at = excluded.at`, userID, by, what, db.Micro(s.clock.Now())); err != nil {
			return fmt.Errorf("note who changed an account: %w", err)
		}
	}
	return nil
}

// HandsSince lists who had a hand in which account since then, the latest first.
func (s *Store) HandsSince(ctx context.Context, q db.Querier, since time.Time) ([]Hand, error) {
	hs, err := db.All(ctx, q, func(r db.Scanner) (h Hand, err error) {
		var at int64
		err = r.Scan(&h.Account, &h.By, &h.What, &at)
		h.At = db.At(at)
		return h, err
	}, `SELECT account, by_whom, what, at FROM account_touch WHERE at > $1 ORDER BY at DESC, account, by_whom`, db.Micro(since))
	if err != nil {
		return nil, fmt.Errorf("read who changed an account: %w", err)
	}
	return hs, nil
}

package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"muster/internal/account"
	"muster/internal/db"
	"muster/internal/ledger"
	"muster/internal/notify"
)

// recordThere refuses to begin a new record, or to go on under a new key, where
// there was one: it would look as if nothing had been done before.
func (a *App) recordThere(ctx context.Context) error {
	head, err := ledger.Head(ctx, a.DB.Read())
	if err != nil {
		return fmt.Errorf("read the ledger's head: %w", err)
	}
	beside, err := ledger.Beside(ctx, a.DB.Read())
	if err != nil {
		return err
	}
	if _, err := os.Stat(a.cfg.LedgerKeyFile()); errors.Is(err, fs.ErrNotExist) && (head != "" || beside > 0) {
		return fmt.Errorf("the ledger's key %s is missing, but there is a ledger signed with it; restore the key from your backup", a.cfg.LedgerKeyFile())
	}
	if head != "" || beside == 0 {
		return nil
	}
	return fmt.Errorf("the ledger is missing: it is empty beside %d accounts, each of which was recorded; keep this data as evidence, tell the auditors, and restore a backup", beside)
}

const (
	// soundWithin bounds the look at the record after a start.
	soundWithin = 10 * time.Minute
	// soundMost is how many records are looked at whole; of more, the newest so many.
	soundMost = 1_000_000
)

// watchRecord looks at the whole record once the server is up. What it finds is
// said on /readyz, in the log, and to those who answer for it; serving goes on,
// since people work here and the damage is not theirs.
func (a *App) watchRecord(ctx context.Context) {
	defer close(a.looked)
	ctx, cancel := context.WithTimeout(ctx, soundWithin)
	defer cancel()
	pub, err := os.ReadFile(ledger.PublicKeyFile(a.cfg.LedgerKeyFile()))
	var rep ledger.Report
	if err == nil {
		err = a.DB.Snapshot(ctx, func(q db.Querier) error {
			var n int64
			if err := q.QueryRow(ctx, `SELECT COUNT(*) FROM ledger_event`).Scan(&n); err != nil {
				return err
			}
			if n > soundMost {
				rep, err = ledger.VerifyTail(ctx, q, string(pub), soundMost/10)
			} else {
				rep, err = ledger.Verify(ctx, q, string(pub), "")
			}
			return err
		})
	}
	if err != nil {
		if ctx.Err() == nil {
			a.log.Error("the ledger could not be verified", "error", err)
		}
		return
	}
	if rep.OK() {
		return
	}
	first := rep.Problems[0].Text
	a.unsound.Store(true)
	a.log.Error("the ledger is NOT sound: run muster ledger verify, and keep the data as evidence", "findings", len(rep.Problems), "first", first)
	err = a.DB.Do(ctx, func(tx *db.Tx) error {
		told := map[string]bool{}
		for _, role := range []string{account.Auditor, account.Administrator} {
			people, err := a.Accounts.WithRole(ctx, tx, role)
			if err != nil {
				return err
			}
			for _, u := range people {
				if told[u.ID] {
					continue
				}
				told[u.ID] = true
				if _, err := a.Notify.Send(ctx, tx, notify.New{Person: u.ID, Kind: "info", Title: "The ledger is not sound", Link: "/ledger", Email: true,
					Body: fmt.Sprintf("When the server started, %d findings: %s Run muster ledger verify on the server, and keep the data as evidence.", len(rep.Problems), first),
					Key:  "unsound " + a.Clock.Now().UTC().Format(time.DateOnly)}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		a.log.Error("nobody could be told that the ledger is not sound", "error", err)
	}
}

package run

import (
	"context"
	"fmt"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/ledger"
)

// Doubt puts into question what a restored database believes about runs: one
// that was queued or running when the backup was made may long have ended, on
// real machines. Idempotent or not, it is not begun again; a person looks at
// the nodes and settles it. It is asked for before Start.
func (s *Store) Doubt(ctx context.Context, tx *db.Tx, who actor.Actor) (int, error) {
	ids, err := db.All(ctx, tx, db.Strings, `SELECT id FROM run WHERE state IN ('queued', 'running') ORDER BY number`)
	if err != nil {
		return 0, fmt.Errorf("look for runs to doubt: %w", err)
	}
	for _, id := range ids {
		r, err := s.load(ctx, tx, id)
		if err != nil {
			return 0, err
		}
		if _, err := tx.Exec(ctx, `UPDATE run SET state = $2, reason = $3, attempt = attempt + 1, lease_until = 0 WHERE id = $1`,
			id, Unknown, "it was "+r.State+" when the backup was made from which this server was restored; whether it went on after that is not known. Look at the nodes, then settle it"); err != nil {
			return 0, fmt.Errorf("doubt run %s: %w", id, err)
		}
		about := r.about()
		about.Outcome = ledger.Failed
		if err := s.Ledger.Append(ctx, tx, who, about, WorkerLost{r.Number, r.Title, r.Attempt, false}); err != nil {
			return 0, err
		}
		if _, err := s.changed(ctx, tx, id); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}

package notify

import (
	"context"
	"fmt"
	"time"

	"muster/internal/db"
	"muster/internal/task"
)

// What a channel was tried for is kept a while and then forgotten: a mail server
// that is down for a day leaves hundreds of tries of each page. What became of a
// delivery stays with its notification, and that somebody was paged in the ledger.
const (
	taskForget  = "notify.forget"
	keepTries   = 90 * 24 * time.Hour
	forgetBatch = 1000 // of rows in one transaction
)

// oldTry is a try whose time is over, $1; those of what is still asked for stay.
const oldTry = ` FROM notification_attempt WHERE at < $1 AND notification NOT IN (SELECT n.id FROM notification n WHERE` + isOpen + ` AND` + asks + `)`

// forgetLater plans to forget what is noted now. All tries of a day share one
// task, that of the day after their time is over.
func (s *Store) forgetLater(ctx context.Context, tx *db.Tx) error {
	due := s.clock.Now().Add(keepTries).Truncate(24 * time.Hour).Add(24 * time.Hour)
	return s.tasks.Enqueue(ctx, tx, taskForget, nil, task.Options{At: due, Key: due.UTC().Format(time.DateOnly)})
}

// Watch plans, when the server starts, to forget tries that an earlier Muster
// noted and planned nothing for.
func (s *Store) Watch(ctx context.Context) error {
	return s.db.Do(ctx, func(tx *db.Tx) error {
		return s.tasks.Enqueue(ctx, tx, taskForget, nil, task.Options{Key: "start"})
	})
}

// Forget deletes the tries whose time is over.
func (s *Store) Forget(ctx context.Context) error {
	before := db.Micro(s.clock.Now().Add(-keepTries))
	for {
		var n int64
		err := s.db.Do(ctx, func(tx *db.Tx) error {
			res, err := tx.Exec(ctx, `DELETE FROM notification_attempt WHERE id IN (SELECT id`+oldTry+fmt.Sprintf(` LIMIT %d)`, forgetBatch), before)
			if err != nil {
				return fmt.Errorf("forget tries: %w", err)
			}
			if n, err = res.RowsAffected(); err != nil || n == forgetBatch {
				return err
			}
			// Those of pages that are still open are looked at again tomorrow.
			var left int
			if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM notification_attempt WHERE at < $1 LIMIT 1) AS kept`, before).Scan(&left); err != nil || left == 0 {
				return err
			}
			due := s.clock.Now().Truncate(24 * time.Hour).Add(24 * time.Hour)
			return s.tasks.Enqueue(ctx, tx, taskForget, nil, task.Options{At: due, Key: due.UTC().Format(time.DateOnly)})
		})
		if err != nil || n < forgetBatch {
			return err
		}
	}
}

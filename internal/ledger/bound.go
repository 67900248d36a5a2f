package ledger

import (
	"context"
	"fmt"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
)

// Bound refuses what somebody did most times within span, as the record has it,
// so that it holds on every server. things names what was made. The system is
// not bound: what it does follows from what others did.
func (l *Ledger) Bound(ctx context.Context, q db.Querier, who actor.Actor, ev Event, most int, span time.Duration, things string) error {
	if who.IsSystem() {
		return nil
	}
	now := l.clock.Now()
	var n int
	var first int64
	if err := q.QueryRow(ctx, `SELECT COUNT(*), COALESCE(MIN(at), 0) FROM (SELECT at FROM ledger_event WHERE actor = $1 AND kind = $2 AND at > $3 ORDER BY at DESC LIMIT $4) lately`,
		who.ID, ev.EventKind(), db.Micro(now.Add(-span)), most).Scan(&n, &first); err != nil {
		return fmt.Errorf("count what somebody made: %w", err)
	}
	if n < most {
		return nil
	}
	return fault.Later(fault.RateLimited, db.At(first).Add(span).Sub(now), fmt.Sprintf("You made %d %s within %d minutes, as many as one may.", n, things, int(span.Minutes())))
}

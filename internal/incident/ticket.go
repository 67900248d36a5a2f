package incident

import (
	"context"
	"fmt"

	"muster/internal/db"
)

// Ticket names an incident.
type Ticket struct {
	Key string // INC-2041
	URL string // where the ticket system shows it; "" for our own series
}

// TicketSystem gives a new incident its ticket, inside the declaring
// transaction: it must not leave the process. An outside system (Jira) is told
// by a task afterwards and its key replaces the number given here.
type TicketSystem interface {
	Next(ctx context.Context, tx *db.Tx) (Ticket, error)
}

// Series is the built-in ticket system: a prefix and a number that grows.
type Series struct {
	Prefix string // "" is INC
	Start  int64  // first number of an unused series; 0 is 1001
}

// Next takes the next number. The row is locked until the commit, so a failed
// declaration leaves no gap.
func (t Series) Next(ctx context.Context, tx *db.Tx) (Ticket, error) {
	prefix, start := t.Prefix, t.Start
	if prefix == "" {
		prefix = "INC"
	}
	if start <= 0 {
		start = 1001
	}
	var n int64
	err := tx.QueryRow(ctx, `INSERT INTO ticket_series (name, last) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET last = CASE WHEN ticket_series.last + 1 < excluded.last THEN excluded.last ELSE ticket_series.last + 1 END RETURNING last`, prefix, start).Scan(&n)
	if err != nil {
		return Ticket{}, fmt.Errorf("next ticket: %w", err)
	}
	return Ticket{Key: fmt.Sprintf("%s-%d", prefix, n)}, nil
}

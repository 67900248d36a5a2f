package db

import (
	"database/sql"

	"muster/internal/meter"
)

// measures of an open database; they count nothing until Measure.
type measures struct {
	seconds *meter.Histogram
	shared  *meter.Histogram
	retries *meter.Counter
}

// Measure shows how the database does. Call it before the first transaction.
func (d *DB) Measure(m *meter.Meter) {
	d.seconds = m.Histogram("db_transaction_seconds", "From asking for a transaction to its answer, waiting for others included.", meter.Fast, "outcome").Zero("ok", "error")
	d.shared = m.Histogram("db_commit_group_size", "Transactions that shared one commit (SQLite; 1 each on PostgreSQL).", meter.Sizes)
	d.retries = m.Counter("db_retries_total", "Transactions begun again after a conflict (PostgreSQL).")
	pools := map[string]*sql.DB{"write": d.write}
	if d.read != d.write {
		pools["read"] = d.read
	}
	m.Gauges("db_connections", "Connections of a pool, by what they do.", []string{"pool", "state"}, func(set func(float64, ...string)) {
		for name, p := range pools {
			s := p.Stats()
			set(float64(s.InUse), name, "in_use")
			set(float64(s.Idle), name, "idle")
		}
	})
	m.Sum("db_pool_wait_seconds_total", "Time spent waiting for a free connection.", func() (s float64) {
		for _, p := range pools {
			s += p.Stats().WaitDuration.Seconds()
		}
		return s
	})
}

func outcome(err error) string {
	if err != nil {
		return "error"
	}
	return "ok"
}

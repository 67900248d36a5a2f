package db

// Waiting is how many callers stand in the queue of SQLite's writer.
func (d *DB) Waiting() int { return len(d.jobs) }

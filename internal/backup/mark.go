package backup

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/ledger"
)

// Made is the ledger event of a backup. It is recorded after the fact, so the
// backup itself does not have it.
type Made struct {
	File      string `json:"file" class:"internal"`
	Rows      int64  `json:"rows" class:"public"`
	Files     int64  `json:"files" class:"public"`
	Records   int64  `json:"records" class:"public"` // of the ledger in it
	Encrypted bool   `json:"encrypted" class:"public"`
	WithKeys  bool   `json:"with_keys" class:"public"`
}

func (Made) EventKind() string { return "backup.Made" }

// Returned is the ledger event of a server that begins on a restored backup:
// what was recorded after it was made is not here.
type Returned struct {
	From     string `json:"from" class:"internal"`
	MadeAt   string `json:"made_at" class:"public"`
	Records  int64  `json:"records" class:"public"`
	Doubtful int    `json:"doubtful" class:"public"` // runs that may have gone on after the backup
	Sessions int64  `json:"sessions" class:"public"` // that were ended
}

func (Returned) EventKind() string { return "backup.Restored" }

// Moved is the ledger event of a server that begins on another database than before.
type Moved struct {
	From    string `json:"from" class:"internal"`
	Records int64  `json:"records" class:"public"`
}

func (Moved) EventKind() string { return "backup.Moved" }

// Mark is left in a database that was restored or moved, until its server,
// starting, has recorded it.
type Mark struct {
	Kind    string `json:"kind"` // restored, moved
	From    string `json:"from"`
	MadeAt  string `json:"made_at"`
	Records int64  `json:"records"`
}

const markName = "backup.mark"

func leaveMark(ctx context.Context, b *db.Bulk, m Mark) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = b.Exec(ctx, `INSERT INTO setting (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, markName, string(text))
	return err
}

// Settle records what Restore or Move left to be recorded, once. doubt puts
// into question what may have happened after the backup was made.
func Settle(ctx context.Context, tx *db.Tx, l *ledger.Ledger, doubt func(ctx context.Context, tx *db.Tx) (runs int, sessions int64, err error)) (Mark, error) {
	text, err := db.One(ctx, tx, db.Strings, `SELECT value FROM setting WHERE name = $1`, markName)
	if db.IsNoRows(err) {
		return Mark{}, nil
	}
	if err != nil {
		return Mark{}, fmt.Errorf("look for the mark of a restore: %w", err)
	}
	m, err := db.FromJSON[Mark](text)
	if err != nil {
		return m, err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM setting WHERE name = $1`, markName); err != nil {
		return m, fmt.Errorf("take away the mark of a restore: %w", err)
	}
	var ev ledger.Event = Moved{m.From, m.Records}
	if m.Kind == "restored" {
		runs, sessions, err := doubt(ctx, tx)
		if err != nil {
			return m, err
		}
		ev = Returned{m.From, m.MadeAt, m.Records, runs, sessions}
	}
	return m, l.Append(ctx, tx, actor.System("backup"), ledger.About{Resource: "backup:" + m.From}, ev)
}

// Last is what a data folder remembers of its newest backup; doctor reads it.
type Last struct {
	File      string    `json:"file"`
	At        time.Time `json:"at"`
	Bytes     int64     `json:"bytes"`
	Records   int64     `json:"records"`
	Encrypted bool      `json:"encrypted"`
	WithKeys  bool      `json:"with_keys"`
}

// LastFile is its name in the data folder.
const LastFile = "last-backup.json"

// Package backup takes a whole Muster along: into an encrypted file and back,
// or from SQLite to PostgreSQL.
//
// Invariants: what is taken is one state of the database, whoever writes
// meanwhile, with every file its rows point to; what is written appears whole
// or not at all; what is read back is compared, row by row and file by file,
// with what was taken, and its ledger verified, before it counts. Rows are
// carried as the schema itself describes them, so a new table needs nothing
// here. Which settings and keys there are is told by the composition root.
package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
)

// Format of the archive. A reader refuses a newer one.
const Format = 1

// Header stands first in an archive.
type Header struct {
	Format    int        `json:"format"`
	Muster    string     `json:"muster"` // version that made it
	MadeAt    time.Time  `json:"made_at"`
	Engine    string     `json:"engine"`     // sqlite, postgres
	Schema    int64      `json:"schema"`     // version of the tables
	LedgerKey string     `json:"ledger_key"` // public: what verifies the record
	Tables    []db.Table `json:"tables"`     // in the order in which they can be loaded
}

// TableSum is what a table held.
type TableSum struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"`
}

// Manifest stands last in an archive: without it the archive is not whole.
type Manifest struct {
	Header  `json:"-"`
	Tables  []TableSum `json:"tables"`
	Rows    int64      `json:"rows"`
	Blobs   BlobSum    `json:"blobs"`
	Missing []string   `json:"missing"` // files that rows point to and that were not there when it was made
	Keys    []string   `json:"keys"`
	Ledger  LedgerHead `json:"ledger"`
}

// BlobSum is what the files were.
type BlobSum struct {
	Count  int64  `json:"count"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // over key, size and SHA-256 of each, in order
}

// LedgerHead is where the record ended.
type LedgerHead struct {
	Records    int64  `json:"records"`
	Checkpoint string `json:"checkpoint"`
}

// Progress hears what is being done.
type Progress func(format string, a ...any)

const (
	headerName   = "muster-backup.json"
	manifestName = "manifest.json"
	maxDocument  = 64 << 20 // of header, manifest or a key file
	maxBlob      = 16 << 30
	maxMissing   = 1000 // named in the manifest
)

func engine(d db.Dialect) string {
	if d == db.Postgres {
		return "postgres"
	}
	return "sqlite"
}

// ledgerHead reads where the record ends.
func ledgerHead(ctx context.Context, q db.Querier, verifier string) (LedgerHead, error) {
	signed, err := ledger.Head(ctx, q)
	if err != nil {
		return LedgerHead{}, fmt.Errorf("read the ledger's head: %w", err)
	}
	if signed == "" {
		return LedgerHead{}, nil
	}
	c, err := ledger.OpenCheckpoint(signed, verifier)
	if err != nil {
		return LedgerHead{}, fault.Wrap(fault.Conflict, "The ledger's head does not fit ledger.pub. Run: muster ledger verify", err)
	}
	return LedgerHead{c.Size, signed}, nil
}

// pointers are the columns that hold the key of a file.
func pointers(tables []db.Table) map[string]string {
	out := map[string]string{}
	for _, t := range tables {
		for _, c := range t.Columns {
			if c.Name == "blob" && c.Type == db.Text {
				out[t.Name] = c.Name
			}
		}
	}
	return out
}

// missing names files that rows point to and that are not in root.
func missing(ctx context.Context, q db.Querier, tables []db.Table, root *os.Root) ([]string, error) {
	out := []string{}
	for table, column := range pointers(tables) {
		rows, err := q.Query(ctx, `SELECT `+db.Quote(column)+` FROM `+db.Quote(table)+` WHERE `+db.Quote(column)+` <> ''`)
		if err != nil {
			return nil, fmt.Errorf("read table %s: %w", table, err)
		}
		for rows.Next() {
			var key string
			if err := rows.Scan(&key); err != nil {
				_ = rows.Close()
				return nil, err
			}
			if _, err := root.Lstat(key); errors.Is(err, fs.ErrNotExist) && len(out) < maxMissing {
				out = append(out, key)
			} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
				_ = rows.Close()
				return nil, fmt.Errorf("look for blob %s: %w", key, err)
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// plainWords turns what the system says into what to do.
func plainWords(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case db.IsFull(err):
		return fault.Wrap(fault.Unavailable, fmt.Sprintf("There is no space left to %s. Nothing was left behind; make room and try again.", what), err)
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(fault.Denied, fmt.Sprintf("You may not %s (%v). Run this as the user Muster runs as.", what, err), err)
	case fault.KindOf(err) != fault.Internal, errors.Is(err, context.Canceled):
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}

func decode(r io.Reader, into any) error {
	b, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err != nil {
		return err
	}
	if len(b) > maxDocument {
		return fault.New(fault.TooLarge, "A part of the archive is larger than it can be.")
	}
	return json.Unmarshal(b, into)
}

// MissingFiles names files that rows point to and that are not in the folder.
func MissingFiles(ctx context.Context, q db.Querier, folder string) ([]string, error) {
	tables, err := db.Tables(ctx, q)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // none was ever written
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return missing(ctx, q, tables, root)
}

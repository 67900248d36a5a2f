package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
)

// Move copies one database into another, empty one.
type Move struct {
	From      *db.DB
	FromName  string // for the record
	To        string // postgres://…
	LedgerKey string // public key
	Check     bool   // only look whether it would work
	Tell      Progress
}

// MoveReport says what was, or would be, copied.
type MoveReport struct {
	Tables  []TableSum `json:"tables"`
	Rows    int64      `json:"rows"`
	Records int64      `json:"records"`
	Unfit   []string   `json:"unfit"` // rows that the target would not take
}

// Do copies in one transaction of the target and compares before it commits:
// stopped at any point, the target is as empty as before.
func (m Move) Do(ctx context.Context) (rep MoveReport, err error) {
	rep.Unfit, rep.Tables = []string{}, []TableSum{}
	if err := Vacant(ctx, m.To); err != nil {
		return rep, err
	}
	err = m.From.Snapshot(ctx, func(q db.Querier) error {
		version, err := db.SchemaVersion(ctx, q)
		if err != nil {
			return err
		}
		if version == 0 || version > db.Latest() {
			return fault.Newf(fault.Conflict, "The database has schema %d, this program knows %d. Use the Muster that wrote it.", version, db.Latest())
		}
		tables, err := db.Tables(ctx, q)
		if err != nil {
			return err
		}
		if m.Check {
			return m.check(ctx, q, tables, &rep)
		}
		target, err := db.OpenAt(ctx, m.To, version)
		if err != nil {
			return fault.Wrap(fault.Unavailable, "The tables cannot be made in the target: "+err.Error(), err)
		}
		err = target.Bulk(ctx, func(b *db.Bulk) error { return m.copy(ctx, q, b, tables, &rep) })
		return errors.Join(err, target.Close())
	})
	return rep, err
}

// check reads everything and says what would not pass.
func (m Move) check(ctx context.Context, q db.Querier, tables []db.Table, rep *MoveReport) error {
	const most = 20
	for _, t := range tables {
		r, err := read(ctx, q, t)
		if err != nil {
			return err
		}
		s := newSum()
		for {
			row, err := r.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err == nil {
				_, err = s.frame(row)
			}
			if err != nil {
				r.close()
				return err
			}
			if err := unfit(t, row); err != nil && len(rep.Unfit) < most {
				rep.Unfit = append(rep.Unfit, fault.Message(err))
			}
		}
		r.close()
		rep.add(TableSum{t.Name, s.rows, s.hex()})
	}
	return m.verify(ctx, q, rep)
}

func (r *MoveReport) add(t TableSum) {
	r.Tables = append(r.Tables, t)
	r.Rows += t.Rows
}

func (m Move) verify(ctx context.Context, q db.Querier, rep *MoveReport) error {
	v, err := ledger.Verify(ctx, q, m.LedgerKey, "")
	if err != nil {
		return err
	}
	if !v.OK() {
		return fault.Newf(fault.Conflict, "The ledger is NOT sound (findings: %d). The first: %s Look into that before moving anything: muster ledger verify", len(v.Problems), v.Problems[0].Text)
	}
	rep.Records = v.Records
	return nil
}

func (m Move) copy(ctx context.Context, q db.Querier, b *db.Bulk, tables []db.Table, rep *MoveReport) error {
	if err := fits(ctx, b, tables); err != nil {
		return err
	}
	for _, t := range slices.Backward(tables) { // rows that migrations themselves bring
		if _, err := b.Exec(ctx, `DELETE FROM `+db.Quote(t.Name)); err != nil {
			return err
		}
	}
	for _, t := range tables {
		s, err := copyTable(ctx, q, b, t)
		if err != nil {
			return err
		}
		if s.Rows > 0 {
			m.Tell("%s: %d rows", t.Name, s.Rows)
		}
		rep.add(s)
	}
	m.Tell("comparing")
	for _, want := range rep.Tables {
		t := tables[slices.IndexFunc(tables, func(t db.Table) bool { return t.Name == want.Name })]
		rows, sha, err := digest(ctx, b, t)
		if err != nil {
			return err
		}
		if rows != want.Rows || sha != want.SHA256 {
			return fmt.Errorf("table %s differs after copying (%d rows of %d); nothing was kept in the target", t.Name, rows, want.Rows)
		}
	}
	if err := m.verify(ctx, b, rep); err != nil {
		return err
	}
	return leaveMark(ctx, b, Mark{Kind: "moved", From: m.FromName, Records: rep.Records})
}

func copyTable(ctx context.Context, q db.Querier, b *db.Bulk, t db.Table) (TableSum, error) {
	r, err := read(ctx, q, t)
	if err != nil {
		return TableSum{}, err
	}
	defer r.close()
	s := newSum()
	var failed error // the reading's; the driver may hide it behind its own
	_, err = b.Insert(ctx, t, func() ([]any, error) {
		row, err := r.next()
		if err == nil && b.Dialect() == db.Postgres {
			err = unfit(t, row)
		}
		if err == nil {
			_, err = s.frame(row)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			failed = err
		}
		return row, err
	})
	if failed != nil {
		return TableSum{}, failed
	}
	if err != nil {
		return TableSum{}, fmt.Errorf("copy table %s: %w", t.Name, err)
	}
	return TableSum{t.Name, s.rows, s.hex()}, nil
}

// Vacant refuses a PostgreSQL database with anything in it, but not the empty
// tables that an interrupted move or restore left.
func Vacant(ctx context.Context, url string) error {
	d, err := db.OpenReadOnly(url)
	if err != nil {
		return err
	}
	defer d.Close()
	q := d.Read()
	if q.Dialect() != db.Postgres {
		return fault.New(fault.Invalid, "The target is given as postgres://USER:PASSWORD@HOST:PORT/DATABASE.")
	}
	names, err := db.TableNames(ctx, q)
	if err != nil {
		return fault.Wrap(fault.Unavailable, "The target database does not answer, or does not let us in: "+rootCause(err).Error()+". Check the address, and that it runs.", err)
	}
	if len(names) == 0 {
		return nil
	}
	version, err := db.SchemaVersion(ctx, q)
	if err != nil {
		return err
	}
	if version == 0 || version > db.Latest() {
		return fault.Newf(fault.Conflict, "The target database has tables that are not this Muster's (%s). Give an empty one: CREATE DATABASE muster OWNER …", strings.Join(names[:min(len(names), 5)], ", "))
	}
	seeds, err := seeds(ctx, version)
	if err != nil {
		return err
	}
	for name, n := range seeds {
		var rows int64
		if err := q.QueryRow(ctx, `SELECT COUNT(*) FROM `+db.Quote(name)).Scan(&rows); err != nil {
			return err
		}
		if rows > n {
			return fault.Newf(fault.Conflict, "The target database is not empty: table %s has %d rows. Give an empty one: CREATE DATABASE muster OWNER …", name, rows)
		}
	}
	return nil
}

// seeds counts what migrations themselves put into each table.
func seeds(ctx context.Context, version int64) (map[string]int64, error) {
	dir, err := os.MkdirTemp("", "muster-schema-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	d, err := db.OpenAt(ctx, filepath.Join(dir, sqliteFile), version)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	tables, err := db.Tables(ctx, d.Read())
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for _, t := range tables {
		var n int64
		if err := d.Read().QueryRow(ctx, `SELECT COUNT(*) FROM `+db.Quote(t.Name)).Scan(&n); err != nil {
			return nil, err
		}
		out[t.Name] = n
	}
	return out, nil
}

func rootCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

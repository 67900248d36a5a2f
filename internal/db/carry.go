package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"muster/internal/fault"
)

// What is in this file moves whole databases: a reading that stays the same
// while others write, and a writing that is all or nothing.

// OpenAt opens url like Open but with the schema of version, which may be older
// than this program's: the rows of an old backup go into the tables they had.
func OpenAt(ctx context.Context, url string, version int64) (*DB, error) {
	return open(ctx, url, func(p *goose.Provider) error {
		_, err := p.UpTo(ctx, version)
		return err
	})
}

// OpenAsIs opens an existing database for writing only if its schema is this
// program's, and never migrates it: a newer program must not change the schema
// under an older server that still runs.
func OpenAsIs(ctx context.Context, url string) (*DB, error) {
	ro, err := OpenReadOnly(url)
	if err != nil {
		return nil, err
	}
	v, err := SchemaVersion(ctx, ro.Read())
	if cerr := ro.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, err
	}
	if v != Latest() {
		return nil, fault.Newf(fault.Conflict, "The database has schema %d and this program %d.", v, Latest())
	}
	return open(ctx, url, func(*goose.Provider) error { return nil })
}

// conn is one connection in a transaction begun by hand, so that both drivers'
// own ways of bulk loading can be reached.
type conn struct {
	c *sql.Conn
	d Dialect
}

func (c conn) Exec(ctx context.Context, q string, a ...any) (sql.Result, error) {
	return c.c.ExecContext(ctx, q, a...)
}
func (c conn) Query(ctx context.Context, q string, a ...any) (*sql.Rows, error) {
	return c.c.QueryContext(ctx, q, a...)
}
func (c conn) QueryRow(ctx context.Context, q string, a ...any) *sql.Row {
	return c.c.QueryRowContext(ctx, q, a...)
}
func (c conn) Dialect() Dialect { return c.d }

// Snapshot runs fn on one unchanging state of the database. Writers go on.
func (d *DB) Snapshot(ctx context.Context, fn func(q Querier) error) error {
	begin := `BEGIN`
	if d.dialect == Postgres {
		begin = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`
	}
	return d.within(ctx, d.read, begin, `ROLLBACK`, func(c conn) error {
		if d.dialect == SQLite { // its snapshot begins with the first reading
			var n int
			if err := c.QueryRow(ctx, `SELECT COUNT(*) FROM sqlite_master`).Scan(&n); err != nil {
				return err
			}
		}
		return fn(c)
	})
}

// Bulk is a transaction that loads whole tables.
type Bulk struct{ conn }

// Bulk runs fn in one transaction: all of it becomes durable, or nothing does.
// No events, no hooks: what is loaded was recorded where it comes from.
func (d *DB) Bulk(ctx context.Context, fn func(b *Bulk) error) error {
	begin := `BEGIN IMMEDIATE`
	if d.dialect == Postgres {
		begin = `BEGIN`
	}
	return d.within(ctx, d.write, begin, `COMMIT`, func(c conn) error { return fn(&Bulk{c}) })
}

func (d *DB) within(ctx context.Context, pool *sql.DB, begin, end string, fn func(conn) error) (err error) {
	c, err := pool.Conn(ctx)
	if err != nil {
		return fault.Wrap(fault.Unavailable, "The database does not answer. Check that it runs and try again.", err)
	}
	defer c.Close()
	if _, err := c.ExecContext(ctx, begin); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	done := false
	defer func() {
		if !done { // the caller's context may be what ended it
			_, _ = c.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
		}
	}()
	if err := fn(conn{c, d.dialect}); err != nil {
		return err
	}
	done = true
	if _, err := c.ExecContext(ctx, end); err != nil {
		_, _ = c.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Insert loads rows into t until next gives io.EOF, and says how many.
func (b *Bulk) Insert(ctx context.Context, t Table, next func() ([]any, error)) (int64, error) {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	if b.d == Postgres {
		n := int64(0)
		err := b.c.Raw(func(driver any) (err error) {
			n, err = driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{t.Name}, names, &copySource{next: next})
			return err
		})
		return n, err
	}
	marks := make([]string, len(names))
	for i := range names {
		names[i] = Quote(names[i])
		marks[i] = fmt.Sprintf("$%d", i+1)
	}
	insert, err := b.c.PrepareContext(ctx, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", Quote(t.Name), strings.Join(names, ", "), strings.Join(marks, ", ")))
	if err != nil {
		return 0, err
	}
	defer insert.Close()
	for n := int64(0); ; n++ {
		row, err := next()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if _, err := insert.ExecContext(ctx, row...); err != nil {
			return n, err
		}
	}
}

type copySource struct {
	next func() ([]any, error)
	row  []any
	err  error
}

func (s *copySource) Next() bool {
	s.row, s.err = s.next()
	if errors.Is(s.err, io.EOF) {
		s.err = nil
		return false
	}
	return s.err == nil
}
func (s *copySource) Values() ([]any, error) { return s.row, nil }
func (s *copySource) Err() error             { return s.err }

// Quote writes a name of the schema into SQL.
func Quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// IsConstraint says whether err means that a row does not fit the others.
func IsConstraint(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return strings.HasPrefix(pg.Code, "23")
	}
	return err != nil && strings.Contains(err.Error(), "constraint failed")
}

// IsFull says whether err means that the disk is full.
func IsFull(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "53100"
	}
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) || err != nil && strings.Contains(err.Error(), "disk is full")
}

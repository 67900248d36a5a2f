// Package db opens SQLite or PostgreSQL and gives transactions to capabilities.
//
// One SQL text serves both engines ($1 placeholders, BIGINT microseconds,
// BOOLEAN, TEXT for JSON). A capability never opens a transaction: its door
// does, with Do, and passes the Tx on.
package db

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the PostgreSQL driver "pgx"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the SQLite driver "sqlite"

	"muster/internal/fault"
)

// Dialect is the engine behind a Querier.
type Dialect int

const (
	SQLite Dialect = iota
	Postgres
)

// Querier reads; a Tx also writes through it.
type Querier interface {
	Exec(ctx context.Context, query string, args ...any) (sql.Result, error)
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) *sql.Row
	Dialect() Dialect
}

// DB is an open database.
type DB struct {
	dialect Dialect
	write   *sql.DB
	read    *sql.DB
	jobs    chan *job
	closed  chan struct{}
	done    chan struct{}
	once    sync.Once
	measures
}

//go:embed migrations/*.sql
var migrations embed.FS

// Open connects to url ("postgres://…", or a file path for SQLite) and brings
// the schema up to date.
func Open(ctx context.Context, url string) (*DB, error) {
	return open(ctx, url, func(p *goose.Provider) error {
		_, err := p.Up(ctx)
		return err
	})
}

func open(ctx context.Context, url string, migrate func(*goose.Provider) error) (*DB, error) {
	d := &DB{jobs: make(chan *job, 1024), closed: make(chan struct{}), done: make(chan struct{})}
	if IsPostgres(url) {
		sep := "?"
		if strings.Contains(url, "?") {
			sep = "&"
		}
		// Generic plans made a search 100 times slower (custom ones are re-planned each time).
		pool, err := sql.Open("pgx", url+sep+"plan_cache_mode=force_custom_plan")
		if err != nil {
			return nil, fmt.Errorf("open PostgreSQL: %w", err)
		}
		pool.SetMaxOpenConns(24)
		pool.SetMaxIdleConns(12)
		d.dialect, d.write, d.read = Postgres, pool, pool
		close(d.done)
	} else {
		const common = "_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=busy_timeout(10000)&_pragma=cache_size(-16000)"
		var err error
		if d.write, err = sql.Open("sqlite", "file:"+url+"?_txlock=immediate&"+common); err != nil {
			return nil, fmt.Errorf("open SQLite: %w", err)
		}
		d.write.SetMaxOpenConns(1)
		if d.read, err = sql.Open("sqlite", "file:"+url+"?"+common+"&_pragma=query_only(1)"); err != nil {
			return nil, fmt.Errorf("open SQLite: %w", err)
		}
		d.read.SetMaxOpenConns(8)
		d.read.SetMaxIdleConns(8)
		d.dialect = SQLite
	}
	if err := d.migrate(migrate); err != nil {
		_ = d.write.Close()
		_ = d.read.Close()
		return nil, err
	}
	if d.dialect == SQLite {
		go d.committer()
	}
	return d, nil
}

// OpenReadOnly opens an existing database for reading only and leaves its
// schema as it is: for verification, beside a running server or offline.
func OpenReadOnly(url string) (*DB, error) {
	d := &DB{closed: make(chan struct{}), done: make(chan struct{})}
	close(d.done)
	driver, dsn := "sqlite", "file:"+url+"?mode=ro&_pragma=busy_timeout(10000)&_pragma=query_only(1)"
	if IsPostgres(url) {
		d.dialect, driver, dsn = Postgres, "pgx", url
	}
	pool, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	d.write, d.read = pool, pool
	return d, nil
}

// IsPostgres says whether url names a PostgreSQL server; otherwise it is a file of SQLite.
func IsPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

func (d *DB) migrate(up func(*goose.Provider) error) error {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	dialect := goose.DialectSQLite3
	if d.dialect == Postgres {
		dialect, sub = goose.DialectPostgres, bytea{sub}
	}
	p, err := goose.NewProvider(dialect, d.write, sub)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	have, known, err := p.GetVersions(context.Background())
	if err != nil {
		return fmt.Errorf("read the database's schema version: %w", err)
	}
	if have > known {
		return fmt.Errorf("this database belongs to a newer Muster: its schema is %d, and this Muster knows up to %d. Start the newer Muster, or restore the backup made before the upgrade; nothing was changed", have, known)
	}
	if err := up(p); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

// Dialect of the engine.
func (d *DB) Dialect() Dialect { return d.dialect }

// Ping says whether the database answers.
func (d *DB) Ping(ctx context.Context) error { return d.read.PingContext(ctx) }

// Close waits for the running transactions and lets go of the database.
func (d *DB) Close() error {
	d.once.Do(func() { close(d.closed) })
	<-d.done
	err := d.write.Close()
	if d.read != d.write {
		err = errors.Join(err, d.read.Close())
	}
	return err
}

// Read is for queries outside a transaction. On SQLite it cannot write.
func (d *DB) Read() Querier { return reader{d} }

type reader struct{ d *DB }

func (r reader) Exec(ctx context.Context, q string, a ...any) (sql.Result, error) {
	return nil, errors.New("db: write outside a transaction")
}
func (r reader) Query(ctx context.Context, q string, a ...any) (*sql.Rows, error) {
	return r.d.read.QueryContext(ctx, q, a...)
}
func (r reader) QueryRow(ctx context.Context, q string, a ...any) *sql.Row {
	return r.d.read.QueryRowContext(ctx, q, a...)
}
func (r reader) Dialect() Dialect { return r.d.dialect }

// Scanner is a row.
type Scanner interface{ Scan(dest ...any) error }

// All runs query and scans every row; the result is never nil.
func All[T any](ctx context.Context, q Querier, scan func(Scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// One runs query and scans its only row; IsNoRows tells a missing one.
func One[T any](ctx context.Context, q Querier, scan func(Scanner) (T, error), query string, args ...any) (T, error) {
	return scan(q.QueryRow(ctx, query, args...))
}

// Strings scans rows of one text column.
func Strings(s Scanner) (v string, err error) { return v, s.Scan(&v) }

// IsNoRows says whether err means that nothing was found.
func IsNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }

// IsUnique says whether err is a violated unique constraint.
func IsUnique(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "23505"
	}
	return err != nil && strings.Contains(err.Error(), "UNIQUE constraint failed")
}

// Micro is how a time is stored: microseconds since 1970, 0 for the zero time.
func Micro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// At reads what Micro wrote.
func At(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// JSON is how a small structure is stored. It panics only on types that
// cannot be marshalled at all, which is a programming error.
func JSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("db.JSON(%T): %v", v, err))
	}
	return string(b)
}

// FromJSON reads what JSON wrote; an empty string gives the zero value.
func FromJSON[T any](s string) (T, error) {
	var v T
	if s == "" {
		return v, nil
	}
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		return v, fmt.Errorf("stored JSON of %T: %w", v, err)
	}
	return v, nil
}

// bytea shows the migrations to PostgreSQL with its name for BLOB.
type bytea struct{ fs.FS }

func (b bytea) Open(name string) (fs.File, error) {
	f, err := b.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return f, err
	}
	defer f.Close()
	text, err := fs.ReadFile(b.FS, name)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return &textFile{st, strings.NewReader(strings.ReplaceAll(string(text), " BLOB", " BYTEA"))}, nil
}

func (b bytea) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(b.FS, name) }

type textFile struct {
	st fs.FileInfo
	*strings.Reader
}

func (t *textFile) Stat() (fs.FileInfo, error) { return t.st, nil }
func (t *textFile) Close() error               { return nil }

var errClosed = fault.New(fault.Unavailable, "Muster is shutting down. Try again in a moment.")

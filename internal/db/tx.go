package db

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"muster/internal/fault"
)

// Tx is a running transaction. It is handed down by Do and must not be kept.
type Tx struct {
	tx      *sql.Tx
	ctx     context.Context // bounds each statement; nil on SQLite, which waits for nobody
	dialect Dialect
	before  []func(context.Context) error
	after   []func()
	values  map[any]any
}

func (t *Tx) Exec(ctx context.Context, q string, a ...any) (sql.Result, error) {
	return t.tx.ExecContext(t.within(ctx), q, a...)
}
func (t *Tx) Query(ctx context.Context, q string, a ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(t.within(ctx), q, a...)
}
func (t *Tx) QueryRow(ctx context.Context, q string, a ...any) *sql.Row {
	return t.tx.QueryRowContext(t.within(ctx), q, a...)
}

// within keeps a closure that brings a context of its own from waiting longer
// than its transaction does.
func (t *Tx) within(ctx context.Context) context.Context {
	if t.ctx == nil {
		return ctx
	}
	end, _ := t.ctx.Deadline()
	if own, ok := ctx.Deadline(); ok && own.Before(end) {
		return ctx
	}
	return t.ctx
}

func (t *Tx) Dialect() Dialect { return t.dialect }

// AfterCommit runs fn once the transaction is durable, in order of
// registration. It must not block; it does not run when anything fails.
func (t *Tx) AfterCommit(fn func()) { t.after = append(t.after, fn) }

// BeforeCommit runs fn as the last thing inside the transaction.
func (t *Tx) BeforeCommit(fn func(context.Context) error) { t.before = append(t.before, fn) }

// Value keeps one thing per transaction and key (the ledger's pending events).
func (t *Tx) Value(key any, make func() any) any {
	if t.values == nil {
		t.values = map[any]any{}
	}
	if v, ok := t.values[key]; ok {
		return v
	}
	v := make()
	t.values[key] = v
	return v
}

type job struct {
	ctx context.Context
	fn  func(tx *Tx) error
	err chan error

	tx  *Tx
	res error
}

// Do runs fn in one transaction: all of it becomes durable, or nothing does.
//
// On SQLite the closures of waiting callers share one commit, each under its
// own savepoint, so an fsync is paid once for many; a caller is answered only
// after the commit. fn must be quick, do no network or file I/O, and bear
// being run again (PostgreSQL serialisation failures are retried). A Do inside
// a Do is an error: pass the Tx on instead.
func (d *DB) Do(ctx context.Context, fn func(tx *Tx) error) error {
	began := time.Now()
	err := d.do(ctx, fn)
	d.seconds.Since(began, outcome(err))
	return err
}

func (d *DB) do(ctx context.Context, fn func(tx *Tx) error) error {
	if d.dialect == Postgres {
		return d.doPostgres(ctx, fn)
	}
	j := &job{ctx: ctx, fn: fn, err: make(chan error, 1)}
	select {
	case <-d.closed:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	case d.jobs <- j:
	}
	// Not on ctx.Done: once taken, the caller must learn what became of it.
	select {
	case err := <-j.err:
		return err
	case <-d.done:
		select {
		case err := <-j.err:
			return err
		default:
			return errClosed
		}
	}
}

// answerIn is how long a transaction waits for PostgreSQL. One that does not
// answer for so long is gone for whoever asked; a request must not wait with it.
const answerIn = 20 * time.Second

func (d *DB) doPostgres(ctx context.Context, fn func(tx *Tx) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerIn, errGaveUp)
	defer cancel()
	var err error
	twin := false
	for range 5 {
		select {
		case <-d.closed:
			return errClosed
		default:
		}
		err = d.tryPostgres(ctx, fn)
		// Two callers at once may both look for a key, find nothing, and store it.
		// The loser looks once more: now it finds what the winner stored, or says
		// itself why there cannot be two.
		if IsUnique(err) && !twin {
			twin = true
			continue
		}
		if !retryable(err) {
			return err
		}
		d.retries.Inc()
	}
	return fault.Wrap(fault.Unavailable, "The database is busy with the same rows. Nothing was changed; try again.", err)
}

func (d *DB) tryPostgres(ctx context.Context, fn func(tx *Tx) error) error {
	// Whether a commit under way is stored must be learned even when the caller
	// leaves, or screens would not be told of what stands.
	bg, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), answerIn, errGaveUp)
	defer cancel()
	tx, err := d.write.BeginTx(bg, nil)
	if err != nil {
		return fault.Wrap(fault.Unavailable, gone+" "+unchanged, err)
	}
	defer func() { _ = tx.Rollback() }()
	t := &Tx{tx: tx, ctx: ctx, dialect: Postgres}
	if err := t.run(ctx, fn); err != nil {
		return explain(late(ctx, err), unchanged)
	}
	if err := ctx.Err(); err != nil {
		return explain(late(ctx, err), unchanged)
	}
	if err := tx.Commit(); err != nil {
		return explain(late(bg, fmt.Errorf("commit: %w", err)), uncertain)
	}
	d.shared.Observe(1)
	t.tell()
	return nil
}

// late names the reason where a context ended by our own patience.
func late(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(context.Cause(ctx), errGaveUp) {
		return fmt.Errorf("%w: %w", errGaveUp, err)
	}
	return err
}

func retryable(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "40001" || pg.Code == "40P01")
}

// run turns a panic of fn into an error, so that one caller's bug neither ends
// the process nor the transactions of others that share the commit.
func (t *Tx) run(ctx context.Context, fn func(tx *Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v\n%s", p, debug.Stack())
		}
	}()
	if err := fn(t); err != nil {
		return err
	}
	for i := 0; i < len(t.before); i++ { // one may register another
		if err := t.before[i](ctx); err != nil {
			return err
		}
	}
	return nil
}

// maxGroup bounds how many callers wait for one commit.
const maxGroup = 256

// committer owns the SQLite writer.
func (d *DB) committer() {
	defer close(d.done)
	for {
		var first *job
		select {
		case first = <-d.jobs:
		case <-d.closed:
			for { // answer who is still in the queue
				select {
				case j := <-d.jobs:
					j.err <- errClosed
				default:
					return
				}
			}
		}
		d.group(first)
	}
}

func (d *DB) group(first *job) {
	// The transaction belongs to all of the group: no caller's context may end it.
	bg := context.Background()
	group := []*job{first}
	tx, err := d.write.BeginTx(bg, nil)
	if err != nil {
		first.err <- fault.Wrap(fault.Unavailable, cmp.Or(Outage(err), gone)+" "+unchanged, err)
		return
	}
	sound := d.one(bg, tx, first)
more:
	for sound && len(group) < maxGroup {
		select {
		case j := <-d.jobs:
			group = append(group, j)
			sound = d.one(bg, tx, j)
		default:
			break more
		}
	}
	if err = errBroken; sound {
		err = tx.Commit()
	}
	if err != nil {
		_ = tx.Rollback()
		err = fault.Wrap(fault.Unavailable, cmp.Or(Outage(err), "The database could not store this. Check the disk of the data folder.")+" "+unchanged, err)
		for _, j := range group {
			if j.res == nil {
				j.res = err
			}
			j.err <- explain(j.res, unchanged)
		}
		return
	}
	d.shared.Observe(float64(len(group)))
	for _, j := range group {
		if j.res == nil {
			j.tx.tell()
		}
		j.err <- explain(j.res, unchanged)
	}
}

// tell runs what was registered for after the commit. What is durable stays
// so: a bug in a hook is logged, and ends neither the other hooks nor the process.
func (t *Tx) tell() {
	for _, f := range t.after {
		func() {
			defer func() {
				if p := recover(); p != nil {
					slog.Error("panic after a commit", "panic", p, "stack", string(debug.Stack()))
				}
			}()
			f()
		}()
	}
}

// errBroken: a full disk or a failed read makes SQLite give up the whole
// transaction by itself. Nothing of the group stands then, and a savepoint begun
// now would be a transaction of its own.
var errBroken = errors.New("the database gave up the transaction")

// one runs a caller's closure; sound is false when the transaction is gone.
func (d *DB) one(bg context.Context, tx *sql.Tx, j *job) (sound bool) {
	if j.res = j.ctx.Err(); j.res != nil {
		return true
	}
	j.tx = &Tx{tx: tx, dialect: SQLite}
	if _, err := tx.ExecContext(bg, "SAVEPOINT one"); err != nil {
		j.res = err
		return false
	}
	j.res = j.tx.run(context.WithoutCancel(j.ctx), j.fn)
	end := "RELEASE one"
	if j.res != nil {
		end = "ROLLBACK TO one; RELEASE one"
	}
	if _, err := tx.ExecContext(bg, end); err != nil {
		if j.res == nil {
			j.res = err
		}
		return false
	}
	return true
}

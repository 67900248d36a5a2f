package db_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/fault"
)

func count(t *testing.T, d *db.DB) (n int) {
	t.Helper()
	if err := d.Read().QueryRow(context.Background(), "SELECT COUNT(*) FROM setting").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func put(ctx context.Context, tx *db.Tx, name string) error {
	_, err := tx.Exec(ctx, "INSERT INTO setting (name, value) VALUES ($1, $2)", name, "v")
	return err
}

func TestDoCommitsAllOrNothing(t *testing.T) {
	d, ctx := dbtest.Open(t), context.Background()
	boom := errors.New("boom")
	ran := false
	err := d.Do(ctx, func(tx *db.Tx) error {
		tx.AfterCommit(func() { ran = true })
		if err := put(ctx, tx, "a"); err != nil {
			return err
		}
		return boom
	})
	if !errors.Is(err, boom) || count(t, d) != 0 || ran {
		t.Fatal(err, count(t, d), ran)
	}
	if err := d.Do(ctx, func(tx *db.Tx) error { panic("bug") }); err == nil || fault.KindOf(err) != fault.Internal {
		t.Fatal(err)
	}
	if err := d.Do(ctx, func(tx *db.Tx) error {
		tx.BeforeCommit(func(ctx context.Context) error { return put(ctx, tx, "b") })
		tx.AfterCommit(func() { ran = true })
		return put(ctx, tx, "a")
	}); err != nil || count(t, d) != 2 || !ran {
		t.Fatal(err, count(t, d), ran)
	}
	if err := d.Do(ctx, func(tx *db.Tx) error { return put(ctx, tx, "a") }); !db.IsUnique(err) {
		t.Fatal(err)
	}
}

// Callers that share a commit must not share each other's failures.
func TestDoIsolatesCallersOfOneCommit(t *testing.T) {
	d, ctx := dbtest.Open(t), context.Background()
	var wg sync.WaitGroup
	var after atomic.Int64
	for i := range 200 {
		wg.Go(func() {
			err := d.Do(ctx, func(tx *db.Tx) error {
				tx.AfterCommit(func() { after.Add(1) })
				if err := put(ctx, tx, fmt.Sprint(i)); err != nil {
					return err
				}
				if i%2 == 1 {
					return fault.New(fault.Conflict, "odd")
				}
				return nil
			})
			if (err != nil) != (i%2 == 1) {
				t.Error(i, err)
			}
		})
	}
	wg.Wait()
	if count(t, d) != 100 || after.Load() != 100 {
		t.Fatal(count(t, d), after.Load())
	}
}

// A full disk makes SQLite roll the whole transaction back in the middle. Nobody
// of the group may then be told that they were stored, nor be stored and told
// that they were not. (A ROLLBACK in a closure stands for SQLite's own.)
func TestGroupWithoutItsTransaction(t *testing.T) {
	d, ctx := dbtest.Open(t), context.Background()
	if d.Dialect() != db.SQLite {
		t.Skip("one transaction a caller")
	}
	started, queued := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	errs := make([]error, 3)
	wg.Go(func() {
		errs[0] = d.Do(ctx, func(tx *db.Tx) error {
			close(started)
			<-queued
			return put(ctx, tx, "before")
		})
	})
	<-started
	wg.Go(func() {
		errs[1] = d.Do(ctx, func(tx *db.Tx) error {
			if _, err := tx.Exec(ctx, "ROLLBACK"); err != nil {
				t.Error(err)
			}
			return errors.New("disk full")
		})
	})
	for d.Waiting() < 1 {
		runtime.Gosched()
	}
	wg.Go(func() { errs[2] = d.Do(ctx, func(tx *db.Tx) error { return put(ctx, tx, "after") }) })
	for d.Waiting() < 2 {
		runtime.Gosched()
	}
	close(queued)
	wg.Wait()
	if !fault.Is(errs[0], fault.Unavailable) || errs[1] == nil || errs[2] != nil {
		t.Error(errs)
	}
	if n := count(t, d); n != 1 {
		t.Errorf("%d rows are stored, not the one that was answered", n)
	}
}

// Two requests with one key at the same moment: both look, neither finds it, both
// store it. The loser is run again and finds what the winner stored.
func TestTwins(t *testing.T) {
	d, ctx := dbtest.Open(t), context.Background()
	var looked, done sync.WaitGroup
	looked.Add(2)
	for range 2 {
		done.Go(func() {
			first := true
			if err := d.Do(ctx, func(tx *db.Tx) error {
				var n int
				if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM setting WHERE name = 'key'`).Scan(&n); err != nil || n == 1 {
					return err
				}
				if first && d.Dialect() == db.Postgres { // SQLite's writers take turns
					first = false
					looked.Done()
					looked.Wait()
				}
				return put(ctx, tx, "key")
			}); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	if count(t, d) != 1 {
		t.Error(count(t, d))
	}
	// What is there twice for good stays refused.
	tries := 0
	if err := d.Do(ctx, func(tx *db.Tx) error { tries++; return put(ctx, tx, "key") }); !db.IsUnique(err) || tries > 2 {
		t.Error(err, tries)
	}
}

// What a database in trouble says becomes a refusal with the remedy in it.
func TestOutage(t *testing.T) {
	for text, errs := range map[string][]error{
		"does not answer": {&pgconn.PgError{Code: "57P01"}, &pgconn.PgError{Code: "08006"}, io.ErrUnexpectedEOF, driver.ErrBadConn, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}},
		"Make room":       {&pgconn.PgError{Code: "53100"}},
		"disk fails":      {&pgconn.PgError{Code: "58030"}},
		"":                {nil, context.Canceled, &pgconn.PgError{Code: "23505"}, errors.New("else"), sql.ErrNoRows},
	} {
		for _, err := range errs {
			if got := db.Outage(err); !strings.Contains(got, text) || (got == "") != (text == "") {
				t.Errorf("%v: %q", err, got)
			}
		}
	}
}

// A disk that takes no more, as SQLite itself tells it.
func TestFullDisk(t *testing.T) {
	d, ctx := dbtest.Open(t), context.Background()
	if d.Dialect() != db.SQLite {
		t.Skip("PostgreSQL has a disk of its own")
	}
	if err := d.Do(ctx, func(tx *db.Tx) error { return put(ctx, tx, "before") }); err != nil {
		t.Fatal(err)
	}
	limit := func(pages string) {
		if err := d.Do(ctx, func(tx *db.Tx) error {
			_, err := tx.Exec(ctx, "PRAGMA max_page_count = "+pages)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	limit("1") // as many as there are
	err := d.Do(ctx, func(tx *db.Tx) error { return put(ctx, tx, strings.Repeat("x", 1<<20)) })
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(fault.Message(err), "Make room") {
		t.Errorf("%v", err)
	}
	limit("1000000")
	if err := d.Do(ctx, func(tx *db.Tx) error { return put(ctx, tx, "after") }); err != nil || count(t, d) != 2 {
		t.Error(err, count(t, d))
	}
}

func TestPanicAfterCommit(t *testing.T) {
	d, ctx := dbtest.Open(t), context.Background()
	told := false
	if err := d.Do(ctx, func(tx *db.Tx) error {
		tx.AfterCommit(func() { panic("bug") })
		tx.AfterCommit(func() { told = true })
		return put(ctx, tx, "a")
	}); err != nil || !told || count(t, d) != 1 {
		t.Fatal(err, told)
	}
}

func TestClosedAnswers(t *testing.T) {
	d, err := db.Open(context.Background(), dbtest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.Do(context.Background(), func(tx *db.Tx) error { return nil }); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
}

func BenchmarkDo(b *testing.B) {
	d, ctx := dbtest.Open(b), context.Background()
	var n atomic.Int64
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := d.Do(ctx, func(tx *db.Tx) error { return put(ctx, tx, fmt.Sprint(n.Add(1))) }); err != nil {
				b.Error(err)
			}
		}
	})
}

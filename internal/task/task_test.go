package task_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/task"
)

var quiet = slog.New(slog.DiscardHandler)

func enqueue(t *testing.T, d *db.DB, q *task.Queue, kind string, o task.Options) {
	t.Helper()
	if err := d.Do(context.Background(), func(tx *db.Tx) error {
		return q.Enqueue(context.Background(), tx, kind, map[string]int{"n": 1}, o)
	}); err != nil {
		t.Fatal(err)
	}
}

func TestDueTasksRunOnceAndKeysAreUnique(t *testing.T) {
	d := dbtest.Open(t)
	q := task.New(d, clock.Real{}, quiet, 4)
	got := make(chan task.Task, 10)
	q.Handle("a", func(ctx context.Context, t task.Task) error { got <- t; return nil })
	enqueue(t, d, q, "a", task.Options{Key: "k"})
	enqueue(t, d, q, "a", task.Options{Key: "k"})
	q.Start()
	defer q.Stop()
	var args struct{ N int }
	if tk := <-got; tk.Into(&args) != nil || args.N != 1 || tk.Attempt != 1 {
		t.Fatal(tk)
	}
	enqueue(t, d, q, "a", task.Options{})
	<-got
	if len(got) != 0 {
		t.Fatal("ran twice")
	}
}

func TestTimersFollowTheClock(t *testing.T) {
	d := dbtest.Open(t)
	c := clock.NewTest(time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC))
	q := task.New(d, c, quiet, 4)
	got := make(chan task.Task, 10)
	q.Handle("later", func(ctx context.Context, t task.Task) error { got <- t; return nil })
	enqueue(t, d, q, "later", task.Options{At: c.Now().Add(5 * time.Minute), Key: "x"})
	enqueue(t, d, q, "later", task.Options{At: c.Now().Add(4 * time.Minute), Key: "y"})
	if err := d.Do(context.Background(), func(tx *db.Tx) error { return q.Cancel(context.Background(), tx, "later", "y") }); err != nil {
		t.Fatal(err)
	}
	q.Start()
	defer q.Stop()
	c.Advance(4*time.Minute + 59*time.Second)
	q.Wake()
	select {
	case <-got:
		t.Fatal("early")
	default:
	}
	c.Advance(time.Second)
	q.Wake()
	<-got
}

func TestFailuresAreRetriedThenFail(t *testing.T) {
	d := dbtest.Open(t)
	c := clock.NewTest(time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC))
	q := task.New(d, c, quiet, 4)
	tried := make(chan bool)
	var n atomic.Int64
	q.Handle("bad", func(ctx context.Context, t task.Task) error {
		n.Add(1)
		tried <- t.Last
		if n.Load() == 1 {
			panic("first")
		}
		return errors.New("again")
	})
	enqueue(t, d, q, "bad", task.Options{MaxAttempts: 3})
	q.Start()
	defer q.Stop()
	for i := range 3 {
		for {
			done := false
			select {
			case last := <-tried:
				if last != (i == 2) {
					t.Fatal(i, last)
				}
				done = true
			case <-time.After(5 * time.Millisecond): // the outcome is stored a moment after; then the next try is due
				c.Advance(time.Minute)
				q.Wake()
			}
			if done {
				break
			}
		}
	}
	for state := ""; state != "failed"; {
		if err := d.Read().QueryRow(context.Background(), "SELECT state FROM task").Scan(&state); err != nil {
			t.Fatal(err)
		}
	}
}

// A node that died keeps nothing: its lease runs out and another node does the work.
func TestLostLease(t *testing.T) {
	d := dbtest.Open(t)
	c := clock.NewTest(time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC))
	dead := task.New(d, c, quiet, 1)
	enqueue(t, d, dead, "work", task.Options{})
	if err := d.Do(context.Background(), func(tx *db.Tx) error {
		_, err := tx.Exec(context.Background(), "UPDATE task SET state = 'running', node = 'dead', attempt = 1, lease_until = $1", db.Micro(c.Now().Add(task.Lease)))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	c.Advance(task.Lease + time.Second)
	q := task.New(d, c, quiet, 1)
	got := make(chan task.Task, 1)
	q.Handle("work", func(ctx context.Context, t task.Task) error { got <- t; return nil })
	q.Start()
	defer q.Stop()
	if tk := <-got; tk.Attempt != 2 {
		t.Fatal(tk.Attempt)
	}
}

func BenchmarkEnqueueAndRun(b *testing.B) {
	d := dbtest.Open(b)
	q := task.New(d, clock.Real{}, quiet, 64)
	done := make(chan struct{}, 1024)
	q.Handle("n", func(ctx context.Context, t task.Task) error { done <- struct{}{}; return nil })
	q.Start()
	defer q.Stop()
	go func() {
		for range b.N {
			_ = d.Do(context.Background(), func(tx *db.Tx) error { return q.Enqueue(context.Background(), tx, "n", 1, task.Options{}) })
		}
	}()
	for range b.N {
		<-done
	}
}

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
	q := task.New(d, c, quiet, 1)
	got := make(chan task.Task, 1)
	q.Handle("work", func(ctx context.Context, t task.Task) error { got <- t; return nil })
	q.Start()
	defer q.Stop()
	if tk := until(c, got); tk.Attempt != 2 {
		t.Fatal(tk.Attempt)
	}
}

// until moves the clock beat by beat until a task is done.
func until(c *clock.Test, got chan task.Task) task.Task {
	for {
		select {
		case t := <-got:
			return t
		case <-time.After(2 * time.Millisecond): // the loops have set their timers by then, or do before the next
			c.Advance(task.Lease / 5)
		}
	}
}

// A node that is alive keeps its work, however wrong its clock is beside the
// others' and whatever its clock does meanwhile.
func TestClocksThatDiffer(t *testing.T) {
	for name, skew := range map[string]time.Duration{"an hour behind": -time.Hour, "an hour ahead": time.Hour} {
		t.Run(name, func(t *testing.T) {
			d := dbtest.Open(t)
			now := time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)
			one, other := clock.NewTest(now.Add(skew)), clock.NewTest(now)
			a, b := task.New(d, one, quiet, 1), task.New(d, other, quiet, 1)
			began, end, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
			a.Handle("work", func(context.Context, task.Task) error { close(began); <-end; close(done); return nil })
			b.Handle("work", func(context.Context, task.Task) error {
				t.Error("taken from a node that is alive")
				return nil
			})
			enqueue(t, d, a, "work", task.Options{At: now.Add(-2 * time.Hour)})
			a.Start()
			defer a.Stop()
			<-began
			// Both beat, far longer than a lease; the clock of the one at work jumps.
			for i := range 12 {
				if i == 6 {
					one.Advance(time.Hour)
				}
				if err := a.Beat(context.Background()); err != nil {
					t.Fatal(err)
				}
				if err := b.Beat(context.Background()); err != nil {
					t.Fatal(err)
				}
				one.Advance(task.Lease / 5)
				other.Advance(task.Lease / 5)
			}
			b.Start()
			defer b.Stop()
			close(end)
			<-done
		})
	}
}

// Where no other node can be alive, nothing is waited for.
func TestAlone(t *testing.T) {
	d := dbtest.Open(t)
	c := clock.NewTest(time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC))
	q := task.New(d, c, quiet, 1)
	enqueue(t, d, q, "work", task.Options{})
	if err := d.Do(context.Background(), func(tx *db.Tx) error {
		_, err := tx.Exec(context.Background(), "UPDATE task SET state = 'running', node = 'killed', attempt = 1, lease_until = $1", db.Micro(c.Now().Add(task.Lease)))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	q.Alone = true
	got := make(chan task.Task, 1)
	q.Handle("work", func(_ context.Context, t task.Task) error { got <- t; return nil })
	q.Start()
	defer q.Stop()
	if tk := <-got; tk.Attempt != 2 {
		t.Fatal(tk.Attempt)
	}
}

// What cannot be stored now is stored when the database takes it again: a task
// whose outcome was lost would hang with a node that is alive.
func TestOutcomeWaitsForTheDatabase(t *testing.T) {
	d := dbtest.Open(t)
	ctx := context.Background()
	q := task.New(d, clock.Real{}, quiet, 1)
	done := make(chan struct{})
	q.Handle("work", func(context.Context, task.Task) error {
		defer close(done)
		return d.Do(ctx, func(tx *db.Tx) error {
			_, err := tx.Exec(ctx, "ALTER TABLE task RENAME TO away")
			return err
		})
	})
	enqueue(t, d, q, "work", task.Options{})
	q.Start()
	defer q.Stop()
	<-done
	if err := d.Do(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, "ALTER TABLE away RENAME TO task")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for state := ""; state != "done"; {
		if err := d.Read().QueryRow(ctx, "SELECT state FROM task").Scan(&state); err != nil {
			t.Fatal(err)
		}
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

// Package task does work that must happen after a commit, and at a time: open
// the next escalation, send a mail, execute a run.
//
// Invariant: a task is enqueued in the transaction that makes it necessary and
// is done at least once. Handlers are idempotent; what may happen only once
// (a run) guards itself with a claim of its own.
//
//	ready ──claim──▶ running ──ok──▶ done
//	  ▲                │ ├──error, attempts left──▶ ready (later)
//	  └──lease lost────┘ └──error, none left──▶ failed
//	ready ──Cancel──▶ cancelled
package task

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/id"
	"muster/internal/meter"
)

// Task is one piece of work given to a handler.
type Task struct {
	ID      string
	Kind    string
	Args    json.RawMessage
	Attempt int // 1 for the first try
	Last    bool

	due time.Time
}

// Into decodes the arguments.
func (t Task) Into(v any) error {
	if err := json.Unmarshal(t.Args, v); err != nil {
		return fmt.Errorf("arguments of task %s: %w", t.Kind, err)
	}
	return nil
}

// Options say when and how often.
type Options struct {
	At          time.Time // zero: now
	Key         string    // at most one waiting or running task of this kind and key; "" any number
	MaxAttempts int       // 0: 10
}

// Lease is how long a claimed task stays with a node that no longer says so.
//
// A node says so by writing another time into the lease; that time is compared
// with itself, never with another node's clock. Whoever sees the same value for
// lost beats in a row takes the task back. So neither a clock that jumps nor
// nodes whose clocks differ take work from a node that is alive, and while the
// database is away no beat is counted.
const Lease = 15 * time.Second

const (
	beatEvery = Lease / 5
	lost      = int(Lease/beatEvery) + 1
	// longGone needs no watching: the whole of Muster was down.
	longGone = 24 * time.Hour
)

const idle = 2 * time.Second // how often a node looks for work another node enqueued

// Queue claims and runs tasks. Create with New, register with Handle, then Start.
type Queue struct {
	db       *db.DB
	clock    clock.Clock
	log      *slog.Logger
	node     string
	handlers map[string]func(context.Context, Task) error
	slots    chan struct{}
	wake     chan struct{}
	wg       sync.WaitGroup
	stop     context.CancelFunc

	// Alone: no other node can be alive on this database, so what another one
	// holds is lost at once. Set it before Start.
	Alone bool

	late, took *meter.Histogram
	ended      *meter.Counter

	beating sync.Mutex
	mu      sync.Mutex
	active  map[string]bool     // what is worked on here
	seen    map[string]sighting // of what others hold
}

// sighting is how often a lease was seen with the same value.
type sighting struct {
	lease int64
	beats int
}

// New makes a queue with at most workers tasks at once on this node.
func New(d *db.DB, c clock.Clock, log *slog.Logger, workers int) *Queue {
	return &Queue{db: d, clock: c, log: log, node: id.New(), handlers: map[string]func(context.Context, Task) error{}, slots: make(chan struct{}, workers), wake: make(chan struct{}, 1), active: map[string]bool{}, seen: map[string]sighting{}}
}

// Measure shows how the queue does. Call it after Handle and before Start.
func (q *Queue) Measure(m *meter.Meter) {
	q.late = m.Histogram("task_lateness_seconds", "From the moment a task is due to the moment its handler begins.", meter.Fast)
	q.took = m.Histogram("task_seconds", "How long a task's handler worked.", meter.Fast, "kind")
	q.ended = m.Counter("tasks_total", "Tasks by what became of a try: done, retried (later again), failed (given up), interrupted (by a shutdown).", "kind", "outcome")
	for kind := range q.handlers {
		q.took.Zero(kind)
		for _, outcome := range []string{"done", "retried", "failed", "interrupted"} {
			q.ended.Add(0, kind, outcome)
		}
	}
}

// Node is this process's name in leases.
func (q *Queue) Node() string { return q.node }

// Handle sets the handler of a kind; call it before Start.
func (q *Queue) Handle(kind string, fn func(context.Context, Task) error) { q.handlers[kind] = fn }

// Enqueue adds a task in the caller's transaction. With Options.Key a task that
// already waits or runs under the same key is left as it is.
func (q *Queue) Enqueue(ctx context.Context, tx *db.Tx, kind string, args any, o Options) error {
	at, most := o.At, o.MaxAttempts
	if at.IsZero() {
		at = q.clock.Now()
	}
	if most == 0 {
		most = 10
	}
	_, err := tx.Exec(ctx, `INSERT INTO task (id, kind, args, run_at, max_attempts, uniq) VALUES ($1, $2, $3, $4, $5, NULLIF($6, '')) ON CONFLICT DO NOTHING`,
		id.New(), kind, db.JSON(args), db.Micro(at), most, o.Key)
	if err != nil {
		return fmt.Errorf("enqueue %s: %w", kind, err)
	}
	tx.AfterCommit(q.Wake)
	return nil
}

// Cancel withdraws a waiting task; one that already runs is not disturbed.
func (q *Queue) Cancel(ctx context.Context, tx *db.Tx, kind, key string) error {
	if _, err := tx.Exec(ctx, `UPDATE task SET state = 'cancelled', finished_at = $3 WHERE kind = $1 AND uniq = $2 AND state = 'ready'`, kind, key, db.Micro(q.clock.Now())); err != nil {
		return fmt.Errorf("cancel %s: %w", kind, err)
	}
	return nil
}

// Wake looks for work now.
func (q *Queue) Wake() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Start begins to work; Stop ends it.
func (q *Queue) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	q.stop = cancel
	q.wg.Go(func() { q.fetch(ctx) })
	q.wg.Go(func() { q.heartbeat(ctx) })
}

// Stop cancels running handlers' contexts and waits for them. What was not
// finished goes back to ready.
func (q *Queue) Stop() {
	if q.stop == nil {
		return
	}
	q.stop()
	q.wg.Wait()
}

func (q *Queue) fetch(ctx context.Context) {
	for ctx.Err() == nil {
		free := 0
		select { // at least one free slot, then all that are free
		case q.slots <- struct{}{}:
			free = 1
		case <-ctx.Done():
			return
		}
	more:
		for free < cap(q.slots) {
			select {
			case q.slots <- struct{}{}:
				free++
			default:
				break more
			}
		}
		ts, err := q.claim(ctx, free)
		if err != nil && ctx.Err() == nil {
			q.log.Error("claim tasks", "error", err)
		}
		for range free - len(ts) {
			<-q.slots
		}
		for _, t := range ts {
			q.wg.Go(func() {
				defer func() { <-q.slots; q.Wake() }()
				q.do(ctx, t)
			})
		}
		if len(ts) == free {
			continue
		}
		q.wait(ctx)
	}
}

// wait rings exactly when the next task is due.
func (q *Queue) wait(ctx context.Context) {
	d := idle
	var next *int64
	short, cancel := context.WithTimeout(ctx, Lease)
	defer cancel()
	if err := q.db.Read().QueryRow(short, `SELECT MIN(run_at) FROM task WHERE state = 'ready'`).Scan(&next); err == nil && next != nil {
		d = min(d, max(0, db.At(*next).Sub(q.clock.Now())))
	}
	t := q.clock.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-q.wake:
	case <-t.C():
	}
}

func (q *Queue) claim(ctx context.Context, n int) (ts []Task, err error) {
	// A database that hangs must not keep this node from its other work for ever.
	ctx, cancel := context.WithTimeout(ctx, Lease)
	defer cancel()
	now := q.clock.Now()
	// An idle queue must not keep the single writer busy with empty claims.
	var due int
	if err := q.db.Read().QueryRow(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM task WHERE state = 'ready' AND run_at <= $1 LIMIT 1) AS due`, db.Micro(now)).Scan(&due); err != nil || due == 0 {
		return nil, err
	}
	err = q.db.Do(ctx, func(tx *db.Tx) error {
		lock := ""
		if tx.Dialect() == db.Postgres {
			lock = " FOR UPDATE SKIP LOCKED"
		}
		ts, err = db.All(ctx, tx, func(s db.Scanner) (t Task, err error) {
			var args string
			var most int
			var due int64
			err = s.Scan(&t.ID, &t.Kind, &args, &t.Attempt, &most, &due)
			t.Args, t.Last, t.due = json.RawMessage(args), t.Attempt >= most, db.At(due)
			return t, err
		}, `UPDATE task SET state = 'running', node = $1, lease_until = $2, attempt = attempt + 1
WHERE id IN (SELECT id FROM task WHERE state = 'ready' AND run_at <= $3 ORDER BY run_at, id LIMIT $4`+lock+`)
RETURNING id, kind, args, attempt, max_attempts, run_at`, q.node, db.Micro(now.Add(Lease)), db.Micro(now), n)
		return err
	})
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	for _, t := range ts {
		q.active[t.ID] = true
	}
	q.mu.Unlock()
	return ts, nil
}

func (q *Queue) do(ctx context.Context, t Task) {
	began := q.clock.Now()
	q.late.Observe(max(0, began.Sub(t.due).Seconds()))
	err := func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		fn := q.handlers[t.Kind]
		if fn == nil {
			return fmt.Errorf("no handler for %q on this node", t.Kind)
		}
		return fn(ctx, t)
	}()
	// The outcome is stored even while stopping.
	store := context.WithoutCancel(ctx)
	now := q.clock.Now()
	q.took.Observe(now.Sub(began).Seconds(), t.Kind)
	state, text, at, outcome := "done", "", now, "done"
	switch {
	case err != nil && ctx.Err() != nil:
		outcome = "interrupted"
		state = "ready" // interrupted by Stop: not its fault, at once again
	case err != nil && t.Last:
		state, text, outcome = "failed", err.Error(), "failed"
	case err != nil:
		state, text, outcome = "ready", err.Error(), "retried"
		at = now.Add(min(time.Duration(t.Attempt*t.Attempt)*time.Second, 5*time.Minute))
	}
	if err != nil && ctx.Err() == nil {
		q.log.Warn("task failed", "kind", t.Kind, "task", t.ID, "attempt", t.Attempt, "last", t.Last, "error", err)
	}
	q.ended.Inc(t.Kind, outcome)
	finished := int64(0)
	if state == "done" || state == "failed" {
		finished = db.Micro(now)
	}
	for {
		err = q.db.Do(store, func(tx *db.Tx) error {
			_, err := tx.Exec(store, `UPDATE task SET state = $2, error = $3, run_at = $4, finished_at = $5 WHERE id = $1 AND node = $6 AND state = 'running' AND attempt = $7`,
				t.ID, state, text, db.Micro(at), finished, q.node, t.Attempt)
			return err
		})
		if err == nil {
			break
		}
		q.log.Error("store a task's outcome", "kind", t.Kind, "task", t.ID, "error", err)
		// The disk is full, or the database away: what is not stored would be done
		// again. It is, once this node ends and another finds the lease unchanged.
		if !q.sleep(ctx, time.Second) {
			break
		}
	}
	q.mu.Lock()
	delete(q.active, t.ID)
	q.mu.Unlock()
}

// sleep waits, and says whether to go on.
func (q *Queue) sleep(ctx context.Context, d time.Duration) bool {
	t := q.clock.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C():
		return true
	}
}

func (q *Queue) heartbeat(ctx context.Context) {
	for {
		if err := q.beat(ctx); err != nil && ctx.Err() == nil {
			q.log.Error("task heartbeat", "error", err)
		}
		if !q.sleep(ctx, beatEvery) {
			return
		}
	}
}

// beat extends the leases of what is worked on here, takes back what nobody
// works on any more, and forgets finished tasks after a week (what they did is
// in the ledger).
func (q *Queue) beat(ctx context.Context) error {
	q.beating.Lock() // one round at a time
	defer q.beating.Unlock()
	ctx, cancel := context.WithTimeout(ctx, Lease)
	defer cancel()
	now := q.clock.Now()
	type held struct {
		id, node string
		lease    int64
	}
	running, err := db.All(ctx, q.db.Read(), func(s db.Scanner) (h held, err error) {
		return h, s.Scan(&h.id, &h.node, &h.lease)
	}, `SELECT id, node, lease_until FROM task WHERE state = 'running'`)
	if err != nil {
		return err
	}
	var old int
	week := db.Micro(now.Add(-7 * 24 * time.Hour))
	if err := q.db.Read().QueryRow(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM task WHERE finished_at > 0 AND finished_at < $1 LIMIT 1) AS old`, week).Scan(&old); err != nil {
		return err
	}
	var mine []string
	var gone []held
	seen := map[string]sighting{}
	q.mu.Lock()
	for _, h := range running {
		if q.active[h.id] && h.node == q.node {
			mine = append(mine, h.id)
			continue
		}
		at := q.seen[h.id]
		if at.lease != h.lease {
			at = sighting{lease: h.lease}
		}
		at.beats++
		seen[h.id] = at
		if at.beats >= lost || q.Alone && h.node != q.node || h.lease < db.Micro(now.Add(-longGone)) {
			gone = append(gone, h)
		}
	}
	q.mu.Unlock()
	q.seen = seen // only a beat uses it
	if len(mine)+len(gone)+old == 0 {
		return nil
	}
	return q.db.Do(ctx, func(tx *db.Tx) error {
		for _, id := range mine {
			if _, err := tx.Exec(ctx, `UPDATE task SET lease_until = $1 WHERE id = $2 AND state = 'running' AND node = $3`, db.Micro(now.Add(Lease)), id, q.node); err != nil {
				return err
			}
		}
		for _, h := range gone {
			r, err := tx.Exec(ctx, `UPDATE task SET state = CASE WHEN attempt >= max_attempts THEN 'failed' ELSE 'ready' END,
finished_at = CASE WHEN attempt >= max_attempts THEN CAST($1 AS BIGINT) ELSE 0 END, error = 'the node that worked on it vanished' WHERE id = $2 AND state = 'running' AND node = $3 AND lease_until = $4`, db.Micro(now), h.id, h.node, h.lease)
			if err != nil {
				return err
			}
			if n, _ := r.RowsAffected(); n > 0 {
				tx.AfterCommit(q.Wake)
			}
		}
		_, err := tx.Exec(ctx, `DELETE FROM task WHERE finished_at > 0 AND finished_at < $1`, week)
		return err
	})
}

package run_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"muster/internal/actor"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/key"
	"muster/internal/run"
	"muster/internal/run/runtest"
	"muster/internal/task"
)

// vanish makes a queued run look as if a worker had taken it and died.
func vanish(o *runtest.Office, id string) {
	o.Do(o.Admin, func(tx *db.Tx) error {
		_, err := tx.Exec(o.Ctx, `UPDATE run SET state = 'running', worker = 'gone', attempt = 1, lease_until = 1, started_at = 1 WHERE id = $1`, id)
		return err
	})
}

func TestVanishedWorkerLeavesUnknown(t *testing.T) {
	c := clock.NewTest(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	o := runtest.New(t, runtest.Options{Clock: c, NoStart: true})
	id := o.Import(one("echo hello"))
	r := o.Run(o.Op, run.Request{JobID: id, Room: o.Room.ID})
	vanish(o, r.ID)
	o.Runs.Start()
	o.Tasks.Start()
	t.Cleanup(func() { o.Runs.Close(); o.Tasks.Stop() })
	r = o.Until(r.ID, run.Unknown)
	if len(o.Fake.Commands()) > 0 {
		t.Error("a lost run was run again")
	}
	if r.Abilities["stop"] || !strings.Contains(r.Reason, "vanished") {
		t.Errorf("%+v %s", r.Abilities, r.Reason)
	}
	settle := func(outcome string) (x run.Run, err error) {
		err = o.Access.Do(o.Ctx, o.Op, func(tx *db.Tx) (err error) {
			x, err = o.Runs.Settle(o.Ctx, tx, o.Op, r.ID, outcome)
			return err
		})
		return x, err
	}
	if _, err := settle("fine"); !fault.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
	// Again means the same again, though the job says something else by now.
	if changed := o.Import(one("echo changed")); changed != id {
		t.Fatal("the job was not replaced")
	}
	next, err := settle("rerun")
	if err != nil || next.ID == r.ID || next.State != run.Queued {
		t.Fatalf("%v %+v", err, next.RunSummary)
	}
	if x := o.See(r.ID); x.State != run.Failed {
		t.Errorf("the lost run is %s", x.State)
	}
	if _, err := settle("failed"); !fault.Is(err, fault.Conflict) {
		t.Errorf("settled twice: %v", err)
	}
	o.Until(next.ID, run.Succeeded)
	if said := strings.Join(o.Fake.Commands(), "\n"); !strings.Contains(said, "hello") || strings.Contains(said, "changed") || next.Job.Version != 1 {
		t.Errorf("version %d ran: %s", next.Job.Version, said)
	}
}

func TestIdempotentJobBeginsAgain(t *testing.T) {
	c := clock.NewTest(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	o := runtest.New(t, runtest.Options{Clock: c, NoStart: true})
	id := o.Import(strings.Replace(one("echo hello"), "  sequence", "  idempotent: true\n  sequence", 1))
	r := o.Run(o.Op, run.Request{JobID: id})
	vanish(o, r.ID)
	o.Runs.Start()
	t.Cleanup(func() { o.Runs.Close(); o.Tasks.Stop() })
	o.Until(r.ID, run.Queued)
	o.Tasks.Start()
	if r = o.Until(r.ID, run.Succeeded); r.Attempt < 3 {
		t.Errorf("attempt %d", r.Attempt)
	}
}

// A worker that was given up writes nothing more: neither a state nor a line.
func TestFencedWorkerIsEnded(t *testing.T) {
	o := runtest.New(t, runtest.Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	r := o.Run(o.Op, run.Request{JobID: o.Import(one("echo start; block b"))})
	o.Fake.Reached("b")
	// Another node settles it.
	o.Do(o.Admin, func(tx *db.Tx) error {
		_, err := tx.Exec(o.Ctx, `UPDATE run SET state = 'unknown', attempt = attempt + 1 WHERE id = $1`, r.ID)
		return err
	})
	o.Fake.Reached("stopped") // the watch notices at its next round and ends the steps
	o.Runs.Close()
	if x := o.See(r.ID); x.State != run.Unknown || x.FinishedAt != nil {
		t.Errorf("%s", x.State)
	}
}

func TestShutdownStopsRuns(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	r := o.Run(o.Op, run.Request{JobID: o.Import(one("block b"))})
	o.Fake.Reached("b")
	o.Runs.Close()
	if x := o.See(r.ID); x.State != run.StoppedBy || !strings.Contains(x.Reason, "shut down") {
		t.Errorf("%s %s", x.State, x.Reason)
	}
}

// TestDrain: what goes on ends by itself, what is queued stays so for whoever
// comes next, and nothing is begun.
func TestDrain(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	going := o.Run(o.Op, run.Request{JobID: o.Import(one("wait b"))})
	o.Fake.Reached("b")
	soon, cancel := context.WithCancel(o.Ctx)
	cancel()
	if left := o.Runs.Drain(soon); left != 1 {
		t.Errorf("%d runs left, want 1", left)
	}
	queued := o.Run(o.Op, run.Request{JobID: o.Import(strings.Replace(one("echo later"), "name: ", "name: later-", 1))})
	drained := make(chan int)
	go func() { drained <- o.Runs.Drain(o.Ctx) }()
	o.Fake.Release("b")
	if left := <-drained; left != 0 {
		t.Errorf("%d runs left", left)
	}
	if x := o.See(going.ID); x.State != run.Succeeded {
		t.Errorf("the one that went on: %s %s", x.State, x.Reason)
	}
	o.Runs.Close()
	if x := o.See(queued.ID); x.State != run.Queued || x.Attempt != 0 {
		t.Errorf("the queued one: %s, attempt %d", x.State, x.Attempt)
	}
	o.Tasks.Stop()
	// The next server.
	d := o.Deps
	d.Tasks = task.New(o.DB, o.Clock, slog.New(slog.DiscardHandler), 8)
	next := run.New(d)
	next.Start()
	d.Tasks.Start()
	t.Cleanup(func() { next.Close(); d.Tasks.Stop() })
	o.Until(queued.ID, run.Succeeded)
}

// vault closes the server while a run takes its keys out.
type vault struct {
	run.Vault
	close func()
}

func (v vault) Open(ctx context.Context, _ *db.Tx, _ actor.Actor, _ key.Grant, _ string) ([]byte, error) {
	go v.close()
	<-ctx.Done()
	return nil, ctx.Err()
}

// A run that is ended before its first step says by whom, as any other does.
func TestShutdownWhileKeysAreOpened(t *testing.T) {
	o := runtest.New(t, runtest.Options{NoStart: true})
	o.Do(o.Admin, func(tx *db.Tx) error {
		_, err := o.Keys.Put(o.Ctx, tx, o.Admin, "project/demo/p", key.Password, []byte("x"))
		return err
	})
	d := o.Deps
	v := &vault{Vault: d.Keys}
	d.Keys = v
	runs := run.New(d)
	v.close = runs.Close
	id := o.Import("- name: j\n  nodefilters: {filter: web1}\n  options: [{name: p, secure: true, storagePath: project/demo/p}]\n  sequence:\n    commands:\n      - exec: id\n")
	r := o.Run(o.Op, run.Request{JobID: id})
	runs.Start()
	o.Tasks.Start()
	t.Cleanup(func() { runs.Close(); o.Tasks.Stop() })
	if r = o.Until(r.ID, run.StoppedBy, run.Failed); r.State != run.StoppedBy || !strings.Contains(r.Reason, "shut down") {
		t.Errorf("%s: %s", r.State, r.Reason)
	}
}

// After quiet a line is shown as it comes; of a flood screens hear no more than
// the clock allows. Here it stands still.
func TestFirstLineAtOnce(t *testing.T) {
	o := runtest.New(t, runtest.Options{Clock: clock.NewTest(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))})
	var told atomic.Int64
	heard := make(chan struct{})
	once := sync.OnceFunc(func() { close(heard) })
	o.Bus.Subscribe(func(_ string, p any) {
		m, ok := p.(map[string]any)
		if !ok || m["type"] != "log" {
			return
		}
		told.Add(1)
		for _, l := range m["lines"].([]run.LogLine) {
			if l.Text == "first" {
				once()
			}
		}
	})
	o.Fake.Hook = func(_ context.Context, _ run.Invocation, out run.Output) (run.Result, error, bool) {
		out.Write(run.Stdout, []byte("first\n"))
		<-heard
		for range 10000 {
			out.Write(run.Stdout, []byte("more\n"))
		}
		return run.Result{}, nil, true
	}
	r := o.Run(o.Op, run.Request{Project: "demo", Command: "flood", Filter: "web1"})
	if r = o.Until(r.ID, run.Succeeded); r.LogLines < 10001 {
		t.Errorf("%d lines", r.LogLines)
	}
	if n := told.Load(); n > 5 { // four, and the end
		t.Errorf("screens were told %d times", n)
	}
}

// Who comes late reads from the start and joins what is being written, without
// a gap or a line twice.
func TestLateViewer(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	var mu sync.Mutex
	pushed := map[int64]string{}
	first := make(chan int64, 1000)
	o.Bus.Subscribe(func(topic string, p any) {
		m, ok := p.(map[string]any)
		if ok && m["type"] == "log" {
			mu.Lock()
			for _, l := range m["lines"].([]run.LogLine) {
				pushed[l.N] = l.Text
			}
			mu.Unlock()
			select {
			case first <- m["from"].(int64):
			default:
			}
		}
	})
	const lines = 3000
	half := make(chan struct{})
	o.Fake.Hook = func(_ context.Context, in run.Invocation, out run.Output) (run.Result, error, bool) {
		for i := range lines {
			out.Write(run.Stdout, fmt.Appendf(nil, "line %d %s\n", i, strings.Repeat("x", 200)))
			if i == lines/2 {
				<-half
			}
		}
		return run.Result{}, nil, true
	}
	r := o.Run(o.Op, run.Request{Project: "demo", Command: "flood", Filter: "web1"})
	<-first
	// Half is written; some of it stored, some not.
	var got []run.LogLine
	after := int64(0)
	for len(got) < lines/2 {
		p, err := o.Runs.ReadLog(o.Ctx, o.DB.Read(), o.See(r.ID), run.LogQuery{After: after, Limit: 500})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p.Items...)
		after = p.Next
	}
	close(half)
	o.Until(r.ID, run.Succeeded)
	for {
		p, err := o.Runs.ReadLog(o.Ctx, o.DB.Read(), o.See(r.ID), run.LogQuery{After: after, Limit: 500})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p.Items...)
		after = p.Next
		if p.Done {
			break
		}
	}
	n := 0
	for i, l := range got {
		if l.N != int64(i+1) {
			t.Fatalf("line %d follows %d", l.N, i)
		}
		if l.Stream == "out" {
			if !strings.HasPrefix(l.Text, fmt.Sprintf("line %d ", n)) {
				t.Fatalf("line %d is %q", n, l.Text)
			}
			n++
		}
		mu.Lock()
		if p, ok := pushed[l.N]; ok && p != l.Text {
			t.Errorf("pushed %q, stored %q", p, l.Text)
		}
		mu.Unlock()
	}
	if n != lines {
		t.Errorf("%d lines", n)
	}
	// Only one node's lines, only errors: the numbers go on.
	p, err := o.Runs.ReadLog(o.Ctx, o.DB.Read(), o.See(r.ID), run.LogQuery{Stream: "err"})
	if err != nil || len(p.Items) != 0 || p.Next != int64(len(got)) || !p.Done {
		t.Errorf("%v %+v", err, p)
	}
	var b strings.Builder
	if err := o.Runs.WriteLog(o.Ctx, o.DB.Read(), o.See(r.ID), false, &b); err != nil || strings.Count(b.String(), "\n") != len(got) {
		t.Errorf("%v %d", err, strings.Count(b.String(), "\n"))
	}
}

func TestLogLimitAndLongLines(t *testing.T) {
	o := runtest.New(t, runtest.Options{LogLimit: 4 << 20})
	o.Fake.Hook = func(_ context.Context, in run.Invocation, out run.Output) (run.Result, error, bool) {
		if in.Command == "long" {
			piece := []byte(strings.Repeat("y", 1<<20))
			for range 10 {
				out.Write(run.Stdout, piece)
			}
		}
		return run.Result{}, nil, true
	}
	r := o.Until(o.Run(o.Op, run.Request{Project: "demo", Command: "long", Filter: "web1"}).ID, run.Succeeded)
	log := o.Log(r)
	said, size := false, 0
	for _, l := range log {
		size += len(l)
		if len(l) > 70<<10 {
			t.Errorf("a line of %d bytes", len(l))
		}
		said = said || strings.Contains(l, "limit of 4 MiB")
	}
	if !said || size > 5<<20 {
		t.Errorf("limit told: %v, %d bytes kept", said, size)
	}
	if !strings.HasSuffix(log[len(log)-1], "The run succeeded.") {
		t.Errorf("last line %q", log[len(log)-1])
	}
}

// A run stays with a worker that is alive, however much the servers' clocks
// differ and whatever they do; a worker that vanished is noticed all the same.
func TestClocksThatDiffer(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for name, skew := range map[string]time.Duration{"an hour behind": -time.Hour, "an hour ahead": time.Hour} {
		t.Run(name, func(t *testing.T) {
			c := clock.NewTest(now)
			o := runtest.New(t, runtest.Options{Clock: c, NoStart: true})
			r := o.Run(o.Op, run.Request{JobID: o.Import(one("echo x"))})
			theirs := now.Add(skew)
			renew := func() {
				o.Do(o.Admin, func(tx *db.Tx) error {
					_, err := tx.Exec(o.Ctx, `UPDATE run SET state = 'running', worker = 'other', attempt = 1, lease_until = $2, started_at = 1 WHERE id = $1`, r.ID, theirs.Add(15*time.Second).UnixMicro())
					return err
				})
			}
			for i := range 12 {
				theirs = theirs.Add(3 * time.Second)
				if i == 4 {
					theirs = theirs.Add(-30 * time.Minute)
				}
				if i == 8 {
					c.Advance(time.Hour)
				}
				renew()
				if err := o.Runs.Watch(o.Ctx); err != nil {
					t.Fatal(err)
				}
			}
			if x := o.See(r.ID); x.State != run.Running {
				t.Fatalf("taken from a server that is alive: %s", x.State)
			}
			for range 5 { // it says nothing any more: the last value was seen once
				if x := o.See(r.ID); x.State != run.Running {
					t.Fatalf("given up too soon: %s", x.State)
				}
				if err := o.Runs.Watch(o.Ctx); err != nil {
					t.Fatal(err)
				}
			}
			if x := o.See(r.ID); x.State != run.Unknown {
				t.Errorf("still %s", x.State)
			}
		})
	}
}

// A clock that is set back does not keep a run waiting that was queued before.
func TestClockSetBackWhileQueued(t *testing.T) {
	c := clock.NewTest(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	o := runtest.New(t, runtest.Options{Clock: c, NoStart: true})
	r := o.Run(o.Op, run.Request{JobID: o.Import(one("echo x"))})
	o.Do(o.Admin, func(tx *db.Tx) error {
		_, err := tx.Exec(o.Ctx, `UPDATE run SET queued_at = queued_at + 3600000000`)
		if err == nil {
			_, err = tx.Exec(o.Ctx, `UPDATE task SET run_at = run_at + 3600000000`)
		}
		return err
	})
	o.Runs.Start()
	o.Tasks.Start()
	t.Cleanup(func() { o.Runs.Close(); o.Tasks.Stop() })
	o.Until(r.ID, run.Succeeded)
}

// Alone on its database, a server needs not wait to know that the other is gone.
func TestAlone(t *testing.T) {
	c := clock.NewTest(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	o := runtest.New(t, runtest.Options{Clock: c, NoStart: true})
	r := o.Run(o.Op, run.Request{JobID: o.Import(one("echo x"))})
	vanish(o, r.ID)
	o.Do(o.Admin, func(tx *db.Tx) error {
		_, err := tx.Exec(o.Ctx, `UPDATE run SET lease_until = $2 WHERE id = $1`, r.ID, c.Now().Add(time.Hour).UnixMicro())
		return err
	})
	o.Runs.Alone = true
	if err := o.Runs.Watch(o.Ctx); err != nil {
		t.Fatal(err)
	}
	if x := o.See(r.ID); x.State != run.Unknown {
		t.Errorf("still %s", x.State)
	}
}

// heard tells of each line that is logged.
type heard chan struct{}

func (h heard) Write(p []byte) (int, error) {
	select {
	case h <- struct{}{}:
	default:
	}
	return len(p), nil
}

// However long the database takes nothing, a run's end and the end of its log are
// stored when it does again.
func TestEndWaitsForTheDatabase(t *testing.T) {
	failed := make(heard, 64)
	o := runtest.New(t, runtest.Options{Log: slog.New(slog.NewTextHandler(failed, nil))})
	rename := func(from, to string) {
		o.Do(o.Admin, func(tx *db.Tx) error {
			_, err := tx.Exec(o.Ctx, `ALTER TABLE `+from+` RENAME TO `+to)
			return err
		})
	}
	r := o.Run(o.Op, run.Request{JobID: o.Import("- name: j\n  nodefilters: {filter: web1}\n  sequence:\n    commands:\n      - exec: wait g\n")})
	o.Fake.Reached("g")
	rename("run_chunk", "away")
	o.Fake.Release("g")
	for range 7 { // more often than a server that closes tries
		<-failed
	}
	rename("away", "run_chunk")
	r = o.Until(r.ID, run.Succeeded, run.Failed)
	if r.State != run.Succeeded || r.Reason != "" || r.LogLines == 0 || len(o.Log(r)) != int(r.LogLines) {
		t.Errorf("%s %q, %d lines of %d", r.State, r.Reason, len(o.Log(r)), r.LogLines)
	}
}

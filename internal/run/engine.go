package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/job"
	"muster/internal/ledger"
	"muster/internal/node"
)

// execution is a run at work in this process.
type execution struct {
	s       *Store
	run     Run
	who     actor.Actor // on whose behalf
	attempt int64
	ctx     context.Context
	cancel  context.CancelCauseFunc
	held    time.Time // when the lease was last renewed; only watch touches it

	nodes         []node.Node
	def           *job.Definition // nil for a command that belongs to no job
	steps         []job.Step
	options       []string
	values        job.Values
	hidden        map[string]bool // secure options that steps must not see
	secure        []string        // options whose values are masked
	threads       int
	nodeKeepgoing bool
	keepgoing     bool
	strategy      string
	timeout       string
	raw           bool

	creds    map[string]opened
	secrets  *secrets
	state    *progress
	log      *Log
	finished atomic.Bool
}

// execute carries the run out and stores how it ended.
func (x *execution) execute() {
	defer x.cancel(nil)
	bg := context.Background()
	log, err := x.s.openLog(bg, x.run.ID, x.attempt)
	if err != nil {
		x.s.slog.Error("open log", "run", x.run.ID, "error", err)
		x.finish(bg, Failed, "its log could not be opened; the server's log says why", 0, "")
		return
	}
	x.log = log
	stopShowing := x.show(bg)
	state, reason := x.workflow()
	x.state.end()
	x.log.Sys("", 0, "%s", conclusion(state, trimDot(reason)))
	stopShowing()
	lines, sha, err := log.close(x.s.life)
	if err != nil {
		x.s.slog.Error("close log", "run", x.run.ID, "error", err)
		if reason != "" {
			reason += "; "
		}
		reason += "the end of its log could not be stored"
	}
	x.finish(bg, state, reason, lines, sha)
	x.s.logs.CompareAndDelete(x.run.ID, log)
}

// conclusion is the log's last line.
func conclusion(state, reason string) string {
	word := map[string]string{Succeeded: "succeeded", Failed: "failed", StoppedBy: "was stopped", TimedOut: "ran out of time", Unknown: "is unknown"}[state]
	switch {
	case reason == "":
		return "The run " + word + "."
	case strings.HasPrefix(reason, "stopped by "):
		return "The run was " + reason + "."
	}
	return "The run " + word + ": " + reason + "."
}

// workflow does the steps and says how it ended.
func (x *execution) workflow() (state, reason string) {
	defer func() {
		if p := recover(); p != nil {
			x.s.slog.Error("panic in a run", "run", x.run.ID, "panic", p, "stack", string(debug.Stack()))
			state, reason = Failed, "an error in Muster itself; the server's log says more"
		}
	}()
	err := x.open(x.ctx)
	x.hide()
	if err != nil && x.ctx.Err() == nil { // a stop has its own words below
		return Failed, x.secrets.text(fault.Message(err))
	}
	d, err := x.deadline(x.timeout)
	if err != nil {
		return Failed, x.secrets.text(fault.Message(err))
	}
	if d > 0 {
		t := x.s.clock.NewTimer(d)
		defer t.Stop()
		go func() {
			select {
			case <-t.C():
				x.cancel(errTimeout)
			case <-x.ctx.Done():
			}
		}()
	}
	behalf := cmp.Or(x.who.Display, x.who.Name)
	if via := x.who.Via(); via != "" {
		behalf += ", by way of an API token made by " + via
	}
	x.log.Sys("", 0, "Run #%d, %s: %s on %s%s, asked for by %s.", x.run.Number, x.run.Kind, x.run.Title, onNodes(len(x.nodes)), in(x.run.Environment), behalf)
	work{nodes: len(x.nodes), steps: len(x.steps), threads: x.threads, nodeKeepgoing: x.nodeKeepgoing, strategy: x.strategy,
		step: x.step, leave: func(n int, failed bool) { x.state.leave(n, failed, x.halted()) }, stopped: func() bool { return x.ctx.Err() != nil }}.run()
	// A stop that came after the last step changed nothing.
	if cause := context.Cause(x.ctx); cause != nil && !x.state.complete() {
		var st stopped
		switch {
		case errors.Is(cause, errTimeout):
			return TimedOut, "it did not end within " + shortDuration(d)
		case errors.As(cause, &st):
			return StoppedBy, st.reason
		case errors.Is(cause, errShutdown):
			return StoppedBy, "the server was shut down while it ran"
		}
		return Failed, cause.Error()
	}
	if bad := x.state.failures(); len(bad) > 0 {
		return Failed, failed(bad, len(x.nodes))
	}
	return Succeeded, ""
}

func onNodes(n int) string {
	if n == 1 {
		return "1 node"
	}
	return fmt.Sprintf("%d nodes", n)
}

func in(env string) string {
	if env == "" {
		return ""
	}
	return " of " + env
}

// failed says in words which nodes failed and why.
func failed(bad []RunNode, total int) string {
	first := fmt.Sprintf("%s at step %d: %s", bad[0].Name, bad[0].Step, trimDot(bad[0].Error))
	if total == 1 {
		return first
	}
	if len(bad) == 1 {
		return fmt.Sprintf("1 of %d nodes failed, %s", total, first)
	}
	var rest []string
	for _, n := range bad[1:] {
		rest = append(rest, n.Name)
	}
	return fmt.Sprintf("%d of %d nodes failed, %s; also %s", len(bad), total, first, some(rest, 5))
}

func trimDot(s string) string {
	if n := len(s); n > 0 && s[n-1] == '.' {
		return s[:n-1]
	}
	return s
}

// hide gathers what must not appear in the log.
func (x *execution) hide() {
	var values []string
	for _, name := range x.secure {
		if v, ok := x.values.Get(name); ok {
			values = append(values, v)
		}
	}
	for _, p := range sortedKeys(x.creds) {
		if d := x.creds[p].data; len(d) > 0 {
			values = append(values, string(d))
		}
	}
	x.secrets = newSecrets(values)
}

// show stores the progress and tells screens, at most once in showEvery.
func (x *execution) show(ctx context.Context) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	began := x.s.clock.Now()
	last := time.Time{} // when the card was changed
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case <-x.state.wake:
			}
			now := x.s.clock.Now()
			card := now.Sub(last) >= cardEvery(now.Sub(began))
			if card {
				last = now
			}
			if err := x.save(ctx, card); err != nil {
				x.s.slog.Error("store progress", "run", x.run.ID, "error", err)
			}
			t := x.s.clock.NewTimer(showEvery)
			select {
			case <-quit:
				t.Stop()
				return
			case <-t.C():
			}
		}
	}()
	return func() { close(quit); <-done }
}

// cardEvery is how often the card in the room changes, by the age of the run.
// Each change is a version that the room keeps; screens that show the run follow
// it more closely on its own channel.
func cardEvery(age time.Duration) time.Duration {
	switch {
	case age < 30*time.Second:
		return showEvery
	case age < 10*time.Minute:
		return 5 * time.Second
	}
	return 30 * time.Second
}

// save stores what changed, if the run is still this worker's.
func (x *execution) save(ctx context.Context, card bool) error {
	changed := x.state.take()
	if len(changed) == 0 {
		return nil
	}
	err := x.s.db.Do(ctx, func(tx *db.Tx) error {
		now := x.run
		x.state.copyInto(&now)
		res, err := tx.Exec(ctx, `UPDATE run SET done = $3, failed = $4, steps = $5 WHERE id = $1 AND attempt = $2 AND state = 'running'`, x.run.ID, x.attempt, now.Progress.Done, now.Progress.Failed, db.JSON(now.Steps))
		if err != nil {
			return err
		}
		if n, _ := res.RowsAffected(); n != 1 {
			x.cancel(errFenced)
			return nil
		}
		if err := x.s.storeNodes(ctx, tx, x.run.ID, changed); err != nil {
			return err
		}
		// Of thousands of nodes only the run's own row is read again: somebody may
		// have asked for a stop. The nodes are what this worker says they are.
		r, err := x.s.bare(ctx, tx, x.run.ID)
		if err != nil {
			return err
		}
		r.Nodes, r.Options, r.Approval = slices.Clone(x.run.Nodes), r.optionValues(), x.run.Approval
		x.state.copyInto(&r)
		x.s.progressed(ctx, tx, r, card)
		return nil
	})
	if err != nil {
		x.state.giveBack(changed)
	}
	return err
}

// contacts says of which nodes it is known that they could be reached, or not.
func contacts(nodes []RunNode) map[string]string {
	out := map[string]string{}
	for _, n := range nodes {
		for _, s := range n.Steps {
			switch {
			case s.Exit != nil: // a step ended there, well or not
				out[n.Name] = ""
			case s.State == StepFail && s.StartedAt != nil && out[n.Name] == "":
				if _, reached := out[n.Name]; !reached {
					out[n.Name] = s.Error
				}
			}
		}
	}
	return out
}

func (s *Store) storeNodes(ctx context.Context, tx *db.Tx, runID string, nodes map[int]RunNode) error {
	places := make([]int, 0, len(nodes))
	for n := range nodes {
		places = append(places, n)
	}
	slices.Sort(places)
	for _, n := range places {
		x := nodes[n]
		if _, err := tx.Exec(ctx, `UPDATE run_node SET state = $3, step = $4, exit_code = $5, error = $6, steps = $7 WHERE run = $1 AND place = $2`,
			runID, n, x.State, x.Step, x.Exit, x.Error, db.JSON(x.Steps)); err != nil {
			return fmt.Errorf("store node's state: %w", err)
		}
	}
	return nil
}

// finish stores the end in one transaction, unless the run was taken from this
// worker. It keeps trying for as long as this server lives, however long the
// database is away or the disk full: an end that is not on record would make the
// run lost.
func (x *execution) finish(ctx context.Context, state, reason string, lines int64, sha string) {
	x.state.end()
	changed := x.state.take()
	var names []string
	for _, n := range x.state.failures() {
		names = append(names, n.Name)
	}
	if names == nil {
		names = []string{}
	}
	count := x.state.count()
	sys := x.run.hand.of(actor.System("run"))
	for try := 0; try < 8 || x.s.life.Err() == nil; try++ {
		err := x.s.db.Do(ctx, func(tx *db.Tx) error {
			var now Run = x.run
			x.state.copyInto(&now)
			res, err := tx.Exec(ctx, `UPDATE run SET state = $3, reason = $4, finished_at = $5, done = $6, failed = $7, steps = $8, log_lines = $9, log_sha256 = $10, secrets = NULL, lease_until = 0
WHERE id = $1 AND attempt = $2 AND state = 'running'`, x.run.ID, x.attempt, state, reason, db.Micro(x.s.clock.Now()), count.Done, count.Failed, db.JSON(now.Steps), lines, sha)
			if err != nil {
				return err
			}
			if n, _ := res.RowsAffected(); n != 1 {
				x.s.slog.Warn("run was taken over", "run", x.run.ID, "attempt", x.attempt)
				return nil
			}
			if err := x.s.storeNodes(ctx, tx, x.run.ID, changed); err != nil {
				return err
			}
			if err := x.s.Nodes.Contacted(ctx, tx, x.run.Project, contacts(now.Nodes)); err != nil {
				return err
			}
			about := x.run.about()
			about.OnBehalf = x.run.RequestBy
			if state != Succeeded {
				about.Outcome = ledger.Failed
			}
			if err := x.s.Ledger.Append(ctx, tx, sys, about, Finished{Run: x.run.Number, Title: x.run.Title, Environment: x.run.Environment, State: state, Reason: reason, Nodes: count.Total, Failed: names, LogLines: lines, LogSHA256: sha}); err != nil {
				return err
			}
			_, err = x.s.changed(ctx, tx, x.run.ID)
			return err
		})
		if err == nil {
			x.finished.Store(true)
			return
		}
		x.s.slog.Error("store the end of a run", "run", x.run.ID, "try", try+1, "error", err)
		t := x.s.clock.NewTimer(min(time.Duration(1+try)*500*time.Millisecond, 3*time.Second))
		<-t.C()
	}
}

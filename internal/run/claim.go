package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"muster/internal/actor"
	"muster/internal/approval"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/job"
	"muster/internal/ledger"
	"muster/internal/task"
)

const (
	// lease is how long a run belongs to a worker that no longer says so.
	lease     = 15 * time.Second
	watchEach = 3 * time.Second
	// A lease is compared with itself, never with another server's clock: a run is
	// lost when its lease was seen unchanged in so many rounds. Clocks that jump or
	// differ take no run from a server that is alive, and while the database is
	// away no round is counted.
	unchanged = int(lease/watchEach) + 1
	// longGone needs no watching: all of Muster was down.
	longGone = 24 * time.Hour
	// stuck is when a queued run is put before the workers once more.
	stuck = 5 * time.Second
)

// sighting is how often a lease was seen with the same value.
type sighting struct {
	lease  int64
	rounds int
}

// Start watches over runs: it keeps the leases of those that run here, sees
// stops asked for on other nodes, and settles those whose worker vanished.
func (s *Store) Start() {
	s.wg.Go(func() {
		for {
			if err := s.watch(s.life); err != nil && s.life.Err() == nil {
				s.slog.Error("watch runs", "error", err)
			}
			t := s.clock.NewTimer(watchEach)
			select {
			case <-s.life.Done():
				t.Stop()
				return
			case <-t.C():
			}
		}
	})
}

var (
	errLease    = errors.New("the database did not answer for so long that this server had to let the run go")
	errTimeout  = errors.New("the run's time is over")
	errShutdown = errors.New("this server is shutting down")
)

// stopped is why somebody's stop ended a run.
type stopped struct{ reason string }

func (s stopped) Error() string { return s.reason }

// Drain takes no more runs and waits until those that go on here have ended, or
// ctx has. What is queued stays so, for another server or the next start. It
// gives how many still go on.
func (s *Store) Drain(ctx context.Context) int {
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
	for {
		s.mu.Lock()
		left := len(s.active) + s.taking
		s.mu.Unlock()
		if left == 0 {
			return 0
		}
		select {
		case <-s.ended:
		case <-ctx.Done():
			return left
		}
	}
}

// less tells Drain to look again.
func (s *Store) less() {
	select {
	case s.ended <- struct{}{}:
	default:
	}
}

// Active is how many runs go on here.
func (s *Store) Active() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.active)
}

// Close stops what runs here and waits until its outcome is stored.
func (s *Store) Close() {
	s.mu.Lock()
	s.end()
	for _, x := range s.active {
		x.cancel(errShutdown)
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// cancel stops a run if it runs on this node.
func (s *Store) cancel(runID, reason string) {
	s.mu.Lock()
	x := s.active[runID]
	s.mu.Unlock()
	if x != nil {
		x.cancel(stopped{reason})
	}
}

func (s *Store) running() []*execution {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*execution, 0, len(s.active))
	for _, x := range s.active {
		out = append(out, x)
	}
	return out
}

// executeTask takes a queued run. The work itself is not the task's: a task that
// is lost is done again, a run never is.
func (s *Store) executeTask(ctx context.Context, t task.Task) error {
	var args taskArgs
	if err := t.Into(&args); err != nil {
		return err
	}
	if s.life.Err() != nil {
		return errShutdown
	}
	s.mu.Lock()
	if s.draining || len(s.active) >= s.Most {
		s.mu.Unlock()
		return nil // watch puts it before the workers again when there is room
	}
	s.taking++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.taking--
		s.mu.Unlock()
		s.less()
	}()
	x, err := s.claim(ctx, args.Run)
	if err != nil || x == nil {
		return err
	}
	x.ctx, x.cancel = context.WithCancelCause(context.Background())
	s.mu.Lock()
	if s.life.Err() != nil {
		s.mu.Unlock()
		x.cancel(errShutdown) // it ends at once, with a state that says so
		x.execute()
		return nil
	}
	s.active[x.run.ID] = x
	s.wg.Go(func() {
		defer func() {
			s.mu.Lock()
			delete(s.active, x.run.ID)
			s.mu.Unlock()
			s.less()
		}()
		x.execute()
	})
	s.mu.Unlock()
	return nil
}

// claim makes a queued run this worker's, after looking once more at everything:
// what was asked for and approved is what runs, or nothing does. nil means that
// there is nothing to do.
func (s *Store) claim(ctx context.Context, runID string) (x *execution, err error) {
	sys := actor.System("run")
	err = s.Access.Do(ctx, sys, func(tx *db.Tx) error {
		x = nil
		r, err := s.load(ctx, tx, runID)
		if err != nil || r.State != Queued {
			if fault.Is(err, fault.NotFound) {
				return nil
			}
			return err
		}
		sys := r.hand.of(sys)
		who, p, sec, refusal, err := s.again(ctx, tx, &r)
		if err != nil {
			return err
		}
		if refusal != "" {
			if r.ApprovalID != "" {
				if err := s.Approvals.Void(ctx, tx, sys, r.ApprovalID, refusal); err != nil {
					return err
				}
			}
			if err := s.over(ctx, tx, sys, &r, StoppedBy, refusal); err != nil {
				return err
			}
			_, err := s.changed(ctx, tx, r.ID)
			return err
		}
		now := s.clock.Now()
		r.Attempt++
		res, err := tx.Exec(ctx, `UPDATE run SET state = 'running', reason = '', attempt = $2, worker = $3, lease_until = $4, started_at = CASE WHEN started_at = 0 THEN $5 ELSE started_at END, stop_by = '', stop_reason = '', done = 0, failed = 0
WHERE id = $1 AND state = 'queued'`, r.ID, r.Attempt, s.Worker, db.Micro(now.Add(lease)), db.Micro(now))
		if err != nil {
			return fmt.Errorf("claim run %s: %w", r.ID, err)
		}
		if n, _ := res.RowsAffected(); n != 1 {
			return nil
		}
		about := r.about()
		about.OnBehalf = r.RequestBy
		if err := s.Ledger.Append(ctx, tx, sys, about, Started{r.Number, r.Title, r.Environment, r.Attempt, r.Digest}); err != nil {
			return err
		}
		if err := s.meet(ctx, tx, p); err != nil {
			return err
		}
		if r, err = s.changed(ctx, tx, r.ID); err != nil {
			return err
		}
		x = s.prepare(r, who, p, sec)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return x, nil
}

// again looks at a queued run as if it were asked for now. refusal says why it
// must not run.
func (s *Store) again(ctx context.Context, tx *db.Tx, r *Run) (who actor.Actor, p *plan, sec sealedSecrets, refusal string, err error) {
	who = actor.System("run")
	if r.RequestBy != who.ID {
		if who, err = s.requester(ctx, tx, r.RequestBy); err != nil {
			return who, nil, sec, "the person who asked for it may no longer act: " + fault.Message(err), soft(err)
		}
		who = r.hand.of(who)
	}
	if sec, err = s.unseal(ctx, tx, r); err != nil {
		return who, nil, sec, "its secure options can no longer be opened: " + fault.Message(err), soft(err)
	}
	in := r.again(sec)
	in.Room = ""
	if r.Job != nil {
		in.version = r.Job.Version
	}
	if p, err = s.look(ctx, tx, who, in); err != nil {
		return who, nil, sec, "it can no longer run: " + fault.Message(err), soft(err)
	}
	lacks := ""
	if p.need != nil && r.ApprovalID != "" {
		lacks = s.wanting(ctx, tx, r, p.need)
	}
	switch digest := p.material(sec).digest(); {
	case digest != r.Digest:
		was := []map[string]string{}
		for _, n := range r.Nodes {
			was = append(was, n.identity)
		}
		what := difference(was, p.identities)
		if what == "" {
			what = "its options or settings are no longer the same"
		}
		asked := "asked for"
		if r.ApprovalID != "" {
			asked = "approved"
		}
		refusal = fmt.Sprintf("what would run is not what was %s: %s. Ask for it again", asked, what)
	case p.denied != nil:
		refusal = "the person who asked for it may no longer run it: " + fault.Message(p.denied)
	case len(p.problems) > 0:
		refusal = "it can no longer run as it was asked for: " + trimDot(p.problems[0].Message)
	case p.need != nil && r.ApprovalID == "":
		refusal = "the project's rules now demand approval for it. Ask for it again"
	case lacks != "":
		refusal = lacks
	case p.job != nil && !p.job.Def.Multiple:
		if err := s.Jobs.Lock(ctx, tx, p.job.ID); err != nil {
			return who, p, sec, "", err
		}
		var n int64
		err := tx.QueryRow(ctx, `SELECT number FROM run WHERE job_id = $1 AND id <> $2 AND state IN ('running', 'unknown') ORDER BY number LIMIT 1`, p.job.ID, r.ID).Scan(&n)
		if err == nil {
			refusal = fmt.Sprintf("run #%d of this job has not ended, and the job allows one at a time. Ask for it again after that", n)
		} else if !db.IsNoRows(err) {
			return who, p, sec, "", fmt.Errorf("look for other runs: %w", err)
		}
	}
	return who, p, sec, refusal, nil
}

// wanting says what the approval that r has lacks of what is demanded now; "" for
// nothing. A yes holds for as long as the question did: what was approved in the
// evening does not begin when the server comes back in the morning.
func (s *Store) wanting(ctx context.Context, q db.Querier, r *Run, need *approval.Requirement) string {
	a, err := s.Approvals.Get(ctx, q, r.ApprovalID)
	if err == nil && a.State == approval.Approved && a.Digest == r.Digest {
		if now, bad := s.Approvals.Enough(ctx, q, a, need.Needs); bad != nil || !now && approval.Satisfied(need.Needs, a.Votes) {
			return "somebody who approved it may no longer do so: their account is disabled, or they left the group. Ask for it again"
		}
	}
	if err != nil || a.State != approval.Approved || a.Digest != r.Digest || !approval.Satisfied(need.Needs, a.Votes) {
		return "the project's rules now demand another approval than it has. Ask for it again"
	}
	if r.Attempt == 0 && !s.clock.Now().Before(a.EndedAt.Add(need.Expires)) {
		return fmt.Sprintf("it was approved at %s UTC and did not begin within %s. Ask for it again", a.EndedAt.Format("2006-01-02 15:04"), shortDuration(need.Expires))
	}
	return ""
}

// soft keeps only errors that say nothing about the run itself.
func soft(err error) error {
	if k := fault.KindOf(err); k == fault.Internal || k == fault.Unavailable {
		return err
	}
	return nil
}

func (s *Store) requester(ctx context.Context, q db.Querier, id string) (actor.Actor, error) {
	if len(id) > 7 && id[:7] == "system:" {
		return actor.System(id[7:]), nil
	}
	return s.Accounts.ActorOf(ctx, q, id)
}

func (s *Store) prepare(r Run, who actor.Actor, p *plan, sec sealedSecrets) *execution {
	x := &execution{s: s, run: r, who: who, attempt: r.Attempt, nodes: p.nodes, values: p.values, hidden: map[string]bool{}, threads: p.spec.Threads,
		nodeKeepgoing: p.spec.Keepgoing, strategy: job.NodeFirst, raw: p.project.AllowRaw, state: newProgress(s.clock, r.Nodes, r.Steps), held: s.clock.Now()}
	for name := range sec.Values {
		x.secure = append(x.secure, name)
	}
	if p.job == nil {
		x.steps = []job.Step{{Kind: "exec", ExecText: p.spec.Command, Exec: p.command}}
		return x
	}
	d := p.job.Def
	x.def = d
	x.steps, x.keepgoing, x.strategy, x.timeout = d.Steps, d.Keepgoing, d.Strategy, d.Timeout
	for _, o := range d.Options {
		x.options = append(x.options, o.Name)
		if o.Secure && !o.Exposed {
			x.hidden[o.Name] = true
		}
	}
	return x
}

// watch is one round of Start.
func (s *Store) watch(ctx context.Context) error {
	// A database that hangs must not keep this server from letting go in time, nor
	// from looking again.
	ctx, cancel := context.WithTimeout(ctx, lease)
	defer cancel()
	now := s.clock.Now()
	mine := s.running()
	if len(mine) > 0 {
		if err := s.renew(ctx, now, mine); err != nil {
			return err
		}
	}
	orphans, err := s.orphans(ctx, now)
	if err != nil {
		return err
	}
	for id, lease := range orphans {
		if err := s.lost(ctx, id, lease); err != nil {
			return fmt.Errorf("settle lost run %s: %w", id, err)
		}
	}
	room := s.Most - len(mine)
	s.mu.Lock()
	draining := s.draining
	s.mu.Unlock()
	if room <= 0 || draining {
		return nil
	}
	// One queued in the future was queued before the clock was set back: its task
	// would come as much later.
	forgotten, err := db.All(ctx, s.db.Read(), db.Strings, `SELECT id FROM run WHERE state = 'queued' AND (queued_at < $1 OR queued_at > $2) ORDER BY number LIMIT $3`, db.Micro(now.Add(-stuck)), db.Micro(now.Add(stuck)), room)
	if err != nil {
		return fmt.Errorf("look for queued runs: %w", err)
	}
	for _, id := range forgotten {
		// By key: however often it is put there, it waits once.
		if err := s.db.Do(ctx, func(tx *db.Tx) error {
			return s.Tasks.Enqueue(ctx, tx, taskExecute, taskArgs{id}, task.Options{Key: id})
		}); err != nil {
			return err
		}
	}
	return nil
}

// orphans finds runs whose worker no longer says anything, with the lease they have.
func (s *Store) orphans(ctx context.Context, now time.Time) (map[string]int64, error) {
	type held struct {
		id, worker string
		lease      int64
	}
	running, err := db.All(ctx, s.db.Read(), func(r db.Scanner) (h held, err error) {
		return h, r.Scan(&h.id, &h.worker, &h.lease)
	}, `SELECT id, worker, lease_until FROM run WHERE state = 'running'`)
	if err != nil {
		return nil, fmt.Errorf("look for lost runs: %w", err)
	}
	lost, seen := map[string]int64{}, map[string]sighting{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range running {
		if s.active[h.id] != nil {
			continue
		}
		at := s.leases[h.id]
		if at.lease != h.lease {
			at = sighting{lease: h.lease}
		}
		at.rounds++
		seen[h.id] = at
		if at.rounds >= unchanged || s.Alone && h.worker != s.Worker || h.lease < db.Micro(now.Add(-longGone)) {
			lost[h.id] = h.lease
		}
	}
	s.leases = seen
	return lost, nil
}

// renew keeps the leases of what runs here. An execution that is no longer the
// one on record is ended: its successor, or a person, decides.
func (s *Store) renew(ctx context.Context, now time.Time, mine []*execution) error {
	stop := map[string]string{}
	gone := map[string]bool{}
	// A database that hangs must not keep this server from letting go in time.
	ctx, cancel := context.WithTimeout(ctx, lease/3)
	defer cancel()
	err := s.db.Do(ctx, func(tx *db.Tx) error {
		clear(stop)
		clear(gone)
		for _, x := range mine {
			var by, reason string
			err := tx.QueryRow(ctx, `UPDATE run SET lease_until = $4 WHERE id = $1 AND attempt = $2 AND worker = $3 AND state = 'running' RETURNING stop_by, stop_reason`,
				x.run.ID, x.attempt, s.Worker, db.Micro(now.Add(lease))).Scan(&by, &reason)
			switch {
			case db.IsNoRows(err):
				gone[x.run.ID] = true
			case err != nil:
				return fmt.Errorf("keep run %s: %w", x.run.ID, err)
			case by != "":
				stop[x.run.ID] = reason
			}
		}
		return nil
	})
	for _, x := range mine {
		switch {
		case err != nil && s.clock.Now().Sub(x.held) > lease-watchEach:
			x.cancel(errLease) // others are about to take it for lost
		case err != nil:
		case gone[x.run.ID] && !x.finished.Load():
			x.cancel(errFenced)
		default:
			x.held = now
			if r, ok := stop[x.run.ID]; ok {
				x.cancel(stopped{r})
			}
		}
	}
	return err
}

// lost settles a run whose worker no longer says anything.
func (s *Store) lost(ctx context.Context, runID string, seen int64) error {
	sys := actor.System("run")
	var r Run
	unknown := false
	err := s.Access.Do(ctx, sys, func(tx *db.Tx) (err error) {
		unknown = false
		if r, err = s.load(ctx, tx, runID); err != nil || r.State != Running {
			return err
		}
		again := false
		if r.Job != nil && r.StopBy == "" {
			j, err := s.Jobs.At(ctx, tx, r.JobID, r.Job.Version)
			if err != nil {
				return err
			}
			again = j.Def.Idempotent && r.Attempt < 5
		}
		state, reason := Unknown, "the server that ran it vanished; whether its steps finished is not known. Look at the nodes, then settle it"
		if again {
			state, reason = Queued, "its server vanished; the job is marked idempotent and begins again"
		}
		// The attempt is raised: the old worker, should it still live, writes no more.
		res, err := tx.Exec(ctx, `UPDATE run SET state = $3, reason = $4, attempt = attempt + 1, lease_until = 0, queued_at = $5 WHERE id = $1 AND attempt = $2 AND state = 'running' AND lease_until = $6`,
			r.ID, r.Attempt, state, reason, db.Micro(s.clock.Now()), seen)
		if err != nil {
			return err
		}
		if n, _ := res.RowsAffected(); n != 1 {
			return nil
		}
		about := r.about()
		about.Outcome = ledger.Failed
		if err := s.Ledger.Append(ctx, tx, sys, about, WorkerLost{r.Number, r.Title, r.Attempt, again}); err != nil {
			return err
		}
		if again {
			if err := s.enqueue(ctx, tx, r.ID); err != nil {
				return err
			}
		}
		unknown = !again
		_, err = s.changed(ctx, tx, r.ID)
		return err
	})
	if err != nil || !unknown {
		return err
	}
	// What was stored of the log is now final.
	lines, sha, err := s.VerifyLog(ctx, s.db.Read(), runID)
	if err != nil {
		s.slog.Error("log of a lost run", "run", runID, "error", err)
		return nil
	}
	return s.db.Do(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE run SET log_sha256 = $2, log_lines = $3 WHERE id = $1 AND state = 'unknown'`, runID, sha, lines)
		return err
	})
}

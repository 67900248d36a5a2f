package run

import (
	"context"
	"fmt"
	"strings"

	"muster/internal/actor"
	"muster/internal/approval"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/task"
)

// Approve gives who's yes to the run as digest shows it. With enough of them the
// run is queued in the same transaction.
func (s *Store) Approve(ctx context.Context, tx *db.Tx, who actor.Actor, ref, digest, note string) (Run, error) {
	return s.decide(ctx, tx, who, ref, approval.Approve, digest, note)
}

// Decline ends the run before it began. Without a digest it declines whatever is asked.
func (s *Store) Decline(ctx context.Context, tx *db.Tx, who actor.Actor, ref, note string) (Run, error) {
	return s.decide(ctx, tx, who, ref, approval.Decline, "", note)
}

func (s *Store) decide(ctx context.Context, tx *db.Tx, who actor.Actor, ref, decision, digest, note string) (Run, error) {
	r, err := s.find(ctx, tx, ref)
	if err != nil {
		return r, err
	}
	if r.ApprovalID == "" || !s.visible(ctx, tx, who, &r) {
		if !s.visible(ctx, tx, who, &r) {
			return Run{}, errNoRun
		}
		return Run{}, fault.Newf(fault.Conflict, "Run #%d needs no approval.", r.Number)
	}
	if decision == approval.Decline {
		digest = r.Digest
	}
	a, err := s.Approvals.Decide(ctx, tx, who, r.ApprovalID, decision, note, digest)
	if err != nil {
		return Run{}, err
	}
	switch a.State {
	case approval.Approved:
		if err := s.Tasks.Cancel(ctx, tx, taskExpire, r.ID); err != nil {
			return r, err
		}
		if err := s.move(ctx, tx, r.ID, Waiting, Queued, ""); err != nil {
			return r, err
		}
		by := []string{}
		for _, v := range a.Votes {
			by = append(by, v.UserID)
		}
		if err := s.Ledger.Append(ctx, tx, who, r.about(), Approved{r.Number, r.Title, by, r.Digest, strings.TrimSpace(note)}); err != nil {
			return r, err
		}
		if err := s.settleApprovers(ctx, tx, &r); err != nil {
			return r, err
		}
		if err := s.enqueue(ctx, tx, r.ID); err != nil {
			return r, err
		}
	case approval.Declined:
		if err := s.Tasks.Cancel(ctx, tx, taskExpire, r.ID); err != nil {
			return r, err
		}
		if err := s.Ledger.Append(ctx, tx, who, r.about(), Declined{r.Number, r.Title, strings.TrimSpace(note)}); err != nil {
			return r, err
		}
		if err := s.over(ctx, tx, who, &r, StoppedBy, "declined by "+called(who)+": "+strings.TrimSpace(note)); err != nil {
			return r, err
		}
	}
	return s.answer(ctx, tx, who, r.ID)
}

func called(who actor.Actor) string {
	if who.Display != "" {
		return who.Display
	}
	return who.Name
}

// answer is the run after a change, for the one who made it.
func (s *Store) answer(ctx context.Context, tx *db.Tx, who actor.Actor, runID string) (Run, error) {
	r, err := s.changed(ctx, tx, runID)
	if err != nil {
		return r, err
	}
	s.decorate(ctx, tx, who, &r)
	return r, nil
}

// move changes the state if it is still the one expected.
func (s *Store) move(ctx context.Context, tx *db.Tx, runID, from, to, reason string) error {
	queued := int64(0)
	if to == Queued {
		queued = db.Micro(s.clock.Now())
	}
	res, err := tx.Exec(ctx, `UPDATE run SET state = $3, reason = $4, queued_at = CASE WHEN CAST($5 AS BIGINT) > 0 THEN $5 ELSE queued_at END WHERE id = $1 AND state = $2`, runID, from, to, reason, queued)
	if err != nil {
		return fmt.Errorf("change run's state: %w", err)
	}
	if n, _ := res.RowsAffected(); n != 1 {
		return errMoved
	}
	return nil
}

var errMoved = fault.New(fault.Conflict, "The run changed at the same moment. Look at it again.")

// over ends a run that did not begin, or whose outcome a person settles.
func (s *Store) over(ctx context.Context, tx *db.Tx, who actor.Actor, r *Run, state, reason string) error {
	res, err := tx.Exec(ctx, `UPDATE run SET state = $3, reason = $4, finished_at = $5, secrets = NULL, lease_until = 0 WHERE id = $1 AND state = $2`, r.ID, r.State, state, reason, db.Micro(s.clock.Now()))
	if err != nil {
		return fmt.Errorf("end run: %w", err)
	}
	if n, _ := res.RowsAffected(); n != 1 {
		return errMoved
	}
	if _, err := tx.Exec(ctx, `UPDATE run_node SET state = 'skipped' WHERE run = $1 AND state IN ('pending', 'running')`, r.ID); err != nil {
		return fmt.Errorf("end run's nodes: %w", err)
	}
	if r.State == Waiting {
		if err := s.settleApprovers(ctx, tx, r); err != nil {
			return err
		}
	}
	if who.ID != r.RequestBy && r.State != Unknown {
		if err := s.tellRequester(ctx, tx, r, reason); err != nil {
			return err
		}
	}
	return s.Ledger.Append(ctx, tx, who, r.about(), Finished{Run: r.Number, Title: r.Title, Environment: r.Environment, State: state, Reason: reason, Nodes: r.Progress.Total, Failed: []string{}, LogLines: r.LogLines, LogSHA256: r.LogSHA256})
}

// Stop ends a run wherever it stands: one that waits never begins, one that runs
// has its processes ended on every node.
func (s *Store) Stop(ctx context.Context, tx *db.Tx, who actor.Actor, ref string) (Run, error) {
	r, err := s.find(ctx, tx, ref)
	if err != nil {
		return r, err
	}
	if !s.visible(ctx, tx, who, &r) {
		return Run{}, errNoRun
	}
	if !s.mayStop(ctx, tx, who, &r) {
		return Run{}, s.Access.Check(ctx, tx, who, "kill", r.resource())
	}
	reason := "stopped by " + called(who)
	switch r.State {
	case Waiting, Queued:
		if r.ApprovalID != "" {
			if err := s.Approvals.Void(ctx, tx, who, r.ApprovalID, reason); err != nil {
				return r, err
			}
			if err := s.Tasks.Cancel(ctx, tx, taskExpire, r.ID); err != nil {
				return r, err
			}
		}
		if err := s.over(ctx, tx, who, &r, StoppedBy, reason); err != nil {
			return r, err
		}
	case Running:
		if r.StopBy != "" {
			break // asked for already
		}
		if _, err := tx.Exec(ctx, `UPDATE run SET stop_by = $2, stop_reason = $3, reason = $4 WHERE id = $1 AND state = 'running'`, r.ID, who.ID, reason, "stopping: "+reason); err != nil {
			return r, fmt.Errorf("stop run: %w", err)
		}
		if err := s.Ledger.Append(ctx, tx, who, r.about(), StopAsked{r.Number, r.Title}); err != nil {
			return r, err
		}
		// A worker on another node sees the row within a moment.
		tx.AfterCommit(func() { s.cancel(r.ID, reason) })
	case Unknown:
		return r, fault.Newf(fault.Conflict, "Nobody works on run #%d any more; whether it still has processes on a node is not known. Look there, then settle the run.", r.Number)
	default:
		return r, fault.Newf(fault.Conflict, "Run #%d has already ended: %s.", r.Number, r.State)
	}
	return s.answer(ctx, tx, who, r.ID)
}

// Settle takes a person's word on a run whose outcome is not known. "failed"
// ends it; "rerun" ends it too and asks for the same again, with all rules and
// approvals that a new run has.
func (s *Store) Settle(ctx context.Context, tx *db.Tx, who actor.Actor, ref, outcome string) (Run, error) {
	r, err := s.find(ctx, tx, ref)
	if err != nil {
		return r, err
	}
	if !s.visible(ctx, tx, who, &r) {
		return Run{}, errNoRun
	}
	if !s.Access.Allowed(ctx, tx, who, "kill", r.resource()) {
		if err := s.Access.Check(ctx, tx, who, "run", r.resource()); err != nil {
			return Run{}, err
		}
	}
	if r.State != Unknown {
		return r, fault.Newf(fault.Conflict, "Only a run whose outcome is unknown can be settled; run #%d is %s.", r.Number, r.State)
	}
	ev := Settled{Run: r.Number, Title: r.Title, Outcome: outcome}
	reason := "settled as failed by " + called(who)
	switch outcome {
	case "failed":
		if err := s.over(ctx, tx, who, &r, Failed, reason); err != nil {
			return r, err
		}
	case "rerun":
		sec, err := s.unseal(ctx, tx, &r)
		if err != nil {
			return r, err
		}
		if err := s.over(ctx, tx, who, &r, Failed, reason+", who asked for it again"); err != nil {
			return r, err
		}
		in := r.again(sec)
		if r.Job != nil {
			in.version = r.Job.Version // what ran, not what the job has become since
		}
		next, err := s.Request(ctx, tx, who, in)
		if err != nil {
			return r, err
		}
		ev.Next = next.Number
		if err := s.Ledger.Append(ctx, tx, who, r.about(), ev); err != nil {
			return r, err
		}
		if _, err := s.changed(ctx, tx, r.ID); err != nil {
			return r, err
		}
		return next, nil
	default:
		return r, fault.Field("outcome", "The outcome is failed or rerun.")
	}
	if err := s.Ledger.Append(ctx, tx, who, r.about(), ev); err != nil {
		return r, err
	}
	return s.answer(ctx, tx, who, r.ID)
}

// again is the request that asks for the same as r.
func (r *Run) again(sec sealedSecrets) Request {
	in := Request{JobID: r.JobID, Project: r.Project, Command: r.spec.Command, Threads: r.spec.Threads, Keepgoing: r.spec.Keepgoing, Filter: r.spec.Filter, Nodes: r.spec.Nodes, Room: r.RoomID, Options: map[string][]string{}}
	for n, v := range r.spec.Options {
		in.Options[n] = []string{v}
	}
	for n, v := range sec.Values {
		in.Options[n] = []string{v}
	}
	return in
}

// expireTask ends a run whose approval did not come in time.
func (s *Store) expireTask(ctx context.Context, t task.Task) error {
	var args taskArgs
	if err := t.Into(&args); err != nil {
		return err
	}
	who := actor.System("run")
	return s.Access.Do(ctx, who, func(tx *db.Tx) error {
		r, err := s.bare(ctx, tx, args.Run)
		if err != nil || r.State != Waiting || r.ApprovalID == "" {
			return err
		}
		changed, err := s.Approvals.Expire(ctx, tx, who, r.ApprovalID)
		if err != nil || !changed {
			return err
		}
		if err := s.over(ctx, tx, who, &r, StoppedBy, "the approval expired: nobody decided in time"); err != nil {
			return err
		}
		_, err = s.changed(ctx, tx, r.ID)
		return err
	})
}

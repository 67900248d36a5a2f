package run

import (
	"context"
	"fmt"

	"muster/internal/account"
	"muster/internal/approval"
	"muster/internal/db"
	"muster/internal/notify"
)

// tellApprovers lets everybody know who can say yes to a run that waits.
func (s *Store) tellApprovers(ctx context.Context, tx *db.Tx, r *Run, a approval.Approval) error {
	severity, drill, err := s.urgency(ctx, tx, r)
	if err != nil {
		return err
	}
	return s.approvers(ctx, tx, a, func(u account.User) error {
		if u.Disabled || s.Approvals.May(ctx, tx, u.Actor(), a) != nil {
			return nil
		}
		if severity > 0 { // told before it was urgent, they are woken now
			if again, err := s.Notify.Wake(ctx, tx, u.ID, tellKey(r, "approval"), severity, drill); err != nil || again {
				return err
			}
		}
		n := notify.New{Person: u.ID, Kind: "approval", Title: fmt.Sprintf("Run #%d waits for your approval", r.Number), Body: a.Summary + ".", Severity: severity, Drill: drill}
		if severity > 0 {
			n.Email, n.Subject = true, fmt.Sprintf("[SEV-%d] %s", severity, n.Title)
		}
		return s.tell(ctx, tx, r, n)
	})
}

// Urgent wakes who can say yes to the runs that wait for an incident, which has
// become one that people are woken for. Whoever was woken for a run is not again.
func (s *Store) Urgent(ctx context.Context, tx *db.Tx, incidentID string) error {
	if s.Notify == nil {
		return nil
	}
	rs, err := db.All(ctx, tx, scan, columns+` WHERE incident = $1 AND state = 'waiting' ORDER BY number`, incidentID)
	if err != nil {
		return fmt.Errorf("find what waits for an incident: %w", err)
	}
	for _, r := range rs {
		if r.ApprovalID == "" {
			continue
		}
		a, err := s.Approvals.Get(ctx, tx, r.ApprovalID)
		if err != nil {
			return err
		}
		if err := s.tellApprovers(ctx, tx, &r, a); err != nil {
			return err
		}
	}
	return nil
}

// urgency is the severity of the open SEV-1 or SEV-2 a run belongs to, for
// which approvers are woken as who is on call is; 0 otherwise.
func (s *Store) urgency(ctx context.Context, tx *db.Tx, r *Run) (int, bool, error) {
	if s.Urgency == nil || r.IncidentID == "" {
		return 0, false, nil
	}
	severity, drill, err := s.Urgency(ctx, tx, r.IncidentID)
	if severity > 2 {
		severity = 0
	}
	return severity, drill, err
}

// settleApprovers takes the request out of their inboxes: nothing waits any more.
func (s *Store) settleApprovers(ctx context.Context, tx *db.Tx, r *Run) error {
	if s.Notify == nil || r.ApprovalID == "" {
		return nil
	}
	a, err := s.Approvals.Get(ctx, tx, r.ApprovalID)
	if err != nil {
		return err
	}
	return s.approvers(ctx, tx, a, func(u account.User) error {
		return s.Notify.Settle(ctx, tx, u.ID, tellKey(r, "approval"))
	})
}

// approvers goes once over each person of the groups an approval asks.
func (s *Store) approvers(ctx context.Context, tx *db.Tx, a approval.Approval, do func(account.User) error) error {
	if s.Notify == nil {
		return nil
	}
	met := map[string]bool{}
	for _, group := range approval.Groups(a.Needs) {
		people, err := s.Accounts.WithRole(ctx, tx, group)
		if err != nil {
			return err
		}
		for _, u := range people {
			if met[u.ID] {
				continue
			}
			met[u.ID] = true
			if err := do(u); err != nil {
				return err
			}
		}
	}
	return nil
}

// tellRequester lets who asked know that the run will not happen.
func (s *Store) tellRequester(ctx context.Context, tx *db.Tx, r *Run, reason string) error {
	if s.Notify == nil {
		return nil
	}
	u, err := s.Accounts.Get(ctx, tx, r.RequestBy)
	if err != nil || u.Disabled {
		return nil // the system asked, or somebody who is gone
	}
	return s.tell(ctx, tx, r, notify.New{Person: u.ID, Kind: "info", Title: fmt.Sprintf("Run #%d does not run", r.Number), Body: r.Title + ": " + reason + "."})
}

func (s *Store) tell(ctx context.Context, tx *db.Tx, r *Run, n notify.New) error {
	n.Link, n.Incident, n.Key = "/runs/"+r.ID, r.IncidentID, tellKey(r, n.Kind)
	_, err := s.Notify.Send(ctx, tx, n)
	return err
}

func tellKey(r *Run, kind string) string { return "run:" + r.ID + ":" + kind }

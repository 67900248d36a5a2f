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
	if s.Notify == nil {
		return nil
	}
	told := map[string]bool{}
	for _, group := range approval.Groups(a.Needs) {
		people, err := s.Accounts.WithRole(ctx, tx, group)
		if err != nil {
			return err
		}
		for _, u := range people {
			if told[u.ID] || u.Disabled || s.Approvals.May(ctx, tx, u.Actor(), a) != nil {
				continue
			}
			told[u.ID] = true
			if err := s.tell(ctx, tx, r, u, "approval", fmt.Sprintf("Run #%d waits for your approval", r.Number), a.Summary+"."); err != nil {
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
	return s.tell(ctx, tx, r, u, "info", fmt.Sprintf("Run #%d does not run", r.Number), r.Title+": "+reason+".")
}

func (s *Store) tell(ctx context.Context, tx *db.Tx, r *Run, u account.User, kind, title, body string) error {
	_, err := s.Notify.Send(ctx, tx, notify.New{Person: u.ID, Kind: kind, Title: title, Body: body, Link: "/runs/" + r.ID, Incident: r.IncidentID, Key: "run:" + r.ID + ":" + kind})
	return err
}

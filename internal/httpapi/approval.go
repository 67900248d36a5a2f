package httpapi

import (
	"context"

	"muster/internal/actor"
	"muster/internal/approval"
	"muster/internal/db"
	"muster/internal/run"
)

// ApprovalDeps is what the approval routes call.
type ApprovalDeps struct {
	Runs      *run.Store
	Approvals *approval.Store
}

// RegisterApprovals adds deciding, and what is to be decided.
func RegisterApprovals(a *API, d ApprovalDeps) {
	Handle(a, Route{Method: "GET", Path: "/approvals", ID: "list-approvals", Summary: "What waits for your answer", Tag: "Runs", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (List[run.Waits], error) {
			ws, err := d.Runs.ForMe(ctx, a.DB.Read(), who)
			return ListOf(ws), err
		})
	type approve struct {
		RunPath
		Body struct {
			Digest string `json:"digest" minLength:"1" maxLength:"100" doc:"The run's digest as you saw it: what changed since is not approved"`
			Note   string `json:"note,omitempty" maxLength:"2000"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/runs/{id}/approve", ID: "approve-run", Summary: "Approve a run that waits", Tag: "Runs", Access: "approval:decide"},
		func(ctx context.Context, who actor.Actor, in *approve) (r run.Run, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) (err error) {
				r, err = d.Runs.Approve(ctx, tx, who, in.ID, in.Body.Digest, in.Body.Note)
				return err
			})
			return r, err
		})
	type decline struct {
		RunPath
		Body struct {
			Note string `json:"note" minLength:"1" maxLength:"2000" doc:"Why"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/runs/{id}/decline", ID: "decline-run", Summary: "Decline a run that waits; it ends", Tag: "Runs", Access: "approval:decide"},
		func(ctx context.Context, who actor.Actor, in *decline) (r run.Run, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) (err error) {
				r, err = d.Runs.Decline(ctx, tx, who, in.ID, in.Body.Note)
				return err
			})
			return r, err
		})
}

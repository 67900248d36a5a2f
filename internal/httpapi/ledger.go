package httpapi

import (
	"context"
	"time"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/ledger"
)

// LedgerDeps is what the ledger routes call.
type LedgerDeps struct {
	Ledger *ledger.Ledger
}

// Checkpoint is the ledger's signed head.
type Checkpoint struct {
	Note string `json:"note" doc:"Signed checkpoint; keep it elsewhere and give it to muster ledger verify --checkpoint"`
}

// RegisterLedger adds the auditor's reading.
func RegisterLedger(a *API, d LedgerDeps) {
	whole := access.Resource{Type: "ledger"}
	type list struct {
		AfterN   int64     `query:"after_n" minimum:"0" doc:"Records behind this number"`
		BeforeN  int64     `query:"before_n" minimum:"0" doc:"Records before this number"`
		Newest   bool      `query:"newest" doc:"Newest first"`
		Kind     string    `query:"kind" maxLength:"64"`
		Actor    string    `query:"actor" maxLength:"64"`
		Incident string    `query:"incident" maxLength:"36"`
		Room     string    `query:"room" maxLength:"36"`
		Project  string    `query:"project" maxLength:"64"`
		Resource string    `query:"resource" maxLength:"256"`
		From     time.Time `query:"from" doc:"Records of this moment and later"`
		To       time.Time `query:"to" doc:"Records before this moment"`
		Limit    int       `query:"limit" minimum:"1" maximum:"1000" default:"200"`
	}
	Handle(a, Route{Method: "GET", Path: "/ledger", ID: "list-ledger", Summary: "Read the sealed record", Tag: "Ledger", Access: "ledger:read"},
		func(ctx context.Context, who actor.Actor, in *list) (List[ledger.Record], error) {
			q := a.DB.Read()
			if err := a.Access.Check(ctx, q, who, "read", whole); err != nil {
				a.Access.Record(ctx, who, err)
				return ListOf[ledger.Record](nil), err
			}
			f := ledger.Filter{AfterN: in.AfterN, BeforeN: in.BeforeN, Newest: in.Newest, Actor: in.Actor, Incident: in.Incident, Room: in.Room, Project: in.Project, Resource: in.Resource, From: in.From, To: in.To, Limit: in.Limit}
			if in.Kind != "" {
				f.Kinds = []string{in.Kind}
			}
			rs, err := d.Ledger.Events(ctx, q, f)
			return ListOf(rs), err
		})
	Handle(a, Route{Method: "GET", Path: "/ledger/checkpoint", ID: "get-checkpoint", Summary: "Export the signed checkpoint", Tag: "Ledger", Access: "ledger:export"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (Checkpoint, error) {
			q := a.DB.Read()
			if err := a.Access.Check(ctx, q, who, "export", whole); err != nil {
				a.Access.Record(ctx, who, err)
				return Checkpoint{}, err
			}
			n, err := ledger.Head(ctx, q)
			return Checkpoint{n}, err
		})
}

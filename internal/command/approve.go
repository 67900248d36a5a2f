package command

import (
	"context"
	"fmt"
	"strings"

	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/run"
)

func (d RunDeps) approve() Verb {
	return Verb{
		Name: "approve", Usage: "/approve RUN [note]", Help: "Approve a run that waits, as it stands now. Not your own.",
		Shown: func(ctx context.Context, q db.Querier, c Call) bool {
			return d.Access.Anywhere(ctx, q, c.Who, "decide", "approval")
		},
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			ref, note := cutWord(c.Args)
			r, err := d.named(ctx, tx, c, ref)
			if err != nil {
				return Reply{}, err
			}
			if r, err = d.Runs.Approve(ctx, tx, c.Who, r.ID, r.Digest, note); err != nil {
				return Reply{}, err
			}
			if r.State == run.Waiting {
				return Reply{fmt.Sprintf("You approved run #%d; it still waits for others.", r.Number)}, nil
			}
			return Reply{fmt.Sprintf("You approved run #%d; it is %s.", r.Number, r.State)}, nil
		},
		Complete: d.completeRuns(func(r run.RunSummary) bool { return r.State == run.Waiting }),
	}
}

func (d RunDeps) decline() Verb {
	return Verb{
		Name: "decline", Usage: "/decline RUN note", Help: "Decline a run that waits, and say why. It ends.",
		Shown: func(ctx context.Context, q db.Querier, c Call) bool {
			return d.Access.Anywhere(ctx, q, c.Who, "decide", "approval")
		},
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			ref, note := cutWord(c.Args)
			r, err := d.named(ctx, tx, c, ref)
			if err != nil {
				return Reply{}, err
			}
			if r, err = d.Runs.Decline(ctx, tx, c.Who, r.ID, note); err != nil {
				return Reply{}, err
			}
			return Reply{fmt.Sprintf("You declined run #%d.", r.Number)}, nil
		},
		Complete: d.completeRuns(func(r run.RunSummary) bool { return r.State == run.Waiting }),
	}
}

// named gives the run a line speaks of: by number, or the only one that is
// active in this room.
func (d RunDeps) named(ctx context.Context, q db.Querier, c Call, ref string) (run.Run, error) {
	if ref != "" {
		return d.Runs.See(ctx, q, c.Who, ref)
	}
	rs, err := d.Runs.List(ctx, q, c.Who, run.ListQuery{State: "active", Room: c.Room.ID, Limit: 5})
	if err != nil {
		return run.Run{}, err
	}
	if len(rs) == 1 {
		return d.Runs.See(ctx, q, c.Who, rs[0].ID)
	}
	return run.Run{}, fault.Field("run", "Say which run by its number, for example #41.")
}

// completeRuns proposes the active runs that fit, those of the room first.
func (d RunDeps) completeRuns(fits func(run.RunSummary) bool) func(context.Context, db.Querier, Call) ([]Completion, error) {
	return func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
		if strings.Contains(c.Args, " ") {
			return nil, nil
		}
		rs, err := d.Runs.List(ctx, q, c.Who, run.ListQuery{State: "active", Limit: 100})
		if err != nil {
			return nil, err
		}
		var here, elsewhere []Completion
		for _, r := range rs {
			n := r.NumberText()
			if !fits(r) || !strings.HasPrefix(n, strings.TrimPrefix(c.Args, "#")) {
				continue
			}
			x := Completion{Value: "#" + n + " ", Label: "#" + n + " " + r.Title, Detail: strings.TrimSpace(r.State + " " + r.Environment), Kind: "value"}
			if r.RoomID == c.Room.ID {
				here = append(here, x)
			} else {
				elsewhere = append(elsewhere, x)
			}
		}
		return append(here, elsewhere...), nil
	}
}

// cutWord takes the first word off.
func cutWord(args string) (first, rest string) {
	first, rest, _ = strings.Cut(strings.TrimSpace(args), " ")
	return first, strings.TrimSpace(rest)
}

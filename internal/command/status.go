package command

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/run"
)

func (d RunDeps) status() Verb {
	return Verb{
		Name: "status", Usage: "/status [RUN|SERVICE]", Help: "Say how a run or a service is; without either, what runs in this room.",
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			ref := strings.TrimSpace(c.Args)
			if ref == "" {
				rs, err := d.Runs.List(ctx, tx, c.Who, run.ListQuery{State: "active", Room: c.Room.ID, Limit: 20})
				if err != nil {
					return Reply{}, err
				}
				if len(rs) == 0 {
					return Reply{"Nothing runs in this room."}, nil
				}
				var lines []string
				for _, r := range rs {
					lines = append(lines, statusLine(r))
				}
				return Reply{strings.Join(lines, "\n")}, nil
			}
			if _, err := strconv.ParseInt(strings.TrimPrefix(ref, "#"), 10, 64); err != nil {
				if d.Service == nil {
					return Reply{}, fault.Field("text", "Give the number of a run, for example /status #41.")
				}
				text, err := d.Service(ctx, tx, c.Who, ref)
				return Reply{text}, err
			}
			r, err := d.Runs.See(ctx, tx, c.Who, ref)
			if err != nil {
				return Reply{}, err
			}
			text := statusLine(r.RunSummary)
			for _, n := range r.Nodes {
				if n.State == run.StepFail {
					text += fmt.Sprintf("\n%s failed at step %d: %s", n.Name, n.Step, n.Error)
				}
			}
			return Reply{text}, nil
		},
		Complete: d.completeRuns(func(run.RunSummary) bool { return true }),
	}
}

func statusLine(r run.RunSummary) string {
	s := fmt.Sprintf("#%d %s is %s", r.Number, r.Title, r.State)
	if r.Environment != "" {
		s += " (" + r.Environment + ")"
	}
	if r.State == run.Running || r.Ended() {
		s += fmt.Sprintf(": %d of %d nodes done", r.Progress.Done, r.Progress.Total)
		if r.Progress.Failed > 0 {
			s += fmt.Sprintf(", %d failed", r.Progress.Failed)
		}
	}
	if r.Reason != "" {
		s += "; " + r.Reason
	}
	return s + "."
}

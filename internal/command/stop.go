package command

import (
	"context"
	"fmt"

	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/run"
)

func (d RunDeps) stop() Verb {
	return Verb{
		Name: "stop", Usage: "/stop RUN", Help: "Stop a run. Whatever it started on its nodes is ended.",
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			ref, more := cutWord(c.Args)
			if more != "" {
				return Reply{}, fault.Field("text", "/stop takes only the run's number: /stop #41")
			}
			r, err := d.named(ctx, tx, c, ref)
			if err != nil {
				return Reply{}, err
			}
			if r, err = d.Runs.Stop(ctx, tx, c.Who, r.ID); err != nil {
				return Reply{}, err
			}
			if r.State == run.Running {
				return Reply{fmt.Sprintf("Run #%d is being stopped.", r.Number)}, nil
			}
			return Reply{fmt.Sprintf("Run #%d is stopped.", r.Number)}, nil
		},
		Complete: d.completeRuns(func(r run.RunSummary) bool { return r.State != run.Unknown }),
	}
}

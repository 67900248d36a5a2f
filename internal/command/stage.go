package command

import (
	"context"
	"strings"

	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/incident"
)

func (r Response) stage() Verb {
	return Verb{
		Name: "stage", Usage: "/stage triage|mitigating|monitoring|resolved|closed [note]", Help: "Move the incident along, close it, or reopen it.",
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			i, err := r.here(ctx, tx, c)
			if err != nil {
				return Reply{}, err
			}
			word, note, _ := strings.Cut(c.Args, " ")
			to, err := incident.ParseStage(word)
			if err != nil {
				return Reply{}, err
			}
			note, anyway := strings.CutPrefix(strings.TrimSpace(note), "anyway")
			if i.Stage.Open() && !to.Open() && !anyway {
				open, err := r.Incidents.StillOpen(ctx, tx, c.Who, i.ID)
				if err != nil {
					return Reply{}, err
				}
				if len(open) > 0 {
					return Reply{}, fault.Newf(fault.Conflict, "Not yet: %s. If it is over nevertheless: /stage %s anyway", incident.Sentence(open), to)
				}
			}
			i, err = r.Incidents.SetStage(ctx, tx, c.Who, i.ID, to, note)
			return Reply{i.Ticket + " is " + string(to) + "."}, err
		},
		Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
			i, err := r.here(ctx, q, c)
			if err != nil || strings.Contains(c.Args, " ") {
				return nil, nil //nolint:nilerr // nothing to propose elsewhere
			}
			return choices(c.Args, "value", stageWords(i)...), nil
		},
		Shown: r.able("command"),
	}
}

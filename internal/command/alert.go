package command

import (
	"context"
	"fmt"
	"strings"

	"muster/internal/alert"
	"muster/internal/db"
	"muster/internal/fault"
)

func (r Response) alert() Verb {
	return Verb{
		Name: "alert", Usage: "/alert resolve [WORDS]", Help: "End the incident's alerts by your word, all of them or those whose title has the words. The incident stays open.",
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			i, err := r.here(ctx, tx, c)
			if err != nil {
				return Reply{}, err
			}
			what, words, _ := strings.Cut(c.Args, " ")
			if what != "resolve" {
				return Reply{}, fault.Field("text", "Say what to do: /alert resolve, or /alert resolve with words of a title.")
			}
			live, err := r.Alerts.List(ctx, tx, c.Who, alert.Filter{Incident: i.ID, State: "live", Text: words, Limit: alert.MaxAct})
			if err != nil {
				return Reply{}, err
			}
			ids := []string{}
			for _, a := range live {
				ids = append(ids, a.ID)
			}
			if len(ids) == 0 {
				return Reply{}, fault.New(fault.NotFound, "No alert that fires in this incident fits. Look at the cards in the room.")
			}
			if _, err := r.Alerts.ResolveAll(ctx, tx, c.Who, ids); err != nil {
				return Reply{}, err
			}
			if len(ids) == 1 {
				return Reply{"Resolved " + live[0].Title + "."}, nil
			}
			return Reply{fmt.Sprintf("Resolved %d alerts.", len(ids))}, nil
		},
		Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
			return choices(c.Args, "value", "resolve"), nil
		},
		Shown: r.able("acknowledge"),
	}
}

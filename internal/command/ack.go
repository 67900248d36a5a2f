package command

import (
	"context"

	"muster/internal/db"
)

func (r Response) ack() Verb {
	return Verb{
		Name: "ack", Usage: "/ack", Help: "Say that you take care: nobody else is paged.",
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			i, err := r.here(ctx, tx, c)
			if err != nil {
				return Reply{}, err
			}
			i, err = r.Incidents.Acknowledge(ctx, tx, c.Who, i.ID)
			return Reply{i.Ticket + " is acknowledged."}, err
		},
		Shown: r.able("acknowledge"),
	}
}

package command

import (
	"context"

	"muster/internal/db"
)

func (r Response) note() Verb {
	return Verb{
		Name: "note", Usage: "/note TEXT", Help: "Put a note on the incident's timeline.",
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			i, err := r.here(ctx, tx, c)
			if err != nil {
				return Reply{}, err
			}
			_, err = r.Incidents.Note(ctx, tx, c.Who, i.ID, c.Args, nil)
			return Reply{"Noted on the timeline of " + i.Ticket + "."}, err
		},
		Shown: r.able("note"),
	}
}

package command

import (
	"context"
	"strings"

	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/incident"
)

func (r Response) merge() Verb {
	return Verb{
		Name: "merge", Usage: "/merge TICKET", Help: "This incident is the same trouble as another one: end it, and go on there.",
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			i, err := r.here(ctx, tx, c)
			if err != nil {
				return Reply{}, err
			}
			into := strings.TrimSpace(c.Args)
			if into == "" {
				return Reply{}, fault.Field("text", "Name the incident that goes on: /merge INC-1001")
			}
			to, err := r.Incidents.Get(ctx, tx, c.Who, into)
			if err != nil {
				return Reply{}, err
			}
			_, err = r.Incidents.Merge(ctx, tx, c.Who, i.ID, to.ID)
			return Reply{i.Ticket + " went on as " + to.Ticket + ". Its room is " + to.Room.Name + "."}, err
		},
		Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
			open, err := r.Incidents.List(ctx, q, c.Who, "open", 50)
			if err != nil {
				return nil, err
			}
			out := []Completion{}
			for _, i := range open {
				if i.Room.ID != c.Room.ID && i.Stage.Open() && strings.HasPrefix(i.Ticket, strings.ToUpper(strings.TrimSpace(c.Args))) {
					out = append(out, Completion{Value: i.Ticket, Label: i.Ticket, Detail: i.Title, Kind: "value"})
				}
			}
			return out, nil
		},
		Shown: r.able("merge"),
	}
}

func (r Response) restrict() Verb {
	return Verb{
		Name: "restrict", Usage: "/restrict [@PERSON|GROUP …] | off", Help: "Let only the members of this room know of the incident, and add people or the people of groups to them; off opens it to everybody again.",
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			i, err := r.here(ctx, tx, c)
			if err != nil {
				return Reply{}, err
			}
			yes := true
			ch := incident.Change{Restricted: &yes}
			for _, w := range strings.Fields(c.Args) {
				switch {
				case w == "off":
					yes = false
				case strings.HasPrefix(w, "@"):
					u, err := r.person(ctx, tx, c.Who, w)
					if err != nil {
						return Reply{}, err
					}
					ch.Members = append(ch.Members, u.ID)
				default:
					ch.Groups = append(ch.Groups, w)
				}
			}
			i, err = r.Incidents.Update(ctx, tx, c.Who, i.ID, ch)
			if err != nil || i.Restricted {
				return Reply{i.Ticket + " is known to the members of this room only."}, err
			}
			return Reply{i.Ticket + " is open to everybody who may read incidents."}, nil
		},
		Shown: r.able("restrict"),
	}
}

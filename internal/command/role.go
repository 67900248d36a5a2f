package command

import (
	"context"
	"strings"

	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/incident"
)

func (r Response) role() Verb {
	return Verb{
		Name: "role", Usage: "/role commander|operations|communications|scribe|liaison [@PERSON|none]", Help: "Take a role, give it to somebody, or leave it empty.",
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			i, err := r.here(ctx, tx, c)
			if err != nil {
				return Reply{}, err
			}
			role, whom, _ := strings.Cut(c.Args, " ")
			if role == "" {
				return Reply{}, fault.Field("text", "Name a role: "+strings.Join(incident.Roles, ", ")+".")
			}
			person, name := c.Who.ID, c.Who.Display
			switch whom = strings.TrimSpace(whom); whom {
			case "":
			case "none":
				person, name = "", "nobody"
			default:
				u, err := r.person(ctx, tx, c.Who, whom)
				if err != nil {
					return Reply{}, err
				}
				person, name = u.ID, u.Display
			}
			i, err = r.Incidents.SetRole(ctx, tx, c.Who, i.ID, role, person)
			return Reply{"The " + strings.ToLower(role) + " of " + i.Ticket + " is " + name + "."}, err
		},
		Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
			role, whom, named := strings.Cut(c.Args, " ")
			if !named {
				return choices(role, "value", incident.Roles...), nil
			}
			out, err := CompletePerson(ctx, q, r.People, whom)
			for n := range out {
				out[n].Value = role + " " + out[n].Value
			}
			return out, err
		},
		Shown: r.able("command"),
	}
}

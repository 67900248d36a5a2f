package command

import (
	"context"
	"strings"

	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/incident"
)

func (r Response) page() Verb {
	return Verb{
		Name: "page", Usage: "/page @PERSON|SERVICE", Help: "Page a person, or whoever is on call for a service.",
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			i, err := r.here(ctx, tx, c)
			if err != nil {
				return Reply{}, err
			}
			whom := strings.TrimSpace(c.Args)
			if whom == "" {
				return Reply{}, fault.Field("text", "Say whom: /page @ann, or /page payments-api for whoever is on call.")
			}
			to := incident.Target{Service: whom}
			if strings.HasPrefix(whom, "@") {
				u, err := r.person(ctx, tx, c.Who, whom)
				if err != nil {
					return Reply{}, err
				}
				to = incident.Target{UserID: u.ID}
			}
			_, err = r.Incidents.Page(ctx, tx, c.Who, i.ID, to)
			return Reply{whom + " is paged."}, err
		},
		Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
			out, err := CompletePerson(ctx, q, r.People, c.Args)
			if err != nil || strings.HasPrefix(c.Args, "@") || strings.Contains(c.Args, " ") {
				return out, err
			}
			services, err := r.Oncall.Services(ctx, q, c.Who)
			for _, sv := range services {
				if strings.HasPrefix(sv.Name, c.Args) {
					out = append(out, Completion{Value: sv.Name + " ", Label: sv.Name, Detail: "whoever is on call", Kind: "value"})
				}
			}
			return out, err
		},
		Shown: r.able("page"),
	}
}

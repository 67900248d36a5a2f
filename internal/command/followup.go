package command

import (
	"context"
	"strings"

	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/incident"
)

// action puts what has to be done after the incident on its list.
func (r Response) action() Verb {
	return r.followup("action", "/action TEXT [@OWNER] [due=YYYY-MM-DD]", "Put an action for after the incident on its list.", "/action Alert on queue length @ann due=2026-12-01")
}

// question puts what has to be found out on the list.
func (r Response) question() Verb {
	return r.followup("question", "/question TEXT [@OWNER] [due=YYYY-MM-DD]", "Put an open question for the postmortem on the incident's list.", "/question Why did the standby not take over?")
}

func (r Response) followup(kind, usage, help, example string) Verb {
	return Verb{
		Name: kind, Usage: usage, Help: help,
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			i, err := r.here(ctx, tx, c)
			if err != nil {
				return Reply{}, err
			}
			in, words := incident.NewFollowup{Kind: kind}, []string{}
			for _, w := range strings.Fields(c.Args) {
				due, dated := strings.CutPrefix(w, "due=")
				switch {
				case dated:
					in.Due = due
				case len(w) > 1 && w[0] == '@' && in.Owner == "":
					u, err := r.person(ctx, tx, c.Who, w)
					if err != nil {
						return Reply{}, err
					}
					in.Owner = u.ID
				default:
					words = append(words, w)
				}
			}
			if in.Text = strings.Join(words, " "); in.Text == "" {
				return Reply{}, fault.Field("text", "Say it in a few words: "+example)
			}
			if _, err := r.Incidents.AddFollowup(ctx, tx, c.Who, i.ID, in); err != nil {
				return Reply{}, err
			}
			return Reply{"On the list of " + i.Ticket + ": " + in.Text}, nil
		},
		Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
			at := strings.LastIndexByte(c.Args, ' ') + 1
			if part := c.Args[at:]; strings.HasPrefix(part, "@") {
				out, err := CompletePerson(ctx, q, r.People, part)
				for n := range out {
					out[n].Value = c.Args[:at] + out[n].Value
				}
				return out, err
			}
			return []Completion{}, nil
		},
		Shown: r.able("note"),
	}
}

package command

import (
	"context"
	"strings"

	"muster/internal/account"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/office"
)

// OfficeVerbs are the commands about who is where.
func OfficeVerbs(people *account.Store, o *office.Store) []Verb {
	return []Verb{{
		Name: "get", Usage: "/get @PERSON [note]", Help: "Ask somebody over to this room; they come if they accept.",
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			name, note, _ := strings.Cut(c.Args, " ")
			if name == "" {
				return Reply{}, fault.Field("text", "Say whom: /get @jonas we need you")
			}
			u, err := people.Find(ctx, tx, name)
			if err != nil {
				return Reply{}, err
			}
			if _, err := o.Ask(ctx, tx, c.Who, u.ID, c.Room.ID, note); err != nil {
				return Reply{}, err
			}
			return Reply{u.Display + " was asked over; they have five minutes to answer."}, nil
		},
		Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
			return CompletePerson(ctx, q, people, c.Args)
		},
	}}
}

// CompletePerson proposes people for a half-typed "@na" that is all of args.
func CompletePerson(ctx context.Context, q db.Querier, people *account.Store, args string) ([]Completion, error) {
	if strings.Contains(args, " ") {
		return nil, nil
	}
	part := strings.ToLower(strings.TrimPrefix(args, "@"))
	us, err := people.List(ctx, q)
	if err != nil {
		return nil, err
	}
	out := []Completion{}
	for _, u := range us {
		if !u.Disabled && (strings.HasPrefix(u.Name, part) || strings.Contains(strings.ToLower(u.Display), part)) {
			out = append(out, Completion{Value: "@" + u.Name + " ", Label: u.Display, Detail: u.Title, Kind: "user"})
		}
	}
	return out, nil
}

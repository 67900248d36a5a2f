package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	"muster/internal/db"
	"muster/internal/fault"
)

func (r Response) oncall() Verb {
	return Verb{
		Name: "oncall", Usage: "/oncall [SERVICE] | take ROTATION | back ROTATION", Help: "Say who is on call now, take over duty, or hand it back.",
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			verb, rest, _ := strings.Cut(strings.TrimSpace(c.Args), " ")
			rest = strings.TrimSpace(rest)
			switch verb {
			case "take":
				if rest == "" {
					return Reply{}, fault.Field("text", "Say which: /oncall take payments-primary")
				}
				ro, err := r.Oncall.Take(ctx, tx, c.Who, rest, time.Time{})
				if err != nil {
					return Reply{}, err
				}
				d, _ := ro.At(r.Oncall.Clock().Now())
				return Reply{fmt.Sprintf("You are on call by %s until %s UTC.", ro.Name, d.Until.UTC().Format("2 Jan 15:04"))}, nil
			case "back":
				if rest == "" {
					return Reply{}, fault.Field("text", "Say which: /oncall back payments-primary")
				}
				ro, err := r.Oncall.HandBack(ctx, tx, c.Who, rest)
				return Reply{"You handed back " + ro.Name + "."}, err
			}
			service := strings.TrimSpace(c.Args)
			all, err := r.Oncall.All(ctx, tx, c.Who)
			if err != nil {
				return Reply{}, err
			}
			var lines []string
			for _, on := range all {
				if service != "" && !strings.EqualFold(on.Service, service) {
					continue
				}
				who, err := r.People.Get(ctx, tx, on.UserID)
				if err != nil {
					return Reply{}, err
				}
				line := fmt.Sprintf("%s: %s until %s UTC", on.Service, who.Display, on.Until.UTC().Format("2 Jan 15:04"))
				if on.CatchAll {
					line += ", by the catch-all rotation"
				}
				lines = append(lines, line+".")
			}
			if len(lines) == 0 {
				return Reply{}, fault.New(fault.NotFound, "Nobody is on call there. Look it up on the page On call.")
			}
			return Reply{strings.Join(lines, "\n")}, nil
		},
		Complete: r.completeOncall,
	}
}

func (r Response) completeOncall(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
	verb, rest, two := strings.Cut(c.Args, " ")
	out := []Completion{}
	if two && (verb == "take" || verb == "back") {
		rs, err := r.Oncall.Rotations(ctx, q, c.Who)
		for _, ro := range rs {
			for _, m := range ro.Members {
				if m == c.Who.ID && strings.HasPrefix(strings.ToLower(ro.Name), strings.ToLower(rest)) {
					out = append(out, Completion{Value: verb + " " + ro.Name + " ", Label: ro.Name, Kind: "value"})
				}
			}
		}
		return out, err
	}
	if two {
		return out, nil
	}
	for _, w := range [][2]string{{"take", "be on call in place of whose turn it is"}, {"back", "hand back what you took over"}} {
		if strings.HasPrefix(w[0], c.Args) {
			out = append(out, Completion{Value: w[0] + " ", Label: w[0], Detail: w[1], Kind: "option"})
		}
	}
	services, err := r.Oncall.Services(ctx, q, c.Who)
	for _, sv := range services {
		if strings.HasPrefix(sv.Name, c.Args) {
			out = append(out, Completion{Value: sv.Name + " ", Label: sv.Name, Detail: "who is on call", Kind: "value"})
		}
	}
	return out, err
}

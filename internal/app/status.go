package app

import (
	"context"
	"fmt"
	"strings"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/incident"
	"muster/internal/run"
)

// serviceStatus says in a few lines how a service is: who is on call, what is
// open. It is what /status answers about a service.
func (a *App) serviceStatus(ctx context.Context, q db.Querier, who actor.Actor, name string) (string, error) {
	s, err := a.Oncall.Find(ctx, q, name)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "**%s** %s\n", s.Name, s.Title)
	on, ok, err := a.Oncall.Now(ctx, q, s.Name, a.Clock.Now())
	if err != nil {
		return "", err
	}
	if ok {
		u, err := a.Accounts.Get(ctx, q, on.UserID)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "On call: %s\n", u.Display)
	} else {
		b.WriteString("On call: nobody\n")
	}
	open, err := a.Incidents.List(ctx, q, who, "open", 200)
	if err != nil {
		return "", err
	}
	n := 0
	for _, i := range open {
		if i.Service == s.Name {
			n++
			sort := ""
			if i.Mode != "real" {
				sort = strings.ToUpper(i.Mode) + " "
			}
			fmt.Fprintf(&b, "%s%s SEV-%d %s, %s\n", sort, i.Ticket, i.Severity, i.Title, i.Stage)
		}
	}
	if n == 0 {
		b.WriteString("No open incident.\n")
	}
	return strings.TrimSpace(b.String()), nil
}

// openRuns are the runs of an incident that have not ended.
func (a *App) openRuns(ctx context.Context, q db.Querier, who actor.Actor, incidentID string) ([]incident.OpenThing, error) {
	rs, err := a.Runs.List(ctx, q, who, run.ListQuery{State: "active", Incident: incidentID, Limit: 100})
	if err != nil {
		return nil, err
	}
	out := []incident.OpenThing{}
	for _, r := range rs {
		out = append(out, incident.OpenThing{Kind: "run", ID: r.ID, Title: fmt.Sprintf("Run %d (%s)", r.Number, r.Title), State: string(r.State), Link: "/runs/" + r.ID})
	}
	return out, nil
}

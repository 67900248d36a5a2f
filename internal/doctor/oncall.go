package doctor

import (
	"context"
	"slices"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/notify"
	"muster/internal/oncall"
)

// oncall finds alerts and incidents that would reach nobody.
func (e *examination) oncall(ctx context.Context, q db.Querier, rules *access.Access) {
	before := len(e.out)
	people := account.New(nil, rules, nil, nil, clock.Real{})
	store := oncall.New(rules, nil, clock.Real{}, nil, people)
	var mail *notify.Mail
	if e.SMTP.Host != "" {
		mail = &notify.Mail{Host: e.SMTP.Host}
	}
	ways := notify.Reader(people, mail)
	store.WithBeyond(func(ctx context.Context, q db.Querier, userID string) (bool, error) {
		r, err := ways.Reach(ctx, q, userID)
		return r.Beyond(), err
	})
	rotations, services, err := store.Watch(ctx, q)
	if err != nil {
		e.add(Fail, "on call", "", "Rotations cannot be read: %v.", err)
		return
	}
	if !slices.ContainsFunc(rotations, func(r oncall.Rotation) bool { return r.CatchAll }) {
		e.add(Warn, "on call", "Choose one: muster oncall catch-all ROTATION", "No rotation is the catch-all: an alert of no known service pages the administrators.")
	}
	for _, r := range rotations {
		what := r.Name
		if r.CatchAll {
			what += " (the catch-all)"
		}
		for _, w := range r.Warnings {
			e.add(Warn, "on call", "Change the rotation, or what is wrong with the person, under Admin.", "Rotation %s: %s", what, w.Text)
		}
	}
	for _, sv := range services {
		if slices.ContainsFunc(sv.Warnings, func(w oncall.Warning) bool { return w.Kind == "no_rotation" }) {
			e.add(Warn, "on call", "Give it one under Admin, Services and on call.", "The service %s has no rotation.", sv.Name)
		}
	}
	if len(e.out) == before {
		e.ok("on call", "every service has somebody whom a page reaches")
	}
}

// Package access decides who may do what. There is one policy language,
// aclpolicy, for the application (rooms, incidents, people, …) and for projects
// (jobs, nodes, ad-hoc commands, approvals, stored keys).
//
// Invariants: nothing is allowed that no rule allows; one deny beats every
// allow; a denial says which rule decided and who could grant it, and is itself
// recorded. The package knows no rooms or jobs: a caller describes what is
// acted on by a type and attributes.
package access

import (
	"context"
	"log/slog"
	"sync/atomic"

	"muster/internal/actor"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
)

// Access answers from the stored policies.
type Access struct {
	db     *db.DB
	ledger *ledger.Ledger
	clock  clock.Clock
	log    *slog.Logger
	cached atomic.Pointer[set]

	denials denials
	turned  []func()
	known   func(ctx context.Context, q db.Querier) (groups, logins []string, err error)
}

// New builds it; d is used only by Do.
func New(d *db.DB, l *ledger.Ledger, c clock.Clock, log *slog.Logger) *Access {
	return &Access{db: d, ledger: l, clock: c, log: log}
}

// Know registers who gives the groups that somebody has, and the logins there
// are: an import tells of a policy that speaks of nobody. Only app calls it,
// before anything is served.
func (a *Access) Know(fn func(ctx context.Context, q db.Querier) (groups, logins []string, err error)) {
	a.known = fn
}

// OnTurn registers fn, which is told after the commit that policies changed; only
// app calls it, before anything is served.
func (a *Access) OnTurn(fn func()) { a.turned = append(a.turned, fn) }

var errNobody = fault.New(fault.Unauthenticated, "Sign in first.")

// Check returns nil when who may do action on res, and a *Denial otherwise.
func (a *Access) Check(ctx context.Context, q db.Querier, who actor.Actor, action string, res Resource) error {
	if who.ID == "" {
		return errNobody
	}
	d, err := a.explain(ctx, q, who, action, res)
	if err != nil {
		return err
	}
	if !d.Allowed {
		return &Denial{Decision: d, Who: who, Action: action, Resource: res}
	}
	return nil
}

// Allowed is Check without the reason, for abilities and lists. What cannot be
// decided is not allowed.
func (a *Access) Allowed(ctx context.Context, q db.Querier, who actor.Actor, action string, res Resource) bool {
	if who.ID == "" {
		return false
	}
	j, err := a.Judge(ctx, q, who)
	if err != nil {
		a.log.ErrorContext(ctx, "policies cannot be read", "error", err)
		return false
	}
	return j.Allowed(action, res)
}

// Judge answers many questions about one actor from one reading of the
// policies: for lists, where a query per item would be most of the work.
type Judge struct {
	set    *set
	who    actor.Actor
	groups []string
}

// Judge reads the policies for who.
func (a *Access) Judge(ctx context.Context, q db.Querier, who actor.Actor) (Judge, error) {
	s, err := a.set(ctx, q)
	return Judge{s, who, groupsOf(who)}, err
}

// For asks the same reading of the policies about somebody else.
func (j Judge) For(who actor.Actor) Judge { return Judge{j.set, who, groupsOf(who)} }

// Allowed is Access.Allowed as the policies were when the Judge was made.
func (j Judge) Allowed(action string, res Resource) bool {
	if j.set == nil || j.who.ID == "" {
		return false
	}
	if j.who.IsSystem() {
		return true
	}
	ok, _ := j.set.verdict(j.who.Name, j.groups, action, res)
	return ok
}

// Explain is Access.Explain as the policies were when the Judge was made.
func (j Judge) Explain(action string, res Resource) Decision { return j.set.decide(j.who, action, res) }

// Anywhere says whether some rule lets who do action on a resource of the type
// in some project: what a screen asks before it offers the action at all.
func (a *Access) Anywhere(ctx context.Context, q db.Querier, who actor.Actor, action, typ string) bool {
	s, err := a.set(ctx, q)
	return err == nil && who.ID != "" && s.anywhere(who, action, typ)
}

// Explain gives the answer with its reason, in words. What cannot be decided is
// not allowed.
func (a *Access) Explain(ctx context.Context, q db.Querier, who actor.Actor, action string, res Resource) Decision {
	d, err := a.explain(ctx, q, who, action, res)
	if err != nil {
		if fault.KindOf(err) == fault.Internal {
			a.log.ErrorContext(ctx, "policies cannot be read", "error", err)
		}
		return Decision{Text: fault.Message(err), WhoCouldGrant: []string{}}
	}
	return d
}

func (a *Access) explain(ctx context.Context, q db.Querier, who actor.Actor, action string, res Resource) (Decision, error) {
	if action == "" || res.Type == "" {
		return Decision{}, fault.Field("action", "Say which action on which type of resource is meant, for example action=run and type=job.")
	}
	s, err := a.set(ctx, q)
	if err != nil {
		return Decision{}, err
	}
	return s.decide(who, action, res), nil
}

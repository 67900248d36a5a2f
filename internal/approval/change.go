package approval

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/id"
	"muster/internal/ledger"
)

// What decides whether a run is let through, besides the rules of the moment.
const (
	changedRules  = "rules"
	changedPolicy = "policy"
	changedRoles  = "roles" // one's own
	changedNodes  = "nodes"
)

// change is something that somebody did to it lately.
type change struct {
	what, by string
	was      map[string]*Machine // of nodes; nil: the node is new
	at       time.Time
}

// keepChanges is how long they are looked at, at the very most.
const keepChanges = 8760 * time.Hour

// note keeps a change of who and of whoever lent them a token. What the system
// and the machine's administrator do is not noted: nothing here holds them back.
func (s *Store) note(ctx context.Context, tx *db.Tx, who actor.Actor, project, what string, was map[string]*Machine) error {
	now := s.clock.Now()
	for _, by := range []string{who.ID, who.LentBy} {
		if by == "" || strings.HasPrefix(by, "system:") {
			continue
		}
		if _, err := tx.Exec(ctx, `INSERT INTO approval_change (id, project, what, detail, by_whom, at) VALUES ($1,$2,$3,$4,$5,$6)`,
			id.New(), project, what, db.JSON(was), by, db.Micro(now)); err != nil {
			return fmt.Errorf("note a change: %w", err)
		}
		if _, err := tx.Exec(ctx, `DELETE FROM approval_change WHERE at < $1`, db.Micro(now.Add(-keepChanges))); err != nil {
			return fmt.Errorf("forget old changes: %w", err)
		}
	}
	return nil
}

// noted keeps changes of policies, and of one's own roles: giving roles to
// another is a hand in their account.
func (s *Store) noted(ctx context.Context, tx *db.Tx, who actor.Actor, r ledger.Body) error {
	switch r.Kind {
	case access.PolicyChanged{}.EventKind(), access.PolicyDeleted{}.EventKind():
		return s.note(ctx, tx, who, r.Project, changedPolicy, nil)
	case account.RolesChanged{}.EventKind():
		if of := r.Fields["user"]; of == who.ID || of == who.LentBy {
			return s.note(ctx, tx, who, "", changedRoles, nil)
		}
	}
	return nil
}

// NoteNodes is told what nodes were before they were changed or removed; nil
// for those that are new.
func (s *Store) NoteNodes(ctx context.Context, tx *db.Tx, who actor.Actor, project string, was map[string]*Machine) error {
	if len(was) == 0 {
		return nil
	}
	return s.note(ctx, tx, who, project, changedNodes, was)
}

func (s *Store) changes(ctx context.Context, q db.Querier, project string, since time.Time) ([]change, error) {
	cs, err := db.All(ctx, q, func(r db.Scanner) (c change, err error) {
		var at int64
		var detail string
		if err = r.Scan(&c.what, &c.by, &detail, &at); err != nil {
			return c, err
		}
		c.at = db.At(at)
		c.was, err = db.FromJSON[map[string]*Machine](detail)
		return c, err
	}, `SELECT what, by_whom, detail, at FROM approval_change WHERE at > $1 AND project IN ('', $2) ORDER BY at`, db.Micro(since), project)
	if err != nil {
		return nil, fmt.Errorf("read what was changed: %w", err)
	}
	return cs, nil
}

// Asker is who wants to do something: the person, and who made the API token
// they use.
func Asker(who actor.Actor) []string {
	out := []string{who.ID}
	if who.LentBy != "" {
		out = append(out, who.LentBy)
	}
	return out
}

// unsettled is what lately changed rules do not take away, nil for nothing. For
// as long as a new account decides on nothing, a change of the rules, the
// policies, one's own roles or a node does not open to its author, nor to the
// accounts of the same hand, what the rules as shipped would ask a second person
// for; and a node counts also as what it was before, for everybody. So whoever
// may change what decides cannot decide alone.
func (s *Store) unsettled(ctx context.Context, q db.Querier, project string, asker []string, rules []Rule, sub Subject) (*Requirement, error) {
	span := s.caution.Newcomer
	if span <= 0 {
		return nil, nil
	}
	since := s.clock.Now().Add(-span)
	cs, err := s.changes(ctx, q, project, since)
	if err != nil || len(cs) == 0 {
		return nil, err
	}
	hands, err := s.people.HandsSince(ctx, q, since)
	if err != nil {
		return nil, err
	}
	near := circle(hands, asker)
	before, strict := sub, sub // with the nodes as they were; and as production where who asks changed them
	before.Nodes, strict.Nodes = slices.Clone(sub.Nodes), slices.Clone(sub.Nodes)
	own, at := false, time.Time{}
	var except []string
	by := func(c change) {
		at = c.at
		if !slices.Contains(except, c.by) {
			except = append(except, c.by)
		}
	}
	for _, c := range cs {
		mine := near[c.by]
		if c.what != changedNodes {
			if mine {
				own = true
				by(c)
			}
			continue
		}
		for _, n := range sub.Nodes {
			was, ok := c.was[n.Name]
			if !ok {
				continue
			}
			if was != nil && !was.same(n) {
				before.Nodes = append(before.Nodes, *was)
				by(c)
			}
			if mine {
				m := n
				m.Environment, m.Also = "production", nil
				strict.Nodes = append(strict.Nodes, m)
				own = true
				by(c)
			}
		}
	}
	req := Required(rules, before)
	builtIn, err := ParseRules([]byte(DefaultRules))
	if err != nil {
		return nil, err
	}
	if own {
		strict.Nodes = append(strict.Nodes, before.Nodes...)
		if floor := Required(builtIn, strict); floor != nil && (req == nil || req.Expires > floor.Expires) {
			expires := floor.Expires
			if req == nil {
				req = &Requirement{}
			}
			req.Expires = expires
		} else if floor == nil && len(before.Nodes) == len(sub.Nodes) {
			return nil, nil // nothing that the rules as shipped would ask about
		}
	}
	if req == nil {
		return nil, nil
	}
	req.Needs = append(req.Needs, Need{Need: 1, Groups: deciders(rules), Except: except,
		Rule: fmt.Sprintf("What decides about this was changed at %s: until %s somebody else has to agree", at.UTC().Format("2006-01-02 15:04 UTC"), at.Add(span).UTC().Format("2006-01-02 15:04 UTC"))})
	return req, nil
}

// deciders are the groups that may agree to what no rule speaks of: approvers,
// and whoever a rule of the project names.
func deciders(rules []Rule) []string {
	groups := []string{account.Approver}
	for _, r := range rules {
		for _, g := range r.Groups {
			if !slices.Contains(groups, g) {
				groups = append(groups, g)
			}
		}
	}
	return groups
}

// Deciders are the groups that may agree in a project to what no rule speaks of.
func (s *Store) Deciders(ctx context.Context, q db.Querier, project string) ([]string, error) {
	rules, err := s.Rules(ctx, q, project)
	return deciders(rules), err
}

// same says whether approval rules see no difference.
func (m Machine) same(o Machine) bool {
	if m.Environment != o.Environment || !slices.Equal(m.Also, o.Also) || !slices.Equal(m.Tags, o.Tags) || len(m.Attrs) != len(o.Attrs) {
		return false
	}
	for k, v := range m.Attrs {
		if w, ok := o.Attrs[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// circle is everybody who is bound to one of from by accounts that one made, or
// could act as, through any number of others.
func circle(hands []account.Hand, from []string) map[string]bool {
	in := map[string]bool{}
	todo := slices.Clone(from)
	for len(todo) > 0 {
		one := todo[0]
		todo = todo[1:]
		if in[one] {
			continue
		}
		in[one] = true
		for _, h := range hands {
			switch one {
			case h.Account:
				todo = append(todo, h.By)
			case h.By:
				todo = append(todo, h.Account)
			}
		}
	}
	return in
}

// chain says until when one is an ancestor of other by accounts made or changed,
// through any number; zero when they are not. The weakest link ends it.
func chain(hands []account.Hand, one, other string) time.Time {
	best := map[string]time.Time{}
	var walk func(at string, oldest time.Time)
	walk = func(at string, oldest time.Time) {
		for _, h := range hands {
			if h.By != at || h.Account == at {
				continue
			}
			t := h.At
			if !oldest.IsZero() && oldest.Before(t) {
				t = oldest
			}
			if b, ok := best[h.Account]; ok && !t.After(b) {
				continue
			}
			best[h.Account] = t
			walk(h.Account, t)
		}
	}
	walk(one, time.Time{})
	return best[other]
}

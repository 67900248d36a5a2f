package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/approval"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/job"
	"muster/internal/key"
	"muster/internal/node"
)

// keyUse is a stored key that a run opens, and for which nodes.
type keyUse struct {
	path  string
	what  string // what refers to it, for people
	nodes []node.Node
}

// keys lists what a run of the plan opens, each path once, in order.
func (p *plan) keys() []keyUse {
	at := map[string]int{}
	var out []keyUse
	use := func(path, what string, ns ...node.Node) {
		i, ok := at[path]
		if !ok {
			i = len(out)
			at[path], out = i, append(out, keyUse{path: path, what: what})
		}
		out[i].nodes = append(out[i].nodes, ns...)
	}
	for _, n := range p.nodes {
		if n.Executor() == "local" {
			continue
		}
		for _, a := range []string{node.AttrKeyPath, node.AttrPassphrase, node.AttrPasswordPath} {
			if path := n.Attrs[a]; path != "" {
				use(path, "the node "+n.Name, n)
			}
		}
	}
	for _, name := range sortedKeys(p.spec.Stored) {
		use(p.spec.Stored[name], "the option "+name, p.nodes...)
	}
	slices.SortStableFunc(out, func(a, b keyUse) int {
		switch {
		case a.path < b.path:
			return -1
		case a.path > b.path:
			return 1
		}
		return 0
	})
	return out
}

// targets are nodes as a key's binding names them. A node whose environment
// nobody knows is in none.
func targets(ns []node.Node) []key.Target {
	out := make([]key.Target, 0, len(ns))
	for _, n := range ns {
		t := key.Target{Name: n.Name}
		if n.Known() {
			t.Environments = n.Environments()
		}
		out = append(out, t)
	}
	return out
}

// firstMeeting is what a stored password needs before it goes to a host key it
// never went to: whoever may write a node list could otherwise name a machine of
// their own and be sent it.
const firstMeeting = "A stored password goes to a host key it has never gone to"

// lookAtKeys finds keys that are missing or may not be used before there is a
// run that fails by them.
func (s *Store) lookAtKeys(ctx context.Context, q db.Querier, who actor.Actor, p *plan) error {
	for _, use := range p.keys() {
		_, err := s.Keys.Usable(ctx, q, who, key.Grant{Project: p.project.Name, Targets: targets(use.nodes)}, use.path)
		denial, refused := errors.AsType[*access.Denial](err)
		switch {
		case err == nil:
		case refused:
			if p.denied == nil {
				p.denied = denial
			}
		case fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid):
			p.problems = append(p.problems, job.OptionProblem{Option: "key", Message: fmt.Sprintf("%s (%s refers to it.)", fault.Message(err), use.what)})
		default:
			return err
		}
	}
	unmet, err := s.unmet(ctx, q, p)
	if err != nil || len(unmet) == 0 {
		return err
	}
	groups, err := s.Approvals.Deciders(ctx, q, p.project.Name)
	if err != nil {
		return err
	}
	if p.need == nil {
		p.need = &approval.Requirement{Expires: 4 * time.Hour}
	}
	p.need.Needs = append(p.need.Needs, approval.Need{Rule: firstMeeting + ": " + some(unmet, 5), Need: 1, Groups: groups})
	return nil
}

type meeting struct{ path, host, node string }

// meetings are the passwords that go to hosts in a run of the plan.
func (p *plan) meetings() (out []meeting) {
	for _, n := range p.nodes {
		if path := n.Attrs[node.AttrPasswordPath]; path != "" && n.Executor() != "local" && n.Attrs[node.AttrHostKey] != "" {
			out = append(out, meeting{path, key.Host(n.Attrs[node.AttrHostKey]), n.Name})
		}
	}
	return out
}

// unmet names the nodes that a password of theirs has never gone to.
func (s *Store) unmet(ctx context.Context, q db.Querier, p *plan) ([]string, error) {
	at, names := map[string]map[string]int64{}, map[meeting]string{}
	changed := map[string]int64{}
	for _, n := range p.nodes {
		changed[n.Name] = n.Changed()
	}
	for _, m := range p.meetings() {
		if at[m.path] == nil {
			at[m.path] = map[string]int64{}
		}
		at[m.path][m.host] = max(at[m.path][m.host], changed[m.node])
		names[meeting{path: m.path, host: m.host}] = m.node
	}
	var out []string
	for _, path := range sortedKeys(at) {
		hosts, err := s.Keys.Unmet(ctx, q, path, at[path])
		if fault.Is(err, fault.Invalid) {
			continue // said where the key is looked for
		}
		if err != nil {
			return nil, err
		}
		for _, h := range hosts {
			out = append(out, names[meeting{path: path, host: h}])
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// meet remembers where passwords go in a run that begins.
func (s *Store) meet(ctx context.Context, tx *db.Tx, p *plan) error {
	for _, m := range p.meetings() {
		if err := s.Keys.Meet(ctx, tx, m.path, m.host, m.node); err != nil {
			return err
		}
	}
	return nil
}

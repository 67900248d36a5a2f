package run

import (
	"slices"

	"muster/internal/node"
)

// Again is what asks for the same as a run: the values and nodes somebody gave.
type Again struct {
	Options   map[string]string `json:"options" doc:"Values as they were; those of several are joined by the option's delimiter. Without secure ones"`
	Secure    []string          `json:"secure" doc:"Secure options that were given: they have to be given again"`
	Filter    string            `json:"filter" doc:"The node filter that was given; empty: the job's own"`
	Nodes     []string          `json:"nodes" doc:"The nodes that were chosen of those the filter picks; empty: all"`
	Failed    []string          `json:"failed" doc:"The nodes on which it did not succeed, when it has ended: give them as nodes to run on these only"`
	Command   string            `json:"command,omitempty" doc:"Of an ad-hoc run"`
	Threads   int               `json:"threads,omitempty"`
	Keepgoing bool              `json:"keepgoing,omitempty"`
}

// anew fills in what asks for the same.
func (r *Run) anew() *Again {
	a := &Again{Options: map[string]string{}, Secure: []string{}, Filter: r.spec.Filter, Nodes: []string{}, Failed: []string{}, Command: r.spec.Command}
	if r.Kind == KindAdhoc {
		a.Threads, a.Keepgoing = r.spec.Threads, r.spec.Keepgoing
	}
	for n, v := range r.spec.Options {
		a.Options[n] = v
	}
	a.Secure = append(a.Secure, r.spec.Secure...)
	a.Nodes = append(a.Nodes, r.spec.Nodes...)
	if (r.Ended() || r.State == Unknown) && r.State != Succeeded && r.StartedAt != nil {
		for _, n := range r.Nodes {
			if n.State != StepOK && n.State != Handled {
				a.Failed = append(a.Failed, n.Name)
			}
		}
	}
	return a
}

// choose keeps the nodes that are named, and says which of the names are not
// among them.
func choose(ns []node.Node, wanted []string) (out []node.Node, missing []string) {
	if len(wanted) == 0 {
		return ns, nil
	}
	have := map[string]bool{}
	for _, n := range ns {
		if slices.Contains(wanted, n.Name) {
			have[n.Name] = true
			out = append(out, n)
		}
	}
	for _, w := range wanted {
		if !have[w] {
			missing = append(missing, w)
		}
	}
	return out, missing
}

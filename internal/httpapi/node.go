package httpapi

import (
	"context"
	"time"

	"muster/internal/actor"
	"muster/internal/node"
)

// Node is a machine of a project.
type Node struct {
	Name        string            `json:"name"`
	Hostname    string            `json:"hostname"`
	Username    string            `json:"username"`
	OSFamily    string            `json:"os_family"`
	Tags        []string          `json:"tags"`
	Environment string            `json:"environment"`
	Description string            `json:"description"`
	Attributes  map[string]string `json:"attributes"`
	ContactAt   *time.Time        `json:"last_contact_at,omitempty" doc:"When a run last tried to reach it"`
	ContactBad  string            `json:"last_contact_error,omitempty" doc:"Why it could not; absent: it could"`
	Production  bool              `json:"production" doc:"It needs what production needs: its environment is production, or nobody knows what it is"`
	Known       bool              `json:"environment_known" doc:"Its environment says what it is"`
}

// Nodes is a list of machines.
type Nodes struct {
	Items []Node `json:"items"`
	Total int    `json:"total"`
}

func nodeView(n node.Node) Node {
	return Node{n.Name, n.Hostname, n.Username, n.OSFamily, n.Tags, n.Environment(), n.Description, n.Attrs, whenSet(n.ContactAt), n.ContactError, n.Production(), n.Known()}
}

func nodeViews(ns []node.Node) []Node {
	out := []Node{}
	for _, n := range ns {
		out = append(out, nodeView(n))
	}
	return out
}

// RegisterNodes adds the inventory.
func RegisterNodes(a *API, d ProjectDeps) {
	type list struct {
		InProject
		Filter string `query:"filter" maxLength:"4096" doc:"Node filter, such as tags: web !name: web-3; absent: all"`
	}
	Handle(a, Route{Method: "GET", Path: "/projects/{p}/nodes", ID: "list-nodes", Summary: "List the nodes of a project that a filter picks", Tag: "Projects", Access: "node:read"},
		func(ctx context.Context, who actor.Actor, in *list) (Nodes, error) {
			ns, err := d.Nodes.Readable(ctx, a.DB.Read(), who, in.Project, in.Filter)
			if err != nil {
				a.Access.Record(ctx, who, err)
				return Nodes{}, err
			}
			return Nodes{nodeViews(ns), len(ns)}, nil
		})
}

package httpapi

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/key"
	"muster/internal/node"
)

// PolicyDeps is what the policy routes call.
type PolicyDeps struct {
	Accounts *account.Store
	Keys     *key.Store
	Nodes    *node.Store
}

// PolicyView is a policy file with what is wrong in it.
type PolicyView struct {
	Project   string           `json:"project" doc:"Empty: an application policy"`
	Name      string           `json:"name"`
	Text      string           `json:"text"`
	Version   int              `json:"version" doc:"0: built in and never changed"`
	BuiltIn   bool             `json:"built_in"`
	UpdatedBy string           `json:"updated_by,omitempty"`
	UpdatedAt *time.Time       `json:"updated_at,omitempty"`
	Errors    []access.Mistake `json:"errors" doc:"Documents that were dropped, and remarks"`
}

func policyView(p access.Policy) PolicyView {
	return PolicyView{Project: p.Project, Name: p.Name, Text: p.Text, Version: p.Version, BuiltIn: p.BuiltIn, UpdatedBy: p.UpdatedBy, UpdatedAt: whenSet(p.UpdatedAt), Errors: p.Problems}
}

// InProject is the path of what belongs to a project. Path parts that several
// operations share are exported: huma looks into exported fields only.
type InProject struct {
	Project string `path:"p" maxLength:"100" doc:"Project name"`
}

// PolicyPath names a policy.
type PolicyPath struct {
	Name string `path:"name" maxLength:"120" doc:"Policy name"`
}

// PolicyText is a policy to store.
type PolicyText struct {
	Content string `json:"content" maxLength:"262144" doc:"One or several aclpolicy documents"`
	DryRun  bool   `json:"dry_run,omitempty" doc:"Only say what would become of it"`
}

// WhyQuery asks a question of the policies; every other query parameter is an
// attribute of the resource (name, group, environment, …).
type WhyQuery struct {
	User   string   `query:"user" maxLength:"254" doc:"Login, id or email; absent: yourself"`
	Action string   `query:"action" required:"true" minLength:"1" maxLength:"60" doc:"For example run"`
	Type   string   `query:"type" required:"true" minLength:"1" maxLength:"60" doc:"For example job, node, adhoc, room, incident"`
	Tags   []string `query:"tags" maxItems:"100" doc:"Tags of a node"`

	attrs map[string]string
}

func (w *WhyQuery) Resolve(ctx huma.Context) []error {
	w.attrs = map[string]string{}
	u := ctx.URL()
	for k, v := range u.Query() {
		switch k {
		case "user", "action", "type", "tags":
		default:
			if len(w.attrs) >= 50 || len(k) > 100 || len(v[0]) > 1000 {
				return []error{&huma.ErrorDetail{Location: "query." + k, Message: "at most 50 attributes of at most 1000 characters"}}
			}
			w.attrs[k] = v[0]
		}
	}
	return nil
}

var _ huma.Resolver = (*WhyQuery)(nil)

// RegisterPolicies adds policies and the question why.
func RegisterPolicies(a *API, d PolicyDeps) {
	list := func(ctx context.Context, who actor.Actor, project string) (List[PolicyView], error) {
		ps, err := a.Access.List(ctx, a.DB.Read(), who, project)
		vs := make([]PolicyView, len(ps))
		for i, p := range ps {
			vs[i] = policyView(p)
		}
		return ListOf(vs), err
	}
	put := func(ctx context.Context, who actor.Actor, project, name string, in PolicyText) (List[access.PolicyItem], error) {
		name = access.PolicyName(name)
		if in.DryRun {
			items, err := a.Access.Preview(ctx, a.DB.Read(), who, project, name, in.Content)
			return ListOf(items), err
		}
		var items []access.PolicyItem
		err := a.Do(ctx, who, func(tx *db.Tx) (err error) {
			items, err = a.Access.Put(ctx, tx, who, project, name, in.Content)
			return err
		})
		return ListOf(items), err
	}
	remove := func(ctx context.Context, who actor.Actor, project, name string) (None, error) {
		return None{}, a.Do(ctx, who, func(tx *db.Tx) error { return a.Access.Delete(ctx, tx, who, project, name) })
	}

	Handle(a, Route{Method: "GET", Path: "/policies", ID: "list-policies", Summary: "The application's policies: who may do what in the office", Tag: "Policies", Access: "policy:read"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (List[PolicyView], error) {
			return list(ctx, who, "")
		})
	type putApp struct {
		PolicyPath
		Body PolicyText
	}
	Handle(a, Route{Method: "PUT", Path: "/policies/{name}", ID: "put-policy", Summary: "Store an application policy; wrong documents are dropped and reported", Tag: "Policies", Access: "policy:manage"},
		func(ctx context.Context, who actor.Actor, in *putApp) (List[access.PolicyItem], error) {
			return put(ctx, who, "", in.Name, in.Body)
		})
	Handle(a, Route{Method: "DELETE", Path: "/policies/{name}", ID: "delete-policy", Summary: "Delete an application policy; a built-in one of its name applies again", Tag: "Policies", Access: "policy:manage"},
		func(ctx context.Context, who actor.Actor, in *PolicyPath) (None, error) {
			return remove(ctx, who, "", in.Name)
		})
	Handle(a, Route{Method: "GET", Path: "/why", ID: "why", Summary: "Whether somebody may do something in the office, which rule says so, and who could grant it", Tag: "Policies", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *WhyQuery) (access.Decision, error) {
			return d.why(ctx, a, who, "", in)
		})

	Handle(a, Route{Method: "GET", Path: "/projects/{p}/policies", ID: "list-project-policies", Summary: "A project's policies", Tag: "Policies", Access: "policy:read"},
		func(ctx context.Context, who actor.Actor, in *InProject) (List[PolicyView], error) {
			return list(ctx, who, in.Project)
		})
	type putProject struct {
		InProject
		PolicyPath
		Body PolicyText
	}
	Handle(a, Route{Method: "PUT", Path: "/projects/{p}/policies/{name}", ID: "put-project-policy", Summary: "Store a project's policy; wrong documents are dropped and reported", Tag: "Policies", Access: "policy:manage"},
		func(ctx context.Context, who actor.Actor, in *putProject) (List[access.PolicyItem], error) {
			return put(ctx, who, in.Project, in.Name, in.Body)
		})
	type removeProject struct {
		InProject
		PolicyPath
	}
	Handle(a, Route{Method: "DELETE", Path: "/projects/{p}/policies/{name}", ID: "delete-project-policy", Summary: "Delete a project's policy", Tag: "Policies", Access: "policy:manage"},
		func(ctx context.Context, who actor.Actor, in *removeProject) (None, error) {
			return remove(ctx, who, in.Project, in.Name)
		})
	type whyProject struct {
		InProject
		WhyQuery
	}
	Handle(a, Route{Method: "GET", Path: "/projects/{p}/why", ID: "project-why", Summary: "Whether somebody may do something in a project, which rule says so, and who could grant it", Tag: "Policies", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *whyProject) (access.Decision, error) {
			return d.why(ctx, a, who, in.Project, &in.WhyQuery)
		})
}

// why answers for oneself to everybody, and for others to those who may read policies.
func (d PolicyDeps) why(ctx context.Context, a *API, who actor.Actor, project string, in *WhyQuery) (access.Decision, error) {
	q := a.DB.Read()
	about := who
	if in.User != "" {
		u, err := d.Accounts.Find(ctx, q, in.User)
		if err != nil {
			return access.Decision{}, err
		}
		if u.ID != who.ID {
			if err := a.Access.Check(ctx, q, who, "read", access.Resource{Type: "policy", Name: "why"}); err != nil {
				return access.Decision{}, err
			}
			if about = u.Actor(); u.Disabled {
				return access.Decision{Text: u.Display + " may do nothing: the account is disabled.", WhoCouldGrant: []string{}}, nil
			}
		}
	}
	dec, err := d.explain(ctx, a, who, about, project, in)
	if err != nil {
		return dec, err
	}
	if project != "" && !a.Access.Allowed(ctx, q, who, "read", access.Resource{Type: "project", Attrs: map[string]string{"name": project}, Name: project}) {
		// What is in a project, its people and rules included, is not told to those
		// outside, nor whether there is such a project.
		return access.Decision{Allowed: dec.Allowed, Text: "You may not read the project " + project + ", so nothing more is told of its rules.", WhoCouldGrant: []string{}}, nil
	}
	if about.ID != who.ID { // the text speaks to the person it is about
		if rest, ok := strings.CutPrefix(dec.Text, "You may not"); ok {
			dec.Text = about.Display + " may not" + rest
		}
	}
	return dec, nil
}

// explain asks what the thing itself would ask: the use of a key is more than one
// rule, and a node is also what its environment means.
func (d PolicyDeps) explain(ctx context.Context, a *API, who, about actor.Actor, project string, in *WhyQuery) (access.Decision, error) {
	q := a.DB.Read()
	res := access.Resource{Project: project, Type: in.Type, Attrs: in.attrs, Tags: in.Tags}
	switch path := in.attrs["path"]; {
	case path != "" && (in.Type == "storage" || in.Type == "key") && in.Action == "read" && project != "":
		g := key.Grant{Project: project}
		if n := in.attrs["node"]; n != "" {
			t, err := d.node(ctx, q, who, project, map[string]string{"name": n}, nil)
			if err != nil {
				return access.Decision{}, err
			}
			g.Targets = []key.Target{{Name: t.Name}}
			if t.Known() {
				g.Targets[0].Environments = t.Environments()
			}
		}
		return d.Keys.Explain(ctx, q, about, g, path)
	case path != "" && (in.Type == "storage" || in.Type == "key"):
		return d.Keys.ExplainKept(ctx, q, about, in.Action, path)
	case in.Type == "node" && project != "":
		n, err := d.node(ctx, q, who, project, in.attrs, in.Tags)
		if err != nil {
			return access.Decision{}, err
		}
		res = node.Resource(project, n)
	}
	return a.Access.Explain(ctx, q, about, in.Action, res), nil
}

// node is what is asked about: one of the project's where only its name is given
// and who asks may read it, and otherwise what its attributes say.
func (d PolicyDeps) node(ctx context.Context, q db.Querier, who actor.Actor, project string, attrs map[string]string, tags []string) (node.Node, error) {
	name := attrs["nodename"]
	if name == "" {
		name = attrs["name"]
	}
	if len(attrs) == 1 && name != "" && len(tags) == 0 {
		all, err := d.Nodes.Readable(ctx, q, who, project, "")
		if err != nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Denied) {
			return node.Node{}, err
		}
		if i := slices.IndexFunc(all, func(n node.Node) bool { return n.Name == name }); i >= 0 {
			return all[i], nil
		}
	}
	return d.Nodes.Described(ctx, q, project, name, attrs, tags)
}

package httpapi

import (
	"context"
	"path"
	"strings"
	"time"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/approval"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/job"
	"muster/internal/node"
)

// ProjectDeps is what the project, job and node routes call.
type ProjectDeps struct {
	Nodes     *node.Store
	Jobs      *job.Store
	Approvals *approval.Store
}

// Project groups nodes, jobs, policies and approval rules.
type Project struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Title       string          `json:"title"`
	Description string          `json:"description"`
	AllowRaw    bool            `json:"allow_raw" doc:"Jobs may put a caller's text where it is read as code"`
	Abilities   map[string]bool `json:"abilities"`

	Environments map[string]string `json:"environments" doc:"What the project's own words for environments mean"`
}

// Import is a document to take into a project.
type Import struct {
	Kind    string `json:"kind" enum:"jobs,nodes,policy,approvals"`
	Name    string `json:"name,omitempty" maxLength:"200" doc:"What to call the document; for nodes their source: a list replaces what the same source gave before"`
	Content string `json:"content" maxLength:"1100000" doc:"YAML or JSON, at most 1 MiB"`
	DryRun  bool   `json:"dry_run,omitempty" doc:"Only say what would become of it"`
}

// ApprovalRules is a document of approval rules.
type ApprovalRules struct {
	Project   string           `json:"project"`
	Name      string           `json:"name"`
	Text      string           `json:"text"`
	Version   int64            `json:"version" doc:"0: built in"`
	BuiltIn   bool             `json:"built_in"`
	UpdatedBy string           `json:"updated_by,omitempty"`
	UpdatedAt *time.Time       `json:"updated_at,omitempty"`
	Errors    []access.Mistake `json:"errors"`
}

// RegisterProjects adds projects and imports.
func RegisterProjects(a *API, d ProjectDeps) {
	view := func(ctx context.Context, q db.Querier, who actor.Actor, p node.Project) Project {
		return Project{p.ID, p.Name, p.Title, p.Description, p.AllowRaw, d.Nodes.Abilities(ctx, q, who, p.Name), p.Environments}
	}
	Handle(a, Route{Method: "GET", Path: "/projects", ID: "list-projects", Summary: "List the projects you may read", Tag: "Projects", Access: "project:read"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (List[Project], error) {
			q := a.DB.Read()
			ps, err := d.Nodes.Projects(ctx, q, who)
			out := []Project{}
			for _, p := range ps {
				out = append(out, view(ctx, q, who, p))
			}
			return ListOf(out), err
		})
	Handle(a, Route{Method: "GET", Path: "/projects/{p}", ID: "get-project", Summary: "Read a project", Tag: "Projects", Access: "project:read"},
		func(ctx context.Context, who actor.Actor, in *InProject) (Project, error) {
			q := a.DB.Read()
			p, err := d.Nodes.Visible(ctx, q, who, in.Project)
			if err != nil {
				a.Access.Record(ctx, who, err)
				return Project{}, err
			}
			return view(ctx, q, who, p), nil
		})
	type create struct {
		Body struct {
			Name        string `json:"name" minLength:"1" maxLength:"64"`
			Title       string `json:"title,omitempty" maxLength:"200"`
			Description string `json:"description,omitempty" maxLength:"4000"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/projects", ID: "create-project", Summary: "Make a project with the default policy", Tag: "Projects", Access: "project:manage", Status: 201},
		func(ctx context.Context, who actor.Actor, in *create) (out Project, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				p, err := d.Nodes.CreateProject(ctx, tx, who, node.NewProject{Name: in.Body.Name, Title: in.Body.Title, Description: in.Body.Description})
				if err != nil {
					return err
				}
				out = view(ctx, tx, who, p)
				return nil
			})
			return out, err
		})
	type change struct {
		InProject
		Body struct {
			AllowRaw     *bool              `json:"allow_raw,omitempty" doc:"Whether jobs may put a caller's text where it is read as code: the unquoted forms of options, and values inside of programs. Allowing it needs allow_raw on the project"`
			Environments *map[string]string `json:"environments,omitempty" doc:"What the project's own words for environments mean, such as {\"blue\": \"prod\"}: dev, test, qa, uat, stage or prod. It replaces what was said before"`
		}
	}
	Handle(a, Route{Method: "PATCH", Path: "/projects/{p}", ID: "update-project", Summary: "Change a project's settings", Tag: "Projects", Access: "project:manage"},
		func(ctx context.Context, who actor.Actor, in *change) (out Project, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				if in.Body.AllowRaw != nil {
					if err := d.Nodes.SetRaw(ctx, tx, who, in.Project, *in.Body.AllowRaw); err != nil {
						return err
					}
				}
				if in.Body.Environments != nil {
					if err := d.Nodes.SetEnvironments(ctx, tx, who, in.Project, *in.Body.Environments); err != nil {
						return err
					}
				}
				p, err := d.Nodes.Visible(ctx, tx, who, in.Project)
				if err != nil {
					return err
				}
				out = view(ctx, tx, who, p)
				return nil
			})
			return out, err
		})
	type imp struct {
		InProject
		Body Import
	}
	Handle(a, Route{Method: "POST", Path: "/projects/{p}/import", ID: "import", Summary: "Import jobs, nodes, a policy or approval rules", Tag: "Projects", Access: "signed-in", MaxBody: 3 << 20,
		Description: "Jobs, nodes and policies load one by one: what is wrong is dropped and reported with its line. Approval rules are taken whole or not at all."},
		func(ctx context.Context, who actor.Actor, in *imp) (List[node.ImportItem], error) {
			var items []node.ImportItem
			read, err := d.read(ctx, a.DB.Read(), a, who, in.Project, in.Body)
			if err != nil {
				return ListOf(items), err
			}
			err = a.Do(ctx, who, func(tx *db.Tx) (err error) {
				items, err = d.take(ctx, tx, a, who, in.Project, in.Body, read)
				return err
			})
			return ListOf(items), err
		})
	Handle(a, Route{Method: "GET", Path: "/projects/{p}/approvals", ID: "list-approval-rules", Summary: "The rules that say when a run needs approval", Tag: "Projects", Access: "project:read"},
		func(ctx context.Context, who actor.Actor, in *InProject) (List[ApprovalRules], error) {
			q := a.DB.Read()
			p, err := d.Nodes.Visible(ctx, q, who, in.Project)
			if err != nil {
				a.Access.Record(ctx, who, err)
				return ListOf[ApprovalRules](nil), err
			}
			docs, err := d.Approvals.Documents(ctx, q, p.Name)
			out := []ApprovalRules{}
			for _, x := range docs {
				v := ApprovalRules{Project: x.Project, Name: x.Name, Text: x.Text, Version: x.Version, BuiltIn: x.BuiltIn, UpdatedBy: x.UpdatedBy, UpdatedAt: whenSet(x.UpdatedAt), Errors: []access.Mistake{}}
				if _, err := approval.ParseRules([]byte(x.Text)); err != nil {
					v.Errors = append(v.Errors, access.Mistake{Text: err.Error(), Dropped: true})
				}
				out = append(out, v)
			}
			return ListOf(out), err
		})
}

// document is what an import parses before its transaction begins: one that
// takes long would make everybody else's change wait.
type document struct {
	jobs  job.Document
	nodes node.Document
}

// read parses what who may import.
func (d ProjectDeps) read(ctx context.Context, q db.Querier, a *API, who actor.Actor, project string, in Import) (doc document, err error) {
	p, err := d.Nodes.Visible(ctx, q, who, project)
	if err != nil {
		return doc, err
	}
	manage := func(name string) error {
		return a.Access.Check(ctx, q, who, "manage", access.Resource{Type: "policy", Attrs: map[string]string{"name": name, "project": p.Name}, Name: name})
	}
	switch in.Kind {
	case "jobs":
		if err = d.Jobs.MayImport(ctx, q, who, p.Name); err == nil {
			doc.jobs, err = job.Read([]byte(in.Content))
		}
	case "nodes":
		if err = d.Nodes.MayImport(ctx, q, who, p.Name); err == nil {
			doc.nodes, err = node.Read([]byte(in.Content))
		}
	case "policy":
		// Policies are bounded far lower (access.MaxSize), and parsed where they are stored.
		err = manage(access.PolicyName(in.Name))
	case "approvals":
		if err = manage("approvals"); err == nil {
			_, err = approval.ParseRules([]byte(in.Content))
		}
	}
	return doc, err
}

// take hands a document to the capability it belongs to.
func (d ProjectDeps) take(ctx context.Context, tx *db.Tx, a *API, who actor.Actor, project string, in Import, doc document) ([]node.ImportItem, error) {
	p, err := d.Nodes.Visible(ctx, tx, who, project)
	if err != nil {
		return nil, err
	}
	name := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(path.Base("/"+in.Name), ".yaml"), ".yml"), ".json")
	if name == "/" {
		name = ""
	}
	switch in.Kind {
	case "jobs":
		return d.Jobs.Take(ctx, tx, who, p.Name, doc.jobs, in.DryRun)
	case "nodes":
		return d.Nodes.Take(ctx, tx, who, p.Name, name, doc.nodes, in.DryRun)
	case "policy":
		if in.Name == "" {
			return nil, fault.Field("name", "Give the policy a name, such as operators.")
		}
		put := a.Access.Put
		if in.DryRun {
			put = func(ctx context.Context, tx *db.Tx, who actor.Actor, project, name, text string) ([]access.PolicyItem, error) {
				return a.Access.Preview(ctx, tx, who, project, name, text)
			}
		}
		its, err := put(ctx, tx, who, p.Name, access.PolicyName(in.Name), in.Content)
		out := []node.ImportItem{}
		for _, i := range its {
			out = append(out, node.ImportItem{Name: i.Name, Result: i.Result, Message: i.Message, Line: i.Line})
		}
		return out, err
	case "approvals":
		rules, result, err := d.Approvals.Put(ctx, tx, who, p.Name, name, []byte(in.Content), in.DryRun)
		if err != nil {
			return nil, err
		}
		out := []node.ImportItem{}
		for _, r := range rules {
			out = append(out, node.ImportItem{Name: r.Description, Result: result, Line: r.Line()})
		}
		if len(out) == 0 {
			out = append(out, node.ImportItem{Name: name, Result: result, Message: "There is no rule in it: nothing needs approval."})
		}
		return out, nil
	}
	return nil, fault.Field("kind", "The kind is jobs, nodes, policy or approvals.")
}

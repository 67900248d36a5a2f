package httpapi

import (
	"context"
	"slices"
	"time"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/approval"
	"muster/internal/db"
	"muster/internal/job"
	"muster/internal/node"
	"muster/internal/run"
)

// JobSummary is a job in a list.
type JobSummary struct {
	ID              string          `json:"id"`
	UUID            string          `json:"uuid"`
	Project         string          `json:"project"`
	Group           string          `json:"group"`
	Name            string          `json:"name"`
	FullName        string          `json:"full_name" doc:"group/name"`
	Description     string          `json:"description"`
	Version         int64           `json:"version"`
	NeedsApprovalIn []string        `json:"needs_approval_in" doc:"Environments in which a run waits for another person"`
	Environments    []string        `json:"environments" doc:"The project's environments"`
	Production      []string        `json:"production_environments" doc:"Those of them with nodes that need what production needs"`
	CannotRun       []string        `json:"cannot_run" doc:"Why nobody can run it, empty when it can be run"`
	Abilities       map[string]bool `json:"abilities"`
}

// Job is a job with all its parts.
type Job struct {
	JobSummary
	Options     []Option     `json:"options"`
	Steps       []JobStep    `json:"steps"`
	NodeFilter  string       `json:"nodefilter"`
	FilterFixed bool         `json:"filter_fixed" doc:"Whoever runs it cannot give another node filter"`
	Unselected  bool         `json:"nodes_unselected" doc:"A form shows the nodes of the filter unticked (nodesSelectedByDefault: false): whoever runs it picks some and sends them as nodes"`
	Dispatch    Dispatch     `json:"dispatch"`
	Strategy    string       `json:"strategy"`
	Timeout     string       `json:"timeout"`
	YAML        string       `json:"yaml"`
	Digest      string       `json:"digest"`
	Versions    []JobVersion `json:"versions"`
}

// Option is an input of a job.
type Option struct {
	Name        string   `json:"name"`
	Label       string   `json:"label"`
	Description string   `json:"description"`
	Type        string   `json:"type" enum:"text,date"`
	Required    bool     `json:"required"`
	Enforced    bool     `json:"enforced"`
	Values      []string `json:"values"`
	Regex       string   `json:"regex"`
	Multivalued bool     `json:"multivalued"`
	Delimiter   string   `json:"delimiter"`
	AllSelected bool     `json:"all_selected" doc:"Of one that takes several: without a choice all values are taken, so a form shows all of them ticked"`
	Secure      bool     `json:"secure"`
	Stored      bool     `json:"stored" doc:"Without a value it is taken from key storage"`
	Hidden      bool     `json:"hidden"`
	Default     string   `json:"default" doc:"Empty for secure options"`
	IsDate      bool     `json:"is_date"`
	DateFormat  string   `json:"date_format"`
}

// JobStep is a step of a job.
type JobStep struct {
	N       int    `json:"n"`
	Kind    string `json:"kind"`
	Label   string `json:"label"`
	Handler string `json:"handler,omitempty" doc:"Its error handler"`
}

// Dispatch is how nodes are worked on.
type Dispatch struct {
	Threads   string `json:"threads"`
	Keepgoing bool   `json:"keepgoing"`
}

// JobVersion is one entry of a job's history.
type JobVersion struct {
	Version int64     `json:"version"`
	At      time.Time `json:"at"`
	By      string    `json:"by" doc:"User id"`
}

// JobPath names a job.
type JobPath struct {
	ID      string `path:"id" maxLength:"200" doc:"Job id, or uuid: where several projects have it, a conflict unless one is named"`
	Project string `query:"project" maxLength:"64" doc:"The project, where several have a job with this uuid"`
}

// RegisterJobs adds definitions.
func RegisterJobs(a *API, d ProjectDeps) {
	type list struct {
		InProject
		Q string `query:"q" maxLength:"200" doc:"Part of the name or description"`
	}
	Handle(a, Route{Method: "GET", Path: "/projects/{p}/jobs", ID: "list-jobs", Summary: "List the jobs of a project", Tag: "Jobs", Access: "job:read"},
		func(ctx context.Context, who actor.Actor, in *list) (List[JobSummary], error) {
			q := a.DB.Read()
			p, err := d.Nodes.Visible(ctx, q, who, in.Project)
			if err != nil {
				a.Access.Record(ctx, who, err)
				return ListOf[JobSummary](nil), err
			}
			js, err := d.Jobs.List(ctx, q, who, p.Name, in.Q)
			if err != nil {
				return ListOf[JobSummary](nil), err
			}
			v, err := d.viewer(ctx, q, a, who, p)
			if err != nil {
				return ListOf[JobSummary](nil), err
			}
			out := []JobSummary{}
			for _, j := range js {
				out = append(out, v.summary(j))
			}
			return ListOf(out), nil
		})
	Handle(a, Route{Method: "GET", Path: "/jobs/{id}", ID: "get-job", Summary: "Read a job with its options, steps and history", Tag: "Jobs", Access: "job:read"},
		func(ctx context.Context, who actor.Actor, in *JobPath) (Job, error) {
			q := a.DB.Read()
			j, err := d.Jobs.Get(ctx, q, who, in.Project, in.ID)
			if err != nil {
				a.Access.Record(ctx, who, err)
				return Job{}, err
			}
			p, err := d.Nodes.Project(ctx, q, j.Project)
			if err != nil {
				return Job{}, err
			}
			v, err := d.viewer(ctx, q, a, who, p)
			if err != nil {
				return Job{}, err
			}
			out := jobView(v.summary(j), j)
			vs, err := d.Jobs.Versions(ctx, q, j.ID)
			for _, x := range vs {
				out.Versions = append(out.Versions, JobVersion{x.Version, x.At, x.By})
			}
			return out, err
		})
	Handle(a, Route{Method: "DELETE", Path: "/jobs/{id}", ID: "delete-job", Summary: "Delete a job; its runs and versions stay on record", Tag: "Jobs", Access: "job:delete"},
		func(ctx context.Context, who actor.Actor, in *JobPath) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error { return d.Jobs.Delete(ctx, tx, who, in.Project, in.ID) })
		})
}

// viewer knows what all jobs of a project share.
type viewer struct {
	project node.Project
	may     access.Judge
	envs    []string
	prod    []string                   // those with a node that is production
	rules   map[string][]approval.Rule // those that concern nodes of an environment
}

func (d ProjectDeps) viewer(ctx context.Context, q db.Querier, a *API, who actor.Actor, p node.Project) (viewer, error) {
	may, err := a.Access.Judge(ctx, q, who)
	if err != nil {
		return viewer{}, err
	}
	v := viewer{project: p, may: may, envs: []string{}, prod: []string{}, rules: map[string][]approval.Rule{}}
	machines := map[string][]approval.Machine{}
	ns, err := d.Nodes.All(ctx, q, p.Name)
	if err != nil {
		return v, err
	}
	for _, n := range ns {
		e := n.Shown()
		if machines[e] == nil {
			v.envs = append(v.envs, e)
		}
		machines[e] = append(machines[e], run.Machine(n))
		if n.Production() && !slices.Contains(v.prod, e) {
			v.prod = append(v.prod, e)
		}
	}
	slices.Sort(v.envs)
	slices.Sort(v.prod)
	rules, err := d.Approvals.Rules(ctx, q, p.Name)
	for _, r := range rules {
		for _, e := range v.envs {
			if r.Concerns(machines[e]) {
				v.rules[e] = append(v.rules[e], r)
			}
		}
	}
	return v, err
}

func (v viewer) summary(j job.Job) JobSummary {
	s := JobSummary{ID: j.ID, UUID: j.UUID, Project: j.Project, Group: j.Group, Name: j.Name, FullName: j.FullName(), Description: j.Description, Version: j.Version,
		NeedsApprovalIn: []string{}, Environments: v.envs, Production: v.prod, CannotRun: j.Def.CannotRun(v.project.AllowRaw)}
	for _, e := range v.envs {
		if slices.ContainsFunc(v.rules[e], func(r approval.Rule) bool { return len(r.Options) == 0 && r.Asks(false, j.FullName()) }) {
			s.NeedsApprovalIn = append(s.NeedsApprovalIn, e)
		}
	}
	s.Abilities = map[string]bool{
		"run":    len(s.CannotRun) == 0 && v.may.Allowed("run", j.Resource()),
		"update": v.may.Allowed("update", j.Resource()),
		"delete": v.may.Allowed("delete", j.Resource()),
	}
	return s
}

func jobView(s JobSummary, j job.Job) Job {
	d := j.Def
	out := Job{JobSummary: s, Options: []Option{}, Steps: []JobStep{}, NodeFilter: d.Filter, FilterFixed: !d.FilterEditable, Unselected: d.Unselected,
		Dispatch: Dispatch{d.ThreadCount, d.NodeKeepgoing}, Strategy: d.Strategy, Timeout: d.Timeout, YAML: d.YAML(), Digest: j.Digest, Versions: []JobVersion{}}
	for _, o := range d.Options {
		v := Option{Name: o.Name, Label: o.Label, Description: o.Description, Type: o.Type, Required: o.Required, Enforced: o.Enforced, Values: o.Values, Regex: o.Regex,
			Multivalued: o.Multivalued, Delimiter: o.Delimiter, AllSelected: o.AllSelected, Secure: o.Secure, Stored: o.StoragePath != "", Hidden: o.Hidden, Default: o.Default, IsDate: o.Type == "date", DateFormat: o.DateFormat}
		if v.Values == nil {
			v.Values = []string{}
		}
		if o.Secure {
			v.Default = ""
		}
		out.Options = append(out.Options, v)
	}
	for i, st := range d.Steps {
		x := JobStep{N: i + 1, Kind: st.Kind, Label: st.Label()}
		if st.Handler != nil {
			x.Handler = st.Handler.Label()
		}
		out.Steps = append(out.Steps, x)
	}
	return out
}

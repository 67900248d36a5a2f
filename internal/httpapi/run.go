package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"muster/internal/actor"
	"muster/internal/approval"
	"muster/internal/db"
	"muster/internal/job"
	"muster/internal/run"
)

// RunDeps is what the run routes call.
type RunDeps struct {
	Runs *run.Store
}

// OptionInput is one value of an option, or several of a multivalued one.
type OptionInput []string

// UnmarshalJSON takes a text or a list of texts.
func (o *OptionInput) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*o = OptionInput{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(b, &many); err != nil {
		return errors.New("an option's value is a text or a list of texts")
	}
	*o = many
	return nil
}

// Schema says so in OpenAPI.
func (OptionInput) Schema(huma.Registry) *huma.Schema {
	text := &huma.Schema{Type: huma.TypeString}
	return &huma.Schema{OneOf: []*huma.Schema{text, {Type: huma.TypeArray, Items: text}}}
}

// RunPath names a run.
type RunPath struct {
	ID string `path:"id" maxLength:"40" doc:"Run id or number"`
}

// RunPreview is what a request would do, and what stands in its way.
type RunPreview struct {
	Nodes       []Node              `json:"nodes"`
	Environment string              `json:"environment"`
	Production  bool                `json:"production" doc:"One of the nodes needs what production needs: its environment is production, or nobody knows what it is"`
	Approval    *ApprovalNeed       `json:"approval"`
	Problems    []job.OptionProblem `json:"problems"`
	Denied      *DeniedText         `json:"denied,omitempty"`
}

// ApprovalNeed is what the project's rules demand.
type ApprovalNeed struct {
	Needed bool     `json:"needed"`
	Need   int      `json:"need" doc:"How many people at least"`
	Groups []string `json:"groups"`
	Rules  []string `json:"rules"`
}

// DeniedText is why somebody may not, with who could grant it.
type DeniedText struct {
	Text string `json:"text"`
}

func previewView(p run.Preview) RunPreview {
	out := RunPreview{Nodes: nodeViews(p.Nodes), Environment: p.Environment, Production: p.Production, Problems: p.Problems}
	if out.Problems == nil {
		out.Problems = []job.OptionProblem{}
	}
	if p.Need != nil {
		out.Approval = &ApprovalNeed{Needed: true, Need: approval.People(p.Need.Needs), Groups: approval.Groups(p.Need.Needs), Rules: []string{}}
		for _, n := range p.Need.Needs {
			out.Approval.Rules = append(out.Approval.Rules, n.Rule)
		}
	}
	if p.Denied != "" {
		out.Denied = &DeniedText{p.Denied}
	}
	return out
}

func given(in map[string]OptionInput) map[string][]string {
	out := map[string][]string{}
	for k, v := range in {
		out[k] = v
	}
	return out
}

// JobRequest asks for a run of a job.
type JobRequest struct {
	Options map[string]OptionInput `json:"options,omitempty" doc:"Values by option name"`
	Filter  string                 `json:"filter,omitempty" maxLength:"65536" doc:"Node filter in place of the job's own"`
	Nodes   []string               `json:"nodes,omitempty" maxItems:"5000" doc:"Only these of the nodes the filter picks"`
	RoomID  string                 `json:"room_id,omitempty" maxLength:"80" doc:"Room in which its card appears"`
	Key     string                 `json:"key,omitempty" maxLength:"100" doc:"Your own id for it: the same request with the same key gives the same run, another request a conflict"`
}

// AdhocRequest asks for a command on nodes.
type AdhocRequest struct {
	Command   string   `json:"command" maxLength:"65536"`
	Filter    string   `json:"filter" maxLength:"65536" doc:"Node filter; .* for all"`
	Nodes     []string `json:"nodes,omitempty" maxItems:"5000" doc:"Only these of the nodes the filter picks"`
	RoomID    string   `json:"room_id,omitempty" maxLength:"80"`
	Threads   int      `json:"threads,omitempty" minimum:"0" maximum:"500" doc:"Nodes at once"`
	Keepgoing bool     `json:"keepgoing,omitempty" doc:"Other nodes go on when one fails"`
	Key       string   `json:"key,omitempty" maxLength:"100"`
}

func (r AdhocRequest) request(project string) run.Request {
	return run.Request{Project: project, Command: r.Command, Filter: r.Filter, Nodes: r.Nodes, Room: r.RoomID, Threads: r.Threads, Keepgoing: r.Keepgoing, Key: r.Key}
}

// RegisterRuns adds asking for runs and following them.
func RegisterRuns(a *API, d RunDeps) {
	change := func(ctx context.Context, who actor.Actor, fn func(tx *db.Tx) (run.Run, error)) (r run.Run, err error) {
		err = a.Do(ctx, who, func(tx *db.Tx) (err error) {
			r, err = fn(tx)
			return err
		})
		return r, err
	}
	preview := func(ctx context.Context, who actor.Actor, in run.Request) (RunPreview, error) {
		p, err := d.Runs.Preview(ctx, a.DB.Read(), who, in)
		if err != nil {
			a.Access.Record(ctx, who, err)
			return RunPreview{}, err
		}
		return previewView(p), nil
	}
	type jobBody struct {
		JobPath
		Body JobRequest
	}
	asJob := func(in *jobBody) run.Request {
		return run.Request{JobID: in.ID, Project: in.Project, Options: given(in.Body.Options), Filter: in.Body.Filter, Nodes: in.Body.Nodes, Room: in.Body.RoomID, Key: in.Body.Key}
	}
	Handle(a, Route{Method: "POST", Path: "/jobs/{id}/preview", ID: "preview-job", Summary: "Say which nodes a run of the job would have and whether it needs approval", Tag: "Runs", Access: "job:read"},
		func(ctx context.Context, who actor.Actor, in *jobBody) (RunPreview, error) {
			return preview(ctx, who, asJob(in))
		})
	Handle(a, Route{Method: "POST", Path: "/jobs/{id}/run", ID: "run-job", Summary: "Run a job, or ask for approval where it is needed", Tag: "Runs", Access: "job:run", Status: 201},
		func(ctx context.Context, who actor.Actor, in *jobBody) (run.Run, error) {
			return change(ctx, who, func(tx *db.Tx) (run.Run, error) { return d.Runs.Request(ctx, tx, who, asJob(in)) })
		})
	type adhocBody struct {
		InProject
		Body AdhocRequest
	}
	Handle(a, Route{Method: "POST", Path: "/projects/{p}/adhoc/preview", ID: "preview-adhoc", Summary: "Say on which nodes a command would run and whether it needs approval", Tag: "Runs", Access: "project:read"},
		func(ctx context.Context, who actor.Actor, in *adhocBody) (RunPreview, error) {
			return preview(ctx, who, in.Body.request(in.Project))
		})
	Handle(a, Route{Method: "POST", Path: "/projects/{p}/adhoc", ID: "run-adhoc", Summary: "Run a command on nodes, or ask for approval where it is needed", Tag: "Runs", Access: "adhoc:run", Status: 201},
		func(ctx context.Context, who actor.Actor, in *adhocBody) (run.Run, error) {
			return change(ctx, who, func(tx *db.Tx) (run.Run, error) {
				return d.Runs.Request(ctx, tx, who, in.Body.request(in.Project))
			})
		})
	type list struct {
		State    string    `query:"state" enum:"active,waiting,queued,running,succeeded,failed,stopped,timed-out,unknown" doc:"active: all that have not ended"`
		RoomID   string    `query:"room_id" maxLength:"36"`
		Incident string    `query:"incident_id" maxLength:"36"`
		Project  string    `query:"project" maxLength:"64"`
		Job      string    `query:"job_id" maxLength:"36"`
		User     string    `query:"user_id" maxLength:"36" doc:"Who asked"`
		Node     string    `query:"node" maxLength:"255" doc:"Name of a node it had"`
		From     time.Time `query:"from" doc:"Asked for at or after"`
		To       time.Time `query:"to" doc:"Asked for before"`
		Before   int64     `query:"before" minimum:"0" doc:"Runs with a number below this"`
		Limit    int       `query:"limit" minimum:"1" maximum:"500" default:"50"`
	}
	Handle(a, Route{Method: "GET", Path: "/runs", ID: "list-runs", Summary: "List the runs you may see, newest first", Tag: "Runs", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *list) (List[run.RunSummary], error) {
			rs, err := d.Runs.List(ctx, a.DB.Read(), who, run.ListQuery{State: in.State, Room: in.RoomID, Incident: in.Incident, Project: in.Project, Job: in.Job, User: in.User, Node: in.Node, From: in.From, To: in.To, Before: in.Before, Limit: in.Limit})
			return ListOf(rs), err
		})
	Handle(a, Route{Method: "GET", Path: "/runs/{id}", ID: "get-run", Summary: "Read a run with its nodes, steps and approval", Tag: "Runs", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *RunPath) (run.Run, error) {
			return d.Runs.See(ctx, a.DB.Read(), who, in.ID)
		})
	Handle(a, Route{Method: "POST", Path: "/runs/{id}/stop", ID: "stop-run", Summary: "Stop a run: one that waits never begins, of one that runs every process is ended", Tag: "Runs", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *RunPath) (run.Run, error) {
			return change(ctx, who, func(tx *db.Tx) (run.Run, error) { return d.Runs.Stop(ctx, tx, who, in.ID) })
		})
	type settle struct {
		RunPath
		Body struct {
			Outcome string `json:"outcome" enum:"failed,rerun"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/runs/{id}/settle", ID: "settle-run", Summary: "Give a run whose outcome is unknown its end; rerun asks for the same again and answers with the new run", Tag: "Runs", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *settle) (run.Run, error) {
			return change(ctx, who, func(tx *db.Tx) (run.Run, error) { return d.Runs.Settle(ctx, tx, who, in.ID, in.Body.Outcome) })
		})
	type log struct {
		RunPath
		After  int64  `query:"after" minimum:"0" doc:"Number of the last line you have"`
		Limit  int    `query:"limit" minimum:"1" maximum:"5000" default:"2000"`
		Node   string `query:"node" maxLength:"255"`
		Step   int    `query:"step" minimum:"0"`
		Stream string `query:"stream" enum:"out,err,sys"`
	}
	Handle(a, Route{Method: "GET", Path: "/runs/{id}/log", ID: "get-run-log", Summary: "Read a run's log from any line on, also while it is written", Tag: "Runs", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *log) (run.LogPage, error) {
			q := a.DB.Read()
			r, err := d.Runs.Glance(ctx, q, who, in.ID)
			if err != nil {
				return run.LogPage{}, err
			}
			return d.Runs.ReadLog(ctx, q, r, run.LogQuery{After: in.After, Limit: in.Limit, Node: in.Node, Step: in.Step, Stream: in.Stream})
		})
	// A text of any size is streamed, which a registered route does not do.
	a.Mux().HandleFunc("GET "+Base+"/runs/{id}/log.txt", func(w http.ResponseWriter, r *http.Request) {
		who, err := Who(r.Context())
		if err != nil {
			WriteProblem(w, r, err)
			return
		}
		q := a.DB.Read()
		x, err := d.Runs.Glance(r.Context(), q, who, r.PathValue("id"))
		if err != nil {
			WriteProblem(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Content-Disposition", `inline; filename="run-`+x.NumberText()+`.log"`)
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(10 * time.Minute))
		if err := d.Runs.WriteLog(r.Context(), q, x, x.Progress.Total > 1, w); err != nil && r.Context().Err() == nil {
			a.Log.ErrorContext(r.Context(), "write log", "run", x.ID, "error", err)
			panic(http.ErrAbortHandler) // a text that ends early must not look whole
		}
	})
}

package httpapi

import (
	"context"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/incident"
)

// IncidentDeps is what the incident routes call.
type IncidentDeps struct {
	Incidents *incident.Store
}

// IncidentPath names an incident in a path. huma sees only exported embedded structs.
type IncidentPath struct {
	ID string `path:"id" maxLength:"80" doc:"Incident id or ticket, for example INC-1001"`
}

// RegisterIncidents adds incidents, their timeline and their metrics.
func RegisterIncidents(a *API, d IncidentDeps) {
	const tag = "Incidents"
	change := func(ctx context.Context, who actor.Actor, fn func(tx *db.Tx) (incident.Incident, error)) (i incident.Incident, err error) {
		err = a.Do(ctx, who, func(tx *db.Tx) error {
			i, err = fn(tx)
			return err
		})
		return i, err
	}
	type list struct {
		State string `query:"state" enum:"open,closed,all" default:"open"`
		Limit int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}
	Handle(a, Route{Method: "GET", Path: "/incidents", ID: "list-incidents", Summary: "Incidents you may read, newest first", Tag: tag, Access: "incident:read"},
		func(ctx context.Context, who actor.Actor, in *list) (List[incident.Incident], error) {
			is, err := d.Incidents.List(ctx, a.DB.Read(), who, in.State, in.Limit)
			return ListOf(is), err
		})
	type declare struct {
		Body struct {
			Title       string `json:"title" minLength:"1" maxLength:"200"`
			Severity    int    `json:"severity" minimum:"1" maximum:"4"`
			Service     string `json:"service,omitempty" maxLength:"80" doc:"Its name; whoever is on call for it is paged"`
			Environment string `json:"environment,omitempty" maxLength:"63"`
			Summary     string `json:"summary,omitempty" maxLength:"4000"`
			Mode        string `json:"mode,omitempty" enum:"real,test,drill,retrospective" default:"real" doc:"A drill pages and says so everywhere; a test and a retrospective page nobody"`

			Restricted bool     `json:"restricted,omitempty" doc:"Only you, members and the people of groups know of it"`
			Members    []string `json:"members,omitempty" maxItems:"100" doc:"Of a restricted one: people by id"`
			Groups     []string `json:"groups,omitempty" maxItems:"100" doc:"Of a restricted one: groups (roles) whose people become members"`
			Gathers    bool     `json:"gathers,omitempty" doc:"Alerts of its service and environment join it while it is open; else they have an incident of their own"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/incidents", ID: "declare-incident", Summary: "Declare an incident: ticket, room and pages", Tag: tag, Access: "incident:declare", Status: 201},
		func(ctx context.Context, who actor.Actor, in *declare) (incident.Incident, error) {
			b := in.Body
			return change(ctx, who, func(tx *db.Tx) (incident.Incident, error) {
				return d.Incidents.Declare(ctx, tx, who, incident.Declare{Title: b.Title, Severity: b.Severity, Service: b.Service, Environment: b.Environment, Summary: b.Summary, Mode: b.Mode, Restricted: b.Restricted, Members: b.Members, Groups: b.Groups, Gathers: b.Gathers})
			})
		})
	Handle(a, Route{Method: "GET", Path: "/incidents/{id}", ID: "get-incident", Summary: "Read an incident", Tag: tag, Access: "incident:read"},
		func(ctx context.Context, who actor.Actor, in *IncidentPath) (incident.Incident, error) {
			return d.Incidents.Get(ctx, a.DB.Read(), who, in.ID)
		})
	type update struct {
		IncidentPath
		Body incident.Change
	}
	Handle(a, Route{Method: "PATCH", Path: "/incidents/{id}", ID: "update-incident", Summary: "Change title, summary, service, environment, severity or who may know of it", Description: "A new title renames the room. The severity needs incident:command; restricting it is for its commander, whoever declared it, and administrators.", Tag: tag, Access: "incident:update"},
		func(ctx context.Context, who actor.Actor, in *update) (incident.Incident, error) {
			return change(ctx, who, func(tx *db.Tx) (incident.Incident, error) { return d.Incidents.Update(ctx, tx, who, in.ID, in.Body) })
		})
	type stage struct {
		IncidentPath
		Body struct {
			Stage string `json:"stage" doc:"declared, triage, mitigating, monitoring, resolved or closed"`
			Note  string `json:"note,omitempty" maxLength:"2000"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/incidents/{id}/stage", ID: "set-incident-stage", Summary: "Move an incident along, close or reopen it", Tag: tag, Access: "incident:command"},
		func(ctx context.Context, who actor.Actor, in *stage) (incident.Incident, error) {
			to, err := incident.ParseStage(in.Body.Stage)
			if err != nil {
				return incident.Incident{}, err
			}
			return change(ctx, who, func(tx *db.Tx) (incident.Incident, error) {
				return d.Incidents.SetStage(ctx, tx, who, in.ID, to, in.Body.Note)
			})
		})
	Handle(a, Route{Method: "GET", Path: "/incidents/{id}/open", ID: "list-incident-open", Summary: "What still goes on: alerts that fire, runs that wait or run", Description: "For the question to whoever resolves or closes it. Ending it does not depend on the answer.", Tag: tag, Access: "incident:read"},
		func(ctx context.Context, who actor.Actor, in *IncidentPath) (List[incident.OpenThing], error) {
			things, err := d.Incidents.StillOpen(ctx, a.DB.Read(), who, in.ID)
			return ListOf(things), err
		})
	type merge struct {
		IncidentPath
		Body struct {
			Into string `json:"into" minLength:"1" maxLength:"80" doc:"Id or ticket of the incident that goes on"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/incidents/{id}/merge", ID: "merge-incident", Summary: "End an incident because it is the same trouble as another", Description: "Its alerts, pages, actions and members move to that one, which becomes as severe as the worse of the two. Its room is archived and says where to go. Needs incident:command on both.", Tag: tag, Access: "incident:command"},
		func(ctx context.Context, who actor.Actor, in *merge) (incident.Incident, error) {
			return change(ctx, who, func(tx *db.Tx) (incident.Incident, error) {
				return d.Incidents.Merge(ctx, tx, who, in.ID, in.Body.Into)
			})
		})
	type role struct {
		IncidentPath
		Role string `path:"role" maxLength:"20" doc:"commander, operations, communications, scribe or liaison"`
	}
	type giveRole struct {
		IncidentPath
		Role string `path:"role" maxLength:"20" doc:"commander, operations, communications, scribe or liaison"`
		Body struct {
			UserID string `json:"user_id" minLength:"1" maxLength:"80"`
		}
	}
	Handle(a, Route{Method: "PUT", Path: "/incidents/{id}/roles/{role}", ID: "give-incident-role", Summary: "Take a role, or give it to somebody", Tag: tag, Access: "incident:command"},
		func(ctx context.Context, who actor.Actor, in *giveRole) (incident.Incident, error) {
			return change(ctx, who, func(tx *db.Tx) (incident.Incident, error) {
				return d.Incidents.SetRole(ctx, tx, who, in.ID, in.Role, in.Body.UserID)
			})
		})
	Handle(a, Route{Method: "DELETE", Path: "/incidents/{id}/roles/{role}", ID: "clear-incident-role", Summary: "Leave a role empty", Tag: tag, Access: "incident:command"},
		func(ctx context.Context, who actor.Actor, in *role) (incident.Incident, error) {
			return change(ctx, who, func(tx *db.Tx) (incident.Incident, error) {
				return d.Incidents.SetRole(ctx, tx, who, in.ID, in.Role, "")
			})
		})
	Handle(a, Route{Method: "POST", Path: "/incidents/{id}/acknowledge", ID: "acknowledge-incident", Summary: "Say that you take care; ends the escalation", Tag: tag, Access: "incident:update"},
		func(ctx context.Context, who actor.Actor, in *IncidentPath) (incident.Incident, error) {
			return change(ctx, who, func(tx *db.Tx) (incident.Incident, error) { return d.Incidents.Acknowledge(ctx, tx, who, in.ID) })
		})
	type page struct {
		IncidentPath
		Body struct {
			UserID  string `json:"user_id,omitempty" maxLength:"80"`
			Service string `json:"service,omitempty" maxLength:"80"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/incidents/{id}/page", ID: "page-for-incident", Summary: "Page a person, or whoever is on call for a service", Tag: tag, Access: "incident:update"},
		func(ctx context.Context, who actor.Actor, in *page) (incident.Incident, error) {
			return change(ctx, who, func(tx *db.Tx) (incident.Incident, error) {
				return d.Incidents.Page(ctx, tx, who, in.ID, incident.Target{UserID: in.Body.UserID, Service: in.Body.Service})
			})
		})
	type note struct {
		IncidentPath
		Body struct {
			Text string     `json:"text" minLength:"1" maxLength:"4000"`
			At   *time.Time `json:"at,omitempty" doc:"When what it tells of happened; now if absent"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/incidents/{id}/notes", ID: "add-incident-note", Summary: "Put a note on the timeline", Tag: tag, Access: "incident:update", Status: 201},
		func(ctx context.Context, who actor.Actor, in *note) (e incident.Entry, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				e, err = d.Incidents.Note(ctx, tx, who, in.ID, in.Body.Text, in.Body.At)
				return err
			})
			return e, err
		})
	type times struct {
		IncidentPath
		Body map[string]*time.Time `doc:"Moments by name, for example {\"impact_started\": \"2026-11-22T13:40:00Z\"}; null removes one"`
	}
	Handle(a, Route{Method: "PATCH", Path: "/incidents/{id}/times", ID: "set-incident-times", Summary: "Correct the named moments of an incident", Tag: tag, Access: "incident:update"},
		func(ctx context.Context, who actor.Actor, in *times) (incident.Incident, error) {
			return change(ctx, who, func(tx *db.Tx) (incident.Incident, error) { return d.Incidents.SetTimes(ctx, tx, who, in.ID, in.Body) })
		})
	Handle(a, Route{Method: "GET", Path: "/incidents/{id}/timeline", ID: "get-incident-timeline", Summary: "What happened, in sentences", Tag: tag, Access: "incident:read"},
		func(ctx context.Context, who actor.Actor, in *IncidentPath) (List[incident.Entry], error) {
			es, err := d.Incidents.Timeline(ctx, a.DB.Read(), who, in.ID)
			return ListOf(es), err
		})
	Handle(a, Route{Method: "GET", Path: "/incidents/{id}/metrics", ID: "get-incident-metrics", Summary: "How long what took, with formulas and missing moments", Tag: tag, Access: "incident:read"},
		func(ctx context.Context, who actor.Actor, in *IncidentPath) (List[incident.Metric], error) {
			i, err := d.Incidents.Get(ctx, a.DB.Read(), who, in.ID)
			if err != nil {
				return ListOf[incident.Metric](nil), err
			}
			return ListOf(incident.Metrics(i.Times)), nil
		})
	Handle(a, Route{Method: "GET", Path: "/metrics/incidents", ID: "get-incident-summary", Summary: "Median and 90th percentile over closed incidents", Tag: tag, Access: "incident:read"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (List[incident.MetricSummary], error) {
			ms, err := d.Incidents.Summary(ctx, a.DB.Read(), who)
			return ListOf(ms), err
		})
	registerPostmortem(a, d)
}

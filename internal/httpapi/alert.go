package httpapi

import (
	"context"

	"muster/internal/actor"
	"muster/internal/alert"
	"muster/internal/db"
)

// AlertDeps is what the alert routes call.
type AlertDeps struct {
	Alerts *alert.Store
}

// NewAlertSource is a source with the URL that only its sender may know.
type NewAlertSource struct {
	Source alert.Source `json:"source"`
	URL    string       `json:"url" doc:"Where the monitoring system posts; shown this once"`
}

// RegisterAlerts adds alerts, their sources and the routing rules.
func RegisterAlerts(a *API, d AlertDeps) {
	const tag = "Alerts"
	url := func(src alert.Source, secret string) string {
		return a.PublicURL() + "/hooks/" + src.Kind + "/" + secret
	}
	type list struct {
		State    string `query:"state" enum:"open,acknowledged,resolved,live" doc:"live: not resolved"`
		Service  string `query:"service" maxLength:"80"`
		Incident string `query:"incident_id" maxLength:"80"`
		Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
	}
	Handle(a, Route{Method: "GET", Path: "/alerts", ID: "list-alerts", Summary: "Alerts you may read, newest first", Tag: tag, Access: "alert:read"},
		func(ctx context.Context, who actor.Actor, in *list) (List[alert.Alert], error) {
			as, err := d.Alerts.List(ctx, a.DB.Read(), who, alert.Filter{State: in.State, Service: in.Service, Incident: in.Incident, Limit: in.Limit})
			return ListOf(as), err
		})
	type one struct {
		ID string `path:"id" maxLength:"80"`
	}
	Handle(a, Route{Method: "GET", Path: "/alerts/{id}", ID: "get-alert", Summary: "Read an alert", Tag: tag, Access: "alert:read"},
		func(ctx context.Context, who actor.Actor, in *one) (alert.Alert, error) {
			return d.Alerts.Get(ctx, a.DB.Read(), who, in.ID)
		})
	Handle(a, Route{Method: "POST", Path: "/alerts/{id}/acknowledge", ID: "acknowledge-alert", Summary: "Acknowledge an alert and with it its incident", Tag: tag, Access: "alert:acknowledge"},
		func(ctx context.Context, who actor.Actor, in *one) (al alert.Alert, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				al, err = d.Alerts.Acknowledge(ctx, tx, who, in.ID)
				return err
			})
			return al, err
		})
	Handle(a, Route{Method: "GET", Path: "/alert-sources", ID: "list-alert-sources", Summary: "Where alerts come from", Tag: tag, Access: "alert_source:read"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (List[alert.Source], error) {
			ss, err := d.Alerts.Sources(ctx, a.DB.Read(), who)
			return ListOf(ss), err
		})
	type create struct {
		Body struct {
			Kind    string `json:"kind,omitempty" enum:"alertmanager" default:"alertmanager"`
			Name    string `json:"name" minLength:"1" maxLength:"80"`
			Service string `json:"service,omitempty" maxLength:"80" doc:"Service of alerts for which nothing else says one"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/alert-sources", ID: "create-alert-source", Summary: "Add a source and get its webhook URL", Tag: tag, Access: "alert_source:manage", Status: 201},
		func(ctx context.Context, who actor.Actor, in *create) (out NewAlertSource, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				src, secret, err := d.Alerts.CreateSource(ctx, tx, who, alert.NewSource{Kind: in.Body.Kind, Name: in.Body.Name, Service: in.Body.Service})
				out = NewAlertSource{Source: src, URL: url(src, secret)}
				return err
			})
			return out, err
		})
	Handle(a, Route{Method: "POST", Path: "/alert-sources/{id}/rotate", ID: "rotate-alert-source", Summary: "Give a source a new URL; the old one stops working", Tag: tag, Access: "alert_source:manage"},
		func(ctx context.Context, who actor.Actor, in *one) (out NewAlertSource, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				src, secret, err := d.Alerts.RotateSource(ctx, tx, who, in.ID)
				out = NewAlertSource{Source: src, URL: url(src, secret)}
				return err
			})
			return out, err
		})
	Handle(a, Route{Method: "DELETE", Path: "/alert-sources/{id}", ID: "remove-alert-source", Summary: "Remove a source; its alerts stay", Tag: tag, Access: "alert_source:manage"},
		func(ctx context.Context, who actor.Actor, in *one) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error { return d.Alerts.RemoveSource(ctx, tx, who, in.ID) })
		})
	Handle(a, Route{Method: "GET", Path: "/alert-rules", ID: "list-alert-rules", Summary: "Routing rules in the order in which they are asked", Tag: tag, Access: "alert_source:read"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (List[alert.RoutingRule], error) {
			rs, err := d.Alerts.Rules(ctx, a.DB.Read(), who)
			return ListOf(rs), err
		})
	type rule struct {
		ID          string `json:"id,omitempty"`
		Position    int    `json:"position,omitempty" doc:"Ignored: the order of the list counts"`
		Name        string `json:"name"`
		When        string `json:"when,omitempty"`
		Service     string `json:"service,omitempty"`
		Environment string `json:"environment,omitempty"`
		Severity    string `json:"severity,omitempty"`
		Action      string `json:"action,omitempty" enum:"declare,attach,ignore,default"`
	}
	type rules struct {
		Body struct {
			Items []rule `json:"items" maxItems:"200"`
		}
	}
	Handle(a, Route{Method: "PUT", Path: "/alert-rules", ID: "set-alert-rules", Summary: "Replace all routing rules", Description: "When one rule is wrong, none is changed.", Tag: tag, Access: "alert_source:manage"},
		func(ctx context.Context, who actor.Actor, in *rules) (out List[alert.RoutingRule], err error) {
			rs := []alert.RoutingRule{}
			for _, r := range in.Body.Items {
				rs = append(rs, alert.RoutingRule{ID: r.ID, Name: r.Name, When: r.When, Service: r.Service, Environment: r.Environment, Severity: r.Severity, Action: r.Action})
			}
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				stored, err := d.Alerts.SetRules(ctx, tx, who, rs)
				out = ListOf(stored)
				return err
			})
			return out, err
		})
}

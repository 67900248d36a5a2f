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

// AlertPage is a part of the list of alerts.
type AlertPage struct {
	Items []alert.Alert `json:"items"`
	Next  string        `json:"next_cursor,omitempty" doc:"Give it as cursor to read on; absent at the end"`
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
		Text     string `query:"q" maxLength:"200" doc:"Words that stand in title, summary, service, environment, source or labels (name=value)"`
		Sort     string `query:"sort" enum:"newest,worst" default:"newest" doc:"worst: by severity, and of one severity the newest first"`
		Cursor   string `query:"cursor" maxLength:"100" doc:"next_cursor of the page before"`
		Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
	}
	filter := func(in *list) alert.Filter {
		return alert.Filter{State: in.State, Service: in.Service, Incident: in.Incident, Text: in.Text, Worst: in.Sort == "worst", After: in.Cursor, Limit: in.Limit}
	}
	Handle(a, Route{Method: "GET", Path: "/alerts", ID: "list-alerts", Summary: "Alerts you may read, page by page", Tag: tag, Access: "alert:read"},
		func(ctx context.Context, who actor.Actor, in *list) (AlertPage, error) {
			p, err := d.Alerts.Page(ctx, a.DB.Read(), who, filter(in))
			return AlertPage{Items: p.Items, Next: p.Next}, err
		})
	type counted struct {
		Service  string `query:"service" maxLength:"80"`
		Incident string `query:"incident_id" maxLength:"80"`
		Text     string `query:"q" maxLength:"200"`
	}
	Handle(a, Route{Method: "GET", Path: "/alert-counts", ID: "count-alerts", Summary: "How many alerts you may read are in each state", Tag: tag, Access: "alert:read"},
		func(ctx context.Context, who actor.Actor, in *counted) (alert.Counts, error) {
			return d.Alerts.Count(ctx, a.DB.Read(), who, alert.Filter{Service: in.Service, Incident: in.Incident, Text: in.Text})
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
	Handle(a, Route{Method: "POST", Path: "/alerts/{id}/resolve", ID: "resolve-alert", Summary: "End an alert by your word; its incident stays as it is", Description: "While the source goes on about the same trouble it stays resolved, as long as its incident is open.", Tag: tag, Access: "alert:acknowledge"},
		func(ctx context.Context, who actor.Actor, in *one) (al alert.Alert, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				al, err = d.Alerts.Resolve(ctx, tx, who, in.ID)
				return err
			})
			return al, err
		})
	type several struct {
		Body struct {
			IDs []string `json:"ids" minItems:"1" maxItems:"500"`
		}
	}
	many := func(ctx context.Context, who actor.Actor, in *several, do func(context.Context, *db.Tx, actor.Actor, []string) ([]alert.Alert, error)) (out List[alert.Alert], err error) {
		err = a.Do(ctx, who, func(tx *db.Tx) error {
			as, err := do(ctx, tx, who, in.Body.IDs)
			out = ListOf(as)
			return err
		})
		return out, err
	}
	Handle(a, Route{Method: "POST", Path: "/alerts/acknowledge", ID: "acknowledge-alerts", Summary: "Acknowledge several alerts and their incidents", Description: "All or none. What is resolved or acknowledged already stays as it is.", Tag: tag, Access: "alert:acknowledge"},
		func(ctx context.Context, who actor.Actor, in *several) (List[alert.Alert], error) {
			return many(ctx, who, in, d.Alerts.AcknowledgeAll)
		})
	Handle(a, Route{Method: "POST", Path: "/alerts/resolve", ID: "resolve-alerts", Summary: "End several alerts by your word", Description: "All or none. What is resolved already stays as it is.", Tag: tag, Access: "alert:acknowledge"},
		func(ctx context.Context, who actor.Actor, in *several) (List[alert.Alert], error) {
			return many(ctx, who, in, d.Alerts.ResolveAll)
		})
	Handle(a, Route{Method: "GET", Path: "/alert-sources", ID: "list-alert-sources", Summary: "Where alerts come from", Tag: tag, Access: "alert_source:read"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (List[alert.Source], error) {
			ss, err := d.Alerts.Sources(ctx, a.DB.Read(), who)
			return ListOf(ss), err
		})
	type create struct {
		Body struct {
			Kind       string `json:"kind,omitempty" enum:"alertmanager" default:"alertmanager"`
			Name       string `json:"name" minLength:"1" maxLength:"80"`
			Service    string `json:"service,omitempty" maxLength:"80" doc:"Service of alerts for which neither a rule nor their own label service says one"`
			StaleAfter int    `json:"stale_after_seconds,omitempty" minimum:"300" maximum:"7776000" doc:"An alert of which nothing was heard for so long is over; 86400 (a day) if absent"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/alert-sources", ID: "create-alert-source", Summary: "Add a source and get its webhook URL", Tag: tag, Access: "alert_source:manage", Status: 201},
		func(ctx context.Context, who actor.Actor, in *create) (out NewAlertSource, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				src, secret, err := d.Alerts.CreateSource(ctx, tx, who, alert.NewSource{Kind: in.Body.Kind, Name: in.Body.Name, Service: in.Body.Service, StaleAfter: in.Body.StaleAfter})
				out = NewAlertSource{Source: src, URL: url(src, secret)}
				return err
			})
			return out, err
		})
	type change struct {
		ID   string `path:"id" maxLength:"80"`
		Body alert.ChangeSource
	}
	Handle(a, Route{Method: "PATCH", Path: "/alert-sources/{id}", ID: "update-alert-source", Summary: "Change a source; its URL stays", Tag: tag, Access: "alert_source:manage"},
		func(ctx context.Context, who actor.Actor, in *change) (src alert.Source, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				src, err = d.Alerts.UpdateSource(ctx, tx, who, in.ID, in.Body)
				return err
			})
			return src, err
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

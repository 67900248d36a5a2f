package httpapi

import (
	"context"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/incident"
	"muster/internal/notify"
)

// NotifyDeps is what the notification routes call.
type NotifyDeps struct {
	Notify    *notify.Store
	Incidents *incident.Store
}

// RegisterNotify adds the caller's own notifications.
func RegisterNotify(a *API, d NotifyDeps) {
	type list struct {
		Unread bool `query:"unread" doc:"Only what was not seen yet"`
		Limit  int  `query:"limit" minimum:"1" maximum:"200" default:"100"`
	}
	Handle(a, Route{Method: "GET", Path: "/notifications", ID: "list-notifications", Summary: "What you were told, newest first", Tag: "Notifications", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *list) (List[notify.Notification], error) {
			ns, err := d.Notify.List(ctx, a.DB.Read(), who, in.Unread, in.Limit)
			return ListOf(ns), err
		})
	type one struct {
		ID string `path:"id" maxLength:"80"`
	}
	Handle(a, Route{Method: "POST", Path: "/notifications/{id}/seen", ID: "see-notification", Summary: "Mark one of your notifications as seen", Tag: "Notifications", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *one) (n notify.Notification, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				n, err = d.Notify.See(ctx, tx, who, in.ID)
				return err
			})
			return n, err
		})
	Handle(a, Route{Method: "POST", Path: "/notifications/seen-all", ID: "see-all-notifications", Summary: "Mark all your notifications as seen", Tag: "Notifications", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error { return d.Notify.SeeAll(ctx, tx, who) })
		})
	Handle(a, Route{Method: "GET", Path: "/me/pages", ID: "list-my-pages", Summary: "What you are called to and nobody answered yet, worst first", Description: "Pages, and approvals that an open SEV-1 or SEV-2 waits for. A page ends when you acknowledge, when somebody else on its ladder does, or when the incident is over.", Tag: "Notifications", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (List[incident.Call], error) {
			cs, err := d.Incidents.Calls(ctx, a.DB.Read(), who)
			return ListOf(cs), err
		})
	registerReach(a, d)
	registerGateways(a, d)
}

package httpapi

import (
	"context"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/notify"
)

// registerReach adds how the caller is reached.
func registerReach(a *API, d NotifyDeps) {
	Handle(a, Route{Method: "GET", Path: "/me/reach", ID: "get-reach", Summary: "How you are reached: your channels in order, and how your screens sound", Tag: "Notifications", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (notify.Reaching, error) {
			return d.Notify.Reaching(ctx, a.DB.Read(), who)
		})
	type change struct {
		Body notify.ChangeReach
	}
	Handle(a, Route{Method: "PATCH", Path: "/me/reach", ID: "update-reach", Summary: "Change how you are reached", Tag: "Notifications", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *change) (r notify.Reaching, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				r, err = d.Notify.SetReach(ctx, tx, who, in.Body)
				return err
			})
			return r, err
		})
	type test struct {
		Body struct {
			Channel string `json:"channel" maxLength:"80" doc:"email, or gateway: and the gateway's id"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/me/reach/test", ID: "test-reach", Summary: "Send yourself a test on one of your channels", Description: "The notification says what becomes of it. Five in ten minutes are the most.", Tag: "Notifications", Access: "signed-in", Status: 201},
		func(ctx context.Context, who actor.Actor, in *test) (n notify.Notification, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				n, err = d.Notify.Test(ctx, tx, who, in.Body.Channel)
				return err
			})
			return n, err
		})
}

// NewGateway is a gateway just added, with its secret where that was made here.
type NewGateway struct {
	notify.Gateway
	Secret string `json:"secret,omitempty" doc:"Shown only now"`
}

// registerGateways adds the firm's own ways to telephones.
func registerGateways(a *API, d NotifyDeps) {
	const tag = "Gateways"
	Handle(a, Route{Method: "GET", Path: "/gateways", ID: "list-gateways", Summary: "The gateways that pages can go out by", Tag: tag, Access: "office:manage"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (List[notify.Gateway], error) {
			gs, err := d.Notify.Gateways(ctx, a.DB.Read(), who)
			return ListOf(gs), err
		})
	type create struct {
		Body notify.SaveGateway
	}
	Handle(a, Route{Method: "POST", Path: "/gateways", ID: "create-gateway", Summary: "Add a gateway: a URL that takes signed messages for telephones", Tag: tag, Access: "office:manage", Status: 201},
		func(ctx context.Context, who actor.Actor, in *create) (g NewGateway, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				g.Gateway, g.Secret, err = d.Notify.CreateGateway(ctx, tx, who, in.Body)
				return err
			})
			return g, err
		})
	type path struct {
		ID string `path:"id" maxLength:"80" doc:"Gateway id or name"`
	}
	type update struct {
		ID   string `path:"id" maxLength:"80" doc:"Gateway id or name"`
		Body notify.SaveGateway
	}
	Handle(a, Route{Method: "PATCH", Path: "/gateways/{id}", ID: "update-gateway", Summary: "Change a gateway", Tag: tag, Access: "office:manage"},
		func(ctx context.Context, who actor.Actor, in *update) (g notify.Gateway, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				g, err = d.Notify.ChangeGateway(ctx, tx, who, in.ID, in.Body)
				return err
			})
			return g, err
		})
	Handle(a, Route{Method: "DELETE", Path: "/gateways/{id}", ID: "delete-gateway", Summary: "Remove a gateway, and everybody's number there", Tag: tag, Access: "office:manage"},
		func(ctx context.Context, who actor.Actor, in *path) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error { return d.Notify.DeleteGateway(ctx, tx, who, in.ID) })
		})
	type log struct {
		ID    string `path:"id" maxLength:"80" doc:"Gateway id or name"`
		Limit int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}
	Handle(a, Route{Method: "GET", Path: "/gateways/{id}/deliveries", ID: "list-gateway-deliveries", Summary: "What was sent through a gateway and what it answered, newest first", Tag: tag, Access: "office:manage"},
		func(ctx context.Context, who actor.Actor, in *log) (List[notify.Delivered], error) {
			ds, err := d.Notify.GatewayLog(ctx, a.DB.Read(), who, in.ID, in.Limit)
			return ListOf(ds), err
		})
}

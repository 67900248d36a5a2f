package httpapi

import (
	"context"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/oncall"
)

// OncallDeps is what the service and rotation routes call.
type OncallDeps struct {
	Oncall *oncall.Store
	// ActorOf is a person as they are now; an error when they may not sign in.
	ActorOf func(ctx context.Context, q db.Querier, userID string) (actor.Actor, error)
}

// RegisterOncall adds services, rotations and who is on call.
func RegisterOncall(a *API, d OncallDeps) {
	Handle(a, Route{Method: "GET", Path: "/services", ID: "list-services", Summary: "The services you may see", Tag: "On call", Access: "service:read"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (List[oncall.Service], error) {
			ss, err := d.Oncall.Services(ctx, a.DB.Read(), who)
			return ListOf(ss), err
		})
	type newService struct {
		Body oncall.SaveService
	}
	Handle(a, Route{Method: "POST", Path: "/services", ID: "create-service", Summary: "Add a service", Tag: "On call", Access: "service:manage", Status: 201},
		func(ctx context.Context, who actor.Actor, in *newService) (sv oncall.Service, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				sv, err = d.Oncall.CreateService(ctx, tx, who, in.Body)
				return err
			})
			return sv, err
		})
	type changeService struct {
		ID   string `path:"id" maxLength:"80" doc:"Service id or name"`
		Body oncall.ChangeService
	}
	Handle(a, Route{Method: "PATCH", Path: "/services/{id}", ID: "update-service", Summary: "Change a service", Tag: "On call", Access: "service:manage"},
		func(ctx context.Context, who actor.Actor, in *changeService) (sv oncall.Service, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				sv, err = d.Oncall.UpdateService(ctx, tx, who, in.ID, in.Body)
				return err
			})
			return sv, err
		})
	type removeService struct {
		ID string `path:"id" maxLength:"80" doc:"Service id or name"`
	}
	Handle(a, Route{Method: "DELETE", Path: "/services/{id}", ID: "delete-service", Summary: "Remove a service", Description: "Its incidents and alerts stay. Alerts that still name it page nobody.", Tag: "On call", Access: "service:manage"},
		func(ctx context.Context, who actor.Actor, in *removeService) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error { return d.Oncall.DeleteService(ctx, tx, who, in.ID) })
		})
	Handle(a, Route{Method: "GET", Path: "/rotations", ID: "list-rotations", Summary: "All rotations with their overrides", Tag: "On call", Access: "service:read"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (List[oncall.Rotation], error) {
			rs, err := d.Oncall.Rotations(ctx, a.DB.Read(), who)
			return ListOf(rs), err
		})
	type newRotation struct {
		Body oncall.SaveRotation
	}
	Handle(a, Route{Method: "POST", Path: "/rotations", ID: "create-rotation", Summary: "Add a rotation", Description: "Shifts are counted on the wall clock of the time zone: a hand-over at 09:00 stays at 09:00 across clock changes.", Tag: "On call", Access: "service:manage", Status: 201},
		func(ctx context.Context, who actor.Actor, in *newRotation) (r oncall.Rotation, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				r, err = d.Oncall.CreateRotation(ctx, tx, who, in.Body)
				return err
			})
			return r, err
		})
	type changeRotation struct {
		ID   string `path:"id" maxLength:"80"`
		Body oncall.ChangeRotation
	}
	Handle(a, Route{Method: "PATCH", Path: "/rotations/{id}", ID: "update-rotation", Summary: "Change a rotation", Tag: "On call", Access: "service:manage"},
		func(ctx context.Context, who actor.Actor, in *changeRotation) (r oncall.Rotation, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				r, err = d.Oncall.UpdateRotation(ctx, tx, who, in.ID, in.Body)
				return err
			})
			return r, err
		})
	type removeRotation struct {
		ID string `path:"id" maxLength:"80"`
	}
	Handle(a, Route{Method: "DELETE", Path: "/rotations/{id}", ID: "delete-rotation", Summary: "Remove a rotation that no service needs", Tag: "On call", Access: "service:manage"},
		func(ctx context.Context, who actor.Actor, in *removeRotation) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error { return d.Oncall.DeleteRotation(ctx, tx, who, in.ID) })
		})
	type override struct {
		ID   string `path:"id" maxLength:"80"`
		Body oncall.NewOverride
	}
	Handle(a, Route{Method: "POST", Path: "/rotations/{id}/overrides", ID: "add-override", Summary: "Put somebody on call for a stretch of time", Description: "Members of the rotation may take duty themselves; putting others on duty needs service:manage.", Tag: "On call", Access: "signed-in", Status: 201},
		func(ctx context.Context, who actor.Actor, in *override) (r oncall.Rotation, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				r, err = d.Oncall.AddOverride(ctx, tx, who, in.ID, in.Body)
				return err
			})
			return r, err
		})
	type removeOverride struct {
		ID       string `path:"id" maxLength:"80"`
		Override string `path:"override" maxLength:"80"`
	}
	Handle(a, Route{Method: "DELETE", Path: "/rotations/{id}/overrides/{override}", ID: "remove-override", Summary: "Take back an override, or end one that has begun", Description: "Members of the rotation may take back their own duty; others need service:manage. One that is over stays.", Tag: "On call", Access: "signed-in", Status: 200},
		func(ctx context.Context, who actor.Actor, in *removeOverride) (r oncall.Rotation, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				r, err = d.Oncall.DeleteOverride(ctx, tx, who, in.ID, in.Override)
				return err
			})
			return r, err
		})
	Handle(a, Route{Method: "GET", Path: "/oncall", ID: "list-oncall", Summary: "Who is on call now, per service", Tag: "On call", Access: "service:read"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (List[oncall.OnCall], error) {
			on, err := d.Oncall.All(ctx, a.DB.Read(), who)
			return ListOf(on), err
		})
}

package httpapi

import (
	"context"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/office"
)

// DeskView is a desk with whom one had to do lately.
type DeskView struct {
	office.Desk
	Recent []string `json:"recent" doc:"User ids, the last one first: who asked you over or was asked, who knocked and who answered"`
}

// registerDesk adds home, stars, and with whom one had to do.
func registerDesk(a *API, d OfficeDeps) {
	const tag = "Office"
	Handle(a, Route{Method: "GET", Path: "/me/desk", ID: "get-desk", Summary: "Your home room, whom you starred, and with whom you had to do lately", Tag: tag, Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (v DeskView, err error) {
			q := a.DB.Read()
			if v.Desk, err = d.Office.Desk(ctx, q, who.ID); err != nil {
				return v, err
			}
			if v.Recent, err = d.Office.Recent(ctx, q, who.ID); v.Recent == nil {
				v.Recent = []string{}
			}
			return v, err
		})
	change := func(ctx context.Context, who actor.Actor, fn func(tx *db.Tx) (office.Desk, error)) (v office.Desk, err error) {
		err = a.Do(ctx, who, func(tx *db.Tx) error {
			v, err = fn(tx)
			return err
		})
		return v, err
	}
	type home struct {
		Body struct {
			RoomID string `json:"room_id" maxLength:"80" doc:"Room id or name; empty: no home"`
		}
	}
	Handle(a, Route{Method: "PUT", Path: "/me/home", ID: "set-home", Summary: "Choose the room you go home to, and are sent home to", Tag: tag, Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *home) (office.Desk, error) {
			return change(ctx, who, func(tx *db.Tx) (office.Desk, error) { return d.Office.SetHome(ctx, tx, who, in.Body.RoomID) })
		})
	Handle(a, Route{Method: "POST", Path: "/office/home", ID: "go-home", Summary: "Go to your home room", Tag: tag, Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (v RoomView, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				r, err := d.Office.GoHome(ctx, tx, who)
				if err != nil {
					return err
				}
				v, err = d.view(ctx, tx, who, r)
				return err
			})
			return v, err
		})
	type star struct {
		User string `path:"user" maxLength:"254" doc:"User id, login or email address"`
	}
	turn := func(starred bool) func(context.Context, actor.Actor, *star) (office.Desk, error) {
		return func(ctx context.Context, who actor.Actor, in *star) (office.Desk, error) {
			return change(ctx, who, func(tx *db.Tx) (office.Desk, error) {
				if err := a.Access.Check(ctx, tx, who, "read", access.Resource{Type: "user", Name: "directory"}); err != nil {
					return office.Desk{}, err
				}
				u, err := d.People.Find(ctx, tx, in.User)
				if err != nil {
					return office.Desk{}, err
				}
				return d.Office.Star(ctx, tx, who, u.ID, starred)
			})
		}
	}
	Handle(a, Route{Method: "PUT", Path: "/me/starred/{user}", ID: "star-person", Summary: "Keep somebody at hand in your list of people", Tag: tag, Access: "user:read"}, turn(true))
	Handle(a, Route{Method: "DELETE", Path: "/me/starred/{user}", ID: "unstar-person", Summary: "Take the star from somebody", Tag: tag, Access: "user:read"}, turn(false))
}

package httpapi

import (
	"context"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/office"
)

// registerKnocks adds doors: knocking, answering, turning them, sending home.
func registerKnocks(a *API, d OfficeDeps) {
	const tag = "Office"
	answer := func(ctx context.Context, who actor.Actor, fn func(tx *db.Tx) (office.Knock, error)) (k office.Knock, err error) {
		err = a.Do(ctx, who, func(tx *db.Tx) error {
			k, err = fn(tx)
			return err
		})
		return k, err
	}
	type knock struct {
		RoomPath
		Body *struct {
			Note string `json:"note,omitempty" maxLength:"300"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/rooms/{id}/knock", ID: "knock", Summary: "Knock at a door that is not open", Description: "Whoever is inside is asked for five minutes.", Tag: tag, Access: "room:enter", Status: 201},
		func(ctx context.Context, who actor.Actor, in *knock) (office.Knock, error) {
			note := ""
			if in.Body != nil {
				note = in.Body.Note
			}
			return answer(ctx, who, func(tx *db.Tx) (office.Knock, error) { return d.Office.Knock(ctx, tx, who, in.ID, note) })
		})
	type KnockPath struct {
		ID string `path:"id" maxLength:"36"`
	}
	Handle(a, Route{Method: "POST", Path: "/knocks/{id}/admit", ID: "admit-knock", Summary: "Let in who knocks at the door of the room you are in", Tag: tag, Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *KnockPath) (office.Knock, error) {
			return answer(ctx, who, func(tx *db.Tx) (office.Knock, error) { return d.Office.LetIn(ctx, tx, who, in.ID) })
		})
	type decline struct {
		KnockPath
		Body *struct {
			Note string `json:"note,omitempty" maxLength:"300"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/knocks/{id}/decline", ID: "decline-knock", Summary: "Turn away who knocks, with a word", Tag: tag, Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *decline) (office.Knock, error) {
			note := ""
			if in.Body != nil {
				note = in.Body.Note
			}
			return answer(ctx, who, func(tx *db.Tx) (office.Knock, error) { return d.Office.TurnAway(ctx, tx, who, in.ID, note) })
		})
	Handle(a, Route{Method: "POST", Path: "/knocks/{id}/withdraw", ID: "withdraw-knock", Summary: "Take your knock back", Tag: tag, Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *KnockPath) (office.Knock, error) {
			return answer(ctx, who, func(tx *db.Tx) (office.Knock, error) { return d.Office.Withdraw(ctx, tx, who, in.ID) })
		})
	type door struct {
		RoomPath
		Body struct {
			Door string `json:"door" enum:"open,closed,locked"`
		}
	}
	Handle(a, Route{Method: "PUT", Path: "/rooms/{id}/door", ID: "turn-door", Summary: "Open or close the door of the room you are in", Description: "Locking it, or the door of another room, needs room:update.", Tag: tag, Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *door) (v RoomView, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				r, err := d.Office.TurnDoor(ctx, tx, who, in.ID, in.Body.Door)
				if err != nil {
					return err
				}
				v, err = d.view(ctx, tx, who, r)
				return err
			})
			return v, err
		})
	type sendHome struct {
		RoomPath
		Body struct {
			UserID string `json:"user_id" minLength:"1" maxLength:"36"`
			Reason string `json:"reason,omitempty" maxLength:"300"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/rooms/{id}/send-home", ID: "send-home", Summary: "End somebody's stay in a room", Tag: tag, Access: "room:moderate"},
		func(ctx context.Context, who actor.Actor, in *sendHome) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error {
				return d.Office.SendHome(ctx, tx, who, in.ID, in.Body.UserID, in.Body.Reason)
			})
		})
}

package httpapi

import (
	"context"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/room"
)

// BridgeView is a room's bridge, or that it has none.
type BridgeView struct {
	Bridge *room.Bridge `json:"bridge,omitempty" doc:"Absent: there is none"`
}

func registerBridges(a *API, d RoomDeps) {
	const tag = "Rooms"
	Handle(a, Route{Method: "GET", Path: "/rooms/{id}/bridge", ID: "get-bridge", Summary: "How those who cannot come in take part in a room by other means", Tag: tag, Access: "room:read"},
		func(ctx context.Context, who actor.Actor, in *RoomPath) (v BridgeView, err error) {
			v.Bridge, err = d.Rooms.Bridge(ctx, a.DB.Read(), who, in.ID)
			return v, err
		})
	type set struct {
		RoomPath
		Body room.NewBridge
	}
	Handle(a, Route{Method: "PUT", Path: "/rooms/{id}/bridge", ID: "set-bridge", Summary: "Put up a room's bridge: a meeting's link, or a number to dial", Tag: tag, Access: "room:invite"},
		func(ctx context.Context, who actor.Actor, in *set) (b room.Bridge, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				b, err = d.Rooms.SetBridge(ctx, tx, who, in.ID, in.Body)
				return err
			})
			return b, err
		})
	Handle(a, Route{Method: "DELETE", Path: "/rooms/{id}/bridge", ID: "take-bridge", Summary: "Take a room's bridge down", Tag: tag, Access: "room:invite"},
		func(ctx context.Context, who actor.Actor, in *RoomPath) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error { return d.Rooms.TakeBridge(ctx, tx, who, in.ID) })
		})
	type note struct {
		RoomPath
		Body struct {
			People []string `json:"people" maxItems:"200"`
		}
	}
	Handle(a, Route{Method: "PUT", Path: "/rooms/{id}/bridge/people", ID: "note-bridge", Summary: "Note by name who is on a room's bridge now", Tag: tag, Access: "room:post"},
		func(ctx context.Context, who actor.Actor, in *note) (b room.Bridge, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				b, err = d.Rooms.NoteBridge(ctx, tx, who, in.ID, in.Body.People)
				return err
			})
			return b, err
		})
}

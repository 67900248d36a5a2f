package httpapi

import (
	"context"
	"fmt"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/office"
	"muster/internal/room"
)

// RoomDeps is what the room routes call.
type RoomDeps struct {
	Rooms  *room.Store
	Office *office.Store
	People *account.Store
}

// RoomView is a room as the caller sees it.
type RoomView struct {
	room.Room
	Unread    int             `json:"unread" doc:"Messages of others behind read_seq, up to 10000; lines about calls do not count"`
	Mentions  int             `json:"mentions"`
	ReadSeq   int64           `json:"read_seq" doc:"-1: you never opened it, and nothing in it counts as unread"`
	Member    bool            `json:"member"`
	Members   []string        `json:"members,omitempty" doc:"User ids; only when one room is read"`
	Abilities map[string]bool `json:"abilities"`
}

type RoomPath struct {
	ID string `path:"id" maxLength:"80" doc:"Room id or name"`
}

// RegisterRooms adds rooms and membership.
func RegisterRooms(a *API, d RoomDeps) {
	Handle(a, Route{Method: "GET", Path: "/rooms", ID: "list-rooms", Summary: "List the rooms you may read", Tag: "Rooms", Access: "room:read"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (List[RoomView], error) {
			vs, err := d.views(ctx, a.DB.Read(), who)
			return ListOf(vs), err
		})
	type create struct {
		Body struct {
			Name    string   `json:"name" minLength:"1" maxLength:"80"`
			Kind    string   `json:"kind,omitempty" enum:"team,lounge,lobby,gallery,meeting,focus,office" default:"team"`
			Topic   string   `json:"topic,omitempty" maxLength:"500"`
			Private bool     `json:"private,omitempty"`
			Door    string   `json:"door,omitempty" enum:"open,closed,locked" default:"open"`
			Members []string `json:"members,omitempty" maxItems:"500" doc:"User ids beside you"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/rooms", ID: "create-room", Summary: "Make a room", Tag: "Rooms", Access: "room:create", Status: 201},
		func(ctx context.Context, who actor.Actor, in *create) (v RoomView, err error) {
			b := in.Body
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				for i, m := range b.Members {
					u, err := d.People.Get(ctx, tx, m)
					if fault.Is(err, fault.NotFound) || err == nil && u.Kind == string(actor.Guest) {
						return fault.Field(fmt.Sprintf("members[%d]", i), "There is no user with this id who can be in it. Choose people from the list.")
					} else if err != nil {
						return err
					}
				}
				r, err := d.Rooms.Create(ctx, tx, who, room.New{Name: b.Name, Kind: b.Kind, Topic: b.Topic, Private: b.Private, Door: b.Door, Members: b.Members})
				if err != nil {
					return err
				}
				v, err = d.view(ctx, tx, who, r)
				return err
			})
			return v, err
		})
	Handle(a, Route{Method: "GET", Path: "/rooms/{id}", ID: "get-room", Summary: "Read a room with its members", Tag: "Rooms", Access: "room:read"},
		func(ctx context.Context, who actor.Actor, in *RoomPath) (RoomView, error) {
			q := a.DB.Read()
			r, err := d.Rooms.See(ctx, q, who, in.ID)
			if err != nil {
				return RoomView{}, err
			}
			v, err := d.view(ctx, q, who, r)
			if err != nil {
				return v, err
			}
			v.Members, err = d.Rooms.Members(ctx, q, r.ID)
			return v, err
		})
	type change struct {
		RoomPath
		Body struct {
			Name     *string `json:"name,omitempty" maxLength:"80"`
			Topic    *string `json:"topic,omitempty" maxLength:"500"`
			Door     *string `json:"door,omitempty" enum:"open,closed,locked"`
			Archived *bool   `json:"archived,omitempty"`

			Recording *string `json:"recording,omitempty" enum:"none,required" doc:"Whether calls in it are recorded for the record"`
		}
	}
	Handle(a, Route{Method: "PATCH", Path: "/rooms/{id}", ID: "update-room", Summary: "Rename a room, set its topic or door, have its calls recorded, archive it", Tag: "Rooms", Access: "room:update"},
		func(ctx context.Context, who actor.Actor, in *change) (v RoomView, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				r, sees, err := d.moderated(ctx, tx, who, in.ID)
				if err != nil {
					return err
				}
				if !sees && (in.Body.Archived == nil || in.Body.Name != nil || in.Body.Topic != nil || in.Body.Door != nil || in.Body.Recording != nil) {
					_, err := d.Rooms.See(ctx, tx, who, in.ID)
					return err
				}
				if r, err = d.Rooms.Update(ctx, tx, who, r.ID, room.Change{Name: in.Body.Name, Topic: in.Body.Topic, Door: in.Body.Door, Archived: in.Body.Archived, Recording: in.Body.Recording}); err != nil {
					return err
				}
				if v, err = d.view(ctx, tx, who, r); !sees {
					v.Name, v.Topic = "", ""
				}
				return err
			})
			return v, err
		})
	type enter struct {
		RoomPath
		Body *struct {
			Seat int `json:"seat,omitempty" minimum:"0" maximum:"500" doc:"0 or absent: any free seat"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/rooms/{id}/enter", ID: "enter-room", Summary: "Go to a room and sit down", Tag: "Office", Access: "room:enter"},
		func(ctx context.Context, who actor.Actor, in *enter) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error {
				r, err := d.Rooms.See(ctx, tx, who, in.ID)
				if err != nil {
					return err
				}
				seat := 0
				if in.Body != nil {
					seat = in.Body.Seat
				}
				_, err = d.Office.Enter(ctx, tx, who, r.ID, seat)
				return err
			})
		})
	member := func(join bool) func(ctx context.Context, who actor.Actor, in *RoomPath) (None, error) {
		return func(ctx context.Context, who actor.Actor, in *RoomPath) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error {
				r, err := d.Rooms.See(ctx, tx, who, in.ID)
				if err != nil {
					return err
				}
				if join {
					return d.Rooms.Join(ctx, tx, who, r.ID, who.ID)
				}
				return d.putOut(ctx, tx, who, r, who.ID)
			})
		}
	}
	Handle(a, Route{Method: "PUT", Path: "/rooms/{id}/membership", ID: "join-room", Summary: "Become a member of a room", Tag: "Rooms", Access: "room:enter"}, member(true))
	Handle(a, Route{Method: "DELETE", Path: "/rooms/{id}/membership", ID: "leave-room", Summary: "End your membership of a room", Tag: "Rooms", Access: "signed-in"}, member(false))
	type memberOf struct {
		RoomPath
		User string `path:"user" maxLength:"254" doc:"User id, login or email address"`
	}
	Handle(a, Route{Method: "PUT", Path: "/rooms/{id}/members/{user}", ID: "add-room-member", Summary: "Make somebody a member of a room", Tag: "Rooms", Access: "room:invite"},
		func(ctx context.Context, who actor.Actor, in *memberOf) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error {
				r, err := d.Rooms.See(ctx, tx, who, in.ID)
				if err != nil {
					return err
				}
				u, err := d.People.Find(ctx, tx, in.User)
				if err != nil {
					return err
				}
				if u.Kind == string(actor.Guest) {
					return fault.New(fault.Conflict, "A guest is in one room, and in no other. Give them a link to this one.")
				}
				return d.Rooms.Join(ctx, tx, who, r.ID, u.ID)
			})
		})
	Handle(a, Route{Method: "DELETE", Path: "/rooms/{id}/members/{user}", ID: "remove-room-member", Summary: "End somebody's membership of a room", Tag: "Rooms", Access: "room:moderate"},
		func(ctx context.Context, who actor.Actor, in *memberOf) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error {
				r, _, err := d.moderated(ctx, tx, who, in.ID)
				if err != nil {
					return err
				}
				u, err := d.People.Find(ctx, tx, in.User)
				if err != nil {
					return err
				}
				return d.putOut(ctx, tx, who, r, u.ID)
			})
		})
	type read struct {
		RoomPath
		Body struct {
			Seq int64 `json:"seq" minimum:"0"`
		}
	}
	Handle(a, Route{Method: "PUT", Path: "/rooms/{id}/read", ID: "mark-room-read", Summary: "Say how far you have read", Tag: "Rooms", Access: "room:read"},
		func(ctx context.Context, who actor.Actor, in *read) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error {
				r, err := d.Rooms.See(ctx, tx, who, in.ID)
				if err != nil {
					return err
				}
				return d.Rooms.Read(ctx, tx, who, r.ID, in.Body.Seq)
			})
		})
}

// moderated finds a room who reads or moderates. A moderator archives a private
// room and removes its members without learning what it is; to everybody else
// it does not exist.
func (d RoomDeps) moderated(ctx context.Context, q db.Querier, who actor.Actor, idOrName string) (r room.Room, sees bool, err error) {
	if r, err = d.Rooms.See(ctx, q, who, idOrName); err == nil {
		return r, true, nil
	}
	hidden, ferr := d.Rooms.Find(ctx, q, idOrName)
	if ferr != nil || !id.Valid(idOrName) || !d.Rooms.May(ctx, q, who, "moderate", hidden) {
		return r, false, err // a name that is guessed right must not be told by the answer
	}
	return hidden, false, nil
}

// putOut ends a membership. Whoever may not read the room without it does not
// stay sitting in it.
func (d RoomDeps) putOut(ctx context.Context, tx *db.Tx, who actor.Actor, r room.Room, person string) error {
	if err := d.Rooms.Leave(ctx, tx, who, r.ID, person); err != nil {
		return err
	}
	if err := d.Office.EndVisit(ctx, tx, who, r, person, "You were put out of the room."); err != nil {
		return err
	}
	at, err := d.Office.Location(ctx, tx, person)
	if err != nil || at == nil || at.Room != r.ID {
		return err
	}
	u, err := d.People.Get(ctx, tx, person)
	if err != nil || d.Rooms.May(ctx, tx, u.Actor(), "read", r) {
		return err
	}
	return d.Office.Leave(ctx, tx, u.Actor().By(who))
}

func (d RoomDeps) view(ctx context.Context, q db.Querier, who actor.Actor, r room.Room) (RoomView, error) {
	member, err := d.Rooms.Member(ctx, q, r.ID, who.ID)
	if err != nil {
		return RoomView{}, err
	}
	unread, err := d.Rooms.UnreadFor(ctx, q, who.ID)
	if err != nil {
		return RoomView{}, err
	}
	judge, err := d.Rooms.Judge(ctx, q, who)
	return compose(judge, r, member, unread), err
}

func compose(judge access.Judge, r room.Room, member bool, unread map[string]room.Unread) RoomView {
	v := RoomView{Room: r, Member: member, Abilities: room.Abilities(judge, r, member), ReadSeq: -1}
	if u, ok := unread[r.ID]; ok {
		v.Unread, v.Mentions, v.ReadSeq = u.Messages, u.Mentions, u.ReadSeq
		v.Seq = u.Seq // up to which it was counted: what is told of later ones counts on
	}
	return v
}

// views lists every room who may read.
func (d RoomDeps) views(ctx context.Context, q db.Querier, who actor.Actor) ([]RoomView, error) {
	rooms, member, err := d.Rooms.ListFor(ctx, q, who)
	if err != nil {
		return nil, err
	}
	unread, err := d.Rooms.UnreadFor(ctx, q, who.ID)
	if err != nil {
		return nil, err
	}
	judge, err := d.Rooms.Judge(ctx, q, who)
	if err != nil {
		return nil, err
	}
	vs := make([]RoomView, len(rooms))
	for i, r := range rooms {
		vs[i] = compose(judge, r, member[r.ID], unread)
	}
	return vs, nil
}

package command

import (
	"context"
	"strings"

	"muster/internal/account"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/office"
	"muster/internal/room"
)

// DoorVerbs are the commands about doors.
func DoorVerbs(people *account.Store, rooms *room.Store, o *office.Store) []Verb {
	return []Verb{
		{
			Name: "door", Usage: "/door open|closed|locked", Help: "Open or close the door of this room; through a closed one people come after knocking.",
			Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
				if c.Args == "" {
					return Reply{}, fault.Field("text", "Say how: /door open, /door closed or /door locked")
				}
				r, err := o.TurnDoor(ctx, tx, c.Who, c.Room.ID, strings.ToLower(c.Args))
				return Reply{"The door of " + r.Name + " is " + r.Door + "."}, err
			},
			Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
				return choices(c.Args, "value", room.Doors...), nil
			},
		},
		{
			Name: "knock", Usage: "/knock ROOM [note]", Help: "Ask the people inside a closed or locked room to let you in.",
			Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
				words := strings.Fields(c.Args)
				if len(words) == 0 {
					return Reply{}, fault.Field("text", "Say where: /knock treasury May I come in?")
				}
				// A room's name may hold spaces: the longest that is one counts.
				var r room.Room
				err := error(nil)
				n := len(words)
				for ; n > 0; n-- {
					if r, err = rooms.See(ctx, tx, c.Who, strings.Join(words[:n], " ")); err == nil || !fault.Is(err, fault.NotFound) {
						break
					}
				}
				if err != nil {
					return Reply{}, err
				}
				if _, err := o.Knock(ctx, tx, c.Who, r.ID, strings.Join(words[n:], " ")); err != nil {
					return Reply{}, err
				}
				return Reply{"You knocked at " + r.Name + ". Somebody inside has five minutes to answer."}, nil
			},
			Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
				all, _, err := rooms.ListFor(ctx, q, c.Who)
				out := []Completion{}
				for _, r := range all {
					if r.Door != "open" && strings.HasPrefix(strings.ToLower(r.Name), strings.ToLower(c.Args)) {
						out = append(out, Completion{Value: r.Name + " ", Label: r.Name, Detail: "door " + r.Door, Kind: "room"})
					}
				}
				return out, err
			},
		},
		{
			Name: "admit", Usage: "/admit [@PERSON]", Help: "Let in who knocks at this room's door; a guest by their name.",
			Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
				ks, err := o.Knocks(ctx, tx, c.Who)
				if err != nil {
					return Reply{}, err
				}
				whom, guests := "", []string{}
				for _, k := range ks {
					if k.RoomID == c.Room.ID && k.Guest != "" {
						guests = append(guests, k.Guest)
						if strings.EqualFold(strings.TrimPrefix(c.Args, "@"), k.Guest) {
							whom = k.UserID
						}
					}
				}
				if c.Args != "" && whom == "" {
					u, err := people.Find(ctx, tx, c.Args)
					if err != nil {
						return Reply{}, err
					}
					whom = u.ID
				}
				in := []string{}
				for _, k := range ks {
					if k.RoomID != c.Room.ID || k.UserID == c.Who.ID || whom != "" && k.UserID != whom {
						continue
					}
					if k.Guest != "" && whom == "" {
						continue // a stranger is let in by name, not along with others
					}
					if _, err := o.LetIn(ctx, tx, c.Who, k.ID); err != nil {
						return Reply{}, err
					}
					u, err := people.Get(ctx, tx, k.UserID)
					if err != nil {
						return Reply{}, err
					}
					in = append(in, u.Display)
				}
				if len(in) == 0 && len(guests) > 0 {
					return Reply{}, fault.Newf(fault.Conflict, "A guest waits: %s. Let them in by name: /admit %s", strings.Join(guests, ", "), guests[0])
				}
				if len(in) == 0 {
					return Reply{}, fault.New(fault.Conflict, "Nobody knocks at the door of this room, or you are not inside.")
				}
				return Reply{"You let in " + strings.Join(in, ", ") + "."}, nil
			},
			Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
				return CompletePerson(ctx, q, people, c.Args)
			},
		},
	}
}

package command

import (
	"context"
	"slices"
	"strings"

	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/room"
)

// BridgeVerb is the command about the bridge of a room.
func BridgeVerb(rooms *room.Store) Verb {
	return Verb{
		Name: "bridge", Usage: "/bridge LINK [NUMBER] | with NAME | without NAME | off",
		Help: "Put up a meeting's link or number for those who cannot come in, and note who is there.",
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			first, rest, _ := strings.Cut(strings.TrimSpace(c.Args), " ")
			rest = strings.TrimSpace(rest)
			b, err := rooms.Bridge(ctx, tx, c.Who, c.Room.ID)
			if err != nil {
				return Reply{}, err
			}
			switch {
			case first == "" && b == nil:
				return Reply{}, fault.Field("text", "Give the meeting's link: /bridge https://… [number to dial]")
			case first == "":
				text := b.Kind + ": " + strings.TrimSpace(b.URL+" "+b.Phone)
				if len(b.People) > 0 {
					text += ". There: " + strings.Join(b.People, ", ")
				}
				return Reply{text}, nil
			case first == "off":
				return Reply{"The bridge was taken down."}, rooms.TakeBridge(ctx, tx, c.Who, c.Room.ID)
			case (first == "with" || first == "without") && rest != "":
				now := []string{}
				if b != nil {
					now = slices.DeleteFunc(slices.Clone(b.People), func(p string) bool { return strings.EqualFold(p, rest) })
				}
				if first == "with" {
					now = append(now, rest)
				}
				_, err := rooms.NoteBridge(ctx, tx, c.Who, c.Room.ID, now)
				return Reply{map[string]string{"with": rest + " is on the bridge.", "without": rest + " is no longer on the bridge."}[first]}, err
			}
			in := room.NewBridge{URL: first, Phone: rest}
			if !strings.Contains(first, "://") {
				in = room.NewBridge{Phone: strings.TrimSpace(c.Args)}
			}
			set, err := rooms.SetBridge(ctx, tx, c.Who, c.Room.ID, in)
			return Reply{"The bridge is up: " + set.Kind + "."}, err
		},
		Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
			return choices(c.Args, "value", "with ", "without ", "off"), nil
		},
	}
}

package command

import (
	"context"
	"strings"

	"muster/internal/call"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/office"
	"muster/internal/room"
)

// Voice are what the commands about where one sits and speaks need.
type Voice struct {
	Rooms  *room.Store
	Office *office.Store
	Calls  *call.Store
}

// VoiceVerbs are the commands that bring one into a room and its voice. They are
// the keyboard's way to what stands as buttons beside the talk.
func VoiceVerbs(v Voice) []Verb {
	return []Verb{v.enter(), v.leave(), v.join(), v.mute(), v.hand()}
}

func (v Voice) enter() Verb {
	return Verb{
		Name: "enter", Usage: "/enter [ROOM]", Help: "Sit down in this room, or in another one.",
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			r := c.Room
			if c.Args != "" {
				var err error
				if r, err = v.Rooms.See(ctx, tx, c.Who, strings.TrimPrefix(c.Args, "#")); err != nil {
					return Reply{}, err
				}
			}
			_, err := v.Office.Enter(ctx, tx, c.Who, r.ID, 0)
			return Reply{"You are in " + r.Name + "."}, err
		},
		Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
			all, _, err := v.Rooms.ListFor(ctx, q, c.Who)
			out := []Completion{}
			part := strings.ToLower(strings.TrimPrefix(c.Args, "#"))
			for _, r := range all {
				if !r.Archived && strings.HasPrefix(strings.ToLower(r.Name), part) {
					out = append(out, Completion{Value: r.Name, Label: r.Name, Detail: r.Topic, Kind: "room"})
				}
			}
			return out, err
		},
	}
}

func (v Voice) leave() Verb {
	return Verb{
		Name: "leave", Usage: "/leave [voice]", Help: "Get up and out of the room you are in; with voice, only out of its call.",
		Do: func(args string) Do {
			if args == "" {
				return ""
			}
			return LeaveVoice
		},
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			switch strings.ToLower(c.Args) {
			case "":
				at, err := v.Office.Location(ctx, tx, c.Who.ID)
				if err != nil {
					return Reply{}, err
				}
				if at == nil {
					return Reply{}, fault.New(fault.Conflict, "You are in no room.")
				}
				return Reply{"You left the room."}, v.Office.Leave(ctx, tx, c.Who)
			case "voice", "call":
				return Reply{}, nil
			}
			return Reply{}, fault.Field("text", "Write /leave to get out of the room, or /leave voice to stay and only end your part in its call.")
		},
		Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
			return choices(c.Args, "value", "voice"), nil
		},
	}
}

func (v Voice) join() Verb {
	return Verb{
		Name: "join", Usage: "/join [listen]", Help: "Enter this room and join its voice, muted; with listen, only hear it.",
		Do: func(args string) Do {
			if args == "" {
				return JoinVoice
			}
			return ListenOnly
		},
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			switch strings.ToLower(c.Args) {
			case "":
				if _, err := v.Office.Enter(ctx, tx, c.Who, c.Room.ID, 0); err != nil {
					return Reply{}, err
				}
				return Reply{}, nil
			case "listen", "gallery":
				return Reply{}, nil
			}
			return Reply{}, fault.Field("text", "Write /join to speak, or /join listen to hear only.")
		},
		Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
			return choices(c.Args, "value", "listen"), nil
		},
	}
}

func (v Voice) mute() Verb {
	return Verb{
		Name: "mute", Usage: "/mute [off]", Help: "Close your microphone; with off, open it.",
		Do: func(args string) Do {
			if args == "off" {
				return Unmute
			}
			return Mute
		},
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			switch strings.ToLower(c.Args) {
			case "", "off":
				return Reply{}, nil
			}
			return Reply{}, fault.Field("text", "Write /mute, or /mute off.")
		},
		Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
			return choices(c.Args, "value", "off"), nil
		},
	}
}

func (v Voice) hand() Verb {
	return Verb{
		Name: "hand", Usage: "/hand [down]", Help: "Raise your hand in this room's call, or take it down.",
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			up := c.Args == ""
			if !up && !strings.EqualFold(c.Args, "down") {
				return Reply{}, fault.Field("text", "Write /hand, or /hand down.")
			}
			if err := v.Calls.Hand(ctx, tx, c.Who, c.Room.ID, up); err != nil {
				return Reply{}, err
			}
			if up {
				return Reply{"Your hand is up."}, nil
			}
			return Reply{"Your hand is down."}, nil
		},
		Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
			return choices(c.Args, "value", "down"), nil
		},
	}
}

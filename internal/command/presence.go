package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	"muster/internal/account"
	"muster/internal/call"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/office"
	"muster/internal/room"
)

// Presence are what the commands about oneself and finding others need.
type Presence struct {
	People *account.Store
	Rooms  *room.Store
	Office *office.Store
	Calls  *call.Store
	Clock  clock.Clock
}

// PresenceVerbs are the commands about whether one may be disturbed, about
// home, and about where others are.
func PresenceVerbs(p Presence) []Verb {
	return []Verb{
		p.say("away", "away", "Say that you are away"),
		p.say("busy", "busy", "Say that you are busy"),
		p.say("dnd", "dnd", "Ask not to be disturbed; pages and an incident's commander still reach you"),
		{
			Name: "back", Usage: "/back", Help: "Say that you are available again.",
			Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
				_, err := p.Office.SetAvailability(ctx, tx, c.Who, account.Availability{State: "available"})
				return Reply{"You are available."}, err
			},
		},
		p.home(),
		p.find(),
	}
}

var words = map[string]string{
	"available": "available", "active": "available", "busy": "busy", "away": "away", "call": "in a call", "dnd": "not to be disturbed", "offline": "offline",
}

func (p Presence) say(name, state, help string) Verb {
	return Verb{
		Name: name, Usage: "/" + name + " [30m|2h|1d] [text]", Help: help + ", for a while and with a word if you like.",
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			d, text, err := lasting(c.Args)
			if err != nil {
				return Reply{}, err
			}
			in := account.Availability{State: state, StatusText: text}
			reply := "You are " + words[state]
			if d > 0 {
				in.Until = p.Clock.Now().Add(d)
				reply += " until " + in.Until.UTC().Format("15:04") + " UTC"
				if d >= 12*time.Hour {
					reply = "You are " + words[state] + " until " + in.Until.UTC().Format("2 Jan 15:04") + " UTC"
				}
			}
			_, err = p.Office.SetAvailability(ctx, tx, c.Who, in)
			return Reply{reply + ". /back ends it."}, err
		},
	}
}

// longest is how far off the end of a state may be.
const longest = 366 * 24 * time.Hour

// lasting takes "30m writing" apart. What does not begin with digits and a unit
// is text: "/away 3 men in a boat" is one.
func lasting(args string) (time.Duration, string, error) {
	first, rest, _ := strings.Cut(args, " ")
	var d time.Duration
	number, digits := 0, false
	for _, r := range first {
		unit := map[rune]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[r]
		switch {
		case r >= '0' && r <= '9' && number < 1e6:
			number, digits = number*10+int(r-'0'), true
		case unit > 0 && digits:
			if d += min(time.Duration(number), longest/unit+1) * unit; d > longest {
				return 0, "", fault.Field("text", "Say at most 366 days, or no time at all: then it stays until /back.")
			}
			number, digits = 0, false
		default:
			return 0, strings.TrimSpace(args), nil
		}
	}
	if digits || d == 0 {
		return 0, strings.TrimSpace(args), nil
	}
	return d, strings.TrimSpace(rest), nil
}

func (p Presence) home() Verb {
	return Verb{
		Name: "home", Usage: "/home [here|none]", Help: "Go to your home room; with here, make this room your home.",
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			switch strings.ToLower(c.Args) {
			case "":
				r, err := p.Office.GoHome(ctx, tx, c.Who)
				return Reply{"You are in " + r.Name + "."}, err
			case "here":
				_, err := p.Office.SetHome(ctx, tx, c.Who, c.Room.ID)
				return Reply{c.Room.Name + " is your home room now."}, err
			case "none":
				_, err := p.Office.SetHome(ctx, tx, c.Who, "")
				return Reply{"You have no home room any more."}, err
			}
			return Reply{}, fault.Field("text", "Write /home to go there, /home here to choose this room, or /home none.")
		},
		Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
			return choices(c.Args, "value", "here", "none"), nil
		},
	}
}

func (p Presence) find() Verb {
	return Verb{
		Name: "find", Usage: "/find PERSON", Help: "Say where somebody is, and how.",
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			us, err := p.named(ctx, tx, c.Args)
			if err != nil {
				return Reply{}, err
			}
			var lines []string
			for _, u := range us {
				line, err := p.where(ctx, tx, c, u)
				if err != nil {
					return Reply{}, err
				}
				lines = append(lines, line)
			}
			return Reply{strings.Join(lines, "\n")}, nil
		},
		Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
			return CompletePerson(ctx, q, p.People, c.Args)
		},
	}
}

const mostFound = 10

// named finds people by login, address, or a part of their name, team or skills.
func (p Presence) named(ctx context.Context, q db.Querier, text string) ([]account.User, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, fault.Field("text", "Say whom: /find jonas")
	}
	if u, err := p.People.Find(ctx, q, text); err == nil {
		return []account.User{u}, nil
	} else if !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	all, err := p.People.List(ctx, q)
	if err != nil {
		return nil, err
	}
	part := strings.ToLower(strings.TrimPrefix(text, "@"))
	var out []account.User
	for _, u := range all {
		if u.Disabled || u.Kind != "person" || !strings.Contains(strings.ToLower(u.Name+"\n"+u.Display+"\n"+u.Team+"\n"+strings.Join(u.Skills, "\n")), part) {
			continue
		}
		if out = append(out, u); len(out) == mostFound {
			break
		}
	}
	if len(out) == 0 {
		return nil, fault.Newf(fault.NotFound, "Nobody here has %q in their name, team or skills.", text)
	}
	return out, nil
}

func (p Presence) where(ctx context.Context, q db.Querier, c Call, u account.User) (string, error) {
	av, err := p.People.AvailabilityOf(ctx, q, u.ID)
	if err != nil {
		return "", err
	}
	reach := p.Office.Reach(u.ID)
	line := u.Display + " is " + words[office.State(av, reach, p.talks(u.ID))]
	if av.StatusText != "" {
		line += fmt.Sprintf(" (%s)", av.StatusText)
	}
	if !av.Until.IsZero() {
		line += " until " + av.Until.UTC().Format("15:04") + " UTC"
	}
	at, err := p.Office.Location(ctx, q, u.ID)
	if err != nil || at == nil || reach == office.Gone {
		return line + ".", err
	}
	r, err := p.Rooms.See(ctx, q, c.Who, at.Room)
	if fault.Is(err, fault.NotFound) {
		return line + ".", nil // where they are is not for everybody to know
	}
	return line + ", in " + r.Name + ".", err
}

func (p Presence) talks(person string) bool {
	for _, c := range p.Calls.Calls() {
		for _, one := range c.People {
			if one.UserID == person {
				return true
			}
		}
	}
	return false
}

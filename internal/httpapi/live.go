package httpapi

import (
	"context"

	"muster/internal/actor"
	"muster/internal/incident"
	"muster/internal/message"
	"muster/internal/room"
	"muster/internal/run"
)

// Live composes for the socket what the bus only names: the same views that the
// routes answer with, so that news and answers cannot differ.
type Live struct {
	OfficeDeps
	Messages *message.Store
	a        *API
}

// NewLive gives the socket its view of the office.
func NewLive(a *API, d OfficeDeps, m *message.Store) *Live { return &Live{d, m, a} }

// OfficeReader says whether who may follow the office: whoever may read rooms.
func (l *Live) OfficeReader(ctx context.Context, who actor.Actor) bool {
	return l.Rooms.May(ctx, l.a.DB.Read(), who, "read", room.Room{Kind: "team", Door: "open"})
}

// Place is where a person is, as told to those who may read the room (if they
// are in one) and to those outside.
type Place struct {
	Room            *room.Room
	Inside, Outside Presence
}

// Presence is where a person is and how.
func (l *Live) Presence(ctx context.Context, person string) (Place, error) {
	q := l.a.DB.Read()
	av, err := l.Accounts.AvailabilityOf(ctx, q, person)
	if err != nil {
		return Place{}, err
	}
	talks := l.talking()[person]
	p := Place{Outside: l.presence(person, av, nil, talks)}
	loc, err := l.Office.Location(ctx, q, person)
	if err != nil || loc == nil {
		return p, err
	}
	r, err := l.Rooms.Get(ctx, q, loc.Room)
	if err != nil || r.Archived {
		return p, err
	}
	p.Room, p.Inside = &r, l.presence(person, av, loc, talks)
	return p, nil
}

// Inside lists who sits in a room.
func (l *Live) Inside(ctx context.Context, roomID string) ([]string, error) {
	all, err := l.Office.Locations(ctx, l.a.DB.Read())
	in := []string{}
	for _, at := range all {
		if at.Room == roomID {
			in = append(in, at.Person)
		}
	}
	return in, err
}

// reads goes through people with whether each is a member of r and may read it.
func (l *Live) reads(ctx context.Context, r room.Room, people []actor.Actor, fn func(who actor.Actor, member, reads bool, able func() map[string]bool)) error {
	q := l.a.DB.Read()
	ids, err := l.Rooms.Members(ctx, q, r.ID)
	if err != nil {
		return err
	}
	member := map[string]bool{}
	for _, id := range ids {
		member[id] = true
	}
	judge, err := l.Rooms.Judge(ctx, q, actor.Actor{})
	if err != nil {
		return err
	}
	for _, who := range people {
		j, in := judge.For(who), member[who.ID]
		fn(who, in, room.Readable(j, r, in), func() map[string]bool { return room.Abilities(j, r, in) })
	}
	return nil
}

// Readers picks the ids of those among people who may read a room.
func (l *Live) Readers(ctx context.Context, r room.Room, people []actor.Actor) ([]string, error) {
	out := []string{}
	err := l.reads(ctx, r, people, func(who actor.Actor, _, reads bool, _ func() map[string]bool) {
		if reads {
			out = append(out, who.ID)
		}
	})
	return out, err
}

// RoomNews is a room as one person sees it now, without what only they change.
type RoomNews struct {
	room.Room
	Member    bool            `json:"member"`
	Abilities map[string]bool `json:"abilities"`
}

// Room is a room by the id of who is shown it. Who may not read a public room is
// told that there is none, since they may have read it before; who is no member
// of a private one is told nothing.
func (l *Live) Room(ctx context.Context, r room.Room, people []actor.Actor) (map[string]any, error) {
	out := map[string]any{}
	err := l.reads(ctx, r, people, func(who actor.Actor, member, reads bool, able func() map[string]bool) {
		switch {
		case reads:
			out[who.ID] = RoomNews{r, member, able()}
		case !r.Private:
			out[who.ID] = map[string]any{"id": r.ID, "archived": true}
		}
	})
	return out, err
}

// RoomNow reads a room.
func (l *Live) RoomNow(ctx context.Context, roomID string) (room.Room, error) {
	return l.Rooms.Get(ctx, l.a.DB.Read(), roomID)
}

// Run is what who is told of a run; ok is false for nothing.
func (l *Live) Run(ctx context.Context, who actor.Actor, r run.RunSummary) (run.RunSummary, bool) {
	return l.Runs.Shown(ctx, l.a.DB.Read(), who, r.ID, r)
}

// Incident is what who is told of one, with what they may do; ok is false for nothing.
func (l *Live) Incident(ctx context.Context, who actor.Actor, i incident.Incident) (incident.Incident, bool) {
	return l.Incidents.Shown(ctx, l.a.DB.Read(), who, i)
}

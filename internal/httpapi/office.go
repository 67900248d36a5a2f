package httpapi

import (
	"context"
	"time"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/incident"
	"muster/internal/notify"
	"muster/internal/office"
	"muster/internal/oncall"
	"muster/internal/room"
	"muster/internal/run"
)

// OfficeDeps is what the office routes and the live office call.
type OfficeDeps struct {
	RoomDeps
	Accounts  *account.Store
	Incidents *incident.Store
	Runs      *run.Store
	Oncall    *oncall.Store
	Notify    *notify.Store
}

// Presence is where a person is and whether they are reachable.
type Presence struct {
	UserID     string     `json:"user_id"`
	State      string     `json:"state" enum:"available,busy,away,dnd,offline"`
	StatusText string     `json:"status_text"`
	Until      *time.Time `json:"until,omitempty"`
	RoomID     *string    `json:"room_id" doc:"null: nowhere, or in a room you cannot see"`
	Seat       *int       `json:"seat"`
	Since      *time.Time `json:"since"`
}

// OfficeSnapshot is everything a screen needs to be painted once; the socket
// keeps it up to date.
type OfficeSnapshot struct {
	Floors              []office.Floor      `json:"floors"`
	Rooms               []RoomView          `json:"rooms"`
	People              []account.User      `json:"people"`
	Presence            []Presence          `json:"presence"`
	Incidents           []incident.Incident `json:"incidents" doc:"Open ones"`
	Runs                []run.RunSummary    `json:"runs" doc:"Active ones"`
	Oncall              []oncall.OnCall     `json:"oncall"`
	Gets                []office.Get        `json:"gets" doc:"Open requests to and from you"`
	Knocks              []office.Knock      `json:"knocks" doc:"Open ones of yours, and at the door of the room you are in"`
	NotificationsUnread int                 `json:"notifications_unread"`
}

// RegisterOffice adds the snapshot, moving about, and asking people over.
func RegisterOffice(a *API, d OfficeDeps) {
	Handle(a, Route{Method: "GET", Path: "/office", ID: "get-office", Summary: "The office as you see it now: floors, rooms, people, open incidents, active runs", Tag: "Office", Access: "office:read"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (OfficeSnapshot, error) {
			q := a.DB.Read()
			if err := a.Access.Check(ctx, q, who, "read", access.Resource{Type: "office"}); err != nil {
				return OfficeSnapshot{}, err
			}
			return d.snapshot(ctx, q, who)
		})
	Handle(a, Route{Method: "POST", Path: "/office/leave", ID: "leave-office", Summary: "Get up from where you sit", Tag: "Office", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error { return d.Office.Leave(ctx, tx, who) })
		})
	type ask struct {
		Body struct {
			UserID string `json:"user_id" maxLength:"36"`
			RoomID string `json:"room_id" maxLength:"36"`
			Note   string `json:"note,omitempty" maxLength:"300"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/gets", ID: "ask-over", Summary: "Get somebody: ask them over to a room", Tag: "Office", Access: "room:invite", Status: 201},
		func(ctx context.Context, who actor.Actor, in *ask) (g office.Get, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				g, err = d.Office.Ask(ctx, tx, who, in.Body.UserID, in.Body.RoomID, in.Body.Note)
				return err
			})
			return g, err
		})
	type GetPath struct {
		ID string `path:"id" maxLength:"36"`
	}
	Handle(a, Route{Method: "POST", Path: "/gets/{id}/accept", ID: "accept-get", Summary: "Go where you are asked to", Tag: "Office", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *GetPath) (g office.Get, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				g, err = d.Office.Accept(ctx, tx, who, in.ID)
				return err
			})
			return g, err
		})
	type decline struct {
		GetPath
		Body *struct {
			Note string `json:"note,omitempty" maxLength:"300"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/gets/{id}/decline", ID: "decline-get", Summary: "Stay where you are, with a word", Tag: "Office", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *decline) (g office.Get, err error) {
			note := ""
			if in.Body != nil {
				note = in.Body.Note
			}
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				g, err = d.Office.Decline(ctx, tx, who, in.ID, note)
				return err
			})
			return g, err
		})
	registerKnocks(a, d)
}

func (d OfficeDeps) snapshot(ctx context.Context, q db.Querier, who actor.Actor) (s OfficeSnapshot, err error) {
	if s.Rooms, err = d.views(ctx, q, who); err != nil {
		return s, err
	}
	if s.Floors, err = d.floors(ctx, q); err != nil {
		return s, err
	}
	if s.People, err = d.Accounts.List(ctx, q); err != nil {
		return s, err
	}
	if s.Presence, err = d.presences(ctx, q, s.People, s.Rooms); err != nil {
		return s, err
	}
	if s.Incidents, err = d.Incidents.List(ctx, q, who, "open", 200); err != nil {
		return s, err
	}
	if s.Runs, err = d.Runs.List(ctx, q, who, run.ListQuery{State: "active"}); err != nil {
		return s, err
	}
	if s.Oncall, err = d.Oncall.All(ctx, q, who); err != nil {
		return s, err
	}
	if s.Gets, err = d.Office.Pending(ctx, q, who.ID); err != nil {
		return s, err
	}
	if s.Knocks, err = d.Office.Knocks(ctx, q, who.ID); err != nil {
		return s, err
	}
	s.NotificationsUnread, err = d.Notify.Unseen(ctx, q, who.ID)
	return s, err
}

// floors places every room, also those the reader cannot see: a plan must not
// look different to two people. Screens draw only rooms they know.
func (d OfficeDeps) floors(ctx context.Context, q db.Querier) ([]office.Floor, error) {
	rooms, err := d.Rooms.All(ctx, q)
	if err != nil {
		return nil, err
	}
	return d.Office.Floors(ctx, q, rooms)
}

func (d OfficeDeps) presences(ctx context.Context, q db.Querier, people []account.User, visible []RoomView) ([]Presence, error) {
	locs, err := d.Office.Locations(ctx, q)
	if err != nil {
		return nil, err
	}
	avail, err := d.Accounts.Availabilities(ctx, q)
	if err != nil {
		return nil, err
	}
	sees := map[string]bool{}
	for _, r := range visible {
		sees[r.ID] = true
	}
	at := map[string]*office.Location{}
	for _, l := range locs {
		if sees[l.Room] {
			at[l.Person] = &l
		}
	}
	out := []Presence{}
	for _, u := range people {
		if !u.Disabled {
			out = append(out, d.presence(u.ID, avail[u.ID], at[u.ID]))
		}
	}
	return out, nil
}

func (d OfficeDeps) presence(person string, av account.Availability, loc *office.Location) Presence {
	p := Presence{UserID: person, State: av.State, StatusText: av.StatusText}
	if p.State == "" {
		p.State = "available"
	}
	if !av.Until.IsZero() {
		p.Until = &av.Until
	}
	if !d.Office.Online(person) {
		p.State = "offline"
		return p // their seat is kept for when they come back, and is nobody's business until then
	}
	if loc != nil {
		p.RoomID, p.Seat, p.Since = &loc.Room, &loc.Seat, &loc.Since
	}
	return p
}

// Live composes for the socket what the bus only names.
type Live struct {
	OfficeDeps
	a *API
}

// NewLive gives the socket its view of the office.
func NewLive(a *API, d OfficeDeps) *Live { return &Live{d, a} }

// OfficeReader says whether who may follow the office: whoever may read rooms.
func (l *Live) OfficeReader(ctx context.Context, who actor.Actor) bool {
	return l.Rooms.May(ctx, l.a.DB.Read(), who, "read", room.Room{Kind: "team", Door: "open"})
}

// Presence of one person, for everybody and for the members of the private room they sit in.
func (l *Live) Presence(ctx context.Context, person string) (public any, members []string, private any, err error) {
	q := l.a.DB.Read()
	av, err := l.Accounts.AvailabilityOf(ctx, q, person)
	if err != nil {
		return nil, nil, nil, err
	}
	loc, err := l.Office.Location(ctx, q, person)
	if err != nil || loc == nil {
		return l.presence(person, av, nil), nil, nil, err
	}
	r, err := l.Rooms.Get(ctx, q, loc.Room)
	if err != nil {
		return nil, nil, nil, err
	}
	if !r.Private {
		return l.presence(person, av, loc), nil, nil, nil
	}
	members, err = l.Rooms.Members(ctx, q, r.ID)
	return l.presence(person, av, nil), members, l.presence(person, av, loc), err
}

// Floors as they are now.
func (l *Live) Floors(ctx context.Context) ([]any, error) {
	fs, err := l.floors(ctx, l.a.DB.Read())
	out := make([]any, len(fs))
	for i, f := range fs {
		out[i] = f
	}
	return out, err
}

// RoomMembers lists who may know of a private room.
func (l *Live) RoomMembers(ctx context.Context, roomID string) ([]string, error) {
	return l.Rooms.Members(ctx, l.a.DB.Read(), roomID)
}

// Run is what who is told of a run; ok is false for nothing.
func (l *Live) Run(ctx context.Context, who actor.Actor, r run.RunSummary) (run.RunSummary, bool) {
	return l.Runs.Shown(ctx, l.a.DB.Read(), who, r.ID, r)
}

// SeesIncident says whether who may know of an incident.
func (l *Live) SeesIncident(ctx context.Context, who actor.Actor, i incident.Incident) bool {
	return l.Incidents.Sees(ctx, l.a.DB.Read(), who, i)
}

package httpapi

import (
	"context"
	"slices"
	"time"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/approval"
	"muster/internal/call"
	"muster/internal/db"
	"muster/internal/incident"
	"muster/internal/notify"
	"muster/internal/office"
	"muster/internal/oncall"
	"muster/internal/run"
)

// OfficeDeps is what the office routes and the live office call.
type OfficeDeps struct {
	RoomDeps
	Accounts  *account.Store
	Calls     *call.Store
	Approvals *approval.Store
	Incidents *incident.Store
	Runs      *run.Store
	Oncall    *oncall.Store
	Notify    *notify.Store
}

// Presence is where a person is and whether they are reachable.
type Presence struct {
	UserID     string     `json:"user_id"`
	State      string     `json:"state" enum:"available,active,busy,away,call,dnd,offline" doc:"active and away also by what is done on their devices; call: in a call somewhere"`
	Said       string     `json:"said" enum:"available,busy,away,dnd" doc:"What they say of themselves"`
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
	Media               Media               `json:"media"`
	Calls               []call.Call         `json:"calls" doc:"Calls that go on in rooms you may read"`
	Oncall              []oncall.OnCall     `json:"oncall"`
	Gets                []office.Get        `json:"gets" doc:"Open requests to and from you"`
	Desk                office.Desk         `json:"desk"`
	Knocks              []office.Knock      `json:"knocks" doc:"Open ones of yours, and at the door of the room you are in"`
	NotificationsUnread int                 `json:"notifications_unread"`
}

// Media is whether there is voice and video, and what is recorded of it.
type Media struct {
	State    call.State `json:"state" enum:"ready,starting,off"`
	Record   string     `json:"record" enum:",incidents,all" doc:"Whose calls are recorded beside those of rooms that say so themselves"`
	KeepDays int        `json:"keep_days" doc:"How long recordings are kept; 0 is for ever"`
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
	type rename struct {
		Body struct {
			Name string `json:"name" maxLength:"80"`
		}
	}
	Handle(a, Route{Method: "PATCH", Path: "/office", ID: "name-office", Summary: "Change what the office calls itself", Tag: "Office", Access: "office:manage"},
		func(ctx context.Context, who actor.Actor, in *rename) (out OfficeName, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) (err error) {
				if err = d.Accounts.NameOffice(ctx, tx, who, in.Body.Name); err != nil {
					return err
				}
				out.Name, err = d.Accounts.OfficeName(ctx, tx)
				return err
			})
			return out, err
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
	registerBridges(a, d.RoomDeps)
	registerCatchUp(a, d)
	registerFloors(a, d)
	registerDesk(a, d)
}

func (d OfficeDeps) snapshot(ctx context.Context, q db.Querier, who actor.Actor) (s OfficeSnapshot, err error) {
	if s.Rooms, err = d.views(ctx, q, who); err != nil {
		return s, err
	}
	if s.Floors, err = d.floorsFor(ctx, q, who); err != nil {
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
	s.Media = Media{State: d.Calls.State(), Record: d.Calls.Settings.Record, KeepDays: d.Calls.Settings.KeepDays}
	s.Calls = []call.Call{}
	for _, c := range d.Calls.Calls() {
		if slices.ContainsFunc(s.Rooms, func(r RoomView) bool { return r.ID == c.RoomID }) {
			s.Calls = append(s.Calls, c)
		}
	}
	if s.Oncall, err = d.Oncall.All(ctx, q, who); err != nil {
		return s, err
	}
	if s.Gets, err = d.Office.Pending(ctx, q, who.ID); err != nil {
		return s, err
	}
	if s.Knocks, err = d.Office.Knocks(ctx, q, who); err != nil {
		return s, err
	}
	if s.Desk, err = d.Office.Desk(ctx, q, who.ID); err != nil {
		return s, err
	}
	s.NotificationsUnread, err = d.Notify.Unseen(ctx, q, who.ID)
	return s, err
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
	talking := d.talking()
	out := []Presence{}
	for _, u := range people {
		if !u.Disabled {
			out = append(out, d.presence(u.ID, avail[u.ID], at[u.ID], talking[u.ID]))
		}
	}
	return out, nil
}

// talking says who is in some call.
func (d OfficeDeps) talking() map[string]bool {
	in := map[string]bool{}
	for _, c := range d.Calls.Calls() {
		for _, p := range c.People {
			in[p.UserID] = true
		}
	}
	return in
}

// presence is what is shown of a person. Who is offline keeps their seat for
// when they come back, and until then it is nobody's business.
func (d OfficeDeps) presence(person string, av account.Availability, loc *office.Location, talks bool) Presence {
	reach := d.Office.Reach(person)
	p := Presence{UserID: person, State: office.State(av, reach, talks), Said: av.State, StatusText: av.StatusText}
	if p.Said == "" {
		p.Said = "available"
	}
	if !av.Until.IsZero() {
		p.Until = &av.Until
	}
	if loc != nil && reach != office.Gone {
		p.RoomID, p.Seat, p.Since = &loc.Room, &loc.Seat, &loc.Since
	}
	return p
}

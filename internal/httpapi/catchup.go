package httpapi

import (
	"context"
	"strings"
	"time"

	"muster/internal/actor"
	"muster/internal/call"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/incident"
	"muster/internal/room"
	"muster/internal/run"
)

// CatchUp is what somebody who comes late needs to know of a room.
type CatchUp struct {
	Incident *incident.Incident `json:"incident,omitempty" doc:"Absent: the room is not about one"`
	Happened []CatchUpLine      `json:"happened" doc:"What happened, oldest first, at most 8"`
	Earlier  int                `json:"earlier" doc:"How much more happened before that"`
	Decided  []CatchUpLine      `json:"decided" doc:"Stages, severity, roles, approvals and pinned messages, at most 6"`
	Here     []CatchUpPerson    `json:"here" doc:"Who is in the room, and who holds a role elsewhere"`
	Running  []run.RunSummary   `json:"running"`
	Asked    []CatchUpTask      `json:"asked" doc:"What waits for you"`
	Call     *call.Call         `json:"call,omitempty" doc:"Absent: nobody talks"`
	Bridge   *room.Bridge       `json:"bridge,omitempty" doc:"Absent: there is none"`
}

// CatchUpLine is one thing that happened.
type CatchUpLine struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"`
	Text string    `json:"text"`
	Link string    `json:"link,omitempty"`
}

// CatchUpPerson is who is here, or holds a role.
type CatchUpPerson struct {
	UserID string   `json:"user_id"`
	Roles  []string `json:"roles"`
	Inside bool     `json:"inside"`
}

// CatchUpTask is what waits for the reader.
type CatchUpTask struct {
	Kind string `json:"kind" enum:"approval,action,question,mention"`
	Text string `json:"text"`
	Link string `json:"link"`
}

func registerCatchUp(a *API, d OfficeDeps) {
	Handle(a, Route{Method: "GET", Path: "/rooms/{id}/catch-up", ID: "get-catch-up", Summary: "What happened in a room, who is here, what runs, what was decided, and what is asked of you", Tag: "Rooms", Access: "room:read"},
		func(ctx context.Context, who actor.Actor, in *RoomPath) (CatchUp, error) {
			return d.catchUp(ctx, a.DB.Read(), who, in.ID)
		})
}

const (
	mostHappened = 8
	mostDecided  = 6
)

func (d OfficeDeps) catchUp(ctx context.Context, q db.Querier, who actor.Actor, roomID string) (c CatchUp, err error) {
	r, err := d.Rooms.See(ctx, q, who, roomID)
	if err != nil {
		return c, err
	}
	c = CatchUp{Happened: []CatchUpLine{}, Decided: []CatchUpLine{}, Here: []CatchUpPerson{}, Asked: []CatchUpTask{}}
	if r.Subject.Kind == "incident" {
		if err := d.catchUpIncident(ctx, q, who, r.Subject.ID, &c); err != nil {
			return c, err
		}
	}
	if c.Running, err = d.Runs.List(ctx, q, who, run.ListQuery{State: "active", Room: r.ID}); err != nil {
		return c, err
	}
	if err := d.catchUpApprovals(ctx, q, who, r.ID, &c); err != nil {
		return c, err
	}
	if err := d.catchUpPeople(ctx, q, r.ID, &c); err != nil {
		return c, err
	}
	unread, err := d.Rooms.UnreadFor(ctx, q, who.ID)
	if err != nil {
		return c, err
	}
	if u, ok := unread[r.ID]; ok && u.Mentions > 0 {
		c.Asked = append(c.Asked, CatchUpTask{"mention", "You were mentioned here.", "/rooms/" + r.ID})
	}
	for _, x := range d.Calls.Calls() {
		if x.RoomID == r.ID {
			c.Call = &x
		}
	}
	c.Bridge, err = d.Rooms.Bridge(ctx, q, who, r.ID)
	return c, err
}

// decisions are the kinds of timeline entries that say what was decided.
func decision(kind string) bool {
	switch kind {
	case "pin", "incident.stage", "incident.severity", "incident.role", "approval.voted", "approval.ended", "followup.added", "followup.changed":
		return true
	}
	return false
}

// passing are entries about who came and went, which the list of people says better.
func passing(kind string) bool {
	for _, p := range []string{"office.", "call.", "get.", "room.", "page.seen"} {
		if strings.HasPrefix(kind, p) {
			return true
		}
	}
	return false
}

func (d OfficeDeps) catchUpIncident(ctx context.Context, q db.Querier, who actor.Actor, incidentID string, c *CatchUp) error {
	i, err := d.Incidents.Get(ctx, q, who, incidentID)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Denied) {
		return nil // the room may be read, the incident not
	}
	if err != nil {
		return err
	}
	c.Incident = &i
	entries, err := d.Incidents.Timeline(ctx, q, who, i.ID)
	if err != nil {
		return err
	}
	for _, e := range entries {
		line := CatchUpLine{e.At, e.Kind, e.Text, e.Link}
		switch {
		case decision(e.Kind):
			c.Decided = append(c.Decided, line)
		case !passing(e.Kind):
			c.Happened = append(c.Happened, line)
		}
	}
	if n := len(c.Happened) - mostHappened; n > 0 {
		// The beginning is what everything else follows from.
		c.Earlier, c.Happened = n, append(c.Happened[:1:1], c.Happened[n+1:]...)
	}
	if n := len(c.Decided) - mostDecided; n > 0 {
		c.Decided = c.Decided[n:]
	}
	open, err := d.Incidents.Followups(ctx, q, who, i.ID)
	if err != nil {
		return err
	}
	for _, f := range open {
		if f.State == "open" && f.Owner == who.ID {
			c.Asked = append(c.Asked, CatchUpTask{f.Kind, f.Text, "/incidents/" + i.Ticket})
		}
	}
	return nil
}

func (d OfficeDeps) catchUpApprovals(ctx context.Context, q db.Querier, who actor.Actor, roomID string, c *CatchUp) error {
	waiting, err := d.Approvals.Pending(ctx, q, who)
	if err != nil {
		return err
	}
	for _, w := range waiting {
		if w.Room == roomID {
			link := "/inbox"
			if runID, ok := strings.CutPrefix(w.Subject, "run:"); ok {
				link = "/runs/" + runID
			}
			c.Asked = append(c.Asked, CatchUpTask{"approval", w.Summary, link})
		}
	}
	return nil
}

func (d OfficeDeps) catchUpPeople(ctx context.Context, q db.Querier, roomID string, c *CatchUp) error {
	at := map[string]int{}
	add := func(person string) *CatchUpPerson {
		i, ok := at[person]
		if !ok {
			i = len(c.Here)
			at[person] = i
			c.Here = append(c.Here, CatchUpPerson{UserID: person, Roles: []string{}})
		}
		return &c.Here[i]
	}
	if c.Incident != nil {
		for _, r := range c.Incident.Roles {
			p := add(r.UserID)
			p.Roles = append(p.Roles, r.Role)
		}
	}
	locs, err := d.Office.Locations(ctx, q)
	if err != nil {
		return err
	}
	for _, l := range locs {
		if l.Room == roomID && d.Office.Online(l.Person) {
			add(l.Person).Inside = true
		}
	}
	return nil
}

package office

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/notify"
	"muster/internal/room"
	"muster/internal/task"
)

// GetExpiry is how long somebody has to answer.
const GetExpiry = 5 * time.Minute

// Get asks a person over to a room. They go only if they accept.
type Get struct {
	ID         string     `json:"id"`
	From       string     `json:"from" doc:"Id of who asked"`
	To         string     `json:"to" doc:"Id of who is asked"`
	RoomID     string     `json:"room_id"`
	State      string     `json:"state" enum:"pending,accepted,declined,expired"`
	Note       string     `json:"note" doc:"From who asked"`
	Answer     string     `json:"answer" doc:"From who declined"`
	Quiet      bool       `json:"quiet" doc:"They did not want to be disturbed: it is shown without a sound and takes no attention"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  time.Time  `json:"expires_at"`
	AnsweredAt *time.Time `json:"answered_at,omitempty"`
}

// Leads says whether who leads the work that a room is for, as the commander of
// its incident does.
type Leads func(ctx context.Context, q db.Querier, who actor.Actor, r room.Room) (bool, error)

// Leads registers fn; only app calls it, before anybody is asked over.
func (s *Store) Leads(fn Leads) { s.leads = fn }

// quiet says whether a request reaches a person without disturbing them. It
// arrives all the same: a state that swallows what is said to somebody would
// not be used, or would be regretted. Who commands the incident that the room
// is for is heard, as a page is: do-not-disturb is for work that can wait.
func (s *Store) quiet(ctx context.Context, q db.Querier, who actor.Actor, person string, r room.Room) (bool, error) {
	av, err := s.people.AvailabilityOf(ctx, q, person)
	if err != nil || av.State != "dnd" || s.leads == nil {
		return av.State == "dnd", err
	}
	leads, err := s.leads(ctx, q, who, r)
	return !leads, err
}

// key is under which the person is told: once for each room they are asked to.
func (g Get) key() string { return "get " + g.ID + " " + g.RoomID }

// maxGets is how many people one may have asked who have not answered.
const maxGets = 50

// GetAsked is the ledger event of somebody asked over.
type GetAsked struct {
	Get    string `json:"get" class:"public"`
	Person string `json:"person" class:"public"`
	Note   string `json:"note,omitempty" class:"internal"`
}

func (GetAsked) EventKind() string { return "office.GetAsked" }

// GetAnswered is the ledger event of the answer: accepted, declined or expired.
type GetAnswered struct {
	Get    string `json:"get" class:"public"`
	State  string `json:"state" class:"public"`
	Asker  string `json:"asker" class:"public"`
	Answer string `json:"answer,omitempty" class:"internal"`
}

func (GetAnswered) EventKind() string { return "office.GetAnswered" }

const getCols = `id, asker, person, room, state, note, answer, created_at, expires_at, answered_at, quiet`

func scanGet(s db.Scanner) (g Get, err error) {
	var created, expires, answered int64
	err = s.Scan(&g.ID, &g.From, &g.To, &g.RoomID, &g.State, &g.Note, &g.Answer, &created, &expires, &answered, &g.Quiet)
	g.CreatedAt, g.ExpiresAt = db.At(created), db.At(expires)
	if answered > 0 {
		at := db.At(answered)
		g.AnsweredAt = &at
	}
	return g, err
}

const expireKind = "office.get-expire"

// RegisterTasks sets the handlers of this package's tasks.
func (s *Store) RegisterTasks(d *db.DB) {
	s.registerKnocks(d)
	s.registerStatus(d)
	s.registerGuests(d)
	s.tasks.Handle(expireKind, func(ctx context.Context, t task.Task) error {
		var getID string
		if err := t.Into(&getID); err != nil {
			return err
		}
		return d.Do(ctx, func(tx *db.Tx) error {
			_, err := s.answer(ctx, tx, actor.System("office"), getID, "expired", "")
			if fault.Is(err, fault.Conflict) {
				return nil // answered in time
			}
			return err
		})
	})
}

// Ask asks a person over, and leaves them a notification for when they are not
// looking at the office. Between two people one request is open: asking again to
// the same room gives it as it is, to another room turns it to that one. Whoever
// is asked by one person twenty times has one thing to answer.
func (s *Store) Ask(ctx context.Context, tx *db.Tx, who actor.Actor, person, roomID, note string) (Get, error) {
	note = strings.TrimSpace(note)
	if utf8.RuneCountInString(note) > 300 {
		return Get{}, fault.Field("note", "Keep the note within 300 characters.")
	}
	if person == who.ID {
		return Get{}, fault.Field("user_id", "You cannot Get yourself; enter the room instead.")
	}
	u, err := s.people.Get(ctx, tx, person)
	if err != nil {
		return Get{}, err
	}
	if u.Disabled || u.Kind != string(actor.Person) {
		return Get{}, fault.Field("user_id", "You can Get people whose account is active.")
	}
	r, err := s.rooms.See(ctx, tx, who, roomID)
	if err != nil {
		return Get{}, err
	}
	if err := s.rooms.Check(ctx, tx, who, "invite", r); err != nil {
		return Get{}, err
	}
	if r.Archived {
		return Get{}, fault.New(fault.Conflict, "This room is archived.")
	}
	if loc, err := s.where(ctx, tx, person); err != nil {
		return Get{}, err
	} else if loc != nil && loc.Room == r.ID && s.Online(person) {
		return Get{}, fault.New(fault.Conflict, "They are already in "+r.Name+".")
	}
	before, err := db.All(ctx, tx, scanGet, `SELECT `+getCols+` FROM office_get WHERE person = $1 AND asker = $2 AND state = 'pending' ORDER BY created_at DESC`, person, who.ID)
	if err != nil {
		return Get{}, err
	}
	now := s.clock.Now()
	g := Get{ID: id.New(), From: who.ID, To: person, RoomID: r.ID, State: "pending", Note: note, CreatedAt: now, ExpiresAt: now.Add(GetExpiry)}
	if len(before) > 0 {
		was := before[0]
		if was.RoomID == r.ID && (note == "" || note == was.Note) {
			return was, nil
		}
		g.ID = was.ID
		if err := s.tasks.Cancel(ctx, tx, expireKind, g.ID); err != nil {
			return g, err
		}
		if was.RoomID != r.ID { // what the inbox says of the other room is over
			if err := s.notify.Settle(ctx, tx, g.To, was.key()); err != nil {
				return g, err
			}
		}
		if _, err := tx.Exec(ctx, `DELETE FROM office_get WHERE id = $1`, g.ID); err != nil {
			return g, fmt.Errorf("ask over elsewhere: %w", err)
		}
	} else {
		var open int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM office_get WHERE asker = $1 AND state = 'pending'`, who.ID).Scan(&open); err != nil {
			return g, err
		}
		if open >= maxGets {
			return g, fault.Later(fault.RateLimited, time.Minute, fmt.Sprintf("%d people you asked have not answered yet. Wait for them, or page the service's on-call.", maxGets))
		}
	}
	if g.Quiet, err = s.quiet(ctx, tx, who, person, r); err != nil {
		return g, err
	}
	if err := s.ledger.Bound(ctx, tx, who, GetAsked{}, 60, 10*time.Minute, "requests to come over"); err != nil {
		return g, err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO office_get (`+getCols+`) VALUES ($1, $2, $3, $4, $5, $6, '', $7, $8, 0, $9)`, g.ID, g.From, g.To, g.RoomID, g.State, g.Note, db.Micro(now), db.Micro(g.ExpiresAt), g.Quiet); err != nil {
		return g, fmt.Errorf("ask over: %w", err)
	}
	if err := s.tasks.Enqueue(ctx, tx, expireKind, g.ID, task.Options{At: g.ExpiresAt, Key: g.ID}); err != nil {
		return g, err
	}
	about, err := s.rooms.About(ctx, tx, r.ID)
	if err != nil {
		return g, err
	}
	if err := s.ledger.Append(ctx, tx, who, about, GetAsked{g.ID, person, note}); err != nil {
		return g, err
	}
	s.showGet(tx, g)
	_, err = s.notify.Send(ctx, tx, notify.New{Person: person, Kind: "get", Title: who.Display + " asks you over to " + r.Name, Body: note, Link: "/rooms/" + r.ID, Incident: about.Incident, Key: g.key()})
	return g, err
}

func (s *Store) showGet(tx *db.Tx, g Get) {
	tx.AfterCommit(func() {
		for _, person := range []string{g.From, g.To} {
			s.bus.Publish("user:"+person, map[string]any{"type": "get", "get": g})
		}
	})
}

// Accept goes to the room one was asked to. Being asked opens a locked door.
func (s *Store) Accept(ctx context.Context, tx *db.Tx, who actor.Actor, getID string) (Get, error) {
	g, err := s.answer(ctx, tx, who, getID, "accepted", "")
	if err != nil {
		return g, err
	}
	r, err := s.rooms.Get(ctx, tx, g.RoomID)
	if err != nil {
		return g, err
	}
	if r.Archived {
		return g, fault.New(fault.Conflict, "The room was archived in the meantime.")
	}
	if err := s.rooms.Admit(ctx, tx, who, g.RoomID); err != nil {
		return g, err
	}
	_, err = s.sit(ctx, tx, who, r, 0)
	return g, err
}

// Decline stays where one is, with a word if one likes.
func (s *Store) Decline(ctx context.Context, tx *db.Tx, who actor.Actor, getID, note string) (Get, error) {
	if note = strings.TrimSpace(note); utf8.RuneCountInString(note) > 300 {
		return Get{}, fault.Field("note", "Keep the note within 300 characters.")
	}
	return s.answer(ctx, tx, who, getID, "declined", note)
}

func (s *Store) answer(ctx context.Context, tx *db.Tx, who actor.Actor, getID, state, note string) (Get, error) {
	g, err := db.One(ctx, tx, scanGet, `SELECT `+getCols+` FROM office_get WHERE id = $1`, getID)
	if db.IsNoRows(err) || err == nil && g.To != who.ID && !who.IsSystem() {
		return g, fault.New(fault.NotFound, "There is no such request to you.")
	}
	if err != nil {
		return g, err
	}
	now := s.clock.Now()
	if state != "expired" && g.State == "pending" && !now.Before(g.ExpiresAt) {
		return g, fault.New(fault.Conflict, "This request has expired. Ask again if it is still needed.")
	}
	res, err := tx.Exec(ctx, `UPDATE office_get SET state = $2, answer = $3, answered_at = $4 WHERE id = $1 AND state = 'pending'`, g.ID, state, note, db.Micro(now))
	if err != nil {
		return g, fmt.Errorf("answer: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return g, fault.New(fault.Conflict, "This request was already "+g.State+". Ask again if it is still needed.")
	}
	g.State, g.Answer, g.AnsweredAt = state, note, &now
	if err := s.tasks.Cancel(ctx, tx, expireKind, g.ID); err != nil {
		return g, err
	}
	about, err := s.rooms.About(ctx, tx, g.RoomID)
	if err != nil {
		return g, err
	}
	if err := s.ledger.Append(ctx, tx, who, about, GetAnswered{g.ID, state, g.From, note}); err != nil {
		return g, err
	}
	if state != "expired" { // what nobody answered stays in the inbox as new
		if err := s.notify.Settle(ctx, tx, g.To, g.key()); err != nil {
			return g, err
		}
	}
	s.showGet(tx, g)
	return g, nil
}

// Pending lists the open requests from and to a person.
func (s *Store) Pending(ctx context.Context, q db.Querier, person string) ([]Get, error) {
	return db.All(ctx, q, scanGet, `SELECT `+getCols+` FROM office_get WHERE (person = $1 OR asker = $1) AND state = 'pending' ORDER BY created_at`, person)
}

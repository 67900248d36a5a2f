// Package incident keeps incidents from the declaration to the close: ticket
// and room, stage, severity, roles, who was paged and answered, named moments,
// notes, timeline and metrics.
//
// Invariants: an incident and its room come into being in one transaction; an
// incident never disappears; pages go on until somebody acknowledges, and a
// close is not an acknowledgement. Which alerts belong to an incident is
// package alert's, how a page reaches a person is package notify's.
//
//	declared → triage → mitigating → monitoring → resolved → closed
//	   (forward also by skipping; from monitoring back while it is not over;
//	    from resolved and closed back to work is a reopening)
package incident

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
	"muster/internal/message"
	"muster/internal/notify"
	"muster/internal/oncall"
	"muster/internal/room"
	"muster/internal/task"
)

// Incident as everybody who may read it sees it.
type Incident struct {
	ID          string          `json:"id"`
	Ticket      string          `json:"ticket" example:"INC-2041"`
	Title       string          `json:"title"`
	Room        RoomRef         `json:"room"`
	Severity    int             `json:"severity" minimum:"1" maximum:"4"`
	Stage       Stage           `json:"stage" enum:"declared,triage,mitigating,monitoring,resolved,closed"`
	Mode        string          `json:"mode" enum:"real,test,drill,retrospective"`
	Restricted  bool            `json:"restricted"`
	Service     string          `json:"service"`
	Environment string          `json:"environment"`
	Production  bool            `json:"production" doc:"The environment's name means production"`
	Summary     string          `json:"summary"`
	DeclaredBy  string          `json:"declared_by"`
	Roles       []RoleHeld      `json:"roles"`
	Pages       []Paging        `json:"pages"`
	NextPage    *NextPage       `json:"next_page,omitempty" doc:"Who is paged next if nobody acknowledges"`
	Alerts      []AlertRef      `json:"alerts"`
	Times       Times           `json:"times"`
	TicketURL   string          `json:"ticket_url"`
	MergedInto  string          `json:"merged_into,omitempty"`
	Gathers     bool            `json:"gathers" doc:"Alerts of its service and environment join it while it is open"`
	Abilities   map[string]bool `json:"abilities" doc:"What you may do; empty in what is broadcast"`

	collects string
	gathered time.Time // when the newest alert joined
}

// RoomRef is the incident's room.
type RoomRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// RoleHeld says who holds a role.
type RoleHeld struct {
	Role   string `json:"role" enum:"commander,operations,communications,scribe,liaison"`
	UserID string `json:"user_id"`
}

// Paging is one page to one person.
type Paging struct {
	ID             string            `json:"id"`
	UserID         string            `json:"user_id"`
	Level          int               `json:"level" doc:"1 is whoever was on call; 0 a page sent by hand"`
	State          string            `json:"state" enum:"paged,seen,acknowledged,declined,escalated"`
	PagedAt        time.Time         `json:"paged_at"`
	SeenAt         *time.Time        `json:"seen_at,omitempty"`
	AcknowledgedAt *time.Time        `json:"acknowledged_at,omitempty"`
	JoinedAt       *time.Time        `json:"joined_at,omitempty"`
	ChannelStates  []notify.Delivery `json:"channel_states"`
	Everybody      bool              `json:"everybody,omitempty" doc:"Paged with everybody else because nobody had acknowledged; renewed with each round"`

	notification string
}

// NextPage is what happens if nobody acknowledges.
type NextPage struct {
	UserID    string    `json:"user_id"`
	At        time.Time `json:"at"`
	Everybody bool      `json:"everybody,omitempty" doc:"Not only this person: the rotation, the catch-all rotation and the administrators at once"`
}

// AlertRef is an alert that belongs to the incident.
type AlertRef struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	State string `json:"state" enum:"open,acknowledged,resolved"`
}

// Alerts are the alerts of incidents; package alert, which stands above, provides them.
type Alerts interface {
	// Refs finds those of several incidents.
	Refs(ctx context.Context, q db.Querier, incidentIDs []string) (map[string][]AlertRef, error)
	// Acknowledged is told that who takes care of the incident.
	Acknowledged(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident) error
	// Over is told that the incident is resolved or closed, while its room can
	// still be written to.
	Over(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident) error
	// Merged is told that everything of from belongs to into.
	Merged(ctx context.Context, tx *db.Tx, who actor.Actor, from, into Incident) error
}

// none stands in until package alert is there.
type none struct{}

func (none) Refs(context.Context, db.Querier, []string) (map[string][]AlertRef, error) {
	return nil, nil
}
func (none) Acknowledged(context.Context, *db.Tx, actor.Actor, Incident) error     { return nil }
func (none) Over(context.Context, *db.Tx, actor.Actor, Incident) error             { return nil }
func (none) Merged(context.Context, *db.Tx, actor.Actor, Incident, Incident) error { return nil }

// Deps are the packages an incident is made of.
type Deps struct {
	Access   *access.Access
	Ledger   *ledger.Ledger
	Clock    clock.Clock
	Bus      bus.Bus
	Tasks    *task.Queue
	Rooms    *room.Store
	Messages *message.Store
	Notify   *notify.Store
	OnCall   *oncall.Store
	People   *account.Store
	Tickets  TicketSystem
	Log      *slog.Logger
}

// Store keeps incidents.
type Store struct {
	Deps
	alerts  Alerts
	runs    Runs
	talking Talking
	waiting func(ctx context.Context, tx *db.Tx, incidentID string) error
}

// New builds the store, registers its task and listens for pages being seen.
func New(d Deps) *Store {
	s := &Store{Deps: d, alerts: none{}}
	d.Tasks.Handle(taskEscalate, s.escalate)
	d.Tasks.Handle(taskWatch, s.watch)
	d.Notify.OnSeen(s.pageSeen)
	d.Notify.WithConfined(s.Confined)
	return s
}

// WithAlerts tells the store where the alerts of an incident are found.
func (s *Store) WithAlerts(a Alerts) { s.alerts = a }

var errNone = fault.New(fault.NotFound, "There is no such incident. Look it up under Incidents.")

// Label is how a severity is written.
func Label(severity int) string { return "SEV-" + strconv.Itoa(severity) }

func (s *Store) resource(ctx context.Context, q db.Querier, who actor.Actor, i Incident) (access.Resource, error) {
	res := access.Resource{Type: "incident", ID: i.ID, Name: i.Ticket, Attrs: map[string]string{
		"name": i.Ticket, "severity": strconv.Itoa(i.Severity), "stage": string(i.Stage), "mode": i.Mode, "service": i.Service,
		"environment": i.Environment, "restricted": strconv.FormatBool(i.Restricted),
	}}
	if i.Restricted {
		in, err := s.Rooms.Member(ctx, q, i.Room.ID, who.ID)
		if err != nil {
			return res, err
		}
		res.Attrs["member"] = strconv.FormatBool(in)
	}
	return res, nil
}

// Confined says whether an incident is restricted, and if so whether who
// belongs to it: what hangs on a restricted incident is its members' too.
func (s *Store) Confined(ctx context.Context, q db.Querier, who actor.Actor, incidentID string) (restricted, member bool, err error) {
	var roomID string
	err = q.QueryRow(ctx, `SELECT restricted, room FROM incident WHERE id = $1`, incidentID).Scan(&restricted, &roomID)
	if err != nil || !restricted {
		return false, false, err
	}
	member, err = s.Rooms.Member(ctx, q, roomID, who.ID)
	return restricted, member, err
}

// check refuses; to whoever may not read the incident it does not exist.
func (s *Store) check(ctx context.Context, q db.Querier, who actor.Actor, action string, i Incident) error {
	res, err := s.resource(ctx, q, who, i)
	if err != nil {
		return err
	}
	if i.ID != "" && !s.Access.Allowed(ctx, q, who, "read", res) {
		if who.ID == "" {
			return s.Access.Check(ctx, q, who, "read", res)
		}
		return errNone
	}
	if action == "read" {
		return nil
	}
	return s.Access.Check(ctx, q, who, action, res)
}

func about(i Incident) ledger.About {
	return ledger.About{Resource: "incident:" + i.ID, Room: i.Room.ID, Incident: i.ID}
}

// muster is the system's own hand in a room: it opens rooms and writes lines
// for whoever acted, who is named in the line and in the ledger.
func muster(who actor.Actor) actor.Actor {
	return actor.System("incident").By(who)
}

// say writes a system line in the incident's room.
func (s *Store) say(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident, format string, a ...any) error {
	_, err := s.Messages.Post(ctx, tx, muster(who), message.New{Room: i.Room.ID, Text: fmt.Sprintf(format, a...), Kind: "system"})
	return err
}

func (s *Store) name(ctx context.Context, q db.Querier, userID string) (string, error) {
	if userID == "" {
		return "nobody", nil
	}
	u, err := s.People.Get(ctx, q, userID)
	if fault.Is(err, fault.NotFound) {
		return userID, nil
	}
	return u.Display, err
}

// called is how an actor is named in a line.
func called(who actor.Actor) string {
	if who.Display != "" {
		return who.Display
	}
	return who.Name
}

// Touch lets screens see the incident anew because something that belongs to it
// changed elsewhere, such as an alert.
func (s *Store) Touch(tx *db.Tx, incidentID string) { s.touch(tx, incidentID) }

type touched struct{ incident string }

// touch publishes the incident once per transaction, as it is at its end.
func (s *Store) touch(tx *db.Tx, incidentID string) {
	tx.Value(touched{incidentID}, func() any {
		tx.BeforeCommit(func(ctx context.Context) error {
			i, err := s.get(ctx, tx, incidentID)
			if err != nil {
				return err
			}
			tx.AfterCommit(func() {
				if !i.Restricted {
					s.Bus.Publish("office", map[string]any{"type": "incident", "incident": i})
				}
				s.Bus.Publish("incident:"+i.ID, map[string]any{"type": "incident", "incident": i})
			})
			return nil
		})
		return true
	})
}

// set writes columns of one incident. Column names come from this package only.
func (s *Store) set(ctx context.Context, tx *db.Tx, incidentID string, cols map[string]any) error {
	names, args := []string{}, []any{incidentID, db.Micro(s.Clock.Now())}
	for _, c := range sortedKeys(cols) {
		args = append(args, cols[c])
		names = append(names, fmt.Sprintf("%s = $%d", c, len(args)))
	}
	if _, err := tx.Exec(ctx, `UPDATE incident SET updated_at = $2, `+strings.Join(names, ", ")+` WHERE id = $1`, args...); err != nil {
		return fmt.Errorf("update incident: %w", err)
	}
	s.touch(tx, incidentID)
	return nil
}

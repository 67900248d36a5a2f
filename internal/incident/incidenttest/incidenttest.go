// Package incidenttest puts together, for tests, everything that stands behind
// an incident: a real database, people, rooms, messages, notifications and
// rotations, and a clock that moves when told to.
package incidenttest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/incident"
	"muster/internal/ledger"
	"muster/internal/message"
	"muster/internal/notify"
	"muster/internal/office"
	"muster/internal/oncall"
	"muster/internal/room"
	"muster/internal/task"
)

// Ctx is the context of tests.
var Ctx = context.Background()

// Rig is a small bank.
type Rig struct {
	t         testing.TB
	DB        *db.DB
	Clock     *clock.Test
	Bus       *bus.Memory
	Ledger    *ledger.Ledger
	Access    *access.Access
	Accounts  *account.Store
	Rooms     *room.Store
	Messages  *message.Store
	Notify    *notify.Store
	Office    *office.Store
	OnCall    *oncall.Store
	Incidents *incident.Store
	Tasks     *task.Queue
	Keys      ledger.Keys

	// Ann and Bob are responders and share the rotation of payments-api, Ann first.
	Ann, Bob actor.Actor
	// Admin is an administrator, Watcher an observer.
	Admin, Watcher actor.Actor
	Rotation       oncall.Rotation
}

// Now is when a rig's clock begins.
var Now = time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)

// New makes a rig; settings are those of notify.
func New(t testing.TB, settings notify.Settings) *Rig {
	t.Helper()
	r := &Rig{t: t, DB: dbtest.Open(t), Clock: clock.NewTest(Now), Bus: bus.NewMemory()}
	quiet := slog.New(slog.DiscardHandler)
	keys, _, err := ledger.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	r.Keys = keys
	r.Ledger = ledger.New(r.Clock, r.Bus, keys)
	r.Access = access.New(r.DB, r.Ledger, r.Clock, quiet)
	r.Accounts = account.New(r.DB, r.Access, r.Ledger, r.Bus, r.Clock)
	r.Tasks = task.New(r.DB, r.Clock, quiet, 4)
	r.Notify = notify.NewStore(r.DB, r.Tasks, r.Clock, r.Bus, r.Accounts, settings, quiet)
	r.Rooms = room.NewStore(r.Access, r.Ledger, r.Bus, r.Clock)
	r.Messages = message.NewStore(r.Rooms, r.Accounts, r.Ledger, r.Bus, r.Clock, nil)
	r.Office = office.New(r.Rooms, r.Accounts, r.Notify, r.Messages, r.Access, r.Ledger, r.Tasks, r.Bus, r.Clock)
	r.OnCall = oncall.New(r.Access, r.Ledger, r.Clock, r.Bus, r.Accounts)
	r.Incidents = incident.New(incident.Deps{
		Access: r.Access, Ledger: r.Ledger, Clock: r.Clock, Bus: r.Bus, Tasks: r.Tasks, Rooms: r.Rooms, Messages: r.Messages,
		Notify: r.Notify, OnCall: r.OnCall, People: r.Accounts, Tickets: incident.Series{Start: 2041}, Log: quiet,
	})
	r.Office.OnEnter(r.Incidents.Entered)
	r.Ann, r.Bob = r.Person("ann", "responder"), r.Person("bob", "responder")
	r.Admin, r.Watcher = r.Person("root", "administrator"), r.Person("wanda", "observer")
	r.Do(func(tx *db.Tx) (err error) {
		r.Rotation, err = r.OnCall.CreateRotation(Ctx, tx, r.Admin, oncall.SaveRotation{Name: "payments", Members: []string{r.Ann.ID, r.Bob.ID}, ShiftHours: 168, StartsAt: Now.Add(-time.Hour), TimeZone: "Europe/Berlin"})
		if err != nil {
			return err
		}
		_, err = r.OnCall.CreateService(Ctx, tx, r.Admin, oncall.SaveService{Name: "payments-api", Title: "Payments API", Environments: []string{"dev", "qa", "prod"}, RotationID: r.Rotation.ID})
		return err
	})
	return r
}

// Start works on tasks until the test ends.
func (r *Rig) Start() {
	r.Tasks.Start()
	r.t.Cleanup(r.Tasks.Stop)
}

// Person adds somebody with an address of their own.
func (r *Rig) Person(name string, roles ...string) actor.Actor {
	r.t.Helper()
	var u account.User
	r.Do(func(tx *db.Tx) (err error) {
		u, err = r.Accounts.Create(Ctx, tx, actor.System("test"), account.NewUser{Name: name, Display: "The " + name, Email: name + "@bank.example", Roles: roles})
		return err
	})
	a := u.Actor()
	a.Door = "web"
	return a
}

// Do runs fn in a transaction that must succeed.
func (r *Rig) Do(fn func(tx *db.Tx) error) {
	r.t.Helper()
	if err := r.DB.Do(Ctx, fn); err != nil {
		r.t.Fatal(err)
	}
}

// Try runs fn in a transaction and gives its error.
func (r *Rig) Try(fn func(tx *db.Tx) error) error { return r.DB.Do(Ctx, fn) }

// Declare declares an incident as who.
func (r *Rig) Declare(who actor.Actor, in incident.Declare) (i incident.Incident) {
	r.t.Helper()
	r.Do(func(tx *db.Tx) (err error) {
		i, err = r.Incidents.Declare(Ctx, tx, who, in)
		return err
	})
	return i
}

// Incident reads one afresh.
func (r *Rig) Incident(id string) incident.Incident {
	r.t.Helper()
	i, err := r.Incidents.Get(Ctx, r.DB.Read(), r.Admin, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return i
}

// Enter sits who down in a room.
func (r *Rig) Enter(who actor.Actor, roomID string) {
	r.t.Helper()
	r.Do(func(tx *db.Tx) error {
		_, err := r.Office.Enter(Ctx, tx, who, roomID, 0)
		return err
	})
}

// Said gives the texts in a room, in order, replies after their root.
func (r *Rig) Said(roomID string) []message.Message {
	r.t.Helper()
	p, err := r.Messages.History(Ctx, r.DB.Read(), r.Admin, roomID, message.Range{Limit: 200})
	if err != nil {
		r.t.Fatal(err)
	}
	out := []message.Message{}
	for _, m := range p.Items {
		out = append(append(out, m), m.Replies...)
	}
	return out
}

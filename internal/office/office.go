// Package office is the virtual floor: who is where, who is reachable, and
// asking somebody over.
//
// Invariant: nobody is moved against their will; a person sits in at most one
// room. Presence is what connections and the person say, never a guess. Rooms
// and their doors are room's; what is said there is message's.
package office

import (
	"context"
	"fmt"
	"sync"
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
	"muster/internal/room"
	"muster/internal/task"
)

// Location is where a person sits.
type Location struct {
	Person string
	Room   string
	Seat   int
	Since  time.Time
}

// Entered is the ledger event of somebody who came into a room.
type Entered struct {
	Seat int    `json:"seat" class:"internal"`
	From string `json:"from" class:"internal"` // the room they came from
}

func (Entered) EventKind() string { return "office.Entered" }

// Left is the ledger event of somebody who went out without going elsewhere.
type Left struct{}

func (Left) EventKind() string { return "office.Left" }

// OnEnter is told, in the same transaction, that somebody came into a room.
type OnEnter func(ctx context.Context, tx *db.Tx, who actor.Actor, roomID string) error

// Store keeps floors, places and presence.
type Store struct {
	rooms    *room.Store
	people   *account.Store
	notify   *notify.Store
	messages *message.Store
	access   *access.Access
	ledger   *ledger.Ledger
	tasks    *task.Queue
	bus      bus.Bus
	clock    clock.Clock
	onEnter  []OnEnter
	leads    Leads

	mu     sync.Mutex
	online map[string]*connections
}

// New makes a store.
func New(rooms *room.Store, people *account.Store, n *notify.Store, m *message.Store, a *access.Access, l *ledger.Ledger, tasks *task.Queue, b bus.Bus, c clock.Clock) *Store {
	return &Store{rooms: rooms, people: people, notify: n, messages: m, access: a, ledger: l, tasks: tasks, bus: b, clock: c, online: map[string]*connections{}}
}

// OnEnter registers fn; only app calls it, before anything moves.
func (s *Store) OnEnter(fn OnEnter) { s.onEnter = append(s.onEnter, fn) }

var errOnlyPeople = fault.New(fault.Denied, "Only people can sit in a room. Sign in as a person.")

// maxSeats is where a room is full.
const maxSeats = 500

// Enter sits who down in a room, in seat if it is free (0: any), and leaves
// the room they were in. Entering makes a member of who may read the room.
func (s *Store) Enter(ctx context.Context, tx *db.Tx, who actor.Actor, roomID string, seat int) (Location, error) {
	if who.Kind != actor.Person {
		return Location{}, errOnlyPeople
	}
	r, err := s.rooms.See(ctx, tx, who, roomID)
	if err != nil {
		return Location{}, err
	}
	if err := s.rooms.Check(ctx, tx, who, "enter", r); err != nil {
		return Location{}, err
	}
	if r.Archived {
		return Location{}, fault.New(fault.Conflict, "This room is archived. Its history can still be read.")
	}
	if err := s.pass(ctx, tx, who, r); err != nil {
		return Location{}, err
	}
	return s.sit(ctx, tx, who, r, seat)
}

func (s *Store) sit(ctx context.Context, tx *db.Tx, who actor.Actor, r room.Room, seat int) (Location, error) {
	was, err := s.where(ctx, tx, who.ID)
	if err != nil {
		return Location{}, err
	}
	if was != nil && was.Room == r.ID && (seat == 0 || seat == was.Seat) {
		return *was, nil
	}
	taken, err := db.All(ctx, tx, func(sc db.Scanner) (n int, err error) { return n, sc.Scan(&n) }, `SELECT seat FROM location WHERE room = $1 AND person <> $2`, r.ID, who.ID)
	if err != nil {
		return Location{}, fmt.Errorf("find a seat: %w", err)
	}
	if seat < 0 || seat > maxSeats || len(taken) >= maxSeats {
		return Location{}, fault.Field("seat", fmt.Sprintf("A room has seats 1 to %d.", maxSeats))
	}
	seat = freeSeat(taken, seat)
	loc := Location{who.ID, r.ID, seat, s.clock.Now()}
	if _, err := tx.Exec(ctx, `INSERT INTO location (person, room, seat, since) VALUES ($1, $2, $3, $4)
ON CONFLICT (person) DO UPDATE SET room = excluded.room, seat = excluded.seat, since = excluded.since`, loc.Person, loc.Room, loc.Seat, db.Micro(loc.Since)); err != nil {
		return loc, fmt.Errorf("sit down: %w", err)
	}
	tx.AfterCommit(func() { s.moved(who.ID) })
	if was != nil && was.Room == r.ID {
		return loc, nil // only another seat
	}
	if err := s.rooms.Join(ctx, tx, who, r.ID, who.ID); err != nil {
		return loc, err
	}
	ev := Entered{Seat: seat}
	if was != nil {
		ev.From = was.Room
		if err := s.emptied(ctx, tx, was.Room); err != nil {
			return loc, err
		}
	}
	var waiting []Knock
	if who.Kind == actor.Person { // who knocks is not for guests to see
		if waiting, err = s.Knocks(ctx, tx, who); err != nil {
			return loc, err
		}
	}
	for i := range waiting { // who is inside asks no more
		if k := &waiting[i]; k.UserID == who.ID && k.RoomID == r.ID {
			if err := s.settle(ctx, tx, who, k, "withdrawn", ""); err != nil {
				return loc, err
			}
		}
	}
	tx.AfterCommit(func() { // they can open now, too
		for _, k := range waiting {
			s.bus.Publish("user:"+who.ID, map[string]any{"type": "knock", "knock": k})
		}
	})
	about, err := s.rooms.About(ctx, tx, r.ID)
	if err != nil {
		return loc, err
	}
	if err := s.ledger.Append(ctx, tx, who, about, ev); err != nil {
		return loc, err
	}
	for _, fn := range s.onEnter {
		if err := fn(ctx, tx, who, r.ID); err != nil {
			return loc, err
		}
	}
	return loc, nil
}

// freeSeat gives the wanted seat when it is free, else the lowest free one.
func freeSeat(taken []int, want int) int {
	used := map[int]bool{}
	for _, t := range taken {
		used[t] = true
	}
	if want > 0 && !used[want] {
		return want
	}
	n := 1
	for used[n] {
		n++
	}
	return n
}

func (s *Store) where(ctx context.Context, q db.Querier, person string) (*Location, error) {
	l, err := db.One(ctx, q, scanLocation, `SELECT person, room, seat, since FROM location WHERE person = $1`, person)
	if db.IsNoRows(err) {
		return nil, nil
	}
	return &l, err
}

func scanLocation(s db.Scanner) (l Location, err error) {
	var since int64
	err = s.Scan(&l.Person, &l.Room, &l.Seat, &since)
	l.Since = db.At(since)
	return l, err
}

// Leave gets who up and out of the office floor.
func (s *Store) Leave(ctx context.Context, tx *db.Tx, who actor.Actor) error {
	was, err := s.where(ctx, tx, who.ID)
	if err != nil || was == nil {
		return err
	}
	if err := s.getUp(ctx, tx, who.ID, *was); err != nil {
		return err
	}
	about, err := s.rooms.About(ctx, tx, was.Room)
	if err != nil {
		return err
	}
	return s.ledger.Append(ctx, tx, who, about, Left{})
}

// Locations lists where everybody sits.
func (s *Store) Locations(ctx context.Context, q db.Querier) ([]Location, error) {
	return db.All(ctx, q, scanLocation, `SELECT person, room, seat, since FROM location ORDER BY room, seat`)
}

// Location of one person; nil when they sit nowhere.
func (s *Store) Location(ctx context.Context, q db.Querier, person string) (*Location, error) {
	return s.where(ctx, q, person)
}

// moved tells screens that a person's place or reachability changed; realtime
// composes what each may see.
func (s *Store) moved(person string) { s.bus.Publish("presence", person) }

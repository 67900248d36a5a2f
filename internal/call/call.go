// Package call is talking in a room: who may take part and how, who does, and
// what of it is kept.
//
// Invariant: only who holds a seat in the room speaks in it, and only who may
// read the room listens; that is asked before a ticket is given, again when it
// is used, and again while the call goes on. Sound and pictures themselves are
// an Engine's, which is believed about who is connected and about nothing else.
package call

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/blob"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/ledger"
	"muster/internal/message"
	"muster/internal/office"
	"muster/internal/room"
	"muster/internal/task"
)

// Call is a call as everybody who may read its room sees it.
type Call struct {
	ID        string    `json:"id"`
	RoomID    string    `json:"room_id"`
	StartedAt time.Time `json:"started_at"`
	Recording bool      `json:"recording" doc:"It is recorded at this moment"`
	People    []Person  `json:"people" doc:"Empty: the call is over"`
}

// Person is somebody in a call.
type Person struct {
	UserID    string     `json:"user_id"`
	Mode      Mode       `json:"mode" enum:"table,gallery"`
	Mic       bool       `json:"mic" doc:"Open, not muted"`
	Camera    bool       `json:"camera"`
	Shares    int        `json:"shares" doc:"Screens shown"`
	Speaking  bool       `json:"speaking"`
	HandAt    *time.Time `json:"hand_at" doc:"Since when their hand is up"`
	WhisperTo string     `json:"whisper_to" doc:"Id of the only person who hears them now"`
	Quality   string     `json:"quality" enum:"excellent,good,poor,lost," doc:"Of their connection; empty when not known yet"`
	JoinedAt  time.Time  `json:"joined_at"`
}

// Reactions that can be sent.
var Reactions = []string{"👍", "👏", "❤️", "😂", "😮", "🎉", "✅", "❌", "👀", "☕"}

// Deps is what a store works with.
type Deps struct {
	Access   *access.Access
	Ledger   *ledger.Ledger
	DB       *db.DB
	Bus      bus.Bus
	Clock    clock.Clock
	Accounts *account.Store
	Rooms    *room.Store
	Messages *message.Store
	Office   *office.Store
	Blobs    blob.Store
	Tasks    *task.Queue
	Engine   Engine // nil: no voice and video
	Settings Settings
	Log      *slog.Logger
}

// Store keeps calls.
type Store struct {
	Deps

	mu    sync.Mutex       // never held while something is published that is heard here
	live  map[string]*live // by room
	state State
	// By which sign-in somebody connected: what ends with it.
	sessions map[seat]admission
	playing  map[playing]time.Time // when what was last given to whom
	// By call.
	recorders map[string]*recording
	recording sync.WaitGroup
	// Where somebody's screens were seen during a call: zero, or since when they are not.
	screens map[seat]time.Time
	// Everybody had to come back by then, after the engine or Muster was away.
	grace time.Time

	news    chan struct{}
	heardMu sync.Mutex // the last to be taken: nothing is called with it
	heardOf heard

	clerk clerk

	cancel  func()
	stop    context.CancelFunc
	stopped chan struct{}
}

// live is a call that goes on.
type live struct {
	id      string
	started time.Time
	people  map[string]*member
	told    Call // as last published
	// Who was moved to the gallery by another is held there for the rest of the call.
	held map[string]bool
	// Who is known to have agreed that this call is recorded: the recorder asks here,
	// and waits for no database with a packet in its hand.
	agreed map[string]bool
	// It is recorded at this moment.
	recording bool
}

type member struct {
	Person
	since    time.Time // of this connection, by the engine's clock
	lostAt   time.Time // since when they are not seen; zero while they are
	away     bool      // the engine, or Muster, was away: they have until the grace ends
	spoke    bool
	sharedAt time.Time // when they last showed something
	reaction time.Time
}

type seat struct{ room, person string }

// admission is somebody's sign-in at the moment they connected.
type admission struct {
	session string
	at      time.Time
}

// New makes a store.
func New(d Deps) *Store {
	s := &Store{Deps: d, live: map[string]*live{}, sessions: map[seat]admission{}, playing: map[playing]time.Time{}, screens: map[seat]time.Time{}, recorders: map[string]*recording{}, state: Off, news: make(chan struct{}, 1), stopped: make(chan struct{})}
	s.clerk.init()
	if d.Engine != nil {
		s.state = Starting
	}
	return s
}

// State of voice and video.
func (s *Store) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// Calls that go on, by room.
func (s *Store) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Call, 0, len(s.live))
	for roomID, l := range s.live {
		out = append(out, l.view(roomID))
	}
	slices.SortFunc(out, func(a, b Call) int { return a.StartedAt.Compare(b.StartedAt) })
	return out
}

func (l *live) view(roomID string) Call {
	c := Call{ID: l.id, RoomID: roomID, StartedAt: l.started, Recording: l.recording, People: make([]Person, 0, len(l.people))}
	for _, m := range l.people {
		c.People = append(c.People, m.Person)
	}
	slices.SortFunc(c.People, func(a, b Person) int {
		if d := a.JoinedAt.Compare(b.JoinedAt); d != 0 {
			return d
		}
		return slices.Compare([]byte(a.UserID), []byte(b.UserID))
	})
	return c
}

// Join gives a ticket for the call of a room: for the table to who sits there,
// for the gallery to who may read the room. Where calls are recorded nobody gets
// to the table by an old consent without having been told again.
func (s *Store) Join(ctx context.Context, q db.Querier, who actor.Actor, roomID string, m Mode, consent bool) (t Ticket, err error) {
	r, err := s.Rooms.See(ctx, q, who, roomID)
	if err != nil {
		return Ticket{}, err
	}
	if err := s.allowed(ctx, q, who, r, m); err != nil {
		return Ticket{}, err
	}
	if m == Table && !consent && s.MustRecord(r) {
		return Ticket{}, ErrConsent
	}
	if err := s.working(); err != nil {
		return Ticket{}, err
	}
	if err := s.Engine.Open(ctx, r.ID); err != nil {
		return Ticket{}, errAway(err)
	}
	t, err = s.Engine.Issue(Grant{Room: r.ID, Person: who.ID, Name: who.Display, Mode: m, SignIn: who.Session})
	t.Recorded = s.MustRecord(r)
	return t, err
}

func errAway(err error) error {
	return fault.Wrap(fault.Unavailable, "Voice and video do not answer right now. They come back by themselves; try again in a moment.", err)
}

func (s *Store) working() error {
	switch s.State() {
	case Off:
		return fault.New(fault.Conflict, "Voice and video are switched off here. An administrator sets media.engine in muster.yaml.")
	case Starting:
		return errAway(nil)
	}
	return nil
}

// allowed says whether who may take part in r's call that way now.
func (s *Store) allowed(ctx context.Context, q db.Querier, who actor.Actor, r room.Room, m Mode) error {
	if who.Kind != actor.Person && who.Kind != actor.Guest {
		return fault.New(fault.Denied, "Only people can join a call. Sign in as a person.")
	}
	if r.Archived {
		return fault.New(fault.Conflict, "This room is archived; nobody talks in it any more.")
	}
	if m == Gallery {
		return s.Rooms.Check(ctx, q, who, "read", r)
	}
	if err := s.Rooms.Check(ctx, q, who, "enter", r); err != nil {
		return err
	}
	at, err := s.Office.Location(ctx, q, who.ID)
	if err != nil {
		return err
	}
	if at == nil || at.Room != r.ID {
		return fault.New(fault.Conflict, "You are not in "+r.Name+". Enter it to speak, or listen from the gallery.")
	}
	s.mu.Lock()
	l := s.live[r.ID]
	held := l != nil && l.held[who.ID]
	s.mu.Unlock()
	if held {
		return fault.New(fault.Denied, "You were moved to the gallery of this call. Raise your hand, and somebody who moderates it can have you speak.")
	}
	if s.MustRecord(r) {
		if ok, err := s.consented(ctx, q, who.ID, r); err != nil || !ok {
			return cmp.Or(err, error(ErrConsent))
		}
	}
	return nil
}

// Admit is asked when a ticket is used: by whom it was given to, and only while
// they may still take part. It makes the room ready, which an engine that was
// restarted has forgotten.
func (s *Store) Admit(ctx context.Context, q db.Querier, who actor.Actor, token string) error {
	if err := s.working(); err != nil {
		return err
	}
	g, err := s.Engine.Read(token)
	if err != nil {
		return err
	}
	if g.Person != who.ID {
		return fault.New(fault.Denied, "This ticket to a call was given to somebody else.")
	}
	if !id.Valid(g.Room) {
		return fault.New(fault.Denied, "This ticket to a call names no room. Join the call again.")
	}
	r, err := s.Rooms.See(ctx, q, who, g.Room)
	if err != nil {
		return err
	}
	if err := s.allowed(ctx, q, who, r, g.Mode); err != nil {
		return err
	}
	if err := s.Engine.Open(ctx, r.ID); err != nil {
		return errAway(err)
	}
	s.admit(r.ID, who)
	return nil
}

// admit notes by which sign-in somebody connects.
func (s *Store) admit(roomID string, who actor.Actor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[seat{roomID, who.ID}] = admission{who.Session, s.Clock.Now()}
}

// Signalling is where browsers connect, behind Admit; nil where they go elsewhere.
func (s *Store) Signalling() http.Handler {
	if s.Engine == nil {
		return nil
	}
	return s.Engine.Signalling()
}

package call

import (
	"context"
	"net/http"
	"time"
)

// Mode is how somebody takes part in a call: at the table they can speak, in
// the gallery they only listen and watch.
type Mode string

// The modes.
const (
	Table   Mode = "table"
	Gallery Mode = "gallery"
)

// State of an engine.
type State string

// The states. A call cannot be joined while the engine is starting; calls that
// go on then come back by themselves.
const (
	Ready    State = "ready"
	Starting State = "starting"
	Off      State = "off" // there is none, by the settings
)

// Grant is what a ticket allows its holder.
type Grant struct {
	Room   string
	Person string
	Name   string // as others see it in the engine's own lists
	Mode   Mode
	SignIn string // by which the ticket was asked for
}

// Ticket lets one person connect to the engine for one room.
type Ticket struct {
	URL     string // path on Muster's own origin, or an absolute wss:// address
	Token   string // a secret of its holder
	Expires time.Time
	// Recorded says that whoever speaks in the room is recorded.
	Recorded bool
}

// Peer is one person in a room as the engine sees them.
type Peer struct {
	Person   string    `json:"person"`
	Speaks   bool      `json:"speaks"` // may publish
	Mic      bool      `json:"mic"`    // open: published and not muted
	Camera   bool      `json:"camera"`
	Shares   int       `json:"shares"`
	Speaking bool      `json:"speaking"`
	Quality  string    `json:"quality"` // excellent, good, poor, lost; "" when not known yet
	Since    time.Time `json:"since"`
	// Arrives says that packets of theirs came within the last second: somebody who
	// sends is there, whatever else of theirs does not answer.
	Arrives bool `json:"arrives"`
	// SignIn is that of the ticket they came with, where an engine tells it: one to
	// which people come without Muster being asked again.
	SignIn string `json:"-"`
}

// Seen is everything an engine carries at one moment, by room. It is the whole,
// not a change: an engine that was restarted, or news that got lost, leave
// nothing behind that would have to be mended.
type Seen map[string][]Peer

// Tape takes what an engine hears.
type Tape interface {
	// Hears says that whatever is said from now on is taken.
	Hears()
	// Track begins a stretch of one person's voice. What is written to it is an
	// Ogg file of Opus; an error of it ends the recording. It is nil, without an
	// error, while nothing of this person may be taken: ask again with the next
	// packet. It waits for nothing.
	Track(person string, at time.Time) (Track, error)
}

// Track is a stretch of a voice. Neither method waits for a disk.
type Track interface {
	Write(ogg []byte, length time.Duration) error // length is of all so far
	Close() error
}

// Engine carries sound and pictures. Its rooms are named by the ids of ours and
// its participants by the ids of people.
type Engine interface {
	// Start begins the work and tells what the engine carries whenever that
	// changes, one call at a time, until Close. It does not wait for readiness.
	Start(heard func(State, Seen)) error
	State() State
	Issue(g Grant) (Ticket, error)
	// Read gives what a ticket's token grants; fault.Denied for one that is not
	// of this engine or no longer holds.
	Read(token string) (Grant, error)
	// Open makes the room ready to be joined; again does nothing.
	Open(ctx context.Context, room string) error
	Permit(ctx context.Context, room, person string, m Mode) error
	// Mute closes a person's microphones; only they can open them again.
	Mute(ctx context.Context, room, person string) error
	// Remove ends a person's connection. Removing who is not there is no error.
	Remove(ctx context.Context, room, person string) error
	// Record hears what is said in a room, unseen, until ctx ends, which is no
	// error, or until it cannot. It is the server's own: no ticket grants it.
	Record(ctx context.Context, room string, t Tape) error
	// Signalling serves the browsers' connections; nil where they go elsewhere.
	Signalling() http.Handler
	Close(ctx context.Context) error
}

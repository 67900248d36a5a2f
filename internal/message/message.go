// Package message keeps what is said in rooms, cards included.
//
// Invariant: nothing said is ever overwritten. Every post, edit, deletion,
// reaction, pin and card update is a version that takes the next number of the
// room's sequence, so a client that saw number n and now sees n+2 knows that
// it missed something. Messages are their own record and not ledger events.
package message

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/ledger"
	"muster/internal/meter"
	"muster/internal/room"
)

// MaxText is the longest message, in bytes.
const MaxText = 16 << 10

// MaxCard is the largest card snapshot, in bytes.
const MaxCard = 64 << 10

// Author as shown beside a message.
type Author struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Display  string `json:"display"`
	Kind     string `json:"kind" enum:"person,bot,guest,system"`
	Hue      int    `json:"hue"`
	Initials string `json:"initials"`
	Via      string `json:"via,omitempty" doc:"Display name of who made the API token it was written with, when that is not the author"`
}

// Card is something with a life of its own shown in a room: an alert, a run,
// an incident. Data is the snapshot to draw when the thing itself can't be read.
type Card struct {
	Type string          `json:"type" enum:"alert,run,incident,event"`
	Ref  string          `json:"ref" doc:"Id of the thing"`
	Data json.RawMessage `json:"data"`
}

// Reaction is one emoji with who gave it.
type Reaction struct {
	Emoji string   `json:"emoji"`
	Users []string `json:"users"`
}

// Message in its newest version.
type Message struct {
	ID        string     `json:"id"`
	RoomID    string     `json:"room_id"`
	Seq       int64      `json:"seq" doc:"The room's number when it was posted: its place"`
	ChangeSeq int64      `json:"change_seq" doc:"The room's number of its newest version"`
	Author    Author     `json:"author"`
	Kind      string     `json:"kind" enum:"text,card,system"`
	Text      string     `json:"text" doc:"Markdown"`
	Mentions  []string   `json:"mentions,omitempty" doc:"Logins that the text speaks to: names in its words, not those in code or links"`
	Card      *Card      `json:"card,omitempty"`
	Thread    string     `json:"thread,omitempty" doc:"Id of the message this one answers"`
	Key       string     `json:"key,omitempty" doc:"The client's own id for it"`
	CreatedAt time.Time  `json:"created_at"`
	EditedAt  *time.Time `json:"edited_at,omitempty"`
	Deleted   bool       `json:"deleted"`
	Pinned    bool       `json:"pinned"`
	Reactions []Reaction `json:"reactions"`
	Replies   []Message  `json:"replies,omitempty"`
	// Abilities are of who asked; what the socket carries to everybody has none.
	Abilities map[string]bool `json:"abilities,omitempty" doc:"edit, delete, pin"`

	command bool // carried out; speaks to nobody
}

// Version is one state a message had.
type Version struct {
	Seq    int64     `json:"seq"`
	Change string    `json:"change" enum:"posted,edited,deleted,card,reaction,pin"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	Text   string    `json:"text"`
}

// New describes a message to be posted.
type New struct {
	Room   string
	Text   string
	Card   *Card
	Thread string // id of the message it answers
	Kind   string // "" text, or card when there is one; system lines come from the system
	Key    string // the client's id: the same key again gives the same message

	// Command is a line that was carried out: it speaks to nobody, for its verb
	// tells whom it is about.
	Command bool
}

// Mentioned tells somebody that a message speaks to them: by name, or because
// it answers theirs.
type Mentioned func(ctx context.Context, tx *db.Tx, who actor.Actor, person string, r room.Room, m Message, answer bool) error

// Store keeps messages.
type Store struct {
	rooms     *room.Store
	accounts  *account.Store
	ledger    *ledger.Ledger
	bus       bus.Bus
	clock     clock.Clock
	mentioned Mentioned
	since     Since
	posted    *meter.Counter
}

// Since is from which of a room's numbers on a guest may read it.
type Since func(ctx context.Context, q db.Querier, guest, roomID string) (int64, error)

// GuestsSince registers fn, without which guests read nothing; only app calls it.
func (s *Store) GuestsSince(fn Since) { s.since = fn }

// from is the number behind which who reads a room: 0 for those at home.
func (s *Store) from(ctx context.Context, q db.Querier, who actor.Actor, roomID string) (int64, error) {
	if who.Kind != actor.Guest {
		return 0, nil
	}
	if s.since == nil {
		return 0, errNone
	}
	return s.since(ctx, q, who.ID, roomID)
}

// forGuest is a message without what only concerns those at home: what a card
// is about, and logins.
func forGuest(m Message) Message {
	m.Mentions = nil
	if m.Author.Name = ""; m.Card != nil {
		m.Card, m.Kind, m.Text = nil, "system", "Something was put here that guests are not shown."
	}
	for i, r := range m.Replies {
		m.Replies[i] = forGuest(r)
	}
	return m
}

// Measure counts what is said. Call it before the first message.
func (s *Store) Measure(m *meter.Meter) {
	s.posted = m.Counter("messages_posted_total", "Messages posted, by kind and door.", "kind", "door")
	for _, door := range []string{"web", "api"} {
		s.posted.Add(0, "text", door)
	}
}

// NewStore makes a store; mentioned may be nil.
func NewStore(rooms *room.Store, accounts *account.Store, l *ledger.Ledger, b bus.Bus, c clock.Clock, mentioned Mentioned) *Store {
	return &Store{rooms: rooms, accounts: accounts, ledger: l, bus: b, clock: c, mentioned: mentioned}
}

var (
	errNone    = fault.New(fault.NotFound, "There is no such message, or you may not read its room.")
	errDeleted = fault.New(fault.Conflict, "This message was deleted.")
)

func check(in *New) error {
	in.Text = strings.TrimRight(strings.ReplaceAll(in.Text, "\r\n", "\n"), " \n\t")
	switch {
	case !utf8.ValidString(in.Text) || strings.ContainsRune(in.Text, 0):
		return fault.Field("text", "The message is not valid text (UTF-8).")
	case len(in.Text) > MaxText:
		return fault.Field("text", fmt.Sprintf("The message has %d bytes; at most %d fit. Split it.", len(in.Text), MaxText))
	case in.Card == nil && strings.TrimSpace(in.Text) == "":
		return fault.Field("text", "Write something first.")
	case len(in.Key) > 64:
		return fault.Field("key", "A key has at most 64 characters.")
	case in.Card != nil && len(in.Card.Data) > MaxCard:
		return fmt.Errorf("card %s: %d bytes of data", in.Card.Type, len(in.Card.Data))
	}
	if in.Kind == "" {
		in.Kind = "text"
		if in.Card != nil {
			in.Kind = "card"
		}
	}
	return nil
}

// Post says something in a room.
func (s *Store) Post(ctx context.Context, tx *db.Tx, who actor.Actor, in New) (Message, error) {
	if err := check(&in); err != nil {
		return Message{}, err
	}
	r, err := s.rooms.Get(ctx, tx, in.Room)
	if err != nil {
		return Message{}, err
	}
	if err := s.rooms.Check(ctx, tx, who, "post", r); err != nil {
		return Message{}, err
	}
	if r.Archived {
		return Message{}, fault.New(fault.Conflict, "This room is archived: it can be read, not written. Ask an administrator to open it again.")
	}
	if done, err := s.Repeated(ctx, tx, who, in); err != nil || done != nil {
		if err == nil {
			return *done, nil
		}
		return Message{}, err
	}
	var answered []string // whose messages it answers
	if in.Thread != "" {
		root, _, err := s.reach(ctx, tx, who, in.Thread)
		if err != nil || root.RoomID != in.Room {
			return Message{}, fault.Field("thread", "The message you answer is not in this room.")
		}
		answered = append(answered, root.Author.ID)
		if root.Thread != "" {
			in.Thread = root.Thread
			if root, err = s.get(ctx, tx, in.Thread); err != nil {
				return Message{}, err
			}
			answered = append(answered, root.Author.ID)
		}
	}
	m := Message{
		ID: id.New(), RoomID: in.Room, Author: author(who), Kind: in.Kind, Text: in.Text, Card: in.Card,
		Thread: in.Thread, Key: in.Key, CreatedAt: s.clock.Now(), Reactions: []Reaction{}, command: in.Command,
	}
	m.Mentions = spokenTo(m)
	if m.Seq, err = s.rooms.NextSeq(ctx, tx, in.Room); err != nil {
		return m, err
	}
	m.ChangeSeq = m.Seq
	var cardType, cardRef, cardData string
	if m.Card != nil {
		cardType, cardRef, cardData = m.Card.Type, m.Card.Ref, string(m.Card.Data)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO message (id, room, seq, change_seq, author, author_name, author_display, author_kind, kind, text, card_type, card_ref, card_data, thread, client_key, created_at, edited_at, deleted, pinned, via, command)
VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, FALSE, FALSE, $16, $17)`,
		m.ID, m.RoomID, m.Seq, who.ID, who.Name, who.Display, string(who.Kind), m.Kind, m.Text, cardType, cardRef, cardData, m.Thread, m.Key, db.Micro(m.CreatedAt), m.Author.Via, m.command); err != nil {
		return m, fmt.Errorf("post: %w", err)
	}
	if err := s.version(ctx, tx, who, m, "posted", ""); err != nil {
		return m, err
	}
	if m.Kind == "text" && !m.command && who.Kind != actor.Guest { // a guest speaks to those who are there
		if err := s.tell(ctx, tx, who, r, m, m.Mentions, answered); err != nil {
			return m, err
		}
	}
	tx.AfterCommit(func() {
		s.posted.Inc(m.Kind, who.Door)
		s.bus.Publish("room:"+m.RoomID, event(m))
		s.bus.Publish("unread", Unread{Room: r, Seq: m.Seq, Author: who.ID, Quiet: who.ID == room.QuietAuthor})
	})
	return m, nil
}

// Unread is published on the bus topic "unread" when a room got a message, or
// one was taken back and is not to be read any more.
type Unread struct {
	Room    room.Room
	Seq     int64 // of this change
	Deleted int64 // number of the message that was taken back, or 0
	Author  string
	Quiet   bool // it is nothing to be read: the number moves, the count does not
}

func event(m Message) map[string]any {
	return map[string]any{"type": "message", "seq": m.ChangeSeq, "message": m}
}

func author(who actor.Actor) Author {
	return Author{ID: who.ID, Name: who.Name, Display: who.Display, Kind: string(who.Kind), Hue: account.Hue(who.ID), Initials: account.Initials(who.Display), Via: who.Via()}
}

// version adds a row to the append-only record.
func (s *Store) version(ctx context.Context, tx *db.Tx, who actor.Actor, m Message, change, detail string) error {
	card := ""
	if m.Card != nil {
		card = string(m.Card.Data)
	}
	_, err := tx.Exec(ctx, `INSERT INTO message_version (room, seq, message, change, by_id, by_name, at, text, card_data, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		m.RoomID, m.ChangeSeq, m.ID, change, who.ID, who.Name, db.Micro(s.clock.Now()), m.Text, card, detail)
	if err != nil {
		return fmt.Errorf("record version: %w", err)
	}
	return nil
}

// maxMentions bounds what one message can set off.
const maxMentions = 20

// spokenTo are the logins a message names.
func spokenTo(m Message) []string {
	if m.Kind != "text" || m.Deleted || m.command {
		return nil
	}
	if names := account.Mentioned(m.Text); len(names) > 0 {
		return names
	}
	return nil
}

// tell lets those know whom a message names, and those whose messages it
// answers: each once, and nobody of a room they may not read.
func (s *Store) tell(ctx context.Context, tx *db.Tx, who actor.Actor, r room.Room, m Message, names, answered []string) error {
	people, err := s.accounts.ByLogins(ctx, tx, names)
	if err != nil {
		return err
	}
	told := map[string]bool{who.ID: true}
	for _, u := range people[:min(len(people), maxMentions)] {
		if err := s.tellOne(ctx, tx, who, r, m, u.ID, false, told); err != nil {
			return err
		}
	}
	if len(answered) == 0 {
		return nil
	}
	authors, err := s.accounts.ByIDs(ctx, tx, answered)
	if err != nil {
		return err
	}
	for _, id := range answered {
		// A guest hears what is said where they are; the system and bots read nothing.
		if u, ok := authors[id]; ok && !u.Disabled && u.Kind == string(actor.Person) {
			if err := s.tellOne(ctx, tx, who, r, m, id, true, told); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) tellOne(ctx context.Context, tx *db.Tx, who actor.Actor, r room.Room, m Message, person string, answer bool, told map[string]bool) error {
	if told[person] {
		return nil
	}
	told[person] = true
	if r.Private { // somebody who may not read the room must not learn of it
		if in, err := s.rooms.Member(ctx, tx, r.ID, person); err != nil || !in {
			return err
		}
	}
	if err := s.rooms.Mention(ctx, tx, r.ID, person, m.ChangeSeq); err != nil {
		return err
	}
	if s.mentioned == nil {
		return nil
	}
	return s.mentioned(ctx, tx, who, person, r, m, answer)
}

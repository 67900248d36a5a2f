package message

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
	"muster/internal/room"
)

// Pinned is the ledger event of a message put on the record of its room: in an
// incident's room it stands on the timeline.
type Pinned struct {
	Message string `json:"message" class:"public"`
	Pinned  bool   `json:"pinned" class:"public"`
	Author  string `json:"author" class:"public"`
	Text    string `json:"text" class:"internal"`
}

func (Pinned) EventKind() string { return "message.Pinned" }

// Deleted is the ledger event of a message taken back; its versions stay.
type Deleted struct {
	Message string `json:"message" class:"public"`
	Author  string `json:"author" class:"public"`
}

func (Deleted) EventKind() string { return "message.Deleted" }

// reach reads a message and its room, and refuses who may not read it.
func (s *Store) reach(ctx context.Context, q db.Querier, who actor.Actor, messageID string) (Message, room.Room, error) {
	m, err := s.get(ctx, q, messageID)
	if err != nil {
		return m, room.Room{}, err
	}
	r, err := s.rooms.Get(ctx, q, m.RoomID)
	if err != nil {
		return m, r, err
	}
	if !s.rooms.May(ctx, q, who, "read", r) {
		return Message{}, room.Room{}, errNone
	}
	from, err := s.from(ctx, q, who, r.ID)
	if err != nil {
		return Message{}, room.Room{}, err
	}
	if m.Seq <= from {
		return Message{}, room.Room{}, errNone
	}
	return m, r, nil
}

// open is reach for a change by who may post there.
func (s *Store) open(ctx context.Context, tx *db.Tx, who actor.Actor, messageID string) (Message, room.Room, error) {
	m, r, err := s.reach(ctx, tx, who, messageID)
	if err != nil {
		return m, r, err
	}
	if err := s.rooms.Check(ctx, tx, who, "post", r); err != nil {
		return m, r, err
	}
	if m.Deleted {
		return m, r, errDeleted
	}
	if r.Archived {
		return m, r, fault.New(fault.Conflict, "This room is archived: its messages stay as they are.")
	}
	return m, r, nil
}

// next gives m the room's next number, stores set (column = $3…), records the
// version and shows it.
func (s *Store) next(ctx context.Context, tx *db.Tx, who actor.Actor, m *Message, change, detail, set string, args ...any) (err error) {
	if m.ChangeSeq, err = s.rooms.NextSeq(ctx, tx, m.RoomID); err != nil {
		return err
	}
	if set != "" {
		set = ", " + set
	}
	if _, err := tx.Exec(ctx, `UPDATE message SET change_seq = $2`+set+` WHERE id = $1`, append([]any{m.ID, m.ChangeSeq}, args...)...); err != nil {
		return fmt.Errorf("change message: %w", err)
	}
	if err := s.version(ctx, tx, who, *m, change, detail); err != nil {
		return err
	}
	shown := *m
	tx.AfterCommit(func() { s.bus.Publish("room:"+shown.RoomID, event(shown)) })
	return nil
}

// Edit replaces one's own text; the old text stays as a version.
func (s *Store) Edit(ctx context.Context, tx *db.Tx, who actor.Actor, messageID, text string) (Message, error) {
	m, r, err := s.open(ctx, tx, who, messageID)
	if err != nil {
		return m, err
	}
	if m.Author.ID != who.ID || m.Kind != "text" {
		return m, fault.New(fault.Denied, "Only the author can edit a message.")
	}
	in := New{Text: text}
	if err := check(&in); err != nil {
		return m, err
	}
	if strings.HasPrefix(m.Text, "/") {
		return m, fault.New(fault.Conflict, "A command that was carried out cannot be edited. Type it again instead.")
	}
	now := s.clock.Now()
	m.Text, m.EditedAt = in.Text, &now
	m.Mentions = spokenTo(m)
	// Before the new version is among those that were there.
	added, err := s.newlyNamed(ctx, tx, m)
	if err != nil {
		return m, err
	}
	if err := s.next(ctx, tx, who, &m, "edited", "", "text = $3, edited_at = $4", m.Text, db.Micro(now)); err != nil {
		return m, err
	}
	if who.Kind == actor.Guest {
		return m, nil
	}
	return m, s.tell(ctx, tx, who, r, m, added, nil)
}

// newlyNamed are those whom no version of the message named before: who was
// told of it once is not told again.
func (s *Store) newlyNamed(ctx context.Context, tx *db.Tx, m Message) ([]string, error) {
	if len(m.Mentions) == 0 {
		return nil, nil
	}
	texts, err := db.All(ctx, tx, db.Strings, `SELECT text FROM message_version WHERE message = $1 AND change IN ('posted', 'edited')`, m.ID)
	if err != nil {
		return nil, fmt.Errorf("read versions: %w", err)
	}
	named := map[string]bool{}
	for _, text := range texts {
		for _, name := range account.Mentioned(text) {
			named[name] = true
		}
	}
	var added []string
	for _, name := range m.Mentions {
		if !named[name] {
			added = append(added, name)
		}
	}
	return added, nil
}

// Delete takes a message back: one's own, or anybody's by a moderator.
func (s *Store) Delete(ctx context.Context, tx *db.Tx, who actor.Actor, messageID string) error {
	m, r, err := s.open(ctx, tx, who, messageID)
	if err != nil {
		return err
	}
	if m.Kind != "text" {
		return fault.New(fault.Denied, "Cards and notices are part of the record and cannot be deleted.")
	}
	if m.Author.ID != who.ID {
		if err := s.rooms.Check(ctx, tx, who, "moderate", r); err != nil {
			return err
		}
	}
	m.Text, m.Mentions, m.Deleted, m.Pinned = "", nil, true, false
	if err := s.next(ctx, tx, who, &m, "deleted", "", "text = '', deleted = TRUE, pinned = FALSE"); err != nil {
		return err
	}
	tx.AfterCommit(func() {
		s.bus.Publish("unread", Unread{Room: r, Seq: m.ChangeSeq, Deleted: m.Seq, Author: m.Author.ID})
	})
	about, err := s.about(ctx, tx, m)
	if err != nil {
		return err
	}
	return s.ledger.Append(ctx, tx, who, about, Deleted{m.ID, m.Author.ID})
}

func (s *Store) about(ctx context.Context, q db.Querier, m Message) (ledger.About, error) {
	a, err := s.rooms.About(ctx, q, m.RoomID)
	a.Resource = "message:" + m.ID
	return a, err
}

// Pin puts a message on the record of its room, or takes it off.
func (s *Store) Pin(ctx context.Context, tx *db.Tx, who actor.Actor, messageID string, pinned bool) (Message, error) {
	m, _, err := s.open(ctx, tx, who, messageID)
	if err != nil || m.Pinned == pinned {
		return m, err
	}
	m.Pinned = pinned
	detail := "pinned"
	if !pinned {
		detail = "unpinned"
	}
	if err := s.next(ctx, tx, who, &m, "pin", detail, "pinned = $3", pinned); err != nil {
		return m, err
	}
	about, err := s.about(ctx, tx, m)
	if err != nil {
		return m, err
	}
	text := m.Text
	if r := []rune(text); len(r) > 300 {
		text = string(r[:300]) + "…"
	}
	return m, s.ledger.Append(ctx, tx, who, about, Pinned{m.ID, pinned, m.Author.Display, text})
}

// React gives or takes back one emoji.
func (s *Store) React(ctx context.Context, tx *db.Tx, who actor.Actor, messageID, emoji string, on bool) (Message, error) {
	if n := utf8.RuneCountInString(emoji); n == 0 || n > 12 || len(emoji) > 64 || !utf8.ValidString(emoji) || strings.ContainsFunc(emoji, func(r rune) bool { return r <= ' ' || r == '<' }) {
		return Message{}, fault.Field("emoji", "Give one emoji.")
	}
	m, _, err := s.open(ctx, tx, who, messageID)
	if err != nil {
		return m, err
	}
	query := `DELETE FROM message_reaction WHERE message = $1 AND emoji = $2 AND person = $3 AND at <> $4`
	detail := "-" + emoji
	if on {
		if len(m.Reactions) >= 20 {
			return m, fault.New(fault.Conflict, "This message already has 20 different reactions. Use one of them.")
		}
		query, detail = `INSERT INTO message_reaction (message, emoji, person, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, "+"+emoji
	}
	res, err := tx.Exec(ctx, query, m.ID, emoji, who.ID, db.Micro(s.clock.Now()))
	if err != nil {
		return m, fmt.Errorf("react: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return m, nil
	}
	ms := []Message{m}
	if err := reactions(ctx, tx, ms); err != nil {
		return m, err
	}
	m = ms[0]
	return m, s.next(ctx, tx, who, &m, "reaction", detail, "")
}

// UpdateCard shows a card's new state. The system and the card's owner call
// it; access was checked where the thing itself changed.
func (s *Store) UpdateCard(ctx context.Context, tx *db.Tx, who actor.Actor, messageID string, card Card) error {
	if len(card.Data) > MaxCard {
		return fmt.Errorf("card %s: %d bytes of data", card.Type, len(card.Data))
	}
	m, err := s.get(ctx, tx, messageID)
	if err != nil {
		return err
	}
	if m.Card == nil || m.Card.Type != card.Type || m.Card.Ref != card.Ref {
		return fmt.Errorf("message %s is not the card of %s %s", messageID, card.Type, card.Ref)
	}
	m.Card = &card
	return s.next(ctx, tx, who, &m, "card", "", "card_data = $3", string(card.Data))
}

// Rewrite gives a line that the system wrote new words, under the same number;
// the old ones stay as a version.
func (s *Store) Rewrite(ctx context.Context, tx *db.Tx, who actor.Actor, messageID, text string) error {
	m, err := s.get(ctx, tx, messageID)
	if err != nil {
		return err
	}
	if m.Kind != "system" || m.Author.ID != who.ID {
		return fmt.Errorf("message %s is no line of %s", messageID, who.ID)
	}
	m.Text = text
	return s.next(ctx, tx, who, &m, "edited", "", "text = $3", text)
}

package message

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/room"
)

const cols = `id, room, seq, change_seq, author, author_name, author_display, author_kind, kind, text, card_type, card_ref, card_data, thread, client_key, created_at, edited_at, deleted, pinned, via, command`

func scan(s db.Scanner) (m Message, err error) {
	var cardType, cardRef, cardData string
	var created, edited int64
	err = s.Scan(&m.ID, &m.RoomID, &m.Seq, &m.ChangeSeq, &m.Author.ID, &m.Author.Name, &m.Author.Display, &m.Author.Kind, &m.Kind, &m.Text,
		&cardType, &cardRef, &cardData, &m.Thread, &m.Key, &created, &edited, &m.Deleted, &m.Pinned, &m.Author.Via, &m.command)
	m.Author.Hue, m.Author.Initials = account.Hue(m.Author.ID), account.Initials(m.Author.Display)
	m.CreatedAt = db.At(created)
	if edited > 0 {
		at := db.At(edited)
		m.EditedAt = &at
	}
	if cardType != "" {
		m.Card = &Card{cardType, cardRef, json.RawMessage(cardData)}
	}
	m.Reactions = []Reaction{}
	m.Mentions = spokenTo(m)
	return m, err
}

// get reads one message with its reactions, without asking who may.
func (s *Store) get(ctx context.Context, q db.Querier, messageID string) (Message, error) {
	m, err := db.One(ctx, q, scan, `SELECT `+cols+` FROM message WHERE id = $1`, messageID)
	if db.IsNoRows(err) {
		return m, errNone
	}
	if err != nil {
		return m, err
	}
	ms := []Message{m}
	err = reactions(ctx, q, ms)
	return ms[0], err
}

// Get reads one message who may read.
func (s *Store) Get(ctx context.Context, q db.Querier, who actor.Actor, messageID string) (Message, error) {
	m, r, err := s.reach(ctx, q, who, messageID)
	if err != nil {
		return m, err
	}
	ms := []Message{m}
	s.able(ctx, q, who, r, ms)
	if who.Kind == actor.Guest {
		if m.Thread != "" { // an answer to what they may not read
			if _, _, err := s.reach(ctx, q, who, m.Thread); err != nil {
				return Message{}, err
			}
		}
		return forGuest(ms[0]), nil
	}
	return ms[0], nil
}

// able says what who may do with each message.
func (s *Store) able(ctx context.Context, q db.Querier, who actor.Actor, r room.Room, ms []Message) {
	post := !r.Archived && s.rooms.May(ctx, q, who, "post", r)
	moderate := post && s.rooms.May(ctx, q, who, "moderate", r)
	var fill func(ms []Message)
	fill = func(ms []Message) {
		for i := range ms {
			m := &ms[i]
			text, own := post && m.Kind == "text" && !m.Deleted, m.Author.ID == who.ID
			m.Abilities = map[string]bool{"edit": text && own && !strings.HasPrefix(m.Text, "/"), "delete": text && (own || moderate), "pin": post && !m.Deleted}
			fill(m.Replies)
		}
	}
	fill(ms)
}

// ByKey finds what who posted in the room under the client's key; nil when nothing.
func (s *Store) ByKey(ctx context.Context, q db.Querier, who actor.Actor, roomID, key string) (*Message, error) {
	if key == "" {
		return nil, nil
	}
	m, err := db.One(ctx, q, scan, `SELECT `+cols+` FROM message WHERE room = $1 AND author = $2 AND client_key = $3`, roomID, who.ID, key)
	if db.IsNoRows(err) {
		return nil, nil
	}
	return &m, err
}

// Repeated is ByKey for a message that is sent: what was posted under its key, and
// a conflict where that said something else. What was edited or deleted since is
// not compared any more.
func (s *Store) Repeated(ctx context.Context, q db.Querier, who actor.Actor, in New) (*Message, error) {
	m, err := s.ByKey(ctx, q, who, in.Room, in.Key)
	if err != nil || m == nil {
		return nil, err
	}
	if err := check(&in); err != nil {
		return nil, err
	}
	if m.EditedAt == nil && !m.Deleted && m.Card == nil && m.Text != in.Text {
		return nil, fault.New(fault.Conflict, "The key was used for another message, which was sent. Take a new key for each message.")
	}
	return m, nil
}

// reactions fills in the reactions of ms.
func reactions(ctx context.Context, q db.Querier, ms []Message) error {
	if len(ms) == 0 {
		return nil
	}
	at := map[string]*Message{}
	args := make([]any, len(ms))
	marks := make([]string, len(ms))
	for i := range ms {
		ms[i].Reactions = []Reaction{}
		at[ms[i].ID], args[i], marks[i] = &ms[i], ms[i].ID, fmt.Sprintf("$%d", i+1)
	}
	rows, err := db.All(ctx, q, func(s db.Scanner) (r [3]string, err error) { return r, s.Scan(&r[0], &r[1], &r[2]) },
		`SELECT message, emoji, person FROM message_reaction WHERE message IN (`+strings.Join(marks, ", ")+`) ORDER BY at, person`, args...)
	if err != nil {
		return fmt.Errorf("read reactions: %w", err)
	}
	for _, r := range rows {
		m := at[r[0]]
		i := slices.IndexFunc(m.Reactions, func(x Reaction) bool { return x.Emoji == r[1] })
		if i < 0 {
			m.Reactions = append(m.Reactions, Reaction{Emoji: r[1]})
			i = len(m.Reactions) - 1
		}
		m.Reactions[i].Users = append(m.Reactions[i].Users, r[2])
	}
	return nil
}

// Page is a stretch of a room's history, oldest first, replies nested in their roots.
type Page struct {
	Items     []Message `json:"items"`
	HasBefore bool      `json:"has_before"`
	HasAfter  bool      `json:"has_after"`
	Seq       int64     `json:"seq" doc:"The room's number when this was read; subscribe from here"`
}

// Range says which stretch: the newest (zero Range), before a number, around a
// message, or what changed after a number.
type Range struct {
	Before       int64
	Around       string
	At           *int64    // a number: the stretch around it
	On           time.Time // a moment: the stretch around the first message of then or later; the newest where none is
	ChangedAfter *int64
	Limit        int // 0: 50, at most 200
}

// maxReplies bounds how many answers are nested under one root.
const maxReplies = 200

// History reads a stretch of a room who may read.
func (s *Store) History(ctx context.Context, q db.Querier, who actor.Actor, roomID string, in Range) (p Page, err error) {
	r, err := s.rooms.See(ctx, q, who, roomID)
	if err != nil {
		return Page{}, err
	}
	from, err := s.from(ctx, q, who, r.ID)
	if err != nil {
		return Page{}, err
	}
	if who.Kind == actor.Guest {
		defer func() {
			for i, m := range p.Items {
				p.Items[i] = forGuest(m)
			}
		}()
	}
	limit := in.Limit
	if limit <= 0 {
		limit = 50
	}
	limit = min(limit, 200)
	p = Page{Items: []Message{}, Seq: r.Seq}
	after := fmt.Sprintf(` seq > %d AND `, from)
	root := `SELECT ` + cols + ` FROM message WHERE room = $1 AND thread = '' AND` + after
	switch {
	case in.ChangedAfter != nil:
	case !in.On.IsZero():
		at, err := db.One(ctx, q, func(s db.Scanner) (n int64, err error) { return n, s.Scan(&n) }, `SELECT seq FROM message WHERE room = $1 AND thread = '' AND`+after+`created_at >= $2 ORDER BY seq LIMIT 1`, r.ID, db.Micro(in.On))
		if db.IsNoRows(err) {
			at, err = r.Seq, nil
		}
		if err != nil {
			return p, err
		}
		in.At = &at
	case in.Around != "":
		m, err := s.get(ctx, q, in.Around)
		if err != nil || m.RoomID != r.ID || m.Seq <= from {
			return p, errNone
		}
		if m.Thread != "" {
			if m, err = s.get(ctx, q, m.Thread); err != nil {
				return p, err
			}
		}
		in.At = &m.Seq
	}
	switch {
	case in.ChangedAfter != nil:
		// Replies come flat here: the client files each under its root.
		p.Items, err = db.All(ctx, q, scan, `SELECT `+cols+` FROM message WHERE room = $1 AND`+after+`change_seq > $2 ORDER BY change_seq LIMIT $3`, r.ID, *in.ChangedAfter, 501)
		if err != nil {
			return p, err
		}
		if p.HasAfter = len(p.Items) > 500; p.HasAfter {
			p.Items = p.Items[:500]
			p.Seq = p.Items[499].ChangeSeq
		}
		s.able(ctx, q, who, r, p.Items)
		return p, reactions(ctx, q, p.Items)
	case in.At != nil:
		before, err := db.All(ctx, q, scan, root+`seq <= $2 ORDER BY seq DESC LIMIT $3`, r.ID, *in.At, limit/2+2)
		if err != nil {
			return p, err
		}
		after, err := db.All(ctx, q, scan, root+`seq > $2 ORDER BY seq LIMIT $3`, r.ID, *in.At, limit/2+1)
		if err != nil {
			return p, err
		}
		if p.HasBefore = len(before) > limit/2+1; p.HasBefore {
			before = before[:limit/2+1]
		}
		if p.HasAfter = len(after) > limit/2; p.HasAfter {
			after = after[:limit/2]
		}
		slices.Reverse(before)
		p.Items = append(before, after...)
	default:
		before := in.Before
		if before <= 0 {
			before = r.Seq + 1
		} else {
			p.HasAfter = before <= r.Seq
		}
		p.Items, err = db.All(ctx, q, scan, root+`seq < $2 ORDER BY seq DESC LIMIT $3`, r.ID, before, limit+1)
		if err != nil {
			return p, err
		}
		if p.HasBefore = len(p.Items) > limit; p.HasBefore {
			p.Items = p.Items[:limit]
		}
		slices.Reverse(p.Items)
	}
	if err := reactions(ctx, q, p.Items); err != nil {
		return p, err
	}
	if err := s.replies(ctx, q, p.Items); err != nil {
		return p, err
	}
	s.able(ctx, q, who, r, p.Items)
	return p, nil
}

// replies nests the answers under their roots.
func (s *Store) replies(ctx context.Context, q db.Querier, roots []Message) error {
	if len(roots) == 0 {
		return nil
	}
	args := []any{roots[0].RoomID, maxReplies * len(roots)}
	marks := make([]string, len(roots))
	at := map[string]int{}
	for i, m := range roots {
		args = append(args, m.ID)
		marks[i] = fmt.Sprintf("$%d", i+3)
		at[m.ID] = i
	}
	all, err := db.All(ctx, q, scan, `SELECT `+cols+` FROM message WHERE room = $1 AND thread IN (`+strings.Join(marks, ", ")+`) ORDER BY seq LIMIT $2`, args...)
	if err != nil {
		return fmt.Errorf("read replies: %w", err)
	}
	if err := reactions(ctx, q, all[:min(len(all), 1000)]); err != nil {
		return err
	}
	for _, m := range all {
		if root := &roots[at[m.Thread]]; len(root.Replies) < maxReplies {
			root.Replies = append(root.Replies, m)
		}
	}
	return nil
}

// Versions lists what a message was, oldest first.
func (s *Store) Versions(ctx context.Context, q db.Querier, who actor.Actor, messageID string) ([]Version, error) {
	m, r, err := s.reach(ctx, q, who, messageID)
	if err != nil {
		return nil, err
	}
	vs, err := db.All(ctx, q, func(s db.Scanner) (v Version, err error) {
		var at int64
		err = s.Scan(&v.Seq, &v.Change, &v.By, &at, &v.Text)
		v.At = db.At(at)
		return v, err
	}, `SELECT seq, change, by_name, at, text FROM message_version WHERE message = $1 AND change IN ('posted', 'edited', 'deleted') ORDER BY seq`, m.ID)
	if err != nil {
		return nil, err
	}
	// What was deleted on purpose is shown to its author and to moderators only; it stays in the record.
	if m.Deleted && m.Author.ID != who.ID && !s.rooms.May(ctx, q, who, "moderate", r) && !who.In("auditor") {
		return nil, fault.New(fault.Denied, "This message was deleted. Its author, a moderator or an auditor can see what it said.")
	}
	return vs, nil
}

// LastByPerson is when a person last said something in a room; zero when nobody did.
func (s *Store) LastByPerson(ctx context.Context, q db.Querier, roomID string) (time.Time, error) {
	var at int64
	if err := q.QueryRow(ctx, `SELECT COALESCE(MAX(created_at), 0) FROM message WHERE room = $1 AND author_kind = 'person'`, roomID).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("read the last word: %w", err)
	}
	return db.At(at), nil
}

package room

import (
	"context"
	"fmt"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
)

// Member says whether a person is a member of the room.
func (s *Store) Member(ctx context.Context, q db.Querier, roomID, person string) (bool, error) {
	var n int
	err := q.QueryRow(ctx, `SELECT COUNT(*) FROM room_member WHERE room = $1 AND person = $2`, roomID, person).Scan(&n)
	return n > 0, err
}

// Members lists the user ids of a room's members, longest first.
func (s *Store) Members(ctx context.Context, q db.Querier, roomID string) ([]string, error) {
	return db.All(ctx, q, db.Strings, `SELECT person FROM room_member WHERE room = $1 ORDER BY joined_at, person`, roomID)
}

// Join makes person a member. Oneself one may join where one may enter; others
// need the right to invite.
func (s *Store) Join(ctx context.Context, tx *db.Tx, who actor.Actor, roomID, person string) error {
	r, err := s.Get(ctx, tx, roomID)
	if err != nil {
		return err
	}
	action := "invite"
	if person == who.ID {
		action = "enter"
	}
	if err := s.Check(ctx, tx, who, action, r); err != nil {
		return err
	}
	if r.Archived {
		return fault.New(fault.Conflict, "This room is archived. Ask an administrator to open it again.")
	}
	if person == who.ID && r.Door == "locked" && !who.IsSystem() {
		// Or membership would be the key that anybody makes for themselves.
		if in, err := s.Member(ctx, tx, r.ID, person); err != nil || in {
			return err
		}
		return fault.New(fault.Denied, "The door of "+r.Name+" is locked. Ask somebody inside to Get you.")
	}
	return s.join(ctx, tx, who, r, person)
}

func (s *Store) join(ctx context.Context, tx *db.Tx, who actor.Actor, r Room, person string) error {
	res, err := tx.Exec(ctx, `INSERT INTO room_member (room, person, joined_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, r.ID, person, db.Micro(s.clock.Now()))
	if err != nil {
		return fmt.Errorf("join room: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, `INSERT INTO room_read (room, person, seq) SELECT id, $2, seq FROM room WHERE id = $1 ON CONFLICT DO NOTHING`, r.ID, person); err != nil {
		return fmt.Errorf("join room: %w", err)
	}
	var read int64
	if err := tx.QueryRow(ctx, `SELECT seq FROM room_read WHERE room = $1 AND person = $2`, r.ID, person).Scan(&read); err != nil {
		return fmt.Errorf("join room: %w", err)
	}
	tx.AfterCommit(func() {
		s.bus.Publish("user:"+person, map[string]any{"type": "membership", "room_id": r.ID, "member": true, "read_seq": read})
	})
	return s.ledger.Append(ctx, tx, who, about(r), Joined{person})
}

// Leave ends a membership: one's own, or anybody's by a moderator.
func (s *Store) Leave(ctx context.Context, tx *db.Tx, who actor.Actor, roomID, person string) error {
	r, err := s.Get(ctx, tx, roomID)
	if err != nil {
		return err
	}
	if person != who.ID {
		if err := s.Check(ctx, tx, who, "moderate", r); err != nil {
			return err
		}
	}
	res, err := tx.Exec(ctx, `DELETE FROM room_member WHERE room = $1 AND person = $2`, roomID, person)
	if err != nil {
		return fmt.Errorf("leave room: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return nil
	}
	tx.AfterCommit(func() {
		// realtime ends the person's subscription to a room they may no longer read
		s.bus.Publish("user:"+person, map[string]any{"type": "membership", "room_id": r.ID, "member": false})
	})
	return s.ledger.Append(ctx, tx, who, about(r), Left{person})
}

// Unread is how much of a room a person has not seen.
type Unread struct {
	Room     string
	Seq      int64 // of the room when this was counted
	ReadSeq  int64
	Messages int
	Mentions int
}

// QuietAuthor is who writes the lines that say that people talk in a room. They
// stand in it and are nothing to be read.
const QuietAuthor = "system:call"

// MaxUnread is up to where unread messages are counted.
const MaxUnread = 10_000

// counted is what a message is that counts as unread to $1; the index
// message_unread holds just these.
const counted = `m.author <> $1 AND m.author <> '` + QuietAuthor + `' AND NOT m.deleted`

// UnreadFor counts, per room the person ever opened, joined or was mentioned in,
// the messages of others behind where they read to (up to MaxUnread).
// Rooms one never had to do with have nothing unread.
func (s *Store) UnreadFor(ctx context.Context, q db.Querier, person string) (map[string]Unread, error) {
	us, err := db.All(ctx, q, func(r db.Scanner) (u Unread, err error) {
		return u, r.Scan(&u.Room, &u.Seq, &u.ReadSeq, &u.Mentions, &u.Messages)
	}, `SELECT r.room, room.seq, r.seq, r.mentions, CASE WHEN room.seq <= r.seq THEN 0 ELSE
 (SELECT COUNT(*) FROM (SELECT 1 FROM message m WHERE m.room = r.room AND m.seq > r.seq AND `+counted+` LIMIT $2) AS few) END
 FROM room_read r JOIN room ON room.id = r.room WHERE r.person = $1 AND NOT room.archived`, person, MaxUnread)
	if err != nil {
		return nil, fmt.Errorf("count unread: %w", err)
	}
	out := map[string]Unread{}
	for _, u := range us {
		out[u.Room] = u
	}
	return out, nil
}

// Read moves the mark of where a person has read to; it never goes back.
func (s *Store) Read(ctx context.Context, tx *db.Tx, who actor.Actor, roomID string, seq int64) error {
	r, err := s.See(ctx, tx, who, roomID)
	if err != nil {
		return err
	}
	if seq < 0 || seq > r.Seq {
		return fault.Field("seq", fmt.Sprintf("The room is at %d; send a number from 0 to that.", r.Seq))
	}
	_, err = tx.Exec(ctx, `INSERT INTO room_read (room, person, seq, mentions) VALUES ($1, $2, $3, 0)
ON CONFLICT (room, person) DO UPDATE SET seq = CASE WHEN room_read.seq > excluded.seq THEN room_read.seq ELSE excluded.seq END, mentions = 0`, roomID, who.ID, seq)
	if err != nil {
		return fmt.Errorf("mark read: %w", err)
	}
	// Other windows of the same person cannot count what is left from what they hold.
	left := Unread{Room: roomID, Seq: r.Seq}
	if err := tx.QueryRow(ctx, `SELECT seq FROM room_read WHERE room = $1 AND person = $2`, roomID, who.ID).Scan(&left.ReadSeq); err != nil {
		return fmt.Errorf("mark read: %w", err)
	}
	if left.ReadSeq < r.Seq {
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM message m WHERE m.room = $2 AND m.seq > $3 AND m.seq <= $4 AND `+counted+` LIMIT $5) AS few`, who.ID, roomID, left.ReadSeq, left.Seq, MaxUnread).Scan(&left.Messages); err != nil {
			return fmt.Errorf("count unread: %w", err)
		}
	}
	tx.AfterCommit(func() {
		s.bus.Publish("user:"+who.ID, map[string]any{"type": "read", "room_id": roomID, "seq": left.ReadSeq, "unread": left.Messages, "as_of": left.Seq})
	})
	return nil
}

// Mention counts a mention of person in a room by the message with number seq.
func (s *Store) Mention(ctx context.Context, tx *db.Tx, roomID, person string, seq int64) error {
	_, err := tx.Exec(ctx, `INSERT INTO room_read (room, person, seq, mentions) VALUES ($1, $2, $3, 1)
ON CONFLICT (room, person) DO UPDATE SET mentions = room_read.mentions + 1`, roomID, person, seq-1)
	if err != nil {
		return fmt.Errorf("count a mention: %w", err)
	}
	tx.AfterCommit(func() {
		s.bus.Publish("user:"+person, map[string]any{"type": "mention", "room_id": roomID, "seq": seq})
	})
	return nil
}

// Admit makes who a member because they were asked over by somebody who was
// allowed to invite; office.Accept has checked that.
func (s *Store) Admit(ctx context.Context, tx *db.Tx, who actor.Actor, roomID string) error {
	r, err := s.Get(ctx, tx, roomID)
	if err != nil {
		return err
	}
	return s.join(ctx, tx, who, r, who.ID)
}

package call

import (
	"context"
	"maps"
	"slices"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/room"
)

const reactEvery = 300 * time.Millisecond

var (
	errNotIn   = fault.New(fault.Conflict, "You are not in this call. Join it first.")
	errNotThem = fault.New(fault.Conflict, "They are not in this call any more.")
)

// in gives the room, the call in it and whether that person takes part, to who
// may read the room.
func (s *Store) in(ctx context.Context, q db.Querier, who actor.Actor, roomID, person string) (r room.Room, callID string, p Person, err error) {
	if r, err = s.Rooms.See(ctx, q, who, roomID); err != nil {
		return r, "", p, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.live[r.ID]; l != nil && l.people[person] != nil {
		return r, l.id, l.people[person].Person, nil
	}
	if person == who.ID {
		return r, "", p, errNotIn
	}
	return r, "", p, errNotThem
}

// turn changes a person's place in a call, if they are still there, and shows it.
func (s *Store) turn(roomID, person string, fn func(l *live, m *member)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.live[roomID]; l != nil && l.people[person] != nil {
		fn(l, l.people[person])
		s.show(roomID, l)
	}
}

// Hand raises one's hand, or takes it down.
func (s *Store) Hand(ctx context.Context, q db.Querier, who actor.Actor, roomID string, up bool) error {
	r, _, _, err := s.in(ctx, q, who, roomID, who.ID)
	if err != nil {
		return err
	}
	s.turn(r.ID, who.ID, func(_ *live, m *member) {
		now := s.Clock.Now()
		switch {
		case !up:
			m.HandAt = nil
		case m.HandAt == nil:
			m.HandAt = &now
		}
	})
	return nil
}

// React shows an emoji to everybody in the call. It is not kept.
func (s *Store) React(ctx context.Context, q db.Querier, who actor.Actor, roomID, emoji string) error {
	if !slices.Contains(Reactions, emoji) {
		return fault.Field("emoji", "This is not one of the reactions of calls.")
	}
	r, _, _, err := s.in(ctx, q, who, roomID, who.ID)
	if err != nil {
		return err
	}
	var people []string
	s.turn(r.ID, who.ID, func(l *live, m *member) {
		if now := s.Clock.Now(); now.Sub(m.reaction) >= reactEvery {
			m.reaction = now
			people = slices.Collect(maps.Keys(l.people))
		}
	})
	if len(people) == 0 {
		return fault.Later(fault.RateLimited, reactEvery, "One reaction at a time.")
	}
	for _, p := range people {
		s.Bus.Publish("user:"+p, map[string]any{"type": "reaction", "room_id": r.ID, "user_id": who.ID, "emoji": emoji})
	}
	return nil
}

// Whisper makes one person the only one who hears who, which everybody sees;
// "" ends it. The browser withholds the voice from all others, though not
// from a recorder: where calls are recorded nobody whispers.
func (s *Store) Whisper(ctx context.Context, tx *db.Tx, who actor.Actor, roomID, person string) error {
	if person == who.ID {
		return fault.Field("user_id", "Whisper to somebody else.")
	}
	r, callID, me, err := s.in(ctx, tx, who, roomID, who.ID)
	if err != nil || me.WhisperTo == person {
		return err
	}
	tx.AfterCommit(func() { s.turn(r.ID, who.ID, func(_ *live, m *member) { m.WhisperTo = person }) })
	if person == "" {
		return nil
	}
	if me.Mode != Table {
		return fault.New(fault.Conflict, "From the gallery nobody hears you. Join the table first.")
	}
	if s.MustRecord(r) {
		return fault.New(fault.Conflict, "Calls in this room are recorded, and everybody who took part may hear them again. Speak aside in a room that is not recorded.")
	}
	if _, _, _, err := s.in(ctx, tx, who, roomID, person); err != nil {
		return err
	}
	about, err := s.Rooms.About(ctx, tx, r.ID)
	if err != nil {
		return err
	}
	return s.Ledger.Append(ctx, tx, who, about, Whispered{callID, person})
}

// Mute closes the microphone of somebody else. They can open it again.
func (s *Store) Mute(ctx context.Context, tx *db.Tx, who actor.Actor, roomID, person string) error {
	r, err := s.moderated(ctx, tx, who, roomID)
	if err != nil {
		return err
	}
	_, callID, _, err := s.in(ctx, tx, who, roomID, person)
	if err != nil {
		return err
	}
	about, err := s.Rooms.About(ctx, tx, r.ID)
	if err != nil {
		return err
	}
	tx.AfterCommit(func() {
		s.engine("mute", func(ctx context.Context) error { return s.Engine.Mute(ctx, r.ID, person) })
	})
	return s.Ledger.Append(ctx, tx, who, about, Muted{callID, person})
}

// Move puts somebody at the table or into the gallery: oneself, or others by
// who moderates the room. At the table sit only those who sit in the room.
func (s *Store) Move(ctx context.Context, tx *db.Tx, who actor.Actor, roomID, person string, mode Mode) error {
	r, callID, _, err := s.in(ctx, tx, who, roomID, person)
	if err != nil {
		return err
	}
	own := person == who.ID
	if own && mode == Table {
		err = s.allowed(ctx, tx, who, r, Table)
	}
	if !own {
		err = s.moveOther(ctx, tx, who, r, callID, person, mode)
	}
	if err != nil {
		return err
	}
	// Whoever was moved to the gallery is held there, also when Muster comes back.
	if _, err := tx.Exec(ctx, `UPDATE call_person SET mode = $3, held = CASE WHEN $4 THEN held ELSE $3 = 'gallery' END WHERE call = $1 AND person = $2`, callID, person, string(mode), own); err != nil {
		return err
	}
	tx.AfterCommit(func() {
		s.turn(r.ID, person, func(l *live, m *member) {
			m.Mode = mode
			if !own {
				l.held[person] = mode == Gallery
			}
			if mode == Table {
				m.HandAt = nil
			} else {
				m.WhisperTo = ""
			}
		})
		s.engine("permit", func(ctx context.Context) error { return s.Engine.Permit(ctx, r.ID, person, mode) })
	})
	return nil
}

func (s *Store) moveOther(ctx context.Context, tx *db.Tx, who actor.Actor, r room.Room, callID, person string, mode Mode) error {
	if err := s.Rooms.Check(ctx, tx, who, "moderate", r); err != nil {
		return err
	}
	at, err := s.Office.Location(ctx, tx, person)
	if err != nil {
		return err
	}
	if mode == Table && (at == nil || at.Room != r.ID) {
		return fault.New(fault.Conflict, "They listen from outside. Get them into "+r.Name+" to have them speak.")
	}
	if mode == Table && s.MustRecord(r) {
		agreed, err := s.consented(ctx, tx, person, r)
		if err != nil {
			return err
		}
		if !agreed {
			return fault.New(fault.Conflict, "Calls in "+r.Name+" are recorded, and they have not agreed to that. Ask them to come to the table themselves: they are asked then.")
		}
	}
	about, err := s.Rooms.About(ctx, tx, r.ID)
	if err != nil {
		return err
	}
	return s.Ledger.Append(ctx, tx, who, about, Moved{callID, person, mode})
}

func (s *Store) moderated(ctx context.Context, q db.Querier, who actor.Actor, roomID string) (room.Room, error) {
	r, err := s.Rooms.See(ctx, q, who, roomID)
	if err != nil {
		return r, err
	}
	return r, s.Rooms.Check(ctx, q, who, "moderate", r)
}

// engine does something to what is live, apart from who asked. What fails is
// done again when the rights of those in the call are looked at next.
func (s *Store) engine(what string, fn func(ctx context.Context) error) {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := fn(ctx); err != nil {
			s.Log.Warn("media engine: "+what, "error", err)
		}
	}()
}

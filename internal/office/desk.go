package office

import (
	"context"
	"fmt"
	"time"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/room"
	"muster/internal/task"
)

// Desk is what a person keeps at hand: where home is, and whom they starred.
type Desk struct {
	Home    *string  `json:"home_room_id" doc:"The room you go home to; null: none"`
	Starred []string `json:"starred" doc:"User ids"`
}

// HomeChosen is the ledger event of somebody's home: it is where they are sent
// when they are sent home.
type HomeChosen struct {
	Room string `json:"room" class:"public"` // "" for none
}

func (HomeChosen) EventKind() string { return "office.HomeChosen" }

const maxStarred = 200

// Desk reads a person's.
func (s *Store) Desk(ctx context.Context, q db.Querier, person string) (Desk, error) {
	d := Desk{Starred: []string{}}
	home, err := s.home(ctx, q, person)
	if err != nil {
		return d, err
	}
	if home != "" {
		d.Home = &home
	}
	all, err := db.All(ctx, q, db.Strings, `SELECT starred FROM office_star WHERE person = $1 ORDER BY starred`, person)
	if err != nil {
		return d, fmt.Errorf("read whom a person starred: %w", err)
	}
	d.Starred = append(d.Starred, all...)
	return d, nil
}

func (s *Store) home(ctx context.Context, q db.Querier, person string) (string, error) {
	home, err := db.One(ctx, q, db.Strings, `SELECT room FROM office_home WHERE person = $1`, person)
	if db.IsNoRows(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read a home: %w", err)
	}
	return home, nil
}

// SetHome makes a room one's home; "" for none.
func (s *Store) SetHome(ctx context.Context, tx *db.Tx, who actor.Actor, roomID string) (Desk, error) {
	if who.Kind != actor.Person {
		return Desk{}, errOnlyPeople
	}
	was, err := s.home(ctx, tx, who.ID)
	if err != nil {
		return Desk{}, err
	}
	if roomID == "" {
		_, err = tx.Exec(ctx, `DELETE FROM office_home WHERE person = $1`, who.ID)
	} else {
		var r room.Room
		if r, err = s.rooms.See(ctx, tx, who, roomID); err != nil {
			return Desk{}, err
		}
		if err := s.rooms.Check(ctx, tx, who, "enter", r); err != nil {
			return Desk{}, err
		}
		if r.Archived || r.Kind == "incident" {
			return Desk{}, fault.Field("room_id", "Home is a room that stays. Choose one that neither is archived nor belongs to an incident.")
		}
		roomID = r.ID
		_, err = tx.Exec(ctx, `INSERT INTO office_home (person, room) VALUES ($1, $2) ON CONFLICT (person) DO UPDATE SET room = excluded.room`, who.ID, roomID)
	}
	if err != nil {
		return Desk{}, fmt.Errorf("choose a home: %w", err)
	}
	if roomID != was {
		about, err := s.rooms.About(ctx, tx, roomID)
		if err != nil {
			return Desk{}, err
		}
		if about.Resource == "" {
			about.Resource = "user:" + who.ID
		}
		if err := s.ledger.Append(ctx, tx, who, about, HomeChosen{roomID}); err != nil {
			return Desk{}, err
		}
	}
	return s.showDesk(ctx, tx, who.ID)
}

// Star keeps a person at hand, or no more. It changes nothing but one's own
// lists, and is no ledger event.
func (s *Store) Star(ctx context.Context, tx *db.Tx, who actor.Actor, person string, starred bool) (Desk, error) {
	if !starred {
		if _, err := tx.Exec(ctx, `DELETE FROM office_star WHERE person = $1 AND starred = $2`, who.ID, person); err != nil {
			return Desk{}, fmt.Errorf("unstar: %w", err)
		}
		return s.showDesk(ctx, tx, who.ID)
	}
	if _, err := s.people.Get(ctx, tx, person); err != nil {
		return Desk{}, err
	}
	if person == who.ID {
		return Desk{}, fault.Field("user", "You are always at hand to yourself. Star somebody else.")
	}
	var have int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM office_star WHERE person = $1`, who.ID).Scan(&have); err != nil {
		return Desk{}, fmt.Errorf("star: %w", err)
	}
	if have >= maxStarred {
		return Desk{}, fault.Newf(fault.Conflict, "You starred %d people. Take the star from some first.", have)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO office_star (person, starred) VALUES ($1, $2) ON CONFLICT DO NOTHING`, who.ID, person); err != nil {
		return Desk{}, fmt.Errorf("star: %w", err)
	}
	return s.showDesk(ctx, tx, who.ID)
}

func (s *Store) showDesk(ctx context.Context, tx *db.Tx, person string) (Desk, error) {
	d, err := s.Desk(ctx, tx, person)
	if err == nil {
		tx.AfterCommit(func() { s.bus.Publish("user:"+person, map[string]any{"type": "desk", "desk": d}) })
	}
	return d, err
}

// Recent lists with whom a person had to do lately, the last one first: who
// asked them over or was asked, who knocked where they answered, and who
// answered them.
func (s *Store) Recent(ctx context.Context, q db.Querier, person string) ([]string, error) {
	out, err := db.All(ctx, q, db.Strings, `SELECT other FROM (
 SELECT person AS other, created_at AS at FROM office_get WHERE asker = $1
 UNION ALL SELECT asker, created_at FROM office_get WHERE person = $1
 UNION ALL SELECT person, created_at FROM office_knock WHERE answered_by = $1
 UNION ALL SELECT answered_by, created_at FROM office_knock WHERE person = $1 AND answered_by <> ''
) AS met WHERE other <> $1 GROUP BY other ORDER BY MAX(at) DESC LIMIT 30`, person)
	if err != nil {
		return nil, fmt.Errorf("read with whom a person had to do: %w", err)
	}
	return out, nil
}

// GoHome takes who to their home room, through its door as anybody.
func (s *Store) GoHome(ctx context.Context, tx *db.Tx, who actor.Actor) (room.Room, error) {
	home, err := s.home(ctx, tx, who.ID)
	if err != nil {
		return room.Room{}, err
	}
	if home == "" {
		return room.Room{}, fault.New(fault.Conflict, "You have no home room yet. Choose one in the menu of a room, or type /home here in it.")
	}
	r, err := s.rooms.See(ctx, tx, who, home)
	if err != nil {
		return r, err
	}
	_, err = s.Enter(ctx, tx, who, r.ID, 0)
	return r, err
}

// toHome seats somebody who was sent home in their home room, where they have
// one that lets them in; ok is false when they have to go out.
func (s *Store) toHome(ctx context.Context, tx *db.Tx, by actor.Actor, person, from string) (ok bool, err error) {
	home, err := s.home(ctx, tx, person)
	if err != nil || home == "" || home == from || !s.Online(person) {
		return false, err
	}
	u, err := s.people.Get(ctx, tx, person)
	if err != nil {
		return false, err
	}
	who := u.Actor().By(by)
	r, err := s.rooms.Get(ctx, tx, home)
	if err != nil {
		return false, err
	}
	if r.Archived || !s.rooms.May(ctx, tx, who, "read", r) || !s.rooms.May(ctx, tx, who, "enter", r) {
		return false, nil
	}
	if err := s.pass(ctx, tx, who, r); fault.Is(err, fault.Denied) {
		return false, nil // nobody gets through a door by being sent home
	} else if err != nil {
		return false, err
	}
	if member, err := s.rooms.Member(ctx, tx, r.ID, person); err != nil || r.Door == "locked" && !member {
		return false, err
	}
	_, err = s.sit(ctx, tx, who, r, 0)
	return err == nil, err
}

const statusEndsKind = "office.status-ends"

func (s *Store) registerStatus(d *db.DB) {
	s.tasks.Handle(statusEndsKind, func(ctx context.Context, t task.Task) error {
		var person string
		if err := t.Into(&person); err != nil {
			return err
		}
		return d.Do(ctx, func(tx *db.Tx) error { return s.people.EndAvailability(ctx, tx, person) })
	})
}

// SetAvailability changes who's own availability. One with an end ends by
// itself: who reads it after that finds it over, and screens are told then.
func (s *Store) SetAvailability(ctx context.Context, tx *db.Tx, who actor.Actor, in account.Availability) (account.Availability, error) {
	was, err := s.people.AvailabilityOf(ctx, tx, who.ID)
	if err != nil {
		return was, err
	}
	out, err := s.people.SetAvailability(ctx, tx, who, in)
	if err != nil || was.Until.Equal(out.Until) {
		return out, err
	}
	// The moment is part of the key: the end that is being told of right now must
	// not keep the next from being told.
	key := func(until time.Time) string { return fmt.Sprintf("%s %d", who.ID, db.Micro(until)) }
	if !was.Until.IsZero() {
		if err := s.tasks.Cancel(ctx, tx, statusEndsKind, key(was.Until)); err != nil {
			return out, err
		}
	}
	if out.Until.IsZero() {
		return out, nil
	}
	return out, s.tasks.Enqueue(ctx, tx, statusEndsKind, who.ID, task.Options{At: out.Until, Key: key(out.Until)})
}

package oncall

import (
	"context"
	"fmt"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
)

// Shift is a stretch during which one person is on call, in the past as it was
// and in the future as it is planned now.
type Shift struct {
	UserID     string    `json:"user_id"`
	From       time.Time `json:"from"`
	Until      time.Time `json:"until"`
	Overridden bool      `json:"overridden" doc:"An override, not the ring, puts them there"`
}

const (
	longestLook = 366 * 24 * time.Hour
	mostShifts  = 1000
)

// keep stores a rotation as it is from now on. Of several changes within one
// transaction's instant the last stands.
func (s *Store) keep(ctx context.Context, tx *db.Tx, r Rotation) error {
	now := db.Micro(s.clock.Now())
	if _, err := tx.Exec(ctx, `DELETE FROM rotation_version WHERE rotation = $1 AND from_at = $2`, r.ID, now); err != nil {
		return fmt.Errorf("keep the rotation: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO rotation_version (id, rotation, from_at, name, members, shift_hours, starts_at, time_zone) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)`,
		id.New(), r.ID, now, r.Name, db.JSON(r.Members), r.ShiftHours, db.Micro(r.StartsAt), r.TimeZone); err != nil {
		return fmt.Errorf("keep the rotation: %w", err)
	}
	return nil
}

// version is what a rotation was from an instant on.
type version struct {
	from time.Time
	r    Rotation
}

func (s *Store) versions(ctx context.Context, q db.Querier, r Rotation) ([]version, error) {
	vs, err := db.All(ctx, q, func(sc db.Scanner) (v version, err error) {
		var from, starts int64
		var members string
		if err = sc.Scan(&from, &members, &v.r.ShiftHours, &starts, &v.r.TimeZone); err != nil {
			return v, err
		}
		v.from, v.r.StartsAt = db.At(from), db.At(starts)
		v.r.Members, err = db.FromJSON[[]string](members)
		return v, err
	}, `SELECT from_at, members, shift_hours, starts_at, time_zone FROM rotation_version WHERE rotation = $1 ORDER BY from_at, id`, r.ID)
	if err != nil {
		return nil, fmt.Errorf("read what the rotation was: %w", err)
	}
	// An override counts from when it was made: what began before its making had
	// another on call.
	overrides, err := db.All(ctx, q, func(sc db.Scanner) (o Override, err error) {
		var from, until, made int64
		err = sc.Scan(&o.ID, &o.UserID, &from, &until, &made)
		o.From, o.Until = db.At(max(from, made)), db.At(until)
		return o, err
	}, `SELECT id, person, from_at, until_at, created_at FROM rotation_override WHERE rotation = $1 ORDER BY id`, r.ID)
	if err != nil {
		return nil, fmt.Errorf("read overrides: %w", err)
	}
	for i := range vs {
		vs[i].r.ID, vs[i].r.Overrides = r.ID, overrides
	}
	return vs, nil
}

// Shifts says who is, was or will be on call by a rotation between two instants.
func (s *Store) Shifts(ctx context.Context, q db.Querier, who actor.Actor, rotationID string, from, until time.Time) ([]Shift, error) {
	r, err := s.rotation(ctx, q, rotationID)
	if err != nil {
		return nil, err
	}
	if err := s.access.Check(ctx, q, who, "read", rotationResource(r.Name)); err != nil {
		return nil, err
	}
	return s.shifts(ctx, q, r, from, until)
}

func (s *Store) shifts(ctx context.Context, q db.Querier, r Rotation, from, until time.Time) ([]Shift, error) {
	from, until = from.UTC().Truncate(time.Second), until.UTC().Truncate(time.Second)
	switch {
	case from.Year() < 2000 || until.Year() > 2200:
		return nil, fault.Field("from", "Ask about a time between the years 2000 and 2200.")
	case !until.After(from):
		return nil, fault.Field("until", "The end must lie after the beginning.")
	case until.Sub(from) > longestLook:
		return nil, fault.Field("until", "Ask for at most a year at once.")
	}
	vs, err := s.versions(ctx, q, r)
	if err != nil {
		return nil, err
	}
	out := []Shift{}
	for n, v := range vs {
		end := until
		if n+1 < len(vs) && vs[n+1].from.Before(end) {
			end = vs[n+1].from
		}
		for at := later(from, v.from); at.Before(end); {
			d, ok := v.r.segment(at)
			if !ok {
				break // nobody is in it
			}
			next := d.Until.UTC()
			if end.Before(next) {
				next = end
			}
			if len(out) > 0 && out[len(out)-1].UserID == d.UserID && out[len(out)-1].Overridden == d.Overridden && out[len(out)-1].Until.Equal(at) {
				out[len(out)-1].Until = next
			} else {
				out = append(out, Shift{UserID: d.UserID, From: at, Until: next, Overridden: d.Overridden})
			}
			if len(out) > mostShifts {
				return nil, fault.Newf(fault.Invalid, "There are more than %d shifts in this stretch. Ask for a shorter one.", mostShifts)
			}
			at = next
		}
	}
	return out, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

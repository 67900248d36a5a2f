package oncall

import (
	"context"
	"fmt"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
)

// OnCall says who answers for a service.
type OnCall struct {
	Service    string    `json:"service"`
	RotationID string    `json:"rotation_id"`
	UserID     string    `json:"user_id"`
	Until      time.Time `json:"until"`
	NextUserID string    `json:"next_user_id"`
	CatchAll   bool      `json:"catch_all,omitempty" doc:"Nobody of the service's own can be paged: this is the catch-all rotation's answer"`
}

// Now says who is paged first for the service (its id or name) at the instant;
// ok is false when nobody is. It asks no permission: paging must work for everyone.
func (s *Store) Now(ctx context.Context, q db.Querier, service string, at time.Time) (on OnCall, ok bool, err error) {
	sv, err := s.Find(ctx, q, service)
	if err != nil {
		return OnCall{}, false, err
	}
	ons, err := s.answer(ctx, q, []Service{sv}, at)
	if err != nil || len(ons) == 0 {
		return OnCall{}, false, err
	}
	return ons[0], true, nil
}

// All says who is on call now, for every service that who may read.
func (s *Store) All(ctx context.Context, q db.Querier, who actor.Actor) ([]OnCall, error) {
	services, err := s.services(ctx, q, who)
	if err != nil {
		return nil, err
	}
	return s.answer(ctx, q, services, s.clock.Now())
}

// answer is who is paged first for each service; one for which nobody is, is left out.
func (s *Store) answer(ctx context.Context, q db.Querier, services []Service, at time.Time) ([]OnCall, error) {
	rotations, err := s.rotations(ctx, q, "")
	if err != nil {
		return nil, err
	}
	byID, catchAll, ids := map[string]Rotation{}, Rotation{}, []string{}
	for _, r := range rotations {
		byID[r.ID] = r
		if r.CatchAll {
			catchAll = r
		}
		ids = append(ids, r.People()...)
	}
	users, err := s.people.ByIDs(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	can := func(id string) bool { return active(users[id]) }
	out := []OnCall{}
	for _, sv := range services {
		on, ok := now(sv, byID[sv.RotationID], at, can)
		if !ok {
			on, ok = now(sv, catchAll, at, can)
			on.CatchAll = ok
		}
		if ok {
			out = append(out, on)
		}
	}
	return out, nil
}

// now is the first of the ladder who can be paged: whose turn it is, or who
// stands in because their account is disabled.
func now(sv Service, r Rotation, at time.Time, can func(string) bool) (OnCall, bool) {
	user, d, ok := r.first(at, can)
	if !ok {
		return OnCall{}, false
	}
	on := OnCall{Service: sv.Name, RotationID: r.ID, UserID: user, Until: d.Until}
	// Who stands in may be whose turn comes next: then they stay.
	for range maxSegments {
		next, nd, ok := r.first(on.Until, can)
		if !ok {
			break
		}
		if next != user {
			on.NextUserID = next
			break
		}
		on.Until = nd.Until
	}
	if on.NextUserID == "" { // one person for as long as can be seen
		on.NextUserID, on.Until = user, d.Until
	}
	return on, true
}

// first of the ladder at the instant who can be paged, and the duty they stand in for.
func (r Rotation) first(at time.Time, can func(string) bool) (string, Duty, bool) {
	d, ok := r.At(at)
	if !ok {
		return "", Duty{}, false
	}
	for _, user := range r.Ladder(at) {
		if can(user) {
			return user, d, true
		}
	}
	return "", Duty{}, false
}

// People are everybody the rotation may page from now on or has paged: its
// members, and who takes a stretch of theirs.
func (r Rotation) People() []string {
	out := append([]string{}, r.Members...)
	for _, o := range r.Overrides {
		out = append(out, o.UserID)
	}
	return out
}

// CatchAll returns the rotation that is paged where nobody else is on call; ok
// is false while there is none.
func (s *Store) CatchAll(ctx context.Context, q db.Querier) (r Rotation, ok bool, err error) {
	var rotationID string
	err = q.QueryRow(ctx, `SELECT rotation FROM catch_all WHERE one = 1`).Scan(&rotationID)
	if db.IsNoRows(err) {
		return Rotation{}, false, nil
	}
	if err != nil {
		return Rotation{}, false, fmt.Errorf("read the catch-all: %w", err)
	}
	r, err = s.rotation(ctx, q, rotationID)
	return r, err == nil, err
}

func (s *Store) setCatchAll(ctx context.Context, tx *db.Tx, r *Rotation, on bool) error {
	query := `INSERT INTO catch_all (one, rotation) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET rotation = excluded.rotation`
	if !on {
		query = `DELETE FROM catch_all WHERE rotation = $1`
	}
	if _, err := tx.Exec(ctx, query, r.ID); err != nil {
		return fmt.Errorf("set the catch-all: %w", err)
	}
	r.CatchAll = on
	return nil
}

// AckTimeout is how long an acknowledged incident of the service may stay
// untouched; 0: for ever.
func (s *Store) AckTimeout(ctx context.Context, q db.Querier, service string) (time.Duration, error) {
	sv, err := s.Find(ctx, q, service)
	if service == "" || fault.Is(err, fault.NotFound) {
		return DefaultAckTimeout, nil
	}
	return time.Duration(sv.AckTimeout) * time.Second, err
}

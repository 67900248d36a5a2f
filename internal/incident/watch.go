package incident

import (
	"context"
	"fmt"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/notify"
	"muster/internal/task"
)

// taskWatch looks once a minute, while an incident is open, for those that
// nobody touches: an acknowledgement that nothing followed runs out and is paged
// again, and of a forgotten incident somebody is reminded. What counts as touch
// is read from the record and the chat when it is asked, so that nobody has to
// remember to report it.
const taskWatch = "incident.watch"

const watchEvery = time.Minute

// watchTries is a day of them: nothing else plans the next look.
const watchTries = 300

// remindAfter is how long an incident may stay untouched, by severity.
var remindAfter = map[int]time.Duration{1: time.Hour, 2: 2 * time.Hour, 3: 4 * time.Hour, 4: 24 * time.Hour}

// Talking says whether people talk in a room right now; app provides it.
type Talking func(ctx context.Context, q db.Querier, roomID string) (bool, error)

// WithTalk tells the store where calls are found.
func (s *Store) WithTalk(fn Talking) { s.talking = fn }

// watched are the incidents that somebody has to take care of.
const watched = ` FROM incident WHERE stage NOT IN ('resolved', 'closed') AND mode IN ('real', 'drill')`

// Watch plans the next look if there is anything to look at. The server calls it
// when it starts.
func (s *Store) Watch(ctx context.Context, tx *db.Tx) error {
	var n int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*)`+watched).Scan(&n); err != nil {
		return fmt.Errorf("count open incidents: %w", err)
	}
	if n == 0 {
		return nil
	}
	// Everybody who plans it within one minute plans the same look.
	at := s.Clock.Now().Truncate(watchEvery).Add(watchEvery)
	return s.Tasks.Enqueue(ctx, tx, taskWatch, struct{}{}, task.Options{At: at, Key: fmt.Sprintf("watch/%d", at.Unix()), MaxAttempts: watchTries})
}

func (s *Store) watch(ctx context.Context, _ task.Task) error {
	who := actor.System("incident")
	var ids []string
	err := s.Access.Do(ctx, who, func(tx *db.Tx) (err error) {
		if ids, err = db.All(ctx, tx, db.Strings, `SELECT id`+watched+` ORDER BY id`); err != nil {
			return fmt.Errorf("list open incidents: %w", err)
		}
		if err := s.overdue(ctx, tx); err != nil {
			return err
		}
		return s.Watch(ctx, tx)
	})
	if err != nil {
		return err
	}
	// One that cannot be looked after does not keep the others from it; it has its
	// next look in a minute.
	for _, id := range ids {
		if err := s.Access.Do(ctx, who, func(tx *db.Tx) error { return s.lookAfter(ctx, tx, who, id) }); err != nil {
			if ctx.Err() != nil {
				return err
			}
			s.Log.ErrorContext(ctx, "incident not looked after", "incident", id, "error", err)
		}
	}
	return nil
}

// lookAfter does for one incident what is due.
func (s *Store) lookAfter(ctx context.Context, tx *db.Tx, who actor.Actor, incidentID string) error {
	i, err := s.hold(ctx, tx, incidentID)
	if err != nil {
		return err
	}
	if !i.Stage.Open() || i.NextPage != nil { // over, or paging goes on as it is
		return nil
	}
	now := s.Clock.Now()
	last, err := s.touchedAt(ctx, tx, i)
	if err != nil {
		return err
	}
	if i.Severity <= 2 && i.Times.Acknowledged != nil {
		limit, err := s.OnCall.AckTimeout(ctx, tx, i.Service)
		if err != nil {
			return err
		}
		if limit > 0 {
			if now.Sub(last) < limit {
				return nil
			}
			return s.lapse(ctx, tx, who, i, now.Sub(last))
		}
	}
	var reminded int64
	if err := tx.QueryRow(ctx, `SELECT reminded FROM incident WHERE id = $1`, i.ID).Scan(&reminded); err != nil {
		return fmt.Errorf("read when it was reminded: %w", err)
	}
	if at := db.At(reminded); reminded != 0 && at.After(last) && now.Sub(at) < remindAfter[i.Severity] || now.Sub(last) < remindAfter[i.Severity] {
		return nil
	}
	return s.remind(ctx, tx, who, i, now.Sub(last))
}

// lapse takes an acknowledgement that nothing followed for none: the service is
// paged again. When it was first acknowledged stays as it was.
func (s *Store) lapse(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident, quiet time.Duration) error {
	if err := s.say(ctx, tx, who, i, "It was acknowledged, and nobody touched it for %s: it is paged again.", Spoken(quiet)); err != nil {
		return err
	}
	if err := s.Ledger.Append(ctx, tx, who, about(i), AckLapsed{QuietSeconds: int(quiet.Seconds())}); err != nil {
		return err
	}
	return s.pageService(ctx, tx, who, i, i.Service)
}

// remind tells whoever should know best that nobody touches the incident.
func (s *Store) remind(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident, quiet time.Duration) error {
	people, err := s.responsible(ctx, tx, i)
	if err != nil {
		return err
	}
	names := []string{}
	for _, user := range people {
		if _, err := s.Notify.Send(ctx, tx, notify.New{
			Person: user, Kind: "info", Email: true, Drill: i.Mode == "drill", Incident: i.ID, Link: "/rooms/" + i.Room.ID,
			Title: fmt.Sprintf("%s %s: nobody touched it for %s", Label(i.Severity), i.Ticket, Spoken(quiet)),
			Body:  i.Title + "\n\nSay how it stands, move it along, or resolve it: each of these is a sign of life.",
		}); err != nil {
			return err
		}
		n, err := s.name(ctx, tx, user)
		if err != nil {
			return err
		}
		names = append(names, n)
	}
	if err := s.set(ctx, tx, i.ID, map[string]any{"reminded": db.Micro(s.Clock.Now())}); err != nil {
		return err
	}
	if err := s.Ledger.Append(ctx, tx, who, about(i), Reminded{QuietSeconds: int(quiet.Seconds()), Users: people}); err != nil {
		return err
	}
	return s.say(ctx, tx, who, i, "Nobody touched this incident for %s. Reminded: %s.", Spoken(quiet), listed(names))
}

// responsible is who commands; or else who is on call, who declared it, or the
// administrators: the first of these who can be told.
func (s *Store) responsible(ctx context.Context, q db.Querier, i Incident) ([]string, error) {
	first := []string{}
	for _, r := range i.Roles {
		if r.Role == "commander" {
			first = append(first, r.UserID)
		}
	}
	if i.Service != "" {
		if _, r, why, err := s.reach(ctx, q, i.Service); err != nil {
			return nil, err
		} else if why == "" {
			first = append(first, r.Ladder(s.Clock.Now())...)
		}
	}
	able, err := s.pageable(ctx, q, append(first, i.DeclaredBy))
	if err != nil {
		return nil, err
	}
	if len(able) > 0 {
		return able[:1], nil
	}
	if i.Restricted {
		members, err := s.Rooms.Members(ctx, q, i.Room.ID)
		if err != nil {
			return nil, err
		}
		return s.pageable(ctx, q, members)
	}
	return s.administrators(ctx, q)
}

// touchedAt is when a person last did something about the incident: something
// on its record, a word in its room, or a call that goes on. Looking at it is
// not touching it.
func (s *Store) touchedAt(ctx context.Context, q db.Querier, i Incident) (time.Time, error) {
	if s.talking != nil {
		if ok, err := s.talking(ctx, q, i.Room.ID); ok || err != nil {
			return s.Clock.Now(), err
		}
	}
	var recorded int64
	if err := q.QueryRow(ctx, `SELECT COALESCE(MAX(at), 0) FROM ledger_event WHERE incident = $1 AND actor NOT LIKE 'system:%' AND outcome <> 'denied' AND kind <> 'incident.PageSeen'`, i.ID).Scan(&recorded); err != nil {
		return time.Time{}, fmt.Errorf("read when it was touched: %w", err)
	}
	said, err := s.Messages.LastByPerson(ctx, q, i.Room.ID)
	if err != nil {
		return time.Time{}, err
	}
	last := db.At(recorded)
	if said.After(last) {
		last = said
	}
	if d := i.Times.Declared; d != nil && d.After(last) {
		last = *d
	}
	return last, nil
}

package oncall

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
)

// Calendar is how a person's calendar program reads their duties. There is none
// until they make one.
type Calendar struct {
	CreatedAt time.Time  `json:"created_at"`
	UsedAt    *time.Time `json:"used_at,omitempty" doc:"When it was last read"`
}

func hashed(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// CalendarOf says whether who has one; nil: no.
func (s *Store) CalendarOf(ctx context.Context, q db.Querier, who actor.Actor) (*Calendar, error) {
	var made, used int64
	err := q.QueryRow(ctx, `SELECT created_at, used_at FROM duty_calendar WHERE person = $1`, who.ID).Scan(&made, &used)
	if db.IsNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the calendar's address: %w", err)
	}
	c := &Calendar{CreatedAt: db.At(made)}
	if used != 0 {
		at := db.At(used)
		c.UsedAt = &at
	}
	return c, nil
}

// MakeCalendar gives who a new secret address for their calendar program; the one
// before ends.
func (s *Store) MakeCalendar(ctx context.Context, tx *db.Tx, who actor.Actor) (secret string, err error) {
	if who.Kind != actor.Person {
		return "", fault.New(fault.Denied, "Only people have duties, and so a calendar of them.")
	}
	secret = rand.Text() + rand.Text()
	if _, err := tx.Exec(ctx, `INSERT INTO duty_calendar (person, secret, created_at, used_at) VALUES ($1,$2,$3,0) ON CONFLICT (person) DO UPDATE SET secret = excluded.secret, created_at = excluded.created_at, used_at = 0`,
		who.ID, hashed(secret), db.Micro(s.clock.Now())); err != nil {
		return "", fmt.Errorf("make the calendar's address: %w", err)
	}
	return secret, s.ledger.Append(ctx, tx, who, ledger.About{Resource: "user:" + who.ID}, CalendarMade{User: who.ID})
}

// EndCalendar ends who's address.
func (s *Store) EndCalendar(ctx context.Context, tx *db.Tx, who actor.Actor) error {
	res, err := tx.Exec(ctx, `DELETE FROM duty_calendar WHERE person = $1`, who.ID)
	if err != nil {
		return fmt.Errorf("end the calendar's address: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return nil
	}
	return s.ledger.Append(ctx, tx, who, ledger.About{Resource: "user:" + who.ID}, CalendarEnded{User: who.ID})
}

// Feed gives the duties of whose address ends in secret as iCalendar (RFC 5545),
// from a month ago to half a year ahead. Somebody who may no longer read services,
// or is disabled, has none.
func (s *Store) Feed(ctx context.Context, q db.Querier, secret string, actorOf func(ctx context.Context, q db.Querier, userID string) (actor.Actor, error)) (body, person string, err error) {
	gone := fault.New(fault.NotFound, "There is no calendar at this address. Make a new one on the page On call.")
	if err = q.QueryRow(ctx, `SELECT person FROM duty_calendar WHERE secret = $1`, hashed(secret)).Scan(&person); db.IsNoRows(err) {
		return "", "", gone
	} else if err != nil {
		return "", "", fmt.Errorf("find the calendar: %w", err)
	}
	who, err := actorOf(ctx, q, person)
	if err != nil {
		return "", "", gone
	}
	services, err := s.services(ctx, q, who)
	if err != nil {
		return "", "", err
	}
	if err := s.access.Check(ctx, q, who, "read", rotationResource("")); err != nil {
		return "", "", gone
	}
	rs, err := s.rotations(ctx, q, "")
	if err != nil {
		return "", "", err
	}
	cal := ics.NewCalendarFor("Muster")
	cal.SetMethod(ics.MethodPublish)
	cal.SetXWRCalName("On call")
	cal.SetRefreshInterval("PT1H")
	now := s.clock.Now()
	for _, r := range rs {
		if !slices.Contains(r.People(), person) {
			continue
		}
		shifts, err := s.shifts(ctx, q, r, now.AddDate(0, -1, 0), now.AddDate(0, 6, 0))
		if fault.Is(err, fault.Invalid) { // hourly shifts: what is near matters
			shifts, err = s.shifts(ctx, q, r, now.AddDate(0, 0, -1), now.AddDate(0, 0, 30))
		}
		if err != nil {
			return "", "", err
		}
		answers := []string{}
		for _, sv := range services {
			if sv.RotationID == r.ID {
				answers = append(answers, sv.Name)
			}
		}
		for _, sh := range shifts {
			if sh.UserID != person {
				continue
			}
			e := cal.AddEvent(fmt.Sprintf("%s-%d@muster", r.ID, sh.From.Unix()))
			e.SetDtStampTime(now)
			e.SetStartAt(sh.From)
			e.SetEndAt(sh.Until)
			e.SetSummary("On call: " + r.Name)
			text := "Rotation " + r.Name + "."
			if len(answers) > 0 {
				text += " Services: " + strings.Join(answers, ", ") + "."
			}
			if sh.Overridden {
				text += " By an override or a swap."
			}
			e.SetDescription(text)
		}
	}
	return cal.Serialize(ics.WithNewLine("\r\n")), person, nil
}

// Read notes that a calendar was read.
func (s *Store) Read(ctx context.Context, tx *db.Tx, person string) error {
	_, err := tx.Exec(ctx, `UPDATE duty_calendar SET used_at = $2 WHERE person = $1`, person, db.Micro(s.clock.Now()))
	return err
}

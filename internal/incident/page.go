package incident

import (
	"context"
	"fmt"
	"strings"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/notify"
	"muster/internal/room"
)

// page tells one person and takes them into the room's members.
func (s *Store) page(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident, escalation, service, user string, level int) error {
	p := id.New()
	why := "You are paged for this incident."
	if service != "" {
		why = fmt.Sprintf("You are on call for %s (level %d).", service, level)
	}
	n, err := s.tellPage(ctx, tx, i, user, why, "page:"+p)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO incident_page (id, incident, escalation, person, level, state, notification, paged_at, seen_at, acknowledged_at, joined_at) VALUES ($1,$2,$3,$4,$5,'paged',$6,$7,0,0,0)`,
		p, i.ID, escalation, user, level, n.ID, db.Micro(s.Clock.Now())); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	if err := s.Rooms.Join(ctx, tx, muster(who), i.Room.ID, user); err != nil {
		return err
	}
	s.touch(tx, i.ID)
	return s.Ledger.Append(ctx, tx, who, about(i), Paged{Page: p, User: user, Level: level, Service: service})
}

// tellPage sends the notification of a page. A drill says so first.
func (s *Store) tellPage(ctx context.Context, tx *db.Tx, i Incident, user, why, key string) (notify.Notification, error) {
	body, subject := why+" Acknowledge in the room, with /ack, or on the incident's page.", fmt.Sprintf("[%s] %s %s", Label(i.Severity), i.Ticket, i.Title)
	if i.Mode == "drill" {
		body = "This is a drill: practise as if it were real. " + body
	}
	if i.Environment != "" {
		body += "\nEnvironment: " + i.Environment
	}
	if i.Summary != "" {
		body += "\n\n" + i.Summary
	}
	return s.Notify.Send(ctx, tx, notify.New{
		Person: user, Kind: "page", Title: fmt.Sprintf("%s %s %s", Label(i.Severity), i.Ticket, i.Title), Body: body, Link: "/rooms/" + i.Room.ID,
		Incident: i.ID, Email: true, Severity: i.Severity, Drill: i.Mode == "drill", Subject: subject, Key: key,
	})
}

// marked puts what an incident is before its words where it is not real.
func marked(i Incident, text string) string {
	if i.Mode == "drill" || i.Mode == "test" {
		return strings.ToUpper(i.Mode) + " " + text
	}
	return text
}

// Target is whom to page: a user, or whoever is on call for a service.
type Target struct {
	UserID  string
	Service string
}

// Page pages somebody by hand. A service's page escalates as one sent by a
// declaration does; a person's does not.
func (s *Store) Page(ctx context.Context, tx *db.Tx, who actor.Actor, idOrTicket string, to Target) (Incident, error) {
	i, err := s.hold(ctx, tx, idOrTicket)
	if err != nil {
		return i, err
	}
	if err := s.check(ctx, tx, who, "update", i); err != nil {
		return i, err
	}
	switch {
	case i.Stage == Closed:
		return i, fault.Newf(fault.Conflict, "%s is closed. Reopen it before you page somebody.", i.Ticket)
	case i.Mode == "test":
		return i, fault.Newf(fault.Conflict, "%s is a test, and a test pages nobody. Declare a drill to practise paging.", i.Ticket)
	case (to.UserID == "") == (to.Service == ""):
		return i, fault.Field("user_id", "Name either a person or a service to page.")
	case to.Service != "":
		if _, err := s.OnCall.Find(ctx, tx, to.Service); err != nil {
			return i, err
		}
		if err := s.pageService(ctx, tx, who, i, to.Service); err != nil {
			return i, err
		}
		return s.Get(ctx, tx, who, i.ID)
	}
	ok, err := s.OnCall.Active(ctx, tx, to.UserID)
	if err != nil {
		return i, err
	}
	if !ok {
		return i, fault.Field("user_id", "There is no active user with this id. Choose a person from the list.")
	}
	if err := s.page(ctx, tx, who, i, "", "", to.UserID, 0); err != nil {
		return i, err
	}
	name, err := s.name(ctx, tx, to.UserID)
	if err != nil {
		return i, err
	}
	if err := s.say(ctx, tx, who, i, "%s paged %s.", called(who), name); err != nil {
		return i, err
	}
	return s.Get(ctx, tx, who, i.ID)
}

// Acknowledge says that who takes care. The first one sets the moment; each
// stops the escalation and answers their own pages.
func (s *Store) Acknowledge(ctx context.Context, tx *db.Tx, who actor.Actor, idOrTicket string) (Incident, error) {
	i, err := s.hold(ctx, tx, idOrTicket)
	if err != nil {
		return i, err
	}
	if err := s.check(ctx, tx, who, "update", i); err != nil {
		return i, err
	}
	if !i.Stage.Open() {
		return i, fault.Newf(fault.Conflict, "%s is %s: there is nothing left to acknowledge. Reopen it if it is not over.", i.Ticket, i.Stage)
	}
	now := s.Clock.Now()
	first := i.Times.Acknowledged == nil
	var mine *Paging
	for n, p := range i.Pages {
		if p.UserID != who.ID || p.AcknowledgedAt != nil {
			continue
		}
		mine = &i.Pages[n]
		if _, err := tx.Exec(ctx, `UPDATE incident_page SET state = 'acknowledged', acknowledged_at = $2, seen_at = CASE WHEN seen_at = 0 THEN $2 ELSE seen_at END WHERE id = $1`, p.ID, db.Micro(now)); err != nil {
			return i, fmt.Errorf("answer page: %w", err)
		}
		if err := s.Notify.Acted(ctx, tx, p.notification); err != nil {
			return i, err
		}
	}
	over, on, err := s.answer(ctx, tx, who, i)
	if err != nil {
		return i, err
	}
	if err := s.alerts.Acknowledged(ctx, tx, who, i); err != nil {
		return i, err
	}
	if !first && mine == nil && len(over) == 0 {
		return s.able(ctx, tx, who, i) // said before, or nothing to answer
	}
	if first {
		if err := s.set(ctx, tx, i.ID, map[string]any{"acknowledged": db.Micro(now)}); err != nil {
			return i, err
		}
	}
	s.touch(tx, i.ID)
	ev, line := Acknowledged{First: first}, called(who)+" acknowledged."
	if mine != nil {
		ev.Level = mine.Level
		line = fmt.Sprintf("%s acknowledged, %s after the page.", called(who), Spoken(now.Sub(mine.PagedAt)))
	}
	for _, c := range on {
		line += fmt.Sprintf(" The page to %s goes on until somebody there answers.", c.service)
	}
	if err := s.Ledger.Append(ctx, tx, who, about(i), ev); err != nil {
		return i, err
	}
	if err := s.say(ctx, tx, who, i, "%s", line); err != nil {
		return i, err
	}
	return s.Get(ctx, tx, who, i.ID)
}

// pageSeen notes that somebody saw the notification of their page.
func (s *Store) pageSeen(ctx context.Context, tx *db.Tx, who actor.Actor, n notify.Notification) error {
	if n.Kind != "page" || n.IncidentID == "" {
		return nil
	}
	i, err := s.get(ctx, tx, n.IncidentID)
	if err != nil {
		return err
	}
	for _, p := range i.Pages {
		if p.notification == n.ID && p.SeenAt == nil {
			return s.saw(ctx, tx, who, i, p)
		}
	}
	return nil
}

func (s *Store) saw(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident, p Paging) error {
	if _, err := tx.Exec(ctx, `UPDATE incident_page SET seen_at = $2, state = CASE WHEN state = 'paged' THEN 'seen' ELSE state END WHERE id = $1 AND seen_at = 0`, p.ID, db.Micro(s.Clock.Now())); err != nil {
		return fmt.Errorf("mark page seen: %w", err)
	}
	s.touch(tx, i.ID)
	return s.Ledger.Append(ctx, tx, who, about(i), PageSeen{Page: p.ID, User: p.UserID})
}

// Leads says whether who commands the incident that a room is for: whoever they
// ask over is asked aloud.
func (s *Store) Leads(ctx context.Context, q db.Querier, who actor.Actor, r room.Room) (bool, error) {
	if r.Subject.Kind != "incident" {
		return false, nil
	}
	var n int
	if err := q.QueryRow(ctx, `SELECT COUNT(*) FROM incident_role r JOIN incident i ON i.id = r.incident WHERE i.room = $1 AND i.stage <> 'closed' AND r.role = 'commander' AND r.person = $2`, r.ID, who.ID).Scan(&n); err != nil {
		return false, fmt.Errorf("read who commands: %w", err)
	}
	return n > 0, nil
}

// Entered is told by the office that somebody came into a room: the first
// person in an incident's room is its first responder, and whoever was paged
// has joined.
func (s *Store) Entered(ctx context.Context, tx *db.Tx, who actor.Actor, roomID string) error {
	if who.Kind != actor.Person {
		return nil
	}
	i, err := s.one(ctx, tx, `WHERE i.room = $1 AND i.stage <> 'closed'`, roomID)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if i, err = s.hold(ctx, tx, i.ID); err != nil {
		return err
	}
	now := db.Micro(s.Clock.Now())
	if i.Times.FirstResponder == nil {
		if err := s.set(ctx, tx, i.ID, map[string]any{"first_responder": now}); err != nil {
			return err
		}
		if err := s.Ledger.Append(ctx, tx, who, about(i), FirstResponder{User: who.ID}); err != nil {
			return err
		}
	}
	for _, p := range i.Pages {
		if p.UserID != who.ID || p.JoinedAt != nil {
			continue
		}
		if _, err := tx.Exec(ctx, `UPDATE incident_page SET joined_at = $2 WHERE id = $1`, p.ID, now); err != nil {
			return fmt.Errorf("mark page joined: %w", err)
		}
		s.touch(tx, i.ID)
		if p.SeenAt == nil {
			if err := s.saw(ctx, tx, who, i, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// Spoken writes a duration as people say it.
func Spoken(d time.Duration) string {
	d = d.Round(time.Second)
	h, m, sec := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h >= 48:
		return fmt.Sprintf("%d days %d h", h/24, h%24)
	case h > 0:
		return fmt.Sprintf("%d h %d min", h, m)
	case m > 0:
		return fmt.Sprintf("%d min %d s", m, sec)
	default:
		return fmt.Sprintf("%d s", sec)
	}
}

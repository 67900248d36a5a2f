package incident

import (
	"context"
	"fmt"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/notify"
	"muster/internal/oncall"
	"muster/internal/room"
	"muster/internal/task"
)

const taskEscalate = "incident.escalate"

type escalateArgs struct {
	Escalation string `json:"escalation"`
	Level      int    `json:"level"` // to be paged when the task runs
}

// pageService pages whoever is on call for a service and plans the climb.
func (s *Store) pageService(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident, service string) error {
	now := s.Clock.Now()
	sv, err := s.OnCall.Find(ctx, tx, service)
	if fault.Is(err, fault.NotFound) {
		return s.nobody(ctx, tx, who, i, service, "none_on_call", 0)
	}
	if err != nil {
		return err
	}
	if sv.RotationID == "" {
		return s.nobody(ctx, tx, who, i, sv.Name, "none_on_call", 0)
	}
	r, err := s.OnCall.Rotation(ctx, tx, sv.RotationID)
	if err != nil {
		return err
	}
	c := climb{id: id.New(), incident: i.ID, service: sv.Name, rotation: r.ID, started: now, state: "running"}
	if _, err := tx.Exec(ctx, `INSERT INTO incident_escalation (id, incident, service, rotation, started_at, level, next_at, state) VALUES ($1,$2,$3,$4,$5,0,$5,'running')`,
		c.id, c.incident, c.service, c.rotation, db.Micro(now)); err != nil {
		return fmt.Errorf("begin escalation: %w", err)
	}
	return s.ascend(ctx, tx, who, i, c, r)
}

// ascend pages the next person of the climb who can be paged and plans the step
// after that; at the top it says so in the room.
func (s *Store) ascend(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident, c climb, r oncall.Rotation) error {
	level, user := c.level+1, ""
	for ; ; level++ {
		u, ok := c.at(r, level)
		if !ok {
			if _, err := tx.Exec(ctx, `UPDATE incident_escalation SET state = 'exhausted' WHERE id = $1`, c.id); err != nil {
				return fmt.Errorf("end escalation: %w", err)
			}
			reason := "ladder_exhausted"
			if c.level == 0 {
				reason = "none_on_call"
			}
			return s.nobody(ctx, tx, who, i, c.service, reason, c.level)
		}
		active, err := s.OnCall.Active(ctx, tx, u)
		if err != nil {
			return err
		}
		if active {
			user = u
			break
		}
	}
	nextAt := s.Clock.Now().Add(r.EscalateDelay())
	if _, err := tx.Exec(ctx, `UPDATE incident_escalation SET level = $2, next_at = $3 WHERE id = $1`, c.id, level, db.Micro(nextAt)); err != nil {
		return fmt.Errorf("climb: %w", err)
	}
	if err := s.page(ctx, tx, who, i, c.id, c.service, user, level); err != nil {
		return err
	}
	name, err := s.name(ctx, tx, user)
	if err != nil {
		return err
	}
	line := fmt.Sprintf("Paged %s, on call for %s.", name, c.service)
	if level > 1 {
		line = fmt.Sprintf("Nobody acknowledged: paged %s as well (level %d for %s).", name, level, c.service)
	}
	if following, ok := c.at(r, level+1); ok {
		n, err := s.name(ctx, tx, following)
		if err != nil {
			return err
		}
		if following == user {
			line += fmt.Sprintf(" Paged again at %s UTC unless somebody acknowledges.", nextAt.Format("15:04"))
		} else {
			line += fmt.Sprintf(" %s is next at %s UTC unless somebody acknowledges.", n, nextAt.Format("15:04"))
		}
	}
	if err := s.say(ctx, tx, who, i, "%s", line); err != nil {
		return err
	}
	return s.Tasks.Enqueue(ctx, tx, taskEscalate, escalateArgs{Escalation: c.id, Level: level + 1}, task.Options{At: nextAt, Key: climbKey(c.id, level+1)})
}

// A key per level: the task that pages one level plans the next while it runs.
func climbKey(escalation string, level int) string { return fmt.Sprintf("%s/%d", escalation, level) }

// page tells one person and takes them into the room's members.
func (s *Store) page(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident, escalation, service, user string, level int) error {
	p := id.New()
	body := "You are paged for this incident. Acknowledge in the room, with /ack, or on the incident's page."
	if service != "" {
		body = fmt.Sprintf("You are on call for %s (level %d). Acknowledge in the room, with /ack, or on the incident's page.", service, level)
	}
	if i.Environment != "" {
		body += "\nEnvironment: " + i.Environment
	}
	if i.Summary != "" {
		body += "\n\n" + i.Summary
	}
	n, err := s.Notify.Send(ctx, tx, notify.New{
		Person: user, Kind: "page", Title: fmt.Sprintf("%s %s %s", Label(i.Severity), i.Ticket, i.Title), Body: body, Link: "/rooms/" + i.Room.ID,
		Incident: i.ID, Email: true, Severity: i.Severity, Subject: fmt.Sprintf("[%s] %s %s", Label(i.Severity), i.Ticket, i.Title), Key: "page:" + p,
	})
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

// nobody reports in the room that a page reaches no one (any more).
func (s *Store) nobody(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident, service, reason string, pages int) error {
	line := fmt.Sprintf("Nobody is on call for %s, so nobody was paged. Page somebody with /page @name.", service)
	if reason == "ladder_exhausted" {
		line = fmt.Sprintf("Everybody in the rotation of %s was paged twice (%d pages) and nobody acknowledged. Page somebody else with /page @name.", service, pages)
	}
	if err := s.say(ctx, tx, who, i, "%s", line); err != nil {
		return err
	}
	s.touch(tx, i.ID)
	return s.Ledger.Append(ctx, tx, who, about(i), NobodyToPage{Service: service, Reason: reason, Pages: pages})
}

// escalate is the task that pages the next level. It may run twice: the level
// in its arguments must be the one that follows the stored one.
func (s *Store) escalate(ctx context.Context, t task.Task) error {
	var args escalateArgs
	if err := t.Into(&args); err != nil {
		return err
	}
	who := actor.System("escalation")
	return s.Access.Do(ctx, who, func(tx *db.Tx) error {
		// Written, not only read: an acknowledgement at the same moment is waited for.
		c, err := db.One(ctx, tx, scanClimb, `UPDATE incident_escalation SET level = level WHERE id = $1 RETURNING `+climbColumns, args.Escalation)
		if err != nil {
			return fmt.Errorf("read escalation: %w", err)
		}
		if c.state != "running" || c.level+1 != args.Level {
			return nil
		}
		i, err := s.get(ctx, tx, c.incident)
		if err != nil {
			return err
		}
		if !i.Stage.Open() || i.Times.Acknowledged != nil && i.Times.Acknowledged.After(c.started) {
			return s.stopClimbs(ctx, tx, i.ID)
		}
		r, err := s.OnCall.Rotation(ctx, tx, c.rotation)
		if fault.Is(err, fault.NotFound) {
			r, err = oncall.Rotation{}, nil // deleted meanwhile: the top is reached
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE incident_page SET state = 'escalated' WHERE escalation = $1 AND state IN ('paged', 'seen')`, c.id); err != nil {
			return fmt.Errorf("mark pages escalated: %w", err)
		}
		s.touch(tx, i.ID)
		return s.ascend(ctx, tx, who, i, c, r)
	})
}

// stopClimbs ends every escalation of the incident.
func (s *Store) stopClimbs(ctx context.Context, tx *db.Tx, incidentID string) error {
	_, err := s.stopped(ctx, tx, incidentID)
	return err
}

// stopped is stopClimbs and says whether there was one.
func (s *Store) stopped(ctx context.Context, tx *db.Tx, incidentID string) (bool, error) {
	cs, err := db.All(ctx, tx, scanClimb, `UPDATE incident_escalation SET state = 'stopped' WHERE incident = $1 AND state = 'running' RETURNING `+climbColumns, incidentID)
	if err != nil {
		return false, fmt.Errorf("stop escalations: %w", err)
	}
	for _, c := range cs {
		if err := s.Tasks.Cancel(ctx, tx, taskEscalate, climbKey(c.id, c.level+1)); err != nil {
			return false, err
		}
	}
	return len(cs) > 0, s.endClimbed(ctx, tx, incidentID)
}

// endClimbed ends what the ladder paged: somebody has it now. Who was called
// by hand is still wanted.
func (s *Store) endClimbed(ctx context.Context, tx *db.Tx, incidentID string) error {
	told, err := db.All(ctx, tx, func(r db.Scanner) (id string, err error) { return id, r.Scan(&id) },
		`SELECT notification FROM incident_page WHERE incident = $1 AND escalation <> '' AND acknowledged_at = 0 ORDER BY id`, incidentID)
	if err != nil {
		return fmt.Errorf("read unanswered pages: %w", err)
	}
	return s.Notify.End(ctx, tx, told...)
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
	climbing, err := s.stopped(ctx, tx, i.ID)
	if err != nil {
		return i, err
	}
	if !first && mine == nil && !climbing {
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

package incident

import (
	"context"
	"fmt"
	"strings"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/id"
	"muster/internal/notify"
)

// Raise makes an incident worse: its severity rises to the given one, whoever is
// on call is told, and paged where it becomes a SEV-1 or SEV-2, also when
// somebody acknowledged what it was before. It never makes an incident milder.
// It checks no access: it is for what declares by itself.
func (s *Store) Raise(ctx context.Context, tx *db.Tx, who actor.Actor, incidentID string, to int, why string) (Incident, error) {
	i, err := s.hold(ctx, tx, incidentID)
	if err != nil || to < 1 || to >= i.Severity || i.Stage == Closed {
		return i, err
	}
	if err := s.raise(ctx, tx, who, i, to, why); err != nil {
		return i, err
	}
	return s.get(ctx, tx, i.ID)
}

// raise is Raise of an incident that is held; by hand and by an alert alike.
func (s *Store) raise(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident, to int, why string) error {
	from := i.Severity
	if err := s.set(ctx, tx, i.ID, map[string]any{"severity": to}); err != nil {
		return err
	}
	i.Severity = to
	why = cut(plain(why), 300)
	if err := s.Ledger.Append(ctx, tx, who, about(i), SeverityChanged{From: from, To: to, Why: why}); err != nil {
		return err
	}
	if i.Stage == Closed {
		return nil
	}
	line := fmt.Sprintf("%s raised the severity from %s to %s.", called(who), Label(from), Label(to))
	if why != "" {
		line = fmt.Sprintf("%s raised the severity from %s to %s: %s", called(who), Label(from), Label(to), why)
	}
	if err := s.say(ctx, tx, who, i, "%s", line); err != nil {
		return err
	}
	if !i.Stage.Open() {
		return nil // whoever reopens it tells
	}
	if from > 2 {
		if err := s.wake(ctx, tx, i); err != nil {
			return err
		}
	}
	return s.tellOnCall(ctx, tx, who, i, fmt.Sprintf("%s rose from %s to %s", i.Ticket, Label(from), Label(to)))
}

// tellOnCall lets whoever is on call know of a turn for the worse: by a page for
// a SEV-1 or SEV-2, else by a notice. Whoever brought it about knows.
func (s *Store) tellOnCall(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident, title string) error {
	if i.Mode == "retrospective" || i.Mode == "test" {
		return nil
	}
	user := ""
	if i.Service != "" {
		on, ok, err := s.OnCall.Now(ctx, tx, i.Service, s.Clock.Now())
		if err == nil && ok {
			user = on.UserID
		}
	}
	if user != "" && user == who.ID {
		return nil
	}
	if i.Severity <= 2 {
		return s.pageAgain(ctx, tx, who, i)
	}
	if user == "" {
		return nil
	}
	_, err := s.Notify.Send(ctx, tx, notify.New{Person: user, Kind: "info", Title: title, Body: i.Title + "\nBy " + called(who), Link: "/rooms/" + i.Room.ID, Incident: i.ID})
	return err
}

// Again pages whoever is on call although the incident is open: what it is about
// goes on beyond the time for which one page speaks.
func (s *Store) Again(ctx context.Context, tx *db.Tx, who actor.Actor, incidentID string) error {
	i, err := s.hold(ctx, tx, incidentID)
	if err != nil || !i.Stage.Open() {
		return err
	}
	return s.pageAgain(ctx, tx, who, i)
}

// pageAgain calls whoever is on call anew. Where a climb is under way that nobody
// answered, it goes on from where it stands, and all whom it called so far are
// called again: to begin at the bottom would take the call from the others and
// leave it to those who did not hear it.
func (s *Store) pageAgain(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident) error {
	cs, err := s.running(ctx, tx, i.ID)
	if err != nil {
		return err
	}
	for _, c := range cs {
		switch {
		case c.asked:
		case strings.EqualFold(c.service, i.Service):
			return s.renew(ctx, tx, who, i, c)
		default: // the incident is about another service now
			if err := s.stop(ctx, tx, i.ID, []climb{c}); err != nil {
				return err
			}
		}
	}
	return s.pageFirst(ctx, tx, who, i)
}

// renew pages again whom a climb paged so far.
func (s *Store) renew(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident, c climb) error {
	type row struct {
		user, notification string
		level              int
		everybody          bool
	}
	pages, err := db.All(ctx, tx, func(r db.Scanner) (v row, err error) {
		return v, r.Scan(&v.user, &v.notification, &v.level, &v.everybody)
	}, `SELECT person, notification, level, everybody FROM incident_page WHERE escalation = $1 AND acknowledged_at = 0 ORDER BY id`, c.id)
	if err != nil {
		return fmt.Errorf("read whom an escalation paged: %w", err)
	}
	last, names := map[string]row{}, []string{}
	for _, p := range pages {
		last[p.user] = p
	}
	for _, p := range pages {
		if err := s.Notify.End(ctx, tx, p.notification); err != nil {
			return err
		}
		newest, again := last[p.user]
		delete(last, p.user)
		if ok, err := s.OnCall.Active(ctx, tx, p.user); err != nil {
			return err
		} else if !again || !ok {
			continue
		}
		if newest.everybody { // whoever has one page for all rounds keeps it
			err = s.renewPage(ctx, tx, who, i, c, p.user, "page:"+id.New())
		} else {
			err = s.page(ctx, tx, who, i, c.id, c.service, p.user, newest.level)
		}
		if err != nil {
			return err
		}
		name, err := s.name(ctx, tx, p.user)
		if err != nil {
			return err
		}
		names = append(names, name)
	}
	s.touch(tx, i.ID)
	if len(names) == 0 {
		return nil
	}
	return s.say(ctx, tx, who, i, "Paged again, as nobody acknowledged yet: %s.", listed(names))
}

package incident

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/node"
	"muster/internal/notify"
	"muster/internal/room"
)

// Change holds what Update changes; nil stays as it is.
type Change struct {
	Title       *string `json:"title,omitempty"`
	Severity    *int    `json:"severity,omitempty"`
	Summary     *string `json:"summary,omitempty"`
	Service     *string `json:"service,omitempty"`
	Environment *string `json:"environment,omitempty"`

	Restricted *bool    `json:"restricted,omitempty" doc:"true: only the members of its room know of it from now on; false: everybody who may read incidents does. For its commander, whoever declared it, and administrators"`
	Members    []string `json:"members,omitempty" maxItems:"100" doc:"People who become members of a restricted incident, by id"`
	Groups     []string `json:"groups,omitempty" maxItems:"100" doc:"Groups (roles) whose people become members of a restricted incident"`
}

// Update changes what an incident says about itself. A new title renames the
// room; a new severity needs the right to command.
func (s *Store) Update(ctx context.Context, tx *db.Tx, who actor.Actor, idOrTicket string, ch Change) (Incident, error) {
	i, err := s.hold(ctx, tx, idOrTicket)
	if err != nil {
		return i, err
	}
	actions := []string{}
	if ch.Severity != nil && *ch.Severity != i.Severity {
		actions = append(actions, "command")
	}
	if ch.Title != nil || ch.Summary != nil || ch.Service != nil || ch.Environment != nil || len(actions) == 0 {
		actions = append(actions, "update")
	}
	for _, a := range actions {
		if err := s.check(ctx, tx, who, a, i); err != nil {
			return i, err
		}
	}
	if err := s.restrict(ctx, tx, who, i, ch); err != nil {
		return i, err
	}
	if was := i.Restricted; ch.Restricted != nil && *ch.Restricted != was {
		i.Restricted, i.collects = *ch.Restricted, ""
	}
	in := Declare{Title: i.Title, Severity: i.Severity, Service: i.Service, Environment: i.Environment, Summary: i.Summary, Mode: i.Mode}
	give(&in.Title, ch.Title)
	give(&in.Severity, ch.Severity)
	give(&in.Service, ch.Service)
	give(&in.Environment, ch.Environment)
	give(&in.Summary, ch.Summary)
	if ch.Severity != nil && *ch.Severity == 0 {
		return i, fault.Field("severity", "The severity is a number from 1 (worst) to 4.")
	}
	if ch.Service == nil { // an alert's service may be one we do not keep
		in.Service = ""
	}
	if err := s.normalize(ctx, tx, who, &in); err != nil {
		return i, err
	}
	if ch.Service == nil {
		in.Service = i.Service
	}
	cols := map[string]any{}
	for _, f := range []struct{ name, from, to string }{
		{"title", i.Title, in.Title}, {"summary", i.Summary, in.Summary}, {"service", i.Service, in.Service}, {"environment", i.Environment, in.Environment},
	} {
		if f.from == f.to {
			continue
		}
		cols[f.name] = f.to
		if err := s.Ledger.Append(ctx, tx, who, about(i), Changed{Field: f.name, From: f.from, To: f.to}); err != nil {
			return i, err
		}
		if i.Stage != Closed && f.name != "summary" {
			if err := s.say(ctx, tx, who, i, "%s changed the %s from %q to %q.", called(who), f.name, f.from, f.to); err != nil {
				return i, err
			}
		}
	}
	if in.Title != i.Title {
		name := roomName(i.Ticket, in.Title)
		if _, err := s.Rooms.Update(ctx, tx, muster(who), i.Room.ID, room.Change{Name: &name}); err != nil {
			return i, err
		}
	}
	if in.Severity > i.Severity {
		cols["severity"] = in.Severity
		if err := s.Ledger.Append(ctx, tx, who, about(i), SeverityChanged{From: i.Severity, To: in.Severity}); err != nil {
			return i, err
		}
		if i.Stage != Closed {
			if err := s.say(ctx, tx, who, i, "%s lowered the severity from %s to %s.", called(who), Label(i.Severity), Label(in.Severity)); err != nil {
				return i, err
			}
		}
	}
	if strings.HasPrefix(i.collects, "service:") && (cols["service"] != nil || cols["environment"] != nil) {
		// Its alerts are those of what it is about now; whoever gathers them already goes on.
		cols["collects"] = ""
		if in.Service != "" {
			key := GatherKey(in.Service, in.Environment)
			if err := s.Claim(ctx, tx, key); err != nil {
				return i, err
			}
			taken := 0
			if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM incident WHERE collects = $1`, key).Scan(&taken); err != nil {
				return i, fmt.Errorf("look who gathers: %w", err)
			}
			if taken == 0 {
				cols["collects"] = key
			}
		}
	}
	if len(cols) > 0 {
		if err := s.set(ctx, tx, i.ID, cols); err != nil {
			return i, err
		}
	}
	if in.Severity < i.Severity {
		i.Title, i.Service, i.Environment, i.Summary = in.Title, in.Service, in.Environment, in.Summary
		i.Production = node.SaysProduction(i.Environment)
		if err := s.raise(ctx, tx, who, i, in.Severity, ""); err != nil {
			return i, err
		}
	}
	if cols["service"] != nil && in.Service != "" {
		i.Title, i.Severity, i.Service, i.Environment, i.Summary = in.Title, in.Severity, in.Service, in.Environment, in.Summary
		i.Production = node.SaysProduction(i.Environment)
		if err := s.handOver(ctx, tx, who, i); err != nil {
			return i, err
		}
	}
	return s.Get(ctx, tx, who, i.ID)
}

// handOver pages whoever is on call for the service that an incident is about
// now, as at its declaration, unless somebody has taken it on: those who were
// paged so far look after another service.
func (s *Store) handOver(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident) error {
	if !i.Stage.Open() || i.Mode == "test" || i.Mode == "retrospective" {
		return nil
	}
	cs, err := s.running(ctx, tx, i.ID)
	if err != nil {
		return err
	}
	taken := i.Times.Acknowledged != nil
	for _, c := range cs {
		if strings.EqualFold(c.service, i.Service) {
			return nil // they are called already
		}
		if !c.asked && i.Times.Acknowledged != nil && !i.Times.Acknowledged.After(c.started) {
			taken = false // what was taken on lapsed
		}
	}
	if taken {
		return nil
	}
	return s.pageAgain(ctx, tx, who, i)
}

func give[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// Roles an incident can give out, one person each.
var Roles = []string{"commander", "operations", "communications", "scribe", "liaison"}

// SetRole gives a role to a person, or takes it oneself; userID "" leaves it empty.
func (s *Store) SetRole(ctx context.Context, tx *db.Tx, who actor.Actor, idOrTicket, role, userID string) (Incident, error) {
	i, err := s.hold(ctx, tx, idOrTicket)
	if err != nil {
		return i, err
	}
	if err := s.check(ctx, tx, who, "command", i); err != nil {
		return i, err
	}
	role = strings.ToLower(role)
	if !slices.Contains(Roles, role) {
		return i, fault.Field("role", "The role is one of "+strings.Join(Roles, ", ")+".")
	}
	if i.Stage == Closed {
		return i, fault.Newf(fault.Conflict, "%s is closed. Reopen it before you give roles.", i.Ticket)
	}
	held := ""
	for _, r := range i.Roles {
		if r.Role == role {
			held = r.UserID
		}
	}
	if held == userID {
		return s.able(ctx, tx, who, i)
	}
	if userID == "" {
		if _, err := tx.Exec(ctx, `DELETE FROM incident_role WHERE incident = $1 AND role = $2`, i.ID, role); err != nil {
			return i, fmt.Errorf("leave role: %w", err)
		}
	} else {
		ok, err := s.OnCall.Active(ctx, tx, userID)
		if err != nil {
			return i, err
		}
		if !ok {
			return i, fault.Field("user_id", "There is no active user with this id. Choose a person from the list.")
		}
		if _, err := tx.Exec(ctx, `INSERT INTO incident_role (incident, role, person, since) VALUES ($1,$2,$3,$4) ON CONFLICT (incident, role) DO UPDATE SET person = excluded.person, since = excluded.since`,
			i.ID, role, userID, db.Micro(s.Clock.Now())); err != nil {
			return i, fmt.Errorf("give role: %w", err)
		}
		if err := s.Rooms.Join(ctx, tx, muster(who), i.Room.ID, userID); err != nil {
			return i, err
		}
	}
	s.touch(tx, i.ID)
	if err := s.Ledger.Append(ctx, tx, who, about(i), RoleChanged{Role: role, User: userID, From: held}); err != nil {
		return i, err
	}
	name, err := s.name(ctx, tx, userID)
	if err != nil {
		return i, err
	}
	line := fmt.Sprintf("%s made %s %s.", called(who), name, role)
	switch userID {
	case who.ID:
		line = fmt.Sprintf("%s is now %s.", called(who), role)
	case "":
		line = fmt.Sprintf("%s left the role of %s empty.", called(who), role)
	default:
		_, err := s.Notify.Send(ctx, tx, notify.New{Person: userID, Kind: "info", Title: fmt.Sprintf("You are %s of %s", role, i.Ticket), Body: called(who) + " gave you the role: " + i.Title, Link: "/rooms/" + i.Room.ID, Incident: i.ID})
		if err != nil {
			return i, err
		}
	}
	if err := s.say(ctx, tx, who, i, "%s", line); err != nil {
		return i, err
	}
	return s.Get(ctx, tx, who, i.ID)
}

// SetTimes corrects named moments; nil takes one back.
func (s *Store) SetTimes(ctx context.Context, tx *db.Tx, who actor.Actor, idOrTicket string, times map[string]*time.Time) (Incident, error) {
	i, err := s.hold(ctx, tx, idOrTicket)
	if err != nil {
		return i, err
	}
	if err := s.check(ctx, tx, who, "update", i); err != nil {
		return i, err
	}
	latest := s.Clock.Now().Add(time.Minute) // people's clocks differ a little
	var bad []fault.FieldError
	cols := map[string]any{}
	for _, name := range sortedKeys(times) {
		at := times[name]
		switch {
		case !slices.Contains(TimeNames, name):
			bad = append(bad, fault.FieldError{Field: name, Message: "This is not a moment of an incident. The moments are " + strings.Join(TimeNames, ", ") + "."})
		case name == "declared" && at == nil:
			bad = append(bad, fault.FieldError{Field: name, Message: "When it was declared can be corrected, not removed."})
		case at != nil && at.After(latest):
			bad = append(bad, fault.FieldError{Field: name, Message: "This lies in the future. Give a moment that has passed."})
		case at != nil && at.Year() < 2000:
			bad = append(bad, fault.FieldError{Field: name, Message: "Give a moment after the year 2000."})
		}
	}
	if len(bad) > 0 {
		return i, fault.Fields(bad...)
	}
	for _, name := range TimeNames {
		at, ok := times[name]
		if !ok {
			continue
		}
		if at != nil {
			t := at.UTC().Truncate(time.Microsecond)
			at = &t
		}
		was := i.Times.Get(name)
		if micro(was) == micro(at) {
			continue
		}
		cols[name] = micro(at)
		if err := s.Ledger.Append(ctx, tx, who, about(i), TimeSet{Name: name, From: was, To: at}); err != nil {
			return i, err
		}
		if name == "acknowledged" && at != nil {
			if _, _, err := s.answer(ctx, tx, who, i); err != nil {
				return i, err
			}
		}
	}
	if len(cols) > 0 {
		if err := s.set(ctx, tx, i.ID, cols); err != nil {
			return i, err
		}
	}
	return s.Get(ctx, tx, who, i.ID)
}

// Note puts a person's own words on the timeline, at a moment they choose.
func (s *Store) Note(ctx context.Context, tx *db.Tx, who actor.Actor, idOrTicket, text string, at *time.Time) (Entry, error) {
	i, err := s.hold(ctx, tx, idOrTicket)
	if err != nil {
		return Entry{}, err
	}
	if err := s.check(ctx, tx, who, "update", i); err != nil {
		return Entry{}, err
	}
	text = strings.TrimSpace(strings.ReplaceAll(text, "\x00", ""))
	if n := utf8.RuneCountInString(text); n == 0 || n > 4000 || !utf8.ValidString(text) {
		return Entry{}, fault.Field("text", "Write the note in 1 to 4000 characters.")
	}
	now := s.Clock.Now()
	when := now
	if at != nil {
		when = at.UTC().Truncate(time.Microsecond)
		if when.After(now.Add(time.Minute)) || when.Year() < 2000 {
			return Entry{}, fault.Field("at", "Give a moment that has passed.")
		}
	}
	n := id.New()
	if _, err := tx.Exec(ctx, `INSERT INTO incident_note (id, incident, person, at, text, created_at) VALUES ($1,$2,$3,$4,$5,$6)`, n, i.ID, who.ID, db.Micro(when), text, db.Micro(now)); err != nil {
		return Entry{}, fmt.Errorf("note: %w", err)
	}
	if err := s.Ledger.Append(ctx, tx, who, about(i), Noted{Note: n, At: when, Text: text}); err != nil {
		return Entry{}, err
	}
	return Entry{ID: n, At: when, Kind: "note", Actor: EntryActor{ID: who.ID, Name: called(who)}, Text: text, Data: map[string]any{"note": n}}, nil
}

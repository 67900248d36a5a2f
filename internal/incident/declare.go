package incident

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/message"
	"muster/internal/node"
	"muster/internal/room"
)

// Declare is what an incident is declared with.
type Declare struct {
	Title       string
	Severity    int    // 0: 3
	Service     string // name or id
	Environment string
	Summary     string
	Mode        string   // "" real
	Restricted  bool     // only Members and the people of Groups know of it
	Members     []string // of a restricted one, by id
	Groups      []string // of a restricted one, by name
	Gathers     bool     // alerts of the service and environment join it

	// Only what declares by itself (alerts) fills these.
	FirstSignal time.Time // when the cause first showed
	Collects    string    // what gathers in this incident while it is open; unique among open ones
	ID          string    // id.New() taken beforehand, to record what led to the incident first
}

var modes = []string{"real", "test", "drill", "retrospective"}

// plain makes one line of a text, without control and bidirectional characters
// that would let it look like something else.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError || (r >= '\u202a' && r <= '\u202e') || (r >= '\u2066' && r <= '\u2069') || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	return strings.Join(strings.Fields(text), " ")
}

func cut(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:most-1])) + "…"
}

// roomName is the ticket and the title, as long as a room's name may be.
func roomName(ticket, title string) string { return cut(ticket+" "+title, 80) }

func (s *Store) normalize(ctx context.Context, q db.Querier, who actor.Actor, in *Declare) error {
	var bad []fault.FieldError
	wrong := func(field, msg string) { bad = append(bad, fault.FieldError{Field: field, Message: msg}) }
	in.Title, in.Summary = plain(in.Title), strings.TrimSpace(in.Summary)
	in.Service, in.Environment = strings.TrimSpace(in.Service), strings.TrimSpace(in.Environment)
	machine := who.IsSystem() && in.Collects != ""
	if machine { // what it sends is cut to fit; a person is asked
		in.Title, in.Summary, in.Environment = cut(in.Title, 200), cut(in.Summary, 4000), cut(plain(in.Environment), 63)
		if in.Title == "" {
			in.Title = "Alert without a title"
		}
	}
	if n := utf8.RuneCountInString(in.Title); n == 0 || n > 200 {
		wrong("title", "Say in one line what is wrong, in at most 200 characters.")
	}
	if utf8.RuneCountInString(in.Summary) > 4000 {
		wrong("summary", "Keep the summary within 4000 characters.")
	}
	if in.Severity == 0 {
		in.Severity = 3
	}
	if in.Severity < 1 || in.Severity > 4 {
		wrong("severity", "The severity is a number from 1 (worst) to 4.")
	}
	if in.Mode == "" {
		in.Mode = "real"
	}
	if !slices.Contains(modes, in.Mode) {
		wrong("mode", "The mode is real, test, drill or retrospective.")
	}
	if utf8.RuneCountInString(in.Environment) > 63 || in.Environment != plain(in.Environment) {
		wrong("environment", "An environment is a short word such as dev, qa or prod.")
	}
	if in.Service != "" {
		sv, err := s.OnCall.Find(ctx, q, in.Service)
		switch {
		case err == nil:
			in.Service = sv.Name
		case fault.Is(err, fault.NotFound) && machine:
			in.Service = cut(plain(in.Service), 63)
		case fault.Is(err, fault.NotFound):
			wrong("service", fmt.Sprintf("There is no service %q. Choose one from the list, or leave it out.", in.Service))
		default:
			return err
		}
	}
	if in.Gathers && !machine {
		if in.Service == "" {
			wrong("gathers", "Name the service whose alerts belong to this incident.")
		}
		if in.Mode != "real" {
			wrong("gathers", "Alerts are of real trouble: only a real incident can gather them.")
		}
		if in.Restricted {
			wrong("gathers", "Only its members would hear of the alerts that join a restricted incident. Let them have one of their own.")
		}
		in.Collects = GatherKey(in.Service, in.Environment)
	}
	if len(bad) > 0 {
		return fault.Fields(bad...)
	}
	return nil
}

// Declare makes an incident and its room, pages whoever is on call for its
// service, and plans the escalation: all of it, or nothing.
func (s *Store) Declare(ctx context.Context, tx *db.Tx, who actor.Actor, in Declare) (Incident, error) {
	if in.ID == "" || !who.IsSystem() {
		in.ID = id.New()
	}
	if !who.IsSystem() {
		in.Collects = ""
	}
	i := Incident{ID: in.ID, Severity: in.Severity, Stage: StageDeclared, Mode: in.Mode, Service: in.Service, Environment: in.Environment, DeclaredBy: who.ID}
	if err := s.check(ctx, tx, who, "declare", Incident{Severity: in.Severity, Service: in.Service, Environment: in.Environment, Mode: in.Mode, Restricted: in.Restricted}); err != nil {
		return i, err
	}
	if err := s.Ledger.Bound(ctx, tx, who, Declared{}, 30, 10*time.Minute, "incidents"); err != nil {
		return i, err
	}
	if err := s.normalize(ctx, tx, who, &in); err != nil {
		return i, err
	}
	ticket, err := s.Tickets.Next(ctx, tx)
	if err != nil {
		return i, err
	}
	i.Ticket, i.TicketURL, i.Title, i.Severity, i.Mode, i.Service, i.Environment, i.Summary = ticket.Key, ticket.URL, in.Title, in.Severity, in.Mode, in.Service, in.Environment, in.Summary
	i.Restricted = in.Restricted
	if !in.Restricted && len(in.Members)+len(in.Groups) > 0 {
		return i, fault.Field("members", "Only a restricted incident names its members. Everybody may read the others.")
	}
	members, err := s.named(ctx, tx, who, in.Members, in.Groups)
	if err != nil {
		return i, err
	}
	if who.Kind == actor.Person {
		members = append(members, who.ID)
	}
	// The system opens the room: whoever may declare an incident gets its room
	// without being allowed to make others.
	opening := room.New{
		Name: roomName(i.Ticket, i.Title), Kind: "incident", Topic: cut(plain(i.Summary), 500), Private: i.Restricted,
		Subject: room.Subject{Kind: "incident", ID: i.ID}, Members: members,
	}
	r, err := s.Rooms.Create(ctx, tx, muster(who), opening)
	if fault.Is(err, fault.Invalid) {
		// Somebody gave a room of their own this name. That must not keep an
		// incident from being declared.
		opening.Name = i.Ticket + " (" + i.ID[len(i.ID)-6:] + ")"
		r, err = s.Rooms.Create(ctx, tx, muster(who), opening)
	}
	if err != nil {
		return i, fmt.Errorf("open the room of %s: %w", i.Ticket, err)
	}
	i.Room = RoomRef{ID: r.ID, Name: r.Name}
	now := s.Clock.Now()
	signal := int64(0)
	if !in.FirstSignal.IsZero() {
		signal = db.Micro(in.FirstSignal)
		if in.FirstSignal.After(now) {
			signal = db.Micro(now)
		}
	}
	gathered := int64(0)
	if in.Collects != "" {
		gathered = db.Micro(now)
		if err := s.takeOver(ctx, tx, in.Collects); err != nil {
			return i, err
		}
	}
	if _, err := tx.Exec(ctx, `INSERT INTO incident (id, ticket, ticket_url, title, room, severity, stage, mode, restricted, service, environment, summary, declared_by, collects, gathered, merged_into,
 impact_started, first_signal, detected, declared, acknowledged, first_responder, mitigated, resolved, closed, created_at, updated_at)
VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$16,$9,$10,$11,$12,$13,$17,'',0,$14,$15,$15,0,0,0,0,0,$15,$15)`,
		i.ID, i.Ticket, i.TicketURL, i.Title, i.Room.ID, i.Severity, string(i.Stage), i.Mode, i.Service, i.Environment, i.Summary, i.DeclaredBy, in.Collects, signal, db.Micro(now), i.Restricted, gathered); err != nil {
		return i, fmt.Errorf("declare %s: %w", i.Ticket, err)
	}
	s.touch(tx, i.ID)
	if err := s.Ledger.Append(ctx, tx, who, about(i), Declared{Ticket: i.Ticket, Title: i.Title, Severity: i.Severity, Service: i.Service, Environment: i.Environment, Mode: i.Mode, Restricted: i.Restricted}); err != nil {
		return i, err
	}
	if len(in.Groups) > 0 {
		if err := s.Ledger.Append(ctx, tx, who, about(i), GroupsNamed{Groups: in.Groups, Users: members}); err != nil {
			return i, err
		}
	}
	data, err := json.Marshal(map[string]any{
		"id": i.ID, "ticket": i.Ticket, "title": i.Title, "severity": i.Severity, "service": i.Service, "environment": i.Environment, "production": node.SaysProduction(i.Environment),
		"declared_by": i.DeclaredBy, "declared_by_name": called(who), "mode": i.Mode, "summary": i.Summary, "declared_at": now,
	})
	if err != nil {
		return i, fmt.Errorf("card of %s: %w", i.Ticket, err)
	}
	text := marked(i, fmt.Sprintf("%s %s %s", Label(i.Severity), i.Ticket, i.Title))
	if _, err := s.Messages.Post(ctx, tx, muster(who), message.New{Room: r.ID, Text: text, Card: &message.Card{Type: "incident", Ref: i.ID, Data: data}}); err != nil {
		return i, err
	}
	if err := s.pageFirst(ctx, tx, who, i); err != nil {
		return i, err
	}
	return s.Get(ctx, tx, who, i.ID)
}

// GatherKey names what gathers in one incident: the alerts of a service in an
// environment.
func GatherKey(service, environment string) string {
	return "service:" + strings.ToLower(service) + "/" + strings.ToLower(environment)
}

// Collector finds the open incident in which what is described by key gathers,
// if its newest alert came after gatherSince, or the one that was resolved after
// reopenSince. ok is false when a new one has to be declared. Whoever calls it in
// order to declare has to hold Claim. The incident stays as it is until the
// transaction ends.
func (s *Store) Collector(ctx context.Context, tx *db.Tx, key string, gatherSince, reopenSince time.Time) (i Incident, ok bool, err error) {
	i, err = s.one(ctx, tx, `WHERE i.mode IN ('real', 'drill') AND i.collects = $1 AND i.collects <> ''`, key)
	if err == nil {
		i, err = s.hold(ctx, tx, i.ID)
	}
	if fault.Is(err, fault.NotFound) {
		return i, false, nil
	}
	if err != nil {
		return i, false, err
	}
	switch {
	case i.Stage.Open():
		ok = i.collects == key && i.gathered.After(gatherSince)
	case i.Stage == Resolved:
		ok = i.Times.Resolved != nil && i.Times.Resolved.After(reopenSince)
	}
	return i, ok, nil
}

// Claim makes sure that only this transaction declares or finds the incident of
// key until it ends.
func (s *Store) Claim(ctx context.Context, tx *db.Tx, key string) error {
	// The upsert locks the row until the commit: a second delivery waits here
	// and then sees the incident that the first one declared.
	if _, err := tx.Exec(ctx, `INSERT INTO counter (name, value) VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET value = counter.value + 1`, "incident.collects:"+key); err != nil {
		return fmt.Errorf("claim %s: %w", key, err)
	}
	return nil
}

// takeOver lets whoever gathered key so far go: its window is over, or somebody
// says that another incident is the one.
func (s *Store) takeOver(ctx context.Context, tx *db.Tx, key string) error {
	if err := s.Claim(ctx, tx, key); err != nil {
		return err
	}
	was, err := db.All(ctx, tx, func(r db.Scanner) (v string, err error) { return v, r.Scan(&v) }, `UPDATE incident SET collects = '' WHERE collects = $1 RETURNING id`, key)
	if err != nil {
		return fmt.Errorf("let go of %s: %w", key, err)
	}
	for _, id := range was {
		s.touch(tx, id)
	}
	return nil
}

// Gathered notes that a new alert joined: what comes within the window after it
// joins too.
func (s *Store) Gathered(ctx context.Context, tx *db.Tx, incidentID string) error {
	return s.set(ctx, tx, incidentID, map[string]any{"gathered": db.Micro(s.Clock.Now())})
}

// Standing is how far an incident is, for those who only need that.
type Standing struct {
	Stage    Stage
	Ended    time.Time // when it was resolved or closed; zero while it is open
	Gathered time.Time // when the newest alert joined
}

// Standings reads how far incidents are; it asks no permission.
func (s *Store) Standings(ctx context.Context, q db.Querier, incidentIDs []string) (map[string]Standing, error) {
	out := map[string]Standing{}
	for len(incidentIDs) > 0 {
		n := min(len(incidentIDs), 500)
		marks, args := in(1, incidentIDs[:n])
		incidentIDs = incidentIDs[n:]
		type row struct {
			id string
			s  Standing
		}
		rows, err := db.All(ctx, q, func(r db.Scanner) (v row, err error) {
			var resolved, closed, gathered int64
			err = r.Scan(&v.id, &v.s.Stage, &resolved, &closed, &gathered)
			v.s.Gathered = db.At(gathered)
			switch {
			case v.s.Stage.Open():
			case resolved != 0:
				v.s.Ended = db.At(resolved)
			default:
				v.s.Ended = db.At(closed)
			}
			return v, err
		}, `SELECT id, stage, resolved, closed, gathered FROM incident WHERE id IN `+marks, args...)
		if err != nil {
			return nil, fmt.Errorf("read how far incidents are: %w", err)
		}
		for _, r := range rows {
			out[r.id] = r.s
		}
	}
	return out, nil
}

// Reopen goes on with a resolved incident because its cause is back, and pages
// whoever is on call now: those who worked on it may have gone. It does nothing
// to one that is open.
func (s *Store) Reopen(ctx context.Context, tx *db.Tx, who actor.Actor, incidentID, why string) (Incident, error) {
	i, err := s.get(ctx, tx, incidentID)
	if err != nil || i.Stage.Open() {
		return i, err
	}
	if i, err = s.SetStage(ctx, tx, who, incidentID, Triage, why); err != nil {
		return i, err
	}
	if err := s.pageAgain(ctx, tx, who, i); err != nil {
		return i, err
	}
	return s.Get(ctx, tx, who, i.ID)
}

package incident

import (
	"context"
	"fmt"
	"strings"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/node"
	"muster/internal/notify"
	"muster/internal/oncall"
)

const columns = `i.id, i.ticket, i.ticket_url, i.title, i.room, r.name, i.severity, i.stage, i.mode, i.restricted, i.service, i.environment, i.summary, i.declared_by, i.collects, i.gathered, i.merged_into,
 i.impact_started, i.first_signal, i.detected, i.declared, i.acknowledged, i.first_responder, i.mitigated, i.resolved, i.closed`

const from = ` FROM incident i JOIN room r ON r.id = i.room `

func scan(r db.Scanner) (i Incident, err error) {
	at := make([]int64, len(TimeNames))
	var gathered int64
	dest := []any{&i.ID, &i.Ticket, &i.TicketURL, &i.Title, &i.Room.ID, &i.Room.Name, &i.Severity, &i.Stage, &i.Mode, &i.Restricted, &i.Service, &i.Environment, &i.Summary, &i.DeclaredBy, &i.collects, &gathered, &i.MergedInto}
	for n := range at {
		dest = append(dest, &at[n])
	}
	err = r.Scan(dest...)
	for n, name := range TimeNames {
		*i.Times.field(name) = when(at[n])
	}
	i.gathered, i.Gathers = db.At(gathered), i.collects != ""
	i.Production = node.SaysProduction(i.Environment)
	i.Roles, i.Pages, i.Alerts, i.Abilities = []RoleHeld{}, []Paging{}, []AlertRef{}, map[string]bool{}
	return i, err
}

func (s *Store) query(ctx context.Context, q db.Querier, where string, args ...any) ([]Incident, error) {
	is, err := db.All(ctx, q, scan, `SELECT `+columns+from+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read incidents: %w", err)
	}
	return is, s.fill(ctx, q, is)
}

func (s *Store) one(ctx context.Context, q db.Querier, where string, args ...any) (Incident, error) {
	is, err := s.query(ctx, q, where, args...)
	if err != nil {
		return Incident{}, err
	}
	if len(is) == 0 {
		return Incident{}, errNone
	}
	return is[0], nil
}

func (s *Store) get(ctx context.Context, q db.Querier, incidentID string) (Incident, error) {
	return s.one(ctx, q, `WHERE i.id = $1`, incidentID)
}

func (s *Store) find(ctx context.Context, q db.Querier, idOrTicket string) (Incident, error) {
	return s.one(ctx, q, `WHERE i.id = $1 OR i.ticket = $2`, idOrTicket, strings.ToUpper(strings.TrimPrefix(idOrTicket, "#")))
}

// hold is find for a change: two changes of one incident come one after the other.
func (s *Store) hold(ctx context.Context, tx *db.Tx, idOrTicket string) (Incident, error) {
	if tx.Dialect() == db.Postgres { // SQLite has one writer anyway
		if _, err := tx.Exec(ctx, `SELECT 1 FROM incident WHERE id = $1 OR ticket = $2 FOR UPDATE`, idOrTicket, strings.ToUpper(strings.TrimPrefix(idOrTicket, "#"))); err != nil {
			return Incident{}, fmt.Errorf("hold incident: %w", err)
		}
	}
	return s.find(ctx, tx, idOrTicket)
}

func in(from int, ids []string) (marks string, args []any) {
	ms := make([]string, len(ids))
	for n, id := range ids {
		ms[n] = fmt.Sprintf("$%d", from+n)
		args = append(args, id)
	}
	return "(" + strings.Join(ms, ",") + ")", args
}

// fill adds roles, pages and alerts.
func (s *Store) fill(ctx context.Context, q db.Querier, is []Incident) error {
	if len(is) == 0 {
		return nil
	}
	index, ids := map[string]int{}, []string{}
	for n, i := range is {
		index[i.ID] = n
		ids = append(ids, i.ID)
	}
	marks, args := in(1, ids)
	type role struct {
		of string
		r  RoleHeld
	}
	roles, err := db.All(ctx, q, func(r db.Scanner) (v role, err error) { return v, r.Scan(&v.of, &v.r.Role, &v.r.UserID) },
		`SELECT incident, role, person FROM incident_role WHERE incident IN `+marks+` ORDER BY since, role`, args...)
	if err != nil {
		return fmt.Errorf("read roles: %w", err)
	}
	for _, r := range roles {
		i := &is[index[r.of]]
		i.Roles = append(i.Roles, r.r)
	}
	type page struct {
		of string
		p  Paging
	}
	pages, err := db.All(ctx, q, func(r db.Scanner) (v page, err error) {
		var paged, seen, acked, joined int64
		err = r.Scan(&v.of, &v.p.ID, &v.p.UserID, &v.p.Level, &v.p.State, &v.p.notification, &paged, &seen, &acked, &joined, &v.p.Everybody)
		v.p.PagedAt, v.p.SeenAt, v.p.AcknowledgedAt, v.p.JoinedAt = db.At(paged), when(seen), when(acked), when(joined)
		v.p.ChannelStates = []notify.Delivery{}
		return v, err
	}, `SELECT incident, id, person, level, state, notification, paged_at, seen_at, acknowledged_at, joined_at, everybody FROM incident_page WHERE incident IN `+marks+` ORDER BY id`, args...)
	if err != nil {
		return fmt.Errorf("read pages: %w", err)
	}
	told := []string{}
	for _, p := range pages {
		told = append(told, p.p.notification)
	}
	states, err := s.Notify.Channels(ctx, q, told)
	if err != nil {
		return err
	}
	for _, p := range pages {
		if c := states[p.p.notification]; c != nil {
			p.p.ChannelStates = c
		}
		i := &is[index[p.of]]
		i.Pages = append(i.Pages, p.p)
	}
	if err := s.fillNext(ctx, q, is, index, marks, args); err != nil {
		return err
	}
	alerts, err := s.alerts.Refs(ctx, q, ids)
	if err != nil {
		return err
	}
	for id, as := range alerts {
		is[index[id]].Alerts = as
	}
	return nil
}

// fillNext says who is paged next and when.
func (s *Store) fillNext(ctx context.Context, q db.Querier, is []Incident, index map[string]int, marks string, args []any) error {
	climbs, err := db.All(ctx, q, scanClimb, `SELECT `+climbColumns+` FROM incident_escalation WHERE state = 'running' AND incident IN `+marks+` ORDER BY next_at`, args...)
	if err != nil {
		return fmt.Errorf("read escalations: %w", err)
	}
	for _, c := range climbs {
		i := &is[index[c.incident]]
		if i.NextPage != nil {
			continue
		}
		r, err := s.OnCall.Rotation(ctx, q, c.rotation)
		if fault.Is(err, fault.NotFound) {
			r, err = oncall.Rotation{}, nil
		}
		if err != nil {
			return err
		}
		_, user, err := s.step(ctx, q, c, r)
		if err != nil {
			return err
		}
		i.NextPage = &NextPage{UserID: user, At: c.next, Everybody: user == ""}
		if user != "" {
			continue
		}
		people, err := s.everybody(ctx, q, *i, r)
		if err != nil {
			return err
		}
		if len(people) > 0 {
			i.NextPage.UserID = people[0]
		}
	}
	return nil
}

// climb is one row of incident_escalation.
type climb struct {
	id, incident, service, rotation, state string
	started, next                          time.Time
	level                                  int
	rounds                                 int  // of paging everybody
	asked                                  bool // by hand, of another service than the incident's own
}

const climbColumns = `id, incident, service, rotation, state, started_at, next_at, level, rounds, asked`

// what the climb is for, in words.
func (c climb) what(r oncall.Rotation) string {
	if c.service != "" {
		return c.service
	}
	return r.Name
}

func scanClimb(r db.Scanner) (c climb, err error) {
	var started, next int64
	err = r.Scan(&c.id, &c.incident, &c.service, &c.rotation, &c.state, &started, &next, &c.level, &c.rounds, &c.asked)
	c.started, c.next = db.At(started), db.At(next)
	return c, err
}

// at gives who stands at a level of the ladder as it was when the climb began;
// the ladder is climbed twice at most.
func (c climb) at(r oncall.Rotation, level int) (string, bool) {
	ladder := r.Ladder(c.started)
	if len(ladder) == 0 || level > 2*len(ladder) {
		return "", false
	}
	return ladder[(level-1)%len(ladder)], true
}

// Get returns an incident who may read, by id or ticket, with their abilities.
func (s *Store) Get(ctx context.Context, q db.Querier, who actor.Actor, idOrTicket string) (Incident, error) {
	i, err := s.find(ctx, q, idOrTicket)
	if err != nil {
		return Incident{}, err
	}
	if err := s.check(ctx, q, who, "read", i); err != nil {
		return Incident{}, err
	}
	return s.able(ctx, q, who, i)
}

// Shown is an incident as who sees it, with their abilities; ok is false where
// they may not read it.
func (s *Store) Shown(ctx context.Context, q db.Querier, who actor.Actor, i Incident) (_ Incident, ok bool) {
	if s.check(ctx, q, who, "read", i) != nil {
		return Incident{}, false
	}
	i, err := s.able(ctx, q, who, i)
	return i, err == nil
}

func (s *Store) able(ctx context.Context, q db.Querier, who actor.Actor, i Incident) (Incident, error) {
	res, err := s.resource(ctx, q, who, i)
	if err != nil {
		return i, err
	}
	may := s.Access.Allowed(ctx, q, who, "update", res)
	i.Abilities = map[string]bool{
		"update": may, "note": may, "acknowledge": may && i.Stage.Open(), "page": may && i.Stage != Closed,
		"command": s.Access.Allowed(ctx, q, who, "command", res),
	}
	i.Abilities["page"] = i.Abilities["page"] && i.Mode != "test"
	i.Abilities["restrict"] = i.Abilities["command"] && mayRestrict(who, i)
	i.Abilities["merge"] = i.Abilities["command"] && i.Stage != Closed
	return i, nil
}

// ByRoom returns the incident a room is about; a fault that says what to do when it is about none.
func (s *Store) ByRoom(ctx context.Context, q db.Querier, who actor.Actor, roomID string) (Incident, error) {
	i, err := s.one(ctx, q, `WHERE i.room = $1`, roomID)
	if fault.Is(err, fault.NotFound) {
		return i, fault.New(fault.Conflict, "This room is not about an incident. Type the command in the incident's own room, or name a ticket such as INC-1001 where the command takes one.")
	}
	if err != nil {
		return i, err
	}
	if err := s.check(ctx, q, who, "read", i); err != nil {
		return Incident{}, err
	}
	return s.able(ctx, q, who, i)
}

// List gives incidents who may read, newest first: state is open, closed or all.
func (s *Store) List(ctx context.Context, q db.Querier, who actor.Actor, state string, limit int) ([]Incident, error) {
	if limit <= 0 || limit > 500 {
		limit = 100
	}
	where := ""
	switch state {
	case "", "open":
		where = `WHERE i.stage <> 'closed'`
	case "closed":
		where = `WHERE i.stage = 'closed'`
	case "all":
	default:
		return nil, fault.Field("state", "The state is open, closed or all.")
	}
	is, err := s.query(ctx, q, where+` ORDER BY i.id DESC LIMIT $1`, limit)
	if err != nil {
		return nil, err
	}
	out := []Incident{}
	for _, i := range is {
		switch err := s.check(ctx, q, who, "read", i); {
		case fault.Is(err, fault.NotFound):
			continue
		case err != nil:
			return nil, err
		}
		if i, err = s.able(ctx, q, who, i); err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}

// Summary gives the metrics over the closed real incidents that who may read
// (the newest 1000).
func (s *Store) Summary(ctx context.Context, q db.Querier, who actor.Actor) ([]MetricSummary, error) {
	is, err := db.All(ctx, q, scan, `SELECT `+columns+from+`WHERE i.stage = 'closed' AND i.mode = 'real' AND i.merged_into = '' ORDER BY i.id DESC LIMIT 1000`)
	if err != nil {
		return nil, fmt.Errorf("read closed incidents: %w", err)
	}
	times := []Times{}
	for _, i := range is {
		if s.check(ctx, q, who, "read", i) == nil {
			times = append(times, i.Times)
		}
	}
	return Summarize(times), nil
}

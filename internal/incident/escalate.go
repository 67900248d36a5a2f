package incident

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/notify"
	"muster/internal/oncall"
	"muster/internal/task"
)

// An escalation climbs the ladder of one rotation, twice. Then, for as long as
// nobody acknowledges and the incident goes on, everybody is paged at once,
// again and again: the rotation, the catch-all rotation and the administrators.
//
//	level 1, 2, … n, n+1, … 2n   →   everybody   →   everybody   → …
//	one person each, escalate_after      the pause doubles up to 15 minutes

const taskEscalate = "incident.escalate"

// maxPause is the longest pause between two rounds of paging everybody.
const maxPause = 15 * time.Minute

type escalateArgs struct {
	Escalation string `json:"escalation"`
	Level      int    `json:"level"` // to be paged when the task runs
}

// A key per level: the task that pages one level plans the next while it runs.
func climbKey(escalation string, level int) string { return fmt.Sprintf("%s/%d", escalation, level) }

// pageService pages whoever is on call for a service and plans the climb. Where
// nobody of the service's own can be paged, the catch-all rotation is climbed
// instead, or else the administrators are paged; both are said.
func (s *Store) pageService(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident, service string) error {
	if i.Mode == "test" {
		return nil
	}
	service, r, why, err := s.reach(ctx, tx, service)
	if err != nil {
		return err
	}
	if why != "" {
		if r, err = s.fallBack(ctx, tx, who, i, service, why); err != nil {
			return err
		}
	}
	now := s.Clock.Now()
	c := climb{id: id.New(), incident: i.ID, service: service, rotation: r.ID, started: now, state: "running", asked: service != i.Service}
	if _, err := tx.Exec(ctx, `INSERT INTO incident_escalation (id, incident, service, rotation, started_at, level, next_at, state, asked) VALUES ($1,$2,$3,$4,$5,0,$5,'running',$6)`,
		c.id, c.incident, c.service, c.rotation, db.Micro(now), c.asked); err != nil {
		return fmt.Errorf("begin escalation: %w", err)
	}
	return s.ascend(ctx, tx, who, i, c, r)
}

// reach finds the rotation that answers for a service; why says, as the
// beginning of a sentence, what keeps anybody in it from being paged.
func (s *Store) reach(ctx context.Context, q db.Querier, service string) (name string, r oncall.Rotation, why string, err error) {
	if service == "" {
		return "", r, "No service is named", nil
	}
	sv, err := s.OnCall.Find(ctx, q, service)
	if fault.Is(err, fault.NotFound) {
		return service, r, fmt.Sprintf("%q is not a service that Muster knows", service), nil
	}
	if err != nil {
		return service, r, "", err
	}
	if sv.RotationID == "" {
		return sv.Name, r, "No rotation is on call for " + sv.Name, nil
	}
	if r, err = s.OnCall.Rotation(ctx, q, sv.RotationID); err != nil {
		return sv.Name, r, "", err
	}
	ok, err := s.anybody(ctx, q, r)
	if err == nil && !ok {
		why = "Nobody in the rotation of " + sv.Name + " can be paged"
	}
	return sv.Name, r, why, err
}

// anybody says whether somebody on the rotation's ladder can be paged now.
func (s *Store) anybody(ctx context.Context, q db.Querier, r oncall.Rotation) (bool, error) {
	for _, user := range r.Ladder(s.Clock.Now()) {
		if ok, err := s.OnCall.Active(ctx, q, user); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// fallBack gives the rotation to climb in place of the service's own: the
// catch-all, or none. It says so in the room and to the administrators, who are
// the ones to mend it.
func (s *Store) fallBack(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident, service, why string) (oncall.Rotation, error) {
	if i.Restricted {
		line := why + ". The incident is restricted: its members are paged, and nobody else is told."
		return oncall.Rotation{}, s.nobody(ctx, tx, who, i, NobodyToPage{Service: service, Reason: "none_on_call", Detail: line})
	}
	r, found, err := s.OnCall.CatchAll(ctx, tx)
	if err != nil {
		return r, err
	}
	if found {
		if found, err = s.anybody(ctx, tx, r); err != nil {
			return r, err
		}
	}
	line := fmt.Sprintf("%s, so the catch-all rotation %q is paged. The administrators are told.", why, r.Name)
	if !found {
		r = oncall.Rotation{}
		line = why + ", and there is no catch-all rotation in which anybody can be paged, so the administrators are. Page somebody else with /page @name."
	}
	if err := s.nobody(ctx, tx, who, i, NobodyToPage{Service: service, Reason: "none_on_call", Detail: line}); err != nil {
		return r, err
	}
	if !found { // the climb begins with them
		return r, nil
	}
	return r, s.tellAdministrators(ctx, tx, i, line)
}

// unheard is for an incident that somebody declared by hand without naming a
// service while no catch-all can be paged: whoever declared it knows, and the
// administrators are told; nobody is woken.
func (s *Store) unheard(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident) error {
	const line = "No service is named and there is no catch-all rotation, so nobody is paged. The administrators are told. Page somebody with /page @name."
	if err := s.nobody(ctx, tx, who, i, NobodyToPage{Reason: "none_on_call", Detail: line}); err != nil {
		return err
	}
	return s.tellAdministrators(ctx, tx, i, line)
}

func (s *Store) tellAdministrators(ctx context.Context, tx *db.Tx, i Incident, line string) error {
	admins, err := s.administrators(ctx, tx)
	if err != nil {
		return err
	}
	for _, u := range admins {
		if _, err := s.Notify.Send(ctx, tx, notify.New{
			Person: u, Kind: "info", Drill: i.Mode == "drill", Title: fmt.Sprintf("%s %s is not paged as it should be", Label(i.Severity), i.Ticket),
			Body: line + "\n\n" + i.Title, Link: "/rooms/" + i.Room.ID, Incident: i.ID, Email: true,
		}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) administrators(ctx context.Context, q db.Querier) ([]string, error) {
	us, err := s.People.WithRole(ctx, q, account.Administrator)
	if err != nil {
		return nil, err
	}
	out := []string{}
	for _, u := range us {
		if u.Kind == string(actor.Person) {
			out = append(out, u.ID)
		}
	}
	return out, nil
}

// nobody reports that a page does not reach who it should.
func (s *Store) nobody(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident, ev NobodyToPage) error {
	if err := s.say(ctx, tx, who, i, "%s", ev.Detail); err != nil {
		return err
	}
	s.touch(tx, i.ID)
	return s.Ledger.Append(ctx, tx, who, about(i), ev)
}

// step is the next level of the climb at which somebody can be paged; user is
// empty when the ladder is climbed to its end.
func (s *Store) step(ctx context.Context, q db.Querier, c climb, r oncall.Rotation) (level int, user string, err error) {
	for level = c.level + 1; c.rounds == 0; level++ {
		u, ok := c.at(r, level)
		if !ok {
			break
		}
		if ok, err := s.OnCall.Active(ctx, q, u); err != nil {
			return level, "", err
		} else if ok {
			return level, u, nil
		}
	}
	return level, "", nil
}

// ascend takes the climb's next step and plans the one after it.
func (s *Store) ascend(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident, c climb, r oncall.Rotation) error {
	level, user, err := s.step(ctx, tx, c, r)
	if err != nil {
		return err
	}
	if user == "" {
		return s.pageEverybody(ctx, tx, who, i, c, r, level)
	}
	// How many steps were taken before, and not where on the ladder somebody
	// stands: who is skipped was never paged.
	var before int
	if err := tx.QueryRow(ctx, `SELECT COALESCE(MAX(level), 0) FROM incident_page WHERE escalation = $1`, c.id).Scan(&before); err != nil {
		return fmt.Errorf("count pages: %w", err)
	}
	nextAt := s.Clock.Now().Add(r.EscalateDelay())
	if err := s.climbed(ctx, tx, &c, level, 0, nextAt); err != nil {
		return err
	}
	if err := s.page(ctx, tx, who, i, c.id, c.service, user, before+1); err != nil {
		return err
	}
	name, err := s.name(ctx, tx, user)
	if err != nil {
		return err
	}
	line := fmt.Sprintf("Paged %s, on call for %s.", name, c.what(r))
	if before > 0 {
		line = fmt.Sprintf("Nobody acknowledged: paged %s as well (level %d for %s).", name, before+1, c.what(r))
	}
	_, following, err := s.step(ctx, tx, c, r)
	if err != nil {
		return err
	}
	switch at := nextAt.Format("15:04"); {
	case following == user:
		line += fmt.Sprintf(" Paged again at %s UTC unless somebody acknowledges.", at)
	case following == "":
		line += fmt.Sprintf(" Everybody is paged at %s UTC unless somebody acknowledges.", at)
	default:
		n, err := s.name(ctx, tx, following)
		if err != nil {
			return err
		}
		line += fmt.Sprintf(" %s is next at %s UTC unless somebody acknowledges.", n, at)
	}
	return s.say(ctx, tx, who, i, "%s", line)
}

// climbed stores where the climb stands and plans its next step.
func (s *Store) climbed(ctx context.Context, tx *db.Tx, c *climb, level, rounds int, nextAt time.Time) error {
	c.level, c.rounds, c.next = level, rounds, nextAt
	if _, err := tx.Exec(ctx, `UPDATE incident_escalation SET level = $2, rounds = $3, next_at = $4 WHERE id = $1`, c.id, level, rounds, db.Micro(nextAt)); err != nil {
		return fmt.Errorf("climb: %w", err)
	}
	return s.planStep(ctx, tx, *c)
}

// planStep plans the climb's next step, if it is not planned already.
func (s *Store) planStep(ctx context.Context, tx *db.Tx, c climb) error {
	return s.Tasks.Enqueue(ctx, tx, taskEscalate, escalateArgs{Escalation: c.id, Level: c.level + 1}, task.Options{At: c.next, Key: climbKey(c.id, c.level+1)})
}

// overdue plans anew the steps that were given up: the disk was full, or the
// database away, for longer than a task is tried. Nothing else would go on with
// such a climb, and it looks as if somebody were called.
func (s *Store) overdue(ctx context.Context, tx *db.Tx) error {
	cs, err := db.All(ctx, tx, scanClimb, `SELECT `+climbColumns+` FROM incident_escalation WHERE state = 'running' AND next_at <= $1 ORDER BY id`, db.Micro(s.Clock.Now().Add(-watchEvery)))
	if err != nil {
		return fmt.Errorf("find steps that are overdue: %w", err)
	}
	for _, c := range cs {
		if err := s.planStep(ctx, tx, c); err != nil {
			return err
		}
	}
	return nil
}

// pause is how long after a round everybody is paged again.
func pause(r oncall.Rotation, round int) time.Duration {
	d := r.EscalateDelay()
	for n := 1; n < round && d < maxPause; n++ {
		d *= 2
	}
	return max(r.EscalateDelay(), min(d, maxPause))
}

// everybody is whom a round pages: the rotation, the catch-all rotation and the
// administrators, as far as they can be paged. Of a restricted incident only
// the rotation and the members may know.
func (s *Store) everybody(ctx context.Context, q db.Querier, i Incident, r oncall.Rotation) ([]string, error) {
	now := s.Clock.Now()
	if i.Restricted {
		members, err := s.Rooms.Members(ctx, q, i.Room.ID)
		if err != nil {
			return nil, err
		}
		// Where not one of them can be paged, that somebody hears of it counts more.
		if out, err := s.pageable(ctx, q, slices.Concat(r.Ladder(now), r.Members, members)); err != nil || len(out) > 0 {
			return out, err
		}
	}
	catchAll, _, err := s.OnCall.CatchAll(ctx, q)
	if err != nil {
		return nil, err
	}
	admins, err := s.administrators(ctx, q)
	if err != nil {
		return nil, err
	}
	return s.pageable(ctx, q, slices.Concat(r.Ladder(now), r.Members, catchAll.Ladder(now), catchAll.Members, admins))
}

// pageable leaves out who cannot be paged, and who is named before.
func (s *Store) pageable(ctx context.Context, q db.Querier, users []string) ([]string, error) {
	out := []string{}
	for _, user := range users {
		if slices.Contains(out, user) {
			continue
		}
		ok, err := s.OnCall.Active(ctx, q, user)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, user)
		}
	}
	return out, nil
}

// pageEverybody is one round after the ladder's end.
func (s *Store) pageEverybody(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident, c climb, r oncall.Rotation, level int) error {
	if c.rounds == 0 && c.level > 0 {
		var pages int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM incident_page WHERE escalation = $1`, c.id).Scan(&pages); err != nil {
			return fmt.Errorf("count pages: %w", err)
		}
		line := fmt.Sprintf("Everybody in the rotation of %s was paged twice (%d pages) and nobody acknowledged.", c.what(r), pages)
		if err := s.nobody(ctx, tx, who, i, NobodyToPage{Service: c.service, Reason: "ladder_exhausted", Pages: pages, Detail: line}); err != nil {
			return err
		}
	}
	people, err := s.everybody(ctx, tx, i, r)
	if err != nil {
		return err
	}
	round, now := c.rounds+1, s.Clock.Now()
	nextAt := now.Add(pause(r, round))
	if err := s.climbed(ctx, tx, &c, level, round, nextAt); err != nil {
		return err
	}
	names := []string{}
	for _, user := range people {
		if err := s.renewPage(ctx, tx, who, i, c, user, fmt.Sprintf("page:%s/%d", c.id, c.level)); err != nil {
			return err
		}
		n, err := s.name(ctx, tx, user)
		if err != nil {
			return err
		}
		names = append(names, n)
	}
	s.touch(tx, i.ID)
	if err := s.Ledger.Append(ctx, tx, who, about(i), EverybodyPaged{Service: c.service, Round: round, Users: people}); err != nil {
		return err
	}
	line := fmt.Sprintf("Paged everybody at once: %s.", listed(names))
	switch {
	case len(people) == 0:
		line = "There is nobody at all who could be paged: every account of the rotation, of the catch-all rotation and of the administrators is disabled."
	case c.level == 1 && round == 1 && i.Restricted:
		line = fmt.Sprintf("Paged its members: %s.", listed(names))
	case c.level == 1 && round == 1:
		line = fmt.Sprintf("Paged the administrators: %s.", listed(names))
	case round > 1:
		line = fmt.Sprintf("Still nobody acknowledged: paged everybody again (%s).", listed(names))
	}
	return s.say(ctx, tx, who, i, "%s Again at %s UTC unless somebody acknowledges.", line, nextAt.Format("15:04"))
}

// renewPage pages one person in a round. They have one page for all rounds, so
// that an incident which nobody hears of for days does not grow without end.
func (s *Store) renewPage(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident, c climb, user, key string) error {
	n, err := s.tellPage(ctx, tx, i, user, "Nobody acknowledged yet, so everybody who can is paged.", key)
	if err != nil {
		return err
	}
	before, err := db.All(ctx, tx, db.Strings, `SELECT notification FROM incident_page WHERE escalation = $1 AND person = $2 AND everybody`, c.id, user)
	if err != nil {
		return fmt.Errorf("read the page before: %w", err)
	}
	if err := s.Notify.End(ctx, tx, before...); err != nil {
		return err
	}
	now := db.Micro(s.Clock.Now())
	res, err := tx.Exec(ctx, `UPDATE incident_page SET state = 'paged', notification = $3, paged_at = $4, seen_at = 0, level = $5 WHERE escalation = $1 AND person = $2 AND everybody`, c.id, user, n.ID, now, c.level)
	if err != nil {
		return fmt.Errorf("page again: %w", err)
	}
	if renewed, _ := res.RowsAffected(); renewed > 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, `INSERT INTO incident_page (id, incident, escalation, person, level, state, notification, paged_at, seen_at, acknowledged_at, joined_at, everybody) VALUES ($1,$2,$3,$4,$5,'paged',$6,$7,0,0,0,TRUE)`,
		id.New(), i.ID, c.id, user, c.level, n.ID, now); err != nil {
		return fmt.Errorf("page everybody: %w", err)
	}
	return s.Rooms.Join(ctx, tx, muster(who), i.Room.ID, user)
}

// listed names the first of many.
func listed(names []string) string {
	const most = 8
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
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
		if !i.Stage.Open() || !c.asked && i.Times.Acknowledged != nil && i.Times.Acknowledged.After(c.started) {
			return s.stop(ctx, tx, i.ID, []climb{c})
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

// running are the climbs of an incident that go on, oldest first.
func (s *Store) running(ctx context.Context, tx *db.Tx, incidentID string) ([]climb, error) {
	// Written, not only read: a step that is taken at this moment is waited for.
	cs, err := db.All(ctx, tx, scanClimb, `UPDATE incident_escalation SET level = level WHERE incident = $1 AND state = 'running' RETURNING `+climbColumns, incidentID)
	if err != nil {
		return nil, fmt.Errorf("read escalations: %w", err)
	}
	slices.SortFunc(cs, func(a, b climb) int { return strings.Compare(a.id, b.id) })
	return cs, nil
}

// stopClimbs ends every escalation of the incident.
func (s *Store) stopClimbs(ctx context.Context, tx *db.Tx, incidentID string) error {
	cs, err := s.running(ctx, tx, incidentID)
	if err != nil {
		return err
	}
	return s.stop(ctx, tx, incidentID, cs)
}

// answer ends the escalations that an acknowledgement by who answers: the
// incident's own, whoever takes care of it, and of those that somebody asked for
// the ones that call who. It gives what was ended, and what goes on.
func (s *Store) answer(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident) (over, on []climb, err error) {
	cs, err := s.running(ctx, tx, i.ID)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range cs {
		mine := !c.asked
		if !mine {
			if mine, err = s.calls(ctx, tx, c, who.ID); err != nil {
				return nil, nil, err
			}
		}
		if mine {
			over = append(over, c)
		} else {
			on = append(on, c)
		}
	}
	return over, on, s.stop(ctx, tx, i.ID, over)
}

// calls says whether a climb is for a person: it paged them, or they are in its
// rotation.
func (s *Store) calls(ctx context.Context, tx *db.Tx, c climb, user string) (bool, error) {
	var pages int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM incident_page WHERE escalation = $1 AND person = $2`, c.id, user).Scan(&pages); err != nil {
		return false, fmt.Errorf("look whom an escalation paged: %w", err)
	}
	if pages > 0 {
		return true, nil
	}
	r, err := s.OnCall.Rotation(ctx, tx, c.rotation)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return slices.Contains(r.Members, user) || slices.Contains(r.Ladder(s.Clock.Now()), user), err
}

// stop ends escalations of an incident and with them what the ladders paged:
// somebody has it now. Who was called by hand is still wanted, and so is whom
// an escalation calls that goes on.
func (s *Store) stop(ctx context.Context, tx *db.Tx, incidentID string, cs []climb) error {
	for _, c := range cs {
		if _, err := tx.Exec(ctx, `UPDATE incident_escalation SET state = 'stopped' WHERE id = $1`, c.id); err != nil {
			return fmt.Errorf("stop escalation: %w", err)
		}
		if err := s.Tasks.Cancel(ctx, tx, taskEscalate, climbKey(c.id, c.level+1)); err != nil {
			return err
		}
	}
	told, err := db.All(ctx, tx, db.Strings, `SELECT notification FROM incident_page WHERE incident = $1 AND escalation <> '' AND acknowledged_at = 0
 AND escalation NOT IN (SELECT id FROM incident_escalation WHERE state = 'running' AND incident = $1) ORDER BY id`, incidentID)
	if err != nil {
		return fmt.Errorf("read unanswered pages: %w", err)
	}
	return s.Notify.End(ctx, tx, told...)
}

// pageFirst pages for an incident that was just declared. A test and a look
// back page nobody; a drill pages as a real one does.
func (s *Store) pageFirst(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident) error {
	switch i.Mode {
	case "test":
		return s.say(ctx, tx, who, i, "This is a test: it pages nobody.")
	case "retrospective":
		return nil
	}
	if err := s.Watch(ctx, tx); err != nil {
		return err
	}
	if i.Service != "" || who.Kind != actor.Person {
		return s.pageService(ctx, tx, who, i, i.Service)
	}
	if i.Restricted {
		return s.say(ctx, tx, who, i, "The incident is restricted and names no service, so nobody is paged. Page somebody with /page @name: they become a member.")
	}
	catchAll, ok, err := s.OnCall.CatchAll(ctx, tx)
	if err != nil {
		return err
	}
	if ok {
		if ok, err = s.anybody(ctx, tx, catchAll); err != nil {
			return err
		}
	}
	if !ok {
		return s.unheard(ctx, tx, who, i)
	}
	return s.pageService(ctx, tx, who, i, "")
}

package alert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/incident"
	"muster/internal/ledger"
	"muster/internal/message"
	"muster/internal/node"
)

// Incoming is one alert as a delivery tells of it, in any monitoring system's words.
type Incoming struct {
	Fingerprint  string
	Status       string // firing, resolved
	Labels       map[string]string
	Annotations  map[string]string
	StartsAt     time.Time
	EndsAt       time.Time // zero: open
	GeneratorURL string
}

// Delivery is what one call of a source says.
type Delivery struct {
	GroupKey  string
	Truncated int // alerts that the sender left out
	Alerts    []Incoming
	LeftOut   int      // alerts that could not be read
	Remarks   []string // what was left out or cut, and why
}

// part is how many alerts one transaction takes in, so that a huge delivery does
// not keep all others from the database.
const part = 1000

// Parts cuts a delivery into what is taken in at once.
func (d Delivery) Parts() []Delivery {
	out := []Delivery{}
	for len(d.Alerts) > part {
		one := d
		one.Alerts = d.Alerts[:part:part]
		out = append(out, one)
		d.Alerts, d.LeftOut, d.Remarks = d.Alerts[part:], 0, nil
	}
	return append(out, d)
}

// Plus adds up what became of the parts of a delivery.
func (r Received) Plus(o Received) Received {
	return Received{r.Accepted + o.Accepted, r.Fired + o.Fired, r.Repeated + o.Repeated, r.Resolved + o.Resolved, r.Ignored + o.Ignored, r.LeftOut + o.LeftOut}
}

// Received says what became of a delivery.
type Received struct {
	Accepted int `json:"accepted"`
	Fired    int `json:"fired"`
	Repeated int `json:"repeated"`
	Resolved int `json:"resolved"`
	Ignored  int `json:"ignored"`
	LeftOut  int `json:"left_out" doc:"Alerts that could not be read; the source's page says why"`
}

// intake is the work on one delivery.
type intake struct {
	s         *Store
	tx        *db.Tx
	src       Source
	who       actor.Actor
	said      actor.Actor // in whose name the room is told
	now       time.Time
	services  map[string]service // by name; nil: not read yet
	incidents map[string]incident.Incident
	standings map[string]incident.Standing
	boards    map[string]*board
	raised    []*raised
	worse     map[string]Alert    // incident → the worst alert that became worse
	remarks   map[string][]string // incident → what its room has to know of how alerts were read
	problem   error
	notes     []string // the same for the source's page
	out       Received
}

// service is what intake has to know of one.
type service struct {
	name   string
	gather time.Duration
}

// raised is an alert that fires and needs an incident.
type raised struct {
	a     Alert
	r     route
	key   string // what gathers it
	again bool   // it fired before
	worn  bool   // its end was never heard
}

// hear begins the work on what a source says.
func (s *Store) hear(tx *db.Tx, src Source) *intake {
	in := s.act(tx, By(src))
	in.src, in.said, in.worse, in.remarks = src, in.who, map[string]Alert{}, map[string][]string{}
	return in
}

// settle finds the incidents of what fires, and makes them as bad as it is.
func (in *intake) settle(ctx context.Context) error {
	if err := in.gather(ctx); err != nil {
		return err
	}
	return in.raise(ctx)
}

// tell lets rooms know what became of alerts.
func (in *intake) tell(ctx context.Context, ended []Alert, truncated int) error {
	if err := in.finish(ctx, ended, truncated); err != nil {
		return err
	}
	return in.remark(ctx)
}

// By is the actor that a source is.
func By(src Source) actor.Actor {
	w := actor.System("alert/" + src.ID)
	w.Name, w.Display, w.Door = src.Name, src.Name, "hook"
	return w
}

// Receive takes in a delivery. It is safe to be given the same one again.
func (s *Store) Receive(ctx context.Context, tx *db.Tx, src Source, d Delivery) (Received, error) {
	in := s.hear(tx, src)
	in.notes = slices.Clone(d.Remarks)
	// The row's lock makes the deliveries of one source wait for each other.
	res, err := tx.Exec(ctx, `UPDATE alert_source SET last_delivery_at = $2, last_error = '' WHERE id = $1 AND removed_at = 0`, src.ID, db.Micro(in.now))
	if err != nil {
		return in.out, fmt.Errorf("take delivery: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return in.out, fault.New(fault.NotFound, "This alert source was removed.")
	}
	known, err := in.known(ctx, d.Alerts)
	if err != nil {
		return in.out, err
	}
	rules, err := s.ready(ctx, tx)
	if err != nil {
		return in.out, err
	}
	resolved := []Alert{}
	for _, one := range d.Alerts {
		if one.Fingerprint == "" {
			one.Fingerprint = fingerprint(one.Labels)
		}
		cur, was := known[one.Fingerprint]
		if one.Status == Resolved {
			if a, ok, err := in.resolve(ctx, cur, was, one); err != nil {
				return in.out, err
			} else if ok {
				known[one.Fingerprint] = a
				resolved = append(resolved, a)
			}
			continue
		}
		a, err := in.fire(ctx, rules, d.GroupKey, cur, was, one)
		if err != nil {
			return in.out, err
		}
		if a != nil {
			known[one.Fingerprint] = *a
		}
	}
	if err := in.settle(ctx); err != nil {
		return in.out, err
	}
	if d.Truncated > 0 {
		for _, fp := range sorted(known) {
			if a := known[fp]; a.IncidentID != "" && a.State != Resolved {
				b, err := in.board(ctx, a.IncidentID)
				if err != nil {
					return in.out, err
				}
				b.stale = true
			}
		}
	}
	if err := in.tell(ctx, in.over(known, resolved), d.Truncated); err != nil {
		return in.out, err
	}
	if in.problem != nil {
		text := "An alert rule failed and was left out: " + shorten(in.problem.Error(), 400)
		if _, err := tx.Exec(ctx, `UPDATE alert_source SET last_error = $2, last_error_at = $3 WHERE id = $1`, src.ID, text, db.Micro(in.now)); err != nil {
			return in.out, fmt.Errorf("note rule failure: %w", err)
		}
	}
	in.out.Accepted, in.out.LeftOut = len(d.Alerts), d.LeftOut
	if len(in.notes) > 0 {
		text := shorten(strings.Join(in.notes, " "), 600)
		if _, err := tx.Exec(ctx, `UPDATE alert_source SET left_out = left_out + $2, notice = $3, notice_at = $4 WHERE id = $1`, src.ID, d.LeftOut, text, db.Micro(in.now)); err != nil {
			return in.out, fmt.Errorf("note what was odd: %w", err)
		}
	}
	if in.out.Fired+in.out.Repeated > 0 {
		return in.out, s.watch(ctx, tx, src, in.now)
	}
	return in.out, nil
}

// over is what a delivery ended, as it stands at its end: what was told to fire in
// the same delivery has its incident by now, or fires again.
func (in *intake) over(known map[string]Alert, ended []Alert) []Alert {
	out, seen := []Alert{}, map[string]bool{}
	for _, a := range ended {
		if seen[a.ID] || known[a.Fingerprint].State != Resolved {
			continue
		}
		seen[a.ID] = true
		for _, r := range in.raised {
			if r.a.ID == a.ID {
				a.IncidentID, a.message = r.a.IncidentID, r.a.message
			}
		}
		out = append(out, a)
	}
	return out
}

// note says something about this delivery at its source, once.
func (in *intake) note(format string, a ...any) string {
	text := fmt.Sprintf(format, a...)
	if !slices.Contains(in.notes, text) && len(in.notes) < 20 {
		in.notes = append(in.notes, text)
	}
	return text
}

// remark tells rooms how alerts were read, where that was a guess.
func (in *intake) remark(ctx context.Context) error {
	for _, incidentID := range sorted(in.remarks) {
		if len(in.remarks[incidentID]) == 0 {
			continue
		}
		i, err := in.incident(ctx, incidentID)
		if err != nil {
			return err
		}
		if i.Stage == incident.Closed {
			continue
		}
		texts := in.remarks[incidentID]
		slices.Sort(texts)
		texts = slices.Compact(texts)
		if _, err := in.s.Messages.Post(ctx, in.tx, in.said, message.New{Room: i.Room.ID, Kind: "system", Text: strings.Join(texts[:min(len(texts), 5)], "\n")}); err != nil {
			return fmt.Errorf("tell how alerts were read: %w", err)
		}
	}
	return nil
}

// fingerprint stands in where a sender gives none: the labels are the identity.
func fingerprint(labels map[string]string) string {
	h := sha256.New()
	for _, k := range sorted(labels) {
		fmt.Fprintf(h, "%d:%s%d:%s", len(k), k, len(labels[k]), labels[k])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// known reads the newest alert of each fingerprint in the delivery.
func (in *intake) known(ctx context.Context, all []Incoming) (map[string]Alert, error) {
	out := map[string]Alert{}
	prints := map[string]bool{}
	for _, one := range all {
		if one.Fingerprint == "" {
			one.Fingerprint = fingerprint(one.Labels)
		}
		prints[one.Fingerprint] = true
	}
	list := sorted(prints)
	for len(list) > 0 {
		n := min(len(list), 500)
		marks, args := []string{}, []any{in.src.ID}
		for k, p := range list[:n] {
			marks = append(marks, fmt.Sprintf("$%d", k+2))
			args = append(args, p)
		}
		list = list[n:]
		prints := `IN (` + strings.Join(marks, ",") + `)`
		as, err := db.All(ctx, in.tx, scan, `SELECT `+columns+from+`WHERE a.source = $1 AND (a.id IN (SELECT MAX(id) FROM alert WHERE source = $1 AND fingerprint `+prints+` GROUP BY fingerprint)
 OR a.state <> 'resolved' AND a.fingerprint `+prints+`) ORDER BY a.id`+lock(in.tx), args...)
		if err != nil {
			return nil, fmt.Errorf("read known alerts: %w", err)
		}
		for _, a := range as {
			// The one that is live, whatever the ids say: a clock that was set back,
			// or another node's, gives a new alert an id before an older one's.
			if was, ok := out[a.Fingerprint]; !ok || was.State == Resolved {
				out[a.Fingerprint] = a
			}
		}
	}
	return out, nil
}

// fire takes in an alert that fires. It gives the alert as it is now, or nil
// when a rule says to ignore it. What it may be: episode.go.
func (in *intake) fire(ctx context.Context, rules []compiled, groupKey string, cur Alert, was bool, one Incoming) (*Alert, error) {
	r, problem := decide(rules, in.src, one)
	if problem != nil {
		in.problem = problem
	}
	start := one.StartsAt.UTC().Truncate(time.Microsecond)
	if unknown(start) {
		start = time.Time{}
	}
	worn := false
	if was && cur.State != Resolved {
		st, err := in.standing(ctx, cur.IncidentID)
		if err != nil {
			return nil, err
		}
		over := cur.IncidentID != "" && !st.Stage.Open()
		worn = !over && cur.newer(start)
		if !over && !worn {
			title, summary := words(one)
			return in.repeat(ctx, cur, Alert{Title: title, Summary: summary, Labels: one.Labels, Annotations: one.Annotations, GeneratorURL: one.GeneratorURL, StartsAt: start, Severity: r.severity, GroupKey: groupKey}, r)
		}
		by, at := bySource, cur.LastAt
		if over {
			by, at = byIncident, st.Ended
		}
		if cur, err = in.end(ctx, cur, by, at); err != nil {
			return nil, err
		}
	}
	if r.action == "ignore" {
		in.out.Ignored++
		return nil, nil
	}
	if err := in.place(ctx, &r, one); err != nil {
		return nil, err
	}
	title, summary := words(one)
	fresh := Alert{
		SourceID: in.src.ID, Source: in.src.Name, Fingerprint: one.Fingerprint, GroupKey: groupKey, State: Open, Title: title, Summary: summary,
		Service: r.service, Environment: r.environment, Production: node.SaysProduction(r.environment), Severity: r.severity, Labels: one.Labels, Annotations: one.Annotations,
		StartsAt: start, latestStart: start, LastAt: in.now, Count: 1, GeneratorURL: one.GeneratorURL, rule: r.rule,
	}
	if was {
		since := in.now.Sub(cur.resolvedAt)
		if cur.known(start) && !worn {
			held, err := in.held(ctx, cur)
			if err != nil {
				return nil, err
			}
			if held || since < lateDuplicate {
				in.out.Repeated++
				cur.LastAt, cur.Count = in.now, cur.Count+1
				if _, err := in.tx.Exec(ctx, `UPDATE alert SET last_at = $2, count = count + 1 WHERE id = $1`, cur.ID, db.Micro(in.now)); err != nil {
					return nil, fmt.Errorf("count alert: %w", err)
				}
				if held || cur.EndedBy != bySource {
					return &cur, nil
				}
				return &cur, in.suspect(ctx, &cur)
			}
		}
		fresh = cur.begin(fresh)
		gone, err := in.gone(ctx, cur)
		if err != nil {
			return nil, err
		}
		again := !gone && since < in.s.Reopen
		if worn { // how long it has been over nobody knows
			again = !gone && in.recent(ctx, cur)
		}
		if again && r.action == "attach" && cur.IncidentID != "" { // which reopens nothing
			st, err := in.standing(ctx, cur.IncidentID)
			if err != nil {
				return nil, err
			}
			again = st.Stage.Open()
		}
		if again {
			a := fresh
			a.ID, a.Count, a.IncidentID, a.message, a.Flaps, a.flapMessage = cur.ID, cur.Count+1, cur.IncidentID, cur.message, cur.Flaps+1, cur.flapMessage
			if err := in.write(ctx, a); err != nil {
				return nil, err
			}
			in.out.Fired++
			in.want(raised{a: a, r: r, key: in.key(r, groupKey), again: true, worn: worn})
			return &a, nil
		}
	}
	fresh.ID = id.New()
	if _, err := in.tx.Exec(ctx, `INSERT INTO alert (id, source, fingerprint, group_key, state, title, summary, service, environment, severity, labels, annotations, generator_url,
 starts_at, ends_at, first_at, last_at, resolved_at, count, incident, message, rule, acknowledged_by, acknowledged_at, latest_start, before_at)
VALUES ($1,$2,$3,$4,'open',$5,$6,$7,$8,$9,$10,$11,$12,$13,0,$14,$14,0,1,'','',$15,'',0,$13,$16)`,
		fresh.ID, fresh.SourceID, fresh.Fingerprint, fresh.GroupKey, fresh.Title, fresh.Summary, fresh.Service, fresh.Environment, fresh.Severity, db.JSON(fresh.Labels), db.JSON(fresh.Annotations),
		fresh.GeneratorURL, db.Micro(fresh.StartsAt), db.Micro(in.now), fresh.rule, db.Micro(fresh.before)); err != nil {
		return nil, fmt.Errorf("store alert: %w", err)
	}
	in.out.Fired++
	in.want(raised{a: fresh, r: r, key: in.key(r, groupKey)})
	return &fresh, nil
}

// want notes that an alert needs an incident. What one delivery says of it twice
// is one wish, of the alert as it was told last.
func (in *intake) want(r raised) {
	for _, was := range in.raised {
		if was.a.ID == r.a.ID {
			was.a, was.worn = r.a, was.worn || r.worn
			if was.r.action != "declare" {
				was.r, was.key = r.r, r.key
			}
			return
		}
	}
	in.raised = append(in.raised, &r)
}

// service finds what Muster knows of a service, however its name is written.
func (in *intake) service(ctx context.Context, name string) (service, bool, error) {
	if in.services == nil {
		in.services = map[string]service{}
	}
	name = strings.ToLower(strings.TrimSpace(name))
	sv, ok := in.services[name]
	if !ok {
		found, err := in.s.Incidents.OnCall.Find(ctx, in.tx, name)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return sv, false, err
		}
		sv = service{found.Name, DefaultGather}
		if found.GatherAfter > 0 {
			sv.gather = time.Duration(found.GatherAfter) * time.Second
		}
		in.services[name] = sv
	}
	return sv, sv.name != "", nil
}

// gatherSince is how old the newest alert of an incident may be for another of
// the service to join it.
func (in *intake) gatherSince(ctx context.Context, name string) (time.Time, error) {
	sv, _, err := in.service(ctx, name)
	return in.now.Add(-sv.gather), err
}

// recent says whether the incident of an alert still gathers what is new.
func (in *intake) recent(ctx context.Context, a Alert) bool {
	if a.IncidentID == "" {
		return true
	}
	st, err := in.standing(ctx, a.IncidentID)
	if err != nil {
		return false
	}
	since, err := in.gatherSince(ctx, a.Service)
	return err == nil && st.Gathered.After(since)
}

// place finds the service an alert belongs to: what a rule says, or what its own
// label says, or its source. A label with a name that Muster does not know gives
// way to the source, and that is told.
func (in *intake) place(ctx context.Context, r *route, one Incoming) error {
	if r.word != "" {
		r.remarks = append(r.remarks, in.note("%q is no severity that is known here: %s was taken for it.", shorten(r.word, 40), incident.Label(r.severity)))
	}
	sv, ok, err := in.service(ctx, r.service)
	if err != nil {
		return err
	}
	if ok {
		r.service = sv.name
		return nil
	}
	if r.service != "" && r.service == r.label && in.src.Service != "" {
		own, ok, err := in.service(ctx, in.src.Service)
		if err != nil {
			return err
		}
		if ok {
			r.remarks = append(r.remarks, in.note("There is no service %q, which an alert names: it was taken for one of %s, the service of its source.", r.service, own.name))
			r.service = own.name
			return nil
		}
	}
	if r.service != "" {
		in.note("There is no service %q, which an alert names.", r.service)
	}
	return nil
}

// key is what gathers an alert: its service and environment, or without a
// service its group.
func (in *intake) key(r route, groupKey string) string {
	if r.drill { // never in real trouble, nor the other way round
		r.drill = false
		return "drill:" + in.key(r, groupKey)
	}
	if r.restricted { // never in an incident that everybody may read
		return "restricted:" + r.rule + ":" + in.src.ID + ":" + incident.GatherKey(r.service, r.environment)
	}
	if r.service != "" {
		return incident.GatherKey(r.service, r.environment)
	}
	h := sha256.Sum256([]byte(groupKey))
	return "group:" + in.src.ID + ":" + hex.EncodeToString(h[:8])
}

// repeat takes in what is known to fire. Which service it belongs to was decided
// when it began; its texts may have changed.
func (in *intake) repeat(ctx context.Context, cur, fresh Alert, r route) (*Alert, error) {
	in.out.Repeated++
	a := cur
	a.Title, a.Summary, a.Labels, a.Annotations, a.GeneratorURL = fresh.Title, fresh.Summary, fresh.Labels, fresh.Annotations, fresh.GeneratorURL
	a.LastAt, a.Count, a.Severity, a.GroupKey = in.now, cur.Count+1, fresh.Severity, fresh.GroupKey
	a.hear(fresh.StartsAt)
	if err := in.write(ctx, a); err != nil {
		return nil, err
	}
	changed := a.Title != cur.Title || a.Summary != cur.Summary || a.Severity != cur.Severity
	if cur.IncidentID == "" && r.action == "declare" { // it became worse, or the rules changed
		r.service, r.environment = a.Service, a.Environment
		in.want(raised{a: a, r: r, key: in.key(r, a.GroupKey), again: true})
		return &a, nil
	}
	if a.Severity < cur.Severity {
		in.worsen(a.IncidentID, a)
	}
	if changed && a.IncidentID != "" {
		in.s.Incidents.Touch(in.tx, a.IncidentID)
	}
	if changed && cur.message != "" {
		i, err := in.incident(ctx, a.IncidentID)
		if err != nil {
			return nil, err
		}
		return &a, in.s.redraw(ctx, in.tx, i, a)
	}
	return &a, nil
}

func (in *intake) write(ctx context.Context, a Alert) error {
	ends := int64(0)
	if a.EndsAt != nil {
		ends = db.Micro(*a.EndsAt)
	}
	_, err := in.tx.Exec(ctx, `UPDATE alert SET group_key=$2, state=$3, title=$4, summary=$5, service=$6, environment=$7, severity=$8, labels=$9, annotations=$10, generator_url=$11,
 starts_at=$12, ends_at=$13, last_at=$14, resolved_at=$15, count=$16, rule=$17, acknowledged_by=$18,
 ended_by=$19, resolved_by=$20, latest_start=$21, before_at=$22, flaps=$23, doubt_at=0 WHERE id=$1`,
		a.ID, a.GroupKey, a.State, a.Title, a.Summary, a.Service, a.Environment, a.Severity, db.JSON(a.Labels), db.JSON(a.Annotations), a.GeneratorURL,
		db.Micro(a.StartsAt), ends, db.Micro(a.LastAt), db.Micro(a.resolvedAt), a.Count, a.rule, a.AcknowledgedBy,
		a.EndedBy, a.ResolvedBy, db.Micro(a.latestStart), db.Micro(a.before), a.Flaps)
	if err != nil {
		return fmt.Errorf("store alert: %w", err)
	}
	return nil
}

// resolve ends an alert because its source says so.
func (in *intake) resolve(ctx context.Context, cur Alert, was bool, one Incoming) (Alert, bool, error) {
	start, ends := one.StartsAt.UTC().Truncate(time.Microsecond), one.EndsAt.UTC().Truncate(time.Microsecond)
	if !was || cur.State == Resolved || cur.old(start, ends) {
		in.out.Repeated++
		if was && cur.State == Resolved && (cur.EndedBy != bySource || !cur.doubtAt.IsZero()) {
			// The source agrees: what it tells from now on is another episode, after
			// this end by its own clock.
			if !unknown(ends) && cur.EndsAt != nil && ends.Before(*cur.EndsAt) {
				cur.EndsAt = &ends
			}
			cur.EndedBy, cur.doubtAt = bySource, time.Time{}
			if err := in.write(ctx, cur); err != nil {
				return cur, false, err
			}
			return cur, false, nil
		}
		return cur, false, nil
	}
	if unknown(ends) || ends.After(in.now) {
		ends = in.now
	}
	cur.LastAt = in.now
	a, err := in.end(ctx, cur, bySource, ends)
	if err == nil {
		in.out.Resolved++
	}
	return a, err == nil, err
}

// worsen notes that an alert is worse than it was, or than what it joins.
func (in *intake) worsen(incidentID string, a Alert) {
	if was, ok := in.worse[incidentID]; incidentID != "" && (!ok || a.Severity < was.Severity) {
		in.worse[incidentID] = a
	}
}

// raise makes incidents as bad as the worst of what fires in them.
func (in *intake) raise(ctx context.Context) error {
	for _, incidentID := range sorted(in.worse) {
		if err := in.lift(ctx, incidentID, in.worse[incidentID]); err != nil {
			return err
		}
	}
	return nil
}

func (in *intake) lift(ctx context.Context, incidentID string, a Alert) error {
	i, err := in.s.Incidents.Raise(ctx, in.tx, in.who, incidentID, a.Severity, a.Title)
	if err == nil {
		in.incidents[incidentID] = i
	}
	return err
}

func (in *intake) incident(ctx context.Context, incidentID string) (incident.Incident, error) {
	if i, ok := in.incidents[incidentID]; ok {
		return i, nil
	}
	i, err := in.s.Incidents.Get(ctx, in.tx, in.said, incidentID)
	if err == nil {
		in.incidents[incidentID] = i
	}
	return i, err
}

// gather finds or declares the incident of everything that fires.
func (in *intake) gather(ctx context.Context) error {
	groups := map[string][]*raised{}
	back := map[string][]*raised{}
	for _, r := range in.raised {
		if r.again && r.a.IncidentID != "" {
			back[r.a.IncidentID] = append(back[r.a.IncidentID], r)
			continue
		}
		groups[r.key] = append(groups[r.key], r)
	}
	// In a fixed order, so that two deliveries never wait for each other.
	for _, incidentID := range sorted(back) {
		if err := in.comeBack(ctx, incidentID, back[incidentID]); err != nil {
			return err
		}
	}
	for _, key := range sorted(groups) {
		if err := in.collect(ctx, key, groups[key]); err != nil {
			return err
		}
	}
	return nil
}

// comeBack takes alerts that fire again into the incident they belong to. One
// that was resolved reopens, and pages. One that is open has been paged for: an
// alert that flaps in it pages again once its window is over, and no sooner.
func (in *intake) comeBack(ctx context.Context, incidentID string, rs []*raised) error {
	worst, worn := rs[0].a, false
	for _, r := range rs {
		if r.a.Severity < worst.Severity {
			worst = r.a
		}
		worn = worn || r.worn
	}
	// Raised first: what reopens is told as what it has become. From here on the
	// incident is held, and somebody may have ended it since the alert was judged.
	if err := in.lift(ctx, incidentID, worst); err != nil {
		return err
	}
	i := in.incidents[incidentID]
	switch {
	case i.Stage == incident.Closed:
		return fault.Newf(fault.Unavailable, "%s was closed at this moment. Send the delivery again.", i.Ticket)
	case !i.Stage.Open():
		var err error
		if i, err = in.s.Incidents.Reopen(ctx, in.tx, in.who, incidentID, "Firing again: "+worst.Title); err != nil {
			return err
		}
		if err := in.s.Incidents.Gathered(ctx, in.tx, incidentID); err != nil {
			return err
		}
	case worn:
		if err := in.s.Incidents.Gathered(ctx, in.tx, incidentID); err != nil {
			return err
		}
	case !in.recent(ctx, worst):
		if err := in.s.Incidents.Gathered(ctx, in.tx, incidentID); err != nil {
			return err
		}
		if err := in.s.Incidents.Again(ctx, in.tx, in.who, incidentID); err != nil {
			return err
		}
	}
	in.incidents[incidentID] = i
	for _, r := range rs {
		if err := in.back(ctx, i, r.a); err != nil {
			return err
		}
		in.remarks[incidentID] = append(in.remarks[incidentID], r.r.remarks...)
	}
	return nil
}

// collect brings the alerts of one service (or group) into one incident.
func (in *intake) collect(ctx context.Context, key string, rs []*raised) error {
	if err := in.s.Incidents.Claim(ctx, in.tx, key); err != nil {
		return err
	}
	since, err := in.gatherSince(ctx, rs[0].r.service)
	if err != nil {
		return err
	}
	i, ok, err := in.s.Incidents.Collector(ctx, in.tx, key, since, in.now.Add(-in.s.Reopen))
	if err != nil {
		return err
	}
	sort.SliceStable(rs, func(a, b int) bool { return rs[a].a.Severity < rs[b].a.Severity })
	var worst *raised
	for _, r := range rs {
		if r.r.action == "declare" && worst == nil {
			worst = r
		}
	}
	if ok && !i.Stage.Open() && worst == nil {
		ok = false // what is only to be attached reopens nothing
	}
	fresh := !ok && worst != nil
	incidentID := i.ID
	if fresh {
		incidentID = id.New()
	}
	// The alerts stand before the declaration they lead to.
	for _, r := range rs {
		if err := in.record(ctx, r, incidentID, i.Room.ID); err != nil {
			return err
		}
	}
	switch {
	case fresh:
		first := worst.a.StartsAt
		for _, r := range rs {
			if r.a.StartsAt.Before(first) && r.a.StartsAt.Year() >= 2000 {
				first = r.a.StartsAt
			}
		}
		if first.Year() < 2000 {
			first = time.Time{}
		}
		i, err = in.s.Incidents.Declare(ctx, in.tx, in.who, incident.Declare{
			ID: incidentID, Title: worst.a.Title, Severity: worst.a.Severity, Service: worst.a.Service, Environment: worst.a.Environment, Summary: worst.a.Summary,
			FirstSignal: first, Collects: key, Mode: worst.r.mode(), Restricted: worst.r.restricted, Groups: worst.r.groups,
		})
	case !ok:
		return nil // only to be attached, and there is nothing to attach to
	default:
		reopens := !i.Stage.Open()
		if err = in.lift(ctx, i.ID, rs[0].a); err != nil {
			return err
		}
		i = in.incidents[i.ID]
		if reopens {
			if i, err = in.s.Incidents.Reopen(ctx, in.tx, in.who, i.ID, "Firing: "+rs[0].a.Title); err != nil {
				return err
			}
		}
		err = in.s.Incidents.Gathered(ctx, in.tx, i.ID)
	}
	if err != nil {
		return err
	}
	in.incidents[i.ID] = i
	for _, r := range rs {
		in.remarks[i.ID] = append(in.remarks[i.ID], r.r.remarks...)
		if err := in.attach(ctx, i, &r.a); err != nil {
			return err
		}
	}
	return nil
}

func (in *intake) record(ctx context.Context, r *raised, incidentID, roomID string) error {
	about := ledger.About{Resource: "alert:" + r.a.ID, Room: roomID, Incident: incidentID}
	if r.again {
		return in.s.Ledger.Append(ctx, in.tx, in.who, about, Reopened{Title: r.a.Title, Count: r.a.Count})
	}
	return in.s.Ledger.Append(ctx, in.tx, in.who, about, Fired{Title: r.a.Title, Source: in.src.Name, Fingerprint: r.a.Fingerprint, Service: r.a.Service, Environment: r.a.Environment, Severity: r.a.Severity, Rule: r.r.rule})
}

// visible is a text, or nothing where nobody could see anything of it.
func visible(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsGraphic(r) && !unicode.IsSpace(r) }) {
		return text
	}
	return ""
}

// words finds what to call an alert.
func words(one Incoming) (title, summary string) {
	name := one.Labels["alertname"]
	title = first(visible(one.Annotations["summary"]), visible(one.Annotations["title"]))
	if title == "" {
		title = first(visible(name), "Alert without a name")
		if on := first(one.Labels["instance"], one.Labels["node"], one.Labels["job"]); on != "" {
			title += " on " + on
		}
	}
	summary = first(one.Annotations["description"], one.Annotations["message"])
	if r := []rune(summary); len(r) > 2000 {
		summary = string(r[:1999]) + "…"
	}
	if r := []rune(title); len(r) > 200 {
		title = string(r[:199]) + "…"
	}
	return strings.Join(strings.Fields(title), " "), strings.TrimSpace(summary)
}

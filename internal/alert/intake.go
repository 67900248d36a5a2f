package alert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"
	"strings"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/incident"
	"muster/internal/ledger"
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
}

// Received says what became of a delivery.
type Received struct {
	Accepted int `json:"accepted"`
	Fired    int `json:"fired"`
	Repeated int `json:"repeated"`
	Resolved int `json:"resolved"`
	Ignored  int `json:"ignored"`
}

// lateDuplicate is how soon after its end an alert that says it fires, with the
// start it already had, is taken for an old delivery that was overtaken. After
// that it fires again: a sender keeps the start when an alert it had given up
// on comes back.
const lateDuplicate = time.Minute

// intake is the work on one delivery.
type intake struct {
	s         *Store
	tx        *db.Tx
	src       Source
	who       actor.Actor
	now       time.Time
	incidents map[string]incident.Incident
	boards    map[string]*board
	raised    []*raised
	problem   error
	out       Received
}

// raised is an alert that fires and needs an incident.
type raised struct {
	a     Alert
	r     route
	key   string // what gathers it
	again bool   // it fired before
}

// By is the actor that a source is.
func By(src Source) actor.Actor {
	w := actor.System("alert/" + src.ID)
	w.Name, w.Display, w.Door = src.Name, src.Name, "hook"
	return w
}

// Receive takes in a delivery. It is safe to be given the same one again.
func (s *Store) Receive(ctx context.Context, tx *db.Tx, src Source, d Delivery) (Received, error) {
	in := &intake{s: s, tx: tx, src: src, who: By(src), now: s.Clock.Now(), incidents: map[string]incident.Incident{}, boards: map[string]*board{}}
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
	if err := in.gather(ctx); err != nil {
		return in.out, err
	}
	if err := in.finish(ctx, resolved, d.Truncated); err != nil {
		return in.out, err
	}
	if in.problem != nil {
		text := "An alert rule failed and was left out: " + shorten(in.problem.Error(), 400)
		if _, err := tx.Exec(ctx, `UPDATE alert_source SET last_error = $2, last_error_at = $3 WHERE id = $1`, src.ID, text, db.Micro(in.now)); err != nil {
			return in.out, fmt.Errorf("note rule failure: %w", err)
		}
	}
	in.out.Accepted = len(d.Alerts)
	return in.out, nil
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
		as, err := db.All(ctx, in.tx, scan, `SELECT `+columns+from+`WHERE a.source = $1 AND a.id IN (SELECT MAX(id) FROM alert WHERE source = $1 AND fingerprint IN (`+strings.Join(marks, ",")+`) GROUP BY fingerprint)`, args...)
		if err != nil {
			return nil, fmt.Errorf("read known alerts: %w", err)
		}
		for _, a := range as {
			out[a.Fingerprint] = a
		}
	}
	return out, nil
}

// fire takes in an alert that fires. It gives the alert as it is now, or nil
// when a rule says to ignore it.
func (in *intake) fire(ctx context.Context, rules []compiled, groupKey string, cur Alert, was bool, one Incoming) (*Alert, error) {
	r, problem := decide(rules, in.src, one)
	if problem != nil {
		in.problem = problem
	}
	if !was || cur.State == Resolved {
		if r.action == "ignore" {
			in.out.Ignored++
			return nil, nil
		}
	}
	title, summary := words(one)
	fresh := Alert{
		SourceID: in.src.ID, Source: in.src.Name, Fingerprint: one.Fingerprint, GroupKey: groupKey, State: Open, Title: title, Summary: summary,
		Service: r.service, Environment: r.environment, Severity: r.severity, Labels: one.Labels, Annotations: one.Annotations,
		StartsAt: one.StartsAt.UTC().Truncate(time.Microsecond), LastAt: in.now, Count: 1, GeneratorURL: one.GeneratorURL, rule: r.rule,
	}
	if was && cur.State != Resolved {
		return in.repeat(ctx, cur, fresh, r)
	}
	if was {
		since := in.now.Sub(cur.resolvedAt)
		switch {
		case cur.StartsAt.Equal(fresh.StartsAt) && since < lateDuplicate:
			in.out.Repeated++
			_, err := in.tx.Exec(ctx, `UPDATE alert SET last_at = $2, count = count + 1 WHERE id = $1`, cur.ID, db.Micro(in.now))
			return &cur, err
		case since < in.s.Reopen:
			a := fresh
			a.ID, a.Count, a.IncidentID, a.message = cur.ID, cur.Count+1, cur.IncidentID, cur.message
			if err := in.write(ctx, a); err != nil {
				return nil, err
			}
			in.out.Fired++
			in.raised = append(in.raised, &raised{a: a, r: r, key: in.key(r, groupKey), again: true})
			return &a, nil
		}
	}
	fresh.ID = id.New()
	if _, err := in.tx.Exec(ctx, `INSERT INTO alert (id, source, fingerprint, group_key, state, title, summary, service, environment, severity, labels, annotations, generator_url,
 starts_at, ends_at, first_at, last_at, resolved_at, count, incident, message, rule, acknowledged_by, acknowledged_at)
VALUES ($1,$2,$3,$4,'open',$5,$6,$7,$8,$9,$10,$11,$12,$13,0,$14,$14,0,1,'','',$15,'',0)`,
		fresh.ID, fresh.SourceID, fresh.Fingerprint, fresh.GroupKey, fresh.Title, fresh.Summary, fresh.Service, fresh.Environment, fresh.Severity, db.JSON(fresh.Labels), db.JSON(fresh.Annotations),
		fresh.GeneratorURL, db.Micro(fresh.StartsAt), db.Micro(in.now), fresh.rule); err != nil {
		return nil, fmt.Errorf("store alert: %w", err)
	}
	in.out.Fired++
	in.raised = append(in.raised, &raised{a: fresh, r: r, key: in.key(r, groupKey)})
	return &fresh, nil
}

// key is what gathers an alert: its service, or without one its group.
func (in *intake) key(r route, groupKey string) string {
	if r.restricted { // never in an incident that everybody may read
		return "restricted:" + r.rule + ":" + in.src.ID + ":" + r.service
	}
	if r.service != "" {
		return "service:" + r.service
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
	if err := in.write(ctx, a); err != nil {
		return nil, err
	}
	changed := a.Title != cur.Title || a.Summary != cur.Summary || a.Severity != cur.Severity
	if cur.IncidentID == "" && r.action == "declare" { // it became worse, or the rules changed
		in.raised = append(in.raised, &raised{a: a, r: route{service: a.Service, environment: a.Environment, severity: a.Severity, action: r.action, rule: r.rule}, key: in.key(route{service: a.Service}, a.GroupKey), again: true})
		return &a, nil
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
 starts_at=$12, ends_at=$13, last_at=$14, resolved_at=$15, count=$16, rule=$17, acknowledged_by=$18 WHERE id=$1`,
		a.ID, a.GroupKey, a.State, a.Title, a.Summary, a.Service, a.Environment, a.Severity, db.JSON(a.Labels), db.JSON(a.Annotations), a.GeneratorURL,
		db.Micro(a.StartsAt), ends, db.Micro(a.LastAt), db.Micro(a.resolvedAt), a.Count, a.rule, a.AcknowledgedBy)
	if err != nil {
		return fmt.Errorf("store alert: %w", err)
	}
	return nil
}

// resolve ends an alert. What is not known to fire, or fires since a later
// moment than the one that ended, is left alone.
func (in *intake) resolve(ctx context.Context, cur Alert, was bool, one Incoming) (Alert, bool, error) {
	if !was || cur.State == Resolved || one.StartsAt.Truncate(time.Microsecond).Before(cur.StartsAt) {
		in.out.Repeated++
		return cur, false, nil
	}
	ends := one.EndsAt.UTC().Truncate(time.Microsecond)
	if ends.Year() < 2000 || ends.After(in.now) {
		ends = in.now
	}
	a := cur
	a.State, a.EndsAt, a.LastAt, a.resolvedAt = Resolved, &ends, in.now, in.now
	if err := in.write(ctx, a); err != nil {
		return a, false, err
	}
	in.out.Resolved++
	about := ledger.About{Resource: "alert:" + a.ID, Incident: a.IncidentID}
	if a.IncidentID != "" {
		i, err := in.incident(ctx, a.IncidentID)
		if err != nil {
			return a, false, err
		}
		about.Room = i.Room.ID
	}
	return a, true, in.s.Ledger.Append(ctx, in.tx, in.who, about, AlertResolved{Title: a.Title})
}

func (in *intake) incident(ctx context.Context, incidentID string) (incident.Incident, error) {
	if i, ok := in.incidents[incidentID]; ok {
		return i, nil
	}
	i, err := in.s.Incidents.Get(ctx, in.tx, in.who, incidentID)
	if err == nil {
		in.incidents[incidentID] = i
	}
	return i, err
}

// gather finds or declares the incident of everything that fires.
func (in *intake) gather(ctx context.Context) error {
	groups := map[string][]*raised{}
	for _, r := range in.raised {
		if r.again && r.a.IncidentID != "" {
			i, err := in.incident(ctx, r.a.IncidentID)
			if err != nil {
				return err
			}
			if i.Stage != incident.Closed {
				if !i.Stage.Open() {
					if i, err = in.s.Incidents.Reopen(ctx, in.tx, in.who, i.ID, "Firing again: "+r.a.Title); err != nil {
						return err
					}
					in.incidents[i.ID] = i
				}
				if err := in.back(ctx, i, r.a); err != nil {
					return err
				}
				continue
			}
			in.s.Incidents.Touch(in.tx, i.ID)
			r.a.IncidentID, r.a.message = "", "" // its incident is over: it needs another
		}
		groups[r.key] = append(groups[r.key], r)
	}
	// In a fixed order, so that two deliveries never wait for each other.
	for _, key := range sorted(groups) {
		if err := in.collect(ctx, key, groups[key]); err != nil {
			return err
		}
	}
	return nil
}

// collect brings the alerts of one service (or group) into one incident.
func (in *intake) collect(ctx context.Context, key string, rs []*raised) error {
	since := in.now.Add(-in.s.Reopen)
	if err := in.s.Incidents.Claim(ctx, in.tx, key, since); err != nil {
		return err
	}
	i, ok, err := in.s.Incidents.Collector(ctx, in.tx, rs[0].r.service, key, since)
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
			FirstSignal: first, Collects: key, Restricted: worst.r.restricted, Groups: worst.r.groups,
		})
	case ok && !i.Stage.Open():
		i, err = in.s.Incidents.Reopen(ctx, in.tx, in.who, i.ID, "Firing: "+rs[0].a.Title)
	case !ok:
		return nil // only to be attached, and there is nothing to attach to
	}
	if err != nil {
		return err
	}
	in.incidents[i.ID] = i
	for _, r := range rs {
		r.a.IncidentID = i.ID
		if err := in.attach(ctx, i, r.a); err != nil {
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

// words finds what to call an alert.
func words(one Incoming) (title, summary string) {
	name := one.Labels["alertname"]
	title = first(one.Annotations["summary"], one.Annotations["title"])
	if title == "" {
		title = first(name, "Alert without a name")
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

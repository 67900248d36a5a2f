// Package alert takes in what monitoring says: it recognises repeats, finds
// service, environment and severity by rules, and lets an alert open an
// incident or join the one that gathers its service and environment.
//
// Invariants: everything one delivery says happens in one transaction, so that
// a delivery sent again is harmless; a storm makes one incident per service and
// environment; no end of an alert ends its incident; one odd alert never costs
// the others of its delivery. The formats of monitoring systems are left to
// integration, what an incident does to incident. What an alert is and when it
// begins and ends: episode.go.
package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/incident"
	"muster/internal/ledger"
	"muster/internal/message"
	"muster/internal/node"
	"muster/internal/task"
)

// Alert is one thing that monitoring found wrong.
type Alert struct {
	ID             string            `json:"id"`
	SourceID       string            `json:"source_id"`
	Source         string            `json:"source" doc:"Name of the source"`
	Fingerprint    string            `json:"fingerprint"`
	GroupKey       string            `json:"group_key"`
	State          string            `json:"state" enum:"open,acknowledged,resolved"`
	Title          string            `json:"title"`
	Summary        string            `json:"summary"`
	Service        string            `json:"service"`
	Environment    string            `json:"environment"`
	Production     bool              `json:"production" doc:"The environment's name means production"`
	Severity       int               `json:"severity" minimum:"1" maximum:"4"`
	Labels         map[string]string `json:"labels"`
	Annotations    map[string]string `json:"annotations"`
	StartsAt       time.Time         `json:"starts_at"`
	EndsAt         *time.Time        `json:"ends_at,omitempty"`
	LastAt         time.Time         `json:"last_at"`
	Count          int               `json:"count" doc:"Deliveries that said it fires"`
	IncidentID     string            `json:"incident_id,omitempty"`
	GeneratorURL   string            `json:"generator_url"`
	AcknowledgedBy string            `json:"acknowledged_by,omitempty"`
	EndedBy        string            `json:"ended_by,omitempty" enum:"source,person,incident,silence" doc:"How it ended: its source said so, a person did, its incident was resolved or closed, or nothing was heard of it any more"`
	ResolvedBy     string            `json:"resolved_by,omitempty" doc:"The person who ended it"`
	Flaps          int               `json:"flaps,omitempty" doc:"How often it fired again"`
	Abilities      map[string]bool   `json:"abilities" doc:"What you may do; empty in what is broadcast"`

	message     string
	rule        string
	resolvedAt  time.Time
	latestStart time.Time // the latest start heard in this episode
	before      time.Time // starts and ends up to here are of earlier episodes
	flapMessage string
	doubtAt     time.Time // when it was said to fire, and that may have come late
}

const (
	Open         = "open"
	Acknowledged = "acknowledged"
	Resolved     = "resolved"
)

// DefaultReopenWindow is how long after its end an alert that fires again is the same one.
const DefaultReopenWindow = 30 * time.Minute

// DefaultGather is how long after the newest alert of an incident others of its
// service and environment join it.
const DefaultGather = 2 * time.Hour

// Deps are the packages that alerts are made of.
type Deps struct {
	DB        *db.DB
	Access    *access.Access
	Ledger    *ledger.Ledger
	Clock     clock.Clock
	Bus       bus.Bus
	Tasks     *task.Queue
	Messages  *message.Store
	Incidents *incident.Store
	Log       *slog.Logger
	Reopen    time.Duration // 0: DefaultReopenWindow
}

// Store keeps alerts, their sources and rules.
type Store struct {
	Deps

	mu       sync.Mutex
	compiled []compiled
	text     string // of the compiled rules
}

// New builds the store and tells incidents where their alerts are.
func New(d Deps) *Store {
	if d.Reopen == 0 {
		d.Reopen = DefaultReopenWindow
	}
	s := &Store{Deps: d}
	d.Incidents.WithAlerts(seam{s})
	d.Tasks.Handle(taskStale, s.stale)
	d.Tasks.Handle(taskDoubt, s.doubt)
	return s
}

const columns = `a.id, a.source, s.name, a.fingerprint, a.group_key, a.state, a.title, a.summary, a.service, a.environment, a.severity, a.labels, a.annotations,
 a.generator_url, a.starts_at, a.ends_at, a.last_at, a.resolved_at, a.count, a.incident, a.message, a.rule, a.acknowledged_by,
 a.ended_by, a.resolved_by, a.latest_start, a.before_at, a.flaps, a.flap_message, a.doubt_at`

const from = ` FROM alert a JOIN alert_source s ON s.id = a.source `

func scan(r db.Scanner) (a Alert, err error) {
	var labels, annotations string
	var starts, ends, last, resolved, latest, before, doubt int64
	if err = r.Scan(&a.ID, &a.SourceID, &a.Source, &a.Fingerprint, &a.GroupKey, &a.State, &a.Title, &a.Summary, &a.Service, &a.Environment, &a.Severity, &labels, &annotations,
		&a.GeneratorURL, &starts, &ends, &last, &resolved, &a.Count, &a.IncidentID, &a.message, &a.rule, &a.AcknowledgedBy,
		&a.EndedBy, &a.ResolvedBy, &latest, &before, &a.Flaps, &a.flapMessage, &doubt); err != nil {
		return a, err
	}
	a.StartsAt, a.LastAt, a.resolvedAt = db.At(starts), db.At(last), db.At(resolved)
	a.latestStart, a.before = db.At(latest), db.At(before)
	a.Production = node.SaysProduction(a.Environment)
	if doubt != 0 {
		a.doubtAt = db.At(doubt)
	}
	if ends != 0 {
		t := db.At(ends)
		a.EndsAt = &t
	}
	if a.Labels, err = db.FromJSON[map[string]string](labels); err != nil {
		return a, err
	}
	a.Annotations, err = db.FromJSON[map[string]string](annotations)
	return a, err
}

// judge decides about alerts as who sees them; one looks up each incident once.
type judge struct {
	s    *Store
	q    db.Querier
	who  actor.Actor
	seen map[string][2]string // incident → restricted, member
}

func (s *Store) judge(q db.Querier, who actor.Actor) *judge {
	return &judge{s, q, who, map[string][2]string{"": {"false", "false"}}}
}

func (j *judge) resource(ctx context.Context, a Alert) (access.Resource, error) {
	confined, ok := j.seen[a.IncidentID]
	if !ok {
		restricted, member, err := j.s.Incidents.Confined(ctx, j.q, j.who, a.IncidentID)
		if err != nil {
			return access.Resource{}, fmt.Errorf("read the incident of an alert: %w", err)
		}
		confined = [2]string{strconv.FormatBool(restricted), strconv.FormatBool(member)}
		j.seen[a.IncidentID] = confined
	}
	return access.Resource{Type: "alert", ID: a.ID, Name: a.Title, Attrs: map[string]string{
		"name": a.Title, "service": a.Service, "environment": a.Environment, "severity": strconv.Itoa(a.Severity), "state": a.State, "source": a.Source,
		"restricted": confined[0], "member": confined[1],
	}}, nil
}

func (j *judge) may(ctx context.Context, action string, a Alert) bool {
	res, err := j.resource(ctx, a)
	return err == nil && j.s.Access.Allowed(ctx, j.q, j.who, action, res)
}

var errNone = fault.New(fault.NotFound, "There is no such alert. Look it up under Alerts.")

func (s *Store) get(ctx context.Context, q db.Querier, alertID string) (Alert, error) {
	a, err := db.One(ctx, q, scan, `SELECT `+columns+from+`WHERE a.id = $1`, alertID)
	if db.IsNoRows(err) {
		return a, errNone
	}
	if err != nil {
		return a, fmt.Errorf("read alert: %w", err)
	}
	return a, nil
}

func (j *judge) able(ctx context.Context, a Alert) Alert {
	may := a.State != Resolved && j.may(ctx, "acknowledge", a)
	a.Abilities = map[string]bool{"acknowledge": may && a.State == Open, "resolve": may}
	return a
}

// Get returns an alert who may read.
func (s *Store) Get(ctx context.Context, q db.Querier, who actor.Actor, alertID string) (Alert, error) {
	a, err := s.get(ctx, q, alertID)
	if err != nil {
		return a, err
	}
	j := s.judge(q, who)
	if !j.may(ctx, "read", a) {
		return Alert{}, errNone
	}
	return j.able(ctx, a), nil
}

// maxRefs bounds how many alerts an incident carries around; all are in List.
const maxRefs = 100

// Refs gives the alerts of incidents, live ones first.
func (s seam) Refs(ctx context.Context, q db.Querier, incidentIDs []string) (map[string][]incident.AlertRef, error) {
	marks, args := []string{}, []any{maxRefs}
	for n, i := range incidentIDs {
		marks = append(marks, fmt.Sprintf("$%d", n+2))
		args = append(args, i)
	}
	type row struct {
		of string
		r  incident.AlertRef
	}
	rows, err := db.All(ctx, q, func(r db.Scanner) (v row, err error) { return v, r.Scan(&v.of, &v.r.ID, &v.r.Title, &v.r.State) },
		`SELECT incident, id, title, state FROM (SELECT incident, id, title, state, ROW_NUMBER() OVER (PARTITION BY incident ORDER BY CASE WHEN state = 'resolved' THEN 1 ELSE 0 END, id) AS n
 FROM alert WHERE incident IN (`+strings.Join(marks, ",")+`)) AS ranked WHERE n <= $1 ORDER BY incident, n`, args...)
	if err != nil {
		return nil, fmt.Errorf("read alerts of incidents: %w", err)
	}
	out := map[string][]incident.AlertRef{}
	for _, r := range rows {
		out[r.of] = append(out[r.of], r.r)
	}
	return out, nil
}

// snapshot is what a card shows when the alert itself cannot be read; it always
// fits, if need be without the longest texts.
func snapshot(a Alert) json.RawMessage {
	a.Abilities = map[string]bool{} // of nobody in particular
	b, err := json.Marshal(a)
	if err == nil && len(b) <= message.MaxCard {
		return b
	}
	a.Annotations, a.GeneratorURL = map[string]string{}, ""
	labels := map[string]string{}
	size := 0
	for _, k := range sorted(a.Labels) {
		if size += len(k) + len(a.Labels[k]); size > message.MaxCard/4 {
			break
		}
		labels[k] = a.Labels[k]
	}
	a.Labels = labels
	b, _ = json.Marshal(a) //nolint:errcheck // strings and numbers only
	return b
}

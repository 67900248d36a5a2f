package app

import (
	"context"
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"muster/internal/backup"
	"muster/internal/call"
	"muster/internal/call/livekit"
	"muster/internal/db"
	"muster/internal/executor/ssh"
	"muster/internal/incident"
	"muster/internal/ledger"
	"muster/internal/meter"
	"muster/internal/run"
)

// measure lets every part count into a.meter. It stands between making the parts
// and serving.
func (a *App) measure(kept *ssh.Executor) {
	m := a.meter
	a.DB.Measure(m)
	a.Tasks.Measure(m)
	a.Ledger.Measure(m)
	a.Messages.Measure(m)
	a.Notify.Measure(m)
	a.API.Measure(m)
	a.socket.Measure(m)
	m.Gauge("ssh_connections", "Open SSH connections to nodes, kept ones included.", func() float64 { return float64(kept.Connections()) })
	m.Gauge("runs_executing", "Runs that go on in this process.", func() float64 { return float64(a.Runs.Active()) })
	a.countCalls()
	a.countRows()
	a.watchFolder()
	a.tally = newTally(m, a.DB)
	a.Ledger.Hear(a.tally.hear)
	a.closers = append(a.closers, a.tally.close)
}

// countCalls shows voice and video.
func (a *App) countCalls() {
	a.meter.Gauge("media_up", "1 while the media engine works, 0 while it is started again; without one, this is 1.", func() float64 {
		if a.Calls.State() == call.Starting {
			return 0
		}
		return 1
	})
	a.meter.Gauge("calls_open", "Calls that go on.", func() float64 { return float64(len(a.Calls.Calls())) })
	a.meter.Gauge("call_people", "People in calls.", func() float64 {
		n := 0
		for _, c := range a.Calls.Calls() {
			n += len(c.People)
		}
		return float64(n)
	})
	a.meter.Gauge("media_restarts", "How often the media process had to be started again since Muster started.", func() float64 {
		if c, ok := a.Calls.Engine.(*livekit.Child); ok {
			return float64(c.Restarts())
		}
		return 0
	})
}

// shown is the condition for an incident to be in figures that everybody who may
// read metrics sees: real trouble, and nothing that is its members' alone. Whoever
// reads /metrics may be outside, and a number by severity tells that there is one.
const shown = `mode = 'real' AND NOT restricted`

// countRows shows how many there are of things that have a state.
func (a *App) countRows() {
	count := func(name, help, query string) {
		a.meter.Gauge(name, help, func() float64 {
			var n float64
			if err := a.ask(query, &n); err != nil && !db.IsNoRows(err) {
				return math.NaN()
			}
			return n
		})
	}
	count("ledger_records", "Records in the sealed ledger.", `SELECT size FROM ledger_head WHERE one = 1`)
	count("incidents_open", "Real incidents neither resolved nor closed; restricted ones are left out.", `SELECT COUNT(*) FROM incident WHERE stage NOT IN ('resolved', 'closed') AND `+shown)
	count("approvals_pending", "Questions that wait for an answer.", `SELECT COUNT(*) FROM approval WHERE state = 'asked'`)
	count("alerts_open", "Alerts that fire; those of drills, tests and restricted incidents are left out.", `SELECT COUNT(*) FROM alert a LEFT JOIN incident i ON i.id = a.incident WHERE a.state <> 'resolved' AND (i.id IS NULL OR `+shown+`)`)
	count("tasks_ready", "Tasks that are due or scheduled.", `SELECT COUNT(*) FROM task WHERE state = 'ready'`)
	count("tasks_failed", "Tasks given up in the last week.", `SELECT COUNT(*) FROM task WHERE state = 'failed'`)
	a.meter.Gauges("runs", "Runs that have not ended, by state: waiting is for approval, unknown waits for a person to settle it.", []string{"state"}, func(set func(float64, ...string)) {
		for _, state := range []string{run.Waiting, run.Queued, run.Running, run.Unknown} {
			var n float64
			if a.ask(`SELECT COUNT(*) FROM run WHERE state = '`+state+`'`, &n) == nil {
				set(n, state)
			}
		}
	})
}

func (a *App) ask(query string, into *float64) error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	return a.DB.Read().QueryRow(ctx, query).Scan(into)
}

// watchFolder shows what the data folder and the files in it say.
func (a *App) watchFolder() {
	m := a.meter
	m.Gauges("build_info", "Always 1; the labels say what runs.", []string{"version", "go"}, func(set func(float64, ...string)) { set(1, Version, runtime.Version()) })
	m.Gauge("data_free_bytes", "Free bytes where the data folder is.", func() float64 {
		var st syscall.Statfs_t
		if err := syscall.Statfs(a.cfg.Data, &st); err != nil {
			return math.NaN()
		}
		return float64(st.Bavail) * float64(st.Bsize)
	})
	var blobs slowly
	m.Gauge("blob_bytes", "Bytes of stored files and logs, counted every five minutes.", func() float64 {
		return blobs.get(func() float64 { return folderBytes(filepath.Join(a.cfg.Data, "blobs")) })
	})
	m.Gauge("tls_certificate_expires_seconds", "Seconds until the HTTPS certificate ends; NaN where HTTPS is not spoken.", func() float64 {
		if a.certEnd.Load() == 0 {
			return math.NaN()
		}
		return time.Until(time.Unix(a.certEnd.Load(), 0)).Seconds()
	})
	m.Gauge("backup_age_seconds", "Seconds since the last good backup of this data folder; +Inf when there was none.", func() float64 { return age(a.note(backup.LastFile).At) })
	m.Gauge("backup_bytes", "Size of the last good backup.", func() float64 { return float64(a.note(backup.LastFile).Bytes) })
	m.Gauge("ledger_verified_age_seconds", "Seconds since the ledger was last verified whole and found sound; +Inf when it never was.", func() float64 { return age(a.note(lastVerified).At) })
}

// lastVerified is the file in the data folder that says when the ledger was last
// found sound.
const lastVerified = "last-verified.json"

// note is what a command left in the data folder for the server to show.
type note struct {
	At    time.Time `json:"at"`
	Bytes int64     `json:"bytes,omitempty"`
}

func (a *App) note(file string) (n note) {
	// #nosec G304 -- a file of the data folder by a fixed name
	b, err := os.ReadFile(filepath.Join(a.cfg.Data, file))
	if err != nil || json.Unmarshal(b, &n) != nil {
		return note{}
	}
	return n
}

func age(t time.Time) float64 {
	if t.IsZero() {
		return math.Inf(1)
	}
	return time.Since(t).Seconds()
}

// slowly keeps a figure that takes long to get, and gets it beside the scrape.
type slowly struct {
	mu   sync.Mutex
	at   time.Time
	busy bool
	last float64
}

func (s *slowly) get(fn func() float64) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.busy && time.Since(s.at) > 5*time.Minute {
		s.busy = true
		go func() {
			v := fn()
			s.mu.Lock()
			defer s.mu.Unlock()
			s.last, s.at, s.busy = v, time.Now(), false
		}()
	}
	return s.last
}

func folderBytes(dir string) (sum float64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // what goes away meanwhile does not count
		}
		if info, err := d.Info(); err == nil {
			sum += float64(info.Size())
		}
		return nil
	})
	return sum
}

// tally makes metrics of the ledger: what is recorded once is counted from there.
// Times between two moments are read from the rows, beside the committing
// transaction; under a flood some are left out and counted as such.
type tally struct {
	db   *db.DB
	work chan ledger.Body
	done chan struct{}
	once sync.Once

	mu      sync.Mutex
	changes map[change]int // of alerts, until it was looked up what their incidents are
	wake    chan struct{}

	events, logins, denials, declared, practised, resolved, alerts, runsAsked, runsEnded, logBytes, logLines, approvals, lost *meter.Counter
	toAck, toResolve, queued, took, waited                                                                                    *meter.Histogram
}

// change is what became of alerts of one incident.
type change struct{ incident, what string }

func newTally(m *meter.Meter, d *db.DB) *tally {
	sev := []string{"1", "2", "3", "4"}
	t := &tally{db: d, work: make(chan ledger.Body, 1024), done: make(chan struct{}), changes: map[change]int{}, wake: make(chan struct{}, 1)}
	t.events = m.Counter("ledger_events_total", "Events recorded, by outcome.", "outcome").Zero("done", "denied", "failed")
	t.logins = m.Counter("logins_total", "Sign-ins with a password: ok, failed, locked (an account was locked).", "result").Zero("ok", "failed", "locked")
	t.denials = m.Counter("denials_total", "Refusals by policy, by the type of thing.", "type").Zero("room", "job", "incident")
	t.declared = m.Counter("incidents_declared_total", "Real incidents declared; restricted ones are left out.", "severity").Zero(sev...)
	t.practised = m.Counter("exercises_declared_total", "Drills and tests declared; restricted ones are left out.", "mode").Zero("drill", "test")
	t.resolved = m.Counter("incidents_resolved_total", "Real incidents resolved; restricted ones are left out.", "severity").Zero(sev...)
	t.alerts = m.Counter("alert_changes_total", "Alerts that fired, fired again, were acknowledged or resolved; those of drills, tests and restricted incidents are left out.", "change").Zero("fired", "reopened", "acknowledged", "resolved")
	t.toAck = m.Histogram("incident_acknowledge_seconds", "From declaration to the first acknowledgement, of real incidents; restricted ones are left out.", meter.People, "severity").Zero(sev...)
	t.toResolve = m.Histogram("incident_resolve_seconds", "From declaration to resolution, of real incidents; restricted ones are left out.", meter.People, "severity").Zero(sev...)
	t.runsAsked = m.Counter("runs_requested_total", "Runs asked for: job or adhoc.", "kind").Zero("job", "adhoc")
	t.runsEnded = m.Counter("runs_ended_total", "Runs by how they ended; unknown are those whose server vanished.", "state").
		Zero(run.Succeeded, run.Failed, run.StoppedBy, run.TimedOut, run.Unknown)
	t.queued = m.Histogram("run_queue_seconds", "From being ready to run to its begin.", meter.Fast)
	t.took = m.Histogram("run_seconds", "From begin to end of a run.", meter.Work, "state").Zero(run.Succeeded, run.Failed)
	t.logBytes = m.Counter("run_log_bytes_total", "Bytes of logs of ended runs.")
	t.logLines = m.Counter("run_log_lines_total", "Lines of logs of ended runs.")
	t.approvals = m.Counter("approvals_total", "Questions asked, and how they ended: approved, declined, expired, voided.", "outcome").Zero("asked", "approved", "declined", "expired", "voided")
	t.waited = m.Histogram("approval_wait_seconds", "From question to decision.", meter.People, "outcome").Zero("approved", "declined")
	t.lost = m.Counter("meter_missed_total", "Observations left out because too many came at once.")
	go t.read()
	return t
}

// hear takes in one committed event; it does not block.
func (t *tally) hear(r ledger.Body) {
	t.events.Inc(r.Outcome)
	if r.Outcome == string(ledger.Denied) {
		kind, _ := r.Fields["type"].(string)
		t.denials.Inc(kind)
	}
	switch r.Kind {
	case "account.LoggedIn":
		t.logins.Inc("ok")
	case "account.LoginFailed":
		t.logins.Inc("failed")
	case "account.LockedOut":
		t.logins.Inc("locked")
	case "alert.Fired", "alert.Reopened", "alert.Acknowledged", "alert.Resolved":
		t.alert(r)
	case "incident.Declared":
		n, _ := r.Fields["severity"].(int)
		mode, _ := r.Fields["mode"].(string)
		restricted, _ := r.Fields["restricted"].(bool)
		switch {
		case restricted:
		case mode == "real":
			t.declared.Inc(strconv.Itoa(n))
		case mode == "drill" || mode == "test":
			t.practised.Inc(mode)
		}
	case "run.Requested":
		kind, _ := r.Fields["kind"].(string)
		t.runsAsked.Inc(kind)
	case "run.Lost":
		if again, _ := r.Fields["again"].(bool); !again {
			t.runsEnded.Inc(run.Unknown)
		}
	case "approval.Asked":
		t.approvals.Inc("asked")
	case "incident.StageChanged":
		if to, _ := r.Fields["to"].(incident.Stage); to == incident.Resolved {
			t.later(r)
		}
	case "incident.Acknowledged":
		if first, _ := r.Fields["first"].(bool); first {
			t.later(r)
		}
	case "run.Started", "run.Finished":
		t.later(r)
	case "approval.Voted", "approval.Ended":
		if state, _ := r.Fields["state"].(string); state != "asked" {
			t.approvals.Inc(state)
			t.later(r)
		}
	}
}

// alert counts a change of an alert. One of an incident waits until it is known
// what that is; the changes are added up meanwhile, so that a flood of alerts
// loses none and asks once for each incident.
func (t *tally) alert(r ledger.Body) {
	what := strings.ToLower(strings.TrimPrefix(r.Kind, "alert."))
	if r.Incident == "" {
		t.alerts.Inc(what)
		return
	}
	t.mu.Lock()
	t.changes[change{r.Incident, what}]++
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default: // it is awake
	}
}

// settle counts the changes that wait.
func (t *tally) settle() {
	t.mu.Lock()
	waiting := t.changes
	t.changes = map[change]int{}
	t.mu.Unlock()
	known := map[string]bool{}
	for c, n := range waiting {
		counts, asked := known[c.incident]
		if !asked {
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			err := t.db.Read().QueryRow(ctx, `SELECT `+shown+` FROM incident WHERE id = $1`, c.incident).Scan(&counts)
			cancel()
			if err != nil && !db.IsNoRows(err) {
				t.lost.Add(float64(n))
				continue
			}
			known[c.incident] = counts
		}
		if counts {
			t.alerts.Add(float64(n), c.what)
		}
	}
}

func (t *tally) later(r ledger.Body) {
	select {
	case t.work <- r:
	default:
		t.lost.Inc()
	}
}

func (t *tally) read() {
	for {
		select {
		case r := <-t.work:
			t.times(r)
		case <-t.wake:
			t.settle()
		case <-t.done:
			return
		}
	}
}

func (t *tally) close() error {
	t.once.Do(func() { close(t.done) })
	return nil
}

// times reads the two moments between which something took so long.
func (t *tally) times(r ledger.Body) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	// took gives the label and the microseconds, or nothing where a moment is not known.
	took := func(query, arg string, more ...any) (label string, seconds float64, ok bool) {
		var from, to int64
		if err := t.db.Read().QueryRow(ctx, query, arg).Scan(append([]any{&label, &from, &to}, more...)...); err != nil || from == 0 || to < from {
			return label, 0, false
		}
		return label, float64(to-from) / 1e6, true
	}
	_, id, _ := strings.Cut(r.Resource, ":")
	switch r.Kind {
	case "incident.StageChanged":
		sev, s, ok := took(`SELECT severity, declared, resolved FROM incident WHERE id = $1 AND `+shown, r.Incident)
		if sev != "" {
			t.resolved.Inc(sev)
		}
		if ok {
			t.toResolve.Observe(s, sev)
		}
	case "incident.Acknowledged":
		if sev, s, ok := took(`SELECT severity, declared, acknowledged FROM incident WHERE id = $1 AND `+shown, r.Incident); ok {
			t.toAck.Observe(s, sev)
		}
	case "run.Started":
		if _, s, ok := took(`SELECT state, queued_at, started_at FROM run WHERE id = $1`, id); ok {
			t.queued.Observe(s)
		}
	case "run.Finished":
		state, _ := r.Fields["state"].(string)
		t.runsEnded.Inc(state)
		var bytes, lines int64
		if _, s, ok := took(`SELECT state, started_at, finished_at, (SELECT COALESCE(SUM(bytes), 0) FROM run_chunk WHERE run = run.id), log_lines FROM run WHERE id = $1`, id, &bytes, &lines); ok {
			t.took.Observe(s, state)
			t.logBytes.Add(float64(bytes))
			t.logLines.Add(float64(lines))
		}
	case "approval.Voted", "approval.Ended":
		if state, s, ok := took(`SELECT state, asked_at, ended_at FROM approval WHERE subject = $1 ORDER BY id DESC LIMIT 1`, r.Resource); ok {
			t.waited.Observe(s, state)
		}
	}
}

// measured counts the steps an executor carries out.
type measured struct {
	run.Executor
	name  string
	steps *stepMeter
}

type stepMeter struct {
	active atomic.Int64
	took   *meter.Histogram
	ended  *meter.Counter
}

func newStepMeter(m *meter.Meter) *stepMeter {
	s := &stepMeter{
		took:  m.Histogram("step_seconds", "How long a step took on a node.", meter.Work, "executor").Zero("local", "ssh"),
		ended: m.Counter("steps_total", "Steps on nodes by outcome: ok, exit (an exit code other than 0), unreachable, host-key, auth, timeout, stopped, lost, setup.", "executor", "outcome"),
	}
	m.Gauge("steps_active", "Steps that go on now.", func() float64 { return float64(s.active.Load()) })
	for _, outcome := range []string{"ok", "exit", "unreachable", "lost"} {
		s.ended.Add(0, "ssh", outcome)
	}
	return s
}

func (e measured) Run(ctx context.Context, in run.Invocation, out run.Output) (run.Result, error) {
	began := time.Now()
	e.steps.active.Add(1)
	defer e.steps.active.Add(-1)
	res, err := e.Executor.Run(ctx, in, out)
	outcome := "ok"
	switch x := run.ExecErrorOf(err); {
	case x != nil:
		outcome = x.Kind.String()
	case err != nil:
		outcome = "setup"
	case res.ExitCode != 0:
		outcome = "exit"
	}
	e.steps.ended.Inc(e.name, outcome)
	e.steps.took.Since(began, e.name)
	return res, err
}

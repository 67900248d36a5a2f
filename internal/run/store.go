package run

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/approval"
	"muster/internal/blob"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/job"
	"muster/internal/key"
	"muster/internal/ledger"
	"muster/internal/message"
	"muster/internal/node"
	"muster/internal/notify"
	"muster/internal/room"
	"muster/internal/task"
)

// Vault opens stored keys and keeps secure option values; key.Store is one.
type Vault interface {
	Usable(ctx context.Context, q db.Querier, who actor.Actor, g key.Grant, path string) (key.Item, error)
	Unmet(ctx context.Context, q db.Querier, path string, since map[string]int64) ([]string, error)
	Meet(ctx context.Context, tx *db.Tx, path, host, node string) error
	Open(ctx context.Context, tx *db.Tx, who actor.Actor, g key.Grant, path string) ([]byte, error)
	Seal(ctx context.Context, tx *db.Tx, place string, plain []byte) ([]byte, error)
	Unseal(ctx context.Context, q db.Querier, place string, sealed []byte) ([]byte, error)
}

// Deps is what runs are built from.
type Deps struct {
	DB        *db.DB
	Access    *access.Access
	Ledger    *ledger.Ledger
	Bus       bus.Bus
	Clock     clock.Clock
	Blobs     blob.Store
	Tasks     *task.Queue
	Approvals *approval.Store
	Jobs      *job.Store
	Nodes     *node.Store
	Keys      Vault
	Accounts  *account.Store
	Rooms     *room.Store
	Messages  *message.Store
	Notify    *notify.Store // nil: nobody is told beside the room
	Log       *slog.Logger
	// PublicURL is how people reach this server, for job.url; nil or "": nobody knows.
	PublicURL func() string
	// Urgency is how bad the open incident is that a run belongs to: its
	// severity, 0 where none is open, and whether it is a drill. nil: none is.
	Urgency func(ctx context.Context, q db.Querier, incidentID string) (severity int, drill bool, err error)
	// Executors by the name nodes use in node-executor: "local", "ssh".
	Executors map[string]Executor
	// Worker names this process in leases; "" takes the task queue's name.
	Worker string
	// Alone: no other server can be alive on this database, so what another one
	// ran is lost at once.
	Alone bool
	// Most is how many runs go on at once on this node; 0 takes 50.
	Most int
	// LogLimit bounds a run's log in bytes; 0 takes DefaultLogLimit.
	LogLimit int64
}

// Store requests, decides about and executes runs.
type Store struct {
	Deps
	db    *db.DB
	blobs blob.Store
	bus   bus.Bus
	clock clock.Clock
	slog  *slog.Logger

	logs sync.Map // run id → *Log, of what runs here

	mu       sync.Mutex
	active   map[string]*execution
	taking   int           // runs being claimed
	draining bool          // no more runs are taken
	ended    chan struct{} // one of active or taking became less
	wg       sync.WaitGroup
	end      context.CancelFunc
	life     context.Context
	leases   map[string]sighting // of runs that are not at work here; only watch uses it
}

// New builds the store and registers its tasks; Start lets it execute.
func New(d Deps) *Store {
	if d.Worker == "" && d.Tasks != nil {
		d.Worker = d.Tasks.Node()
	}
	if d.Most == 0 {
		d.Most = 50
	}
	if d.LogLimit == 0 {
		d.LogLimit = DefaultLogLimit
	}
	s := &Store{Deps: d, db: d.DB, blobs: d.Blobs, bus: d.Bus, clock: d.Clock, slog: d.Log, active: map[string]*execution{}, ended: make(chan struct{}, 1)}
	s.life, s.end = context.WithCancel(context.Background())
	d.Tasks.Handle(taskExecute, s.executeTask)
	d.Tasks.Handle(taskExpire, s.expireTask)
	d.Nodes.OnChanged(func(ctx context.Context, tx *db.Tx, who actor.Actor, project string, was map[string]*node.Node) error {
		ms := map[string]*approval.Machine{}
		for name, n := range was {
			if ms[name] = nil; n != nil {
				m := Machine(*n)
				ms[name] = &m
			}
		}
		return d.Approvals.NoteNodes(ctx, tx, who, project, ms)
	})
	return s
}

const columns = `SELECT id, number, project, kind, job_id, job_group, job_name, job_uuid, job_version, title, state, reason, environment, requested_by, room, incident, message,
spec, steps, secrets, digest, approval, attempt, worker, stop_by, stop_reason, requested_at, started_at, finished_at, total, done, failed, log_lines, log_sha256, hand FROM run`

func scan(r db.Scanner) (x Run, err error) {
	var asked, started, finished, jobVersion int64
	var asSpec, steps, jobName, by string
	if err = r.Scan(&x.ID, &x.Number, &x.Project, &x.Kind, &x.JobID, &x.JobGroup, &jobName, &x.JobUUID, &jobVersion, &x.Title, &x.State, &x.Reason, &x.Environment, &x.RequestBy, &x.RoomID, &x.IncidentID, &x.MessageID,
		&asSpec, &steps, &x.sealed, &x.Digest, &x.ApprovalID, &x.Attempt, &x.Worker, &x.StopBy, &x.StopReason, &asked, &started, &finished, &x.Progress.Total, &x.Progress.Done, &x.Progress.Failed, &x.LogLines, &x.LogSHA256, &by); err != nil {
		return x, err
	}
	x.RequestedBy, x.RequestedAt, x.StartedAt, x.FinishedAt = x.RequestBy, db.At(asked), ptr(db.At(started)), ptr(db.At(finished))
	if x.JobID != "" {
		x.Job = &RunJob{x.JobID, job.FullName(x.JobGroup, jobName), jobVersion}
	}
	x.Nodes, x.Options, x.Abilities = []RunNode{}, []RunOption{}, map[string]bool{}
	if x.spec, err = decodeSpec(asSpec); err != nil {
		return x, err
	}
	if x.hand, err = db.FromJSON[hand](by); err != nil {
		return x, err
	}
	x.Via = x.hand.Shown
	if x.Steps, err = db.FromJSON[[]RunStep](steps); err != nil {
		return x, err
	}
	x.Command, x.NodeFilter = x.spec.Command, x.spec.Shown
	if p := x.spec.Production; p != nil {
		x.Production = *p
	} else {
		x.Production = saysProduction(x.Environment)
	}
	return x, nil
}

// saysProduction judges a run of before it was kept, by the names of its nodes'
// environments alone: what nobody knows is production.
func saysProduction(environments string) bool {
	return slices.ContainsFunc(strings.Split(environments, ", "), func(e string) bool {
		k := node.Standard(e)
		return k == "" || k == node.Prod
	})
}

func decodeSpec(s string) (spec, error) { return db.FromJSON[spec](s) }

// load gives a run by id, with its nodes and approval.
func (s *Store) load(ctx context.Context, q db.Querier, runID string) (Run, error) {
	r, err := s.bare(ctx, q, runID)
	if err != nil {
		return r, err
	}
	return r, s.fill(ctx, q, &r)
}

// bare is load without nodes and approval.
func (s *Store) bare(ctx context.Context, q db.Querier, runID string) (Run, error) {
	r, err := db.One(ctx, q, scan, columns+` WHERE id = $1`, runID)
	if db.IsNoRows(err) {
		return r, errNoRun
	}
	if err != nil {
		return r, fmt.Errorf("read run: %w", err)
	}
	return r, nil
}

var errNoRun = fault.New(fault.NotFound, "There is no such run, or you may not see it. See the list of runs.")

func (s *Store) fill(ctx context.Context, q db.Querier, r *Run) error {
	var err error
	r.Nodes, err = db.All(ctx, q, func(row db.Scanner) (n RunNode, err error) {
		var identity, steps string
		if err = row.Scan(&n.Name, &identity, &n.State, &n.Step, &n.Exit, &n.Error, &steps); err != nil {
			return n, err
		}
		if n.identity, err = db.FromJSON[map[string]string](identity); err != nil {
			return n, err
		}
		n.Steps, err = db.FromJSON[[]RunNodeStep](steps)
		return n, err
	}, `SELECT name, identity, state, step, exit_code, error, steps FROM run_node WHERE run = $1 ORDER BY place`, r.ID)
	if err != nil {
		return fmt.Errorf("read run's nodes: %w", err)
	}
	r.Options = r.optionValues()
	if r.ApprovalID != "" {
		a, err := s.Approvals.Get(ctx, q, r.ApprovalID)
		if err != nil {
			return err
		}
		r.Approval = ApprovalView(a)
	}
	return nil
}

func (r *Run) optionValues() []RunOption {
	out := []RunOption{}
	names := sortedKeys(r.spec.Options)
	for _, n := range names {
		out = append(out, RunOption{n, r.spec.Options[n]})
	}
	for _, n := range r.spec.Secure {
		out = append(out, RunOption{n, masked})
	}
	for _, n := range sortedKeys(r.spec.Stored) {
		out = append(out, RunOption{n, masked})
	}
	return out
}

// resource describes what was run to access rules.
func (r *Run) resource() access.Resource {
	if r.Kind == KindAdhoc {
		return access.Resource{Project: r.Project, Type: "adhoc", ID: r.ID, Name: "#" + strconv.FormatInt(r.Number, 10)}
	}
	_, name := splitName(r.Job.Name)
	res := job.Resource(r.Project, r.JobGroup, name, r.JobUUID)
	res.ID = r.JobID
	return res
}

func splitName(full string) (group, name string) {
	i := strings.LastIndexByte(full, '/')
	return full[:max(i, 0)], full[i+1:]
}

func (r *Run) about() ledger.About {
	return ledger.About{Resource: "run:" + r.ID, Room: r.RoomID, Incident: r.IncidentID, Project: r.Project}
}

// visible says whether who may see the run: they may read the job (or ad-hoc
// commands) of its project, or asked for it. Nobody decides about what they may
// not see.
func (s *Store) visible(ctx context.Context, q db.Querier, who actor.Actor, r *Run) bool {
	return who.ID == r.RequestBy || s.Access.Allowed(ctx, q, who, "read", r.resource())
}

// See gives a run by id or number ("41", "#41") with everything, as who sees it.
func (s *Store) See(ctx context.Context, q db.Querier, who actor.Actor, ref string) (Run, error) {
	r, err := s.find(ctx, q, ref)
	if err != nil {
		return r, err
	}
	if !s.visible(ctx, q, who, &r) {
		// Whether a run exists is not told to those who may not read it.
		return Run{}, errNoRun
	}
	if err := s.fill(ctx, q, &r); err != nil {
		return r, err
	}
	if s.veil(ctx, q, who, &r.RunSummary, nil) {
		r.MessageID = ""
	}
	s.live(&r)
	s.decorate(ctx, q, who, &r)
	r.Again = r.anew()
	return r, nil
}

// Glance is See without nodes, steps on them and approval: enough to read the log.
func (s *Store) Glance(ctx context.Context, q db.Querier, who actor.Actor, ref string) (Run, error) {
	r, err := s.find(ctx, q, ref)
	if err != nil {
		return r, err
	}
	if !s.visible(ctx, q, who, &r) {
		return Run{}, errNoRun
	}
	return r, nil
}

// Shown is what a screen of who is told of a run; ok is false for nothing.
func (s *Store) Shown(ctx context.Context, q db.Querier, who actor.Actor, runID string, now RunSummary) (_ RunSummary, ok bool) {
	if _, err := s.Glance(ctx, q, who, runID); err != nil {
		return RunSummary{}, false
	}
	s.veil(ctx, q, who, &now, nil)
	return now, true
}

// veil takes the room (and its incident) out of a run for those who may not know
// of that: the run is its project's, a private room its members'.
func (s *Store) veil(ctx context.Context, q db.Querier, who actor.Actor, r *RunSummary, known map[string]bool) (veiled bool) {
	if r.RoomID == "" {
		return false
	}
	sees, ok := known[r.RoomID]
	if !ok {
		_, err := s.Rooms.See(ctx, q, who, r.RoomID)
		if sees = err == nil; known != nil {
			known[r.RoomID] = sees
		}
	}
	if sees {
		return false
	}
	r.RoomID, r.IncidentID = "", ""
	return true
}

func (s *Store) find(ctx context.Context, q db.Querier, ref string) (Run, error) {
	if n, err := strconv.ParseInt(strings.TrimPrefix(strings.TrimSpace(ref), "#"), 10, 64); err == nil {
		r, err := db.One(ctx, q, scan, columns+` WHERE number = $1`, n)
		if db.IsNoRows(err) {
			return r, errNoRun
		}
		return r, err
	}
	return s.bare(ctx, q, ref)
}

// live puts the engine's newest state of what runs on this node into r.
func (s *Store) live(r *Run) {
	s.mu.Lock()
	x := s.active[r.ID]
	s.mu.Unlock()
	if x != nil && r.State == Running && x.attempt == r.Attempt {
		x.state.copyInto(r)
	}
	if v, ok := s.logs.Load(r.ID); ok {
		r.LogLines = max(r.LogLines, v.(*Log).lineCount())
	}
}

// decorate adds what who may do.
func (s *Store) decorate(ctx context.Context, q db.Querier, who actor.Actor, r *Run) {
	may := map[string]bool{"approve": false, "decline": false}
	if r.State == Waiting && r.ApprovalID != "" {
		a, err := s.Approvals.Get(ctx, q, r.ApprovalID)
		if err == nil {
			err = s.Approvals.May(ctx, q, who, a)
		}
		may["approve"], may["decline"] = err == nil, err == nil
		if err != nil {
			r.DeniedWhy = fault.Message(err)
		}
	}
	res := r.resource()
	run := s.Access.Allowed(ctx, q, who, "run", res)
	may["stop"] = !r.Ended() && r.State != Unknown && s.mayStop(ctx, q, who, r)
	may["settle"] = r.State == Unknown && (run || s.Access.Allowed(ctx, q, who, "kill", res))
	may["rerun"] = (r.Ended() || r.State == Unknown) && run
	r.Abilities = may
}

func (s *Store) mayStop(ctx context.Context, q db.Querier, who actor.Actor, r *Run) bool {
	res := r.resource()
	return who.ID == r.RequestBy || s.Access.Allowed(ctx, q, who, "kill", res) || s.Access.Allowed(ctx, q, who, "run", res)
}

// ListQuery picks runs.
type ListQuery struct {
	State    string // a state, "active" for all that have not ended, "" for all
	Room     string
	Incident string
	Project  string
	Job      string // id
	User     string // user id, of who asked
	Node     string // the name of a node it ran on
	From, To time.Time
	Before   int64 // number
	Limit    int
}

// List gives the runs who may see, newest first.
func (s *Store) List(ctx context.Context, q db.Querier, who actor.Actor, in ListQuery) ([]RunSummary, error) {
	if in.Limit <= 0 || in.Limit > 500 {
		in.Limit = 50
	}
	where, args := " WHERE 1 = 1", []any{}
	add := func(cond string, v any) {
		args = append(args, v)
		where += " AND " + strings.ReplaceAll(cond, "?", "$"+strconv.Itoa(len(args)))
	}
	switch in.State {
	case "":
	case "active":
		where += " AND state IN ('waiting', 'queued', 'running', 'unknown')"
	default:
		add("state = ?", in.State)
	}
	if in.Room != "" {
		add("room = ?", in.Room)
	}
	if in.Incident != "" {
		add("incident = ?", in.Incident)
	}
	if in.Project != "" {
		add("project = ?", in.Project)
	}
	if in.Job != "" {
		add("job_id = ?", in.Job)
	}
	if in.User != "" {
		add("requested_by = ?", in.User)
	}
	if in.Node != "" {
		add("EXISTS (SELECT 1 FROM run_node WHERE run_node.run = run.id AND run_node.name = ?)", in.Node)
	}
	if !in.From.IsZero() {
		add("requested_at >= ?", db.Micro(in.From))
	}
	if !in.To.IsZero() {
		add("requested_at < ?", db.Micro(in.To))
	}
	before := in.Before
	out, rooms := []RunSummary{}, map[string]bool{}
	// Filtered by access after reading, so read on until enough are visible.
	for range 20 {
		w, a := where, append([]any{}, args...)
		if before > 0 {
			a = append(a, before)
			w += " AND number < $" + strconv.Itoa(len(a))
		}
		rs, err := db.All(ctx, q, scan, columns+w+" ORDER BY number DESC LIMIT "+strconv.Itoa(in.Limit), a...)
		if err != nil {
			return nil, fmt.Errorf("list runs: %w", err)
		}
		for i := range rs {
			before = rs[i].Number
			if s.visible(ctx, q, who, &rs[i]) {
				if s.veil(ctx, q, who, &rs[i].RunSummary, rooms) && in.Room+in.Incident != "" {
					continue // what runs there is not told to those outside
				}
				s.live(&rs[i])
				if out = append(out, rs[i].RunSummary); len(out) == in.Limit {
					return out, nil
				}
			}
		}
		if len(rs) < in.Limit {
			break
		}
	}
	return out, nil
}

// Waits is a run that waits for an answer.
type Waits struct {
	Approval *Approval  `json:"approval"`
	Run      RunSummary `json:"run"`
}

// ForMe lists the runs that wait for who's answer.
func (s *Store) ForMe(ctx context.Context, q db.Querier, who actor.Actor) ([]Waits, error) {
	as, err := s.Approvals.Pending(ctx, q, who)
	if err != nil {
		return nil, err
	}
	out := []Waits{}
	for _, a := range as {
		id, ok := strings.CutPrefix(a.Subject, "run:")
		if !ok {
			continue
		}
		r, err := s.bare(ctx, q, id)
		if err != nil {
			return nil, err
		}
		if !s.visible(ctx, q, who, &r) {
			continue
		}
		s.veil(ctx, q, who, &r.RunSummary, nil)
		out = append(out, Waits{ApprovalView(a), r.RunSummary})
	}
	return out, nil
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// shortDuration writes a duration for people: 45s, 2m 10s, 1h 5m.
func shortDuration(d time.Duration) string {
	d = d.Round(time.Second)
	h, m, sec := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h > 0:
		return fmt.Sprintf("%dh %dm", h, m)
	case m > 0:
		return fmt.Sprintf("%dm %ds", m, sec)
	}
	return fmt.Sprintf("%ds", sec)
}

// Package runtest sets up an office in which runs can be tried: people of every
// role, a project with nodes, and an executor that understands a few words
// instead of reaching machines.
package runtest

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/internal/await"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/approval"
	"muster/internal/blob"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/job"
	"muster/internal/key"
	"muster/internal/ledger"
	"muster/internal/message"
	"muster/internal/node"
	"muster/internal/notify"
	"muster/internal/room"
	"muster/internal/run"
	"muster/internal/task"
)

// Nodes is the inventory of the project "demo".
const Nodes = `
web1: {hostname: web1.test, tags: "web,eu", environment: qa, username: app, ssh-host-key: k}
web2: {hostname: web2.test, tags: "web,us", environment: qa, username: app, ssh-host-key: k}
web3: {hostname: web3.test, tags: "web", environment: qa, username: app, ssh-host-key: k}
pay1: {hostname: pay1.test, tags: "payments-api", environment: prod, username: app, ssh-host-key: k}
pay2: {hostname: pay2.test, tags: "payments-api", environment: prod, username: app, ssh-host-key: k}
here: {hostname: localhost, node-executor: local, tags: local, environment: dev}
`

// Office is what a test plays with.
type Office struct {
	T         testing.TB
	Ctx       context.Context
	DB        *db.DB
	Clock     clock.Clock
	Bus       *bus.Memory
	Access    *access.Access
	Ledger    *ledger.Ledger
	LedgerKey ledger.Keys
	Accounts  *account.Store
	Keys      *key.Store
	Tasks     *task.Queue
	Rooms     *room.Store
	Messages  *message.Store
	Notify    *notify.Store
	Approvals *approval.Store
	Nodes     *node.Store
	Jobs      *job.Store
	Runs      *run.Store
	Blobs     *blob.Disk
	Fake      *Fake
	Room      room.Room
	Deps      run.Deps

	// Admin manages; Op and Op2 are operators; App and App2 approve; Obs looks on.
	Admin, Op, Op2, App, App2, Obs actor.Actor
}

// Options change the office.
type Options struct {
	Clock     clock.Clock
	Executors map[string]run.Executor // beside the fake one
	LogLimit  int64
	NoStart   bool
	Log       *slog.Logger
}

// New opens an office with the project "demo" and its Nodes.
func New(t testing.TB, o Options) *Office {
	t.Helper()
	if o.Clock == nil {
		o.Clock = clock.Real{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	}
	keys, _, err := ledger.NewKeys()
	must(t, err)
	f := &Office{T: t, Ctx: context.Background(), DB: dbtest.Open(t), Clock: o.Clock, Bus: bus.NewMemory(), LedgerKey: keys}
	f.Ledger = ledger.New(o.Clock, f.Bus, keys)
	f.Access = access.New(f.DB, f.Ledger, o.Clock, o.Log)
	f.Accounts = account.New(f.DB, f.Access, f.Ledger, f.Bus, o.Clock)
	master, err := key.LoadMaster(filepath.Join(t.TempDir(), "master.key"))
	must(t, err)
	f.Keys = key.New(f.Access, f.Ledger, o.Clock, master)
	f.Tasks = task.New(f.DB, o.Clock, o.Log, 8)
	f.Rooms = room.NewStore(f.Access, f.Ledger, f.Bus, o.Clock)
	f.Messages = message.NewStore(f.Rooms, f.Accounts, f.Ledger, f.Bus, o.Clock, nil)
	f.Notify = notify.NewStore(f.DB, f.Tasks, o.Clock, f.Bus, f.Accounts, notify.Settings{}, o.Log)
	f.Approvals = approval.New(f.Access, f.Ledger, o.Clock, f.Accounts)
	f.Nodes = node.New(f.Access, f.Ledger, f.Bus, o.Clock)
	f.Jobs = job.New(f.Access, f.Ledger, o.Clock, f.Nodes)
	f.Blobs, err = blob.OpenDisk(t.TempDir())
	must(t, err)
	f.Fake = NewFake()
	f.Deps = run.Deps{DB: f.DB, Access: f.Access, Ledger: f.Ledger, Bus: f.Bus, Clock: o.Clock, Blobs: f.Blobs, Tasks: f.Tasks, Approvals: f.Approvals, Jobs: f.Jobs, Nodes: f.Nodes,
		Keys: f.Keys, Accounts: f.Accounts, Rooms: f.Rooms, Messages: f.Messages, Notify: f.Notify, Log: o.Log, LogLimit: o.LogLimit, Executors: map[string]run.Executor{"ssh": f.Fake, "local": f.Fake}}
	for name, e := range o.Executors {
		f.Deps.Executors[name] = e
	}
	f.Runs = run.New(f.Deps)
	sys := actor.System("test")
	f.Do(sys, func(tx *db.Tx) error {
		for _, p := range []struct {
			into *actor.Actor
			name string
			role string
		}{{&f.Admin, "ada", "administrator"}, {&f.Op, "otto", "operator"}, {&f.Op2, "olga", "operator"}, {&f.App, "anna", "approver"}, {&f.App2, "anton", "approver"}, {&f.Obs, "oscar", "observer"}} {
			u, err := f.Accounts.Create(f.Ctx, tx, sys, account.NewUser{Name: p.name, Display: strings.ToUpper(p.name[:1]) + p.name[1:], Roles: []string{p.role}})
			if err != nil {
				return err
			}
			*p.into = u.Actor()
			p.into.Door = "web"
		}
		if _, err := f.Nodes.CreateProject(f.Ctx, tx, f.Admin, node.NewProject{Name: "demo", Title: "Demo"}); err != nil {
			return err
		}
		if _, err := f.Nodes.Import(f.Ctx, tx, f.Admin, "demo", "", []byte(Nodes), false); err != nil {
			return err
		}
		f.Room, err = f.Rooms.Create(f.Ctx, tx, f.Admin, room.New{Name: "Operations"})
		return err
	})
	if !o.NoStart {
		f.Runs.Start()
		f.Tasks.Start()
		t.Cleanup(func() { f.Runs.Close(); f.Tasks.Stop() })
	}
	return f
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Do is access.Do that must succeed.
func (f *Office) Do(who actor.Actor, fn func(tx *db.Tx) error) {
	f.T.Helper()
	must(f.T, f.Access.Do(f.Ctx, who, fn))
}

// Import takes jobs in and gives the first one's id.
func (f *Office) Import(yaml string) string {
	f.T.Helper()
	var id string
	f.Do(f.Admin, func(tx *db.Tx) error {
		items, err := f.Jobs.Import(f.Ctx, tx, f.Admin, "demo", []byte(yaml), false)
		if err != nil {
			return err
		}
		for _, it := range items {
			if it.Result == node.Dropped {
				f.T.Fatalf("job dropped: %+v", it)
			}
		}
		j, err := f.Jobs.Find(f.Ctx, tx, f.Admin, "demo", items[0].Name)
		id = j.ID
		return err
	})
	return id
}

// Request asks for a run; the error is the test's to look at.
func (f *Office) Request(who actor.Actor, in run.Request) (r run.Run, err error) {
	err = f.Access.Do(f.Ctx, who, func(tx *db.Tx) (err error) {
		r, err = f.Runs.Request(f.Ctx, tx, who, in)
		return err
	})
	return r, err
}

// Run asks for a run that must be accepted.
func (f *Office) Run(who actor.Actor, in run.Request) run.Run {
	f.T.Helper()
	r, err := f.Request(who, in)
	must(f.T, err)
	return r
}

// Approve says yes to what the run shows.
func (f *Office) Approve(who actor.Actor, r run.Run) (out run.Run, err error) {
	err = f.Access.Do(f.Ctx, who, func(tx *db.Tx) (err error) {
		out, err = f.Runs.Approve(f.Ctx, tx, who, r.ID, r.Digest, "")
		return err
	})
	return out, err
}

// See reads a run as the administrator.
func (f *Office) See(id string) run.Run {
	f.T.Helper()
	r, err := f.Runs.See(f.Ctx, f.DB.Read(), f.Admin, id)
	must(f.T, err)
	return r
}

// Until waits, on the screens' messages, until the run is in one of the states.
func (f *Office) Until(id string, states ...string) run.Run {
	f.T.Helper()
	news := make(chan struct{}, 1)
	cancel := f.Bus.Subscribe(func(topic string, _ any) {
		if topic == "run:"+id {
			select {
			case news <- struct{}{}:
			default:
			}
		}
	})
	defer cancel()
	late := time.After(await.Limit)
	for {
		r := f.See(id)
		for _, s := range states {
			if r.State == s {
				return r
			}
		}
		select {
		case <-news:
		case <-late:
			f.T.Fatalf("run #%d is %s (%s), not %v", r.Number, r.State, r.Reason, states)
		}
	}
}

// Log is the whole log as text lines "node|stream|text".
func (f *Office) Log(r run.Run) []string {
	f.T.Helper()
	out := []string{}
	after := int64(0)
	for {
		p, err := f.Runs.ReadLog(f.Ctx, f.DB.Read(), r, run.LogQuery{After: after})
		must(f.T, err)
		for _, l := range p.Items {
			out = append(out, l.Node+"|"+l.Stream+"|"+l.Text)
		}
		if len(p.Items) == 0 {
			return out
		}
		after = p.Next
	}
}

// Fake is an executor that carries out words: "echo TEXT", "err TEXT",
// "exit N", "wait NAME" (until Release), "block" (until stopped), "refuse KIND".
// Words are separated by ";". Anything else is echoed.
type Fake struct {
	mu      sync.Mutex
	Calls   []run.Invocation
	gates   map[string]chan struct{}
	reached map[string]chan struct{}
	Now     int // steps at work
	Peak    int
	Stops   int
	// Hook, when set, answers in place of the words if it says so.
	Hook func(ctx context.Context, in run.Invocation, out run.Output) (res run.Result, err error, done bool)
}

// NewFake makes one.
func NewFake() *Fake {
	return &Fake{gates: map[string]chan struct{}{}, reached: map[string]chan struct{}{}}
}

func (f *Fake) gate(m map[string]chan struct{}, name string) chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := m[name]
	if c == nil {
		c = make(chan struct{})
		m[name] = c
	}
	return c
}

// Release lets everything that waits for name go on.
func (f *Fake) Release(name string) { close(f.gate(f.gates, name)) }

// Reached waits until something waits for name.
func (f *Fake) Reached(name string) { <-f.gate(f.reached, name) }

func (f *Fake) arrive(name string) {
	c := f.gate(f.reached, name)
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-c:
	default:
		close(c)
	}
}

// Commands lists "node: command" in the order they began.
func (f *Fake) Commands() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := []string{}
	for _, c := range f.Calls {
		text := c.Command
		if c.Script != nil {
			text = "script " + strings.Join(c.Script.Args, "|")
		}
		out = append(out, c.Node.Name+": "+text)
	}
	return out
}

// Close implements run.Executor.
func (f *Fake) Close() error { return nil }

// Run implements run.Executor.
func (f *Fake) Run(ctx context.Context, in run.Invocation, out run.Output) (run.Result, error) {
	f.mu.Lock()
	f.Calls = append(f.Calls, in)
	f.Now++
	f.Peak = max(f.Peak, f.Now)
	hook := f.Hook
	f.mu.Unlock()
	defer func() { f.mu.Lock(); f.Now--; f.mu.Unlock() }()
	stop := func() (run.Result, error) {
		f.mu.Lock()
		f.Stops++
		f.mu.Unlock()
		f.arrive("stopped")
		return run.Result{}, run.NewExecError(run.Stopped, ctx.Err(), "It was stopped.")
	}
	if hook != nil {
		if res, err, done := hook(ctx, in, out); done {
			return res, err
		}
	}
	text := in.Command
	if in.Script != nil {
		text = string(in.Script.Content)
	}
	// "NODE? words" is for one node only.
	for _, w := range strings.Split(text, ";") {
		w = strings.TrimSpace(w)
		if name, rest, ok := strings.Cut(w, "? "); ok {
			if name != in.Node.Name {
				continue
			}
			w = rest
		}
		verb, arg, _ := strings.Cut(w, " ")
		switch verb {
		case "exit":
			n, _ := strconv.Atoi(arg)
			return run.Result{ExitCode: n}, nil
		case "err":
			out.Write(run.Stderr, []byte(arg+"\n"))
		case "wait", "block":
			f.arrive(arg)
			var c chan struct{}
			if verb == "wait" {
				c = f.gate(f.gates, arg)
			}
			select {
			case <-ctx.Done():
				return stop()
			case <-c:
			}
		case "refuse":
			for k := run.Setup; k <= run.Lost; k++ {
				if k.String() == arg {
					return run.Result{}, run.NewExecError(k, nil, "The node %s: %s.", in.Node.Name, arg)
				}
			}
		case "echo":
			out.Write(run.Stdout, []byte(arg+"\n"))
		default:
			out.Write(run.Stdout, []byte(w+"\n"))
		}
		if ctx.Err() != nil {
			return stop()
		}
	}
	return run.Result{}, nil
}

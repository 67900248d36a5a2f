package run_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
	"muster/internal/room"
	"muster/internal/run"
	"muster/internal/run/runtest"
)

func one(cmd string) string {
	return "- name: j\n  nodefilters: {filter: 'tags: web', dispatch: {threadcount: 3, keepgoing: true}}\n  multipleExecutions: true\n  sequence:\n    commands:\n      - exec: '" + cmd + "'\n"
}

func TestRunFromRequestToFinish(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	id := o.Import(one("echo hello"))
	r := o.Run(o.Op, run.Request{JobID: id, Room: o.Room.ID})
	if r.State != run.Queued || r.Number != 1 || r.Environment != "qa" || len(r.Nodes) != 3 || r.MessageID == "" {
		t.Errorf("%+v", r)
	}
	r = o.Until(r.ID, run.Succeeded)
	if r.Progress != (run.RunProgress{Done: 3, Total: 3}) || r.Steps[0].State != run.StepOK || r.StartedAt == nil || r.FinishedAt == nil || r.Reason != "" {
		t.Errorf("%+v", r)
	}
	log := o.Log(r)
	for _, n := range []string{"web1", "web2", "web3"} {
		if !slices.Contains(log, n+"|out|hello") {
			t.Errorf("log: %q", log)
		}
	}
	lines, sha, err := o.Runs.VerifyLog(o.Ctx, o.DB.Read(), r.ID)
	if err != nil || sha != r.LogSHA256 || lines != r.LogLines || lines != int64(len(log)) {
		t.Errorf("%v %s %s %d %d %d", err, sha, r.LogSHA256, lines, r.LogLines, len(log))
	}
	evs, err := o.Ledger.Events(o.Ctx, o.DB.Read(), ledger.Filter{Resource: "run:" + r.ID, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, e := range evs {
		kinds = append(kinds, e.Kind)
	}
	if got := strings.Join(kinds, " "); got != "run.Requested run.Started run.Finished" {
		t.Errorf("events: %s", got)
	}
	if got := evs[2].Fields["log_sha256"]; got != r.LogSHA256 {
		t.Errorf("log digest on record: %v", got)
	}
	m, err := o.Messages.Get(o.Ctx, o.DB.Read(), o.Op, r.MessageID)
	if err != nil || m.Card == nil || !strings.Contains(string(m.Card.Data), `"state":"succeeded"`) {
		t.Errorf("card: %v %s", err, m.Card.Data)
	}
	if rep, err := ledger.Verify(o.Ctx, o.DB.Read(), o.LedgerKey.Verifier, ""); err != nil || !rep.OK() {
		t.Errorf("ledger: %v %v", err, rep)
	}
}

func TestFailuresInWords(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	id := o.Import(one("echo a; web2? exit 3; web3? refuse unreachable"))
	r := o.Until(o.Run(o.Op, run.Request{JobID: id}).ID, run.Failed)
	if r.Reason != "2 of 3 nodes failed, web2 at step 1: It ended with exit code 3; also web3" {
		t.Errorf("reason: %s", r.Reason)
	}
	if r.Nodes[1].State != run.StepFail || *r.Nodes[1].Exit != 3 || r.Nodes[2].Error != "The node web3: unreachable." || r.Progress.Failed != 2 {
		t.Errorf("%+v", r.Nodes)
	}
}

// What each strategy runs, in which order, with errors and handlers.
func TestWorkflow(t *testing.T) {
	type step struct{ exec, handler, keep string }
	for _, c := range []struct {
		name      string
		strategy  string
		keepgoing bool // sequence
		nodesGo   bool // dispatch
		steps     []step
		calls     string // node:step letter in order
		state     string
		nodes     string
	}{
		{"node first", "node-first", false, false, []step{{exec: "a"}, {exec: "b"}}, "1a 1b 2a 2b 3a 3b", "succeeded", "succeeded succeeded succeeded"},
		{"sequential", "sequential", false, false, []step{{exec: "a"}, {exec: "b"}}, "1a 2a 3a 1b 2b 3b", "succeeded", "succeeded succeeded succeeded"},
		{"a failure ends node and nodes", "node-first", false, false, []step{{exec: "a; web1? exit 1"}, {exec: "b"}}, "1a", "failed", "failed skipped skipped"},
		{"other nodes go on", "node-first", false, true, []step{{exec: "a; web1? exit 1"}, {exec: "b"}}, "1a 2a 2b 3a 3b", "failed", "failed succeeded succeeded"},
		{"other steps go on", "node-first", true, true, []step{{exec: "a; web1? exit 1"}, {exec: "b"}}, "1a 1b 2a 2b 3a 3b", "failed", "failed succeeded succeeded"},
		{"sequential stops after the step", "sequential", false, true, []step{{exec: "a; web1? exit 1"}, {exec: "b"}}, "1a 2a 3a", "failed", "failed succeeded succeeded"},
		{"sequential stops within the step", "sequential", false, false, []step{{exec: "a; web1? exit 1"}, {exec: "b"}}, "1a", "failed", "failed skipped skipped"},
		{"sequential goes on", "sequential", true, true, []step{{exec: "a; web1? exit 1"}, {exec: "b"}}, "1a 2a 3a 1b 2b 3b", "failed", "failed succeeded succeeded"},
		{"handler, the workflow stops", "node-first", false, true, []step{{exec: "a; web1? exit 1", handler: "h"}, {exec: "b"}}, "1a 1h 2a 2b 3a 3b", "failed", "failed succeeded succeeded"},
		{"handler with keepgoingOnSuccess", "node-first", false, true, []step{{exec: "a; web1? exit 1", handler: "h", keep: "true"}, {exec: "b"}}, "1a 1h 1b 2a 2b 3a 3b", "succeeded", "handled succeeded succeeded"},
		{"handler and sequence keepgoing", "node-first", true, true, []step{{exec: "a; web1? exit 1", handler: "h"}, {exec: "b"}}, "1a 1h 1b 2a 2b 3a 3b", "succeeded", "handled succeeded succeeded"},
		{"handler fails", "node-first", false, true, []step{{exec: "a; web1? exit 1", handler: "h; exit 2", keep: "true"}, {exec: "b"}}, "1a 1h 2a 2b 3a 3b", "failed", "failed succeeded succeeded"},
		{"handler fails, keepgoing", "node-first", true, true, []step{{exec: "a; web1? exit 1", handler: "h; exit 2"}, {exec: "b"}}, "1a 1h 1b 2a 2b 3a 3b", "failed", "failed succeeded succeeded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := runtest.New(t, runtest.Options{})
			y := fmt.Sprintf("- name: j\n  nodefilters: {filter: 'tags: web', dispatch: {threadcount: 1, keepgoing: %v}}\n  sequence:\n    keepgoing: %v\n    strategy: %s\n    commands:\n", c.nodesGo, c.keepgoing, c.strategy)
			for _, s := range c.steps {
				y += "      - exec: '" + s.exec + "'\n"
				if s.handler != "" {
					y += "        errorhandler: {exec: '" + s.handler + "'"
					if s.keep != "" {
						y += ", keepgoingOnSuccess: " + s.keep
					}
					y += "}\n"
				}
			}
			r := o.Until(o.Run(o.Op, run.Request{JobID: o.Import(y)}).ID, run.Succeeded, run.Failed)
			var calls, states []string
			for _, x := range o.Fake.Commands() {
				n, cmd, _ := strings.Cut(x, ": ")
				calls = append(calls, n[3:]+cmd[:1])
			}
			for _, n := range r.Nodes {
				states = append(states, n.State)
			}
			if got := strings.Join(calls, " "); got != c.calls {
				t.Errorf("calls %s, want %s", got, c.calls)
			}
			if got := strings.Join(states, " "); got != c.nodes || r.State != c.state {
				t.Errorf("%s: %s (%s), want %s: %s", r.State, got, r.Reason, c.state, c.nodes)
			}
		})
	}
}

func TestParallelAndThreads(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	id := o.Import("- name: j\n  nodefilters: {filter: 'tags: web', dispatch: {threadcount: 3}}\n  sequence:\n    strategy: parallel\n    commands:\n      - exec: wait a\n      - exec: wait b\n")
	r := o.Run(o.Op, run.Request{JobID: id})
	// Both steps are at work at once, or this would wait for ever.
	o.Fake.Reached("a")
	o.Fake.Reached("b")
	o.Fake.Release("a")
	o.Fake.Release("b")
	o.Until(r.ID, run.Succeeded)

	o.Fake.Peak = 0
	id = o.Import("- name: k\n  nodefilters: {filter: 'tags: web', dispatch: {threadcount: 2}}\n  sequence:\n    commands:\n      - exec: wait c\n")
	r = o.Run(o.Op, run.Request{JobID: id})
	o.Fake.Reached("c")
	o.Fake.Release("c")
	o.Until(r.ID, run.Succeeded)
	if o.Fake.Peak > 2 {
		t.Errorf("%d at once with a thread count of 2", o.Fake.Peak)
	}
}

func TestStop(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	r := o.Run(o.Op, run.Request{JobID: o.Import(one("echo start; block b"))})
	o.Fake.Reached("b")
	stop := func(who string) error {
		w := o.Obs
		if who == "op2" {
			w = o.Op2
		}
		return o.Access.Do(o.Ctx, w, func(tx *db.Tx) error { _, err := o.Runs.Stop(o.Ctx, tx, w, r.ID); return err })
	}
	if err := stop("obs"); !fault.Is(err, fault.Denied) {
		t.Errorf("an observer stops: %v", err)
	}
	if err := stop("op2"); err != nil {
		t.Fatal(err)
	}
	r = o.Until(r.ID, run.StoppedBy)
	if r.Reason != "stopped by Olga" {
		t.Error(r.Reason)
	}
	ended := 0
	for _, n := range r.Nodes { // those that had not begun are not failures
		switch n.State {
		case run.Halted: // interrupted, which is no failure either
			if ended++; n.Error != "It was stopped." {
				t.Errorf("%+v", n)
			}
		case run.Skipped:
			if n.Error != "" {
				t.Errorf("%+v", n)
			}
		default:
			t.Errorf("%+v", n)
		}
	}
	if ended == 0 {
		t.Error("no node was stopped")
	}
	if err := stop("op2"); !fault.Is(err, fault.Conflict) {
		t.Errorf("stopped twice: %v", err)
	}
}

// A stop while others are at work: where nothing began nothing failed.
func TestStopBeforeTheOthersBegin(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	r := o.Run(o.Op, run.Request{JobID: o.Import(strings.Replace(one("block b"), "threadcount: 3", "threadcount: 1", 1))})
	o.Fake.Reached("b")
	o.Do(o.Op, func(tx *db.Tx) error { _, err := o.Runs.Stop(o.Ctx, tx, o.Op, r.ID); return err })
	r = o.Until(r.ID, run.StoppedBy)
	for i, want := range []string{run.Halted, run.Skipped, run.Skipped} {
		if n := r.Nodes[i]; n.State != want || (n.Error != "") != (want == run.Halted) {
			t.Errorf("%+v", n)
		}
	}
	if r.Progress.Failed != 0 || r.Progress.Done != 3 || r.Steps[0].State != run.Halted {
		t.Errorf("%+v %+v", r.Progress, r.Steps)
	}
}

func TestTimeout(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	id := o.Import("- name: j\n  timeout: ${option.limit}\n  options: [{name: limit, value: 1s}]\n  nodefilters: {filter: web1}\n  sequence:\n    commands:\n      - exec: block x\n")
	r := o.Until(o.Run(o.Op, run.Request{JobID: id}).ID, run.TimedOut)
	if r.Reason != "it did not end within 1s" {
		t.Error(r.Reason)
	}
}

func TestSecretsAreMaskedAndForgotten(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	o.Do(o.Admin, func(tx *db.Tx) error {
		_, err := o.Keys.Put(o.Ctx, tx, o.Admin, "project/demo/db", "password", []byte("stored-pass"))
		return err
	})
	id := o.Import(`- name: j
  nodefilters: {filter: web1}
  sequence:
    commands:
      - exec: echo ${option.token}
      - script: |
          show
        args: ${option.token} ${option.plain}
  options:
    - {name: token, secure: true, valueExposed: true, required: true}
    - {name: plain}
    - {name: db, secure: true, valueExposed: true, storagePath: keys/project/demo/db}
    - {name: auth, secure: true, valueExposed: false}
`)
	var env map[string]string
	o.Fake.Hook = func(_ context.Context, in run.Invocation, out run.Output) (run.Result, error, bool) {
		env = in.Env
		out.Write(run.Stdout, []byte("got "+in.Env["RD_OPTION_TOKEN"][:4]))
		out.Write(run.Stdout, []byte(in.Env["RD_OPTION_TOKEN"][4:]+" and "+in.Env["RD_OPTION_DB"]+"\n"))
		return run.Result{}, run.NewExecError(run.Setup, nil, "could not use %s", in.Env["RD_OPTION_TOKEN"]), in.Script != nil
	}
	r := o.Until(o.Run(o.Op, run.Request{JobID: id, Room: o.Room.ID, Options: map[string][]string{"token": {"it's $ecret"}, "plain": {"p"}, "auth": {"hidden-one"}}}).ID, run.Failed)
	if env["RD_OPTION_DB"] != "stored-pass" || env["RD_OPTION_PLAIN"] != "p" || env["RD_JOB_NAME"] != "j" || env["RD_NODE_NAME"] != "web1" {
		t.Errorf("environment: %v", env)
	}
	if _, ok := env["RD_OPTION_AUTH"]; ok {
		t.Error("an option that is not exposed reached a step")
	}
	log := strings.Join(o.Log(r), "\n")
	all := log + r.Reason + fmt.Sprint(r.Nodes, r.Options)
	for _, s := range []string{"ecret", "stored-pass", "hidden-one"} {
		if strings.Contains(all, s) {
			t.Errorf("%q is shown:\n%s", s, all)
		}
	}
	if !strings.Contains(log, "got •••• and ••••") {
		t.Errorf("log:\n%s", log)
	}
	var left int
	if err := o.DB.Read().QueryRow(o.Ctx, `SELECT COUNT(*) FROM run WHERE secrets IS NOT NULL`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d sealed values left, %v", left, err)
	}
	// Nowhere in the database, be it a message, an event or a column.
	for _, table := range []string{"run", "run_node", "message", "ledger_event"} {
		rows, err := o.DB.Read().Query(o.Ctx, "SELECT * FROM "+table)
		if err != nil {
			t.Fatal(err)
		}
		cols, _ := rows.Columns()
		for rows.Next() {
			vals := make([]any, len(cols))
			for i := range vals {
				vals[i] = new(any)
			}
			if err := rows.Scan(vals...); err != nil {
				t.Fatal(err)
			}
			for i := range vals {
				if strings.Contains(fmt.Sprintf("%s", *vals[i].(*any)), "ecret") {
					t.Errorf("a secret is in %s.%s", table, cols[i])
				}
			}
		}
		rows.Close()
	}
}

func TestRefusals(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	id := o.Import("- name: j\n  nodefilters: {filter: 'tags: ${option.t}'}\n  options: [{name: t, required: true}]\n  sequence:\n    commands:\n      - exec: id\n")
	for _, c := range []struct {
		who  string
		in   run.Request
		kind fault.Kind
		want string
	}{
		{"op", run.Request{JobID: id}, fault.Invalid, "required"},
		{"op", run.Request{JobID: id, Options: map[string][]string{"t": {"none"}}}, fault.Invalid, "No node"},
		{"op", run.Request{JobID: id, Options: map[string][]string{"x": {"1"}}}, fault.Invalid, "no option"},
		{"op", run.Request{JobID: "nope"}, fault.NotFound, "no such job"},
		{"obs", run.Request{JobID: id, Options: map[string][]string{"t": {"web"}}}, fault.Denied, ""},
		{"op", run.Request{Project: "demo", Command: "", Filter: "web1"}, fault.Invalid, "command"},
		{"op", run.Request{Project: "demo", Command: "id"}, fault.Invalid, "nodes"},
		{"op", run.Request{Project: "demo", Command: "echo `${node.rack}`", Filter: "web1"}, fault.Invalid, "safe"},
		{"obs", run.Request{Project: "demo", Command: "id", Filter: "web1"}, fault.Denied, ""},
		{"op", run.Request{Project: "other", Command: "id", Filter: "web1"}, fault.NotFound, "no project"},
	} {
		who := o.Op
		if c.who == "obs" {
			who = o.Obs
		}
		_, err := o.Request(who, c.in)
		if !fault.Is(err, c.kind) || !strings.Contains(fault.Message(err), c.want) {
			t.Errorf("%+v: %v", c.in, err)
		}
	}
	var n int
	if err := o.DB.Read().QueryRow(o.Ctx, `SELECT COUNT(*) FROM run`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d runs stored, %v", n, err)
	}
}

func TestAdhoc(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	r := o.Until(o.Run(o.Op, run.Request{Project: "demo", Command: "echo ${node.name}", Filter: "tags: web", Threads: 2, Keepgoing: true, Key: "k1"}).ID, run.Succeeded)
	if got := strings.Join(o.Log(r), "\n"); !strings.Contains(got, "web1|out|'web1'") {
		t.Errorf("%s", got)
	}
	// The same key again is the same run, and for anything else it is taken.
	if again := o.Run(o.Op, run.Request{Project: "demo", Command: "echo ${node.name}", Filter: "tags: web", Threads: 2, Keepgoing: true, Key: "k1"}); again.ID != r.ID {
		t.Error("a repeated request made a second run")
	}
	for _, other := range []run.Request{
		{Project: "demo", Command: "echo ${node.name}", Filter: "tags: web", Threads: 3, Keepgoing: true, Key: "k1"},
		{Project: "demo", Command: "echo ${node.name}", Filter: "tags: web", Threads: 2, Key: "k1"},
		{Project: "demo", Command: "echo ${node.name}", Filter: "tags: web", Threads: 2, Keepgoing: true, Nodes: []string{"web-1"}, Key: "k1"},
		{Project: "demo", Command: "echo ${node.name}", Filter: "tags: web", Threads: 2, Keepgoing: true, Room: o.Room.ID, Key: "k1"},
	} {
		if _, err := o.Request(o.Op, other); !fault.Is(err, fault.Conflict) {
			t.Errorf("%+v was answered with the run of another request: %v", other, err)
		}
	}
	if _, err := o.Request(o.Op, run.Request{Project: "demo", Command: "echo other", Filter: "tags: web", Key: "k1"}); !fault.Is(err, fault.Conflict) {
		t.Error("another command by the same key:", err)
	}
	if _, err := o.Request(o.Op, run.Request{Project: "demo", Command: "echo ${node.name}", Filter: "tags: web", Nodes: []string{"web1"}, Threads: 2, Keepgoing: true, Key: "k1"}); !fault.Is(err, fault.Conflict) {
		t.Error("other nodes by the same key:", err)
	}
}

// A request that is sent again is the run it made, by whichever of its names it
// calls the job.
func TestJobAgainByKey(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	const uuid = "9e8d7c6b-0000-4000-8000-000000000001"
	id := o.Import("- name: j\n  uuid: " + uuid + "\n  nodefilters: {filter: web1}\n  sequence:\n    commands:\n      - exec: uptime\n")
	r := o.Until(o.Run(o.Op, run.Request{JobID: uuid, Key: "k"}).ID, run.Succeeded)
	for _, in := range []run.Request{{JobID: uuid, Key: "k"}, {JobID: id, Key: "k"}, {JobID: uuid, Project: "demo", Key: "k"}} {
		if again, err := o.Request(o.Op, in); err != nil || again.ID != r.ID {
			t.Errorf("%+v: %v %v", in, again.ID, err)
		}
	}
	other := o.Import("- name: other\n  nodefilters: {filter: web1}\n  sequence:\n    commands:\n      - exec: uptime\n")
	for _, in := range []run.Request{{JobID: other, Key: "k"}, {JobID: id, Nodes: []string{"web1"}, Key: "k"}} {
		if _, err := o.Request(o.Op, in); !fault.Is(err, fault.Conflict) {
			t.Errorf("%+v: %v", in, err)
		}
	}
}

func TestOneAtATime(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	id := o.Import("- name: j\n  nodefilters: {filter: web1}\n  sequence:\n    commands:\n      - exec: wait g\n")
	r := o.Run(o.Op, run.Request{JobID: id})
	if _, err := o.Request(o.Op, run.Request{JobID: id}); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "#1") {
		t.Errorf("second run: %v", err)
	}
	o.Fake.Release("g")
	o.Until(r.ID, run.Succeeded)
	o.Until(o.Run(o.Op, run.Request{JobID: id}).ID, run.Succeeded)
}

// A run is its project's, a private room its members': who sees the one does not
// learn of the other.
func TestRunFromAPrivateRoom(t *testing.T) {
	o := runtest.New(t, runtest.Options{NoStart: true})
	var rm room.Room
	o.Do(o.Admin, func(tx *db.Tx) (err error) {
		rm, err = o.Rooms.Create(o.Ctx, tx, o.Admin, room.New{Name: "Quiet", Private: true, Members: []string{o.Op.ID}})
		return err
	})
	r := o.Run(o.Op, run.Request{JobID: o.Import(one("echo x")), Room: rm.ID})
	for _, c := range []struct {
		who  actor.Actor
		room string
	}{{o.Op, rm.ID}, {o.Admin, rm.ID}, {o.Op2, ""}, {o.Obs, ""}} {
		q := o.DB.Read()
		x, err := o.Runs.See(o.Ctx, q, c.who, r.ID)
		if err != nil || x.RoomID != c.room || (x.MessageID != "") != (c.room != "") {
			t.Errorf("%s reads it: %v %q %q", c.who.Name, err, x.RoomID, x.MessageID)
		}
		all, err := o.Runs.List(o.Ctx, q, c.who, run.ListQuery{})
		if err != nil || len(all) != 1 || all[0].RoomID != c.room {
			t.Errorf("%s lists it: %v %+v", c.who.Name, err, all)
		}
		here, err := o.Runs.List(o.Ctx, q, c.who, run.ListQuery{Room: rm.ID})
		if err != nil || (len(here) == 1) != (c.room != "") {
			t.Errorf("%s lists the room's: %v %+v", c.who.Name, err, here)
		}
		if x, ok := o.Runs.Shown(o.Ctx, q, c.who, r.ID, r.RunSummary); !ok || x.RoomID != c.room {
			t.Errorf("%s is shown it: %v %+v", c.who.Name, ok, x)
		}
	}
}

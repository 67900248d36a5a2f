package run_test

import (
	"slices"
	"strings"
	"testing"

	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/key"
	"muster/internal/run"
	"muster/internal/run/runtest"
)

func nodesOf(o *runtest.Office, yaml string) {
	o.Do(o.Admin, func(tx *db.Tx) error {
		_, err := o.Nodes.Import(o.Ctx, tx, o.Admin, "demo", "more", []byte(yaml), false)
		return err
	})
}

func store(o *runtest.Office, path string, b key.Bound) {
	o.Do(o.Admin, func(tx *db.Tx) error {
		if _, err := o.Keys.Put(o.Ctx, tx, o.Admin, path, key.Password, []byte("secret")); err != nil {
			return err
		}
		_, err := o.Keys.Bind(o.Ctx, tx, o.Admin, path, b)
		return err
	})
}

// What is wrong with a key is said before there is a run that fails by it.
func TestKeysAreLookedAtFirst(t *testing.T) {
	o := runtest.New(t, runtest.Options{NoStart: true})
	store(o, "project/demo/good", key.Bound{})
	store(o, "ops/root", key.Bound{})
	store(o, "project/demo/prod", key.Bound{Nodes: []string{"pay-*"}, Environments: []string{"prod"}})
	const list = `
good: {hostname: h, environment: dev, ssh-host-key: k, ssh-key-passphrase-storage-path: keys/project/demo/good}
none: {hostname: h, environment: dev, ssh-host-key: k, ssh-key-storage-path: project/demo/none}
root: {hostname: h, environment: dev, ssh-host-key: k, ssh-key-storage-path: keys/ops/root}
rogue: {hostname: h, environment: dev, ssh-host-key: k, ssh-key-storage-path: project/demo/prod}
pay-9: {hostname: h, environment: live, ssh-host-key: k, ssh-key-storage-path: project/demo/prod}
pay-x: {hostname: h, ssh-host-key: k, ssh-key-storage-path: project/demo/prod}
`
	nodesOf(o, list)
	for name, want := range map[string]string{"good": "", "pay-9": "", "none": "no key at project/demo/none", "root": "only a policy of the office opens it", "rogue": "rogue is not among them", "pay-x": "pay-x is not among them"} {
		in := run.Request{Project: "demo", Command: "uptime", Filter: name}
		p, err := o.Runs.Preview(o.Ctx, o.DB.Read(), o.Op, in)
		if err != nil {
			t.Fatal(err)
		}
		said := p.Denied
		for _, x := range p.Problems {
			said += x.Message
		}
		_, err = o.Request(o.Op, in)
		if want == "" && (said != "" || err != nil) || !strings.Contains(said, want) || want != "" && (err == nil || !strings.Contains(fault.Message(err)+err.Error(), want)) {
			t.Errorf("%s: preview %q, request %v", name, said, err)
		}
	}
	if rs, _ := o.Runs.List(o.Ctx, o.DB.Read(), o.Op, run.ListQuery{}); len(rs) != 2 {
		t.Errorf("%d runs were made", len(rs))
	}
}

// A stored password goes to a machine it has never gone to only after another
// person said yes, whatever the machine is called.
func TestAPasswordMeetsAHost(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	store(o, "project/demo/pw", key.Bound{})
	node := func(hostKey string) {
		nodesOf(o, "dev9: {hostname: h, environment: dev, ssh-host-key: "+hostKey+", ssh-password-storage-path: keys/project/demo/pw}\n")
	}
	ask := run.Request{Project: "demo", Command: "uptime", Filter: "dev9"}
	node("one")
	if p, err := o.Runs.Preview(o.Ctx, o.DB.Read(), o.Op, ask); err != nil || p.Need == nil || !strings.Contains(p.Need.Needs[0].Rule, "dev9") {
		t.Fatalf("%+v %v", p.Need, err)
	}
	r := o.Run(o.Op, ask)
	if r.State != run.Waiting {
		t.Fatal(r.State)
	}
	if _, err := o.Approve(o.App, r); err != nil {
		t.Fatal(err)
	}
	o.Until(r.ID, run.Succeeded)
	if r = o.Run(o.Op, ask); r.State == run.Waiting {
		t.Error("they have met")
	}
	node("another")
	if r = o.Run(o.Op, ask); r.State != run.Waiting {
		t.Errorf("the name stayed, the machine did not: %s", r.State)
	}
}

// Where a firm's own groups approve, they agree to a first meeting too.
func TestAFirmsOwnGroupsAgreeToAMeeting(t *testing.T) {
	o := runtest.New(t, runtest.Options{NoStart: true})
	store(o, "project/demo/pw", key.Bound{})
	o.Do(o.Admin, func(tx *db.Tx) error {
		_, _, err := o.Approvals.Put(o.Ctx, tx, o.Admin, "demo", "", []byte("- description: d\n  when: {environment: [prod]}\n  need: 1\n  groups: ['Change Board']\n"), false)
		return err
	})
	nodesOf(o, "dev9: {hostname: h, environment: dev, ssh-host-key: one, ssh-password-storage-path: keys/project/demo/pw}\n")
	p, err := o.Runs.Preview(o.Ctx, o.DB.Read(), o.Op, run.Request{Project: "demo", Command: "uptime", Filter: "dev9"})
	if err != nil || p.Need == nil || !slices.Contains(p.Need.Needs[0].Groups, "Change Board") {
		t.Fatalf("%+v %v", p.Need, err)
	}
}

// Nothing is told of machines that somebody may not read: no name, no number, no
// environment, and nothing a filter could ask.
func TestOnlyReadableNodesAreResolved(t *testing.T) {
	o := runtest.New(t, runtest.Options{NoStart: true})
	o.Do(o.Admin, func(tx *db.Tx) error {
		_, err := o.Access.Put(o.Ctx, tx, o.Admin, "demo", "default", "description: Observers know the web servers\nfor:\n  node:\n    - match: {nodename: 'web.*'}\n      allow: [read]\n  job:\n    - allow: [read]\nby: {group: observer}\n")
		return err
	})
	id := ""
	o.Do(o.Admin, func(tx *db.Tx) error {
		_, err := o.Access.Put(o.Ctx, tx, o.Admin, "demo", "admin", "description: a\nfor:\n  job:\n    - allow: '*'\n  resource:\n    - allow: '*'\nby: {group: administrator}\n")
		return err
	})
	id = o.Import("- name: j\n  nodefilters: {filter: 'tags: payments-api'}\n  sequence: {commands: [{exec: uptime}]}\n")
	look := func(in run.Request) (run.Preview, error) { return o.Runs.Preview(o.Ctx, o.DB.Read(), o.Obs, in) }
	for filter, hidden := range map[string]string{"hostname: pay1.test": "hostname: nothing", "pay1": "nothing", ".*": "web.*", "pay.*": "nothing.*"} {
		a, errA := look(run.Request{Project: "demo", Command: "x", Filter: filter})
		b, errB := look(run.Request{Project: "demo", Command: "x", Filter: hidden})
		if errA != nil || errB != nil || a.Environment != b.Environment || (a.Need == nil) != (b.Need == nil) || len(a.Nodes) != len(b.Nodes) || a.Denied != b.Denied || len(a.Problems) != len(b.Problems) {
			t.Errorf("%q tells more than %q: %+v %v", filter, hidden, a, errA)
		}
	}
	if p, err := look(run.Request{JobID: id}); err != nil || len(p.Nodes) != 0 || p.Environment != "" || p.Need != nil {
		t.Errorf("a job: %+v %v", p, err)
	}
}

// The same once more: values, filter and nodes as they were, or only where it failed.
func TestAgain(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	id := o.Import(`
- name: j
  multipleExecutions: true
  options: [{name: env, value: dev}, {name: list, multivalued: true, delimiter: ',', values: [a, b, c]}, {name: pw, secure: true, valueExposed: true}]
  nodefilters: {filter: 'tags: payments-api', dispatch: {keepgoing: true, threadcount: 3}}
  sequence: {keepgoing: true, commands: [{exec: 'web2? exit 3'}, {exec: 'true'}]}
`)
	r := o.Run(o.Op, run.Request{JobID: id, Filter: "tags: web", Nodes: []string{"web1", "web2"}, Options: map[string][]string{"env": {"qa"}, "list": {"a", "c"}, "pw": {"x"}}})
	if len(r.Nodes) != 2 {
		t.Fatalf("%d nodes", len(r.Nodes))
	}
	r = o.Until(r.ID, run.Failed)
	// The step that failed is blamed, though the one after it went well.
	if !strings.Contains(r.Reason, "web2 at step 1: It ended with exit code 3") || r.Nodes[1].Step != 1 {
		t.Errorf("%s, step %d", r.Reason, r.Nodes[1].Step)
	}
	a := r.Again
	if a == nil || a.Filter != "tags: web" || !slices.Equal(a.Nodes, []string{"web1", "web2"}) || !slices.Equal(a.Failed, []string{"web2"}) || a.Options["env"] != "qa" || a.Options["list"] != "a,c" || !slices.Equal(a.Secure, []string{"pw"}) {
		t.Fatalf("%+v", a)
	}
	options := map[string][]string{"pw": {"x"}}
	for n, v := range a.Options {
		options[n] = []string{v}
	}
	next := o.Run(o.Op, run.Request{JobID: id, Filter: a.Filter, Nodes: a.Failed, Options: options})
	if len(next.Nodes) != 1 || next.Nodes[0].Name != "web2" {
		t.Errorf("%+v", next.Nodes)
	}
	if _, err := o.Request(o.Op, run.Request{JobID: id, Filter: "web1", Nodes: []string{"pay1"}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a node the filter does not pick: %v", err)
	}
	// Runs are found by a node they had, and the node knows when it was reached.
	if rs, err := o.Runs.List(o.Ctx, o.DB.Read(), o.Op, run.ListQuery{Node: "web1"}); err != nil || len(rs) != 1 || rs[0].ID != r.ID {
		t.Errorf("%v %+v", err, rs)
	}
	ns, _ := o.Nodes.Readable(o.Ctx, o.DB.Read(), o.Op, "demo", "web.*")
	if ns[0].ContactAt.IsZero() || ns[0].ContactError != "" || !ns[2].ContactAt.IsZero() {
		t.Errorf("%+v", ns)
	}
}

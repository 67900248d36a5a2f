package run_test

import (
	"os"
	"strings"
	"testing"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/key"
	"muster/internal/node"
	"muster/internal/run"
	"muster/internal/run/runtest"
)

// A node needs what production needs until its environment says otherwise: in
// the preview, at the request and at the claim.
func TestUnknownMeansProduction(t *testing.T) {
	o := runtest.New(t, runtest.Options{NoStart: true})
	list, err := os.ReadFile("testdata/node-without-environment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	list = []byte(strings.ReplaceAll(string(list), "project/noenv/", "project/demo/"))
	o.Do(o.Admin, func(tx *db.Tx) error {
		_, err := o.Keys.Put(o.Ctx, tx, o.Admin, "project/demo/ssh", key.Password, []byte("x"))
		return err
	})
	var report []node.ImportItem
	o.Do(o.Admin, func(tx *db.Tx) (err error) {
		report, err = o.Nodes.Import(o.Ctx, tx, o.Admin, "demo", "far", append(list, "blue1: {hostname: b, environment: blue, ssh-host-key: k}\nlive1: {hostname: l, environment: live, ssh-host-key: k}\neu1: {hostname: e, environment: PROD-EU, ssh-host-key: k}\nqa9: {hostname: q, environment: QA-2, ssh-host-key: k}\n"...), false)
		return err
	})
	if m := report[0].Message; !strings.Contains(m, "needs what production needs") || !strings.Contains(m, "`environment: prod`") {
		t.Errorf("the import does not say it: %q", m)
	}
	var resp actor.Actor
	o.Do(actor.System("test"), func(tx *db.Tx) error {
		u, err := o.Accounts.Create(o.Ctx, tx, actor.System("test"), account.NewUser{Name: "rita", Display: "Rita", Roles: []string{"responder"}})
		resp = u.Actor()
		return err
	})
	job := o.Import("- name: j\n  multipleExecutions: true\n  nodefilters: {filter: 'name: web1'}\n  sequence: {commands: [{exec: uptime}]}\n")
	ask := func(filter string) run.Request { return run.Request{JobID: job, Filter: filter} }
	for name, production := range map[string]bool{"prod-pay-1": true, "blue1": true, "live1": true, "eu1": true, "qa9": false, "web1": false} {
		p, err := o.Runs.Preview(o.Ctx, o.DB.Read(), o.Op, ask(name))
		if err != nil || (p.Need != nil) != production || p.Production != production {
			t.Errorf("%s: preview asks for approval: %v, is production: %v, %v", name, p.Need, p.Production, err)
		}
		r, err := o.Request(o.Op, ask(name))
		if err != nil || (r.State == run.Waiting) != production || r.Production != production {
			t.Errorf("%s: %s, is production: %v, %v", name, r.State, r.Production, err)
		}
		if kept, err := o.Runs.Glance(o.Ctx, o.DB.Read(), o.Op, r.ID); err != nil || kept.Production != production {
			t.Errorf("%s: kept as production: %v, %v", name, kept.Production, err)
		}
		if r, err := o.Request(o.Op, run.Request{Project: "demo", Command: "uptime", Filter: name}); err != nil || (r.State == run.Waiting) != production {
			t.Errorf("%s, ad hoc: %s, %v", name, r.State, err)
		}
		if _, err := o.Request(resp, ask(name)); fault.Is(err, fault.Denied) != production {
			t.Errorf("%s: a responder: %v", name, err)
		}
	}
	if r := o.Run(o.Op, ask("prod-pay-1")); r.Environment != "unknown" {
		t.Errorf("shown as %q", r.Environment)
	}
	// A firm's own rules, however they call production, hold too.
	o.Do(o.Admin, func(tx *db.Tx) error {
		if _, _, err := o.Approvals.Put(o.Ctx, tx, o.Admin, "demo", "", []byte("- when: {environment: production}\n  groups: [approver]\n- when: {node: {environment: live}}\n  need: 2\n  groups: [approver]\n"), false); err != nil {
			return err
		}
		_, err := o.Access.Put(o.Ctx, tx, o.Admin, "demo", "firm", "description: Otto keeps his hands off\nfor:\n  node:\n    - equals: {environment: Production}\n      deny: run\n    - equals: {environment: production}\n      deny: run\nby: {username: otto}\n")
		return err
	})
	for _, name := range []string{"prod-pay-1", "blue1"} {
		if p, err := o.Runs.Preview(o.Ctx, o.DB.Read(), o.Op2, ask(name)); err != nil || p.Need == nil || len(p.Need.Needs) != 2 {
			t.Errorf("%s: %+v %v", name, p.Need, err)
		}
		if _, err := o.Request(o.Op, ask(name)); !fault.Is(err, fault.Denied) {
			t.Errorf("%s: a deny for production: %v", name, err)
		}
	}
	// The project says what its words mean.
	words := func(v node.Vocabulary) {
		o.Do(o.Admin, func(tx *db.Tx) error { return o.Nodes.SetEnvironments(o.Ctx, tx, o.Admin, "demo", v) })
	}
	words(node.Vocabulary{"Blue": "dev"})
	if r, err := o.Request(resp, ask("blue1")); err != nil || r.State != run.Queued || r.Production {
		t.Errorf("blue means dev: %s %v %v", r.State, r.Production, err)
	}
	words(node.Vocabulary{"blue": "prod", "qa-2": "prod"})
	for _, name := range []string{"blue1", "qa9"} {
		if p, _ := o.Runs.Preview(o.Ctx, o.DB.Read(), o.Op2, ask(name)); p.Need == nil {
			t.Errorf("%s means prod", name)
		}
	}
	err = o.Access.Do(o.Ctx, o.Op, func(tx *db.Tx) error { return o.Nodes.SetEnvironments(o.Ctx, tx, o.Op, "demo", nil) })
	if _, denied := err.(*access.Denial); !denied {
		t.Errorf("an operator says what blue is: %v", err)
	}
}

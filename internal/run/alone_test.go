package run_test

import (
	"strings"
	"testing"
	"time"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/approval"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/run"
	"muster/internal/run/runtest"
)

// office is one whose accounts, rules and nodes are older than the caution.
func office(t *testing.T) (*runtest.Office, *clock.Test) {
	c := clock.NewTest(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	o := runtest.New(t, runtest.Options{Clock: c, NoStart: true})
	o.Approvals.Beware(approval.Caution{CoolDown: 48 * time.Hour, Newcomer: 24 * time.Hour})
	c.Advance(72 * time.Hour)
	return o, c
}

func become(o *runtest.Office, by actor.Actor, of actor.Actor, roles ...string) actor.Actor {
	o.T.Helper()
	var u account.User
	o.Do(by, func(tx *db.Tx) (err error) {
		u, err = o.Accounts.Update(o.Ctx, tx, by, of.ID, account.Change{Roles: &roles})
		return err
	})
	return u.Actor()
}

func made(o *runtest.Office, by actor.Actor, name string, roles ...string) actor.Actor {
	o.T.Helper()
	var u account.User
	o.Do(by, func(tx *db.Tx) (err error) {
		u, err = o.Accounts.Create(o.Ctx, tx, by, account.NewUser{Name: name, Display: name, Roles: roles})
		return err
	})
	return u.Actor()
}

func rules(o *runtest.Office, by actor.Actor, text string) {
	o.T.Helper()
	o.Do(by, func(tx *db.Tx) error {
		_, _, err := o.Approvals.Put(o.Ctx, tx, by, "demo", "", []byte(text), false)
		return err
	})
}

const never = "- when: {environment: no-such-environment}\n  groups: [approver]\n"

func prod() run.Request { return run.Request{Project: "demo", Command: "echo x", Filter: "name: pay1"} }

func waits(t *testing.T, o *runtest.Office, who actor.Actor) run.Run {
	t.Helper()
	r := o.Run(who, prod())
	if r.State != run.Waiting {
		t.Fatalf("what %s asked for is let through: %s", who.Name, r.State)
	}
	return r
}

func refused(t *testing.T, o *runtest.Office, who actor.Actor, r run.Run, why string) {
	t.Helper()
	if _, err := o.Approve(who, r); !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), why) {
		t.Errorf("%s: %v, want a refusal with %q", who.Name, err, why)
	}
}

// Who gives themselves a role and takes the rules away still needs somebody.
func TestRulesAwayIsNotAlone(t *testing.T) {
	o, c := office(t)
	adam := become(o, o.Admin, o.Admin, account.Administrator, account.Operator)
	rules(o, adam, never)
	r := waits(t, o, adam)
	// Nor by an account of their making, of any generation.
	sock := made(o, adam, "sock1", account.Administrator)
	sock = made(o, sock, "sock2", account.Operator)
	waits(t, o, sock)
	// For everybody else the new rules hold.
	if r := o.Run(o.Op, prod()); r.State != run.Queued {
		t.Errorf("somebody else's: %s", r.State)
	}
	if _, err := o.Approve(o.App, r); err != nil {
		t.Errorf("a second person: %v", err)
	}
	// What needs nobody as shipped needs nobody.
	if r := o.Run(adam, run.Request{Project: "demo", Command: "echo x", Filter: "name: web1"}); r.State != run.Queued {
		t.Errorf("outside of production: %s", r.State)
	}
	c.Advance(24 * time.Hour)
	if r := o.Run(adam, prod()); r.State != run.Queued {
		t.Errorf("a day later: %s", r.State)
	}
}

// A rule that asks oneself, or an account of one's own making, is no second person.
func TestRulesForOneselfAreNotASecondPerson(t *testing.T) {
	o, _ := office(t)
	adam := become(o, o.Admin, o.Admin, account.Administrator, account.Operator, "mine")
	rules(o, adam, "- when: {environment: prod}\n  groups: [mine]\n")
	r := waits(t, o, adam)
	if _, err := o.Approve(o.App, r); err != nil { // is asked, too
		t.Error(err)
	}
	if x := o.See(r.ID); x.State != run.Waiting {
		t.Errorf("the rule itself asks for its own group as well: %s", x.State)
	}
}

// A policy of one's own making opens nothing alone.
func TestPolicyIsNotAlone(t *testing.T) {
	o, c := office(t)
	rules(o, o.Admin, never)
	c.Advance(25 * time.Hour)
	if r := o.Run(o.Op, prod()); r.State != run.Queued {
		t.Fatal(r.State)
	}
	o.Do(o.Admin, func(tx *db.Tx) error {
		_, err := o.Access.Put(o.Ctx, tx, o.Admin, "demo", "mine", "description: I run\ncontext: {project: demo}\nfor:\n  adhoc:\n    - allow: [run]\n  node:\n    - allow: [run]\nby: {username: ada}\n")
		return err
	})
	r := waits(t, o, o.Admin)
	refused(t, o, o.Admin, r, "")
}

// An account of an account of one's own making is no second person.
func TestChainOfThree(t *testing.T) {
	for n := 1; n <= 4; n++ {
		o, c := office(t)
		adam := become(o, o.Admin, o.Admin, account.Administrator, account.Operator)
		last := adam
		for i := range n {
			last = made(o, last, "sock"+string(rune('a'+i)), account.Administrator, account.Approver)
		}
		r := waits(t, o, adam)
		refused(t, o, last, r, "new and decides on nothing")
		c.Advance(24 * time.Hour) // no newcomer any more
		r = waits(t, o, adam)
		refused(t, o, last, r, "so you cannot decide")
		r = waits(t, o, become(o, last, last, account.Operator, account.Approver, account.Administrator))
		refused(t, o, become(o, adam, adam, account.Administrator, account.Operator, account.Approver), r, "so you cannot decide")
		c.Advance(48 * time.Hour)
		r = waits(t, o, o.Op)
		if _, err := o.Approve(last, r); err != nil {
			t.Errorf("%d: for others, in time: %v", n, err)
		}
	}
}

// Roles given along a chain bind as accounts made do.
func TestChainOfRoles(t *testing.T) {
	o, _ := office(t)
	one := become(o, o.Admin, o.Obs, account.Administrator)
	last := become(o, one, o.App2, account.Approver, account.Responder)
	adam := become(o, o.Admin, o.Admin, account.Administrator, account.Operator)
	refused(t, o, last, waits(t, o, adam), "so you cannot decide")
}

// A node counts for a day as what it was, whoever asks and however it was changed.
func TestNodeIsStillWhatItWas(t *testing.T) {
	dev := strings.Replace(runtest.Nodes, "environment: prod", "environment: dev", 1)
	if dev == runtest.Nodes {
		t.Fatal("the fixture has no node of production")
	}
	for name, change := range map[string]func(o *runtest.Office){
		"environment": func(o *runtest.Office) { nodes(o, dev) },
		"removed and added": func(o *runtest.Office) {
			nodes(o, "web9: {hostname: web9, environment: dev}\n")
			nodes(o, dev)
		},
	} {
		o, c := office(t)
		change(o)
		r := waits(t, o, o.Op)
		ada := become(o, o.Admin, o.Admin, account.Administrator, account.Approver)
		if x, err := o.Approve(ada, r); err != nil || x.State != run.Waiting {
			t.Errorf("%s: let through by who changed it: %v %s", name, err, x.State)
		}
		if _, err := o.Approve(o.App, r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		c.Advance(24 * time.Hour)
		if r := o.Run(o.Op, prod()); r.State != run.Queued {
			t.Errorf("%s, a day later: %s", name, r.State)
		}
	}
	// What somebody adds themselves is production to them.
	o, _ := office(t)
	adam := become(o, o.Admin, o.Admin, account.Administrator, account.Operator)
	o.Do(adam, func(tx *db.Tx) error {
		_, err := o.Nodes.Import(o.Ctx, tx, adam, "demo", "more", []byte("rogue: {hostname: pay1, environment: dev}\n"), false)
		return err
	})
	if r := o.Run(adam, run.Request{Project: "demo", Command: "echo x", Filter: "name: rogue"}); r.State != run.Waiting {
		t.Errorf("a node of one's own: %s", r.State)
	}
}

func nodes(o *runtest.Office, text string) {
	o.T.Helper()
	o.Do(o.Admin, func(tx *db.Tx) error {
		_, err := o.Nodes.Import(o.Ctx, tx, o.Admin, "demo", "", []byte(text), false)
		return err
	})
}

// A vote counts for as long as its voter has an account and is in the group.
func TestVoteOfSomebodyGone(t *testing.T) {
	yes := true
	for name, gone := range map[string]account.Change{"disabled": {Disabled: &yes}, "another role": {Roles: &[]string{account.Responder}}} {
		o := runtest.New(t, runtest.Options{NoStart: true})
		rules(o, o.Admin, "- when: {environment: prod}\n  need: 2\n  groups: [approver]\n")
		leave := func(who actor.Actor) {
			o.Do(o.Admin, func(tx *db.Tx) error {
				_, err := o.Accounts.Update(o.Ctx, tx, o.Admin, who.ID, gone)
				return err
			})
		}
		r := waits(t, o, o.Op)
		if _, err := o.Approve(o.App, r); err != nil {
			t.Fatal(err)
		}
		leave(o.App)
		if x, err := o.Approve(o.App2, r); err != nil || x.State != run.Waiting {
			t.Errorf("%s: one of two: %v %s", name, err, x.State)
		}
		third := made(o, o.Admin, "anke", account.Approver)
		if x, err := o.Approve(third, r); err != nil || x.State != run.Queued {
			t.Fatalf("%s: %v %s", name, err, x.State)
		}
		leave(third)
		o.Runs.Start()
		o.Tasks.Start()
		if x := o.Until(r.ID, run.StoppedBy, run.Succeeded); x.State != run.StoppedBy || !strings.Contains(x.Reason, "may no longer do so") {
			t.Errorf("%s: it ran on the word of somebody gone: %s %s", name, x.State, x.Reason)
		}
		o.Runs.Close()
		o.Tasks.Stop()
	}
}

package run_test

import (
	"context"
	"muster/internal/notify"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/approval"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
	"muster/internal/run"
	"muster/internal/run/runtest"
)

const pay = "- name: restart\n  group: payments\n  multipleExecutions: true\n  nodefilters: {filter: 'tags: ${option.service}', dispatch: {threadcount: 2}}\n  options:\n    - {name: service, required: true}\n    - {name: token, secure: true, valueExposed: true}\n  sequence:\n    commands:\n      - exec: restart ${option.service}\n"

func ask(o *runtest.Office, id string) run.Run {
	o.T.Helper()
	r := o.Run(o.Op, run.Request{JobID: id, Room: o.Room.ID, Options: map[string][]string{"service": {"payments-api"}, "token": {"s3cret-token"}}})
	if r.State != run.Waiting || r.Approval == nil || r.Approval.Need != 1 || !slices.Contains(r.Approval.Groups, "approver") {
		o.T.Fatalf("%+v", r)
	}
	return r
}

func kinds(o *runtest.Office, r run.Run) string {
	o.T.Helper()
	evs, err := o.Ledger.Events(o.Ctx, o.DB.Read(), ledger.Filter{Resource: "run:" + r.ID, Limit: 100})
	if err != nil {
		o.T.Fatal(err)
	}
	var out []string
	for _, e := range evs {
		out = append(out, e.Kind)
	}
	return strings.Join(out, " ")
}

func TestProductionWaitsForAnother(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	id := o.Import(pay)
	r := ask(o, id)
	seen := func(who string) run.Run {
		w := o.Op
		switch who {
		case "anna":
			w = o.App
		case "oscar":
			w = o.Obs
		}
		x, err := o.Runs.See(o.Ctx, o.DB.Read(), w, r.ID)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	if x := seen("otto"); x.Abilities["approve"] || !x.Abilities["stop"] || x.DeniedWhy == "" {
		t.Errorf("%+v %q", x.Abilities, x.DeniedWhy)
	}
	if x := seen("anna"); !x.Abilities["approve"] || x.DeniedWhy != "" || x.Abilities["stop"] {
		t.Errorf("%+v %q", x.Abilities, x.DeniedWhy)
	}
	if x := seen("oscar"); x.Abilities["approve"] {
		t.Error("an observer may approve")
	}
	if ws, err := o.Runs.ForMe(o.Ctx, o.DB.Read(), o.App); err != nil || len(ws) != 1 || ws[0].Run.ID != r.ID {
		t.Errorf("%v %v", ws, err)
	}
	if ns, err := o.Notify.List(o.Ctx, o.DB.Read(), o.App, true, 10); err != nil || len(ns) != 1 || ns[0].Kind != "approval" || ns[0].Link != "/runs/"+r.ID {
		t.Errorf("the approver was told: %v %+v", err, ns)
	}
	if ns, err := o.Notify.List(o.Ctx, o.DB.Read(), o.Op2, true, 10); err != nil || len(ns) != 0 {
		t.Errorf("somebody else was told: %v %+v", err, ns)
	}
	if _, err := o.Approve(o.Op, r); !fault.Is(err, fault.Denied) {
		t.Errorf("who asked approves: %v", err)
	}
	wrong := r
	wrong.Digest = strings.Repeat("0", 64)
	if _, err := o.Approve(o.App, wrong); !fault.Is(err, fault.Conflict) {
		t.Errorf("another digest: %v", err)
	}
	if x, err := o.Approve(o.App, r); err != nil || x.State != run.Queued {
		t.Fatalf("%v %s", err, x.State)
	}
	if ns, err := o.Notify.List(o.Ctx, o.DB.Read(), o.App2, true, 10); err != nil || len(ns) != 0 {
		t.Errorf("it still waits in the other approver's inbox: %v %+v", err, ns)
	}
	if _, err := o.Approve(o.App2, r); !fault.Is(err, fault.Conflict) {
		t.Errorf("approved twice: %v", err)
	}
	r = o.Until(r.ID, run.Succeeded)
	if got := o.Fake.Commands(); !slices.Contains(got, "pay1: restart 'payments-api'") {
		t.Errorf("%q", got)
	}
	if got, want := kinds(o, r), "run.Requested approval.Asked approval.Voted run.Approved run.Started run.Finished"; got != want {
		t.Errorf("events %s, want %s", got, want)
	}
	var denied int
	if err := o.DB.Read().QueryRow(o.Ctx, `SELECT COUNT(*) FROM ledger_event WHERE kind = 'access.Denied'`).Scan(&denied); err != nil || denied != 1 {
		t.Errorf("%d denials on record, %v", denied, err)
	}
}

// Somebody with both roles still cannot approve what they asked for.
func TestNobodyApprovesTheirOwn(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	o.Op.Groups = append(o.Op.Groups, "approver")
	r := ask(o, o.Import(pay))
	if _, err := o.Approve(o.Op, r); !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), "yourself") {
		t.Errorf("%v", err)
	}
	// Nor with a token that they made for somebody else.
	lent := o.App
	lent.LentBy = o.Op.ID
	if _, err := o.Approve(lent, r); !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), "made by") {
		t.Errorf("%v", err)
	}
	// Nor with one from anybody else: with it, they would decide.
	lent.LentBy = o.Admin.ID
	if _, err := o.Approve(lent, r); !fault.Is(err, fault.Denied) {
		t.Errorf("a token from an administrator: %v", err)
	}
	// Nor do they decide on what a token of theirs asked for.
	mine := o.Op2
	mine.LentBy = o.App.ID
	r2 := o.Run(mine, run.Request{JobID: r.JobID, Options: map[string][]string{"service": {"payments-api"}, "token": {"x"}}})
	if _, err := o.Approve(o.App, r2); !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), "token that you made") {
		t.Errorf("%v", err)
	}
	if _, err := o.Approve(o.App2, r2); err != nil {
		t.Errorf("%v", err)
	}
	// The machine's own administrator stands outside of all this.
	lent.LentBy = "system:console"
	if _, err := o.Approve(lent, r); err != nil {
		t.Errorf("a token from the console: %v", err)
	}
}

func TestDecline(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	r := ask(o, o.Import(pay))
	no := func(note string) error {
		return o.Access.Do(o.Ctx, o.App, func(tx *db.Tx) error { _, err := o.Runs.Decline(o.Ctx, tx, o.App, r.ID, note); return err })
	}
	if err := no(""); !fault.Is(err, fault.Invalid) {
		t.Errorf("declined without a reason: %v", err)
	}
	if err := no("not during the close"); err != nil {
		t.Fatal(err)
	}
	r = o.See(r.ID)
	if r.State != run.StoppedBy || !strings.Contains(r.Reason, "Anna") || r.Approval.State != approval.Declined {
		t.Errorf("%s %s %s", r.State, r.Reason, r.Approval.State)
	}
	if len(o.Fake.Commands()) > 0 {
		t.Error("it ran")
	}
	if ns, err := o.Notify.List(o.Ctx, o.DB.Read(), o.Op, true, 10); err != nil || len(ns) != 1 || !strings.Contains(ns[0].Body, "not during the close") {
		t.Errorf("who asked was told: %v %+v", err, ns)
	}
}

func TestStopWhileWaiting(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	r := ask(o, o.Import(pay))
	o.Do(o.Op, func(tx *db.Tx) error { _, err := o.Runs.Stop(o.Ctx, tx, o.Op, r.ID); return err })
	if x := o.See(r.ID); x.State != run.StoppedBy || x.Approval.State != approval.Voided {
		t.Errorf("%s %s", x.State, x.Approval.State)
	}
	if ns, err := o.Notify.List(o.Ctx, o.DB.Read(), o.App, true, 10); err != nil || len(ns) != 0 {
		t.Errorf("it still waits in an inbox: %v %+v", err, ns)
	}
	if _, err := o.Approve(o.App, r); !fault.Is(err, fault.Conflict) {
		t.Errorf("approved after the stop: %v", err)
	}
}

func TestExpiry(t *testing.T) {
	c := clock.NewTest(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	o := runtest.New(t, runtest.Options{Clock: c, NoStart: true})
	r := ask(o, o.Import(pay))
	c.Advance(4*time.Hour + time.Second)
	if _, err := o.Approve(o.App, r); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "expired") {
		t.Errorf("approved too late: %v", err)
	}
	o.Tasks.Start()
	t.Cleanup(o.Tasks.Stop)
	r = o.Until(r.ID, run.StoppedBy)
	if r.Approval.State != approval.Expired || !strings.Contains(r.Reason, "expired") {
		t.Errorf("%s %s", r.Approval.State, r.Reason)
	}
}

// What was approved is what runs: a change in between voids the approval.
func TestChangeVoidsApproval(t *testing.T) {
	swap := func(from, to string) func(o *runtest.Office) {
		return func(o *runtest.Office) {
			o.Do(o.Admin, func(tx *db.Tx) error {
				_, err := o.Nodes.Import(o.Ctx, tx, o.Admin, "demo", "", []byte(strings.Replace(runtest.Nodes, from, to, 1)), false)
				return err
			})
		}
	}
	for _, c := range []struct {
		name, reason string
		change       func(o *runtest.Office)
	}{
		{"a node more", "pay3 was added", swap("\nhere:", "\npay3: {hostname: x, tags: payments-api, environment: prod, ssh-host-key: k}\nhere:")},
		{"a node less", "pay2 is gone", swap("pay2:", "other:")},
		{"another address", "pay1 (hostname) has changed", swap("pay1.test", "evil.test")},
		{"another key", "pay1 (ssh-host-key) has changed", swap("tags: \"payments-api\", environment: prod, username: app, ssh-host-key: k", "tags: \"payments-api\", environment: prod, username: app, ssh-host-key: other")},
		{"no longer allowed", "may no longer run", func(o *runtest.Office) {
			o.Do(o.Admin, func(tx *db.Tx) error {
				_, err := o.Accounts.Update(o.Ctx, tx, o.Admin, o.Op.ID, account.Change{Roles: &[]string{"observer"}})
				return err
			})
		}},
		{"a gone person", "may no longer act", func(o *runtest.Office) {
			yes := true
			o.Do(o.Admin, func(tx *db.Tx) error {
				_, err := o.Accounts.Update(o.Ctx, tx, o.Admin, o.Op.ID, account.Change{Disabled: &yes})
				return err
			})
		}},
		{"a deleted job", "no such job", func(o *runtest.Office) {
			o.Do(o.Admin, func(tx *db.Tx) error {
				j, err := o.Jobs.Find(o.Ctx, tx, o.Admin, "demo", "payments/restart")
				if err != nil {
					return err
				}
				return o.Jobs.Delete(o.Ctx, tx, o.Admin, "", j.ID)
			})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := runtest.New(t, runtest.Options{})
			r := ask(o, o.Import(pay))
			c.change(o)
			if _, err := o.Approve(o.App, r); err != nil {
				t.Fatal(err)
			}
			r = o.Until(r.ID, run.StoppedBy, run.Succeeded, run.Failed)
			if r.State != run.StoppedBy || !strings.Contains(r.Reason, c.reason) || r.Approval.State != approval.Voided {
				t.Errorf("%s %q %s", r.State, r.Reason, r.Approval.State)
			}
			if len(o.Fake.Commands()) > 0 {
				t.Error("it ran")
			}
		})
	}
}

// A newer version of the job does not change what was approved.
func TestApprovedVersionRuns(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	r := ask(o, o.Import(pay))
	o.Import(strings.Replace(pay, "exec: restart", "exec: destroy", 1))
	if _, err := o.Approve(o.App, r); err != nil {
		t.Fatal(err)
	}
	r = o.Until(r.ID, run.Succeeded)
	if got := o.Fake.Commands(); !slices.Contains(got, "pay1: restart 'payments-api'") || r.Job.Version != 1 {
		t.Errorf("%q", got)
	}
}

func TestQuorum(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	o.Do(o.Admin, func(tx *db.Tx) error {
		_, _, err := o.Approvals.Put(o.Ctx, tx, o.Admin, "demo", "", []byte("- when: {environment: prod}\n  need: 2\n  groups: [approver]\n"), false)
		return err
	})
	id := o.Import(pay)
	r := o.Run(o.Op, run.Request{JobID: id, Options: map[string][]string{"service": {"payments-api"}}})
	x, err := o.Approve(o.App, r)
	if err != nil || x.State != run.Waiting {
		t.Fatalf("%v %s", err, x.State)
	}
	if _, err := o.Approve(o.App, r); !fault.Is(err, fault.Conflict) {
		t.Errorf("the same person twice: %v", err)
	}
	if x, err = o.Approve(o.App2, r); err != nil || x.State != run.Queued {
		t.Fatalf("%v %s", err, x.State)
	}
	o.Until(r.ID, run.Succeeded)
}

// Rules that became stricter while a run waited for a worker count for it too.
func TestStricterRulesBeforeTheStart(t *testing.T) {
	o := runtest.New(t, runtest.Options{NoStart: true})
	rules := func(text string) {
		o.Do(o.Admin, func(tx *db.Tx) error {
			_, _, err := o.Approvals.Put(o.Ctx, tx, o.Admin, "demo", "", []byte(text), false)
			return err
		})
	}
	id := o.Import(pay)
	ask := func() run.Run {
		r := o.Run(o.Op, run.Request{JobID: id, Options: map[string][]string{"service": {"payments-api"}}})
		if x, err := o.Approve(o.App, r); err != nil || x.State != run.Queued {
			t.Fatalf("%v %s", err, x.State)
		}
		return r
	}
	early := ask()
	rules("- when: {environment: prod}\n  need: 2\n  groups: [approver]\n")
	o.Runs.Start()
	o.Tasks.Start()
	t.Cleanup(func() { o.Runs.Close(); o.Tasks.Stop() })
	if r := o.Until(early.ID, run.StoppedBy); !strings.Contains(r.Reason, "another approval") || r.Approval.State != approval.Voided {
		t.Errorf("%s %+v", r.Reason, r.Approval)
	}
	if got := o.Fake.Commands(); len(got) > 0 {
		t.Errorf("it ran: %q", got)
	}
	// What an approval rule says of an option holds for each of several values.
	rules("- when: {options: {env: prod}}\n  groups: [approver]\n")
	many := o.Import("- name: many\n  nodefilters: {filter: 'name: web1'}\n  options:\n    - {name: env, multivalued: true}\n  sequence:\n    commands:\n      - exec: go ${option.env}\n")
	if r := o.Run(o.Op, run.Request{JobID: many, Options: map[string][]string{"env": {"qa", "prod"}}}); r.State != run.Waiting {
		t.Errorf("a list with prod in it is %s", r.State)
	}
}

// An approval is for now: a run that could not begin for hours asks again.
func TestApprovalGoesStale(t *testing.T) {
	c := clock.NewTest(time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC))
	o := runtest.New(t, runtest.Options{Clock: c, NoStart: true})
	r := ask(o, o.Import(pay))
	if _, err := o.Approve(o.App, r); err != nil {
		t.Fatal(err)
	}
	c.Advance(4 * time.Hour) // no server was there
	o.Runs.Start()
	o.Tasks.Start()
	t.Cleanup(func() { o.Runs.Close(); o.Tasks.Stop() })
	if r = o.Until(r.ID, run.StoppedBy, run.Succeeded); !strings.Contains(r.Reason, "did not begin within 4h 0m") || len(o.Fake.Commands()) > 0 {
		t.Errorf("%s: %s %q", r.State, r.Reason, o.Fake.Commands())
	}
}

// Two people at the same moment: each vote counts the other.
func TestVotesAtOnce(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	o.Do(o.Admin, func(tx *db.Tx) error {
		_, _, err := o.Approvals.Put(o.Ctx, tx, o.Admin, "demo", "", []byte("- when: {environment: prod}\n  need: 2\n  groups: [approver]\n"), false)
		return err
	})
	id := o.Import(pay)
	for range 5 {
		r := o.Run(o.Op, run.Request{JobID: id, Options: map[string][]string{"service": {"payments-api"}}})
		var wg sync.WaitGroup
		for _, who := range []actor.Actor{o.App, o.App2} {
			wg.Go(func() {
				if _, err := o.Approve(who, r); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		o.Until(r.ID, run.Succeeded)
	}
}

// A job that allows one run at a time gets one, however many ask at once.
func TestAskedAtOnce(t *testing.T) {
	o := runtest.New(t, runtest.Options{NoStart: true})
	id := o.Import("- name: j\n  nodefilters: {filter: web1}\n  sequence:\n    commands:\n      - exec: id\n")
	var wg sync.WaitGroup
	var got atomic.Int32
	for range 6 {
		wg.Go(func() {
			switch _, err := o.Request(o.Op, run.Request{JobID: id}); {
			case err == nil:
				got.Add(1)
			case !fault.Is(err, fault.Conflict):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got.Load() != 1 {
		t.Errorf("%d runs", got.Load())
	}
}

// What an open SEV-1 or SEV-2 waits for wakes who can say yes, until somebody
// decides; what a lesser one waits for stands in the inbox.
func TestApproversAreWoken(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	severity := 2
	o.Runs.Urgency = func(context.Context, db.Querier, string) (int, bool, error) { return severity, true, nil }
	o.Do(o.Op, func(tx *db.Tx) error {
		_, err := tx.Exec(o.Ctx, `UPDATE room SET subject_kind = 'incident', subject_id = 'i1' WHERE id = $1`, o.Room.ID)
		return err
	})
	job := o.Import(pay)
	open := func() []notify.Notification {
		t.Helper()
		ns, err := o.Notify.Open(o.Ctx, o.DB.Read(), o.App.ID)
		if err != nil {
			t.Fatal(err)
		}
		return ns
	}
	for _, end := range []func(run.Run) error{
		func(r run.Run) error { _, err := o.Approve(o.App2, r); return err },
		func(r run.Run) error {
			return o.DB.Do(o.Ctx, func(tx *db.Tx) error { _, err := o.Runs.Stop(o.Ctx, tx, o.Op, r.ID); return err })
		},
	} {
		r := ask(o, job)
		if ns := open(); len(ns) != 1 || ns[0].Kind != "approval" || ns[0].Severity != 2 || !ns[0].Drill || len(ns[0].Channels) != 2 || ns[0].Channels[1].Channel != "email" {
			t.Fatalf("%+v", ns)
		}
		if err := end(r); err != nil {
			t.Fatal(err)
		}
		if ns := open(); len(ns) != 0 {
			t.Errorf("decided, and still called: %+v", ns)
		}
	}
	severity = 3
	r := ask(o, job)
	if ns := open(); len(ns) != 0 {
		t.Errorf("%+v", ns)
	}
	// It becomes one: they are woken now, once, by what they were told before.
	urgent := func() {
		t.Helper()
		o.Do(o.Op, func(tx *db.Tx) error { return o.Runs.Urgent(o.Ctx, tx, "i1") })
	}
	urgent() // not yet
	if ns := open(); len(ns) != 0 {
		t.Errorf("%+v", ns)
	}
	all := func() (ids []string) {
		t.Helper()
		ns, err := o.Notify.List(o.Ctx, o.DB.Read(), o.App, false, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range ns {
			ids = append(ids, n.ID)
		}
		return ids
	}
	before := all()
	severity = 1
	for range 2 {
		urgent()
		if ns := open(); len(ns) != 1 || ns[0].ID != before[0] || ns[0].Severity != 1 || !ns[0].Drill || len(ns[0].Channels) != 2 || ns[0].Channels[1].Channel != "email" || len(all()) != len(before) {
			t.Fatalf("%+v", ns)
		}
	}
	if _, err := o.Approve(o.App2, r); err != nil {
		t.Fatal(err)
	}
	if ns := open(); len(ns) != 0 {
		t.Errorf("decided, and still called: %+v", ns)
	}
	urgent()
	if ns := open(); len(ns) != 0 {
		t.Errorf("woken for what is decided: %+v", ns)
	}
}

package run_test

import (
	"strings"
	"testing"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/run"
	"muster/internal/run/runtest"
)

// What a restored database believes to be queued or running is not begun again,
// idempotent or not: it may have run long ago.
func TestDoubtAfterARestore(t *testing.T) {
	o := runtest.New(t, runtest.Options{NoStart: true})
	once := o.Import(one("echo once"))
	again := o.Import(strings.Replace(strings.Replace(one("echo again"), "name: j", "name: k", 1), "  sequence", "  idempotent: true\n  sequence", 1))
	queued := o.Run(o.Op, run.Request{JobID: once, Room: o.Room.ID})
	running := o.Run(o.Op, run.Request{JobID: again})
	vanish(o, running.ID)
	n := 0
	o.Do(o.Admin, func(tx *db.Tx) (err error) {
		n, err = o.Runs.Doubt(o.Ctx, tx, actor.System("backup"))
		return err
	})
	o.Runs.Start()
	o.Tasks.Start()
	t.Cleanup(func() { o.Runs.Close(); o.Tasks.Stop() })
	next := o.Run(o.Op, run.Request{JobID: once}) // the workers are at it
	o.Until(next.ID, run.Succeeded)
	for _, id := range []string{queued.ID, running.ID} {
		if r := o.See(id); r.State != run.Unknown || !strings.Contains(r.Reason, "backup") {
			t.Errorf("%s: %s", r.State, r.Reason)
		}
	}
	if n != 2 || len(o.Fake.Commands()) != 3 { // three nodes, once
		t.Errorf("%d doubted; ran: %v", n, o.Fake.Commands())
	}
	err := o.Access.Do(o.Ctx, o.Op, func(tx *db.Tx) error {
		_, err := o.Runs.Settle(o.Ctx, tx, o.Op, queued.ID, "rerun")
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

package run_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"muster/internal/db"
	"muster/internal/run"
	"muster/internal/run/runtest"
)

// Many nodes: asking, running and reading stay quick.
func TestManyNodes(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	var b strings.Builder
	const n = 1000
	for i := range n {
		fmt.Fprintf(&b, "big%04d: {hostname: h%d, tags: big, environment: qa, ssh-host-key: k}\n", i, i)
	}
	o.Do(o.Admin, func(tx *db.Tx) error {
		_, err := o.Nodes.Import(o.Ctx, tx, o.Admin, "demo", "big", []byte(b.String()), false)
		return err
	})
	start := time.Now()
	r := o.Run(o.Op, run.Request{Project: "demo", Command: "echo x", Filter: "tags: big", Threads: 50, Room: o.Room.ID})
	asked := time.Since(start)
	r = o.Until(r.ID, run.Succeeded)
	if r.Progress.Done != n || len(o.Log(r)) < n {
		t.Errorf("%+v", r.Progress)
	}
	t.Logf("asked in %v, done in %v", asked, time.Since(start))
}

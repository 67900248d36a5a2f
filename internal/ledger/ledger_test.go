package ledger_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/internal/actor"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/ledger"
)

type happened struct {
	Job    string `json:"job" class:"public"`
	Count  int    `json:"count" class:"internal"`
	Reason string `json:"reason"` // no class: counts as secret
}

func (happened) EventKind() string { return "test.Happened" }

var ann = actor.Actor{ID: "u1", Name: "ann", Kind: actor.Person, Door: "web"}

func open(t testing.TB) (*db.DB, *ledger.Ledger, ledger.Keys) {
	keys, _, err := ledger.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	return dbtest.Open(t), ledger.New(clock.Real{}, bus.NewMemory(), keys), keys
}

func fill(t testing.TB, d *db.DB, l *ledger.Ledger, n int) {
	t.Helper()
	ctx := context.Background()
	for i := range n {
		if err := d.Do(ctx, func(tx *db.Tx) error {
			return l.Append(ctx, tx, ann, ledger.About{Resource: "run:1", Room: "r1", Incident: "i1"}, happened{"restart", i, "because"})
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func verify(t testing.TB, d *db.DB, keys ledger.Keys, outside string) ledger.Report {
	t.Helper()
	rep, err := ledger.Verify(context.Background(), d.Read(), keys.Verifier, outside)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func TestAppendSealsAndReads(t *testing.T) {
	d, l, keys := open(t)
	ctx := context.Background()
	if !verify(t, d, keys, "").OK() {
		t.Fatal("an empty ledger is sound")
	}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			_ = d.Do(ctx, func(tx *db.Tx) error {
				for range 3 {
					if err := l.Append(ctx, tx, ann, ledger.About{Incident: "i1"}, happened{"restart", i, "because"}); err != nil {
						return err
					}
				}
				if i%4 == 0 {
					return fmt.Errorf("undone")
				}
				return nil
			})
		})
	}
	wg.Wait()
	if rep := verify(t, d, keys, ""); !rep.OK() || rep.Records != 90 {
		t.Fatal(rep)
	}
	rs, err := l.Events(ctx, d.Read(), ledger.Filter{Incident: "i1", Kinds: []string{"test.Happened"}, Limit: 500})
	if err != nil || len(rs) != 90 || rs[89].N != 89 || rs[0].Fields["job"] != "restart" {
		t.Fatal(err, len(rs))
	}
	if _, leaked := rs[0].Fields["reason"]; leaked || len(rs[0].Private["reason"]) != 64 {
		t.Fatal("a field without a class must be stored apart", rs[0])
	}
	if m, err := l.Reveal(ctx, d.Read(), rs[0].ID); err != nil || m["reason"] != "because" {
		t.Fatal(m, err)
	}
	if err := d.Do(ctx, func(tx *db.Tx) error { return l.Erase(ctx, tx, rs[0].ID) }); err != nil {
		t.Fatal(err)
	}
	if m, err := l.Reveal(ctx, d.Read(), rs[0].ID); err != nil || len(m) != 0 {
		t.Fatal(m, err)
	}
	if !verify(t, d, keys, "").OK() {
		t.Fatal("erasure must not break the chain")
	}
	if err := d.Do(ctx, func(tx *db.Tx) error {
		return l.Append(ctx, tx, actor.Actor{}, ledger.About{}, happened{})
	}); err == nil {
		t.Fatal("nobody acted")
	}
}

func TestVerifyNamesEachWound(t *testing.T) {
	for _, c := range []struct{ name, sql, kind, text string }{
		{"flipped body", `UPDATE ledger_event SET body = REPLACE(body, 'restart', 'reboot!') WHERE n = 7`, "changed", "Record 7"},
		{"flipped column", `UPDATE ledger_event SET actor = 'u2' WHERE n = 7`, "changed", "Record 7"},
		{"deleted", `DELETE FROM ledger_event WHERE n = 7`, "deleted", "Record 7"},
		{"deleted last", `DELETE FROM ledger_event WHERE n = 19`, "deleted", "Record 19"},
		{"inserted", `INSERT INTO ledger_event SELECT 20, 'x', at, kind, actor, resource, room, incident, project, outcome, REPLACE(body, '"n":19', '"n":20') FROM ledger_event WHERE n = 19`, "inserted", "Record 20"},
		{"inserted below the first", `INSERT INTO ledger_event SELECT -1, 'x', at, kind, actor, resource, room, incident, project, outcome, body FROM ledger_event WHERE n = 3`, "inserted", "Record -1"},
		{"a hash inserted below the first", `INSERT INTO ledger_hash SELECT -1, h FROM ledger_hash WHERE n = 3`, "inserted", "Stored hash -1"},
		{"reordered", `UPDATE ledger_event SET body = (SELECT e.body FROM ledger_event e WHERE e.n = 8) WHERE n = 7`, "reordered", "Record 7"},
		{"swapped", `UPDATE ledger_event SET n = CASE n WHEN 7 THEN -8 ELSE -7 END WHERE n IN (7, 8)`, "", ""},
		{"hash removed", `DELETE FROM ledger_hash WHERE n = 3`, "hash", ""},
		{"head removed", `DELETE FROM ledger_head`, "head", ""},
		{"head forged", `UPDATE ledger_head SET note = REPLACE(note, '20', '19')`, "head", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, l, keys := open(t)
			fill(t, d, l, 20)
			ctx := context.Background()
			err := d.Do(ctx, func(tx *db.Tx) error {
				if _, err := tx.Exec(ctx, c.sql); err != nil {
					return err
				}
				if c.name == "swapped" {
					_, err := tx.Exec(ctx, `UPDATE ledger_event SET n = -n WHERE n < 0`)
					return err
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			rep := verify(t, d, keys, "")
			if rep.OK() {
				t.Fatal("not found")
			}
			if p := rep.Problems[0]; c.kind != "" && (p.Kind != c.kind || !strings.Contains(p.Text, c.text)) {
				t.Fatalf("%+v", rep.Problems)
			}
			if len(rep.Problems) > 2 && c.kind != "head" {
				t.Fatalf("one wound, %d findings: %+v", len(rep.Problems), rep.Problems)
			}
		})
	}
}

func TestCutTailIsFoundAgainstACheckpoint(t *testing.T) {
	d, l, keys := open(t)
	ctx := context.Background()
	fill(t, d, l, 10)
	old, err := ledger.Head(ctx, d.Read())
	if err != nil {
		t.Fatal(err)
	}
	fill(t, d, l, 5)
	kept, _ := ledger.Head(ctx, d.Read())
	// Somebody puts the ledger back to what it was, checkpoint and hashes included.
	if err := d.Do(ctx, func(tx *db.Tx) error {
		for _, q := range []string{`DELETE FROM ledger_event WHERE n >= 10`, `DELETE FROM ledger_hash WHERE n >= 18`, `UPDATE ledger_head SET size = 10`} {
			if _, err := tx.Exec(ctx, q); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `UPDATE ledger_head SET note = $1`, old)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if rep := verify(t, d, keys, ""); !rep.OK() {
		t.Fatal("from the data alone this looks sound:", rep)
	}
	if rep := verify(t, d, keys, old); !rep.OK() {
		t.Fatal(rep)
	}
	rep := verify(t, d, keys, kept)
	if rep.OK() || rep.Problems[0].Kind != "tail" || !strings.Contains(rep.Problems[0].Text, "Records 10 to 14") {
		t.Fatal(rep)
	}
	other, _, _ := ledger.NewKeys()
	if rep := verify(t, d, other, ""); rep.OK() {
		t.Fatal("another key")
	}
}

func BenchmarkAppend(b *testing.B) {
	d, l, _ := open(b)
	ctx := context.Background()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_ = d.Do(ctx, func(tx *db.Tx) error {
				return l.Append(ctx, tx, ann, ledger.About{Room: "r"}, happened{"j", 1, ""})
			})
		}
	})
}

// What is recorded while a snapshot is verified is no tampering.
func TestVerifyBesideAWriter(t *testing.T) {
	d, l, keys := open(t)
	ctx, cancel := context.WithCancel(context.Background())
	fill(t, d, l, 20)
	var writer sync.WaitGroup
	writer.Go(func() {
		for ctx.Err() == nil {
			fill(t, d, l, 1)
		}
	})
	for range 10 {
		if err := d.Snapshot(ctx, func(q db.Querier) error {
			rep, err := ledger.Verify(ctx, q, keys.Verifier, "")
			if err == nil && !rep.OK() {
				t.Errorf("%+v", rep.Problems)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	}
	cancel()
	writer.Wait()
}

func TestEventsOfASpanOfTime(t *testing.T) {
	d, l, _ := open(t)
	fill(t, d, l, 3)
	ctx := context.Background()
	all, err := l.Events(ctx, d.Read(), ledger.Filter{})
	if err != nil || len(all) != 3 {
		t.Fatal(len(all), err)
	}
	for name, c := range map[string]struct {
		f    ledger.Filter
		want int
	}{
		"from the first":       {ledger.Filter{From: all[0].At}, 3},
		"behind the last":      {ledger.Filter{From: all[2].At.Add(time.Second)}, 0},
		"before the first":     {ledger.Filter{To: all[0].At}, 0},
		"before behind them":   {ledger.Filter{To: all[2].At.Add(time.Second)}, 3},
		"within, of nobody's":  {ledger.Filter{From: all[0].At, To: all[2].At.Add(time.Second), Actor: "nobody"}, 0},
		"within, newest first": {ledger.Filter{From: all[0].At, To: all[2].At.Add(time.Second), Newest: true}, 3},
	} {
		if got, err := l.Events(ctx, d.Read(), c.f); err != nil || len(got) != c.want {
			t.Errorf("%s: %d records, want %d; %v", name, len(got), c.want, err)
		}
	}
}

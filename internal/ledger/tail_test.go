package ledger_test

import (
	"context"
	"testing"

	"muster/internal/db"
	"muster/internal/ledger"
)

func TestVerifyTail(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		sql   string
		found string // "" for what only Verify finds
	}{
		"sound":                {`UPDATE ledger_head SET one = 1`, ""},
		"a new record changed": {`UPDATE ledger_event SET body = REPLACE(body, 'restart', 'destroy') WHERE n = 28`, "changed"},
		"a column changed":     {`UPDATE ledger_event SET actor = 'eve' WHERE n = 28`, "changed"},
		"an old one changed":   {`UPDATE ledger_event SET body = REPLACE(body, 'restart', 'destroy') WHERE n = 2`, ""},
		"one deleted":          {`DELETE FROM ledger_event WHERE n = 2`, "head"},
		"a hash changed":       {`DELETE FROM ledger_hash WHERE n = (SELECT MAX(n) FROM ledger_hash)`, "hash"},
		"the head gone":        {`DELETE FROM ledger_head`, "head"},
	} {
		d, l, keys := open(t)
		fill(t, d, l, 30)
		if err := d.Do(ctx, func(tx *db.Tx) error { _, err := tx.Exec(ctx, c.sql); return err }); err != nil {
			t.Fatal(err)
		}
		rep, err := ledger.VerifyTail(ctx, d.Read(), keys.Verifier, 10)
		if err != nil {
			t.Fatal(name, err)
		}
		if c.found == "" && !rep.OK() || c.found != "" && (rep.OK() || rep.Problems[0].Kind != c.found) {
			t.Errorf("%s: %+v", name, rep)
		}
	}
}

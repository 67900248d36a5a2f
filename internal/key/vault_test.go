package key_test

import (
	"bytes"
	"testing"

	"muster/internal/db"
)

func TestSealUnseal(t *testing.T) {
	f := open(t)
	seal := func(place, plain string) (b []byte) {
		f.ok(f.db.Do(f.ctx, func(tx *db.Tx) (err error) { b, err = f.keys.Seal(f.ctx, tx, place, []byte(plain)); return err }))
		return b
	}
	one, two := seal("run 1 token", "needle in the row"), seal("run 1 token", "needle in the row")
	if bytes.Equal(one, two) || bytes.Contains(one, []byte("needle")) {
		t.Error("the same value is sealed the same, or readable")
	}
	check := func(place string, sealed []byte, want string) {
		t.Helper()
		got, err := f.keys.Unseal(f.ctx, f.db.Read(), place, sealed)
		if want == "" && err == nil || want != "" && (err != nil || string(got) != want) {
			t.Errorf("%q: %s, %v", place, got, err)
		}
	}
	check("run 1 token", one, "needle in the row")
	check("run 2 token", one, "")
	check("run 1 token", one[:10], "")
	check("run 1 token", nil, "")
	bent := bytes.Clone(one)
	bent[len(bent)-1] ^= 1
	check("run 1 token", bent, "")
	var n int
	f.ok(f.db.Read().QueryRow(f.ctx, `SELECT count(*) FROM vault_key`).Scan(&n))
	if n != 1 {
		t.Errorf("%d data keys for one day", n)
	}
	f.ok(f.keys.Rotate(f.ctx, root, f.db.Do))
	check("run 1 token", one, "needle in the row")
	f.reload()
	check("run 1 token", two, "needle in the row")
	f.ok(f.keys.Ready(f.ctx, f.db.Read()))
}

package db_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// Whoever adds a table or a column type learns here, and not from a backup that
// lacks it, that it has to be carried.
func TestEveryTableCanBeCarried(t *testing.T) {
	ctx := context.Background()
	here := dbtest.Open(t)
	sqlite, err := db.Open(ctx, t.TempDir()+"/muster.db")
	if err != nil {
		t.Fatal(err)
	}
	defer sqlite.Close()
	a, err := db.Tables(ctx, here.Read())
	if err != nil {
		t.Fatal(err)
	}
	b, err := db.Tables(ctx, sqlite.Read())
	if err != nil {
		t.Fatal(err)
	}
	if len(a) < 30 || len(a) != len(b) {
		t.Fatalf("%d tables, and %d on SQLite", len(a), len(b))
	}
	seen := map[string]bool{}
	for i := range a {
		if a[i].Name != b[i].Name || a[i].Types() != b[i].Types() || !slices.Equal(a[i].Key, b[i].Key) || !slices.Equal(a[i].Refs, b[i].Refs) {
			t.Errorf("%+v\nand on SQLite %+v", a[i], b[i])
		}
		for _, r := range a[i].Refs {
			if !seen[r] {
				t.Errorf("%s stands before %s, which it refers to", a[i].Name, r)
			}
		}
		seen[a[i].Name] = true
	}
	v, err := db.SchemaVersion(ctx, here.Read())
	if err != nil || v != db.Latest() {
		t.Fatalf("schema %d, this program knows %d: %v", v, db.Latest(), err)
	}
}

func TestWhatCannotBeCarriedIsSaid(t *testing.T) {
	ctx := context.Background()
	tables := map[string]string{
		"a type":     `CREATE TABLE odd (id TEXT PRIMARY KEY, price NUMERIC NOT NULL)`,
		"two to two": `CREATE TABLE odd (id TEXT PRIMARY KEY, parent TEXT REFERENCES odd (id))`,
	}
	for name, sql := range tables {
		d := dbtest.Open(t)
		if err := d.Bulk(ctx, func(b *db.Bulk) error { _, err := b.Exec(ctx, sql); return err }); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Tables(ctx, d.Read()); err == nil || !strings.Contains(err.Error(), "carried") {
			t.Errorf("%s: %v", name, err)
		}
	}
	d := dbtest.Open(t)
	sql := `CREATE TABLE odd (id INTEGER PRIMARY KEY AUTOINCREMENT)`
	if d.Dialect() == db.Postgres {
		sql = `CREATE TABLE odd (id BIGSERIAL PRIMARY KEY)`
	}
	if err := d.Bulk(ctx, func(b *db.Bulk) error { _, err := b.Exec(ctx, sql); return err }); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Tables(ctx, d.Read()); err == nil || !strings.Contains(err.Error(), "carried") {
		t.Errorf("a sequence: %v", err)
	}
}

package backup_test

import (
	"strings"
	"testing"

	"muster/internal/actor"
	"muster/internal/backup"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/fault"
	"muster/internal/ledger"
)

// TestMove carries a database into PostgreSQL when there is one; without one it
// holds what can be held: that anything else is refused.
func TestMove(t *testing.T) {
	move(t, newOffice(t))
	d, err := db.Open(ctx, t.TempDir()+"/muster.db")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	o := officeOn(t, d)
	move(t, o)
	if dbtest.Open(t).Dialect() == db.SQLite {
		return
	}
	// What SQLite takes and PostgreSQL does not is found before, and refused.
	o.ok(d.Bulk(ctx, func(b *db.Bulk) error {
		_, err := b.Exec(ctx, `INSERT INTO setting (name, value) VALUES ('bad', $1)`, "a\x00b")
		return err
	}))
	m := backup.Move{From: d, To: dbtest.URL(t), LedgerKey: o.keys.Verifier, Check: true, Tell: quiet}
	rep, err := m.Do(ctx)
	o.ok(err)
	if len(rep.Unfit) != 1 || !strings.Contains(rep.Unfit[0], `Table setting, name="bad"`) {
		t.Fatal(rep.Unfit)
	}
	m.Check = false
	_, err = m.Do(ctx)
	refused(t, err, fault.Conflict, "NUL")
	if err := backup.Vacant(ctx, m.To); err != nil {
		t.Fatal(err)
	}
}

func move(t *testing.T, o *office) {
	t.Helper()
	m := backup.Move{From: o.db, FromName: "before", To: dbtest.URL(t), LedgerKey: o.keys.Verifier, Tell: quiet}
	if !strings.HasPrefix(m.To, "postgres") {
		_, err := m.Do(ctx)
		refused(t, err, fault.Invalid, "postgres://")
		return
	}
	before := content(t, o.db.Read())
	m.Check = true
	rep, err := m.Do(ctx)
	o.ok(err)
	if rep.Records != 5 || len(rep.Unfit) != 0 || rep.Rows < 90 {
		t.Fatalf("%+v", rep)
	}
	m.Check = false
	rep, err = m.Do(ctx)
	o.ok(err)
	d, err := db.Open(ctx, m.To)
	o.ok(err)
	defer d.Close()
	same(t, before, content(t, d.Read()))
	v, err := ledger.Verify(ctx, d.Read(), o.keys.Verifier, "")
	o.ok(err)
	if !v.OK() || v.Records != rep.Records {
		t.Fatalf("%+v", v)
	}
	// It goes on there, and a second time there is something to lose.
	o.ok(d.Do(ctx, func(tx *db.Tx) error {
		if _, err := backup.Settle(ctx, tx, o.ledger, nil); err != nil {
			return err
		}
		return o.ledger.Append(ctx, tx, actor.System("test"), ledger.About{}, said{"a word", 9})
	}))
	_, err = m.Do(ctx)
	refused(t, err, fault.Conflict, "is not empty")
}

// A move or restore that was stopped leaves tables without rows: it begins again.
func TestEmptyTablesAreVacant(t *testing.T) {
	url := dbtest.URL(t)
	d, err := db.OpenAt(ctx, url, db.Latest())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.Dialect() == db.SQLite {
		refused(t, backup.Vacant(ctx, url), fault.Invalid, "postgres://")
		return
	}
	if err := backup.Vacant(ctx, url); err != nil {
		t.Fatal(err)
	}
	if err := d.Bulk(ctx, func(b *db.Bulk) error {
		_, err := b.Exec(ctx, `INSERT INTO setting (name, value) VALUES ('a', 'b')`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	refused(t, backup.Vacant(ctx, url), fault.Conflict, "table setting has 1 rows")
	other := dbtest.URL(t)
	o, err := db.OpenReadOnly(other)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if err := o.Bulk(ctx, func(b *db.Bulk) error { _, err := b.Exec(ctx, `CREATE TABLE theirs (a TEXT)`); return err }); err != nil {
		t.Fatal(err)
	}
	refused(t, backup.Vacant(ctx, other), fault.Conflict, "not this Muster's (theirs)")
}

// A PostgreSQL backup comes back into SQLite and the other way round.
func TestRestoreIntoPostgres(t *testing.T) {
	o := newOffice(t)
	o.done(o.withKeys(o.make("b")))
	r := o.restore(o.path("b"))
	r.Database = dbtest.URL(t)
	if o.db.Dialect() == db.SQLite {
		_, err := r.Do(ctx)
		refused(t, err, fault.Invalid, "postgres://")
		nothing(t, r)
		return
	}
	_, err := r.Do(ctx)
	o.ok(err)
	d, err := db.Open(ctx, r.Database)
	o.ok(err)
	defer d.Close()
	same(t, content(t, o.db.Read()), content(t, d.Read()))
	if backup.Unfinished(r.Data) {
		t.Fatal("something was left behind")
	}
}

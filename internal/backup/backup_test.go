package backup_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"

	"muster/internal/actor"
	"muster/internal/backup"
	"muster/internal/blob"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/fault"
	"muster/internal/key"
	"muster/internal/ledger"
)

var ctx = context.Background()

// office is a database with something in every table, and its files.
type office struct {
	t      *testing.T
	db     *db.DB
	dir    string
	keys   ledger.Keys
	ledger *ledger.Ledger
	blobs  *blob.Disk
	id     *age.X25519Identity
}

type said struct {
	Text string `json:"text" class:"secret"`
	N    int    `json:"n" class:"public"`
}

func (said) EventKind() string { return "test.Said" }

func newOffice(t *testing.T) *office { return officeOn(t, dbtest.Open(t)) }

func officeOn(t *testing.T, d *db.DB) *office {
	t.Helper()
	o := &office{t: t, db: d, dir: t.TempDir()}
	var err error
	o.keys, err = ledger.LoadKeys(o.path("ledger.key"))
	o.ok(err)
	_, err = key.LoadMaster(o.path("master.key"))
	o.ok(err)
	o.ledger = ledger.New(clock.Real{}, bus.NewMemory(), o.keys)
	o.blobs, err = blob.OpenDisk(o.path("blobs"))
	o.ok(err)
	t.Cleanup(func() { _ = o.blobs.Close() })
	o.id, err = age.GenerateX25519Identity()
	o.ok(err)
	o.fill()
	for n := range 5 {
		o.record(n)
	}
	return o
}

func (o *office) path(name ...string) string {
	return filepath.Join(append([]string{o.dir}, name...)...)
}

func (o *office) ok(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) record(n int) {
	o.t.Helper()
	o.ok(o.db.Do(ctx, func(tx *db.Tx) error {
		return o.ledger.Append(ctx, tx, actor.System("test"), ledger.About{}, said{"a word", n})
	}))
}

// fill puts rows into every table there is, as the schema describes it: what a
// migration adds is in these tests from then on. Texts are the same in every
// table, so references hold.
func (o *office) fill() {
	o.t.Helper()
	tables, err := db.Tables(ctx, o.db.Read())
	o.ok(err)
	o.ok(o.db.Do(ctx, func(tx *db.Tx) error {
		for _, t := range tables {
			if strings.HasPrefix(t.Name, "ledger_") || t.Name == "stored_key" || t.Name == "vault_key" || t.Name == "master_key" {
				continue // written by those who know how
			}
			for i := range 3 {
				names, marks, row := []string{}, []string{}, []any{}
				for j, c := range t.Columns {
					names, marks = append(names, db.Quote(c.Name)), append(marks, fmt.Sprintf("$%d", j+1))
					row = append(row, value(t, c, i))
				}
				if _, err := tx.Exec(ctx, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", db.Quote(t.Name), strings.Join(names, ", "), strings.Join(marks, ", ")), row...); err != nil {
					return fmt.Errorf("%s: %w", t.Name, err)
				}
			}
		}
		_, err := tx.Exec(ctx, `UPDATE run SET secrets = NULL, client_key = NULL WHERE number = 2`)
		return err
	}))
	for i := range 3 {
		o.ok(o.blobs.Put(ctx, fileOf(i), []byte(strings.Repeat("line\n", 1000*i))))
	}
}

func fileOf(i int) string { return fmt.Sprintf("run/x/%d-1.jsonl", i) }

func value(t db.Table, c db.Column, i int) any {
	switch c.Type {
	case db.Int:
		return int64(i)
	case db.Bool:
		return i == 1
	case db.Bytes:
		return [][]byte{{}, {0, 1, 2, 0xff}, []byte("text")}[i]
	}
	if c.Name == "blob" {
		return fileOf(i)
	}
	return []string{"", "x's \"é\" 日本\n\t\x01", "Zebra"}[i] + fmt.Sprint(i)
}

func quiet(string, ...any) {}

func (o *office) make(name string) backup.Make {
	return backup.Make{DB: o.db, Blobs: o.path("blobs"), LedgerKey: o.keys.Verifier, Muster: "test", At: time.Now(), Out: o.path(name), Recipients: []age.Recipient{o.id.Recipient()}, Tell: quiet}
}

func (o *office) withKeys(m backup.Make) backup.Make {
	m.Keys = map[string]string{"master.key": o.path("master.key"), "ledger.key": o.path("ledger.key")}
	return m
}

func (o *office) restore(file string) backup.Restore {
	return backup.Restore{File: file, Identities: []age.Identity{o.id}, Data: filepath.Join(o.t.TempDir(), "data"), Tell: quiet}
}

func (o *office) done(m backup.Make) backup.Manifest {
	o.t.Helper()
	man, err := m.Do(ctx)
	o.ok(err)
	return man
}

// content is every row of a database, to compare two.
func content(t *testing.T, q db.Querier) map[string][]string {
	t.Helper()
	tables, err := db.Tables(ctx, q)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, table := range tables {
		rows, err := q.Query(ctx, "SELECT * FROM "+db.Quote(table.Name))
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			row := make([]any, len(table.Columns))
			into := make([]any, len(row))
			for i := range row {
				into[i] = &row[i]
			}
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			for i, c := range table.Columns {
				if b, ok := row[i].([]byte); ok && c.Type == db.Text {
					row[i] = string(b)
				}
				if b, ok := row[i].([]byte); ok && b == nil {
					row[i] = []byte{} // how one driver gives an empty one
				}
				if n, ok := row[i].(int64); ok && c.Type == db.Bool {
					row[i] = n == 1
				}
			}
			text, _ := json.Marshal(row)
			if table.Name == "setting" && strings.Contains(string(text), "backup.mark") {
				continue
			}
			out[table.Name] = append(out[table.Name], string(text))
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(out[table.Name])
	}
	return out
}

func same(t *testing.T, a, b map[string][]string) {
	t.Helper()
	if len(a) < 30 || len(a) != len(b) {
		t.Fatalf("%d tables with rows, then %d", len(a), len(b))
	}
	for name := range a {
		if !slices.Equal(a[name], b[name]) {
			t.Errorf("table %s:\n%v\nthen\n%v", name, a[name], b[name])
		}
	}
}

func refused(t *testing.T, err error, kind fault.Kind, words string) {
	t.Helper()
	if !fault.Is(err, kind) || !strings.Contains(fault.Message(err), words) {
		t.Fatalf("got %v, want %s with %q", err, kind, words)
	}
}

func TestEverythingComesBack(t *testing.T) {
	o := newOffice(t)
	before := content(t, o.db.Read())
	man := o.done(o.withKeys(o.make("b")))
	if man.Blobs.Count != 3 || man.Ledger.Records != 5 || len(man.Missing) != 0 {
		t.Fatalf("%+v", man)
	}
	if st, err := os.Stat(o.path("b")); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatal(st.Mode(), err)
	}
	o.record(6) // after it
	r := o.restore(o.path("b"))
	out, err := r.Do(ctx)
	o.ok(err)
	if out.Records != 5 || out.Rows != man.Rows || len(out.Without) != 0 || out.Later != 0 {
		t.Fatalf("%+v", out)
	}
	d, err := db.Open(ctx, filepath.Join(r.Data, "muster.db"))
	o.ok(err)
	defer d.Close()
	same(t, before, content(t, d.Read()))
	for i := range 3 {
		a, err := os.ReadFile(o.path("blobs", fileOf(i)))
		o.ok(err)
		b, err := os.ReadFile(filepath.Join(r.Data, "blobs", fileOf(i)))
		o.ok(err)
		if string(a) != string(b) {
			t.Errorf("file %d differs", i)
		}
	}
	for _, k := range []string{"master.key", "ledger.key"} {
		if st, err := os.Stat(filepath.Join(r.Data, k)); err != nil || st.Mode().Perm() != 0o600 {
			t.Fatal(k, err)
		}
	}
	if backup.Unfinished(r.Data) {
		t.Fatal("something was left behind")
	}
	// Its server records it once, and doubts what went on meanwhile.
	doubted := 0
	for range 2 {
		o.ok(d.Do(ctx, func(tx *db.Tx) error {
			_, err := backup.Settle(ctx, tx, o.ledger, func(context.Context, *db.Tx) (int, int64, error) { doubted++; return 2, 3, nil })
			return err
		}))
	}
	evs, err := o.ledger.Events(ctx, d.Read(), ledger.Filter{Kinds: []string{"backup.Restored"}})
	o.ok(err)
	if doubted != 1 || len(evs) != 1 || evs[0].Fields["records"] != 5.0 {
		t.Fatal(doubted, evs)
	}
}

func TestWritersGoOn(t *testing.T) {
	o := newOffice(t)
	var acknowledged atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				k := fmt.Sprintf("run/w%d/%d", w, n)
				if err := o.blobs.Put(ctx, k, []byte(k)); err != nil {
					t.Error(err)
					return
				}
				if err := o.db.Do(ctx, func(tx *db.Tx) error {
					if _, err := tx.Exec(ctx, `INSERT INTO run_chunk (run, n, first, lines, bytes, blob, chain) VALUES ($1, $2, 1, 1, 1, $3, '')`, fmt.Sprint("w", w), n, k); err != nil {
						return err
					}
					return o.ledger.Append(ctx, tx, actor.System("test"), ledger.About{}, said{"a word", n})
				}); err != nil {
					t.Error(err)
					return
				}
				acknowledged.Add(1)
			}
		})
	}
	for acknowledged.Load() < 50 {
		time.Sleep(time.Millisecond) // the writers give no signal
	}
	for i := range 3 {
		before := acknowledged.Load()
		name := fmt.Sprint("b", i)
		o.done(o.make(name))
		r := o.restore(o.path(name))
		out, err := r.Do(ctx)
		o.ok(err)
		if len(out.Missing) > 0 {
			t.Fatalf("rows point to files that are not there: %v", out.Missing)
		}
		d, err := db.OpenReadOnly(filepath.Join(r.Data, "muster.db"))
		o.ok(err)
		var n int64
		o.ok(d.Read().QueryRow(ctx, `SELECT COUNT(*) FROM run_chunk WHERE run LIKE 'w%'`).Scan(&n))
		o.ok(d.Close())
		if n < before || out.Records != n+5 {
			t.Fatalf("acknowledged before: %d, in it: %d rows and %d records", before, n, out.Records)
		}
	}
	close(stop)
	wg.Wait()
}

func TestOldBackupAndCheckpoint(t *testing.T) {
	o := newOffice(t)
	o.done(o.make("b"))
	r := o.restore(o.path("b"))
	r.Scratch = true
	check := func() (backup.Restored, error) {
		signed, err := ledger.Head(ctx, o.db.Read())
		o.ok(err)
		r.Checkpoint = signed
		return r.Do(ctx)
	}
	if out, err := check(); err != nil || out.Later != 0 {
		t.Fatal(out.Later, err)
	}
	for n := range 7 {
		o.record(n)
	}
	if out, err := check(); err != nil || out.Later != 7 || out.Records != 5 {
		t.Fatal(out.Later, err)
	}
	r.Checkpoint = "nonsense"
	_, err := r.Do(ctx)
	refused(t, err, fault.Invalid, "cannot be used")
}

func TestKeysApart(t *testing.T) {
	o := newOffice(t)
	o.done(o.make("b"))
	r := o.restore(o.path("b"))
	out, err := r.Do(ctx)
	o.ok(err)
	if !slices.Equal(out.Without, []string{"ledger.key", "master.key"}) {
		t.Fatal(out.Without)
	}
	// They may lie in place before, if they are the right ones.
	r = o.restore(o.path("b"))
	o.ok(os.MkdirAll(r.Data, 0o700))
	r.LedgerKey, r.MasterKey = filepath.Join(r.Data, "ledger.key"), filepath.Join(r.Data, "master.key")
	_, err = ledger.LoadKeys(r.LedgerKey)
	o.ok(err)
	_, err = r.Do(ctx)
	refused(t, err, fault.Conflict, "not the key of this ledger")
	text, err := os.ReadFile(o.path("ledger.key"))
	o.ok(err)
	o.ok(os.WriteFile(r.LedgerKey, text, 0o600))
	out, err = r.Do(ctx)
	o.ok(err)
	if !slices.Equal(out.Without, []string{"master.key"}) {
		t.Fatal(out.Without)
	}
	// A second time there is something to lose.
	_, err = r.Do(ctx)
	refused(t, err, fault.Conflict, "is not empty")
}

// Killed while it put files into place, a restore is made again as if never begun.
func TestBrokenOffRestoreBeginsAgain(t *testing.T) {
	o := newOffice(t)
	o.done(o.withKeys(o.make("b")))
	r := o.restore(o.path("b"))
	for _, dir := range []string{".restoring/blobs", "blobs/run"} {
		o.ok(os.MkdirAll(filepath.Join(r.Data, dir), 0o700))
	}
	text, err := os.ReadFile(o.path("master.key"))
	o.ok(err)
	for name, b := range map[string][]byte{"master.key": text, "blobs/run/y": nil, "muster.db": nil, ".restoring/rest": nil} {
		o.ok(os.WriteFile(filepath.Join(r.Data, name), b, 0o600))
	}
	if !backup.Unfinished(r.Data) {
		t.Fatal("it would be served")
	}
	_, err = r.Do(ctx)
	o.ok(err)
	if _, err := os.Stat(filepath.Join(r.Data, "blobs/run/y")); err == nil || backup.Unfinished(r.Data) {
		t.Fatal("something of the first is left")
	}
}

// An older version's backup gets the tables it had; its next start brings them up to date.
func TestOlderSchema(t *testing.T) {
	d, err := db.OpenAt(ctx, t.TempDir()+"/muster.db", 33)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	o := officeOn(t, d)
	before := content(t, d.Read())
	o.done(o.make("b"))
	r := o.restore(o.path("b"))
	out, err := r.Do(ctx)
	o.ok(err)
	if out.Schema != 33 {
		t.Fatal(out.Schema)
	}
	old, err := db.OpenReadOnly(filepath.Join(r.Data, "muster.db"))
	o.ok(err)
	same(t, before, content(t, old.Read()))
	o.ok(old.Close())
	now, err := db.Open(ctx, filepath.Join(r.Data, "muster.db"))
	o.ok(err)
	defer now.Close()
	if v, err := db.SchemaVersion(ctx, now.Read()); err != nil || v != db.Latest() {
		t.Fatal(v, err)
	}
}

func TestRefusals(t *testing.T) {
	o := newOffice(t)
	m := o.make("b")
	m.Recipients = nil
	_, err := m.Do(ctx)
	refused(t, err, fault.Invalid, "--recipient")
	m = o.make("b")
	m.Plain = true
	_, err = m.Do(ctx)
	refused(t, err, fault.Invalid, "not both")
	m = o.withKeys(o.make("b"))
	m.Plain, m.Recipients = true, nil
	_, err = m.Do(ctx)
	refused(t, err, fault.Invalid, "keys do not go into")
	o.ok(os.WriteFile(o.path("b"), []byte("mine"), 0o600))
	_, err = o.make("b").Do(ctx)
	refused(t, err, fault.Conflict, "exists already")
	if b, _ := os.ReadFile(o.path("b")); string(b) != "mine" {
		t.Fatal("it was replaced")
	}

	o.done(o.make("c"))
	other, err := age.GenerateX25519Identity()
	o.ok(err)
	r := o.restore(o.path("c"))
	r.Identities = []age.Identity{other}
	_, err = r.Do(ctx)
	refused(t, err, fault.Denied, "does not open")
	r.Identities = nil
	_, err = r.Do(ctx)
	refused(t, err, fault.Invalid, "--identity")
	_, err = o.restore(o.path("b")).Do(ctx)
	refused(t, err, fault.Invalid, "not a Muster backup")
	left, _ := filepath.Glob(o.path(".*part*"))
	if len(left) > 0 {
		t.Fatal("left behind:", left)
	}
}

func TestKeepRemovesOnlyBackups(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC)
	names := []string{"notes.txt", "muster-2026.backup", "muster-20261122T010203Z.backup.part"}
	for i := range 5 {
		names = append(names, backup.Name(at.Add(time.Duration(i)*time.Hour), false))
	}
	for _, n := range names {
		if err := os.WriteFile(filepath.Join(dir, n), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := backup.Keep(dir, 2)
	if err != nil || !slices.Equal(removed, names[3:6]) {
		t.Fatal(removed, err)
	}
	left, _ := os.ReadDir(dir)
	if len(left) != 5 {
		t.Fatal(left)
	}
}

package key_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/fault"
	"muster/internal/key"
	"muster/internal/ledger"
)

type fixture struct {
	*testing.T
	ctx    context.Context
	db     *db.DB
	url    string
	file   string
	access *access.Access
	ledger *ledger.Ledger
	keys   *key.Store
}

var (
	root = actor.Actor{ID: "u-root", Name: "root", Kind: actor.Person, Groups: []string{"administrator"}}
	ann  = actor.Actor{ID: "u-ann", Name: "ann", Kind: actor.Person, Groups: []string{"operator"}}
	eve  = actor.Actor{ID: "u-eve", Name: "eve", Kind: actor.Person, Groups: []string{"observer"}}
)

func open(t *testing.T) *fixture {
	f := &fixture{T: t, ctx: t.Context(), url: dbtest.URL(t), file: filepath.Join(t.TempDir(), "master.key")}
	var err error
	if f.db, err = db.Open(f.ctx, f.url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.db.Close() })
	keys, _, err := ledger.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	c := clock.NewTest(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	f.ledger = ledger.New(c, bus.NewMemory(), keys)
	f.access = access.New(f.db, f.ledger, c, slog.New(slog.DiscardHandler))
	f.reload()
	for _, p := range []string{"demo", "other"} {
		f.ok(f.access.Do(f.ctx, root, func(tx *db.Tx) error { return f.access.SeedProject(f.ctx, tx, root, p) }))
	}
	return f
}

// reload is a restart of the store.
func (f *fixture) reload() {
	m, err := key.LoadMaster(f.file)
	f.ok(err)
	f.keys = key.New(f.access, f.ledger, clock.Real{}, m)
}

func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) put(who actor.Actor, path string, t key.Type, content string) (it key.Item, err error) {
	err = f.access.Do(f.ctx, who, func(tx *db.Tx) error {
		it, err = f.keys.Put(f.ctx, tx, who, path, t, []byte(content))
		return err
	})
	return it, err
}

func (f *fixture) open(who actor.Actor, project, path string) (b []byte, err error) {
	err = f.access.Do(f.ctx, who, func(tx *db.Tx) error {
		b, err = f.keys.Open(f.ctx, tx, who, key.Grant{Project: project, Run: "r1", Node: "web1"}, path)
		return err
	})
	return b, err
}

func privateKey(t *testing.T, passphrase string) (string, ssh.PublicKey) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(priv, "")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(priv, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	sp, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), sp
}

func TestPutOpenDelete(t *testing.T) {
	f := open(t)
	priv, pub := privateKey(t, "")
	locked, lockedPub := privateKey(t, "open sesame please")
	for _, c := range []struct {
		path, content, fingerprint string
		t                          key.Type
	}{
		{"keys/project/demo/deploy.key", priv, ssh.FingerprintSHA256(pub), key.PrivateKey},
		{"project/demo/locked.key", locked, ssh.FingerprintSHA256(lockedPub), key.PrivateKey},
		{"/shared/deploy.pub", string(ssh.MarshalAuthorizedKey(pub)), ssh.FingerprintSHA256(pub), key.PublicKey},
		{"shared/root.password", "correct horse", "", key.Password},
	} {
		it, err := f.put(root, c.path, c.t, c.content)
		f.ok(err)
		if it.Fingerprint != c.fingerprint || it.Size != len(c.content) || it.Type != c.t {
			t.Errorf("%+v", it)
		}
		got, err := f.open(ann, "demo", c.path)
		if err != nil || string(got) != c.content {
			t.Errorf("%s: %v", c.path, err)
		}
	}
	// Replacing keeps who made it first, and the new content is what opens.
	_, err := f.put(root, "shared/root.password", key.Password, "second")
	f.ok(err)
	if got, _ := f.open(ann, "demo", "shared/root.password"); string(got) != "second" {
		t.Error("the old content opens")
	}
	items, err := f.keys.List(f.ctx, f.db.Read(), root, "project")
	if err != nil || len(items) != 2 || items[0].Path != "project/demo/deploy.key" {
		t.Errorf("%+v, %v", items, err)
	}
	f.ok(f.access.Do(f.ctx, root, func(tx *db.Tx) error { return f.keys.Delete(f.ctx, tx, root, "shared/root.password") }))
	if _, err := f.open(ann, "demo", "shared/root.password"); !fault.Is(err, fault.NotFound) {
		t.Errorf("deleted: %v", err)
	}
	rs, err := f.ledger.Events(f.ctx, f.db.Read(), ledger.Filter{Kinds: []string{"key.Used", "key.Stored", "key.Deleted"}})
	f.ok(err)
	n := map[string]int{}
	for _, r := range rs {
		n[r.Kind]++
	}
	if n["key.Used"] != 5 || n["key.Stored"] != 5 || n["key.Deleted"] != 1 {
		t.Errorf("ledger %v", n)
	}
}

func TestWhoMay(t *testing.T) {
	f := open(t)
	for _, p := range []string{"project/demo/k", "project/other/k", "shared/k", "private/k"} {
		_, err := f.put(root, p, key.Password, "secret")
		f.ok(err)
	}
	for _, c := range []struct {
		who           actor.Actor
		project, path string
		want          fault.Kind // Internal = opens
	}{
		{ann, "demo", "project/demo/k", fault.Internal},
		{ann, "demo", "shared/k", fault.Internal},
		{ann, "demo", "project/other/k", fault.Denied},
		{actor.System("run"), "demo", "project/other/k", fault.Denied}, // not even Muster itself
		{actor.System("run"), "", "project/other/k", fault.Denied},
		{ann, "demo", "private/k", fault.Denied},
		{eve, "demo", "project/demo/k", fault.Denied},
		{ann, "", "shared/k", fault.Denied},
		{ann, "demo", "project/demo/none", fault.NotFound},
		{ann, "demo", "project/demo/../other/k", fault.Invalid},
		{ann, "demo", "", fault.Invalid},
		{actor.Actor{}, "demo", "project/demo/k", fault.Unauthenticated},
	} {
		_, err := f.open(c.who, c.project, c.path)
		if c.want == fault.Internal && err != nil || c.want != fault.Internal && !fault.Is(err, c.want) {
			t.Errorf("%s opens %s in %q: %v", c.who.Name, c.path, c.project, err)
		}
	}
	for _, p := range []string{"project/demo/new", "shared/new"} {
		if _, err := f.put(ann, p, key.Password, "x"); !fault.Is(err, fault.Denied) {
			t.Errorf("an operator stores %s: %v", p, err)
		}
	}
	if err := f.access.Do(f.ctx, ann, func(tx *db.Tx) error { return f.keys.Delete(f.ctx, tx, ann, "shared/k") }); !fault.Is(err, fault.Denied) {
		t.Errorf("an operator deletes: %v", err)
	}
	items, err := f.keys.List(f.ctx, f.db.Read(), ann, "")
	var paths []string
	for _, it := range items {
		paths = append(paths, it.Path)
	}
	if err != nil || !slices.Equal(paths, []string{"project/demo/k", "project/other/k"}) {
		t.Errorf("an operator sees %v, %v", paths, err)
	}
	if _, err := f.keys.List(f.ctx, f.db.Read(), eve, ""); !fault.Is(err, fault.Denied) {
		t.Errorf("an observer lists: %v", err)
	}
}

// Rules name keys as Rundeck does, with keys/ before the path, or without; and
// who asks why is told what a run is told.
func TestRulesWithAndWithoutKeys(t *testing.T) {
	f := open(t)
	for _, p := range []string{"project/demo/a", "project/demo/b", "shared/a", "shared/b", "ops/root", "ops/free"} {
		_, err := f.put(root, p, key.Password, "secret")
		f.ok(err)
	}
	policy := func(project, name, text string) {
		f.ok(f.access.Do(f.ctx, root, func(tx *db.Tx) error {
			_, err := f.access.Put(f.ctx, tx, root, project, name, text)
			return err
		}))
	}
	policy("demo", "deny", "description: Never these\nfor:\n  storage:\n    - match: {path: 'keys/project/demo/b'}\n      deny: read\n    - match: {path: 'keys/shared/b|keys/ops/.*'}\n      deny: [read]\nby: {group: operator}\n")
	policy("other", "wide", "description: All of it\nfor:\n  storage:\n    - allow: ['*']\nby: {group: operator}\n")
	policy("other", "rundeck", "description: As Rundeck writes it\nfor:\n  storage:\n    - match: {path: 'keys/project/other/.*'}\n      allow: read\nby: {group: observer}\n")
	policy("", "free", "description: Operators use this one\ncontext: {application: rundeck}\nfor:\n  storage:\n    - equals: {path: keys/ops/free}\n      allow: read\nby: {group: operator}\n")
	_, err := f.put(root, "project/other/k", key.Password, "secret")
	f.ok(err)
	for _, c := range []struct {
		who           actor.Actor
		project, path string
		want          bool
	}{
		{ann, "demo", "keys/project/demo/a", true},
		{ann, "demo", "keys/project/demo/b", false},
		{ann, "demo", "project/demo/b", false},
		{ann, "demo", "shared/a", true},
		{ann, "demo", "keys/shared/b", false},
		{ann, "demo", "ops/free", false}, // the office allows it, this project denies it
		{ann, "other", "keys/ops/free", true},
		{ann, "other", "ops/root", false}, // a project's rule does not open the office's key
		{ann, "other", "shared/b", true},
		{eve, "other", "project/other/k", true},
	} {
		_, err := f.open(c.who, c.project, c.path)
		if c.want && err != nil || !c.want && !fault.Is(err, fault.Denied) {
			t.Errorf("%s opens %s in %s: %v", c.who.Name, c.path, c.project, err)
		}
		d, eerr := f.keys.Explain(f.ctx, f.db.Read(), c.who, key.Grant{Project: c.project}, c.path)
		f.ok(eerr)
		if d.Allowed != c.want || err != nil && d.Text != fault.Message(err) {
			t.Errorf("%s, %s in %s: %v is not what a run is told: %v", c.who.Name, c.path, c.project, d, err)
		}
	}
}

func TestRefused(t *testing.T) {
	f := open(t)
	priv, _ := privateKey(t, "")
	for _, c := range []struct {
		path    string
		t       key.Type
		content string
		want    fault.Kind
	}{
		{"shared/k", key.PrivateKey, "hunter2hunter2", fault.Invalid},
		{"shared/k", key.PrivateKey, priv[:len(priv)/2], fault.Invalid},
		{"shared/k", key.PublicKey, priv, fault.Invalid},
		{"shared/k", key.Password, "", fault.Invalid},
		{"shared/k", key.Password, "hunter2\n", fault.Invalid},
		{"shared/k", "certificate", "hunter2", fault.Invalid},
		{"shared/k", key.Password, strings.Repeat("hunter2", key.MaxSize), fault.TooLarge},
		{"", key.Password, "hunter2", fault.Invalid},
		{"a//b", key.Password, "hunter2", fault.Invalid},
		{"../b", key.Password, "hunter2", fault.Invalid},
		{"a/.b", key.Password, "hunter2", fault.Invalid},
		{"project/demo", key.Password, "hunter2", fault.Invalid},
	} {
		_, err := f.put(root, c.path, c.t, c.content)
		if !fault.Is(err, c.want) {
			t.Errorf("%s %s: %v", c.path, c.t, err)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "OPENSSH PRIVATE")) {
			t.Errorf("the error shows the content: %v", err)
		}
	}
}

// Nothing of a secret may be anywhere in the database: every table is dumped,
// and on SQLite the files are searched too.
func TestDatabaseHasNoPlaintext(t *testing.T) {
	f := open(t)
	const secret = "Zq9-plainly-visible-needle"
	_, err := f.put(root, "shared/k", key.Password, secret)
	f.ok(err)
	_, err = f.open(ann, "demo", "shared/k")
	f.ok(err)
	needles := []string{secret, fmt.Sprintf("%x", secret), secret[:16]}
	tables := `SELECT name FROM sqlite_master WHERE type = 'table'`
	if f.db.Dialect() == db.Postgres {
		tables = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`
	}
	names, err := db.All(f.ctx, f.db.Read(), db.Strings, tables)
	f.ok(err)
	for _, table := range names {
		rows, err := f.db.Read().Query(f.ctx, `SELECT * FROM "`+table+`"`)
		f.ok(err)
		cols, err := rows.Columns()
		f.ok(err)
		for rows.Next() {
			vals, ptrs := make([]any, len(cols)), make([]any, len(cols))
			for i := range vals {
				ptrs[i] = &vals[i]
			}
			f.ok(rows.Scan(ptrs...))
			for _, v := range vals {
				text := fmt.Sprint(v)
				if b, ok := v.([]byte); ok {
					text = string(b)
				}
				for _, n := range needles {
					if strings.Contains(text, n) {
						t.Errorf("table %s holds the secret", table)
					}
				}
			}
		}
		f.ok(rows.Err())
		_ = rows.Close()
	}
	if f.db.Dialect() == db.SQLite {
		files, err := filepath.Glob(f.url + "*")
		f.ok(err)
		for _, name := range files {
			b, err := os.ReadFile(name)
			f.ok(err)
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s holds the secret", name)
			}
		}
	}
}

// A row moved to another path, or changed in one bit, does not open.
func TestRowsAreBound(t *testing.T) {
	f := open(t)
	for _, p := range []string{"shared/a", "project/demo/b"} {
		_, err := f.put(root, p, key.Password, "secret of "+p)
		f.ok(err)
	}
	exec := func(q string) {
		f.ok(f.db.Do(f.ctx, func(tx *db.Tx) error { _, err := tx.Exec(f.ctx, q); return err }))
	}
	exec(`UPDATE stored_key SET wrapped = (SELECT wrapped FROM stored_key WHERE path = 'shared/a'), sealed = (SELECT sealed FROM stored_key WHERE path = 'shared/a') WHERE path = 'project/demo/b'`)
	if b, err := f.open(ann, "demo", "project/demo/b"); err == nil {
		t.Errorf("a moved row opens: %s", b)
	}
	exec(`UPDATE stored_key SET type = 'public-key' WHERE path = 'shared/a'`)
	if _, err := f.open(ann, "demo", "shared/a"); err == nil {
		t.Error("a changed row opens")
	}
}

func TestMasterFile(t *testing.T) {
	f := open(t)
	_, err := f.put(root, "shared/k", key.Password, "secret")
	f.ok(err)
	st, err := os.Stat(f.file)
	f.ok(err)
	if st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", st.Mode())
	}
	f.reload()
	if b, err := f.open(ann, "demo", "shared/k"); err != nil || string(b) != "secret" {
		t.Errorf("after a restart: %v", err)
	}
	text, err := os.ReadFile(f.file)
	f.ok(err)

	f.ok(os.Chmod(f.file, 0o640))
	if _, err := key.LoadMaster(f.file); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("readable by others: %v", err)
	}
	f.ok(os.WriteFile(f.file, text[:len(text)-10], 0o600))
	f.ok(os.Chmod(f.file, 0o600))
	if _, err := key.LoadMaster(f.file); !fault.Is(err, fault.Invalid) {
		t.Errorf("damaged: %v", err)
	}
	// A lost file is noticed at start, not at the first run.
	f.ok(os.Remove(f.file))
	f.reload()
	if err := f.keys.Ready(f.ctx, f.db.Read()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("lost: %v", err)
	}
	if _, err := f.open(ann, "demo", "shared/k"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("lost: %v", err)
	}
	if _, err := f.put(root, "shared/k2", key.Password, "secret"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a second master key came into use: %v", err)
	}
}

func TestRotate(t *testing.T) {
	f := open(t)
	for i := range 5 {
		_, err := f.put(root, fmt.Sprintf("shared/k%d", i), key.Password, fmt.Sprint("secret ", i))
		f.ok(err)
	}
	before, err := os.ReadFile(f.file)
	f.ok(err)
	if err := f.keys.Rotate(f.ctx, ann, f.db.Do); !fault.Is(err, fault.Denied) {
		t.Errorf("an operator rotates: %v", err)
	}
	// A failure after the file was written: both keys are there, everything opens.
	stop, n := errors.New("stop"), 0
	err = f.keys.Rotate(f.ctx, root, func(ctx context.Context, fn func(*db.Tx) error) error {
		return f.db.Do(ctx, func(tx *db.Tx) error {
			if err := fn(tx); err != nil {
				return err
			}
			if n++; n == 2 {
				return stop
			}
			return nil
		})
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		for i := range 5 {
			if b, err := f.open(ann, "demo", fmt.Sprintf("shared/k%d", i)); err != nil || string(b) != fmt.Sprint("secret ", i) {
				t.Errorf("key %d: %v", i, err)
			}
		}
		f.ok(f.keys.Ready(f.ctx, f.db.Read()))
	}
	check()
	f.reload()
	check()
	f.ok(f.keys.Rotate(f.ctx, root, f.db.Do))
	check()
	f.reload()
	check()
	after, err := os.ReadFile(f.file)
	f.ok(err)
	if strings.Count(string(after), "muster-master-1") != 1 || bytes.Equal(before, after) {
		t.Errorf("the old master key is still there")
	}
	_, err = f.put(root, "shared/new", key.Password, "x")
	f.ok(err)
}

package backup_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"muster/internal/backup"
	"muster/internal/db"
	"muster/internal/fault"
)

// nothing fails the test when a restore that was refused left something.
func nothing(t *testing.T, r backup.Restore) {
	t.Helper()
	if entries, err := os.ReadDir(r.Data); err == nil && len(entries) > 0 {
		t.Fatalf("left behind: %v", entries)
	}
}

func TestCutOffAnywhere(t *testing.T) {
	o := newOffice(t)
	for _, plain := range []bool{false, true} {
		m := o.make("whole")
		if plain {
			m.Plain, m.Recipients, m.Out = true, nil, o.path("plain")
		}
		o.done(m)
		b, err := os.ReadFile(m.Out)
		o.ok(err)
		for i := range 9 {
			at := len(b) * i / 9
			if i == 8 {
				at = len(b) - 1
			}
			cut := o.path("cut")
			o.ok(os.WriteFile(cut, b[:at], 0o600))
			r := o.restore(cut)
			_, err := r.Do(ctx)
			if k := fault.KindOf(err); err == nil || k != fault.Conflict && k != fault.Invalid {
				t.Fatalf("plain=%v, cut at %d of %d: %v", plain, at, len(b), err)
			}
			nothing(t, r)
		}
	}
}

func TestChangedAnywhere(t *testing.T) {
	o := newOffice(t)
	o.done(o.make("whole"))
	b, err := os.ReadFile(o.path("whole"))
	o.ok(err)
	for i := range 12 {
		at := len(b) * i / 12
		changed := bytes.Clone(b)
		changed[at] ^= 1
		o.ok(os.WriteFile(o.path("changed"), changed, 0o600))
		r := o.restore(o.path("changed"))
		_, err := r.Do(ctx)
		if k := fault.KindOf(err); err == nil || k != fault.Conflict && k != fault.Invalid && k != fault.Denied {
			t.Fatalf("changed at %d of %d: %v", at, len(b), err)
		}
		nothing(t, r)
	}
}

type member struct {
	head tar.Header
	body []byte
}

// rewritten is the archive as somebody who may write it would change it: one
// that is not encrypted, or encrypted anew for the same recipient.
func (o *office) rewritten(change func([]member) []member) string {
	o.t.Helper()
	m := o.make("plain-" + o.t.Name())
	m.Out = filepath.Join(o.t.TempDir(), "p")
	m.Plain, m.Recipients = true, nil
	o.done(m)
	f, err := os.Open(m.Out)
	o.ok(err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	o.ok(err)
	in := tar.NewReader(z)
	all := []member{}
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		o.ok(err)
		b, err := io.ReadAll(in)
		o.ok(err)
		all = append(all, member{*h, b})
	}
	var buf bytes.Buffer
	e, err := age.Encrypt(&buf, o.id.Recipient())
	o.ok(err)
	gz := gzip.NewWriter(e)
	out := tar.NewWriter(gz)
	for _, m := range change(all) {
		m.head.Size = int64(len(m.body))
		if m.head.Typeflag != tar.TypeReg {
			m.head.Size = 0
		}
		o.ok(out.WriteHeader(&m.head))
		if m.head.Size > 0 {
			_, err := out.Write(m.body)
			o.ok(err)
		}
	}
	o.ok(out.Close())
	o.ok(gz.Close())
	o.ok(e.Close())
	path := filepath.Join(o.t.TempDir(), "rewritten")
	o.ok(os.WriteFile(path, buf.Bytes(), 0o600))
	return path
}

func find(ms []member, prefix string) int {
	for i, m := range ms {
		if strings.HasPrefix(m.head.Name, prefix) {
			return i
		}
	}
	panic("no " + prefix)
}

func TestHostileArchives(t *testing.T) {
	o := newOffice(t)
	outside := filepath.Join(t.TempDir(), "victim")
	insert := func(m member) func([]member) []member {
		return func(ms []member) []member {
			i := find(ms, "blobs/")
			return append(append(append([]member{}, ms[:i]...), m), ms[i:]...)
		}
	}
	file := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600} }
	for name, change := range map[string]func([]member) []member{
		"path upwards":  insert(member{file("blobs/../../../victim"), []byte("x")}),
		"absolute path": insert(member{file(outside), []byte("x")}),
		"symbolic link": insert(member{tar.Header{Typeflag: tar.TypeSymlink, Name: "blobs/a", Linkname: filepath.Dir(outside)}, nil}),
		"hard link":     insert(member{tar.Header{Typeflag: tar.TypeLink, Name: "blobs/a", Linkname: "/etc/passwd"}, nil}),
		"device":        insert(member{tar.Header{Typeflag: tar.TypeChar, Name: "blobs/a"}, nil}),
		"unknown key": func(ms []member) []member {
			return insertBefore(ms, "manifest", member{file("keys/authorized_keys"), []byte("x")})
		},
		"a key not told of": func(ms []member) []member {
			return insertBefore(ms, "manifest", member{file("keys/tls.key"), []byte("x")})
		},
		"one file more":  insert(member{file("blobs/a"), []byte("x")}),
		"one file twice": func(ms []member) []member { i := find(ms, "blobs/"); return insert(ms[i])(ms) },
		"one file less":  func(ms []member) []member { i := find(ms, "blobs/"); return append(ms[:i:i], ms[i+1:]...) },
		"one file changed": func(ms []member) []member {
			i := find(ms, "blobs/run/x/1")
			ms[i].body[0] ^= 1
			return ms
		},
		"one table less":  func(ms []member) []member { i := find(ms, "tables/message/"); return append(ms[:i:i], ms[i+1:]...) },
		"one row changed": func(ms []member) []member { i := find(ms, "tables/message/"); ms[i].body[40] ^= 1; return ms },
		"a row too long":  func(ms []member) []member { i := find(ms, "tables/message/"); ms[i].body[0] = 0x7f; return ms },
		"rows of nonsense": func(ms []member) []member {
			i := find(ms, "tables/message/")
			ms[i].body = bytes.Repeat([]byte{0xff}, 99)
			return ms
		},
		"something behind": func(ms []member) []member { return append(ms, member{file("blobs/z"), []byte("x")}) },
		"no manifest":      func(ms []member) []member { return ms[:len(ms)-1] },
		"another ledger": func(ms []member) []member {
			for i := range ms {
				if strings.HasPrefix(ms[i].head.Name, "tables/ledger_event/") {
					ms[i].body = bytes.Replace(ms[i].body, []byte("test.Said"), []byte("test.Lied"), 1)
				}
			}
			return ms
		},
	} {
		r := o.restore(o.rewritten(change))
		_, err := r.Do(ctx)
		if !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Message(err), "damaged, cut off") && !strings.Contains(fault.Message(err), "ends too early") {
			t.Errorf("%s: %v", name, err)
		}
		nothing(t, r)
	}
	if _, err := os.Lstat(outside); err == nil {
		t.Error("something was written outside")
	}

	// A version from the future is told as such.
	for field, words := range map[string]string{"schema": "newer Muster", "format": "newer Muster"} {
		r := o.restore(o.rewritten(func(ms []member) []member {
			h := map[string]any{}
			o.ok(json.Unmarshal(ms[0].body, &h))
			h[field] = 9999
			ms[0].body, _ = json.Marshal(h)
			return ms
		}))
		_, err := r.Do(ctx)
		refused(t, err, fault.Conflict, words)
	}
}

func insertBefore(ms []member, prefix string, m member) []member {
	i := find(ms, prefix)
	return append(append(append([]member{}, ms[:i]...), m), ms[i:]...)
}

// A forger who rewrites rows and manifest alike still does not have the ledger's key.
func TestForgedLedgerIsFound(t *testing.T) {
	o := newOffice(t)
	o.ok(o.db.Bulk(ctx, func(b *db.Bulk) error {
		_, err := b.Exec(ctx, `UPDATE ledger_event SET body = REPLACE(body, 'test.Said', 'test.Lied') WHERE n = 2`)
		return err
	}))
	o.done(o.make("b"))
	r := o.restore(o.path("b"))
	_, err := r.Do(ctx)
	refused(t, err, fault.Conflict, "NOT sound")
	nothing(t, r)
}

func TestPassphrase(t *testing.T) {
	o := newOffice(t)
	right, wrong, short := o.path("right"), o.path("wrong"), o.path("short")
	o.ok(os.WriteFile(right, []byte("correct horse battery\n"), 0o600))
	o.ok(os.WriteFile(wrong, []byte("incorrect horse battery\n"), 0o600))
	o.ok(os.WriteFile(short, []byte("secret\n"), 0o600))
	_, err := backup.Recipients(nil, nil, short)
	refused(t, err, fault.Invalid, "at least 16")
	m := o.make("b")
	m.Recipients, err = backup.Recipients(nil, nil, right)
	o.ok(err)
	o.done(m)
	r := o.restore(o.path("b"))
	r.Identities, err = backup.Identities("", wrong)
	o.ok(err)
	_, err = r.Do(ctx)
	refused(t, err, fault.Denied, "does not open")
	r.Identities, err = backup.Identities("", right)
	o.ok(err)
	_, err = r.Do(ctx)
	o.ok(err)
}

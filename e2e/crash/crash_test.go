package main

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/e2e/host"
)

// TestCrash is the harness in its shortest form, and then the harness itself on
// trial: what is taken away or doubled behind the server's back must be found.
func TestCrash(t *testing.T) {
	dir, err := os.MkdirTemp("", "crash") // the admin socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	bin, err := host.Build(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	b, err := newBank(ctx, bin, filepath.Join(dir, "b"), "sqlite", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	if err := b.start(); err != nil {
		t.Fatal(err)
	}
	if err := b.furnish(ctx); err != nil {
		t.Fatal(err)
	}
	if err := b.follow(2); err != nil {
		t.Fatal(err)
	}
	l := b.load("test")
	defer l.stop()
	for range 2 {
		if err := b.hold(ctx, 1500*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if err := b.kill(); err != nil {
			t.Fatal(err)
		}
		if err := b.start(); err != nil {
			t.Fatal(err)
		}
	}
	b.finish(l)
	if !b.book.clean() {
		t.Fatal(strings.Join(b.book.findings, "\n"))
	}
	if b.book.counted("messages verified") == 0 || b.book.counted("log lines verified") == 0 || b.book.counted("pages") == 0 {
		t.Fatalf("nothing was looked at: %v", b.book.counts)
	}
	if err := b.kill(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(b.data, "admin.sock")); err != nil { // sockets cannot be copied
		t.Fatal(err)
	}
	for _, c := range []struct{ what, sql, want string }{
		{"a lost message", `DELETE FROM message WHERE id = (SELECT MIN(id) FROM message WHERE client_key <> '')`, "acknowledged message is gone"},
		{"a lost version", `DELETE FROM message_version WHERE rowid = (SELECT MAX(rowid) FROM message_version)`, "hole or a double"},
		{"another text", `UPDATE message SET text = 'other' WHERE id = (SELECT MIN(id) FROM message WHERE client_key <> '')`, "differs from its newest text"},
		{"a lost alert", `DELETE FROM alert WHERE id = (SELECT MIN(id) FROM alert)`, "acknowledged alert is gone"},
		{"a page twice", `INSERT INTO incident_page (id, incident, escalation, person, level, state, notification, paged_at, seen_at, acknowledged_at, joined_at) SELECT 'twice', incident, escalation, person, level, state, notification, paged_at, 0, 0, 0 FROM incident_page LIMIT 1`, "one page twice"},
		{"a lost run", `DELETE FROM run WHERE number = 1`, "acknowledged run is gone"},
		{"a lost line", `UPDATE run_chunk SET chain = 'x' WHERE run = (SELECT MIN(run) FROM run_chunk)`, "broken at line"},
		{"a changed event", `UPDATE ledger_event SET kind = 'run.Else' WHERE n = (SELECT MAX(n) FROM ledger_event WHERE kind = 'run.Requested')`, "NOT sound"},
		{"a task given up", `UPDATE task SET state = 'failed' WHERE id = (SELECT MIN(id) FROM task)`, "given up"},
	} {
		t.Run(c.what, func(t *testing.T) { b.tampered(t, c.sql, "", c.want) })
	}
	t.Run("an execution twice", func(t *testing.T) { b.tampered(t, "", "1\n1\n", "executed") })
}

// tampered looks at a copy of the data in which something is not as it was.
func (b *bank) tampered(t *testing.T, query, ran, want string) {
	c := &bank{bin: b.bin, dir: t.TempDir(), ran: filepath.Join(t.TempDir(), "ran"), book: newBook()}
	c.data = filepath.Join(c.dir, "data")
	c.book.posts, c.book.edits, c.book.alerts, c.book.runs = b.book.posts, b.book.edits, b.book.alerts, b.book.runs
	if err := os.CopyFS(c.data, os.DirFS(b.data)); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(b.ran)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.ran, append(raw, ran...), 0o600); err != nil {
		t.Fatal(err)
	}
	if query != "" {
		d, err := sql.Open("sqlite", filepath.Join(c.data, "muster.db")) // without foreign keys
		if err != nil {
			t.Fatal(err)
		}
		r, err := d.ExecContext(context.Background(), query)
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := r.RowsAffected(); n == 0 {
			t.Fatal("nothing was changed")
		}
		_ = d.Close()
	}
	c.verify()
	if !strings.Contains(strings.Join(c.book.findings, "\n"), want) {
		t.Errorf("not found; instead: %v", c.book.findings)
	}
}

// TestReport: only what stands between the marks is written anew.
func TestReport(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(file, []byte("before\n"+beginMark+"old"+endMark+"\nafter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeReport(file, []outcome{{name: "3 kills on sqlite", book: newBook(), notes: []string{"seen"}}}, 7); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if text := string(got); err != nil || !strings.HasPrefix(text, "before\n") || !strings.HasSuffix(text, "\nafter\n") || strings.Contains(text, "old") || !strings.Contains(text, "| 3 kills on sqlite | 0 |") || !strings.Contains(text, "seed 7") {
		t.Errorf("%s %v", got, err)
	}
	if err := os.WriteFile(file, []byte("no marks"), 0o600); err != nil {
		t.Fatal(err)
	}
	if writeReport(file, nil, 7) == nil {
		t.Error("a page without marks was written")
	}
}

package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"muster/internal/actor"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// fuzzKey is fixed, so that a corpus made with it stays of use.
const fuzzKey = "PRIVATE+KEY+muster-ledger+f93e45c4+AWQ6Xj9MvDPxYyqR1hUoD3wYbU0O1W9mN9x4r6fXg6aI"

// FuzzCheckpoint: only what this ledger's key signed is a checkpoint, and a key
// file is read or refused.
func FuzzCheckpoint(f *testing.F) {
	keys, text, err := NewKeys()
	if err != nil {
		f.Fatal(err)
	}
	true1, err := keys.sign(Checkpoint{Size: 7, Root: tlog.RecordHash([]byte("x")), At: time.Unix(1_790_000_000, 0)})
	if err != nil {
		f.Fatal(err)
	}
	// \x01 stands for the signature, which is another each time.
	body, signature, _ := strings.Cut(true1, "\n\n")
	f.Add(body+"\n\n\x01", "")
	f.Add(body+"\n\n\x01\n\n \r\n", "\x02")
	f.Add(strings.Replace(body, "\n7\n", "\n8\n", 1)+"\n\n\x01", "a\nb\nc")
	f.Add("\n\n— muster-ledger AAAA", fuzzKey+"\n\n")
	f.Add(body+"\n\n\x01— other AAAAAAAA\n", "\n\n\n")
	f.Add("muster ledger\n-1\nAAAA\n2026-11-22T00:00:00Z\n", "PRIVATE+KEY+x+00000000+AA\ny\nAAAA")
	f.Add("muster ledger\n1\n"+strings.Repeat("A", 43)+"=\n0000-00-00T99:00:00Z\n", "")
	f.Fuzz(func(t *testing.T, signed, file string) {
		c, err := OpenCheckpoint(strings.ReplaceAll(signed, "\x01", signature), keys.Verifier)
		if err == nil && (c.Size != 7 || c.text() != body+"\n") {
			t.Fatalf("%q is taken as %+v", signed, c)
		}
		if _, err := OpenCheckpoint(true1, signed); err == nil {
			t.Fatalf("%q verifies what it has not signed", signed)
		}
		if c, err := parseCheckpoint(signed); err == nil {
			if c.Size < 0 {
				t.Fatalf("%q has the size %d", signed, c.Size)
			}
			if again, err := parseCheckpoint(c.text()); err != nil || again.Size != c.Size || again.Root != c.Root || !again.At.Equal(c.At) {
				t.Fatalf("%q reads as %+v and then as %+v, %v", signed, c, again, err)
			}
		}
		if k, err := parseKeys(strings.ReplaceAll(file, "\x02", text)); err == nil && (k.Signer == nil || len(k.Private) != 32) {
			t.Fatalf("%q is taken as a key file", file)
		}
		if b, err := keys.unlock("e/f", []byte(file)); err == nil {
			t.Fatalf("%q opens as %q", file, b)
		}
	})
}

type fuzzed struct {
	Job    string `json:"job" class:"public"`
	Reason string `json:"reason"`
}

func (fuzzed) EventKind() string { return "test.Fuzzed" }

var errUndo = errors.New("undo")

// FuzzVerify: whatever is changed in the ledger's tables, verification says so
// or finds the same record as before; it never breaks down.
func FuzzVerify(f *testing.F) {
	keys, _, err := NewKeys()
	if err != nil {
		f.Fatal(err)
	}
	ctx := context.Background()
	d := dbtest.Open(f)
	l := New(clock.Real{}, bus.NewMemory(), keys)
	const records = 5
	for i := range records {
		if err := d.Do(ctx, func(tx *db.Tx) error {
			return l.Append(ctx, tx, actor.Actor{ID: "u1", Name: "ann", Kind: actor.Person}, About{Resource: "run:1", Room: "r1"}, fuzzed{fmt.Sprint("job ", i), "because"})
		}); err != nil {
			f.Fatal(err)
		}
	}
	sealed, err := Head(ctx, d.Read())
	if err != nil {
		f.Fatal(err)
	}
	columns := []string{"body", "n", "id", "at", "kind", "actor", "resource", "room", "incident", "project", "outcome"}
	for i := range columns {
		f.Add(uint8(0), uint8(i), uint8(i%records), "x", int64(3))
	}
	for op := range 9 {
		f.Add(uint8(op), uint8(0), uint8(2), `{"n":2,"fields":{}}`, int64(-1))
		f.Add(uint8(op), uint8(1), uint8(4), sealed, int64(1<<62))
	}
	f.Add(uint8(0), uint8(0), uint8(1), `{"n":1e400}`, int64(0))
	f.Add(uint8(3), uint8(0), uint8(0), strings.Replace(sealed, "\n5\n", "\n4\n", 1), int64(0))
	f.Fuzz(func(t *testing.T, op, column, row uint8, text string, number int64) {
		if strings.Contains(text, "\x00") || len(text) > 1<<16 {
			return
		}
		name := columns[int(column)%len(columns)]
		var value any = text
		if name == "n" || name == "at" {
			value = number
		}
		n := int64(row) % records
		hash := tlog.StoredHashIndex(0, records) // as many hashes as there are
		// Told outside of the transaction: a test must not end inside of one.
		told := ""
		found := func(format string, a ...any) error { told = fmt.Sprintf(format, a...); return errUndo }
		err := d.Do(ctx, func(tx *db.Tx) error {
			refused := false
			exec := func(query string, args ...any) bool {
				res, err := tx.Exec(ctx, query, args...)
				if err != nil {
					refused = true // by the database itself
					return false
				}
				changed, err := res.RowsAffected()
				return err == nil && changed > 0
			}
			changed, what := false, ""
			switch op % 9 {
			case 0:
				changed, what = exec(`UPDATE ledger_event SET `+name+` = $1 WHERE n = $2 AND `+name+` <> $1`, value, n), "an event's "+name
			case 1:
				changed, what = exec(`DELETE FROM ledger_event WHERE n = $1`, n), "an event was deleted"
			case 2:
				changed, what = exec(`INSERT INTO ledger_event SELECT $1, id || 'x', at, kind, actor, resource, room, incident, project, outcome, $2 FROM ledger_event WHERE n = $3`, number, text, n), "an event was inserted"
			case 3:
				changed, what = exec(`UPDATE ledger_head SET note = $1 WHERE note <> $1`, text), "the head's note"
			case 4:
				changed, what = exec(`UPDATE ledger_head SET size = $1 WHERE size <> $1`, number), "the head's size"
			case 5:
				changed, what = exec(`UPDATE ledger_hash SET h = $1 WHERE n = $2 AND h <> $1`, []byte(text), int64(row)%hash), "a hash"
			case 6:
				changed, what = exec(`DELETE FROM ledger_hash WHERE n = $1`, int64(row)%hash), "a hash was deleted"
			case 7:
				changed, what = exec(`INSERT INTO ledger_hash (n, h) VALUES ($1, $2)`, number, []byte(text)), "a hash was inserted"
			case 8: // a record and its hash, by somebody who knows how
				leaf := tlog.RecordHash([]byte(text))
				changed = exec(`UPDATE ledger_event SET body = $1 WHERE n = $2 AND body <> $1`, text, n) && exec(`UPDATE ledger_hash SET h = $1 WHERE n = $2`, leaf[:], tlog.StoredHashIndex(0, n))
				what = "an event and its hash"
			}
			if refused && tx.Dialect() == db.Postgres {
				return errUndo // which has ended the transaction
			}
			rep, err := Verify(ctx, tx, keys.Verifier, "")
			if err != nil {
				return found("%s (%q, %d): %v", what, text, number, err)
			}
			if _, err := Verify(ctx, tx, keys.Verifier, text); err != nil {
				return found("against %q: %v", text, err)
			}
			if changed && rep.OK() && (op%9 != 3 || !sameCheckpoint(text, sealed, keys.Verifier)) {
				return found("not found: %s of %d: %q, %d", what, n, text, number)
			}
			if !changed && !rep.OK() {
				return found("nothing was changed, and yet %+v", rep)
			}
			if len(rep.Problems) > maxProblems {
				return found("%d problems", len(rep.Problems))
			}
			return errUndo
		})
		if !errors.Is(err, errUndo) {
			t.Fatal(err)
		}
		if told != "" {
			t.Fatal(told)
		}
	})
}

// sameCheckpoint: the same statement under the same signature; blanks around it
// and signatures of others mean nothing.
func sameCheckpoint(a, b, verifier string) bool {
	v, err := note.NewVerifier(verifier)
	if err != nil {
		return false
	}
	x, errX := note.Open([]byte(strings.TrimRight(a, "\r\n ")+"\n"), note.VerifierList(v))
	y, errY := note.Open([]byte(b), note.VerifierList(v))
	return errX == nil && errY == nil && x.Text == y.Text
}

package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"reflect"

	"golang.org/x/mod/sumdb/tlog"

	"muster/internal/db"
)

// Problem is one place where the record is not what was sealed.
type Problem struct {
	N    int64  `json:"n" doc:"Record number, -1 when it concerns the whole"`
	Kind string `json:"kind" doc:"changed, deleted, inserted, reordered, hash, head, tail"`
	Text string `json:"text"`
}

// Report of a verification.
type Report struct {
	Records    int64     `json:"records"`
	Checkpoint string    `json:"checkpoint" doc:"time of the signed checkpoint"`
	Problems   []Problem `json:"problems"`
	Compared   string    `json:"compared,omitempty" doc:"what an outside checkpoint was compared with"`
}

// OK says that nothing was found.
func (r Report) OK() bool { return len(r.Problems) == 0 }

// maxProblems keeps a report of a ruined ledger readable.
const maxProblems = 100

// Verify checks every record against the sealed tree, and the tree against the
// signed checkpoint. Flips, deletions, reorderings and insertions are found
// from the database alone; a tail that was cut off together with its
// checkpoint is found only against outside, a checkpoint exported earlier ("" for none).
func Verify(ctx context.Context, q db.Querier, verifier, outside string) (Report, error) {
	rep := Report{Problems: []Problem{}}
	add := func(n int64, kind, text string, a ...any) {
		if len(rep.Problems) < maxProblems {
			rep.Problems = append(rep.Problems, Problem{n, kind, fmt.Sprintf(text, a...)})
		}
	}
	signed, err := Head(ctx, q)
	if err != nil {
		return rep, fmt.Errorf("read the checkpoint: %w", err)
	}
	var head Checkpoint
	switch {
	case signed == "":
		add(-1, "head", "There is no signed checkpoint. An empty ledger has none; otherwise it was removed.")
		var n int64
		if err := q.QueryRow(ctx, `SELECT COUNT(*) FROM ledger_event`).Scan(&n); err != nil {
			return rep, err
		}
		if n == 0 {
			beside, err := Beside(ctx, q)
			if err != nil {
				return rep, err
			}
			if beside > 0 {
				rep.Problems = []Problem{{-1, "head", fmt.Sprintf("The ledger is missing: it is empty beside %d accounts, and each of them was recorded.", beside)}}
				return rep, nil
			}
			if outside == "" {
				rep.Problems = []Problem{}
				return rep, nil
			}
		}
	default:
		if head, err = OpenCheckpoint(signed, verifier); err != nil {
			add(-1, "head", "%v.", err)
		} else {
			rep.Checkpoint = head.At.Format("2006-01-02T15:04:05Z07:00")
			var size int64
			if err := q.QueryRow(ctx, `SELECT size FROM ledger_head WHERE one = 1`).Scan(&size); err == nil && size != head.Size {
				add(-1, "head", "The head says %d records, its signed checkpoint %d.", size, head.Size)
			}
		}
	}
	w := &walk{ctx: ctx, q: q, head: head, add: add}
	if err := w.records(); err != nil {
		return rep, err
	}
	rep.Records = w.seen
	if err := w.storedHashes(); err != nil {
		return rep, err
	}
	if head.Size > 0 && w.next == head.Size {
		if root, err := tlog.TreeHash(head.Size, w); err != nil || root != head.Root {
			add(-1, "hash", "The records do not add up to the signed checkpoint over %d records: a record and its hash were both rewritten.", head.Size)
		}
	}
	if outside != "" {
		w.compare(&rep, outside, verifier)
	}
	return rep, nil
}

// Beside counts what is never there without a record: accounts.
func Beside(ctx context.Context, q db.Querier) (n int, err error) {
	if err := q.QueryRow(ctx, `SELECT COUNT(*) FROM account`).Scan(&n); err != nil {
		return 0, fmt.Errorf("count accounts: %w", err)
	}
	return n, nil
}

// walk recomputes the tree from the records. A record that is missing or
// changed is replaced by its stored leaf hash, so that one wound is one
// finding and not the whole rest of the tree.
type walk struct {
	ctx  context.Context
	q    db.Querier
	head Checkpoint
	add  func(n int64, kind, text string, a ...any)

	next int64 // records in the recomputed tree
	seen int64
	tree []tlog.Hash
}

func (w *walk) ReadHashes(ix []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(ix))
	for i, n := range ix {
		if n < 0 || n >= int64(len(w.tree)) {
			return nil, fmt.Errorf("hash %d is outside the tree", n)
		}
		out[i] = w.tree[n]
	}
	return out, nil
}

func (w *walk) grow(leaf tlog.Hash) error {
	hs, err := tlog.StoredHashesForRecordHash(w.next, leaf, w)
	if err != nil {
		return err
	}
	w.tree = append(w.tree, hs...)
	w.next++
	return nil
}

// leaf is the stored hash of record n, as far as it is there.
func (w *walk) leaf(n int64) (h tlog.Hash, ok bool) {
	var b []byte
	if err := w.q.QueryRow(w.ctx, `SELECT h FROM ledger_hash WHERE n = $1`, tlog.StoredHashIndex(0, n)).Scan(&b); err != nil || len(b) != tlog.HashSize {
		return h, false
	}
	copy(h[:], b)
	return h, true
}

type row struct {
	n, at                                                      int64
	id, kind, actor, resource, room, incident, project, result string
	body                                                       string
}

func (w *walk) records() error {
	const page = 2000
	// From the very first number there is: a record below 0 was inserted.
	for from, more := int64(math.MinInt64), true; more; {
		rows, err := db.All(w.ctx, w.q, func(s db.Scanner) (r row, err error) {
			return r, s.Scan(&r.n, &r.id, &r.at, &r.kind, &r.actor, &r.resource, &r.room, &r.incident, &r.project, &r.result, &r.body)
		}, `SELECT n, id, at, kind, actor, resource, room, incident, project, outcome, body FROM ledger_event WHERE n >= $1 ORDER BY n LIMIT $2`, from, page)
		if err != nil {
			return fmt.Errorf("read the ledger: %w", err)
		}
		more = len(rows) == page
		for _, r := range rows {
			from, more = r.n+1, more && r.n < math.MaxInt64
			w.seen++
			if err := w.record(r); err != nil {
				return err
			}
		}
	}
	return w.missing(w.head.Size)
}

// missing reports the records between what was seen and n.
func (w *walk) missing(n int64) error {
	for w.next < n {
		w.add(w.next, "deleted", "Record %d is missing.", w.next)
		h, _ := w.leaf(w.next)
		if err := w.grow(h); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) record(r row) error {
	if r.n >= w.head.Size && w.head.Size > 0 || r.n < 0 {
		w.add(r.n, "inserted", "Record %d (%s) lies outside the signed checkpoint over %d records: it was inserted, or the checkpoint was put back.", r.n, r.kind, w.head.Size)
		return nil
	}
	if err := w.missing(r.n); err != nil {
		return err
	}
	hash := tlog.RecordHash([]byte(r.body))
	if stored, ok := w.leaf(r.n); ok && stored != hash {
		w.wound(r)
		return w.grow(stored)
	} else if !ok {
		w.add(r.n, "hash", "The stored hash of record %d is missing.", r.n)
	}
	w.columns(r)
	return w.grow(hash)
}

// wound says in words what is wrong with a record whose hash does not fit.
func (w *walk) wound(r row) {
	var rec Body
	if err := json.Unmarshal([]byte(r.body), &rec); err == nil && rec.N != r.n {
		w.add(r.n, "reordered", "Record %d holds what was sealed as record %d (%s).", r.n, rec.N, rec.Kind)
		return
	}
	w.add(r.n, "changed", "Record %d (%s by %s) was changed after it was sealed.", r.n, r.kind, r.actor)
}

// columns must repeat the sealed body: a reader that queries by them must not be misled.
func (w *walk) columns(r row) {
	var rec Body
	if err := json.Unmarshal([]byte(r.body), &rec); err != nil {
		w.add(r.n, "changed", "Record %d cannot be read: %v.", r.n, err)
		return
	}
	if rec.N != r.n {
		w.add(r.n, "reordered", "Record %d holds what was sealed as record %d (%s).", r.n, rec.N, rec.Kind)
		return
	}
	want := row{n: rec.N, at: db.Micro(rec.At), id: rec.ID, kind: rec.Kind, actor: rec.ActorID, resource: rec.Resource, room: rec.Room, incident: rec.Incident, project: rec.Project, result: rec.Outcome, body: r.body}
	if !reflect.DeepEqual(want, r) {
		w.add(r.n, "changed", "Record %d (%s by %s): its columns do not repeat what was sealed.", r.n, rec.Kind, rec.ActorName)
	}
}

// storedHashes compares every stored hash with the recomputed tree.
func (w *walk) storedHashes() error {
	type stored struct {
		n int64
		h []byte
	}
	const page = 10000
	count := int64(0)
	for from, more := int64(math.MinInt64), true; more; {
		rows, err := db.All(w.ctx, w.q, func(s db.Scanner) (r stored, err error) { return r, s.Scan(&r.n, &r.h) }, `SELECT n, h FROM ledger_hash WHERE n >= $1 ORDER BY n LIMIT $2`, from, page)
		if err != nil {
			return fmt.Errorf("read the ledger's hashes: %w", err)
		}
		more = len(rows) == page
		for _, r := range rows {
			from, more = r.n+1, more && r.n < math.MaxInt64
			count++
			if r.n < 0 || r.n >= int64(len(w.tree)) {
				w.add(-1, "inserted", "Stored hash %d lies outside the tree.", r.n)
			} else if string(r.h) != string(w.tree[r.n][:]) {
				w.add(-1, "hash", "Stored hash %d does not follow from the records.", r.n)
			}
		}
	}
	if want := int64(len(w.tree)); count < want {
		w.add(-1, "hash", "%d of %d stored hashes are missing.", want-count, want)
	}
	return nil
}

func (w *walk) compare(rep *Report, outside, verifier string) {
	c, err := OpenCheckpoint(outside, verifier)
	if err != nil {
		w.add(-1, "tail", "The checkpoint you gave cannot be used: %v.", err)
		return
	}
	rep.Compared = fmt.Sprintf("checkpoint of %s over %d records", c.At.Format("2006-01-02T15:04:05Z07:00"), c.Size)
	if c.Size > w.next {
		w.add(w.next, "tail", "The tail was cut: the checkpoint covers %d records, the ledger has %d. Records %d to %d are gone.", c.Size, w.next, w.next, c.Size-1)
		return
	}
	if c.Size == 0 {
		return
	}
	root, err := tlog.TreeHash(c.Size, w)
	if err != nil || root != c.Root {
		w.add(-1, "tail", "The first %d records are not those the checkpoint was made over: history was rewritten.", c.Size)
	}
}

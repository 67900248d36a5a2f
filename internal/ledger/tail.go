package ledger

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"muster/internal/db"
)

// VerifyTail checks the signed head, and of the newest n records that each is
// what the head was signed over. It takes moments where Verify reads everything,
// and says nothing about older records. q must not change meanwhile.
func VerifyTail(ctx context.Context, q db.Querier, verifier string, n int64) (Report, error) {
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
	if signed == "" {
		return Verify(ctx, q, verifier, "") // empty, or its head is gone
	}
	head, err := OpenCheckpoint(signed, verifier)
	if err != nil {
		add(-1, "head", "%v.", err)
		return rep, nil
	}
	rep.Checkpoint = head.At.Format("2006-01-02T15:04:05Z07:00")
	if err := q.QueryRow(ctx, `SELECT COUNT(*) FROM ledger_event`).Scan(&rep.Records); err != nil {
		return rep, err
	}
	if rep.Records != head.Size {
		add(-1, "head", "There are %d records, and the signed checkpoint is over %d.", rep.Records, head.Size)
	}
	h := &hashes{ctx: ctx, q: q, cache: map[int64]tlog.Hash{}}
	if root, err := tlog.TreeHash(head.Size, h); err != nil || root != head.Root {
		add(-1, "hash", "The stored hashes do not add up to the signed checkpoint.")
		return rep, nil
	}
	rows, err := db.All(ctx, q, func(s db.Scanner) (r row, err error) {
		return r, s.Scan(&r.n, &r.id, &r.at, &r.kind, &r.actor, &r.resource, &r.room, &r.incident, &r.project, &r.result, &r.body)
	}, `SELECT n, id, at, kind, actor, resource, room, incident, project, outcome, body FROM ledger_event WHERE n >= $1 ORDER BY n`, head.Size-n)
	if err != nil {
		return rep, fmt.Errorf("read the ledger: %w", err)
	}
	w := &walk{ctx: ctx, q: q, head: head, add: add}
	for _, r := range rows {
		if r.n >= head.Size {
			add(r.n, "inserted", "Record %d (%s) lies outside the signed checkpoint over %d records.", r.n, r.kind, head.Size)
			continue
		}
		proof, err := tlog.ProveRecord(head.Size, r.n, h)
		if err == nil {
			err = tlog.CheckRecord(proof, head.Size, head.Root, r.n, tlog.RecordHash([]byte(r.body)))
		}
		if err != nil {
			w.wound(r)
			continue
		}
		w.columns(r)
	}
	return rep, nil
}

package run

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"muster/internal/db"
)

type chunk struct {
	n, first, lines, bytes int64
	blob, chain            string
}

// chunksOf lists the chunks that have lines after a number.
func (s *Store) chunksOf(ctx context.Context, q db.Querier, runID string, after int64) ([]chunk, error) {
	out, err := db.All(ctx, q, func(r db.Scanner) (c chunk, err error) {
		return c, r.Scan(&c.n, &c.first, &c.lines, &c.bytes, &c.blob, &c.chain)
	}, `SELECT n, first, lines, bytes, blob, chain FROM run_chunk WHERE run = $1 AND first + lines - 1 > $2 ORDER BY n`, runID, after)
	if err != nil {
		return nil, fmt.Errorf("read log: %w", err)
	}
	return out, nil
}

// LogQuery picks lines of a log.
type LogQuery struct {
	After  int64 // number of the last line the reader has
	Limit  int
	Node   string
	Step   int
	Stream string
}

// LogPage is a part of a log.
type LogPage struct {
	Items []LogLine `json:"items"`
	Next  int64     `json:"next" doc:"Give it as after to go on"`
	Total int64     `json:"total" doc:"Lines so far"`
	// Stored lines are acknowledged: they are there after a crash. What follows
	// them is shown at once and stored within a second.
	Stored int64 `json:"stored" doc:"Lines that are stored durably; those behind it may be lost if the server is killed now"`
	Done   bool  `json:"done" doc:"The run has ended and this was the last of its log"`
}

// scanMax bounds the lines looked at for one page when few of them are picked.
const scanMax = 200_000

// ReadLog gives a page: stored chunks first, then what the running engine holds.
func (s *Store) ReadLog(ctx context.Context, q db.Querier, r Run, in LogQuery) (LogPage, error) {
	if in.Limit <= 0 || in.Limit > 5000 {
		in.Limit = 2000
	}
	page := LogPage{Items: []LogLine{}, Next: max(0, in.After), Total: r.LogLines}
	// Asked before the lines are read, so that what it covers is among them as it is stored.
	if err := q.QueryRow(ctx, `SELECT COALESCE(MAX(first + lines - 1), 0) FROM run_chunk WHERE run = $1`, r.ID).Scan(&page.Stored); err != nil {
		return page, fmt.Errorf("read log: %w", err)
	}
	seen := 0
	err := s.lines(ctx, q, r.ID, page.Next, &page.Total, func(l LogLine) bool {
		if len(page.Items) >= in.Limit || seen >= scanMax {
			return false
		}
		seen++
		page.Next = l.N
		if (in.Node == "" || l.Node == in.Node) && (in.Step == 0 || l.Step == in.Step) && (in.Stream == "" || l.Stream == in.Stream) {
			page.Items = append(page.Items, l)
		}
		return true
	})
	page.Done = r.Ended() && page.Next >= page.Total
	return page, err
}

// lines gives every line after a number to fn, until it says no.
func (s *Store) lines(ctx context.Context, q db.Querier, runID string, after int64, total *int64, fn func(LogLine) bool) error {
	// The tail is taken before the chunks are listed: a line leaves the tail
	// only after its chunk is stored, so none can fall between.
	var tail []LogLine
	if v, ok := s.logs.Load(runID); ok {
		l := v.(*Log)
		tail = l.tail()
		*total = max(*total, l.lineCount())
	}
	cs, err := s.chunksOf(ctx, q, runID, after)
	if err != nil {
		return err
	}
	for _, c := range cs {
		*total = max(*total, c.first+c.lines-1)
	}
	last := after
	for _, c := range cs {
		b, err := s.blobs.Get(ctx, c.blob)
		if err != nil {
			return fmt.Errorf("read log of run %s: %w", runID, err)
		}
		dec := json.NewDecoder(bytes.NewReader(b))
		for {
			var l LogLine
			if err := dec.Decode(&l); err == io.EOF {
				break
			} else if err != nil {
				return fmt.Errorf("log of run %s, chunk %d: %w", runID, c.n, err)
			}
			if l.N <= last {
				continue
			}
			if last = l.N; !fn(l) {
				return nil
			}
		}
	}
	for _, l := range tail {
		if l.N <= last {
			continue
		}
		if last = l.N; !fn(l) {
			return nil
		}
	}
	return nil
}

// WriteLog writes the whole log as text. With several nodes each line names its own.
func (s *Store) WriteLog(ctx context.Context, q db.Querier, r Run, many bool, w io.Writer) error {
	b := bufio.NewWriterSize(w, 64<<10)
	type source struct {
		node   string
		step   int
		stream string
	}
	var prev source
	var total int64
	open := false
	err := s.lines(ctx, q, r.ID, 0, &total, func(l LogLine) bool {
		src := source{l.Node, l.Step, l.Stream}
		if !l.Cont || src != prev || !open {
			if open {
				_ = b.WriteByte('\n')
			}
			_, _ = b.WriteString(l.T.Format("15:04:05.000 "))
			if many && l.Node != "" {
				_, _ = b.WriteString(l.Node + ": ")
			}
			if l.Stream == "sys" {
				_, _ = b.WriteString("# ")
			}
		}
		_, err := b.WriteString(l.Text)
		prev, open = src, true
		return err == nil && ctx.Err() == nil
	})
	if open {
		_ = b.WriteByte('\n')
	}
	if ferr := b.Flush(); err == nil {
		err = ferr
	}
	return err
}

// VerifyLog reads the stored log and gives its digest; chain errors are errors.
func (s *Store) VerifyLog(ctx context.Context, q db.Querier, runID string) (lines int64, sha string, err error) {
	cs, err := s.chunksOf(ctx, q, runID, 0)
	if err != nil {
		return 0, "", err
	}
	sum := sha256.New()
	chain := ""
	for _, c := range cs {
		b, err := s.blobs.Get(ctx, c.blob)
		if err != nil {
			return 0, "", err
		}
		sum.Write(b)
		link := sha256.New()
		link.Write([]byte(chain))
		link.Write(b)
		if chain = hex.EncodeToString(link.Sum(nil)); chain != c.chain {
			return lines, "", fmt.Errorf("log of run %s was changed in chunk %d", runID, c.n)
		}
		lines += c.lines
	}
	return lines, hex.EncodeToString(sum.Sum(nil)), nil
}

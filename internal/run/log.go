package run

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"sync"
	"time"

	"muster/internal/blob"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
)

// LogLine is one line of a run's log.
type LogLine struct {
	N      int64     `json:"n" doc:"Number of the line, from 1"`
	T      time.Time `json:"t"`
	Node   string    `json:"node"`
	Step   int       `json:"step" doc:"Number of the step, from 1; 0 for the run itself"`
	Stream string    `json:"stream" enum:"out,err,sys"`
	Text   string    `json:"text"`
	Cont   bool      `json:"cont,omitempty" doc:"Goes on where the last line of the same node, step and stream stopped"`
}

const (
	logTick      = 100 * time.Millisecond // partial lines, publishing
	publishBurst = 4                      // publications at once after quiet; then one a tick
	logStore     = time.Second            // age at which lines are stored
	chunkBytes   = 256 << 10
	maxPending   = 8 << 20 // beyond it writers wait until lines are stored
	publishMax   = 400     // lines in one publication; who misses some reads them
	publishSize  = 96 << 10
	// DefaultLogLimit bounds a run's whole log.
	DefaultLogLimit = 1 << 30
)

// Log takes the lines of one run: it numbers, publishes and stores them.
type Log struct {
	run     string
	attempt int64
	db      *db.DB
	blobs   blob.Store
	bus     bus.Bus
	clock   clock.Clock
	slog    *slog.Logger
	limit   int64

	mu      sync.Mutex
	room    *sync.Cond // there is room for more pending lines
	pending []LogLine  // not yet stored
	size    int        // bytes in pending
	oldest  time.Time  // of pending
	total   int64      // lines numbered
	bytes   int64      // of all text
	sent    int64      // lines published
	stored  int64
	chunks  int64
	chain   string
	sum     hash.Hash
	full    bool
	broken  bool // the last store failed: writers do not wait
	lost    int64
	retry   int // lines of the chunk whose storing failed
	liners  map[*liner]struct{}
	closed  bool

	wake chan struct{}
	said chan struct{} // there is a line to publish
	done chan struct{}
	stop chan struct{}
}

func (s *Store) openLog(ctx context.Context, runID string, attempt int64) (*Log, error) {
	l := &Log{run: runID, attempt: attempt, db: s.db, blobs: s.blobs, bus: s.bus, clock: s.clock, slog: s.slog, limit: s.LogLimit, sum: sha256.New(),
		liners: map[*liner]struct{}{}, wake: make(chan struct{}, 1), said: make(chan struct{}, 1), done: make(chan struct{}), stop: make(chan struct{})}
	l.room = sync.NewCond(&l.mu)
	// A later attempt goes on in the log of the earlier.
	cs, err := s.chunksOf(ctx, s.db.Read(), runID, 0)
	if err != nil {
		return nil, err
	}
	for _, c := range cs {
		b, err := s.blobs.Get(ctx, c.blob)
		if err != nil {
			return nil, fmt.Errorf("read log of run %s: %w", runID, err)
		}
		l.sum.Write(b)
		l.total, l.chunks, l.chain, l.bytes = c.first+c.lines-1, c.n, c.chain, l.bytes+c.bytes
	}
	l.sent, l.stored = l.total, l.total
	s.logs.Store(runID, l)
	go l.work()
	return l, nil
}

// add numbers a line. It waits while storing cannot keep up.
func (l *Log) add(node string, step int, stream Stream, text string, cont bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.size > maxPending && !l.broken && !l.closed {
		l.kick()
		l.room.Wait()
	}
	switch {
	case l.closed:
		return
	case l.full && stream != Sys:
		return
	case l.size > maxPending:
		l.lost++
		return
	}
	l.put(node, step, stream, text, cont)
	if l.bytes > l.limit && !l.full {
		l.full = true
		l.put("", 0, Sys, fmt.Sprintf("The log has reached its limit of %s. What is written from here on is not kept; the run goes on.", sizeWords(l.limit)), false)
	}
}

func (l *Log) put(node string, step int, stream Stream, text string, cont bool) {
	l.total++
	now := l.clock.Now()
	if len(l.pending) == 0 {
		l.oldest = now
	}
	l.pending = append(l.pending, LogLine{N: l.total, T: now, Node: node, Step: step, Stream: stream.String(), Text: text, Cont: cont})
	l.size += len(text) + 100
	l.bytes += int64(len(text)) + 1
	select {
	case l.said <- struct{}{}:
	default:
	}
	if l.size >= chunkBytes {
		l.kick()
	}
}

func sizeWords(n int64) string {
	switch {
	case n >= 1<<30 && n%(1<<30) == 0:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

// Sys writes a line of the engine's own.
func (l *Log) Sys(node string, step int, format string, a ...any) {
	l.add(node, step, Sys, fmt.Sprintf(format, a...), false)
}

func (l *Log) kick() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// work publishes and stores until the log is closed. After quiet a line is
// published as it comes; of many, screens hear once a tick.
func (l *Log) work() {
	defer close(l.done)
	burst := publishBurst
	t := l.clock.NewTimer(logTick)
	defer func() { t.Stop() }()
	for {
		said := l.said
		if burst == 0 {
			said = nil
		}
		select {
		case <-l.stop:
			return
		case <-l.wake:
			_ = l.store(false)
		case <-said:
			if l.publish() {
				burst--
			}
		case <-t.C():
			if !l.tick() {
				burst = min(burst+1, publishBurst)
			}
			t = l.clock.NewTimer(logTick)
		}
	}
}

// tick says whether it published.
func (l *Log) tick() bool {
	l.mu.Lock()
	ls := make([]*liner, 0, len(l.liners))
	for x := range l.liners {
		ls = append(ls, x)
	}
	l.mu.Unlock()
	for _, x := range ls {
		// Not waited for: its writer may itself wait for lines to be stored.
		if x.lock.TryLock() {
			x.tick()
			x.lock.Unlock()
		}
	}
	published := l.publish()
	l.mu.Lock()
	due := len(l.pending) > 0 && (l.clock.Now().Sub(l.oldest) >= logStore || l.size >= chunkBytes)
	l.mu.Unlock()
	if due {
		_ = l.store(false)
	}
	return published
}

// publish shows the newest lines. Of a flood only the end is sent: the numbers
// show the gap, and who wants the rest reads it. It says whether there were any.
func (l *Log) publish() bool {
	l.mu.Lock()
	if l.sent == l.total {
		l.mu.Unlock()
		return false
	}
	from := len(l.pending)
	for n := 0; from > 0 && l.pending[from-1].N > l.sent && len(l.pending)-from < publishMax && n < publishSize; from-- {
		n += len(l.pending[from-1].Text) + 120
	}
	lines := append([]LogLine{}, l.pending[from:]...)
	first := l.total + 1
	if len(lines) > 0 {
		first = lines[0].N
	}
	l.sent = l.total
	total := l.total
	l.mu.Unlock()
	l.bus.Publish("run:"+l.run, map[string]any{"type": "log", "from": first, "lines": lines, "total": total})
	return true
}

// store writes pending lines as chunks. all stores until nothing is left.
func (l *Log) store(all bool) error {
	for {
		l.mu.Lock()
		if len(l.pending) == 0 {
			l.mu.Unlock()
			return nil
		}
		if l.lost > 0 && !l.broken {
			n := l.lost
			l.lost = 0
			l.put("", 0, Sys, fmt.Sprintf("%d lines are missing here: they could not be stored in time.", n), false)
		}
		// A chunk that could not be stored is tried again with the same lines: its
		// bytes may be there already, and bytes once stored do not change.
		n, size := l.retry, 0
		for l.retry == 0 && n < len(l.pending) && size < chunkBytes {
			size += len(l.pending[n].Text) + 100
			n++
		}
		lines := l.pending[:n:n]
		next, chain := l.chunks+1, l.chain
		l.mu.Unlock()

		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		for i := range lines {
			if err := enc.Encode(&lines[i]); err != nil {
				return err
			}
		}
		link := sha256.New()
		link.Write([]byte(chain))
		link.Write(b.Bytes())
		c := chunk{n: next, first: lines[0].N, lines: int64(n), bytes: int64(b.Len()), chain: hex.EncodeToString(link.Sum(nil)),
			blob: fmt.Sprintf("run/%s/%d-%06d.jsonl", l.run, l.attempt, next)}
		err := l.write(c, b.Bytes())
		l.mu.Lock()
		if l.broken = err != nil; err != nil {
			l.retry = n
			l.room.Broadcast()
			l.mu.Unlock()
			l.slog.Error("store log", "run", l.run, "error", err)
			return err
		}
		l.retry = 0
		l.sum.Write(b.Bytes())
		l.chunks, l.chain, l.stored = next, c.chain, lines[n-1].N
		l.pending = append([]LogLine(nil), l.pending[n:]...)
		l.size = 0
		for i := range l.pending {
			l.size += len(l.pending[i].Text) + 100
		}
		if len(l.pending) > 0 {
			l.oldest = l.pending[0].T
		}
		more := l.size >= chunkBytes || all
		l.room.Broadcast()
		l.mu.Unlock()
		if !more {
			return nil
		}
	}
}

var errFenced = errors.New("another worker took the run over")

func (l *Log) write(c chunk, data []byte) error {
	ctx := context.Background()
	if err := l.blobs.Put(ctx, c.blob, data); err != nil {
		return err
	}
	return l.db.Do(ctx, func(tx *db.Tx) error {
		// A worker that was given up must not write into its successor's log.
		r, err := tx.Exec(ctx, `UPDATE run SET log_lines = $3, log_bytes = log_bytes + $4 WHERE id = $1 AND attempt = $2`, l.run, l.attempt, c.first+c.lines-1, c.bytes)
		if err != nil {
			return err
		}
		if n, _ := r.RowsAffected(); n == 0 {
			return errFenced
		}
		_, err = tx.Exec(ctx, `INSERT INTO run_chunk (run, n, first, lines, bytes, blob, chain) VALUES ($1,$2,$3,$4,$5,$6,$7)`,
			l.run, c.n, c.first, c.lines, c.bytes, c.blob, c.chain)
		return err
	})
}

// close stores what is left and gives the digest of the whole log. It keeps
// trying until life ends, and a little longer.
func (l *Log) close(life context.Context) (lines int64, sha string, err error) {
	close(l.stop)
	<-l.done
	l.publish()
	for try := 0; try < 5 || life.Err() == nil; try++ {
		if err = l.store(true); err == nil || errors.Is(err, errFenced) {
			break
		}
		t := l.clock.NewTimer(min(time.Duration(1+try*try)*200*time.Millisecond, 3*time.Second))
		<-t.C()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.room.Broadcast()
	return l.stored, hex.EncodeToString(l.sum.Sum(nil)), err
}

// lineCount is how many lines there are so far.
func (l *Log) lineCount() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

// tail gives the lines that are not stored yet.
func (l *Log) tail() []LogLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]LogLine{}, l.pending...)
}

// output is where an executor writes one step on one node.
type output struct {
	log      *Log
	out, err *liner
}

func (l *Log) output(node string, step int, s *secrets) *output {
	mk := func(st Stream) *liner {
		x := newLiner(s, func(text string, cont bool) { l.add(node, step, st, text, cont) })
		l.mu.Lock()
		l.liners[x] = struct{}{}
		l.mu.Unlock()
		return x
	}
	return &output{l, mk(Stdout), mk(Stderr)}
}

// Write implements Output.
func (o *output) Write(stream Stream, data []byte) {
	x := o.out
	if stream == Stderr {
		x = o.err
	}
	x.lock.Lock()
	defer x.lock.Unlock()
	x.write(data)
}

func (o *output) close() {
	for _, x := range []*liner{o.out, o.err} {
		x.lock.Lock()
		x.close()
		x.lock.Unlock()
		o.log.mu.Lock()
		delete(o.log.liners, x)
		o.log.mu.Unlock()
	}
}

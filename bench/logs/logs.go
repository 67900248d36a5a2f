// Package logs measures the way of output: from a line printed on a node to
// fifty connected screens, and a log of 100 MB through storing, sealing and
// reading its end.
package logs

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	xssh "golang.org/x/crypto/ssh"

	"muster/bench/report"
	"muster/bench/rig"
	"muster/e2e/host"
)

const viewers = 50

type bench struct {
	r  *rig.Rig
	t  *rig.Targets
	s  *host.Server
	op *host.Client
}

// Run measures.
func Run(ctx context.Context, r *rig.Rig) error {
	t, err := r.Targets(ctx, 1)
	if err != nil {
		return err
	}
	defer t.Stop()
	s, err := r.Server("logs")
	if err != nil {
		return err
	}
	defer s.Stop()
	op, err := t.Project(ctx, s)
	if err != nil {
		return err
	}
	b := &bench{r, t, s, op}
	if err := b.lines(ctx); err != nil {
		return err
	}
	return b.flood(ctx)
}

// seen collects what a run told its screens.
type seen struct {
	mu    sync.Mutex
	late  report.Samples
	count int
	ended chan rig.Run
}

// hear takes log lines that are a time in nanoseconds, and the run's end.
func (v *seen) hear(e rig.Event) {
	var in struct {
		Type  string
		Lines []struct{ Text, Stream string }
		Run   rig.Run
	}
	if json.Unmarshal(e.Data, &in) != nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, l := range in.Lines {
		if ns, err := strconv.ParseInt(l.Text, 10, 64); err == nil && l.Stream == "out" {
			v.late = append(v.late, e.At.Sub(time.Unix(0, ns)))
			v.count++
		}
	}
	if in.Type == "run" && in.Run.Ended() && v.ended != nil {
		select {
		case v.ended <- in.Run:
		default:
		}
	}
}

func (b *bench) ask(ctx context.Context, command string) (rig.Run, error) {
	var made rig.Run
	return made, b.op.Call(ctx, "POST", "/projects/bench/adhoc", map[string]any{"command": command, "filter": ".*"}, &made)
}

func await(ctx context.Context, ended <-chan rig.Run, id string, within time.Duration) error {
	late := time.After(within)
	for {
		select {
		case r := <-ended:
			if r.ID == id && r.State != "succeeded" {
				return fmt.Errorf("the run %s: %s", r.State, r.Reason)
			} else if r.ID == id {
				return nil
			}
		case <-late:
			return errors.New("the run did not end in time")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// lines prints the time, ten a second, and looks when it arrives.
func (b *bench) lines(ctx context.Context) error {
	n := rig.Pick(b.r, 20, 200)
	// The first second is for the viewers to come.
	command := fmt.Sprintf(`sleep 2; i=0; while [ $i -lt %d ]; do date +%%s%%N; sleep 0.1; i=$((i+1)); done`, n)
	floor, err := b.direct(ctx, command)
	if err != nil {
		return err
	}
	v := &seen{ended: make(chan rig.Run, 256)}
	var sockets []*rig.Socket
	defer func() {
		for _, s := range sockets {
			s.Close()
		}
	}()
	var people []*host.Client // a person has a limit of sockets
	for i := range viewers / 10 {
		p, err := b.s.Person(ctx, fmt.Sprintf("viewer%d", i), "operator")
		if err != nil {
			return err
		}
		people = append(people, p)
	}
	made, err := b.ask(ctx, command)
	if err != nil {
		return err
	}
	for i := range viewers {
		s, err := rig.Dial(ctx, people[i%len(people)], v.hear)
		if err != nil {
			return err
		}
		sockets = append(sockets, s)
		if err := s.Follow(ctx, "run:"+made.ID); err != nil {
			return err
		}
	}
	if err := await(ctx, v.ended, made.ID, time.Minute+time.Duration(n)*300*time.Millisecond); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	l := b.r.Line("logs", fmt.Sprintf("line printed on the node → %d viewers by socket", viewers))
	l.Add("p50", v.late.At(.5), "ms").Add("p99", v.late.At(.99), "ms").Add("received", 100*float64(v.count)/float64(n*viewers), "%")
	l.Against("p99 < 300 ms", v.late.At(.99) < 300 && v.count == n*viewers)
	l.Over("the same line read from x/crypto/ssh by one reader, p99", v.late.At(.99), floor.At(.99), "ms")
	l.Note = "A real sshd; ten lines a second, each its own time. After quiet Muster shows a line as it comes; of a flood screens hear ten times a second."
	b.r.Put(l)
	return nil
}

func (b *bench) dial() (*xssh.Client, error) {
	cfg, err := b.t.Config(b.t.All[0])
	if err != nil {
		return nil, err
	}
	return xssh.Dial("tcp", b.t.All[0].Addr, cfg)
}

func (b *bench) direct(ctx context.Context, command string) (report.Samples, error) {
	c, err := b.dial()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	s, err := c.NewSession()
	if err != nil {
		return nil, err
	}
	out, err := s.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.Start(command); err != nil {
		return nil, err
	}
	var got report.Samples
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if ns, err := strconv.ParseInt(lines.Text(), 10, 64); err == nil {
			got = append(got, time.Since(time.Unix(0, ns)))
		}
	}
	return got, s.Wait()
}

// flood prints 100 MB and has one late viewer come in the middle and one at the end.
func (b *bench) flood(ctx context.Context) error {
	mb := rig.Pick(b.r, 5, 100)
	lines := mb * 10000
	// 100 bytes a line, each with its number.
	command := fmt.Sprintf(`awk 'BEGIN { for (i = 1; i <= %d; i++) printf "%%08d pacs.008 booked, camt.054 sent, debtor and creditor agents answered, end to end id PMT-%%08d ok...\n", i, i }'`, lines)
	floor, err := b.sink(command)
	if err != nil {
		return err
	}
	v := &seen{ended: make(chan rig.Run, 256)}
	s, err := rig.Dial(ctx, b.op, v.hear)
	if err != nil {
		return err
	}
	defer s.Close()
	before, _ := rig.RSS(b.s.Pid())
	cpu := rig.CPU(b.s.Pid())
	began := time.Now()
	made, err := b.ask(ctx, command)
	if err != nil {
		return err
	}
	if err := s.Follow(ctx, "run:"+made.ID); err != nil {
		return err
	}
	if err := await(ctx, v.ended, made.ID, 5*time.Minute); err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	cpu = rig.CPU(b.s.Pid()) - cpu
	_, peak := rig.RSS(b.s.Pid())
	var got rig.Run
	if err := b.op.Call(ctx, "GET", "/runs/"+made.ID, nil, &got); err != nil {
		return err
	}
	if got.LogLines < int64(lines) || len(got.LogSHA256) != 64 {
		return fmt.Errorf("the log has %d lines of %d, digest %q", got.LogLines, lines, got.LogSHA256)
	}
	l := b.r.Line("logs", fmt.Sprintf("a log of %d MB, run, stored and sealed", mb))
	l.Add("", took, "s").Add("", float64(mb)/took, "MB/s").Add("", float64(lines)/took, "lines/s").Add("server's processor time", cpu, "s").Add("memory before", before, "MB").Add("most", peak, "MB")
	l.Over("x/crypto/ssh into a file with SHA-256 and fsync", took, floor, "s")
	l.Note = "Every line gets a number, a time, its node and step, is masked, stored in JSON chunks with a hash chain and shown to screens."
	b.r.Put(l)
	var end, whole report.Samples
	var page struct{ Items []struct{ N int64 } }
	for range rig.Pick(b.r, 3, 15) {
		began := time.Now()
		if err := b.op.Call(ctx, "GET", fmt.Sprintf("/runs/%s/log?after=%d&limit=2000", made.ID, got.LogLines-2000), nil, &page); err != nil {
			return err
		}
		end = append(end, time.Since(began))
		if n := len(page.Items); n == 0 || page.Items[n-1].N != got.LogLines {
			return fmt.Errorf("the end of the log has %d lines", n)
		}
		began = time.Now()
		if err := b.op.Call(ctx, "GET", "/runs/"+made.ID+"/log?after=0&limit=2000", nil, &page); err != nil {
			return err
		}
		whole = append(whole, time.Since(began))
	}
	l = b.r.Line("logs", fmt.Sprintf("open the end of that log: its last 2,000 of %s lines", report.Number(float64(got.LogLines), "")))
	l.Add("median", end.At(.5), "ms").Add("worst", end.At(1), "ms").Over("the first 2,000 lines", end.At(.5), whole.At(.5), "ms")
	b.r.Put(l)
	return nil
}

// sink is the least: the same bytes over the same kind of connection into a file.
func (b *bench) sink(command string) (float64, error) {
	dir, err := b.r.Folder("sink")
	if err != nil {
		return 0, err
	}
	began := time.Now()
	c, err := b.dial()
	if err != nil {
		return 0, err
	}
	defer c.Close()
	s, err := c.NewSession()
	if err != nil {
		return 0, err
	}
	f, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	sum := sha256.New()
	var said strings.Builder
	s.Stdout, s.Stderr = io.MultiWriter(f, sum), &said
	if err := s.Run(command); err != nil {
		return 0, fmt.Errorf("%w: %s", err, said.String())
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	return time.Since(began).Seconds(), nil
}

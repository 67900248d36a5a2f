package posix

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/run"
)

// Session is a shell that has greeted and waits for its step.
type Session struct {
	step   *Step
	p      *Process
	pid    int
	out    *gate
	pre    *preamble
	pumps  [2]*pump
	closed sync.Once
}

// Greet waits for the shell's greeting. It fails with ErrGone when the
// transport broke (another connection may be tried) and otherwise with an
// *run.ExecError; the process is closed then.
func (s *Step) Greet(ctx context.Context, p *Process, out run.Output) (*Session, error) {
	x := &Session{step: s, p: p, out: &gate{to: out}, pre: newPreamble(s.mark)}
	x.pumps[0] = startPump(p.Stdout, func(b []byte) { x.pre.note(b); x.out.Write(run.Stdout, b) })
	x.pumps[1] = startPump(p.Stderr, func(b []byte) {
		if b = x.pre.filter(b); len(b) > 0 {
			x.out.Write(run.Stderr, b)
		}
	})
	t := time.NewTimer(s.limits.Greeting)
	defer t.Stop()
	select {
	case x.pid = <-x.pre.pid:
		return x, nil
	case e := <-p.Exit:
		x.drain()
		if e.Err != nil {
			return nil, fmt.Errorf("%w: %w", ErrGone, e.Err)
		}
		return nil, setup(nil, "%s did not start a shell for the step (%s)%s. The account needs a login shell and no forced command.", s.in.Node.Name, e, x.pre.said())
	case <-t.C:
		x.close()
		return nil, setup(nil, "%s took longer than %s to start a shell%s. Look at the load and the login files of the account there.", s.in.Node.Name, s.limits.Greeting, x.pre.said())
	case <-ctx.Done():
		x.close()
		return nil, run.NewExecError(run.Stopped, context.Cause(ctx), "Stopped before the step began on %s: nothing was run there.", s.in.Node.Name)
	}
}

// Run sends the step and waits for its end. Cancelling ctx, or the step's
// Timeout, ends everything it started; again opens the shell for that.
func (x *Session) Run(ctx context.Context, again Open) (run.Result, error) {
	if ctx.Err() != nil {
		x.close()
		return run.Result{}, run.NewExecError(run.Stopped, context.Cause(ctx), "Stopped before the step began on %s: nothing was run there.", x.node())
	}
	go func() {
		// A failing write shows as the shell's exit or the transport's end.
		_, _ = x.p.Stdin.Write(x.step.payload)
		_ = x.p.Stdin.Close()
	}()
	var late <-chan time.Time
	if d := x.step.in.Timeout; d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		late = t.C
	}
	kind := run.Stopped
	select {
	case e := <-x.p.Exit:
		return x.finish(ctx, e, again)
	case <-late:
		kind = run.Timeout
	case <-ctx.Done():
	}
	select {
	case e := <-x.p.Exit: // it ended by itself at the same moment
		return x.finish(ctx, e, again)
	default:
	}
	return x.stop(ctx, kind, again)
}

func (x *Session) finish(ctx context.Context, e Exit, again Open) (run.Result, error) {
	x.drain()
	if e.Signal != "" && x.step.in.Script != nil {
		x.step.sweep(ctx, again) // a killed shell could not remove the script itself
	}
	if e.Err != nil {
		return run.Result{}, run.NewExecError(run.Lost, e.Err, "The connection to %s was lost while the step ran: the outcome on %s is unknown. Look there before running it again.", x.node(), x.node())
	}
	if !x.pre.gone() {
		return run.Result{}, setup(nil, "The step could not be started on %s (%s)%s.", x.node(), e, x.pre.said())
	}
	return run.Result{ExitCode: e.Code, Signal: e.Signal}, nil
}

// stop ends the step from a second shell, then takes in what is left of its output.
func (x *Session) stop(ctx context.Context, kind run.ErrorKind, again Open) (run.Result, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), x.step.limits.Stop)
	defer cancel()
	left, err := x.step.kill(ctx, x.pid, again, "/proc")
	var res run.Result
	if err == nil {
		t := time.NewTimer(x.step.limits.Drain)
		defer t.Stop()
		select {
		case e := <-x.p.Exit:
			res = run.Result{ExitCode: e.Code, Signal: e.Signal}
		case <-t.C:
		}
	}
	x.drain()
	if err != nil {
		return res, run.NewExecError(run.Lost, err, "The step on %s was to be stopped, but %s could not be reached for it: whether it still runs is unknown. Look there for processes with %s in their environment.", x.node(), x.node(), x.step.mark)
	}
	msg := fmt.Sprintf("Stopped on %s.", x.node())
	if kind == run.Timeout {
		msg = fmt.Sprintf("Stopped on %s: it ran longer than its time limit of %s.", x.node(), x.step.in.Timeout)
	}
	if left != "" {
		msg += fmt.Sprintf(" These processes could not be ended and still run there: %s. They belong to another user or hang in the kernel; end them on the node.", left)
	}
	return res, &run.ExecError{Kind: kind, Msg: msg}
}

// drain waits until the streams have ended. When the shell's children keep them
// open it gives up after the Drain limit, which counts only time in which both
// streams are waiting for the node: a slow reader on our side loses nothing.
func (x *Session) drain() {
	ended := make(chan struct{})
	go func() {
		for _, p := range x.pumps {
			<-p.ended
		}
		close(ended)
	}()
	budget := x.step.limits.Drain
	tick := budget / 30
	t := time.NewTicker(tick)
	defer t.Stop()
	for budget > 0 {
		select {
		case <-ended:
			budget = 0
		case <-t.C:
			if x.pumps[0].idle() && x.pumps[1].idle() {
				budget -= tick
			}
		}
	}
	x.close()
}

// close lets go of the process. Nothing is written to the output afterwards.
func (x *Session) close() {
	x.closed.Do(func() {
		x.p.Close()
		x.out.shut()
	})
}

func (x *Session) node() string { return x.step.in.Node.Name }

// String tells how a shell ended, for messages.
func (e Exit) String() string {
	if e.Signal != "" {
		return "signal " + e.Signal
	}
	return "exit code " + strconv.Itoa(e.Code)
}

// gate passes output on until it is shut, so that a reader stuck in a dead
// transport cannot write to a log that is finished.
type gate struct {
	mu   sync.RWMutex
	to   run.Output
	gone bool
}

func (g *gate) Write(s run.Stream, b []byte) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if !g.gone {
		g.to.Write(s, b)
	}
}

func (g *gate) shut() {
	g.mu.Lock()
	g.gone = true
	g.mu.Unlock()
}

// pump moves a stream to the output. One buffer, and a slow output slows the
// node down: that is all the memory a step takes, whatever it prints.
type pump struct {
	reading atomic.Bool
	ended   chan struct{}
}

// buffers are used again: a step that prints nothing would otherwise leave more
// garbage with them than all the rest of it does.
var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

func startPump(r io.Reader, to func([]byte)) *pump {
	p := &pump{ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		b := buffers.Get().(*[32 << 10]byte)
		defer buffers.Put(b)
		buf := b[:]
		for {
			p.reading.Store(true)
			n, err := r.Read(buf)
			p.reading.Store(false)
			if n > 0 {
				to(buf[:n])
			}
			if err != nil {
				return
			}
		}
	}()
	return p
}

// idle reports whether nothing can be done but wait for the node.
func (p *pump) idle() bool {
	select {
	case <-p.ended:
		return true
	default:
		return p.reading.Load()
	}
}

// preamble takes our own two lines out of standard error. What comes before
// them (login files that talk) is passed on, and remembered for error messages.
type preamble struct {
	mark    []byte
	pid     chan int
	pending []byte // an unfinished line
	over    bool

	mu     sync.Mutex
	seen   []byte
	passed bool // "go" was seen
}

const longestLine, longestSaid = 4 << 10, 400

func newPreamble(mark string) *preamble {
	return &preamble{mark: []byte(mark + " "), pid: make(chan int, 1)}
}

// filter returns the bytes of b that are not ours.
func (f *preamble) filter(b []byte) []byte {
	if f.over {
		return b
	}
	var pass []byte
	f.pending = append(f.pending, b...)
	for !f.over {
		line, rest, ok := bytes.Cut(f.pending, []byte("\n"))
		if !ok {
			if len(f.pending) > longestLine {
				pass = append(pass, f.pending...)
				f.note(f.pending)
				f.pending = nil
			}
			return pass
		}
		at := bytes.Index(line, f.mark)
		if at < 0 {
			pass = append(append(pass, line...), '\n')
			f.note(append(line[:len(line):len(line)], '\n'))
		} else {
			pass = append(pass, line[:at]...)
			f.ours(string(line[at+len(f.mark):]))
		}
		f.pending = rest
	}
	pass = append(pass, f.pending...)
	f.pending = nil
	return pass
}

func (f *preamble) ours(word string) {
	if word == "go" {
		f.over = true
		f.mu.Lock()
		f.passed, f.seen = true, nil
		f.mu.Unlock()
		return
	}
	if pid, err := strconv.Atoi(word); err == nil && pid > 1 {
		select {
		case f.pid <- pid:
		default:
		}
	}
}

// note remembers what was printed before the step's own output.
func (f *preamble) note(b []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if room := longestSaid - len(f.seen); !f.passed && room > 0 {
		f.seen = append(f.seen, b[:min(room, len(b))]...)
	}
}

func (f *preamble) gone() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.passed
}

// said is what the node printed instead of starting, ready to be put into a sentence.
func (f *preamble) said() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(f.seen), "?")), " ")
	if text == "" {
		return ""
	}
	return ": it said “" + strings.TrimRight(text, ".") + "”"
}

var errNoAnswer = errors.New("the node's answer to the stop was not understood")

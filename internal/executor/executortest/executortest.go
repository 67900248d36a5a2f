// Package executortest is the one suite every run.Executor must pass, and the
// tools for it: an output that can be waited on, and a look at what still lives.
//
// The nodes under test must be this machine (sshd on loopback), so that the
// suite can see with its own eyes what a stop has left.
package executortest

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"muster/internal/await"
	"muster/internal/id"
	"muster/internal/run"
)

// Patience is how long a test waits for something that must happen. It is
// generous, since it is only used up by failures.
const Patience = await.Limit

// Fixture is an executor and a node it can reach.
type Fixture struct {
	Executor   run.Executor
	Node       run.Target
	Credential run.Credential
	HostKeys   []string
}

// Invocation is a step for the fixture's node under a run of its own.
func (f Fixture) Invocation() run.Invocation {
	return run.Invocation{RunID: id.New(), StepID: "1", Node: f.Node, Credential: f.Credential, HostKeys: f.HostKeys}
}

// Command is an Invocation of a shell command.
func (f Fixture) Command(text string) run.Invocation {
	in := f.Invocation()
	in.Command = text
	return in
}

// Script is an Invocation of a script.
func (f Fixture) Script(text string, args ...string) run.Invocation {
	in := f.Invocation()
	in.Script = &run.Script{Content: []byte(text), Args: args}
	return in
}

// Log is an Output that keeps everything and can be waited on.
type Log struct {
	mu       sync.Mutex
	out, err bytes.Buffer
	more     chan struct{}
}

// NewLog returns an empty Log.
func NewLog() *Log { return &Log{more: make(chan struct{})} }

// Write implements run.Output.
func (l *Log) Write(s run.Stream, data []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s == run.Stderr {
		l.err.Write(data)
	} else {
		l.out.Write(data)
	}
	close(l.more)
	l.more = make(chan struct{})
}

// Out is standard output so far.
func (l *Log) Out() string { l.mu.Lock(); defer l.mu.Unlock(); return l.out.String() }

// Err is standard error so far.
func (l *Log) Err() string { l.mu.Lock(); defer l.mu.Unlock(); return l.err.String() }

// Wait returns the rest of the first complete line of standard output that
// starts with prefix, as soon as it is there.
func (l *Log) Wait(t testing.TB, prefix string) string {
	t.Helper()
	late := time.After(Patience)
	for {
		l.mu.Lock()
		text, more := l.out.String(), l.more
		l.mu.Unlock()
		for line := range strings.Lines(text) {
			if rest, ok := strings.CutPrefix(line, prefix); ok && strings.HasSuffix(line, "\n") {
				return strings.TrimSpace(rest)
			}
		}
		select {
		case <-more:
		case <-late:
			t.Fatalf("no line %q within %s; stdout %q, stderr %q", prefix, Patience, l.Out(), l.Err())
		}
	}
}

// PID waits for the line "name PID" and gives the number.
func (l *Log) PID(t testing.TB, name string) int {
	t.Helper()
	pid, err := strconv.Atoi(l.Wait(t, name+" "))
	if err != nil {
		t.Fatalf("%s is not followed by a process id: %v", name, err)
	}
	return pid
}

// Ended is what Run returned.
type Ended struct {
	Result run.Result
	Err    error
}

// Go runs in in the background.
func Go(ctx context.Context, e run.Executor, in run.Invocation, out run.Output) <-chan Ended {
	ch := make(chan Ended, 1)
	go func() {
		r, err := e.Run(ctx, in, out)
		ch <- Ended{r, err}
	}()
	return ch
}

// Await waits for Run to return.
func Await(t testing.TB, ch <-chan Ended) Ended {
	t.Helper()
	select {
	case e := <-ch:
		return e
	case <-time.After(Patience):
		t.Fatalf("Run did not return within %s", Patience)
		return Ended{}
	}
}

// Kind fails the test unless err is an ExecError of kind k that is fit to be
// shown, and returns it.
func Kind(t testing.TB, err error, k run.ErrorKind) *run.ExecError {
	t.Helper()
	e := run.ExecErrorOf(err)
	if e == nil || e.Kind != k {
		t.Fatalf("error = %v (%T), want one of kind %s", err, err, k)
	}
	if !strings.HasSuffix(e.Msg, ".") && !strings.HasSuffix(e.Msg, "?") && !strings.Contains(e.Msg, "ssh-host-key to: ") && !strings.Contains(e.Msg, "in their environment") {
		t.Errorf("message is not a sentence: %q", e.Msg)
	}
	return e
}

// Living lists the processes of this machine that carry the mark of a run.
func Living(t testing.TB, runID string) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, f := range files {
		raw, err := os.ReadFile(f) // #nosec G304 -- below /proc, in a test
		if err != nil || !bytes.Contains(raw, []byte("MUSTER_RUN="+runID+"/")) {
			continue
		}
		if pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f))); Alive(pid) {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// Alive reports whether a process runs; one that has ended and that nobody has
// collected does not.
func Alive(pid int) bool {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(raw[bytes.LastIndexByte(raw, ')'):]), " ")
	return !strings.HasPrefix(after, "Z") && !strings.HasPrefix(after, "X")
}

// Kill ends leftover processes of a test.
func Kill(pids ...int) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

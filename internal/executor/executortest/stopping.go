package executortest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"muster/internal/run"
)

// families are ways to start processes, from obedient to determined. Each
// prints "pid N" for what it starts, and "ready" once that is set up.
var families = map[string]string{
	"foreground":  `echo pid $$; echo ready; exec sleep 1000`,
	"child":       `sleep 1000 & echo pid $!; echo ready; wait`,
	"grandchild":  `sh -c 'sh -c "echo pid \$\$; echo ready; sleep 1000; true"; true'; true`,
	"own session": `setsid sh -c 'echo pid $$; echo ready; exec sleep 1000' & wait; sleep 1000`,
	"double fork": `(setsid sh -c 'echo pid $$; echo ready; exec sleep 1000' >&1 &) ; sleep 1000`,
	"deaf daemon": `(setsid nohup sh -c 'trap "" TERM HUP INT; echo pid $$; echo ready; exec >/dev/null 2>&1 </dev/null; while :; do sleep 1; done' &); sleep 1000`,
	"deaf shell":  `trap "" TERM; echo pid $$; echo ready; while :; do sleep 1; done`,
	"subshell":    `(trap "" TERM HUP; echo pid $(sh -c 'echo $PPID'); echo ready; while :; do sleep 1; done) & sleep 1000`,
	"orphan":      `((trap "" TERM HUP; echo pid $(sh -c 'echo $PPID'); echo ready; while :; do sleep 1; done) &); exec sleep 1000`,
	"wiped":       `env -i setsid sh -c 'trap "" TERM; echo pid $$; echo ready; while :; do sleep 1; done' & wait; sleep 1000`,
	"gone parent": `setsid sh -c 'echo pid $$; echo ready; exec sleep 1000' & exec sleep 1000`,
	"jobs":        `set -m; sleep 1000 & echo pid $!; sleep 1000 & echo pid $!; echo ready; wait`,
	"crowd":       `for i in 1 2 3 4 5 6 7 8 9 10; do setsid sleep 1000 & echo pid $!; done; echo ready; wait`,
}

const pythonDaemon = `import os, signal, sys
if os.fork(): signal.pause()
os.setsid()
if os.fork(): os._exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.chdir("/")
print("pid", os.getpid()); print("ready", flush=True)
for fd in range(3): os.close(fd)
while True: signal.pause()
`

func pids(t *testing.T, l *Log) []int {
	t.Helper()
	l.Wait(t, "ready")
	var out []int
	for line := range strings.Lines(l.Out()) {
		var pid int
		if n, _ := fmt.Sscanf(line, "pid %d", &pid); n == 1 {
			out = append(out, pid)
		}
	}
	if len(out) == 0 {
		t.Fatalf("no process was named: %q", l.Out())
	}
	return out
}

// dead fails for every process of a step that lives.
func dead(t *testing.T, in run.Invocation, started []int) {
	t.Helper()
	for _, pid := range started {
		if Alive(pid) {
			t.Errorf("process %d lives on", pid)
			Kill(pid)
		}
	}
	if left := Living(t, in.RunID); len(left) > 0 {
		t.Errorf("marked processes live on: %v", left)
		Kill(left...)
	}
}

func stopTree(t *testing.T, f Fixture) {
	steps := map[string]run.Invocation{}
	for name, cmd := range families {
		steps[name] = f.Command(cmd)
		steps["script: "+name] = f.Script(cmd)
	}
	if _, err := os.Stat("/usr/bin/python3"); err == nil {
		in := f.Script(pythonDaemon)
		in.Script.Interpreter = "/usr/bin/python3"
		steps["python daemon"] = in
	}
	for name, in := range steps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			l := NewLog()
			ended := Go(ctx, f.Executor, in, l)
			started := pids(t, l)
			for _, pid := range started {
				if !Alive(pid) {
					t.Errorf("process %d ended by itself", pid)
				}
			}
			stop()
			Kind(t, Await(t, ended).Err, run.Stopped)
			dead(t, in, started)
		})
	}
}

func goodbye(t *testing.T, f Fixture) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	l := NewLog()
	// Ready only once the child runs: a shell that is told to end between the two
	// would begin to wait for a child that was never told.
	in := f.Command(`trap 'echo bye; exit 0' TERM; sleep 1000 & echo ready; wait`)
	ended := Go(ctx, f.Executor, in, l)
	l.Wait(t, "ready")
	stop()
	Kind(t, Await(t, ended).Err, run.Stopped)
	if !strings.Contains(l.Out(), "bye\n") {
		t.Errorf("the trap for TERM did not get through: %q", l.Out())
	}
	dead(t, in, nil)
}

func stoppedBefore(t *testing.T, f Fixture) {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	l := NewLog()
	_, err := f.Executor.Run(ctx, f.Command("echo ran"), l)
	Kind(t, err, run.Stopped)
	if l.Out() != "" {
		t.Errorf("it ran: %q", l.Out())
	}
}

// stopNeighbour: the same step of the same run on two nodes that are one machine.
func stopNeighbour(t *testing.T, f Fixture) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	other, stopOther := context.WithCancel(context.Background())
	defer stopOther()
	in := f.Command(families["double fork"])
	a, b := NewLog(), NewLog()
	endedA, endedB := Go(ctx, f.Executor, in, a), Go(other, f.Executor, in, b)
	one, two := pids(t, a), pids(t, b)
	stop()
	Kind(t, Await(t, endedA).Err, run.Stopped)
	if Alive(one[0]) || !Alive(two[0]) {
		t.Errorf("stopped one lives %v, its neighbour lives %v", Alive(one[0]), Alive(two[0]))
	}
	stopOther()
	Kind(t, Await(t, endedB).Err, run.Stopped)
	dead(t, in, append(one, two...))
}

func stopScript(t *testing.T, f Fixture) {
	for _, text := range []string{"echo at $0\nsleep 1000\n", "trap '' TERM\necho at $0\nwhile :; do sleep 1; done\n"} {
		ctx, stop := context.WithCancel(context.Background())
		l := NewLog()
		in := f.Script(text)
		ended := Go(ctx, f.Executor, in, l)
		at := l.Wait(t, "at ")
		if _, err := os.Stat(at); err != nil {
			t.Errorf("the script is not there while it runs: %v", err)
		}
		stop()
		Kind(t, Await(t, ended).Err, run.Stopped)
		gone(t, at)
		dead(t, in, nil)
	}
}

func timeLimit(t *testing.T, f Fixture) {
	in := f.Command(families["deaf daemon"])
	in.Timeout = time.Second
	l := NewLog()
	e := Await(t, Go(context.Background(), f.Executor, in, l))
	if x := Kind(t, e.Err, run.Timeout); !strings.Contains(x.Msg, "1s") {
		t.Errorf("message %q", x.Msg)
	}
	dead(t, in, pids(t, l))
	in = f.Command("echo quick; exit 4")
	in.Timeout = time.Minute
	if r, _ := must(t, f, in); r.ExitCode != 4 {
		t.Errorf("a step within its limit: %+v", r)
	}
}

func background(t *testing.T, f Fixture) {
	for _, cmd := range []string{
		"setsid sleep 1000 >/dev/null 2>&1 & echo pid $!; echo ready; exit 5",
		"setsid sleep 1000 & echo pid $!; echo ready; exit 5", // holds the streams open
	} {
		in := f.Command(cmd)
		r, l := must(t, f, in)
		started := pids(t, l)
		if r.ExitCode != 5 || !Alive(started[0]) {
			t.Errorf("%s: %+v, background lives: %v", cmd, r, Alive(started[0]))
		}
		Kill(Living(t, in.RunID)...)
	}
}

func tenStopped(t *testing.T, f Fixture) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	in := f.Command(families["deaf daemon"])
	var logs []*Log
	var ends []<-chan Ended
	for range 10 {
		l := NewLog()
		logs = append(logs, l)
		ends = append(ends, Go(ctx, f.Executor, in, l))
	}
	var started []int
	for _, l := range logs {
		started = append(started, pids(t, l)...)
	}
	stop()
	for _, e := range ends {
		Kind(t, Await(t, e).Err, run.Stopped)
	}
	dead(t, in, started)
}

func closing(t *testing.T, f Fixture) {
	in := f.Command(families["double fork"])
	l := NewLog()
	ended := Go(context.Background(), f.Executor, in, l)
	started := pids(t, l)
	if err := f.Executor.Close(); err != nil {
		t.Fatal(err)
	}
	Kind(t, Await(t, ended).Err, run.Stopped)
	dead(t, in, started)
	_, err := f.Executor.Run(context.Background(), in, l)
	Kind(t, err, run.Setup)
}

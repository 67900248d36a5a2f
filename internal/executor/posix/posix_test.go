package posix

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/internal/executor/executortest"
	"muster/internal/run"
)

// child is the plainest transport: a child process.
func child(env ...string) Open {
	return func(_ context.Context, line string) (*Process, error) {
		cmd := exec.Command("/bin/sh", "-c", line)
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		in, _ := cmd.StdinPipe()
		or, ow, _ := os.Pipe()
		er, ew, _ := os.Pipe()
		cmd.Stdout, cmd.Stderr = ow, ew
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		ow.Close()
		ew.Close()
		exit := make(chan Exit, 1)
		go func() {
			_ = cmd.Wait()
			exit <- Exit{Code: cmd.ProcessState.ExitCode()}
		}()
		return &Process{Stdin: in, Stdout: or, Stderr: er, Exit: exit, Close: func() { in.Close(); or.Close(); er.Close() }}, nil
	}
}

func begin(t *testing.T, in run.Invocation, open Open) (*Step, *Session, *executortest.Log) {
	t.Helper()
	s, err := Prepare(in, Limits{Grace: 300 * time.Millisecond, Drain: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	p, err := open(t.Context(), s.Line())
	if err != nil {
		t.Fatal(err)
	}
	l := executortest.NewLog()
	x, err := s.Greet(t.Context(), p, l)
	if err != nil {
		t.Fatal(err)
	}
	return s, x, l
}

// A step of which only a part arrives is no step.
func TestPartsStartNothing(t *testing.T) {
	ran := filepath.Join(t.TempDir(), "ran")
	text := "touch " + ran + "\n# " + strings.Repeat("x", 300)
	for name, in := range map[string]run.Invocation{
		"command": {RunID: "r", StepID: "1", Command: text, Env: map[string]string{"A": "b\nc"}},
		"script":  {RunID: "r", StepID: "1", Script: &run.Script{Content: []byte(text)}},
	} {
		s, err := Prepare(in, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for cut := 0; cut <= len(s.payload); cut += 1 + len(s.payload)/40 {
			part := s.payload[:min(cut, len(s.payload)-1)]
			if in.Command != "" && cut >= len(s.payload)-1 {
				part = s.payload[:len(s.payload)-1] // all but the end of the line
			}
			cmd := exec.Command("/bin/sh", "-c", s.Line())
			cmd.Stdin = bytes.NewReader(part)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Errorf("%s: %d of %d bytes: the shell says it went well: %s", name, len(part), len(s.payload), out)
			}
			if _, err := os.Stat(ran); err == nil {
				t.Fatalf("%s: it ran with %d of %d bytes", name, len(part), len(s.payload))
			}
			if strings.Contains(string(out), " go\n") {
				t.Fatalf("%s: it said go with %d of %d bytes", name, len(part), len(s.payload))
			}
		}
		left, err := filepath.Glob(os.TempDir() + "/" + s.dir())
		if err != nil || len(left) > 0 {
			t.Errorf("%s: left behind: %v %v", name, left, err)
		}
		cmd := exec.Command("/bin/sh", "-c", s.Line())
		cmd.Stdin = bytes.NewReader(s.payload)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: the whole: %v %s", name, err, out)
		}
		if err := os.Remove(ran); err != nil {
			t.Errorf("%s: the whole did not run: %v", name, err)
		}
	}
}

// Every shell that may be there understands what we send it, both as the login
// shell that gets the first line and as the one that runs the step.
func TestShells(t *testing.T) {
	value := "it's\n\"$HOME\" `id` \\n \x01\x7f\xff ! * \r\t"
	for _, shell := range []string{"sh", "bash", "dash", "zsh", "ksh", "ksh93", "mksh", "busybox", "fish", "tcsh", "csh"} {
		bin, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		t.Run(shell, func(t *testing.T) {
			argv := []string{bin, "-c"}
			if shell == "busybox" { // its own sh, reached by that name
				dir := t.TempDir()
				ash := filepath.Join(dir, "ash")
				if err := os.Symlink(bin, ash); err != nil {
					t.Fatal(err)
				}
				bin, argv = ash, []string{ash, "-c"}
			}
			open := func(_ context.Context, line string) (*Process, error) {
				// sshd does this: the login shell gets the line.
				return child("SHELL="+bin)(t.Context(), "exec "+argv[0]+" -c "+quoteForSh(line))
			}
			in := run.Invocation{RunID: "r", StepID: "1", Env: map[string]string{"V": value}, Command: `printf "%s|%s%s" "$V" "$#" "${_muster_l-}${_muster_n-}"; exit 7`}
			_, x, l := begin(t, in, open)
			r, err := x.Run(t.Context(), open)
			if err != nil || r.ExitCode != 7 || l.Out() != value+"|0" {
				t.Errorf("command: %+v %v %q %q", r, err, l.Out(), l.Err())
			}
			in.Command, in.Script = "", &run.Script{Content: []byte(`printf '%s|%s' "$V" "$1"; echo "$0" >&2; exit 8`), Args: []string{value}}
			_, x, l = begin(t, in, open)
			r, err = x.Run(t.Context(), open)
			if err != nil || r.ExitCode != 8 || l.Out() != value+"|"+value {
				t.Errorf("script: %+v %v %q %q", r, err, l.Out(), l.Err())
			}
			if _, err := os.Stat(filepath.Dir(strings.TrimSpace(l.Err()))); !os.IsNotExist(err) {
				t.Errorf("script left its folder behind: %q, %v", l.Err(), err)
			}
		})
	}
}

// The step stays in a login shell that can hold it: one process from the first
// line to the end. Any other, and one that $SHELL does not speak of, hands over.
func TestStaysInLoginShell(t *testing.T) {
	for _, c := range []struct {
		login, shell, want string
	}{
		{"/bin/bash", "/bin/bash", "bash"},
		{"/bin/bash", "/usr/bin/bash", "bash"},
		{"/bin/dash", "/bin/dash", "dash"},
		{"/bin/bash", "/bin/dash", "dash handed over"},
		{"/bin/dash", "/bin/bash", "bash handed over"},
		{"/usr/bin/zsh", "/usr/bin/zsh", "zsh handed over"},
		{"/usr/bin/mksh", "/bin/bash", "bash handed over"},
		{"/usr/bin/tcsh", "/usr/bin/tcsh", "dash handed over"},
		{"/usr/bin/tcsh", "/bin/bash", "bash handed over"},
		{"/usr/bin/fish", "/usr/bin/fish", "dash handed over"},
		{"/usr/bin/fish", "/bin/bash", "bash handed over"},
	} {
		if _, err := os.Stat(c.login); err != nil {
			continue
		}
		t.Run(c.login+" as "+c.shell, func(t *testing.T) {
			home := t.TempDir()
			open := func(_ context.Context, line string) (*Process, error) {
				return child("SHELL="+c.shell, "HOME="+home)(t.Context(), "cd "+home+"; exec "+c.login+" -c "+quoteForSh(line))
			}
			// The mark is in the initial environment only after an exec.
			in := run.Invocation{RunID: "stays", StepID: "1", Command: `basename "$(readlink /proc/$$/exe)" | tr '\n' ' '; grep -qa MUSTER_RUN /proc/$$/environ && echo handed over; sh -c 'grep -qa MUSTER_RUN=stays /proc/$$/environ' || echo child without mark`}
			_, x, l := begin(t, in, open)
			if r, err := x.Run(t.Context(), open); err != nil || r.ExitCode != 0 || strings.TrimSpace(l.Out()) != c.want {
				t.Errorf("%+v %v %q %q", r, err, l.Out(), l.Err())
			}
			if left, err := filepath.Glob(home + "/[^.]*"); err != nil || len(left) > 0 { // csh reads >&2 as a file
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
	// A shell that shares its session with others hands over too: what is only
	// forked would not be told from theirs.
	shared := func(_ context.Context, line string) (*Process, error) {
		return child("SHELL=/bin/bash")(t.Context(), "/bin/bash -c "+quoteForSh(line)+"; exit $?")
	}
	_, x, l := begin(t, run.Invocation{RunID: "shared", StepID: "1", Command: `grep -qa MUSTER_RUN /proc/$$/environ && echo handed over`}, shared)
	if _, err := x.Run(t.Context(), shared); err != nil || l.Out() != "handed over\n" {
		t.Errorf("%v %q %q", err, l.Out(), l.Err())
	}
}

func quoteForSh(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Where there is no /proc, the process group and the children are ended.
func TestStopWithoutProc(t *testing.T) {
	in := run.Invocation{RunID: "without-proc", StepID: "1",
		Command: `trap "" TERM; sh -c 'sh -c "echo pid \$\$; exec sleep 1000"; true' & setsid sh -c 'trap "" TERM; echo pid $$; echo ready; while :; do sleep 1; done' & sleep 1000; wait`}
	s, x, l := begin(t, in, child())
	ended := make(chan error, 1)
	go func() {
		_, err := x.Run(context.Background(), child())
		ended <- err
	}()
	l.Wait(t, "ready")
	l.Wait(t, "pid ")
	left, err := s.kill(t.Context(), x.pid, child(), "/nonexistent")
	if err != nil || left != "" {
		t.Errorf("left %q, %v", left, err)
	}
	select {
	case <-ended:
	case <-time.After(executortest.Patience):
		t.Error("the step did not end")
	}
	for line := range strings.Lines(l.Out()) {
		var pid int
		if n, _ := fmt.Sscanf(line, "pid %d", &pid); n == 1 && executortest.Alive(pid) {
			t.Errorf("%d lives on", pid)
		}
	}
	executortest.Kill(executortest.Living(t, in.RunID)...)
}

// A node that answers the stop with something else has not stopped anything.
func TestStopNotUnderstood(t *testing.T) {
	s, err := Prepare(run.Invocation{RunID: "r", StepID: "1", Command: "true"}, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	deaf := func(context.Context, string) (*Process, error) {
		return child()(t.Context(), "cat >/dev/null; echo welcome")
	}
	if _, err := s.kill(t.Context(), 4242, deaf, "/proc"); err == nil || !strings.Contains(err.Error(), "welcome") {
		t.Errorf("error %v", err)
	}
}

// What could not be ended (a root process behind sudo) is said.
func TestStopLeavesSomething(t *testing.T) {
	in := run.Invocation{RunID: "leaves", StepID: "1", Node: run.Target{Name: "web-1"}, Command: "echo ready; exec sleep 1000"}
	s, x, l := begin(t, in, child())
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		_, err := x.Run(ctx, func(_ context.Context, _ string) (*Process, error) {
			return child()(t.Context(), "cat >/dev/null; kill -9 "+fmt.Sprint(x.pid)+"; echo "+s.mark+" left 4242 4243")
		})
		ended <- err
	}()
	l.Wait(t, "ready")
	stop()
	if e := executortest.Kind(t, <-ended, run.Stopped); !strings.Contains(e.Msg, "4242 4243") {
		t.Errorf("message %q", e.Msg)
	}
}

func TestPreamble(t *testing.T) {
	const mark = "MUSTER_RUN=r/1/n"
	text := "noise\nmore " + mark + " 4242\nlate\n" + mark + " go\nown " + mark + " 1\ntail"
	want := "noise\nmore late\nown " + mark + " 1\ntail"
	for size := 1; size <= len(text); size++ {
		f := newPreamble(mark)
		var got bytes.Buffer
		r := strings.NewReader(text)
		for {
			b := make([]byte, size)
			n, err := r.Read(b)
			got.Write(f.filter(b[:n]))
			if err == io.EOF {
				break
			}
		}
		if got.String() != want || <-f.pid != 4242 || !f.gone() {
			t.Fatalf("in pieces of %d: %q", size, got.String())
		}
	}
}

package ssh

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"muster/internal/executor/executortest"
	"muster/internal/executor/posix"
	"muster/internal/executor/sshd"
	"muster/internal/run"
)

func TestMain(m *testing.M) {
	os.Setenv("MUSTER_TEST_SECRET", "s3cret")
	os.Exit(m.Run())
}

// server starts a real sshd for a test.
func server(t testing.TB, o sshd.Options) *sshd.Server {
	t.Helper()
	o.Dir = t.TempDir()
	s, err := sshd.Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Stop()
		if t.Failed() {
			if log, err := os.ReadFile(s.LogFile); err == nil {
				t.Logf("sshd's log ends: %s", log[max(0, len(log)-2000):])
			}
		}
	})
	return s
}

// quick are limits that keep tests short.
var quick = posix.Limits{Grace: 500 * time.Millisecond, Drain: 500 * time.Millisecond}

// fixture is an executor of its own, talking to s.
func fixture(t testing.TB, s *sshd.Server, o Options) executortest.Fixture {
	t.Helper()
	if o.Limits == (posix.Limits{}) {
		o.Limits = quick
	}
	e := New(o)
	t.Cleanup(func() { _ = e.Close() })
	return executortest.Fixture{
		Executor:   e,
		Node:       run.Target{Name: "web-1", Hostname: s.Addr, Username: s.Username},
		Credential: run.Credential{PrivateKey: s.PrivateKey},
		HostKeys:   []string{s.HostKey},
	}
}

func TestExecutor(t *testing.T) {
	s := server(t, sshd.Options{})
	executortest.Exercise(t, func(t *testing.T) executortest.Fixture { return fixture(t, s, Options{}) })
}

// Other login shells: what sshd starts is the account's, $SHELL tells us which.
func TestLoginShells(t *testing.T) {
	for _, shell := range []string{"/bin/dash", "/bin/sh", "/usr/bin/fish", "/bin/tcsh"} {
		t.Run(shell, func(t *testing.T) {
			f := fixture(t, server(t, sshd.Options{Env: map[string]string{"SHELL": shell}}), Options{})
			want := "sh"
			if shell == "/bin/dash" {
				want = "dash"
			}
			l := executortest.NewLog()
			r, err := f.Executor.Run(context.Background(), f.Command(`readlink /proc/$$/exe; echo "$V"; exit 7`), l)
			if err != nil || r.ExitCode != 7 || !strings.Contains(l.Out(), want) {
				t.Errorf("%+v, %v: %q %q", r, err, l.Out(), l.Err())
			}
		})
	}
}

func do(t *testing.T, f executortest.Fixture, in run.Invocation) (*executortest.Log, run.Result, error) {
	t.Helper()
	l := executortest.NewLog()
	e := executortest.Await(t, executortest.Go(context.Background(), f.Executor, in, l))
	return l, e.Result, e.Err
}

func ok(t *testing.T, f executortest.Fixture) {
	t.Helper()
	if l, r, err := do(t, f, f.Command("echo hello")); err != nil || r.ExitCode != 0 || l.Out() != "hello\n" {
		t.Fatalf("%+v, %v (cause %v), %q %q", r, err, cause(err), l.Out(), l.Err())
	}
}

func cause(err error) error {
	if e := run.ExecErrorOf(err); e != nil {
		return e.Cause
	}
	return nil
}

package ssh

import (
	"context"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"muster/internal/executor/executortest"
	"muster/internal/executor/sshd"
	"muster/internal/run"
)

// counting counts the connections an executor makes.
func counting(o Options) (Options, *atomic.Int32) {
	var n atomic.Int32
	o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		n.Add(1)
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}
	return o, &n
}

func TestConnectionsAreKept(t *testing.T) {
	s := server(t, sshd.Options{})
	o, made := counting(Options{})
	f := fixture(t, s, o)
	for range 5 {
		ok(t, f)
	}
	if made.Load() != 1 {
		t.Errorf("%d connections for 5 steps in a row", made.Load())
	}
	// Another trust means another connection, though everything else is the same.
	f.HostKeys = []string{s.KnownHosts}
	ok(t, f)
	if made.Load() != 2 {
		t.Errorf("a step with other host keys used a kept connection")
	}
	// A wrong credential never rides on somebody else's connection.
	f.Credential.PrivateKey, _ = otherKey(t)
	_, _, err := do(t, f, f.Command("true"))
	executortest.Kind(t, err, run.Auth)
}

func TestIdleConnectionsEnd(t *testing.T) {
	s := server(t, sshd.Options{})
	o, made := counting(Options{Idle: time.Nanosecond})
	f := fixture(t, s, o)
	ok(t, f)
	e := f.Executor.(*Executor)
	for {
		e.pool.mu.Lock()
		total, freed := e.pool.total, e.pool.freed
		e.pool.mu.Unlock()
		if total == 0 {
			break
		}
		select {
		case <-freed:
		case <-time.After(executortest.Patience):
			t.Fatal("the idle connection stays")
		}
	}
	ok(t, f)
	if made.Load() != 2 {
		t.Errorf("%d connections, want 2", made.Load())
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	a, b := server(t, sshd.Options{}), server(t, sshd.Options{})
	f := fixture(t, a, Options{Connections: 1})
	g := fixture(t, b, Options{})
	g.Executor = f.Executor
	for range 3 { // each evicts the other's idle connection
		ok(t, f)
		ok(t, g)
	}
	// While the only connection is in use, others wait for it.
	l := executortest.NewLog()
	ctx, stop := context.WithCancel(context.Background())
	held := executortest.Go(ctx, f.Executor, f.Command("echo pid $$; exec sleep 1000"), l)
	l.PID(t, "pid")
	other := executortest.NewLog()
	waiting := executortest.Go(context.Background(), g.Executor, g.Command("echo hello"), other)
	short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := g.Executor.Run(short, g.Command("true"), executortest.NewLog())
	executortest.Kind(t, err, run.Stopped)
	stop()
	executortest.Kind(t, executortest.Await(t, held).Err, run.Stopped)
	if e := executortest.Await(t, waiting); e.Err != nil || other.Out() != "hello\n" {
		t.Errorf("%+v %q", e, other.Out())
	}
}

// A kept connection that died silently is replaced, since nothing was sent yet.
func TestDeadKeptConnection(t *testing.T) {
	s := server(t, sshd.Options{})
	p := newProxy(t, s.Addr)
	o, made := counting(Options{KeepAlive: time.Hour, OpenSession: 300 * time.Millisecond})
	f := fixture(t, s, o)
	f.Node.Hostname = p.addr
	ok(t, f)
	p.freeze()
	ran := t.TempDir() + "/ran"
	in := f.Command("echo once >>" + ran + "; cat " + ran)
	l, r, err := do(t, f, in)
	if err != nil || r.ExitCode != 0 || l.Out() != "once\n" {
		t.Errorf("%+v %v (cause %v) %q", r, err, cause(err), l.Out())
	}
	if made.Load() != 2 {
		t.Errorf("%d connections, want 2", made.Load())
	}
	// Killed outright while idle.
	s.Cut()
	ok(t, f)
}

// Once the step is sent it is never sent again, whatever happens.
func TestSentOnce(t *testing.T) {
	s := server(t, sshd.Options{})
	f := fixture(t, s, Options{})
	ok(t, f) // the connection is a kept one now
	ran := t.TempDir() + "/ran"
	in := f.Command("echo once >>" + ran + "; echo pid $$; exec sleep 1000")
	l := executortest.NewLog()
	ended := executortest.Go(context.Background(), f.Executor, in, l)
	l.PID(t, "pid")
	s.Cut()
	executortest.Kind(t, executortest.Await(t, ended).Err, run.Lost)
	if got, err := os.ReadFile(ran); err != nil || string(got) != "once\n" {
		t.Errorf("it ran %q times, %v", got, err)
	}
	executortest.Kill(executortest.Living(t, in.RunID)...)
}

// A node that allows one session per connection.
func TestOneSession(t *testing.T) {
	s := server(t, sshd.Options{MaxSessions: 1})
	f := fixture(t, s, Options{})
	ctx, stop := context.WithCancel(context.Background())
	var ends []<-chan executortest.Ended
	var started []int
	in := f.Command(`setsid sh -c 'echo pid $$; exec sleep 1000' & sleep 1000`)
	for range 5 {
		l := executortest.NewLog()
		ends = append(ends, executortest.Go(ctx, f.Executor, in, l))
		started = append(started, l.PID(t, "pid"))
	}
	stop()
	for _, e := range ends {
		executortest.Kind(t, executortest.Await(t, e).Err, run.Stopped)
	}
	for _, pid := range started {
		if executortest.Alive(pid) {
			t.Errorf("%d lives on", pid)
		}
	}
}

// Eight at once on a server that allows two: all come through.
func TestFewSessions(t *testing.T) {
	f := fixture(t, server(t, sshd.Options{MaxSessions: 2}), Options{})
	var ends []<-chan executortest.Ended
	for range 8 {
		ends = append(ends, executortest.Go(context.Background(), f.Executor, f.Command("echo hello"), executortest.NewLog()))
	}
	for _, e := range ends {
		if e := executortest.Await(t, e); e.Err != nil {
			t.Errorf("%v (cause %v)", e.Err, cause(e.Err))
		}
	}
}

// Login files that talk, and accounts that do not let anybody in.
func TestTalkativeLogin(t *testing.T) {
	home := t.TempDir()
	if err := os.WriteFile(home+"/.bashrc", []byte("echo welcome; echo beware >&2; printf 'no newline' >&2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := server(t, sshd.Options{Env: map[string]string{"HOME": home}})
	f := fixture(t, s, Options{})
	l, r, err := do(t, f, f.Command("echo hello; echo err >&2"))
	if err != nil || r.ExitCode != 0 || !strings.HasSuffix(l.Out(), "hello\n") || !strings.HasSuffix(l.Err(), "err\n") || strings.Contains(l.Err(), "MUSTER_RUN") {
		t.Errorf("%+v %v, %q %q", r, err, l.Out(), l.Err())
	}
	if err := os.WriteFile(home+"/.bashrc", []byte("echo 'This account is closed'; exit 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err = do(t, f, f.Command("true"))
	says(t, executortest.Kind(t, err, run.Setup), "This account is closed")
}

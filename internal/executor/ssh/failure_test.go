package ssh

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	xssh "golang.org/x/crypto/ssh"

	"muster/internal/executor/executortest"
	"muster/internal/executor/sshd"
	"muster/internal/freeport"
	"muster/internal/run"
)

// says checks that a message names all of these.
func says(t *testing.T, e *run.ExecError, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(e.Msg, w) {
			t.Errorf("the message lacks %q: %s", w, e.Msg)
		}
	}
}

func TestRefusedPort(t *testing.T) {
	s := server(t, sshd.Options{})
	f := fixture(t, s, Options{})
	port, err := freeport.TCP()
	if err != nil {
		t.Fatal(err)
	}
	f.Node.Hostname = fmt.Sprintf("127.0.0.1:%d", port)
	_, _, err = do(t, f, f.Command("true"))
	says(t, executortest.Kind(t, err, run.Unreachable), "web-1", f.Node.Hostname, "refused")
}

func TestUnknownName(t *testing.T) {
	f := fixture(t, server(t, sshd.Options{}), Options{})
	f.Node.Hostname = "no-such-host.invalid"
	_, _, err := do(t, f, f.Command("true"))
	executortest.Kind(t, err, run.Unreachable)
	for _, bad := range []string{"", "a b", "host:0", "host:x", "user@host"} {
		f.Node.Hostname = bad
		_, _, err := do(t, f, f.Command("true"))
		says(t, executortest.Kind(t, err, run.Setup), "hostname")
	}
}

// tarpit accepts and never answers.
func tarpit(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var held []net.Conn
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			held = append(held, c)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-ended
		for _, c := range held {
			c.Close()
		}
	})
	return l.Addr().String()
}

func TestTarpit(t *testing.T) {
	f := fixture(t, server(t, sshd.Options{}), Options{Handshake: 300 * time.Millisecond})
	f.Node.Hostname = tarpit(t)
	// Twenty steps wait together, not one after the other.
	began := time.Now()
	var ends []<-chan executortest.Ended
	for range 20 {
		ends = append(ends, executortest.Go(context.Background(), f.Executor, f.Command("true"), executortest.NewLog()))
	}
	for _, e := range ends {
		says(t, executortest.Kind(t, executortest.Await(t, e).Err, run.Unreachable), "web-1", f.Node.Hostname, "did not answer", "300ms")
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("twenty steps took %s to give up", took)
	}
}

func TestStopWhileConnecting(t *testing.T) {
	f := fixture(t, server(t, sshd.Options{}), Options{})
	pit, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pit.Close()
	f.Node.Hostname = pit.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	ended := executortest.Go(ctx, f.Executor, f.Command("true"), executortest.NewLog())
	c, err := pit.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	stop()
	says(t, executortest.Kind(t, executortest.Await(t, ended).Err, run.Stopped), "nothing was run")
}

func TestHungUp(t *testing.T) {
	f := fixture(t, server(t, sshd.Options{}), Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan struct{}, 4)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
			accepted <- struct{}{}
		}
	}()
	f.Node.Hostname = l.Addr().String()
	_, _, err = do(t, f, f.Command("true"))
	says(t, executortest.Kind(t, err, run.Unreachable), "closed the connection")
	<-accepted
	<-accepted // it was tried twice
}

func otherKey(t *testing.T) (pem []byte, line string) {
	t.Helper()
	pem, line, err := sshd.NewKey("other")
	if err != nil {
		t.Fatal(err)
	}
	return pem, line
}

func print(t *testing.T, line string) string {
	t.Helper()
	k, _, _, _, err := xssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	return xssh.FingerprintSHA256(k)
}

func TestWrongHostKey(t *testing.T) {
	s := server(t, sshd.Options{})
	f := fixture(t, s, Options{})
	_, other := otherKey(t)
	f.HostKeys = []string{other}
	l, _, err := do(t, f, f.Command("echo ran"))
	says(t, executortest.Kind(t, err, run.HostKey), "Expected ED25519 "+print(t, other), "presented ED25519 "+print(t, s.HostKey), "ssh-host-key to: "+s.HostKey)
	if l.Out() != "" {
		t.Error("it ran")
	}
	// Only a key of a type the node does not have.
	f.HostKeys = []string{"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg="}
	_, _, err = do(t, f, f.Command("echo ran"))
	says(t, executortest.Kind(t, err, run.HostKey), "Expected ECDSA", "presented ED25519 "+print(t, s.HostKey))
	// Unreadable.
	f.HostKeys = []string{"ssh-ed25519 nonsense"}
	_, _, err = do(t, f, f.Command("echo ran"))
	says(t, executortest.Kind(t, err, run.HostKey), "line 1")
	// Revoked wins.
	f.HostKeys = []string{s.HostKey, "@revoked * " + s.HostKey}
	_, _, err = do(t, f, f.Command("echo ran"))
	executortest.Kind(t, err, run.HostKey)
}

func TestNoHostKey(t *testing.T) {
	s := server(t, sshd.Options{})
	f := fixture(t, s, Options{})
	for _, none := range [][]string{nil, {""}, {"# comment\n\n"}, {"other.example " + s.HostKey}} {
		f.HostKeys = none
		l, _, err := do(t, f, f.Command("echo ran"))
		says(t, executortest.Kind(t, err, run.HostKey), "web-1", print(t, s.HostKey), "ssh-host-key to: "+s.HostKey)
		if l.Out() != "" {
			t.Error("it ran")
		}
	}
	// The remedy in the message works.
	f.HostKeys = []string{s.HostKey}
	ok(t, f)
	_, other := otherKey(t)
	f.HostKeys = []string{other + "\n# reinstalled\n" + s.KnownHosts + "\n"}
	ok(t, f)
}

func TestAuth(t *testing.T) {
	s := server(t, sshd.Options{})
	f := fixture(t, s, Options{})
	other, line := otherKey(t)
	f.Credential.PrivateKey = other
	_, _, err := do(t, f, f.Command("true"))
	says(t, executortest.Kind(t, err, run.Auth), "web-1", s.Username, "private key ED25519 "+print(t, line))
	f.Credential = run.Credential{Password: []byte("wrong")}
	_, _, err = do(t, f, f.Command("true"))
	executortest.Kind(t, err, run.Auth)
	f.Credential = run.Credential{}
	_, _, err = do(t, f, f.Command("true"))
	says(t, executortest.Kind(t, err, run.Auth), "ssh-key-storage-path")
	f.Credential.PrivateKey = []byte("not a key s3cret")
	_, _, err = do(t, f, f.Command("true"))
	if e := executortest.Kind(t, err, run.Auth); strings.Contains(e.Msg, "s3cret") {
		t.Errorf("the message quotes the key: %s", e.Msg)
	}
	f.Credential.PrivateKey = s.PrivateKey
	f.Node.Username = "nobody-we-know"
	_, _, err = do(t, f, f.Command("true"))
	says(t, executortest.Kind(t, err, run.Auth), "nobody-we-know")
	f.Node.Username = ""
	_, _, err = do(t, f, f.Command("true"))
	says(t, executortest.Kind(t, err, run.Setup), "username")
	f.Node.Username, f.Node.OSFamily = s.Username, "windows"
	_, _, err = do(t, f, f.Command("true"))
	says(t, executortest.Kind(t, err, run.Setup), "Windows")
}

func TestPassphrase(t *testing.T) {
	s := server(t, sshd.Options{})
	f := fixture(t, s, Options{})
	f.Credential.PrivateKey = protect(t, s.PrivateKey, "open sesame")
	_, _, err := do(t, f, f.Command("true"))
	says(t, executortest.Kind(t, err, run.Auth), "passphrase")
	f.Credential.Passphrase = []byte("wrong")
	_, _, err = do(t, f, f.Command("true"))
	says(t, executortest.Kind(t, err, run.Auth), "passphrase", "wrong")
	f.Credential.Passphrase = []byte("open sesame")
	ok(t, f)
}

// The cable is pulled: sshd's own processes die, the command runs on.
func TestLost(t *testing.T) {
	s := server(t, sshd.Options{})
	f := fixture(t, s, Options{})
	in := f.Command(`echo pid $$; echo ready; exec sleep 1000`)
	l := executortest.NewLog()
	ended := executortest.Go(context.Background(), f.Executor, in, l)
	pid := l.PID(t, "pid")
	if s.Cut() == 0 {
		t.Fatal("there was no connection to cut")
	}
	says(t, executortest.Kind(t, executortest.Await(t, ended).Err, run.Lost), "web-1", "unknown")
	if !executortest.Alive(pid) {
		t.Error("the command should have run on")
	}
	executortest.Kill(executortest.Living(t, in.RunID)...)
	ok(t, f) // the next step gets a connection of its own
}

// The connection goes silent without an end.
func TestSilence(t *testing.T) {
	s := server(t, sshd.Options{})
	p := newProxy(t, s.Addr)
	f := fixture(t, s, Options{KeepAlive: 200 * time.Millisecond})
	f.Node.Hostname = p.addr
	in := f.Command(`echo pid $$; exec sleep 1000`)
	l := executortest.NewLog()
	ended := executortest.Go(context.Background(), f.Executor, in, l)
	l.PID(t, "pid")
	p.freeze()
	executortest.Kind(t, executortest.Await(t, ended).Err, run.Lost)
	executortest.Kill(executortest.Living(t, in.RunID)...)
}

// A stop finds the connection dead and goes over another one.
func TestStopOverAnotherConnection(t *testing.T) {
	s := server(t, sshd.Options{})
	p := newProxy(t, s.Addr)
	f := fixture(t, s, Options{KeepAlive: time.Hour, OpenSession: 300 * time.Millisecond})
	f.Node.Hostname = p.addr
	ctx, stop := context.WithCancel(context.Background())
	in := f.Command(`setsid sh -c 'echo pid $$; exec sleep 1000' & sleep 1000`)
	l := executortest.NewLog()
	ended := executortest.Go(ctx, f.Executor, in, l)
	pid := l.PID(t, "pid")
	p.freeze()
	stop()
	executortest.Kind(t, executortest.Await(t, ended).Err, run.Stopped)
	if executortest.Alive(pid) || len(executortest.Living(t, in.RunID)) > 0 {
		t.Error("it lives on")
	}
}

// A stop that cannot be delivered does not claim to have stopped anything.
func TestStopUnreachable(t *testing.T) {
	s := server(t, sshd.Options{})
	f := fixture(t, s, Options{Handshake: time.Second})
	ctx, stop := context.WithCancel(context.Background())
	in := f.Command(`echo pid $$; exec sleep 1000`)
	l := executortest.NewLog()
	ended := executortest.Go(ctx, f.Executor, in, l)
	l.PID(t, "pid")
	_ = s.Stop()
	stop()
	says(t, executortest.Kind(t, executortest.Await(t, ended).Err, run.Lost), "unknown")
	executortest.Kill(executortest.Living(t, in.RunID)...)
}

package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	xssh "golang.org/x/crypto/ssh"

	"muster/internal/fault"
	"muster/internal/outbound"
	"muster/internal/run"
)

// dial connects and logs in. Its errors are *run.ExecError unless ctx ended.
func (p *pool) dial(ctx context.Context, t *target) (*xssh.Client, error) {
	if t.trust.empty() {
		return nil, p.untrusted(ctx, t)
	}
	l, err := newLogin(t)
	if err != nil {
		return nil, err
	}
	var shown xssh.PublicKey
	var trusted bool
	cfg := &xssh.ClientConfig{
		User: t.user, Auth: l.auth,
		HostKeyAlgorithms: t.trust.algorithms(),
		HostKeyCallback: func(host string, remote net.Addr, key xssh.PublicKey) error {
			shown = key
			err := t.trust.check(host, remote, key)
			trusted = err == nil
			return err
		},
		ClientVersion: "SSH-2.0-Muster",
	}
	client, err := p.handshake(ctx, t, cfg)
	// A busy sshd drops connections it has not logged in yet (MaxStartups).
	// Nothing was run, so once more is safe.
	if err != nil && !trusted && dropped(err) {
		pause := time.NewTimer(300 * time.Millisecond)
		select {
		case <-pause.C:
			client, err = p.handshake(ctx, t, cfg)
		case <-ctx.Done():
		}
		pause.Stop()
	}
	if err == nil {
		return client, nil
	}
	var algo *xssh.AlgorithmNegotiationError
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, errMismatch):
		return nil, mismatch(t, shown, err)
	case errors.As(err, &algo) && !trusted && strings.Contains(algo.What, "host key"):
		// It has no key of the types we trust: ask what it has.
		if shown, probed := p.probe(ctx, t); shown != nil {
			return nil, mismatch(t, shown, err)
		} else if probed != nil {
			err = probed
		}
		return nil, run.NewExecError(run.HostKey, err, "%s has no host key of a trusted type (%s). Look at its keys with ssh-keyscan and set ssh-host-key.", t.node, strings.Join(t.trust.algorithms(), ", "))
	case errors.As(err, &algo):
		return nil, run.NewExecError(run.Unreachable, err, "%s (%s) and Muster have no %s method in common. Update the node's SSH server.", t.node, t.address, algo.What)
	case trusted && refused(err):
		return nil, run.NewExecError(run.Auth, err, "%s refused to let %s in; tried: %s. Check that the account exists, may log in, and knows this credential (for a key: ~%s/.ssh/authorized_keys).", t.node, t.user, l.said(), t.user)
	}
	return nil, unreachable(t, err, p.o)
}

// refused tells a login that failed from a connection that did.
func refused(err error) bool {
	var ne net.Error
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.As(err, &ne) {
		return false
	}
	return true
}

// dropped means that the other side hung up without a word.
func dropped(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// stage marks where reaching a node failed.
type stage struct {
	connected bool
	err       error
}

func (s *stage) Error() string { return s.err.Error() }
func (s *stage) Unwrap() error { return s.err }

// handshake opens TCP and speaks SSH on it, each within its limit.
func (p *pool) handshake(ctx context.Context, t *target, cfg *xssh.ClientConfig) (*xssh.Client, error) {
	dctx, cancel := context.WithTimeout(ctx, p.o.Connect)
	defer cancel()
	nc, err := p.o.Dial(dctx, "tcp", t.address)
	if err != nil {
		return nil, &stage{err: err}
	}
	_ = nc.SetDeadline(time.Now().Add(p.o.Handshake))
	release := context.AfterFunc(ctx, func() { _ = nc.Close() })
	sc, chans, reqs, err := xssh.NewClientConn(nc, t.address, cfg)
	if err != nil {
		release()
		_ = nc.Close()
		return nil, &stage{connected: true, err: err}
	}
	if !release() {
		_ = sc.Close()
		return nil, context.Cause(ctx)
	}
	_ = nc.SetDeadline(time.Time{})
	return xssh.NewClient(sc, chans, reqs), nil
}

// probe asks a node for its key and hangs up.
func (p *pool) probe(ctx context.Context, t *target) (shown xssh.PublicKey, err error) {
	stop := errors.New("only asked for the host key")
	client, err := p.handshake(ctx, t, &xssh.ClientConfig{
		User: t.user,
		HostKeyAlgorithms: []string{xssh.KeyAlgoED25519, xssh.KeyAlgoECDSA256, xssh.KeyAlgoECDSA384, xssh.KeyAlgoECDSA521,
			xssh.KeyAlgoRSASHA512, xssh.KeyAlgoRSASHA256},
		HostKeyCallback: func(_ string, _ net.Addr, key xssh.PublicKey) error {
			shown = key
			return stop
		},
		ClientVersion: "SSH-2.0-Muster",
	})
	if err == nil {
		_ = client.Close()
	}
	if errors.Is(err, stop) {
		err = nil
	}
	return shown, err
}

// untrusted refuses a node for which no key is known, and says which it shows.
func (p *pool) untrusted(ctx context.Context, t *target) error {
	shown, err := p.probe(ctx, t)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if shown == nil {
		return unreachable(t, err, p.o)
	}
	why := "No host key is trusted for it yet"
	if t.trust.elsewhere > 0 {
		why = fmt.Sprintf("None of the %d trusted host key lines is for %s", t.trust.elsewhere, t.address)
	}
	return run.NewExecError(run.HostKey, errUntrusted,
		"%s (%s) was not trusted, and nothing was run. %s. It shows %s. Compare that on the machine itself (ssh-keygen -lf /etc/ssh/ssh_host_%s_key.pub); when it is the same, set the node's ssh-host-key to: %s",
		t.node, t.address, why, describe(shown), keyFile(shown), keyLine(shown))
}

func mismatch(t *target, shown xssh.PublicKey, cause error) error {
	return run.NewExecError(run.HostKey, cause,
		"%s (%s) shows another host key than the trusted one, and nothing was run. Expected %s; presented %s. Either the machine was set up anew, or somebody answers in its place. Compare on the machine itself (ssh-keygen -lf /etc/ssh/ssh_host_%s_key.pub); only when the presented key is its own, set the node's ssh-host-key to: %s",
		t.node, t.address, t.trust.expected(), describe(shown), keyFile(shown), keyLine(shown))
}

func keyFile(k xssh.PublicKey) string {
	kind, _, _ := strings.Cut(describe(k), " ")
	return strings.ToLower(kind)
}

// unreachable says in words why a node could not be spoken to.
func unreachable(t *target, err error, o Options) error {
	say := func(format string, a ...any) error { return run.NewExecError(run.Unreachable, err, format, a...) }
	var st *stage
	connected := errors.As(err, &st) && st.connected
	var dns *net.DNSError
	var ne net.Error
	timeout := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || (errors.As(err, &ne) && ne.Timeout())
	switch {
	case outbound.IsRefused(err):
		return run.NewExecError(run.Setup, err, "%s: %s", t.node, fault.Message(err))
	case errors.As(err, &dns):
		return say("The name %s of node %s could not be resolved. Check the node's hostname and Muster's DNS.", t.host, t.node)
	case errors.Is(err, syscall.ECONNREFUSED):
		return say("Nothing listens on %s (%s): the connection was refused. Is the SSH server running there, and is the port right?", t.node, t.address)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return say("There is no route to %s (%s). Check the network between Muster and the node.", t.node, t.address)
	case timeout && connected:
		return say("%s (%s) accepted the connection, but did not answer as an SSH server within %s. The machine may hang, or something else listens on that port.", t.node, t.address, o.Handshake)
	case timeout:
		return say("%s (%s) did not answer within %s. Is the machine up, and does a firewall allow the connection?", t.node, t.address, o.Connect)
	case dropped(err):
		return say("%s (%s) closed the connection before logging in. It may be too busy (MaxStartups), or refuse Muster's address.", t.node, t.address)
	case connected:
		return say("%s (%s) could not be spoken to by SSH: %v.", t.node, t.address, st.err)
	}
	return say("%s (%s) could not be reached: %v.", t.node, t.address, err)
}

// explain makes the error of a step that never began.
func (e *Executor) explain(ctx context.Context, t *target, err error) error {
	if x := run.ExecErrorOf(err); x != nil {
		return x
	}
	var refusal *xssh.OpenChannelError
	switch {
	case ctx.Err() != nil:
		return run.NewExecError(run.Stopped, context.Cause(ctx), "Stopped before the step began on %s: nothing was run there.", t.node)
	case errors.As(err, &refusal):
		return run.NewExecError(run.Setup, err, "%s let %s in, but refused to start a session (%s). Look at MaxSessions in its sshd_config.", t.node, t.user, refusal.Message)
	case errors.Is(err, errNoExec):
		return run.NewExecError(run.Setup, err, "%s let %s in, but refused to run a command. The account may be limited to file transfer.", t.node, t.user)
	case errors.Is(err, errSilent):
		return run.NewExecError(run.Unreachable, err, "%s (%s) let %s in, but did not start a session within %s. The machine may hang.", t.node, t.address, t.user, e.o.OpenSession)
	}
	return run.NewExecError(run.Unreachable, err, "The connection to %s (%s) broke before the step was sent: nothing was run there. Try again.", t.node, t.address)
}

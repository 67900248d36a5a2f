package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	xssh "golang.org/x/crypto/ssh"

	"muster/internal/executor/posix"
)

var (
	errFull   = errors.New("the node allows no further session on this connection")
	errNoExec = errors.New("the node refused to run a command")
	errSilent = errors.New("the node did not answer in time")
	errNoExit = errors.New("the session ended without telling how")
)

// open starts a shell in a session of its own.
func (c *conn) open(ctx context.Context, line string, limit time.Duration) (*posix.Process, error) {
	type result struct {
		p   *posix.Process
		err error
	}
	got := make(chan result, 1)
	go func() {
		p, err := c.start(line)
		got <- result{p, err}
	}()
	abandon := func() {
		go func() {
			if r := <-got; r.err == nil {
				r.p.Close()
			}
		}()
	}
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case r := <-got:
		return r.p, r.err
	case <-t.C:
		abandon()
		return nil, errSilent
	case <-ctx.Done():
		abandon()
		return nil, context.Cause(ctx)
	}
}

// aside is open for stopping a step: beside the sessions of the steps, two at a
// time, so that sshd's limit is not reached.
func (c *conn) aside(ctx context.Context, line string, limit time.Duration) (*posix.Process, error) {
	select {
	case c.stops <- struct{}{}:
	case <-c.ended:
		return nil, posix.ErrGone
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	p, err := c.open(ctx, line, limit)
	if err != nil {
		<-c.stops
		return nil, err
	}
	shut := p.Close
	p.Close = sync.OnceFunc(func() { shut(); <-c.stops })
	return p, nil
}

func (c *conn) start(line string) (*posix.Process, error) {
	ch, reqs, err := c.client.OpenChannel("session", nil)
	if err != nil {
		var refusal *xssh.OpenChannelError
		if errors.As(err, &refusal) {
			return nil, fmt.Errorf("%w: %w", errFull, err)
		}
		return nil, fmt.Errorf("%w: %w", posix.ErrGone, err)
	}
	exit := make(chan posix.Exit, 1)
	go func() { exit <- ending(reqs) }()
	ok, err := ch.SendRequest("exec", true, xssh.Marshal(struct{ Command string }{line}))
	if err != nil {
		_ = ch.Close()
		return nil, fmt.Errorf("%w: %w", posix.ErrGone, err)
	}
	if !ok {
		_ = ch.Close()
		return nil, errNoExec
	}
	return &posix.Process{
		Stdin: stdin{ch}, Stdout: ch, Stderr: ch.Stderr(), Exit: exit,
		Close: func() { _ = ch.Close() },
	}, nil
}

// ending waits for the exit status or signal, whichever the node reports.
func ending(reqs <-chan *xssh.Request) posix.Exit {
	for req := range reqs {
		if req.WantReply {
			_ = req.Reply(false, nil)
		}
		switch req.Type {
		case "exit-status":
			var m struct{ Status uint32 }
			if xssh.Unmarshal(req.Payload, &m) == nil {
				go xssh.DiscardRequests(reqs)
				return posix.Exit{Code: int(m.Status)}
			}
		case "exit-signal":
			var m struct {
				Signal     string
				CoreDumped bool
				Error      string
				Lang       string
			}
			if xssh.Unmarshal(req.Payload, &m) == nil {
				go xssh.DiscardRequests(reqs)
				return posix.Signalled(m.Signal)
			}
		}
	}
	return posix.Exit{Err: errNoExit}
}

// stdin closes only the node's standard input.
type stdin struct{ xssh.Channel }

func (s stdin) Close() error { return s.CloseWrite() }

var _ io.WriteCloser = stdin{}

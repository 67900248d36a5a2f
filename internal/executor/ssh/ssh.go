// Package ssh runs steps on other machines over SSH.
//
// Invariants: a node is spoken to only after it has shown a key that is trusted
// for it, never "the first time anyway"; a step is sent at most once: a
// connection that proves dead is replaced before the step is sent and never
// after; and whatever goes wrong is said in words that name the node, the
// likely cause and the remedy.
//
// Connections are kept and shared (pool.go). What is sent over them and how a
// step is stopped is package posix. Opening credentials, choosing the node and
// deciding who may run what belong to run, node, key and access.
package ssh

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"muster/internal/executor/posix"
	"muster/internal/outbound"
	"muster/internal/run"
)

// Options of an Executor; the zero value serves.
type Options struct {
	Limits posix.Limits
	// Connect and Handshake bound reaching a node and logging in to it (10 s each).
	Connect, Handshake time.Duration
	// OpenSession bounds the node's answer when a kept connection is used (10 s).
	OpenSession time.Duration
	// KeepAlive is the pause between questions whether the node is still there,
	// and the time it has to answer (15 s).
	KeepAlive time.Duration
	// Idle is how long an unused connection is kept (5 min).
	Idle time.Duration
	// Connections bounds all connections (256), Sessions those of one
	// connection (8: sshd allows 10, and stopping needs one too).
	Connections, Sessions int
	// Dial opens the TCP connection; nil means with the rules for nodes and no
	// settings of their own.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

func (o Options) defaulted() Options {
	o.Limits = o.Limits.Defaulted()
	for d, v := range map[*time.Duration]time.Duration{
		&o.Connect: 10 * time.Second, &o.Handshake: 10 * time.Second, &o.OpenSession: 10 * time.Second,
		&o.KeepAlive: 15 * time.Second, &o.Idle: 5 * time.Minute,
	} {
		if *d == 0 {
			*d = v
		}
	}
	if o.Connections == 0 {
		o.Connections = 256
	}
	if o.Sessions == 0 {
		o.Sessions = 8
	}
	if o.Dial == nil {
		o.Dial = outbound.New(outbound.Nodes, outbound.Rules{}, outbound.Options{}).DialContext
	}
	return o
}

// Executor implements run.Executor.
type Executor struct {
	o     Options
	pool  *pool
	base  context.Context
	stop  context.CancelCauseFunc
	mu    sync.Mutex
	ended bool
	under sync.WaitGroup
}

var errClosing = errors.New("muster is shutting down")

// New returns an executor without connections.
func New(o Options) *Executor {
	o = o.defaulted()
	e := &Executor{o: o, pool: newPool(o)}
	e.base, e.stop = context.WithCancelCause(context.Background())
	return e
}

// Connections is how many connections are open, kept ones included.
func (e *Executor) Connections() int {
	e.pool.mu.Lock()
	defer e.pool.mu.Unlock()
	n := 0
	for _, list := range e.pool.conns {
		n += len(list)
	}
	return n
}

// Run implements run.Executor.
func (e *Executor) Run(ctx context.Context, in run.Invocation, out run.Output) (run.Result, error) {
	e.mu.Lock()
	if e.ended {
		e.mu.Unlock()
		return run.Result{}, run.NewExecError(run.Setup, errClosing, "Muster is shutting down: nothing was run on %s.", in.Node.Name)
	}
	e.under.Add(1)
	e.mu.Unlock()
	defer e.under.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(e.base, func() { cancel(errClosing) })()

	step, err := posix.Prepare(in, e.o.Limits)
	if err != nil {
		return run.Result{}, err
	}
	t, err := newTarget(in)
	if err != nil {
		return run.Result{}, err
	}
	l, s, err := e.begin(ctx, t, step, out)
	if err != nil {
		return run.Result{}, e.explain(ctx, t, err)
	}
	defer l.release()
	return s.Run(ctx, func(ctx context.Context, line string) (*posix.Process, error) {
		return e.again(ctx, t, l, line)
	})
}

// begin gets a shell that waits for the step. A kept connection that turns out
// to be dead is replaced once; one that refuses a further session is left to
// those it has.
func (e *Executor) begin(ctx context.Context, t *target, step *posix.Step, out run.Output) (*lease, *posix.Session, error) {
	var after uint64 // only connections made later than this one are good enough
	for {
		l, err := e.pool.take(ctx, t, after)
		if err != nil {
			return nil, nil, err
		}
		p, err := l.conn.open(ctx, step.Line(), e.o.OpenSession)
		var s *posix.Session
		if err == nil {
			s, err = step.Greet(ctx, p, out)
		}
		switch {
		case err == nil:
			return l, s, nil
		case errors.Is(err, errFull) && l.full():
			continue
		case l.kept && after == 0 && (errors.Is(err, posix.ErrGone) || errors.Is(err, errSilent)):
			after = e.pool.newest()
			l.conn.retire()
			l.release()
			continue
		}
		if errors.Is(err, posix.ErrGone) || errors.Is(err, errSilent) {
			l.conn.retire()
		}
		l.release()
		return nil, nil, err
	}
}

// again opens a further shell for stopping a step: on the step's own connection
// where that still lives and allows it, on another one otherwise.
func (e *Executor) again(ctx context.Context, t *target, l *lease, line string) (*posix.Process, error) {
	p, err := l.conn.aside(ctx, line, e.o.OpenSession)
	if err == nil {
		return p, nil
	}
	if !errors.Is(err, errFull) {
		l.conn.retire()
	}
	var after uint64
	if l.conn.dead() {
		after = l.conn.serial
	}
	for {
		other, err := e.pool.take(ctx, t, after)
		if err != nil {
			return nil, err
		}
		p, err := other.conn.open(ctx, line, e.o.OpenSession)
		if err == nil {
			shut := p.Close
			p.Close = sync.OnceFunc(func() { shut(); other.release() })
			return p, nil
		}
		if errors.Is(err, errFull) && other.full() {
			continue
		}
		other.conn.retire()
		other.release()
		if !other.kept {
			return nil, err
		}
		after = e.pool.newest()
	}
}

// Close stops the steps under way, waits for them and closes all connections.
func (e *Executor) Close() error {
	e.mu.Lock()
	e.ended = true
	e.mu.Unlock()
	e.stop(errClosing)
	e.under.Wait()
	e.pool.close()
	return nil
}

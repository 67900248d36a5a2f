package ssh

import (
	"context"
	"sync"
	"time"

	xssh "golang.org/x/crypto/ssh"
)

// pool keeps connections and shares them between steps.
//
// A connection belongs to a target key (user, address, credential, trusted
// keys) and carries up to Sessions steps. Steps that find none with room join a
// connection that is being made, as long as it will have room for them; its
// failure is then the failure of all that joined, so a hanging node costs
// fifty steps one time-out and not fifty.
type pool struct {
	o Options

	mu     sync.Mutex
	conns  map[string][]*conn
	dials  map[string][]*dialing
	total  int // connections and dials
	serial uint64
	freed  chan struct{} // closed and replaced when room may have come up
	closed bool
	base   context.Context
	stop   context.CancelFunc
	active sync.WaitGroup
}

// dialing is a connection being made.
type dialing struct {
	serial uint64
	joined int
	done   chan struct{}
	conn   *conn // guarded by pool.mu until done
	err    error
}

// lease is one step's place on a connection.
type lease struct {
	conn *conn
	kept bool // the connection was there before
	once sync.Once
}

func newPool(o Options) *pool {
	p := &pool{o: o, conns: map[string][]*conn{}, dials: map[string][]*dialing{}, freed: make(chan struct{})}
	p.base, p.stop = context.WithCancel(context.Background())
	return p
}

// newest is the serial number of the latest connection.
func (p *pool) newest() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.serial
}

// take gives a place on a connection to t that is newer than after.
func (p *pool) take(ctx context.Context, t *target, after uint64) (*lease, error) {
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, errClosing
		}
		if c := p.roomy(t.key, after); c != nil {
			c.used++
			c.idle.Stop()
			p.mu.Unlock()
			return &lease{conn: c, kept: true}, nil
		}
		if d := p.joinable(t.key, after); d != nil {
			d.joined++
			p.mu.Unlock()
			return p.join(ctx, d)
		}
		if p.total < p.o.Connections || p.evict() {
			p.serial++
			p.total++
			d := &dialing{serial: p.serial, joined: 1, done: make(chan struct{})}
			p.dials[t.key] = append(p.dials[t.key], d)
			p.active.Add(1)
			p.mu.Unlock()
			go p.connect(t, d)
			return p.join(ctx, d)
		}
		freed := p.freed
		p.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// join waits for a connection being made, on which a place is reserved.
func (p *pool) join(ctx context.Context, d *dialing) (*lease, error) {
	select {
	case <-d.done:
		if d.err != nil {
			return nil, d.err
		}
		return &lease{conn: d.conn}, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	made := d.conn
	if made == nil {
		d.joined--
	}
	p.mu.Unlock()
	if made != nil {
		(&lease{conn: made}).release()
	}
	return nil, context.Cause(ctx)
}

// roomy finds a living connection with room; the fullest first, so that the
// others become idle.
func (p *pool) roomy(key string, after uint64) *conn {
	var best *conn
	for _, c := range p.conns[key] {
		if c.serial > after && !c.retired && c.used < c.limit && (best == nil || c.used > best.used) {
			best = c
		}
	}
	return best
}

func (p *pool) joinable(key string, after uint64) *dialing {
	for _, d := range p.dials[key] {
		if d.serial > after && d.joined < p.o.Sessions {
			return d
		}
	}
	return nil
}

// evict closes the connection that has been idle longest.
func (p *pool) evict() bool {
	var oldest *conn
	for _, list := range p.conns {
		for _, c := range list {
			if c.used == 0 && (oldest == nil || c.since.Before(oldest.since)) {
				oldest = c
			}
		}
	}
	if oldest == nil {
		return false
	}
	p.drop(oldest)
	return true
}

// connect makes the connection d. It has time-outs of its own and does not end
// with the step that asked first, because others may have joined.
func (p *pool) connect(t *target, d *dialing) {
	defer p.active.Done()
	client, err := p.dial(p.base, t)
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.dials[t.key]
	for i, o := range list {
		if o == d {
			p.dials[t.key] = append(list[:i:i], list[i+1:]...)
		}
	}
	if len(p.dials[t.key]) == 0 {
		delete(p.dials, t.key)
	}
	if err == nil && p.closed {
		_ = client.Close()
		err = errClosing
	}
	if err != nil {
		p.total--
		d.err = err
		p.room()
		close(d.done)
		return
	}
	c := &conn{pool: p, key: t.key, client: client, serial: d.serial, used: d.joined, limit: p.o.Sessions, since: time.Now(),
		ended: make(chan struct{}), stops: make(chan struct{}, 2)}
	c.idle = time.AfterFunc(p.o.Idle, c.expire)
	d.conn = c
	p.conns[t.key] = append(p.conns[t.key], c)
	p.active.Add(2)
	go c.watch()
	go c.keepAlive(p.o.KeepAlive)
	p.room()
	close(d.done)
}

// room wakes those that wait for a connection; mu is held.
func (p *pool) room() {
	close(p.freed)
	p.freed = make(chan struct{})
}

// drop removes a connection and closes it; mu is held.
func (p *pool) drop(c *conn) {
	list := p.conns[c.key]
	for i, o := range list {
		if o == c {
			p.conns[c.key] = append(list[:i:i], list[i+1:]...)
			p.total--
			c.retired = true
			c.idle.Stop()
			go c.client.Close() // may wait for a stuck peer
			p.room()
		}
	}
	if len(p.conns[c.key]) == 0 {
		delete(p.conns, c.key)
	}
}

// close ends all connections and waits for their goroutines.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	for _, list := range p.conns {
		for _, c := range append([]*conn(nil), list...) {
			p.drop(c)
		}
	}
	p.mu.Unlock()
	p.stop()
	p.active.Wait()
}

// release gives the place back.
func (l *lease) release() {
	l.once.Do(func() {
		c := l.conn
		p := c.pool
		p.mu.Lock()
		defer p.mu.Unlock()
		c.used--
		if c.used > 0 {
			return
		}
		if c.retired {
			p.drop(c)
			return
		}
		c.since = time.Now()
		c.idle.Reset(p.o.Idle)
		p.room()
	})
}

// full notes that the node allows no more sessions on this connection than it
// has, and gives the place back. It reports false when there is not even one,
// or when the count was already known to be that low.
func (l *lease) full() bool {
	p := l.conn.pool
	p.mu.Lock()
	held := l.conn.used - 1
	if held >= 1 {
		l.conn.limit = min(l.conn.limit, held)
	}
	p.mu.Unlock()
	if held < 1 {
		return false
	}
	l.release()
	return true
}

// conn is a living connection.
type conn struct {
	pool   *pool
	key    string
	client *xssh.Client
	serial uint64
	ended  chan struct{}
	stops  chan struct{} // places for sessions beside the steps'

	// guarded by pool.mu
	used, limit int
	retired     bool // for no further step
	since       time.Time
	idle        *time.Timer
}

// retire leaves the connection to the steps it has.
func (c *conn) retire() {
	c.pool.mu.Lock()
	c.retired = true
	c.pool.mu.Unlock()
}

func (c *conn) dead() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

func (c *conn) expire() {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	if c.used == 0 {
		c.pool.drop(c)
	}
}

// watch forgets the connection when it ends.
func (c *conn) watch() {
	defer c.pool.active.Done()
	_ = c.client.Wait()
	close(c.ended)
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	c.pool.drop(c)
}

// keepAlive asks whether the node is still there and closes the connection when
// it does not answer: a cable that was pulled sends no word.
func (c *conn) keepAlive(every time.Duration) {
	defer c.pool.active.Done()
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-c.ended:
			return
		case <-t.C:
		}
		answer := make(chan error, 1)
		go func() {
			_, _, err := c.client.SendRequest("keepalive@openssh.com", true, nil)
			answer <- err
		}()
		late := time.NewTimer(every)
		select {
		case <-answer:
		case <-c.ended:
		case <-late.C:
			_ = c.client.Close()
		}
		late.Stop()
	}
}

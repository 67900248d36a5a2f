package chat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// throttled reads at most perSecond bytes a second while it is slow.
type throttled struct {
	net.Conn
	slow      atomic.Bool
	perSecond int
}

func (t *throttled) Read(p []byte) (int, error) {
	if !t.slow.Load() {
		return t.Conn.Read(p)
	}
	n, err := t.Conn.Read(p[:min(len(p), t.perSecond/10)])
	time.Sleep(time.Duration(n) * time.Second / time.Duration(t.perSecond))
	return n, err
}

// slow: does one reader at 1 kB/s move what the others feel, and what becomes of it.
func (o *office) slow(ctx context.Context) ([]Result, error) {
	n, rounds, seconds := 500, 5, 6
	if o.env.Short {
		n, rounds, seconds = 40, 1, 2
	}
	ids, err := o.people(ctx, n+1)
	if err != nil {
		return nil, err
	}
	room, err := o.room(ctx, "load", ids)
	if err != nil {
		return nil, err
	}
	round := func() (measured, error) {
		r := newRuler(20*(seconds+1), 20, n)
		c, err := o.audience(ctx, n, []string{room}, r.hear)
		if err != nil {
			return measured{}, err
		}
		defer c.close()
		return r.measure(ctx, 20, o.post(room))
	}
	var without, with, change []float64
	var codes []int
	missing := 0
	for range rounds {
		m, err := round()
		if err != nil {
			return nil, err
		}
		s, brake, err := o.dialSlow(ctx, room)
		if err != nil {
			return nil, err
		}
		ended := make(chan error, 1)
		began := time.Now()
		go func() { ended <- s.each(ctx, func([]byte) {}) }()
		b, err := round()
		if err != nil {
			return nil, err
		}
		missing += m.missing + b.missing
		without, with = append(without, m.delivery.p99), append(with, b.delivery.p99)
		change = append(change, (b.delivery.p99/m.delivery.p99-1)*100)
		// It stays slow until the server has had enough; then it reads what was on the way.
		time.Sleep(max(0, 20*time.Second-time.Since(began)))
		brake.slow.Store(false)
		select {
		case err := <-ended:
			codes = append(codes, int(websocket.CloseStatus(err)))
		case <-time.After(soon):
			codes = append(codes, 0)
			_ = s.conn.CloseNow()
		}
		// It comes back and has everything.
		back, err := dial(ctx, o.server.URL+"/api/v1/socket", o.tokens[n])
		if err != nil {
			return nil, err
		}
		if err := errors.Join(back.follow(ctx, []string{room}, nil), back.followed(ctx, 1), back.conn.CloseNow()); err != nil {
			return nil, fmt.Errorf("the slow one does not come back: %w", err)
		}
	}
	d := median(change)
	return []Result{{
		What:    fmt.Sprintf("1 of %d reads 1 kB/s: delivery p99 of the others, medians of %d interleaved rounds", n, rounds),
		Figures: []Figure{{"with", median(with), "ms"}, {"change", d, "%"}}, Target: "< 10 % more", Met: d < 10 && missing == 0,
		Floor: []Figure{{"without", median(without), "ms"}}, Ratio: median(with) / median(without),
		Note: fmt.Sprintf("deliveries missing %d; the slow one was closed with codes %v (3012 no answer to a ping, 3008 too far behind) and came back", missing, codes),
	}}, nil
}

func (o *office) dialSlow(ctx context.Context, room string) (*socket, *throttled, error) {
	t := &throttled{perSecond: 1000}
	s, err := dialThrough(ctx, o.server.URL+"/api/v1/socket", o.tokens[len(o.tokens)-1], func(c net.Conn) net.Conn {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(4096)
		}
		t.Conn = c
		return t
	})
	if err != nil {
		return nil, nil, err
	}
	if err := errors.Join(s.follow(ctx, []string{room}, nil), s.followed(ctx, 1)); err != nil {
		return nil, nil, err
	}
	t.slow.Store(true)
	return s, t, nil
}

func median(all []float64) float64 {
	s := slices.Sorted(slices.Values(all))
	return s[len(s)/2]
}

// storm: everybody loses the line at the same moment and comes back.
func (o *office) storm(ctx context.Context) ([]Result, error) {
	n, count := 500, 50
	if o.env.Short {
		n, count = 20, 5
	}
	ids, err := o.people(ctx, n)
	if err != nil {
		return nil, err
	}
	rooms := make([]string, count)
	for k := range rooms {
		if rooms[k], err = o.room(ctx, fmt.Sprintf("room-%d", k), ids[:min(len(ids), 20)]); err != nil {
			return nil, err
		}
	}
	// seen is, per client and room, the number up to which nothing is missing.
	seen := make([]map[string]int64, n)
	at := make([]map[string]position, n)
	open := func(k int) (*socket, error) {
		s, err := dial(ctx, o.server.URL+"/api/v1/socket", o.tokens[k])
		if err != nil {
			return nil, err
		}
		return s, s.follow(ctx, rooms, at[k])
	}
	gaps, refetched := atomic.Int64{}, atomic.Int64{}
	take := func(k int, room string, p publication) {
		if p.Data.Type != "message" {
			return
		}
		switch was := seen[k][room]; {
		case p.Data.Seq == was+1:
			seen[k][room] = p.Data.Seq
		case p.Data.Seq > was+1:
			gaps.Add(1)
		}
		pos := at[k][room]
		pos.offset = max(pos.offset, p.Offset)
		at[k][room] = pos
	}
	// join reads until left subscriptions are answered, and each room has come to want.
	join := func(k int, s *socket, left int, want int64) error {
		done := func() bool {
			if left > 0 {
				return false
			}
			for _, r := range rooms {
				if seen[k][r] < want {
					return false
				}
			}
			return true
		}
		for !done() {
			_, data, err := s.conn.Read(ctx)
			if err != nil {
				return err
			}
			for l := range bytes.SplitSeq(data, []byte("\n")) {
				if len(l) == 2 {
					if err := s.send(ctx, "{}"); err != nil {
						return err
					}
					continue
				}
				f, err := parse(l)
				if err != nil {
					return err
				}
				if f.Push != nil && f.Push.Pub != nil && len(f.Push.Channel) > 5 {
					take(k, f.Push.Channel[5:], *f.Push.Pub)
				}
				if f.Subscribe == nil {
					continue
				}
				left--
				room := rooms[f.ID-2]
				before, was := at[k][room]
				if was && !f.Subscribe.Recovered {
					refetched.Add(1)
					var page struct {
						Seq int64 `json:"seq"`
					}
					if err := o.server.As(o.tokens[k]).Call(ctx, "GET", fmt.Sprintf("/rooms/%s/messages?changed_after=%d", room, seen[k][room]), nil, &page); err != nil {
						return err
					}
					seen[k][room] = max(seen[k][room], page.Seq)
				}
				at[k][room] = position{f.Subscribe.Epoch, max(before.offset, f.Subscribe.Offset)}
				for _, p := range f.Subscribe.Publications {
					take(k, room, p)
				}
			}
		}
		return nil
	}
	sockets := make([]*socket, n)
	all := func(fn func(k int) error) error {
		errs := make(chan error, n)
		for k := range n {
			go func() { errs <- fn(k) }()
		}
		var first error
		for range n {
			if err := <-errs; err != nil && first == nil {
				first = err
			}
		}
		return first
	}
	for k := range n {
		seen[k], at[k] = map[string]int64{}, map[string]position{}
		if sockets[k], err = open(k); err != nil {
			return nil, err
		}
		if err := join(k, sockets[k], count, 0); err != nil {
			return nil, err
		}
	}
	say := func() error {
		for _, r := range rooms {
			if err := o.post(r)(ctx, rand.IntN(len(o.posters)), "while they were away"); err != nil {
				return err
			}
		}
		return nil
	}
	if err := errors.Join(say(), all(func(k int) error { return join(k, sockets[k], 0, 1) })); err != nil {
		return nil, err
	}

	// The line is lost, and what is said meanwhile must not be.
	for _, s := range sockets {
		_ = s.conn.CloseNow()
	}
	if err := say(); err != nil {
		return nil, err
	}
	used, began := cpu(o.server.Pid()), time.Now()
	stop, answered := make(chan struct{}), make(chan []int64)
	peak := rss(o.server.Pid())
	go func() { // does it keep answering others?
		var took []int64
		client := o.server.As(o.tokens[0])
		for {
			select {
			case <-stop:
				answered <- took
				return
			case <-time.After(50 * time.Millisecond):
			}
			at := time.Now()
			if client.Call(ctx, "GET", "/me", nil, nil) == nil {
				took = append(took, time.Since(at).Microseconds())
			}
			peak = max(peak, rss(o.server.Pid()))
		}
	}()
	var mu sync.Mutex
	var each []int64
	err = all(func(k int) error {
		time.Sleep(300*time.Millisecond + rand.N(300*time.Millisecond)) // as the web app waits
		s, err := open(k)
		if err != nil {
			return err
		}
		sockets[k] = s
		// The web app asks for the office anew, beside its rooms.
		if err := o.server.As(o.tokens[k]).Call(ctx, "GET", "/office", nil, nil); err != nil {
			return err
		}
		err = join(k, s, count, 2)
		mu.Lock()
		each = append(each, time.Since(began).Microseconds())
		mu.Unlock()
		return err
	})
	took := time.Since(began).Seconds()
	close(stop)
	others := spreadOf(<-answered)
	used = cpu(o.server.Pid()) - used
	for _, s := range sockets {
		if s != nil {
			_ = s.conn.CloseNow()
		}
	}
	if err != nil {
		return nil, err
	}
	s := spreadOf(each)
	return []Result{{
		What: fmt.Sprintf("%d clients with %d rooms each lose the line at once: until all are caught up", n, count),
		Figures: []Figure{{"all", took, "s"}, {"a client p50", s.p50 / 1000, "s"}, {"processor", used, "s"}, {"memory at most", peak / 1e6, "MB"},
			{"others' requests p50", others.p50, "ms"}, {"p99", others.p99, "ms"}},
		Target: "no gap", Met: gaps.Load() == 0,
		Note: fmt.Sprintf("0.3 to 0.6 s of it is the clients' own back-off; %d gaps, %d rooms read over HTTP instead of replayed", gaps.Load(), refetched.Load()),
	}}, nil
}

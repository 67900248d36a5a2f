package realtime

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	"github.com/centrifugal/centrifuge"
)

// A closed laptop says nothing: its socket stays open until somebody misses it.
// The socket's own ping must be patient, for who is dropped by it has to come
// back and read everything anew. So presence has a beat of its own: a client that
// offers to answer is asked each second, and who did not for a while is shown
// as not here, with the socket left alone, until the next answer.
const (
	beatEvery   = time.Second
	silentAfter = 2400 * time.Millisecond
	beatTick    = 100 * time.Millisecond
	// stalled is when it was this process that stood still, and not the clients.
	stalled = 5 * beatTick
)

var beat = []byte(`{"type":"beat"}`)

// hello is what a client says of itself when it connects.
type hello struct {
	Beat bool     `json:"beat"` // it answers beats
	Idle *float64 `json:"idle"` // seconds since something was done on the device
}

// pulse is how a client's answers come.
type pulse struct {
	person, connection string
	slot               int
	heard              atomic.Int64 // Unix nanoseconds
	silent             bool         // used by the loop only
}

func helloOf(ctx context.Context) hello { h, _ := ctx.Value(helloKey{}).(hello); return h }

type helloKey struct{}

// idleOf is how long ago the device says that it was used; ok is false where it does not.
func (h hello) idleOf() (ago time.Duration, ok bool) {
	if h.Idle == nil || !(*h.Idle >= 0) {
		return 0, false
	}
	return time.Duration(min(*h.Idle, 1e6) * float64(time.Second)), true
}

// feel begins to ask a client for its beats, and listens to what it says of its use.
func (s *Server) feel(c *centrifuge.Client, person string) (end func()) {
	h, p := helloOf(c.Context()), &pulse{person: person, connection: c.ID()}
	if ago, ok := h.idleOf(); ok {
		s.seats.Used(person, c.ID(), ago)
	}
	if h.Beat {
		p.heard.Store(time.Now().UnixNano())
		s.mu.Lock()
		s.slots++
		p.slot = s.slots % int(beatEvery/beatTick)
		s.pulses[c] = p
		s.mu.Unlock()
	}
	var last time.Time // used by the client's reader only
	c.OnMessage(func(e centrifuge.MessageEvent) {
		now := time.Now()
		if now.Sub(last) < beatEvery/4 || len(e.Data) > 200 {
			return
		}
		last = now
		p.heard.Store(now.UnixNano())
		var in hello
		if json.Unmarshal(e.Data, &in) != nil {
			return
		}
		if ago, ok := in.idleOf(); ok {
			s.seats.Used(person, c.ID(), ago)
		}
	})
	return func() {
		s.mu.Lock()
		delete(s.pulses, c)
		s.mu.Unlock()
	}
}

// pump asks clients in turn, and notices who does not answer.
func (s *Server) pump() {
	t := time.NewTicker(beatTick)
	defer t.Stop()
	last := time.Now()
	for n := 0; ; n++ {
		select {
		case <-s.stop:
			return
		case <-t.C:
		}
		now := time.Now()
		s.round(n, now, now.Sub(last) > stalled)
		last = now
	}
}

func (s *Server) round(n int, now time.Time, forgive bool) {
	var ask []*centrifuge.Client
	var turned []*pulse
	s.mu.Lock()
	for c, p := range s.pulses {
		if forgive && !p.silent {
			p.heard.Store(now.UnixNano())
		}
		if silent := now.UnixNano()-p.heard.Load() > int64(silentAfter); silent != p.silent {
			p.silent = silent
			turned = append(turned, p)
		}
		if p.slot == n%int(beatEvery/beatTick) {
			ask = append(ask, c)
		}
	}
	s.mu.Unlock()
	for _, p := range turned {
		s.seats.Silent(p.person, p.connection, p.silent)
	}
	for _, c := range ask {
		_ = c.Send(beat) // a client that is gone is told of by OnDisconnect
	}
}

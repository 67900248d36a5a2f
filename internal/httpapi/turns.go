package httpapi

import (
	"context"
	"sync"
	"time"

	"muster/internal/fault"
)

// turns lets so many work at once and the rest wait, fairly by key: whoever has
// one thing to do is not behind all that somebody else has. A storm of one
// service so holds up another's alert by one delivery, not by hundreds.
type turns struct {
	mu      sync.Mutex
	free    int
	most    int // that may wait
	waiting int
	queues  map[string][]chan struct{}
	ring    []string // keys in the order of their turns
}

func newTurns(atOnce, most int) *turns {
	return &turns{free: atOnce, most: most, queues: map[string][]chan struct{}{}}
}

var errQueue = fault.Later(fault.Unavailable, 5*time.Second, "Too many deliveries wait already.")

// wait returns when it is the caller's turn, who calls done afterwards.
func (t *turns) wait(ctx context.Context, key string) error {
	t.mu.Lock()
	if t.free > 0 {
		t.free--
		t.mu.Unlock()
		return nil
	}
	if t.waiting >= t.most {
		t.mu.Unlock()
		return errQueue
	}
	turn := make(chan struct{})
	if len(t.queues[key]) == 0 {
		t.ring = append(t.ring, key)
	}
	t.queues[key] = append(t.queues[key], turn)
	t.waiting++
	t.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		t.mu.Lock()
		defer t.mu.Unlock()
		for n, c := range t.queues[key] {
			if c == turn {
				t.queues[key] = append(t.queues[key][:n:n], t.queues[key][n+1:]...)
				t.waiting--
				t.tidy(key)
				return ctx.Err()
			}
		}
		t.next() // it was the turn at the same moment
		return ctx.Err()
	}
}

// tidy forgets a key that nobody waits under.
func (t *turns) tidy(key string) {
	if len(t.queues[key]) > 0 {
		return
	}
	delete(t.queues, key)
	for n, k := range t.ring {
		if k == key {
			t.ring = append(t.ring[:n:n], t.ring[n+1:]...)
			return
		}
	}
}

func (t *turns) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next()
}

func (t *turns) next() {
	if t.waiting == 0 {
		t.free++
		return
	}
	key := t.ring[0]
	turn := t.queues[key][0]
	t.queues[key] = t.queues[key][1:]
	t.ring = append(t.ring[1:], key)
	t.waiting--
	t.tidy(key)
	close(turn)
}

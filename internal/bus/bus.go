// Package bus tells screens what changed. It may lose what it carries: losing
// costs a refetch, so work never travels here (task does that).
package bus

import (
	"slices"
	"sync"
)

// Bus fans out to every subscriber. A subscriber runs in the publisher's
// goroutine and must return at once; when several publish at the same moment it
// runs several times at once, and which is told first is not said. So what is
// told of a thing that changes often is that it changed: who shows it reads how it
// is then.
type Bus interface {
	Publish(topic string, payload any)
	// Subscribe's cancel returns when fn runs no more and will not run again. fn
	// may publish; it must not call cancel.
	Subscribe(fn func(topic string, payload any)) (cancel func())
}

// Memory is the bus of one process.
type Memory struct {
	mu   sync.Mutex
	subs []*subscriber // replaced, never changed: who publishes goes through a list without the lock
}

type subscriber struct {
	fn func(topic string, payload any)

	mu      sync.Mutex
	idle    sync.Cond
	running int
	gone    bool
}

// NewMemory returns an empty bus.
func NewMemory() *Memory { return &Memory{} }

func (m *Memory) Publish(topic string, payload any) {
	m.mu.Lock()
	subs := m.subs
	m.mu.Unlock()
	for _, s := range subs {
		s.tell(topic, payload)
	}
}

func (s *subscriber) tell(topic string, payload any) {
	s.mu.Lock()
	if s.gone {
		s.mu.Unlock()
		return
	}
	s.running++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.running--; s.running == 0 {
			s.idle.Broadcast()
		}
	}()
	s.fn(topic, payload)
}

func (m *Memory) Subscribe(fn func(topic string, payload any)) func() {
	s := &subscriber{fn: fn}
	s.idle.L = &s.mu
	m.mu.Lock()
	defer m.mu.Unlock()
	m.subs = append(slices.Clip(m.subs), s)
	return func() {
		m.mu.Lock()
		m.subs = slices.DeleteFunc(slices.Clone(m.subs), func(o *subscriber) bool { return o == s })
		m.mu.Unlock()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.gone = true
		for s.running > 0 {
			s.idle.Wait()
		}
	}
}

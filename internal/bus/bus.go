// Package bus tells screens what changed. It may lose what it carries: losing
// costs a refetch, so work never travels here (task does that).
package bus

import "sync"

// Bus fans out to every subscriber in the order of publishing. Subscribers
// must return at once; they run in the publisher's goroutine.
type Bus interface {
	Publish(topic string, payload any)
	Subscribe(fn func(topic string, payload any)) (cancel func())
}

// Memory is the bus of one process.
type Memory struct {
	mu   sync.RWMutex
	next int
	subs map[int]func(string, any)
}

// NewMemory returns an empty bus.
func NewMemory() *Memory { return &Memory{subs: map[int]func(string, any){}} }

func (m *Memory) Publish(topic string, payload any) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, fn := range m.subs {
		fn(topic, payload)
	}
}

func (m *Memory) Subscribe(fn func(topic string, payload any)) func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next++
	n := m.next
	m.subs[n] = fn
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.subs, n)
	}
}

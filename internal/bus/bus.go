// Package bus tells screens what changed. It may lose what it carries: losing
// costs a refetch, so work never travels here (task does that).
package bus

import (
	"slices"
	"sync"
)

// Bus fans out to every subscriber, one item of news after the other, in the
// order of publishing: no subscriber is called twice at the same time, and what
// was published later never overtakes. Subscribers must return at once; they may
// publish. They run in the goroutine of a publisher, not always of the one whose
// news it is: Publish may return before its news was told when another
// publisher's is being told.
type Bus interface {
	Publish(topic string, payload any)
	// Subscribe's cancel returns when fn is not running and will not be called
	// again. It must not be called by fn.
	Subscribe(fn func(topic string, payload any)) (cancel func())
}

// Memory is the bus of one process.
type Memory struct {
	mu      sync.Mutex
	told    sync.Cond // running has changed
	telling bool
	running *subscriber // who is being told now
	queue   []news
	subs    []*subscriber
}

type news struct {
	topic   string
	payload any
}

type subscriber struct{ fn func(string, any) }

// NewMemory returns an empty bus.
func NewMemory() *Memory {
	m := &Memory{}
	m.told.L = &m.mu
	return m
}

func (m *Memory) Publish(topic string, payload any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queue = append(m.queue, news{topic, payload})
	if m.telling {
		return // whoever tells now tells this too
	}
	m.telling = true
	defer func() { m.telling = false }() // also when a subscriber panics
	for len(m.queue) > 0 {
		n := m.queue[0]
		m.queue[0] = news{}
		m.queue = m.queue[1:]
		for _, s := range slices.Clone(m.subs) {
			if slices.Contains(m.subs, s) { // not cancelled by one before it
				m.tell(s, n)
			}
		}
	}
	m.queue = nil
}

// tell calls a subscriber without the lock.
func (m *Memory) tell(s *subscriber, n news) {
	m.running = s
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.running = nil
		m.told.Broadcast()
	}()
	s.fn(n.topic, n.payload)
}

func (m *Memory) Subscribe(fn func(topic string, payload any)) func() {
	s := &subscriber{fn}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.subs = append(m.subs, s)
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.subs = slices.DeleteFunc(m.subs, func(o *subscriber) bool { return o == s })
		for m.running == s {
			m.told.Wait()
		}
	}
}

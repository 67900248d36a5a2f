package bus

import (
	"runtime"
	"slices"
	"sync"
	"testing"
)

// Everybody is told of everything that one publisher says, in its order, however
// many others publish.
func TestInEachPublishersOrder(t *testing.T) {
	const publishers, each = 8, 500
	m := NewMemory()
	var mu sync.Mutex
	seen := map[string][]int{}
	m.Subscribe(func(topic string, payload any) {
		mu.Lock()
		defer mu.Unlock()
		seen[topic] = append(seen[topic], payload.(int))
	})
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for n := range each {
				m.Publish(string(rune('a'+p)), n)
			}
		})
	}
	wg.Wait()
	for topic, got := range seen {
		if len(got) != each || !slices.IsSorted(got) {
			t.Errorf("%s: %d items, in order: %v", topic, len(got), slices.IsSorted(got))
		}
	}
}

// A subscriber may publish, also while another subscribes or cancels: a socket
// that is closed because of news tells of its own end, and the server may be
// stopping. With one lock around it all, the three waited for each other.
func TestASubscriberPublishesWhileAnotherCancels(t *testing.T) {
	m := NewMemory()
	inside, cancelling := make(chan struct{}), make(chan struct{})
	var got []string
	cancel := m.Subscribe(func(topic string, _ any) {
		got = append(got, topic)
		if topic == "a" {
			close(inside)
			<-cancelling
			m.Subscribe(func(string, any) {})()
			m.Publish("b", nil)
		}
	})
	go func() {
		<-inside
		go func() {
			for { // until the canceller waits
				m.mu.Lock()
				n := len(m.subs)
				m.mu.Unlock()
				if n == 0 {
					close(cancelling)
					return
				}
				runtime.Gosched()
			}
		}()
		cancel()
	}()
	m.Publish("a", nil)
	if len(got) == 0 || got[0] != "a" {
		t.Error(got)
	}
}

func TestCancelled(t *testing.T) {
	m := NewMemory()
	inside, leave := make(chan struct{}), make(chan struct{})
	n := 0
	cancel := m.Subscribe(func(string, any) {
		close(inside)
		<-leave
		n++
	})
	go m.Publish("a", nil)
	<-inside
	done := make(chan struct{})
	go func() { cancel(); close(done) }()
	close(leave)
	<-done
	m.Publish("b", nil)
	if n != 1 {
		t.Errorf("told %d times", n)
	}
}

// One that panics is not taken to run for ever.
func TestASubscriberPanics(t *testing.T) {
	m := NewMemory()
	cancel := m.Subscribe(func(string, any) { panic("broken") })
	func() {
		defer func() { _ = recover() }()
		m.Publish("a", nil)
	}()
	cancel()
	m.Publish("b", nil)
}

package bus

import (
	"slices"
	"sync"
	"testing"
)

// Several publish at the same time: a subscriber is told of one after the other
// (the race detector watches seen), of everything, and in each one's order.
func TestOneAfterTheOther(t *testing.T) {
	const publishers, each = 8, 500
	m := NewMemory()
	seen := map[string][]int{}
	all := make(chan struct{})
	left := publishers * each
	m.Subscribe(func(topic string, payload any) {
		seen[topic] = append(seen[topic], payload.(int))
		if left--; left == 0 {
			close(all)
		}
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
	<-all
	for topic, got := range seen {
		if len(got) != each || !slices.IsSorted(got) {
			t.Errorf("%s: %d items, in order: %v", topic, len(got), slices.IsSorted(got))
		}
	}
}

// A subscriber may publish: its news comes after what it was told of, for everybody.
func TestASubscriberPublishes(t *testing.T) {
	m := NewMemory()
	var first, second []string
	m.Subscribe(func(topic string, _ any) {
		first = append(first, topic)
		if topic == "a" {
			m.Publish("b", nil)
		}
	})
	m.Subscribe(func(topic string, _ any) { second = append(second, topic) })
	m.Publish("a", nil)
	if want := []string{"a", "b"}; !slices.Equal(first, want) || !slices.Equal(second, want) {
		t.Error(first, second)
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

// One that panics does not make the bus deaf.
func TestASubscriberPanics(t *testing.T) {
	m := NewMemory()
	bad := true
	var got []string
	m.Subscribe(func(topic string, _ any) {
		got = append(got, topic)
		if bad {
			bad = false
			panic("broken")
		}
	})
	func() {
		defer func() { _ = recover() }()
		m.Publish("a", nil)
	}()
	m.Publish("b", nil)
	if !slices.Equal(got, []string{"a", "b"}) {
		t.Error(got)
	}
}

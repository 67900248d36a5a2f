package office

import (
	"sync"
	"time"

	"muster/internal/clock"
)

// Grace is how long a person stays online after their last connection ended:
// long enough for a page to reload, short enough that a closed laptop shows
// within three seconds.
const Grace = 2 * time.Second

type connections struct {
	open   map[string]bool
	active time.Time
	leave  clock.Timer
	cancel chan struct{}
}

// Connected notes a connection of person; call the returned function once when it ends.
func (s *Store) Connected(person, connection string) (gone func()) {
	s.mu.Lock()
	c := s.online[person]
	fresh := c == nil
	if fresh {
		c = &connections{open: map[string]bool{}}
		s.online[person] = c
	}
	c.stopLeaving()
	c.open[connection] = true
	c.active = s.clock.Now()
	s.mu.Unlock()
	if fresh {
		s.moved(person)
	}
	return sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(c.open, connection)
		if len(c.open) > 0 {
			return
		}
		c.stopLeaving()
		timer, cancel := s.clock.NewTimer(Grace), make(chan struct{})
		c.leave, c.cancel = timer, cancel
		go func() {
			select {
			case <-cancel:
			case <-timer.C():
				s.expire(person, c, cancel)
			}
		}()
	})
}

func (c *connections) stopLeaving() {
	if c.leave != nil {
		c.leave.Stop()
		close(c.cancel)
		c.leave, c.cancel = nil, nil
	}
}

// expire takes a person offline unless they came back in the meantime.
func (s *Store) expire(person string, c *connections, cancel chan struct{}) {
	s.mu.Lock()
	if c.cancel != cancel || s.online[person] != c {
		s.mu.Unlock()
		return
	}
	delete(s.online, person)
	s.mu.Unlock()
	s.moved(person)
}

// Online says whether the person has a connection, or had one until just now.
func (s *Store) Online(person string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.online[person] != nil
}

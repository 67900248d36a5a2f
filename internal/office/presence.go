package office

import (
	"sync"
	"time"

	"muster/internal/clock"
)

// Grace is how long a person stays online after their last connection ended:
// long enough for a page to reload, short enough that it shows within three
// seconds. A connection that fell silent has had its grace while it was.
const Grace = 2 * time.Second

const (
	// ActiveFor is how long somebody is shown as active after they last did
	// something on one of their devices.
	ActiveFor = 5 * time.Minute
	// AwayAfter is when somebody who does nothing on any device counts as away.
	AwayAfter = 10 * time.Minute
)

// Reach is what a person's devices say of them, taken together.
type Reach string

// A person is Here when their devices do not say what is done on them: a script
// that holds a socket does not, and guesses are not made.
const (
	Gone   Reach = "offline"
	Active Reach = "active"
	Here   Reach = "available"
	Idle   Reach = "away"
)

// device is one connection.
type device struct {
	silent  bool // does not answer right now
	reports bool // says when something is done on it
}

// connections are a person's, while there is one or there was until just now.
type connections struct {
	open  map[string]*device
	media bool      // what they say or show in a call comes in
	left  time.Time // when the last one that answered ended; zero while one does
	used  time.Time // when something was last done on any of them
	shown Reach

	due    time.Time // when timer rings
	timer  clock.Timer
	cancel chan struct{}
}

// Connected notes a connection of person; call the returned function once when it ends.
func (s *Store) Connected(person, connection string) (gone func()) {
	s.turn(person, true, func(c *connections) { c.open[connection] = &device{} })
	return sync.OnceFunc(func() {
		s.turn(person, false, func(c *connections) {
			if d := c.open[connection]; d == nil {
				return
			} else if delete(c.open, connection); !d.silent && !c.connected() {
				c.left = s.clock.Now()
			}
		})
	})
}

// Silent notes that a connection stopped to answer, or answers again. Who has
// no other is offline at once.
func (s *Store) Silent(person, connection string, silent bool) {
	s.turn(person, false, func(c *connections) {
		if d := c.open[connection]; d != nil {
			d.silent = silent
		}
	})
}

// Media notes whether a person's sound or picture comes in. Of somebody who was
// connected it is as good as an answer: a machine that is busy with a screen it
// shows is late with its beats, and they are there all the same.
func (s *Store) Media(person string, arrives bool) {
	s.turn(person, false, func(c *connections) { c.media = arrives })
}

// Used notes how long ago something was last done on a device.
func (s *Store) Used(person, connection string, ago time.Duration) {
	s.turn(person, false, func(c *connections) {
		d := c.open[connection]
		if d == nil {
			return
		}
		d.reports = true
		if at := s.clock.Now().Add(-max(0, ago)); at.After(c.used) {
			c.used = at
		}
	})
}

// turn changes what is known of a person's connections and, when they are in
// another reach now, tells.
func (s *Store) turn(person string, come bool, change func(c *connections)) {
	s.mu.Lock()
	c := s.online[person]
	if c == nil && !come {
		s.mu.Unlock()
		return
	}
	if c == nil {
		c = &connections{open: map[string]*device{}, shown: Gone}
		s.online[person] = c
	}
	change(c)
	moved := s.look(person, c)
	s.mu.Unlock()
	if moved {
		s.moved(person)
	}
}

// answers says whether they are there: by a device, or by their media.
func (c *connections) answers() bool { return c.media || c.connected() }

func (c *connections) connected() bool {
	for _, d := range c.open {
		if !d.silent {
			return true
		}
	}
	return false
}

func (c *connections) reports() bool {
	for _, d := range c.open {
		if d.reports && (!d.silent || c.media) {
			return true
		}
	}
	return false
}

// reach gives how a person is now, and when that changes if nothing happens;
// zero: it does not.
func (c *connections) reach(now time.Time) (Reach, time.Time) {
	if !c.answers() {
		if end := c.left.Add(Grace); !c.left.IsZero() && now.Before(end) {
			return c.shown, end
		}
		return Gone, time.Time{}
	}
	if len(c.open) == 0 && c.shown != Gone { // their media alone: a page that reloads, a network that changes
		return c.shown, time.Time{}
	}
	if !c.reports() {
		return Here, time.Time{}
	}
	switch idle := now.Sub(c.used); {
	case idle < ActiveFor:
		return Active, c.used.Add(ActiveFor)
	case idle < AwayAfter:
		return Here, c.used.Add(AwayAfter)
	}
	return Idle, time.Time{}
}

// look says whether a person's reach changed, and sees to it that the next
// change is noticed. s.mu is held.
func (s *Store) look(person string, c *connections) (changed bool) {
	if c.connected() {
		c.left = time.Time{}
	}
	now, next := c.reach(s.clock.Now())
	changed = now != c.shown
	c.shown = now
	if now == Gone && len(c.open) == 0 {
		delete(s.online, person)
	}
	// A timer that rings too early is set again then: using a device must not
	// cost one each time.
	if next.IsZero() || c.timer != nil && !next.Before(c.due) {
		if next.IsZero() {
			c.quiet()
		}
		return changed
	}
	c.quiet()
	timer, cancel := s.clock.NewTimer(next.Sub(s.clock.Now())), make(chan struct{})
	c.due, c.timer, c.cancel = next, timer, cancel
	go func() {
		select {
		case <-cancel:
		case <-timer.C():
			s.due(person, c, cancel)
		}
	}()
	return changed
}

// quiet stops the timer.
func (c *connections) quiet() {
	if c.timer != nil {
		c.timer.Stop()
		close(c.cancel)
		c.timer, c.cancel = nil, nil
	}
}

func (s *Store) due(person string, c *connections, cancel chan struct{}) {
	s.mu.Lock()
	if c.cancel != cancel || s.online[person] != c {
		s.mu.Unlock()
		return
	}
	c.timer, c.cancel = nil, nil
	moved := s.look(person, c)
	s.mu.Unlock()
	if moved {
		s.moved(person)
	}
}

// Reach says how a person's devices are.
func (s *Store) Reach(person string) Reach {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.online[person]; c != nil {
		return c.shown
	}
	return Gone
}

// Online says whether the person has a connection that answers, or had one until just now.
func (s *Store) Online(person string) bool { return s.Reach(person) != Gone }

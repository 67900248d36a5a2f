// Package clock is the only source of the time of day and of timers for code
// that decides by them, so that tests can move time instead of waiting.
package clock

import (
	"sync"
	"time"
)

// Clock tells the time and rings.
type Clock interface {
	Now() time.Time
	NewTimer(d time.Duration) Timer
}

// Timer rings once on C.
type Timer interface {
	C() <-chan time.Time
	Stop() bool
}

// Real is the machine's clock, in UTC at microsecond precision (what both databases keep).
type Real struct{}

func (Real) Now() time.Time                 { return time.Now().UTC().Truncate(time.Microsecond) }
func (Real) NewTimer(d time.Duration) Timer { return realTimer{time.NewTimer(d)} }

type realTimer struct{ t *time.Timer }

func (r realTimer) C() <-chan time.Time { return r.t.C }
func (r realTimer) Stop() bool          { return r.t.Stop() }

// Test stands still until Advance moves it.
type Test struct {
	mu     sync.Mutex
	now    time.Time
	timers map[*testTimer]bool
}

// NewTest starts a test clock at t.
func NewTest(t time.Time) *Test {
	return &Test{now: t.UTC().Truncate(time.Microsecond), timers: map[*testTimer]bool{}}
}

func (c *Test) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *Test) NewTimer(d time.Duration) Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &testTimer{c: c, at: c.now.Add(d), ch: make(chan time.Time, 1)}
	if d <= 0 {
		t.ch <- c.now
	} else {
		c.timers[t] = true
	}
	return t
}

// Advance moves the clock and rings every timer that is due.
func (c *Test) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	for t := range c.timers {
		if !t.at.After(c.now) {
			t.ch <- c.now
			delete(c.timers, t)
		}
	}
}

type testTimer struct {
	c  *Test
	at time.Time
	ch chan time.Time
}

func (t *testTimer) C() <-chan time.Time { return t.ch }
func (t *testTimer) Stop() bool {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	was := t.c.timers[t]
	delete(t.c.timers, t)
	return was
}

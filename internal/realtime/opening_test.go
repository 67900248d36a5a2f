package realtime

import (
	"testing"
	"testing/synctest"
	"time"
)

// Sockets that never connect are counted by nobody else: one person opens so many
// at once, and so many each second from then on; others are not concerned.
func TestSocketsAreOpenedAtAScreensPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{opening: map[string]opening{}}
		opened := func(person string) (n int) {
			for n < 1000 && s.opens(person) {
				n++
			}
			return n
		}
		for _, c := range []struct {
			wait time.Duration
			who  string
			want int
		}{{0, "ann", openAtOnce}, {0, "ann", 0}, {0, "bob", openAtOnce}, {time.Second, "ann", openEach}, {time.Hour, "ann", openAtOnce}} {
			time.Sleep(c.wait) // of the bubble's clock
			if got := opened(c.who); got != c.want {
				t.Errorf("after %v %s opens %d, want %d", c.wait, c.who, got, c.want)
			}
		}
	})
}

package fault

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestWaits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 seconds", time.Second: "1 second", 11*time.Second + 1: "12 seconds", 99 * time.Second: "99 seconds", 100 * time.Second: "2 minutes",
		time.Hour: "60 minutes", 2*time.Hour + 1: "3 hours", 24 * time.Hour: "24 hours",
	} {
		if got := InWords(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
	later := Later(RateLimited, -time.Minute, "Enough.")
	if Message(later) != "Enough. Try again in 1 second." || WaitOf(fmt.Errorf("more: %w", later)) != time.Second || KindOf(later) != RateLimited {
		t.Error(later, WaitOf(later))
	}
	for err, want := range map[error]time.Duration{New(RateLimited, "x"): soon, New(Unavailable, "x"): soon, New(Conflict, "x"): 0, errors.New("x"): 0, nil: 0} {
		if got := WaitOf(err); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}

package httpapi

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"muster/internal/fault"
)

// Whoever has one thing to do is not behind all that somebody else has.
func TestTurnsAreFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(1, 100)
		if err := turns.wait(t.Context(), "storm"); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []string
		var all sync.WaitGroup
		in := func(key string) {
			all.Go(func() {
				if err := turns.wait(t.Context(), key); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, key)
				mu.Unlock()
				synctest.Wait()
				turns.done()
			})
			synctest.Wait()
		}
		for n := range 30 {
			in(fmt.Sprint("storm-", n%3))
		}
		in("quiet")
		turns.done()
		all.Wait()
		for n, key := range order {
			if key == "quiet" && n > 4 {
				t.Errorf("the quiet one came as number %d of %v", n, order)
			}
		}
		if len(order) != 31 || turns.free != 1 || len(turns.queues) != 0 || len(turns.ring) != 0 {
			t.Errorf("%d were let in; left %+v", len(order), turns)
		}
	})
}

func TestWhoGoesAwayLeavesNoTurnBehind(t *testing.T) {
	turns := newTurns(1, 1)
	if err := turns.wait(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := turns.wait(gone, "a"); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	waits := make(chan error)
	ctx, leave := context.WithCancel(t.Context())
	go func() { waits <- turns.wait(ctx, "b") }()
	for {
		turns.mu.Lock()
		n := turns.waiting
		turns.mu.Unlock()
		if n == 1 {
			break
		}
	}
	if err := turns.wait(t.Context(), "c"); !fault.Is(err, fault.Unavailable) {
		t.Error("more wait than may:", err)
	}
	leave()
	<-waits
	turns.done()
	if turns.free != 1 || turns.waiting != 0 || len(turns.ring) != 0 {
		t.Errorf("%+v", turns)
	}
}

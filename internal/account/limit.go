package account

import (
	"math"
	"net/netip"
	"sync"
	"time"
)

// tries slows guessing down before it costs a hash: per login name (also names
// that do not exist, so that an answer does not tell) and per address. It is in
// memory; the lock that counts is in the account's row.
type tries struct {
	mu      sync.Mutex
	names   map[string]*bucket
	addrs   map[string]*bucket
	ghosts  map[string]*ghost
	swept   time.Time
	maxKeep int
}

// bucket holds how many tries are left; it fills again with time.
type bucket struct {
	left float64
	at   time.Time
}

// ghost is the lock of what was typed as a name. Without an account it is the
// only one, and behaves like a real one.
type ghost struct {
	failures int
	locks    int
	until    time.Time
	at       time.Time
}

const (
	nameBurst, nameEvery = 20, 10 * time.Second
	addrBurst, addrEvery = 60, 2 * time.Second
)

func newTries() *tries {
	return &tries{names: map[string]*bucket{}, addrs: map[string]*bucket{}, ghosts: map[string]*ghost{}, maxKeep: 100_000}
}

// allow takes one try of name and of address; wait says how long until the next.
func (t *tries) allow(now time.Time, name, address string) (wait time.Duration, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep(now)
	a := take(t.addrs, now, network(address), addrBurst, addrEvery)
	if a > 0 {
		return a, false
	}
	n := take(t.names, now, name, nameBurst, nameEvery)
	return n, n == 0
}

func take(m map[string]*bucket, now time.Time, key string, burst float64, every time.Duration) time.Duration {
	b := m[key]
	if b == nil {
		b = &bucket{burst, now}
		m[key] = b
	}
	b.left = math.Min(burst, b.left+float64(now.Sub(b.at))/float64(every))
	b.at = now
	if b.left < 1 {
		return time.Duration((1 - b.left) * float64(every))
	}
	b.left--
	return 0
}

// network is what one attacker holds: an IPv4 address, an IPv6 /64.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap(); a.Is4() {
		return a.String()
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}

// sweep forgets who was quiet. Beyond maxKeep everything is forgotten: memory
// is worth more than the exactness of a limit under an attack from everywhere.
func (t *tries) sweep(now time.Time) {
	if now.Sub(t.swept) < time.Minute && len(t.names)+len(t.addrs)+len(t.ghosts) < t.maxKeep {
		return
	}
	t.swept = now
	for k, b := range t.names {
		if now.Sub(b.at) > nameBurst*nameEvery {
			delete(t.names, k)
		}
	}
	for k, b := range t.addrs {
		if now.Sub(b.at) > addrBurst*addrEvery {
			delete(t.addrs, k)
		}
	}
	for k, g := range t.ghosts {
		if now.Sub(g.at) > 24*time.Hour {
			delete(t.ghosts, k)
		}
	}
	if len(t.names)+len(t.addrs)+len(t.ghosts) >= t.maxKeep {
		clear(t.names)
		clear(t.addrs)
		clear(t.ghosts)
	}
}

// locked says until when what was typed as a name is locked.
func (t *tries) locked(now time.Time, name string) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if g := t.ghosts[name]; g != nil && now.Before(g.until) {
		return g.until
	}
	return time.Time{}
}

// right forgets the wrong passwords for a name.
func (t *tries) right(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.ghosts, name)
}

// failed counts a wrong password for what was typed as a name, whether or not
// there is such an account.
func (t *tries) failed(now time.Time, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g := t.ghosts[name]
	if g == nil {
		g = &ghost{}
		t.ghosts[name] = g
	}
	g.at = now
	if g.failures++; g.failures >= MaxFailures {
		g.until = now.Add(lockFor(g.locks))
		g.failures = 0
		g.locks++
	}
}

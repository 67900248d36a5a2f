// Package freeport gives ports of loopback to programs that must be told their
// port before they bind it: sshd, LiveKit, a server that comes back at its old
// address. A port is given once on this machine, to one process, until that
// process ends; and it lies below the range from which the kernel takes ports for
// connections and for listeners on port 0, so that none of those takes it
// meanwhile. Whatever can listen on port 0 and say where does not need this.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
)

// low is the first port that is given: below it well-known services listen.
const low = 15000

// held keeps what marks ports as given open until the process ends.
var (
	mu   sync.Mutex
	held []net.Listener
)

// TCP gives a TCP port on which nobody listens.
func TCP() (int, error) {
	return choose("tcp", func(addr string) error {
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		return ln.Close()
	})
}

// UDP gives a UDP port on which nobody listens.
func UDP() (int, error) {
	return choose("udp", func(addr string) error {
		c, err := net.ListenPacket("udp", addr)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

func choose(network string, free func(addr string) error) (int, error) {
	high := kernelRange()
	var last error
	for range 1000 {
		port := low + rand.IntN(high-low) // #nosec G404 -- no secret, only not the one that others try
		// An abstract socket: gone with the process, however that ends.
		mark, err := net.Listen("unix", "@muster-port-"+strconv.Itoa(port))
		if err != nil {
			last = err
			continue
		}
		// On all addresses, for whoever binds it may use another one of loopback.
		if err := free(":" + strconv.Itoa(port)); err != nil {
			last = err
			_ = mark.Close()
			continue
		}
		mu.Lock()
		held = append(held, mark)
		mu.Unlock()
		return port, nil
	}
	return 0, fmt.Errorf("no free %s port between %d and %d: %w", network, low, high, last)
}

// kernelRange gives the first port that the kernel gives out by itself.
func kernelRange() int {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err == nil {
		if f := strings.Fields(string(b)); len(f) == 2 {
			if n, err := strconv.Atoi(f[0]); err == nil && n > low+1000 {
				return n
			}
		}
	}
	return 32768
}

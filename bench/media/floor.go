package media

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"

	"muster/bench/report"
)

// FloorArg starts this program as the floor of media: `bench media-floor ADDRESS`.
const FloorArg = "media-floor"

const packetSize = 120 // about what a voice's packet has with all that is around it

// ServeFloor gives each packet to everybody else who ever sent one: an engine
// without encryption, rights or anything else. It ends with its standard input.
func ServeFloor(address string) error {
	c, err := net.ListenPacket("udp", address)
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println(c.LocalAddr())
	var all []net.Addr
	known := map[string]bool{}
	b := make([]byte, 1500)
	for {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			return err
		}
		if !known[from.String()] {
			known[from.String()] = true
			all = append(all, from)
		}
		for _, to := range all {
			if to.String() != from.String() {
				_, _ = c.WriteTo(b[:n], to)
			}
		}
	}
}

// floor has n people talk through it for a while and gives how long packets took.
func floor(ctx context.Context, n int, d time.Duration) (report.Samples, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, FloorArg, "127.0.0.1:0") // #nosec G204 -- this program itself
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer func() { _ = stdin.Close(); _ = cmd.Wait() }()
	var at string
	if _, err := fmt.Fscanln(out, &at); err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var all report.Samples
	var wg sync.WaitGroup
	var errs []error
	end := time.Now().Add(d)
	for range n {
		c, err := net.Dial("udp", at)
		if err != nil {
			return nil, err
		}
		defer c.Close()
		wg.Go(func() {
			b := make([]byte, 1500)
			for {
				_ = c.SetReadDeadline(end.Add(time.Second))
				if k, err := c.Read(b); err != nil {
					return
				} else if k == packetSize {
					took := time.Since(time.Unix(0, int64(binary.BigEndian.Uint64(b))))
					mu.Lock()
					all = append(all, took)
					mu.Unlock()
				}
			}
		})
		wg.Go(func() {
			b := make([]byte, packetSize)
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for time.Now().Before(end) {
				binary.BigEndian.PutUint64(b, uint64(time.Now().UnixNano()))
				if _, err := c.Write(b); err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
					return
				}
				<-tick.C
			}
		})
	}
	wg.Wait()
	return all, errors.Join(errs...)
}

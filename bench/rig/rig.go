// Package rig is what the areas of the benchmark share: the built binary, a
// scratch folder, servers on data folders of their own, and a place for the
// lines they measured. It knows no area.
package rig

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"muster/bench/report"
	"muster/e2e/host"
)

// Rig is handed to each area.
type Rig struct {
	Bin   string // the built muster
	Dir   string // scratch; removed at the end
	Short bool
	// Profiles is a folder for CPU profiles of the servers; empty for none. What
	// is measured while one is taken is not to be quoted.
	Profiles string

	mu    sync.Mutex
	lines []report.Line
	n     int
}

// New builds muster into a scratch folder.
func New(short bool) (*Rig, error) {
	dir, err := os.MkdirTemp("", "muster-bench-")
	if err != nil {
		return nil, err
	}
	bin, err := host.Build(dir, false)
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return &Rig{Bin: bin, Dir: dir, Short: short}, nil
}

// Pick gives short in the short form, else long.
func Pick[T any](r *Rig, short, long T) T {
	if r.Short {
		return short
	}
	return long
}

// Line begins a line of an area; Put stores it.
func (r *Rig) Line(area, what string) *report.Line {
	l := &report.Line{Area: area, What: what, Command: "go run ./bench -only " + area}
	return l
}

// Put stores a line.
func (r *Rig) Put(l *report.Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, *l)
}

// Take gives the lines of an area and forgets them.
func (r *Rig) Take(area string) []report.Line {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.lines
	r.lines = nil
	for i := range out {
		if out[i].Area == "" {
			out[i].Area = area
		}
	}
	return out
}

// Say tells whoever watches.
func (r *Rig) Say(format string, a ...any) {
	fmt.Fprintf(os.Stderr, "bench:   "+format+"\n", a...)
}

// Folder makes a fresh folder in the scratch.
func (r *Rig) Folder(name string) (string, error) {
	r.mu.Lock()
	r.n++
	n := r.n
	r.mu.Unlock()
	dir := filepath.Join(r.Dir, fmt.Sprintf("%s-%d", name, n))
	return dir, os.MkdirAll(dir, 0o700)
}

// Server starts muster on a new data folder. Stop it yourself.
func (r *Rig) Server(name string, env ...string) (*host.Server, error) {
	dir, err := r.Folder(name)
	if err != nil {
		return nil, err
	}
	return r.ServerOn(dir, env...)
}

// ServerOn starts muster on a data folder that may have been used before.
func (r *Rig) ServerOn(dir string, env ...string) (*host.Server, error) {
	if r.Profiles != "" {
		if err := os.WriteFile(filepath.Join(dir, "muster.yaml"), []byte("profile: true\n"), 0o600); err != nil {
			return nil, err
		}
	}
	return host.Start(host.Options{Bin: r.Bin, Data: dir, Env: env})
}

// Profile does fn again and again for five seconds while a CPU profile of s is
// taken. Without a folder for profiles it does nothing.
func (r *Rig) Profile(s *host.Server, name string, fn func() error) error {
	if r.Profiles == "" {
		return nil
	}
	taken := make(chan error, 1)
	go func() {
		res, err := s.Console().HTTP.Get("http://muster/debug/pprof/profile?seconds=5")
		if err == nil {
			var b []byte
			b, err = io.ReadAll(res.Body)
			res.Body.Close()
			if err == nil {
				err = os.WriteFile(filepath.Join(r.Profiles, name+".pprof"), b, 0o600)
			}
		}
		taken <- err
	}()
	for {
		select {
		case err := <-taken:
			return err
		default:
		}
		if err := fn(); err != nil {
			return err
		}
	}
}

// RSS is the resident memory of a process in MB, and the most it ever was.
func RSS(pid int) (now, peak float64) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	for l := range strings.Lines(string(b)) {
		k, v, _ := strings.Cut(l, ":")
		kb, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), "kB")), 64)
		switch k {
		case "VmRSS":
			now = kb / 1024
		case "VmHWM":
			peak = kb / 1024
		}
	}
	return now, peak
}

// CPU is the processor time a process has used, in seconds.
func CPU(pid int) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) / 100
}

// Each calls fn for 0 … n-1, at most at once at a time, and gives the first error.
func Each(ctx context.Context, n, at int, fn func(i int) error) error {
	slots := make(chan struct{}, at)
	var wg sync.WaitGroup
	var once sync.Once
	var first error
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for i := range n {
		slots <- struct{}{}
		if ctx.Err() != nil {
			<-slots
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := fn(i); err != nil {
				once.Do(func() { first = err; cancel() })
			}
		})
	}
	wg.Wait()
	if first == nil {
		first = ctx.Err()
	}
	return first
}

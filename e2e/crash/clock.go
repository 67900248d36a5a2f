package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A statically linked Go program reads the time from the kernel's own page, so no
// preloaded library can move it, and moving the machine's clock would move
// everybody's. The server of this part is therefore built from the same sources
// with two files laid over them (go build -overlay): time.Now of the standard
// library adds a step to the wall clock and leaves the monotonic one alone, as
// a real step does, and a file beside main reads the step from a file. Nothing
// of this is in the product.
const (
	nowWas = "func Now() Time {\n"
	nowIs  = `
// Step moves the wall clock, in seconds.
var Step int64

func Now() Time {
	t := stepped()
	if s := Step; s != 0 {
		mono := t
		t = t.Round(0).Add(Duration(s) * Second)
		t.setMono(mono.mono())
	}
	return t
}

func stepped() Time {
`
	stepper = `package main

import (
	"os"
	"strconv"
	"strings"
	"time"
)

func init() {
	file := os.Getenv("CRASH_CLOCK")
	go func() {
		for {
			if raw, err := os.ReadFile(file); err == nil {
				if n, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64); err == nil {
					time.Step = n
				}
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
}
`
)

// buildStepped builds muster with a wall clock that can be moved.
func buildStepped(dir string) (string, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w", err)
	}
	source := filepath.Join(strings.TrimSpace(string(out)), "src", "time", "time.go")
	// #nosec G304 -- the standard library's own file
	raw, err := os.ReadFile(source)
	if err != nil {
		return "", err
	}
	text := strings.Replace(string(raw), nowWas, nowIs, 1)
	if text == string(raw) {
		return "", fmt.Errorf("%s has another time.Now than expected; look at e2e/crash/clock.go", source)
	}
	mod, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("go list -m: %w", err)
	}
	over := map[string]string{source: filepath.Join(dir, "time.go"), filepath.Join(strings.TrimSpace(string(mod)), "cmd", "muster", "step.go"): filepath.Join(dir, "step.go")}
	plan, err := json.Marshal(map[string]any{"Replace": over})
	if err != nil {
		return "", err
	}
	for name, text := range map[string]string{"time.go": text, "step.go": stepper, "overlay.json": string(plan)} {
		// #nosec G306 -- sources in a scratch folder
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	bin := filepath.Join(dir, "muster-stepped")
	// #nosec G204 -- the Go tool, with a folder of ours
	build := exec.Command("go", "build", "-buildvcs=false", "-overlay", filepath.Join(dir, "overlay.json"), "-o", bin, "muster/cmd/muster")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build muster with a clock to move: %v\n%s", err, out)
	}
	return bin, nil
}

// clockJumps moves the wall clock of the server by an hour, on, back and back
// again, also across a kill.
func (o *options) clockJumps(ctx context.Context, dir string) (*bank, []string, error) {
	// #nosec G301 -- a scratch folder
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, nil, err
	}
	bin, err := buildStepped(dir)
	if err != nil {
		return nil, nil, err
	}
	b, err := newBank(ctx, bin, dir, "sqlite", o.seed)
	if err != nil {
		return nil, nil, err
	}
	defer b.close()
	file := filepath.Join(dir, "clock")
	b.env = append(b.env, "CRASH_CLOCK="+file)
	step := func(d time.Duration) error {
		// #nosec G306 -- a number in a scratch folder
		return os.WriteFile(file, fmt.Appendf(nil, "%d\n", int64(d/time.Second)), 0o644)
	}
	if err := step(0); err != nil {
		return b, nil, err
	}
	l, err := b.work(ctx, "clock")
	if err != nil {
		return b, nil, err
	}
	defer l.stop()
	b.stepped = true
	checked := map[string]bool{}
	for n, d := range []time.Duration{0, time.Hour, 0, -time.Hour, 0, time.Hour, -time.Hour, 0} {
		if err := step(d); err != nil {
			return b, nil, err
		}
		if err := b.hold(ctx, 5*time.Second); err != nil {
			return b, nil, err
		}
		if got, err := b.serverTime(); err != nil || (time.Until(got)-d).Abs() > 3*time.Second {
			return b, nil, fmt.Errorf("the server's clock did not move by %s: it says %s (%v)", d, got, err)
		}
		b.book.count("jumps of the clock", 1)
		if n%3 != 2 {
			continue
		}
		if err := b.kill(); err != nil { // and the next jump comes while it is down
			return b, nil, err
		}
		if _, err := b.autopsy(checked); err != nil {
			return b, nil, err
		}
		if err := b.start(); err != nil {
			return b, nil, err
		}
	}
	b.finish(l)
	return b, nil, nil
}

// serverTime is when the server says that a message was posted now.
func (b *bank) serverTime() (time.Time, error) {
	var got struct {
		CreatedAt time.Time `json:"created_at"`
	}
	_, err := b.ask(b.writers[0], "POST", "/rooms/"+b.rooms[0]+"/messages", map[string]any{"text": "what time is it"}, &got)
	return got.CreatedAt, err
}

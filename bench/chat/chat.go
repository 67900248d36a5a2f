// Package chat measures what a room costs: how long a message takes to who wrote
// it and to who reads it, what a connection weighs, how one slow reader and a lost
// network are borne. It talks to the built server from outside; every latency
// counts from the moment the message was due, so that a server that stalls cannot
// hide it. Beside each figure stands a floor taken in the same run: one durable
// insert and a plain WebSocket broadcast.
package chat

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"muster/e2e/host"
)

// Env is where and how much is measured.
type Env struct {
	Bin     string    // the built muster
	Dir     string    // an empty folder to work in
	Short   bool      // small counts: does it work, not how fast is it
	Only    []string  // names of parts; empty for all
	Log     io.Writer // what is being done
	OnStart func(*host.Server)
}

// Figure is one number of a result.
type Figure struct {
	Name  string
	Value float64
	Unit  string
}

// Result is one line of the report.
type Result struct {
	What    string
	Figures []Figure
	Target  string
	Met     bool // meaningful with a target
	Floor   []Figure
	Ratio   float64 // of the first figure with a floor
	Note    string
}

func (f Figure) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %.4g %s", f.Name, f.Value, f.Unit))
}

func (r Result) String() string {
	join := func(fs []Figure) string {
		var all []string
		for _, f := range fs {
			all = append(all, f.String())
		}
		return strings.Join(all, ", ")
	}
	out := r.What + ": " + join(r.Figures)
	if r.Target != "" {
		out += fmt.Sprintf(" (target %s: %t)", r.Target, r.Met)
	}
	if len(r.Floor) > 0 {
		out += fmt.Sprintf("; floor %s, ratio %.2f", join(r.Floor), r.Ratio)
	}
	if r.Note != "" {
		out += "; " + r.Note
	}
	return out
}

// Parts of Run, in order.
var Parts = []string{"latency", "throughput", "memory", "sidebar", "slow", "storm"}

type office struct {
	env     Env
	server  *host.Server
	tokens  []string // of the members
	posters []*host.Client
}

// Run measures, and gives what it measured also when it fails half way.
func Run(ctx context.Context, env Env) (results []Result, err error) {
	if env.Log == nil {
		env.Log = io.Discard
	}
	for _, part := range Parts {
		if len(env.Only) > 0 && !contains(env.Only, part) {
			continue
		}
		fmt.Fprintln(env.Log, "chat:", part)
		rs, err := one(ctx, env, part)
		results = append(results, rs...)
		if err != nil {
			return results, fmt.Errorf("%s: %w", part, err)
		}
	}
	return results, nil
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// one runs a part on a server of its own: what the one before left behind weighs nothing.
func one(ctx context.Context, env Env, part string) ([]Result, error) {
	dir := filepath.Join(env.Dir, part)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s, err := host.Start(host.Options{Bin: env.Bin, Data: filepath.Join(dir, "data"), Args: []string{}})
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Stop() }()
	if env.OnStart != nil {
		env.OnStart(s)
	}
	o := &office{env: env, server: s}
	switch part {
	case "latency":
		return o.latency(ctx, dir)
	case "throughput":
		return o.throughput(ctx, dir)
	case "memory":
		return o.memory(ctx)
	case "sidebar":
		return o.sidebar(ctx, dir)
	case "slow":
		return o.slow(ctx)
	default:
		return o.storm(ctx)
	}
}

// people makes n members with a token each. They are bots, whose accounts need no
// slow password hash; the socket and the API serve them as anybody.
func (o *office) people(ctx context.Context, n int) (ids []string, err error) {
	console := o.server.Console()
	for k := range n {
		name := fmt.Sprintf("m%d", k)
		var made struct {
			User struct {
				ID string `json:"id"`
			} `json:"user"`
			ID string `json:"id"`
		}
		if err := patiently(ctx, console, "POST", "/users", map[string]any{"name": name, "display": name, "kind": "bot", "roles": []string{"responder"}}, &made); err != nil {
			return nil, err
		}
		var token struct {
			Token string `json:"token"`
		}
		if err := patiently(ctx, console, "POST", "/tokens", map[string]any{"user": name, "name": "load"}, &token); err != nil {
			return nil, err
		}
		ids = append(ids, made.ID+made.User.ID)
		o.tokens = append(o.tokens, token.Token)
	}
	for _, t := range o.tokens[:min(16, n)] {
		o.posters = append(o.posters, o.server.As(t))
	}
	return ids, nil
}

// patiently asks, and waits where the server says that it is asked too much at once.
func patiently(ctx context.Context, c *host.Client, method, path string, in, out any) error {
	for {
		err := c.Call(ctx, method, path, in, out)
		if host.Status(err) != http.StatusTooManyRequests {
			return err
		}
		select {
		case <-time.After(time.Second): // its Retry-After
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// room makes one with its members.
func (o *office) room(ctx context.Context, name string, members []string) (string, error) {
	var made struct {
		ID string `json:"id"`
	}
	console := o.server.Console() // one: each has connections of its own, which the server would have to hold
	first := members[:min(500, len(members))]
	if err := patiently(ctx, console, "POST", "/rooms", map[string]any{"name": name, "members": first}, &made); err != nil {
		return "", err
	}
	for _, m := range members[len(first):] {
		if err := patiently(ctx, console, "PUT", "/rooms/"+made.ID+"/members/"+m, nil, nil); err != nil {
			return "", err
		}
	}
	return made.ID, nil
}

func (o *office) post(room string) func(ctx context.Context, poster int, text string) error {
	return func(ctx context.Context, poster int, text string) error {
		return o.posters[poster%len(o.posters)].Call(ctx, "POST", "/rooms/"+room+"/messages", map[string]any{"text": text}, nil)
	}
}

// audience opens n sockets that follow a room; hear gets every line of each.
func (o *office) audience(ctx context.Context, n int, rooms []string, hear func(member int, line []byte)) (*crowd, error) {
	return gather(ctx, n, func(ctx context.Context, k int) (*socket, error) {
		s, err := dial(ctx, o.server.URL+"/api/v1/socket", o.tokens[k%len(o.tokens)])
		if err != nil {
			return nil, err
		}
		if err := s.follow(ctx, rooms, nil); err != nil {
			return nil, err
		}
		return s, s.followed(ctx, len(rooms))
	}, hear)
}

// crowd is open sockets, each with a reader.
type crowd struct {
	cancel  context.CancelFunc
	sockets []*socket
	wg      sync.WaitGroup
	mu      sync.Mutex
	lost    int // ended by themselves
}

func gather(ctx context.Context, n int, open func(context.Context, int) (*socket, error), hear func(int, []byte)) (*crowd, error) {
	inner, cancel := context.WithCancel(ctx)
	c := &crowd{cancel: cancel, sockets: make([]*socket, n)}
	errs := make(chan error, n)
	slots := make(chan struct{}, 16)
	for k := range n {
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			s, err := open(inner, k)
			c.sockets[k] = s
			errs <- err
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			cancel()
			return nil, err
		}
	}
	for k, s := range c.sockets {
		c.wg.Go(func() {
			if err := s.each(inner, func(l []byte) { hear(k, l) }); err != nil && inner.Err() == nil {
				c.mu.Lock()
				c.lost++
				c.mu.Unlock()
			}
		})
	}
	return c, nil
}

func (c *crowd) close() {
	c.cancel()
	for _, s := range c.sockets {
		_ = s.conn.CloseNow()
	}
	c.wg.Wait()
}

// rss of a process, in bytes.
func rss(pid int) float64 { return status(pid, "VmRSS:") }

// status of a process: a line that is an amount of memory, in bytes.
func status(pid int, name string) float64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			n, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return n * 1024
		}
	}
	return 0
}

// cpu a process has used, in seconds.
func cpu(pid int) float64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(after)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) / 100
}

const soon = 10 * time.Second

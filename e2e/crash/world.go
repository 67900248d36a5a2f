package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"muster/e2e/host"
	"muster/internal/executor/sshd"
	"muster/internal/freeport"
)

// bank is one Muster with its people, machines and database, and the book of
// what it was asked.
type bank struct {
	bin, dir, data string
	env            []string
	seed           uint64
	pg             *postgres // nil: SQLite
	srv            *host.Server
	addr           string
	node           *sshd.Server
	ran            string // the node's own record of what was executed on it
	book           *book
	calm           atomic.Bool  // no refusal is expected now
	calmRuns       bool         // nor a failed run
	stepped        bool         // its wall clock was moved: times cannot be compared
	lives          atomic.Int64 // how often the server was started or ended: an answer from another life is none
	over           chan struct{}

	rooms     []string
	writers   []*host.Client
	operator  *host.Client
	approver  *host.Client
	duty      []*host.Client
	auditor   *host.Client
	hook      string
	services  int
	jobs      map[string]string // id by name
	followers []*follower
}

// escalate is the shortest time a rotation may have.
const escalate = 30 * time.Second

// newBank makes folders, database and machine, and starts an empty Muster.
func newBank(ctx context.Context, bin, dir, engine string, seed uint64) (b *bank, err error) {
	b = &bank{bin: bin, dir: dir, data: filepath.Join(dir, "data"), seed: seed, book: newBook(), services: 40, jobs: map[string]string{}, over: make(chan struct{})}
	b.calm.Store(true)
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	// #nosec G301 -- entered by the user that PostgreSQL runs as
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return b, err
	}
	if err := os.MkdirAll(b.data, 0o700); err != nil {
		return b, err
	}
	if engine == "postgres" {
		if b.pg, err = startPostgres(filepath.Join(dir, "pg")); err != nil {
			return b, err
		}
		b.env = append(b.env, "MUSTER_DATABASE="+b.pg.url)
	}
	if b.node, err = sshd.Start(ctx, sshd.Options{Dir: filepath.Join(dir, "node")}); err != nil {
		return b, err
	}
	b.ran = filepath.Join(dir, "node", "ran")
	port, err := freeport.TCP()
	if err != nil {
		return b, err
	}
	b.addr = fmt.Sprintf("127.0.0.1:%d", port)
	return b, nil
}

// closed is closed with the bank.
func (b *bank) closed() <-chan struct{} { return b.over }

func (b *bank) close() {
	close(b.over)
	for _, f := range b.followers {
		f.client.Close()
	}
	if b.srv != nil {
		_ = b.srv.Kill()
	}
	if b.node != nil {
		_ = b.node.Stop()
	}
	if b.pg != nil {
		b.pg.stop()
	}
}

// start starts the server on its data folder and address.
func (b *bank) start() error {
	began := time.Now()
	s, err := host.Start(host.Options{Bin: b.bin, Data: b.data, Addr: b.addr, Env: b.env})
	if err != nil {
		return err
	}
	b.srv = s
	b.lives.Add(1)
	b.book.mu.Lock()
	b.book.startup = max(b.book.startup, time.Since(began))
	b.book.mu.Unlock()
	return nil
}

// kill ends the server as a power switch would, short of the disk's own cache.
func (b *bank) kill() error {
	b.lives.Add(1)
	return b.srv.Kill()
}

// stillborn starts the server and kills it before it can be ready.
func (b *bank) stillborn(after time.Duration) error {
	// #nosec G204 -- the harness runs the built program
	cmd := exec.Command(b.bin, "serve", "--data", b.data, "--addr", b.addr)
	cmd.Env = append(os.Environ(), b.env...)
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return fmt.Errorf("the server ended by itself: %v", err)
	case <-time.After(after):
	}
	_ = cmd.Process.Kill()
	<-ended
	return nil
}

// command runs muster on the data folder.
func (b *bank) command(args ...string) (string, error) {
	// #nosec G204 -- the harness runs the built program
	cmd := exec.Command(b.bin, append(args, "--data", b.data)...)
	cmd.Env = append(os.Environ(), b.env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("muster %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

type named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type list[T any] struct {
	Items []T `json:"items"`
}

// furnish fills the office with what the load needs.
func (b *bank) furnish(ctx context.Context) error {
	s, con := b.srv, b.srv.Console()
	people := func(n int, prefix string, roles ...string) (cs []*host.Client, err error) {
		for i := range n {
			c, err := s.Person(ctx, fmt.Sprintf("%s%d", prefix, i+1), roles...)
			if err != nil {
				return nil, err
			}
			cs = append(cs, c)
		}
		return cs, nil
	}
	var err error
	if b.writers, err = people(6, "writer", "responder"); err != nil {
		return err
	}
	if b.duty, err = people(3, "duty", "responder"); err != nil {
		return err
	}
	for _, one := range []struct {
		c    **host.Client
		name string
	}{{&b.operator, "operator"}, {&b.approver, "approver"}, {&b.auditor, "auditor"}} {
		if *one.c, err = s.Person(ctx, one.name+"1", one.name); err != nil {
			return err
		}
	}
	for i := range 4 {
		var r named
		if err := con.Call(ctx, "POST", "/rooms", map[string]any{"name": fmt.Sprintf("desk-%d", i+1)}, &r); err != nil {
			return err
		}
		b.rooms = append(b.rooms, r.ID)
	}
	if err := con.Call(ctx, "POST", "/projects", map[string]any{"name": "bank"}, nil); err != nil {
		return err
	}
	if err := con.Call(ctx, "PUT", "/keys/project/bank/node", map[string]any{"type": "private-key", "content": string(b.node.PrivateKey)}, nil); err != nil {
		return err
	}
	for _, doc := range []struct{ kind, name, text string }{
		{"nodes", "machines", b.inventory()},
		{"jobs", "jobs", b.definitions()},
		{"approvals", "approvals", "- description: Production needs a second person\n  when:\n    environment: [prod]\n  need: 1\n  groups: [approver]\n  expires: 4h\n"},
	} {
		var got list[struct{ Name, Result, Message string }]
		if err := con.Call(ctx, "POST", "/projects/bank/import", map[string]any{"kind": doc.kind, "name": doc.name, "content": doc.text}, &got); err != nil {
			return err
		}
		for _, it := range got.Items {
			if it.Result == "dropped" {
				return fmt.Errorf("import %s: %s: %s", doc.kind, it.Name, it.Message)
			}
		}
	}
	var jobs list[named]
	if err := b.operator.Call(ctx, "GET", "/projects/bank/jobs", nil, &jobs); err != nil {
		return err
	}
	for _, j := range jobs.Items {
		b.jobs[j.Name] = j.ID
	}
	var members []string
	for _, d := range b.duty {
		var me struct {
			User named `json:"user"`
		}
		if err := d.Call(ctx, "GET", "/me", nil, &me); err != nil {
			return err
		}
		members = append(members, me.User.ID)
	}
	var rotation named
	if err := con.Call(ctx, "POST", "/rotations", map[string]any{"name": "primary", "members": members, "shift_hours": 168, "escalate_after_seconds": int(escalate / time.Second)}, &rotation); err != nil {
		return err
	}
	for i := range b.services {
		if err := con.Call(ctx, "POST", "/services", map[string]any{"name": service(i), "rotation_id": rotation.ID}, nil); err != nil {
			return err
		}
	}
	var source struct {
		URL string `json:"url"`
	}
	if err := con.Call(ctx, "POST", "/alert-sources", map[string]any{"name": "prometheus"}, &source); err != nil {
		return err
	}
	b.hook = source.URL
	return nil
}

func service(i int) string { return fmt.Sprintf("svc-%02d", i) }

func (b *bank) inventory() string {
	var t strings.Builder
	for _, env := range []string{"dev", "prod"} {
		fmt.Fprintf(&t, "%s1:\n  hostname: %s\n  username: %s\n  environment: %s\n  ssh-key-storage-path: keys/project/bank/node\n  ssh-host-key: %s\n", env, b.node.Addr, b.node.Username, env, b.node.HostKey)
	}
	return t.String()
}

// logLines is how many lines each execution writes, beside the engine's own.
var logLines = map[string]int{"short": 20, "long": 60, "prod": 10, "again": 10}

// definitions are jobs whose first act is to write down, on the node, that they
// are executed. Only the job "again" may be executed more than once.
func (b *bank) definitions() string {
	var t strings.Builder
	for _, j := range []struct{ name, node, pause, extra string }{
		{"short", "dev1", "0.01", ""}, {"long", "dev1", "0.1", ""}, {"prod", "prod1", "0.01", ""}, {"again", "dev1", "0.1", "  idempotent: true\n"},
	} {
		fmt.Fprintf(&t, "- name: %s\n%s  multipleExecutions: true\n  nodefilters:\n    filter: 'name: %s'\n  sequence:\n    commands:\n      - exec: \"echo ${job.execid} >> %s; i=1; while [ $i -le %d ]; do echo line ${job.execid} $i; sleep %s; i=$((i+1)); done\"\n",
			j.name, j.extra, j.node, b.ran, logLines[j.name], j.pause)
	}
	return t.String()
}

// answer is what became of a request, as far as its sender can know.
type answer int

const (
	unknown answer = iota // no answer: it may have happened or not
	acked                 // it happened, the server said
	refused               // it did not happen, the server said
)

// patience is how long a client waits for an answer; a server that is up gives
// one sooner, whatever is wrong behind it.
const patience = 40 * time.Second

// ask sends one request and judges the answer.
func (b *bank) ask(c *host.Client, method, path string, in, out any) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	life, began := b.lives.Load(), time.Now()
	err := c.Call(ctx, method, path, in, out)
	took := time.Since(began)
	if err == nil || host.Status(err) != 0 {
		b.book.took(method+" "+path, took)
	}
	return b.judge(method+" "+path, life, ctx, err), err
}

// judge sorts an answer and notes what no client should ever be given.
func (b *bank) judge(what string, life int64, ctx context.Context, err error) answer {
	switch status := host.Status(err); {
	case err == nil:
		b.book.count("acknowledged", 1)
		return acked
	case status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests:
		b.book.count("refused", 1)
		if !strings.Contains(err.Error(), `"detail":"`) {
			b.book.finding("a refusal says nothing: %s: %v", what, err)
		}
		if b.calm.Load() && !strings.Contains(err.Error(), "too often") && !strings.Contains(err.Error(), "Too many") {
			b.book.finding("refused while nothing was wrong: %s: %v", what, err)
		}
		return refused
	case status >= 500:
		b.book.finding("answered with an error of ours: %s: %v", what, err)
		return unknown
	case status >= 400:
		return refused
	}
	b.book.count("without answer", 1)
	if ctx.Err() != nil && b.lives.Load() == life {
		b.book.finding("no answer in %s from a server that ran: %s", patience, what)
	}
	return unknown
}

// deliver posts to the webhook, as Alertmanager does.
func (b *bank) deliver(body []byte) answer {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	life := b.lives.Load()
	req, err := http.NewRequestWithContext(ctx, "POST", b.hook, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	res, err := hookClient.Do(req)
	if err == nil {
		defer res.Body.Close()
		var text bytes.Buffer
		if _, err = text.ReadFrom(res.Body); err == nil && res.StatusCode != http.StatusOK {
			err = &host.Refused{Method: "POST", Path: "/hooks", Status: res.StatusCode, Body: text.String()}
		}
	}
	return b.judge("POST /hooks", life, ctx, err)
}

var hookClient = &http.Client{}

// dice are a worker's own, so that its choices do not depend on the others'.
func (b *bank) dice(name string) *rand.Rand {
	h := uint64(14695981039346656037)
	for _, c := range []byte(name) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	// #nosec G404 -- a seed has to replay the same course
	return rand.New(rand.NewPCG(b.seed, h))
}

// between draws a duration.
func between(d *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(d.Int64N(int64(to-from)+1))
}

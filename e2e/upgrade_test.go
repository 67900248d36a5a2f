package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"muster/internal/await"
	"muster/internal/freeport"

	"github.com/coder/websocket"

	"muster/e2e/host"
	"muster/internal/db/dbtest"
)

// office is what the load of TestUpgradeUnderLoad acts in; its server is replaced
// under it.
type office struct {
	t    *testing.T
	ctx  context.Context // ends with the load
	url  string
	room string
	hook string

	mu      sync.Mutex
	said    map[string]int64 // key of an acknowledged message → its number
	alerts  map[string]bool  // fingerprints of acknowledged alerts
	runs    map[int64]bool   // numbers of acknowledged runs
	codes   map[int]int      // how sockets were closed
	refused atomic.Int64     // tries that found nobody, or were told to come again
	last    atomic.Int64     // when a message was last acknowledged, in ns
	gap     atomic.Int64     // the longest time between two
}

// insist tries again as a client does: for as long as the server is away, with
// the same key. Anything but "away" is an error.
func (o *office) insist(what string, try func() error) bool {
	for {
		err := try()
		if err == nil {
			return true
		}
		away := errors.Is(err, context.Canceled) || host.Status(err) == http.StatusServiceUnavailable || host.Status(err) == 0
		if !away {
			o.t.Errorf("%s: %v", what, err)
			return false
		}
		o.refused.Add(1)
		select {
		case <-o.ctx.Done():
			return false
		case <-time.After(time.Duration(20+rand.IntN(60)) * time.Millisecond): // as a client's back-off
		}
	}
}

// chat says one thing after the other.
func (o *office) chat(n int, c *host.Client) {
	for i := 0; o.ctx.Err() == nil; i++ {
		key := fmt.Sprintf("%d-%d", n, i)
		var out struct {
			Seq int64 `json:"seq"`
		}
		if !o.insist("say", func() error {
			return c.Call(context.Background(), "POST", "/rooms/"+o.room+"/messages", map[string]any{"text": "said " + key, "key": key}, &out)
		}) {
			return
		}
		now := time.Now().UnixNano()
		if was := o.last.Swap(now); was != 0 {
			for g := o.gap.Load(); now-was > g && !o.gap.CompareAndSwap(g, now-was); g = o.gap.Load() {
			}
		}
		o.mu.Lock()
		o.said[key] = out.Seq
		o.mu.Unlock()
	}
}

// monitor posts alerts as Alertmanager does.
func (o *office) monitor() {
	client := &http.Client{Timeout: 30 * time.Second}
	for i := 0; o.ctx.Err() == nil; i++ {
		print := fmt.Sprintf("fp-%d", i)
		body := fmt.Sprintf(`{"version":"4","groupKey":"g","status":"firing","receiver":"m","groupLabels":{},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://a",
"alerts":[{"status":"firing","fingerprint":%q,"startsAt":"2026-11-22T09:00:00Z","labels":{"alertname":"A%d"},"annotations":{}}]}`, print, i)
		if !o.insist("alert", func() error {
			res, err := client.Post(o.hook, "application/json", bytes.NewReader([]byte(body)))
			if err != nil {
				return err
			}
			defer res.Body.Close()
			if res.StatusCode != http.StatusOK {
				return &host.Refused{Method: "POST", Path: "hook", Status: res.StatusCode}
			}
			return nil
		}) {
			return
		}
		o.mu.Lock()
		o.alerts[print] = true
		o.mu.Unlock()
		select { // a source may deliver five times a second
		case <-o.ctx.Done():
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// operate asks for one run after the other.
func (o *office) operate(c *host.Client, command string) {
	for i := 0; o.ctx.Err() == nil; i++ {
		key := fmt.Sprintf("%s-%d", command, i)
		var out struct {
			Number int64 `json:"number"`
		}
		if !o.insist("run", func() error {
			return c.Call(context.Background(), "POST", "/projects/demo/adhoc", map[string]any{"command": command, "filter": "name: dev1", "key": key}, &out)
		}) {
			return
		}
		o.mu.Lock()
		o.runs[out.Number] = true
		o.mu.Unlock()
		select {
		case <-o.ctx.Done():
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// reader follows the room as a browser does: by socket, and by the history where
// the socket was away. It gives the numbers it saw.
func (o *office) reader(c *host.Client) map[int64]bool {
	seen, last := map[int64]bool{}, int64(0)
	see := func(seq int64) {
		seen[seq] = true
		last = max(last, seq)
	}
	for o.ctx.Err() == nil {
		o.insist("follow", func() error {
			conn, _, err := websocket.Dial(o.ctx, strings.Replace(o.url, "http", "ws", 1)+"/api/v1/socket", &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + c.Token}}})
			if err != nil {
				return err
			}
			defer conn.CloseNow()
			conn.SetReadLimit(8 << 20)
			send := func(text string) error { return conn.Write(o.ctx, websocket.MessageText, []byte(text)) }
			if err := errors.Join(send(`{"id":1,"connect":{}}`), send(`{"id":2,"subscribe":{"channel":"room:`+o.room+`"}}`)); err != nil {
				return err
			}
			for {
				_, frame, err := conn.Read(o.ctx)
				if err != nil {
					o.mu.Lock()
					o.codes[int(websocket.CloseStatus(err))]++
					o.mu.Unlock()
					return err
				}
				for line := range bytes.SplitSeq(frame, []byte("\n")) {
					var m struct {
						ID   int
						Push *struct {
							Pub *struct {
								Data struct {
									Type string
									Seq  int64
								}
							}
						}
					}
					if len(bytes.TrimSpace(line)) == 0 || json.Unmarshal(line, &m) != nil {
						continue
					}
					switch {
					case m.ID == 2: // subscribed: what was missed comes from the history
						if err := o.history(c, last, see); err != nil {
							return err
						}
					case m.ID == 0 && m.Push == nil:
						if err := send("{}"); err != nil {
							return err
						}
					case m.Push != nil && m.Push.Pub != nil && m.Push.Pub.Data.Type == "message":
						see(m.Push.Pub.Data.Seq)
					}
				}
			}
		})
	}
	return seen
}

// history reads everything after a number.
func (o *office) history(c *host.Client, after int64, see func(int64)) error {
	for {
		var page struct {
			Items []struct {
				ChangeSeq int64 `json:"change_seq"`
			} `json:"items"`
			HasAfter bool `json:"has_after"`
		}
		if err := c.Call(context.Background(), "GET", fmt.Sprintf("/rooms/%s/messages?changed_after=%d&limit=200", o.room, after), nil, &page); err != nil {
			return err
		}
		for _, m := range page.Items {
			see(m.ChangeSeq)
			after = max(after, m.ChangeSeq)
		}
		if len(page.Items) == 0 || !page.HasAfter {
			return nil
		}
	}
}

// TestUpgradeUnderLoad replaces the server twice while people talk, alerts come
// and jobs run: whatever was acknowledged is there afterwards, once; every client
// comes back and misses nothing; no run is cut off or done twice.
func TestUpgradeUnderLoad(t *testing.T) {
	bin := filepath.Join(binDir(t), "muster")
	if given := os.Getenv("MUSTER_BIN"); given != "" {
		bin = given
	}
	port, err := freeport.TCP() // where it comes back
	if err != nil {
		t.Fatal(err)
	}
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "muster.yaml"), []byte("runs: {allow_local: true}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	opts := host.Options{Bin: bin, Data: data, Addr: addr, Env: []string{"MUSTER_DATABASE="}}
	if os.Getenv("MUSTER_TEST_POSTGRES") != "" {
		opts.Env = []string{"MUSTER_DATABASE=" + dbtest.URL(t)}
	}
	s, err := host.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Kill() })

	ctx, enough := context.WithCancel(context.Background())
	defer enough()
	o := &office{t: t, ctx: ctx, url: s.URL, said: map[string]int64{}, alerts: map[string]bool{}, runs: map[int64]bool{}, codes: map[int]int{}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	cli := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(bin, append(args, "--data", data)...).CombinedOutput(); err != nil {
			t.Fatalf("muster %v: %v\n%s", args, err, out)
		}
	}
	console := s.Console()
	var made struct {
		ID  string `json:"id"`
		URL string `json:"url"`
	}
	must(console.Call(ctx, "POST", "/rooms", map[string]any{"name": "payments"}, &made))
	o.room = made.ID
	must(console.Call(ctx, "POST", "/services", map[string]any{"name": "payments", "title": "Payments"}, nil))
	must(console.Call(ctx, "POST", "/alert-sources", map[string]any{"name": "am", "service": "payments"}, &made))
	o.hook = made.URL
	nodes := filepath.Join(t.TempDir(), "nodes.yaml")
	must(os.WriteFile(nodes, []byte("dev1:\n  hostname: localhost\n  node-executor: local\n  environment: dev\n"), 0o600))
	cli("project", "create", "demo", "--title", "Demo")
	cli("node", "import", nodes)

	var load sync.WaitGroup
	for n := range 6 {
		c, err := s.Person(ctx, fmt.Sprintf("talker-%d", n), "operator")
		must(err)
		load.Go(func() { o.chat(n, c) })
	}
	load.Go(o.monitor)
	op, err := s.Person(ctx, "otto", "operator")
	must(err)
	load.Go(func() { o.operate(op, "echo quick") })
	load.Go(func() { o.operate(op, "sleep 2; echo slow") })
	readers := make([]map[int64]bool, 5)
	clients := make([]*host.Client, len(readers))
	for n := range readers {
		c, err := s.Person(ctx, fmt.Sprintf("reader-%d", n), "observer")
		must(err)
		clients[n] = c
		load.Go(func() { readers[n] = o.reader(c) })
	}

	const upgrades = 2
	for n := range upgrades {
		time.Sleep(3 * time.Second) // the load goes on: there is nothing to wait for but time
		before := o.gap.Load()
		began := time.Now()
		if err := s.Stop(); err != nil {
			t.Fatalf("the old one did not end well: %v\n%s", err, s.Said())
		}
		stopped := time.Now()
		if s, err = host.Start(opts); err != nil {
			t.Fatal(err)
		}
		t.Logf("upgrade %d: told to stop → ended %d ms (runs end meanwhile, people work on), ended → ready %d ms; longest pause between two messages before it %d ms",
			n+1, stopped.Sub(began).Milliseconds(), time.Since(stopped).Milliseconds(), before/1e6)
	}
	time.Sleep(2 * time.Second)
	enough()
	load.Wait()

	// The runs that were asked for end by themselves.
	deadline := time.Now().Add(await.Limit)
	for {
		var active struct{ Items []any }
		must(op.Call(context.Background(), "GET", "/runs?state=active&limit=500", nil, &active))
		if len(active.Items) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d runs do not end: %v", len(active.Items), active.Items[0])
		}
		time.Sleep(100 * time.Millisecond)
	}

	// Every message once, under the number it was acknowledged with, and numbers without a gap.
	var all []int64
	texts := map[string][]int64{}
	for after := int64(0); ; {
		var page struct {
			Items []struct {
				Seq  int64  `json:"seq"`
				Text string `json:"text"`
			} `json:"items"`
			HasAfter bool `json:"has_after"`
		}
		must(op.Call(context.Background(), "GET", fmt.Sprintf("/rooms/%s/messages?changed_after=%d&limit=200", o.room, after), nil, &page))
		for _, m := range page.Items {
			all = append(all, m.Seq)
			texts[m.Text] = append(texts[m.Text], m.Seq)
			after = max(after, m.Seq)
		}
		if !page.HasAfter {
			break
		}
	}
	for key, seq := range o.said {
		if got := texts["said "+key]; !slices.Equal(got, []int64{seq}) {
			t.Errorf("message %s was acknowledged as %d and stands as %v", key, seq, got)
		}
	}
	slices.Sort(all)
	for i, seq := range all {
		if seq != int64(i+1) {
			t.Fatalf("the room's numbers have a gap at %d: %d", i+1, seq)
		}
	}
	// Every reader saw all that had been said when it last came back; the end of
	// the load may have cut the last ones off its socket.
	for n, seen := range readers {
		last := int64(0)
		for seq := range seen {
			last = max(last, seq)
		}
		must(o.history(clients[n], last, func(seq int64) { seen[seq] = true }))
		for _, seq := range all {
			if !seen[seq] {
				t.Errorf("reader %d missed message %d of %d", n, seq, len(all))
				break
			}
		}
	}
	var found struct {
		Items []struct {
			Fingerprint string `json:"fingerprint"`
		} `json:"items"`
	}
	must(op.Call(context.Background(), "GET", "/alerts?limit=1000", nil, &found))
	prints := map[string]int{}
	for _, a := range found.Items {
		prints[a.Fingerprint]++
	}
	for print := range o.alerts {
		if prints[print] != 1 {
			t.Errorf("alert %s stands %d times", print, prints[print])
		}
	}
	var ran struct {
		Items []struct {
			Number int64  `json:"number"`
			State  string `json:"state"`
			Reason string `json:"reason"`
		} `json:"items"`
	}
	must(op.Call(context.Background(), "GET", "/runs?limit=500", nil, &ran))
	states := map[int64]string{}
	for _, r := range ran.Items {
		states[r.Number] = r.State
		if r.State != "succeeded" {
			t.Errorf("run %d %s: %s", r.Number, r.State, r.Reason)
		}
	}
	for number := range o.runs {
		if states[number] == "" {
			t.Errorf("run %d was acknowledged and is gone", number)
		}
	}
	if o.codes[4001] < upgrades*len(readers) {
		t.Errorf("sockets were not told to come back: %v", o.codes)
	}
	must(s.Stop())
	if out, err := exec.Command(bin, "ledger", "verify", "--data", data).CombinedOutput(); err != nil && opts.Env[0] == "MUSTER_DATABASE=" {
		t.Errorf("ledger: %v\n%s", err, out)
	}
	t.Logf("%d messages, %d alerts, %d runs acknowledged over %d upgrades; %d tries found the server away; longest pause between two acknowledged messages %d ms; sockets closed: %v",
		len(o.said), len(o.alerts), len(o.runs), upgrades, o.refused.Load(), o.gap.Load()/1e6, o.codes)
}

package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/e2e/host"
	"muster/internal/await"
)

// canary is a secret, and every form in which it could be written down.
type canary struct {
	what  string
	forms [][]byte
}

func newCanary(what, secret string) canary {
	c := canary{what: what}
	add := func(s string) { c.forms = append(c.forms, []byte(s)) }
	add(secret)
	add(url.QueryEscape(secret))
	add(url.PathEscape(secret))
	if b, err := json.Marshal(secret); err == nil {
		add(strings.Trim(string(b), `"`))
	}
	add(hex.EncodeToString([]byte(secret)))
	add(strings.ToUpper(hex.EncodeToString([]byte(secret))))
	// Within a longer text base64 begins at any of three places.
	for shift := range 3 {
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			whole := enc.EncodeToString([]byte(strings.Repeat("\x00", shift) + secret))
			add(whole[4*((shift+2)/3) : len(whole)-4])
		}
	}
	return c
}

func (c canary) in(text []byte) bool {
	for _, f := range c.forms {
		if len(f) > 7 && bytes.Contains(text, f) {
			return true
		}
	}
	return false
}

// watch reads what every process below ours shows to whoever asks the kernel:
// command lines and environments.
func watch(stop <-chan struct{}, root int, seen func(where string, text []byte)) {
	for {
		entries, _ := os.ReadDir("/proc")
		for _, e := range entries {
			var pid int
			if _, err := fmt.Sscanf(e.Name(), "%d", &pid); err != nil || !below(pid, root) {
				continue
			}
			exe, _ := os.Readlink(filepath.Join("/proc", e.Name(), "exe"))
			for _, f := range []string{"cmdline", "environ"} {
				if f == "environ" && filepath.Base(exe) == "muster" {
					continue // what the server itself was started with, or a child about to become another program
				}
				// A step's own environment is how a job gets the options whose values
				// it may see (valueExposed); only its user can read that. Its command
				// line, which everybody can, must hold none.
				if text, err := os.ReadFile(filepath.Join("/proc", e.Name(), f)); err == nil && len(text) > 0 && !bytes.Contains(text, []byte("RD_OPTION_")) {
					seen("/proc/PID/"+f+" of "+strings.ReplaceAll(string(text[:min(60, len(text))]), "\x00", " "), text)
				}
			}
		}
		select {
		case <-stop:
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func below(pid, root int) bool {
	for range 20 {
		if pid == root {
			return true
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return false
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) < 2 {
			return false
		}
		if _, err := fmt.Sscanf(fields[1], "%d", &pid); err != nil || pid < 2 {
			return false
		}
	}
	return false
}

// TestSecretsAreWrittenNowhere drives a story with secrets that cannot be
// mistaken for anything else, and then looks at everything that was written:
// the data folder, the server's log, the processes, each answer, the metrics.
func TestSecretsAreWrittenNowhere(t *testing.T) {
	data := filepath.Join(t.TempDir(), "d")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	const (
		password = "canary-Password-7Qw3zX9 öhm"
		typed    = "canary-Typed-Wrong-5Kp2mN8"
		fresh    = "canary-Fresh-Password-2Hj6"
		stored   = "canary-Stored-Key-4Vb8cR1"
		secure   = "canary-Secure-Option-6Tg3"
		exposed  = "canary-Exposed-Option-9Yd5"
		smtp     = "canary-Smtp-Password-3Lm7"
	)
	settings := "runs: {allow_local: true}\nsmtp: {host: 127.0.0.1, port: 9, from: muster@bank.example, username: muster, tls: none}\n"
	if err := os.WriteFile(filepath.Join(data, "muster.yaml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(binDir(t), "muster")
	s, err := host.Start(host.Options{Bin: bin, Data: data, Env: []string{"MUSTER_SMTP_PASSWORD=" + smtp}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Kill() }()

	canaries := []canary{
		newCanary("a password", password), newCanary("a wrong password", typed), newCanary("a new password", fresh), newCanary("a stored key", stored),
		newCanary("a secure option", secure), newCanary("a secure option that the shell sees", exposed), newCanary("the SMTP password", smtp),
	}
	var mu sync.Mutex
	found := map[string]bool{}
	look := func(where string, text []byte) {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range canaries {
			if c.in(text) {
				found[c.what+" is in "+where] = true
			}
		}
	}
	know := func(what, secret string) {
		mu.Lock()
		defer mu.Unlock()
		canaries = append(canaries, newCanary(what, secret))
	}
	stop, watched := make(chan struct{}), make(chan struct{})
	go func() { defer close(watched); watch(stop, s.Pid(), look) }()

	// call speaks to the API and looks at the answer; shown is a secret that this one answer gives, once.
	call := func(c *host.Client, method, path string, body any, want int, shown *regexp.Regexp) string {
		t.Helper()
		var b io.Reader
		if body != nil {
			raw, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			b = bytes.NewReader(raw)
		}
		req, err := http.NewRequestWithContext(t.Context(), method, c.URL+path, b)
		if err != nil {
			t.Fatal(err)
		}
		if c.Token != "" {
			req.Header.Set("Authorization", "Bearer "+c.Token)
		}
		if body != nil {
			req.Header.Set("Content-Type", "application/json")
		}
		res, err := c.HTTP.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != want {
			t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, text)
		}
		look("the answer of "+method+" "+path, text)
		if shown == nil {
			return string(text)
		}
		m := shown.FindSubmatch(text)
		if m == nil {
			t.Fatalf("%s %s: nothing like %s in %s", method, path, shown, text)
		}
		know("what "+path+" gave once", string(m[1]))
		return string(m[1])
	}
	type obj = map[string]any
	const api = "/api/v1"
	console := s.Console()
	for name, roles := range map[string][]string{"ada": {"operator"}, "gus": {"administrator", "auditor"}} {
		call(console, "POST", api+"/users", obj{"name": name, "display": name, "roles": roles, "password": password, "email": name + "@bank.example"}, 201, nil)
	}
	token := regexp.MustCompile(`"(mst_[A-Za-z0-9_-]+)"`)
	ada := &host.Client{URL: s.URL, HTTP: http.DefaultClient, Token: call(console, "POST", api+"/tokens", obj{"name": "x", "user": "ada"}, 201, token)}
	gus := &host.Client{URL: s.URL, HTTP: http.DefaultClient, Token: call(console, "POST", api+"/tokens", obj{"name": "x", "user": "gus"}, 201, token)}
	stranger := &host.Client{URL: s.URL, HTTP: http.DefaultClient}

	// Signing in, wrongly, in the wrong field, and right.
	call(stranger, "POST", api+"/session", obj{"name": "ada", "password": typed}, 401, nil)
	call(stranger, "POST", api+"/session", obj{"name": typed, "password": typed}, 401, nil)
	call(stranger, "POST", api+"/session", obj{"name": "ada", "password": password}, 200, regexp.MustCompile(`"csrf(?:_token)?":"([^"]+)"`))
	call(ada, "POST", api+"/me/password", obj{"current": typed, "new": fresh}, 422, nil)
	call(ada, "POST", api+"/me/password", obj{"current": password, "new": fresh}, 204, nil)
	call(gus, "POST", api+"/users/ada/unlock", nil, 204, nil)

	// Keys, and what cannot be one.
	call(console, "POST", api+"/projects", obj{"name": "demo"}, 201, nil)
	call(console, "PUT", api+"/keys/project/demo/pw", obj{"type": "password", "content": stored}, 200, nil)
	call(console, "PUT", api+"/keys/project/demo/bad", obj{"type": "private-key", "content": stored}, 422, nil)
	call(console, "PUT", api+"/keys/project/demo/two", obj{"type": "password", "content": stored + "\n"}, 422, nil)

	// A run whose secrets are given, taken from storage, printed, and put into errors.
	call(console, "POST", api+"/projects/demo/import", obj{"kind": "nodes", "content": "here: {hostname: localhost, node-executor: local, environment: dev}"}, 200, nil)
	jobs := `- name: canary
  multipleExecutions: true
  nodefilters: {filter: here}
  options:
    - {name: given, secure: true, valueExposed: true}
    - {name: hidden, secure: true, valueExposed: true}
    - {name: kept, secure: true, valueExposed: true, storagePath: keys/project/demo/pw}
  sequence:
    keepgoing: true
    commands:
      - exec: printf '%s\n' ${option.given} ${option.hidden} ${option.kept}; printf '%s' ${option.given} >&2
      - script: |
          #!/bin/sh
          echo "$RD_OPTION_GIVEN/$RD_OPTION_KEPT"; set -x; : "$RD_OPTION_HIDDEN"; sleep 0.2; exit 3
      - exec: cd /no/such/${option.given}
`
	call(console, "POST", api+"/projects/demo/import", obj{"kind": "jobs", "content": jobs}, 200, nil)
	id := regexp.MustCompile(`"id":"([0-9a-f-]{36})"`)
	room := id.FindStringSubmatch(call(console, "POST", api+"/rooms", obj{"name": "ops"}, 201, nil))[1]
	jobID := id.FindStringSubmatch(call(ada, "GET", api+"/projects/demo/jobs", nil, 200, nil))[1]
	options := obj{"given": []string{secure}, "hidden": []string{exposed}}
	run := id.FindStringSubmatch(call(ada, "POST", api+"/jobs/"+jobID+"/run", obj{"options": options, "room_id": room}, 201, nil))[1]
	call(ada, "POST", api+"/jobs/"+jobID+"/preview", obj{"options": options}, 200, nil)
	call(ada, "POST", api+"/rooms/"+room+"/messages", obj{"text": "/run canary given=" + secure + " hidden=" + exposed}, 201, nil)
	ended := regexp.MustCompile(`"state":"(succeeded|failed|stopped)"`)
	for deadline := time.Now().Add(await.Limit); ; {
		text := call(ada, "GET", api+"/runs/"+run, nil, 200, nil)
		all := call(ada, "GET", api+"/runs?limit=50", nil, 200, nil)
		if ended.MatchString(text) && !strings.Contains(all, `"state":"running"`) && !strings.Contains(all, `"state":"queued"`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the run does not end: ", text)
		}
		<-time.After(100 * time.Millisecond)
	}
	if log := call(ada, "GET", api+"/runs/"+run+"/log.txt", nil, 200, nil); !strings.Contains(log, "•") && !strings.Contains(log, "*") {
		t.Error("the run printed nothing, so this test saw nothing: ", log)
	}

	// A webhook's secret, and a page that cannot be mailed.
	hook := call(gus, "POST", api+"/alert-sources", obj{"kind": "alertmanager", "name": "core"}, 201, regexp.MustCompile(`/hooks/alertmanager/([A-Za-z0-9_-]+)`))
	call(stranger, "POST", "/hooks/alertmanager/"+hook, obj{"version": "3", "status": "firing", "alerts": []any{}}, 400, nil)
	call(stranger, "POST", "/hooks/alertmanager/"+hook+"x", obj{}, 404, nil)
	call(gus, "POST", api+"/users/ada/password", nil, 200, regexp.MustCompile(`"password":"([^"]+)"`))

	// Everything that can be read afterwards.
	for _, path := range []string{"/me", "/office", "/users", "/runs", "/runs/" + run, "/runs/" + run + "/log", "/jobs/" + jobID, "/ledger?limit=1000", "/keys", "/alert-sources", "/rooms/" + room + "/messages", "/notifications"} {
		call(gus, "GET", api+path, nil, 200, nil)
	}
	call(stranger, "GET", "/metrics", nil, 200, nil)
	close(stop)
	<-watched
	link := regexp.MustCompile(`setup\?token=\S+`)
	look("the server's output", []byte(link.ReplaceAllString(s.Said(), "")))

	files := func(when string) {
		t.Helper()
		public, err := os.ReadFile(filepath.Join(data, "ledger.pub"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"master.key", "ledger.key"} {
			raw, err := os.ReadFile(filepath.Join(data, name))
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(raw)) {
				if line = strings.TrimSpace(line); len(line) >= 32 && !strings.HasPrefix(line, "#") && !bytes.Contains(public, []byte(line)) {
					know(name, line)
				}
			}
		}
		n := 0
		err = filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || strings.HasSuffix(path, ".key") {
				return err
			}
			text, err := os.ReadFile(path)
			n++
			look(filepath.Base(path)+", "+when, text)
			return err
		})
		if err != nil || n < 3 {
			t.Errorf("%d files, %v", n, err)
		}
	}
	files("while it runs") // the write-ahead log, too
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	files("after it stopped")
	look("the server's output", []byte(link.ReplaceAllString(s.Said(), "")))
	for what := range found {
		t.Error(what)
	}
}

// A canary that finds nothing proves nothing: it must find itself.
func TestTheCanarySings(t *testing.T) {
	const secret = "canary-Password-7Qw3zX9 öhm"
	c := newCanary("x", secret)
	for _, text := range []string{
		"a " + secret + " b", url.QueryEscape("p=" + secret), hex.EncodeToString([]byte("xx" + secret)), base64.StdEncoding.EncodeToString([]byte("a" + secret)),
		base64.StdEncoding.EncodeToString([]byte("ab" + secret + "c")), base64.URLEncoding.EncodeToString([]byte(secret + "tail")),
	} {
		if !c.in([]byte(text)) {
			t.Errorf("not found in %s", text)
		}
	}
	if c.in([]byte("canary-Password-7Qw3zX")) {
		t.Error("found where it is not")
	}
}

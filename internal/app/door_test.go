package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"muster/internal/account"
	"muster/internal/httpapi"
)

// TestHeaders looks at what every kind of answer carries.
func TestHeaders(t *testing.T) {
	s := start(t)
	s.person("ann", account.Operator)
	for _, path := range []string{"/", "/rooms/x", "/assets/nothing.js", "/docs", "/docs.css", "/healthz", "/api/v1/me", "/api/v1/openapi.json", "/api/v1/nothing", "/hooks/nothing"} {
		a := s.as("ann").send("GET", path, nil)
		policy := map[string][]string{}
		for directive := range strings.SplitSeq(a.header.Get("Content-Security-Policy"), ";") {
			if words := strings.Fields(directive); len(words) > 0 {
				policy[words[0]] = words[1:]
			}
		}
		api := strings.HasPrefix(path, "/api/")
		wants := map[string]string{
			"default-src": "'none'", "script-src": "'self'", "connect-src": "'self'", "font-src": "'self'", "base-uri": "'none'", "frame-ancestors": "'none'",
			"form-action": "'self'", "require-trusted-types-for": "'script'",
		}
		if api { // data: opened by itself it may do nothing at all
			wants = map[string]string{"default-src": "'none'", "frame-ancestors": "'none'", "form-action": "'none'", "script-src": "", "style-src": ""}
		}
		for name, want := range wants {
			if got := strings.Join(policy[name], " "); got != want {
				t.Errorf("%s: the policy says %s %q, want %q", path, name, got, want)
			}
		}
		for _, word := range []string{"unsafe", "http:", "https:", "*"} {
			if strings.Contains(a.header.Get("Content-Security-Policy"), word) {
				t.Errorf("%s: the policy says %s", path, word)
			}
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if a.header.Get("X-Request-Id") == "" || !api && a.header.Get("Permissions-Policy") == "" {
			t.Errorf("%s: no request id, or no permissions policy", path)
		}
		if api && a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept: %q", path, a.header.Get("Cache-Control"))
		}
		for name := range a.header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: %s opens it to other sites", path, name)
			}
		}
	}
	for _, path := range []string{"/api/v1/nothing", "/api/v2/me", "/api/", "/hooks/nothing", "/hooks/alertmanager/wrong"} {
		for _, method := range []string{"GET", "POST", "PUT"} {
			a := s.as("ann").send(method, path, nil)
			s.proper(method+" "+path, a)
			if a.status != 404 {
				t.Errorf("%s %s: %d, want a 404 problem", method, path, a.status)
			}
		}
	}
	if a := s.as("ann").send("DELETE", "/api/v1/me", nil); a.status != 404 && a.status != 405 {
		t.Errorf("a method that is none: %d %s", a.status, a.text)
	}
	if a := s.nobody().send("POST", "/", nil); a.status != 405 {
		t.Errorf("POST to the web app: %d", a.status)
	}
	if a := s.nobody().send("GET", "/assets/nothing.js", nil); a.status != 404 {
		t.Errorf("a script that is not there: %d", a.status)
	}
	// A forged X-Forwarded-For changes nothing about who one is.
	if a := s.nobody().with("X-Forwarded-For", "127.0.0.1").send("GET", "/api/v1/me", nil); a.status != 401 {
		t.Errorf("%d", a.status)
	}
}

func TestCookies(t *testing.T) {
	s := start(t)
	s.person("ann", account.Operator)
	s.person("bob", account.Operator)
	ann, bob := s.signIn("ann"), s.signIn("bob")
	if k := ann.cookie; k.Name != "__Host-muster" || !k.Secure || !k.HttpOnly || k.Path != "/" || k.Domain != "" || k.SameSite != http.SameSiteLaxMode || k.MaxAge <= 0 || len(k.Value) < 40 {
		t.Errorf("%+v", k)
	}
	post := func(c caller) int { return c.call("PATCH", "/me", obj{"status_text": "x"}).status }
	if got := post(ann); got != 200 {
		t.Errorf("with cookie and token: %d", got)
	}
	bare := ann
	for _, wrong := range []string{"", "x", bob.csrf, ann.csrf + "x", ann.csrf[1:], ann.cookie.Value} {
		if bare.csrf = wrong; post(bare) != 401 {
			t.Errorf("the page's token %q is taken", wrong)
		}
	}
	bare.csrf = ""
	bare.want(200, "GET", "/me", nil) // what changes nothing needs none

	// As browsers send it.
	for name, c := range map[string]caller{
		"same origin":              ann.with("Sec-Fetch-Site", "same-origin"),
		"own origin":               ann.with("Origin", s.URL()),
		"typed into the bar":       ann.with("Sec-Fetch-Site", "none"),
		"a script, not in browser": s.as("ann"),
	} {
		if got := post(c); got != 200 {
			t.Errorf("%s: %d", name, got)
		}
	}
	for name, c := range map[string]caller{
		"cross site":        ann.with("Sec-Fetch-Site", "cross-site"),
		"a sibling domain":  ann.with("Sec-Fetch-Site", "same-site"),
		"another origin":    ann.with("Origin", "https://elsewhere.example"),
		"no origin at all":  ann.with("Origin", "null"),
		"another port":      ann.with("Origin", "http://127.0.0.1:1"),
		"with an API token": s.as("ann").with("Sec-Fetch-Site", "cross-site"),
	} {
		if got := post(c); got != 403 {
			t.Errorf("%s: %d, want 403", name, got)
		}
	}
	// A form of another site cannot sign somebody in (and so as whom it likes).
	if a := s.nobody().with("Origin", "https://elsewhere.example").call("POST", "/session", obj{"name": "ann", "password": password}); a.status != 403 || len(a.cookies) > 0 {
		t.Errorf("%d %v", a.status, a.cookies)
	}
	if a := ann.want(204, "DELETE", "/session", nil); len(a.cookies) != 1 || a.cookies[0].MaxAge >= 0 || !a.cookies[0].Secure {
		t.Errorf("signing out leaves %v", a.cookies)
	}
	ann.want(401, "GET", "/me", nil)
	bob.want(200, "GET", "/me", nil)
}

// TestBadInput: the answer names the field, and nothing is half done.
func TestBadInput(t *testing.T) {
	s := start(t)
	s.person("root", account.Administrator)
	root := s.as("root")
	r := s.room("ops")
	messages := "/rooms/" + r.ID + "/messages"
	long := strings.Repeat("x", 1<<20)
	for _, c := range []struct {
		what, method, path string
		body               any
		status             int
		fields             string
	}{
		{"JSON that is none", "POST", messages, `{"text":`, 400, "body"},
		{"JSON that is none", "POST", messages, `hello`, 400, "body"},
		{"two objects", "POST", messages, `{"text":"a"}{"text":"b"}`, 400, "body"},
		{"a list in place of an object", "POST", messages, `[]`, 422, "body"},
		{"no body", "POST", messages, nil, 400, "body"},
		{"a number in place of a text", "POST", messages, `{"text":1}`, 422, "text"},
		{"null in place of a text", "POST", messages, `{"text":null}`, 422, "text"},
		{"a missing field", "POST", messages, `{}`, 422, "text"},
		{"an unknown field", "POST", messages, `{"text":"a","txet":"b"}`, 422, "txet"},
		{"an empty text", "POST", messages, `{"text":""}`, 422, "text"},
		{"blanks", "POST", messages, `{"text":"  "}`, 422, "text"},
		{"NUL", "POST", messages, `{"text":"a\u0000b"}`, 422, "text"},
		{"a text that is too long", "POST", messages, obj{"text": strings.Repeat("é", 16384)}, 422, "text"},
		{"a body beyond 1 MiB", "POST", messages, obj{"text": long}, 413, ""},
		{"a thread elsewhere", "POST", messages, `{"text":"a","thread":"x"}`, 422, "thread"},
		{"an unknown command", "POST", messages, `{"text":"/frobnicate"}`, 422, "text"},
		{"several wrong fields", "POST", "/users", `{"name":"X Y","display":"","email":"x","roles":["A\tB"],"kind":"bot"}`, 422, "display email name roles"},
		{"a member who is nobody", "POST", "/rooms", `{"name":"x","members":["nobody"]}`, 422, "members[0]"},
		{"a member who is nobody", "PUT", "/rooms/" + r.ID + "/members/nobody", nil, 404, ""},
		{"an unknown word", "PATCH", "/rooms/" + r.ID, `{"door":"ajar"}`, 422, "door"},
		{"a negative number", "PUT", "/rooms/" + r.ID + "/read", `{"seq":-1}`, 422, "seq"},
		{"a number beyond the end", "PUT", "/rooms/" + r.ID + "/read", `{"seq":9000000000}`, 422, "seq"},
		{"a query that is none", "GET", messages + "?limit=many", nil, 422, "query.limit"},
		{"a query beyond its bounds", "GET", messages + "?limit=100000", nil, 422, "query.limit"},
		{"an id that is too long", "GET", "/rooms/" + strings.Repeat("x", 100), nil, 422, "path.id"},
		{"an id that is none", "GET", "/messages/..%2f..%2fetc", nil, 404, ""},
		{"a sign-in that is too long", "POST", "/session", obj{"name": "x", "password": strings.Repeat("x", 600)}, 422, "password"},
		{"a sign-in beyond its bound", "POST", "/session", obj{"name": long}, 413, ""},
	} {
		a := root.call(c.method, c.path, c.body)
		if got := strings.Join(a.fields(), " "); a.status != c.status || got != c.fields {
			t.Errorf("%s: %d %q, want %d %q: %.300s", c.what, a.status, got, c.status, c.fields, a.text)
		}
		if detail, _ := a.get("detail").(string); detail != "" && !strings.HasSuffix(detail, ".") && !strings.HasSuffix(detail, ")") || strings.Contains(detail, "goroutine") {
			t.Errorf("%s: %q is no sentence", c.what, detail)
		}
		if id, _ := a.get("request_id").(string); id == "" || id != a.header.Get("X-Request-Id") {
			t.Errorf("%s: the problem does not name its request: %.300s", c.what, a.text)
		}
	}
	if a := root.with("Content-Type", "application/xml").call("POST", messages, "<a/>"); a.status != 415 || a.get("code") != "invalid" {
		t.Errorf("XML: %d %s", a.status, a.text)
	}
	for _, accept := range []string{"text/html", "application/xml", "application/cbor", "*/*"} { // JSON is what there is
		if a := root.with("Accept", accept).call("GET", "/me", nil); a.status != 200 && a.status != 406 || a.status == 200 && a.header.Get("Content-Type") != "application/json" {
			t.Errorf("for %s: %d %s", accept, a.status, a.header.Get("Content-Type"))
		}
	}
	if page := root.want(200, "GET", messages, nil); len(page.items()) != 0 {
		t.Errorf("something wrong was posted: %s", page.text)
	}
	// A name works wherever an id does.
	root.want(201, "POST", "/rooms/ops/messages", obj{"text": "hello"})
	root.want(204, "PUT", "/rooms/ops/read", obj{"seq": 1})
	if v := root.want(200, "GET", "/rooms/ops", nil); v.get("read_seq") != 1.0 {
		t.Errorf("read by name is not kept: %s", v.text)
	}
}

func TestRateLimit(t *testing.T) {
	s := start(t)
	s.person("ann")
	ann := s.as("ann")
	// flood sends from four sides until one is refused.
	flood := func(c func(n int) caller) (refused answer) {
		t.Helper()
		var mu sync.Mutex
		var wg sync.WaitGroup
		for side := range 4 {
			wg.Go(func() {
				for n := 0; n < 5000; n++ {
					a := c(side*5000+n).call("GET", "/setup", nil)
					mu.Lock()
					if a.status == 429 {
						refused = a
					}
					done := refused.status != 0
					mu.Unlock()
					if done {
						return
					}
				}
			})
		}
		wg.Wait()
		return refused
	}
	ann.want(200, "GET", "/me", nil)
	a := flood(func(int) caller { return ann })
	if a.status != 429 || a.header.Get("Retry-After") == "" || a.get("code") != "rate_limited" {
		t.Errorf("%d %q %s", a.status, a.header.Get("Retry-After"), a.text)
	}
	// Inventing credentials gives no new budget, and takes none from others.
	s.person("bob")
	bob := s.as("bob")
	bob.want(200, "GET", "/me", nil)
	if a := flood(func(n int) caller { c := s.nobody(); c.token = fmt.Sprintf("mst_%d", n); return c }); a.status != 429 {
		t.Error("who invents a new credential for every request has no limit")
	}
	bob.want(200, "GET", "/me", nil)
}

// TestDescription holds the OpenAPI document to what its readers rely on.
func TestDescription(t *testing.T) {
	s := start(t)
	s.person("ann", account.Operator)
	a := s.nobody().send("GET", httpapi.Base+"/openapi.json", nil)
	if a.status != 200 {
		t.Fatalf("%d %s", a.status, a.text)
	}
	var doc struct {
		OpenAPI    string
		Info       struct{ Title, Version string }
		Paths      map[string]map[string]json.RawMessage
		Components struct {
			Schemas         map[string]json.RawMessage
			SecuritySchemes map[string]any
		}
	}
	if err := json.Unmarshal([]byte(a.text), &doc); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^3\.1\.\d+$`).MatchString(doc.OpenAPI) || doc.Info.Title == "" || doc.Info.Version == "" {
		t.Errorf("%q %+v", doc.OpenAPI, doc.Info)
	}
	routes := map[string]httpapi.Route{}
	for _, r := range s.API.Routes() {
		routes[r.Method+" "+httpapi.Base+strings.ReplaceAll(r.Path, "...}", "}")] = r
	}
	ids := map[string]bool{}
	tags := map[string]bool{}
	for path, item := range doc.Paths {
		for method, raw := range item {
			name := strings.ToUpper(method) + " " + path
			var op struct {
				OperationID, Summary string
				Tags                 []string
				Parameters           []struct{ Name, In string }
				Security             []map[string][]string
				Responses            map[string]struct {
					Content map[string]struct{ Schema map[string]any }
				}
			}
			if err := json.Unmarshal(raw, &op); err != nil {
				t.Fatal(name, err)
			}
			r, known := routes[name]
			if !known {
				t.Errorf("%s is described and not in the table", name)
				continue
			}
			delete(routes, name)
			if op.OperationID != r.ID || ids[op.OperationID] {
				t.Errorf("%s: operationId %q, want %q and only once", name, op.OperationID, r.ID)
			}
			ids[op.OperationID] = true
			if op.Summary == "" || strings.HasSuffix(op.Summary, ".") || len(op.Tags) != 1 || op.Tags[0] == "" {
				t.Errorf("%s: summary %q, tags %v", name, op.Summary, op.Tags)
			} else {
				tags[op.Tags[0]] = true
			}
			want := []string{"400", "404", "409", "413", "415", "422", "429", "500", "503", fmt.Sprint(r.Status)}
			if r.Access != "public" {
				want = append(want, "401", "403")
			}
			for _, code := range want {
				res, ok := op.Responses[code]
				if !ok {
					t.Errorf("%s does not say that it answers %s", name, code)
				} else if code[0] >= '4' && res.Content["application/problem+json"].Schema["$ref"] != "#/components/schemas/Problem" {
					t.Errorf("%s: %s is no problem: %v", name, code, res.Content)
				}
			}
			if (r.Access == "public") != (len(op.Security) == 0) {
				t.Errorf("%s is %s and asks for %v", name, r.Access, op.Security)
			}
			for _, p := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
				if !slices.ContainsFunc(op.Parameters, func(x struct{ Name, In string }) bool { return x.In == "path" && x.Name == p[1] }) {
					t.Errorf("%s: the path parameter %s is not described", name, p[1])
				}
			}
			if strings.Contains(path, "...") {
				t.Errorf("%s is no OpenAPI path", name)
			}
		}
	}
	for name := range routes {
		t.Errorf("%s is not described", name)
	}
	refs := regexp.MustCompile(`"\$ref":\s*"([^"]*)"`).FindAllStringSubmatch(a.text, -1)
	for _, ref := range refs {
		if name, ok := strings.CutPrefix(ref[1], "#/components/schemas/"); !ok || doc.Components.Schemas[name] == nil {
			t.Errorf("%s leads nowhere", ref[1])
		}
	}
	if len(refs) == 0 || doc.Components.SecuritySchemes["token"] == nil || doc.Components.SecuritySchemes["session"] == nil {
		t.Error("no references, or no security schemes")
	}
	if strings.Contains(a.text, "$schema") {
		t.Error("answers carry $schema")
	}

	page := s.nobody().send("GET", "/docs", nil)
	if page.status != 200 || !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") {
		t.Fatalf("%d %s", page.status, page.header.Get("Content-Type"))
	}
	for _, r := range s.API.Routes() {
		if !strings.Contains(page.text, `id="`+r.ID+`"`) {
			t.Errorf("/docs does not list %s", r.ID)
		}
	}
	for tag := range tags {
		if strings.Count(page.text, "<h2>"+tag+"</h2>") != 1 {
			t.Errorf("/docs has %d headings %q", strings.Count(page.text, "<h2>"+tag+"</h2>"), tag)
		}
	}
	selfContained(t, "/docs", page.text)
	if css := s.nobody().send("GET", "/docs.css", nil); css.status != 200 || !strings.HasPrefix(css.header.Get("Content-Type"), "text/css") {
		t.Errorf("%d", css.status)
	}
}

var inline = regexp.MustCompile(`(?i)<script(?:\s[^>]*)?>\s*[^<\s]|<style|\sstyle\s*=|\son\w+\s*=|javascript:|(?:src|href)\s*=\s*["']?(?:https?:)?//`)

// selfContained refuses what the policy would block: inline scripts and styles,
// and anything from elsewhere.
func selfContained(t *testing.T, what, html string) {
	t.Helper()
	if found := inline.FindString(html); found != "" {
		t.Errorf("%s has %q in it", what, found)
	}
}

func TestWebApp(t *testing.T) {
	s := start(t)
	for _, path := range []string{"/", "/rooms/0190", "/incidents/INC-1001", "/runs/7"} {
		a := s.nobody().send("GET", path, nil)
		if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s %s", path, a.status, a.header.Get("Content-Type"), a.header.Get("Cache-Control"))
		}
		selfContained(t, path, a.text)
		if strings.Contains(a.text, "__MUSTER_NONCE__") {
			t.Errorf("%s carries the mark of the nonce", path)
		}
	}
	one, two := s.nobody().send("GET", "/", nil), s.nobody().send("GET", "/", nil)
	if one.header.Get("Content-Security-Policy") == two.header.Get("Content-Security-Policy") {
		t.Error("two answers have one nonce")
	}
}

func TestOperations(t *testing.T) {
	s := start(t)
	s.person("ann", account.Operator)
	s.person("root", account.Administrator)
	s.person("ada", account.Auditor)
	for _, path := range []string{"/healthz", "/readyz"} {
		if a := s.nobody().send("GET", path, nil); a.status != 200 || a.text != "ok\n" {
			t.Errorf("%s: %d %q", path, a.status, a.text)
		}
	}
	metrics := func(c caller) answer { return c.send("GET", "/metrics", nil) }
	a := metrics(s.nobody()) // from this machine
	for _, name := range []string{"muster_socket_connections", "muster_ledger_records", "muster_incidents_open", "muster_runs_executing", `muster_runs\{state="running"\}`, "muster_tasks_ready", "go_goroutines"} {
		if !regexp.MustCompile(`(?m)^` + name + ` [0-9.e+]+$`).MatchString(a.text) {
			t.Errorf("no %s in the metrics (%d)", name, a.status)
		}
	}
	// Through a proxy on this machine the address says nothing.
	const via = "X-Forwarded-For"
	for name, want := range map[string]int{"": 403, "ann": 403, "root": 200, "ada": 200} {
		c := s.nobody()
		if name != "" {
			c = s.as(name)
		}
		if a := metrics(c.with(via, "198.51.100.7")); a.status != want {
			t.Errorf("%q through a proxy: %d, want %d", name, a.status, want)
		} else if want == 403 {
			s.proper("/metrics", a)
		}
	}
}

// TestConsole: the socket file is the sign-in.
func TestConsole(t *testing.T) {
	s := start(t)
	s.person("ann", account.Operator)
	c := s.nobody()
	c.client = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", s.data+"/admin.sock")
	}}}
	if v := c.want(200, "GET", "/me", nil); v.get("user", "name") != "console" || v.get("abilities", "manage_users") != true {
		t.Errorf("%s", v.text)
	}
	c.want(201, "POST", "/users", obj{"name": "bob", "display": "Bob", "kind": "bot"})
	c.want(201, "POST", "/tokens", obj{"name": "x", "user": "ann"})
	if a := c.call("POST", "/tokens", obj{"name": "x"}); a.status != 422 || strings.Join(a.fields(), " ") != "user" {
		t.Errorf("%d %s", a.status, a.text)
	}
	// What it does is on record as the console's.
	rs := c.want(200, "GET", "/ledger?newest=true&limit=5", nil)
	if !strings.Contains(rs.text, `"actor_id":"system:console"`) {
		t.Errorf("%s", rs.text)
	}
}

// TestBrokenRequests: what is no whole request is let go, and the server lives.
func TestBrokenRequests(t *testing.T) {
	s := start(t)
	u, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range []string{
		"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"name\":",
		"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \x00\xff\r\n\r\n",
		"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", 80<<10) + "\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01",
	} {
		conn, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, raw)
		_ = conn.(*net.TCPConn).CloseWrite()
		b, err := io.ReadAll(io.LimitReader(conn, 1<<20))
		var reset *net.OpError
		if err != nil && !errors.As(err, &reset) {
			t.Error(err)
		}
		if strings.Contains(string(b), " 500 ") {
			t.Errorf("%.60q: %s", raw, b)
		}
		_ = conn.Close()
	}
	s.nobody().want(200, "GET", "/setup", nil)
}

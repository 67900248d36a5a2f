package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// office answers as the API does, for the operations a test registers.
type office struct {
	mux  *http.ServeMux
	seen []string // "METHOD /path body"
}

func newOffice(t *testing.T, answers map[string]string) *office {
	t.Helper()
	o := &office{mux: http.NewServeMux()}
	for pattern, answer := range answers {
		method, path, _ := strings.Cut(pattern, " ")
		o.mux.HandleFunc(method+" /api/v1"+path, func(w http.ResponseWriter, r *http.Request) {
			status, body := http.StatusOK, answer
			if code, rest, ok := strings.Cut(answer, " "); ok && len(code) == 3 {
				fmt.Sscan(code, &status)
				body = rest
			}
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		})
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer secret-token" {
			t.Errorf("Authorization = %q", got)
		}
		var body any
		_ = json.NewDecoder(r.Body).Decode(&body)
		sent, _ := json.Marshal(body)
		if r.Method != http.MethodGet {
			o.seen = append(o.seen, r.Method+" "+r.URL.Path+" "+string(sent))
		}
		o.mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Setenv("MUSTER_URL", server.URL)
	t.Setenv("MUSTER_TOKEN", "secret-token")
	t.Setenv("MUSTER_INSECURE", "")
	return o
}

func muster(t *testing.T, stdin string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e strings.Builder
	code = Main(context.Background(), args, Streams{In: strings.NewReader(stdin), Out: &o, Err: &e}, Hooks{Version: "test"})
	return code, o.String(), e.String()
}

const (
	projects    = `{"items":[{"id":"p1","name":"demo","title":"Demo"}]}`
	jobs        = `{"items":[{"id":"j1","project":"demo","group":"web","name":"restart","full_name":"web/restart","version":3},{"id":"j2","group":"db","name":"restart","full_name":"db/restart","version":1}]}`
	waitingRun  = `{"id":"r41","number":41,"state":"waiting","job":{"id":"j1","name":"restart","full_name":"web/restart","version":3},"title":"web/restart","environment":"prod","digest":"sha256:aa","progress":{"done":0,"total":1,"failed":0},"nodes":[{"name":"web1","state":"pending","error":""}],"approval":{"id":"a1","state":"asked","need":1,"groups":["approver"],"votes":[],"digest":"sha256:aa"}}`
	finishedRun = `{"id":"r41","number":41,"state":"succeeded","job":null,"title":"uptime","progress":{"done":1,"total":1,"failed":0},"nodes":[{"name":"web1","state":"succeeded","exit":0,"error":""}],"approval":null}`
	failedRun   = `{"id":"r41","number":41,"state":"failed","reason":"","job":null,"title":"uptime","progress":{"done":1,"total":1,"failed":1},"nodes":[{"name":"web1","state":"failed","exit":3,"error":"exit 3"}],"approval":null}`
)

func TestHumanListsAndEmptyStates(t *testing.T) {
	newOffice(t, map[string]string{
		"GET /users":     `{"items":[{"id":"u1","name":"ada","display":"Ada Lovelace","roles":["operator","approver"],"email":"ada@bank.example"},{"id":"u2","name":"bob","display":"Bob \u001b]52;c;aGk=\u0007B","roles":null,"disabled":true}]}`,
		"GET /rooms":     `{"items":[]}`,
		"GET /incidents": `{"items":null}`,
	})
	code, out, _ := muster(t, "", "user", "list")
	want := "NAME  DISPLAY       ROLES               EMAIL\n" +
		"ada   Ada Lovelace  operator, approver  ada@bank.example\n" +
		"bob   Bob B         –                   –                 disabled\n"
	if code != 0 || out != want {
		t.Errorf("user list: code %d\n%s", code, cmp.Diff(want, out))
	}
	if _, out, _ = muster(t, "", "room", "list"); !strings.Contains(out, "muster room create") {
		t.Errorf("an empty list should say what to do: %q", out)
	}
	if _, out, _ = muster(t, "", "incident", "list", "--json"); out != "{\n  \"items\": []\n}\n" {
		t.Errorf("an empty list in JSON: %q", out)
	}
	if _, out, _ = muster(t, "", "--json", "user", "list"); !strings.Contains(out, `"roles": []`) {
		t.Errorf("roles must be a list: %s", out)
	}
}

func TestTokenCreatePrintsOnlyTheToken(t *testing.T) {
	o := newOffice(t, map[string]string{"POST /tokens": `{"token":"mst_abc"}`})
	if code, out, errs := muster(t, "", "token", "create", "--user", "ada"); code != 0 || out != "mst_abc\n" || errs != "" {
		t.Errorf("code %d, out %q, err %q", code, out, errs)
	}
	if diff := cmp.Diff([]string{`POST /api/v1/tokens {"name":"cli","user":"ada"}`}, o.seen); diff != "" {
		t.Error(diff)
	}
}

func TestRunStart(t *testing.T) {
	answers := map[string]string{
		"GET /projects":           projects,
		"GET /projects/demo/jobs": jobs,
		"GET /rooms":              `{"items":[{"id":"room1","name":"INC-2041 payments down","kind":"incident"}]}`,
		"POST /jobs/j1/run":       waitingRun,
		"GET /runs/r41":           waitingRun,
	}
	t.Run("waits for approval", func(t *testing.T) {
		o := newOffice(t, answers)
		code, out, errs := muster(t, "", "run", "start", "web/restart", "-o", "service=pay, \"x\" $(id)", "-o", "n=1", "-o", "n=2", "--room", "INC-2041", "--follow")
		if code != ExitWaiting || out != "" || !strings.Contains(errs, "approver") {
			t.Errorf("code %d, out %q, err %q", code, out, errs)
		}
		want := []string{`POST /api/v1/jobs/j1/run {"options":{"n":["1","2"],"service":"pay, \"x\" $(id)"},"room_id":"room1"}`}
		if diff := cmp.Diff(want, o.seen); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("in JSON", func(t *testing.T) {
		newOffice(t, answers)
		code, out, errs := muster(t, "", "run", "start", "web/restart", "--json")
		var r struct {
			ID, State, Job string
			Nodes          []struct{ Name string }
		}
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatalf("%v in %q", err, out)
		}
		if code != ExitWaiting || r.ID != "r41" || r.State != "waiting" || r.Job != "web/restart" || len(r.Nodes) != 1 || r.Nodes[0].Name != "web1" {
			t.Errorf("code %d, run %+v", code, r)
		}
		var p problem
		if err := json.Unmarshal([]byte(errs), &p); err != nil || p.Code != "waiting" {
			t.Errorf("error stream %q", errs)
		}
	})
	t.Run("ambiguous and unknown jobs", func(t *testing.T) {
		newOffice(t, answers)
		if code, _, errs := muster(t, "", "run", "start", "restart"); code != ExitUsage || !strings.Contains(errs, "web/restart, db/restart") {
			t.Errorf("code %d, err %q", code, errs)
		}
		if code, _, errs := muster(t, "", "run", "start", "nope"); code != ExitFailed || !strings.Contains(errs, "muster job list") {
			t.Errorf("code %d, err %q", code, errs)
		}
		if code, _, _ := muster(t, "", "run", "start", "web/restart", "-o", "novalue"); code != ExitUsage {
			t.Errorf("code %d", code)
		}
	})
}

func TestFollowPrintsTheLogAndEndsAsTheRunEnds(t *testing.T) {
	for state, c := range map[string]struct {
		final string
		code  int
	}{"succeeded": {finishedRun, ExitDone}, "failed": {failedRun, ExitFailed}} {
		t.Run(state, func(t *testing.T) {
			o := newOffice(t, map[string]string{
				"GET /projects":             projects,
				"POST /projects/demo/adhoc": `{"id":"r41","number":41,"state":"queued","job":null,"progress":{"total":1}}`,
				"GET /runs/r41":             c.final,
			})
			pages := []string{
				`{"items":[],"next":0,"done":false}`,
				`{"items":[{"n":1,"node":"web1","stream":"out","text":"\u001b[32mok\u001b[0m\u001b]0;title\u0007"},{"n":2,"node":"web1","stream":"err","text":"oops"}],"next":2,"done":false}`,
				`{"items":[{"n":3,"node":"web1","stream":"out","text":"end"}],"next":3,"done":true}`,
				`{"items":[],"next":3,"done":true}`,
			}
			asked := []string{}
			o.mux.HandleFunc("GET /api/v1/runs/r41/log", func(w http.ResponseWriter, r *http.Request) {
				asked = append(asked, r.URL.Query().Get("after"))
				fmt.Fprint(w, pages[min(len(asked), len(pages))-1])
			})
			code, out, errs := muster(t, "", "adhoc", "uptime", "--filter", "tags: web", "--follow")
			if code != c.code || !strings.HasPrefix(out, "web1 | \x1b[32mok\x1b[0m\nweb1 | end\n") || !strings.Contains(errs, "web1 | oops") {
				t.Errorf("code %d, out %q, err %q", code, out, errs)
			}
			if diff := cmp.Diff([]string{"0", "0", "2", "3"}, asked); diff != "" {
				t.Error(diff)
			}
			if state == "failed" && !strings.Contains(errs, "web1: exit 3") {
				t.Errorf("the failed node is not named: %q", errs)
			}
		})
	}
}

func TestApproveSendsTheDigestItSaw(t *testing.T) {
	o := newOffice(t, map[string]string{"GET /runs/41": waitingRun, "POST /runs/41/approve": `204 `})
	if code, _, errs := muster(t, "", "run", "approve", "#41", "--note", "looks right"); code != 0 {
		t.Fatalf("code %d: %s", code, errs)
	}
	if diff := cmp.Diff([]string{`POST /api/v1/runs/41/approve {"digest":"sha256:aa","note":"looks right"}`}, o.seen); diff != "" {
		t.Error(diff)
	}
}

func TestErrorsEndAsTheirKind(t *testing.T) {
	newOffice(t, map[string]string{
		"GET /users":  `403 {"title":"Forbidden","status":403,"detail":"No rule allows user:read. An administrator can grant it.","code":"denied"}`,
		"GET /rooms":  `401 {"title":"Unauthorized","status":401,"detail":"Nobody is signed in."}`,
		"POST /users": `422 {"status":422,"detail":"The name is taken. Choose another.","errors":[{"location":"name","message":"The name is taken. Choose another."},{"location":"email","message":"is no address"}]}`,
		"GET /keys":   `500 oops`,
	})
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"user", "list"}, ExitDenied, "muster: No rule allows user:read. An administrator can grant it.\n"},
		{[]string{"room", "list"}, ExitDenied, "make a new one"},
		{[]string{"user", "add", "ada"}, ExitUsage, "  email: is no address"},
		{[]string{"key", "list"}, ExitFailed, "is this a Muster?"},
		{[]string{"nonsense"}, ExitUsage, "muster --help"},
		{[]string{"run", "start"}, ExitUsage, "muster run start --help"},
		{[]string{"ledger", "verify"}, ExitUsage, "--data DIR"},
	} {
		if code, _, errs := muster(t, "", c.args...); code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("%v: code %d (want %d), err %q (want %q)", c.args, code, c.code, errs, c.says)
		}
	}
	code, out, errs := muster(t, "", "user", "list", "--json")
	var p problem
	if err := json.Unmarshal([]byte(errs), &p); err != nil || code != ExitDenied || p.Status != 403 || out != "" {
		t.Errorf("code %d, out %q, err %q", code, out, errs)
	}
}

func TestWhereMusterIs(t *testing.T) {
	for _, c := range []struct{ url, token, says string }{
		{"", "t", "Set MUSTER_URL"},
		{"muster.example.com", "t", "is no address"},
		{"http://muster.example.com", "t", "unencrypted"},
		{"https://muster.example.com", "", "MUSTER_TOKEN is not set"},
	} {
		t.Setenv("MUSTER_URL", c.url)
		t.Setenv("MUSTER_TOKEN", c.token)
		if code, _, errs := muster(t, "", "user", "list"); code != ExitUsage || !strings.Contains(errs, c.says) {
			t.Errorf("%q: code %d, err %q", c.url, code, errs)
		}
	}
	t.Setenv("MUSTER_URL", "http://127.0.0.1:1")
	t.Setenv("MUSTER_TOKEN", "t")
	if code, _, errs := muster(t, "", "user", "list"); code != ExitFailed || !strings.Contains(errs, "Nothing answers") {
		t.Errorf("code %d, err %q", code, errs)
	}
}

func TestUntrustedCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"items":[]}`) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the failed handshake is meant
	server.StartTLS()
	defer server.Close()
	t.Setenv("MUSTER_URL", server.URL)
	t.Setenv("MUSTER_TOKEN", "t")
	t.Setenv("MUSTER_INSECURE", "")
	if code, _, errs := muster(t, "", "user", "list"); code != ExitFailed || !strings.Contains(errs, "MUSTER_INSECURE=1") {
		t.Errorf("code %d, err %q", code, errs)
	}
	t.Setenv("MUSTER_INSECURE", "1")
	if code, _, errs := muster(t, "", "user", "list"); code != ExitDone {
		t.Errorf("code %d, err %q", code, errs)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusFound))
	defer server.Close()
	t.Setenv("MUSTER_URL", server.URL)
	t.Setenv("MUSTER_TOKEN", "t")
	if code, _, _ := muster(t, "", "user", "list"); code == ExitDone {
		t.Error("a redirect is no answer")
	}
}

func TestAdminSocket(t *testing.T) {
	t.Setenv("MUSTER_URL", "")
	t.Setenv("MUSTER_TOKEN", "")
	dir, err := os.MkdirTemp("", "m") // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if code, _, errs := muster(t, "", "user", "list", "--data", dir); code != ExitFailed || !strings.Contains(errs, "muster serve --data "+dir) {
		t.Errorf("without a server: code %d, err %q", code, errs)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "admin.sock"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("a token was sent over the admin socket")
		}
		fmt.Fprint(w, `{"user":{"id":"u1","name":"ada","roles":["administrator"]},"password":"generated"}`)
	})}
	go server.Serve(l)
	defer server.Close()
	code, out, _ := muster(t, "", "user", "add", "ada", "--role", "administrator", "--data", dir)
	if code != 0 || !strings.Contains(out, "generated") {
		t.Errorf("code %d, out %q", code, out)
	}
}

func TestImportSaysWhatWasDropped(t *testing.T) {
	o := newOffice(t, map[string]string{
		"GET /projects":              projects,
		"POST /projects/demo/import": `{"items":[{"name":"ops","result":"created","message":""},{"name":"document 2","result":"dropped","message":"description is missing","line":14}]}`,
	})
	file := filepath.Join(t.TempDir(), "ops.aclpolicy")
	if err := os.WriteFile(file, []byte("description: x"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := muster(t, "", "policy", "import", file)
	if code != ExitFailed || !strings.Contains(out, "14    description is missing") || !strings.Contains(errs, "1 of 2") {
		t.Errorf("code %d, out %q, err %q", code, out, errs)
	}
	if diff := cmp.Diff([]string{`POST /api/v1/projects/demo/import {"content":"description: x","dry_run":false,"kind":"policy","name":"ops.aclpolicy"}`}, o.seen); diff != "" {
		t.Error(diff)
	}
}

func TestKeyAddSeesTheType(t *testing.T) {
	o := newOffice(t, map[string]string{"PUT /keys/keys/demo/deploy": `{}`})
	for _, c := range []struct{ content, sent string }{
		{"-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n", `{"content":"-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n","type":"private-key"}`},
		{"ssh-ed25519 AAAA me\n", `{"content":"ssh-ed25519 AAAA me\n","type":"public-key"}`},
		{"hunter2\n", `{"content":"hunter2","type":"password"}`},
	} {
		o.seen = nil
		if code, _, errs := muster(t, c.content, "key", "add", "/keys/demo/deploy"); code != 0 {
			t.Fatalf("code %d: %s", code, errs)
		}
		if diff := cmp.Diff([]string{"PUT /api/v1/keys/keys/demo/deploy " + c.sent}, o.seen); diff != "" {
			t.Error(diff)
		}
	}
	if code, _, _ := muster(t, "\n", "key", "add", "keys/demo/empty"); code != ExitUsage {
		t.Errorf("an empty secret: code %d", code)
	}
}

func TestServeAndLedgerReachTheirHooks(t *testing.T) {
	var got []any
	hooks := Hooks{
		Serve:      func(_ context.Context, _ Streams, in Serve) error { got = append(got, in); return nil },
		Verify:     func(_ context.Context, _ Streams, in Verify) error { got = append(got, in); return nil },
		Checkpoint: func(_ context.Context, _ Streams, in Checkpoint) error { got = append(got, in); return nil },
	}
	for _, line := range []string{
		"serve --data /d --addr 127.0.0.1:0 --demo",
		"ledger verify --data /d --checkpoint /c --json",
		"ledger checkpoint --data /d --out /c",
	} {
		if code := Main(context.Background(), strings.Fields(line), Streams{strings.NewReader(""), &strings.Builder{}, &strings.Builder{}}, hooks); code != 0 {
			t.Errorf("%s: code %d", line, code)
		}
	}
	want := []any{Serve{Data: "/d", Addr: "127.0.0.1:0", Demo: true, Colleagues: true}, Verify{Data: "/d", Checkpoint: "/c", JSON: true}, Checkpoint{Data: "/d", Out: "/c"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestHelpAndVersion(t *testing.T) {
	if code, out, _ := muster(t, "", "--version"); code != 0 || strings.TrimSpace(out) != "test" {
		t.Errorf("code %d, out %q", code, out)
	}
	if code, out, _ := muster(t, "", "run", "start", "--help"); code != 0 || !strings.Contains(out, "--follow") {
		t.Errorf("code %d, out %q", code, out)
	}
}

package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"muster/internal/await"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/app"
	"muster/internal/config"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/httpapi"
	"muster/internal/room"
)

// server is a whole Muster on a free loopback port, with its data in the
// test's folder.
type server struct {
	*app.App
	t    testing.TB
	data string
	pass account.Hashed

	people map[string]account.User
	tokens map[string]string
}

const password = "four words in a row"

var system = actor.System("test")

// settings of a test's server: SQLite in the folder, or what
// MUSTER_TEST_POSTGRES names.
func settings(t testing.TB, data string) config.Config {
	t.Helper()
	cfg, err := config.Load(data, "")
	cfg.Media.Engine = config.MediaOff // its child would be this test
	if err != nil {
		t.Fatal(err)
	}
	cfg.Addr = "127.0.0.1:0"
	cfg.Runs.AllowLocal = true
	if os.Getenv("MUSTER_TEST_POSTGRES") != "" {
		cfg.Database = dbtest.URL(t)
	}
	return cfg
}

// start serves until the test ends.
func start(t testing.TB, change ...func(*config.Config)) *server {
	t.Helper()
	cfg := settings(t, t.TempDir())
	for _, fn := range change {
		fn(&cfg)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	a, err := app.Start(context.Background(), cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.Background()); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	s := &server{App: a, t: t, data: cfg.Data, people: map[string]account.User{}, tokens: map[string]string{}}
	if s.pass, err = a.Accounts.Hash(context.Background(), password); err != nil { // once: it is slow on purpose
		t.Fatal(err)
	}
	return s
}

// do runs fn in a transaction; it must succeed.
func (s *server) do(fn func(ctx context.Context, tx *db.Tx) error) {
	s.t.Helper()
	ctx := context.Background()
	if err := s.Access.Do(ctx, system, func(tx *db.Tx) error { return fn(ctx, tx) }); err != nil {
		s.t.Fatal(err)
	}
}

// person adds somebody who may sign in with password, with an API token.
func (s *server) person(name string, roles ...string) account.User {
	s.t.Helper()
	var u account.User
	s.do(func(ctx context.Context, tx *db.Tx) (err error) {
		n := account.NewUser{Name: name, Display: strings.ToUpper(name[:1]) + name[1:], Roles: roles, Password: s.pass}
		if u, err = s.Accounts.Create(ctx, tx, system, n); err != nil {
			return err
		}
		s.tokens[name], _, err = s.Accounts.CreateToken(ctx, tx, u.Actor(), u.ID, "test", 0)
		return err
	})
	s.people[name] = u
	return u
}

// room makes one; with members it is private.
func (s *server) room(name string, members ...string) room.Room {
	s.t.Helper()
	var r room.Room
	in := room.New{Name: name, Private: len(members) > 0}
	for _, m := range members {
		in.Members = append(in.Members, s.people[m].ID)
	}
	s.do(func(ctx context.Context, tx *db.Tx) (err error) {
		r, err = s.Rooms.Create(ctx, tx, system, in)
		return err
	})
	return r
}

// caller is somebody with a way in: an API token, or a browser's cookie.
type caller struct {
	s      *server
	client *http.Client
	token  string
	cookie *http.Cookie
	csrf   string
	header http.Header
}

func (s *server) nobody() caller { return caller{s: s, client: http.DefaultClient} }

func (s *server) as(name string) caller {
	s.t.Helper()
	token, ok := s.tokens[name]
	if !ok {
		s.t.Fatalf("there is no %s", name)
	}
	return caller{s: s, client: http.DefaultClient, token: token}
}

// signIn gives a person's browser.
func (s *server) signIn(name string) caller {
	s.t.Helper()
	c := s.nobody()
	a := c.want(200, "POST", "/session", obj{"name": name, "password": password})
	c.cookie, c.csrf = a.cookies[0], a.get("csrf").(string)
	return c
}

// with adds a header to what c sends.
func (c caller) with(key, value string) caller {
	c.header = c.header.Clone()
	if c.header == nil {
		c.header = http.Header{}
	}
	c.header.Set(key, value)
	return c
}

type obj = map[string]any

type answer struct {
	status  int
	header  http.Header
	cookies []*http.Cookie
	text    string
}

// get is a member of the answer's object, nil when there is none.
func (a answer) get(path ...string) any {
	var v any
	if json.Unmarshal([]byte(a.text), &v) != nil {
		return nil
	}
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

func (a answer) id() string { s, _ := a.get("id").(string); return s }

func (a answer) items() []any { l, _ := a.get("items").([]any); return l }

// send sends a request to any path of the server. body is nil, text, or what
// is sent as JSON.
func (c caller) send(method, path string, body any) answer {
	c.s.t.Helper()
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			c.s.t.Fatal(err)
		}
		in = bytes.NewReader(text)
	}
	ctx, cancel := context.WithTimeout(context.Background(), await.Limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.s.URL()+path, in)
	if err != nil {
		c.s.t.Fatal(err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.cookie != nil {
		req.AddCookie(c.cookie)
	}
	if c.csrf != "" {
		req.Header.Set("X-CSRF-Token", c.csrf)
	}
	for k, vs := range c.header {
		req.Header[k] = vs
		if k == "Host" {
			req.Host = vs[0]
		}
	}
	res, err := c.client.Do(req)
	if err != nil {
		c.s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{res.StatusCode, res.Header, res.Cookies(), string(text)}
}

// call sends a request to the API. Whatever is refused must be a problem that
// says what to do, and nothing may go wrong on the server's side.
func (c caller) call(method, path string, body any) answer {
	c.s.t.Helper()
	a := c.send(method, httpapi.Base+path, body)
	c.s.proper(method+" "+path, a)
	return a
}

func (s *server) proper(what string, a answer) {
	s.t.Helper()
	if a.status >= 500 {
		s.t.Errorf("%s: %d %s", what, a.status, a.text)
	}
	if a.status < 400 {
		return
	}
	detail, _ := a.get("detail").(string)
	code, _ := a.get("code").(string)
	status, _ := a.get("status").(float64)
	if a.header.Get("Content-Type") != "application/problem+json" || detail == "" || code == "" || int(status) != a.status || a.get("title") == "" || a.get("type") != "about:blank" {
		s.t.Errorf("%s: %d is not a problem with detail and code: %s %q", what, a.status, a.header.Get("Content-Type"), a.text)
	}
}

// want is call with the status that is expected.
func (c caller) want(status int, method, path string, body any) answer {
	c.s.t.Helper()
	a := c.call(method, path, body)
	if a.status != status {
		c.s.t.Fatalf("%s %s: %d, want %d: %s", method, path, a.status, status, a.text)
	}
	return a
}

// fields are the inputs a problem names.
func (a answer) fields() []string {
	out := []string{}
	errs, _ := a.get("errors").([]any)
	for _, e := range errs {
		if e, ok := e.(map[string]any); ok {
			f, _ := e["location"].(string)
			out = append(out, f)
		}
	}
	slices.Sort(out)
	return out
}

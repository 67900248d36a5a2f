package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/httpapi"
	"muster/internal/key"
	"muster/internal/ledger"
	"muster/internal/node"
	"muster/internal/office"
	"muster/internal/task"
)

// office is a door with people, keys and policies behind it.
type officeFixture struct {
	*testing.T
	ctx      context.Context
	db       *db.DB
	access   *access.Access
	accounts *account.Store
	ledger   *ledger.Ledger
	server   http.Handler
}

const goodPassword = "four words in a row"

func openOffice(t *testing.T) *officeFixture {
	keys, _, err := ledger.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	f := &officeFixture{T: t, ctx: t.Context(), db: dbtest.Open(t)}
	log, b := slog.New(slog.DiscardHandler), bus.NewMemory()
	f.ledger = ledger.New(clock.Real{}, b, keys)
	f.access = access.New(f.db, f.ledger, clock.Real{}, log)
	f.accounts = account.New(f.db, f.access, f.ledger, b, clock.Real{})
	master, err := key.LoadMaster(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	floor := office.New(nil, f.accounts, nil, nil, f.access, f.ledger, task.New(f.db, clock.Real{}, log, 1), b, clock.Real{})
	core := httpapi.Core{DB: f.db, Access: f.access, Log: log, PublicURL: func() string { return "https://muster.test" }}
	api := httpapi.New(core, httpapi.AccountAuthenticator(core, f.accounts))
	httpapi.RegisterSession(api, httpapi.SessionDeps{Accounts: f.accounts, Office: floor, Version: "test"})
	httpapi.RegisterUsers(api, httpapi.UserDeps{Accounts: f.accounts})
	keyStore := key.New(f.access, f.ledger, clock.Real{}, master)
	httpapi.RegisterKeys(api, httpapi.KeyDeps{Keys: keyStore})
	httpapi.RegisterPolicies(api, httpapi.PolicyDeps{Accounts: f.accounts, Keys: keyStore, Nodes: node.New(f.access, f.ledger, b, clock.Real{})})
	f.server = api.Handler()
	return f
}

func (f *officeFixture) user(name string, roles ...string) {
	f.Helper()
	h, err := f.accounts.Hash(f.ctx, goodPassword)
	if err != nil {
		f.Fatal(err)
	}
	who := actor.System("test")
	if err := f.access.Do(f.ctx, who, func(tx *db.Tx) error {
		_, err := f.accounts.Create(f.ctx, tx, who, account.NewUser{Name: name, Display: name, Roles: roles, Password: h})
		return err
	}); err != nil {
		f.Fatal(err)
	}
}

// client keeps what a browser or a script keeps.
type client struct {
	f      *officeFixture
	cookie *http.Cookie
	csrf   string
	bearer string
}

func (c *client) do(method, path string, body any) (int, map[string]any, *http.Response) {
	c.f.Helper()
	var r io.Reader
	if body != nil {
		b, _ := json.Marshal(body)
		r = bytes.NewReader(b)
	}
	req := httptest.NewRequest(method, "https://muster.test/api/v1"+path, r)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.cookie != nil {
		req.AddCookie(c.cookie)
	}
	if c.csrf != "" {
		req.Header.Set("X-CSRF-Token", c.csrf)
	}
	if c.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+c.bearer)
	}
	w := httptest.NewRecorder()
	c.f.server.ServeHTTP(w, req)
	res := w.Result()
	text, _ := io.ReadAll(res.Body)
	out := map[string]any{}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			c.f.Fatalf("%s %s: %d %s", method, path, res.StatusCode, text)
		}
	}
	return res.StatusCode, out, res
}

func (c *client) want(status int, method, path string, body any) map[string]any {
	c.f.Helper()
	got, out, _ := c.do(method, path, body)
	if got != status {
		c.f.Fatalf("%s %s: %d, want %d: %v", method, path, got, status, out)
	}
	return out
}

type obj = map[string]any

func (f *officeFixture) signIn(name string) *client {
	f.Helper()
	c := &client{f: f}
	status, me, res := c.do("POST", "/session", obj{"name": name, "password": goodPassword})
	if status != 200 {
		f.Fatalf("sign in: %d %v", status, me)
	}
	c.cookie, c.csrf = res.Cookies()[0], me["csrf"].(string)
	return c
}

func TestSessionOverHTTP(t *testing.T) {
	f := openOffice(t)
	f.user("ann", account.Operator)
	c := &client{f: f}
	c.want(401, "GET", "/me", nil)
	c.want(401, "POST", "/session", obj{"name": "ann", "password": "wrong wrong wrong"})
	c.want(422, "POST", "/session", obj{"name": "ann"})
	c = f.signIn("ann")
	if k := c.cookie; k.Name != "__Host-muster" || !k.Secure || !k.HttpOnly || k.Path != "/" || k.Domain != "" || k.SameSite != http.SameSiteLaxMode {
		t.Errorf("%+v", k)
	}
	me := c.want(200, "GET", "/me", nil)
	if me["csrf"] != c.csrf || me["user"].(obj)["name"] != "ann" || me["abilities"].(obj)["declare"] != true || me["abilities"].(obj)["manage_users"] != false {
		t.Errorf("%v", me)
	}
	c.want(200, "PATCH", "/me", obj{"availability": "busy", "status_text": "in a call"})
	c.want(422, "PATCH", "/me", obj{"availability": "gone"})

	// An unsafe request without the token, or with another session's, is refused.
	other := f.signIn("ann")
	for _, token := range []string{"", other.csrf, c.csrf + "x"} {
		(&client{f: f, cookie: c.cookie, csrf: token}).want(401, "PATCH", "/me", obj{"availability": "busy"})
	}
	// Neither secret passes for the other.
	made := c.want(201, "POST", "/tokens", obj{"name": "ci", "expires_in_days": 1})
	token := made["token"].(string)
	(&client{f: f, bearer: token}).want(200, "GET", "/me", nil)
	(&client{f: f, bearer: c.cookie.Value}).want(401, "GET", "/me", nil)
	(&client{f: f, cookie: &http.Cookie{Name: c.cookie.Name, Value: token}}).want(401, "GET", "/me", nil)
	if list := c.want(200, "GET", "/tokens", nil); len(list["items"].([]any)) != 1 || strings.Contains(toJSON(list), token) {
		t.Errorf("%v", list)
	}
	c.want(204, "DELETE", "/tokens/"+made["id"].(string), nil)
	(&client{f: f, bearer: token}).want(401, "GET", "/me", nil)

	ss := c.want(200, "GET", "/sessions", nil)["items"].([]any)
	if len(ss) != 2 {
		t.Fatalf("%v", ss)
	}
	for _, s := range ss {
		if s := s.(obj); s["current"] == false {
			c.want(204, "DELETE", "/sessions/"+s["id"].(string), nil)
		}
	}
	other.want(401, "GET", "/me", nil)
	c.want(422, "POST", "/me/password", obj{"current": "wrong", "new": "quite another phrase"})
	c.want(204, "POST", "/me/password", obj{"current": goodPassword, "new": "quite another phrase"})
	status, _, res := c.do("DELETE", "/session", nil)
	if status != 204 || len(res.Cookies()) != 1 || res.Cookies()[0].MaxAge >= 0 {
		t.Errorf("sign out: %d %v", status, res.Cookies())
	}
	c.want(401, "GET", "/me", nil)
}

func toJSON(v any) string { b, _ := json.Marshal(v); return string(b) }

func TestSetUpOverHTTP(t *testing.T) {
	f := openOffice(t)
	var token string
	if err := f.db.Do(f.ctx, func(tx *db.Tx) (err error) { token, err = f.accounts.NewSetupToken(f.ctx, tx); return err }); err != nil {
		t.Fatal(err)
	}
	c := &client{f: f}
	if c.want(200, "GET", "/setup", nil)["needed"] != true {
		t.Error("not needed")
	}
	body := obj{"token": token, "name": "root", "display": "Root", "password": goodPassword, "office_name": "Example Bank"}
	if me := c.want(200, "POST", "/setup", body); me["office"].(obj)["name"] != "Example Bank" || me["abilities"].(obj)["manage_users"] != true {
		t.Errorf("%v", me)
	}
	c.want(409, "POST", "/setup", body)
	if c.want(200, "GET", "/setup", nil)["needed"] != false {
		t.Error("still needed")
	}
}

func TestUsersOverHTTP(t *testing.T) {
	f := openOffice(t)
	f.user("root", account.Administrator)
	f.user("ann", account.Operator)
	root, ann := f.signIn("root"), f.signIn("ann")
	made := root.want(201, "POST", "/users", obj{"name": "bob", "display": "Bob B", "roles": []string{"observer"}})
	if pw := made["password"].(string); len(pw) < 20 {
		t.Errorf("%v", made)
	}
	id := made["user"].(obj)["id"].(string)
	denied := ann.want(403, "POST", "/users", obj{"name": "eve", "display": "Eve"})
	if !strings.Contains(denied["detail"].(string), "administrator") || denied["code"] != "denied" {
		t.Errorf("%v", denied)
	}
	ann.want(403, "PATCH", "/users/"+id, obj{"roles": []string{"administrator"}})
	ann.want(403, "POST", "/users/"+id+"/password", nil)
	ann.want(403, "POST", "/users/"+id+"/revoke", nil)
	if us := ann.want(200, "GET", "/users", nil)["items"].([]any); len(us) != 3 {
		t.Errorf("%v", us)
	}
	root.want(422, "POST", "/users", obj{"name": "carl", "display": "Carl", "password": "password1234"})
	root.want(422, "POST", "/users", obj{"name": "bob", "display": "Other Bob"})
	if u := root.want(200, "PATCH", "/users/"+id, obj{"roles": []string{"operator", "approver"}}); len(u["roles"].([]any)) != 2 || u["display"] != "Bob B" {
		t.Errorf("%v", u)
	}
	root.want(200, "POST", "/users/"+id+"/password", nil)
	root.want(204, "POST", "/users/"+id+"/unlock", nil)
	root.want(204, "POST", "/users/ann/revoke", nil)
	ann.want(401, "GET", "/me", nil)
	root.want(404, "PATCH", "/users/nobody", obj{"disabled": true})
	rs, err := f.ledger.Events(f.ctx, f.db.Read(), ledger.Filter{Kinds: []string{"access.Denied"}})
	// Two things were refused twice each: the second time of each is counted.
	if err != nil || len(rs) != 2 {
		t.Errorf("%d denials recorded, want 2; %v", len(rs), err)
	}
}

func TestKeysOverHTTP(t *testing.T) {
	f := openOffice(t)
	f.user("root", account.Administrator)
	f.user("ann", account.Operator)
	root, ann := f.signIn("root"), f.signIn("ann")
	for _, path := range []string{"shared/db.password", "shared%2Fother.password"} {
		if k := root.want(200, "PUT", "/keys/"+path, obj{"type": "password", "content": "s3cret-needle"}); strings.Contains(toJSON(k), "needle") || !strings.HasPrefix(k["path"].(string), "shared/") {
			t.Errorf("%v", k)
		}
	}
	if l := root.want(200, "GET", "/keys?path=shared", nil); len(l["items"].([]any)) != 2 || strings.Contains(toJSON(l), "needle") {
		t.Errorf("%v", l)
	}
	ann.want(403, "PUT", "/keys/shared/x", obj{"type": "password", "content": "x"})
	ann.want(403, "GET", "/keys", nil)
	if p := root.want(422, "PUT", "/keys/shared/x", obj{"type": "private-key", "content": "s3cret-needle"}); strings.Contains(toJSON(p), "needle") {
		t.Errorf("%v", p)
	}
	root.want(422, "PUT", "/keys/shared/..%2Fx", obj{"type": "password", "content": "x"})
	root.want(204, "DELETE", "/keys/shared/db.password", nil)
	root.want(404, "DELETE", "/keys/shared/db.password", nil)
}

func TestPoliciesOverHTTP(t *testing.T) {
	f := openOffice(t)
	f.user("root", account.Administrator)
	f.user("ann", account.Operator)
	root, ann := f.signIn("root"), f.signIn("ann")
	good := "description: ops\nfor: {job: [{match: {group: 'web/.*'}, allow: run}]}\nby: {group: operator}\n"
	preview := root.want(200, "PUT", "/projects/demo/policies/jobs.aclpolicy", obj{"content": good, "dry_run": true})
	if items := preview["items"].([]any); len(items) != 1 || items[0].(obj)["result"] != "created" {
		t.Errorf("%v", preview)
	}
	if l := root.want(200, "GET", "/projects/demo/policies", nil); len(l["items"].([]any)) != 0 {
		t.Errorf("a dry run stored something: %v", l)
	}
	put := root.want(200, "PUT", "/projects/demo/policies/jobs", obj{"content": good + "---\nwrong: 1\n"})
	if items := put["items"].([]any); len(items) != 2 || items[1].(obj)["result"] != "dropped" || items[1].(obj)["line"] != 5.0 {
		t.Errorf("%v", put)
	}
	p := root.want(200, "GET", "/projects/demo/policies", nil)["items"].([]any)[0].(obj)
	if errs := p["errors"].([]any); len(errs) != 1 || errs[0].(obj)["line"] != 5.0 || p["name"] != "jobs" {
		t.Errorf("%v", p)
	}
	ann.want(403, "PUT", "/projects/demo/policies/jobs", obj{"content": good})
	ann.want(403, "GET", "/policies", nil)
	if d := ann.want(200, "GET", "/projects/demo/why?action=run&type=job&group=web/prod&name=restart", nil); d["allowed"] != true || d["rule"].(obj)["policy"] != "jobs" {
		t.Errorf("%v", d)
	}
	if d := ann.want(200, "GET", "/projects/demo/why?action=run&type=job&group=db&name=restart", nil); d["allowed"] != false || !strings.HasPrefix(d["text"].(string), "You may not run job db/restart in project demo") {
		t.Errorf("%v", d)
	}
	if d := root.want(200, "GET", "/projects/demo/why?user=ann&action=run&type=job&group=db&name=restart", nil); !strings.HasPrefix(d["text"].(string), "ann may not run") {
		t.Errorf("%v", d)
	}
	ann.want(403, "GET", "/projects/demo/why?user=root&action=run&type=job", nil)
	ann.want(422, "GET", "/projects/demo/why?type=job", nil)
	if d := ann.want(200, "GET", "/why?action=manage&type=policy", nil); d["allowed"] != false {
		t.Errorf("%v", d)
	}
	root.want(204, "DELETE", "/projects/demo/policies/jobs", nil)
	root.want(404, "DELETE", "/projects/demo/policies/jobs", nil)
	root.want(409, "DELETE", "/policies/roles", nil)
}

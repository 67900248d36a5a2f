package app_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/internal/account"
	"muster/internal/db"
)

// TestBoundsOfOnePerson: one person, or whoever has their token, declares so many
// incidents and asks so many people over, and no more; others go on.
func TestBoundsOfOnePerson(t *testing.T) {
	s := start(t)
	s.person("ann", account.Responder)
	s.person("bob", account.Responder)
	s.as("bob").connect()
	r := s.room("payments-ops")
	until := func(what string, most int, once func() answer) {
		t.Helper()
		for n := 0; n <= most; n++ {
			a := once()
			if a.status == 429 {
				if detail := a.get("detail").(string); n != most || !strings.Contains(detail, fmt.Sprintf("You made %d %s", most, what)) || a.header.Get("Retry-After") == "" {
					t.Errorf("%s: the %dth is refused: %s", what, n+1, a.text)
				}
				return
			}
			if a.status != 201 {
				t.Fatalf("%s: %d %s", what, a.status, a.text)
			}
		}
		t.Errorf("%s: %d within ten minutes", what, most+1)
	}
	incident := obj{"title": "x", "severity": 4}
	until("incidents", 30, func() answer { return s.as("ann").call("POST", "/incidents", incident) })
	s.as("bob").want(201, "POST", "/incidents", incident)
	until("requests to come over", 60, func() answer {
		a := s.as("ann").call("POST", "/gets", obj{"user_id": s.people["bob"].ID, "room_id": r.ID})
		if a.status == 201 {
			s.as("bob").want(200, "POST", "/gets/"+a.id()+"/decline", obj{})
		}
		return a
	})
}

// TestATokenAsksThePassword: who sits down at somebody's open screen makes no
// token that stays when the screen is closed.
func TestATokenAsksThePassword(t *testing.T) {
	s := start(t)
	s.person("ann", account.Responder)
	browser := s.signIn("ann")
	browser.want(201, "POST", "/tokens", obj{"name": "just signed in"})
	s.do(func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE account_session SET created_at = created_at - $1`, int64(account.ProvedFor/time.Microsecond))
		return err
	})
	for _, body := range []obj{{"name": "x"}, {"name": "x", "password": "not my password"}} {
		if a := browser.call("POST", "/tokens", body); a.status != 422 || !slices.Contains(a.fields(), "password") {
			t.Errorf("with %v: %d %s", body, a.status, a.text)
		}
	}
	browser.want(201, "POST", "/tokens", obj{"name": "with the password", "password": password})
	names := []string{}
	for _, k := range browser.want(200, "GET", "/tokens", nil).items() {
		names = append(names, k.(obj)["name"].(string))
	}
	if want := []string{"test", "just signed in", "with the password"}; !slices.Equal(names, want) {
		t.Errorf("there are the tokens %q", names)
	}
}

// TestAuditorsAreToldOf: what decides what runs where, and of one's own roles,
// is told to who was not asked.
func TestAuditorsAreToldOf(t *testing.T) {
	w := bank(t)
	w.person("nora", account.Auditor)
	told := func(name string) (titles []string) {
		for _, n := range w.as(name).want(200, "GET", "/notifications", nil).items() {
			titles = append(titles, n.(obj)["title"].(string))
		}
		return titles
	}
	imports := func(command string) {
		root := w.by("root")
		def := "- name: sweep\n  uuid: 6d1f0000-1111-4222-8333-444455556666\n  nodefilters: {filter: '.*'}\n  sequence: {commands: [{exec: '" + command + "'}]}\n"
		if err := w.Access.Do(context.Background(), root, func(tx *db.Tx) error {
			_, err := w.Jobs.Import(context.Background(), tx, root, "ours", []byte(def), false)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	const jobs = "Jobs of ours were changed"
	imports("true")
	imports("uptime")
	if got := told("nora"); len(got) != 2 || got[0] != jobs || got[1] != jobs {
		t.Errorf("of two changes of a definition an auditor is told %q", got)
	}
	j := w.as("root").want(200, "GET", "/projects/ours/jobs", nil).items()[0].(obj)["id"].(string)
	w.as("root").want(204, "DELETE", "/jobs/"+j, nil)
	if got := told("nora"); len(got) != 3 || got[0] != jobs {
		t.Errorf("of its removal she is told %q", got)
	}
	if got := told("root"); slices.Contains(got, jobs) {
		t.Error("who did it is told as well")
	}
	// One's own roles are told, somebody else's are an administrator's daily work.
	w.as("root").want(200, "PATCH", "/users/bob", obj{"roles": []string{account.Operator, account.Observer}})
	if got := told("nora"); len(got) != 3 {
		t.Errorf("of Bob's roles she is told %q", got[0])
	}
	w.as("root").want(200, "PATCH", "/users/root", obj{"roles": []string{account.Administrator, account.Operator}})
	if got := told("nora"); len(got) != 4 || got[0] != "Root changed their own roles" {
		t.Errorf("of one's own roles she is told %q", got)
	}
}

// TestWhyAJobCannotRunIsSent: list and page have the reasons in the server's
// words, and offer no run.
func TestWhyAJobCannotRunIsSent(t *testing.T) {
	w := bank(t)
	w.do(func(ctx context.Context, tx *db.Tx) error {
		const defs = "- name: blank\n  nodefilters: {filter: '.*'}\n  sequence: {commands: [{exec: 'rm -rf /srv/${globals.dir}/tmp'}]}\n- name: fine\n  nodefilters: {filter: '.*'}\n  sequence: {commands: [{exec: uptime}]}\n"
		_, err := w.Jobs.Import(ctx, tx, system, "ours", []byte(defs), false)
		return err
	})
	for _, listed := range w.as("bob").want(200, "GET", "/projects/ours/jobs", nil).items() {
		listed := listed.(obj)
		single := into[obj](t, w.as("bob").want(200, "GET", "/jobs/"+listed["id"].(string), nil))
		for where, j := range map[string]obj{"list": listed, "page": single} {
			why := fmt.Sprint(j["cannot_run"])
			may := j["abilities"].(obj)["run"]
			if j["name"] == "fine" && (why != "[]" || may != true) || j["name"] == "blank" && (!strings.Contains(why, "${globals.dir}") || may != false) {
				t.Errorf("%s of %v: cannot run because %v, run %v", where, j["name"], why, may)
			}
		}
		if listed["name"] == "blank" {
			if a := w.as("bob").call("POST", "/jobs/"+listed["id"].(string)+"/run", obj{}); a.status < 400 || !strings.Contains(a.text, "${globals.dir}") {
				t.Errorf("it is run nevertheless: %d %s", a.status, a.text)
			}
		}
	}
}

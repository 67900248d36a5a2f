package app_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster/internal/account"
	"muster/internal/app"
	"muster/internal/config"
	"muster/internal/db"
	"muster/internal/room"
)

func stopped(t *testing.T, people ...string) config.Config {
	t.Helper()
	cfg := settings(t, t.TempDir())
	a, err := app.Start(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range people {
		if err := a.Access.Do(context.Background(), system, func(tx *db.Tx) error {
			_, err := a.Accounts.Create(context.Background(), tx, system, account.NewUser{Name: p, Display: p, Roles: []string{account.Auditor}})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func behind(t *testing.T, cfg config.Config, queries ...string) {
	t.Helper()
	d, err := db.Open(context.Background(), cfg.DatabaseURL())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Do(context.Background(), func(tx *db.Tx) error {
		for _, q := range queries {
			if _, err := tx.Exec(context.Background(), q); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

var emptied = []string{`DELETE FROM ledger_event`, `DELETE FROM ledger_hash`, `DELETE FROM ledger_head`, `DELETE FROM ledger_private`}

// No record is begun anew beside what was recorded, with or without a key.
func TestEmptiedLedgerIsMissing(t *testing.T) {
	for _, without := range []bool{false, true} {
		cfg := stopped(t, "nora")
		behind(t, cfg, emptied...)
		if without {
			if err := os.Remove(cfg.LedgerKeyFile()); err != nil {
				t.Fatal(err)
			}
		}
		a, err := app.Start(context.Background(), cfg, slog.New(slog.DiscardHandler))
		if err == nil {
			_ = a.Stop(context.Background())
			t.Fatalf("without its key %v: it started on a new record", without)
		}
		if !strings.Contains(err.Error(), "missing") {
			t.Error(err)
		}
		if _, err := os.Stat(cfg.LedgerKeyFile()); without && err == nil {
			t.Error("a new key was made beside the old data")
		}
	}
}

// A server that starts on a record that was changed says so.
func TestStartOnAChangedRecord(t *testing.T) {
	cfg := stopped(t, "nora")
	behind(t, cfg, `UPDATE ledger_event SET body = REPLACE(body, '"nora"', '"mona"') WHERE kind = 'account.Created'`)
	var log strings.Builder
	a, err := app.Start(context.Background(), cfg, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	<-a.Looked()
	s := &server{App: a, t: t, data: filepath.Dir(cfg.LedgerKeyFile()), people: map[string]account.User{}, tokens: map[string]string{}}
	if r := s.nobody().send("GET", "/readyz", nil); r.status != 200 || !strings.Contains(r.text, "degraded: the ledger is not sound") {
		t.Errorf("/readyz: %d %s", r.status, r.text)
	}
	nora, err := a.Accounts.Find(context.Background(), a.DB.Read(), "nora")
	if err != nil {
		t.Fatal(err)
	}
	ns, err := a.Notify.List(context.Background(), a.DB.Read(), nora.Actor(), false, 10)
	if err != nil || len(ns) != 1 || ns[0].Title != "The ledger is not sound" {
		t.Errorf("the auditor is told %+v %v", ns, err)
	}
	if err := a.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "NOT sound") {
		t.Error("nothing in the log")
	}
}

// A private room is not found by a name that is refused, and one person makes so
// many rooms and no more.
func TestRoomsNamesAndBounds(t *testing.T) {
	s := start(t)
	s.person("ann", account.Administrator)
	s.person("bob", account.Responder)
	s.room("Secret matter", "bob")
	first := s.as("ann").want(201, "POST", "/rooms", obj{"name": "Secret matter"})
	s.as("ann").want(422, "POST", "/rooms", obj{"name": "secret matter"})
	mine := s.as("bob").want(200, "GET", "/rooms/"+first.id(), nil)
	if mine.get("private") != false {
		t.Error(mine.text)
	}
	// By name a member means the private one.
	bob := s.people["bob"].Actor()
	if r, err := s.Rooms.See(context.Background(), s.DB.Read(), bob, "Secret matter"); err != nil || !r.Private {
		t.Errorf("%+v %v", r, err)
	}
	var last error
	ann := s.people["ann"].Actor()
	for n := 0; n < 70 && last == nil; n++ {
		last = s.Access.Do(context.Background(), ann, func(tx *db.Tx) error {
			_, err := s.Rooms.Create(context.Background(), tx, ann, room.New{Name: "Room " + strings.Repeat("x", n+1)})
			return err
		})
	}
	if last == nil || !strings.Contains(last.Error(), "Try again in") {
		t.Error(last)
	}
}

// /metrics is for this machine by its own names, and not for a page whose name
// was made to point here.
func TestMetricsAskByWhichName(t *testing.T) {
	s := start(t)
	if a := s.nobody().send("GET", "/metrics", nil); a.status != 200 {
		t.Errorf("by its own name: %d", a.status)
	}
	if a := s.nobody().with("Host", "rebound.example").send("GET", "/metrics", nil); a.status != 403 {
		t.Errorf("by another: %d", a.status)
	}
	if a := s.nobody().send("GET", "/api/v1/openapi.json", nil); strings.Contains(a.text, `"version":"`+app.Version+`"`) && app.Version != "1" {
		t.Error("the release is told to everybody")
	}
}

// Members of a private room are told when a policy opens it to others; auditors
// and administrators are told of the policy.
func TestMembersAreToldOfAWiderPolicy(t *testing.T) {
	s := start(t)
	s.person("root", account.Administrator)
	s.person("nora", account.Auditor)
	s.person("jonas", account.Responder)
	s.person("olga", account.Observer)
	r := s.room("Confidential", "jonas")
	s.as("olga").want(404, "GET", "/rooms/"+r.ID, nil)
	s.as("root").want(200, "PUT", "/policies/private", obj{"content": "description: nothing is private\ncontext: {application: muster}\nfor:\n  room:\n    - equals: {name: no-such-room}\n      deny: [read]\nby: {group: everyone}\n"})
	s.as("olga").want(200, "GET", "/rooms/"+r.ID, nil)
	for name, title := range map[string]string{"jonas": "Confidential is no longer only its members'", "nora": "The policy private was changed"} {
		if a := s.as(name).want(200, "GET", "/notifications", nil); !strings.Contains(a.text, title) {
			t.Errorf("%s is not told: %s", name, a.text)
		}
	}
}

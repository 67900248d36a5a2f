package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Plans that are wrong or far too big are refused quickly, with the rooms' names,
// and leave nothing behind.
func TestHostileFloorPlans(t *testing.T) {
	s := start(t)
	s.person("ann", "administrator")
	ann := s.as("ann")
	floor := ann.want(201, "POST", "/floors", map[string]any{"name": "Plans"})
	id := floor.get("id").(string)
	at := func(name string, x, y int) map[string]any {
		return map[string]any{"name": name, "x": x, "y": y, "w": 8, "h": 8, "seats": 4}
	}
	rows := func(n, seats int) (out []any) {
		for i := range n {
			r := at(fmt.Sprint("Room ", i), i%100*9, i/100*9)
			r["seats"] = seats
			out = append(out, r)
		}
		return out
	}
	plan := func(rooms ...any) map[string]any {
		return map[string]any{"version": 1, "layout": map[string]any{"width": 1000, "height": 1000, "rooms": rooms}}
	}
	for name, c := range map[string]struct {
		body   any
		status int
		says   string
	}{
		"overlapping rooms":  {plan(at("Ops", 2, 2), at("Risk", 5, 5)), 422, "Risk overlaps Ops"},
		"10,000 seats":       {plan(rows(21, 500)...), 422, "10500 seats"},
		"ten thousand rooms": {plan(rows(10_000, 1)...), 413, ""},
		"501 rooms":          {plan(rows(501, 1)...), 422, "at most 500 rooms"},
		"a megabyte of name": {plan(at(strings.Repeat("x", 1<<20), 2, 2)), 413, ""},
		"a number too large": {`{"version":1,"layout":{"width":1e40,"height":10,"rooms":[]}}`, 422, ""},
		"half a unit":        {`{"version":1,"layout":{"width":100.5,"height":10,"rooms":[]}}`, 422, ""},
		"a field too many":   {`{"version":1,"layout":{"width":100,"height":80,"rooms":[],"script":"x"}}`, 422, ""},
		"no json":            {`{"version":1,`, 400, ""},
		"of another room":    {plan(map[string]any{"room_id": "00000000-0000-7000-8000-000000000000", "name": "Ghost", "x": 2, "y": 2, "w": 8, "h": 8, "seats": 1}), 422, "Ghost: there is no room"},
	} {
		began := time.Now()
		a := ann.call("PUT", "/floors/"+id, c.body)
		if a.status != c.status || !strings.Contains(a.text, c.says) {
			t.Errorf("%s: %d %.300s", name, a.status, a.text)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s took %s", name, took)
		}
	}
	if got := ann.want(200, "GET", "/floors/"+id, nil); got.get("version").(float64) != 1 || strings.Contains(ann.want(200, "GET", "/rooms", nil).text, "Ops") {
		t.Error("something of them was kept")
	}
	// The whole of what is allowed is saved and drawn.
	full := plan(rows(500, 20)...)
	if a := ann.call("PUT", "/floors/"+id, full); a.status != 200 {
		t.Fatalf("%d %.300s", a.status, a.text)
	}
	if a := ann.call("PUT", "/floors/"+id, full); a.status != 409 || !strings.Contains(a.text, "Ann changed Plans") {
		t.Errorf("a stale plan: %d %.300s", a.status, a.text)
	}
	ann.want(200, "GET", "/office", nil)
}

// Not even that there is a restricted incident is told by the plan or by news of
// it; its members see where its room stands.
func TestAPlanKeepsARestrictedIncident(t *testing.T) {
	s := start(t)
	s.person("ann", "responder")
	s.person("eve", "administrator")
	socks := map[string]*socket{}
	for _, name := range []string{"ann", "eve"} {
		socks[name] = s.as(name).connect()
	}
	i := s.as("ann").want(201, "POST", "/incidents", obj{"title": "Insider", "severity": 1, "restricted": true})
	room := i.get("room", "id").(string)
	for name, knows := range map[string]bool{"ann": true, "eve": false} {
		for _, path := range []string{"/floors", "/office", "/rooms"} {
			if got := s.as(name).want(200, "GET", path, nil).text; strings.Contains(got, room) != knows {
				t.Errorf("%s of %s tells of it: %v, want %v", path, name, !knows, knows)
			}
		}
		s.settled(socks[name], name)
		if got := strings.Contains(socks[name].all(), room); got != knows {
			t.Errorf("%s heard of it: %v, want %v\n%s", name, got, knows, socks[name].all())
		}
	}
}

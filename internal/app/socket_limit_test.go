package app_test

import (
	"testing"
	"time"

	"github.com/coder/websocket"

	"muster/internal/account"
	"muster/internal/realtime"
)

// TestSocketsPerPerson: one person's windows and scripts do not use up the server.
func TestSocketsPerPerson(t *testing.T) {
	s := start(t)
	s.person("ann", account.Operator)
	s.person("bob", account.Operator)
	open := []*socket{}
	for range realtime.MaxPerPerson {
		sk := s.as("ann").connect()
		sk.subscribe("room:none") // answered after the server has counted it, which the first answer is not
		open = append(open, sk)
	}
	one, _, err := s.as("ann").dial(nil)
	if err != nil {
		t.Fatal(err)
	}
	one.send(`{"id":1,"connect":{}}`)
	if code := one.closed(soon); code != websocket.StatusCode(4501) {
		t.Errorf("one more was closed with %d, want 4501", code)
	}
	s.settled(s.as("bob").connect(), "bob") // others are not concerned
	s.settled(open[0], "ann")               // nor those that were open
	open[0].leave()
	// A place is free as soon as the server has seen it go.
	for late := time.Now().Add(soon); ; {
		sk, _, err := s.as("ann").dial(nil)
		if err != nil {
			t.Fatal(err)
		}
		if r := sk.ask(obj{"connect": obj{}}); r["connect"] != nil {
			break
		}
		if time.Now().After(late) {
			t.Fatal("no socket can be opened although one was closed")
		}
	}
}

// TestPolicyReachesOpenSockets: what a changed policy takes away is not heard a
// second later, and what it gives is there at once.
func TestPolicyReachesOpenSockets(t *testing.T) {
	s := start(t)
	s.person("root", account.Administrator)
	s.person("eve", account.Observer)
	s.person("ann", account.Operator)
	r := s.room("payments-ops")
	eve, ann := s.as("eve").connect(), s.as("ann").connect()
	eve.follow("room:" + r.ID)
	ann.follow("room:" + r.ID)
	const deny = "description: Observers stay out\ncontext:\n  application: muster\nfor:\n  room:\n    - equals:\n        name: payments-ops\n      deny: [read]\nby:\n  group: [observer]\n"
	s.as("root").want(200, "PUT", "/policies/stay-out", obj{"content": deny})
	eve.wait("the end of her subscription", func(e event) bool { return e.typ == "unsubscribe" && e.channel == "room:"+r.ID })
	eve.wait("that her rights have changed", func(e event) bool { return e.typ == "rights" })
	ann.wait("that rights have changed", func(e event) bool { return e.typ == "rights" })
	s.as("ann").want(201, "POST", "/rooms/"+r.ID+"/messages", obj{"text": "not for her"})
	s.as("ann").want(204, "POST", "/rooms/"+r.ID+"/enter", nil)
	ann.wait("the message", func(e event) bool { return e.typ == "message" })
	s.settled(eve, "root")
	for _, e := range eve.came() {
		if e.typ == "message" || e.typ == "unread" || e.get("presence", "room_id") == r.ID {
			t.Errorf("she still hears: %s %s", e.channel, e.text)
		}
	}
	if code := eve.subscribe("room:" + r.ID); code != denied {
		t.Errorf("she comes in again: %d", code)
	}
	s.as("root").want(204, "DELETE", "/policies/stay-out", nil)
	s.settled(eve, "root")
	eve.follow("room:" + r.ID)
}

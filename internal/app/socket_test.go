package app_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"muster/internal/account"
	"muster/internal/db"
	"muster/internal/incident"
	"muster/internal/room"
)

// denied is the socket's code for "you may not".
const denied = 103

// settled waits until everything the office was told before has reached sk: the
// server composes in order, and this comes last.
func (s *server) settled(sk *socket, name string) {
	s.t.Helper()
	mark := fmt.Sprintf("fence %d", time.Now().UnixNano())
	s.as(name).want(200, "PATCH", "/me", obj{"status_text": mark})
	sk.wait("the fence", func(e event) bool { return e.typ == "presence" && e.get("presence", "status_text") == mark })
}

func TestSocketDoor(t *testing.T) {
	s := start(t)
	s.person("ann", account.Operator)
	ann := s.signIn("ann")
	enter := func(c caller, h http.Header) int {
		sk, res, err := c.dial(h)
		if err == nil {
			sk.leave()
			return http.StatusSwitchingProtocols
		}
		if res == nil {
			t.Fatal(err)
		}
		return res.StatusCode
	}
	wrong := s.nobody()
	wrong.token = "mst_wrong"
	for _, c := range []struct {
		what string
		who  caller
		h    http.Header
		want int
	}{
		{"nobody", s.nobody(), nil, 401},
		{"a wrong token", wrong, nil, 401},
		{"a token", s.as("ann"), nil, 101},
		{"a browser's own page", ann, http.Header{"Origin": {s.URL()}}, 101},
		{"another site's page", ann, http.Header{"Origin": {"https://elsewhere.example"}}, 403},
		{"a page without origin", ann, http.Header{"Origin": {"null"}}, 403},
		{"another port's page", ann, http.Header{"Origin": {"http://127.0.0.1:1"}}, 403},
		{"a session as token", caller{s: s, client: ann.client, token: ann.cookie.Value}, nil, 401},
	} {
		if got := enter(c.who, c.h); got != c.want {
			t.Errorf("%s: %d, want %d", c.what, got, c.want)
		}
	}
	if a := s.as("ann").call("GET", "/socket", nil); a.status != 422 {
		t.Errorf("without an upgrade: %d", a.status)
	}

	// Frames that are none, or too long, end that socket and nothing else.
	other := s.as("ann").connect()
	for what, frame := range map[string]string{"no JSON": "hello", "too long": `{"id":1,"rpc":{"data":"` + strings.Repeat("x", 100<<10) + `"}}`, "a command that is none": `{"id":1}`} {
		sk, _, err := s.as("ann").dial(nil)
		if err != nil {
			t.Fatal(err)
		}
		sk.send(frame)
		if code := sk.closed(soon); code == websocket.StatusInternalError {
			t.Errorf("%s: closed with %d", what, code)
		}
	}
	// Nothing is taken from a client but what it may ask for.
	for _, command := range []obj{
		{"publish": obj{"channel": "office", "data": obj{}}}, {"publish": obj{"channel": "user:" + s.people["ann"].ID, "data": obj{}}},
		{"history": obj{"channel": "office", "limit": 10}}, {"presence": obj{"channel": "office"}}, {"presence_stats": obj{"channel": "office"}},
		{"rpc": obj{"method": "format", "data": obj{}}}, {"rpc": obj{"method": "typing", "data": obj{"room_id": "x"}}},
		{"subscribe": obj{"channel": "user:x"}}, {"subscribe": obj{"channel": "nothing"}}, {"subscribe": obj{"channel": "room:"}}, {"subscribe": obj{"channel": "room:a\x00b"}}, {"subscribe": obj{"channel": ":"}}, {"subscribe": obj{"channel": "room:nothing"}},
	} {
		if r := other.ask(command); refused(r) == 0 || refused(r) == 100 {
			t.Errorf("%v: %v", command, r)
		}
	}
	// Who asks without end is slowed down.
	for n := 0; ; n++ {
		if code := other.subscribe("room:nothing"); code == 111 {
			break
		}
		if n > 1000 {
			t.Fatal("subscriptions can be asked for without end")
		}
	}
}

func TestPresence(t *testing.T) {
	s := start(t)
	s.person("ann", account.Operator)
	bob := s.person("bob", account.Operator)
	r := s.room("payments-ops")
	ann := s.as("ann").connect()
	one := s.as("bob").connect()
	ann.wait("Bob's coming", presence(bob.ID, "available", nil))
	s.as("bob").want(204, "POST", "/rooms/"+r.ID+"/enter", nil)
	ann.wait("Bob in the room", presence(bob.ID, "available", r.ID))
	s.as("bob").want(200, "PATCH", "/me", obj{"availability": "dnd"})
	ann.wait("Bob not to be disturbed", presence(bob.ID, "dnd", r.ID))
	// A second window closes: he is still there.
	two := s.as("bob").connect()
	two.leave()
	s.settled(ann, "ann")
	one.leave()
	ann.wait("Bob's going", presence(bob.ID, "offline", nil))
	for _, e := range ann.came() {
		if e.channel != "office" && e.typ == "presence" {
			t.Errorf("public presence on %s", e.channel)
		}
	}
	// His seat was kept.
	s.as("bob").connect()
	ann.wait("Bob's coming back", func(e event) bool {
		return e.typ == "presence" && e.get("presence", "user_id") == bob.ID && e.get("presence", "room_id") == r.ID && e.get("presence", "state") == "dnd"
	})
}

// TestAClosedLaptopShows: who stops to answer is offline on other screens within
// three seconds, though their socket is still open, and back with the next answer.
func TestAClosedLaptopShows(t *testing.T) {
	s := start(t)
	s.person("ann", account.Operator)
	bob := s.person("bob", account.Operator)
	ann := s.as("ann").connect()
	laptop := s.as("bob").connectAs(obj{"data": obj{"beat": true, "idle": 0}})
	ann.wait("Bob's coming", presence(bob.ID, "active", nil))
	before := len(ann.came()) // that bob, when he was new, was not here may be told only now
	sleep := func(yes bool) {
		laptop.mu.Lock()
		defer laptop.mu.Unlock()
		laptop.asleep = yes
	}
	// Beats go on while nothing happens.
	beats := 0
	for late := time.After(soon); beats < 3; beats++ {
		select {
		case <-laptop.beat:
		case <-late:
			t.Fatal("no beat came")
		}
	}
	for _, e := range ann.came()[before:] {
		if e.typ == "presence" && e.get("presence", "user_id") == bob.ID && e.get("presence", "state") == "offline" {
			t.Fatal("who answers was shown as offline")
		}
	}
	sleep(true)
	closed := time.Now()
	ann.wait("Bob's going", presence(bob.ID, "offline", nil))
	took := time.Since(closed)
	t.Logf("shown after %v", took)
	if took > 3*time.Second {
		t.Errorf("a closed laptop shows after %v", took)
	}
	laptop.mu.Lock()
	ended := laptop.ended
	laptop.mu.Unlock()
	if ended != nil {
		t.Error("the socket was closed, too:", ended)
	}
	// Another device brings them back, and its end within the grace takes them out.
	phone := s.as("bob").connect()
	n := len(ann.came())
	ann.wait("Bob on the phone", func(e event) bool { return presence(bob.ID, "available", nil)(e) })
	phone.leave()
	ann.until("Bob's going again", func() bool {
		for _, e := range ann.events[n:] {
			if presence(bob.ID, "offline", nil)(e) {
				return true
			}
		}
		return false
	})
	sleep(false)
	n = len(ann.came())
	ann.until("Bob's waking", func() bool {
		for _, e := range ann.events[n:] {
			if presence(bob.ID, "active", nil)(e) {
				return true
			}
		}
		return false
	})
}

// TestPrivateIsPrivate: nothing about a private room, a restricted incident or
// another team's run reaches the socket of somebody outside.
func TestPrivateIsPrivate(t *testing.T) {
	s := start(t)
	w := newWorld(s)
	// What the making of the world set off must not be taken for what happens below.
	s.settled(s.as("bob").connect(), "bob")
	out, bob, carol := s.as(account.Administrator).connect(), s.as("bob").connect(), s.as("carol").connect()
	viewer := s.as(account.Observer).connect()
	for _, channel := range []string{
		"room:" + w.private.ID, "room:" + w.private.Name, "run:" + w.vaultRun.ID, "run:" + w.vaultRun.NumberText(),
		"incident:" + w.secret.ID, "incident:" + w.secret.Ticket, "room:" + w.secret.Room.ID, "user:" + s.people["bob"].ID,
	} {
		for _, sk := range []*socket{out, viewer} {
			if code := sk.subscribe(channel); code != denied {
				t.Errorf("%s: %d, want %d", channel, code, denied)
			}
		}
	}
	bob.follow("room:" + w.private.ID)
	carol.follow("room:" + w.private.ID)
	bob.follow("run:" + w.vaultRun.ID)
	bob.follow("incident:" + w.secret.ID)
	out.follow("room:" + w.public.ID)

	// Things happen inside.
	s.as("bob").want(204, "POST", "/rooms/"+w.private.ID+"/enter", nil)
	s.as("bob").want(201, "POST", "/rooms/"+w.private.ID+"/messages", obj{"text": mark + " @administrator @carol"})
	s.as("carol").want(201, "POST", "/gets", obj{"user_id": s.people["bob"].ID, "room_id": w.secretRoom(), "note": mark})
	s.as("carol").want(200, "POST", "/runs/"+w.vaultRun.ID+"/approve", obj{"digest": w.vaultRun.Digest})
	s.as("bob").want(201, "POST", "/rooms", obj{"name": mark + " two", "kind": "meeting", "private": true})
	s.do(func(ctx context.Context, tx *db.Tx) error {
		topic, title := mark+" again", mark+" again"
		if _, err := s.Rooms.Update(ctx, tx, system, w.private.ID, room.Change{Topic: &topic}); err != nil {
			return err
		}
		_, err := s.Incidents.Update(ctx, tx, system, w.secret.ID, incident.Change{Title: &title})
		return err
	})
	// And outside.
	ours := w.run("ours", w.public.ID, "bob")

	bobID := s.people["bob"].ID
	text := func(e event) bool { return e.typ == "message" && strings.Contains(e.text, mark) }
	bob.wait("his message", text)
	carol.wait("Bob's message", text)
	carol.wait("an unread message", func(e event) bool {
		return e.typ == "unread" && e.get("room_id") == w.private.ID && strings.HasPrefix(e.channel, "user:")
	})
	carol.wait("her mention", func(e event) bool { return e.typ == "mention" })
	carol.wait("where Bob sits", func(e event) bool {
		return presence(bobID, "available", w.private.ID)(e) && strings.HasPrefix(e.channel, "user:")
	})
	carol.wait("the new topic", func(e event) bool { return e.typ == "room" && strings.Contains(e.text, mark+" again") })
	carol.wait("the run of her project", func(e event) bool { return e.typ == "run" && e.get("run", "id") == w.vaultRun.ID })
	bob.wait("the run he follows", func(e event) bool { return e.channel == "run:"+w.vaultRun.ID && e.typ == "run" })
	bob.wait("the incident he follows", func(e event) bool {
		return e.channel == "incident:"+w.secret.ID && strings.Contains(e.text, mark+" again")
	})
	for _, sk := range []*socket{out, viewer} {
		sk.wait("a run of our own", func(e event) bool { return e.typ == "run" && e.get("run", "id") == ours.ID })
	}

	s.settled(out, account.Administrator)
	s.settled(viewer, account.Observer)
	for _, sk := range []*socket{out, viewer} {
		for _, e := range sk.came() {
			// A plan must not look different to two people: it has the place of
			// every room, and no name.
			if strings.Contains(e.text, mark) || strings.Contains(e.text, w.secret.Room.ID) || e.typ != "floor" && strings.Contains(e.text, w.private.ID) || strings.Contains(e.text, w.vaultRun.ID) || strings.Contains(e.text, w.secret.ID) {
				t.Errorf("told outside: %s %s", e.channel, e.text)
			}
		}
	}
	// The plan has the place of a private room, and the room of a restricted
	// incident for its members only: that there is one is theirs to know.
	for name, knows := range map[string]bool{account.Administrator: false, account.Auditor: false, account.Observer: false, "carol": false, "bob": true} {
		for _, path := range []string{"/office", "/floors"} {
			a := s.as(name).want(200, "GET", path, nil)
			if got := strings.Contains(a.text, w.secret.Room.ID); got != knows {
				t.Errorf("%s as %s: the restricted incident's room is in it: %v", path, name, got)
			}
			if path == "/floors" && !strings.Contains(a.text, w.private.ID) {
				t.Errorf("%s as %s: the private room has no place", path, name)
			}
		}
	}
	// Who is taken in is shown it.
	if strings.Contains(fmt.Sprint(floorsTold(carol)), w.secret.Room.ID) {
		t.Error("Carol was shown the room before")
	}
	s.do(func(ctx context.Context, tx *db.Tx) error {
		_, err := s.Incidents.Update(ctx, tx, system, w.secret.ID, incident.Change{Members: []string{s.people["carol"].ID}})
		return err
	})
	carol.wait("its place on the plan", func(e event) bool {
		return e.typ == "floor" && e.channel == "user:"+s.people["carol"].ID && strings.Contains(e.text, w.secret.Room.ID)
	})
}

func floorsTold(sk *socket) (texts []string) {
	for _, e := range sk.came() {
		if e.typ == "floor" {
			texts = append(texts, e.text)
		}
	}
	return texts
}

func TestMembership(t *testing.T) {
	s := start(t)
	s.person("root", account.Administrator)
	s.person("bob", account.Operator)
	carol := s.person("carol", account.Operator)
	private, public := s.room("risk-controls", "bob", "carol"), s.room("payments-ops")
	bob, her := s.as("bob").connect(), s.as("carol").connect()
	for _, sk := range []*socket{bob, her} {
		sk.follow("room:" + private.ID)
		sk.follow("room:" + public.ID)
	}
	s.as("carol").want(204, "POST", "/rooms/"+private.ID+"/enter", nil)
	bob.wait("Carol in the room", presence(carol.ID, "available", private.ID))

	// Typing is told to who is there.
	if r := her.ask(obj{"rpc": obj{"method": "typing", "data": obj{"room_id": private.ID}}}); refused(r) != 0 {
		t.Errorf("%v", r)
	}
	bob.wait("Carol typing", func(e event) bool {
		return e.typ == "typing" && e.get("user_id") == carol.ID && e.channel == "room:"+private.ID
	})

	s.as("bob").want(201, "POST", "/rooms/"+private.ID+"/messages", obj{"text": "before"})
	her.wait("what Bob said", func(e event) bool { return e.typ == "message" && e.get("message", "text") == "before" })
	s.as("root").want(204, "DELETE", "/rooms/"+private.ID+"/members/"+carol.ID, nil)
	for _, p := range s.as("bob").want(200, "GET", "/office", nil).get("presence").([]any) {
		if p := p.(obj); p["user_id"] == carol.ID && p["room_id"] != nil {
			t.Errorf("she still sits inside: %v", p)
		}
	}
	her.wait("the end of her subscription", func(e event) bool { return e.typ == "unsubscribe" && e.channel == "room:"+private.ID })
	s.as("bob").want(201, "POST", "/rooms/"+private.ID+"/messages", obj{"text": "after"})
	bob.wait("what he said", func(e event) bool { return e.typ == "message" && e.get("message", "text") == "after" })
	if code := her.subscribe("room:" + private.ID); code != denied {
		t.Errorf("she comes in again: %d", code)
	}
	if r := her.ask(obj{"rpc": obj{"method": "typing", "data": obj{"room_id": private.ID}}}); refused(r) != denied {
		t.Errorf("she types on: %v", r)
	}
	// The end of a membership of a public room ends nothing else.
	s.as("carol").want(204, "DELETE", "/rooms/"+public.ID+"/membership", nil)
	s.as("bob").want(201, "POST", "/rooms/"+public.ID+"/messages", obj{"text": "in public"})
	her.wait("what is public", func(e event) bool { return e.typ == "message" && e.get("message", "text") == "in public" })
	s.settled(her, "carol")
	for _, e := range her.came() {
		if strings.Contains(e.text, `"after"`) {
			t.Errorf("she still hears what is said: %s", e.text)
		}
		if e.typ == "unsubscribe" && e.channel != "room:"+private.ID {
			t.Errorf("%s ended too", e.channel)
		}
	}
}

// TestRevoked: whoever is shut out is closed at once.
func TestRevoked(t *testing.T) {
	s := start(t)
	s.person("root", account.Administrator)
	root := s.as("root")
	const (
		ended = websocket.StatusCode(4500) // for good
		anew  = websocket.StatusCode(4000) // come again
	)
	for n, c := range []struct {
		what string
		do   func(me caller, user account.User, name string)
		code websocket.StatusCode
	}{
		{"signing out", func(me caller, _ account.User, _ string) { me.want(204, "DELETE", "/session", nil) }, ended},
		{"ending the session from elsewhere", func(me caller, _ account.User, name string) {
			other := s.signIn(name)
			for _, se := range other.want(200, "GET", "/sessions", nil).items() {
				if se := se.(obj); se["current"] == false {
					other.want(204, "DELETE", "/sessions/"+se["id"].(string), nil)
				}
			}
		}, ended},
		{"another password", func(_ caller, _ account.User, name string) {
			s.signIn(name).want(204, "POST", "/me/password", obj{"current": password, "new": "five words in one row"})
		}, ended},
		{"the administrator's end of all sessions", func(_ caller, u account.User, _ string) { root.want(204, "POST", "/users/"+u.ID+"/revoke", nil) }, ended},
		{"the administrator's new password", func(_ caller, u account.User, _ string) { root.want(200, "POST", "/users/"+u.ID+"/password", nil) }, ended},
		{"disabling the account", func(_ caller, u account.User, _ string) {
			root.want(200, "PATCH", "/users/"+u.ID, obj{"disabled": true})
		}, ended},
		{"other roles", func(_ caller, u account.User, _ string) {
			root.want(200, "PATCH", "/users/"+u.ID, obj{"roles": []string{account.Observer}})
		}, anew},
	} {
		t.Run(c.what, func(t *testing.T) {
			name := fmt.Sprintf("user-%d", n)
			u := s.person(name, account.Operator)
			me := s.signIn(name)
			sk := me.connect()
			c.do(me, u, name)
			if code := sk.closed(soon); code != c.code {
				t.Errorf("closed with %d, want %d", code, c.code)
			}
			if _, _, err := me.dial(nil); (err == nil) != (c.code == anew) {
				t.Errorf("dialled again: %v", err)
			}
		})
	}

	t.Run("a token", func(t *testing.T) {
		s.person("ann", account.Operator)
		kept := s.as("ann").connect()
		made := s.as("ann").want(201, "POST", "/tokens", obj{"name": "other"})
		c := s.nobody()
		c.token = made.get("token").(string)
		sk := c.connect()
		s.as("ann").want(204, "DELETE", "/tokens/"+made.id(), nil)
		if code := sk.closed(soon); code != ended {
			t.Errorf("closed with %d", code)
		}
		s.settled(kept, "ann") // the other one lives
	})

	// Between the sign-in of the request and the first command there is time.
	t.Run("while it is being opened", func(t *testing.T) {
		u := s.person("eve", account.Operator)
		sk, _, err := s.as("eve").dial(nil)
		if err != nil {
			t.Fatal(err)
		}
		root.want(204, "POST", "/users/"+u.ID+"/revoke", nil)
		sk.send(`{"id":1,"connect":{}}`)
		if code := sk.closed(soon); code != ended {
			t.Errorf("closed with %d", code)
		}
	})

	t.Run("rights that come with a role", func(t *testing.T) {
		u := s.person("mia")
		r := s.room("payments-ops")
		sk := s.as("mia").connect()
		if code := sk.subscribe("room:" + r.ID); code != denied {
			t.Errorf("without a role: %d", code)
		}
		root.want(200, "PATCH", "/users/"+u.ID, obj{"roles": []string{account.Observer}})
		if code := sk.closed(soon); code != anew {
			t.Errorf("closed with %d", code)
		}
		sk = s.as("mia").connect()
		sk.follow("room:" + r.ID)
		s.settled(sk, "mia") // and the office with it
	})
}

package app_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/internal/account"
	"muster/internal/db"
	"muster/internal/httpapi"
	"muster/internal/message"
	"muster/internal/room"
)

// guest is somebody who came by a link.
func (s *server) guest(token, name string) (caller, answer) {
	s.t.Helper()
	c := s.nobody()
	a := c.call("POST", "/guest/knock", obj{"token": token, "name": name})
	for _, k := range a.cookies {
		if k.Name == httpapi.GuestCookie {
			c.cookie = k
		}
	}
	c.csrf, _ = a.get("csrf").(string)
	return c, a
}

// hosting is a room with Ann inside, and a link to it.
func hosting(t *testing.T, s *server) (r room.Room, token string, link string) {
	t.Helper()
	s.person("root", account.Administrator)
	s.person("ann", account.Operator)
	s.person("bob", account.Operator)
	r = s.room("payments-ops")
	s.as("ann").want(201, "POST", "/rooms/"+r.ID+"/messages", obj{"text": "a secret from before"})
	s.as("ann").connect()
	s.as("ann").want(204, "POST", "/rooms/"+r.ID+"/enter", nil)
	a := s.as("root").want(201, "POST", "/rooms/"+r.ID+"/guest-links", obj{"label": "auditors"})
	url := a.get("url").(string)
	return r, url[strings.LastIndex(url, "/")+1:], a.get("link", "id").(string)
}

// letIn answers the pending knock of the room.
func (s *server) letIn(as string) {
	s.t.Helper()
	ks := s.as(as).want(200, "GET", "/office", nil).get("knocks").([]any)
	for _, k := range ks {
		s.as(as).want(200, "POST", "/knocks/"+k.(map[string]any)["id"].(string)+"/admit", nil)
	}
	if len(ks) == 0 {
		s.t.Fatal("nobody knocks")
	}
}

func TestAGuest(t *testing.T) {
	s := start(t)
	r, token, link := hosting(t, s)
	ann := s.as("ann").connect()
	if a := s.nobody().want(200, "POST", "/guest/look", obj{"token": token}); a.get("room") != r.Name {
		t.Error(a.text)
	}
	g, a := s.guest(token, "Zoe \u202eAudit\u200b")
	if a.status != 200 || a.get("visit", "state") != "waiting" || a.get("visit", "name") != "Zoe Audit" || a.get("room") != "" {
		t.Fatal(a.status, a.text)
	}
	ann.wait("the guest's knock", func(e event) bool { return e.typ == "knock" && e.get("knock", "guest") == "Zoe Audit" })
	// At the door they hear and see nothing of what is behind it.
	for _, path := range []string{"/guest/messages"} {
		if a := g.call("GET", path, nil); a.status != 403 {
			t.Errorf("%s at the door: %d %s", path, a.status, a.text)
		}
	}
	wire := g.guestSocket(t)
	s.letIn("ann")
	wire.wait("being let in", func(e event) bool { return e.typ == "visit" })
	v := g.want(200, "GET", "/guest", nil)
	if v.get("visit", "state") != "inside" || v.get("room") != r.Name || !strings.Contains(v.text, `"display":"Ann"`) || strings.Contains(v.text, `"display":"Bob"`) {
		t.Fatal(v.text)
	}
	id := v.get("visit", "id").(string)

	// From admission on, and not what was said before, however it is asked for.
	s.as("ann").want(201, "POST", "/rooms/"+r.ID+"/messages", obj{"text": "welcome"})
	wire.wait("a message", func(e event) bool { return e.typ == "message" && e.get("message", "text") == "welcome" })
	if m := g.want(200, "GET", "/guest/messages?limit=200", nil); strings.Contains(m.text, "secret") || !strings.Contains(m.text, "welcome") || m.get("has_before") == true {
		t.Error(m.text)
	}
	old := s.as("ann").want(200, "GET", "/rooms/"+r.ID+"/messages", nil).get("items").([]any)[0].(map[string]any)
	s.as("ann").want(200, "PUT", "/messages/"+old["id"].(string)+"/reactions/👍", nil)
	s.as("ann").want(201, "POST", "/rooms/"+r.ID+"/messages", obj{"text": "an answer to what was before", "thread": old["id"]})
	s.as("ann").want(201, "POST", "/rooms/"+r.ID+"/messages", obj{"text": "the end"})
	wire.wait("the end", func(e event) bool { return e.typ == "message" && e.get("message", "text") == "the end" })
	for _, e := range wire.came() {
		if strings.Contains(e.text, "secret") || strings.Contains(e.text, "before") || strings.Contains(e.text, "payments-ops") && e.typ != "visit" || e.channel != "user:"+id {
			t.Errorf("the guest heard on %s: %s", e.channel, e.text)
		}
	}
	ctx := context.Background()
	who, err := s.Accounts.ActorOf(ctx, s.DB.Read(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Messages.Get(ctx, s.DB.Read(), who, old["id"].(string)); err == nil {
		t.Error("reads a message from before")
	}
	if vs, err := s.Messages.Versions(ctx, s.DB.Read(), who, old["id"].(string)); err == nil {
		t.Error("reads its versions", vs)
	}
	zero := int64(0)
	for _, rg := range []message.Range{{}, {Before: 2}, {Around: old["id"].(string)}, {ChangedAfter: &zero}} {
		p, err := s.Messages.History(ctx, s.DB.Read(), who, r.ID, rg)
		for _, m := range p.Items {
			if strings.Contains(m.Text, "secret") {
				t.Errorf("%+v gives what was before: %v", rg, err)
			}
		}
	}
	// They speak, but do not command, and reach nobody outside.
	g.want(201, "POST", "/guest/messages", obj{"text": "hello @bob"})
	if a := g.call("POST", "/guest/messages", obj{"text": " /get @bob"}); a.status != 403 {
		t.Error(a.status, a.text)
	}
	if n := s.as("bob").want(200, "GET", "/notifications", nil); len(n.get("items").([]any)) != 0 {
		t.Error("a guest notified somebody outside: " + n.text)
	}
	for _, channel := range []string{"room:" + r.ID, "office", "user:" + s.people["ann"].ID} {
		if code := wire.subscribe(channel); code == 0 || code == 105 {
			t.Errorf("a guest follows %s", channel)
		}
	}
	// In the house they are seen as what they are.
	ann.wait("the guest inside", presence(id, "available", r.ID))
	if o := s.as("bob").want(200, "GET", "/office", nil); !strings.Contains(o.text, `"kind":"guest"`) {
		t.Error("the office does not know its guest")
	}

	// They are told that its calls are recorded, as soon as they are.
	if v.get("records") != false || v.get("media", "keep_days") == nil {
		t.Error(v.text)
	}
	told := len(wire.came())
	s.as("root").want(200, "PATCH", "/rooms/"+r.ID, obj{"recording": "required"})
	wire.until("the room's change", func() bool {
		return slices.ContainsFunc(wire.events[told:], func(e event) bool { return e.typ == "visit" })
	})
	if v := g.want(200, "GET", "/guest", nil); v.get("records") != true {
		t.Error(v.text)
	}
	// From no call they can be moved, and to none.
	if a := g.call("POST", "/guest/call/mode", obj{"mode": "table"}); a.status != 409 || !strings.Contains(a.text, "You are not in this call") {
		t.Error(a.status, a.text)
	}

	// The link's end is theirs.
	s.as("root").want(204, "DELETE", "/rooms/"+r.ID+"/guest-links/"+link, nil)
	if code := wire.closed(soon); code != 4500 {
		t.Errorf("their socket was closed with %d", code)
	}
	if a := g.call("GET", "/guest", nil); a.get("visit", "state") != "ended" || a.get("visit", "word") != "The link was revoked." || strings.Contains(a.text, "Ann") {
		t.Error(a.text)
	}
	if a := g.call("POST", "/guest/messages", obj{"text": "still here"}); a.status != 403 {
		t.Error(a.status, a.text)
	}
	if _, a := s.guest(token, "Zoe"); a.status != 404 {
		t.Error("the link works on:", a.status)
	}
	if o := s.as("bob").want(200, "GET", "/office", nil); strings.Contains(o.text, `"kind":"guest"`) {
		t.Error("who is gone is shown")
	}
}

func (c caller) guestSocket(t *testing.T) *socket {
	t.Helper()
	sk, _, err := c.dialAt("/guest/socket", http.Header{"Cookie": {c.cookie.Name + "=" + c.cookie.Value}})
	if err != nil {
		t.Fatal(err)
	}
	if r := sk.ask(obj{"connect": obj{}}); r["connect"] == nil {
		t.Fatal(r)
	}
	return sk
}

func TestTheEndsOfAVisit(t *testing.T) {
	s := start(t)
	r, token, _ := hosting(t, s)
	inside := func() (caller, string) {
		t.Helper()
		g, _ := s.guest(token, "Zoe")
		s.letIn("ann")
		return g, g.want(200, "GET", "/guest", nil).get("visit", "id").(string)
	}
	over := func(what string, g caller, word string) {
		t.Helper()
		a := g.call("GET", "/guest", nil)
		if a.get("visit", "state") != "ended" || !strings.Contains(a.get("visit", "word").(string), word) {
			t.Errorf("%s: %s", what, a.text)
		}
	}
	g, _ := inside()
	g.want(204, "POST", "/guest/leave", nil)
	over("leaving", g, "You left.")
	g, id := inside()
	s.as("root").want(204, "POST", "/rooms/"+r.ID+"/send-home", obj{"user_id": id, "reason": "enough"})
	over("sent home", g, "enough")
	g, id = inside()
	s.as("root").want(204, "DELETE", "/rooms/"+r.ID+"/members/"+id, nil)
	over("put out", g, "put out")
	g, _ = inside()
	s.do(func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE guest_visit SET expires_at = $1 WHERE state = 'inside'`, db.Micro(time.Now().Add(-time.Second)))
		return err
	})
	over("timed out", g, "")
	g, id = inside()
	// An account of this kind has no other way in, whatever an administrator tries.
	if a := s.as("root").call("PATCH", "/users/"+id, obj{"roles": []string{"administrator"}}); a.status != 409 {
		t.Error(a.status, a.text)
	}
	if a := s.as("root").call("POST", "/tokens", obj{"name": "x", "user": id}); a.status == 201 {
		c := s.nobody()
		c.token = a.get("token").(string)
		if a := c.call("GET", "/me", nil); a.status != 401 {
			t.Error("a guest's token works")
		}
	}
	if a := s.as("root").call("PUT", "/rooms/"+s.room("other").ID+"/members/"+id, nil); a.status != 409 {
		t.Error("a guest got into another room:", a.status)
	}
	waits, _ := s.guest(token, "Waits")
	s.as("root").want(200, "PATCH", "/rooms/"+r.ID, obj{"archived": true})
	over("archived", g, "closed")
	if a := waits.call("GET", "/guest", nil); a.get("visit", "state") != "declined" {
		t.Error(a.text)
	}
}

func TestKnockingAsAGuest(t *testing.T) {
	s := start(t)
	r, token, _ := hosting(t, s)
	for _, name := range []string{"", "   ", "\u202e\u200b", strings.Repeat("x", 61), "12345", "a\u0301\u0302\u0303\u0304\u0305", "Аnn", "\u3164"} {
		if _, a := s.guest(token, name); a.status != 422 {
			t.Errorf("%q: %d %s", name, a.status, a.text)
		}
	}
	// Whose name could be taken for a member's is marked.
	for _, name := range []string{"Ann\u3164", "ANN", "A n n", "Ânn"} {
		_, a := s.guest(token, name)
		if a.status != 200 || strings.Contains(a.text, s.people["ann"].ID) {
			t.Fatal(name, a.status, a.text)
		}
		ks := s.as("ann").want(200, "GET", "/office", nil).get("knocks").([]any)
		k := ks[len(ks)-1].(map[string]any)
		if k["looks_like"] != s.people["ann"].ID {
			t.Errorf("%s is not marked: %v", name, k)
		}
		s.as("ann").want(200, "POST", "/knocks/"+k["id"].(string)+"/decline", obj{"note": "Who are you?"})
	}
	// Two tabs are one visit.
	g, _ := s.guest(token, "Zoe")
	if a := g.call("POST", "/guest/knock", obj{"token": token, "name": "Zoe"}); a.status != 401 && a.get("visit", "state") != "waiting" {
		t.Error(a.status, a.text)
	}
	if ks := s.as("ann").want(200, "GET", "/office", nil).get("knocks").([]any); len(ks) != 1 {
		t.Errorf("%d knocks of two tabs", len(ks))
	}
	s.letIn("ann")
	// A link that lets in one lets in one.
	a := s.as("root").want(201, "POST", "/rooms/"+r.ID+"/guest-links", obj{"most": 1})
	url := a.get("url").(string)
	one := url[strings.LastIndex(url, "/")+1:]
	s.guest(one, "First")
	s.guest(one, "Second")
	ks := s.as("ann").want(200, "GET", "/office", nil).get("knocks").([]any)
	s.as("ann").want(200, "POST", "/knocks/"+ks[0].(map[string]any)["id"].(string)+"/admit", nil)
	if a := s.as("ann").call("POST", "/knocks/"+ks[1].(map[string]any)["id"].(string)+"/admit", nil); a.status != 409 {
		t.Error("two where one may:", a.status, a.text)
	}
	if _, a := s.guest(one, "Third"); a.status != 409 && a.status != 429 {
		t.Error(a.status, a.text)
	}
	// A flood, and guesses, come to an end.
	limited := false
	for range 60 {
		_, a := s.guest(token, "Flood")
		limited = limited || a.status == 429
	}
	if !limited {
		t.Error("one may knock without end")
	}
	limited = false
	for range 40 {
		a := s.nobody().call("POST", "/guest/look", obj{"token": strings.Repeat("x", 43)})
		limited = limited || a.status == 429
	}
	if !limited {
		t.Error("one may guess without end")
	}
}

// TestAGuestHasNoOtherDoor calls every operation of the API with a guest's
// cookie, as a guest's and as a member's.
func TestAGuestHasNoOtherDoor(t *testing.T) {
	s := start(t)
	w := newWorld(s)
	s.sit(t, w)
	token := w.thing("guest token")
	g, a := s.guest(token, "Zoe")
	if a.status != 200 {
		t.Fatal(a.text)
	}
	ks, err := s.Office.Knocks(context.Background(), s.DB.Read(), s.people["bob"].Actor())
	if err != nil || len(ks) != 1 {
		t.Fatal(ks, err)
	}
	s.as("bob").want(200, "POST", "/knocks/"+ks[0].ID+"/admit", nil)
	routes := map[string]httpapi.Route{}
	for _, r := range s.API.Routes() {
		routes[r.ID] = r
	}
	tried := 0
	for _, lines := range [][]line{ordinary, foreign} {
		for _, l := range lines {
			r := routes[l.op]
			if r.Access == "public" || r.Access == "guest" {
				continue
			}
			w.who = account.Administrator
			path := w.address(r, l)
			var body any
			if l.body != "" {
				body = w.fill(l.body)
			}
			for _, name := range []string{httpapi.GuestCookie, httpapi.CookieName} {
				c := g
				c.client, c.cookie = http.DefaultClient, &http.Cookie{Name: name, Value: g.cookie.Value}
				if a := c.call(r.Method, path, body); a.status != 401 {
					t.Errorf("%s %s as a guest: %d %s", r.Method, path, a.status, a.text)
				}
			}
			tried++
		}
	}
	if tried < 200 {
		t.Errorf("only %d calls were tried", tried)
	}
	// And a member's session opens nothing of a guest's.
	for _, l := range ordinary {
		r := routes[l.op]
		if r.Access != "guest" {
			continue
		}
		var body any
		if l.body != "" {
			body = l.body
		}
		for _, c := range []caller{s.signIn(account.Administrator), s.as(account.Administrator)} {
			if a := c.call(r.Method, r.Path, body); a.status != 401 {
				t.Errorf("%s %s as a member: %d", r.Method, r.Path, a.status)
			}
		}
	}
	for _, path := range []string{"/socket"} {
		if _, res, err := g.dialAt(path, http.Header{"Cookie": {httpapi.GuestCookie + "=" + g.cookie.Value}}); err == nil || res == nil || res.StatusCode != 401 {
			t.Errorf("a guest opened %s", path)
		}
	}
	// Without what only their own page knows they change nothing either.
	forged := g
	forged.csrf = "x"
	if a := forged.call("POST", "/guest/messages", obj{"text": "x"}); a.status != 401 {
		t.Error(a.status, a.text)
	}
}

func (s *server) sit(t *testing.T, w *world) {
	t.Helper()
	w.sit(s.people["bob"].ID, w.public.ID)
}

// What is done elsewhere neither reaches a guest nor ends their visit, and who
// may not read a room any more does not answer its door.
func TestAGuestAndTheRestOfTheOffice(t *testing.T) {
	s := start(t)
	r, token, _ := hosting(t, s)
	s.as("ann").connect()
	other := s.room("settlement")
	g, _ := s.guest(token, "Zoe")
	if a := s.as("ann").call("POST", "/rooms/"+r.ID+"/messages", obj{"text": "/admit"}); !strings.Contains(a.text, "/admit Zoe") {
		t.Fatal("a stranger is let in along with others:", a.status, a.text)
	}
	s.as("ann").want(201, "POST", "/rooms/"+r.ID+"/messages", obj{"text": "/admit @zoe"})
	wire := g.guestSocket(t)
	id := g.want(200, "GET", "/guest", nil).get("visit", "id").(string)
	login := s.as("root").want(200, "GET", "/users/"+id, nil).get("name").(string)
	old := s.as("ann").want(200, "GET", "/rooms/"+r.ID+"/messages", nil).get("items").([]any)[0].(map[string]any)
	s.as("bob").want(201, "POST", "/rooms/"+other.ID+"/messages", obj{"text": "@" + login + " psst"})
	s.as("bob").want(201, "POST", "/rooms/"+r.ID+"/messages", obj{"text": "@" + login + " psst", "thread": old["id"]})
	s.as("root").call("DELETE", "/rooms/"+other.ID+"/members/"+id, nil)
	s.as("ann").want(201, "POST", "/rooms/"+r.ID+"/messages", obj{"text": "the end"})
	wire.wait("the end", func(e event) bool { return e.typ == "message" && e.get("message", "text") == "the end" })
	for _, e := range wire.came() {
		if strings.Contains(e.text, "psst") || strings.Contains(e.text, other.ID) || e.typ == "notification" || e.typ == "mention" {
			t.Error("the guest heard", e.text)
		}
	}
	if v := g.want(200, "GET", "/guest", nil); v.get("visit", "state") != "inside" {
		t.Error("put out of another room, and out of this one:", v.text)
	}
	if a := s.as("root").call("POST", "/rooms", obj{"name": "trap", "members": []string{id}}); a.status != 422 {
		t.Error(a.status, a.text)
	}

	s.as("root").want(200, "PUT", "/policies/shut", obj{"content": "description: Shut\ncontext: {application: muster}\nfor:\n  room: [{equals: {name: payments-ops}, deny: [read]}]\nby: {group: [operator]}\n"})
	_, a := s.guest(token, "Max")
	if a.status != 200 {
		t.Fatal(a.text)
	}
	if ks := s.as("ann").want(200, "GET", "/office", nil).get("knocks").([]any); len(ks) != 0 {
		t.Error("hears who knocks where she may not read:", ks)
	}
	knock, err := db.One(context.Background(), s.DB.Read(), db.Strings, `SELECT id FROM office_knock WHERE state = 'pending'`)
	if err != nil {
		t.Fatal(err)
	}
	if a := s.as("ann").call("POST", "/knocks/"+knock+"/admit", nil); a.status != 404 {
		t.Error("opens where she may not read:", a.status, a.text)
	}
}

// A guest is told of who comes to their room and who goes, not of what goes on in
// the rest of the house.
func TestGuestsAreToldOfTheirRoom(t *testing.T) {
	s := start(t)
	r, token, _ := hosting(t, s)
	elsewhere, third := s.room("elsewhere"), s.room("third")
	s.as("bob").connect()
	ann := s.as("ann").connect()
	bob := s.people["bob"].ID
	enter := func(in room.Room) {
		s.as("bob").want(204, "POST", "/rooms/"+in.ID+"/enter", nil)
		ann.wait("bob in "+in.Name, presence(bob, "available", in.ID))
	}
	enter(elsewhere)
	g, _ := s.guest(token, "Zoe")
	wire := g.guestSocket(t)
	s.letIn("ann")
	wire.wait("being let in", func(e event) bool { return e.typ == "visit" })
	// said waits until everything before it was told.
	said := func(text string) int {
		s.as("ann").want(201, "POST", "/rooms/"+r.ID+"/messages", obj{"text": text})
		wire.wait(text, func(e event) bool { return e.typ == "message" && e.get("message", "text") == text })
		return countVisits(wire.came())
	}
	// What is told goes another way than what is said, so that some of the beginning
	// may still come: few, beside so many steps.
	quiet := said("before")
	const steps = 20
	for range steps / 2 {
		enter(third)
		enter(elsewhere)
	}
	if n := said("after") - quiet; n > steps/2 {
		t.Errorf("the guest was told %d times of steps elsewhere", n)
	}
	quiet = countVisits(wire.came())
	enter(r)
	wire.until("bob's coming", func() bool { return countVisits(wire.events) > quiet })
	came := said("he is here")
	enter(third)
	wire.until("bob's going", func() bool { return countVisits(wire.events) > came })
}

func countVisits(all []event) (n int) {
	for _, e := range all {
		if e.typ == "visit" {
			n++
		}
	}
	return n
}

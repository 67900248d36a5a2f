package app_test

import (
	"encoding/json"
	"strings"
	"testing"

	"muster/internal/httpapi"
	"muster/internal/room"
)

func into[T any](t *testing.T, a answer) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.text), &v); err != nil {
		t.Fatalf("%s: %v", a.text, err)
	}
	return v
}

// TestBridge: a meeting's link stands in the room, who is there is noted by
// name, and what cannot be one is refused with what to do.
func TestBridge(t *testing.T) {
	s := start(t)
	s.person("bob", "operator")
	s.person("eve", "observer")
	bob, eve := s.as("bob"), s.as("eve")
	path := "/rooms/" + s.room("payments-ops").ID + "/bridge"
	for body, want := range map[string]string{
		`{}`:                                   "Give the meeting's link",
		`{"url":"javascript:alert(1)"}`:        "begins with https://",
		`{"url":"http://zoom.us/j/1"}`:         "begins with https://",
		`{"url":"https://a:b@zoom.us/j/1"}`:    "begins with https://",
		`{"phone":"call me"}`:                  "A number looks like",
		`{"phone":"+44 20 7946","code":"<b>"}`: "A conference id",
	} {
		if a := bob.want(422, "PUT", path, body); !strings.Contains(a.text, want) {
			t.Errorf("%s: %s", body, a.text)
		}
	}
	b := into[room.Bridge](t, bob.want(200, "PUT", path, `{"url":"https://acme.zoom.us/j/1?pwd=x","phone":"+44 20 7946 0000","code":"123 456#"}`))
	if b.Kind != "Zoom" || len(b.People) != 0 {
		t.Errorf("%+v", b)
	}
	b = into[room.Bridge](t, bob.want(200, "PUT", path+"/people", `{"people":["Ann  of Acme","ann of acme","Ben"]}`))
	if strings.Join(b.People, ",") != "Ann of Acme,Ben" {
		t.Errorf("%q", b.People)
	}
	if a := bob.want(422, "PUT", path+"/people", "{\"people\":[\"a\u202eb\"]}"); !strings.Contains(a.text, "visible characters") {
		t.Error(a.text)
	}
	if v := into[httpapi.BridgeView](t, eve.want(200, "GET", path, nil)); v.Bridge == nil || v.Bridge.Code != "123 456#" {
		t.Errorf("%+v", v)
	}
	bob.want(204, "DELETE", path, nil)
	bob.want(404, "DELETE", path, nil)
}

// TestCatchUp: what is told to somebody who comes late.
func TestCatchUp(t *testing.T) {
	s := start(t)
	s.person("bob", "operator")
	s.person("eve", "operator")
	bob, eve := s.as("bob"), s.as("eve")
	i := bob.want(201, "POST", "/incidents", obj{"title": "Payments are slow", "severity": 2})
	roomID := i.get("room", "id").(string)
	bob.want(200, "PUT", "/incidents/"+i.id()+"/roles/commander", obj{"user_id": s.people["bob"].ID})
	bob.want(200, "POST", "/incidents/"+i.id()+"/stage", obj{"stage": "mitigating", "note": "failing over"})
	bob.want(201, "POST", "/incidents/"+i.id()+"/followups", obj{"kind": "action", "text": "Ask the vendor", "owner": s.people["eve"].ID})
	bob.want(201, "POST", "/rooms/"+roomID+"/messages", obj{"text": "@eve have a look"})
	c := into[httpapi.CatchUp](t, eve.want(200, "GET", "/rooms/"+roomID+"/catch-up", nil))
	if c.Incident == nil || c.Incident.ID != i.id() || len(c.Happened) == 0 || !strings.Contains(c.Happened[0].Text, "declared") {
		t.Errorf("%+v", c)
	}
	said := ""
	for _, d := range c.Decided {
		said += strings.ToLower(d.Text) + "\n"
	}
	if !strings.Contains(said, "mitigating") || !strings.Contains(said, "commander") {
		t.Errorf("decided: %s", said)
	}
	if len(c.Here) != 1 || c.Here[0].UserID != s.people["bob"].ID || c.Here[0].Roles[0] != "commander" || c.Here[0].Inside {
		t.Errorf("%+v", c.Here)
	}
	asked := map[string]bool{}
	for _, a := range c.Asked {
		asked[a.Kind] = true
	}
	if !asked["action"] || !asked["mention"] || len(asked) != 2 {
		t.Errorf("%+v", c.Asked)
	}
}

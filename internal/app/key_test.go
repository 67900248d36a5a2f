package app_test

import (
	"testing"

	"muster/internal/account"
)

// TestAKeyIsForOneMessage: what is sent again is there once, and what is sent
// under the key of something else is not lost behind it.
func TestAKeyIsForOneMessage(t *testing.T) {
	s := start(t)
	s.person("ann", account.Operator)
	r := s.room("payments-ops")
	post := func(status int, text string) answer {
		t.Helper()
		return s.as("ann").want(status, "POST", "/rooms/"+r.ID+"/messages", obj{"text": text, "key": "k " + text[:1]})
	}
	one := post(201, "hello")
	if again := post(201, "hello\n"); again.get("id") != one.get("id") {
		t.Errorf("said twice: %s", again.text)
	}
	post(409, "how are you")
	id, _ := one.get("id").(string)
	s.as("ann").want(200, "PATCH", "/messages/"+id, obj{"text": "hallo"})
	if again := post(201, "hello"); again.get("id") != id { // late, after it was edited
		t.Error(again.text)
	}
	post(201, "/status")
	post(201, "/status")
	post(409, "/help")
}

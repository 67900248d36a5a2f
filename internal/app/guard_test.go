package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"muster/internal/account"
	"muster/internal/await"
)

// Who may read no keys of a project gets one answer, whether it has keys, has
// none, or does not exist.
func TestKeysOfAForeignProject(t *testing.T) {
	s := start(t)
	newWorld(s)
	admin := s.as(account.Administrator)
	answers := map[int]string{}
	for _, path := range []string{"project/vault", "project/vault/", "project/vault/x", "project/nowhere", "keys/project/vault"} {
		a := admin.call("GET", "/keys?path="+path, nil)
		answers[a.status] += " " + path
		if strings.Contains(a.text, mark) {
			t.Errorf("%s tells of what is foreign: %s", path, a.text)
		}
	}
	if len(answers) != 1 || answers[http.StatusForbidden] == "" {
		t.Errorf("answers differ: %v", answers)
	}
	// In a project of their own an empty list is an empty list.
	if a := admin.call("GET", "/keys?path=project/ours/none", nil); a.status != 200 && a.status != 403 {
		t.Errorf("%d %s", a.status, a.text)
	}
}

// A frame larger than any message of ours is not read into memory: the socket ends.
func TestLargeFrame(t *testing.T) {
	s := start(t)
	s.person("ann", account.Operator)
	c, res, err := websocket.Dial(t.Context(), strings.Replace(s.URL(), "http", "ws", 1)+"/api/v1/socket", &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + s.tokens["ann"]}}})
	if err != nil {
		t.Fatal(res, err)
	}
	defer c.CloseNow()
	_ = c.Write(t.Context(), websocket.MessageText, []byte(`{"connect":{"name":"`+strings.Repeat("x", 4<<20)+`"}}`))
	ended := make(chan error, 1)
	go func() {
		for {
			if _, _, err := c.Read(t.Context()); err != nil {
				ended <- err
				return
			}
		}
	}()
	select {
	case <-ended:
	case <-time.After(await.Limit):
		t.Error("the socket goes on")
	}
	s.as("ann").want(200, "GET", "/me", nil)
}

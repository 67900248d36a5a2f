package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	centrifuge "github.com/centrifugal/centrifuge-go"
)

// client is one colleague's browser, so to say: a session and a socket.
type client struct {
	base, name, password string

	mu           sync.Mutex
	cookie, csrf string
	id           string
	socket       *centrifuge.Client
}

// caller speaks to this server alone, so a minute is plenty.
var caller = &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// refused is an answer that is no success.
type refused struct {
	what   string
	status int
	text   string
}

func (r *refused) Error() string { return fmt.Sprintf("%s: %d %s", r.what, r.status, r.text) }

func (c *client) signIn(ctx context.Context) error {
	var me struct {
		CSRF string `json:"csrf"`
		User struct {
			ID string `json:"id"`
		} `json:"user"`
	}
	res, err := c.send(ctx, "POST", "/session", map[string]string{"name": c.name, "password": c.password}, &me)
	if err != nil {
		return err
	}
	var pairs []string
	for _, k := range res.Cookies() {
		pairs = append(pairs, k.Name+"="+k.Value)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cookie, c.csrf, c.id = strings.Join(pairs, "; "), me.CSRF, me.User.ID
	return nil
}

// call asks for one operation. A session that has ended is begun anew, once.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	_, err := c.send(ctx, method, path, in, out)
	if r, ok := err.(*refused); ok && r.status == http.StatusUnauthorized {
		if err := c.signIn(ctx); err != nil {
			return err
		}
		_, err = c.send(ctx, method, path, in, out)
	}
	return err
}

func (c *client) send(ctx context.Context, method, path string, in, out any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+"/api/v1"+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "Muster demo, simulated colleague")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	c.mu.Lock()
	if c.cookie != "" && path != "/session" {
		req.Header.Set("Cookie", c.cookie)
		req.Header.Set("X-CSRF-Token", c.csrf)
	}
	c.mu.Unlock()
	res, err := caller.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= 300 {
		return nil, &refused{method + " " + path, res.StatusCode, string(answer[:min(len(answer), 300)])}
	}
	if out != nil && len(answer) > 0 {
		err = json.Unmarshal(answer, out)
	}
	return res, err
}

// say posts a line or a command.
func (c *client) say(ctx context.Context, room, text string) error {
	return c.call(ctx, "POST", "/rooms/"+room+"/messages", map[string]string{"text": text, "key": rand.Text()}, nil)
}

// connect opens the socket, which is what makes somebody present. It comes back by
// itself, with the session of that moment.
func (c *client) connect() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.socket = centrifuge.NewJsonClient("ws"+strings.TrimPrefix(c.base, "http")+"/api/v1/socket", centrifuge.Config{
		Header: http.Header{"Cookie": {c.cookie}, "User-Agent": {"Muster demo, simulated colleague"}},
	})
	return c.socket.Connect()
}

func (c *client) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.socket != nil {
		c.socket.Close()
	}
}

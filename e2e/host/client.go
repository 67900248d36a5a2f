package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"
)

// Client calls the API as one person, or as the console.
type Client struct {
	URL   string // base of the server
	Token string // empty for the console
	HTTP  *http.Client
}

// Refused is an answer of the API that is no success.
type Refused struct {
	Method, Path string
	Status       int
	Body         string
}

func (r *Refused) Error() string {
	return fmt.Sprintf("%s %s: %d %s", r.Method, r.Path, r.Status, r.Body)
}

// Status is the HTTP status of a refused call, 0 for any other error.
func Status(err error) int {
	if r, ok := errors.AsType[*Refused](err); ok {
		return r.Status
	}
	return 0
}

// Console is a client on the server's admin socket: it may do everything a
// person is not needed for.
func (s *Server) Console() *Client {
	socket := filepath.Join(s.Data, "admin.sock")
	return &Client{URL: "http://muster", HTTP: &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}}
}

// As is a client for the owner of a token.
func (s *Server) As(token string) *Client {
	return &Client{URL: s.URL, Token: token, HTTP: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
}

// Person adds somebody with roles and gives a client in their name.
func (s *Server) Person(ctx context.Context, name string, roles ...string) (*Client, error) {
	console := s.Console()
	if err := console.Call(ctx, "POST", "/users", map[string]any{"name": name, "display": name, "roles": roles}, nil); err != nil {
		return nil, err
	}
	var made struct {
		Token string `json:"token"`
	}
	if err := console.Call(ctx, "POST", "/tokens", map[string]any{"user": name, "name": "from outside"}, &made); err != nil {
		return nil, err
	}
	return s.As(made.Token), nil
}

// Call asks for one operation; path is what follows /api/v1. in and out may be nil.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL+"/api/v1"+path, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return &Refused{Method: method, Path: path, Status: res.StatusCode, Body: string(answer)}
	}
	if out == nil || len(answer) == 0 {
		return nil
	}
	return json.Unmarshal(answer, out)
}

package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"muster/internal/await"
	"muster/internal/httpapi"
)

// soon is how long an event may take; nothing that works takes that long.
const soon = await.Limit

// socket is a client of the live office: the socket's JSON protocol, and all
// it was sent.
type socket struct {
	t    testing.TB
	conn *websocket.Conn

	mu      sync.Mutex
	more    chan struct{} // closed when something came
	events  []event
	replies map[int]map[string]any
	ended   error
	next    int
	beat    chan struct{}
	asleep  bool // answers no beat any more, as a laptop that is closed; the ping is more patient
}

// event is something the server sent by itself.
type event struct {
	channel string
	offset  int
	typ     string // of the payload; "unsubscribe" when the server ended a subscription
	data    map[string]any
	text    string
}

// dial opens a socket; answer is what the server said when it did not let one in.
func (c caller) dial(header http.Header) (*socket, *http.Response, error) {
	c.s.t.Helper()
	return c.dialAt("/socket", header)
}

func (c caller) dialAt(path string, header http.Header) (*socket, *http.Response, error) {
	c.s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	if header == nil {
		header = http.Header{}
	}
	if c.token != "" {
		header.Set("Authorization", "Bearer "+c.token)
	}
	if c.cookie != nil && header.Get("Cookie") == "" {
		header.Set("Cookie", c.cookie.Name+"="+c.cookie.Value)
	}
	conn, res, err := websocket.Dial(ctx, strings.Replace(c.s.URL(), "http", "ws", 1)+httpapi.Base+path, &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		return nil, res, err
	}
	conn.SetReadLimit(8 << 20)
	s := &socket{t: c.s.t, conn: conn, more: make(chan struct{}), beat: make(chan struct{}, 1), replies: map[int]map[string]any{}}
	go s.read()
	c.s.t.Cleanup(func() { _ = conn.CloseNow() })
	return s, res, nil
}

// connect opens a socket and signs in on it.
func (c caller) connect() *socket {
	c.s.t.Helper()
	return c.connectAs(obj{})
}

// connectAs says what a page of the app says of itself, too.
func (c caller) connectAs(hello obj) *socket {
	c.s.t.Helper()
	s, _, err := c.dial(nil)
	if err != nil {
		c.s.t.Fatal(err)
	}
	if r := s.ask(obj{"connect": hello}); r["connect"] == nil {
		c.s.t.Fatalf("connect: %v", r)
	}
	return s
}

func (s *socket) read() {
	for {
		_, frame, err := s.conn.Read(context.Background())
		s.mu.Lock()
		if err != nil {
			s.ended = err
		}
		for line := range bytes.SplitSeq(frame, []byte("\n")) {
			s.line(line)
		}
		close(s.more)
		s.more = make(chan struct{})
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *socket) line(line []byte) {
	var m struct {
		ID   int
		Push *struct {
			Channel string
			Pub     *struct {
				Offset int
				Data   json.RawMessage
			}
			Unsubscribe *struct{ Code int }
			Message     *struct{ Data json.RawMessage }
		}
	}
	if len(bytes.TrimSpace(line)) == 0 || json.Unmarshal(line, &m) != nil {
		return
	}
	switch {
	case m.ID != 0:
		r := map[string]any{}
		_ = json.Unmarshal(line, &r)
		s.replies[m.ID] = r
	case s.asleep && m.Push != nil && m.Push.Message != nil:
	case m.Push != nil && m.Push.Message != nil: // a beat
		select {
		case s.beat <- struct{}{}:
		default:
		}
		go func() {
			_ = s.conn.Write(context.Background(), websocket.MessageText, []byte(`{"send":{"data":{"idle":0}}}`))
		}()
	case m.Push == nil: // a ping
		go func() { _ = s.conn.Write(context.Background(), websocket.MessageText, []byte("{}")) }()
	case m.Push.Unsubscribe != nil:
		s.events = append(s.events, event{channel: m.Push.Channel, typ: "unsubscribe"})
	case m.Push.Pub != nil:
		e := event{channel: m.Push.Channel, offset: m.Push.Pub.Offset, text: string(m.Push.Pub.Data)}
		_ = json.Unmarshal(m.Push.Pub.Data, &e.data)
		e.typ, _ = e.data["type"].(string)
		s.events = append(s.events, e)
	}
}

// until waits for what ready finds in what has come; it fails when the socket
// ends or time is up.
func (s *socket) until(what string, ready func() bool) {
	s.t.Helper()
	late := time.After(soon)
	for {
		s.mu.Lock()
		ok, more, ended := ready(), s.more, s.ended
		s.mu.Unlock()
		if ok {
			return
		}
		if ended != nil {
			s.t.Fatalf("waiting for %s: the socket ended: %v", what, ended)
		}
		select {
		case <-more:
		case <-late:
			s.t.Fatalf("%s did not come; what came: %s", what, s.all())
		}
	}
}

func (s *socket) send(text string) {
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	_ = s.conn.Write(ctx, websocket.MessageText, []byte(text)) // an end shows in reading
}

// ask sends a command and waits for its reply.
func (s *socket) ask(command obj) (reply map[string]any) {
	s.t.Helper()
	s.mu.Lock()
	s.next++
	n := s.next
	s.mu.Unlock()
	command["id"] = n
	b, _ := json.Marshal(command)
	s.send(string(b))
	s.until("the reply to "+string(b), func() bool { reply = s.replies[n]; return reply != nil })
	return reply
}

// refused is the code of an error reply, 0 when it is none.
func refused(reply map[string]any) int {
	e, _ := reply["error"].(map[string]any)
	code, _ := e["code"].(float64)
	return int(code)
}

func (s *socket) subscribe(channel string) int {
	s.t.Helper()
	return refused(s.ask(obj{"subscribe": obj{"channel": channel}}))
}

// follow subscribes and must be let in.
func (s *socket) follow(channel string) {
	s.t.Helper()
	if code := s.subscribe(channel); code != 0 {
		s.t.Fatalf("%s: refused with %d", channel, code)
	}
}

// wait gives the first event that match picks, of those that came and will.
func (s *socket) wait(what string, match func(event) bool) (e event) {
	s.t.Helper()
	s.until(what, func() bool {
		for _, e = range s.events {
			if match(e) {
				return true
			}
		}
		return false
	})
	return e
}

// came is everything so far.
func (s *socket) came() []event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]event(nil), s.events...)
}

func (s *socket) all() string {
	var b strings.Builder
	for _, e := range s.came() {
		b.WriteString("\n  " + e.channel + " " + e.typ + " " + e.text)
	}
	return b.String()
}

// closed waits for the server to close the socket, at most so long, and gives the code.
func (s *socket) closed(within time.Duration) websocket.StatusCode {
	s.t.Helper()
	late := time.After(within)
	for {
		s.mu.Lock()
		ended, more := s.ended, s.more
		s.mu.Unlock()
		if ended != nil {
			if errors.Is(ended, context.Canceled) {
				s.t.Fatal(ended)
			}
			return websocket.CloseStatus(ended)
		}
		select {
		case <-more:
		case <-late:
			s.t.Fatalf("the socket is still open after %s", within)
		}
	}
}

// leave closes it from this side.
func (s *socket) leave() { _ = s.conn.CloseNow() }

func (e event) get(path ...string) any {
	var v any = e.data
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

// presence picks an event that shows a person as so.
func presence(person, state string, room any) func(event) bool {
	return func(e event) bool {
		return e.typ == "presence" && e.get("presence", "user_id") == person && e.get("presence", "state") == state && e.get("presence", "room_id") == room
	}
}

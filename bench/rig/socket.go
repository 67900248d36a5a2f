package rig

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"muster/e2e/host"
)

// Event is what a socket was told, and when it came.
type Event struct {
	At      time.Time
	Channel string
	Data    json.RawMessage
}

// Socket is a connected screen: it speaks what a browser speaks.
type Socket struct {
	conn *websocket.Conn
	hear func(Event)

	mu      sync.Mutex
	next    int
	replies map[int]chan error
	err     error
	ended   chan struct{}
}

// Dial connects as c's person; hear is called for every event, in order, by one
// goroutine: it must be quick.
func Dial(ctx context.Context, c *host.Client, hear func(Event)) (*Socket, error) {
	head := http.Header{}
	head.Set("Authorization", "Bearer "+c.Token)
	conn, _, err := websocket.Dial(ctx, strings.Replace(c.URL, "http", "ws", 1)+"/api/v1/socket", &websocket.DialOptions{HTTPHeader: head})
	if err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	conn.SetReadLimit(16 << 20)
	s := &Socket{conn: conn, hear: hear, replies: map[int]chan error{}, ended: make(chan struct{})}
	go s.read()
	if err := s.ask(ctx, map[string]any{"connect": map[string]any{}}); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Follow subscribes to a channel.
func (s *Socket) Follow(ctx context.Context, channel string) error {
	return s.ask(ctx, map[string]any{"subscribe": map[string]any{"channel": channel}})
}

func (s *Socket) ask(ctx context.Context, command map[string]any) error {
	s.mu.Lock()
	s.next++
	n := s.next
	answer := make(chan error, 1)
	s.replies[n] = answer
	s.mu.Unlock()
	command["id"] = n
	b, err := json.Marshal(command)
	if err != nil {
		return err
	}
	if err := s.conn.Write(ctx, websocket.MessageText, b); err != nil {
		return err
	}
	select {
	case err := <-answer:
		return err
	case <-s.ended:
		return fmt.Errorf("the socket ended: %w", s.Err())
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Socket) read() {
	defer close(s.ended)
	for {
		_, frame, err := s.conn.Read(context.Background())
		if err != nil {
			s.mu.Lock()
			s.err = err
			s.mu.Unlock()
			return
		}
		at := time.Now()
		for line := range bytes.SplitSeq(frame, []byte("\n")) {
			s.line(at, line)
		}
	}
}

func (s *Socket) line(at time.Time, line []byte) {
	var m struct {
		ID    int
		Error *struct {
			Code    int
			Message string
		}
		Push *struct {
			Channel string
			Pub     *struct{ Data json.RawMessage }
		}
	}
	if len(line) == 0 || json.Unmarshal(line, &m) != nil {
		return
	}
	switch {
	case m.ID != 0:
		s.mu.Lock()
		answer := s.replies[m.ID]
		delete(s.replies, m.ID)
		s.mu.Unlock()
		if answer == nil {
			return
		}
		if m.Error != nil {
			answer <- fmt.Errorf("refused with %d: %s", m.Error.Code, m.Error.Message)
			return
		}
		answer <- nil
	case m.Push == nil: // a ping
		go func() { _ = s.conn.Write(context.Background(), websocket.MessageText, []byte("{}")) }()
	case m.Push.Pub != nil && s.hear != nil:
		s.hear(Event{at, m.Push.Channel, m.Push.Pub.Data})
	}
}

// Err is why the socket ended.
func (s *Socket) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		return errors.New("closed")
	}
	return s.err
}

// Close ends it.
func (s *Socket) Close() { _ = s.conn.CloseNow() }

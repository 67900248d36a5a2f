package chat

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// socket is one client of the socket door, as lean as a client can be: the
// generator shares its machine with what it measures.
type socket struct{ conn *websocket.Conn }

func dial(ctx context.Context, url, token string) (*socket, error) {
	return dialThrough(ctx, url, token, func(c net.Conn) net.Conn { return c })
}

func dialThrough(ctx context.Context, url, token string, through func(net.Conn) net.Conn) (*socket, error) {
	s := &socket{}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return through(c), nil
	}}
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, strings.Replace(url, "http", "ws", 1), &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}, HTTPHeader: header})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(8 << 20)
	s.conn = conn
	return s, nil
}

func (s *socket) send(ctx context.Context, text string) error {
	return s.conn.Write(ctx, websocket.MessageText, []byte(text))
}

// each reads lines until the connection ends, and answers pings.
func (s *socket) each(ctx context.Context, line func([]byte)) error {
	for {
		_, data, err := s.conn.Read(ctx)
		if err != nil {
			return err
		}
		for l := range bytes.SplitSeq(data, []byte("\n")) {
			if len(l) == 2 { // "{}": a ping
				if err := s.send(ctx, "{}"); err != nil {
					return err
				}
				continue
			}
			line(l)
		}
	}
}

// follow connects and subscribes to rooms; since gives where to go on in each, if known.
func (s *socket) follow(ctx context.Context, rooms []string, since map[string]position) error {
	if err := s.send(ctx, `{"id":1,"connect":{}}`); err != nil {
		return err
	}
	var all strings.Builder
	for n, r := range rooms {
		if n > 0 {
			all.WriteByte('\n')
		}
		if p, ok := since[r]; ok {
			fmt.Fprintf(&all, `{"id":%d,"subscribe":{"channel":"room:%s","recover":true,"epoch":%q,"offset":%d}}`, n+2, r, p.epoch, p.offset)
			continue
		}
		fmt.Fprintf(&all, `{"id":%d,"subscribe":{"channel":"room:%s"}}`, n+2, r)
	}
	return s.send(ctx, all.String())
}

// position is where a subscription stands.
type position struct {
	epoch  string
	offset uint64
}

// frame is what the server sends, as far as it matters here.
type frame struct {
	ID    int `json:"id"`
	Error *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
	Subscribe *struct {
		Epoch        string        `json:"epoch"`
		Offset       uint64        `json:"offset"`
		Recovered    bool          `json:"recovered"`
		Publications []publication `json:"publications"`
	} `json:"subscribe"`
	Push *struct {
		Channel string       `json:"channel"`
		Pub     *publication `json:"pub"`
	} `json:"push"`
}

type publication struct {
	Offset uint64 `json:"offset"`
	Data   struct {
		Type string `json:"type"`
		Seq  int64  `json:"seq"`
	} `json:"data"`
}

func parse(line []byte) (f frame, err error) {
	err = json.Unmarshal(line, &f)
	if err == nil && f.Error != nil {
		err = fmt.Errorf("the socket refused: %d %s", f.Error.Code, f.Error.Message)
	}
	return f, err
}

// followed reads until every subscription is answered.
func (s *socket) followed(ctx context.Context, n int) error {
	for n > 0 {
		_, data, err := s.conn.Read(ctx)
		if err != nil {
			return err
		}
		for l := range bytes.SplitSeq(data, []byte("\n")) {
			if len(l) == 2 {
				if err := s.send(ctx, "{}"); err != nil {
					return err
				}
				continue
			}
			f, err := parse(l)
			if err != nil {
				return err
			}
			if f.Subscribe != nil {
				n--
			}
		}
	}
	return nil
}

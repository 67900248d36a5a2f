package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/centrifugal/centrifuge-go"

	"muster/e2e/host"
)

// follower is a person's screen: it follows rooms over the socket with the
// protocol's own client, and reads what it missed over HTTP, as the web app does.
type follower struct {
	b      *bank
	name   string
	client *centrifuge.Client
	http   *host.Client
	views  map[string]*view // by room
}

// view is what a follower knows of a room.
type view struct {
	f        *follower
	room     string
	events   chan said // a zero said: read what was missed
	mu       sync.Mutex
	have     int64 // every number up to this is known
	messages map[string]said
}

type said struct {
	ID        string `json:"id"`
	ChangeSeq int64  `json:"change_seq"`
	Text      string `json:"text"`
	Deleted   bool   `json:"deleted"`
}

func (b *bank) follow(n int) error {
	for i := range n {
		c := b.writers[i%len(b.writers)]
		f := &follower{b: b, name: fmt.Sprintf("follower %d", i+1), http: c, views: map[string]*view{}}
		f.client = centrifuge.NewJsonClient("ws"+strings.TrimPrefix(b.srv.URL, "http")+"/api/v1/socket", centrifuge.Config{
			Header: http.Header{"Authorization": {"Bearer " + c.Token}}, MinReconnectDelay: 50 * time.Millisecond, MaxReconnectDelay: time.Second, HandshakeTimeout: 3 * time.Second,
		})
		for _, room := range b.rooms {
			v := &view{f: f, room: room, events: make(chan said, 4096), messages: map[string]said{}}
			f.views[room] = v
			go v.work()
			sub, err := f.client.NewSubscription("room:"+room, centrifuge.SubscriptionConfig{Recoverable: true, MinResubscribeDelay: 50 * time.Millisecond, MaxResubscribeDelay: time.Second})
			if err != nil {
				return err
			}
			sub.OnSubscribed(func(e centrifuge.SubscribedEvent) {
				if e.WasRecovering && e.Recovered {
					b.book.count("subscriptions recovered by the socket", 1)
					return
				}
				v.events <- said{}
			})
			sub.OnPublication(func(e centrifuge.PublicationEvent) {
				var got struct {
					Type    string
					Seq     int64
					Message said
				}
				if json.Unmarshal(e.Data, &got) == nil && got.Type == "message" {
					v.events <- got.Message
				}
			})
			if err := sub.Subscribe(); err != nil {
				return err
			}
		}
		if err := f.client.Connect(); err != nil {
			return err
		}
		b.followers = append(b.followers, f)
	}
	return nil
}

func (v *view) work() {
	for m := range v.events {
		v.mu.Lock()
		have := v.have
		v.mu.Unlock()
		switch {
		case m.ID == "":
			v.catchUp()
		case m.ChangeSeq <= have: // read before it was heard
		case m.ChangeSeq == have+1:
			v.apply(m, m.ChangeSeq)
			v.f.b.book.count("messages heard on sockets", 1)
		default:
			v.catchUp()
			v.f.b.book.count("gaps seen and closed by followers", 1)
		}
	}
}

func (v *view) apply(m said, have int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if m.ID != "" && m.ChangeSeq > v.messages[m.ID].ChangeSeq {
		v.messages[m.ID] = m
	}
	v.have = max(v.have, have)
}

// catchUp reads everything after what is known, however long that takes.
func (v *view) catchUp() {
	for {
		v.mu.Lock()
		have := v.have
		v.mu.Unlock()
		page, err := changes(v.f.http, v.room, have)
		if err != nil {
			time.Sleep(100 * time.Millisecond) // the server is down: nothing tells when it is back
			select {
			case <-v.f.b.closed():
				return
			default:
			}
			continue
		}
		for _, m := range page.Items {
			v.apply(m, 0)
		}
		v.apply(said{}, page.Seq)
		if !page.HasAfter {
			return
		}
	}
}

type changePage struct {
	Items    []said `json:"items"`
	HasAfter bool   `json:"has_after"`
	Seq      int64  `json:"seq"`
}

func changes(c *host.Client, room string, after int64) (p changePage, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err = c.Call(ctx, "GET", fmt.Sprintf("/rooms/%s/messages?changed_after=%d", room, after), nil, &p)
	return p, err
}

// whole reads a room from its first number on.
func whole(c *host.Client, room string) (map[string]said, int64, error) {
	all, after := map[string]said{}, int64(0)
	for {
		p, err := changes(c, room, after)
		if err != nil {
			return nil, 0, err
		}
		for _, m := range p.Items {
			all[m.ID] = m
		}
		if after = p.Seq; !p.HasAfter {
			return all, after, nil
		}
	}
}

// compareFollowers waits until every follower knows the newest number of every
// room, and compares what each pieced together with what the server has.
func (b *bank) compareFollowers() {
	for _, room := range b.rooms {
		truth, seq, err := whole(b.writers[0], room)
		if err != nil {
			b.book.finding("read room: %v", err)
			continue
		}
		for _, f := range b.followers {
			v := f.views[room]
			late := time.Now().Add(20 * time.Second)
			for {
				v.mu.Lock()
				have := v.have
				v.mu.Unlock()
				if have >= seq || time.Now().After(late) {
					break
				}
				time.Sleep(20 * time.Millisecond) // until the follower has read on
			}
			v.mu.Lock()
			if v.have != seq {
				b.book.finding("%s knows room %s up to %d, the room is at %d", f.name, room, v.have, seq)
			}
			lost, other := 0, 0
			for id, m := range truth {
				if got, ok := v.messages[id]; !ok {
					lost++
				} else if got != m {
					other++
				}
			}
			if extra := len(v.messages) - (len(truth) - lost); lost+other+extra > 0 {
				b.book.finding("%s has %d of %d messages missing, %d in another version and %d that are not there in room %s", f.name, lost, len(truth), other, extra, room)
			}
			v.mu.Unlock()
		}
		b.book.count("room views compared", len(b.followers))
	}
}

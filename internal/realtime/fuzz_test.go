package realtime

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/centrifugal/centrifuge"

	"muster/internal/actor"
	"muster/internal/bus"
	"muster/internal/fault"
	"muster/internal/httpapi"
	"muster/internal/incident"
	"muster/internal/message"
	"muster/internal/room"
	"muster/internal/run"
)

// everything shows all there is, and nothing of it.
type everything struct{}

func (everything) OfficeReader(context.Context, actor.Actor) bool { return true }
func (everything) Run(_ context.Context, _ actor.Actor, r run.RunSummary) (run.RunSummary, bool) {
	return r, true
}
func (everything) Incident(_ context.Context, _ actor.Actor, i incident.Incident) (incident.Incident, bool) {
	return i, true
}
func (everything) Presence(context.Context, string) (httpapi.Place, error) {
	return httpapi.Place{}, nil
}
func (everything) Inside(context.Context, string) ([]string, error) { return nil, nil }
func (everything) Floors(context.Context, []actor.Actor) (httpapi.FloorNews, error) {
	return httpapi.FloorNews{}, nil
}
func (everything) Readers(context.Context, room.Room, []actor.Actor) ([]string, error) {
	return nil, nil
}
func (everything) ForGuest(context.Context, actor.Actor, message.Message) (message.Message, bool) {
	return message.Message{}, false
}
func (everything) Visits(context.Context, string) string { return "" }
func (everything) Room(context.Context, room.Room, []actor.Actor) (map[string]any, error) {
	return nil, nil
}
func (everything) RoomNow(context.Context, string) (room.Room, error) { return room.Room{}, nil }
func (everything) Connected(string, string) func()                    { return func() {} }
func (everything) Silent(string, string, bool)                        {}
func (everything) Used(string, string, time.Duration)                 {}

// wire is a transport that keeps what the server sends.
type wire struct {
	mu   sync.Mutex
	sent bytes.Buffer
	end  chan struct{}
	once sync.Once
}

func (*wire) Name() string                                { return "websocket" }
func (*wire) AcceptProtocol() string                      { return "h1" }
func (*wire) Protocol() centrifuge.ProtocolType           { return centrifuge.ProtocolTypeJSON }
func (*wire) ProtocolVersion() centrifuge.ProtocolVersion { return centrifuge.ProtocolVersion2 }
func (*wire) Unidirectional() bool                        { return false }
func (*wire) Emulation() bool                             { return false }
func (*wire) DisabledPushFlags() uint64                   { return centrifuge.PushFlagDisconnect }
func (*wire) PingPongConfig() centrifuge.PingPongConfig {
	return centrifuge.PingPongConfig{PingInterval: time.Hour, PongTimeout: time.Minute}
}
func (w *wire) Write(b []byte) error { return w.WriteMany(b) }
func (w *wire) WriteMany(all ...[]byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range all {
		w.sent.Write(b)
		w.sent.WriteByte('\n')
	}
	return nil
}
func (w *wire) Close(centrifuge.Disconnect) error {
	w.once.Do(func() { close(w.end) })
	return nil
}

// FuzzFrames: whatever a client sends, the socket's own handler answers or ends
// that client. Nobody gets into a channel whose gate is shut, and a client that
// is gone leaves nothing behind.
func FuzzFrames(f *testing.F) {
	shut := fault.New(fault.Denied, "No.")
	gate := func(_ context.Context, _ actor.Actor, thing string) error {
		if thing == "open" {
			return nil
		}
		return shut
	}
	s, err := New(slog.New(slog.DiscardHandler), bus.NewMemory(), everything{}, everything{},
		map[string]Gate{"room": gate, "run": gate, "incident": gate},
		func(_ context.Context, who actor.Actor) (actor.Actor, error) { return who, nil })
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close(context.Background()) })
	const connect = `{"id":1,"connect":{}}`
	for _, frame := range []string{
		connect, connect + "\n" + `{"id":2,"subscribe":{"channel":"room:open"}}`, connect + "\n" + `{"id":2,"subscribe":{"channel":"room:shut"}}`,
		connect + "\n" + `{"id":2,"subscribe":{"channel":"user:eve"}}` + "\n" + `{"id":3,"subscribe":{"channel":"office"}}`,
		connect + "\n" + `{"id":2,"rpc":{"method":"typing","data":{"room_id":"open"}}}`, connect + "\n" + `{"id":2,"publish":{"channel":"office","data":{"pwned":1}}}`,
		connect + "\n" + `{"id":2,"subscribe":{"channel":"room:open","recover":true,"epoch":"x","offset":18446744073709551615}}`,
		connect + "\n" + `{"id":2,"unsubscribe":{"channel":"office"}}` + "\n{}\n{}", connect + "\n" + `{"id":2,"history":{"channel":"room:open","limit":-1}}`,
		connect + "\n" + `{"id":2,"presence":{"channel":"room:open"}}` + "\n" + `{"id":3,"presence_stats":{"channel":"office"}}`,
		connect + "\n" + `{"id":2,"refresh":{"token":"x"}}` + "\n" + `{"id":3,"sub_refresh":{"channel":"room:open","token":"x"}}`,
		`{"id":1,"connect":{"token":"x","data":{"a":1},"subs":{"room:shut":{},"office":{"recover":true}},"name":"js","version":"1"}}`,
		`{"id":1,"connect":{"data":{"beat":true,"idle":1e308}}}` + "\n" + `{"send":{"data":{"idle":-1}}}` + "\n" + `{"send":{"data":{"idle":"x"}}}`,
		`{}`, ``, `[]`, `{"id":4294967296}`, `{"id":-1,"connect":{}}`, connect + connect + connect, `{"id":1,"send":{"data":"x"}}`, "\x00\xff", `{"id":1,"connect":{"data":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}}`,
		connect + "\n" + `{"id":2,"subscribe":{"channel":"room:a\u0000b"}}` + "\n" + `{"id":3,"subscribe":{"channel":"` + strings.Repeat("x", 300) + `"}}`,
	} {
		f.Add([]byte(frame), []byte(nil))
		f.Add([]byte(connect), []byte(frame))
	}
	who := actor.Actor{ID: "u1", Name: "ann", Kind: actor.Person, Session: "s1"}
	ctx := context.WithValue(context.Background(), whoKey{}, who)
	ctx = centrifuge.SetCredentials(ctx, &centrifuge.Credentials{UserID: who.ID, ExpireAt: time.Now().Add(24 * time.Hour).Unix()})
	n := 0
	var before runtime.MemStats
	f.Fuzz(func(t *testing.T, one, two []byte) {
		if len(one)+len(two) > 64<<10 {
			return // the socket reads no more
		}
		w := &wire{end: make(chan struct{})}
		c, leave, err := centrifuge.NewClient(ctx, s.node, w)
		if err != nil {
			t.Fatal(err)
		}
		for _, frame := range [][]byte{one, two} {
			if frame != nil && !centrifuge.HandleReadFrame(c, bytes.NewReader(frame)) {
				break
			}
		}
		for _, channel := range c.Channels() {
			if channel != "office" && channel != "user:u1" && !strings.HasSuffix(channel, ":open") {
				t.Fatalf("%q and %q let it into %s", one, two, channel)
			}
		}
		if err := leave(); err != nil {
			t.Fatal(err)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if strings.Contains(w.sent.String(), "pwned") || w.sent.Len() > 256<<10 {
			t.Fatalf("%q and %q are answered with %.2000q", one, two, w.sent.String())
		}
		for line := range bytes.Lines(w.sent.Bytes()) {
			if !json.Valid(line) {
				t.Fatalf("%q is no answer", line)
			}
		}
		// Now and then: who is gone is forgotten.
		switch n++; {
		case n == 2000:
			runtime.GC()
			runtime.ReadMemStats(&before)
		case n%20000 == 0:
			for range 100 { // what a client began may still be on its way
				if s.Connections() == 0 && runtime.NumGoroutine() < 200 {
					break
				}
				runtime.Gosched()
				time.Sleep(10 * time.Millisecond)
			}
			var now runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&now)
			if c, g := s.Connections(), runtime.NumGoroutine(); c > 0 || g >= 200 || now.HeapAlloc > before.HeapAlloc+64<<20 {
				t.Fatalf("after %d inputs: %d connections, %d goroutines, %d KiB in use where %d were at first", n, c, g, now.HeapAlloc>>10, before.HeapAlloc>>10)
			}
		}
	})
}

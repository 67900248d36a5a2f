package call_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"muster/internal/await"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/blob"
	"muster/internal/bus"
	"muster/internal/call"
	"muster/internal/call/livekit"
	"muster/internal/call/livekit/livekittest"
	"muster/internal/call/livekit/peer"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/httpapi"
	"muster/internal/ledger"
	"muster/internal/message"
	"muster/internal/notify"
	"muster/internal/office"
	"muster/internal/room"
	"muster/internal/task"
)

// This program is also the media process of its own tests, as muster is.
func TestMain(m *testing.M) {
	livekittest.Main()
	if len(os.Args) == 2 && os.Args[1] == "media" {
		if err := livekit.Main(context.Background(), os.Stdin, os.Stdout); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var ctx = context.Background()

// world is a small office that talks: real stores on a real database, a real
// engine, and a door in front of it.
type world struct {
	*testing.T
	db       *db.DB
	clock    *clock.Test
	bus      *bus.Memory
	ledger   *ledger.Ledger
	access   *access.Access
	accounts *account.Store
	rooms    *room.Store
	messages *message.Store
	office   *office.Store
	tasks    *task.Queue
	blobs    *disk
	deps     call.Deps
	calls    *call.Store
	server   *httptest.Server

	admin, ann, bob, eve actor.Actor // eve only observes
	tokens               map[string]string

	mu      sync.Mutex
	told    map[string]call.Call // by room, as last published
	reacted []string
	changed chan struct{}
}

// open makes an office with the engine that make gives; nil for one in this process.
func open(t *testing.T, make_ func(*world) call.Engine) *world {
	t.Helper()
	w := &world{T: t, db: dbtest.Open(t), clock: clock.NewTest(time.Now().UTC().Truncate(time.Second)), bus: bus.NewMemory(), tokens: map[string]string{}, told: map[string]call.Call{}, changed: make(chan struct{})}
	// The clock runs, and jumps when a test says so.
	ticking := time.NewTicker(50 * time.Millisecond)
	over := make(chan struct{})
	t.Cleanup(func() { ticking.Stop(); close(over) })
	go func() {
		for {
			select {
			case <-ticking.C:
				w.clock.Advance(50 * time.Millisecond)
			case <-over:
				return
			}
		}
	}()
	quiet := slog.New(slog.DiscardHandler)
	keys, _, err := ledger.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	w.ledger = ledger.New(w.clock, w.bus, keys)
	w.access = access.New(w.db, w.ledger, w.clock, quiet)
	w.access.OnTurn(func() { w.bus.Publish("policies", "") })
	w.accounts = account.New(w.db, w.access, w.ledger, w.bus, w.clock)
	w.rooms = room.NewStore(w.access, w.ledger, w.bus, w.clock)
	w.messages = message.NewStore(w.rooms, w.accounts, w.ledger, w.bus, w.clock, nil)
	w.tasks = task.New(w.db, w.clock, quiet, 4)
	w.office = office.New(w.rooms, w.accounts, notify.NewStore(w.db, w.tasks, w.clock, w.bus, w.accounts, notify.Settings{}, quiet), w.messages, w.access, w.ledger, w.tasks, w.bus, w.clock)
	w.office.RegisterTasks(w.db)
	w.admin, w.ann, w.bob, w.eve = w.person("root", "administrator"), w.person("ann", "responder"), w.person("bob", "responder"), w.person("eve", "observer")
	w.bus.Subscribe(w.hear)

	var e call.Engine
	if make_ != nil {
		e = make_(w)
	} else if e, err = livekit.NewLocal(livekit.Settings{Local: true}, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	kept, err := blob.OpenDisk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w.blobs = &disk{Store: kept}
	w.deps = call.Deps{
		Blobs: w.blobs, Tasks: w.tasks, Settings: call.Settings{KeepDays: 90},
		Access: w.access, Ledger: w.ledger, DB: w.db, Bus: w.bus, Clock: w.clock, Accounts: w.accounts,
		Rooms: w.rooms, Messages: w.messages, Office: w.office, Engine: e, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	w.start(e)
	return w
}

// start begins, as Muster does when it starts.
func (w *world) start(e call.Engine) {
	w.Helper()
	w.mu.Lock()
	w.told = map[string]call.Call{}
	w.mu.Unlock()
	w.deps.Engine = e
	calls := call.New(w.deps)
	calls.RegisterTasks()
	w.calls = calls
	if err := calls.Start(ctx); err != nil {
		w.Fatal(err)
	}
	core := httpapi.Core{DB: w.db, Access: w.access, Log: w.deps.Log, PublicURL: func() string { return "http://muster.test" }}
	api := httpapi.New(core, httpapi.AccountAuthenticator(core, w.accounts))
	httpapi.RegisterCalls(api, httpapi.CallDeps{Calls: calls})
	api.Mux().Handle("/media/", httpapi.Signalling(api, calls))
	server := httptest.NewServer(api.Handler())
	w.server = server
	w.Cleanup(func() { // a second end does nothing
		server.CloseClientConnections()
		server.Close()
		if w.calls == calls {
			w.stop()
		}
	})
	w.until("the engine is ready", func() bool { return calls.State() == call.Ready })
}

func (w *world) stop() {
	w.Helper()
	calls := w.calls
	w.calls = nil
	if err := calls.Close(ctx); err != nil {
		w.Error(err)
	}
}

func (w *world) hear(topic string, payload any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch p := payload.(type) {
	case call.Call:
		w.told[p.RoomID] = p
	case map[string]any:
		if p["type"] == "reaction" {
			w.reacted = append(w.reacted, topic)
		}
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

// until waits for something to come true: what the bus tells, or what somebody
// connected is told, of which the bus does not know.
func (w *world) until(what string, is func() bool) {
	w.Helper()
	end := time.After(await.Limit)
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		w.mu.Lock()
		changed := w.changed
		w.mu.Unlock()
		if is() {
			return
		}
		select {
		case <-changed:
		case <-look.C:
		case <-end:
			w.mu.Lock()
			defer w.mu.Unlock()
			b, _ := json.MarshalIndent(w.told, "", " ")
			w.Fatalf("it never came that %s\n%s", what, b)
		}
	}
}

// in is somebody in the call of a room as last told; a zero one when they are not.
func (w *world) in(r room.Room, who actor.Actor) call.Person {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.told[r.ID].People {
		if p.UserID == who.ID {
			return p
		}
	}
	return call.Person{}
}

func (w *world) person(name string, roles ...string) actor.Actor {
	w.Helper()
	var u account.User
	w.must(func(tx *db.Tx) (err error) {
		u, err = w.accounts.Create(ctx, tx, actor.System("test"), account.NewUser{Name: name, Display: "The " + name, Roles: roles})
		return err
	})
	a := u.Actor()
	a.Door = "web"
	return a
}

func (w *world) must(fn func(tx *db.Tx) error) {
	w.Helper()
	if err := w.db.Do(ctx, fn); err != nil {
		w.Fatal(err)
	}
}

func (w *world) try(fn func(tx *db.Tx) error) error { return w.db.Do(ctx, fn) }

func (w *world) room(in room.New) (r room.Room) {
	w.Helper()
	w.must(func(tx *db.Tx) (err error) { r, err = w.rooms.Create(ctx, tx, w.admin, in); return err })
	return r
}

func (w *world) enter(r room.Room, all ...actor.Actor) {
	w.Helper()
	for _, who := range all {
		w.must(func(tx *db.Tx) error { _, err := w.office.Enter(ctx, tx, who, r.ID, 0); return err })
	}
}

// sign gives the header that somebody signs in with.
func (w *world) sign(who actor.Actor) http.Header {
	w.Helper()
	if w.tokens[who.ID] == "" {
		w.must(func(tx *db.Tx) error {
			secret, _, err := w.accounts.CreateToken(ctx, tx, who, who.ID, "test", 1)
			w.tokens[who.ID] = secret
			return err
		})
	}
	return http.Header{"Authorization": {"Bearer " + w.tokens[who.ID]}}
}

func (w *world) ticket(who actor.Actor, r room.Room, m call.Mode) call.Ticket {
	w.Helper()
	t, err := w.calls.Join(ctx, w.db.Read(), who, r.ID, m, false)
	if err != nil {
		w.Fatal(err)
	}
	return t
}

func (w *world) connect(who actor.Actor, token string) (*peer.Peer, error) {
	w.Helper()
	ctx, stop := context.WithTimeout(ctx, await.Limit)
	defer stop()
	p, err := peer.Connect(ctx, peer.Options{URL: w.server.URL + "/media", Token: token, Header: w.sign(who)})
	if err == nil {
		w.Cleanup(func() {
			if err := p.Close(); err != nil {
				w.Error(err)
			}
		})
	}
	return p, err
}

// join puts somebody into a call, and waits until that shows.
func (w *world) join(who actor.Actor, r room.Room, m call.Mode) *peer.Peer {
	w.Helper()
	p, err := w.connect(who, w.ticket(who, r, m).Token)
	if err != nil {
		w.Fatal(err)
	}
	w.until(who.Name+" is in the call", func() bool { return w.in(r, who).Mode == m })
	return p
}

func (w *world) speak(p *peer.Peer) *peer.Sender {
	w.Helper()
	ctx, stop := context.WithTimeout(ctx, await.Limit)
	defer stop()
	s, err := p.Speak(ctx, peer.Tone())
	if err != nil {
		w.Fatal(err)
	}
	return s
}

// hears waits until one hears more of another than so far.
func (w *world) hears(p *peer.Peer, who actor.Actor) {
	w.Helper()
	ctx, stop := context.WithTimeout(ctx, await.Limit)
	defer stop()
	before := p.Hears(who.ID)
	if err := p.Wait(ctx, func() bool { return p.Hears(who.ID) > before+5 }); err != nil {
		w.Fatalf("%s is not heard: %v", who.Name, err)
	}
}

// disk fails when told to.
type disk struct {
	blob.Store
	full atomic.Bool
}

func (d *disk) Put(ctx context.Context, key string, data []byte) error {
	if d.full.Load() {
		return errors.New("no space left on device")
	}
	return d.Store.Put(ctx, key, data)
}

// out waits until a connection is ended by the engine.
func (w *world) out(p *peer.Peer) {
	w.Helper()
	select {
	case <-p.Done():
	case <-time.After(await.Limit):
		w.Fatal("their media goes on")
	}
	var gone *peer.Gone
	if !errors.As(p.Err(), &gone) || gone.Reason != "PARTICIPANT_REMOVED" {
		w.Error(p.Err())
	}
}

// removed takes what a connection came to that is to be put out: at times it is
// before it stands.
func (w *world) removed(p *peer.Peer, err error) {
	w.Helper()
	var gone *peer.Gone
	switch {
	case err == nil:
		w.Cleanup(func() { _ = p.Close() })
		w.out(p)
	case !errors.As(err, &gone) || gone.Reason != "PARTICIPANT_REMOVED":
		w.Fatal(err)
	}
}

// refused wants a connection to be refused with a status.
func (w *world) refused(who actor.Actor, token string, status int) {
	w.Helper()
	if _, err := w.connect(who, token); err == nil {
		w.Fatal(who.Name + " was let in")
	} else if w.isRefused(err, status) {
		return
	} else {
		w.Errorf("%s: want %d, got %v", who.Name, status, err)
	}
}

func (w *world) isRefused(err error, status int) bool {
	var no *peer.Refused
	return errors.As(err, &no) && no.Status == status && no.Detail != ""
}

// events are those of calls in the ledger, as "Kind actor".
func (w *world) events() []string {
	w.Helper()
	out, err := db.All(ctx, w.db.Read(), func(sc db.Scanner) (string, error) {
		var kind, by string
		err := sc.Scan(&kind, &by)
		for _, a := range []actor.Actor{w.admin, w.ann, w.bob, w.eve} {
			if by == a.ID {
				by = a.Name
			}
		}
		return strings.TrimPrefix(kind, "call.") + " " + by, err
	}, `SELECT kind, actor FROM ledger_event WHERE kind LIKE 'call.%' ORDER BY n`)
	if err != nil {
		w.Fatal(err)
	}
	return out
}

// written waits until the ledger says exactly this of calls, in any order.
func (w *world) written(want ...string) {
	w.Helper()
	slices.Sort(want)
	var got []string
	end := time.Now().Add(await.Limit)
	for !slices.Equal(got, want) {
		if time.Now().After(end) {
			w.Fatalf("the ledger says of calls\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		time.Sleep(20 * time.Millisecond) // the clerk writes in its own time, and nothing tells of it
		got = w.events()
		slices.Sort(got)
	}
}

func (w *world) notes(r room.Room) (out []string) {
	w.Helper()
	out, err := db.All(ctx, w.db.Read(), db.Strings, `SELECT text FROM message WHERE room = $1 AND kind = 'system' ORDER BY seq`, r.ID)
	if err != nil {
		w.Fatal(err)
	}
	return out
}

func child(w *world) call.Engine {
	self, err := os.Executable()
	if err != nil {
		w.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "m") // a socket's path is short
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = os.RemoveAll(folder) })
	c, err := livekit.NewChild(livekit.Settings{Local: true}, []string{self, "media"}, filepath.Join(folder, "m.sock"), slog.New(slog.DiscardHandler))
	if err != nil {
		w.Fatal(err)
	}
	return c
}

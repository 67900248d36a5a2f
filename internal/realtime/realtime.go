// Package realtime is the socket door: it lets a signed-in client subscribe to
// what it may read, and carries what the bus says to the screens concerned.
//
// Nothing here is a source of truth: a client that missed something sees a gap
// in a room's numbers, or reconnects, and reads the rest over HTTP. What not
// everybody may see (private rooms, runs, incidents) is sent to the persons who
// may, each on their own channel, never on the channel of all.
package realtime

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
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

// Gate says whether who may follow the thing of this kind (room, run, incident).
type Gate func(ctx context.Context, who actor.Actor, thing string) error

// Views composes what screens are shown of things the bus only names.
type Views interface {
	// OfficeReader says whether who may follow the office as a whole.
	OfficeReader(ctx context.Context, who actor.Actor) bool
	// Run is what who is told of a run; ok is false for nothing.
	Run(ctx context.Context, who actor.Actor, r run.RunSummary) (_ run.RunSummary, ok bool)
	// Incident is what who is told of one; ok is false for nothing.
	Incident(ctx context.Context, who actor.Actor, i incident.Incident) (_ incident.Incident, ok bool)
	// Presence is where a person is and how.
	Presence(ctx context.Context, person string) (httpapi.Place, error)
	// Inside lists who sits in a room.
	Inside(ctx context.Context, roomID string) ([]string, error)
	// Floors gives every floor as it is now, and who among people does not see all.
	Floors(ctx context.Context, people []actor.Actor) (httpapi.FloorNews, error)
	// Readers picks the ids of those among people who may read a room.
	Readers(ctx context.Context, r room.Room, people []actor.Actor) ([]string, error)
	// Room is a room by the id of who is shown it; whoever is to forget it gets
	// it as archived, and who never knew of it is not in the answer.
	Room(ctx context.Context, r room.Room, people []actor.Actor) (map[string]any, error)
	// ForGuest is a message as a guest may read it; ok is false for nothing.
	ForGuest(ctx context.Context, who actor.Actor, m message.Message) (_ message.Message, ok bool)
	// Visits gives the room a guest is in now; "" for none.
	Visits(ctx context.Context, guest string) string
	// RoomNow reads a room.
	RoomNow(ctx context.Context, roomID string) (room.Room, error)
}

// Seats is told of connections: that one came, whether it answers, and how long
// ago something was done on the device.
type Seats interface {
	Connected(person, connection string) (gone func())
	Silent(person, connection string, silent bool)
	Used(person, connection string, ago time.Duration)
}

// Recheck resolves a person's session again: fault.Unauthenticated when it has ended.
type Recheck func(ctx context.Context, who actor.Actor) (actor.Actor, error)

// Server is the socket door.
type Server struct {
	node    *centrifuge.Node
	log     *slog.Logger
	views   Views
	seats   Seats
	gates   map[string]Gate
	recheck Recheck
	cancel  func()
	measures

	mu         sync.Mutex
	clients    map[*centrifuge.Client]actor.Actor
	closing    bool
	perPerson  map[string]int
	opening    map[string]opening
	audiences  map[string]audience // by room
	generation int                 // of who may read what
	asking     chan struct{}       // bounds how many subscriptions are looked up at once
	left       chan struct{}       // a client was closed
	pulses     map[*centrifuge.Client]*pulse
	slots      int
	talking    map[string]map[string]bool // who is in the call of a room, as last told
	stood      map[string]string          // in which room each person was, as guests were told last

	pendingMu sync.Mutex
	pending   map[string]func(context.Context)
	order     []string
	wake      chan struct{}
	stop      chan struct{}
	done      chan struct{}
}

// recheckEvery is how long a socket lives on what its session was.
const recheckEvery = 5 * time.Minute

// New makes the door and begins to listen to the bus.
func New(log *slog.Logger, b bus.Bus, views Views, seats Seats, gates map[string]Gate, recheck Recheck) (*Server, error) {
	node, err := centrifuge.New(centrifuge.Config{
		LogLevel:           centrifuge.LogLevelError,
		LogHandler:         func(e centrifuge.LogEntry) { log.Error("socket: "+e.Message, "fields", e.Fields) },
		ClientQueueMaxSize: 1 << 20, // a client this far behind is closed with code 3008, comes back and reads on over HTTP
		ClientChannelLimit: 256,
		ChannelMaxLength:   128,
	})
	if err != nil {
		return nil, err
	}
	s := &Server{
		node: node, log: log, views: views, seats: seats, gates: gates, recheck: recheck,
		clients: map[*centrifuge.Client]actor.Actor{}, perPerson: map[string]int{}, opening: map[string]opening{}, audiences: map[string]audience{},
		pulses: map[*centrifuge.Client]*pulse{}, talking: map[string]map[string]bool{}, stood: map[string]string{},
		asking: make(chan struct{}, 16), pending: map[string]func(context.Context){},
		left: make(chan struct{}, 1), wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	node.OnConnecting(s.connecting)
	node.OnConnect(s.connected)
	node.OnTransportWrite(func(_ *centrifuge.Client, e centrifuge.TransportWriteEvent) bool {
		s.frames.Add(1)
		s.bytes.Add(int64(len(e.Data)))
		return true
	})
	if err := node.Run(); err != nil {
		return nil, err
	}
	go s.compose()
	go s.pump()
	s.cancel = b.Subscribe(s.heard)
	return s, nil
}

// Close tells every client to come back, and ends its socket. A client waits for
// a time of its own choosing before it does, so that they do not come all at once.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true // and who is only coming in is told so there
	open := slices.Collect(maps.Keys(s.clients))
	s.mu.Unlock()
	for _, c := range open {
		c.Disconnect(restarting)
	}
	s.emptied(ctx)
	s.cancel()
	close(s.stop)
	<-s.done
	return s.node.Shutdown(ctx)
}

// emptied waits until every client was told why it was closed: what the node
// closes when it ends is told another reason.
func (s *Server) emptied(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout+time.Second)
	defer cancel()
	for {
		s.mu.Lock()
		left := len(s.clients)
		s.mu.Unlock()
		if left == 0 && s.Connections() == 0 {
			return
		}
		select {
		case <-s.left:
		case <-ctx.Done():
			return
		}
	}
}

// Connections is how many sockets are open.
func (s *Server) Connections() int { return s.node.Hub().NumClients() }

// writeTimeout is how long a client may take to be told something.
const writeTimeout = 5 * time.Second

// MaxPerPerson is how many sockets a person has open at once: a window, a phone
// or a script each. One more is closed with code 4501.
const MaxPerPerson = 20

type whoKey struct{}

// Handler serves the socket. It stands behind httpapi's sign-in.
func (s *Server) Handler() http.Handler {
	ws := centrifuge.NewWebsocketHandler(s.node, centrifuge.WebsocketConfig{
		MessageSizeLimit: 64 << 10,
		WriteTimeout:     writeTimeout,
		PingPongConfig:   centrifuge.PingPongConfig{PingInterval: 5 * time.Second, PongTimeout: 3 * time.Second},
		// CheckOrigin unset: a page of another origin is refused here too.
		// Most sockets are silent most of the time: a buffer for writing is held
		// while one writes, and clients say little.
		ReadBufferSize: 512, UseWriteBufferPool: true,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := httpapi.Who(r.Context())
		if err != nil {
			httpapi.WriteProblem(w, r, err)
			return
		}
		if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
			httpapi.WriteProblem(w, r, fault.New(fault.Invalid, "This address is a WebSocket. Connect to it with a client that speaks the protocol described in the guide."))
			return
		}
		if err := httpapi.SameOrigin(r); err != nil {
			httpapi.WriteProblem(w, r, err)
			return
		}
		if !s.opens(who.ID) {
			httpapi.WriteProblem(w, r, fault.Later(fault.RateLimited, 5*time.Second, "You open connections faster than any screen does."))
			return
		}
		ctx := r.Context()
		if r.ProtoMajor == 1 {
			// The socket outlives its request. What the request's context holds (the
			// response, the connection's buffers) would live as long.
			ctx = context.Background()
		}
		ctx = context.WithValue(ctx, whoKey{}, who)
		ctx = centrifuge.SetCredentials(ctx, &centrifuge.Credentials{UserID: who.ID, ExpireAt: time.Now().Add(recheckEvery).Unix()})
		upgrade := r.WithContext(ctx)
		ws.ServeHTTP(w, upgrade)
		if r.ProtoMajor == 1 { // the library keeps it, for its context
			upgrade.Header, upgrade.URL, upgrade.TLS = nil, nil, nil
		}
	})
}

// How many sockets one person may open at once, and each second from then on:
// MaxPerPerson counts those that connected, and others live for some seconds.
const openAtOnce, openEach = 60.0, 10.0

// opening is how many more a person may open.
type opening struct {
	left float64
	at   time.Time
}

func (s *Server) opens(person string) bool {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.opening) > 10_000 {
		for k, o := range s.opening {
			if now.Sub(o.at).Seconds()*openEach > openAtOnce {
				delete(s.opening, k)
			}
		}
	}
	o, ok := s.opening[person]
	if !ok {
		o = opening{openAtOnce, now}
	}
	o.left = min(openAtOnce, o.left+now.Sub(o.at).Seconds()*openEach)
	o.at = now
	may := o.left >= 1
	if may {
		o.left--
	}
	s.opening[person] = o
	return may
}

func whoOf(ctx context.Context) actor.Actor { who, _ := ctx.Value(whoKey{}).(actor.Actor); return who }

func (s *Server) connecting(ctx context.Context, e centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
	who := whoOf(ctx)
	if who.ID == "" {
		return centrifuge.ConnectReply{}, centrifuge.DisconnectInvalidToken
	}
	subs := map[string]centrifuge.SubscribeOptions{"user:" + who.ID: {}}
	// Asked by a goroutine of its own: a stack that the database made deep would
	// stay with the socket's reader.
	reads := make(chan bool, 1)
	go func() { reads <- who.Kind != actor.Guest && s.views.OfficeReader(ctx, who) }()
	if <-reads {
		subs["office"] = centrifuge.SubscribeOptions{}
	}
	var h hello
	if len(e.Data) > 0 && len(e.Data) <= 200 {
		_ = json.Unmarshal(e.Data, &h) // what is not understood is not said
	}
	return centrifuge.ConnectReply{Subscriptions: subs, Context: context.WithValue(ctx, helloKey{}, h)}, nil
}

func (s *Server) connected(c *centrifuge.Client) {
	who := whoOf(c.Context())
	s.mu.Lock()
	many, closing := s.perPerson[who.ID] >= MaxPerPerson, s.closing
	if !many {
		s.clients[c] = who
		if s.perPerson[who.ID]++; s.perPerson[who.ID] == 1 {
			s.generation++
			clear(s.audiences)
		}
	}
	s.mu.Unlock()
	if many {
		c.Disconnect(tooMany)
		return
	}
	gone := func() {}
	if who.Kind == actor.Person || who.Kind == actor.Guest {
		left := s.seats.Connected(who.ID, c.ID())
		still := s.feel(c, who.ID)
		gone = func() { still(); left() }
	}
	// What ended or changed between this request's sign-in and now found no
	// socket to close.
	go s.confirm(c, who)

	c.OnDisconnect(func(e centrifuge.DisconnectEvent) {
		gone()
		defer func() {
			select {
			case s.left <- struct{}{}:
			default:
			}
		}()
		s.closed.Inc(strconv.FormatUint(uint64(e.Code), 10))
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.clients, c)
		if s.perPerson[who.ID]--; s.perPerson[who.ID] == 0 {
			delete(s.perPerson, who.ID)
			s.generation++
			clear(s.audiences)
		}
	})
	if s.opened.Inc(); closing {
		c.Disconnect(restarting)
		return
	}
	c.OnRefresh(func(_ centrifuge.RefreshEvent, reply centrifuge.RefreshCallback) {
		if _, err := s.recheck(c.Context(), who); err != nil {
			reply(centrifuge.RefreshReply{Expired: true}, nil)
			return
		}
		go s.review(c.Context(), c, who) // policies may have changed
		reply(centrifuge.RefreshReply{ExpireAt: time.Now().Add(recheckEvery).Unix()}, nil)
	})
	asks := budget{left: burst}
	c.OnSubscribe(func(e centrifuge.SubscribeEvent, reply centrifuge.SubscribeCallback) {
		if !asks.take() {
			reply(centrifuge.SubscribeReply{}, centrifuge.ErrorTooManyRequests)
			return
		}
		go func() { // not in the reader: the check asks the database
			// When everybody comes back at once, their questions wait here and
			// not in the database, where others work.
			s.asking <- struct{}{}
			defer func() { <-s.asking }()
			before := s.now()
			if err := s.allowed(c.Context(), who, e.Channel); err != nil {
				reply(centrifuge.SubscribeReply{}, socketError(err))
				return
			}
			reply(centrifuge.SubscribeReply{Options: centrifuge.SubscribeOptions{EnableRecovery: strings.HasPrefix(e.Channel, "room:")}}, nil)
			// Whoever was put out in between found no subscription to end.
			if s.now() != before && barred(s.allowed(c.Context(), who, e.Channel)) {
				c.Unsubscribe(e.Channel)
			}
		}()
	})
	c.OnRPC(func(e centrifuge.RPCEvent, reply centrifuge.RPCCallback) {
		if e.Method != "typing" {
			reply(centrifuge.RPCReply{}, centrifuge.ErrorMethodNotFound)
			return
		}
		if !asks.take() {
			reply(centrifuge.RPCReply{}, centrifuge.ErrorTooManyRequests)
			return
		}
		var in struct {
			Room string `json:"room_id"`
		}
		if json.Unmarshal(e.Data, &in) != nil || !c.IsSubscribed("room:"+in.Room) {
			reply(centrifuge.RPCReply{}, centrifuge.ErrorPermissionDenied)
			return
		}
		s.send("room:"+in.Room, map[string]string{"type": "typing", "user_id": who.ID}, false)
		reply(centrifuge.RPCReply{}, nil)
	})
}

// now is the generation of who may read what.
func (s *Server) now() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.generation
}

func (s *Server) allowed(ctx context.Context, who actor.Actor, channel string) error {
	who, err := s.recheck(ctx, who) // roles may have changed since the socket opened
	if err != nil {
		return err
	}
	kind, thing, _ := strings.Cut(channel, ":")
	gate := s.gates[kind]
	if who.Kind == actor.Guest {
		gate = nil // what is theirs to hear comes on their own channel: a room's tells of its history, too
	}
	if gate == nil || thing == "" || strings.IndexByte(thing, 0) >= 0 {
		return fault.New(fault.NotFound, "There is no such channel.")
	}
	return gate(ctx, who, thing)
}

func socketError(err error) error {
	switch fault.KindOf(err) {
	case fault.Denied, fault.NotFound, fault.Unauthenticated:
		return centrifuge.ErrorPermissionDenied
	}
	return centrifuge.ErrorInternal
}

// Codes of ours: from 4500 on a client does not come back by itself. 3000 must not
// be used: the library takes it for a connection that broke, and sends nothing.
var (
	sessionEnded = centrifuge.Disconnect{Code: 4500, Reason: "session ended"}
	tooMany      = centrifuge.Disconnect{Code: 4501, Reason: "too many connections of this person"}
	rolesChanged = centrifuge.Disconnect{Code: 4000, Reason: "roles changed"}
	restarting   = centrifuge.Disconnect{Code: 4001, Reason: "server restarts"}
)

// confirm closes a socket whose session ended, or whose person got other roles,
// while it was being opened.
func (s *Server) confirm(c *centrifuge.Client, who actor.Actor) {
	now, err := s.recheck(c.Context(), who)
	switch {
	case err == nil && !slices.Equal(slices.Sorted(slices.Values(now.Groups)), slices.Sorted(slices.Values(who.Groups))):
		c.Disconnect(rolesChanged)
	case barred(err): // and when it cannot be told, the next refresh asks again
		c.Disconnect(sessionEnded)
	}
}

// review ends a client's subscriptions to what its person may not follow any more.
func (s *Server) review(ctx context.Context, c *centrifuge.Client, who actor.Actor) {
	for _, channel := range c.Channels() {
		kind, thing, _ := strings.Cut(channel, ":")
		switch gate := s.gates[kind]; {
		case channel == "office" && !s.views.OfficeReader(ctx, who), gate != nil && barred(gate(ctx, who, thing)):
			c.Unsubscribe(channel)
		}
	}
}

func barred(err error) bool { return err != nil && fault.KindOf(err) != fault.Internal }

// disconnect closes the sockets of one session.
func (s *Server) disconnect(session string) {
	for c := range s.connectedAs(func(who actor.Actor) bool { return who.Session == session }) {
		c.Disconnect(sessionEnded)
	}
}

// connectedAs gives the clients whose person is picked, with who that is.
func (s *Server) connectedAs(pick func(actor.Actor) bool) map[*centrifuge.Client]actor.Actor {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[*centrifuge.Client]actor.Actor{}
	for c, who := range s.clients {
		if pick(who) {
			out[c] = who
		}
	}
	return out
}

// A client may ask for this much at once, and this much a second.
const burst, perSecond = 300, 20

// budget bounds how often one client makes the server ask its database. It is
// used by the client's reader only.
type budget struct {
	left float64
	at   time.Time
}

func (b *budget) take() bool {
	now := time.Now()
	if !b.at.IsZero() {
		b.left = min(burst, b.left+now.Sub(b.at).Seconds()*perSecond)
	}
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// send publishes to a channel; room channels keep a short history, so that a
// client that lost its connection for a moment is given what it missed.
func (s *Server) send(channel string, payload any, keep bool) {
	data, err := json.Marshal(payload)
	if err != nil {
		s.log.Error("encode for the socket", "channel", channel, "error", err)
		return
	}
	var opts []centrifuge.PublishOption
	if keep {
		opts = append(opts, centrifuge.WithHistory(100, time.Minute))
	}
	if !listed(channel, payload) {
		s.log.Error("kinds.json does not list an event that is sent", "channel", channel, "bytes", len(data))
	}
	if _, err := s.node.Publish(channel, data, opts...); err != nil && !errors.Is(err, context.Canceled) {
		s.log.Error("publish to the socket", "channel", channel, "error", err)
	}
}

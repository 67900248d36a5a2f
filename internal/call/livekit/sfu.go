package livekit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/livekit/livekit-server/pkg/agent"
	"github.com/livekit/livekit-server/pkg/config"
	"github.com/livekit/livekit-server/pkg/routing"
	"github.com/livekit/livekit-server/pkg/rtc"
	"github.com/livekit/livekit-server/pkg/rtc/types"
	"github.com/livekit/livekit-server/pkg/service"
	"github.com/livekit/livekit-server/pkg/telemetry"
	"github.com/livekit/livekit-server/pkg/telemetry/prometheus"
	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/logger"
	"github.com/livekit/protocol/rpc"
	"github.com/livekit/protocol/utils"
	"github.com/livekit/protocol/utils/xtwirp"
	"github.com/livekit/psrpc"
	"github.com/pion/turn/v5"

	"muster/internal/call"
)

// sfu is LiveKit's selective forwarding unit, put together from its exported
// constructors so that its signalling is an http.Handler: LiveKit's own server
// would open a listener and hide its routes.
type sfu struct {
	router  routing.Router
	store   *service.LocalStore
	io      *service.IOInfoService
	rooms   *service.RoomManager
	signal  *service.SignalServer
	turn    *turn.Server
	handler http.Handler

	arrived map[string]arrival // by connection; used by who asks what is seen, one at a time

	stop chan struct{}
	wg   sync.WaitGroup
}

func newSFU(s Settings) (*sfu, error) {
	text, err := s.yaml()
	if err != nil {
		return nil, err
	}
	conf, err := config.NewConfig(text, true, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("media settings: %w", err)
	}
	if err := conf.ValidateKeys(); err != nil {
		return nil, fmt.Errorf("media settings: %w", err)
	}
	node, err := routing.NewLocalNode(conf)
	if err != nil {
		return nil, err
	}
	// The service counts from its construction on.
	if err := prometheus.Init(string(node.NodeID()), node.NodeType()); err != nil {
		return nil, err
	}
	e := &sfu{store: service.NewLocalStore(), arrived: map[string]arrival{}, stop: make(chan struct{})}
	bus := psrpc.NewLocalMessageBus()
	signals, err := routing.NewSignalClient(node.NodeID(), bus, conf.SignalRelay)
	if err != nil {
		return nil, err
	}
	params := rpc.NewClientParams(conf.PSRPC, bus, logger.GetLogger(), rpc.PSRPCMetricsObserver{})
	managers, err := routing.NewRoomManagerClient(params, conf.Room)
	if err != nil {
		return nil, err
	}
	alive, err := rpc.NewKeepalivePubSub(params)
	if err != nil {
		return nil, err
	}
	e.router = routing.CreateRouter(nil, node, signals, managers, alive, conf.NodeStats)
	allocator, err := service.NewRoomAllocator(conf, e.router, e.store)
	if err != nil {
		return nil, err
	}
	egress, err := rpc.NewEgressClient(params)
	if err != nil {
		return nil, err
	}
	keys := auth.NewFileBasedKeyProviderFromMap(conf.Keys)
	tel := telemetry.NewTelemetryService(nil, telemetry.NewAnalyticsService(conf, node))
	if e.io, err = service.NewIOInfoService(bus, nil, nil, nil, tel); err != nil {
		return nil, err
	}
	launcher := service.NewEgressLauncher(egress, e.io, e.store)
	roomClient, err := rpc.NewTypedRoomClient(params)
	if err != nil {
		return nil, err
	}
	participants, err := rpc.NewTypedParticipantClient(params)
	if err != nil {
		return nil, err
	}
	admin, err := service.NewRoomService(conf.Limit, conf.API, e.router, allocator, e.store, launcher, rpc.NewTopicFormatter(), roomClient, participants)
	if err != nil {
		return nil, err
	}
	signalling := service.NewRTCService(conf, allocator, e.router, tel)
	agents, err := agent.NewAgentClient(bus, conf.Agents)
	if err != nil {
		return nil, err
	}
	turnAuth := service.NewTURNAuthHandler(keys)
	if e.rooms, err = service.NewLocalRoomManager(conf, e.store, node, e.router, allocator, tel, agents, e.store,
		launcher, utils.NewDefaultTimedVersionGenerator(), turnAuth, bus, nil); err != nil {
		return nil, err
	}
	if e.signal, err = service.NewDefaultSignalServer(node, bus, conf.SignalRelay, e.router, e.rooms); err != nil {
		return nil, err
	}
	if conf.TURN.Enabled {
		if e.turn, err = newTURN(s, turnAuth.HandleAuth); err != nil {
			return nil, err
		}
	}
	mux := http.NewServeMux()
	xtwirp.RegisterServer(mux, livekit.NewRoomServiceServer(admin))
	signalling.SetupRoutes(mux)
	keyed := service.NewAPIKeyAuthMiddleware(keys)
	e.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { keyed.ServeHTTP(w, r, mux.ServeHTTP) })
	return e, nil
}

func (e *sfu) start() error {
	for _, step := range []func() error{e.router.RemoveDeadNodes, e.router.RegisterNode, e.router.Start, e.io.Start, e.signal.Start} {
		if err := step(); err != nil {
			return fmt.Errorf("start media: %w", err)
		}
	}
	e.wg.Go(func() {
		t := time.NewTicker(time.Second)
		defer t.Stop()
		for {
			select {
			case <-e.stop:
				return
			case <-t.C:
				e.rooms.CloseIdleRooms()
			}
		}
	})
	return nil
}

// close ends every room at once: browsers are told that the server goes, and
// come back to the next.
func (e *sfu) close() error {
	e.router.Drain()
	close(e.stop)
	e.wg.Wait()
	e.router.Stop()
	e.rooms.Stop()
	e.signal.Stop()
	e.io.Stop()
	var errs []error
	if e.turn != nil {
		errs = append(errs, e.turn.Close())
	}
	return errors.Join(append(errs, e.router.UnregisterNode())...)
}

// seen is what the SFU carries now.
func (e *sfu) seen(ctx context.Context) (call.Seen, error) {
	rooms, err := e.store.ListRooms(ctx, nil)
	if err != nil {
		return nil, err
	}
	out, now, there := call.Seen{}, time.Now(), map[string]bool{}
	for _, r := range rooms {
		if live := e.rooms.GetRoom(ctx, livekit.RoomName(r.Name)); live != nil {
			if peers := e.peersOf(live, now, there); len(peers) > 0 {
				out[r.Name] = peers
			}
		}
	}
	maps.DeleteFunc(e.arrived, func(sid string, _ arrival) bool { return !there[sid] })
	return out, nil
}

// arrival is what came of a connection's media so far, and when more did last.
type arrival struct {
	packets     uint64
	last, asked time.Time
}

const (
	arrivesFor = time.Second            // how long a packet shows that somebody is there
	countEvery = 250 * time.Millisecond // counting is not free
)

// arrives says whether media of somebody comes in.
func (e *sfu) arrives(p types.LocalParticipant, now time.Time, there map[string]bool) bool {
	sid := string(p.ID())
	there[sid] = true
	a := e.arrived[sid]
	if now.Sub(a.asked) >= countEvery {
		var n uint64
		for _, t := range p.GetPublishedTracks() {
			for _, r := range t.Receivers() {
				n += uint64(r.GetTrackStats().GetPackets())
			}
		}
		if n > a.packets {
			a.last = now
		}
		a.packets, a.asked = n, now
		e.arrived[sid] = a
	}
	return now.Sub(a.last) < arrivesFor
}

func (e *sfu) peersOf(r *rtc.Room, now time.Time, there map[string]bool) []call.Peer {
	var out []call.Peer
	for _, p := range r.GetParticipants() {
		info := p.ToProto()
		if hidden(info) || info.State != livekit.ParticipantInfo_ACTIVE && info.State != livekit.ParticipantInfo_JOINED || p.IsDisconnected() {
			continue
		}
		peer := peerOf(info)
		_, peer.Speaking = p.GetAudioLevel()
		peer.Speaking = peer.Speaking && peer.Mic
		peer.Arrives = e.arrives(p, now, there)
		if q := p.GetConnectionQuality(); q != nil && info.State == livekit.ParticipantInfo_ACTIVE {
			peer.Quality = qualities[q.Quality]
		}
		out = append(out, peer)
	}
	return sorted(out)
}

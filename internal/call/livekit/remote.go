package livekit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/twitchtv/twirp"

	"muster/internal/call"
	"muster/internal/fault"
)

const askEvery = time.Second

// Remote is a LiveKit that runs elsewhere. Its API does not tell who is
// speaking, so Muster's maps don't show it; those in the call see it themselves.
type Remote struct {
	admin
	browsers string // wss://…
	log      *slog.Logger
	state    atomic.Value // call.State
	stop     context.CancelFunc
	stopped  chan struct{}
}

// NewRemote makes an engine of the LiveKit at address (https://… or http://…),
// which c reaches.
func NewRemote(address, key, secret string, c *http.Client, log *slog.Logger) *Remote {
	address = strings.TrimRight(address, "/")
	r := &Remote{admin: newAdmin(keyring{key, secret}, address, c), browsers: "ws" + strings.TrimPrefix(address, "http"), log: log, stopped: make(chan struct{})}
	r.state.Store(call.Starting)
	return r
}

// Start asks what it carries until Close.
func (r *Remote) Start(heard func(call.State, call.Seen)) error {
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go func() {
		defer close(r.stopped)
		t := time.NewTicker(askEvery)
		defer t.Stop()
		for {
			seen, err := r.seen(ctx)
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				if r.state.Swap(call.Starting) != call.Starting {
					r.log.Error("LiveKit does not answer", "error", err)
				}
				heard(call.Starting, nil)
			default:
				r.state.Store(call.Ready)
				heard(call.Ready, seen)
			}
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
		}
	}()
	return nil
}

func (r *Remote) seen(ctx context.Context) (call.Seen, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	as, err := r.as(ctx, "")
	if err != nil {
		return nil, err
	}
	rooms, err := r.rooms.ListRooms(as, &livekit.ListRoomsRequest{})
	if err != nil {
		return nil, fmt.Errorf("list calls: %w", err)
	}
	out := call.Seen{}
	for _, room := range rooms.Rooms {
		if as, err = r.as(ctx, room.Name); err != nil {
			return nil, err
		}
		in, err := r.rooms.ListParticipants(as, &livekit.ListParticipantsRequest{Room: room.Name})
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list participants: %w", err)
		}
		for _, p := range in.Participants {
			if !hidden(p) {
				peer := peerOf(p)
				peer.SignIn = r.unseal(p.Attributes[signIn])
				out[room.Name] = append(out[room.Name], peer)
			}
		}
		sorted(out[room.Name])
	}
	return out, nil
}

// Ask says what keeps Muster from using it; nil for nothing.
func (r *Remote) Ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	ctx, err := r.as(ctx, "")
	if err != nil {
		return err
	}
	_, err = r.rooms.ListRooms(ctx, &livekit.ListRoomsRequest{})
	var e twirp.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() {
	case twirp.Unauthenticated, twirp.PermissionDenied:
		return fault.New(fault.Denied, "It does not accept the key. Look at media.key and media.secret, and at the clocks of both machines.")
	case twirp.BadRoute, twirp.NotFound, twirp.Malformed:
		return fault.New(fault.Invalid, "What answers there is no LiveKit. Look at media.url.")
	}
	return fault.Wrap(fault.Unavailable, "It does not answer. Look at media.url, the firewall between, and outbound.services.", err)
}

// State of the engine.
func (r *Remote) State() call.State { return r.state.Load().(call.State) }

// Issue makes a ticket.
func (r *Remote) Issue(g call.Grant) (call.Ticket, error) {
	by, err := r.seal(g.SignIn)
	if err != nil {
		return call.Ticket{}, err
	}
	token, err := r.issue(g, map[string]string{signIn: by})
	return call.Ticket{URL: r.browsers, Token: token, Expires: time.Now().Add(tokenLife)}, err
}

// Read reads a ticket's token.
func (r *Remote) Read(token string) (call.Grant, error) { return r.read(token) }

// Signalling is elsewhere.
func (r *Remote) Signalling() http.Handler { return nil }

// Close asks no more.
func (r *Remote) Close(context.Context) error {
	if r.stop != nil {
		r.stop()
		<-r.stopped
	}
	return nil
}

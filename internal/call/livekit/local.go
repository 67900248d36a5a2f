package livekit

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"path/filepath"
	"sync/atomic"
	"time"

	"log/slog"

	"muster/internal/call"
)

// Local is an engine in this process, for tests: what it breaks, breaks them.
type Local struct {
	admin
	settings Settings
	path     string
	proxy    *httputil.ReverseProxy
	state    atomic.Value // call.State
	stop     context.CancelFunc
	done     chan error
}

// NewLocal makes an engine that keeps its socket in a folder.
func NewLocal(s Settings, folder string) (*Local, error) {
	k, err := s.complete()
	if err != nil {
		return nil, err
	}
	l := &Local{settings: s, path: filepath.Join(folder, "media.sock"), done: make(chan error, 1)}
	l.state.Store(call.Starting)
	tr := unixTransport(l.path)
	l.admin = newAdmin(k, "http://media", &http.Client{Transport: tr, Timeout: 5 * time.Second})
	l.proxy = newProxy(tr, slog.New(slog.DiscardHandler))
	return l, nil
}

// Start runs it until Close.
func (l *Local) Start(heard func(call.State, call.Seen)) error {
	ln, err := net.Listen("unix", l.path)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	go func() {
		l.done <- serve(ctx, l.settings, ln, func(seen call.Seen) error {
			l.state.Store(call.Ready)
			heard(call.Ready, seen)
			return nil
		})
	}()
	return nil
}

// State of the engine.
func (l *Local) State() call.State { return l.state.Load().(call.State) }

// Issue makes a ticket.
func (l *Local) Issue(g call.Grant) (call.Ticket, error) {
	token, err := l.issue(g, nil)
	return call.Ticket{URL: "/media", Token: token, Expires: time.Now().Add(tokenLife)}, err
}

// Read reads a ticket's token.
func (l *Local) Read(token string) (call.Grant, error) { return l.read(token) }

// Signalling serves the browsers' connections.
func (l *Local) Signalling() http.Handler { return http.StripPrefix("/media", l.proxy) }

// Close ends it.
func (l *Local) Close(context.Context) error {
	if l.stop == nil {
		return nil
	}
	l.stop()
	return <-l.done
}

// Package app puts Muster together: it alone knows which implementation of
// each seam is used. Other programs (tests, the command line) embed it.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/alert"
	"muster/internal/approval"
	"muster/internal/backup"
	"muster/internal/blob"
	"muster/internal/bus"
	"muster/internal/call"
	"muster/internal/clock"
	"muster/internal/command"
	"muster/internal/config"
	"muster/internal/db"
	"muster/internal/demo"
	"muster/internal/executor/sshd"
	"muster/internal/httpapi"
	"muster/internal/incident"
	"muster/internal/job"
	"muster/internal/key"
	"muster/internal/ledger"
	"muster/internal/message"
	"muster/internal/meter"
	"muster/internal/node"
	"muster/internal/notify"
	"muster/internal/office"
	"muster/internal/oncall"
	"muster/internal/realtime"
	"muster/internal/room"
	"muster/internal/run"
	"muster/internal/task"
)

// Version of this build; the linker sets it.
var Version = "dev"

// App is a running Muster.
type App struct {
	cfg config.Config
	log *slog.Logger
	url string           // as people reach it
	own []netip.AddrPort // what this server listens on

	DB        *db.DB
	Clock     clock.Clock
	Bus       *bus.Memory
	Ledger    *ledger.Ledger
	Access    *access.Access
	Accounts  *account.Store
	Keys      *key.Store
	Approvals *approval.Store
	Notify    *notify.Store
	Rooms     *room.Store
	Messages  *message.Store
	Office    *office.Store
	Calls     *call.Store
	Nodes     *node.Store
	Jobs      *job.Store
	Runs      *run.Store
	Oncall    *oncall.Store
	Incidents *incident.Store
	Alerts    *alert.Store
	Commands  *command.Commands
	Tasks     *task.Queue

	API     *httpapi.API
	socket  *realtime.Server
	blobs   *blob.Disk
	hosts   map[string]*sshd.Server // the demo's machines
	logins  []login                 // of the demo, to be printed
	work    atomic.Pointer[demo.Office]
	servers []*http.Server
	closers []func() error
	looked  chan struct{}
	unsound atomic.Bool // the record is not what was sealed
	failed  chan error
	wg      sync.WaitGroup

	meter    *meter.Meter
	tally    *tally
	certEnd  atomic.Int64 // when the HTTPS certificate ends, in Unix seconds; 0: there is none yet
	stopping atomic.Bool
	once     sync.Once // of stopping
}

// URL is where people reach this server, without a slash at the end.
func (a *App) URL() string { return a.url }

// Looked is closed when the look at the record after the start is over.
func (a *App) Looked() <-chan struct{} { return a.looked }

// Failed gives the error that ended serving, if one does.
func (a *App) Failed() <-chan error { return a.failed }

// Start opens the data folder and serves it. Stop ends it.
func Start(ctx context.Context, cfg config.Config, log *slog.Logger) (_ *App, err error) {
	a := &App{cfg: cfg, log: log, failed: make(chan error, 4), looked: make(chan struct{}), meter: meter.New()}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
		}
	}()
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	// It may have been there before, open to others; the database is in it.
	// #nosec G302 -- a folder has to be entered by its owner
	if err := os.Chmod(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("close the data folder to others: %w", err)
	}
	if err := a.alone(); err != nil {
		return nil, err
	}
	if backup.Unfinished(cfg.Data) {
		return nil, fmt.Errorf("a restore into %s was broken off; run muster restore again, or start on another folder", cfg.Data)
	}
	if a.DB, err = db.Open(ctx, cfg.DatabaseURL()); err != nil {
		return nil, err
	}
	a.closers = append(a.closers, a.DB.Close)
	if err := a.compose(); err != nil {
		return nil, err
	}
	ln, err := a.listen()
	if err != nil {
		return nil, err
	}
	if cfg.Demo {
		if err := a.startDemo(ctx); err != nil {
			return nil, err
		}
	}
	if err := a.Keys.Ready(ctx, a.DB.Read()); err != nil {
		return nil, err
	}
	if err := a.settleRestore(ctx); err != nil {
		return nil, err
	}
	if err := a.recordStart(ctx); err != nil {
		return nil, err
	}
	if err := a.Office.GroundFloor(ctx); err != nil {
		return nil, err
	}
	watching, rest := context.WithCancel(context.WithoutCancel(ctx))
	watched := make(chan struct{})
	go func() { a.Access.Watch(watching); close(watched) }()
	go a.watchRecord(watching)
	a.closers = append(a.closers, func() error { rest(); <-watched; <-a.looked; return nil })
	if err := a.Calls.Start(ctx); err != nil {
		return nil, err
	}
	a.closers = append(a.closers, func() error { return a.Calls.Close(context.WithoutCancel(ctx)) })
	if err := a.Alerts.Watch(ctx); err != nil {
		return nil, err
	}
	if err := a.Notify.Watch(ctx); err != nil {
		return nil, err
	}
	if err := a.DB.Do(ctx, func(tx *db.Tx) error { return a.Incidents.Watch(ctx, tx) }); err != nil {
		return nil, err
	}
	a.Runs.Start()
	a.Tasks.Start()
	// Runs end before the queue does: it waits for their handlers.
	a.closers = append(a.closers, func() error { a.Tasks.Stop(); return nil }, func() error { a.Runs.Close(); return nil })
	if err := a.serve(ln, a.API.Handler()); err != nil {
		return nil, err
	}
	if err = a.serveConsole(); err == nil {
		a.startWork(ctx)
	}
	debug.FreeOSMemory() // migrations and the API's description were made of much that is not needed again
	return a, err
}

// alone refuses a second server on the same data folder.
func (a *App) alone() error {
	f, err := os.OpenFile(filepath.Join(a.cfg.Data, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock the data folder: %w", err)
	}
	if err := lock(f); err != nil {
		_ = f.Close()
		return fmt.Errorf("another Muster already runs on %s; stop it first, or give another folder with --data", a.cfg.Data)
	}
	a.closers = append(a.closers, f.Close)
	return nil
}

func (a *App) listen() (net.Listener, error) {
	ln, err := net.Listen("tcp", a.cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w; give another address with --addr", a.cfg.Addr, err)
	}
	if t, ok := ln.Addr().(*net.TCPAddr); ok {
		a.own = append(a.own, t.AddrPort())
	}
	scheme := "http"
	switch {
	case a.cfg.TLS.ACME.AcceptTerms:
		scheme = "https"
		secured, err := a.acmeListener(ln)
		if err != nil {
			_ = ln.Close()
			return nil, err
		}
		ln = secured
	case a.cfg.TLS.Cert != "" || !a.cfg.Loopback():
		pair, err := certificate(a.cfg)
		if err != nil {
			_ = ln.Close()
			return nil, err
		}
		scheme = "https"
		if pair.Leaf != nil {
			a.certEnd.Store(pair.Leaf.NotAfter.Unix())
		}
		ln = tlsListener(ln, pair)
	}
	a.url = a.cfg.PublicURL
	if a.url == "" {
		host, port, _ := net.SplitHostPort(ln.Addr().String())
		if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
			if host, err = os.Hostname(); err != nil {
				host = "localhost"
			}
		}
		a.url = scheme + "://" + net.JoinHostPort(host, port)
	}
	return ln, nil
}

func (a *App) serve(ln net.Listener, h http.Handler) error {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		WriteTimeout:      2 * time.Minute, // who does not read is let go; a socket and a long log set their own
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	a.servers = append(a.servers, s)
	a.wg.Go(func() {
		if err := s.Serve(ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
			a.failed <- fmt.Errorf("serve %s: %w", ln.Addr(), err)
		}
	})
	return nil
}

// serveConsole opens the admin socket: whoever may write to it is the machine's administrator.
func (a *App) serveConsole() error {
	path := filepath.Join(a.cfg.Data, "admin.sock")
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("open the admin socket: %w", err)
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("open the admin socket (its path must be short): %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = ln.Close()
		return fmt.Errorf("open the admin socket: %w", err)
	}
	return a.serve(ln, a.console())
}

// Stop ends serving without losing anything that was acknowledged. From its first
// moment /readyz says 503. Runs that go on have cfg.Shutdown.Runs to end, while
// everybody works on; then no connection is taken, sockets are told to come back,
// requests are answered, tasks handed back, and everything is closed. When ctx
// ends, nothing is waited for any longer.
// A second call does nothing.
func (a *App) Stop(ctx context.Context) (err error) {
	a.once.Do(func() { err = a.stop(ctx) })
	return err
}

func (a *App) stop(ctx context.Context) error {
	a.stopping.Store(true)
	if work := a.work.Swap(nil); work != nil {
		_ = work.Close() // before what they are clients of
	}
	if a.Runs != nil && a.cfg.Shutdown.Runs > 0 {
		drain, cancel := context.WithTimeout(ctx, a.cfg.Shutdown.Runs)
		if left := a.Runs.Drain(drain); left > 0 {
			a.log.Warn("runs are stopped: they did not end in time", "runs", left, "waited", a.cfg.Shutdown.Runs)
		}
		cancel()
	}
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Shutdown.Requests)
	defer cancel()
	cut := make([]error, len(a.servers))
	var requests sync.WaitGroup
	for i, s := range a.servers {
		requests.Go(func() {
			// Shutdown closes the listener first; sockets are no longer its own.
			if err := s.Shutdown(ctx); err != nil {
				cut[i] = fmt.Errorf("requests did not end within %s and were cut off: %w", a.cfg.Shutdown.Requests, errors.Join(err, s.Close()))
			}
		})
	}
	var errs []error
	if a.socket != nil {
		if err := a.socket.Close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("close the sockets: %w", err))
		}
	}
	requests.Wait()
	a.wg.Wait()
	errs = append(errs, cut...)
	for i := len(a.closers) - 1; i >= 0; i-- {
		errs = append(errs, a.closers[i]())
	}
	return errors.Join(errs...)
}

// recheck finds out whether a socket's person may still be connected, and with which roles.
func (a *App) recheck(ctx context.Context, who actor.Actor) (actor.Actor, error) {
	if who.IsSystem() {
		return who, nil
	}
	if who.Kind == actor.Guest { // one who waits has a socket, too, and no account yet
		v, err := a.Office.VisitOf(ctx, a.DB.Read(), who.ID)
		if err == nil && v.State != "waiting" && v.State != "inside" {
			err = errWrongPlace
		}
		return who, err
	}
	now, err := a.Accounts.ActorOf(ctx, a.DB.Read(), who.ID)
	if err != nil {
		return who, err
	}
	alive, err := a.Accounts.Alive(ctx, a.DB.Read(), who.Session)
	if err != nil {
		return who, err
	}
	if !alive {
		return who, errWrongPlace
	}
	if err := a.Accounts.Open(ctx, who.Session); err != nil {
		a.log.ErrorContext(ctx, "note an open page", "session", who.Session, "error", err)
	}
	return now.By(who), nil
}

package livekit

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"muster/internal/call"
	"muster/internal/freeport"
)

const (
	firstWait = 100 * time.Millisecond // before a dead child is started again; doubled each time
	lastWait  = 10 * time.Second
	steady    = time.Minute      // from when on a child counts as one that works
	hung      = 10 * time.Second // without a word from the child
	childEnd  = 3 * time.Second  // for a child to end when told to
)

// Child is an engine in a supervised process of its own: LiveKit ends its
// process when something in it panics, and that must not be Muster's.
type Child struct {
	admin
	settings Settings
	command  []string
	log      *slog.Logger
	ln       *net.UnixListener
	proxy    *httputil.ReverseProxy

	state   atomic.Value // call.State
	pid     atomic.Int64
	starts  atomic.Int64
	stop    context.CancelFunc
	stopped chan struct{}
	once    sync.Once
}

// NewChild makes an engine whose child is started as command (this program with
// the argument that leads to Main) and listens on a Unix socket at path. Ports
// that are 0 are chosen now; the key is made now.
func NewChild(s Settings, command []string, path string, log *slog.Logger) (*Child, error) {
	k, err := s.complete()
	if err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open the media socket: %w", err)
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("open the media socket (its path must be short): %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("open the media socket: %w", err), ln.Close())
	}
	c := &Child{settings: s, command: command, log: log, ln: ln, stopped: make(chan struct{})}
	c.settings.Key, c.settings.Secret = k.key, k.secret
	c.settings.UDPPort, c.settings.TCPPort = s.UDPPort, s.TCPPort
	c.state.Store(call.Starting)
	tr := unixTransport(path)
	c.admin = newAdmin(k, "http://media", &http.Client{Transport: tr, Timeout: 5 * time.Second})
	c.proxy = newProxy(tr, log)
	return c, nil
}

// complete fills in what may be left open: key, secret, ports.
func (s *Settings) complete() (keyring, error) {
	s.Key, s.Secret = "muster", rand.Text()+rand.Text()
	if s.UDPPort == 0 {
		var err error
		if s.UDPPort, err = freeport.UDP(); err != nil {
			return keyring{}, fmt.Errorf("find a UDP port for media: %w", err)
		}
	}
	if s.TCPPort == 0 {
		var err error
		if s.TCPPort, err = freeport.TCP(); err != nil {
			return keyring{}, fmt.Errorf("find a TCP port for media: %w", err)
		}
	}
	return keyring{s.Key, s.Secret}, nil
}

func unixTransport(path string) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "unix", path)
		},
		ResponseHeaderTimeout: 5 * time.Second, // a child that is being restarted is waited for
		MaxIdleConns:          8,
		IdleConnTimeout:       30 * time.Second,
	}
}

func newProxy(tr http.RoundTripper, log *slog.Logger) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport: tr,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "media"})
			// A sign-in is no business of the engine's, which would take the
			// token of one for a ticket.
			r.Out.Header.Del("Cookie")
			r.Out.Header.Del("Authorization")
			// With this the engine makes up another identity for the same ticket.
			q := r.Out.URL.Query()
			q.Del("publish")
			r.Out.URL.RawQuery = q.Encode()
		},
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				log.Warn("media signalling", "error", err)
			}
			w.WriteHeader(http.StatusBadGateway)
		},
	}
}

// Start keeps a child running until Close.
func (c *Child) Start(heard func(call.State, call.Seen)) error {
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	go c.keep(ctx, heard)
	return nil
}

func (c *Child) keep(ctx context.Context, heard func(call.State, call.Seen)) {
	defer close(c.stopped)
	wait := firstWait
	for ctx.Err() == nil {
		began := time.Now()
		err := c.one(ctx, func(seen call.Seen) {
			c.state.Store(call.Ready)
			heard(call.Ready, seen)
		})
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > steady {
			wait = firstWait
		}
		c.state.Store(call.Starting)
		heard(call.Starting, nil)
		c.log.Error("the media process ended and is started again; calls come back by themselves", "error", err, "in", wait)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, lastWait)
	}
}

// one runs one child to its end.
func (c *Child) one(ctx context.Context, tell func(call.Seen)) error {
	file, err := c.ln.File()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, c.command[0], c.command[1:]...) // #nosec G204 -- this program itself
	cmd.ExtraFiles = []*os.File{file}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GOMEMLIMIT=" + os.Getenv("GOMEMLIMIT")}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = childEnd
	// The kernel ends the child with the thread that made it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own(cmd)
	said := &tail{}
	cmd.Stderr = said
	in, err := cmd.StdinPipe()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	err = cmd.Start()
	_ = file.Close()
	if err != nil {
		return err
	}
	c.pid.Store(int64(cmd.Process.Pid))
	c.starts.Add(1)
	defer c.pid.Store(0)
	silence := time.AfterFunc(hung, func() { _ = cmd.Process.Kill() })
	defer silence.Stop()
	err = json.NewEncoder(in).Encode(c.settings)
	lines := bufio.NewScanner(out)
	lines.Buffer(make([]byte, 64<<10), 16<<20)
	for err == nil && lines.Scan() {
		silence.Reset(hung)
		var seen call.Seen
		if err = json.Unmarshal(lines.Bytes(), &seen); err == nil {
			tell(seen)
		}
	}
	if err = errors.Join(err, lines.Err()); err != nil {
		_ = cmd.Process.Kill()
	}
	_, _ = io.Copy(io.Discard, out)
	return errors.Join(err, cmd.Wait(), said.error())
}

// tail keeps the end of what a child says to standard error.
type tail struct {
	mu   sync.Mutex
	last []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, p...)
	if over := len(t.last) - 2048; over > 0 {
		t.last = t.last[over:]
	}
	return len(p), nil
}

func (t *tail) error() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.last) == 0 {
		return nil
	}
	return errors.New(string(t.last))
}

// State of the child.
func (c *Child) State() call.State { return c.state.Load().(call.State) }

// PID of the child; 0 while there is none.
func (c *Child) PID() int { return int(c.pid.Load()) }

// Restarts counts children that had to be replaced.
func (c *Child) Restarts() int64 { return max(0, c.starts.Load()-1) }

// Ports are the UDP and the TCP port of media.
func (c *Child) Ports() (udp, tcp int) { return c.settings.UDPPort, c.settings.TCPPort }

// Issue makes a ticket.
func (c *Child) Issue(g call.Grant) (call.Ticket, error) {
	token, err := c.issue(g, nil)
	return call.Ticket{URL: "/media", Token: token, Expires: time.Now().Add(tokenLife)}, err
}

// Read reads a ticket's token.
func (c *Child) Read(token string) (call.Grant, error) { return c.read(token) }

// Signalling passes browsers' connections on to the child.
func (c *Child) Signalling() http.Handler { return http.StripPrefix("/media", c.proxy) }

// Close ends the child: it tells browsers that it goes.
func (c *Child) Close(context.Context) (err error) {
	c.once.Do(func() {
		if c.stop != nil {
			c.stop()
			<-c.stopped
		}
		err = c.ln.Close()
	})
	return err
}

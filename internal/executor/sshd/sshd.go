// Package sshd starts real OpenSSH servers on loopback, each from a folder of
// its own: host key, authorised key, configuration, log. Tests run against
// them, and the demo office uses them as the machines of its bank.
//
// Invariant: a server touches nothing outside its folder (apart from /run/sshd,
// which sshd demands of root), listens on loopback only, lets in one user by
// one key, and ends with Stop. Muster itself never needs this package.
package sshd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"muster/internal/fault"
	"muster/internal/freeport"
)

// Options say what server to start.
type Options struct {
	// Dir holds everything of this server. What is there already (keys) is used
	// again, so a server keeps its identity over restarts.
	Dir string
	// Port to listen on; 0 takes a free one.
	Port int
	// Addresses of loopback to listen on, all at Port; empty means 127.0.0.1. The
	// first is the server's Addr. sshd takes 16.
	Addresses []string
	// PrivateKey lets several servers share one key for logging in (PEM); empty
	// means a key of this server's own.
	PrivateKey []byte
	// Env is set in every session, so that servers on one machine can differ.
	// HOME is a folder of the server's own unless set here: the login files of
	// whoever runs this are nobody's machine.
	Env map[string]string
	// MaxSessions per connection; 0 is sshd's default (10).
	MaxSessions int
}

// Server is a running sshd.
type Server struct {
	Port     int
	Addr     string // 127.0.0.1:port, or the first of the addresses
	Username string
	// PrivateKey logs in (OpenSSH PEM); PublicKey is its authorised line.
	PrivateKey []byte
	PublicKey  string
	// HostKey is the key part ("ssh-ed25519 AAAA…"), KnownHosts a whole line an address.
	HostKey, KnownHosts string
	LogFile             string

	cmd   *exec.Cmd
	ended chan struct{}
	once  sync.Once
}

// Find gives sshd's path, or an error that says how to install it.
func Find() (string, error) {
	if p, err := exec.LookPath("sshd"); err == nil {
		return filepath.Abs(p) // sshd insists on an absolute path to start itself again
	}
	for _, p := range []string{"/usr/sbin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd", "/usr/bin/sshd"} {
		if st, err := os.Stat(p); err == nil && !st.IsDir() && st.Mode()&0o111 != 0 {
			return p, nil
		}
	}
	return "", fault.New(fault.Unavailable, "OpenSSH's server (sshd) is not installed. Install it: apt-get install openssh-server")
}

// Start starts a server and returns when it listens.
func Start(ctx context.Context, o Options) (*Server, error) {
	bin, err := Find()
	if err != nil {
		return nil, err
	}
	me, err := user.Current()
	if err != nil {
		return nil, fmt.Errorf("find out who runs sshd: %w", err)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("sshd folder: %w", err)
	}
	if strings.ContainsAny(dir, "\"\n%") {
		return nil, fault.New(fault.Invalid, "The folder "+strconv.Quote(dir)+" cannot hold an sshd configuration: choose one without quotes, percent signs and newlines.")
	}
	// #nosec G301 -- sshd refuses a home or privilege folder that others cannot enter
	if err := os.MkdirAll(filepath.Join(dir, "home"), 0o755); err != nil {
		return nil, fmt.Errorf("sshd folder: %w", err)
	}
	if os.Geteuid() == 0 {
		// A root sshd locks its unprivileged half in here and refuses to start without it.
		// #nosec G301 -- sshd refuses a home or privilege folder that others cannot enter
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			return nil, fmt.Errorf("make sshd's privilege separation folder: %w", err)
		}
	}
	if len(o.Addresses) == 0 {
		o.Addresses = []string{"127.0.0.1"}
	}
	for _, a := range o.Addresses {
		if ip := net.ParseIP(a); ip == nil || !ip.IsLoopback() {
			return nil, fault.New(fault.Invalid, "The address "+strconv.Quote(a)+" is not of loopback. Choose one such as 127.0.0.2.")
		}
	}
	s := &Server{Username: me.Username, LogFile: filepath.Join(dir, "sshd.log")}
	if err := s.keys(dir, o.PrivateKey); err != nil {
		return nil, err
	}
	endLeftover(dir)
	// On another address of loopback somebody may hold the port all the same.
	for try := 0; ; try++ {
		s.Port = o.Port
		if s.Port == 0 {
			if s.Port, err = freeport.TCP(); err != nil {
				return nil, err
			}
		}
		s.Addr = net.JoinHostPort(o.Addresses[0], strconv.Itoa(s.Port))
		s.KnownHosts = ""
		for _, a := range o.Addresses {
			s.KnownHosts += "[" + a + "]:" + strconv.Itoa(s.Port) + " " + s.HostKey + "\n"
		}
		s.KnownHosts = strings.TrimSpace(s.KnownHosts)
		if err := os.WriteFile(filepath.Join(dir, "sshd_config"), []byte(config(dir, s.Port, me, o)), 0o600); err != nil {
			return nil, fmt.Errorf("write sshd configuration: %w", err)
		}
		if err = s.start(ctx, bin, dir, len(o.Addresses)); err == nil {
			return s, nil
		}
		if o.Port != 0 || try == 4 || ctx.Err() != nil {
			return nil, err
		}
	}
}

func config(dir string, port int, me *user.User, o Options) string {
	var b strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	for _, a := range o.Addresses {
		line("ListenAddress %s", net.JoinHostPort(a, strconv.Itoa(port)))
	}
	line("HostKey \"%s/host_key\"", dir)
	if _, err := os.Stat(filepath.Join(dir, "host_key-cert.pub")); err == nil {
		line("HostCertificate \"%s/host_key-cert.pub\"", dir)
	}
	line("AuthorizedKeysFile \"%s/authorized_keys\"", dir)
	line("PidFile none") // ours is written sooner
	line("AllowUsers %s", me.Username)
	line("PermitRootLogin yes")
	line("PubkeyAuthentication yes")
	line("PasswordAuthentication no")
	line("KbdInteractiveAuthentication no")
	line("StrictModes no") // the folder may lie below one that others can write to
	line("UsePAM %s", yes(needsPAM(me)))
	line("UseDNS no")
	line("PrintMotd no")
	line("PrintLastLog no")
	line("X11Forwarding no")
	line("AllowTcpForwarding no")
	line("PermitUserRC no")
	line("MaxStartups 200:30:400") // fifty steps may start at once
	line("LogLevel VERBOSE")
	if o.MaxSessions > 0 {
		line("MaxSessions %d", o.MaxSessions)
	}
	env := map[string]string{"HOME": filepath.Join(dir, "home")}
	maps.Copy(env, o.Env)
	b.WriteString("SetEnv")
	for _, k := range slices.Sorted(maps.Keys(env)) {
		fmt.Fprintf(&b, " \"%s=%s\"", k, strings.NewReplacer(`"`, "", "\n", " ").Replace(env[k]))
	}
	b.WriteString("\n")
	return b.String()
}

// needsPAM: without PAM sshd refuses an account whose password is locked, even
// when it comes with a key. Only root's sshd can tell.
func needsPAM(me *user.User) bool {
	if os.Geteuid() != 0 {
		return false
	}
	shadow, err := os.ReadFile("/etc/shadow")
	if err != nil {
		return false
	}
	for l := range strings.Lines(string(shadow)) {
		if f := strings.Split(l, ":"); len(f) > 1 && f[0] == me.Username {
			return strings.HasPrefix(f[1], "!")
		}
	}
	return false
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// start runs sshd in the foreground and waits for its word that it listens
// on each of its addresses.
func (s *Server) start(ctx context.Context, bin, dir string, addresses int) error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("sshd log: %w", err)
	}
	logFile, err := os.OpenFile(s.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		_ = r.Close()
		_ = w.Close()
		return fmt.Errorf("sshd log: %w", err)
	}
	cmd := exec.Command(bin, "-D", "-e", "-f", filepath.Join(dir, "sshd_config")) // #nosec G204 -- the sshd found on this machine, for tests and the demo
	cmd.Stderr = w
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Ctrl+C in the terminal is for Muster, which then stops us
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		_ = r.Close()
		_ = logFile.Close()
		return fmt.Errorf("start %s: %w", bin, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sshd.pid"), []byte(strconv.Itoa(cmd.Process.Pid)+"\n"), 0o600); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = r.Close()
		_ = logFile.Close()
		return fmt.Errorf("write sshd's process id: %w", err)
	}
	listening := make(chan struct{})
	said := &tail{}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer logFile.Close()
		defer r.Close()
		in := bufio.NewReader(io.TeeReader(r, logFile))
		told := 0
		for {
			l, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if told < addresses {
				said.add(l)
				if strings.Contains(l, "Server listening on") {
					if told++; told == addresses {
						close(listening)
					}
				}
			}
		}
	}()
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	s.cmd, s.ended = cmd, ended
	t := time.NewTimer(20 * time.Second)
	defer t.Stop()
	select {
	case <-listening:
		return nil
	case <-ended:
		<-read
		return fault.Newf(fault.Unavailable, "sshd did not start on %s; it said: %s", s.Addr, said)
	case <-t.C:
		err = fault.Newf(fault.Unavailable, "sshd did not listen on %s within 20 s; it said: %s", s.Addr, said)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	_ = cmd.Process.Kill()
	<-ended
	return err
}

// tail keeps what sshd says before it listens.
type tail struct {
	mu   sync.Mutex
	text strings.Builder
}

func (t *tail) add(l string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text.Len() < 2000 {
		t.text.WriteString(l)
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(strings.Fields(t.text.String()), " ")
}

// Stop ends the server and its connections. Commands that run in them are not
// touched.
func (s *Server) Stop() error {
	s.once.Do(func() {
		conns := s.Connections()
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		t := time.NewTimer(5 * time.Second)
		defer t.Stop()
		select {
		case <-s.ended:
		case <-t.C:
			_ = s.cmd.Process.Kill()
			<-s.ended
		}
		for _, pid := range conns {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return nil
}

// PID is the listening process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// endLeftover ends the server that an earlier Muster left behind in this folder
// when it was killed.
func endLeftover(dir string) {
	raw, err := os.ReadFile(filepath.Join(dir, "sshd.pid")) // #nosec G304 -- below the folder it was given, for tests and the demo
	if err != nil {
		return
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil || pid <= 1 {
		return
	}
	ours := func() bool {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		return err == nil && strings.Contains(string(line), filepath.Join(dir, "sshd_config"))
	}
	for try := 0; ours() && try < 50; try++ {
		sig := syscall.SIGTERM
		if try > 30 {
			sig = syscall.SIGKILL
		}
		if errors.Is(syscall.Kill(pid, sig), syscall.ESRCH) {
			break
		}
		time.Sleep(50 * time.Millisecond) // it is not our child: nothing tells when it ends
	}
	_ = os.Remove(filepath.Join(dir, "sshd.pid"))
}

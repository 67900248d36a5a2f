// Package host runs the built muster as a process of its own, for whoever tests
// or measures it from outside: scripts, the crash harness, the benchmarks. What
// it starts is ended by its own handle; it looks at nothing inside the program.
package host

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options says what is started.
type Options struct {
	Bin  string   // the built muster; Build makes one
	Data string   // its data folder
	Addr string   // empty: a free port on loopback
	Args []string // more flags of serve
	Env  []string // NAME=VALUE, on top of this process's environment
	// Media starts the media engine, a second process; without, there is no voice.
	Media bool
	Wrap  []string // a command that runs it, such as faketime; it must exec, so that signals arrive
}

// Server is a running `muster serve`.
type Server struct {
	URL  string
	Data string

	cmd  *exec.Cmd
	done chan struct{}
	err  error // once done is closed

	mu   sync.Mutex
	text strings.Builder
	more chan struct{} // closed when text grows
}

const ready = "Muster is ready at "

// Start returns when the server says that it is ready; an error holds what it said.
func Start(o Options) (*Server, error) {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	line := append(append([]string{}, o.Wrap...), o.Bin, "serve", "--data", o.Data, "--addr", o.Addr)
	line = append(line, o.Args...)
	s := &Server{Data: o.Data, done: make(chan struct{}), more: make(chan struct{})}
	s.cmd = exec.Command(line[0], line[1:]...) // #nosec G204 -- a test harness runs what its caller names
	s.cmd.Env = os.Environ()
	if !o.Media {
		s.cmd.Env = append(s.cmd.Env, "MUSTER_MEDIA=off")
	}
	s.cmd.Env = append(s.cmd.Env, o.Env...)
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.cmd.Stderr = writer(s.hear)
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	address := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			s.hear(lines.Text() + "\n")
			if _, after, ok := strings.Cut(lines.Text(), ready); ok {
				select {
				case address <- strings.TrimRight(strings.TrimSpace(after), "./"):
				default:
				}
			}
		}
		s.err = s.cmd.Wait()
		close(s.done)
	}()
	select {
	case s.URL = <-address:
		return s, nil
	case <-s.done:
		return nil, fmt.Errorf("muster ended before it was ready: %v\n%s", s.err, s.Said())
	case <-time.After(time.Minute):
		_ = s.Kill()
		return nil, fmt.Errorf("muster was not ready in a minute\n%s", s.Said())
	}
}

// Pid is the process's.
func (s *Server) Pid() int { return s.cmd.Process.Pid }

// Done is closed when the process has ended.
func (s *Server) Done() <-chan struct{} { return s.done }

// Signal sends one, for example SIGSTOP.
func (s *Server) Signal(sig syscall.Signal) error { return s.cmd.Process.Signal(sig) }

// Stop asks it to end, as a service manager does, and waits.
func (s *Server) Stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.done:
		return s.err
	case <-time.After(time.Minute):
		_ = s.Kill()
		return errors.New("it did not end within a minute of SIGTERM")
	}
}

// Kill ends it at once, as the kernel would, and waits.
func (s *Server) Kill() error {
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-s.done
	return nil
}

func (s *Server) hear(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.WriteString(text)
	close(s.more)
	s.more = make(chan struct{})
}

// Says waits until what it printed matches, and gives the match.
func (s *Server) Says(wanted *regexp.Regexp) (string, error) {
	late := time.After(30 * time.Second)
	for {
		s.mu.Lock()
		found, more := wanted.FindString(s.text.String()), s.more
		s.mu.Unlock()
		if found != "" {
			return found, nil
		}
		select {
		case <-more:
		case <-late:
			return "", fmt.Errorf("muster did not say %q in 30 s:\n%s", wanted, s.Said())
		}
	}
}

// Said is everything it printed so far.
func (s *Server) Said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

type writer func(string)

func (w writer) Write(p []byte) (int, error) {
	w(string(p))
	return len(p), nil
}

// Build compiles muster into dir and gives the file's path. MUSTER_BIN names a
// built one to use instead.
func Build(dir string, race bool) (string, error) {
	if given := os.Getenv("MUSTER_BIN"); given != "" {
		return given, nil
	}
	bin := filepath.Join(dir, "muster")
	args := []string{"build", "-buildvcs=false", "-o", bin}
	if race {
		args = append(args, "-race")
	}
	// #nosec G204 -- a test harness runs what its caller names
	if out, err := exec.Command("go", append(args, "muster/cmd/muster")...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build muster: %v\n%s", err, out)
	}
	return bin, nil
}

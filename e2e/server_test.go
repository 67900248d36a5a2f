package e2e

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

	"github.com/rogpeppe/go-internal/testscript"
)

// servers maps a running script to its Muster.
var servers sync.Map

// server is a running muster process.
type server struct {
	cmd  *exec.Cmd
	url  string
	done chan error

	mu   sync.Mutex
	text strings.Builder
	more chan struct{} // closed when text grows
}

const ready = "Muster is ready at "

// startServer starts `muster serve` in a script's environment, on a free port,
// and returns when it says that it is ready.
func startServer(ts *testscript.TestScript, args []string) (*server, error) {
	bin, _, _ := strings.Cut(ts.Getenv("PATH"), string(os.PathListSeparator))
	s := &server{done: make(chan error, 1), more: make(chan struct{})}
	s.cmd = exec.Command(filepath.Join(bin, "muster"), append([]string{"serve", "--data", ts.MkAbs(args[0]), "--addr", "127.0.0.1:0"}, args[1:]...)...)
	s.cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("WORK"), "MUSTER_DATABASE="+ts.Getenv("MUSTER_DATABASE"))
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
		s.done <- s.cmd.Wait()
	}()
	select {
	case s.url = <-address:
		return s, nil
	case err := <-s.done:
		return nil, fmt.Errorf("muster ended before it was ready: %v\n%s", err, s.said())
	case <-time.After(time.Minute):
		_ = s.cmd.Process.Kill()
		return nil, fmt.Errorf("muster was not ready in a minute\n%s", s.said())
	}
}

// stop asks it to end, as a service manager does.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-s.done:
		return err
	case <-time.After(30 * time.Second):
		_ = s.cmd.Process.Kill()
		return errors.New("it did not end within 30 s of SIGTERM")
	}
}

func (s *server) hear(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text.WriteString(text)
	close(s.more)
	s.more = make(chan struct{})
}

// says waits until what it printed matches, and gives the match.
func (s *server) says(wanted *regexp.Regexp) (string, error) {
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
			return "", fmt.Errorf("muster did not say %q in 30 s:\n%s", wanted, s.said())
		}
	}
}

// said is everything it printed so far.
func (s *server) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

type writer func(string)

func (w writer) Write(p []byte) (int, error) {
	w(string(p))
	return len(p), nil
}

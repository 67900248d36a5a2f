// Package shelltest keeps real shells open, so that a test can have millions of
// texts read by them. A text that leaves a quote open, ends the shell or waits
// for something is told as an error; it never hangs the test.
//
// It knows nothing of what is quoted or how: that is the business of the
// packages whose texts it is given.
package shelltest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// patience is how long a shell may be silent. A text for it needs well under a
// millisecond, so this only ever passes when one has gone wrong.
const patience = 10 * time.Second

// kinds are the shells that texts are given to. Jobs are written for whatever
// the account on the node logs in with, in whatever locale.
var kinds = []struct{ name, path, locale string }{
	{"sh", "/bin/sh", "C"},
	{"dash", "dash", "C.UTF-8"},
	{"bash", "bash", "C"},
	{"bash, UTF-8", "bash", "C.UTF-8"},
}

// Shell is one process that reads text after text.
type Shell struct {
	Name string
	path string
	env  []string
	dir  string

	cmd    *exec.Cmd
	in     *os.File
	out    *os.File
	read   *bufio.Reader
	errs   *bytes.Buffer
	text   *os.File
	number int
}

// Open starts every kind of shell there is; they end with the test. They find
// no program and stand in a folder of their own, so that a text that gets loose
// finds little to do.
func Open(t testing.TB) []*Shell {
	t.Helper()
	var out []*Shell
	for _, k := range kinds {
		path, err := exec.LookPath(k.path)
		if err != nil {
			t.Fatalf("%s is not installed. Install what the tests need: scripts/need test", k.path)
		}
		s := &Shell{Name: k.name, path: path, dir: t.TempDir(), env: []string{"PATH=/nowhere", "HOME=/nowhere", "LC_ALL=" + k.locale, "FUNCNEST=50"}}
		t.Cleanup(func() {
			s.stop()
			_ = s.text.Close() // nothing on nil
		})
		out = append(out, s)
	}
	return out
}

// The loop reads the number of a text, how it comes and, for eval, the text
// itself: that is how a step reaches its shell. Others come in a file. It ends
// what a text prints with a NUL byte, which no value can hold.
const loop = `
_n=$(printf '\nx'); _n=${_n%x}
while IFS= read -r _number && IFS= read -r _how && LC_ALL=C IFS= read -r _line; do
	case $_how in
	eval) eval "$_line" ;;
	file) . ./text ;;
	apart) (. ./text) ;;
	esac
	printf '\000%s %s\000' "$?" "$_number"
done
`

func (s *Shell) start() error {
	script := filepath.Join(s.dir, "loop")
	if err := os.WriteFile(script, []byte(loop), 0o600); err != nil {
		return err
	}
	inR, inW, err := os.Pipe()
	if err != nil {
		return err
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		return err
	}
	s.errs = &bytes.Buffer{}
	// #nosec G204 -- a shell of this machine, for tests
	s.cmd = exec.Command(s.path, script)
	s.cmd.Dir, s.cmd.Env = s.dir, s.env
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = inR, outW, &cut{to: s.errs}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	_, _ = inR.Close(), outW.Close()
	s.in, s.out, s.read = inW, outR, bufio.NewReaderSize(outR, 64<<10)
	return nil
}

// stop ends the shell; the next text starts another.
func (s *Shell) stop() {
	if s.cmd == nil {
		return
	}
	_ = s.in.Close()
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	_ = s.out.Close()
	s.cmd = nil
}

// File has the shell read a text with "." and returns what it printed. The
// text must end well.
func (s *Shell) File(text string) (string, error) { return s.file("file", text) }

// Apart is File in a subshell, for a text that may end in any way it likes. What
// files earlier texts left are gone: a * would be their names.
func (s *Shell) Apart(text string) (string, error) {
	all, err := os.ReadDir(s.dir)
	if err != nil {
		return "", err
	}
	for _, f := range all {
		if f.Name() == "text" || f.Name() == "loop" {
			continue
		}
		if err := os.RemoveAll(filepath.Join(s.dir, f.Name())); err != nil {
			return "", err
		}
	}
	return s.file("apart", text)
}

// Eval gives the shell a line for eval, with the line end in $_n, and returns
// what it printed. The line must end well.
func (s *Shell) Eval(line string) (string, error) {
	if strings.ContainsAny(line, "\n\x00") {
		return "", fmt.Errorf("%q is not one line", line)
	}
	return s.give("eval", line)
}

func (s *Shell) file(how, text string) (string, error) {
	// Over the old text and then cut: emptying a file first makes some file
	// systems write it out.
	if s.text == nil {
		f, err := os.OpenFile(filepath.Join(s.dir, "text"), os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return "", err
		}
		s.text = f
	}
	if _, err := s.text.WriteAt([]byte(text), 0); err != nil {
		return "", err
	}
	if err := s.text.Truncate(int64(len(text))); err != nil {
		return "", err
	}
	return s.give(how, "")
}

func (s *Shell) give(how, line string) (string, error) {
	if s.cmd == nil {
		if err := s.start(); err != nil {
			return "", err
		}
	}
	s.number++
	number := strconv.Itoa(s.number)
	deadline := time.Now().Add(patience)
	_ = s.in.SetWriteDeadline(deadline)
	_ = s.out.SetReadDeadline(deadline)
	var printed, end []byte
	_, err := io.WriteString(s.in, number+"\n"+how+"\n"+line+"\n")
	if err == nil {
		printed, err = s.read.ReadBytes(0)
	}
	if err == nil {
		printed = printed[:len(printed)-1]
		end, err = s.read.ReadBytes(0)
	}
	if err == nil {
		status, n, _ := strings.Cut(strings.TrimSuffix(string(end), "\x00"), " ")
		if n == number && (status == "0" || how == "apart") {
			return string(printed), nil
		}
		err = fmt.Errorf("ended with %q where it was text %s", end, number)
	}
	s.stop() // what it complained about is all there once it has ended
	return string(printed), fmt.Errorf("%s: %w, after printing %q\n%s", s.Name, err, printed, s.errs)
}

// cut keeps the beginning of what a shell complains about.
type cut struct{ to *bytes.Buffer }

func (c *cut) Write(b []byte) (int, error) {
	if room := 4000 - c.to.Len(); room > 0 {
		c.to.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

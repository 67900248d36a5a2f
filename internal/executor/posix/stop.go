package posix

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"strings"
	"time"
)

//go:embed stop.sh
var stopScript string

// kill ends everything the step started and returns the processes that could
// not be ended.
func (s *Step) kill(ctx context.Context, pid int, open Open, proc string) (left string, err error) {
	line := fmt.Sprintf("exec /bin/sh -s -- %s %d %d %s %s", s.mark, pid, s.limits.Grace/(100*time.Millisecond), s.dir(), proc)
	p, err := open(ctx, line)
	if err != nil {
		return "", fmt.Errorf("open a shell to stop %s: %w", s.mark, err)
	}
	defer p.Close()
	go func() {
		_, _ = io.WriteString(p.Stdin, stopScript)
		_ = p.Stdin.Close()
	}()
	go func() { _, _ = io.Copy(io.Discard, p.Stderr) }()
	type answer struct {
		text []byte
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		text, err := io.ReadAll(io.LimitReader(p.Stdout, 1<<20))
		answered <- answer{text, err}
	}()
	select {
	case a := <-answered:
		// The login files may have talked before; our line is the last.
		_, after, ok := strings.Cut(string(a.text), s.mark+" left")
		if !ok {
			return "", fmt.Errorf("%w: %q, %v", errNoAnswer, a.text, a.err)
		}
		return strings.TrimSpace(after), nil
	case <-ctx.Done():
		return "", fmt.Errorf("stop %s: %w", s.mark, context.Cause(ctx))
	}
}

// sweep removes the script's folder. It does what it can: the step's own
// outcome stands, whatever becomes of the folder.
func (s *Step) sweep(ctx context.Context, open Open) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limits.Stop)
	defer cancel()
	p, err := open(ctx, `exec /bin/sh -c 'rm -rf "${TMPDIR:-/tmp}/$0"' `+s.dir())
	if err != nil {
		return
	}
	defer p.Close()
	_ = p.Stdin.Close()
	select {
	case <-p.Exit:
	case <-ctx.Done():
	}
}

package app

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"muster/internal/cli"
)

// Whoever stops the server in the middle of its greeting ends it as at any other
// time: everything is closed, and it is no failure.
func TestStopWhileGreeting(t *testing.T) {
	data := t.TempDir()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	out := greeted(stop)
	if err := serve(ctx, cli.Streams{Out: out, Err: io.Discard}, cli.Serve{Data: data, Addr: "127.0.0.1:0"}); err != nil {
		t.Errorf("it ended with: %v", err)
	}
	f, err := os.OpenFile(filepath.Join(data, "lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := lock(f); err != nil {
		t.Errorf("the folder is still locked: %v", err)
	}
}

type greeted func()

func (g greeted) Write(p []byte) (int, error) {
	g()
	return len(p), nil
}

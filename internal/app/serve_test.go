package app

import (
	"context"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"muster/internal/cli"
	"muster/internal/config"
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

// In the demo a step never runs as Muster itself, unless the settings say so: it
// would reach the console.
func TestStepsOfTheDemo(t *testing.T) {
	if _, err := user.Lookup(demoUser); err != nil {
		t.Fatal("this machine lacks the user that steps of the demo run as: ", err)
	}
	for what, c := range map[string]struct {
		given config.Runs
		uid   int
		as    string
		words string // of the refusal
	}{
		"by root":             {config.Runs{}, 0, "nobody", ""},
		"by somebody else":    {config.Runs{}, 1000, "", "runs.local_user"},
		"as somebody chosen":  {config.Runs{LocalUser: "deploy"}, 0, "deploy", ""},
		"by one, and allowed": {config.Runs{AllowLocal: true}, 1000, "", ""},
		"by root, allowed":    {config.Runs{AllowLocal: true}, 0, "", ""},
	} {
		a := &App{}
		a.cfg.Runs = demoSteps(c.given, c.uid)
		got := a.localSteps()
		if got.User != c.as || (got.Refuse == "") != (c.words == "") || !strings.Contains(got.Refuse, c.words) {
			t.Errorf("%s: as %q, refused with %q", what, got.User, got.Refuse)
		}
	}
}

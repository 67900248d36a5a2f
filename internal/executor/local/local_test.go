package local_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/internal/executor/executortest"
	"muster/internal/executor/local"
	"muster/internal/executor/posix"
	"muster/internal/run"
)

func TestMain(m *testing.M) {
	os.Setenv("MUSTER_TEST_SECRET", "s3cret")
	os.Exit(m.Run())
}

func open(t *testing.T, o local.Options) executortest.Fixture {
	t.Helper()
	e, err := local.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return executortest.Fixture{Executor: e, Node: run.Target{Name: "localhost", Hostname: "localhost"}}
}

var quick = posix.Limits{Grace: 500 * time.Millisecond, Drain: 500 * time.Millisecond}

func TestExecutor(t *testing.T) {
	executortest.Exercise(t, func(t *testing.T) executortest.Fixture { return open(t, local.Options{Limits: quick}) })
}

// A step that runs as another user reads nothing of Muster's, keeps no right of
// root, and is stopped with all it started. Without root Muster cannot become
// anybody, and says so instead of running the step as itself.
func TestAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		_, err := local.New(local.Options{User: "nobody"})
		if err == nil || !strings.Contains(err.Error(), "does not run as root") {
			t.Error(err)
		}
		return
	}
	secret := filepath.Join(t.TempDir(), "master.key")
	if err := os.WriteFile(secret, []byte("the-key"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := open(t, local.Options{User: "nobody", Limits: quick})
	log := executortest.NewLog()
	r, err := f.Executor.Run(t.Context(), f.Command("id -un; id -G; echo $HOME $USER; cat "+secret+"; cat /proc/$PPID/environ; (umask; ps -o ruid= -o euid= -p $$)"), log)
	if err != nil {
		t.Fatal(err)
	}
	if out := log.Out(); !strings.HasPrefix(out, "nobody\n65534\n") || strings.Contains(out, "the-key") || strings.Contains(out, "s3cret") || !strings.Contains(log.Err(), "denied") {
		t.Errorf("%+v\n%s\n%s", r, out, log.Err())
	}
	log = executortest.NewLog()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := f.Executor.Run(ctx, f.Command("setsid sh -c 'echo child $$; exec tail -f /dev/null' & echo shell $$; wait"), log)
		done <- err
	}()
	child := log.PID(t, "child")
	cancel()
	if err := <-done; run.ExecErrorOf(err) == nil {
		t.Error(err)
	}
	if executortest.Alive(child) {
		t.Errorf("process %d goes on", child)
	}
}

func TestWhoStepsCannotRunAs(t *testing.T) {
	for name, want := range map[string]string{"root": "can read Muster's keys", "no-such-user-here": "useradd"} {
		if _, err := local.New(local.Options{User: name}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefused(t *testing.T) {
	f := open(t, local.Options{Refuse: "not allowed here. Set it."})
	marker := filepath.Join(t.TempDir(), "ran")
	_, err := f.Executor.Run(t.Context(), f.Command("touch "+marker), executortest.NewLog())
	if x := run.ExecErrorOf(err); x == nil || !strings.Contains(x.Error(), "not allowed here. Set it.") {
		t.Error(err)
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("it ran all the same")
	}
}

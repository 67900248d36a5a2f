package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts call our small helper programs beside muster itself.
func TestMain(m *testing.M) {
	testscript.Main(cleaned{m}, map[string]func(){
		"post": postMain,
	})
}

// cleaned removes the binary after the tests.
type cleaned struct{ m *testing.M }

func (c cleaned) Run() int {
	defer func() {
		if built.dir != "" {
			_ = os.RemoveAll(built.dir)
		}
	}()
	return c.m.Run()
}

var built struct {
	once sync.Once
	dir  string
	err  error
}

// binDir builds muster once, with the race detector when the tests have it, and
// gives the folder it is in. MUSTER_BIN names a built one to use instead.
func binDir(t testing.TB) string {
	t.Helper()
	if given := os.Getenv("MUSTER_BIN"); given != "" {
		return filepath.Dir(given)
	}
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "muster-e2e"); built.err != nil {
			return
		}
		args := []string{"build", "-buildvcs=false", "-o", filepath.Join(built.dir, "muster")}
		if raceEnabled() {
			args = append(args, "-race")
		}
		cmd := exec.Command("go", append(args, "muster/cmd/muster")...)
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%v\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatalf("build muster: %v", built.err)
	}
	return built.dir
}

func raceEnabled() bool {
	info, _ := debug.ReadBuildInfo()
	for _, s := range info.Settings {
		if s.Key == "-race" && s.Value == "true" {
			return true
		}
	}
	return false
}

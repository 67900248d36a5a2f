package e2e

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"muster/e2e/host"
)

// TestMain lets scripts call our small helper programs beside muster itself.
func TestMain(m *testing.M) {
	testscript.Main(cleaned{m}, map[string]func(){
		"post":  postMain,
		"probe": probeMain,
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
	dir  string // ours, removed at the end
	bin  string
	err  error
}

// binDir builds muster once, with the race detector when the tests have it, and
// gives the folder it is in. MUSTER_BIN names a built one to use instead.
func binDir(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		var bin string
		if built.dir, built.err = os.MkdirTemp("", "muster-e2e"); built.err == nil {
			bin, built.err = host.Build(built.dir, raceEnabled())
		}
		built.bin = filepath.Dir(bin)
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.bin
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

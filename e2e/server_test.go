package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"muster/e2e/host"
)

// servers maps a running script to its Muster.
var servers sync.Map

// startServer starts `muster serve` in a script's environment, on a free port,
// and returns when it says that it is ready.
func startServer(ts *testscript.TestScript, args []string) (*host.Server, error) {
	bin, _, _ := strings.Cut(ts.Getenv("PATH"), string(os.PathListSeparator))
	return host.Start(host.Options{
		Bin: filepath.Join(bin, "muster"), Data: ts.MkAbs(args[0]), Args: args[1:],
		Env: []string{"HOME=" + ts.Getenv("WORK"), "MUSTER_DATABASE=" + ts.Getenv("MUSTER_DATABASE")},
	})
}

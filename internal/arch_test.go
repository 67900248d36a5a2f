package internal

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// order is the architecture: a package imports only packages that stand before
// it. docs/ARCHITECTURE.md says what each is for.
var order = strings.Fields(`
	fault id clock actor yamldoc await freeport
	meter db db/dbtest bus blob outbound task
	ledger access key account approval notify
	room message office call call/livekit/peer call/livekit call/livekit/livekittest
	node job job/shelltest run run/runtest schedule
	oncall incident incident/paper incident/incidenttest alert
	executor/posix executor/executortest executor/local executor/ssh executor/sshd
	command
	integration/alertmanager
	backup doctor
	demo
	httpapi realtime cli
	webui config app
`)

// base imports the standard library only.
var base = []string{"fault", "id", "clock", "actor", "await", "freeport"}

func TestImportsFollowTheOrder(t *testing.T) {
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || filepath.Dir(file) == "." {
			return err
		}
		pkg := filepath.ToSlash(filepath.Dir(file))
		at := slices.Index(order, pkg)
		if at < 0 {
			t.Errorf("%s: package %s is not in the list: give it a place in the order", file, pkg)
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		test := strings.HasSuffix(file, "_test.go")
		for _, imp := range f.Imports {
			path, _ := strconv.Unquote(imp.Path.Value)
			dep, ours := strings.CutPrefix(path, "muster/internal/")
			switch {
			case ours && test && !slices.Contains(base, pkg):
				// a test may use what stands behind it (a real executor, a real database)
			case (strings.HasPrefix(path, "github.com/livekit/") || strings.HasPrefix(path, "github.com/pion/")) && !strings.HasPrefix(pkg, "call/livekit"):
				t.Errorf("%s imports %s: only call/livekit and what is below it know the media engine", file, path)
			case ours && slices.Index(order, dep) >= at && dep != pkg:
				t.Errorf("%s imports %s, which does not stand before %s", file, dep, pkg)
			case !ours && slices.Contains(base, pkg) && strings.Contains(strings.SplitN(path, "/", 2)[0], "."):
				t.Errorf("%s imports %s: base packages import the standard library only", file, path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

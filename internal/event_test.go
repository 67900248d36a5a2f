package internal

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var kindRE = regexp.MustCompile(`func \((?:\w+ )?(\w+)\) EventKind\(\) string\s*\{\s*return "([^"]+)"`)

// A kind of event means one thing for ever: the ledger is read by it years later.
func TestEachEventKindIsOneEvents(t *testing.T) {
	of := map[string]string{}
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, m := range kindRE.FindAllStringSubmatch(string(raw), -1) {
			name := filepath.Dir(file) + "." + m[1]
			if other := of[m[2]]; other != "" {
				t.Errorf("%s and %s are both recorded as %q", other, name, m[2])
			}
			of[m[2]] = name
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(of) < 50 {
		t.Errorf("only %d kinds were found", len(of))
	}
}

package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzLoad: a settings file is read or refused in words; what is read passes
// its own check, and a file cannot say where its data lies.
func FuzzLoad(f *testing.F) {
	doc, err := os.ReadFile("../../docs/muster.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(doc))
	var all []string
	for line := range strings.Lines(string(doc)) { // every setting, with its default
		if rest, ok := strings.CutPrefix(line, "#"); ok && strings.Contains(rest, ":") && !strings.HasPrefix(rest, " A") {
			all = append(all, strings.TrimPrefix(rest, " "))
		}
	}
	f.Add(strings.Join(all, ""))
	for _, s := range []string{"addr: 127.0.0.1:0\n", "addr: [a]\n", "data: /etc\n", "smtp: {host: h, from: a@b, port: 99999999999}\n", "public_url: http://a/b\n", "tls: {cert: x}\n", "a: &a [*a]\n", "incident: {prefix: 'INC\n', first: -1}\n", "--- \n# nothing", "runs: {workers: 1e3}\n", "<<: {addr: ':1'}\n", "? addr\n: x", "addr: !!binary aGk=\n"} {
		f.Add(s)
	}
	dir := f.TempDir()
	file := filepath.Join(dir, "muster.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(dir, "")
		if c.Data != dir || c.Demo {
			t.Fatalf("%q moved the data to %q", text, c.Data)
		}
		if err != nil {
			if err.Error() == "" {
				t.Fatal("refused without a word")
			}
			return
		}
		if err := c.Check(); err != nil {
			t.Fatalf("%q is read and does not pass: %v", text, err)
		}
		_ = c.Loopback()
	})
}

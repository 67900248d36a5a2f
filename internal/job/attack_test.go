package job

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Authors write odd things. Whatever is put together from the pieces that decide
// about quoting: if it is called safe, no value makes a shell do something.
func TestSafeMeansSafe(t *testing.T) {
	shs := shells(t)
	pieces := rapid.SampledFrom([]string{
		"'", "\"", "\"", "$(", ")", "(", "\\", "`", " ", ";", "#", " #", "\n", "echo ", "${y:-", "${y", "}", "$((", "))", "((", "<<E\n", "\nE\n", "case x in ", " x) ", "esac", "a", "$", "{ ", "; }", "$'", "x=", "&&", "|", "<<<", "[[ ", " ]]", "$[", "]", "\\\n", "if :; then ", " fi", "~", "=", "!",
		"${option.x}", "${option.x}", "${option.x}", "\"${option.x}\"", "'${option.x}'", " ${option.x} ", "\"$(echo ${option.x})\"",
	})
	dir := t.TempDir()
	mark := filepath.Join(dir, "pwned")
	payload := ": >" + mark
	attacks := rapid.SampledFrom([]string{
		"$(" + payload + ")", "`" + payload + "`", ";" + payload + ";", "\n" + payload + "\n", "'\n" + payload + "\n'", "\"\n" + payload + "\n\"",
		"';" + payload + ";'", "\";" + payload + ";\"", "\\';" + payload + ";", "\\\";" + payload + ";", ")\n" + payload + "\n(", "}\n" + payload + "\n", "\nE\n" + payload + "\n", "a[$(" + payload + ")]", "'$(" + payload + ")'", "\"'$(" + payload + ")'\"", "\\$(" + payload + ")", "`'" + payload + "'`",
	})
	safe := 0
	rapid.Check(t, func(rt *rapid.T) {
		text := strings.Join(rapid.SliceOfN(pieces, 1, 14).Draw(rt, "text"), "")
		tpl := ParseShell(text)
		if len(tpl.Refs()) == 0 || len(tpl.Unsafe) > 0 {
			return
		}
		safe++
		cmd := tpl.Expand(lookup(attacks.Draw(rt, "value")))
		for _, s := range shs {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			c := exec.CommandContext(ctx, s, "-c", cmd)
			c.Env = []string{"PATH=/nowhere"}
			c.Dir = dir
			_ = c.Run()
			cancel()
			if _, err := os.Stat(mark); err == nil {
				_ = os.Remove(mark)
				rt.Fatalf("%s ran the value:\n%s\nfrom\n%s", s, cmd, text)
			}
		}
	})
	if safe == 0 {
		t.Error("nothing was tried")
	}
}

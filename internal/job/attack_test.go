package job

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Authors write odd things. Whatever is put together from the pieces that decide
// about quoting: if it is called safe, no value makes a shell do something.
func TestSafeMeansSafe(t *testing.T) {
	pieces := rapid.SampledFrom([]string{
		"'", "\"", "\"", "$(", ")", "(", "\\", "`", " ", ";", "#", " #", "\n", "echo ", "${y:-", "${y", "}", "$((", "))", "((", "<<E\n", "\nE\n", "case x in ", " x) ", "esac", "a", "$", "{ ", "; }", "$'", "x=", "&&", "|", "<<<", "[[ ", " ]]", "$[", "]", "\\\n", "if :; then ", " fi", "~", "=", "!",
		"${option.x}", "${option.x}", "${option.x}", "\"${option.x}\"", "'${option.x}'", " ${option.x} ", "\"$(echo ${option.x})\"",
	})
	// Pieces alone are seldom a text that is called safe. What a careful author writes, with pieces thrown in, often is.
	careful := rapid.SampledFrom([]string{
		"echo |${option.x}|", "echo |'|a|'| |\"|b|\"| |${option.x}|", "grep -F |${option.x}| /etc/hosts", "test |${option.x}| = |a| && |echo| |b",
		"echo| |#| a|\n|echo |${option.x}|", "if |test |${option.x}| = a|; then |echo b|; fi", "case |${option.x}| in |a) |echo b|;; esac",
		"for y in |${option.x}| b|; do |echo |\"|$y|\"|; done", "y=|${option.x}|\n|echo |\"|$y|\"", "echo |$(|echo |${option.x}|)", "cat |<<E\n|a\nE\n|echo |${option.x}|",
		"{ |echo |${option.x}|; }", "(|echo |${option.x}|)", "echo |${y:-|a|}| |${option.x}|", "printf '%s\\n' |${option.x}| |>/dev/null",
	})
	shs, tried := shells(t), 0
	dir := t.TempDir()
	mark := filepath.Join(dir, "pwned")
	payload := ": >" + mark
	attacks := rapid.SampledFrom([]string{
		"$(" + payload + ")", "`" + payload + "`", ";" + payload + ";", "\n" + payload + "\n", "'\n" + payload + "\n'", "\"\n" + payload + "\n\"",
		"';" + payload + ";'", "\";" + payload + ";\"", "\\';" + payload + ";", "\\\";" + payload + ";", ")\n" + payload + "\n(", "}\n" + payload + "\n", "\nE\n" + payload + "\n", "a[$(" + payload + ")]", "'$(" + payload + ")'", "\"'$(" + payload + ")'\"", "\\$(" + payload + ")", "`'" + payload + "'`",
	})
	rapid.Check(t, func(rt *rapid.T) {
		var parts []string
		if rapid.Bool().Draw(rt, "careful") {
			parts = strings.Split(careful.Draw(rt, "base"), "|")
			for range rapid.IntRange(0, 3).Draw(rt, "thrown in") {
				parts = slices.Insert(parts, rapid.IntRange(0, len(parts)).Draw(rt, "where"), pieces.Draw(rt, "piece"))
			}
		} else {
			parts = rapid.SliceOfN(pieces, 1, 14).Draw(rt, "parts")
		}
		text := strings.Join(parts, "")
		tpl := ParseShell(text)
		if len(tpl.Refs()) == 0 || len(tpl.Unsafe) > 0 {
			return
		}
		tried++
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
	t.Logf("%d texts were tried", tried)
	if tried == 0 {
		t.Error("nothing was tried")
	}
}

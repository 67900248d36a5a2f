package cli

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// What others wrote must not drive the reader's terminal.
func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                          "plain",
		"a\tb\nc":                        "a b c",
		"\x1b[31mred\x1b[0m":             "red",
		"\x1b]0;title\x07x":              "x",
		"\x1b]52;c;aGk=\x1b\\x":          "x",
		"\x1b]8;;http://x\x1b\\link":     "link",
		"\x1bPq#0\x1b\\x":                "x",
		"\x1b[2J\x1b[Hgone":              "gone",
		"\u009b31mc1":                    "31mc1",
		"Überweisung · 振込":               "Überweisung · 振込",
		"back\bspace\rreturn\x00nul\x7f": "backspacereturnnul",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got := cleanLog("\x1b[1;32mok\x1b[0m\tdone\x1b[2J\x1b]0;x\x07"); got != "\x1b[1;32mok\x1b[0m\tdone" {
		t.Errorf("cleanLog = %q", got)
	}
}

var colourAnywhere = regexp.MustCompile("\x1b\\[[0-9;:]*m")

func FuzzClean(f *testing.F) {
	f.Add("\x1b[31mred\x1b]0;t\x07")
	f.Add("\x1b\x1b[m[0m")
	f.Fuzz(func(t *testing.T, s string) {
		if got := clean(s); strings.IndexFunc(got, unicode.IsControl) >= 0 {
			t.Errorf("clean(%q) = %q", s, got)
		}
		left := colourAnywhere.ReplaceAllString(strings.ReplaceAll(cleanLog(s), "\t", ""), "")
		if strings.IndexFunc(left, unicode.IsControl) >= 0 {
			t.Errorf("cleanLog(%q) leaves %q", s, left)
		}
	})
}

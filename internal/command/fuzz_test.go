package command

import (
	"strings"
	"testing"

	"muster/internal/fault"
)

// FuzzWords: words lie where they say, in order, and a value that is proposed
// is read back as that value.
func FuzzWords(f *testing.F) {
	for _, s := range []string{
		`restart-service service=payments-api note='two words' q="a \"b\" $(x)"`, `a\ b '' c`, `'it'\''s'`, "a 'b", `\`, "a\\", "\"\n\"", "=x a= ==", "tags: a+b !name:x", "é=\u00a0x", "name=a=b", `"token"=x`, `/'a'=b`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if ws, err := Words(quoteWord(line)); err != nil || len(ws) != 1 || ws[0].Text != line {
			t.Fatalf("%q is proposed as %q, which reads as %+v, %v", line, quoteWord(line), ws, err)
		}
		verb, args, ok := split(line)
		if ok && (verb == "" || !strings.HasPrefix(line, "/") || strings.TrimSpace(args) != args || strings.ContainsAny(verb, " \n/.")) {
			t.Fatalf("%q is the verb %q and %q", line, verb, args)
		}
		ws, err := Words(line)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		at := 0
		for _, w := range ws {
			if w.Start < at || w.End <= w.Start || w.End > len(line) || strings.Trim(line[at:w.Start], " \t\n") != "" {
				t.Fatalf("%q: %+v after %d", line, w, at)
			}
			at = w.End
			// A word alone is the same word: what is cut out of a line by its place means the same.
			again, err := Words(line[w.Start:w.End])
			if err != nil || len(again) != 1 || again[0].Text != w.Text {
				t.Fatalf("%q of %q reads as %+v, %v", line[w.Start:w.End], line, again, err)
			}
			if name, value, ok := w.KeyValue(); ok && (name == "" || name+"="+value != w.Text) {
				t.Fatalf("%q is %q and %q", w.Text, name, value)
			}
		}
		if strings.Trim(line[at:], " \t\n") != "" {
			t.Fatalf("%q: %q is in no word", line, line[at:])
		}
	})
}

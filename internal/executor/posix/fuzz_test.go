package posix

import (
	"bytes"
	"strings"
	"testing"

	"muster/internal/job"
	"muster/internal/job/shelltest"
)

// FuzzQuote: a value reaches the step byte for byte on the way that every step
// takes: quoted into the author's command, the command quoted into one line,
// and the line read and evaluated by the node's shell; beside it in the step's
// environment and as an argument of a script.
func FuzzQuote(f *testing.F) {
	command := job.ParseShell(`printf '%s|' ${option.x} "$V" "<${option.x}>" "$1"`)
	if len(command.Unsafe) > 0 {
		f.Fatal(command.Unsafe)
	}
	shells := shelltest.Open(f)
	for _, v := range []string{"", "it's\n", "\n\n", "'\"'\"'", "$_muster_n", "\"$_muster_n\"", `\`, "\\\n", "a\r\nb", "$(printf x)", "`printf x`", "\x01\x7f\x81\x88", "\x01\xcc\x01", "\xff", "é振", "-n", "%s", "!", "\t ", strings.Repeat("'\n", 40)} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		if strings.Contains(v, "\x00") || len(v) > 4096 {
			return
		}
		q := quote(v)
		if strings.Contains(q, "\n") {
			t.Fatalf("%q holds a line end", q)
		}
		env, err := exports(map[string]string{"V": v})
		if err != nil {
			t.Fatal(err)
		}
		text := command.Expand(func(job.Ref) (string, bool) { return v, true })
		// As Prepare writes it, but for what belongs to a process of its own.
		line := `_muster_n=$_n; ` + env + `set -- ` + q + `; eval 'unset _muster_l'"$_muster_n"` + quote(text)
		want := v + "|" + v + "|<" + v + ">|" + v + "|"
		for _, s := range shells {
			got, err := s.Eval(line)
			if err != nil {
				t.Fatalf("%q: %v\n%s", v, err, line)
			}
			if got != want {
				t.Fatalf("%s: %q\ngot  %q\nwant %q\n%s", s.Name, v, got, want, line)
			}
		}
	})
}

// FuzzPreamble: our own lines are taken out of what a node prints, however it
// is cut, and nothing else is.
func FuzzPreamble(f *testing.F) {
	const mark = "MUSTER_RUN=r/1/n"
	f.Add([]byte("noise\n\x01 4242\nlate\n\x01 go\nown \x01 1\ntail"), uint8(3))
	f.Add([]byte("\x01 go\n\x01 go\n"), uint8(1))
	f.Add([]byte("half \x01 99999999999999999999\n\x01 -1\n\x01 1\n\x01  go\n\x01 go"), uint8(7))
	f.Add(bytes.Repeat([]byte("long"), 1500), uint8(200))
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		data = bytes.ReplaceAll(data, []byte("\x01"), []byte(mark))
		run := func(size int) (string, *preamble) {
			p := newPreamble(mark)
			var got bytes.Buffer
			for rest := data; len(rest) > 0; {
				n := min(size, len(rest))
				got.Write(p.filter(bytes.Clone(rest[:n])))
				rest = rest[n:]
			}
			return got.String(), p
		}
		whole, one := run(max(len(data), 1))
		if bytes.Contains(data, []byte(mark+" go\n")) != one.gone() && one.gone() {
			t.Fatalf("%q began, and was never sent", data)
		}
		if len(whole) > len(data) || len(one.said()) > 3*longestSaid {
			t.Fatalf("%d bytes became %d", len(data), len(whole))
		}
		select {
		case pid := <-one.pid:
			if pid < 2 {
				t.Fatalf("the process %d", pid)
			}
		default:
		}
		if len(data) > longestLine { // where a line without an end is given up depends on how it came
			return
		}
		if cut, two := run(1 + int(size)); cut != whole || two.gone() != one.gone() {
			t.Fatalf("in pieces of %d %q, whole %q", 1+int(size), cut, whole)
		}
	})
}

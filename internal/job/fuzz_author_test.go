package job

import (
	"strings"
	"testing"

	"muster/internal/job/shelltest"
)

// pieces decide about quoting; an author's text is put together from them.
var pieces = []string{
	"'", "\"", "\"", "$(", ")", "(", "\\", "`", " ", ";", "#", " #", "\n", "echo ", "${y:-", "${y", "}", "$((", "))", "((", "<<E\n", "\nE\n", "case x in ", " x) ", "esac", "a", "$", "{ ", "; }", "$'", "x=", "&&", "|", "<<<", "[[ ", " ]]", "$[", "]", "\\\n", "if :; then ", " fi", "~", "=", "!",
	"${option.x}", "${option.x}", "${option.x}", "\"${option.x}\"", "'${option.x}'", " ${option.x} ", "\"$(echo ${option.x})\"",
	"printf %s ", "set -- ", "export ", "local ", "test -n ", "[ -n ", " ]", "-eq ", "eval ", "unset ", "read ", "y+=", "@(", "?(", "<(", "${#y}", "${!y", "${y@", "${y//", "${y%", "${y#", "() ", "\t", "\r", "é", "*", "E", "select y in ", "do ", " done", "coproc ", "<", ">", "case", " in ", "\\\n#", "# '", ")#", "((1))", "$((x", "x", "{x:", "declare ", "printf -v y ",
}

// attacks say PWNED if a shell runs any part of them, and only then.
func attacks(v string) []string {
	const run = "printf %s%s PW NED"
	out := []string{
		"$(" + run + ">&2)", "`" + run + ">&2`", ";" + run + ";", "\n" + run + "\n", "'\n" + run + "\n'", "\"\n" + run + "\n\"",
		"';" + run + ";'", "\";" + run + ";\"", "\\';" + run + ";", "\\\";" + run + ";", ")\n" + run + "\n(", "}\n" + run + "\n", "\nE\n" + run + "\n",
		"a[$(" + run + ">&2)]", "'$(" + run + ">&2)'", "\"'$(" + run + ">&2)'\"", "\\$(" + run + ">&2)", "`'" + run + ">&2'`",
	}
	for _, around := range []string{"", "'", "\"", "`", ")", "}", "\n"} {
		out = append(out, v+around+"\n"+run+"\n"+around)
	}
	return out
}

// FuzzAuthor: whatever an author wrote, if it is called safe then no value makes
// a shell run something. The author's text is made of the pieces that decide
// about quoting, one per byte.
func FuzzAuthor(f *testing.F) {
	shells := shelltest.Open(f)
	of := func(texts ...string) []byte {
		var b []byte
		for _, text := range texts {
			for i, p := range pieces {
				if p == text {
					b = append(b, byte(i))
					break
				}
			}
		}
		return b
	}
	f.Add(of("echo ", "${option.x}"), uint16(0), "")
	f.Add(of("echo ", "\"", "$(", "echo ", "\"", "${option.x}", "\"", ")", "\""), uint16(3), "")
	f.Add(of("echo ", "${y:-", "}", " ", "'${option.x}'", " #", "${option.x}", "\n", "a"), uint16(5), "'")
	f.Add(of("case x in ", " x) ", "echo ", "${option.x}", "esac"), uint16(10), ")")
	f.Add(of("x=", "${option.x}", ";", "set -- ", "\"${option.x}\"", "&&", "export ", "x=", "${option.x}"), uint16(20), "\\")
	f.Add(of("if :; then ", "[ -n ", " ${option.x} ", " ]", "; }", " fi"), uint16(22), "$")
	f.Add(of("((", "echo ", "a", ")", ")", "${option.x}"), uint16(1), "")
	f.Add(of("$((", "(", "a", "))", "\n", "${option.x}", ")"), uint16(1), "")
	for i := range len(attacks("")) * len(shells) {
		f.Add(of("printf %s ", "${option.x}", " ", "\"${option.x}\"", " ", "'${option.x}'"), uint16(i), "x")
		f.Add(of("\\\n", "#", "'${option.x}'"), uint16(i), "")    // found once: a comment after a continued line
		f.Add(of("read ", " fi", "'${option.x}'"), uint16(i), "") // found once: a name for read that is a value
		f.Add(of("\\", "read ", " fi", "'${option.x}'"), uint16(i), "")
		f.Add(of("${y:-", "eval ", "}", "\"$(echo ${option.x})\""), uint16(i), "")
		f.Add(of("${y:-", "${y:-", "eval ", "}", "eval ", "}", "\"$(echo ${option.x})\""), uint16(i), "")
		f.Add(of(" #", "\\\n", "${y:-", "eval ", "}", "'${option.x}'"), uint16(i), "")
		f.Add(of(" #", "\\\n", "${y:-", "}", "eval ", "'${option.x}'"), uint16(i), "")
		f.Add(of("${y//", "}", "eval ", "'${option.x}'"), uint16(i), "") // found once: what is in front of the name comes to nothing
	}
	f.Fuzz(func(t *testing.T, author []byte, which uint16, value string) {
		if len(author) > 40 || strings.Contains(value, "\x00") {
			return
		}
		var b strings.Builder
		for _, c := range author {
			b.WriteString(pieces[int(c)%len(pieces)])
		}
		text := b.String()
		tpl := ParseShell(text)
		if len(tpl.Refs()) == 0 || len(tpl.Unsafe) > 0 {
			return
		}
		all := attacks(value)
		cmd := tpl.Expand(lookup(all[int(which)%len(all)]))
		// One shell for each input: every text costs a process here.
		s := shells[int(which)/len(all)%len(shells)]
		// What is printed as an error counts too: a substitution's output is often swallowed.
		got, err := s.Apart("exec 2>&1 </dev/null\n" + cmd)
		if strings.Contains(got, "PWNED") {
			t.Fatalf("%s ran the value:\n%s\nfrom\n%s", s.Name, cmd, text)
		}
		if err != nil {
			t.Fatalf("%v\n%s\nfrom\n%s", err, cmd, text)
		}
	})
}

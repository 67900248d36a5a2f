package job

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Ref is a variable in a text: ${context.key}.
type Ref struct{ Context, Key string }

func (r Ref) String() string { return "${" + r.Context + "." + r.Key + "}" }

// A shell variable's name has no dot, so what matches here is never shell.
var refRE = regexp.MustCompile("\\$\\{([A-Za-z][A-Za-z0-9_]*)\\.([^{}\\s'\"$`\\\\]+)\\}")

// Lookup gives a variable's value; ok is false for one that has none, which
// leaves a blank.
type Lookup func(Ref) (value string, ok bool)

// quoting is where in a shell text a variable stands.
type quoting int

const (
	bare   quoting = iota // outside quotes
	double                // in "…"
	single                // in '…'
	remark                // in a # comment: nothing is put there
)

type part struct {
	text string
	ref  *Ref
	in   quoting
}

// Template is an author's shell text with variables in it. The author's text
// stays shell; a value is put in so that the shell reads it as one piece of
// data, whether the author wrote the variable bare, in double or in single
// quotes. Places where no quoting can do that (here-documents, arithmetic,
// backticks, a shell inside the shell) make the template Unsafe.
type Template struct {
	parts []part
	// Unsafe says, in words, why a value could be read as code here.
	Unsafe []string
	raw    bool // has ${unquotedoption.x}
}

// Raw says that the author asked for values without quotes.
func (t *Template) Raw() bool { return t.raw }

// Refs lists the variables, each once.
func (t *Template) Refs() []Ref {
	var out []Ref
	for _, p := range t.parts {
		if p.ref != nil && !slices.Contains(out, *p.ref) {
			out = append(out, *p.ref)
		}
	}
	return out
}

// Quote gives s as one word of a POSIX shell.
func Quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Expand puts the values in.
func (t *Template) Expand(get Lookup) string {
	var b strings.Builder
	for _, p := range t.parts {
		if p.ref == nil {
			b.WriteString(p.text)
			continue
		}
		v, ok := get(*p.ref)
		if !ok || p.in == remark {
			continue
		}
		if p.ref.Context == "unquotedoption" {
			b.WriteString(v)
			continue
		}
		q := Quote(v)
		switch p.in {
		case double:
			q = `"` + q + `"`
		case single:
			q = `'` + q + `'`
		}
		b.WriteString(q)
	}
	return b.String()
}

// Remedy is the way out every refusal names.
func remedy(r Ref) string {
	if r.Context == "option" || r.Context == "unquotedoption" {
		return fmt.Sprintf(`use "$%s" instead, which the step's environment holds`, EnvName(r.Key))
	}
	return "move it out of there"
}

// EnvName is the environment variable that holds an option.
func EnvName(option string) string { return "RD_OPTION_" + envWord(option) }

func envWord(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, s)
}

// inner finds commands that read an argument as code again. A value that is
// safely quoted for the outer shell would be code for the inner one.
var inner = regexp.MustCompile(`(^|[\s;&|({"'` + "`" + `\\])(\S*/)?(` +
	`(eval|let|declare|typeset|ssh|watch|trap)\s` +
	`|((ba|da|z|k|a|c|tc|fi)?sh|busybox\s+sh)["']?(\s+[-+]\S+(\s+(pipefail|errexit|nounset|xtrace))?)*\s+-[A-Za-z]*c["'\s]` +
	`|(ba|da|z|k|a)?sh\s*<<<` +
	`|(su|runuser|script|env\s+-S)\s([^\n;|&]*\s)?-[A-Za-z]*c["'\s]` +
	`|env\s+-S` +
	`|(perl|ruby|node)\s([^\n;|&]*\s)?-[A-Za-z]*e` +
	`|(python[0-9.]*|php)\s([^\n;|&]*\s)?-[A-Za-z]*[cr])`)

// fed finds a text that is handed to a shell as its input, and names of
// variables that bash evaluates like an expression (a[$(…)] is one). \x01 stands
// for a value.
var fed = regexp.MustCompile(`(?m)(echo|printf)\s.*\x01.*\|\s*(sudo\s[^|]*)?(\S*/)?((?:ba|da|z|k|a)?sh|at|batch)(\s+-\S*)*\s*($|[;&|)"'>]|now\b)` +
	`|(^|[\s;&|({\\])(\S*/)?(source|\.|(?:ba|da|z|k|a)?sh|at|batch)\s[^\n;|&]*<(\(|<<)[^\n]*\x01` +
	// The names of unset, read, printf -v and test -v; a prompt of read is none.
	`|(^|[\s;&|({\\])(unset|mapfile|readarray|getopts)\s[^\n;|&]*\x01` +
	`|(^|[\s;&|({\\])read\s+(-[rse]+\s+)*(\x01|[^-\s][^\n;|&]*\x01|-[A-Za-z]*[^rsep\s][^\n;|&]*\x01|-[rse]*p\s*("[^"]*"|'[^']*'|[^\s"']+)\s+[^\n;|&]*\x01)` +
	`|(^|[\s;&|({\\])(printf\s([^\n;|&]*\s)?-v|(test|\[\[?)\s([^\n]*\s)?-[vR])\s*[^\s;|&]*\x01` +
	`|(^|[\s;&|({\\])(alias)\s[^\n;|&]*\x01` +
	`|(^|[\s;&|({\\])(\S*/)?(su|runuser)\s([^\n;|&]*\s)?--command[=\s]` +
	`|(^|[\s;&|({\\])(\S*/)?(perl|ruby|node)\s([^\n;|&]*\s)?(-[A-Za-z]*E|--eval)`)

// localName finds a name for local, which is evaluated too, but only in a function.
var localName = regexp.MustCompile(`(?s)(\(\s*\)|function\s).*(^|[\s;&|({\\])local\s([^\n;|&]*\s)?[^=\s;|&]*\x01`)

var arithmeticTest = regexp.MustCompile(`\[\[[^\]]*\s-(eq|ne|lt|le|gt|ge)\s`)

var melts = regexp.MustCompile(`\$?["']|\\|\$(\{[^{}]*\}|\([^()]*\)|[A-Za-z_]\w*|[0-9@*#?$!-])|` + "`[^`]*`" + `|\x01+([a-z])`)

var defaults = regexp.MustCompile(`\$\{\w*:?[-+=]([^{}]*)\}`)

// melted is a text without what may come to nothing in the middle of a word: of
// ${y}eval, e""val and ${option.y}eval the shell runs eval. With spoken, what an
// expansion says instead of nothing stands in its place. Values are \x01.
func melted(text string, spoken bool) string {
	text = refRE.ReplaceAllString(text, "\x01")
	for range 20 { // one in another
		less := text
		if spoken {
			less = defaults.ReplaceAllString(text, "$1")
		}
		if less == text {
			less = melts.ReplaceAllString(text, "$2")
		}
		if less == text {
			break
		}
		text = less
	}
	return text
}

// ParseShell reads a shell text.
func ParseShell(text string) *Template {
	t := &Template{}
	s := scanner{t: t, text: text, frames: []frame{{kind: command}}}
	s.run()
	if len(t.Refs()) == 0 {
		t.Unsafe = nil
		return t
	}
	first := t.Refs()[0]
	// The author's text alone is searched: what a value holds is not its concern.
	// Also with its continued lines joined, for a shell reads it so.
	whole := strings.ReplaceAll(text, "\\\n", "")
	var forms []string
	for _, text := range []string{text, whole} { // a comment's backslash continues nothing
		forms = append(forms, text, melted(text, false), melted(text, true))
	}
	for _, text := range forms {
		if m := inner.FindStringSubmatch(strings.ReplaceAll(refRE.ReplaceAllString(text, "X"), "\x01", "X")); m != nil {
			s.unsafe("%s stands in a text that `%s` reads as code again; %s", first, strings.Fields(m[3])[0], remedy(first))
		}
		if marked := refRE.ReplaceAllString(text, "\x01"); fed.MatchString(marked) || localName.MatchString(marked) {
			s.unsafe("%s stands in a text that a shell reads as code again, or as the name of a variable; %s", first, remedy(first))
		}
	}
	if name := evaluated(refRE.ReplaceAllString(whole, "\x01")); name != "" {
		s.unsafe("%s may be what %s holds, which bash evaluates as code in arithmetic; use expr, which only calculates", first, name)
	}
	if arithmeticTest.MatchString(text) || arithmeticTest.MatchString(whole) {
		s.unsafe("%s may stand in a [[ … ]] with a numeric comparison, which bash evaluates as code; use [ … ] with \"$%s\"", first, EnvName(first.Key))
	}
	return t
}

// ParsePlain reads a plain text, one without shell syntax (an interpreter's
// argument, a node filter's value): values are put in as they are.
func ParsePlain(text string) *Template {
	t := &Template{}
	at := 0
	for _, m := range refRE.FindAllStringSubmatchIndex(text, -1) {
		if m[0] > at {
			t.parts = append(t.parts, part{text: text[at:m[0]]})
		}
		t.parts = append(t.parts, part{ref: &Ref{text[m[2]:m[3]], text[m[4]:m[5]]}})
		at = m[1]
	}
	if at < len(text) {
		t.parts = append(t.parts, part{text: text[at:]})
	}
	return t
}

// ExpandPlain puts values in as they are. empty is true when the text consists
// of nothing but variables without a value.
func (t *Template) ExpandPlain(get Lookup) (s string, empty bool) {
	var b strings.Builder
	empty = len(t.parts) > 0
	for _, p := range t.parts {
		if p.ref == nil {
			b.WriteString(p.text)
			empty = false
		} else if v, ok := get(*p.ref); ok {
			b.WriteString(v)
			empty = false
		}
	}
	return b.String(), empty
}

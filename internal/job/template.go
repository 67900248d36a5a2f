package job

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"muster/internal/node"
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
	asis                  // where quotes would not be read as such: only what needs none
)

type part struct {
	text  string
	ref   *Ref
	in    quoting
	trust trust
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
	raw    bool // has ${unquotedoption.x} of a value that anything can stand in
	leans  bool // is safe only because of what can stand in its values
	files  files
}

// Raw says that the author asked for values without quotes.
func (t *Template) Raw() bool { return t.raw }

// Held refuses values that are not of what the template was called safe for.
func (t *Template) Held(get Lookup) error {
	if !t.leans {
		return nil
	}
	for _, p := range t.parts {
		if p.ref == nil || p.in == remark {
			continue
		}
		if v, ok := get(*p.ref); ok {
			if err := held(*p.ref, p.trust, v); err != nil {
				return err
			}
		}
	}
	return nil
}

// Missing lists the variables that Muster has no value for.
func (t *Template) Missing() []string {
	var out []string
	for _, r := range t.Refs() {
		if r.Context == "option" || r.Context == "unquotedoption" || !(&Definition{}).gives(r, false) {
			out = append(out, r.String())
		}
	}
	return out
}

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
		if p.ref.Context == "unquotedoption" || p.in == asis {
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
func EnvName(option string) string { return "RD_OPTION_" + node.EnvWord(option) }

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

// ParseShell reads a shell text whose options hold whatever a caller writes.
func ParseShell(text string) *Template { return parseShell(text, nil, musterTrust) }

// parseShell reads a shell text. of says how far each of its values can be
// believed.
func parseShell(text string, options []Option, of func(Ref) trust) *Template {
	t := readShell(text, options, of)
	if len(t.Refs()) > 0 && len(t.Unsafe) == 0 {
		t.leans = t.raw || len(readShell(text, options, func(Ref) trust { return free }).Unsafe) > 0
	}
	return t
}

func readShell(text string, options []Option, of func(Ref) trust) *Template {
	t := &Template{}
	s := scanner{t: t, text: text, trust: of, need: word, frames: []frame{{kind: command}}}
	s.run()
	// Where a shell calculates, a word is the name of a variable, whose value is
	// evaluated in its turn.
	if first, ok := t.least(number); ok {
		whole := strings.ReplaceAll(text, "\\\n", "")
		mark := func(text string) string {
			return refRE.ReplaceAllStringFunc(text, func(m string) string {
				if of(refOf(m)) < number {
					return "\x01"
				}
				return "1"
			})
		}
		if name := evaluated(mark(whole)); name != "" {
			s.unsafe("%s may be what %s holds, which bash evaluates as code in arithmetic; use expr, which only calculates", first, name)
		}
		if arithmeticTest.MatchString(text) || arithmeticTest.MatchString(whole) {
			s.unsafe("%s may stand in a [[ … ]] with a numeric comparison, which bash evaluates as code; use [ … ] with \"$%s\"", first, EnvName(first.Key))
		}
	}
	s.judge(options)
	if first, ok := t.least(author); ok && len(t.Unsafe) == 0 {
		s.readAgain(first)
	}
	return t
}

var (
	yqEval   = regexp.MustCompile(`\byq\s+eval(-all)?\s`)
	pyInline = regexp.MustCompile(`\bpython[0-9.]*\s+-c\s+'[^']*'`)
	pyReads  = regexp.MustCompile(`\$\{|\x01|environ|getenv|argv|system|exec|eval|subprocess|popen|spawn|__|compile|pickle|yaml|ctypes|runpy|code|open|\bpty\b|attr|modules|globals|vars|builtins|input\s*\(|python2`)
	pyImport = regexp.MustCompile(`\bimport\s+([A-Za-z0-9_., ]*)`)
	// pyPlain are modules of Python in which nothing runs a text.
	pyPlain = set("json sys re math datetime time csv collections statistics base64 hashlib itertools decimal string textwrap")
)

// aside takes out what only has the look of reading code again: the evaluation of
// yq, whose argument judge knows, and a written-out Python program that has
// nothing in it which could run its input.
func aside(text string) string {
	return pyInline.ReplaceAllStringFunc(yqEval.ReplaceAllString(text, "yq "), func(m string) string {
		if pyReads.MatchString(m) {
			return m
		}
		for _, names := range pyImport.FindAllStringSubmatch(m, -1) {
			for _, name := range strings.FieldsFunc(names[1], func(r rune) bool { return r == ',' || r == ' ' }) {
				if !pyPlain[name] {
					return m
				}
			}
		}
		return "python3 x"
	})
}

// least finds a variable that is trusted less than t.
func (t *Template) least(than trust) (Ref, bool) {
	for _, p := range t.parts {
		if p.ref != nil && p.trust < than {
			return *p.ref, true
		}
	}
	return Ref{}, false
}

// refOf reads a variable that refRE matched.
func refOf(m string) Ref {
	g := refRE.FindStringSubmatch(m)
	return Ref{g[1], g[2]}
}

// readAgain looks at the text as a whole for what reads code that a value could
// be part of. It is coarser than judge, and does not depend on where words end.
func (s *scanner) readAgain(first Ref) {
	// Of the values only those that could be code concern it.
	text := refRE.ReplaceAllStringFunc(s.text, func(m string) string {
		if s.trust(refOf(m)) > free {
			return "X"
		}
		return m
	})
	// The author's text alone is searched: what a value holds is not its concern.
	// Also with its continued lines joined, for a shell reads it so.
	text = aside(text)
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

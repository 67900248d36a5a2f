package job

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"muster/internal/fault"
	"muster/internal/node"
)

// tokenRE is a variable inside an inline script.
var tokenRE = regexp.MustCompile(`@([A-Za-z][A-Za-z0-9_]*)\.([A-Za-z0-9_.:-]+)@`)

// Contexts whose @x.y@ is a variable; anything else (an address like a@b.c@d)
// is the script's own.
var tokenContexts = map[string]bool{"option": true, "unquotedoption": true, "node": true, "job": true, "globals": true, "data": true, "export": true, "result": true, "execution": true, "file": true, "secureoption": true}

// scriptRefs lists the variables inside an inline script, each once.
func scriptRefs(text string) []Ref {
	var out []Ref
	eachToken(text, func(string) {}, func(r Ref) {
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	})
	return out
}

// eachToken cuts an inline script into its own text, in which @@ became @, and
// variables.
func eachToken(text string, own func(string), token func(Ref)) {
	for i := 0; i < len(text); {
		next := strings.IndexByte(text[i:], '@')
		if next < 0 {
			own(text[i:])
			return
		}
		own(text[i : i+next])
		i += next
		if strings.HasPrefix(text[i:], "@@") {
			own("@")
			i += 2
			continue
		}
		if m := tokenRE.FindStringSubmatchIndex(text[i:]); m != nil && m[0] == 0 && tokenContexts[text[i+m[2]:i+m[3]]] {
			token(Ref{text[i+m[2] : i+m[3]], text[i+m[4] : i+m[5]]})
			i += m[1]
			continue
		}
		own("@")
		i++
	}
}

// Script gives a step's inline script as it reaches the node: @@ becomes @ and
// @option.x@ the value. One that anything can stand in is only put in where the
// project allows raw values; any other is held to what it may hold.
func (d *Definition) Script(text string, raw bool, get Lookup) (string, error) {
	var err error
	s := expandScript(text, func(r Ref) (string, bool) {
		v, ok := get(r)
		if ok && !raw {
			if t := d.trust(r); t == free {
				err = fault.Newf(fault.Invalid, "The project does not allow the value of @%s.%s@ in a script. Use the environment variable.", r.Context, r.Key)
			} else if no := held(r, t, v); no != nil {
				err = no
			}
		}
		return v, ok
	})
	return s, err
}

// Interpreter is what a script is run with, which a shell reads.
func (d *Definition) Interpreter(text string, raw bool, get Lookup) (string, error) {
	t := ParsePlain(text)
	for _, r := range t.Refs() {
		if v, ok := get(r); ok && !raw {
			if err := held(r, max(word, d.trust(r)), v); err != nil {
				return "", err
			}
		}
	}
	s, _ := t.ExpandPlain(get)
	return s, nil
}

// expandScript gives an inline script with its variables put in.
func expandScript(text string, get Lookup) string {
	var b strings.Builder
	eachToken(text, func(own string) { b.WriteString(own) }, func(r Ref) {
		if v, ok := get(r); ok {
			b.WriteString(v)
		}
	})
	return b.String()
}

// splitArgs cuts a script's arguments at blanks outside quotes. They are not
// shell: the quotes only keep words together.
func splitArgs(s string) ([]string, error) {
	var out []string
	var b strings.Builder
	in, quote := false, byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			b.WriteByte(c)
		case c == '\'' || c == '"':
			quote, in = c, true
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if in {
				out = append(out, b.String())
				b.Reset()
				in = false
			}
		case s[i] == '$' && refRE.FindStringIndex(s[i:]) != nil && refRE.FindStringIndex(s[i:])[0] == 0:
			m := refRE.FindStringIndex(s[i:])
			b.WriteString(s[i : i+m[1]])
			i += m[1] - 1
			in = true
		default:
			b.WriteByte(c)
			in = true
		}
	}
	if quote != 0 {
		return nil, fault.Field("args", "the arguments have a quote that is not closed. Close it.")
	}
	if in {
		out = append(out, b.String())
	}
	return out, nil
}

// ExpandArgs gives a script's arguments as single values. A word that is only a
// variable without a value is left out.
func ExpandArgs(args string, get Lookup) []string {
	words, err := splitArgs(args)
	if err != nil { // refused at import
		return nil
	}
	out := []string{}
	for _, w := range words {
		if v, empty := ParsePlain(w).ExpandPlain(get); !empty {
			out = append(out, v)
		}
	}
	return out
}

// MaxThreads bounds how many nodes one run works on at once.
const MaxThreads = 500

func count(s string) (int, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	return n, err == nil && n >= 1 && n <= MaxThreads
}

// Threads is the number of nodes worked on at once, given the options.
func (d *Definition) Threads(get Lookup) (int, error) {
	s, _ := ParsePlain(d.ThreadCount).ExpandPlain(get)
	if strings.TrimSpace(s) == "" {
		return 1, nil
	}
	n, ok := count(s)
	if !ok {
		return 0, fault.Field("threadcount", "The thread count "+strconv.Quote(s)+" is not a number from 1 to "+strconv.Itoa(MaxThreads)+". Give another value.")
	}
	return n, nil
}

// Filters are the job's node filters with the options put in. A value stays the
// value of its clause and never becomes another clause; only a filter that is
// nothing but one variable is read from it whole.
func (d *Definition) Filters(get Lookup) (filter, exclude node.Filter, err error) {
	text := d.Filter
	if text == "" && d.Exclude != "" {
		text = ".*" // all but the excluded
	}
	if filter, err = expandFilter(text, get); err == nil {
		exclude, err = expandFilter(d.Exclude, get)
	}
	return filter, exclude, err
}

func expandFilter(text string, get Lookup) (node.Filter, error) {
	if m := refRE.FindString(text); m != "" && m == strings.TrimSpace(text) {
		v, _ := ParsePlain(m).ExpandPlain(get)
		return node.ParseFilter(v)
	}
	toks, err := node.Tokens(text)
	if err != nil {
		return node.Filter{}, err
	}
	out := []node.Token{}
	for _, t := range toks {
		v, empty := ParsePlain(t.Value).ExpandPlain(get)
		if empty || strings.TrimSpace(v) == "" {
			if t.Exclude {
				continue // nothing to exclude
			}
			return node.Filter{}, fault.Field("options", "The job's node filter needs a value for "+ParsePlain(t.Value).Refs()[0].Key+". Give that option.")
		}
		t.Value = v
		out = append(out, t)
	}
	return node.FilterOf(out)
}

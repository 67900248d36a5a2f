package job

import (
	"fmt"
	"slices"
	"strings"
)

// The scanner follows the quoting of a POSIX shell text (and bash's additions)
// far enough to know in which quotes each variable stands. Where it cannot be
// sure, it says so: an unsafe template is refused, a wrong guess would be a hole.

type frameKind int

const (
	command frameKind = iota // commands: top level, ( … ), $( … )
	dquote                   // "…"
	arith                    // $(( … )), (( … ))
)

type frame struct {
	kind  frameKind
	subst bool // $( … )
	depth int  // open parentheses in arith
}

type scanner struct {
	t      *Template
	text   string
	trust  func(Ref) trust
	at     int
	lit    strings.Builder
	frames []frame
	lost   string // why later positions are not certain
	need   trust  // what may stand there nevertheless
	wordAt bool   // at the start of a word
}

func (s *scanner) unsafe(format string, a ...any) {
	msg := fmt.Sprintf(format, a...)
	if !slices.Contains(s.t.Unsafe, msg) {
		s.t.Unsafe = append(s.t.Unsafe, msg)
	}
}

func (s *scanner) top() *frame { return &s.frames[len(s.frames)-1] }

func (s *scanner) push(f frame) { s.frames = append(s.frames, f) }

func (s *scanner) pop() {
	if len(s.frames) > 1 {
		s.frames = s.frames[:len(s.frames)-1]
	}
}

func (s *scanner) take(n int) {
	s.lit.WriteString(s.text[s.at : s.at+n])
	s.at += n
}

func (s *scanner) rest() string { return s.text[s.at:] }

func (s *scanner) has(p string) bool { return strings.HasPrefix(s.rest(), p) }

// ref takes the variable at the position, if there is one.
func (s *scanner) ref(in quoting) bool {
	if !s.has("${") {
		return false
	}
	m := refRE.FindStringSubmatchIndex(s.rest())
	if m == nil || m[0] != 0 {
		return false
	}
	rest := s.rest()
	r := Ref{rest[m[2]:m[3]], rest[m[4]:m[5]]}
	if s.lit.Len() > 0 {
		s.t.parts = append(s.t.parts, part{text: s.lit.String()})
		s.lit.Reset()
	}
	t := s.trust(r)
	if in != remark && s.lost != "" {
		// What is neither quote nor blank nor sign is itself in any quotes.
		if t >= s.need {
			in = asis
		} else {
			s.unsafe("%s stands %s; %s", r, s.lost, remedy(r))
		}
	}
	s.t.parts = append(s.t.parts, part{ref: &r, in: in, trust: t})
	if r.Context == "unquotedoption" && t == free {
		s.t.raw = true
	}
	s.at += m[1]
	return true
}

// isRef says whether a variable stands at offset n from the position.
func (s *scanner) isRef(n int) bool {
	if s.at+n > len(s.text) {
		return false
	}
	m := refRE.FindStringIndex(s.text[s.at+n:])
	return m != nil && m[0] == 0
}

// within runs fn with every variable in it reported as standing in place.
func (s *scanner) within(place string, fn func()) { s.where(place, word, fn) }

// calculated is within for a place where a word is the name of a variable.
func (s *scanner) calculated(place string, fn func()) { s.where(place, number, fn) }

// where is within for a place where only values of a trust may stand.
func (s *scanner) where(place string, need trust, fn func()) {
	lost, was := s.lost, s.need
	s.lost, s.need = place, max(need, was)
	fn()
	if s.lost == place {
		s.lost, s.need = lost, was
	}
}

func (s *scanner) run() {
	s.wordAt = true
	for s.at < len(s.text) {
		switch s.top().kind {
		case dquote:
			s.inDouble()
		case arith:
			s.inArith()
		default:
			s.inCommand()
		}
	}
	if s.lit.Len() > 0 {
		s.t.parts = append(s.t.parts, part{text: s.lit.String()})
	}
}

func (s *scanner) inCommand() {
	word := s.wordAt
	s.wordAt = false
	if s.ref(bare) {
		return
	}
	c := s.text[s.at]
	switch {
	case s.has("\\\n"):
		s.take(2) // a continued line: as if nothing stood there
		s.wordAt = word
	case c == '\\':
		s.escape()
	case c == '\'':
		s.single()
	case c == '"':
		s.take(1)
		s.push(frame{kind: dquote})
	case c == '`':
		s.backtick()
	case c == '$':
		s.dollar(false)
	case c == '#' && word:
		s.comment()
	case s.has("<<<"):
		s.take(3)
		s.wordAt = true
	case s.has("<<"):
		s.take(2)
		s.lost = "in or after a here-document, where quotes do not protect it"
	case c == '(' && s.split():
		s.lost = splitOperator
		s.take(1)
		s.push(frame{kind: command})
		s.wordAt = true
	case s.has("((") && !s.has("(()"):
		s.take(2)
		s.push(frame{kind: arith, depth: 2})
	case c == '(':
		s.take(1)
		s.push(frame{kind: command})
		s.wordAt = true
	case c == ')':
		s.take(1)
		s.pop()
		s.closed()
	case c == '<' && s.split():
		s.lost = splitOperator
		s.take(1)
	case strings.IndexByte(" \t\n;&|<>", c) >= 0: // not \r, which is a letter to a shell
		s.take(1)
		s.wordAt = true
	default:
		if word && strings.HasPrefix(joined(s.rest(), len("case")), "case") && s.inSubstitution() {
			// A pattern's ")" looks like the end of the substitution.
			s.lost = "in or after a `case` inside $( … ), whose end cannot be told for sure"
		}
		s.take(1)
	}
}

// splitOperator: shells take a continued line out before they look for
// operators, so "<\", line end, "<" is a here-document.
const splitOperator = "after a line that is continued in the middle of an operator"

// split says whether the next character is followed by a continued line.
func (s *scanner) split() bool { return strings.HasPrefix(s.text[s.at+1:], "\\\n") }

// joined is the beginning of a text, at least n bytes of it if there are, with
// its continued lines joined.
func joined(text string, n int) string {
	var b strings.Builder
	for len(text) > 0 && b.Len() < n {
		if rest, ok := strings.CutPrefix(text, "\\\n"); ok {
			text = rest
			continue
		}
		b.WriteByte(text[0])
		text = text[1:]
	}
	return b.String()
}

// closed is what follows a ")". Whether a "#" right behind it begins a comment
// depends on what the ")" ended, and on the shell.
func (s *scanner) closed() {
	s.wordAt = true
	if joined(s.rest(), 1) == "#" {
		s.lost = "after a \")#\", which is a comment to some shells only"
	}
}

func (s *scanner) inSubstitution() bool {
	return slices.ContainsFunc(s.frames, func(f frame) bool { return f.subst })
}

// escape: a backslash takes the next character's meaning away, which must not
// be that of a quote put around a value.
func (s *scanner) escape() {
	if s.isRef(1) {
		s.take(1)
		s.within("right after a backslash, which would undo its quotes", func() { s.ref(s.quoting()) })
		return
	}
	s.take(min(2, len(s.text)-s.at))
}

func (s *scanner) quoting() quoting {
	if s.top().kind == dquote {
		return double
	}
	return bare
}

func (s *scanner) single() {
	s.take(1)
	for s.at < len(s.text) {
		if s.ref(single) {
			continue
		}
		if s.text[s.at] == '\'' {
			s.take(1)
			return
		}
		s.take(1)
	}
}

func (s *scanner) comment() {
	for s.at < len(s.text) && s.text[s.at] != '\n' {
		if !s.ref(remark) {
			s.take(1)
		}
	}
}

func (s *scanner) backtick() {
	s.take(1)
	s.within("in `…`, where quotes are read twice", func() {
		for s.at < len(s.text) {
			switch {
			case s.ref(bare):
			case s.text[s.at] == '\\':
				s.take(min(2, len(s.text)-s.at))
			case s.text[s.at] == '`':
				s.take(1)
				return
			default:
				s.take(1)
			}
		}
	})
}

// dollar reads what begins with $ and is not one of our variables.
func (s *scanner) dollar(quoted bool) {
	switch {
	case s.split():
		s.lost = splitOperator
		s.take(1)
	case s.isRef(1):
		s.take(1)
		s.where("right after a $, which would change the meaning of its quotes", nothing, func() { s.ref(s.quoting()) })
	case s.has("$(("):
		s.take(3)
		s.push(frame{kind: arith, depth: 2})
	case s.has("$("):
		s.take(2)
		s.push(frame{kind: command, subst: true})
		s.wordAt = true
	case s.has("${"):
		s.parameter()
	case s.has("$[") && !quoted:
		s.take(2)
		s.lost, s.need = "in or after $[ … ], which is arithmetic", number
	case s.has("$'") && !quoted:
		s.ansi()
	default:
		s.take(1)
	}
}

// parameter reads the shell's own ${…} up to its end. Quotes in it follow rules
// that differ between shells, so nothing is certain after one with quotes.
func (s *scanner) parameter() {
	s.take(2)
	depth, odd := 1, false
	s.calculated("inside the shell's own ${ … }, where quoting rules differ between shells", func() {
		for s.at < len(s.text) {
			if s.ref(bare) {
				continue
			}
			switch c := s.text[s.at]; {
			case c == '}':
				s.take(1)
				if depth--; depth == 0 {
					return
				}
				continue
			case c == '{':
				// Only that of another ${ is closed by a } of its own.
				if depth++; s.text[s.at-1] != '$' {
					odd = true
				}
			case strings.IndexByte("'\"\\`(", c) >= 0:
				odd = true
			case c == '\n':
				odd = true
			}
			s.take(1)
		}
	})
	if odd {
		s.lost = "after a ${ … } with quotes or braces in it, whose end cannot be told for sure"
	}
}

// ansi reads $'…': bash knows escapes in it, dash does not.
func (s *scanner) ansi() {
	s.take(2)
	odd := false
	s.within("in $'…', where backslashes have a meaning", func() {
		for s.at < len(s.text) {
			if s.ref(single) {
				continue
			}
			c := s.text[s.at]
			s.take(1)
			if c == '\\' {
				odd = true
				if s.at < len(s.text) {
					s.take(1)
				}
			} else if c == '\'' {
				return
			}
		}
	})
	if odd {
		s.lost = "after a $'…' with backslashes, which shells read differently"
	}
}

func (s *scanner) inDouble() {
	if s.ref(double) {
		return
	}
	switch c := s.text[s.at]; c {
	case '"':
		s.take(1)
		s.pop()
	case '\\':
		s.escape()
	case '`':
		s.backtick()
	case '$':
		s.dollar(true)
	default:
		s.take(1)
	}
}

func (s *scanner) inArith() {
	s.calculated("in arithmetic, which a shell evaluates as code", func() {
		if s.ref(bare) {
			return
		}
		f := s.top()
		switch c := s.text[s.at]; c {
		case '(':
			f.depth++
		case ')':
			if f.depth--; f.depth == 0 {
				s.take(1)
				s.pop()
				s.closed()
				return
			}
		case '\'', '"', '\\', '`':
			s.lost = "after arithmetic with quotes in it, whose end cannot be told for sure"
		case '#', '<':
			// What looks like arithmetic may be two subshells, and this a comment or a here-document.
			if c == '<' && s.has("<<") || c == '#' && strings.IndexByte(" \t\n;&|()<>", s.text[s.at-1]) >= 0 {
				s.lost = "after a (( … )) with a # or a << in it, whose end cannot be told for sure"
			}
		}
		s.take(1)
	})
}

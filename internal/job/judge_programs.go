package job

import (
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Programs of awk and sed that the text shows are read far enough to know whether
// what they are given as data could make them run a command.

// awkCalls finds what runs a command, calls a function by a name in a variable, or
// loads more of a program.
var awkCalls = regexp.MustCompile(`system\s*\(|@`)

// awkRuns says whether an awk program could run its data. A command that stands
// there as a whole, in quotes, is judged with the data as its input.
func (j *judge) awkRuns(prog string, data *taint) bool {
	var code strings.Builder // without texts and expressions
	var texts []string       // each is \x03 in code
	before := byte('\n')     // the last character that is no blank
	for i := 0; i < len(prog); i++ {
		c := prog[i]
		switch {
		case c == '"':
			end := i + 1
			for end < len(prog) && prog[end] != '"' {
				if prog[end] == '\\' {
					end++
				}
				end++
			}
			texts = append(texts, prog[min(i+1, len(prog)):min(end, len(prog))])
			code.WriteByte(3)
			i, before = end, '"'
			continue
		case c == '/' && strings.IndexByte("\n(,~!{};&|", before) >= 0:
			end, in := i+1, false
			for end < len(prog) && (prog[end] != '/' || in) && prog[end] != '\n' {
				switch prog[end] {
				case '\\':
					end++
				case '[':
					in = true
				case ']':
					in = false
				}
				end++
			}
			code.WriteByte('x')
			i, before = end, 'x'
			continue
		case c == '#':
			for i+1 < len(prog) && prog[i+1] != '\n' {
				i++
			}
			continue
		}
		code.WriteByte(c)
		if c != ' ' && c != '\t' {
			before = c
		}
	}
	text := strings.ReplaceAll(code.String(), "||", "  ")
	if awkCalls.MatchString(text) {
		return true
	}
	for at, n := 0, 0; at < len(text); at++ {
		if text[at] == 3 {
			n++
		}
		if text[at] != '|' {
			continue
		}
		if strings.HasPrefix(strings.TrimLeft(text[at+1:], "& \t"), "getline") {
			// What stands before it is the command, which may be put together.
			if start := strings.LastIndexAny(text[:at], "\n;{}(!"); strings.TrimSpace(text[start+1:at]) != "\x03" || n == 0 || !j.quotedCommand(texts[n-1], nil) {
				return true
			}
			continue
		}
		rest := strings.TrimLeft(text[at+1:], " \t")
		if !strings.HasPrefix(rest, "\x03") || n >= len(texts) || strings.TrimLeft(rest[1:], " \t") != "" && !strings.ContainsAny(strings.TrimLeft(rest[1:], " \t")[:1], ";}\n") || !j.quotedCommand(texts[n], data) {
			return true
		}
	}
	return false
}

// quotedCommand judges a command of an awk program; false if it cannot be read.
func (j *judge) quotedCommand(text string, in *taint) bool {
	if strings.Contains(text, `\`) {
		return false
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		return false
	}
	j.stmts(file.Stmts, in)
	return true
}

// sedRuns says whether a sed script may run a command: e, or s with the flag e.
// It says so too where it cannot tell.
func sedRuns(script string) bool {
	i := 0
	// section skips to behind the next delimiter.
	section := func(d byte) bool {
		for ; i < len(script); i++ {
			switch script[i] {
			case '\\':
				i++
			case d:
				i++
				return true
			}
		}
		return false
	}
	line := func() {
		for i < len(script) && script[i] != '\n' {
			if script[i] == '\\' {
				i++
			}
			i++
		}
	}
	if strings.Contains(script, unknown) || strings.Contains(script, value) {
		return true
	}
	for i < len(script) {
		c := script[i]
		i++
		switch {
		case strings.IndexByte(" \t\n;{}!,0123456789$+~IM", c) >= 0:
		case c == '/':
			if !section('/') {
				return true
			}
		case c == '\\':
			if i >= len(script) {
				return true
			}
			d := script[i]
			if i++; !section(d) {
				return true
			}
		case c == 's' || c == 'y':
			if i >= len(script) || script[i] == '\n' || script[i] == '\\' {
				return true
			}
			d := script[i]
			i++
			if pattern := section(d); !pattern || !section(d) { // and what takes its place
				return true
			}
			for c == 's' && i < len(script) && strings.IndexByte("gpiIMm0123456789ew", script[i]) >= 0 {
				if script[i] == 'e' {
					return true
				}
				if script[i] == 'w' {
					line()
					break
				}
				i++
			}
		case c == 'e':
			return true
		case strings.IndexByte("aicrRwW#", c) >= 0:
			line()
		case strings.IndexByte("btT:", c) >= 0:
			for i < len(script) && strings.IndexByte(";\n}", script[i]) < 0 {
				i++
			}
		case strings.IndexByte("=dDgGhHnNpPqQxlLzFv", c) >= 0:
		default:
			return true
		}
	}
	return false
}

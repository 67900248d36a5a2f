package access

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"muster/internal/fault"
	"muster/internal/yamldoc"
)

// Bounds of one policy file. Real files are a few kilobytes; whatever is beyond
// these is a mistake or an attack on the parser.
const (
	MaxSize  = 256 << 10
	maxDocs  = 500
	maxDepth = 32 // nesting of brackets, and of indicators on one line
	maxKeys  = 1000
	maxNodes = 20000 // per document, after aliases are expanded
)

// lineError is a mistake at a line of the file.
type lineError struct {
	line int
	msg  string
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.msg) }

func at(line int, format string, a ...any) *lineError {
	return &lineError{line, fmt.Sprintf(format, a...)}
}

// chunk is the text of one YAML document and where it starts in the file.
type chunk struct {
	text  string
	first int // line of the first line, from 1
}

// split cuts a file at its document markers. Cutting the text, and not the
// parsed file, is what lets the other documents live when one is not even YAML:
// a marker at the start of a line ends a document whatever stands around it.
func split(text string) []chunk {
	var out []chunk
	var b strings.Builder
	first := 1
	flush := func(next int) {
		if meaningful(b.String()) {
			out = append(out, chunk{b.String(), first})
		}
		b.Reset()
		first = next
	}
	for n, line := range strings.Split(text, "\n") {
		rest, marker := strings.CutPrefix(line, "---")
		if marker && (rest == "" || rest[0] == ' ' || rest[0] == '\t') {
			flush(n + 1)
			line = "   " + rest
		} else if line == "..." || strings.HasPrefix(line, "... ") {
			flush(n + 2)
			continue
		}
		b.WriteString(line)
		b.WriteByte('\n')
	}
	flush(0)
	return out
}

// meaningful says whether there is more than blank lines, comments and directives.
func meaningful(text string) bool {
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' && line[0] != '%' {
			return true
		}
	}
	return false
}

// clean checks what holds for the whole file.
func clean(src []byte) (string, error) {
	if len(src) > MaxSize {
		return "", at(1, "the policy is %d KiB; at most %d KiB are accepted. Split it into several policies.", len(src)>>10, MaxSize>>10)
	}
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(src) {
		good := 0
		for good < len(src) {
			r, n := utf8.DecodeRune(src[good:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			good += n
		}
		return "", at(1+bytes.Count(src[:good], []byte("\n")), "not UTF-8 text. Save the file as UTF-8.")
	}
	text := strings.ReplaceAll(string(src), "\r\n", "\n")
	return strings.ReplaceAll(text, "\r", "\n"), nil
}

// decode parses one document; the lines of its values are those of the file.
func decode(c chunk) (v *yamldoc.Value, err error) {
	// A panic over foreign text is a wrong document, and not the end of a check
	// that only wanted to read the others.
	defer func() {
		if p := recover(); p != nil {
			v, err = nil, at(c.first, "this document is not valid YAML.")
		}
	}()
	docs, err := yamldoc.Parse([]byte(c.text))
	if err != nil {
		if e, ok := errors.AsType[*yamldoc.Error](err); ok {
			return nil, at(max(e.Line, 1)+c.first-1, "%s", e.Msg)
		}
		return nil, at(c.first, "%s", fault.Message(err))
	}
	switch {
	case len(docs) == 0:
		return nil, at(c.first, "the document is empty.")
	case len(docs) > 1:
		return nil, at(docs[1].Line+c.first-1, "a second document without a --- line before it.")
	}
	shift(docs[0], c.first-1, map[*yamldoc.Value]bool{})
	return docs[0], nil
}

// shift moves the lines of a tree down by n; a value an alias shares moves once.
func shift(v *yamldoc.Value, n int, done map[*yamldoc.Value]bool) {
	if v == nil || n == 0 || done[v] {
		return
	}
	done[v] = true
	v.Line += n
	for _, i := range v.Items {
		shift(i, n, done)
	}
	for i := range v.Fields {
		v.Fields[i].Line += n
		shift(v.Fields[i].Value, n, done)
	}
}

package access

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	yaml "github.com/goccy/go-yaml"
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

// value is a YAML value with its line; exactly one of the shapes is set.
type value struct {
	line    int
	scalar  bool
	null    bool
	text    string
	isMap   bool
	entries []entry
	items   []*value
}

type entry struct {
	key  string
	line int
	val  *value
}

func (v *value) get(key string) *value {
	for _, e := range v.entries {
		if e.key == key {
			return e.val
		}
	}
	return nil
}

// decode parses one document into values.
func decode(c chunk) (v *value, err error) {
	off := c.first - 1
	// The parser is third-party code fed with foreign text: a panic of it is a
	// wrong document, nothing more.
	defer func() {
		if p := recover(); p != nil {
			v, err = nil, at(c.first, "this document is not valid YAML.")
		}
	}()
	if err := shallow(c); err != nil {
		return nil, err
	}
	f, perr := parser.ParseBytes([]byte(c.text), 0)
	if perr != nil {
		line := c.first
		if ye, ok := perr.(yaml.Error); ok && ye.GetToken() != nil && ye.GetToken().Position != nil {
			return nil, at(ye.GetToken().Position.Line+off, "not valid YAML: %s.", ye.GetMessage())
		}
		return nil, at(line, "not valid YAML.")
	}
	var root *value
	for _, d := range f.Docs {
		if d.Body == nil {
			continue
		}
		if root != nil {
			return nil, at(lineOf(d.Body)+off, "a second document without a --- line before it.")
		}
		w := walker{off: off, left: maxNodes, anchors: map[string]*value{}}
		if root, err = w.walk(d.Body); err != nil {
			return nil, err
		}
	}
	if root == nil {
		return nil, at(c.first, "the document is empty.")
	}
	return root, nil
}

// shallow refuses text nested so deep that a recursive parser would need a
// stack out of proportion to the input.
func shallow(c chunk) error {
	depth, line, onLine := 0, 0, 0
	for _, t := range lexer.Tokenize(c.text) {
		n := 0
		if t.Position != nil {
			n = t.Position.Line
		}
		if n != line {
			line, onLine = n, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			onLine++
		}
		if depth > maxDepth || onLine > maxDepth {
			return at(line+c.first-1, "nested deeper than %d levels.", maxDepth)
		}
	}
	return nil
}

// walker turns the parser's tree into values. Aliases are expanded against a
// budget, so a few lines cannot grow into gigabytes.
type walker struct {
	off     int
	left    int
	depth   int
	anchors map[string]*value
}

func lineOf(n ast.Node) int {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 1
}

func (w *walker) spend(line, n int) error {
	if w.left -= n; w.left < 0 {
		return at(line, "the document expands to more than %d values.", maxNodes)
	}
	return nil
}

func (w *walker) walk(n ast.Node) (*value, error) {
	w.depth++
	defer func() { w.depth-- }()
	line := lineOf(n) + w.off
	if w.depth > 4*maxDepth {
		return nil, at(line, "nested deeper than %d levels.", 4*maxDepth)
	}
	if err := w.spend(line, 1); err != nil {
		return nil, err
	}
	switch n := n.(type) {
	case *ast.NullNode:
		return &value{line: line, null: true}, nil
	case *ast.StringNode:
		return &value{line: line, scalar: true, text: n.Value}, nil
	case *ast.LiteralNode:
		return &value{line: line, scalar: true, text: n.Value.Value}, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return &value{line: line, scalar: true, text: n.GetToken().Value}, nil
	case *ast.TagNode:
		return w.tag(n, line)
	case *ast.AnchorNode:
		v, err := w.walk(n.Value)
		if err != nil {
			return nil, err
		}
		w.anchors[n.Name.GetToken().Value] = v
		return v, nil
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		v, ok := w.anchors[name]
		if !ok {
			return nil, at(line, "the alias *%s has no anchor &%s above it.", name, name)
		}
		return v, w.spend(line, size(v))
	case *ast.SequenceNode:
		v := &value{line: line}
		v.items = make([]*value, 0, len(n.Values))
		for _, c := range n.Values {
			if c == nil {
				return nil, at(line, "an empty list entry.")
			}
			i, err := w.walk(c)
			if err != nil {
				return nil, err
			}
			v.items = append(v.items, i)
		}
		return v, nil
	case *ast.MappingNode:
		v := &value{line: line, isMap: true}
		for _, c := range n.Values {
			if err := w.pair(v, c); err != nil {
				return nil, err
			}
		}
		return v, nil
	case *ast.MappingValueNode:
		v := &value{line: line, isMap: true}
		return v, w.pair(v, n)
	}
	return nil, at(line, "this kind of YAML value is not accepted in a policy.")
}

// tag accepts the standard tags of plain values and nothing that could name a type to build.
func (w *walker) tag(n *ast.TagNode, line int) (*value, error) {
	switch t := n.GetToken().Value; t {
	case "!!str", "!!map", "!!seq", "!!bool", "!!int":
		return w.walk(n.Value)
	default:
		return nil, at(line, "the tag %s is not accepted in a policy.", t)
	}
}

func (w *walker) pair(m *value, n *ast.MappingValueNode) error {
	line := lineOf(n.Key) + w.off
	v, err := w.walk(n.Value)
	if err != nil {
		return err
	}
	if n.Key.IsMergeKey() {
		if !v.isMap {
			return at(line, "<< must be given a map.")
		}
		for _, e := range v.entries {
			if m.get(e.key) == nil {
				m.entries = append(m.entries, e)
			}
		}
		return nil
	}
	k, err := w.walk(n.Key)
	if err != nil {
		return err
	}
	if !k.scalar {
		return at(line, "a key must be a plain word.")
	}
	if len(m.entries) >= maxKeys {
		return at(line, "more than %d keys in one map.", maxKeys)
	}
	if m.get(k.text) != nil {
		return at(line, "the key %q stands here twice.", k.text)
	}
	m.entries = append(m.entries, entry{k.text, line, v})
	return nil
}

func size(v *value) int {
	n := 1
	for _, i := range v.items {
		n += size(i)
	}
	for _, e := range v.entries {
		n += 1 + size(e.val)
	}
	return n
}

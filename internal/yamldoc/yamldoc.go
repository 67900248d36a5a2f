// Package yamldoc reads YAML or JSON written by people into a plain tree in
// which every value keeps its text as written and its line, so that a report
// can point at the mistake.
//
// Invariant: no input makes it use memory or time out of proportion. A document
// is bounded in size, depth and number of values after aliases are expanded; a
// "bomb" is refused with the reason. What the values mean is left to the caller.
package yamldoc

import (
	"bytes"
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"muster/internal/fault"
)

// Bounds of one document.
const (
	MaxBytes   = 1 << 20
	MaxDepth   = 64
	MaxValues  = 200_000
	MaxAliases = 1_000
)

// Kind of a Value.
type Kind int

const (
	Null Kind = iota
	Scalar
	List
	Map
)

// Value is a node of the tree.
type Value struct {
	Kind Kind
	Line int // 1-based
	// Text is a scalar as written, without its quotes; Quoted says it had some
	// (or was a block). A plain `1.10` stays "1.10".
	Text   string
	Quoted bool
	Items  []*Value
	Fields []Field
}

// Field is a key and its value in a map, in the order written.
type Field struct {
	Key   string
	Line  int
	Value *Value
}

// Get gives the value of key, nil when there is none or v is no map.
func (v *Value) Get(key string) *Value {
	if v == nil {
		return nil
	}
	for i := range v.Fields {
		if v.Fields[i].Key == key {
			return v.Fields[i].Value
		}
	}
	return nil
}

// Str gives the text of a scalar; "" for anything else.
func (v *Value) Str() string {
	if v == nil || v.Kind != Scalar {
		return ""
	}
	return v.Text
}

// IsNull says there is no value.
func (v *Value) IsNull() bool { return v == nil || v.Kind == Null }

// Bool reads a plain or quoted boolean word. ok is false for anything else.
func (v *Value) Bool() (b, ok bool) {
	switch strings.ToLower(v.Str()) {
	case "true", "yes", "on":
		return true, true
	case "false", "no", "off":
		return false, true
	}
	return false, false
}

// LineOf is the value's line, 0 without a value.
func (v *Value) LineOf() int {
	if v == nil {
		return 0
	}
	return v.Line
}

// Error is a document that cannot be read, with its line.
type Error struct {
	Line int
	Msg  string
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("line %d: %s", e.Line, e.Msg)
	}
	return e.Msg
}

// FaultKind makes the text safe to show.
func (e *Error) FaultKind() fault.Kind { return fault.Invalid }

// xmlStart is how XML begins; a YAML document may begin with "<<:".
var xmlStart = regexp.MustCompile(`(?s)^\s*(?:<\?xml.*?\?>|<!--.*?-->|<!DOCTYPE[^>]*>|\s)*<([A-Za-z_][\w.:-]*)`)

// xml says what to do with XML, above all Rundeck's; "" for anything else.
func xml(data []byte) string {
	m := xmlStart.FindSubmatch(data)
	if m == nil {
		return ""
	}
	switch string(m[1]) {
	case "joblist", "job":
		return "this is Rundeck's XML of jobs; YAML and JSON are read. In Rundeck, download the jobs as YAML (the job's Action menu, or `rd jobs list -p PROJECT -F yaml -f jobs.yaml`), and import that file."
	case "project", "node":
		return "this is Rundeck's XML of nodes; YAML and JSON are read. Have Rundeck give the same nodes as YAML (`/api/14/project/NAME/resources?format=yaml`, or the node source's format resourceyaml), and import that file."
	}
	return "this is XML (<" + string(m[1]) + ">); YAML and JSON are read. Export it as YAML, and import that file."
}

// Parse reads every document in data. An empty document gives no Value.
func Parse(data []byte) ([]*Value, error) {
	if len(data) > MaxBytes {
		return nil, fault.Newf(fault.TooLarge, "The document has %d bytes; at most %d (1 MiB) are read. Split it.", len(data), MaxBytes)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) {
		return nil, &Error{Line: badLine(data), Msg: "not UTF-8 text. Save the file as UTF-8."}
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return nil, &Error{Line: 1 + bytes.Count(data[:i], []byte("\n")), Msg: "a NUL character does not belong in a document. Remove it."}
	}
	if msg := xml(data); msg != "" {
		return nil, &Error{Line: 1, Msg: msg}
	}
	if t := bytes.TrimLeft(data, " \t\r\n"); len(t) > 0 && (t[0] == '{' || t[0] == '[') {
		if v, err := parseJSON(data); err == nil {
			return []*Value{v}, nil
		} else if e, ok := err.(*Error); ok && strings.HasPrefix(e.Msg, tooMuch) {
			return nil, err
		}
		// Not JSON: it may still be YAML in flow style.
	}
	if err := prescan(data); err != nil {
		return nil, err
	}
	f, err := parse(data)
	if err != nil {
		return nil, err
	}
	b := builder{anchors: map[string]ast.Node{}}
	out := []*Value{}
	for _, d := range f.Docs {
		if d.Body == nil {
			continue
		}
		if _, only := d.Body.(*ast.CommentGroupNode); only {
			continue
		}
		if _, only := d.Body.(*ast.DirectiveNode); only {
			continue
		}
		v, err := b.value(d.Body, 0)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// parse guards against a panic in the parser: a document is somebody's input.
func parse(data []byte) (f *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			f, err = nil, &Error{Msg: "not valid YAML. Check the indentation and the quotes."}
		}
	}()
	f, err = parser.ParseBytes(data, 0)
	if err != nil {
		return nil, syntaxError(err)
	}
	return f, nil
}

func syntaxError(err error) error {
	e := &Error{Msg: "not valid YAML"}
	var text string
	if ye, ok := err.(yaml.Error); ok {
		text = ye.GetMessage()
		if t := ye.GetToken(); t != nil && t.Position != nil {
			e.Line = t.Position.Line
		}
	} else {
		text, _, _ = strings.Cut(err.Error(), "\n")
	}
	if text != "" {
		e.Msg += ": " + strings.TrimRight(text, ".")
	}
	e.Msg += ". Correct it and import again."
	return e
}

const tooMuch = "the document "

func over(line int, format string, a ...any) error {
	return &Error{Line: line, Msg: tooMuch + fmt.Sprintf(format, a...)}
}

// prescan refuses what costs the parser time that grows with the square of the
// nesting. It looks at brackets and leading marks without knowing about quotes,
// so its bounds are far beyond anything a person writes.
func prescan(data []byte) error {
	depth, line := 0, 1
	marks, lead := 0, true
	for i, c := range data {
		switch c {
		case '\n':
			line++
			marks, lead = 0, true
			continue
		case '[', '{':
			depth++
			if depth > 2000 {
				return over(line, "nests deeper than %d levels. Flatten it.", MaxDepth)
			}
		case ']', '}':
			depth = max(0, depth-1)
		}
		if !lead {
			continue
		}
		switch {
		case c == ' ' || c == '\t':
		case (c == '-' || c == '?' || c == ':') && i+1 < len(data) && (data[i+1] == ' ' || data[i+1] == '\t'), c == '&', c == '!':
			if marks++; marks > MaxDepth {
				return over(line, "nests deeper than %d levels. Flatten it.", MaxDepth)
			}
		default:
			lead = marks > 0 && data[i-1] != ' ' // inside an anchor or tag name
		}
	}
	return nil
}

func badLine(data []byte) int {
	line := 1
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		if r == utf8.RuneError && n == 1 {
			return line
		}
		if r == '\n' {
			line++
		}
		data = data[n:]
	}
	return line
}

type builder struct {
	anchors map[string]ast.Node
	values  int
	aliases int
}

func lineOf(n ast.Node) int {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}

func (b *builder) value(n ast.Node, depth int) (*Value, error) {
	if n == nil {
		return &Value{Kind: Null}, nil
	}
	line := lineOf(n)
	if depth > MaxDepth {
		return nil, over(line, "nests deeper than %d levels. Flatten it.", MaxDepth)
	}
	if b.values++; b.values > MaxValues {
		return nil, over(line, "grows beyond %d values once its aliases are expanded. Write less, or split it.", MaxValues)
	}
	switch n := n.(type) {
	case *ast.NullNode:
		return &Value{Kind: Null, Line: line}, nil
	case *ast.StringNode:
		q := n.Token != nil && (strings.HasPrefix(n.Token.Origin, `"`) || strings.HasPrefix(n.Token.Origin, `'`) || strings.Contains(n.Token.Type.String(), "Quote"))
		return &Value{Kind: Scalar, Line: line, Text: n.Value, Quoted: q}, nil
	case *ast.LiteralNode:
		text := ""
		if n.Value != nil {
			text = n.Value.Value
		}
		return &Value{Kind: Scalar, Line: line, Text: text, Quoted: true}, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		text := ""
		if t := n.GetToken(); t != nil {
			text = t.Value
		}
		return &Value{Kind: Scalar, Line: line, Text: text}, nil
	case *ast.TagNode:
		v, err := b.value(n.Value, depth+1)
		if err == nil && v.Kind == Scalar {
			v.Quoted = v.Quoted || n.Start.Value == "!!str"
		}
		return v, err
	case *ast.AnchorNode:
		if n.Name != nil {
			b.anchors[n.Name.GetToken().Value] = n.Value
		}
		return b.value(n.Value, depth+1)
	case *ast.AliasNode:
		if b.aliases++; b.aliases > MaxAliases {
			return nil, over(line, "uses more than %d aliases. Write the values out.", MaxAliases)
		}
		name := ""
		if n.Value != nil {
			name = n.Value.GetToken().Value
		}
		at, ok := b.anchors[name]
		if !ok {
			return nil, &Error{Line: line, Msg: fmt.Sprintf("the alias *%s has no anchor &%s before it. Add the anchor, or write the value.", name, name)}
		}
		return b.value(at, depth+1)
	case *ast.SequenceNode:
		v := &Value{Kind: List, Line: line, Items: []*Value{}}
		for _, it := range n.Values {
			x, err := b.value(it, depth+1)
			if err != nil {
				return nil, err
			}
			if x.Line == 0 {
				x.Line = line
			}
			v.Items = append(v.Items, x)
		}
		return v, nil
	case *ast.MappingNode:
		return b.mapping(line, n.Values, depth)
	case *ast.MappingValueNode:
		return b.mapping(lineOf(n.Key), []*ast.MappingValueNode{n}, depth)
	}
	return nil, &Error{Line: line, Msg: fmt.Sprintf("a %s does not belong here. Use a map, a list or a text.", n.Type())}
}

func (b *builder) mapping(line int, fields []*ast.MappingValueNode, depth int) (*Value, error) {
	v := &Value{Kind: Map, Line: line}
	if len(fields) > 0 {
		v.Line = lineOf(fields[0].Key)
	}
	seen := map[string]bool{}
	var merged []Field
	for _, f := range fields {
		fl := lineOf(f.Key)
		if f.Key.IsMergeKey() {
			m, err := b.value(f.Value, depth+1)
			if err != nil {
				return nil, err
			}
			from := []*Value{m}
			if m.Kind == List {
				from = m.Items
			}
			for _, x := range from {
				if x.Kind != Map {
					return nil, &Error{Line: fl, Msg: "`<<` takes a map or an alias to one. Correct it."}
				}
				merged = append(merged, x.Fields...)
			}
			continue
		}
		k, err := b.value(f.Key, depth+1)
		if err != nil {
			return nil, err
		}
		if k.Kind != Scalar && k.Kind != Null {
			return nil, &Error{Line: fl, Msg: "a key must be a plain text. Correct it."}
		}
		key := k.Text
		if seen[key] {
			return nil, &Error{Line: fl, Msg: fmt.Sprintf("the key %q is written twice. Keep one.", key)}
		}
		seen[key] = true
		x, err := b.value(f.Value, depth+1)
		if err != nil {
			return nil, err
		}
		if x.Line == 0 {
			x.Line = fl
		}
		v.Fields = append(v.Fields, Field{Key: key, Line: fl, Value: x})
	}
	for _, f := range merged { // what is written in the map itself wins
		if !seen[f.Key] {
			seen[f.Key] = true
			v.Fields = append(v.Fields, f)
		}
	}
	return v, nil
}

// Keys lists a map's keys in the order written.
func (v *Value) Keys() []string {
	out := []string{}
	if v != nil {
		for _, f := range v.Fields {
			out = append(out, f.Key)
		}
	}
	return out
}

// Plain turns the tree into maps, lists and scalars as JSON would hold them:
// a plain word that is a number or boolean becomes one.
func (v *Value) Plain() any {
	switch {
	case v.IsNull():
		return nil
	case v.Kind == List:
		out := make([]any, len(v.Items))
		for i, it := range v.Items {
			out[i] = it.Plain()
		}
		return out
	case v.Kind == Map:
		out := make(map[string]any, len(v.Fields))
		for _, f := range v.Fields {
			out[f.Key] = f.Value.Plain()
		}
		return out
	}
	if !v.Quoted {
		switch v.Text {
		case "true":
			return true
		case "false":
			return false
		}
		if i, err := strconv.ParseInt(v.Text, 10, 64); err == nil && strconv.FormatInt(i, 10) == v.Text {
			return i
		}
	}
	return v.Text
}

// Canonical writes the tree as YAML whose text depends only on the content:
// anchors expanded, order kept, one style. Parsing it gives the same tree.
func (v *Value) Canonical() string {
	var b strings.Builder
	write(&b, v, 0, false)
	return b.String()
}

// Equal compares content, without lines, quotes of equal text, or key order.
func Equal(a, b *Value) bool {
	if a.IsNull() || b.IsNull() {
		return a.IsNull() && b.IsNull()
	}
	if a.Kind != b.Kind || a.Text != b.Text || len(a.Items) != len(b.Items) || len(a.Fields) != len(b.Fields) {
		return false
	}
	for i := range a.Items {
		if !Equal(a.Items[i], b.Items[i]) {
			return false
		}
	}
	fa, fb := sorted(a.Fields), sorted(b.Fields)
	for i := range fa {
		if fa[i].Key != fb[i].Key || !Equal(fa[i].Value, fb[i].Value) {
			return false
		}
	}
	return true
}

func sorted(fs []Field) []Field {
	out := append([]Field(nil), fs...)
	sort.Slice(out, func(i, j int) bool { return out[i].Key < out[j].Key })
	return out
}

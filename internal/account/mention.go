package account

import (
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

var mentionRE = regexp.MustCompile(`(?:^|[^\w@./-])@([a-zA-Z0-9][a-zA-Z0-9._-]{1,31})`)

// maxNamed bounds how many logins are read out of one text.
const maxNamed = 100

var markdown = goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser()

// Mentioned lists the logins a Markdown text speaks to, in order, each once: an
// @name in its words, and not one in code, a link, an address or behind a
// backslash, where somebody shows something and speaks to nobody. A dot at the
// end of a sentence is not part of a name.
func Mentioned(markdownText string) []string {
	out := []string{}
	if !strings.Contains(markdownText, "@") || notWriting(markdownText) {
		return out
	}
	source := []byte(markdownText)
	var run strings.Builder // words that stand beside each other; a parser may cut them anywhere
	flush := func() {
		for _, m := range mentionRE.FindAllStringSubmatch(run.String(), maxNamed) {
			name := strings.TrimRight(strings.ToLower(m[1]), "._-")
			if name != "" && len(out) < maxNamed && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
		run.Reset()
	}
	_ = ast.Walk(markdown.Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				run.WriteString(unescaped(n.Segment.Value(source)))
				if n.SoftLineBreak() || n.HardLineBreak() {
					run.WriteByte('\n')
				}
			}
		case *ast.RawHTML, *ast.AutoLink, *ast.Link, *ast.Image, *ast.CodeSpan, *ast.CodeBlock, *ast.FencedCodeBlock, *ast.HTMLBlock:
			flush()
			return ast.WalkSkipChildren, nil
		default:
			flush() // a paragraph, an emphasis: words begin anew
		}
		return ast.WalkContinue, nil
	})
	flush()
	return out
}

// unescaped undoes backslashes; the character behind one stands for itself and
// begins nothing.
func unescaped(b []byte) string {
	var out strings.Builder
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 == len(b) || !strings.ContainsRune("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", rune(b[i+1])) {
			out.WriteByte(b[i])
			continue
		}
		i++
		if b[i] == '@' {
			out.WriteString("\x00")
			continue
		}
		out.WriteByte(b[i])
	}
	return out.String()
}

// What nests this deep or has this many marks was not written by a person, and
// would keep a parser busy. Screens show it as it was typed.
const maxMarks = 2000

var deep = regexp.MustCompile(`(?m)^[ \t]*(?:>[ \t]*|(?:[*+-]|\d{1,9}[.)])[ \t]+){25}`)

func notWriting(s string) bool {
	marks := 0
	for i := range len(s) {
		if strings.IndexByte("*_~`[]<>&", s[i]) >= 0 {
			if marks++; marks > maxMarks {
				return true
			}
		}
	}
	return deep.MatchString(s)
}

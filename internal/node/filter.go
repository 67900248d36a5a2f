package node

import (
	"regexp"
	"slices"
	"strings"

	"muster/internal/fault"
)

// Filter picks nodes. The language is Rundeck's:
//
//	tags: web+eu,db  hostname: /app-\d+/  !name: app-3,app-4
//
// Tokens are `key: value` or `key:value`, quotes keep blanks together, a bare
// word means `name:`, `!key:` excludes, a repeated key joins with a comma. A
// value matches as a regular expression of the whole attribute, as the exact
// text, or as a member of the comma list; `/re/` is a regular expression only.
// In tags `,` means or and `+` means and. All clauses must hold; a node that
// meets any exclusion is out.
type Filter struct {
	include, exclude []clause
	text             string
}

type clause struct {
	key, value string
	whole      matcher
	tags       [][]matcher // for tags: any of (all of)
}

// matcher is one value: a regular expression, an exact text, or either.
type matcher struct {
	text string
	re   *regexp.Regexp
	only bool // `/re/`: the text itself does not count
}

func (m matcher) match(s string) bool {
	if m.re != nil && m.re.MatchString(s) {
		return true
	}
	return !m.only && m.text == s
}

// Token is a clause as written, before its value is understood. Job definitions
// substitute options in Value, so that a caller's text never becomes syntax.
type Token struct {
	Exclude bool
	Key     string
	Value   string
}

const maxFilter = 64 << 10

// Tokens splits a filter text.
func Tokens(text string) ([]Token, error) {
	if len(text) > maxFilter {
		return nil, fault.Newf(fault.TooLarge, "The node filter has %d bytes; at most %d are read. Use tags or a regular expression.", len(text), maxFilter)
	}
	words, err := split(text)
	if err != nil {
		return nil, err
	}
	out := []Token{}
	for i := 0; i < len(words); i++ {
		w := words[i]
		key, value, colon := "name", w.text, false
		if at := w.colon; at >= 0 {
			key, value, colon = w.text[:at], w.text[at+1:], true
		}
		if colon && value == "" && at(words, i+1) {
			i++
			value = words[i].text
		}
		tok := Token{Key: key, Value: value}
		if colon {
			if rest, ok := strings.CutPrefix(key, "!"); ok {
				tok.Exclude, tok.Key = true, rest
			}
		}
		if tok.Key == "" {
			return nil, fault.Field("filter", "The node filter has a \":\" without an attribute before it. Write it as `attribute: value`.")
		}
		if tok.Value == "" {
			return nil, fault.Field("filter", "The node filter names `"+key+":` without a value. Add a value, or leave the attribute out.")
		}
		out = append(out, tok)
	}
	return out, nil
}

func at(ws []word, i int) bool { return i < len(ws) }

type word struct {
	text  string
	colon int // of the first ":" outside quotes, -1 without one
}

// split cuts at blanks outside quotes; inside quotes a doubled quote is the
// quote itself.
func split(text string) ([]word, error) {
	var out []word
	var b strings.Builder
	in, colon, bare := false, -1, true // bare: no quote before the colon, so it may name an attribute
	rs := []byte(text)
	for i := 0; i < len(rs); i++ {
		c := rs[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if in {
				out = append(out, word{b.String(), colon})
				b.Reset()
				in, colon, bare = false, -1, true
			}
		case (c == '"' || c == '\'') && (!in || colon == b.Len()-1):
			// A quote opens at the start of a word or right after the colon;
			// inside a word (o'neill) it is a character.
			bare = bare && in
			in = true
			closed := false
			for i++; i < len(rs); i++ {
				if rs[i] != c {
					b.WriteByte(rs[i])
					continue
				}
				if i+1 < len(rs) && rs[i+1] == c {
					b.WriteByte(c)
					i++
					continue
				}
				closed = true
				break
			}
			if !closed {
				return nil, fault.Field("filter", "The node filter has a quote that is not closed. Add the closing "+string(c)+".")
			}
		default:
			if c == ':' && colon < 0 && bare {
				colon = b.Len()
			}
			b.WriteByte(c)
			in = true
		}
	}
	if in {
		out = append(out, word{b.String(), colon})
	}
	return out, nil
}

// ParseFilter reads a filter. The empty text gives a filter without clauses,
// see Empty.
func ParseFilter(text string) (Filter, error) {
	toks, err := Tokens(text)
	if err != nil {
		return Filter{}, err
	}
	return FilterOf(toks)
}

// FilterOf builds the filter of tokens.
func FilterOf(toks []Token) (Filter, error) {
	f := Filter{text: Format(toks)}
	type at struct {
		ex  bool
		key string
	}
	index := map[at]int{}
	joined := []Token{}
	for _, t := range toks {
		k := at{t.Exclude, normal(t.Key)}
		if i, ok := index[k]; ok {
			joined[i].Value += "," + t.Value
			continue
		}
		index[k] = len(joined)
		joined = append(joined, t)
	}
	for _, t := range joined {
		c := clause{key: t.Key, value: t.Value}
		var err error
		if normal(t.Key) == "tags" {
			for alt := range strings.SplitSeq(t.Value, ",") {
				all := []matcher{}
				for tag := range strings.SplitSeq(alt, "+") {
					m, err := newMatcher(t.Key, strings.TrimSpace(tag))
					if err != nil {
						return Filter{}, err
					}
					all = append(all, m)
				}
				c.tags = append(c.tags, all)
			}
		}
		// Also the whole of a tags value may be one expression with a comma in it.
		if c.whole, err = newMatcher(t.Key, strings.TrimSpace(t.Value)); err != nil && len(c.tags) <= 1 {
			return Filter{}, err
		}
		if t.Exclude {
			f.exclude = append(f.exclude, c)
		} else {
			f.include = append(f.include, c)
		}
	}
	return f, nil
}

// newMatcher: an expression between slashes must compile; any other text that
// does not is only a text.
func newMatcher(key, v string) (matcher, error) {
	m := matcher{text: v}
	pattern := v
	if len(v) >= 2 && v[0] == '/' && v[len(v)-1] == '/' {
		m.only, pattern = true, v[1:len(v)-1]
	}
	// By itself first: "a)|(?:b" is no expression, and between our marks it
	// would be one that does not match the whole attribute.
	_, err := regexp.Compile(pattern)
	var re *regexp.Regexp
	if err == nil {
		re, err = regexp.Compile(`^(?:` + pattern + `)$`)
	}
	if err != nil {
		if m.only {
			return m, fault.Field("filter", "The node filter's `"+key+": "+v+"` is not a regular expression Muster can use (RE2 syntax, so no look-ahead). Correct it.")
		}
		return m, nil
	}
	m.re = re
	return m, nil
}

// Format writes tokens as a filter text that reads back as the same tokens.
func Format(toks []Token) string {
	var b strings.Builder
	for i, t := range toks {
		if i > 0 {
			b.WriteByte(' ')
		}
		if t.Exclude {
			b.WriteByte('!')
		}
		b.WriteString(t.Key + ": ")
		if strings.ContainsAny(t.Value, " \t\r\n\"'") {
			b.WriteString(`"` + strings.ReplaceAll(t.Value, `"`, `""`) + `"`)
		} else {
			b.WriteString(t.Value)
		}
	}
	return b.String()
}

// Empty says the filter has no clauses. It matches nothing: "every machine" has
// to be asked for (`.*`).
func (f Filter) Empty() bool { return len(f.include) == 0 && len(f.exclude) == 0 }

// String is the filter in normal form.
func (f Filter) String() string { return f.text }

// Match says whether the filter picks n.
func (f Filter) Match(n Node) bool {
	if f.Empty() {
		return false
	}
	for _, c := range f.exclude {
		if c.match(n) {
			return false
		}
	}
	for _, c := range f.include {
		if !c.match(n) {
			return false
		}
	}
	return true
}

func (c clause) match(n Node) bool {
	if c.tags != nil {
		for _, all := range c.tags {
			if holds(all, n.Tags) {
				return true
			}
		}
		return len(c.tags) > 1 && c.whole.re != nil && slices.ContainsFunc(n.Tags, c.whole.match)
	}
	v, ok := n.Attr(c.key)
	if !ok || strings.TrimSpace(v) == "" {
		return false
	}
	if c.whole.match(v) {
		return true
	}
	if c.whole.only {
		return false
	}
	for m := range strings.SplitSeq(c.value, ",") {
		if strings.TrimSpace(m) == v {
			return true
		}
	}
	return false
}

// holds: every wanted tag is met by some tag of the node.
func holds(all []matcher, tags []string) bool {
	for _, m := range all {
		if !slices.ContainsFunc(tags, m.match) {
			return false
		}
	}
	return len(tags) > 0
}

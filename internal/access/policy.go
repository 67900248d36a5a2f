package access

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"muster/internal/yamldoc"
)

// Application is the name of the context in which Muster's own permissions
// (rooms, incidents, people, …) are granted.
const Application = "muster"

// rundeck is the application's name in policies that come from there. Its types
// project and storage mean what they mean here.
const rundeck = "rundeck"

// Mistake is a document that was dropped, or a remark about one that was kept.
type Mistake struct {
	Policy  string `json:"policy"`
	Line    int    `json:"line"`
	Text    string `json:"text"`
	Dropped bool   `json:"dropped"`
}

func (p Mistake) String() string { return fmt.Sprintf("%s:%d: %s", p.Policy, p.Line, p.Text) }

// Document is one parsed YAML document of a policy.
type Document struct {
	ID          string
	Description string
	Line        int
	Text        string // as written, to tell a changed document from an unchanged one

	rules []rule
	subj  *subject
}

// Parse reads a policy file. project is the project that stores it, "" for the
// application's store: a policy stored in a project may leave its context out
// and speaks for no other project. A wrong document is dropped and reported;
// the others are returned.
func Parse(project, name string, src []byte) ([]Document, []Mistake) {
	text, err := clean(src)
	if err != nil {
		return nil, []Mistake{mistake(name, err, 1)}
	}
	var docs []Document
	var problems []Mistake
	chunks := split(text)
	if len(chunks) > maxDocs {
		return nil, []Mistake{{Policy: name, Line: chunks[maxDocs].first, Dropped: true,
			Text: fmt.Sprintf("more than %d documents. Split the file into several policies.", maxDocs)}}
	}
	for _, c := range chunks {
		d, remarks, err := document(project, name, c)
		if err != nil {
			problems = append(problems, mistake(name, err, c.first))
			continue
		}
		docs = append(docs, d)
		problems = append(problems, remarks...)
	}
	return docs, problems
}

func mistake(name string, err error, line int) Mistake {
	msg := err.Error()
	if le, ok := err.(*lineError); ok {
		line, msg = le.line, le.msg
	}
	return Mistake{Policy: name, Line: line, Text: msg, Dropped: true}
}

// document reads rule 1 of the format: description, one context, a non-empty
// for, and by or notBy; anything else at the top is a mistake.
func document(project, policy string, c chunk) (Document, []Mistake, error) {
	fail := func(line int, format string, a ...any) (Document, []Mistake, error) {
		return Document{}, nil, at(line, format, a...)
	}
	v, err := decode(c)
	if err != nil {
		return Document{}, nil, err
	}
	if v.Kind != yamldoc.Map {
		return fail(v.Line, "a policy document must be a map with description, context, for and by.")
	}
	for _, e := range v.Fields {
		switch e.Key {
		case "description", "context", "for", "by", "notBy", "id":
		default:
			return fail(e.Line, "the key %q is not known. Allowed are description, context, for, by, notBy and id.", e.Key)
		}
	}
	d := Document{Line: v.Line, Text: c.text}
	if len(v.Fields) > 0 {
		d.Line = v.Fields[0].Line
	}
	desc := v.Get("description")
	if desc == nil || desc.Kind != yamldoc.Scalar || strings.TrimSpace(desc.Text) == "" {
		return fail(d.Line, "the description is missing. Say in one sentence what the policy is for.")
	}
	d.Description = strings.TrimSpace(desc.Text)
	if i := v.Get("id"); i != nil {
		if i.Kind != yamldoc.Scalar {
			return fail(i.Line, "id must be a plain word.")
		}
		d.ID = i.Text
	}
	ctx, remarks, err := contextOf(project, policy, d.Line, v.Get("context"))
	if err != nil {
		return Document{}, nil, err
	}
	subj, err := subjects(d.Line, v)
	if err != nil {
		return Document{}, nil, err
	}
	types := v.Get("for")
	if types == nil {
		return fail(d.Line, "the section \"for\" is missing: it lists the resource types and what is allowed or denied.")
	}
	if types.Kind != yamldoc.Map || len(types.Fields) == 0 {
		return fail(types.Line, "the section \"for\" must list at least one resource type.")
	}
	for _, t := range types.Fields {
		if t.Value.Kind == yamldoc.Map || t.Value.Kind == yamldoc.Scalar || len(t.Value.Items) == 0 {
			return fail(t.Line, "the type %q must have a list of entries, each beginning with \"-\".", t.Key)
		}
		if why := strange(ctx, t.Key); why != "" {
			remarks = append(remarks, Mistake{Policy: policy, Line: t.Line, Text: why})
		}
		for _, item := range t.Value.Items {
			r, err := typeEntry(t.Key, item)
			if err != nil {
				return Document{}, nil, err
			}
			remarks = append(remarks, impossible(project, policy, r)...)
			if r.typ == "resource" && ctx.app == "" {
				remarks = append(remarks, strangeKinds(policy, r)...)
			}
			if subj.not && len(r.allow) > 0 {
				return fail(r.line, "notBy may only deny. Write the allow in a document with by.")
			}
			r.policy, r.description, r.ctx, r.subj = policy, d.Description, ctx, subj
			d.rules = append(d.rules, r)
			d.subj = subj
		}
	}
	return d, remarks, nil
}

// scope is where a document holds.
type scope struct {
	app     string // application name, or
	project pattern
}

func contextOf(project, policy string, line int, v *yamldoc.Value) (scope, []Mistake, error) {
	if v == nil {
		if project == "" {
			return scope{}, nil, at(line, "the context is missing: write context: {project: NAME} or context: {application: %s}.", Application)
		}
		return scope{project: literal(project)}, nil, nil
	}
	if v.Kind != yamldoc.Map || len(v.Fields) != 1 {
		return scope{}, nil, at(v.Line, "the context must have exactly one of project and application.")
	}
	e := v.Fields[0]
	if e.Value.Kind != yamldoc.Scalar || e.Value.Text == "" {
		return scope{}, nil, at(e.Line, "context.%s must be a name.", e.Key)
	}
	switch e.Key {
	case "project":
		p, err := compile(e.Value.Text, e.Line)
		if err != nil {
			return scope{}, nil, err
		}
		if project != "" {
			// Otherwise who may edit one project's policies could open every other.
			if !p.match(project) {
				return scope{}, nil, at(e.Line, "this policy is stored in project %s and cannot speak for project %s.", project, e.Value.Text)
			}
			p = literal(project)
		}
		return scope{project: p}, nil, nil
	case "application":
		if project != "" {
			return scope{}, nil, at(e.Line, "a policy stored in project %s cannot give rights in the application (%s). Import this file once more as a policy of the office: there its documents for the application count, and those for projects too.", project, e.Value.Text)
		}
		var remarks []Mistake
		switch e.Value.Text {
		case Application:
		case rundeck:
			remarks = append(remarks, Mistake{Policy: policy, Line: e.Line,
				Text: fmt.Sprintf("What it says of project and storage holds here as in the application %s; its other types grant nothing.", Application)})
		default:
			remarks = append(remarks, Mistake{Policy: policy, Line: e.Line,
				Text: fmt.Sprintf("Kept, but it grants nothing here: the application is named %s, not %s.", Application, e.Value.Text)})
		}
		return scope{app: e.Value.Text}, remarks, nil
	}
	return scope{}, nil, at(e.Line, "the context %q is not known: write project or application.", e.Key)
}

// subject is who a document speaks of.
type subject struct {
	not    bool
	users  []someone
	groups []someone
}

func subjects(line int, v *yamldoc.Value) (*subject, error) {
	by, not := v.Get("by"), v.Get("notBy")
	if (by == nil) == (not == nil) {
		return nil, at(line, "write exactly one of by and notBy: whom the policy is for.")
	}
	s := &subject{not: not != nil}
	word := "by"
	if s.not {
		by, word = not, "notBy"
	}
	if by.Kind != yamldoc.Map || len(by.Fields) == 0 {
		return nil, at(by.Line, "%s must name a group or a username.", word)
	}
	for _, e := range by.Fields {
		names, err := words(e.Value, word+"."+e.Key)
		if err != nil {
			return nil, err
		}
		var ps []someone
		for _, n := range names {
			p, err := compileSomeone(n, e.Line)
			if err != nil {
				return nil, err
			}
			ps = append(ps, p)
		}
		switch e.Key {
		case "group":
			s.groups = ps
		case "username":
			s.users = ps
		default:
			return nil, at(e.Line, "%s.%s is not known: write group or username.", word, e.Key)
		}
	}
	return s, nil
}

// words reads one string or a list of strings, none of them empty.
func words(v *yamldoc.Value, what string) ([]string, error) {
	if v.Kind == yamldoc.Scalar && v.Text != "" {
		return []string{v.Text}, nil
	}
	if v.Kind == yamldoc.Scalar || v.Kind == yamldoc.Null || v.Kind == yamldoc.Map || len(v.Items) == 0 {
		return nil, at(v.Line, "%s must be a word or a list of words.", what)
	}
	var out []string
	for _, i := range v.Items {
		if i.Kind != yamldoc.Scalar || i.Text == "" {
			return nil, at(i.Line, "%s must be a word or a list of words.", what)
		}
		out = append(out, i.Text)
	}
	return out, nil
}

// actions is words for a list that may be empty, as tools write one: the other of
// allow and deny then says what the entry is for.
func actions(v *yamldoc.Value, what string) ([]string, error) {
	if v.Kind == yamldoc.List && len(v.Items) == 0 {
		return nil, nil
	}
	return words(v, what)
}

// Types of resources there are, in the application and in a project.
var (
	appTypes     = []string{"room", "recording", "incident", "alert", "alert_source", "service", "user", "token", "policy", "key", "storage", "project", "office", "floor", "ledger"}
	projectTypes = []string{"job", "node", "adhoc", "resource", "storage", "approval"}
	kinds        = []string{"job", "node", "event"}
)

// strange says of a type that nothing is of it: a deny of it would never be met.
func strange(ctx scope, typ string) string {
	known := projectTypes
	switch ctx.app {
	case "":
	case Application:
		known = appTypes
	default:
		return "" // said of the whole document
	}
	if slices.Contains(known, typ) {
		return ""
	}
	where := "a project"
	if ctx.app != "" {
		where = "the application"
	}
	return fmt.Sprintf("Nothing in %s is of the type %q, so what stands here allows and denies nothing. The types are %s.", where, typ, strings.Join(known, ", "))
}

// strangeKinds is strange for the kinds that rules for resource name.
func strangeKinds(policy string, r rule) (out []Mistake) {
	for _, t := range r.tests {
		if t.attr != "kind" || t.kind != "equals" && t.kind != "match" {
			continue
		}
		for i, v := range t.values {
			if !slices.ContainsFunc(kinds, func(k string) bool { return k == v || t.kind == "match" && t.res[i].match(k) }) {
				out = append(out, Mistake{Policy: policy, Line: r.line, Text: fmt.Sprintf("Nothing here is of the kind %q, so this entry allows and denies nothing. The kinds are %s.", v, strings.Join(kinds, ", "))})
			}
		}
	}
	return out
}

// rule is one entry under a type, with where it came from.
type rule struct {
	policy      string
	description string
	line        int
	ctx         scope
	subj        *subject
	typ         string
	tests       []test
	allow       []string
	deny        []string
}

func typeEntry(typ string, v *yamldoc.Value) (rule, error) {
	r := rule{typ: typ, line: v.Line}
	if v.Kind != yamldoc.Map || len(v.Fields) == 0 {
		return r, at(v.Line, "an entry of %q must be a map with allow or deny.", typ)
	}
	r.line = v.Fields[0].Line
	for _, e := range v.Fields {
		var err error
		switch e.Key {
		case "allow":
			r.allow, err = actions(e.Value, "allow")
		case "deny":
			r.deny, err = actions(e.Value, "deny")
		case "equals", "match", "contains", "subset":
			var ts []test
			ts, err = section(e)
			r.tests = append(r.tests, ts...)
		default:
			err = at(e.Line, "%q is not known in an entry: write allow, deny, equals, match, contains or subset.", e.Key)
		}
		if err != nil {
			return r, err
		}
	}
	if len(r.allow) == 0 && len(r.deny) == 0 {
		return r, at(r.line, "the entry neither allows nor denies anything.")
	}
	return r, nil
}

// test is one line of a section.
type test struct {
	kind   string // equals, match, contains, subset
	attr   string
	values []string
	res    []pattern
}

func section(e yamldoc.Field) ([]test, error) {
	if e.Value.Kind != yamldoc.Map || len(e.Value.Fields) == 0 {
		return nil, at(e.Line, "%s must be a map from an attribute to what it must be.", e.Key)
	}
	var out []test
	for _, a := range e.Value.Fields {
		t := test{kind: e.Key, attr: a.Key}
		if e.Key == "equals" {
			if a.Value.Kind != yamldoc.Scalar {
				return nil, at(a.Line, "equals.%s takes one string. Use match for alternatives (a|b), contains for several tags.", a.Key)
			}
			t.values = []string{a.Value.Text}
		} else {
			var err error
			if t.values, err = words(a.Value, e.Key+"."+a.Key); err != nil {
				return nil, err
			}
		}
		if e.Key == "match" {
			for _, v := range t.values {
				p, err := compile(v, a.Line)
				if err != nil {
					return nil, err
				}
				t.res = append(t.res, p)
			}
		}
		out = append(out, t)
	}
	return out, nil
}

// pass says whether the resource meets the test, by any way of writing its value.
func (t test) pass(r Resource) bool {
	got, ok := r.attr(t.attr)
	if t.holds(got, ok, r.list(t.attr)) {
		return true
	}
	return slices.ContainsFunc(r.Also[t.attr], func(v string) bool { return t.holds(v, true, members(v)) })
}

func (t test) holds(got string, ok bool, have []string) bool {
	switch t.kind {
	case "equals":
		return ok && got == t.values[0]
	case "match":
		for _, p := range t.res {
			if !ok || !p.match(got) {
				return false
			}
		}
		return true
	case "contains":
		for _, v := range t.values {
			if !slices.Contains(have, v) {
				return false
			}
		}
		return true
	default: // subset
		for _, v := range have {
			if !slices.Contains(t.values, v) {
				return false
			}
		}
		return true
	}
}

// pattern equals, or is a regular expression that matches the whole text.
type pattern struct {
	text string
	re   *regexp.Regexp // nil when the text can only equal
}

func literal(s string) pattern { return pattern{text: s} }

func (p pattern) match(s string) bool {
	return p.text == s || p.re != nil && p.re.MatchString(s)
}

// compile takes an invalid expression literally, as the format demands. One
// that is valid elsewhere but not here (look-around, back references,
// possessive repeats) is refused: taken literally, a deny would quietly match nothing.
func compile(s string, line int) (pattern, error) {
	if regexp.QuoteMeta(s) == s {
		return literal(s), nil
	}
	// By itself first: "a)|(?:b" is none, but would be one between our marks,
	// and match far more than a whole text.
	_, err := regexp.Compile(s)
	if err == nil {
		var re *regexp.Regexp
		if re, err = regexp.Compile(`\A(?:` + s + `)\z`); err == nil {
			return pattern{s, re}, nil
		}
	}
	if se, ok := err.(*syntax.Error); ok {
		switch se.Code {
		case syntax.ErrInvalidPerlOp, syntax.ErrInvalidEscape, syntax.ErrInvalidNamedCapture, syntax.ErrInvalidCharRange:
			return pattern{}, at(line, "the expression %q uses %s, which is not supported. Write it with alternatives and classes.", s, se.Expr)
		case syntax.ErrInvalidRepeatOp:
			if strings.HasSuffix(se.Expr, "+") {
				return pattern{}, at(line, "the expression %q uses %s, which is not supported. Leave the second + out.", s, se.Expr)
			}
		case syntax.ErrInvalidRepeatSize, syntax.ErrLarge, syntax.ErrNestingDepth:
			return pattern{}, at(line, "the expression %q is too large.", s)
		}
	}
	return literal(s), nil
}

package approval

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/yamldoc"
)

// Rule says when approval is needed and from whom. Every part it has must hold;
// a rule without parts holds always.
type Rule struct {
	Description  string
	Environments []pattern        // texts or regular expressions of the whole name
	Jobs         []*regexp.Regexp // globs on group/name; * stays within a part, ** does not
	Adhoc        *bool            // only ad-hoc commands, or only jobs
	Tags         []pattern        // any of them on some node
	Node         []match          // attributes some node has
	Options      []match          // values the caller gave
	Need         int
	Groups       []string
	Expires      time.Duration
	line         int
}

type match struct {
	key    string
	values []pattern
}

// pattern matches a whole text, without regard to case: upper case must not be
// a way around a rule.
type pattern struct {
	text string
	re   *regexp.Regexp // nil: only the text
}

func patterns(texts []string) []pattern {
	out := []pattern{}
	for _, t := range texts {
		p := pattern{text: t}
		// By itself first: "a)|(?:b" is no expression, and must not become one
		// between our marks.
		if _, err := regexp.Compile(t); err == nil {
			p.re, _ = regexp.Compile(`(?i)^(?:` + t + `)$`)
		}
		out = append(out, p)
	}
	return out
}

// Need is one rule's demand on an approval.
type Need struct {
	Rule   string   `json:"rule"`
	Need   int      `json:"need"`
	Groups []string `json:"groups"`
	// Except are user ids whose yes does not count for it, nor that of accounts in
	// whose making they had a hand.
	Except []string `json:"except,omitempty"`
}

// Machine is what rules see of a node.
type Machine struct {
	Name        string            `json:"name,omitempty"`
	Environment string            `json:"environment,omitempty"`
	Also        []string          `json:"also,omitempty"` // other words for its environment
	Tags        []string          `json:"tags,omitempty"`
	Attrs       map[string]string `json:"attrs,omitempty"`
}

// Subject is what somebody wants to do.
type Subject struct {
	Adhoc   bool
	Job     string // group/name
	Options map[string]string
	// Lists are the single values of options that take several.
	Lists map[string][]string
	Nodes []Machine
}

// DefaultRules hold in a project that has no approval rules of its own.
const DefaultRules = `# Built in, and in force until this project stores approval rules of its own.
- description: Production needs a second person
  when:
    environment: [prod, production]
  need: 1
  groups: [approver]
  expires: 4h
`

const (
	maxRules      = 200
	maxNeed       = 20
	defaultExpiry = 4 * time.Hour
	maxExpiry     = 30 * 24 * time.Hour
)

// ParseRules reads approvals.yaml: a list of rules. Unlike a policy, it is taken
// whole or not at all: a dropped rule would let something pass.
func ParseRules(content []byte) ([]Rule, error) {
	docs, err := yamldoc.Parse(content)
	if err != nil {
		return nil, err
	}
	out := []Rule{}
	for _, d := range docs {
		switch {
		case d.IsNull():
			continue
		case d.Kind != yamldoc.List:
			return nil, &yamldoc.Error{Line: d.Line, Msg: "approval rules are a list, each with `when`, `need` and `groups`. Correct it."}
		}
		for _, v := range d.Items {
			r, err := parseRule(v)
			if err != nil {
				return nil, err
			}
			out = append(out, r)
		}
	}
	if len(out) > maxRules {
		return nil, &yamldoc.Error{Line: out[maxRules].line, Msg: fmt.Sprintf("more than %d approval rules. Join some.", maxRules)}
	}
	return out, nil
}

func parseRule(v *yamldoc.Value) (Rule, error) {
	r := Rule{Need: 1, Expires: defaultExpiry, line: v.Line}
	bad := func(line int, format string, a ...any) (Rule, error) {
		return r, &yamldoc.Error{Line: max(line, v.Line), Msg: fmt.Sprintf(format, a...)}
	}
	if v.Kind != yamldoc.Map {
		return bad(v.Line, "an approval rule is a map with `when`, `need` and `groups`. Correct it.")
	}
	for _, f := range v.Fields {
		switch f.Key {
		case "description":
			r.Description = f.Value.Str()
		case "when":
			if f.Value.IsNull() {
				continue
			}
			if f.Value.Kind != yamldoc.Map {
				return bad(f.Line, "`when` is a map with environment, job, adhoc, tags, node or options. Correct it.")
			}
			if err := r.when(f.Value); err != nil {
				return r, err
			}
		case "need":
			n, err := strconv.Atoi(f.Value.Str())
			if err != nil || n < 1 || n > maxNeed {
				return bad(f.Line, "`need` is a number of people from 1 to %d. Correct it.", maxNeed)
			}
			r.Need = n
		case "groups", "group":
			g, ok := texts(f.Value)
			if !ok || len(g) == 0 {
				return bad(f.Line, "`groups` lists the groups whose people may approve. Correct it.")
			}
			for _, name := range g {
				if name = access.CleanName(name); access.CannotBeGroup(name) != "" {
					return bad(f.Line, "nobody can be in the group %q: %s. Correct it.", name, access.CannotBeGroup(name))
				}
				r.Groups = append(r.Groups, name)
			}
		case "expires":
			d, err := time.ParseDuration(f.Value.Str())
			if err != nil || d < time.Minute || d > maxExpiry {
				return bad(f.Line, "`expires` is a duration from 1m to 720h, such as 30m or 4h. Correct it.")
			}
			r.Expires = d
		default:
			return bad(f.Line, "an approval rule has no field %q; it has description, when, need, groups and expires. Correct it.", f.Key)
		}
	}
	if len(r.Groups) == 0 {
		return bad(v.Line, "the rule does not say whose approval is needed. Add `groups: [approver]`.")
	}
	if r.Description == "" {
		r.Description = fmt.Sprintf("rule in line %d", v.Line)
	}
	return r, nil
}

func (r *Rule) when(v *yamldoc.Value) error {
	for _, f := range v.Fields {
		list, ok := texts(f.Value)
		wrong := &yamldoc.Error{Line: f.Line, Msg: fmt.Sprintf("`%s` is a text or a list of texts. Correct it.", f.Key)}
		switch f.Key {
		case "environment", "environments":
			r.Environments = patterns(list)
		case "job", "jobs":
			for _, g := range list {
				r.Jobs = append(r.Jobs, glob(g))
			}
		case "tags", "tag":
			r.Tags = patterns(list)
		case "adhoc":
			b, isBool := f.Value.Bool()
			if !isBool {
				return &yamldoc.Error{Line: f.Line, Msg: "`adhoc` is true or false. Correct it."}
			}
			r.Adhoc, ok = &b, true
		case "node", "options":
			if f.Value.Kind != yamldoc.Map {
				return &yamldoc.Error{Line: f.Line, Msg: fmt.Sprintf("`%s` is a map of names and values. Correct it.", f.Key)}
			}
			for _, x := range f.Value.Fields {
				vals, fine := texts(x.Value)
				if !fine {
					return &yamldoc.Error{Line: x.Line, Msg: fmt.Sprintf("`%s` is a text or a list of texts. Correct it.", x.Key)}
				}
				m := match{x.Key, patterns(vals)}
				if f.Key == "node" {
					r.Node = append(r.Node, m)
				} else {
					r.Options = append(r.Options, m)
				}
			}
			continue
		default:
			return &yamldoc.Error{Line: f.Line, Msg: fmt.Sprintf("`when` knows environment, job, adhoc, tags, node and options, not %q. Correct it.", f.Key)}
		}
		if !ok || f.Key != "adhoc" && len(list) == 0 {
			return wrong
		}
	}
	return nil
}

func texts(v *yamldoc.Value) ([]string, bool) {
	switch {
	case v.IsNull():
		return nil, false
	case v.Kind == yamldoc.Scalar:
		return []string{v.Text}, v.Text != ""
	case v.Kind == yamldoc.List:
		out := []string{}
		for _, it := range v.Items {
			if it.Kind != yamldoc.Scalar || it.Text == "" {
				return nil, false
			}
			out = append(out, it.Text)
		}
		return out, true
	}
	return nil, false
}

// Applies says whether the rule holds for s. What concerns nodes holds when one
// node meets all of it: a single production machine makes it production.
func (r Rule) Applies(s Subject) bool {
	if !r.Asks(s.Adhoc, s.Job) {
		return false
	}
	for _, m := range r.Options {
		v, ok := s.Options[m.key]
		if !ok || !anyOf(m.values, v) && !slices.ContainsFunc(s.Lists[m.key], func(v string) bool { return anyOf(m.values, v) }) {
			return false
		}
	}
	return r.Concerns(s.Nodes)
}

// Asks is the part of Applies that looks at what is run, whatever its options.
func (r Rule) Asks(adhoc bool, job string) bool {
	if r.Adhoc != nil && *r.Adhoc != adhoc {
		return false
	}
	return len(r.Jobs) == 0 || !adhoc && slices.ContainsFunc(r.Jobs, func(g *regexp.Regexp) bool { return g.MatchString(job) })
}

// Concerns is the part of Applies that looks at where it is run.
func (r Rule) Concerns(nodes []Machine) bool {
	return len(r.Environments)+len(r.Tags)+len(r.Node) == 0 || slices.ContainsFunc(nodes, r.node)
}

func (r Rule) node(n Machine) bool {
	if len(r.Environments) > 0 && !n.in(r.Environments) {
		return false
	}
	if len(r.Tags) > 0 && !slices.ContainsFunc(n.Tags, func(t string) bool { return anyOf(r.Tags, t) }) {
		return false
	}
	for _, m := range r.Node {
		if m.key == "environment" && n.in(m.values) {
			continue
		}
		if v, ok := n.Attrs[m.key]; !ok || !anyOf(m.values, v) {
			return false
		}
	}
	return true
}

// in says whether the node's environment is meant, by any word for it.
func (n Machine) in(ps []pattern) bool {
	return anyOf(ps, n.Environment) || slices.ContainsFunc(n.Also, func(w string) bool { return anyOf(ps, w) })
}

// anyOf: equal, or an expression of the whole value. Blanks around the value do
// not count: like upper case, they must not be a way around a rule.
func anyOf(ps []pattern, v string) bool {
	v = strings.TrimSpace(v)
	return slices.ContainsFunc(ps, func(p pattern) bool {
		return strings.EqualFold(p.text, v) || p.re != nil && p.re.MatchString(v)
	})
}

// glob matches a job's full name: * and ? stay within one part of the path, **
// goes over parts.
func glob(pattern string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString("(?i)^")
	for i, part := range strings.Split(pattern, "**") {
		if i > 0 {
			b.WriteString(".*")
		}
		for _, c := range part {
			switch c {
			case '*':
				b.WriteString("[^/]*")
			case '?':
				b.WriteString("[^/]")
			default:
				b.WriteString(regexp.QuoteMeta(string(c)))
			}
		}
	}
	return regexp.MustCompile(b.String() + "$") // everything but our own marks is quoted
}

// Requirement is what all rules that apply demand together.
type Requirement struct {
	Needs   []Need
	Expires time.Duration // the shortest of them
}

// Required collects the demands of rules on s; nil when there are none.
func Required(rules []Rule, s Subject) *Requirement {
	var out *Requirement
	for _, r := range rules {
		if !r.Applies(s) {
			continue
		}
		if out == nil {
			out = &Requirement{Expires: r.Expires}
		}
		out.Expires = min(out.Expires, r.Expires)
		n := Need{Rule: r.Description, Need: r.Need, Groups: r.Groups}
		if !slices.ContainsFunc(out.Needs, func(o Need) bool { return o.Need >= n.Need && slices.Equal(o.Groups, n.Groups) }) {
			out.Needs = append(out.Needs, n)
		}
	}
	return out
}

// People is how many different people are needed at least.
func People(needs []Need) int {
	n := 0
	for _, x := range needs {
		n = max(n, x.Need)
	}
	return n
}

// Groups are all groups whose people may help.
func Groups(needs []Need) []string {
	out := []string{}
	for _, x := range needs {
		for _, g := range x.Groups {
			if !actor.HasGroup(out, g) {
				out = append(out, g)
			}
		}
	}
	return out
}

// inWords says what is needed: "2 of approver, and 1 of security".
func inWords(needs []Need) string {
	var out []string
	for _, n := range needs {
		out = append(out, fmt.Sprintf("%d of %s", n.Need, strings.Join(n.Groups, " or ")))
	}
	return strings.Join(out, ", and ")
}

// Satisfied says whether the yes votes meet every need. One person counts for
// each need they are in the groups of, but once in each.
func Satisfied(needs []Need, votes []Vote) bool {
	for _, n := range needs {
		have := 0
		for _, v := range votes {
			if v.Decision == Approve && !slices.Contains(n.Except, v.UserID) && slices.ContainsFunc(n.Groups, func(g string) bool { return actor.HasGroup(v.Groups, g) }) {
				have++
			}
		}
		if have < n.Need {
			return false
		}
	}
	return true
}

// Line is where the rule stands in its document.
func (r Rule) Line() int { return r.line }

package access

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"

	"muster/internal/actor"
)

// Everyone is the group of every person and bot that is signed in.
const Everyone = "everyone"

// Resource is what somebody wants to act on.
type Resource struct {
	Project string              // "" asks in the application's context
	Type    string              // room, incident, job, node, adhoc, resource, …
	Attrs   map[string]string   // what policies may test
	Also    map[string][]string // other ways in which policies write an attribute's value
	Tags    []string            // the attribute "tags"
	ID      string              // for the ledger
	Name    string              // for messages, and the attribute "name" where Attrs has none
}

func (r Resource) attr(name string) (string, bool) {
	if v, ok := r.Attrs[name]; ok {
		return v, true
	}
	switch {
	case name == "tags" && len(r.Tags) > 0:
		return strings.Join(r.Tags, ","), true
	case name == "name" && r.Name != "":
		return r.Name, true
	}
	return "", false
}

// list reads an attribute as a set: tags, or a comma list.
func (r Resource) list(name string) []string {
	if name == "tags" && len(r.Tags) > 0 {
		return r.Tags
	}
	v, _ := r.attr(name)
	return members(v)
}

func members(v string) []string {
	var out []string
	for part := range strings.SplitSeq(v, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func (r Resource) where() string {
	if r.Project == "" {
		return ""
	}
	return " in project " + r.Project
}

func (r Resource) what() string {
	name := r.Name
	if name == "" {
		name = r.Attrs["name"]
		if g := r.Attrs["group"]; g != "" {
			name = g + "/" + name
		}
	}
	if name == "" && r.Type == "resource" {
		name = r.Attrs["kind"]
	}
	if name == "" {
		return article(strings.ReplaceAll(r.Type, "_", " "))
	}
	return strings.ReplaceAll(r.Type, "_", " ") + " " + name
}

func article(noun string) string {
	if noun != "" && strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// PolicyRule is the rule that decided.
type PolicyRule struct {
	Policy      string `json:"policy"`
	Line        int    `json:"line"`
	Description string `json:"description"`
}

// Decision is an answer with its reason.
type Decision struct {
	Allowed       bool        `json:"allowed"`
	Rule          *PolicyRule `json:"rule,omitempty"` // nil when no rule spoke
	Text          string      `json:"text"`
	WhoCouldGrant []string    `json:"who_could_grant"`
}

// set is every policy of the installation, compiled.
type set struct {
	version  string
	app      map[string][]rule // by resource type
	project  map[string][]rule
	problems []Mistake

	mu     sync.RWMutex
	spoken map[asker][]*rule
}

// asker is whose rules are asked for, and in which context.
type asker struct{ name, groups, project, typ string }

// maxSpoken bounds how many askers are remembered: names and types come from outside.
const maxSpoken = 1024

func newSet(version string) *set {
	return &set{version: version, app: map[string][]rule{}, project: map[string][]rule{}, spoken: map[asker][]*rule{}}
}

func (s *set) add(docs []Document) {
	for _, d := range docs {
		for _, r := range d.rules {
			switch {
			case r.ctx.app == Application, r.ctx.app == rundeck && (r.typ == "project" || r.typ == "storage"):
				s.app[r.typ] = append(s.app[r.typ], r)
			case r.ctx.app == "":
				s.project[r.typ] = append(s.project[r.typ], r)
			}
		}
	}
}

// rules of a resource's type in its context; the sections are not yet looked at.
func (s *set) rules(r Resource) []rule {
	if r.Project == "" {
		return s.app[r.Type]
	}
	return s.project[r.Type]
}

// speaking are the rules whose document speaks of name, a member of groups, in
// the resource's context: most of hundreds of rules speak of other people.
func (s *set) speaking(name string, groups []string, res Resource) []*rule {
	var out []*rule
	rules := s.rules(res)
	for i := range rules {
		if r := &rules[i]; r.subj.of(name, groups) && r.covers(res.Project) {
			out = append(out, r)
		}
	}
	return out
}

// remembered is speaking, worked out once for each asker: a set never changes.
func (s *set) remembered(name string, groups []string, res Resource) []*rule {
	key := asker{name: name, project: res.Project, typ: res.Type}
	for _, g := range groups {
		key.groups += strconv.Itoa(len(g)) + ":" + g // no two lists look the same
	}
	s.mu.RLock()
	rs, ok := s.spoken[key]
	s.mu.RUnlock()
	if ok {
		return rs
	}
	rs = s.speaking(name, groups, res)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.spoken) >= maxSpoken {
		clear(s.spoken)
	}
	s.spoken[key] = rs
	return rs
}

// covers says whether the rule is about that project, or about none.
func (r *rule) covers(project string) bool { return project == "" || r.ctx.project.match(project) }

func (r *rule) holds(res Resource) bool { return r.covers(res.Project) && r.tested(res) }

// tested says whether the resource passes every test of the rule.
func (r *rule) tested(res Resource) bool {
	for _, t := range r.tests {
		if !t.pass(res) {
			return false
		}
	}
	return true
}

// of says whether the document speaks of name, member of groups. notBy speaks
// of everybody its lists do not name.
func (s *subject) of(name string, groups []string) bool {
	return s.named(name, groups) != s.not
}

func (s *subject) named(name string, groups []string) bool {
	for _, p := range s.users {
		if name != "" && p.match(name) {
			return true
		}
	}
	for _, p := range s.groups {
		if slices.ContainsFunc(groups, p.match) {
			return true
		}
	}
	return false
}

// stronger actions stand for every other one.
var stronger = []string{"admin", "app_admin", "ops_admin"}

func lists(actions []string, action string) bool {
	return slices.Contains(actions, action) || slices.Contains(actions, "*")
}

// grants says whether the rule allows the action, by its name or by a stronger one.
func grants(r *rule, action string) bool {
	return lists(r.allow, action) || slices.ContainsFunc(stronger, func(a string) bool { return lists(r.allow, a) })
}

// verdict of the rules: one deny of the action is the answer; otherwise one
// allow of it, or of a stronger action that is not itself denied, is enough.
func (s *set) verdict(name string, groups []string, action string, res Resource) (allowed bool, by *rule) {
	return judge(s.remembered(name, groups, res), action, res)
}

// would is verdict for those who did not ask: it remembers nothing.
func (s *set) would(name string, groups []string, action string, res Resource) bool {
	allowed, _ := judge(s.speaking(name, groups, res), action, res)
	return allowed
}

func judge(rules []*rule, action string, res Resource) (allowed bool, by *rule) {
	var named, strong *rule
	var strongDenied [3]bool
	strongAllowed := [3]*rule{}
	for _, r := range rules {
		if !r.tested(res) {
			continue
		}
		if lists(r.deny, action) {
			return false, r
		}
		if named == nil && lists(r.allow, action) {
			named = r
		}
		for n, a := range stronger {
			strongDenied[n] = strongDenied[n] || lists(r.deny, a)
			if strongAllowed[n] == nil && lists(r.allow, a) {
				strongAllowed[n] = r
			}
		}
	}
	for n := range stronger {
		if strong == nil && !strongDenied[n] {
			strong = strongAllowed[n]
		}
	}
	if named == nil {
		named = strong
	}
	return named != nil, named
}

// groupsOf is what membership an actor is judged by.
func groupsOf(who actor.Actor) []string {
	if who.ID == "" || who.Kind == actor.Guest || slices.Contains(who.Groups, Everyone) {
		return who.Groups
	}
	return append(slices.Clip(slices.Clone(who.Groups)), Everyone)
}

func (s *set) decide(who actor.Actor, action string, res Resource) Decision {
	if who.IsSystem() {
		return Decision{Allowed: true, Text: "Muster itself may do this.", WhoCouldGrant: []string{}}
	}
	ok, by := s.verdict(who.Name, groupsOf(who), action, res)
	d := Decision{Allowed: ok, WhoCouldGrant: []string{}}
	if by != nil {
		d.Rule = &PolicyRule{by.policy, by.line, by.description}
	}
	if ok {
		d.Text = fmt.Sprintf("Allowed by the policy %s, line %d: %s", by.policy, by.line, sentence(by.description))
		return d
	}
	holders, editors := s.holders(action, res), s.editors()
	for _, g := range append(slices.Clone(holders), editors...) {
		if !slices.Contains(d.WhoCouldGrant, g) {
			d.WhoCouldGrant = append(d.WhoCouldGrant, g)
		}
	}
	var b strings.Builder
	if by != nil {
		fmt.Fprintf(&b, "You may not %s %s%s: the policy %s, line %d, denies it (%s).", verb(action), res.what(), res.where(),
			by.policy, by.line, strings.TrimSuffix(by.description, "."))
	} else {
		fmt.Fprintf(&b, "You may not %s %s%s: no rule allows it.", verb(action), res.what(), res.where())
	}
	if len(holders) > 0 {
		fmt.Fprintf(&b, " Who may: %s.", strings.Join(holders, ", "))
	}
	if len(editors) > 0 {
		fmt.Fprintf(&b, " The rule can be changed by: %s.", strings.Join(editors, ", "))
	}
	d.Text = b.String()
	return d
}

func sentence(s string) string {
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

func verb(action string) string { return strings.ReplaceAll(action, "_", " ") }

// holders are the groups and people who would be allowed, in the words of the
// policies. A group that another rule denies is left out.
func (s *set) holders(action string, res Resource) []string {
	var out []string
	seen := map[string]bool{}
	rules := s.rules(res)
	for i := range rules {
		r := &rules[i]
		if r.subj.not || len(r.allow) == 0 || !r.holds(res) {
			continue
		}
		if !grants(r, action) {
			continue
		}
		for _, g := range r.subj.groups {
			if seen["group "+g.folded.text] {
				continue
			}
			seen["group "+g.folded.text] = true
			if s.would("", []string{g.text, Everyone}, action, res) {
				out = append(out, g.text)
			}
		}
		for _, u := range r.subj.users {
			if seen["user "+u.folded.text] {
				continue
			}
			seen["user "+u.folded.text] = true
			if s.would(u.text, []string{Everyone}, action, res) {
				out = append(out, "@"+u.text)
			}
		}
	}
	sort.Strings(out)
	return out
}

// editors are who may change the policies.
func (s *set) editors() []string {
	return s.holders("manage", Resource{Type: "policy"})
}

// anywhere says whether some rule allows the action on some resource of the
// type in some project: what a screen asks before it offers the action at all.
func (s *set) anywhere(who actor.Actor, action, typ string) bool {
	if who.IsSystem() {
		return true
	}
	groups := groupsOf(who)
	for i := range s.project[typ] {
		r := &s.project[typ][i]
		if grants(r, action) && r.subj.of(who.Name, groups) {
			return true
		}
	}
	return false
}

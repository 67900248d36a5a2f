package access

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"muster/internal/actor"
)

// vocabulary of generated policies: what decides about an answer.
var (
	fuzzGroups   = []string{"ops", "dev", "o.s", "x)|(?:op", "everyone", "[", "ops|dev", ".*"}
	fuzzNames    = []string{"ann", "bob", "a..", "nobody"}
	fuzzActions  = []string{"run", "read", "delete", "*", "admin", "app_admin", "ops_admin"}
	fuzzTypes    = []string{"job", "node", "room"}
	fuzzContexts = []string{"project: demo", "project: other", "project: 'de.*'", "project: .*", "application: muster", "application: rundeck"}
	fuzzTests    = []string{"", "equals: {name: restart}", "match: {name: 'rest.*'}", "match: {group: [web, '.*']}", "contains: {tags: [prod]}", "contains: {tags: [prod, web]}", "subset: {tags: [prod]}", "equals: {nothing: x}"}
)

// policies writes documents from bytes, seven each.
func policies(data []byte) (docs []string) {
	pick := func(from []string, n int) string { return from[int(data[n])%len(from)] }
	for ; len(data) >= 7 && len(docs) < 12; data = data[7:] {
		word, by := "allow", "by"
		if data[0]&1 > 0 {
			word = "deny"
			if data[0]&2 > 0 {
				by = "notBy"
			}
		}
		who := "group: '" + pick(fuzzGroups, 1) + "'"
		if data[0]&4 > 0 {
			who = "username: '" + pick(fuzzNames, 1) + "'"
		}
		entry := word + ": ['" + pick(fuzzActions, 2) + "', '" + pick(fuzzActions, 3) + "']"
		if t := pick(fuzzTests, 4); t != "" {
			entry += ", " + t
		}
		docs = append(docs, fmt.Sprintf("description: d%d\ncontext: {%s}\nfor:\n  %s:\n    - {%s}\n%s: {%s}\n", len(docs), pick(fuzzContexts, 5), pick(fuzzTypes, 6), entry, by, who))
	}
	return docs
}

func setOf(project string, texts ...string) *set {
	s := newSet("x")
	for _, text := range texts { // each a file of its own, for one that is not even text is dropped whole
		docs, _ := Parse(project, "fuzz", []byte(text))
		s.add(docs)
	}
	return s
}

// FuzzEvaluate: nothing is allowed that no rule allows, one deny beats every
// allow, the order of documents does not matter, and the reason fits the answer.
// Beside the generated documents stands a free text, as somebody might store it.
func FuzzEvaluate(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0}, "", uint8(0))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0}, good, uint8(1))
	f.Add([]byte{0, 3, 4, 4, 0, 3, 0, 3, 1, 3, 3, 4, 2, 0}, "description: 'open\n", uint8(7))
	f.Add([]byte{4, 2, 3, 0, 5, 4, 2, 0, 4, 5, 6, 7, 4, 2}, "- [", uint8(40))
	f.Add([]byte{0, 7, 4, 4, 0, 0, 0, 1, 7, 4, 0, 0, 0, 0}, "... \n%YAML 1.2\n---\na: &a [*a]", uint8(90))
	f.Fuzz(func(t *testing.T, data []byte, free string, which uint8) {
		texts := policies(data)
		who := person([]string{"ann", "bob", "cid"}[which%3], []string{"ops", "dev", "shop"}[which/3%3])
		action := []string{"run", "read", "delete", "admin"}[which/9%4]
		res := Resource{Project: []string{"demo", "other", ""}[which/36%3], Type: fuzzTypes[which/108%3], Name: "restart", Attrs: map[string]string{"group": "web"}, Tags: []string{"prod", "web"}}

		if d := newSet("x").decide(who, action, res); d.Allowed || d.Rule != nil {
			t.Fatalf("without policies: %+v", d)
		}
		all := append(slices.Clone(texts), free)
		s := setOf("", all...)
		d := s.decide(who, action, res)
		if ok := (Judge{s, who, groupsOf(who)}).Allowed(action, res); ok != d.Allowed {
			t.Fatalf("explained as %v, judged as %v", d.Allowed, ok)
		}
		if d.Allowed && (d.Rule == nil || !strings.HasPrefix(d.Text, "Allowed")) || !d.Allowed && !strings.HasPrefix(d.Text, "You may not ") {
			t.Fatalf("%+v", d)
		}
		if d.Allowed && res.Project != "" && !s.anywhere(who, action, res.Type) {
			t.Fatalf("may %s here, and nowhere\n%s", action, strings.Join(all, "---\n"))
		}
		slices.Reverse(all)
		if o := setOf("", all...).decide(who, action, res); o.Allowed != d.Allowed {
			t.Fatalf("another order of documents: %v, before %v\n%s", o.Allowed, d.Allowed, strings.Join(all, "---\n"))
		}
		for _, g := range d.WhoCouldGrant {
			if name, ok := strings.CutPrefix(g, "@"); ok && slices.Contains(s.holders(action, res), g) && !strings.ContainsAny(name, ".*[|(") {
				if h := s.decide(actor.Actor{ID: "x", Name: name, Kind: actor.Person}, action, res); !h.Allowed {
					t.Fatalf("%s is named as who may, and may not: %s", g, h.Text)
				}
			}
		}
		// What is only allowed more stays allowed; what is only denied more stays denied.
		context := "application: muster"
		if res.Project != "" {
			context = "project: " + res.Project
		}
		by := "by: {username: " + who.Name + "}\n"
		more := func(word, action string) Decision {
			extra := fmt.Sprintf("description: extra\ncontext: {%s}\nfor:\n  %s:\n    - {%s: '%s'}\n%s", context, res.Type, word, action, by)
			return setOf("", append(slices.Clone(all), extra)...).decide(who, action, res)
		}
		denied := more("deny", action)
		if denied.Allowed || denied.Rule == nil {
			t.Fatalf("denied, and yet %+v\n%s", denied, strings.Join(all, "---\n"))
		}
		if more("deny", "*").Allowed {
			t.Fatal("denied everything, and yet allowed")
		}
		if a := more("allow", action); d.Allowed && !a.Allowed || !a.Allowed && a.Rule == nil {
			t.Fatalf("allowed once more, and now %+v", a)
		}
		// A policy stored in one project speaks for no other.
		if res.Project != "demo" {
			if p := setOf("demo", all...).decide(who, action, res); p.Allowed || p.Rule != nil {
				t.Fatalf("a policy of the project demo: %+v", p)
			}
		}
	})
}

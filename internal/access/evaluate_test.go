package access

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"muster/internal/actor"
)

func load(t testing.TB, text string) *set {
	t.Helper()
	docs, problems := Parse("", "test", []byte(text))
	for _, p := range problems {
		if p.Dropped {
			t.Fatalf("%v\n%s", p, text)
		}
	}
	s := newSet("x")
	s.add(docs)
	return s
}

func person(name string, groups ...string) actor.Actor {
	return actor.Actor{ID: "id-" + name, Name: name, Kind: actor.Person, Groups: groups}
}

// doc writes a document: entries of one type for one subject.
func doc(context, by, typ string, entries ...string) string {
	return "---\ndescription: d\ncontext: {" + context + "}\nfor:\n  " + typ + ":\n    - {" + strings.Join(entries, "}\n    - {") + "}\n" + by + "\n"
}

func TestRules(t *testing.T) {
	const demo, ops = "project: demo", "by: {group: ops}"
	job := Resource{Project: "demo", Type: "job", Attrs: map[string]string{"name": "restart", "group": "web/prod"}}
	node := Resource{Project: "demo", Type: "node", Attrs: map[string]string{"environment": "prod"}, Tags: []string{"web", "prod"}}
	in := func(project string, r Resource) Resource { r.Project = project; return r }
	tests := []struct {
		name   string
		policy string
		who    actor.Actor
		action string
		res    Resource
		want   bool
	}{
		{"nothing is allowed by nobody", "", person("ann", "ops"), "run", job, false},
		{"an allow is enough", doc(demo, ops, "job", "allow: run"), person("ann", "ops"), "run", job, true},
		{"another action is not", doc(demo, ops, "job", "allow: run"), person("ann", "ops"), "delete", job, false},
		{"a star allows all", doc(demo, ops, "job", "allow: '*'"), person("ann", "ops"), "delete", job, true},

		{"2: group or username, by group", doc(demo, "by: {group: [x, ops], username: bob}", "job", "allow: run"), person("ann", "ops"), "run", job, true},
		{"2: group or username, by name", doc(demo, "by: {group: [x, y], username: ann}", "job", "allow: run"), person("ann", "ops"), "run", job, true},
		{"2: neither", doc(demo, "by: {group: [x, y], username: bob}", "job", "allow: run"), person("ann", "ops"), "run", job, false},

		{"3: project equals", doc(demo, ops, "job", "allow: run"), person("ann", "ops"), "run", in("demo2", job), false},
		{"3: project by expression", doc("project: 'demo.*'", ops, "job", "allow: run"), person("ann", "ops"), "run", in("demo2", job), true},
		{"3: the whole name must match", doc("project: 'de|x'", ops, "job", "allow: run"), person("ann", "ops"), "run", job, false},
		{"3: application is not a project", doc("application: muster", ops, "job", "allow: run"), person("ann", "ops"), "run", job, false},
		{"3: application equals only", doc("application: 'm.*'", ops, "job", "allow: run"), person("ann", "ops"), "run", in("", job), false},
		{"3: application", doc("application: muster", ops, "job", "allow: run"), person("ann", "ops"), "run", in("", job), true},
		{"3: a project rule gives no application right", doc("project: '.*'", ops, "job", "allow: run"), person("ann", "ops"), "run", in("", job), false},

		{"4: group by expression", doc(demo, "by: {group: 'o.s'}", "job", "allow: run"), person("ann", "ops"), "run", job, true},
		{"4: the whole group must match", doc(demo, "by: {group: 'op|x'}", "job", "allow: run"), person("ann", "ops"), "run", job, false},
		{"4: username by expression", doc(demo, "by: {username: 'a..'}", "job", "allow: run"), person("ann"), "run", job, true},
		{"4: everyone", doc(demo, "by: {group: everyone}", "job", "allow: run"), person("ann"), "run", job, true},
		{"4: a guest is not everyone", doc(demo, "by: {group: everyone}", "job", "allow: run"), actor.Actor{ID: "g", Kind: actor.Guest}, "run", job, false},

		{"5: type must be equal", doc(demo, ops, "node", "allow: run"), person("ann", "ops"), "run", job, false},
		{"5: equals", doc(demo, ops, "job", "equals: {name: restart}, allow: run"), person("ann", "ops"), "run", job, true},
		{"5: equals is no expression", doc(demo, ops, "job", "equals: {name: 'rest.*'}, allow: run"), person("ann", "ops"), "run", job, false},
		{"5: equals, missing attribute", doc(demo, ops, "job", "equals: {colour: ''}, allow: run"), person("ann", "ops"), "run", job, false},
		{"5: match", doc(demo, ops, "job", "match: {group: 'web/.*'}, allow: run"), person("ann", "ops"), "run", job, true},
		{"5: match is full", doc(demo, ops, "job", "match: {group: 'web'}, allow: run"), person("ann", "ops"), "run", job, false},
		{"5: match list needs all", doc(demo, ops, "job", "match: {group: ['web/.*', '.*/qa']}, allow: run"), person("ann", "ops"), "run", job, false},
		{"5: match, missing attribute fails", doc(demo, ops, "job", "match: {colour: '.*'}, allow: run"), person("ann", "ops"), "run", job, false},
		{"4: two halves of an expression are a literal", doc(demo, "by: {group: 'x)|(?:op'}", "job", "allow: run"), person("ann", "shop"), "run", job, false},
		{"5: an invalid expression is a literal", doc(demo, ops, "job", "match: {name: '*'}, allow: run"), person("ann", "ops"), "run", Resource{Project: "demo", Type: "job", Name: "*"}, true},
		{"5: an invalid expression matches nothing else", doc(demo, ops, "job", "match: {name: '*'}, allow: run"), person("ann", "ops"), "run", job, false},
		{"5: contains one", doc(demo, ops, "node", "contains: {tags: web}, allow: run"), person("ann", "ops"), "run", node, true},
		{"5: contains all", doc(demo, ops, "node", "contains: {tags: [web, prod]}, allow: run"), person("ann", "ops"), "run", node, true},
		{"5: contains not all", doc(demo, ops, "node", "contains: {tags: [web, db]}, allow: run"), person("ann", "ops"), "run", node, false},
		{"5: contains in a comma list", doc(demo, ops, "node", "contains: {zones: b}, allow: run"), person("ann", "ops"), "run", Resource{Project: "demo", Type: "node", Attrs: map[string]string{"zones": "a, b"}}, true},
		{"5: subset", doc(demo, ops, "node", "subset: {tags: [web, prod, db]}, allow: run"), person("ann", "ops"), "run", node, true},
		{"5: subset broken", doc(demo, ops, "node", "subset: {tags: [web]}, allow: run"), person("ann", "ops"), "run", node, false},
		{"5: subset, missing passes", doc(demo, ops, "node", "subset: {zones: [web]}, allow: run"), person("ann", "ops"), "run", node, true},
		{"5: every section must pass", doc(demo, ops, "node", "equals: {environment: prod}, contains: {tags: db}, allow: run"), person("ann", "ops"), "run", node, false},

		{"6: deny beats allow", doc(demo, ops, "job", "allow: run", "deny: run"), person("ann", "ops"), "run", job, false},
		{"6: deny in another document", doc(demo, ops, "job", "allow: '*'") + doc("project: '.*'", "by: {username: ann}", "job", "deny: run"), person("ann", "ops"), "run", job, false},
		{"6: deny star", doc(demo, ops, "job", "allow: run", "deny: '*'"), person("ann", "ops"), "run", job, false},
		{"6: deny of another action", doc(demo, ops, "job", "allow: run", "deny: kill"), person("ann", "ops"), "run", job, true},
		{"6: deny that does not hold", doc(demo, ops, "job", "allow: run", "equals: {name: other}, deny: run"), person("ann", "ops"), "run", job, true},

		{"7: notBy denies the others", doc(demo, "by: {group: '.*'}", "job", "allow: run") + doc(demo, "notBy: {group: ops}", "job", "deny: run"), person("ann", "dev"), "run", job, false},
		{"7: notBy leaves the named", doc(demo, "by: {group: '.*'}", "job", "allow: run") + doc(demo, "notBy: {group: [ops, dba]}", "job", "deny: run"), person("ann", "ops"), "run", job, true},

		{"admin stands for the action", doc(demo, ops, "job", "allow: admin"), person("ann", "ops"), "run", job, true},
		{"app_admin stands for the action", doc(demo, ops, "job", "allow: app_admin"), person("ann", "ops"), "run", job, true},
		{"ops_admin stands for the action", doc(demo, ops, "job", "allow: ops_admin"), person("ann", "ops"), "run", job, true},
		{"admin does not beat a deny", doc(demo, ops, "job", "allow: admin", "deny: run"), person("ann", "ops"), "run", job, false},
		{"a denied admin stands for nothing", doc(demo, ops, "job", "allow: admin", "deny: admin"), person("ann", "ops"), "run", job, false},
		{"Muster itself", "", actor.System("engine"), "run", job, true},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			if got := load(t, c.policy).decide(c.who, c.action, c.res); got.Allowed != c.want {
				t.Errorf("allowed = %v, want %v: %s", got.Allowed, c.want, got.Text)
			}
		})
	}
}

func TestExplain(t *testing.T) {
	s := load(t, `
description: Operators run.
context: {project: demo}
for:
  job:
    - allow: run
by: {group: operator}
---
description: Nobody touches the vault
context: {project: demo}
for:
  job:
    - equals: {name: vault}
      deny: [run]
by: {group: .*}
---
description: Admins
context: {application: muster}
for:
  policy:
    - allow: manage
by: {group: administrator, username: root}
`)
	d := s.decide(person("ann", "responder"), "run", Resource{Project: "demo", Type: "job", Attrs: map[string]string{"group": "web", "name": "restart"}})
	if want := "You may not run job web/restart in project demo: no rule allows it. Who may: operator. The rule can be changed by: @root, administrator."; d.Text != want {
		t.Errorf("text\n got %s\nwant %s", d.Text, want)
	}
	if !slices.Equal(d.WhoCouldGrant, []string{"operator", "@root", "administrator"}) || d.Rule != nil {
		t.Errorf("%+v", d)
	}
	d = s.decide(person("ann", "operator"), "run", Resource{Project: "demo", Type: "job", Name: "vault"})
	if want := "You may not run job vault in project demo: the policy test, line 13, denies it (Nobody touches the vault). The rule can be changed by: @root, administrator."; d.Text != want {
		t.Errorf("text\n got %s\nwant %s", d.Text, want)
	}
	if d.Rule == nil || d.Rule.Line != 13 {
		t.Errorf("rule %+v", d.Rule)
	}
	d = s.decide(person("ann", "operator"), "run", Resource{Project: "demo", Type: "job", Name: "restart"})
	if want := "Allowed by the policy test, line 6: Operators run."; d.Text != want || !d.Allowed {
		t.Errorf("text\n got %s\nwant %s", d.Text, want)
	}
}

// Whatever the rules are, adding a deny that speaks of somebody takes the
// action from them, and adding an allow elsewhere never gives it back.
func TestDenyAlwaysWins(t *testing.T) {
	groups := []string{"a", "b", "c"}
	actions := []string{"run", "read", "kill", "admin", "*"}
	rapid.Check(t, func(t *rapid.T) {
		random := func(label string, kinds ...string) string {
			g := rapid.SampledFrom(groups).Draw(t, label+" group")
			k := rapid.SampledFrom(kinds).Draw(t, label+" kind")
			a := rapid.SampledFrom(actions).Draw(t, label+" action")
			e := fmt.Sprintf("%s: '%s'", k, a)
			if rapid.Bool().Draw(t, label+" narrow") {
				e = "equals: {name: " + rapid.SampledFrom([]string{"x", "y"}).Draw(t, label+" name") + "}, " + e
			}
			return doc("project: p", "by: {group: "+g+"}", "job", e)
		}
		text := ""
		for i := range rapid.IntRange(0, 8).Draw(t, "rules") {
			text += random(fmt.Sprint("rule ", i), "allow", "allow", "deny")
		}
		who := person("ann", rapid.SliceOfDistinct(rapid.SampledFrom(groups), rapid.ID[string]).Draw(t, "groups")...)
		action := rapid.SampledFrom([]string{"run", "read", "kill"}).Draw(t, "action")
		res := Resource{Project: "p", Type: "job", Name: "x"}
		deny := doc("project: p", "by: {username: ann}", "job", "deny: '"+rapid.SampledFrom([]string{action, "*"}).Draw(t, "deny")+"'")

		before := []string{text + deny, deny + text}
		after := text + deny + random("late", "allow")
		for _, p := range append(before, after) {
			if ok, by := mustLoad(t, p).verdict(who.Name, groupsOf(who), action, res); ok || by == nil {
				t.Fatalf("allowed in spite of a deny:\n%s", p)
			}
		}
		// And nobody is allowed without a rule that allows.
		if ok, by := mustLoad(t, text).verdict(who.Name, groupsOf(who), action, res); ok && len(by.allow) == 0 {
			t.Fatalf("allowed by a rule that allows nothing:\n%s", text)
		}
	})
}

func mustLoad(t interface{ Fatalf(string, ...any) }, text string) *set {
	docs, problems := Parse("", "test", []byte(text))
	if len(problems) > 0 {
		t.Fatalf("%v\n%s", problems, text)
	}
	s := newSet("x")
	s.add(docs)
	return s
}

func BenchmarkVerdict500(b *testing.B) {
	var text strings.Builder
	for i := range 500 {
		text.WriteString(doc("project: 'p.*'", fmt.Sprintf("by: {group: 'team-%d.*'}", i), "job", "match: {group: 'web/.*'}, allow: [run, read]"))
	}
	docs, problems := Parse("", "bench", []byte(text.String()))
	if len(problems) > 0 {
		b.Fatal(problems)
	}
	s := newSet("x")
	s.add(docs)
	groups := []string{"team-499", "everyone", "operator"}
	res := Resource{Project: "p1", Type: "job", Attrs: map[string]string{"group": "web/prod", "name": "restart"}}
	for b.Loop() {
		if ok, _ := s.verdict("ann", groups, "run", res); !ok {
			b.Fatal("denied")
		}
	}
}

// What is remembered for one asker is never another's answer.
func TestRememberedIsTheAskersOwn(t *testing.T) {
	names := rapid.SampledFrom([]string{"", "ann", "bob", "1:a"})
	words := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab", "1:a", "a1:b", ""}), 0, 3)
	typ := rapid.SampledFrom([]string{"job", "node"})
	project := rapid.SampledFrom([]string{"", "demo", "p1"})
	s := load(t, doc("project: demo", "by: {group: [a, 'a1:b']}", "job", "allow: run")+doc("project: 'p.*'", "by: {group: ab, username: ann}", "job", "allow: run")+
		doc("project: '.*'", "by: {username: '1:a'}", "node", "allow: run")+doc("application: muster", "by: {group: b}", "job", "allow: run")+doc("project: demo", "by: {username: bob}", "job", "deny: run"))
	rapid.Check(t, func(t *rapid.T) {
		name, groups, res := names.Draw(t, "name"), words.Draw(t, "groups"), Resource{Project: project.Draw(t, "project"), Type: typ.Draw(t, "type")}
		if got, _ := s.verdict(name, groups, "run", res); got != s.would(name, groups, "run", res) {
			t.Fatalf("%q in %q on %+v: remembered %v", name, groups, res, got)
		}
	})
}

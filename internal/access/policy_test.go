package access

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const good = `description: good
context: {project: demo}
for:
  job:
    - allow: run
by: {group: ops}
`

func TestWrongDocumentIsDroppedWithItsLine(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [", c, c) + strings.Repeat(fmt.Sprintf("*%c,", c-1), 9) + fmt.Sprintf("*%c]\n", c-1)
	}
	tests := []struct {
		name string
		doc  string
		line int // within doc
		text string
	}{
		{"not YAML", "description: [x\nfor: y", 2, "not valid YAML"},
		{"tab", "description: x\nfor:\n\tjob: y", 3, ""},
		{"a list", "- a\n- b", 1, "must be a map"},
		{"a word", "hello", 1, "must be a map"},
		{"no description", "context: {project: p}\nfor: {job: [{allow: run}]}\nby: {group: g}", 1, "description is missing"},
		{"unknown key", "description: d\ncolour: red\ncontext: {project: p}\nfor: {job: [{allow: run}]}\nby: {group: g}", 2, "colour"},
		{"no context", "description: d\nfor: {job: [{allow: run}]}\nby: {group: g}", 1, "context is missing"},
		{"two contexts", "description: d\ncontext: {project: p, application: muster}\nfor: {job: [{allow: run}]}\nby: {group: g}", 2, "exactly one"},
		{"unknown context", "description: d\ncontext:\n  planet: p\nfor: {job: [{allow: run}]}\nby: {group: g}", 3, "planet"},
		{"no for", "description: d\ncontext: {project: p}\nby: {group: g}", 1, "\"for\" is missing"},
		{"empty for", "description: d\ncontext: {project: p}\nfor: {}\nby: {group: g}", 3, "at least one"},
		{"for without list", "description: d\ncontext: {project: p}\nfor:\n  job:\n    allow: run\nby: {group: g}", 4, "list of entries"},
		{"no by", "description: d\ncontext: {project: p}\nfor: {job: [{allow: run}]}", 1, "exactly one of by and notBy"},
		{"by and notBy", "description: d\ncontext: {project: p}\nfor: {job: [{deny: run}]}\nby: {group: g}\nnotBy: {group: g}", 1, "exactly one of by and notBy"},
		{"empty by", "description: d\ncontext: {project: p}\nfor: {job: [{allow: run}]}\nby: {}", 4, "must name"},
		{"empty group", "description: d\ncontext: {project: p}\nfor: {job: [{allow: run}]}\nby:\n  group: ''", 5, "by.group"},
		{"null group", "description: d\ncontext: {project: p}\nfor: {job: [{allow: run}]}\nby:\n  group:", 5, "by.group"},
		{"unknown subject", "description: d\ncontext: {project: p}\nfor: {job: [{allow: run}]}\nby:\n  groups: g", 5, "by.groups"},
		{"notBy allows", "description: d\ncontext: {project: p}\nfor:\n  job:\n    - allow: run\nnotBy: {group: g}", 5, "only deny"},
		{"entry without effect", "description: d\ncontext: {project: p}\nfor:\n  job:\n    - equals: {name: x}\nby: {group: g}", 5, "neither"},
		{"misspelt deny", "description: d\ncontext: {project: p}\nfor:\n  job:\n    - denny: run\nby: {group: g}", 5, "denny"},
		{"equals list", "description: d\ncontext: {project: p}\nfor:\n  job:\n    - equals: {name: [a, b]}\n      allow: run\nby: {group: g}", 5, "one string"},
		{"empty section", "description: d\ncontext: {project: p}\nfor:\n  job:\n    - allow: run\n      match: {}\nby: {group: g}", 6, "match"},
		{"look-ahead", "description: d\ncontext: {project: p}\nfor:\n  job:\n    - allow: run\n      match:\n        name: '(?!prod).*'\nby: {group: g}", 7, "not supported"},
		{"possessive", "description: d\ncontext: {project: p}\nfor:\n  job:\n    - deny: run\n      match:\n        name: 'prod.*+'\nby: {group: g}", 7, "not supported"},
		{"twice", "description: d\ndescription: e", 2, ""},
		{"unknown alias", "description: *x", 1, ""},
		{"foreign tag", "description: !!python/object x", 1, ""},
		{"bomb", bomb, 0, ""},
		{"deep", "description: " + strings.Repeat("[", 5000), 1, "deeper"},
		{"deep list", strings.Repeat("- ", 5000), 1, "deeper"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			// 7 lines before: the good document and the marker.
			docs, problems := Parse("", "f", []byte(good+"---\n"+c.doc+"\n---\n"+good))
			if len(docs) != 2 || docs[0].Description != "good" || docs[1].Description != "good" {
				t.Fatalf("the other documents did not load: %d, %v", len(docs), problems)
			}
			if len(problems) != 1 || !problems[0].Dropped {
				t.Fatalf("problems %v", problems)
			}
			if p := problems[0]; c.line > 0 && p.Line != 7+c.line || !strings.Contains(p.Text, c.text) {
				t.Errorf("got line %d %q, want line %d with %q", p.Line-7, p.Text, c.line, c.text)
			}
			if d := time.Since(start); d > 2*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}

func TestParseBounds(t *testing.T) {
	_, problems := Parse("", "f", []byte(strings.Repeat("# x\n", MaxSize)))
	if len(problems) != 1 || !strings.Contains(problems[0].Text, "KiB") {
		t.Errorf("%v", problems)
	}
	_, problems = Parse("", "f", []byte(strings.Repeat("---\na\n", 2*maxDocs)))
	if len(problems) != 1 || !strings.Contains(problems[0].Text, "documents") {
		t.Errorf("%v", problems)
	}
	_, problems = Parse("", "f", []byte("description: d\nx: \xff"))
	if len(problems) != 1 || problems[0].Line != 2 {
		t.Errorf("%v", problems)
	}
}

func TestProjectStore(t *testing.T) {
	without := strings.Replace(good, "context: {project: demo}\n", "", 1)
	docs, problems := Parse("demo", "f", []byte(without))
	if len(problems) > 0 || !docs[0].rules[0].ctx.project.match("demo") || docs[0].rules[0].ctx.project.match("demo2") {
		t.Errorf("context left out: %v", problems)
	}
	docs, _ = Parse("demo", "f", []byte(strings.Replace(good, "project: demo", "project: .*", 1)))
	if len(docs) != 1 || docs[0].rules[0].ctx.project.match("other") {
		t.Error("a policy stored in a project speaks for another")
	}
	for _, foreign := range []string{"project: other", "application: muster"} {
		docs, problems = Parse("demo", "f", []byte(strings.Replace(good, "project: demo", foreign, 1)))
		if len(docs) != 0 || len(problems) != 1 {
			t.Errorf("%s was accepted: %v", foreign, problems)
		}
	}
}

func TestParseAccepts(t *testing.T) {
	text := "\xef\xbb\xbf# a comment\r\n--- # first\r\n" + strings.ReplaceAll(good, "\n", "\r\n") + `...
---
description: |
  A long
  text
id: x
context: {project: p}
for:
  job: &rules
    - allow: [run, read]
  adhoc: *rules
by:
  username: [ann, bob]
---
# only a comment
`
	docs, problems := Parse("", "f", []byte(text))
	if len(problems) > 0 || len(docs) != 2 {
		t.Fatalf("%d documents, %v", len(docs), problems)
	}
	if docs[1].ID != "x" || len(docs[1].rules) != 2 || docs[1].rules[1].typ != "adhoc" {
		t.Errorf("%+v", docs[1])
	}
	_, problems = Parse("", "f", []byte("description: d\ncontext: {application: rundeck}\nfor: {job: [{allow: run}]}\nby: {group: g}"))
	if len(problems) != 1 || problems[0].Dropped || problems[0].Line != 2 {
		t.Errorf("a foreign application: %v", problems)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Add(DefaultProjectPolicy("demo"))
	for _, text := range builtIn {
		f.Add(text)
	}
	f.Add("a: &a [*a]\n---\n? - x\n: y\n--- !!map {<<: *x}\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + 1
		docs, problems := Parse("", "fuzz", []byte(text))
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines+1 || p.Text == "" {
				t.Fatalf("%v of %d lines", p, lines)
			}
		}
		s := newSet("x")
		s.add(docs)
		for _, d := range docs {
			if d.Description == "" || len(d.rules) == 0 {
				t.Fatalf("%+v", d)
			}
			for _, r := range d.rules {
				if r.subj.not && len(r.allow) > 0 || len(r.allow)+len(r.deny) == 0 {
					t.Fatalf("%+v", r)
				}
				s.decide(person("ann", "ops"), "run", Resource{Project: "demo", Type: r.typ, Name: "x"})
			}
		}
	})
}

package access

import (
	"os"
	"strings"
	"testing"

	"muster/internal/actor"
)

// The same group, whoever wrote it how: what denies is not missed by case, and
// what only looks alike is another group.
func TestOneGroup(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"Contractors", "contractors", true},
		{"APP Rundeck Admin EMEA", "app rundeck admin emea", true},
		{"CN=Ops,OU=IT,DC=bank", "cn=ops,ou=it,dc=BANK", true},
		{"Betrieb-Zürich", "BETRIEB-ZÜRICH", true},
		{CleanName("Betrieb-Zu\u0308rich"), "Betrieb-Zürich", true},
		{"ΟΜΑΣ", "ομας", true},
		{"Administrator", "administrator", true},
		{"adminiſtrator", "administrator", false},
		{"admınistrator", "administrator", false},
		{"аdministrator", "administrator", false}, // a Cyrillic а
		{"admin istrator", "administrator", false},
		{"ops", "ops2", false},
	} {
		if actor.SameGroup(c.a, c.b) != c.same || actor.SameGroup(c.b, c.a) != c.same {
			t.Errorf("%q and %q: same %v", c.a, c.b, !c.same)
		}
		s := load(t, doc("project: p", "by: {group: '"+c.a+"'}", "job", "allow: run"))
		if got := s.decide(person("x", c.b), "run", Resource{Project: "p", Type: "job"}).Allowed; got != c.same {
			t.Errorf("a rule for %q allows %q: %v", c.a, c.b, got)
		}
		s = load(t, doc("project: p", "by: {group: everyone}", "job", "allow: run")+doc("project: p", "by: {group: '"+c.b+"'}", "job", "deny: run"))
		if got := s.decide(person("x", c.a), "run", Resource{Project: "p", Type: "job"}).Allowed; got == c.same {
			t.Errorf("a deny of %q lets %q pass: %v", c.b, c.a, got)
		}
	}
	s := load(t, doc("project: p", "by: {group: 'Contr.*|administrator.?'}", "job", "allow: run"))
	for g, want := range map[string]bool{"contractors": true, "CONTRACTORS": true, "adminiſtrator": false, "Administrators": true, "xContr": false} {
		if got := s.decide(person("x", g), "run", Resource{Project: "p", Type: "job"}).Allowed; got != want {
			t.Errorf("expression, group %q: %v", g, got)
		}
	}
	s = load(t, doc("project: p", "by: {username: [Tom, 'J.*']}", "job", "allow: run"))
	for _, login := range []string{"tom", "jane"} {
		if !s.decide(person(login), "run", Resource{Project: "p", Type: "job"}).Allowed {
			t.Errorf("logins have small letters; a rule for Tom or J.* misses %s", login)
		}
	}
}

func TestADenyOfAMixedCaseGroup(t *testing.T) {
	b, err := os.ReadFile("testdata/mixed-case-group-deny.aclpolicy")
	if err != nil {
		t.Fatal(err)
	}
	docs, _ := Parse("acltest", "p", b)
	s := newSet("x")
	s.add(docs)
	res := Resource{Project: "acltest", Type: "job", Attrs: map[string]string{"group": "database", "name": "dump"}}
	for _, groups := range [][]string{{"Contractors", "Operations"}, {"contractors", "operations"}} {
		if d := s.decide(person("tom", groups...), "run", res); d.Allowed || d.Rule == nil || d.Rule.Line != 6 {
			t.Errorf("%v: %+v", groups, d)
		}
	}
	if d := s.decide(person("ann", "operations"), "run", res); !d.Allowed {
		t.Errorf("%+v", d)
	}
}

// The application in Rundeck's policies is this one, where it has the same things.
func TestRundecksApplication(t *testing.T) {
	s := load(t, doc("application: rundeck", "by: {group: user}", "project", "match: {name: 'd.*'}, allow: read")+
		doc("application: rundeck", "by: {group: user}", "storage", "match: {path: 'keys/ops/.*'}, allow: read")+
		doc("application: rundeck", "by: {group: user}", "user", "allow: '*'"))
	who := person("u", "user")
	for _, c := range []struct {
		action string
		res    Resource
		want   bool
	}{
		{"read", Resource{Type: "project", Name: "demo"}, true},
		{"read", Resource{Type: "project", Name: "other"}, false},
		{"read", Resource{Type: "storage", Attrs: map[string]string{"path": "ops/k"}, Also: map[string][]string{"path": {"keys/ops/k"}}}, true},
		{"manage", Resource{Type: "user", Name: "x"}, false},
	} {
		if got := s.decide(who, c.action, c.res).Allowed; got != c.want {
			t.Errorf("%s %s %s: %v", c.action, c.res.Type, c.res.Name, got)
		}
	}
	docs, problems := Parse("demo", "p", []byte(doc("application: rundeck", "by: {group: user}", "project", "allow: read")))
	if len(docs) != 0 || len(problems) != 1 || !strings.Contains(problems[0].Text, "policy of the office") {
		t.Errorf("in a project: %v", problems)
	}
}

func TestPathsThatNoKeyHas(t *testing.T) {
	for text, want := range map[string]string{
		"equals: {path: 'keys/a//b'}":             "one slash",
		"match: {path: '/keys/a'}":                "one slash",
		"equals: {path: 'project/demo'}":          "project/PROJECT/NAME",
		"match: {path: keys/project/other/k}":     "keys of the project other",
		"match: {path: 'keys/.*'}":                "",
		"match: {path: keys/openshift-api-token}": "",
		"equals: {path: project/demo/deploy.key}": "",
	} {
		_, problems := Parse("demo", "p", []byte(doc("project: demo", "by: {group: ops}", "storage", text+", allow: read")))
		got := ""
		if len(problems) > 0 {
			got = problems[0].Text
		}
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// Names of directories that look like expressions and are none to Rundeck either.
func TestNamesAsWritten(t *testing.T) {
	for name, want := range map[string]bool{`DOM\Ops`: true, `dom\users`: true, `DOM\dba`: true, `DOM\Q`: true, `C++ devs`: true, `APP (EMEA)`: true, `Ops {eu}`: true, `a$b`: true, `[Ops`: true, `*ops`: true, `R&D`: true, `O'Neill`: true, `CN=Ops,OU=X+Y`: true,
		`(?!admin).*`: false, `a\k<x>`: false, `\u0041dmin`: false, `.*+`: false, `a\1`: false} {
		docs, problems := Parse("", "f", []byte(doc("project: p", "by: {group: '"+strings.ReplaceAll(name, "'", "''")+"'}", "job", "deny: run")))
		if (len(docs) == 1) != want || want && len(problems) != 0 {
			t.Errorf("%s: %v", name, problems)
			continue
		}
		if !want {
			continue
		}
		s := load(t, doc("project: p", "by: {group: '.*'}", "job", "allow: run")+doc("project: p", "by: {group: '"+strings.ReplaceAll(name, "'", "''")+"'}", "job", "deny: run"))
		if s.decide(person("x", strings.ToUpper(name)), "run", Resource{Project: "p", Type: "job"}).Allowed {
			t.Errorf("a deny of %s is not met", name)
		}
		if !s.decide(person("x", "other"), "run", Resource{Project: "p", Type: "job"}).Allowed {
			t.Errorf("a deny of %s meets others", name)
		}
	}
}

// What can never be met is said, and what tools leave empty is no mistake.
func TestTypesThatAreNone(t *testing.T) {
	for _, c := range []struct{ ctx, typ, entry, want string }{
		{"project: p", "jobs", "deny: run", `the type "jobs"`}, {"project: p", "Job", "deny: run", `the type "Job"`}, {"project: p", "project", "allow: read", `the type "project"`},
		{"application: muster", "job", "deny: run", `the type "job"`}, {"application: muster", "rooms", "allow: read", `the type "rooms"`}, {"application: muster", "room", "allow: read", ""},
		{"project: p", "resource", "equals: {kind: jobs}, deny: create", `the kind "jobs"`}, {"project: p", "resource", "match: {kind: 'job|node'}, deny: create", ""}, {"project: p", "resource", "deny: create", ""},
		{"project: p", "job", "deny: run, allow: []", ""}, {"project: p", "job", "deny: [], allow: run", ""}, {"project: p", "job", "deny: [], allow: []", "neither allows nor denies"}, {"project: p", "job", "deny: [''], allow: run", "a word"},
	} {
		_, problems := Parse("", "f", []byte(doc(c.ctx, "by: {group: ops}", c.typ, c.entry)))
		got := ""
		if len(problems) > 0 {
			got = problems[0].Text
		}
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s %s %s: %q", c.ctx, c.typ, c.entry, got)
		}
	}
}

// A file as Rundeck's users have it: storage without a context, with keys/ before
// the path. The deny is met by either spelling of the path, and meets nothing else.
func TestADenyOfAStoredKey(t *testing.T) {
	b, err := os.ReadFile("testdata/storage-deny.aclpolicy")
	if err != nil {
		t.Fatal(err)
	}
	docs, problems := Parse("demo", "p", b)
	if len(docs) != 1 || len(problems) != 0 {
		t.Fatal(problems)
	}
	s := newSet("x")
	s.add(docs)
	for path, want := range map[string]bool{"openshift-api-token": false, "openshift-api-token-2": true, "project/demo/deploy": true} {
		for _, p := range []struct{ path, also string }{{path, "keys/" + path}, {"keys/" + path, path}} {
			res := Resource{Project: "demo", Type: "storage", Attrs: map[string]string{"path": p.path}, Also: map[string][]string{"path": {p.also}}}
			if got := s.decide(person("tom", "operator"), "read", res).Allowed; got != want {
				t.Errorf("%s: %v", p.path, got)
			}
		}
	}
}

package approval

import (
	"strings"
	"testing"
	"time"

	"muster/internal/fault"
)

func parse(t testing.TB, text string) []Rule {
	t.Helper()
	rs, err := ParseRules([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func TestApplies(t *testing.T) {
	prod := Machine{Environment: "prod", Tags: []string{"pci", "web"}, Attrs: map[string]string{"zone": "dmz"}}
	qa := Machine{Environment: "qa", Tags: []string{"web"}}
	const no = false
	for _, c := range []struct {
		when string
		sub  Subject
		want bool
	}{
		{"{}", Subject{}, true},
		{"{environment: prod}", Subject{Nodes: []Machine{qa, prod}}, true}, // one is enough
		{"{environment: prod}", Subject{Nodes: []Machine{qa}}, no},
		{"{environment: PROD}", Subject{Nodes: []Machine{prod}}, true},
		{"{environment: 'prod.*'}", Subject{Nodes: []Machine{prod}}, true},
		{"{environment: pro}", Subject{Nodes: []Machine{prod}}, no},
		{"{environment: 'x)|(?:od'}", Subject{Nodes: []Machine{prod}}, no}, // no expression by itself
		{"{environment: [x, prod]}", Subject{Nodes: []Machine{prod}}, true},
		{"{tags: pci}", Subject{Nodes: []Machine{qa, prod}}, true},
		{"{tags: pci, environment: qa}", Subject{Nodes: []Machine{qa, prod}}, no}, // on one node
		{"{node: {zone: dmz}}", Subject{Nodes: []Machine{prod}}, true},
		{"{node: {zone: dmz}}", Subject{Nodes: []Machine{qa}}, no},
		{"{job: 'pay/*'}", Subject{Job: "pay/restart"}, true},
		{"{job: 'pay/*'}", Subject{Job: "pay/x/restart"}, no},
		{"{job: 'pay/**'}", Subject{Job: "pay/x/restart"}, true},
		{"{job: 'PAY/*'}", Subject{Job: "pay/restart"}, true},
		{"{job: 'zürich/*'}", Subject{Job: "Zürich/x"}, true},
		{"{job: 'a.b'}", Subject{Job: "axb"}, no},
		{"{job: '*'}", Subject{Adhoc: true}, no},
		{"{adhoc: true}", Subject{Adhoc: true}, true},
		{"{adhoc: true}", Subject{Job: "a"}, no},
		{"{adhoc: false}", Subject{Job: "a"}, true},
		{"{options: {force: 'true'}}", Subject{Options: map[string]string{"force": "true"}}, true},
		{"{options: {force: 'true'}}", Subject{Options: map[string]string{"force": "false"}}, no},
		{"{options: {force: 'true'}}", Subject{}, no},
		{"{options: {force: 'true'}}", Subject{Options: map[string]string{"force": " true\n"}}, true},
		{"{options: {env: prod}}", Subject{Options: map[string]string{"env": "qa,prod"}, Lists: map[string][]string{"env": {"qa", "prod"}}}, true},
		{"{options: {env: prod}}", Subject{Options: map[string]string{"env": "qa,prod"}}, no},
		{"{environment: prod}", Subject{Nodes: []Machine{{Environment: "prod "}}}, true},
	} {
		r := parse(t, "- when: "+c.when+"\n  groups: [approver]\n")[0]
		if got := r.Applies(c.sub); got != c.want {
			t.Errorf("%s on %+v = %v", c.when, c.sub, got)
		}
	}
}

func TestRequiredJoins(t *testing.T) {
	rs := parse(t, "- {description: a, need: 2, groups: [approver], expires: 2h}\n- {description: b, groups: [security], expires: 30m}\n- {description: c, groups: [approver]}\n- {description: d, when: {environment: prod}, groups: [x]}\n")
	r := Required(rs, Subject{})
	if r == nil || len(r.Needs) != 2 || r.Expires != 30*time.Minute || People(r.Needs) != 2 || strings.Join(Groups(r.Needs), " ") != "approver security" {
		t.Fatalf("%+v", r)
	}
	vote := func(user string, groups ...string) Vote { return Vote{UserID: user, Groups: groups, Decision: Approve} }
	for _, c := range []struct {
		votes []Vote
		want  bool
	}{
		{nil, false},
		{[]Vote{vote("a", "approver"), vote("b", "approver")}, false},
		{[]Vote{vote("a", "approver"), vote("b", "approver"), vote("c", "security")}, true},
		{[]Vote{vote("a", "approver"), vote("b", "approver", "security")}, true},
		{[]Vote{vote("a", "approver", "security")}, false},
	} {
		if got := Satisfied(r.Needs, c.votes); got != c.want {
			t.Errorf("%+v = %v", c.votes, got)
		}
	}
	if Required(rs[3:], Subject{}) != nil {
		t.Error("a rule that does not apply demands something")
	}
}

// A wrong rule makes the whole document wrong: a dropped one would let something pass.
func TestWrongRules(t *testing.T) {
	good := "- groups: [approver]\n"
	for _, c := range []struct{ text, want string }{
		{"a: b", "list"},
		{"- x", "map"},
		{"- need: 1", "groups"},
		{"- {groups: []}", "groups"},
		{"- {groups: [a], need: 0}", "need"},
		{"- {groups: [a], need: many}", "need"},
		{"- {groups: [a], expires: never}", "expires"},
		{"- {groups: [a], expires: 1s}", "expires"},
		{"- {groups: [a], when: {enviroment: prod}}", "enviroment"},
		{"- {groups: [a], when: {environment: {a: b}}}", "environment"},
		{"- {groups: [a], when: {environment: []}}", "environment"},
		{"- {groups: [a], when: {adhoc: perhaps}}", "adhoc"},
		{"- {groups: [a], whenever: {}}", "whenever"},
		{"- {groups: [a", "YAML"},
	} {
		_, err := ParseRules([]byte(good + c.text))
		if c.text == "a: b" {
			_, err = ParseRules([]byte(c.text))
		}
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s: %v", c.text, err)
		}
	}
	if rs := parse(t, DefaultRules); len(rs) != 1 || !rs[0].Applies(Subject{Nodes: []Machine{{Environment: "production"}}}) {
		t.Error("the built-in rules do not protect production")
	}
}

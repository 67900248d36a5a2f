package node

import (
	"strings"
	"testing"

	"muster/internal/fault"

	"pgregory.net/rapid"
)

func mk(name string, kv ...string) Node {
	n := Node{Name: name, Attrs: map[string]string{"hostname": name + ".bank.test"}}
	for i := 0; i < len(kv); i += 2 {
		n.Attrs[kv[i]] = kv[i+1]
	}
	n.fill()
	return n
}

var fleet = []Node{
	mk("app-1", "tags", "app,eu,prod", "osFamily", "unix", "environment", "prod", "zone", "a", "rack", "r1,r2"),
	mk("app-2", "tags", "app,us,prod", "osFamily", "unix", "environment", "prod", "zone", "b"),
	mk("db-1", "tags", "db,eu,prod", "osFamily", "unix", "environment", "prod", "note", "main db"),
	mk("win-1", "tags", "app,eu,qa", "osFamily", "windows", "environment", "qa", "hostname", "10.0.0.9:2222"),
	mk("bare", "zone", "a"),
	mk("a+b(", "tags", "c++,x:y"),
}

func picked(t testing.TB, filter string) string {
	t.Helper()
	f, err := ParseFilter(filter)
	if err != nil {
		t.Fatalf("%s: %v", filter, err)
	}
	var out []string
	for _, n := range fleet {
		if f.Match(n) {
			out = append(out, n.Name)
		}
	}
	return strings.Join(out, " ")
}

func TestFilter(t *testing.T) {
	for _, c := range []struct{ filter, want string }{
		{"", ""},
		{".*", "app-1 app-2 db-1 win-1 bare a+b("},
		{"app-1", "app-1"},
		{"app-1 db-1", "app-1 db-1"}, // a repeated key joins
		{"app-1,db-1", "app-1 db-1"},
		{"name: app-1, db-1", "app-1 db-1"},
		{"name:app-.*", "app-1 app-2"},
		{"name: app", ""}, // the whole name
		{"name: /app-\\d/", "app-1 app-2"},
		{"nodename: db-1", "db-1"},
		{"a+b(", "a+b("}, // not an expression: the text itself
		{"x)|(?:1", ""},  // no expression by itself
		{"tags: app", "app-1 app-2 win-1"},
		{"tags: app+eu", "app-1 win-1"},
		{"tags: app+eu,db", "app-1 db-1 win-1"},
		{"tags: app tags: db", "app-1 app-2 db-1 win-1"},
		{"tags: \"app + us\"", "app-2"},
		{"tags: (eu|us)+prod", "app-1 app-2 db-1"},
		{"tags: /p.*d/", "app-1 app-2 db-1"},
		{"tags: x:y", "a+b("},
		{"tags: app environment: prod", "app-1 app-2"},
		{"tags: app !environment: prod", "win-1"},
		{"!tags: app", "db-1 bare a+b("},
		{"!tags: db !osFamily: windows", "app-1 app-2 bare a+b("},
		{"tags: prod !name: app-1", "app-2 db-1"},
		{"app-1 !name: app-1", ""}, // exclude wins
		{"os-family: windows", "win-1"},
		{"osfamily: unix", "app-1 app-2 db-1"},
		{"hostname: 10.0.0.9:2222", "win-1"},
		{"hostname:10.0.0.9:2222", "win-1"},
		{"zone: a", "app-1 bare"},
		{"zone: a,b", "app-1 app-2 bare"},
		{"rack: r1,r2", "app-1"}, // the exact text
		{"note: \"main db\"", "db-1"},
		{"note:'main db'", "db-1"},
		{"note: main", ""},
		{"missing: .*", ""},
		{"zone: /a/ tags: app", "app-1"},
	} {
		if got := picked(t, c.filter); got != c.want {
			t.Errorf("%-36s = %q, want %q", c.filter, got, c.want)
		}
	}
}

func TestFilterErrors(t *testing.T) {
	for _, f := range []string{"tags:", "tags: app name:", ": x", "!: x", "name: /(/", "tags: /(?=x)/", "name: \"open", strings.Repeat("x", maxFilter+1)} {
		if _, err := ParseFilter(f); err == nil {
			t.Errorf("%.40q accepted", f)
		} else if fault.KindOf(err) == fault.Internal {
			t.Errorf("%.40q: %v", f, err)
		}
	}
}

// A filter without expressions picks exactly the node named, whatever the name.
func TestQuotedNameIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z.+(){}\[\]*:!'" -]{1,12}`).Filter(func(s string) bool {
			return strings.TrimSpace(s) == s && !strings.HasPrefix(s, "/")
		}).Draw(t, "name")
		text := Format([]Token{{Key: "name", Value: name}})
		f, err := ParseFilter(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !f.Match(Node{Name: name}) {
			t.Fatalf("%s does not match %q", text, name)
		}
	})
}

func TestFormatReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var toks []Token
		for range rapid.IntRange(1, 4).Draw(t, "n") {
			toks = append(toks, Token{rapid.Bool().Draw(t, "x"), rapid.StringMatching(`[a-z][a-z-]{0,6}`).Draw(t, "key"), rapid.StringMatching(`[ -~\n]{1,10}`).Draw(t, "value")})
		}
		got, err := Tokens(Format(toks))
		if err != nil {
			t.Fatalf("%s: %v", Format(toks), err)
		}
		for i := range toks {
			if len(got) != len(toks) || got[i] != toks[i] {
				t.Fatalf("%q → %v, want %v", Format(toks), got, toks)
			}
		}
	})
}

// Adding an exclusion never adds a node.
func TestExcludeOnlyTakesAway(t *testing.T) {
	words := rapid.SampledFrom([]string{"app", "eu", "app+eu", "db,us", ".*", "prod", "qa", "nope"})
	rapid.Check(t, func(t *rapid.T) {
		inc := "tags: " + words.Draw(t, "in")
		ex := inc + " !tags: " + words.Draw(t, "ex")
		a, _ := ParseFilter(inc)
		b, _ := ParseFilter(ex)
		for _, n := range fleet {
			if b.Match(n) && !a.Match(n) {
				t.Fatalf("%s adds %s", ex, n.Name)
			}
		}
	})
}

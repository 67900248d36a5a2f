package node

import (
	"slices"
	"strings"
	"testing"

	"muster/internal/fault"
)

// FuzzFilter: a filter reads back as itself, an exclusion only takes away, and
// no filter at all picks nothing.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{
		"tags: a+b,c", "!name:x", "'a b' \"c\"\"d\"", "x:/(/", "a:b:c", "tags: prod !name: app-1 osFamily: unix", "name: /app-\\d+/ tags: 'app + eu'",
		".*", "hostname: 10.0.0.9:2222", "tags: /a{1,3}/", "x)|(?:1", "(?i)APP-1", "name: \"it''s\"", "!!tags: a", "os-family:windows", "tags: ,", "tags: +", "note: \"main\tdb\"\n",
	} {
		f.Add(s, "app-1")
	}
	f.Fuzz(func(t *testing.T, s, name string) {
		x, err := ParseFilter(s)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.TooLarge {
				t.Fatalf("%v is %v", err, k)
			}
			return
		}
		y, err := ParseFilter(x.String())
		if err != nil {
			t.Fatalf("%q → %q: %v", s, x.String(), err)
		}
		// What a caller gives as a value stays one, however it is written.
		less, err := FilterOf(append(mustTokens(t, x.String()), Token{Exclude: true, Key: "name", Value: name}))
		own := Node{Name: name, Hostname: "h", Tags: []string{"app"}, Attrs: map[string]string{"hostname": "h"}}
		for _, n := range append(slices.Clone(fleet), own) {
			if x.Match(n) != y.Match(n) {
				t.Fatalf("%q and %q differ on %s", s, x.String(), n.Name)
			}
			if x.Empty() && x.Match(n) {
				t.Fatalf("%q is empty and picks %s", s, n.Name)
			}
			if err == nil && !x.Empty() && less.Match(n) && !x.Match(n) {
				t.Fatalf("%q and without %q picks %s as well", s, name, n.Name)
			}
		}
		// A second clause of the same attribute would be joined to it with a comma.
		if err == nil && !strings.Contains(strings.ToLower(s), "name") && strings.TrimSpace(name) == name && name != "" && (name[0] != '/' || !strings.HasSuffix(name, "/")) && less.Match(own) {
			t.Fatalf("%q without %q picks it", s, name)
		}
	})
}

func mustTokens(t *testing.T, text string) []Token {
	toks, err := Tokens(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return toks
}

// FuzzInventory: a node list gives nodes that can be told apart, reached and
// filtered, and says of every other what is wrong with it.
func FuzzInventory(f *testing.F) {
	for _, s := range []string{
		"web1: {hostname: web1.bank.test, tags: 'web, eu', username: app, osFamily: unix, ssh-host-key: k, environment: prod}\nweb2:\n  hostname: 10.0.0.2:2222\n  tags: [web, us]\n",
		"- nodename: db1\n  hostname: db1\n  node-executor: jsch-ssh\n  ssh-host-key: [a, b]\n- nodename: db1\n- hostname: x\n",
		`{"a":{"nodename":"b","hostname":"h"},"b":{"hostname":"h"},"c":{"tags":["x",["y"]]}}`,
		"a: null\n---\n[]\n---\nx: {hostname: 'a b'}\n", "? [a]\n: b", "a: &x {tags: t}\nb: *x\nc: {<<: *x, hostname: c}\n", "'': {hostname: a}\n\" a\": {}\n", "a: {'': x}", "1: {rank: 07, port: 1e3, up: true}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		nodes, items, err := Parse(data)
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.TooLarge {
				t.Fatalf("%v is %v", err, k)
			}
			return
		}
		for _, i := range items {
			if i.Result != Dropped || i.Message == "" || i.Line < 0 {
				t.Fatalf("%+v", i)
			}
		}
		seen := map[string]bool{}
		for i, n := range nodes {
			if n.Name == "" || seen[n.Name] || strings.TrimSpace(n.Name) != n.Name || strings.ContainsAny(n.Name, "\r\n\t\x00") {
				t.Fatalf("%d: the name %q", i, n.Name)
			}
			seen[n.Name] = true
			if !slices.IsSorted(n.Tags) || slices.Contains(n.Tags, "") || len(slices.Compact(slices.Clone(n.Tags))) != len(n.Tags) {
				t.Fatalf("%s: %q", n.Name, n.Tags)
			}
			if e := n.Executor(); e != "ssh" && e != "local" || e == "ssh" && n.Hostname == "" || strings.ContainsAny(n.Hostname, " \t\r\n") {
				t.Fatalf("%s: %s to %q", n.Name, e, n.Hostname)
			}
			if n.Attrs["tags"] != strings.Join(n.Tags, ",") {
				t.Fatalf("%s: tags %q and %q", n.Name, n.Attrs["tags"], n.Tags)
			}
			if name := n.Name; i < 3 && (name[0] != '/' || !strings.HasSuffix(name, "/")) {
				filter, err := ParseFilter(Format([]Token{{Key: "name", Value: name}}))
				if err != nil || !filter.Match(n) {
					t.Fatalf("%q is not found by its name: %v", name, err)
				}
			}
			_ = n.Identity([]string{"rank"})
		}
		again, _, err := Parse(data)
		if err != nil || len(again) != len(nodes) {
			t.Fatal("read twice, it gives something else")
		}
		for i := range again {
			if !again[i].same(nodes[i]) {
				t.Fatalf("read twice: %+v, %+v", nodes[i], again[i])
			}
		}
	})
}

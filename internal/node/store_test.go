package node_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/node"
	"muster/internal/run/runtest"
)

func report(items []node.ImportItem) string {
	var out []string
	for _, i := range items {
		out = append(out, fmt.Sprintf("%s %s %d", i.Name, i.Result, i.Line))
	}
	return strings.Join(out, "; ")
}

func TestImport(t *testing.T) {
	o := runtest.New(t, runtest.Options{NoStart: true})
	imp := func(source, text string, dry bool) (items []node.ImportItem, err error) {
		err = o.Access.Do(o.Ctx, o.Admin, func(tx *db.Tx) (err error) {
			items, err = o.Nodes.Import(o.Ctx, tx, o.Admin, "demo", source, []byte(text), dry)
			return err
		})
		return items, err
	}
	names := func() string {
		all, err := o.Nodes.Readable(o.Ctx, o.DB.Read(), o.Op, "demo", "name: x.*")
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, n := range all {
			out = append(out, n.Name)
		}
		return strings.Join(out, " ")
	}
	list := "- nodename: x2\n  hostname: h2\n  tags: [b, a]\n- nodename: x1\n  hostname: h1:22\n  ssh-host-key:\n    - ssh-ed25519 A\n    - ssh-rsa B\n- hostname: nameless\n- nodename: x3\n  node-executor: winrm\n- nodename: x1\n  hostname: again\n"
	want := "x2 created 1; x1 created 4;  dropped 9; x3 dropped 11; x1 dropped 12"
	if items, err := imp("more", list, true); err != nil || report(items) != want {
		t.Errorf("dry: %v %s", err, report(items))
	}
	if names() != "" {
		t.Error("a dry run stored something")
	}
	if items, err := imp("more", list, false); err != nil || report(items) != want {
		t.Errorf("%v %s", err, report(items))
	}
	if names() != "x1 x2" {
		t.Error(names())
	}
	ns, _ := o.Nodes.Readable(o.Ctx, o.DB.Read(), o.Op, "demo", "x1")
	if len(ns) != 1 || ns[0].Attrs[node.AttrHostKey] != "ssh-ed25519 A\nssh-rsa B" || ns[0].Hostname != "h1:22" {
		t.Errorf("%+v", ns)
	}
	if items, _ := imp("more", list, false); !strings.HasPrefix(report(items), "x2 unchanged 1; x1 unchanged 4") {
		t.Error(report(items))
	}
	// A node that is wrong now keeps its definition; one that is not there goes.
	if items, err := imp("more", `{"x1": {"hostname": "h1", "rack": {"a": 1}}, "x5": {"hostname": "h5"}}`, false); err != nil || names() != "x1 x5" || !strings.Contains(report(items), "x2 dropped 0") {
		t.Errorf("%v %s %s", err, names(), report(items))
	}
	for _, bad := range []string{"a: [", "just text", "a: &a [*a]"} {
		if _, err := imp("more", bad, false); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if names() != "x1 x5" {
		t.Error("a wrong document changed something:", names())
	}
	err := o.Access.Do(o.Ctx, o.Op, func(tx *db.Tx) error {
		_, err := o.Nodes.Import(o.Ctx, tx, o.Op, "demo", "", []byte(list), false)
		return err
	})
	if !fault.Is(err, fault.Denied) {
		t.Errorf("an operator imports: %v", err)
	}
}

// A step on a local node has Muster's own rights. Rights to the inventory alone
// do not give them, be it by a new node or by turning an old one around.
func TestLocalNodesAreTheManagers(t *testing.T) {
	o := runtest.New(t, runtest.Options{NoStart: true})
	o.Do(o.Admin, func(tx *db.Tx) error {
		_, err := o.Access.Put(o.Ctx, tx, o.Admin, "demo", "stock", "description: Operators keep the inventory\ncontext: {project: demo}\nfor:\n  resource:\n    - equals: {kind: node}\n      allow: [create]\nby: {group: operator}\n")
		return err
	})
	imp := func(who actor.Actor, text string) (items []node.ImportItem) {
		o.Do(who, func(tx *db.Tx) (err error) {
			items, err = o.Nodes.Import(o.Ctx, tx, who, "demo", "stock", []byte(text), false)
			return err
		})
		return items
	}
	far, near := "y1: {hostname: y1, ssh-host-key: k}\n", "y1: {hostname: y1, node-executor: local}\n"
	if got := report(imp(o.Op, near)); got != "y1 dropped 1" {
		t.Error(got)
	}
	imp(o.Op, far)
	if got := report(imp(o.Op, near)); got != "y1 dropped 1" {
		t.Error(got)
	}
	if ns, _ := o.Nodes.Readable(o.Ctx, o.DB.Read(), o.Op, "demo", "y1"); len(ns) != 1 || ns[0].Executor() != "ssh" {
		t.Errorf("%+v", ns)
	}
	if got := report(imp(o.Admin, near)); got != "y1 updated 1" {
		t.Error(got)
	}
	if got := report(imp(o.Op, near)); got != "y1 unchanged 1" { // it is there already
		t.Error(got)
	}
}

func TestProjects(t *testing.T) {
	o := runtest.New(t, runtest.Options{NoStart: true})
	mk := func(name string) error {
		return o.Access.Do(o.Ctx, o.Admin, func(tx *db.Tx) error {
			_, err := o.Nodes.CreateProject(o.Ctx, tx, o.Admin, node.NewProject{Name: name})
			return err
		})
	}
	if err := mk("demo"); !fault.Is(err, fault.Conflict) {
		t.Errorf("%v", err)
	}
	if err := mk("a b"); !fault.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
	if err := mk("second"); err != nil {
		t.Error(err)
	}
	ps, err := o.Nodes.Projects(o.Ctx, o.DB.Read(), o.Obs)
	if err != nil || len(ps) != 2 {
		t.Errorf("%v %v", ps, err)
	}
	if a := o.Nodes.Abilities(o.Ctx, o.DB.Read(), o.Op, "demo"); !a["run_adhoc"] || a["manage"] || a["import"] {
		t.Error(a)
	}
}

// What Rundeck and its plugins are told by attributes and Muster is not is said
// at import, by name, and kept; what it does look at is not said.
func TestAttributesWithoutEffectAreTold(t *testing.T) {
	o := runtest.New(t, runtest.Options{NoStart: true})
	const text = `
old:
  hostname: h1
  username: deploy
  ssh-host-key: ssh-ed25519 A
  ssh-keypath: /home/deploy/.ssh/id_rsa
  ssh-authentication: password
  file-copier: sshj-scp
  sudo-command-enabled: 'true'
  winrm-port: ''
  rank: '6'
plain: {hostname: h2, ssh-host-key: ssh-ed25519 B, ssh-key-storage-path: keys/project/demo/deploy}
`
	var items []node.ImportItem
	if err := o.Access.Do(o.Ctx, o.Admin, func(tx *db.Tx) (err error) {
		items, err = o.Nodes.Import(o.Ctx, tx, o.Admin, "demo", "attrs", []byte(text), false)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	told := map[string][]string{}
	for _, i := range items {
		for _, r := range i.Remarks {
			if r.Kind == node.NoEffect {
				told[i.Name] = append(told[i.Name], r.Tokens...)
				if !strings.Contains(r.String(), "ssh-key-storage-path") {
					t.Errorf("%s is not told what to write: %s", i.Name, r)
				}
			}
		}
	}
	slices.Sort(told["old"])
	if got := strings.Join(told["old"], " "); got != "file-copier ssh-authentication ssh-keypath sudo-command-enabled" || len(told) != 1 {
		t.Errorf("without effect are told %v", told)
	}
	ns, err := o.Nodes.Readable(o.Ctx, o.DB.Read(), o.Op, "demo", "name: old")
	if err != nil || len(ns) != 1 || ns[0].Attrs["ssh-keypath"] == "" {
		t.Errorf("it is kept: %+v %v", ns, err)
	}
}

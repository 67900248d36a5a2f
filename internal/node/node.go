// Package node is the inventory: projects, the machines in them with their
// attributes and tags, and the filter language that picks machines.
//
// Its invariant: Resolve gives the same nodes in the same order for the same
// inventory and filter, so that what was approved can be compared with what is
// about to run. Running anything on a node is left to run.
package node

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Project groups an inventory, jobs, policies and approval rules, as Rundeck's does.
type Project struct {
	ID, Name, Title, Description string
	// AllowRaw lets jobs put a caller's text where it is read as code: the unquoted
	// forms of options (`${unquotedoption.x}`, `@option.x@`) and values in programs.
	AllowRaw bool
	// Environments says what the project's own words for environments mean.
	Environments Vocabulary
	CreatedAt    time.Time
}

// Well-known attributes of a node. Everything a list gives is an attribute; the
// typed fields of Node are views of these.
const (
	AttrExecutor     = "node-executor"
	AttrKeyPath      = "ssh-key-storage-path"
	AttrPassphrase   = "ssh-key-passphrase-storage-path" // #nosec G101 -- the name of an attribute, not a credential
	AttrPasswordPath = "ssh-password-storage-path"
	AttrHostKey      = "ssh-host-key"
	AttrEnvironment  = "environment"
)

// Node is a machine.
type Node struct {
	Name, Hostname, Username, OSFamily, Description string
	Tags                                            []string // sorted
	// Attrs holds all attributes by their written name, the typed ones and
	// "tags" (comma list) included.
	Attrs  map[string]string
	Source string

	// When a run last tried to reach it, and why it could not; "": it could.
	ContactAt    time.Time
	ContactError string

	changed int64    // when the list last wrote it
	kind    string   // what its environment is known to be, "" when it is not
	words   []string // the project's own words for that
}

// Environment is dev, qa, prod … as the list says it; "" when it does not.
func (n Node) Environment() string { return strings.TrimSpace(n.Attrs[AttrEnvironment]) }

// Changed is when its entry was last written, in microseconds.
func (n Node) Changed() int64 { return n.changed }

// Executor is the way to reach the node: "local" or "ssh".
func (n Node) Executor() string {
	if e := strings.TrimSpace(n.Attrs[AttrExecutor]); e != "" {
		return e
	}
	return "ssh"
}

// Attr reads an attribute as filters and `${node.x}` name it.
func (n Node) Attr(key string) (string, bool) {
	switch normal(key) {
	case "name", "nodename":
		return n.Name, true
	case "hostname":
		return n.Hostname, n.Hostname != ""
	case "username":
		return n.Username, n.Username != ""
	case "tags":
		return strings.Join(n.Tags, ","), len(n.Tags) > 0
	case "description":
		return n.Description, n.Description != ""
	case "osfamily", "osname", "osarch", "osversion":
		for k, v := range n.Attrs {
			if normal(k) == normal(key) {
				return v, true
			}
		}
		return "", false
	}
	v, ok := n.Attrs[key]
	return v, ok
}

// normal makes os-family, osFamily and osfamily one name.
func normal(key string) string {
	k := strings.ToLower(strings.ReplaceAll(key, "-", ""))
	switch k {
	case "name", "nodename", "hostname", "username", "tags", "description", "osfamily", "osname", "osarch", "osversion":
		return k
	}
	return key
}

// matters are the attributes that decide which machine is reached and how, and
// what access and approval rules look at.
var matters = []string{AttrExecutor, AttrKeyPath, AttrPassphrase, AttrPasswordPath, AttrHostKey, AttrEnvironment}

// Identity is what a digest binds of a node: where and as whom a step will run,
// the tags and environment rules were matched against, and the attributes named
// in extra. A changed description does not void an approval; a changed address does.
func (n Node) Identity(extra []string) map[string]string {
	id := map[string]string{"nodename": n.Name, "hostname": n.Hostname, "username": n.Username, "osFamily": n.OSFamily, "tags": strings.Join(n.Tags, ",")}
	for _, k := range append(slices.Clone(matters), extra...) {
		if v, ok := n.Attr(k); ok {
			id[k] = v
		}
	}
	return id
}

// EnvWord is a name as a part of an environment variable's.
func EnvWord(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, s)
}

// Env has every attribute as a step finds it in its environment, under Rundeck's
// names: RD_NODE_ and the attribute's.
func (n Node) Env() map[string]string {
	env := map[string]string{}
	for _, k := range slices.Backward(slices.Sorted(maps.Keys(n.Attrs))) { // of two that share a variable, the first counts
		if v := n.Attrs[k]; !strings.ContainsRune(v, 0) {
			env["RD_NODE_"+EnvWord(k)] = v
		}
	}
	for _, k := range []string{"os-family", "os-name", "os-arch", "os-version"} {
		if v, ok := n.Attr(k); ok {
			env["RD_NODE_"+EnvWord(k)] = v
		}
	}
	env["RD_NODE_NAME"], env["RD_NODE_HOSTNAME"], env["RD_NODE_USERNAME"] = n.Name, n.Hostname, n.Username
	env["RD_NODE_TAGS"], env["RD_NODE_OS_FAMILY"], env["RD_NODE_ENVIRONMENT"] = strings.Join(n.Tags, ","), n.OSFamily, n.Environment()
	return env
}

// Named lists the attributes that stand in environment variables.
func (n Node) Named(env []string) []string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(n.Attrs)) {
		if slices.Contains(env, "RD_NODE_"+EnvWord(k)) {
			out = append(out, k)
		}
	}
	return out
}

// same says whether two definitions of a node are equal.
func (n Node) same(o Node) bool {
	return n.Name == o.Name && n.Source == o.Source && slices.Equal(n.Tags, o.Tags) && maps.Equal(n.Attrs, o.Attrs)
}

// fill sets the typed fields from Attrs.
func (n *Node) fill() {
	n.Hostname, n.Username, n.Description, n.OSFamily = n.Attrs["hostname"], n.Attrs["username"], n.Attrs["description"], ""
	for k, v := range n.Attrs {
		if normal(k) == "osfamily" {
			n.OSFamily = v
		}
	}
	n.Tags = splitTags(n.Attrs["tags"])
	n.judge(nil)
}

func splitTags(s string) []string {
	out := []string{}
	for t := range strings.SplitSeq(s, ",") {
		if t = strings.TrimSpace(t); t != "" {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

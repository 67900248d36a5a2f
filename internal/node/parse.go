package node

import (
	"fmt"
	"slices"
	"strings"

	"muster/internal/yamldoc"
)

// ImportItem is one line of an import report.
type ImportItem struct {
	Name    string `json:"name"`
	Result  string `json:"result" enum:"created,updated,unchanged,dropped"`
	Message string `json:"message"`
	Line    int    `json:"line,omitempty"`
	// Remarks has what Message says in parts: one for each step and kind.
	Remarks []Remark `json:"remarks,omitempty" doc:"What the message says, in parts: one for each step and kind"`
}

// Remark is one line of what an import says of an item: of one step or of the
// whole, and of one kind. Its wording may change; its kind does not.
type Remark struct {
	Step   string   `json:"step,omitempty" doc:"Where, such as step 2 or step 2 error handler; empty for the item as a whole"`
	Kind   string   `json:"kind" enum:"cannot-run,raw-value,no-value,no-effect,note" doc:"cannot-run: it has something that is not carried out. raw-value: a caller's text would be read as code, which only a project with allow_raw lets through. no-value: it uses variables Muster has no value for. no-effect: fields or attributes are kept and do nothing. note: anything else"`
	Tokens []string `json:"tokens,omitempty" doc:"The variables, fields or attributes it is about"`
	Text   string   `json:"text"`
}

// Kinds of a Remark.
const (
	CannotRun = "cannot-run"
	RawValue  = "raw-value"
	NoValue   = "no-value"
	NoEffect  = "no-effect"
	Note      = "note"
)

func (r Remark) String() string {
	if r.Step == "" {
		return r.Text
	}
	return r.Step + ": " + r.Text
}

// Results of an ImportItem.
const (
	Created   = "created"
	Updated   = "updated"
	Unchanged = "unchanged"
	Dropped   = "dropped"
)

// parsed is a node with its place in the document.
type parsed struct {
	Node
	line    int
	remarks []Remark
}

func (p *parsed) note(kind, text string, tokens ...string) {
	p.remarks = append(p.remarks, Remark{Kind: kind, Text: text, Tokens: tokens})
}

const (
	maxNodes = 50_000
	maxAttr  = 16 << 10
)

// Parse reads a resource model: YAML or JSON, a map by name or a list with
// nodename. Wrong nodes are reported and left out; a document that cannot be
// read at all is an error.
func Parse(content []byte) ([]Node, []ImportItem, error) {
	ps, items, err := parse(content)
	if err != nil {
		return nil, nil, err
	}
	out := make([]Node, len(ps))
	for i, p := range ps {
		out[i] = p.Node
	}
	return out, items, nil
}

func parse(content []byte) ([]parsed, []ImportItem, error) {
	docs, err := yamldoc.Parse(content)
	if err != nil {
		return nil, nil, err
	}
	out, bad := []parsed{}, []ImportItem{}
	drop := func(name string, line int, format string, a ...any) {
		bad = append(bad, ImportItem{Name: name, Result: Dropped, Message: fmt.Sprintf(format, a...), Line: line})
	}
	seen := map[string]int{}
	add := func(name string, v *yamldoc.Value) {
		if v.Kind != yamldoc.Map {
			drop(name, v.Line, "A node is a map of attributes such as `hostname: …`. Correct it.")
			return
		}
		p, problem, line := one(name, v)
		switch {
		case problem != "":
			drop(p.Name, line, "%s", problem)
		case seen[p.Name] > 0:
			drop(p.Name, v.Line, "The node %s is already given in line %d. Keep one.", p.Name, seen[p.Name])
		default:
			seen[p.Name] = v.Line
			out = append(out, p)
		}
	}
	for _, d := range docs {
		switch d.Kind {
		case yamldoc.Map:
			for _, f := range d.Fields {
				if f.Value.Kind == yamldoc.Map && f.Value.Line < f.Line || f.Value.Line == 0 {
					f.Value.Line = f.Line
				}
				add(f.Key, f.Value)
			}
		case yamldoc.List:
			for _, v := range d.Items {
				add("", v)
			}
		case yamldoc.Null:
		default:
			return nil, nil, &yamldoc.Error{Line: d.Line, Msg: "a node list is a map by node name, or a list of nodes with `nodename`. Correct it."}
		}
		if len(out) > maxNodes {
			return nil, nil, &yamldoc.Error{Line: d.Line, Msg: fmt.Sprintf("more than %d nodes in one list. Split it into several sources.", maxNodes)}
		}
	}
	return out, bad, nil
}

// one reads a node; problem says what is wrong with it and at which line.
func one(name string, v *yamldoc.Value) (p parsed, problem string, line int) {
	p = parsed{Node: Node{Name: name, Attrs: map[string]string{}}, line: v.Line}
	if nn := v.Get("nodename"); nn != nil && nn.Str() != "" {
		if name != "" && nn.Str() != name {
			p.note(Note, fmt.Sprintf("It is listed as %q but its nodename is %q, which counts.", name, nn.Str()))
		}
		p.Name = nn.Str()
	}
	if p.Name == "" {
		return p, "The node has no name. Add `nodename: …`.", v.Line
	}
	if strings.ContainsAny(p.Name, "\r\n\t") || strings.TrimSpace(p.Name) != p.Name || len(p.Name) > 255 {
		return p, "The node's name has line breaks, blanks around it, or more than 255 characters. Rename it.", v.Line
	}
	for _, f := range v.Fields {
		if f.Key == "nodename" {
			continue
		}
		if f.Key == "" {
			return p, "An attribute has no name. Correct it.", f.Line
		}
		text := ""
		switch f.Value.Kind {
		case yamldoc.Scalar:
			text = f.Value.Text
		case yamldoc.Null:
			continue
		case yamldoc.List:
			parts := []string{}
			for _, it := range f.Value.Items {
				if it.Kind != yamldoc.Scalar {
					return p, fmt.Sprintf("The attribute %s is a list of something other than texts. Correct it.", f.Key), it.Line
				}
				parts = append(parts, it.Text)
			}
			sep := ","
			if f.Key == AttrHostKey { // several keys, one a line
				sep = "\n"
			}
			text = strings.Join(parts, sep)
		default:
			return p, fmt.Sprintf("The attribute %s is a map; attributes are texts. Write it as %s.… : … instead.", f.Key, f.Key), f.Line
		}
		if len(text) > maxAttr {
			return p, fmt.Sprintf("The attribute %s has %d bytes; at most %d are kept. Shorten it.", f.Key, len(text), maxAttr), f.Line
		}
		p.Attrs[f.Key] = text
	}
	if tags, ok := p.Attrs["tags"]; ok {
		p.Attrs["tags"] = strings.Join(splitTags(tags), ",")
	}
	switch e := p.Executor(); {
	case e == "local", e == "ssh":
	case slices.Contains([]string{"jsch-ssh", "sshj-ssh", "openssh"}, e):
		p.Attrs[AttrExecutor] = "ssh"
		p.note(Note, fmt.Sprintf("node-executor %q is read as ssh.", e))
	default:
		return p, fmt.Sprintf("node-executor %q is not available here. Use ssh or local.", e), v.Get(AttrExecutor).LineOf()
	}
	if p.Executor() == "ssh" && p.Attrs["hostname"] == "" {
		p.Attrs["hostname"] = p.Name
		p.note(Note, "It has no hostname; its name is used.")
	}
	if p.Executor() == "ssh" && p.Attrs[AttrHostKey] == "" {
		p.note(Note, "It has no ssh-host-key, so steps on it are refused until one is given.")
	}
	if idle := idleAttributes(p.Attrs); len(idle) > 0 {
		p.note(NoEffect, strings.Join(idle, ", ")+": kept, without effect here. Log in with ssh-key-storage-path or ssh-password-storage-path.", idle...)
	}
	p.fill()
	if strings.ContainsAny(p.Hostname, " \t\r\n") {
		return p, "The hostname has blanks in it. Correct it.", v.Get("hostname").LineOf()
	}
	return p, "", 0
}

// Attributes by which Rundeck and its plugins say how to reach a node, and which
// Muster does not look at.
var idle = []string{"ssh-keypath", "ssh-key-resource", "ssh-authentication", "ssh-password-option", "ssh-key-passphrase-option", "ssh-send-env", "ssh-agent", "local-ssh-agent", "local-ttl-ssh-agent",
	"always-set-pty", "ssh-connection-timeout", "ssh-command-timeout", "ssh-timeout", "ssh-options", "ssh-config", "ssh-bind-address", "jumphost", "ssh-jump-host", "file-copier", "local-node-executor",
	"script-exec", "script-exec-shell", "script-exec-dir", "script-copy", "sudo-command-enabled", "sudo-password-option", "sudo-password-storage-path", "winrm-auth-type", "winrm-user", "winrm-password-storage-path",
	"winrm-protocol", "winrm-port", "winrm-cmd", "file-copy-destination-dir", "shell-escaping", "node-executor-timeout"}

// idleAttributes are those of the node that say how to reach it and do nothing.
func idleAttributes(attrs map[string]string) []string {
	out := []string{}
	for _, k := range idle {
		if attrs[k] != "" {
			out = append(out, k)
		}
	}
	return out
}

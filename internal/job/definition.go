package job

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"muster/internal/node"
	"muster/internal/yamldoc"
)

// Definition is one version of a job.
type Definition struct {
	UUID, Name, Group, Description string
	// ExecutionEnabled is false when the job's author switched it off.
	ExecutionEnabled bool
	// Multiple lets several runs of the job go on at once.
	Multiple bool
	// Idempotent jobs may be started again when their worker vanished.
	Idempotent bool
	Timeout    string // duration, may hold ${option.x}
	LogLevel   string

	Filter, Exclude string // node filters, may hold ${option.x}
	FilterEditable  bool
	Unselected      bool   // nodesSelectedByDefault: false
	ThreadCount     string // may hold ${option.x}
	NodeKeepgoing   bool
	IncludeWins     bool // excludePrecedence: false
	SuccessOnEmpty  bool
	RankAttribute   string
	RankDescending  bool
	Keepgoing       bool // of the sequence
	Strategy        string
	Options         []Option
	Steps           []Step
	body            *yamldoc.Value
	line            int
	remarks         []finding // what the import report says
}

// finding is one line of the import report; stops says that the job cannot run
// for it.
type finding struct {
	node.Remark
	stops bool
}

// Strategies: how steps and nodes are interleaved.
const (
	NodeFirst  = "node-first"
	Sequential = "sequential"
	Parallel   = "parallel"
)

// Step is one command of the sequence.
type Step struct {
	Kind        string // exec, script, or what is not supported yet
	Description string
	Exec        *Template
	ExecText    string
	Script      string
	Args        string
	Interpreter string
	Extension   string
	Handler     *Step // error handler
	// KeepgoingOnSuccess is set on a handler: its success lets the workflow go on.
	KeepgoingOnSuccess bool
}

// Label names the step for people.
func (s Step) Label() string {
	if s.Description != "" {
		return s.Description
	}
	text := s.ExecText
	if s.Kind == "script" {
		text = "script"
		for line := range strings.SplitSeq(s.Script, "\n") {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				text = line
				break
			}
		}
	}
	if s.Kind != "exec" && s.Kind != "script" {
		text = s.Kind
	}
	return Shorten(strings.Join(strings.Fields(text), " "), 80)
}

// Shorten cuts s to n characters, at a whole one.
func Shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

// FullName is group/name.
func (d *Definition) FullName() string { return FullName(d.Group, d.Name) }

// FullName joins a group path and a name.
func FullName(group, name string) string {
	if group == "" {
		return name
	}
	return group + "/" + name
}

// YAML is the definition in canonical form, unknown fields kept.
func (d *Definition) YAML() string {
	return (&yamldoc.Value{Kind: yamldoc.List, Items: []*yamldoc.Value{d.body}}).Canonical()
}

// CannotRun lists why the job may not be run, given whether its project allows
// raw values; empty when it may.
func (d *Definition) CannotRun(allowRaw bool) []string {
	out := []string{}
	for _, r := range d.remarks {
		if r.stops && (r.Kind != node.RawValue || !allowRaw) {
			out = append(out, r.String())
		}
	}
	return out
}

// Remarks is what an import says of the job: first what keeps it from running.
func (d *Definition) Remarks(allowRaw bool) []node.Remark {
	out := []node.Remark{}
	for _, r := range d.sorted(allowRaw) {
		out = append(out, r.Remark)
	}
	return out
}

func (d *Definition) sorted(allowRaw bool) []finding {
	out := []finding{}
	for _, r := range d.remarks {
		if r.stops && r.Kind == node.RawValue && allowRaw {
			r.stops = false
			r.Text += ". The project's allow_raw lets it through"
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b finding) int {
		switch {
		case a.stops == b.stops:
			return 0
		case a.stops:
			return -1
		}
		return 1
	})
	return out
}

// Option finds an option by name.
func (d *Definition) Option(name string) (Option, bool) {
	for _, o := range d.Options {
		if o.Name == name {
			return o, true
		}
	}
	return Option{}, false
}

var nodeEnv = regexp.MustCompile(`RD_NODE_[A-Z0-9_]+`)

// NodeVariables lists the environment variables of a node that a text names.
func NodeVariables(text string) []string { return nodeEnv.FindAllString(text, -1) }

// NodeAttributes lists the node attributes the steps refer to, and the
// environment variables that hold some.
func (d *Definition) NodeAttributes() (out, env []string) {
	seen := map[string]bool{}
	add := func(t *Template) {
		for _, r := range t.Refs() {
			if r.Context == "node" && !seen[r.Key] {
				seen[r.Key] = true
				out = append(out, r.Key)
			}
		}
	}
	for _, s := range d.Steps {
		for x := &s; x != nil; x = x.Handler {
			if x.Exec != nil {
				add(x.Exec)
			}
			add(ParsePlain(x.Args))
			env = append(env, NodeVariables(x.ExecText+"\n"+x.Script)...)
			for _, r := range scriptRefs(x.Script) {
				if r.Context == "node" && !seen[r.Key] {
					seen[r.Key] = true
					out = append(out, r.Key)
				}
			}
		}
	}
	return out, env
}

// Duration reads Rundeck's form, the sum of (\d+)[smhdwy]? with seconds by
// default: "90", "1h30m", "2d 4h".
func Duration(s string) (time.Duration, bool) {
	var sum time.Duration
	n, digits, any := int64(0), false, false
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour, 'y': 365 * 24 * time.Hour}
	add := func(u time.Duration) bool {
		if n > int64(100*365*24*time.Hour/u) {
			return false
		}
		sum += time.Duration(n) * u
		n, digits, any = 0, false, true
		return sum <= 100*365*24*time.Hour
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			if n > 1e12 {
				return 0, false
			}
			n, digits = n*10+int64(c-'0'), true
		case c == ' ' || c == '\t':
			if digits && !add(time.Second) {
				return 0, false
			}
		case digits && units[c] > 0:
			if !add(units[c]) {
				return 0, false
			}
		default:
			return 0, false
		}
	}
	if digits && !add(time.Second) {
		return 0, false
	}
	return sum, any
}

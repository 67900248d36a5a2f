package run

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/approval"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/job"
	"muster/internal/node"
)

// Request is what somebody asks for: a job by id, or a command in a project.
type Request struct {
	JobID     string // or uuid
	Options   map[string][]string
	Project   string   // ad-hoc; for a job only where several projects have its uuid
	Command   string   // ad-hoc
	Threads   int      // ad-hoc
	Keepgoing bool     // ad-hoc
	Filter    string   // nodes; for a job in place of its own filter
	Nodes     []string // the only ones of those the filter picks; empty: all
	Room      string   // room id or name; "" for none
	Key       string   // the client's id: the same key again gives the same run

	version int64 // the job's version, when what was asked for is looked at again; 0 for the current one
}

const (
	maxCommand = 64 << 10
	maxNodes   = 5000
)

// plan is a request that was looked at from all sides, before anything is stored.
type plan struct {
	in          Request
	project     node.Project
	job         *job.Job
	values      job.Values
	problems    []job.OptionProblem
	nodes       []node.Node
	identities  []map[string]string
	spec        spec
	environment string
	production  bool // for one of the nodes what production needs is needed
	need        *approval.Requirement
	steps       []RunStep
	title       string
	command     *job.Template // ad-hoc
	denied      error
}

// look makes the plan. What is wrong with options is in problems and what is
// not allowed in denied, so that a preview can show all of it.
func (s *Store) look(ctx context.Context, q db.Querier, who actor.Actor, in Request) (*plan, error) {
	p := &plan{in: in}
	var filter, exclude node.Filter
	var includeWins, emptyOK bool
	var err error
	if in.JobID != "" {
		j, err := s.Jobs.Get(ctx, q, who, in.Project, in.JobID)
		if err != nil {
			return nil, err
		}
		if in.version != 0 && in.version != j.Version {
			if no := j.Def.ExecutionEnabled; !no {
				return nil, fault.Newf(fault.Conflict, "The job %s was switched off (executionEnabled: false).", j.FullName())
			}
			if j, err = s.Jobs.At(ctx, q, j.ID, in.version); err != nil {
				return nil, err
			}
		}
		p.job = &j
		if p.project, err = s.Nodes.Project(ctx, q, j.Project); err != nil {
			return nil, err
		}
		p.denied = s.Access.Check(ctx, q, who, "run", j.Resource())
		d := j.Def
		if no := d.CannotRun(p.project.AllowRaw); len(no) > 0 {
			return nil, fault.Newf(fault.Conflict, "The job %s cannot run: %s.", j.FullName(), strings.Join(no, "; "))
		}
		p.title = j.FullName()
		p.values, p.problems = d.Check(in.Options)
		p.spec = spec{Options: map[string]string{}, Stored: p.values.Stored()}
		for _, o := range d.Options {
			if v, ok := p.values.Get(o.Name); ok && !o.Secure {
				p.spec.Options[o.Name] = v
			} else if ok {
				p.spec.Secure = append(p.spec.Secure, o.Name)
			}
		}
		get := optionLookup(p.values)
		if p.spec.Threads, err = d.Threads(get); err != nil {
			p.problems = append(p.problems, job.OptionProblem{Option: "threadcount", Message: fault.Message(err)})
			p.spec.Threads = 1
		}
		p.spec.Keepgoing = d.NodeKeepgoing
		for i, st := range d.Steps {
			p.steps = append(p.steps, RunStep{N: i + 1, Kind: st.Kind, Label: st.Label(), State: Pending})
		}
		if f := strings.TrimSpace(in.Filter); f != "" {
			if !d.FilterEditable {
				return nil, fault.Field("filter", "The node filter of the job "+j.FullName()+" cannot be changed. Leave it out.")
			}
			p.spec.Filter = f
			filter, err = node.ParseFilter(f)
		} else {
			filter, exclude, err = d.Filters(get)
		}
		if err != nil && len(p.problems) == 0 {
			p.problems = append(p.problems, job.OptionProblem{Option: "filter", Message: fault.Message(err)})
		}
		includeWins, emptyOK = d.IncludeWins, d.SuccessOnEmpty
	} else {
		if p.project, err = s.Nodes.Visible(ctx, q, who, in.Project); err != nil {
			return nil, err
		}
		p.denied = s.Access.Check(ctx, q, who, "run", access.Resource{Project: p.project.Name, Type: "adhoc"})
		cmd := in.Command
		switch {
		case strings.TrimSpace(cmd) == "":
			return nil, fault.Field("command", "Write the command to run, for example uptime.")
		case len(cmd) > maxCommand:
			return nil, fault.Newf(fault.TooLarge, "The command has %d bytes; at most %d are taken. Make a job with a script of it.", len(cmd), maxCommand)
		case strings.ContainsRune(cmd, 0):
			return nil, fault.Field("command", "The command has a NUL character in it. Remove it.")
		case in.Threads < 0 || in.Threads > job.MaxThreads:
			return nil, fault.Field("threads", fmt.Sprintf("The number of nodes at once is 1 to %d. Correct it.", job.MaxThreads))
		case strings.TrimSpace(in.Filter) == "":
			return nil, fault.Field("filter", "Say on which nodes, for example tags: web, or .* for all.")
		}
		p.command = job.ParseShell(cmd)
		if no := p.command.Missing(); len(no) > 0 {
			return nil, fault.Field("command", "Muster has no value for "+strings.Join(no, ", ")+". Write the value out.")
		}
		if no := p.command.Unsafe; len(no) > 0 {
			return nil, fault.Field("command", "A variable in the command would not be safe: "+no[0]+".")
		}
		p.title = job.Shorten(strings.Join(strings.Fields(cmd), " "), 80)
		p.spec = spec{Command: cmd, Filter: strings.TrimSpace(in.Filter), Threads: max(1, in.Threads), Keepgoing: in.Keepgoing}
		p.steps = []RunStep{{N: 1, Kind: "exec", Label: p.title, State: Pending}}
		if filter, err = node.ParseFilter(in.Filter); err != nil {
			return nil, err
		}
	}
	if len(in.Nodes) > maxNodes {
		return nil, fault.Newf(fault.TooLarge, "%d nodes are chosen; one run takes at most %d.", len(in.Nodes), maxNodes)
	}
	p.spec.Nodes = in.Nodes
	if err := s.pick(ctx, q, who, p, filter, exclude, includeWins); err != nil {
		return nil, err
	}
	if len(p.nodes) == 0 && !emptyOK && len(p.problems) == 0 {
		p.problems = append(p.problems, job.OptionProblem{Option: "filter", Message: fmt.Sprintf("No node of the project %s matches %s. Check the filter against the project's list of nodes.", p.project.Name, p.spec.Shown)})
	}
	if len(p.nodes) > maxNodes {
		return nil, fault.Newf(fault.TooLarge, "%d nodes match; one run takes at most %d. Narrow the filter.", len(p.nodes), maxNodes)
	}
	may, err := s.Access.Judge(ctx, q, who)
	if err != nil {
		return nil, err
	}
	for _, n := range p.nodes {
		if p.denied != nil {
			break
		}
		// Thousands of nodes: only a refusal is asked for its reason.
		if res := node.Resource(p.project.Name, n); !may.Allowed("run", res) {
			p.denied = s.Access.Check(ctx, q, who, "run", res)
		}
	}
	if p.need, err = s.Approvals.Required(ctx, q, p.project.Name, approval.Asker(who), p.subject()); err != nil {
		return nil, err
	}
	return p, s.lookAtKeys(ctx, q, who, p)
}

// pick resolves the nodes and what follows from them. What who may not read is not
// there: neither its name nor its number, environment or attributes are told.
func (s *Store) pick(ctx context.Context, q db.Querier, who actor.Actor, p *plan, filter, exclude node.Filter, includeWins bool) error {
	may, err := s.Access.Judge(ctx, q, who)
	if err != nil {
		return err
	}
	hidden := func(n node.Node) bool { return !may.Allowed("read", node.Resource(p.project.Name, n)) }
	if filter.Empty() && exclude.Empty() && p.job != nil && p.job.Def.Filter == "" && p.spec.Filter == "" {
		// Rundeck runs such a job on its own server. Here that has to be a node
		// of the project, so that rules can speak of it.
		all, err := s.Nodes.All(ctx, q, p.project.Name)
		if err != nil {
			return err
		}
		for _, n := range all {
			if n.Executor() == "local" && !hidden(n) {
				p.nodes = append(p.nodes, n)
			}
		}
		if len(p.nodes) != 1 {
			return fault.Field("filter", fmt.Sprintf("The job %s has no node filter. Give one, or have exactly one node with `node-executor: local` in the project.", p.job.FullName()))
		}
		p.spec.Shown = "name: " + p.nodes[0].Name
	} else if p.nodes, err = s.Nodes.Resolve(ctx, q, p.project.Name, filter, exclude, includeWins); err != nil {
		return err
	} else {
		p.spec.Shown = filter.String()
		if !exclude.Empty() {
			p.spec.Shown += " (not: " + exclude.String() + ")"
		}
		p.nodes = slices.DeleteFunc(p.nodes, hidden)
	}
	var missing []string
	if p.nodes, missing = choose(p.nodes, p.spec.Nodes); len(missing) > 0 {
		p.problems = append(p.problems, job.OptionProblem{Option: "nodes", Message: fmt.Sprintf("%s: not among the nodes that %s picks. Choose from those.", some(missing, 5), p.spec.Shown)})
	}
	var extra, env []string
	if p.job != nil {
		extra, env = p.job.Def.NodeAttributes()
		rank(p.nodes, p.job.Def.RankAttribute, p.job.Def.RankDescending)
	} else {
		for _, r := range p.command.Refs() {
			if r.Context == "node" {
				extra = append(extra, r.Key)
			}
		}
		env = job.NodeVariables(p.spec.Command)
	}
	var envs []string
	for _, n := range p.nodes {
		p.identities = append(p.identities, n.Identity(append(n.Named(env), extra...)))
		if e := n.Shown(); !slices.Contains(envs, e) {
			envs = append(envs, e)
		}
		p.production = p.production || n.Production()
	}
	p.spec.Production = &p.production
	slices.Sort(envs)
	p.environment = strings.Join(envs, ", ")
	return nil
}

// rank orders nodes by an attribute, numbers by value, then by name.
func rank(nodes []node.Node, attr string, down bool) {
	if attr == "" {
		if down {
			slices.Reverse(nodes)
		}
		return
	}
	slices.SortStableFunc(nodes, func(a, b node.Node) int {
		x, _ := a.Attr(attr)
		y, _ := b.Attr(attr)
		nx, ex := strconv.ParseFloat(x, 64)
		ny, ey := strconv.ParseFloat(y, 64)
		c := strings.Compare(x, y)
		if ex == nil && ey == nil {
			c = 0
			if nx < ny {
				c = -1
			} else if nx > ny {
				c = 1
			}
		}
		if c == 0 {
			c = strings.Compare(a.Name, b.Name)
		}
		if down {
			return -c
		}
		return c
	})
}

func (p *plan) subject() approval.Subject {
	sub := approval.Subject{Adhoc: p.job == nil, Options: p.spec.Options}
	if p.job != nil {
		sub.Job, sub.Lists = p.job.FullName(), map[string][]string{}
		for _, o := range p.job.Def.Options {
			if v, ok := p.spec.Options[o.Name]; ok && o.Multivalued {
				sub.Lists[o.Name] = strings.Split(v, o.Delimiter)
			}
		}
	}
	for _, n := range p.nodes {
		sub.Nodes = append(sub.Nodes, Machine(n))
	}
	return sub
}

// Machine is what approval rules see of n: one that is not known to be harmless
// is production to them.
func Machine(n node.Node) approval.Machine {
	words := n.Environments()
	return approval.Machine{Name: n.Name, Environment: words[0], Also: words[1:], Tags: n.Tags, Attrs: n.Attrs}
}

func (p *plan) material(sec sealedSecrets) material {
	m := material{Kind: KindAdhoc, Project: p.project.Name, Command: p.spec.Command, Options: p.spec.Options, Secrets: secretMACs(sec, p.spec.Stored),
		Nodes: p.identities, Environment: p.environment, Threads: p.spec.Threads, Keepgoing: p.spec.Keepgoing}
	if m.Options == nil {
		m.Options = map[string]string{}
	}
	if p.job != nil {
		m.Kind, m.Job, m.Version, m.JobDigest = KindJob, p.job.ID, p.job.Version, p.job.Digest
	}
	return m
}

func optionLookup(v job.Values) job.Lookup {
	return func(r job.Ref) (string, bool) {
		if r.Context == "option" || r.Context == "unquotedoption" {
			return v.Get(r.Key)
		}
		return "", false
	}
}

// Preview is what a request would do.
type Preview struct {
	Nodes       []node.Node
	Environment string
	Production  bool // of one of the nodes
	Need        *approval.Requirement
	Problems    []job.OptionProblem
	Denied      string // why this person may not, "" when they may
}

// Preview says what in would do, and what stands in its way.
func (s *Store) Preview(ctx context.Context, q db.Querier, who actor.Actor, in Request) (Preview, error) {
	p, err := s.look(ctx, q, who, in)
	if err != nil {
		return Preview{}, err
	}
	out := Preview{Nodes: p.nodes, Environment: p.environment, Production: p.production, Need: p.need, Problems: p.problems}
	if p.denied != nil {
		out.Denied = fault.Message(p.denied)
	}
	return out, nil
}

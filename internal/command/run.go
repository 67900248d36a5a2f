package command

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/job"
	"muster/internal/node"
	"muster/internal/run"
)

// RunDeps is what the verbs about runs call.
type RunDeps struct {
	Access *access.Access
	Runs   *run.Store
	Jobs   *job.Store
	Nodes  *node.Store
	// Service tells in a few lines how a service is; nil when nothing knows.
	Service func(ctx context.Context, q db.Querier, who actor.Actor, name string) (string, error)
}

// RunVerbs are the commands that ask for runs, decide about them and end them.
func RunVerbs(d RunDeps) []Verb {
	return []Verb{d.run(), d.adhoc(), d.approve(), d.decline(), d.stop(), d.status()}
}

func (d RunDeps) run() Verb {
	return Verb{
		Name: "run", Usage: "/run JOB [name=value …] [node filter]", Help: "Run a job. In environments that need it, another person is asked first.",
		Shown: func(ctx context.Context, q db.Querier, c Call) bool {
			return d.Access.Anywhere(ctx, q, c.Who, "run", "job")
		},
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			line, err := d.parseRun(ctx, tx, c)
			if err != nil {
				return Reply{}, err
			}
			r, err := d.Runs.Request(ctx, tx, c.Who, run.Request{JobID: line.job.ID, Options: line.options, Filter: line.filter, Room: c.Room.ID})
			return Reply{asked(r)}, err
		},
		Redact: func(ctx context.Context, q db.Querier, c Call) (string, error) {
			line, err := d.parseRun(ctx, q, c)
			if err != nil {
				return "", err
			}
			// From the end, so that earlier offsets stay true.
			out := c.Args
			for _, w := range slices.Backward(line.words) {
				if name, _, ok := w.KeyValue(); ok {
					if o, known := line.job.Def.Option(name); known && o.Secure {
						out = out[:w.Start] + name + "=••••" + out[w.End:]
					}
				}
			}
			return out, nil
		},
		Complete: d.completeRun,
	}
}

type runLine struct {
	job     job.Job
	words   []Word // behind the job
	options map[string][]string
	filter  string
}

func (d RunDeps) parseRun(ctx context.Context, q db.Querier, c Call) (runLine, error) {
	words, err := Words(c.Args)
	if err != nil {
		return runLine{}, err
	}
	if len(words) == 0 {
		return runLine{}, fault.Field("text", "Say which job: /run JOB name=value. The list of jobs has their names.")
	}
	l := runLine{words: words[1:], options: map[string][]string{}}
	project := ""
	for i, w := range l.words {
		// project= picks among jobs of one name, unless the job has such an option.
		if name, v, ok := w.KeyValue(); ok && name == "project" {
			if j, err := d.Jobs.Find(ctx, q, c.Who, v, words[0].Text); err == nil {
				if _, own := j.Def.Option("project"); !own {
					project = v
					l.words = slices.Delete(slices.Clone(l.words), i, i+1)
					break
				}
			}
		}
	}
	if l.job, err = d.Jobs.Find(ctx, q, c.Who, project, words[0].Text); err != nil {
		return l, err
	}
	var filter []string
	for _, w := range l.words {
		if name, v, ok := w.KeyValue(); ok {
			l.options[name] = append(l.options[name], v)
			continue
		}
		filter = append(filter, c.Args[w.Start:w.End])
	}
	l.filter = strings.Join(filter, " ")
	return l, nil
}

// asked is the answer to who asked for a run.
func asked(r run.Run) string {
	switch {
	case r.State == run.Waiting && r.Approval != nil:
		return fmt.Sprintf("Run #%d waits for approval by %s.", r.Number, strings.Join(r.Approval.Groups, " or "))
	case r.ID == "":
		return ""
	}
	return fmt.Sprintf("Run #%d is %s.", r.Number, r.State)
}

// completeRun proposes jobs, then their options, then the options' values.
func (d RunDeps) completeRun(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
	head, last := cutLast(c.Args)
	if head == "" {
		return d.completeJob(ctx, q, c, last)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(head), " ")
	j, err := d.Jobs.Find(ctx, q, c.Who, "", first)
	if err != nil {
		return nil, nil
	}
	if name, part, ok := strings.Cut(last, "="); ok {
		o, known := j.Def.Option(name)
		if !known {
			return nil, nil
		}
		values := o.Values
		if len(values) == 0 && o.HasDefault && !o.Secure {
			values = []string{o.Default}
		}
		if len(values) == 0 && strings.HasPrefix(name, "env") {
			values, err = d.environments(ctx, q, j.Project)
		}
		out := []Completion{}
		for _, v := range values {
			if strings.HasPrefix(strings.ToLower(v), strings.ToLower(strings.Trim(part, `"'`))) {
				out = append(out, Completion{Value: head + name + "=" + quoteWord(v) + " ", Label: v, Detail: o.Description, Kind: "value"})
			}
		}
		return out, err
	}
	used := map[string]bool{}
	for w := range strings.FieldsSeq(head) {
		if name, _, ok := strings.Cut(w, "="); ok {
			used[name] = true
		}
	}
	out := []Completion{}
	for _, required := range []bool{true, false} {
		for _, o := range j.Def.Options {
			if o.Required != required || o.Hidden || used[o.Name] || !strings.HasPrefix(strings.ToLower(o.Name), strings.ToLower(last)) {
				continue
			}
			detail := o.Description
			if o.Required {
				detail = strings.TrimSpace("required. " + detail)
			}
			out = append(out, Completion{Value: head + o.Name + "=", Label: o.Name, Detail: detail, Kind: "option"})
		}
	}
	if last != "" && j.Def.FilterEditable {
		ns, err := d.Nodes.Readable(ctx, q, c.Who, j.Project, "")
		if err != nil {
			return out, nil
		}
		for _, n := range ns {
			if len(out) < 30 && strings.HasPrefix(n.Name, last) {
				out = append(out, Completion{Value: head + n.Name + " ", Label: n.Name, Detail: strings.TrimSpace(n.Environment() + " " + n.Description), Kind: "node"})
			}
		}
	}
	return out, nil
}

func (d RunDeps) completeJob(ctx context.Context, q db.Querier, c Call, part string) ([]Completion, error) {
	js, err := d.Jobs.List(ctx, q, c.Who, "", part)
	if err != nil {
		return nil, err
	}
	count := map[string]int{}
	for _, j := range js {
		count[j.FullName()]++
	}
	out := []Completion{}
	for _, j := range js {
		if !d.Access.Allowed(ctx, q, c.Who, "run", j.Resource()) {
			continue
		}
		v := quoteWord(j.FullName()) + " "
		if count[j.FullName()] > 1 {
			v += "project=" + j.Project + " "
		}
		out = append(out, Completion{Value: v, Label: j.FullName(), Detail: j.Description, Kind: "job"})
	}
	// Names that begin with what was typed come first.
	slices.SortStableFunc(out, func(a, b Completion) int { return begins(a.Label, part) - begins(b.Label, part) })
	return out, nil
}

func begins(label, part string) int {
	name := label[strings.LastIndexByte(label, '/')+1:]
	if strings.HasPrefix(name, part) || strings.HasPrefix(label, part) {
		return 0
	}
	return 1
}

func (d RunDeps) environments(ctx context.Context, q db.Querier, project string) ([]string, error) {
	ns, err := d.Nodes.All(ctx, q, project)
	out := []string{}
	for _, n := range ns {
		if e := n.Environment(); e != "" && !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	slices.Sort(out)
	return out, err
}

// cutLast splits a half-typed line before its last word.
func cutLast(args string) (head, last string) {
	i := strings.LastIndexAny(args, " \n")
	return args[:i+1], args[i+1:]
}

var plainValue = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,-]+$`)

// quoteWord writes v so that Words reads it as one word.
func quoteWord(v string) string {
	if plainValue.MatchString(v) {
		return v
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
}

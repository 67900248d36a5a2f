package command

import (
	"context"
	"strconv"
	"strings"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/run"
)

func (d RunDeps) adhoc() Verb {
	return Verb{
		Name: "adhoc", Usage: "/adhoc 'COMMAND' FILTER [project=P] [threads=N] [keepgoing=true]", Help: "Run a command on the nodes a filter picks, for example /adhoc 'uptime' tags:web.",
		Shown: func(ctx context.Context, q db.Querier, c Call) bool {
			return d.Access.Anywhere(ctx, q, c.Who, "run", "adhoc")
		},
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			in, err := d.parseAdhoc(ctx, tx, c)
			if err != nil {
				return Reply{}, err
			}
			r, err := d.Runs.Request(ctx, tx, c.Who, in)
			return Reply{asked(r)}, err
		},
		Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
			words, err := Words(c.Args)
			if err != nil || len(words) == 0 || len(words) == 1 && !strings.HasSuffix(c.Args, " ") {
				return nil, nil // the command itself is still being typed
			}
			head, last := cutLast(c.Args)
			p, err := d.project(ctx, q, c.Who, "")
			if err != nil {
				return nil, nil
			}
			ns, err := d.Nodes.Readable(ctx, q, c.Who, p, "")
			if err != nil {
				return nil, err
			}
			out, seen := []Completion{}, map[string]bool{}
			add := func(value, detail string) {
				if !seen[value] && strings.HasPrefix(value, last) {
					seen[value] = true
					out = append(out, Completion{Value: head + value + " ", Label: value, Detail: detail, Kind: "node"})
				}
			}
			for _, n := range ns {
				for _, t := range n.Tags {
					add("tags:"+t, "all nodes with this tag")
				}
			}
			for _, n := range ns {
				add(n.Name, strings.TrimSpace(n.Environment()+" "+n.Description))
			}
			return out, nil
		},
	}
}

func (d RunDeps) parseAdhoc(ctx context.Context, q db.Querier, c Call) (run.Request, error) {
	words, err := Words(c.Args)
	if err != nil {
		return run.Request{}, err
	}
	if len(words) < 2 {
		return run.Request{}, fault.Field("text", "Give the command in quotes and the nodes: /adhoc 'uptime' tags:web")
	}
	in := run.Request{Command: words[0].Text, Room: c.Room.ID, Options: map[string][]string{}}
	var filter []string
	project := ""
	for _, w := range words[1:] {
		name, v, ok := w.KeyValue()
		switch {
		case ok && name == "project":
			project = v
		case ok && name == "threads":
			n, err := strconv.Atoi(v)
			if err != nil {
				return in, fault.Field("threads", "threads is a number, for example threads=5.")
			}
			in.Threads = n
		case ok && name == "keepgoing":
			in.Keepgoing = v == "true" || v == "yes"
		default:
			filter = append(filter, c.Args[w.Start:w.End])
		}
	}
	in.Filter = strings.Join(filter, " ")
	in.Project, err = d.project(ctx, q, c.Who, project)
	return in, err
}

// project is the one named, or the only one there is.
func (d RunDeps) project(ctx context.Context, q db.Querier, who actor.Actor, name string) (string, error) {
	if name != "" {
		p, err := d.Nodes.Visible(ctx, q, who, name)
		return p.Name, err
	}
	ps, err := d.Nodes.Projects(ctx, q, who)
	if err != nil {
		return "", err
	}
	switch len(ps) {
	case 0:
		return "", fault.New(fault.NotFound, "There is no project you may see. Ask an administrator.")
	case 1:
		return ps[0].Name, nil
	}
	var names []string
	for _, p := range ps {
		names = append(names, p.Name)
	}
	return "", fault.Field("project", "Say in which project: project="+strings.Join(names, " or project=")+".")
}

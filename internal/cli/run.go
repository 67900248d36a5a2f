package cli

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// pollEvery is how often a followed run is asked for news.
const pollEvery = 250 * time.Millisecond

type runCmd struct {
	Start   runStart   `cmd:"" help:"Start a job."`
	Again   runAgain   `cmd:"" help:"Ask for the same once more: job, options, filter and nodes, or the command."`
	Retry   runRetry   `cmd:"" help:"Ask for the same once more, on the nodes where it did not succeed."`
	Show    runShow    `cmd:"" help:"Show a run."`
	List    runList    `cmd:"" help:"List runs."`
	Log     runLog     `cmd:"" help:"Print a run's log."`
	Approve runApprove `cmd:"" help:"Approve a run that somebody else asked for."`
	Decline runDecline `cmd:"" help:"Decline a run that somebody else asked for."`
	Stop    runStop    `cmd:"" help:"Stop a run: its processes end on every node."`
}

// how a run is watched once it has been asked for.
type watch struct {
	Room   string `help:"Room to show the run's card in."`
	Follow bool   `help:"Print the log as it comes and end as the run ends; ends with 4 when the run waits for approval."`
	Wait   bool   `help:"Wait for the approval, then for the end."`
}

type runStart struct {
	Job     string   `arg:"" help:"Name, group/name or id."`
	Project string   `help:"Project; may be left out when there is only one."`
	Option  []string `short:"o" sep:"none" placeholder:"NAME=VALUE" help:"An option; may be repeated."`
	Filter  string   `help:"Node filter instead of the job's own, where the job allows it."`
	Key     string   `help:"Your own id for this request: the same key twice starts one run."`
	watch
}

// values reads -o NAME=VALUE, which may be repeated, over what is there already.
func values(given []string, out map[string]any) (map[string]any, error) {
	seen := map[string]bool{}
	for _, o := range given {
		name, value, ok := strings.Cut(o, "=")
		if !ok || name == "" {
			return nil, usage("-o %q: write it as NAME=VALUE.", o)
		}
		if !seen[name] {
			delete(out, name)
		}
		seen[name] = true
		switch before := out[name].(type) {
		case nil:
			out[name] = value
		case string:
			out[name] = []string{before, value}
		case []string:
			out[name] = append(before, value)
		}
	}
	return out, nil
}

type runAgain struct {
	Run_   string   `arg:"" name:"run" help:"Number or id."`
	Option []string `short:"o" sep:"none" placeholder:"NAME=VALUE" help:"An option with another value; secure ones have to be given again."`
	Key    string   `help:"Your own id for this request: the same key twice starts one run."`
	watch
}

type runRetry struct{ runAgain }

func (r runAgain) Run(ctx context.Context, s *session) error { return r.ask(ctx, s, false) }
func (r runRetry) Run(ctx context.Context, s *session) error { return r.ask(ctx, s, true) }

func (r runAgain) ask(ctx context.Context, s *session, failed bool) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	was, err := get[struct {
		Number  int64  `json:"number"`
		Project string `json:"project"`
		Job     *struct {
			ID string `json:"id"`
		} `json:"job"`
		Again struct {
			Options   map[string]string `json:"options"`
			Secure    []string          `json:"secure"`
			Filter    string            `json:"filter"`
			Nodes     []string          `json:"nodes"`
			Failed    []string          `json:"failed"`
			Command   string            `json:"command"`
			Threads   int               `json:"threads"`
			Keepgoing bool              `json:"keepgoing"`
		} `json:"again"`
	}](ctx, c, "/runs/"+seg(strings.TrimPrefix(r.Run_, "#")))
	if err != nil {
		return err
	}
	nodes := was.Again.Nodes
	if failed {
		if nodes = was.Again.Failed; len(nodes) == 0 {
			return usage("Run %d failed on no node, so there is nothing to retry. Ask for all of it: muster run again %d", was.Number, was.Number)
		}
	}
	in := map[string]any{}
	if was.Again.Filter != "" {
		in["filter"] = was.Again.Filter
	}
	if len(nodes) > 0 {
		in["nodes"] = nodes
	}
	if r.Key != "" {
		in["key"] = r.Key
	}
	if was.Job == nil {
		in["command"], in["keepgoing"] = was.Again.Command, was.Again.Keepgoing
		if was.Again.Threads > 0 {
			in["threads"] = was.Again.Threads
		}
		return r.start(ctx, s, c, "/projects/"+seg(was.Project)+"/adhoc", in)
	}
	options := map[string]any{}
	for n, v := range was.Again.Options {
		options[n] = v
	}
	if options, err = values(r.Option, options); err != nil {
		return err
	}
	for _, n := range was.Again.Secure {
		if options[n] == nil {
			return usage("The option %s is secret and was not kept. Give it again: -o %s=VALUE", n, n)
		}
	}
	in["options"] = options
	return r.start(ctx, s, c, "/jobs/"+seg(was.Job.ID)+"/run", in)
}

func (r runStart) Run(ctx context.Context, s *session) error {
	options, err := values(r.Option, map[string]any{})
	if err != nil {
		return err
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	p, err := findProject(ctx, c, r.Project)
	if err != nil {
		return err
	}
	j, err := findJob(ctx, c, p, r.Job)
	if err != nil {
		return err
	}
	in := map[string]any{"options": options}
	if r.Filter != "" {
		in["filter"] = r.Filter
	}
	if r.Key != "" {
		in["key"] = r.Key
	}
	return r.start(ctx, s, c, "/jobs/"+seg(j.ID)+"/run", in)
}

type adhocCmd struct {
	Command   string `arg:"" help:"The command line; quote it as one word."`
	Filter    string `required:"" help:"Which nodes, such as 'tags: web+prod' or 'name: db1'."`
	Project   string `help:"Project; may be left out when there is only one."`
	Threads   int    `help:"How many nodes at once."`
	Keepgoing bool   `help:"Go on with the other nodes after a failure."`
	Preview   bool   `help:"Only show which nodes the filter matches."`
	watch
}

type preview struct {
	Nodes       []node `json:"nodes"`
	Environment string `json:"environment"`
	Denied      *struct {
		Text string `json:"text"`
	} `json:"denied"`
}

func (a adhocCmd) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	p, err := findProject(ctx, c, a.Project)
	if err != nil {
		return err
	}
	path := "/projects/" + seg(p.Name) + "/adhoc"
	if a.Preview {
		hit, err := post[preview](ctx, c, path+"/preview", map[string]any{"filter": a.Filter, "command": a.Command})
		if err != nil {
			return err
		}
		if hit.Denied != nil {
			return &outcome{ExitDenied, "denied", hit.Denied.Text}
		}
		return printNodes(s, hit.Nodes, "The filter matches no node.")
	}
	in := map[string]any{"command": a.Command, "filter": a.Filter}
	if a.Threads > 0 {
		in["threads"] = a.Threads
	}
	if a.Keepgoing {
		in["keepgoing"] = true
	}
	return a.start(ctx, s, c, path, in)
}

// start asks for a run and stays with it for as long as was wished.
func (w watch) start(ctx context.Context, s *session, c *client, path string, in map[string]any) error {
	if w.Room != "" {
		r, err := findRoom(ctx, c, w.Room)
		if err != nil {
			return err
		}
		in["room_id"] = r.ID
	}
	asked, err := post[run](ctx, c, path, in)
	if err != nil {
		return err
	}
	if asked.State == "waiting" && !w.Wait {
		return s.done(asked, waitingFor(asked))
	}
	if !w.Follow && !w.Wait {
		return s.done(asked, nil)
	}
	s.notef("Run %d · %s · %s\n", asked.Number, plural(asked.Progress.Total, "node"), dash(clean(asked.Environment)))
	if asked.State == "waiting" {
		s.notef("%s\n", clean(waitingFor(asked).Error()))
	}
	final, said, err := s.follow(ctx, c, asked.ID, w.Follow)
	if err != nil {
		return err
	}
	return s.done(final, endOf(final, said))
}

// done prints the run; the error says how the command ends.
func (s *session) done(r run, end error) error {
	if s.json {
		if err := s.printJSON(r); err != nil {
			return err
		}
		return end
	}
	switch {
	case end != nil:
	case r.over():
		s.printf("Run %d %s.\n", r.Number, clean(r.State))
	default:
		s.printf("Run %d is %s. See it run: muster run log %d --follow\n", r.Number, clean(r.State), r.Number)
	}
	return end
}

func waitingFor(r run) error {
	who := "somebody else"
	if a := r.Approval; a != nil {
		who = plural(a.Need, "other person") + " of: " + strings.Join(a.Groups, ", ")
		if a.Need > 1 {
			who = fmt.Sprintf("%d other people of: %s", a.Need, strings.Join(a.Groups, ", "))
		}
	}
	return &outcome{ExitWaiting, "waiting", fmt.Sprintf("Run %d waits for approval by %s. They approve it with: muster run approve %d", r.Number, who, r.Number)}
}

// endOf is nil for a run that succeeded. What was said already, where the log was
// followed, is not repeated.
func endOf(r run, said string) error {
	switch r.State {
	case "succeeded", "queued", "running":
		return nil
	case "waiting":
		return waitingFor(r)
	}
	text := fmt.Sprintf("Run %d %s.", r.Number, map[string]string{
		"failed": "failed", "stopped": "was stopped", "timed-out": "took too long and was stopped",
		"unknown": "lost its worker in the middle of a step, so its outcome is unknown; look at the nodes and settle it in the browser",
	}[r.State])
	if r.Reason != "" && !strings.Contains(said, r.Reason) {
		text += " " + r.Reason
	}
	for _, n := range r.Nodes {
		if n.Error != "" && !strings.Contains(said, n.Error) {
			text += " " + n.Name + ": " + n.Error
		}
	}
	return failed("%s", text)
}

// follow prints the log until the run is over. Lines of several nodes carry the
// node's name. With --json the log goes to the error stream, so that the output
// stays one document. said is what Muster itself told last in what was printed.
func (s *session) follow(ctx context.Context, c *client, id string, print bool) (r run, said string, err error) {
	var after int64
	var told []string
	for {
		page, err := get[logPage](ctx, c, "/runs/"+seg(id)+"/log"+query("after", strconv.FormatInt(after, 10), "limit", "2000"))
		if err != nil {
			return run{}, "", err
		}
		if print {
			s.printLines(page.Items)
			for _, l := range page.Items {
				if l.Stream == "sys" {
					told = append(told, l.Text)
				}
			}
			told = told[max(0, len(told)-200):]
		}
		if len(page.Items) > 0 {
			after = page.after()
			continue // there may be more already
		}
		if page.Done {
			r, err := get[run](ctx, c, "/runs/"+seg(id))
			// The log may be complete a moment before the run is settled.
			if err != nil || r.over() {
				return r, strings.Join(told, "\n"), err
			}
		}
		if err := pause(ctx, pollEvery); err != nil {
			return run{}, "", err
		}
	}
}

func (s *session) printLines(lines []logLine) {
	for _, l := range lines {
		out := s.std.Out
		if l.Stream != "out" || s.json {
			out = s.std.Err
		}
		prefix := ""
		if l.Node != "" {
			prefix = clean(l.Node) + " | "
		}
		fmt.Fprintf(out, "%s%s\n", prefix, cleanLog(l.Text))
	}
}

type runShow struct {
	ID string `arg:"" help:"Number or id."`
}

func (r runShow) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	out, err := get[run](ctx, c, runPath(r.ID))
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(out)
	}
	s.printf("Run %d  %s\n", out.Number, clean(out.Title))
	rows := [][]string{
		{"state", out.State + orNothing(" · ", out.Reason)},
		{"job", dash(out.Job)},
		{"project", out.Project},
		{"environment", dash(out.Environment)},
		{"asked", when(out.RequestedAt)},
		{"started", when(out.StartedAt)},
		{"finished", when(out.FinishedAt)},
		{"nodes", fmt.Sprintf("%d of %d done, %d failed", out.Progress.Done, out.Progress.Total, out.Progress.Failed)},
	}
	if a := out.Approval; a != nil {
		rows = append(rows, []string{"approval", fmt.Sprintf("%s · %d of %d · %s", a.State, a.approvals(), a.Need, strings.Join(a.Groups, ", "))})
	}
	table(s.std.Out, rows)
	for _, n := range out.Nodes {
		s.printf("  %s  %s%s\n", clean(n.Name), clean(n.State), clean(orNothing("  ", n.Error)))
	}
	return nil
}

func (a *approval) approvals() int {
	n := 0
	for _, v := range a.Votes {
		if strings.HasPrefix(v.Decision, "approve") {
			n++
		}
	}
	return n
}

func orNothing(before, s string) string {
	if s == "" {
		return ""
	}
	return before + s
}

type runList struct {
	State string `help:"waiting, queued, running, succeeded, failed, stopped, timed-out or unknown."`
	Limit int    `default:"20"`
}

func (r runList) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	found, err := list[run](ctx, c, "/runs"+query("state", r.State, "limit", strconv.Itoa(r.Limit)))
	if err != nil {
		return err
	}
	if s.json { // the list is a summary; the stable shape has each run's nodes
		for i := range found {
			if found[i], err = get[run](ctx, c, "/runs/"+seg(found[i].ID)); err != nil {
				return err
			}
		}
	}
	return printList(s, found, "No runs yet. Start one: muster run start JOB",
		[]string{"RUN", "STATE", "ENVIRONMENT", "NODES", "ASKED", "TITLE"}, func(r run) []string {
			return []string{strconv.FormatInt(r.Number, 10), r.State, dash(r.Environment), strconv.Itoa(r.Progress.Total), when(r.RequestedAt), r.Title}
		})
}

type runLog struct {
	ID     string `arg:"" help:"Number or id."`
	Follow bool   `help:"Go on until the run ends, and end as it ends."`
	Node   string `help:"Only this node's lines."`
}

func (l runLog) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	if l.Follow && l.Node == "" {
		r, said, err := s.follow(ctx, c, strings.TrimPrefix(l.ID, "#"), true)
		if err != nil {
			return err
		}
		if s.json {
			return s.done(r, endOf(r, said))
		}
		return endOf(r, said)
	}
	all := []logLine{}
	for after := int64(0); ; {
		page, err := get[logPage](ctx, c, runPath(l.ID)+"/log"+query("after", strconv.FormatInt(after, 10), "limit", "2000", "node", l.Node))
		if err != nil {
			return err
		}
		if len(page.Items) == 0 {
			break
		}
		after = page.after()
		if s.json {
			all = append(all, page.Items...)
		} else {
			s.printLines(page.Items)
		}
	}
	if s.json {
		return s.printJSON(items[logLine]{all})
	}
	return nil
}

type runApprove struct {
	ID   string `arg:"" help:"Number or id."`
	Note string `help:"Why, for the record."`
}

func (a runApprove) Run(ctx context.Context, s *session) error {
	return decide(ctx, s, a.ID, "approve", a.Note)
}

type runDecline struct {
	ID   string `arg:"" help:"Number or id."`
	Note string `required:"" help:"Why, for the record and for the one who asked."`
}

func (d runDecline) Run(ctx context.Context, s *session) error {
	return decide(ctx, s, d.ID, "decline", d.Note)
}

// decide says yes or no to exactly what the run is now: the digest goes along,
// and Muster refuses when it has changed in between.
func decide(ctx context.Context, s *session, id, what, note string) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	r, err := get[run](ctx, c, runPath(id))
	if err != nil {
		return err
	}
	in := map[string]any{"note": note}
	if what == "approve" {
		in["digest"] = r.Digest
		if r.Approval != nil && r.Approval.Digest != "" {
			in["digest"] = r.Approval.Digest
		}
	}
	if err := c.call(ctx, http.MethodPost, runPath(id)+"/"+what, in, nil); err != nil {
		return err
	}
	return s.showState(ctx, c, id)
}

type runStop struct {
	ID string `arg:"" help:"Number or id."`
}

func (r runStop) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	if err := c.call(ctx, http.MethodPost, runPath(r.ID)+"/stop", struct{}{}, nil); err != nil {
		return err
	}
	return s.showState(ctx, c, r.ID)
}

func (s *session) showState(ctx context.Context, c *client, id string) error {
	r, err := get[run](ctx, c, runPath(id))
	if err != nil {
		return err
	}
	more := ""
	if a := r.Approval; a != nil && r.State == "waiting" {
		more = fmt.Sprintf(" (%d of %d approvals)", a.approvals(), a.Need)
	}
	return s.result(r, "Run %d is %s%s.\n", r.Number, clean(r.State), more)
}

func runPath(id string) string { return "/runs/" + seg(strings.TrimPrefix(id, "#")) }

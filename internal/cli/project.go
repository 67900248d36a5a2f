package cli

import (
	"context"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

type projectCmd struct {
	List   projectList   `cmd:"" help:"List projects."`
	Create projectCreate `cmd:"" help:"Create a project."`
	Raw    projectRaw    `cmd:"" help:"Say whether jobs may put a caller's text where it is read as code."`

	Environments projectEnvironments `cmd:"" help:"Say what the project's own words for environments mean; without words, show it."`
}

type projectEnvironments struct {
	Name string   `arg:"" help:"The project."`
	Word []string `arg:"" optional:"" sep:"none" placeholder:"WORD=KIND" help:"Such as blue=prod: dev, test, qa, uat, stage or prod. WORD= takes one back; a node whose environment nobody knows needs what production needs."`
}

func (p projectEnvironments) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	out, err := get[project](ctx, c, "/projects/"+seg(p.Name))
	if err != nil {
		return err
	}
	words := out.Environments
	if words == nil {
		words = map[string]string{}
	}
	for _, w := range p.Word {
		at := strings.LastIndexByte(w, '=')
		if at < 1 {
			return usage("%q is not WORD=KIND, such as blue=prod.", w)
		}
		word, kind := strings.ToLower(strings.TrimSpace(w[:at])), w[at+1:]
		if delete(words, word); kind != "" {
			words[word] = kind
		}
	}
	if len(p.Word) > 0 {
		if out, err = patch[project](ctx, c, "/projects/"+seg(p.Name), map[string]any{"environments": words}); err != nil {
			return err
		}
	}
	type meaning struct {
		Word string `json:"word"`
		Kind string `json:"kind"`
	}
	rows := []meaning{}
	for _, w := range slices.Sorted(maps.Keys(out.Environments)) {
		rows = append(rows, meaning{w, out.Environments[w]})
	}
	return printList(s, rows, "The project has no words of its own for environments.", []string{"WORD", "MEANS"}, func(m meaning) []string { return []string{m.Word, m.Kind} })
}

type projectList struct{}

func (projectList) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	found, err := list[project](ctx, c, "/projects")
	if err != nil {
		return err
	}
	return printList(s, found, "There is no project that you may read. An administrator makes one: muster project create NAME",
		[]string{"NAME", "TITLE"}, func(p project) []string { return []string{p.Name, dash(p.Title)} })
}

type projectCreate struct {
	Name  string `arg:"" help:"Short name, used in policies."`
	Title string `help:"Name as people know it."`
}

func (p projectCreate) Run(ctx context.Context, s *session) error {
	if p.Title == "" {
		p.Title = p.Name
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	out, err := post[project](ctx, c, "/projects", map[string]any{"name": p.Name, "title": p.Title})
	if err != nil {
		return err
	}
	return s.result(out, "Project %s was created.\n", clean(out.Name))
}

type projectRaw struct {
	Name   string `arg:"" help:"The project."`
	Allow  bool   `xor:"raw" help:"Let its jobs use raw values: ${unquotedoption.x}, @option.x@ and values inside of programs, whatever a caller types."`
	Refuse bool   `xor:"raw" help:"Refuse such jobs again."`
}

func (p projectRaw) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	path := "/projects/" + seg(p.Name)
	var out project
	if p.Allow || p.Refuse {
		out, err = patch[project](ctx, c, path, map[string]any{"allow_raw": p.Allow})
	} else {
		out, err = get[project](ctx, c, path)
	}
	if err != nil {
		return err
	}
	state := "refuses raw values: a job that would read a caller's text as code cannot run"
	if out.Raw {
		state = "allows raw values: whoever may run such a job can run anything on its nodes"
	}
	return s.result(out, "Project %s %s.\n", clean(out.Name), state)
}

// findProject gives the named project, or the only one.
func findProject(ctx context.Context, c *client, wanted string) (project, error) {
	all, err := list[project](ctx, c, "/projects")
	if err != nil {
		return project{}, err
	}
	names := []string{}
	for _, p := range all {
		if p.ID == wanted || p.Name == wanted {
			return p, nil
		}
		names = append(names, p.Name)
	}
	switch {
	case len(all) == 0 && wanted == "":
		return project{}, failed("There is no project yet, or you may not see it. Create one: muster project create NAME")
	case wanted != "":
		return project{}, failed("There is no project %q, or you may not see it. See: muster project list", wanted)
	case len(all) > 1:
		return project{}, usage("Which project? Give --project and one of: %s", strings.Join(names, ", "))
	}
	return all[0], nil
}

type jobCmd struct {
	List   jobList   `cmd:"" help:"List jobs."`
	Import jobImport `cmd:"" help:"Import job definitions (YAML)."`
}

type jobList struct {
	Project string `help:"Project; may be left out when there is only one."`
}

func (j jobList) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	p, err := findProject(ctx, c, j.Project)
	if err != nil {
		return err
	}
	found, err := list[job](ctx, c, "/projects/"+seg(p.Name)+"/jobs")
	if err != nil {
		return err
	}
	return printList(s, found, "No jobs yet. Import some: muster job import FILE --project "+p.Name,
		[]string{"JOB", "VERSION", "DESCRIPTION"}, func(j job) []string {
			return []string{j.FullName, strconv.Itoa(j.Version), dash(j.Description)}
		})
}

// findJob accepts a job's id, its uuid, its group/name, or its name if that is unique.
func findJob(ctx context.Context, c *client, p project, wanted string) (job, error) {
	all, err := list[job](ctx, c, "/projects/"+seg(p.Name)+"/jobs")
	if err != nil {
		return job{}, err
	}
	var same []job
	for _, j := range all {
		if j.ID == wanted || j.UUID == wanted || j.FullName == wanted {
			return j, nil
		}
		if j.Name == wanted {
			same = append(same, j)
		}
	}
	switch len(same) {
	case 0:
		return job{}, failed("Project %s has no job %q, or you may not see it. See: muster job list --project %s", p.Name, wanted, p.Name)
	case 1:
		return same[0], nil
	}
	names := []string{}
	for _, j := range same {
		names = append(names, j.FullName)
	}
	return job{}, usage("Several jobs are named %q. Say which: %s", wanted, strings.Join(names, ", "))
}

type nodeCmd struct {
	List   nodeList   `cmd:"" help:"List nodes."`
	Import nodeImport `cmd:"" help:"Import nodes (YAML or JSON)."`
}

type nodeList struct {
	Project string `help:"Project; may be left out when there is only one."`
	Filter  string `help:"Node filter, such as 'tags: web'."`
}

func (n nodeList) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	p, err := findProject(ctx, c, n.Project)
	if err != nil {
		return err
	}
	found, err := list[node](ctx, c, "/projects/"+seg(p.Name)+"/nodes"+query("filter", n.Filter))
	if err != nil {
		return err
	}
	return printNodes(s, found, "No node. Import some: muster node import FILE --project "+p.Name)
}

func printNodes(s *session, nodes []node, empty string) error {
	if nodes == nil {
		nodes = []node{}
	}
	return printList(s, nodes, empty, []string{"NAME", "ENVIRONMENT", "HOST", "TAGS", "DESCRIPTION"}, func(n node) []string {
		return []string{n.Name, dash(n.Environment), dash(n.Hostname), dash(strings.Join(n.Tags, ", ")), dash(n.Description)}
	})
}

type policyCmd struct {
	Import policyImport `cmd:"" help:"Import an access policy; a document that is wrong is dropped with its line, the others are kept."`
}

type approvalsCmd struct {
	Import approvalsImport `cmd:"" help:"Import which runs need whose approval."`
}

// importing is what every kind of import takes.
type importing struct {
	File    string `arg:"" help:"The file; - reads the standard input."`
	Project string `help:"Project; may be left out when there is only one."`
	Name    string `help:"What to call the document (default: the file's name)."`
	DryRun  bool   `help:"Only say what would happen."`
}

type (
	jobImport       struct{ importing }
	nodeImport      struct{ importing }
	approvalsImport struct{ importing }
	policyImport    struct {
		importing
		Office bool `help:"A policy of the office itself, not of a project."`
	}
)

func (i jobImport) Run(ctx context.Context, s *session) error  { return i.send(ctx, s, "jobs") }
func (i nodeImport) Run(ctx context.Context, s *session) error { return i.send(ctx, s, "nodes") }
func (i policyImport) Run(ctx context.Context, s *session) error {
	if !i.Office {
		return i.send(ctx, s, "policy")
	}
	if i.Project != "" {
		return usage("A policy is of the office or of a project: give --office or --project.")
	}
	return i.sendTo(ctx, s, func(c *client, name, content string) (items[imported], error) {
		var out items[imported]
		for _, ext := range []string{".aclpolicy", ".yaml", ".yml"} {
			name = strings.TrimSuffix(name, ext)
		}
		err := c.call(ctx, http.MethodPut, "/policies/"+seg(name), map[string]any{"content": content, "dry_run": i.DryRun}, &out)
		return out, err
	})
}
func (i approvalsImport) Run(ctx context.Context, s *session) error {
	return i.send(ctx, s, "approvals")
}

func (i importing) send(ctx context.Context, s *session, kind string) error {
	return i.sendTo(ctx, s, func(c *client, name, content string) (items[imported], error) {
		p, err := findProject(ctx, c, i.Project)
		if err != nil {
			return items[imported]{}, err
		}
		return post[items[imported]](ctx, c, "/projects/"+seg(p.Name)+"/import", map[string]any{
			"kind": kind, "name": name, "content": content, "dry_run": i.DryRun,
		})
	})
}

// sendTo reads the file, sends it, and prints what became of each part.
func (i importing) sendTo(ctx context.Context, s *session, put func(c *client, name, content string) (items[imported], error)) error {
	content, err := s.read(i.File)
	if err != nil {
		return err
	}
	if i.Name == "" {
		i.Name = "import"
		if i.File != "-" {
			i.Name = filepath.Base(i.File)
		}
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	out, err := put(c, i.Name, string(content))
	if err != nil {
		return err
	}
	if out.Items == nil {
		out.Items = []imported{}
	}
	dropped := 0
	for _, r := range out.Items {
		if r.Result == "dropped" {
			dropped++
		}
	}
	err = printList(s, out.Items, "The file holds nothing to import.", []string{"RESULT", "NAME", "LINE", "MESSAGE"}, func(r imported) []string {
		line := "–"
		if r.Line > 0 {
			line = strconv.Itoa(r.Line)
		}
		switch n := len(r.Remarks); {
		case n == 1:
			return []string{r.Result, dash(r.Name), line, r.Message}
		case n > 0 && strings.Contains(r.Message, "cannot run yet"):
			return []string{r.Result, dash(r.Name), line, "It cannot run yet; see below."}
		case n > 0:
			return []string{r.Result, dash(r.Name), line, strconv.Itoa(n) + " remarks; see below."}
		}
		return []string{r.Result, dash(r.Name), line, r.Message}
	})
	if err == nil && !s.json {
		for _, r := range out.Items {
			if len(r.Remarks) < 2 {
				continue
			}
			s.printf("\n%s\n", clean(r.Name))
			for _, m := range r.Remarks {
				where := m.Step
				if where != "" {
					where += ": "
				}
				s.printf("  %s\n", clean(where+m.Text+"."))
			}
		}
	}
	if err == nil && dropped > 0 {
		err = failed("%d of %d was dropped; the message says why. Mend the file and import it again.", dropped, len(out.Items))
	}
	return err
}

// read gives a file's content, or the standard input's for "-".
func (s *session) read(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(s.std.In)
	}
	data, err := os.ReadFile(file) // #nosec G304 -- a file that the person at the command line names
	if err != nil {
		return nil, usage("Cannot read the file: %v.", err)
	}
	return data, nil
}

type keyCmd struct {
	List keyList `cmd:"" help:"List stored keys; their content is never shown."`
	Add  keyAdd  `cmd:"" help:"Store a key or password, encrypted."`
	Bind keyBind `cmd:"" help:"Say for which nodes and environments a key may be used; without any, for all."`

	RotateMaster keyRotate `cmd:"" help:"Make a new master key and lock every stored key with it; Muster must be stopped."`
}

type keyList struct {
	Path string `arg:"" optional:"" help:"Only below this path."`
}

func (k keyList) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	found, err := list[storedKey](ctx, c, "/keys"+query("path", k.Path))
	if err != nil {
		return err
	}
	return printList(s, found, "No keys yet. Add one: muster key add PATH --file FILE",
		[]string{"PATH", "TYPE", "CHANGED", "FINGERPRINT", "FOR"}, func(k storedKey) []string {
			return []string{k.Path, k.Type, when(k.ModifiedAt), dash(k.Fingerprint), k.usedFor()}
		})
}

type keyBind struct {
	Path        string   `arg:"" help:"Where it is stored."`
	Node        []string `sep:"none" help:"A node, with * and ? for parts; may be repeated."`
	Environment []string `sep:"none" help:"An environment, such as prod; may be repeated."`
}

func (k keyBind) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	in := map[string]any{"nodes": append([]string{}, k.Node...), "environments": append([]string{}, k.Environment...)}
	out, err := patch[storedKey](ctx, c, "/keys/"+keySegments(k.Path), in)
	if err != nil {
		return err
	}
	return s.result(out, "The key %s may be used for %s.\n", clean(out.Path), clean(out.usedFor()))
}

type keyAdd struct {
	Path string `arg:"" help:"Where to store it, such as keys/demo/deploy."`
	File string `help:"The file that holds it; the standard input when left out."`
	Type string `enum:"private-key,public-key,password," default:"" help:"private-key, public-key or password; seen from the content when left out."`
}

func (k keyAdd) Run(ctx context.Context, s *session) error {
	file := k.File
	if file == "" {
		file = "-"
	}
	data, err := s.read(file)
	if err != nil {
		return err
	}
	content := string(data)
	if k.Type == "" {
		k.Type = typeOfKey(content)
	}
	if k.Type == "password" { // the line end an echo adds is not part of it
		content = strings.TrimSuffix(strings.TrimSuffix(content, "\n"), "\r")
	}
	if strings.TrimSpace(content) == "" {
		return usage("There is nothing to store: %s is empty.", map[bool]string{true: "the standard input", false: k.File}[k.File == ""])
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	segments := strings.Split(strings.Trim(k.Path, "/"), "/")
	for i := range segments {
		segments[i] = seg(segments[i])
	}
	var out storedKey
	if err := c.call(ctx, http.MethodPut, "/keys/"+strings.Join(segments, "/"), map[string]any{"type": k.Type, "content": content}, &out); err != nil {
		return err
	}
	if out.Path == "" {
		out.Path, out.Type, out.Size = strings.Trim(k.Path, "/"), k.Type, len(content)
	}
	return s.result(out, "%s was stored as %s.\n", clean(out.Path), clean(out.Type))
}

func typeOfKey(content string) string {
	head := strings.TrimSpace(content)
	first, _, _ := strings.Cut(head, "\n")
	switch {
	case strings.HasPrefix(first, "-----BEGIN ") && strings.Contains(first, "PRIVATE KEY"):
		return "private-key"
	case strings.HasPrefix(first, "ssh-"), strings.HasPrefix(first, "ecdsa-"), strings.HasPrefix(first, "sk-"):
		return "public-key"
	}
	return "password"
}

// -- commands that own a data folder

type serveCmd struct {
	Addr       string `placeholder:"HOST:PORT" help:"Where to listen; port 0 takes a free one. Plain HTTP is accepted on loopback only."`
	Demo       bool   `help:"Seed an empty data folder with a demo office and print its logins."`
	Colleagues bool   `negatable:"" default:"true" help:"In a demo, simulated colleagues are at work and can hold a drill."`
	Config     string `type:"path" placeholder:"FILE" help:"Settings (default: muster.yaml in the data folder)."`
}

func (c serveCmd) Run(ctx context.Context, s *session) error {
	return s.hooks.Serve(ctx, s.std, Serve{Data: s.data, Addr: c.Addr, Config: c.Config, Demo: c.Demo, Colleagues: c.Colleagues})
}

type ledgerCmd struct {
	Verify     ledgerVerify     `cmd:"" help:"Check the sealed record of a data folder; Muster need not run."`
	Checkpoint ledgerCheckpoint `cmd:"" help:"Export a signed checkpoint, to keep elsewhere."`
}

type ledgerVerify struct {
	Checkpoint string `type:"path" placeholder:"FILE" help:"A checkpoint exported earlier: finds a cut tail too."`
}

func (v ledgerVerify) Run(ctx context.Context, s *session) error {
	if s.data == "" {
		return usage("Which record? Give --data DIR.")
	}
	return s.hooks.Verify(ctx, s.std, Verify{Data: s.data, Checkpoint: v.Checkpoint, JSON: s.json})
}

type ledgerCheckpoint struct {
	Out string `type:"path" placeholder:"FILE" help:"Where to write it (default: the standard output)."`
}

func (k ledgerCheckpoint) Run(ctx context.Context, s *session) error {
	if s.data == "" {
		return usage("Which record? Give --data DIR.")
	}
	return s.hooks.Checkpoint(ctx, s.std, Checkpoint{Data: s.data, Out: k.Out, JSON: s.json})
}

// keySegments is a key's path in a URL, by whichever of its forms it was given.
func keySegments(path string) string {
	segments := strings.Split(strings.TrimPrefix(strings.Trim(path, "/"), "keys/"), "/")
	for i := range segments {
		segments[i] = seg(segments[i])
	}
	return strings.Join(segments, "/")
}

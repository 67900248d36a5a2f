// Package lists measures what people wait for when there is much of it: jobs,
// nodes, messages, and the question who may, asked of 500 rules.
package lists

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"muster/bench/report"
	"muster/bench/rig"
	"muster/e2e/host"
)

type bench struct {
	r      *rig.Rig
	s      *host.Server
	op     *host.Client
	floor  *rig.Floor
	rounds int
}

// Run measures.
func Run(ctx context.Context, r *rig.Rig) error {
	s, err := r.Server("lists")
	if err != nil {
		return err
	}
	defer s.Stop()
	f, err := r.Floor(ctx)
	if err != nil {
		return err
	}
	defer f.Stop()
	b := &bench{r: r, s: s, floor: f, rounds: rig.Pick(r, 3, 11)}
	if b.op, err = s.Person(ctx, "op", "operator"); err != nil {
		return err
	}
	if err := s.Console().Call(ctx, "POST", "/projects", map[string]any{"name": "bench"}, nil); err != nil {
		return err
	}
	jobs, nodes, messages, rules := rig.Pick(r, 200, 5000), rig.Pick(r, 200, 5000), rig.Pick(r, 500, 10000), 500
	if err := b.fill(ctx, jobs, nodes); err != nil {
		return err
	}
	res, err := http.Post(fmt.Sprintf("%s/fill?n=%d&size=200", f.URL, max(jobs, nodes)), "", nil)
	if err != nil {
		return err
	}
	res.Body.Close()
	if err := b.jobs(ctx, jobs, "the default rules"); err != nil {
		return err
	}
	if err := b.cli(ctx, jobs); err != nil {
		return err
	}
	if err := b.nodes(ctx, nodes); err != nil {
		return err
	}
	if err := b.messages(ctx, messages); err != nil {
		return err
	}
	return b.rules(ctx, jobs, rules)
}

// fill gives documents to the project in parts that fit.
func (b *bench) fill(ctx context.Context, jobs, nodes int) error {
	console := b.s.Console()
	for at := 0; at < jobs; at += 1000 {
		var y strings.Builder
		for i := at; i < min(jobs, at+1000); i++ {
			fmt.Fprintf(&y, "- name: restart-service-%04d\n  group: team-%02d/payments\n  description: Restarts service %d and waits until it answers again\n  options:\n    - name: wait\n      value: '30'\n      enforced: true\n      values: ['30', '60']\n  nodefilters:\n    filter: 'tags: web'\n  sequence:\n    keepgoing: false\n    strategy: node-first\n    commands:\n      - exec: svc restart app-%d --wait ${option.wait}\n      - exec: svc status app-%d\n", i, i%40, i, i, i)
		}
		if err := console.Call(ctx, "POST", "/projects/bench/import", map[string]any{"kind": "jobs", "content": y.String()}, nil); err != nil {
			return err
		}
	}
	var y strings.Builder
	for i := range nodes {
		fmt.Fprintf(&y, "n%04d: {hostname: 10.1.%d.%d, username: app, osFamily: unix, environment: %s, tags: '%s,zone%d', rack: r%d}\n", i, i/250, i%250, []string{"dev", "qa", "prod"}[i%3], []string{"web", "db", "mq"}[i%3], i%7, i%50)
	}
	return console.Call(ctx, "POST", "/projects/bench/import", map[string]any{"kind": "nodes", "name": "all", "content": y.String()}, nil)
}

// get measures a path and the floor in turns.
func (b *bench) get(ctx context.Context, path string, rows int, check func(list) error) (ours, floor report.Samples, bytes int, err error) {
	name := strings.NewReplacer("/", "-", "?", "-", "=", "-").Replace(strings.Trim(path, "/"))
	err = b.r.Profile(b.s, "lists-"+name[:min(len(name), 40)], func() error {
		time.Sleep(12 * time.Millisecond) // a person may ask a hundred times a second
		_, err := b.read(ctx, b.op.URL+"/api/v1"+path, b.op.Token)
		return err
	})
	if err != nil {
		return nil, nil, 0, err
	}
	for i := range b.rounds + 1 {
		began := time.Now()
		n, err := b.read(ctx, b.op.URL+"/api/v1"+path, b.op.Token)
		if err != nil {
			return nil, nil, 0, err
		}
		took := time.Since(began)
		began = time.Now()
		if _, err := b.read(ctx, fmt.Sprintf("%s/rows?n=%d", b.floor.URL, rows), ""); err != nil {
			return nil, nil, 0, err
		}
		if i > 0 { // the first is to warm up
			ours, floor = append(ours, took), append(floor, time.Since(began))
		}
		bytes = n
	}
	var got list
	if err := b.op.Call(ctx, "GET", path, nil, &got); err != nil {
		return nil, nil, 0, err
	}
	return ours, floor, bytes, check(got)
}

type list struct {
	Items []struct {
		ID string `json:"id"`
	}
	Total int
}

func (b *bench) read(ctx context.Context, url, token string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return 0, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	n, err := io.Copy(io.Discard, res.Body)
	if err == nil && res.StatusCode != 200 {
		err = fmt.Errorf("%s answered %d", url, res.StatusCode)
	}
	return int(n), err
}

func (b *bench) put(what string, ours, floor report.Samples, bytes, rows int, note string) {
	l := b.r.Line("lists", what)
	l.Add("median", ours.At(.5), "ms").Add("worst", ours.At(1), "ms").Add("", float64(bytes)/1024, "KB")
	l.Over(fmt.Sprintf("%d rows of one table as JSON", rows), ours.At(.5), floor.At(.5), "ms")
	l.Note = note
	b.r.Put(l)
}

func exactly(n int) func(list) error {
	return func(l list) error {
		if len(l.Items) != n {
			return fmt.Errorf("the list has %d items, not %d", len(l.Items), n)
		}
		return nil
	}
}

func (b *bench) jobs(ctx context.Context, n int, under string) error {
	ours, floor, bytes, err := b.get(ctx, "/projects/bench/jobs", n, exactly(n))
	if err == nil {
		b.put(fmt.Sprintf("%d jobs listed by the API, under %s", n, under), ours, floor, bytes, n, "With what the reader may do with each job, and where it would need approval.")
	}
	return err
}

func (b *bench) cli(ctx context.Context, n int) error {
	var took, api report.Samples
	run := func(args ...string) (time.Duration, []byte, error) {
		cmd := exec.CommandContext(ctx, b.r.Bin, args...)
		cmd.Env = append(os.Environ(), "MUSTER_URL="+b.op.URL, "MUSTER_TOKEN="+b.op.Token)
		began := time.Now()
		out, err := cmd.Output()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("muster %s: %w: %s", strings.Join(args, " "), err, exit.Stderr)
		}
		return time.Since(began), out, err
	}
	for i := range b.rounds + 1 {
		t, out, err := run("job", "list", "--project", "bench")
		if err != nil {
			return err
		}
		if got := strings.Count(string(out), "restart-service-"); got != n {
			return fmt.Errorf("muster job list shows %d of %d jobs", got, n)
		}
		began := time.Now()
		if _, err := b.read(ctx, b.op.URL+"/api/v1/projects/bench/jobs", b.op.Token); err != nil {
			return err
		}
		if i > 0 {
			took, api = append(took, t), append(api, time.Since(began))
		}
	}
	l := b.r.Line("lists", fmt.Sprintf("%d jobs listed by `muster job list`", n))
	l.Add("median", took.At(.5), "ms").Add("worst", took.At(1), "ms").Over("the API's answer alone", took.At(.5), api.At(.5), "ms")
	b.r.Put(l)
	return nil
}

func (b *bench) nodes(ctx context.Context, n int) error {
	filter := "tags: web environment: dev !name: n00.*"
	path := "/projects/bench/nodes?filter=" + url.QueryEscape(filter)
	var some int
	ours, floor, bytes, err := b.get(ctx, path, n, func(l list) error {
		if some = len(l.Items); some == 0 || some >= n {
			return fmt.Errorf("the filter picks %d of %d nodes", some, n)
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.put(fmt.Sprintf("%d nodes, filtered to %d", n, some), ours, floor, bytes, n, "Filter: `"+filter+"`; the reader's right to each node is asked.")
	ours, floor, bytes, err = b.get(ctx, "/projects/bench/nodes", n, exactly(n))
	if err == nil {
		b.put(fmt.Sprintf("%d nodes listed", n), ours, floor, bytes, n, "")
	}
	return err
}

func (b *bench) messages(ctx context.Context, n int) error {
	var room struct{ ID string }
	if err := b.s.Console().Call(ctx, "POST", "/rooms", map[string]any{"name": "archive-talk", "kind": "team"}, &room); err != nil {
		return err
	}
	if err := Talk(ctx, b.s, room.ID, n); err != nil {
		return err
	}
	path := "/rooms/" + room.ID + "/messages?limit=100"
	ours, floor, bytes, err := b.get(ctx, path, 100, exactly(100))
	if err != nil {
		return err
	}
	b.put(fmt.Sprintf("the newest 100 of %d messages", n), ours, floor, bytes, 100, "")
	// Back to the beginning, page by page.
	var pages, messages int
	var slowest time.Duration
	began := time.Now()
	before := int64(0)
	for {
		var page struct {
			Items []struct {
				Seq int64 `json:"seq"`
			}
		}
		p := path
		if before > 0 {
			p += fmt.Sprintf("&before=%d", before)
		}
		at := time.Now()
		if err := b.op.Call(ctx, "GET", p, nil, &page); err != nil {
			return err
		}
		slowest = max(slowest, time.Since(at))
		if len(page.Items) == 0 {
			break
		}
		pages++
		messages += len(page.Items)
		low := page.Items[0].Seq
		for _, m := range page.Items {
			low = min(low, m.Seq)
		}
		if before = low; before <= 1 {
			break
		}
	}
	took := float64(time.Since(began)) / 1e6
	if messages < n {
		return fmt.Errorf("paging gave %d of %d messages", messages, n)
	}
	l := b.r.Line("lists", fmt.Sprintf("%d messages paged back, 100 a page", messages))
	l.Add("a page", took/float64(pages), "ms").Add("slowest", float64(slowest)/1e6, "ms").Over("100 rows of one table as JSON", took/float64(pages), floor.At(.5), "ms")
	b.r.Put(l)
	return nil
}

// Talk posts n messages into a room by enough people that none is slowed down.
func Talk(ctx context.Context, s *host.Server, room string, n int) error {
	const each = 350
	people := (n + each - 1) / each
	var who []*host.Client
	for i := range people {
		c, err := s.Person(ctx, fmt.Sprintf("talker%d", i), "responder")
		if err != nil {
			return err
		}
		who = append(who, c)
	}
	return rig.Each(ctx, n, 16, func(i int) error {
		text := fmt.Sprintf("%d: the overnight batch of **service %d** closed at 04:%02d, `%d` statements; see INC-%d for what was slow.", i, i%90, i%60, i*7, i%300)
		return who[i%people].Call(ctx, "POST", "/rooms/"+room+"/messages", map[string]any{"text": text}, nil)
	})
}

// rules puts 500 rules in force and lists again.
func (b *bench) rules(ctx context.Context, jobs, n int) error {
	var y strings.Builder
	for i := range n {
		fmt.Fprintf(&y, "---\ndescription: team %d\ncontext: {project: bench}\nfor:\n  job:\n    - match: {group: 'team-%02d(/.*)?'}\n      allow: [read, run]\nby: {group: team-%02d}\n", i, i, i)
	}
	if err := b.s.Console().Call(ctx, "PUT", "/projects/bench/policies/teams", map[string]any{"content": y.String()}, nil); err != nil {
		return err
	}
	if err := b.jobs(ctx, jobs, fmt.Sprintf("%d more rules", n)); err != nil {
		return err
	}
	path := "/projects/bench/why?action=run&type=job&name=restart-service-0001&group=team-01/payments"
	ours, floor, bytes, err := b.get(ctx, path, 1, func(list) error { return nil })
	if err == nil {
		b.put(fmt.Sprintf("may I run this job, and why, of %d rules", n), ours, floor, bytes, 1, "Over HTTP with sign-in; the check alone is `access Verdict500` under *go*.")
	}
	return err
}

// Package alerts measures the way of an alert: from the webhook's POST to a
// connected screen, one at a time and a hundred a second. It counts afterwards
// that nothing was lost.
package alerts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"muster/bench/report"
	"muster/bench/rig"
	"muster/e2e/host"
)

const (
	services = 20
	sources  = 25 // each may deliver five times a second
	pool     = 200
)

// watch notes when each marked alert was first seen on a screen.
type watch struct {
	mu   sync.Mutex
	seen map[string]time.Time // "kind of channel" + mark
	more chan struct{}
	room map[string]string // service → room, as incidents come by
}

var mark = regexp.MustCompile(`bm-[a-z]+-\d+!`)

func (w *watch) hear(e rig.Event) {
	kind, _, _ := bytes.Cut([]byte(e.Channel), []byte(":"))
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range mark.FindAll(e.Data, -1) {
		for _, k := range []string{string(kind) + string(m), string(m)} {
			if _, was := w.seen[k]; !was {
				w.seen[k] = e.At
			}
		}
	}
	if bytes.Contains(e.Data, []byte(`"type":"incident"`)) {
		var in struct {
			Incident struct {
				Service string
				Room    struct{ ID string }
			}
		}
		if json.Unmarshal(e.Data, &in) == nil && in.Incident.Service != "" {
			w.room[in.Incident.Service] = in.Incident.Room.ID
			w.seen["service "+in.Incident.Service] = e.At
		}
	}
	close(w.more)
	w.more = make(chan struct{})
}

// wait gives when a mark was seen.
func (w *watch) wait(ctx context.Context, key string) (time.Time, error) {
	late := time.After(20 * time.Second)
	for {
		w.mu.Lock()
		at, ok := w.seen[key]
		more := w.more
		w.mu.Unlock()
		if ok {
			return at, nil
		}
		select {
		case <-more:
		case <-late:
			return at, fmt.Errorf("%s did not reach the screen in 20 s", key)
		case <-ctx.Done():
			return at, ctx.Err()
		}
	}
}

func delivery(mark, fingerprint, service, status string, began time.Time) []byte {
	labels := map[string]string{"alertname": "Bench", "severity": "critical", "instance": "pay-prod-1:9100", "env": "prod"}
	if service != "" {
		labels["service"] = service
	}
	a := map[string]any{"status": status, "labels": labels, "annotations": map[string]string{"summary": mark + " error rate above 5 %", "description": "The error rate of the last five minutes is above its limit."},
		"startsAt": began.UTC().Format(time.RFC3339Nano), "generatorURL": "http://prometheus.example/graph", "fingerprint": fingerprint}
	if status == "resolved" {
		a["endsAt"] = time.Now().UTC().Format(time.RFC3339Nano)
	}
	key := fingerprint
	if service != "" {
		key = service
	}
	b, err := json.Marshal(map[string]any{"version": "4", "groupKey": "{}:{bench=\"" + key + "\"}", "status": status, "receiver": "muster", "alerts": []any{a}})
	if err != nil {
		panic(err) // maps of strings
	}
	return b
}

type bench struct {
	r       *rig.Rig
	s       *host.Server
	console *host.Client
	urls    []string
	http    *http.Client
	w       *watch
	socket  *rig.Socket
}

func (b *bench) post(ctx context.Context, url string, body []byte) error {
	status, answer, _, err := b.deliver(ctx, url, body)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("webhook answered %d: %s", status, answer)
	}
	return err
}

// deliver posts once and gives what was answered and how long to wait if it was refused.
func (b *bench) deliver(ctx context.Context, url string, body []byte) (status int, answer []byte, wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, "POST", url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := b.http.Do(req)
	if err != nil {
		return 0, nil, 0, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	if after, no := strconv.Atoi(res.Header.Get("Retry-After")); no == nil {
		wait = time.Duration(after) * time.Second
	}
	return res.StatusCode, answer, wait, err
}

// Run measures.
func Run(ctx context.Context, r *rig.Rig) error {
	s, err := r.Server("alerts")
	if err != nil {
		return err
	}
	defer s.Stop()
	b := &bench{r: r, s: s, console: s.Console(), w: &watch{seen: map[string]time.Time{}, more: make(chan struct{}), room: map[string]string{}},
		http: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	ann, err := s.Person(ctx, "ann", "responder")
	if err != nil {
		return err
	}
	for i := range sources {
		var made struct{ URL string }
		if err := b.console.Call(ctx, "POST", "/alert-sources", map[string]any{"name": fmt.Sprintf("source-%d", i)}, &made); err != nil {
			return err
		}
		b.urls = append(b.urls, made.URL)
	}
	if b.socket, err = rig.Dial(ctx, ann, b.w.hear); err != nil {
		return err
	}
	defer b.socket.Close()
	if err := b.prepare(ctx); err != nil {
		return err
	}
	if err := b.one(ctx); err != nil {
		return err
	}
	if err := b.storm(ctx); err != nil {
		return err
	}
	return b.outage(ctx)
}

// outage is a bad minute: a whole data centre falls silent, and one source
// delivers 300 groups of ten services as fast as they are taken, as an
// Alertmanager does that has a sender for each group. In the middle of it the
// one SEV-1 of a service that has been quiet comes by the same source.
func (b *bench) outage(ctx context.Context) error {
	const groups, down = 300, 10
	onCall, err := b.s.Person(ctx, "dora", "responder")
	if err != nil {
		return err
	}
	var me struct{ User struct{ ID string } }
	if err := onCall.Call(ctx, "GET", "/me", nil, &me); err != nil {
		return err
	}
	var rotation struct{ ID string }
	if err := b.console.Call(ctx, "POST", "/rotations", map[string]any{"name": "quiet", "members": []string{me.User.ID}, "shift_hours": 168}, &rotation); err != nil {
		return err
	}
	for i := range down + 1 {
		if err := b.console.Call(ctx, "POST", "/services", map[string]any{"name": outageService(i), "environments": []string{"prod"}, "rotation_id": rotation.ID}, nil); err != nil {
			return err
		}
	}
	var source struct{ URL string }
	if err := b.console.Call(ctx, "POST", "/alert-sources", map[string]any{"name": "one-datacentre"}, &source); err != nil {
		return err
	}
	const quiet = "bm-quiet-1!"
	paged := make(chan time.Time, 1)
	socket, err := rig.Dial(ctx, onCall, func(e rig.Event) {
		if bytes.Contains(e.Data, []byte(`"kind":"page"`)) && bytes.Contains(e.Data, []byte(quiet)) {
			select {
			case paged <- e.At:
			default:
			}
		}
	})
	if err != nil {
		return err
	}
	defer socket.Close()

	var mu sync.Mutex
	var in report.Samples // from the beginning until each group is taken
	var refused, broken int
	deliver := func(began time.Time, body []byte) error {
		for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) { // as Alertmanager tries again
			status, _, after, err := b.deliver(ctx, source.URL, body)
			if err != nil {
				return err
			}
			mu.Lock()
			switch {
			case status == http.StatusOK:
				in = append(in, time.Since(began))
				mu.Unlock()
				return nil
			case status >= 500:
				broken++
			default:
				refused++
			}
			mu.Unlock()
			if time.Since(began) > 2*time.Minute {
				return fmt.Errorf("a group was not taken in two minutes: last answer %d", status)
			}
			select {
			case <-time.After(max(wait, after)):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	var wg sync.WaitGroup
	errs := make(chan error, groups+1)
	began := time.Now()
	for i := range groups {
		m := fmt.Sprintf("bm-outage-%d!", i)
		body := delivery(m, m, outageService(i%down), "firing", began)
		wg.Go(func() { errs <- deliver(began, body) })
	}
	late := time.Now()
	wg.Go(func() { errs <- deliver(late, delivery(quiet, quiet, outageService(down), "firing", late)) })
	wg.Wait()
	for range groups + 1 {
		if err := <-errs; err != nil {
			return err
		}
	}
	var at time.Time
	select {
	case at = <-paged:
	case <-time.After(time.Minute):
		return errors.New("the person on call was not paged in a minute")
	case <-ctx.Done():
		return ctx.Err()
	}
	l := b.r.Line("alerts", fmt.Sprintf("%d groups of %d services at once from one source", groups, down))
	page := at.Sub(late)
	l.Add("all in", in.At(1)/1000, "s").Add("half in", in.At(.5)/1000, "s").Add("answered 5xx", float64(broken), "").Add("told to come again", float64(refused), "").
		Add("a quiet service's SEV-1 paged", page.Seconds(), "s")
	l.Against("all in ≤ 15 s, none 5xx, the page < 3 s", in.At(1) <= 15_000 && broken == 0 && page < 3*time.Second)
	l.Note = "All 300 are sent at once, which is harder than a minute's even flow; the quiet service's alert is the last of all. The page is counted until a connected screen of the person on call has it."
	b.r.Put(l)
	return nil
}

func outageService(i int) string { return fmt.Sprintf("outage-%d", i) }

// prepare opens one incident a service and follows its room.
func (b *bench) prepare(ctx context.Context) error {
	for i := range services {
		name := fmt.Sprintf("svc-%d", i)
		if err := b.console.Call(ctx, "POST", "/services", map[string]any{"name": name, "title": name, "environments": []string{"prod"}}, nil); err != nil {
			return err
		}
		m := fmt.Sprintf("bm-first-%d!", i)
		if err := b.post(ctx, b.urls[i], delivery(m, "first-"+name, name, "firing", time.Now())); err != nil {
			return err
		}
		if _, err := b.w.wait(ctx, "service "+name); err != nil {
			return err
		}
		b.w.mu.Lock()
		room := b.w.room[name]
		b.w.mu.Unlock()
		if err := b.socket.Follow(ctx, "room:"+room); err != nil {
			return fmt.Errorf("follow the room of %s: %w", name, err)
		}
	}
	return nil
}

// one measures single alerts, each followed by the same on the floor.
func (b *bench) one(ctx context.Context) error {
	f, err := b.r.Floor(ctx)
	if err != nil {
		return err
	}
	defer f.Stop()
	arrived := make(chan time.Time, 1)
	stop, err := f.Listen(ctx, func(at time.Time, _ []byte) { arrived <- at })
	if err != nil {
		return err
	}
	defer stop()
	n := rig.Pick(b.r, 10, 150)
	warm := n/10 + 1
	var known, fresh, floor report.Samples
	for i := range n + warm {
		url := b.urls[i%sources]
		service := fmt.Sprintf("svc-%d", i%services)
		for _, c := range []struct {
			mark, see, service string
			into               *report.Samples
		}{{fmt.Sprintf("bm-known-%d!", i), "room", service, &known}, {fmt.Sprintf("bm-fresh-%d!", i), "", "", &fresh}} {
			// A service's incident shows twenty cards; what comes later is counted on one.
			body := delivery(c.mark, c.mark, c.service, "firing", time.Now())
			began := time.Now()
			if err := b.post(ctx, url, body); err != nil {
				return err
			}
			at, err := b.w.wait(ctx, c.see+c.mark)
			if err != nil {
				return err
			}
			if i >= warm {
				*c.into = append(*c.into, at.Sub(began))
			}
			began = time.Now()
			if err := b.post(ctx, f.URL+"/post", body); err != nil {
				return err
			}
			if at := <-arrived; i >= warm {
				floor = append(floor, at.Sub(began))
			}
		}
	}
	const target = "p99 < 250 ms"
	words := "plain POST, one durable row, plain WebSocket, p99"
	l := b.r.Line("alerts", "webhook → card in the incident's room, on a connected socket")
	l.Add("p50", known.At(.5), "ms").Add("p99", known.At(.99), "ms").Against(target, known.At(.99) < 250).Over(words, known.At(.99), floor.At(.99), "ms")
	b.r.Put(l)
	l = b.r.Line("alerts", "webhook → new incident with its room, on a connected socket")
	l.Add("p50", fresh.At(.5), "ms").Add("p99", fresh.At(.99), "ms").Against(target, fresh.At(.99) < 250).Over(words, fresh.At(.99), floor.At(.99), "ms")
	l.Note = "Alert, incident, room with members, ticket, card, ledger events and tasks are one durable transaction."
	b.r.Put(l)
	return nil
}

// storm sends 100 deliveries a second from 25 sources, due at fixed moments: in
// every hundred 79 repeat what fires already, 10 are new alerts of services
// whose incident is open, 10 are resolved, and one declares an incident.
func (b *bench) storm(ctx context.Context) error {
	seconds := rig.Pick(b.r, 10, 60)
	for i := range pool { // what will repeat fires first
		if err := b.post(ctx, b.urls[i%sources], delivery("bm-pool-"+fmt.Sprint(i)+"!", fmt.Sprint("pool-", i), fmt.Sprintf("svc-%d", i%services), "firing", start)); err != nil {
			return err
		}
	}
	before, err := b.count(ctx)
	if err != nil {
		return err
	}
	type sent struct {
		mark string
		due  time.Time
	}
	var mu sync.Mutex
	var answers, late report.Samples
	var marks []sent
	var firing, incidents atomic.Int64
	var wg sync.WaitGroup
	var failed error
	cpu := rig.CPU(b.s.Pid())
	began := time.Now().Add(50 * time.Millisecond)
	for i := range seconds * 100 {
		due := began.Add(time.Duration(i) * 10 * time.Millisecond)
		if d := time.Until(due); d > 0 {
			select {
			case <-time.After(d):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		url := b.urls[i%sources]
		var body []byte
		m := ""
		switch k := i % 100; {
		case k == 0:
			m = fmt.Sprintf("bm-own-%d!", i)
			body = delivery(m, m, "", "firing", due)
			incidents.Add(1)
			firing.Add(1)
		case k <= 10:
			m = fmt.Sprintf("bm-new-%d!", i)
			body = delivery(m, m, fmt.Sprintf("svc-%d", i%services), "firing", due)
			firing.Add(1)
		case k > 50 && k <= 60: // what began half a second before
			was := i - 50
			body = delivery(fmt.Sprintf("bm-new-%d!", was), fmt.Sprintf("bm-new-%d!", was), fmt.Sprintf("svc-%d", was%services), "resolved", began.Add(time.Duration(was)*10*time.Millisecond))
			url = b.urls[was%sources]
		default:
			p := i % pool
			body = delivery("bm-pool-"+fmt.Sprint(p)+"!", fmt.Sprint("pool-", p), fmt.Sprintf("svc-%d", p%services), "firing", start)
			url = b.urls[p%sources]
			firing.Add(1)
		}
		wg.Go(func() {
			err := b.post(ctx, url, body)
			took := time.Since(due)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && failed == nil {
				failed = err
			}
			answers = append(answers, took)
			if m != "" {
				marks = append(marks, sent{m, due})
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	cpu = rig.CPU(b.s.Pid()) - cpu
	if failed != nil {
		return failed
	}
	for _, m := range marks {
		at, err := b.w.wait(ctx, m.mark)
		if err != nil {
			return err
		}
		late = append(late, at.Sub(m.due))
	}
	after, err := b.count(ctx)
	if err != nil {
		return err
	}
	lost := before.firing + firing.Load() - after.firing
	missing := before.incidents + incidents.Load() - after.incidents
	l := b.r.Line("alerts", fmt.Sprintf("100 alerts/s for %d s", seconds))
	l.Add("taken", float64(seconds*100)/took.Seconds(), "/s").Add("answer p50", answers.At(.5), "ms").Add("answer p99", answers.At(.99), "ms").
		Add("on the screen p50", late.At(.5), "ms").Add("p99", late.At(.99), "ms").Add("lost", float64(lost+missing), "").
		Add("server's cores", cpu/took.Seconds(), "")
	l.Against("all taken, none lost, p99 < 250 ms", lost == 0 && missing == 0 && late.At(.99) < 250)
	l.Note = fmt.Sprintf("From the moment each was due. 100 deliveries a second from %d sources: 79 %% repeats of %d firing alerts, 10 %% new alerts of %d services with an open incident, 10 %% resolved, 1 %% incidents of their own. Counted afterwards: every delivery that fired is in an alert's count, every incident exists.", sources, pool, services)
	// The floor takes the same load for ten seconds.
	f, err := b.floorStorm(ctx, rig.Pick(b.r, 3, 10))
	if err != nil {
		return err
	}
	l.Over("plain POST, one durable row, plain WebSocket at 100/s, p99", late.At(.99), f.At(.99), "ms")
	b.r.Put(l)
	return nil
}

var start = time.Now().Add(-time.Minute)

func (b *bench) floorStorm(ctx context.Context, seconds int) (report.Samples, error) {
	f, err := b.r.Floor(ctx)
	if err != nil {
		return nil, err
	}
	defer f.Stop()
	var mu sync.Mutex
	seen := map[string]time.Time{}
	stop, err := f.Listen(ctx, func(at time.Time, body []byte) {
		mu.Lock()
		defer mu.Unlock()
		seen[string(mark.Find(body))] = at
	})
	if err != nil {
		return nil, err
	}
	defer stop()
	due := map[string]time.Time{}
	var wg sync.WaitGroup
	var first error
	began := time.Now().Add(50 * time.Millisecond)
	for i := range seconds * 100 {
		at := began.Add(time.Duration(i) * 10 * time.Millisecond)
		time.Sleep(time.Until(at))
		m := fmt.Sprintf("bm-floor-%d!", i)
		due[m] = at
		body := delivery(m, m, "svc", "firing", at)
		wg.Go(func() {
			if err := b.post(ctx, f.URL+"/post", body); err != nil {
				mu.Lock()
				first = err
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	time.Sleep(100 * time.Millisecond) // the last of them are on their way
	mu.Lock()
	defer mu.Unlock()
	var out report.Samples
	for m, at := range due {
		if got, ok := seen[m]; ok {
			out = append(out, got.Sub(at))
		}
	}
	return out, first
}

type counted struct{ firing, incidents int64 }

// count asks every service, since a list has an end.
func (b *bench) count(ctx context.Context) (c counted, err error) {
	var all struct {
		Items []struct {
			ID         string `json:"id"`
			Count      int64  `json:"count"`
			IncidentID string `json:"incident_id"`
		}
	}
	met := map[string]bool{}
	add := func(path string) error {
		all.Items = nil
		if err := b.console.Call(ctx, "GET", path, nil, &all); err != nil {
			return err
		}
		for _, a := range all.Items {
			if !met[a.ID] {
				met[a.ID] = true
				c.firing += a.Count
				if !met["i"+a.IncidentID] {
					met["i"+a.IncidentID] = true
					c.incidents++
				}
			}
		}
		return nil
	}
	for i := range services {
		if err := add(fmt.Sprintf("/alerts?limit=1000&service=svc-%d", i)); err != nil {
			return c, err
		}
	}
	// Apart, for a list ends at a thousand.
	if err := add("/alerts?limit=1000&state=live"); err != nil {
		return c, err
	}
	return c, add("/alerts?limit=1000&state=resolved")
}

package chat

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const size = 140 // bytes of a message

// spread is the distribution of what was measured, in ms.
type spread struct {
	n        int
	p50, p99 float64
}

func spreadOf(us []int64) spread {
	if len(us) == 0 {
		return spread{}
	}
	slices.Sort(us)
	at := func(q float64) float64 { return float64(us[int(q*float64(len(us)-1))]) / 1000 }
	return spread{len(us), at(.5), at(.99)}
}

func (s spread) figures(name string) []Figure {
	return []Figure{{name + " p50", s.p50, "ms"}, {name + " p99", s.p99, "ms"}}
}

// measured is one run of messages to an audience.
type measured struct {
	post, delivery, last spread
	missing, refused     int
}

// mark stands at the beginning of each message: "lgmRUNx17z".
type ruler struct {
	run   string
	base  time.Time
	due   []atomic.Int64
	got   []atomic.Int32
	last  []atomic.Int64
	mu    sync.Mutex
	all   []int64
	count int // readers
	first int // messages before it are not measured
}

func newRuler(total, first, readers int) *ruler {
	return &ruler{run: fmt.Sprintf("lgm%xx", time.Now().UnixNano()&0xffffff), base: time.Now(), first: first, count: readers,
		due: make([]atomic.Int64, total), got: make([]atomic.Int32, total), last: make([]atomic.Int64, total)}
}

func (r *ruler) text(k int) string {
	t := fmt.Sprintf("%s%dz ", r.run, k)
	return t + strings.Repeat("checkout latency above objective in zone b ", 4)[:max(0, size-len(t))]
}

// hear notes a message in a line.
func (r *ruler) hear(_ int, line []byte) {
	i := bytes.Index(line, []byte(r.run))
	if i < 0 {
		return
	}
	now, k := time.Since(r.base).Microseconds(), 0
	for _, c := range line[i+len(r.run):] {
		if c < '0' || c > '9' {
			break
		}
		k = k*10 + int(c-'0')
	}
	if k >= len(r.due) {
		return
	}
	r.got[k].Add(1)
	for {
		was := r.last[k].Load()
		if now <= was || r.last[k].CompareAndSwap(was, now) {
			break
		}
	}
	if k >= r.first {
		r.mu.Lock()
		r.all = append(r.all, now-r.due[k].Load())
		r.mu.Unlock()
	}
}

// run posts total messages at a rate, and waits until all have all.
func (r *ruler) measure(ctx context.Context, rate float64, post func(context.Context, int, string) error) (m measured, err error) {
	total := len(r.due)
	jobs := make(chan int, total)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var took []int64
	for w := range 16 {
		wg.Go(func() {
			for k := range jobs {
				perr := post(ctx, w, r.text(k))
				late := time.Since(r.base).Microseconds() - r.due[k].Load()
				mu.Lock()
				if perr != nil {
					m.refused++
					err = perr
				} else if k >= r.first {
					took = append(took, late)
				}
				mu.Unlock()
			}
		})
	}
	start := time.Now()
	for k := range total {
		at := start.Add(time.Duration(float64(k) / rate * float64(time.Second)))
		time.Sleep(time.Until(at))
		r.due[k].Store(at.Sub(r.base).Microseconds())
		jobs <- k
	}
	close(jobs)
	wg.Wait()
	if m.refused > 0 {
		return m, fmt.Errorf("%d of %d posts were refused: %w", m.refused, total, err)
	}
	for late := time.Now().Add(soon); r.left() > 0 && time.Now().Before(late); {
		time.Sleep(20 * time.Millisecond)
	}
	var last []int64
	for k := r.first; k < total; k++ {
		if int(r.got[k].Load()) >= r.count {
			last = append(last, r.last[k].Load()-r.due[k].Load())
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m.post, m.delivery, m.last, m.missing = spreadOf(took), spreadOf(r.all), spreadOf(last), r.left()
	return m, nil
}

func (r *ruler) left() (n int) {
	for k := range r.got {
		n += max(0, r.count-int(r.got[k].Load()))
	}
	return n
}

// latency: 200 and 1000 members at 20 messages a second, each beside the floor.
func (o *office) latency(ctx context.Context, dir string) (results []Result, err error) {
	counts, seconds := []int{200, 1000}, 12.0
	if o.env.Short {
		counts, seconds = []int{20}, 2
	}
	ids, err := o.people(ctx, counts[len(counts)-1])
	if err != nil {
		return nil, err
	}
	for _, n := range counts {
		room, err := o.room(ctx, fmt.Sprintf("load-%d", n), ids[:n])
		if err != nil {
			return results, err
		}
		total, first := int(20*(seconds+2)), 40
		r := newRuler(total, min(first, total/2), n)
		c, err := o.audience(ctx, n, []string{room}, r.hear)
		if err != nil {
			return results, err
		}
		used := cpu(o.server.Pid())
		began := time.Now()
		m, err := r.measure(ctx, 20, o.post(room))
		used = (cpu(o.server.Pid()) - used) / time.Since(began).Seconds()
		c.close()
		if err != nil {
			return results, err
		}
		f, err := measureFloor(ctx, filepath.Join(dir, fmt.Sprint("floor", n)), n, total, r.first)
		if err != nil {
			return results, err
		}
		p50, p99 := 6.0, 15.0
		if n > 200 {
			p50, p99 = 15, 40
		}
		results = append(results, Result{
			What:    fmt.Sprintf("%d members, 20 messages a second", n),
			Figures: slices.Concat(m.delivery.figures("delivery"), m.post.figures("post"), m.last.figures("last member"), []Figure{{"server", used, "cores"}}),
			Target:  fmt.Sprintf("delivery p50 ≤ %.0f ms, p99 ≤ %.0f ms", p50, p99),
			Met:     m.delivery.p50 <= p50 && m.delivery.p99 <= p99 && m.missing == 0,
			Floor:   slices.Concat(f.delivery.figures("delivery"), f.post.figures("post"), f.last.figures("last member")),
			Ratio:   m.delivery.p50 / f.delivery.p50,
			Note:    fmt.Sprintf("%d deliveries, %d missing", m.delivery.n, m.missing),
		})
	}
	return results, nil
}

func measureFloor(ctx context.Context, dir string, n, total, first int) (measured, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return measured{}, err
	}
	f, err := startFloor(dir)
	if err != nil {
		return measured{}, err
	}
	defer f.stop()
	r := newRuler(total, first, n)
	c, err := gather(ctx, n, func(ctx context.Context, _ int) (*socket, error) { return dial(ctx, f.url+"/socket", "") }, r.hear)
	if err != nil {
		return measured{}, err
	}
	defer c.close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	return r.measure(ctx, 20, floorPost(client, f.url))
}

func floorPost(client *http.Client, url string) func(context.Context, int, string) error {
	return func(ctx context.Context, _ int, text string) error {
		req, err := http.NewRequestWithContext(ctx, "POST", url+"/post", strings.NewReader(text))
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		return res.Body.Close()
	}
}

// throughput: as many messages as 16 writers get through with 200 reading.
func (o *office) throughput(ctx context.Context, dir string) ([]Result, error) {
	n, total := 200, 3000
	if o.env.Short {
		n, total = 20, 200
	}
	ids, err := o.people(ctx, n)
	if err != nil {
		return nil, err
	}
	for _, t := range o.tokens[len(o.posters):] { // nobody writes more than a person may
		o.posters = append(o.posters, o.server.As(t))
	}
	room, err := o.room(ctx, "load", ids)
	if err != nil {
		return nil, err
	}
	r := newRuler(total, 0, n)
	c, err := o.audience(ctx, n, []string{room}, r.hear)
	if err != nil {
		return nil, err
	}
	rate, err := flood(ctx, r, o.post(room))
	missing := r.left()
	c.close()
	if err != nil {
		return nil, err
	}
	fdir := filepath.Join(dir, "floor")
	if err := os.MkdirAll(fdir, 0o700); err != nil {
		return nil, err
	}
	f, err := startFloor(fdir)
	if err != nil {
		return nil, err
	}
	defer f.stop()
	fr := newRuler(total, 0, n)
	fc, err := gather(ctx, n, func(ctx context.Context, _ int) (*socket, error) { return dial(ctx, f.url+"/socket", "") }, fr.hear)
	if err != nil {
		return nil, err
	}
	defer fc.close()
	floorRate, err := flood(ctx, fr, floorPost(&http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}, f.url))
	if err != nil {
		return nil, err
	}
	return []Result{{
		What: fmt.Sprintf("messages a second with %d members, until all have all", n), Figures: []Figure{{"", rate, "/s"}},
		Target: "≥ 300 /s", Met: rate >= 300 && missing == 0, Floor: []Figure{{"", floorRate, "/s"}}, Ratio: rate / floorRate,
		Note: fmt.Sprintf("%d messages, %d deliveries missing", total, missing),
	}}, nil
}

// flood posts everything at once and gives how many a second reached everybody.
func flood(ctx context.Context, r *ruler, post func(context.Context, int, string) error) (float64, error) {
	began := time.Now()
	var wg sync.WaitGroup
	var next atomic.Int64
	errs := make(chan error, 16)
	for range 16 {
		wg.Go(func() {
			for {
				k := int(next.Add(1)) - 1
				if k >= len(r.due) {
					return
				}
				if err := post(ctx, k, r.text(k)); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return 0, err
	default:
	}
	for late := time.Now().Add(soon); r.left() > 0 && time.Now().Before(late); {
		time.Sleep(5 * time.Millisecond)
	}
	return float64(len(r.due)) / time.Since(began).Seconds(), nil
}

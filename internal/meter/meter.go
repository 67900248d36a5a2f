// Package meter counts and times what Muster does, for the scraper at /metrics.
//
// Invariant: the number of series is bounded whatever callers and the world send:
// past a limit the values of a metric's labels become "other". There is no global
// registry, and every method of a nil Meter, Counter or Histogram does nothing, so
// that a capability is measured only where app says so. What the numbers mean is
// written where they are made; docs/guide/monitoring-muster.md lists them.
package meter

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Namespace begins the name of every metric of ours.
const Namespace = "muster"

// most is how many combinations of label values one metric may have.
const most = 1000

// Buckets, in seconds unless they say otherwise.
var (
	Fast   = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}            // requests, transactions
	Work   = []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600, 24 * 3600}        // runs, steps, waits
	People = []float64{15, 30, 60, 120, 300, 600, 900, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 24 * 3600} // how long people take
	Sizes  = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256}                                                    // things in a batch
)

// Meter holds the metrics of one server.
type Meter struct{ reg *prometheus.Registry }

// New makes a meter with what the Go runtime and the process say of themselves.
func New() *Meter {
	m := &Meter{reg: prometheus.NewRegistry()}
	m.reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Registry is for libraries that bring metrics of their own.
func (m *Meter) Registry() *prometheus.Registry { return m.reg }

// Handler serves the metrics in the text form that Prometheus reads.
func (m *Meter) Handler() http.Handler {
	return promhttp.HandlerFor(m.reg, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// bound keeps a metric from growing with what is sent to it.
type bound struct {
	mu    sync.RWMutex
	known map[string]bool
}

func (b *bound) values(values []string) []string {
	if len(values) == 0 {
		return values
	}
	for i, v := range values {
		values[i] = strings.ToValidUTF8(v, "\uFFFD")
	}
	key := strings.Join(values, "\xff")
	b.mu.RLock()
	known := b.known[key]
	b.mu.RUnlock()
	if known {
		return values
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.known[key] || len(b.known) < most {
		b.known[key] = true
		return values
	}
	other := make([]string, len(values))
	for i := range other {
		other[i] = "other"
	}
	return other
}

// Counter counts upwards.
type Counter struct {
	bound
	vec *prometheus.CounterVec
}

// Counter makes one. Its name ends in _total. Values of labels known beforehand
// are given to Zero, so that the first one that counts is seen as an increase.
func (m *Meter) Counter(name, help string, labels ...string) *Counter {
	if m == nil {
		return nil
	}
	c := &Counter{bound{known: map[string]bool{}}, prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: Namespace, Name: name, Help: help}, labels)}
	m.reg.MustRegister(c.vec)
	if len(labels) == 0 {
		c.vec.WithLabelValues()
	}
	return c
}

// Zero shows the series of a one-label metric from the start.
func (c *Counter) Zero(values ...string) *Counter {
	for _, v := range values {
		c.Add(0, v)
	}
	return c
}

// Inc adds one.
func (c *Counter) Inc(values ...string) { c.Add(1, values...) }

// Add adds n, which is not negative.
func (c *Counter) Add(n float64, values ...string) {
	if c != nil {
		c.vec.WithLabelValues(c.values(values)...).Add(n)
	}
}

// Histogram spreads observations over buckets.
type Histogram struct {
	bound
	vec *prometheus.HistogramVec
}

// Histogram makes one. The name says the unit.
func (m *Meter) Histogram(name, help string, buckets []float64, labels ...string) *Histogram {
	if m == nil {
		return nil
	}
	h := &Histogram{bound{known: map[string]bool{}}, prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: Namespace, Name: name, Help: help, Buckets: buckets}, labels)}
	m.reg.MustRegister(h.vec)
	if len(labels) == 0 {
		h.vec.WithLabelValues()
	}
	return h
}

// Zero shows the series of a one-label metric from the start.
func (h *Histogram) Zero(values ...string) *Histogram {
	if h != nil {
		for _, v := range values {
			h.vec.WithLabelValues(h.values([]string{v})...)
		}
	}
	return h
}

// Show makes one series visible from the start.
func (h *Histogram) Show(values ...string) {
	if h != nil {
		h.vec.WithLabelValues(h.values(values)...)
	}
}

// Observe takes in one value.
func (h *Histogram) Observe(v float64, values ...string) {
	if h != nil {
		h.vec.WithLabelValues(h.values(values)...).Observe(v)
	}
}

// Since takes in the seconds from began until now.
func (h *Histogram) Since(began time.Time, values ...string) {
	if h != nil {
		h.Observe(time.Since(began).Seconds(), values...)
	}
}

// Gauge shows what fn says at the moment of the scrape.
func (m *Meter) Gauge(name, help string, fn func() float64) {
	if m != nil {
		m.reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: Namespace, Name: name, Help: help}, fn))
	}
}

// Sum shows a number that fn counts upwards itself. Its name ends in _total.
func (m *Meter) Sum(name, help string, fn func() float64) {
	if m != nil {
		m.reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: Namespace, Name: name, Help: help}, fn))
	}
}

// Gauges shows several values under labels; fn is asked at each scrape.
func (m *Meter) Gauges(name, help string, labels []string, fn func(set func(v float64, values ...string))) {
	if m != nil {
		m.reg.MustRegister(&gauges{prometheus.NewDesc(prometheus.BuildFQName(Namespace, "", name), help, labels, nil), fn})
	}
}

type gauges struct {
	desc *prometheus.Desc
	fn   func(set func(v float64, values ...string))
}

func (g *gauges) Describe(out chan<- *prometheus.Desc) { out <- g.desc }

func (g *gauges) Collect(out chan<- prometheus.Metric) {
	n := 0
	g.fn(func(v float64, values ...string) {
		if n++; n <= most {
			out <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, v, values...)
		}
	})
}

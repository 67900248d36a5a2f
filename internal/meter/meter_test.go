package meter

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
)

func scrape(m *Meter) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

func TestSeriesAreBounded(t *testing.T) {
	m := New()
	c := m.Counter("things_total", "Things.", "kind", "colour")
	h := m.Histogram("thing_seconds", "How long.", Fast, "kind")
	for n := range 5 * most {
		c.Inc(fmt.Sprintf("kind %d", n), "red")
		h.Observe(1, fmt.Sprintf("kind %d", n))
	}
	text := scrape(m)
	if got := strings.Count(text, "muster_things_total{"); got != most+1 {
		t.Errorf("%d series of a counter, want %d and one for the rest", got, most)
	}
	if got := strings.Count(text, "muster_thing_seconds_count{"); got != most+1 {
		t.Errorf("%d series of a histogram", got)
	}
	if want := fmt.Sprintf(`muster_things_total{colour="other",kind="other"} %d`, 4*most); !strings.Contains(text, want) {
		t.Errorf("the rest is not counted as %s", want)
	}
}

func TestHostileLabelsAreText(t *testing.T) {
	m := New()
	c := m.Counter("things_total", "Things.", "kind")
	for range 2 {
		c.Inc("a\"} 1\nevil_total 7\xff")
	}
	if text := scrape(m); strings.Contains(text, "\nevil_total") {
		t.Error(text)
	}
}

func TestNothingMeasuresNothing(t *testing.T) {
	var m *Meter
	m.Counter("x_total", "X.").Inc()
	m.Histogram("x_seconds", "X.", Fast, "kind").Zero("a").Observe(1, "a")
	m.Gauge("x", "X.", nil)
	m.Sum("y_total", "Y.", nil)
	m.Gauges("z", "Z.", nil, nil)
}

func TestShownFromTheStart(t *testing.T) {
	m := New()
	m.Counter("a_total", "A.", "result").Zero("ok", "failed")
	m.Counter("b_total", "B.")
	m.Histogram("c_seconds", "C.", Work)
	m.Gauges("d", "D.", []string{"state"}, func(set func(float64, ...string)) { set(3, "x") })
	text := scrape(m)
	for _, want := range []string{`muster_a_total{result="ok"} 0`, `muster_a_total{result="failed"} 0`, "muster_b_total 0", "muster_c_seconds_count 0", `muster_d{state="x"} 3`, "go_goroutines", "process_open_fds"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
}

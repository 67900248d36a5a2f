package report

import (
	"strings"
	"testing"
	"time"
)

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		n    float64
		unit string
		want string
	}{{0, "ms", "0 ms"}, {0.0634, "ms", "0.063 ms"}, {3.456, "ms", "3.46 ms"}, {34.56, "s", "34.6 s"}, {1234567, "", "1,234,567"}, {345.6, "/s", "346/s"}, {2, "×", "2×"}, {-1500, "B", "-1,500 B"}} {
		if got := Number(c.n, c.unit); got != c.want {
			t.Errorf("Number(%v, %q) = %q, want %q", c.n, c.unit, got, c.want)
		}
	}
}

func TestSamples(t *testing.T) {
	var s Samples
	for i := 100; i > 0; i-- {
		s = append(s, time.Duration(i)*time.Millisecond)
	}
	if p50, p99, last := s.At(.5), s.At(.99), s.At(1); p50 != 50 || p99 != 99 || last != 100 {
		t.Errorf("p50 %v, p99 %v, last %v", p50, p99, last)
	}
	if Samples(nil).At(.5) != 0 || Median() != 0 || Median(3, 1, 2) != 2 || Median(4, 1) != 1 {
		t.Error("medians of little")
	}
}

// Measuring one area again leaves the others of the page as they were.
func TestPageKeepsWhatWasNotMeasured(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	line := func(what string, ms float64) Line {
		l := Line{What: what, Command: "go run ./bench"}
		l.Add("p99", ms, "ms").Against("p99 < 250 ms", ms < 250).Over("loop|back", ms, 2, "ms")
		return l
	}
	order := []string{"alerts", "logs"}
	page := Page(nil, Machine{Cores: 2, CPU: "one"}, []Area{{Name: "logs", Began: began, Lines: []Line{line("first log", 300)}}, {Name: "alerts", Began: began, Lines: []Line{line("first alert", 100)}}}, order, "## What was slow\n\nThis.")
	for _, want := range []string{"| first alert | p99 100 ms | p99 < 250 ms | yes | loop\\|back: 2 ms | 50× |", "| first log | p99 300 ms | p99 < 250 ms | **no** |", "| CPU | one |", "- Command: `go run ./bench`"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if strings.Index(string(page), "## alerts") > strings.Index(string(page), "## logs") {
		t.Error("the areas are not in order")
	}
	again := string(Page(page, Machine{Cores: 2, CPU: "two"}, []Area{{Name: "logs", Began: began, Lines: []Line{line("second log", 10)}}}, order, "## What was slow\n\nThat."))
	for text, want := range map[string]int{"first alert": 1, "first log": 0, "second log": 1, "## What was slow": 1, "This.": 0, "That.": 1, "## Machine": 1, "| CPU | two |": 1} {
		if got := strings.Count(again, text); got != want {
			t.Errorf("%q stands %d times, want %d:\n%s", text, got, want, again)
		}
	}
}

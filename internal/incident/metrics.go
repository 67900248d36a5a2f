package incident

import (
	"math"
	"slices"
	"time"
)

// Metric is one duration of an incident with the formula it comes from.
type Metric struct {
	Name    string   `json:"name" enum:"MTTD,MTTA,time_to_muster,MTTM,MTTR"`
	Title   string   `json:"title"`
	Seconds *float64 `json:"seconds" doc:"null when a moment is missing or the two are the wrong way round"`
	Formula string   `json:"formula"`
	From    Moment   `json:"from"`
	To      Moment   `json:"to"`
	Missing []string `json:"missing" doc:"Names of moments that are not set"`
	Problem string   `json:"problem,omitempty" doc:"Why there is no number although both moments are set"`
}

// Moment is a named time used by a metric.
type Moment struct {
	Name string     `json:"name"`
	At   *time.Time `json:"at,omitempty"`
}

// formulas say how long what took: from the first of from that is set, to to.
var formulas = []struct {
	name, title, text, to string
	from                  []string
}{
	{"MTTD", "Time to detect", "detected − impact started (or else first signal)", "detected", []string{"impact_started", "first_signal"}},
	{"MTTA", "Time to acknowledge", "acknowledged − detected", "acknowledged", []string{"detected"}},
	{"time_to_muster", "Time to muster", "first responder in the room − declared", "first_responder", []string{"declared"}},
	{"MTTM", "Time to mitigate", "mitigated − detected", "mitigated", []string{"detected"}},
	{"MTTR", "Time to resolve", "resolved − impact started (or else detected)", "resolved", []string{"impact_started", "detected"}},
}

// Metrics computes the durations of one incident. A moment that is not set is
// reported as missing and nothing stands in for it: an incident that was closed
// without an acknowledgement has no time to acknowledge.
func Metrics(t Times) []Metric {
	out := []Metric{}
	for _, f := range formulas {
		m := Metric{Name: f.name, Title: f.title, Formula: f.text, Missing: []string{}, From: Moment{Name: f.from[0]}, To: Moment{Name: f.to, At: t.Get(f.to)}}
		for _, name := range f.from {
			if at := t.Get(name); at != nil {
				m.From = Moment{Name: name, At: at}
				break
			}
		}
		if m.From.At == nil {
			m.Missing = append(m.Missing, f.from...)
		}
		if m.To.At == nil {
			m.Missing = append(m.Missing, f.to)
		}
		if len(m.Missing) == 0 {
			s := m.To.At.Sub(*m.From.At).Seconds()
			if s < 0 {
				m.Problem = "The end lies before the beginning. Correct one of the two times."
			} else {
				m.Seconds = &s
			}
		}
		out = append(out, m)
	}
	return out
}

// MetricSummary is one metric over many incidents.
type MetricSummary struct {
	Name    string   `json:"name" enum:"MTTD,MTTA,time_to_muster,MTTM,MTTR"`
	Title   string   `json:"title"`
	Formula string   `json:"formula"`
	Median  *float64 `json:"median_seconds"`
	P90     *float64 `json:"p90_seconds"`
	Count   int      `json:"count" doc:"Incidents with a number"`
	Missing int      `json:"missing" doc:"Incidents without one"`
}

// Summarize gives median and 90th percentile of each metric. Incidents without
// a number are counted, never guessed.
func Summarize(all []Times) []MetricSummary {
	out := []MetricSummary{}
	values := map[string][]float64{}
	for _, t := range all {
		for _, m := range Metrics(t) {
			if m.Seconds != nil {
				values[m.Name] = append(values[m.Name], *m.Seconds)
			}
		}
	}
	for _, f := range formulas {
		v := values[f.name]
		slices.Sort(v)
		out = append(out, MetricSummary{Name: f.name, Title: f.title, Formula: f.text, Median: median(v), P90: nearestRank(v, 0.9), Count: len(v), Missing: len(all) - len(v)})
	}
	return out
}

func median(sorted []float64) *float64 {
	n := len(sorted)
	if n == 0 {
		return nil
	}
	m := sorted[n/2]
	if n%2 == 0 {
		m = (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return &m
}

// nearestRank is the smallest value that at least share of all do not exceed.
func nearestRank(sorted []float64, share float64) *float64 {
	if len(sorted) == 0 {
		return nil
	}
	v := sorted[max(0, int(math.Ceil(share*float64(len(sorted))))-1)]
	return &v
}

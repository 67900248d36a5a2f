package incident

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var t0 = time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)

func after(minutes int) *time.Time {
	t := t0.Add(time.Duration(minutes) * time.Minute)
	return &t
}

func TestMetrics(t *testing.T) {
	num := func(v float64) *float64 { return &v }
	for _, tc := range []struct {
		name    string
		times   Times
		want    map[string]*float64
		missing map[string][]string
	}{
		{"all set", Times{ImpactStarted: after(0), FirstSignal: after(1), Detected: after(2), Declared: after(3), Acknowledged: after(5), FirstResponder: after(7), Mitigated: after(20), Resolved: after(30), Closed: after(60)},
			map[string]*float64{"MTTD": num(120), "MTTA": num(180), "time_to_muster": num(240), "MTTM": num(1080), "MTTR": num(1800)}, nil},
		{"no impact: first signal, and detected for the end", Times{FirstSignal: after(1), Detected: after(2), Declared: after(3), Resolved: after(30)},
			map[string]*float64{"MTTD": num(60), "MTTR": num(1680)}, map[string][]string{"MTTA": {"acknowledged"}, "time_to_muster": {"first_responder"}, "MTTM": {"mitigated"}}},
		{"a close is no acknowledgement and no resolution", Times{Detected: after(2), Declared: after(2), Closed: after(9)},
			map[string]*float64{}, map[string][]string{"MTTD": {"impact_started", "first_signal"}, "MTTA": {"acknowledged"}, "time_to_muster": {"first_responder"}, "MTTM": {"mitigated"}, "MTTR": {"resolved"}}},
		{"nothing set", Times{}, map[string]*float64{}, map[string][]string{"MTTD": {"impact_started", "first_signal", "detected"}, "MTTA": {"detected", "acknowledged"}, "time_to_muster": {"declared", "first_responder"}, "MTTM": {"detected", "mitigated"}, "MTTR": {"impact_started", "detected", "resolved"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, missing := map[string]*float64{}, map[string][]string{}
			for _, m := range Metrics(tc.times) {
				if m.Formula == "" || m.Title == "" || m.Missing == nil {
					t.Errorf("%+v lacks a text", m)
				}
				if m.Seconds != nil {
					got[m.Name] = m.Seconds
				}
				if len(m.Missing) > 0 {
					missing[m.Name] = m.Missing
				}
			}
			if tc.missing == nil {
				tc.missing = map[string][]string{}
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(tc.missing, missing); d != "" {
				t.Error(d)
			}
		})
	}
	for _, m := range Metrics(Times{Detected: after(5), Acknowledged: after(1)}) {
		if m.Name == "MTTA" && (m.Seconds != nil || m.Problem == "") {
			t.Errorf("an acknowledgement before the detection gave %+v", m)
		}
	}
}

func TestSummary(t *testing.T) {
	all := []Times{}
	for _, minutes := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 100} {
		all = append(all, Times{Detected: after(0), Acknowledged: after(minutes)})
	}
	all = append(all, Times{Detected: after(0), Closed: after(1)})
	for _, m := range Summarize(all) {
		if m.Name != "MTTA" {
			continue
		}
		if *m.Median != 330 || *m.P90 != 540 || m.Count != 10 || m.Missing != 1 {
			t.Errorf("median %v p90 %v of %d, %d missing", *m.Median, *m.P90, m.Count, m.Missing)
		}
	}
	for _, m := range Summarize(nil) {
		if m.Median != nil || m.P90 != nil || m.Count != 0 {
			t.Errorf("numbers from nothing: %+v", m)
		}
	}
}

// Whatever way an incident goes, the moments fit the stage it is in.
func TestStepsKeepMomentsHonest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times, stage := Times{Declared: after(0)}, StageDeclared
		for n := range rapid.IntRange(0, 12).Draw(t, "steps") {
			to := rapid.SampledFrom(stage.Next()).Draw(t, "to")
			if to == stage || to == StageDeclared {
				t.Fatalf("%s offers %s", stage, to)
			}
			set, clear := step(times, stage, to)
			for _, name := range clear {
				*times.field(name) = nil
			}
			for _, name := range set {
				if times.Get(name) != nil {
					t.Fatalf("%s was overwritten", name)
				}
				*times.field(name) = after(n)
			}
			stage = to
		}
		if stage.Open() && (times.Resolved != nil || times.Closed != nil) {
			t.Fatalf("%s with an end: %+v", stage, times)
		}
		if (stage == Triage || stage == Mitigating) && times.Mitigated != nil {
			t.Fatalf("%s but mitigated", stage)
		}
		if stage == Closed && times.Closed == nil || stage == Resolved && times.Resolved == nil || stage == Monitoring && times.Mitigated == nil {
			t.Fatalf("%s without its moment: %+v", stage, times)
		}
		if times.Acknowledged != nil {
			t.Fatal("a stage acknowledged")
		}
	})
}

package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster/bench/report"
)

func TestParse(t *testing.T) {
	got := parse(`goos: linux
pkg: muster/internal/access
BenchmarkVerdict500-2   	   24103	     49856 ns/op	    5392 B/op	      12 allocs/op
PASS
pkg: muster/internal/db
BenchmarkDo/64-2        	   10000	       412.5 ns/op
ok  	muster/internal/db	2.1s
`)
	want := []report.Line{
		{Area: "go", What: "access Verdict500", Values: []report.Value{{Number: 49.856, Unit: "µs"}, {Number: 5392, Unit: "B/op"}, {Number: 12, Unit: "allocs/op"}}},
		{Area: "go", What: "db Do/64", Values: []report.Value{{Number: 412.5, Unit: "ns"}}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

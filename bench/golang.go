package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"

	"muster/bench/report"
	"muster/bench/rig"
)

// goBenchmarks runs scripts/bench and turns what it prints into lines.
func goBenchmarks(ctx context.Context, r *rig.Rig) error {
	pick := rig.Pick(r, "Verdict500", ".")
	cmd := exec.CommandContext(ctx, "scripts/bench", pick)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	for _, l := range parse(string(out)) {
		l.Command = "scripts/bench"
		r.Put(&l)
	}
	if err != nil {
		return fmt.Errorf("scripts/bench: %w", err)
	}
	return nil
}

var result = regexp.MustCompile(`^(Benchmark\S+?)(-\d+)?\s+\d+\s+(.+)$`)

// parse reads `go test -bench` output: "BenchmarkX-2  100  1234 ns/op  5 B/op".
func parse(out string) []report.Line {
	var lines []report.Line
	pkg := ""
	for l := range strings.Lines(out) {
		l = strings.TrimSpace(l)
		if after, ok := strings.CutPrefix(l, "pkg: "); ok {
			pkg = strings.TrimPrefix(after, "muster/internal/")
		}
		m := result.FindStringSubmatch(l)
		if m == nil {
			continue
		}
		line := report.Line{Area: "go", What: pkg + " " + strings.TrimPrefix(m[1], "Benchmark")}
		f := strings.Fields(m[3])
		for i := 0; i+1 < len(f); i += 2 {
			n, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				break
			}
			unit := f[i+1]
			if unit == "ns/op" {
				switch {
				case n >= 1e6:
					n, unit = n/1e6, "ms"
				case n >= 1e3:
					n, unit = n/1e3, "µs"
				default:
					unit = "ns"
				}
			}
			line.Add("", n, unit)
		}
		lines = append(lines, line)
	}
	return lines
}

package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

func (o outcome) print(seed uint64) {
	b := o.book
	b.mu.Lock()
	defer b.mu.Unlock()
	var names []string
	for n := range b.counts {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		fmt.Printf("%8d %s\n", b.counts[n], n)
	}
	fmt.Printf("start of the server %s at most, orphans settled within %s, pages at most %s late, longest answer %s (%s)\n", round(b.startup), round(b.settled), round(b.late), round(b.longest), b.slow)
	for _, n := range o.notes {
		fmt.Println("note:", n)
	}
	for _, f := range b.findings {
		fmt.Println("FOUND:", f)
	}
	if len(b.findings) > 0 {
		fmt.Printf("Repeat it with: go run ./e2e/crash %s -seed %d\n", o.again, seed)
	}
}

func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}

func summary(done []outcome, seed uint64) {
	fmt.Printf("\n%-34s %9s %9s  %s\n", "part", "findings", "took", "acknowledged and found again")
	for _, o := range done {
		fmt.Printf("%-34s %9d %9s  %s\n", o.name, len(o.book.findings), round(o.took), o.tally())
	}
	fmt.Printf("seed %d\n", seed)
}

func (o outcome) tally() string {
	b := o.book
	return fmt.Sprintf("%d messages, %d edits, %d alert deliveries, %d runs, %d log lines, %d pages",
		b.counted("messages verified"), b.counted("edits acknowledged"), b.counted("alert deliveries acknowledged"), b.counted("runs acknowledged"), b.counted("log lines verified"), b.counted("pages"))
}

const (
	beginMark = "<!-- figures of go run ./e2e/crash: begin -->"
	endMark   = "<!-- figures of go run ./e2e/crash: end -->"
)

// writeReport puts the table between the marks of a page.
func writeReport(file string, done []outcome, seed uint64) error {
	// #nosec G304 -- the document that the harness writes
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok1 := strings.Cut(string(raw), beginMark)
	_, after, ok2 := strings.Cut(rest, endMark)
	if !ok1 || !ok2 {
		return fmt.Errorf("%s lacks the lines %q and %q", file, beginMark, endMark)
	}
	var t strings.Builder
	fmt.Fprintf(&t, "%s\n\n%s, %d cores, %s, seed %d:\n\n", beginMark, time.Now().UTC().Format("2006-01-02"), runtime.NumCPU(), runtime.Version(), seed)
	t.WriteString("| Part | Findings | Acknowledged, and found again exactly once | Orphans settled | Longest start | Longest answer | Took |\n|---|---|---|---|---|---|---|\n")
	for _, o := range done {
		o.book.mu.Lock()
		settled, start, longest, found := round(o.book.settled), round(o.book.startup), round(o.book.longest), len(o.book.findings)
		o.book.mu.Unlock()
		fmt.Fprintf(&t, "| %s | %d | %s | %s | %s | %s | %s |\n", o.name, found, o.tally(), settled, start, longest, round(o.took))
	}
	for _, o := range done {
		for _, n := range o.notes {
			fmt.Fprintf(&t, "\n- %s: %s", o.name, n)
		}
	}
	fmt.Fprintf(&t, "\n\n%s", endMark)
	// #nosec G306 -- a document of the repository
	return os.WriteFile(file, []byte(before+t.String()+after), 0o644)
}

// Package report is what a benchmark says in the end: lines of figures, each
// beside its target and beside a floor that was measured in the same run, and
// the page in markdown made of them. It measures nothing itself.
package report

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Value is one figure.
type Value struct {
	Name   string // "p99"; empty where the line has one figure only
	Number float64
	Unit   string // "ms", "MB", "/s", "" for a count
}

// Line is one thing that was measured.
type Line struct {
	Area, What string
	Values     []Value
	Target     string // in words, "p99 < 250 ms"; empty where the issue names none
	Met        *bool  // nil without a target
	Floor      string // what the ratio is against, with its own figure
	Ratio      float64
	Command    string
	Note       string
}

// Add appends a figure and gives the line, so that calls can be chained.
func (l *Line) Add(name string, n float64, unit string) *Line {
	l.Values = append(l.Values, Value{name, n, unit})
	return l
}

// Against sets the target and whether it was met.
func (l *Line) Against(target string, met bool) *Line {
	l.Target, l.Met = target, &met
	return l
}

// Over sets the floor; the ratio is ours/floor.
func (l *Line) Over(what string, ours, floor float64, unit string) *Line {
	l.Floor = fmt.Sprintf("%s: %s", what, Number(floor, unit))
	if floor > 0 {
		l.Ratio = ours / floor
	}
	return l
}

// Machine is where it was measured.
type Machine struct {
	Cores    int
	CPU      string
	Memory   string
	Kernel   string
	Go       string
	Database string
}

// Area is one chapter.
type Area struct {
	Name  string
	About string // one sentence: what is measured, and how
	Began time.Time
	Took  time.Duration
	Load  string // the machine's load before it began
	Short bool
	Lines []Line
	Err   string // why it ended early; empty when it did not
}

// Number writes a figure with three significant digits and its unit.
func Number(n float64, unit string) string {
	text := ""
	switch a := math.Abs(n); {
	case a == 0 || a >= 100 || n == math.Trunc(n):
		text = thousands(int64(math.Round(n)))
	case a >= 10:
		text = strconv.FormatFloat(n, 'f', 1, 64)
	case a >= 1:
		text = strconv.FormatFloat(n, 'f', 2, 64)
	default:
		text = strconv.FormatFloat(n, 'g', 2, 64)
	}
	switch {
	case unit == "":
		return text
	case strings.HasPrefix(unit, "/") || unit == "×":
		return text + unit
	}
	return text + " " + unit
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if neg {
		return "-" + s
	}
	return s
}

// figures joins values: "p50 3 ms, p99 9 ms".
func figures(vs []Value) string {
	out := make([]string, 0, len(vs))
	for _, v := range vs {
		out = append(out, strings.TrimSpace(v.Name+" "+Number(v.Number, v.Unit)))
	}
	return strings.Join(out, ", ")
}

func met(l Line) string {
	switch {
	case l.Met == nil:
		return "–"
	case *l.Met:
		return "yes"
	}
	return "**no**"
}

func cell(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), "|", `\|`)
	if s = strings.ReplaceAll(s, "\n", " "); s == "" {
		return "–"
	}
	return s
}

// chapter is an area in markdown; it begins with its heading.
func chapter(a Area) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n", a.Name)
	if a.About != "" {
		fmt.Fprintf(&b, "%s\n\n", a.About)
	}
	short := ""
	if a.Short {
		short = " **Short form: fewer rounds and smaller counts; not the figures to quote.**"
	}
	fmt.Fprintf(&b, "Measured %s in %s; load before it %s.%s\n\n", a.Began.UTC().Format("2006-01-02 15:04 MST"), a.Took.Round(time.Second), cell(a.Load), short)
	if len(a.Lines) > 0 {
		b.WriteString("| What | Measured | Target | Met | Floor in the same run | Ratio |\n|---|---|---|---|---|---|\n")
		for _, l := range a.Lines {
			ratio := "–"
			if l.Ratio > 0 {
				ratio = Number(l.Ratio, "×")
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", cell(l.What), cell(figures(l.Values)), cell(l.Target), met(l), cell(l.Floor), ratio)
		}
		b.WriteString("\n")
		for _, l := range a.Lines {
			if l.Note != "" {
				fmt.Fprintf(&b, "- *%s:* %s\n", strings.TrimSpace(l.What), strings.TrimSpace(l.Note))
			}
		}
		seen := map[string]bool{}
		for _, l := range a.Lines {
			if l.Command != "" && !seen[l.Command] {
				seen[l.Command] = true
				fmt.Fprintf(&b, "- Command: `%s`\n", l.Command)
			}
		}
		b.WriteString("\n")
	}
	if a.Err != "" {
		fmt.Fprintf(&b, "**It ended early:** %s\n\n", cell(a.Err))
	}
	return b.String()
}

const opening = `# Performance

Written by ` + "`make bench`" + `; do not edit. Every line was measured by the command it names, on the machine below, and stands beside a floor that was measured in the same run: the least that any program doing the same work would need there. On a busier or slower machine the figures move and the ratios hardly do.

`

// Page writes the whole page. What old holds of areas that are not in areas
// stays as it was, so that one area can be measured again alone. order is the
// order of the areas; story stands at the end.
func Page(old []byte, m Machine, areas []Area, order []string, story string) []byte {
	kept := chapters(old)
	for _, a := range areas {
		kept[a.Name] = chapter(a)
	}
	var b bytes.Buffer
	b.WriteString(opening)
	b.WriteString("## Machine\n\n| | |\n|---|---|\n")
	for _, r := range [][2]string{{"Cores", strconv.Itoa(m.Cores)}, {"CPU", m.CPU}, {"Memory", m.Memory}, {"Kernel", m.Kernel}, {"Go", m.Go}, {"Database", m.Database}} {
		fmt.Fprintf(&b, "| %s | %s |\n", r[0], cell(r[1]))
	}
	b.WriteString("\nGenerator, server, database and targets share these cores.\n\n")
	for _, name := range order {
		b.WriteString(kept[name])
	}
	b.WriteString(strings.TrimSpace(story) + "\n")
	return b.Bytes()
}

var heading = regexp.MustCompile(`(?m)^## (.+)$`)

// chapters cuts a page that was written before at its headings.
func chapters(page []byte) map[string]string {
	out := map[string]string{}
	at := heading.FindAllSubmatchIndex(page, -1)
	for i, m := range at {
		end := len(page)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		out[string(page[m[2]:m[3]])] = string(page[m[0]:end])
	}
	return out
}

// Text is an area for a terminal.
func Text(a Area) string {
	var b strings.Builder
	fmt.Fprintf(&b, "== %s (%s, load before %s)\n", a.Name, a.Took.Round(time.Millisecond*100), a.Load)
	for _, l := range a.Lines {
		fmt.Fprintf(&b, "  %-44s %s", l.What, figures(l.Values))
		if l.Target != "" {
			fmt.Fprintf(&b, "  [%s: %s]", l.Target, map[bool]string{true: "met", false: "NOT MET"}[l.Met != nil && *l.Met])
		}
		if l.Floor != "" {
			fmt.Fprintf(&b, "  (%s; %s)", l.Floor, Number(l.Ratio, "×"))
		}
		b.WriteString("\n")
	}
	if a.Err != "" {
		fmt.Fprintf(&b, "  ended early: %s\n", a.Err)
	}
	return b.String()
}

// Here describes this machine.
func Here(goVersion string, cores int) Machine {
	m := Machine{Cores: cores, Go: goVersion, Database: "SQLite, embedded (the default), synchronous=FULL"}
	if os.Getenv("MUSTER_DATABASE") != "" {
		m.Database = "PostgreSQL (MUSTER_DATABASE)"
	}
	m.CPU = field("/proc/cpuinfo", "model name")
	if kb, err := strconv.ParseFloat(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"), 64); err == nil {
		m.Memory = fmt.Sprintf("%.0f GB", kb/1e6)
	}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(b))
	}
	return m
}

// Load is the machine's load of the last minute.
func Load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(b), " ")
	return first
}

func field(file, name string) string {
	b, _ := os.ReadFile(file)
	for l := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

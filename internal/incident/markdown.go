package incident

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Markdown writes the draft as CommonMark with tables. What people and
// monitoring wrote is escaped, so that it stays text wherever it is pasted.
func (p Postmortem) Markdown() string {
	var b strings.Builder
	line := func(format string, a ...any) { fmt.Fprintf(&b, format+"\n", a...) }
	i := p.Incident
	line("# Postmortem of %s: %s\n", esc(i.Ticket), esc(i.Title))
	line("Draft by Muster for %s, made %s by %s from the incident's record. Times are UTC.\n", esc(p.Office), day(p.DrawnAt), esc(p.DrawnBy))
	line("| | |\n|---|---|")
	for _, f := range p.Facts() {
		line("| %s | %s |", f[0], esc(f[1]))
	}
	line("\n## Summary\n")
	if i.Summary != "" {
		line("%s\n", esc(i.Summary))
	} else {
		line("*Not written yet: what happened, for whom, for how long, and why it is over.*\n")
	}
	line("## Measured\n\n| | Time | How it is counted |\n|---|---|---|")
	for _, m := range p.Metrics {
		line("| %s | %s | %s |", m.Named(), m.Text(), esc(m.Formula))
	}
	if len(p.Phases) > 0 {
		line("\n| Stage | From | Lasted |\n|---|---|---|")
		for _, ph := range p.Phases {
			line("| %s | %s | %s |", ph.Stage, day(ph.From), Spoken(time.Duration(ph.Seconds*float64(time.Second))))
		}
	}
	line("\n## People\n")
	for _, r := range p.Roles {
		line("- %s: %s", esc(upper(r.What)), esc(r.Name))
	}
	for _, r := range p.Responders {
		line("- %s: %s", esc(r.Name), esc(r.What))
	}
	if len(p.Roles)+len(p.Responders) == 0 {
		line("Nobody held a role and nobody was paged.")
	}
	if len(i.Alerts) > 0 {
		line("\n## Alerts\n")
		for _, a := range i.Alerts {
			line("- %s (%s)", esc(a.Title), a.State)
		}
	}
	if len(p.Runs) > 0 {
		line("\n## What was run\n\n| Run | What | Where | Asked by | Approved by | Result |\n|---|---|---|---|---|---|")
		for _, r := range p.Runs {
			line("| %s | %s | %s | %s, %s | %s | %s |", r.Number, esc(r.Title), esc(r.Environment), esc(r.AskedBy), clocked(r.AskedAt), esc(strings.Join(r.Approvers, ", ")), esc(r.State))
		}
	}
	line("\n## Timeline\n\n| Time | What happened |\n|---|---|")
	last := ""
	for _, e := range p.Timeline {
		at := e.At.UTC().Format("15:04:05")
		if d := e.At.UTC().Format("2 Jan 2006"); d != last {
			at, last = d+" "+at, d
		}
		line("| %s | %s |", at, esc(e.Said()))
	}
	line("\n## Why it happened\n\n*To be written together: the conditions that made it possible, not who.*")
	line("\n## What went well, what was hard\n\n*To be written together.*")
	line("\n## Actions\n")
	p.list(line, "action", "No action is on the list yet. Add them on the incident's page, or with /action in its room.")
	line("\n## Open questions\n")
	p.list(line, "question", "")
	for _, q := range p.Questions {
		line("- [ ] %s", esc(q))
	}
	line("\n## Proof\n\nThis draft was made from the sealed ledger at this checkpoint. `muster ledger verify --checkpoint FILE` shows whether the record still holds what it held then.\n")
	line("```\n%s\n```", strings.TrimSpace(p.Checkpoint))
	return b.String()
}

// list writes the follow-ups of one kind.
func (p Postmortem) list(line func(string, ...any), kind, none string) {
	n := 0
	for _, f := range p.Followups {
		if f.Kind != kind {
			continue
		}
		n++
		box := " "
		if f.State != "open" {
			box = "x"
		}
		line("- [%s] %s", box, esc(p.Told(f)))
	}
	if n == 0 && none != "" {
		line("%s", none)
	}
}

// Told is a follow-up in one line.
func (p Postmortem) Told(f Followup) string {
	parts := []string{}
	if f.Owner != "" {
		parts = append(parts, p.Name(f.Owner))
	} else if f.Kind == "action" && f.State == "open" {
		parts = append(parts, "nobody yet")
	}
	if f.Due != "" {
		parts = append(parts, "by "+f.Due)
	}
	if f.State != "open" {
		parts = append(parts, f.State)
	}
	text := f.Text
	if len(parts) > 0 {
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	if f.Answer != "" {
		text += " → " + f.Answer
	}
	return text
}

// Facts is the head of the draft: name and value.
func (p Postmortem) Facts() [][2]string {
	i := p.Incident
	out := [][2]string{{"Severity", Label(i.Severity)}, {"Stage", string(i.Stage)}}
	add := func(name, value string) {
		if value != "" {
			out = append(out, [2]string{name, value})
		}
	}
	add("Service", i.Service)
	add("Environment", i.Environment)
	if i.Mode != "real" {
		add("Mode", i.Mode)
	}
	add("Declared by", p.DeclaredBy)
	for _, name := range TimeNames {
		if at := i.Times.Get(name); at != nil {
			add(upper(strings.ReplaceAll(name, "_", " ")), day(*at))
		}
	}
	return out
}

// Named is the metric's title, with the abbreviation people know where it has one.
func (m Metric) Named() string {
	if short := strings.ReplaceAll(m.Name, "_", " "); !strings.EqualFold(short, m.Title) {
		return m.Title + " (" + short + ")"
	}
	return m.Title
}

// Text is the metric's value in words.
func (m Metric) Text() string {
	switch {
	case m.Seconds != nil:
		return Spoken(time.Duration(*m.Seconds * float64(time.Second)))
	case m.Problem != "":
		return "not known: the times contradict each other"
	}
	words := []string{}
	for _, n := range m.Missing {
		words = append(words, strings.ReplaceAll(n, "_", " "))
	}
	return "not known: no time for " + strings.Join(words, ", ")
}

// Said is the entry's sentence; a person's note names its author.
func (e Entry) Said() string {
	if e.Kind == "note" {
		return e.Actor.Name + ": " + e.Text
	}
	return e.Text
}

func day(at time.Time) string { return at.UTC().Format("2 Jan 2006 15:04:05") }

// esc makes text literal in CommonMark: on one line, with what could begin
// markup or HTML behind a backslash, and without control characters.
func esc(text string) string {
	var b strings.Builder
	for n, r := range strings.Join(strings.Fields(text), " ") {
		switch {
		case unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control):
			continue
		case strings.ContainsRune("\\`*_{}[]<>#|~&$", r), n == 0 && strings.ContainsRune("+-=:!", r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	// A number that begins a line would begin a list.
	out := b.String()
	if digits := len(out) - len(strings.TrimLeft(out, "0123456789")); digits > 0 && digits < len(out) && strings.ContainsRune(".)", rune(out[digits])) {
		out = out[:digits] + "\\" + out[digits:]
	}
	return out
}

package incident

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/ledger"
)

// Postmortem is the draft of what is written after an incident: everything the
// record knows, and what it cannot know as questions to people. It blames
// nobody: it says who did what so that those can be asked.
type Postmortem struct {
	Incident   Incident   `json:"incident"`
	Office     string     `json:"office"`
	DrawnAt    time.Time  `json:"drawn_at" doc:"When this draft was made"`
	DrawnBy    string     `json:"drawn_by"`
	DeclaredBy string     `json:"declared_by" doc:"Name"`
	Roles      []Person   `json:"roles" doc:"Who held which role at the end"`
	Responders []Person   `json:"responders" doc:"Who was paged, and what came of it"`
	Phases     []Phase    `json:"phases"`
	Metrics    []Metric   `json:"metrics"`
	Runs       []RunLine  `json:"runs" doc:"What was run, in order"`
	Timeline   []Entry    `json:"timeline"`
	Followups  []Followup `json:"followups"`
	Questions  []string   `json:"questions" doc:"What the record leaves open"`
	Checkpoint string     `json:"checkpoint" doc:"The ledger's signed head when the draft was made"`

	names map[string]string
}

// Person is somebody with what they did here.
type Person struct {
	Name string `json:"name"`
	What string `json:"what"`
}

// Phase is the time an incident spent in one stage.
type Phase struct {
	Stage   Stage     `json:"stage"`
	From    time.Time `json:"from"`
	Seconds float64   `json:"seconds"`
}

// RunLine is one run of the incident.
type RunLine struct {
	Number      string     `json:"number"`
	Title       string     `json:"title"`
	Environment string     `json:"environment"`
	AskedBy     string     `json:"asked_by"`
	AskedAt     time.Time  `json:"asked_at"`
	Approvers   []string   `json:"approvers"`
	Waited      float64    `json:"waited_seconds" doc:"For approval"`
	State       string     `json:"state"`
	EndedAt     *time.Time `json:"ended_at,omitempty"`
	LogSHA256   string     `json:"log_sha256"`
}

// Name is how a person's id is written in the draft.
func (p Postmortem) Name(userID string) string {
	if n := p.names[userID]; n != "" {
		return n
	}
	return userID
}

// Draft gathers a postmortem's draft from the record. It writes nothing.
func (s *Store) Draft(ctx context.Context, q db.Querier, who actor.Actor, idOrTicket string) (Postmortem, error) {
	i, err := s.Get(ctx, q, who, idOrTicket)
	if err != nil {
		return Postmortem{}, err
	}
	p := Postmortem{Incident: i, DrawnAt: s.Clock.Now().UTC(), DrawnBy: called(who), Metrics: Metrics(i.Times), names: map[string]string{}}
	if p.Office, err = s.People.OfficeName(ctx, q); err != nil {
		return p, err
	}
	if p.Timeline, err = s.Timeline(ctx, q, who, i.ID); err != nil {
		return p, err
	}
	if p.Followups, err = s.followups(ctx, q, i.ID); err != nil {
		return p, err
	}
	if p.Checkpoint, err = ledger.Head(ctx, q); err != nil {
		return p, err
	}
	users, err := s.People.List(ctx, q)
	if err != nil {
		return p, err
	}
	for _, u := range users {
		p.names[u.ID] = u.Display
	}
	if p.DeclaredBy = p.names[i.DeclaredBy]; p.DeclaredBy == "" {
		p.DeclaredBy = "Muster, from an alert"
	}
	p.Roles, p.Responders, p.Runs = []Person{}, p.responders(), runLines(p.Timeline, p.Name)
	for _, r := range i.Roles {
		p.Roles = append(p.Roles, Person{p.Name(r.UserID), r.Role})
	}
	p.Phases = phases(p.Timeline, i, p.DrawnAt)
	p.Questions = p.open()
	return p, nil
}

// responders says of everybody who was paged what came of it, in the order of the pages.
func (p Postmortem) responders() []Person {
	out := []Person{}
	for _, g := range p.Incident.Pages {
		what := []string{"paged " + stamp(g.PagedAt)}
		for _, m := range []struct {
			verb string
			at   *time.Time
		}{{"seen", g.SeenAt}, {"acknowledged", g.AcknowledgedAt}, {"in the room", g.JoinedAt}} {
			if m.at != nil {
				what = append(what, m.verb+" after "+Spoken(m.at.Sub(g.PagedAt)))
			}
		}
		if g.State == "escalated" {
			what = append(what, "no answer in time, the next was paged")
		}
		out = append(out, Person{p.Name(g.UserID), strings.Join(what, ", ")})
	}
	return append(out, p.others(out)...)
}

// others are those whom no page called: who was asked over, and who decided on
// what was run.
func (p Postmortem) others(paged []Person) []Person {
	out := []Person{}
	add := func(name, what string) {
		named := func(x Person) bool { return x.Name == name }
		if name == "" || slices.ContainsFunc(paged, named) {
			return
		}
		if n := slices.IndexFunc(out, named); n < 0 {
			out = append(out, Person{name, what})
		} else if !strings.Contains(out[n].What, what) {
			out[n].What += ", " + what
		}
	}
	for _, e := range p.Timeline {
		switch e.Kind {
		case "get.asked":
			add(p.Name(e.word("person")), "asked over "+stamp(e.At))
		case "run.approved":
			for _, by := range list(e.Data["by"]) {
				add(p.Name(by), "approved run "+e.word("run"))
			}
		case "run.declined":
			add(e.Actor.Name, "declined run "+e.word("run"))
		}
	}
	return out
}

// phases reads the stages an incident went through, the last up to now or its close.
func phases(es []Entry, i Incident, now time.Time) []Phase {
	out := []Phase{}
	enter := func(st Stage, at time.Time) {
		if n := len(out) - 1; n >= 0 {
			out[n].Seconds = max(0, at.Sub(out[n].From).Seconds())
		}
		out = append(out, Phase{Stage: st, From: at})
	}
	if i.Times.Declared != nil {
		enter(StageDeclared, *i.Times.Declared)
	}
	for _, e := range es {
		if e.Kind == "incident.stage" {
			enter(Stage(e.word("to")), e.At)
		}
	}
	if n := len(out) - 1; n >= 0 {
		if out[n].Stage == Closed {
			return out[:n]
		}
		out[n].Seconds = max(0, now.Sub(out[n].From).Seconds())
	}
	return out
}

// runLines gathers what the timeline tells of each run.
func runLines(es []Entry, name func(string) string) []RunLine {
	out, at := []RunLine{}, map[string]int{}
	for _, e := range es {
		verb, ok := strings.CutPrefix(e.Kind, "run.")
		number := e.word("run")
		if !ok || number == "" {
			continue
		}
		n, known := at[number]
		if !known {
			n = len(out)
			at[number] = n
			out = append(out, RunLine{Number: number, Title: e.first("title", "command"), Environment: e.word("environment"), AskedBy: e.Actor.Name, AskedAt: e.At, Approvers: []string{}, State: e.word("state")})
		}
		switch r := &out[n]; verb {
		case "approved":
			for _, by := range list(e.Data["by"]) {
				r.Approvers = append(r.Approvers, name(by))
			}
			r.State, r.Waited = "queued", e.At.Sub(r.AskedAt).Seconds()
		case "declined":
			r.State, r.Waited = "declined by "+e.Actor.Name, e.At.Sub(r.AskedAt).Seconds()
		case "started":
			r.State = "running"
		case "lost":
			r.State = "unknown"
		case "settled":
			r.State = "settled: " + e.word("outcome")
		case "finished":
			ended := e.At
			r.State, r.EndedAt, r.LogSHA256 = e.word("state"), &ended, e.word("log_sha256")
		}
	}
	return out
}

func list(v any) []string {
	items, _ := v.([]any)
	out := []string{}
	for _, x := range items {
		if text, ok := x.(string); ok {
			out = append(out, text)
		}
	}
	return out
}

// quiet is how long nothing may be on record in an open incident before the
// draft asks what happened then.
const quiet = 20 * time.Minute

// missingMoment asks for a moment that a metric lacks.
var missingMoment = map[string]string{
	"impact_started": "When did the impact start? Until that is set, the time to detect is counted from the first signal at best.",
	"first_signal":   "Which signal told of it first, and when?",
	"detected":       "When was it detected?",
	"acknowledged":   "Who took care of it first? Nobody acknowledged.",
	"mitigated":      "When was the impact over? Without it there is no time to mitigate.",
	"resolved":       "When was it resolved?",
}

// open says what the record leaves open, worst first. Each question has its
// answer on the incident's page or in people's heads, not here.
func (p Postmortem) open() []string {
	i, out := p.Incident, []string{}
	ask := func(format string, a ...any) { out = append(out, fmt.Sprintf(format, a...)) }
	if i.Stage.Open() {
		ask("The incident is still open (%s): everything below may change.", i.Stage)
	}
	if i.Summary == "" {
		ask("What happened, in three sentences a customer would understand? The incident has no summary.")
	}
	for _, name := range TimeNames {
		if text := missingMoment[name]; text != "" && i.Times.Get(name) == nil && (i.Stage == Closed || name != "resolved") {
			ask("%s", text)
		}
	}
	for _, m := range p.Metrics {
		if m.Problem != "" {
			ask("%s: %s", m.Title, m.Problem)
		}
	}
	if !slices.ContainsFunc(p.Timeline, func(e Entry) bool { return e.Kind == "incident.role" && e.word("role") == "commander" }) {
		ask("Nobody held the role of incident commander. Who led, and did everybody know?")
	}
	if len(i.Alerts) == 0 {
		ask("No alert told of it. Which signal could have?")
	}
	for _, a := range i.Alerts {
		if a.State != "resolved" && !i.Stage.Open() {
			ask("The alert “%s” is not resolved. Is the cause really gone?", a.Title)
		}
	}
	for _, g := range i.Pages {
		if g.State == "escalated" {
			ask("%s was paged %s and did not answer in time. What kept the page from reaching them?", p.Name(g.UserID), stamp(g.PagedAt))
		}
	}
	refused := map[string]bool{}
	for _, e := range p.Timeline {
		switch {
		case e.Kind == "page.nobody":
			ask("%s Who should have been?", e.Text)
		case e.Kind == "incident.severity":
			ask("The severity went from SEV-%s to SEV-%s %s. What would have told the right one at once?", e.word("from"), e.word("to"), stamp(e.At))
		case e.Data["action"] != nil && strings.Contains(e.Text, "was refused") && !refused[e.Text]:
			refused[e.Text] = true
			ask("%s. Was that right, or did it cost time?", e.Text)
		}
	}
	for _, r := range p.Runs {
		switch {
		case strings.HasPrefix(r.State, "unknown"):
			ask("Nobody settled how run %s (%s) ended. What did it do?", r.Number, r.Title)
		case r.State == "failed" || r.State == "timed-out":
			ask("Run %s (%s) ended as %s. Is the reason understood?", r.Number, r.Title, r.State)
		}
		if r.Waited > 5*60 {
			ask("Run %s waited %s for its approval. Could somebody have decided sooner?", r.Number, Spoken(time.Duration(r.Waited)*time.Second))
		}
	}
	end := p.DrawnAt
	if at := i.Times.Resolved; at != nil {
		end = *at
	}
	for n := 1; n < len(p.Timeline); n++ {
		from, to := p.Timeline[n-1].At, p.Timeline[n].At
		if to.Sub(from) >= quiet && !to.After(end) {
			ask("Nothing is on record from %s to %s. What happened then?", clocked(from), clocked(to))
		}
	}
	return out
}

func stamp(at time.Time) string { return "at " + clocked(at) }

func clocked(at time.Time) string { return at.UTC().Format("15:04") + " UTC" }

// Exported records that a draft left Muster, by its content.
func (s *Store) Exported(ctx context.Context, tx *db.Tx, who actor.Actor, idOrTicket, format, sum string) error {
	i, err := s.find(ctx, tx, idOrTicket)
	if err != nil {
		return err
	}
	if err := s.check(ctx, tx, who, "read", i); err != nil {
		return err
	}
	return s.Ledger.Append(ctx, tx, who, about(i), PostmortemExported{Format: format, SHA256: sum})
}

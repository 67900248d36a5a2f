package incident_test

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/incident"
	. "muster/internal/incident/incidenttest"
	"muster/internal/incident/paper"
	"muster/internal/ledger"
	"muster/internal/notify"
)

func add(r *Rig, i incident.Incident, in incident.NewFollowup) (f incident.Followup) {
	r.Do(func(tx *db.Tx) (err error) {
		f, err = r.Incidents.AddFollowup(Ctx, tx, r.Bob, i.Ticket, in)
		return err
	})
	return f
}

func TestFollowups(t *testing.T) {
	r := New(t, notify.Settings{})
	i := r.Declare(r.Bob, incident.Declare{Title: "Payments are slow", Severity: 2})
	f := add(r, i, incident.NewFollowup{Kind: "action", Text: "  Alert on queue length ", Owner: r.Ann.ID, Due: "2026-12-01"})
	add(r, i, incident.NewFollowup{Kind: "question", Text: "Why did the standby not take over?"})
	done, answer := "done", "MON-12 is in place"
	r.Do(func(tx *db.Tx) error {
		got, err := r.Incidents.ChangeFollowup(Ctx, tx, r.Ann, i.ID, f.ID, incident.ChangeFollowup{State: &done, Answer: &answer})
		if err == nil && (got.State != "done" || got.ClosedAt == nil || got.Text != "Alert on queue length" || got.Owner != r.Ann.ID) {
			t.Errorf("changed: %+v", got)
		}
		return err
	})
	fs, err := r.Incidents.Followups(Ctx, r.DB.Read(), r.Watcher, i.ID)
	if err != nil || len(fs) != 2 || fs[0].Answer != answer || fs[1].State != "open" {
		t.Fatalf("%+v %v", fs, err)
	}
	es, err := r.Incidents.Timeline(Ctx, r.DB.Read(), r.Ann, i.ID)
	if err != nil {
		t.Fatal(err)
	}
	said := []string{}
	for _, e := range es {
		said = append(said, e.Text)
	}
	for _, want := range []string{"The bob added an action: Alert on queue length", "The bob added an open question: Why did the standby not take over?", "The ann finished an action: Alert on queue length"} {
		if !slices.Contains(said, want) {
			t.Errorf("the timeline does not say %q:\n%s", want, strings.Join(said, "\n"))
		}
	}

	bad, soon, none := "finished", "tomorrow", "nobody"
	for name, try := range map[string]func(tx *db.Tx) error{
		"kind": func(tx *db.Tx) error { return addErr(r, tx, i, incident.NewFollowup{Kind: "wish", Text: "x"}) },
		"text": func(tx *db.Tx) error { return addErr(r, tx, i, incident.NewFollowup{Kind: "action", Text: " \x00 "}) },
		"owner": func(tx *db.Tx) error {
			return addErr(r, tx, i, incident.NewFollowup{Kind: "action", Text: "x", Owner: none})
		},
		"due": func(tx *db.Tx) error {
			return addErr(r, tx, i, incident.NewFollowup{Kind: "action", Text: "x", Due: soon})
		},
		"state": func(tx *db.Tx) error {
			_, err := r.Incidents.ChangeFollowup(Ctx, tx, r.Bob, i.ID, f.ID, incident.ChangeFollowup{State: &bad})
			return err
		},
	} {
		if err := r.Try(try); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := r.Try(func(tx *db.Tx) error {
		_, err := r.Incidents.ChangeFollowup(Ctx, tx, r.Bob, i.ID, "no-such", incident.ChangeFollowup{State: &done})
		return err
	}); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
	if err := r.Try(func(tx *db.Tx) error {
		_, err := r.Incidents.AddFollowup(Ctx, tx, r.Watcher, i.ID, incident.NewFollowup{Kind: "action", Text: "x"})
		return err
	}); fault.KindOf(err) != fault.Denied {
		t.Error(err)
	}
}

func addErr(r *Rig, tx *db.Tx, i incident.Incident, in incident.NewFollowup) error {
	_, err := r.Incidents.AddFollowup(Ctx, tx, r.Bob, i.ID, in)
	return err
}

// TestDraft walks an incident and reads what its postmortem says and asks.
func TestDraft(t *testing.T) {
	r := New(t, notify.Settings{})
	i := r.Declare(r.Bob, incident.Declare{Title: "Payments | <b>down</b>", Severity: 3, Service: "payments-api", Environment: "prod"})
	one := 1
	r.Clock.Advance(25 * time.Minute)
	change(t, r, func(tx *db.Tx) (incident.Incident, error) {
		return r.Incidents.Update(Ctx, tx, r.Bob, i.ID, incident.Change{Severity: &one})
	})
	change(t, r, func(tx *db.Tx) (incident.Incident, error) {
		return r.Incidents.SetStage(Ctx, tx, r.Bob, i.ID, incident.Mitigating, "")
	})
	r.Clock.Advance(10 * time.Minute)
	add(r, i, incident.NewFollowup{Kind: "action", Text: "Watch the *queue*", Due: "2026-12-01"})
	add(r, i, incident.NewFollowup{Kind: "question", Text: "Why at night?"})
	change(t, r, func(tx *db.Tx) (incident.Incident, error) {
		return r.Incidents.SetStage(Ctx, tx, r.Bob, i.ID, incident.Resolved, "restarted")
	})
	p, err := r.Incidents.Draft(Ctx, r.DB.Read(), r.Ann, i.Ticket)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Phases) != 3 || p.Phases[0].Seconds != 25*60 || p.Phases[1].Stage != incident.Mitigating || p.Phases[1].Seconds != 10*60 {
		t.Errorf("phases %+v", p.Phases)
	}
	asked := strings.Join(p.Questions, "\n")
	for _, want := range []string{
		"has no summary", "When did the impact start?", "Nobody acknowledged", "incident commander", "No alert told of it",
		"The severity went from SEV-3 to SEV-1 at 14:25 UTC", "Nothing is on record from 14:00 UTC to 14:25 UTC",
	} {
		if !strings.Contains(asked, want) {
			t.Errorf("not asked: %q in\n%s", want, asked)
		}
	}
	text := p.Markdown()
	for _, want := range []string{
		`# Postmortem of INC-2041: Payments \| \<b\>down\</b\>`, "- [ ] Watch the \\*queue\\* (nobody yet, by 2026-12-01)", "- [ ] Why at night?",
		"| Time to resolve (MTTR) |", "| mitigating | 22 Nov 2026 14:25:00 | 10 min 0 s |", "The ann: paged at 14:00 UTC", p.Checkpoint[:40],
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the draft does not say %q:\n%s", want, text)
		}
	}

	// It leaves on record, and the record verifies.
	r.Do(func(tx *db.Tx) error { return r.Incidents.Exported(Ctx, tx, r.Ann, i.ID, "pdf", "00") })
	es, err := r.Ledger.Events(Ctx, r.DB.Read(), ledger.Filter{Incident: i.ID, Kinds: []string{"incident.PostmortemExported"}, Limit: 10})
	if err != nil || len(es) != 1 || es[0].ActorID != r.Ann.ID {
		t.Errorf("export on record: %+v %v", es, err)
	}
}

// TestPaper reads the PDF back with another program.
func TestPaper(t *testing.T) {
	r := New(t, notify.Settings{})
	long := strings.Repeat("Every word of a long note is set, also over a page's end. ", 60)
	hostile := "Zażółć \U0001F525 \u202e\x07 漢字 " + strings.Repeat("x", 300)
	i := r.Declare(r.Bob, incident.Declare{Title: "Payments API: Überlast", Severity: 1, Environment: "prod", Summary: hostile})
	for _, text := range []string{long, hostile, "short"} {
		r.Do(func(tx *db.Tx) error {
			_, err := r.Incidents.Note(Ctx, tx, r.Bob, i.ID, text, nil)
			return err
		})
	}
	p, err := r.Incidents.Draft(Ctx, r.DB.Read(), r.Ann, i.ID)
	if err != nil {
		t.Fatal(err)
	}
	one, err := paper.PDF(p)
	if err != nil {
		t.Fatal(err)
	}
	two, _ := paper.PDF(p)
	if !bytes.Equal(one, two) {
		t.Error("the same draft gives other bytes")
	}
	cmd := exec.Command("pdftotext", "-layout", "-", "-")
	cmd.Stdin = bytes.NewReader(one)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("read the PDF (Debian's poppler-utils is needed: scripts/need test): %v", err)
	}
	words := strings.Join(strings.Fields(string(out)), " ")
	for _, want := range []string{"INC-2041 Payments API: Überlast", "SEV-1", "Zażółć", "Time to resolve", "over a page's end", "Open questions", "1 of"} {
		if !strings.Contains(words, want) {
			t.Errorf("the PDF does not say %q", want)
		}
	}
	if got := strings.Count(words, "Every word of"); got < 55 {
		t.Errorf("of 60 sentences %d are on paper", got)
	}
}

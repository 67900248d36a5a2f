package incident_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/await"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/incident"
	. "muster/internal/incident/incidenttest"
	"muster/internal/notify"
	"muster/internal/oncall"
)

// until lets the tasks that are due run, until ok or for good.
func until(t *testing.T, r *Rig, id string, ok func(incident.Incident) bool) incident.Incident {
	t.Helper()
	told := make(chan struct{}, 100)
	defer r.Bus.Subscribe(func(topic string, _ any) {
		if topic == "incident:"+id {
			select {
			case told <- struct{}{}:
			default:
			}
		}
	})()
	deadline := time.After(await.Limit)
	for {
		i := r.Incident(id)
		if ok(i) {
			return i
		}
		select {
		case <-told:
		case <-deadline:
			t.Fatalf("it never came to that: %+v\n%s", i, strings.Join(texts(r, i.Room.ID), "\n"))
		}
	}
}

func machine() actor.Actor {
	a := actor.System("alert/s1")
	a.Name, a.Display, a.Door = "prom", "prom", "hook"
	return a
}

func pagedIDs(i incident.Incident) (out []string) {
	for _, p := range i.Pages {
		out = append(out, p.UserID)
	}
	slices.Sort(out)
	return out
}

func told(r *Rig, who actor.Actor, kind string) (out []notify.Notification) {
	ns, _ := r.Notify.List(Ctx, r.DB.Read(), who, false, 0)
	for _, n := range ns {
		if n.Kind == kind {
			out = append(out, n)
		}
	}
	return out
}

func says(t *testing.T, r *Rig, i incident.Incident, words string) {
	t.Helper()
	if all := strings.Join(texts(r, i.Room.ID), "\n"); !strings.Contains(all, words) {
		t.Errorf("the room does not say %q:\n%s", words, all)
	}
}

func catchAll(r *Rig, members ...string) (rot oncall.Rotation) {
	r.Do(func(tx *db.Tx) (err error) {
		rot, err = r.OnCall.CreateRotation(Ctx, tx, r.Admin, oncall.SaveRotation{Name: "duty desk", Members: members, StartsAt: Now.Add(-time.Hour), CatchAll: true})
		return err
	})
	return rot
}

func disable(r *Rig, who actor.Actor) {
	yes := true
	r.Do(func(tx *db.Tx) error {
		_, err := r.Accounts.Update(Ctx, tx, r.Admin, who.ID, account.Change{Disabled: &yes})
		return err
	})
}

// Whatever is wrong with the service, somebody is paged, the administrators
// know, and the room says why.
func TestSomebodyIsAlwaysTold(t *testing.T) {
	for name, c := range map[string]struct {
		service, why string
		spoil        func(r *Rig)
	}{
		"no service":      {"", "No service is named", nil},
		"unknown service": {"ghost", `"ghost" is not a service that Muster knows`, nil},
		"wrong name":      {"Payments Api", `"Payments Api" is not a service that Muster knows`, nil},
		"no rotation": {"lost", "No rotation is on call for lost", func(r *Rig) {
			r.Do(func(tx *db.Tx) error {
				_, err := r.OnCall.CreateService(Ctx, tx, r.Admin, oncall.SaveService{Name: "lost"})
				return err
			})
		}},
		"everybody disabled": {"payments-api", "Nobody in the rotation of payments-api can be paged", func(r *Rig) { disable(r, r.Ann); disable(r, r.Bob) }},
	} {
		t.Run(name, func(t *testing.T) {
			r := New(t, notify.Settings{})
			cleo := r.Person("cleo", "responder")
			if c.spoil != nil {
				c.spoil(r)
			}
			declare := incident.Declare{Title: "Payments down", Severity: 1, Service: c.service, Collects: "group:x"}
			i := r.Declare(machine(), declare)
			if got := pagedIDs(i); !slices.Equal(got, []string{r.Admin.ID}) || len(told(r, r.Admin, "page")) != 1 {
				t.Errorf("without a catch-all %v were paged, want the administrator", got)
			}
			says(t, r, i, c.why)
			if i.NextPage == nil || !i.NextPage.Everybody {
				t.Error("paging ends there:", i.NextPage)
			}
			catchAll(r, cleo.ID)
			declare.Collects = "group:y"
			i = r.Declare(machine(), declare)
			if got := pagedIDs(i); !slices.Equal(got, []string{cleo.ID}) || len(told(r, r.Admin, "info")) != 1 {
				t.Errorf("with a catch-all %v were paged, want Cleo; the administrator heard %v", got, told(r, r.Admin, "info"))
			}
			says(t, r, i, c.why+`, so the catch-all rotation "duty desk" is paged. The administrators are told.`)
			says(t, r, i, "Paged The cleo")
			es, err := r.Incidents.Timeline(Ctx, r.DB.Read(), r.Admin, i.ID)
			if err != nil || !slices.ContainsFunc(es, func(e incident.Entry) bool { return e.Kind == "page.nobody" && strings.Contains(e.Text, c.why) }) {
				t.Error("the timeline does not say it", err)
			}
		})
	}
}

func TestAnIncidentByHandWithoutAServiceTellsTheAdministrators(t *testing.T) {
	r := New(t, notify.Settings{})
	i := r.Declare(r.Bob, incident.Declare{Title: "Something smells"})
	if len(i.Pages) != 0 || i.NextPage != nil || len(told(r, r.Admin, "info")) != 1 {
		t.Errorf("pages %v, next %v, told %v", i.Pages, i.NextPage, told(r, r.Admin, "info"))
	}
	says(t, r, i, "No service is named and there is no catch-all rotation, so nobody is paged.")
	catchAll(r, r.Ann.ID)
	if i = r.Declare(r.Bob, incident.Declare{Title: "Again"}); !slices.Equal(pagedIDs(i), []string{r.Ann.ID}) {
		t.Error("the catch-all was not paged:", pagedIDs(i))
	}
}

// upTheLadder declares an incident of payments-api that nobody answers until the ladder's last step is taken.
func upTheLadder(t *testing.T, r *Rig, severity int) incident.Incident {
	t.Helper()
	i := r.Declare(machine(), incident.Declare{Title: "x", Severity: severity, Service: "payments-api", Collects: "service:payments-api"})
	for n := 2; n <= 4; n++ {
		r.Clock.Advance(5 * time.Minute)
		i = pagesUntil(t, r, i.ID, n)
	}
	return i
}

// After the last step everybody is paged, again and again, more and more
// slowly, until somebody acknowledges; one page each, however long it takes.
func TestAnUnansweredPageNeverEnds(t *testing.T) {
	r := New(t, notify.Settings{})
	cleo := r.Person("cleo", "responder")
	catchAll(r, cleo.ID)
	r.Start()
	i := upTheLadder(t, r, 1)
	if i.NextPage == nil || !i.NextPage.Everybody {
		t.Fatalf("after the ladder's last step: %+v", i.NextPage)
	}
	at := Now.Add(20 * time.Minute)
	for n, wait := range []time.Duration{5, 10, 15, 15, 15} {
		r.Clock.Advance(at.Sub(r.Clock.Now()))
		round := n + 1
		i = until(t, r, i.ID, func(i incident.Incident) bool {
			return len(told(r, cleo, "page")) == round && i.NextPage != nil && i.NextPage.At.After(r.Clock.Now())
		})
		at = at.Add(wait * time.Minute)
		if !i.NextPage.At.Equal(at) || len(i.Pages) != 4+4 {
			t.Errorf("round %d: next %v, want %v; %d pages", round, i.NextPage.At, at, len(i.Pages))
		}
	}
	says(t, r, i, "was paged twice (4 pages) and nobody acknowledged")
	says(t, r, i, "Paged everybody at once: The ann, The bob, The cleo, The root.")
	says(t, r, i, "Still nobody acknowledged: paged everybody again")
	if n := len(told(r, r.Admin, "page")); n != 5 {
		t.Errorf("the administrator was paged %d times", n)
	}
	i = change(t, r, func(tx *db.Tx) (incident.Incident, error) { return r.Incidents.Acknowledge(Ctx, tx, cleo, i.ID) })
	if i.NextPage != nil {
		t.Error("paging goes on after the acknowledgement")
	}
}

// Who is skipped was not paged, is not next, and did not fail to answer.
func TestTheWordsAboutWhoIsSkipped(t *testing.T) {
	r := New(t, notify.Settings{})
	disable(r, r.Ann)
	i := r.Declare(machine(), incident.Declare{Title: "x", Service: "payments-api", Collects: "k"})
	if len(i.Pages) != 1 || i.Pages[0].UserID != r.Bob.ID || i.Pages[0].Level != 1 {
		t.Fatalf("pages %+v", i.Pages)
	}
	says(t, r, i, "Paged The bob, on call for payments-api. Paged again at 14:05 UTC unless somebody acknowledges.")
	if i.NextPage == nil || i.NextPage.UserID != r.Bob.ID {
		t.Errorf("next: %+v", i.NextPage)
	}
}

func TestATestPagesNobodyAndADrillSaysSo(t *testing.T) {
	r := New(t, notify.Settings{})
	i := r.Declare(r.Bob, incident.Declare{Title: "Just testing", Severity: 1, Service: "payments-api", Mode: "test"})
	if len(i.Pages) != 0 || i.NextPage != nil || len(told(r, r.Ann, "page")) != 0 {
		t.Errorf("a test paged: %+v", i.Pages)
	}
	says(t, r, i, "This is a test: it pages nobody.")
	for _, to := range []incident.Target{{UserID: r.Ann.ID}, {Service: "payments-api"}} {
		err := r.Try(func(tx *db.Tx) error { _, err := r.Incidents.Page(Ctx, tx, r.Bob, i.ID, to); return err })
		if !fault.Is(err, fault.Conflict) {
			t.Error("a page by hand for a test:", err)
		}
	}
	i = r.Declare(r.Bob, incident.Declare{Title: "Fire in the hall", Severity: 1, Service: "payments-api", Mode: "drill"})
	ns := told(r, r.Ann, "page")
	if len(ns) != 1 || !strings.HasPrefix(ns[0].Title, "DRILL SEV-1 "+i.Ticket) || !strings.HasPrefix(ns[0].Body, "This is a drill") {
		t.Errorf("the page of a drill: %+v", ns)
	}
	if said := texts(r, i.Room.ID); !strings.HasPrefix(said[0], "DRILL SEV-1 ") {
		t.Errorf("its card: %q", said[0])
	}
	es, _ := r.Incidents.Timeline(Ctx, r.DB.Read(), r.Admin, i.ID)
	if !slices.ContainsFunc(es, func(e incident.Entry) bool {
		return e.Kind == "incident.declared" && strings.Contains(e.Text, "declared the DRILL "+i.Ticket)
	}) {
		t.Errorf("its timeline: %+v", es)
	}
}

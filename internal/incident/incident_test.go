package incident_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/internal/await"

	"github.com/google/go-cmp/cmp"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/incident"
	. "muster/internal/incident/incidenttest"
	"muster/internal/ledger"
	"muster/internal/message"
	"muster/internal/notify"
	"muster/internal/oncall"
)

func change(t *testing.T, r *Rig, fn func(tx *db.Tx) (incident.Incident, error)) (i incident.Incident) {
	t.Helper()
	r.Do(func(tx *db.Tx) (err error) {
		i, err = fn(tx)
		return err
	})
	return i
}

func texts(r *Rig, roomID string) []string {
	out := []string{}
	for _, m := range r.Said(roomID) {
		out = append(out, m.Text)
	}
	return out
}

func TestDeclaringOpensARoomAndPages(t *testing.T) {
	r := New(t, notify.Settings{})
	published := map[string]int{}
	r.Bus.Subscribe(func(topic string, payload any) {
		if m, ok := payload.(map[string]any); ok && m["type"] == "incident" {
			published[topic]++
		}
	})
	i := r.Declare(r.Bob, incident.Declare{Title: " Payments\n API \u202e down ", Severity: 1, Service: "payments-api", Environment: "prod", Summary: "pacs.008 is rejected"})
	if i.Ticket != "INC-2041" || i.Title != "Payments API down" || i.Room.Name != "INC-2041 Payments API down" || i.Stage != incident.StageDeclared || i.Mode != "real" {
		t.Fatalf("declared %+v", i)
	}
	if j := r.Declare(r.Bob, incident.Declare{Title: "Another"}); j.Ticket != "INC-2042" || j.Severity != 3 {
		t.Fatalf("second incident: %+v", j)
	}
	room, err := r.Rooms.Get(Ctx, r.DB.Read(), i.Room.ID)
	if err != nil || room.Kind != "incident" || room.Subject.ID != i.ID || room.Subject.Kind != "incident" {
		t.Fatalf("room %+v %v", room, err)
	}
	members, _ := r.Rooms.Members(Ctx, r.DB.Read(), i.Room.ID)
	if !slices.Contains(members, r.Bob.ID) || !slices.Contains(members, r.Ann.ID) {
		t.Errorf("members %v, want the declarer and who is on call", members)
	}
	if len(i.Pages) != 1 || i.Pages[0].UserID != r.Ann.ID || i.Pages[0].Level != 1 || i.Pages[0].State != "paged" {
		t.Fatalf("pages %+v, want Ann at level 1", i.Pages)
	}
	want := []notify.Delivery{
		{Channel: "app", State: "sent", At: ptr(Now)},
		{Channel: "email", State: "off", At: ptr(Now), Error: "Email is not set up on this server."},
	}
	if d := cmp.Diff(want, i.Pages[0].ChannelStates); d != "" {
		t.Error(d)
	}
	if i.NextPage == nil || i.NextPage.UserID != r.Bob.ID || !i.NextPage.At.Equal(Now.Add(5*time.Minute)) {
		t.Errorf("next page %+v, want Bob after five minutes", i.NextPage)
	}
	said := r.Said(i.Room.ID)
	if said[0].Card == nil || said[0].Card.Type != "incident" || said[0].Card.Ref != i.ID {
		t.Errorf("the first message is no incident card: %+v", said[0])
	}
	if !slices.Contains(texts(r, i.Room.ID), "Paged The ann, on call for payments-api. The bob is next at 14:05 UTC unless somebody acknowledges.") {
		t.Errorf("said %q", texts(r, i.Room.ID))
	}
	if published["office"] != 2 || published["incident:"+i.ID] != 1 {
		t.Errorf("published %v, want each incident once per transaction", published)
	}
	ns, _ := r.Notify.List(Ctx, r.DB.Read(), r.Ann, true, 0)
	if len(ns) != 1 || ns[0].Kind != "page" || ns[0].IncidentID != i.ID || ns[0].Link != "/rooms/"+i.Room.ID {
		t.Errorf("notifications %+v", ns)
	}
}

func ptr[T any](v T) *T { return &v }

func TestDeclaringRefusesWhatIsWrong(t *testing.T) {
	r := New(t, notify.Settings{})
	for field, in := range map[string]incident.Declare{
		"title":       {Title: " "},
		"severity":    {Title: "x", Severity: 5},
		"service":     {Title: "x", Service: "nope"},
		"mode":        {Title: "x", Mode: "fun"},
		"summary":     {Title: "x", Summary: strings.Repeat("x", 4001)},
		"environment": {Title: "x", Environment: strings.Repeat("x", 64)},
	} {
		err := r.Try(func(tx *db.Tx) error { _, err := r.Incidents.Declare(Ctx, tx, r.Bob, in); return err })
		if fs := fault.FieldsOf(err); len(fs) != 1 || fs[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	err := r.Try(func(tx *db.Tx) error {
		_, err := r.Incidents.Declare(Ctx, tx, r.Watcher, incident.Declare{Title: "x"})
		return err
	})
	if !fault.Is(err, fault.Denied) {
		t.Error("an observer declared:", err)
	}
	if is, err := r.Incidents.List(Ctx, r.DB.Read(), r.Bob, "all", 0); err != nil || len(is) != 0 {
		t.Error("something was left behind:", is, err)
	}
	if i := r.Declare(r.Bob, incident.Declare{Title: strings.Repeat("é", 200)}); len([]rune(i.Room.Name)) != 80 {
		t.Errorf("room name %q has %d characters", i.Room.Name, len([]rune(i.Room.Name)))
	}
}

// pagesUntil lets time pass until as many people were paged.
func pagesUntil(t *testing.T, r *Rig, id string, n int) incident.Incident {
	t.Helper()
	told := make(chan struct{}, 100)
	cancel := r.Bus.Subscribe(func(topic string, payload any) {
		if topic == "incident:"+id {
			select {
			case told <- struct{}{}:
			default:
			}
		}
	})
	defer cancel()
	deadline := time.After(await.Limit)
	for {
		if i := r.Incident(id); len(i.Pages) >= n {
			return i
		}
		select {
		case <-told:
		case <-deadline:
			t.Fatalf("only %d pages of %d", len(r.Incident(id).Pages), n)
		}
	}
}

func TestNobodyAcknowledgesAndTheLadderIsClimbedTwice(t *testing.T) {
	r := New(t, notify.Settings{})
	r.Start()
	i := r.Declare(r.Bob, incident.Declare{Title: "x", Service: "payments-api"})
	want := []string{r.Ann.ID, r.Bob.ID, r.Ann.ID, r.Bob.ID}
	for n := 2; n <= 4; n++ {
		r.Clock.Advance(5 * time.Minute)
		i = pagesUntil(t, r, i.ID, n)
	}
	over := make(chan struct{}, 1)
	r.Bus.Subscribe(func(topic string, payload any) {
		if m, ok := payload.(map[string]any); ok && topic == "incident:"+i.ID && m["type"] == "incident" {
			over <- struct{}{}
		}
	})
	r.Clock.Advance(5 * time.Minute)
	select {
	case <-over:
	case <-time.After(await.Limit):
		t.Fatal("the top of the ladder was never reported")
	}
	i = r.Incident(i.ID)
	got := []string{}
	for n, p := range i.Pages {
		got = append(got, p.UserID)
		if n < 4 && (p.Level != n+1 || p.State != "escalated") || n >= 4 && (p.State != "paged" || !p.Everybody) {
			t.Errorf("page %d: %+v", n, p)
		}
	}
	if d := cmp.Diff(append(want, r.Ann.ID, r.Bob.ID, r.Admin.ID), got); d != "" {
		t.Error(d)
	}
	if i.NextPage == nil || !i.NextPage.Everybody {
		t.Errorf("nobody would be paged any more: %+v", i.NextPage)
	}
	if all := strings.Join(texts(r, i.Room.ID), "\n"); !strings.Contains(all, "was paged twice (4 pages) and nobody acknowledged") {
		t.Error(all)
	}
}

func TestAcknowledgingStopsTheLadder(t *testing.T) {
	r := New(t, notify.Settings{})
	i := r.Declare(r.Bob, incident.Declare{Title: "x", Service: "payments-api"})
	r.Clock.Advance(90 * time.Second)
	ns, _ := r.Notify.List(Ctx, r.DB.Read(), r.Ann, true, 0)
	r.Do(func(tx *db.Tx) error { _, err := r.Notify.See(Ctx, tx, r.Ann, ns[0].ID); return err })
	if p := r.Incident(i.ID).Pages[0]; p.State != "seen" || p.SeenAt == nil {
		t.Fatalf("page after seeing: %+v", p)
	}
	r.Clock.Advance(30 * time.Second)
	i = change(t, r, func(tx *db.Tx) (incident.Incident, error) { return r.Incidents.Acknowledge(Ctx, tx, r.Ann, i.Ticket) })
	if p := i.Pages[0]; p.State != "acknowledged" || !p.AcknowledgedAt.Equal(Now.Add(2*time.Minute)) || i.NextPage != nil {
		t.Fatalf("page %+v, next %+v", p, i.NextPage)
	}
	if !i.Times.Acknowledged.Equal(Now.Add(2 * time.Minute)) {
		t.Error(i.Times.Acknowledged)
	}
	var waiting int
	if err := r.DB.Read().QueryRow(Ctx, `SELECT COUNT(*) FROM task WHERE kind = 'incident.escalate' AND state = 'ready'`).Scan(&waiting); err != nil || waiting != 0 {
		t.Fatal("the escalation still waits:", waiting, err)
	}
	ns, _ = r.Notify.List(Ctx, r.DB.Read(), r.Ann, false, 0)
	if ns[0].ActedAt == nil {
		t.Error("the notification does not know that it was answered")
	}
	// A second acknowledgement, by somebody who was not paged, moves nothing.
	r.Clock.Advance(time.Minute)
	before := len(texts(r, i.Room.ID))
	i = change(t, r, func(tx *db.Tx) (incident.Incident, error) { return r.Incidents.Acknowledge(Ctx, tx, r.Bob, i.ID) })
	if !i.Times.Acknowledged.Equal(Now.Add(2*time.Minute)) || len(texts(r, i.Room.ID)) != before {
		t.Error("the moment moved, or it was said twice")
	}
}

func TestFirstResponderAndJoining(t *testing.T) {
	r := New(t, notify.Settings{})
	i := r.Declare(r.Bob, incident.Declare{Title: "x", Service: "payments-api"})
	if i.Times.FirstResponder != nil {
		t.Fatal("declaring is not being in the room")
	}
	r.Clock.Advance(time.Minute)
	r.Enter(r.Ann, i.Room.ID)
	r.Clock.Advance(time.Minute)
	r.Enter(r.Bob, i.Room.ID)
	i = r.Incident(i.ID)
	if !i.Times.FirstResponder.Equal(Now.Add(time.Minute)) {
		t.Error(i.Times.FirstResponder)
	}
	if p := i.Pages[0]; p.JoinedAt == nil || p.SeenAt == nil || p.State != "seen" {
		t.Errorf("page %+v", p)
	}
	if i.Times.Acknowledged != nil {
		t.Error("coming in is not acknowledging")
	}
}

func TestStages(t *testing.T) {
	r := New(t, notify.Settings{})
	i := r.Declare(r.Bob, incident.Declare{Title: "x", Service: "payments-api"})
	set := func(to incident.Stage) (incident.Incident, error) {
		var out incident.Incident
		err := r.Try(func(tx *db.Tx) (err error) {
			out, err = r.Incidents.SetStage(Ctx, tx, r.Ann, i.ID, to, "because")
			return err
		})
		return out, err
	}
	at := func(to incident.Stage) incident.Incident {
		t.Helper()
		r.Clock.Advance(time.Minute)
		out, err := set(to)
		if err != nil || out.Stage != to {
			t.Fatalf("%s: %+v %v", to, out.Stage, err)
		}
		return out
	}
	at(incident.Mitigating)
	if _, err := set(incident.StageDeclared); !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Message(err), "triage, monitoring, resolved, closed") {
		t.Fatal("back to declared:", err)
	}
	if x := at(incident.Monitoring); !x.Times.Mitigated.Equal(Now.Add(2 * time.Minute)) {
		t.Fatal(x.Times.Mitigated)
	}
	if x := at(incident.Mitigating); x.Times.Mitigated != nil {
		t.Fatal("it is not mitigated when work goes on")
	}
	x := at(incident.Resolved)
	if x.Times.Resolved == nil || x.NextPage != nil || x.Times.Mitigated != nil {
		t.Fatalf("%+v", x.Times)
	}
	if x = at(incident.Triage); x.Times.Resolved != nil {
		t.Fatal("a reopened incident is not resolved")
	}
	x = at(incident.Closed)
	room, _ := r.Rooms.Get(Ctx, r.DB.Read(), i.Room.ID)
	if !room.Archived || x.Times.Closed == nil || x.Times.Acknowledged != nil || x.Times.Resolved != nil {
		t.Fatalf("closed: archived %v, %+v", room.Archived, x.Times)
	}
	if err := r.Try(func(tx *db.Tx) error { _, err := r.Incidents.Acknowledge(Ctx, tx, r.Ann, i.ID); return err }); !fault.Is(err, fault.Conflict) {
		t.Error("a closed incident was acknowledged:", err)
	}
	if err := r.Try(func(tx *db.Tx) error {
		_, err := r.Incidents.Page(Ctx, tx, r.Ann, i.ID, incident.Target{UserID: r.Bob.ID})
		return err
	}); !fault.Is(err, fault.Conflict) {
		t.Error("a closed incident paged:", err)
	}
	at(incident.Triage)
	if room, _ = r.Rooms.Get(Ctx, r.DB.Read(), i.Room.ID); room.Archived {
		t.Error("the room of a reopened incident is still archived")
	}
	if err := r.Try(func(tx *db.Tx) error {
		_, err := r.Incidents.SetStage(Ctx, tx, r.Watcher, i.ID, incident.Closed, "")
		return err
	}); !fault.Is(err, fault.Denied) {
		t.Error("an observer closed it:", err)
	}
}

func TestRolesSeverityTitleTimesNotes(t *testing.T) {
	r := New(t, notify.Settings{})
	i := r.Declare(r.Bob, incident.Declare{Title: "old", Severity: 3})
	i = change(t, r, func(tx *db.Tx) (incident.Incident, error) {
		return r.Incidents.SetRole(Ctx, tx, r.Bob, i.ID, "Commander", r.Bob.ID)
	})
	i = change(t, r, func(tx *db.Tx) (incident.Incident, error) {
		return r.Incidents.SetRole(Ctx, tx, r.Bob, i.ID, "commander", r.Ann.ID)
	})
	if len(i.Roles) != 1 || i.Roles[0] != (incident.RoleHeld{Role: "commander", UserID: r.Ann.ID}) {
		t.Fatal(i.Roles)
	}
	if n, _ := r.Notify.Unseen(Ctx, r.DB.Read(), r.Ann.ID); n != 1 {
		t.Error("Ann was not told about her role")
	}
	i = change(t, r, func(tx *db.Tx) (incident.Incident, error) {
		return r.Incidents.Update(Ctx, tx, r.Ann, i.ID, incident.Change{Title: ptr("new"), Severity: ptr(1), Service: ptr("payments-api")})
	})
	if i.Room.Name != "INC-2041 new" || i.Severity != 1 || i.Service != "payments-api" {
		t.Fatalf("%+v", i)
	}
	if err := r.Try(func(tx *db.Tx) error {
		_, err := r.Incidents.Update(Ctx, tx, r.Ann, i.ID, incident.Change{Severity: ptr(0)})
		return err
	}); !fault.Is(err, fault.Invalid) {
		t.Error("severity 0:", err)
	}
	started := Now.Add(-10 * time.Minute)
	i = change(t, r, func(tx *db.Tx) (incident.Incident, error) {
		return r.Incidents.SetTimes(Ctx, tx, r.Ann, i.ID, map[string]*time.Time{"impact_started": &started, "detected": nil})
	})
	if !i.Times.ImpactStarted.Equal(started) || i.Times.Detected != nil {
		t.Errorf("%+v", i.Times)
	}
	for name, at := range map[string]*time.Time{"lunch": &started, "declared": nil, "resolved": ptr(Now.Add(time.Hour)), "closed": ptr(time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC))} {
		err := r.Try(func(tx *db.Tx) error {
			_, err := r.Incidents.SetTimes(Ctx, tx, r.Ann, i.ID, map[string]*time.Time{name: at})
			return err
		})
		if fs := fault.FieldsOf(err); len(fs) != 1 || fs[0].Field != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.Do(func(tx *db.Tx) error {
		_, err := r.Incidents.Note(Ctx, tx, r.Ann, i.ID, "The switch was at fault.", &started)
		return err
	})
	es, err := r.Incidents.Timeline(Ctx, r.DB.Read(), r.Watcher, i.Ticket)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, e := range es {
		got = append(got, e.Kind+": "+e.Text)
	}
	want := []string{
		"note: The switch was at fault.",
		"incident.declared: The bob declared INC-2041 (SEV-3): old",
		`room.opened: The room "INC-2041 old" was opened.`,
		"page.nobody: No service is named and there is no catch-all rotation, so nobody is paged. The administrators are told. Page somebody with /page @name.",
		"incident.role: The bob took the role of commander.",
		"incident.role: The bob made The ann commander.",
		`incident.changed: The ann changed the title from "old" to "new".`,
		`incident.changed: The ann changed the service from "" to "payments-api".`,
		"incident.severity: The ann changed the severity from SEV-3 to SEV-1.",
		"page.sent: The ann was paged, on call for payments-api.",
		`incident.time: The ann set "impact started" to 2026-11-22 13:50:00 UTC.`,
		`incident.time: The ann removed the time of "detected".`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	rep, err := ledger.Verify(Ctx, r.DB.Read(), r.Keys.Verifier, "")
	if err != nil || !rep.OK() {
		t.Error("the ledger does not verify:", rep, err)
	}
}

type unheardOf struct {
	Number int `json:"number" class:"public"`
}

func (unheardOf) EventKind() string { return "coffee.MachineDescaled" }

type runFinished struct {
	Number int    `json:"number" class:"public"`
	Title  string `json:"title" class:"public"`
	State  string `json:"state" class:"public"`
}

func (runFinished) EventKind() string { return "run.Finished" }

func TestTheTimelineTellsOfWhatItDoesNotKnow(t *testing.T) {
	r := New(t, notify.Settings{})
	i := r.Declare(r.Bob, incident.Declare{Title: "x", Service: "payments-api"})
	r.Clock.Advance(time.Second)
	r.Enter(r.Ann, i.Room.ID)
	r.Clock.Advance(time.Second)
	r.Do(func(tx *db.Tx) error {
		if err := r.Ledger.Append(Ctx, tx, r.Ann, ledger.About{Incident: i.ID}, unheardOf{3}); err != nil {
			return err
		}
		return r.Ledger.Append(Ctx, tx, actor.System("run"), ledger.About{Incident: i.ID, Resource: "run:abc"}, runFinished{41, "restart-service", "succeeded"})
	})
	var pinned message.Message
	r.Do(func(tx *db.Tx) (err error) {
		if pinned, err = r.Messages.Post(Ctx, tx, r.Bob, message.New{Room: i.Room.ID, Text: "It is the *switch*"}); err != nil {
			return err
		}
		_, err = r.Messages.Pin(Ctx, tx, r.Ann, pinned.ID, true)
		return err
	})
	es, err := r.Incidents.Timeline(Ctx, r.DB.Read(), r.Ann, i.ID)
	if err != nil {
		t.Fatal(err)
	}
	byKind := map[string]incident.Entry{}
	for _, e := range es {
		byKind[e.Kind] = e
	}
	for kind, want := range map[string]string{
		"coffee.machinedescaled":   "The ann: coffee machine descaled",
		"run.finished":             "Run 41 succeeded: restart-service",
		"page.sent":                "The ann was paged, on call for payments-api.",
		"page.seen":                "The ann saw the page.",
		"office.entered":           "The ann came into the room.",
		"pin":                      "The ann pinned a message of The bob: It is the *switch*",
		"incident.first_responder": "The ann was the first in the room.",
	} {
		if byKind[kind].Text != want {
			t.Errorf("%s: %q, want %q", kind, byKind[kind].Text, want)
		}
	}
	if byKind["pin"].Link != "/rooms/"+i.Room.ID+"#m="+pinned.ID {
		t.Error(byKind["pin"].Link)
	}
	if byKind["run.finished"].Link != "/runs/abc" {
		t.Error(byKind["run.finished"].Link)
	}
}

func TestPagingByHand(t *testing.T) {
	r := New(t, notify.Settings{})
	i := r.Declare(r.Bob, incident.Declare{Title: "x"})
	if len(i.Pages) != 0 {
		t.Fatal(i.Pages)
	}
	page := func(to incident.Target) (i2 incident.Incident, err error) {
		err = r.Try(func(tx *db.Tx) error {
			i2, err = r.Incidents.Page(Ctx, tx, r.Bob, i.ID, to)
			return err
		})
		return i2, err
	}
	if x, err := page(incident.Target{UserID: r.Admin.ID}); err != nil || len(x.Pages) != 1 || x.Pages[0].Level != 0 || x.NextPage != nil {
		t.Fatalf("%+v %v", x.Pages, err)
	}
	if x, err := page(incident.Target{Service: "payments-api"}); err != nil || len(x.Pages) != 2 || x.NextPage == nil {
		t.Fatalf("%+v %v", x.Pages, err)
	}
	for _, to := range []incident.Target{{}, {UserID: "nobody"}, {Service: "nope"}, {UserID: r.Ann.ID, Service: "payments-api"}} {
		if _, err := page(to); err == nil {
			t.Errorf("%+v was paged", to)
		}
	}
	// A service nobody is on call for says so where people look.
	r.Do(func(tx *db.Tx) error {
		_, err := r.OnCall.CreateService(Ctx, tx, r.Admin, oncall.SaveService{Name: "lonely"})
		return err
	})
	if _, err := page(incident.Target{Service: "lonely"}); err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(texts(r, i.Room.ID), "\n"); !strings.Contains(all, "No rotation is on call for lonely, and there is no catch-all rotation") {
		t.Error(all)
	}
}

func TestTwoDeclarationsAtOnceGetTwoTickets(t *testing.T) {
	r := New(t, notify.Settings{})
	const n = 12
	got := make(chan string, n)
	for range n {
		go func() {
			var i incident.Incident
			err := r.DB.Do(context.Background(), func(tx *db.Tx) (err error) {
				i, err = r.Incidents.Declare(Ctx, tx, r.Bob, incident.Declare{Title: "x"})
				return err
			})
			if err != nil {
				got <- err.Error()
				return
			}
			got <- i.Ticket
		}()
	}
	seen := map[string]bool{}
	for range n {
		seen[<-got] = true
	}
	if len(seen) != n || !seen["INC-2041"] || !seen["INC-2052"] {
		t.Errorf("tickets %v", seen)
	}
}

type requested struct {
	Run         int64  `json:"run" class:"public"`
	Title       string `json:"title" class:"internal"`
	Environment string `json:"environment" class:"public"`
	State       string `json:"state" class:"public"`
	NodeCount   int    `json:"node_count" class:"public"`
}

func (requested) EventKind() string { return "run.Requested" }

type approved struct {
	Run   int64  `json:"run" class:"public"`
	Title string `json:"title" class:"internal"`
	Note  string `json:"note" class:"internal"`
}

func (approved) EventKind() string { return "run.Approved" }

type finished struct {
	Run         int64    `json:"run" class:"public"`
	Title       string   `json:"title" class:"internal"`
	Environment string   `json:"environment" class:"public"`
	State       string   `json:"state" class:"public"`
	Reason      string   `json:"reason" class:"internal"`
	Nodes       int      `json:"nodes" class:"public"`
	Failed      []string `json:"failed" class:"internal"`
}

func (finished) EventKind() string { return "run.Finished" }

type voted struct {
	Decision string `json:"decision" class:"public"`
	State    string `json:"state" class:"public"`
}

func (voted) EventKind() string { return "approval.Voted" }

func TestTheTimelineTellsOfRuns(t *testing.T) {
	r := New(t, notify.Settings{})
	i := r.Declare(r.Bob, incident.Declare{Title: "x"})
	at := ledger.About{Incident: i.ID, Resource: "run:abc"}
	for _, ev := range []ledger.Event{
		requested{41, "restart-service", "prod", "waiting", 3}, voted{"approve", "asked"}, voted{"approve", "approved"}, approved{41, "restart-service", "go"},
		finished{41, "restart-service", "prod", "failed", "", 3, []string{"web-2"}},
	} {
		r.Clock.Advance(time.Second)
		r.Do(func(tx *db.Tx) error { return r.Ledger.Append(Ctx, tx, r.Ann, at, ev) })
	}
	es, err := r.Incidents.Timeline(Ctx, r.DB.Read(), r.Ann, i.ID)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, e := range es[3:] {
		got = append(got, e.Text)
	}
	want := []string{
		"The ann asked for run 41: restart-service in prod on 3 nodes · waits for approval",
		"The ann approved what was asked; more approvals are needed.",
		"The ann approved run 41: restart-service · go",
		"Run 41 failed: restart-service in prod on 3 nodes (1 failed)",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A task runs at least once: the second time must not page again.
func TestAnEscalationThatRunsTwicePagesOnce(t *testing.T) {
	r := New(t, notify.Settings{})
	i := r.Declare(r.Bob, incident.Declare{Title: "x", Service: "payments-api"})
	r.Do(func(tx *db.Tx) error { // the same task, as if its worker had vanished after the commit
		_, err := tx.Exec(Ctx, `INSERT INTO task (id, kind, args, run_at, max_attempts) SELECT 'again', kind, args, run_at + 1, max_attempts FROM task WHERE kind = 'incident.escalate'`)
		return err
	})
	r.Start()
	r.Clock.Advance(5*time.Minute + time.Second)
	pagesUntil(t, r, i.ID, 2)
	for {
		var left int
		if err := r.DB.Read().QueryRow(Ctx, `SELECT COUNT(*) FROM task WHERE id = 'again' AND state IN ('ready', 'running')`).Scan(&left); err != nil {
			t.Fatal(err)
		}
		if left == 0 {
			break
		}
	}
	if i = r.Incident(i.ID); len(i.Pages) != 2 {
		t.Errorf("%d pages", len(i.Pages))
	}
}

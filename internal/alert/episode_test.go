package alert_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"muster/internal/actor"
	"muster/internal/alert"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/incident"
	. "muster/internal/incident/incidenttest"
	"muster/internal/oncall"
)

func (r *rig) one(id string) alert.Alert {
	r.t.Helper()
	a, err := r.alerts.Get(Ctx, r.DB.Read(), r.Ann, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

func (r *rig) resolve(who actor.Actor, ids ...string) {
	r.t.Helper()
	r.Do(func(tx *db.Tx) error { _, err := r.alerts.ResolveAll(Ctx, tx, who, ids); return err })
}

func (r *rig) ack(id string) {
	r.t.Helper()
	r.Do(func(tx *db.Tx) error { _, err := r.Incidents.Acknowledge(Ctx, tx, r.Ann, id); return err })
}

// lines gives what the room was told, cards and replies too.
func (r *rig) lines(i incident.Incident) []string {
	out := []string{}
	for _, m := range r.Said(i.Room.ID) {
		out = append(out, m.Text)
	}
	return out
}

func (r *rig) says(i incident.Incident, part string) bool {
	return strings.Contains(strings.Join(r.lines(i), "\n"), part)
}

func counted(t *testing.T, got alert.Received, fired, repeated, resolved int) {
	t.Helper()
	if got.Fired != fired || got.Repeated != repeated || got.Resolved != resolved {
		t.Fatalf("fired %d, repeated %d, resolved %d; want %d, %d, %d", got.Fired, got.Repeated, got.Resolved, fired, repeated, resolved)
	}
}

// An alert that never heard "resolved" does not swallow the next outage.
func TestAnAlertEndsWithItsIncident(t *testing.T) {
	for _, stage := range []incident.Stage{incident.Resolved, incident.Closed} {
		r := open(t)
		r.deliver(r.src, one(firing("Orphan", -60)))
		i := r.open()[0]
		r.stage(i.ID, stage)
		a := r.list("")[0]
		if a.State != "resolved" || a.EndedBy != "incident" {
			t.Fatalf("%s: %+v", stage, a)
		}
		if stage == incident.Resolved && !r.says(i, "1 alert that still fired ends with the incident.") {
			t.Error(r.lines(i))
		}
		// What was under way changes nothing.
		counted(t, r.deliver(r.src, one(firing("Orphan", -60))), 0, 1, 0)
		r.Clock.Advance(48 * time.Hour)
		counted(t, r.deliver(r.src, one(firing("Orphan", 48*60))), 1, 0, 0)
		is := r.open()
		if is[0].ID == i.ID || len(is[0].Pages) != 1 || len(is[0].Alerts) != 1 {
			t.Fatalf("%s: no new incident: %+v", stage, is[0])
		}
		if was := r.Incident(i.ID); len(was.Alerts) != 1 || was.Alerts[0].State != "resolved" {
			t.Errorf("the old incident lost its alert: %+v", was.Alerts)
		}
	}
}

// Closed and firing again at once, with a later start: case 01.
func TestALaterStartAfterTheCloseIsANewIncident(t *testing.T) {
	r := open(t)
	r.deliver(r.src, one(firing("Orphan", -60)))
	i := r.open()[0]
	r.stage(i.ID, incident.Resolved)
	r.stage(i.ID, incident.Closed)
	counted(t, r.deliver(r.src, one(firing("Orphan", 0))), 1, 0, 0)
	if is := r.open(); len(is) != 1 || is[0].ID == i.ID || len(is[0].Pages) != 1 {
		t.Fatalf("%+v", is)
	}
}

// The same start goes on after people said that it is over: within the window the
// incident reopens and pages, later another is declared and paged.
func TestWhatGoesOnAfterItsIncidentIsToldAnew(t *testing.T) {
	r := open(t)
	r.deliver(r.src, one(firing("A", 0)))
	i := r.open()[0]
	r.ack(i.ID)
	r.stage(i.ID, incident.Resolved)
	r.Clock.Advance(10 * time.Minute)
	counted(t, r.deliver(r.src, one(firing("A", 0))), 1, 0, 0)
	if got := r.Incident(i.ID); got.Stage != incident.Triage || len(got.Pages) != 2 || got.NextPage == nil {
		t.Fatalf("%s, %d pages", got.Stage, len(got.Pages))
	}
	for range 10 { // resends are repeats again
		r.Clock.Advance(5 * time.Minute)
		counted(t, r.deliver(r.src, one(firing("A", 0))), 0, 1, 0)
	}
	r.stage(i.ID, incident.Resolved)
	r.Clock.Advance(31 * time.Minute)
	counted(t, r.deliver(r.src, one(firing("A", 0))), 1, 0, 0)
	if is := r.open(); is[0].ID == i.ID || len(is[0].Pages) != 1 {
		t.Fatalf("%+v", is[0])
	}
}

// A data folder of before: an alert that is live although its incident is over.
func TestOrphansComeAliveAgain(t *testing.T) {
	r := open(t)
	r.deliver(r.src, one(firing("A", -60)))
	i := r.open()[0]
	r.stage(i.ID, incident.Closed)
	r.Do(func(tx *db.Tx) error {
		_, err := tx.Exec(Ctx, `UPDATE alert SET state = 'acknowledged', ended_by = '', resolved_at = 0, ends_at = 0`)
		return err
	})
	r.Clock.Advance(5 * time.Hour)
	counted(t, r.deliver(r.src, one(firing("A", -60))), 1, 0, 0)
	as := r.list("")
	if is := r.open(); len(is) != 1 || is[0].ID == i.ID || len(is[0].Pages) != 1 || len(as) != 2 || as[1].State != "resolved" || as[1].EndedBy != "incident" {
		t.Fatalf("%+v, %+v", is, as)
	}
}

// Two replicas of Prometheus: the start moves back, and the end with it. Case 02.
func TestAnEarlierStartIsKeptAndItsEndCounts(t *testing.T) {
	r := open(t)
	r.Clock.Advance(time.Minute)
	r.deliver(r.src, one(at("HA", 50, 0)))
	counted(t, r.deliver(r.src, one(at("HA", 35, 0))), 0, 1, 0)
	if a := r.list("")[0]; !a.StartsAt.Equal(Now.Add(35 * time.Second)) {
		t.Error(a.StartsAt)
	}
	// The later start again is no new episode.
	counted(t, r.deliver(r.src, one(at("HA", 50, 0))), 0, 1, 0)
	counted(t, r.deliver(r.src, one(at("HA", 35, 59))), 0, 0, 1)
	if a := r.list("")[0]; a.State != "resolved" || a.EndedBy != "source" {
		t.Error(a)
	}

	// An end with an earlier start than any that was heard counts too.
	r = open(t)
	r.Clock.Advance(time.Minute)
	r.deliver(r.src, one(at("HA", 50, 0)))
	counted(t, r.deliver(r.src, one(at("HA", 20, 58))), 0, 0, 1)
	// And one that names no time at all.
	r = open(t)
	r.deliver(r.src, one(at("HA", -5, 0)))
	e := at("HA", -50, 1)
	e.EndsAt = time.Time{}
	counted(t, r.deliver(r.src, one(e)), 0, 0, 1)
}

// at is an alert with its start, and where it ended its end, in seconds.
func at(name string, start, end int) alert.Incoming {
	a := firing(name, 0)
	a.StartsAt = Now.Add(time.Duration(start) * time.Second)
	if end != 0 {
		a.Status, a.EndsAt = "resolved", Now.Add(time.Duration(end)*time.Second)
	}
	return a
}

// A live alert that fires with a clearly later start ended in between: the
// acknowledgement is of what was before.
func TestALaterStartOfALiveAlertIsANewEpisode(t *testing.T) {
	r := open(t)
	r.deliver(r.src, one(firing("A", 0)))
	i := r.open()[0]
	r.ack(i.ID)
	r.Clock.Advance(20 * time.Minute)
	counted(t, r.deliver(r.src, one(firing("A", 19))), 1, 0, 0)
	a := r.list("")
	if len(a) != 1 || a[0].State != "open" || a[0].IncidentID != i.ID || !a[0].StartsAt.Equal(Now.Add(19*time.Minute)) || len(r.open()) != 1 {
		t.Fatalf("%+v", a)
	}
	// A leftover of the first episode neither moves the start back nor ends it.
	counted(t, r.deliver(r.src, one(firing("A", 0))), 0, 1, 0)
	counted(t, r.deliver(r.src, one(resolved("A", 0, 10))), 0, 1, 0)
	if a := r.list("")[0]; a.State != "open" || !a.StartsAt.Equal(Now.Add(19*time.Minute)) {
		t.Fatalf("%+v", a)
	}
	// Long after the newest alert the open incident does not make it deaf.
	r.Clock.Advance(3 * time.Hour)
	counted(t, r.deliver(r.src, one(firing("A", 199))), 1, 0, 0)
	if is := r.open(); len(is) != 2 || len(is[0].Pages) != 1 || len(r.list("")) != 2 {
		t.Fatalf("%+v", is)
	}
}

// By hand: it stays ended while the source goes on about the same trouble and
// people are at it, but not for ever.
func TestAnEndByHandHoldsForItsEpisode(t *testing.T) {
	r := open(t)
	r.deliver(r.src, one(firing("A", 0), firing("B", 0)))
	i := r.open()[0]
	as := r.list("")
	id := as[1].ID
	if err := r.Try(func(tx *db.Tx) error { _, err := r.alerts.Resolve(Ctx, tx, r.Watcher, id); return err }); !fault.Is(err, fault.Denied) {
		t.Fatal("an observer resolved:", err)
	}
	r.resolve(r.Ann, id)
	if a := r.one(id); a.State != "resolved" || a.EndedBy != "person" || a.ResolvedBy != r.Ann.ID || a.Abilities["resolve"] {
		t.Fatalf("%+v", a)
	}
	if !r.says(i, "The ann resolved it by hand") {
		t.Error(r.lines(i))
	}
	before := len(r.Said(i.Room.ID))
	for range 12 {
		r.Clock.Advance(4 * time.Hour)
		counted(t, r.deliver(r.src, one(firing("A", 0))), 0, 1, 0)
	}
	if a := r.one(id); a.State != "resolved" || a.Count != 13 || len(r.Incident(i.ID).Pages) != 1 || len(r.Said(i.Room.ID)) != before {
		t.Fatalf("%+v", a)
	}
	// Its incident is over: the same trouble is held for the window, then told.
	r.stage(i.ID, incident.Closed)
	r.Clock.Advance(20 * time.Minute)
	counted(t, r.deliver(r.src, one(firing("A", 0))), 0, 1, 0)
	r.Clock.Advance(20 * time.Minute)
	counted(t, r.deliver(r.src, one(firing("A", 0))), 1, 0, 0)
	if is := r.open(); len(is) != 1 || is[0].ID == i.ID || len(is[0].Pages) != 1 {
		t.Fatalf("%+v", is)
	}
}

func TestALaterStartEndsWhatAPersonSaid(t *testing.T) {
	r := open(t)
	r.deliver(r.src, one(firing("A", 0)))
	i := r.open()[0]
	r.resolve(r.Ann, r.list("")[0].ID)
	r.Clock.Advance(10 * time.Minute)
	counted(t, r.deliver(r.src, one(firing("A", 5))), 1, 0, 0)
	if a := r.list("")[0]; a.State != "open" || a.IncidentID != i.ID || a.ResolvedBy != "" || a.EndedBy != "" {
		t.Fatalf("%+v", a)
	}
	// So does an end that the source itself names, whatever start comes after it.
	r.resolve(r.Ann, r.list("")[0].ID)
	r.Clock.Advance(time.Minute)
	counted(t, r.deliver(r.src, one(resolved("A", 5, 11))), 0, 1, 0)
	r.Clock.Advance(2 * time.Minute)
	counted(t, r.deliver(r.src, one(firing("A", 5))), 1, 0, 0)
}

// Nothing was heard for so long that it is over, and that is said.
func TestSilenceEndsAnAlert(t *testing.T) {
	r := open(t)
	r.Do(func(tx *db.Tx) error {
		hour := 3600
		_, err := r.alerts.UpdateSource(Ctx, tx, r.Admin, r.src.ID, alert.ChangeSource{StaleAfter: &hour})
		return err
	})
	r.src.StaleAfter = 3600
	r.Start()
	r.deliver(r.src, one(firing("A", 0), firing("B", 0)))
	i := r.open()[0]
	r.Clock.Advance(45 * time.Minute)
	r.deliver(r.src, one(firing("B", 0)))
	r.Clock.Advance(20 * time.Minute)
	r.until(func() bool { return len(r.list("resolved")) == 1 })
	a := r.list("resolved")[0]
	if a.Labels["alertname"] != "A" || a.EndedBy != "silence" {
		t.Fatalf("%+v", a)
	}
	if !r.says(i, `core sent nothing about "A fires" for 1 h 0 min`) || !r.says(i, "it is taken for over") {
		t.Error(strings.Join(r.lines(i), "\n"))
	}
	if got := r.Incident(i.ID); got.Stage != incident.StageDeclared {
		t.Error(got.Stage)
	}
	for range 6 {
		r.Clock.Advance(time.Hour)
	}
	r.until(func() bool { return len(r.list("resolved")) == 2 })
	// It fires again: heard as any other.
	r.Clock.Advance(2 * time.Hour)
	counted(t, r.deliver(r.src, one(firing("A", 0))), 1, 0, 0)
	if is := r.open(); len(is) != 2 || len(is[0].Pages) != 1 {
		t.Fatalf("%+v", is)
	}
}

// until waits for a task's work: news of it come by the bus.
func (r *rig) until(done func() bool) {
	r.t.Helper()
	for limit := time.Now().Add(30 * time.Second); !done(); {
		if time.Now().After(limit) {
			r.t.Fatal("it did not come")
		}
		r.Tasks.Wake()
	}
}

func TestTheSettingOfSilenceIsBounded(t *testing.T) {
	r := open(t)
	for _, n := range []int{1, -1, 100 * 24 * 3600} {
		err := r.Try(func(tx *db.Tx) error {
			_, err := r.alerts.UpdateSource(Ctx, tx, r.Admin, r.src.ID, alert.ChangeSource{StaleAfter: &n})
			return err
		})
		if fs := fault.FieldsOf(err); len(fs) != 1 || fs[0].Field != "stale_after_seconds" {
			t.Errorf("%d: %v", n, err)
		}
	}
	name := "other"
	if err := r.Try(func(tx *db.Tx) error {
		_, err := r.alerts.UpdateSource(Ctx, tx, r.Ann, r.src.ID, alert.ChangeSource{Name: &name})
		return err
	}); !fault.Is(err, fault.Denied) {
		t.Error("a responder changed a source:", err)
	}
}

// A critical alert of the same service is not swallowed by an acknowledged
// warning elsewhere: case 03.
func TestEnvironmentsDoNotShareAnIncident(t *testing.T) {
	r := open(t)
	r.deliver(r.src, one(firing("DiskWarn", 0, "severity", "warning", "env", "dev")))
	r.ack(r.open()[0].ID)
	r.deliver(r.src, one(firing("PaymentsDown", 0, "env", "prod")))
	is := r.open()
	if len(is) != 2 || is[0].Severity != 1 || is[0].Environment != "prod" || len(is[0].Pages) != 1 || is[1].Severity != 3 {
		t.Fatalf("%+v", is)
	}
}

// A worse alert raises the incident it joins, and pages although it is acknowledged.
func TestAWorseAlertRaisesAndPages(t *testing.T) {
	worse := map[string]alert.Incoming{"another alert": firing("Down", 1, "severity", "critical"), "the same alert": firing("Disk", 0, "severity", "critical")}
	for name, bad := range worse {
		t.Run(name, func(t *testing.T) {
			r := open(t)
			r.deliver(r.src, one(firing("Disk", 0, "severity", "warning")))
			i := r.open()[0]
			r.ack(i.ID)
			r.Clock.Advance(time.Minute)
			r.deliver(r.src, one(bad))
			if len(r.open()) != 1 {
				t.Fatal("it opened another")
			}
			if i = r.Incident(i.ID); i.Severity != 1 || len(i.Pages) != 2 || i.NextPage == nil {
				t.Fatalf("SEV-%d, %d pages, next %v", i.Severity, len(i.Pages), i.NextPage)
			}
			if !r.says(i, "raised the severity from SEV-3 to SEV-1: "+bad.Annotations["summary"]) {
				t.Error(r.lines(i))
			}
			// The same again, and a milder one, change nothing.
			r.deliver(r.src, one(bad))
			r.deliver(r.src, one(firing("Disk", 0, "severity", "warning"), firing("Third", 1, "severity", "warning")))
			if i = r.Incident(i.ID); i.Severity != 1 || len(i.Pages) != 2 {
				t.Errorf("SEV-%d, %d pages", i.Severity, len(i.Pages))
			}
		})
	}
}

// From SEV-4 to SEV-3 is told by a notice, not by a page.
func TestASmallRiseIsANotice(t *testing.T) {
	r := open(t)
	i := r.Declare(r.Bob, incident.Declare{Title: "slow", Service: "payments-api", Severity: 4, Gathers: true})
	r.deliver(r.src, one(firing("A", 0, "severity", "warning")))
	if i = r.Incident(i.ID); i.Severity != 3 || len(i.Pages) != 1 {
		t.Fatalf("SEV-%d, %d pages", i.Severity, len(i.Pages))
	}
	var n int
	if err := r.DB.Read().QueryRow(Ctx, `SELECT COUNT(*) FROM notification WHERE person = $1 AND kind = 'info' AND incident = $2`, r.Ann.ID, i.ID).Scan(&n); err != nil || n != 1 {
		t.Error(n, err)
	}
}

// By hand too: a raise and a reopening tell who is on call.
func TestARaiseByHandTells(t *testing.T) {
	r := open(t)
	i := r.Declare(r.Bob, incident.Declare{Title: "slow", Service: "payments-api", Severity: 4})
	set := func(n int) {
		r.Do(func(tx *db.Tx) error {
			_, err := r.Incidents.Update(Ctx, tx, r.Bob, i.ID, incident.Change{Severity: &n})
			return err
		})
	}
	set(1)
	if got := r.Incident(i.ID); len(got.Pages) != 2 || got.Severity != 1 {
		t.Fatalf("%+v", got.Pages)
	}
	set(2)
	r.stage(i.ID, incident.Resolved)
	r.Do(func(tx *db.Tx) error {
		_, err := r.Incidents.SetStage(Ctx, tx, r.Bob, i.ID, incident.Triage, "")
		return err
	})
	if got := r.Incident(i.ID); len(got.Pages) != 3 {
		t.Fatalf("%+v", got.Pages)
	}
}

func TestGatheringHasAnEnd(t *testing.T) {
	r := open(t)
	r.deliver(r.src, one(firing("A", 0)))
	r.Clock.Advance(119 * time.Minute)
	r.deliver(r.src, one(firing("B", 119)))
	r.Clock.Advance(119 * time.Minute) // since the newest
	r.deliver(r.src, one(firing("C", 238)))
	if is := r.open(); len(is) != 1 || len(is[0].Alerts) != 3 {
		t.Fatalf("%+v", is)
	}
	r.ack(r.open()[0].ID)
	r.Clock.Advance(121 * time.Minute)
	r.deliver(r.src, one(firing("A", 0), firing("B", 119), firing("C", 238))) // resends do not keep it open
	r.deliver(r.src, one(firing("D", 359)))
	if is := r.open(); len(is) != 2 || len(is[0].Alerts) != 1 || len(is[0].Pages) != 1 || !is[0].Gathers || is[1].Gathers {
		t.Fatalf("%+v", is)
	}
	// A service may have a window of its own.
	r.Do(func(tx *db.Tx) error {
		ten := 600
		_, err := r.OnCall.UpdateService(Ctx, tx, r.Admin, "payments-api", oncall.ChangeService{GatherAfter: &ten})
		return err
	})
	r.Clock.Advance(11 * time.Minute)
	r.deliver(r.src, one(firing("E", 370)))
	if is := r.open(); len(is) != 3 {
		t.Fatal(len(is))
	}
}

// A person's incident takes alerts in only where its declarer says so.
func TestAHandMadeIncidentIsLeftAlone(t *testing.T) {
	r := open(t)
	hand := r.Declare(r.Bob, incident.Declare{Title: "gnp.exe", Service: "payments-api", Environment: "prod"})
	r.deliver(r.src, one(firing("A", 0, "env", "prod")))
	if is := r.open(); len(is) != 2 || is[1].ID != hand.ID || len(is[1].Alerts) != 0 || len(is[0].Pages) != 1 {
		t.Fatalf("%+v", is)
	}
	// Who says so takes over from what gathered before.
	mine := r.Declare(r.Bob, incident.Declare{Title: "all of it", Service: "Payments-API", Environment: "prod", Gathers: true})
	r.deliver(r.src, one(firing("B", 0, "env", "PROD")))
	if got := r.Incident(mine.ID); len(got.Alerts) != 1 {
		t.Fatalf("%+v", got.Alerts)
	}
	if !mine.Production {
		t.Error("prod is not said to be production")
	}
	for field, in := range map[string]incident.Declare{"gathers": {Title: "x", Gathers: true}, " gathers": {Title: "x", Service: "payments-api", Mode: "test", Gathers: true}} {
		err := r.Try(func(tx *db.Tx) error { _, err := r.Incidents.Declare(Ctx, tx, r.Bob, in); return err })
		if fs := fault.FieldsOf(err); len(fs) != 1 || fs[0].Field != strings.TrimSpace(field) {
			t.Errorf("%+v: %v", in, err)
		}
	}
	// What it is about changes: so does what it gathers.
	dev := "dev"
	r.Do(func(tx *db.Tx) error {
		i, err := r.Incidents.Update(Ctx, tx, r.Bob, mine.ID, incident.Change{Environment: &dev})
		if err == nil && i.Production {
			t.Error("dev is said to be production")
		}
		return err
	})
	r.deliver(r.src, one(firing("C", 0, "env", "dev")))
	r.deliver(r.src, one(firing("D", 0, "env", "prod")))
	if got := r.Incident(mine.ID); len(got.Alerts) != 2 || len(r.open()) != 4 {
		t.Fatalf("%+v, %d open", got.Alerts, len(r.open()))
	}
}

// The alert's own label says the service; the source's stands in.
func TestTheLabelNamesTheService(t *testing.T) {
	r := open(t)
	r.Do(func(tx *db.Tx) error {
		_, err := r.OnCall.CreateService(Ctx, tx, r.Admin, oncall.SaveService{Name: "case-svc", RotationID: r.Rotation.ID})
		return err
	})
	r.deliver(r.src, one(firing("A", 0, "service", "Case-Svc"), firing("B", 0), firing("C", 0, "service", "ghost")))
	got := map[string]string{}
	for _, a := range r.list("") {
		got[a.Labels["alertname"]] = a.Service
	}
	if got["A"] != "case-svc" || got["B"] != "payments-api" || got["C"] != "payments-api" {
		t.Error(got)
	}
	for _, i := range r.open() {
		if len(i.Pages) != 1 {
			t.Errorf("%s: %+v", i.Service, i.Pages)
		}
		if i.Service == "payments-api" && !r.says(i, `There is no service "ghost"`) {
			t.Error(r.lines(i))
		}
	}
	src := r.sources()[0]
	if !strings.Contains(src.Notice, "ghost") {
		t.Error(src.Notice)
	}
}

func (r *rig) sources() []alert.Source {
	ss, err := r.alerts.Sources(Ctx, r.DB.Read(), r.Admin)
	if err != nil {
		r.t.Fatal(err)
	}
	return ss
}

func TestAcknowledgingAnIncidentAcknowledgesItsAlerts(t *testing.T) {
	r := open(t)
	r.deliver(r.src, one(firing("A", 0), firing("B", 0)))
	i := r.open()[0]
	r.ack(i.ID)
	for _, a := range r.list("") {
		if a.State != "acknowledged" || a.AcknowledgedBy != r.Ann.ID {
			t.Errorf("%+v", a)
		}
	}
	// What joins later waits; saying it again takes that in too.
	r.deliver(r.src, one(firing("C", 0)))
	if len(r.list("open")) != 1 {
		t.Fatal("a new alert is acknowledged")
	}
	r.ack(i.ID)
	if len(r.list("open")) != 0 {
		t.Error("the second acknowledgement did nothing")
	}
}

func TestSeveralAlertsAtOnce(t *testing.T) {
	r := open(t)
	low := r.source("low", "")
	var all []string
	r.deliver(r.src, one(firing("A", 0), firing("B", 0)))
	r.deliver(low, one(firing("C", 0, "severity", "info"), firing("D", 0, "severity", "info")))
	for _, a := range r.list("") {
		all = append(all, a.ID)
	}
	r.Do(func(tx *db.Tx) error {
		as, err := r.alerts.AcknowledgeAll(Ctx, tx, r.Ann, append(all, all[0]))
		if len(as) != 4 || as[0].State != "acknowledged" {
			t.Errorf("%+v", as)
		}
		return err
	})
	if i := r.open()[0]; i.Times.Acknowledged == nil {
		t.Error("the incident is not acknowledged")
	}
	r.resolve(r.Ann, all...)
	if len(r.list("live")) != 0 || r.open()[0].Stage != incident.StageDeclared {
		t.Error("not all are resolved, or the incident moved")
	}
	// Twice is once; none, too many and what is not there are refused whole.
	r.resolve(r.Ann, all...)
	for _, ids := range [][]string{nil, make([]string, 501), {all[0], "nope"}} {
		if err := r.Try(func(tx *db.Tx) error { _, err := r.alerts.ResolveAll(Ctx, tx, r.Ann, ids); return err }); err == nil {
			t.Errorf("%d ids were taken", len(ids))
		}
	}
}

// Flapping is one line that counts, and one page.
func TestFlappingIsFolded(t *testing.T) {
	r := open(t)
	r.deliver(r.src, one(firing("A", 0)))
	i := r.open()[0]
	for n := range 15 {
		r.Clock.Advance(2 * time.Minute)
		r.deliver(r.src, one(resolved("A", 4*n, 4*n+2)))
		r.Clock.Advance(2 * time.Minute)
		counted(t, r.deliver(r.src, one(firing("A", 4*n+4))), 1, 0, 0)
	}
	over, again, folded := 0, 0, ""
	for _, m := range r.Said(i.Room.ID) {
		if strings.HasPrefix(m.Text, "The alert of this incident is resolved") {
			over++
		}
		if strings.HasPrefix(m.Text, "Firing again") {
			again++
		}
		if m.Card != nil && strings.HasPrefix(m.Card.Ref, "flapping:") {
			folded += string(m.Card.Data)
		}
	}
	if over != 1 || again > 2 || strings.Count(folded, "title") != 1 || !strings.Contains(folded, "fired 16 times") {
		t.Errorf("%d times over, %d times again, %s", over, again, folded)
	}
	if got := r.Incident(i.ID); len(got.Pages) != 1 {
		t.Errorf("%d pages", len(got.Pages))
	}
	es, err := r.Incidents.Timeline(Ctx, r.DB.Read(), r.Ann, i.ID)
	if err != nil || len(es) > 10 {
		t.Errorf("%d entries on the timeline, %v", len(es), err)
	}
	// Once its window is over it pages again.
	for n := range 20 {
		r.Clock.Advance(2 * time.Minute)
		r.deliver(r.src, one(resolved("A", 60+6*n, 62+6*n)))
		r.Clock.Advance(4 * time.Minute)
		r.deliver(r.src, one(firing("A", 66+6*n)))
	}
	if got := r.Incident(i.ID); len(got.Pages) != 2 || len(r.open()) != 1 {
		t.Errorf("%d pages, %d incidents", len(got.Pages), len(r.open()))
	}
}

func TestSeverityWords(t *testing.T) {
	r := open(t)
	want := map[string]int{
		"crit": 1, "CRITICAL": 1, "blocker": 1, "urgent": 1, "P0": 1, "p1": 1, "SEV0": 1, "sev-1": 1, "0": 1, "1": 1, "emergency": 1, "page": 1, "disaster": 1, "Sev 1": 1, "S1": 1,
		"P2": 2, "high": 2, "major": 2, "error": 2, "2": 2, "p3": 3, "warn": 3, "average": 3, "none": 3, "p4": 4, "P5": 4, "5": 4, "sev5": 4, "info": 4, "minor": 4, "Not classified": 4,
	}
	src := r.source("words", "")
	n := 0
	for word := range want {
		n++
		r.deliver(src, alert.Delivery{GroupKey: word, Alerts: []alert.Incoming{firing(fmt.Sprint("w", n), 0, "severity", word)}})
	}
	for _, a := range r.list("") {
		if word := a.Labels["severity"]; a.Severity != want[word] {
			t.Errorf("%s is SEV-%d, want %d", word, a.Severity, want[word])
		}
	}
	if s := r.sources()[1]; s.Notice != "" {
		t.Error(s.Notice)
	}
	// What is not known is told, at the source and in the room.
	r.deliver(r.src, one(firing("odd", 0, "severity", "spicy")))
	i := r.open()[0]
	if s := r.sources()[0]; !strings.Contains(s.Notice, `"spicy" is no severity`) || i.Severity != 3 || !r.says(i, `"spicy" is no severity that is known here: SEV-3 was taken for it.`) {
		t.Errorf("%q, SEV-%d, %v", s.Notice, i.Severity, r.lines(i))
	}
}

// What could not be read is counted at the source, and what the sender left out
// is told in the room, once.
func TestWhatWasLeftOutIsTold(t *testing.T) {
	r := open(t)
	d := one(firing("A", 0))
	d.LeftOut, d.Remarks, d.Truncated = 2, []string{"Alert 2 of a delivery was left out: it is no JSON object."}, 5
	if got := r.deliver(r.src, d); got.LeftOut != 2 || got.Fired != 1 {
		t.Fatal(got)
	}
	r.deliver(r.src, d)
	r.deliver(r.src, one(firing("A", 0)))
	if s := r.sources()[0]; s.LeftOut != 4 || !strings.Contains(s.Notice, "no JSON object") || s.NoticeAt == nil {
		t.Errorf("%+v", s)
	}
	i, n := r.open()[0], 0
	for _, text := range r.lines(i) {
		if strings.Contains(text, "core left 5 alerts out") {
			n++
		}
	}
	if n != 1 {
		t.Error(r.lines(i))
	}
}

func TestListsArePagedAndCounted(t *testing.T) {
	r := open(t)
	words := []string{"critical", "high", "warning", "info"}
	src := r.source("many", "")
	for n := range 50 {
		r.deliver(src, alert.Delivery{GroupKey: fmt.Sprint(n), Alerts: []alert.Incoming{firing(fmt.Sprintf("n%02d", n), 0, "severity", words[n%4], "rack", fmt.Sprint("r", n%2))}})
	}
	r.resolve(r.Ann, r.list("")[0].ID, r.list("")[1].ID)
	for _, worst := range []bool{false, true} {
		f := alert.Filter{State: "live", Worst: worst, Limit: 7}
		seen, last := map[string]bool{}, 0
		for {
			p, err := r.alerts.Page(Ctx, r.DB.Read(), r.Watcher, f)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range p.Items {
				if seen[a.ID] || worst && a.Severity < last {
					t.Fatalf("%s twice or out of order", a.Title)
				}
				seen[a.ID], last = true, a.Severity
			}
			if f.After = p.Next; f.After == "" {
				break
			}
		}
		if len(seen) != 48 {
			t.Errorf("%d alerts", len(seen))
		}
	}
	c, err := r.alerts.Count(Ctx, r.DB.Read(), r.Watcher, alert.Filter{})
	if err != nil || c != (alert.Counts{Open: 48, Resolved: 2}) {
		t.Errorf("%+v %v", c, err)
	}
	c, err = r.alerts.Count(Ctx, r.DB.Read(), r.Watcher, alert.Filter{Text: "rack=r1 N0"})
	if err != nil || c.Open != 5 {
		t.Errorf("%+v %v", c, err)
	}
	if p, err := r.alerts.Page(Ctx, r.DB.Read(), r.Watcher, alert.Filter{Text: "100%_"}); err != nil || len(p.Items) != 0 {
		t.Error(p, err)
	}
	if _, err := r.alerts.Page(Ctx, r.DB.Read(), r.Watcher, alert.Filter{After: "x"}); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
	if c, err := r.alerts.Count(Ctx, r.DB.Read(), actor.Actor{}, alert.Filter{}); err != nil || c != (alert.Counts{}) {
		t.Errorf("nobody counts %+v %v", c, err)
	}
}

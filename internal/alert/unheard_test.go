package alert_test

import (
	"fmt"
	"testing"
	"time"

	"muster/internal/alert"
	"muster/internal/await"
	"muster/internal/db"
	"muster/internal/incident"
	. "muster/internal/incident/incidenttest"
)

// settles lets tasks run until ok, which is asked after each change of an incident.
func (r *rig) settles(ok func() bool) {
	r.t.Helper()
	told := make(chan struct{}, 1000)
	defer r.Bus.Subscribe(func(string, any) {
		select {
		case told <- struct{}{}:
		default:
		}
	})()
	deadline := time.After(await.Limit)
	for !ok() {
		select {
		case <-told:
		case <-deadline:
			r.t.Fatal("it never came to that")
		}
	}
}

// A huge delivery is taken in by parts, all of it.
func TestAHugeDeliveryIsTakenInByParts(t *testing.T) {
	r := open(t)
	d := alert.Delivery{GroupKey: "g", LeftOut: 2, Remarks: []string{"odd"}}
	for n := range 2500 {
		d.Alerts = append(d.Alerts, firing(fmt.Sprintf("a%d", n), 0, "severity", "info"))
	}
	d.Alerts = append(d.Alerts, firing("Down", 0))
	got := alert.Received{}
	for _, part := range d.Parts() {
		if len(part.Alerts) > 1000 {
			t.Fatal(len(part.Alerts), "alerts in one transaction")
		}
		got = got.Plus(r.deliver(r.src, part))
	}
	if want := (alert.Received{Accepted: 2501, Fired: 2501, LeftOut: 2}); got != want {
		t.Errorf("%+v", got)
	}
	if is := r.open(); len(is) != 1 || is[0].Severity != 1 || len(is[0].Pages) != 1 {
		t.Errorf("%+v", is)
	}
	if got := (alert.Delivery{}).Parts(); len(got) != 1 {
		t.Error("an empty delivery counts too:", len(got))
	}
}

// A restarted Prometheus goes on with the start it knew. What is told within a
// minute after the end may be an old delivery that came late, or the trouble that
// goes on: Alertmanager says it once and then not for hours. If no end follows,
// it fires.
func TestWhatMayBeALateDeliveryFiresIfNoEndFollows(t *testing.T) {
	for name, c := range map[string]struct {
		then  func(r *rig) // after the doubtful delivery
		fires bool
	}{
		"silence":        {func(*rig) {}, true},
		"told once more": {func(r *rig) { r.deliver(r.src, one(firing("A", 0))) }, true},
		"an end":         {func(r *rig) { r.deliver(r.src, one(resolved("A", 0, 11))) }, false},
		"a person ends the incident": {func(r *rig) {
			r.stage(r.open()[0].ID, incident.Closed)
		}, true},
		"a later start": {func(r *rig) {
			counted(r.t, r.deliver(r.src, one(firing("A", 11))), 1, 0, 0)
			counted(r.t, r.deliver(r.src, one(resolved("A", 11, 12))), 0, 0, 1)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t)
			r.Start()
			r.deliver(r.src, one(firing("A", 0)))
			r.Clock.Advance(10 * time.Minute)
			counted(t, r.deliver(r.src, one(resolved("A", 0, 10))), 0, 0, 1)
			r.Clock.Advance(59 * time.Second)
			counted(t, r.deliver(r.src, one(firing("A", 0))), 0, 1, 0)
			if n := len(r.list("live")); n != 0 {
				t.Fatal("an old delivery that came late fires at once")
			}
			c.then(r)
			r.Clock.Advance(2 * time.Minute)
			if c.fires {
				r.settles(func() bool { return len(r.list("live")) == 1 })
				if is := r.open(); len(is) != 1 || is[0].NextPage == nil {
					t.Errorf("%+v", is)
				}
				return
			}
			// Something else that comes shows that the doubtful one was looked at.
			r.Clock.Advance(time.Minute)
			r.Tasks.Stop()
			if n := len(r.list("live")); n != 0 {
				t.Error("it fires although its end was heard")
			}
		})
	}
}

// What is only to be attached does not wake anybody for what is over.
func TestWhatIsOnlyAttachedReopensNothing(t *testing.T) {
	r := open(t)
	r.deliver(r.src, one(firing("Down", 0), firing("Note", 0, "severity", "info")))
	i := r.open()[0]
	r.ack(i.ID)
	r.stage(i.ID, incident.Resolved)
	r.Clock.Advance(5 * time.Minute)
	r.deliver(r.src, one(firing("Other", 5, "severity", "info"))) // gathers where Down did
	r.deliver(r.src, one(firing("Note", 5, "severity", "info")))  // was in it
	if got := r.Incident(i.ID); got.Stage != incident.Resolved || len(got.Pages) != 1 {
		t.Fatalf("%s, %d pages", got.Stage, len(got.Pages))
	}
	if n := len(r.list("live")); n != 2 {
		t.Errorf("%d fire", n)
	}
	// It is counted, and declares once it is worse.
	r.deliver(r.src, one(firing("Note", 5, "severity", "info")))
	r.deliver(r.src, one(firing("Note", 5)))
	if got := r.Incident(i.ID); got.Stage != incident.Triage || len(got.Pages) != 2 {
		t.Errorf("%s, %d pages", got.Stage, len(got.Pages))
	}
}

// Fired and over in one delivery: nobody is left with an alert that never ends,
// and whoever is paged reads that it is over.
func TestFiredAndOverInOneDelivery(t *testing.T) {
	r := open(t)
	end := resolved("A", 0, 0)
	end.EndsAt = Now.Add(time.Second)
	counted(t, r.deliver(r.src, one(firing("A", 0), end)), 1, 0, 1)
	i := r.open()[0]
	if as := r.list(""); len(as) != 1 || as[0].State != "resolved" || as[0].IncidentID != i.ID {
		t.Fatalf("%+v", as)
	}
	if !r.says(i, "The alert of this incident is resolved.") {
		t.Error(r.lines(i))
	}
}

// The end that a person set by Muster's clock does not make the source's next end,
// by its own clock, one of the past.
func TestAPersonsEndAndASlowClock(t *testing.T) {
	r := open(t)
	slow := -5 // minutes
	r.deliver(r.src, one(firing("A", slow)))
	r.Clock.Advance(10 * time.Minute)
	r.resolve(r.Ann, r.list("")[0].ID) // at 10, by the source's clock at 5
	r.deliver(r.src, one(resolved("A", slow, 6)))
	r.Clock.Advance(2 * time.Minute) // 12, there 7
	counted(t, r.deliver(r.src, one(firing("A", 7))), 1, 0, 0)
	r.Clock.Advance(2 * time.Minute)
	counted(t, r.deliver(r.src, one(resolved("A", 7, 9))), 0, 0, 1)
}

// A clock that was set back gives new alerts ids before the old ones': which
// episode is the newest is not read from them.
func TestAClockThatIsSetBack(t *testing.T) {
	r := open(t)
	r.deliver(r.src, one(firing("A", -60)))
	r.stage(r.open()[0].ID, incident.Closed)
	r.Do(func(tx *db.Tx) error {
		_, err := tx.Exec(Ctx, `UPDATE alert SET id = 'ffffffff-0000-7000-8000-000000000000', message = ''`)
		return err
	})
	r.Clock.Advance(2 * time.Hour)
	counted(t, r.deliver(r.src, one(firing("A", 120))), 1, 0, 0)
	counted(t, r.deliver(r.src, one(firing("A", 120))), 0, 1, 0)
	r.Clock.Advance(time.Minute)
	counted(t, r.deliver(r.src, one(resolved("A", 120, 121))), 0, 0, 1)
	if n := len(r.list("live")); n != 0 {
		t.Error(n, "fire for ever")
	}
}

// Blank words are no words.
func TestAnAlertWithBlankWords(t *testing.T) {
	r := open(t)
	a := firing("Down", 0, "instance", "db-1")
	a.Annotations = map[string]string{"summary": " \n", "title": "\u200b\u202e", "description": " "}
	r.deliver(r.src, one(a))
	if i := r.open()[0]; i.Title != "Down on db-1" {
		t.Errorf("%q", i.Title)
	}
}

// What a rule calls restricted is never left where everybody reads it.
func TestARestrictedRuleDeclaresAtAnySeverity(t *testing.T) {
	for _, action := range []string{"", "default", "attach"} {
		r := open(t)
		r.Do(func(tx *db.Tx) error {
			_, err := r.alerts.SetRules(Ctx, tx, r.Admin, []alert.RoutingRule{{Name: "fraud", When: `labels.team == "fraud"`, Action: action, Restricted: true, Groups: []string{"administrator"}}})
			return err
		})
		r.deliver(r.src, one(firing("Insider", 0, "severity", "info", "team", "fraud")))
		as, err := r.alerts.List(Ctx, r.DB.Read(), r.Watcher, alert.Filter{})
		if err != nil || len(as) != 0 || len(r.open()) != 1 {
			t.Errorf("%q: everybody reads %+v, %d incidents, %v", action, as, len(r.open()), err)
		}
	}
}

package alert_test

import (
	"fmt"
	"testing"
	"time"

	"muster/internal/alert"
	"muster/internal/db"
	"muster/internal/incident"
	. "muster/internal/incident/incidenttest"
	"muster/internal/oncall"
)

// service adds one with its own rotation.
func (r *rig) service(name string, members ...string) {
	r.t.Helper()
	r.Do(func(tx *db.Tx) error {
		rot, err := r.OnCall.CreateRotation(Ctx, tx, r.Admin, oncall.SaveRotation{Name: name + " team", Members: members, StartsAt: Now.Add(-time.Hour)})
		if err != nil {
			return err
		}
		_, err = r.OnCall.CreateService(Ctx, tx, r.Admin, oncall.SaveService{Name: name, RotationID: rot.ID})
		return err
	})
}

func (r *rig) about(service string) incident.Incident {
	r.t.Helper()
	for _, i := range r.open() {
		if i.Service == service {
			return i
		}
	}
	r.t.Fatalf("no open incident of %s", service)
	return incident.Incident{}
}

func (r *rig) merge(from, into incident.Incident) {
	r.t.Helper()
	r.Do(func(tx *db.Tx) error { _, err := r.Incidents.Merge(Ctx, tx, r.Ann, from.ID, into.ID); return err })
}

// What was merged twice is where it went in the end: its alerts end, fire again
// and reopen there, and none of the incidents in between comes back.
func TestAChainOfMerges(t *testing.T) {
	r := open(t)
	for _, name := range []string{"cards", "ledger"} {
		r.service(name, r.Bob.ID)
	}
	fire := func(name string, at int) alert.Received {
		return r.deliver(r.src, alert.Delivery{GroupKey: name, Alerts: []alert.Incoming{firing(name, at, "service", name)}})
	}
	end := func(name string, from, to int) alert.Received {
		a := resolved(name, from, to)
		a.Labels["service"] = name
		return r.deliver(r.src, alert.Delivery{GroupKey: name, Alerts: []alert.Incoming{a}})
	}
	for _, name := range []string{"payments-api", "cards", "ledger"} {
		counted(t, fire(name, 0), 1, 0, 0)
	}
	a, b, c := r.about("payments-api"), r.about("cards"), r.about("ledger")
	r.merge(a, b)
	r.merge(b, c)
	if is := r.open(); len(is) != 1 || is[0].ID != c.ID || len(is[0].Alerts) != 3 {
		t.Fatalf("%+v", is)
	}
	// It fires on, ends, and fires again: all of it is there.
	counted(t, fire("payments-api", 0), 0, 1, 0)
	r.Clock.Advance(5 * time.Minute)
	counted(t, end("payments-api", 0, 5), 0, 0, 1)
	r.Clock.Advance(5 * time.Minute)
	counted(t, fire("payments-api", 10), 1, 0, 0)
	if is := r.open(); len(is) != 1 || is[0].ID != c.ID || len(is[0].Alerts) != 3 {
		t.Fatalf("it fired again elsewhere: %+v", is)
	}
	// Resolved, and back within the window: it reopens there and pages.
	r.stage(c.ID, incident.Resolved)
	pages := len(r.Incident(c.ID).Pages)
	r.Clock.Advance(5 * time.Minute)
	counted(t, fire("payments-api", 15), 1, 0, 0)
	if got := r.Incident(c.ID); !got.Stage.Open() || len(got.Pages) != pages+1 {
		t.Errorf("%s, %d pages after %d", got.Stage, len(got.Pages), pages)
	}
	// Closed: an incident of its own, and somebody is paged.
	r.stage(c.ID, incident.Resolved)
	r.stage(c.ID, incident.Closed)
	r.Clock.Advance(5 * time.Minute)
	counted(t, fire("payments-api", 20), 1, 0, 0)
	if is := r.open(); len(is) != 1 || is[0].ID == a.ID || is[0].ID == b.ID || is[0].ID == c.ID || len(is[0].Pages) != 1 || is[0].Service != "payments-api" {
		t.Errorf("%+v", is)
	}
}

// Services that flap at the same time are counted each by itself, and each pages
// its own people once.
func TestTwoServicesFlapAtOnce(t *testing.T) {
	r := open(t)
	r.service("cards", r.Bob.ID)
	names := []string{"payments-api", "cards"}
	fire := func(name string, at int) {
		r.deliver(r.src, alert.Delivery{GroupKey: name, Alerts: []alert.Incoming{firing(name, at, "service", name)}})
	}
	for _, name := range names {
		fire(name, 0)
	}
	for n := range 12 {
		for k, name := range names {
			r.Clock.Advance(time.Minute)
			at := 4*n + 2*k
			gone := resolved(name, max(0, at-4), at+1)
			gone.Labels["service"] = name
			r.deliver(r.src, alert.Delivery{GroupKey: name, Alerts: []alert.Incoming{gone}})
			r.Clock.Advance(time.Minute)
			fire(name, at+2)
		}
	}
	if len(r.open()) != 2 {
		t.Fatalf("%d incidents", len(r.open()))
	}
	for _, name := range names {
		i := r.Incident(r.about(name).ID)
		if len(i.Pages) != 1 || len(i.Alerts) != 1 || i.Alerts[0].State == "resolved" {
			t.Errorf("%s: %d pages, %+v", name, len(i.Pages), i.Alerts)
		}
		if n := len(r.Said(i.Room.ID)); n > 12 {
			t.Errorf("%s: %d lines", name, n)
		}
	}
}

// A thousand alerts of a hundred incidents are acknowledged in two requests, and
// nobody is called for any of them any more.
func TestAThousandAlertsAreAcknowledged(t *testing.T) {
	r := open(t)
	for n := range 100 {
		d := alert.Delivery{GroupKey: fmt.Sprint("g", n)}
		for k := range 10 {
			d.Alerts = append(d.Alerts, firing(fmt.Sprintf("a%d-%d", n, k), 0, "env", fmt.Sprint("e", n)))
		}
		r.deliver(r.src, d)
	}
	var ids []string
	for _, i := range r.open() {
		for _, a := range r.Incident(i.ID).Alerts {
			ids = append(ids, a.ID)
		}
	}
	if len(ids) != 1000 {
		t.Fatalf("%d alerts", len(ids))
	}
	if err := r.Try(func(tx *db.Tx) error { _, err := r.alerts.AcknowledgeAll(Ctx, tx, r.Ann, ids); return err }); err == nil {
		t.Error("more than one request may name were taken")
	}
	for at := 0; at < len(ids); at += alert.MaxAct {
		r.Do(func(tx *db.Tx) error {
			got, err := r.alerts.AcknowledgeAll(Ctx, tx, r.Ann, ids[at:at+alert.MaxAct])
			if err == nil && len(got) != alert.MaxAct {
				t.Errorf("%d came back", len(got))
			}
			return err
		})
	}
	for _, i := range r.open() {
		if got := r.Incident(i.ID); got.Times.Acknowledged == nil || got.NextPage != nil {
			t.Fatalf("%s still calls: %+v", got.Ticket, got.NextPage)
		}
	}
	if ns, err := r.Notify.Open(Ctx, r.DB.Read(), r.Ann.ID); err != nil || len(ns) != 0 {
		t.Errorf("%d calls stand open, %v", len(ns), err)
	}
}

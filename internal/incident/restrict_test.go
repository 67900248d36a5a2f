package incident_test

import (
	"testing"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/incident"
	. "muster/internal/incident/incidenttest"
	"muster/internal/notify"
)

func TestARestrictedIncidentIsItsMembers(t *testing.T) {
	r := New(t, notify.Settings{})
	fred := r.Person("fred", "responder", "fraud")
	sees := func(who actor.Actor, i incident.Incident) bool {
		t.Helper()
		_, err := r.Incidents.Get(Ctx, r.DB.Read(), who, i.ID)
		if err != nil && !fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
		_, roomErr := r.Rooms.See(Ctx, r.DB.Read(), who, i.Room.ID)
		if (err == nil) != (roomErr == nil) {
			t.Errorf("%s: the incident %v, its room %v", who.Name, err, roomErr)
		}
		list, _ := r.Incidents.List(Ctx, r.DB.Read(), who, "all", 0)
		listed := false
		for _, l := range list {
			listed = listed || l.ID == i.ID
		}
		if listed != (err == nil) {
			t.Errorf("%s: listed %v, read %v", who.Name, listed, err)
		}
		return err == nil
	}
	i := r.Declare(r.Bob, incident.Declare{Title: "Insider", Severity: 1, Restricted: true, Groups: []string{"fraud"}})
	if !i.Restricted || !sees(r.Bob, i) || !sees(fred, i) || sees(r.Ann, i) || sees(r.Admin, i) || sees(r.Watcher, i) {
		t.Error("who sees it is wrong")
	}
	if len(told(r, r.Admin, "info"))+len(told(r, r.Admin, "page")) != 0 {
		t.Error("the administrators were told")
	}
	change := func(who actor.Actor, i incident.Incident, ch incident.Change) error {
		return r.Try(func(tx *db.Tx) error { _, err := r.Incidents.Update(Ctx, tx, who, i.ID, ch); return err })
	}
	if err := change(r.Ann, i, incident.Change{Members: []string{r.Ann.ID}}); !fault.Is(err, fault.NotFound) {
		t.Error("an outsider let themselves in:", err)
	}
	if err := change(fred, i, incident.Change{Restricted: ptr(false)}); !fault.Is(err, fault.Denied) {
		t.Error("a member who does not command opened it:", err)
	}
	if err := change(r.Bob, i, incident.Change{Members: []string{r.Ann.ID}}); err != nil || !sees(r.Ann, i) {
		t.Error("who declared it could not add somebody:", err)
	}
	if err := change(r.Bob, i, incident.Change{Restricted: ptr(false)}); err != nil || !sees(r.Watcher, i) {
		t.Error("it could not be opened:", err)
	}
	// One that everybody knew is closed to the others.
	j := r.Declare(r.Bob, incident.Declare{Title: "Open", Severity: 3})
	if err := change(r.Ann, j, incident.Change{Restricted: ptr(true)}); !fault.Is(err, fault.Denied) {
		t.Error("somebody without a part in it hid it:", err)
	}
	if err := change(r.Admin, j, incident.Change{Restricted: ptr(true)}); err != nil || sees(r.Watcher, j) || !sees(r.Admin, j) || !sees(r.Bob, j) {
		t.Error("restricted later:", err)
	}
	for name, in := range map[string]incident.Declare{
		"members[0]": {Title: "x", Restricted: true, Members: []string{"nobody"}},
		"groups[0]":  {Title: "x", Restricted: true, Groups: []string{"no-such"}},
		"members":    {Title: "x", Members: []string{r.Ann.ID}},
	} {
		err := r.Try(func(tx *db.Tx) error { _, err := r.Incidents.Declare(Ctx, tx, r.Bob, in); return err })
		if fs := fault.FieldsOf(err); len(fs) != 1 || fs[0].Field != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	// With an unknown service its members are paged, and nobody else is told.
	k := r.Declare(machine(), incident.Declare{Title: "Secret", Severity: 1, Service: "ghost", Collects: "k", Restricted: true, Groups: []string{"fraud"}})
	if got := pagedIDs(k); len(got) != 1 || got[0] != fred.ID || sees(r.Admin, k) {
		t.Error("paged:", got)
	}
}

// Whose alerts an incident gathers was decided for those who knew of it: when that
// changes, those that come from then on have an incident of their own.
func TestWhoMayKnowEndsGathering(t *testing.T) {
	r := New(t, notify.Settings{})
	r.Person("fred", "responder", "fraud")
	for title, c := range map[string]struct {
		by     actor.Actor
		in     incident.Declare
		change incident.Change
	}{
		"restricted later":                  {r.Bob, incident.Declare{Service: "payments-api", Environment: "prod", Gathers: true}, incident.Change{Restricted: ptr(true)}},
		"restricted with another service":   {r.Bob, incident.Declare{Service: "payments-api", Environment: "qa", Gathers: true}, incident.Change{Restricted: ptr(true), Environment: ptr("dev")}},
		"by a rule for few, opened to all":  {machine(), incident.Declare{Collects: "restricted:rule:src:service:x/", Restricted: true, Groups: []string{"fraud"}}, incident.Change{Restricted: ptr(false)}},
		"said again, which changes nothing": {r.Bob, incident.Declare{Service: "payments-api", Environment: "stage", Gathers: true}, incident.Change{Restricted: ptr(false)}},
	} {
		c.in.Title, c.in.Severity = title, 3
		i := r.Declare(c.by, c.in)
		who := r.Admin
		if c.in.Restricted {
			who = actor.System("test")
		}
		r.Do(func(tx *db.Tx) (err error) { i, err = r.Incidents.Update(Ctx, tx, who, i.ID, c.change); return err })
		if want := *c.change.Restricted == c.in.Restricted; i.Gathers != want {
			t.Errorf("%s: it gathers: %v", title, i.Gathers)
		}
	}
}

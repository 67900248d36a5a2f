package incident_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/incident"
	. "muster/internal/incident/incidenttest"
	"muster/internal/message"
	"muster/internal/notify"
)

func TestMerge(t *testing.T) {
	r := New(t, notify.Settings{})
	to := r.Declare(r.Bob, incident.Declare{Title: "Payments slow", Severity: 3, Service: "payments-api"})
	from := r.Declare(r.Ann, incident.Declare{Title: "Payments down", Severity: 1, Service: "payments-api"})
	r.Do(func(tx *db.Tx) error {
		_, err := r.Incidents.AddFollowup(Ctx, tx, r.Ann, from.ID, incident.NewFollowup{Kind: "action", Text: "Buy disks"})
		return err
	})
	merge := func(from, into string) error {
		return r.Try(func(tx *db.Tx) error { _, err := r.Incidents.Merge(Ctx, tx, r.Bob, from, into); return err })
	}
	if err := merge(from.ID, from.ID); fault.FieldsOf(err) == nil {
		t.Error("into itself:", err)
	}
	if err := r.Try(func(tx *db.Tx) error { _, err := r.Incidents.Merge(Ctx, tx, r.Watcher, from.ID, to.ID); return err }); !fault.Is(err, fault.Denied) {
		t.Error("an observer merged:", err)
	}
	if err := merge(from.Ticket, to.Ticket); err != nil {
		t.Fatal(err)
	}
	was := r.Incident(from.ID)
	if was.Stage != incident.Closed || was.MergedInto != to.ID || was.NextPage != nil || len(was.Pages) != 0 {
		t.Errorf("the one that ended: %+v", was)
	}
	now := r.Incident(to.ID)
	if now.Severity != 1 || len(now.Pages) < 2 {
		t.Errorf("the one that goes on: SEV-%d, %d pages", now.Severity, len(now.Pages))
	}
	fs, _ := r.Incidents.Followups(Ctx, r.DB.Read(), r.Bob, to.ID)
	if len(fs) != 1 || fs[0].Text != "Buy disks" {
		t.Error("actions:", fs)
	}
	members, _ := r.Rooms.Members(Ctx, r.DB.Read(), to.Room.ID)
	if !slices.Contains(members, r.Ann.ID) {
		t.Error("Ann did not come along")
	}
	room, _ := r.Rooms.Get(Ctx, r.DB.Read(), from.Room.ID)
	if !room.Archived {
		t.Error("its room is open")
	}
	says(t, r, from, "merged this incident into "+to.Ticket+". Go on in ["+to.Room.Name+"](/rooms/"+to.Room.ID+")")
	says(t, r, to, "merged "+from.Ticket+" (Payments down) into this incident")
	for _, id := range []string{from.ID, to.ID} {
		es, _ := r.Incidents.Timeline(Ctx, r.DB.Read(), r.Bob, id)
		if !slices.ContainsFunc(es, func(e incident.Entry) bool { return e.Kind == "incident.merged" }) {
			t.Error("the timeline does not say it")
		}
	}
	err := r.Try(func(tx *db.Tx) error {
		_, err := r.Incidents.SetStage(Ctx, tx, r.Bob, from.ID, incident.Triage, "")
		return err
	})
	if !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Message(err), to.Ticket) {
		t.Error("it could be reopened:", err)
	}
	drill := r.Declare(r.Bob, incident.Declare{Title: "x", Mode: "drill"})
	secret := r.Declare(r.Bob, incident.Declare{Title: "x", Restricted: true})
	for _, other := range []incident.Incident{drill, secret} {
		if err := merge(other.ID, to.ID); !fault.Is(err, fault.Conflict) {
			t.Errorf("%s %v: %v", other.Mode, other.Restricted, err)
		}
	}
	ms, _ := r.Incidents.Summary(Ctx, r.DB.Read(), r.Bob)
	if ms[0].Count+ms[0].Missing != 0 {
		t.Error("a merged one is counted in the metrics:", ms)
	}
}

// Two that are merged into each other at the same moment: one goes on.
func TestMergingCrosswise(t *testing.T) {
	r := New(t, notify.Settings{})
	a, b := r.Declare(r.Bob, incident.Declare{Title: "a"}), r.Declare(r.Bob, incident.Declare{Title: "b"})
	errs := make(chan error, 2)
	for _, x := range [][2]string{{a.ID, b.ID}, {b.ID, a.ID}} {
		go func() {
			errs <- r.Try(func(tx *db.Tx) error { _, err := r.Incidents.Merge(Ctx, tx, r.Bob, x[0], x[1]); return err })
		}()
	}
	one, two := <-errs, <-errs
	if (one == nil) == (two == nil) {
		t.Error("both or neither:", one, two)
	}
}

// An acknowledgement that nothing follows runs out; any sign of work keeps it.
func TestAnAcknowledgementRunsOut(t *testing.T) {
	r := New(t, notify.Settings{})
	r.Start()
	i := r.Declare(machine(), incident.Declare{Title: "x", Severity: 2, Service: "payments-api", Collects: "k"})
	ack := func() {
		t.Helper()
		change(t, r, func(tx *db.Tx) (incident.Incident, error) { return r.Incidents.Acknowledge(Ctx, tx, r.Ann, i.ID) })
	}
	ack()
	r.Clock.Advance(25 * time.Minute)
	r.Do(func(tx *db.Tx) error {
		_, err := r.Messages.Post(Ctx, tx, r.Ann, message.New{Room: i.Room.ID, Text: "Looking."})
		return err
	})
	r.Clock.Advance(29 * time.Minute)
	if n := len(told(r, r.Ann, "page")); n != 1 {
		t.Fatal("paged again although somebody spoke")
	}
	r.Clock.Advance(2 * time.Minute)
	i = until(t, r, i.ID, func(i incident.Incident) bool { return i.NextPage != nil })
	says(t, r, i, "It was acknowledged, and nobody touched it for 31 min")
	if len(told(r, r.Ann, "page")) != 2 || !i.Times.Acknowledged.Equal(Now) {
		t.Errorf("pages %d, acknowledged %v", len(told(r, r.Ann, "page")), i.Times.Acknowledged)
	}
	ack()
	if r.Incident(i.ID).NextPage != nil {
		t.Error("paging goes on after the second acknowledgement")
	}
}

func TestAForgottenIncidentIsRemindedOf(t *testing.T) {
	r := New(t, notify.Settings{})
	r.Start()
	i := r.Declare(r.Bob, incident.Declare{Title: "x", Severity: 3, Service: "payments-api"})
	change(t, r, func(tx *db.Tx) (incident.Incident, error) { return r.Incidents.Acknowledge(Ctx, tx, r.Ann, i.ID) })
	change(t, r, func(tx *db.Tx) (incident.Incident, error) {
		return r.Incidents.SetRole(Ctx, tx, r.Bob, i.ID, "commander", r.Bob.ID)
	})
	before := len(told(r, r.Bob, "info"))
	r.Clock.Advance(4*time.Hour + time.Minute)
	until(t, r, i.ID, func(incident.Incident) bool { return len(told(r, r.Bob, "info")) == before+1 })
	says(t, r, i, "Nobody touched this incident for 4 h")
	says(t, r, i, "Reminded: The bob.")
	if len(told(r, r.Ann, "page")) != 1 {
		t.Error("a SEV-3 was paged again")
	}
}

package incident_test

import (
	"testing"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/incident"
	. "muster/internal/incident/incidenttest"
	"muster/internal/notify"
)

// What somebody is called to stands until they answer, until somebody else on
// the ladder does, or until it is over; a page by hand is for nobody else to
// answer.
func TestCallsStandUntilAnswered(t *testing.T) {
	r := New(t, notify.Settings{})
	calls := func(who actor.Actor) []incident.Call {
		t.Helper()
		cs, err := r.Incidents.Calls(Ctx, r.DB.Read(), who)
		if err != nil {
			t.Fatal(err)
		}
		return cs
	}
	low := r.Declare(r.Bob, incident.Declare{Title: "Disk", Severity: 3, Service: "payments-api"})
	r.Clock.Advance(time.Minute)
	worst := r.Declare(r.Bob, incident.Declare{Title: "Down", Severity: 1, Service: "payments-api"})
	got := calls(r.Ann)
	if len(got) != 2 || got[0].Ticket != worst.Ticket || got[0].Title != "Down" || got[0].Severity != 1 || !got[0].MayAcknowledge || got[1].Ticket != low.Ticket {
		t.Fatalf("%+v", got)
	}
	if next := got[0].NextPage; next == nil || next.UserID != r.Bob.ID {
		t.Errorf("%+v", next)
	}
	// Seen is not answered.
	ns, err := r.Notify.List(Ctx, r.DB.Read(), r.Ann, true, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range ns {
		r.Do(func(tx *db.Tx) error { _, err := r.Notify.See(Ctx, tx, r.Ann, n.ID); return err })
	}
	if got := calls(r.Ann); len(got) != 2 {
		t.Fatalf("%+v", got)
	}
	// Bob has it: Ann's page is over. The one by hand is hers.
	r.Do(func(tx *db.Tx) error {
		_, err := r.Incidents.Page(Ctx, tx, r.Bob, worst.ID, incident.Target{UserID: r.Ann.ID})
		return err
	})
	r.Do(func(tx *db.Tx) error { _, err := r.Incidents.Acknowledge(Ctx, tx, r.Bob, worst.ID); return err })
	if got := calls(r.Ann); len(got) != 2 || got[0].NextPage != nil {
		t.Errorf("%+v", got)
	}
	r.Do(func(tx *db.Tx) error { _, err := r.Incidents.Acknowledge(Ctx, tx, r.Ann, worst.ID); return err })
	if got := calls(r.Ann); len(got) != 1 || got[0].Ticket != low.Ticket {
		t.Errorf("%+v", got)
	}
	r.Do(func(tx *db.Tx) error {
		_, err := r.Incidents.SetStage(Ctx, tx, r.Bob, low.ID, incident.Resolved, "")
		return err
	})
	if got := calls(r.Ann); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	if severity, _, err := r.Incidents.Urgency(Ctx, r.DB.Read(), low.ID); err != nil || severity != 0 {
		t.Error(severity, err)
	}
	if severity, drill, err := r.Incidents.Urgency(Ctx, r.DB.Read(), worst.ID); err != nil || severity != 1 || drill {
		t.Error(severity, drill, err)
	}
}

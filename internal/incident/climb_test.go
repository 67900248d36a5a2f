package incident_test

import (
	"slices"
	"testing"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/incident"
	. "muster/internal/incident/incidenttest"
	"muster/internal/notify"
	"muster/internal/oncall"
)

// second adds a service of another team.
func second(r *Rig, name string, members ...string) {
	r.Do(func(tx *db.Tx) error {
		rot, err := r.OnCall.CreateRotation(Ctx, tx, r.Admin, oncall.SaveRotation{Name: name + " team", Members: members, StartsAt: Now.Add(-time.Hour)})
		if err != nil {
			return err
		}
		_, err = r.OnCall.CreateService(Ctx, tx, r.Admin, oncall.SaveService{Name: name, RotationID: rot.ID})
		return err
	})
}

func pageService(t *testing.T, r *Rig, who actor.Actor, id, service string) incident.Incident {
	t.Helper()
	return change(t, r, func(tx *db.Tx) (incident.Incident, error) {
		return r.Incidents.Page(Ctx, tx, who, id, incident.Target{Service: service})
	})
}

func acknowledge(t *testing.T, r *Rig, who actor.Actor, id string) incident.Incident {
	t.Helper()
	return change(t, r, func(tx *db.Tx) (incident.Incident, error) { return r.Incidents.Acknowledge(Ctx, tx, who, id) })
}

func opened(r *Rig, who actor.Actor) int {
	ns, _ := r.Notify.Open(Ctx, r.DB.Read(), who.ID)
	return len(ns)
}

// Another team that somebody called answers for itself: that whoever called it
// takes care, or that the incident rises, does not end its page.
func TestATeamThatIsCalledAnswersForItself(t *testing.T) {
	two := 2
	for name, c := range map[string]struct {
		act  func(t *testing.T, r *Rig, i incident.Incident, dave actor.Actor)
		goes bool
	}{
		"the first team acknowledges": {func(t *testing.T, r *Rig, i incident.Incident, _ actor.Actor) { acknowledge(t, r, r.Ann, i.ID) }, true},
		"the severity rises": {func(t *testing.T, r *Rig, i incident.Incident, _ actor.Actor) {
			change(t, r, func(tx *db.Tx) (incident.Incident, error) {
				return r.Incidents.Update(Ctx, tx, r.Bob, i.ID, incident.Change{Severity: &two})
			})
		}, true},
		"its own team acknowledges": {func(t *testing.T, r *Rig, i incident.Incident, dave actor.Actor) {
			acknowledge(t, r, r.Ann, i.ID)
			acknowledge(t, r, dave, i.ID)
		}, false},
		"the incident is over": {func(t *testing.T, r *Rig, i incident.Incident, _ actor.Actor) {
			change(t, r, func(tx *db.Tx) (incident.Incident, error) {
				return r.Incidents.SetStage(Ctx, tx, r.Bob, i.ID, incident.Resolved, "")
			})
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := New(t, notify.Settings{})
			dave, eve := r.Person("dave", "responder"), r.Person("eve", "responder")
			second(r, "ledger-db", dave.ID, eve.ID)
			r.Start()
			i := r.Declare(machine(), incident.Declare{Title: "x", Severity: 3, Service: "payments-api", Collects: "k"})
			pageService(t, r, r.Ann, i.ID, "ledger-db")
			c.act(t, r, i, dave)
			if n := opened(r, dave); (n == 1) != c.goes {
				t.Fatalf("%d calls stand open for the database's team", n)
			}
			r.Clock.Advance(5*time.Minute + time.Second)
			if c.goes {
				until(t, r, i.ID, func(i incident.Incident) bool { return slices.Contains(pagedIDs(i), eve.ID) })
				return
			}
			if i := r.Incident(i.ID); i.NextPage != nil || slices.Contains(pagedIDs(i), eve.ID) {
				t.Errorf("paging goes on: %+v", i.NextPage)
			}
		})
	}
}

// What becomes worse while nobody has answered is told to all who were called so
// far, and paging goes on from where it stood: it does not begin anew with
// whoever did not hear it, nor does it take the call from the others.
func TestARiseWhileNobodyAnswersCallsAllAgain(t *testing.T) {
	r := New(t, notify.Settings{})
	cleo := r.Person("cleo", "responder")
	catchAll(r, cleo.ID)
	r.Start()
	i := upTheLadder(t, r, 3)
	r.Clock.Advance(5 * time.Minute)
	i = pagesUntil(t, r, i.ID, 8) // everybody
	next, before := i.NextPage.At, map[string]int{}
	all := []actor.Actor{r.Ann, r.Bob, cleo, r.Admin}
	for _, who := range all {
		before[who.ID] = len(told(r, who, "page"))
	}
	r.Do(func(tx *db.Tx) error {
		_, err := r.Incidents.Raise(Ctx, tx, machine(), i.ID, 1, "All down")
		return err
	})
	i = r.Incident(i.ID)
	for _, who := range all {
		ns, _ := r.Notify.Open(Ctx, r.DB.Read(), who.ID)
		if len(ns) != 1 || ns[0].Severity != 1 || len(told(r, who, "page")) != before[who.ID]+1 {
			t.Errorf("%s: %d open, %d pages after %d", who.Name, len(ns), len(told(r, who, "page")), before[who.ID])
		}
	}
	if i.NextPage == nil || !i.NextPage.Everybody || !i.NextPage.At.Equal(next) {
		t.Errorf("next %+v, want everybody at %v", i.NextPage, next)
	}
	says(t, r, i, "Paged again, as nobody acknowledged yet:")
	if i = acknowledge(t, r, cleo, i.ID); i.NextPage != nil || opened(r, r.Ann)+opened(r, r.Admin) != 0 {
		t.Errorf("the acknowledgement does not end it: %+v", i.NextPage)
	}
}

// A step of the ladder that was given up (the disk was full for an hour) is
// taken once one can.
func TestALostStepOfTheLadderIsTakenLater(t *testing.T) {
	r := New(t, notify.Settings{})
	r.Start()
	i := r.Declare(machine(), incident.Declare{Title: "x", Severity: 1, Service: "payments-api", Collects: "k"})
	r.Do(func(tx *db.Tx) error {
		_, err := tx.Exec(Ctx, `UPDATE task SET state = 'failed' WHERE kind = 'incident.escalate'`)
		return err
	})
	r.Clock.Advance(7 * time.Minute)
	pagesUntil(t, r, i.ID, 2)
}

// A merge ends no call that nobody answered: it goes on for the target, unless
// somebody has that, or whoever merges was called.
func TestAMergeEndsNoUnansweredCall(t *testing.T) {
	for name, c := range map[string]struct {
		who  func(r *Rig) actor.Actor
		take bool // somebody has the target
		goes bool
	}{
		"nobody has the target":       {func(r *Rig) actor.Actor { return r.Admin }, false, true},
		"somebody has the target":     {func(r *Rig) actor.Actor { return r.Admin }, true, false},
		"whoever is called merges it": {func(r *Rig) actor.Actor { return r.Ann }, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := New(t, notify.Settings{})
			to := r.Declare(r.Bob, incident.Declare{Title: "by hand", Severity: 1, Mode: "real"})
			i := r.Declare(machine(), incident.Declare{Title: "x", Severity: 1, Service: "payments-api", Collects: "k"})
			if c.take {
				acknowledge(t, r, r.Admin, to.ID)
			}
			change(t, r, func(tx *db.Tx) (incident.Incident, error) {
				return r.Incidents.Merge(Ctx, tx, c.who(r), i.ID, to.ID)
			})
			if to = r.Incident(to.ID); (to.NextPage != nil) != c.goes || (opened(r, r.Ann) == 1) != c.goes {
				t.Errorf("next %+v, %d calls stand open", to.NextPage, opened(r, r.Ann))
			}
		})
	}
}

// An incident that nobody has taken on is that of whoever is on call for the
// service it turns out to be about, and no longer of those who were paged for
// another.
func TestAnotherServiceIsPagedAsAtTheDeclaration(t *testing.T) {
	to := func(r *Rig, t *testing.T, i incident.Incident, service string, severity *int) incident.Incident {
		return change(t, r, func(tx *db.Tx) (incident.Incident, error) {
			return r.Incidents.Update(Ctx, tx, r.Bob, i.ID, incident.Change{Service: &service, Severity: severity})
		})
	}
	one := 1
	for name, c := range map[string]struct {
		declare     incident.Declare
		before      func(t *testing.T, r *Rig, i incident.Incident)
		severity    *int
		calls, stay int // pages of the new service's first that stand open; of the old one's
	}{
		"nobody answered":    {declare: incident.Declare{Severity: 3, Service: "payments-api", Collects: "k"}, calls: 1},
		"a SEV-1":            {declare: incident.Declare{Severity: 1, Service: "payments-api", Collects: "k"}, calls: 1},
		"and it rises":       {declare: incident.Declare{Severity: 3, Service: "payments-api", Collects: "k"}, severity: &one, calls: 1},
		"a drill":            {declare: incident.Declare{Severity: 2, Service: "payments-api", Mode: "drill", Collects: "k"}, calls: 1},
		"a test":             {declare: incident.Declare{Severity: 2, Service: "payments-api", Mode: "test", Collects: "k"}},
		"somebody has it":    {declare: incident.Declare{Severity: 2, Service: "payments-api", Collects: "k"}, before: func(t *testing.T, r *Rig, i incident.Incident) { acknowledge(t, r, r.Ann, i.ID) }},
		"it is over":         {declare: incident.Declare{Severity: 2, Service: "payments-api", Collects: "k"}, before: func(t *testing.T, r *Rig, i incident.Incident) { resolve(t, r, i) }},
		"they are called":    {declare: incident.Declare{Severity: 3, Service: "payments-api", Collects: "k"}, before: func(t *testing.T, r *Rig, i incident.Incident) { pageService(t, r, r.Ann, i.ID, "ledger-db") }, calls: 1, stay: 1},
		"none was named yet": {declare: incident.Declare{Severity: 3, Collects: "k"}, calls: 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := New(t, notify.Settings{})
			dave, eve := r.Person("dave", "responder"), r.Person("eve", "responder")
			second(r, "ledger-db", dave.ID, eve.ID)
			r.Start()
			c.declare.Title = "x"
			i := r.Declare(machine(), c.declare)
			if c.before != nil {
				c.before(t, r, i)
			}
			i = to(r, t, i, "ledger-db", c.severity)
			if n, old := opened(r, dave), opened(r, r.Ann); n != c.calls || old != c.stay {
				t.Fatalf("%d calls of the new service's team, %d of the old one's\n%v", n, old, texts(r, i.Room.ID))
			}
			if c.calls == 1 {
				r.Clock.Advance(5*time.Minute + time.Second)
				i = until(t, r, i.ID, func(i incident.Incident) bool { return slices.Contains(pagedIDs(i), eve.ID) })
			}
			// The same service once more calls nobody again.
			calls := len(told(r, dave, "page"))
			to(r, t, i, "Ledger-DB", nil)
			if again := len(told(r, dave, "page")); again != calls {
				t.Errorf("%d pages after %d", again, calls)
			}
		})
	}
}

func resolve(t *testing.T, r *Rig, i incident.Incident) {
	t.Helper()
	change(t, r, func(tx *db.Tx) (incident.Incident, error) {
		return r.Incidents.SetStage(Ctx, tx, r.Bob, i.ID, incident.Resolved, "")
	})
}

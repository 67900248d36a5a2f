package alert_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster/internal/alert"
	"muster/internal/await"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/incident"
	. "muster/internal/incident/incidenttest"
	"muster/internal/message"
	"muster/internal/notify"
	"muster/internal/room"
)

type rig struct {
	*Rig
	t      *testing.T
	alerts *alert.Store
	src    alert.Source
}

func open(t *testing.T) *rig {
	r := &rig{Rig: New(t, notify.Settings{}), t: t}
	r.alerts = alert.New(alert.Deps{DB: r.DB, Access: r.Access, Ledger: r.Ledger, Clock: r.Clock, Bus: r.Bus, Tasks: r.Tasks, Messages: r.Messages, Incidents: r.Incidents, Log: slog.New(slog.DiscardHandler)})
	r.src = r.source("core", "payments-api")
	return r
}

func (r *rig) source(name, service string) (src alert.Source) {
	r.Do(func(tx *db.Tx) (err error) {
		src, _, err = r.alerts.CreateSource(Ctx, tx, r.Admin, alert.NewSource{Name: name, Service: service})
		return err
	})
	return src
}

func (r *rig) deliver(src alert.Source, d alert.Delivery) (got alert.Received) {
	r.t.Helper()
	r.Do(func(tx *db.Tx) (err error) {
		got, err = r.alerts.Receive(Ctx, tx, src, d)
		return err
	})
	return got
}

// firing is an alert that began so many minutes after the rig's clock.
func firing(name string, minutes int, labels ...string) alert.Incoming {
	l := map[string]string{"alertname": name, "severity": "critical"}
	for i := 0; i+1 < len(labels); i += 2 {
		l[labels[i]] = labels[i+1]
	}
	return alert.Incoming{Fingerprint: "fp-" + name, Status: "firing", Labels: l, Annotations: map[string]string{"summary": name + " fires"}, StartsAt: Now.Add(time.Duration(minutes) * time.Minute)}
}

func resolved(name string, from, to int) alert.Incoming {
	a := firing(name, from)
	a.Status, a.EndsAt = "resolved", Now.Add(time.Duration(to)*time.Minute)
	return a
}

func one(as ...alert.Incoming) alert.Delivery { return alert.Delivery{GroupKey: "g", Alerts: as} }

func (r *rig) open() []incident.Incident {
	r.t.Helper()
	is, err := r.Incidents.List(Ctx, r.DB.Read(), r.Admin, "open", 0)
	if err != nil {
		r.t.Fatal(err)
	}
	return is
}

func (r *rig) list(state string) []alert.Alert {
	r.t.Helper()
	as, err := r.alerts.List(Ctx, r.DB.Read(), r.Watcher, alert.Filter{State: state})
	if err != nil {
		r.t.Fatal(err)
	}
	return as
}

func (r *rig) stage(id string, to incident.Stage) {
	r.t.Helper()
	r.Do(func(tx *db.Tx) error { _, err := r.Incidents.SetStage(Ctx, tx, r.Ann, id, to, ""); return err })
}

func TestAnAlertBecomesAnIncident(t *testing.T) {
	r := open(t)
	got := r.deliver(r.src, one(firing("Latency", -2, "env", "prod")))
	if d := cmp.Diff(alert.Received{Accepted: 1, Fired: 1}, got); d != "" {
		t.Fatal(d)
	}
	is := r.open()
	if len(is) != 1 {
		t.Fatal(is)
	}
	i := is[0]
	if i.Title != "Latency fires" || i.Severity != 1 || i.Service != "payments-api" || i.Environment != "prod" || i.Room.Name != "INC-2041 Latency fires" {
		t.Errorf("%+v", i)
	}
	if !i.Times.FirstSignal.Equal(Now.Add(-2*time.Minute)) || !i.Times.Detected.Equal(Now) || i.Times.Acknowledged != nil {
		t.Errorf("%+v", i.Times)
	}
	if len(i.Pages) != 1 || i.Pages[0].UserID != r.Ann.ID {
		t.Errorf("pages %+v", i.Pages)
	}
	as := r.list("live")
	if len(as) != 1 || as[0].IncidentID != i.ID || as[0].State != "open" || len(i.Alerts) != 1 || i.Alerts[0].ID != as[0].ID {
		t.Fatalf("%+v, %+v", as, i.Alerts)
	}
	var card *message.Message
	for _, m := range r.Said(i.Room.ID) {
		if m.Card != nil && m.Card.Type == "alert" {
			card = &m
		}
	}
	if card == nil || card.Card.Ref != as[0].ID {
		t.Fatal("no alert card in the room")
	}

	// The same delivery again: nothing new.
	r.Clock.Advance(time.Minute)
	if got := r.deliver(r.src, one(firing("Latency", -2, "env", "prod"))); got.Repeated != 1 || got.Fired != 0 {
		t.Error(got)
	}
	if as := r.list(""); len(as) != 1 || as[0].Count != 2 || !as[0].LastAt.Equal(Now.Add(time.Minute)) {
		t.Errorf("%+v", as)
	}
	if len(r.open()) != 1 {
		t.Error("a repeat declared")
	}

	// Resolved lands under its firing message and leaves the incident open.
	r.Clock.Advance(2 * time.Minute)
	end := one(resolved("Latency", -2, 3))
	r.deliver(r.src, end)
	r.deliver(r.src, end)
	var replies []string
	for _, m := range r.Said(i.Room.ID) {
		if m.Thread == card.ID {
			replies = append(replies, m.Text)
		}
	}
	if d := cmp.Diff([]string{"Resolved after 5 min 0 s."}, replies); d != "" {
		t.Error(d)
	}
	i = r.Incident(i.ID)
	if i.Stage != incident.StageDeclared || i.Alerts[0].State != "resolved" {
		t.Errorf("stage %s, alerts %+v", i.Stage, i.Alerts)
	}
	if a := r.list("resolved")[0]; !a.EndsAt.Equal(Now.Add(3 * time.Minute)) {
		t.Error(a.EndsAt)
	}
	es, err := r.Incidents.Timeline(Ctx, r.DB.Read(), r.Watcher, i.ID)
	if err != nil {
		t.Fatal(err)
	}
	got2 := []string{}
	for _, e := range es {
		got2 = append(got2, e.Text)
	}
	want := []string{
		"Alert fired: Latency fires (SEV-1) in prod",
		"Muster declared INC-2041 (SEV-1): Latency fires · payments-api prod",
		`The room "INC-2041 Latency fires" was opened.`,
		"The ann was paged, on call for payments-api.",
		"Alert resolved: Latency fires",
	}
	if d := cmp.Diff(want, got2); d != "" {
		t.Error(d)
	}
}

func TestFiringAgain(t *testing.T) {
	r := open(t)
	r.deliver(r.src, one(firing("A", 0)))
	i := r.open()[0]
	r.Clock.Advance(5 * time.Minute)
	r.deliver(r.src, one(resolved("A", 0, 5)))
	// An old firing that was overtaken by its end changes nothing.
	r.deliver(r.src, one(firing("A", 0)))
	if r.list("")[0].State != "resolved" {
		t.Fatal("a late duplicate reopened the alert")
	}
	r.stage(i.ID, incident.Resolved)
	r.Clock.Advance(10 * time.Minute)
	if got := r.deliver(r.src, one(firing("A", 15))); got.Fired != 1 {
		t.Fatal(got)
	}
	as := r.list("")
	if len(as) != 1 || as[0].State != "open" || as[0].IncidentID != i.ID || as[0].EndsAt != nil || !as[0].StartsAt.Equal(Now.Add(15*time.Minute)) {
		t.Fatalf("%+v", as)
	}
	if i = r.Incident(i.ID); i.Stage != incident.Triage {
		t.Fatal("a resolved incident whose alert is back is", i.Stage)
	}
	if len(i.Pages) != 2 || i.NextPage == nil {
		t.Errorf("nobody was told that it is back: %+v, next %+v", i.Pages, i.NextPage)
	}
	// The end of the first firing, late, is not the end of the second.
	r.deliver(r.src, one(resolved("A", 0, 5)))
	if r.list("")[0].State != "open" {
		t.Fatal("an old end ended the new firing")
	}
	// The same start again after the sender had given up on it is a new firing.
	r.Clock.Advance(time.Minute)
	r.deliver(r.src, one(resolved("A", 15, 16)))
	r.Clock.Advance(5 * time.Minute)
	r.deliver(r.src, one(firing("A", 15)))
	if r.list("")[0].State != "open" {
		t.Fatal("an alert that came back with its old start was ignored")
	}
	// Outside of the window, and after the close, it is another alert and another incident.
	r.deliver(r.src, one(resolved("A", 15, 21)))
	r.stage(i.ID, incident.Closed)
	r.Clock.Advance(31 * time.Minute)
	r.deliver(r.src, one(firing("A", 52)))
	if as := r.list(""); len(as) != 2 || as[0].IncidentID == i.ID || as[0].ID == as[1].ID {
		t.Fatalf("%+v", as)
	}
	if is := r.open(); len(is) != 1 || is[0].Ticket != "INC-2042" {
		t.Fatalf("%+v", is)
	}
}

func TestASecondAlertJoinsTheOpenIncident(t *testing.T) {
	r := open(t)
	// Also one that a person declared, if they said so.
	i := r.Declare(r.Bob, incident.Declare{Title: "by hand", Service: "payments-api", Gathers: true})
	r.deliver(r.src, one(firing("A", 0), firing("B", 0)))
	r.deliver(r.source("other", ""), one(firing("C", 0, "service", "payments-api")))
	if is := r.open(); len(is) != 1 || is[0].ID != i.ID || len(is[0].Alerts) != 3 {
		t.Fatalf("%+v", is)
	}
	// A resolved incident takes it within the window only.
	r.stage(i.ID, incident.Resolved)
	r.Clock.Advance(31 * time.Minute)
	r.deliver(r.src, one(firing("D", 31)))
	is := r.open()
	if len(is) != 2 || is[0].Ticket != "INC-2042" || len(is[0].Alerts) != 1 {
		t.Fatalf("%+v", is)
	}
	// Information joins what is open and opens nothing itself.
	r.deliver(r.source("low", ""), one(firing("E", 0, "severity", "info", "service", "cards")))
	if is := r.open(); len(is) != 2 {
		t.Fatalf("%+v", is)
	}
	r.deliver(r.src, one(firing("F", 31, "severity", "info")))
	if is := r.open(); len(is[0].Alerts) != 2 {
		t.Fatalf("%+v", is[0].Alerts)
	}
	// The first three ended with their incident.
	if as := r.list("live"); len(as) != 3 {
		t.Error(len(as))
	}
}

func TestAStormMakesOneRoom(t *testing.T) {
	r := open(t)
	storm := func(status string) alert.Delivery {
		d := alert.Delivery{GroupKey: "g"}
		for n := range 300 {
			a := firing(fmt.Sprintf("n%03d", n), 0, "instance", fmt.Sprint(n))
			a.Status = status
			a.EndsAt = Now.Add(time.Minute)
			d.Alerts = append(d.Alerts, a)
		}
		return d
	}
	if got := r.deliver(r.src, storm("firing")); got.Fired != 300 {
		t.Fatal(got)
	}
	is := r.open()
	if len(is) != 1 || len(is[0].Alerts) != 100 {
		t.Fatal(len(is), len(is[0].Alerts))
	}
	count := func() (cards int, tally string) {
		for _, m := range r.Said(is[0].Room.ID) {
			if m.Card != nil && m.Card.Type == "alert" {
				cards++
			}
			if m.Card != nil && m.Card.Type == "event" {
				tally = string(m.Card.Data)
			}
		}
		return cards, tally
	}
	if cards, tally := count(); cards != 20 || !strings.Contains(tally, "280 more alerts: 280 firing, 0 resolved.") {
		t.Fatal(cards, tally)
	}
	es, err := r.Incidents.Timeline(Ctx, r.DB.Read(), r.Ann, is[0].ID)
	if err != nil || len(es) > 10 || es[3].Text != "297 more alerts fired." {
		t.Errorf("%d entries, %v, %v", len(es), es, err)
	}
	before := len(r.Said(is[0].Room.ID))
	r.deliver(r.src, storm("firing"))
	if after := len(r.Said(is[0].Room.ID)); after != before {
		t.Errorf("the storm again: %d messages became %d", before, after)
	}
	r.Clock.Advance(2 * time.Minute)
	end := storm("resolved")
	end.Alerts, end.Truncated = end.Alerts[:290], 10
	r.deliver(r.src, end)
	if cards, tally := count(); cards != 20 || !strings.Contains(tally, "280 more alerts: 10 firing, 270 resolved.") {
		t.Fatal(cards, tally)
	}
	r.deliver(r.src, storm("resolved"))
	said := r.Said(is[0].Room.ID)
	if last := said[len(said)-1].Text; !strings.HasPrefix(last, "All 300 alerts of this incident are resolved.") {
		t.Error(last)
	}
	if i := r.Incident(is[0].ID); i.Stage != incident.StageDeclared {
		t.Error("alerts moved the incident to", i.Stage)
	}
}

func TestATruncatedDeliveryNeverSaysThatAllIsOver(t *testing.T) {
	r := open(t)
	r.deliver(r.src, one(firing("A", 0)))
	r.Clock.Advance(time.Minute)
	d := one(resolved("A", 0, 1))
	d.Truncated = 5
	r.deliver(r.src, d)
	for _, m := range r.Said(r.open()[0].Room.ID) {
		if strings.HasPrefix(m.Text, "All ") {
			t.Error(m.Text)
		}
	}
}

func TestConcurrentDeliveriesMakeOneIncident(t *testing.T) {
	r := open(t)
	sources := []alert.Source{r.src}
	for n := range 5 {
		sources = append(sources, r.source(fmt.Sprint("s", n), "payments-api"))
	}
	var wg sync.WaitGroup
	for n, src := range sources {
		for k := range 3 {
			wg.Go(func() {
				err := r.Try(func(tx *db.Tx) error {
					_, err := r.alerts.Receive(Ctx, tx, src, one(firing("same", 0), firing(fmt.Sprint("own", n, k), 0)))
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	if is := r.open(); len(is) != 1 || is[0].Ticket != "INC-2041" {
		t.Fatalf("%d incidents", len(is))
	}
	if as := r.list("live"); len(as) != 6+18 {
		t.Errorf("%d alerts", len(as))
	}
}

// Somebody resolves the incident while a delivery says that its alert fires again:
// whoever comes second sees what the first did.
func TestFiringAgainAtTheMomentOfTheResolution(t *testing.T) {
	r := open(t)
	r.deliver(r.src, one(firing("A", 0)))
	i := r.open()[0]
	r.Clock.Advance(time.Minute)
	r.deliver(r.src, one(resolved("A", 0, 1)))
	r.Clock.Advance(4 * time.Minute)
	var once sync.Once
	resolving, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- r.Try(func(tx *db.Tx) error {
			if _, err := r.Incidents.SetStage(Ctx, tx, r.Ann, i.ID, incident.Resolved, ""); err != nil {
				return err
			}
			once.Do(func() { close(resolving) })
			if r.DB.Dialect() == db.SQLite {
				return nil // it has one writer, so that the delivery can only come after
			}
			for late := time.Now().Add(await.Limit); time.Now().Before(late); { // until the delivery waits for it
				var waits int
				if err := r.DB.Read().QueryRow(Ctx, `SELECT COUNT(*) FROM pg_locks WHERE NOT granted`).Scan(&waits); err != nil || waits > 0 {
					return err
				}
			}
			return errors.New("the delivery does not wait")
		})
	}()
	<-resolving
	r.deliver(r.src, one(firing("A", 4)))
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := r.Incident(i.ID); got.Stage != incident.Triage || len(got.Pages) != 2 {
		t.Errorf("it is %s and paged %d times", got.Stage, len(got.Pages))
	}
}

func TestAlertsWithoutAServiceGatherByGroup(t *testing.T) {
	r := open(t)
	src := r.source("bare", "")
	r.deliver(src, alert.Delivery{GroupKey: "a", Alerts: []alert.Incoming{firing("A", 0), firing("B", 0)}})
	r.deliver(src, alert.Delivery{GroupKey: "a", Alerts: []alert.Incoming{firing("C", 0)}})
	r.deliver(src, alert.Delivery{GroupKey: "b", Alerts: []alert.Incoming{firing("D", 0)}})
	is := r.open()
	if len(is) != 2 || len(is[1].Alerts) != 3 || is[1].Service != "" || len(is[0].Alerts) != 1 {
		t.Fatalf("%+v", is)
	}
}

func TestRulesRoute(t *testing.T) {
	r := open(t)
	rules := []alert.RoutingRule{
		{Name: "noise", When: `labels.alertname matches "^Watchdog"`, Action: "ignore"},
		{Name: "cards", When: `labels.team == "cards" && annotations.tier != "3"`, Service: "cards-api", Environment: `"q" + "a"`, Severity: `labels.sev != "" ? labels.sev : "high"`, Action: "attach"},
		{Name: "by source", When: `source == "core" && labels.db != ""`, Service: `"db-" + lower(labels.db)`, Severity: "page"},
	}
	r.Do(func(tx *db.Tx) error { _, err := r.alerts.SetRules(Ctx, tx, r.Admin, rules); return err })
	r.deliver(r.src, one(
		firing("Watchdog", 0),
		firing("Cards", 0, "team", "cards"),
		firing("Db", 0, "db", "LEDGER", "env", "prod", "severity", "warning"),
		firing("Else", 0, "environment", "dev", "severity", "none"),
	))
	got := map[string]string{}
	for _, a := range r.list("") {
		got[a.Labels["alertname"]] = fmt.Sprint(a.Service, " ", a.Environment, " ", a.Severity, " ", a.IncidentID != "")
	}
	want := map[string]string{"Cards": "cards-api qa 2 false", "Db": "db-ledger prod 1 true", "Else": "payments-api dev 3 true"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestRulesThatAreWrongAreNamedAndNothingChanges(t *testing.T) {
	r := open(t)
	good := []alert.RoutingRule{{Name: "good", When: `labels.a == "b"`}}
	r.Do(func(tx *db.Tx) error { _, err := r.alerts.SetRules(Ctx, tx, r.Admin, good); return err })
	bad := []alert.RoutingRule{
		{Name: "typo", When: `lables.env == "prod"`},
		{Name: "not a question", When: `labels.env`},
		{Name: "fine", When: `true`},
		{Name: "severity", Severity: "dreadful"},
		{Name: "action", Action: "panic"},
		{Name: "long", Service: strings.Repeat("a", 3000)},
		{Name: "loops", When: `all(1..100, # > 0)`},
		{Name: "range", When: `len(1..int(labels.n)) > 0`},
		{Name: "deep", When: strings.Repeat("(", 300) + "true" + strings.Repeat(" || true)", 300)},
	}
	err := r.Try(func(tx *db.Tx) error { _, err := r.alerts.SetRules(Ctx, tx, r.Admin, bad); return err })
	fields := []string{}
	for _, f := range fault.FieldsOf(err) {
		fields = append(fields, f.Field)
		if !strings.HasPrefix(f.Message, "Rule \"") {
			t.Error(f.Message)
		}
	}
	if d := cmp.Diff([]string{"items[0].when", "items[1].when", "items[3].severity", "items[4].action", "items[5].service", "items[6].when", "items[7].when", "items[8].when"}, fields); d != "" {
		t.Error(d)
	}
	rs, err := r.alerts.Rules(Ctx, r.DB.Read(), r.Admin)
	if err != nil || len(rs) != 1 || rs[0].Name != "good" {
		t.Error(rs, err)
	}
	if err := r.Try(func(tx *db.Tx) error { _, err := r.alerts.SetRules(Ctx, tx, r.Ann, nil); return err }); !fault.Is(err, fault.Denied) {
		t.Error("a responder changed rules:", err)
	}
}

func TestARuleThatFailsIsLeftOutAndSaidAtTheSource(t *testing.T) {
	r := open(t)
	rules := []alert.RoutingRule{{Name: "number", When: `int(labels.port) > 10`, Action: "ignore"}, {Name: "rest", Severity: "4"}}
	r.Do(func(tx *db.Tx) error { _, err := r.alerts.SetRules(Ctx, tx, r.Admin, rules); return err })
	r.deliver(r.src, one(firing("A", 0, "port", "none")))
	if as := r.list(""); len(as) != 1 || as[0].Severity != 4 {
		t.Fatalf("%+v", as)
	}
	srcs, _ := r.alerts.Sources(Ctx, r.DB.Read(), r.Admin)
	if !strings.Contains(srcs[0].LastError, `rule "number"`) {
		t.Error(srcs[0].LastError)
	}
}

func TestSourcesAndSecrets(t *testing.T) {
	r := open(t)
	var src alert.Source
	var secret, again string
	r.Do(func(tx *db.Tx) (err error) {
		src, secret, err = r.alerts.CreateSource(Ctx, tx, r.Admin, alert.NewSource{Name: "s"})
		return err
	})
	find := func(secret string) error {
		_, err := r.alerts.BySecret(Ctx, r.DB.Read(), "alertmanager", secret)
		return err
	}
	if len(secret) < 43 || find(secret) != nil {
		t.Fatal(secret, find(secret))
	}
	var stored int
	if err := r.DB.Read().QueryRow(Ctx, `SELECT COUNT(*) FROM alert_source WHERE secret = $1`, secret).Scan(&stored); err != nil || stored != 0 {
		t.Error("the secret is stored as it is")
	}
	r.Do(func(tx *db.Tx) (err error) {
		_, again, err = r.alerts.RotateSource(Ctx, tx, r.Admin, src.ID)
		return err
	})
	if !fault.Is(find(secret), fault.NotFound) || find(again) != nil || !fault.Is(find(""), fault.NotFound) || !fault.Is(find(strings.Repeat("x", 500)), fault.NotFound) {
		t.Error("rotation")
	}
	r.deliver(src, one(firing("A", 0)))
	r.Do(func(tx *db.Tx) error { return r.alerts.RemoveSource(Ctx, tx, r.Admin, src.ID) })
	if !fault.Is(find(again), fault.NotFound) || len(r.list("")) != 1 {
		t.Error("removal")
	}
	if err := r.Try(func(tx *db.Tx) error { _, err := r.alerts.Receive(Ctx, tx, src, one(firing("B", 0))); return err }); !fault.Is(err, fault.NotFound) {
		t.Error("a removed source delivered:", err)
	}
	for field, in := range map[string]alert.NewSource{"name": {Name: " "}, "kind": {Name: "a", Kind: "pigeon"}, "service": {Name: "a", Service: "nope"}} {
		err := r.Try(func(tx *db.Tx) error { _, _, err := r.alerts.CreateSource(Ctx, tx, r.Admin, in); return err })
		if fs := fault.FieldsOf(err); len(fs) != 1 || fs[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if err := r.Try(func(tx *db.Tx) error {
		_, _, err := r.alerts.CreateSource(Ctx, tx, r.Ann, alert.NewSource{Name: "mine"})
		return err
	}); !fault.Is(err, fault.Denied) {
		t.Error("a responder made a source:", err)
	}
}

func TestAcknowledgingAnAlertAcknowledgesItsIncident(t *testing.T) {
	r := open(t)
	r.deliver(r.src, one(firing("A", 0)))
	a := r.list("")[0]
	if err := r.Try(func(tx *db.Tx) error { _, err := r.alerts.Acknowledge(Ctx, tx, r.Watcher, a.ID); return err }); !fault.Is(err, fault.Denied) {
		t.Fatal("an observer acknowledged:", err)
	}
	r.Do(func(tx *db.Tx) error { _, err := r.alerts.Acknowledge(Ctx, tx, r.Ann, a.ID); return err })
	a = r.list("")[0]
	if a.State != "acknowledged" || a.AcknowledgedBy != r.Ann.ID {
		t.Error(a)
	}
	if i := r.Incident(a.IncidentID); i.Times.Acknowledged == nil || i.NextPage != nil {
		t.Errorf("%+v", i)
	}
	r.Clock.Advance(time.Minute)
	r.deliver(r.src, one(firing("A", 0)))
	if a = r.list("")[0]; a.State != "acknowledged" {
		t.Error("a repeat took the acknowledgement back")
	}
}

// A card must fit whatever an alert carries.
func TestHugeAlertsHaveACard(t *testing.T) {
	r := open(t)
	a := firing("Huge", 0)
	for n := range 60 {
		a.Labels[fmt.Sprint("l", n)] = strings.Repeat("ü", 1000)
		a.Annotations[fmt.Sprint("a", n)] = strings.Repeat("<", 8000)
	}
	a.Annotations["summary"] = strings.Repeat("x\n\u202e", 3000)
	r.deliver(r.src, one(a))
	if is := r.open(); len(is) != 1 || len(is[0].Title) > 1000 {
		t.Fatal(is)
	}
}

// Nothing an alert carries, and no room of the same name, keeps it from being heard.
func TestNastyAlertsAreHeard(t *testing.T) {
	r := open(t)
	r.Do(func(tx *db.Tx) error {
		_, err := r.Rooms.Create(Ctx, tx, r.Admin, room.New{Name: "INC-2041 taken"})
		return err
	})
	a := firing("A", 0, "service", "\u202e\u0007 ", "env", strings.Repeat("é", 100)+"\u202e")
	a.Annotations["summary"] = "taken"
	r.deliver(r.source("bare", ""), one(a))
	b := firing("B", 0, "env", "\u2066", "service", strings.Repeat("s", 500))
	b.Annotations["summary"], b.StartsAt = "\u202e\u0007", time.Time{}
	r.deliver(r.source("bare2", ""), one(b))
	is := r.open()
	if len(is) != 2 || !strings.HasPrefix(is[1].Room.Name, "INC-2041 (") || is[0].Title == "" || is[0].Times.FirstSignal != nil {
		t.Fatalf("%+v", is)
	}
}

package app_test

import (
	"context"
	"regexp"
	"testing"
	"time"

	"muster/internal/account"
	"muster/internal/alert"
	"muster/internal/await"
	"muster/internal/db"
	"muster/internal/incident"
)

// figures are the series that /metrics shows now to a scraper on this machine.
func (s *server) figures() map[string]string {
	out := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(muster_\S+(?:\{[^}]*\})?) (\S+)$`).FindAllStringSubmatch(s.nobody().send("GET", "/metrics", nil).text, -1) {
		out[m[1]] = m[2]
	}
	return out
}

// TestMetricsAreOfRealIncidents: whoever reads /metrics learns nothing of a
// restricted incident, and what was practised is no incident there.
func TestMetricsAreOfRealIncidents(t *testing.T) {
	s := start(t)
	ann := s.person("ann", account.Operator)
	who := ann.Actor()
	live := func(title, mode string, restricted bool) {
		t.Helper()
		s.do(func(ctx context.Context, tx *db.Tx) error {
			i, err := s.Incidents.Declare(ctx, tx, who, incident.Declare{Title: title, Severity: 1, Mode: mode, Restricted: restricted})
			if err != nil {
				return err
			}
			if i, err = s.Incidents.Acknowledge(ctx, tx, who, i.ID); err != nil {
				return err
			}
			_, err = s.Incidents.SetStage(ctx, tx, who, i.ID, incident.Resolved, "over")
			return err
		})
		s.do(func(ctx context.Context, tx *db.Tx) error { // and one that stays open
			_, err := s.Incidents.Declare(ctx, tx, who, incident.Declare{Title: title + " still", Severity: 1, Mode: mode, Restricted: restricted})
			return err
		})
	}
	fire := func(name string, labels map[string]string) {
		t.Helper()
		s.do(func(ctx context.Context, tx *db.Tx) error {
			src, _, err := s.Alerts.CreateSource(ctx, tx, system, alert.NewSource{Kind: "alertmanager", Name: name})
			if err != nil {
				return err
			}
			labels["alertname"], labels["severity"] = name, "critical"
			_, err = s.Alerts.Receive(ctx, tx, src, alert.Delivery{GroupKey: name, Alerts: []alert.Incoming{{Fingerprint: name, Status: "firing", StartsAt: time.Now(), Labels: labels}}})
			return err
		})
	}
	s.do(func(ctx context.Context, tx *db.Tx) error {
		_, err := s.Alerts.SetRules(ctx, tx, system, []alert.RoutingRule{{Name: "secret", When: `labels.secret == "yes"`, Restricted: true, Groups: []string{account.Operator}}})
		return err
	})
	live("hidden", "real", true)
	live("practice", "drill", false)
	live("trial", "test", false)
	live("afterwards", "retrospective", false)
	fire("secret", map[string]string{"secret": "yes"})
	fire("practice", map[string]string{"drill": "true"})
	live("true", "real", false)
	fire("true", map[string]string{})

	want := map[string]string{
		`muster_incidents_open`:                                   "2", // the one that stays, and the alert's
		`muster_alerts_open`:                                      "1",
		`muster_incidents_declared_total{severity="1"}`:           "3",
		`muster_incidents_resolved_total{severity="1"}`:           "1",
		`muster_incident_acknowledge_seconds_count{severity="1"}`: "1",
		`muster_incident_resolve_seconds_count{severity="1"}`:     "1",
		`muster_alert_changes_total{change="fired"}`:              "1",
		`muster_exercises_declared_total{mode="drill"}`:           "3",
		`muster_exercises_declared_total{mode="test"}`:            "2",
	}
	// Times and alerts are counted beside the transactions, in their order.
	for deadline := time.Now().Add(await.Limit); ; time.Sleep(20 * time.Millisecond) {
		got, done := s.figures(), true
		for name, n := range want {
			if got[name] > n || got[name] < n && time.Now().After(deadline) { // one digit each
				t.Errorf("%s is %q, not %s", name, got[name], n)
			}
			done = done && got[name] == n
		}
		if done || t.Failed() {
			return
		}
	}
}

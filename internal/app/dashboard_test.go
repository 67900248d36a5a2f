package app_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"muster/internal/account"
)

var operations = filepath.Join("..", "..", "docs", "operations")

// exposed are the metrics that a server shows, by name.
func exposed(s *server) map[string]bool {
	out := map[string]bool{"up": true}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`).FindAllStringSubmatch(s.nobody().send("GET", "/metrics", nil).text, -1) {
		if out[m[1]] = true; m[2] == "histogram" {
			out[m[1]+"_bucket"], out[m[1]+"_sum"], out[m[1]+"_count"] = true, true, true
		}
	}
	return out
}

var metricName = regexp.MustCompile(`\b(?:muster|go|process)_[a-z0-9_]+\b`)

// TestDashboardAndAlerts: every metric that the dashboard and the rules name is
// one that a server shows, and every rule says what it means and what to do.
func TestDashboardAndAlerts(t *testing.T) {
	s := start(t)
	s.person("ann", account.Operator)
	s.as("ann").want(200, "GET", "/me", nil) // a request, so that there are series of requests
	have := exposed(s)
	check := func(where, expr string) {
		t.Helper()
		names := metricName.FindAllString(expr, -1)
		if len(names) == 0 && !strings.Contains(expr, "up{") {
			t.Errorf("%s: %q asks for no metric of ours", where, expr)
		}
		for _, name := range names {
			if !have[name] {
				t.Errorf("%s: there is no metric %s", where, name)
			}
		}
	}

	var board struct {
		UID, Title string
		Schema     int `json:"schemaVersion"`
		Templating struct{ List []struct{ Name, Type string } }
		Panels     []struct {
			ID                       int
			Title, Type, Description string
			Targets                  []struct{ Expr string }
			Datasource               struct{ UID string }
		}
	}
	read(t, "grafana.json", json.Unmarshal, &board)
	rows, ids := 0, map[int]bool{}
	shown := strings.Builder{}
	for _, p := range board.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		if p.Type == "row" {
			rows++
			continue
		}
		if len(p.Targets) == 0 || p.Description == "" || p.Datasource.UID != "${datasource}" {
			t.Errorf("panel %q lacks something", p.Title)
		}
		for _, q := range p.Targets {
			check("panel "+p.Title, q.Expr)
			shown.WriteString(q.Expr + "\n")
		}
	}
	if rows != 6 || board.UID == "" || board.Schema < 39 || board.Templating.List[0].Type != "datasource" {
		t.Errorf("%d rows, %+v", rows, board.Templating)
	}

	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	read(t, "alerts.yaml", yaml.Unmarshal, &rules)
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			check("rule "+r.Alert, r.Expr)
			if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || !strings.HasPrefix(r.Annotations["description"], "What it means: ") || !strings.HasPrefix(r.Annotations["runbook"], "What to do: ") {
				t.Errorf("rule %s does not say what it means and what to do", r.Alert)
			}
		}
	}

	// And what a server shows stands in the guide.
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "guide", "monitoring-muster.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name := range have {
		if ours := strings.HasPrefix(name, "muster_"); ours && !strings.Contains(string(guide), "`"+strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")+"`") {
			t.Errorf("the guide does not name %s", name)
		}
	}
}

func read(t *testing.T, name string, decode func([]byte, any) error, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(operations, name))
	if err == nil {
		err = decode(b, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// TestRulesWithPrometheus lets Prometheus itself read the rules and the metrics.
func TestRulesWithPrometheus(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is missing. On Debian: apt-get install prometheus; or run scripts/need test.")
	}
	run := func(in string, args ...string) {
		t.Helper()
		cmd := exec.Command(promtool, args...)
		cmd.Dir, cmd.Stdin = operations, strings.NewReader(in)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
	run("", "check", "rules", "alerts.yaml")
	run("", "test", "rules", "alerts-test.yaml")
	s := start(t)
	s.nobody().send("GET", "/healthz", nil)
	run(s.nobody().send("GET", "/metrics", nil).text, "check", "metrics")
}

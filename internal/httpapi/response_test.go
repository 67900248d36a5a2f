package httpapi_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"muster/internal/await"

	"muster/internal/actor"
	"muster/internal/alert"
	"muster/internal/fault"
	"muster/internal/freeport"
	"muster/internal/httpapi"
	. "muster/internal/incident/incidenttest"
	"muster/internal/notify"
)

// response is a door with everything from alert to page behind it. The bearer
// token of a person is their login.
type response struct {
	*Rig
	t      *testing.T
	server *httptest.Server
	alerts *alert.Store
	hooked chan int // status of each webhook call
}

func openResponse(t *testing.T) *response {
	r := &response{Rig: New(t, notify.Settings{}), t: t, hooked: make(chan int, 100)}
	quiet := slog.New(slog.DiscardHandler)
	r.alerts = alert.New(alert.Deps{DB: r.DB, Access: r.Access, Ledger: r.Ledger, Clock: r.Clock, Bus: r.Bus, Tasks: r.Tasks, Messages: r.Messages, Incidents: r.Incidents, Log: quiet})
	people := map[string]actor.Actor{}
	for _, a := range []actor.Actor{r.Ann, r.Bob, r.Admin, r.Watcher} {
		people[a.Name] = a
	}
	r.server = httptest.NewUnstartedServer(nil)
	url := "http://" + r.server.Listener.Addr().String()
	api := httpapi.New(httpapi.Core{DB: r.DB, Access: r.Access, Log: quiet, PublicURL: func() string { return url }},
		func(_ context.Context, secret string, _ bool) (httpapi.Login, error) {
			if a, ok := people[secret]; ok {
				return httpapi.Login{Who: a}, nil
			}
			return httpapi.Login{}, fault.New(fault.Unauthenticated, "Sign in first.")
		})
	httpapi.RegisterOncall(api, httpapi.OncallDeps{Oncall: r.OnCall})
	httpapi.RegisterIncidents(api, httpapi.IncidentDeps{Incidents: r.Incidents})
	httpapi.RegisterAlerts(api, httpapi.AlertDeps{Alerts: r.alerts})
	httpapi.RegisterNotify(api, httpapi.NotifyDeps{Notify: r.Notify, Incidents: r.Incidents})
	httpapi.RegisterHooks(api, httpapi.HookDeps{Alerts: r.alerts})
	h := api.Handler()
	r.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !strings.HasPrefix(req.URL.Path, "/hooks/") {
			h.ServeHTTP(w, req)
			return
		}
		rec := &status{ResponseWriter: w}
		h.ServeHTTP(rec, req)
		r.hooked <- rec.code
	})
	r.server.Start()
	t.Cleanup(r.server.Close)
	return r
}

type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) { s.code = code; s.ResponseWriter.WriteHeader(code) }
func (s *status) Write(b []byte) (int, error) {
	if s.code == 0 {
		s.code = http.StatusOK
	}
	return s.ResponseWriter.Write(b)
}

// call asks the API as who and decodes the answer; it fails unless the status is want.
func call[T any](r *response, who, method, path string, body any, want int) (out T) {
	r.t.Helper()
	var in io.Reader
	if body != nil {
		b, _ := json.Marshal(body)
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(Ctx, method, r.server.URL+httpapi.Base+path, in)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+who)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	if res.StatusCode != want {
		r.t.Fatalf("%s %s as %s: %d %s", method, path, who, res.StatusCode, text)
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			r.t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
	return out
}

type object = map[string]any

type list struct{ Items []object }

func (r *response) source() (url string) {
	r.t.Helper()
	return call[struct{ URL string }](r, "root", "POST", "/alert-sources", object{"kind": "alertmanager", "name": "core", "service": "payments-api"}, 201).URL
}

func (r *response) hook(url, body string) (int, string) {
	r.t.Helper()
	res, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	<-r.hooked
	return res.StatusCode, string(text)
}

func webhook(status string, truncated int, names ...string) string {
	alerts := []object{}
	for _, n := range names {
		a := object{"status": status, "labels": object{"alertname": n, "severity": "critical", "env": "prod"}, "annotations": object{"summary": n + " fires"}, "startsAt": "2026-11-22T13:59:00Z", "endsAt": "0001-01-01T00:00:00Z", "fingerprint": "fp" + n}
		if status == "resolved" {
			a["endsAt"] = "2026-11-22T14:00:00Z"
		}
		alerts = append(alerts, a)
	}
	b, _ := json.Marshal(object{"version": "4", "status": status, "receiver": "muster", "groupKey": "{}", "truncatedAlerts": truncated, "alerts": alerts, "somethingNew": 1})
	return string(b)
}

func TestTheWebhook(t *testing.T) {
	r := openResponse(t)
	url := r.source()
	if code, body := r.hook(url, webhook("firing", 0, "A", "B")); code != 200 || !strings.Contains(body, `"accepted":2`) {
		t.Fatal(code, body)
	}
	if code, body := r.hook(url, webhook("firing", 0, "A", "B")); code != 200 || !strings.Contains(body, `"repeated":2`) {
		t.Fatal("a duplicate:", code, body)
	}
	is := call[list](r, "wanda", "GET", "/incidents", nil, 200).Items
	if len(is) != 1 || is[0]["ticket"] != "INC-2041" || is[0]["severity"] != 1.0 || is[0]["stage"] != "declared" || is[0]["room"].(object)["name"] != "INC-2041 A fires" {
		t.Fatal(is)
	}
	// What is no delivery is refused and noted at the source.
	code, body := r.hook(url, strings.Replace(webhook("firing", 0, "C", "D"), `"version":"4"`, `"version":"3"`, 1))
	if code != 400 || !strings.Contains(body, `"location":"version"`) {
		t.Fatal(code, body)
	}
	if as := call[list](r, "ann", "GET", "/alerts", nil, 200).Items; len(as) != 2 {
		t.Error("something was written:", as)
	}
	src := call[list](r, "root", "GET", "/alert-sources", nil, 200).Items[0]
	if !strings.Contains(src["last_error"].(string), `version`) || src["last_delivery_at"] == nil {
		t.Error(src)
	}
	if _, shown := src["url"]; shown || strings.Contains(fmt.Sprint(src), url[len(url)-40:]) {
		t.Error("the secret is shown again")
	}
	for body, want := range map[string]int{"": 400, "{": 400, "[1]": 400, strings.Repeat(" ", 32<<20) + "{}": 413} {
		if code, text := r.hook(url, body); code != want || !strings.Contains(text, `"detail"`) {
			t.Errorf("%.20q: %d %s", body, code, text)
		}
	}
	// Chunked, so that its length is not known beforehand.
	req, _ := http.NewRequestWithContext(Ctx, "POST", url, io.MultiReader(strings.NewReader(strings.Repeat(" ", 32<<20)), strings.NewReader("{}")))
	if res, err := http.DefaultClient.Do(req); err != nil || res.StatusCode != 413 {
		t.Error(res, err)
	}
	<-r.hooked
	// What is too large costs its end, not its beginning, and is read to its end.
	if code, body := r.hook(url, strings.TrimSuffix(webhook("firing", 0, "A"), "}")+`,"commonAnnotations":{"dump":"`+strings.Repeat("x", 40<<20)+`"}}`); code != 200 || !strings.Contains(body, `"accepted":1`) {
		t.Error("a delivery of 40 MB:", code, body)
	}
	if code, _ := r.hook(url[:len(url)-3]+"xyz", webhook("firing", 0, "A")); code != 404 {
		t.Error("a wrong secret:", code)
	}
	if code, body := r.hook(url, webhook("resolved", 7, "A", "B")); code != 200 || !strings.Contains(body, `"resolved":2`) {
		t.Error(code, body)
	}
	if i := call[object](r, "ann", "GET", "/incidents/INC-2041", nil, 200); i["stage"] != "declared" {
		t.Error("resolved alerts closed the incident:", i["stage"])
	}
	rotated := call[struct{ URL string }](r, "root", "POST", "/alert-sources/"+src["id"].(string)+"/rotate", nil, 200).URL
	if code, _ := r.hook(url, webhook("firing", 0, "A")); code != 404 {
		t.Error("the old URL still works:", code)
	}
	// A flood is asked to wait with a 5xx, which senders retry.
	codes := map[int]int{}
	for range 200 {
		code, _ := r.hook(rotated, "{")
		codes[code]++
	}
	if codes[503] == 0 || codes[400] < 50 {
		t.Error(codes)
	}
}

func TestIncidentsOverTheAPI(t *testing.T) {
	r := openResponse(t)
	i := call[object](r, "bob", "POST", "/incidents", object{"title": "Payments down", "severity": 2, "service": "payments-api", "environment": "prod"}, 201)
	id := i["id"].(string)
	if a := i["abilities"].(object); a["command"] != true || a["note"] != true || a["acknowledge"] != true || a["update"] != true {
		t.Error(a)
	}
	for key := range map[string]bool{"roles": true, "pages": true, "alerts": true} {
		if _, ok := i[key].([]any); !ok {
			t.Errorf("%s is %v", key, i[key])
		}
	}
	ns := call[list](r, "ann", "GET", "/notifications?unread=true", nil, 200).Items
	if len(ns) != 1 || ns[0]["kind"] != "page" {
		t.Fatal(ns)
	}
	call[object](r, "ann", "POST", "/notifications/"+ns[0]["id"].(string)+"/seen", nil, 200)
	call[object](r, "ann", "POST", "/notifications/seen-all", nil, 204)
	call[object](r, "wanda", "POST", "/incidents/"+id+"/acknowledge", nil, 403)
	call[object](r, "ann", "POST", "/incidents/"+id+"/acknowledge", nil, 200)
	call[object](r, "ann", "PATCH", "/incidents/"+id, object{"severity": 1, "title": "Payments are down"}, 200)
	call[object](r, "ann", "PUT", "/incidents/INC-2041/roles/commander", object{"user_id": r.Ann.ID}, 200)
	call[object](r, "ann", "DELETE", "/incidents/"+id+"/roles/commander", nil, 200)
	call[object](r, "ann", "POST", "/incidents/"+id+"/page", object{"user_id": r.Bob.ID}, 200)
	call[object](r, "ann", "POST", "/incidents/"+id+"/notes", object{"text": "hm"}, 201)
	call[object](r, "ann", "PATCH", "/incidents/"+id+"/times", object{"impact_started": "2026-11-22T13:00:00Z", "first_signal": nil}, 200)
	p := call[object](r, "ann", "PATCH", "/incidents/"+id+"/times", object{"lunch": "2026-11-22T13:00:00Z"}, 422)
	if p["errors"].([]any)[0].(object)["location"] != "lunch" {
		t.Error(p)
	}
	call[object](r, "ann", "POST", "/incidents/"+id+"/stage", object{"stage": "resolved", "note": "done"}, 200)
	call[object](r, "ann", "POST", "/incidents/"+id+"/stage", object{"stage": "declared"}, 409)
	call[object](r, "ann", "GET", "/incidents/INC-9", nil, 404)
	if es := call[list](r, "wanda", "GET", "/incidents/"+id+"/timeline", nil, 200).Items; len(es) < 10 {
		t.Error(es)
	}
	ms := call[list](r, "wanda", "GET", "/incidents/"+id+"/metrics", nil, 200).Items
	if len(ms) != 5 || ms[0]["name"] != "MTTD" || ms[0]["seconds"] != 3600.0 || ms[2]["seconds"] != nil || len(ms[2]["missing"].([]any)) != 1 {
		t.Error(ms)
	}
	if ms := call[list](r, "wanda", "GET", "/metrics/incidents", nil, 200).Items; len(ms) != 5 {
		t.Error(ms)
	}
	if is := call[list](r, "wanda", "GET", "/incidents?state=closed", nil, 200).Items; is == nil || len(is) != 0 {
		t.Error(is)
	}
}

func TestServicesAndRotationsOverTheAPI(t *testing.T) {
	r := openResponse(t)
	on := call[list](r, "wanda", "GET", "/oncall", nil, 200).Items
	if len(on) != 1 || on[0]["user_id"] != r.Ann.ID || on[0]["next_user_id"] != r.Bob.ID || on[0]["service"] != "payments-api" {
		t.Fatal(on)
	}
	rot := call[object](r, "root", "POST", "/rotations", object{"name": "cards", "members": []string{r.Bob.ID}, "shift_hours": 24, "starts_at": "2026-11-01T09:00:00Z", "time_zone": "Europe/Berlin"}, 201)
	id := rot["id"].(string)
	if rot["escalate_after_seconds"] != 300.0 {
		t.Error(rot)
	}
	p := call[object](r, "root", "POST", "/rotations", object{"name": "", "members": []string{"x"}, "shift_hours": -1, "time_zone": "Mars"}, 422)
	if n := len(p["errors"].([]any)); n != 4 {
		t.Error(p)
	}
	call[object](r, "root", "POST", "/rotations", object{"name": "cards", "members": []string{r.Bob.ID}}, 409)
	call[object](r, "ann", "PATCH", "/rotations/"+id, object{"members": []string{r.Ann.ID}}, 403)
	call[object](r, "root", "PATCH", "/rotations/"+id, object{"escalate_after_seconds": 60}, 200)
	call[object](r, "root", "POST", "/services", object{"name": "cards-api", "rotation_id": id, "environments": []string{"prod"}, "runbook_url": "https://wiki.bank.example/cards"}, 201)
	call[object](r, "root", "POST", "/services", object{"name": "Bad Name", "runbook_url": "javascript:alert(1)"}, 422)
	call[object](r, "root", "PATCH", "/services/cards-api", object{"title": "Cards"}, 200)
	call[object](r, "ann", "POST", "/services", object{"name": "mine"}, 403)
	// Bob is in the rotation and may take duty; he may not put Ann on duty.
	stretch := object{"user_id": r.Bob.ID, "from": "2026-11-22T13:00:00Z", "until": "2026-11-22T20:00:00Z"}
	call[object](r, "bob", "POST", "/rotations/"+r.Rotation.ID+"/overrides", stretch, 201)
	stretch["user_id"] = r.Ann.ID
	call[object](r, "bob", "POST", "/rotations/"+r.Rotation.ID+"/overrides", stretch, 403)
	stretch["until"] = "2026-11-22T12:00:00Z"
	call[object](r, "root", "POST", "/rotations/"+r.Rotation.ID+"/overrides", stretch, 422)
	for _, o := range call[list](r, "wanda", "GET", "/oncall", nil, 200).Items {
		if o["user_id"] != r.Bob.ID {
			t.Error(o)
		}
	}
	if ss := call[list](r, "wanda", "GET", "/services", nil, 200).Items; len(ss) != 2 || ss[0]["abilities"].(object)["manage"] != false {
		t.Error(ss)
	}
	rules := call[list](r, "root", "PUT", "/alert-rules", object{"items": []object{{"name": "a", "when": `labels.x == "y"`, "severity": "2", "action": "declare"}}}, 200)
	if len(rules.Items) != 1 || rules.Items[0]["position"] != 1.0 {
		t.Error(rules)
	}
	p = call[object](r, "root", "PUT", "/alert-rules", object{"items": []object{{"name": "b", "when": `labels.x ==`}}}, 422)
	if !strings.Contains(p["detail"].(string), `Rule "b"`) {
		t.Error(p)
	}
}

// alertmanager starts Debian's Alertmanager, which posts to url.
func alertmanager(t *testing.T, url, repeat string) (base string) {
	t.Helper()
	bin, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		t.Fatal("prometheus-alertmanager is not installed. Install what the tests need: scripts/need test")
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "alertmanager.yml")
	text := fmt.Sprintf("route: {receiver: muster, group_by: [service], group_wait: 1s, group_interval: 1s, repeat_interval: %s}\nreceivers:\n- name: muster\n  webhook_configs:\n  - {url: %q, send_resolved: true}\n", repeat, url)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	port, err := freeport.TCP()
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	cmd := exec.Command(bin, "--config.file="+conf, "--storage.path="+dir, "--web.listen-address="+addr, "--cluster.listen-address=")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	listening, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		once := false
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if !once && strings.Contains(lines.Text(), "Listening") {
				once = true
				close(listening)
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-gone
		_ = cmd.Wait()
	})
	select {
	case <-listening:
	case <-gone:
		t.Fatal("Alertmanager ended")
	case <-time.After(await.Limit):
		t.Fatal("Alertmanager does not listen")
	}
	return "http://" + addr
}

func TestARealAlertmanager(t *testing.T) {
	r := openResponse(t)
	r.Clock.Advance(time.Since(Now)) // its clock is the machine's
	am := alertmanager(t, r.source(), "1h")
	post := func(ends time.Time, names ...string) {
		t.Helper()
		alerts := []object{}
		for _, n := range names {
			a := object{"labels": object{"alertname": n, "severity": "page", "env": "prod"}, "annotations": object{"summary": n + " is slow", "description": "p99 > 2 s"}, "generatorURL": "http://prometheus.bank.example/graph"}
			if !ends.IsZero() {
				a["endsAt"] = ends
			}
			alerts = append(alerts, a)
		}
		b, _ := json.Marshal(alerts)
		res, err := http.Post(am+"/api/v2/alerts", "application/json", bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != 200 {
			text, _ := io.ReadAll(res.Body)
			t.Fatal(res.StatusCode, string(text))
		}
	}
	delivered := func() {
		t.Helper()
		select {
		case code := <-r.hooked:
			if code != 200 {
				t.Fatal("we answered", code)
			}
			r.Clock.Advance(time.Since(r.Clock.Now()))
		case <-time.After(await.Limit):
			t.Fatal("Alertmanager delivered nothing")
		}
	}
	states := func() map[string]string {
		out := map[string]string{}
		for _, a := range call[list](r, "ann", "GET", "/alerts", nil, 200).Items {
			out[a["labels"].(object)["alertname"].(string)] = a["state"].(string)
		}
		return out
	}
	post(time.Time{}, "Latency", "Errors")
	delivered()
	for len(states()) < 2 {
		delivered()
	}
	is := call[list](r, "ann", "GET", "/incidents", nil, 200).Items
	if len(is) != 1 || len(is[0]["alerts"].([]any)) != 2 || is[0]["severity"] != 1.0 || is[0]["environment"] != "prod" || !strings.HasSuffix(is[0]["title"].(string), "is slow") {
		t.Fatal(is)
	}
	post(time.Now(), "Latency")
	for states()["Latency"] != "resolved" {
		delivered()
	}
	if states()["Errors"] != "open" {
		t.Error(states())
	}
	post(time.Time{}, "Latency") // and it is back
	for states()["Latency"] != "open" {
		delivered()
	}
	if is := call[list](r, "ann", "GET", "/incidents", nil, 200).Items; len(is) != 1 || len(is[0]["alerts"].([]any)) != 2 {
		t.Error(is)
	}
}

// While an alert is silenced Alertmanager says nothing, not even that it ended. People end its incident meanwhile; when
// the silence is over it still fires, with the start it always had, and somebody is paged.
func TestSilencedWhileItsIncidentEnds(t *testing.T) {
	for _, c := range []struct {
		name, stage string
		silent      time.Duration
		anew        bool
	}{
		{"closed", "closed", 10 * time.Minute, true},
		{"resolved, and silent for long", "resolved", time.Hour, true},
		{"resolved, and back soon", "resolved", 10 * time.Minute, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := openResponse(t)
			r.Clock.Advance(time.Since(Now))
			am := alertmanager(t, r.source(), "2s")
			ask := func(method, path string, in any) []byte {
				t.Helper()
				b, _ := json.Marshal(in)
				req, _ := http.NewRequestWithContext(t.Context(), method, am+"/api/v2"+path, bytes.NewReader(b))
				req.Header.Set("Content-Type", "application/json")
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				text, _ := io.ReadAll(res.Body)
				if res.StatusCode != 200 {
					t.Fatal(path, res.StatusCode, string(text))
				}
				return text
			}
			until := func(what string, ok func([]object) bool) []object {
				t.Helper()
				for late := time.After(await.Limit); ; {
					if is := call[list](r, "ann", "GET", "/incidents?state=all", nil, 200).Items; ok(is) {
						return is
					}
					select {
					case code := <-r.hooked:
						if code != 200 {
							t.Fatal("we answered", code)
						}
					case <-late:
						t.Fatal(what, call[list](r, "ann", "GET", "/incidents?state=all", nil, 200).Items)
					}
				}
			}
			ask("POST", "/alerts", []object{{"labels": object{"alertname": "Latency", "severity": "critical", "env": "prod"}}})
			first := until("no incident", func(is []object) bool { return len(is) == 1 && len(is[0]["pages"].([]any)) == 1 })[0]["id"]

			var silence struct{ SilenceID string }
			if err := json.Unmarshal(ask("POST", "/silences", object{
				"matchers": []object{{"name": "alertname", "value": "Latency", "isRegex": false}}, "startsAt": time.Now(), "endsAt": time.Now().Add(time.Hour), "createdBy": "ann", "comment": "known"}), &silence); err != nil {
				t.Fatal(err)
			}
			call[object](r, "ann", "POST", fmt.Sprintf("/incidents/%s/stage", first), object{"stage": c.stage}, 200)
			r.Clock.Advance(c.silent)
			ask("DELETE", "/silence/"+silence.SilenceID, nil)
			is := until("nobody is paged", func(is []object) bool {
				if c.anew {
					return len(is) == 2 && len(is[0]["pages"].([]any)) == 1
				}
				return len(is) == 1 && is[0]["stage"] == "triage" && len(is[0]["pages"].([]any)) == 2
			})
			if c.anew && (is[0]["id"] == first || is[1]["id"] != first || is[1]["stage"] != c.stage) {
				t.Error(is)
			}
		})
	}
}

// Whoever guesses secrets is stopped before the database is asked, while a
// sender from the same network goes on.
func TestGuessingAWebhooksSecret(t *testing.T) {
	r := openResponse(t)
	url := r.source()
	if code, body := r.hook(url, webhook("firing", 0, "A")); code != 200 {
		t.Fatal(code, body)
	}
	late := call[struct{ URL string }](r, "root", "POST", "/alert-sources", object{"kind": "alertmanager", "name": "late"}, 201).URL
	codes := map[int]int{}
	for i := range 60 {
		code, body := r.hook(fmt.Sprintf("%s%04d", url[:len(url)-4], i), webhook("firing", 0, "B"))
		if codes[code]++; code == 503 && !strings.Contains(body, "wrong secret") {
			t.Error(body)
		}
	}
	if codes[404] < 15 || codes[404] > 25 || codes[404]+codes[503] != 60 {
		t.Errorf("answers by status: %v", codes)
	}
	if code, body := r.hook(url, webhook("firing", 0, "C")); code != 200 {
		t.Error("a sender that is known:", code, body)
	}
	// One that is not known yet is told to come again, in a way that it does.
	if code, body := r.hook(late, webhook("firing", 0, "D")); code != 503 {
		t.Error(code, body)
	}
}

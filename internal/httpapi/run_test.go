package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"muster/internal/actor"
	"muster/internal/fault"
	"muster/internal/httpapi"
	"muster/internal/run"
	"muster/internal/run/runtest"
)

// runDoor is the HTTP door over an office with runs; a login is its own secret.
func runDoor(t *testing.T) (*runtest.Office, func(who, method, path string, body any) (int, map[string]any, string)) {
	o := runtest.New(t, runtest.Options{})
	auth := func(_ context.Context, secret string, _ bool) (httpapi.Login, error) {
		for _, a := range []actor.Actor{o.Admin, o.Op, o.Op2, o.App, o.App2, o.Obs} {
			if a.Name == secret {
				return httpapi.Login{Who: a}, nil
			}
		}
		return httpapi.Login{}, fault.New(fault.Unauthenticated, "Sign in first.")
	}
	api := httpapi.New(httpapi.Core{DB: o.DB, Access: o.Access, Log: slog.New(slog.DiscardHandler)}, auth)
	pd := httpapi.ProjectDeps{Nodes: o.Nodes, Jobs: o.Jobs, Approvals: o.Approvals}
	httpapi.RegisterProjects(api, pd)
	httpapi.RegisterNodes(api, pd)
	httpapi.RegisterJobs(api, pd)
	httpapi.RegisterRuns(api, httpapi.RunDeps{Runs: o.Runs})
	httpapi.RegisterApprovals(api, httpapi.ApprovalDeps{Runs: o.Runs, Approvals: o.Approvals})
	h := api.Handler()
	return o, func(who, method, path string, body any) (int, map[string]any, string) {
		t.Helper()
		var b bytes.Buffer
		if body != nil {
			if err := json.NewEncoder(&b).Encode(body); err != nil {
				t.Fatal(err)
			}
		}
		r := httptest.NewRequest(method, httpapi.Base+path, &b)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+who)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var out map[string]any
		_ = json.Unmarshal(w.Body.Bytes(), &out)
		return w.Code, out, w.Body.String()
	}
}

type m = map[string]any

const restartJob = "- name: restart-service\n  group: ops\n  description: Restart it\n  nodefilters:\n    filter: 'tags: ${option.service}'\n  options:\n    - {name: service, required: true, values: [payments-api, web]}\n    - {name: token, secure: true, valueExposed: true, value: hidden}\n    - {name: list, multivalued: true}\n  sequence:\n    commands:\n      - exec: echo restart ${option.service}\n"

func TestRunsOverHTTP(t *testing.T) {
	o, call := runDoor(t)
	code, out, text := call("ada", "POST", "/projects/demo/import", m{"kind": "jobs", "content": restartJob + "- name: broken\n"})
	items, _ := out["items"].([]any)
	if code != 200 || len(items) != 2 || !strings.Contains(text, `"result":"created"`) || !strings.Contains(text, `"line":13`) {
		t.Fatal(code, text)
	}
	if code, _, text = call("otto", "POST", "/projects/demo/import", m{"kind": "jobs", "content": restartJob}); code != 403 {
		t.Error(code, text)
	}
	if code, _, text = call("ada", "POST", "/projects/demo/import", m{"kind": "approvals", "content": "- {groups: []}"}); code != 422 || !strings.Contains(text, "line 1") {
		t.Error(code, text)
	}
	if code, _, text = call("ada", "POST", "/projects/demo/import", m{"kind": "nodes", "content": strings.Repeat("#", 1<<20+1)}); code != 413 {
		t.Error(code, text)
	}
	code, _, text = call("otto", "GET", "/projects/demo/jobs?q=restart", nil)
	if code != 200 || !strings.Contains(text, `"needs_approval_in":["prod"]`) || !strings.Contains(text, `"full_name":"ops/restart-service"`) {
		t.Fatal(code, text)
	}
	j, err := o.Jobs.Find(o.Ctx, o.DB.Read(), o.Op, "demo", "restart-service")
	if err != nil {
		t.Fatal(err)
	}
	if code, out, text = call("otto", "GET", "/jobs/"+j.ID, nil); code != 200 || len(out["options"].([]any)) != 3 || len(out["versions"].([]any)) != 1 {
		t.Error(code, text)
	}
	if code, _, text = call("otto", "GET", "/projects/demo/nodes?filter=tags:web", nil); code != 200 || !strings.Contains(text, `"total":3`) {
		t.Error(code, text)
	}
	code, out, text = call("otto", "POST", "/jobs/"+j.ID+"/preview", m{"options": m{"service": "payments-api"}})
	if code != 200 || len(out["nodes"].([]any)) != 2 || out["environment"] != "prod" || out["approval"].(m)["needed"] != true || out["denied"] != nil {
		t.Error(code, text)
	}
	if code, _, text = call("otto", "POST", "/jobs/"+j.ID+"/preview", m{"options": m{"servce": "x"}}); code != 200 || !strings.Contains(text, "has no option") || !strings.Contains(text, "is required") {
		t.Error(code, text)
	}
	if code, _, text = call("oscar", "POST", "/jobs/"+j.ID+"/preview", m{"options": m{"service": "web"}}); code != 200 || !strings.Contains(text, `"denied":{"text"`) {
		t.Error(code, text)
	}
	if code, _, text = call("otto", "POST", "/jobs/"+j.ID+"/run", m{"options": m{"service": 5}}); code != 422 {
		t.Error(code, text)
	}
	if code, out, text = call("otto", "POST", "/jobs/"+j.ID+"/run", m{}); code != 422 || out["errors"].([]any)[0].(m)["location"] != "options.service" {
		t.Error(code, text)
	}
	if code, _, text = call("oscar", "POST", "/jobs/"+j.ID+"/run", m{"options": m{"service": "web"}}); code != 403 {
		t.Error(code, text)
	}
	code, out, text = call("otto", "POST", "/jobs/"+j.ID+"/run", m{"options": m{"service": "payments-api", "list": []string{"a", "b"}, "token": "very-secret"}, "room_id": o.Room.ID})
	if code != 201 || out["state"] != "waiting" || strings.Contains(text, "very-secret") || !strings.Contains(text, "••••") {
		t.Fatal(code, text)
	}
	id, digest := out["id"].(string), out["digest"].(string)
	if code, out, text = call("anna", "GET", "/approvals", nil); code != 200 || len(out["items"].([]any)) != 1 {
		t.Error(code, text)
	}
	if code, _, text = call("otto", "POST", "/runs/"+id+"/approve", m{"digest": digest}); code != 403 {
		t.Error(code, text)
	}
	if code, _, text = call("anna", "POST", "/runs/"+id+"/approve", m{"digest": "0"}); code != 409 {
		t.Error(code, text)
	}
	if code, out, text = call("anna", "POST", "/runs/1/approve", m{"digest": digest}); code != 200 || out["state"] != "queued" {
		t.Fatal(code, text)
	}
	o.Until(id, run.Succeeded)
	if code, out, text = call("otto", "GET", "/runs/1/log?limit=2", nil); code != 200 || len(out["items"].([]any)) != 2 || out["done"] != false {
		t.Error(code, text)
	}
	if code, _, text = call("otto", "GET", "/runs/1/log.txt", nil); code != http.StatusOK || !strings.Contains(text, "pay1: restart 'payments-api'\n") {
		t.Error(code, text)
	}
	if code, _, _ = call("nobody", "GET", "/runs/1/log.txt", nil); code != 401 {
		t.Error("the log is public:", code)
	}
	if code, out, text = call("otto", "GET", "/runs?state=succeeded", nil); code != 200 || len(out["items"].([]any)) != 1 {
		t.Error(code, text)
	}
	if code, _, text = call("otto", "POST", "/runs/1/stop", nil); code != 409 {
		t.Error(code, text)
	}
	if code, _, text = call("otto", "GET", "/runs/99", nil); code != 404 {
		t.Error(code, text)
	}
	if code, out, text = call("otto", "POST", "/projects/demo/adhoc/preview", m{"command": "uptime", "filter": "tags: web"}); code != 200 || len(out["nodes"].([]any)) != 3 || out["approval"] != nil {
		t.Error(code, text)
	}
	if code, out, text = call("otto", "POST", "/projects/demo/adhoc", m{"command": "uptime", "filter": "tags: web"}); code != 201 || out["kind"] != "adhoc" {
		t.Error(code, text)
	}
	if code, _, text = call("otto", "POST", "/projects/demo/adhoc", m{"command": "uptime", "filter": "name:"}); code != 422 {
		t.Error(code, text)
	}
	if code, _, text = call("oscar", "GET", "/projects/demo/approvals", nil); code != 200 || !strings.Contains(text, `"built_in":true`) {
		t.Error(code, text)
	}
}

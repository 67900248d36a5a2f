// Releases keeps what a release left behind: a data folder, and one with its
// PostgreSQL dump, as they were when the machine lost its power in the middle of
// work. Later builds have to open them (TestReleasesOpen in e2e).
//
//	scripts/with-postgres go run ./e2e/releases -bin bin/muster -name 2026-12-trust
//
// writes e2e/testdata/releases/2026-12-trust/{sqlite,postgres}.tar.gz. What they
// hold never changes afterwards.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver that admin speaks through

	"muster/e2e/host"
)

func main() {
	bin := flag.String("bin", "bin/muster", "the release's program")
	name := flag.String("name", "", "the release, such as 2026-12-trust")
	flag.Parse()
	if *name == "" || os.Getenv("MUSTER_TEST_POSTGRES") == "" {
		log.Fatal("usage: scripts/with-postgres go run ./e2e/releases -bin PROGRAM -name RELEASE")
	}
	dir := filepath.Join("e2e", "testdata", "releases", *name)
	err := os.MkdirAll(dir, 0o755) // #nosec G301 -- part of the source tree
	if err != nil {
		log.Fatal(err)
	}
	for _, engine := range []string{"sqlite", "postgres"} {
		if err := keep(*bin, engine, filepath.Join(dir, engine+".tar.gz")); err != nil {
			log.Fatalf("%s: %v", engine, err)
		}
	}
}

const config = "runs: {allow_local: true, workers: 2}\n"

// keep lets the release work, ends it as a power switch would, and packs what is left.
func keep(bin, engine, out string) error {
	top, err := os.MkdirTemp("", "muster-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(top)
	data := filepath.Join(top, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(data, "muster.yaml"), []byte(config), 0o600); err != nil {
		return err
	}
	address := ""
	if engine == "postgres" {
		if address, err = database("muster_release"); err != nil {
			return err
		}
	}
	env := []string{"MUSTER_DATABASE=" + address}
	s, err := host.Start(host.Options{Bin: bin, Data: data, Env: env})
	if err != nil {
		return err
	}
	err = work(context.Background(), s, func(args ...string) error {
		cmd := exec.Command(bin, append(args, "--data", data)...) // #nosec G204 -- the program under test
		cmd.Env = append(os.Environ(), env...)
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("muster %s: %w\n%s", strings.Join(args, " "), err, text)
		}
		return nil
	})
	told := ""
	if err == nil {
		told, err = host.Told(context.Background(), s.Console())
	}
	if killed := s.Kill(); err == nil {
		err = killed
	}
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(data, "told.txt"), []byte(told), 0o600); err != nil {
		return err
	}
	if address != "" {
		dump, err := exec.Command(pgDump(), "--no-owner", "--no-privileges", "--dbname="+address).Output() // #nosec G204 -- Debian's own
		if err != nil {
			return fmt.Errorf("pg_dump: %w", err)
		}
		if err := os.WriteFile(filepath.Join(data, "database.sql"), dump, 0o600); err != nil {
			return err
		}
	}
	return pack(data, out)
}

// database makes an empty one beside the one that scripts/with-postgres gives.
func database(name string) (address string, err error) {
	given := os.Getenv("MUSTER_TEST_POSTGRES")
	admin, err := sql.Open("pgx", given)
	if err != nil {
		return "", err
	}
	defer admin.Close()
	if _, err := admin.Exec("CREATE DATABASE " + name); err != nil {
		return "", err
	}
	u, err := url.Parse(given)
	if err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

// pgDump is not on the path of every Debian machine.
func pgDump() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
	if len(found) > 0 {
		return found[len(found)-1]
	}
	return "pg_dump"
}

// pack leaves out what belongs to the process that was killed.
func pack(dir, out string) error {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content)), Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		_, err = t.Write(content)
		return err
	})
	for _, end := range []func() error{t.Close, z.Close} {
		if e := end(); err == nil {
			err = e
		}
	}
	if err != nil {
		return err
	}
	return os.WriteFile(out, b.Bytes(), 0o644) // #nosec G306 -- part of the source tree
}

const nodes = `
dev1: {hostname: localhost, node-executor: local, environment: dev, tags: pay}
prod1: {hostname: localhost, node-executor: local, environment: prod, tags: pay}
odd1: {hostname: localhost, node-executor: local, tags: pay}
`

const jobs = `
- name: check
  group: ops/daily
  uuid: 5c4fbe3e-7a8f-4f0e-9d0c-0f6c1b2a3d4e
  description: Says how it is
  options:
    - {name: region, enforced: true, values: [emea, apac], value: emea, required: true}
    - {name: token, secure: true, storagePath: keys/project/demo/token}
  nodefilters: {filter: 'name: dev1'}
  sequence: {commands: [{exec: 'echo checked ${option.region}'}]}
- name: restart
  uuid: 6c4fbe3e-7a8f-4f0e-9d0c-0f6c1b2a3d4e
  multipleExecutions: true
  nodefilters: {filter: 'name: prod1'}
  sequence: {commands: [{exec: 'echo restarted'}]}
- name: slow
  uuid: 7c4fbe3e-7a8f-4f0e-9d0c-0f6c1b2a3d4e
  multipleExecutions: true
  nodefilters: {filter: 'name: dev1'}
  sequence: {commands: [{exec: 'echo begun; sleep 600'}]}
- name: quick
  uuid: 8c4fbe3e-7a8f-4f0e-9d0c-0f6c1b2a3d4e
  multipleExecutions: true
  nodefilters: {filter: 'name: dev1'}
  sequence: {commands: [{exec: 'echo done'}]}
`

const approvals = `
- description: Production needs a second person
  when: {environment: [prod]}
  need: 1
  groups: [approver]
  expires: 4h
`

const policy = `
description: The night shift checks
context: {project: demo}
for:
  job: [{match: {group: 'ops/.*'}, allow: [read, run]}]
  node: [{allow: [read, run]}]
by: {group: night-shift}
`

type thing struct {
	ID     string `json:"id"`
	URL    string `json:"url"`
	Name   string `json:"name"`
	Digest string `json:"digest"`
	State  string `json:"state"`
	Room   struct {
		ID string `json:"id"`
	} `json:"room"`
}

type things struct {
	Items []thing `json:"items"`
}

// work does a little of everything that leaves rows, and leaves some of it undone.
func work(ctx context.Context, s *host.Server, cli func(...string) error) (err error) {
	con := s.Console()
	// The first error is kept; what follows it is not tried.
	call := func(c *host.Client, method, path string, in any) (out thing) {
		if err == nil {
			if err = c.Call(ctx, method, path, in, &out); err != nil {
				err = fmt.Errorf("%s %s: %w", method, path, err)
			}
		}
		return out
	}
	items := func(c *host.Client, path string) (out things) {
		if err == nil {
			err = c.Call(ctx, "GET", path, nil, &out)
		}
		return out
	}
	people := map[string]*host.Client{}
	ids := map[string]string{}
	for _, p := range []struct {
		name  string
		roles []string
	}{{"ann", []string{"responder", "operator"}}, {"bob", []string{"responder", "night-shift"}}, {"ada", []string{"approver"}}, {"iris", []string{"auditor"}}, {"root", []string{"administrator"}}} {
		if people[p.name], err = s.Person(ctx, p.name, p.roles...); err != nil {
			return err
		}
		var me struct{ User thing }
		if err = people[p.name].Call(ctx, "GET", "/me", nil, &me); err != nil {
			return err
		}
		ids[p.name] = me.User.ID
	}
	ann, bob, ada := people["ann"], people["bob"], people["ada"]

	// Rooms and what was said.
	desk := call(con, "POST", "/rooms", map[string]any{"name": "payments-desk", "topic": "Cut-off at 16:00"})
	first := call(ann, "POST", "/rooms/"+desk.ID+"/messages", map[string]any{"text": "Good morning, @bob. `@ada` is not called.", "key": "1"})
	call(bob, "POST", "/rooms/"+desk.ID+"/messages", map[string]any{"text": "Morning.\n\n```\nuptime\n```", "key": "2", "thread": first.ID})
	call(ann, "PATCH", "/messages/"+first.ID, map[string]any{"text": "Good morning, @bob."})
	call(con, "POST", "/rooms", map[string]any{"name": "board", "private": true})

	// On call, services, sources.
	rotation := call(con, "POST", "/rotations", map[string]any{"name": "payments", "members": []string{ids["ann"], ids["bob"]}, "shift_hours": 12, "time_zone": "Europe/Berlin", "escalate_after_seconds": 3600})
	now := time.Now().UTC()
	call(con, "POST", "/rotations/"+rotation.ID+"/overrides", map[string]any{"user_id": ids["bob"], "from": now.Add(24 * time.Hour), "until": now.Add(36 * time.Hour)})
	call(con, "POST", "/services", map[string]any{"name": "payments-api", "title": "Payments API", "environments": []string{"prod"}, "rotation_id": rotation.ID})
	call(con, "POST", "/services", map[string]any{"name": "ledger", "title": "Ledger"})
	source := call(con, "POST", "/alert-sources", map[string]any{"name": "prometheus", "service": "payments-api"})
	if err == nil {
		err = con.Call(ctx, "PUT", "/alert-rules", map[string]any{"items": []map[string]any{{"name": "ledger", "when": `labels.team == "ledger"`, "service": "ledger"}}}, nil)
	}
	fire := func(name, status, labels string) {
		if err != nil {
			return
		}
		body := fmt.Sprintf(`{"version":"4","groupKey":"%s","status":%q,"receiver":"m","alerts":[{"status":%q,"fingerprint":"fp-%s","startsAt":"%s","labels":{"alertname":%q,"env":"prod","severity":"critical"%s},"annotations":{"summary":"%s is wrong"}}]}`,
			name, status, status, name, now.Add(-time.Minute).Format(time.RFC3339), name, labels, name)
		res, e := http.Post(source.URL, "application/json", strings.NewReader(body)) // #nosec G107 -- our own server
		if err = e; err != nil {
			return
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			err = fmt.Errorf("an alert was answered with %d", res.StatusCode)
		}
	}

	// A project with jobs, policies and approvals.
	if err == nil {
		err = cli("project", "create", "demo", "--title", "Demo")
	}
	call(con, "PUT", "/keys/project/demo/token", map[string]any{"type": "password", "content": "s3cret"})
	for _, doc := range []struct{ kind, name, text string }{{"nodes", "machines", nodes}, {"jobs", "jobs", jobs}, {"approvals", "approvals", approvals}, {"policy", "night", policy}} {
		call(con, "POST", "/projects/demo/import", map[string]any{"kind": doc.kind, "name": doc.name, "content": doc.text})
	}
	job := map[string]string{}
	for _, j := range items(con, "/projects/demo/jobs").Items {
		job[j.Name] = j.ID
	}
	if err == nil && len(job) != 4 {
		err = fmt.Errorf("%d jobs of 4 were imported", len(job))
	}
	until := func(id string, states ...string) {
		for deadline := time.Now().Add(time.Minute); err == nil; time.Sleep(50 * time.Millisecond) {
			r := call(con, "GET", "/runs/"+id, nil)
			for _, s := range states {
				if r.State == s {
					return
				}
			}
			if time.Now().After(deadline) {
				err = fmt.Errorf("run %s is %s, not %v", id, r.State, states)
			}
		}
	}

	// One incident from beginning to end, with an approved run and a postmortem.
	fire("Queue", "firing", "")
	old := one(items(ann, "/incidents"))
	call(ann, "POST", "/incidents/"+old.ID+"/acknowledge", nil)
	call(ann, "PUT", "/incidents/"+old.ID+"/roles/commander", map[string]any{"user_id": ids["ann"]})
	call(ann, "POST", "/incidents/"+old.ID+"/notes", map[string]any{"text": "The queue stands still."})
	checked := call(ann, "POST", "/jobs/"+job["check"]+"/run", map[string]any{"key": "check", "room_id": old.Room.ID, "options": map[string]any{"region": "apac"}})
	until(checked.ID, "succeeded")
	asked := call(ann, "POST", "/jobs/"+job["restart"]+"/run", map[string]any{"key": "restart", "room_id": old.Room.ID})
	call(ada, "POST", "/runs/"+asked.ID+"/approve", map[string]any{"digest": asked.Digest, "note": "Go"})
	until(asked.ID, "succeeded")
	fire("Queue", "resolved", "")
	call(ann, "POST", "/incidents/"+old.ID+"/stage", map[string]any{"stage": "resolved", "note": "It moves again"})
	call(ann, "POST", "/incidents/"+old.ID+"/stage", map[string]any{"stage": "closed"})

	// One by hand, and one that is under way: paged, not acknowledged.
	call(bob, "POST", "/incidents", map[string]any{"title": "Ledger is slow", "severity": 3, "service": "ledger"})
	fire("Latency", "firing", `,"team":"ledger"`)
	fire("Errors", "firing", "")
	room := one(items(ann, "/incidents")).Room.ID
	// What waits for approval, what runs, and what stands in the queue behind it.
	call(ann, "POST", "/jobs/"+job["restart"]+"/run", map[string]any{"key": "waits", "room_id": room})
	for _, key := range []string{"slow-1", "slow-2"} {
		r := call(ann, "POST", "/jobs/"+job["slow"]+"/run", map[string]any{"key": key, "room_id": room})
		until(r.ID, "running")
	}
	call(ann, "POST", "/jobs/"+job["quick"]+"/run", map[string]any{"key": "queued", "room_id": room})
	return err
}

func one(l things) thing {
	if len(l.Items) == 0 {
		return thing{}
	}
	return l.Items[0]
}

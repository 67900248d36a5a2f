package e2e

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/e2e/host"
	"muster/internal/await"
	"muster/internal/id"
)

// TestReleasesOpen opens what earlier releases left when their machine lost its
// power (e2e/releases makes it): nothing that was said or recorded is lost or told
// otherwise, the record is sound, and each run goes on or says why it does not.
func TestReleasesOpen(t *testing.T) {
	engine := "sqlite"
	if os.Getenv("MUSTER_TEST_POSTGRES") != "" {
		engine = "postgres"
	}
	kept, err := filepath.Glob("testdata/releases/*/" + engine + ".tar.gz")
	if err != nil || len(kept) == 0 {
		t.Fatal("no release is kept", err)
	}
	bin := filepath.Join(binDir(t), "muster")
	for _, archive := range kept {
		t.Run(filepath.Base(filepath.Dir(archive)), func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			unpack(t, archive, data)
			env := []string{"MUSTER_DATABASE="}
			if dump := filepath.Join(data, "database.sql"); engine == "postgres" {
				env = []string{"MUSTER_DATABASE=" + restored(t, dump)}
				if err := os.Remove(dump); err != nil {
					t.Fatal(err)
				}
			}
			cli := func(args ...string) {
				t.Helper()
				cmd := exec.Command(bin, append(args, "--data", data)...)
				cmd.Env = append(os.Environ(), env...)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("muster %s: %v\n%s", strings.Join(args, " "), err, out)
				}
			}
			s, err := host.Start(host.Options{Bin: bin, Data: data, Env: env})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Kill() })
			con := s.Console()
			sameAsTold(t, con, filepath.Join(data, "told.txt"))
			var ada struct{ Token string }
			if err := con.Call(context.Background(), "POST", "/tokens", map[string]any{"user": "ada", "name": "after the upgrade"}, &ada); err != nil {
				t.Fatal(err)
			}
			runsEnd(t, con, s.As(ada.Token))
			doctor := exec.Command(bin, "doctor", "--deep", "--data", data)
			doctor.Env = append(os.Environ(), env...)
			found, _ := doctor.CombinedOutput()
			for line := range strings.Lines(string(found)) {
				if strings.HasPrefix(line, "fail") && !strings.Contains(line, " is off: ") { // the PostgreSQL of tests syncs nothing
					t.Error(line)
				}
			}
			if !strings.Contains(string(found), "all verified") {
				t.Errorf("doctor says:\n%s", found)
			}
			cli("ledger", "verify")
			if err := s.Stop(); err != nil {
				t.Errorf("%v\n%s", err, s.Said())
			}
			cli("ledger", "verify")
		})
	}
}

// sameAsTold wants every line again, in its order; what came later stands behind.
func sameAsTold(t *testing.T, c *host.Client, file string) {
	t.Helper()
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	now, err := host.Told(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts(string(was)) {
		title := part[0]
		at := slices.IndexFunc(parts(now), func(p []string) bool { return p[0] == title })
		if at < 0 {
			t.Errorf("%s is gone", title)
			continue
		}
		got := parts(now)[at]
		for n, line := range part {
			if n >= len(got) || got[n] != line {
				t.Errorf("%s is told otherwise.\nwas:\n%s\nis:\n%s", title, strings.Join(part, "\n"), strings.Join(got, "\n"))
				break
			}
		}
	}
}

// parts cuts what Told gives: each has its title first.
func parts(text string) (out [][]string) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if !strings.HasPrefix(line, " ") {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], line)
	}
	return out
}

// runsEnd waits until no run is under way. What still waits, because its four hours are not over, is approved.
func runsEnd(t *testing.T, con, approver *host.Client) {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), await.Limit)
	defer stop()
	type one struct {
		ID, State, Reason, Digest string
		Job                       struct{ Name string }
	}
	for {
		var runs struct{ Items []one }
		if err := con.Call(ctx, "GET", "/runs?limit=100", nil, &runs); err != nil {
			t.Fatal(err)
		}
		open := slices.DeleteFunc(slices.Clone(runs.Items), func(r one) bool {
			return !slices.Contains([]string{"waiting", "queued", "running", "stopping"}, r.State)
		})
		for _, r := range open {
			if r.State == "waiting" {
				if err := con.Call(ctx, "GET", "/runs/"+r.ID, nil, &r); err != nil { // a list has no digest
					t.Fatal(err)
				}
				if err := approver.Call(ctx, "POST", "/runs/"+r.ID+"/approve", map[string]any{"digest": r.Digest, "note": "Still wanted"}, nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		if len(open) == 0 {
			for _, r := range runs.Items {
				t.Logf("%s: %s %s", r.Job.Name, r.State, r.Reason)
				if r.State != "succeeded" && r.Reason == "" {
					t.Errorf("a run of %s is %s and says no reason", r.Job.Name, r.State)
				}
			}
			return
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("these do not end: %+v", open)
		}
	}
}

func unpack(t *testing.T, archive, dir string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// restored gives a database of its own that holds a dump.
func restored(t *testing.T, dump string) (address string) {
	t.Helper()
	given := os.Getenv("MUSTER_TEST_POSTGRES")
	admin, err := sql.Open("pgx", given)
	if err != nil {
		t.Fatal(err)
	}
	name := "r" + strings.ReplaceAll(id.New(), "-", "")
	if _, err := admin.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = admin.Exec("DROP DATABASE " + name + " WITH (FORCE)")
		_ = admin.Close()
	})
	u, err := url.Parse(given)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	psql := "psql"
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/psql"); len(found) > 0 {
		psql = found[len(found)-1]
	}
	if out, err := exec.Command(psql, "--quiet", "--set=ON_ERROR_STOP=1", "--file="+dump, "--dbname="+u.String()).CombinedOutput(); err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	return u.String()
}

package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"muster/e2e/host"
	"muster/internal/await"
	"muster/internal/db/dbtest"
)

// A backup is taken while people write as fast as they can. Whatever a client
// had been told was stored before it began is in it, and the file is sound.
func TestBackupWhileEverybodyWrites(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), await.Limit)
	defer cancel()
	dir := t.TempDir()
	bin := filepath.Join(binDir(t), "muster")
	env := []string{"HOME=" + dir}
	if os.Getenv("MUSTER_TEST_POSTGRES") != "" {
		env = append(env, "MUSTER_DATABASE="+dbtest.URL(t))
	}
	s, err := host.Start(host.Options{Bin: bin, Data: filepath.Join(dir, "d"), Env: env})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Stop() }()
	muster := func(more []string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(ctx, bin, args...)
		cmd.Env = append(append(os.Environ(), env...), more...)
		var out, bad bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &bad
		if err := cmd.Run(); err != nil {
			t.Fatalf("muster %v: %v\n%s%s", args, err, out.String(), bad.String())
		}
		return strings.TrimSpace(out.String())
	}
	var room struct {
		ID string `json:"id"`
	}
	console := s.Console()
	if err := console.Call(ctx, "POST", "/rooms", map[string]any{"name": "Loud"}, &room); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	acknowledged := []string{}
	stop := make(chan struct{})
	enough := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 6 {
		c, err := s.Person(ctx, fmt.Sprintf("writer%d", w), "responder")
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				text := fmt.Sprintf("message %d of writer %d", n, w)
				if err := c.Call(ctx, "POST", "/rooms/"+room.ID+"/messages", map[string]any{"text": text}, nil); err != nil {
					if host.Status(err) == 429 {
						continue
					}
					t.Error(err)
					return
				}
				mu.Lock()
				if acknowledged = append(acknowledged, text); len(acknowledged) == 60 {
					close(enough)
				}
				mu.Unlock()
			}
		})
	}
	select {
	case <-enough:
	case <-ctx.Done():
		t.Fatal("nobody could write")
	}
	recipient := muster(nil, "backup", "keygen", "--out", filepath.Join(dir, "id"))
	for i := range 2 {
		file, back := filepath.Join(dir, fmt.Sprint("b", i)), filepath.Join(dir, fmt.Sprint("r", i))
		mu.Lock()
		before := append([]string{}, acknowledged...)
		mu.Unlock()
		muster(nil, "backup", "--data", s.Data, "--out", file, "--recipient", recipient)
		if said := muster(nil, "backup", "verify", file, "--identity", filepath.Join(dir, "id")); !strings.Contains(said, "The backup is sound") {
			t.Fatal(said)
		}
		// Into SQLite, wherever it came from.
		muster([]string{"MUSTER_DATABASE="}, "restore", file, "--data", back, "--identity", filepath.Join(dir, "id"))
		d, err := sql.Open("sqlite", filepath.Join(back, "muster.db"))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := d.Query(`SELECT text FROM message`)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]int{}
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				t.Fatal(err)
			}
			found[text]++
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		_ = d.Close()
		for _, text := range before {
			if found[text] != 1 {
				t.Errorf("%q is in it %d times", text, found[text])
			}
		}
		t.Logf("backup %d: %d acknowledged before it began, %d messages in it", i, len(before), len(found))
	}
	close(stop)
	wg.Wait()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	muster(nil, "ledger", "verify", "--data", s.Data)
}

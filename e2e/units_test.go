package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"muster/e2e/host"
)

// The settings of the packaged service are those of every command beside it: the
// timer's backup of a Muster on PostgreSQL must not be one of an old SQLite file.
func TestPackagedSettingsHoldForEveryCommand(t *testing.T) {
	bin := filepath.Join(binDir(t), "muster")
	for _, script := range []string{"../packaging/debian/postinst", "../packaging/install.sh"} {
		t.Run(filepath.Base(script), func(t *testing.T) {
			text, err := os.ReadFile(script)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			here := strings.NewReplacer("/var/lib/muster", filepath.Join(dir, "lib"), "/etc/muster", filepath.Join(dir, "etc"))
			var link string
			for l := range strings.Lines(string(text)) {
				if strings.Contains(l, "ln -") {
					link = here.Replace(l)
				}
			}
			for _, d := range []string{"lib", "etc"} {
				if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			settings, key := filepath.Join(dir, "etc/muster.yaml"), filepath.Join(dir, "etc/elsewhere.key")
			if err := os.WriteFile(settings, []byte("master_key: "+key+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			start := func() *host.Server {
				s, err := host.Start(host.Options{Bin: bin, Data: filepath.Join(dir, "lib"), Args: []string{"--config", settings}})
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			s := start()
			if err := s.Stop(); err != nil || !strings.Contains(s.Said(), "make one a link to the other") {
				t.Errorf("without the link nobody is warned: %v\n%s", err, s.Said())
			}
			for range 2 { // an upgrade does it again
				if out, err := exec.Command("sh", "-euc", link).CombinedOutput(); err != nil {
					t.Fatalf("%s: %v\n%s", link, err, out)
				}
			}
			s = start()
			defer func() { _ = s.Stop() }()
			if strings.Contains(s.Said(), "make one a link to the other") {
				t.Error(s.Said())
			}
			out, _ := exec.Command(bin, "doctor", "--data", filepath.Join(dir, "lib")).CombinedOutput()
			if !strings.Contains(string(out), key+", closed to others") {
				t.Errorf("doctor does not know the service's settings:\n%s", out)
			}
		})
	}
}

// The packaged timer's own command line makes a backup, today and tomorrow.
func TestPackagedBackupTimer(t *testing.T) {
	unit, err := os.ReadFile("../packaging/systemd/muster-backup.service")
	if err != nil {
		t.Fatal(err)
	}
	var line string
	for l := range strings.Lines(string(unit)) {
		if rest, ok := strings.CutPrefix(l, "ExecStart="); ok {
			line = strings.TrimSpace(rest)
		}
	}
	dir := t.TempDir()
	bin := filepath.Join(binDir(t), "muster")
	s, err := host.Start(host.Options{Bin: bin, Data: filepath.Join(dir, "lib"), Env: []string{"HOME=" + dir}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Stop() }()
	recipient, err := exec.Command(bin, "backup", "keygen", "--out", filepath.Join(dir, "identity")).Output()
	if err != nil {
		t.Fatal(err)
	}
	shelf := filepath.Join(dir, "shelf") // as the package's postinst makes it
	if err := os.WriteFile(filepath.Join(dir, "recipients"), recipient, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(shelf, 0o700); err != nil {
		t.Fatal(err)
	}
	args := strings.Fields(strings.NewReplacer("/usr/bin/muster", bin, "/var/lib/muster", filepath.Join(dir, "lib"), "/var/backups/muster", shelf, "/etc/muster/backup.recipients", filepath.Join(dir, "recipients")).Replace(line))
	// Two on one day need another name; the older one stands for yesterday's.
	for _, day := range []string{"muster-20260101T020000Z.backup", ""} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		made, err := filepath.Glob(filepath.Join(shelf, "muster-2*.backup"))
		if err != nil || len(made) == 0 {
			t.Fatalf("no backup in %s: %v", shelf, err)
		}
		if day != "" {
			if err := os.Rename(made[0], filepath.Join(shelf, day)); err != nil {
				t.Fatal(err)
			}
		} else if len(made) != 2 {
			t.Errorf("after two days: %v", made)
		}
	}
}

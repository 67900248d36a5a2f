package job

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster/internal/node"
)

// Jobs as people write them, each with why it does not run as it is. The first
// word is the kind of the reason; the rest stands in it. "" means that it runs.
var corpus = map[string]string{
	"restart-service": "", "restart-free": "", "deploy-release": "", "deploy-free-version": "", "script-token-enforced": "", "script-token-muster": "", "bash-c-job-id": "", "bash-c-enforced": "",
	"script-token-free": `raw-value $RD_OPTION_WHAT`, "bash-c-free": `raw-value -c '… "$1" …' bash "$RD_OPTION_WHAT"`, "ssh-hop": "", "ssh-hop-free": "raw-value ssh",
	"awk-report": `raw-value awk -v x="$RD_OPTION_WHAT"`, "awk-report-v": "", "awk-limited": "", "awk-limited-word": "", "sed-config": "raw-value sed", "sed-config-limited": "",
	"sql-report": "raw-value psql", "sql-file": "", "ansible-play": "raw-value ${option.what}", "ansible-play-enforced": "", "make-target": "", "make-target-free": "raw-value make",
	"cleanup-tmp": "", "list-processes": "", "message-to-chat": "", "docker-restart": "", "docker-exec-sql": "raw-value mysql", "kubectl-rollout": "", "git-checkout": "", "git-clone-free": "raw-value git",
	"backup-tar": "raw-value put -- or ./ before it", "backup-tar-dashes": "", "rsync-copy": "", "rsync-remote": "raw-value another machine's shell",
	"globals-in-path": "no-value ${globals.release_dir}", "globals-in-script": "no-value @globals.home@", "globals-in-environment": "no-value $RD_GLOBALS_HOME", "log-data": "no-value ${data.key}", "export-variable": "no-value ${export.total}",
	"result-in-handler": "", "result-outside": "no-value ${result.message}", "job-variables": "", "job-variable-unknown": "no-value ${job.retryInitialExecId}, ${job.serverUUID}", "unknown-context": "no-value ${foo.bar}",
	"jobref-step": "cannot-run jobref", "scriptfile-step": "cannot-run scriptfile", "copyfile-step": "cannot-run copyfile", "secure-exposed": "", "secure-stored": "", "secure-stored-in-code": "raw-value bash",
	"multi-enforced": "", "multi-semicolon": "raw-value @option.hosts@", "multi-free": "", "unquoted-free": "raw-value unquotedoption", "unquoted-enforced": "", "node-attributes": "", "node-attribute-in-code": "raw-value ${node.rack}",
	"arithmetic": "", "arithmetic-word": "raw-value arithmetic", "here-document": "", "here-document-free": "raw-value here-document", "file-then-run": "raw-value step 2", "file-then-script": "raw-value step 2", "file-then-read": "",
	"own-variable": "raw-value $RD_OPTION_WHAT", "own-variable-inside": "", "own-variable-argument": "", "filter-from-option": "", "filter-from-globals": "no-value ${globals.keep}", "schedule-and-more": "", "mail-in-script": "",
	"interpreter": "", "date-option": "", "option-missing": "",
}

func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/corpus/*.yaml")
	if err != nil || len(files) != len(corpus) {
		t.Fatalf("%d files, %d expectations, %v", len(files), len(corpus), err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".yaml")
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		want, ok := corpus[name]
		if !ok {
			t.Errorf("%s: no expectation", name)
			continue
		}
		d := def(t, string(text))
		no := d.CannotRun(false)
		kind, words, _ := strings.Cut(want, " ")
		if (len(no) == 0) != (want == "") {
			t.Errorf("%s: %q, want %q", name, no, want)
			continue
		}
		if want != "" && !slices.ContainsFunc(d.Remarks(false), func(r node.Remark) bool { return r.Kind == kind && strings.Contains(r.String(), words) }) {
			t.Errorf("%s: %+v, want %q", name, d.Remarks(false), want)
		}
		if want != "" && (kind == node.RawValue) != (len(d.CannotRun(true)) == 0) {
			t.Errorf("%s with raw values: %v", name, d.CannotRun(true))
		}
		// One line for each step and kind.
		seen := map[string]bool{}
		for _, r := range d.Remarks(false) {
			key := r.Step + "/" + r.Kind
			if seen[key] && !strings.HasPrefix(key, "/") {
				t.Errorf("%s says twice: %s", name, key)
			}
			seen[key] = true
		}
		again, err := Stored(d.YAML())
		if err != nil || again.YAML() != d.YAML() || len(again.CannotRun(false)) != len(no) {
			t.Errorf("%s does not read back: %v", name, err)
		}
	}
}

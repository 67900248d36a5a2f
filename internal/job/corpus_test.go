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

// read gives the jobs of a file by their names.
func read(t *testing.T, file string) map[string]*Definition {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defs, bad, err := Parse(text)
	if err != nil || len(bad) > 0 {
		t.Fatal(bad, err)
	}
	out := map[string]*Definition{}
	for _, d := range defs {
		out[d.Name] = d
	}
	return out
}

// Whole files of several jobs, each told what is wrong with it and what to write.
func TestFilesOfSeveralJobs(t *testing.T) {
	for file, wants := range map[string]map[string][]string{
		"blank-globals.yaml": {"clear-old-release": {"no-value", "${globals.release_dir}"}},
		"awk-sed.yaml":       {"report-by-awk": {"raw-value", `awk -v x="$RD_OPTION_WHO"`}, "edit-by-sed": {"raw-value", "sed"}},
	} {
		jobs := read(t, file)
		if len(jobs) != len(wants) {
			t.Errorf("%s: %d jobs", file, len(jobs))
		}
		for name, want := range wants {
			d := jobs[name]
			if len(d.CannotRun(false)) == 0 {
				t.Errorf("%s: %s runs", file, name)
			}
			if !slices.ContainsFunc(d.Remarks(false), func(r node.Remark) bool { return r.Kind == want[0] && strings.Contains(r.String(), want[1]) }) {
				t.Errorf("%s: %s: %+v, want %q", file, name, d.Remarks(false), want)
			}
		}
	}
	// Of what has no value each step is named once, and the step without is not.
	steps := []string{}
	for _, r := range read(t, "blank-globals.yaml")["clear-old-release"].Remarks(false) {
		steps = append(steps, r.Step)
	}
	if got := strings.Join(steps, " "); got != "2 3" && got != "step 2 step 3" {
		t.Errorf("told of the steps %q", got)
	}
}

// Settings that few jobs have do what they say, or it is said that they do not.
func TestSeldomSettings(t *testing.T) {
	jobs := read(t, "seldom-settings.yaml")
	if len(jobs) != 7 {
		t.Fatal(len(jobs))
	}
	for name, d := range jobs {
		if why := strings.Join(d.CannotRun(false), " "); (why != "") != (name == "switched-off") || name == "switched-off" && !strings.Contains(why, "executionEnabled") {
			t.Errorf("%s: %q", name, why)
		}
	}
	if !jobs["choose-nodes"].Unselected || jobs["fixed-nodes"].Unselected {
		t.Error("which nodes are chosen at first")
	}
	if o, ok := jobs["all-values"].Option("all"); !ok || !o.AllSelected {
		t.Errorf("all values are chosen at first: %+v", o)
	}
	if jobs["fixed-nodes"].FilterEditable {
		t.Error("the filter of fixed-nodes can be changed")
	}
	for name, word := range map[string]string{"tries-again": "retry", "bounded-log": "loglimit"} {
		if !slices.ContainsFunc(jobs[name].Remarks(false), func(r node.Remark) bool { return strings.Contains(r.String(), word) }) {
			t.Errorf("%s: nothing is said of %s: %+v", name, word, jobs[name].Remarks(false))
		}
	}
	if _, env := jobs["attributes"].NodeAttributes(); !slices.Contains(env, "RD_NODE_OS_FAMILY") {
		t.Errorf("attributes of nodes in the environment: %q", env)
	}
}

package job

import (
	"strings"
	"testing"
	"time"

	"muster/internal/node"
	"muster/internal/yamldoc"
)

func def(t testing.TB, text string) *Definition {
	t.Helper()
	defs, bad, err := Parse([]byte(text))
	if err != nil || len(bad) > 0 || len(defs) != 1 {
		t.Fatalf("%v %v %d\n%s", err, bad, len(defs), text)
	}
	return defs[0]
}

const restart = `- name: restart-service
  group: payments
  uuid: 3f1b2c
  description: Restarts one service
  loglevel: INFO
  timeout: 15m
  nodefilters:
    filter: "tags: ${option.service} environment: ${option.env}"
    dispatch: {threadcount: 2, keepgoing: true, rankOrder: descending, rankAttribute: rank}
  sequence:
    keepgoing: false
    strategy: node-first
    commands:
      - exec: systemctl restart ${option.service}
        description: restart it
        errorhandler:
          exec: journalctl -u ${option.service} -n 20
          keepgoingOnSuccess: true
      - script: |
          #!/bin/bash
          curl -fsS http://localhost/health
        args: --tries ${option.tries} "a b"
  options:
    - {name: service, required: true, values: [payments-api, ledger-api], enforced: true}
    - {name: env, required: true, value: qa}
    - {name: tries, regex: '\d+'}
    - {name: token, secure: true, valueExposed: true, storagePath: keys/project/demo/token}
  notification: {onfailure: {email: {recipients: a@bank.test}}}
  x-own: {kept: [1, 2]}
`

func TestParseJob(t *testing.T) {
	d := def(t, restart)
	if d.FullName() != "payments/restart-service" || d.UUID != "3f1b2c" || d.Timeout != "15m" || !d.NodeKeepgoing || d.ThreadCount != "2" || !d.RankDescending || len(d.Steps) != 2 || len(d.Options) != 4 {
		t.Errorf("%+v", d)
	}
	s := d.Steps[0]
	if s.Kind != "exec" || s.Label() != "restart it" || s.Handler == nil || !s.Handler.KeepgoingOnSuccess {
		t.Errorf("%+v", s)
	}
	if c := d.CannotRun(false); len(c) > 0 {
		t.Errorf("cannot run: %v", c)
	}
	if notes := notesOf(d); !strings.Contains(notes, "x-own") || !strings.Contains(notes, "notification") {
		t.Errorf("notes: %s", notes)
	}
	if !strings.Contains(d.YAML(), "x-own:") {
		t.Errorf("unknown field lost:\n%s", d.YAML())
	}
	again, err := Stored(d.YAML())
	if err != nil || again.YAML() != d.YAML() || again.Steps[1].Script != d.Steps[1].Script {
		t.Fatalf("%v\n%s", err, d.YAML())
	}
}

func notesOf(d *Definition) string {
	var out []string
	for _, r := range d.remarks {
		if !r.stops {
			out = append(out, r.String())
		}
	}
	return strings.Join(out, " | ")
}

func TestImportReport(t *testing.T) {
	for _, c := range []struct{ text, note, cannot string }{
		{"- name: a\n  sequence: {commands: [{exec: id}]}\n  options: [{name: x, required: 'false'}]", "imported as false", ""},
		{"- name: a\n  multipleExecutions: 'false'\n  sequence: {commands: [{exec: id}]}", "multipleExecutions", ""},
		{"- name: a\n  sequence: {commands: [{jobref: {name: b}}]}", "", "jobref"},
		{"- name: a\n  sequence: {commands: [{type: conditional, conditionGroups: [], subSteps: []}]}", "", "conditional"},
		{"- name: a\n  sequence: {commands: [{scripturl: 'http://x'}]}", "", "scripturl"},
		{"- name: a\n  retry: 3\n  sequence: {commands: [{exec: id}]}", "retried", ""},
		{"- name: a\n  schedule: {crontab: '0 0 * * * ? *'}\n  sequence: {commands: [{exec: id}]}", "schedule", ""},
		{"- name: a\n  executionEnabled: false\n  sequence: {commands: [{exec: id}]}", "", "executionEnabled"},
		{"- name: a\n  sequence: {commands: [{exec: 'echo ${unquotedoption.x}'}]}\n  options: [{name: x}]", "", "read by the shell"},
		{"- name: a\n  sequence: {commands: [{script: 'echo @option.x@'}]}\n  options: [{name: x}]", "", "$RD_OPTION_X"},
		{"- name: a\n  sequence: {commands: [{script: 'mail a@node.bank.test b@c.d@e'}]}", "", ""},
		{"- name: a\n  sequence: {commands: [{exec: 'sh -c \"echo ${option.x}\"'}]}\n  options: [{name: x}]", "", "RD_OPTION_X"},
		{"- name: a\n  sequence: {commands: [{exec: 'echo ${option.y} ${data.z}'}]}", "no option y", "${data.z}"},
		{"- name: a\n  sequence: {strategy: ruleset, commands: [{exec: id}]}", "", "ruleset"},
		{"- name: a\n  sequence: {commands: [{exec: id}]}\n  options: [{name: f, type: file}]", "", "file"},
		{"- name: a\n  nodefilters: {filter: 'web !name: ${option.p}'}\n  sequence: {commands: [{exec: id}]}\n  options: [{name: p, secure: true, valueExposed: true}]", "", "secure option p"},
		{"- name: a\n  timeout: ${option.p}\n  sequence: {commands: [{exec: id}]}\n  options: [{name: p, secure: true, valueExposed: true}]", "", "the timeout uses"},
		{"- name: a\n  sequence: {commands: [{exec: id}]}\n  options: [{name: f, regex: '(?=x)'}]", "", "regex"},
		{"- name: a\n  sequence: {commands: [{exec: id}]}\n  options: [{name: f, enforced: true, valuesUrl: 'http://x'}]", "", "valuesUrl"},
		{"- name: a\n  orchestrator: {type: subset}\n  sequence: {commands: [{exec: id}]}", "", "orchestrator"},
		{"- name: a\n  sequence: {commands: [{exec: id}]}\n  options: {preserveOrder: true, old: {required: true}}", "", ""},
		{"- name: a\n  orchestrator:\n  notification:\n  sequence: {commands: [{exec: id}]}", "", ""},
		{"- name: a\n  sequence: {commands: [{exec: id}, {exec: rm, enabled: false}]}", "Step 2 is switched off", ""},
	} {
		d := def(t, c.text)
		notes, cannot := notesOf(d), strings.Join(d.CannotRun(false), " | ")
		if !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
			t.Errorf("%s\nnotes: %s, want %q", c.text, notes, c.note)
		}
		if !strings.Contains(cannot, c.cannot) || c.cannot == "" && cannot != "" {
			t.Errorf("%s\ncannot: %s, want %q", c.text, cannot, c.cannot)
		}
	}
	d := def(t, "- name: a\n  sequence: {commands: [{exec: 'echo ${unquotedoption.x}'}]}\n  options: [{name: x}]")
	if c := d.CannotRun(true); len(c) > 0 {
		t.Errorf("with raw allowed: %v", c)
	}
}

// One line for each step and kind, with what it is about apart from the words.
func TestReportIsOneLineForEachStepAndKind(t *testing.T) {
	d := def(t, `- name: a
  schedule: {crontab: '0 0 0 * * ? *'}
  retry: 2
  tags: x
  plugins: {ExecutionLifecycle: {}}
  nodesSelectedByDefault: false
  excludeFilterUncheck: true
  nodefilters: {filter: a, filterName: mine, dispatch: {threadcount: 1, odd: 1}}
  sequence:
    commands:
      - script: |
          echo @option.x@ @option.x@ @option.y@ @globals.a@ @globals.b@ @globals.a@
        errorhandler: {exec: 'bash -c "echo ${option.x} ${option.y}"; awk ${option.x}; echo ${data.k}'}
  options: [{name: x}, {name: y, valuesUrl: http://x}]
`)
	if !d.Unselected {
		t.Error("nodesSelectedByDefault is not kept")
	}
	got := map[string]node.Remark{}
	for _, r := range d.Remarks(false) {
		if _, twice := got[r.Step+"/"+r.Kind]; twice {
			t.Errorf("twice: %+v", r)
		}
		got[r.Step+"/"+r.Kind] = r
	}
	for key, tokens := range map[string]string{"step 1/raw-value": "@option.x@ @option.y@", "step 1/no-value": "@globals.a@ @globals.b@", "step 1 error handler/raw-value": "${option.x} ${option.y}", "step 1 error handler/no-value": "${data.k}",
		"/no-effect": "schedule retry tags plugins excludeFilterUncheck valuesUrl of the option y nodefilters.filterName dispatch.odd"} {
		if r := got[key]; len(strings.Fields(tokens)) == 0 || strings.Join(r.Tokens, " ") != tokens && key != "/no-effect" {
			t.Errorf("%s: %+v, want %s", key, r, tokens)
		}
		for _, token := range strings.Fields(tokens) {
			if !strings.Contains(strings.Join(got[key].Tokens, " "), token) {
				t.Errorf("%s lacks %s: %+v", key, token, got[key])
			}
		}
	}
	if len(got) != 5 {
		t.Errorf("%d lines: %+v", len(got), got)
	}
}

func TestWrongJobsAreNamed(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"- sequence: {commands: [{exec: id}]}", "no name"},
		{"- name: a", "no sequence"},
		{"- name: a\n  sequence: {commands: []}", "no commands"},
		{"- name: a\n  sequence: {commands: [{exec: ''}]}", "empty exec"},
		{"- name: a\n  sequence: {commands: [{exec: id, enabled: false}]}", "switched off"},
		{"- name: a\n  sequence: {commands: [{description: x}]}", "no exec"},
		{"- name: a\n  timeout: soon\n  sequence: {commands: [{exec: id}]}", "duration"},
		{"- name: a\n  sequence: {keepgoing: perhaps, commands: [{exec: id}]}", "true or false"},
		{"- name: a\n  nodefilters: {filter: 'tags:'}\n  sequence: {commands: [{exec: id}]}", "without a value"},
		{"- name: a\n  nodefilters: {filter: x, dispatch: {threadcount: 0}}\n  sequence: {commands: [{exec: id}]}", "threadcount"},
		{"- name: a\n  sequence: {commands: [{exec: id, errorhandler: {exec: id, errorhandler: {exec: id}}}]}", "error handler"},
		{"- name: a\n  sequence: {commands: [{exec: id}]}\n  options: [{name: 'a b'}]", "option name"},
		{"- name: a\n  sequence: {commands: [{exec: id}]}\n  options: [{name: a.b}, {name: a_b}]", "share"},
		{"- name: a\n  sequence: {commands: [{exec: id}]}\n- name: a\n  sequence: {commands: [{exec: id}]}", "already given in line 1"},
	} {
		_, bad, err := Parse([]byte(c.text))
		if err != nil || len(bad) != 1 || !strings.Contains(bad[0].Message, c.want) || bad[0].Line == 0 {
			t.Errorf("%s\n%v %+v, want %q", c.text, err, bad, c.want)
		}
	}
	// The others load.
	defs, bad, err := Parse([]byte("- name: a\n- name: b\n  sequence: {commands: [{exec: id}]}"))
	if err != nil || len(defs) != 1 || len(bad) != 1 {
		t.Errorf("%v %v %v", defs, bad, err)
	}
}

func TestOptions(t *testing.T) {
	d := def(t, `- name: a
  sequence: {commands: [{exec: 'id'}]}
  options:
    - {name: env, required: true, enforced: true, values: 'dev,qa, prod'}
    - {name: n, regex: '\d{1,3}'}
    - {name: tags, multivalued: true, delimiter: ' ', values: [a, b, c], enforced: true}
    - {name: day, type: date, dateFormat: YYYY-MM-DD}
    - {name: def, value: dflt}
    - {name: all, multivalued: true, multivalueAllSelected: true, values: [x, y]}
    - {name: pw, secure: true, regex: 'p.*'}
    - {name: key, secure: true, storagePath: keys/pw, required: true}
`)
	ok := map[string][]string{"env": {"qa"}}
	for _, c := range []struct {
		name string
		vals []string
		want string
	}{
		{"env", []string{"test"}, "dev, qa, prod"},
		{"env", []string{""}, "required"},
		{"n", []string{"1a"}, "must match"},
		{"n", []string{"12"}, ""},
		{"tags", []string{"a", "b"}, ""},
		{"tags", []string{"a c"}, ""},
		{"tags", []string{"a", "z"}, "does not allow"},
		{"day", []string{"22.11.2026"}, "YYYY-MM-DD"},
		{"day", []string{"2026-11-22"}, ""},
		{"def", []string{"a", "b"}, "one value"},
		{"def", []string{"a\x00"}, "NUL"},
		{"nope", []string{"1"}, "Its options are env"},
		{"pw", []string{"secret!"}, "the value"},
	} {
		in := map[string][]string{"env": ok["env"]}
		in[c.name] = c.vals
		_, ps := d.Check(in)
		if c.want == "" && len(ps) > 0 || c.want != "" && (len(ps) != 1 || !strings.Contains(ps[0].Message, c.want) || ps[0].Option != c.name) {
			t.Errorf("%s=%q: %+v, want %q", c.name, c.vals, ps, c.want)
		}
		for _, p := range ps {
			if strings.Contains(p.Message, "secret!") {
				t.Error("a secret is told:", p.Message)
			}
		}
	}
	v, _ := d.Check(map[string][]string{"env": {"qa"}, "tags": {"a", "c"}})
	for k, want := range map[string]string{"env": "qa", "tags": "a c", "def": "dflt", "all": "x,y"} {
		if got, _ := v.Get(k); got != want {
			t.Errorf("%s = %q, want %q", k, got, want)
		}
	}
	if v.Stored()["key"] != "keys/pw" {
		t.Error(v.Stored())
	}
	if _, ok := v.Get("n"); ok {
		t.Error("an option without a value has one")
	}
}

func TestDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{"90": 90 * time.Second, "15m": 15 * time.Minute, "1h30m": 90 * time.Minute, "2d 4h": 52 * time.Hour, "1w": 7 * 24 * time.Hour, "1m 30": 90 * time.Second} {
		if got, ok := Duration(in); !ok || got != want {
			t.Errorf("%s = %v %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "x", "1x", "m", "-1", "99999999999999999999", "9999999999999y", "1.5h"} {
		if got, ok := Duration(in); ok {
			t.Errorf("%q = %v", in, got)
		}
	}
}

func TestFilterTakesOptionsAsValues(t *testing.T) {
	d := def(t, restart)
	n := node.Node{Name: "n", Tags: []string{"payments-api"}, Attrs: map[string]string{"environment": "prod"}}
	opts := map[string]string{"service": "payments-api", "env": "prod"}
	get := func(r Ref) (string, bool) { v, ok := opts[r.Key]; return v, ok }
	f, _, err := d.Filters(get)
	if err != nil || !f.Match(n) {
		t.Fatal(f, err)
	}
	opts["env"] = "qa name: n"
	if f, _, _ = d.Filters(get); f.Match(n) {
		t.Error("an option's value became a clause:", f)
	}
	delete(opts, "service")
	if _, _, err = d.Filters(get); err == nil || !strings.Contains(err.Error(), "service") {
		t.Error(err)
	}
}

func TestScriptAndArgs(t *testing.T) {
	get := func(r Ref) (string, bool) { return "a b'$(id)", r.Key == "x" }
	if got := expandScript("u@@h @option.x@ a@b @node.none@ @@", get); got != "u@h a b'$(id) a@b  @" {
		t.Errorf("%q", got)
	}
	// What anything can stand in only where the project allows raw values.
	d := def(t, "- name: a\n  sequence: {commands: [{script: id}]}\n  options: [{name: x}, {name: y, regex: '[a-z]+'}]")
	for _, c := range []struct {
		text string
		raw  bool
		want string
	}{{"<@option.x@>", true, "<a b'$(id)>"}, {"<@option.x@>", false, ""}, {"<@option.y@>", false, "<>"}, {"@@", false, "@"}} {
		if got, err := d.Script(c.text, c.raw, get); (err != nil) != (c.want == "") || err == nil && got != c.want {
			t.Errorf("%s: %q %v", c.text, got, err)
		}
	}
	if _, err := d.Script("@option.y@", false, func(Ref) (string, bool) { return "a;b", true }); err == nil {
		t.Error("a value that is not what it was limited to is put into a script")
	}
	got := ExpandArgs(`-v ${option.x} "c d" p=${option.x} ${option.none} ''`, get)
	if want := []string{"-v", "a b'$(id)", "c d", "p=a b'$(id)", ""}; strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%q", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(restart))
	f.Add([]byte(`[{"name":"a","sequence":{"commands":[{"exec":"id"}]}}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		defs, _, err := Parse(data)
		if err != nil {
			return
		}
		for _, d := range defs {
			again, err := Stored(d.YAML())
			if err != nil {
				t.Fatalf("%v\n%s", err, d.YAML())
			}
			if !yamldoc.Equal(d.body, again.body) {
				t.Fatalf("differs\n%s\n%s", d.YAML(), again.YAML())
			}
		}
	})
}

// What of a file would be left out, or kept as a text that looks like a variable,
// is told; so is what a reader would not see.
func TestNothingIsLeftOutSilently(t *testing.T) {
	for _, c := range []struct {
		job, want string
		runs      bool
	}{
		{"- name: a\n  sequence: {commands: [{exec: id, script: 'echo'}]}", "exec and script at once", false},
		{"- name: a\n  sequence: {commands: [{script: id, jobref: {name: b}}]}", "script and jobref at once", false},
		{"- name: a\n  sequence: {commands: [{exec: id, errorhandler: {exec: id, type: x}}]}", "step 1 error handler: is exec and type", false},
		{"- name: a\n  sequence: {commands: [{exec: 'echo ${option.x}'}]}\n  options: [{name: x, value: '${globals.y}'}]", "${globals.y}", true},
		{"- name: a\n  sequence: {commands: [{exec: 'echo ${option.x}'}]}\n  options: [{name: x, value: 'a ${DATE:yyyy}'}]", "${DATE:yyyy}", true},
		{"- name: a\n  sequence: {commands: [{exec: 'echo ${option.x}'}]}\n  options: [{name: x, enforced: true, values: [b, '${job.name}']}]", "${job.name}", true},
		{"- name: a\n  sequence: {commands: [{exec: 'echo ${option.x}'}]}\n  options: [{name: x, value: '$5 {b}'}]", "", true},
	} {
		d := def(t, c.job)
		text := ""
		for _, r := range d.Remarks(false) {
			text += r.String() + "\n"
		}
		if !strings.Contains(text, c.want) || c.want == "" && text != "" || (len(d.CannotRun(false)) == 0) != c.runs {
			t.Errorf("%s: %q", c.job, text)
		}
	}
	for _, job := range []string{"- name: \"a\\u202eb\"\n  sequence: {commands: [{exec: id}]}", "- name: a\n  group: \"g\\u200b\"\n  sequence: {commands: [{exec: id}]}", "- name: \"a\\u0007\"\n  sequence: {commands: [{exec: id}]}"} {
		if _, err := Stored(job); err != nil {
			t.Errorf("%q cannot be read back: %v", job, err)
		}
		if defs, bad, err := Parse([]byte(job)); err != nil || len(bad) != 1 || len(defs) != 0 {
			t.Errorf("%q is taken: %v %v", job, bad, err)
		}
	}
}

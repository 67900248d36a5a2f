package run_test

import (
	"strings"
	"testing"

	"muster/internal/executor/local"
	"muster/internal/run"
	"muster/internal/run/runtest"
)

// On a real shell: what a caller gives is data, whatever it looks like.
func TestLocalEndToEnd(t *testing.T) {
	ex, err := local.New(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ex.Close()
	o := runtest.New(t, runtest.Options{Executors: map[string]run.Executor{"local": ex}})
	id := o.Import(`- name: j
  nodefilters: {filter: here}
  options:
    - {name: text, required: true}
    - {name: pw, secure: true, valueExposed: true}
  sequence:
    keepgoing: true
    commands:
      - exec: printf 'bare %s|' ${option.text}; printf '%s\n' "double ${option.text}" 'single ${option.text}'
      - script: |
          #!/bin/sh
          printf 'env %s\n' "$RD_OPTION_TEXT"
          printf 'arg %s\n' "$1"
          set -x
          : "$RD_OPTION_PW"
        args: ${option.text}
      - exec: exit 7
        errorhandler:
          exec: echo handled on ${node.name} in ${job.name}
`)
	value := "it's \"$(echo pwned)\" `echo pwned` $HOME \\ ; echo pwned\n* end"
	r := o.Until(o.Run(o.Op, run.Request{JobID: id, Options: map[string][]string{"text": {value}, "pw": {"it's $ecret"}}}).ID, run.Succeeded, run.Failed)
	var out []string
	for _, l := range o.Log(r) {
		if p := strings.SplitN(l, "|", 3); p[1] == "out" {
			out = append(out, p[2])
		}
	}
	want := "bare " + value + "|double " + value + "\nsingle " + value + "\nenv " + value + "\narg " + value + "\nhandled on here in j"
	if got := strings.Join(out, "\n"); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if all := strings.Join(o.Log(r), "\n"); strings.Contains(all, "ecret") {
		t.Errorf("a secret is shown: %s", all)
	}
	if r.State != run.Succeeded || r.Nodes[0].State != run.Handled || *r.Nodes[0].Steps[2].Exit != 0 {
		t.Errorf("%s %s %+v", r.State, r.Reason, r.Nodes[0])
	}
}

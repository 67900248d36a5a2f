package run_test

import (
	"context"
	"strings"
	"testing"

	"muster/internal/db"
	"muster/internal/run"
	"muster/internal/run/runtest"
)

// What a step is given: emptied options, variables of the job, all attributes of
// the node, and in an error handler what failed.
func TestWhatAStepIsGiven(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	o.Do(o.Admin, func(tx *db.Tx) error {
		_, err := o.Nodes.Import(o.Ctx, tx, o.Admin, "demo", "more", []byte("odd: {hostname: odd.test, tags: odd, environment: dev, username: app, ssh-host-key: k, rank: '6', Rack-Place: 'it''s', osFamily: unix}\n\"o dd\": {hostname: o, tags: blank, environment: dev, username: app, ssh-host-key: k}\n"), false)
		return err
	})
	id := o.Import(`- name: j
  multipleExecutions: true
  nodefilters: {filter: 'tags: odd'}
  options:
    - {name: opt, value: defval}
    - {name: all, multivalued: true, multivalueAllSelected: true, values: [x, y]}
    - {name: must, required: true, value: m}
  sequence:
    commands:
      - exec: 'fail [${option.opt}] [${option.all}] ${job.threadcount} ${job.filter} ${job.retryAttempt} ${job.executionType}'
        errorhandler: {exec: 'handle ${result.resultCode} ${result.reason} ${result.message}'}
`)
	var calls []run.Invocation
	o.Fake.Hook = func(_ context.Context, in run.Invocation, _ run.Output) (run.Result, error, bool) {
		calls = append(calls, in)
		if strings.HasPrefix(in.Command, "fail") {
			return run.Result{ExitCode: 3}, nil, true
		}
		return run.Result{}, nil, true
	}
	for _, c := range []struct {
		options map[string][]string
		want    string
	}{
		{nil, "fail ['defval'] ['x,y'] '1' 'tags: odd' '0' 'user'"},
		{map[string][]string{"opt": {""}, "all": {}}, "fail [''] [''] '1' 'tags: odd' '0' 'user'"},
		{map[string][]string{"opt": {"a"}, "all": {"y"}}, "fail ['a'] ['y'] '1' 'tags: odd' '0' 'user'"},
	} {
		calls = nil
		o.Until(o.Run(o.Op, run.Request{JobID: id, Options: c.options}).ID, run.Failed, run.Succeeded)
		if len(calls) != 2 || calls[0].Command != c.want {
			t.Fatalf("%+v: %+v", c.options, calls)
		}
		if calls[1].Command != "handle '3' 'NonZeroResultCode' 'It ended with exit code 3.'" || calls[1].Env["RD_RESULT_RESULTCODE"] != "3" {
			t.Errorf("%s %v", calls[1].Command, calls[1].Env)
		}
		env := calls[0].Env
		if env["RD_NODE_RANK"] != "6" || env["RD_NODE_RACK_PLACE"] != "it's" || env["RD_NODE_OS_FAMILY"] != "unix" || env["RD_NODE_NAME"] != "odd" || env["RD_JOB_RETRYATTEMPT"] != "0" {
			t.Errorf("%v", env)
		}
	}
	if _, err := o.Request(o.Op, run.Request{JobID: id, Options: map[string][]string{"must": {""}}}); err == nil || !strings.Contains(err.Error(), "required") {
		t.Errorf("an emptied required option: %v", err)
	}
	// What a node is called is only trusted as far as it is what was said of it.
	id = o.Import("- name: k\n  nodefilters: {filter: 'tags: blank'}\n  sequence: {commands: [{exec: \"bash -c 'echo ${node.name}'\"}]}")
	calls = nil
	r := o.Until(o.Run(o.Op, run.Request{JobID: id}).ID, run.Failed, run.Succeeded)
	if len(calls) > 0 || r.State != run.Failed || !strings.Contains(strings.Join(o.Log(r), "\n"), "${node.name}") {
		t.Errorf("%+v %+v", calls, r.Nodes)
	}
	// Nothing is blank in a command without a job.
	if _, err := o.Request(o.Op, run.Request{Project: "demo", Command: "rm -r /srv/${globals.x}", Filter: "web1"}); err == nil || !strings.Contains(err.Error(), "${globals.x}") {
		t.Error(err)
	}
}

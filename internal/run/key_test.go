package run_test

import (
	"testing"

	"muster/internal/fault"
	"muster/internal/run"
	"muster/internal/run/runtest"
)

// The same key with other options asks for something else, also where they are
// secret and the run is long over.
func TestAKeyIsForOneRequest(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	job := o.Import(`
- name: greet
  nodefilters: {filter: 'tags: web'}
  multipleExecutions: true
  options:
    - {name: who, value: all}
    - {name: pass, secure: true, valueExposed: true}
  sequence: {commands: [{exec: 'true'}]}
`)
	in := func(who, pass string) run.Request {
		return run.Request{JobID: job, Key: "k", Options: map[string][]string{"who": {who}, "pass": {pass}}}
	}
	first := o.Until(o.Run(o.Op, in("ann", "s3cret")).ID, run.Succeeded)
	if again := o.Run(o.Op, in("ann", "s3cret")); again.ID != first.ID {
		t.Errorf("the same request again is run #%d", again.Number)
	}
	for what, other := range map[string]run.Request{"option": in("bob", "s3cret"), "secret": in("ann", "other"), "none": {JobID: job, Key: "k"}} {
		if _, err := o.Request(o.Op, other); !fault.Is(err, fault.Conflict) {
			t.Errorf("another %s was answered with the old run: %v", what, err)
		}
	}
}

package approval

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"muster/internal/fault"
)

// FuzzRules: approvals.yaml is taken whole or refused with a line; a rule asks
// for a sensible number of people, holds whatever the case of letters, and a
// further machine never makes it hold less.
func FuzzRules(f *testing.F) {
	for _, s := range []string{
		DefaultRules,
		"- {groups: [approver]}\n- {when: {}, groups: approver, need: 2, expires: 30m}\n",
		"- description: a\n  when:\n    job: 'payments/**'\n    adhoc: false\n    tags: [pci, 'web.*']\n    node: {zone: dmz}\n    options: {force: ['true', 'yes']}\n    environment: prod\n  groups: [approver, security]\n  need: 3\n",
		"- {when: {environment: 'x)|(?:od'}, groups: [a]}",
		"- {when: {job: '***/?', environment: '['}, groups: [a]}",
		"- {when: {options: {env: prod}}, groups: [a], expires: 720h}",
		"- {when:, groups: [a]}\n---\n- {groups: [b]}\n--- \n",
		"- {groups: [a], need: 99999999999999999999}", "a: b", "- {groups: [''], when: {adhoc: maybe}}", "- &r {groups: [a]}\n- *r\n",
	} {
		f.Add(s, "prod", "payments/restart")
	}
	f.Fuzz(func(t *testing.T, text, environment, job string) {
		rules, err := ParseRules([]byte(text))
		if err != nil {
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.TooLarge {
				t.Fatalf("%v is %v", err, k)
			}
			return
		}
		if len(rules) > maxRules {
			t.Fatal(len(rules))
		}
		machine := Machine{Environment: environment, Tags: []string{"web", "pci"}, Attrs: map[string]string{"zone": "dmz", "environment": environment}}
		other := Machine{Environment: "qa", Tags: []string{"web"}}
		one := Subject{Job: job, Options: map[string]string{"force": "true", "env": environment}, Lists: map[string][]string{"env": {"qa", environment}}, Nodes: []Machine{machine}}
		more, loud := one, one
		more.Nodes = []Machine{other, machine, other}
		loud.Job = upper(job)
		loud.Nodes = []Machine{{Environment: " " + upper(environment) + "\n", Tags: []string{"WEB", "PCI "}, Attrs: map[string]string{"zone": "DMZ", "environment": upper(environment)}}}
		loud.Options = map[string]string{"force": "TRUE", "env": upper(environment)}
		loud.Lists = map[string][]string{"env": {"QA", upper(environment)}}
		applied := false
		for _, r := range rules {
			if r.Need < 1 || r.Need > maxNeed || len(r.Groups) == 0 || r.Expires < time.Minute || r.Expires > maxExpiry || r.Description == "" || r.Line() < 1 {
				t.Fatalf("%+v", r)
			}
			holds := r.Applies(one)
			if holds && !r.Applies(more) {
				t.Fatalf("%q holds for one machine and not for that one among others: %s", r.Description, text)
			}
			if holds && !r.Applies(loud) && !cased(text) {
				t.Fatalf("%q does not hold in upper case: %s with %q in %q", r.Description, text, job, environment)
			}
			applied = applied || holds
		}
		need := Required(rules, one)
		if (need != nil) != applied {
			t.Fatalf("a rule holds: %v, and is demanded: %+v", applied, need)
		}
		if need != nil && (Satisfied(need.Needs, nil) || len(need.Needs) == 0 || People(need.Needs) < 1 || len(Groups(need.Needs)) == 0) {
			t.Fatalf("%+v is met by nobody", need)
		}
	})
}

func upper(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= unicode.MaxASCII {
			return unicode.ToUpper(r)
		}
		return r
	}, s)
}

// cased: an expression can ask for the case of a letter itself, or for the exact
// text of an expression that compiles to nothing.
func cased(text string) bool { return strings.ContainsAny(text, `\[(`) }

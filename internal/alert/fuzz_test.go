package alert

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzRule: what is accepted as a rule decides about any alert in bounded time
// and memory, and always into something that can be stored.
func FuzzRule(f *testing.F) {
	add := func(when, service, severity string) { f.Add(when, service, severity, "payments-api", "critical") }
	add("", "payments-api", "2")
	add(`labels.env == "prod" and hasPrefix(labels.service, "pay")`, `labels.team + "-" + labels.service`, `labels.severity == "page" ? "1" : "3"`)
	add(`annotations.runbook matches "^https?://" || status == "resolved"`, `split(labels.service, "-")[0]`, `int("1")`)
	add(`len(labels.service) > 3 && source in ["core", "edge"]`, `replace(labels.service, "-", "_")`, "critical")
	add(`true`, `lower(trim(labels.service))`, `labels["severity"] ?? "4"`)
	add(`labels.service != ""`, `replace(labels.service, "-", "_", 1)`, `split("1-2-3", "-", 2)[0]`)
	// What would work for long, or take much room.
	add(`let a = labels.service + labels.service; let b = a + a; let c = b + b; len(c) > 1`, "", "")
	add("", `replace(replace(labels.service, "", labels.service), "", labels.service)`, "")
	add("", `string(split(string(split(string(split(labels.service, "")), "")), ""))`, "")
	add("", `string([labels, labels, [labels, labels]])`, "")
	add(`all(1..1000000000, # > 0)`, `1..99999999`, `2 ** 10000`)
	add(`labels.service matches "(a*)*b"`, `map(labels, #)`, `reduce([1], #)`)
	add(`labels[labels["x"]] == nil`, `status[100]`, `-labels`)
	add(`"\u0000" == "a"`, "\xff", "\x00")
	f.Fuzz(func(t *testing.T, when, service, severity, label, word string) {
		c, bad := compileRule(0, RoutingRule{Name: "r", When: when, Service: service, Severity: severity})
		for _, b := range bad {
			if b.Field == "" || b.Message == "" {
				t.Fatalf("%+v", b)
			}
		}
		if len(bad) > 0 {
			return
		}
		long := strings.Repeat(label+"x", 2000/(len(label)+1)+1)
		in := Incoming{Status: "firing", Labels: map[string]string{"service": long[:2000], "severity": word, "env": label}, Annotations: map[string]string{"runbook": strings.Repeat(word+"y", 8000/(len(word)+1))}}
		began := time.Now()
		r, _ := decide([]compiled{c}, Source{Name: "core", Service: "fallback"}, in)
		if d := time.Since(began); d > 5*time.Second {
			t.Fatalf("took %v", d)
		}
		if r.severity < 1 || r.severity > 4 || r.action == "" || r.action == "default" {
			t.Fatalf("%+v", r)
		}
		for _, text := range []string{r.service, r.environment} {
			if utf8.RuneCountInString(text) > 63 || strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
				t.Fatalf("%q cannot be stored", text)
			}
		}
	})
}

// The functions that are ours give what the usual ones give, within their bound.
func TestBoundedFunctions(t *testing.T) {
	in := Incoming{Status: "firing", Labels: map[string]string{"service": "label", "name": "pay-ments-api", "long": strings.Repeat("x", 2000)}}
	for text, want := range map[string]string{
		`replace(labels.name, "-", "_")`:    "pay_ments_api",
		`replace(labels.name, "-", "_", 1)`: "pay_ments-api",
		`replace("ab", "", ".")`:            ".a.b.",
		`split(labels.name, "-")[1]`:        "ments",
		`split(labels.name, "-", 2)[1]`:     "ments-api",
		`string(1) + string(true)`:          "1true",
		// Too much: the rule says so and gives nothing; the label decides.
		`replace(labels.long, "", labels.long)`: "label",
		`string([1])`:                           "label",
	} {
		c, bad := compileRule(0, RoutingRule{Name: "r", Service: text})
		if len(bad) > 0 {
			t.Errorf("%s: %v", text, bad)
			continue
		}
		r, err := decide([]compiled{c}, Source{Name: "core", Service: "fallback"}, in)
		if r.service != want || (err != nil) != (want == "label") {
			t.Errorf("%s = %q, %v; want %q", text, r.service, err, want)
		}
	}
	for _, text := range []string{`let a = labels.service; a + a`, `map(labels, #)`, `repeat("x", 9)`, `toJSON(labels)`} {
		if _, bad := compileRule(0, RoutingRule{Name: "r", Service: text}); len(bad) == 0 {
			t.Errorf("%s is accepted", text)
		}
	}
}

package node

import (
	"strings"
	"testing"
)

func TestWhatAnEnvironmentSays(t *testing.T) {
	for text, want := range map[string]string{
		"prod": "prod", "Production": "prod", "PROD-EU": "prod", "live": "prod", " prod2 ": "prod", "eu_prd": "prod", "test-live": "prod", "Produktion": "prod",
		"dev": "dev", "DEV-01": "dev", "test": "test", "qa2": "qa", "uat/eu": "uat", "staging": "stage", "pre-prod": "stage", "preprod": "stage", "non-production": "test",
		"": "", "blue": "", "devops": "", "latest": "", "reprod": "", "pre-dev-prod": "prod",
	} {
		if got := Standard(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestVocabulary(t *testing.T) {
	v, err := Vocabulary{"Blue ": "production", "green": "dev"}.Check()
	if err != nil || v["blue"] != Prod || v["green"] != "dev" {
		t.Errorf("%v %v", v, err)
	}
	for _, bad := range []Vocabulary{{"live": "dev"}, {"PROD-EU": "test"}, {"blue": "harmless"}, {"": "dev"}, {"a": "dev", "A": "prod"}} {
		if _, err := bad.Check(); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
	n := Node{Attrs: map[string]string{AttrEnvironment: "BLUE"}}
	if n.judge(v); !n.Production() || !n.Known() {
		t.Errorf("%+v", n)
	}
	n.Attrs[AttrEnvironment] = "green"
	if n.judge(v); n.Production() || n.Environments()[0] != "dev" {
		t.Errorf("%+v", n)
	}
}

// An import says of which nodes nobody knows what they are, and proposes it.
func TestEnvironmentProposed(t *testing.T) {
	for text, want := range map[string]string{
		"a: {hostname: h, Environment-Type: production, tags: 'test'}": "attribute Environment-Type says \"production\": give it `environment: prod`",
		"a: {hostname: h, env: dev}":                                   "environment: dev",
		"a: {hostname: h, STAGE: qa2}":                                 "environment: qa",
		"a: {hostname: h, tags: 'web,uat'}":                            "tag \"uat\": give it `environment: uat`",
		"prod-pay-1: {hostname: h, tags: 'web'}":                       "name is \"prod-pay-1\": give it `environment: prod`",
		"dev-pay: {hostname: h.prod.bank, tags: 'web'}":                "environment: prod", // in doubt
		"a: {hostname: h}":                                             "such as dev, test or prod",
		"a: {hostname: h, environment: blue}":                          "Nobody knows what the environment \"blue\" is",
		"a: {hostname: h, environment: live}":                          "",
		"a: {hostname: h, environment: QA}":                            "",
	} {
		ns, _, err := Parse([]byte(text))
		if err != nil || len(ns) != 1 {
			t.Fatalf("%s: %v", text, err)
		}
		got := ns[0].remark()
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q", text, got)
		}
	}
}

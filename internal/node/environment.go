package node

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"muster/internal/fault"
)

// Prod is what a node is taken for when nobody knows better: it needs what
// production needs. A node is harmless only where its environment says so.
const Prod = "prod"

// synonyms are the words whose meaning is known everywhere, the kind itself first.
var synonyms = map[string][]string{
	Prod:    {Prod, "production", "productive", "prd", "live", "produktion", "produktiv"},
	"dev":   {"dev", "development", "develop", "devel", "entwicklung", "sandbox", "lab"},
	"test":  {"test", "testing", "tst", "int", "integration", "sit", "ci", "nonprod"},
	"qa":    {"qa", "quality"},
	"uat":   {"uat", "acceptance", "abnahme"},
	"stage": {"stage", "staging", "stg", "preprod", "preproduction"},
}

var meaning = func() map[string]string {
	out := map[string]string{}
	for kind, words := range synonyms {
		for _, w := range words {
			out[w] = kind
		}
	}
	return out
}()

// Kinds are what an environment can be known to be.
func Kinds() []string { return slices.Sorted(maps.Keys(synonyms)) }

// Vocabulary is what a project's own words for environments mean, by word in
// small letters.
type Vocabulary map[string]string

const maxWords = 200

// Check brings a vocabulary into its stored form. It cannot make production of
// everybody's words harmless: that would be a way around every rule.
func (v Vocabulary) Check() (Vocabulary, error) {
	out := Vocabulary{}
	if len(v) > maxWords {
		return nil, fault.Field("environments", fmt.Sprintf("At most %d words are kept. Leave some out.", maxWords))
	}
	for _, word := range slices.Sorted(maps.Keys(v)) {
		w, means := word1(word), meaning[word1(v[word])]
		switch {
		case w == "" || len(w) > 100 || strings.ContainsFunc(w, unicode.IsControl):
			return nil, fault.Field("environments", "A word for an environment has 1 to 100 characters on one line.")
		case means == "":
			return nil, fault.Field("environments", fmt.Sprintf("%q means one of %s, not %q. Correct it.", word, strings.Join(Kinds(), ", "), v[word]))
		case Standard(w) == Prod && means != Prod:
			return nil, fault.Field("environments", fmt.Sprintf("%q says production, so it cannot mean %s. Give the nodes another environment.", word, means))
		case out[w] != "" && out[w] != means:
			return nil, fault.Field("environments", fmt.Sprintf("%q is given twice. Keep one.", word))
		}
		out[w] = means
	}
	return out, nil
}

func word1(text string) string { return strings.ToLower(strings.TrimSpace(text)) }

// kind of an environment's name; "" when nobody knows it.
func (v Vocabulary) kind(text string) string {
	if k := v[word1(text)]; k != "" {
		return k
	}
	return Standard(text)
}

// Standard is what a name says by itself: PROD-EU is prod, qa-2 is qa, blue is
// nothing. Where one part says production, production it is.
func Standard(text string) string {
	words := strings.FieldsFunc(word1(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	kind := ""
	for i := 0; i < len(words); i++ {
		w := strings.TrimRight(words[i], "0123456789")
		if i+1 < len(words) && (w == "pre" || w == "non" || w == "not") {
			if next := strings.TrimRight(words[i+1], "0123456789"); meaning[next] == Prod {
				w, i = map[string]string{"pre": "preprod", "non": "nonprod", "not": "nonprod"}[w], i+1
			}
		}
		switch k := meaning[w]; {
		case k == Prod:
			return Prod
		case kind == "":
			kind = k
		}
	}
	return kind
}

// SaysProduction is whether an environment's name by itself means production,
// where there is no node that could be asked.
func SaysProduction(text string) bool { return Standard(text) == Prod }

// Known says whether the node's environment says what it is.
func (n Node) Known() bool { return n.kind != "" }

// Production says whether the node needs what production needs.
func (n Node) Production() bool { return n.kind == "" || n.kind == Prod }

// Shown is the environment as people read it.
func (n Node) Shown() string {
	if e := n.Environment(); e != "" {
		return e
	}
	return "unknown"
}

// Environments are the words by which rules may mean the node's environment: the
// kind first, then all that mean the same, and the node's own.
func (n Node) Environments() []string {
	kind := n.kind
	if kind == "" {
		kind = Prod
	}
	out := slices.Clone(synonyms[kind])
	// A node's own word counts unless everybody else means something else by it.
	if e := n.Environment(); e != "" && !slices.Contains(out, e) && (Standard(e) == "" || Standard(e) == kind) {
		out = append(out, e)
	}
	for _, w := range n.words {
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// judge sets what is known of the node's environment.
func (n *Node) judge(v Vocabulary) {
	n.kind, n.words = v.kind(n.Environment()), nil
	for _, w := range slices.Sorted(maps.Keys(v)) {
		if v[w] == n.kind || n.kind == "" && v[w] == Prod {
			n.words = append(n.words, w)
		}
	}
}

// askedBy are the attributes in which node lists from elsewhere say it.
var askedBy = []string{"env", "environment", "environmenttype", "envtype", "environmentname", "envname", "stage", "tier", "lifecycle", "landscape", "deploymentenvironment"}

// remark says what is missing of the node's environment, and proposes one from
// its other attributes, its tags and its names.
func (n Node) remark() string {
	if n.Known() {
		return ""
	}
	text := "It has no environment, so it needs what production needs."
	if e := n.Environment(); e != "" {
		text = fmt.Sprintf("Nobody knows what the environment %q is, so it needs what production needs. Say what the word means in the project's settings, or give another.", e)
	}
	type hint struct{ from, kind string }
	var hints []hint
	look := func(from, value string) {
		if k := Standard(value); k != "" {
			hints = append(hints, hint{fmt.Sprintf(from, value), k})
		}
	}
	for _, k := range slices.Sorted(maps.Keys(n.Attrs)) {
		plain := strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) {
				return unicode.ToLower(r)
			}
			return -1
		}, k)
		if k != AttrEnvironment && slices.Contains(askedBy, plain) {
			look("Its attribute "+strings.ReplaceAll(k, "%", "%%")+" says %q", n.Attrs[k])
		}
	}
	for _, t := range n.Tags {
		look("It has the tag %q", t)
	}
	look("Its name is %q", n.Name)
	look("Its host is %q", n.Hostname)
	if len(hints) == 0 {
		return text + " Give it `environment: …`, such as dev, test or prod."
	}
	best := hints[0]
	for _, h := range hints { // in doubt, production
		if h.kind == Prod {
			best = h
			break
		}
	}
	return fmt.Sprintf("%s %s: give it `environment: %s`.", text, best.from, best.kind)
}

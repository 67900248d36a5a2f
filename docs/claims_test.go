package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// The lists of the guide that somebody keeps by hand are whole: what is not on
// them is not found by whoever needs it.

func guide(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("guide", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestGuideNamesEveryTypedCommand(t *testing.T) {
	page := guide(t, "commands.md")
	files, err := filepath.Glob("../internal/command/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	verb, seen := regexp.MustCompile(`Usage: +"/([a-z]+)`), 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range verb.FindAllStringSubmatch(string(text), -1) {
			if seen++; !regexp.MustCompile("`/" + m[1] + "\\b").MatchString(page) {
				t.Errorf("commands.md does not name /%s (%s)", m[1], file)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d commands were found", seen)
	}
}

func TestEveryRightOfTheOfficeIsNamed(t *testing.T) {
	page := guide(t, "access-policy.md")
	// What Admin, Who may do what, lets one ask about.
	model, err := os.ReadFile("../web/src/features/admin/model.ts")
	if err != nil {
		t.Fatal(err)
	}
	_, asked, _ := strings.Cut(string(model), "export const OFFICE_TYPES")
	for _, policy := range []string{"roles", "private", "floors", "guests"} {
		if !strings.Contains(page, "`"+policy+"`") {
			t.Errorf("access-policy.md does not name the policy %s", policy)
		}
		f, err := os.Open("../internal/access/defaults/" + policy + ".aclpolicy")
		if err != nil {
			t.Fatal(err)
		}
		for dec := yaml.NewDecoder(f); ; {
			var doc struct {
				For map[string][]struct{ Allow []string }
			}
			if err := dec.Decode(&doc); err != nil {
				break
			}
			for typ, entries := range doc.For {
				row := regexp.MustCompile("(?m)^\\| `" + typ + "` \\|([^|]*)\\|").FindStringSubmatch(page)
				if row == nil {
					t.Errorf("access-policy.md has no row for %s", typ)
					continue
				}
				offered := regexp.MustCompile(`id: '` + typ + `'.*actions: \[(.*)\]`).FindStringSubmatch(asked)
				if offered == nil {
					t.Errorf("nobody can ask on the screen who may do what with a %s", typ)
					continue
				}
				for _, e := range entries {
					for _, action := range e.Allow {
						if !regexp.MustCompile(`\b` + action + `\b`).MatchString(row[1]) {
							t.Errorf("access-policy.md does not name %s on %s", action, typ)
						}
						if !strings.Contains(offered[1], "'"+action+"'") {
							t.Errorf("nobody can ask on the screen who may %s a %s", action, typ)
						}
					}
				}
			}
		}
		_ = f.Close()
	}
}

// What the architecture says one package declares for another is declared there.
func TestSeamsAreThere(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("`([a-z]+)\\.(?:[A-Z][a-zA-Z]*\\.)?([A-Z][a-zA-Z]*)`").FindAllStringSubmatch(string(text), -1) {
		files, err := filepath.Glob("../internal/" + m[1] + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		declared := regexp.MustCompile(`(?m)^(type |func (\([^)]*\) )?|\t)` + m[2] + `\b`)
		found := len(files) == 0 // of another module
		for _, file := range files {
			code, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found = found || declared.Match(code)
		}
		if !found {
			t.Errorf("ARCHITECTURE.md names %s.%s, which internal/%s does not declare", m[1], m[2], m[1])
		}
	}
}

// What the guide gives Alertmanager and what the app offers for copying is the
// same: two examples that differ make one ask which of them is wrong.
func TestOneAlertmanagerConfig(t *testing.T) {
	block := regexp.MustCompile("(?s)```yaml\n(   route:.*?)\n   ```").FindStringSubmatch(guide(t, "alertmanager.md"))
	model, err := os.ReadFile("../web/src/features/admin/model.ts")
	if err != nil {
		t.Fatal(err)
	}
	fn := regexp.MustCompile(`(?s)export function alertmanagerConfig\(.*?return \[(.*?)\]\.join`).FindStringSubmatch(string(model))
	if block == nil || fn == nil {
		t.Fatal("the example is not where it was:", block, fn)
	}
	const url = "https://muster.example.com/hooks/alertmanager/secret"
	ours := regexp.MustCompile(`https://\S+/hooks/alertmanager/\S+`).ReplaceAllString(regexp.MustCompile(`(?m)^   `).ReplaceAllString(block[1], ""), url)
	apps := ""
	for _, l := range regexp.MustCompile("(?m)^ *['`](.*)['`],$").FindAllStringSubmatch(fn[1], -1) {
		line := regexp.MustCompile(`\$\{url\..*\)\}`).ReplaceAllString(l[1], url)
		apps += strings.ReplaceAll(line, "${name}", "muster") + "\n"
	}
	parse := func(text string) string {
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		return fmt.Sprint(v)
	}
	if a, b := parse(ours), parse(apps); a != b || !strings.Contains(a, url) {
		t.Errorf("the guide has\n%s\nthe app\n%s", a, b)
	}
}

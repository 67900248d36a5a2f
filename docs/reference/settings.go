package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

var (
	sectionLine = regexp.MustCompile(`^# -- (.+)$`)
	groupLine   = regexp.MustCompile(`^# ?([a-z_]+):\s*$`)
	settingLine = regexp.MustCompile(`^# ?( *)([a-z_]+): (.+)$`)
)

// settings writes the page of muster.yaml: the file documents itself, and its
// test holds it against the defaults.
func settings(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("# Settings reference\n\n" + made)
	var said []string // the comment above a setting
	group, above, table := "", "", false
	intro := true
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if m := sectionLine.FindStringSubmatch(line); m != nil {
			if intro {
				b.WriteString(strings.Join(said, " ") + "\n\nA setting inside a section is written with a dot here: `smtp.host` is `host:` below `smtp:`.\n\n")
				intro = false
			}
			said, group, table = nil, "", false
			fmt.Fprintf(&b, "## %s\n\n", strings.ToUpper(m[1][:1])+m[1][1:])
			continue
		}
		if line == "" {
			if !intro {
				said = nil
			}
			continue
		}
		if m := groupLine.FindStringSubmatch(line); m != nil {
			group, said = m[1]+".", nil
			continue
		}
		if m := settingLine.FindStringSubmatch(line); m != nil && !intro && (m[1] != "" || group == "" || !strings.HasPrefix(line, "#  ")) && isSetting(line) {
			name := m[2]
			if strings.HasPrefix(line, "#  ") {
				name = group + name
			} else {
				group = ""
			}
			if !table {
				b.WriteString("| Setting | Default | Meaning |\n|---|---|---|\n")
				table = true
			}
			value := "`" + m[3] + "`"
			if m[3] == `""` {
				value = "empty"
			}
			about := strings.ReplaceAll(strings.Join(said, " "), "|", "\\|")
			if about == "" { // one comment speaks of several settings
				about = "See `" + above + "`."
			} else {
				above = name
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, value, about)
			said = nil
			continue
		}
		if rest, ok := strings.CutPrefix(line, "#"); ok {
			if rest = strings.TrimSpace(rest); rest != "" {
				said = append(said, rest)
			}
		}
	}
	return []byte(strings.TrimRight(separate(b.String()), "\n") + "\n"), nil
}

// isSetting tells a setting from a sentence with a colon in it: a setting's
// value is one word, a text in quotes, or an address.
func isSetting(line string) bool {
	_, value, _ := strings.Cut(strings.TrimLeft(line, "# "), ": ")
	return !strings.Contains(value, " ")
}

// separate puts a blank line between a table and the next heading.
func separate(text string) string {
	return regexp.MustCompile(`(\|)\n(##)`).ReplaceAllString(text, "$1\n\n$2")
}

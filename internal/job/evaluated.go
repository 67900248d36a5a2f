package job

import (
	"regexp"
	"slices"
	"strings"
)

// bash evaluates the value of a variable that an arithmetic expression names:
// with n='a[$(id)]', $((n + 1)) runs id, however n was quoted when it was set.
// So a variable that was set from an option must not be named in one.

var (
	// assigned finds variables that are set from a value, which \x01 stands for.
	assigned = regexp.MustCompile(`(?:^|[^A-Za-z0-9_$])([A-Za-z_][A-Za-z0-9_]*)\+?=[^\n;&|]*\x01|(?:^|[\s;&|({])(?:for|select)\s+([A-Za-z_][A-Za-z0-9_]*)\s+in\s[^\n;]*\x01`)
	// arithmetic finds what is evaluated: $(( … )), $[ … ], x[ … ] and ${x: … }.
	arithmetic = regexp.MustCompile(`(?s)\(\((.*?)\)\)|\$\[(.*?)\]|[A-Za-z0-9_]\[([^\]]*)\]|\$\{[A-Za-z0-9_]+:([^}]*)\}`)
	positional = regexp.MustCompile(`\$\{?[0-9@*]`)
	identifier = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)
)

// evaluated names a variable of the text that holds a value and is evaluated;
// "" when there is none. In text \x01 stands for a value.
func evaluated(text string) string {
	var names []string
	for _, m := range assigned.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1]+m[2])
	}
	for _, m := range arithmetic.FindAllStringSubmatch(text, -1) {
		in := strings.Join(m[1:], " ")
		if strings.HasPrefix(m[4], "-") || strings.HasPrefix(m[4], "=") || strings.HasPrefix(m[4], "?") || strings.HasPrefix(m[4], "+") {
			continue // ${x:-…} and its like give a text
		}
		if p := positional.FindString(in); p != "" {
			return p
		}
		for _, name := range identifier.FindAllString(in, -1) {
			if slices.Contains(names, name) {
				return name
			}
		}
	}
	return ""
}

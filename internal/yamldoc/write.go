package yamldoc

import (
	"encoding/json"
	"regexp"
	"strings"
)

// write puts v at the given indent. inline is true right after "- ", where the
// first line of a map continues the item's line.
func write(b *strings.Builder, v *Value, indent int, inline bool) {
	pad := strings.Repeat("  ", indent)
	switch {
	case v.IsNull():
		b.WriteString("null\n")
	case v.Kind == Scalar:
		writeScalar(b, v, indent)
	case v.Kind == List:
		if len(v.Items) == 0 {
			b.WriteString("[]\n")
			return
		}
		for i, it := range v.Items {
			if i > 0 || !inline {
				b.WriteString(pad)
			}
			b.WriteString("- ")
			write(b, it, indent+1, true)
		}
	default:
		if len(v.Fields) == 0 {
			b.WriteString("{}\n")
			return
		}
		for i, f := range v.Fields {
			if i > 0 || !inline {
				b.WriteString(pad)
			}
			b.WriteString(quote(f.Key))
			b.WriteByte(':')
			switch x := f.Value; {
			case !x.IsNull() && (x.Kind == List && len(x.Items) > 0 || x.Kind == Map && len(x.Fields) > 0):
				b.WriteByte('\n')
				write(b, x, indent+1, false)
			default:
				b.WriteByte(' ')
				write(b, x, indent+1, true)
			}
		}
	}
}

var (
	plainWord = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_./-]*$`)
	plainNum  = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
	// blockSafe: a text that a literal block gives back unchanged.
	blockSafe = regexp.MustCompile(`^[^\s][^\r\x00-\x08\x0b-\x1f\x7f]*[^\s]\n?$`)
	reserved  = map[string]bool{"true": true, "false": true, "yes": true, "no": true, "on": true, "off": true, "null": true, "y": true, "n": true}
)

// quote writes a text so that it reads back as that text and nothing else.
func quote(s string) string {
	if plainWord.MatchString(s) && !reserved[strings.ToLower(s)] {
		return s
	}
	raw, _ := json.Marshal(s)
	// JSON's escapes are YAML's, but for the HTML-safe ones json adds.
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(raw))
}

func writeScalar(b *strings.Builder, v *Value, indent int) {
	if !v.Quoted && (plainNum.MatchString(v.Text) || v.Text == "true" || v.Text == "false") {
		b.WriteString(v.Text + "\n")
		return
	}
	if strings.Contains(v.Text, "\n") && blockSafe.MatchString(v.Text) && indent > 0 && !trailingSpace(v.Text) {
		b.WriteByte('|')
		if !strings.HasSuffix(v.Text, "\n") {
			b.WriteByte('-')
		}
		b.WriteByte('\n')
		pad := strings.Repeat("  ", indent)
		for line := range strings.SplitSeq(strings.TrimSuffix(v.Text, "\n"), "\n") {
			if line != "" {
				b.WriteString(pad + line)
			}
			b.WriteByte('\n')
		}
		return
	}
	b.WriteString(quote(v.Text) + "\n")
}

// trailingSpace finds lines a block might not keep: made of blanks only, or
// ending in some.
func trailingSpace(s string) bool {
	for line := range strings.SplitSeq(s, "\n") {
		if line != "" && strings.TrimRight(line, " \t") != line {
			return true
		}
	}
	return false
}

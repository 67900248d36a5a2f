package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// session is one command's surroundings.
type session struct {
	std   Streams
	json  bool
	data  string
	hooks Hooks
	api   *client
}

// client connects on first use, so that serve and ledger need no address.
func (s *session) client() (*client, error) {
	if s.api == nil {
		api, err := connect(s.data)
		if err != nil {
			return nil, err
		}
		s.api = api
	}
	return s.api, nil
}

func (s *session) printJSON(v any) error {
	enc := json.NewEncoder(s.std.Out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// printf writes for people; with --json it is silent.
func (s *session) printf(format string, a ...any) {
	if !s.json {
		fmt.Fprintf(s.std.Out, format, a...)
	}
}

// notef tells people something beside the result, on the error stream.
func (s *session) notef(format string, a ...any) {
	if !s.json {
		fmt.Fprintf(s.std.Err, format, a...)
	}
}

// result prints one thing: v with --json, text otherwise.
func (s *session) result(v any, format string, a ...any) error {
	if s.json {
		return s.printJSON(v)
	}
	s.printf(format, a...)
	return nil
}

// printList prints things as JSON, as an aligned table, or says what to do when
// there is none.
func printList[T any](s *session, things []T, empty string, head []string, row func(T) []string) error {
	if s.json {
		return s.printJSON(items[T]{things})
	}
	if len(things) == 0 {
		s.printf("%s\n", empty)
		return nil
	}
	rows := [][]string{head}
	for _, t := range things {
		rows = append(rows, row(t))
	}
	table(s.std.Out, rows)
	return nil
}

// table aligns columns by what a terminal shows. tabwriter would count bytes of
// a wide character wrongly, and lets control characters through.
func table(w io.Writer, rows [][]string) {
	widths := map[int]int{}
	for _, row := range rows {
		for i := range row {
			row[i] = clean(row[i])
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

var (
	escape = regexp.MustCompile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|[\\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[ -/]*[0-~])?")
	colour = regexp.MustCompile("^\x1b\\[[0-9;:]*m$")
)

// clean makes text that others wrote safe for a terminal and for one line.
func clean(s string) string {
	return drop(escape.ReplaceAllString(s, ""), func(rune) bool { return false })
}

// cleanText is clean for several lines.
func cleanText(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

// cleanLog is clean for a line of a job's output, where colours and tabs are meant.
func cleanLog(s string) string {
	s = escape.ReplaceAllStringFunc(s, func(e string) string {
		if colour.MatchString(e) {
			return e
		}
		return ""
	})
	return drop(s, func(r rune) bool { return r == '\t' || r == '\x1b' })
}

func drop(s string, keep func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		switch {
		case !unicode.IsControl(r) || keep(r):
			return r
		case r == '\n' || r == '\t':
			return ' '
		}
		return -1
	}, s)
}

// when shows a time for people; exports and scripts take --json.
func when(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func sev(n int) string { return fmt.Sprintf("SEV-%d", n) }

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// plural is "1 node" or "3 nodes".
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// pause waits d, or less when ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

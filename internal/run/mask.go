package run

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// masked is what stands in a log for a secure value.
const masked = "••••"

// secrets are the texts that must not appear in a log: secure values as they
// are, and as shells, JSON and addresses write them.
type secrets struct {
	byFirst [256][][]byte
	longest int
}

func newSecrets(values []string) *secrets {
	s := &secrets{}
	seen := map[string]bool{}
	add := func(p string) {
		if p == "" || seen[p] {
			return
		}
		seen[p] = true
		s.byFirst[p[0]] = append(s.byFirst[p[0]], []byte(p))
		s.longest = max(s.longest, len(p))
	}
	for _, v := range values {
		forms := []string{v}
		// A program may print a long value line by line.
		for line := range strings.SplitSeq(v, "\n") {
			if line = strings.TrimSpace(line); len(line) >= 8 {
				forms = append(forms, line)
			}
		}
		for _, f := range forms {
			add(f)
			add(strings.ReplaceAll(f, "'", `'\''`))
			add(strings.ReplaceAll(f, "'", `'"'"'`))
			add(escaped(f, "\"\\$`"))
			add(escaped(f, " \t!\"#$&'()*,;<=>?@[\\]^`{|}~"))
			if j, err := json.Marshal(f); err == nil {
				add(string(j[1 : len(j)-1]))
			}
			add(url.QueryEscape(f))
			add(url.PathEscape(f))
			add(strings.ReplaceAll(f, "\n", "\r\n"))
		}
	}
	if s.longest == 0 {
		return nil
	}
	for i := range s.byFirst {
		slices.SortFunc(s.byFirst[i], func(a, b []byte) int { return len(b) - len(a) })
	}
	return s
}

// escaped puts a backslash before each of the characters.
func escaped(s, chars string) string {
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(chars, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// text masks a whole text.
func (s *secrets) text(t string) string {
	if s == nil {
		return t
	}
	m := masker{s: s}
	return string(m.feed([]byte(t), true))
}

// masker masks a stream. It holds back what may be the beginning of a secret
// until the next bytes tell, so that no cut between writes shows one.
type masker struct {
	s       *secrets
	held    []byte
	covered int // leading bytes of held that belong to a secret already masked
}

// feed takes more of the stream and gives what may be shown. final gives all.
func (m *masker) feed(data []byte, final bool) []byte {
	if m.s == nil {
		return data
	}
	buf := append(m.held, data...)
	keep := len(buf) // from here on a secret may begin that is not complete
	if !final {
		for i := max(0, len(buf)-m.s.longest+1); i < len(buf); i++ {
			if m.s.begins(buf[i:]) {
				keep = i
				break
			}
		}
	}
	out := make([]byte, 0, keep)
	end := m.covered
	for i := 0; i < keep; i++ {
		if n := m.s.at(buf[i:]); n > 0 {
			if i >= end {
				out = append(out, masked...)
			}
			end = max(end, i+n)
		}
		if i >= end {
			out = append(out, buf[i])
		}
	}
	m.held = append([]byte(nil), buf[keep:]...)
	m.covered = max(0, end-keep)
	return out
}

// at gives the length of the longest secret at the start of b, 0 for none.
func (s *secrets) at(b []byte) int {
	for _, p := range s.byFirst[b[0]] {
		if bytes.HasPrefix(b, p) {
			return len(p)
		}
	}
	return 0
}

// begins says whether b, the end of what is known, is the beginning of a secret.
func (s *secrets) begins(b []byte) bool {
	for _, p := range s.byFirst[b[0]] {
		if len(p) > len(b) && bytes.HasPrefix(p, b) {
			return true
		}
	}
	return false
}

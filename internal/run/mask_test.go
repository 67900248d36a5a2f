package run

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func feedAll(s *secrets, pieces []string) string {
	m := masker{s: s}
	var b strings.Builder
	for _, p := range pieces {
		b.Write(m.feed([]byte(p), false))
	}
	b.Write(m.feed(nil, true))
	return b.String()
}

func TestMask(t *testing.T) {
	s := newSecrets([]string{"hunter2", "it's $5", "ab", "abc"})
	for _, c := range []struct {
		pieces []string
		want   string
	}{
		{[]string{"pw=hunter2!"}, "pw=••••!"},
		{[]string{"pw=hun", "ter", "2!"}, "pw=••••!"},
		{[]string{"hunter", "1"}, "hunter1"},
		{[]string{"hunterhunter2"}, "hunter••••"},
		{[]string{`'it'\''s $5'`}, "'••••'"},
		{[]string{`"it's \$5"`}, `"••••"`},
		{[]string{`it\'s\ \$5`}, "••••"},
		{[]string{"?q=it%27s+%245"}, "?q=••••"},
		{[]string{"a", "b", "c"}, "••••"},
		{[]string{"a", "b", "d"}, "••••d"},
		{[]string{"hunter2hunter2"}, "••••••••"},
	} {
		if got := feedAll(s, c.pieces); got != c.want {
			t.Errorf("%q → %q, want %q", c.pieces, got, c.want)
		}
	}
	if got := (*secrets)(nil).text("x"); got != "x" {
		t.Error(got)
	}
}

// However the output is cut, no secret is in what is shown, and without secrets
// nothing is changed.
func TestMaskNeverShows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		alpha := rapid.StringMatching(`[abc]{1,6}`)
		vals := rapid.SliceOfN(alpha, 1, 3).Draw(t, "secrets")
		s := newSecrets(vals)
		pieces := rapid.SliceOf(rapid.StringMatching(`[abcd]{0,8}`)).Draw(t, "pieces")
		got := feedAll(s, pieces)
		for _, v := range vals {
			if strings.Contains(got, v) {
				t.Fatalf("%q shows %q in %q", pieces, v, got)
			}
		}
		if whole := s.text(strings.Join(pieces, "")); whole != got {
			t.Fatalf("cut %q, whole %q", got, whole)
		}
		text := strings.Join(pieces, "")
		any := false
		for _, v := range vals {
			any = any || strings.Contains(text, v)
		}
		if !any && got != text {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

type rec struct {
	text string
	cont bool
}

func TestLines(t *testing.T) {
	collect := func(fn func(l *liner)) []rec {
		var out []rec
		l := newLiner(newSecrets([]string{"top\nsecret-value"}), func(s string, c bool) { out = append(out, rec{s, c}) })
		fn(l)
		l.close()
		return out
	}
	join := func(rs []rec) string {
		var b strings.Builder
		for i, r := range rs {
			if i > 0 && !r.cont {
				b.WriteByte('\n')
			}
			b.WriteString(r.text)
		}
		return b.String()
	}
	for _, c := range []struct {
		in   []string
		want string
	}{
		{[]string{"a\nb\n"}, "a\nb"},
		{[]string{"a\r\n", "\n", "b"}, "a\n\nb"},
		{[]string{"\xc3", "\xa9\n"}, "é"},
		{[]string{"\xff\x00x\n"}, "\uFFFD\u2400x"},
		{[]string{"x top\n", "secret-value y\n"}, "x •••• y"},
		{[]string{"only secret-value here"}, "only •••• here"},
	} {
		got := join(collect(func(l *liner) {
			for _, p := range c.in {
				l.write([]byte(p))
			}
		}))
		if got != c.want {
			t.Errorf("%q → %q, want %q", c.in, got, c.want)
		}
	}
	// A prompt appears after it stood still, and its line goes on.
	rs := collect(func(l *liner) {
		l.write([]byte("Name: "))
		l.tick()
		l.tick()
		l.write([]byte("\xc3"))
		l.tick()
		l.tick() // half a character waits
		l.write([]byte("\xa9\nnext\n"))
	})
	if want := []rec{{"Name: ", false}, {"é", true}, {"next", false}}; len(rs) != 3 || rs[0] != want[0] || rs[1] != want[1] || rs[2] != want[2] {
		t.Errorf("%v", rs)
	}
	// The line end of a prompt makes no empty line.
	rs = collect(func(l *liner) { l.write([]byte("p")); l.tick(); l.tick(); l.write([]byte("\nq\n")) })
	if len(rs) != 2 || rs[1] != (rec{"q", false}) {
		t.Errorf("%v", rs)
	}
	// Ten megabytes without a line end.
	big := strings.Repeat("é", 5<<20)
	rs = collect(func(l *liner) { l.write([]byte(big)) })
	for _, r := range rs {
		if len(r.text) > maxLine || !utf8.ValidString(r.text) || strings.Contains(r.text, "\uFFFD") {
			t.Fatal("a piece is too long or cut", len(r.text))
		}
	}
	if join(rs) != big {
		t.Error("the long line changed")
	}
}

func TestLinesKeepEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOf(rapid.StringMatching(`[a-z\n é]{0,8}`)).Draw(t, "pieces")
		var b strings.Builder
		n := 0
		l := newLiner(nil, func(s string, c bool) {
			if n++; n > 1 && !c {
				b.WriteByte('\n')
			}
			b.WriteString(s)
		})
		for _, p := range pieces {
			l.write([]byte(p))
			for range rapid.IntRange(0, 2).Draw(t, "ticks") {
				l.tick()
			}
		}
		l.close()
		want := strings.TrimSuffix(strings.Join(pieces, ""), "\n")
		if b.String() != want {
			t.Fatalf("%q → %q, want %q", pieces, b.String(), want)
		}
	})
}

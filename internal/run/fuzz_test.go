package run

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// inPieces cuts data at places that cuts names.
func inPieces(data, cuts []byte) (out [][]byte) {
	for _, c := range cuts {
		n := min(int(c)%16, len(data))
		out = append(out, data[:n])
		data = data[n:]
	}
	return append(out, data)
}

// FuzzMask: however the output is cut into writes, no secret is shown in any of
// the forms in which programs print it, and what holds none stays as it is.
func FuzzMask(f *testing.F) {
	f.Add([]byte("pw=hunter2!"), []byte{3, 4}, "hunter2", "it's $5")
	f.Add([]byte(`{"pw":"a\"b\\c"} a%22b%5Cc a\"b\\c`), []byte{1, 1, 1, 9, 9}, `a"b\c`, "x")
	f.Add([]byte("ababab"), []byte{1, 1, 1}, "abab", "ba")
	f.Add([]byte("line one is long\r\nline two is long\n"), []byte{5, 20}, "line one is long\nline two is long", "")
	f.Add([]byte("\xff\xfe\x00"), []byte{0, 1}, "\xff", "\x00\xfe")
	f.Add([]byte("aaaaaaaaaaaaab"), []byte{2, 2, 2}, "aaab", "aa")
	f.Add([]byte("••••"), []byte{1, 1}, "•", "\xe2\x80")
	f.Fuzz(func(t *testing.T, data, cuts []byte, one, two string) {
		if len(data) > 4096 || len(one) > 512 || len(two) > 512 {
			return
		}
		s := newSecrets([]string{one, two})
		if (s == nil) != (one == "" && two == "") {
			t.Fatalf("%q, %q: %v", one, two, s)
		}
		// Every form of a secret, in every way of printing it.
		var forms []string
		for _, v := range []string{one, two} {
			if v != "" {
				j, _ := json.Marshal(v)
				forms = append(forms, v, url.QueryEscape(v), url.PathEscape(v), string(j[1:len(j)-1]), strings.ReplaceAll(v, "'", `'\''`), strings.ReplaceAll(v, "\n", "\r\n"))
			}
		}
		for _, text := range append([][]byte{data}, []byte("<"+strings.Join(forms, "|")+">")) {
			var out bytes.Buffer
			m := masker{s: s}
			for _, p := range inPieces(text, cuts) {
				out.Write(m.feed(p, false))
				if s != nil && len(m.held) >= s.longest {
					t.Fatalf("holds back %d bytes where the longest secret has %d", len(m.held), s.longest)
				}
			}
			out.Write(m.feed(nil, true))
			whole := s.text(string(text))
			if whole != out.String() {
				t.Fatalf("%q in pieces %q, whole %q", text, out.String(), whole)
			}
			shown := strings.ReplaceAll(whole, masked, "")
			any := false
			for _, form := range forms {
				any = any || strings.Contains(string(text), form)
				// What is left on both sides of a mask can by chance look like a secret; a mask stands between.
				for part := range strings.SplitSeq(whole, masked) {
					if strings.Contains(part, form) && !strings.Contains(masked, form) {
						t.Fatalf("%q shows %q: %q", text, form, whole)
					}
				}
			}
			if !any && s != nil && strings.Contains(whole, masked) && !strings.Contains(string(text), masked) {
				// Masked, though none of the forms above is in it: then another one is.
				found := false
				for _, ps := range s.byFirst {
					for _, p := range ps {
						found = found || bytes.Contains(text, p)
					}
				}
				if !found {
					t.Fatalf("%q became %q", text, whole)
				}
			}
			if len(shown) > len(text) {
				t.Fatalf("%q grew to %q", text, whole)
			}
		}
	})
}

// FuzzLines: a stream becomes lines that can be stored and shown, however it is
// cut and whenever it pauses, and no byte of text is lost or moved.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\r\nb\n\nc"), []byte{1, 1, 2}, uint8(3))
	f.Add([]byte("Name: \xc3\xa9\xff\x00\n"), []byte{6, 1}, uint8(0xff))
	f.Add([]byte("\x1b[31mred\x1b[0m\rprogress 10%\rprogress 20%\n"), []byte{9, 9, 9}, uint8(0x55))
	f.Add([]byte("\r\r\n\r"), []byte{1, 1, 1}, uint8(1))
	f.Add(bytes.Repeat([]byte("é"), 70), []byte{15, 15}, uint8(0))
	f.Fuzz(func(t *testing.T, data, cuts []byte, ticks uint8) {
		if len(data) > 1<<16 {
			return
		}
		// Made long now and then, so that lines are longer than one may be.
		if ticks == 0xaa && len(data) > 0 && len(data) < 64 {
			data = bytes.Repeat(data, maxLine/len(data)+3)
		}
		var got strings.Builder
		n := 0
		l := newLiner(nil, func(text string, cont bool) {
			if len(text) > 3*maxLine || !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\n") {
				t.Fatalf("%.200q is no line", text)
			}
			if n++; n > 1 && !cont {
				got.WriteByte('\n')
			}
			got.WriteString(text)
		})
		plain := ticks == 0 // a pause may stand within what would be one line end, or one character that is none
		for i, p := range inPieces(data, cuts) {
			l.write(p)
			if ticks>>(i%8)&1 > 0 {
				l.tick()
				l.tick()
			}
		}
		l.close()
		if !plain {
			return
		}
		want := strings.ReplaceAll(string(bytes.TrimSuffix(data, []byte("\n"))), "\r\n", "\n")
		if bytes.HasSuffix(data, []byte("\n")) {
			want = strings.TrimSuffix(want, "\r")
		}
		want = strings.ReplaceAll(eachLine(want), "\x00", "\u2400")
		if got.String() != want {
			t.Fatalf("%.300q became %.300q, want %.300q", data, got.String(), want)
		}
	})
}

// eachLine replaces what is no text, line by line as it is done there.
func eachLine(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.ToValidUTF8(lines[i], "\uFFFD")
	}
	return strings.Join(lines, "\n")
}

package yamldoc

import (
	"strings"
	"testing"
	"time"

	"muster/internal/fault"

	"pgregory.net/rapid"
)

func one(t testing.TB, text string) *Value {
	t.Helper()
	vs, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if len(vs) != 1 {
		t.Fatalf("%d documents\n%s", len(vs), text)
	}
	return vs[0]
}

func TestValuesKeepTextAndLine(t *testing.T) {
	v := one(t, "a: 1.10\nb: 'false'\nc: false\nd: |\n  x\n  y\ne: [p, \"q\"]\nf: ~\n# end\ng: {h: 010}\n")
	for key, want := range map[string]string{"a": "1.10", "b": "false", "c": "false", "d": "x\ny\n"} {
		if got := v.Get(key).Str(); got != want {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}
	if !v.Get("b").Quoted || v.Get("c").Quoted {
		t.Error("quotes are not seen")
	}
	if v.Get("e").Items[1].Text != "q" || v.Get("e").Line != 7 || !v.Get("f").IsNull() || v.Get("g").Get("h").Str() != "010" {
		t.Errorf("%+v", v)
	}
	if l := v.Get("g").Line; l != 10 {
		t.Errorf("line of g = %d", l)
	}
}

func TestAliasesAndMerge(t *testing.T) {
	v := one(t, "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nsame: *b\n")
	if v.Get("use").Get("x").Str() != "1" || v.Get("use").Get("y").Str() != "3" || v.Get("same").Get("y").Str() != "2" {
		t.Errorf("%s", v.Canonical())
	}
}

func TestRefused(t *testing.T) {
	laughs := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 9; i++ {
		p, c := string(rune('0'+i-1)), string(rune('0'+i))
		laughs += "a" + c + ": &a" + c + " [" + strings.TrimSuffix(strings.Repeat("*a"+p+",", 10), ",") + "]\n"
	}
	deep := ""
	for i := range 900 {
		deep += strings.Repeat(" ", i) + "a:\n"
	}
	for name, text := range map[string]string{
		"laughs":    laughs,
		"flow":      strings.Repeat("[", 500_000),
		"json deep": strings.Repeat("[", 3000) + strings.Repeat("]", 3000),
		"dashes":    strings.Repeat("- ", 400_000) + "a",
		"anchors":   strings.Repeat("&a ", 300_000),
		"tags":      strings.Repeat("!t ", 300_000),
		"indent":    deep,
		"size":      "a: " + strings.Repeat("x", MaxBytes),
		"aliases":   "a: &a 1\nb: [" + strings.Repeat("*a,", 5000) + "]",
		"self":      "a: &a [*a]",
		"dup":       "a: 1\na: 2",
		"dup json":  `{"a":1,"a":2}`,
		"utf8":      "a: \xff",
		"nul":       "a: b\x00",
		"syntax":    "a: [1, 2",
		"no anchor": "a: *b",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, err := Parse([]byte(text))
			if err == nil {
				t.Fatal("accepted")
			}
			if k := fault.KindOf(err); k != fault.Invalid && k != fault.TooLarge {
				t.Errorf("kind %v: %v", k, err)
			}
			if d := time.Since(start); d > 3*time.Second {
				t.Errorf("took %v", d)
			}
			if len(err.Error()) > 300 {
				t.Errorf("long message: %.400s", err)
			}
		})
	}
}

func genValue(depth int) *rapid.Generator[*Value] {
	text := rapid.OneOf(rapid.StringMatching(`[ -~\n\t]{0,12}`), rapid.String(), rapid.SampledFrom([]string{"", "true", "null", "~", "1", "0x1", "- a", "a: b", "#c", "|", "line\nline\n", " lead\n", "x\n\n", "<<", "*a", "&a", "!t", "2001-01-01", "1e3", ".inf", "'", "\"", "a\n b\n"})).Filter(func(s string) bool { return !strings.Contains(s, "\x00") })
	return rapid.Custom(func(t *rapid.T) *Value {
		k := rapid.IntRange(0, 3).Draw(t, "kind")
		if depth <= 0 && k > 1 {
			k = 1
		}
		switch k {
		case 0:
			return &Value{Kind: Null}
		case 1:
			return &Value{Kind: Scalar, Text: text.Draw(t, "text"), Quoted: true}
		case 2:
			return &Value{Kind: List, Items: rapid.SliceOfN(genValue(depth-1), 0, 4).Draw(t, "items")}
		}
		v := &Value{Kind: Map}
		seen := map[string]bool{}
		for range rapid.IntRange(0, 4).Draw(t, "n") {
			key := text.Draw(t, "key")
			if !seen[key] {
				seen[key] = true
				v.Fields = append(v.Fields, Field{Key: key, Value: genValue(depth-1).Draw(t, "value")})
			}
		}
		return v
	})
}

// What is stored of a job is its canonical text: it must mean the same.
func TestCanonicalReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := &Value{Kind: Map, Fields: []Field{{Key: "k", Value: genValue(3).Draw(t, "v")}}}
		text := v.Canonical()
		vs, err := Parse([]byte(text))
		if err != nil || len(vs) != 1 {
			t.Fatalf("%v (%d)\n%s", err, len(vs), text)
		}
		if !Equal(v, vs[0]) {
			t.Fatalf("differs:\n%s\n%s", text, vs[0].Canonical())
		}
		if again := vs[0].Canonical(); again != text {
			t.Fatalf("not stable:\n%s\n%s", text, again)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a: b", "- a\n- b: [c]", `{"a":[1,true,null]}`, "a: &x 1\nb: *x", "--- \n...", "%YAML 1.2\n---\na", "a: |\n  x", "? a\n: b", "<<: {a: b}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		vs, err := Parse(data)
		if err != nil {
			return
		}
		for _, v := range vs {
			_ = v.Canonical()
		}
	})
}

// Rundeck's own export says what to do, at every door that reads documents.
func TestXML(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"<joblist>\n  <job><name>a</name></job>\n</joblist>", "download the jobs as YAML"},
		{"\ufeff<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- by Rundeck -->\n<joblist/>", "XML of jobs"},
		{"<?xml version=\"1.0\"?>\n<!DOCTYPE project PUBLIC \"-//DTO Labs Inc.//DTD Resources Document 1.0//EN\" \"project.dtd\">\n<project>\n<node name=\"a\"/></project>", "XML of nodes"},
		{"  <html><body>sign in</body></html>", "this is XML (<html>)"},
	} {
		_, err := Parse([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "YAML") {
			t.Errorf("%q: %v", c.text, err)
		}
	}
	for _, text := range []string{"<<: {a: b}", "- <a>", "a: <b>"} {
		if _, err := Parse([]byte(text)); err != nil && strings.Contains(err.Error(), "XML") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

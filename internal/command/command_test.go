package command

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster/internal/fault"
)

func TestWords(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"", []string{}},
		{"  a  b\nc ", []string{"a", "b", "c"}},
		{`restart-service service=payments-api note='two words' q="a \"b\" $(x)"`, []string{"restart-service", "service=payments-api", "note=two words", `q=a "b" $(x)`}},
		{`a\ b '' c`, []string{"a b", "", "c"}},
		{`'it'\''s'`, []string{"it's"}},
	} {
		ws, err := Words(c.in)
		if err != nil {
			t.Fatal(c.in, err)
		}
		got := []string{}
		for _, w := range ws {
			got = append(got, w.Text)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%q: %s", c.in, d)
		}
	}
	if _, err := Words(`a 'b`); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
}

func TestSplit(t *testing.T) {
	for in, want := range map[string]string{"/run a b": "run|a b", "/help": "help|", "hello": "", "//run": "", "/etc/passwd is full": "", "/ x": "", "/note a\nb": "note|a\nb", "/note\nb c": "note|b c"} {
		verb, args, ok := split(in)
		got := ""
		if ok {
			got = verb + "|" + args
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

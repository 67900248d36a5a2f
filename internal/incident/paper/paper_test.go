package paper

import "testing"

func TestPicturesBecomeWords(t *testing.T) {
	for in, want := range map[string]string{
		"done ✅ 👍🏽":  "done (done) (yes)",
		"⚠️ careful": "(warning) careful",
		"🦀 crab":     "(emoji) crab",
		"plain → é":  "plain › é",
	} {
		if got := clean(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

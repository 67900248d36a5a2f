package id

import (
	"regexp"
	"testing"
)

var form = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\z`)

// FuzzValid: an id has exactly one way to be written.
func FuzzValid(f *testing.F) {
	f.Add(New())
	f.Add("0197a3c2-1111-7abc-8def-0123456789ab")
	f.Add("0197A3C2-1111-7abc-8def-0123456789ab")
	f.Add("0197a3c2-1111-7abc-8def-0123456789ab\n")
	f.Add("")
	f.Add("{0197a3c211117abc8def0123456789ab}xx")
	f.Fuzz(func(t *testing.T, s string) {
		if Valid(s) != form.MatchString(s) {
			t.Fatalf("%q: %v", s, Valid(s))
		}
	})
}

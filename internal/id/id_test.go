package id

import "testing"

func TestNewIncreases(t *testing.T) {
	prev := ""
	for range 20000 {
		n := New()
		if n <= prev || !Valid(n) || n[14] != '7' {
			t.Fatalf("%q after %q", n, prev)
		}
		prev = n
	}
	for _, bad := range []string{"", "x", "018f0000-0000-7000-8000-00000000000g", "018F0000-0000-7000-8000-000000000000", "018f0000-0000-7000-8000-0000000000000"} {
		if Valid(bad) {
			t.Errorf("%q passes as an id", bad)
		}
	}
}

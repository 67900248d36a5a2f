package app

import (
	"testing"

	"muster/internal/config"
)

// The certificate of a trial is good for the address people are given, and is made
// anew, by the same authority, when that changes.
func TestTrialCertificate(t *testing.T) {
	c := config.Config{Data: t.TempDir(), Addr: "0.0.0.0:8443", PublicURL: "https://muster.bank.example:8443"}
	one, err := certificate(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"muster.bank.example", "localhost", "127.0.0.1"} {
		if err := one.Leaf.VerifyHostname(n); err != nil {
			t.Error(err)
		}
	}
	if again, err := certificate(c); err != nil || !again.Leaf.Equal(one.Leaf) {
		t.Error("made anew without a reason", err)
	}
	c.PublicURL = "https://192.0.2.7"
	other, err := certificate(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Leaf.VerifyHostname("192.0.2.7"); err != nil || string(other.Leaf.RawIssuer) != string(one.Leaf.RawIssuer) {
		t.Error(err)
	}
}

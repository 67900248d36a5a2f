package livekit

import (
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// TestMediaHasOneAddress: of several, LiveKit would take any for the one that
// browsers are told, and lose what reaches it by the right one.
func TestMediaHasOneAddress(t *testing.T) {
	included := func(s Settings) []string {
		t.Helper()
		text, err := s.yaml()
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			RTC struct {
				NodeIP string `yaml:"node_ip"`
				IPs    struct {
					Includes []string `yaml:"includes"`
				} `yaml:"ips"`
			} `yaml:"rtc"`
		}
		if err := yaml.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		if s.Address != c.RTC.NodeIP {
			t.Errorf("browsers are told %q, not %q", c.RTC.NodeIP, s.Address)
		}
		return c.RTC.IPs.Includes
	}
	if got := included(Settings{}); got != nil {
		t.Errorf("nothing is named, and only %v are used", got)
	}
	for _, own := range addresses() {
		got := included(Settings{Address: own.String()})
		if !strings.HasPrefix(got[0], own.String()+"/") || len(got) != 2 {
			t.Errorf("media at %s, which is ours, uses %v", own, got)
		}
	}
	behind := []string{outgoing(true).String() + "/32", "::/0"}
	if got := included(Settings{Address: "192.0.2.7"}); !slices.Equal(got, behind) {
		t.Errorf("media behind NAT uses %v, want %v", got, behind)
	}
	if got := included(Settings{Address: "2001:db8::7"}); got[1] != "0.0.0.0/0" || !strings.HasSuffix(got[0], "/128") {
		t.Errorf("media behind NAT by IPv6 uses %v", got)
	}
	if _, err := (Settings{Address: "here"}).yaml(); err == nil {
		t.Error("an address that is none was taken")
	}
}

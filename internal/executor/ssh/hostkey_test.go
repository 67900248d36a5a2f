package ssh

import (
	"net"
	"testing"

	"golang.org/x/crypto/ssh/knownhosts"
)

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		patterns []string
		address  string
		want     bool
	}{
		{[]string{"web-1"}, "web-1:22", true},
		{[]string{"WEB-1"}, "web-1:22", true},
		{[]string{"web-1"}, "web-1:2222", false},
		{[]string{"[web-1]:2222"}, "web-1:2222", true},
		{[]string{"web-?.*.example"}, "web-1.zh.example:22", true},
		{[]string{"*.example", "!web-1.example"}, "web-1.example:22", false},
		{[]string{"other", "10.0.0.5"}, "10.0.0.5:22", true},
		{[]string{"[*]:2222"}, "10.0.0.5:2222", true},
		{[]string{"[::1]:2222"}, "[::1]:2222", true},
		{[]string{knownhosts.HashHostname("web-1")}, "web-1:22", true},
		{[]string{knownhosts.HashHostname("[web-1]:2222")}, "web-1:2222", true},
		{[]string{knownhosts.HashHostname("web-2")}, "web-1:22", false},
		{[]string{"|1|x|y"}, "web-1:22", false},
	} {
		if got := matches(c.patterns, c.address); got != c.want {
			t.Errorf("%q matches %s: %v, want %v", c.patterns, c.address, got, c.want)
		}
	}
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		"web-1": "web-1:22", "web-1:2222": "web-1:2222", "10.0.0.5": "10.0.0.5:22", "::1": "[::1]:22", "[::1]": "[::1]:22",
		"[::1]:2222": "[::1]:2222", " web-1 ": "web-1:22",
	} {
		host, addr, err := address(in)
		if h, _, _ := net.SplitHostPort(addr); err != nil || addr != want || h != host {
			t.Errorf("%q: %q, %q, %v; want %q", in, host, addr, err, want)
		}
	}
}

package app

import "testing"

func TestWhereALiveKitElsewhereIsReached(t *testing.T) {
	for address, want := range map[string]string{
		"https://lk.example.com":         "wss://lk.example.com https://lk.example.com",
		"http://10.1.2.3:7880/":          "ws://10.1.2.3:7880 http://10.1.2.3:7880",
		"https://office.example.com/lk/": "wss://office.example.com https://office.example.com",
	} {
		if got := mediaOrigins(address); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

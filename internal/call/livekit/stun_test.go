package livekit

import (
	"strings"
	"testing"
)

func TestMediaIsNobodysSTUNServer(t *testing.T) {
	for name, s := range map[string]Settings{
		"local":   {Local: true, UDPPort: 7882, TCPPort: 7881},
		"address": {Address: "192.0.2.7", UDPPort: 7882, TCPPort: 7881},
		"TURN":    {Address: "192.0.2.7", UDPPort: 7882, TCPPort: 7881, TURN: TURN{UDPPort: 3478}},
	} {
		text, err := s.yaml()
		if err != nil {
			t.Fatal(err)
		}
		_, stun, ok := strings.Cut(text, "stun_servers:")
		if !ok || strings.Contains(strings.SplitN(stun, "\n", 3)[1], ":7882") {
			t.Errorf("%s: Chromium would take media for answers of its STUN server:\n%s", name, text)
		}
	}
}

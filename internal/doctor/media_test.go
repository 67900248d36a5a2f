package doctor

import (
	"context"
	"errors"
	"net"
	"testing"

	"muster/internal/fault"
)

func TestVoice(t *testing.T) {
	busy, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	taken, err := net.ListenUDP("udp", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	tcp, udp := busy.Addr().(*net.TCPAddr).Port, taken.LocalAddr().(*net.UDPAddr).Port
	says := func(err error) func(context.Context) error { return func(context.Context) error { return err } }
	for _, c := range []struct {
		name  string
		media Media
		check string
		level Level
		words string
	}{
		{"off", Media{Engine: "off"}, "voice", OK, "switched off"},
		{"local", Media{Engine: "child", Local: true}, "voice", OK, "this machine only"},
		{"TCP taken", Media{Engine: "child", TCPPort: tcp}, "voice", Fail, "TCP port"},
		{"UDP taken", Media{Engine: "child", UDPPort: udp}, "voice", Fail, "UDP port"},
		{"here", Media{Engine: "child"}, "voice", OK, "this machine's own addresses"},
		{"at one address of ours", Media{Engine: "child", Address: "127.0.0.1"}, "voice", OK, "sent to 127.0.0.1"},
		{"elsewhere", Media{Engine: "child", Address: "192.0.2.1"}, "voice", Warn, "no address of this machine"},
		{"the relay's TCP taken", Media{Engine: "child", TURNTLSPort: tcp}, "relay", Fail, "TCP port"},
		{"the relay's UDP taken", Media{Engine: "child", TURNUDPPort: udp}, "relay", Fail, "UDP port"},
		{"a LiveKit", Media{Engine: "livekit", URL: "https://lk.example.com", Ask: says(nil)}, "voice", OK, "https://lk.example.com, which accepts the key"},
		{"a LiveKit with another key", Media{Engine: "livekit", URL: "https://lk.example.com", Ask: says(fault.New(fault.Denied, "It does not accept the key. Look at media.key."))}, "voice", Fail, "LiveKit at https://lk.example.com: It does not accept the key."},
		{"a LiveKit that is away", Media{Engine: "livekit", URL: "https://lk.example.com", Ask: says(fault.Wrap(fault.Unavailable, "It does not answer. Look at media.url.", errors.New("connection refused")))}, "voice", Fail, "It does not answer (connection refused)."},
	} {
		e := &examination{Patient: Patient{Media: c.media, Now: now}}
		e.media(context.Background())
		found := false
		for _, f := range e.out {
			found = found || f.Check == c.check
		}
		if !found {
			t.Errorf("%s: %+v", c.name, e.out)
			continue
		}
		expect(t, e.out, c.check, c.level, c.words)
		if c.level != OK && e.out[len(e.out)-1].Remedy == "" {
			t.Errorf("%s: no remedy", c.name)
		}
	}
}

package app

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"muster/internal/call"
	"muster/internal/call/livekit"
	"muster/internal/config"
	"muster/internal/outbound"
)

// mediaCommand is the argument with which this program is the media child.
const mediaCommand = "media"

// mediaEngine is what carries voice and video; nil for none.
func (a *App) mediaEngine() (call.Engine, error) {
	m := a.cfg.Media
	switch m.Engine {
	case config.MediaChild:
	case config.MediaLiveKit:
		client := a.dialer(outbound.Services).Client(10 * time.Second)
		return livekit.NewRemote(m.URL, m.Key, m.Secret, client, a.log), nil
	default:
		return nil, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := livekit.Settings{
		Address: m.Address, Local: a.cfg.Here(), UDPPort: m.UDPPort, TCPPort: m.TCPPort, Debug: a.cfg.Log.Level == "debug",
		TURN: livekit.TURN{
			UDPPort: m.TURN.UDPPort, TLSPort: m.TURN.TLSPort, Domain: m.TURN.Domain, Cert: m.TURN.Cert, Key: m.TURN.Key,
			Relay: [2]int{m.TURN.RelayFrom, m.TURN.RelayTo}, Allow: m.TURN.Allow, Deny: m.TURN.Deny,
		},
	}
	if s.Local { // nobody else reaches them, so no firewall needs to know them
		s.UDPPort, s.TCPPort = 0, 0
	}
	child, err := livekit.NewChild(s, []string{self, mediaCommand}, filepath.Join(a.cfg.Data, "media.sock"), a.log)
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, func() error { return child.Close(context.Background()) })
	return child, nil
}

// mediaOrigins are what pages connect to for a LiveKit elsewhere: its signalling,
// and plain requests by which they find out why that does not answer. A path
// would be taken for the only one.
func mediaOrigins(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "" // the settings have been checked
	}
	return "ws" + strings.TrimPrefix(u.Scheme, "http") + "://" + u.Host + " " + u.Scheme + "://" + u.Host
}

// recordings says what is recorded of calls, and what is done with it.
func (a *App) recordings() call.Settings {
	m := a.cfg.Media
	s := call.Settings{Record: m.Record, KeepDays: m.KeepDays}
	if m.TranscribeURL != "" {
		s.Transcriber = &call.Transcriber{URL: m.TranscribeURL, Key: m.TranscribeKey, Model: m.TranscribeModel, Client: a.dialer(outbound.Services).Client(10 * time.Minute)}
	}
	return s
}

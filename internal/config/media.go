package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
)

// Media engines.
const (
	MediaChild   = "child"   // LiveKit as a child process of Muster's
	MediaLiveKit = "livekit" // a LiveKit that runs elsewhere
	MediaOff     = "off"
)

// Here says whether everybody uses Muster on the machine it runs on.
func (c Config) Here() bool {
	if c.PublicURL == "" {
		return c.Loopback()
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

func (c Config) checkACME() error {
	a := c.TLS.ACME
	if !a.AcceptTerms {
		if a != (ACME{}) {
			return errors.New("tls.acme does nothing until accept_terms is true: read the authority's terms first")
		}
		return nil
	}
	if c.TLS.Cert != "" {
		return errors.New("tls has both a certificate and acme; take one out")
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || net.ParseIP(u.Hostname()) != nil {
		return errors.New("tls.acme needs public_url to be https:// and a host name: the certificate is for that name")
	}
	if a.Directory != "" {
		if d, err := url.Parse(a.Directory); err != nil || d.Scheme != "https" || d.Host == "" {
			return fmt.Errorf("tls.acme.directory %q must be the https address of an ACME directory", a.Directory)
		}
	}
	return nil
}

func (m Media) check() error {
	if m.Record != "" && m.Record != "incidents" && m.Record != "all" {
		return fmt.Errorf("media.record %q must be incidents or all, or be left out for rooms to say", m.Record)
	}
	if m.KeepDays < 0 || m.KeepDays > 36500 {
		return fmt.Errorf("media.keep_days %d must be 0 (for ever) to 36500", m.KeepDays)
	}
	if m.TranscribeURL != "" {
		u, err := url.Parse(m.TranscribeURL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
			return fmt.Errorf("media.transcribe_url %q must be a whole address, like https://speech.example.com/v1/audio/transcriptions", m.TranscribeURL)
		}
	}
	switch m.Engine {
	case "", MediaOff, MediaChild:
	case MediaLiveKit:
		u, err := url.Parse(m.URL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.User != nil {
			return fmt.Errorf("media.url %q must be that of a LiveKit, like https://livekit.example.com", m.URL)
		}
		if m.Key == "" || len(m.Secret) < 32 {
			return errors.New("media.key and media.secret must be a key of that LiveKit; its secret has 32 characters or more")
		}
		return nil
	default:
		return fmt.Errorf("media.engine %q must be child, livekit or off", m.Engine)
	}
	for name, port := range map[string]int{"udp_port": m.UDPPort, "tcp_port": m.TCPPort, "turn.udp_port": m.TURN.UDPPort, "turn.tls_port": m.TURN.TLSPort, "turn.relay_from": m.TURN.RelayFrom, "turn.relay_to": m.TURN.RelayTo} {
		if port < 0 || port > 65535 {
			return fmt.Errorf("media.%s %d must be a port", name, port)
		}
	}
	if m.Address != "" && net.ParseIP(m.Address) == nil {
		return fmt.Errorf("media.address %q must be an IP address at which browsers reach this machine", m.Address)
	}
	return m.TURN.check()
}

func (t TURN) check() error {
	if t.TLSPort > 0 && (t.Domain == "" || t.Cert == "" || t.Key == "") {
		return errors.New("media.turn.tls_port needs domain, cert and key of a certificate that browsers trust")
	}
	if (t.RelayFrom == 0) != (t.RelayTo == 0) || t.RelayFrom > t.RelayTo {
		return errors.New("media.turn needs both relay_from and relay_to, the smaller first, or neither")
	}
	for _, list := range [][]string{t.Allow, t.Deny} {
		for _, n := range list {
			if _, err := netip.ParsePrefix(n); err != nil {
				return fmt.Errorf("media.turn: %q must be a network like 10.1.0.0/16", n)
			}
		}
	}
	return nil
}

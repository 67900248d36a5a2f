// Package livekit is the call engine on LiveKit, and the only importer of it:
// an SFU in a supervised child of this program (Child), in this process for
// tests (Local), or one that runs elsewhere (Remote).
//
// Invariant: no media process can take Muster down, and none speaks to a host
// that the settings do not name. Who may take part is package call's.
package livekit

import (
	"fmt"
	"net"
	"strconv"

	"github.com/goccy/go-yaml"
)

// Settings of an SFU that Muster runs itself.
type Settings struct {
	Key     string `json:"key"`
	Secret  string `json:"secret"`
	Address string `json:"address"` // where browsers reach it; "" lets it find its own
	Local   bool   `json:"local"`   // loopback only, for a trial on one machine and for tests
	UDPPort int    `json:"udp_port"`
	TCPPort int    `json:"tcp_port"`
	TURN    TURN   `json:"turn"`
	Debug   bool   `json:"debug"` // LiveKit's own log whole, not only what went wrong
}

// TURN relays media for browsers that reach nothing but it. It relays to media's
// own port, and to nothing else that Allow does not name.
type TURN struct {
	UDPPort int      `json:"udp_port"`
	TLSPort int      `json:"tls_port"`
	Domain  string   `json:"domain"`
	Cert    string   `json:"cert"`
	Key     string   `json:"key"`
	Relay   [2]int   `json:"relay"` // first and last UDP port of relayed media
	Allow   []string `json:"allow"` // CIDRs
	Deny    []string `json:"deny"`
}

// turnLife is for how many seconds a participant's password to TURN begins a
// relay. One that was begun lasts as long as the participant.
const turnLife = 600

// yaml is LiveKit's own configuration.
func (s Settings) yaml() (string, error) {
	type m = map[string]any
	rtc := m{
		"udp_port": s.UDPPort, "tcp_port": s.TCPPort,
		"use_external_ip": false, // it would ask hosts on the internet
	}
	told, local, err := s.place()
	if err != nil {
		return "", err
	}
	switch {
	case s.Local:
		rtc["enable_loopback_candidate"] = true
		rtc["interfaces"] = m{"includes": []string{"lo"}}
	case s.Address != "":
		// Browsers are told one address, so LiveKit uses one of this machine's: it would
		// take any of them, and lose what reaches it by another.
		rtc["ips"] = m{"includes": only(local)}
	}
	if s.Local || s.Address != "" {
		rtc["node_ip"] = told.String()
	}
	// Without any, browsers are sent to STUN servers of others. None is needed: media
	// itself learns from where a browser comes. It must not be media's own port, for
	// Chromium takes whatever comes from a STUN server's address as its answer, and
	// every packet of media would be lost.
	port := s.TCPPort
	if s.TURN.UDPPort > 0 {
		port = s.TURN.UDPPort
	}
	rtc["stun_servers"] = []string{net.JoinHostPort(told.String(), strconv.Itoa(port))}
	c := m{
		"port": 7880, // checked, never opened
		"keys": m{s.Key: s.Secret},
		"rtc":  rtc,
		"room": m{"auto_create": false, "empty_timeout": 60, "departure_timeout": 20, "enable_remote_unmute": false},
		"limit": m{
			"num_tracks": 4000, "max_metadata_size": 4096, "max_attributes_size": 4096,
			"max_room_name_length": 64, "max_participant_identity_length": 64, "max_participant_name_length": 200,
		},
		"logging": m{"level": "error", "pion_level": "error"},
	}
	if s.TURN.UDPPort > 0 || s.TURN.TLSPort > 0 {
		t := m{"enabled": true, "ttl_seconds": turnLife} // what browsers are told; newTURN opens it
		if s.TURN.UDPPort > 0 {
			t["udp_port"] = s.TURN.UDPPort
		}
		if s.TURN.TLSPort > 0 {
			t["tls_port"], t["domain"], t["cert_file"], t["key_file"] = s.TURN.TLSPort, s.TURN.Domain, s.TURN.Cert, s.TURN.Key
		}
		c["turn"] = t
		// Who reaches nothing but the relay waits this long for something better.
		rtc["relay_acceptance_min_wait"] = "300ms"
	}
	b, err := yaml.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("write media settings: %w", err)
	}
	return string(b), nil
}

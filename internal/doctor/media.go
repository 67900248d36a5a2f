package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"muster/internal/fault"
)

// Media is what the settings say of voice and video.
type Media struct {
	Engine           string // child, livekit, off
	Local            bool   // only this machine uses it, by free ports of loopback
	UDPPort, TCPPort int
	Address          string
	TURNDomain       string
	TURNCert         string
	TURNKey          string
	TURNTLSPort      int
	TURNUDPPort      int
	// Of a LiveKit elsewhere: where it is, and what keeps Muster from using it.
	URL string
	Ask func(context.Context) error
}

// media finds out whether browsers will find the ports of voice and video.
func (e *examination) media(ctx context.Context) {
	m := e.Media
	switch {
	case m.Engine == "" || m.Engine == "off":
		e.ok("voice", "switched off (media.engine)")
		return
	case m.Engine == "livekit":
		if err := m.Ask(ctx); err != nil {
			what, remedy, _ := strings.Cut(fault.Message(err), ". ")
			if cause := errors.Unwrap(err); cause != nil {
				what += fmt.Sprintf(" (%v)", rootCause(cause))
			}
			e.add(Fail, "voice", remedy, "LiveKit at %s: %s.", m.URL, what)
			return
		}
		e.ok("voice", "carried by the LiveKit at %s, which accepts the key; browsers connect to it themselves", m.URL)
		return
	case m.Local:
		e.ok("voice", "for this machine only, on free ports of loopback")
		return
	}
	if !e.Running && !e.free("voice", m.UDPPort, m.TCPPort) {
		return
	}
	if m.Address != "" && !ours(m.Address) {
		e.add(Warn, "voice", "Right behind NAT or in a container, when it forwards both ports to here; else mend media.address.", "Browsers are sent to %s, which is no address of this machine.", m.Address)
	} else {
		to := "this machine's own addresses"
		if m.Address != "" {
			to = m.Address
		}
		e.ok("voice", "UDP port %d, TCP port %d; both must be open in the firewall; browsers are sent to %s", m.UDPPort, m.TCPPort, to)
	}
	if m.TURNTLSPort > 0 || m.TURNUDPPort > 0 {
		e.relay(m)
	}
}

// free says whether ports can be opened; 0 is one that is not.
func (e *examination) free(check string, udp, tcp int) bool {
	const remedy = "Find who has it (ss -lnptu), or set another port in muster.yaml and the firewall."
	if tcp > 0 {
		ln, err := net.Listen("tcp", ":"+strconv.Itoa(tcp))
		if err != nil {
			e.add(Fail, check, remedy, "TCP port %d cannot be used: %v.", tcp, rootCause(err))
			return false
		}
		_ = ln.Close()
	}
	if udp > 0 {
		c, err := net.ListenUDP("udp", &net.UDPAddr{Port: udp})
		if err != nil {
			e.add(Fail, check, remedy, "UDP port %d cannot be used: %v.", udp, rootCause(err))
			return false
		}
		_ = c.Close()
	}
	return true
}

// relay finds out whether browsers in closed networks will find it.
func (e *examination) relay(m Media) {
	if !e.Running && !e.free("relay", m.TURNUDPPort, m.TURNTLSPort) {
		return
	}
	if m.TURNTLSPort == 0 {
		e.ok("relay", "UDP port %d; who reaches nothing but TCP needs media.turn.tls_port", m.TURNUDPPort)
		return
	}
	pair, err := tls.LoadX509KeyPair(m.TURNCert, m.TURNKey)
	switch {
	case err != nil:
		e.add(Fail, "relay", "Mend media.turn.cert and media.turn.key: PEM files that belong together.", "Its certificate cannot be used: %v.", err)
	case pair.Leaf.VerifyHostname(m.TURNDomain) != nil:
		e.add(Fail, "relay", "Get one for media.turn.domain.", "Its certificate is not good for %s.", m.TURNDomain)
	case pair.Leaf.NotAfter.Sub(e.Now) < 14*24*time.Hour:
		e.add(Warn, "relay", "Renew it, and restart Muster.", "Its certificate ends on %s.", pair.Leaf.NotAfter.Format(time.DateOnly))
	default:
		way := ""
		if m.TURNTLSPort != 443 {
			way = fmt.Sprintf(", which has to lead to port %d here", m.TURNTLSPort)
		}
		e.ok("relay", "browsers are sent to %s:443%s; certificate until %s", m.TURNDomain, way, pair.Leaf.NotAfter.Format(time.DateOnly))
	}
}

func ours(address string) bool {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	ip := net.ParseIP(address)
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.Equal(ip) {
			return true
		}
	}
	return false
}

package doctor

import (
	"crypto/tls"
	"net"
	"strconv"
	"time"
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
}

// media finds out whether browsers will find the ports of voice and video.
func (e *examination) media() {
	m := e.Media
	switch {
	case m.Engine == "" || m.Engine == "off":
		e.ok("voice", "switched off (media.engine)")
		return
	case m.Engine == "livekit":
		e.ok("voice", "carried by a LiveKit elsewhere")
		return
	case m.Local:
		e.ok("voice", "for this machine only, on free ports of loopback")
		return
	}
	const remedy = "Find who has it (ss -lnptu), or set another port in muster.yaml and the firewall."
	udp, tcp := ":"+strconv.Itoa(m.UDPPort), ":"+strconv.Itoa(m.TCPPort)
	if !e.Running {
		if ln, err := net.Listen("tcp", tcp); err != nil {
			e.add(Fail, "voice", remedy, "TCP port %d cannot be used: %v.", m.TCPPort, rootCause(err))
			return
		} else {
			_ = ln.Close()
		}
		a, err := net.ResolveUDPAddr("udp", udp)
		if err == nil {
			var c *net.UDPConn
			if c, err = net.ListenUDP("udp", a); err == nil {
				_ = c.Close()
			}
		}
		if err != nil {
			e.add(Fail, "voice", remedy, "UDP port %d cannot be used: %v.", m.UDPPort, rootCause(err))
			return
		}
	}
	if m.Address != "" && !ours(m.Address) {
		e.add(Warn, "voice", "Right behind NAT or in a container, when it forwards both ports to here; else mend media.address.", "Browsers are sent to %s, which is no address of this machine.", m.Address)
	} else {
		e.ok("voice", "UDP port %d, TCP port %d; both must be open in the firewall", m.UDPPort, m.TCPPort)
	}
	if m.TURNTLSPort > 0 {
		pair, err := tls.LoadX509KeyPair(m.TURNCert, m.TURNKey)
		switch {
		case err != nil:
			e.add(Fail, "relay", "Mend media.turn.cert and media.turn.key: PEM files that belong together.", "Its certificate cannot be used: %v.", err)
		case pair.Leaf.VerifyHostname(m.TURNDomain) != nil:
			e.add(Fail, "relay", "Get one for media.turn.domain.", "Its certificate is not good for %s.", m.TURNDomain)
		case pair.Leaf.NotAfter.Sub(e.Now) < 14*24*time.Hour:
			e.add(Warn, "relay", "Renew it, and restart Muster.", "Its certificate ends on %s.", pair.Leaf.NotAfter.Format(time.DateOnly))
		default:
			e.ok("relay", "certificate for %s until %s", m.TURNDomain, pair.Leaf.NotAfter.Format(time.DateOnly))
		}
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

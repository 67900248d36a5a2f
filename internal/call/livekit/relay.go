package livekit

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"

	"github.com/livekit/livekit-server/pkg/service"
	"github.com/livekit/protocol/logger"
	"github.com/livekit/protocol/logger/pionlogger"
	"github.com/pion/turn/v5"
)

// relay is where TURN may lead. LiveKit's own server asks for the address only,
// so that whoever takes part in a call could send to any service of this machine
// that listens on UDP, and to the whole internet from here. Nothing but media's
// own port is needed, so nothing else is reached.
type relay struct {
	own        []netip.Addr // media's
	port       uint16
	advertised netip.Addr // what browsers are told
	local      netip.Addr // the same as this machine knows it: another one behind NAT
	allow      []netip.Prefix
	deny       []netip.Prefix
}

const (
	relayFrom, relayTo = 30000, 40000 // when the settings name none
	relayTries         = 50
	// mostRelays are one participant's at once. A browser opens one for each of its
	// networks, each way to the relay and each direction, and more when they change.
	mostRelays = 64
)

func newRelay(s Settings) (relay, error) {
	told, local, err := s.place()
	if err != nil {
		return relay{}, err
	}
	r := relay{port: uint16(s.UDPPort), advertised: told, local: local, own: []netip.Addr{local}} // #nosec G115 -- checked to be a port
	if !s.Local {
		r.own = addresses()
	}
	for _, l := range []struct {
		from []string
		to   *[]netip.Prefix
	}{{s.TURN.Allow, &r.allow}, {s.TURN.Deny, &r.deny}} {
		for _, text := range l.from {
			p, err := netip.ParsePrefix(text)
			if err != nil {
				return relay{}, fmt.Errorf("a network of the relay: %w", err)
			}
			*l.to = append(*l.to, p.Masked())
		}
	}
	return r, nil
}

// knows says whether anything at an address may be reached.
func (r relay) knows(ip netip.Addr) bool {
	in := func(p netip.Prefix) bool { return p.Contains(ip) }
	return !slices.ContainsFunc(r.deny, in) && (r.media(ip) || slices.ContainsFunc(r.allow, in))
}

func (r relay) media(ip netip.Addr) bool { return ip == r.advertised || slices.Contains(r.own, ip) }

// leads says where what is meant for an address goes, and whether it may.
func (r relay) leads(to netip.AddrPort) (netip.AddrPort, bool) {
	ip := to.Addr().Unmap()
	// An address of this machine is media's, whatever network is allowed.
	if !r.knows(ip) || r.media(ip) && to.Port() != r.port {
		return to, false
	}
	if ip == r.advertised {
		ip = r.local
	}
	return netip.AddrPortFrom(ip, to.Port()), true
}

// came says as what something from an address is known to the other end.
func (r relay) came(from netip.AddrPort) (netip.AddrPort, bool) {
	ip := from.Addr().Unmap()
	if !r.media(ip) && ip != r.local {
		return from, r.knows(ip)
	}
	if ip == r.local {
		ip = r.advertised
	}
	return netip.AddrPortFrom(ip, from.Port()), from.Port() == r.port
}

// relayed is the socket of one participant.
type relayed struct {
	net.PacketConn
	relay relay
	done  func()
}

func (c relayed) Close() error {
	c.done()
	return c.PacketConn.Close()
}

func (c relayed) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, net.InvalidAddrError(to.String())
	}
	at, ok := c.relay.leads(u.AddrPort())
	if !ok {
		return len(b), nil // dropped, as a firewall does
	}
	return c.PacketConn.WriteTo(b, net.UDPAddrFromAddrPort(at))
}

func (c relayed) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(b)
		if err != nil {
			return n, from, err
		}
		if u, ok := from.(*net.UDPAddr); ok {
			if at, ok := c.relay.came(u.AddrPort()); ok {
				return n, net.UDPAddrFromAddrPort(at), nil
			}
		}
	}
}

// sockets makes one for each participant who is relayed: for UDP only, which
// media is all that TURN leads to.
type sockets struct {
	turn.RelayAddressGeneratorPortRange
	relay relay
	mu    sync.Mutex
	open  map[string]int // by participant
}

var (
	errOnlyUDP = errors.New("only UDP is relayed")
	errRelays  = errors.New("this participant has too many relays")
)

func (g *sockets) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open[c.UserID] >= mostRelays {
		return nil, nil, errRelays
	}
	conn, at, err := g.RelayAddressGeneratorPortRange.AllocatePacketConn(c)
	if err != nil {
		return nil, nil, err
	}
	g.open[c.UserID]++
	return relayed{conn, g.relay, sync.OnceFunc(func() { g.closed(c.UserID) })}, at, nil
}

func (g *sockets) closed(participant string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open[participant]--; g.open[participant] == 0 {
		delete(g.open, participant)
	}
}

func (*sockets) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errOnlyUDP
}

func (*sockets) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errOnlyUDP }

// newTURN opens the relay's ports.
func newTURN(s Settings, auth turn.AuthHandler) (*turn.Server, error) {
	r, err := newRelay(s)
	if err != nil {
		return nil, err
	}
	from, to := relayFrom, relayTo
	if s.TURN.Relay[0] > 0 {
		from, to = s.TURN.Relay[0], s.TURN.Relay[1]
	}
	g := &sockets{relay: r, open: map[string]int{}, RelayAddressGeneratorPortRange: turn.RelayAddressGeneratorPortRange{
		RelayAddress: r.advertised.AsSlice(), Address: r.local.String(), MinPort: uint16(from), MaxPort: uint16(to), MaxRetries: relayTries, // #nosec G115 -- checked to be ports
	}}
	may := func(_ net.Addr, peer net.IP) bool {
		ip, ok := netip.AddrFromSlice(peer)
		return ok && r.knows(ip.Unmap())
	}
	at := func(port int) string {
		switch {
		case s.Local:
			return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		case r.local.Is4():
			return net.JoinHostPort("0.0.0.0", strconv.Itoa(port))
		}
		return ":" + strconv.Itoa(port)
	}
	c := turn.ServerConfig{Realm: service.LivekitRealm, AuthHandler: auth, LoggerFactory: pionlogger.NewLoggerFactory(logger.GetLogger())}
	if s.TURN.TLSPort > 0 {
		cert, err := tls.LoadX509KeyPair(s.TURN.Cert, s.TURN.Key)
		if err != nil {
			return nil, fmt.Errorf("the relay's certificate: %w", err)
		}
		ln, err := tls.Listen("tcp", at(s.TURN.TLSPort), &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}})
		if err != nil {
			return nil, fmt.Errorf("open the relay's TLS port: %w", err)
		}
		c.ListenerConfigs = []turn.ListenerConfig{{Listener: ln, RelayAddressGenerator: g, PermissionHandler: may}}
	}
	if s.TURN.UDPPort > 0 {
		conn, err := net.ListenPacket("udp", at(s.TURN.UDPPort))
		if err != nil {
			for _, l := range c.ListenerConfigs {
				err = errors.Join(err, l.Listener.Close())
			}
			return nil, fmt.Errorf("open the relay's UDP port: %w", err)
		}
		c.PacketConnConfigs = []turn.PacketConnConfig{{PacketConn: conn, RelayAddressGenerator: g, PermissionHandler: may}}
	}
	return turn.NewServer(c)
}

package livekit

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// place is where media is: the address that browsers are told, and the same as
// this machine knows it, which is another one behind NAT.
func (s Settings) place() (told, local netip.Addr, err error) {
	if s.Local {
		here := netip.AddrFrom4([4]byte{127, 0, 0, 1})
		return here, here, nil
	}
	if s.Address == "" {
		local = outgoing(true)
		return local, local, nil
	}
	told, err = netip.ParseAddr(s.Address)
	if err != nil {
		return told, local, fmt.Errorf("media's address %q: %w", s.Address, err)
	}
	told = told.Unmap()
	if slices.Contains(addresses(), told) {
		return told, told, nil
	}
	return told, outgoing(told.Is4()), nil
}

// outgoing is the address by which this machine speaks to the world beyond its
// own networks, and by which that comes to it; where it knows no way there, the
// first that others may reach. No packet is sent.
func outgoing(four bool) netip.Addr {
	network, anywhere, none := "udp4", "192.0.2.1:9", netip.AddrFrom4([4]byte{127, 0, 0, 1})
	if !four {
		network, anywhere, none = "udp6", "[2001:db8::1]:9", netip.IPv6Loopback()
	}
	if c, err := net.Dial(network, anywhere); err == nil {
		defer func() { _ = c.Close() }()
		return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
	}
	all := addresses()
	if i := slices.IndexFunc(all, func(a netip.Addr) bool { return a.Is4() == four }); i >= 0 {
		return all[i]
	}
	return none
}

// addresses of this machine that others may reach.
func addresses() (out []netip.Addr) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok && n.IP.IsGlobalUnicast() {
				out = append(out, ip.Unmap())
			}
		}
	}
	return out
}

// only is a list of networks in which an address is alone of its family. The
// other family has addresses of its own, which browsers are told as they are.
func only(a netip.Addr) []string {
	other := netip.MustParsePrefix("::/0")
	if !a.Is4() {
		other = netip.MustParsePrefix("0.0.0.0/0")
	}
	return []string{netip.PrefixFrom(a, a.BitLen()).String(), other.String()}
}

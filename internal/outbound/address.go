package outbound

import (
	"fmt"
	"net/netip"
	"strings"
)

type class struct {
	prefix netip.Prefix
	what   string
}

func classes(what string, prefixes ...string) []class {
	out := make([]class, len(prefixes))
	for i, p := range prefixes {
		out[i] = class{netip.MustParsePrefix(p), what}
	}
	return out
}

// never are targets of no use: nothing that Muster serves lives there, and a
// cloud's metadata service, which gives out credentials, does.
var never = concat(
	classes("an unspecified address", "0.0.0.0/8", "::/128"),
	classes("a link-local address, where a cloud's metadata service lives", "169.254.0.0/16", "fe80::/10"),
	classes("a metadata service's address", "fd00:ec2::254/128", "fd20:ce::254/128", "100.100.100.200/32", "168.63.129.16/32"),
	classes("a multicast address", "224.0.0.0/4", "ff00::/8"),
	classes("a reserved address", "240.0.0.0/4"),
)

// inside are addresses of this machine and its networks: nodes and the mail
// server are there, a URL that somebody typed has no business there.
var inside = concat(
	classes("an address of this machine", "127.0.0.0/8", "::1/128"),
	classes("a private address", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"),
	classes("an address shared by a carrier", "100.64.0.0/10"),
	classes("an address kept for special purposes", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16"),
)

func concat(lists ...[]class) (out []class) {
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

// refuses says what an address is that this use does not dial, "" when it does.
func (u Use) refuses(ip netip.Addr) string {
	lists := [][]class{never}
	if u == URLs {
		lists = append(lists, inside)
	}
	for _, a := range append(embedded(ip), ip.WithZone("")) {
		for _, l := range lists {
			for _, c := range l {
				if c.prefix.Contains(a) {
					return c.what
				}
			}
		}
	}
	return ""
}

// embedded are the IPv4 addresses that an IPv6 address stands for: a gateway
// would carry the packet to them.
func embedded(ip netip.Addr) []netip.Addr {
	if !ip.Is6() {
		return nil
	}
	b := ip.As16()
	v4 := func(at int) []netip.Addr { return []netip.Addr{netip.AddrFrom4([4]byte(b[at : at+4]))} }
	switch {
	case nat64.Contains(ip), localNAT64.Contains(ip), compatible.Contains(ip) && ip != netip.IPv6Loopback() && ip != netip.IPv6Unspecified():
		return v4(12)
	case sixToFour.Contains(ip):
		return v4(2)
	}
	return nil
}

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	localNAT64 = netip.MustParsePrefix("64:ff9b:1::/48")
	compatible = netip.MustParsePrefix("::/96")
	sixToFour  = netip.MustParsePrefix("2002::/16")
)

// ParseRules reads the settings: addresses and networks as 10.0.0.0/8 or 10.1.2.3.
func ParseRules(allow, deny []string) (Rules, error) {
	var r Rules
	for _, l := range []struct {
		from []string
		to   *[]netip.Prefix
	}{{allow, &r.Allow}, {deny, &r.Deny}} {
		for _, s := range l.from {
			p, err := netip.ParsePrefix(s)
			if err != nil && !strings.Contains(s, "/") {
				var ip netip.Addr
				if ip, err = netip.ParseAddr(s); err == nil {
					p = netip.PrefixFrom(ip.Unmap().WithZone(""), ip.Unmap().BitLen())
				}
			}
			if err != nil {
				return r, fmt.Errorf("%q is not an address or network; write it as 10.0.0.0/8 or 10.1.2.3", s)
			}
			*l.to = append(*l.to, p.Masked())
		}
	}
	return r, nil
}

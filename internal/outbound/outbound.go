// Package outbound opens every connection that Muster makes to elsewhere: to
// the mail server, to nodes, to services that the settings name, and to
// addresses that people type.
//
// Invariant: a name is resolved once, every address it resolves to is checked,
// and exactly a checked address is dialled; the name is not looked up again
// between check and use. What is checked depends on who chose the target (Use).
// internal/dial_test.go fails when another package dials by itself. What is
// spoken on a connection (TLS, SSH, SMTP) is left to the caller.
//
// PostgreSQL is the exception: its driver dials, before anything here exists,
// what the administrator's settings say.
package outbound

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"muster/internal/fault"
)

// Use says who chose the target, and with that how far it is trusted.
type Use int

const (
	// Mail is the SMTP server of the settings: the administrator's choice.
	Mail Use = iota
	// Nodes are the machines of an inventory: whoever may import one chose them.
	Nodes
	// Services are named in the settings: a LiveKit, a certificate authority.
	Services
	// URLs are typed by people or come with data: only the public internet,
	// unless the settings allow more.
	URLs
)

func (u Use) String() string { return [...]string{"mail", "nodes", "services", "urls"}[u] }

// Rules are the settings of one use. Deny beats Allow, Allow beats what is
// refused by default.
type Rules struct {
	Allow []netip.Prefix
	Deny  []netip.Prefix
}

// Options of a Dialer; the zero value serves.
type Options struct {
	// Timeout bounds resolving and connecting together (10 s).
	Timeout time.Duration
	// Own gives the addresses Muster itself listens on: never a target.
	Own func() []netip.AddrPort
	// Resolve and Connect replace the system's, for tests.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	Connect func(ctx context.Context, network, address string) (net.Conn, error)
}

// Dialer dials for one use. It is safe for concurrent calls.
type Dialer struct {
	use   Use
	rules Rules
	o     Options
}

// New makes a dialer.
func New(use Use, rules Rules, o Options) *Dialer {
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Resolve == nil {
		o.Resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if o.Connect == nil {
		o.Connect = (&net.Dialer{KeepAlive: 30 * time.Second}).DialContext
	}
	return &Dialer{use, rules, o}
}

// Refused is the error of a target that must not be dialled.
type Refused struct {
	Host string
	Addr netip.Addr
	Use  Use
	Why  string
}

func (r *Refused) Error() string {
	to := r.Host
	if r.Addr.IsValid() && r.Addr.String() != r.Host {
		to += " (" + r.Addr.String() + ")"
	}
	return fmt.Sprintf("Muster does not connect to %s: it is %s. If that is meant, an administrator allows the address with outbound.%s.allow in muster.yaml.", to, r.Why, r.Use)
}

// FaultKind makes doors answer as for any other denial.
func (r *Refused) FaultKind() fault.Kind { return fault.Denied }

// DialContext connects to host:port over TCP.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, fmt.Errorf("dial %s: only TCP is dialled", network)
	}
	ctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	targets, err := d.targets(ctx, address)
	if err != nil {
		return nil, err
	}
	var first error
	for i, t := range targets {
		if network == "tcp4" && !t.Addr().Is4() || network == "tcp6" && !t.Addr().Is6() {
			continue
		}
		conn, err := d.connect(ctx, network, t, len(targets)-i)
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	if first == nil {
		first = &net.AddrError{Err: "no suitable address", Addr: address}
	}
	return nil, first
}

// connect gives each address left its share of the time, so that one that
// swallows packets does not hide the others.
func (d *Dialer) connect(ctx context.Context, network string, t netip.AddrPort, left int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && left > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(left))
		defer cancel()
	}
	return d.o.Connect(ctx, network, t.String())
}

// Check is DialContext without connecting: for an address that is stored now and
// dialled later. Dialling checks again.
func (d *Dialer) Check(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	_, err := d.targets(ctx, address)
	return err
}

// targets resolves address once and checks all that comes back. One forbidden
// address refuses the name: a name with two faces is not to be trusted.
func (d *Dialer) targets(ctx context.Context, address string) ([]netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil {
		return nil, err
	}
	var ips []netip.Addr
	if ip, err := netip.ParseAddr(host); err == nil {
		ips = []netip.Addr{ip}
	} else if ips, err = d.o.Resolve(ctx, host); err != nil {
		return nil, err
	}
	if len(ips) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	out := make([]netip.AddrPort, 0, len(ips))
	for _, ip := range ips {
		ip = ip.Unmap()
		t := netip.AddrPortFrom(ip, uint16(port)) // #nosec G115 -- LookupPort gives 0 to 65535
		if why := d.refuses(t); why != "" {
			return nil, &Refused{Host: host, Addr: ip, Use: d.use, Why: why}
		}
		out = append(out, t)
	}
	return out, nil
}

// refuses says why an address is not dialled, "" when it is.
func (d *Dialer) refuses(t netip.AddrPort) string {
	ip := t.Addr()
	for _, p := range d.rules.Deny {
		if p.Contains(ip.WithZone("")) {
			return "in outbound." + d.use.String() + ".deny (" + p.String() + ")"
		}
	}
	if d.own(t) {
		return "Muster's own port"
	}
	for _, p := range d.rules.Allow {
		if p.Contains(ip.WithZone("")) {
			return ""
		}
	}
	return d.use.refuses(ip)
}

func (d *Dialer) own(t netip.AddrPort) bool {
	if d.o.Own == nil {
		return false
	}
	for _, o := range d.o.Own() {
		if o.Port() == t.Port() && (o.Addr().Unmap() == t.Addr() || o.Addr().IsUnspecified() && here(t.Addr())) {
			return true
		}
	}
	return false
}

// here says whether an address is one of this machine's.
func here(ip netip.Addr) bool {
	if ip.IsLoopback() || ip.IsUnspecified() {
		return true
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return true // not known: rather refused
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok {
			if mine, ok := netip.AddrFromSlice(n.IP); ok && mine.Unmap() == ip.WithZone("") {
				return true
			}
		}
	}
	return false
}

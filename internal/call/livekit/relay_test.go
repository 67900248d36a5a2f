package livekit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"muster/internal/await"
	"muster/internal/freeport"

	"github.com/livekit/livekit-server/pkg/service"
	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"
	"github.com/pion/turn/v5"

	"muster/internal/call"
	"muster/internal/call/livekit/peer"
)

// TestWhereTheRelayLeads holds for machines that a test cannot be: with several
// addresses, and behind NAT.
func TestWhereTheRelayLeads(t *testing.T) {
	ip := netip.MustParseAddr
	straight := relay{own: []netip.Addr{ip("10.1.0.5"), ip("192.0.2.5"), ip("2001:db8::5")}, port: 7882, advertised: ip("192.0.2.5"), local: ip("192.0.2.5")}
	natted := relay{own: []netip.Addr{ip("10.1.0.5")}, port: 7882, advertised: ip("198.51.100.9"), local: ip("10.1.0.5")}
	allowing := straight
	allowing.allow, allowing.deny = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, []netip.Prefix{netip.MustParsePrefix("10.1.9.0/24")}
	for _, c := range []struct {
		name  string
		relay relay
		to    string
		want  string // "" for nowhere
	}{
		{"media", straight, "192.0.2.5:7882", "192.0.2.5:7882"},
		{"media by another network", straight, "10.1.0.5:7882", "10.1.0.5:7882"},
		{"media in IPv6's clothes", straight, "[::ffff:10.1.0.5]:7882", "10.1.0.5:7882"},
		{"media by IPv6", straight, "[2001:db8::5]:7882", "[2001:db8::5]:7882"},
		{"another service here", straight, "192.0.2.5:53", ""},
		{"and by another network", straight, "10.1.0.5:161", ""},
		{"loopback", straight, "127.0.0.1:7882", ""},
		{"loopback in IPv6", straight, "[::1]:7882", ""},
		{"a neighbour", straight, "10.1.0.6:7882", ""},
		{"metadata", straight, "169.254.169.254:80", ""},
		{"the internet", straight, "203.0.113.7:7882", ""},
		{"everybody", straight, "224.0.0.1:7882", ""},
		{"nobody", straight, "0.0.0.0:7882", ""},
		{"media behind NAT", natted, "198.51.100.9:7882", "10.1.0.5:7882"},
		{"the gateway's own services", natted, "198.51.100.9:443", ""},
		{"an allowed network", allowing, "10.7.0.1:9", "10.7.0.1:9"},
		{"what is denied of it", allowing, "10.1.9.1:9", ""},
		{"another service here, in an allowed network", allowing, "10.1.0.5:53", ""},
	} {
		got, ok := c.relay.leads(netip.MustParseAddrPort(c.to))
		if ok != (c.want != "") || ok && got.String() != c.want {
			t.Errorf("%s: %s leads to %s, %v; want %q", c.name, c.to, got, ok, c.want)
		}
	}
	if from, ok := natted.came(netip.MustParseAddrPort("10.1.0.5:7882")); !ok || from.String() != "198.51.100.9:7882" {
		t.Errorf("media behind NAT is known as %s, %v", from, ok)
	}
	for _, from := range []string{"10.1.0.5:53", "10.1.0.6:7882", "203.0.113.7:7882"} {
		if _, ok := natted.came(netip.MustParseAddrPort(from)); ok {
			t.Errorf("something came from %s", from)
		}
	}
}

// relayRig is an engine with a relay over UDP and one over TLS.
type relayRig struct {
	*testing.T
	engine *Local
	url    string
}

func openRelay(t *testing.T, change func(*TURN)) *relayRig {
	t.Helper()
	folder := t.TempDir()
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	certificate(t, cert, key)
	s := Settings{Local: true, TURN: TURN{UDPPort: free(t, "udp"), TLSPort: free(t, "tcp"), Domain: "localhost", Cert: cert, Key: key}}
	if change != nil {
		change(&s.TURN)
	}
	e, err := NewLocal(s, folder)
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{}, 1)
	if err := e.Start(func(call.State, call.Seen) {
		select {
		case ready <- struct{}{}:
		default:
		}
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case <-time.After(await.Limit):
		t.Fatal("the engine is not ready")
	}
	web := httptest.NewServer(e.Signalling())
	t.Cleanup(web.Close)
	return &relayRig{t, e, web.URL + "/media"}
}

// certificate writes one; whose name is on it is the doctor's to look at.
func certificate(t *testing.T, cert, key string) {
	t.Helper()
	srv := httptest.NewTLSServer(nil)
	defer srv.Close()
	pair := srv.TLS.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func free(t *testing.T, network string) int {
	t.Helper()
	choose := freeport.TCP
	if network == "udp" {
		choose = freeport.UDP
	}
	port, err := choose()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func (r *relayRig) join(ctx context.Context, person string, relayed bool) *peer.Peer {
	r.Helper()
	if err := r.engine.Open(ctx, "room"); err != nil {
		r.Fatal(err)
	}
	ticket, err := r.engine.Issue(call.Grant{Room: "room", Person: person, Name: person, Mode: call.Table})
	if err != nil {
		r.Fatal(err)
	}
	p, err := peer.Connect(ctx, peer.Options{URL: r.url, Token: ticket.Token, Relay: relayed})
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		if err := p.Close(); err != nil {
			r.Error(err)
		}
	})
	return p
}

// client of the relay, by UDP or by TLS.
func (r *relayRig) client(network, user, password string) *turn.Client {
	r.Helper()
	var conn net.PacketConn
	var at string
	if network == "udp" {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			r.Fatal(err)
		}
		conn, at = c, net.JoinHostPort("127.0.0.1", strconv.Itoa(r.engine.settings.TURN.UDPPort))
	} else {
		at = net.JoinHostPort("127.0.0.1", strconv.Itoa(r.engine.settings.TURN.TLSPort))
		c, err := tls.Dial("tcp", at, &tls.Config{InsecureSkipVerify: true}) // the certificate is the doctor's
		if err != nil {
			r.Fatal(err)
		}
		conn = turn.NewSTUNConn(c)
	}
	c, err := turn.NewClient(&turn.ClientConfig{STUNServerAddr: at, TURNServerAddr: at, Conn: conn, Username: user, Password: password, Realm: "livekit", RTO: 200 * time.Millisecond, RequestedAddressFamily: turn.RequestedAddressFamilyIPv4})
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { c.Close(); _ = conn.Close() })
	if err := c.Listen(); err != nil {
		r.Fatal(err)
	}
	return c
}

func (r *relayRig) listen(at string) net.PacketConn {
	r.Helper()
	c, err := net.ListenPacket("udp", at)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = c.Close() })
	return c
}

func brief(t *testing.T) context.Context {
	ctx, stop := context.WithTimeout(context.Background(), await.Limit)
	t.Cleanup(stop)
	return ctx
}

// Two who go by the relay alone hear each other, and it leads nowhere else.
func TestTheRelay(t *testing.T) {
	t.Parallel()
	r, ctx := openRelay(t, func(s *TURN) { s.Allow = []string{"127.0.0.2/32"} }), brief(t)
	ann, bob := r.join(ctx, "ann", true), r.join(ctx, "bob", true)
	for _, p := range []*peer.Peer{ann, bob} {
		if _, err := p.Speak(ctx, peer.Tone()); err != nil {
			t.Fatal(err)
		}
	}
	if err := ann.Wait(ctx, func() bool { return ann.Hears("bob") > 50 }); err != nil {
		t.Fatal("ann does not hear bob:", err)
	}
	if err := bob.Wait(ctx, func() bool { return bob.Hears("ann") > 50 }); err != nil {
		t.Fatal("bob does not hear ann:", err)
	}
	named := ann.Relays()
	if len(named) != 1 || len(named[0].URLs) != 2 {
		t.Fatalf("%+v", named)
	}
	other, inside := r.listen("127.0.0.1:0"), r.listen("127.0.0.2:0")
	for _, network := range []string{"udp", "tls"} {
		c := r.client(network, named[0].Username, named[0].Credential.(string))
		out, err := c.Allocate()
		if err != nil {
			t.Fatal(network, err)
		}
		for _, to := range []string{
			"127.0.0.3", "10.0.0.1", "10.255.255.254", "172.16.0.1", "172.31.255.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "169.254.0.1",
			"0.0.0.0", "224.0.0.1", "239.255.255.250", "255.255.255.255", "192.0.2.1", "8.8.8.8",
		} {
			if err := c.CreatePermission(&net.UDPAddr{IP: net.ParseIP(to), Port: 9}); err == nil || !strings.Contains(err.Error(), "403") {
				t.Errorf("%s: %s may be reached: %v", network, to, err)
			}
			if _, err := out.WriteTo([]byte("x"), &net.UDPAddr{IP: net.ParseIP(to), Port: 9}); err == nil {
				t.Errorf("%s: %s is written to", network, to)
			}
		}
		for _, to := range []string{"::1", "fe80::1", "fd00:ec2::254", "2001:db8::1"} {
			if err := c.CreatePermission(&net.UDPAddr{IP: net.ParseIP(to), Port: 9}); err == nil {
				t.Errorf("%s: %s may be reached", network, to)
			}
		}
		// Another service at media's own address: its permission is media's. What comes
		// after it, by the same way, has arrived; it has not.
		for _, to := range []net.PacketConn{other, inside} {
			if _, err := out.WriteTo([]byte("relayed"), to.LocalAddr()); err != nil {
				t.Fatal(network, err)
			}
		}
		if got := read(t, inside); got != "relayed" {
			t.Errorf("%s: %q came to the network that is allowed", network, got)
		}
		if _, err := inside.WriteTo([]byte("marker"), other.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		if got := read(t, other); got != "marker" {
			t.Errorf("%s: %q came to another service of this machine", network, got)
		}
		if _, err := c.AllocateTCP(); err == nil {
			t.Errorf("%s: TCP is relayed", network)
		}
	}
}

func read(t *testing.T, c net.PacketConn) string {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(await.Limit)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	n, _, err := c.ReadFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

// The relay's passwords are one participant's, and begin nothing when they are old.
func TestThePasswordsOfTheRelay(t *testing.T) {
	t.Parallel()
	r, ctx := openRelay(t, func(s *TURN) { s.TLSPort = 0 }), brief(t)
	good := r.join(ctx, "ann", false).Relays()[0]
	if _, err := r.client("udp", good.Username, good.Credential.(string)).Allocate(); err != nil {
		t.Fatal(err)
	}
	made := func(key, secret string, seconds int) (user, password string) {
		h := service.NewTURNAuthHandler(auth.NewFileBasedKeyProviderFromMap(map[string]string{key: secret}))
		user, ends := h.CreateUsername(key, livekit.ParticipantID("PA_x"), seconds)
		password, err := h.CreatePassword(key, livekit.ParticipantID("PA_x"), ends)
		if err != nil {
			t.Fatal(err)
		}
		return user, password
	}
	s := r.engine.settings
	foreign, foreignPassword := made(s.Key, strings.Repeat("x", 32), 600)
	unknown, unknownPassword := made("somebody", s.Secret, 600)
	for name, c := range map[string][2]string{
		"none": {"", ""}, "no password": {good.Username, ""}, "a wrong password": {good.Username, foreignPassword},
		"another secret": {foreign, foreignPassword}, "another key": {unknown, unknownPassword}, "another's password": {foreign, good.Credential.(string)}, "garbage": {"!!", "!!"},
	} {
		if _, err := r.client("udp", c[0], c[1]).Allocate(); err == nil || !strings.Contains(err.Error(), "400") {
			t.Errorf("%s: %v", name, err)
		}
	}
	user, password := made(s.Key, s.Secret, 2)
	begun := r.client("udp", user, password)
	if _, err := begun.Allocate(); err != nil {
		t.Fatal(err)
	}
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(await.Limit); ; <-look.C {
		if _, err := r.client("udp", user, password).Allocate(); err != nil {
			if !strings.Contains(err.Error(), "400") {
				t.Error(err)
			}
			break
		}
		if time.Now().After(end) {
			t.Fatal("an old password still begins a relay")
		}
	}
	// What was begun with it goes on: a call does not break off every ten minutes.
	if err := begun.CreatePermission(&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: s.UDPPort}); err != nil {
		t.Error(err)
	}
}

// One participant cannot take all there is of the relay.
func TestOneParticipantsRelays(t *testing.T) {
	t.Parallel()
	r, ctx := openRelay(t, func(s *TURN) { s.TLSPort = 0 }), brief(t)
	named := map[string][2]string{}
	for _, who := range []string{"ann", "bob"} {
		one := r.join(ctx, who, false).Relays()[0]
		named[who] = [2]string{one.Username, one.Credential.(string)}
	}
	var first net.PacketConn
	for n := range mostRelays {
		out, err := r.client("udp", named["ann"][0], named["ann"][1]).Allocate()
		if err != nil {
			t.Fatal(n, err)
		}
		if n == 0 {
			first = out
		}
	}
	if _, err := r.client("udp", named["ann"][0], named["ann"][1]).Allocate(); err == nil || !strings.Contains(err.Error(), "508") {
		t.Error(err)
	}
	if _, err := r.client("udp", named["bob"][0], named["bob"][1]).Allocate(); err != nil {
		t.Error("another participant finds no room:", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(await.Limit); ; <-look.C { // the relay is told that one is closed, and does not answer
		if _, err := r.client("udp", named["ann"][0], named["ann"][1]).Allocate(); err == nil {
			break
		} else if time.Now().After(end) {
			t.Fatal("what was closed does not make room:", err)
		}
	}
}

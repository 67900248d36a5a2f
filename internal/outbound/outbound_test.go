package outbound_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/internal/fault"
	"muster/internal/outbound"
)

// world is a resolver and a network: it notes what is looked up and dialled.
type world struct {
	mu      sync.Mutex
	names   map[string][][]string // each lookup of a name takes the next answer; the last stays
	lookups int
	dialled []string
	connect func(ctx context.Context, network, address string) (net.Conn, error)
}

func (w *world) options() outbound.Options {
	return outbound.Options{
		Resolve: func(_ context.Context, host string) ([]netip.Addr, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.lookups++
			answers := w.names[host]
			if len(answers) == 0 {
				return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
			}
			if len(answers) > 1 {
				w.names[host] = answers[1:]
			}
			var out []netip.Addr
			for _, s := range answers[0] {
				out = append(out, netip.MustParseAddr(s))
			}
			return out, nil
		},
		Connect: func(ctx context.Context, network, address string) (net.Conn, error) {
			w.mu.Lock()
			w.dialled = append(w.dialled, address)
			w.mu.Unlock()
			if w.connect != nil {
				return w.connect(ctx, network, address)
			}
			a, b := net.Pipe()
			_ = b.Close()
			return a, nil
		},
	}
}

func TestWhatIsDialled(t *testing.T) {
	const all = "mail nodes urls"
	for address, uses := range map[string]string{
		"93.184.216.34:80": all, "[2606:2800:220:1::1]:443": all,
		"127.0.0.1:25": "mail nodes", "127.8.8.8:25": "mail nodes", "[::1]:25": "mail nodes", "[::ffff:127.0.0.1]:25": "mail nodes",
		"10.1.2.3:22": "mail nodes", "172.31.0.1:22": "mail nodes", "192.168.1.1:22": "mail nodes", "100.64.0.1:22": "mail nodes", "[fd12::1]:22": "mail nodes",
		"192.0.2.1:80": "mail nodes", "198.18.0.1:80": "mail nodes", "[2001:db8::1]:80": "mail nodes",
		"169.254.169.254:80": "", "[fe80::1]:80": "", "[fe80::1%eth0]:80": "", "[::ffff:169.254.169.254]:80": "", "[fd00:ec2::254]:80": "", "100.100.100.200:80": "", "168.63.129.16:80": "",
		"0.0.0.0:80": "", "[::]:80": "", "224.0.0.1:80": "", "[ff02::1]:80": "", "255.255.255.255:80": "", "240.1.1.1:80": "",
		"[64:ff9b::169.254.169.254]:80": "", "[64:ff9b::7f00:1]:80": "mail nodes", "[2002:a9fe:a9fe::1]:80": "", "[2002:0a00:0001::1]:80": "mail nodes", "[::7f00:1]:80": "mail nodes",
	} {
		for _, use := range []outbound.Use{outbound.Mail, outbound.Nodes, outbound.URLs} {
			w := &world{}
			conn, err := outbound.New(use, outbound.Rules{}, w.options()).DialContext(t.Context(), "tcp", address)
			want := strings.Contains(uses, use.String())
			switch {
			case want && err != nil:
				t.Errorf("%s to %s: %v", use, address, err)
			case !want && (err == nil || !outbound.IsRefused(err) || len(w.dialled) > 0):
				t.Errorf("%s to %s: %v, dialled %v", use, address, err, w.dialled)
			case !want && (!fault.Is(err, fault.Denied) || !strings.Contains(fault.Message(err), "outbound."+use.String()+".allow")):
				t.Errorf("%s to %s does not say what to do: %v", use, address, err)
			}
			if conn != nil {
				_ = conn.Close()
			}
		}
	}
}

// A name that answers differently the second time (DNS rebinding) is dialled at
// the address that was checked; one that mixes faces is not dialled at all.
func TestNamesAreResolvedOnce(t *testing.T) {
	w := &world{names: map[string][][]string{
		"rebind.example": {{"93.184.216.34"}, {"127.0.0.1"}},
		"mixed.example":  {{"93.184.216.34", "169.254.169.254"}},
	}}
	d := outbound.New(outbound.URLs, outbound.Rules{}, w.options())
	conn, err := d.DialContext(t.Context(), "tcp", "rebind.example:80")
	if err != nil || w.lookups != 1 || len(w.dialled) != 1 || w.dialled[0] != "93.184.216.34:80" {
		t.Fatalf("%v after %d lookups, dialled %v", err, w.lookups, w.dialled)
	}
	_ = conn.Close()
	if _, err := d.DialContext(t.Context(), "tcp", "rebind.example:80"); !outbound.IsRefused(err) {
		t.Errorf("rebound: %v", err)
	}
	if _, err := d.DialContext(t.Context(), "tcp", "mixed.example:80"); !outbound.IsRefused(err) {
		t.Errorf("mixed: %v", err)
	}
	if _, err := d.DialContext(t.Context(), "tcp", "nowhere.example:80"); err == nil || outbound.IsRefused(err) {
		t.Errorf("unknown name: %v", err)
	}
	if len(w.dialled) != 1 {
		t.Errorf("dialled %v", w.dialled)
	}
}

func TestSettings(t *testing.T) {
	rules, err := outbound.ParseRules([]string{"10.0.0.0/8", "127.0.0.1"}, []string{"10.6.0.0/16", "93.184.216.34"})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{}
	d := outbound.New(outbound.URLs, rules, w.options())
	for address, ok := range map[string]bool{"10.1.1.1:80": true, "127.0.0.1:80": true, "127.0.0.2:80": false, "10.6.1.1:80": false, "93.184.216.34:80": false, "192.168.0.1:80": false} {
		if err := d.Check(t.Context(), address); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, bad := range []string{"", "ten", "10.0.0.0/33", "mail.example.com"} {
		if _, err := outbound.ParseRules([]string{bad}, nil); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	for _, network := range []string{"udp", "unix", "ip"} {
		if _, err := d.DialContext(t.Context(), network, "10.1.1.1:80"); err == nil {
			t.Errorf("dialled %s", network)
		}
	}
}

// Muster's own port is no target, whatever the settings allow: who can make it
// call itself would speak from inside.
func TestItsOwnPort(t *testing.T) {
	rules, _ := outbound.ParseRules([]string{"0.0.0.0/0", "::/0"}, nil)
	w := &world{}
	o := w.options()
	for own, refused := range map[string][]string{
		"127.0.0.1:8080": {"127.0.0.1:8080", "[::ffff:127.0.0.1]:8080"},
		"0.0.0.0:8080":   {"127.0.0.1:8080", "127.0.0.9:8080", "[::1]:8080"},
		"[::]:8080":      {"127.0.0.1:8080", "[::1]:8080"},
	} {
		o.Own = func() []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort(own)} }
		d := outbound.New(outbound.Nodes, rules, o)
		for _, address := range refused {
			if err := d.Check(t.Context(), address); !outbound.IsRefused(err) {
				t.Errorf("listening on %s, %s: %v", own, address, err)
			}
		}
		for _, address := range []string{"127.0.0.1:22", "93.184.216.34:8080"} {
			if err := d.Check(t.Context(), address); err != nil {
				t.Errorf("listening on %s, %s: %v", own, address, err)
			}
		}
	}
}

// One address that swallows packets does not hide the next.
func TestTimeIsShared(t *testing.T) {
	w := &world{names: map[string][][]string{"two.example": {{"93.184.216.34", "93.184.216.35"}}}}
	w.connect = func(ctx context.Context, _, address string) (net.Conn, error) {
		if address == "93.184.216.34:80" {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		a, b := net.Pipe()
		_ = b.Close()
		return a, nil
	}
	o := w.options()
	o.Timeout = 200 * time.Millisecond
	conn, err := outbound.New(outbound.URLs, outbound.Rules{}, o).DialContext(t.Context(), "tcp", "two.example:80")
	if err != nil || len(w.dialled) != 2 {
		t.Fatalf("%v, dialled %v", err, w.dialled)
	}
	_ = conn.Close()
	w.connect = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	if _, err := outbound.New(outbound.URLs, outbound.Rules{}, o).DialContext(t.Context(), "tcp", "two.example:80"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("gave up with %v", err)
	}
}

// Redirects are checked as the first address is, though they come back on a
// connection that is already open.
func TestRedirects(t *testing.T) {
	hits := map[string]int{}
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		hits[r.Host+r.URL.Path]++
		mu.Unlock()
		switch r.URL.Path {
		case "/inside":
			http.Redirect(w, r, "http://metadata.example/latest", http.StatusFound)
		case "/literal":
			http.Redirect(w, r, "http://169.254.169.254/latest", http.StatusTemporaryRedirect)
		case "/file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		case "/login":
			http.Redirect(w, r, "http://u:p@fine.example/", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/elsewhere":
			http.Redirect(w, r, "http://also.example/done", http.StatusFound)
		}
	}))
	defer server.Close()
	w := &world{names: map[string][][]string{"fine.example": {{"93.184.216.34"}}, "also.example": {{"93.184.216.35"}}, "metadata.example": {{"169.254.169.254"}}}}
	w.connect = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}
	client := outbound.New(outbound.URLs, outbound.Rules{}, w.options()).Client(time.Minute)
	defer client.CloseIdleConnections()
	for path, ok := range map[string]bool{"/": true, "/elsewhere": true, "/inside": false, "/literal": false, "/file": false, "/login": false, "/loop": false} {
		resp, err := client.Get("http://fine.example" + path)
		if (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
		if err == nil {
			_ = resp.Body.Close()
		}
	}
	for _, path := range []string{"/inside", "/literal"} {
		if _, err := client.Get("http://fine.example" + path); !outbound.IsRefused(err) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if hits["also.example/done"] != 1 || hits["metadata.example/latest"]+hits["169.254.169.254/latest"] != 0 || hits["fine.example/loop"] > 10 {
		t.Errorf("reached %v", hits)
	}
	if client.Transport == http.DefaultTransport {
		t.Error("the default transport dials for itself")
	}
}

func TestNoStepDownToHTTP(t *testing.T) {
	server := httptest.NewTLSServer(http.RedirectHandler("http://fine.example/", http.StatusFound))
	defer server.Close()
	c := outbound.New(outbound.URLs, outbound.Rules{}, outbound.Options{}).Client(0)
	via, _ := http.NewRequest("GET", server.URL, nil)
	next, _ := http.NewRequest("GET", "http://fine.example/", nil)
	if err := c.CheckRedirect(next, []*http.Request{via}); !fault.Is(err, fault.Denied) {
		t.Errorf("https to http: %v", err)
	}
}

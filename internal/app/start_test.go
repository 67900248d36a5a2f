package app_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster/internal/account"
	"muster/internal/app"
	"muster/internal/config"
)

var quiet = slog.New(slog.DiscardHandler)

func mode(t *testing.T, file string) os.FileMode {
	t.Helper()
	st, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return st.Mode().Perm()
}

// TestFiles: what opens doors is its owner's only.
func TestFiles(t *testing.T) {
	s := start(t, func(c *config.Config) { c.Data = filepath.Join(c.Data, "new") })
	for name, want := range map[string]os.FileMode{".": 0o700, "admin.sock": 0o600, "master.key": 0o600, "ledger.key": 0o600} {
		if got := mode(t, filepath.Join(s.data, name)); got != want {
			t.Errorf("%s is %o, want %o", name, got, want)
		}
	}
}

func TestOneServerPerFolder(t *testing.T) {
	s := start(t)
	s.person("ann", account.Operator)
	cfg := settings(t, s.data)
	second, err := app.Start(t.Context(), cfg, quiet)
	if err == nil {
		_ = second.Stop(context.Background())
		t.Fatal("two servers run on one folder")
	}
	if !strings.Contains(err.Error(), s.data) || !strings.Contains(err.Error(), "--data") {
		t.Errorf("it does not say what to do: %v", err)
	}
	// The first is as it was, its admin socket too.
	s.as("ann").want(200, "GET", "/me", nil)
	conn, err := net.Dial("unix", filepath.Join(s.data, "admin.sock"))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

func TestAddressTaken(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	cfg := settings(t, t.TempDir())
	cfg.Addr = ln.Addr().String()
	if _, err = app.Start(t.Context(), cfg, quiet); err == nil || !strings.Contains(err.Error(), "--addr") {
		t.Fatalf("%v", err)
	}
	// Nothing of the attempt stays behind.
	cfg.Addr = "127.0.0.1:0"
	a, err := app.Start(t.Context(), cfg, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestRestart: a server that comes back knows everybody, also after one that
// did not end in order left its socket file.
func TestRestart(t *testing.T) {
	cfg := settings(t, t.TempDir())
	first, err := app.Start(t.Context(), cfg, quiet)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{App: first, t: t, data: cfg.Data, people: map[string]account.User{}, tokens: map[string]string{}}
	s.person("ann", account.Operator)
	r := s.room("ops")
	s.as("ann").want(201, "POST", "/rooms/"+r.ID+"/messages", obj{"text": "still here"})
	if err := first.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cfg.Data, "admin.sock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s.App, err = app.Start(t.Context(), cfg, quiet); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	if page := s.as("ann").want(200, "GET", "/rooms/"+r.ID+"/messages", nil); !strings.Contains(page.text, "still here") {
		t.Errorf("%s", page.text)
	}
}

// TestOffLoopback: whoever can be reached from elsewhere speaks TLS, with a
// certificate of its own authority until it is given one.
func TestOffLoopback(t *testing.T) {
	cfg := settings(t, t.TempDir())
	cfg.Addr = "0.0.0.0:0"
	a, err := app.Start(t.Context(), cfg, quiet)
	if err != nil {
		t.Fatal(err)
	}
	running := true
	defer func() {
		if running {
			_ = a.Stop(context.Background())
		}
	}()
	u, err := url.Parse(a.URL())
	if err != nil || u.Scheme != "https" {
		t.Fatalf("%s %v", a.URL(), err)
	}
	for name, want := range map[string]os.FileMode{"ca.key": 0o600, "tls.key": 0o600} {
		if got := mode(t, filepath.Join(cfg.Data, name)); got != want {
			t.Errorf("%s is %o, want %o", name, got, want)
		}
	}
	authority := func() *x509.CertPool {
		pem, err := os.ReadFile(filepath.Join(cfg.Data, "ca.pem"))
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			t.Fatal("ca.pem has no certificate")
		}
		return pool
	}
	here := net.JoinHostPort("127.0.0.1", u.Port())
	reach := func(c *tls.Config) error {
		conn, err := tls.Dial("tcp", here, c)
		if err == nil {
			err = conn.Close()
		}
		return err
	}
	pool := authority()
	for _, name := range []string{"localhost", "127.0.0.1", u.Hostname()} {
		if err := reach(&tls.Config{RootCAs: pool, ServerName: name}); err != nil {
			t.Errorf("as %s: %v", name, err)
		}
	}
	if reach(&tls.Config{RootCAs: pool, ServerName: "elsewhere.example"}) == nil {
		t.Error("the certificate is good for any name")
	}
	if reach(&tls.Config{ServerName: "localhost"}) == nil {
		t.Error("the machine trusts it without being told to")
	}
	if reach(&tls.Config{RootCAs: pool, ServerName: "localhost", MaxVersion: tls.VersionTLS12}) == nil {
		t.Error("TLS 1.2 is taken")
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "localhost"}}}
	res, err := client.Get("https://" + here + "/api/v1/setup")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Strict-Transport-Security"), "max-age=") {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	client.CloseIdleConnections()
	if res, err := http.Get("http://" + here + "/api/v1/setup"); err == nil {
		b, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode == 200 {
			t.Errorf("without TLS: %s", b)
		}
	}

	// After a restart the authority people trust is the same.
	running = false
	if err := a.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if a, err = app.Start(t.Context(), cfg, quiet); err != nil {
		t.Fatal(err)
	}
	running = true
	if u, err = url.Parse(a.URL()); err != nil {
		t.Fatal(err)
	}
	here = net.JoinHostPort("127.0.0.1", u.Port())
	if err := reach(&tls.Config{RootCAs: pool, ServerName: "localhost"}); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}

// TestDatabaseMissing: the error says where the database was looked for, and
// never with which password.
func TestDatabaseMissing(t *testing.T) {
	cfg := settings(t, t.TempDir())
	cfg.Database = "postgres://muster:pa55word@127.0.0.1:1/nothing?connect_timeout=2"
	a, err := app.Start(t.Context(), cfg, quiet)
	if err == nil {
		_ = a.Stop(context.Background())
		t.Fatal("it started without a database")
	}
	if strings.Contains(err.Error(), "pa55word") {
		t.Errorf("the error tells the password: %v", err)
	}
}

// TestLedgerKeyLost: a ledger is not gone on with under a new key, which would
// make every checkpoint of before look forged.
func TestLedgerKeyLost(t *testing.T) {
	cfg := settings(t, t.TempDir())
	first, err := app.Start(t.Context(), cfg, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(cfg.LedgerKeyFile()); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Start(t.Context(), cfg, quiet); err == nil || !strings.Contains(err.Error(), "restore the key") {
		t.Fatal(err)
	}
	if _, err := os.Stat(cfg.LedgerKeyFile()); err == nil {
		t.Fatal("a new key was made")
	}
}

// TestStopping: from its first moment a server that stops is not ready, runs out
// of its waits when told so, and tells sockets to come back.
func TestStopping(t *testing.T) {
	s := start(t)
	s.person("ann", account.Operator)
	sk := s.as("ann").connect()
	if err := s.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if code := sk.closed(soon); code != 4001 {
		t.Errorf("closed with %d, want 4001", code)
	}
	if _, err := http.Get(s.URL() + "/readyz"); err == nil {
		t.Error("it still answers")
	}
}

package app_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"muster/internal/await"
	"muster/internal/freeport"

	"golang.org/x/net/dns/dnsmessage"

	"muster/internal/app"
	"muster/internal/config"
)

// TestACME has a real ACME authority (Let's Encrypt's own test server, from
// Debian) prove the host name over Muster's port and sign its certificate.
func TestACME(t *testing.T) {
	if _, err := exec.LookPath("pebble"); err != nil {
		t.Fatal("pebble is not installed. As root: apt-get install pebble")
	}
	const host = "muster.example.test"
	port := freePort(t)
	directory, ca, root := startPebble(t, port)
	cfg, err := config.Load(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Addr, cfg.PublicURL, cfg.Media.Engine = fmt.Sprintf("127.0.0.1:%d", port), "https://"+host, config.MediaOff
	cfg.TLS.ACME = config.ACME{AcceptTerms: true, Email: "ops@example.test", Directory: directory, CA: ca}
	if err := cfg.Check(); err != nil {
		t.Fatal(err)
	}
	a, err := app.Start(t.Context(), cfg, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Stop(context.WithoutCancel(t.Context())) })
	roots := x509.NewCertPool()
	roots.AddCert(root(t))
	dial := func(name string) (*tls.Conn, error) {
		return tls.DialWithDialer(&net.Dialer{Timeout: 30 * time.Second}, "tcp", cfg.Addr, &tls.Config{ServerName: name, RootCAs: roots})
	}
	c, err := dial(host)
	if err != nil {
		t.Fatal(err)
	}
	first := c.ConnectionState().PeerCertificates[0]
	_ = c.Close()
	if err := first.VerifyHostname(host); err != nil {
		t.Error(err)
	}
	if c, err = dial("other.example.test"); err == nil {
		_ = c.Close()
		t.Error("a certificate was given for a name that is not public_url's")
	}
	// It is kept: the next start asks nobody.
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg.TLS.ACME.Directory = "https://127.0.0.1:1/gone"
	if a, err = app.Start(t.Context(), cfg, quiet); err != nil {
		t.Fatal(err)
	}
	if c, err = dial(host); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !bytes.Equal(c.ConnectionState().PeerCertificates[0].Raw, first.Raw) {
		t.Error("the certificate was not kept")
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := freeport.TCP()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// startPebble gives the directory, a file with whom to trust for it, and the
// root of what it signs.
func startPebble(t *testing.T, validate int) (directory, ca string, root func(t *testing.T) *x509.Certificate) {
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pebble"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	ca = filepath.Join(dir, "cert.pem")
	files := map[string][]byte{ca: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), filepath.Join(dir, "key.pem"): pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})}
	api, admin := freePort(t), freePort(t)
	settings, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": fmt.Sprintf("127.0.0.1:%d", api), "managementListenAddress": fmt.Sprintf("127.0.0.1:%d", admin),
		"certificate": ca, "privateKey": filepath.Join(dir, "key.pem"), "httpPort": validate, "tlsPort": validate, "ocspResponderURL": "",
	}})
	if err != nil {
		t.Fatal(err)
	}
	files[filepath.Join(dir, "pebble.json")] = settings
	for name, b := range files {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("pebble", "-config", filepath.Join(dir, "pebble.json"), "-dnsserver", resolver(t))
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	out := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(out.String())
		}
	})
	trusted := x509.NewCertPool()
	own, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	trusted.AddCert(own)
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	get := func(address string) (b []byte, err error) {
		res, err := client.Get(address)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		return io.ReadAll(res.Body)
	}
	directory = fmt.Sprintf("https://127.0.0.1:%d/dir", api)
	for deadline := time.Now().Add(await.Limit); ; time.Sleep(20 * time.Millisecond) {
		if _, err := get(directory); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	return directory, ca, func(t *testing.T) *x509.Certificate {
		b, err := get(fmt.Sprintf("https://127.0.0.1:%d/roots/0", admin))
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(b)
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// resolver is a DNS server for which every name is this machine.
func resolver(t *testing.T) string {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(b[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
			}
			if answer, err := m.Pack(); err == nil {
				_, _ = c.WriteTo(answer, from)
			}
		}
	}()
	return c.LocalAddr().String()
}

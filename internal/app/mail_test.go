package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"muster/internal/account"
	"muster/internal/await"
	"muster/internal/config"
)

// letters is a mail server that keeps what it is given.
type letters chan string

func (l letters) NewSession(*smtp.Conn) (smtp.Session, error) { return l, nil }
func (letters) Reset()                                        {}
func (letters) Logout() error                                 { return nil }
func (letters) Mail(string, *smtp.MailOptions) error          { return nil }
func (letters) Rcpt(string, *smtp.RcptOptions) error          { return nil }
func (l letters) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	l <- string(raw)
	return err
}

// authority is a firm's own: its certificate as a file, and one for a server on
// this machine that it signed.
func authority(t *testing.T, dir string) (file string, server tls.Certificate) {
	t.Helper()
	make := func(c, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if parent == nil {
			parent, signer = c, key
		}
		c.SerialNumber, c.NotBefore, c.NotAfter, c.BasicConstraintsValid = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour), true
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		made, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return made, key
	}
	ca, caKey := make(&x509.Certificate{Subject: pkix.Name{CommonName: "The bank's own"}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}, nil, nil)
	cert, key := make(&x509.Certificate{Subject: pkix.Name{CommonName: "mail"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, ca, caKey)
	file = filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// TestMailToAServerOfAnOwnAuthority: smtp.ca is read from muster.yaml and trusted
// for the mail server, in both ways of encrypting; without it no letter leaves.
func TestMailToAServerOfAnOwnAuthority(t *testing.T) {
	dir := t.TempDir()
	ca, pair := authority(t, dir)
	for _, mode := range []string{"starttls", "tls"} {
		box := make(letters, 10)
		srv := smtp.NewServer(box)
		srv.Domain, srv.ErrorLog, srv.TLSConfig = "localhost", log.New(io.Discard, "", 0), &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := ln.Addr().(*net.TCPAddr).Port
		if mode == "tls" {
			ln = tls.NewListener(ln, srv.TLSConfig)
		}
		go func() { _ = srv.Serve(ln) }()
		t.Cleanup(func() { _ = srv.Close() })
		for file, arrives := range map[string]bool{ca: true, "": false} {
			smtpOf := func(c *config.Config) {
				text := fmt.Sprintf("smtp: {host: 127.0.0.1, port: %d, from: muster@bank.example, tls: %s, ca: %q}\n", port, mode, file)
				if err := os.WriteFile(filepath.Join(c.Data, "muster.yaml"), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				read, err := config.Load(c.Data, "")
				if err != nil {
					t.Fatal(err)
				}
				c.SMTP = read.SMTP
			}
			s := start(t, smtpOf)
			s.person("root", account.Administrator)
			s.as("root").want(200, "PATCH", "/users/root", obj{"email": "root@bank.example"})
			wire := s.as("root").connect()
			n := s.as("root").want(201, "POST", "/me/reach/test", obj{"channel": "email"})
			if arrives {
				select {
				case m := <-box:
					if !strings.Contains(m, "[Test]") {
						t.Errorf("%s: %s", mode, m)
					}
				case <-time.After(await.Limit):
					t.Fatalf("%s: nothing came with the authority's file", mode)
				}
				continue
			}
			wire.wait("why it was not sent", func(e event) bool {
				return e.typ == "notification" && e.get("notification", "id") == n.id() && strings.Contains(e.text, "smtp.ca")
			})
			if len(box) > 0 {
				t.Errorf("%s: a letter went to a stranger: %s", mode, <-box)
			}
		}
	}
}

package app

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"muster/internal/outbound"
)

// acmeListener gets its certificate when the first browser comes, proves the
// host name on the same port, and keeps the certificate in the data folder.
func (a *App) acmeListener(ln net.Listener) (net.Listener, error) {
	c := a.cfg.TLS.ACME
	public, err := url.Parse(a.cfg.PublicURL)
	if err != nil {
		return nil, err
	}
	var roots *x509.CertPool
	if c.CA != "" {
		pem, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("read tls.acme.ca: %w", err)
		}
		if roots = x509.NewCertPool(); !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls.acme.ca: there is no certificate in %s", c.CA)
		}
	}
	m := &autocert.Manager{
		Prompt:      autocert.AcceptTOS,
		Cache:       autocert.DirCache(filepath.Join(a.cfg.Data, "acme")),
		HostPolicy:  autocert.HostWhitelist(public.Hostname()),
		RenewBefore: 30 * 24 * time.Hour,
		Email:       c.Email,
		Client: &acme.Client{
			DirectoryURL: c.Directory,
			UserAgent:    "muster",
			HTTPClient:   a.dialer(outbound.Services).ClientTrusting(30*time.Second, roots),
		},
	}
	get := func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		cert, err := m.GetCertificate(hello)
		switch {
		case err != nil && hello.ServerName == public.Hostname():
			a.log.Error("no certificate could be had by ACME", "error", err)
		case err == nil && cert.Leaf != nil && len(hello.SupportedProtos) > 0 && hello.SupportedProtos[0] == acme.ALPNProto:
		case err == nil && cert.Leaf != nil:
			a.certEnd.Store(cert.Leaf.NotAfter.Unix())
		}
		return cert, err
	}
	return tls.NewListener(ln, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: get, NextProtos: []string{"http/1.1", acme.ALPNProto}}), nil
}

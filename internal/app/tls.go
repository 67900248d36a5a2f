package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"muster/internal/blob"
	"muster/internal/config"
)

// certificate gives the HTTPS certificate: the configured files, or one of
// Muster's own authority, whose certificate stands in DATA/ca.pem for people
// to trust.
func certificate(c config.Config) (tls.Certificate, error) {
	if c.TLS.Cert != "" {
		return tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key)
	}
	all := names(c)
	certFile, keyFile := filepath.Join(c.Data, "tls.pem"), filepath.Join(c.Data, "tls.key")
	if pair, err := tls.LoadX509KeyPair(certFile, keyFile); err == nil {
		left := time.Until(pair.Leaf.NotAfter)
		missing := slices.ContainsFunc(all, func(n string) bool { return pair.Leaf.VerifyHostname(n) != nil })
		if left > 30*24*time.Hour && !missing {
			return pair, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return pair, fmt.Errorf("read %s: %w", certFile, err)
	}
	ca, caKey, err := authority(c.Data)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf := template("Muster", 397*24*time.Hour)
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	for _, n := range all {
		if ip := net.ParseIP(n); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("sign the certificate: %w", err)
	}
	if err := writePEM(certFile, 0o644, "CERTIFICATE", der); err != nil {
		return tls.Certificate{}, err
	}
	if err := writeKey(keyFile, key); err != nil {
		return tls.Certificate{}, err
	}
	return tls.LoadX509KeyPair(certFile, keyFile)
}

// names a certificate must be good for.
func names(c config.Config) []string {
	out := []string{}
	host, _, _ := net.SplitHostPort(c.Addr)
	if u, err := url.Parse(c.PublicURL); err == nil && u.Hostname() != "" && u.Hostname() != host {
		out = append(out, u.Hostname())
	}
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		out = append(out, host)
	}
	if h, err := os.Hostname(); err == nil && h != host {
		out = append(out, h)
	}
	if host == "" || net.ParseIP(host).IsUnspecified() {
		if addrs, err := net.InterfaceAddrs(); err == nil {
			for _, a := range addrs {
				if n, ok := a.(*net.IPNet); ok {
					out = append(out, n.IP.String())
				}
			}
		}
	}
	return append(out, "localhost")
}

func template(name string, valid time.Duration) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{"Muster"}}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(valid)}
}

// authority loads or makes the trial authority of this data folder.
func authority(data string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	certFile, keyFile := filepath.Join(data, "ca.pem"), filepath.Join(data, "ca.key")
	if pair, err := tls.LoadX509KeyPair(certFile, keyFile); err == nil {
		if key, ok := pair.PrivateKey.(*ecdsa.PrivateKey); ok {
			return pair.Leaf, key, nil
		}
		return nil, nil, fmt.Errorf("%s is not an authority made by Muster; move it away or set tls.cert and tls.key", keyFile)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("read %s: %w", certFile, err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	ca := template("Muster trial authority", 10*365*24*time.Hour)
	ca.IsCA, ca.BasicConstraintsValid, ca.MaxPathLenZero = true, true, true
	ca.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key)
	if err != nil {
		return nil, nil, fmt.Errorf("make an authority: %w", err)
	}
	if err := writePEM(certFile, 0o644, "CERTIFICATE", der); err != nil {
		return nil, nil, err
	}
	if err := writeKey(keyFile, key); err != nil {
		return nil, nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	return parsed, key, err
}

func writeKey(file string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(file, 0o600, "PRIVATE KEY", der)
}

func writePEM(file string, mode os.FileMode, kind string, der []byte) error {
	if err := blob.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"muster/internal/fault"
)

const maxRedirects = 5

// Client is an HTTP client that connects through d only. A redirect is checked
// like the first address, and never leads from HTTPS to HTTP. The environment's
// proxy is not used: it would resolve names itself, behind our back.
func (d *Dialer) Client(timeout time.Duration) *http.Client { return d.ClientTrusting(timeout, nil) }

// ClientTrusting is a Client that believes the authorities in roots; nil is the
// system's.
func (d *Dialer) ClientTrusting(timeout time.Duration, roots *x509.CertPool) *http.Client {
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	return &http.Client{
		Timeout: timeout,
		Transport: checked{d, &http.Transport{
			DialContext:            d.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    10 * time.Second,
			ResponseHeaderTimeout:  timeout,
			ExpectContinueTimeout:  time.Second,
			IdleConnTimeout:        30 * time.Second,
			MaxIdleConns:           20,
			MaxResponseHeaderBytes: 64 << 10,
		}},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fault.Newf(fault.Denied, "More than %d redirects. Give the last address itself.", maxRedirects)
			}
			if via[len(via)-1].URL.Scheme == "https" && r.URL.Scheme != "https" {
				return fault.New(fault.Denied, "The answer leads from https to http, which is not followed. Give an https address.")
			}
			return nil
		},
	}
}

// checked looks at each request, redirects included, before it takes a
// connection: a kept one is not dialled again.
type checked struct {
	d    *Dialer
	next *http.Transport
}

func (c checked) RoundTrip(r *http.Request) (*http.Response, error) {
	err := c.look(r)
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, err
	}
	return c.next.RoundTrip(r)
}

func (c checked) look(r *http.Request) error {
	address, err := HostPort(r.URL)
	if err != nil {
		return err
	}
	return c.d.Check(r.Context(), address)
}

// CloseIdleConnections lets go of kept connections.
func (c checked) CloseIdleConnections() { c.next.CloseIdleConnections() }

// HostPort is what a URL's connection goes to. Only http and https are spoken,
// and a URL carries no password.
func HostPort(u *url.URL) (string, error) {
	port := u.Port()
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return "", fault.Field("url", "The address begins with https:// or http://.")
	case u.Hostname() == "":
		return "", fault.Field("url", "The address names no host.")
	case u.User != nil:
		return "", fault.Field("url", "The address holds a name or password before the @. Store it as a key instead.")
	case port == "" && u.Scheme == "https":
		port = "443"
	case port == "":
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

// IsRefused says whether err is a target that must not be dialled.
func IsRefused(err error) bool {
	_, ok := errors.AsType[*Refused](err)
	return ok
}

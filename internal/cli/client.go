package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"muster/internal/fault"
)

// problem is an RFC 9457 answer, or a local error in the same shape.
type problem struct {
	Type   string         `json:"type,omitempty"`
	Title  string         `json:"title"`
	Status int            `json:"status,omitempty"`
	Detail string         `json:"detail"`
	Code   string         `json:"code,omitempty"`
	Errors []fieldProblem `json:"errors,omitempty"`

	exit int
}

type fieldProblem struct {
	Location string `json:"location"`
	Message  string `json:"message"`
}

func (p *problem) Error() string { return p.Detail }

// settle derives from the status what the answer left out.
func (p *problem) settle() {
	kind := fault.KindOfStatus(p.Status)
	p.exit = kind.ExitCode()
	if p.Code == "" {
		p.Code = kind.String()
	}
}

// client speaks to one Muster.
type client struct {
	base, token string
	http        *http.Client
	where       string // for messages: the URL, or the socket
}

// connect decides which Muster is meant: the data folder if one is given, else
// MUSTER_URL.
func connect(data string) (*client, error) {
	if data != "" {
		socket := filepath.Join(data, "admin.sock")
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}
		return newClient("http://muster", "", socket, &http.Transport{DialContext: dial}), nil
	}
	raw := os.Getenv("MUSTER_URL")
	if raw == "" {
		return nil, usage("Which Muster? Set MUSTER_URL and MUSTER_TOKEN, or on its own machine give --data DIR.")
	}
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return nil, usage("MUSTER_URL %q is no address. Write it like https://muster.example.com.", raw)
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return nil, usage("MUSTER_URL %q would send your token unencrypted. Use https; with an own certificate that is not trusted here, set MUSTER_INSECURE=1.", raw)
	}
	token := os.Getenv("MUSTER_TOKEN")
	if token == "" {
		return nil, usage("MUSTER_TOKEN is not set. Make a token in the browser under your name, or on the server: muster token create --user NAME --data DIR")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if insecure := os.Getenv("MUSTER_INSECURE"); insecure != "" && insecure != "0" {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} // #nosec G402 -- asked for by name with MUSTER_INSECURE
	}
	base := u.Scheme + "://" + u.Host + strings.TrimSuffix(u.Path, "/")
	return newClient(base, token, base, transport), nil
}

func newClient(base, token, where string, transport *http.Transport) *client {
	return &client{base: base, token: token, where: where, http: &http.Client{
		Transport: transport,
		Timeout:   time.Minute,
		// A redirect could lead the token elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// call asks for one operation of the API. in and out may be nil.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+"/api/v1"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(ctx, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return c.unreachable(ctx, err)
	}
	if res.StatusCode >= 300 {
		return c.refused(res, answer)
	}
	if out == nil || len(answer) == 0 {
		return nil
	}
	if raw, ok := out.(*[]byte); ok { // a file
		*raw = answer
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fault.Newf(fault.Unavailable, "%s did not answer as Muster does (%v). Check MUSTER_URL, and that this program and the server have the same version.", c.where, err)
	}
	return nil
}

func (c *client) refused(res *http.Response, answer []byte) error {
	p := &problem{}
	foreign := json.Unmarshal(answer, p) != nil || p.Detail == ""
	if foreign {
		p.Title = http.StatusText(res.StatusCode)
		p.Detail = c.where + " answered " + res.Status + " and said nothing more. Check MUSTER_URL: is this a Muster?"
		if res.StatusCode == http.StatusBadRequest && strings.HasPrefix(c.base, "http://") {
			p.Detail = c.where + " did not understand. Does it want https:// in MUSTER_URL?"
		}
	}
	p.Status = res.StatusCode
	p.settle()
	if foreign && p.exit == ExitUsage {
		p.exit = ExitFailed // what was typed is not to blame
	}
	if kind := fault.KindOfStatus(p.Status); kind == fault.Unauthenticated && c.token != "" {
		p.Detail += " MUSTER_TOKEN may have expired or been revoked; make a new one."
	}
	return p
}

func (c *client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &unknown):
		return fault.Wrap(fault.Unavailable, "The certificate of "+c.where+" is signed by nobody this machine trusts. Install its CA here, or set MUSTER_INSECURE=1 to accept it.", err)
	case errors.As(err, &name):
		return fault.Wrap(fault.Unavailable, "The certificate of "+c.where+" is for another name ("+name.Error()+"). Mend MUSTER_URL, or set MUSTER_INSECURE=1 to accept it.", err)
	case errors.Is(err, os.ErrPermission):
		return fault.Wrap(fault.Denied, "You may not use "+c.where+". Run this as the user Muster runs as.", err)
	case strings.HasSuffix(c.where, "admin.sock"):
		return fault.Wrap(fault.Unavailable, "Nothing answers at "+c.where+". Is Muster running on this data folder? Start it with: muster serve --data "+filepath.Dir(c.where), err)
	}
	return fault.Wrap(fault.Unavailable, "Nothing answers at "+c.where+" ("+rootCause(err).Error()+"). Is Muster running there, and is MUSTER_URL right?", err)
}

func rootCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

func get[T any](ctx context.Context, c *client, path string) (T, error) {
	var out T
	err := c.call(ctx, http.MethodGet, path, nil, &out)
	return out, err
}

func post[T any](ctx context.Context, c *client, path string, in any) (T, error) {
	var out T
	err := c.call(ctx, http.MethodPost, path, in, &out)
	return out, err
}

func patch[T any](ctx context.Context, c *client, path string, in any) (T, error) {
	var out T
	err := c.call(ctx, http.MethodPatch, path, in, &out)
	return out, err
}

// items is a list as the API gives it and as --json prints it.
type items[T any] struct {
	Items []T `json:"items"`
}

func list[T any](ctx context.Context, c *client, path string) ([]T, error) {
	out, err := get[items[T]](ctx, c, path)
	if out.Items == nil {
		out.Items = []T{}
	}
	return out.Items, err
}

// query builds "?a=b" from pairs, leaving out what is empty.
func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	if len(v) == 0 {
		return ""
	}
	return "?" + v.Encode()
}

// seg escapes one segment of a path.
func seg(s string) string { return url.PathEscape(s) }

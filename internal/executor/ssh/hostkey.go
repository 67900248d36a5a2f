package ssh

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" // #nosec G505 -- known_hosts files hash names with it; nothing is signed
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"path"
	"slices"
	"strings"

	xssh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// trust is what a node may identify itself with.
type trust struct {
	address         string
	keys, cas, gone []xssh.PublicKey // gone: revoked
	elsewhere       int              // lines that speak of other hosts
}

var (
	errMismatch  = errors.New("the host key is not a trusted one")
	errUntrusted = errors.New("no host key is trusted")
)

// parseTrust reads known_hosts lines and bare key parts ("ssh-ed25519 AAAA…").
func parseTrust(lines []string, address string) (*trust, error) {
	t := &trust{address: address}
	n := 0
	for _, text := range lines {
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			n++
			marker, hosts, key, err := parseLine(line)
			if err != nil {
				return nil, fmt.Errorf("line %d (%q): %w", n, shorten(line), err)
			}
			if hosts != nil && !matches(hosts, address) {
				t.elsewhere++
				continue
			}
			switch marker {
			case "":
				t.keys = append(t.keys, key)
			case "cert-authority":
				t.cas = append(t.cas, key)
			case "revoked":
				t.gone = append(t.gone, key)
			default:
				return nil, fmt.Errorf("line %d: unknown marker @%s", n, marker)
			}
		}
	}
	return t, nil
}

func parseLine(line string) (marker string, hosts []string, key xssh.PublicKey, err error) {
	first, _, _ := strings.Cut(line, " ")
	if isKeyType(first) {
		key, _, _, _, err = xssh.ParseAuthorizedKey([]byte(line))
		return "", nil, key, err
	}
	// "@cert-authority ssh-ed25519 AAAA…" without hosts: for this node.
	if strings.HasPrefix(first, "@") {
		rest := strings.TrimSpace(line[len(first):])
		if second, _, _ := strings.Cut(rest, " "); isKeyType(second) {
			key, _, _, _, err = xssh.ParseAuthorizedKey([]byte(rest))
			return first[1:], nil, key, err
		}
	}
	marker, hosts, key, _, _, err = xssh.ParseKnownHosts([]byte(line))
	if err != nil {
		err = errors.New("not a key type followed by a key")
	}
	return marker, hosts, key, err
}

func isKeyType(s string) bool {
	return strings.HasPrefix(s, "ssh-") || strings.HasPrefix(s, "ecdsa-sha2-") || strings.HasPrefix(s, "sk-")
}

func shorten(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// matches applies the host patterns of a known_hosts line.
func matches(patterns []string, address string) bool {
	name := knownhosts.Normalize(address)
	found := false
	for _, p := range patterns {
		not := strings.HasPrefix(p, "!")
		p = strings.TrimPrefix(p, "!")
		var hit bool
		if strings.HasPrefix(p, "|1|") {
			hit = hashed(p, name)
		} else {
			// path.Match treats "[" as a class, but here it only wraps a host.
			hit, _ = path.Match(strings.NewReplacer("[", `\[`, "]", `\]`).Replace(strings.ToLower(p)), strings.ToLower(name))
		}
		if hit && not {
			return false
		}
		found = found || hit
	}
	return found
}

func hashed(pattern, name string) bool {
	parts := strings.Split(pattern, "|") // "", "1", salt, hash
	if len(parts) != 4 {
		return false
	}
	salt, err1 := base64.StdEncoding.DecodeString(parts[2])
	want, err2 := base64.StdEncoding.DecodeString(parts[3])
	if err1 != nil || err2 != nil {
		return false
	}
	h := hmac.New(sha1.New, salt)
	h.Write([]byte(name))
	return hmac.Equal(h.Sum(nil), want)
}

func (t *trust) empty() bool { return len(t.keys) == 0 && len(t.cas) == 0 }

// algorithms are those of the trusted keys, so that a node with several keys
// shows the one we know.
func (t *trust) algorithms() []string {
	var out []string
	add := func(names ...string) {
		for _, n := range names {
			if !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	if len(t.cas) > 0 {
		add(xssh.CertAlgoED25519v01, xssh.CertAlgoECDSA256v01, xssh.CertAlgoECDSA384v01, xssh.CertAlgoECDSA521v01, xssh.CertAlgoRSASHA512v01, xssh.CertAlgoRSASHA256v01)
	}
	for _, k := range t.keys {
		if k.Type() == xssh.KeyAlgoRSA {
			add(xssh.KeyAlgoRSASHA512, xssh.KeyAlgoRSASHA256)
		} else {
			add(k.Type())
		}
	}
	return out
}

// check decides on the key that a node showed.
func (t *trust) check(hostname string, remote net.Addr, key xssh.PublicKey) error {
	same := func(list []xssh.PublicKey, k xssh.PublicKey) bool {
		return slices.ContainsFunc(list, func(o xssh.PublicKey) bool { return bytes.Equal(o.Marshal(), k.Marshal()) })
	}
	if cert, ok := key.(*xssh.Certificate); ok {
		c := xssh.CertChecker{
			IsHostAuthority: func(ca xssh.PublicKey, _ string) bool { return same(t.cas, ca) && !same(t.gone, ca) },
			IsRevoked:       func(c *xssh.Certificate) bool { return same(t.gone, c.Key) },
		}
		if err := c.CheckHostKey(hostname, remote, cert); err != nil {
			return fmt.Errorf("%w: %w", errMismatch, err)
		}
		return nil
	}
	if same(t.keys, key) && !same(t.gone, key) {
		return nil
	}
	return errMismatch
}

// expected lists the trusted keys in words.
func (t *trust) expected() string {
	var out []string
	for _, k := range t.keys {
		out = append(out, describe(k))
	}
	for _, k := range t.cas {
		out = append(out, "a certificate of "+describe(k))
	}
	return strings.Join(out, " or ")
}

// describe is "ED25519 SHA256:…", as ssh-keygen -l names a key.
func describe(k xssh.PublicKey) string {
	kind := k.Type()
	switch {
	case kind == xssh.KeyAlgoRSA:
		kind = "RSA"
	case kind == xssh.KeyAlgoED25519:
		kind = "ED25519"
	case strings.HasPrefix(kind, "ecdsa-"):
		kind = "ECDSA"
	}
	return kind + " " + xssh.FingerprintSHA256(k)
}

// keyLine is what to put into ssh-host-key to trust a key.
func keyLine(k xssh.PublicKey) string {
	if c, ok := k.(*xssh.Certificate); ok {
		k = c.Key
	}
	return strings.TrimSpace(string(xssh.MarshalAuthorizedKey(k)))
}

package ssh

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net"
	"strconv"
	"strings"
	"sync"

	xssh "golang.org/x/crypto/ssh"

	"muster/internal/run"
)

// target is one way of logging in to one node.
type target struct {
	node    string // its name, for messages
	address string // host:port
	host    string
	user    string
	cred    run.Credential
	trust   *trust
	// key tells whether two steps may share a connection: same user, same
	// address, same credential, same trusted keys.
	key string
}

func newTarget(in run.Invocation) (*target, error) {
	t := &target{node: in.Node.Name, user: in.Node.Username, cred: in.Credential}
	if t.user == "" {
		return nil, run.NewExecError(run.Setup, nil, "Node %s has no username to log in with. Set its username attribute.", t.node)
	}
	var err error
	if t.host, t.address, err = address(in.Node.Hostname); err != nil {
		return nil, run.NewExecError(run.Setup, err, "Node %s has no usable hostname (%q). Set its hostname attribute to a host or host:port.", t.node, in.Node.Hostname)
	}
	if len(t.cred.PrivateKey) == 0 && len(t.cred.Password) == 0 {
		return nil, run.NewExecError(run.Auth, nil, "There is no key and no password to log in to %s as %s. Set ssh-key-storage-path or ssh-password-storage-path on the node or the project.", t.node, t.user)
	}
	if t.trust, err = parseTrust(in.HostKeys, t.address); err != nil {
		return nil, run.NewExecError(run.HostKey, err, "The host keys set for %s cannot be read: %v. Each line of ssh-host-key is a key type and the key, such as the content of /etc/ssh/ssh_host_ed25519_key.pub.", t.node, err)
	}
	t.key = fingerprint(t.user, t.address, string(t.cred.PrivateKey), string(t.cred.Passphrase), string(t.cred.Password), strings.Join(in.HostKeys, "\n"))
	return t, nil
}

// address takes "host", "host:port", "[v6]:port" or a bare IPv6 address.
func address(s string) (host, addr string, err error) {
	s = strings.TrimSpace(s)
	host, port := s, "22"
	switch {
	case strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]"):
		host = s[1 : len(s)-1]
	case strings.HasPrefix(s, "[") || strings.Count(s, ":") == 1:
		if host, port, err = net.SplitHostPort(s); err != nil {
			return "", "", err
		}
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 || host == "" || strings.ContainsAny(host, " \t\n/@") {
		return "", "", &net.AddrError{Err: "not a host or host:port", Addr: s}
	}
	return host, net.JoinHostPort(host, port), nil
}

var secret = sync.OnceValue(func() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return b
})

// fingerprint is a keyed hash, so that the pool's keys say nothing about the
// passwords in them.
func fingerprint(parts ...string) string {
	h := hmac.New(sha256.New, secret())
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p))))
		h.Write([]byte{':'})
		h.Write([]byte(p))
	}
	return string(h.Sum(nil))
}

// login is the methods to log in with, and what came of them.
type login struct {
	mu    sync.Mutex
	tried []string
	auth  []xssh.AuthMethod
}

func (l *login) note(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.tried {
		if t == what {
			return
		}
	}
	l.tried = append(l.tried, what)
}

// said lists the methods that the node took up.
func (l *login) said() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.tried) == 0 {
		return "nothing, as it accepts neither keys nor passwords that we have"
	}
	return strings.Join(l.tried, ", ")
}

// newLogin reads the private key. Its errors never quote it.
func newLogin(t *target) (*login, error) {
	l := &login{}
	if len(t.cred.PrivateKey) > 0 {
		signer, err := parseKey(t)
		if err != nil {
			return nil, err
		}
		name := "private key " + describe(signer.PublicKey())
		l.auth = append(l.auth, xssh.PublicKeysCallback(func() ([]xssh.Signer, error) {
			l.note(name)
			return []xssh.Signer{signer}, nil
		}))
	}
	if pw := string(t.cred.Password); pw != "" {
		l.auth = append(l.auth, xssh.PasswordCallback(func() (string, error) {
			l.note("password")
			return pw, nil
		}), xssh.KeyboardInteractive(func(_, _ string, questions []string, echos []bool) ([]string, error) {
			// PAM asks for the password this way; any other question has no answer here.
			l.note("password (keyboard-interactive)")
			answers := make([]string, len(questions))
			for i := range questions {
				if !echos[i] {
					answers[i] = pw
				}
			}
			return answers, nil
		}))
	}
	return l, nil
}

func parseKey(t *target) (xssh.Signer, error) {
	signer, err := xssh.ParsePrivateKey(t.cred.PrivateKey)
	if _, locked := err.(*xssh.PassphraseMissingError); locked {
		if len(t.cred.Passphrase) == 0 {
			return nil, run.NewExecError(run.Auth, err, "The private key for %s is protected by a passphrase, and none is given. Set ssh-key-passphrase-storage-path, or store the key without a passphrase.", t.node)
		}
		if signer, err = xssh.ParsePrivateKeyWithPassphrase(t.cred.PrivateKey, t.cred.Passphrase); err != nil {
			return nil, run.NewExecError(run.Auth, err, "The passphrase for the private key of %s is wrong. Store the right one.", t.node)
		}
	}
	if err != nil {
		return nil, run.NewExecError(run.Auth, err, "What is stored as private key for %s is not one (expected PEM, such as -----BEGIN OPENSSH PRIVATE KEY-----). Store the key again.", t.node)
	}
	return signer, nil
}

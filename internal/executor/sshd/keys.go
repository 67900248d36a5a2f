package sshd

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"

	"muster/internal/fault"
)

// NewKey makes an Ed25519 key pair: OpenSSH PEM and the authorised line.
func NewKey(comment string) (private []byte, public string, err error) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, "", fmt.Errorf("make key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(priv, comment)
	if err != nil {
		return nil, "", fmt.Errorf("encode key: %w", err)
	}
	sp, err := ssh.NewPublicKey(pub)
	if err != nil {
		return nil, "", fmt.Errorf("encode key: %w", err)
	}
	return pem.EncodeToMemory(block), authorised(sp), nil
}

func authorised(k ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k)))
}

// keys fills in the server's keys from its folder, making what is missing.
func (s *Server) keys(dir string, shared []byte) error {
	_, host, err := keyFile(filepath.Join(dir, "host_key"), "muster host key")
	if err != nil {
		return err
	}
	s.HostKey = host
	if len(shared) > 0 {
		signer, err := ssh.ParsePrivateKey(shared)
		if err != nil {
			return fault.Wrap(fault.Invalid, "The key given for logging in is not an unencrypted private key in PEM form.", err)
		}
		s.PrivateKey, s.PublicKey = shared, authorised(signer.PublicKey())
	} else if s.PrivateKey, s.PublicKey, err = keyFile(filepath.Join(dir, "login_key"), "muster login key"); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "authorized_keys"), []byte(s.PublicKey+"\n"), 0o600); err != nil {
		return fmt.Errorf("write authorized_keys: %w", err)
	}
	return nil
}

func keyFile(path, comment string) ([]byte, string, error) {
	raw, err := os.ReadFile(path) // #nosec G304 -- below the folder it was given, for tests and the demo
	if errors.Is(err, fs.ErrNotExist) {
		priv, pub, err := NewKey(comment)
		if err != nil {
			return nil, "", err
		}
		if err := os.WriteFile(path, priv, 0o600); err != nil {
			return nil, "", fmt.Errorf("write %s: %w", path, err)
		}
		return priv, pub, nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("read %s: %w", path, err)
	}
	signer, err := ssh.ParsePrivateKey(raw)
	if err != nil {
		return nil, "", fault.Wrap(fault.Invalid, path+" is not a private key. Remove it to have a new one made.", err)
	}
	return raw, authorised(signer.PublicKey()), nil
}

package ssh

import (
	"encoding/pem"
	"net"
	"testing"

	xssh "golang.org/x/crypto/ssh"

	"muster/internal/executor/executortest"
	"muster/internal/executor/sshd"
	"muster/internal/run"
)

// protect encrypts a private key.
func protect(t *testing.T, key []byte, passphrase string) []byte {
	t.Helper()
	raw, err := xssh.ParseRawPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := xssh.MarshalPrivateKeyWithPassphrase(raw, "", []byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(b)
}

// door is an SSH server that only checks passwords and gives no session: sshd
// can check real ones only.
func door(t *testing.T, cfg *xssh.ServerConfig) (addr, hostKey string) {
	t.Helper()
	key, line, err := sshd.NewKey("door")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := xssh.ParsePrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cfg.AddHostKey(signer)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, chans, reqs, err := xssh.NewServerConn(c, cfg)
				if err != nil {
					return
				}
				go xssh.DiscardRequests(reqs)
				for n := range chans {
					_ = n.Reject(xssh.Prohibited, "only a door")
				}
			}()
		}
	}()
	return l.Addr().String(), line
}

func TestPassword(t *testing.T) {
	right := func(user, pw string) error {
		if user != "deploy" || pw != "pa$$ word" {
			return xssh.ErrNoAuth
		}
		return nil
	}
	configs := map[string]*xssh.ServerConfig{
		"password": {PasswordCallback: func(c xssh.ConnMetadata, pw []byte) (*xssh.Permissions, error) {
			return nil, right(c.User(), string(pw))
		}},
		"keyboard-interactive": {KeyboardInteractiveCallback: func(c xssh.ConnMetadata, ask xssh.KeyboardInteractiveChallenge) (*xssh.Permissions, error) {
			a, err := ask("", "", []string{"Password: "}, []bool{false})
			if err != nil {
				return nil, err
			}
			return nil, right(c.User(), a[0])
		}},
	}
	for name, cfg := range configs {
		t.Run(name, func(t *testing.T) {
			addr, line := door(t, cfg)
			e := New(Options{Limits: quick})
			t.Cleanup(func() { _ = e.Close() })
			f := executortest.Fixture{Executor: e, Node: run.Target{Name: "web-1", Hostname: addr, Username: "deploy"}, HostKeys: []string{line},
				Credential: run.Credential{Password: []byte("wrong")}}
			_, _, err := do(t, f, f.Command("true"))
			says(t, executortest.Kind(t, err, run.Auth), "deploy", name)
			f.Credential.Password = []byte("pa$$ word")
			_, _, err = do(t, f, f.Command("true"))
			says(t, executortest.Kind(t, err, run.Setup), "let deploy in", "only a door")
		})
	}
}

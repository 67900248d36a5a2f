package ssh

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	xssh "golang.org/x/crypto/ssh"

	"muster/internal/executor/executortest"
	"muster/internal/executor/sshd"
	"muster/internal/run"
)

// A host certificate of a trusted authority is as good as a trusted key.
func TestHostCertificate(t *testing.T) {
	caKey, caLine := otherKey(t)
	ca, err := xssh.ParsePrivateKey(caKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// The first start makes the host key, the second serves its certificate.
	first, err := sshd.Start(t.Context(), sshd.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	_ = first.Stop()
	host, _, _, _, err := xssh.ParseAuthorizedKey([]byte(first.HostKey))
	if err != nil {
		t.Fatal(err)
	}
	cert := &xssh.Certificate{Key: host, CertType: xssh.HostCert, KeyId: "web-1", ValidPrincipals: []string{"127.0.0.1"},
		ValidAfter: uint64(time.Now().Add(-time.Hour).Unix()), ValidBefore: uint64(time.Now().Add(time.Hour).Unix())}
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "host_key-cert.pub"), xssh.MarshalAuthorizedKey(cert), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := sshd.Start(t.Context(), sshd.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	if s.HostKey != first.HostKey {
		t.Error("the server changed its identity over a restart")
	}
	f := fixture(t, s, Options{})
	for _, line := range []string{"@cert-authority * " + caLine, "@cert-authority " + caLine} {
		f.HostKeys = []string{line}
		ok(t, f)
	}
	_, other := otherKey(t)
	f.HostKeys = []string{"@cert-authority * " + other}
	_, _, err = do(t, f, f.Command("true"))
	says(t, executortest.Kind(t, err, run.HostKey), "a certificate of ED25519")
}

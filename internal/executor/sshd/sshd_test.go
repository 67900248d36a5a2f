package sshd

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestStartsOnAPortThatIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = Start(t.Context(), Options{Dir: t.TempDir(), Port: l.Addr().(*net.TCPAddr).Port})
	if err == nil || !strings.Contains(err.Error(), "did not start") {
		t.Errorf("error %v", err)
	}
}

// A server whose Muster was killed is replaced by the next one in its folder.
func TestLeftover(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "with space")
	a, err := Start(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Stop() })
	b, err := Start(t.Context(), Options{Dir: dir, Port: a.Port})
	if err != nil {
		t.Fatal(err)
	}
	<-a.ended
	if b.HostKey != a.HostKey || string(b.PrivateKey) != string(a.PrivateKey) {
		t.Error("the identity changed")
	}
	if err := b.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", b.Addr); err == nil {
		t.Error("it still listens")
	}
	if err := b.Stop(); err != nil {
		t.Error("stopping twice: ", err)
	}
}

func TestMissing(t *testing.T) {
	if _, err := os.Stat("/usr/sbin/sshd"); err == nil {
		t.Setenv("PATH", "/nowhere")
		if _, err := Find(); err != nil {
			t.Errorf("the usual places are not searched: %v", err)
		}
		return
	}
	if _, err := Find(); err == nil || !strings.Contains(err.Error(), "apt-get install openssh-server") {
		t.Errorf("error %v", err)
	}
}

// One daemon can stand for several machines.
func TestAddresses(t *testing.T) {
	if _, err := Start(t.Context(), Options{Dir: t.TempDir(), Addresses: []string{"0.0.0.0"}}); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("error %v", err)
	}
	s, err := Start(t.Context(), Options{Dir: t.TempDir(), Addresses: []string{"127.0.0.2", "127.0.0.3"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	for _, a := range []string{"127.0.0.2", "127.0.0.3"} {
		c, err := net.Dial("tcp", net.JoinHostPort(a, strconv.Itoa(s.Port)))
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	if strings.Count(s.KnownHosts, "\n") != 1 || !strings.HasPrefix(s.KnownHosts, "[127.0.0.2]:") || !strings.HasPrefix(s.Addr, "127.0.0.2:") {
		t.Errorf("address %s, known hosts %q", s.Addr, s.KnownHosts)
	}
}

package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	xssh "golang.org/x/crypto/ssh"

	"muster/e2e/host"
	"muster/internal/executor/sshd"
)

// perDaemon is how many addresses one sshd takes.
const perDaemon = 16

// Target is one machine: an address of loopback where a real sshd listens.
type Target struct {
	Name, Host, Addr, HostKey string
}

// Targets are machines to run commands on.
type Targets struct {
	All     []Target
	Port    int
	Daemons int
	User    string
	Key     []byte // logs in everywhere
	KeyFile string
	Known   string // a known_hosts file
	Signer  xssh.Signer
	servers []*sshd.Server
}

// Targets starts enough real OpenSSH servers for n addresses, 127.0.0.2 and on,
// all at one port, because that is what the tools we measure beside can be told.
func (r *Rig) Targets(ctx context.Context, n int) (*Targets, error) {
	dir, err := r.Folder("targets")
	if err != nil {
		return nil, err
	}
	t := &Targets{KeyFile: filepath.Join(dir, "key"), Known: filepath.Join(dir, "known_hosts")}
	if t.Key, _, err = sshd.NewKey("bench"); err != nil {
		return nil, err
	}
	if t.Signer, err = xssh.ParsePrivateKey(t.Key); err != nil {
		return nil, err
	}
	if err := os.WriteFile(t.KeyFile, t.Key, 0o600); err != nil {
		return nil, err
	}
	var known strings.Builder
	for at := 0; at < n; at += perDaemon {
		var addresses []string
		for i := at; i < min(n, at+perDaemon); i++ {
			addresses = append(addresses, fmt.Sprintf("127.0.%d.%d", (i+2)/250, (i+2)%250))
		}
		s, err := sshd.Start(ctx, sshd.Options{Dir: filepath.Join(dir, strconv.Itoa(at)), Port: t.Port, Addresses: addresses, PrivateKey: t.Key})
		if err != nil {
			t.Stop()
			return nil, err
		}
		t.servers = append(t.servers, s)
		t.Port, t.User = s.Port, s.Username
		known.WriteString(s.KnownHosts + "\n")
		for _, a := range addresses {
			t.All = append(t.All, Target{Name: fmt.Sprintf("node-%03d", len(t.All)+1), Host: a, Addr: fmt.Sprintf("%s:%d", a, s.Port), HostKey: s.HostKey})
		}
	}
	t.Daemons = len(t.servers)
	return t, os.WriteFile(t.Known, []byte(known.String()), 0o600)
}

// Stop ends the daemons.
func (t *Targets) Stop() {
	for _, s := range t.servers {
		_ = s.Stop()
	}
}

// Project makes the project "bench" with the machines and their key on s, and
// gives somebody who may run everything on them.
func (t *Targets) Project(ctx context.Context, s *host.Server) (*host.Client, error) {
	console := s.Console()
	if err := console.Call(ctx, "POST", "/projects", map[string]any{"name": "bench"}, nil); err != nil {
		return nil, err
	}
	if err := console.Call(ctx, "PUT", "/keys/project/bench/key", map[string]any{"type": "private-key", "content": string(t.Key)}, nil); err != nil {
		return nil, err
	}
	nodes := map[string]map[string]string{}
	for _, x := range t.All {
		nodes[x.Name] = map[string]string{"hostname": x.Addr, "username": t.User, "osFamily": "unix", "environment": "dev", "tags": "bench", "ssh-key-storage-path": "project/bench/key", "ssh-host-key": x.HostKey}
	}
	raw, err := json.Marshal(nodes)
	if err != nil {
		return nil, err
	}
	if err := console.Call(ctx, "POST", "/projects/bench/import", map[string]any{"kind": "nodes", "name": "bench", "content": string(raw)}, nil); err != nil {
		return nil, err
	}
	return s.Person(ctx, "op", "operator")
}

// Config logs in to a target, trusting its key only.
func (t *Targets) Config(x Target) (*xssh.ClientConfig, error) {
	key, _, _, _, err := xssh.ParseAuthorizedKey([]byte(x.HostKey))
	if err != nil {
		return nil, err
	}
	return &xssh.ClientConfig{User: t.User, Auth: []xssh.AuthMethod{xssh.PublicKeys(t.Signer)}, HostKeyCallback: xssh.FixedHostKey(key), HostKeyAlgorithms: []string{key.Type()}, Timeout: 30 * time.Second}, nil
}

// Run is what a screen knows of a run.
type Run struct {
	ID        string `json:"id"`
	State     string `json:"state"`
	Reason    string `json:"reason"`
	LogLines  int64  `json:"log_lines"`
	LogSHA256 string `json:"log_sha256"`
	Progress  struct{ Total, Done, Failed int }
}

// Ended says whether it has.
func (r Run) Ended() bool {
	switch r.State {
	case "succeeded", "failed", "stopped", "timed-out", "unknown":
		return true
	}
	return false
}

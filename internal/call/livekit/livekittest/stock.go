// Package livekittest runs LiveKit as its makers ship it, in a process of its
// own and with its own defaults: what an existing LiveKit is to Muster.
//
// Invariant: the process ends with the one that started it.
package livekittest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/livekit/livekit-server/pkg/config"
	"github.com/livekit/livekit-server/pkg/routing"
	"github.com/livekit/livekit-server/pkg/service"
	"github.com/livekit/livekit-server/pkg/telemetry/prometheus"
	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/logger"

	"muster/internal/await"
	"muster/internal/freeport"
)

const (
	word  = "livekit-elsewhere"
	ready = await.Limit
)

// Main makes this process a LiveKit when Start has begun it for that; the
// TestMain of a package that calls Start calls it first.
func Main() {
	if len(os.Args) != 2 || os.Args[1] != word {
		return
	}
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve() error {
	logger.SetLogger(logger.LogRLogger(logr.Discard()), "livekit")
	conf, err := config.NewConfig(os.Getenv("LIVEKIT_CONFIG"), true, nil, nil)
	if err != nil {
		return err
	}
	if err := conf.ValidateKeys(); err != nil {
		return err
	}
	node, err := routing.NewLocalNode(conf)
	if err != nil {
		return err
	}
	if err := prometheus.Init(string(node.NodeID()), node.NodeType()); err != nil {
		return err
	}
	s, err := service.InitializeServer(conf, node)
	if err != nil {
		return err
	}
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); os.Exit(0) }()
	return s.Start()
}

// Stock is a LiveKit that somebody else runs.
type Stock struct {
	testing.TB
	URL, Key, Secret string

	conf string
	cmd  *exec.Cmd
}

// Start begins one on free ports of loopback, and waits until it answers.
func Start(t testing.TB) *Stock {
	t.Helper()
	s := &Stock{TB: t, Key: "elsewhere", Secret: rand.Text() + rand.Text()}
	var ports [3]int
	for i := range ports {
		var err error
		if ports[i], err = freeport.TCP(); err != nil {
			t.Fatal(err)
		}
	}
	s.URL = fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	// STUN has to be named, or hosts of others are asked. A strict one makes no rooms by itself.
	s.conf = fmt.Sprintf(`{port: %d, bind_addresses: [127.0.0.1], keys: {%s: %s}, room: {auto_create: false},
rtc: {udp_port: %d, tcp_port: %d, node_ip: 127.0.0.1, use_external_ip: false, enable_loopback_candidate: true, interfaces: {includes: [lo]}, stun_servers: ["127.0.0.1:%d"]}}`,
		ports[0], s.Key, s.Secret, ports[1], ports[2], ports[2])
	t.Cleanup(s.Kill)
	s.Run()
	return s
}

// Run begins it anew on the same ports.
func (s *Stock) Run() {
	s.Helper()
	self, err := os.Executable()
	if err != nil {
		s.Fatal(err)
	}
	said := &strings.Builder{}
	s.cmd = exec.Command(self, word) // #nosec G204 -- this program itself
	s.cmd.Env, s.cmd.Stderr = append(os.Environ(), "LIVEKIT_CONFIG="+s.conf), said
	if _, err := s.cmd.StdinPipe(); err != nil {
		s.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(ready); ; <-look.C {
		if resp, err := http.Get(s.URL); err == nil {
			_ = resp.Body.Close()
			return
		}
		if time.Now().After(end) {
			s.Kill()
			s.Fatalf("LiveKit does not answer (does TestMain call livekittest.Main?): %s", said)
		}
	}
}

// Kill ends it without a word.
func (s *Stock) Kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// Token is one that its owner gives without Muster.
func (s *Stock) Token(room, person string) string {
	s.Helper()
	token, err := auth.NewAccessToken(s.Key, s.Secret).SetVideoGrant(&auth.VideoGrant{RoomJoin: true, Room: room}).SetIdentity(person).SetValidFor(time.Minute).ToJWT()
	if err != nil {
		s.Fatal(err)
	}
	return token
}

// Open makes a room as another program does that uses the same LiveKit.
func (s *Stock) Open(ctx context.Context, room string) {
	s.Helper()
	token, err := auth.NewAccessToken(s.Key, s.Secret).SetVideoGrant(&auth.VideoGrant{RoomCreate: true}).SetValidFor(time.Minute).ToJWT()
	if err != nil {
		s.Fatal(err)
	}
	c := livekit.NewRoomServiceProtobufClient(s.URL, bearer(token))
	if _, err := c.CreateRoom(ctx, &livekit.CreateRoomRequest{Name: room}); err != nil {
		s.Fatal(err)
	}
}

// bearer is an HTTP client that signs in.
type bearer string

func (b bearer) Do(r *http.Request) (*http.Response, error) {
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultClient.Do(r)
}

package cli

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"muster/internal/fault"
)

type healthCmd struct{}

// Run asks the server of --data, or of MUSTER_URL, whether it is ready. It needs no token.
func (healthCmd) Run(ctx context.Context, s *session) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	socket := filepath.Join(s.data, "admin.sock")
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	if s.data == "" {
		return usage("Say which Muster is meant: muster health --data DIR")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://muster/readyz", nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return fault.Wrap(fault.Unavailable, "No Muster answers at "+socket+". Start it with: muster serve --data "+s.data, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text := make([]byte, 200)
		n, _ := res.Body.Read(text)
		return failed("not ready: %s", strings.TrimSpace(string(text[:n])))
	}
	return nil
}

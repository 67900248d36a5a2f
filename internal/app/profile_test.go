package app_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"muster/internal/config"
)

// TestProfile: profiles show memory, so they are on the admin socket and only
// where the settings ask for them; on the port they never are.
func TestProfile(t *testing.T) {
	for _, on := range []bool{false, true} {
		s := start(t, func(c *config.Config) { c.Profile = on })
		console := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(s.data, "admin.sock"))
		}}}
		defer console.CloseIdleConnections()
		for where, c := range map[string]*http.Client{"http://muster": console, s.URL(): http.DefaultClient} {
			res, err := c.Get(where + "/debug/pprof/goroutine?debug=1")
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			if shown := strings.Contains(string(body), "goroutine profile"); shown != (on && c == console) {
				t.Errorf("profile: %v, %s: shown is %v", on, where, shown)
			}
		}
	}
}

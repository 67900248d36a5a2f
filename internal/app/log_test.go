package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"muster/internal/config"
)

// TestLogLine: an entry is one line whatever is in it, and says no secret.
func TestLogLine(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			var out bytes.Buffer
			log := newLog(&out, config.Log{Format: format, Level: "info"})
			log.Debug("not shown")
			log.Warn("something", "text", "one\ntwo\r\x1b[31mred\u2028three", "error", errors.New(`dial "postgres://muster:hunter2@db/x": refused`),
				"url", "/hooks/alertmanager/s3cr3t-key", "db_password", "hunter2", "line", "Bearer mst_abc123", slog.Group("smtp", "secret", "hunter2"))
			text := out.String()
			if strings.Count(text, "\n") != 1 || strings.ContainsAny(text, "\r\x1b") {
				t.Errorf("not one line: %q", text)
			}
			for _, bad := range []string{"hunter2", "s3cr3t", "abc123", "not shown"} {
				if strings.Contains(text, bad) {
					t.Errorf("%q is in %s", bad, text)
				}
			}
			if !strings.Contains(text, "postgres://muster:[hidden]@db/x") {
				t.Error(text)
			}
			if format == "json" && !json.Valid(out.Bytes()) {
				t.Error(text)
			}
		})
	}
}

// TestServiceManager: the manager is told in its own protocol.
func TestServiceManager(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "notify"), "@muster-test-" + filepath.Base(t.TempDir())} {
		c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("NOTIFY_SOCKET", name)
		t.Setenv("WATCHDOG_USEC", "3000000")
		t.Setenv("WATCHDOG_PID", "1")
		m := newManager(slog.New(slog.DiscardHandler))
		if m.every != 0 {
			t.Error("the watchdog of another process is not ours")
		}
		m.tell("READY=1")
		b := make([]byte, 100)
		n, err := c.Read(b)
		if err != nil || string(b[:n]) != "READY=1" {
			t.Errorf("%s: %q %v", name, b[:n], err)
		}
		_ = c.Close()
		m.tell("STOPPING=1") // nobody listens: no reason to fail
	}
}

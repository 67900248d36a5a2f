package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"muster/internal/config"
)

func write(t *testing.T, text string) (data string) {
	t.Helper()
	data = t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "muster.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return data
}

func clearEnv(t *testing.T) {
	for _, name := range []string{"MUSTER_ADDR", "MUSTER_DATABASE", "MUSTER_PUBLIC_URL", "MUSTER_SMTP_PASSWORD", "MUSTER_MEDIA", "MUSTER_MEDIA_SECRET"} {
		t.Setenv(name, "")
	}
}

func TestNothingMustBeSet(t *testing.T) {
	clearEnv(t)
	for _, data := range []string{t.TempDir(), write(t, ""), write(t, "# nothing\n"), filepath.Join(t.TempDir(), "not", "there")} {
		c, err := config.Load(data, "")
		if err != nil {
			t.Fatal(err)
		}
		if c.Data != data || c.Addr != "127.0.0.1:8080" || !c.Loopback() || c.DatabaseURL() != filepath.Join(data, "muster.db") ||
			c.MasterKeyFile() != filepath.Join(data, "master.key") || c.LedgerKeyFile() != filepath.Join(data, "ledger.key") || c.SMTP.Host != "" || c.SMTP.TLS != "starttls" || c.Incident.Prefix != "INC" {
			t.Errorf("%+v", c)
		}
	}
}

func TestFile(t *testing.T) {
	clearEnv(t)
	data := write(t, `
addr: 0.0.0.0:443
public_url: https://muster.example.com/
database: postgres://db/muster
master_key: /etc/muster/master.key
ledger_key: /etc/muster/ledger.key
tls: {cert: /c, key: /k}
smtp: {host: mail, port: 25, from: muster@example.com, username: u, password: p, tls: none}
incident: {prefix: OPS, first: 7}
runs: {log_limit: 2000000, workers: 3, local_user: jobs, allow_local: true}
approvals: {cool_down_hours: 48, newcomer_hours: 3}
outbound: {nodes: {deny: [10.0.0.0/8]}, urls: {allow: [192.0.2.1]}}
media: {engine: "off", address: 192.0.2.7, udp_port: 1, turn: {udp_port: 3478, deny: [10.0.0.0/8]}}
shutdown: {runs: 2m, requests: 5s}
log: {format: json, level: warn}
`)
	want := config.Config{
		Data: data, Addr: "0.0.0.0:443", PublicURL: "https://muster.example.com", Database: "postgres://db/muster", MasterKey: "/etc/muster/master.key", LedgerKey: "/etc/muster/ledger.key",
		TLS: config.TLS{Cert: "/c", Key: "/k"}, SMTP: config.SMTP{Host: "mail", Port: 25, From: "muster@example.com", Username: "u", Password: "p", TLS: "none"},
		Incident: config.Incident{Prefix: "OPS", First: 7}, Runs: config.Runs{LogLimit: 2000000, Workers: 3, LocalUser: "jobs", AllowLocal: true},
		Approvals: config.Approvals{CoolDownHours: 48, NewcomerHours: 3},
		Sessions:  config.Sessions{IdleMinutes: 720},
		Outbound:  config.Outbound{Nodes: config.Targets{Deny: []string{"10.0.0.0/8"}}, URLs: config.Targets{Allow: []string{"192.0.2.1"}}},
		Media:     config.Media{Engine: "off", Address: "192.0.2.7", UDPPort: 1, TCPPort: 7881, TURN: config.TURN{UDPPort: 3478, Deny: []string{"10.0.0.0/8"}}, KeepDays: 90, TranscribeModel: "whisper-1"},
		Shutdown:  config.Shutdown{Runs: 2 * time.Minute, Requests: 5 * time.Second}, Log: config.Log{Format: "json", Level: "warn"},
	}
	c, err := config.Load(data, "")
	if err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("%+v %v", c, err)
	}
	if c.Loopback() || c.DatabaseURL() != want.Database || c.MasterKeyFile() != want.MasterKey || c.LedgerKeyFile() != want.LedgerKey {
		t.Errorf("%+v", c)
	}
	// The environment is stronger, for secrets and containers.
	t.Setenv("MUSTER_ADDR", "127.0.0.1:9")
	t.Setenv("MUSTER_DATABASE", "postgres://other/muster")
	t.Setenv("MUSTER_PUBLIC_URL", "http://localhost")
	t.Setenv("MUSTER_SMTP_PASSWORD", "secret")
	if c, err = config.Load(data, ""); err != nil || c.Addr != "127.0.0.1:9" || c.Database != "postgres://other/muster" || c.PublicURL != "http://localhost" || c.SMTP.Password != "secret" {
		t.Errorf("%+v %v", c, err)
	}
	// A file that is named has to be there.
	if _, err := config.Load(t.TempDir(), filepath.Join(data, "muster.yaml")); err != nil {
		t.Error(err)
	}
	if _, err := config.Load(data, filepath.Join(data, "other.yaml")); err == nil || !strings.Contains(err.Error(), "other.yaml") {
		t.Errorf("%v", err)
	}
}

// TestWrong: every mistake is an error that says where and what.
func TestWrong(t *testing.T) {
	clearEnv(t)
	for text, want := range map[string]string{
		"addr: 127.0.0.1:80\nadress: x\n":                                    `muster\.yaml.*\[2:1\].*adress`,
		"smtp:\n  host: mail\n  hots: x\n":                                   `\[3:3\].*hots`,
		"addr: [1, 2]\n":                                                     `\[1:\d+\]`,
		"addr: 127.0.0.1:80\naddr: 127.0.0.1:81\n":                           `\[2:1\].*addr`,
		"addr: \"x\n":                                                        `\[1:\d+\]`,
		"addr: localhost\n":                                                  `addr "localhost" must be HOST:PORT`,
		"public_url: muster.example.com\n":                                   `public_url .* https://`,
		"public_url: ftp://muster.example.com\n":                             `public_url`,
		"public_url: https://muster.example.com/x\n":                         `public_url`,
		"tls: {cert: /c}\n":                                                  `both cert and key`,
		"tls: {key: /k}\n":                                                   `both cert and key`,
		"smtp: {tls: maybe}\n":                                               `smtp\.tls "maybe" must be none, starttls or tls`,
		"smtp: {host: mail}\n":                                               `smtp\.from`,
		"smtp: {host: mail, from: a@b, port: 0}\n":                           `smtp\.port`,
		"smtp: {host: mail, from: a@b, port: 70000}\n":                       `smtp\.port`,
		"incident: {first: 0}\n":                                             `incident\.first`,
		"incident: {prefix: \"a b\"}\n":                                      `incident\.prefix`,
		"runs: {workers: 0}\n":                                               `runs\.workers`,
		"runs: {log_limit: -1}\n":                                            `runs\.log_limit`,
		"outbound: {urls: {allow: [intranet]}}\n":                            `outbound\.urls: "intranet" is not an address or network`,
		"approvals: {cool_down_hours: -1}\n":                                 `approvals\.cool_down_hours`,
		"tls: {acme: {email: a@b}}\n":                                        `accept_terms`,
		"tls: {acme: {accept_terms: true}}\n":                                `tls\.acme needs public_url`,
		"public_url: https://192.0.2.1\ntls: {acme: {accept_terms: true}}\n": `tls\.acme needs public_url`,
		"public_url: https://a.example\ntls: {acme: {accept_terms: true, directory: http://x}}\n": `tls\.acme\.directory`,
		"public_url: https://a.example\ntls: {cert: /c, key: /k, acme: {accept_terms: true}}\n":   `take one out`,
		"media: {engine: zoom}\n":                       `media\.engine "zoom" must be child, livekit or off`,
		"media: {engine: livekit, url: livekit}\n":      `media\.url "livekit"`,
		"media: {record: some}\n":                       `media\.record "some" must be`,
		"media: {keep_days: -1}\n":                      `media\.keep_days -1`,
		"media: {transcribe_url: speech}\n":             `media\.transcribe_url "speech"`,
		"media: {address: here}\n":                      `media\.address "here" must be an IP`,
		"media: {udp_port: 70000}\n":                    `media\.udp_port 70000`,
		"media: {turn: {tls_port: 5349}}\n":             `media\.turn\.tls_port needs domain`,
		"media: {turn: {relay_from: 9, relay_to: 1}}\n": `media\.turn needs both`,
		"media: {turn: {allow: [10.0.0.1]}}\n":          `"10\.0\.0\.1" must be a network`,
		"outbound: {disk: {allow: []}}\n":               `\[1:\d+\].*disk`,
	} {
		_, err := config.Load(write(t, text), "")
		if err == nil || !regexp.MustCompile(`(?s)`+want).MatchString(err.Error()) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestLoopback(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:80": true, "127.9.9.9:80": true, "[::1]:80": true, "localhost:80": true,
		"0.0.0.0:80": false, ":80": false, "[::]:80": false, "192.0.2.1:80": false, "muster.example.com:80": false, "localhost.example.com:80": false,
	} {
		if got := (config.Config{Addr: addr}).Loopback(); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
}

// TestDocumented: docs/muster.yaml names every setting, and is itself a right file.
func TestDocumented(t *testing.T) {
	clearEnv(t)
	file := filepath.Join("..", "..", "docs", "muster.yaml")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(t.TempDir(), file); err != nil {
		t.Error(err)
	}
	var walk func(typ reflect.Type, indent string)
	walk = func(typ reflect.Type, indent string) {
		for f := range typ.Fields() {
			name := f.Tag.Get("yaml")
			if name == "-" {
				continue
			}
			if !regexp.MustCompile(`(?m)^[# ]*` + indent + name + `:`).Match(b) {
				t.Errorf("docs/muster.yaml does not say what %s%s is", indent, name)
			}
			if f.Type.Kind() == reflect.Struct {
				walk(f.Type, indent+"  ")
			}
		}
	}
	walk(reflect.TypeFor[config.Config](), "")
}

// Package config is every setting Muster has. Nothing must be set: an empty
// data folder runs. A file holds what differs; an unknown key in it is an error.
package config

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"muster/internal/outbound"
)

// Config of one server. The yaml names are those of muster.yaml; docs/muster.yaml documents each.
type Config struct {
	Data       string `yaml:"-"`          // the data folder
	Addr       string `yaml:"addr"`       // host:port to listen on
	PublicURL  string `yaml:"public_url"` // how people reach it; "" follows addr
	Demo       bool   `yaml:"-"`
	Colleagues bool   `yaml:"-"` // simulated ones are at work in the demo

	Database  string `yaml:"database"`   // postgres://…; "" is SQLite in the data folder
	MasterKey string `yaml:"master_key"` // file of the key that locks stored secrets; "" is in the data folder
	LedgerKey string `yaml:"ledger_key"` // file of the key that signs the ledger; "" is in the data folder

	Profile bool `yaml:"profile"` // Go profiles on the admin socket

	TLS      TLS      `yaml:"tls"`
	SMTP     SMTP     `yaml:"smtp"`
	Incident Incident `yaml:"incident"`
	Runs     Runs     `yaml:"runs"`
	Outbound Outbound `yaml:"outbound"`
	Media    Media    `yaml:"media"`

	Approvals Approvals `yaml:"approvals"`
	Sessions  Sessions  `yaml:"sessions"`
	Shutdown  Shutdown  `yaml:"shutdown"`
	Log       Log       `yaml:"log"`
}

// TLS of the one HTTPS port. Without files, an address off loopback gets a
// certificate of Muster's own authority, kept in the data folder.
type TLS struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	ACME ACME   `yaml:"acme"`
}

// ACME gets the certificate from an authority that speaks it, for the host of
// public_url, over the HTTPS port itself.
type ACME struct {
	AcceptTerms bool   `yaml:"accept_terms"` // of the authority; turns it on
	Email       string `yaml:"email"`        // for the authority's warnings
	Directory   string `yaml:"directory"`    // "" is Let's Encrypt
	CA          string `yaml:"ca"`           // PEM file of whom to trust for the directory; "" is the system's
}

// SMTP is where mail goes out. Without a host there is no mail, and pages say so.
type SMTP struct {
	Host     string `yaml:"host"`
	Port     int    `yaml:"port"`
	From     string `yaml:"from"`
	Username string `yaml:"username"`
	Password string `yaml:"password"`
	TLS      string `yaml:"tls"` // none, starttls (default), tls
	CA       string `yaml:"ca"`  // PEM file of whom to trust for the server; "" is the system's
}

// Roots are the authorities to trust for the mail server; nil is the system's.
func (s SMTP) Roots() (*x509.CertPool, error) {
	if s.CA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(s.CA)
	if err != nil {
		return nil, fmt.Errorf("read smtp.ca: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("smtp.ca: there is no certificate in %s", s.CA)
	}
	return roots, nil
}

// Incident settings.
type Incident struct {
	Prefix string `yaml:"prefix"` // of ticket ids
	First  int    `yaml:"first"`  // first number of the series
}

// Runs settings.
type Runs struct {
	LogLimit int64 `yaml:"log_limit"` // bytes of one run's log
	Workers  int   `yaml:"workers"`   // tasks at once

	LocalUser  string `yaml:"local_user"`  // who steps on Muster's own machine run as
	AllowLocal bool   `yaml:"allow_local"` // they may run as Muster itself
}

// Media settings: voice, video and screens.
type Media struct {
	Engine  string `yaml:"engine"`   // child (default), livekit, off
	Address string `yaml:"address"`  // IP at which browsers reach media; "" is this machine's own
	UDPPort int    `yaml:"udp_port"` // 0 chooses a free one
	TCPPort int    `yaml:"tcp_port"`
	TURN    TURN   `yaml:"turn"`

	URL    string `yaml:"url"` // of a LiveKit that runs elsewhere
	Key    string `yaml:"key"`
	Secret string `yaml:"secret"`

	Record          string `yaml:"record"`    // beside rooms that say so: "" none, incidents, all
	KeepDays        int    `yaml:"keep_days"` // of recordings; 0 for ever
	TranscribeURL   string `yaml:"transcribe_url"`
	TranscribeKey   string `yaml:"transcribe_key"`
	TranscribeModel string `yaml:"transcribe_model"`
}

// TURN settings: a relay for browsers that reach nothing else. Ports that are 0
// are not opened.
type TURN struct {
	UDPPort   int      `yaml:"udp_port"`
	TLSPort   int      `yaml:"tls_port"`
	Domain    string   `yaml:"domain"` // name in the certificate of tls_port
	Cert      string   `yaml:"cert"`
	Key       string   `yaml:"key"`
	RelayFrom int      `yaml:"relay_from"` // UDP ports that relayed media uses
	RelayTo   int      `yaml:"relay_to"`
	Allow     []string `yaml:"allow"` // private networks (CIDR) that may be relayed to
	Deny      []string `yaml:"deny"`
}

// Sessions settings: how long a sign-in lasts without a request or an open page.
type Sessions struct {
	IdleMinutes int `yaml:"idle_minutes"`
}

// Approvals settings: how long one person's hand in another's account keeps the
// two from approving each other's requests, and how long a new account approves
// nothing.
type Approvals struct {
	CoolDownHours int `yaml:"cool_down_hours"`
	NewcomerHours int `yaml:"newcomer_hours"`
}

// Outbound says which addresses Muster may connect to, by who chose the target.
type Outbound struct {
	Mail  Targets `yaml:"mail"`  // smtp.host
	Nodes Targets `yaml:"nodes"` // machines of the inventories
	URLs  Targets `yaml:"urls"`  // addresses that people type

	Services Targets `yaml:"services"` // what these settings name: a LiveKit, a certificate authority
}

// Targets are addresses (10.1.2.3) and networks (10.0.0.0/8) beside what holds
// by default; deny beats allow.
type Targets struct {
	Allow []string `yaml:"allow"`
	Deny  []string `yaml:"deny"`
}

// Rules are the targets as package outbound takes them.
func (t Targets) Rules() (outbound.Rules, error) { return outbound.ParseRules(t.Allow, t.Deny) }

// Shutdown settings.
type Shutdown struct {
	Runs     time.Duration `yaml:"runs"`     // how long runs that go on may take to end
	Requests time.Duration `yaml:"requests"` // how long requests may take after that
}

// Log is how the server writes its own log.
type Log struct {
	Format string `yaml:"format"` // text, json
	Level  string `yaml:"level"`  // debug, info, warn, error
}

// Load reads file, or DATA/muster.yaml if that is there, then the environment
// (MUSTER_ADDR, MUSTER_DATABASE, MUSTER_PUBLIC_URL, MUSTER_SMTP_PASSWORD,
// MUSTER_MEDIA, MUSTER_MEDIA_SECRET).
func Load(data, file string) (Config, error) {
	c := Config{
		Data: data, Addr: "127.0.0.1:8080",
		SMTP:     SMTP{Port: 587, TLS: "starttls"},
		Incident: Incident{Prefix: "INC", First: 1001},
		Runs:     Runs{LogLimit: 1 << 30, Workers: 64},

		Approvals: Approvals{CoolDownHours: 24, NewcomerHours: 24},
		Sessions:  Sessions{IdleMinutes: 720},
		Shutdown:  Shutdown{Runs: 30 * time.Second, Requests: 10 * time.Second},
		Media:     Media{Engine: "child", UDPPort: 7882, TCPPort: 7881, KeepDays: 90, TranscribeModel: "whisper-1"},
		Log:       Log{Format: "text", Level: "info"},
	}
	given := file != ""
	if !given {
		file = filepath.Join(data, "muster.yaml")
	}
	b, err := os.ReadFile(file) // #nosec G304 -- the settings file that the administrator names
	if err != nil && (given || !errors.Is(err, fs.ErrNotExist)) {
		return c, fmt.Errorf("read settings: %w", err)
	}
	if hasContent(b) {
		defaults := c
		// What is no map may have set everything to nothing, or said nothing at all.
		var settings map[string]any
		if err := yaml.Unmarshal(b, &settings); err != nil || settings == nil {
			return defaults, fmt.Errorf("%s: %s", file, notSettings(err))
		}
		if err := yaml.UnmarshalWithOptions(b, &c, yaml.Strict()); err != nil {
			return defaults, fmt.Errorf("%s: %s", file, yaml.FormatError(err, false, true))
		}
	}
	for name, p := range map[string]*string{"MUSTER_ADDR": &c.Addr, "MUSTER_DATABASE": &c.Database, "MUSTER_PUBLIC_URL": &c.PublicURL, "MUSTER_SMTP_PASSWORD": &c.SMTP.Password, "MUSTER_MEDIA": &c.Media.Engine, "MUSTER_MEDIA_SECRET": &c.Media.Secret, "MUSTER_TRANSCRIBE_KEY": &c.Media.TranscribeKey} {
		if v := os.Getenv(name); v != "" {
			*p = v
		}
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	return c, c.Check()
}

// Same says whether a settings file is the one in the data folder, which is what
// everything reads that opens the folder without the server.
func Same(data, file string) bool {
	a, err := os.Stat(filepath.Join(data, "muster.yaml"))
	if err != nil {
		return false
	}
	b, err := os.Stat(file)
	return err == nil && os.SameFile(a, b)
}

func notSettings(err error) string {
	if err == nil {
		return "this is not a list of settings. Write each as NAME: VALUE, or take the line out"
	}
	return yaml.FormatError(err, false, true)
}

// hasContent tells a file of comments from one that sets something: the former
// would be read as "nothing", defaults included.
func hasContent(b []byte) bool {
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" && line != "---" && !strings.HasPrefix(line, "#") {
			return true
		}
	}
	return false
}

// Check says what is wrong with the settings, and how to mend it.
func (c Config) Check() error {
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		return fmt.Errorf("addr %q must be HOST:PORT, for example 127.0.0.1:8080", c.Addr)
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		return errors.New("tls needs both cert and key, or neither")
	}
	if err := c.checkACME(); err != nil {
		return err
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" || u.RawQuery != "" || u.User != nil {
			return fmt.Errorf("public_url %q must be like https://muster.example.com", c.PublicURL)
		}
	}
	switch c.SMTP.TLS {
	case "none", "starttls", "tls":
	default:
		return fmt.Errorf("smtp.tls %q must be none, starttls or tls", c.SMTP.TLS)
	}
	if c.SMTP.Port < 1 || c.SMTP.Port > 65535 {
		return fmt.Errorf("smtp.port %d must be a port, for example 587", c.SMTP.Port)
	}
	if c.SMTP.Host != "" && !strings.Contains(c.SMTP.From, "@") {
		return errors.New("smtp.from must be the mail address pages are sent from")
	}
	// A ticket is found however it is typed, so its prefix is written one way.
	if !prefix.MatchString(c.Incident.Prefix) {
		return fmt.Errorf("incident.prefix %q must be 1 to 16 capital letters and digits, beginning with a letter, for example INC", c.Incident.Prefix)
	}
	if c.Incident.First < 1 {
		return fmt.Errorf("incident.first %d must be 1 or more", c.Incident.First)
	}
	if c.Runs.Workers < 1 || c.Runs.Workers > 1000 {
		return fmt.Errorf("runs.workers %d must be 1 to 1000", c.Runs.Workers)
	}
	if c.Runs.LogLimit < 1<<20 {
		return fmt.Errorf("runs.log_limit %d must be at least 1048576 bytes", c.Runs.LogLimit)
	}
	for name, hours := range map[string]int{"cool_down_hours": c.Approvals.CoolDownHours, "newcomer_hours": c.Approvals.NewcomerHours} {
		if hours < 0 || hours > 8760 {
			return fmt.Errorf("approvals.%s %d must be 0 to 8760", name, hours)
		}
	}
	if m := c.Sessions.IdleMinutes; m < 10 || m > 10080 {
		return fmt.Errorf("sessions.idle_minutes %d must be 10 to 10080", m)
	}
	for use, t := range map[outbound.Use]Targets{outbound.Mail: c.Outbound.Mail, outbound.Nodes: c.Outbound.Nodes, outbound.URLs: c.Outbound.URLs, outbound.Services: c.Outbound.Services} {
		if _, err := t.Rules(); err != nil {
			return fmt.Errorf("outbound.%s: %w", use, err)
		}
	}
	if err := c.Media.check(); err != nil {
		return err
	}
	if c.Shutdown.Runs < 0 || c.Shutdown.Runs > time.Hour {
		return fmt.Errorf("shutdown.runs %s must be 0s to 1h", c.Shutdown.Runs)
	}
	if c.Shutdown.Requests < time.Second || c.Shutdown.Requests > 5*time.Minute {
		return fmt.Errorf("shutdown.requests %s must be 1s to 5m", c.Shutdown.Requests)
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		return fmt.Errorf("log.format %q must be text or json", c.Log.Format)
	}
	switch c.Log.Level {
	case "debug", "info", "warn", "error":
	default:
		return fmt.Errorf("log.level %q must be debug, info, warn or error", c.Log.Level)
	}
	return nil
}

var prefix = regexp.MustCompile(`^[A-Z][A-Z0-9]{0,15}$`)

// DatabaseURL is what db.Open takes.
func (c Config) DatabaseURL() string {
	if c.Database != "" {
		return c.Database
	}
	return filepath.Join(c.Data, "muster.db")
}

// MasterKeyFile is where the key of stored secrets is.
func (c Config) MasterKeyFile() string { return c.in(c.MasterKey, "master.key") }

// LedgerKeyFile is where the ledger's key is.
func (c Config) LedgerKeyFile() string { return c.in(c.LedgerKey, "ledger.key") }

func (c Config) in(set, name string) string {
	if set != "" {
		return set
	}
	return filepath.Join(c.Data, name)
}

// Loopback says whether the address is reachable from this machine only.
func (c Config) Loopback() bool {
	host, _, _ := net.SplitHostPort(c.Addr)
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

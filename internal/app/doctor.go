package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"muster/internal/call/livekit"
	"muster/internal/cli"
	"muster/internal/config"
	"muster/internal/db"
	"muster/internal/doctor"
	"muster/internal/fault"
	"muster/internal/outbound"
)

func examine(ctx context.Context, std cli.Streams, in cli.Doctor) error {
	c, err := config.Load(in.Data, "")
	found := []doctor.Finding{}
	if err != nil {
		found = append(found, doctor.Finding{Check: "settings", Level: doctor.Fail, Text: err.Error(), Remedy: "Mend muster.yaml (or the MUSTER_… variables) as the text says; docs/muster.yaml has every setting."})
	} else {
		mail, _ := c.Outbound.Mail.Rules() // Load has checked them
		found = append(found, doctor.Finding{Check: "settings", Level: doctor.OK, Text: settingsText(c)})
		found = append(found, doctor.Examine(ctx, doctor.Patient{
			Data: c.Data, Addr: c.Addr, PublicURL: c.PublicURL, Loopback: c.Loopback(), Database: c.DatabaseURL(), MasterKey: c.MasterKeyFile(), LedgerKey: c.LedgerKeyFile(),
			ACME: c.TLS.ACME.AcceptTerms, Cert: c.TLS.Cert, Key: c.TLS.Key, SMTP: doctor.SMTP{Host: c.SMTP.Host, Port: c.SMTP.Port, TLS: c.SMTP.TLS, User: c.SMTP.Username, Roots: c.SMTP.Roots, Rules: mail},
			Media: examinedMedia(c),
			Build: build(), Running: running(c.Data), Deep: in.Deep, Now: time.Now(),
		})...)
	}
	fails, warns := 0, 0
	for _, f := range found {
		switch f.Level {
		case doctor.Fail:
			fails++
		case doctor.Warn:
			warns++
		}
	}
	if in.JSON {
		if err := printJSON(std.Out, map[string]any{"items": found, "failed": fails, "warned": warns}); err != nil {
			return err
		}
	} else {
		for _, f := range found {
			fmt.Fprintf(std.Out, "%-5s %-15s %s\n", f.Level, f.Check, f.Text)
			if f.Remedy != "" && f.Level != doctor.OK {
				fmt.Fprintf(std.Out, "%-21s → %s\n", "", f.Remedy)
			}
		}
	}
	if fails > 0 {
		return fault.Newf(fault.Conflict, "%d of %d checks failed.", fails, len(found))
	}
	if !in.JSON {
		fmt.Fprintf(std.Out, "%d checks, none failed, %d to look at.\n", len(found), warns)
	}
	return nil
}

func examinedMedia(c config.Config) doctor.Media {
	m := c.Media
	out := doctor.Media{Engine: m.Engine, Local: c.Here(), UDPPort: m.UDPPort, TCPPort: m.TCPPort, Address: m.Address, URL: m.URL, TURNDomain: m.TURN.Domain, TURNCert: m.TURN.Cert, TURNKey: m.TURN.Key, TURNTLSPort: m.TURN.TLSPort, TURNUDPPort: m.TURN.UDPPort}
	if m.Engine == config.MediaLiveKit {
		rules, _ := c.Outbound.Services.Rules() // Load has checked them
		client := outbound.New(outbound.Services, rules, outbound.Options{}).Client(10 * time.Second)
		out.Ask = livekit.NewRemote(m.URL, m.Key, m.Secret, client, slog.New(slog.DiscardHandler)).Ask
	}
	return out
}

func settingsText(c config.Config) string {
	file := filepath.Join(c.Data, "muster.yaml")
	if _, err := os.Stat(file); err != nil {
		file = "defaults"
	}
	where := "SQLite"
	if db.IsPostgres(c.DatabaseURL()) {
		where = "PostgreSQL"
		if u, err := url.Parse(c.Database); err == nil {
			where += " at " + u.Host
		}
	}
	return fmt.Sprintf("%s, %s, %s", file, c.Addr, where)
}

func build() string {
	rev := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				rev = ", " + s.Value
			}
		}
	}
	return fmt.Sprintf("Muster %s%s, %s, %s/%s", Version, rev, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// running says whether a server holds the data folder.
func running(data string) bool {
	// #nosec G304 -- the lock of the data folder
	f, err := os.Open(filepath.Join(data, "lock"))
	if err != nil {
		return false
	}
	defer f.Close()
	return lock(f) != nil
}

package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"syscall"
	"time"

	"muster/internal/actor"
	"muster/internal/call/livekit"
	"muster/internal/cli"
	"muster/internal/config"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
)

// demoUser owns no file: who steps on the demo's own machine run as.
const demoUser = "nobody"

// Run carries out one command line and gives the process's exit code.
func Run(ctx context.Context, args []string) int {
	// Not a command for people: the server starts itself so for voice and video.
	if len(args) == 1 && args[0] == mediaCommand {
		if err := livekit.Main(ctx, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return cli.ExitFailed
		}
		return cli.ExitDone
	}
	return cli.Main(ctx, args, cli.Std(), cli.Hooks{Version: Version, Serve: serve, Verify: verifyLedger, Checkpoint: exportCheckpoint, Keeping: keeping()})
}

// serve runs until ctx ends.
func serve(ctx context.Context, std cli.Streams, in cli.Serve) error {
	syscall.Umask(0o077) // what the server writes is its own business
	data := in.Data
	if data == "" {
		data = "data"
	}
	cfg, err := config.Load(data, in.Config)
	if err != nil {
		return fault.Wrap(fault.Invalid, err.Error(), err)
	}
	if in.Addr != "" {
		cfg.Addr = in.Addr
	}
	if cfg.Demo = in.Demo; cfg.Demo {
		cfg.Incident.First = 2041
		cfg.Colleagues = in.Colleagues
		cfg.Runs = demoSteps(cfg.Runs, os.Geteuid())
	}
	if err := cfg.Check(); err != nil {
		return fault.Wrap(fault.Invalid, err.Error(), err)
	}
	log := newLog(std.Err, cfg.Log)
	slog.SetDefault(log) // db has none of its own
	if in.Config != "" && !config.Same(data, in.Config) {
		log.Warn("backup, doctor and other commands on the data folder read the settings in it, not these: make one a link to the other", "these", in.Config, "theirs", filepath.Join(data, "muster.yaml"))
	}
	m := newManager(log)
	a, err := Start(ctx, cfg, log)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err.Error(), err)
	}
	if err := os.WriteFile(filepath.Join(data, "url"), []byte(a.URL()+"\n"), 0o600); err != nil {
		log.Warn("write the address", "error", err)
	}
	// Whoever stops it while it greets wants it to end as at any other time.
	if err = a.greet(ctx, std); err == nil || ctx.Err() != nil {
		m.tell("READY=1\nSTATUS=Serving " + a.URL())
		signs, quiet := context.WithCancel(context.Background())
		defer quiet()
		go m.watchdog(signs, a.DB.Ping)
		select {
		case <-ctx.Done():
			log.Info("stopping", "runs", a.Runs.Active())
			err = nil
		case err = <-a.Failed():
		}
	}
	m.tell("STOPPING=1\nSTATUS=Letting runs end")
	began := time.Now()
	// Asked a second time, it no longer waits.
	again, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if serr := a.Stop(again); serr != nil {
		log.Error("stop", "error", serr)
	}
	log.Info("stopped", "seconds", time.Since(began).Seconds())
	return err
}

// demoSteps says as whom steps of the demo run on its own machine. As Muster's
// own user a step reaches the console, and so everything. Where root runs the
// demo its steps get a user who owns nothing; elsewhere they are refused, unless
// the settings say otherwise.
func demoSteps(r config.Runs, uid int) config.Runs {
	if _, err := user.Lookup(demoUser); err == nil && uid == 0 && !r.AllowLocal && r.LocalUser == "" {
		r.LocalUser = demoUser
	}
	return r
}

// greet prints where Muster is, and how the first person gets in.
func (a *App) greet(ctx context.Context, std cli.Streams) error {
	fmt.Fprintf(std.Out, "Muster is ready at %s\n", a.url)
	if !a.cfg.Loopback() && a.cfg.TLS.Cert == "" && !a.cfg.TLS.ACME.AcceptTerms {
		fmt.Fprintf(std.Out, "Its certificate is of this trial's own authority: trust %s, or set tls.cert and tls.key in %s.\n", filepath.Join(a.cfg.Data, "ca.pem"), filepath.Join(a.cfg.Data, "muster.yaml"))
	}
	for _, l := range a.logins {
		if l.role == colleague {
			continue
		}
		if l.role == webhook {
			fmt.Fprintf(std.Out, "Alertmanager posts to %s/hooks/alertmanager/%s\n", a.url, l.password)
			continue
		}
		fmt.Fprintf(std.Out, "  %-8s %-22s %s\n", l.name, l.password, l.role)
	}
	needed, err := a.Accounts.SetupNeeded(ctx, a.DB.Read())
	if err != nil || !needed {
		return err
	}
	var token string
	if err := a.Access.Do(ctx, actor.System("setup"), func(tx *db.Tx) error {
		token, err = a.Accounts.NewSetupToken(ctx, tx)
		return err
	}); err != nil {
		return err
	}
	fmt.Fprintf(std.Out, "Make the first administrator (the link works once, for a day):\n  %s/setup?token=%s\n", a.url, token)
	return nil
}

// started is the ledger event of a server that began to serve.
type started struct {
	Version string `json:"version" class:"public"`
	Demo    bool   `json:"demo" class:"public"`
}

func (started) EventKind() string { return "muster.Started" }

func (a *App) recordStart(ctx context.Context) error {
	return a.DB.Do(ctx, func(tx *db.Tx) error {
		return a.Ledger.Append(ctx, tx, actor.System("muster"), ledger.About{}, started{Version, a.cfg.Demo})
	})
}

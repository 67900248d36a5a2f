// Package cli is the command line: a client of the HTTP API, over the network
// with MUSTER_URL and MUSTER_TOKEN, or on the server's own machine through the
// data folder's admin.sock.
//
// Invariant: it decides nothing. What it prints with --json has a stable shape
// (see shape.go), and how it ends is one of five exit codes. Commands that own a
// data folder (serve, ledger, backup, doctor) have their grammar here and their work in Hooks,
// which the composition root fills.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"muster/internal/fault"
)

// Exit codes. Scripts rely on them.
const (
	ExitDone    = 0
	ExitFailed  = 1
	ExitUsage   = 2
	ExitDenied  = 3
	ExitWaiting = 4 // accepted, and waits for somebody's approval
)

// Streams are where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Std are the process's own streams.
func Std() Streams { return Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr} }

// Hooks do the work of the commands that own a data folder.
type Hooks struct {
	Version    string
	Serve      func(ctx context.Context, std Streams, in Serve) error
	Verify     func(ctx context.Context, std Streams, in Verify) error
	Checkpoint func(ctx context.Context, std Streams, in Checkpoint) error
	Keeping    Keeping
}

// Serve is what `muster serve` was asked for. Empty means the default.
type Serve struct {
	Data, Addr, Config string
	Demo               bool
	Colleagues         bool // simulated ones are at work in the demo
}

// Verify is what `muster ledger verify` was asked for.
type Verify struct {
	Data       string
	Checkpoint string // a file exported earlier; without one a cut tail cannot be seen
	JSON       bool
}

// Checkpoint is what `muster ledger checkpoint` was asked for.
type Checkpoint struct {
	Data string
	Out  string // a file; empty is the standard output
	JSON bool
}

type grammar struct {
	JSON    bool             `name:"json" help:"Print JSON in a stable shape."`
	Data    string           `type:"path" placeholder:"DIR" help:"The data folder of a Muster on this machine: its admin.sock is used instead of MUSTER_URL."`
	Version kong.VersionFlag `help:"Print the version."`

	Serve   serveCmd   `cmd:"" help:"Start Muster."`
	Backup  backupCmd  `cmd:"" help:"Back up a data folder, and check backups."`
	Restore restoreCmd `cmd:"" help:"Bring a backup back into an empty folder."`
	Migrate migrateCmd `cmd:"" help:"Move from SQLite to PostgreSQL; Muster must be stopped."`
	Doctor  doctorCmd  `cmd:"" help:"Check this machine, the settings and the data, and say what to do."`
	Health  healthCmd  `cmd:"" help:"Say by the exit code whether the server of --data is ready."`

	Office    officeCmd    `cmd:"" help:"The office itself."`
	User      userCmd      `cmd:"" help:"People."`
	Token     tokenCmd     `cmd:"" help:"API tokens."`
	Room      roomCmd      `cmd:"" help:"Rooms."`
	Say       sayCmd       `cmd:"" help:"Say something in a room; a text that begins with / is a command, as in the browser."`
	Run       runCmd       `cmd:"" help:"Runs of jobs."`
	Adhoc     adhocCmd     `cmd:"" help:"Run a command on the nodes a filter matches."`
	Incident  incidentCmd  `cmd:"" help:"Incidents."`
	Alert     alertCmd     `cmd:"" help:"Alerts and where they come from."`
	Service   serviceCmd   `cmd:"" help:"Services, which alerts and incidents are about."`
	Oncall    oncallCmd    `cmd:"" help:"Who is on call."`
	Rotation  rotationCmd  `cmd:"" help:"On-call rotations."`
	Gateway   gatewayCmd   `cmd:"" help:"Gateways: a firm's own way to telephones, for pages."`
	Project   projectCmd   `cmd:"" help:"Projects: jobs, nodes and policies that belong together."`
	Job       jobCmd       `cmd:"" help:"Job definitions."`
	Node      nodeCmd      `cmd:"" help:"Nodes: the machines jobs run on."`
	Policy    policyCmd    `cmd:"" help:"Access policies (aclpolicy)."`
	Approvals approvalsCmd `cmd:"" help:"Approval rules."`
	Key       keyCmd       `cmd:"" help:"Key storage."`
	Ledger    ledgerCmd    `cmd:"" help:"The sealed record."`
}

const description = `Muster: operations in one place.

Commands talk to the Muster at MUSTER_URL as the owner of MUSTER_TOKEN, or, on its own machine, through --data DIR as system administrator.
MUSTER_INSECURE=1 accepts a certificate this machine does not trust.

Exit codes: 0 done, 1 failed, 2 usage, 3 denied, 4 waiting for approval.`

// exit is how kong ends early: --help and --version.
type exit int

// Main runs one command line and gives the process's exit code.
func Main(ctx context.Context, args []string, std Streams, hooks Hooks) (code int) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exit:
			code = int(r)
		default:
			panic(r)
		}
	}()

	var g grammar
	parser, err := kong.New(&g,
		kong.Name("muster"),
		kong.Description(description),
		kong.Writers(std.Out, std.Err),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.Vars{"version": hooks.Version},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		panic(err) // the grammar itself is wrong
	}
	command, err := parser.Parse(args)
	if err != nil {
		return report(std, slices.Contains(args, "--json"), usageError(err))
	}
	s := &session{std: std, json: g.JSON, data: g.Data, hooks: hooks}
	command.BindTo(ctx, (*context.Context)(nil))
	return report(std, g.JSON, command.Run(s))
}

// outcome is an error that says itself how the process ends.
type outcome struct {
	code int
	word string // as `code` in JSON
	text string
}

func (o *outcome) Error() string { return o.text }

func usage(format string, a ...any) error {
	return &outcome{ExitUsage, "usage", fmt.Sprintf(format, a...)}
}

func failed(format string, a ...any) error {
	return &outcome{ExitFailed, "failed", fmt.Sprintf(format, a...)}
}

// usageError adds to kong's text which help to read.
func usageError(err error) error {
	help := "muster --help"
	if p, ok := errors.AsType[*kong.ParseError](err); ok && p.Context != nil {
		if path := p.Context.Command(); path != "" {
			// The path also holds "<arg>" placeholders.
			words := slices.DeleteFunc(strings.Fields(path), func(w string) bool { return strings.HasPrefix(w, "<") })
			help = "muster " + strings.Join(append(words, "--help"), " ")
		}
	}
	return usage("%s. See: %s", strings.TrimSuffix(err.Error(), "."), help)
}

// report prints err and gives the exit code it stands for.
func report(std Streams, asJSON bool, err error) int {
	if err == nil {
		return ExitDone
	}
	p := problemOf(err)
	if asJSON {
		_ = json.NewEncoder(std.Err).Encode(p)
		return p.exit
	}
	fmt.Fprintf(std.Err, "muster: %s", clean(p.Detail))
	if len(p.Errors) == 1 && p.Errors[0].Message == p.Detail {
		fmt.Fprintf(std.Err, " (%s)\n", clean(p.Errors[0].Location))
		return p.exit
	}
	fmt.Fprintln(std.Err)
	for _, f := range p.Errors {
		fmt.Fprintf(std.Err, "  %s: %s\n", clean(f.Location), clean(f.Message))
	}
	return p.exit
}

// problemOf brings every error into the API's own shape.
func problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if o, ok := errors.AsType[*outcome](err); ok {
		return &problem{Title: o.word, Detail: o.text, Code: o.word, exit: o.code}
	}
	if errors.Is(err, context.Canceled) {
		return &problem{Title: "stopped", Detail: "Stopped. What was already asked of Muster goes on.", Code: "stopped", exit: ExitFailed}
	}
	kind := fault.KindOf(err)
	p := &problem{Title: kind.String(), Detail: fault.Message(err), Code: kind.String(), exit: kind.ExitCode()}
	if kind == fault.Internal {
		p.Detail = err.Error() // nobody to hide it from: it happened on the caller's machine
	}
	for _, f := range fault.FieldsOf(err) {
		p.Errors = append(p.Errors, fieldProblem{f.Field, f.Message})
	}
	return p
}

// Model is the grammar of the command line, for the reference that is made from it.
func Model() (*kong.Application, error) {
	parser, err := kong.New(&grammar{}, kong.Name("muster"), kong.Vars{"version": ""})
	if err != nil {
		return nil, err
	}
	return parser.Model, nil
}

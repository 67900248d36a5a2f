package cli

import (
	"context"
)

// Backup is what `muster backup` was asked for.
type Backup struct {
	Data           string
	Out            string // a file, or a folder that takes several
	Recipients     []string
	RecipientFiles []string
	Passphrase     string // a file
	Plain          bool
	WithKeys       bool
	Keep           int // in a folder: remove all but so many
	JSON           bool
}

// BackupVerify is what `muster backup verify` was asked for.
type BackupVerify struct {
	File       string
	Identity   string
	Passphrase string
	Checkpoint string
	Scratch    string
	JSON       bool
}

// Restore is what `muster restore` was asked for.
type Restore struct {
	File       string
	Data       string
	Identity   string
	Passphrase string
	Database   string
	Checkpoint string
	JSON       bool
}

// Migrate is what `muster migrate` was asked for.
type Migrate struct {
	Data  string
	To    string
	Check bool
	JSON  bool
}

// Doctor is what `muster doctor` was asked for.
type Doctor struct {
	Data string
	Deep bool
	JSON bool
}

// Keeping does the work of the commands with which a data folder is kept.
type Keeping struct {
	Backup       func(ctx context.Context, std Streams, in Backup) error
	BackupVerify func(ctx context.Context, std Streams, in BackupVerify) error
	BackupKeygen func(ctx context.Context, std Streams, out string) error
	Restore      func(ctx context.Context, std Streams, in Restore) error
	Migrate      func(ctx context.Context, std Streams, in Migrate) error
	Doctor       func(ctx context.Context, std Streams, in Doctor) error
	RotateMaster func(ctx context.Context, std Streams, data string, asJSON bool) error
}

type backupCmd struct {
	Make   backupMake   `cmd:"" default:"withargs" help:"Take everything into one encrypted file; Muster may run (default)."`
	Verify backupVerify `cmd:"" help:"Restore a backup into a scratch folder, check all of it, and remove the folder."`
	Keygen backupKeygen `cmd:"" help:"Make the pair of keys that backups are encrypted with and opened with."`
}

type backupMake struct {
	Out            string   `required:"" type:"path" placeholder:"FILE|DIR" help:"The file to make; in a folder it is named by its time."`
	Recipient      []string `placeholder:"age1…" help:"Whom it is encrypted for; may be repeated."`
	RecipientsFile []string `type:"path" placeholder:"FILE" help:"A file of recipients, a line each."`
	PassphraseFile string   `type:"path" placeholder:"FILE" help:"Encrypt with the passphrase in its first line."`
	Plain          bool     `help:"Do not encrypt: whoever has the file reads everything."`
	WithKeys       bool     `help:"Put master.key, ledger.key, the trial certificate and muster.yaml into it too."`
	Keep           int      `placeholder:"N" help:"Then remove all but the newest N backups in the folder."`
}

func (b backupMake) Run(ctx context.Context, s *session) error {
	if s.data == "" {
		return usage("What is to be backed up? Give --data DIR.")
	}
	if b.Keep < 0 {
		return usage("--keep must be 1 or more.")
	}
	return s.hooks.Keeping.Backup(ctx, s.std, Backup{Data: s.data, Out: b.Out, Recipients: b.Recipient, RecipientFiles: b.RecipientsFile,
		Passphrase: b.PassphraseFile, Plain: b.Plain, WithKeys: b.WithKeys, Keep: b.Keep, JSON: s.json})
}

type backupVerify struct {
	File           string `arg:"" type:"path" help:"The backup."`
	Identity       string `type:"path" placeholder:"FILE" help:"The age identity that opens it."`
	PassphraseFile string `type:"path" placeholder:"FILE" help:"The passphrase that opens it, in its first line."`
	Checkpoint     string `type:"path" placeholder:"FILE" help:"A ledger checkpoint exported earlier, to compare with."`
	Scratch        string `type:"path" placeholder:"DIR" help:"Where to unpack it (default: the system's folder for temporary files)."`
}

func (v backupVerify) Run(ctx context.Context, s *session) error {
	return s.hooks.Keeping.BackupVerify(ctx, s.std, BackupVerify{File: v.File, Identity: v.Identity, Passphrase: v.PassphraseFile, Checkpoint: v.Checkpoint, Scratch: v.Scratch, JSON: s.json})
}

type backupKeygen struct {
	Out string `required:"" type:"path" placeholder:"FILE" help:"Where the identity, which opens backups, is written. The recipient is printed."`
}

func (k backupKeygen) Run(ctx context.Context, s *session) error {
	return s.hooks.Keeping.BackupKeygen(ctx, s.std, k.Out)
}

type restoreCmd struct {
	File           string `arg:"" type:"path" help:"The backup."`
	Identity       string `type:"path" placeholder:"FILE" help:"The age identity that opens it."`
	PassphraseFile string `type:"path" placeholder:"FILE" help:"The passphrase that opens it, in its first line."`
	Database       string `placeholder:"postgres://…" help:"An empty PostgreSQL database for the rows (default: as muster.yaml says, else SQLite in the folder)."`
	Checkpoint     string `type:"path" placeholder:"FILE" help:"A ledger checkpoint exported earlier, to compare with."`
}

func (r restoreCmd) Run(ctx context.Context, s *session) error {
	if s.data == "" {
		return usage("Where to? Give an empty folder with --data DIR.")
	}
	return s.hooks.Keeping.Restore(ctx, s.std, Restore{File: r.File, Data: s.data, Identity: r.Identity, Passphrase: r.PassphraseFile, Database: r.Database, Checkpoint: r.Checkpoint, JSON: s.json})
}

type migrateCmd struct {
	To    string `required:"" placeholder:"postgres://…" help:"An empty PostgreSQL database."`
	Check bool   `help:"Only look whether it would work."`
}

func (m migrateCmd) Run(ctx context.Context, s *session) error {
	if s.data == "" {
		return usage("What is to be moved? Give --data DIR.")
	}
	return s.hooks.Keeping.Migrate(ctx, s.std, Migrate{Data: s.data, To: m.To, Check: m.Check, JSON: s.json})
}

type doctorCmd struct {
	Deep bool `help:"Verify the whole ledger, and the database's own structure."`
}

func (d doctorCmd) Run(ctx context.Context, s *session) error {
	data := s.data
	if data == "" {
		data = "data"
	}
	return s.hooks.Keeping.Doctor(ctx, s.std, Doctor{Data: data, Deep: d.Deep, JSON: s.json})
}

type keyRotate struct{}

func (keyRotate) Run(ctx context.Context, s *session) error {
	if s.data == "" {
		return usage("Whose master key? Give --data DIR.")
	}
	return s.hooks.Keeping.RotateMaster(ctx, s.std, s.data, s.json)
}

package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/backup"
	"muster/internal/bus"
	"muster/internal/cli"
	"muster/internal/clock"
	"muster/internal/config"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/key"
	"muster/internal/ledger"
)

func keeping() cli.Keeping {
	return cli.Keeping{Backup: makeBackup, BackupVerify: verifyBackup, BackupKeygen: backupKeygen, Restore: restore, Migrate: migrate, Doctor: examine, RotateMaster: rotateMaster}
}

// tell gives progress to people; scripts that read JSON get none.
func tell(std cli.Streams, asJSON bool) backup.Progress {
	return func(format string, a ...any) {
		if !asJSON {
			fmt.Fprintf(std.Err, format+"\n", a...)
		}
	}
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// withKeys are the files of this server that a backup holds only when asked to.
func withKeys(c config.Config) (map[string]string, error) {
	out := map[string]string{}
	for name, file := range map[string]string{
		"master.key": c.MasterKeyFile(), "ledger.key": c.LedgerKeyFile(), "muster.yaml": filepath.Join(c.Data, "muster.yaml"),
		"ca.pem": filepath.Join(c.Data, "ca.pem"), "ca.key": filepath.Join(c.Data, "ca.key"), "tls.pem": filepath.Join(c.Data, "tls.pem"), "tls.key": filepath.Join(c.Data, "tls.key"),
	} {
		_, err := os.Stat(file)
		switch {
		case err == nil:
			out[name] = file
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		case name == "master.key" || name == "ledger.key":
			return nil, fault.Newf(fault.NotFound, "%s is missing, so it cannot go into the backup.", file)
		}
	}
	return out, nil
}

func makeBackup(ctx context.Context, std cli.Streams, in cli.Backup) error {
	syscall.Umask(0o077)
	c, err := config.Load(in.Data, "")
	if err != nil {
		return fault.Wrap(fault.Invalid, err.Error(), err)
	}
	recipients, err := backup.Recipients(in.Recipients, in.RecipientFiles, in.Passphrase)
	if err != nil {
		return err
	}
	d, pub, err := openLedger(in.Data)
	if err != nil {
		return err
	}
	defer d.Close()
	m := backup.Make{DB: d, Blobs: filepath.Join(in.Data, "blobs"), LedgerKey: pub, Muster: Version, Recipients: recipients, Plain: in.Plain, At: time.Now(), Tell: tell(std, in.JSON)}
	if in.WithKeys {
		if m.Keys, err = withKeys(c); err != nil {
			return err
		}
	}
	m.Out = in.Out
	folder := ""
	if st, err := os.Stat(in.Out); err == nil && st.IsDir() {
		folder = in.Out
		m.Out = filepath.Join(in.Out, backup.Name(m.At, in.Plain))
	} else if in.Keep > 0 {
		return fault.Newf(fault.Invalid, "--keep needs --out to be a folder; %s is none.", in.Out)
	}
	man, err := m.Do(ctx)
	if err != nil {
		return err
	}
	st, err := os.Stat(m.Out)
	if err != nil {
		return err
	}
	removed := []string{}
	if folder != "" && in.Keep > 0 {
		if removed, err = backup.Keep(folder, in.Keep); err != nil {
			return fmt.Errorf("remove old backups: %w", err)
		}
	}
	noteErr := noteBackup(ctx, c, man, m, st.Size())
	if in.JSON {
		return printJSON(std.Out, map[string]any{"file": m.Out, "bytes": st.Size(), "made_at": man.MadeAt, "muster": man.Muster, "schema": man.Schema, "engine": man.Engine,
			"rows": man.Rows, "tables": man.Tables, "blobs": man.Blobs, "missing": man.Missing, "keys": man.Keys, "records": man.Ledger.Records, "checkpoint": man.Ledger.Checkpoint,
			"removed": append([]string{}, removed...), "recorded": noteErr == nil})
	}
	fmt.Fprintf(std.Out, "%s: %s, %d rows, %d files, %d ledger records.\n", m.Out, backup.Size(st.Size()), man.Rows, man.Blobs.Count, man.Ledger.Records)
	for _, r := range removed {
		fmt.Fprintf(std.Out, "Removed %s.\n", r)
	}
	if in.WithKeys {
		fmt.Fprintln(std.Out, "It holds the keys: whoever opens it has everything.")
	} else {
		fmt.Fprintf(std.Out, "The keys are not in it. Keep %s and %s apart from it, or nothing restored can go on.\n", c.MasterKeyFile(), c.LedgerKeyFile())
	}
	if n := len(man.Missing); n > 0 {
		fmt.Fprintf(std.Err, "Of the files that logs are kept in, %d are missing, such as %s. The backup holds what there is.\n", n, man.Missing[0])
	}
	if noteErr != nil {
		fmt.Fprintf(std.Err, "The backup is made, but its record is not: %s\n", fault.Message(noteErr))
	}
	return nil
}

// noteBackup records a backup in the ledger and in the data folder.
func noteBackup(ctx context.Context, c config.Config, man backup.Manifest, m backup.Make, size int64) error {
	last, err := json.MarshalIndent(backup.Last{File: m.Out, At: man.MadeAt, Bytes: size, Records: man.Ledger.Records, Encrypted: !m.Plain, WithKeys: len(man.Keys) > 0}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.Data, backup.LastFile), append(last, '\n'), 0o600); err != nil {
		return fault.Wrap(fault.Denied, "The data folder cannot be written to: "+err.Error(), err)
	}
	return onDatabase(ctx, c, func(d *db.DB, l *ledger.Ledger, _ *access.Access) error {
		who := actor.System("backup")
		who.Door = "cli"
		return d.Do(ctx, func(tx *db.Tx) error {
			return l.Append(ctx, tx, who, ledger.About{Resource: "backup:" + filepath.Base(m.Out)},
				backup.Made{File: m.Out, Rows: man.Rows, Files: man.Blobs.Count, Records: man.Ledger.Records, Encrypted: !m.Plain, WithKeys: len(man.Keys) > 0})
		})
	})
}

// onDatabase opens a folder's database to write to it, beside a server that
// may run: every transaction is whole, whichever process makes it.
func onDatabase(ctx context.Context, c config.Config, fn func(*db.DB, *ledger.Ledger, *access.Access) error) error {
	if _, err := os.Stat(c.LedgerKeyFile()); err != nil {
		return fault.Wrap(fault.NotFound, "The ledger's key cannot be used: "+err.Error(), err)
	}
	keys, err := ledger.LoadKeys(c.LedgerKeyFile())
	if err != nil {
		return err
	}
	d, err := db.OpenAsIs(ctx, c.DatabaseURL())
	if err != nil {
		return err
	}
	l := ledger.New(clock.Real{}, bus.NewMemory(), keys)
	err = fn(d, l, access.New(d, l, clock.Real{}, quiet))
	return errors.Join(err, d.Close())
}

func readCheckpoint(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	// #nosec G304 -- a file that the administrator names, or of the data folder
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, "The checkpoint file cannot be read: "+err.Error(), err)
	}
	return string(b), nil
}

func verifyBackup(ctx context.Context, std cli.Streams, in cli.BackupVerify) error {
	syscall.Umask(0o077)
	ids, err := backup.Identities(in.Identity, in.Passphrase)
	if err != nil {
		return err
	}
	checkpoint, err := readCheckpoint(in.Checkpoint)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(in.Scratch, "muster-verify-*")
	if err != nil {
		return fault.Wrap(fault.Invalid, "There is no place to unpack the backup: "+err.Error()+". Give one with --scratch DIR.", err)
	}
	out, err := backup.Restore{File: in.File, Identities: ids, Data: dir, Checkpoint: checkpoint, Scratch: true, Tell: tell(std, in.JSON)}.Do(ctx)
	if rerr := os.RemoveAll(dir); err == nil {
		err = rerr
	}
	if err != nil {
		return err
	}
	if in.JSON {
		return printJSON(std.Out, out)
	}
	fmt.Fprintf(std.Out, "The backup is sound. ")
	describe(std, out)
	return nil
}

func describe(std cli.Streams, out backup.Restored) {
	fmt.Fprintf(std.Out, "Made %s by Muster %s: %d rows of %d tables, %d files (%s), every one as its manifest says.\n", out.MadeAt, out.Muster, out.Rows, len(out.Tables), out.Blobs.Count, backup.Size(out.Blobs.Bytes))
	fmt.Fprintf(std.Out, "Its ledger is sound: %d records.\n", out.Records)
	if out.Later > 0 {
		fmt.Fprintf(std.Out, "IT IS OLDER than the checkpoint you gave. Records that came after it and are not in it: %d, up to number %d.\n", out.Later, out.Records+out.Later-1)
	}
	if n := len(out.Missing); n > 0 {
		fmt.Fprintf(std.Out, "%d files were missing already when it was made, such as %s.\n", n, out.Missing[0])
	}
}

func backupKeygen(_ context.Context, std cli.Streams, out string) error {
	text, recipient, err := backup.NewIdentity()
	if err != nil {
		return err
	}
	// #nosec G304 -- a file that the administrator names, or of the data folder
	f, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fault.Newf(fault.Conflict, "%s exists already. Give another name: a key is never replaced.", out)
	}
	if err != nil {
		return fault.Wrap(fault.Invalid, "The identity cannot be written: "+err.Error(), err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fault.Wrap(fault.Unavailable, "The identity cannot be written: "+err.Error(), err)
	}
	fmt.Fprintln(std.Out, recipient)
	fmt.Fprintf(std.Err, "Back up with --recipient and the line above. Only %s opens those backups: keep it away from this machine.\n", out)
	return nil
}

// hold takes a data folder for this process alone.
func hold(data, what string) (io.Closer, error) {
	// #nosec G304 -- a file that the administrator names, or of the data folder
	f, err := os.OpenFile(filepath.Join(data, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fault.Wrap(fault.Denied, "The data folder cannot be locked: "+err.Error(), err)
	}
	if err := lock(f); err != nil {
		_ = f.Close()
		return nil, fault.Newf(fault.Conflict, "Muster runs on %s. Stop it first, then %s.", data, what)
	}
	return f, nil
}

func restore(ctx context.Context, std cli.Streams, in cli.Restore) error {
	syscall.Umask(0o077)
	ids, err := backup.Identities(in.Identity, in.Passphrase)
	if err != nil {
		return err
	}
	checkpoint, err := readCheckpoint(in.Checkpoint)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(in.Data, 0o700); err != nil {
		return fault.Wrap(fault.Invalid, "The folder cannot be made: "+err.Error(), err)
	}
	// #nosec G302 -- a folder has to be entered by its owner
	if err := os.Chmod(in.Data, 0o700); err != nil {
		return fault.Wrap(fault.Denied, "The folder cannot be closed to others: "+err.Error(), err)
	}
	l, err := hold(in.Data, "restore into another folder")
	if err != nil {
		return err
	}
	defer l.Close()
	c, err := config.Load(in.Data, "")
	if err != nil {
		return fault.Wrap(fault.Invalid, err.Error(), err)
	}
	if in.Database == "" {
		in.Database = c.Database
	}
	out, err := backup.Restore{File: in.File, Identities: ids, Data: in.Data, Database: in.Database, MasterKey: c.MasterKeyFile(), LedgerKey: c.LedgerKeyFile(), Checkpoint: checkpoint, Tell: tell(std, in.JSON)}.Do(ctx)
	if err != nil {
		return err
	}
	// The settings may have come with it.
	if c, err = config.Load(in.Data, ""); err != nil {
		return fault.Wrap(fault.Invalid, "Everything is restored, but its settings cannot be read: "+err.Error(), err)
	}
	todo := []string{}
	for _, k := range out.Without {
		place := c.MasterKeyFile()
		if k == "ledger.key" {
			place = c.LedgerKeyFile()
		}
		todo = append(todo, fmt.Sprintf("Put %s, which you kept apart, at %s (mode 600).", k, place))
	}
	for _, k := range out.Keys {
		want := map[string]string{"master.key": c.MasterKeyFile(), "ledger.key": c.LedgerKeyFile()}[k]
		if got := filepath.Join(in.Data, k); want != "" && want != got {
			todo = append(todo, fmt.Sprintf("muster.yaml looks for %s at %s; the restored one is %s. Move it there, or change muster.yaml.", k, want, got))
		}
	}
	if in.Database != c.Database {
		if in.Database == "" {
			todo = append(todo, "The rows are in SQLite now, but muster.yaml names a database: take that line out.")
		} else {
			todo = append(todo, "Name the database in muster.yaml (database: …) or in MUSTER_DATABASE.")
		}
	}
	todo = append(todo, "Start it: muster serve --data "+in.Data)
	if in.JSON {
		return printJSON(std.Out, struct {
			backup.Restored
			Data string   `json:"data"`
			Next []string `json:"next"`
		}{out, in.Data, todo})
	}
	fmt.Fprintf(std.Out, "Restored into %s. ", in.Data)
	describe(std, out)
	fmt.Fprintln(std.Out, "When it starts, everybody signs in again, and runs that were queued or running become unknown: they may have gone on after the backup was made.")
	fmt.Fprintln(std.Out, "Next:")
	for _, t := range todo {
		fmt.Fprintln(std.Out, "  "+t)
	}
	return nil
}

func migrate(ctx context.Context, std cli.Streams, in cli.Migrate) error {
	if !strings.HasPrefix(in.To, "postgres://") && !strings.HasPrefix(in.To, "postgresql://") {
		return fault.New(fault.Invalid, "--to must be postgres://USER:PASSWORD@HOST:PORT/DATABASE.")
	}
	c, err := config.Load(in.Data, "")
	if err != nil {
		return fault.Wrap(fault.Invalid, err.Error(), err)
	}
	if c.Database != "" {
		return fault.New(fault.Conflict, "This Muster is on PostgreSQL already (database: in muster.yaml, or MUSTER_DATABASE). To copy it elsewhere, use muster backup and muster restore --database.")
	}
	d, pub, err := openLedger(in.Data)
	if err != nil {
		return err
	}
	defer d.Close()
	if !in.Check {
		l, err := hold(in.Data, "move it; with --check it may run")
		if err != nil {
			return err
		}
		defer l.Close()
	}
	rep, err := backup.Move{From: d, FromName: "sqlite", To: in.To, LedgerKey: pub, Check: in.Check, Tell: tell(std, in.JSON)}.Do(ctx)
	if err != nil {
		return err
	}
	if in.JSON {
		if err := printJSON(std.Out, rep); err != nil {
			return err
		}
	}
	if len(rep.Unfit) > 0 {
		return fault.New(fault.Conflict, "Some rows would not be taken:\n  "+strings.Join(rep.Unfit, "\n  "))
	}
	switch {
	case in.JSON:
	case in.Check:
		fmt.Fprintf(std.Out, "It would work: the target is empty, %d rows of %d tables fit, the ledger is sound (%d records). Nothing was changed.\n", rep.Rows, len(rep.Tables), rep.Records)
	default:
		fmt.Fprintf(std.Out, "Moved: %d rows of %d tables, the same on both sides. The ledger in the target is sound: %d records.\n", rep.Rows, len(rep.Tables), rep.Records)
		fmt.Fprintf(std.Out, "Now set this one line in %s, with the password in place of ***, and start Muster:\n  database: %s\n", filepath.Join(in.Data, "muster.yaml"), withoutPassword(in.To))
		fmt.Fprintf(std.Out, "%s is as it was. Keep it until you are content, and do not start Muster on it again: the two would go on apart.\n", c.DatabaseURL())
	}
	return nil
}

func rotateMaster(ctx context.Context, std cli.Streams, data string, asJSON bool) error {
	syscall.Umask(0o077)
	c, err := config.Load(data, "")
	if err != nil {
		return fault.Wrap(fault.Invalid, err.Error(), err)
	}
	d, _, err := openLedger(data) // is there a Muster at all?
	if err != nil {
		return err
	}
	if err := d.Close(); err != nil {
		return err
	}
	if _, err := os.Stat(c.MasterKeyFile()); err != nil {
		return fault.Wrap(fault.NotFound, "The master key cannot be used: "+err.Error()+". Restore it first.", err)
	}
	// A server that runs holds the old key in memory and could not open anything.
	l, err := hold(data, "rotate its master key")
	if err != nil {
		return err
	}
	defer l.Close()
	master, err := key.LoadMaster(c.MasterKeyFile())
	if err != nil {
		return err
	}
	n := 0
	err = onDatabase(ctx, c, func(d *db.DB, l *ledger.Ledger, a *access.Access) error {
		keys := key.New(a, l, clock.Real{}, master)
		if err := keys.Ready(ctx, d.Read()); err != nil {
			return err
		}
		who := actor.System("console")
		who.Door = "cli"
		if err := keys.Rotate(ctx, who, d.Do); err != nil {
			return err
		}
		return d.Read().QueryRow(ctx, `SELECT (SELECT COUNT(*) FROM stored_key) + (SELECT COUNT(*) FROM vault_key)`).Scan(&n)
	})
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(std.Out, map[string]any{"file": c.MasterKeyFile(), "keys": n})
	}
	fmt.Fprintf(std.Out, "%s holds a new master key, and %d keys are locked with it. Copy the file to where you keep it apart; older backups need the older one.\n", c.MasterKeyFile(), n)
	return nil
}

// quiet is for commands that say themselves what there is to say.
var quiet = slog.New(slog.DiscardHandler)

func withoutPassword(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "postgres://…"
	}
	if _, has := u.User.Password(); has {
		return strings.Replace(u.Redacted(), ":xxxxx@", ":***@", 1)
	}
	return u.String()
}

// settleRestore is the first thing that a server does on a database which was
// restored or moved: before any run or task goes on from a past that others
// may have lived on.
func (a *App) settleRestore(ctx context.Context) error {
	var m backup.Mark
	err := a.DB.Do(ctx, func(tx *db.Tx) (err error) {
		m, err = backup.Settle(ctx, tx, a.Ledger, func(ctx context.Context, tx *db.Tx) (int, int64, error) {
			runs, err := a.Runs.Doubt(ctx, tx, actor.System("backup"))
			if err != nil {
				return 0, 0, err
			}
			sessions, err := a.Accounts.EndAllSessions(ctx, tx)
			return runs, sessions, err
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("go on after a restore: %w", err)
	}
	if m.Kind != "" {
		a.log.Info("this database was "+m.Kind, "from", m.From, "made_at", m.MadeAt, "records", m.Records)
	}
	return nil
}

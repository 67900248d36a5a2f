package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"muster/internal/cli"
	"muster/internal/config"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
)

// openLedger opens the record of a data folder for reading, whether its server
// runs or not, and gives the key that verifies it.
func openLedger(data string) (*db.DB, string, error) {
	c, err := config.Load(data, "")
	if err != nil {
		return nil, "", fault.Wrap(fault.Invalid, err.Error(), err)
	}
	pub := ledger.PublicKeyFile(c.LedgerKeyFile())
	key, err := os.ReadFile(pub) // #nosec G304 -- a file that the person at the command line names
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", fault.Newf(fault.NotFound, "There is no ledger in %s: %s is missing. Give the data folder with --data.", data, filepath.Base(pub))
	}
	if err != nil {
		return nil, "", fmt.Errorf("read the ledger's public key: %w", err)
	}
	if c.Database == "" {
		if _, err := os.Stat(c.DatabaseURL()); err != nil {
			return nil, "", fault.Newf(fault.NotFound, "There is no database in %s. Give the data folder with --data.", data)
		}
	}
	d, err := db.OpenReadOnly(c.DatabaseURL())
	return d, string(key), err
}

func verifyLedger(ctx context.Context, std cli.Streams, in cli.Verify) error {
	d, key, err := openLedger(in.Data)
	if err != nil {
		return err
	}
	defer d.Close()
	outside := ""
	if in.Checkpoint != "" {
		b, err := os.ReadFile(in.Checkpoint)
		if err != nil {
			return fault.Wrap(fault.Invalid, "The checkpoint file cannot be read: "+err.Error(), err)
		}
		outside = string(b)
	}
	// On one state of the database: what a running server adds meanwhile would
	// look as if it had been inserted.
	var rep ledger.Report
	if err := d.Snapshot(ctx, func(q db.Querier) error {
		rep, err = ledger.Verify(ctx, q, key, outside)
		return err
	}); err != nil {
		return err
	}
	if in.JSON {
		b, err := json.MarshalIndent(rep, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintln(std.Out, string(b))
	} else {
		for _, p := range rep.Problems {
			fmt.Fprintf(std.Out, "%-10s %s\n", p.Kind, p.Text)
		}
	}
	if !rep.OK() {
		return fault.Newf(fault.Conflict, "The ledger is NOT sound (findings: %d, records: %d).", len(rep.Problems), rep.Records)
	}
	noteVerified(in.Data)
	if !in.JSON {
		fmt.Fprintf(std.Out, "The ledger is sound: %d records, signed checkpoint of %s.\n", rep.Records, rep.Checkpoint)
		if rep.Compared != "" {
			fmt.Fprintf(std.Out, "It continues the %s.\n", rep.Compared)
		} else {
			fmt.Fprintln(std.Out, "A tail cut off together with its checkpoint shows only against one kept elsewhere: add --checkpoint FILE.")
		}
	}
	return nil
}

// noteVerified leaves word for the server's metrics. Who verifies a folder they
// may not write to has verified it all the same.
func noteVerified(data string) {
	b, err := json.Marshal(note{At: time.Now().UTC()})
	if err == nil {
		// #nosec G306 -- when it was verified, for the server, which may be another user
		_ = os.WriteFile(filepath.Join(data, lastVerified), b, 0o644) // the server may be somebody else
	}
}

func exportCheckpoint(ctx context.Context, std cli.Streams, in cli.Checkpoint) error {
	d, key, err := openLedger(in.Data)
	if err != nil {
		return err
	}
	defer d.Close()
	signed, err := ledger.Head(ctx, d.Read())
	if err != nil {
		return err
	}
	if signed == "" {
		return fault.New(fault.NotFound, "Nothing is recorded yet, so there is no checkpoint.")
	}
	c, err := ledger.OpenCheckpoint(signed, key)
	if err != nil {
		return fault.Wrap(fault.Conflict, err.Error(), err)
	}
	if in.Out != "" {
		// #nosec G306 -- a checkpoint, to be given away
		if err := os.WriteFile(in.Out, []byte(signed), 0o644); err != nil {
			return fault.Wrap(fault.Invalid, "The checkpoint cannot be written: "+err.Error(), err)
		}
	}
	switch {
	case in.JSON:
		b, err := json.Marshal(map[string]any{"size": c.Size, "at": c.At, "note": signed})
		if err != nil {
			return err
		}
		fmt.Fprintln(std.Out, string(b))
	case in.Out != "":
		fmt.Fprintf(std.Out, "Checkpoint over %d records written to %s. Keep it away from this machine.\n", c.Size, in.Out)
	default:
		fmt.Fprint(std.Out, signed)
	}
	return nil
}

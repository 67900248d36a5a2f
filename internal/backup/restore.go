package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/key"
	"muster/internal/ledger"
)

// Restore is what is asked for.
type Restore struct {
	File       string
	Identities []age.Identity
	Data       string // the folder, empty but for keys and settings
	Database   string // postgres://…; "" is SQLite in the folder
	MasterKey  string // where the keys will be looked for; may be there already
	LedgerKey  string
	Checkpoint string // signed, exported earlier; "" for none
	Scratch    bool   // only to see whether it works
	Tell       Progress
}

// Restored says what was read and how the record stands.
type Restored struct {
	Manifest
	MadeAt  string `json:"made_at"`
	Muster  string `json:"muster"`
	Schema  int64  `json:"schema"`
	Records int64  `json:"records"`
	// Later is how many records a checkpoint from elsewhere covers that the backup does not have.
	Later   int64    `json:"later,omitempty"`
	Without []string `json:"without"` // keys that are needed and neither in the backup nor in place
}

// staging is where files lie until all of them are there. A folder that has it
// was left by a restore that did not end; serve refuses it.
const staging = ".restoring"

// Unfinished says whether a restore into data was broken off.
func Unfinished(data string) bool {
	_, err := os.Lstat(filepath.Join(data, staging))
	return err == nil
}

// Database file of SQLite in a data folder.
const sqliteFile = "muster.db"

// brought may lie in the folder before: they are what a backup need not hold.
func brought(name string) bool {
	switch name {
	case "master.key", "ledger.key", "ledger.pub", "muster.yaml", "ca.pem", "ca.key", "tls.pem", "tls.key", "lock", "lost+found", staging:
		return true
	}
	return false
}

// Do restores, all or nothing.
func (r Restore) Do(ctx context.Context) (out Restored, err error) {
	f, err := os.Open(r.File)
	if err != nil {
		return out, fault.Wrap(fault.NotFound, "The backup cannot be read: "+err.Error(), err)
	}
	defer f.Close()
	in, err := unseal(f, r.Identities)
	if err != nil {
		return out, err
	}
	a := &archive{in: in, tar: tar.NewReader(in)}
	head, err := a.header()
	if err != nil {
		return out, damaged(err)
	}
	if head.Format > Format || head.Schema > db.Latest() {
		return out, fault.Newf(fault.Conflict, "The backup was made by a newer Muster (%s, schema %d; this program knows %d). Restore it with that version.", head.Muster, head.Schema, db.Latest())
	}
	out.Muster, out.MadeAt, out.Schema = head.Muster, head.MadeAt.Format("2006-01-02T15:04:05Z07:00"), head.Schema

	if err := r.vacant(); err != nil {
		return out, err
	}
	if err := os.RemoveAll(filepath.Join(r.Data, staging)); err != nil {
		return out, plainWords("clean up after an earlier restore", err)
	}
	if err := os.MkdirAll(filepath.Join(r.Data, staging, "blobs"), 0o700); err != nil {
		return out, plainWords("make "+r.Data, err)
	}
	done := false
	defer func() {
		if !done {
			err = errors.Join(err, os.RemoveAll(filepath.Join(r.Data, staging)))
		}
	}()
	root, err := os.OpenRoot(filepath.Join(r.Data, staging))
	if err != nil {
		return out, plainWords("open "+r.Data, err)
	}
	defer root.Close()
	if err := root.WriteFile("ledger.pub", []byte(head.LedgerKey+"\n"), 0o644); err != nil {
		return out, plainWords("write to "+r.Data, err)
	}
	url := r.Database
	if url == "" {
		url = filepath.Join(r.Data, staging, sqliteFile)
	} else if err := Vacant(ctx, url); err != nil {
		return out, err
	}
	target, err := db.OpenAt(ctx, url, head.Schema)
	if err != nil {
		return out, plainWords("make the database", err)
	}
	closed := false
	defer func() {
		if !closed {
			_ = target.Close()
		}
	}()
	placed := []string{}
	err = target.Bulk(ctx, func(b *db.Bulk) error {
		if err := r.load(ctx, b, a, head, root, &out); err != nil {
			return err
		}
		if err := r.verify(ctx, b, head, root, &out); err != nil {
			return err
		}
		if r.Scratch {
			return nil
		}
		if err := leaveMark(ctx, b, Mark{Kind: "restored", From: filepath.Base(r.File), MadeAt: out.MadeAt, Records: out.Records}); err != nil {
			return err
		}
		if r.Database == "" {
			return nil
		}
		// With PostgreSQL the commit is the last thing that can fail.
		placed, err = r.place(root)
		return err
	})
	if err != nil {
		for _, p := range placed {
			_ = os.RemoveAll(p)
		}
		return out, plainWords("restore the backup", err)
	}
	closed = true
	if err := target.Close(); err != nil {
		return out, fmt.Errorf("close the database: %w", err)
	}
	if r.Scratch {
		return out, nil // whoever made the folder removes it
	}
	if r.Database == "" {
		if _, err := r.place(root); err != nil {
			return out, plainWords("put the files into place", err)
		}
	}
	done = true
	return out, os.RemoveAll(filepath.Join(r.Data, staging))
}

// vacant refuses a folder in which something of a Muster would be overwritten.
func (r Restore) vacant() error {
	if Unfinished(r.Data) {
		// It was vacant when that restore began, and nothing was started on it since.
		for _, left := range []string{"blobs", sqliteFile, sqliteFile + "-wal", sqliteFile + "-shm"} {
			if err := os.RemoveAll(filepath.Join(r.Data, left)); err != nil {
				return plainWords("clean up after an earlier restore", err)
			}
		}
	}
	entries, err := os.ReadDir(r.Data)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return plainWords("read "+r.Data, err)
	}
	for _, e := range entries {
		if !brought(e.Name()) {
			return fault.Newf(fault.Conflict, "%s is not empty: it has %s. Restore into a new folder, or move that one away (only keys and muster.yaml may lie there before).", r.Data, e.Name())
		}
	}
	return nil
}

// load reads the archive into the database and the staging folder.
func (r Restore) load(ctx context.Context, b *db.Bulk, a *archive, head Header, root *os.Root, out *Restored) error {
	if err := fits(ctx, b, head.Tables); err != nil {
		return err
	}
	for i := len(head.Tables) - 1; i >= 0; i-- { // rows that migrations themselves bring
		if _, err := b.Exec(ctx, `DELETE FROM `+db.Quote(head.Tables[i].Name)); err != nil {
			return err
		}
	}
	for _, t := range head.Tables {
		rows := a.rows(t, b.Dialect())
		n, err := b.Insert(ctx, t, rows.next)
		if rows.err != nil {
			return damaged(rows.err)
		}
		if db.IsConstraint(err) {
			return damaged(fmt.Errorf("table %s has a row that does not fit the others: %w", t.Name, err))
		}
		if err != nil {
			return fmt.Errorf("load table %s: %w", t.Name, err)
		}
		out.Rows += n
	}
	r.Tell("%d rows of %d tables", out.Rows, len(head.Tables))
	blobs, err := a.blobs(ctx, root)
	if err != nil {
		return err
	}
	if blobs.Count > 0 {
		r.Tell("%d files, %s", blobs.Count, Size(blobs.Bytes))
	}
	keys, err := a.keys(root)
	if err != nil {
		return err
	}
	m, err := a.manifest()
	if err != nil {
		return damaged(err)
	}
	if m.Blobs != blobs {
		return damaged(fmt.Errorf("its files are not those of its manifest: %d of %d", blobs.Count, m.Blobs.Count))
	}
	if strings.Join(m.Keys, " ") != strings.Join(keys, " ") {
		return damaged(errors.New("its keys are not those of its manifest"))
	}
	out.Manifest = m
	out.Header = head
	return nil
}

// fits compares the tables of the archive with those just made.
func fits(ctx context.Context, q db.Querier, want []db.Table) error {
	have, err := db.Tables(ctx, q)
	if err != nil {
		return err
	}
	types := map[string]string{}
	for _, t := range have {
		types[t.Name] = t.Types()
	}
	for _, t := range want {
		if types[t.Name] != t.Types() {
			return fault.Newf(fault.Conflict, "Table %s of the backup (%s) is not as this program makes it (%s). The backup comes from another build of Muster; use that one.", t.Name, t.Types(), types[t.Name])
		}
	}
	if len(have) != len(want) {
		return fault.Newf(fault.Conflict, "The backup has %d tables, this program makes %d at the same schema. The backup comes from another build of Muster; use that one.", len(want), len(have))
	}
	return nil
}

// verify reads everything back and compares it with the manifest, then the record with its seal.
func (r Restore) verify(ctx context.Context, q db.Querier, head Header, root *os.Root, out *Restored) error {
	if len(out.Tables) != len(head.Tables) {
		return damaged(errors.New("its manifest does not name its tables"))
	}
	for i, t := range head.Tables {
		rows, sha, err := digest(ctx, q, t)
		if err != nil {
			return err
		}
		if want := out.Tables[i]; want.Name != t.Name || want.Rows != rows || want.SHA256 != sha {
			return damaged(fmt.Errorf("table %s has %d rows where its manifest says %d, or others", t.Name, rows, want.Rows))
		}
	}
	files, err := root.OpenRoot("blobs")
	if err != nil {
		return err
	}
	defer files.Close()
	gone, err := missing(ctx, q, head.Tables, files)
	if err != nil {
		return err
	}
	if len(gone) != len(out.Missing) {
		return damaged(fmt.Errorf("rows point to %d files that are not in it, such as %s", len(gone), gone[0]))
	}
	if err := r.record(ctx, q, head, out); err != nil {
		return err
	}
	return r.keys(ctx, q, head, root, out)
}

// record verifies the ledger, and says how it stands to a checkpoint from elsewhere.
func (r Restore) record(ctx context.Context, q db.Querier, head Header, out *Restored) error {
	outside := r.Checkpoint
	if outside != "" {
		c, err := ledger.OpenCheckpoint(outside, head.LedgerKey)
		if err != nil {
			return fault.Wrap(fault.Invalid, "The checkpoint you gave cannot be used for this backup: "+err.Error()+".", err)
		}
		if c.Size > out.Ledger.Records {
			out.Later, outside = c.Size-out.Ledger.Records, ""
		}
	}
	rep, err := ledger.Verify(ctx, q, head.LedgerKey, outside)
	if err != nil {
		return err
	}
	out.Records = rep.Records
	if !rep.OK() {
		return fault.Newf(fault.Conflict, "The ledger in the backup is NOT sound (findings: %d). The first: %s", len(rep.Problems), rep.Problems[0].Text)
	}
	if signed, err := ledger.Head(ctx, q); err != nil || signed != out.Ledger.Checkpoint {
		return damaged(errors.Join(err, errors.New("its ledger does not end where its manifest says")))
	}
	return nil
}

// keys checks those in the archive, or those already in place, against what they must open.
func (r Restore) keys(ctx context.Context, q db.Querier, head Header, root *os.Root, out *Restored) error {
	out.Without = []string{}
	find := func(name, place string) (string, error) {
		inside := filepath.Join(root.Name(), "keys", name)
		if _, err := os.Lstat(inside); err == nil {
			return inside, nil
		}
		if place == "" {
			return "", nil
		}
		if _, err := os.Lstat(place); errors.Is(err, fs.ErrNotExist) {
			return "", nil
		} else if err != nil {
			return "", err
		}
		return place, nil
	}
	file, err := find("ledger.key", r.LedgerKey)
	if err != nil {
		return err
	}
	if file == "" {
		out.Without = append(out.Without, "ledger.key")
	} else if k, err := ledger.LoadKeys(file); err != nil {
		return fault.Wrap(fault.Conflict, "ledger.key cannot be used: "+err.Error(), err)
	} else if k.Verifier != head.LedgerKey {
		return fault.Newf(fault.Conflict, "%s is not the key of this ledger. Take it away, or put the right one there.", file)
	}
	if file, err = find("master.key", r.MasterKey); err != nil {
		return err
	}
	if file == "" {
		out.Without = append(out.Without, "master.key")
		return nil
	}
	m, err := key.LoadMaster(file)
	if err != nil {
		return err
	}
	return key.New(nil, nil, nil, m).Ready(ctx, q)
}

// equal compares two small files.
func equal(a, b string) bool {
	// #nosec G304 -- files that the administrator restores
	x, err := os.ReadFile(a)
	if err != nil {
		return false
	}
	// #nosec G304 -- files that the administrator restores
	y, err := os.ReadFile(b)
	return err == nil && bytes.Equal(x, y)
}

// place moves what lies in the staging folder to where Muster looks for it; the database last.
func (r Restore) place(root *os.Root) (placed []string, err error) {
	move := func(from, to string) error {
		to = filepath.Join(r.Data, to)
		if _, err := os.Lstat(to); err == nil {
			if equal(filepath.Join(root.Name(), from), to) {
				return nil
			}
			return fault.Newf(fault.Conflict, "%s is there already, and the backup has one too. Move it away and restore again.", to)
		}
		if err := os.Rename(filepath.Join(root.Name(), from), to); err != nil {
			return err
		}
		placed = append(placed, to)
		return nil
	}
	keys, err := os.ReadDir(filepath.Join(root.Name(), "keys"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return placed, err
	}
	for _, k := range keys {
		if err := move(filepath.Join("keys", k.Name()), k.Name()); err != nil {
			return placed, err
		}
	}
	if _, err := os.Lstat(filepath.Join(r.Data, "ledger.pub")); errors.Is(err, fs.ErrNotExist) {
		if err := move("ledger.pub", "ledger.pub"); err != nil {
			return placed, err
		}
	}
	if err := move("blobs", "blobs"); err != nil {
		return placed, err
	}
	if r.Database == "" {
		if err := move(sqliteFile, sqliteFile); err != nil {
			return placed, err
		}
	}
	return placed, syncDir(r.Data)
}

package backup

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"muster/internal/db"
	"muster/internal/fault"
)

// Make is what is asked of a backup.
type Make struct {
	DB         *db.DB
	Blobs      string            // folder of the files
	LedgerKey  string            // public key
	Keys       map[string]string // name in the archive → file; empty keeps them apart
	Muster     string            // version of this program
	Out        string            // the file to make
	Recipients []age.Recipient   // whom it is encrypted for
	Plain      bool              // said in so many words: not encrypted
	At         time.Time
	Tell       Progress
}

// Do makes the file, which is there whole when Do returns without an error.
func (m Make) Do(ctx context.Context) (man Manifest, err error) {
	switch {
	case len(m.Recipients) == 0 && !m.Plain:
		return man, fault.New(fault.Invalid, "For whom is the backup encrypted? Give --recipient age1… (muster backup keygen makes a pair), --recipients-file or --passphrase-file; or say --plain.")
	case len(m.Recipients) > 0 && m.Plain:
		return man, fault.New(fault.Invalid, "Either --plain or a recipient, not both.")
	case len(m.Keys) > 0 && m.Plain:
		return man, fault.New(fault.Invalid, "The keys do not go into a backup that is not encrypted. Leave out --with-keys or --plain.")
	}
	if _, err := os.Lstat(m.Out); err == nil {
		return man, fault.Newf(fault.Conflict, "%s exists already. Give another name: a backup never replaces one.", m.Out)
	}
	f, err := os.CreateTemp(filepath.Dir(m.Out), "."+filepath.Base(m.Out)+".part-*") // 0600
	if err != nil {
		return man, plainWords("write the backup to "+filepath.Dir(m.Out), err)
	}
	whole := false
	defer func() {
		if !whole {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if man, err = m.write(ctx, f); err != nil {
		return man, plainWords("write the backup", err)
	}
	if err := f.Sync(); err != nil {
		return man, plainWords("write the backup", err)
	}
	if err := f.Close(); err != nil {
		return man, plainWords("write the backup", err)
	}
	if _, err := os.Lstat(m.Out); err == nil {
		return man, fault.Newf(fault.Conflict, "%s has appeared meanwhile. Give another name.", m.Out)
	}
	if err := os.Rename(f.Name(), m.Out); err != nil {
		return man, plainWords("write the backup", err)
	}
	whole = true
	return man, syncDir(filepath.Dir(m.Out))
}

func syncDir(dir string) error {
	// #nosec G304 -- the folder that the administrator backs up
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (m Make) write(ctx context.Context, f io.Writer) (man Manifest, err error) {
	b := bufio.NewWriterSize(f, 256<<10)
	var out io.Writer = b
	closers := []io.Closer{}
	if !m.Plain {
		w, err := age.Encrypt(b, m.Recipients...)
		if err != nil {
			return man, fmt.Errorf("encrypt: %w", err)
		}
		out, closers = w, append(closers, w)
	}
	z, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	if err != nil {
		return man, err
	}
	t := tar.NewWriter(z)
	closers = append(closers, z, t)
	a := &writer{tar: t, at: m.At}
	if err := m.DB.Snapshot(ctx, func(q db.Querier) error { man, err = m.all(ctx, q, a); return err }); err != nil {
		return man, err
	}
	if err := a.json(manifestName, man); err != nil {
		return man, err
	}
	for _, c := range slices.Backward(closers) {
		if err := c.Close(); err != nil {
			return man, err
		}
	}
	return man, b.Flush()
}

// all writes everything but the manifest.
func (m Make) all(ctx context.Context, q db.Querier, a *writer) (man Manifest, err error) {
	man = Manifest{Header: Header{Format: Format, Muster: m.Muster, MadeAt: m.At.UTC(), Engine: engine(q.Dialect()), LedgerKey: strings.TrimSpace(m.LedgerKey)}, Keys: []string{}, Tables: []TableSum{}}
	if man.Schema, err = db.SchemaVersion(ctx, q); err != nil {
		return man, err
	}
	if man.Header.Tables, err = db.Tables(ctx, q); err != nil {
		return man, err
	}
	if man.Ledger, err = ledgerHead(ctx, q, m.LedgerKey); err != nil {
		return man, err
	}
	if err := a.json(headerName, man.Header); err != nil {
		return man, err
	}
	for _, t := range man.Header.Tables {
		s, err := a.table(ctx, q, t)
		if err != nil {
			return man, err
		}
		man.Tables = append(man.Tables, s)
		man.Rows += s.Rows
	}
	m.Tell("%d rows of %d tables", man.Rows, len(man.Tables))
	// After the rows: a file is there before the first row that points to it.
	if err := os.MkdirAll(m.Blobs, 0o700); err != nil {
		return man, err
	}
	root, err := os.OpenRoot(m.Blobs)
	if err != nil {
		return man, fmt.Errorf("open the folder of logs: %w", err)
	}
	defer root.Close()
	if man.Blobs, err = a.blobs(ctx, root, m.Tell); err != nil {
		return man, err
	}
	if man.Missing, err = missing(ctx, q, man.Header.Tables, root); err != nil {
		return man, err
	}
	names := []string{}
	for name := range m.Keys {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b, err := os.ReadFile(m.Keys[name])
		if err != nil {
			return man, err
		}
		if err := a.put("keys/"+name, b); err != nil {
			return man, err
		}
		man.Keys = append(man.Keys, name)
	}
	return man, nil
}

// writer writes the archive's members.
type writer struct {
	tar *tar.Writer
	at  time.Time
}

func (w *writer) head(name string, size int64) error {
	return w.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: w.at, Format: tar.FormatPAX})
}

func (w *writer) put(name string, b []byte) error {
	if err := w.head(name, int64(len(b))); err != nil {
		return err
	}
	_, err := w.tar.Write(b)
	return err
}

func (w *writer) json(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return w.put(name, append(b, '\n'))
}

// piece is how much of a table one member holds, for a member's size is written before it.
const piece = 4 << 20

func (w *writer) table(ctx context.Context, q db.Querier, t db.Table) (TableSum, error) {
	r, err := read(ctx, q, t)
	if err != nil {
		return TableSum{}, err
	}
	defer r.close()
	s, buf, n := newSum(), []byte{}, 0
	flush := func() error {
		if len(buf) == 0 {
			return nil
		}
		n++
		err := w.put(fmt.Sprintf("tables/%s/%06d", t.Name, n), buf)
		buf = buf[:0]
		return err
	}
	for {
		row, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return TableSum{}, err
		}
		frame, err := s.frame(row)
		if err != nil {
			return TableSum{}, fmt.Errorf("table %s, %s: %w", t.Name, where(t, row), err)
		}
		buf = append(buf, frame...)
		if len(buf) >= piece {
			if err := flush(); err != nil {
				return TableSum{}, err
			}
		}
	}
	return TableSum{t.Name, s.rows, s.hex()}, flush()
}

// blobs copies every finished file. Those younger than the rows do no harm.
func (w *writer) blobs(ctx context.Context, root *os.Root, tell Progress) (BlobSum, error) {
	sum, total := sha256.New(), BlobSum{}
	told := time.Now()
	err := fs.WalkDir(root.FS(), ".", func(key string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasSuffix(key, ".part") {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		f, err := root.Open(key)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted meanwhile; if a row needs it, missing says so
		}
		if err != nil {
			return err
		}
		defer f.Close()
		st, err := f.Stat()
		if err != nil {
			return err
		}
		if err := w.head("blobs/"+key, st.Size()); err != nil {
			return err
		}
		h := sha256.New()
		if n, err := io.CopyN(io.MultiWriter(w.tar, h), f, st.Size()); err != nil {
			return fmt.Errorf("blob %s, %d of %d bytes: %w", key, n, st.Size(), err)
		}
		fmt.Fprintf(sum, "%q %d %x\n", key, st.Size(), h.Sum(nil))
		total.Count++
		total.Bytes += st.Size()
		if time.Since(told) > 2*time.Second {
			told = time.Now()
			tell("%d files, %s", total.Count, Size(total.Bytes))
		}
		return nil
	})
	total.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return total, err
}

// Size in words.
func Size(n int64) string {
	switch {
	case n < 10<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 10<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	case n < 10<<30:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d GiB", n>>30)
}

var dated = regexp.MustCompile(`^muster-\d{8}T\d{6}Z(\.plain)?\.backup$`)

// Name of a backup in a folder of several.
func Name(at time.Time, plain bool) string {
	if plain {
		return "muster-" + at.UTC().Format("20060102T150405Z") + ".plain.backup"
	}
	return "muster-" + at.UTC().Format("20060102T150405Z") + ".backup"
}

// Keep removes all but the newest n backups that Name named, and nothing else.
func Keep(dir string, n int) (removed []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, e := range entries {
		if e.Type().IsRegular() && dated.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names) // by time, as their names are
	for len(names) > n {
		if err := os.Remove(filepath.Join(dir, names[0])); err != nil {
			return removed, err
		}
		removed, names = append(removed, names[0]), names[1:]
	}
	return removed, nil
}

package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"muster/internal/db"
)

var fuzzTable = db.Table{Name: "t", Key: []string{"id"}, Columns: []db.Column{{Name: "id", Type: db.Text}, {Name: "n", Type: db.Int}, {Name: "yes", Type: db.Bool}, {Name: "body", Type: db.Bytes}}}

// FuzzRow: a row of an archive is refused, or is one that is written back as it
// came; its lengths are not believed further than its bytes go.
func FuzzRow(f *testing.F) {
	for _, row := range [][]any{{"a", int64(-1), true, []byte{1, 2}}, {"", int64(1 << 62), false, []byte{}}, {nil, nil, nil, nil}} {
		b, err := appendRow(nil, row)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{isText, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Add([]byte{isText, 1, 'a', isInt, 0x80})
	f.Add([]byte{isBytes, 0, isNull, isNull, isNull})
	f.Fuzz(func(t *testing.T, b []byte) {
		fr := &frames{bufio.NewReader(bytes.NewReader(b)), fuzzTable, int64(len(b))}
		for range 20 {
			row, err := fr.next()
			if err != nil {
				break
			}
			if len(row) != len(fuzzTable.Columns) {
				t.Fatalf("%v", row)
			}
		}
		row, err := parseRow(b, fuzzTable.Columns)
		if err != nil {
			return
		}
		again, err := appendRow(nil, row)
		if err != nil || len(again) > len(b) {
			t.Fatalf("%v is written as %x, read from %x: %v", row, again, b, err)
		}
		if back, err := parseRow(again, fuzzTable.Columns); err != nil || !reflect.DeepEqual(back, row) {
			t.Fatalf("%v is read back as %v: %v", row, back, err)
		}
	})
}

// FuzzArchive: whatever members an archive has, and wherever it breaks off,
// nothing is written outside of the folder it is restored into, nor anything
// that no backup has.
func FuzzArchive(f *testing.F) {
	base := f.TempDir()
	out := filepath.Join(base, "out")
	const good = "muster-backup.json\ntables/t/000001\nblobs/run/1/2\nkeys/master.key\nmanifest.json"
	f.Add(good, []byte(`{"format":1,"schema":1}`), uint16(0), uint8(0))
	f.Add("muster-backup.json\nblobs/../../x\nkeys/../x\nblobs//x\n/etc/x\nblobs/a\\b", []byte(`{"format":1,"schema":1}`), uint16(0), uint8(0))
	f.Add("muster-backup.json\nblobs/a\nblobs/a\nblobs/a/b\nkeys/lock\nkeys/.restoring\nkeys/ledger.key/x", []byte("{}"), uint16(700), uint8(0))
	f.Add("muster-backup.json\ntables/t/000002\ntables/t/000001", []byte{isText, 1, 'a'}, uint16(0), uint8(5))
	f.Add("blobs/"+strings.Repeat("d/", 60)+"x\nkeys/muster.yaml\nmanifest.json\nmanifest.json", []byte("{\"keys\":null}"), uint16(0), uint8(2))
	f.Add("blobs/a\nblobs/\nkeys/", []byte{}, uint16(0), uint8(1))
	f.Fuzz(func(t *testing.T, names string, body []byte, short uint16, kind uint8) {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for i, name := range strings.Split(names, "\n") {
			if i > 8 || len(name) > 300 {
				break
			}
			h := &tar.Header{Name: name, Size: int64(len(body)), Mode: 0o600, Typeflag: tar.TypeReg}
			if i == int(kind)-1 { // one member of another kind
				h.Typeflag, h.Linkname, h.Size = []byte{tar.TypeSymlink, tar.TypeLink, tar.TypeDir, tar.TypeChar, tar.TypeFifo}[i%5], "../../escape", 0
			}
			if w.WriteHeader(h) != nil {
				return
			}
			if h.Size > 0 {
				_, _ = w.Write(body)
			}
		}
		_ = w.Close()
		all := b.Bytes()
		if short > 0 {
			all = all[:int(short)%(len(all)+1)]
		}
		if err := os.MkdirAll(filepath.Join(out, "blobs"), 0o700); err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(out)
		root, err := os.OpenRoot(out)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		in := bytes.NewReader(all)
		a := &archive{in: in, tar: tar.NewReader(in)}
		_, _ = a.header()
		rows := a.rows(fuzzTable, db.SQLite)
		for range 50 {
			if _, err := rows.next(); err != nil {
				break
			}
		}
		_, _ = a.blobs(context.Background(), root)
		_, _ = a.keys(root)
		_, _ = a.manifest()
		err = filepath.WalkDir(base, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, _ := filepath.Rel(base, p)
			inside := rel == "." || rel == "out" || rel == "out/blobs" || rel == "out/keys" || strings.HasPrefix(rel, "out/blobs/") || strings.HasPrefix(rel, "out/keys/") && brought(filepath.Base(rel)) && strings.Count(rel, "/") == 2
			if !inside || !d.IsDir() && !d.Type().IsRegular() {
				t.Errorf("%q has made %s (%s)", names, rel, d.Type())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

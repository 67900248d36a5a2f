package blob

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"muster/internal/fault"
)

func TestDisk(t *testing.T) {
	d, err := OpenDisk(t.TempDir() + "/b")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	ctx := context.Background()
	if err := d.Put(ctx, "runs/1/0", []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := d.Put(ctx, "runs/1/0", []byte("hello")); err != nil {
		t.Fatal("the same bytes again must be fine:", err)
	}
	if err := d.Put(ctx, "runs/1/0", []byte("other")); !fault.Is(err, fault.Conflict) {
		t.Fatal("rewrite:", err)
	}
	if b, err := d.Get(ctx, "runs/1/0"); err != nil || string(b) != "hello" {
		t.Fatal(b, err)
	}
	if _, err := d.Get(ctx, "runs/2/0"); !fault.Is(err, fault.NotFound) {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "../x", "/etc/passwd", "a/../../x", "a\\b"} {
		if err := d.Put(ctx, bad, nil); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// A key file is there whole or not at all, and others may not read it.
func TestWriteFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "key")
	for _, text := range []string{"first", "second"} {
		if err := WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if st, serr := os.Stat(name); err != nil || serr != nil || string(got) != text || st.Mode().Perm() != 0o600 {
			t.Errorf("%q %v %v", got, st.Mode(), err)
		}
	}
	if left, _ := os.ReadDir(filepath.Dir(name)); len(left) != 1 {
		t.Errorf("%d files", len(left))
	}
	if err := WriteFile(filepath.Join(name, "below"), nil, 0o600); err == nil {
		t.Error("a file below a file")
	}
}

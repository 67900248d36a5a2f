package blob

import (
	"context"
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

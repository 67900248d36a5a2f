package db_test

import (
	"context"
	"strings"
	"testing"

	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// A database that a newer Muster has changed is refused, and left as it is.
func TestNewerSchemaIsRefused(t *testing.T) {
	ctx, url := context.Background(), dbtest.URL(t)
	d, err := db.Open(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Do(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999000, TRUE)`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // also the second time
		d, err = db.Open(ctx, url)
		if err == nil {
			_ = d.Close()
			t.Fatal("it was opened")
		}
		for _, want := range []string{"newer Muster", "999000", "restore the backup"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not say %q", err, want)
			}
		}
	}
}

// Package dbtest opens a fresh, migrated database for a test: SQLite in the
// test's folder, or a schema of its own in the PostgreSQL that
// MUSTER_TEST_POSTGRES names.
package dbtest

import (
	"context"
	"database/sql"
	"os"
	"strings"
	"testing"

	"muster/internal/db"
	"muster/internal/id"
)

// URL gives the address of a fresh, empty database.
func URL(t testing.TB) string {
	t.Helper()
	pg := os.Getenv("MUSTER_TEST_POSTGRES")
	if pg == "" {
		return t.TempDir() + "/muster.db"
	}
	schema := "t" + strings.ReplaceAll(id.New(), "-", "")
	admin, err := sql.Open("pgx", pg)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := admin.Exec("CREATE SCHEMA " + schema); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		admin, err := sql.Open("pgx", pg)
		if err == nil {
			_, _ = admin.Exec("DROP SCHEMA " + schema + " CASCADE")
			_ = admin.Close()
		}
	})
	sep := "?"
	if strings.Contains(pg, "?") {
		sep = "&"
	}
	return pg + sep + "search_path=" + schema
}

// Open opens a fresh database and closes it with the test.
func Open(t testing.TB) *db.DB {
	t.Helper()
	d, err := db.Open(context.Background(), URL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

package db

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// ColumnType is one of the few types our migrations use.
type ColumnType string

const (
	Text  ColumnType = "text"
	Int   ColumnType = "int"
	Bool  ColumnType = "bool"
	Bytes ColumnType = "bytes"
)

// Column of a table.
type Column struct {
	Name string     `json:"name"`
	Type ColumnType `json:"type"`
}

// Table is what can be carried from one engine to the other.
type Table struct {
	Name    string   `json:"name"`
	Columns []Column `json:"columns"`
	Key     []string `json:"key"`            // primary key; all columns when there is none
	Refs    []string `json:"refs,omitempty"` // tables whose rows must be there before
}

// Types names the columns, for errors and comparison.
func (t Table) Types() string {
	out := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		out[i] = c.Name + " " + string(c.Type)
	}
	return strings.Join(out, ", ")
}

// versions is goose's own table: it belongs to the database, not to its content.
const versions = "goose_db_version"

// Latest is the newest schema this program knows.
func Latest() int64 {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		panic(err) // the pattern is wrong
	}
	last := int64(0)
	for _, f := range files {
		number, _, _ := strings.Cut(path.Base(f), "_")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			panic(fmt.Sprintf("migration %s: %v", f, err))
		}
		last = max(last, n)
	}
	return last
}

// SchemaVersion is the schema that a database has; 0 when it is empty.
func SchemaVersion(ctx context.Context, q Querier) (v int64, err error) {
	names, err := TableNames(ctx, q)
	if err != nil || !slices.Contains(names, versions) {
		return 0, err
	}
	err = q.QueryRow(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM `+versions).Scan(&v)
	return v, err
}

// TableNames lists the tables there are, goose's own included.
func TableNames(ctx context.Context, q Querier) ([]string, error) {
	query := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name`
	if q.Dialect() == Postgres {
		query = `SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY 1`
	}
	names, err := All(ctx, q, Strings, query)
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	return names, nil
}

// Tables reads the schema: every table, each after those it refers to. What it
// could not carry faithfully (a type, a sequence, a virtual table) is an error,
// so that a migration which adds such a thing is noticed by its test and not
// by whoever needs the backup.
func Tables(ctx context.Context, q Querier) ([]Table, error) {
	names, err := TableNames(ctx, q)
	if err != nil {
		return nil, err
	}
	byName := map[string]Table{}
	for _, name := range names {
		if name == versions {
			continue
		}
		read := sqliteTable
		if q.Dialect() == Postgres {
			read = postgresTable
		}
		t, err := read(ctx, q, name)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", name, err)
		}
		if len(t.Key) == 0 {
			for _, c := range t.Columns {
				t.Key = append(t.Key, c.Name)
			}
		}
		byName[name] = t
	}
	return inOrder(names, byName)
}

func inOrder(names []string, byName map[string]Table) ([]Table, error) {
	out := []Table{}
	state := map[string]int{} // 1: being visited, 2: done
	var visit func(name string) error
	visit = func(name string) error {
		t, ok := byName[name]
		if !ok || state[name] == 2 {
			return nil
		}
		if state[name] == 1 {
			return fmt.Errorf("table %s refers to itself, directly or through others: its rows have no order in which they can be carried", name)
		}
		state[name] = 1
		for _, r := range t.Refs {
			if err := visit(r); err != nil {
				return err
			}
		}
		state[name] = 2
		out = append(out, t)
		return nil
	}
	for _, n := range names {
		if err := visit(n); err != nil {
			return nil, err
		}
	}
	return out, nil
}

type columnRow struct {
	name, declared, fallback string
	key, hidden              int
}

func sqliteTable(ctx context.Context, q Querier, name string) (Table, error) {
	t := Table{Name: name}
	var made string
	if err := q.QueryRow(ctx, `SELECT sql FROM sqlite_master WHERE type = 'table' AND name = $1`, name).Scan(&made); err != nil {
		return t, err
	}
	if upper := strings.ToUpper(made); strings.HasPrefix(upper, "CREATE VIRTUAL") || strings.Contains(upper, "AUTOINCREMENT") {
		return t, fmt.Errorf("a virtual table or AUTOINCREMENT cannot be carried to another engine")
	}
	cols, err := All(ctx, q, func(s Scanner) (c columnRow, err error) {
		return c, s.Scan(&c.name, &c.declared, &c.key, &c.hidden)
	}, `SELECT name, UPPER(type), pk, hidden FROM pragma_table_xinfo($1) ORDER BY cid`, name)
	if err != nil {
		return t, err
	}
	keys := map[int]string{}
	for _, c := range cols {
		if c.hidden != 0 {
			continue // computed from the others
		}
		typ, ok := map[string]ColumnType{"TEXT": Text, "BIGINT": Int, "BOOLEAN": Bool, "BLOB": Bytes}[c.declared]
		if !ok {
			return t, fmt.Errorf("column %s has the type %q, which cannot be carried to another engine", c.name, c.declared)
		}
		t.Columns = append(t.Columns, Column{c.name, typ})
		if c.key > 0 {
			keys[c.key] = c.name
		}
	}
	for i := 1; i <= len(keys); i++ {
		t.Key = append(t.Key, keys[i])
	}
	t.Refs, err = All(ctx, q, Strings, `SELECT DISTINCT "table" FROM pragma_foreign_key_list($1) ORDER BY 1`, name)
	return t, err
}

func postgresTable(ctx context.Context, q Querier, name string) (Table, error) {
	t := Table{Name: name}
	cols, err := All(ctx, q, func(s Scanner) (c columnRow, err error) {
		return c, s.Scan(&c.name, &c.declared, &c.fallback, &c.hidden)
	}, `SELECT column_name::text, data_type::text, COALESCE(column_default, '') || CASE WHEN is_identity = 'YES' THEN 'nextval(' ELSE '' END, CASE WHEN is_generated = 'ALWAYS' THEN 1 ELSE 0 END
FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position`, name)
	if err != nil {
		return t, err
	}
	for _, c := range cols {
		if c.hidden != 0 {
			continue
		}
		if strings.Contains(c.fallback, "nextval(") {
			return t, fmt.Errorf("column %s is numbered by a sequence, which cannot be carried to another engine", c.name)
		}
		typ, ok := map[string]ColumnType{"text": Text, "bigint": Int, "boolean": Bool, "bytea": Bytes}[c.declared]
		if !ok {
			return t, fmt.Errorf("column %s has the type %q, which cannot be carried to another engine", c.name, c.declared)
		}
		t.Columns = append(t.Columns, Column{c.name, typ})
	}
	if t.Key, err = All(ctx, q, Strings, `SELECT a.attname::text FROM pg_index i
CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indisprimary AND i.indrelid = to_regclass(quote_ident(current_schema()) || '.' || quote_ident($1)) ORDER BY k.place`, name); err != nil {
		return t, err
	}
	t.Refs, err = All(ctx, q, Strings, `SELECT DISTINCT r.relname::text FROM pg_constraint c JOIN pg_class r ON r.oid = c.confrelid
WHERE c.contype = 'f' AND c.conrelid = to_regclass(quote_ident(current_schema()) || '.' || quote_ident($1)) ORDER BY 1`, name)
	return t, err
}

package backup

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"unicode/utf8"

	"muster/internal/db"
	"muster/internal/fault"
)

// A row is written the same whichever engine it comes from: its length, then
// for each column one byte that says what follows. The hash of a table is over
// these bytes, rows in the order of the primary key.
const (
	isNull byte = iota
	isInt
	isFalse
	isTrue
	isText
	isBytes
)

// maxRow bounds one row in an archive; larger ones are refused when written.
const maxRow = 256 << 20

func appendRow(buf []byte, row []any) ([]byte, error) {
	for _, v := range row {
		switch v := v.(type) {
		case nil:
			buf = append(buf, isNull)
		case int64:
			buf = binary.AppendVarint(append(buf, isInt), v)
		case bool:
			if v {
				buf = append(buf, isTrue)
			} else {
				buf = append(buf, isFalse)
			}
		case string:
			buf = append(binary.AppendUvarint(append(buf, isText), uint64(len(v))), v...)
		case []byte:
			buf = append(binary.AppendUvarint(append(buf, isBytes), uint64(len(v))), v...)
		default:
			return nil, fmt.Errorf("a value of type %T", v)
		}
	}
	if len(buf) > maxRow {
		return nil, fmt.Errorf("a row of %d bytes is too large", len(buf))
	}
	return buf, nil
}

var errRow = errors.New("a row does not have the form of its table")

func parseRow(b []byte, columns []db.Column) ([]any, error) {
	row := make([]any, len(columns))
	for i, c := range columns {
		if len(b) == 0 {
			return nil, errRow
		}
		kind := b[0]
		b = b[1:]
		want := map[byte]db.ColumnType{isInt: db.Int, isFalse: db.Bool, isTrue: db.Bool, isText: db.Text, isBytes: db.Bytes}[kind]
		if kind != isNull && want != c.Type {
			return nil, errRow
		}
		switch kind {
		case isNull:
		case isInt:
			v, n := binary.Varint(b)
			if n <= 0 {
				return nil, errRow
			}
			row[i], b = v, b[n:]
		case isFalse, isTrue:
			row[i] = kind == isTrue
		case isText, isBytes:
			size, n := binary.Uvarint(b)
			// #nosec G115 -- bounded by the length of the bytes in hand
			if n <= 0 || size > uint64(len(b)-n) {
				return nil, errRow
			}
			// #nosec G115 -- bounded by the length of the bytes in hand
			part := b[n : n+int(size)]
			// #nosec G115 -- bounded by the length of the bytes in hand
			b = b[n+int(size):]
			if kind == isText {
				row[i] = string(part)
			} else {
				row[i] = bytes.Clone(part)
				if size == 0 {
					row[i] = []byte{}
				}
			}
		}
	}
	if len(b) > 0 {
		return nil, errRow
	}
	return row, nil
}

// sum is the running digest of a table's rows.
type sum struct {
	h    hash.Hash
	rows int64
	buf  []byte
}

func newSum() *sum { return &sum{h: sha256.New()} }

// frame gives a row as it is written, and counts it; valid until the next call.
func (s *sum) frame(row []any) ([]byte, error) {
	const room = binary.MaxVarintLen64
	if cap(s.buf) < room {
		s.buf = make([]byte, room, 4096)
	}
	b, err := appendRow(s.buf[:room], row)
	if err != nil {
		return nil, err
	}
	s.buf = b
	var head [room]byte
	// #nosec G115 -- bounded by the length of the bytes in hand
	n := binary.PutUvarint(head[:], uint64(len(b)-room))
	copy(b[room-n:], head[:n])
	s.h.Write(b[room-n:])
	s.rows++
	return b[room-n:], nil
}

func (s *sum) hex() string { return hex.EncodeToString(s.h.Sum(nil)) }

// cell takes one value as a driver gives it and refuses what its column cannot
// hold: SQLite itself would let a text stand in a column of numbers.
type cell struct {
	typ db.ColumnType
	v   any
}

func (c *cell) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		c.v = nil
		return nil
	case int64:
		if c.typ == db.Int {
			c.v = v
			return nil
		}
		if c.typ == db.Bool && (v == 0 || v == 1) {
			c.v = v == 1
			return nil
		}
	case bool:
		if c.typ == db.Bool {
			c.v = v
			return nil
		}
	case string:
		if c.typ == db.Text {
			c.v = v
			return nil
		}
	case []byte:
		if c.typ == db.Bytes {
			c.v = append([]byte{}, v...)
			return nil
		}
		if c.typ == db.Text {
			c.v = string(v)
			return nil
		}
	}
	return fmt.Errorf("holds a %T where a %s belongs", src, c.typ)
}

// reading is a table's rows in the order of its key.
type reading struct {
	t     db.Table
	rows  *sql.Rows
	cells []cell
	into  []any
}

func read(ctx context.Context, q db.Querier, t db.Table) (*reading, error) {
	r := &reading{t: t, cells: make([]cell, len(t.Columns)), into: make([]any, len(t.Columns))}
	types := map[string]db.ColumnType{}
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		r.cells[i].typ, types[c.Name], names[i] = c.Type, c.Type, db.Quote(c.Name)
		r.into[i] = &r.cells[i]
	}
	order := make([]string, len(t.Key))
	for i, k := range t.Key {
		order[i] = db.Quote(k)
		if types[k] == db.Text && q.Dialect() == db.Postgres {
			order[i] += ` COLLATE "C"` // by bytes, as SQLite orders
		}
	}
	var err error
	r.rows, err = q.Query(ctx, `SELECT `+strings.Join(names, ", ")+` FROM `+db.Quote(t.Name)+` ORDER BY `+strings.Join(order, ", "))
	if err != nil {
		return nil, fmt.Errorf("read table %s: %w", t.Name, err)
	}
	return r, nil
}

// next gives a row, or io.EOF.
func (r *reading) next() ([]any, error) {
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return nil, fmt.Errorf("read table %s: %w", r.t.Name, err)
		}
		return nil, io.EOF
	}
	if err := r.rows.Scan(r.into...); err != nil {
		return nil, fmt.Errorf("read table %s: %w", r.t.Name, err)
	}
	row := make([]any, len(r.cells))
	for i := range r.cells {
		row[i] = r.cells[i].v
	}
	return row, nil
}

func (r *reading) close() { _ = r.rows.Close() }

// digest reads a table and gives its count and hash.
func digest(ctx context.Context, q db.Querier, t db.Table) (int64, string, error) {
	r, err := read(ctx, q, t)
	if err != nil {
		return 0, "", err
	}
	defer r.close()
	s := newSum()
	for {
		row, err := r.next()
		if errors.Is(err, io.EOF) {
			return s.rows, s.hex(), nil
		}
		if err != nil {
			return 0, "", err
		}
		if _, err := s.frame(row); err != nil {
			return 0, "", fmt.Errorf("read table %s: %w", t.Name, err)
		}
	}
}

// unfit says why PostgreSQL would not take a row.
func unfit(t db.Table, row []any) error {
	for i, v := range row {
		if s, ok := v.(string); ok && (strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s)) {
			return fault.Newf(fault.Conflict, "Table %s, %s: column %s holds a NUL character or bytes that are not UTF-8, which PostgreSQL does not take. Mend that row first.", t.Name, where(t, row), t.Columns[i].Name)
		}
	}
	return nil
}

// where names a row by its key.
func where(t db.Table, row []any) string {
	out := []string{}
	for _, k := range t.Key {
		for i, c := range t.Columns {
			if c.Name == k {
				out = append(out, fmt.Sprintf("%s=%.60q", k, fmt.Sprint(row[i])))
			}
		}
	}
	return strings.Join(out, " ")
}

// frames reads rows that frame wrote.
type frames struct {
	r    *bufio.Reader
	t    db.Table
	left int64 // bytes of this member
}

func (f *frames) next() ([]any, error) {
	if _, err := f.r.Peek(1); err != nil {
		return nil, err
	}
	size, err := binary.ReadUvarint(f.r)
	if err != nil {
		return nil, noEOF(err)
	}
	if size > maxRow || int64(size) > f.left {
		return nil, errRow
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(f.r, b); err != nil {
		return nil, noEOF(err)
	}
	return parseRow(b, f.t.Columns)
}

// noEOF keeps an end in the middle from looking like the end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

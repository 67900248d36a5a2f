package key

import (
	"context"
	"fmt"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/ledger"
)

// Ready says whether the master key file opens everything that is stored. It
// is asked at start: a lost file must be noticed before a run needs a key.
func (s *Store) Ready(ctx context.Context, q db.Querier) error {
	ids, err := db.All(ctx, q, db.Strings, `SELECT master FROM stored_key UNION SELECT master FROM vault_key UNION SELECT id FROM master_key`)
	if err != nil {
		return fmt.Errorf("read key storage: %w", err)
	}
	for _, id := range ids {
		if !s.master.has(id) {
			return s.master.missing(id)
		}
	}
	return nil
}

// current is the master key that new secrets go under. The row is the truth for
// all nodes; on PostgreSQL it is held until the commit, so that a rotation waits
// for whoever still wraps under the key it retires.
func (s *Store) current(ctx context.Context, tx *db.Tx) (string, error) {
	if _, err := tx.Exec(ctx, `INSERT INTO master_key (one, id) VALUES (1, $1) ON CONFLICT (one) DO NOTHING`, s.master.current()); err != nil {
		return "", fmt.Errorf("note the master key: %w", err)
	}
	query := `SELECT id FROM master_key WHERE one = 1`
	if tx.Dialect() == db.Postgres {
		query += ` FOR SHARE`
	}
	id, err := db.One(ctx, tx, db.Strings, query)
	if err != nil {
		return "", fmt.Errorf("read the master key's name: %w", err)
	}
	return id, nil
}

// Rotate makes a new master key and wraps every data key again under it. The
// contents are not touched. do opens a transaction; Rotate cannot run inside
// one, since the file must hold the new key before a row needs it, and the old
// key until no row does. A crash at any point leaves both in the file.
func (s *Store) Rotate(ctx context.Context, who actor.Actor, do func(context.Context, func(*db.Tx) error) error) error {
	if err := do(ctx, func(tx *db.Tx) error { return s.check(ctx, tx, who, "update", "master") }); err != nil {
		return err
	}
	m := s.master
	m.mu.Lock()
	fresh := newMasterKey()
	old := m.keys
	m.keys = append([]masterKey{old[0], fresh}, old[1:]...)
	err := m.replace()
	if err != nil {
		m.keys = old
	}
	m.mu.Unlock()
	if err != nil {
		return err
	}
	type row struct {
		path, master string
		t            Type
		wrapped      []byte
	}
	err = do(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO master_key (one, id) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET id = excluded.id`, fresh.id); err != nil {
			return fmt.Errorf("turn the master key: %w", err)
		}
		rows, err := db.All(ctx, tx, func(r db.Scanner) (o row, err error) {
			return o, r.Scan(&o.path, &o.t, &o.master, &o.wrapped)
		}, `SELECT path, type, master, wrapped FROM stored_key WHERE master <> $1`, fresh.id)
		if err != nil {
			return fmt.Errorf("read key storage: %w", err)
		}
		for _, r := range rows {
			data, err := m.unwrap(r.master, place(r.path, r.t), r.wrapped)
			if err != nil {
				return fmt.Errorf("rotate %s: %w", r.path, err)
			}
			wrapped, err := m.wrap(fresh.id, place(r.path, r.t), data)
			if err != nil {
				return fmt.Errorf("rotate %s: %w", r.path, err)
			}
			if _, err := tx.Exec(ctx, `UPDATE stored_key SET master = $1, wrapped = $2 WHERE path = $3`, fresh.id, wrapped, r.path); err != nil {
				return fmt.Errorf("rotate %s: %w", r.path, err)
			}
		}
		vault, err := db.All(ctx, tx, scanDataKey, `SELECT id, master, wrapped FROM vault_key WHERE master <> $1`, fresh.id)
		if err != nil {
			return fmt.Errorf("read the vault's keys: %w", err)
		}
		for _, d := range vault {
			data, err := m.unwrap(d.master, d.place(), d.wrapped)
			if err != nil {
				return fmt.Errorf("rotate the vault: %w", err)
			}
			wrapped, err := m.wrap(fresh.id, d.place(), data)
			if err != nil {
				return fmt.Errorf("rotate the vault: %w", err)
			}
			if _, err := tx.Exec(ctx, `UPDATE vault_key SET master = $1, wrapped = $2 WHERE id = $3`, fresh.id, wrapped, d.id); err != nil {
				return fmt.Errorf("rotate the vault: %w", err)
			}
		}
		return s.ledger.Append(ctx, tx, who, ledger.About{Resource: "key:master"}, Rotated{Master: fresh.id, Keys: len(rows) + len(vault)})
	})
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := m.keys
	m.keys = []masterKey{fresh}
	if err := m.replace(); err != nil {
		m.keys = kept
		return err
	}
	return nil
}

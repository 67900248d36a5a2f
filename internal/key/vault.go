package key

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"muster/internal/db"
	"muster/internal/id"
)

// idLength is how many bytes in front of sealed ones name their data key.
const idLength = 36

// vaultAge is how long one data key takes new values.
const vaultAge = 24 * time.Hour

// Seal encrypts a value that another package keeps in a row of its own (a
// secure option of a run that waits). place binds it to that row: the same
// place must be given to Unseal. The data key is kept here, so that a rotation
// of the master key reaches it.
func (s *Store) Seal(ctx context.Context, tx *db.Tx, place string, plain []byte) ([]byte, error) {
	dataID, data, err := s.vaultKey(ctx, tx)
	if err != nil {
		return nil, err
	}
	sealed, err := seal(data, "value "+dataID+" "+place, plain)
	if err != nil {
		return nil, fmt.Errorf("seal a value: %w", err)
	}
	return append([]byte(dataID), sealed...), nil
}

// Unseal opens what Seal made for the same place.
func (s *Store) Unseal(ctx context.Context, q db.Querier, place string, sealed []byte) ([]byte, error) {
	if len(sealed) < idLength {
		return nil, fmt.Errorf("unseal a value: %w", errSealed)
	}
	dataID := string(sealed[:idLength])
	d, err := db.One(ctx, q, scanDataKey, `SELECT id, master, wrapped FROM vault_key WHERE id = $1`, dataID)
	if db.IsNoRows(err) {
		return nil, fmt.Errorf("unseal a value: %w", errSealed)
	}
	if err != nil {
		return nil, fmt.Errorf("unseal a value: %w", err)
	}
	data, err := s.master.unwrap(d.master, d.place(), d.wrapped)
	if err != nil {
		return nil, err
	}
	plain, err := open(data, "value "+dataID+" "+place, sealed[idLength:])
	if err != nil {
		return nil, fmt.Errorf("unseal a value: %w", err)
	}
	return plain, nil
}

type dataKey struct {
	id, master string
	wrapped    []byte
}

func (d dataKey) place() string { return "vault " + d.id }

func scanDataKey(r db.Scanner) (d dataKey, err error) { return d, r.Scan(&d.id, &d.master, &d.wrapped) }

// vaultKey is the data key of the day; the first value of a day makes it.
func (s *Store) vaultKey(ctx context.Context, tx *db.Tx) (string, []byte, error) {
	now := s.clock.Now()
	d, err := db.One(ctx, tx, scanDataKey, `SELECT id, master, wrapped FROM vault_key WHERE created_at > $1 ORDER BY created_at DESC, id LIMIT 1`, db.Micro(now.Add(-vaultAge)))
	if err == nil {
		data, err := s.master.unwrap(d.master, d.place(), d.wrapped)
		return d.id, data, err
	}
	if !db.IsNoRows(err) {
		return "", nil, fmt.Errorf("read the vault's key: %w", err)
	}
	d = dataKey{id: id.New()}
	data := make([]byte, chacha20poly1305.KeySize)
	_, _ = rand.Read(data)
	if d.master, err = s.current(ctx, tx); err != nil {
		return "", nil, err
	}
	if d.wrapped, err = s.master.wrap(d.master, d.place(), data); err != nil {
		return "", nil, err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO vault_key (id, master, wrapped, created_at) VALUES ($1, $2, $3, $4)`, d.id, d.master, d.wrapped, db.Micro(now)); err != nil {
		return "", nil, fmt.Errorf("store the vault's key: %w", err)
	}
	return d.id, data, nil
}

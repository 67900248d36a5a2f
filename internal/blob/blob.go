// Package blob keeps file bytes under keys: job logs, files, exports.
// A key is written once; Put of an existing key with other bytes is refused,
// so that what the ledger has a digest of cannot silently change.
package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"muster/internal/fault"
)

// Store keeps bytes. Errors: fault.NotFound for a missing key, fault.Conflict for a rewrite.
type Store interface {
	Put(ctx context.Context, key string, data []byte) error
	Get(ctx context.Context, key string) ([]byte, error)
	Delete(ctx context.Context, key string) error
}

// Disk keeps each key as a file below a root it cannot leave.
type Disk struct{ root *os.Root }

// OpenDisk opens (and makes) the folder dir.
func OpenDisk(dir string) (*Disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make blob folder: %w", err)
	}
	r, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open blob folder: %w", err)
	}
	return &Disk{r}, nil
}

// Close lets go of the folder.
func (d *Disk) Close() error { return d.root.Close() }

func clean(key string) (string, error) {
	if key == "" || len(key) > 512 || path.Clean(key) != key || path.IsAbs(key) || strings.HasPrefix(key, "..") || strings.ContainsAny(key, "\\\x00") {
		return "", fault.Newf(fault.Invalid, "%q is not a blob key.", key)
	}
	return key, nil
}

// Put writes to a side file, syncs it, and renames: a reader sees all or nothing.
func (d *Disk) Put(ctx context.Context, key string, data []byte) error {
	k, err := clean(key)
	if err != nil {
		return err
	}
	if old, err := d.root.ReadFile(k); err == nil {
		if bytes.Equal(old, data) { // the try before may have failed at the last step
			return d.sync(path.Dir(k))
		}
		return fault.Newf(fault.Conflict, "Blob %s exists with other content.", key)
	}
	made, err := d.folders(path.Dir(k))
	if err != nil {
		return fmt.Errorf("put blob %s: %w", key, err)
	}
	tmp := k + ".part"
	f, err := d.root.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("put blob %s: %w", key, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = d.root.Rename(tmp, k)
	}
	if err != nil {
		_ = d.root.Remove(tmp)
		return fmt.Errorf("put blob %s: %w", key, err)
	}
	// The name has to outlive a power cut as the bytes do.
	for _, dir := range append(made, path.Dir(k)) {
		if err := d.sync(dir); err != nil {
			return fmt.Errorf("put blob %s: %w", key, err)
		}
	}
	return nil
}

// folders makes dir and those above it, and gives the folders that got a new entry.
func (d *Disk) folders(dir string) (made []string, err error) {
	for at := dir; at != "."; at = path.Dir(at) {
		if _, err := d.root.Stat(at); err == nil {
			break
		}
		made = append(made, path.Dir(at))
	}
	return made, d.root.MkdirAll(dir, 0o700)
}

func (d *Disk) sync(dir string) error {
	f, err := d.root.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// WriteFile writes a small file that everything else depends on, such as a key:
// whenever the machine stops, the file is there whole or not at all.
func WriteFile(name string, data []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after the rename there is none
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

func (d *Disk) Get(ctx context.Context, key string) ([]byte, error) {
	k, err := clean(key)
	if err != nil {
		return nil, err
	}
	b, err := d.root.ReadFile(k)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Newf(fault.NotFound, "There is no blob %s.", key)
	}
	if err != nil {
		return nil, fmt.Errorf("get blob %s: %w", key, err)
	}
	return b, nil
}

func (d *Disk) Delete(ctx context.Context, key string) error {
	k, err := clean(key)
	if err != nil {
		return err
	}
	if err := d.root.Remove(k); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete blob %s: %w", key, err)
	}
	return nil
}

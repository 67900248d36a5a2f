package key

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/crypto/chacha20poly1305"

	"muster/internal/blob"
	"muster/internal/fault"
)

// Master wraps the data keys of secrets. Its file has one line per master key,
// `muster-master-1 ID BASE64`; the first is used for new secrets, the others
// only open what a rotation has not reached yet.
type Master struct {
	file string

	mu   sync.RWMutex
	keys []masterKey
}

type masterKey struct {
	id  string
	key []byte
}

const masterFormat = "muster-master-1"

func newMasterKey() masterKey {
	b := make([]byte, 8+chacha20poly1305.KeySize)
	_, _ = rand.Read(b)
	return masterKey{hex.EncodeToString(b[:8]), b[8:]}
}

// LoadMaster reads the master key file, and makes it on first use. A file that
// others may read is refused: who can read it can read every secret.
func LoadMaster(file string) (*Master, error) {
	m := &Master{file: file}
	f, err := os.Open(file) // #nosec G304 -- the key file of the settings
	if errors.Is(err, fs.ErrNotExist) {
		m.keys = []masterKey{newMasterKey()}
		if err := m.create(); err != nil {
			return nil, err
		}
		return m, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the master key: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the master key: %w", err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, fault.Newf(fault.Invalid, "The master key file %s can be read by others (mode %04o). Run: chmod 600 %s", file, st.Mode().Perm(), file)
	}
	if st.Size() > 1<<16 {
		return nil, errDamaged(file)
	}
	text, err := os.ReadFile(file) // #nosec G304 -- the key file of the settings
	if err != nil {
		return nil, fmt.Errorf("read the master key: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		parts := strings.Fields(line)
		if len(parts) != 3 || parts[0] != masterFormat {
			return nil, errDamaged(file)
		}
		b, err := base64.StdEncoding.DecodeString(parts[2])
		if err != nil || len(b) != chacha20poly1305.KeySize {
			return nil, errDamaged(file)
		}
		m.keys = append(m.keys, masterKey{parts[1], b})
	}
	if len(m.keys) == 0 {
		return nil, errDamaged(file)
	}
	return m, nil
}

// errDamaged names the file and never its contents.
func errDamaged(file string) error {
	return fault.Newf(fault.Invalid, "The master key file %s is damaged. Restore it from your backup: without it no stored key can be opened.", file)
}

func (m *Master) text() []byte {
	var b strings.Builder
	b.WriteString("# Opens every stored key. Back it up apart from the database; never share it.\n")
	for _, k := range m.keys {
		fmt.Fprintf(&b, "%s %s %s\n", masterFormat, k.id, base64.StdEncoding.EncodeToString(k.key))
	}
	return []byte(b.String())
}

// create writes the file for the first time and fails when another process was faster.
func (m *Master) create() error {
	// Whole or not at all: an empty key file would be taken for a damaged one.
	if err := blob.WriteFile(m.file, m.text(), 0o600); err != nil {
		return fmt.Errorf("create the master key: %w", err)
	}
	return nil
}

func (m *Master) fill(f *os.File) error {
	_, err := f.Write(m.text())
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = syncDir(filepath.Dir(f.Name()))
	}
	if err != nil {
		return fmt.Errorf("write the master key: %w", err)
	}
	return nil
}

// replace swaps the file whole, so that a crash leaves the old or the new one.
func (m *Master) replace() error {
	tmp := m.file + ".new"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // #nosec G304 -- the key file of the settings
	if err != nil {
		return fmt.Errorf("write the master key: %w", err)
	}
	if err := m.fill(f); err != nil {
		return err
	}
	if err := os.Rename(tmp, m.file); err != nil {
		return fmt.Errorf("replace the master key: %w", err)
	}
	return syncDir(filepath.Dir(m.file))
}

func syncDir(dir string) error {
	d, err := os.Open(dir) // #nosec G304 -- the key file of the settings
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (m *Master) current() string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.keys[0].id
}

func (m *Master) has(id string) bool {
	_, ok := m.byID(id)
	return ok
}

func (m *Master) byID(id string) ([]byte, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, k := range m.keys {
		if k.id == id {
			return k.key, true
		}
	}
	return nil, false
}

// wrap seals a data key under the master key id; what binds it to its place.
func (m *Master) wrap(id, what string, data []byte) ([]byte, error) {
	k, ok := m.byID(id)
	if !ok {
		return nil, m.missing(id)
	}
	return seal(k, "data-key "+id+" "+what, data)
}

func (m *Master) missing(id string) error {
	return fault.Newf(fault.Unavailable, "The master key %s is not in %s. Restore that file from your backup (or copy it from the node that rotated it) and start again.", id, m.file)
}

func (m *Master) unwrap(id, what string, wrapped []byte) ([]byte, error) {
	k, ok := m.byID(id)
	if !ok {
		return nil, m.missing(id)
	}
	return open(k, "data-key "+id+" "+what, wrapped)
}

// seal encrypts with a random nonce in front; ad is authenticated with it.
func seal(key []byte, ad string, plain []byte) ([]byte, error) {
	a, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	out := make([]byte, a.NonceSize(), a.NonceSize()+len(plain)+a.Overhead())
	_, _ = rand.Read(out)
	return a.Seal(out, out, plain, []byte(ad)), nil
}

var errSealed = errors.New("sealed bytes do not fit their key or their place")

func open(key []byte, ad string, sealed []byte) ([]byte, error) {
	a, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	if len(sealed) < a.NonceSize() {
		return nil, errSealed
	}
	plain, err := a.Open(nil, sealed[:a.NonceSize()], sealed[a.NonceSize():], []byte(ad))
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

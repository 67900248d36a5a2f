package ledger

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"muster/internal/blob"
	"muster/internal/db"
)

const origin = "muster ledger"

// Checkpoint states what the ledger held at a moment: its size and the root of its tree.
type Checkpoint struct {
	Size int64
	Root tlog.Hash
	At   time.Time
}

func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n%s\n", origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]), c.At.UTC().Format(time.RFC3339Nano))
}

func parseCheckpoint(text string) (c Checkpoint, err error) {
	bad := errors.New("this is not a checkpoint of a Muster ledger")
	f := strings.Split(text, "\n")
	if len(f) != 5 || f[0] != origin || f[4] != "" {
		return c, bad
	}
	if c.Size, err = strconv.ParseInt(f[1], 10, 64); err != nil || c.Size < 0 {
		return c, bad
	}
	root, err := base64.StdEncoding.DecodeString(f[2])
	if err != nil || len(root) != tlog.HashSize {
		return c, bad
	}
	copy(c.Root[:], root)
	if c.At, err = time.Parse(time.RFC3339Nano, f[3]); err != nil {
		return c, bad
	}
	return c, nil
}

// Keys of a ledger: one signs checkpoints, one locks private text.
type Keys struct {
	Signer   note.Signer
	Verifier string // note verifier key, safe to publish
	Private  []byte // 32 bytes
}

// NewKeys makes fresh keys; the returned text is what LoadKeys reads.
func NewKeys() (Keys, string, error) {
	skey, vkey, err := note.GenerateKey(rand.Reader, "muster-ledger")
	if err != nil {
		return Keys{}, "", err
	}
	p := make([]byte, 32)
	_, _ = rand.Read(p)
	text := skey + "\n" + vkey + "\n" + base64.StdEncoding.EncodeToString(p) + "\n"
	k, err := parseKeys(text)
	return k, text, err
}

func parseKeys(text string) (k Keys, err error) {
	f := strings.Split(strings.TrimSpace(text), "\n")
	if len(f) != 3 {
		return k, errors.New("the ledger key file must have three lines; restore it from your backup")
	}
	if k.Signer, err = note.NewSigner(f[0]); err != nil {
		return k, fmt.Errorf("ledger signing key: %w", err)
	}
	k.Verifier = f[1]
	if k.Private, err = base64.StdEncoding.DecodeString(f[2]); err != nil || len(k.Private) != 32 {
		return k, errors.New("the ledger key file's third line is damaged; restore it from your backup")
	}
	return k, nil
}

// LoadKeys reads the key file, and makes it on first use. The verifier is also
// written beside it as ledger.pub, so that verification needs no secret.
func LoadKeys(file string) (Keys, error) {
	b, err := os.ReadFile(file) // #nosec G304 -- the key file of the settings
	if errors.Is(err, fs.ErrNotExist) {
		k, text, err := NewKeys()
		if err != nil {
			return k, err
		}
		if err := blob.WriteFile(file, []byte(text), 0o600); err != nil {
			return k, fmt.Errorf("write the ledger key: %w", err)
		}
		return k, k.publish(file)
	}
	if err != nil {
		return Keys{}, fmt.Errorf("read the ledger key: %w", err)
	}
	k, err := parseKeys(string(b))
	if err != nil {
		return k, err
	}
	// A server that was killed between the two files left none to verify with.
	if _, err := os.Stat(PublicKeyFile(file)); errors.Is(err, fs.ErrNotExist) {
		return k, k.publish(file)
	}
	return k, nil
}

func (k Keys) publish(file string) error {
	if err := blob.WriteFile(PublicKeyFile(file), []byte(k.Verifier+"\n"), 0o644); err != nil {
		return fmt.Errorf("write the ledger's public key: %w", err)
	}
	return nil
}

// PublicKeyFile is where LoadKeys puts the verifier.
func PublicKeyFile(keyFile string) string {
	return filepath.Join(filepath.Dir(keyFile), "ledger.pub")
}

func (k Keys) sign(c Checkpoint) (string, error) {
	b, err := note.Sign(&note.Note{Text: c.text()}, k.Signer)
	if err != nil {
		return "", fmt.Errorf("sign the checkpoint: %w", err)
	}
	return string(b), nil
}

// OpenCheckpoint checks a signed checkpoint against a verifier key.
func OpenCheckpoint(signed, verifier string) (Checkpoint, error) {
	v, err := note.NewVerifier(strings.TrimSpace(verifier))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("the ledger's public key is damaged: %w", err)
	}
	// Copying one about adds or loses a newline at its end.
	signed = strings.TrimRight(signed, "\r\n ") + "\n"
	n, err := note.Open([]byte(signed), note.VerifierList(v))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("the checkpoint's signature does not fit this ledger's public key: %w", err)
	}
	return parseCheckpoint(n.Text)
}

// Head is the signed checkpoint over everything recorded; "" before the first event.
func Head(ctx context.Context, q db.Querier) (string, error) {
	var signed string
	err := q.QueryRow(ctx, `SELECT note FROM ledger_head WHERE one = 1`).Scan(&signed)
	if db.IsNoRows(err) {
		return "", nil
	}
	return signed, err
}

// Package key keeps the secrets that runs need: private keys and passwords, and
// the public keys beside them, in a tree of paths.
//
// Invariants: a secret is in the database only under envelope encryption
// (XChaCha20-Poly1305: a data key per secret, wrapped by a master key kept in a
// file outside the database); it leaves only through Open, which records its
// use; it is never part of an answer, an error or a log line. How a secret is
// used is left to the run engine.
package key

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/ssh"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
)

// Type of a stored key.
type Type string

const (
	PrivateKey Type = "private-key"
	PublicKey  Type = "public-key"
	Password   Type = "password"
)

// MaxSize of one secret.
const MaxSize = 64 << 10

// Item is what may be known about a stored key: everything but the content.
type Item struct {
	Path        string
	Type        Type
	Size        int
	Fingerprint string // SHA256:… of keys, "" for passwords and for keys whose public half is locked
	CreatedBy   string
	CreatedAt   time.Time
	ModifiedBy  string
	ModifiedAt  time.Time
}

// Grant says what a secret is opened for. A key of one project never opens for another.
type Grant struct {
	Project string
	Run     string // run id
	Node    string
}

// Store keeps and opens keys.
type Store struct {
	access *access.Access
	ledger *ledger.Ledger
	clock  clock.Clock
	master *Master
}

// New makes a store.
func New(a *access.Access, l *ledger.Ledger, c clock.Clock, m *Master) *Store {
	return &Store{a, l, c, m}
}

var segment = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._@+-]*$`)

// Clean brings a path into its one form: no slash at the ends, and without the
// leading "keys/" that older definitions write.
func Clean(path string) (string, error) {
	p := strings.TrimPrefix(strings.Trim(path, "/"), "keys/")
	if p == "" || len(p) > 500 {
		return "", fault.Field("path", "A key's path has 1 to 500 characters, for example project/demo/deploy.key.")
	}
	parts := strings.Split(p, "/")
	if len(parts) > 20 {
		return "", fault.Field("path", "A key's path has at most 20 parts.")
	}
	for _, s := range parts {
		if !segment.MatchString(s) {
			return "", fault.Field("path", "Each part of a key's path begins with a letter, digit or underscore and has only these, dots, dashes, @ and +.")
		}
	}
	if parts[0] == "project" && len(parts) < 3 {
		return "", fault.Field("path", "A project's key is stored as project/PROJECT/NAME.")
	}
	return p, nil
}

// project is whose key it is, "" for the application's.
func project(path string) string {
	if rest, ok := strings.CutPrefix(path, "project/"); ok {
		p, _, _ := strings.Cut(rest, "/")
		return p
	}
	return ""
}

func name(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func (s *Store) check(ctx context.Context, q db.Querier, who actor.Actor, action, path string) error {
	action, res := rights(action, path)
	return s.access.Check(ctx, q, who, action, res)
}

// rights maps what is done to whom it concerns: a project's own policy decides
// about its keys, the application's about all others.
func rights(action, path string) (string, access.Resource) {
	attrs := map[string]string{"path": path, "name": name(path)}
	if p := project(path); p != "" {
		return action, access.Resource{Project: p, Type: "storage", Attrs: attrs, ID: path, Name: path}
	}
	if action != "read" {
		action = "manage"
	}
	return action, access.Resource{Type: "key", Attrs: attrs, ID: path, Name: path}
}

// Put stores a secret, replacing one at the same path.
func (s *Store) Put(ctx context.Context, tx *db.Tx, who actor.Actor, path string, t Type, content []byte) (Item, error) {
	path, err := Clean(path)
	if err != nil {
		return Item{}, err
	}
	old, err := s.get(ctx, tx, path)
	exists := err == nil
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Item{}, err
	}
	action := "create"
	if exists {
		action = "update"
	}
	if err := s.check(ctx, tx, who, action, path); err != nil {
		return Item{}, err
	}
	fingerprint, err := validate(t, content)
	if err != nil {
		return Item{}, err
	}
	data := make([]byte, chacha20poly1305.KeySize)
	_, _ = rand.Read(data)
	sealed, err := seal(data, place(path, t), content)
	if err != nil {
		return Item{}, fmt.Errorf("seal key %s: %w", path, err)
	}
	master, err := s.current(ctx, tx)
	if err != nil {
		return Item{}, err
	}
	wrapped, err := s.master.wrap(master, place(path, t), data)
	if err != nil {
		return Item{}, fmt.Errorf("wrap key %s: %w", path, err)
	}
	now := s.clock.Now()
	it := Item{Path: path, Type: t, Size: len(content), Fingerprint: fingerprint, CreatedBy: who.ID, CreatedAt: now, ModifiedBy: who.ID, ModifiedAt: now}
	if exists {
		it.CreatedBy, it.CreatedAt = old.CreatedBy, old.CreatedAt
	}
	if _, err := tx.Exec(ctx, `INSERT INTO stored_key (path, type, size, fingerprint, master, wrapped, sealed, created_by, created_at, modified_by, modified_at)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)
		ON CONFLICT (path) DO UPDATE SET type=excluded.type, size=excluded.size, fingerprint=excluded.fingerprint, master=excluded.master,
			wrapped=excluded.wrapped, sealed=excluded.sealed, modified_by=excluded.modified_by, modified_at=excluded.modified_at`,
		path, string(t), it.Size, fingerprint, master, wrapped, sealed, it.CreatedBy, db.Micro(it.CreatedAt), it.ModifiedBy, db.Micro(now)); err != nil {
		return Item{}, fmt.Errorf("store key %s: %w", path, err)
	}
	return it, s.ledger.Append(ctx, tx, who, about(path), Stored{Path: path, Type: string(t), Fingerprint: fingerprint, Replaced: exists})
}

// place binds sealed bytes to where they belong: a row copied to another path does not open.
func place(path string, t Type) string { return string(t) + " " + path }

func about(path string) ledger.About {
	return ledger.About{Resource: "key:" + path, Project: project(path)}
}

// validate refuses what could not be used later. Its errors never quote the content.
func validate(t Type, content []byte) (fingerprint string, err error) {
	if len(content) == 0 {
		return "", fault.Field("content", "The content is empty.")
	}
	if len(content) > MaxSize {
		return "", fault.Newf(fault.TooLarge, "The content is %d KiB; a key has at most %d KiB.", len(content)>>10, MaxSize>>10)
	}
	switch t {
	case PrivateKey:
		signer, err := ssh.ParsePrivateKey(content)
		if missing, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok {
			if missing.PublicKey != nil {
				return ssh.FingerprintSHA256(missing.PublicKey), nil
			}
			return "", nil // locked by a passphrase, which is stored at a path of its own
		}
		if err != nil {
			return "", fault.Field("content", "This is not a private key in PEM or OpenSSH form. Send the whole file, from -----BEGIN to -----END.")
		}
		return ssh.FingerprintSHA256(signer.PublicKey()), nil
	case PublicKey:
		pub, _, _, _, err := ssh.ParseAuthorizedKey(content)
		if err != nil {
			return "", fault.Field("content", "This is not a public key as in an authorized_keys file (ssh-ed25519 AAAA… comment).")
		}
		return ssh.FingerprintSHA256(pub), nil
	case Password:
		if strings.ContainsAny(string(content), "\x00\r\n") {
			return "", fault.Field("content", "A password has one line. Leave out the line break at its end.")
		}
		return "", nil
	}
	return "", fault.Field("type", "The type is private-key, public-key or password.")
}

// Delete removes a secret.
func (s *Store) Delete(ctx context.Context, tx *db.Tx, who actor.Actor, path string) error {
	path, err := Clean(path)
	if err != nil {
		return err
	}
	if err := s.check(ctx, tx, who, "delete", path); err != nil {
		return err
	}
	res, err := tx.Exec(ctx, `DELETE FROM stored_key WHERE path = $1`, path)
	if err != nil {
		return fmt.Errorf("delete key %s: %w", path, err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return notFound(path)
	}
	return s.ledger.Append(ctx, tx, who, about(path), Deleted{Path: path})
}

func notFound(path string) error {
	return fault.Newf(fault.NotFound, "There is no key at %s. Store it first (muster key add %s).", path, path)
}

const columns = `path, type, size, fingerprint, created_by, created_at, modified_by, modified_at`

func scan(r db.Scanner) (Item, error) {
	var it Item
	var c, m int64
	err := r.Scan(&it.Path, &it.Type, &it.Size, &it.Fingerprint, &it.CreatedBy, &c, &it.ModifiedBy, &m)
	it.CreatedAt, it.ModifiedAt = db.At(c), db.At(m)
	return it, err
}

func (s *Store) get(ctx context.Context, q db.Querier, path string) (Item, error) {
	it, err := db.One(ctx, q, scan, `SELECT `+columns+` FROM stored_key WHERE path = $1`, path)
	if db.IsNoRows(err) {
		return it, notFound(path)
	}
	if err != nil {
		return it, fmt.Errorf("read key %s: %w", path, err)
	}
	return it, nil
}

// List returns the keys at and below prefix that who may know of. Who may know
// of none at all is refused.
func (s *Store) List(ctx context.Context, q db.Querier, who actor.Actor, prefix string) ([]Item, error) {
	prefix = strings.TrimPrefix(strings.Trim(prefix, "/"), "keys/")
	all, err := db.All(ctx, q, scan, `SELECT `+columns+` FROM stored_key WHERE $1 = '' OR path = $1 OR substr(path, 1, $2) = $3 ORDER BY path`, prefix, len(prefix)+1, prefix+"/")
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	judge, err := s.access.Judge(ctx, q, who)
	if err != nil {
		return nil, err
	}
	out := []Item{}
	for _, it := range all {
		if judge.Allowed(rights("read", it.Path)) {
			out = append(out, it)
		}
	}
	if len(out) == 0 {
		at := prefix
		if project(at+"/x") == "" {
			at = prefix + "/"
		}
		if err := s.check(ctx, q, who, "read", strings.TrimPrefix(at, "/")); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Open hands a secret to the run engine and records the use: no record, no
// secret. who is on whose behalf the run acts; the key's project must be the run's.
func (s *Store) Open(ctx context.Context, tx *db.Tx, who actor.Actor, g Grant, path string) ([]byte, error) {
	path, err := Clean(path)
	if err != nil {
		return nil, err
	}
	owner := project(path)
	res := access.Resource{Project: g.Project, Type: "storage", Attrs: map[string]string{"path": path, "name": name(path)}, ID: path, Name: path}
	if owner != "" && owner != g.Project {
		// No policy can allow this: it is what keeps projects apart.
		return nil, &access.Denial{Who: who, Action: "read", Resource: res, Decision: access.Decision{WhoCouldGrant: []string{},
			Text: fmt.Sprintf("The key %s belongs to project %s and cannot be used elsewhere. Store a key of its own where it is needed.", path, owner)}}
	}
	if g.Project == "" {
		res.Type = "key"
	}
	if err := s.access.Check(ctx, tx, who, "read", res); err != nil {
		return nil, err
	}
	type row struct {
		t               Type
		master          string
		wrapped, sealed []byte
	}
	r, err := db.One(ctx, tx, func(r db.Scanner) (o row, err error) {
		return o, r.Scan(&o.t, &o.master, &o.wrapped, &o.sealed)
	}, `SELECT type, master, wrapped, sealed FROM stored_key WHERE path = $1`, path)
	if db.IsNoRows(err) {
		return nil, notFound(path)
	}
	if err != nil {
		return nil, fmt.Errorf("open key %s: %w", path, err)
	}
	data, err := s.master.unwrap(r.master, place(path, r.t), r.wrapped)
	if err != nil {
		return nil, fmt.Errorf("open key %s: %w", path, err)
	}
	plain, err := open(data, place(path, r.t), r.sealed)
	if err != nil {
		return nil, fmt.Errorf("open key %s: %w", path, err)
	}
	a := about(path)
	a.Project = g.Project
	if err := s.ledger.Append(ctx, tx, who, a, Used{Path: path, Run: g.Run, Node: g.Node}); err != nil {
		return nil, err
	}
	return plain, nil
}

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
	Bound
}

// Grant says what a secret is opened for. A key of one project never opens for another.
type Grant struct {
	Project string
	Run     string // run id
	Node    string // for the record
	Targets []Target
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

// shared is the shelf of application keys that each project's own policy may
// hand out. All others are opened by the application's policies alone.
const shared = "shared/"

// resource describes a key to policies: in project's context, or in the
// application's. Rules name its path with or without keys/ before it.
func resource(project, typ, path string) access.Resource {
	return access.Resource{Project: project, Type: typ, Attrs: map[string]string{"path": path, "name": name(path)},
		Also: map[string][]string{"path": {"keys/" + path}}, ID: path, Name: path}
}

// ruled is what its owner's policies say about doing action with the key: those
// of its project, or the application's, which may speak of it as Muster does
// (key: read, manage) or as Rundeck does (storage: read, create, update, delete).
func ruled(may access.Judge, action, path string) (access.Decision, access.Resource) {
	if p := project(path); p != "" {
		res := resource(p, "storage", path)
		return may.Explain(action, res), res
	}
	as, byType := action, resource("", "key", path)
	if action != "read" {
		as = "manage"
	}
	one, two := may.Explain(as, byType), may.Explain(action, resource("", "storage", path))
	switch {
	case forbids(one) || !forbids(two) && (one.Allowed || !two.Allowed):
		return one, byType
	default:
		return two, byType
	}
}

// forbids says whether a rule denies, rather than that none allows.
func forbids(d access.Decision) bool { return !d.Allowed && d.Rule != nil }

func (s *Store) check(ctx context.Context, q db.Querier, who actor.Actor, action, path string) error {
	may, err := s.access.Judge(ctx, q, who)
	if err != nil {
		return err
	}
	d, res := ruled(may, action, path)
	return refusal(who, action, res, d)
}

func refusal(who actor.Actor, action string, res access.Resource, d access.Decision) error {
	switch {
	case who.ID == "":
		return fault.New(fault.Unauthenticated, "Sign in first.")
	case d.Allowed:
		return nil
	}
	return &access.Denial{Who: who, Action: action, Resource: res, Decision: d}
}

// Explain says whether a run of who's in g.Project may use the key at path, and
// why. It is the one answer of previews, of runs and of those who ask.
func (s *Store) Explain(ctx context.Context, q db.Querier, who actor.Actor, g Grant, path string) (access.Decision, error) {
	d, _, err := s.explain(ctx, q, who, g, path)
	return d, err
}

// ExplainKept says whether who may do action with the stored key at path: read
// what may be known of it, create, update or delete it.
func (s *Store) ExplainKept(ctx context.Context, q db.Querier, who actor.Actor, action, path string) (access.Decision, error) {
	path, err := Clean(path)
	if err != nil {
		return access.Decision{}, err
	}
	may, err := s.access.Judge(ctx, q, who)
	if err != nil {
		return access.Decision{}, err
	}
	d, _ := ruled(may, action, path)
	return d, nil
}

// explain is what the rules say, and what the key is bound to.
func (s *Store) explain(ctx context.Context, q db.Querier, who actor.Actor, g Grant, path string) (access.Decision, access.Resource, error) {
	d, res, err := s.rules(ctx, q, who, g, path)
	if err == nil {
		d, err = s.bound(ctx, q, g, res.ID, d)
	}
	return d, res, err
}

func (s *Store) rules(ctx context.Context, q db.Querier, who actor.Actor, g Grant, path string) (access.Decision, access.Resource, error) {
	path, err := Clean(path)
	if err != nil {
		return access.Decision{}, access.Resource{}, err
	}
	may, err := s.access.Judge(ctx, q, who)
	if err != nil {
		return access.Decision{}, access.Resource{}, err
	}
	owner := project(path)
	here := resource(g.Project, "storage", path)
	switch {
	case owner == "" && g.Project == "":
		d, res := ruled(may, "read", path)
		return d, res, nil
	case owner != "" && owner != g.Project:
		// No policy can allow this: it is what keeps projects apart.
		return access.Decision{WhoCouldGrant: []string{},
			Text: fmt.Sprintf("The key %s belongs to project %s and cannot be used elsewhere. Store a key of its own where it is needed.", path, owner)}, here, nil
	case owner != "":
		return may.Explain("read", here), here, nil
	}
	// The owner's policies have to allow it; the other's may still deny.
	ours, res := ruled(may, "read", path)
	theirs := may.Explain("read", here)
	if forbids(theirs) {
		return theirs, here, nil
	}
	if strings.HasPrefix(path, shared) {
		if forbids(ours) {
			return ours, res, nil
		}
		return theirs, here, nil
	}
	if !ours.Allowed && !forbids(ours) {
		ours.Text += " A key outside of project/ and shared/ is the office's: only a policy of the office opens it."
	}
	return ours, res, nil
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
		return Item{}, s.unmade(ctx, tx, who, path, err)
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
		it.CreatedBy, it.CreatedAt, it.Bound = old.CreatedBy, old.CreatedAt, old.Bound
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

// unmade says of a refusal that the project is not there yet, to who could make it.
func (s *Store) unmade(ctx context.Context, q db.Querier, who actor.Actor, path string, refused error) error {
	p := project(path)
	if p == "" || !s.access.Allowed(ctx, q, who, "manage", access.Resource{Type: "project", Attrs: map[string]string{"name": p}, Name: p}) {
		return refused
	}
	var n int
	if err := q.QueryRow(ctx, `SELECT COUNT(*) FROM project WHERE name = $1`, p).Scan(&n); err != nil || n > 0 {
		return refused
	}
	return fault.Newf(fault.NotFound, "There is no project %s yet, so nobody may store keys for it. Make it first: muster project create %s", p, p)
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
	if _, err := tx.Exec(ctx, `DELETE FROM key_met WHERE path = $1`, path); err != nil {
		return fmt.Errorf("forget where %s was used: %w", path, err)
	}
	return s.ledger.Append(ctx, tx, who, about(path), Deleted{Path: path})
}

func notFound(path string) error {
	return fault.Newf(fault.NotFound, "There is no key at %s. Store it first (muster key add %s).", path, path)
}

const columns = `path, type, size, fingerprint, created_by, created_at, modified_by, modified_at, nodes, environments`

func scan(r db.Scanner) (Item, error) {
	var it Item
	var c, m int64
	var nodes, environments string
	err := r.Scan(&it.Path, &it.Type, &it.Size, &it.Fingerprint, &it.CreatedBy, &c, &it.ModifiedBy, &m, &nodes, &environments)
	it.CreatedAt, it.ModifiedAt = db.At(c), db.At(m)
	it.Nodes, it.Environments = lines(nodes), lines(environments)
	return it, err
}

func lines(s string) []string {
	if s == "" {
		return []string{}
	}
	return strings.Split(s, "\n")
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
		if d, _ := ruled(judge, "read", it.Path); d.Allowed {
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
	d, res, err := s.explain(ctx, tx, who, g, path)
	if err != nil {
		return nil, err
	}
	if err := refusal(who, "read", res, d); err != nil {
		return nil, err
	}
	path = res.ID
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

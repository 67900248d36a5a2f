package key

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
)

// Target is a node a key is used for. Environments are the words by which its
// environment is known; a node whose environment nobody knows has none, so that
// a key for production does not go where somebody left it out.
type Target struct {
	Name         string
	Environments []string
}

// Bound is what a key may be used for; empty lists stand for everything.
type Bound struct {
	Nodes        []string // names, with * and ? for parts
	Environments []string
}

const maxBound = 200

func (b Bound) check() (Bound, error) {
	var err error
	if b.Nodes, err = boundTo("nodes", b.Nodes); err != nil {
		return b, err
	}
	for _, n := range b.Nodes {
		if _, err := path.Match(n, "x"); err != nil {
			return b, fault.Field("nodes", fmt.Sprintf("%q is not the name of a node, nor one with * and ?.", n))
		}
	}
	b.Environments, err = boundTo("environments", b.Environments)
	return b, err
}

func boundTo(field string, in []string) ([]string, error) {
	out := []string{}
	for _, s := range in {
		s = strings.TrimSpace(s)
		if s == "" || len(s) > 255 || strings.ContainsFunc(s, unicode.IsControl) {
			return nil, fault.Field(field, "Each has 1 to 255 characters on one line.")
		}
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	if len(out) > maxBound {
		return nil, fault.Field(field, fmt.Sprintf("At most %d are kept; use * and ? for several.", maxBound))
	}
	return out, nil
}

// refuses names the first target the key is not for.
func (b Bound) refuses(ts []Target) (Target, bool) {
	for _, t := range ts {
		node := len(b.Nodes) == 0 || slices.ContainsFunc(b.Nodes, func(n string) bool { ok, _ := path.Match(n, t.Name); return ok || n == t.Name })
		env := len(b.Environments) == 0 || slices.ContainsFunc(b.Environments, func(e string) bool {
			return slices.ContainsFunc(t.Environments, func(w string) bool { return strings.EqualFold(w, e) })
		})
		if !node || !env {
			return t, true
		}
	}
	return Target{}, false
}

func (b Bound) words() string {
	var out []string
	if len(b.Nodes) > 0 {
		out = append(out, "the nodes "+strings.Join(b.Nodes, ", "))
	}
	if len(b.Environments) > 0 {
		out = append(out, "the environments "+strings.Join(b.Environments, ", "))
	}
	return strings.Join(out, " and ")
}

// Bind says what the key may be used for.
func (s *Store) Bind(ctx context.Context, tx *db.Tx, who actor.Actor, keyPath string, b Bound) (Item, error) {
	keyPath, err := Clean(keyPath)
	if err != nil {
		return Item{}, err
	}
	if err := s.check(ctx, tx, who, "update", keyPath); err != nil {
		return Item{}, err
	}
	if b, err = b.check(); err != nil {
		return Item{}, err
	}
	it, err := s.get(ctx, tx, keyPath)
	if err != nil {
		return it, err
	}
	if slices.Equal(it.Nodes, b.Nodes) && slices.Equal(it.Environments, b.Environments) {
		return it, nil
	}
	it.Bound, it.ModifiedBy, it.ModifiedAt = b, who.ID, s.clock.Now()
	if _, err := tx.Exec(ctx, `UPDATE stored_key SET nodes = $2, environments = $3, modified_by = $4, modified_at = $5 WHERE path = $1`,
		keyPath, strings.Join(b.Nodes, "\n"), strings.Join(b.Environments, "\n"), it.ModifiedBy, db.Micro(it.ModifiedAt)); err != nil {
		return it, fmt.Errorf("bind key %s: %w", keyPath, err)
	}
	return it, s.ledger.Append(ctx, tx, who, about(keyPath), BoundTo{Path: keyPath, Nodes: b.Nodes, Environments: b.Environments})
}

// Usable says whether a run of who's may use the key for g.Targets, before
// anything begins: nil, a denial, or that there is no such key.
func (s *Store) Usable(ctx context.Context, q db.Querier, who actor.Actor, g Grant, keyPath string) (Item, error) {
	d, res, err := s.explain(ctx, q, who, g, keyPath)
	if err != nil {
		return Item{}, err
	}
	if err := refusal(who, "read", res, d); err != nil {
		return Item{}, err
	}
	return s.get(ctx, q, res.ID)
}

// bound is d, or the refusal of a key that is bound to other nodes.
func (s *Store) bound(ctx context.Context, q db.Querier, g Grant, keyPath string, d access.Decision) (access.Decision, error) {
	if !d.Allowed || len(g.Targets) == 0 {
		return d, nil
	}
	it, err := s.get(ctx, q, keyPath)
	if fault.Is(err, fault.NotFound) {
		return d, nil // said where it is opened
	}
	if err != nil {
		return d, err
	}
	if t, no := it.refuses(g.Targets); no {
		return access.Decision{WhoCouldGrant: []string{}, Text: fmt.Sprintf("The key %s is bound to %s, and %s is not among them. Whoever may change the key can bind it to more.", keyPath, it.words(), t.Name)}, nil
	}
	return d, nil
}

// Host is the identity of a node towards passwords: the host keys it may show.
func Host(hostKeys string) string {
	sum := sha256.Sum256([]byte(strings.Join(strings.Fields(hostKeys), " ")))
	return hex.EncodeToString(sum[:])
}

// Unmet says which of hosts the password at keyPath has never gone to. since is
// when the entry of the node list was last written, by host.
func (s *Store) Unmet(ctx context.Context, q db.Querier, keyPath string, since map[string]int64) ([]string, error) {
	keyPath, err := Clean(keyPath)
	if err != nil {
		return nil, err
	}
	type met struct {
		host string
		at   int64
	}
	all, err := db.All(ctx, q, func(r db.Scanner) (m met, err error) { return m, r.Scan(&m.host, &m.at) }, `SELECT host, met_at FROM key_met WHERE path = $1 OR path = '*'`, keyPath)
	if err != nil {
		return nil, fmt.Errorf("read where %s was used: %w", keyPath, err)
	}
	known, before := map[string]bool{}, int64(0)
	for _, m := range all {
		if m.host == "*" {
			before = m.at
		} else {
			known[m.host] = true
		}
	}
	var out []string
	for h, at := range since {
		if !known[h] && at > before {
			out = append(out, h)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Meet remembers that the password at keyPath may go to host from now on.
func (s *Store) Meet(ctx context.Context, tx *db.Tx, keyPath, host, node string) error {
	keyPath, err := Clean(keyPath)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO key_met (path, host, node, met_at) VALUES ($1,$2,$3,$4) ON CONFLICT (path, host) DO NOTHING`, keyPath, host, node, db.Micro(s.clock.Now())); err != nil {
		return fmt.Errorf("remember where %s was used: %w", keyPath, err)
	}
	return nil
}

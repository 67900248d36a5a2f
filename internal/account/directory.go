package account

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
)

func notFound(who string) error {
	return fault.Newf(fault.NotFound, "There is nobody named %q here. Check the spelling, or ask an administrator to add them.", who)
}

// List returns everybody, the disabled too, by display name; of guests only
// those who are inside.
func (s *Store) List(ctx context.Context, q db.Querier) ([]User, error) {
	us, err := db.All(ctx, q, scanUser, `SELECT `+columns+` FROM account WHERE kind <> 'guest' OR NOT disabled ORDER BY lower(display), name`)
	if err != nil {
		return nil, fmt.Errorf("list people: %w", err)
	}
	return withRoles(ctx, q, us)
}

// Get returns the user with this id.
func (s *Store) Get(ctx context.Context, q db.Querier, userID string) (User, error) {
	u, err := s.one(ctx, q, `id = $1`, userID)
	if db.IsNoRows(err) {
		return u, notFound(userID)
	}
	if err != nil {
		return u, fmt.Errorf("read user: %w", err)
	}
	return u, nil
}

// Find takes a login (with or without @), an id or an email address.
func (s *Store) Find(ctx context.Context, q db.Querier, who string) (User, error) {
	key := strings.TrimPrefix(strings.TrimSpace(who), "@")
	if id.Valid(key) {
		return s.Get(ctx, q, key)
	}
	key = strings.ToLower(key)
	if key == "" {
		return User{}, notFound(who)
	}
	where := `name = $1`
	if strings.Contains(key, "@") {
		where = `email = $1`
	}
	u, err := s.one(ctx, q, where, key)
	if db.IsNoRows(err) {
		return u, notFound(who)
	}
	if err != nil {
		return u, fmt.Errorf("find user: %w", err)
	}
	return u, nil
}

// ByIDs returns those of ids who exist, by id.
func (s *Store) ByIDs(ctx context.Context, q db.Querier, ids []string) (map[string]User, error) {
	out := map[string]User{}
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	for part := range slices.Chunk(ids, 500) {
		where, args := in("id", part, func(s string) string { return s })
		us, err := db.All(ctx, q, scanUser, `SELECT `+columns+` FROM account WHERE `+where, args...)
		if err != nil {
			return nil, fmt.Errorf("read people: %w", err)
		}
		if us, err = withRoles(ctx, q, us); err != nil {
			return nil, err
		}
		for _, u := range us {
			out[u.ID] = u
		}
	}
	return out, nil
}

// Groups lists the groups that somebody who is not disabled has.
func (s *Store) Groups(ctx context.Context, q db.Querier) ([]string, error) {
	out, err := db.All(ctx, q, db.Strings, `SELECT DISTINCT role FROM account_role WHERE account IN (SELECT id FROM account WHERE NOT disabled) ORDER BY role`)
	if err != nil {
		return nil, fmt.Errorf("read roles: %w", err)
	}
	return out, nil
}

// Named lists the groups that somebody has, and the logins there are.
func (s *Store) Named(ctx context.Context, q db.Querier) (groups, logins []string, err error) {
	if groups, err = s.Groups(ctx, q); err != nil {
		return nil, nil, err
	}
	if logins, err = db.All(ctx, q, db.Strings, `SELECT name FROM account WHERE NOT disabled ORDER BY name`); err != nil {
		return nil, nil, fmt.Errorf("read logins: %w", err)
	}
	return groups, logins, nil
}

// WithRole returns the enabled people who have the role.
func (s *Store) WithRole(ctx context.Context, q db.Querier, role string) ([]User, error) {
	all, err := s.Groups(ctx, q)
	if err != nil {
		return nil, err
	}
	spelled := slices.DeleteFunc(all, func(g string) bool { return !actor.SameGroup(g, role) })
	if len(spelled) == 0 {
		return []User{}, nil
	}
	where, args := in("role", spelled, func(s string) string { return s })
	us, err := db.All(ctx, q, scanUser, `SELECT `+columns+` FROM account WHERE NOT disabled AND id IN (SELECT account FROM account_role WHERE `+where+`) ORDER BY name`, args...)
	if err != nil {
		return nil, fmt.Errorf("read people: %w", err)
	}
	return withRoles(ctx, q, us)
}

// ActorOf is a stored user as the one who acts, with today's roles. The engine
// uses it to do later what was asked earlier; a disabled user gets an error.
func (s *Store) ActorOf(ctx context.Context, q db.Querier, userID string) (actor.Actor, error) {
	u, err := s.Get(ctx, q, userID)
	if err != nil {
		return actor.Actor{}, err
	}
	if u.Disabled {
		return actor.Actor{}, fault.Newf(fault.Denied, "The account of %s is disabled.", u.Display)
	}
	return u.Actor(), nil
}

// ByLogins returns the enabled users with these logins. Guests hear what is said
// where they are, and nothing of what is said elsewhere.
func (s *Store) ByLogins(ctx context.Context, q db.Querier, names []string) ([]User, error) {
	if len(names) == 0 {
		return []User{}, nil
	}
	where, args := in("name", names, func(s string) string { return s })
	us, err := db.All(ctx, q, scanUser, `SELECT `+columns+` FROM account WHERE NOT disabled AND kind <> 'guest' AND `+where+` ORDER BY name`, args...)
	if err != nil {
		return nil, fmt.Errorf("read mentions: %w", err)
	}
	return withRoles(ctx, q, us)
}

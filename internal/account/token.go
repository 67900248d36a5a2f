package account

import (
	"context"
	"fmt"
	"slices"
	"time"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
)

// TokenPrefix makes API tokens easy to find where they leaked.
const TokenPrefix = "mst_"

// maxTokens of one user.
const maxTokens = 100

// CreateToken makes an API token that acts as the user until it expires (0
// days: it does not). People make their own, or the record could not tell who
// acted; for a bot it takes the right to manage people. The machine's
// administrator may make one for anybody: whoever holds the data folder could
// anyway, it is the way in when all others are shut, and the person is told. A
// token's token ends with it. The secret is returned once.
func (s *Store) CreateToken(ctx context.Context, tx *db.Tx, who actor.Actor, userID, name string, days int) (string, Session, error) {
	u, err := s.Get(ctx, tx, userID)
	if err != nil {
		return "", Session{}, err
	}
	if userID != who.ID {
		if err := s.manage(ctx, tx, who, u.Name); err != nil {
			return "", Session{}, err
		}
		if u.Kind != string(actor.Bot) && !who.IsSystem() {
			return "", Session{}, &access.Denial{Who: who, Action: "create", Resource: access.Resource{Type: "token", ID: u.ID, Name: u.Name}, Decision: access.Decision{WhoCouldGrant: []string{},
				Text: fmt.Sprintf("%s is a person, and people make their API tokens themselves: ask them to, under Account, API tokens. For a program, add an account of the kind bot and make its token.", u.Display)}}
		}
	} else if err := s.access.Check(ctx, tx, who, "create", access.Resource{Type: "token", Name: name}); err != nil {
		return "", Session{}, err
	}
	if u.Disabled {
		return "", Session{}, fault.Newf(fault.Conflict, "The account of %s is disabled. Enable it first.", u.Display)
	}
	if err := s.ledger.Bound(ctx, tx, who, TokenCreated{}, 100, time.Hour, "tokens"); err != nil {
		return "", Session{}, err
	}
	name, wrong := line("name", name, 1, 80)
	if wrong != nil {
		return "", Session{}, fault.Fields(*wrong)
	}
	if days < 0 || days > 3650 {
		return "", Session{}, fault.Field("expires_in_days", "A token lives for 1 to 3650 days; 0 means that it does not expire.")
	}
	have, err := s.Tokens(ctx, tx, userID)
	if err != nil {
		return "", Session{}, err
	}
	if len(have) >= maxTokens {
		return "", Session{}, fault.Newf(fault.Conflict, "%s has %d tokens. Delete some that are not used.", u.Display, len(have))
	}
	plain, _ := secret()
	plain = TokenPrefix + plain
	now := s.clock.Now()
	t := Session{ID: id.New(), UserID: userID, Token: true, Name: name, CreatedAt: now, MadeBy: who.ID, Maker: who.Display}
	if who.LentBy != "" { // a lent token makes no others that were not lent
		t.MadeBy, t.Maker = who.LentBy, who.LentName
	}
	if days > 0 {
		t.ExpiresAt = now.Add(time.Duration(days) * 24 * time.Hour)
	}
	parent := ""
	if who.Token {
		parent = who.Session
		switch {
		case who.Until.IsZero():
		case days == 0:
			t.ExpiresAt = who.Until
		case t.ExpiresAt.After(who.Until):
			return "", t, fault.Field("expires_in_days", fmt.Sprintf("The token you use ends at %s, and what it makes ends no later. Ask for fewer days, or sign in to make one that lasts longer.", who.Until.UTC().Format("2006-01-02 15:04 UTC")))
		}
	}
	if _, err := tx.Exec(ctx, `INSERT INTO account_token (id, account, name, secret, created_at, used_at, expires_at, made_by, parent) VALUES ($1,$2,$3,$4,$5,0,$6,$7,$8)`,
		t.ID, userID, name, digest(plain), db.Micro(now), db.Micro(t.ExpiresAt), t.MadeBy, parent); err != nil {
		return "", t, fmt.Errorf("create token: %w", err)
	}
	if err := s.touch(ctx, tx, who, userID, HandToken); err != nil {
		return "", t, err
	}
	ev := TokenCreated{User: userID, Token: t.ID, Name: name, Expires: "never"}
	if !t.ExpiresAt.IsZero() {
		ev.Expires = t.ExpiresAt.Format(time.RFC3339)
	}
	if t.Lent() {
		if err := s.tellOwner(ctx, tx, u, t, fmt.Sprintf("%s made an API token in your name", t.Maker), "token "+t.ID); err != nil {
			return "", t, err
		}
	}
	return plain, t, s.ledger.Append(ctx, tx, who, about(userID), ev)
}

// Tokens lists a user's tokens, expired ones too, so that they are seen and removed.
func (s *Store) Tokens(ctx context.Context, q db.Querier, userID string) ([]Session, error) {
	ts, err := db.All(ctx, q, scanToken, tokenColumns+` WHERE t.account = $1 ORDER BY t.created_at, t.id`, userID)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	return ts, nil
}

// #nosec G101 -- columns, no secret
const tokenColumns = `SELECT t.id, t.account, t.name, t.created_at, t.used_at, t.expires_at, t.made_by, COALESCE(m.display, '') FROM account_token t LEFT JOIN account m ON m.id = t.made_by`

func scanToken(r db.Scanner) (Session, error) {
	t := Session{Token: true}
	var created, used, expires int64
	err := r.Scan(&t.ID, &t.UserID, &t.Name, &created, &used, &expires, &t.MadeBy, &t.Maker)
	if t.MadeBy == "system:console" {
		t.Maker = "Console"
	}
	t.CreatedAt, t.UsedAt, t.ExpiresAt = db.At(created), db.At(used), db.At(expires)
	return t, err
}

// RevokeToken ends one of who's own tokens.
func (s *Store) RevokeToken(ctx context.Context, tx *db.Tx, who actor.Actor, tokenID string) error {
	t, err := db.One(ctx, tx, scanToken, tokenColumns+` WHERE t.id = $1 AND t.account = $2`, tokenID, who.ID)
	if db.IsNoRows(err) {
		return fault.New(fault.NotFound, "There is no such token of yours.")
	}
	if err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	_, err = s.dropTokens(ctx, tx, who, []Session{t})
	return err
}

// dropTokens ends tokens, and with each those that were made by it, whoever
// they act for: revoking what was stolen revokes what the thief made with it.
func (s *Store) dropTokens(ctx context.Context, tx *db.Tx, who actor.Actor, ts []Session) (int, error) {
	for i := 0; i < len(ts); i++ {
		if _, err := tx.Exec(ctx, `DELETE FROM account_token WHERE id = $1`, ts[i].ID); err != nil {
			return 0, fmt.Errorf("revoke token: %w", err)
		}
		made, err := db.All(ctx, tx, scanToken, tokenColumns+` WHERE t.parent = $1`, ts[i].ID)
		if err != nil {
			return 0, fmt.Errorf("revoke tokens made by a token: %w", err)
		}
		for _, m := range made {
			if !slices.ContainsFunc(ts, func(t Session) bool { return t.ID == m.ID }) {
				ts = append(ts, m)
			}
		}
		s.ended(tx, ts[i].UserID, ts[i].ID)
		for _, fn := range s.tokenEnded {
			if err := fn(ctx, tx, who, ts[i].ID); err != nil {
				return 0, err
			}
		}
		if err := s.ledger.Append(ctx, tx, who, about(ts[i].UserID), TokenRevoked{User: ts[i].UserID, Token: ts[i].ID}); err != nil {
			return 0, err
		}
	}
	return len(ts), nil
}

// TokenEnded is called in the transaction in which a token is revoked, to end
// what else was made by it.
type TokenEnded func(ctx context.Context, tx *db.Tx, who actor.Actor, tokenID string) error

// OnTokenEnded registers fn; only app calls it.
func (s *Store) OnTokenEnded(fn TokenEnded) { s.tokenEnded = append(s.tokenEnded, fn) }

// Tell tells a person in the app and by mail, once for each key.
type Tell func(ctx context.Context, tx *db.Tx, person, title, body, link, key string) error

// Telling registers fn; only app calls it.
func (s *Store) Telling(fn Tell) { s.tellFn = fn }

// tellOwner tells a person of a token in their name that somebody else made.
func (s *Store) tellOwner(ctx context.Context, tx *db.Tx, u User, t Session, title, key string) error {
	if s.tellFn == nil || u.Kind != string(actor.Person) {
		return nil
	}
	return s.tellFn(ctx, tx, u.ID, title, fmt.Sprintf("Whoever holds the token %q can act as you. What is done with it is recorded as done by you by way of %s. If you did not ask for it, revoke it under Account, API tokens.", t.Name, t.Maker), "/account", key)
}

package account

import (
	"context"
	"fmt"
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
// days: it does not). Making one for somebody else needs the right to manage
// people. The secret is returned once.
func (s *Store) CreateToken(ctx context.Context, tx *db.Tx, who actor.Actor, userID, name string, days int) (string, Session, error) {
	u, err := s.Get(ctx, tx, userID)
	if err != nil {
		return "", Session{}, err
	}
	if userID != who.ID {
		if err := s.manage(ctx, tx, who, u.Name); err != nil {
			return "", Session{}, err
		}
	} else if err := s.access.Check(ctx, tx, who, "create", access.Resource{Type: "token", Name: name}); err != nil {
		return "", Session{}, err
	}
	if u.Disabled {
		return "", Session{}, fault.Newf(fault.Conflict, "The account of %s is disabled. Enable it first.", u.Display)
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
	maker := who.ID
	if who.LentBy != "" { // a lent token makes no others that were not lent
		maker = who.LentBy
	}
	now := s.clock.Now()
	t := Session{ID: id.New(), UserID: userID, Token: true, Name: name, CreatedAt: now}
	if days > 0 {
		t.ExpiresAt = now.Add(time.Duration(days) * 24 * time.Hour)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO account_token (id, account, name, secret, created_at, used_at, expires_at, made_by) VALUES ($1,$2,$3,$4,$5,0,$6,$7)`,
		t.ID, userID, name, digest(plain), db.Micro(now), db.Micro(t.ExpiresAt), maker); err != nil {
		return "", t, fmt.Errorf("create token: %w", err)
	}
	if err := s.touch(ctx, tx, who, userID, HandToken); err != nil {
		return "", t, err
	}
	ev := TokenCreated{User: userID, Token: t.ID, Name: name, Expires: "never"}
	if days > 0 {
		ev.Expires = t.ExpiresAt.Format(time.RFC3339)
	}
	return plain, t, s.ledger.Append(ctx, tx, who, about(userID), ev)
}

// Tokens lists a user's tokens, expired ones too, so that they are seen and removed.
func (s *Store) Tokens(ctx context.Context, q db.Querier, userID string) ([]Session, error) {
	ts, err := db.All(ctx, q, scanSession, `SELECT id, account, name, '', '', created_at, used_at, expires_at FROM account_token WHERE account = $1 ORDER BY created_at, id`, userID)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	for i := range ts {
		ts[i].Token = true
	}
	return ts, nil
}

// RevokeToken ends one of who's own tokens.
func (s *Store) RevokeToken(ctx context.Context, tx *db.Tx, who actor.Actor, tokenID string) error {
	res, err := tx.Exec(ctx, `DELETE FROM account_token WHERE id = $1 AND account = $2`, tokenID, who.ID)
	if err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return fault.New(fault.NotFound, "There is no such token of yours.")
	}
	s.ended(tx, who.ID, tokenID)
	return s.ledger.Append(ctx, tx, who, about(who.ID), TokenRevoked{User: who.ID, Token: tokenID})
}

package account

import (
	"context"
	"fmt"

	"muster/internal/db"
)

// Alive says whether a session or API token has neither ended nor been revoked:
// what a connection that outlives its first request asks from time to time.
func (s *Store) Alive(ctx context.Context, q db.Querier, sessionID string) (bool, error) {
	now := s.clock.Now()
	se, err := db.One(ctx, q, scanSession, `SELECT id, account, '', address, agent, created_at, used_at, 0 FROM account_session WHERE id = $1`, sessionID)
	if err == nil {
		return now.Before(s.sessionEnd(se)), nil
	}
	if db.IsNoRows(err) {
		se, err = db.One(ctx, q, scanToken, tokenColumns+` WHERE t.id = $1`, sessionID)
	}
	if db.IsNoRows(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("check session: %w", err)
	}
	return se.ExpiresAt.IsZero() || now.Before(se.ExpiresAt), nil
}

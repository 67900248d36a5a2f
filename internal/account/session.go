package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
)

// How long a session lives.
const (
	Idle     = 12 * time.Hour     // without a request or an open page, unless set otherwise
	Absolute = 7 * 24 * time.Hour // in all
)

// IdleAfter sets how long a session lives without a request or an open page.
func (s *Store) IdleAfter(d time.Duration) { s.idle = d }

// Open notes that somebody's page is open, or that they are in a call: use,
// though they ask for nothing.
func (s *Store) Open(ctx context.Context, sessionID string) error {
	se, err := db.One(ctx, s.db.Read(), scanSession, `SELECT id, account, '', address, agent, created_at, used_at, 0 FROM account_session WHERE id = $1`, sessionID)
	if db.IsNoRows(err) {
		return nil // a token, which is used or not
	}
	if err != nil {
		return fmt.Errorf("read session: %w", err)
	}
	return s.Touch(ctx, se)
}

// touchEvery is how exact "last used" is: a write per request would be a high price for it.
const touchEvery = time.Minute

// Session is one way in: a browser's session or an API token.
type Session struct {
	ID        string
	UserID    string
	Token     bool   // an API token
	Name      string // of an API token
	Address   string
	Agent     string
	CSRF      string // of a browser's session, only when just authenticated
	CreatedAt time.Time
	UsedAt    time.Time
	ExpiresAt time.Time // zero: an API token without an end
	MadeBy    string    // of an API token: a user id, "system:console", or "" where it is older than this is noted
	Maker     string    // display name of MadeBy
}

// Lent says whether somebody else made this API token.
func (s Session) Lent() bool { return s.Token && s.MadeBy != "" && s.MadeBy != s.UserID }

// SessionTopic is the bus topic of SessionEnded.
const SessionTopic = "session"

// SessionEnded is published when a session or token is
// revoked: whoever holds a connection for it closes it.
type SessionEnded struct {
	Type      string `json:"type"` // session-revoked
	SessionID string `json:"session_id"`
	UserID    string `json:"user_id"`
}

func (s *Store) ended(tx *db.Tx, userID, sessionID string) {
	tx.AfterCommit(func() {
		s.bus.Publish(SessionTopic, SessionEnded{"session-revoked", sessionID, userID})
	})
}

// secret makes 256 random bits and what of them is stored.
func secret() (plain, hash string) {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	plain = base64.RawURLEncoding.EncodeToString(b)
	return plain, digest(plain)
}

// digest is enough for 256 random bits: there is nothing to guess, so a slow
// hash would only cost, and the lookup by it tells nothing by its timing.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// csrf is tied to the session: it is computed from its secret and needs no row.
func csrf(secret string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte("muster csrf"))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

var errSession = fault.New(fault.Unauthenticated, "Sign in again: your session is missing or has ended.")

var errToken = fault.New(fault.Unauthenticated, "This API token is not valid any more, or never was. Make a new one under your account.")

// Authenticate says who holds the secret of a session or an API token.
func (s *Store) Authenticate(ctx context.Context, q db.Querier, secret string) (actor.Actor, Session, error) {
	token := strings.HasPrefix(secret, TokenPrefix)
	bad := errSession
	query, read := `SELECT id, account, '', address, agent, created_at, used_at, 0 FROM account_session WHERE secret = $1`, scanSession
	if token {
		bad = errToken
		query, read = tokenColumns+` WHERE t.secret = $1`, scanToken
	}
	se, err := db.One(ctx, q, read, query, digest(secret))
	if db.IsNoRows(err) {
		return actor.Actor{}, Session{}, bad
	}
	if err != nil {
		return actor.Actor{}, Session{}, fmt.Errorf("authenticate: %w", err)
	}
	if !token {
		se.ExpiresAt = s.sessionEnd(se)
		se.CSRF = csrf(secret)
	}
	if now := s.clock.Now(); !se.ExpiresAt.IsZero() && !now.Before(se.ExpiresAt) {
		return actor.Actor{}, Session{}, bad
	}
	u, err := s.one(ctx, q, `id = $1`, se.UserID)
	if err != nil && !db.IsNoRows(err) {
		return actor.Actor{}, Session{}, fmt.Errorf("authenticate: %w", err)
	}
	// A guest has a way in of their own, and no other, whatever was made for the account.
	if err != nil || u.Disabled || u.Kind == string(actor.Guest) {
		return actor.Actor{}, Session{}, bad
	}
	who := u.Actor()
	who.Session, who.Token = se.ID, token
	if token {
		who.Until = se.ExpiresAt
		if se.Lent() {
			who.LentBy, who.LentName = se.MadeBy, se.Maker
		}
	}
	return who, se, nil
}

func (s *Store) sessionEnd(se Session) time.Time {
	end := se.CreatedAt.Add(Absolute)
	if idle := se.UsedAt.Add(s.idle); idle.Before(end) {
		end = idle
	}
	return end
}

func scanSession(r db.Scanner) (Session, error) {
	var se Session
	var created, used, expires int64
	err := r.Scan(&se.ID, &se.UserID, &se.Name, &se.Address, &se.Agent, &created, &used, &expires)
	se.CreatedAt, se.UsedAt, se.ExpiresAt = db.At(created), db.At(used), db.At(expires)
	return se, err
}

// seen remembers which touches are on their way, so that a page that sends
// twenty requests at once causes one write.
type seen struct{ at sync.Map }

// Touch notes that a session was used. It writes at most once a minute, in a
// transaction of its own, and is not in the ledger.
func (s *Store) Touch(ctx context.Context, se Session) error {
	now := s.clock.Now()
	if now.Sub(se.UsedAt) < touchEvery {
		return nil
	}
	if last, ok := s.seen.at.Load(se.ID); ok && now.Sub(last.(time.Time)) < touchEvery {
		return nil
	}
	s.seen.at.Store(se.ID, now)
	defer s.seen.at.Delete(se.ID)
	table := "account_session"
	if se.Token {
		table = "account_token"
	}
	return s.db.Do(ctx, func(tx *db.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE `+table+` SET used_at = $2 WHERE id = $1 AND used_at < $2`, se.ID, db.Micro(now)); err != nil || !se.Lent() {
			return err
		}
		u, err := s.Get(ctx, tx, se.UserID)
		if err != nil {
			return err
		}
		return s.tellOwner(ctx, tx, u, se, fmt.Sprintf("An API token made by %s acts in your name today", se.Maker), "token "+se.ID+" "+now.UTC().Format(time.DateOnly))
	})
}

// begin opens a session for u.
func (s *Store) begin(ctx context.Context, tx *db.Tx, u User, address, agent string) (string, Session, error) {
	plain, hash := secret()
	now := s.clock.Now()
	se := Session{ID: id.New(), UserID: u.ID, Address: address, Agent: short(agent, 200), CSRF: csrf(plain), CreatedAt: now, UsedAt: now}
	se.ExpiresAt = s.sessionEnd(se)
	if _, err := tx.Exec(ctx, `INSERT INTO account_session (id, account, secret, address, agent, created_at, used_at) VALUES ($1,$2,$3,$4,$5,$6,$6)`,
		se.ID, u.ID, hash, se.Address, se.Agent, db.Micro(now)); err != nil {
		return "", se, fmt.Errorf("open session: %w", err)
	}
	// The rows of sessions that ended by themselves go when their owner comes back.
	if _, err := tx.Exec(ctx, `DELETE FROM account_session WHERE account = $1 AND (created_at < $2 OR used_at < $3)`,
		u.ID, db.Micro(now.Add(-Absolute)), db.Micro(now.Add(-s.idle))); err != nil {
		return "", se, fmt.Errorf("clear sessions: %w", err)
	}
	return plain, se, nil
}

func short(s string, n int) string {
	s = strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s), "")
	for len(s) > n {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// Sessions lists who's own live sessions, the latest used first.
func (s *Store) Sessions(ctx context.Context, q db.Querier, who actor.Actor) ([]Session, error) {
	all, err := db.All(ctx, q, scanSession, `SELECT id, account, '', address, agent, created_at, used_at, 0 FROM account_session WHERE account = $1 ORDER BY used_at DESC, id`, who.ID)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	out := []Session{}
	for _, se := range all {
		if se.ExpiresAt = s.sessionEnd(se); s.clock.Now().Before(se.ExpiresAt) {
			out = append(out, se)
		}
	}
	return out, nil
}

// EndSession ends one of who's own sessions.
func (s *Store) EndSession(ctx context.Context, tx *db.Tx, who actor.Actor, sessionID string) error {
	res, err := tx.Exec(ctx, `DELETE FROM account_session WHERE id = $1 AND account = $2`, sessionID, who.ID)
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return fault.New(fault.NotFound, "This session has already ended.")
	}
	s.ended(tx, who.ID, sessionID)
	if sessionID == who.Session {
		return s.ledger.Append(ctx, tx, who, about(who.ID), LoggedOut{Session: sessionID})
	}
	return s.ledger.Append(ctx, tx, who, about(who.ID), SessionRevoked{User: who.ID, Session: sessionID})
}

// revokeAll ends every session of a user but keep, and their tokens unless those
// are to stay.
func (s *Store) revokeAll(ctx context.Context, tx *db.Tx, who actor.Actor, userID, keep string, keepTokens bool, reason string) error {
	ids, err := db.All(ctx, tx, db.Strings, `SELECT id FROM account_session WHERE account = $1 AND id <> $2`, userID, keep)
	if err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM account_session WHERE account = $1 AND id <> $2`, userID, keep); err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	for _, i := range ids {
		s.ended(tx, userID, i)
	}
	tokens := 0
	if !keepTokens {
		ts, err := s.Tokens(ctx, tx, userID)
		if err != nil {
			return err
		}
		ts = slices.DeleteFunc(ts, func(t Session) bool { return t.ID == keep }) // by which the password was changed
		if tokens, err = s.dropTokens(ctx, tx, who, ts); err != nil {
			return err
		}
	}
	return s.ledger.Append(ctx, tx, who, about(userID), AccessRevoked{User: userID, Sessions: len(ids), Tokens: tokens, Reason: reason})
}

// EndAllSessions signs everybody out, after a restore: a session that was ended
// since the backup was made must not come back with it.
func (s *Store) EndAllSessions(ctx context.Context, tx *db.Tx) (int64, error) {
	res, err := tx.Exec(ctx, `DELETE FROM account_session`)
	if err != nil {
		return 0, fmt.Errorf("end all sessions: %w", err)
	}
	return res.RowsAffected()
}

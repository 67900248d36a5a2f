package account

import (
	"context"
	"fmt"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
)

// A lock comes after this many wrong passwords in a row, for LockTime; each
// further lock without a sign-in between lasts twice as long, up to a day.
const (
	MaxFailures = 10
	LockTime    = 30 * time.Minute
)

func lockFor(locksBefore int) time.Duration {
	return min(LockTime<<min(locksBefore, 10), 24*time.Hour)
}

// Login is what somebody typed, and from where.
type Login struct {
	Name     string // login or email
	Password string
	Address  string
	Agent    string
	Door     string
	Request  string
}

// SignedIn is a fresh session; Secret goes into the cookie and nowhere else.
type SignedIn struct {
	Secret  string
	Session Session
	User    User
	Who     actor.Actor
}

var errLogin = fault.New(fault.Unauthenticated, "The name or the password is wrong.")

func errLocked(until, now time.Time) error {
	return fault.Later(fault.RateLimited, until.Sub(now), "Too many wrong passwords for this name. An administrator can unlock it.")
}

// proof is the part of an account's row that decides about a password.
type proof struct {
	hash            string
	failures, locks int
	until           time.Time
}

func scanProof(r db.Scanner) (p proof, err error) {
	var until int64
	err = r.Scan(&p.hash, &p.failures, &p.locks, &until)
	p.until = db.At(until)
	return p, err
}

func (s *Store) proof(ctx context.Context, q db.Querier, userID string) (proof, error) {
	query := `SELECT password, failures, locks, locked_until FROM account WHERE id = $1`
	if _, tx := q.(*db.Tx); tx && q.Dialect() == db.Postgres {
		query += ` FOR UPDATE` // failures of concurrent tries are all counted
	}
	return db.One(ctx, q, scanProof, query, userID)
}

// Login signs somebody in. It opens its own transactions: the password is
// hashed between them, which takes long. Whether a name exists is told by
// neither the answer nor the time it takes.
func (s *Store) Login(ctx context.Context, in Login) (SignedIn, error) {
	name := cleanName(in.Name)
	if name == "" || in.Password == "" || len(name) > 254 || len(in.Password) > maxPassword {
		return SignedIn{}, errLogin
	}
	now := s.clock.Now()
	if wait, ok := s.tries.allow(now, name, in.Address); !ok {
		return SignedIn{}, fault.Later(fault.RateLimited, wait, "Too many tries to sign in.")
	}
	q := s.db.Read()
	u, err := s.Find(ctx, q, name)
	known := err == nil
	if err != nil && !fault.Is(err, fault.NotFound) {
		return SignedIn{}, err
	}
	var p proof
	if known {
		if p, err = s.proof(ctx, q, u.ID); err != nil {
			return SignedIn{}, fmt.Errorf("read account: %w", err)
		}
	}
	// A lock is told for what was typed so often, and for nothing else: told for
	// the account, a login and an address that are locked together would be known
	// to be one person's.
	locked := now.Before(p.until)
	if typed := s.tries.locked(now, name); now.Before(typed) && (locked || !known) {
		return SignedIn{}, errLocked(typed, now)
	}
	fits, err := s.hash.fits(ctx, in.Password, p.hash)
	if err != nil {
		return SignedIn{}, err
	}
	if !known {
		s.tries.failed(now, name)
		return SignedIn{}, s.refuse(ctx, in, User{}, "no such account")
	}
	if locked { // told neither, nor whether the password was right
		s.tries.failed(now, name)
		return SignedIn{}, errLogin
	}
	if !fits || u.Disabled {
		s.tries.failed(now, name)
		reason := "wrong password"
		if fits {
			reason = "account disabled"
		}
		return SignedIn{}, s.refuse(ctx, in, u, reason)
	}
	var out SignedIn
	err = s.db.Do(ctx, func(tx *db.Tx) error {
		out = SignedIn{}
		// What was true before the hash may not be any more.
		if u, err = s.Get(ctx, tx, u.ID); err != nil {
			return err
		}
		again, err := s.proof(ctx, tx, u.ID)
		if err != nil {
			return fmt.Errorf("read account: %w", err)
		}
		if u.Disabled || again.hash != p.hash {
			return errLogin
		}
		if s.clock.Now().Before(again.until) {
			return errLogin
		}
		if _, err := tx.Exec(ctx, `UPDATE account SET failures = 0, locks = 0, locked_until = 0 WHERE id = $1`, u.ID); err != nil {
			return fmt.Errorf("sign in: %w", err)
		}
		out, err = s.enter(ctx, tx, u, in)
		return err
	})
	if err == nil {
		s.tries.right(name)
	}
	return out, err
}

// enter opens a session and records the sign-in.
func (s *Store) enter(ctx context.Context, tx *db.Tx, u User, in Login) (SignedIn, error) {
	plain, se, err := s.begin(ctx, tx, u, in.Address, in.Agent)
	if err != nil {
		return SignedIn{}, err
	}
	who := u.Actor()
	who.Session, who.Door, who.Request = se.ID, in.Door, in.Request
	if err := s.ledger.Append(ctx, tx, who, about(u.ID), LoggedIn{User: u.ID, Session: se.ID, Address: in.Address, Agent: se.Agent}); err != nil {
		return SignedIn{}, err
	}
	return SignedIn{Secret: plain, Session: se, User: u, Who: who}, nil
}

// refuse counts and records a failed sign-in and returns what to answer.
func (s *Store) refuse(ctx context.Context, in Login, u User, reason string) error {
	who := actor.System("login")
	who.Door, who.Request = in.Door, in.Request
	a := ledger.About{Outcome: ledger.Failed}
	if u.ID != "" {
		a.Resource = "user:" + u.ID
	}
	ev := LoginFailed{User: u.ID, Address: in.Address, Reason: reason}
	if u.ID == "" {
		ev.Typed = short(in.Name, 100)
	}
	err := s.db.Do(ctx, func(tx *db.Tx) error {
		if err := s.ledger.Append(ctx, tx, who, a, ev); err != nil {
			return err
		}
		if u.ID == "" {
			return nil
		}
		p, err := s.proof(ctx, tx, u.ID)
		if err != nil {
			return fmt.Errorf("read account: %w", err)
		}
		now := s.clock.Now()
		if p.failures++; p.failures < MaxFailures {
			_, err := tx.Exec(ctx, `UPDATE account SET failures = $2 WHERE id = $1`, u.ID, p.failures)
			return err
		}
		d := lockFor(p.locks)
		if _, err := tx.Exec(ctx, `UPDATE account SET failures = 0, locks = $2, locked_until = $3 WHERE id = $1`, u.ID, p.locks+1, db.Micro(now.Add(d))); err != nil {
			return err
		}
		return s.ledger.Append(ctx, tx, who, a, LockedOut{User: u.ID, Minutes: int(d.Minutes()), Address: in.Address})
	})
	if err != nil {
		return err
	}
	return errLogin
}

// Prove checks who's own password, typed in field of a form. A wrong one counts
// like a failed sign-in.
func (s *Store) Prove(ctx context.Context, who actor.Actor, field, password, address string) (User, proof, error) {
	q := s.db.Read()
	u, err := s.Get(ctx, q, who.ID)
	if err != nil {
		return u, proof{}, err
	}
	now := s.clock.Now()
	if wait, ok := s.tries.allow(now, u.Name, address); !ok {
		return u, proof{}, fault.Later(fault.RateLimited, wait, "Too many tries.")
	}
	p, err := s.proof(ctx, q, u.ID)
	if err != nil {
		return u, p, fmt.Errorf("read account: %w", err)
	}
	if now.Before(p.until) {
		return u, p, errLocked(p.until, now)
	}
	if len(password) > maxPassword {
		password = ""
	}
	fits, err := s.hash.fits(ctx, password, p.hash)
	if err != nil {
		return u, p, err
	}
	if !fits {
		if err := s.refuse(ctx, Login{Address: address, Door: who.Door, Request: who.Request}, u, "wrong current password"); !fault.Is(err, fault.Unauthenticated) {
			return u, p, err
		}
		return u, p, fault.Field(field, "This is not your current password.")
	}
	return u, p, nil
}

// ProvedFor is how long a sign-in counts as having just given the password.
const ProvedFor = 10 * time.Minute

// Fresh makes sure that it is the person who asks for something that lasts, and
// not somebody at their screen: they signed in just now, or give the password.
// A token is no person; what it may make is bound to it instead.
func (s *Store) Fresh(ctx context.Context, who actor.Actor, password, address string) error {
	if who.Token || who.IsSystem() {
		return nil
	}
	if password == "" {
		var began int64
		if err := s.db.Read().QueryRow(ctx, `SELECT created_at FROM account_session WHERE id = $1`, who.Session).Scan(&began); err != nil {
			if db.IsNoRows(err) {
				return errSession
			}
			return fmt.Errorf("read session: %w", err)
		}
		if s.clock.Now().Sub(db.At(began)) < ProvedFor {
			return nil
		}
		return fault.Field("password", "Give your password as well: what you ask for outlasts this page.")
	}
	_, _, err := s.Prove(ctx, who, "password", password, address)
	return err
}

// ChangePassword replaces who's own password and ends their other sessions, and
// their API tokens unless those are to stay: whoever knew the password could
// have made some.
func (s *Store) ChangePassword(ctx context.Context, who actor.Actor, current, next, address string, keepTokens bool) error {
	u, p, err := s.Prove(ctx, who, "current", current, address)
	if err != nil {
		return err
	}
	if next == current {
		return fault.Field("new", "The new password is the old one. Choose another.")
	}
	hashed, err := s.Hash(ctx, next, u.Name, u.Display, u.Email)
	if err != nil {
		if fs := fault.FieldsOf(err); len(fs) > 0 {
			return fault.Field("new", fs[0].Message)
		}
		return err
	}
	return s.db.Do(ctx, func(tx *db.Tx) error {
		again, err := s.proof(ctx, tx, u.ID)
		if err != nil {
			return fmt.Errorf("read account: %w", err)
		}
		if again.hash != p.hash {
			return fault.New(fault.Conflict, "Your password was changed just now from elsewhere. Sign in again.")
		}
		if err := s.storePassword(ctx, tx, u.ID, hashed); err != nil {
			return err
		}
		if err := s.revokeAll(ctx, tx, who, u.ID, who.Session, keepTokens, "password changed"); err != nil {
			return err
		}
		return s.ledger.Append(ctx, tx, who, about(u.ID), PasswordChanged{User: u.ID})
	})
}

package account

import (
	"context"
	"fmt"
	"time"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
)

// setupLife is how long the link of the first administrator works.
const setupLife = 24 * time.Hour

// SetupNeeded says whether nobody has an account yet.
func (s *Store) SetupNeeded(ctx context.Context, q db.Querier) (bool, error) {
	var n int
	if err := q.QueryRow(ctx, `SELECT count(*) FROM account WHERE kind = 'person'`).Scan(&n); err != nil {
		return false, fmt.Errorf("count accounts: %w", err)
	}
	return n == 0, nil
}

// NewSetupToken makes the one-time secret of the set-up link; an earlier one
// stops working. It is refused once anybody has an account.
func (s *Store) NewSetupToken(ctx context.Context, tx *db.Tx) (string, error) {
	if err := s.setupOpen(ctx, tx); err != nil {
		return "", err
	}
	plain, hash := secret()
	expires := s.clock.Now().Add(setupLife)
	if _, err := tx.Exec(ctx, `DELETE FROM setup_token`); err != nil {
		return "", fmt.Errorf("make set-up link: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO setup_token (secret, expires_at) VALUES ($1, $2)`, hash, db.Micro(expires)); err != nil {
		return "", fmt.Errorf("make set-up link: %w", err)
	}
	return plain, s.ledger.Append(ctx, tx, actor.System("setup"), about(""), SetupLinkMade{Expires: expires.Format(time.RFC3339)})
}

func (s *Store) setupOpen(ctx context.Context, q db.Querier) error {
	needed, err := s.SetupNeeded(ctx, q)
	if err != nil {
		return err
	}
	if !needed {
		return fault.New(fault.Conflict, "This office is already set up. Sign in, or ask an administrator for an account.")
	}
	return nil
}

// OfficeName is what the office calls itself.
func (s *Store) OfficeName(ctx context.Context, q db.Querier) (string, error) {
	name, err := db.One(ctx, q, db.Strings, `SELECT name FROM office_name WHERE one = 1`)
	if db.IsNoRows(err) {
		return "Muster", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the office's name: %w", err)
	}
	return name, nil
}

// NameOffice changes what the office calls itself.
func (s *Store) NameOffice(ctx context.Context, tx *db.Tx, who actor.Actor, name string) error {
	if err := s.access.Check(ctx, tx, who, "manage", access.Resource{Type: "office", Name: "office"}); err != nil {
		return err
	}
	name, wrong := line("name", name, 1, 80)
	if wrong != nil {
		return fault.Fields(*wrong)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO office_name (one, name) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET name = excluded.name`, name); err != nil {
		return fmt.Errorf("name the office: %w", err)
	}
	return s.ledger.Append(ctx, tx, who, ledger.About{Resource: "office:name"}, OfficeNamed{name})
}

// Setup is what the first administrator fills in.
type Setup struct {
	Token          string
	Name, Display  string
	Email          string
	Password       string
	OfficeName     string // "" leaves it
	Address, Agent string
	Door, Request  string
}

// SetUp consumes the set-up token, makes the first administrator and signs
// them in, all or nothing.
func (s *Store) SetUp(ctx context.Context, in Setup) (SignedIn, error) {
	if wait, ok := s.tries.allow(s.clock.Now(), "\x00setup", in.Address); !ok {
		return SignedIn{}, fault.Later(fault.RateLimited, wait, "Too many tries.")
	}
	// Before the slow hash: a wrong token costs the server nothing.
	if err := s.setupOpen(ctx, s.db.Read()); err != nil {
		return SignedIn{}, err
	}
	if err := s.validSetup(ctx, s.db.Read(), in.Token); err != nil {
		return SignedIn{}, err
	}
	if in.OfficeName != "" {
		// Here too, where the field has another name.
		if _, wrong := line("office_name", in.OfficeName, 1, 80); wrong != nil {
			return SignedIn{}, fault.Fields(*wrong)
		}
	}
	hashed, err := s.Hash(ctx, in.Password, in.Name, in.Display, in.Email)
	if err != nil {
		return SignedIn{}, err
	}
	var out SignedIn
	err = s.db.Do(ctx, func(tx *db.Tx) error {
		out = SignedIn{}
		if tx.Dialect() == db.Postgres {
			if _, err := tx.Exec(ctx, `LOCK TABLE setup_token IN EXCLUSIVE MODE`); err != nil {
				return fmt.Errorf("lock set-up: %w", err)
			}
		}
		if err := s.setupOpen(ctx, tx); err != nil {
			return err
		}
		if err := s.validSetup(ctx, tx, in.Token); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM setup_token`); err != nil {
			return fmt.Errorf("consume set-up link: %w", err)
		}
		system := actor.System("setup")
		system.Door, system.Request = in.Door, in.Request
		u, err := s.Create(ctx, tx, system, NewUser{Name: in.Name, Display: in.Display, Email: in.Email, Roles: []string{Administrator}, Password: hashed})
		if err != nil {
			return err
		}
		if err := s.ledger.Append(ctx, tx, system, about(u.ID), SetUp{User: u.ID}); err != nil {
			return err
		}
		out, err = s.enter(ctx, tx, u, Login{Address: in.Address, Agent: in.Agent, Door: in.Door, Request: in.Request})
		if err != nil {
			return err
		}
		if in.OfficeName != "" {
			return s.NameOffice(ctx, tx, out.Who, in.OfficeName)
		}
		return nil
	})
	if err != nil {
		return SignedIn{}, err
	}
	return out, nil
}

func (s *Store) validSetup(ctx context.Context, q db.Querier, token string) error {
	var expires int64
	err := q.QueryRow(ctx, `SELECT expires_at FROM setup_token WHERE secret = $1`, digest(token)).Scan(&expires)
	if err != nil && !db.IsNoRows(err) {
		return fmt.Errorf("read set-up link: %w", err)
	}
	if err != nil || !s.clock.Now().Before(db.At(expires)) {
		return fault.New(fault.Unauthenticated, "This set-up link is wrong, used or older than a day. Start Muster again to get a new one.")
	}
	return nil
}

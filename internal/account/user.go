package account

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/ledger"
)

// NewUser is what an account starts with.
type NewUser struct {
	Name, Display, Email, Title, Team string
	Skills                            []string
	Roles                             []string
	Kind                              actor.Kind // "" = person
	Password                          Hashed     // from Hash; zero: no sign-in with a password
}

func about(userID string) ledger.About { return ledger.About{Resource: "user:" + userID} }

func (s *Store) manage(ctx context.Context, q db.Querier, who actor.Actor, name string) error {
	return s.access.Check(ctx, q, who, "manage", access.Resource{Type: "user", Name: name})
}

// Create adds a user.
func (s *Store) Create(ctx context.Context, tx *db.Tx, who actor.Actor, in NewUser) (User, error) {
	if err := s.manage(ctx, tx, who, in.Name); err != nil {
		return User{}, err
	}
	var wrong []fault.FieldError
	note := func(e *fault.FieldError) {
		if e != nil {
			wrong = append(wrong, *e)
		}
	}
	u := User{ID: id.New(), Name: cleanName(in.Name), Kind: string(in.Kind), Skills: []string{}}
	if !nameRE.MatchString(u.Name) {
		note(&fault.FieldError{Field: "name", Message: "A login has 2 to 32 small letters, digits, dots, dashes or underscores and begins with a letter or digit."})
	}
	var e *fault.FieldError
	if u.Display, e = line("display", in.Display, 1, 80); e != nil {
		note(e)
	}
	u.Title, e = line("title", in.Title, 0, 80)
	note(e)
	u.Team, e = line("team", in.Team, 0, 80)
	note(e)
	u.Skills, e = cleanSkills(in.Skills)
	note(e)
	u.Email, e = cleanEmail(in.Email)
	note(e)
	u.Roles, e = cleanRoles(in.Roles)
	note(e)
	switch in.Kind {
	case "":
		u.Kind = string(actor.Person)
	case actor.Person, actor.Bot:
	default:
		note(&fault.FieldError{Field: "kind", Message: "The kind is person or bot."})
	}
	if len(wrong) > 0 {
		return User{}, fault.Fields(wrong...)
	}
	if err := s.free(ctx, tx, u); err != nil {
		return User{}, err
	}
	now := db.Micro(s.clock.Now())
	if _, err := tx.Exec(ctx, `INSERT INTO account (id, name, display, email, title, team, kind, disabled, password, password_at, failures, locks, locked_until, availability, status_text, availability_until, created_at, updated_at, skills)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,0,0,0,'available','',0,$10,$10,$11)`,
		u.ID, u.Name, u.Display, u.Email, u.Title, u.Team, u.Kind, false, in.Password.phc, now, strings.Join(u.Skills, "\n")); err != nil {
		if db.IsUnique(err) {
			return User{}, fault.Field("name", "This login or email address is taken.")
		}
		return User{}, fmt.Errorf("create user: %w", err)
	}
	if err := s.storeRoles(ctx, tx, u.ID, u.Roles); err != nil {
		return User{}, err
	}
	if err := s.touch(ctx, tx, who, u.ID, HandCreated); err != nil {
		return User{}, err
	}
	u.Hue, u.Initials = Hue(u.ID), Initials(u.Display)
	s.tell(tx, u)
	return u, s.ledger.Append(ctx, tx, who, about(u.ID), Created{User: u.ID, Name: u.Name, Display: u.Display, Email: u.Email, Roles: u.Roles, Kind: u.Kind})
}

// free says in words which of login and email is taken.
func (s *Store) free(ctx context.Context, tx *db.Tx, u User) error {
	for _, c := range []struct{ field, where, value string }{{"name", `name = $1 AND id <> $2`, u.Name}, {"email", `email = $1 AND id <> $2`, u.Email}} {
		if c.value == "" {
			continue
		}
		if _, err := s.one(ctx, tx, c.where, c.value, u.ID); err == nil {
			return fault.Field(c.field, fmt.Sprintf("%s is already taken. Choose another.", c.value))
		} else if !db.IsNoRows(err) {
			return fmt.Errorf("find user: %w", err)
		}
	}
	return nil
}

func (s *Store) storeRoles(ctx context.Context, tx *db.Tx, userID string, roles []string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM account_role WHERE account = $1`, userID); err != nil {
		return fmt.Errorf("store roles: %w", err)
	}
	for _, r := range roles {
		if _, err := tx.Exec(ctx, `INSERT INTO account_role (account, role) VALUES ($1, $2)`, userID, r); err != nil {
			return fmt.Errorf("store roles: %w", err)
		}
	}
	return nil
}

// tell shows the user on every screen after the commit.
func (s *Store) tell(tx *db.Tx, u User) {
	tx.AfterCommit(func() {
		s.bus.Publish("office", map[string]any{"type": "user", "user": u})
		s.bus.Publish("presence", u.ID) // of somebody new, or whose account is active again
	})
}

// Change says what to change; nil leaves it.
type Change struct {
	Display, Email, Title, Team *string
	Skills                      *[]string
	Roles                       *[]string
	Disabled                    *bool
}

// Describe changes what who says of themselves: title, team and skills. None of
// it gives a right.
func (s *Store) Describe(ctx context.Context, tx *db.Tx, who actor.Actor, title, team *string, skills *[]string) (User, error) {
	u, err := s.Get(ctx, tx, who.ID)
	if err != nil {
		return User{}, err
	}
	return s.change(ctx, tx, who, u, Change{Title: title, Team: team, Skills: skills})
}

// Update changes a user. Disabling ends every session and token at once; the
// last administrator can be neither disabled nor stripped of the role.
func (s *Store) Update(ctx context.Context, tx *db.Tx, who actor.Actor, userID string, in Change) (User, error) {
	u, err := s.Get(ctx, tx, userID)
	if err != nil {
		if merr := s.manage(ctx, tx, who, userID); merr != nil {
			return User{}, merr
		}
		return User{}, err
	}
	if err := s.manage(ctx, tx, who, u.Name); err != nil {
		return User{}, err
	}
	return s.change(ctx, tx, who, u, in)
}

func (s *Store) change(ctx context.Context, tx *db.Tx, who actor.Actor, u User, in Change) (User, error) {
	if u.Kind == string(actor.Guest) {
		return User{}, fault.New(fault.Conflict, "This is a guest, whose account comes and goes with the visit. End the visit in the room's list of guests.")
	}
	before := u
	var wrong []fault.FieldError
	text := func(field string, to *string, from *string, atLeast int) {
		if from == nil {
			return
		}
		v, e := line(field, *from, atLeast, 80)
		if e != nil {
			wrong = append(wrong, *e)
		}
		*to = v
	}
	text("display", &u.Display, in.Display, 1)
	text("title", &u.Title, in.Title, 0)
	text("team", &u.Team, in.Team, 0)
	if in.Email != nil {
		v, e := cleanEmail(*in.Email)
		if e != nil {
			wrong = append(wrong, *e)
		}
		u.Email = v
	}
	if in.Skills != nil {
		v, e := cleanSkills(*in.Skills)
		if e != nil {
			wrong = append(wrong, *e)
		}
		u.Skills = v
	}
	if in.Roles != nil {
		v, e := cleanRoles(*in.Roles)
		if e != nil {
			wrong = append(wrong, *e)
		}
		u.Roles = v
	}
	if in.Disabled != nil {
		u.Disabled = *in.Disabled
	}
	if len(wrong) > 0 {
		return User{}, fault.Fields(wrong...)
	}
	if err := s.free(ctx, tx, u); err != nil {
		return User{}, err
	}
	was := !before.Disabled && slices.Contains(before.Roles, Administrator)
	if is := !u.Disabled && slices.Contains(u.Roles, Administrator); was && !is {
		if err := s.notLast(ctx, tx, u); err != nil {
			return User{}, err
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE account SET display=$2, email=$3, title=$4, team=$5, disabled=$6, updated_at=$7, skills=$8 WHERE id=$1`,
		u.ID, u.Display, u.Email, u.Title, u.Team, u.Disabled, db.Micro(s.clock.Now()), strings.Join(u.Skills, "\n")); err != nil {
		return User{}, fmt.Errorf("change user: %w", err)
	}
	u.Initials = Initials(u.Display)
	if u.Display != before.Display || u.Email != before.Email || u.Title != before.Title || u.Team != before.Team || u.Disabled != before.Disabled || !slices.Equal(u.Skills, before.Skills) {
		ev := Changed{User: u.ID, Display: u.Display, Title: u.Title, Team: u.Team, Skills: u.Skills, Email: u.Email, Disabled: u.Disabled}
		if err := s.ledger.Append(ctx, tx, who, about(u.ID), ev); err != nil {
			return User{}, err
		}
	}
	if err := s.changeRoles(ctx, tx, who, before, u); err != nil {
		return User{}, err
	}
	if u.Disabled && !before.Disabled {
		if err := s.revokeAll(ctx, tx, who, u.ID, "", false, "disabled"); err != nil {
			return User{}, err
		}
	}
	s.tell(tx, u)
	return u, nil
}

func (s *Store) changeRoles(ctx context.Context, tx *db.Tx, who actor.Actor, before, u User) error {
	a, b := slices.Sorted(slices.Values(before.Roles)), slices.Sorted(slices.Values(u.Roles))
	if slices.Equal(a, b) {
		return nil
	}
	if err := s.storeRoles(ctx, tx, u.ID, u.Roles); err != nil {
		return err
	}
	if err := s.touch(ctx, tx, who, u.ID, HandRoles); err != nil {
		return err
	}
	tx.AfterCommit(func() { s.bus.Publish("roles", RolesTurned{UserID: u.ID}) })
	return s.ledger.Append(ctx, tx, who, about(u.ID), RolesChanged{User: u.ID, Before: a, After: b})
}

// RolesTurned is published on the bus topic "roles": what a socket was allowed
// to subscribe may have changed.
type RolesTurned struct {
	UserID string `json:"user_id"`
}

// notLast refuses to take the office its last administrator.
func (s *Store) notLast(ctx context.Context, tx *db.Tx, u User) error {
	var n int
	// The rows are locked where two administrators could otherwise remove each other at once.
	query := `SELECT id FROM account WHERE NOT disabled AND id <> $1 AND id IN (SELECT account FROM account_role WHERE role = $2)`
	if tx.Dialect() == db.Postgres {
		if _, err := tx.Exec(ctx, `LOCK TABLE account_role IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return fmt.Errorf("lock roles: %w", err)
		}
	}
	others, err := db.All(ctx, tx, db.Strings, query, u.ID, Administrator)
	if err != nil {
		return fmt.Errorf("count administrators: %w", err)
	}
	if n = len(others); n == 0 {
		return fault.Newf(fault.Conflict, "%s is the last administrator. Make somebody else administrator first.", u.Display)
	}
	return nil
}

// ResetPassword gives the user a password an administrator chose, unlocks the
// account and ends every session and token.
func (s *Store) ResetPassword(ctx context.Context, tx *db.Tx, who actor.Actor, userID string, to Hashed) error {
	u, err := s.Get(ctx, tx, userID)
	if err != nil {
		return err
	}
	if err := s.manage(ctx, tx, who, u.Name); err != nil {
		return err
	}
	if err := s.storePassword(ctx, tx, u.ID, to); err != nil {
		return err
	}
	if err := s.touch(ctx, tx, who, u.ID, HandPassword); err != nil {
		return err
	}
	if err := s.revokeAll(ctx, tx, who, u.ID, "", false, "password reset"); err != nil {
		return err
	}
	return s.ledger.Append(ctx, tx, who, about(u.ID), PasswordChanged{User: u.ID, Reset: true})
}

func (s *Store) storePassword(ctx context.Context, tx *db.Tx, userID string, to Hashed) error {
	now := db.Micro(s.clock.Now())
	if _, err := tx.Exec(ctx, `UPDATE account SET password=$2, password_at=$3, updated_at=$3, failures=0, locks=0, locked_until=0 WHERE id=$1`, userID, to.phc, now); err != nil {
		return fmt.Errorf("store password: %w", err)
	}
	return nil
}

// Unlock lets a locked account try again.
func (s *Store) Unlock(ctx context.Context, tx *db.Tx, who actor.Actor, userID string) error {
	u, err := s.Get(ctx, tx, userID)
	if err != nil {
		return err
	}
	if err := s.manage(ctx, tx, who, u.Name); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE account SET failures=0, locks=0, locked_until=0 WHERE id=$1`, u.ID); err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	return s.ledger.Append(ctx, tx, who, about(u.ID), Unlocked{User: u.ID})
}

// Revoke ends every session and token of a user.
func (s *Store) Revoke(ctx context.Context, tx *db.Tx, who actor.Actor, userID string) error {
	u, err := s.Get(ctx, tx, userID)
	if err != nil {
		return err
	}
	if who.ID != u.ID {
		if err := s.manage(ctx, tx, who, u.Name); err != nil {
			return err
		}
	}
	return s.revokeAll(ctx, tx, who, u.ID, "", false, "revoked")
}

// Package account knows the people (and bots) of the office: who they are,
// which roles they have, how they prove it, and whether they want to be
// disturbed.
//
// Invariants: a secret that lets somebody in (password, session, API token,
// set-up link) is stored only as a hash; nothing ships with a default secret;
// ending an account ends every session and token with it, at once and on every
// screen; and each of these acts is in the ledger. What a role may do is left
// to access.
package account

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
)

// The roles the built-in policies speak of. A policy may name others.
const (
	Observer      = "observer"
	Responder     = "responder"
	Operator      = "operator"
	Approver      = "approver"
	Administrator = "administrator"
	Auditor       = "auditor"
)

// Roles lists them in the order people are shown them.
var Roles = []string{Observer, Responder, Operator, Approver, Administrator, Auditor}

// User is a person or bot as everybody in the office sees them.
type User struct {
	ID       string   `json:"id"`
	Name     string   `json:"name" doc:"Login"`
	Display  string   `json:"display"`
	Email    string   `json:"email"`
	Title    string   `json:"title" doc:"What they do"`
	Roles    []string `json:"roles"`
	Team     string   `json:"team"`
	Skills   []string `json:"skills" doc:"What they can do, in their own words"`
	Initials string   `json:"initials"`
	Hue      int      `json:"hue" minimum:"0" maximum:"359"`
	Disabled bool     `json:"disabled"`
	Kind     string   `json:"kind" enum:"person,bot,guest"`
}

// Actor is the user as the one who acts.
func (u User) Actor() actor.Actor {
	if u.Kind == string(actor.Guest) { // whatever roles somebody gave to the account
		return actor.Actor{ID: u.ID, Name: u.Name, Display: u.Display, Kind: actor.Guest, Groups: []string{GuestGroup}}
	}
	return actor.Actor{ID: u.ID, Name: u.Name, Display: u.Display, Kind: actor.Kind(u.Kind), Groups: append(slices.Clone(u.Roles), access.Everyone)}
}

// Hue is the colour a person keeps everywhere.
func Hue(id string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return int(h.Sum32() % 360)
}

// Initials are the first letters of the first and the last word.
func Initials(display string) string {
	words := strings.FieldsFunc(display, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) == 0 {
		return "?"
	}
	first := func(w string) string { r, _ := utf8.DecodeRuneInString(w); return string(unicode.ToUpper(r)) }
	if len(words) == 1 {
		return first(words[0])
	}
	return first(words[0]) + first(words[len(words)-1])
}

// Store keeps accounts.
type Store struct {
	db     *db.DB
	access *access.Access
	ledger *ledger.Ledger
	bus    bus.Bus
	clock  clock.Clock
	hash   *hasher
	tries  *tries
	seen   *seen
	tellFn Tell
	idle   time.Duration

	tokenEnded []TokenEnded
}

// New makes a store. d is for signing in, where the slow hash must stand
// outside of the transaction; everything else takes the caller's.
func New(d *db.DB, a *access.Access, l *ledger.Ledger, b bus.Bus, c clock.Clock) *Store {
	return &Store{db: d, access: a, ledger: l, bus: b, clock: c, hash: newHasher(), tries: newTries(), seen: &seen{}, idle: Idle}
}

const columns = `id, name, display, email, title, team, skills, kind, disabled`

func scanUser(s db.Scanner) (User, error) {
	u := User{Roles: []string{}, Skills: []string{}}
	var skills string
	err := s.Scan(&u.ID, &u.Name, &u.Display, &u.Email, &u.Title, &u.Team, &skills, &u.Kind, &u.Disabled)
	if skills != "" {
		u.Skills = strings.Split(skills, "\n")
	}
	u.Hue, u.Initials = Hue(u.ID), Initials(u.Display)
	return u, err
}

// withRoles fills in the roles of users, in one query.
func withRoles(ctx context.Context, q db.Querier, us []User) ([]User, error) {
	if len(us) == 0 {
		return us, nil
	}
	at := map[string]int{}
	where, args := "", []any{}
	for i, u := range us {
		at[u.ID] = i
	}
	if len(us) <= 50 {
		where, args = in("account", us, func(u User) string { return u.ID })
		where = " WHERE " + where
	}
	type row struct{ account, role string }
	rows, err := db.All(ctx, q, func(s db.Scanner) (r row, err error) { return r, s.Scan(&r.account, &r.role) },
		`SELECT account, role FROM account_role`+where+` ORDER BY account, role`, args...)
	if err != nil {
		return nil, fmt.Errorf("read roles: %w", err)
	}
	for _, r := range rows {
		if i, ok := at[r.account]; ok {
			us[i].Roles = append(us[i].Roles, r.role)
		}
	}
	for _, u := range us {
		order(u.Roles)
	}
	return us, nil
}

// order puts roles as they are always shown, however they were given.
func order(roles []string) {
	slices.SortFunc(roles, func(a, b string) int { return cmp.Or(rank(a)-rank(b), strings.Compare(a, b)) })
}

func rank(role string) int {
	if i := slices.Index(Roles, role); i >= 0 {
		return i
	}
	return len(Roles)
}

// in writes "column IN ($1, …)".
func in[T any](column string, items []T, of func(T) string) (string, []any) {
	var b strings.Builder
	args := make([]any, len(items))
	b.WriteString(column + " IN (")
	for i, it := range items {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", i+1)
		args[i] = of(it)
	}
	b.WriteString(")")
	return b.String(), args
}

func (s *Store) one(ctx context.Context, q db.Querier, where string, args ...any) (User, error) {
	u, err := db.One(ctx, q, scanUser, `SELECT `+columns+` FROM account WHERE `+where, args...)
	if err != nil {
		return u, err
	}
	us, err := withRoles(ctx, q, []User{u})
	if err != nil {
		return u, err
	}
	return us[0], nil
}

var nameRE = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,31}$`)

func cleanName(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// line checks a short text that people read.
func line(field, text string, atLeast, atMost int) (string, *fault.FieldError) {
	text = strings.TrimSpace(text)
	n := utf8.RuneCountInString(text)
	if n < atLeast || n > atMost || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return text, &fault.FieldError{Field: field, Message: fmt.Sprintf("The %s has %d to %d characters on one line.", field, atLeast, atMost)}
	}
	return text, nil
}

// The most skills a person has, and the length of one.
const maxSkills, skillLength = 20, 40

func cleanSkills(skills []string) ([]string, *fault.FieldError) {
	out := []string{}
	for _, sk := range skills {
		sk, wrong := line("skills", strings.Join(strings.Fields(sk), " "), 1, skillLength)
		if wrong != nil {
			return nil, &fault.FieldError{Field: "skills", Message: fmt.Sprintf("A skill has 1 to %d characters on one line.", skillLength)}
		}
		if !slices.ContainsFunc(out, func(o string) bool { return strings.EqualFold(o, sk) }) {
			out = append(out, sk)
		}
	}
	if len(out) > maxSkills {
		return nil, &fault.FieldError{Field: "skills", Message: fmt.Sprintf("At most %d skills.", maxSkills)}
	}
	return out, nil
}

func cleanEmail(email string) (string, *fault.FieldError) {
	email = strings.ToLower(strings.TrimSpace(email))
	if email == "" {
		return "", nil
	}
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || len(email) > 254 {
		return email, &fault.FieldError{Field: "email", Message: "This is not an email address. Write it as name@example.com."}
	}
	return email, nil
}

// cleanRoles keeps a group as it is written, for policies name it so. A name
// that is one of the built-in roles becomes that role's own word, so that nobody
// has a role which some code does not see.
func cleanRoles(roles []string) ([]string, *fault.FieldError) {
	out := []string{}
	for _, r := range roles {
		r = access.CleanName(r)
		if why := access.CannotBeGroup(r); why != "" {
			return nil, &fault.FieldError{Field: "roles", Message: fmt.Sprintf("%q cannot be a role: %s. The usual ones are %s.", r, why, strings.Join(Roles, ", "))}
		}
		if actor.SameGroup(r, access.Everyone) || actor.SameGroup(r, GuestGroup) {
			return nil, &fault.FieldError{Field: "roles", Message: fmt.Sprintf("%q cannot be a role: Muster itself gives that group. The usual ones are %s.", r, strings.Join(Roles, ", "))}
		}
		if i := slices.IndexFunc(Roles, func(known string) bool { return actor.SameGroup(known, r) }); i >= 0 {
			r = Roles[i]
		}
		if !actor.HasGroup(out, r) {
			out = append(out, r)
		}
	}
	if len(out) > 200 {
		return nil, &fault.FieldError{Field: "roles", Message: "At most 200 roles."}
	}
	order(out)
	return out, nil
}

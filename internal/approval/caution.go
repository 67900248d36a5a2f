package approval

import (
	"context"
	"fmt"
	"strings"
	"time"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
)

// Hands says who had a hand in which account; account.Store does.
type Hands interface {
	Hands(ctx context.Context, q db.Querier, since time.Time, one, other string) ([]account.Hand, error)
}

// Caution keeps one person from being both sides of an approval: whoever can
// reset a password, change roles or make an account could act as the other.
//
// For CoolDown after such an act, neither side of a question decides on the
// other's, nor do two whose passwords or roles the same third person changed.
// The time is there for the person whose account it was to notice: their
// password no longer fits. New accounts count only between the two, or an
// office could approve nothing on its first day; Newcomer, when set, is how
// long a new account decides on nothing at all.
type Caution struct {
	Hands    Hands
	CoolDown time.Duration
	Newcomer time.Duration
}

// Beware sets it; without, nobody is held back.
func (s *Store) Beware(c Caution) { s.caution = c }

var deeds = map[string]string{
	account.HandCreated: "the account was made", account.HandPassword: "the password was reset",
	account.HandRoles: "the roles were changed", account.HandToken: "an API token was made",
}

// held says why who must not decide on a, "" when they may.
func (s *Store) held(ctx context.Context, q db.Querier, who actor.Actor, a Approval) (string, error) {
	c := s.caution
	longest := max(c.CoolDown, c.Newcomer)
	if c.Hands == nil || longest <= 0 {
		return "", nil
	}
	now := s.clock.Now()
	hs, err := c.Hands.Hands(ctx, q, now.Add(-longest), who.ID, a.RequestedBy)
	if err != nil {
		return "", err
	}
	until := func(h account.Hand, d time.Duration) string { return h.At.Add(d).UTC().Format("2006-01-02 15:04 UTC") }
	mine, theirs := map[string]account.Hand{}, map[string]account.Hand{}
	for _, h := range hs {
		if h.What == account.HandCreated && h.Account == who.ID && now.Sub(h.At) < c.Newcomer {
			return fmt.Sprintf("Your account is new and decides on nothing before %s.", until(h, c.Newcomer)), nil
		}
		if now.Sub(h.At) >= c.CoolDown {
			continue
		}
		switch {
		case h.Account == who.ID && h.By == a.RequestedBy:
			return fmt.Sprintf("The person who asked for this had a hand in your account (%s), so you cannot decide on what they ask for before %s.", deeds[h.What], until(h, c.CoolDown)), nil
		case h.Account == a.RequestedBy && h.By == who.ID:
			return fmt.Sprintf("You had a hand in the account of the person who asked for this (%s), so you cannot decide on what they ask for before %s.", deeds[h.What], until(h, c.CoolDown)), nil
		case h.What == account.HandCreated:
		case h.Account == who.ID:
			mine[h.By] = h
		default:
			theirs[h.By] = h
		}
	}
	for by, h := range mine {
		if other, ok := theirs[by]; ok {
			if other.At.After(h.At) {
				other, h = h, other
			}
			return fmt.Sprintf("The same person had a hand in your account and in that of the person who asked (%s), so you cannot decide on what they ask for before %s.", deeds[h.What], until(other, c.CoolDown)), nil
		}
	}
	return "", nil
}

func lent(who actor.Actor) bool {
	return who.LentBy != "" && !strings.HasPrefix(who.LentBy, "system:")
}

package approval

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
)

// Caution keeps one person from being both sides of an approval: whoever can
// reset a password, change roles or make an account could act as the other.
//
// For CoolDown after such an act, neither side of a question decides on the
// other's, nor do two whose passwords or roles the same third person changed.
// The time is there for the person whose account it was to notice: their
// password no longer fits. New accounts count only between the two, or an
// office could approve nothing on its first day. Between the two the chain is
// followed through any number of accounts: who makes an account that makes an
// account is still both sides.
//
// Newcomer, when set, is how long a new account decides on nothing at all, and
// how long a change of what decides is not enough by itself (see unsettled).
type Caution struct {
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
	if longest <= 0 {
		return "", nil
	}
	now := s.clock.Now()
	all, err := s.people.HandsSince(ctx, q, now.Add(-longest))
	if err != nil {
		return "", err
	}
	hs := slices.DeleteFunc(slices.Clone(all), func(h account.Hand) bool { return h.Account != who.ID && h.Account != a.RequestedBy })
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
	// Not only directly: whoever made an account that made an account.
	near := slices.DeleteFunc(slices.Clone(all), func(h account.Hand) bool { return now.Sub(h.At) >= c.CoolDown })
	others := []string{a.RequestedBy}
	if a.RequestedVia != "" {
		others = append(others, a.RequestedVia)
	}
	for _, n := range a.Needs {
		others = append(others, n.Except...)
	}
	for _, other := range others {
		if other == who.ID {
			continue
		}
		since := chain(near, other, who.ID)
		if t := chain(near, who.ID, other); t.After(since) {
			since = t
		}
		if !since.IsZero() {
			return fmt.Sprintf("Your account and that of somebody behind this are bound by accounts that one made or changed for the next, so you cannot decide on it before %s.", since.Add(c.CoolDown).UTC().Format("2006-01-02 15:04 UTC")), nil
		}
	}
	return "", nil
}

func lent(who actor.Actor) bool {
	return who.LentBy != "" && !strings.HasPrefix(who.LentBy, "system:")
}

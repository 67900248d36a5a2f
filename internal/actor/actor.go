// Package actor says who acts and through which door. It is a value without
// rules: what an actor may do is decided by access.
package actor

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Kind of actor.
type Kind string

const (
	Person   Kind = "person"
	Bot      Kind = "bot"
	Guest    Kind = "guest"
	SystemOf Kind = "system"
)

// Actor is given to every mutating call. The zero Actor is nobody and may do nothing.
type Actor struct {
	ID      string // user id; "system:<name>" for the system's own work
	Name    string // login
	Display string // what people read
	Kind    Kind
	Groups  []string // roles and groups, "everyone" included
	Door    string   // web, api, cli, chat, task, hook

	// By which hand.
	Session  string    // session or token id, "" for the system
	Token    bool      // Session is that of an API token
	Until    time.Time // when that token ends; zero: it does not, or there is none
	LentBy   string    // who made the API token in use, when that is not the actor
	LentName string    // their display name
	Address  string    // where the request came from
	Request  string    // request id, ties the ledger to the log
}

// By is the actor acting by the hand, and through the door, of another: what
// somebody's request makes the system, or another person, do.
func (a Actor) By(hand Actor) Actor {
	a.Door, a.Session, a.Token, a.Until, a.LentBy, a.LentName, a.Address, a.Request = hand.Door, hand.Session, hand.Token, hand.Until, hand.LentBy, hand.LentName, hand.Address, hand.Request
	return a
}

// Via names who made the API token that acts for this person, "" when they did
// themselves. A bot acts by nothing else, so that is not worth saying.
func (a Actor) Via() string {
	switch {
	case a.Kind != Person:
		return ""
	case a.LentName == "":
		return a.LentBy
	}
	return a.LentName
}

type handKey struct{}

// Carry notes in ctx whose request it is, so that whatever is recorded while it
// is served names the hand, also where the system acts.
func Carry(ctx context.Context, who Actor) context.Context {
	return context.WithValue(ctx, handKey{}, who)
}

// Hand is a with what it lacks of a hand taken from the request in ctx.
func (a Actor) Hand(ctx context.Context) Actor {
	h, ok := ctx.Value(handKey{}).(Actor)
	if !ok {
		return a
	}
	if a.Address == "" {
		a.Address = h.Address
	}
	if a.Session == "" {
		a.Session, a.Token, a.LentBy, a.LentName = h.Session, h.Token, h.LentBy, h.LentName
	}
	return a
}

// In says whether the actor belongs to group.
func (a Actor) In(group string) bool { return HasGroup(a.Groups, group) }

// HasGroup says whether one of groups is group.
func HasGroup(groups []string, group string) bool {
	return slices.ContainsFunc(groups, func(g string) bool { return SameGroup(g, group) })
}

// SameGroup says whether two names are one group: the one comparison of accounts,
// policies and approvals. Case does not count, since directories do not regard it
// either and a rule that denies must not be missed by it. A letter outside of
// ASCII never equals one inside: "adminiſtrator" is not the administrator.
func SameGroup(a, b string) bool { return a == b || FoldGroup(a) == FoldGroup(b) }

// FoldGroup is the form in which two names of one group are equal.
func FoldGroup(name string) string { return strings.Map(fold, name) }

func fold(r rune) rune {
	if r <= unicode.MaxASCII {
		return unicode.ToLower(r)
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		if f > unicode.MaxASCII && f < least {
			least = f
		}
	}
	return least
}

// IsSystem says whether this is Muster itself at work.
func (a Actor) IsSystem() bool { return a.Kind == SystemOf }

// System is Muster itself, acting as the named part of it.
func System(name string) Actor {
	return Actor{ID: "system:" + name, Name: name, Display: "Muster", Kind: SystemOf, Door: "task"}
}

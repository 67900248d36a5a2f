package incident

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
)

// A restricted incident exists for the members of its room only, whatever their
// role: its room is private, and the policy "private" denies it to everybody
// else. Groups are named when it is restricted: who is in them then becomes a
// member. Who joins a group later is added by a member.

// maxNamed bounds how many people and groups are named at once.
const maxNamed = 100

// named are the people whom members and groups name, each once. What a rule names
// wrongly keeps no alert from being declared.
func (s *Store) named(ctx context.Context, q db.Querier, who actor.Actor, members, groups []string) ([]string, error) {
	var bad []fault.FieldError
	if len(members) > maxNamed || len(groups) > maxNamed {
		return nil, fault.Field("members", fmt.Sprintf("Name at most %d people and as many groups at once.", maxNamed))
	}
	out := []string{}
	add := func(user string) {
		if !slices.Contains(out, user) {
			out = append(out, user)
		}
	}
	for n, user := range members {
		ok, err := s.OnCall.Active(ctx, q, user)
		if err != nil {
			return nil, err
		}
		if !ok {
			bad = append(bad, fault.FieldError{Field: fmt.Sprintf("members[%d]", n), Message: "There is no active user with this id."})
			continue
		}
		add(user)
	}
	for n, group := range groups {
		group = strings.TrimSpace(group)
		us, err := s.People.WithRole(ctx, q, group)
		if err != nil {
			return nil, err
		}
		us = slices.DeleteFunc(us, func(u account.User) bool { return u.Kind != string(actor.Person) })
		if len(us) == 0 {
			bad = append(bad, fault.FieldError{Field: fmt.Sprintf("groups[%d]", n), Message: fmt.Sprintf("Nobody is in a group %q. Name a role or group that people have.", cut(plain(group), 60))})
		}
		for _, u := range us {
			add(u.ID)
		}
	}
	if len(bad) > 0 && !who.IsSystem() {
		return nil, fault.Fields(bad...)
	}
	return out, nil
}

// mayRestrict says who decides whom an incident is open to: who commands or
// declared it, and administrators, as far as they may read it.
func mayRestrict(who actor.Actor, i Incident) bool {
	return who.IsSystem() || who.In(account.Administrator) || i.DeclaredBy == who.ID ||
		slices.Contains(i.Roles, RoleHeld{Role: "commander", UserID: who.ID})
}

// restrict closes the incident and its room to all but members, or opens both,
// and adds members to a restricted one.
func (s *Store) restrict(ctx context.Context, tx *db.Tx, who actor.Actor, i Incident, ch Change) error {
	to := i.Restricted
	give(&to, ch.Restricted)
	if to == i.Restricted && len(ch.Members)+len(ch.Groups) == 0 {
		return nil
	}
	switch {
	case !mayRestrict(who, i):
		return fault.New(fault.Denied, "Only the incident's commander, whoever declared it, or an administrator decides to whom it is open. Take the command first: /role commander me")
	case !to && len(ch.Members)+len(ch.Groups) > 0:
		return fault.Field("members", "Only a restricted incident names its members. Everybody may read the others.")
	case i.Stage == Closed && len(ch.Members)+len(ch.Groups) > 0:
		return fault.Newf(fault.Conflict, "%s is closed. Reopen it before you add people.", i.Ticket)
	}
	people, err := s.named(ctx, tx, who, ch.Members, ch.Groups)
	if err != nil {
		return err
	}
	if to && who.Kind == actor.Person && i.Stage != Closed { // or they would lock themselves out
		people = append(people, who.ID)
	}
	for _, user := range people {
		if err := s.Rooms.Join(ctx, tx, muster(who), i.Room.ID, user); err != nil {
			return err
		}
	}
	if len(ch.Groups) > 0 {
		if err := s.Ledger.Append(ctx, tx, who, about(i), GroupsNamed{Groups: ch.Groups, Users: people}); err != nil {
			return err
		}
	}
	if to == i.Restricted {
		s.touch(tx, i.ID)
		return nil
	}
	if _, err := s.Rooms.SetPrivate(ctx, tx, muster(who), i.Room.ID, to); err != nil {
		return err
	}
	// What joined from here on would be heard by its members alone, or what was for
	// few by everybody: alerts that come now have an incident of their own.
	if err := s.set(ctx, tx, i.ID, map[string]any{"restricted": to, "collects": ""}); err != nil {
		return err
	}
	if err := s.Ledger.Append(ctx, tx, who, about(i), Changed{Field: "restricted", From: strconv.FormatBool(i.Restricted), To: strconv.FormatBool(to)}); err != nil {
		return err
	}
	// Screens of those who may not know of it any more have to forget it.
	tx.AfterCommit(func() { s.Bus.Publish("policies", "") })
	if i.Stage == Closed {
		return nil
	}
	apart := ""
	if i.collects != "" {
		apart = " Alerts that come from now on have an incident of their own."
	}
	if to {
		return s.say(ctx, tx, who, i, "%s restricted the incident: from now on only the members of this room know of it.%s", called(who), apart)
	}
	return s.say(ctx, tx, who, i, "%s opened the incident: everybody may read it and this room again, also what was said before.%s", called(who), apart)
}

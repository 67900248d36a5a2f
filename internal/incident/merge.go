package incident

import (
	"context"
	"fmt"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/room"
)

// Merge ends an incident because it is the same trouble as another, which takes
// over its alerts, pages, follow-ups and people. What is said stays where it was
// said: the room is archived, and its last line says where to go.
func (s *Store) Merge(ctx context.Context, tx *db.Tx, who actor.Actor, idOrTicket, into string) (Incident, error) {
	i, err := s.find(ctx, tx, idOrTicket)
	if err != nil {
		return i, err
	}
	to, err := s.find(ctx, tx, into)
	if err != nil {
		return i, err
	}
	// In one order, whoever merges which way: two that cross would wait for each other.
	for _, id := range []string{min(i.ID, to.ID), max(i.ID, to.ID)} {
		held, err := s.hold(ctx, tx, id)
		if err != nil {
			return i, err
		}
		if id == i.ID {
			i = held
		}
		if id == to.ID {
			to = held
		}
	}
	if err := s.check(ctx, tx, who, "command", i); err != nil {
		return i, err
	}
	if err := s.check(ctx, tx, who, "read", to); err != nil {
		return i, errNone
	}
	if err := s.check(ctx, tx, who, "command", to); err != nil {
		return i, err
	}
	switch {
	case i.ID == to.ID:
		return i, fault.Field("into", "An incident cannot be merged into itself. Name another one.")
	case i.MergedInto != "":
		return i, fault.Newf(fault.Conflict, "%s was merged before.", i.Ticket)
	case i.Stage == Closed:
		return i, fault.Newf(fault.Conflict, "%s is closed: there is nothing left to merge.", i.Ticket)
	case !to.Stage.Open():
		return i, fault.Newf(fault.Conflict, "%s is %s. Reopen it first, or merge it into %s.", to.Ticket, to.Stage, i.Ticket)
	case i.Mode != to.Mode:
		return i, fault.Newf(fault.Conflict, "%s is %s and %s is %s: they are not the same trouble.", i.Ticket, i.Mode, to.Ticket, to.Mode)
	case i.Restricted != to.Restricted:
		return i, fault.New(fault.Conflict, "Only one of the two is restricted: what its members know would become known to others. Restrict the other one first, or open it.")
	}
	now := s.Clock.Now()
	unanswered, err := s.running(ctx, tx, i.ID)
	if err != nil {
		return i, err
	}
	if err := s.stop(ctx, tx, i.ID, unanswered); err != nil {
		return i, err
	}
	if err := s.Notify.EndPages(ctx, tx, i.ID); err != nil {
		return i, err
	}
	for _, table := range []string{"incident_page", "incident_followup"} {
		if _, err := tx.Exec(ctx, `UPDATE `+table+` SET incident = $2 WHERE incident = $1`, i.ID, to.ID); err != nil {
			return i, fmt.Errorf("move %s: %w", table, err)
		}
	}
	if err := s.alerts.Merged(ctx, tx, who, i, to); err != nil {
		return i, err
	}
	members, err := s.Rooms.Members(ctx, tx, i.Room.ID)
	if err != nil {
		return i, err
	}
	for _, user := range members {
		if ok, err := s.OnCall.Active(ctx, tx, user); err != nil {
			return i, err
		} else if !ok {
			continue
		}
		if err := s.Rooms.Join(ctx, tx, muster(who), to.Room.ID, user); err != nil {
			return i, err
		}
	}
	ev := Merged{From: i.ID, FromTicket: i.Ticket, Into: to.ID, IntoTicket: to.Ticket, Title: i.Title}
	for _, x := range []Incident{i, to} {
		if err := s.Ledger.Append(ctx, tx, who, about(x), ev); err != nil {
			return i, err
		}
	}
	if err := s.say(ctx, tx, who, to, "%s merged %s (%s) into this incident: its alerts, pages, actions and people are here now. What was said stands in [its room](/rooms/%s).", called(who), i.Ticket, i.Title, i.Room.ID); err != nil {
		return i, err
	}
	if err := s.say(ctx, tx, who, i, "%s merged this incident into %s. Go on in [%s](/rooms/%s); this room is archived, its history stays.", called(who), to.Ticket, to.Room.Name, to.Room.ID); err != nil {
		return i, err
	}
	cols := map[string]any{"stage": string(Closed), "closed": db.Micro(now), "merged_into": to.ID, "collects": ""}
	if err := s.set(ctx, tx, i.ID, cols); err != nil {
		return i, err
	}
	archived := true
	if _, err := s.Rooms.Update(ctx, tx, muster(who), i.Room.ID, room.Change{Archived: &archived}); err != nil {
		return i, err
	}
	if err := s.inherit(ctx, tx, who, i, to); err != nil {
		return i, err
	}
	if err := s.callOn(ctx, tx, who, to.ID, unanswered); err != nil {
		return i, err
	}
	if to, err = s.get(ctx, tx, to.ID); err != nil {
		return i, err
	}
	if err := s.wake(ctx, tx, to); err != nil { // what waited for the one waits for the other
		return i, err
	}
	s.touch(tx, to.ID)
	return s.Get(ctx, tx, who, i.ID)
}

// callOn goes on calling those whom an incident that was merged called in vain,
// where nobody has answered its target nor is called for it. Whoever merges and
// was called has answered.
func (s *Store) callOn(ctx context.Context, tx *db.Tx, who actor.Actor, into string, unanswered []climb) error {
	to, err := s.get(ctx, tx, into)
	if err != nil || to.Times.Acknowledged != nil || to.NextPage != nil {
		return err
	}
	for _, c := range unanswered {
		if answered, err := s.calls(ctx, tx, c, who.ID); answered || err != nil {
			return err
		}
	}
	for _, c := range unanswered {
		if err := s.pageService(ctx, tx, who, to, c.service); err != nil {
			return err
		}
	}
	return nil
}

// inherit makes the target as severe as what was merged into it, and lets it
// gather what that one gathered where it gathers nothing itself.
func (s *Store) inherit(ctx context.Context, tx *db.Tx, who actor.Actor, from, to Incident) error {
	if from.collects != "" && to.collects == "" {
		if err := s.set(ctx, tx, to.ID, map[string]any{"collects": from.collects, "gathered": db.Micro(from.gathered)}); err != nil {
			return err
		}
	}
	if from.Severity >= to.Severity {
		return nil
	}
	_, err := s.Update(ctx, tx, who, to.ID, Change{Severity: &from.Severity})
	return err
}

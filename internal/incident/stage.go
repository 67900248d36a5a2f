package incident

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/room"
)

// Stage of an incident.
type Stage string

const (
	StageDeclared Stage = "declared"
	Triage        Stage = "triage"
	Mitigating    Stage = "mitigating"
	Monitoring    Stage = "monitoring"
	Resolved      Stage = "resolved"
	Closed        Stage = "closed"
)

// Stages in their order.
var Stages = []Stage{StageDeclared, Triage, Mitigating, Monitoring, Resolved, Closed}

// next are the allowed steps: forward, also by skipping; back among the stages
// of work while it is not over; from the end back to work, which is a reopening.
var next = map[Stage][]Stage{
	StageDeclared: {Triage, Mitigating, Monitoring, Resolved, Closed},
	Triage:        {Mitigating, Monitoring, Resolved, Closed},
	Mitigating:    {Triage, Monitoring, Resolved, Closed},
	Monitoring:    {Triage, Mitigating, Resolved, Closed},
	Resolved:      {Closed, Triage, Mitigating, Monitoring},
	Closed:        {Triage, Mitigating, Monitoring},
}

// Open says whether work is still going on.
func (s Stage) Open() bool { return s != Resolved && s != Closed }

// MayBecome says whether a step is allowed.
func (s Stage) MayBecome(to Stage) bool { return slices.Contains(next[s], to) }

// Next lists where an incident may go from here.
func (s Stage) Next() []Stage { return next[s] }

// ParseStage reads a stage as people type it.
func ParseStage(text string) (Stage, error) {
	st := Stage(strings.ToLower(strings.TrimSpace(text)))
	if st == "reopen" || st == "reopened" {
		return Triage, nil
	}
	if !slices.Contains(Stages, st) {
		return "", fault.Field("stage", "The stage is one of declared, triage, mitigating, monitoring, resolved, closed (reopen means triage).")
	}
	return st, nil
}

// step works out which moments a step sets and which it takes back. A step
// forward never overwrites a moment that is already set.
func step(t Times, from, to Stage) (set, clear []string) {
	mark := func(name string) {
		if t.Get(name) == nil {
			set = append(set, name)
		}
	}
	drop := func(name string) {
		if t.Get(name) != nil {
			clear = append(clear, name)
		}
	}
	switch to {
	case Monitoring:
		mark("mitigated")
	case Resolved:
		mark("resolved")
	case Closed:
		mark("closed")
	}
	if !from.Open() && to.Open() {
		drop("resolved")
		drop("closed")
	}
	if to == Triage || to == Mitigating {
		drop("mitigated")
	}
	return set, clear
}

// SetStage moves the incident along. Closing it archives its room; reopening a
// closed one opens the room again.
func (s *Store) SetStage(ctx context.Context, tx *db.Tx, who actor.Actor, idOrTicket string, to Stage, note string) (Incident, error) {
	i, err := s.hold(ctx, tx, idOrTicket)
	if err != nil {
		return i, err
	}
	if err := s.check(ctx, tx, who, "command", i); err != nil {
		return i, err
	}
	note = strings.TrimSpace(note)
	if utf8.RuneCountInString(note) > 2000 {
		return i, fault.Field("note", "Keep the note within 2000 characters.")
	}
	if i.Stage == to {
		return s.able(ctx, tx, who, i)
	}
	if i.MergedInto != "" {
		other, err := s.get(ctx, tx, i.MergedInto)
		if err != nil {
			return i, err
		}
		return i, fault.Newf(fault.Conflict, "%s was merged into %s: go on there.", i.Ticket, other.Ticket)
	}
	if !i.Stage.MayBecome(to) {
		words := []string{}
		for _, st := range i.Stage.Next() {
			words = append(words, string(st))
		}
		return i, fault.Newf(fault.Conflict, "%s is %s and cannot become %s. From here it can become %s.", i.Ticket, i.Stage, to, strings.Join(words, ", "))
	}
	if i.Stage == Closed {
		open := false
		if _, err := s.Rooms.Update(ctx, tx, muster(who), i.Room.ID, room.Change{Archived: &open}); err != nil {
			return i, err
		}
	}
	now := s.Clock.Now()
	cols := map[string]any{"stage": string(to)}
	marked, cleared := step(i.Times, i.Stage, to)
	for _, name := range marked {
		cols[name] = db.Micro(now)
	}
	for _, name := range cleared {
		cols[name] = int64(0)
	}
	if to == Closed {
		cols["collects"] = ""
	}
	if err := s.set(ctx, tx, i.ID, cols); err != nil {
		return i, err
	}
	if !to.Open() {
		if err := s.stopClimbs(ctx, tx, i.ID); err != nil {
			return i, err
		}
		if err := s.Notify.EndPages(ctx, tx, i.ID); err != nil {
			return i, err
		}
		if i.Stage != Closed {
			if err := s.alerts.Over(ctx, tx, who, i); err != nil {
				return i, err
			}
		}
	}
	if err := s.Ledger.Append(ctx, tx, who, about(i), StageChanged{From: i.Stage, To: to, Note: note}); err != nil {
		return i, err
	}
	if err := s.say(ctx, tx, who, i, "%s", stageLine(called(who), i.Stage, to, note)); err != nil {
		return i, err
	}
	if !i.Stage.Open() && to.Open() {
		back := i
		back.Stage = to
		if err := s.wake(ctx, tx, back); err != nil {
			return i, err
		}
	}
	if !i.Stage.Open() && to.Open() && !who.IsSystem() {
		if err := s.tellOnCall(ctx, tx, who, i, i.Ticket+" was reopened"); err != nil {
			return i, err
		}
	}
	if to.Open() {
		if err := s.Watch(ctx, tx); err != nil {
			return i, err
		}
	}
	if to == Closed {
		archived := true
		if _, err := s.Rooms.Update(ctx, tx, muster(who), i.Room.ID, room.Change{Archived: &archived}); err != nil {
			return i, err
		}
	}
	return s.Get(ctx, tx, who, i.ID)
}

func stageLine(by string, from, to Stage, note string) string {
	line := fmt.Sprintf("%s moved the incident from %s to %s.", by, from, to)
	switch {
	case to == Closed:
		line = by + " closed the incident. The room is archived; its history stays."
	case !from.Open() && to.Open():
		line = fmt.Sprintf("%s reopened the incident (%s).", by, to)
	case to == Resolved:
		line = by + " resolved the incident."
	}
	if note != "" {
		line += "\n> " + strings.ReplaceAll(note, "\n", "\n> ")
	}
	return line
}

// Package actor says who acts and through which door. It is a value without
// rules: what an actor may do is decided by access.
package actor

import "slices"

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
	Session string   // session or token id, "" for the system
	Door    string   // web, api, cli, chat, task, hook
	Request string   // request id, ties the ledger to the log
	LentBy  string   // who made the API token in use, when that is not the actor
}

// In says whether the actor belongs to group.
func (a Actor) In(group string) bool { return slices.Contains(a.Groups, group) }

// IsSystem says whether this is Muster itself at work.
func (a Actor) IsSystem() bool { return a.Kind == SystemOf }

// System is Muster itself, acting as the named part of it.
func System(name string) Actor {
	return Actor{ID: "system:" + name, Name: name, Display: "Muster", Kind: SystemOf, Door: "task"}
}

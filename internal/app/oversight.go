package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/approval"
	"muster/internal/db"
	"muster/internal/job"
	"muster/internal/ledger"
	"muster/internal/node"
	"muster/internal/notify"
	"muster/internal/room"
)

// oversee tells auditors and administrators at once of what decides who may do
// what: rules of approval, policies, somebody's own roles, nodes whose
// environment changed, and job definitions. What one request changes of a kind
// in a project is told once.
func (a *App) oversee(ctx context.Context, tx *db.Tx, who actor.Actor, r ledger.Body) error {
	if strings.HasPrefix(who.ID, "system:") && who.ID != "system:console" {
		return nil // set-up, the demo, a project's first policy
	}
	title, body, mail := "", "", true
	where := ""
	if r.Project != "" {
		where = " of " + r.Project
	}
	thing := r.Resource[strings.IndexByte(r.Resource, ':')+1:]
	switch r.Kind {
	case approval.RulesChanged{}.EventKind():
		title, body = "The approval rules"+where+" were changed", "They decide which runs need a second person."
	case access.PolicyChanged{}.EventKind(), access.PolicyDeleted{}.EventKind():
		if r.Project != "" && thing == "default" && fmt.Sprint(r.Fields["version"]) == "1" {
			return nil // a project's first policy
		}
		if title = "The policy " + thing + where + " was changed"; r.Kind == (access.PolicyDeleted{}).EventKind() {
			title = "The policy " + thing + where + " was removed"
		}
		body = "It decides who may do what."
		if r.Project == "" {
			if err := a.opened(ctx, tx, who, title); err != nil {
				return err
			}
		}
	case account.RolesChanged{}.EventKind():
		if r.Fields["user"] != who.ID && r.Fields["user"] != who.LentBy {
			return nil
		}
		title, body = who.Display+" changed their own roles", fmt.Sprintf("From %s to %s.", list(r.Fields["before"]), list(r.Fields["after"]))
	case node.Imported{}.EventKind():
		before, _ := r.Fields["environment_before"].(map[string]string)
		if len(before) == 0 {
			return nil
		}
		title = fmt.Sprintf("Nodes%s changed their environment, or are gone", where)
		body = fmt.Sprintf("%d of them. Until a day has passed they count also as what they were.", len(before))
	case job.Imported{}.EventKind(), job.Deleted{}.EventKind():
		title, body, mail = "Jobs"+where+" were changed", "The ledger has each with its digest.", false
	default:
		return nil
	}
	by := who.Display
	if via := who.Via(); via != "" {
		by += ", by way of an API token made by " + via
	}
	key := "oversight " + r.ID
	if who.Request != "" {
		key = fmt.Sprintf("oversight %s %s %s", who.Request, r.Kind, r.Project)
	}
	told := map[string]bool{who.ID: true}
	for _, role := range []string{account.Auditor, account.Administrator} {
		people, err := a.Accounts.WithRole(ctx, tx, role)
		if err != nil {
			return err
		}
		for _, u := range people {
			if told[u.ID] || u.Kind != string(actor.Person) {
				continue
			}
			told[u.ID] = true
			if _, err := a.Notify.Send(ctx, tx, notify.New{Person: u.ID, Kind: "info", Title: title, Body: "By " + by + ". " + body, Link: "/ledger", Key: key, Email: mail}); err != nil {
				return err
			}
		}
	}
	return nil
}

func list(v any) string {
	if l, ok := v.([]string); ok && len(l) > 0 {
		return strings.Join(l, ", ")
	}
	return "none"
}

// RoomLaidOpen records that a policy lets people read a private room who are no
// members of it.
type RoomLaidOpen struct {
	People int `json:"people" class:"public"`
}

// EventKind implements ledger.Event.
func (RoomLaidOpen) EventKind() string { return "room.LaidOpen" }

// opened tells the members of private rooms that a changed policy lets others
// in: what they said there was said to each other.
func (a *App) opened(ctx context.Context, tx *db.Tx, who actor.Actor, what string) error {
	rooms, err := a.Rooms.All(ctx, tx)
	if err != nil {
		return err
	}
	rooms = slices.DeleteFunc(rooms, func(r room.Room) bool { return !r.Private })
	if len(rooms) == 0 {
		return nil
	}
	people, err := a.Accounts.List(ctx, tx)
	if err != nil {
		return err
	}
	now, err := a.Rooms.Judge(ctx, tx, who)
	if err != nil {
		return err
	}
	before, err := a.Rooms.Judge(ctx, a.DB.Read(), who) // what is committed
	if err != nil {
		return err
	}
	for _, r := range rooms {
		members, err := a.Rooms.Members(ctx, tx, r.ID)
		if err != nil {
			return err
		}
		gained := 0
		for _, u := range people {
			if !u.Disabled && !slices.Contains(members, u.ID) && room.Readable(now.For(u.Actor()), r, false) && !room.Readable(before.For(u.Actor()), r, false) {
				gained++
			}
		}
		if gained == 0 {
			continue
		}
		about, err := a.Rooms.About(ctx, tx, r.ID)
		if err != nil {
			return err
		}
		if err := a.Ledger.Append(ctx, tx, who, about, RoomLaidOpen{gained}); err != nil {
			return err
		}
		for _, m := range members {
			if _, err := a.Notify.Send(ctx, tx, notify.New{Person: m, Kind: "info", Title: r.Name + " is no longer only its members'", Link: "/rooms/" + r.ID, Email: true,
				Body: fmt.Sprintf("%s by %s: %d people who are no members may read it now, what was said before as well.", what, who.Display, gained)}); err != nil {
				return err
			}
		}
	}
	return nil
}

package command_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster/internal/actor"
	"muster/internal/alert"
	"muster/internal/command"
	"muster/internal/fault"
	. "muster/internal/incident/incidenttest"
	"muster/internal/message"
	"muster/internal/notify"
	"muster/internal/room"

	"muster/internal/db"
)

type floor struct {
	*Rig
	t      *testing.T
	cmds   *command.Commands
	alerts *alert.Store
	ops    room.Room
}

func openFloor(t *testing.T) *floor {
	r := New(t, notify.Settings{})
	f := &floor{Rig: r, t: t, cmds: command.New(r.Access, r.Rooms, r.Messages)}
	f.alerts = alert.New(alert.Deps{DB: r.DB, Access: r.Access, Ledger: r.Ledger, Clock: r.Clock, Bus: r.Bus, Tasks: r.Tasks, Messages: r.Messages, Incidents: r.Incidents, Log: slog.New(slog.DiscardHandler)})
	f.cmds.Add(command.IncidentVerbs(command.Response{Access: r.Access, People: r.Accounts, Oncall: r.OnCall, Incidents: r.Incidents, Alerts: f.alerts})...)
	r.Do(func(tx *db.Tx) (err error) {
		f.ops, err = r.Rooms.Create(Ctx, tx, r.Admin, room.New{Name: "ops"})
		return err
	})
	return f
}

func (f *floor) say(who actor.Actor, roomID, text string) string {
	f.t.Helper()
	said, err := f.cmds.Say(Ctx, who, message.New{Room: roomID, Text: text})
	if err != nil {
		f.t.Fatalf("%s: %v", text, err)
	}
	return said.Reply
}

func TestAnIncidentByCommands(t *testing.T) {
	f := openFloor(t)
	if got := f.say(f.Bob, f.ops.ID, "/incident Payments aren't booked x=1 sev=2 service=payments-api env=prod"); got != "Declared INC-2041 (SEV-2). Its room is INC-2041 Payments aren't booked x=1." {
		t.Fatal(got)
	}
	i := f.Incident("INC-2041")
	if i.Severity != 2 || i.Service != "payments-api" || i.Environment != "prod" || len(i.Pages) != 1 {
		t.Fatalf("%+v", i)
	}
	in := i.Room.ID
	f.Clock.Advance(time.Minute)
	for line, want := range map[string]string{
		"/ack":                         "INC-2041 is acknowledged.",
		"/severity SEV-1":              "INC-2041 is SEV-1.",
		"/role commander":              "The commander of INC-2041 is The ann.",
		"/role scribe @bob":            "The scribe of INC-2041 is The bob.",
		"/stage mitigating we restart": "INC-2041 is mitigating.",
		"/note it's the switch":        "Noted on the timeline of INC-2041.",
		"/action Watch the queue @ann due=2026-12-01": "On the list of INC-2041: Watch the queue",
		"/question Why did it not fail over?":         "On the list of INC-2041: Why did it not fail over?",
		"/page @root":                                 "@root is paged.",
		"/page payments-api":                          "payments-api is paged.",
	} {
		if got := f.say(f.Ann, in, line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
	f.say(f.Ann, in, "/role scribe none")
	i = f.Incident("INC-2041")
	if i.Severity != 1 || i.Stage != "mitigating" || i.Times.Acknowledged == nil || len(i.Roles) != 1 || i.Roles[0].UserID != f.Ann.ID || len(i.Pages) != 3 {
		t.Errorf("%+v", i)
	}
	f.say(f.Ann, in, "/stage closed")
	if i = f.Incident("INC-2041"); i.Stage != "closed" {
		t.Error(i.Stage)
	}
}

func TestCommandsThatAreWrongLeaveNothing(t *testing.T) {
	f := openFloor(t)
	f.say(f.Bob, f.ops.ID, "/incident x")
	in := f.Incident("INC-2041").Room.ID
	before := len(f.Said(in)) + len(f.Said(f.ops.ID))
	for _, c := range []struct {
		who  actor.Actor
		room string
		line string
		kind fault.Kind
	}{
		{f.Bob, f.ops.ID, "/incident", fault.Invalid},
		{f.Bob, f.ops.ID, "/incident x sev=9", fault.Invalid},
		{f.Bob, f.ops.ID, "/incident x service=nope", fault.Invalid},
		{f.Bob, f.ops.ID, "/ack", fault.Conflict},
		{f.Bob, in, "/stage lunch", fault.Invalid},
		{f.Bob, in, "/severity", fault.Invalid},
		{f.Bob, in, "/role king", fault.Invalid},
		{f.Bob, in, "/role commander @nobody", fault.NotFound},
		{f.Bob, in, "/page", fault.Invalid},
		{f.Bob, in, "/page nope", fault.NotFound},
		{f.Bob, in, "/note", fault.Invalid},
		{f.Bob, in, "/action @ann", fault.Invalid},
		{f.Bob, in, "/action Watch it due=soon", fault.Invalid},
		{f.Bob, in, "/question @nobody why", fault.NotFound},
		{f.Watcher, in, "/ack", fault.Denied},
		{f.Watcher, f.ops.ID, "/incident x", fault.Denied},
	} {
		_, err := f.cmds.Say(Ctx, c.who, message.New{Room: c.room, Text: c.line})
		if !fault.Is(err, c.kind) {
			t.Errorf("%s by %s: %v", c.line, c.who.Name, err)
		}
	}
	if after := len(f.Said(in)) + len(f.Said(f.ops.ID)); after != before {
		t.Errorf("%d messages became %d", before, after)
	}
}

func TestCompletionAndHelp(t *testing.T) {
	f := openFloor(t)
	f.say(f.Bob, f.ops.ID, "/incident x service=payments-api")
	in := f.Incident("INC-2041").Room.ID
	values := func(who actor.Actor, roomID, text string) string {
		cs, err := f.cmds.Complete(Ctx, f.DB.Read(), who, roomID, text)
		if err != nil {
			t.Fatal(err)
		}
		out := []string{}
		for _, c := range cs {
			out = append(out, c.Value)
		}
		return strings.Join(out, "|")
	}
	got := map[string]string{}
	for _, text := range []string{"/incident boom se", "/incident boom service=pay", "/incident boom env=p", "/stage m", "/severity ", "/role comma", "/role scribe @bo", "/page pay", "/ac"} {
		got[text] = values(f.Ann, in, text)
	}
	want := map[string]string{
		"/incident boom se":          "/incident boom sev=|/incident boom service=",
		"/incident boom service=pay": "/incident boom service=payments-api ",
		"/incident boom env=p":       "/incident boom env=prod ",
		"/stage m":                   "/stage mitigating |/stage monitoring ",
		"/severity ":                 "/severity 1 |/severity 2 |/severity 3 |/severity 4 ",
		"/role comma":                "/role commander ",
		"/role scribe @bo":           "/role scribe @bob ",
		"/page pay":                  "/page payments-api ",
		"/ac":                        "/ack |/action ",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	// Outside of an incident, and to those who may not, they are not offered.
	if got := values(f.Ann, f.ops.ID, "/ac"); got != "" {
		t.Error(got)
	}
	if got := values(f.Watcher, in, "/"); got != "/help |/oncall " {
		t.Error(got)
	}
}

// The incident's alerts are ended in its room, all of them or those meant.
func TestAlertsAreResolvedByCommand(t *testing.T) {
	f := openFloor(t)
	var src alert.Source
	f.Do(func(tx *db.Tx) (err error) {
		if src, _, err = f.alerts.CreateSource(Ctx, tx, f.Admin, alert.NewSource{Name: "core", Service: "payments-api"}); err != nil {
			return err
		}
		var d alert.Delivery
		for _, name := range []string{"Queue full", "Disk full", "Slow"} {
			d.Alerts = append(d.Alerts, alert.Incoming{Fingerprint: name, Status: "firing", Labels: map[string]string{"alertname": name, "severity": "critical"}, StartsAt: Now})
		}
		_, err = f.alerts.Receive(Ctx, tx, src, d)
		return err
	})
	is, err := f.Incidents.List(Ctx, f.DB.Read(), f.Ann, "open", 0)
	if err != nil || len(is) != 1 {
		t.Fatal(is, err)
	}
	room := is[0].Room.ID
	if got := f.say(f.Ann, room, "/alert resolve slow"); got != "Resolved Slow." {
		t.Error(got)
	}
	if got := f.say(f.Ann, room, "/alert resolve"); got != "Resolved 2 alerts." {
		t.Error(got)
	}
	for _, line := range []string{"/alert", "/alert resolve", "/alert acknowledge"} {
		if _, err := f.cmds.Say(Ctx, f.Ann, message.New{Room: room, Text: line}); err == nil {
			t.Errorf("%s was carried out", line)
		}
	}
}

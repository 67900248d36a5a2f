package command_test

import (
	"strings"
	"testing"
	"time"

	"muster/internal/call"
	"muster/internal/command"
	"muster/internal/db"
	"muster/internal/fault"
	. "muster/internal/incident/incidenttest"
	"muster/internal/message"
	"muster/internal/room"
)

func TestPresenceByCommand(t *testing.T) {
	f := openFloor(t)
	f.cmds.Add(command.PresenceVerbs(command.Presence{People: f.Accounts, Rooms: f.Rooms, Office: f.Office, Calls: call.New(call.Deps{}), Clock: f.Clock})...)
	f.Office.Connected(f.Bob.ID, "laptop")
	has := func(got, want string) {
		t.Helper()
		if !strings.Contains(got, want) {
			t.Errorf("%q, want %q in it", got, want)
		}
	}
	shown := func(state, text string, until time.Duration) {
		t.Helper()
		av, err := f.Accounts.AvailabilityOf(Ctx, f.DB.Read(), f.Bob.ID)
		end := time.Time{}
		if until > 0 {
			end = f.Clock.Now().Add(until)
		}
		if err != nil || av.State != state || av.StatusText != text || !av.Until.Equal(end) {
			t.Errorf("%+v %v, want %s %q %v", av, err, state, text, end)
		}
	}
	has(f.say(f.Bob, f.ops.ID, "/dnd 1h30m key ceremony"), "not to be disturbed until")
	shown("dnd", "key ceremony", 90*time.Minute)
	has(f.say(f.Bob, f.ops.ID, "/away 3 men in a boat"), "You are away.")
	shown("away", "3 men in a boat", 0)
	f.say(f.Bob, f.ops.ID, "/busy 2d")
	shown("busy", "", 48*time.Hour)
	has(f.say(f.Bob, f.ops.ID, "/back"), "available")
	shown("available", "", 0)
	if _, err := f.cmds.Say(Ctx, f.Bob, message.New{Room: f.ops.ID, Text: "/away 999999d"}); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}

	if _, err := f.cmds.Say(Ctx, f.Bob, message.New{Room: f.ops.ID, Text: "/home"}); !fault.Is(err, fault.Conflict) {
		t.Error(err)
	}
	has(f.say(f.Bob, f.ops.ID, "/home here"), "your home room now")
	has(f.say(f.Bob, f.ops.ID, "/home"), "You are in")
	has(f.say(f.Ann, f.ops.ID, "/find @"+f.Bob.Name), "is available, in ")
	f.say(f.Bob, f.ops.ID, "/home none")
	if _, err := f.cmds.Say(Ctx, f.Ann, message.New{Room: f.ops.ID, Text: "/find zzz"}); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}

	// Where somebody is stays with those who may read the room.
	f.Do(func(tx *db.Tx) error {
		r, err := f.Rooms.Create(Ctx, tx, f.Admin, room.New{Name: "vault", Private: true, Members: []string{f.Bob.ID}})
		if err != nil {
			return err
		}
		_, err = f.Office.Enter(Ctx, tx, f.Bob, r.ID, 0)
		return err
	})
	if got := f.say(f.Ann, f.ops.ID, "/find "+f.Bob.Name); strings.Contains(got, "vault") {
		t.Error("told of a private room: " + got)
	}
}

package command_test

import (
	"strings"
	"testing"

	"muster/internal/call"
	"muster/internal/command"
	"muster/internal/fault"
	. "muster/internal/incident/incidenttest"
	"muster/internal/message"
)

// Without a mouse: into a room, into its voice, and out again.
func TestComingInByCommand(t *testing.T) {
	f := openFloor(t)
	f.cmds.Add(command.VoiceVerbs(command.Voice{Rooms: f.Rooms, Office: f.Office, Calls: call.New(call.Deps{Rooms: f.Rooms})})...)
	say := func(text string) (command.Said, error) {
		return f.cmds.Say(Ctx, f.Bob, message.New{Room: f.ops.ID, Text: text})
	}
	sits := func(want string) {
		t.Helper()
		at, err := f.Office.Location(Ctx, f.DB.Read(), f.Bob.ID)
		got := ""
		if at != nil {
			got = at.Room
		}
		if err != nil || got != want {
			t.Errorf("they sit in %q, want %q (%v)", got, want, err)
		}
	}
	if said, err := say("/enter"); err != nil || said.Reply != "You are in "+f.ops.Name+"." {
		t.Error(said.Reply, err)
	}
	sits(f.ops.ID)
	if said, err := say("/leave"); err != nil || said.Do != "" {
		t.Error(said, err)
	}
	sits("")
	if _, err := say("/leave"); !fault.Is(err, fault.Conflict) {
		t.Error(err)
	}
	// Who joins a room's voice sits in it: that is one line, not two.
	if said, err := say("/join"); err != nil || said.Do != command.JoinVoice {
		t.Error(said, err)
	}
	sits(f.ops.ID)
	for line, want := range map[string]command.Do{"/join listen": command.ListenOnly, "/mute": command.Mute, "/mute off": command.Unmute, "/leave voice": command.LeaveVoice} {
		if said, err := say(line); err != nil || said.Do != want {
			t.Errorf("%s: %q %v", line, said.Do, err)
		}
	}
	sits(f.ops.ID)
	if _, err := say("/hand"); !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "Join it first") {
		t.Error(err)
	}
	for _, line := range []string{"/enter nowhere-at-all", "/join loudly", "/mute jonas", "/hand left", "/leave us"} {
		if _, err := say(line); err == nil {
			t.Error(line, "was taken")
		}
	}
}

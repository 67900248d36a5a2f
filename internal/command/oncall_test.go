package command_test

import (
	"strings"
	"testing"

	"muster/internal/fault"
	. "muster/internal/incident/incidenttest"
	"muster/internal/message"
)

func TestDutyByCommand(t *testing.T) {
	f := openFloor(t)
	if got := f.say(f.Bob, f.ops.ID, "/oncall payments-api"); !strings.HasPrefix(got, "payments-api: ") {
		t.Error(got)
	}
	if _, err := f.cmds.Say(Ctx, f.Bob, message.New{Room: f.ops.ID, Text: "/oncall no-such-service"}); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	// The service names its rotation. Ann has the turn, Bob is in it, who watches is not.
	if got := f.say(f.Bob, f.ops.ID, "/oncall take payments-api"); !strings.HasPrefix(got, "You are on call by ") {
		t.Error(got)
	}
	if got := f.say(f.Bob, f.ops.ID, "/oncall payments-api"); !strings.HasPrefix(got, "payments-api: The bob") {
		t.Error(got)
	}
	if got := f.say(f.Bob, f.ops.ID, "/oncall back payments-api"); !strings.HasPrefix(got, "You handed back ") {
		t.Error(got)
	}
	for text, kind := range map[string]fault.Kind{"/oncall back payments-api": fault.Conflict, "/oncall take nothing": fault.NotFound, "/oncall take": fault.Invalid} {
		if _, err := f.cmds.Say(Ctx, f.Bob, message.New{Room: f.ops.ID, Text: text}); !fault.Is(err, kind) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

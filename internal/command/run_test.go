package command_test

import (
	"strings"
	"testing"

	"muster/internal/actor"
	"muster/internal/command"
	"muster/internal/fault"
	"muster/internal/message"
	"muster/internal/run"
	"muster/internal/run/runtest"
)

const verbJob = "- name: restart-service\n  group: ops\n  nodefilters:\n    filter: 'tags: ${option.service}'\n  multipleExecutions: true\n  options:\n    - {name: service, required: true, values: [payments-api, web]}\n    - {name: note}\n    - {name: token, secure: true, valueExposed: true}\n  sequence:\n    commands:\n      - exec: echo ${option.service} ${option.note}\n"

func TestRunVerbs(t *testing.T) {
	o := runtest.New(t, runtest.Options{})
	o.Import(verbJob)
	cs := command.New(o.Access, o.Rooms, o.Messages)
	cs.Add(command.RunVerbs(command.RunDeps{Access: o.Access, Runs: o.Runs, Jobs: o.Jobs, Nodes: o.Nodes})...)
	say := func(who actor.Actor, text string) (command.Said, error) {
		return cs.Say(o.Ctx, who, message.New{Room: o.Room.ID, Text: text})
	}
	s, err := say(o.Op, `/run restart-service service=web note="it's $(id)" token='very "secret" one'`)
	if err != nil || s.Reply != "Run #1 is queued." {
		t.Fatal(err, s.Reply)
	}
	if s.Message.Text != `/run restart-service service=web note="it's $(id)" token=••••` {
		t.Errorf("stored: %s", s.Message.Text)
	}
	r, err := o.Runs.See(o.Ctx, o.DB.Read(), o.Op, "1")
	if err != nil || r.RoomID != o.Room.ID || r.MessageID == "" {
		t.Fatal(err, r)
	}
	o.Until(r.ID, run.Succeeded)
	if got := o.Fake.Commands()[0]; !strings.HasSuffix(got, `echo 'web' 'it'\''s $(id)'`) {
		t.Error(got)
	}
	// A filter in place of the job's own.
	if s, err = say(o.Op, "/run ops/restart-service service=web name: web1,web2 !name:web2"); err != nil {
		t.Fatal(err)
	}
	if r, _ = o.Runs.See(o.Ctx, o.DB.Read(), o.Op, "#2"); len(r.Nodes) != 1 || r.Nodes[0].Name != "web1" {
		t.Errorf("%+v", r.Nodes)
	}
	if s, err = say(o.Op, "/run restart-service service=payments-api"); err != nil || !strings.Contains(s.Reply, "waits for approval by approver") {
		t.Fatal(err, s.Reply)
	}
	if _, err = say(o.Op, "/approve 3"); !fault.Is(err, fault.Denied) {
		t.Error(err)
	}
	if s, err = say(o.App, "/approve #3 looks right"); err != nil || s.Reply != "You approved run #3; it is queued." {
		t.Error(err, s.Reply)
	}
	o.Until(mustSee(t, o, "3").ID, run.Succeeded)
	if _, err = say(o.Op, "/run restart-service service=payments-api"); err != nil {
		t.Fatal(err)
	}
	if _, err = say(o.App, "/decline 4"); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
	if _, err = say(o.App, "/decline 4 not now"); err != nil {
		t.Error(err)
	}
	if s, err = say(o.Op, "/status 4"); err != nil || !strings.Contains(s.Reply, "not now") {
		t.Error(err, s.Reply)
	}
	if s, err = say(o.Op, "/adhoc 'block here' tags:web keepgoing=true threads=3"); err != nil {
		t.Fatal(err)
	}
	o.Fake.Reached("here")
	if s, err = say(o.Op, "/status"); err != nil || !strings.Contains(s.Reply, "#5 block here is running") {
		t.Error(err, s.Reply)
	}
	if s, err = say(o.Op, "/stop"); err != nil || s.Reply != "Run #5 is being stopped." {
		t.Error(err, s.Reply)
	}
	o.Until(mustSee(t, o, "5").ID, run.StoppedBy)
	for _, bad := range []string{"/run", "/run nope", "/run restart-service", "/run restart-service service=web tokn=very-secret", "/run restart-service service='open", "/adhoc uptime", "/stop 99", "/stop 5", "/approve", "/status x"} {
		if _, err := say(o.Op, bad); err == nil || fault.KindOf(err) == fault.Internal {
			t.Errorf("%s: %v", bad, err)
		}
	}
	var n int
	if err := o.DB.Read().QueryRow(o.Ctx, `SELECT COUNT(*) FROM message WHERE text LIKE '%secret%'`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d messages hold a secret, %v", n, err)
	}
}

func mustSee(t *testing.T, o *runtest.Office, ref string) run.Run {
	t.Helper()
	r, err := o.Runs.See(o.Ctx, o.DB.Read(), o.Admin, ref)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRunCompletion(t *testing.T) {
	o := runtest.New(t, runtest.Options{NoStart: true})
	o.Import(verbJob)
	cs := command.New(o.Access, o.Rooms, o.Messages)
	cs.Add(command.RunVerbs(command.RunDeps{Access: o.Access, Runs: o.Runs, Jobs: o.Jobs, Nodes: o.Nodes})...)
	for _, c := range []struct{ text, want string }{
		{"/ru", "/run "},
		{"/run ", "/run ops/restart-service "},
		{"/run rest", "/run ops/restart-service "},
		{"/run zzz", ""},
		{"/run ops/restart-service ", "/run ops/restart-service service=|/run ops/restart-service note=|/run ops/restart-service token="},
		{"/run ops/restart-service service=web no", "/run ops/restart-service service=web note="},
		{"/run ops/restart-service service=", "/run ops/restart-service service=payments-api |/run ops/restart-service service=web "},
		{"/run ops/restart-service service=w", "/run ops/restart-service service=web "},
		{"/run ops/restart-service service=web we", "/run ops/restart-service service=web web1 |/run ops/restart-service service=web web2 |/run ops/restart-service service=web web3 "},
		{"/adhoc 'uptime' tags:p", "/adhoc 'uptime' tags:payments-api "},
	} {
		got, err := cs.Complete(o.Ctx, o.DB.Read(), o.Op, o.Room.ID, c.text)
		if err != nil {
			t.Fatal(err)
		}
		var vals []string
		for _, x := range got {
			vals = append(vals, x.Value)
		}
		if strings.Join(vals, "|") != c.want {
			t.Errorf("%q → %q, want %q", c.text, strings.Join(vals, "|"), c.want)
		}
	}
	// Who may not run is not offered it.
	if got, _ := cs.Complete(o.Ctx, o.DB.Read(), o.Obs, o.Room.ID, "/run "); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

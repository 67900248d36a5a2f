package command_test

import (
	"strings"
	"testing"

	"muster/internal/command"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/run/runtest"
)

// FuzzRedact: whatever is typed around the value of a secure option, and however
// it is quoted, the line that is stored does not hold it and means the same
// otherwise. A line that is refused is not stored.
func FuzzRedact(f *testing.F) {
	o := runtest.New(f, runtest.Options{NoStart: true})
	o.Import(verbJob)
	var redact func(args string) (string, error)
	for _, v := range command.RunVerbs(command.RunDeps{Access: o.Access, Runs: o.Runs, Jobs: o.Jobs, Nodes: o.Nodes}) {
		if v.Name == "run" {
			redact = func(args string) (string, error) {
				return v.Redact(o.Ctx, db.Querier(o.DB.Read()), command.Call{Who: o.Op, Room: o.Room, Args: args})
			}
		}
	}
	const secret = "zQ7hunter2Kx"
	// \x01 is where the secret stands.
	for _, s := range []string{
		"service=web token=\x01", "token='\x01 and more' service=web", `token="a \"\x01\" b"`, `to"ken"=\x01`, `'token=\x01'`, "token=\x01 token=\x01x", `token=a\ \x01`, "token=\n\x01", "note='token=\x01'", "token=\x01=x y=z",
		"service=web tokn=\x01", "token='\x01", "project=demo token=\x01 project=\x01", "\\token=\x01", "token=\x01\\", "-- token=\x01", "TOKEN=\x01", "token=é\x01振込",
	} {
		f.Add(strings.ReplaceAll(s, `\x01`, "\x01"))
	}
	f.Fuzz(func(t *testing.T, typed string) {
		args := strings.TrimSpace("restart-service " + strings.ReplaceAll(typed, "\x01", secret))
		out, err := redact(args)
		if err != nil {
			if k := fault.KindOf(err); k == fault.Internal {
				t.Fatal(err)
			}
			if strings.Contains(fault.Message(err), secret) {
				t.Fatalf("%q is refused with %q", args, fault.Message(err))
			}
			return
		}
		before, err := command.Words(args)
		if err != nil {
			t.Fatal(err)
		}
		after, err := command.Words(out)
		if err != nil || len(after) != len(before) {
			t.Fatalf("%q became %q: %v", args, out, err)
		}
		elsewhere := false // the person wrote it where no secret is expected
		for i, w := range before {
			name, _, ok := w.KeyValue()
			if ok && i > 0 && name == "token" {
				if after[i].Text != "token=••••" {
					t.Fatalf("%q became %q", args, out)
				}
				continue
			}
			if after[i].Text != w.Text {
				t.Fatalf("%q became %q: %q and %q", args, out, w.Text, after[i].Text)
			}
			elsewhere = elsewhere || strings.Contains(args[w.Start:w.End], secret)
		}
		if !elsewhere && strings.Contains(out, secret) {
			t.Fatalf("%q became %q", args, out)
		}
	})
}

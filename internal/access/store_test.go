package access_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/fault"
	"muster/internal/ledger"
)

type fixture struct {
	t      *testing.T
	ctx    context.Context
	db     *db.DB
	ledger *ledger.Ledger
	access *access.Access
	clock  *clock.Test
}

func open(t *testing.T) *fixture {
	keys, _, err := ledger.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	c := clock.NewTest(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	f := &fixture{t: t, ctx: t.Context(), db: dbtest.Open(t), clock: c}
	f.ledger = ledger.New(c, bus.NewMemory(), keys)
	f.access = access.New(f.db, f.ledger, c, slog.New(slog.DiscardHandler))
	return f
}

func person(name string, groups ...string) actor.Actor {
	return actor.Actor{ID: "id-" + name, Name: name, Kind: actor.Person, Groups: groups}
}

func (f *fixture) allowed(who actor.Actor, action string, res access.Resource) bool {
	return f.access.Allowed(f.ctx, f.db.Read(), who, action, res)
}

func (f *fixture) put(who actor.Actor, project, name, text string) ([]access.PolicyItem, error) {
	var items []access.PolicyItem
	err := f.access.Do(f.ctx, who, func(tx *db.Tx) (err error) {
		items, err = f.access.Put(f.ctx, tx, who, project, name, text)
		return err
	})
	return items, err
}

func (f *fixture) kinds() []string {
	rs, err := f.ledger.Events(f.ctx, f.db.Read(), ledger.Filter{})
	if err != nil {
		f.t.Fatal(err)
	}
	var out []string
	for _, r := range rs {
		out = append(out, r.Kind)
	}
	return out
}

// The table of roles in the architecture, as the built-in policies give it.
func TestRoles(t *testing.T) {
	f := open(t)
	app := func(typ string, kv ...string) access.Resource {
		r := access.Resource{Type: typ, Attrs: map[string]string{}}
		for i := 0; i+1 < len(kv); i += 2 {
			r.Attrs[kv[i]] = kv[i+1]
		}
		return r
	}
	public := app("room", "kind", "team", "private", "false", "member", "false")
	hidden := app("room", "kind", "team", "private", "true", "member", "false")
	inside := app("room", "kind", "team", "private", "true", "member", "true")
	secret := app("incident", "restricted", "true", "member", "false")
	const (
		all       = "observer responder operator approver administrator auditor"
		active    = "responder operator approver administrator"
		admin     = "administrator"
		auditor   = "auditor"
		nobody    = ""
		withEvery = all + " none"
	)
	tests := []struct {
		action string
		res    access.Resource
		who    string
	}{
		{"read", app("office"), withEvery}, {"manage", app("office"), admin},
		{"read", app("user"), withEvery}, {"manage", app("user"), admin},
		{"create", app("token"), withEvery},
		{"read", public, all}, {"enter", public, all}, {"post", public, active}, {"invite", public, active},
		{"create", public, admin}, {"update", public, admin}, {"moderate", public, admin},
		{"create", app("room", "kind", "incident"), active},
		{"read", hidden, nobody}, {"post", hidden, nobody}, {"enter", hidden, nobody}, {"update", hidden, nobody}, {"moderate", hidden, admin},
		{"read", inside, all}, {"post", inside, active},
		{"read", app("incident"), all}, {"declare", app("incident"), active}, {"update", app("incident"), active}, {"command", app("incident"), active},
		{"read", secret, nobody}, {"command", secret, nobody},
		{"read", app("alert"), all}, {"acknowledge", app("alert"), active},
		{"read", app("alert_source"), "administrator auditor"}, {"manage", app("alert_source"), admin},
		{"read", app("service"), all}, {"manage", app("service"), admin},
		{"read", app("policy"), "administrator auditor"}, {"manage", app("policy"), admin},
		{"read", app("key"), admin}, {"manage", app("key"), admin},
		{"read", app("project"), all}, {"manage", app("project"), admin}, {"allow_raw", app("project"), admin},
		{"read", app("ledger"), auditor}, {"export", app("ledger"), auditor},
	}
	for _, c := range tests {
		for role := range strings.FieldsSeq(withEvery) {
			want := slices.Contains(strings.Fields(c.who), role)
			if got := f.allowed(person("ann", role), c.action, c.res); got != want {
				t.Errorf("%s %s %s %v: got %v, want %v", role, c.action, c.res.Type, c.res.Attrs, got, want)
			}
		}
		if f.allowed(actor.Actor{}, c.action, c.res) || f.allowed(actor.Actor{ID: "g", Kind: actor.Guest}, c.action, c.res) {
			t.Errorf("%s %s: nobody or a guest may", c.action, c.res.Type)
		}
	}
}

func TestDefaultProject(t *testing.T) {
	f := open(t)
	who := person("root", "administrator")
	if err := f.access.Do(f.ctx, who, func(tx *db.Tx) error { return f.access.SeedProject(f.ctx, tx, who, "demo") }); err != nil {
		t.Fatal(err)
	}
	res := func(typ string, kv ...string) access.Resource {
		r := access.Resource{Project: "demo", Type: typ, Attrs: map[string]string{}}
		for i := 0; i+1 < len(kv); i += 2 {
			r.Attrs[kv[i]] = kv[i+1]
		}
		return r
	}
	const all = "observer responder operator approver administrator auditor"
	tests := []struct {
		action string
		res    access.Resource
		who    string
	}{
		{"read", res("job", "name", "x"), all}, {"read", res("node"), all}, {"read", res("resource", "kind", "event"), all},
		{"run", res("job", "name", "x"), "operator responder"}, {"kill", res("job", "name", "x"), "operator responder administrator"},
		{"run", res("node", "environment", "prod"), "operator"}, {"run", res("node", "environment", "qa"), "operator responder"}, {"run", res("node"), "operator"},
		{"run", res("adhoc"), "operator"},
		{"decide", res("approval"), "approver"},
		{"create", res("resource", "kind", "job"), "administrator"}, {"update", res("job"), "administrator"},
		{"read", res("storage", "path", "project/demo/k"), "operator responder administrator"},
		{"read", res("storage", "path", "shared/k"), "operator responder administrator"},
		{"read", res("storage", "path", "root"), ""},
		{"update", res("storage", "path", "project/demo/k"), "administrator"},
	}
	for _, c := range tests {
		for role := range strings.FieldsSeq(all) {
			want := slices.Contains(strings.Fields(c.who), role)
			if got := f.allowed(person("ann", role), c.action, c.res); got != want {
				t.Errorf("%s %s %s %v: got %v, want %v", role, c.action, c.res.Type, c.res.Attrs, got, want)
			}
			other := c.res
			other.Project = "other"
			if f.allowed(person("ann", role), c.action, other) {
				t.Errorf("%s may %s %s in another project", role, c.action, c.res.Type)
			}
		}
	}
	if !f.access.Anywhere(f.ctx, f.db.Read(), person("ann", "operator"), "run", "adhoc") || f.access.Anywhere(f.ctx, f.db.Read(), person("ann", "observer"), "run", "adhoc") {
		t.Error("anywhere")
	}
}

const ok = "description: one\ncontext: {project: p}\nfor: {job: [{allow: run}]}\nby: {group: ops}\n"

func TestPutReportsEachDocument(t *testing.T) {
	f := open(t)
	root := person("root", "administrator")
	two := strings.Replace(ok, "one", "two", 1)
	results := func(text string) string {
		items, err := f.put(root, "p", "jobs", text)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, i := range items {
			out = append(out, i.Name+" "+i.Result)
		}
		return strings.Join(out, ", ")
	}
	for _, c := range []struct{ text, want string }{
		{ok, "one created"},
		{ok, "one unchanged"},
		{ok + "---\n" + two + "---\nwrong: 1\n", "one updated, two created, jobs dropped"},
		{ok + "---\n" + strings.Replace(two, "ops", "dba", 1), "one updated, two updated"},
		{ok + "---\n" + strings.Replace(two, "ops", "dba", 1), "one unchanged, two unchanged"},
	} {
		if got := results(c.text); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	p, err := f.access.Get(f.ctx, f.db.Read(), "p", "jobs")
	if err != nil || p.Version != 3 || p.UpdatedBy != root.ID || len(p.Problems) != 0 {
		t.Errorf("%+v, %v", p, err)
	}
	if got := f.kinds(); len(got) != 3 {
		t.Errorf("ledger: %v", got)
	}
	for _, bad := range []struct{ name, text string }{{"../x", ok}, {"", ok}, {"x", ""}, {"x", "wrong: 1"}, {"x", "# nothing"}} {
		if _, err := f.put(root, "p", bad.name, bad.text); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if !f.allowed(person("ann", "ops"), "run", access.Resource{Project: "p", Type: "job"}) {
		t.Error("the stored policy does not hold")
	}
	if err := f.access.Do(f.ctx, root, func(tx *db.Tx) error { return f.access.Delete(f.ctx, tx, root, "p", "jobs") }); err != nil {
		t.Fatal(err)
	}
	if f.allowed(person("ann", "ops"), "run", access.Resource{Project: "p", Type: "job"}) {
		t.Error("the deleted policy holds")
	}
}

func TestDenialIsRecorded(t *testing.T) {
	f := open(t)
	ann := person("ann", "operator")
	_, err := f.put(ann, "p", "jobs", ok)
	d, is := errors.AsType[*access.Denial](err)
	if !is || !fault.Is(err, fault.Denied) || fault.Message(err) != d.Decision.Text {
		t.Fatalf("%v", err)
	}
	if !slices.Equal(d.Decision.WhoCouldGrant, []string{"administrator"}) {
		t.Errorf("%+v", d.Decision)
	}
	rs, err := f.ledger.Events(f.ctx, f.db.Read(), ledger.Filter{})
	if err != nil || len(rs) != 1 || rs[0].Kind != "access.Denied" || rs[0].Outcome != "denied" || rs[0].ActorID != ann.ID || rs[0].Fields["action"] != "manage" {
		t.Fatalf("%+v, %v", rs, err)
	}
	if err := f.access.Check(f.ctx, f.db.Read(), actor.Actor{}, "read", access.Resource{Type: "office"}); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("nobody: %v", err)
	}
}

func TestBuiltInIsReplacedAndComesBack(t *testing.T) {
	f := open(t)
	root := person("root", "administrator")
	list, err := f.access.List(f.ctx, f.db.Read(), root, "")
	if err != nil || len(list) != 4 || !list[0].BuiltIn {
		t.Fatalf("%+v, %v", list, err)
	}
	mine := "description: only this\ncontext: {application: muster}\nfor: {policy: [{allow: manage}]}\nby: {group: administrator}\n"
	if _, err := f.put(root, "", "roles", mine); err != nil {
		t.Fatal(err)
	}
	if f.allowed(root, "manage", access.Resource{Type: "user"}) {
		t.Error("the built-in policy still holds")
	}
	// A change that locks its author out is refused whole.
	if _, err := f.put(root, "", "roles", strings.Replace(mine, "administrator", "other", 1)); !fault.Is(err, fault.Conflict) {
		t.Errorf("locked out: %v", err)
	}
	if !f.allowed(root, "manage", access.Resource{Type: "policy"}) {
		t.Error("locked out by a change that was refused")
	}
	if err := f.access.Do(f.ctx, root, func(tx *db.Tx) error { return f.access.Delete(f.ctx, tx, root, "", "roles") }); err != nil {
		t.Fatal(err)
	}
	if !f.allowed(root, "manage", access.Resource{Type: "user"}) {
		t.Error("the built-in policy did not come back")
	}
}

// Policies compiled inside a transaction that is rolled back must not be taken
// for those of a later one.
func TestRolledBackPolicyLeavesNoTrace(t *testing.T) {
	f := open(t)
	root, ops := person("root", "administrator"), person("ann", "ops")
	job := access.Resource{Project: "p", Type: "job"}
	stop := errors.New("stop")
	err := f.db.Do(f.ctx, func(tx *db.Tx) error {
		if _, err := f.access.Put(f.ctx, tx, root, "p", "jobs", ok); err != nil {
			return err
		}
		if !f.access.Allowed(f.ctx, tx, ops, "run", job) {
			t.Error("not visible in its own transaction")
		}
		return stop
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if f.allowed(ops, "run", job) {
		t.Error("a policy that was rolled back holds")
	}
	if _, err := f.put(root, "p", "jobs", strings.Replace(ok, "ops", "dba", 1)); err != nil {
		t.Fatal(err)
	}
	if f.allowed(ops, "run", job) || !f.allowed(person("bob", "dba"), "run", job) {
		t.Error("the wrong policy holds")
	}
}

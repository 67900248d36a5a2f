package doctor

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/approval"
	"muster/internal/backup"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/job"
	"muster/internal/ledger"
	"muster/internal/node"
)

// clock asks the kernel; what only a time server could tell is left to it.
func (e *examination) clock() {
	const remedy = "Run a time service: apt-get install chrony. In a container, on its host."
	switch lost, err := unsynchronised(); {
	case err != nil:
		e.ok("clock", "%s UTC; whether it is kept right cannot be asked here", e.Now.UTC().Format("2006-01-02 15:04:05"))
	case lost:
		e.add(Warn, "clock", remedy, "%s UTC; the kernel says that nothing keeps it right.", e.Now.UTC().Format("2006-01-02 15:04:05"))
	default:
		e.ok("clock", "%s UTC, kept right", e.Now.UTC().Format("2006-01-02 15:04:05"))
	}
}

// tail is how many records the quick look verifies.
const tail = 500

func (e *examination) ledger(ctx context.Context, q db.Querier) {
	const remedy = "Run muster ledger verify, and tell the auditors. Do not restore over it: it is evidence."
	pub, err := os.ReadFile(ledger.PublicKeyFile(e.LedgerKey))
	if err != nil {
		e.add(Fail, "ledger", "Restore it: it is the second line of ledger.key.", "Its public key cannot be read: %v.", err)
		return
	}
	look, what := func() (ledger.Report, error) { return ledger.VerifyTail(ctx, q, string(pub), tail) }, fmt.Sprintf("the newest %d verified; --deep verifies all", tail)
	if e.Deep {
		look, what = func() (ledger.Report, error) { return ledger.Verify(ctx, q, string(pub), "") }, "all verified"
	}
	rep, err := look()
	switch {
	case err != nil:
		e.add(Fail, "ledger", remedy, "It cannot be read: %v.", err)
		return
	case !rep.OK():
		e.add(Fail, "ledger", remedy, "NOT sound (findings: %d). The first: %s", len(rep.Problems), rep.Problems[0].Text)
		return
	}
	var newest int64
	if err := q.QueryRow(ctx, `SELECT COALESCE(MAX(at), 0) FROM ledger_event`).Scan(&newest); err == nil {
		if ahead := db.At(newest).Sub(e.Now); newest > 0 && ahead > 5*time.Second {
			e.add(Fail, "clock", "Set the clock right: times in the record now go backwards.", "The newest record is from %s, %s in the future.", db.At(newest).Format(time.RFC3339), ahead.Round(time.Second))
		}
	}
	e.ok("ledger", "%d records, %s", rep.Records, what)
}

// work is what stands still.
func (e *examination) work(ctx context.Context, q db.Querier) {
	count := func(query string, args ...any) (n int64) {
		if err := q.QueryRow(ctx, query, args...).Scan(&n); err != nil {
			e.add(Fail, "database", "", "It cannot be read: %v.", err)
		}
		return n
	}
	type failed struct {
		kind, last string
		n          int64
	}
	kinds, err := db.All(ctx, q, func(s db.Scanner) (f failed, err error) { return f, s.Scan(&f.kind, &f.n, &f.last) },
		`SELECT kind, COUNT(*), MAX(error) FROM task WHERE state = 'failed' GROUP BY kind ORDER BY kind`)
	if err != nil {
		e.add(Fail, "tasks", "", "They cannot be read: %v.", err)
	}
	for _, f := range kinds {
		e.add(Warn, "tasks", "The text says what failed; after mending it, do by hand what was missed. The note goes away after a week.", "%d of %s were given up, for example: %.200s", f.n, f.kind, f.last)
	}
	late := count(`SELECT COUNT(*) FROM task WHERE state = 'ready' AND run_at < $1`, db.Micro(e.Now.Add(-5*time.Minute)))
	if e.Running && late > 0 {
		e.add(Warn, "tasks", "Look at the server's log; raise runs.workers in muster.yaml if it is only much.", "%d are more than five minutes late.", late)
	} else if len(kinds) == 0 {
		e.ok("tasks", "none was given up")
	}

	stuck := len(e.out)
	if n := count(`SELECT COUNT(*) FROM run WHERE state = 'unknown'`); n > 0 {
		e.add(Warn, "runs", "Look at their nodes, then settle each in the app.", "%d have an outcome that is not known.", n)
	}
	if n := count(`SELECT COUNT(*) FROM run WHERE state = 'running' AND lease_until < $1`, db.Micro(e.Now.Add(-time.Minute))); n > 0 {
		e.add(Warn, "runs", "Start Muster: it settles them. If it runs, restart it.", "%d are running by the record, and no server is at them.", n)
	}
	if n := count(`SELECT COUNT(*) FROM run WHERE state = 'queued' AND queued_at < $1`, db.Micro(e.Now.Add(-10*time.Minute))); n > 0 {
		e.add(Warn, "runs", "Start Muster, or look at its log; raise runs.workers in muster.yaml if it is only much.", "%d have waited for a worker for more than ten minutes.", n)
	}
	if len(e.out) == stuck {
		e.ok("runs", "none is stuck")
	}
	if e.Deep {
		gone, err := backup.MissingFiles(ctx, q, filepath.Join(e.Data, "blobs"))
		switch {
		case err != nil:
			e.add(Fail, "logs", "", "Their files cannot be read: %v.", err)
		case len(gone) > 0:
			e.add(Fail, "logs", "Bring them back from a backup.", "%d files of logs are missing, such as %s.", len(gone), gone[0])
		default:
			e.ok("logs", "every file is there")
		}
	}
}

// active are the people who can do something.
func active(ctx context.Context, q db.Querier) ([]actor.Actor, error) {
	all, err := db.All(ctx, q, func(s db.Scanner) (a actor.Actor, err error) {
		err = s.Scan(&a.ID, &a.Name, &a.Kind)
		a.Groups = []string{access.Everyone}
		return a, err
	}, `SELECT id, name, kind FROM account WHERE NOT disabled ORDER BY name`)
	if err != nil {
		return nil, err
	}
	type role struct{ who, role string }
	roles, err := db.All(ctx, q, func(s db.Scanner) (r role, err error) { return r, s.Scan(&r.who, &r.role) }, `SELECT account, role FROM account_role`)
	if err != nil {
		return nil, err
	}
	for _, r := range roles {
		if i := slices.IndexFunc(all, func(a actor.Actor) bool { return a.ID == r.who }); i >= 0 {
			all[i].Groups = append(all[i].Groups, r.role)
		}
	}
	return all, nil
}

// people is whether those there are can do what has to be done.
func (e *examination) people(ctx context.Context, q db.Querier) {
	all, err := active(ctx, q)
	if err != nil {
		e.add(Fail, "people", "", "They cannot be read: %v.", err)
		return
	}
	if len(all) == 0 {
		e.add(Warn, "people", "Start Muster and open the link it prints: it makes the first administrator.", "Nobody has an account yet.")
		return
	}
	admins := 0
	for _, a := range all {
		if a.In(account.Administrator) && a.Kind == actor.Person {
			admins++
		}
	}
	switch admins {
	case 0:
		e.add(Fail, "people", "muster user add NAME --role administrator --data DIR, while Muster runs.", "Nobody who can sign in is an administrator.")
	case 1:
		e.add(Warn, "people", "Make a second one, for when the first is away.", "One person is an administrator.")
	default:
		e.ok("people", "%d can sign in, %d are administrators", len(all), admins)
	}

	rules := access.New(nil, nil, clock.Real{}, slog.New(slog.DiscardHandler))
	judges := make([]access.Judge, len(all))
	for i, a := range all {
		if judges[i], err = rules.Judge(ctx, q, a); err != nil {
			e.add(Fail, "policies", "", "They cannot be read: %v.", err)
			return
		}
	}
	somebody := func(action string, r access.Resource) bool {
		return slices.ContainsFunc(judges, func(j access.Judge) bool { return j.Allowed(action, r) })
	}
	e.policies(ctx, q, somebody)
	e.approvals(ctx, q, all, rules)
	e.oncall(ctx, q, rules)
}

// policies finds what nobody may do.
func (e *examination) policies(ctx context.Context, q db.Querier, somebody func(string, access.Resource) bool) {
	before := len(e.out)
	stored, err := db.All(ctx, q, func(s db.Scanner) (p access.Policy, err error) { return p, s.Scan(&p.Project, &p.Name, &p.Text) }, `SELECT project, name, body FROM policy ORDER BY project, name`)
	if err != nil {
		e.add(Fail, "policies", "", "They cannot be read: %v.", err)
		return
	}
	for _, p := range stored {
		if _, wrong := access.Parse(p.Project, p.Name, []byte(p.Text)); len(wrong) > 0 {
			e.add(Warn, "policies", "Mend it and import it again: muster policy import FILE", "A part of one is not in force. %s", wrong[0])
		}
	}
	open := map[string]string{"private": "false", "member": "true", "restricted": "false", "kind": "team"}
	for _, need := range []struct {
		action, typ, words string
		level              Level
	}{
		{"manage", "policy", "change policies", Fail},
		{"allow_raw", "project", "let a project's jobs use raw values (a policy that replaced \"roles\" before there was this action lacks allow_raw on project)", Warn},
		{"read", "room", "read an open room", Warn},
		{"post", "room", "post in an open room", Warn},
		{"read", "incident", "read an open incident", Warn},
	} {
		if !somebody(need.action, access.Resource{Type: need.typ, Attrs: open, Name: "any"}) {
			e.add(need.level, "policies", "A deny beats every allow: look for one that is too wide. On this machine: muster policy import FILE --office --data DIR", "Nobody who can sign in may %s.", need.words)
		}
	}
	type row struct{ project, group, name, uuid string }
	jobs, err := db.All(ctx, q, func(s db.Scanner) (r row, err error) { return r, s.Scan(&r.project, &r.group, &r.name, &r.uuid) },
		`SELECT project, grp, name, uuid FROM job WHERE deleted_at = 0 ORDER BY project, grp, name LIMIT 500`)
	if err != nil {
		e.add(Fail, "policies", "", "Jobs cannot be read: %v.", err)
	}
	locked := map[string][]string{}
	for _, j := range jobs {
		if !somebody("run", job.Resource(j.project, j.group, j.name, j.uuid)) {
			locked[j.project] = append(locked[j.project], job.FullName(j.group, j.name))
		}
	}
	for project, names := range locked {
		e.add(Warn, "policies", "Allow run on them in the project's policy, or give somebody the role it names.", "In project %s nobody may run %d of its jobs, such as %s.", project, len(names), names[0])
	}
	if len(e.out) == before {
		e.ok("policies", "all in force; nothing essential is denied to everybody")
	}
}

// approvals finds rules and questions that have too few people.
func (e *examination) approvals(ctx context.Context, q db.Querier, all []actor.Actor, rules *access.Access) {
	before := len(e.out)
	store := approval.New(rules, nil, clock.Real{}, nil)
	projects, err := db.All(ctx, q, db.Strings, `SELECT name FROM project ORDER BY name`)
	if err != nil {
		e.add(Fail, "approvals", "", "Projects cannot be read: %v.", err)
		return
	}
	for _, p := range projects {
		rs, err := store.Rules(ctx, q, p)
		if err != nil {
			e.add(Fail, "approvals", "Mend them and import them again: muster approvals import FILE", "%v.", err)
			continue
		}
		for _, r := range rs {
			have := 0
			for _, a := range all {
				if a.Kind == actor.Person && slices.ContainsFunc(r.Groups, a.In) {
					have++
				}
			}
			name := r.Description
			if name == "" {
				name = fmt.Sprintf("line %d", r.Line())
			}
			switch groups := strings.Join(r.Groups, " or "); {
			case have < r.Need:
				e.add(Warn, "approvals", "Give the role to more people, or change the rule.", "Project %s, %q: it needs %d of %s, and there are %d. What it holds for can never run.", p, name, r.Need, groups, have)
			case have == r.Need:
				e.add(Warn, "approvals", "Give the role to one more person.", "Project %s, %q: it needs %d of %s, and there are just as many: none of them can have their own runs approved.", p, name, r.Need, groups)
			}
		}
	}
	asked, err := db.All(ctx, q, db.Strings, `SELECT id FROM approval WHERE state = 'asked' AND expires_at > $1`, db.Micro(e.Now))
	if err != nil {
		e.add(Fail, "approvals", "", "They cannot be read: %v.", err)
	}
	for _, id := range asked {
		a, err := store.Get(ctx, q, id)
		if err != nil {
			e.add(Fail, "approvals", "", "They cannot be read: %v.", err)
			return
		}
		could := slices.Clone(a.Votes)
		for _, p := range all {
			if store.May(ctx, q, p, a) == nil {
				could = append(could, approval.Vote{UserID: p.ID, Groups: p.Groups, Decision: approval.Approve})
			}
		}
		if !approval.Satisfied(a.Needs, could) {
			e.add(Warn, "approvals", "Give somebody else the role, or ask for the run as another person.", "%q waits for an approval that nobody, or not enough people, can give.", a.Summary)
		}
	}
	if len(e.out) == before {
		e.ok("approvals", "every rule has people who can say yes")
	}
}

// nodes finds machines on which every step would be refused.
func (e *examination) nodes(ctx context.Context, q db.Querier) {
	projects, err := db.All(ctx, q, db.Strings, `SELECT DISTINCT project FROM node ORDER BY project`)
	if err != nil {
		e.add(Fail, "nodes", "", "They cannot be read: %v.", err)
		return
	}
	store, bare, all := node.New(nil, nil, nil, nil), []string{}, 0
	for _, p := range projects {
		ns, err := store.All(ctx, q, p)
		if err != nil {
			e.add(Fail, "nodes", "", "%v.", err)
			return
		}
		all += len(ns)
		for _, n := range ns {
			if n.Executor() == "ssh" && strings.TrimSpace(n.Attrs[node.AttrHostKey]) == "" {
				bare = append(bare, p+"/"+n.Name)
			}
		}
	}
	if len(bare) > 0 {
		e.add(Warn, "nodes", "Give each its ssh-host-key (the content of /etc/ssh/ssh_host_ed25519_key.pub on it) in the node list and import it again.", "%d of %d have no host key, so steps on them are refused: %s.", len(bare), all, strings.Join(bare[:min(len(bare), 3)], ", "))
		return
	}
	e.ok("nodes", "%d, each with what it takes to be sure of it", all)
}

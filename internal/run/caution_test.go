package run_test

import (
	"strings"
	"testing"
	"time"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/approval"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/run"
	"muster/internal/run/runtest"
)

// An administrator who can make an account, reset a password, change roles or
// lend a token could be both sides of an approval. For a while, those they had
// a hand in do not decide.
func TestOnePersonIsNotBothSides(t *testing.T) {
	c := clock.NewTest(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	o := runtest.New(t, runtest.Options{Clock: c, NoStart: true})
	o.Approvals.Beware(approval.Caution{CoolDown: 24 * time.Hour})
	// An administrator who may do everything else, too.
	root := o.Admin
	root.Groups = append(root.Groups, account.Operator, account.Approver)
	other := o.Obs
	other.Groups = append(other.Groups, account.Administrator)
	id := o.Import(pay)
	hash, err := o.Accounts.Hash(o.Ctx, "four words in a row")
	if err != nil {
		t.Fatal(err)
	}
	reset := func(by actor.Actor, of actor.Actor) {
		t.Helper()
		o.Do(by, func(tx *db.Tx) error { return o.Accounts.ResetPassword(o.Ctx, tx, by, of.ID, hash) })
	}
	roles := func(by, of actor.Actor, to ...string) {
		t.Helper()
		o.Do(by, func(tx *db.Tx) error {
			_, err := o.Accounts.Update(o.Ctx, tx, by, of.ID, account.Change{Roles: &to})
			return err
		})
	}
	made := func(by actor.Actor, name, role string) (out actor.Actor) {
		t.Helper()
		o.Do(by, func(tx *db.Tx) error {
			u, err := o.Accounts.Create(o.Ctx, tx, by, account.NewUser{Name: name, Display: name, Roles: []string{role}})
			out = u.Actor()
			return err
		})
		return out
	}
	// may asks as one person and lets another decide.
	may := func(asks, decides actor.Actor, want bool, why string) {
		t.Helper()
		r := o.Run(asks, run.Request{JobID: id, Options: map[string][]string{"service": {"payments-api"}, "token": {"x"}}})
		_, err := o.Approve(decides, r)
		if want && err != nil {
			t.Errorf("%s on a request of %s: %v", decides.Name, asks.Name, err)
		}
		if !want && (!fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), why)) {
			t.Errorf("%s on a request of %s: %v, want a refusal with %q", decides.Name, asks.Name, err, why)
		}
	}

	may(o.Op, o.App, true, "")
	may(root, o.App, true, "")

	// Whose password I reset does not decide for me, nor I for them; others still may.
	reset(root, o.App)
	may(root, o.App, false, "the password was reset), so you cannot decide on what they ask for before 2026-11-23 12:00 UTC. Ask somebody else from approver")
	may(o.Op, o.App, true, "")
	may(root, o.App2, true, "")
	reset(root, o.Op2)
	may(o.Op2, root, false, "You had a hand in the account")
	// Nor do two of them for each other.
	may(o.Op2, o.App, false, "The same person had a hand in your account")
	may(o.Op2, o.App2, true, "")

	// Not for ever.
	c.Advance(24*time.Hour - time.Second)
	may(root, o.App, false, "")
	c.Advance(time.Second)
	may(root, o.App, true, "")
	may(o.Op2, o.App, true, "")

	// Roles and new accounts in the same way; one's own do not count.
	roles(root, o.App2, account.Approver, account.Responder)
	may(root, o.App2, false, "the roles were changed")
	may(o.Op, o.App2, true, "")
	dave, mia := made(root, "dave", account.Operator), made(root, "mia", account.Approver)
	may(root, mia, false, "the account was made")
	may(dave, root, false, "the account was made")
	may(dave, mia, true, "") // an office's first day
	o.Do(o.App, func(tx *db.Tx) error {
		_, _, err := o.Accounts.CreateToken(o.Ctx, tx, o.App, o.App.ID, "own", 1)
		return err
	})
	may(o.Op, o.App, true, "")
	reset(other, o.Op)
	reset(other, o.App)
	may(o.Op, o.App, false, "The same person")

	// An administrator's token in another's hands counts as both.
	c.Advance(25 * time.Hour)
	lent := root
	lent.LentBy = o.Op.ID
	reset(lent, o.App)
	may(root, o.App, false, "")
	may(o.Op, o.App, false, "")

	// A careful office lets no newcomer decide.
	c.Advance(25 * time.Hour)
	o.Approvals.Beware(approval.Caution{CoolDown: time.Hour, Newcomer: 72 * time.Hour})
	late := made(o.Admin, "late", account.Approver)
	may(o.Op, late, false, "Your account is new and decides on nothing before")
	c.Advance(72 * time.Hour)
	may(o.Op, late, true, "")

	// It is not told to people who could not decide anyway.
	reset(root, o.App)
	r := o.Run(root, run.Request{JobID: id, Options: map[string][]string{"service": {"payments-api"}, "token": {"x"}}})
	as, err := o.Approvals.Pending(o.Ctx, o.DB.Read(), o.App)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range as {
		if a.ID == r.ApprovalID {
			t.Error("it stands among what waits for somebody who cannot decide")
		}
	}
}

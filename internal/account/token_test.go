package account_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
)

// A token never makes what outlives it, neither its time nor its revocation.
func TestTokenMakesNothingThatOutlivesIt(t *testing.T) {
	f := open(t)
	ann := f.user("ann").Actor()
	create := func(who actor.Actor, days int) (plain string, tok account.Session, err error) {
		err = f.do(who, func(tx *db.Tx) error {
			plain, tok, err = f.acc.CreateToken(f.ctx, tx, who, ann.ID, "ci", days)
			return err
		})
		return plain, tok, err
	}
	plain, first, err := create(ann, 1)
	f.ok(err)
	by, err := f.who(plain)
	f.ok(err)
	if _, _, err := create(by, 2); fault.FieldsOf(err) == nil || fault.FieldsOf(err)[0].Field != "expires_in_days" {
		t.Errorf("it outlives its maker: %v", err)
	}
	second, tok, err := create(by, 0)
	f.ok(err)
	if tok.ExpiresAt.IsZero() || tok.ExpiresAt.After(first.ExpiresAt) {
		t.Errorf("made without an end by one that ends at %v: %v", first.ExpiresAt, tok.ExpiresAt)
	}
	by, err = f.who(second)
	f.ok(err)
	third, _, err := create(by, 0)
	f.ok(err)
	var ended []string
	f.acc.OnTokenEnded(func(_ context.Context, _ *db.Tx, _ actor.Actor, id string) error {
		ended = append(ended, id)
		return nil
	})
	f.ok(f.do(ann, func(tx *db.Tx) error { ended = nil; return f.acc.RevokeToken(f.ctx, tx, ann, first.ID) }))
	for _, secret := range []string{plain, second, third} {
		if _, err := f.who(secret); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("it outlived the revocation of what made it: %v", err)
		}
	}
	if len(ended) != 3 {
		t.Errorf("told of the end of %v", ended)
	}
}

// A changed password ends what an intruder who knew the old one minted.
func TestChangedPasswordEndsTokens(t *testing.T) {
	f := open(t)
	f.user("ann")
	in, err := f.login("ann", password)
	f.ok(err)
	mint := func() (plain string) {
		f.ok(f.do(in.Who, func(tx *db.Tx) (err error) {
			plain, _, err = f.acc.CreateToken(f.ctx, tx, in.Who, in.User.ID, "ci", 0)
			return err
		}))
		return plain
	}
	kept, next := mint(), "quite another phrase"
	f.ok(f.acc.ChangePassword(f.ctx, in.Who, password, next, "", true))
	if _, err := f.who(kept); err != nil {
		t.Errorf("asked to keep it: %v", err)
	}
	f.ok(f.acc.ChangePassword(f.ctx, in.Who, next, password, "", false))
	if _, err := f.who(kept); err == nil {
		t.Error("a token outlived the password")
	}
	if _, err := f.who(in.Secret); err != nil {
		t.Errorf("the own session ended: %v", err)
	}
}

// What lasts asks for the password, unless it was just given.
func TestFresh(t *testing.T) {
	f := open(t)
	f.user("ann")
	in, err := f.login("ann", password)
	f.ok(err)
	f.ok(f.acc.Fresh(f.ctx, in.Who, "", ""))
	f.clock.Advance(account.ProvedFor)
	for given, ok := range map[string]bool{"": false, "wrong wrong wrong": false, password: true} {
		if err := f.acc.Fresh(f.ctx, in.Who, given, ""); (err == nil) != ok || !ok && (fault.FieldsOf(err) == nil || fault.FieldsOf(err)[0].Field != "password") {
			t.Errorf("%q: %v", given, err)
		}
	}
}

// Every record says by which sign-in or token, whose, and from where; an act by
// a lent token tells the person on the first use of each day.
func TestRecordNamesTheHand(t *testing.T) {
	f := open(t)
	root, ann := f.user("root", account.Administrator), f.user("ann")
	var told []string
	f.acc.Telling(func(_ context.Context, _ *db.Tx, person, title, _, _, key string) error {
		if person == ann.ID && !slices.Contains(told, key+"|"+title) {
			told = append(told, key+"|"+title)
		}
		return nil
	})
	console := actor.Actor{ID: "system:console", Name: "console", Display: "Console", Kind: actor.SystemOf, Groups: []string{account.Administrator}}
	var plain string
	var tok account.Session
	f.ok(f.do(console, func(tx *db.Tx) (err error) {
		plain, tok, err = f.acc.CreateToken(f.ctx, tx, console, ann.ID, "lent", 0)
		return err
	}))
	if len(told) != 1 || !strings.Contains(told[0], "Console made an API token in your name") {
		t.Errorf("told of the token: %q", told)
	}
	f.ok(f.db.Do(f.ctx, func(tx *db.Tx) error { // as lent before that was refused
		_, err := tx.Exec(f.ctx, `UPDATE account_token SET made_by = $2 WHERE id = $1`, tok.ID, root.ID)
		return err
	}))
	last := func() ledger.Record {
		rs, err := f.ledger.Events(f.ctx, f.db.Read(), ledger.Filter{Newest: true, Limit: 1})
		f.ok(err)
		return rs[0]
	}
	describe := func(who actor.Actor, team string) {
		ctx := actor.Carry(f.ctx, actor.Actor{Address: "192.0.2.7"})
		f.ok(f.do(who, func(tx *db.Tx) error { _, err := f.acc.Describe(ctx, tx, who, nil, &team, nil); return err }))
	}
	for day := range 2 {
		for range 2 {
			who, se, err := f.acc.Authenticate(f.ctx, f.db.Read(), plain)
			f.ok(err)
			f.ok(f.acc.Touch(f.ctx, se))
			describe(who, "team "+time.Duration(f.clock.Now().UnixNano()).String())
			if r := last(); r.ActorID != ann.ID || r.Via != root.ID || r.ViaName != root.Display || r.Token != tok.ID || r.Session != "" || r.Address != "192.0.2.7" {
				t.Errorf("%+v", r.Body)
			}
			f.clock.Advance(time.Hour)
		}
		if len(told) != 2+day {
			t.Errorf("day %d: told %q", day, told)
		}
		f.clock.Advance(24 * time.Hour)
	}
	in, err := f.login("ann", password)
	f.ok(err)
	describe(in.Who, "own")
	if r := last(); r.Session != in.Session.ID || r.Token+r.Via != "" {
		t.Errorf("%+v", r.Body)
	}
	// What the system does while it serves somebody is by their hand.
	sys := actor.System("login")
	f.ok(f.db.Do(f.ctx, func(tx *db.Tx) error {
		return f.ledger.Append(actor.Carry(f.ctx, in.Who), tx, sys, ledger.About{Resource: "x"}, account.Unlocked{User: ann.ID})
	}))
	if r := last(); r.ActorID != sys.ID || r.Session != in.Session.ID {
		t.Errorf("%+v", r.Body)
	}
}

// Whether a login and an address are one person's is not told by a lock: wrong
// passwords for both count together, and the answer is the same as for strangers.
func TestLockTellsNoPair(t *testing.T) {
	f := open(t)
	f.user("ann")
	five := func(name string) (last error) {
		for range account.MaxFailures / 2 {
			f.clock.Advance(20 * time.Second)
			_, last = f.login(name, "wrong wrong wrong")
		}
		return last
	}
	var answers []string
	for _, pair := range [][2]string{{"ann", "ann@example.com"}, {"nobody", "nobody@example.com"}} {
		for _, name := range pair {
			if err := five(name); !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err := f.login(pair[0], password)
		answers = append(answers, err.Error())
	}
	if answers[0] != answers[1] {
		t.Errorf("known %q, unknown %q", answers[0], answers[1])
	}
	f.clock.Advance(account.LockTime)
	if _, err := f.login("ann", password); err != nil {
		t.Errorf("after the lock: %v", err)
	}
}

// How long a sign-in lasts without use is a setting; an open page is use.
func TestIdle(t *testing.T) {
	f := open(t)
	f.user("ann")
	f.acc.IdleAfter(15 * time.Minute)
	in, err := f.login("ann", password)
	f.ok(err)
	for range 5 {
		f.clock.Advance(14 * time.Minute)
		f.ok(f.acc.Open(f.ctx, in.Session.ID))
		if _, err := f.who(in.Secret); err != nil {
			t.Fatal("it ended though the page was open")
		}
	}
	f.clock.Advance(15 * time.Minute)
	if _, err := f.who(in.Secret); err == nil {
		t.Error("it lives without use")
	}
}

// A password that is little more than the office's name is the first to be tried.
func TestOfficesNameIsNoPassword(t *testing.T) {
	f := open(t)
	root := f.user("root", account.Administrator).Actor()
	f.ok(f.do(root, func(tx *db.Tx) error { return f.acc.NameOffice(f.ctx, tx, root, "North Bank") }))
	for pw, ok := range map[string]bool{"northbank2026": false, "North-Bank!2026": false, "Bank north 12345": false, "n0rthb4nk-2026!": false, "northbank staple battery": true, "four words in a row": true} {
		if _, err := f.acc.Hash(f.ctx, pw); (err == nil) != ok {
			t.Errorf("%q: %v", pw, err)
		}
	}
}

// One person makes so many tokens an hour, on every server together.
func TestTokensAreBounded(t *testing.T) {
	f := open(t)
	ann := f.user("ann").Actor()
	var err error
	for n := 0; n < 120 && err == nil; n++ {
		err = f.do(ann, func(tx *db.Tx) error {
			_, tok, err := f.acc.CreateToken(f.ctx, tx, ann, ann.ID, "x", 1)
			if err == nil && n < 119 {
				err = f.acc.RevokeToken(f.ctx, tx, ann, tok.ID)
			}
			return err
		})
	}
	if !fault.Is(err, fault.RateLimited) || !strings.Contains(err.Error(), "Try again in 60 minutes") {
		t.Error(err)
	}
	f.clock.Advance(time.Hour)
	f.ok(f.do(ann, func(tx *db.Tx) error { _, _, err := f.acc.CreateToken(f.ctx, tx, ann, ann.ID, "x", 1); return err }))
}

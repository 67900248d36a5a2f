package account_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/fault"
	"muster/internal/ledger"
)

type fixture struct {
	*testing.T
	ctx    context.Context
	db     *db.DB
	clock  *clock.Test
	access *access.Access
	ledger *ledger.Ledger
	acc    *account.Store

	mu    sync.Mutex
	ended []string // sessions whose end was published
}

const password = "four words in a row"

func open(t *testing.T) *fixture {
	keys, _, err := ledger.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{T: t, ctx: t.Context(), db: dbtest.Open(t), clock: clock.NewTest(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))}
	b := bus.NewMemory()
	b.Subscribe(func(topic string, payload any) {
		if e, ok := payload.(account.SessionEnded); ok && topic == account.SessionTopic {
			f.mu.Lock()
			f.ended = append(f.ended, e.SessionID)
			f.mu.Unlock()
		}
	})
	f.ledger = ledger.New(f.clock, b, keys)
	f.access = access.New(f.db, f.ledger, f.clock, slog.New(slog.DiscardHandler))
	f.acc = account.New(f.db, f.access, f.ledger, b, f.clock)
	return f
}

var system = actor.System("test")

func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) do(who actor.Actor, fn func(tx *db.Tx) error) error {
	return f.access.Do(f.ctx, who, fn)
}

// user makes one whose password is the usual one.
func (f *fixture) user(name string, roles ...string) account.User {
	f.Helper()
	h, err := f.acc.Hash(f.ctx, password, name)
	f.ok(err)
	var u account.User
	f.ok(f.do(system, func(tx *db.Tx) error {
		u, err = f.acc.Create(f.ctx, tx, system, account.NewUser{Name: name, Display: strings.ToUpper(name[:1]) + name[1:] + " Example", Email: name + "@example.com", Roles: roles, Password: h})
		return err
	}))
	return u
}

func (f *fixture) login(name, pw string) (account.SignedIn, error) {
	return f.acc.Login(f.ctx, account.Login{Name: name, Password: pw, Address: "192.0.2.1", Agent: "test", Door: "web"})
}

func (f *fixture) who(secret string) (actor.Actor, error) {
	a, _, err := f.acc.Authenticate(f.ctx, f.db.Read(), secret)
	return a, err
}

func (f *fixture) kinds() []string {
	rs, err := f.ledger.Events(f.ctx, f.db.Read(), ledger.Filter{})
	f.ok(err)
	out := []string{}
	for _, r := range rs {
		out = append(out, strings.TrimPrefix(r.Kind, "account."))
	}
	return out
}

func TestLoginAndSession(t *testing.T) {
	f := open(t)
	ann := f.user("ann", account.Operator, account.Responder)
	for _, name := range []string{"ann", " Ann ", "ann@example.com"} {
		if _, err := f.login(name, password); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	in, err := f.login("ann", password)
	f.ok(err)
	who, se, err := f.acc.Authenticate(f.ctx, f.db.Read(), in.Secret)
	f.ok(err)
	if who.ID != ann.ID || who.Session != se.ID || !who.In("operator") || !who.In("everyone") || who.Kind != actor.Person {
		t.Errorf("%+v", who)
	}
	if se.CSRF == "" || se.CSRF != in.Session.CSRF || strings.Contains(in.Secret, se.CSRF) {
		t.Errorf("csrf %q", se.CSRF)
	}
	for _, bad := range []struct{ name, pw string }{{"ann", "wrong wrong wrong"}, {"nobody", password}, {"", ""}, {"ann", ""}, {"ann", strings.Repeat("x", 100_000)}} {
		if _, err := f.login(bad.name, bad.pw); !fault.Is(err, fault.Unauthenticated) || fault.Message(err) != "The name or the password is wrong." {
			t.Errorf("%s: %v", bad.name, err)
		}
	}
	for _, bad := range []string{"", "x", in.Session.ID, account.TokenPrefix + in.Secret} {
		if _, err := f.who(bad); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	ss, err := f.acc.Sessions(f.ctx, f.db.Read(), who)
	if err != nil || len(ss) != 4 || ss[0].Address != "192.0.2.1" {
		t.Errorf("%+v, %v", ss, err)
	}
	// Somebody else's session cannot be ended.
	bob := f.user("bob").Actor()
	if err := f.do(bob, func(tx *db.Tx) error { return f.acc.EndSession(f.ctx, tx, bob, se.ID) }); !fault.Is(err, fault.NotFound) {
		t.Errorf("foreign session: %v", err)
	}
	f.ok(f.do(who, func(tx *db.Tx) error { return f.acc.EndSession(f.ctx, tx, who, se.ID) }))
	if _, err := f.who(in.Secret); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("after signing out: %v", err)
	}
	if !slices.Equal(f.ended, []string{se.ID}) {
		t.Errorf("published %v", f.ended)
	}
	if k := f.kinds(); k[len(k)-1] != "LoggedOut" || !slices.Contains(k, "LoggedIn") || !slices.Contains(k, "LoginFailed") {
		t.Errorf("ledger %v", k)
	}
}

func TestSessionEndsByItself(t *testing.T) {
	f := open(t)
	f.user("ann")
	in, err := f.login("ann", password)
	f.ok(err)
	live := func() bool {
		_, se, err := f.acc.Authenticate(f.ctx, f.db.Read(), in.Secret)
		if err == nil {
			f.ok(f.acc.Touch(f.ctx, se))
		}
		return err == nil
	}
	for range 13 { // used every 11 hours it lives on
		f.clock.Advance(11 * time.Hour)
		if !live() {
			t.Fatal("ended in spite of being used")
		}
	}
	for f.clock.Advance(11 * time.Hour); live(); f.clock.Advance(11 * time.Hour) {
		if f.clock.Now().Sub(in.Session.CreatedAt) > account.Absolute {
			t.Fatal("lives beyond its absolute end")
		}
	}
	in, err = f.login("ann", password)
	f.ok(err)
	f.clock.Advance(account.Idle - time.Second)
	if _, err := f.who(in.Secret); err != nil {
		t.Error("ended too early")
	}
	f.clock.Advance(time.Second)
	if _, err := f.who(in.Secret); err == nil {
		t.Error("idle session lives")
	}
	var n int
	f.ok(f.db.Read().QueryRow(f.ctx, `SELECT count(*) FROM account_session`).Scan(&n))
	if n != 1 {
		t.Errorf("%d rows of ended sessions are kept", n)
	}
}

// An answer does not tell whether the name exists, neither before nor after the lock.
func TestLockout(t *testing.T) {
	f := open(t)
	f.user("ann")
	for _, name := range []string{"ann", "nobody"} {
		for i := range account.MaxFailures {
			f.clock.Advance(20 * time.Second) // slower than the limit per name
			if _, err := f.login(name, "wrong wrong wrong"); !fault.Is(err, fault.Unauthenticated) {
				t.Fatalf("%s: try %d: %v", name, i, err)
			}
		}
		if _, err := f.login(name, password); !fault.Is(err, fault.RateLimited) || !strings.Contains(err.Error(), "30 minutes") {
			t.Errorf("%s is not locked: %v", name, err)
		}
		f.clock.Advance(account.LockTime)
		if _, err := f.login(name, password); (err == nil) != (name == "ann") || fault.Is(err, fault.RateLimited) {
			t.Errorf("%s after the lock: %v", name, err)
		}
	}
	locks := slices.DeleteFunc(f.kinds(), func(s string) bool { return s != "LockedOut" })
	if len(locks) != 1 {
		t.Errorf("%d locks in the ledger", len(locks))
	}
}

func TestLockDoublesAndIsLifted(t *testing.T) {
	f := open(t)
	root, ann := f.user("root", account.Administrator).Actor(), f.user("ann")
	lock := func() time.Duration {
		for range account.MaxFailures {
			f.clock.Advance(15 * time.Second)
			if _, err := f.login("ann", "wrong wrong wrong"); !fault.Is(err, fault.Unauthenticated) {
				t.Fatal(err)
			}
		}
		start := f.clock.Now()
		for {
			f.clock.Advance(time.Minute)
			_, err := f.login("ann", "wrong wrong wrong")
			if fault.Is(err, fault.Unauthenticated) {
				return f.clock.Now().Sub(start)
			}
		}
	}
	if d := lock(); d != 30*time.Minute {
		t.Errorf("first lock %v", d)
	}
	// The try that ended the measurement counted as the first of nine more.
	for range account.MaxFailures - 1 {
		f.clock.Advance(15 * time.Second)
		_, _ = f.login("ann", "wrong wrong wrong")
	}
	f.clock.Advance(59 * time.Minute)
	if _, err := f.login("ann", password); !fault.Is(err, fault.RateLimited) {
		t.Errorf("the second lock is not twice as long: %v", err)
	}
	f.ok(f.do(root, func(tx *db.Tx) error { return f.acc.Unlock(f.ctx, tx, root, ann.ID) }))
	if _, err := f.login("ann", password); err != nil {
		t.Errorf("unlocked: %v", err)
	}
}

// A flood of guesses at once gets no more tries than the limit allows.
func TestConcurrentGuesses(t *testing.T) {
	f := open(t)
	f.user("ann")
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[fault.Kind]int{}
	for i := range 40 {
		wg.Go(func() {
			_, err := f.login("ann", fmt.Sprintf("guess number %d", i))
			mu.Lock()
			got[fault.KindOf(err)]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if got[fault.Unauthenticated] > 20 || got[fault.Unauthenticated]+got[fault.RateLimited] != 40 {
		t.Errorf("%v", got)
	}
	if _, err := f.login("ann", password); !fault.Is(err, fault.RateLimited) {
		t.Errorf("not locked afterwards: %v", err)
	}
}

func TestAddressLimit(t *testing.T) {
	f := open(t)
	limited := 0
	for i := range 70 {
		_, err := f.acc.Login(f.ctx, account.Login{Name: fmt.Sprint("someone", i), Password: "x", Address: fmt.Sprintf("2001:db8::%x", i)})
		if fault.Is(err, fault.RateLimited) {
			limited++
		}
	}
	if limited != 10 {
		t.Errorf("%d of 70 tries from one network were refused, want 10", limited)
	}
}

func TestDisableEndsEverything(t *testing.T) {
	f := open(t)
	root, ann := f.user("root", account.Administrator).Actor(), f.user("ann", account.Operator)
	in, err := f.login("ann", password)
	f.ok(err)
	var token string
	f.ok(f.do(in.Who, func(tx *db.Tx) (err error) {
		token, _, err = f.acc.CreateToken(f.ctx, tx, in.Who, ann.ID, "ci", 30)
		return err
	}))
	if who, err := f.who(token); err != nil || who.ID != ann.ID || !strings.HasPrefix(token, "mst_") {
		t.Fatalf("%v %v", who, err)
	}
	yes, no := true, false
	update := func(who actor.Actor, id string, c account.Change) error {
		return f.do(who, func(tx *db.Tx) error { _, err := f.acc.Update(f.ctx, tx, who, id, c); return err })
	}
	if err := update(in.Who, ann.ID, account.Change{Roles: &[]string{account.Administrator}}); !fault.Is(err, fault.Denied) {
		t.Errorf("made herself administrator: %v", err)
	}
	f.ok(update(root, ann.ID, account.Change{Disabled: &yes}))
	for _, secret := range []string{in.Secret, token} {
		if _, err := f.who(secret); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("still in: %v", err)
		}
	}
	if len(f.ended) != 2 {
		t.Errorf("published %v", f.ended)
	}
	if _, err := f.login("ann", password); fault.Message(err) != "The name or the password is wrong." {
		t.Errorf("disabled: %v", err)
	}
	if _, err := f.acc.ActorOf(f.ctx, f.db.Read(), ann.ID); !fault.Is(err, fault.Denied) {
		t.Errorf("acts though disabled: %v", err)
	}
	f.ok(update(root, ann.ID, account.Change{Disabled: &no}))
	if _, err := f.who(in.Secret); err == nil {
		t.Error("an ended session came back")
	}
	// The office keeps an administrator.
	for _, c := range []account.Change{{Disabled: &yes}, {Roles: &[]string{}}} {
		if err := update(root, root.ID, c); !fault.Is(err, fault.Conflict) {
			t.Errorf("the last administrator went: %v", err)
		}
	}
	f.ok(update(root, ann.ID, account.Change{Roles: &[]string{account.Administrator}}))
	f.ok(update(root, root.ID, account.Change{Roles: &[]string{}}))
	if k := f.kinds(); !slices.Contains(k, "AccessRevoked") || !slices.Contains(k, "RolesChanged") || !slices.Contains(k, "Changed") || !slices.Contains(k, "access.Denied") {
		t.Errorf("ledger %v", k)
	}
}

func TestTokens(t *testing.T) {
	f := open(t)
	root, ann := f.user("root", account.Administrator).Actor(), f.user("ann").Actor()
	create := func(who actor.Actor, forUser string, days int) (plain string, tok account.Session, err error) {
		err = f.do(who, func(tx *db.Tx) error {
			plain, tok, err = f.acc.CreateToken(f.ctx, tx, who, forUser, "ci", days)
			return err
		})
		return plain, tok, err
	}
	plain, tok, err := create(ann, ann.ID, 1)
	f.ok(err)
	if _, _, err := create(ann, root.ID, 1); !fault.Is(err, fault.Denied) {
		t.Errorf("token for somebody else: %v", err)
	}
	if _, _, err := create(ann, ann.ID, -1); !fault.Is(err, fault.Invalid) {
		t.Errorf("negative days: %v", err)
	}
	if _, _, err := create(root, ann.ID, 0); !fault.Is(err, fault.Denied) || !strings.Contains(err.Error(), "themselves") {
		t.Errorf("an administrator made a token for a person: %v", err)
	}
	var bot account.User
	f.ok(f.do(root, func(tx *db.Tx) (err error) {
		bot, err = f.acc.Create(f.ctx, tx, root, account.NewUser{Name: "deployer", Display: "Deployer", Kind: actor.Bot})
		return err
	}))
	if _, _, err := create(root, bot.ID, 0); err != nil {
		t.Errorf("an administrator makes no token for a bot: %v", err)
	}
	// The machine's administrator may: it is the way in when all others are shut.
	console := actor.Actor{ID: "system:console", Name: "console", Display: "Console", Kind: actor.SystemOf, Groups: []string{account.Administrator}}
	if _, tok, err := create(console, ann.ID, 0); err != nil || tok.Maker != "Console" || !tok.Lent() {
		t.Errorf("console: %+v %v", tok, err)
	} else {
		f.ok(f.do(ann, func(tx *db.Tx) error { return f.acc.RevokeToken(f.ctx, tx, ann, tok.ID) }))
	}
	// Lent before that was refused: as it is in old data folders.
	forever, old, err := create(ann, ann.ID, 0)
	f.ok(err)
	f.ok(f.db.Do(f.ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(f.ctx, `UPDATE account_token SET made_by = $2 WHERE id = $1`, old.ID, root.ID)
		return err
	}))
	// Who made a token for somebody is known, and stays known of what is made with it.
	lent, _, err := f.acc.Authenticate(f.ctx, f.db.Read(), forever)
	if err != nil || lent.ID != ann.ID || lent.LentBy != root.ID {
		t.Errorf("%+v %v", lent, err)
	}
	again, third, err := create(lent, ann.ID, 1)
	f.ok(err)
	if who, err := f.who(again); err != nil || who.LentBy != root.ID {
		t.Errorf("%+v %v", who, err)
	}
	if who, err := f.who(plain); err != nil || who.LentBy != "" {
		t.Errorf("one's own: %+v %v", who, err)
	}
	f.ok(f.do(ann, func(tx *db.Tx) error { return f.acc.RevokeToken(f.ctx, tx, ann, third.ID) }))
	_, se, err := f.acc.Authenticate(f.ctx, f.db.Read(), plain)
	f.ok(err)
	if se.CSRF != "" || !se.Token {
		t.Errorf("%+v", se)
	}
	f.ok(f.acc.Touch(f.ctx, se))
	list, err := f.acc.Tokens(f.ctx, f.db.Read(), ann.ID)
	if err != nil || len(list) != 2 || list[0].UsedAt.IsZero() || !list[1].UsedAt.IsZero() {
		t.Errorf("%+v %v", list, err)
	}
	f.clock.Advance(24 * time.Hour)
	if _, err := f.who(plain); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("expired: %v", err)
	}
	if _, err := f.who(forever); err != nil {
		t.Error(err)
	}
	if err := f.do(root, func(tx *db.Tx) error { return f.acc.RevokeToken(f.ctx, tx, root, tok.ID) }); !fault.Is(err, fault.NotFound) {
		t.Errorf("revoked somebody else's: %v", err)
	}
	f.ok(f.do(ann, func(tx *db.Tx) error { return f.acc.RevokeToken(f.ctx, tx, ann, list[1].ID) }))
	if _, err := f.who(forever); err == nil {
		t.Error("revoked token works")
	}
}

func TestChangePassword(t *testing.T) {
	f := open(t)
	f.user("ann")
	one, err := f.login("ann", password)
	f.ok(err)
	two, err := f.login("ann", password)
	f.ok(err)
	const next = "quite another phrase"
	if err := f.acc.ChangePassword(f.ctx, one.Who, "wrong wrong wrong", next, "", false); fault.FieldsOf(err) == nil || fault.FieldsOf(err)[0].Field != "current" {
		t.Errorf("wrong current: %v", err)
	}
	if err := f.acc.ChangePassword(f.ctx, one.Who, password, "short", "", false); fault.FieldsOf(err) == nil || fault.FieldsOf(err)[0].Field != "new" {
		t.Errorf("weak: %v", err)
	}
	f.ok(f.acc.ChangePassword(f.ctx, one.Who, password, next, "", false))
	if _, err := f.who(one.Secret); err != nil {
		t.Error("the own session ended")
	}
	if _, err := f.who(two.Secret); err == nil {
		t.Error("another session lives on")
	}
	if _, err := f.login("ann", password); err == nil {
		t.Error("the old password works")
	}
	_, err = f.login("ann", next)
	f.ok(err)
}

func TestSetUp(t *testing.T) {
	f := open(t)
	token := func() (s string) {
		f.ok(f.db.Do(f.ctx, func(tx *db.Tx) (err error) { s, err = f.acc.NewSetupToken(f.ctx, tx); return err }))
		return s
	}
	setUp := func(token string) (account.SignedIn, error) {
		return f.acc.SetUp(f.ctx, account.Setup{Token: token, Name: "root", Display: "Root", Password: password, Door: "web", OfficeName: "Example Bank"})
	}
	old := token()
	fresh := token()
	for _, bad := range []string{"", "x", old} {
		if _, err := setUp(bad); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := f.acc.SetUp(f.ctx, account.Setup{Token: fresh, Name: "root", Display: "Root", Password: "password1234"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("weak password: %v", err)
	}
	f.clock.Advance(24 * time.Hour)
	if _, err := setUp(fresh); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("expired: %v", err)
	}
	fresh = token()
	in, err := setUp(fresh)
	f.ok(err)
	if who, err := f.who(in.Secret); err != nil || !who.In(account.Administrator) {
		t.Errorf("%+v %v", who, err)
	}
	if n, err := f.acc.OfficeName(f.ctx, f.db.Read()); err != nil || n != "Example Bank" {
		t.Errorf("office %q %v", n, err)
	}
	if _, err := setUp(fresh); !fault.Is(err, fault.Conflict) {
		t.Errorf("twice: %v", err)
	}
	if err := f.db.Do(f.ctx, func(tx *db.Tx) error { _, err := f.acc.NewSetupToken(f.ctx, tx); return err }); !fault.Is(err, fault.Conflict) {
		t.Errorf("a set-up link for an office with people: %v", err)
	}
}

// Two at once: one administrator, not two.
func TestSetUpRace(t *testing.T) {
	f := open(t)
	var token string
	f.ok(f.db.Do(f.ctx, func(tx *db.Tx) (err error) { token, err = f.acc.NewSetupToken(f.ctx, tx); return err }))
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = f.acc.SetUp(f.ctx, account.Setup{Token: token, Name: fmt.Sprint("root", i), Display: "Root", Password: password})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		}
	}
	us, err := f.acc.List(f.ctx, f.db.Read())
	if err != nil || won != 1 || len(us) != 1 {
		t.Errorf("%d won, %d accounts: %v", won, len(us), errs)
	}
}

func TestSecretsAreNotStored(t *testing.T) {
	f := open(t)
	ann := f.user("ann")
	in, err := f.login("ann", password)
	f.ok(err)
	var token string
	f.ok(f.do(in.Who, func(tx *db.Tx) (err error) {
		token, _, err = f.acc.CreateToken(f.ctx, tx, in.Who, ann.ID, "ci", 0)
		return err
	}))
	_, _ = f.login(password, "typed into the wrong field") // the password as a name
	for _, table := range []string{"account", "account_session", "account_token", "ledger_event"} {
		rows, err := f.db.Read().Query(f.ctx, `SELECT * FROM `+table)
		f.ok(err)
		cols, err := rows.Columns()
		f.ok(err)
		for rows.Next() {
			vals, ptrs := make([]any, len(cols)), make([]any, len(cols))
			for i := range vals {
				ptrs[i] = &vals[i]
			}
			f.ok(rows.Scan(ptrs...))
			for _, v := range vals {
				for _, s := range []string{password, in.Secret, token, strings.TrimPrefix(token, "mst_"), in.Session.CSRF} {
					if strings.Contains(fmt.Sprintf("%s", v), s) {
						t.Errorf("%s holds a secret: %v", table, v)
					}
				}
			}
		}
		_ = rows.Close()
	}
}

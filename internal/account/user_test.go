package account_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
)

func TestDirectory(t *testing.T) {
	f := open(t)
	ann, bob := f.user("ann", account.Auditor, account.Observer), f.user("bob.b")
	q := f.db.Read()
	for _, key := range []string{"ann", "@ann", "ANN", " ann ", ann.ID, "ann@example.com", "Ann@Example.com"} {
		if u, err := f.acc.Find(f.ctx, q, key); err != nil || u.ID != ann.ID {
			t.Errorf("%q: %v", key, err)
		}
	}
	for _, key := range []string{"", "@", "an", "nn@example.com", "00000000-0000-7000-8000-000000000000"} {
		if _, err := f.acc.Find(f.ctx, q, key); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: %v", key, err)
		}
	}
	all, err := f.acc.List(f.ctx, q)
	if err != nil || len(all) != 2 || !slices.Equal(all[0].Roles, []string{account.Observer, account.Auditor}) || all[0].Initials != "AE" {
		t.Errorf("%+v %v", all, err)
	}
	m, err := f.acc.ByIDs(f.ctx, q, []string{ann.ID, "unknown", ann.ID})
	if err != nil || len(m) != 1 || len(m[ann.ID].Roles) != 2 {
		t.Errorf("%+v %v", m, err)
	}
	us, err := f.acc.ByLogins(f.ctx, q, account.Mentioned("@ann and @bob.b. Not mail@ann.example, nor @nobody; @ann again"))
	if err != nil || len(us) != 2 || us[1].ID != bob.ID {
		t.Errorf("%+v %v", us, err)
	}
	if ro, err := f.acc.WithRole(f.ctx, q, account.Auditor); err != nil || len(ro) != 1 || ro[0].ID != ann.ID {
		t.Errorf("%+v %v", ro, err)
	}
}

func TestMentioned(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "",
		"@ann":                     "ann",
		"hi @Ann, @bob.":           "ann bob",
		"(@ann) \"@bob\"":          "ann bob",
		"a@b.example x@ann":        "",
		"@ann @ann":                "ann",
		"https://example.com/@ann": "",
		"@a":                       "", "@@ann": "",
		// Shown, and spoken to nobody.
		"`@ann`":                                   "",
		"``a ` @ann``":                             "",
		"```\n@ann\n```":                           "",
		"~~~ini\nuser = @ann\n~~~\n@bob":           "bob",
		"```\nnever closed\n@ann":                  "",
		"look:\n\n    @ann\n    @bob":              "",
		"\t@ann":                                   "",
		"> ```\n> @ann\n> ```":                     "",
		"- a\n\n      @ann":                        "",
		`\@ann and \\@bob`:                         "bob",
		"[@ann](https://x.example) ![@bob](x.png)": "",
		"<https://x.example/@ann> <ann@x.example>": "",
		"<a title='@ann'>@bob</a>":                 "bob",
		"<div>\n@ann\n</div>":                      "",
		"www.x.example/@ann":                       "",
		strings.Repeat("`@ann` ", 1500):            "",
		strings.Repeat("> ", 40) + "@ann":          "",
		strings.Repeat("[", 1990) + "@ann":         "ann",
		// Words, however they are set.
		"**@ann** and _@bob_ ~~@carl~~":         "ann bob carl",
		"# @ann\n> @bob\n- [x] @carl\n1. @dora": "ann bob carl dora",
		"| who |\n|---|\n| @ann |":              "ann",
		"@ann_b, @ann\\_c and @ann_":            "ann_b ann_c ann",
		"`a` @ann `b`":                          "ann",
		"first line\n@ann":                      "ann",
		"/note ask @ann":                        "ann",
	} {
		if got := strings.Join(account.Mentioned(text), " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	f := open(t)
	ann := f.user("ann")
	create := func(who actor.Actor, in account.NewUser) error {
		return f.do(who, func(tx *db.Tx) error { _, err := f.acc.Create(f.ctx, tx, who, in); return err })
	}
	for field, in := range map[string]account.NewUser{
		"name":    {Name: "a b", Display: "A"},
		"display": {Name: "carl", Display: "two\nlines"},
		"email":   {Name: "carl", Display: "C", Email: "not an address"},
		"roles":   {Name: "carl", Display: "C", Roles: []string{"everyone"}},
		"kind":    {Name: "carl", Display: "C", Kind: "system"},
	} {
		err := create(system, in)
		if fs := fault.FieldsOf(err); len(fs) != 1 || fs[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, in := range []account.NewUser{{Name: "ANN", Display: "X"}, {Name: "other", Display: "X", Email: "ann@example.com"}} {
		if err := create(system, in); !fault.Is(err, fault.Invalid) {
			t.Errorf("taken: %v", err)
		}
	}
	if err := create(ann.Actor(), account.NewUser{Name: "carl", Display: "C"}); !fault.Is(err, fault.Denied) {
		t.Errorf("by nobody special: %v", err)
	}
	// A bot without a password cannot sign in with one.
	f.ok(create(system, account.NewUser{Name: "bot", Display: "Bot", Kind: actor.Bot}))
	if _, err := f.login("bot", password); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("%v", err)
	}
}

func TestAvailability(t *testing.T) {
	f := open(t)
	ann := f.user("ann").Actor()
	set := func(a account.Availability) error {
		return f.do(ann, func(tx *db.Tx) error { _, err := f.acc.SetAvailability(f.ctx, tx, ann, a); return err })
	}
	f.ok(set(account.Availability{State: "dnd", StatusText: "in a review", Until: f.clock.Now().Add(time.Hour)}))
	get := func() account.Availability {
		a, err := f.acc.AvailabilityOf(f.ctx, f.db.Read(), ann.ID)
		f.ok(err)
		return a
	}
	if a := get(); a.State != "dnd" || a.StatusText != "in a review" || a.UserID != ann.ID {
		t.Errorf("%+v", a)
	}
	f.clock.Advance(time.Hour)
	if a := get(); a.State != "available" || a.StatusText != "" || !a.Until.IsZero() {
		t.Errorf("did not end: %+v", a)
	}
	for _, bad := range []account.Availability{{State: "gone"}, {State: "busy", StatusText: strings.Repeat("x", 141)}, {State: "busy", Until: f.clock.Now()}} {
		if err := set(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestPasswordRules(t *testing.T) {
	f := open(t)
	for _, bad := range []string{
		"short", "elevenchars", "aaaaaaaaaaaaaa", "password1234", "P@ssw0rd!!!!", "passwordpassword", "123456789012", "qwertyuiopas", "abcdefghijklmn",
		"987654321098", "welcome-2026!", "letmein123456", "31415926535897", "annannann.example", "my ann.example!", "correct\x00horse battery", strings.Repeat("ab", 400),
		"administrator1", "Muster123456!", "correct horse battery staple",
	} {
		if _, err := f.acc.Hash(f.ctx, bad, "ann.example", "ann.example@bank.example"); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q was accepted", bad)
		}
	}
	for _, good := range []string{"tiny violet lamp 7", "Kx9#mQ2$vL5p", "пароль из слов длинный"} {
		if _, err := f.acc.Hash(f.ctx, good, "ann"); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	seen := map[string]bool{}
	for range 100 {
		p := account.GeneratePassword()
		if len(p) != 23 || seen[p] || strings.ContainsAny(p, "01oil") {
			t.Fatalf("%q", p)
		}
		seen[p] = true
	}
	if _, err := f.acc.Hash(f.ctx, account.GeneratePassword(), "ann"); err != nil {
		t.Error(err)
	}
}

func TestInitialsAndHue(t *testing.T) {
	for in, want := range map[string]string{"Ann Example": "AE", "ann": "A", "": "?", "Ana María López": "AL", "—": "?", "Ört von Über": "ÖÜ"} {
		if got := account.Initials(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	if one, two := account.Hue("x"), account.Hue("y"); one == two || one > 359 || two > 359 {
		t.Error("hue")
	}
}

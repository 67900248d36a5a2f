package office_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/fault"
	"muster/internal/ledger"
	"muster/internal/message"
	"muster/internal/notify"
	"muster/internal/office"
	"muster/internal/room"
	"muster/internal/task"
)

// world is a small office on a real database.
type world struct {
	t        *testing.T
	d        *db.DB
	clock    *clock.Test
	bus      *bus.Memory
	ledger   *ledger.Ledger
	access   *access.Access
	accounts *account.Store
	rooms    *room.Store
	messages *message.Store
	office   *office.Store
	tasks    *task.Queue
	mu       sync.Mutex
	heard    []string
	ann, bob actor.Actor // responders
	admin    actor.Actor
	watcher  actor.Actor // observer
}

var ctx = context.Background()

func open(t *testing.T) *world {
	w := &world{t: t, d: dbtest.Open(t), clock: clock.NewTest(time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)), bus: bus.NewMemory()}
	quiet := slog.New(slog.DiscardHandler)
	keys, _, err := ledger.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	w.ledger = ledger.New(w.clock, w.bus, keys)
	w.access = access.New(w.d, w.ledger, w.clock, quiet)
	w.accounts = account.New(w.d, w.access, w.ledger, w.bus, w.clock)
	w.rooms = room.NewStore(w.access, w.ledger, w.bus, w.clock)
	w.messages = message.NewStore(w.rooms, w.accounts, w.ledger, w.bus, w.clock, nil)
	w.tasks = task.New(w.d, w.clock, quiet, 4)
	w.office = office.New(w.rooms, w.accounts, notify.NewStore(w.d, w.tasks, w.clock, w.bus, w.accounts, notify.Settings{}, quiet), w.messages, w.access, w.ledger, w.tasks, w.bus, w.clock)
	w.office.RegisterTasks(w.d)
	w.bus.Subscribe(func(topic string, payload any) {
		b, _ := json.Marshal(payload)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.heard = append(w.heard, topic+" "+string(b))
	})
	w.ann, w.bob = w.person("ann", "responder"), w.person("bob", "responder")
	w.admin, w.watcher = w.person("root", "administrator"), w.person("wanda", "observer")
	return w
}

// told gives what screens were told so far, and forgets it.
func (w *world) told() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	heard := w.heard
	w.heard = nil
	return heard
}

func (w *world) person(name string, roles ...string) actor.Actor {
	w.t.Helper()
	var u account.User
	w.must(func(tx *db.Tx) (err error) {
		u, err = w.accounts.Create(ctx, tx, actor.System("test"), account.NewUser{Name: name, Display: name, Roles: roles})
		return err
	})
	a := u.Actor()
	a.Door = "web"
	return a
}

func (w *world) do(fn func(tx *db.Tx) error) error { return w.d.Do(ctx, fn) }

func (w *world) must(fn func(tx *db.Tx) error) {
	w.t.Helper()
	if err := w.d.Do(ctx, fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) room(in room.New) (r room.Room) {
	w.t.Helper()
	w.must(func(tx *db.Tx) (err error) {
		r, err = w.rooms.Create(ctx, tx, w.admin, in)
		return err
	})
	return r
}

func (w *world) say(who actor.Actor, in message.New) (m message.Message, err error) {
	err = w.do(func(tx *db.Tx) error {
		m, err = w.messages.Post(ctx, tx, who, in)
		return err
	})
	return m, err
}

func TestRoomsAndTheirRules(t *testing.T) {
	w := open(t)
	ops := w.room(room.New{Name: "  payments   ops ", Topic: "x"})
	if ops.Name != "payments ops" || ops.Kind != "team" || ops.Door != "open" {
		t.Fatal(ops)
	}
	for name, in := range map[string]room.New{"empty": {Name: " "}, "taken": {Name: "Payments OPS"}, "kind": {Name: "a", Kind: "pool"}, "door": {Name: "b", Door: "ajar"}} {
		if err := w.do(func(tx *db.Tx) error { _, err := w.rooms.Create(ctx, tx, w.admin, in); return err }); !fault.Is(err, fault.Invalid) {
			t.Error(name, err)
		}
	}
	if err := w.do(func(tx *db.Tx) error { _, err := w.rooms.Create(ctx, tx, w.ann, room.New{Name: "mine"}); return err }); !fault.Is(err, fault.Denied) {
		t.Fatal("a responder makes no team room:", err)
	}
	secret := w.room(room.New{Name: "keys", Private: true, Members: []string{w.ann.ID}})
	if _, err := w.rooms.See(ctx, w.d.Read(), w.bob, secret.ID); !fault.Is(err, fault.NotFound) {
		t.Fatal("a private room must not be there for others:", err)
	}
	if _, err := w.rooms.See(ctx, w.d.Read(), w.ann, "keys"); err != nil {
		t.Fatal(err)
	}
	rooms, member, err := w.rooms.ListFor(ctx, w.d.Read(), w.bob)
	if err != nil || len(rooms) != 1 || member[ops.ID] {
		t.Fatal(rooms, member, err)
	}
	if _, err := w.say(w.bob, message.New{Room: secret.ID, Text: "hi"}); err == nil {
		t.Fatal("posted into a private room")
	}
	if _, err := w.say(w.watcher, message.New{Room: ops.ID, Text: "hi"}); !fault.Is(err, fault.Denied) {
		t.Fatal("an observer posted:", err)
	}
	yes := true
	w.must(func(tx *db.Tx) error {
		_, err := w.rooms.Update(ctx, tx, w.admin, ops.ID, room.Change{Archived: &yes})
		return err
	})
	if _, err := w.say(w.ann, message.New{Room: ops.ID, Text: "hi"}); !fault.Is(err, fault.Conflict) {
		t.Fatal("posted into an archived room:", err)
	}
}

// Every version takes the room's next number and what a client applies to its
// copy equals what it would read anew.
func TestVersionsAreContinuousAndNothingIsOverwritten(t *testing.T) {
	w := open(t)
	r := w.room(room.New{Name: "ops", Members: []string{w.ann.ID, w.bob.ID}})
	seen := []int64{}
	stop := w.bus.Subscribe(func(topic string, payload any) {
		if topic == "room:"+r.ID {
			seen = append(seen, payload.(map[string]any)["seq"].(int64))
		}
	})
	defer stop()
	m, err := w.say(w.ann, message.New{Room: r.ID, Text: "first", Key: "k1"})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := w.say(w.ann, message.New{Room: r.ID, Text: "first", Key: "k1"}); err != nil || again.ID != m.ID {
		t.Fatal("the same key must give the same message", again, err)
	}
	reply, err := w.say(w.bob, message.New{Room: r.ID, Text: "second", Thread: m.ID})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.say(w.bob, message.New{Room: r.ID, Text: "third", Thread: reply.ID}); err != nil {
		t.Fatal(err)
	}
	w.must(func(tx *db.Tx) error { _, err := w.messages.Edit(ctx, tx, w.ann, m.ID, "first!"); return err })
	w.must(func(tx *db.Tx) error { _, err := w.messages.React(ctx, tx, w.bob, m.ID, "👍", true); return err })
	w.must(func(tx *db.Tx) error { _, err := w.messages.React(ctx, tx, w.bob, m.ID, "👍", true); return err })
	w.must(func(tx *db.Tx) error { _, err := w.messages.Pin(ctx, tx, w.bob, m.ID, true); return err })
	w.must(func(tx *db.Tx) error { return w.messages.Delete(ctx, tx, w.bob, reply.ID) })
	if d := cmp.Diff([]int64{1, 2, 3, 4, 5, 6, 7}, seen); d != "" {
		t.Fatal("numbers with gaps or twice:", d)
	}
	for name, fn := range map[string]func(tx *db.Tx) error{
		"edit another's":      func(tx *db.Tx) error { _, err := w.messages.Edit(ctx, tx, w.bob, m.ID, "hack"); return err },
		"delete another's":    func(tx *db.Tx) error { return w.messages.Delete(ctx, tx, w.bob, m.ID) },
		"edit a deleted one":  func(tx *db.Tx) error { _, err := w.messages.Edit(ctx, tx, w.bob, reply.ID, "x"); return err },
		"observer reacts":     func(tx *db.Tx) error { _, err := w.messages.React(ctx, tx, w.watcher, m.ID, "👍", true); return err },
		"markup as an emoji":  func(tx *db.Tx) error { _, err := w.messages.React(ctx, tx, w.bob, m.ID, "<b>", true); return err },
		"a message elsewhere": func(tx *db.Tx) error { _, err := w.messages.Pin(ctx, tx, w.bob, "nope", true); return err },
	} {
		if err := w.do(fn); err == nil {
			t.Error(name, "passed")
		}
	}
	p, err := w.messages.History(ctx, w.d.Read(), w.ann, r.ID, message.Range{})
	if err != nil || len(p.Items) != 1 || len(p.Items[0].Replies) != 2 || p.Items[0].Text != "first!" || !p.Items[0].Pinned || p.Items[0].Reactions[0].Users[0] != w.bob.ID || !p.Items[0].Replies[0].Deleted || p.Items[0].Replies[0].Text != "" || p.Seq != 7 {
		t.Fatalf("%+v %v", p, err)
	}
	vs, err := w.messages.Versions(ctx, w.d.Read(), w.bob, m.ID)
	if err != nil || len(vs) != 2 || vs[0].Text != "first" || vs[1].Change != "edited" {
		t.Fatal(vs, err)
	}
	if _, err := w.messages.Versions(ctx, w.d.Read(), w.ann, reply.ID); !fault.Is(err, fault.Denied) {
		t.Fatal("what was deleted is not for everybody:", err)
	}
	after := int64(3)
	p, err = w.messages.History(ctx, w.d.Read(), w.ann, r.ID, message.Range{ChangedAfter: &after})
	if err != nil || len(p.Items) != 2 || p.Items[0].ID != m.ID || p.Items[1].ID != reply.ID {
		t.Fatalf("%+v %v", p, err)
	}
}

func TestHistoryReachesTheFirstMessage(t *testing.T) {
	w := open(t)
	r := w.room(room.New{Name: "ops"})
	var ids []string
	for range 23 {
		m, err := w.say(w.ann, message.New{Room: r.ID, Text: "x"})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.ID)
		w.clock.Advance(time.Second)
	}
	var got []string
	before, more := int64(0), true
	for more {
		p, err := w.messages.History(ctx, w.d.Read(), w.ann, r.ID, message.Range{Before: before, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		var page []string
		for _, m := range p.Items {
			page = append(page, m.ID)
		}
		got = append(page, got...)
		more, before = p.HasBefore, p.Items[0].Seq
	}
	if d := cmp.Diff(ids, got); d != "" {
		t.Fatal(d)
	}
	p, err := w.messages.History(ctx, w.d.Read(), w.ann, r.ID, message.Range{Around: ids[11], Limit: 6})
	if err != nil || !p.HasBefore || !p.HasAfter || len(p.Items) != 7 || p.Items[3].ID != ids[11] {
		t.Fatalf("%d %v %v %v", len(p.Items), p.HasBefore, p.HasAfter, err)
	}
	// Around a number, such as where somebody has read to; it need not be a message's.
	at := p.Items[3].Seq
	p, err = w.messages.History(ctx, w.d.Read(), w.ann, r.ID, message.Range{On: p.Items[3].CreatedAt, Limit: 6})
	if err != nil || !slices.ContainsFunc(p.Items, func(m message.Message) bool { return m.ID == ids[11] }) {
		t.Fatalf("the stretch of a moment: %+v %v", p, err)
	}
	p, err = w.messages.History(ctx, w.d.Read(), w.ann, r.ID, message.Range{On: w.clock.Now().Add(time.Hour), Limit: 6})
	if err != nil || p.HasAfter || p.Items[len(p.Items)-1].ID != ids[len(ids)-1] {
		t.Fatalf("a moment after which nothing was said: %+v %v", p, err)
	}
	p, err = w.messages.History(ctx, w.d.Read(), w.ann, r.ID, message.Range{On: time.Unix(1, 0), Limit: 6})
	if err != nil || p.HasBefore || p.Items[0].ID != ids[0] {
		t.Fatalf("the beginning: %+v %v", p, err)
	}
	p, err = w.messages.History(ctx, w.d.Read(), w.ann, r.ID, message.Range{At: &at, Limit: 6})
	if err != nil || !p.HasBefore || !p.HasAfter || p.Items[3].ID != ids[11] || p.Items[4].ID != ids[12] {
		t.Fatalf("%+v %v", p, err)
	}
	none := int64(0)
	if p, err = w.messages.History(ctx, w.d.Read(), w.ann, r.ID, message.Range{At: &none, Limit: 6}); err != nil || p.HasBefore || !p.HasAfter || len(p.Items) != 3 || p.Items[0].ID != ids[0] {
		t.Fatalf("%+v %v", p, err)
	}
}

func TestUnreadAndMentions(t *testing.T) {
	w := open(t)
	r := w.room(room.New{Name: "ops", Members: []string{w.ann.ID, w.bob.ID}})
	secret := w.room(room.New{Name: "secret", Private: true, Members: []string{w.ann.ID}})
	if _, err := w.say(w.ann, message.New{Room: r.ID, Text: "hello @bob and @nobody, mail ann@bob.example"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.say(w.ann, message.New{Room: secret.ID, Text: "psst @bob"}); err != nil {
		t.Fatal(err)
	}
	u, err := w.rooms.UnreadFor(ctx, w.d.Read(), w.bob.ID)
	if err != nil || u[r.ID].Messages != 1 || u[r.ID].Mentions != 1 || len(u) != 1 {
		t.Fatal(u, err)
	}
	w.must(func(tx *db.Tx) error { return w.rooms.Read(ctx, tx, w.bob, r.ID, 1) })
	w.must(func(tx *db.Tx) error { return w.rooms.Read(ctx, tx, w.bob, r.ID, 0) })
	if u, _ = w.rooms.UnreadFor(ctx, w.d.Read(), w.bob.ID); u[r.ID].Messages != 0 || u[r.ID].Mentions != 0 {
		t.Fatal("the mark went back", u)
	}
	if err := w.do(func(tx *db.Tx) error { return w.rooms.Read(ctx, tx, w.bob, r.ID, 99) }); !fault.Is(err, fault.Invalid) {
		t.Fatal(err)
	}
}

// TestUnreadIsTheTrueNumber: no bound stands for it, and what is said of calls
// is nothing to be read.
func TestUnreadIsTheTrueNumber(t *testing.T) {
	w := open(t)
	r := w.room(room.New{Name: "ops", Members: []string{w.ann.ID, w.bob.ID}})
	var gone message.Message
	w.must(func(tx *db.Tx) error {
		for range 150 {
			m, err := w.messages.Post(ctx, tx, w.ann, message.New{Room: r.ID, Text: "x"})
			if err != nil {
				return err
			}
			gone = m
		}
		if err := w.messages.Delete(ctx, tx, w.ann, gone.ID); err != nil {
			return err
		}
		_, err := w.messages.Post(ctx, tx, w.bob, message.New{Room: r.ID, Text: "my own"})
		return err
	})
	w.told()
	w.must(func(tx *db.Tx) error {
		if _, err := w.messages.Post(ctx, tx, actor.System("call"), message.New{Room: r.ID, Kind: "system", Text: "ann and bob started talking here."}); err != nil {
			return err
		}
		_, err := w.messages.Post(ctx, tx, actor.System("incident"), message.New{Room: r.ID, Kind: "system", Text: "The severity is SEV-1 now."})
		return err
	})
	u, err := w.rooms.UnreadFor(ctx, w.d.Read(), w.bob.ID)
	if err != nil || u[r.ID].Messages != 150 {
		t.Fatal(u[r.ID], err)
	}
	var quiet []bool
	for _, line := range w.told() {
		if rest, ok := strings.CutPrefix(line, "unread "); ok {
			quiet = append(quiet, strings.Contains(rest, `"Quiet":true`))
		}
	}
	if !slices.Equal(quiet, []bool{true, false}) {
		t.Error("screens count otherwise than the server:", quiet)
	}
	w.must(func(tx *db.Tx) error { return w.rooms.Read(ctx, tx, w.bob, r.ID, 100) })
	if u, _ = w.rooms.UnreadFor(ctx, w.d.Read(), w.bob.ID); u[r.ID].Messages != 50 {
		t.Error(u[r.ID])
	}
	if told := strings.Join(w.told(), "\n"); !strings.Contains(told, `"unread":50`) {
		t.Error(told)
	}
}

// TestWhoIsTold: an edit tells those it names anew, an answer tells whom it
// answers, and nobody is told of a message twice.
func TestWhoIsTold(t *testing.T) {
	w := open(t)
	eve, carl := w.person("eve", "responder"), w.person("carl", "responder")
	names := map[string]string{w.ann.ID: "ann", w.bob.ID: "bob", eve.ID: "eve", carl.ID: "carl"}
	var told []string
	tell := func(_ context.Context, _ *db.Tx, _ actor.Actor, person string, _ room.Room, m message.Message, answer bool) error {
		how := " named in "
		if answer {
			how = " answered in "
		}
		told = append(told, names[person]+how+m.Text)
		return nil
	}
	messages := message.NewStore(w.rooms, w.accounts, w.ledger, w.bus, w.clock, tell)
	r := w.room(room.New{Name: "ops", Members: []string{w.ann.ID, w.bob.ID}})
	secret := w.room(room.New{Name: "secret", Private: true, Members: []string{w.ann.ID, w.bob.ID}})
	say := func(who actor.Actor, in message.New) (m message.Message) {
		t.Helper()
		w.must(func(tx *db.Tx) (err error) { m, err = messages.Post(ctx, tx, who, in); return err })
		return m
	}
	edit := func(who actor.Actor, m message.Message, text string) (out message.Message) {
		t.Helper()
		w.must(func(tx *db.Tx) (err error) { out, err = messages.Edit(ctx, tx, who, m.ID, text); return err })
		return out
	}
	expect := func(what string, want ...string) {
		t.Helper()
		slices.Sort(told)
		if d := cmp.Diff(want, told); d != "" {
			t.Errorf("%s: %s", what, d)
		}
		told = nil
	}
	m := say(w.ann, message.New{Room: r.ID, Text: "`@bob` runs, look @eve"})
	expect("code speaks to nobody", "eve named in `@bob` runs, look @eve")
	if d := cmp.Diff([]string{"eve"}, m.Mentions); d != "" {
		t.Error(d)
	}
	edit(w.ann, m, "@bob and @eve")
	expect("an edit tells who is new", "bob named in @bob and @eve")
	edit(w.ann, m, "nobody")
	if out := edit(w.ann, m, "@bob, @ann, `@carl`"); len(out.Mentions) != 2 {
		t.Error(out.Mentions)
	}
	expect("and nobody twice")
	root := say(w.bob, message.New{Room: r.ID, Text: "a question"})
	expect("a question tells nobody")
	reply := say(w.ann, message.New{Room: r.ID, Text: "hm", Thread: root.ID})
	expect("an answer", "bob answered in hm")
	say(eve, message.New{Room: r.ID, Text: "no, @bob", Thread: reply.ID})
	expect("an answer to an answer", "ann answered in no, @bob", "bob named in no, @bob")
	say(w.bob, message.New{Room: r.ID, Text: "to myself", Thread: root.ID})
	expect("nobody answers themselves")
	if m := say(w.ann, message.New{Room: r.ID, Text: "/get @bob @carl now", Thread: root.ID, Command: true}); m.Mentions != nil {
		t.Error("a command names", m.Mentions)
	}
	expect("a command tells by its verb")
	say(w.ann, message.New{Room: r.ID, Text: "/var is full, @carl"})
	expect("talk that looks like one", "carl named in /var is full, @carl")
	u, err := w.rooms.UnreadFor(ctx, w.d.Read(), w.bob.ID)
	if err != nil || u[r.ID].Mentions != 3 {
		t.Error("counted at the room:", u[r.ID], err)
	}
	asked := say(w.bob, message.New{Room: secret.ID, Text: "in private"})
	w.must(func(tx *db.Tx) error { return w.rooms.Leave(ctx, tx, w.bob, secret.ID, w.bob.ID) })
	say(w.ann, message.New{Room: secret.ID, Text: "@carl, he left", Thread: asked.ID})
	expect("who may not read it learns nothing of it")
	p, err := messages.History(ctx, w.d.Read(), w.ann, r.ID, message.Range{})
	if err != nil || len(p.Items) == 0 || cmp.Diff([]string{"bob", "ann"}, p.Items[0].Mentions) != "" {
		t.Errorf("read again: %+v %v", p.Items, err)
	}
	for _, m := range p.Items {
		for _, m := range append(m.Replies, m) {
			if strings.HasPrefix(m.Text, "/get") && m.Mentions != nil {
				t.Error("a command that is read again names", m.Mentions)
			}
		}
	}
}

func TestPlacesAndGet(t *testing.T) {
	w := open(t)
	ops, locked := w.room(room.New{Name: "ops"}), w.room(room.New{Name: "vault", Door: "locked"})
	enter := func(who actor.Actor, r room.Room, seat int) (l office.Location, err error) {
		err = w.do(func(tx *db.Tx) error { l, err = w.office.Enter(ctx, tx, who, r.ID, seat); return err })
		return l, err
	}
	if l, err := enter(w.ann, ops, 0); err != nil || l.Seat != 1 {
		t.Fatal(l, err)
	}
	if l, err := enter(w.bob, ops, 1); err != nil || l.Seat != 2 {
		t.Fatal("a taken seat gives the next free one", l, err)
	}
	if l, err := enter(w.bob, ops, 7); err != nil || l.Seat != 7 {
		t.Fatal(l, err)
	}
	if _, err := enter(w.ann, locked, 0); !fault.Is(err, fault.Denied) {
		t.Fatal("through a locked door:", err)
	}
	if err := w.do(func(tx *db.Tx) error { return w.rooms.Join(ctx, tx, w.ann, locked.ID, w.ann.ID) }); !fault.Is(err, fault.Denied) {
		t.Fatal("a key of one's own making:", err)
	}
	var g office.Get
	w.must(func(tx *db.Tx) (err error) {
		g, err = w.office.Ask(ctx, tx, w.admin, w.ann.ID, locked.ID, "please come")
		return err
	})
	if err := w.do(func(tx *db.Tx) error { _, err := w.office.Accept(ctx, tx, w.bob, g.ID); return err }); !fault.Is(err, fault.NotFound) {
		t.Fatal("answered for somebody else:", err)
	}
	w.must(func(tx *db.Tx) error { _, err := w.office.Accept(ctx, tx, w.ann, g.ID); return err })
	if l, _ := w.office.Location(ctx, w.d.Read(), w.ann.ID); l == nil || l.Room != locked.ID {
		t.Fatal("accepted, but not there", l)
	}
	if err := w.do(func(tx *db.Tx) error { _, err := w.office.Decline(ctx, tx, w.ann, g.ID, ""); return err }); !fault.Is(err, fault.Conflict) {
		t.Fatal(err)
	}
	// Nobody is moved against their will, and a request ends by itself.
	w.must(func(tx *db.Tx) (err error) {
		g, err = w.office.Ask(ctx, tx, w.ann, w.bob.ID, locked.ID, "")
		return err
	})
	w.clock.Advance(office.GetExpiry) // and no server was there to end it
	if err := w.do(func(tx *db.Tx) error { _, err := w.office.Accept(ctx, tx, w.bob, g.ID); return err }); !fault.Is(err, fault.Conflict) {
		t.Fatal("accepted too late:", err)
	}
	expired := make(chan struct{})
	w.bus.Subscribe(func(topic string, payload any) {
		if m, ok := payload.(map[string]any); ok && topic == "user:"+w.ann.ID && m["type"] == "get" && m["get"].(office.Get).State == "expired" {
			close(expired)
		}
	})
	w.tasks.Start()
	defer w.tasks.Stop()
	w.tasks.Wake()
	<-expired
	if l, _ := w.office.Location(ctx, w.d.Read(), w.bob.ID); l == nil || l.Room != ops.ID {
		t.Fatal("moved without asking", l)
	}
	w.must(func(tx *db.Tx) error { return w.office.Leave(ctx, tx, w.bob) })
	if l, _ := w.office.Location(ctx, w.d.Read(), w.bob.ID); l != nil {
		t.Fatal(l)
	}
	if err := w.do(func(tx *db.Tx) error { _, err := w.office.Enter(ctx, tx, actor.System("x"), ops.ID, 0); return err }); !fault.Is(err, fault.Denied) {
		t.Fatal(err)
	}
	evs, err := w.ledger.Events(ctx, w.d.Read(), ledger.Filter{Kinds: []string{"office.Entered", "office.Left", "office.GetAsked", "office.GetAnswered"}})
	if err != nil || len(evs) != 8 {
		t.Fatal(len(evs), err)
	}
}

func TestPresenceEndsWithinTheGrace(t *testing.T) {
	w := open(t)
	gone := make(chan struct{}, 8)
	w.bus.Subscribe(func(topic string, payload any) {
		if topic == "presence" {
			gone <- struct{}{}
		}
	})
	one := w.office.Connected(w.ann.ID, "1")
	two := w.office.Connected(w.ann.ID, "2")
	<-gone
	one()
	two()
	w.clock.Advance(office.Grace - time.Millisecond)
	if !w.office.Online(w.ann.ID) {
		t.Fatal("too early")
	}
	back := w.office.Connected(w.ann.ID, "3")
	w.clock.Advance(time.Hour)
	if !w.office.Online(w.ann.ID) {
		t.Fatal("came back in time")
	}
	back()
	back()
	w.clock.Advance(office.Grace)
	<-gone
	if w.office.Online(w.ann.ID) {
		t.Fatal("still here")
	}
}

// However many rooms, none overlaps another and all lie on the plan.
func TestPlaceNeverOverlaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 40).Draw(t, "rooms")
		l := office.Layout{Width: rapid.OneOf(rapid.Just(0), rapid.IntRange(64, 200)).Draw(t, "w"), Height: 60, Rooms: []office.Placed{{RoomID: "r0", X: 2, Y: 2, W: 30, H: 20}}, Slots: []office.Slot{{X: 34, Y: 2, W: 30, H: 20}}}
		var rooms []room.Room
		for i := range n {
			kind := rapid.SampledFrom([]string{"team", "incident"}).Draw(t, "kind")
			rooms = append(rooms, room.Room{ID: "r" + string(rune('0'+i)), Kind: kind, Private: rapid.Bool().Draw(t, "private"), CreatedAt: time.Unix(int64(i), 0)})
		}
		p := office.Place(l, rooms)
		// Without the rooms of restricted incidents everything stands where it stood.
		open := slices.DeleteFunc(slices.Clone(rooms), func(r room.Room) bool { return r.Private && r.Kind == "incident" })
		for _, a := range office.Place(l, open).Rooms {
			if !slices.ContainsFunc(p.Rooms, func(b office.Placed) bool { return reflect.DeepEqual(a, b) }) {
				t.Fatalf("%+v moves when a restricted incident is not shown", a)
			}
		}
		if len(p.Rooms) != n {
			t.Fatalf("%d of %d rooms placed", len(p.Rooms), n)
		}
		for i, a := range p.Rooms {
			if a.X < 0 || a.Y < 0 || a.X+a.W > p.Width || a.Y+a.H > p.Height {
				t.Fatalf("%+v outside %d×%d", a, p.Width, p.Height)
			}
			for _, b := range p.Rooms[:i] {
				if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
					t.Fatalf("%+v overlaps %+v", a, b)
				}
			}
		}
	})
}

// Whoever is asked over and over by one person has one thing to answer: the newest.
func TestOneGetForTwoPeople(t *testing.T) {
	w := open(t)
	ask := func(who actor.Actor, person, roomID, note string) (g office.Get) {
		t.Helper()
		w.must(func(tx *db.Tx) (err error) {
			g, err = w.office.Ask(ctx, tx, who, person, roomID, note)
			return err
		})
		return g
	}
	var rooms []room.Room
	for _, name := range []string{"one", "two", "three"} {
		w.must(func(tx *db.Tx) error {
			r, err := w.rooms.Create(ctx, tx, w.admin, room.New{Name: name})
			rooms = append(rooms, r)
			return err
		})
	}
	first := ask(w.ann, w.bob.ID, rooms[0].ID, "come")
	if again := ask(w.ann, w.bob.ID, rooms[0].ID, ""); again.ID != first.ID || again.Note != "come" {
		t.Errorf("%+v", again)
	}
	for _, r := range append(rooms[1:], rooms[0], rooms[2]) {
		if g := ask(w.ann, w.bob.ID, r.ID, "here rather"); g.ID != first.ID || g.RoomID != r.ID || g.Note != "here rather" {
			t.Errorf("%+v", g)
		}
	}
	ask(w.admin, w.bob.ID, rooms[0].ID, "") // somebody else's is another
	ask(w.bob, w.ann.ID, rooms[0].ID, "")   // and so is the other way round
	open, err := w.office.Pending(ctx, w.d.Read(), w.bob.ID)
	if err != nil || len(open) != 3 {
		t.Fatalf("%+v %v", open, err)
	}
	w.must(func(tx *db.Tx) error {
		g, err := w.office.Accept(ctx, tx, w.bob, first.ID)
		if g.RoomID != rooms[2].ID {
			t.Errorf("they go to where they were asked first: %+v", g)
		}
		return err
	})
}

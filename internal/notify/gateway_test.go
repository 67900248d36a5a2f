package notify_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/internal/actor"
	"muster/internal/await"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/notify"
	"muster/internal/outbound"
)

// telephone is a firm's gateway that keeps what it gets and answers as told.
type telephone struct {
	*httptest.Server
	calls  chan called
	answer func(n int) (status int, body string)
	n      int
}

type called struct {
	header http.Header
	raw    []byte
	body   map[string]any
}

func dialled(t *testing.T) *telephone {
	p := &telephone{calls: make(chan called, 100)}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := called{header: r.Header.Clone()}
		c.raw, _ = io.ReadAll(r.Body)
		_ = json.Unmarshal(c.raw, &c.body)
		p.n++
		status, text := 202, "queued as 42"
		if p.answer != nil {
			status, text = p.answer(p.n)
		}
		p.calls <- c
		if status == 302 {
			w.Header().Set("Location", "http://127.0.0.1:1/")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *telephone) call(t *testing.T) called {
	t.Helper()
	select {
	case c := <-p.calls:
		return c
	case <-time.After(await.Limit):
		t.Fatal("nobody called")
	}
	panic("unreachable")
}

const secret = "a secret of the gateway"

func (r *rig) gateway(url string) (g notify.Gateway) {
	r.t.Helper()
	r.do(func(tx *db.Tx) (err error) {
		g, _, err = r.store.CreateGateway(ctx, tx, r.admin, notify.SaveGateway{Name: new("SMS"), URL: &url, Secret: new(secret), Address: new("Mobile number")})
		return err
	})
	return g
}

func (r *rig) reach(use ...notify.UseChannel) {
	r.t.Helper()
	r.do(func(tx *db.Tx) error {
		_, err := r.store.SetReach(ctx, tx, r.ann, notify.ChangeReach{Channels: &use})
		return err
	})
}

func TestAPageCallsAGateway(t *testing.T) {
	p := dialled(t)
	r := open(t, notify.Settings{PublicURL: func() string { return "https://muster.bank.example" }})
	r.start()
	g := r.gateway(p.URL)
	by := "gateway:" + g.ID
	if got, err := r.store.Reach(ctx, r.d.Read(), r.ann.ID); err != nil || got.Beyond() {
		t.Error("reached before a number is given:", got, err)
	}
	r.reach(notify.UseChannel{Channel: by, Used: true, Address: "+49 170 1234567"})
	if got, err := r.store.Reach(ctx, r.d.Read(), r.ann.ID); err != nil || !slices.Equal(got.Channels, []string{by}) {
		t.Error(got, err)
	}
	n := r.send(notify.New{Title: "SEV-1 INC-2041 Payments down", Subject: "[SEV-1] INC-2041 Payments down", Body: "Answer.", Incident: "i1", Link: "/rooms/42", Severity: 1, Drill: true, Email: true})
	c := p.call(t)
	at := c.header.Get("Muster-Timestamp")
	if got := c.header.Get("Muster-Signature"); at == "" || got != notify.Sign([]byte(secret), at, c.raw) || !strings.HasPrefix(got, "v1=") || len(got) != 67 {
		t.Error(at, got)
	}
	to := c.body["to"].(map[string]any)
	if to["address"] != "+49 170 1234567" || to["login"] != "ann" || c.body["id"] != n.ID || c.header.Get("Muster-Id") != n.ID || c.body["severity"] != 1.0 || c.body["drill"] != true ||
		c.body["text"] != "[DRILL][SEV-1] INC-2041 Payments down" || c.body["url"] != "https://muster.bank.example/rooms/42" || len(c.body["items"].([]any)) != 1 {
		t.Errorf("%s", c.raw)
	}
	if d := r.untilBy(n.ID, by, "sent"); d.Name != "SMS" || len(d.Tries) != 1 || d.Tries[0].Answer != "queued as 42" {
		t.Error(d)
	}
	log, err := r.store.GatewayLog(ctx, r.d.Read(), r.admin, "SMS", 0)
	if err != nil || len(log) != 1 || !log[0].Sent || log[0].UserID != r.ann.ID || log[0].Answer != "queued as 42" {
		t.Error(log, err)
	}
	// A test shows what becomes of it, and so many are enough.
	for i := range 6 {
		err := r.d.Do(ctx, func(tx *db.Tx) error { _, err := r.store.Test(ctx, tx, r.ann, by); return err })
		if i < 5 && err != nil || i == 5 && !fault.Is(err, fault.RateLimited) {
			t.Error(i, err)
		}
	}
}

// What the gateway does not take now is sent later; what it does not want is
// not; and neither goes on after the answer.
func TestAGatewayThatFails(t *testing.T) {
	p := dialled(t)
	p.answer = func(n int) (int, string) { return []int{503, 200, 302, 400, 503, 503}[n-1], "said\r\nso" }
	r := open(t, notify.Settings{})
	r.start()
	by := "gateway:" + r.gateway(p.URL).ID
	r.reach(notify.UseChannel{Channel: by, Used: true, Address: "1"})
	n := r.send(notify.New{Title: "t", Severity: 1, Email: true})
	for r.untilBy(n.ID, by, "queued").Error != "The gateway answered with status 503. It is tried again." {
		continue
	}
	first := p.call(t)
	r.clock.Advance(3 * time.Second)
	r.tasks.Wake()
	if again := p.call(t); again.header.Get("Muster-Id") != first.header.Get("Muster-Id") {
		t.Error("another id")
	}
	if d := r.untilBy(n.ID, by, "sent"); d.Attempts != 2 || d.Tries[0].Answer != "said so" {
		t.Error(d)
	}
	for _, want := range []string{"The gateway answered with status 302. Give it the address that it leads to.", "The gateway answered with status 400."} {
		n := r.send(notify.New{Title: "t", Severity: 1, Email: true})
		p.call(t)
		if d := r.untilBy(n.ID, by, "failed"); d.Error != want {
			t.Error(d)
		}
	}
	n = r.send(notify.New{Title: "t", Severity: 1, Email: true})
	p.call(t)
	for r.untilBy(n.ID, by, "queued").Error == "" {
		continue
	}
	r.do(func(tx *db.Tx) error { return r.store.Acted(ctx, tx, n.ID) })
	r.untilBy(n.ID, by, "skipped")
	r.clock.Advance(time.Hour)
	r.tasks.Wake()
	r.reach(notify.UseChannel{Channel: by, Used: true, Address: "2"})
	r.send(notify.New{Title: "next", Severity: 1, Email: true})
	if c := p.call(t); c.body["text"] != "next" {
		t.Error("sent after the answer")
	}
}

// A channel that fails hands over to the next at once; one that works leaves it
// its delay, and the answer ends it.
func TestTheNextChannel(t *testing.T) {
	p := dialled(t)
	r := open(t, notify.Settings{Mail: plain(1)}) // nobody listens there
	r.start()
	by := "gateway:" + r.gateway(p.URL).ID
	r.reach(notify.UseChannel{Channel: "email", Used: true}, notify.UseChannel{Channel: by, Used: true, Address: "1", DelayS: 600, Severity: 2})
	n := r.send(notify.New{Title: "t", Severity: 2, Email: true})
	if n.Channels[2].State != "queued" || !n.Channels[2].At.Equal(r.clock.Now().Add(10*time.Minute)) {
		t.Error(n.Channels)
	}
	p.call(t) // without the clock moving
	r.untilBy(n.ID, by, "sent")
	if n = r.send(notify.New{Title: "t", Severity: 3, Email: true}); len(n.Channels) != 2 {
		t.Error("used for what it is not for:", n.Channels)
	}
	r.reach(notify.UseChannel{Channel: by, Used: true, Address: "1", DelayS: 600}, notify.UseChannel{Channel: "email"})
	n = r.send(notify.New{Title: "t", Severity: 2, Email: true})
	r.do(func(tx *db.Tx) error { return r.store.Acted(ctx, tx, n.ID) })
	if d := r.untilBy(n.ID, by, "skipped"); d.Attempts != 0 {
		t.Error(d)
	}
	r.clock.Advance(time.Hour)
	if len(p.calls) != 0 {
		t.Error("called after the answer")
	}
}

func TestGatewaysAreTheAdministrators(t *testing.T) {
	r := open(t, notify.Settings{Gateways: outbound.New(outbound.URLs, outbound.Rules{}, outbound.Options{})})
	r.start()
	for _, act := range []func(tx *db.Tx, who actor.Actor) error{
		func(tx *db.Tx, who actor.Actor) error {
			_, _, err := r.store.CreateGateway(ctx, tx, who, notify.SaveGateway{Name: new("x"), URL: new("https://x.example")})
			return err
		},
		func(tx *db.Tx, who actor.Actor) error {
			_, err := r.store.ChangeGateway(ctx, tx, who, "x", notify.SaveGateway{Enabled: new(false)})
			return err
		},
		func(tx *db.Tx, who actor.Actor) error {
			_, err := r.store.GatewayLog(ctx, tx, who, "x", 0)
			return err
		},
		func(tx *db.Tx, who actor.Actor) error {
			_, err := r.store.Gateways(ctx, tx, who)
			return err
		},
		func(tx *db.Tx, who actor.Actor) error { return r.store.DeleteGateway(ctx, tx, who, "x") },
	} {
		if err := r.d.Do(ctx, func(tx *db.Tx) error { return act(tx, r.ann) }); !fault.Is(err, fault.Denied) {
			t.Error("not refused:", err)
		}
		r.do(func(tx *db.Tx) error { return act(tx, r.admin) })
	}
	for field, in := range map[string]notify.SaveGateway{
		"name": {Name: new(" "), URL: new("https://x.example")}, "url": {Name: new("x"), URL: new("ftp://x.example")},
		"secret": {Name: new("x"), URL: new("https://x.example"), Secret: new("short")}, "address": {Name: new("x"), URL: new("https://x.example"), Address: new("")},
	} {
		err := r.d.Do(ctx, func(tx *db.Tx) error { _, _, err := r.store.CreateGateway(ctx, tx, r.admin, in); return err })
		if fs := fault.FieldsOf(err); len(fs) != 1 || fs[0].Field != field {
			t.Error(field, err)
		}
	}
	// Without a rule that allows it, nothing inside is called, and that is said.
	p := dialled(t)
	by := "gateway:" + r.gateway(p.URL).ID
	r.reach(notify.UseChannel{Channel: by, Used: true, Address: "1"})
	n := r.send(notify.New{Title: "t", Severity: 1, Email: true})
	if d := r.untilBy(n.ID, by, "failed"); !strings.Contains(d.Error, "outbound.urls.allow") {
		t.Error(d)
	}
	for field, use := range map[string]notify.UseChannel{"channels[0].channel": {Channel: "pigeon"}, "channels[0].address": {Channel: by, Used: true}, "channels[0].delay_s": {Channel: "email", DelayS: 4000}, "channels[0].severity": {Channel: "email", Severity: 5}} {
		err := r.d.Do(ctx, func(tx *db.Tx) error {
			_, err := r.store.SetReach(ctx, tx, r.ann, notify.ChangeReach{Channels: &[]notify.UseChannel{use}})
			return err
		})
		if fs := fault.FieldsOf(err); len(fs) != 1 || fs[0].Field != field {
			t.Error(field, err)
		}
	}
}

// Whoever looks after gateways sees that something did not get out, and not what
// it was about where that is not for them.
func TestAGatewaysLogKeepsWhatIsRestricted(t *testing.T) {
	for name, c := range map[string]struct {
		member bool
		shows  bool
	}{"a stranger": {false, false}, "a member": {true, true}} {
		t.Run(name, func(t *testing.T) {
			p := dialled(t)
			p.answer = func(int) (int, string) { return 400, "no: [SEV-1] Insider fraud" }
			r := open(t, notify.Settings{})
			r.store.WithConfined(func(_ context.Context, _ db.Querier, who actor.Actor, incident string) (bool, bool, error) {
				return incident == "secret", c.member || who.ID == r.ann.ID, nil
			})
			r.start()
			by := "gateway:" + r.gateway(p.URL).ID
			r.reach(notify.UseChannel{Channel: by, Used: true, Address: "1"})
			n := r.send(notify.New{Title: "Insider fraud", Incident: "secret", Link: "/rooms/secret", Severity: 1, Email: true})
			r.untilBy(n.ID, by, "failed")
			log, err := r.store.GatewayLog(ctx, r.d.Read(), r.admin, "SMS", 0)
			if err != nil || len(log) == 0 || strings.Contains(log[0].Title+log[0].Answer, "Insider fraud") != c.shows || log[0].Error == "" {
				t.Errorf("%v %+v", err, log)
			}
			told, err := r.store.List(ctx, r.d.Read(), r.admin, false, 0)
			if err != nil || len(told) != 1 || !strings.HasPrefix(told[0].Title, "A page to ") {
				t.Fatal(err, told)
			}
			if all := told[0].Title + told[0].Body + told[0].Link + told[0].IncidentID; strings.Contains(all, "fraud") != c.shows || strings.Contains(all, "secret") != c.shows {
				t.Error(all)
			}
		})
	}
}

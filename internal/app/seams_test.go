package app_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"muster/internal/account"
	"muster/internal/db"
	"muster/internal/id"
	"muster/internal/node"
	"muster/internal/oncall"
	"muster/internal/task"
)

// What one capability asks of another is filled when the office is put together.
// These tests try it there, where the tests of a capability fill it themselves.

// bank is an office with a project of production machines: Bob works, Carol
// approves.
func bank(t *testing.T) *world {
	s := start(t)
	w := &world{server: s, kept: map[string]string{}}
	s.person("root", account.Administrator)
	s.person("bob", account.Operator)
	s.person("carol", account.Approver)
	s.do(func(ctx context.Context, tx *db.Tx) error {
		if _, err := s.Nodes.CreateProject(ctx, tx, system, node.NewProject{Name: "ours"}); err != nil {
			return err
		}
		_, err := s.Nodes.Import(ctx, tx, system, "ours", "", []byte(oursNodes), false)
		return err
	})
	return w
}

// asked puts a run into a room that waits for approval.
func (w *world) asked(roomID string) (runID string) {
	w.t.Helper()
	name := w.as("bob").want(200, "GET", "/jobs/"+w.job("ours"), nil).get("full_name").(string)
	a := w.as("bob").want(201, "POST", "/rooms/"+roomID+"/messages", obj{"text": "/run " + name})
	runs := w.as("bob").want(200, "GET", "/runs?state=waiting", nil).items()
	if len(runs) != 1 {
		w.t.Fatalf("%d runs wait: %s", len(runs), a.text)
	}
	return runs[0].(obj)["id"].(string)
}

// TestTheEndIsAskedWithWhatGoesOn: who ends an incident by a command is told once
// of the alert that fires and of the run that waits, and may end it anyway.
func TestTheEndIsAskedWithWhatGoesOn(t *testing.T) {
	w := bank(t)
	a := w.as("bob").want(200, "GET", "/alerts/"+w.alert(false), nil)
	i := "/incidents/" + a.get("incident_id").(string)
	room := w.as("bob").want(200, "GET", i, nil).get("room", "id").(string)
	run := w.asked(room)

	open := w.as("bob").want(200, "GET", i+"/open", nil).items()
	kinds := map[string]any{}
	for _, o := range open {
		kinds[o.(obj)["kind"].(string)] = o.(obj)["id"]
	}
	if len(open) != 2 || kinds["alert"] != a.id() || kinds["run"] != run {
		t.Errorf("open are %v", open)
	}
	// Who may not see the run is not told of it.
	w.do(func(ctx context.Context, tx *db.Tx) error {
		_, err := w.Access.Put(ctx, tx, system, "ours", "default", strings.NewReplacer("vault-team", "operator", "vault", "ours").Replace(vaultPolicy))
		return err
	})
	if open := w.as("root").want(200, "GET", i+"/open", nil).items(); len(open) != 1 || open[0].(obj)["kind"] != "alert" {
		t.Errorf("who may not see the run is told %v", open)
	}

	say := func(text string) answer {
		return w.as("bob").call("POST", "/rooms/"+room+"/messages", obj{"text": text})
	}
	stage := func() any { return w.as("bob").want(200, "GET", i, nil).get("stage") }
	for _, to := range []string{"resolved", "closed"} {
		refused := say("/stage " + to)
		detail, _ := refused.get("detail").(string)
		for _, want := range []string{"the alert “" + a.get("title").(string) + "” fires", "Run 1 (", "waits for approval", "/stage " + to + " anyway"} {
			if refused.status != 409 || !strings.Contains(detail, want) {
				t.Errorf("/stage %s answers %d %q, without %q", to, refused.status, detail, want)
			}
		}
	}
	if got := stage(); got != "declared" {
		t.Errorf("the question moved it to %v", got)
	}
	if a := say("/stage mitigating failing over"); a.status != 201 || stage() != "mitigating" {
		t.Errorf("it is asked also when work goes on: %s", a.text)
	}
	if a := say("/stage resolved anyway the vendor mends it"); a.status != 201 || stage() != "resolved" {
		t.Errorf("anyway: %s", a.text)
	}
}

// TestApproversOfTheWorstAreWokenInTheOffice: what waits in an open SEV-1 goes
// the way of a page, what waits elsewhere does not.
func TestApproversOfTheWorstAreWokenInTheOffice(t *testing.T) {
	w := bank(t)
	severity := func(run string) any {
		for _, n := range w.as("carol").want(200, "GET", "/notifications", nil).items() {
			n := n.(obj)
			if n["link"] == "/runs/"+run && n["kind"] == "approval" {
				ways := ""
				for _, c := range n["channels"].([]any) {
					ways += c.(obj)["channel"].(string) + " "
				}
				return fmt.Sprint("SEV-", n["severity"], " by ", strings.TrimSpace(ways))
			}
		}
		return nil
	}
	i := w.as("bob").want(201, "POST", "/incidents", obj{"title": "Payments are down", "severity": 1})
	run := w.asked(i.get("room", "id").(string))
	if got := severity(run); got != "SEV-1 by app email" {
		t.Errorf("in a SEV-1: %v", got)
	}
	w.as("bob").want(200, "POST", "/runs/"+run+"/stop", nil)
	calm := w.asked(w.room("payments-ops").ID)
	if got := severity(calm); got != "SEV-0 by app" && got != "SEV-<nil> by app" {
		t.Errorf("elsewhere: %v", got)
	}
}

// TestTalkIsTouch: an acknowledgement runs out where nobody did anything, and
// does not where people talk.
func TestTalkIsTouch(t *testing.T) {
	w := bank(t)
	ctx := context.Background()
	var rooms []string
	for _, title := range []string{"They talk", "Silence"} {
		i := w.as("bob").want(201, "POST", "/incidents", obj{"title": title, "severity": 2})
		w.as("bob").want(200, "POST", "/incidents/"+i.id()+"/acknowledge", nil)
		rooms = append(rooms, i.get("room", "id").(string))
	}
	wire := w.as("bob").connect()
	w.do(func(ctx context.Context, tx *db.Tx) error {
		const hours = int64(2 * time.Hour / time.Microsecond)
		call := id.New()
		for _, q := range []struct {
			text string
			args []any
		}{
			{`UPDATE incident SET declared = declared - $1`, []any{hours}},
			{`UPDATE ledger_event SET at = at - $1 WHERE incident <> ''`, []any{hours}},
			{`UPDATE message SET created_at = created_at - $1`, []any{hours}},
			{`INSERT INTO call (id, room, started_at, seen_at, ended_at, noted) VALUES ($1, $2, 1, $3, 0, FALSE)`, []any{call, rooms[0], db.Micro(time.Now())}},
			{`INSERT INTO call_person (call, person, mode, held, joined_at, left_at, spoke_at, shared_at) VALUES ($1, $2, 'table', FALSE, 1, 0, 1, 0)`, []any{call, w.people["bob"].ID}},
		} {
			if _, err := tx.Exec(ctx, q.text, q.args...); err != nil {
				return fmt.Errorf("%s: %w", q.text, err)
			}
		}
		return w.Tasks.Enqueue(ctx, tx, "incident.watch", struct{}{}, task.Options{Key: "now"})
	})
	wire.wait("being paged again", func(e event) bool {
		return e.typ == "incident" && e.get("incident", "room", "id") == rooms[1] && e.get("incident", "next_page") != nil
	})
	// They are looked after in the order of their making.
	var n int
	if err := w.DB.Read().QueryRow(ctx, `SELECT COUNT(*) FROM message WHERE room = $1 AND text LIKE '%nobody touched%'`, rooms[0]).Scan(&n); err != nil || n != 0 {
		t.Errorf("who talks was paged again: %d %v", n, err)
	}
}

// TestAGuestLinkEndsWithItsToken: what was made by an API token is gone with it,
// and what was made otherwise is not.
func TestAGuestLinkEndsWithItsToken(t *testing.T) {
	s := start(t)
	s.person("root", account.Administrator)
	r := s.room("payments-ops")
	browser := s.signIn("root")
	made := browser.want(201, "POST", "/tokens", obj{"name": "robot"})
	by := s.nobody()
	by.token = made.get("token").(string)
	link := func(c caller) string {
		url := c.want(201, "POST", "/rooms/"+r.ID+"/guest-links", obj{}).get("url").(string)
		return url[strings.LastIndex(url, "/")+1:]
	}
	byToken, bySession := link(by), link(browser)
	look := func(token string) int {
		return s.nobody().call("POST", "/guest/look", obj{"token": token}).status
	}
	if a, b := look(byToken), look(bySession); a != 200 || b != 200 {
		t.Fatal(a, b)
	}
	browser.want(204, "DELETE", "/tokens/"+made.id(), nil)
	if a := look(byToken); a != 404 {
		t.Errorf("the link of a token that ended: %d", a)
	}
	if a := look(bySession); a != 200 {
		t.Errorf("the link of a browser: %d", a)
	}
}

// TestADrillSaysSoInStatus: whoever asks how a service is sees what is practised.
func TestADrillSaysSoInStatus(t *testing.T) {
	w := bank(t)
	w.do(func(ctx context.Context, tx *db.Tx) error {
		_, err := w.Oncall.CreateService(ctx, tx, system, oncall.SaveService{Name: "payments-api", Title: "Payments"})
		return err
	})
	room := w.room("payments-ops").ID
	drill := w.as("bob").want(201, "POST", "/incidents", obj{"title": "Down", "severity": 1, "service": "payments-api", "mode": "drill"})
	real := w.as("bob").want(201, "POST", "/incidents", obj{"title": "Slow", "severity": 3, "service": "payments-api"})
	reply, _ := w.as("bob").want(201, "POST", "/rooms/"+room+"/messages", obj{"text": "/status payments-api"}).get("reply").(string)
	lines := "\n" + reply + "\n"
	for _, want := range []string{"\nDRILL " + drill.get("ticket").(string) + " SEV-1 Down", "\n" + real.get("ticket").(string) + " SEV-3 Slow"} {
		if !strings.Contains(lines, want) {
			t.Errorf("/status says %q, without %q", reply, want)
		}
	}
}

// TestAGetIsToldOnce: who is asked over by a command is not told in addition that
// the command names them.
func TestAGetIsToldOnce(t *testing.T) {
	s := start(t)
	s.person("ann", account.Responder)
	s.person("bob", account.Responder)
	s.as("bob").connect()
	r := s.room("payments-ops")
	for _, text := range []string{"/get @bob the switch is down", "//get is how you call @bob"} {
		s.as("ann").want(201, "POST", "/rooms/"+r.ID+"/messages", obj{"text": text})
	}
	kinds := []string{}
	for _, n := range s.as("bob").want(200, "GET", "/notifications", nil).items() {
		kinds = append(kinds, n.(obj)["kind"].(string))
	}
	if got := strings.Join(kinds, " "); got != "mention get" {
		t.Errorf("the newest first, he was told by: %s", got)
	}
	unread := s.as("bob").want(200, "GET", "/rooms", nil).items()
	for _, u := range unread {
		if u := u.(obj); u["id"] == r.ID && u["mentions"] != float64(1) {
			t.Errorf("the room counts %v mentions", u["mentions"])
		}
	}
}

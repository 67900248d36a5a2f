package app_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/alert"
	"muster/internal/db"
	"muster/internal/id"
	"muster/internal/incident"
	"muster/internal/key"
	"muster/internal/message"
	"muster/internal/node"
	"muster/internal/notify"
	"muster/internal/office"
	"muster/internal/oncall"
	"muster/internal/room"
	"muster/internal/run"
)

// mark stands in everything that is foreign: it must never be read by somebody
// who is outside.
const mark = "xyzzy"

// world is an office with ordinary things, which the roles decide about, and
// foreign ones: a private room, a restricted incident, a project whose policy
// speaks of one team only. Bob and Carol are inside of all of them.
type world struct {
	*server
	who  string // whose call is being prepared: "my …" are theirs
	made int
	kept map[string]string

	public, private room.Room
	secret          incident.Incident
	vaultRun        run.Run
}

const oursNodes = `
here: {hostname: localhost, node-executor: local, tags: local, environment: dev}
prod: {hostname: localhost, node-executor: local, tags: local, environment: prod}
`

const vaultNodes = mark + `: {hostname: localhost, node-executor: local, environment: prod, tags: ` + mark + `}`

const vaultPolicy = `
description: The vault's team does everything, ` + mark + `
context: {project: vault}
for:
  job: [{allow: '*'}]
  node: [{allow: '*'}]
  adhoc: [{allow: '*'}]
  resource: [{allow: '*'}]
  storage: [{allow: '*'}]
  approval: [{allow: '*'}]
by: {group: vault-team}
`

const vaultHidden = `
description: The vault is nobody's business
context: {application: muster}
for:
  project: [{equals: {name: vault}, deny: read}]
  floor: [{match: {name: '.*hidden floor'}, deny: read}]
notBy: {group: vault-team}
`

func newWorld(s *server) *world {
	w := &world{server: s, kept: map[string]string{}}
	s.person("none")
	for _, r := range account.Roles {
		s.person(r, r)
	}
	s.person("bob", account.Operator, "vault-team")
	s.person("carol", account.Operator, account.Approver, "vault-team")
	w.public = s.room("payments-ops")
	w.private = s.room(mark, "bob", "carol")
	topic := "Nothing to see here, " + mark
	s.do(func(ctx context.Context, tx *db.Tx) error {
		if _, err := s.Rooms.Update(ctx, tx, system, w.private.ID, room.Change{Topic: &topic}); err != nil {
			return err
		}
		for _, p := range []string{"ours", "vault"} {
			title := map[string]string{"vault": mark}[p]
			if _, err := s.Nodes.CreateProject(ctx, tx, system, node.NewProject{Name: p, Title: title, Description: title}); err != nil {
				return err
			}
		}
		for _, p := range []struct{ project, name, text string }{{"vault", "default", vaultPolicy}, {"", "vault", vaultHidden}} {
			if _, err := s.Access.Put(ctx, tx, system, p.project, p.name, p.text); err != nil {
				return err
			}
		}
		if _, err := s.Nodes.Import(ctx, tx, system, "ours", "", []byte(oursNodes), false); err != nil {
			return err
		}
		if _, err := s.Nodes.Import(ctx, tx, system, "vault", "", []byte(vaultNodes), false); err != nil {
			return err
		}
		if _, err := s.Keys.Put(ctx, tx, system, "project/vault/"+mark, key.Password, []byte(mark)); err != nil {
			return err
		}
		_, err := s.Keys.Put(ctx, tx, system, "project/ours/deploy", key.Password, []byte("secret"))
		return err
	})
	w.vaultRun = w.run("vault", w.private.ID, "bob")
	w.secret = w.restricted()
	for _, foreign := range []string{"private message", "restricted alert", "get to carol", "notification to bob", "vault job", "hidden floor"} {
		w.thing(foreign) // now, so that lists would show them
	}
	return w
}

// floor makes one without rooms.
func (w *world) floor(name string) (floorID string) {
	w.do(func(ctx context.Context, tx *db.Tx) error {
		f, err := w.Office.AddFloor(ctx, tx, system, name, office.Layout{})
		floorID = f.ID
		return err
	})
	return floorID
}

// secretRoom is a second private room.
func (w *world) secretRoom() string { return w.server.room(mark+" three", "bob", "carol").ID }

// by is a person as the one who acts.
func (w *world) by(name string) actor.Actor {
	a := w.people[name].Actor()
	a.Door = "test"
	return a
}

// me is who calls; for nobody it is somebody without a role.
func (w *world) me() account.User { return w.people[w.who] }

func (w *world) name() string {
	w.made++
	return fmt.Sprintf("new-%d", w.made)
}

// job makes one that does nothing.
func (w *world) job(project string) string {
	name := w.name()
	if project == "vault" {
		name = mark + name
	}
	def := fmt.Sprintf("- name: %s\n  description: %s\n  nodefilters: {filter: '.*'}\n  nodeFilterEditable: true\n  multipleExecutions: true\n  sequence: {commands: [{exec: 'true'}]}\n", name, name)
	var jobID string
	w.do(func(ctx context.Context, tx *db.Tx) error {
		if _, err := w.Jobs.Import(ctx, tx, system, project, []byte(def), false); err != nil {
			return err
		}
		j, err := w.Jobs.Find(ctx, tx, system, project, name)
		jobID = j.ID
		return err
	})
	return jobID
}

// run asks for one that waits for approval, as production does.
func (w *world) run(project, roomID, by string) (r run.Run) {
	j := w.job(project)
	w.do(func(ctx context.Context, tx *db.Tx) (err error) {
		filter := "environment: prod"
		r, err = w.Runs.Request(ctx, tx, w.by(by), run.Request{JobID: j, Filter: filter, Room: roomID})
		return err
	})
	return r
}

// restricted declares an incident that only the members of its room may know of.
func (w *world) restricted() (i incident.Incident) {
	w.do(func(ctx context.Context, tx *db.Tx) (err error) {
		i, err = w.Incidents.Declare(ctx, tx, system, incident.Declare{Title: mark, Summary: mark, Severity: 1, Restricted: true, Members: []string{w.people["bob"].ID}})
		return err
	})
	return i
}

// message is one of anybody's, also of who may not write there (any more).
func (w *world) message(roomID string, by account.User, text string) (m message.Message) {
	w.do(func(ctx context.Context, tx *db.Tx) (err error) {
		by := by.Actor()
		by.Kind = actor.SystemOf
		m, err = w.Messages.Post(ctx, tx, by, message.New{Room: roomID, Text: text})
		return err
	})
	return m
}

// alert lets one fire; with restricted a rule hides the incident it leads to.
func (w *world) alert(restrict bool) (alertID string) {
	title := w.name()
	if restrict {
		title = mark + title
	}
	w.do(func(ctx context.Context, tx *db.Tx) error {
		src, _, err := w.Alerts.CreateSource(ctx, tx, system, alert.NewSource{Kind: "alertmanager", Name: w.name()})
		if err != nil {
			return err
		}
		if restrict {
			rule := alert.RoutingRule{Name: "secret", When: `labels.kept == "true"`, Restricted: true, Groups: []string{"vault-team"}}
			if _, err := w.Alerts.SetRules(ctx, tx, system, []alert.RoutingRule{rule}); err != nil {
				return err
			}
		}
		if _, err = w.Alerts.Receive(ctx, tx, src, alert.Delivery{GroupKey: title, Alerts: []alert.Incoming{{
			Fingerprint: title, Status: "firing", StartsAt: time.Now(),
			Labels: map[string]string{"alertname": title, "severity": "critical", "kept": strconv.FormatBool(restrict)}, Annotations: map[string]string{"summary": title},
		}}}); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `SELECT id FROM alert WHERE fingerprint = $1`, title).Scan(&alertID)
	})
	return alertID
}

// session opens one for a person, beside those they have.
func (w *world) session(name string) *http.Cookie { return w.signIn(name).cookie }

// sit puts a person into a room by hand, whoever may enter it, and online.
func (w *world) sit(person, roomID string) {
	w.Office.Connected(person, "test")
	w.do(func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO location (person, room, seat, since) VALUES ($1, $2, 1, 0)
ON CONFLICT (person) DO UPDATE SET room = excluded.room`, person, roomID)
		return err
	})
}

// closed makes a room with somebody inside behind a closed door; bob may see it.
func (w *world) closed(inside string, private bool) (roomID string) {
	w.do(func(ctx context.Context, tx *db.Tx) error {
		n := room.New{Name: w.name(), Private: private, Door: "closed"}
		if private {
			n.Name, n.Members = mark+n.Name, []string{w.people["bob"].ID, w.people["carol"].ID}
		}
		r, err := w.Rooms.Create(ctx, tx, system, n)
		roomID = r.ID
		return err
	})
	w.sit(w.people[inside].ID, roomID)
	return roomID
}

// knock lets somebody knock there, as if long ago as far as limits go.
func (w *world) knock(who, roomID string) (knockID string) {
	w.do(func(ctx context.Context, tx *db.Tx) error {
		knockID = id.New()
		now := db.Micro(time.Now())
		_, err := tx.Exec(ctx, `INSERT INTO office_knock (id, person, room, state, note, answer, answered_by, created_at, expires_at, answered_at) VALUES ($1, $2, $3, 'pending', $4, '', '', $5, $6, 0)`,
			knockID, w.people[who].ID, roomID, "hello", now-int64(2*time.Minute/time.Microsecond), now+int64(time.Minute/time.Microsecond))
		return err
	})
	return knockID
}

// thing finds or makes what a line of the matrix names. What a call uses up is
// made for each call.
func (w *world) thing(name string) string {
	once := func(make func() string) string {
		if w.kept[name] == "" {
			w.kept[name] = make()
		}
		return w.kept[name]
	}
	var out string
	ctx := context.Background()
	switch name {
	case "new":
		return w.name()
	case "me":
		return w.me().ID
	case "bob", "carol":
		return w.people[name].ID
	case "someone": // to be done something to
		w.do(func(ctx context.Context, tx *db.Tx) error {
			u, err := w.Accounts.Create(ctx, tx, system, account.NewUser{Name: w.name(), Display: "Someone"})
			out = u.ID
			return err
		})
	case "some bot":
		w.do(func(ctx context.Context, tx *db.Tx) error {
			u, err := w.Accounts.Create(ctx, tx, system, account.NewUser{Name: w.name(), Display: "Some bot", Kind: actor.Bot})
			out = u.ID
			return err
		})
	case "my login with a password":
		w.do(func(ctx context.Context, tx *db.Tx) error {
			u, err := w.Accounts.Create(ctx, tx, system, account.NewUser{Name: w.name(), Display: "Someone", Password: w.pass})
			out = u.Name
			return err
		})
	case "now":
		return time.Now().UTC().Format(time.RFC3339)
	case "later":
		return time.Now().UTC().Add(time.Hour).Format(time.RFC3339)

	case "gateway":
		w.do(func(ctx context.Context, tx *db.Tx) error {
			name, url := w.name(), "https://sms.bank.example/"
			g, _, err := w.Notify.CreateGateway(ctx, tx, system, notify.SaveGateway{Name: &name, URL: &url})
			out = g.ID
			return err
		})

	case "room":
		return w.public.ID
	case "fresh room":
		return w.room(w.name()).ID
	case "meeting":
		w.do(func(ctx context.Context, tx *db.Tx) error {
			r, err := w.Rooms.Create(ctx, tx, system, room.New{Name: w.name(), Kind: "meeting"})
			out = r.ID
			return err
		})
	case "guest link", "guest token":
		w.do(func(ctx context.Context, tx *db.Tx) error {
			if _, err := tx.Exec(ctx, `UPDATE guest_link SET revoked_at = 1`); err != nil { // a room has only so many
				return err
			}
			l, token, err := w.Office.MakeGuestLink(ctx, tx, system, w.public.ID, office.NewGuestLink{})
			if out = l.ID; name == "guest token" {
				out = token
			}
			return err
		})
	case "room with bob":
		w.do(func(ctx context.Context, tx *db.Tx) error {
			r, err := w.Rooms.Create(ctx, tx, system, room.New{Name: w.name(), Members: []string{w.people["bob"].ID}})
			out = r.ID
			return err
		})
	case "private room":
		return w.private.ID
	case "name of the private room":
		return w.private.Name
	case "private room to spoil":
		return w.server.room(mark+w.name(), "bob", "carol").ID

	case "floor":
		return w.public.Floor
	case "fresh floor":
		return w.floor(w.name())
	case "hidden floor":
		return once(func() string { return w.floor(mark + " hidden floor") })

	case "my message":
		return w.message(w.public.ID, w.me(), "hello").ID
	case "message":
		return once(func() string { return w.message(w.public.ID, w.people["bob"], "hello").ID })
	case "another message":
		return w.message(w.public.ID, w.people["bob"], "hello").ID
	case "message of mine in the private room":
		return w.message(w.private.ID, w.me(), mark).ID
	case "private message":
		return once(func() string { return w.message(w.private.ID, w.people["bob"], mark).ID })

	case "incident", "incident with a commander":
		w.do(func(ctx context.Context, tx *db.Tx) error {
			i, err := w.Incidents.Declare(ctx, tx, system, incident.Declare{Title: w.name(), Severity: 4})
			if out = i.ID; err != nil || name == "incident" {
				return err
			}
			_, err = w.Incidents.SetRole(ctx, tx, system, i.ID, "commander", w.people["bob"].ID)
			return err
		})
	case "an incident":
		return once(func() string { return w.thing("incident") })
	case "followup", "restricted followup":
		of, text := w.thing("an incident"), "x"
		if name != "followup" {
			of, text = w.secret.ID, mark
		}
		w.do(func(ctx context.Context, tx *db.Tx) error {
			f, err := w.Incidents.AddFollowup(ctx, tx, w.by("bob"), of, incident.NewFollowup{Kind: "action", Text: text})
			out = f.ID
			return err
		})
	case "an alert":
		return once(func() string { return w.alert(false) })
	case "restricted incident":
		return w.secret.ID
	case "ticket of the restricted incident":
		return w.secret.Ticket
	case "alert":
		return w.alert(false)
	case "restricted alert":
		return once(func() string { return w.alert(true) })
	case "alert source":
		w.do(func(ctx context.Context, tx *db.Tx) error {
			src, _, err := w.Alerts.CreateSource(ctx, tx, system, alert.NewSource{Kind: "alertmanager", Name: w.name()})
			out = src.ID
			return err
		})

	case "service":
		w.do(func(ctx context.Context, tx *db.Tx) error {
			s, err := w.Oncall.CreateService(ctx, tx, system, oncall.SaveService{Name: w.name()})
			out = s.ID
			return err
		})
	case "rotation", "my rotation":
		w.do(func(ctx context.Context, tx *db.Tx) error {
			member := w.people["bob"].ID
			if name == "my rotation" {
				member = w.me().ID
			}
			r, err := w.Oncall.CreateRotation(ctx, tx, system, oncall.SaveRotation{Name: w.name(), Members: []string{member}})
			out = r.ID
			return err
		})

	case "rotation of my override", "rotation of an override":
		member := w.people["bob"].ID
		if name == "rotation of my override" {
			member = w.me().ID
		}
		w.do(func(ctx context.Context, tx *db.Tx) error {
			r, err := w.Oncall.CreateRotation(ctx, tx, system, oncall.SaveRotation{Name: w.name(), Members: []string{member}})
			if err != nil {
				return err
			}
			from := time.Now().Add(time.Hour)
			if r, err = w.Oncall.AddOverride(ctx, tx, system, r.ID, oncall.NewOverride{UserID: member, From: from, Until: from.Add(time.Hour)}); err != nil {
				return err
			}
			out, w.kept["its override"] = r.ID, r.Overrides[0].ID
			return nil
		})
	case "its override": // of the rotation made just before
		return w.kept[name]

	case "my notification", "notification to bob":
		person, title := w.me().ID, "hello"
		if name != "my notification" {
			person, title = w.people["bob"].ID, mark
		}
		w.do(func(ctx context.Context, tx *db.Tx) error {
			n, err := w.Notify.Send(ctx, tx, notify.New{Person: person, Kind: "info", Title: title})
			out = n.ID
			return err
		})
	case "closed room", "knock at another door":
		out = w.closed("carol", false)
		if name != "closed room" {
			out = w.knock("bob", out)
		}
	case "my knock":
		out = w.knock(w.me().Name, w.closed("carol", false))
	case "knock at my door":
		out = w.knock("bob", w.closed(w.me().Name, false))
	case "private knock":
		out = w.knock("bob", w.closed("carol", true))
	case "room with a bridge":
		out = w.room(w.name()).ID
		w.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := w.Rooms.SetBridge(ctx, tx, system, out, room.NewBridge{Phone: "+44 20 7946 0000"})
			return err
		})
	case "room with me inside":
		out = w.room(w.name()).ID
		w.sit(w.me().ID, out)
	case "recorded room with me inside":
		out = w.room(w.name()).ID
		w.sit(w.me().ID, out)
		yes := room.Recorded
		w.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := w.Rooms.Update(ctx, tx, system, out, room.Change{Recording: &yes})
			return err
		})
	case "recording":
		return once(func() string { return w.recording(w.room(w.name()).ID, "bob") })
	case "recording of a call of mine":
		out = w.recording(w.room(w.name()).ID, w.me().Name)
	case "private recording":
		return once(func() string { return w.recording(w.private.ID, "bob") })
	case "get to me":
		w.do(func(ctx context.Context, tx *db.Tx) error {
			r, err := w.Rooms.Create(ctx, tx, system, room.New{Name: w.name()})
			if err != nil {
				return err
			}
			g, err := w.Office.Ask(ctx, tx, w.by("bob"), w.me().ID, r.ID, "")
			out = g.ID
			return err
		})
	case "get to carol":
		return once(func() string {
			w.do(func(ctx context.Context, tx *db.Tx) error {
				g, err := w.Office.Ask(ctx, tx, w.by("bob"), w.people["carol"].ID, w.private.ID, mark)
				out = g.ID
				return err
			})
			return out
		})
	case "session of bob":
		return once(func() string {
			w.session("bob")
			ss, err := w.Accounts.Sessions(ctx, w.DB.Read(), w.by("bob"))
			if err != nil || len(ss) == 0 {
				w.t.Fatal(ss, err)
			}
			return ss[0].ID
		})
	case "my session":
		w.session(w.who)
		ss, err := w.Accounts.Sessions(ctx, w.DB.Read(), w.me().Actor())
		if err != nil || len(ss) == 0 {
			w.t.Fatal(ss, err)
		}
		return ss[0].ID
	case "my token", "token of bob":
		u := w.me()
		if name != "my token" {
			u = w.people["bob"]
		}
		w.do(func(ctx context.Context, tx *db.Tx) error {
			_, t, err := w.Accounts.CreateToken(ctx, tx, u.Actor(), u.ID, mark, 1)
			if out = t.ID; err != nil {
				return err
			}
			// Only so many are allowed; those of earlier calls are not needed.
			_, err = tx.Exec(ctx, `DELETE FROM account_token WHERE account = $1 AND name = $2 AND id <> $3`, u.ID, mark, t.ID)
			return err
		})

	case "job":
		return once(func() string { return w.job("ours") })
	case "fresh job":
		return w.job("ours")
	case "vault job":
		return once(func() string { return w.job("vault") })
	case "run":
		return once(func() string { return w.run("ours", "", "bob").ID })
	case "waiting run":
		return w.run("ours", "", "bob").ID
	case "digest of its run":
		return w.kept["digest"]
	case "waiting run with digest":
		r := w.run("ours", "", "bob")
		w.kept["digest"] = r.Digest
		return r.ID
	case "lost run":
		r := w.run("ours", "", "bob")
		w.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE run SET state = 'unknown', approval = '' WHERE id = $1`, r.ID)
			return err
		})
		return r.ID
	case "vault run":
		return w.vaultRun.ID
	case "number of the vault run":
		return w.vaultRun.NumberText()
	case "digest of the vault run":
		return w.vaultRun.Digest
	case "key", "shared key":
		path := map[string]string{"key": "project/ours/", "shared key": "shared/"}[name] + w.name()
		w.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := w.Keys.Put(ctx, tx, system, path, key.Password, []byte("secret"))
			return err
		})
		return path
	case "policy", "policy of ours":
		project, text := "", harmlessPolicy
		if name != "policy" {
			project, text = "ours", strings.Replace(harmlessPolicy, "application: muster", "project: ours", 1)
		}
		out = w.name()
		w.do(func(ctx context.Context, tx *db.Tx) error {
			_, err := w.Access.Put(ctx, tx, system, project, out, text)
			return err
		})
	default:
		w.t.Fatalf("nobody knows what %q is", name)
	}
	return out
}

const harmlessPolicy = "description: Nothing of note\ncontext: {application: muster}\nfor: {nothing: [{allow: read}]}\nby: {group: nobody-has-it}\n"

// recording is what was recorded of somebody in a call of a room.
func (w *world) recording(roomID, who string) (out string) {
	w.do(func(ctx context.Context, tx *db.Tx) error {
		callID, person, words := id.New(), w.people[who].ID, "x"
		if roomID == w.private.ID {
			words = mark
		}
		out = id.New()
		if _, err := tx.Exec(ctx, `INSERT INTO call (id, room, started_at, seen_at, ended_at, noted) VALUES ($1, $2, 1, 1, 2, FALSE)`, callID, roomID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO call_person (call, person, mode, held, joined_at, left_at, spoke_at, shared_at) VALUES ($1, $2, 'table', FALSE, 1, 2, 1, 0)`, callID, person); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO recording (id, call, room, person, state, started_at, offset_ms, ms, bytes, sha256, transcript) VALUES ($1, $2, $3, $4, 'kept', 1, 0, 1, 0, '', $5)`, out, callID, roomID, person, words)
		return err
	})
	return out
}

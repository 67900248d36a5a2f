package app

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/alert"
	"muster/internal/config"
	"muster/internal/db"
	"muster/internal/demo"
	"muster/internal/executor/sshd"
	"muster/internal/httpapi"
	"muster/internal/key"
	"muster/internal/message"
	"muster/internal/node"
	"muster/internal/office"
	"muster/internal/oncall"
	"muster/internal/room"
)

//go:embed demo
var demoFiles embed.FS

// login is a line of the demo's logins; an alert source's secret is kept there too.
type login struct{ name, password, role string }

const (
	webhook   = "webhook"
	colleague = "simulated" // who is one of demo.Colleagues
)

// demoPeople of the bank. Their passwords are made when the folder is seeded.
var demoPeople = []struct {
	account.NewUser
	role string
	does string // what one can try as them
}{
	{account.NewUser{Name: "ines", Display: "Inês Carvalho", Title: "Platform administration", Team: "Platform", Email: "ines@northbank.example", Roles: []string{account.Administrator}}, "administrator", "Sees and sets everything: people, rooms, policies, nodes"},
	{account.NewUser{Name: "amara", Display: "Amara Okafor", Title: "Incident command", Team: "Operations", Email: "amara@northbank.example", Roles: []string{account.Operator, account.Responder}}, "operator", "Commands incidents, runs jobs, asks for approval"},
	{account.NewUser{Name: "jonas", Display: "Jonas Lindqvist", Title: "Payments SRE", Team: "Payments", Email: "jonas@northbank.example", Roles: []string{account.Operator, account.Responder}}, "operator", "Is on call for payments: gets the page, repairs"},
	{account.NewUser{Name: "daniel", Display: "Daniel Weiss", Title: "Risk & Controls", Team: "Risk", Email: "daniel@northbank.example", Roles: []string{account.Approver}}, "approver", "Decides what may run in production; changes nothing"},
	{account.NewUser{Name: "farah", Display: "Farah Haddad", Title: "Internal audit", Team: "Compliance", Email: "farah@northbank.example", Roles: []string{account.Auditor}}, "auditor", "Reads the sealed record; changes nothing"},
}

// demoHosts are the machines of the bank: real OpenSSH servers on loopback.
var demoHosts = []struct{ name, env, tags, about string }{
	{"pay-dev-1", "dev", "app,mq", "Payments, development"},
	{"pay-qa-1", "qa", "app,mq", "Payments, QA"},
	{"pay-prod-1", "prod", "app,mq", "Payments, production"},
	{"pay-prod-2", "prod", "app,mq", "Payments, production"},
	{"pay-prod-3", "prod", "app,mq", "Payments, production"},
	{"db-dev-1", "dev", "db", "Ledger database, development"},
	{"db-prod-1", "prod", "db", "Ledger database, production"},
}

const (
	demoProject = "demo"
	demoKey     = "project/demo/ssh/bank"
)

// startDemo seeds an empty office, and starts the demo's machines every time.
func (a *App) startDemo(ctx context.Context) error {
	empty, err := a.Accounts.SetupNeeded(ctx, a.DB.Read())
	if err != nil {
		return err
	}
	private, err := a.startHosts(ctx)
	if err != nil {
		return err
	}
	who := actor.System("demo")
	if empty {
		if err := a.seed(ctx, who, private); err != nil {
			return fmt.Errorf("seed the demo office: %w", err)
		}
	} else if err := a.readLogins(); err != nil {
		return err
	}
	if err := a.hireColleagues(ctx, who); err != nil {
		return err
	}
	// Ports change from start to start, so the inventory is imported each time.
	return a.Access.Do(ctx, who, func(tx *db.Tx) error {
		items, err := a.Nodes.Import(ctx, tx, who, demoProject, "demo", a.demoInventory(), false)
		return dropped(items, err)
	})
}

func dropped(items []node.ImportItem, err error) error {
	for _, it := range items {
		if err == nil && it.Result == "dropped" {
			err = fmt.Errorf("%s: %s (line %d)", it.Name, it.Message, it.Line)
		}
	}
	return err
}

// startHosts starts one sshd a host. Without OpenSSH's server the hosts stay
// unreachable, and their runs say so.
func (a *App) startHosts(ctx context.Context) (private []byte, err error) {
	keyFile := filepath.Join(a.cfg.Data, "demo-hosts", "key")
	private, err = os.ReadFile(keyFile) // #nosec G304 -- in the data folder
	if errors.Is(err, fs.ErrNotExist) {
		if private, _, err = sshd.NewKey("muster demo"); err != nil {
			return nil, err
		}
		if err := os.MkdirAll(filepath.Dir(keyFile), 0o700); err != nil {
			return nil, err
		}
		err = os.WriteFile(keyFile, private, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("key of the demo hosts: %w", err)
	}
	svc, err := demoFiles.ReadFile("demo/svc")
	if err != nil {
		return nil, err
	}
	a.hosts = map[string]*sshd.Server{}
	if _, err := sshd.Find(); err != nil {
		a.log.Warn("the demo's hosts cannot be started", "error", err)
		return private, nil
	}
	for _, h := range demoHosts {
		dir := filepath.Join(a.cfg.Data, "demo-hosts", h.name)
		bin := filepath.Join(dir, "home", "bin")
		// #nosec G301 -- the demo host's home; nothing secret is in it
		if err := os.MkdirAll(bin, 0o755); err != nil {
			return nil, err
		}
		// #nosec G306 -- a program of the demo, to be run by its users
		if err := os.WriteFile(filepath.Join(bin, "svc"), svc, 0o755); err != nil {
			return nil, err
		}
		s, err := sshd.Start(ctx, sshd.Options{Dir: dir, PrivateKey: private, Env: map[string]string{"DEMO_HOST": h.name}})
		if err != nil {
			return nil, fmt.Errorf("start the demo host %s: %w", h.name, err)
		}
		a.closers = append(a.closers, s.Stop)
		a.hosts[h.name] = s
	}
	return private, nil
}

// demoInventory is the node list as a team would write it.
func (a *App) demoInventory() []byte {
	nodes := map[string]map[string]string{
		"muster": {"hostname": "localhost", "node-executor": "local", "environment": "dev", "tags": "office", "description": "The machine Muster runs on"},
	}
	for _, h := range demoHosts {
		n := map[string]string{"hostname": "127.0.0.1:9", "username": "bank", "osFamily": "unix", "environment": h.env, "tags": h.tags, "description": h.about, "ssh-key-storage-path": demoKey}
		if s := a.hosts[h.name]; s != nil {
			n["hostname"], n["username"], n["ssh-host-key"] = s.Addr, s.Username, s.HostKey
		}
		nodes[h.name] = n
	}
	b, err := yaml.Marshal(nodes)
	if err != nil {
		panic(err) // maps of strings
	}
	return b
}

// hireColleagues makes the accounts of simulated colleagues that are not there yet.
func (a *App) hireColleagues(ctx context.Context, who actor.Actor) error {
	known := map[string]bool{}
	for _, l := range a.logins {
		known[l.name] = true
	}
	if !a.cfg.Colleagues || len(a.logins) == 0 { // or an office that was not seeded as a demo
		return nil
	}
	var file strings.Builder
	for _, c := range demo.Colleagues {
		if known[c.Name] {
			continue
		}
		password := account.GeneratePassword()
		hashed, err := a.Accounts.Hash(ctx, password, c.Name, c.Display)
		if err != nil {
			return err
		}
		err = a.Access.Do(ctx, who, func(tx *db.Tx) error {
			u, err := a.Accounts.Create(ctx, tx, who, account.NewUser{Name: c.Name, Display: c.Display, Title: c.Title, Team: c.Team, Roles: c.Roles, Password: hashed})
			if err != nil {
				return err
			}
			rooms, _, err := a.Rooms.ListFor(ctx, tx, who)
			if err != nil {
				return err
			}
			for _, r := range rooms {
				if r.Kind != "incident" && !r.Private {
					if err := a.Rooms.Join(ctx, tx, who, r.ID, u.ID); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("bring %s into the demo: %w", c.Display, err)
		}
		a.logins = append(a.logins, login{c.Name, password, colleague})
		fmt.Fprintf(&file, "%s %s %s\n", c.Name, password, colleague)
	}
	f, err := os.OpenFile(a.loginsFile(), os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(file.String())
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("keep the demo's logins: %w", err)
	}
	return nil
}

// startWork sends the simulated colleagues to work, once the office can be reached.
func (a *App) startWork(ctx context.Context) {
	if !a.cfg.Demo || !a.cfg.Colleagues || len(a.logins) == 0 {
		return
	}
	o := demo.Options{URL: a.url, Passwords: map[string]string{}, Break: a.breakService, Voice: a.cfg.Media.Engine == config.MediaChild, Clock: a.Clock, Log: a.log}
	if a.cfg.PublicURL != "" {
		o.URL = "http://" + a.cfg.Addr
	}
	for _, l := range a.logins {
		switch l.role {
		case colleague:
			o.Passwords[l.name] = l.password
		case webhook:
			o.Hook = o.URL + "/hooks/alertmanager/" + l.password
		}
	}
	a.work.Store(demo.Start(ctx, o))
}

// breakService lets a service of the demo's production hosts get stuck, until it
// is started anew.
func (a *App) breakService(service string) error {
	for _, h := range demoHosts {
		if h.env != "prod" || !strings.Contains(h.tags, "app") || a.hosts[h.name] == nil {
			continue
		}
		state := filepath.Join(a.cfg.Data, "demo-hosts", h.name, "home", "state")
		// #nosec G301 -- the demo host's home; nothing secret is in it
		if err := os.MkdirAll(state, 0o755); err != nil {
			return err
		}
		// #nosec G306 -- read by the demo host's own user
		if err := os.WriteFile(filepath.Join(state, service+".stuck"), []byte(a.Clock.Now().Format("15:04:05")+"\n"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// demoDeps are what the demo offers at its door: nothing unless this server is one,
// on loopback and meant for nobody else.
func (a *App) demoDeps(session httpapi.SessionDeps) httpapi.DemoDeps {
	d := httpapi.DemoDeps{Session: session, Office: a.work.Load}
	if !a.cfg.Demo || !a.cfg.Loopback() || a.cfg.PublicURL != "" {
		return d
	}
	d.Logins = func() []httpapi.DemoLogin {
		out := []httpapi.DemoLogin{}
		for _, p := range demoPeople {
			if d.Password(p.Name) != "" {
				out = append(out, httpapi.DemoLogin{Name: p.Name, Display: p.Display, Title: p.Title, Role: p.role, Does: p.does})
			}
		}
		return out
	}
	d.Password = func(name string) string {
		for _, l := range a.logins {
			if l.name == name && l.role != webhook && l.role != colleague {
				return l.password
			}
		}
		return ""
	}
	return d
}

func (a *App) loginsFile() string { return filepath.Join(a.cfg.Data, "demo-logins") }

func (a *App) readLogins() error {
	b, err := os.ReadFile(a.loginsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil // an office that was not seeded as a demo, or whose file was taken away
	}
	if err != nil {
		return fmt.Errorf("read the demo's logins: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 {
			a.logins = append(a.logins, login{f[0], f[1], f[2]})
		}
	}
	return nil
}

func (a *App) seed(ctx context.Context, who actor.Actor, private []byte) error {
	hashed := map[string]account.Hashed{}
	var file strings.Builder
	for _, p := range demoPeople {
		password := account.GeneratePassword()
		h, err := a.Accounts.Hash(ctx, password, p.Name, p.Display)
		if err != nil {
			return err
		}
		hashed[p.Name] = h
		a.logins = append(a.logins, login{p.Name, password, p.role})
		fmt.Fprintf(&file, "%s %s %s\n", p.Name, password, p.role)
	}
	var jobs, approvals []byte
	var err error
	if jobs, err = demoFiles.ReadFile("demo/jobs.yaml"); err != nil {
		return err
	}
	if approvals, err = demoFiles.ReadFile("demo/approvals.yaml"); err != nil {
		return err
	}
	err = a.Access.Do(ctx, who, func(tx *db.Tx) error {
		if err := a.Accounts.NameOffice(ctx, tx, who, "Northbank"); err != nil {
			return err
		}
		people := map[string]account.User{}
		for _, p := range demoPeople {
			in := p.NewUser
			in.Password = hashed[p.Name]
			u, err := a.Accounts.Create(ctx, tx, who, in)
			if err != nil {
				return err
			}
			people[p.Name] = u
		}
		if err := a.seedRooms(ctx, tx, who, people); err != nil {
			return err
		}
		if _, err := a.Nodes.CreateProject(ctx, tx, who, node.NewProject{Name: demoProject, Title: "Northbank demo", Description: "Payments and ledger of the demo bank"}); err != nil {
			return err
		}
		if _, err := a.Keys.Put(ctx, tx, who, demoKey, key.PrivateKey, private); err != nil {
			return err
		}
		if err := dropped(a.Jobs.Import(ctx, tx, who, demoProject, jobs, false)); err != nil {
			return err
		}
		if _, _, err := a.Approvals.Put(ctx, tx, who, demoProject, "approvals", approvals, false); err != nil {
			return err
		}
		rotation, err := a.Oncall.CreateRotation(ctx, tx, who, oncall.SaveRotation{
			Name: "payments-primary", Members: []string{people["jonas"].ID, people["amara"].ID}, ShiftHours: 168, TimeZone: "Europe/Berlin", StartsAt: a.Clock.Now().Truncate(24 * time.Hour), EscalateAfter: 300,
		})
		if err != nil {
			return err
		}
		for _, s := range []oncall.SaveService{
			{Name: "payments-api", Title: "Payments API (ISO 20022 pacs.008)", Environments: []string{"dev", "qa", "prod"}, RotationID: rotation.ID},
			{Name: "settlement-api", Title: "Settlement API (T2)", Environments: []string{"dev", "qa", "prod"}, RotationID: rotation.ID},
		} {
			if _, err := a.Oncall.CreateService(ctx, tx, who, s); err != nil {
				return err
			}
		}
		_, secret, err := a.Alerts.CreateSource(ctx, tx, who, alert.NewSource{Kind: "alertmanager", Name: "alertmanager", Service: "payments-api"})
		if err != nil {
			return err
		}
		fmt.Fprintf(&file, "alertmanager %s %s\n", secret, webhook)
		a.logins = append(a.logins, login{"alertmanager", secret, webhook})
		return nil
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(a.loginsFile(), []byte(file.String()), 0o600); err != nil {
		return fmt.Errorf("keep the demo's logins: %w", err)
	}
	return nil
}

// demoRooms with their place on the plan.
var demoRooms = []struct {
	room.New
	x, y, w, h, seats int
}{
	{room.New{Name: "trading-floor-support", Kind: "team", Topic: "Order flow, FIX gateways, market data"}, 2, 2, 40, 30, 16},
	{room.New{Name: "change-board", Kind: "meeting", Topic: "CAB daily at 15:30"}, 102, 2, 22, 30, 8},
	{room.New{Name: "payments-ops", Kind: "team", Topic: "SEPA, T2 and pacs.008 flows"}, 2, 38, 29, 22, 8},
	{room.New{Name: "settlement", Kind: "team", Topic: "T2S and intraday liquidity"}, 33, 38, 29, 22, 8},
	{room.New{Name: "sre-desk", Kind: "team", Topic: "Capacity, deployments, on-call hand-over"}, 64, 38, 29, 22, 8},
	{room.New{Name: "risk-controls", Kind: "team", Topic: "Members only", Private: true}, 95, 38, 29, 22, 6},
	{room.New{Name: "lounge", Kind: "lounge", Topic: "Coffee"}, 2, 64, 36, 26, 8},
	{room.New{Name: "eod-batch", Kind: "team", Topic: "End-of-day close"}, 40, 64, 34, 26, 8},
	{room.New{Name: "treasury", Kind: "meeting", Topic: "Cash position"}, 76, 64, 24, 26, 6},
	{room.New{Name: "key-ceremony", Kind: "office", Topic: "Two persons, always", Private: true, Door: "locked"}, 102, 64, 22, 26, 2},
}

// demoTalk is what the first visitor reads.
var demoTalk = []struct{ room, who, text string }{
	{"payments-ops", "jonas", "Overnight batch closed at 04:12, 38 minutes inside the cut-off."},
	{"payments-ops", "amara", "Thanks. T2 liquidity looks fine, we are 4% over the intraday floor."},
	{"payments-ops", "jonas", "The certificate on `mq-eu-2` now runs to 14 March. Next is `fix-gw-03`."},
	{"payments-ops", "amara", "Please do not restart the consumer by hand, use `/run payments/restart-service` so that it lands in the ledger."},
	{"sre-desk", "jonas", "Failover test passed: **2.3 s** to promote, 0 messages in doubt.\n\n```\npromote db-qa-2: ok\nreplay lag: 0 bytes\n```"},
	{"settlement", "amara", "camt.053 for the 06:00 window is complete, 214 statements."},
	{"change-board", "daniel", "Reminder: CAB at 15:30, three normal changes and one emergency change to review."},
	{"eod-batch", "jonas", "Dry run of the close is green on QA."},
	{"lounge", "ines", "There is cake."},
}

func (a *App) seedRooms(ctx context.Context, tx *db.Tx, who actor.Actor, people map[string]account.User) error {
	floor, err := a.Office.AddFloor(ctx, tx, who, "Operations", office.Layout{})
	if err != nil {
		return err
	}
	layout := office.Layout{Width: 126, Height: 92, Slots: []office.Slot{{X: 44, Y: 2, W: 34, H: 30}, {X: 80, Y: 2, W: 20, H: 30}}}
	rooms := map[string]room.Room{}
	for _, d := range demoRooms {
		in := d.New
		in.Floor = floor.ID
		for _, p := range demoPeople {
			if !in.Private || p.role == "approver" || p.role == "auditor" {
				in.Members = append(in.Members, people[p.Name].ID)
			}
		}
		r, err := a.Rooms.Create(ctx, tx, who, in)
		if err != nil {
			return err
		}
		rooms[r.Name] = r
		layout.Rooms = append(layout.Rooms, office.Placed{RoomID: r.ID, X: d.x, Y: d.y, W: d.w, H: d.h, Kind: r.Kind, Seats: d.seats, Doors: []office.Door{{Side: "s", At: d.w - 8}}})
	}
	if _, err := a.Office.SetLayout(ctx, tx, who, floor.ID, floor.Version, layout); err != nil {
		return err
	}
	for _, t := range demoTalk {
		speaker := people[t.who].Actor()
		speaker.Door = "demo"
		if _, err := a.Messages.Post(ctx, tx, speaker, message.New{Room: rooms[t.room].ID, Text: t.text}); err != nil {
			return err
		}
	}
	return nil
}

package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/alert"
	"muster/internal/approval"
	"muster/internal/blob"
	"muster/internal/bus"
	"muster/internal/call"
	"muster/internal/clock"
	"muster/internal/command"
	"muster/internal/config"
	"muster/internal/db"
	"muster/internal/executor/local"
	"muster/internal/executor/ssh"
	"muster/internal/httpapi"
	"muster/internal/incident"
	"muster/internal/job"
	"muster/internal/key"
	"muster/internal/ledger"
	"muster/internal/message"
	"muster/internal/node"
	"muster/internal/notify"
	"muster/internal/office"
	"muster/internal/oncall"
	"muster/internal/outbound"
	"muster/internal/realtime"
	"muster/internal/room"
	"muster/internal/run"
	"muster/internal/task"
	"muster/internal/webui"
)

// compose builds every capability on the open database, in the order of the
// architecture, and the doors on top.
func (a *App) compose() error {
	a.Clock, a.Bus = clock.Real{}, bus.NewMemory()
	if err := a.recordThere(context.Background()); err != nil {
		return err
	}
	lkeys, err := ledger.LoadKeys(a.cfg.LedgerKeyFile())
	if err != nil {
		return err
	}
	master, err := key.LoadMaster(a.cfg.MasterKeyFile())
	if err != nil {
		return err
	}
	if a.blobs, err = blob.OpenDisk(filepath.Join(a.cfg.Data, "blobs")); err != nil {
		return err
	}
	a.closers = append(a.closers, a.blobs.Close)

	a.Tasks = task.New(a.DB, a.Clock, a.log, a.cfg.Runs.Workers)
	// Who holds the lock of the data folder is alone on the database in it.
	a.Tasks.Alone = a.DB.Dialect() == db.SQLite
	a.Ledger = ledger.New(a.Clock, a.Bus, lkeys)
	a.Access = access.New(a.DB, a.Ledger, a.Clock, a.log)
	a.Access.OnTurn(func() { a.Bus.Publish(realtime.PoliciesTurned, "") })
	a.Accounts = account.New(a.DB, a.Access, a.Ledger, a.Bus, a.Clock)
	a.Access.Know(a.Accounts.Named)
	a.Keys = key.New(a.Access, a.Ledger, a.Clock, master)
	a.Approvals = approval.New(a.Access, a.Ledger, a.Clock, a.Accounts)
	a.Approvals.Beware(approval.Caution{CoolDown: time.Duration(a.cfg.Approvals.CoolDownHours) * time.Hour, Newcomer: time.Duration(a.cfg.Approvals.NewcomerHours) * time.Hour})
	mail, err := a.mail()
	if err != nil {
		return err
	}
	a.Notify = notify.NewStore(a.DB, a.Tasks, a.Clock, a.Bus, a.Accounts, notify.Settings{
		Mail: mail, PublicURL: a.URL, Gather: 15 * time.Second, Access: a.Access, Ledger: a.Ledger, Keys: a.Keys, Gateways: a.dialer(outbound.URLs),
	}, a.log)

	a.Accounts.IdleAfter(time.Duration(a.cfg.Sessions.IdleMinutes) * time.Minute)
	a.Ledger.Watch(a.oversee)
	a.Accounts.Telling(func(ctx context.Context, tx *db.Tx, person, title, body, link, key string) error {
		_, err := a.Notify.Send(ctx, tx, notify.New{Person: person, Kind: "info", Title: title, Body: body, Link: link, Key: key, Email: true})
		return err
	})

	a.Rooms = room.NewStore(a.Access, a.Ledger, a.Bus, a.Clock)
	a.Messages = message.NewStore(a.Rooms, a.Accounts, a.Ledger, a.Bus, a.Clock, a.mentioned)
	a.Office = office.New(a.Rooms, a.Accounts, a.Notify, a.Messages, a.Access, a.Ledger, a.Tasks, a.Bus, a.Clock)
	a.Office.RegisterTasks(a.DB)
	a.Rooms.OnArchived(a.Office.Archived)
	a.Accounts.OnTokenEnded(a.Office.TokenEnded)
	a.Messages.GuestsSince(a.Office.GuestSince)

	engine, err := a.mediaEngine()
	if err != nil {
		return err
	}
	a.Calls = call.New(call.Deps{
		Access: a.Access, Ledger: a.Ledger, DB: a.DB, Bus: a.Bus, Clock: a.Clock, Accounts: a.Accounts,
		Rooms: a.Rooms, Messages: a.Messages, Office: a.Office, Blobs: a.blobs, Tasks: a.Tasks, Engine: engine, Settings: a.recordings(), Log: a.log,
	})
	a.Calls.RegisterTasks()

	a.Nodes = node.New(a.Access, a.Ledger, a.Bus, a.Clock)
	a.Jobs = job.New(a.Access, a.Ledger, a.Clock, a.Nodes)
	here, err := local.New(a.localSteps())
	if err != nil {
		return err
	}
	over, steps := ssh.New(ssh.Options{Dial: a.dialer(outbound.Nodes).DialContext}), newStepMeter(a.meter)
	executors := map[string]run.Executor{"local": here, "ssh": over}
	for name, e := range executors {
		a.closers = append(a.closers, e.Close)
		executors[name] = measured{e, name, steps}
	}
	a.Runs = run.New(run.Deps{
		DB: a.DB, Access: a.Access, Ledger: a.Ledger, Bus: a.Bus, Clock: a.Clock, Blobs: a.blobs, Tasks: a.Tasks,
		Approvals: a.Approvals, Jobs: a.Jobs, Nodes: a.Nodes, Keys: a.Keys, Accounts: a.Accounts, Rooms: a.Rooms, Messages: a.Messages,
		Notify: a.Notify, Log: a.log, PublicURL: a.URL, Executors: executors, LogLimit: a.cfg.Runs.LogLimit, Alone: a.Tasks.Alone,
		Urgency: func(ctx context.Context, q db.Querier, incidentID string) (int, bool, error) {
			return a.Incidents.Urgency(ctx, q, incidentID) // made below
		},
	})

	a.Oncall = oncall.New(a.Access, a.Ledger, a.Clock, a.Bus, a.Accounts)
	a.Oncall.WithTell(func(ctx context.Context, tx *db.Tx, person, title, body, key string) error {
		_, err := a.Notify.Send(ctx, tx, notify.New{Person: person, Kind: "info", Title: title, Body: body, Link: "/oncall", Key: key, Email: true, Subject: title})
		return err
	})
	a.Oncall.WithBeyond(func(ctx context.Context, q db.Querier, userID string) (bool, error) {
		r, err := a.Notify.Reach(ctx, q, userID)
		return r.Beyond(), err
	})
	a.Incidents = incident.New(incident.Deps{
		Access: a.Access, Ledger: a.Ledger, Clock: a.Clock, Bus: a.Bus, Tasks: a.Tasks, Rooms: a.Rooms, Messages: a.Messages,
		Notify: a.Notify, OnCall: a.Oncall, People: a.Accounts, Log: a.log,
		Tickets: incident.Series{Prefix: a.cfg.Incident.Prefix, Start: int64(a.cfg.Incident.First)},
	})
	a.Incidents.WithTalk(a.Calls.Talking)
	a.Incidents.WithRuns(a.openRuns)
	a.Incidents.WithWaiting(a.Runs.Urgent)
	a.Office.OnEnter(a.Incidents.Entered)
	a.Office.Leads(a.Incidents.Leads)
	a.Alerts = alert.New(alert.Deps{DB: a.DB, Access: a.Access, Ledger: a.Ledger, Clock: a.Clock, Bus: a.Bus, Tasks: a.Tasks, Messages: a.Messages, Incidents: a.Incidents, Log: a.log})

	a.Commands = command.New(a.Access, a.Rooms, a.Messages)
	a.Commands.Add(command.OfficeVerbs(a.Accounts, a.Office)...)
	a.Commands.Add(command.BridgeVerb(a.Rooms))
	a.Commands.Add(command.DoorVerbs(a.Accounts, a.Rooms, a.Office)...)
	a.Commands.Add(command.PresenceVerbs(command.Presence{People: a.Accounts, Rooms: a.Rooms, Office: a.Office, Calls: a.Calls, Clock: a.Clock})...)
	a.Commands.Add(command.VoiceVerbs(command.Voice{Rooms: a.Rooms, Office: a.Office, Calls: a.Calls})...)
	a.Commands.Add(command.RunVerbs(command.RunDeps{Access: a.Access, Service: a.serviceStatus, Runs: a.Runs, Jobs: a.Jobs, Nodes: a.Nodes})...)
	a.Commands.Add(command.IncidentVerbs(command.Response{Access: a.Access, People: a.Accounts, Oncall: a.Oncall, Incidents: a.Incidents, Alerts: a.Alerts})...)
	if err := a.doors(); err != nil {
		return err
	}
	a.measure(over)
	return nil
}

// localSteps says as whom steps run on this machine. As Muster itself they
// could read the keys of secrets and ledger and speak to the admin socket: that
// has to be allowed in so many words.
func (a *App) localSteps() local.Options {
	o := local.Options{User: a.cfg.Runs.LocalUser}
	if o.User == "" && !a.cfg.Runs.AllowLocal {
		o.Refuse = "steps on Muster's own machine are not allowed here, since they could read Muster's keys. An administrator sets runs.local_user (a user of its own for them), or runs.allow_local, in muster.yaml; or reach this machine by SSH."
	}
	return o
}

func (a *App) mail() (*notify.Mail, error) {
	m := a.cfg.SMTP
	if m.Host == "" {
		return nil, nil
	}
	roots, err := m.Roots()
	if err != nil {
		return nil, err
	}
	return &notify.Mail{Host: m.Host, Port: m.Port, From: m.From, User: m.Username, Password: m.Password, TLS: m.TLS, TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}, Dialer: a.dialer(outbound.Mail)}, nil
}

// dialer opens connections as the settings allow for a use. They were checked
// when they were read.
func (a *App) dialer(use outbound.Use) *outbound.Dialer {
	t := map[outbound.Use]config.Targets{outbound.Mail: a.cfg.Outbound.Mail, outbound.Nodes: a.cfg.Outbound.Nodes, outbound.URLs: a.cfg.Outbound.URLs, outbound.Services: a.cfg.Outbound.Services}[use]
	rules, err := t.Rules()
	if err != nil {
		rules = outbound.Rules{Deny: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}}
	}
	return outbound.New(use, rules, outbound.Options{Own: func() []netip.AddrPort { return a.own }})
}

// mentioned notifies whom a message names or answers, of each message once.
func (a *App) mentioned(ctx context.Context, tx *db.Tx, who actor.Actor, person string, r room.Room, m message.Message, answer bool) error {
	text := m.Text
	if rs := []rune(text); len(rs) > 200 {
		text = string(rs[:200]) + "…"
	}
	did := " mentioned you in "
	if answer {
		did = " answered you in "
	}
	_, err := a.Notify.Send(ctx, tx, notify.New{Person: person, Kind: "mention", Title: who.Display + did + r.Name, Body: text, Link: "/rooms/" + r.ID + "#m=" + m.ID, Key: "mention " + m.ID})
	return err
}

func (a *App) doors() error {
	core := httpapi.Core{DB: a.DB, Access: a.Access, Log: a.log, PublicURL: a.URL}
	a.API = httpapi.New(core, httpapi.AccountAuthenticator(core, a.Accounts))
	rooms := httpapi.RoomDeps{Rooms: a.Rooms, Office: a.Office, People: a.Accounts}
	officeDeps := httpapi.OfficeDeps{RoomDeps: rooms, Calls: a.Calls, Approvals: a.Approvals, Accounts: a.Accounts, Incidents: a.Incidents, Runs: a.Runs, Oncall: a.Oncall, Notify: a.Notify}
	session := httpapi.SessionDeps{Accounts: a.Accounts, Office: a.Office, Version: Version, Demo: a.cfg.Demo, Drills: func() bool { return a.work.Load() != nil }}
	httpapi.RegisterSession(a.API, session)
	httpapi.RegisterDemo(a.API, a.demoDeps(session))
	httpapi.RegisterUsers(a.API, httpapi.UserDeps{Accounts: a.Accounts})
	httpapi.RegisterRooms(a.API, rooms)
	httpapi.RegisterMessages(a.API, httpapi.MessageDeps{Rooms: a.Rooms, Messages: a.Messages, Commands: a.Commands})
	httpapi.RegisterOffice(a.API, officeDeps)
	httpapi.RegisterGuests(a.API, httpapi.GuestDeps{OfficeDeps: officeDeps, Messages: a.Messages})
	a.API.Guests = httpapi.GuestAuthenticator(a.DB, a.Office)
	httpapi.RegisterCalls(a.API, httpapi.CallDeps{Calls: a.Calls, Incidents: a.Incidents})
	httpapi.RegisterKeys(a.API, httpapi.KeyDeps{Keys: a.Keys})
	httpapi.RegisterPolicies(a.API, httpapi.PolicyDeps{Accounts: a.Accounts, Keys: a.Keys, Nodes: a.Nodes})
	projects := httpapi.ProjectDeps{Nodes: a.Nodes, Jobs: a.Jobs, Approvals: a.Approvals}
	httpapi.RegisterProjects(a.API, projects)
	httpapi.RegisterNodes(a.API, projects)
	httpapi.RegisterJobs(a.API, projects)
	httpapi.RegisterRuns(a.API, httpapi.RunDeps{Runs: a.Runs})
	httpapi.RegisterApprovals(a.API, httpapi.ApprovalDeps{Runs: a.Runs, Approvals: a.Approvals})
	httpapi.RegisterAlerts(a.API, httpapi.AlertDeps{Alerts: a.Alerts})
	httpapi.RegisterHooks(a.API, httpapi.HookDeps{Alerts: a.Alerts, Meter: a.meter})
	httpapi.RegisterIncidents(a.API, httpapi.IncidentDeps{Incidents: a.Incidents})
	duty := httpapi.OncallDeps{Oncall: a.Oncall, ActorOf: a.Accounts.ActorOf}
	httpapi.RegisterOncall(a.API, duty)
	httpapi.RegisterDuty(a.API, duty)
	httpapi.RegisterNotify(a.API, httpapi.NotifyDeps{Notify: a.Notify, Incidents: a.Incidents})
	httpapi.RegisterLedger(a.API, httpapi.LedgerDeps{Ledger: a.Ledger})

	gates := map[string]realtime.Gate{
		"room": func(ctx context.Context, who actor.Actor, thing string) error {
			_, err := a.Rooms.See(ctx, a.DB.Read(), who, thing)
			return err
		},
		"run": func(ctx context.Context, who actor.Actor, thing string) error {
			_, err := a.Runs.See(ctx, a.DB.Read(), who, thing)
			return err
		},
		"incident": func(ctx context.Context, who actor.Actor, thing string) error {
			_, err := a.Incidents.Get(ctx, a.DB.Read(), who, thing)
			return err
		},
	}
	var err error
	if a.socket, err = realtime.New(a.log, a.Bus, httpapi.NewLive(a.API, officeDeps, a.Messages), a.Office, gates, a.recheck); err != nil {
		return fmt.Errorf("start the socket: %w", err)
	}
	if m := a.cfg.Media; m.Engine == config.MediaLiveKit {
		a.API.MayConnect(mediaOrigins(m.URL))
	}
	mux := a.API.Mux()
	mux.Handle("GET "+httpapi.Base+"/socket", a.socket.Handler())
	mux.Handle("GET "+httpapi.GuestBase+"/socket", a.socket.Handler())
	mux.Handle("/media/", httpapi.Signalling(a.API, a.Calls))
	mux.Handle("/guest/media/", httpapi.Signalling(a.API, a.Calls))
	mux.Handle("/", notAPI(webui.Handler()))
	a.operations(mux)
	return nil
}

// notAPI keeps unknown API paths from being answered with the web app.
func notAPI(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/") || strings.HasPrefix(r.URL.Path, "/hooks/") {
			httpapi.WriteProblem(w, r, errNoPath)
			return
		}
		next.ServeHTTP(w, r)
	})
}

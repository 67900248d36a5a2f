package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/ledger"
)

// Channel is one way to a person beyond the browser. Ways are tried in order,
// each after its delay, and at once where the one before it fails.
type Channel struct {
	Channel     string `json:"channel" doc:"email, or gateway: and the gateway's id"`
	Name        string `json:"name"`
	AddressName string `json:"address_name" doc:"What the address is called, such as Mobile number"`
	Used        bool   `json:"used"`
	Address     string `json:"address" doc:"The number or address there; for email that of the profile"`
	DelayS      int    `json:"delay_s" doc:"Seconds after the page"`
	Severity    int    `json:"severity" doc:"Used for this severity and worse"`
	Works       bool   `json:"works"`
	Why         string `json:"why,omitempty" doc:"Why nothing can be sent this way"`
}

// Reaching is how a person is reached.
type Reaching struct {
	Channels []Channel `json:"channels" doc:"In the order in which they are tried; the app itself is always told"`
	Alarm    int       `json:"alarm" minimum:"0" maximum:"100" doc:"Volume of a page's alarm; 0 is off"`
	Chime    int       `json:"chime" minimum:"0" maximum:"100" doc:"Volume of the sound for a Get, a knock and a mention; 0 is off"`
	Desktop  bool      `json:"desktop" doc:"Whether browsers that may show desktop notifications do"`
}

// UseChannel is a Channel as a person sets it.
type UseChannel struct {
	Channel  string `json:"channel" maxLength:"80"`
	Used     bool   `json:"used"`
	Address  string `json:"address,omitempty" maxLength:"200"`
	DelayS   int    `json:"delay_s,omitempty" minimum:"0" maximum:"3600"`
	Severity int    `json:"severity,omitempty" minimum:"0" maximum:"4" doc:"Used for this severity and worse; 0 is for all"`
}

// ChangeReach changes what is given.
type ChangeReach struct {
	Channels *[]UseChannel `json:"channels,omitempty" maxItems:"50" doc:"All of them, in order"`
	Alarm    *int          `json:"alarm,omitempty" minimum:"0" maximum:"100"`
	Chime    *int          `json:"chime,omitempty" minimum:"0" maximum:"100"`
	Desktop  *bool         `json:"desktop,omitempty"`
}

// Reachable is how a person can be called who has no browser open.
type Reachable struct {
	Channels []string // "email", "gateway:ID"
	Why      string   // why there is none; "" where there is one
}

// Beyond says whether there is a way to the person beyond the browser.
func (r Reachable) Beyond() bool { return len(r.Channels) > 0 }

// Reach says how a page of the worst kind reaches a person beyond the browser.
func (s *Store) Reach(ctx context.Context, q db.Querier, person string) (r Reachable, err error) {
	u, err := s.people.Get(ctx, q, person)
	if err != nil {
		return r, err
	}
	cs, err := s.channels(ctx, q, u)
	if err != nil {
		return r, err
	}
	r.Why = "No channel beyond the browser is chosen."
	for _, c := range cs {
		switch {
		case c.Used && c.Works:
			r.Channels = append(r.Channels, c.Channel)
		case c.Used && len(r.Channels) == 0:
			r.Why = c.Why
		}
	}
	if r.Beyond() {
		r.Why = ""
	}
	return r, nil
}

// noMail says why no mail can be sent to somebody; "" where it can.
func (s *Store) noMail(u account.User) string {
	switch {
	case u.Disabled:
		return "The account is disabled."
	case s.set.Mail == nil:
		return "Email is not set up on this server."
	case u.Email == "":
		return "No email address is stored for this person."
	}
	return ""
}

// channels gives all ways to a person, in order, chosen or not. Who chose
// nothing is called by mail.
func (s *Store) channels(ctx context.Context, q db.Querier, u account.User) ([]Channel, error) {
	gs, err := s.gateways(ctx, q)
	if err != nil {
		return nil, err
	}
	chosen, err := db.All(ctx, q, func(r db.Scanner) (c Channel, err error) {
		return c, r.Scan(&c.Channel, &c.Used, &c.Address, &c.DelayS, &c.Severity)
	}, `SELECT channel, used, address, delay, severity FROM reach_channel WHERE person = $1 ORDER BY position`, u.ID)
	if err != nil {
		return nil, fmt.Errorf("read how somebody is reached: %w", err)
	}
	has := func(channel string) bool {
		return slices.ContainsFunc(chosen, func(c Channel) bool { return c.Channel == channel })
	}
	if !has("email") {
		chosen = append(chosen, Channel{Channel: "email", Used: len(chosen) == 0, Severity: 4})
	}
	for _, g := range gs {
		if !has(gatewayPrefix + g.ID) {
			chosen = append(chosen, Channel{Channel: gatewayPrefix + g.ID, Severity: 4})
		}
	}
	out := []Channel{}
	for _, c := range chosen {
		if c.Channel == "email" {
			c.Name, c.AddressName, c.Address, c.Why = "Email", "Email address", u.Email, s.noMail(u)
			c.Works = c.Why == ""
			out = append(out, c)
			continue
		}
		at := slices.IndexFunc(gs, func(g Gateway) bool { return gatewayPrefix+g.ID == c.Channel })
		if at < 0 {
			continue
		}
		c.Name, c.AddressName = gs[at].Name, gs[at].Address
		switch {
		case u.Disabled:
			c.Why = "The account is disabled."
		case !gs[at].Enabled:
			c.Why = "This gateway is switched off."
		case c.Address == "":
			c.Why = c.AddressName + " is missing."
		}
		c.Works = c.Why == ""
		out = append(out, c)
	}
	return out, nil
}

// Reaching says how who is reached.
func (s *Store) Reaching(ctx context.Context, q db.Querier, who actor.Actor) (r Reaching, err error) {
	u, err := s.people.Get(ctx, q, who.ID)
	if err != nil {
		return r, err
	}
	if r.Channels, err = s.channels(ctx, q, u); err != nil {
		return r, err
	}
	err = q.QueryRow(ctx, `SELECT alarm, chime, desktop FROM reach_screen WHERE person = $1`, who.ID).Scan(&r.Alarm, &r.Chime, &r.Desktop)
	if db.IsNoRows(err) {
		r.Alarm, r.Chime, r.Desktop, err = 70, 40, true, nil
	}
	if err != nil {
		return r, fmt.Errorf("read how somebody is reached: %w", err)
	}
	return r, nil
}

// SetReach changes how who is reached. It is their own affair, so nothing but
// being them is asked for; that the ways changed is recorded.
func (s *Store) SetReach(ctx context.Context, tx *db.Tx, who actor.Actor, in ChangeReach) (Reaching, error) {
	now, err := s.Reaching(ctx, tx, who)
	if err != nil {
		return now, err
	}
	for name, v := range map[string]*int{"alarm": in.Alarm, "chime": in.Chime} {
		if v != nil && (*v < 0 || *v > 100) {
			return now, fault.Field(name, "The volume is 0 to 100.")
		}
	}
	if in.Alarm != nil {
		now.Alarm = *in.Alarm
	}
	if in.Chime != nil {
		now.Chime = *in.Chime
	}
	if in.Desktop != nil {
		now.Desktop = *in.Desktop
	}
	if _, err := tx.Exec(ctx, `INSERT INTO reach_screen (person, alarm, chime, desktop) VALUES ($1,$2,$3,$4) ON CONFLICT (person) DO UPDATE SET alarm = excluded.alarm, chime = excluded.chime, desktop = excluded.desktop`, who.ID, now.Alarm, now.Chime, now.Desktop); err != nil {
		return now, fmt.Errorf("store how somebody is reached: %w", err)
	}
	if in.Channels != nil {
		if err := s.useChannels(ctx, tx, who, now.Channels, *in.Channels); err != nil {
			return now, err
		}
	}
	tx.AfterCommit(func() { s.bus.Publish("user:"+who.ID, map[string]any{"type": "reach"}) })
	return s.Reaching(ctx, tx, who)
}

func (s *Store) useChannels(ctx context.Context, tx *db.Tx, who actor.Actor, known []Channel, use []UseChannel) error {
	var names []string
	met := map[string]bool{}
	if _, err := tx.Exec(ctx, `DELETE FROM reach_channel WHERE person = $1`, who.ID); err != nil {
		return fmt.Errorf("store how somebody is reached: %w", err)
	}
	for i, c := range use {
		field := func(name string) string { return fmt.Sprintf("channels[%d].%s", i, name) }
		at := slices.IndexFunc(known, func(k Channel) bool { return k.Channel == c.Channel })
		if at < 0 || met[c.Channel] {
			return fault.Field(field("channel"), "Each of your channels can be named once: email, or gateway: and the id of one that is listed.")
		}
		met[c.Channel] = true
		if c.Severity == 0 {
			c.Severity = 4
		}
		c.Address = line(c.Address)
		if c.Channel == "email" {
			c.Address = ""
		}
		switch {
		case c.Severity < 1 || c.Severity > 4:
			return fault.Field(field("severity"), "The severity is 1 (the worst only) to 4 (all).")
		case c.DelayS < 0 || c.DelayS > 3600:
			return fault.Field(field("delay_s"), "The delay is 0 seconds to one hour.")
		case utf8.RuneCountInString(c.Address) > 200:
			return fault.Field(field("address"), "The address has 200 characters at most.")
		case c.Used && c.Channel != "email" && c.Address == "":
			return fault.Field(field("address"), "Give the "+strings.ToLower(known[at].AddressName)+", or leave this channel off.")
		}
		if _, err := tx.Exec(ctx, `INSERT INTO reach_channel (person, channel, position, used, address, delay, severity) VALUES ($1,$2,$3,$4,$5,$6,$7)`,
			who.ID, c.Channel, i+1, c.Used, c.Address, c.DelayS, c.Severity); err != nil {
			return fmt.Errorf("store how somebody is reached: %w", err)
		}
		if c.Used {
			names = append(names, c.Channel)
		}
	}
	if names == nil {
		names = []string{}
	}
	return s.set.Ledger.Append(ctx, tx, who, ledger.About{Resource: "user:" + who.ID}, ReachSet{Channels: names})
}

// addChannels plans the ways beyond the browser for a notification.
func (s *Store) addChannels(ctx context.Context, tx *db.Tx, n *Notification, to account.User) error {
	cs, err := s.channels(ctx, tx, to)
	if err != nil {
		return err
	}
	cs = slices.DeleteFunc(cs, func(c Channel) bool {
		if n.Kind != "page" && n.Severity == 0 {
			return c.Channel != "email" || !c.Used // no telephone rings for what can wait
		}
		return !c.Used || n.Severity > c.Severity
	})
	waits := false
	for i, c := range cs {
		if !c.Works {
			if err := s.addChannel(ctx, tx, n, c, i+1, 0); err != nil {
				return err
			}
			continue
		}
		delay := time.Duration(c.DelayS) * time.Second
		if !waits && i > 0 {
			delay = 0 // nothing before it works: it is not waited for
		}
		waits = true
		if err := s.addChannel(ctx, tx, n, c, i+1, delay); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) addChannel(ctx context.Context, tx *db.Tx, n *Notification, c Channel, position int, delay time.Duration) error {
	due := n.CreatedAt.Add(delay)
	d := Delivery{Channel: c.Channel, Name: c.Name, State: "queued", At: &due}
	if !c.Works {
		d.State, d.Error = "off", c.Why
	}
	address := c.Address
	if c.Channel == "email" {
		address = "" // that of the profile when it is sent
	}
	if _, err := tx.Exec(ctx, `INSERT INTO notification_channel (notification, person, channel, state, at, error, position, address, due) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$5)`,
		n.ID, n.person, c.Channel, d.State, db.Micro(due), d.Error, position, address); err != nil {
		return fmt.Errorf("notify by %s: %w", c.Channel, err)
	}
	s.count(tx, d)
	n.Channels = append(n.Channels, d)
	if d.State != "queued" {
		return nil
	}
	return s.plan(ctx, tx, n.ID, c.Channel, due)
}

func (s *Store) channelName(ctx context.Context, q db.Querier, channel string) (string, error) {
	if channel == "email" {
		return "email", nil
	}
	g, err := s.gateway(ctx, q, strings.TrimPrefix(channel, gatewayPrefix))
	if fault.Is(err, fault.NotFound) {
		return "a gateway", nil
	}
	return g.Name, err
}

const (
	testsPerWindow = 5
	testWindow     = 10 * time.Minute
)

// Test sends who a test on one of their channels; its notification says what
// became of it.
func (s *Store) Test(ctx context.Context, tx *db.Tx, who actor.Actor, channel string) (n Notification, err error) {
	u, err := s.people.Get(ctx, tx, who.ID)
	if err != nil {
		return n, err
	}
	cs, err := s.channels(ctx, tx, u)
	if err != nil {
		return n, err
	}
	at := slices.IndexFunc(cs, func(c Channel) bool { return c.Channel == channel })
	if at < 0 {
		return n, fault.Field("channel", "There is no such channel. It is email, or gateway: and the id of one that is listed.")
	}
	if c := cs[at]; !c.Works {
		return n, fault.New(fault.Conflict, c.Why)
	}
	now := s.clock.Now()
	var recent int
	var first int64
	if err := tx.QueryRow(ctx, `SELECT COUNT(*), COALESCE(MIN(created_at), 0) FROM notification WHERE person = $1 AND created_at > $2 AND uniq LIKE 'test:%'`, who.ID, db.Micro(now.Add(-testWindow))).Scan(&recent, &first); err != nil {
		return n, fmt.Errorf("count tests: %w", err)
	}
	if recent >= testsPerWindow {
		return n, fault.Later(fault.RateLimited, db.At(first).Add(testWindow).Sub(now), fmt.Sprintf("%d tests in ten minutes are enough.", testsPerWindow))
	}
	title := "Test: pages reach you by " + cs[at].Name
	if n, err = s.Send(ctx, tx, New{Person: who.ID, Kind: "info", Title: title, Subject: "[Test] " + title, Body: "You asked for this test under Account, How you are reached. Nothing happened.", Link: "/account", Key: "test:" + id.New()}); err != nil {
		return n, err
	}
	if err := s.addChannel(ctx, tx, &n, cs[at], 1, 0); err != nil {
		return n, err
	}
	return n, s.publish(ctx, tx, n, false)
}

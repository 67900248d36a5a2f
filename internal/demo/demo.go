// Package demo makes the demo office live: simulated colleagues sit in its rooms,
// talk and run checks, and play the others' parts in a drill, so that one visitor
// alone sees what an incident is like. Each colleague is a client of this server's
// own API, signed in like anybody, with no rights but those of their roles; nothing
// here reaches past a door. They do nothing while nobody looks on.
package demo

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"muster/internal/clock"
)

// Colleague is one of the simulated people.
type Colleague struct {
	Name, Display, Title, Team string
	Roles                      []string
	Room                       string // where they sit
}

// Simulated stands in the title of everybody who is.
const Simulated = " · simulated"

// Colleagues of the demo bank. The first commands and operates, the second approves.
var Colleagues = []Colleague{
	{"marta", "Marta Nowak", "Payments SRE" + Simulated, "Payments", []string{"operator", "responder"}, "payments-ops"},
	{"helena", "Helena Brandt", "Change approver" + Simulated, "Risk", []string{"approver"}, "change-board"},
	{"kenji", "Kenji Mori", "Database" + Simulated, "Platform", []string{"operator", "responder"}, "sre-desk"},
	{"priya", "Priya Raman", "Settlement" + Simulated, "Settlement", []string{"responder"}, "settlement"},
	{"tomas", "Tomás Silva", "Order flow" + Simulated, "Trading support", []string{"responder"}, "trading-floor-support"},
	{"lena", "Lena Vogel", "Market data" + Simulated, "Trading support", []string{"responder"}, "trading-floor-support"},
	{"omar", "Omar Aziz", "End-of-day batch" + Simulated, "Operations", []string{"operator", "responder"}, "eod-batch"},
	{"sofia", "Sofia Rossi", "Treasury" + Simulated, "Treasury", []string{"responder"}, "treasury"},
}

// Options says where the office is and who is in it.
type Options struct {
	URL       string            // of this server
	Hook      string            // address where the demo's monitoring posts alerts
	Passwords map[string]string // of the colleagues, by login
	// Break lets a service of the demo's hosts get stuck until it is started anew.
	Break func(service string) error
	Voice bool // two of them talk
	Clock clock.Clock
	Log   *slog.Logger
}

// Office is the demo office at work.
type Office struct {
	o     Options
	rooms map[string]string // ids by name; all are known before anybody but work reads them
	ctx   context.Context
	stop  context.CancelFunc
	done  sync.WaitGroup

	mu     sync.Mutex
	people map[string]*client
	drill  *Drill
}

// Start brings the colleagues to work. It returns at once; Close sends them home.
func Start(ctx context.Context, o Options) *Office {
	f := &Office{o: o, people: map[string]*client{}, rooms: map[string]string{}}
	for _, c := range Colleagues {
		if pw := o.Passwords[c.Name]; pw != "" {
			f.people[c.Name] = &client{base: o.URL, name: c.Name, password: pw}
		}
	}
	f.ctx, f.stop = context.WithCancel(context.WithoutCancel(ctx))
	f.done.Go(func() { f.work(f.ctx) })
	return f
}

// Close ends what they do and waits for it.
func (f *Office) Close() error {
	f.mu.Lock()
	f.stop() // no drill begins after this
	f.mu.Unlock()
	f.done.Wait()
	for _, c := range f.people {
		c.leave()
	}
	return nil
}

// person is a colleague, nil when they stay at home.
func (f *Office) person(name string) *client {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.people[name]
}

// pause waits; false: the demo ends.
func (f *Office) pause(ctx context.Context, d time.Duration) bool {
	t := f.o.Clock.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C():
		return true
	}
}

// work is a colleagues' day: come, sit down, and do something now and then.
func (f *Office) work(ctx context.Context) {
	for _, c := range Colleagues {
		p := f.person(c.Name)
		if p == nil {
			continue
		}
		if err := f.arrive(ctx, p, c); err != nil {
			if ctx.Err() != nil {
				return
			}
			f.o.Log.Warn("a simulated colleague stays at home", "name", c.Name, "error", err)
			f.mu.Lock()
			delete(f.people, c.Name)
			f.mu.Unlock()
		}
	}
	if f.o.Voice {
		f.done.Go(func() { f.talk(ctx, "tomas", "lena") })
	}
	for n := 0; ; n++ {
		if !f.pause(ctx, 20*time.Second) {
			return
		}
		if f.running() || !f.watched(ctx) {
			n--
			continue
		}
		f.play(ctx, scenes[n%len(scenes)])
	}
}

func (f *Office) arrive(ctx context.Context, p *client, c Colleague) error {
	if err := p.signIn(ctx); err != nil {
		return err
	}
	if len(f.rooms) == 0 {
		var list struct {
			Items []struct{ ID, Name string } `json:"items"`
		}
		if err := p.call(ctx, "GET", "/rooms", nil, &list); err != nil {
			return err
		}
		for _, r := range list.Items {
			f.rooms[r.Name] = r.ID
		}
	}
	if err := p.connect(); err != nil {
		return err
	}
	if room := f.rooms[c.Room]; room != "" {
		return p.call(ctx, "POST", "/rooms/"+room+"/enter", struct{}{}, nil)
	}
	return nil
}

// watched says whether somebody who is not simulated is in the office.
func (f *Office) watched(ctx context.Context) bool {
	p := f.person("marta")
	if p == nil {
		return false
	}
	var office struct {
		People []struct {
			ID    string
			Title string
		} `json:"people"`
		Presence []struct {
			UserID string `json:"user_id"`
			State  string
		} `json:"presence"`
	}
	if err := p.call(ctx, "GET", "/office", nil, &office); err != nil {
		return false
	}
	visitor := map[string]bool{}
	for _, u := range office.People {
		visitor[u.ID] = !simulated(u.Title)
	}
	for _, at := range office.Presence {
		if visitor[at.UserID] && at.State != "offline" {
			return true
		}
	}
	return false
}

// play carries out a scene. What is refused is left out: a visitor may have
// archived the room, or changed who may do what.
func (f *Office) play(ctx context.Context, s []beat) {
	for _, b := range s {
		p, room := f.person(b.who), f.rooms[b.room]
		if p == nil || room == "" {
			continue
		}
		var err error
		if b.text == "" {
			err = p.call(ctx, "POST", "/rooms/"+room+"/enter", struct{}{}, nil)
		} else {
			err = p.say(ctx, room, b.text)
		}
		if err != nil && ctx.Err() == nil {
			f.o.Log.Debug("a simulated colleague was refused", "name", b.who, "error", err)
		}
		if !f.pause(ctx, 6*time.Second) {
			return
		}
	}
}

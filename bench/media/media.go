// Package media measures voice through the real binary and its media process,
// with people that are programs: they connect, speak and count as browsers do.
package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"muster/bench/report"
	"muster/bench/rig"
	"muster/e2e/host"
	"muster/internal/call/livekit/peer"
)

// bench is an office with voice.
type bench struct {
	*rig.Rig
	s     *host.Server
	rooms int
	names int
}

// person is somebody with a room.
type person struct {
	*host.Client
	id string
}

// Run measures.
func Run(ctx context.Context, r *rig.Rig) (err error) {
	dir, err := r.Folder("media")
	if err != nil {
		return err
	}
	s, err := host.Start(host.Options{Bin: r.Bin, Data: dir, Media: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	b := &bench{Rig: r, s: s}
	for _, part := range []func(context.Context) error{b.hear, b.change, b.ten, b.hundred, b.killed, b.moves} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) person(ctx context.Context) (p person, err error) {
	b.names++
	if p.Client, err = b.s.Person(ctx, fmt.Sprintf("voice-%03d", b.names), "responder"); err != nil {
		return p, err
	}
	var me struct {
		User struct {
			ID string `json:"id"`
		} `json:"user"`
	}
	err = p.Call(ctx, "GET", "/me", nil, &me)
	p.id = me.User.ID
	return p, err
}

func (b *bench) people(ctx context.Context, n int) (out []person, err error) {
	for range n {
		p, err := b.person(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func (b *bench) room(ctx context.Context) (string, error) {
	b.rooms++
	var r struct {
		ID string `json:"id"`
	}
	err := b.s.Console().Call(ctx, "POST", "/rooms", map[string]any{"name": fmt.Sprintf("voice %d", b.rooms)}, &r)
	return r.ID, err
}

// join is everything between a click on a room and being connected.
func (b *bench) join(ctx context.Context, p person, room, mode string) (*peer.Peer, error) {
	if mode == "table" {
		if err := p.Call(ctx, "POST", "/rooms/"+room+"/enter", map[string]any{}, nil); err != nil {
			return nil, err
		}
	}
	var t struct {
		URL   string `json:"url"`
		Token string `json:"token"`
	}
	for { // the engine may still be starting
		err := p.Call(ctx, "POST", "/rooms/"+room+"/call/join", map[string]any{"mode": mode}, &t)
		if err == nil {
			break
		}
		if host.Status(err) != http.StatusServiceUnavailable {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(50 * time.Millisecond):
		}
	}
	return connect(ctx, b.s.URL+t.URL, t.Token, p)
}

func connect(ctx context.Context, url, token string, p person) (*peer.Peer, error) {
	return peer.Connect(ctx, peer.Options{URL: url, Token: token, Header: http.Header{"Authorization": {"Bearer " + p.Token}}})
}

// talk joins and speaks.
func (b *bench) talk(ctx context.Context, p person, room string) (*peer.Peer, error) {
	c, err := b.join(ctx, p, room, "table")
	if err != nil {
		return nil, err
	}
	if _, err := c.Speak(ctx, peer.Tone()); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func hears(ctx context.Context, c *peer.Peer, who person) error {
	ctx, stop := context.WithTimeout(ctx, 20*time.Second)
	defer stop()
	return c.Wait(ctx, func() bool { return c.Hears(who.id) > 0 })
}

const bare = "two bare WebRTC connections in one process"

func (b *bench) bare(ctx context.Context, n int) (all report.Samples, err error) {
	for range n {
		ctx, stop := context.WithTimeout(ctx, 20*time.Second)
		took, err := peer.Direct(ctx)
		stop()
		if err != nil {
			return nil, err
		}
		all = append(all, took)
	}
	return all, nil
}

// hear: somebody talks; another clicks on the room.
func (b *bench) hear(ctx context.Context) error {
	ps, err := b.people(ctx, 2)
	if err != nil {
		return err
	}
	n := rig.Pick(b.Rig, 3, 40)
	var all report.Samples
	for range n {
		room, err := b.room(ctx)
		if err != nil {
			return err
		}
		ann, err := b.talk(ctx, ps[0], room)
		if err != nil {
			return err
		}
		began := time.Now()
		bob, err := b.talk(ctx, ps[1], room)
		if err == nil {
			err = errors.Join(hears(ctx, ann, ps[1]), hears(ctx, bob, ps[0]))
			all = append(all, time.Since(began))
			err = errors.Join(err, bob.Close())
		}
		if err = errors.Join(err, ann.Close()); err != nil {
			return err
		}
	}
	floor, err := b.bare(ctx, n)
	if err != nil {
		return err
	}
	l := b.Line("media", "click on a room → two people hear each other")
	l.Add("p95", all.At(.95), "ms").Add("median", all.At(.5), "ms").Against("p95 < 400 ms", all.At(.95) < 400).Over(bare, all.At(.95), floor.At(.95), "ms")
	l.Note = "Taking the seat, the ticket, connecting both ways, publishing, and the first packet in both directions."
	b.Put(l)
	return nil
}

// change: somebody walks to and fro between two rooms where others listen.
func (b *bench) change(ctx context.Context) error {
	ps, err := b.people(ctx, 3)
	if err != nil {
		return err
	}
	var rooms [2]string
	var there [2]*peer.Peer
	for i := range rooms {
		if rooms[i], err = b.room(ctx); err != nil {
			return err
		}
		if there[i], err = b.join(ctx, ps[i], rooms[i], "table"); err != nil {
			return err
		}
		defer there[i].Close()
	}
	n := rig.Pick(b.Rig, 3, 40)
	walker := ps[2]
	c, err := b.talk(ctx, walker, rooms[0])
	if err != nil {
		return err
	}
	var all report.Samples
	for i := range n {
		to := (i + 1) % 2
		before := there[to].Hears(walker.id)
		began := time.Now()
		next, err := b.talk(ctx, walker, rooms[to])
		if err != nil {
			return errors.Join(err, c.Close())
		}
		wait, stop := context.WithTimeout(ctx, 20*time.Second)
		err = there[to].Wait(wait, func() bool { return there[to].Hears(walker.id) > before })
		stop()
		all = append(all, time.Since(began))
		if err = errors.Join(err, c.Close()); err != nil {
			return errors.Join(err, next.Close())
		}
		c = next
	}
	if err := c.Close(); err != nil {
		return err
	}
	floor, err := b.bare(ctx, n)
	if err != nil {
		return err
	}
	l := b.Line("media", "click on another room → heard there")
	l.Add("median", all.At(.5), "ms").Add("p95", all.At(.95), "ms").Against("median < 400 ms", all.At(.5) < 400).Over(bare, all.At(.5), floor.At(.5), "ms")
	b.Put(l)
	return nil
}

// ten talk at once in one room.
func (b *bench) ten(ctx context.Context) error {
	const people = 10
	ps, err := b.people(ctx, people)
	if err != nil {
		return err
	}
	room, err := b.room(ctx)
	if err != nil {
		return err
	}
	var all []*peer.Peer
	defer func() {
		for _, c := range all {
			_ = c.Close()
		}
	}()
	for _, p := range ps {
		c, err := b.talk(ctx, p, room)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	for i, c := range all {
		if err := hears(ctx, c, ps[(i+1)%people]); err != nil {
			return err
		}
	}
	pid, err := b.child()
	if err != nil {
		return err
	}
	d := rig.Pick(b.Rig, 2*time.Second, 20*time.Second)
	before, began := rig.CPU(pid), time.Now()
	was := map[string]int{}
	for i, c := range all {
		for _, h := range c.Heard() {
			was[fmt.Sprint(i, h.Track)] = int(h.Packets)
		}
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
	}
	took := time.Since(began)
	busy := (rig.CPU(pid) - before) / took.Seconds()
	var delays report.Samples
	var lost, packets int
	for i, c := range all {
		for _, h := range c.Heard() {
			lost += int(h.Lost)
			packets += int(h.Packets) - was[fmt.Sprint(i, h.Track)]
			delays = append(delays, h.Delays...)
		}
	}
	bare, err := floor(ctx, people, d)
	if err != nil {
		return err
	}
	l := b.Line("media", "10 people all talk in one room: a packet from one to another")
	added := max(0, delays.At(.95)-bare.At(.95))
	l.Add("p95", delays.At(.95), "ms").Add("median", delays.At(.5), "ms").Add("added to the floor, p95", added, "ms").Add("lost", float64(lost), "").Add("packets", float64(packets)/took.Seconds(), "/s")
	l.Against("lost 0, added p95 < 10 ms", lost == 0 && added < 10).Over("bare UDP through another process", delays.At(.95), bare.At(.95), "ms")
	b.Put(l)
	l = b.Line("media", "the same: processor of the media process")
	l.Add("", busy, "cores").Against("< 0.3 of a core", busy < .3)
	b.Put(l)
	return nil
}

// hundred are in one room; two of them talk.
func (b *bench) hundred(ctx context.Context) error {
	people := rig.Pick(b.Rig, 10, 100)
	ps, err := b.people(ctx, people)
	if err != nil {
		return err
	}
	room, err := b.room(ctx)
	if err != nil {
		return err
	}
	pid, err := b.child()
	if err != nil {
		return err
	}
	idle, _ := rig.RSS(pid)
	var mu sync.Mutex
	all := make([]*peer.Peer, people)
	defer func() {
		for _, c := range all {
			if c != nil {
				_ = c.Close()
			}
		}
	}()
	if err := rig.Each(ctx, people, 4, func(i int) error {
		var c *peer.Peer
		var err error
		if i < 2 {
			c, err = b.talk(ctx, ps[i], room)
		} else {
			c, err = b.join(ctx, ps[i], room, "gallery")
		}
		mu.Lock()
		all[i] = c
		mu.Unlock()
		return err
	}); err != nil {
		return err
	}
	for _, c := range all[2:] {
		if err := errors.Join(hears(ctx, c, ps[0]), hears(ctx, c, ps[1])); err != nil {
			return err
		}
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(rig.Pick(b.Rig, time.Second, 10*time.Second)):
	}
	now, peak := rig.RSS(pid)
	lost, delays := 0, report.Samples{}
	for _, c := range all[2:] {
		for _, h := range c.Heard() {
			lost += int(h.Lost)
			delays = append(delays, h.Delays...)
		}
	}
	l := b.Line("media", fmt.Sprintf("%d people in a room, 2 talk: memory of the media process", people))
	l.Add("", now, "MB").Add("at most", peak, "MB").Against("< 260 MB", now < 260).Over("the same process before they came", now, idle, "MB")
	l.Note = fmt.Sprintf("Lost packets: %d; from one to another p95 %s.", lost, report.Number(delays.At(.95), "ms"))
	b.Put(l)
	return nil
}

// killed: the media process is killed while two talk.
func (b *bench) killed(ctx context.Context) error {
	ps, err := b.people(ctx, 3)
	if err != nil {
		return err
	}
	room, err := b.room(ctx)
	if err != nil {
		return err
	}
	var healed, longest, usual report.Samples
	for range rig.Pick(b.Rig, 1, 5) {
		ann, err := b.talk(ctx, ps[0], room)
		if err != nil {
			return err
		}
		bob, err := b.talk(ctx, ps[1], room)
		if err != nil {
			return errors.Join(err, ann.Close())
		}
		if err := hears(ctx, ann, ps[1]); err != nil {
			return errors.Join(err, ann.Close(), bob.Close())
		}
		pid, err := b.child()
		if err != nil {
			return err
		}
		asking, stop := context.WithCancel(ctx)
		var worst time.Duration
		done := make(chan error, 1)
		go func() {
			for asking.Err() == nil {
				began := time.Now()
				if err := ps[2].Call(ctx, "GET", "/me", nil, nil); err != nil {
					done <- err
					return
				}
				took := time.Since(began)
				worst, usual = max(worst, took), append(usual, took)
				select {
				case <-asking.Done():
				case <-time.After(20 * time.Millisecond):
				}
			}
			done <- nil
		}()
		began := time.Now()
		child, err := os.FindProcess(pid)
		if err == nil {
			err = child.Kill()
		}
		if err == nil {
			<-ann.Done()
			<-bob.Done()
			err = errors.Join(ann.Close(), bob.Close())
		}
		var back [2]*peer.Peer
		for i := 0; err == nil && i < 2; i++ { // as a browser does, with the ticket it has
			token := []*peer.Peer{ann, bob}[i].Token()
			for back[i] == nil {
				if back[i], err = connect(ctx, b.s.URL+"/media", token, ps[i]); err != nil && time.Since(began) > 20*time.Second {
					break
				}
			}
			if err == nil {
				_, err = back[i].Speak(ctx, peer.Tone())
			}
		}
		if err == nil {
			err = errors.Join(hears(ctx, back[0], ps[1]), hears(ctx, back[1], ps[0]))
			healed = append(healed, time.Since(began))
		}
		stop()
		err = errors.Join(err, <-done)
		longest = append(longest, worst)
		for _, c := range back {
			if c != nil {
				err = errors.Join(err, c.Close())
			}
		}
		if err != nil {
			return err
		}
	}
	l := b.Line("media", "kill -9 of the media process → both hear each other again")
	l.Add("worst", healed.At(1), "ms").Add("median", healed.At(.5), "ms").Against("< 5 s", healed.At(1) < 5000)
	b.Put(l)
	l = b.Line("media", "meanwhile: the longest answer of the API")
	l.Add("", longest.At(1), "ms").Over("its median then", longest.At(1), usual.At(.5), "ms")
	b.Put(l)
	return nil
}

// moves: somebody walks while many watch.
func (b *bench) moves(ctx context.Context) error {
	const perPerson = 8
	sockets, n := rig.Pick(b.Rig, 16, 1000), rig.Pick(b.Rig, 5, 200)
	ps, err := b.people(ctx, sockets/perPerson)
	if err != nil {
		return err
	}
	walker, err := b.person(ctx)
	if err != nil {
		return err
	}
	var rooms [2]string
	for i := range rooms {
		if rooms[i], err = b.room(ctx); err != nil {
			return err
		}
	}
	arrived := make(chan time.Time, 16)
	var mu sync.Mutex
	want := ""
	var open []*rig.Socket
	defer func() {
		for _, s := range open {
			s.Close()
		}
	}()
	if err := rig.Each(ctx, sockets, 8, func(i int) error {
		s, err := rig.Dial(ctx, ps[i%len(ps)].Client, func(e rig.Event) {
			if i > 0 {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if want != "" && bytes.Contains(e.Data, []byte(walker.id)) && bytes.Contains(e.Data, []byte(want)) {
				want = ""
				arrived <- e.At
			}
		})
		if err != nil {
			return err
		}
		mu.Lock()
		open = append(open, s)
		mu.Unlock()
		return nil // it is on the office's channel by itself
	}); err != nil {
		return err
	}
	own, err := rig.Dial(ctx, walker.Client, func(rig.Event) {}) // who is not there is in no room
	if err != nil {
		return err
	}
	defer own.Close()
	var all report.Samples
	for i := range n {
		to := rooms[i%2]
		mu.Lock()
		want = to
		mu.Unlock()
		began := time.Now()
		if err := walker.Call(ctx, "POST", "/rooms/"+to+"/enter", map[string]any{}, nil); err != nil {
			return err
		}
		select {
		case at := <-arrived:
			all = append(all, at.Sub(began))
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Second):
			return errors.New("a move was not shown")
		}
	}
	bare, err := b.broadcast(ctx, sockets, n)
	if err != nil {
		return err
	}
	l := b.Line("media", fmt.Sprintf("a move → shown on another's screen, %s sockets", report.Number(float64(sockets), "")))
	l.Add("p99", all.At(.99), "ms").Add("median", all.At(.5), "ms").Against("p99 < 150 ms", all.At(.99) < 150).Over("one durable insert and a plain WebSocket broadcast", all.At(.99), bare.At(.99), "ms")
	b.Put(l)
	return nil
}

// broadcast is the least that could be done for a move.
func (b *bench) broadcast(ctx context.Context, sockets, n int) (all report.Samples, err error) {
	f, err := b.Floor(ctx)
	if err != nil {
		return nil, err
	}
	defer f.Stop()
	arrived := make(chan time.Time, 16)
	for i := range sockets {
		stop, err := f.Listen(ctx, func(at time.Time, _ []byte) {
			if i == 0 {
				arrived <- at
			}
		})
		if err != nil {
			return nil, err
		}
		defer stop()
	}
	for range n {
		began := time.Now()
		res, err := http.Post(f.URL+"/post", "application/json", strings.NewReader(`{"type":"presence"}`))
		if err != nil {
			return nil, err
		}
		_ = res.Body.Close()
		select {
		case at := <-arrived:
			all = append(all, at.Sub(began))
		case <-time.After(20 * time.Second):
			return nil, errors.New("the floor lost a message")
		}
	}
	return all, nil
}

// child is the media process's id.
func (b *bench) child() (int, error) {
	parent := strconv.Itoa(b.s.Pid())
	for range 200 {
		all, err := os.ReadDir("/proc")
		if err != nil {
			return 0, err
		}
		for _, d := range all {
			pid, err := strconv.Atoi(d.Name())
			if err != nil {
				continue
			}
			stat, err := os.ReadFile("/proc/" + d.Name() + "/stat")
			if err != nil {
				continue
			}
			_, rest, _ := strings.Cut(string(stat), ") ")
			if f := strings.Fields(rest); len(f) < 2 || f[1] != parent || f[0] == "Z" {
				continue
			}
			line, _ := os.ReadFile("/proc/" + d.Name() + "/cmdline")
			if strings.HasSuffix(strings.TrimRight(string(line), "\x00"), "\x00media") {
				return pid, nil
			}
		}
		time.Sleep(50 * time.Millisecond) // it is being started again
	}
	return 0, errors.New("the server has no media process")
}

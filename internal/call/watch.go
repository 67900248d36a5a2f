package call

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/message"
	"muster/internal/room"
)

// Started is the ledger event of a call's beginning.
type Started struct {
	Call string `json:"call" class:"public"`
}

func (Started) EventKind() string { return "call.Started" }

// Ended is the ledger event of a call's end.
type Ended struct {
	Call    string `json:"call" class:"public"`
	Seconds int64  `json:"seconds" class:"public"`
	People  int    `json:"people" class:"public"`
}

func (Ended) EventKind() string { return "call.Ended" }

// Joined is the ledger event of somebody who came into a call.
type Joined struct {
	Call string `json:"call" class:"public"`
	Mode Mode   `json:"mode" class:"public"`
}

func (Joined) EventKind() string { return "call.Joined" }

// Left is the ledger event of somebody who went out of a call.
type Left struct {
	Call    string `json:"call" class:"public"`
	Seconds int64  `json:"seconds" class:"public"`
}

func (Left) EventKind() string { return "call.Left" }

// Spoke is the ledger event of somebody's first word in a call.
type Spoke struct {
	Call string `json:"call" class:"public"`
}

func (Spoke) EventKind() string { return "call.Spoke" }

// Shared is the ledger event of somebody who began to show their screen.
type Shared struct {
	Call string `json:"call" class:"public"`
}

func (Shared) EventKind() string { return "call.Shared" }

const (
	// comeBack is how long people have to connect again after the engine was away.
	comeBack = 20 * time.Second
	// reviewEvery is how often everybody's rights are looked at, beside each time
	// that something is heard which may have changed them.
	reviewEvery = 5 * time.Second
)

// Start takes up the calls that were going on and follows the engine.
func (s *Store) Start(ctx context.Context) error {
	if s.Engine == nil {
		close(s.stopped)
		return nil
	}
	if err := s.takeUp(ctx); err != nil {
		return err
	}
	loop, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.cancel = s.Bus.Subscribe(s.heard)
	go s.loop(loop)
	return s.Engine.Start(func(at State, seen Seen) {
		s.heardMu.Lock()
		s.at, s.seen, s.fresh = at, seen, true
		s.heardMu.Unlock()
		s.wake()
	})
}

// Close ends the engine; the calls go on when Muster is back.
func (s *Store) Close(ctx context.Context) error {
	if s.Engine == nil {
		return nil
	}
	err := s.Engine.Close(ctx)
	if s.stop != nil {
		s.cancel()
		s.stop()
		<-s.stopped
	}
	return err
}

func (s *Store) wake() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// heard notes what may have changed who may take part. It runs in the
// publisher's goroutine, which may be this package's own with s.mu held.
func (s *Store) heard(topic string, payload any) {
	all := false
	var rooms []string
	switch p := payload.(type) {
	case room.Room:
		rooms = []string{p.ID}
	case account.SessionEnded:
		s.dropSession(p.SessionID)
		return
	case account.RolesTurned:
		all = true
	case map[string]any:
		if p["type"] == "membership" {
			if id, ok := p["room_id"].(string); ok {
				rooms = []string{id}
			}
		}
	case string:
		switch topic {
		case "presence":
			rooms = s.roomsOf(p)
		case "policies":
			all = true
		}
	}
	if !all && len(rooms) == 0 {
		return
	}
	s.heardMu.Lock()
	s.all = s.all || all
	for _, r := range rooms {
		s.pokes[r] = true
	}
	s.heardMu.Unlock()
	s.wake()
}

func (s *Store) roomsOf(person string) (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for roomID, l := range s.live {
		if l.people[person] != nil {
			out = append(out, roomID)
		}
	}
	return out
}

// dropSession ends what a sign-in that is over had connected.
func (s *Store) dropSession(session string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, by := range s.sessions {
		if by == session {
			delete(s.sessions, at)
			s.engine("remove", func(ctx context.Context) error { return s.Engine.Remove(ctx, at.room, at.person) })
		}
	}
}

func (s *Store) loop(ctx context.Context) {
	defer close(s.stopped)
	t := s.Clock.NewTimer(reviewEvery)
	defer func() { t.Stop() }()
	for {
		all := false
		select {
		case <-ctx.Done():
			return
		case <-t.C():
			all = true
			t = s.Clock.NewTimer(reviewEvery)
		case <-s.news:
		}
		s.heardMu.Lock()
		at, seen, fresh, pokes := s.at, s.seen, s.fresh, s.pokes
		all = all || s.all
		s.fresh, s.all, s.pokes = false, false, map[string]bool{}
		s.heardMu.Unlock()
		if fresh {
			came := s.follow(ctx, at, seen)
			maps.Copy(pokes, came)
		}
		if at == Ready && (all || len(pokes) > 0) {
			s.review(ctx, func(roomID string) bool { return all || pokes[roomID] })
		}
	}
}

// change is what is to be written down about one call.
type change struct {
	room, call string
	at         time.Time
	person     string
	mode       Mode
	kind       string // started, joined, left, spoke, shared, ended
	since      time.Time
}

// follow makes the calls what the engine carries, and gives the rooms somebody
// came into.
func (s *Store) follow(ctx context.Context, at State, seen Seen) map[string]bool {
	now := s.Clock.Now()
	came := map[string]bool{}
	var out []change
	s.mu.Lock()
	if was := s.state; was != at {
		s.state = at
		if at == Ready {
			s.grace = now.Add(comeBack)
		}
		s.Bus.Publish("office", map[string]any{"type": "media", "media": map[string]any{"state": at}})
	}
	for roomID, peers := range seen {
		if len(peers) == 0 {
			continue
		}
		l := s.live[roomID]
		if l == nil {
			l = &live{id: id.New(), started: now, people: map[string]*member{}, demoted: map[string]bool{}}
			s.live[roomID] = l
			out = append(out, change{room: roomID, call: l.id, at: now, kind: "started", person: peers[0].Person})
		}
		for _, p := range peers {
			if s.seenIn(roomID, l, p, now, &out) {
				came[roomID] = true
			}
		}
	}
	for roomID, l := range s.live {
		there := map[string]bool{}
		for _, p := range seen[roomID] {
			there[p.Person] = true
		}
		for person, m := range l.people {
			switch {
			case there[person]:
			case at != Ready || m.absent && now.Before(s.grace):
				m.absent, m.Speaking, m.Quality = true, false, "lost"
			default:
				delete(l.people, person)
				delete(s.sessions, seat{roomID, person})
				out = append(out, change{room: roomID, call: l.id, at: now, kind: "left", person: person, since: m.JoinedAt})
			}
		}
		for _, m := range l.people {
			if m.WhisperTo != "" && l.people[m.WhisperTo] == nil {
				m.WhisperTo = ""
			}
		}
		if len(l.people) == 0 {
			delete(s.live, roomID)
			out = append(out, change{room: roomID, call: l.id, at: now, kind: "ended", since: l.started})
		}
		s.show(roomID, l)
	}
	s.mu.Unlock()
	s.write(ctx, out)
	return came
}

// seenIn takes over what the engine says of one person; true when they just came.
func (s *Store) seenIn(roomID string, l *live, p Peer, now time.Time, out *[]change) (came bool) {
	m := l.people[p.Person]
	mode := Gallery
	if p.Speaks {
		mode = Table
	}
	if m == nil {
		m = &member{Person: Person{UserID: p.Person, Mode: mode, JoinedAt: now}}
		l.people[p.Person] = m
		came = true
		*out = append(*out, change{room: roomID, call: l.id, at: now, kind: "joined", person: p.Person, mode: mode})
	}
	if m.absent {
		m.absent, came = false, true
	}
	m.Mic, m.Camera, m.Shares, m.Speaking, m.Quality = p.Mic, p.Camera, p.Shares, p.Speaking, p.Quality
	if m.Speaking && !m.spoke {
		m.spoke = true
		*out = append(*out, change{room: roomID, call: l.id, at: now, kind: "spoke", person: p.Person})
	}
	if m.Shares > 0 && !m.shared {
		*out = append(*out, change{room: roomID, call: l.id, at: now, kind: "shared", person: p.Person})
	}
	m.shared = m.Shares > 0
	return came
}

// show publishes a call that is not as it was last. s.mu is held.
func (s *Store) show(roomID string, l *live) {
	v := l.view(roomID)
	if reflect.DeepEqual(v, l.told) {
		return
	}
	l.told = v
	s.Bus.Publish("calls", v)
}

// review removes from calls who may not take part any more, and lets others
// speak or not as they may.
func (s *Store) review(ctx context.Context, pick func(roomID string) bool) {
	type one struct {
		room, person string
		mode         Mode
	}
	var in []one
	s.mu.Lock()
	for roomID, l := range s.live {
		if !pick(roomID) {
			continue
		}
		for person, m := range l.people {
			if !m.absent {
				in = append(in, one{roomID, person, m.Mode})
			}
		}
	}
	s.mu.Unlock()
	q := s.DB.Read()
	for _, o := range in {
		err := s.still(ctx, q, o.person, o.room, o.mode)
		switch {
		case err == nil:
			s.enforce(o.room, o.person, o.mode)
		case fault.KindOf(err) == fault.Internal || fault.KindOf(err) == fault.Unavailable:
			s.Log.Warn("ask whether somebody may stay in a call", "person", o.person, "room", o.room, "error", err)
		default:
			s.engine("remove", func(ctx context.Context) error { return s.Engine.Remove(ctx, o.room, o.person) })
		}
	}
}

func (s *Store) still(ctx context.Context, q db.Querier, person, roomID string, m Mode) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	who, err := s.Accounts.ActorOf(ctx, q, person)
	if err != nil {
		return err
	}
	r, err := s.Rooms.See(ctx, q, who, roomID)
	if err != nil {
		return err
	}
	return s.allowed(ctx, q, who, r, m)
}

// enforce has the engine agree on who may speak.
func (s *Store) enforce(roomID, person string, m Mode) {
	s.heardMu.Lock()
	peers := s.seen[roomID]
	s.heardMu.Unlock()
	i := slices.IndexFunc(peers, func(p Peer) bool { return p.Person == person })
	if i >= 0 && peers[i].Speaks != (m == Table) {
		s.engine("permit", func(ctx context.Context) error { return s.Engine.Permit(ctx, roomID, person, m) })
	}
}

// write records changes in order. The call goes on if that fails: people talk
// whether or not there is a database, and the log says what is missing.
func (s *Store) write(ctx context.Context, all []change) {
	for _, c := range all {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		if err := s.writeOne(ctx, c); err != nil {
			s.Log.Error("record a call", "what", c.kind, "room", c.room, "person", c.person, "error", err)
		}
		cancel()
	}
}

func (s *Store) writeOne(ctx context.Context, c change) error {
	who := actor.System("call")
	if c.person != "" && c.kind != "started" {
		p, err := s.Accounts.ActorOf(ctx, s.DB.Read(), c.person)
		switch {
		case err == nil:
			who = p
		case fault.KindOf(err) == fault.Internal:
			return err
		}
	}
	who.Door = "media"
	return s.Access.Do(ctx, who, func(tx *db.Tx) error {
		about, err := s.Rooms.About(ctx, tx, c.room)
		if err != nil {
			return err
		}
		at := db.Micro(c.at)
		switch c.kind {
		case "started":
			if _, err := tx.Exec(ctx, `INSERT INTO call (id, room, started_at, ended_at, noted) VALUES ($1, $2, $3, 0, FALSE)`, c.call, c.room, at); err != nil {
				return err
			}
			return s.Ledger.Append(ctx, tx, who, about, Started{c.call})
		case "joined":
			if _, err := tx.Exec(ctx, `INSERT INTO call_person (call, person, mode, joined_at, left_at, spoke_at, shared_at) VALUES ($1, $2, $3, $4, 0, 0, 0)
ON CONFLICT (call, person) DO UPDATE SET mode = excluded.mode, left_at = 0`, c.call, c.person, string(c.mode), at); err != nil {
				return err
			}
			if err := s.Ledger.Append(ctx, tx, who, about, Joined{c.call, c.mode}); err != nil {
				return err
			}
			return s.note(ctx, tx, c)
		case "left":
			if _, err := tx.Exec(ctx, `UPDATE call_person SET left_at = $3 WHERE call = $1 AND person = $2`, c.call, c.person, at); err != nil {
				return err
			}
			return s.Ledger.Append(ctx, tx, who, about, Left{c.call, seconds(c)})
		case "spoke", "shared":
			if _, err := tx.Exec(ctx, `UPDATE call_person SET `+c.kind+`_at = $3 WHERE call = $1 AND person = $2 AND `+c.kind+`_at = 0`, c.call, c.person, at); err != nil {
				return err
			}
			if c.kind == "spoke" {
				return s.Ledger.Append(ctx, tx, who, about, Spoke{c.call})
			}
			return s.Ledger.Append(ctx, tx, who, about, Shared{c.call})
		}
		return s.end(ctx, tx, who, c)
	})
}

func seconds(c change) int64 { return int64(c.at.Sub(c.since).Round(time.Second) / time.Second) }

// note tells the room that people talk in it: when the second comes, or at once
// in the room of an incident, whose every minute counts.
func (s *Store) note(ctx context.Context, tx *db.Tx, c change) error {
	var noted bool
	var n int
	if err := tx.QueryRow(ctx, `SELECT noted, (SELECT COUNT(*) FROM call_person WHERE call = $1 AND left_at = 0) FROM call WHERE id = $1`, c.call).Scan(&noted, &n); err != nil || noted {
		return err
	}
	r, err := s.Rooms.Get(ctx, tx, c.room)
	if err != nil || n < 2 && r.Kind != "incident" {
		return err
	}
	ids, err := db.All(ctx, tx, func(sc db.Scanner) (p string, err error) { return p, sc.Scan(&p) }, `SELECT person FROM call_person WHERE call = $1 AND left_at = 0 ORDER BY joined_at, person`, c.call)
	if err != nil {
		return err
	}
	names, err := s.names(ctx, tx, ids)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE call SET noted = TRUE WHERE id = $1`, c.call); err != nil {
		return err
	}
	_, err = s.Messages.Post(ctx, tx, actor.System("call"), message.New{Room: c.room, Kind: "system", Text: names + " started talking here."})
	return err
}

func (s *Store) end(ctx context.Context, tx *db.Tx, who actor.Actor, c change) error {
	type part struct {
		person        string
		spoke, shared int64
	}
	var noted bool
	if err := tx.QueryRow(ctx, `UPDATE call SET ended_at = $2 WHERE id = $1 AND ended_at = 0 RETURNING noted`, c.call, db.Micro(c.at)).Scan(&noted); err != nil {
		if db.IsNoRows(err) {
			return nil
		}
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE call_person SET left_at = $2 WHERE call = $1 AND left_at = 0`, c.call, db.Micro(c.at)); err != nil {
		return err
	}
	parts, err := db.All(ctx, tx, func(sc db.Scanner) (p part, err error) { return p, sc.Scan(&p.person, &p.spoke, &p.shared) },
		`SELECT person, spoke_at, shared_at FROM call_person WHERE call = $1 ORDER BY joined_at, person`, c.call)
	if err != nil {
		return err
	}
	about, err := s.Rooms.About(ctx, tx, c.room)
	if err != nil {
		return err
	}
	if err := s.Ledger.Append(ctx, tx, who, about, Ended{c.call, seconds(c), len(parts)}); err != nil || !noted {
		return err
	}
	var spoke, shared, silent []string
	for _, p := range parts {
		if p.spoke > 0 {
			spoke = append(spoke, p.person)
		} else {
			silent = append(silent, p.person)
		}
		if p.shared > 0 {
			shared = append(shared, p.person)
		}
	}
	text := fmt.Sprintf("The call ended after %s.", length(c.at.Sub(c.since)))
	for _, part := range []struct {
		people []string
		did    string
	}{{spoke, "spoke"}, {shared, "shared a screen"}, {silent, "listened"}} {
		if len(part.people) == 0 {
			continue
		}
		names, err := s.names(ctx, tx, part.people)
		if err != nil {
			return err
		}
		text += " " + names + " " + part.did + "."
	}
	_, err = s.Messages.Post(ctx, tx, actor.System("call"), message.New{Room: c.room, Kind: "system", Text: text})
	return err
}

// names lists people in words, at most six of them.
func (s *Store) names(ctx context.Context, q db.Querier, ids []string) (string, error) {
	const most = 6
	var out []string
	for _, person := range ids[:min(len(ids), most)] {
		u, err := s.Accounts.Get(ctx, q, person)
		switch {
		case err == nil:
			out = append(out, u.Display)
		case fault.KindOf(err) == fault.NotFound:
			out = append(out, "somebody")
		default:
			return "", err
		}
	}
	if more := len(ids) - most; more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	if len(out) < 2 {
		return strings.Join(out, ""), nil
	}
	return strings.Join(out[:len(out)-1], ", ") + " and " + out[len(out)-1], nil
}

func length(d time.Duration) string {
	switch m := int(d.Minutes()); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case m < 60:
		return fmt.Sprintf("%d min", m)
	default:
		return fmt.Sprintf("%d h %d min", m/60, m%60)
	}
}

// takeUp reads the calls that went on when Muster ended: their people have a
// moment to come back.
func (s *Store) takeUp(ctx context.Context) error {
	type row struct {
		call, room, person, mode string
		started, joined          int64
		spoke                    bool
	}
	rows, err := db.All(ctx, s.DB.Read(), func(sc db.Scanner) (r row, err error) {
		return r, sc.Scan(&r.call, &r.room, &r.started, &r.person, &r.mode, &r.joined, &r.spoke)
	}, `SELECT c.id, c.room, c.started_at, COALESCE(p.person, ''), COALESCE(p.mode, ''), COALESCE(p.joined_at, 0), COALESCE(p.spoke_at, 0) > 0
FROM call c LEFT JOIN call_person p ON p.call = c.id AND p.left_at = 0 WHERE c.ended_at = 0`)
	if err != nil {
		return fmt.Errorf("take up calls: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grace = s.Clock.Now().Add(comeBack)
	for _, r := range rows {
		l := s.live[r.room]
		if l == nil {
			l = &live{id: r.call, started: db.At(r.started), people: map[string]*member{}, demoted: map[string]bool{}}
			s.live[r.room] = l
		}
		if r.person != "" {
			l.people[r.person] = &member{Person: Person{UserID: r.person, Mode: Mode(r.mode), JoinedAt: db.At(r.joined), Quality: "lost"}, absent: true, spoke: r.spoke}
		}
	}
	return nil
}

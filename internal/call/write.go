package call

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
	"muster/internal/message"
)

// change is what is to be written down about one call.
type change struct {
	room, call string
	at         time.Time
	person     string
	mode       Mode
	kind       string // started, joined, left, spoke, shared, recorded, unrecorded, ended; alive is of all that go on
	text       string
	since      time.Time
	tries      int
}

const (
	// aliveEvery is how often it is noted that the calls go on: who takes them up
	// after Muster was away learns from it when they broke off.
	aliveEvery = 15 * time.Second
	// most attempts to write one change down, a second apart.
	mostTries = 30
	// tooLate is how long Muster may be away for its calls to go on.
	tooLate = 2 * time.Minute
	// mostWaiting changes are kept while the database does not answer.
	mostWaiting = 10000
)

// clerk writes changes down in order, beside the calls themselves: people talk,
// and are put out, whether or not there is a database.
type clerk struct {
	mu      sync.Mutex
	waiting []change
	alive   time.Time
	lost    int
	more    chan struct{}
	closing chan struct{}
	done    chan struct{}
}

func (c *clerk) init() {
	c.more, c.closing, c.done = make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
}

func (c *clerk) add(all []change, now time.Time, live bool) {
	c.mu.Lock()
	if live && now.Sub(c.alive) >= aliveEvery {
		c.alive = now
		all = append(all, change{kind: "alive", at: now})
	}
	if len(c.waiting)+len(all) > mostWaiting {
		c.lost += len(all)
		all = nil
	}
	c.waiting = append(c.waiting, all...)
	c.mu.Unlock()
	if len(all) > 0 {
		select {
		case c.more <- struct{}{}:
		default:
		}
	}
}

// close writes what is waiting, and does not wait for a database that is gone.
func (c *clerk) close() {
	close(c.closing)
	<-c.done
}

func (c *clerk) work(s *Store) {
	defer close(c.done)
	last := false
	for {
		c.mu.Lock()
		lost := c.lost
		c.lost = 0
		var next change
		some := len(c.waiting) > 0
		if some {
			next = c.waiting[0]
		}
		c.mu.Unlock()
		if lost > 0 {
			s.Log.Error("changes of calls are not recorded: too many wait for the database", "changes", lost)
		}
		if !some {
			if last {
				return
			}
			select {
			case <-c.more:
			case <-c.closing:
				last = true
			}
			continue
		}
		err := s.writeOne(next)
		next.tries++
		transient := fault.KindOf(err) == fault.Internal || fault.KindOf(err) == fault.Unavailable
		if err != nil && (!transient || next.tries >= mostTries || last) {
			s.Log.Error("record a call", "what", next.kind, "room", next.room, "person", next.person, "error", err)
			err = nil
		}
		c.mu.Lock()
		if err == nil {
			c.waiting = c.waiting[1:]
		} else {
			c.waiting[0] = next
		}
		c.mu.Unlock()
		if err != nil {
			t := s.Clock.NewTimer(time.Second)
			select {
			case <-t.C():
			case <-c.closing:
				last = true
			}
			t.Stop()
		}
	}
}

func (s *Store) writeOne(c change) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if c.kind == "alive" {
		return s.DB.Do(ctx, func(tx *db.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE call SET seen_at = $1 WHERE ended_at = 0`, db.Micro(c.at))
			return err
		})
	}
	who := actor.System("call")
	if c.person != "" {
		u, err := s.Accounts.Get(ctx, s.DB.Read(), c.person) // whose account is closed is named as well
		switch {
		case err == nil:
			who = u.Actor()
		case fault.KindOf(err) != fault.NotFound:
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
			if _, err := tx.Exec(ctx, `INSERT INTO call (id, room, started_at, seen_at, ended_at, noted) VALUES ($1, $2, $3, $3, 0, FALSE)`, c.call, c.room, at); err != nil {
				return err
			}
			return s.Ledger.Append(ctx, tx, who, about, Started{c.call})
		case "joined":
			mode, held := s.standing(c)
			if _, err := tx.Exec(ctx, `INSERT INTO call_person (call, person, mode, held, joined_at, left_at, spoke_at, shared_at) VALUES ($1, $2, $3, $4, $5, 0, 0, 0)
ON CONFLICT (call, person) DO UPDATE SET mode = excluded.mode, held = excluded.held, joined_at = excluded.joined_at, left_at = 0`, c.call, c.person, string(mode), held, at); err != nil {
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
		case "recorded", "unrecorded":
			return s.noteRecording(ctx, tx, who, about, c)
		}
		return s.end(ctx, tx, who, c)
	})
}

// standing is how somebody takes part by now, which may not be as they came.
func (s *Store) standing(c change) (m Mode, held bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.live[c.room]
	if l == nil || l.id != c.call || l.people[c.person] == nil {
		return c.mode, false
	}
	return l.people[c.person].Mode, l.held[c.person]
}

func seconds(c change) int64 { return int64(c.at.Sub(c.since).Round(time.Second) / time.Second) }

// noteRecording says in the room and in the ledger whether the call is recorded.
func (s *Store) noteRecording(ctx context.Context, tx *db.Tx, who actor.Actor, about ledger.About, c change) error {
	var ev ledger.Event = RecordingStarted{c.call}
	text := "This call is recorded."
	if c.kind == "unrecorded" {
		ev, text = RecordingStopped{c.call, c.text}, "The call is not recorded any more."
		if c.text != "" {
			text = "The recording stopped. " + c.text
		}
		var over int64 // with the call ends its recording, which needs no words
		if err := tx.QueryRow(ctx, `SELECT ended_at FROM call WHERE id = $1`, c.call).Scan(&over); err != nil {
			return err
		}
		if over > 0 {
			return nil
		}
	}
	if err := s.Ledger.Append(ctx, tx, who, about, ev); err != nil {
		return err
	}
	_, err := s.Messages.Post(ctx, tx, actor.System("call"), message.New{Room: c.room, Kind: "system", Text: text})
	return err
}

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
	_, err = s.Messages.Post(ctx, tx, actor.System("call"), message.New{Room: c.room, Kind: "system", Key: c.call, Text: names + " started talking here."})
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
	took := c.at.Sub(c.since)
	text := fmt.Sprintf("The call ended after %s.", length(took))
	rest := "listened"
	if s.Engine.Signalling() == nil { // an engine elsewhere does not tell who speaks
		rest = "took part"
	}
	for _, part := range []struct {
		people []string
		did    string
	}{{spoke, "spoke"}, {shared, "shared a screen"}, {silent, rest}} {
		if len(part.people) == 0 {
			continue
		}
		names, err := s.names(ctx, tx, part.people)
		if err != nil {
			return err
		}
		text += " " + names + " " + part.did + "."
	}
	if took < short {
		// A few words over the desk are one line and not two.
		line, err := s.Messages.ByKey(ctx, tx, actor.System("call"), c.room, c.call)
		if err != nil {
			return err
		}
		if line != nil {
			return s.Messages.Rewrite(ctx, tx, actor.System("call"), line.ID, text)
		}
	}
	_, err = s.Messages.Post(ctx, tx, actor.System("call"), message.New{Room: c.room, Kind: "system", Text: text})
	return err
}

// short is the length of a call whose beginning and end are one line in its room.
const short = 5 * time.Minute

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
// moment to come back. What broke off longer ago ended then.
func (s *Store) takeUp(ctx context.Context) error {
	type row struct {
		call, room, person, mode string
		started, seen, joined    int64
		left, spoke, shared      int64
		held                     bool
	}
	rows, err := db.All(ctx, s.DB.Read(), func(sc db.Scanner) (r row, err error) {
		return r, sc.Scan(&r.call, &r.room, &r.started, &r.seen, &r.person, &r.mode, &r.held, &r.joined, &r.left, &r.spoke, &r.shared)
	}, `SELECT c.id, c.room, c.started_at, c.seen_at, COALESCE(p.person, ''), COALESCE(p.mode, ''), COALESCE(p.held, FALSE), COALESCE(p.joined_at, 0), COALESCE(p.left_at, 0), COALESCE(p.spoke_at, 0), COALESCE(p.shared_at, 0)
FROM call c LEFT JOIN call_person p ON p.call = c.id WHERE c.ended_at = 0 ORDER BY c.id, p.joined_at, p.person`)
	if err != nil {
		return fmt.Errorf("take up calls: %w", err)
	}
	now := s.Clock.Now()
	var out []change
	over := map[string]change{}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grace = now.Add(comeBack)
	for _, r := range rows {
		broke := db.At(max(r.seen, r.started))
		if now.Sub(broke) > tooLate {
			if r.person != "" && r.left == 0 {
				out = append(out, change{room: r.room, call: r.call, at: broke, kind: "left", person: r.person, since: db.At(r.joined)})
			}
			over[r.call] = change{room: r.room, call: r.call, at: broke, kind: "ended", since: db.At(r.started)}
			continue
		}
		l := s.live[r.room]
		if l == nil {
			l = &live{id: r.call, started: db.At(r.started), people: map[string]*member{}, held: map[string]bool{}, agreed: map[string]bool{}}
			s.live[r.room] = l
		}
		l.held[r.person] = r.held
		if r.person == "" || r.left > 0 {
			continue
		}
		m := &member{Person: Person{UserID: r.person, Mode: Mode(r.mode), JoinedAt: db.At(r.joined), Quality: "lost"}, lostAt: broke, away: true, spoke: r.spoke > 0}
		if r.shared > 0 {
			m.sharedAt = now
		}
		l.people[r.person] = m
	}
	for _, c := range over {
		out = append(out, c)
	}
	s.clerk.add(out, now, false)
	return nil
}

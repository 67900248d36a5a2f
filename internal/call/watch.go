package call

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"time"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/room"
	"muster/internal/task"
)

const (
	// comeBack is how long people have to connect again after the engine was away.
	comeBack = 20 * time.Second
	// settle is how long somebody may be missing who only connects anew, as when
	// a second tab takes over: that is no leaving and coming.
	settle = 300 * time.Millisecond
	// goneFor is how long somebody is kept in a call whose screens do not answer and
	// of whom nothing comes: a closed laptop. The engine would believe in them for
	// three times as long, and others would talk to nobody.
	goneFor = 6 * time.Second
	// reviewEvery is how often everybody's rights are looked at, beside each time
	// that something is heard which may have changed them.
	reviewEvery = 5 * time.Second
	// forget is after how long the sign-in of somebody who never connected is.
	forget = 10 * time.Minute
)

// heard is what was told since the loop looked last.
type heard struct {
	at    State
	seen  Seen
	fresh bool

	rooms, people, sessions map[string]bool // whose rights may have changed; which sign-ins ended
	all                     bool
}

// Start takes up the calls that were going on and follows the engine.
func (s *Store) Start(ctx context.Context) error {
	if s.Engine == nil {
		close(s.stopped)
		return nil
	}
	if err := s.takeUp(ctx); err != nil {
		return err
	}
	if err := s.sealOpen(ctx); err != nil {
		return err
	}
	if s.Tasks != nil && s.Settings.KeepDays > 0 { // which may have become fewer
		if err := s.DB.Do(ctx, func(tx *db.Tx) error { return s.Tasks.Enqueue(ctx, tx, expireKind, "", task.Options{Key: "start"}) }); err != nil {
			return err
		}
	}
	loop, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	s.cancel = s.Bus.Subscribe(s.heard)
	go s.clerk.work(s)
	go s.loop(loop)
	if err := s.Engine.Start(func(at State, seen Seen) {
		s.tell(func(h *heard) { h.at, h.seen, h.fresh = at, seen, true })
	}); err != nil {
		return errors.Join(err, s.Close(ctx))
	}
	return nil
}

// Close ends the engine; the calls go on when Muster is back. What is known of
// them is written down first, and what the engine's own end looks like is not.
func (s *Store) Close(ctx context.Context) error {
	if s.Engine == nil {
		return nil
	}
	if s.stop != nil {
		s.cancel()
		s.stop()
		<-s.stopped
		s.mu.Lock()
		for _, r := range s.recorders {
			r.stop()
		}
		s.mu.Unlock()
		s.recording.Wait()
	}
	err := s.Engine.Close(ctx)
	if s.stop != nil {
		s.clerk.close()
	}
	return err
}

// tell adds to what was heard, and wakes the loop.
func (s *Store) tell(fn func(h *heard)) {
	s.heardMu.Lock()
	fn(&s.heardOf)
	s.heardMu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// heard notes what may have changed who may take part. It runs in the
// publisher's goroutine, which may be this package's own, so it only notes.
func (s *Store) heard(topic string, payload any) {
	add := func(m *map[string]bool, key string) {
		if *m == nil {
			*m = map[string]bool{}
		}
		(*m)[key] = true
	}
	switch p := payload.(type) {
	case room.Room:
		s.tell(func(h *heard) { add(&h.rooms, p.ID) })
	case account.SessionEnded:
		s.tell(func(h *heard) { add(&h.sessions, p.SessionID) })
	case account.RolesTurned:
		s.tell(func(h *heard) { add(&h.people, p.UserID) })
	case map[string]any:
		if p["type"] != "membership" {
			return
		}
		if id, ok := p["room_id"].(string); ok {
			s.tell(func(h *heard) { add(&h.rooms, id) })
		}
	case string:
		switch topic {
		case "presence":
			s.tell(func(h *heard) { add(&h.people, p) })
		case "policies":
			s.tell(func(h *heard) { h.all = true })
		}
	}
}

func (s *Store) loop(ctx context.Context) {
	defer close(s.stopped)
	review, again := s.Clock.NewTimer(reviewEvery), s.Clock.NewTimer(time.Hour)
	defer func() { review.Stop(); again.Stop() }()
	arriving := map[string]bool{}
	for {
		regular := false
		select {
		case <-ctx.Done():
			return
		case <-review.C():
			regular = true
			review = s.Clock.NewTimer(reviewEvery)
		case <-again.C():
		case <-s.news:
		}
		s.heardMu.Lock()
		h := s.heardOf
		s.heardOf = heard{at: h.at, seen: h.seen}
		s.heardMu.Unlock()
		if h.at == "" {
			continue // the engine has said nothing yet
		}
		if s.Engine.Signalling() == nil {
			h.seen = s.ours(ctx, h.seen)
			s.reopen(ctx, h.at)
		}
		arriving = s.alive(h.seen, arriving)
		came, next := s.follow(h.at, h.seen)
		again.Stop()
		again = s.Clock.NewTimer(next)
		for session := range h.sessions {
			s.dropSession(session)
		}
		if regular {
			s.tidy()
		}
		if h.at == Ready {
			s.attend(ctx, func(roomID string) bool {
				return regular || h.rooms[roomID] || slices.ContainsFunc(slices.Collect(maps.Keys(came)), func(at seat) bool { return at.room == roomID })
			})
			s.review(ctx, h.seen, func(at seat) bool {
				return regular || h.all || h.rooms[at.room] || h.people[at.person] || came[at]
			})
		}
	}
}

// alive tells the office whose media comes in, and of whom it does no longer.
func (s *Store) alive(seen Seen, before map[string]bool) map[string]bool {
	now := map[string]bool{}
	for _, peers := range seen {
		for _, p := range peers {
			if p.Arrives {
				now[p.Person] = true
			}
		}
	}
	for person := range now {
		s.Office.Media(person, true)
	}
	for person := range before {
		if !now[person] {
			s.Office.Media(person, false)
		}
	}
	return now
}

// present leaves out those whose screens are gone for so long that they count as
// gone. A program that talks and has no screen is not judged by it. It gives who of
// the rest is out of reach, and when to look again. s.mu is held.
func (s *Store) present(seen Seen, now time.Time) (here Seen, lost, carried map[seat]bool, next time.Duration) {
	here, lost, carried, next = Seen{}, map[seat]bool{}, map[seat]bool{}, time.Hour
	for roomID, peers := range seen {
		for _, p := range peers {
			at := seat{roomID, p.Person}
			carried[at] = true
			since, known := s.screens[at]
			switch reachable := s.Office.Online(p.Person); {
			case reachable:
				s.screens[at] = time.Time{}
			case known:
				if since.IsZero() {
					since = now
					s.screens[at] = now
				}
				lost[at] = true
				// An engine elsewhere does not tell whose media comes in: there it says who goes.
				if s.Engine.Signalling() == nil {
					break
				}
				wait := since.Add(goneFor).Sub(now)
				if wait <= 0 {
					continue
				}
				next = min(next, wait)
			}
			here[roomID] = append(here[roomID], p)
		}
	}
	maps.DeleteFunc(s.screens, func(at seat, _ time.Time) bool { return !carried[at] })
	return here, lost, carried, next
}

// ours leaves out the rooms that are not of this Muster: an engine elsewhere may
// carry those of others too, whose people are no business of ours.
func (s *Store) ours(ctx context.Context, seen Seen) Seen {
	out := Seen{}
	for roomID, peers := range seen {
		s.mu.Lock()
		known := s.live[roomID] != nil
		s.mu.Unlock()
		if !known && id.Valid(roomID) {
			_, err := s.Rooms.Get(ctx, s.DB.Read(), roomID)
			known = err == nil
		}
		if known {
			out[roomID] = peers
		}
	}
	return out
}

// reopen makes the rooms of calls that go on anew when an engine elsewhere is
// back: people come to it without being seen here, and it may have forgotten them.
func (s *Store) reopen(ctx context.Context, at State) {
	s.mu.Lock()
	var rooms []string
	if at == Ready && s.state != Ready {
		rooms = slices.Collect(maps.Keys(s.live))
	}
	s.mu.Unlock()
	for _, roomID := range rooms {
		if err := s.Engine.Open(ctx, roomID); err != nil {
			s.Log.Warn("media engine: open a call again", "room", roomID, "error", err)
		}
	}
}

// dropSession ends what a sign-in that is over had connected.
func (s *Store) dropSession(session string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, by := range s.sessions {
		if by.session == session {
			delete(s.sessions, at)
			s.remove(at)
		}
	}
}

// tidy forgets the sign-ins of those who never came, and what was played long ago.
func (s *Store) tidy() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Clock.Now()
	maps.DeleteFunc(s.playing, func(_ playing, at time.Time) bool { return now.Sub(at) >= onePlaying })
	old := now.Add(-forget)
	for at, by := range s.sessions {
		if l := s.live[at.room]; (l == nil || l.people[at.person] == nil) && by.at.Before(old) {
			delete(s.sessions, at)
		}
	}
}

func (s *Store) remove(at seat) {
	s.engine("remove", func(ctx context.Context) error { return s.Engine.Remove(ctx, at.room, at.person) })
}

// follow makes the calls what the engine carries. It gives who came, and when
// to look again even if nothing is heard.
func (s *Store) follow(at State, seen Seen) (came map[seat]bool, next time.Duration) {
	now := s.Clock.Now()
	came = map[seat]bool{}
	var out []change
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, lost, carried, next := s.present(seen, now)
	if was := s.state; was != at {
		s.state = at
		if at == Ready {
			s.grace = now.Add(comeBack)
		}
		s.Bus.Publish("office", map[string]any{"type": "media", "media": map[string]any{"state": at}})
	}
	for roomID, peers := range seen {
		for _, p := range peers {
			if !id.Valid(p.Person) || !id.Valid(roomID) {
				s.remove(seat{roomID, p.Person}) // let in by somebody else than Muster
				continue
			}
			l := s.live[roomID]
			if l == nil {
				l = &live{id: id.New(), started: now, people: map[string]*member{}, held: map[string]bool{}, agreed: map[string]bool{}}
				s.live[roomID] = l
				out = append(out, change{room: roomID, call: l.id, at: now, kind: "started"})
			}
			if lost[seat{roomID, p.Person}] {
				p.Speaking, p.Quality = false, "lost"
			}
			if s.seenIn(roomID, l, p, now, &out) {
				at := seat{roomID, p.Person}
				if came[at] = true; p.SignIn != "" {
					s.sessions[at] = admission{p.SignIn, now}
				}
			}
		}
	}
	for roomID, l := range s.live {
		there := map[string]bool{}
		for _, p := range seen[roomID] {
			there[p.Person] = true
		}
		for person, m := range l.people {
			if there[person] {
				continue
			}
			if m.lostAt.IsZero() {
				m.lostAt, m.Speaking, m.Quality = now, false, "lost"
			}
			until := m.lostAt.Add(settle)
			if at != Ready {
				m.away = true
			}
			if m.away {
				until = s.grace
			}
			if at != Ready {
				continue
			}
			if wait := until.Sub(now); wait > 0 {
				next = min(next, wait)
				continue
			}
			delete(l.people, person)
			// Whom the engine still carries comes back by the same sign-in.
			if by := s.sessions[seat{roomID, person}]; by.at.Before(m.lostAt) && !carried[seat{roomID, person}] {
				delete(s.sessions, seat{roomID, person})
			}
			out = append(out, change{room: roomID, call: l.id, at: m.lostAt, kind: "left", person: person, since: m.JoinedAt})
		}
		for _, m := range l.people {
			if m.WhisperTo != "" && l.people[m.WhisperTo] == nil {
				m.WhisperTo = ""
			}
		}
		if len(l.people) == 0 {
			delete(s.live, roomID)
			end := now
			if n := len(out); n > 0 && out[n-1].call == l.id {
				end = out[n-1].at
			}
			out = append(out, change{room: roomID, call: l.id, at: end, kind: "ended", since: l.started})
		}
		s.show(roomID, l)
	}
	s.clerk.add(out, now, len(s.live) > 0)
	return came, next
}

// seenIn takes over what the engine says of one person; true when they just
// came, or came anew.
func (s *Store) seenIn(roomID string, l *live, p Peer, now time.Time, out *[]change) (came bool) {
	m := l.people[p.Person]
	mode := Gallery
	if p.Speaks {
		mode = Table
	}
	switch {
	case m == nil:
		m = &member{Person: Person{UserID: p.Person, Mode: mode, JoinedAt: now}}
		l.people[p.Person] = m
		came = true
		*out = append(*out, change{room: roomID, call: l.id, at: now, kind: "joined", person: p.Person, mode: mode})
	case !m.since.Equal(p.Since):
		// Another connection of theirs. What they took part as stands, except
		// that a new ticket says otherwise while the call was not interrupted;
		// and the new one whispers to nobody.
		if came = true; !m.away {
			m.Mode = mode
		}
		m.WhisperTo = ""
	}
	if l.held[p.Person] {
		m.Mode = Gallery
	}
	m.since, m.lostAt, m.away = p.Since, time.Time{}, false
	m.Mic, m.Camera, m.Shares, m.Speaking, m.Quality = p.Mic, p.Camera, p.Shares, p.Speaking, p.Quality
	if m.Speaking && !m.spoke {
		m.spoke = true
		*out = append(*out, change{room: roomID, call: l.id, at: now, kind: "spoke", person: p.Person})
	}
	if m.Shares > 0 {
		// A share that comes back with its connection is the same one.
		if now.Sub(m.sharedAt) > comeBack {
			*out = append(*out, change{room: roomID, call: l.id, at: now, kind: "shared", person: p.Person})
		}
		m.sharedAt = now
	}
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
func (s *Store) review(ctx context.Context, seen Seen, pick func(at seat) bool) {
	type one struct {
		seat
		mode    Mode
		session string
	}
	var in []one
	admitted := s.Engine.Signalling() != nil
	s.mu.Lock()
	for roomID, l := range s.live {
		for person, m := range l.people {
			at := seat{roomID, person}
			if !m.lostAt.IsZero() || !pick(at) {
				continue
			}
			by, ok := s.sessions[at]
			if admitted && !ok {
				s.remove(at) // nobody asked whether they may
				continue
			}
			in = append(in, one{at, m.Mode, by.session})
		}
	}
	s.mu.Unlock()
	q := s.DB.Read()
	for _, o := range in {
		err := s.still(ctx, q, o.seat, o.mode, o.session)
		switch {
		case err == nil:
			s.enforce(seen, o.seat, o.mode)
		case errors.Is(err, ErrConsent): // recorded from now on, and they have not been asked
			s.turn(o.room, o.person, func(_ *live, m *member) { m.Mode, m.WhisperTo = Gallery, "" })
			s.enforce(seen, o.seat, Gallery)
		case fault.KindOf(err) == fault.Internal || fault.KindOf(err) == fault.Unavailable:
			s.Log.Warn("ask whether somebody may stay in a call", "person", o.person, "room", o.room, "error", err)
		default:
			s.remove(o.seat)
		}
	}
}

// still says whether somebody may stay as they take part. A sign-in that ended by
// itself tells nobody, so it is asked; a guest's is their visit, which does tell.
func (s *Store) still(ctx context.Context, q db.Querier, at seat, m Mode, session string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	who, err := s.Accounts.ActorOf(ctx, q, at.person)
	if err != nil {
		return err
	}
	if session != "" && who.Kind != actor.Guest {
		if alive, err := s.Accounts.Alive(ctx, q, session); err != nil || !alive {
			return cmp.Or(err, error(errSessionOver))
		}
	}
	if who.Kind == actor.Guest { // whose stay may be over before its task says so
		if _, err := s.Office.Guest(ctx, q, who.ID); err != nil {
			return err
		}
	}
	r, err := s.Rooms.See(ctx, q, who, at.room)
	if err != nil {
		return err
	}
	return s.allowed(ctx, q, who, r, m)
}

var errSessionOver = fault.New(fault.Unauthenticated, "The sign-in this call was joined with has ended. Sign in and join again.")

// enforce has the engine agree on who may speak.
func (s *Store) enforce(seen Seen, at seat, m Mode) {
	peers := seen[at.room]
	i := slices.IndexFunc(peers, func(p Peer) bool { return p.Person == at.person })
	if i >= 0 && peers[i].Speaks != (m == Table) {
		s.engine("permit", func(ctx context.Context) error { return s.Engine.Permit(ctx, at.room, at.person, m) })
	}
}

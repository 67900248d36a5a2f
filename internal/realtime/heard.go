package realtime

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/centrifugal/centrifuge"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/call"
	"muster/internal/fault"
	"muster/internal/incident"
	"muster/internal/message"
	"muster/internal/room"
	"muster/internal/run"
)

// PoliciesTurned is the bus topic of a changed access policy.
const PoliciesTurned = "policies"

// heard routes what the bus says. It runs in the publisher's goroutine, so
// whatever needs the database is left for later.
func (s *Server) heard(topic string, payload any) {
	kind, thing, _ := strings.Cut(topic, ":")
	switch p := payload.(type) {
	case room.Room: // topic "rooms"
		s.turn()
		s.later("room "+p.ID, func(ctx context.Context) { s.roomChanged(ctx, p) })
		s.later("floors", s.floors)
		s.visitsTurned("room "+p.ID, p.ID) // what it is called, and whether its calls are recorded
		return
	case call.Call: // topic "calls"
		s.toGuests("call "+p.RoomID, func(ctx context.Context, who actor.Actor) (any, bool) {
			return map[string]any{"type": "call", "call": p}, s.views.Visits(ctx, who.ID) == p.RoomID
		})
		for _, person := range s.inCall(p) {
			s.later("presence "+person, func(ctx context.Context) { s.moved(ctx, person) })
		}
		s.later("call "+p.RoomID, func(ctx context.Context) {
			r, err := s.views.RoomNow(ctx, p.RoomID)
			if err != nil {
				s.log.Error("show a call", "room", p.RoomID, "error", err)
				return
			}
			s.toReaders(ctx, r, map[string]any{"type": "call", "call": p}, nil)
		})
		return
	case message.Unread: // topic "unread"
		event := map[string]any{"type": "unread", "room_id": p.Room.ID, "seq": p.Seq, "author": p.Author}
		if p.Deleted > 0 {
			event["deleted"] = p.Deleted
		}
		if p.Quiet {
			event["quiet"] = true
		}
		// Each counts, so none may take the place of another; and none may come
		// before the news of its room.
		s.later(fmt.Sprintf("unread %s %d", p.Room.ID, p.Seq), func(ctx context.Context) { s.toReaders(ctx, p.Room, event, nil) })
		return
	case account.SessionEnded: // account.SessionTopic
		s.turn()
		s.disconnect(p.SessionID)
		s.send("user:"+p.UserID, p, false)
		return
	case account.RolesTurned: // topic "roles": what they may follow has changed, so they connect anew
		s.turn()
		if err := s.node.Disconnect(p.UserID, centrifuge.WithCustomDisconnect(rolesChanged)); err != nil {
			s.log.Error("reconnect after a change of roles", "user", p.UserID, "error", err)
		}
		return
	case map[string]any:
		if r, ok := p["run"].(run.RunSummary); ok && topic == "office" {
			s.later("run "+r.ID, func(ctx context.Context) {
				s.toThose(func(who actor.Actor) (any, bool) {
					shown, ok := s.views.Run(ctx, who, r)
					return map[string]any{"type": "run", "run": shown}, ok
				})
			})
			return
		}
		if i, ok := p["incident"].(incident.Incident); ok && topic == "office" {
			s.later("incident "+i.ID, func(ctx context.Context) {
				s.toThose(func(who actor.Actor) (any, bool) {
					shown, ok := s.views.Incident(ctx, who, i)
					return map[string]any{"type": "incident", "incident": shown}, ok
				})
			})
			return
		}
		if kind == "incident" && p["type"] == "incident" { // rules may speak of its severity or stage
			s.later(topic, func(ctx context.Context) {
				s.reviewFollowers(ctx, topic)
				s.send(topic, payload, false)
			})
			return
		}
		if m, ok := p["message"].(message.Message); ok && kind == "room" {
			s.toGuests(fmt.Sprintf("message %s %d", m.RoomID, m.ChangeSeq), func(ctx context.Context, who actor.Actor) (any, bool) {
				shown, ok := s.views.ForGuest(ctx, who, m)
				return map[string]any{"type": "message", "message": shown}, ok
			})
		}
		if topic == "office" && p["type"] == "media" { // voice went away or came back
			s.visitsTurned("media", "")
		}
		if kind == "user" && p["type"] == "membership" {
			s.turn()
			s.send(topic, payload, false)
			id, _ := p["room_id"].(string)
			s.later("membership "+thing+" "+id, func(ctx context.Context) { s.membership(ctx, thing, id, p["member"] == true) })
			return
		}
	case string:
		switch topic {
		case "presence":
			s.later("presence "+p, func(ctx context.Context) { s.moved(ctx, p) })
			return
		case "floors":
			s.later("floors", s.floors)
			return
		case PoliciesTurned:
			s.turn()
			s.later("policies", s.rights)
			return
		}
	}
	s.send(topic, payload, kind == "room")
}

// visitsTurned tells each guest inside a room, or any, to ask anew how their
// visit stands.
func (s *Server) visitsTurned(why, room string) {
	s.toGuests(why, func(ctx context.Context, who actor.Actor) (any, bool) {
		in := s.views.Visits(ctx, who.ID)
		return map[string]any{"type": "visit"}, in != "" && (room == "" || in == room)
	})
}

// toGuests sends what view gives to each connected guest whom it concerns.
func (s *Server) toGuests(key string, view func(ctx context.Context, who actor.Actor) (event any, ok bool)) {
	s.mu.Lock()
	any := false
	for _, who := range s.clients {
		any = any || who.Kind == actor.Guest
	}
	s.mu.Unlock()
	if !any {
		return
	}
	s.later("guests "+key, func(ctx context.Context) {
		told := map[string]bool{}
		for _, who := range s.connectedAs(func(who actor.Actor) bool { return who.Kind == actor.Guest }) {
			if told[who.ID] {
				continue
			}
			told[who.ID] = true
			if event, ok := view(ctx, who); ok {
				s.send("user:"+who.ID, event, false)
			}
		}
	})
}

// inCall notes who is in a call, and gives who came into it or went.
func (s *Server) inCall(c call.Call) (changed []string) {
	now := map[string]bool{}
	for _, p := range c.People {
		now[p.UserID] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.talking[c.RoomID]
	if s.talking[c.RoomID] = now; len(now) == 0 {
		delete(s.talking, c.RoomID)
	}
	for person := range now {
		if !was[person] {
			changed = append(changed, person)
		}
	}
	for person := range was {
		if !now[person] {
			changed = append(changed, person)
		}
	}
	return changed
}

// later runs fn in the compose loop, after what was already there. Under the
// same key only the newest is run: twenty moves of a person are one picture.
func (s *Server) later(key string, fn func(ctx context.Context)) {
	s.pendingMu.Lock()
	if _, ok := s.pending[key]; !ok {
		s.order = append(s.order, key)
	}
	s.pending[key] = fn
	s.pendingMu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Server) compose() {
	defer close(s.done)
	for {
		select {
		case <-s.stop:
			return
		case <-s.wake:
		}
		s.pendingMu.Lock()
		order, pending := s.order, s.pending
		s.order, s.pending = nil, map[string]func(context.Context){}
		s.pendingMu.Unlock()
		for _, key := range order {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			pending[key](ctx)
			cancel()
		}
	}
}

// presence shows where a person is: in which room only to those who may read it.
// It gives the room's id, "" for none.
func (s *Server) presence(ctx context.Context, person string) (room string, err error) {
	at, err := s.views.Presence(ctx, person)
	if fault.Is(err, fault.NotFound) {
		return "", nil // a guest at the door, who is nobody yet
	}
	if err != nil {
		s.log.Error("show presence", "person", person, "error", err)
		return "", err
	}
	outside := map[string]any{"type": "presence", "presence": at.Outside}
	if at.Room == nil {
		s.send("office", outside, false)
		return "", nil
	}
	s.toReaders(ctx, *at.Room, map[string]any{"type": "presence", "presence": at.Inside}, outside)
	return at.Room.ID, nil
}

// moved shows where a person is, and tells the guests of that room and of the one
// they were in: other guests do not see them. Of whom nothing was told yet it is
// not known where they were, so every guest is told once.
func (s *Server) moved(ctx context.Context, person string) {
	room, err := s.presence(ctx, person)
	s.mu.Lock()
	was, known := s.stood[person]
	if s.stood[person] = room; err != nil {
		delete(s.stood, person)
	}
	s.mu.Unlock()
	if !known || err != nil {
		s.visitsTurned("people", "")
		return
	}
	for _, in := range slices.Compact([]string{was, room}) {
		if in != "" {
			s.visitsTurned("people "+in, in)
		}
	}
}

// floors shows the floors, and then which there are and in what order. While
// everybody sees all of them alike, that is told once to all; else to each what they see.
func (s *Server) floors(ctx context.Context) {
	people := s.people()
	news, err := s.views.Floors(ctx, people)
	if err != nil {
		s.log.Error("show floors", "error", err)
		return
	}
	if len(news.Some)+len(news.Own) == 0 {
		for _, f := range news.Floors {
			s.send("office", map[string]any{"type": "floor", "floor": f}, false)
		}
		s.send("office", map[string]any{"type": "floors", "ids": news.IDs}, false)
		return
	}
	for _, who := range people {
		sees, some := news.Some[who.ID]
		if !some {
			sees = news.IDs
		}
		floors, own := news.Own[who.ID]
		if !own {
			floors = news.Floors
		}
		for _, f := range floors {
			if slices.Contains(sees, f.ID) {
				s.send("user:"+who.ID, map[string]any{"type": "floor", "floor": f}, false)
			}
		}
		s.send("user:"+who.ID, map[string]any{"type": "floors", "ids": sees}, false)
	}
}

// roomChanged shows a room to each who may read it, as they see it, and the
// people in it anew: rules may speak of its name, so a new one can hide it.
func (s *Server) roomChanged(ctx context.Context, r room.Room) {
	shown, err := s.views.Room(ctx, r, s.people())
	if err != nil {
		s.log.Error("show a room", "room", r.ID, "error", err)
		return
	}
	for person, view := range shown {
		s.send("user:"+person, map[string]any{"type": "room", "room": view}, false)
	}
	s.reviewReaders(ctx, r)
	inside, err := s.views.Inside(ctx, r.ID)
	if err != nil {
		s.log.Error("show who is in a room", "room", r.ID, "error", err)
		return
	}
	for _, person := range inside {
		_, _ = s.presence(ctx, person) // which logs
	}
}

// membership ends what a person may not follow any more, or shows them what they
// may do in the room now.
func (s *Server) membership(ctx context.Context, person, roomID string, member bool) {
	if !member {
		s.reviewAll(ctx, func(who actor.Actor) bool { return who.ID == person })
	}
	r, err := s.views.RoomNow(ctx, roomID)
	if err != nil {
		s.log.Error("show a room", "room", roomID, "error", err)
		return
	}
	var among []actor.Actor
	for _, who := range s.people() {
		if who.ID == person {
			among = append(among, who)
		}
	}
	shown, err := s.views.Room(ctx, r, among)
	if err != nil {
		s.log.Error("show a room", "room", roomID, "error", err)
		return
	}
	for p, view := range shown {
		s.send("user:"+p, map[string]any{"type": "room", "room": view}, false)
	}
	if r.Private && r.Kind == "incident" { // its place is drawn for its members only
		s.later("floors", s.floors)
	}
}

// rights makes a changed policy hold for who is connected: subscriptions that are
// no longer allowed end, and each screen reads anew what it may show.
func (s *Server) rights(ctx context.Context) {
	s.reviewAll(ctx, func(actor.Actor) bool { return true })
	told := map[string]bool{}
	for c, who := range s.connectedAs(func(who actor.Actor) bool { return who.Kind != actor.Guest }) {
		if s.views.OfficeReader(ctx, who) != c.IsSubscribed("office") {
			c.Disconnect(rolesChanged) // which channels come with the connection is settled when it opens
			continue
		}
		if !told[who.ID] {
			told[who.ID] = true
			s.send("user:"+who.ID, map[string]any{"type": "rights"}, false)
		}
	}
}

// toThose sends what the office is told of to each connected person who may see
// it, as they may see it.
func (s *Server) toThose(view func(who actor.Actor) (event any, ok bool)) {
	for _, who := range s.people() {
		if event, ok := view(who); ok {
			s.send("user:"+who.ID, event, false)
		}
	}
}

// reviewReaders ends the subscriptions to a room of those who may not read it any more.
func (s *Server) reviewReaders(ctx context.Context, r room.Room) {
	a, err := s.readers(ctx, r)
	if err != nil {
		s.log.Error("find who may read a room", "room", r.ID, "error", err)
		return
	}
	if a.everybody {
		return
	}
	for c, who := range s.connectedAs(func(who actor.Actor) bool { return !slices.Contains(a.people, who.ID) }) {
		if c.IsSubscribed("room:" + r.ID) {
			s.review(ctx, c, who)
		}
	}
}

// reviewFollowers ends the subscriptions to one channel of those who may not
// have it any more, now that what it is about has changed.
func (s *Server) reviewFollowers(ctx context.Context, channel string) {
	kind, thing, _ := strings.Cut(channel, ":")
	may := map[string]bool{} // by person and session
	for c, who := range s.connectedAs(func(actor.Actor) bool { return true }) {
		if !c.IsSubscribed(channel) {
			continue
		}
		as := who.ID + " " + who.Session
		if _, known := may[as]; !known {
			may[as] = !barred(s.gates[kind](ctx, who, thing))
		}
		if !may[as] {
			c.Unsubscribe(channel)
		}
	}
}

// reviewAll ends the subscriptions that those picked may not have any more.
func (s *Server) reviewAll(ctx context.Context, pick func(actor.Actor) bool) {
	for c, who := range s.connectedAs(pick) {
		s.review(ctx, c, who)
	}
}

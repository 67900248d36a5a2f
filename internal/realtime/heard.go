package realtime

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/centrifugal/centrifuge"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/incident"
	"muster/internal/message"
	"muster/internal/room"
	"muster/internal/run"
)

// heard routes what the bus says. It runs in the publisher's goroutine, so
// whatever needs the database is left for later.
func (s *Server) heard(topic string, payload any) {
	kind, thing, _ := strings.Cut(topic, ":")
	switch p := payload.(type) {
	case room.Room: // topic "rooms"
		s.later("room "+p.ID, func(ctx context.Context) { s.roomChanged(ctx, p) })
		s.later("floors", s.floors)
		return
	case message.Unread: // topic "unread"
		event := map[string]any{"type": "unread", "room_id": p.Room.ID, "seq": p.Seq, "author": p.Author}
		if !p.Room.Private {
			s.send("office", event, false)
			return
		}
		s.later("unread "+p.Room.ID, func(ctx context.Context) { s.toMembers(ctx, p.Room.ID, event) })
		return
	case account.SessionEnded: // account.SessionTopic
		s.disconnect(p.SessionID)
		s.send("user:"+p.UserID, p, false)
		return
	case account.RolesTurned: // topic "roles": what they may follow has changed, so they connect anew
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
				s.toThose(func(who actor.Actor) (any, bool) { return p, s.views.SeesIncident(ctx, who, i) })
			})
			return
		}
		if kind == "user" && p["type"] == "membership" && p["member"] == false {
			s.later("left "+thing, func(ctx context.Context) { s.leftRoom(ctx, thing) })
		}
	case string:
		switch topic {
		case "presence":
			s.later("presence "+p, func(ctx context.Context) { s.presence(ctx, p) })
			return
		case "floors":
			s.later("floors", s.floors)
			return
		}
	}
	s.send(topic, payload, kind == "room")
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

func (s *Server) presence(ctx context.Context, person string) {
	public, members, private, err := s.views.Presence(ctx, person)
	if err != nil {
		s.log.Error("show presence", "person", person, "error", err)
		return
	}
	s.send("office", map[string]any{"type": "presence", "presence": public}, false)
	for _, m := range members {
		s.send("user:"+m, map[string]any{"type": "presence", "presence": private}, false)
	}
}

func (s *Server) floors(ctx context.Context) {
	fs, err := s.views.Floors(ctx)
	if err != nil {
		s.log.Error("show floors", "error", err)
		return
	}
	for _, f := range fs {
		s.send("office", map[string]any{"type": "floor", "floor": f}, false)
	}
}

func (s *Server) roomChanged(ctx context.Context, r room.Room) {
	event := map[string]any{"type": "room", "room": r}
	if !r.Private {
		s.send("office", event, false)
		return
	}
	s.toMembers(ctx, r.ID, event)
}

func (s *Server) toMembers(ctx context.Context, roomID string, event any) {
	members, err := s.views.RoomMembers(ctx, roomID)
	if err != nil {
		s.log.Error("find a room's members", "room", roomID, "error", err)
		return
	}
	for _, m := range slices.Compact(members) {
		s.send("user:"+m, event, false)
	}
}

// toThose sends what the office is told of to each connected person who may see
// it, as they may see it.
func (s *Server) toThose(view func(who actor.Actor) (event any, ok bool)) {
	asked := map[string]bool{}
	for _, who := range s.connectedAs(func(who actor.Actor) bool { return true }) {
		if asked[who.ID] {
			continue
		}
		asked[who.ID] = true
		if event, ok := view(who); ok {
			s.send("user:"+who.ID, event, false)
		}
	}
}

// leftRoom ends a person's subscriptions to what they may no longer follow.
func (s *Server) leftRoom(ctx context.Context, person string) {
	for c, who := range s.connectedAs(func(who actor.Actor) bool { return who.ID == person }) {
		s.review(ctx, c, who)
	}
}

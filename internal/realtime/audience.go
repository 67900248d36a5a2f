package realtime

import (
	"context"

	"muster/internal/actor"
	"muster/internal/room"
)

// audience is who of those connected may read a room. It is asked for with every
// message and every step somebody takes, and changes only with a connection, a
// membership, a role, a policy or the room itself, so it is kept until then.
type audience struct {
	everybody bool
	people    []string
}

// turn forgets every audience: who may read what is not as it was.
func (s *Server) turn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
	clear(s.audiences)
}

// people gives each connected person once. Guests are none of them: what they
// are told is picked for them.
func (s *Server) people() []actor.Actor {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[string]bool{}
	var out []actor.Actor
	for _, who := range s.clients {
		if !seen[who.ID] && who.Kind != actor.Guest {
			seen[who.ID] = true
			out = append(out, who)
		}
	}
	return out
}

func (s *Server) readers(ctx context.Context, r room.Room) (audience, error) {
	s.mu.Lock()
	a, ok := s.audiences[r.ID]
	generation := s.generation
	s.mu.Unlock()
	if ok {
		return a, nil
	}
	all := s.people()
	ids, err := s.views.Readers(ctx, r, all)
	if err != nil {
		return audience{}, err
	}
	a = audience{everybody: !r.Private && len(ids) == len(all), people: ids}
	if a.everybody {
		a.people = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.generation == generation {
		s.audiences[r.ID] = a
	}
	return a, nil
}

// toReaders sends inside to those who may read the room: on the channel of all
// where that is everybody, else to each on their own, after outside went to all.
func (s *Server) toReaders(ctx context.Context, r room.Room, inside, outside any) {
	a, err := s.readers(ctx, r)
	if err != nil {
		s.log.Error("find who may read a room", "room", r.ID, "error", err)
		return
	}
	if a.everybody {
		s.send("office", inside, false)
		return
	}
	if outside != nil {
		s.send("office", outside, false)
	}
	for _, p := range a.people {
		s.send("user:"+p, inside, false)
	}
}

package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"strings"
	"time"

	"muster/bench/rig"
	"muster/e2e/host"
)

const mapRooms, mapName = 40, "Hall"

// mapRound is some seconds of frames; busy and script are the main thread's, in
// percent of a core.
type mapRound struct{ FPS, Long, Worst, P95, Busy, Script float64 }

type mapSeen struct {
	Faces  int
	Heap   float64
	Floor  mapRound
	Rounds []mapRound
}

// Map measures the floor plan while people walk about: all of them are connected
// and hear of every move, as they would.
func Map(ctx context.Context, r *rig.Rig) error {
	for _, c := range []struct {
		people, least int
		target        float64
	}{{300, 250, 55}, {1000, 100, 50}} {
		if err := onMap(ctx, r, rig.Pick(r, c.people/5, c.people), rig.Pick(r, 1, c.least), c.target); err != nil {
			return err
		}
	}
	return nil
}

// asked calls, and waits where the server says that it is asked too much at once.
func asked(ctx context.Context, c *host.Client, method, path string, in, out any) error {
	for {
		err := c.Call(ctx, method, path, in, out)
		if host.Status(err) != http.StatusTooManyRequests {
			return err
		}
		select {
		case <-time.After(time.Second): // its Retry-After
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func onMap(ctx context.Context, r *rig.Rig, people, faces int, target float64) error {
	s, err := r.Server(fmt.Sprintf("map-%d", people))
	if err != nil {
		return err
	}
	defer s.Stop()
	console := s.Console()
	const name, password = "reader", "a long and quiet evening 7"
	if err := asked(ctx, console, "POST", "/users", map[string]any{"name": name, "display": "Reader", "roles": []string{"operator"}, "password": password}, nil); err != nil {
		return err
	}
	var rooms []map[string]any
	for i := range mapRooms {
		rooms = append(rooms, map[string]any{"name": fmt.Sprintf("Room %d", i+1), "kind": "team", "x": 2 + i%8*28, "y": 2 + i/8*24, "w": 26, "h": 22, "seats": 8})
	}
	var floor struct {
		Layout struct {
			Rooms []struct {
				ID string `json:"room_id"`
			}
		}
	}
	if err := asked(ctx, console, "POST", "/floors", map[string]any{"name": mapName, "layout": map[string]any{"width": 226, "height": 122, "rooms": rooms}}, &floor); err != nil {
		return err
	}
	everybody := make([]*host.Client, people)
	for i := range everybody {
		who := fmt.Sprintf("walker-%d", i)
		if err := asked(ctx, console, "POST", "/users", map[string]any{"name": who, "display": fmt.Sprintf("Walker %d", i), "roles": []string{"responder"}}, nil); err != nil {
			return err
		}
		var token struct{ Token string }
		if err := asked(ctx, console, "POST", "/tokens", map[string]any{"user": who, "name": "bench"}, &token); err != nil {
			return err
		}
		everybody[i] = s.As(token.Token)
	}
	enter := func(i, room int) error {
		return asked(ctx, everybody[i], "POST", "/rooms/"+floor.Layout.Rooms[room].ID+"/enter", map[string]any{}, nil)
	}
	if err := rig.Each(ctx, people, 4, func(i int) error {
		socket, err := rig.Dial(ctx, everybody[i], nil)
		if err != nil {
			return err
		}
		context.AfterFunc(ctx, socket.Close)
		return enter(i, i%mapRooms)
	}); err != nil {
		return err
	}
	walking, stop := context.WithCancel(ctx)
	defer stop()
	walked := make(chan error, 1)
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-walking.Done():
				walked <- nil
				return
			case <-tick.C:
				if err := enter(rand.IntN(people), rand.IntN(mapRooms)); err != nil {
					walked <- err
					return
				}
			}
		}
	}()
	given, err := json.Marshal(map[string]any{"url": s.URL, "name": name, "password": password, "floor": mapName, "faces": faces, "rounds": rig.Pick(r, 1, 3), "seconds": rig.Pick(r, 1, 6)})
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "node", "bench/browser/map.mjs", string(given))
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	stop()
	if err := <-walked; err != nil {
		return fmt.Errorf("move somebody: %w", err)
	}
	if err != nil {
		return fmt.Errorf("map.mjs: %w: %s", err, strings.TrimSpace(said.String()))
	}
	var m mapSeen
	if err := json.Unmarshal(out, &m); err != nil {
		return fmt.Errorf("map.mjs said %q: %w", out, err)
	}
	of := func(pick func(mapRound) float64) float64 { return med(m.Rounds, pick) }
	fps := of(func(x mapRound) float64 { return x.FPS })
	l := r.Line("map", fmt.Sprintf("%d rooms, %d people connected, 10 moves/s", mapRooms, people))
	l.Add("", fps, "fps").Add("p95 frame", of(func(x mapRound) float64 { return x.P95 }), "ms").Add("worst", of(func(x mapRound) float64 { return x.Worst }), "ms").Add("frames over 50 ms", of(func(x mapRound) float64 { return x.Long }), "").Add("main thread", of(func(x mapRound) float64 { return x.Busy }), "%").Add("of it script", of(func(x mapRound) float64 { return x.Script }), "%").Add("faces drawn", float64(m.Faces), "").Add("heap", m.Heap, "MB")
	l.Against(fmt.Sprintf("≥ %.0f fps", target), fps >= target).Over("a page on which one square turns, fps", fps, m.Floor.FPS, "")
	l.Note = "Chromium without a GPU, the server and everybody's sockets share the machine's cores; a ratio of 1 is as smooth as an empty page there and then."
	r.Put(l)
	return nil
}

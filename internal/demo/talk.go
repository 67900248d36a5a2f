package demo

import (
	"context"
	"net/http"
	"time"

	"muster/internal/call/livekit/peer"
)

// talk keeps two colleagues in a call, shown as speaking in turns. What they send
// is silence, so a visitor who joins hears only other visitors.
func (f *Office) talk(ctx context.Context, names ...string) {
	for ctx.Err() == nil {
		if f.watched(ctx) {
			if err := f.converse(ctx, names); err != nil && ctx.Err() == nil {
				f.o.Log.Debug("the simulated call ended", "error", err)
			}
		}
		if !f.pause(ctx, 30*time.Second) {
			return
		}
	}
}

// converse holds one conversation, until nobody looks on any more.
func (f *Office) converse(ctx context.Context, names []string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mouths []*peer.Sender
	for _, name := range names {
		p := f.person(name)
		if p == nil {
			return nil
		}
		room := f.rooms[f.home(name)]
		if err := p.call(ctx, "POST", "/rooms/"+room+"/enter", struct{}{}, nil); err != nil {
			return err
		}
		var ticket struct{ URL, Token string }
		if err := p.call(ctx, "POST", "/rooms/"+room+"/call/join", map[string]any{"mode": "table", "consent": true}, &ticket); err != nil {
			return err
		}
		url := ticket.URL
		if len(url) > 0 && url[0] == '/' {
			url = f.o.URL + url
		}
		p.mu.Lock()
		cookie := p.cookie
		p.mu.Unlock()
		there, err := peer.Connect(ctx, peer.Options{URL: url, Token: ticket.Token, Header: http.Header{"Cookie": {cookie}}, Deaf: true})
		if err != nil {
			return err
		}
		defer func() { _ = there.Close() }()
		m, err := there.Speak(ctx, peer.Mouthing)
		if err != nil {
			return err
		}
		if err := m.Mute(true); err != nil {
			return err
		}
		mouths = append(mouths, m)
	}
	for turn := 0; ; turn++ {
		speaks := mouths[turn%len(mouths)]
		if err := speaks.Mute(false); err != nil {
			return err
		}
		if !f.pause(ctx, 7*time.Second) {
			return nil
		}
		if err := speaks.Mute(true); err != nil {
			return err
		}
		if !f.pause(ctx, 2*time.Second) || turn%6 == 5 && !f.watched(ctx) {
			return nil
		}
	}
}

func (f *Office) home(name string) string {
	for _, c := range Colleagues {
		if c.Name == name {
			return c.Room
		}
	}
	return ""
}

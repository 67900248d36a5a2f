package peer

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// Packet is one that was heard.
type Packet struct {
	*rtp.Packet
	At time.Time
}

// mostDelays is how many delays of a track are kept, the newest.
const mostDelays = 1 << 14

// Track is what we hear of one microphone, camera or screen.
type Track struct {
	p     *Peer
	sid   string
	owner string // sid of a participant
	video bool

	mu      sync.Mutex
	ended   bool
	packets uint64
	bytes   uint64
	first   time.Time
	last    time.Time
	next    uint64 // of delays
	delays  []time.Duration
	counted bool
	low     uint32
	high    uint32
	came    uint64 // different ones between low and high
	window  uint64 // which of the last 64 numbers came
}

// Heard is a track in figures.
type Heard struct {
	Person  string // id; "" when the engine did not say
	Track   string
	Video   bool
	Ended   bool
	Packets uint64
	Bytes   uint64
	Lost    uint64 // of those that Speak numbered
	First   time.Time
	Last    time.Time
	Delays  []time.Duration // from sending to hearing, sorted
}

// hear reads a track to its end.
func (p *Peer) hear(remote *webrtc.TrackRemote) {
	owner, _, _ := strings.Cut(remote.StreamID(), "|")
	t := &Track{p: p, sid: remote.ID(), owner: owner, video: remote.Kind() == webrtc.RTPCodecTypeVideo}
	p.mu.Lock()
	if p.closing {
		p.mu.Unlock()
		return
	}
	p.tracks[t.sid] = t
	p.wg.Add(1)
	p.mu.Unlock()
	defer p.wg.Done()
	for {
		pkt, _, err := remote.ReadRTP()
		if err != nil {
			break
		}
		now := time.Now()
		if len(pkt.Payload) == 0 {
			continue // padding, to measure the line
		}
		if t.count(pkt, now) {
			p.note()
		}
		if p.o.Heard != nil {
			p.o.Heard(t, Packet{pkt, now})
		}
	}
	t.mu.Lock()
	t.ended = true
	t.mu.Unlock()
	if p.o.Ended != nil {
		p.o.Ended(t)
	}
	p.note()
}

// count notes a packet; true when that is worth waking somebody for.
func (t *Track) count(pkt *rtp.Packet, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.packets++
	t.bytes += uint64(len(pkt.Payload))
	t.last = now
	if t.packets == 1 {
		t.first = now
	}
	n, sent, ok := stamped(pkt.Payload)
	if !ok {
		return true
	}
	d := now.Sub(sent)
	if len(t.delays) < mostDelays {
		t.delays = append(t.delays, d)
	} else {
		t.delays[t.next%mostDelays] = d
	}
	t.next++
	switch {
	case !t.counted:
		t.counted, t.low, t.high, t.came, t.window = true, n, n, 1, 1
	case n > t.high:
		if by := n - t.high; by < 64 {
			t.window = t.window<<by | 1
		} else {
			t.window = 1
		}
		t.high, t.came = n, t.came+1
	case n >= t.low && t.high-n < 64 && t.window>>(t.high-n)&1 == 0:
		t.window |= 1 << (t.high - n)
		t.came++
	}
	return true
}

// Person whose track it is; "" when the engine has not said yet.
func (t *Track) Person() string {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	return t.p.people[t.owner].GetIdentity()
}

// ID of the track in the engine.
func (t *Track) ID() string { return t.sid }

// Video says whether it is pictures.
func (t *Track) Video() bool { return t.video }

// Source is microphone, camera, screen_share or screen_share_audio.
func (t *Track) Source() string {
	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	for _, info := range t.p.people[t.owner].GetTracks() {
		if info.Sid == t.sid {
			return strings.ToLower(info.Source.String())
		}
	}
	return strings.ToLower(livekit.TrackSource_UNKNOWN.String())
}

// Figures of the track so far.
func (t *Track) Figures() Heard {
	who := t.Person()
	t.mu.Lock()
	defer t.mu.Unlock()
	h := Heard{Person: who, Track: t.sid, Video: t.video, Ended: t.ended, Packets: t.packets, Bytes: t.bytes, First: t.first, Last: t.last, Delays: slices.Sorted(slices.Values(t.delays))}
	if t.counted {
		h.Lost = uint64(t.high-t.low) + 1 - t.came
	}
	return h
}

// Heard is every track heard so far, those that ended included.
func (p *Peer) Heard() []Heard {
	p.mu.Lock()
	tracks := make([]*Track, 0, len(p.tracks))
	for _, t := range p.tracks {
		tracks = append(tracks, t)
	}
	p.mu.Unlock()
	out := make([]Heard, 0, len(tracks))
	for _, t := range tracks {
		out = append(out, t.Figures())
	}
	return out
}

// Hears counts the packets heard of one person so far.
func (p *Peer) Hears(person string) (n uint64) {
	for _, h := range p.Heard() {
		if h.Person == person {
			n += h.Packets
		}
	}
	return n
}

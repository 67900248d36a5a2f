package livekit

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4/pkg/media/oggwriter"

	"muster/internal/call"
	"muster/internal/call/livekit/peer"
)

// recorderName is the identity of the recorder; it is no id of a person.
const recorderName = "recorder"

// Record hears a room until ctx ends.
func (a admin) Record(ctx context.Context, room string, t call.Tape) error {
	if err := a.Open(ctx, room); err != nil {
		return err
	}
	token, err := a.recorder(room)
	if err != nil {
		return err
	}
	r := &recorder{tape: t, tracks: map[*peer.Track]*voice{}, failed: make(chan error, 1)}
	p, err := peer.Connect(ctx, peer.Options{URL: a.base, Token: token, Client: a.client, Blind: true, Heard: r.heard, Ended: r.ended})
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("record a call: %w", err)
	}
	t.Hears()
	select {
	case <-ctx.Done():
	case <-p.Done():
		err = fmt.Errorf("record a call: %w", p.Err())
	case err = <-r.failed:
	}
	_ = p.Close() // which ends every track
	if ctx.Err() != nil {
		return nil
	}
	return err
}

type recorder struct {
	tape   call.Tape
	mu     sync.Mutex
	tracks map[*peer.Track]*voice
	failed chan error
}

func (r *recorder) heard(t *peer.Track, pkt peer.Packet) {
	if t.Video() {
		return
	}
	r.mu.Lock()
	v, ok := r.tracks[t]
	r.mu.Unlock()
	if !ok {
		person := t.Person()
		if person == "" {
			return // not told yet who they are; a moment later it is
		}
		out, err := r.tape.Track(person, pkt.At)
		if out == nil && err == nil {
			return
		}
		if err == nil {
			v, err = newVoice(out, pkt.SSRC, pkt.At)
		}
		r.mu.Lock()
		r.tracks[t] = v
		r.mu.Unlock()
		if err != nil {
			r.fail(err)
			return
		}
	}
	if v == nil {
		return // it failed
	}
	if err := v.add(pkt.Packet, pkt.At); err != nil {
		r.fail(err)
	}
}

func (r *recorder) ended(t *peer.Track) {
	r.mu.Lock()
	v := r.tracks[t]
	delete(r.tracks, t)
	r.mu.Unlock()
	if v != nil {
		if err := v.close(); err != nil {
			r.fail(err)
		}
	}
}

func (r *recorder) fail(err error) {
	select {
	case r.failed <- err:
	default:
	}
}

const (
	rate = 48000
	// lag is by how much a voice may come late before silence takes its place: a
	// muted microphone sends nothing, and what follows has to stay in step.
	lag = 200 * time.Millisecond
	// out of order this many packets are waited for.
	waitFor = 8
)

var silence = []byte{0xF8, 0xFF, 0xFE} // 20 ms

// voice makes an Ogg file of one microphone: its packets in order, and silence
// where nothing came, so that the file runs with the clock.
type voice struct {
	out     call.Track
	ogg     *oggwriter.Writer
	track   *oggwriter.Track
	ssrc    uint32
	began   time.Time
	written time.Duration
	next    uint16
	started bool
	early   []*rtp.Packet
	buf     *pages
}

// pages collects what the writer makes until it is handed on.
type pages struct{ b []byte }

func (p *pages) Write(b []byte) (int, error) { p.b = append(p.b, b...); return len(b), nil }

func newVoice(out call.Track, ssrc uint32, at time.Time) (*voice, error) {
	v := &voice{out: out, ssrc: ssrc, began: at, buf: &pages{}}
	var err error
	if v.ogg, err = oggwriter.NewWriter(io.Writer(v.buf), oggwriter.WithSampleRate(rate), oggwriter.WithChannelCount(1)); err == nil {
		v.track, err = v.ogg.NewTrack(ssrc, oggwriter.WithSerial(1), oggwriter.WithVendor("muster"))
	}
	if err != nil {
		return nil, fmt.Errorf("begin a recording: %w", err)
	}
	return v, nil
}

func (v *voice) add(pkt *rtp.Packet, at time.Time) error {
	// #nosec G115 -- the distance of numbers that wrap has a sign
	switch ahead := int16(pkt.SequenceNumber - v.next); {
	case !v.started || ahead > waitFor*4 || ahead < -waitFor*4: // the first, or of another beginning
		v.started, v.early = true, nil
	case ahead < 0:
		return nil // too late, or twice
	case ahead > 0:
		v.early = append(v.early, pkt)
		// #nosec G115 -- the distance of numbers that wrap has a sign
		slices.SortFunc(v.early, func(a, b *rtp.Packet) int { return int(int16(a.SequenceNumber - b.SequenceNumber)) })
		if len(v.early) < waitFor {
			return nil
		}
		pkt, v.early = v.early[0], v.early[1:]
	}
	for {
		if err := v.write(pkt, at); err != nil {
			return err
		}
		if len(v.early) == 0 || v.early[0].SequenceNumber != v.next {
			break
		}
		pkt, v.early = v.early[0], v.early[1:]
	}
	return v.hand()
}

func (v *voice) write(pkt *rtp.Packet, at time.Time) error {
	v.next = pkt.SequenceNumber + 1
	if due := at.Sub(v.began); due-v.written > lag {
		for v.written < due {
			if err := v.page(silence, 20*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return v.page(pkt.Payload, length(pkt.Payload))
}

func (v *voice) page(payload []byte, d time.Duration) error {
	if d == 0 {
		return nil // no Opus: a client may send what it likes
	}
	if err := v.track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SSRC: v.ssrc}, Payload: payload}); err != nil {
		return fmt.Errorf("write a recording: %w", err)
	}
	v.written += d
	return nil
}

func (v *voice) hand() error {
	b := v.buf.b
	v.buf.b = nil
	if len(b) == 0 {
		return nil
	}
	return v.out.Write(b, v.written)
}

func (v *voice) close() error {
	for _, pkt := range v.early {
		if err := v.page(pkt.Payload, length(pkt.Payload)); err != nil {
			break
		}
	}
	err := v.hand()
	if err == nil {
		err = v.last()
	}
	if e := v.out.Close(); err == nil {
		err = e
	}
	return err
}

// last ends the file with a moment of silence: the writer's own end is a page
// without a packet, which tools complain of.
func (v *voice) last() error {
	if err := v.page(silence, length(silence)); err != nil {
		return err
	}
	const flags, sum, end = 5, 22, 4
	page := v.buf.b
	page[flags] |= end
	copy(page[sum:], make([]byte, 4))
	var crc uint32
	for _, b := range page {
		crc = crc<<8 ^ oggSums[byte(crc>>24)^b]
	}
	binary.LittleEndian.PutUint32(page[sum:], crc)
	return v.hand()
}

// oggSums is CRC-32 as Ogg has it: not reflected, from nothing.
var oggSums = func() (t [256]uint32) {
	for i := range t {
		r := uint32(i) << 24
		for range 8 {
			if r&(1<<31) != 0 {
				r = r<<1 ^ 0x04c11db7
			} else {
				r <<= 1
			}
		}
		t[i] = r
	}
	return t
}()

// length of an Opus packet by its first bytes; 0 for one that is none.
func length(p []byte) time.Duration {
	if len(p) == 0 {
		return 0
	}
	var frame time.Duration
	switch c := p[0] >> 3; {
	case c < 12:
		frame = []time.Duration{10, 20, 40, 60}[c&3] * time.Millisecond
	case c < 16:
		frame = []time.Duration{10, 20}[c&1] * time.Millisecond
	default:
		frame = []time.Duration{2500, 5000, 10000, 20000}[c&3] * time.Microsecond
	}
	n := time.Duration(1)
	switch p[0] & 3 {
	case 1, 2:
		n = 2
	case 3:
		if len(p) < 2 {
			return 0
		}
		n = time.Duration(p[1] & 63)
	}
	if d := n * frame; d <= 120*time.Millisecond {
		return d
	}
	return 0
}

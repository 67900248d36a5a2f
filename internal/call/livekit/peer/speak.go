package peer

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/livekit/protocol/livekit"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media/ivfreader"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"
)

// A second of 440 Hz and a grey picture, made with FFmpeg for this package.
var (
	//go:embed tone.opus
	toneFile []byte
	//go:embed frame.ivf
	frameFile []byte
)

const (
	frameTime  = 20 * time.Millisecond
	opusRate   = 48000
	pictures   = time.Second / 15
	tonePages  = 50
	loudness   = 20  // dB below full scale, as the engine is told with each packet
	noLoudness = 127 // silence
)

// Sound is Opus, frame by frame.
type Sound struct {
	frames [][]byte
	level  uint8
}

// Silence is an open microphone in a quiet room.
var Silence = Sound{frames: [][]byte{{0xF8, 0xFF, 0xFE}}, level: noLoudness}

// Mouthing is somebody whom the engine takes to speak and nobody hears.
var Mouthing = Sound{frames: Silence.frames, level: loudness}

// Tone is somebody speaking, as far as an engine can tell.
var Tone = sync.OnceValue(func() Sound {
	r, _, err := oggreader.NewWith(bytes.NewReader(toneFile))
	s := Sound{level: loudness}
	for err == nil {
		var page []byte
		if page, _, err = r.ParseNextPage(); err == nil && !bytes.HasPrefix(page, []byte("OpusTags")) {
			if page[0]&3 != 0 {
				panic("tone.opus: a frame without room for a stamp")
			}
			s.frames = append(s.frames, page)
		}
	}
	if !errors.Is(err, io.EOF) || len(s.frames) < tonePages {
		panic(fmt.Sprintf("tone.opus: %d frames: %v", len(s.frames), err))
	}
	return s
})

// engine is WebRTC as this package speaks it: Opus and VP8, over what is
// reachable directly.
func engine(tcp, relay bool) (*webrtc.API, error) {
	m := &webrtc.MediaEngine{}
	feedback := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}}
	for typ, c := range map[webrtc.RTPCodecType]webrtc.RTPCodecParameters{
		webrtc.RTPCodecTypeAudio: {PayloadType: 111, RTPCodecCapability: opus},
		webrtc.RTPCodecTypeVideo: {PayloadType: 96, RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: feedback}},
	} {
		if err := m.RegisterCodec(c, typ); err != nil {
			return nil, err
		}
	}
	if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: sdp.AudioLevelURI}, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, err
	}
	i := &interceptor.Registry{}
	if err := webrtc.RegisterDefaultInterceptors(m, i); err != nil {
		return nil, err
	}
	s := webrtc.SettingEngine{}
	s.SetIncludeLoopbackCandidate(true)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	if tcp {
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6})
	}
	if relay { // nothing better is waited for
		s.SetRelayAcceptanceMinWait(0)
	}
	return webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(i), webrtc.WithSettingEngine(s)), nil
}

var opus = webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: opusRate, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1"}

// Sender is a track that we publish.
type Sender struct {
	p      *Peer
	sid    string
	source livekit.TrackSource
	track  *webrtc.TrackLocalStaticRTP
	rtp    *webrtc.RTPSender
	stop   context.CancelFunc
	gone   chan struct{}
	mu     sync.Mutex
	muted  bool
	sent   uint64
}

// Speak publishes a microphone. It returns when the engine took it and packets
// are on their way, or says that it did not.
func (p *Peer) Speak(ctx context.Context, s Sound) (*Sender, error) {
	return p.publish(ctx, livekit.TrackType_AUDIO, livekit.TrackSource_MICROPHONE, opus, func(ctx context.Context, t *Sender) { t.sound(ctx, s) })
}

// SpeakAs publishes sound under another source, as only a hostile client does.
func (p *Peer) SpeakAs(ctx context.Context, s Sound, source livekit.TrackSource) (*Sender, error) {
	return p.publish(ctx, livekit.TrackType_AUDIO, source, opus, func(ctx context.Context, t *Sender) { t.sound(ctx, s) })
}

// Only lets nobody but the people named hear and see what is published here; none
// are everybody again.
func (p *Peer) Only(people ...string) error {
	ask := &livekit.SubscriptionPermission{AllParticipants: len(people) == 0}
	for _, who := range people {
		ask.TrackPermissions = append(ask.TrackPermissions, &livekit.TrackPermission{ParticipantIdentity: who, AllTracks: true})
	}
	return p.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_SubscriptionPermission{SubscriptionPermission: ask}})
}

// Show publishes pictures: a camera, or a screen.
func (p *Peer) Show(ctx context.Context, screen bool) (*Sender, error) {
	source := livekit.TrackSource_CAMERA
	if screen {
		source = livekit.TrackSource_SCREEN_SHARE
	}
	return p.publish(ctx, livekit.TrackType_VIDEO, source, webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000},
		func(ctx context.Context, t *Sender) { t.picture(ctx) })
}

func (p *Peer) publish(ctx context.Context, typ livekit.TrackType, source livekit.TrackSource, c webrtc.RTPCodecCapability, pump func(context.Context, *Sender)) (*Sender, error) {
	ctx, stop := context.WithTimeout(ctx, connectWait)
	defer stop()
	cid := fmt.Sprintf("%s-%d", source, time.Now().UnixNano())
	track, err := webrtc.NewTrackLocalStaticRTP(c, cid, "muster")
	if err != nil {
		return nil, err
	}
	p.offers.Lock()
	defer p.offers.Unlock()
	add := &livekit.AddTrackRequest{Cid: cid, Name: source.String(), Type: typ, Source: source, Width: 160, Height: 90}
	if err := p.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_AddTrack{AddTrack: add}}); err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	tr, err := p.pub.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	if err := p.offer(ctx); err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	var info *livekit.TrackInfo
	var no string
	if err := p.Wait(ctx, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		info, no = p.sent[cid], p.refusal[cid]
		return no != "" || info != nil && p.pub.ConnectionState() == webrtc.PeerConnectionStateConnected
	}); err != nil {
		return nil, fmt.Errorf("publish: the engine did not take the track: %w", err)
	}
	if no != "" {
		return nil, fmt.Errorf("publish: the engine refused the track: %s", no)
	}
	t := &Sender{p: p, sid: info.Sid, source: source, track: track, rtp: tr.Sender(), gone: make(chan struct{})}
	pumping, end := context.WithCancel(p.ctx)
	t.stop = end
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		end()
		return nil, ErrClosed
	}
	p.senders = append(p.senders, t)
	p.wg.Go(func() { defer close(t.gone); pump(pumping, t) })
	p.wg.Go(func() { // what the engine reports has to be read for it to be acted on
		for {
			if _, _, err := t.rtp.ReadRTCP(); err != nil {
				return
			}
		}
	})
	return t, nil
}

// offer has the engine agree to what we send now. p.offers is held.
func (p *Peer) offer(ctx context.Context) error {
	d, err := p.pub.CreateOffer(nil)
	if err != nil {
		return err
	}
	select { // of an offer that was given up
	case <-p.answers:
	default:
	}
	p.mu.Lock()
	p.offerID++
	n := p.offerID
	p.mu.Unlock()
	if err := p.pub.SetLocalDescription(d); err != nil {
		return err
	}
	if err := p.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_Offer{Offer: &livekit.SessionDescription{Type: "offer", Sdp: d.SDP, Id: n}}}); err != nil {
		return err
	}
	select {
	case a := <-p.answers:
		if err := p.pub.SetRemoteDescription(a); err != nil {
			return err
		}
		return p.flush(p.pub, webrtc.SDPTypeAnswer)
	case <-p.ctx.Done():
		return p.Err()
	case <-ctx.Done():
		return fmt.Errorf("the engine does not answer: %w", context.Cause(ctx))
	}
}

// sound sends a frame every 20 ms, counted from the first, so that being late
// once does not make all that follows late.
func (t *Sender) sound(ctx context.Context, s Sound) {
	var level uint8
	for _, e := range t.rtp.GetParameters().HeaderExtensions {
		if e.URI == sdp.AudioLevelURI {
			level = uint8(e.ID) // #nosec G115 -- ids of RTP header extensions are 1 to 14
		}
	}
	var n uint32
	t.every(ctx, frameTime, func(now time.Time) {
		// #nosec G115 -- sequence numbers wrap
		pkt := &rtp.Packet{
			Header:  rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: n * uint32(opusRate/50), Marker: n == 0},
			Payload: stamp(s.frames[int(n)%len(s.frames)], n, now),
		}
		if ext, err := (rtp.AudioLevelExtension{Level: s.level, Voice: s.level < noLoudness}).Marshal(); err == nil && level > 0 {
			_ = pkt.SetExtension(level, ext)
		}
		n++
		t.write(pkt)
	})
}

// picture sends the grey picture fifteen times a second.
func (t *Sender) picture(ctx context.Context) {
	r, _, err := ivfreader.NewWith(bytes.NewReader(frameFile))
	if err != nil {
		panic("frame.ivf: " + err.Error())
	}
	frame, _, err := r.ParseNextFrame()
	if err != nil {
		panic("frame.ivf: " + err.Error())
	}
	packer := rtp.NewPacketizer(1200, 0, 0, &codecs.VP8Payloader{EnablePictureID: true}, rtp.NewFixedSequencer(1), 90000)
	t.every(ctx, pictures, func(time.Time) {
		for _, pkt := range packer.Packetize(frame, uint32(90000*pictures/time.Second)) {
			t.write(pkt)
		}
	})
}

func (t *Sender) every(ctx context.Context, d time.Duration, do func(now time.Time)) {
	next := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		t.mu.Lock()
		muted := t.muted
		t.mu.Unlock()
		if !muted {
			do(time.Now())
		}
		next = next.Add(d)
		timer.Reset(time.Until(next))
	}
}

func (t *Sender) write(pkt *rtp.Packet) {
	if t.track.WriteRTP(pkt) == nil {
		t.mu.Lock()
		t.sent++
		t.mu.Unlock()
	}
}

// Sent counts packets.
func (t *Sender) Sent() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sent
}

// Muted says whether the track is closed, by us or by the engine.
func (t *Sender) Muted() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.muted
}

// Mute closes or opens the track.
func (t *Sender) Mute(m bool) error {
	t.mu.Lock()
	t.muted = m
	t.mu.Unlock()
	return t.p.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_Mute{Mute: &livekit.MuteTrackRequest{Sid: t.sid, Muted: m}}})
}

// Stop takes the track away.
func (t *Sender) Stop(ctx context.Context) error {
	t.stop()
	<-t.gone
	t.p.offers.Lock()
	defer t.p.offers.Unlock()
	if err := t.p.pub.RemoveTrack(t.rtp); err != nil {
		return fmt.Errorf("take a track away: %w", err)
	}
	return t.p.offer(ctx)
}

// muted is the engine's word on one of our tracks. p.mu is held.
func (p *Peer) muted(sid string, m bool) {
	for _, t := range p.senders {
		if t.sid == sid {
			t.mu.Lock()
			t.muted = m
			t.mu.Unlock()
		}
	}
}

// A packet carries its number and when it was sent where Opus has room for
// padding: whoever hears it counts what is missing and how long it took, and a
// player does not notice.
const stampSize = 16

var stampMark = [4]byte{'M', 'u', 's', 't'}

func stamp(frame []byte, n uint32, now time.Time) []byte {
	if len(frame) == 0 || frame[0]&3 != 0 {
		return frame
	}
	out := append(make([]byte, 0, len(frame)+2+stampSize), frame[0]|3, 0x41, stampSize)
	out = append(append(out, frame[1:]...), stampMark[:]...)
	out = binary.BigEndian.AppendUint32(out, n)
	return binary.BigEndian.AppendUint64(out, uint64(now.UnixNano())) // #nosec G115 -- bits, read back as they were
}

func stamped(payload []byte) (n uint32, at time.Time, ok bool) {
	if len(payload) < stampSize+3 || payload[0]&3 != 3 || payload[1] != 0x41 || payload[2] != stampSize {
		return 0, at, false
	}
	end := payload[len(payload)-stampSize:]
	if [4]byte(end) != stampMark {
		return 0, at, false
	}
	return binary.BigEndian.Uint32(end[4:]), time.Unix(0, int64(binary.BigEndian.Uint64(end[8:]))), true // #nosec G115 -- bits that append wrote
}

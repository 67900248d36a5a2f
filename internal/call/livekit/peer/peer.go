// Package peer is a participant of a call that is a program: it connects as a
// browser does, speaks, listens, and counts what it hears. The recorder is made
// of it, and so are the tests and the bench of voice.
//
// Invariant: it holds nothing open after Close, and nothing it waits for has no
// end. What it may do is what its ticket grants; it asks nobody else.
package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/livekit/protocol/livekit"
	"github.com/pion/webrtc/v4"
	"google.golang.org/protobuf/proto"
)

const (
	connectWait = 15 * time.Second
	writeWait   = 5 * time.Second
	protocol    = "15"
)

// Options of a connection.
type Options struct {
	URL    string       // of the engine as a ticket names it, made absolute: https://host/media
	Token  string       // the ticket's
	Header http.Header  // Muster's cookie or token
	Client *http.Client // nil: the default
	// Extra parameters of the address, as only a hostile client has them.
	Extra url.Values
	// Deaf subscribes to nothing; Blind to sound only.
	Deaf, Blind bool
	// TCP takes no UDP, as behind a strict firewall.
	TCP bool
	// Relay goes by the relays that the engine names and no other way.
	Relay bool
	// Heard is called with each packet of sound or pictures, one call at a time
	// for each track; Ended when no more of a track come. Both must return at once.
	Heard func(*Track, Packet)
	Ended func(*Track)
}

// Refused is an answer other than a connection.
type Refused struct {
	Status int
	Detail string
}

func (e *Refused) Error() string {
	return fmt.Sprintf("the call was refused with status %d: %s", e.Status, e.Detail)
}

// Gone is why a connection ended from the other side.
type Gone struct {
	Reason string // of LiveKit, such as PARTICIPANT_REMOVED or DUPLICATE_IDENTITY; "" when the line broke
	Cause  error
}

func (e *Gone) Error() string {
	if e.Reason != "" {
		return "the engine ended the connection: " + e.Reason
	}
	return fmt.Sprintf("the connection to the engine broke: %v", e.Cause)
}

func (e *Gone) Unwrap() error { return e.Cause }

// ErrClosed is the end that Close makes.
var ErrClosed = errors.New("the connection was closed here")

// Peer is one connection to one room.
type Peer struct {
	o      Options
	ws     *websocket.Conn
	ctx    context.Context
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup

	writing sync.Mutex
	offers  sync.Mutex // one offer at a time

	pub, sub *webrtc.PeerConnection
	servers  []webrtc.ICEServer // relays that the engine named

	mu      sync.Mutex
	changed chan struct{} // closed at each change; nil while nobody waits
	closing bool
	sid     string
	token   string
	people  map[string]*livekit.ParticipantInfo // by sid, oneself included
	loud    map[string]bool                     // sids
	tracks  map[string]*Track                   // by sid
	asked   map[string]bool                     // sids of tracks that a blind one asked for
	sent    map[string]*livekit.TrackInfo       // what the engine took, by our id
	refusal map[string]string                   // what it did not take
	waiting map[webrtc.SDPType][]webrtc.ICECandidateInit
	offerID uint32
	senders []*Sender
	answers chan webrtc.SessionDescription
	heardAt time.Time // of the last word of the engine
}

// Connect joins the room that the token names. It returns when what others say
// can be heard, or, for a deaf one, when the engine took it in.
func Connect(ctx context.Context, o Options) (*Peer, error) {
	ctx, stop := context.WithTimeout(ctx, connectWait)
	defer stop()
	at, err := address(o)
	if err != nil {
		return nil, err
	}
	ws, resp, err := websocket.Dial(ctx, at, &websocket.DialOptions{HTTPHeader: o.Header, HTTPClient: o.Client})
	if err != nil {
		return nil, refused(resp, err)
	}
	ws.SetReadLimit(4 << 20)
	p := &Peer{
		o: o, ws: ws, token: o.Token, heardAt: time.Now(),
		people: map[string]*livekit.ParticipantInfo{}, loud: map[string]bool{}, asked: map[string]bool{}, tracks: map[string]*Track{},
		sent: map[string]*livekit.TrackInfo{}, refusal: map[string]string{}, waiting: map[webrtc.SDPType][]webrtc.ICECandidateInit{},
		answers: make(chan webrtc.SessionDescription, 1),
	}
	p.ctx, p.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	first, err := p.read(ctx)
	join := first.GetJoin()
	if err == nil && join == nil {
		err = fmt.Errorf("the engine began with %T and not with a welcome", first.GetMessage())
	}
	if err == nil {
		err = p.open(join)
	}
	if err != nil {
		_ = p.Close()
		return nil, fmt.Errorf("join a call: %w", err)
	}
	p.wg.Go(p.listen)
	p.wg.Go(func() {
		p.ping(time.Duration(max(join.PingInterval, 1))*time.Second, time.Duration(max(join.PingTimeout, 5))*time.Second)
	})
	if join.SubscriberPrimary {
		if err := p.Wait(ctx, func() bool { return p.sub.ConnectionState() == webrtc.PeerConnectionStateConnected }); err != nil {
			_ = p.Close()
			return nil, fmt.Errorf("connect to the sound of a call: %w", err)
		}
	}
	return p, nil
}

func address(o Options) (string, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("the engine's address %q is not an absolute URL", o.URL)
	}
	u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	u.Path = strings.TrimRight(u.Path, "/") + "/rtc"
	q := url.Values{"access_token": {o.Token}, "protocol": {protocol}, "sdk": {"go"}, "auto_subscribe": {"true"}}
	if o.Deaf || o.Blind {
		q.Set("auto_subscribe", "false")
	}
	maps.Copy(q, o.Extra)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// refused reads why there is no connection. The address is left out of it: it
// holds the token.
func refused(resp *http.Response, err error) error {
	if resp == nil || resp.StatusCode == http.StatusSwitchingProtocols {
		var at *url.Error
		if errors.As(err, &at) {
			err = at.Err
		}
		return fmt.Errorf("reach the media engine: %w", err)
	}
	out := &Refused{Status: resp.StatusCode}
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	var problem struct{ Detail string }
	if json.Unmarshal(b, &problem) == nil && problem.Detail != "" {
		out.Detail = problem.Detail
	} else {
		out.Detail = strings.TrimSpace(string(b))
	}
	return out
}

// open makes the two connections of media: what we send and what we hear.
func (p *Peer) open(join *livekit.JoinResponse) (err error) {
	p.mu.Lock()
	p.sid = join.Participant.Sid
	for _, info := range append(join.OtherParticipants, join.Participant) {
		p.people[info.Sid] = info
	}
	p.mu.Unlock()
	for _, one := range join.IceServers {
		if one.Credential != "" {
			p.servers = append(p.servers, webrtc.ICEServer{URLs: one.Urls, Username: one.Username, Credential: one.Credential})
		}
	}
	api, err := engine(p.o.TCP, p.o.Relay)
	if err != nil {
		return err
	}
	if p.pub, err = p.connection(api, livekit.SignalTarget_PUBLISHER); err != nil {
		return err
	}
	if p.sub, err = p.connection(api, livekit.SignalTarget_SUBSCRIBER); err != nil {
		return err
	}
	if err := p.want(); err != nil {
		return err
	}
	p.sub.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { p.hear(t) })
	return nil
}

// want asks for the voices that a blind one does not hear yet.
func (p *Peer) want() error {
	if !p.o.Blind {
		return nil
	}
	var sids []string
	p.mu.Lock()
	for sid, info := range p.people {
		for _, t := range info.Tracks {
			if sid != p.sid && t.Type == livekit.TrackType_AUDIO && !p.asked[t.Sid] {
				p.asked[t.Sid] = true
				sids = append(sids, t.Sid)
			}
		}
	}
	p.mu.Unlock()
	if len(sids) == 0 {
		return nil
	}
	return p.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_Subscription{Subscription: &livekit.UpdateSubscription{TrackSids: sids, Subscribe: true}}})
}

func (p *Peer) connection(api *webrtc.API, target livekit.SignalTarget) (*webrtc.PeerConnection, error) {
	c := webrtc.Configuration{}
	if p.o.Relay {
		c.ICEServers, c.ICETransportPolicy = p.servers, webrtc.ICETransportPolicyRelay
	}
	pc, err := api.NewPeerConnection(c)
	if err != nil {
		return nil, err
	}
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c == nil {
			return
		}
		b, err := json.Marshal(c.ToJSON())
		if err == nil {
			_ = p.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_Trickle{Trickle: &livekit.TrickleRequest{CandidateInit: string(b), Target: target}}})
		}
	})
	pc.OnConnectionStateChange(func(st webrtc.PeerConnectionState) {
		if st == webrtc.PeerConnectionStateFailed {
			p.end(&Gone{Cause: fmt.Errorf("no media passes (%s)", target)})
		}
		p.note()
	})
	return pc, nil
}

func (p *Peer) read(ctx context.Context) (*livekit.SignalResponse, error) {
	_, b, err := p.ws.Read(ctx)
	if err != nil {
		return nil, err
	}
	out := &livekit.SignalResponse{}
	return out, proto.Unmarshal(b, out)
}

func (p *Peer) send(m *livekit.SignalRequest) error {
	b, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	p.writing.Lock()
	defer p.writing.Unlock()
	ctx, stop := context.WithTimeout(p.ctx, writeWait)
	defer stop()
	return p.ws.Write(ctx, websocket.MessageBinary, b)
}

// listen follows what the engine says.
func (p *Peer) listen() {
	for {
		m, err := p.read(p.ctx)
		if err != nil {
			p.end(&Gone{Cause: err})
			return
		}
		err = p.follow(m)
		if err == nil && m.GetUpdate() != nil {
			err = p.want()
		}
		if err != nil {
			p.end(err)
			return
		}
		p.note()
	}
}

func (p *Peer) follow(m *livekit.SignalResponse) error {
	switch m := m.Message.(type) {
	case *livekit.SignalResponse_Offer:
		return p.answer(m.Offer)
	case *livekit.SignalResponse_Trickle:
		return p.candidate(m.Trickle)
	case *livekit.SignalResponse_Leave:
		return &Gone{Reason: m.Leave.Reason.String()}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heardAt = time.Now()
	switch m := m.Message.(type) {
	case *livekit.SignalResponse_Answer:
		if m.Answer.Id == p.offerID || m.Answer.Id == 0 {
			select {
			case p.answers <- webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: m.Answer.Sdp}:
			default:
			}
		}
	case *livekit.SignalResponse_Update:
		for _, info := range m.Update.Participants {
			if info.State == livekit.ParticipantInfo_DISCONNECTED {
				delete(p.people, info.Sid)
			} else {
				p.people[info.Sid] = info
			}
		}
	case *livekit.SignalResponse_SpeakersChanged:
		for _, s := range m.SpeakersChanged.Speakers {
			if s.Active {
				p.loud[s.Sid] = true
			} else {
				delete(p.loud, s.Sid)
			}
		}
	case *livekit.SignalResponse_TrackPublished:
		p.sent[m.TrackPublished.Cid] = m.TrackPublished.Track
	case *livekit.SignalResponse_RequestResponse:
		if r := m.RequestResponse; r.Reason != livekit.RequestResponse_OK {
			if add := r.GetAddTrack(); add != nil {
				p.refusal[add.Cid] = r.Reason.String() + " " + r.Message
			}
		}
	case *livekit.SignalResponse_Mute:
		p.muted(m.Mute.Sid, m.Mute.Muted)
	case *livekit.SignalResponse_RefreshToken:
		p.token = m.RefreshToken
	}
	return nil
}

// answer takes what the engine offers to be heard.
func (p *Peer) answer(offer *livekit.SessionDescription) error {
	if err := p.sub.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer.Sdp}); err != nil {
		return fmt.Errorf("take the engine's offer: %w", err)
	}
	if err := p.flush(p.sub, webrtc.SDPTypeOffer); err != nil {
		return err
	}
	a, err := p.sub.CreateAnswer(nil)
	if err != nil {
		return fmt.Errorf("answer the engine's offer: %w", err)
	}
	if err := p.sub.SetLocalDescription(a); err != nil {
		return fmt.Errorf("answer the engine's offer: %w", err)
	}
	return p.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_Answer{Answer: &livekit.SessionDescription{Type: "answer", Sdp: a.SDP, Id: offer.Id}}})
}

// candidate notes where the engine can be reached; what comes before the
// description it belongs to waits for that.
func (p *Peer) candidate(t *livekit.TrickleRequest) error {
	var c webrtc.ICECandidateInit
	if err := json.Unmarshal([]byte(t.CandidateInit), &c); err != nil {
		return fmt.Errorf("read where the engine can be reached: %w", err)
	}
	pc, typ := p.pub, webrtc.SDPTypeAnswer
	if t.Target == livekit.SignalTarget_SUBSCRIBER {
		pc, typ = p.sub, webrtc.SDPTypeOffer
	}
	p.mu.Lock()
	if pc.RemoteDescription() == nil {
		p.waiting[typ] = append(p.waiting[typ], c)
		p.mu.Unlock()
		return nil
	}
	p.mu.Unlock()
	return pc.AddICECandidate(c)
}

func (p *Peer) flush(pc *webrtc.PeerConnection, typ webrtc.SDPType) error {
	p.mu.Lock()
	waiting := p.waiting[typ]
	delete(p.waiting, typ)
	p.mu.Unlock()
	for _, c := range waiting {
		if err := pc.AddICECandidate(c); err != nil {
			return fmt.Errorf("note where the engine can be reached: %w", err)
		}
	}
	return nil
}

// ping keeps the line open and ends it when the engine falls silent.
func (p *Peer) ping(every, silence time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case now := <-t.C:
			p.mu.Lock()
			quiet := now.Sub(p.heardAt)
			p.mu.Unlock()
			if quiet > every+silence {
				p.end(&Gone{Cause: fmt.Errorf("nothing was heard of the engine for %s", quiet.Round(time.Second))})
				return
			}
			ms := now.UnixMilli()
			_ = p.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_Ping{Ping: ms}})
			_ = p.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_PingReq{PingReq: &livekit.Ping{Timestamp: ms}}})
		}
	}
}

// note wakes those who wait for a change.
func (p *Peer) note() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}

// Wait returns when is holds, which is asked at each change, or with the end of
// ctx or of the connection.
func (p *Peer) Wait(ctx context.Context, is func() bool) error {
	for {
		p.mu.Lock()
		if p.changed == nil {
			p.changed = make(chan struct{})
		}
		changed := p.changed
		p.mu.Unlock()
		if is() {
			return nil
		}
		select {
		case <-changed:
		case <-p.ctx.Done():
			return p.Err()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// end says why the connection is over. The engine answers a leave with a leave of its own, which can be read before
// Close says that it was the one who left.
func (p *Peer) end(err error) {
	p.mu.Lock()
	if p.closing {
		err = ErrClosed
	}
	p.mu.Unlock()
	p.cancel(err)
	p.note()
}

// Done is closed when the connection ended.
func (p *Peer) Done() <-chan struct{} { return p.ctx.Done() }

// Err says why it ended; nil while it has not.
func (p *Peer) Err() error { return context.Cause(p.ctx) }

// Token is the last that the engine gave, to come back with.
func (p *Peer) Token() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.token
}

// Relays that the engine named, with the passwords it made for this connection.
func (p *Peer) Relays() []webrtc.ICEServer { return p.servers }

// Person is somebody in the room as the engine tells everybody there.
type Person struct {
	ID       string
	Speaking bool
	Speaks   bool // may publish
	Tracks   int
	Mic      bool // open
}

// People in the room by id, oneself included.
func (p *Peer) People() map[string]Person {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]Person{}
	for sid, info := range p.people {
		one := Person{ID: info.Identity, Speaking: p.loud[sid], Speaks: info.Permission.GetCanPublish(), Tracks: len(info.Tracks)}
		for _, t := range info.Tracks {
			one.Mic = one.Mic || t.Source == livekit.TrackSource_MICROPHONE && !t.Muted
		}
		out[info.Identity] = one
	}
	return out
}

// Close leaves the room and waits until nothing of the connection is left.
func (p *Peer) Close() error {
	p.mu.Lock()
	again := p.closing
	p.closing = true
	p.mu.Unlock()
	if !again {
		if p.ctx.Err() == nil {
			_ = p.send(&livekit.SignalRequest{Message: &livekit.SignalRequest_Leave{Leave: &livekit.LeaveRequest{Reason: livekit.DisconnectReason_CLIENT_INITIATED}}})
		}
		p.end(ErrClosed)
		_ = p.ws.CloseNow()
	}
	var errs []error
	for _, pc := range []*webrtc.PeerConnection{p.pub, p.sub} {
		if pc != nil {
			errs = append(errs, pc.GracefulClose())
		}
	}
	p.wg.Wait()
	return errors.Join(errs...)
}

package peer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// Direct connects two of this kind in this process, without any engine, and
// gives the time until one hears the other: what everything else is compared with.
func Direct(ctx context.Context) (took time.Duration, err error) {
	began := time.Now()
	api, err := engine(false, false)
	if err != nil {
		return 0, err
	}
	a, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, a.GracefulClose()) }()
	b, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, b.GracefulClose()) }()
	heard := make(chan struct{})
	var once sync.Once
	b.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		if _, _, err := t.ReadRTP(); err == nil {
			once.Do(func() { close(heard) })
		}
	})
	track, err := webrtc.NewTrackLocalStaticRTP(opus, "direct", "muster")
	if err == nil {
		_, err = a.AddTrack(track)
	}
	if err == nil {
		err = introduce(a, b)
	}
	if err != nil {
		return 0, fmt.Errorf("connect two directly: %w", err)
	}
	tick := time.NewTicker(frameTime)
	defer tick.Stop()
	for n := uint16(0); ; n++ {
		_ = track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: n, Timestamp: uint32(n) * opusRate / 50}, Payload: Silence.frames[0]})
		select {
		case <-heard:
			return time.Since(began), nil
		case <-ctx.Done():
			return 0, fmt.Errorf("connect two directly: %w", context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// introduce has a and b know all of each other at once.
func introduce(a, b *webrtc.PeerConnection) error {
	offer, err := a.CreateOffer(nil)
	if err != nil {
		return err
	}
	known := webrtc.GatheringCompletePromise(a)
	if err := a.SetLocalDescription(offer); err != nil {
		return err
	}
	<-known
	if err := b.SetRemoteDescription(*a.LocalDescription()); err != nil {
		return err
	}
	answer, err := b.CreateAnswer(nil)
	if err != nil {
		return err
	}
	known = webrtc.GatheringCompletePromise(b)
	if err := b.SetLocalDescription(answer); err != nil {
		return err
	}
	<-known
	return a.SetRemoteDescription(*b.LocalDescription())
}

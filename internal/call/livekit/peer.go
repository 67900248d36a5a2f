package livekit

import (
	"cmp"
	"slices"
	"time"

	"github.com/livekit/protocol/livekit"

	"muster/internal/call"
)

var qualities = map[livekit.ConnectionQuality]string{
	livekit.ConnectionQuality_EXCELLENT: "excellent",
	livekit.ConnectionQuality_GOOD:      "good",
	livekit.ConnectionQuality_POOR:      "poor",
	livekit.ConnectionQuality_LOST:      "lost",
}

// peerOf reads what LiveKit says of a participant.
func peerOf(info *livekit.ParticipantInfo) call.Peer {
	p := call.Peer{Person: info.Identity, Speaks: info.Permission.GetCanPublish(), Since: time.UnixMilli(info.JoinedAtMs).UTC()}
	if info.JoinedAtMs == 0 {
		p.Since = time.Unix(info.JoinedAt, 0).UTC()
	}
	for _, t := range info.Tracks {
		if t.Muted {
			continue
		}
		switch t.Source {
		case livekit.TrackSource_MICROPHONE:
			p.Mic = true
		case livekit.TrackSource_CAMERA:
			p.Camera = true
		case livekit.TrackSource_SCREEN_SHARE:
			p.Shares++
		}
	}
	return p
}

func sorted(ps []call.Peer) []call.Peer {
	slices.SortFunc(ps, func(a, b call.Peer) int { return cmp.Compare(a.Person, b.Person) })
	return ps
}

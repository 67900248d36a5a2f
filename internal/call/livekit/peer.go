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
	screenSound := false
	for _, t := range info.Tracks {
		if t.Muted {
			continue
		}
		switch t.Source {
		case livekit.TrackSource_CAMERA:
			p.Camera = true
		case livekit.TrackSource_SCREEN_SHARE:
			p.Shares++
		case livekit.TrackSource_SCREEN_SHARE_AUDIO:
			screenSound = true
		default:
			p.Mic = true
		}
	}
	// The sound of a screen that nobody sees is a voice under another name.
	p.Mic = p.Mic || screenSound && p.Shares == 0
	return p
}

// hidden says whether a participant is the server's own: a recorder.
func hidden(info *livekit.ParticipantInfo) bool { return info.Permission.GetHidden() }

func sorted(ps []call.Peer) []call.Peer {
	slices.SortFunc(ps, func(a, b call.Peer) int { return cmp.Compare(a.Person, b.Person) })
	return ps
}

package realtime

import (
	"sync/atomic"

	"muster/internal/meter"
)

// measures of the socket door; they count nothing until Measure.
type measures struct {
	opened, closed *meter.Counter
	frames, bytes  atomic.Int64
}

// Measure shows how sockets do. Call it before serving.
func (s *Server) Measure(m *meter.Meter) {
	m.Gauge("socket_connections", "Open sockets.", func() float64 { return float64(s.Connections()) })
	m.Gauge("socket_subscriptions", "Channels followed, summed over all sockets.", func() float64 { return float64(s.node.Hub().NumSubscriptions()) })
	m.Sum("socket_messages_sent_total", "Replies and news sent to sockets.", func() float64 { return float64(s.frames.Load()) })
	m.Sum("socket_bytes_sent_total", "Bytes of them, before framing.", func() float64 { return float64(s.bytes.Load()) })
	s.opened = m.Counter("socket_connects_total", "Sockets opened.")
	// 3000 the connection broke, 3008 too slow to take what was sent, 3012 silent,
	// 4000 other roles, 4001 the server restarts, 4500 the session ended,
	// 4501 the person has too many.
	s.closed = m.Counter("socket_disconnects_total", "Sockets closed, by the code they were told; 3008 are clients too slow to take what was sent.", "code").
		Zero("3000", "3008", "3012", "4000", "4001", "4500", "4501")
}

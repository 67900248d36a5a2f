package httpapi

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"muster/internal/meter"
)

// slow is from when on a request is worth a line in the log.
const slow = 2 * time.Second

// trip is what is learned of a request on its way, to be counted and logged.
type trip struct {
	began    time.Time
	route    string
	who      string
	status   int
	bytes    int64
	hijacked bool
}

// traffic counts what comes in by HTTP; it counts nothing until Measure.
type traffic struct {
	requests *meter.Counter
	seconds  *meter.Histogram
	going    atomic.Int64
}

// Measure counts requests. Call it before serving.
func (a *API) Measure(m *meter.Meter) {
	a.requests = m.Counter("http_requests_total", "Answered requests by route, method and class of status.", "route", "method", "class")
	a.seconds = m.Histogram("http_request_seconds", "From the first byte of a request to the end of its answer; sockets are not in it.", meter.Fast, "route", "method")
	a.requests.Add(0, "/metrics", "GET", "2xx")
	a.seconds.Show("/metrics", "GET")
	m.Gauge("http_requests_in_flight", "Requests being answered; sockets are not in it.", func() float64 { return float64(a.going.Load()) })
}

// routed remembers which route of the table took the request: as a label it is
// bounded, which a path is not.
func routed(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r)
		if t, ok := r.Context().Value(tripKey).(*trip); ok {
			_, t.route, _ = strings.Cut(r.Pattern, " ")
			if t.route == "" {
				t.route = r.Pattern
			}
			t.who = loginOf(r.Context()).Who.ID
		}
	})
}

// method bounds what a caller may call one.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "other"
}

func (a *API) follow(w http.ResponseWriter, t *trip) http.ResponseWriter {
	a.going.Add(1)
	return &watched{ResponseWriter: w, trip: t, api: a}
}

// arrived counts a request and writes its line: failures and slow ones as
// warnings, all others where the level is debug.
func (a *API) arrived(r *http.Request, t *trip) {
	took := time.Since(t.began)
	if t.route == "" {
		t.route = "none" // refused before a route was looked for, or there is none
	}
	if t.status == 0 {
		t.status = http.StatusOK
	}
	a.requests.Inc(t.route, method(r), strconv.Itoa(t.status/100)+"xx")
	level := slog.LevelDebug
	if !t.hijacked {
		a.going.Add(-1)
		a.seconds.Observe(took.Seconds(), t.route, method(r))
		if took >= slow {
			level = slog.LevelWarn
		}
	}
	if t.status >= 500 {
		level = slog.LevelWarn
	}
	if !a.Log.Enabled(r.Context(), level) {
		return
	}
	a.Log.LogAttrs(r.Context(), level, "request", slog.String("method", method(r)), slog.String("route", t.route), slog.String("path", loggable(r.URL.Path)), slog.Int("status", t.status),
		slog.Float64("seconds", took.Seconds()), slog.Int64("bytes", t.bytes), slog.String("actor", t.who), slog.String("address", RemoteAddr(r.Context())))
}

// watched sees what is answered.
type watched struct {
	http.ResponseWriter
	trip *trip
	api  *API
}

func (w *watched) WriteHeader(status int) {
	if w.trip.status == 0 && status >= 200 {
		w.trip.status = status
	}
	// Whoever answers so, and says no more, means soon.
	if h := w.Header(); (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable) && h.Get(retryAfter) == "" {
		h.Set(retryAfter, "5")
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.trip.bytes += int64(n)
	return n, err
}

// Flush and Hijack are asked for by type; Unwrap serves http.ResponseController.
func (w *watched) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

func (w *watched) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil && !w.trip.hijacked {
		w.trip.hijacked, w.trip.status = true, http.StatusSwitchingProtocols
		w.api.going.Add(-1)
	}
	return c, rw, err
}

func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// LogHandler adds the request's id to every line that is written with its context.
func LogHandler(next slog.Handler) slog.Handler { return logHandler{next} }

type logHandler struct{ slog.Handler }

func (h logHandler) Handle(ctx context.Context, r slog.Record) error {
	if rid := requestID(ctx); rid != "" {
		r = r.Clone()
		r.AddAttrs(slog.String("request", rid))
	}
	return h.Handler.Handle(ctx, r)
}

func (h logHandler) WithAttrs(as []slog.Attr) slog.Handler {
	return logHandler{h.Handler.WithAttrs(as)}
}
func (h logHandler) WithGroup(name string) slog.Handler { return logHandler{h.Handler.WithGroup(name)} }

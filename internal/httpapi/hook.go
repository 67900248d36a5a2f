package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"muster/internal/alert"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/integration/alertmanager"
	"muster/internal/meter"
)

// HookDeps is what the webhooks call.
type HookDeps struct {
	Alerts *alert.Store
	Meter  *meter.Meter // nil: nothing is counted
}

// RegisterHooks adds the URLs that monitoring posts to. They stand outside of
// the versioned API and have no session: the secret in the path is the key.
func RegisterHooks(a *API, d HookDeps) {
	h := newHooks(a, d.Alerts)
	h.deliveries = d.Meter.Counter("alert_deliveries_total", "Calls of alert sources by kind and result: accepted, refused (wrong body), limited (too often), unknown (no such source), failed.", "source_kind", "result")
	h.got = d.Meter.Counter("alerts_total", "Alerts in accepted deliveries, by what became of them: fired, repeated (deduplicated), resolved, ignored, left_out (could not be read).", "source_kind", "outcome")
	for _, result := range []string{"accepted", "refused", "limited", "unknown", "failed"} {
		h.deliveries.Add(0, "alertmanager", result)
	}
	for _, outcome := range []string{"fired", "repeated", "resolved", "ignored", "left_out"} {
		h.got.Add(0, "alertmanager", outcome)
	}
	a.Mux().HandleFunc("POST /hooks/alertmanager/{secret}", h.alertmanager)
}

func newHooks(a *API, alerts *alert.Store) *hooks {
	return &hooks{a: a, alerts: alerts, limit: newLimiter(100, 20_000), turns: newTurns(8, 2000), good: newLimiter(1, 24*3600), guesses: newLimiter(0.5, 20)}
}

// refusal is what a body that is no delivery takes of a source's budget, in
// alerts: whoever sends such things all the time is broken.
const refusal = 200

// maxHeld bounds the bodies that are read or wait at once, in bytes.
const maxHeld = 128 << 20

// maxDrained is how much of a body is read and forgotten beyond what is taken.
const maxDrained = 256 << 20

type hooks struct {
	a      *API
	alerts *alert.Store
	// How many alerts a source may bring, whose turn it is, and how many bytes of
	// bodies are held meanwhile: a storm waits its turn, it is not turned away.
	limit *limiter
	turns *turns
	held  atomic.Int64
	// Of secrets found right, by hash, and of wrong ones, by network: who guesses
	// has few tries, and senders from the same network go on.
	good, guesses *limiter

	deliveries, got *meter.Counter
}

// took counts an accepted delivery.
func (h *hooks) took(kind string, r alert.Received) {
	h.deliveries.Inc(kind, "accepted")
	h.got.Add(float64(r.Fired), kind, "fired")
	h.got.Add(float64(r.Repeated), kind, "repeated")
	h.got.Add(float64(r.Resolved), kind, "resolved")
	h.got.Add(float64(r.Ignored), kind, "ignored")
	h.got.Add(float64(r.LeftOut), kind, "left_out")
}

func (h *hooks) alertmanager(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 30*time.Second)
	defer cancel()
	sum := sha256.Sum256([]byte(r.PathValue("secret")))
	known, from := string(sum[:]), network(RemoteAddr(r.Context()))
	if !h.good.knows(known) && !h.guesses.left(from) {
		// Nor is this 429: a sender that is new here gives up on that.
		h.deliveries.Inc("alertmanager", "unknown")
		h.refuse(w, r, fault.Later(fault.Unavailable, h.guesses.wait(from), "Too many deliveries with a wrong secret came from this network. Take the address from the alert source's page."))
		return
	}
	src, err := h.alerts.BySecret(ctx, h.a.DB.Read(), "alertmanager", r.PathValue("secret"))
	if err != nil {
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Unauthenticated) {
			h.guesses.allow(from)
		}
		h.deliveries.Inc("alertmanager", "unknown")
		h.refuse(w, r, err)
		return
	}
	h.good.allow(known)
	if !h.limit.left(src.ID) {
		// Not 429: a sender gives up on 4xx, and the alert would be lost.
		h.deliveries.Inc("alertmanager", "limited")
		h.refuse(w, r, fault.Later(fault.Unavailable, h.limit.wait(src.ID), "This source delivers too many alerts. Raise group_interval, or send it again later."))
		return
	}
	size := r.ContentLength
	if size < 0 || size > alertmanager.MaxBody {
		size = alertmanager.MaxBody + 1
	}
	defer h.held.Add(-size)
	if h.held.Add(size) > maxHeld {
		h.deliveries.Inc("alertmanager", "limited")
		h.refuse(w, r, errQueue)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, alertmanager.MaxBody+1))
	if err == nil {
		// Read to its end, or the sender sees a connection that breaks off and sends
		// the same again and again.
		_, err = io.Copy(io.Discard, io.LimitReader(r.Body, maxDrained))
	}
	if err != nil {
		h.limit.take(src.ID, refusal)
		h.failed(ctx, w, r, src, fault.Wrap(fault.Unavailable, "The body broke off. Send it again.", err))
		return
	}
	delivery, err := alertmanager.Decode(body)
	if err != nil {
		h.limit.take(src.ID, refusal)
		h.failed(ctx, w, r, src, err)
		return
	}
	h.limit.take(src.ID, float64(max(len(delivery.Alerts), 1)))
	about := delivery.GroupKey
	if len(delivery.Alerts) > 0 {
		about = delivery.Alerts[0].Labels["service"]
	}
	if err := h.turns.wait(ctx, src.ID+"/"+about); err != nil {
		h.failed(ctx, w, r, src, err)
		return
	}
	got := alert.Received{}
	err = func() error {
		defer h.turns.done()
		// A part is a transaction. Where one fails, all is sent again, and what was
		// taken in before is known then.
		for _, part := range delivery.Parts() {
			var one alert.Received
			if err := h.a.Do(ctx, alert.By(src), func(tx *db.Tx) (err error) {
				one, err = h.alerts.Receive(ctx, tx, src, part)
				return err
			}); err != nil {
				return err
			}
			got = got.Plus(one)
		}
		return nil
	}()
	if err != nil {
		h.failed(ctx, w, r, src, err)
		return
	}
	h.took("alertmanager", got)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(got)
}

// failed notes the refusal at its source, where whoever set it up looks.
func (h *hooks) failed(ctx context.Context, w http.ResponseWriter, r *http.Request, src alert.Source, err error) {
	result := "refused"
	if k := fault.KindOf(err); k == fault.Internal || k == fault.Unavailable {
		result = "failed"
	}
	h.deliveries.Inc("alertmanager", result)
	if nerr := h.alerts.Refused(context.WithoutCancel(ctx), src, fault.Message(err)); nerr != nil {
		h.a.Log.ErrorContext(ctx, "refused delivery not noted", "source", src.ID, "error", nerr)
	}
	h.refuse(w, r, err)
}

// refuse answers as WriteProblem does, with 400 for what is wrong with a body:
// that is the word webhook senders know.
func (h *hooks) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := newProblem(err, requestID(r.Context()))
	switch fault.KindOf(err) {
	case fault.Invalid:
		p.Status, p.Title = http.StatusBadRequest, http.StatusText(http.StatusBadRequest)
	case fault.Internal:
		h.a.Log.ErrorContext(r.Context(), "webhook failed", "error", err)
	}
	p.write(w)
}

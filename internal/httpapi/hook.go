package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"muster/internal/alert"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/integration/alertmanager"
)

// HookDeps is what the webhooks call.
type HookDeps struct {
	Alerts *alert.Store
}

// RegisterHooks adds the URLs that monitoring posts to. They stand outside of
// the versioned API and have no session: the secret in the path is the key.
func RegisterHooks(a *API, d HookDeps) {
	h := &hooks{a: a, alerts: d.Alerts, limit: newLimiter(5, 120), good: newLimiter(1, 24*3600), guesses: newLimiter(0.5, 20)}
	a.Mux().HandleFunc("POST /hooks/alertmanager/{secret}", h.alertmanager)
}

type hooks struct {
	a      *API
	alerts *alert.Store
	limit  *limiter
	// Of secrets found right, by hash, and of wrong ones, by network: who guesses
	// has few tries, and senders from the same network go on.
	good, guesses *limiter
}

var errGuessing = fault.New(fault.Unavailable, "Too many deliveries with a wrong secret came from this network. Wait a minute, and take the address from the alert source's page.")

func (h *hooks) alertmanager(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 30*time.Second)
	defer cancel()
	sum := sha256.Sum256([]byte(r.PathValue("secret")))
	known, from := string(sum[:]), network(RemoteAddr(r.Context()))
	if !h.good.knows(known) && !h.guesses.left(from) {
		// Nor is this 429: a sender that is new here gives up on that.
		w.Header().Set("Retry-After", "60")
		h.refuse(w, r, errGuessing)
		return
	}
	src, err := h.alerts.BySecret(ctx, h.a.DB.Read(), "alertmanager", r.PathValue("secret"))
	if err != nil {
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Unauthenticated) {
			h.guesses.allow(from)
		}
		h.refuse(w, r, err)
		return
	}
	h.good.allow(known)
	if !h.limit.allow(src.ID) {
		// Not 429: a sender gives up on 4xx, and the alert would be lost.
		w.Header().Set("Retry-After", "5")
		h.refuse(w, r, fault.New(fault.Unavailable, "This source delivers too often. Wait some seconds and send it again, or raise group_interval."))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, alertmanager.MaxBody))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			err = alertmanager.TooLarge()
		} else {
			err = fault.Wrap(fault.Invalid, "The body broke off. Send it again.", err)
		}
		h.failed(ctx, w, r, src, err)
		return
	}
	delivery, err := alertmanager.Decode(body)
	if err != nil {
		h.failed(ctx, w, r, src, err)
		return
	}
	var got alert.Received
	err = h.a.Do(ctx, alert.By(src), func(tx *db.Tx) error {
		got, err = h.alerts.Receive(ctx, tx, src, delivery)
		return err
	})
	if err != nil {
		h.failed(ctx, w, r, src, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(got)
}

// failed notes the refusal at its source, where whoever set it up looks.
func (h *hooks) failed(ctx context.Context, w http.ResponseWriter, r *http.Request, src alert.Source, err error) {
	if nerr := h.alerts.Refused(context.WithoutCancel(ctx), src, fault.Message(err)); nerr != nil {
		h.a.Log.Error("refused delivery not noted", "source", src.ID, "error", nerr)
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
		h.a.Log.Error("webhook failed", "request", p.Request, "error", err)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

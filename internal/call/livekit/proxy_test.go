package livekit

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
)

type tripper func(*http.Request) (*http.Response, error)

func (t tripper) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func TestASignInStaysOutOfTheEngine(t *testing.T) {
	asked := false
	p := newProxy(tripper(func(r *http.Request) (*http.Response, error) {
		asked = true
		for _, h := range []string{"Cookie", "Authorization"} {
			if v := r.Header.Get(h); v != "" {
				t.Errorf("%s: %q was passed on", h, v)
			}
		}
		if r.URL.Query().Get("access_token") != "ticket" {
			t.Errorf("the ticket is missing in %s", r.URL)
		}
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	}), slog.New(slog.DiscardHandler))
	r := httptest.NewRequest(http.MethodGet, "/rtc?access_token=ticket", nil)
	r.Header.Set("Cookie", "muster=session")
	r.Header.Set("Authorization", "Bearer token")
	p.ServeHTTP(httptest.NewRecorder(), r)
	if !asked {
		t.Error("the engine was not asked")
	}
}

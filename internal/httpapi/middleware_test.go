package httpapi

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A webhook's secret is in its path, which must not get into the log with it.
func TestPanicKeepsHookSecretsOutOfTheLog(t *testing.T) {
	var log bytes.Buffer
	a := New(Core{Log: slog.New(slog.NewTextHandler(&log, nil))}, nil)
	a.Mux().HandleFunc("POST /hooks/alertmanager/{secret}", func(http.ResponseWriter, *http.Request) { panic("bug") })
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, httptest.NewRequest("POST", "/hooks/alertmanager/s3cret", nil))
	if w.Code != http.StatusInternalServerError || !strings.Contains(log.String(), "/hooks/alertmanager/…") {
		t.Errorf("%d %s", w.Code, log.String())
	}
	// The stack names functions and files, never a request.
	if strings.Contains(log.String(), "s3cret") || strings.Contains(w.Body.String(), "s3cret") {
		t.Errorf("the secret is told: %s %s", log.String(), w.Body)
	}
}

// Where only a guest's cookie is looked at, nothing else is a credential that was found good.
func TestCredentialOnAGuestsPath(t *testing.T) {
	r := httptest.NewRequest("GET", GuestBase+"/messages", nil)
	r.Header.Set("Authorization", "Bearer made-up")
	if c := credential(r); c != "" {
		t.Error("a made-up token counts")
	}
	r.AddCookie(&http.Cookie{Name: GuestCookie, Value: "one"})
	one := credential(r)
	r.Header.Set("Authorization", "Bearer another")
	if one == "" || credential(r) != one {
		t.Error("a guest is not told by their cookie alone")
	}
	member := httptest.NewRequest("GET", Base+"/me", nil)
	member.Header.Set("Authorization", "Bearer another")
	if credential(member) == one {
		t.Error("a guest shares a member's budget")
	}
}

// A header that nobody reads makes nobody another caller.
func TestInventedHeaderIsNoCredential(t *testing.T) {
	r := httptest.NewRequest("GET", Base+"/me", nil)
	r.AddCookie(&http.Cookie{Name: CookieName, Value: "session"})
	one := credential(r)
	for _, header := range []string{"X 1", "Basic eDp5", "bearer x", "Bearer", ""} {
		r.Header.Set("Authorization", header)
		if credential(r) != one {
			t.Errorf("%q is another caller", header)
		}
	}
	r.Header.Set("Authorization", "Bearer mst_x")
	if credential(r) == one {
		t.Error("a token is not told from the session")
	}
}

// That no page sent it is not believed of a request that names one.
func TestOriginCountsWhereItIsGiven(t *testing.T) {
	a := New(Core{Log: slog.New(slog.DiscardHandler)}, func(context.Context, string, bool) (Login, error) { return Login{err: errSignIn}, nil })
	for origin, want := range map[string]int{"https://evil.example": http.StatusForbidden, "http://example.com": http.StatusNotFound, "": http.StatusNotFound} {
		r := httptest.NewRequest("POST", "http://example.com"+Base+"/nothing", nil)
		r.Header.Set("Sec-Fetch-Site", "none")
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", origin, w.Code, want)
		}
	}
}

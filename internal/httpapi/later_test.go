package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/fault"
)

// TestRefusedForNow: whatever answers 429 or 503, and by whatever way, says how
// long to wait: in the header, in the answer and, where it is known, in words.
func TestRefusedForNow(t *testing.T) {
	a := New(Core{Access: &access.Access{}, Log: slog.New(slog.DiscardHandler)}, nil)
	errs := map[string]struct {
		err  error
		wait string
		said bool
	}{
		"known":   {fault.Later(fault.RateLimited, 11*time.Second+time.Millisecond, "Enough."), "12", true},
		"limited": {fault.New(fault.RateLimited, "Enough."), "5", false},
		"down":    {fault.Wrap(fault.Unavailable, "It is down.", context.Canceled), "5", false},
		"wrong":   {fault.New(fault.Conflict, "No."), "", false},
		"slow":    {context.DeadlineExceeded, "5", false},
	}
	h := &hooks{a: a}
	for name, c := range errs {
		a.Mux().HandleFunc("GET /written/"+name, func(w http.ResponseWriter, r *http.Request) { WriteProblem(w, r, c.err) })
		a.Mux().HandleFunc("GET /hooked/"+name, func(w http.ResponseWriter, r *http.Request) { h.refuse(w, r, c.err) })
		Handle(a, Route{Method: "GET", Path: "/" + name, ID: name, Summary: name, Tag: "Test", Access: "public"},
			func(context.Context, actor.Actor, *struct{}) (struct{ OK bool }, error) {
				return struct{ OK bool }{}, c.err
			})
	}
	a.Mux().HandleFunc("GET /bare", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	a.Mux().HandleFunc("GET /own", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "77")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		a.outer(a.Mux()).ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
	for name, c := range errs {
		for _, way := range []string{"/written/", "/hooked/", Base + "/"} {
			w := get(way + name)
			var p Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
				t.Fatal(way, name, w.Code, err)
			}
			if got := w.Header().Values("Retry-After"); strings.Join(got, " ") != c.wait || (p.Wait > 0) != (c.wait != "") {
				t.Errorf("%s%s: %d with Retry-After %q and %d in the answer, want %q", way, name, w.Code, got, p.Wait, c.wait)
			}
			if c.said && p.Detail != "Enough. Try again in 12 seconds." {
				t.Errorf("%s%s says %q", way, name, p.Detail)
			}
		}
	}
	for path, want := range map[string]string{"/bare": "5", "/own": "77"} {
		if got := get(path).Header().Get("Retry-After"); got != want {
			t.Errorf("%s: Retry-After %q, want %q", path, got, want)
		}
	}
}

// TestLimitSaysHowLong: after the wait that is told, there is something left.
func TestLimitSaysHowLong(t *testing.T) {
	l := newLimiter(0.5, 3)
	for range 3 {
		l.allow("x")
	}
	if l.allow("x") {
		t.Fatal("no limit")
	}
	if w := l.wait("x"); w <= time.Second || w > 2*time.Second {
		t.Errorf("told to wait %s", w)
	}
	l.buckets["x"].at = l.buckets["x"].at.Add(-l.wait("x"))
	if !l.allow("x") {
		t.Error("and then refused again")
	}
	if w := l.wait("unknown"); w != 0 {
		t.Error(w)
	}
}

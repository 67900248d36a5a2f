package httpapi

import (
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestCompression: text travels in gzip, and what must not be compressed does not.
func TestCompression(t *testing.T) {
	a := New(Core{Log: slog.New(slog.DiscardHandler)}, nil)
	long := `{"items":["` + strings.Repeat("the same words ", 400) + `"]}`
	answer := func(kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, body)
		}
	}
	a.Mux().HandleFunc(Base+"/things", answer("application/json", long))
	a.Mux().HandleFunc("GET "+Base+"/small", answer("application/json", `{"a":1}`))
	a.Mux().HandleFunc("GET "+Base+"/me", answer("application/json", long))
	a.Mux().HandleFunc("GET "+GuestBase, answer("application/json", long))
	a.Mux().HandleFunc("GET "+Base+"/sound", answer("audio/ogg", long))
	a.Mux().HandleFunc("GET "+Base+"/encoded", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		answer("text/css", long)(w, r)
	})
	a.Mux().HandleFunc("GET "+Base+"/stream", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: one\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	a.Mux().HandleFunc("GET "+Base+"/broken", func(http.ResponseWriter, *http.Request) { panic("bug") })
	server := httptest.NewServer(a.Handler())
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	ask := func(method, path string, header ...string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "gzip, br")
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	res := ask("GET", Base+"/things")
	if res.Header.Get("Content-Encoding") != "gzip" || res.Header.Get("Vary") != "Accept-Encoding" || res.Header.Get("Cache-Control") != "no-store" {
		t.Fatal(res.Header)
	}
	r, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(r); err != nil || string(body) != long {
		t.Error("unpacked it is something else:", err, len(body))
	}
	res.Body.Close()
	for _, c := range []struct {
		what, method, path string
		header             []string
	}{
		{"the client does not take it", "GET", "/things", []string{"Accept-Encoding", "identity"}},
		{"the client forbids it", "GET", "/things", []string{"Accept-Encoding", "gzip;q=0"}},
		{"it may show a secret once", "POST", "/things", []string{"Origin", server.URL}},
		{"it holds the CSRF token", "GET", "/me", nil},
		{"it holds a guest's CSRF token", "GET", "/guest", nil},
		{"it is too small", "GET", "/small", nil},
		{"sound does not shrink", "GET", "/sound", nil},
		{"a range is one of the plain bytes", "GET", "/things", []string{"Range", "bytes=0-9"}},
	} {
		res := ask(c.method, Base+c.path, c.header...)
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != 200 || res.Header.Get("Content-Encoding") != "" || len(body) == 0 || body[0] == 0x1f {
			t.Errorf("%s, and yet: %v %d %v", c.what, err, res.StatusCode, res.Header)
		}
	}
	if res := ask("GET", Base+"/encoded"); res.Header.Get("Content-Encoding") != "br" {
		t.Error("encoded twice:", res.Header)
	} else {
		res.Body.Close()
	}
	if res := ask("GET", Base+"/broken"); res.StatusCode != 500 {
		t.Error("a panic is no error any more:", res.StatusCode)
	} else {
		res.Body.Close()
	}
	// An event arrives when it is sent, not when a buffer is full.
	res = ask("GET", Base+"/stream")
	first := make([]byte, 11)
	if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "data: one\n\n" {
		t.Errorf("%q %v", first, err)
	}
	res.Body.Close()
}

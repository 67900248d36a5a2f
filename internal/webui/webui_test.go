package webui_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"muster/internal/webui"
)

func get(t *testing.T, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	w.Header().Set("Content-Security-Policy", "script-src 'self'; style-src 'self'; img-src 'self'")
	r := httptest.NewRequest(method, "https://muster.test/", nil)
	r.URL.Path = path // as a client may send it, not as a browser cleans it
	webui.Handler().ServeHTTP(w, r)
	return w
}

// TestEveryPathIsTheApp: a link into the app works when it is opened afresh.
func TestEveryPathIsTheApp(t *testing.T) {
	nonces := map[string]bool{}
	for _, path := range []string{"/", "/index.html", "/rooms/0190", "/runs/7", "/assets", "/assets/", "/../../etc/passwd", "/.env", "//x"} {
		w := get(t, "GET", path)
		policy := w.Header().Get("Content-Security-Policy")
		nonce := regexp.MustCompile(`style-src 'self' 'nonce-([A-Za-z0-9+/=_-]{20,})'`).FindStringSubmatch(policy)
		if w.Code != 200 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || w.Header().Get("Cache-Control") != "no-store" || nonce == nil || !strings.Contains(policy, "script-src 'self';") {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
			continue
		}
		if nonces[nonce[1]] {
			t.Errorf("%s: a nonce was used twice", path)
		}
		nonces[nonce[1]] = true
		if body := w.Body.String(); !strings.Contains(body, "<title>") || strings.Contains(body, "__MUSTER_NONCE__") || strings.Contains(body, "root:") {
			t.Errorf("%s: %.200s", path, body)
		}
	}
	if w := get(t, "HEAD", "/"); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("HEAD: %d, %d bytes", w.Code, w.Body.Len())
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
		if w := get(t, method, "/"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

// TestFiles: whatever the page asks for is there and of its kind; what carries
// its contents in its name is kept for good, and a wrong name is not the page.
func TestFiles(t *testing.T) {
	page := get(t, "GET", "/").Body.String()
	found := regexp.MustCompile(`(?:src|href)="(/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if !strings.Contains(page, `id="root"`) {
		found = nil // the web app is not part of this build: the page says so and links to /docs
	}
	for _, f := range found {
		w := get(t, "GET", f[1])
		kind := w.Header().Get("Content-Type")
		keep := "no-cache"
		if strings.HasPrefix(f[1], "/assets/") {
			keep = "public, max-age=31536000, immutable"
		}
		want := map[string]string{".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}[f[1][strings.LastIndexByte(f[1], '.'):]]
		if w.Code != 200 || !strings.HasPrefix(kind, want) || w.Header().Get("Cache-Control") != keep {
			t.Errorf("%s: %d %s %s", f[1], w.Code, kind, w.Header().Get("Cache-Control"))
		}
	}
	if w := get(t, "GET", "/assets/index-gone.js"); w.Code != 404 {
		t.Errorf("a script of an earlier version: %d, a browser would run the page as one", w.Code)
	}
}

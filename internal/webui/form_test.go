package webui

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

// TestForms: a client gets the smallest form it takes, with what caches must
// know of it, and a range is one of the file.
func TestForms(t *testing.T) {
	script := []byte(strings.Repeat("export const words = 1;\n", 100))
	var packed bytes.Buffer
	gz := gzip.NewWriter(&packed)
	_, _ = gz.Write(script)
	_ = gz.Close()
	app := newApp(fstest.MapFS{
		"index.html":        {Data: []byte("<title>x</title>")},
		"assets/a-1.js.br":  {Data: []byte("as brotli")},
		"assets/a-1.js.gz":  {Data: packed.Bytes()},
		"assets/f-1.woff2":  {Data: []byte("font")},
		"manifest.json.gz":  {Data: packed.Bytes()},
		"assets/odd.gz.txt": {Data: []byte("not packed")},
	})
	ask := func(path string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		return w
	}
	tags := map[string]string{}
	for _, c := range []struct{ accepts, coding, body string }{
		{"gzip, deflate, br, zstd", "br", "as brotli"},
		{"BR", "br", "as brotli"},
		{"gzip", "gzip", packed.String()},
		{"br;q=0, gzip;q=0.5", "gzip", packed.String()},
		{"br; q=0.000, *", "gzip", packed.String()},
		{"*", "br", "as brotli"},
		{"", "", string(script)},
		{"identity", "", string(script)},
		{"*;q=0", "", string(script)},
		{"brotli, x-gzip", "", string(script)},
	} {
		w := ask("/assets/a-1.js", "Accept-Encoding", c.accepts)
		h := w.Header()
		if w.Code != 200 || h.Get("Content-Encoding") != c.coding || w.Body.String() != c.body || h.Get("Vary") != "Accept-Encoding" || !strings.HasPrefix(h.Get("Content-Type"), "text/javascript") || h.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%q: %d %v, %d bytes", c.accepts, w.Code, h, w.Body.Len())
		}
		if was, ok := tags[c.coding]; ok && was != h.Get("Etag") {
			t.Errorf("%q: the tag changed", c.accepts)
		}
		tags[c.coding] = h.Get("Etag")
		if again := ask("/assets/a-1.js", "Accept-Encoding", c.accepts, "If-None-Match", h.Get("Etag")); again.Code != http.StatusNotModified || again.Body.Len() != 0 || again.Header().Get("Vary") == "" {
			t.Errorf("%q: asked again: %d %v", c.accepts, again.Code, again.Header())
		}
	}
	if len(tags) != 3 || tags["br"] == tags["gzip"] || tags["br"] == tags[""] || tags["gzip"] == tags[""] {
		t.Error("two forms share a tag:", tags)
	}
	part := ask("/assets/a-1.js", "Accept-Encoding", "br, gzip", "Range", "bytes=7-11")
	if part.Code != 206 || part.Body.String() != "const" || part.Header().Get("Content-Encoding") != "" {
		t.Error("a range:", part.Code, part.Body.String(), part.Header())
	}
	// Half of the packed form is not followed by half of the plain one.
	mixed := ask("/assets/a-1.js", "Accept-Encoding", "br", "Range", "bytes=7-", "If-Range", tags["br"])
	if mixed.Code != 200 || mixed.Body.String() != string(script) {
		t.Error("the rest of another form:", mixed.Code, mixed.Body.Len())
	}
	if w := ask("/assets/f-1.woff2", "Accept-Encoding", "br"); w.Code != 200 || w.Body.String() != "font" || w.Header().Get("Vary") != "" || w.Header().Get("Content-Encoding") != "" {
		t.Error("a font:", w.Code, w.Header())
	}
	if w := ask("/manifest.json", "Accept-Encoding", "br"); w.Body.String() != string(script) || w.Header().Get("Cache-Control") != "no-cache" {
		t.Error("without a brotli form:", w.Header())
	}
}

// Package webui holds the built web app and serves it: every path that is not
// a file is the app's own route.
//
// What shrinks is in the binary compressed and only so (NAME.br and NAME.gz,
// made by the build in web/vite.config.ts). A client that takes neither gets
// it unpacked.
package webui

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed all:dist
var files embed.FS

// nonceMark is what index.html carries where each answer's nonce goes.
const nonceMark = "__MUSTER_NONCE__"

const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Muster</title><p>The web app is not part of this build. Run <code>make build</code>, or use the API at <a href="/docs">/docs</a>.</p></html>`

// Handler serves the app.
func Handler() http.Handler {
	dist, err := fs.Sub(files, "dist")
	if err != nil {
		panic(err) // the folder is embedded at build time
	}
	return newApp(dist)
}

type app struct {
	dist  fs.FS
	index []byte
	tags  sync.Map // by the name in dist: the ETag
}

func newApp(dist fs.FS) *app {
	index, err := fs.ReadFile(dist, "index.html")
	if err != nil {
		index = []byte(notBuilt)
	}
	return &app{dist: dist, index: index}
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Method not allowed.", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name != "index.html" && a.file(w, r, name) {
		return
	}
	if path.Ext(name) != "" && strings.HasPrefix(name, "assets/") {
		http.NotFound(w, r)
		return
	}
	nonce := rand.Text()
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"), "style-src 'self'", "style-src 'self' 'nonce-"+nonce+"'", 1))
	http.ServeContent(w, r, "index.html", time.Time{}, bytes.NewReader(bytes.ReplaceAll(a.index, []byte(nonceMark), []byte(nonce))))
}

// file answers with the file of that name, in the smallest form that the
// client takes, and says whether there is one.
func (a *app) file(w http.ResponseWriter, r *http.Request, name string) bool {
	stored, coding := name, ""
	if !a.holds(name) {
		if !a.holds(name + ".gz") {
			return false
		}
		accepts := r.Header.Get("Accept-Encoding")
		if r.Header.Get("Range") != "" { // a range of the file, not of its packing
			accepts = ""
		}
		stored, coding = name+".gz", "gzip"
		switch {
		case a.holds(name+".br") && takes(accepts, "br"):
			stored, coding = name+".br", "br"
		case !takes(accepts, "gzip"):
			coding = "unpack"
		}
		w.Header().Set("Vary", "Accept-Encoding")
	}
	body, err := fs.ReadFile(a.dist, stored)
	if err == nil && coding == "unpack" {
		body, err = unpack(body)
	}
	if err != nil {
		http.Error(w, "This file of the app cannot be read.", http.StatusInternalServerError)
		return true
	}
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") { // names carry a content hash
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	// What only documents obey would be a third of what a small file weighs on
	// the wire. Opened by itself, a file may do nothing at all.
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; form-action 'none'")
	h.Del("Permissions-Policy")
	h.Del("Cross-Origin-Opener-Policy")
	h.Del("X-Request-Id")
	h.Set("Etag", a.tag(stored+coding, body))
	if coding == "br" || coding == "gzip" {
		h.Set("Content-Encoding", coding)
		h.Set("Content-Length", strconv.Itoa(len(body))) // ServeContent leaves it out beside an encoding
	}
	h.Set("Content-Type", kind(name))
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(body))
	return true
}

// kind is said always: from packed bytes nobody could guess it.
func kind(name string) string {
	switch ext := path.Ext(name); ext {
	case ".webmanifest":
		return "application/manifest+json"
	case ".woff2":
		return "font/woff2"
	default:
		if t := mime.TypeByExtension(ext); t != "" {
			return t
		}
		return "application/octet-stream"
	}
}

func (a *app) holds(name string) bool {
	st, err := fs.Stat(a.dist, name)
	return err == nil && !st.IsDir()
}

// tag is strong: each form of a file has its own.
func (a *app) tag(form string, body []byte) string {
	if t, ok := a.tags.Load(form); ok {
		return t.(string)
	}
	sum := sha256.Sum256(body)
	t := `"` + hex.EncodeToString(sum[:12]) + `"`
	a.tags.Store(form, t)
	return t
}

func unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// takes reads an Accept-Encoding: the client lists the coding, or "*", and not
// with the weight 0, which forbids it.
func takes(accepts, coding string) bool {
	star := false
	for part := range strings.SplitSeq(accepts, ",") {
		name, weight, _ := strings.Cut(part, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if name != coding && name != "*" {
			continue
		}
		value, given := strings.CutPrefix(strings.ToLower(strings.ReplaceAll(weight, " ", "")), "q=")
		q, err := strconv.ParseFloat(value, 64)
		allowed := !given || err == nil && q > 0
		if name == coding {
			return allowed
		}
		star = allowed
	}
	return star
}

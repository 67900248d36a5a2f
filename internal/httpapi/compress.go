package httpapi

import (
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzhttp"
)

// compressible are the types of answer that shrink. Sound, pictures, archives
// and what is already encoded pass as they are, and event streams must not be
// held back.
var compressible = []string{
	"application/json", "application/problem+json", "application/yaml", "application/openapi+json", "application/openapi+yaml", "application/vnd.oai.openapi+json", "application/x-ndjson",
	"text/plain", "text/html", "text/css", "text/csv", "text/markdown", "text/javascript", "application/javascript",
}

// compressed answers in gzip where the client takes it.
//
// The length of a compressed answer tells something of what stands in it beside
// what an attacker put there (BREACH). So an answer that carries a credential
// is never compressed: those to unsafe methods (a session, a token, a secret
// address is shown by the call that makes it), and /me and /guest, which hold
// the CSRF token. Other sites cannot ask with our cookies (SameSite), and a
// random comment in each answer's header blurs its length besides.
func compressed(next http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.EnableZstd(false), gzhttp.ContentTypes(compressible), gzhttp.RandomJitter(32, 0, false))
	if err != nil {
		panic(err) // the options are constants
	}
	squeezed := wrap(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if mayCompress(r) {
			squeezed.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// mayCompress is asked before the answer is known. A range is a range of what
// is stored, and a connection that becomes a socket is no answer.
func mayCompress(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.Header.Get("Range") != "" || r.Header.Get("Upgrade") != "" {
		return false
	}
	switch p := r.URL.Path; {
	case p == Base+"/me", p == GuestBase, strings.HasPrefix(p, "/media/"), strings.HasPrefix(p, "/hooks/"):
		return false
	default:
		return !strings.HasPrefix(p, guestMedia+"/")
	}
}

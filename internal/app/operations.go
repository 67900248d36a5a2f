package app

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"muster/internal/fault"
	"muster/internal/httpapi"
)

var errNoPath = fault.New(fault.NotFound, "There is nothing at this address. The API is described at /docs.")

// operations mounts what the people who run Muster itself look at.
func (a *App) operations(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if a.stopping.Load() {
			plain(w, http.StatusServiceUnavailable, "stopping")
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
		defer cancel()
		if err := a.DB.Ping(ctx); err != nil {
			a.log.ErrorContext(r.Context(), "not ready", "error", err)
			plain(w, http.StatusServiceUnavailable, "the database does not answer")
			return
		}
		if a.unsound.Load() {
			plain(w, http.StatusOK, "ok\ndegraded: the ledger is not sound; run muster ledger verify")
			return
		}
		plain(w, http.StatusOK, "ok")
	})
	h := a.meter.Handler()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		// A scraper on this machine, or anybody who runs the office.
		ip := net.ParseIP(strings.Trim(httpapi.RemoteAddr(r.Context()), "[]"))
		who, err := httpapi.Who(r.Context())
		if ip != nil && ip.IsLoopback() && r.Header.Get("X-Forwarded-For") == "" && a.named(r.Host) || err == nil && (who.In("administrator") || who.In("auditor")) {
			h.ServeHTTP(w, r)
			return
		}
		httpapi.WriteProblem(w, r, fault.New(fault.Denied, "Metrics are for scrapers on this machine, or with the API token of an administrator or auditor."))
	})
}

// named says whether a request for host means this machine, or Muster's own
// address: a page elsewhere whose name was made to point here does not.
func (a *App) named(host string) bool {
	name := func(hostport string) string {
		if h, _, err := net.SplitHostPort(hostport); err == nil {
			return h
		}
		return strings.Trim(hostport, "[]")
	}
	host = name(host)
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() || strings.EqualFold(host, "localhost") {
		return true
	}
	u, err := url.Parse(a.URL())
	return err == nil && host != "" && strings.EqualFold(host, name(u.Host))
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

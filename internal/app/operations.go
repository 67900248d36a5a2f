package app

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/httpapi"
)

var errNoPath = fault.New(fault.NotFound, "There is nothing at this address. The API is described at /docs.")

// operations mounts what the people who run Muster itself look at.
func (a *App) operations(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
		defer cancel()
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if err := a.DB.Ping(ctx); err != nil {
			a.log.Error("not ready", "error", err)
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte("the database does not answer\n"))
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	gauge := func(name, help string, fn func() float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "muster", Name: name, Help: help}, fn))
	}
	count := func(query string, args ...any) func() float64 {
		return func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			defer cancel()
			var n float64
			if err := a.DB.Read().QueryRow(ctx, query, args...).Scan(&n); err != nil && !db.IsNoRows(err) {
				return -1
			}
			return n
		}
	}
	gauge("socket_connections", "Open sockets.", func() float64 { return float64(a.socket.Connections()) })
	gauge("ledger_records", "Records in the sealed ledger.", count(`SELECT size FROM ledger_head WHERE one = 1`))
	gauge("incidents_open", "Incidents neither resolved nor closed.", count(`SELECT COUNT(*) FROM incident WHERE stage NOT IN ('resolved', 'closed')`))
	gauge("runs_active", "Runs queued or running.", count(`SELECT COUNT(*) FROM run WHERE state IN ('queued', 'running')`))
	gauge("runs_waiting", "Runs that wait for an approval.", count(`SELECT COUNT(*) FROM run WHERE state = 'waiting'`))
	gauge("tasks_ready", "Tasks that are due or scheduled.", count(`SELECT COUNT(*) FROM task WHERE state = 'ready'`))
	gauge("tasks_failed", "Tasks given up in the last week.", count(`SELECT COUNT(*) FROM task WHERE state = 'failed'`))
	h := promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		// A scraper on this machine, or anybody who runs the office.
		ip := net.ParseIP(strings.Trim(httpapi.RemoteAddr(r.Context()), "[]"))
		who, err := httpapi.Who(r.Context())
		if ip != nil && ip.IsLoopback() && r.Header.Get("X-Forwarded-For") == "" || err == nil && (who.In("administrator") || who.In("auditor")) {
			h.ServeHTTP(w, r)
			return
		}
		httpapi.WriteProblem(w, r, fault.New(fault.Denied, "Metrics are for scrapers on this machine, or with the API token of an administrator or auditor."))
	})
}

package app

import (
	"net/http"
	"net/http/pprof"

	"muster/internal/httpapi"
)

// console is what the admin socket serves: the API, and where the settings ask
// for it the process's profiles. They show memory, so never on the public port.
func (a *App) console() http.Handler {
	api := httpapi.AsConsole(a.API.Handler())
	if !a.cfg.Profile {
		return api
	}
	mux := http.NewServeMux()
	mux.Handle("/", api)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index) // and by name: heap, goroutine, allocs, block, mutex
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// Package httpapi is the HTTP door: it decodes a request, calls one capability
// as the signed-in actor, and encodes the answer. It holds no rules of its own.
//
// Every operation is one Route in a register function beside its capability's
// name (RegisterRooms in room.go …). OpenAPI, the TypeScript types and the
// authorisation matrix are generated from those routes.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"path"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
)

// Base is where the versioned API lives.
const Base = "/api/v1"

// Core is what every route file may use.
type Core struct {
	DB     *db.DB
	Access *access.Access
	Log    *slog.Logger
	// PublicURL is how people reach this server, without a slash at the end.
	PublicURL func() string
}

// API is the HTTP door. Make it with New, register routes, then serve Handler.
type API struct {
	Core
	mux    *http.ServeMux
	huma   huma.API
	routes []Route
	auth   Authenticator
	names  *schemaNames
	policy string // Content-Security-Policy
	traffic
	// Guests resolves a guest's cookie; nil: nobody is one.
	Guests Authenticator
	limit  *limiter // of whom a good credential tells apart

	strangers *limiter // of everybody else, by network: a whole office may start at once from one
}

// Route describes one operation.
type Route struct {
	Method      string
	Path        string // below Base
	ID          string // operation id, kebab-case, unique
	Summary     string
	Description string
	Tag         string
	// Access is what the caller needs: "public", "guest" (a visit, and nothing
	// else), "signed-in" (then the capability narrows it to what is the caller's own), or "type:action" as
	// the policy names it.
	Access  string
	Status  int           // 0: 200, or 204 when there is no body
	MaxBody int64         // 0: 1 MiB
	Timeout time.Duration // 0: 30 s
}

// None is the answer of an operation without a body.
type None struct{}

// List is how every list is answered; Items is never null.
type List[T any] struct {
	Items []T `json:"items"`
}

// ListOf wraps items, turning nil into an empty list.
func ListOf[T any](items []T) List[T] {
	if items == nil {
		items = []T{}
	}
	return List[T]{items}
}

// New makes an API without routes. The version that anybody may read is the
// API's; which release runs here is told in /me.
func New(c Core, auth Authenticator) *API {
	mux := http.NewServeMux()
	cfg := huma.DefaultConfig("Muster", strings.TrimPrefix(path.Base(Base), "v"))
	cfg.Info.Description = "Where operations people gather and act. Errors are RFC 9457 problems whose `detail` says what to do. Lists are `{\"items\": […]}`. Times are RFC 3339 in UTC."
	cfg.OpenAPIPath = Base + "/openapi"
	cfg.DocsPath = "" // its page loads scripts from elsewhere; ours is in docs.go
	cfg.SchemasPath = ""
	cfg.CreateHooks = nil // no $schema in answers
	names := &schemaNames{taken: map[string]reflect.Type{}}
	cfg.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", names.name)
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "An API token (`muster token create`)."},
		"session": {Type: "apiKey", In: "cookie", Name: CookieName, Description: "The browser's session; unsafe methods also need the header X-CSRF-Token from /me."},
		"guest":   {Type: "apiKey", In: "cookie", Name: GuestCookie, Description: "A guest's visit; unsafe methods also need the header X-CSRF-Token from /guest."},
	}
	a := &API{Core: c, mux: mux, auth: auth, names: names, policy: contentPolicy, limit: newLimiter(100, 400), strangers: newLimiter(200, 1000)}
	a.huma = humago.New(mux, cfg)
	a.registerDocs()
	return a
}

// MayConnect lets pages connect to more origins ("wss://… https://…"): a media engine elsewhere.
func (a *API) MayConnect(origins string) {
	a.policy = strings.Replace(a.policy, "connect-src 'self'", "connect-src 'self' "+origins, 1)
}

// Mux lets other doors (socket, hooks, web app) mount beside the API, behind
// the same headers, limits and sign-in.
func (a *API) Mux() *http.ServeMux { return a.mux }

// Routes is the table of operations.
func (a *API) Routes() []Route { return a.routes }

// OpenAPI is the generated description.
func (a *API) OpenAPI() *huma.OpenAPI { return a.huma.OpenAPI() }

// Do opens the transaction of a mutating call; a denial is recorded.
func (a *API) Do(ctx context.Context, who actor.Actor, fn func(tx *db.Tx) error) error {
	return a.Access.Do(ctx, who, fn)
}

// Handle adds an operation: In is huma's input struct (path, query, Body),
// Out the body of the answer (None for 204).
func Handle[In, Out any](a *API, r Route, fn func(ctx context.Context, who actor.Actor, in *In) (Out, error)) {
	if r.Access == "" || r.Summary == "" || r.ID == "" {
		panic("httpapi: route " + r.Method + " " + r.Path + " needs an id, a summary and its access")
	}
	empty := reflect.TypeFor[Out]() == reflect.TypeFor[None]()
	if r.Status == 0 {
		r.Status = http.StatusOK
		if empty {
			r.Status = http.StatusNoContent
		}
	}
	if r.MaxBody == 0 {
		r.MaxBody = 1 << 20
	}
	if r.Timeout == 0 {
		r.Timeout = 30 * time.Second
	}
	a.routes = append(a.routes, r)
	a.names.operation = r.ID
	op := huma.Operation{
		OperationID: r.ID, Method: r.Method, Path: Base + r.Path, Summary: r.Summary, Description: r.Description,
		Tags: []string{r.Tag}, DefaultStatus: r.Status, MaxBodyBytes: r.MaxBody, BodyReadTimeout: r.Timeout,
		// 401 and 403 also of public ones: a wrong password, a call from another site.
		Errors: []int{400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503},
	}
	if r.Access == "guest" {
		op.Security = []map[string][]string{{"guest": {}}}
	} else if r.Access != "public" {
		op.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	}
	call := func(ctx context.Context, in *In) (out Out, err error) {
		l := loginOf(ctx)
		if r.Access != "public" && l.err != nil {
			return out, a.problem(ctx, l.Who, l.err)
		}
		// The cookie of a guest is not even looked at elsewhere; this holds if it ever were.
		if r.Access != "public" && (r.Access == "guest") != (l.Who.Kind == actor.Guest) {
			return out, a.problem(ctx, l.Who, errSignIn)
		}
		if err := checkBody(in); err != nil {
			return out, a.problem(ctx, l.Who, err)
		}
		ctx, cancel := context.WithTimeout(ctx, r.Timeout)
		defer cancel()
		out, err = fn(ctx, l.Who, in)
		if err != nil {
			return out, a.problem(ctx, l.Who, err)
		}
		return out, nil
	}
	if empty {
		huma.Register(a.huma, op, func(ctx context.Context, in *In) (*struct{}, error) {
			_, err := call(ctx, in)
			return nil, err
		})
		a.plain(op.Path)
		return
	}
	type output struct{ Body Out }
	huma.Register(a.huma, op, func(ctx context.Context, in *In) (*output, error) {
		out, err := call(ctx, in)
		if err != nil {
			return nil, err
		}
		return &output{out}, nil
	})
	a.plain(op.Path)
}

// plain describes a path whose last parameter takes slashes as OpenAPI writes
// it: {path...} is the mux's own way.
func (a *API) plain(path string) {
	written := strings.ReplaceAll(path, "...}", "}")
	if written == path {
		return
	}
	paths := a.huma.OpenAPI().Paths
	now, was := paths[path], paths[written]
	delete(paths, path)
	if was == nil {
		was = &huma.PathItem{}
		paths[written] = was
	}
	for _, m := range []struct{ to, from **huma.Operation }{{&was.Get, &now.Get}, {&was.Put, &now.Put}, {&was.Post, &now.Post}, {&was.Patch, &now.Patch}, {&was.Delete, &now.Delete}} {
		if *m.from != nil {
			*m.to = *m.from
		}
	}
}

// problem turns an error into what the client sees, logs what it must not see,
// and records a denial: reads open no transaction that would.
func (a *API) problem(ctx context.Context, who actor.Actor, err error) error {
	a.Access.Record(ctx, who, err)
	kind := fault.KindOf(err)
	if kind == fault.Internal {
		if ctx.Err() != nil && db.Outage(err) == "" {
			err = fault.Wrap(fault.Unavailable, "This took too long and was given up. Try again.", err)
		}
		a.Log.ErrorContext(ctx, "request failed", "error", err)
	}
	return newProblem(err, requestID(ctx))
}

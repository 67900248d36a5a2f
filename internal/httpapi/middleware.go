package httpapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"muster/internal/actor"
	"muster/internal/fault"
	"muster/internal/id"
)

// CookieName of the browser's session. The prefix makes browsers insist on
// Secure, no Domain, and Path=/.
const CookieName = "__Host-muster"

// Login is who a request comes from.
type Login struct {
	Who  actor.Actor
	CSRF string // of a cookie session
	err  error
}

// Authenticator resolves a secret to a login. Errors are fault.Unauthenticated.
type Authenticator func(ctx context.Context, secret string, cookie bool) (Login, error)

// bearer begins the header of those who come with an API token.
const bearer = "Bearer "

type ctxKey int

const (
	loginKey ctxKey = iota
	requestKey
	writerKey
	addrKey
	systemKey
	tripKey
)

var errSignIn = fault.New(fault.Unauthenticated, "Sign in first: your session is missing or has ended.")

func loginOf(ctx context.Context) Login {
	if l, ok := ctx.Value(loginKey).(Login); ok {
		return l
	}
	return Login{err: errSignIn}
}

// Who is the signed-in actor of a request outside of a registered route.
func Who(ctx context.Context) (actor.Actor, error) {
	l := loginOf(ctx)
	return l.Who, l.err
}

// CSRF is the token of the request's cookie session, "" for API tokens.
func CSRF(ctx context.Context) string { return loginOf(ctx).CSRF }

// RemoteAddr is the client's address without port.
func RemoteAddr(ctx context.Context) string { s, _ := ctx.Value(addrKey).(string); return s }

func requestID(ctx context.Context) string { s, _ := ctx.Value(requestKey).(string); return s }

// SetCookie adds a cookie to the answer of a registered route.
func SetCookie(ctx context.Context, c *http.Cookie) {
	if w, ok := ctx.Value(writerKey).(http.ResponseWriter); ok {
		http.SetCookie(w, c)
	}
}

// AsConsole serves h as the machine's own administrator: for the admin socket,
// whose file permissions are the sign-in.
func AsConsole(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := actor.Actor{ID: "system:console", Name: "console", Display: "Console", Kind: actor.SystemOf, Groups: []string{"everyone", "administrator"}, Door: "cli", Address: "admin.sock"}
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), systemKey, who)))
	})
}

// contentPolicy lets the page load nothing from anywhere else, run no inline
// script, and create no HTML from strings.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; media-src 'self' blob:; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// DataPolicy is for what is no page: opened by itself, it may do nothing. What
// only pages obey is left out of such an answer, which is often shorter than that.
const DataPolicy = "default-src 'none'; frame-ancestors 'none'; form-action 'none'"

const permissionsPolicy = "geolocation=(), payment=(), usb=(), camera=(self), microphone=(self), display-capture=(self)"

// Handler is the whole door with its protections.
func (a *API) Handler() http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		WriteProblem(w, r, fault.New(fault.Denied, "This request came from another site. Open Muster itself and try again."))
	}))
	cross.AddInsecureBypassPattern("POST /hooks/") // signed by their secret, never by a cookie
	return a.outer(compressed(a.limited(a.authenticated(said(cross.Handler(routed(a.mux)))))))
}

// said makes the origin count where it is given: "Sec-Fetch-Site: none" says
// that no page sent the request, and then none has an origin.
func said(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-Fetch-Site") == "none" && r.Header.Get("Origin") != "" {
			r.Header.Del("Sec-Fetch-Site")
		}
		next.ServeHTTP(w, r)
	})
}

func (a *API) outer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rid := id.New()
		t := &trip{began: time.Now()}
		w = a.follow(w, t)
		addr, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			addr = r.RemoteAddr
		}
		ctx := context.WithValue(r.Context(), requestKey, rid)
		ctx = context.WithValue(ctx, writerKey, w)
		ctx = context.WithValue(ctx, addrKey, addr)
		ctx = context.WithValue(ctx, tripKey, t)
		r = r.WithContext(ctx)
		defer a.arrived(r, t) // after a panic was answered
		h := w.Header()
		h.Set("X-Request-Id", rid)
		h.Set("Content-Security-Policy", a.policy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", permissionsPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if strings.HasPrefix(r.URL.Path, "/api/") {
			h.Set("Cache-Control", "no-store")
			h.Set("Content-Security-Policy", DataPolicy)
			h.Del("Permissions-Policy")
		}
		if r.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				a.Log.ErrorContext(ctx, "panic in a request", "path", loggable(r.URL.Path), "panic", p, "stack", string(debug.Stack()))
				WriteProblem(w, r, errors.New("panic"))
			}
		}()
		if err := checkURL(r); err != nil {
			WriteProblem(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loggable is a path without the secret that is a webhook's key, lets a guest
// knock, or reads somebody's duties.
func loggable(path string) string {
	if rest, ok := strings.CutPrefix(path, "/hooks/"); ok {
		kind, _, _ := strings.Cut(rest, "/")
		return "/hooks/" + kind + "/…"
	}
	if rest, ok := strings.CutPrefix(path, "/guest/"); ok && !strings.HasPrefix(path, guestMedia+"/") && rest != "" {
		return "/guest/…"
	}
	if rest, ok := strings.CutPrefix(path, calendarPath); ok && rest != "" {
		return calendarPath + "…"
	}
	return path
}

const signInWithin = 20 * time.Second

func (a *API) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A database that hangs must not keep who signs in waiting for ever.
		ctx, cancel := context.WithTimeout(r.Context(), signInWithin)
		l := a.login(r.WithContext(ctx))
		cancel()
		if l.err == nil {
			if c := credential(r); c != "" {
				a.limit.know(c)
			}
		}
		l.Who.Request = requestID(r.Context())
		if l.Who.Address == "" {
			l.Who.Address = RemoteAddr(r.Context())
		}
		next.ServeHTTP(w, r.WithContext(actor.Carry(context.WithValue(r.Context(), loginKey, l), l.Who)))
	})
}

func (a *API) login(r *http.Request) Login {
	if forGuests(r.URL.Path) {
		return a.guest(r)
	}
	if who, ok := r.Context().Value(systemKey).(actor.Actor); ok {
		return Login{Who: who}
	}
	if secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), bearer); ok {
		l, err := a.auth(r.Context(), secret, false)
		if err != nil {
			return Login{err: err}
		}
		l.Who.Door = "api"
		return l
	}
	c, err := r.Cookie(CookieName)
	if err != nil {
		return Login{err: errSignIn}
	}
	l, err := a.auth(r.Context(), c.Value, true)
	if err != nil {
		return Login{err: err}
	}
	l.Who.Door = "web"
	return l.fromOurPage(r)
}

// guest is who comes by a guest's cookie.
func (a *API) guest(r *http.Request) Login {
	c, err := r.Cookie(GuestCookie)
	if err != nil || a.Guests == nil {
		return Login{err: errNoVisit}
	}
	l, err := a.Guests(r.Context(), c.Value, true)
	if err != nil {
		return Login{err: err}
	}
	return l.fromOurPage(r)
}

var errNoVisit = fault.New(fault.Unauthenticated, "You are no guest here now. Open the link you were given.")

// fromOurPage refuses an unsafe call by a cookie without what only our own page knows.
func (l Login) fromOurPage(r *http.Request) Login {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
	default:
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-CSRF-Token")), []byte(l.CSRF)) != 1 {
			return Login{err: fault.New(fault.Unauthenticated, "This page is out of date: the header X-CSRF-Token does not fit your session. Reload the page and try again.")}
		}
	}
	return l
}

func (a *API) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Hooks have limits of their own: senders take a 429 for a final no.
		if !strings.HasPrefix(r.URL.Path, "/api/") || a.allow(r) {
			next.ServeHTTP(w, r)
			return
		}
		WriteProblem(w, r, fault.Later(fault.RateLimited, a.pause(r), "Too many requests at once."))
	})
}

// allow counts a request against its caller. A credential has a budget of its
// own once it was found good; all others share that of their network, or who
// invents a new one for every request would have no limit.
func (a *API) allow(r *http.Request) bool {
	l, key := a.budget(r)
	return l.allow(key)
}

// pause is how long the caller of a request that was refused has to wait.
func (a *API) pause(r *http.Request) time.Duration {
	l, key := a.budget(r)
	return l.wait(key)
}

func (a *API) budget(r *http.Request) (l *limiter, key string) {
	if c := credential(r); c != "" && a.limit.knows(c) {
		return a.limit, c
	}
	return a.strangers, network(RemoteAddr(r.Context()))
}

// credential tells callers apart without keeping what they sign in with. It is
// what login looks at and nothing else, or whoever adds a header that nobody
// reads would be another caller with every request.
func credential(r *http.Request) string {
	cookie := func(name string) string {
		if c, err := r.Cookie(name); err == nil {
			return c.Value
		}
		return ""
	}
	var secret string
	if forGuests(r.URL.Path) {
		if secret = cookie(GuestCookie); secret != "" {
			secret = "guest " + secret
		}
	} else if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), bearer); ok {
		secret = "token " + token
	} else {
		secret = cookie(CookieName)
	}
	if secret == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(secret))
	return string(sum[:])
}

// network is what one stranger holds: an IPv4 address, an IPv6 /64.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	p, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}

// limiter is a token bucket per caller.
type limiter struct {
	rate, burst float64
	mu          sync.Mutex
	buckets     map[string]*bucket
	swept       time.Time
}

type bucket struct {
	left float64
	at   time.Time
}

func newLimiter(perSecond, burst float64) *limiter {
	return &limiter{rate: perSecond, burst: burst, buckets: map[string]*bucket{}}
}

func (l *limiter) knows(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buckets[key] != nil
}

// know begins a budget for key, unless it has one.
func (l *limiter) know(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buckets[key] == nil {
		l.buckets[key] = &bucket{left: l.burst, at: time.Now()}
	}
}

// left says whether key has something of its budget, and takes nothing of it.
func (l *limiter) left(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[key]
	return b == nil || b.left+time.Since(b.at).Seconds()*l.rate >= 1
}

// wait is how long until key has something of its budget again.
func (l *limiter) wait(key string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[key]
	if b == nil {
		return 0
	}
	return time.Duration((1-b.left)/l.rate*float64(time.Second)) - time.Since(b.at)
}

func (l *limiter) allow(key string) bool { return l.take(key, 1) }

// take takes n of a budget that has any left. It may owe afterwards: then
// nothing is left until that is made up for.
func (l *limiter) take(key string, n float64) bool {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) > time.Minute {
		for k, b := range l.buckets { // forget who was quiet long enough to be full again
			if now.Sub(b.at).Seconds()*l.rate > l.burst {
				delete(l.buckets, k)
			}
		}
		l.swept = now
	}
	b := l.buckets[key]
	if b == nil {
		b = &bucket{left: l.burst, at: now}
		l.buckets[key] = b
	}
	b.left = min(l.burst, b.left+now.Sub(b.at).Seconds()*l.rate)
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left -= n
	return true
}

package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"muster/internal/actor"
	"muster/internal/alert"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/incident/incidenttest"
	"muster/internal/integration/alertmanager"
	"muster/internal/notify"
)

// FuzzCredential: whatever stands in the headers and the address of a request,
// it is signed in only by the whole of a secret, a page of the browser's only
// with its CSRF token, and an address that is no text gets no further.
func FuzzCredential(f *testing.F) {
	const token, session, csrf = "mst_Zq9xK2", "Yw7pL4", "Cs3rF"
	auth := func(_ context.Context, secret string, cookie bool) (Login, error) {
		switch {
		case !cookie && secret == token, cookie && secret == session:
			return Login{Who: actor.Actor{ID: "u1", Name: "ann", Kind: actor.Person}, CSRF: csrf}, nil
		}
		return Login{}, errSignIn
	}
	a := New(Core{Log: slog.New(slog.DiscardHandler)}, auth)
	a.limit, a.strangers = newLimiter(1e12, 1e12), newLimiter(1e12, 1e12)
	var who actor.Actor
	var err error
	a.Mux().HandleFunc("/api/who", func(_ http.ResponseWriter, r *http.Request) { who, err = Who(r.Context()) })
	h := a.Handler()
	f.Add("Bearer "+token, "", "", "", "")
	f.Add("bearer "+token, "__Host-muster="+session, csrf, "a=b", "192.0.2.1:1")
	f.Add("", "x=y; __Host-muster=\""+session+"\"; z", "", "q=%00", "[2001:db8::1%eth0]:1")
	f.Add("Bearer "+token+" ", "__Host-muster="+session+"; __Host-muster=other", csrf+" ", "q=%ff", "nonsense")
	f.Add("Basic "+token, "__Host-Muster="+session, csrf, "a=%zz;b", "::ffff:192.0.2.1")
	f.Fuzz(func(t *testing.T, authorization, cookie, xcsrf, query, remote string) {
		for _, method := range []string{"GET", "POST"} {
			r := httptest.NewRequest(method, "https://muster.test/api/who", nil)
			r.URL.RawQuery, r.RemoteAddr = query, remote
			r.Header["Authorization"], r.Header["Cookie"], r.Header["X-Csrf-Token"] = []string{authorization}, []string{cookie}, []string{xcsrf}
			who, err = actor.Actor{}, errSignIn
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if q, qerr := url.QueryUnescape(query); qerr == nil && !isText(q) && w.Code != http.StatusUnprocessableEntity {
				t.Fatalf("%q is let in with %d", query, w.Code)
			}
			byToken, byCookie := authorization == "Bearer "+token, strings.Contains(cookie, CookieName) && strings.Contains(cookie, session)
			if err == nil && !byToken && (!byCookie || method == "POST" && xcsrf != csrf) {
				t.Fatalf("%s with %q, %q, %q is %s", method, authorization, cookie, xcsrf, who.Name)
			}
			if byToken && w.Code == http.StatusOK && err != nil {
				t.Fatalf("%s with the token is refused: %v", method, err)
			}
			if err != nil && fault.KindOf(err) != fault.Unauthenticated {
				t.Fatal(err)
			}
		}
		if n := network(remote); len(n) > len(remote)+4 {
			t.Fatalf("%q is of the network %q", remote, n)
		}
		if strings.Contains(loggable("/hooks/alertmanager/"+token+"/"+query), token) {
			t.Fatal("a hook's secret would be logged")
		}
	})
}

// FuzzHook: whatever is posted to a webhook, the answer is one that its sender
// understands, and a delivery that is taken is one the decoder takes.
func FuzzHook(f *testing.F) {
	r := incidenttest.New(f, notify.Settings{})
	quiet := slog.New(slog.DiscardHandler)
	alerts := alert.New(alert.Deps{DB: r.DB, Access: r.Access, Ledger: r.Ledger, Clock: r.Clock, Bus: r.Bus, Tasks: r.Tasks, Messages: r.Messages, Incidents: r.Incidents, Log: quiet})
	secret := ""
	r.Do(func(tx *db.Tx) (err error) {
		_, secret, err = alerts.CreateSource(incidenttest.Ctx, tx, r.Admin, alert.NewSource{Name: "core", Service: "payments-api"})
		return err
	})
	a := New(Core{DB: r.DB, Access: r.Access, Log: quiet, PublicURL: func() string { return "https://muster.test" }}, nil)
	h := newHooks(a, alerts)
	h.limit = newLimiter(1e12, 1e12)
	a.Mux().HandleFunc("POST /hooks/alertmanager/{secret}", h.alertmanager)
	for _, body := range []string{
		`{"version":"4","status":"firing","groupKey":"g","alerts":[{"status":"firing","labels":{"alertname":"High","severity":"critical"},"annotations":{"summary":"s"},"startsAt":"2026-11-22T13:49:02Z","generatorURL":"http://p/","fingerprint":"f1"}]}`,
		`{"version":"4","status":"resolved","groupKey":"g","alerts":[{"status":"resolved","labels":{"alertname":"High"},"startsAt":"2026-11-22T13:49:02Z","endsAt":"2026-11-22T13:59:02Z","fingerprint":"f1"}]}`,
		`{"version":"4","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"\u0000\ud800","severity":"SEV-1","env":"prod"},"startsAt":"9999-12-31T23:59:59Z"}]}`,
		`{"version":"4","status":"firing","truncatedAlerts":3,"alerts":[]}`, `{"version":"3"}`, `[]`, ``, `{"version":"4","status":"firing","alerts":[null]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		w := httptest.NewRecorder()
		a.Mux().ServeHTTP(w, httptest.NewRequest("POST", "/hooks/alertmanager/"+secret, bytes.NewReader(body)))
		_, err := alertmanager.Decode(body)
		switch w.Code {
		case http.StatusOK:
			var got alert.Received
			if err != nil || json.Unmarshal(w.Body.Bytes(), &got) != nil {
				t.Fatalf("taken as %s, but %v", w.Body, err)
			}
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
			var p Problem
			if err == nil || json.Unmarshal(w.Body.Bytes(), &p) != nil || p.Detail == "" {
				t.Fatalf("refused with %s, but %v", w.Body, err)
			}
		default:
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}

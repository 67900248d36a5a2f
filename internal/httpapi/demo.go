package httpapi

import (
	"context"
	"net"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/demo"
	"muster/internal/fault"
)

// DemoDeps is what a demo office offers to whoever looks at it. Without Colleagues
// this server is none, and every route here says so.
type DemoDeps struct {
	Session  SessionDeps
	Logins   func() []DemoLogin
	Password func(name string) string // of a login of Logins; "" for any other
	Office   func() *demo.Office      // nil: nobody is at work
}

// DemoLogin is somebody one may be in the demo.
type DemoLogin struct {
	Name    string `json:"name" doc:"Login"`
	Display string `json:"display"`
	Title   string `json:"title"`
	Role    string `json:"role"`
	Does    string `json:"does" doc:"What one can try as them"`
}

// DemoView is what a demo office offers.
type DemoView struct {
	Demo   bool        `json:"demo" doc:"false: this is no demo office on loopback, and nothing else is said"`
	Logins []DemoLogin `json:"logins"`
	Drills bool        `json:"drills" doc:"Simulated colleagues are at work and can hold a drill"`
	Drill  *demo.Drill `json:"drill,omitempty" doc:"The one that goes on, or the last. Only for who is signed in"`
}

var errNoDemo = fault.New(fault.NotFound, "This office is no demo. Start one with muster serve --demo, on an empty data folder and a loopback address.")

// RegisterDemo adds signing in by one click and drills, for a demo office on
// loopback alone.
func RegisterDemo(a *API, d DemoDeps) {
	const tag = "Demo"
	// Also a demo whose port somebody forwarded to the network is closed to it.
	open := func(ctx context.Context) bool {
		ip := net.ParseIP(RemoteAddr(ctx))
		return d.Logins != nil && ip != nil && ip.IsLoopback()
	}
	Handle(a, Route{Method: "GET", Path: "/demo", ID: "get-demo", Summary: "Who one may be in a demo office, and how its drill stands", Tag: tag, Access: "public"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (DemoView, error) {
			v := DemoView{Logins: []DemoLogin{}}
			if !open(ctx) {
				return v, nil
			}
			v.Demo, v.Logins = true, d.Logins()
			if f := d.Office(); f != nil {
				v.Drills = true
				if who.ID != "" && who.Kind == actor.Person {
					v.Drill = f.Drill()
				}
			}
			return v, nil
		})
	type signIn struct {
		Agent string `header:"User-Agent" hidden:"true"`
		Body  struct {
			Name string `json:"name" maxLength:"32" doc:"One of the demo's logins"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/demo/session", ID: "sign-in-to-demo", Summary: "Sign in as somebody of the demo office; sets the session cookie", Tag: tag, Access: "public", MaxBody: 1 << 10},
		func(ctx context.Context, _ actor.Actor, in *signIn) (Me, error) {
			if !open(ctx) {
				return Me{}, errNoDemo
			}
			password := d.Password(in.Body.Name)
			if password == "" {
				return Me{}, fault.Field("name", "There is no such login in the demo. Choose one of those offered.")
			}
			s, err := d.Session.Accounts.Login(ctx, account.Login{Name: in.Body.Name, Password: password, Address: RemoteAddr(ctx), Agent: in.Agent, Door: "web", Request: requestID(ctx)})
			if fault.Is(err, fault.Unauthenticated) {
				err = fault.Wrap(fault.Unauthenticated, "The demo's password of "+in.Body.Name+" was changed. Sign in with the new one below.", err)
			}
			if err != nil {
				return Me{}, err
			}
			SetCookie(ctx, sessionCookie(s.Secret))
			return d.Session.me(ctx, a, s.Who, s.Session.CSRF)
		})
	Handle(a, Route{Method: "POST", Path: "/demo/drill", ID: "start-drill", Summary: "Start a drill in a demo office, or read the one that goes on", Description: "An alert fires, an incident and its room open, people are paged. Parts that are yours by your roles wait for you; simulated colleagues play the others.", Tag: tag, Access: "signed-in", Status: 201},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (*demo.Drill, error) {
			var f *demo.Office
			if open(ctx) {
				f = d.Office()
			}
			if f == nil {
				return nil, errNoDemo
			}
			responds, operates := who.In(account.Responder), who.In(account.Operator)
			return f.StartDrill(demo.Visitor{UserID: who.ID, Responds: responds || operates, Operates: operates, Approves: who.In(account.Approver)})
		})
}

package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/office"
)

// SessionDeps is what signing in and one's own account call.
type SessionDeps struct {
	Accounts *account.Store
	Office   *office.Store
	Version  string
	Demo     bool
	Drills   func() bool // simulated colleagues of a demo are at work; nil: no
}

// Me is who is signed in and what they may do.
type Me struct {
	User      account.User    `json:"user"`
	CSRF      string          `json:"csrf" doc:"Send it as X-CSRF-Token on every unsafe request; empty for API tokens"`
	Office    OfficeName      `json:"office"`
	Abilities map[string]bool `json:"abilities" doc:"declare, run, approve, manage_users, manage_rooms, manage_policies, manage_keys, manage_services, manage_alert_sources, manage_projects, manage_office, add_floors, read_ledger"`
	Version   string          `json:"version"`
	Demo      bool            `json:"demo"`
	Drills    bool            `json:"drills" doc:"Simulated colleagues of a demo are at work and can hold a drill"`
}

// OfficeName is what the office calls itself.
type OfficeName struct {
	Name string `json:"name"`
}

// SessionView is one of the caller's own sessions.
type SessionView struct {
	ID        string    `json:"id"`
	Address   string    `json:"address"`
	Agent     string    `json:"user_agent"`
	CreatedAt time.Time `json:"created_at"`
	UsedAt    time.Time `json:"last_used_at"`
	ExpiresAt time.Time `json:"expires_at"`
	Current   bool      `json:"current" doc:"The one this request came with"`
}

// TokenView is an API token without its secret.
type TokenView struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	CreatedAt time.Time  `json:"created_at"`
	UsedAt    *time.Time `json:"last_used_at,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"Absent: it does not expire"`
	MadeBy    string     `json:"made_by,omitempty" doc:"Display name of who made it, when that is somebody else"`
}

// NewToken is a fresh API token.
type NewToken struct {
	TokenView
	Token string `json:"token" doc:"The secret, shown this once"`
}

func whenSet(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// AccountAuthenticator resolves cookies to sessions and bearer secrets to API
// tokens, and neither to the other: a stolen token must not become a browser's
// session, nor a session pass without its CSRF token.
func AccountAuthenticator(c Core, accounts *account.Store) Authenticator {
	return func(ctx context.Context, secret string, cookie bool) (Login, error) {
		if cookie == strings.HasPrefix(secret, account.TokenPrefix) {
			return Login{}, errSignIn
		}
		who, se, err := accounts.Authenticate(ctx, c.DB.Read(), secret)
		if err != nil {
			return Login{}, err
		}
		// "Last used" is not worth refusing a request for.
		if err := accounts.Touch(context.WithoutCancel(ctx), se); err != nil {
			c.Log.ErrorContext(ctx, "note the use of a session", "session", se.ID, "error", err)
		}
		return Login{Who: who, CSRF: se.CSRF}, nil
	}
}

func sessionCookie(secret string) *http.Cookie {
	c := &http.Cookie{Name: CookieName, Value: secret, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: int(account.Absolute.Seconds())}
	if secret == "" {
		c.MaxAge = -1
	}
	return c
}

// RegisterSession adds signing in and out, set-up, and one's own account.
func RegisterSession(a *API, d SessionDeps) {
	registerSignIn(a, d)
	registerOwnSecrets(a, d)
	Handle(a, Route{Method: "GET", Path: "/me", ID: "get-me", Summary: "Who you are and what you may do", Tag: "Session", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (Me, error) {
			return d.me(ctx, a, who, CSRF(ctx))
		})
	type updateMe struct {
		Body struct {
			Availability *string    `json:"availability,omitempty" enum:"available,busy,away,dnd"`
			StatusText   *string    `json:"status_text,omitempty" maxLength:"140"`
			Until        *time.Time `json:"until,omitempty" doc:"When it ends by itself; absent: when you change it"`
		}
	}
	Handle(a, Route{Method: "PATCH", Path: "/me", ID: "update-me", Summary: "Say whether you may be disturbed", Tag: "Session", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *updateMe) (v Me, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				now, err := d.Accounts.AvailabilityOf(ctx, tx, who.ID)
				if err != nil {
					return err
				}
				if in.Body.Availability != nil {
					now.State = *in.Body.Availability
				}
				if in.Body.StatusText != nil {
					now.StatusText = *in.Body.StatusText
				}
				now.Until = time.Time{}
				if in.Body.Until != nil {
					now.Until = in.Body.Until.UTC()
				}
				_, err = d.Office.SetAvailability(ctx, tx, who, now)
				return err
			})
			if err != nil {
				return v, err
			}
			return d.me(ctx, a, who, CSRF(ctx))
		})
	type describe struct {
		Body struct {
			Title  *string   `json:"title,omitempty" maxLength:"80" doc:"What you do"`
			Team   *string   `json:"team,omitempty" maxLength:"80"`
			Skills *[]string `json:"skills,omitempty" maxItems:"20" doc:"What you can do, in your own words"`
		}
	}
	Handle(a, Route{Method: "PATCH", Path: "/me/profile", ID: "describe-me", Summary: "Say what you do, in which team, and what you can do", Tag: "Session", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *describe) (u account.User, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				u, err = d.Accounts.Describe(ctx, tx, who, in.Body.Title, in.Body.Team, in.Body.Skills)
				return err
			})
			return u, err
		})
	type changePassword struct {
		Body struct {
			Current string `json:"current" maxLength:"512"`
			New     string `json:"new" maxLength:"512" doc:"At least 12 characters"`
			Keep    bool   `json:"keep_tokens,omitempty" doc:"Keep your API tokens; else they end with the old password"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/me/password", ID: "change-password", Summary: "Change your password; your other sessions and API tokens end", Tag: "Session", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *changePassword) (None, error) {
			return None{}, d.Accounts.ChangePassword(ctx, who, in.Body.Current, in.Body.New, RemoteAddr(ctx), in.Body.Keep)
		})
}

func registerSignIn(a *API, d SessionDeps) {
	type signIn struct {
		Agent string `header:"User-Agent" hidden:"true"`
		Body  struct {
			Name     string `json:"name" maxLength:"254" doc:"Login or email address"`
			Password string `json:"password" maxLength:"512"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/session", ID: "sign-in", Summary: "Sign in; sets the session cookie", Tag: "Session", Access: "public", MaxBody: 8 << 10},
		func(ctx context.Context, _ actor.Actor, in *signIn) (Me, error) {
			s, err := d.Accounts.Login(ctx, account.Login{Name: in.Body.Name, Password: in.Body.Password, Address: RemoteAddr(ctx), Agent: in.Agent, Door: "web", Request: requestID(ctx)})
			if err != nil {
				return Me{}, err
			}
			SetCookie(ctx, sessionCookie(s.Secret))
			return d.me(ctx, a, s.Who, s.Session.CSRF)
		})
	Handle(a, Route{Method: "DELETE", Path: "/session", ID: "sign-out", Summary: "Sign out", Tag: "Session", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (None, error) {
			err := a.Do(ctx, who, func(tx *db.Tx) error { return d.Accounts.EndSession(ctx, tx, who, who.Session) })
			if err == nil {
				SetCookie(ctx, sessionCookie(""))
			}
			return None{}, err
		})
	type setupState struct {
		Needed bool `json:"needed" doc:"Nobody has an account yet"`
	}
	Handle(a, Route{Method: "GET", Path: "/setup", ID: "get-setup", Summary: "Whether the office waits for its first administrator", Tag: "Session", Access: "public"},
		func(ctx context.Context, _ actor.Actor, _ *struct{}) (setupState, error) {
			n, err := d.Accounts.SetupNeeded(ctx, a.DB.Read())
			return setupState{n}, err
		})
	type setUp struct {
		Agent string `header:"User-Agent" hidden:"true"`
		Body  struct {
			Token      string `json:"token" maxLength:"100" doc:"From the one-time link Muster printed when it started"`
			Name       string `json:"name" maxLength:"32" doc:"Login"`
			Display    string `json:"display" maxLength:"80"`
			Email      string `json:"email,omitempty" maxLength:"254"`
			Password   string `json:"password" maxLength:"512" doc:"At least 12 characters"`
			OfficeName string `json:"office_name,omitempty" maxLength:"80"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/setup", ID: "set-up", Summary: "Make the first administrator and sign in", Tag: "Session", Access: "public", MaxBody: 8 << 10},
		func(ctx context.Context, _ actor.Actor, in *setUp) (Me, error) {
			b := in.Body
			s, err := d.Accounts.SetUp(ctx, account.Setup{Token: b.Token, Name: b.Name, Display: b.Display, Email: b.Email, Password: b.Password, OfficeName: b.OfficeName,
				Address: RemoteAddr(ctx), Agent: in.Agent, Door: "web", Request: requestID(ctx)})
			if err != nil {
				return Me{}, err
			}
			SetCookie(ctx, sessionCookie(s.Secret))
			return d.me(ctx, a, s.Who, s.Session.CSRF)
		})
}

func registerOwnSecrets(a *API, d SessionDeps) {
	type byID struct {
		ID string `path:"id" maxLength:"36"`
	}
	Handle(a, Route{Method: "GET", Path: "/sessions", ID: "list-sessions", Summary: "Where you are signed in", Tag: "Session", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (List[SessionView], error) {
			ss, err := d.Accounts.Sessions(ctx, a.DB.Read(), who)
			vs := make([]SessionView, len(ss))
			for i, s := range ss {
				vs[i] = SessionView{ID: s.ID, Address: s.Address, Agent: s.Agent, CreatedAt: s.CreatedAt, UsedAt: s.UsedAt, ExpiresAt: s.ExpiresAt, Current: s.ID == who.Session}
			}
			return ListOf(vs), err
		})
	Handle(a, Route{Method: "DELETE", Path: "/sessions/{id}", ID: "end-session", Summary: "End one of your sessions", Tag: "Session", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *byID) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error { return d.Accounts.EndSession(ctx, tx, who, in.ID) })
		})
	Handle(a, Route{Method: "GET", Path: "/tokens", ID: "list-tokens", Summary: "Your API tokens", Tag: "Session", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (List[TokenView], error) {
			ts, err := d.Accounts.Tokens(ctx, a.DB.Read(), who.ID)
			vs := make([]TokenView, len(ts))
			for i, t := range ts {
				vs[i] = tokenView(t)
			}
			return ListOf(vs), err
		})
	type createToken struct {
		Body struct {
			Name     string `json:"name" minLength:"1" maxLength:"80" doc:"What it is for"`
			Days     int    `json:"expires_in_days,omitempty" minimum:"0" maximum:"3650" doc:"0: it does not expire"`
			User     string `json:"user,omitempty" maxLength:"254" doc:"Whom it acts for; administrators name bots"`
			Password string `json:"password,omitempty" maxLength:"512" doc:"Yours; asked of a browser's session that began more than ten minutes ago"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/tokens", ID: "create-token", Summary: "Make an API token", Tag: "Session", Access: "token:create", Status: 201},
		func(ctx context.Context, who actor.Actor, in *createToken) (out NewToken, err error) {
			if err := d.Accounts.Fresh(ctx, who, in.Body.Password, RemoteAddr(ctx)); err != nil {
				return NewToken{}, err
			}
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				userID := who.ID
				if in.Body.User != "" {
					u, err := d.Accounts.Find(ctx, tx, in.Body.User)
					if err != nil {
						return err
					}
					userID = u.ID
				} else if who.IsSystem() {
					return fault.Field("user", "Say for whom: --user NAME.")
				}
				plain, t, err := d.Accounts.CreateToken(ctx, tx, who, userID, in.Body.Name, in.Body.Days)
				out = NewToken{tokenView(t), plain}
				return err
			})
			if err != nil {
				return NewToken{}, err
			}
			return out, nil
		})
	Handle(a, Route{Method: "DELETE", Path: "/tokens/{id}", ID: "revoke-token", Summary: "Revoke one of your API tokens", Tag: "Session", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *byID) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error { return d.Accounts.RevokeToken(ctx, tx, who, in.ID) })
		})
}

func tokenView(t account.Session) TokenView {
	v := TokenView{ID: t.ID, Name: t.Name, CreatedAt: t.CreatedAt, UsedAt: whenSet(t.UsedAt), ExpiresAt: whenSet(t.ExpiresAt)}
	if t.Lent() {
		v.MadeBy = t.Maker
	}
	return v
}

func (d SessionDeps) me(ctx context.Context, a *API, who actor.Actor, csrf string) (Me, error) {
	q := a.DB.Read()
	m := Me{CSRF: csrf, Version: d.Version, Demo: d.Demo, Drills: d.Drills != nil && d.Drills()}
	var err error
	if m.Office.Name, err = d.Accounts.OfficeName(ctx, q); err != nil {
		return m, err
	}
	if who.IsSystem() { // the console has no account
		m.User = account.User{ID: who.ID, Name: who.Name, Display: who.Display, Roles: []string{}, Skills: []string{}, Kind: "bot", Hue: account.Hue(who.ID), Initials: account.Initials(who.Display)}
	} else if m.User, err = d.Accounts.Get(ctx, q, who.ID); err != nil {
		return m, err
	}
	judge, err := a.Access.Judge(ctx, q, who)
	if err != nil {
		return m, err
	}
	app := func(action, typ string) bool { return judge.Allowed(action, access.Resource{Type: typ}) }
	m.Abilities = map[string]bool{
		"declare":              app("declare", "incident"),
		"run":                  a.Access.Anywhere(ctx, q, who, "run", "job") || a.Access.Anywhere(ctx, q, who, "run", "adhoc"),
		"approve":              a.Access.Anywhere(ctx, q, who, "decide", "approval"),
		"manage_users":         app("manage", "user"),
		"manage_rooms":         judge.Allowed("create", access.Resource{Type: "room", Attrs: map[string]string{"kind": "team"}}),
		"manage_policies":      app("manage", "policy"),
		"manage_keys":          app("manage", "key"),
		"manage_services":      app("manage", "service"),
		"manage_alert_sources": app("manage", "alert_source"),
		"manage_projects":      app("manage", "project"),
		"manage_office":        app("manage", "office"),
		"add_floors":           app("create", "floor"),
		"read_ledger":          app("read", "ledger"),
	}
	return m, nil
}

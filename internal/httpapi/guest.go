package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"muster/internal/actor"
	"muster/internal/call"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/message"
	"muster/internal/office"
)

// GuestCookie holds a guest's visit. It is looked at below GuestBase and where
// a guest's media connect, and nowhere else; a member's session is not looked
// at there. So what a guest may do is what is registered there.
const GuestCookie = "__Host-muster-guest"

// GuestBase is where a guest's API lives.
const GuestBase = Base + "/guest"

// guestMedia is where a guest's browser connects for sound and pictures.
const guestMedia = "/guest/media"

// forGuests says whether a path is a guest's.
func forGuests(path string) bool {
	return path == GuestBase || strings.HasPrefix(path, GuestBase+"/") || strings.HasPrefix(path, guestMedia+"/")
}

// GuestDeps is what the routes of guests and of those who invite them call.
type GuestDeps struct {
	OfficeDeps
	Messages *message.Store
}

// GuestAuthenticator resolves a guest's cookie; also of one who waits, and of
// one whose visit is over, who is then told why.
func GuestAuthenticator(d *db.DB, o *office.Store) Authenticator {
	return func(ctx context.Context, secret string, _ bool) (Login, error) {
		v, err := o.VisitBy(ctx, d.Read(), secret)
		if err != nil {
			return Login{}, err
		}
		return Login{Who: v.Actor(), CSRF: office.GuestCSRF(secret)}, nil
	}
}

// GuestPerson is somebody in the room as a guest sees them.
type GuestPerson struct {
	ID       string `json:"id"`
	Display  string `json:"display"`
	Title    string `json:"title"`
	Initials string `json:"initials"`
	Hue      int    `json:"hue"`
	Kind     string `json:"kind" enum:"person,guest"`
	State    string `json:"state" enum:"available,active,busy,away,call,dnd,offline"`
}

// GuestView is all that a guest's page shows but the messages.
type GuestView struct {
	Visit  office.Visit  `json:"visit"`
	CSRF   string        `json:"csrf" doc:"Send it as X-CSRF-Token on every unsafe request"`
	Office string        `json:"office"`
	Room   string        `json:"room" doc:"Its name; empty until you are inside"`
	People []GuestPerson `json:"people" doc:"Who is in the room, or in its call; nobody until you are inside"`
	Media  Media         `json:"media"`
	// Said of the room, for a guest is told nothing else of it.
	Records bool       `json:"records" doc:"Calls of the room are recorded, and whoever speaks in one is asked first"`
	Call    *call.Call `json:"call,omitempty"`
}

// Door is what a link shows of where it leads.
type Door struct {
	Office    string     `json:"office"`
	Room      string     `json:"room"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

func guestCookie(secret string, until time.Duration) *http.Cookie {
	return &http.Cookie{Name: GuestCookie, Value: secret, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: int(until.Seconds())}
}

// RegisterGuests adds links for guests, and what those may do who come by one.
func RegisterGuests(a *API, d GuestDeps) {
	registerHosts(a, d)
	registerVisits(a, d)
}

// GuestLinkView is a fresh link.
type GuestLinkView struct {
	Link office.GuestLink `json:"link"`
	URL  string           `json:"url" doc:"Shown this once: its secret is kept only as a hash"`
}

// RoomGuests is who may come and who came to a room.
type RoomGuests struct {
	Links  []office.GuestLink `json:"links"`
	Guests []office.Visit     `json:"guests" doc:"Waiting and inside"`
}

func registerHosts(a *API, d GuestDeps) {
	const tag, needs = "Guests", "room:invite_guest"
	Handle(a, Route{Method: "GET", Path: "/rooms/{id}/guests", ID: "list-guests", Summary: "The links for guests to a room, and who came by them", Tag: tag, Access: needs},
		func(ctx context.Context, who actor.Actor, in *RoomPath) (v RoomGuests, err error) {
			if v.Links, v.Guests, err = d.Office.GuestLinks(ctx, a.DB.Read(), who, in.ID); v.Links == nil {
				v.Links = []office.GuestLink{}
			}
			if v.Guests == nil {
				v.Guests = []office.Visit{}
			}
			return v, err
		})
	type create struct {
		RoomPath
		Body struct {
			Label     string     `json:"label,omitempty" maxLength:"80" doc:"For whom it is"`
			ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"Absent: until it is revoked"`
			Most      int        `json:"most,omitempty" minimum:"0" maximum:"100" doc:"Guests by it inside at once; 0: as many as are let in"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/rooms/{id}/guest-links", ID: "create-guest-link", Summary: "Make a link by which guests knock at a room", Tag: tag, Access: needs, Status: 201},
		func(ctx context.Context, who actor.Actor, in *create) (v GuestLinkView, err error) {
			n := office.NewGuestLink{Label: in.Body.Label, Most: in.Body.Most}
			if in.Body.ExpiresAt != nil {
				n.Expires = in.Body.ExpiresAt.UTC()
			}
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				l, secret, err := d.Office.MakeGuestLink(ctx, tx, who, in.ID, n)
				v = GuestLinkView{l, a.PublicURL() + "/guest/" + secret}
				return err
			})
			if err != nil {
				return GuestLinkView{}, err
			}
			return v, nil
		})
	type revoke struct {
		RoomPath
		Link string `path:"link" maxLength:"36"`
	}
	Handle(a, Route{Method: "DELETE", Path: "/rooms/{id}/guest-links/{link}", ID: "revoke-guest-link", Summary: "End a link, and every visit by it at once", Tag: tag, Access: needs},
		func(ctx context.Context, who actor.Actor, in *revoke) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error { return d.Office.RevokeGuestLink(ctx, tx, who, in.ID, in.Link) })
		})
}

func registerVisits(a *API, d GuestDeps) {
	const tag = "Guests"
	guesses := newLimiter(0.5, 20) // of links, by network
	knocks := newLimiter(0.5, 30)  // by network, whatever link
	words := newLimiter(1, 15)     // by visit
	find := func(ctx context.Context, q db.Querier, token string) (l office.GuestLink, room string, err error) {
		from := network(RemoteAddr(ctx))
		if !guesses.left(from) {
			return l, "", fault.Later(fault.RateLimited, guesses.wait(from), "Too many links that do not work were tried from this network. Copy the link whole.")
		}
		l, r, err := d.Office.GuestLinkBy(ctx, q, token)
		if fault.Is(err, fault.NotFound) {
			guesses.allow(from)
		}
		return l, r.Name, err
	}
	type look struct {
		Body struct {
			Token string `json:"token" maxLength:"100" doc:"What stands behind /guest/ in the link"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/guest/look", ID: "look-at-guest-link", Summary: "Where a link for guests leads", Tag: tag, Access: "public", MaxBody: 4 << 10},
		func(ctx context.Context, _ actor.Actor, in *look) (v Door, err error) {
			l, name, err := find(ctx, a.DB.Read(), in.Body.Token)
			if err != nil {
				return v, err
			}
			v.Room, v.ExpiresAt = name, l.ExpiresAt
			v.Office, err = d.Accounts.OfficeName(ctx, a.DB.Read())
			return v, err
		})
	type knock struct {
		Body struct {
			Token string `json:"token" maxLength:"100" doc:"What stands behind /guest/ in the link"`
			Name  string `json:"name" maxLength:"300" doc:"1 to 60 characters"`
			Note  string `json:"note,omitempty" maxLength:"300"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/guest/knock", ID: "knock-as-guest", Summary: "Knock at a room by a link; sets the guest's cookie", Description: "Whoever is inside is asked for five minutes. Who already waits or is inside by the link gets that visit.", Tag: tag, Access: "public", MaxBody: 4 << 10},
		func(ctx context.Context, _ actor.Actor, in *knock) (GuestView, error) {
			l, _, err := find(ctx, a.DB.Read(), in.Body.Token)
			if err != nil {
				return GuestView{}, err
			}
			if now := loginOf(ctx); now.err == nil { // another tab
				if v, err := d.Office.VisitOf(ctx, a.DB.Read(), now.Who.ID); err == nil && v.Link == l.ID && (v.State == "waiting" || v.State == "inside") {
					return d.guestView(ctx, a.DB.Read(), v, now.CSRF)
				}
			}
			if from := network(RemoteAddr(ctx)); !knocks.allow(from) {
				return GuestView{}, fault.Later(fault.RateLimited, knocks.wait(from), "You knocked often.")
			}
			var v office.Visit
			var secret string
			err = a.Do(ctx, actor.Actor{Kind: actor.Guest}, func(tx *db.Tx) error {
				v, secret, err = d.Office.GuestKnock(ctx, tx, in.Body.Token, in.Body.Name, in.Body.Note, requestID(ctx))
				return err
			})
			if err != nil {
				return GuestView{}, err
			}
			SetCookie(ctx, guestCookie(secret, office.GuestStay+time.Hour))
			return d.guestView(ctx, a.DB.Read(), v, office.GuestCSRF(secret))
		})
	Handle(a, Route{Method: "GET", Path: "/guest", ID: "get-visit", Summary: "Your visit as a guest: whether you were let in, and who is there", Tag: tag, Access: "guest"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (GuestView, error) {
			q := a.DB.Read()
			v, err := d.Office.VisitOf(ctx, q, who.ID)
			if err != nil {
				return GuestView{}, err
			}
			return d.guestView(ctx, q, v, CSRF(ctx))
		})
	Handle(a, Route{Method: "POST", Path: "/guest/leave", ID: "leave-as-guest", Summary: "End your visit, or take your knock back", Tag: tag, Access: "guest"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error { return d.Office.LeaveAsGuest(ctx, tx, who) })
		})
	inside := func(ctx context.Context, q db.Querier, who actor.Actor) (string, error) {
		v, err := d.Office.Guest(ctx, q, who.ID)
		return v.RoomID, err
	}
	type history struct {
		Before int64 `query:"before" minimum:"0" doc:"Messages with a number below this"`
		Limit  int   `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	Handle(a, Route{Method: "GET", Path: "/guest/messages", ID: "list-guest-messages", Summary: "What was said in the room since you were let in", Tag: tag, Access: "guest"},
		func(ctx context.Context, who actor.Actor, in *history) (message.Page, error) {
			q := a.DB.Read()
			room, err := inside(ctx, q, who)
			if err != nil {
				return message.Page{}, err
			}
			return d.Messages.History(ctx, q, who, room, message.Range{Before: in.Before, Limit: in.Limit})
		})
	type post struct {
		Body struct {
			Text string `json:"text" minLength:"1" maxLength:"4000" doc:"Markdown; no commands"`
			Key  string `json:"key,omitempty" maxLength:"64" doc:"Your own id for it: sending the same key again gives the same message, and with another text a conflict"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/guest/messages", ID: "post-as-guest", Summary: "Say something in the room you were let into", Tag: tag, Access: "guest", Status: 201},
		func(ctx context.Context, who actor.Actor, in *post) (m message.Message, err error) {
			if strings.HasPrefix(strings.TrimSpace(in.Body.Text), "/") {
				return m, fault.New(fault.Denied, "Guests cannot use commands. Write it in words to those in the room.")
			}
			if !words.allow(who.ID) {
				return m, fault.Later(fault.RateLimited, words.wait(who.ID), "One thing after the other.")
			}
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				room, err := inside(ctx, tx, who)
				if err != nil {
					return err
				}
				m, err = d.Messages.Post(ctx, tx, who, message.New{Room: room, Text: in.Body.Text, Key: in.Body.Key})
				return err
			})
			return m, err
		})
	type join struct {
		Body struct {
			Mode    call.Mode `json:"mode" enum:"table,gallery"`
			Consent bool      `json:"consent,omitempty" doc:"I know that calls of this room are recorded. Needed for the table where they are."`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/guest/call/join", ID: "join-call-as-guest", Summary: "Get a ticket to the call of the room you were let into", Tag: tag, Access: "guest"},
		func(ctx context.Context, who actor.Actor, in *join) (CallTicket, error) {
			room, err := inside(ctx, a.DB.Read(), who)
			if err != nil {
				return CallTicket{}, err
			}
			if in.Body.Consent && in.Body.Mode == call.Table {
				if err := a.Do(ctx, who, func(tx *db.Tx) error { return d.Calls.Consent(ctx, tx, who, room) }); err != nil {
					return CallTicket{}, err
				}
			}
			t, err := d.Calls.Join(ctx, a.DB.Read(), who, room, in.Body.Mode, in.Body.Consent)
			if strings.HasPrefix(t.URL, "/") { // a path of this server: to that of guests
				t.URL = guestMedia
			}
			return CallTicket{URL: t.URL, Token: t.Token, ExpiresAt: t.Expires, Mode: in.Body.Mode, Recording: t.Recorded}, err
		})
	type hand struct {
		Body struct {
			Raised bool `json:"raised"`
		}
	}
	Handle(a, Route{Method: "PUT", Path: "/guest/call/hand", ID: "raise-hand-as-guest", Summary: "Raise your hand in the call, or take it down", Tag: tag, Access: "guest"},
		func(ctx context.Context, who actor.Actor, in *hand) (None, error) {
			room, err := inside(ctx, a.DB.Read(), who)
			if err != nil {
				return None{}, err
			}
			return None{}, d.Calls.Hand(ctx, a.DB.Read(), who, room, in.Body.Raised)
		})
	type move struct {
		Body struct {
			Mode call.Mode `json:"mode" enum:"table,gallery"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/guest/call/mode", ID: "move-in-call-as-guest", Summary: "Go to the table or the gallery of the call you are in as a guest", Tag: tag, Access: "guest"},
		func(ctx context.Context, who actor.Actor, in *move) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error {
				room, err := inside(ctx, tx, who)
				if err != nil {
					return err
				}
				return d.Calls.Move(ctx, tx, who, room, who.ID, in.Body.Mode)
			})
		})
}

// guestView is what a guest sees: themselves while they wait, and the room and
// who is in it while they are inside.
func (d GuestDeps) guestView(ctx context.Context, q db.Querier, v office.Visit, csrf string) (g GuestView, err error) {
	g = GuestView{Visit: v, CSRF: csrf, People: []GuestPerson{}}
	g.Visit.Link, g.Visit.LooksLike = "", ""
	g.Media.State = d.Calls.State()
	if g.Office, err = d.Accounts.OfficeName(ctx, q); err != nil || v.State != "inside" {
		g.Visit.RoomID = ""
		return g, err
	}
	r, err := d.Rooms.See(ctx, q, v.Actor(), v.RoomID)
	if err != nil {
		return g, err
	}
	g.Room, g.Records, g.Media.KeepDays = r.Name, d.Calls.MustRecord(r), d.Calls.Settings.KeepDays
	talks := map[string]bool{}
	for _, c := range d.Calls.Calls() {
		if c.RoomID == r.ID {
			g.Call = &c
			for _, p := range c.People {
				talks[p.UserID] = true
			}
		}
	}
	ids := []string{}
	for id := range talks {
		ids = append(ids, id)
	}
	locs, err := d.Office.Locations(ctx, q)
	if err != nil {
		return g, err
	}
	for _, l := range locs {
		if l.Room == r.ID && (d.Office.Online(l.Person) || l.Person == v.ID) && !talks[l.Person] {
			ids = append(ids, l.Person)
		}
	}
	us, err := d.Accounts.ByIDs(ctx, q, ids)
	if err != nil {
		return g, err
	}
	for _, u := range us {
		av, err := d.Accounts.AvailabilityOf(ctx, q, u.ID)
		if err != nil {
			return g, err
		}
		g.People = append(g.People, GuestPerson{ID: u.ID, Display: u.Display, Title: u.Title, Initials: u.Initials, Hue: u.Hue, Kind: u.Kind, State: office.State(av, d.Office.Reach(u.ID), talks[u.ID])})
	}
	slices.SortFunc(g.People, func(a, b GuestPerson) int { return strings.Compare(a.Display+a.ID, b.Display+b.ID) })
	return g, nil
}

// ForGuest is a message as a guest may read it; ok is false for nothing.
func (l *Live) ForGuest(ctx context.Context, who actor.Actor, m message.Message) (message.Message, bool) {
	if l.Messages == nil {
		return m, false
	}
	shown, err := l.Messages.Get(ctx, l.a.DB.Read(), who, m.ID)
	return shown, err == nil
}

// Visits gives the room a guest is in now; "" for none.
func (l *Live) Visits(ctx context.Context, guest string) string {
	v, err := l.Office.Guest(ctx, l.a.DB.Read(), guest)
	if err != nil {
		return ""
	}
	return v.RoomID
}

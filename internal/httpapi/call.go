package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"muster/internal/actor"
	"muster/internal/call"
	"muster/internal/db"
	"muster/internal/fault"
)

// CallDeps is what the routes of calls call.
type CallDeps struct{ Calls *call.Store }

// CallTicket lets its holder connect to the media engine.
type CallTicket struct {
	URL       string    `json:"url" doc:"Path on this server, or an absolute wss:// address, that a LiveKit client connects to"`
	Token     string    `json:"token" doc:"A secret of yours, for this room and a few minutes"`
	ExpiresAt time.Time `json:"expires_at"`
	Mode      call.Mode `json:"mode" enum:"table,gallery"`
	Recording bool      `json:"recording"`
}

// RegisterCalls adds voice, video and screens.
func RegisterCalls(a *API, d CallDeps) {
	const tag = "Calls"
	type join struct {
		RoomPath
		Body struct {
			Mode call.Mode `json:"mode" enum:"table,gallery" doc:"table: speak, from a seat in the room. gallery: listen and watch."`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/rooms/{id}/call/join", ID: "join-call", Summary: "Get a ticket to the call of a room", Description: "Muted on arrival. The ticket is asked for again when it is used, and ends with your seat.", Tag: tag, Access: "room:enter"},
		func(ctx context.Context, who actor.Actor, in *join) (CallTicket, error) {
			t, err := d.Calls.Join(ctx, a.DB.Read(), who, in.ID, in.Body.Mode)
			return CallTicket{URL: t.URL, Token: t.Token, ExpiresAt: t.Expires, Mode: in.Body.Mode}, err
		})
	type hand struct {
		RoomPath
		Body struct {
			Raised bool `json:"raised"`
		}
	}
	Handle(a, Route{Method: "PUT", Path: "/rooms/{id}/call/hand", ID: "raise-hand", Summary: "Raise your hand in a call, or take it down", Tag: tag, Access: "room:read"},
		func(ctx context.Context, who actor.Actor, in *hand) (None, error) {
			return None{}, d.Calls.Hand(ctx, a.DB.Read(), who, in.ID, in.Body.Raised)
		})
	type react struct {
		RoomPath
		Body struct {
			Emoji string `json:"emoji" minLength:"1" maxLength:"16"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/rooms/{id}/call/reactions", ID: "react-in-call", Summary: "Show a reaction to everybody in a call", Tag: tag, Access: "room:read"},
		func(ctx context.Context, who actor.Actor, in *react) (None, error) {
			return None{}, d.Calls.React(ctx, a.DB.Read(), who, in.ID, in.Body.Emoji)
		})
	type whisper struct {
		RoomPath
		Body struct {
			UserID string `json:"user_id" maxLength:"36" doc:"Empty: to everybody again"`
		}
	}
	Handle(a, Route{Method: "PUT", Path: "/rooms/{id}/call/whisper", ID: "whisper", Summary: "Speak to one person of a call only, which all see", Tag: tag, Access: "room:read"},
		func(ctx context.Context, who actor.Actor, in *whisper) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error { return d.Calls.Whisper(ctx, tx, who, in.ID, in.Body.UserID) })
		})
	type mute struct {
		RoomPath
		Body struct {
			UserID string `json:"user_id" minLength:"1" maxLength:"36"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/rooms/{id}/call/mute", ID: "mute-in-call", Summary: "Close somebody's microphone", Description: "They can open it again.", Tag: tag, Access: "room:moderate"},
		func(ctx context.Context, who actor.Actor, in *mute) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error { return d.Calls.Mute(ctx, tx, who, in.ID, in.Body.UserID) })
		})
	type move struct {
		RoomPath
		Body struct {
			UserID string    `json:"user_id" minLength:"1" maxLength:"36"`
			Mode   call.Mode `json:"mode" enum:"table,gallery"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/rooms/{id}/call/mode", ID: "move-in-call", Summary: "Go to the table or the gallery of a call, or move somebody there", Description: "Moving others needs room:moderate.", Tag: tag, Access: "room:read"},
		func(ctx context.Context, who actor.Actor, in *move) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error {
				return d.Calls.Move(ctx, tx, who, in.ID, in.Body.UserID, in.Body.Mode)
			})
		})
}

// Signalling is where browsers connect for media: each ticket is asked for again,
// of the sign-in that brings it, before anything reaches the engine.
func Signalling(a *API, calls *call.Store) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next := calls.Signalling()
		if next == nil || r.Method != http.MethodGet || r.URL.Path != "/media/rtc" && !strings.HasPrefix(r.URL.Path, "/media/rtc/") {
			WriteProblem(w, r, fault.New(fault.NotFound, "There is nothing here. Calls are joined in a room."))
			return
		}
		who, err := Who(r.Context())
		if err == nil {
			err = SameOrigin(r)
		}
		if err == nil {
			err = calls.Admit(r.Context(), a.DB.Read(), who, r.URL.Query().Get("access_token"))
		}
		if err != nil {
			a.Access.Record(r.Context(), who, err)
			WriteProblem(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// SameOrigin refuses a connection that a page of another site opens.
func SameOrigin(r *http.Request) error {
	origin := r.Header.Get("Origin")
	if o, err := url.Parse(origin); err != nil || origin != "" && !strings.EqualFold(o.Host, r.Host) {
		return fault.New(fault.Denied, "This request came from another site. Open Muster itself and try again.")
	}
	return nil
}

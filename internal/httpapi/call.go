package httpapi

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"muster/internal/actor"
	"muster/internal/call"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/incident"
)

// CallDeps is what the routes of calls call.
type CallDeps struct {
	Calls     *call.Store
	Incidents *incident.Store
}

// CallTicket lets its holder connect to the media engine.
type CallTicket struct {
	URL       string    `json:"url" doc:"Path on this server, or an absolute wss:// address, that a LiveKit client connects to"`
	Token     string    `json:"token" doc:"A secret of yours, for this room and a few minutes"`
	ExpiresAt time.Time `json:"expires_at"`
	Mode      call.Mode `json:"mode" enum:"table,gallery"`
	Recording bool      `json:"recording" doc:"Whoever speaks in this room is recorded"`
}

// RegisterCalls adds voice, video and screens.
func RegisterCalls(a *API, d CallDeps) {
	registerRecordings(a, d)
	const tag = "Calls"
	type join struct {
		RoomPath
		Body struct {
			Mode call.Mode `json:"mode" enum:"table,gallery" doc:"table: speak, from a seat in the room. gallery: listen and watch."`

			Consent bool `json:"consent,omitempty" doc:"I know that calls of this room are recorded. Needed for the table where they are."`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/rooms/{id}/call/join", ID: "join-call", Summary: "Get a ticket to the call of a room", Description: "Muted on arrival. The ticket is asked for again when it is used, and ends with your seat.", Tag: tag, Access: "room:enter"},
		func(ctx context.Context, who actor.Actor, in *join) (CallTicket, error) {
			if in.Body.Consent && in.Body.Mode == call.Table {
				if err := a.Do(ctx, who, func(tx *db.Tx) error { return d.Calls.Consent(ctx, tx, who, in.ID) }); err != nil {
					return CallTicket{}, err
				}
			}
			t, err := d.Calls.Join(ctx, a.DB.Read(), who, in.ID, in.Body.Mode, in.Body.Consent)
			return CallTicket{URL: t.URL, Token: t.Token, ExpiresAt: t.Expires, Mode: in.Body.Mode, Recording: t.Recorded}, err
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

// registerRecordings adds what was recorded of calls.
func registerRecordings(a *API, d CallDeps) {
	const tag = "Calls"
	Handle(a, Route{Method: "GET", Path: "/rooms/{id}/recordings", ID: "list-room-recordings", Summary: "List what was recorded of a room's calls", Description: "Newest first, at most 500: of those calls that you may hear again, which are your own where no policy says more.", Tag: tag, Access: "recording:read"},
		func(ctx context.Context, who actor.Actor, in *struct {
			RoomPath
			Call string `query:"call" maxLength:"36" doc:"Of this call only"`
		}) (List[call.Recording], error) {
			rs, err := d.Calls.Recordings(ctx, a.DB.Read(), who, in.ID, in.Call)
			return ListOf(rs), err
		})
	Handle(a, Route{Method: "GET", Path: "/incidents/{id}/recordings", ID: "list-incident-recordings", Summary: "List what was recorded of the calls in an incident's room", Tag: tag, Access: "recording:read"},
		func(ctx context.Context, who actor.Actor, in *IncidentPath) (List[call.Recording], error) {
			i, err := d.Incidents.Get(ctx, a.DB.Read(), who, in.ID)
			if err != nil {
				return List[call.Recording]{}, err
			}
			rs, err := d.Calls.Recordings(ctx, a.DB.Read(), who, i.Room.ID, "")
			return ListOf(rs), err
		})
	type path struct {
		ID string `path:"id" maxLength:"80"`
	}
	Handle(a, Route{Method: "GET", Path: "/recordings/{id}", ID: "get-recording", Summary: "One stretch of a voice, and what it says where speech is put into words", Description: "The sound is at …/audio, as Ogg with Opus; it answers Range, and each playing is on record: from the start, or from anywhere ten minutes after the last.", Tag: tag, Access: "recording:read"},
		func(ctx context.Context, who actor.Actor, in *path) (call.Recording, error) {
			return d.Calls.Recording(ctx, a.DB.Read(), who, in.ID)
		})
	a.Mux().HandleFunc("GET "+Base+"/recordings/{id}/audio", func(w http.ResponseWriter, r *http.Request) {
		who, err := Who(r.Context())
		var one call.Recording
		var sound io.ReadSeeker
		if err == nil {
			one, sound, err = d.Calls.Sound(r.Context(), a.DB.Read(), who, r.PathValue("id"))
		}
		// A player asks for the parts one by one: from the start is a playing, and so is
		// any other part unless it follows one.
		from := r.Header.Get("Range")
		begins := from == "" || strings.HasPrefix(from, "bytes=0-") || !strings.HasPrefix(from, "bytes=")
		if err == nil && r.Method == http.MethodGet && (begins || !d.Calls.Plays(who, one)) {
			err = a.Do(r.Context(), who, func(tx *db.Tx) error { return d.Calls.Replay(r.Context(), tx, who, one) })
		}
		if err != nil {
			a.Access.Record(r.Context(), who, err)
			WriteProblem(w, r, err)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "audio/ogg")
		h.Set("Content-Disposition", "inline") // the page names what it saves
		h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
		h.Set("Cache-Control", "private, no-store")
		if one.State == "kept" {
			h.Set("Etag", `"`+one.SHA256+`"`)
		}
		http.ServeContent(w, r, "", time.Time{}, sound)
	})
}

// Signalling is where browsers connect for media: each ticket is asked for again,
// of the sign-in that brings it, before anything reaches the engine.
func Signalling(a *API, calls *call.Store) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next := calls.Signalling()
		if rest, ok := strings.CutPrefix(r.URL.Path, "/guest"); ok { // signed in by a guest's cookie
			r = r.Clone(r.Context())
			r.URL.Path = rest
		}
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

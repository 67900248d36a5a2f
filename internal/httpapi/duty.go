package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/oncall"
)

// DutyCalendar is the state of one's own calendar address.
type DutyCalendar struct {
	Exists bool `json:"exists"`
	oncall.Calendar
}

// DutyCalendarMade is a new address, told this once.
type DutyCalendarMade struct {
	URL string `json:"url" doc:"For a calendar program to subscribe to. Whoever has it reads your duties, and nothing else"`
}

const calendarPath = "/calendar/"

// RegisterDuty adds who is on call when, and what those in a rotation do about it.
func RegisterDuty(a *API, d OncallDeps) {
	type shifts struct {
		ID    string    `path:"id" maxLength:"80" doc:"Rotation id"`
		From  time.Time `query:"from" doc:"From when; absent: now"`
		Until time.Time `query:"until" doc:"Until when, at most a year later; absent: 14 days after from"`
		At    time.Time `query:"at" doc:"Only who was, is or will be on call at this moment; in place of from and until"`
	}
	Handle(a, Route{Method: "GET", Path: "/rotations/{id}/shifts", ID: "list-shifts", Summary: "Who is, was or will be on call by a rotation",
		Description: "The past is as it was, however the rotation was changed since; the future as it is planned now. The first and the last shift are cut where the stretch begins and ends.", Tag: "On call", Access: "service:read"},
		func(ctx context.Context, who actor.Actor, in *shifts) (List[oncall.Shift], error) {
			from, until := in.From, in.Until
			if !in.At.IsZero() {
				if from, until = in.At.Truncate(time.Second), in.At.Truncate(time.Second).Add(time.Second); !in.From.IsZero() || !in.Until.IsZero() {
					return ListOf[oncall.Shift](nil), fault.Field("at", "Give at, or from and until, not both.")
				}
			}
			if from.IsZero() {
				from = d.Oncall.Clock().Now()
			}
			if until.IsZero() {
				until = from.Add(14 * 24 * time.Hour)
			}
			ss, err := d.Oncall.Shifts(ctx, a.DB.Read(), who, in.ID, from, until)
			return ListOf(ss), err
		})
	rotation := func(ctx context.Context, who actor.Actor, fn func(tx *db.Tx) (oncall.Rotation, error)) (r oncall.Rotation, err error) {
		err = a.Do(ctx, who, func(tx *db.Tx) error {
			r, err = fn(tx)
			return err
		})
		return r, err
	}
	type take struct {
		ID   string `path:"id" maxLength:"80" doc:"Rotation id or name, or a service that has it"`
		Body *struct {
			Until time.Time `json:"until,omitzero" doc:"Absent: until the shift that goes on ends"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/rotations/{id}/take", ID: "take-duty", Summary: "Be on call from now on in place of whose turn it is", Tag: "On call", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *take) (oncall.Rotation, error) {
			until := time.Time{}
			if in.Body != nil {
				until = in.Body.Until
			}
			return rotation(ctx, who, func(tx *db.Tx) (oncall.Rotation, error) { return d.Oncall.Take(ctx, tx, who, in.ID, until) })
		})
	type back struct {
		ID string `path:"id" maxLength:"80" doc:"Rotation id or name, or a service that has it"`
	}
	Handle(a, Route{Method: "POST", Path: "/rotations/{id}/hand-back", ID: "hand-back-duty", Summary: "Hand back what you took over: whose turn it is, is on call again", Tag: "On call", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *back) (oncall.Rotation, error) {
			return rotation(ctx, who, func(tx *db.Tx) (oncall.Rotation, error) { return d.Oncall.HandBack(ctx, tx, who, in.ID) })
		})
	swap := func(ctx context.Context, who actor.Actor, fn func(tx *db.Tx) (oncall.Swap, error)) (sw oncall.Swap, err error) {
		err = a.Do(ctx, who, func(tx *db.Tx) error {
			sw, err = fn(tx)
			return err
		})
		return sw, err
	}
	type ask struct {
		ID   string `path:"id" maxLength:"80" doc:"Rotation id or name, or a service that has it"`
		Body oncall.NewSwap
	}
	Handle(a, Route{Method: "POST", Path: "/rotations/{id}/swaps", ID: "ask-to-swap", Summary: "Ask somebody of the rotation to take a stretch of your duty", Tag: "On call", Access: "signed-in", Status: 201},
		func(ctx context.Context, who actor.Actor, in *ask) (oncall.Swap, error) {
			return swap(ctx, who, func(tx *db.Tx) (oncall.Swap, error) { return d.Oncall.AskSwap(ctx, tx, who, in.ID, in.Body) })
		})
	Handle(a, Route{Method: "GET", Path: "/swaps", ID: "list-swaps", Summary: "Open wishes to swap that you made or are asked for", Tag: "On call", Access: "service:read"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (List[oncall.Swap], error) {
			ss, err := d.Oncall.Swaps(ctx, a.DB.Read(), who)
			return ListOf(ss), err
		})
	type answer struct {
		ID   string `path:"id" maxLength:"40"`
		Body struct {
			Answer string `json:"answer" enum:"accepted,declined,withdrawn" doc:"withdrawn: by who asked"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/swaps/{id}", ID: "answer-swap", Summary: "Accept, decline or withdraw a wish to swap", Tag: "On call", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, in *answer) (oncall.Swap, error) {
			return swap(ctx, who, func(tx *db.Tx) (oncall.Swap, error) { return d.Oncall.AnswerSwap(ctx, tx, who, in.ID, in.Body.Answer) })
		})
	Handle(a, Route{Method: "GET", Path: "/me/calendar", ID: "get-calendar", Summary: "Whether your duties have a calendar address", Tag: "On call", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (DutyCalendar, error) {
			c, err := d.Oncall.CalendarOf(ctx, a.DB.Read(), who)
			if err != nil || c == nil {
				return DutyCalendar{}, err
			}
			return DutyCalendar{Exists: true, Calendar: *c}, nil
		})
	Handle(a, Route{Method: "POST", Path: "/me/calendar", ID: "make-calendar", Summary: "Make a secret address under which a calendar program reads your duties; the one before ends", Tag: "On call", Access: "signed-in", Status: 201},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (v DutyCalendarMade, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				secret, err := d.Oncall.MakeCalendar(ctx, tx, who)
				v.URL = a.PublicURL() + calendarPath + secret + ".ics"
				return err
			})
			return v, err
		})
	Handle(a, Route{Method: "DELETE", Path: "/me/calendar", ID: "end-calendar", Summary: "End the calendar address of your duties", Tag: "On call", Access: "signed-in"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error { return d.Oncall.EndCalendar(ctx, tx, who) })
		})
	guesses := newLimiter(0.2, 20)
	a.Mux().HandleFunc("GET "+calendarPath+"{file}", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second)
		defer cancel()
		from := network(RemoteAddr(ctx))
		if !guesses.left(from) {
			WriteProblem(w, r, fault.Later(fault.RateLimited, guesses.wait(from), "Too many wrong calendar addresses came from this network."))
			return
		}
		secret, ok := strings.CutSuffix(r.PathValue("file"), ".ics")
		body, person, err := "", "", error(fault.New(fault.NotFound, "There is no calendar at this address."))
		if ok {
			body, person, err = d.Oncall.Feed(ctx, a.DB.Read(), secret, d.ActorOf)
		}
		if err != nil {
			if fault.Is(err, fault.NotFound) {
				guesses.allow(from)
			}
			WriteProblem(w, r, err)
			return
		}
		// "Last read" is not worth refusing a calendar for.
		if err := a.DB.Do(context.WithoutCancel(ctx), func(tx *db.Tx) error { return d.Oncall.Read(ctx, tx, person) }); err != nil {
			a.Log.ErrorContext(ctx, "note that a calendar was read", "error", err)
		}
		w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
		w.Header().Set("Content-Disposition", `inline; filename="on-call.ics"`)
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write([]byte(body))
	})
}

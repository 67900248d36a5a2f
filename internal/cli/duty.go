package cli

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// dutyShift is a stretch of somebody's duty.
type dutyShift struct {
	UserID     string    `json:"user_id"`
	From       time.Time `json:"from"`
	Until      time.Time `json:"until"`
	Overridden bool      `json:"overridden"`
}

const timeHelp = "such as 2026-11-30T09:00:00Z or 2026-11-30T09:00:00+01:00"

// moment reads a time as people give it to the command line.
func moment(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, usage("%q is no time. Write it with date and zone, %s.", text, timeHelp)
	}
	return t, nil
}

func shown(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// userNames gives what people are called, by id.
func userNames(ctx context.Context, c *client) (map[string]string, error) {
	users, err := list[user](ctx, c, "/users")
	out := map[string]string{}
	for _, u := range users {
		out[u.ID] = u.Display
	}
	return out, err
}

func shifts(ctx context.Context, c *client, rotation string, query url.Values) ([]dutyShift, error) {
	return list[dutyShift](ctx, c, "/rotations/"+seg(rotation)+"/shifts?"+query.Encode())
}

type oncallShow struct {
	Service string `arg:"" optional:"" help:"Only for this service or rotation."`
	At      string `placeholder:"TIME" help:"Who was, is or will be on call then, such as 2026-11-30T09:00:00Z; needs a rotation or service."`
}

func (o oncallShow) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	names, err := userNames(ctx, c)
	if err != nil {
		return err
	}
	if o.At != "" {
		if o.Service == "" {
			return usage("Say of which rotation or service: muster oncall show payments-primary --at %s", o.At)
		}
		at, err := moment(o.At)
		if err != nil {
			return err
		}
		r, err := dutyRotation(ctx, c, o.Service)
		if err != nil {
			return err
		}
		ss, err := shifts(ctx, c, r.ID, url.Values{"at": {at.Format(time.RFC3339)}})
		if err != nil {
			return err
		}
		if len(ss) == 0 {
			return failed("Nobody is on call by %s at %s UTC.", clean(r.Name), shown(at))
		}
		return s.result(ss[0], "%s is on call by %s at %s UTC.\n", clean(names[ss[0].UserID]), clean(r.Name), shown(at))
	}
	type on struct {
		Service  string    `json:"service"`
		Rotation string    `json:"rotation_id"`
		UserID   string    `json:"user_id"`
		Until    time.Time `json:"until"`
		CatchAll bool      `json:"catch_all"`
	}
	all, err := list[on](ctx, c, "/oncall")
	if err != nil {
		return err
	}
	kept := []on{}
	for _, x := range all {
		if o.Service == "" || strings.EqualFold(x.Service, o.Service) {
			kept = append(kept, x)
		}
	}
	if o.Service != "" && len(kept) == 0 {
		return failed("Nobody is on call for %q. See: muster service list", o.Service)
	}
	return printList(s, kept, "Nobody is on call for anything. Give a service a rotation: muster service --help", []string{"SERVICE", "ON CALL", "UNTIL (UTC)", ""}, func(x on) []string {
		how := ""
		if x.CatchAll {
			how = "catch-all"
		}
		return []string{x.Service, names[x.UserID], shown(x.Until), how}
	})
}

// dutyRotation finds a rotation by its name, or by a service that has it.
func dutyRotation(ctx context.Context, c *client, name string) (rotation, error) {
	r, err := findRotation(ctx, c, name)
	if err == nil {
		return r, nil
	}
	services, serr := list[struct {
		Name       string `json:"name"`
		RotationID string `json:"rotation_id"`
	}](ctx, c, "/services")
	if serr != nil {
		return r, err
	}
	for _, sv := range services {
		if strings.EqualFold(sv.Name, name) && sv.RotationID != "" {
			return findRotation(ctx, c, sv.RotationID)
		}
	}
	return r, err
}

type oncallShifts struct {
	Rotation string `arg:"" help:"A rotation, or a service that has it."`
	From     string `placeholder:"TIME" help:"From when (default: now)."`
	Until    string `placeholder:"TIME" help:"Until when (default: 14 days later)."`
}

func (o oncallShifts) Run(ctx context.Context, s *session) error {
	query := url.Values{}
	for name, text := range map[string]string{"from": o.From, "until": o.Until} {
		if text != "" {
			at, err := moment(text)
			if err != nil {
				return err
			}
			query.Set(name, at.Format(time.RFC3339))
		}
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	names, err := userNames(ctx, c)
	if err != nil {
		return err
	}
	r, err := dutyRotation(ctx, c, o.Rotation)
	if err != nil {
		return err
	}
	ss, err := shifts(ctx, c, r.ID, query)
	if err != nil {
		return err
	}
	return printList(s, ss, "Nobody is on call in this time.", []string{"FROM (UTC)", "UNTIL (UTC)", "ON CALL", ""}, func(x dutyShift) []string {
		how := ""
		if x.Overridden {
			how = "override"
		}
		return []string{shown(x.From), shown(x.Until), names[x.UserID], how}
	})
}

type oncallTake struct {
	Rotation string `arg:"" help:"A rotation you are in, or a service that has it."`
	Until    string `placeholder:"TIME" help:"Until when (default: the end of the shift that goes on)."`
}

func (o oncallTake) Run(ctx context.Context, s *session) error {
	body := map[string]any{}
	if o.Until != "" {
		at, err := moment(o.Until)
		if err != nil {
			return err
		}
		body["until"] = at
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	var r rotation
	if err := c.call(ctx, http.MethodPost, "/rotations/"+seg(o.Rotation)+"/take", body, &r); err != nil {
		return err
	}
	s.warn(r.Warnings)
	return s.result(r, "You are on call by %s.\n", clean(r.Name))
}

type oncallBack struct {
	Rotation string `arg:"" help:"The rotation, or a service that has it."`
}

func (o oncallBack) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	var r rotation
	if err := c.call(ctx, http.MethodPost, "/rotations/"+seg(o.Rotation)+"/hand-back", nil, &r); err != nil {
		return err
	}
	return s.result(r, "You handed back %s.\n", clean(r.Name))
}

type oncallSwap struct {
	Ask      swapAsk      `cmd:"" help:"Ask somebody to take a stretch of your duty."`
	List     swapList     `cmd:"" help:"Open wishes that you made or are asked for."`
	Accept   swapAccept   `cmd:"" help:"Take the stretch you are asked to take."`
	Decline  swapDecline  `cmd:"" help:"Do not take it."`
	Withdraw swapWithdraw `cmd:"" help:"Take your own wish back."`
}

type swapView struct {
	ID       string     `json:"id"`
	Rotation string     `json:"rotation"`
	Asker    string     `json:"asker_id"`
	Other    string     `json:"other_id"`
	From     time.Time  `json:"from"`
	Until    time.Time  `json:"until"`
	Back     *time.Time `json:"back_from,omitempty"`
	State    string     `json:"state"`
}

type swapAsk struct {
	Rotation  string `arg:"" help:"The rotation, or a service that has it."`
	With      string `required:"" placeholder:"LOGIN" help:"Who is asked."`
	From      string `required:"" placeholder:"TIME" help:"The stretch of your duty."`
	Until     string `required:"" placeholder:"TIME"`
	BackFrom  string `placeholder:"TIME" help:"The stretch of theirs that you take for it."`
	BackUntil string `placeholder:"TIME"`
	Note      string `help:"A word to them."`
}

func (o swapAsk) Run(ctx context.Context, s *session) error {
	body := map[string]any{"note": o.Note}
	for name, text := range map[string]string{"from": o.From, "until": o.Until, "back_from": o.BackFrom, "back_until": o.BackUntil} {
		if text != "" {
			at, err := moment(text)
			if err != nil {
				return err
			}
			body[name] = at
		}
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	var who struct {
		ID string `json:"id"`
	}
	if err := c.call(ctx, http.MethodGet, "/users/"+seg(strings.TrimPrefix(o.With, "@")), nil, &who); err != nil {
		return err
	}
	body["user_id"] = who.ID
	var sw swapView
	if err := c.call(ctx, http.MethodPost, "/rotations/"+seg(o.Rotation)+"/swaps", body, &sw); err != nil {
		return err
	}
	return s.result(sw, "%s is asked. They answer with: muster oncall swap accept %s\n", clean(o.With), sw.ID)
}

type swapList struct{}

func (swapList) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	names, err := userNames(ctx, c)
	if err != nil {
		return err
	}
	all, err := list[swapView](ctx, c, "/swaps")
	if err != nil {
		return err
	}
	return printList(s, all, "Nobody asks you to swap, nor do you.", []string{"ID", "ROTATION", "ASKS", "IS ASKED", "FROM (UTC)", "UNTIL (UTC)"}, func(x swapView) []string {
		return []string{x.ID, x.Rotation, names[x.Asker], names[x.Other], shown(x.From), shown(x.Until)}
	})
}

type swapRef struct {
	ID string `arg:"" help:"Id of the wish, as list shows it."`
}

type (
	swapAccept   struct{ swapRef }
	swapDecline  struct{ swapRef }
	swapWithdraw struct{ swapRef }
)

func (o swapAccept) Run(ctx context.Context, s *session) error  { return o.answer(ctx, s, "accepted") }
func (o swapDecline) Run(ctx context.Context, s *session) error { return o.answer(ctx, s, "declined") }
func (o swapWithdraw) Run(ctx context.Context, s *session) error {
	return o.answer(ctx, s, "withdrawn")
}

func (o swapRef) answer(ctx context.Context, s *session, answer string) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	var sw swapView
	if err := c.call(ctx, http.MethodPost, "/swaps/"+seg(o.ID), map[string]string{"answer": answer}, &sw); err != nil {
		return err
	}
	return s.result(sw, "The swap is %s.\n", answer)
}

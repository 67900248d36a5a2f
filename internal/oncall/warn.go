package oncall

import (
	"context"
	"fmt"
	"slices"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
)

// Warning is why a page would not reach somebody, or nobody at all.
type Warning struct {
	Kind   string `json:"kind" enum:"disabled,cannot_acknowledge,no_channel,no_rotation,nobody"`
	UserID string `json:"user_id,omitempty"`
	Text   string `json:"text" doc:"What is wrong and what to do, in one or two sentences"`
}

// Beyond says whether a page reaches a person outside the browser too.
type Beyond func(ctx context.Context, q db.Querier, userID string) (bool, error)

// WithBeyond tells the store how to find that out; without it nobody is warned
// of having no such way.
func (s *Store) WithBeyond(fn Beyond) { s.beyond = fn }

func active(u account.User) bool {
	return u.ID != "" && !u.Disabled && u.Kind == string(actor.Person)
}

// page is an incident as anybody on call must be able to acknowledge it.
var page = access.Resource{Type: "incident", Attrs: map[string]string{"severity": "1", "stage": "declared", "mode": "real", "restricted": "true", "member": "true"}}

// warner looks at each person once.
type warner struct {
	s     *Store
	users map[string]account.User
	known map[string][]Warning
}

func (w *warner) person(ctx context.Context, q db.Querier, userID string) ([]Warning, error) {
	if ws, ok := w.known[userID]; ok {
		return ws, nil
	}
	u := w.users[userID]
	ws := []Warning{}
	add := func(kind, format string, a ...any) {
		ws = append(ws, Warning{Kind: kind, UserID: userID, Text: fmt.Sprintf(format, a...)})
	}
	switch {
	case u.ID == "":
		add("disabled", "Somebody in it has no account any more and is left out.")
	case !active(u):
		add("disabled", "%s cannot sign in and is left out: the account is disabled.", u.Display)
	default:
		judge, err := w.s.access.Judge(ctx, q, u.Actor())
		if err != nil {
			return nil, err
		}
		if !judge.Allowed("update", page) {
			add("cannot_acknowledge", "%s may not acknowledge an incident. Give them the role responder, or leave them out.", u.Display)
		}
		if w.s.beyond != nil {
			reached, err := w.s.beyond(ctx, q, userID)
			if err != nil {
				return nil, err
			}
			if !reached {
				add("no_channel", "A page reaches %s only while Muster is open in a browser: no other way to them is set up.", u.Display)
			}
		}
	}
	w.known[userID] = ws
	return ws, nil
}

// rotation gives the warnings of those who are, or will be, on call by it.
func (w *warner) rotation(ctx context.Context, q db.Querier, r Rotation) ([]Warning, error) {
	out, now := []Warning{}, w.s.clock.Now()
	ids := slices.Clone(r.Members)
	for _, o := range r.Overrides {
		if o.Until.After(now) && !slices.Contains(ids, o.UserID) {
			ids = append(ids, o.UserID)
		}
	}
	for _, id := range ids {
		ws, err := w.person(ctx, q, id)
		if err != nil {
			return nil, err
		}
		out = append(out, ws...)
	}
	if !slices.ContainsFunc(ids, func(id string) bool { return active(w.users[id]) }) {
		out = append(out, Warning{Kind: "nobody", Text: fmt.Sprintf("Nobody in the rotation %s can be paged.", r.Name)})
	}
	return out, nil
}

func (s *Store) warner(ctx context.Context, q db.Querier, rs []Rotation) (*warner, error) {
	ids := []string{}
	for _, r := range rs {
		ids = append(ids, r.People()...)
	}
	users, err := s.people.ByIDs(ctx, q, ids)
	return &warner{s, users, map[string][]Warning{}}, err
}

// warn fills in what is wrong with each rotation.
func (s *Store) warn(ctx context.Context, q db.Querier, rs []Rotation) error {
	w, err := s.warner(ctx, q, rs)
	if err != nil {
		return err
	}
	for n := range rs {
		if rs[n].Warnings, err = w.rotation(ctx, q, rs[n]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) warned(ctx context.Context, q db.Querier, r Rotation) (Rotation, error) {
	rs := []Rotation{r}
	err := s.warn(ctx, q, rs)
	return rs[0], err
}

// Watch gives every rotation and service with what is wrong with their pages; it
// asks no permission.
func (s *Store) Watch(ctx context.Context, q db.Querier) ([]Rotation, []Service, error) {
	rs, err := s.rotations(ctx, q, "")
	if err != nil {
		return nil, nil, err
	}
	if err := s.warn(ctx, q, rs); err != nil {
		return nil, nil, err
	}
	svs, err := s.all(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	return rs, svs, s.warnServices(ctx, q, svs)
}

// warnServices fills in why a page for a service would not reach who it should.
func (s *Store) warnServices(ctx context.Context, q db.Querier, svs []Service) error {
	rs, err := s.rotations(ctx, q, "")
	if err != nil {
		return err
	}
	if err := s.warn(ctx, q, rs); err != nil {
		return err
	}
	for n := range svs {
		if at := slices.IndexFunc(rs, func(r Rotation) bool { return r.ID == svs[n].RotationID }); at >= 0 {
			svs[n].Warnings = rs[at].Warnings
			continue
		}
		svs[n].Warnings = []Warning{{Kind: "no_rotation", Text: "No rotation is on call for it: the catch-all rotation and the administrators are told instead."}}
	}
	return nil
}

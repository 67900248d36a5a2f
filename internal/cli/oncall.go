package cli

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

type oncallCmd struct {
	Show     oncallShow     `cmd:"" default:"withargs" help:"Who is on call, now or at another time."`
	Shifts   oncallShifts   `cmd:"" help:"The shifts of a rotation."`
	Take     oncallTake     `cmd:"" help:"Be on call from now on in place of whose turn it is."`
	Back     oncallBack     `cmd:"" help:"Hand back what you took over."`
	Swap     oncallSwap     `cmd:"" help:"Ask somebody of the rotation to take a stretch of your duty, or answer such a wish."`
	CatchAll oncallCatchAll `cmd:"" help:"Show or choose the rotation that is paged where nobody else is on call."`
}

type oncallCatchAll struct {
	Rotation string `arg:"" optional:"" help:"The rotation to choose; without it the present one is shown."`
	None     bool   `help:"Have no catch-all any more: administrators are paged instead."`
}

func (o oncallCatchAll) Run(ctx context.Context, s *session) error {
	if o.Rotation != "" && o.None {
		return usage("Give a rotation or --none, not both.")
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	rotations, err := list[rotation](ctx, c, "/rotations")
	if err != nil {
		return err
	}
	at := slices.IndexFunc(rotations, func(r rotation) bool { return r.CatchAll })
	const none = "No rotation is the catch-all: where nobody is on call the administrators are paged. Choose one: muster oncall catch-all ROTATION"
	switch {
	case o.Rotation == "" && at < 0:
		if s.json {
			return s.printJSON(nil)
		}
		s.printf("%s\n", none)
		return nil
	case o.Rotation == "" && !o.None:
		s.warn(rotations[at].Warnings)
		return s.result(rotations[at], "%s is paged where nobody else is on call.\n", clean(rotations[at].Name))
	case o.None:
		var out rotation
		if err := c.call(ctx, http.MethodPatch, "/rotations/"+seg(rotations[at].ID), map[string]any{"catch_all": false}, &out); err != nil {
			return err
		}
		return s.result(out, "%s\n", none)
	}
	r, err := findRotation(ctx, c, o.Rotation)
	if err != nil {
		return err
	}
	var out rotation
	if err := c.call(ctx, http.MethodPatch, "/rotations/"+seg(r.ID), map[string]any{"catch_all": true}, &out); err != nil {
		return err
	}
	s.warn(out.Warnings)
	return s.result(out, "%s is paged where nobody else is on call.\n", clean(out.Name))
}

// warn writes what is wrong beside the answer, so that it is seen and a script's
// output stays as it is.
func (s *session) warn(ws []warning) {
	for _, w := range ws {
		s.notef("Warning: %s\n", clean(w.Text))
	}
}

func findRotation(ctx context.Context, c *client, name string) (rotation, error) {
	rotations, err := list[rotation](ctx, c, "/rotations")
	if err != nil {
		return rotation{}, err
	}
	for _, r := range rotations {
		if r.ID == name || strings.EqualFold(r.Name, name) {
			return r, nil
		}
	}
	return rotation{}, failed("There is no rotation %q. See: muster rotation list", name)
}

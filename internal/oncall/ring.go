package oncall

import (
	"context"
	"fmt"
	"strings"
	"time"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/ledger"
)

// SaveRotation is what a rotation is made from.
type SaveRotation struct {
	Name          string    `json:"name"`
	Members       []string  `json:"members"`
	ShiftHours    int       `json:"shift_hours,omitempty"`
	StartsAt      time.Time `json:"starts_at,omitzero"`
	TimeZone      string    `json:"time_zone,omitempty"`
	EscalateAfter int       `json:"escalate_after_seconds,omitempty"`
	CatchAll      bool      `json:"catch_all,omitempty" doc:"Page this rotation where nobody else is on call; it takes the place of the one before"`
}

// ChangeRotation holds what is to change; nil stays as it is.
type ChangeRotation struct {
	Name          *string    `json:"name,omitempty"`
	Members       *[]string  `json:"members,omitempty"`
	ShiftHours    *int       `json:"shift_hours,omitempty"`
	StartsAt      *time.Time `json:"starts_at,omitempty"`
	TimeZone      *string    `json:"time_zone,omitempty"`
	EscalateAfter *int       `json:"escalate_after_seconds,omitempty"`
	CatchAll      *bool      `json:"catch_all,omitempty" doc:"true: page this rotation where nobody else is on call, in place of the one before; false: no longer"`
}

// NewOverride is who takes which stretch.
type NewOverride struct {
	UserID string    `json:"user_id"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
}

func rotationResource(name string) access.Resource {
	return access.Resource{Type: "service", Name: name, Attrs: map[string]string{"name": name, "kind": "rotation"}}
}

func (s *Store) normalizeRotation(ctx context.Context, q db.Querier, in *SaveRotation) error {
	in.Name, in.TimeZone = strings.TrimSpace(in.Name), strings.TrimSpace(in.TimeZone)
	var bad []fault.FieldError
	wrong := func(field, msg string) { bad = append(bad, fault.FieldError{Field: field, Message: msg}) }
	if in.Name == "" || len(in.Name) > 80 {
		wrong("name", "Give the rotation a name of at most 80 characters.")
	}
	if len(in.Members) == 0 || len(in.Members) > 100 {
		wrong("members", "A rotation needs between 1 and 100 people, in the order of their turns.")
	}
	seen := map[string]bool{}
	for i, m := range in.Members {
		field := fmt.Sprintf("members[%d]", i)
		if seen[m] {
			wrong(field, "This person is in the rotation twice. Each takes one turn per round.")
			continue
		}
		seen[m] = true
		ok, err := s.Active(ctx, q, m)
		if err != nil {
			return err
		}
		if !ok {
			wrong(field, "There is no active user with this id. Disabled users cannot be on call.")
		}
	}
	if in.ShiftHours == 0 {
		in.ShiftHours = 7 * 24
	}
	if in.ShiftHours < 1 || in.ShiftHours > 24*90 {
		wrong("shift_hours", "A shift lasts between 1 hour and 90 days (2160 hours).")
	}
	if in.TimeZone == "" {
		in.TimeZone = "UTC"
	}
	if _, err := time.LoadLocation(in.TimeZone); err != nil || in.TimeZone == "Local" {
		wrong("time_zone", "Name a time zone of the IANA database, for example Europe/Berlin or UTC.")
	}
	if in.StartsAt.IsZero() {
		in.StartsAt = s.clock.Now()
	}
	if y := in.StartsAt.Year(); y < 2000 || y > 2200 {
		wrong("starts_at", "Say when the first person's first shift begins, as a date and time between 2000 and 2200.")
	}
	// Whole seconds: a hand-over at a fraction helps nobody.
	in.StartsAt = in.StartsAt.UTC().Truncate(time.Second)
	if in.EscalateAfter == 0 {
		in.EscalateAfter = int(DefaultEscalateAfter / time.Second)
	}
	if in.EscalateAfter < 30 || in.EscalateAfter > 24*3600 {
		wrong("escalate_after_seconds", "The next person is paged after between 30 seconds and a day (86400).")
	}
	if len(bad) > 0 {
		return fault.Fields(bad...)
	}
	return nil
}

// Rotations lists all rotations by name, for those who may read services.
func (s *Store) Rotations(ctx context.Context, q db.Querier, who actor.Actor) ([]Rotation, error) {
	if err := s.access.Check(ctx, q, who, "read", rotationResource("")); err != nil {
		return nil, err
	}
	rs, err := s.rotations(ctx, q, "")
	if err != nil {
		return nil, err
	}
	return rs, s.warn(ctx, q, rs)
}

func (s *Store) rotations(ctx context.Context, q db.Querier, only string) ([]Rotation, error) {
	rs, err := db.All(ctx, q, func(r db.Scanner) (v Rotation, err error) {
		var members string
		var starts int64
		if err = r.Scan(&v.ID, &v.Name, &members, &v.ShiftHours, &starts, &v.TimeZone, &v.EscalateAfter, &v.CatchAll); err != nil {
			return v, err
		}
		v.StartsAt, v.Overrides = db.At(starts), []Override{}
		v.Members, err = db.FromJSON[[]string](members)
		return v, err
	}, `SELECT id, name, members, shift_hours, starts_at, time_zone, escalate_after, id IN (SELECT rotation FROM catch_all) FROM rotation WHERE $1 = '' OR id = $1 ORDER BY name`, only)
	if err != nil {
		return nil, fmt.Errorf("list rotations: %w", err)
	}
	type row struct {
		rotation string
		o        Override
	}
	// Past overrides stay: they answer who was on call then.
	os, err := db.All(ctx, q, func(r db.Scanner) (v row, err error) {
		var from, until int64
		err = r.Scan(&v.rotation, &v.o.ID, &v.o.UserID, &from, &until)
		v.o.From, v.o.Until = db.At(from), db.At(until)
		return v, err
	}, `SELECT rotation, id, person, from_at, until_at FROM rotation_override WHERE $1 = '' OR rotation = $1 ORDER BY id`, only)
	if err != nil {
		return nil, fmt.Errorf("list overrides: %w", err)
	}
	for i := range rs {
		for _, o := range os {
			if o.rotation == rs[i].ID {
				rs[i].Overrides = append(rs[i].Overrides, o.o)
			}
		}
	}
	return rs, nil
}

func (s *Store) rotation(ctx context.Context, q db.Querier, rotationID string) (Rotation, error) {
	if rotationID != "" {
		rs, err := s.rotations(ctx, q, rotationID)
		if err != nil {
			return Rotation{}, err
		}
		if len(rs) == 1 {
			return rs[0], nil
		}
	}
	return Rotation{}, fault.New(fault.NotFound, "There is no such rotation. Look it up under Services.")
}

// Rotation returns one rotation; like Now it asks no permission.
func (s *Store) Rotation(ctx context.Context, q db.Querier, rotationID string) (Rotation, error) {
	return s.rotation(ctx, q, rotationID)
}

// CreateRotation adds a rotation.
func (s *Store) CreateRotation(ctx context.Context, tx *db.Tx, who actor.Actor, in SaveRotation) (Rotation, error) {
	if err := s.access.Check(ctx, tx, who, "manage", rotationResource(in.Name)); err != nil {
		return Rotation{}, err
	}
	if err := s.normalizeRotation(ctx, tx, &in); err != nil {
		return Rotation{}, err
	}
	r := Rotation{ID: id.New(), Name: in.Name, Members: in.Members, ShiftHours: in.ShiftHours, StartsAt: in.StartsAt, TimeZone: in.TimeZone, EscalateAfter: in.EscalateAfter, Overrides: []Override{}}
	now := db.Micro(s.clock.Now())
	res, err := tx.Exec(ctx, `INSERT INTO rotation (id, name, members, shift_hours, starts_at, time_zone, escalate_after, created_at, updated_at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9) ON CONFLICT (name) DO NOTHING`,
		r.ID, r.Name, db.JSON(r.Members), r.ShiftHours, db.Micro(r.StartsAt), r.TimeZone, r.EscalateAfter, now, now)
	if err != nil {
		return Rotation{}, fmt.Errorf("create rotation: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return Rotation{}, fault.Newf(fault.Conflict, "There is already a rotation %q. Change that one, or choose another name.", r.Name)
	}
	if in.CatchAll {
		if err := s.setCatchAll(ctx, tx, &r, true); err != nil {
			return Rotation{}, err
		}
	}
	return s.savedRotation(ctx, tx, who, r, true)
}

// UpdateRotation changes a rotation from now on. What it was before is kept: who
// was on call then stays as it was.
func (s *Store) UpdateRotation(ctx context.Context, tx *db.Tx, who actor.Actor, rotationID string, ch ChangeRotation) (Rotation, error) {
	r, err := s.rotation(ctx, tx, rotationID)
	if err != nil {
		return Rotation{}, err
	}
	if err := s.access.Check(ctx, tx, who, "manage", rotationResource(r.Name)); err != nil {
		return Rotation{}, err
	}
	in := SaveRotation{Name: r.Name, Members: r.Members, ShiftHours: r.ShiftHours, StartsAt: r.StartsAt, TimeZone: r.TimeZone, EscalateAfter: r.EscalateAfter}
	set(&in.Name, ch.Name)
	set(&in.Members, ch.Members)
	set(&in.ShiftHours, ch.ShiftHours)
	set(&in.StartsAt, ch.StartsAt)
	set(&in.TimeZone, ch.TimeZone)
	set(&in.EscalateAfter, ch.EscalateAfter)
	if err := s.normalizeRotation(ctx, tx, &in); err != nil {
		return Rotation{}, err
	}
	var taken int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM rotation WHERE name = $1 AND id <> $2`, in.Name, r.ID).Scan(&taken); err != nil {
		return Rotation{}, fmt.Errorf("look for the name: %w", err)
	}
	if taken > 0 {
		return Rotation{}, fault.Newf(fault.Conflict, "There is already a rotation %q. Choose another name.", in.Name)
	}
	r.Name, r.Members, r.ShiftHours, r.StartsAt, r.TimeZone, r.EscalateAfter = in.Name, in.Members, in.ShiftHours, in.StartsAt, in.TimeZone, in.EscalateAfter
	if _, err := tx.Exec(ctx, `UPDATE rotation SET name=$2, members=$3, shift_hours=$4, starts_at=$5, time_zone=$6, escalate_after=$7, updated_at=$8 WHERE id=$1`,
		r.ID, r.Name, db.JSON(r.Members), r.ShiftHours, db.Micro(r.StartsAt), r.TimeZone, r.EscalateAfter, db.Micro(s.clock.Now())); err != nil {
		return Rotation{}, fmt.Errorf("update rotation: %w", err)
	}
	if ch.CatchAll != nil && *ch.CatchAll != r.CatchAll {
		if err := s.setCatchAll(ctx, tx, &r, *ch.CatchAll); err != nil {
			return Rotation{}, err
		}
	}
	return s.savedRotation(ctx, tx, who, r, false)
}

func (s *Store) savedRotation(ctx context.Context, tx *db.Tx, who actor.Actor, r Rotation, isNew bool) (Rotation, error) {
	if err := s.keep(ctx, tx, r); err != nil {
		return Rotation{}, err
	}
	err := s.ledger.Append(ctx, tx, who, ledger.About{Resource: "rotation:" + r.ID},
		RotationSaved{Name: r.Name, Members: r.Members, ShiftHours: r.ShiftHours, StartsAt: r.StartsAt, TimeZone: r.TimeZone, EscalateAfter: r.EscalateAfter, CatchAll: r.CatchAll, New: isNew})
	if err != nil {
		return Rotation{}, err
	}
	s.tell(tx)
	return s.warned(ctx, tx, r)
}

// AddOverride puts somebody on call for a stretch. Whoever manages services may
// do that, and anybody who is in the rotation may take duty themselves.
func (s *Store) AddOverride(ctx context.Context, tx *db.Tx, who actor.Actor, rotationID string, in NewOverride) (Rotation, error) {
	r, err := s.rotation(ctx, tx, rotationID)
	if err != nil {
		return Rotation{}, err
	}
	member := false
	for _, m := range r.Members {
		member = member || m == who.ID
	}
	if !member || in.UserID != who.ID {
		if err := s.access.Check(ctx, tx, who, "manage", rotationResource(r.Name)); err != nil {
			return Rotation{}, err
		}
	}
	ok, err := s.Active(ctx, tx, in.UserID)
	if err != nil {
		return Rotation{}, err
	}
	in.From, in.Until = in.From.UTC().Truncate(time.Second), in.Until.UTC().Truncate(time.Second)
	var bad []fault.FieldError
	if !ok {
		bad = append(bad, fault.FieldError{Field: "user_id", Message: "There is no active user with this id."})
	}
	if in.From.Year() < 2000 {
		bad = append(bad, fault.FieldError{Field: "from", Message: "Say when the override begins."})
	}
	switch {
	case !in.Until.After(in.From):
		bad = append(bad, fault.FieldError{Field: "until", Message: "The override must end after it begins."})
	case in.Until.Sub(in.From) > 366*24*time.Hour:
		bad = append(bad, fault.FieldError{Field: "until", Message: "An override lasts at most a year. Change the rotation instead."})
	case !in.Until.After(s.clock.Now()):
		bad = append(bad, fault.FieldError{Field: "until", Message: "The override lies in the past. Who was on call then cannot be changed."})
	}
	if len(bad) > 0 {
		return Rotation{}, fault.Fields(bad...)
	}
	o := Override{ID: id.New(), UserID: in.UserID, From: in.From, Until: in.Until}
	if _, err := tx.Exec(ctx, `INSERT INTO rotation_override (id, rotation, person, from_at, until_at, created_by, created_at) VALUES ($1,$2,$3,$4,$5,$6,$7)`,
		o.ID, r.ID, o.UserID, db.Micro(o.From), db.Micro(o.Until), who.ID, db.Micro(s.clock.Now())); err != nil {
		return Rotation{}, fmt.Errorf("add override: %w", err)
	}
	r.Overrides = append(r.Overrides, o)
	if err := s.ledger.Append(ctx, tx, who, ledger.About{Resource: "rotation:" + r.ID}, Overridden{Rotation: r.Name, User: o.UserID, From: o.From, Until: o.Until}); err != nil {
		return Rotation{}, err
	}
	s.tell(tx)
	return s.warned(ctx, tx, r)
}

package oncall

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
)

// DeleteService removes a service. Incidents and alerts keep its name; alerts
// that still name it are gathered without anybody being paged.
func (s *Store) DeleteService(ctx context.Context, tx *db.Tx, who actor.Actor, idOrName string) error {
	sv, err := s.Find(ctx, tx, idOrName)
	if err != nil {
		return err
	}
	if err := s.access.Check(ctx, tx, who, "manage", resource(sv)); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM service WHERE id = $1`, sv.ID); err != nil {
		return fmt.Errorf("delete service: %w", err)
	}
	if err := s.ledger.Append(ctx, tx, who, ledger.About{Resource: "service:" + sv.ID}, ServiceRemoved{Name: sv.Name}); err != nil {
		return err
	}
	s.tell(tx)
	return nil
}

// DeleteRotation removes a rotation that no service needs, with its overrides.
// Who was on call by it is in the ledger from then on.
func (s *Store) DeleteRotation(ctx context.Context, tx *db.Tx, who actor.Actor, rotationID string) error {
	r, err := s.rotation(ctx, tx, rotationID)
	if err != nil {
		return err
	}
	if err := s.access.Check(ctx, tx, who, "manage", rotationResource(r.Name)); err != nil {
		return err
	}
	if r.CatchAll {
		return fault.Newf(fault.Conflict, "The rotation %q is paged where nobody else is on call. Make another rotation the catch-all first.", r.Name)
	}
	services, err := db.All(ctx, tx, func(sc db.Scanner) (name string, err error) { return name, sc.Scan(&name) },
		`SELECT name FROM service WHERE rotation = $1 ORDER BY name`, r.ID)
	if err != nil {
		return fmt.Errorf("look who needs the rotation: %w", err)
	}
	if len(services) > 0 {
		return fault.Newf(fault.Conflict, "The rotation %q is on call for %s. Give the service another rotation first.", r.Name, strings.Join(services, ", "))
	}
	if _, err := tx.Exec(ctx, `DELETE FROM rotation_swap WHERE rotation = $1`, r.ID); err != nil {
		return fmt.Errorf("delete swaps: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM rotation_override WHERE rotation = $1`, r.ID); err != nil {
		return fmt.Errorf("delete overrides: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM rotation WHERE id = $1`, r.ID); err != nil {
		return fmt.Errorf("delete rotation: %w", err)
	}
	if err := s.ledger.Append(ctx, tx, who, ledger.About{Resource: "rotation:" + r.ID}, RotationRemoved{Name: r.Name, Members: r.Members}); err != nil {
		return err
	}
	s.tell(tx)
	return nil
}

// DeleteOverride takes back an override that is to come, and ends one that has
// begun. One that is over stays: it answers who was on call then. Whoever may
// have made it may take it back.
func (s *Store) DeleteOverride(ctx context.Context, tx *db.Tx, who actor.Actor, rotationID, overrideID string) (Rotation, error) {
	r, err := s.rotation(ctx, tx, rotationID)
	if err != nil {
		return Rotation{}, err
	}
	at := slices.IndexFunc(r.Overrides, func(o Override) bool { return o.ID == overrideID })
	if at < 0 {
		if err := s.access.Check(ctx, tx, who, "read", rotationResource(r.Name)); err != nil {
			return Rotation{}, err
		}
		return Rotation{}, fault.New(fault.NotFound, "There is no such override. Look it up under Services.")
	}
	o := r.Overrides[at]
	if !slices.Contains(r.Members, who.ID) || o.UserID != who.ID {
		if err := s.access.Check(ctx, tx, who, "manage", rotationResource(r.Name)); err != nil {
			return Rotation{}, err
		}
	}
	now := s.clock.Now().UTC()
	begun := !o.From.After(now)
	switch {
	case !o.Until.After(now):
		return Rotation{}, fault.New(fault.Conflict, "The override is over. Who was on call then cannot be changed.")
	case begun:
		r.Overrides[at].Until = now
		_, err = tx.Exec(ctx, `UPDATE rotation_override SET until_at = $2 WHERE id = $1`, o.ID, db.Micro(now))
	default:
		r.Overrides = slices.Delete(r.Overrides, at, at+1)
		_, err = tx.Exec(ctx, `DELETE FROM rotation_override WHERE id = $1`, o.ID)
	}
	if err != nil {
		return Rotation{}, fmt.Errorf("take back the override: %w", err)
	}
	if err := s.ledger.Append(ctx, tx, who, ledger.About{Resource: "rotation:" + r.ID}, OverrideRemoved{Rotation: r.Name, User: o.UserID, From: o.From, Until: o.Until, Ended: begun}); err != nil {
		return Rotation{}, err
	}
	s.tell(tx)
	return r, nil
}

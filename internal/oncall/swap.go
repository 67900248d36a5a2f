package oncall

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/ledger"
)

// Swap is one person's wish that another takes a stretch of their duty.
type Swap struct {
	ID         string     `json:"id"`
	RotationID string     `json:"rotation_id"`
	Rotation   string     `json:"rotation"`
	AskerID    string     `json:"asker_id"`
	OtherID    string     `json:"other_id"`
	From       time.Time  `json:"from"`
	Until      time.Time  `json:"until"`
	BackFrom   *time.Time `json:"back_from,omitempty" doc:"What the asker takes for it"`
	BackUntil  *time.Time `json:"back_until,omitempty"`
	Note       string     `json:"note"`
	State      string     `json:"state" enum:"pending,accepted,declined,withdrawn"`
	CreatedAt  time.Time  `json:"created_at"`
}

// NewSwap is what one asks another for.
type NewSwap struct {
	UserID    string     `json:"user_id" maxLength:"40" doc:"Who is asked; somebody of the rotation"`
	From      time.Time  `json:"from" doc:"The stretch of your duty they shall take"`
	Until     time.Time  `json:"until"`
	BackFrom  *time.Time `json:"back_from,omitempty" doc:"The stretch of theirs that you take for it"`
	BackUntil *time.Time `json:"back_until,omitempty"`
	Note      string     `json:"note,omitempty" maxLength:"300"`
}

// Tell brings word to a person, in tx.
type Tell func(ctx context.Context, tx *db.Tx, person, title, body, key string) error

// WithTell tells the store how; without it nobody hears of swaps.
func (s *Store) WithTell(fn Tell) { s.say = fn }

func (s *Store) told(ctx context.Context, tx *db.Tx, person, title, body, key string) error {
	if s.say == nil {
		return nil
	}
	return s.say(ctx, tx, person, title, body, key)
}

// Take puts who on call from now until the end of the shift that goes on, or
// until an instant. Anybody in the rotation may.
func (s *Store) Take(ctx context.Context, tx *db.Tx, who actor.Actor, rotationID string, until time.Time) (Rotation, error) {
	r, err := s.mine(ctx, tx, who, rotationID)
	if err != nil {
		return r, err
	}
	now := s.clock.Now()
	d, ok := r.At(now)
	if ok && d.UserID == who.ID {
		return r, fault.Newf(fault.Conflict, "You are on call by %s already, until %s UTC.", r.Name, d.Until.UTC().Format("2 Jan 15:04"))
	}
	if until.IsZero() {
		if until = d.Until; !ok {
			return r, fault.Field("until", "Nobody has a turn now. Say until when you take duty.")
		}
	}
	if r, err = s.AddOverride(ctx, tx, who, r.ID, NewOverride{UserID: who.ID, From: now, Until: until}); err != nil || !ok {
		return r, err
	}
	return r, s.told(ctx, tx, d.UserID, fmt.Sprintf("%s took over your duty of %s", who.Display, r.Name), fmt.Sprintf("They are on call until %s UTC.", until.UTC().Format("Mon 2 Jan 15:04")), "take:"+r.ID+":"+now.Format(time.RFC3339Nano))
}

// HandBack ends who's overrides that are in force: whose turn it is, is on call again.
func (s *Store) HandBack(ctx context.Context, tx *db.Tx, who actor.Actor, rotationID string) (Rotation, error) {
	r, err := s.mine(ctx, tx, who, rotationID)
	if err != nil {
		return r, err
	}
	now, n := s.clock.Now(), 0
	for _, o := range slices.Clone(r.Overrides) {
		if o.UserID == who.ID && !o.From.After(now) && o.Until.After(now) {
			if r, err = s.DeleteOverride(ctx, tx, who, r.ID, o.ID); err != nil {
				return r, err
			}
			n++
		}
	}
	if n == 0 {
		return r, fault.Newf(fault.Conflict, "You have taken over no duty of %s that goes on. A turn of your own goes to somebody else by a swap.", r.Name)
	}
	now = s.clock.Now() // what ended just now ends before this
	if d, ok := r.At(now); ok && d.UserID != who.ID {
		err = s.told(ctx, tx, d.UserID, fmt.Sprintf("You are on call again for %s", r.Name), who.Display+" handed your duty back.", "back:"+r.ID+":"+now.Format(time.RFC3339Nano))
	}
	return r, err
}

// mine reads a rotation that who is in, by id or name.
func (s *Store) mine(ctx context.Context, q db.Querier, who actor.Actor, idOrName string) (Rotation, error) {
	r, err := s.named(ctx, q, who, idOrName)
	if err == nil && !slices.Contains(r.Members, who.ID) {
		err = fault.Newf(fault.Denied, "You are not in the rotation %s. Whoever manages services may put you on duty.", r.Name)
	}
	return r, err
}

// named finds a rotation by its id or name, or by a service that has it.
func (s *Store) named(ctx context.Context, q db.Querier, who actor.Actor, name string) (Rotation, error) {
	if err := s.access.Check(ctx, q, who, "read", rotationResource("")); err != nil {
		return Rotation{}, err
	}
	name = strings.TrimSpace(name)
	rs, err := s.rotations(ctx, q, "")
	if err != nil {
		return Rotation{}, err
	}
	for _, r := range rs {
		if r.ID == name || strings.EqualFold(r.Name, name) {
			return r, nil
		}
	}
	if sv, err := s.Find(ctx, q, name); err == nil && s.access.Allowed(ctx, q, who, "read", resource(sv)) {
		for _, r := range rs {
			if r.ID == sv.RotationID {
				return r, nil
			}
		}
	}
	return Rotation{}, fault.Newf(fault.NotFound, "There is no rotation or service %q. See them on the page On call.", name)
}

// AskSwap asks somebody of the rotation to take a stretch of who's duty.
func (s *Store) AskSwap(ctx context.Context, tx *db.Tx, who actor.Actor, rotationID string, in NewSwap) (Swap, error) {
	r, err := s.mine(ctx, tx, who, rotationID)
	if err != nil {
		return Swap{}, err
	}
	sw := Swap{ID: id.New(), RotationID: r.ID, Rotation: r.Name, AskerID: who.ID, OtherID: in.UserID, From: in.From.UTC().Truncate(time.Second), Until: in.Until.UTC().Truncate(time.Second),
		Note: strings.TrimSpace(in.Note), State: "pending", CreatedAt: s.clock.Now()}
	if in.BackFrom != nil && in.BackUntil != nil {
		from, until := in.BackFrom.UTC().Truncate(time.Second), in.BackUntil.UTC().Truncate(time.Second)
		sw.BackFrom, sw.BackUntil = &from, &until
	} else if in.BackFrom != nil || in.BackUntil != nil {
		return sw, fault.Field("back_until", "Say from when until when you take theirs, or leave both out.")
	}
	if in.UserID == who.ID || !slices.Contains(r.Members, in.UserID) {
		return sw, fault.Field("user_id", "Ask somebody else of the rotation "+r.Name+".")
	}
	if ok, err := s.Active(ctx, tx, in.UserID); err != nil || !ok {
		if err == nil {
			err = fault.Field("user_id", "Their account is disabled. Ask somebody else.")
		}
		return sw, err
	}
	if err := s.theirs(ctx, tx, r, sw); err != nil {
		return sw, err
	}
	var open int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM rotation_swap WHERE asker = $1 AND state = 'pending' AND until_at > $2`, who.ID, db.Micro(s.clock.Now())).Scan(&open); err != nil {
		return sw, fmt.Errorf("count swaps: %w", err)
	}
	if open >= 50 {
		return sw, fault.New(fault.RateLimited, "You have 50 unanswered wishes to swap. Withdraw some first.")
	}
	back := [2]int64{}
	if sw.BackFrom != nil {
		back = [2]int64{db.Micro(*sw.BackFrom), db.Micro(*sw.BackUntil)}
	}
	if _, err := tx.Exec(ctx, `INSERT INTO rotation_swap (id, rotation, asker, other, from_at, until_at, back_from, back_until, note, state, created_at, answered_at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,'pending',$10,0)`,
		sw.ID, r.ID, sw.AskerID, sw.OtherID, db.Micro(sw.From), db.Micro(sw.Until), back[0], back[1], sw.Note, db.Micro(sw.CreatedAt)); err != nil {
		return sw, fmt.Errorf("ask for a swap: %w", err)
	}
	if err := s.ledger.Append(ctx, tx, who, ledger.About{Resource: "rotation:" + r.ID}, SwapAsked{Swap: sw.ID, Rotation: r.Name, User: sw.AskerID, Other: sw.OtherID, From: sw.From, Until: sw.Until}); err != nil {
		return sw, err
	}
	s.tell(tx)
	body := fmt.Sprintf("%s to %s UTC.", sw.From.Format("Mon 2 Jan 15:04"), sw.Until.Format("Mon 2 Jan 15:04"))
	if sw.BackFrom != nil {
		body += fmt.Sprintf(" For it they take yours from %s to %s UTC.", sw.BackFrom.Format("Mon 2 Jan 15:04"), sw.BackUntil.Format("Mon 2 Jan 15:04"))
	}
	if sw.Note != "" {
		body += "\n\n" + sw.Note
	}
	return sw, s.told(ctx, tx, sw.OtherID, fmt.Sprintf("%s asks you to take duty of %s", who.Display, r.Name), body, "swap:"+sw.ID)
}

// theirs checks that a swap gives away what is the asker's and takes what is the other's.
func (s *Store) theirs(ctx context.Context, q db.Querier, r Rotation, sw Swap) error {
	check := func(person string, from, until time.Time, field, whose string) error {
		if from.Before(s.clock.Now().Add(-time.Minute)) {
			return fault.Field(field, "Choose a stretch that is still to come.")
		}
		shifts, err := s.shifts(ctx, q, r, from, until)
		if err != nil {
			return err
		}
		if len(shifts) == 0 || slices.ContainsFunc(shifts, func(sh Shift) bool { return sh.UserID != person }) {
			return fault.Field(field, fmt.Sprintf("Not all of this stretch is %s duty. Choose one of %s shifts.", whose, whose))
		}
		return nil
	}
	if err := check(sw.AskerID, sw.From, sw.Until, "from", "the asker's"); err != nil || sw.BackFrom == nil {
		return err
	}
	return check(sw.OtherID, *sw.BackFrom, *sw.BackUntil, "back_from", "the other's")
}

// AnswerSwap accepts or declines as who was asked, or withdraws as who asked.
func (s *Store) AnswerSwap(ctx context.Context, tx *db.Tx, who actor.Actor, swapID, answer string) (Swap, error) {
	// Written, not only read: two answers at the same moment wait for each other.
	if _, err := tx.Exec(ctx, `UPDATE rotation_swap SET answered_at = answered_at WHERE id = $1`, swapID); err != nil {
		return Swap{}, fmt.Errorf("answer a swap: %w", err)
	}
	list, err := s.swaps(ctx, tx, `w.id = $1 AND (w.asker = $2 OR w.other = $2)`, swapID, who.ID)
	if err != nil {
		return Swap{}, err
	}
	if len(list) == 0 {
		return Swap{}, fault.New(fault.NotFound, "There is no such wish to swap of yours or to you.")
	}
	sw := list[0]
	if sw.State != "pending" || !sw.Until.After(s.clock.Now()) {
		return sw, fault.New(fault.Conflict, "This wish to swap is over: it was answered, withdrawn, or its time has passed.")
	}
	if (answer == "withdrawn") != (who.ID == sw.AskerID) {
		return sw, fault.New(fault.Denied, "Only who was asked may accept or decline, and only who asked may withdraw.")
	}
	r, err := s.rotation(ctx, tx, sw.RotationID)
	if err != nil {
		return sw, err
	}
	if answer == "accepted" {
		if err := s.theirs(ctx, tx, r, sw); err != nil {
			return sw, fault.Wrap(fault.Conflict, "The rotation has changed since you were asked, so the swap no longer fits. Decline it, and ask anew.", err)
		}
		if err := s.give(ctx, tx, who, r, sw.OtherID, sw.From, sw.Until); err != nil {
			return sw, err
		}
		if sw.BackFrom != nil {
			if err := s.give(ctx, tx, who, r, sw.AskerID, *sw.BackFrom, *sw.BackUntil); err != nil {
				return sw, err
			}
		}
	}
	sw.State = answer
	if _, err := tx.Exec(ctx, `UPDATE rotation_swap SET state = $2, answered_at = $3 WHERE id = $1`, sw.ID, answer, db.Micro(s.clock.Now())); err != nil {
		return sw, fmt.Errorf("answer a swap: %w", err)
	}
	if err := s.ledger.Append(ctx, tx, who, ledger.About{Resource: "rotation:" + r.ID}, SwapAnswered{Swap: sw.ID, Rotation: r.Name, User: sw.AskerID, Other: sw.OtherID, Answer: answer}); err != nil {
		return sw, err
	}
	s.tell(tx)
	person := sw.AskerID
	if answer == "withdrawn" {
		person = sw.OtherID
	}
	word := map[string]string{"accepted": "%s takes your duty of %s", "declined": "%s does not take your duty of %s", "withdrawn": "%s no longer asks you to take duty of %s"}[answer]
	return sw, s.told(ctx, tx, person, fmt.Sprintf(word, who.Display, r.Name), fmt.Sprintf("%s to %s UTC.", sw.From.Format("Mon 2 Jan 15:04"), sw.Until.Format("Mon 2 Jan 15:04")), "swap:"+sw.ID+":"+answer)
}

// give adds an override that both agreed to.
func (s *Store) give(ctx context.Context, tx *db.Tx, who actor.Actor, r Rotation, person string, from, until time.Time) error {
	if _, err := tx.Exec(ctx, `INSERT INTO rotation_override (id, rotation, person, from_at, until_at, created_by, created_at) VALUES ($1,$2,$3,$4,$5,$6,$7)`,
		id.New(), r.ID, person, db.Micro(from), db.Micro(until), who.ID, db.Micro(s.clock.Now())); err != nil {
		return fmt.Errorf("swap duty: %w", err)
	}
	return s.ledger.Append(ctx, tx, who, ledger.About{Resource: "rotation:" + r.ID}, Overridden{Rotation: r.Name, User: person, From: from, Until: until})
}

// Swaps lists the open wishes that who made or is asked.
func (s *Store) Swaps(ctx context.Context, q db.Querier, who actor.Actor) ([]Swap, error) {
	if err := s.access.Check(ctx, q, who, "read", rotationResource("")); err != nil {
		return nil, err
	}
	return s.swaps(ctx, q, `(w.asker = $1 OR w.other = $1) AND w.state = 'pending' AND w.until_at > $2`, who.ID, db.Micro(s.clock.Now()))
}

func (s *Store) swaps(ctx context.Context, q db.Querier, where string, args ...any) ([]Swap, error) {
	out, err := db.All(ctx, q, func(sc db.Scanner) (v Swap, err error) {
		var from, until, backFrom, backUntil, made int64
		err = sc.Scan(&v.ID, &v.RotationID, &v.Rotation, &v.AskerID, &v.OtherID, &from, &until, &backFrom, &backUntil, &v.Note, &v.State, &made)
		v.From, v.Until, v.CreatedAt = db.At(from), db.At(until), db.At(made)
		if backFrom != 0 {
			f, u := db.At(backFrom), db.At(backUntil)
			v.BackFrom, v.BackUntil = &f, &u
		}
		return v, err
	}, `SELECT w.id, w.rotation, r.name, w.asker, w.other, w.from_at, w.until_at, w.back_from, w.back_until, w.note, w.state, w.created_at FROM rotation_swap w JOIN rotation r ON r.id = w.rotation WHERE `+where+` ORDER BY w.id LIMIT 200`, args...)
	if err != nil {
		return nil, fmt.Errorf("list swaps: %w", err)
	}
	return out, nil
}

package alert

import (
	"context"
	"fmt"
	"time"

	"muster/internal/db"
	"muster/internal/task"
)

// What is said to fire within a minute after its end, with the start it had, is
// one of two: an old delivery that was overtaken, or the trouble that goes on (a
// Prometheus that was restarted knows its starts; of two replicas one saw an end).
// Alertmanager says the latter once, and again only after its repeat_interval,
// which is hours. So it is neither believed at once nor forgotten: it fires if the
// source does not say once more that it is over.
const taskDoubt = "alert.doubt"

// doubtFor is how long such a source has for that: longer than the usual
// group_interval of a minute, after which a replica that was late corrects itself.
const doubtFor = 2 * time.Minute

type doubtArgs struct {
	Alert string `json:"alert"`
	At    int64  `json:"at"` // when the doubt began
}

// suspect notes that a resolved alert may fire.
func (in *intake) suspect(ctx context.Context, a *Alert) error {
	if !a.doubtAt.IsZero() {
		return nil
	}
	a.doubtAt = in.now
	if _, err := in.tx.Exec(ctx, `UPDATE alert SET doubt_at = $2 WHERE id = $1`, a.ID, db.Micro(in.now)); err != nil {
		return fmt.Errorf("note a doubt: %w", err)
	}
	return in.s.Tasks.Enqueue(ctx, in.tx, taskDoubt, doubtArgs{a.ID, db.Micro(in.now)}, task.Options{At: in.now.Add(doubtFor), Key: fmt.Sprintf("%s/%d", a.ID, db.Micro(in.now))})
}

// doubt fires what was said to fire, unless its end was heard since.
func (s *Store) doubt(ctx context.Context, t task.Task) error {
	var args doubtArgs
	if err := t.Into(&args); err != nil {
		return err
	}
	return s.DB.Do(ctx, func(tx *db.Tx) error {
		a, err := s.get(ctx, tx, args.Alert)
		if err != nil {
			return err
		}
		src, err := db.One(ctx, tx, scanSource, `SELECT `+sourceColumns+` FROM alert_source WHERE id = $1`, a.SourceID)
		if err != nil {
			return fmt.Errorf("read alert source: %w", err)
		}
		one := Incoming{Fingerprint: a.Fingerprint, Status: "firing", Labels: a.Labels, Annotations: a.Annotations, StartsAt: a.latestStart, GeneratorURL: a.GeneratorURL}
		in := s.hear(tx, src)
		known, err := in.known(ctx, []Incoming{one})
		if err != nil {
			return err
		}
		cur := known[a.Fingerprint]
		if cur.ID != a.ID || cur.State != Resolved || db.Micro(cur.doubtAt) != args.At {
			return nil
		}
		rules, err := s.ready(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := in.fire(ctx, rules, cur.GroupKey, cur, true, one); err != nil {
			return err
		}
		if err := in.settle(ctx); err != nil {
			return err
		}
		if err := in.tell(ctx, nil, 0); err != nil {
			return err
		}
		return s.watch(ctx, tx, src, in.now)
	})
}

package alert

import (
	"context"
	"fmt"
	"slices"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/incident"
	"muster/internal/ledger"
	"muster/internal/message"
	"muster/internal/task"
)

// MaxAct is how many alerts one call may acknowledge or resolve.
const MaxAct = 500

// act is work on alerts that no delivery asked for.
func (s *Store) act(tx *db.Tx, who actor.Actor) *intake {
	return &intake{s: s, tx: tx, who: who, said: actor.System("alert"), now: s.Clock.Now(), incidents: map[string]incident.Incident{}, standings: map[string]incident.Standing{}, boards: map[string]*board{}}
}

// chosen reads alerts to act on, for who may acknowledge all of them. They come
// in the order of their ids, so that two calls never wait for each other.
func (s *Store) chosen(ctx context.Context, tx *db.Tx, who actor.Actor, ids []string) ([]Alert, error) {
	if len(ids) == 0 || len(ids) > MaxAct {
		return nil, fault.Field("ids", fmt.Sprintf("Choose between 1 and %d alerts.", MaxAct))
	}
	ids = slices.Clone(ids)
	slices.Sort(ids)
	out, j := []Alert{}, s.judge(tx, who)
	for _, alertID := range slices.Compact(ids) {
		a, err := db.One(ctx, tx, scan, `SELECT `+columns+from+`WHERE a.id = $1`+lock(tx), alertID)
		if db.IsNoRows(err) {
			return nil, errNone
		}
		if err != nil {
			return nil, fmt.Errorf("read alert: %w", err)
		}
		if !j.may(ctx, "read", a) {
			return nil, errNone
		}
		res, err := j.resource(ctx, a)
		if err != nil {
			return nil, err
		}
		if err := s.Access.Check(ctx, tx, who, "acknowledge", res); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// shown gives alerts as they are now, as who sees them.
func (s *Store) shown(ctx context.Context, tx *db.Tx, who actor.Actor, as []Alert) ([]Alert, error) {
	out, j := []Alert{}, s.judge(tx, who)
	for _, a := range as {
		now, err := s.get(ctx, tx, a.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, j.able(ctx, now))
	}
	return out, nil
}

// Acknowledge says that somebody looks at the alert, and with that acknowledges
// its incident and everything else that fires there.
func (s *Store) Acknowledge(ctx context.Context, tx *db.Tx, who actor.Actor, alertID string) (Alert, error) {
	as, err := s.chosen(ctx, tx, who, []string{alertID})
	if err != nil {
		return Alert{}, err
	}
	if as[0].State == Resolved {
		return as[0], fault.New(fault.Conflict, "This alert is resolved; there is nothing left to acknowledge.")
	}
	if as, err = s.AcknowledgeAll(ctx, tx, who, []string{alertID}); err != nil {
		return Alert{}, err
	}
	return as[0], nil
}

// AcknowledgeAll acknowledges several alerts with their incidents, or none of
// them. What is resolved or acknowledged already stays as it is.
func (s *Store) AcknowledgeAll(ctx context.Context, tx *db.Tx, who actor.Actor, ids []string) ([]Alert, error) {
	as, err := s.chosen(ctx, tx, who, ids)
	if err != nil {
		return nil, err
	}
	incidents := map[string]bool{}
	for _, a := range as {
		if a.State != Open {
			continue
		}
		if a.IncidentID != "" {
			incidents[a.IncidentID] = true
			continue
		}
		if err := s.acknowledge(ctx, tx, who, incident.Incident{}, a); err != nil {
			return nil, err
		}
	}
	for _, incidentID := range sorted(incidents) {
		i, err := s.Incidents.Get(ctx, tx, actor.System("alert"), incidentID)
		if err != nil {
			return nil, err
		}
		if i.Stage.Open() {
			if _, err := s.Incidents.Acknowledge(ctx, tx, who, i.ID); err != nil {
				return nil, err
			}
			continue
		}
		if err := (seam{s}).Acknowledged(ctx, tx, who, i); err != nil {
			return nil, err
		}
	}
	return s.shown(ctx, tx, who, as)
}

func (s *Store) acknowledge(ctx context.Context, tx *db.Tx, who actor.Actor, i incident.Incident, a Alert) error {
	a.State, a.AcknowledgedBy = Acknowledged, who.ID
	if _, err := tx.Exec(ctx, `UPDATE alert SET state = $2, acknowledged_by = $3, acknowledged_at = $4 WHERE id = $1`, a.ID, a.State, who.ID, db.Micro(s.Clock.Now())); err != nil {
		return fmt.Errorf("acknowledge alert: %w", err)
	}
	if i.ID != "" {
		if err := s.redraw(ctx, tx, i, a); err != nil {
			return err
		}
	}
	return s.Ledger.Append(ctx, tx, who, ledger.About{Resource: "alert:" + a.ID, Room: i.Room.ID, Incident: i.ID}, AcknowledgedBy{Title: a.Title})
}

// Resolve ends an alert by a person's word.
func (s *Store) Resolve(ctx context.Context, tx *db.Tx, who actor.Actor, alertID string) (Alert, error) {
	as, err := s.ResolveAll(ctx, tx, who, []string{alertID})
	if err != nil {
		return Alert{}, err
	}
	return as[0], nil
}

// ResolveAll ends several alerts by a person's word, or none of them. What is
// over already stays as it is.
func (s *Store) ResolveAll(ctx context.Context, tx *db.Tx, who actor.Actor, ids []string) ([]Alert, error) {
	as, err := s.chosen(ctx, tx, who, ids)
	if err != nil {
		return nil, err
	}
	in := s.act(tx, who)
	over := []Alert{}
	for _, a := range as {
		if a.State == Resolved {
			continue
		}
		if a, err = in.end(ctx, a, byPerson, in.now); err != nil {
			return nil, err
		}
		over = append(over, a)
	}
	if err := in.finish(ctx, over, 0); err != nil {
		return nil, err
	}
	return s.shown(ctx, tx, who, as)
}

// seam is what incidents know of alerts.
type seam struct{ s *Store }

// live reads what fires in an incident.
func (s seam) live(ctx context.Context, tx *db.Tx, incidentID, state string) ([]Alert, error) {
	as, err := db.All(ctx, tx, scan, `SELECT `+columns+from+`WHERE a.incident = $1 AND `+state+` ORDER BY a.id`+lock(tx), incidentID)
	if err != nil {
		return nil, fmt.Errorf("read alerts of an incident: %w", err)
	}
	return as, nil
}

// Acknowledged acknowledges what fires in the incident.
func (s seam) Acknowledged(ctx context.Context, tx *db.Tx, who actor.Actor, i incident.Incident) error {
	as, err := s.live(ctx, tx, i.ID, "a.state = 'open'")
	if err != nil || len(as) == 0 {
		return err
	}
	for _, a := range as {
		if err := s.s.acknowledge(ctx, tx, who, i, a); err != nil {
			return err
		}
	}
	s.s.Incidents.Touch(tx, i.ID)
	return nil
}

// Over ends what still fires in an incident that is resolved or closed.
func (s seam) Over(ctx context.Context, tx *db.Tx, who actor.Actor, i incident.Incident) error {
	as, err := s.live(ctx, tx, i.ID, "a.state <> 'resolved'")
	if err != nil || len(as) == 0 {
		return err
	}
	in := s.s.act(tx, who)
	in.incidents[i.ID] = i // its room is open still
	for _, a := range as {
		if a, err = in.end(ctx, a, byIncident, in.now); err != nil {
			return err
		}
		if err := s.s.redraw(ctx, tx, i, a); err != nil {
			return err
		}
	}
	b, err := in.board(ctx, i.ID)
	if err != nil {
		return err
	}
	b.stale = true
	if err := in.tally(ctx, i.ID, false, 0); err != nil {
		return err
	}
	_, err = s.s.Messages.Post(ctx, tx, in.said, message.New{Room: i.Room.ID, Kind: "system", Text: count(len(as), "alert that still fired ends", "alerts that still fired end") + " with the incident. What goes on firing is told anew."})
	return err
}

// Merged moves the alerts of one incident to another, where they are counted.
func (s seam) Merged(ctx context.Context, tx *db.Tx, _ actor.Actor, from, into incident.Incident) error {
	res, err := tx.Exec(ctx, `UPDATE alert SET incident = $2, message = '', flap_message = '' WHERE incident = $1`, from.ID, into.ID)
	if err != nil {
		return fmt.Errorf("move alerts: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, `DELETE FROM alert_board WHERE incident = $1`, from.ID); err != nil {
		return fmt.Errorf("clear board: %w", err)
	}
	in := s.s.act(tx, actor.System("alert"))
	b, err := in.board(ctx, into.ID)
	if err != nil {
		return err
	}
	b.stale = true
	s.s.Incidents.Touch(tx, from.ID)
	return in.finish(ctx, nil, 0)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// taskStale ends what nothing was heard of for longer than its source allows.
const taskStale = "alert.stale"

// staleBatch bounds one transaction of that.
const staleBatch = 200

type staleArgs struct {
	Source string `json:"source"`
}

// watch plans to look after the alerts of a source once what was heard just now
// is too old. Deliveries of one stretch of time share one look.
func (s *Store) watch(ctx context.Context, tx *db.Tx, src Source, heard time.Time) error {
	step := max(src.stale()/20, time.Minute)
	due := heard.Add(src.stale()).Truncate(step).Add(step)
	return s.Tasks.Enqueue(ctx, tx, taskStale, staleArgs{src.ID}, task.Options{At: due, Key: fmt.Sprintf("%s/%d", src.ID, due.Unix())})
}

// Watch plans to look after everything that fires, when the server starts: what
// an older Muster left firing, or another setting than the one it was heard under.
func (s *Store) Watch(ctx context.Context) error {
	return s.DB.Do(ctx, func(tx *db.Tx) error {
		ids, err := db.All(ctx, tx, func(r db.Scanner) (v string, err error) { return v, r.Scan(&v) }, `SELECT DISTINCT source FROM alert WHERE state <> 'resolved'`)
		if err != nil {
			return fmt.Errorf("find what fires: %w", err)
		}
		for _, src := range ids {
			if err := s.Tasks.Enqueue(ctx, tx, taskStale, staleArgs{src}, task.Options{Key: src + "/start"}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) stale(ctx context.Context, t task.Task) error {
	var args staleArgs
	if err := t.Into(&args); err != nil {
		return err
	}
	for {
		n := 0
		err := s.DB.Do(ctx, func(tx *db.Tx) error {
			src, err := db.One(ctx, tx, scanSource, `SELECT `+sourceColumns+` FROM alert_source WHERE id = $1`, args.Source)
			if err != nil {
				return fmt.Errorf("read alert source: %w", err)
			}
			in := s.act(tx, By(src))
			in.src = src
			as, err := db.All(ctx, tx, scan, `SELECT `+columns+from+`WHERE a.source = $1 AND a.state <> 'resolved' AND a.last_at <= $2 ORDER BY a.id LIMIT $3`+lock(tx), src.ID, db.Micro(in.now.Add(-src.stale())), staleBatch)
			if err != nil {
				return fmt.Errorf("find what is not heard of: %w", err)
			}
			n = len(as)
			silent := map[string][]Alert{}
			for k, a := range as {
				if as[k], err = in.end(ctx, a, bySilence, in.now); err != nil {
					return err
				}
				silent[a.IncidentID] = append(silent[a.IncidentID], a)
			}
			for _, incidentID := range sorted(silent) {
				if err := in.silence(ctx, incidentID, silent[incidentID]); err != nil {
					return err
				}
			}
			if err := in.finish(ctx, as, 0); err != nil {
				return err
			}
			// What fires still is looked after again, once the eldest of it is due.
			var eldest *int64
			if err := tx.QueryRow(ctx, `SELECT MIN(last_at) FROM alert WHERE source = $1 AND state <> 'resolved'`, src.ID).Scan(&eldest); err != nil {
				return fmt.Errorf("find what fires: %w", err)
			}
			if eldest == nil || n == staleBatch {
				return nil
			}
			return s.watch(ctx, tx, src, db.At(*eldest))
		})
		if err != nil || n < staleBatch {
			return err
		}
	}
}

// silence says in the room that nothing is heard any more: that is no end that
// anybody saw.
func (in *intake) silence(ctx context.Context, incidentID string, as []Alert) error {
	if incidentID == "" {
		return nil
	}
	i, err := in.incident(ctx, incidentID)
	if err != nil || i.Stage == incident.Closed {
		return err
	}
	what := fmt.Sprintf("%q", as[0].Title)
	if len(as) > 1 {
		what = fmt.Sprintf("%d alerts", len(as))
	}
	_, err = in.s.Messages.Post(ctx, in.tx, in.said, message.New{Room: i.Room.ID, Kind: "system",
		Text: fmt.Sprintf("%s sent nothing about %s for %s. It is taken for over, but nobody saw it end: look whether the monitoring still works.", in.src.Name, what, incident.Spoken(in.src.stale()))})
	return err
}

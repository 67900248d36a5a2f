package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/incident"
	"muster/internal/ledger"
	"muster/internal/message"
)

// maxCards is how many alerts of an incident have a card of their own. The rest
// is counted on one card, so that a storm does not drown the talk.
const maxCards = 20

// board is what an incident's room shows of its alerts.
type board struct {
	cards     int
	message   string    // of the card that counts the rest
	truncated int       // alerts the sender left out, as the room was told
	overAt    time.Time // when the room was told that nothing fires any more
	overCount int       // of how many alerts
	stale     bool
}

func (in *intake) board(ctx context.Context, incidentID string) (*board, error) {
	if b := in.boards[incidentID]; b != nil {
		return b, nil
	}
	b := &board{}
	var over int64
	err := in.tx.QueryRow(ctx, `SELECT cards, message, truncated, over_at, over_count FROM alert_board WHERE incident = $1`, incidentID).Scan(&b.cards, &b.message, &b.truncated, &over, &b.overCount)
	b.overAt = db.At(over)
	if err != nil && !db.IsNoRows(err) {
		return nil, fmt.Errorf("read board: %w", err)
	}
	in.boards[incidentID] = b
	return b, nil
}

// attach shows an alert in its incident's room.
func (in *intake) attach(ctx context.Context, i incident.Incident, a *Alert) error {
	b, err := in.board(ctx, i.ID)
	if err != nil {
		return err
	}
	b.stale = true
	a.IncidentID = i.ID
	if b.cards < maxCards {
		b.cards++
		m, err := in.s.Messages.Post(ctx, in.tx, in.said, message.New{Room: i.Room.ID, Text: "Firing: " + a.Title, Card: card(*a)})
		if err != nil {
			return fmt.Errorf("alert card: %w", err)
		}
		a.message = m.ID
	}
	if _, err := in.tx.Exec(ctx, `UPDATE alert SET incident = $2, message = $3 WHERE id = $1`, a.ID, i.ID, a.message); err != nil {
		return fmt.Errorf("attach alert: %w", err)
	}
	return nil
}

// back shows that an alert of the incident fires again.
func (in *intake) back(ctx context.Context, i incident.Incident, a Alert) error {
	if err := in.s.Ledger.Append(ctx, in.tx, in.who, ledger.About{Resource: "alert:" + a.ID, Room: i.Room.ID, Incident: i.ID}, Reopened{Title: a.Title, Count: a.Count}); err != nil {
		return err
	}
	b, err := in.board(ctx, i.ID)
	if err != nil {
		return err
	}
	b.stale = true
	if a.message == "" {
		return nil
	}
	if err := in.s.redraw(ctx, in.tx, i, a); err != nil {
		return err
	}
	since := ""
	if !unknown(a.StartsAt) {
		since = " since " + a.StartsAt.Format("15:04:05") + " UTC"
	}
	return in.turn(ctx, i, a, "Firing again"+since+".")
}

// turn says under an alert's card that it ended or fires again. From the third
// time on, one line counts instead.
func (in *intake) turn(ctx context.Context, i incident.Incident, a Alert, text string) error {
	if a.Flaps < flapping {
		_, err := in.s.Messages.Post(ctx, in.tx, in.said, message.New{Room: i.Room.ID, Thread: a.message, Kind: "system", Text: text})
		if err != nil {
			return fmt.Errorf("reply to an alert: %w", err)
		}
		return nil
	}
	now := "it fires"
	if a.State == Resolved {
		now = "it is resolved"
	}
	title := fmt.Sprintf("Flapping: fired %d times, now %s.", a.Flaps+1, now)
	data, err := json.Marshal(map[string]any{"kind": "flapping", "title": title, "incident_id": i.ID, "service": a.Service, "count": a.Flaps + 1})
	if err != nil {
		return fmt.Errorf("flapping line: %w", err)
	}
	c := message.Card{Type: "event", Ref: "flapping:" + a.ID, Data: data}
	if a.flapMessage != "" {
		return in.s.Messages.UpdateCard(ctx, in.tx, in.said, a.flapMessage, c)
	}
	m, err := in.s.Messages.Post(ctx, in.tx, in.said, message.New{Room: i.Room.ID, Thread: a.message, Text: "It ends and fires again and again; from here on this is counted.", Card: &c})
	if err != nil {
		return fmt.Errorf("flapping line: %w", err)
	}
	if _, err := in.tx.Exec(ctx, `UPDATE alert SET flap_message = $2 WHERE id = $1`, a.ID, m.ID); err != nil {
		return fmt.Errorf("flapping line: %w", err)
	}
	return nil
}

// flapping is how often an alert fires again before its turns are only counted.
const flapping = 2

// redraw gives an alert's card its new state. An archived room is left as it was.
func (s *Store) redraw(ctx context.Context, tx *db.Tx, i incident.Incident, a Alert) error {
	if a.message == "" || i.Stage == incident.Closed {
		return nil
	}
	return s.Messages.UpdateCard(ctx, tx, actor.System("alert"), a.message, *card(a))
}

func card(a Alert) *message.Card {
	return &message.Card{Type: "alert", Ref: a.ID, Data: snapshot(a)}
}

// finish writes under the firing messages that they are resolved, and brings the
// counting cards up to date.
func (in *intake) finish(ctx context.Context, resolved []Alert, truncated int) error {
	ended := map[string]bool{}
	for _, a := range resolved {
		if a.IncidentID == "" {
			continue
		}
		i, err := in.incident(ctx, a.IncidentID)
		if err != nil {
			return err
		}
		if i.Stage == incident.Closed {
			continue
		}
		ended[i.ID] = true
		b, err := in.board(ctx, i.ID)
		if err != nil {
			return err
		}
		b.stale = true
		if a.message == "" {
			continue
		}
		if err := in.s.redraw(ctx, in.tx, i, a); err != nil {
			return err
		}
		if err := in.turn(ctx, i, a, in.ended(a)); err != nil {
			return err
		}
	}
	for _, incidentID := range sorted(in.boards) {
		in.s.Incidents.Touch(in.tx, incidentID)
		if err := in.tally(ctx, incidentID, ended[incidentID], truncated); err != nil {
			return err
		}
	}
	return nil
}

// tally updates the counting card and says when nothing fires any more.
func (in *intake) tally(ctx context.Context, incidentID string, ended bool, truncated int) error {
	b := in.boards[incidentID]
	i, err := in.incident(ctx, incidentID)
	if err != nil || !b.stale || i.Stage == incident.Closed {
		return err
	}
	var all, live, hidden, hiddenLive int
	err = in.tx.QueryRow(ctx, `SELECT COUNT(*), COALESCE(SUM(CASE WHEN state <> 'resolved' THEN 1 ELSE 0 END), 0),
 COALESCE(SUM(CASE WHEN message = '' THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN message = '' AND state <> 'resolved' THEN 1 ELSE 0 END), 0) FROM alert WHERE incident = $1`, incidentID).Scan(&all, &live, &hidden, &hiddenLive)
	if err != nil {
		return fmt.Errorf("count alerts: %w", err)
	}
	if hidden > 0 {
		text := fmt.Sprintf("%d more alerts: %d firing, %d resolved.", hidden, hiddenLive, hidden-hiddenLive)
		data, err := json.Marshal(map[string]any{"kind": "alerts", "title": text, "incident_id": incidentID, "service": i.Service, "total": all, "shown": b.cards, "hidden": hidden, "firing": hiddenLive, "resolved": hidden - hiddenLive})
		if err != nil {
			return fmt.Errorf("counting card: %w", err)
		}
		c := message.Card{Type: "event", Ref: "alerts:" + incidentID, Data: data}
		if b.message == "" {
			m, err := in.s.Messages.Post(ctx, in.tx, in.said, message.New{Room: i.Room.ID, Text: "More alerts than fit are counted on this card.", Card: &c})
			if err != nil {
				return fmt.Errorf("counting card: %w", err)
			}
			b.message = m.ID
		} else if err := in.s.Messages.UpdateCard(ctx, in.tx, in.said, b.message, c); err != nil {
			return fmt.Errorf("counting card: %w", err)
		}
	}
	if truncated > b.truncated {
		if _, err := in.s.Messages.Post(ctx, in.tx, in.said, message.New{Room: i.Room.ID, Kind: "system", Text: fmt.Sprintf("%s left %s out of its message (max_alerts): more may fire than stands here.", in.src.Name, count(truncated, "alert", "alerts"))}); err != nil {
			return fmt.Errorf("tell of alerts left out: %w", err)
		}
		b.truncated = truncated
	}
	// A sender that left alerts out may still have one that fires among them. An
	// alert that flaps does not say it each time.
	if ended && live == 0 && truncated == 0 && i.Stage.Open() && (all != b.overCount || in.now.Sub(b.overAt) > DefaultGather) {
		text := fmt.Sprintf("All %d alerts of this incident are resolved.", all)
		if all == 1 {
			text = "The alert of this incident is resolved."
		}
		if _, err := in.s.Messages.Post(ctx, in.tx, in.said, message.New{Room: i.Room.ID, Kind: "system", Text: text + " It stays open until somebody sets its stage."}); err != nil {
			return fmt.Errorf("tell that all is resolved: %w", err)
		}
		b.overAt, b.overCount = in.now, all
	}
	if _, err := in.tx.Exec(ctx, `INSERT INTO alert_board (incident, cards, message, truncated, over_at, over_count) VALUES ($1,$2,$3,$4,$5,$6)
 ON CONFLICT (incident) DO UPDATE SET cards = excluded.cards, message = excluded.message, truncated = excluded.truncated, over_at = excluded.over_at, over_count = excluded.over_count`,
		incidentID, b.cards, b.message, b.truncated, db.Micro(b.overAt), b.overCount); err != nil {
		return fmt.Errorf("store board: %w", err)
	}
	return nil
}

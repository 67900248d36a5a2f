package alert

import (
	"context"
	"encoding/json"
	"fmt"

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
	cards   int
	message string // of the card that counts the rest
	stale   bool
}

func (in *intake) board(ctx context.Context, incidentID string) (*board, error) {
	if b := in.boards[incidentID]; b != nil {
		return b, nil
	}
	b := &board{}
	err := in.tx.QueryRow(ctx, `SELECT cards, message FROM alert_board WHERE incident = $1`, incidentID).Scan(&b.cards, &b.message)
	if err != nil && !db.IsNoRows(err) {
		return nil, fmt.Errorf("read board: %w", err)
	}
	in.boards[incidentID] = b
	return b, nil
}

// attach shows an alert in its incident's room.
func (in *intake) attach(ctx context.Context, i incident.Incident, a Alert) error {
	b, err := in.board(ctx, i.ID)
	if err != nil {
		return err
	}
	b.stale = true
	if b.cards < maxCards {
		b.cards++
		m, err := in.s.Messages.Post(ctx, in.tx, in.who, message.New{Room: i.Room.ID, Text: "Firing: " + a.Title, Card: card(a)})
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
	_, err = in.s.Messages.Post(ctx, in.tx, in.who, message.New{Room: i.Room.ID, Thread: a.message, Kind: "system", Text: "Firing again since " + a.StartsAt.Format("15:04:05") + " UTC."})
	return err
}

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
		text := fmt.Sprintf("Resolved after %s.", incident.Spoken(a.EndsAt.Sub(a.StartsAt)))
		if a.StartsAt.Year() < 2000 || a.EndsAt.Before(a.StartsAt) {
			text = "Resolved."
		}
		if _, err := in.s.Messages.Post(ctx, in.tx, in.who, message.New{Room: i.Room.ID, Thread: a.message, Kind: "system", Text: text}); err != nil {
			return fmt.Errorf("resolved reply: %w", err)
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
			m, err := in.s.Messages.Post(ctx, in.tx, in.who, message.New{Room: i.Room.ID, Text: "More alerts than fit are counted on this card.", Card: &c})
			if err != nil {
				return fmt.Errorf("counting card: %w", err)
			}
			b.message = m.ID
		} else if err := in.s.Messages.UpdateCard(ctx, in.tx, in.who, b.message, c); err != nil {
			return fmt.Errorf("counting card: %w", err)
		}
	}
	if _, err := in.tx.Exec(ctx, `INSERT INTO alert_board (incident, cards, message) VALUES ($1,$2,$3) ON CONFLICT (incident) DO UPDATE SET cards = excluded.cards, message = excluded.message`, incidentID, b.cards, b.message); err != nil {
		return fmt.Errorf("store board: %w", err)
	}
	// A sender that left alerts out may still have one that fires among them.
	if ended && live == 0 && truncated == 0 && i.Stage.Open() {
		_, err = in.s.Messages.Post(ctx, in.tx, in.who, message.New{Room: i.Room.ID, Kind: "system", Text: fmt.Sprintf("All %d alerts of this incident are resolved. It stays open until somebody sets its stage.", all)})
	}
	return err
}

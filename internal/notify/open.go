package notify

import (
	"context"
	"fmt"
	"strings"

	"muster/internal/db"
	"muster/internal/fault"
)

// A notification of kind page, or of kind approval with a severity, is open
// until its person acts on it or until what it asks for is over: an open one is
// what a screen shows all the time, whatever was missed or clicked away.

const (
	isOpen = ` n.acted_at = 0 AND n.ended_at = 0`
	asks   = ` (n.kind = 'page' OR n.kind = 'approval' AND n.severity > 0)`
)

// Open gives what a person is called to and nobody answered yet, worst first
// and then the oldest.
func (s *Store) Open(ctx context.Context, q db.Querier, person string) ([]Notification, error) {
	ns, err := db.All(ctx, q, scan, `SELECT `+columns+` FROM notification n WHERE n.person = $1 AND`+isOpen+` AND`+asks+`
ORDER BY CASE WHEN n.severity = 0 THEN 5 ELSE n.severity END, n.id LIMIT 500`, person)
	if err != nil {
		return nil, fmt.Errorf("list what is open: %w", err)
	}
	return ns, s.fill(ctx, q, ns)
}

// EndPages ends every open page of an incident, whoever was paged: somebody
// acknowledged, or the incident is over. What waits to be sent is not sent.
func (s *Store) EndPages(ctx context.Context, tx *db.Tx, incidentID string) error {
	ns, err := db.All(ctx, tx, scan, `SELECT `+columns+` FROM notification n WHERE n.incident = $1 AND n.incident <> '' AND n.kind = 'page' AND`+isOpen+` ORDER BY n.id`, incidentID)
	if err != nil {
		return fmt.Errorf("list open pages: %w", err)
	}
	for _, n := range ns {
		if err := s.end(ctx, tx, n); err != nil {
			return err
		}
	}
	return nil
}

// End ends single notifications, as EndPages does those of an incident.
func (s *Store) End(ctx context.Context, tx *db.Tx, notificationIDs ...string) error {
	for _, id := range notificationIDs {
		n, err := s.one(ctx, tx, `n.id = $1 AND`+isOpen, id)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if err := s.end(ctx, tx, n); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) end(ctx context.Context, tx *db.Tx, n Notification) error {
	if _, err := tx.Exec(ctx, `UPDATE notification SET ended_at = $2 WHERE id = $1`, n.ID, db.Micro(s.clock.Now())); err != nil {
		return fmt.Errorf("end notification: %w", err)
	}
	return s.withdraw(ctx, tx, n.ID)
}

// withdraw takes back what was not sent yet and has the person's screens see it.
func (s *Store) withdraw(ctx context.Context, tx *db.Tx, notificationID string) error {
	channels, err := db.All(ctx, tx, db.Strings, `UPDATE notification_channel SET state = 'skipped', error = 'Not sent: it was answered before.', at = $2 WHERE notification = $1 AND state = 'queued' RETURNING channel`, notificationID, db.Micro(s.clock.Now()))
	if err != nil {
		return fmt.Errorf("withdraw what waits: %w", err)
	}
	for _, c := range channels {
		s.count(tx, Delivery{Channel: c, State: "skipped"})
	}
	n, err := s.one(ctx, tx, `n.id = $1`, notificationID)
	if err != nil {
		return err
	}
	return s.publish(ctx, tx, n, false)
}

// Wake makes what a person was told under a key something they are called to,
// by their channels too, because it has become urgent. It says whether they were
// told of it before at all; whoever was called already, or has answered, is left
// alone.
func (s *Store) Wake(ctx context.Context, tx *db.Tx, person, key string, severity int, isDrill bool) (told bool, err error) {
	n, err := s.one(ctx, tx, `n.person = $1 AND n.uniq = $2`, person, key)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil || n.Severity > 0 || n.ActedAt != nil || n.EndedAt != nil {
		return true, err
	}
	to, err := s.people.Get(ctx, tx, person)
	if err != nil {
		return true, err
	}
	n.Severity, n.Drill = severity, n.Drill || isDrill
	n.subject = clip(fmt.Sprintf("[SEV-%d] %s", severity, n.Title), 300)
	if n.Drill {
		n.Title, n.subject = clip(drill(n.Title), 300), clip(drill(n.subject), 300)
	}
	if _, err := tx.Exec(ctx, `UPDATE notification SET severity = $2, drill = $3, title = $4, subject = $5 WHERE id = $1`, n.ID, n.Severity, n.Drill, n.Title, n.subject); err != nil {
		return true, fmt.Errorf("wake: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM notification_channel WHERE notification = $1 AND channel <> 'app'`, n.ID); err != nil {
		return true, fmt.Errorf("wake: %w", err)
	}
	n.Channels = n.Channels[:1] // the app, which is the first
	since := n
	since.CreatedAt = s.clock.Now() // delays count from now
	if err := s.addChannels(ctx, tx, &since, to); err != nil {
		return true, err
	}
	n.Channels = since.Channels
	return true, s.publish(ctx, tx, n, true)
}

// drill marks a line of text as one of a drill, once.
func drill(text string) string {
	if strings.HasPrefix(text, "DRILL") || strings.HasPrefix(text, "[DRILL]") {
		return text
	}
	if strings.HasPrefix(text, "[") {
		return "[DRILL]" + text
	}
	return "DRILL " + text
}

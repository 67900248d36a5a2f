package notify

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"muster/internal/account"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/task"
)

// What leaves the browser is sent in rounds: one round at a time for a person
// and a channel takes all that is due there, worst first, so that a storm
// becomes few messages. A SEV-1 waits for nothing but the round before it.
//
//	queued ──due──▶ claimed ──ok──▶ sent
//	  ▲  │             ├─ failed, within 24 h ─▶ queued (later), and the next channel at once
//	  │  └─answered──▶ skipped                   └─ else ─▶ failed, and administrators are told
//	  └──── the node vanished: the claim runs out
const (
	taskEmail   = "notify.email"
	taskGateway = "notify.gateway"

	keepTrying = 24 * time.Hour
	claimed    = 2 * time.Minute
	perSend    = 25 * time.Second // so that the next channel is tried within 30 s
	// So many of the worst get a message each; more go into one.
	singly = 3
)

type sendArgs struct {
	Notification string `json:"notification"`
	Channel      string `json:"channel,omitempty"` // "": email
	Held         int    `json:"held,omitempty"`    // of tasks made by earlier versions
}

// plan has a delivery looked at. Planned twice, the second finds nothing to do.
func (s *Store) plan(ctx context.Context, tx *db.Tx, notification, channel string, at time.Time) error {
	kind := taskGateway
	if channel == "email" {
		kind = taskEmail
	}
	return s.tasks.Enqueue(ctx, tx, kind, sendArgs{Notification: notification, Channel: channel}, task.Options{At: at})
}

// parcel is a delivery in hand.
type parcel struct {
	n        Notification
	address  string
	position int
	attempts int
}

func (p parcel) urgent() bool { return p.n.Severity == 1 }

// deliver is the task that sends what is due on one channel to one person. A
// crash between the other side's "accepted" and our note of it sends it again
// under the same id.
func (s *Store) deliver(ctx context.Context, t task.Task) error {
	var args sendArgs
	if err := t.Into(&args); err != nil {
		return err
	}
	if args.Channel == "" {
		args.Channel = "email"
	}
	mine, err := s.take(ctx, args)
	if err != nil || len(mine) == 0 {
		return err
	}
	to, err := s.people.Get(ctx, s.db.Read(), mine[0].n.person)
	if err != nil {
		return err
	}
	send, why, err := s.carrier(ctx, s.db.Read(), to, args.Channel)
	if err != nil {
		return err
	}
	for _, group := range bundles(mine) {
		if group, err = s.stillWanted(ctx, group, args.Channel); err != nil {
			return err
		}
		if len(group) == 0 {
			continue
		}
		if why != "" {
			if err := s.switchedOff(ctx, group, args.Channel, why); err != nil {
				return err
			}
			continue
		}
		limited, cancel := context.WithTimeout(ctx, perSend)
		answer, err := send(limited, group)
		cancel()
		if err != nil && ctx.Err() != nil {
			return errors.Join(err, s.release(ctx, group, args.Channel)) // the server stops: not its fault
		}
		if err := s.outcome(ctx, to, group, args.Channel, answer, err); err != nil {
			return err
		}
	}
	return s.more(ctx, to.ID, args.Channel)
}

// take claims what is due for the person and channel of a delivery; nothing
// when it is to wait, and then it is planned anew.
func (s *Store) take(ctx context.Context, args sendArgs) (mine []parcel, err error) {
	err = s.db.Do(ctx, func(tx *db.Tx) error {
		mine = nil
		now := s.clock.Now()
		n, err := s.one(ctx, tx, `n.id = $1`, args.Notification)
		if err != nil {
			return err
		}
		var state string
		var due, until int64
		var held bool
		err = tx.QueryRow(ctx, `SELECT state, due, claimed, held FROM notification_channel WHERE notification = $1 AND channel = $2`, n.ID, args.Channel).Scan(&state, &due, &until, &held)
		if db.IsNoRows(err) || err == nil && state != "queued" {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read delivery: %w", err)
		}
		if db.At(due).After(now) {
			return s.plan(ctx, tx, n.ID, args.Channel, db.At(due))
		}
		if held && n.SeenAt != nil {
			return s.setChannel(ctx, tx, n.ID, args.Channel, "skipped", "Already seen in the app while it was held back.", now)
		}
		var busy int64
		if err := tx.QueryRow(ctx, `SELECT COALESCE(MAX(claimed), 0) FROM notification_channel WHERE person = $1 AND channel = $2 AND state = 'queued' AND claimed > $3`, n.person, args.Channel, db.Micro(now)).Scan(&busy); err != nil {
			return fmt.Errorf("look for a round that goes on: %w", err)
		}
		if busy > 0 {
			return s.plan(ctx, tx, n.ID, args.Channel, db.At(busy)) // its end plans what is left; this is for when it never ends
		}
		if n.Severity != 1 {
			if wait, err := s.wait(ctx, tx, n, args.Channel, now); wait || err != nil {
				return err
			}
		}
		ids, err := db.All(ctx, tx, db.Strings, `UPDATE notification_channel SET claimed = $4 WHERE person = $1 AND channel = $2 AND state = 'queued' AND due <= $3 AND claimed <= $3 RETURNING notification`,
			n.person, args.Channel, db.Micro(now), db.Micro(now.Add(claimed)))
		if err != nil {
			return fmt.Errorf("claim deliveries: %w", err)
		}
		for _, id := range ids {
			var p parcel
			if p.n, err = s.one(ctx, tx, `n.id = $1`, id); err != nil {
				return err
			}
			if err := tx.QueryRow(ctx, `SELECT address, position, attempts FROM notification_channel WHERE notification = $1 AND channel = $2`, id, args.Channel).Scan(&p.address, &p.position, &p.attempts); err != nil {
				return fmt.Errorf("read delivery: %w", err)
			}
			mine = append(mine, p)
		}
		return nil
	})
	return mine, err
}

// wait holds back what is not urgent: a moment, so that what comes close
// together goes out together, and longer where the person got many already.
func (s *Store) wait(ctx context.Context, tx *db.Tx, n Notification, channel string, now time.Time) (bool, error) {
	sent, err := db.All(ctx, tx, func(r db.Scanner) (v int64, err error) { return v, r.Scan(&v) },
		`SELECT DISTINCT at FROM notification_channel WHERE person = $1 AND channel = $2 AND state = 'sent' AND at > $3 ORDER BY at DESC LIMIT $4`,
		n.person, channel, db.Micro(now.Add(-max(s.set.Window, s.set.Gather))), s.set.PerWindow)
	if err != nil || len(sent) == 0 {
		return false, err
	}
	until, held, why := db.At(sent[0]).Add(s.set.Gather), false, "Waits a moment, to go out together with what else comes."
	if full := db.At(sent[len(sent)-1]).Add(s.set.Window); len(sent) == s.set.PerWindow && full.After(until) {
		until, held, why = full, true, fmt.Sprintf("Held back: more than %d within %s. See the app. What waits goes out as one.", s.set.PerWindow, s.set.Window)
	}
	if !until.After(now) {
		return false, nil
	}
	if _, err := tx.Exec(ctx, `UPDATE notification_channel SET due = $3, held = $4 WHERE notification = $1 AND channel = $2`, n.ID, channel, db.Micro(until), held); err != nil {
		return false, fmt.Errorf("hold back: %w", err)
	}
	if err := s.plan(ctx, tx, n.ID, channel, until); err != nil {
		return false, err
	}
	return true, s.setChannel(ctx, tx, n.ID, channel, "queued", why, now)
}

// bundles says what goes out together, worst first.
func bundles(all []parcel) (out [][]parcel) {
	slices.SortStableFunc(all, func(a, b parcel) int {
		return cmp.Or(cmp.Compare(rank(a.n.Severity), rank(b.n.Severity)), cmp.Compare(a.n.ID, b.n.ID))
	})
	urgent := 0
	for urgent < len(all) && all[urgent].urgent() {
		urgent++
	}
	if urgent > singly {
		out = append(out, all[:urgent])
	} else {
		for i := range urgent {
			out = append(out, all[i:i+1])
		}
	}
	if urgent < len(all) {
		out = append(out, all[urgent:])
	}
	return out
}

// rank puts what has no severity last.
func rank(severity int) int {
	if severity == 0 {
		return 5
	}
	return severity
}

// stillWanted leaves out what was answered since it was taken.
func (s *Store) stillWanted(ctx context.Context, group []parcel, channel string) (out []parcel, err error) {
	for _, p := range group {
		var state string
		if err := s.db.Read().QueryRow(ctx, `SELECT state FROM notification_channel WHERE notification = $1 AND channel = $2`, p.n.ID, channel).Scan(&state); err != nil {
			return nil, fmt.Errorf("read delivery: %w", err)
		}
		if state == "queued" {
			out = append(out, p)
		}
	}
	return out, nil
}

// carrier is what sends on a channel to a person; why says that nothing does.
func (s *Store) carrier(ctx context.Context, q db.Querier, to account.User, channel string) (send func(context.Context, []parcel) (string, error), why string, err error) {
	if channel == "email" {
		if why := s.noMail(to); why != "" {
			return nil, why, nil
		}
		return func(ctx context.Context, ps []parcel) (string, error) {
			return "", s.set.Mail.send(ctx, letter(ps), to, s.set.PublicURL())
		}, "", nil
	}
	g, err := s.gateway(ctx, q, strings.TrimPrefix(channel, gatewayPrefix))
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, "This gateway was removed.", nil
	case err != nil:
		return nil, "", err
	case !g.Enabled:
		return nil, "This gateway is switched off.", nil
	case to.Disabled:
		return nil, "The account is disabled.", nil
	}
	return func(ctx context.Context, ps []parcel) (string, error) { return s.call(ctx, g, to, ps) }, "", nil
}

// outcome notes what became of a try.
func (s *Store) outcome(ctx context.Context, to account.User, group []parcel, channel, answer string, failed error) error {
	ctx = context.WithoutCancel(ctx) // noted even while the server stops
	final := failed != nil && permanent(failed)
	if failed != nil {
		s.log.Warn("notification not delivered", "channel", channel, "person", to.Name, "count", len(group), "final", final, "error", failed)
	}
	return s.db.Do(ctx, func(tx *db.Tx) error {
		now := s.clock.Now()
		for _, p := range group {
			text := ""
			if failed != nil {
				text = words(failed)
			}
			if _, err := tx.Exec(ctx, `INSERT INTO notification_attempt (id, notification, person, channel, at, sent, error, answer) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)`,
				id.New(), p.n.ID, to.ID, channel, db.Micro(now), failed == nil, text, answer); err != nil {
				return fmt.Errorf("note a try: %w", err)
			}
			if err := s.forgetLater(ctx, tx); err != nil {
				return err
			}
			p.attempts++
			state, due := "sent", now
			switch again := now.Add(backOff(p.attempts)); {
			case failed == nil:
			case final || again.After(p.n.CreatedAt.Add(keepTrying)):
				state = "failed"
			default:
				state, due, text = "queued", again, text+" It is tried again."
			}
			// Answered meanwhile, it stays withdrawn, unless it went out after all.
			if _, err := tx.Exec(ctx, `UPDATE notification_channel SET due = $3, claimed = 0, attempts = $4 WHERE notification = $1 AND channel = $2`, p.n.ID, channel, db.Micro(due), p.attempts); err != nil {
				return fmt.Errorf("note a delivery: %w", err)
			}
			if failed != nil {
				var is string
				if err := tx.QueryRow(ctx, `SELECT state FROM notification_channel WHERE notification = $1 AND channel = $2`, p.n.ID, channel).Scan(&is); err != nil {
					return fmt.Errorf("read delivery: %w", err)
				}
				if is != "queued" {
					continue
				}
			}
			if err := s.setChannel(ctx, tx, p.n.ID, channel, state, text, now); err != nil {
				return err
			}
			if state == "queued" {
				if err := s.plan(ctx, tx, p.n.ID, channel, due); err != nil {
					return err
				}
			}
			if state == "failed" {
				if err := s.givenUp(ctx, tx, to, p.n, channel, text); err != nil {
					return err
				}
			}
			if failed != nil {
				if err := s.nextChannel(ctx, tx, p.n.ID, p.position, now); err != nil {
					return err
				}
			}
		}
		if failed == nil || final {
			return nil
		}
		return s.othersBehind(ctx, tx, to.ID, channel, now)
	})
}

// backOff is how long to wait after so many tries: soon at first, and never
// longer than five minutes, since a page is no use the next day.
func backOff(attempts int) time.Duration {
	return min(time.Duration(attempts*attempts)*2*time.Second, 5*time.Minute)
}

// nextChannel has the channel after one that failed not wait for its turn.
func (s *Store) nextChannel(ctx context.Context, tx *db.Tx, notification string, position int, now time.Time) error {
	next, err := db.All(ctx, tx, db.Strings, `SELECT channel FROM notification_channel WHERE notification = $1 AND state = 'queued' AND attempts = 0 AND held = FALSE AND position > $2 AND due > $3 ORDER BY position LIMIT 1`, notification, position, db.Micro(now))
	if err != nil {
		return fmt.Errorf("find the next channel: %w", err)
	}
	for _, channel := range next {
		if _, err := tx.Exec(ctx, `UPDATE notification_channel SET due = $3 WHERE notification = $1 AND channel = $2`, notification, channel, db.Micro(now)); err != nil {
			return fmt.Errorf("begin the next channel: %w", err)
		}
		if err := s.plan(ctx, tx, notification, channel, now); err != nil {
			return err
		}
	}
	return nil
}

// othersBehind does the same for what waited behind a round that failed.
func (s *Store) othersBehind(ctx context.Context, tx *db.Tx, person, channel string, now time.Time) error {
	type row struct {
		of       string
		position int
	}
	waiting, err := db.All(ctx, tx, func(r db.Scanner) (v row, err error) { return v, r.Scan(&v.of, &v.position) },
		`SELECT notification, position FROM notification_channel WHERE person = $1 AND channel = $2 AND state = 'queued' AND attempts = 0 AND due <= $3 ORDER BY notification`, person, channel, db.Micro(now))
	if err != nil {
		return fmt.Errorf("find what waits: %w", err)
	}
	for _, w := range waiting {
		if err := s.nextChannel(ctx, tx, w.of, w.position, now); err != nil {
			return err
		}
	}
	return nil
}

// more begins the next round where something became due during the last one.
func (s *Store) more(ctx context.Context, person, channel string) error {
	return s.db.Do(ctx, func(tx *db.Tx) error {
		now := s.clock.Now()
		next, err := db.All(ctx, tx, db.Strings, `SELECT c.notification FROM notification_channel c JOIN notification n ON n.id = c.notification WHERE c.person = $1 AND c.channel = $2 AND c.state = 'queued' AND c.due <= $3 AND c.claimed <= $3
ORDER BY CASE WHEN n.severity = 0 THEN 5 ELSE n.severity END, n.id LIMIT 1`, person, channel, db.Micro(now))
		if err != nil {
			return fmt.Errorf("look for more to send: %w", err)
		}
		for _, n := range next {
			if err := s.plan(ctx, tx, n, channel, now); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) switchedOff(ctx context.Context, group []parcel, channel, why string) error {
	return s.db.Do(ctx, func(tx *db.Tx) error {
		now := s.clock.Now()
		for _, p := range group {
			if err := s.setChannel(ctx, tx, p.n.ID, channel, "off", why, now); err != nil {
				return err
			}
			if err := s.nextChannel(ctx, tx, p.n.ID, p.position, now); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) release(ctx context.Context, group []parcel, channel string) error {
	ctx = context.WithoutCancel(ctx)
	return s.db.Do(ctx, func(tx *db.Tx) error {
		for _, p := range group {
			if _, err := tx.Exec(ctx, `UPDATE notification_channel SET claimed = 0 WHERE notification = $1 AND channel = $2`, p.n.ID, channel); err != nil {
				return fmt.Errorf("give back a delivery: %w", err)
			}
		}
		return nil
	})
}

func (s *Store) setChannel(ctx context.Context, tx *db.Tx, notification, channel, state, text string, now time.Time) error {
	if _, err := tx.Exec(ctx, `UPDATE notification_channel SET state = $3, error = $4, at = $5 WHERE notification = $1 AND channel = $2`, notification, channel, state, text, db.Micro(now)); err != nil {
		return fmt.Errorf("note a delivery: %w", err)
	}
	s.count(tx, Delivery{Channel: channel, State: state})
	fresh, err := s.one(ctx, tx, `n.id = $1`, notification)
	if err != nil {
		return err
	}
	return s.publish(ctx, tx, fresh, false)
}

// givenUp tells administrators that a call did not get out, once an hour for a
// person and channel.
func (s *Store) givenUp(ctx context.Context, tx *db.Tx, to account.User, n Notification, channel, text string) error {
	if n.Kind != "page" && n.Severity == 0 {
		return nil
	}
	name, err := s.channelName(ctx, tx, channel)
	if err != nil {
		return err
	}
	admins, err := s.people.WithRole(ctx, tx, "administrator")
	if err != nil {
		return err
	}
	for _, a := range admins {
		notice := New{Person: a.ID, Kind: "info", Title: fmt.Sprintf("A page to %s did not get out by %s", to.Display, name),
			Body: fmt.Sprintf("%s\n\n%s", n.Title, text), Link: n.Link, Incident: n.IncidentID,
			Key: fmt.Sprintf("undelivered:%s:%s:%s", to.ID, channel, s.clock.Now().UTC().Format("2006-01-02T15"))}
		if hidden, err := s.hidden(ctx, tx, a.Actor(), n.IncidentID); err != nil {
			return err
		} else if hidden { // that it failed is theirs to mend, what it was about is not
			notice.Body, notice.Link, notice.Incident = text, "", ""
		}
		if _, err := s.Send(ctx, tx, notice); err != nil {
			return err
		}
	}
	return nil
}

// letter is what a bundle says. Of one it is the notification itself.
func letter(ps []parcel) Notification {
	n := ps[0].n
	if len(ps) == 1 {
		return n
	}
	incidents, drills := map[string]bool{}, 0
	for _, p := range ps {
		if p.n.Kind == "page" && p.n.IncidentID != "" {
			incidents[p.n.IncidentID] = true
		}
		if p.n.Drill {
			drills++
		}
	}
	what := fmt.Sprintf("%d messages", len(ps))
	if len(incidents) > 1 {
		what = fmt.Sprintf("%d incidents", len(incidents))
	}
	mark := ""
	if n.Severity > 0 {
		mark = fmt.Sprintf("[SEV-%d] ", n.Severity)
	}
	if drills == len(ps) {
		mark = "[DRILL] " + mark
	}
	var body strings.Builder
	for _, p := range ps {
		body.WriteString("- " + line(p.n.Title) + "\n")
	}
	return Notification{ID: bundleID(ps), Kind: n.Kind, Title: what + ", the worst first:", Body: body.String(), Link: "/inbox", CreatedAt: n.CreatedAt, Severity: n.Severity, Drill: drills == len(ps),
		person: n.person, subject: clip(mark+what+": "+n.Title, 300)}
}

// bundleID is the same for the same notifications sent together again.
func bundleID(ps []parcel) string {
	h := sha256.New()
	for _, p := range ps {
		h.Write([]byte(p.n.ID))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

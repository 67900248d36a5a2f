// Package notify tells people: in the app at once, and beyond the browser by
// email and by gateways (a firm's own way to telephones) through durable tasks
// that retry for a day and stop once it was answered. Its invariant: every notification says, per
// channel, whether it was sent, waits, failed and why, or cannot be sent at
// all; nothing is lost quietly. Who is to be told, and what follows when they
// do not react, is decided by the packages that call it.
package notify

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/key"
	"muster/internal/ledger"
	"muster/internal/meter"
	"muster/internal/outbound"
	"muster/internal/task"
)

// Notification is one thing one person was told.
type Notification struct {
	ID         string     `json:"id"`
	Kind       string     `json:"kind" enum:"page,get,mention,approval,info"`
	Title      string     `json:"title"`
	Body       string     `json:"body"`
	Link       string     `json:"link" doc:"Path in the app"`
	IncidentID string     `json:"incident_id,omitempty"`
	CreatedAt  time.Time  `json:"created_at"`
	SeenAt     *time.Time `json:"seen_at,omitempty"`
	ActedAt    *time.Time `json:"acted_at,omitempty"`
	EndedAt    *time.Time `json:"ended_at,omitempty" doc:"When what it asks for was over without you: somebody else did it, or it is no longer needed"`
	Severity   int        `json:"severity,omitempty" doc:"1 to 4 as the incident's; left out where it has none"`
	Drill      bool       `json:"drill,omitempty" doc:"A drill or test, not the real thing"`
	Channels   []Delivery `json:"channels"`

	person  string
	subject string
}

// Person is whom the notification is for.
func (n Notification) Person() string { return n.person }

// Delivery is how far a notification came on one way to the person.
type Delivery struct {
	Channel  string     `json:"channel" doc:"app, email, or gateway: and the gateway's id"`
	Name     string     `json:"name,omitempty" doc:"Of a gateway, such as SMS"`
	State    string     `json:"state" enum:"queued,sent,failed,off,skipped"`
	At       *time.Time `json:"at,omitempty" doc:"When it came to this; of what is queued and was not tried yet, when it is due"`
	Error    string     `json:"error,omitempty"`
	Attempts int        `json:"attempts,omitempty" doc:"How often it was tried"`
	Tries    []Try      `json:"tries,omitempty" doc:"The newest of them, oldest first"`
}

// New describes what to tell whom.
type New struct {
	Person   string // user id
	Kind     string // page, get, mention, approval, info
	Title    string
	Body     string
	Link     string // path in the app, for example /rooms/<id>
	Incident string
	Email    bool   // beyond the browser too, by the person's own channels
	Subject  string // of the mail; "" is Title
	Severity int    // 1 (worst) to 4 as the incident's; 0: none
	Drill    bool   // a drill or test: marked in title and subject wherever it is told
	Key      string // the same key for the same person is told once
}

// Settings of the channels. Access, Ledger and Keys are asked where a person's
// channels or a gateway are changed; what only tells people does without.
type Settings struct {
	Mail      *Mail         // nil: email is off
	PublicURL func() string // how people reach this server, without a slash at the end
	// At most PerWindow messages to one person by one channel in Window, a SEV-1
	// not counted; what is more waits.
	PerWindow int           // 0: 30
	Window    time.Duration // 0: 10 min
	// Gather is how long after a message the next one waits for others, a SEV-1
	// never.
	Gather time.Duration

	Access   *access.Access
	Ledger   *ledger.Ledger
	Keys     *key.Store
	Gateways *outbound.Dialer // nil: with the rules for URLs that people typed
}

// Seen is called in the transaction in which a person saw a notification.
type Seen func(ctx context.Context, tx *db.Tx, who actor.Actor, n Notification) error

// Store sends and keeps notifications.
type Store struct {
	db     *db.DB
	tasks  *task.Queue
	clock  clock.Clock
	bus    bus.Bus
	people *account.Store
	set    Settings
	log    *slog.Logger
	seen   []Seen
	// confined, if set, tells of an incident what incident.Confined does.
	confined Confined

	told *meter.Counter
}

// Measure counts notifications. Call it before the first.
func (s *Store) Measure(m *meter.Meter) {
	s.told = m.Counter("notifications_total", "Notifications by channel and state: sent, failed (given up), off (no way to the person), skipped (seen elsewhere first).", "channel", "state")
	for _, state := range []string{"sent", "failed", "off", "skipped"} {
		s.told.Add(0, "email", state)
		s.told.Add(0, "gateway", state)
	}
	s.told.Add(0, "app", "sent")
}

// count counts a notification's state once it is durable; that one waits is no end.
func (s *Store) count(tx *db.Tx, c Delivery) {
	if c.State != "queued" {
		channel, _, _ := strings.Cut(c.Channel, ":") // all gateways are one
		tx.AfterCommit(func() { s.told.Inc(channel, c.State) })
	}
}

// NewStore makes the store and registers its task.
func NewStore(d *db.DB, q *task.Queue, c clock.Clock, b bus.Bus, people *account.Store, set Settings, log *slog.Logger) *Store {
	if set.PerWindow == 0 {
		set.PerWindow = 30
	}
	if set.Window == 0 {
		set.Window = 10 * time.Minute
	}
	if set.PublicURL == nil {
		set.PublicURL = func() string { return "" }
	}
	s := &Store{db: d, tasks: q, clock: c, bus: b, people: people, set: set, log: log}
	q.Handle(taskEmail, s.deliver)
	q.Handle(taskGateway, s.deliver)
	q.Handle(taskForget, func(ctx context.Context, _ task.Task) error { return s.Forget(ctx) })
	return s
}

// Reader makes a store for who only asks how people are reached, with no server
// behind it; mail is nil where none can be sent. It sends nothing.
func Reader(people *account.Store, mail *Mail) *Store {
	return &Store{people: people, set: Settings{Mail: mail}}
}

// OnSeen subscribes to people seeing notifications; call it before serving.
func (s *Store) OnSeen(fn Seen) { s.seen = append(s.seen, fn) }

// Confined says whether an incident is restricted, and if so whether who belongs
// to it.
type Confined func(ctx context.Context, q db.Querier, who actor.Actor, incidentID string) (restricted, member bool, err error)

// WithConfined tells the store which notifications are not for everybody who looks
// after channels; call it before serving.
func (s *Store) WithConfined(fn Confined) { s.confined = fn }

// hidden says whether what is told about an incident is not for who to read, to
// whomever it was sent.
func (s *Store) hidden(ctx context.Context, q db.Querier, who actor.Actor, incidentID string) (bool, error) {
	if s.confined == nil || incidentID == "" {
		return false, nil
	}
	restricted, member, err := s.confined(ctx, q, who, incidentID)
	if db.IsNoRows(err) {
		return false, nil
	}
	return restricted && !member, err
}

var kinds = map[string]bool{"page": true, "get": true, "mention": true, "approval": true, "info": true}

// Send tells a person. It is called by capabilities that already checked what
// the actor may do, so it asks no permission of its own.
func (s *Store) Send(ctx context.Context, tx *db.Tx, in New) (Notification, error) {
	if !kinds[in.Kind] || in.Person == "" {
		return Notification{}, fmt.Errorf("notify: kind %q for %q", in.Kind, in.Person)
	}
	if in.Key != "" {
		if n, err := s.one(ctx, tx, `n.person = $1 AND n.uniq = $2`, in.Person, in.Key); err == nil || !fault.Is(err, fault.NotFound) {
			return n, err
		}
	}
	to, err := s.people.Get(ctx, tx, in.Person)
	if err != nil {
		return Notification{}, err
	}
	if in.Subject == "" {
		in.Subject = in.Title
	}
	if in.Severity < 0 || in.Severity > 4 {
		return Notification{}, fmt.Errorf("notify: severity %d", in.Severity)
	}
	if in.Drill {
		in.Title, in.Subject = drill(in.Title), drill(in.Subject)
	}
	now := s.clock.Now()
	n := Notification{ID: id.New(), Kind: in.Kind, Title: clip(in.Title, 300), Body: clip(in.Body, 4000), Link: in.Link, IncidentID: in.Incident, CreatedAt: now, Severity: in.Severity, Drill: in.Drill, person: in.Person, subject: clip(in.Subject, 300)}
	if _, err := tx.Exec(ctx, `INSERT INTO notification (id, person, kind, title, subject, body, link, incident, uniq, created_at, seen_at, acted_at, severity, drill) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,0,0,$11,$12)`,
		n.ID, n.person, n.Kind, n.Title, n.subject, n.Body, n.Link, n.IncidentID, in.Key, db.Micro(now), n.Severity, n.Drill); err != nil {
		return n, fmt.Errorf("notify: %w", err)
	}
	app := Delivery{Channel: "app", State: "sent", At: &now}
	n.Channels = []Delivery{app}
	if _, err := tx.Exec(ctx, `INSERT INTO notification_channel (notification, person, channel, state, at, error) VALUES ($1,$2,'app','sent',$3,'')`, n.ID, n.person, db.Micro(now)); err != nil {
		return n, fmt.Errorf("notify in the app: %w", err)
	}
	s.count(tx, app)
	if in.Email {
		if err := s.addChannels(ctx, tx, &n, to); err != nil {
			return n, err
		}
	}
	return n, s.publish(ctx, tx, n, true)
}

// publish tells the person's screens how a notification stands, and how many
// are unseen: a screen that counted for itself would count one twice when the
// state of its mail changes.
func (s *Store) publish(ctx context.Context, tx *db.Tx, n Notification, fresh bool) error {
	unread, err := s.Unseen(ctx, tx, n.person)
	if err != nil {
		return fmt.Errorf("count unseen: %w", err)
	}
	tx.AfterCommit(func() {
		s.bus.Publish("user:"+n.person, map[string]any{"type": "notification", "notification": n, "fresh": fresh, "unread": unread})
	})
	return nil
}

const columns = `n.id, n.person, n.kind, n.title, n.subject, n.body, n.link, n.incident, n.created_at, n.seen_at, n.acted_at, n.ended_at, n.severity, n.drill`

func scan(r db.Scanner) (n Notification, err error) {
	var created, seen, acted, ended int64
	err = r.Scan(&n.ID, &n.person, &n.Kind, &n.Title, &n.subject, &n.Body, &n.Link, &n.IncidentID, &created, &seen, &acted, &ended, &n.Severity, &n.Drill)
	n.CreatedAt, n.SeenAt, n.ActedAt, n.EndedAt = db.At(created), at(seen), at(acted), at(ended)
	return n, err
}

func at(us int64) *time.Time {
	if us == 0 {
		return nil
	}
	t := db.At(us)
	return &t
}

var errNone = fault.New(fault.NotFound, "There is no such notification for you.")

func (s *Store) one(ctx context.Context, q db.Querier, where string, args ...any) (Notification, error) {
	n, err := db.One(ctx, q, scan, `SELECT `+columns+` FROM notification n WHERE `+where, args...)
	if db.IsNoRows(err) {
		return n, errNone
	}
	if err != nil {
		return n, fmt.Errorf("read notification: %w", err)
	}
	ns := []Notification{n}
	err = s.fill(ctx, q, ns)
	return ns[0], err
}

// fill adds the channels.
func (s *Store) fill(ctx context.Context, q db.Querier, ns []Notification) error {
	if len(ns) == 0 {
		return nil
	}
	index, args, marks := map[string]int{}, []any{}, []string{}
	for i := range ns {
		index[ns[i].ID] = i
		ns[i].Channels = []Delivery{}
		args = append(args, ns[i].ID)
		marks = append(marks, fmt.Sprintf("$%d", i+1))
	}
	in := strings.Join(marks, ",")
	rows, err := db.All(ctx, q, func(r db.Scanner) (v struct {
		of string
		c  Delivery
	}, err error) {
		var when int64
		err = r.Scan(&v.of, &v.c.Channel, &v.c.Name, &v.c.State, &when, &v.c.Error, &v.c.Attempts)
		v.c.At = at(when)
		return v, err
	}, `SELECT c.notification, c.channel, COALESCE(g.name, ''), c.state, c.at, c.error, c.attempts FROM notification_channel c LEFT JOIN gateway g ON c.channel = 'gateway:' || g.id
WHERE c.notification IN (`+in+`) ORDER BY c.position, c.channel`, args...)
	if err != nil {
		return fmt.Errorf("read channels: %w", err)
	}
	for _, r := range rows {
		i := index[r.of]
		ns[i].Channels = append(ns[i].Channels, r.c)
	}
	return s.fillTries(ctx, q, ns, index, in, args)
}

const shownTries = 5

// fillTries adds the newest tries of each delivery.
func (s *Store) fillTries(ctx context.Context, q db.Querier, ns []Notification, index map[string]int, in string, args []any) error {
	type row struct {
		of, channel string
		t           Try
	}
	tries, err := db.All(ctx, q, func(r db.Scanner) (v row, err error) {
		var when int64
		err = r.Scan(&v.of, &v.channel, &when, &v.t.Sent, &v.t.Error, &v.t.Answer)
		v.t.At = db.At(when)
		return v, err
	}, `SELECT a.notification, a.channel, a.at, a.sent, a.error, a.answer FROM notification_attempt a JOIN notification_channel c ON c.notification = a.notification AND c.channel = a.channel
WHERE a.notification IN (`+in+`) AND (SELECT COUNT(*) FROM notification_attempt b WHERE b.notification = a.notification AND b.channel = a.channel AND b.id > a.id) < `+fmt.Sprint(shownTries)+` ORDER BY a.id`, args...)
	if err != nil {
		return fmt.Errorf("read tries: %w", err)
	}
	for _, r := range tries {
		cs := ns[index[r.of]].Channels
		for i := range cs {
			if cs[i].Channel == r.channel {
				cs[i].Tries = append(cs[i].Tries, r.t)
			}
		}
	}
	return nil
}

// List gives a person's notifications, newest first.
func (s *Store) List(ctx context.Context, q db.Querier, who actor.Actor, unseenOnly bool, limit int) ([]Notification, error) {
	if limit <= 0 || limit > 200 {
		limit = 100
	}
	where := ""
	if unseenOnly {
		where = " AND n.seen_at = 0"
	}
	ns, err := db.All(ctx, q, scan, `SELECT `+columns+` FROM notification n WHERE n.person = $1`+where+` ORDER BY n.id DESC LIMIT $2`, who.ID, limit)
	if err != nil {
		return nil, fmt.Errorf("list notifications: %w", err)
	}
	return ns, s.fill(ctx, q, ns)
}

// Unseen counts what a person has not seen yet.
func (s *Store) Unseen(ctx context.Context, q db.Querier, person string) (int, error) {
	var n int
	err := q.QueryRow(ctx, `SELECT COUNT(*) FROM notification WHERE person = $1 AND seen_at = 0`, person).Scan(&n)
	return n, err
}

// Channels tells how a notification reached its person; none for an unknown id.
func (s *Store) Channels(ctx context.Context, q db.Querier, notificationIDs []string) (map[string][]Delivery, error) {
	ns := make([]Notification, len(notificationIDs))
	for i, n := range notificationIDs {
		ns[i].ID = n
	}
	for rest := ns; len(rest) > 0; { // a storm's pages are more than one statement takes
		n := min(len(rest), 500)
		if err := s.fill(ctx, q, rest[:n]); err != nil {
			return nil, err
		}
		rest = rest[n:]
	}
	out := map[string][]Delivery{}
	for _, n := range ns {
		out[n.ID] = n.Channels
	}
	return out, nil
}

// See marks a notification of who's own as seen.
func (s *Store) See(ctx context.Context, tx *db.Tx, who actor.Actor, notificationID string) (Notification, error) {
	n, err := s.one(ctx, tx, `n.id = $1 AND n.person = $2`, notificationID, who.ID)
	if err != nil || n.SeenAt != nil {
		return n, err
	}
	return s.see(ctx, tx, who, n)
}

func (s *Store) see(ctx context.Context, tx *db.Tx, who actor.Actor, n Notification) (Notification, error) {
	now := s.clock.Now()
	if _, err := tx.Exec(ctx, `UPDATE notification SET seen_at = $2 WHERE id = $1 AND seen_at = 0`, n.ID, db.Micro(now)); err != nil {
		return n, fmt.Errorf("mark seen: %w", err)
	}
	n.SeenAt = &now
	for _, fn := range s.seen {
		if err := fn(ctx, tx, who, n); err != nil {
			return n, err
		}
	}
	return n, s.publish(ctx, tx, n, false)
}

// SeeAll marks everything of who's own as seen.
func (s *Store) SeeAll(ctx context.Context, tx *db.Tx, who actor.Actor) error {
	ns, err := db.All(ctx, tx, scan, `SELECT `+columns+` FROM notification n WHERE n.person = $1 AND n.seen_at = 0 ORDER BY n.id LIMIT 1000`, who.ID)
	if err != nil {
		return fmt.Errorf("list unseen: %w", err)
	}
	if err := s.fill(ctx, tx, ns); err != nil {
		return err
	}
	for _, n := range ns {
		if _, err := s.see(ctx, tx, who, n); err != nil {
			return err
		}
	}
	return nil
}

// Acted notes that the person did what the notification asked for, which
// implies that they saw it.
func (s *Store) Acted(ctx context.Context, tx *db.Tx, notificationID string) error {
	n, err := s.one(ctx, tx, `n.id = $1`, notificationID)
	if err != nil || n.ActedAt != nil {
		return err
	}
	now := s.clock.Now()
	if _, err := tx.Exec(ctx, `UPDATE notification SET acted_at = $2, seen_at = CASE WHEN seen_at = 0 THEN $2 ELSE seen_at END WHERE id = $1`, n.ID, db.Micro(now)); err != nil {
		return fmt.Errorf("mark acted: %w", err)
	}
	return s.withdraw(ctx, tx, n.ID)
}

// Settle is Acted by the key the person was told under. Without such a
// notification there is nothing to do.
func (s *Store) Settle(ctx context.Context, tx *db.Tx, person, key string) error {
	n, err := s.one(ctx, tx, `n.person = $1 AND n.uniq = $2`, person, key)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.Acted(ctx, tx, n.ID)
}

// clip cuts a text at a rune, visibly.
func clip(text string, most int) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

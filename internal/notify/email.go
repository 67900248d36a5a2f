package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"

	"github.com/wneessen/go-mail"

	"muster/internal/account"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/outbound"
	"muster/internal/task"
)

// Mail says how to reach the SMTP server.
type Mail struct {
	Host string
	Port int    // 0: by TLS mode (465 for tls, 25 for none, otherwise 587)
	From string // "Muster <muster@bank.example>"
	// TLS is "starttls" (required; the default), "tls" (from the first byte),
	// "opportunistic" (STARTTLS where offered) or "none".
	TLS       string
	User      string
	Password  string
	TLSConfig *tls.Config // nil: the system's roots
	// Dialer connects to the server; nil means with the rules for mail and no
	// settings of their own.
	Dialer *outbound.Dialer
}

// Validate says what is wrong with the settings.
func (m Mail) Validate() error {
	if m.Host == "" {
		return fault.Field("mail.host", "Name the SMTP server.")
	}
	if _, err := netmail.ParseAddress(m.From); err != nil {
		return fault.Field("mail.from", "Give the sender as an address, for example Muster <muster@bank.example>.")
	}
	switch m.TLS {
	case "", "starttls", "tls", "opportunistic", "none":
	default:
		return fault.Field("mail.tls", "The TLS mode is one of starttls, tls, opportunistic, none.")
	}
	return nil
}

const taskEmail = "notify.email"

type emailArgs struct {
	Notification string `json:"notification"`
	Held         int    `json:"held,omitempty"` // how often the rate limit held it back
}

// deliver is the task that sends one mail. A crash between the server's "250"
// and our note of it sends the mail again under the same Message-ID, which mail
// programs show once.
func (s *Store) deliver(ctx context.Context, t task.Task) error {
	var args emailArgs
	if err := t.Into(&args); err != nil {
		return err
	}
	q := s.db.Read()
	n, err := s.one(ctx, q, `n.id = $1`, args.Notification)
	if err != nil {
		return err
	}
	state := ""
	for _, c := range n.Channels {
		if c.Channel == "email" {
			state = c.State
		}
	}
	if state != "queued" {
		return nil
	}
	to, err := s.people.Get(ctx, q, n.person)
	if err != nil {
		return err
	}
	switch {
	case s.set.Mail == nil:
		return s.mark(ctx, n, "off", "Email is not set up on this server.")
	case to.Email == "" || to.Disabled:
		return s.mark(ctx, n, "off", "No email address is stored for this person, or the account is disabled.")
	case args.Held > 0 && n.SeenAt != nil:
		return s.mark(ctx, n, "skipped", "Already seen in the app while the mail was held back.")
	}
	if free, err := s.free(ctx, q, n.person); err != nil {
		return err
	} else if free.After(s.clock.Now()) {
		return s.hold(ctx, n, args, free)
	}
	err = s.set.Mail.send(ctx, n, to, s.set.PublicURL())
	if err == nil {
		return s.mark(ctx, n, "sent", "")
	}
	if t.Last || permanent(err) {
		s.log.Error("mail not delivered", "notification", n.ID, "attempt", t.Attempt, "error", err)
		return s.mark(ctx, n, "failed", words(err))
	}
	if merr := s.mark(ctx, n, "queued", words(err)+" It is tried again."); merr != nil {
		return merr
	}
	return fmt.Errorf("send mail: %w", err)
}

// free says from when the person may get another mail.
func (s *Store) free(ctx context.Context, q db.Querier, person string) (time.Time, error) {
	since := s.clock.Now().Add(-s.set.Window)
	sent, err := db.All(ctx, q, func(r db.Scanner) (v int64, err error) { return v, r.Scan(&v) },
		`SELECT at FROM notification_channel WHERE person = $1 AND channel = 'email' AND state = 'sent' AND at > $2 ORDER BY at DESC LIMIT $3`, person, db.Micro(since), s.set.PerWindow)
	if err != nil || len(sent) < s.set.PerWindow {
		return time.Time{}, err
	}
	return db.At(sent[len(sent)-1]).Add(s.set.Window), nil
}

func (s *Store) hold(ctx context.Context, n Notification, args emailArgs, until time.Time) error {
	args.Held++
	return s.db.Do(ctx, func(tx *db.Tx) error {
		// A key of its own: this task still runs under the old one.
		err := s.tasks.Enqueue(ctx, tx, taskEmail, args, task.Options{At: until, Key: fmt.Sprintf("%s/%d", n.ID, args.Held)})
		if err != nil {
			return err
		}
		return s.setChannel(ctx, tx, n, "queued", fmt.Sprintf("Held back: more than %d mails within %s. See the app.", s.set.PerWindow, s.set.Window))
	})
}

func (s *Store) mark(ctx context.Context, n Notification, state, text string) error {
	// What became of a mail is noted even while the server stops.
	ctx = context.WithoutCancel(ctx)
	return s.db.Do(ctx, func(tx *db.Tx) error { return s.setChannel(ctx, tx, n, state, text) })
}

func (s *Store) setChannel(ctx context.Context, tx *db.Tx, n Notification, state, text string) error {
	if _, err := tx.Exec(ctx, `UPDATE notification_channel SET state = $2, error = $3, at = $4 WHERE notification = $1 AND channel = 'email'`, n.ID, state, text, db.Micro(s.clock.Now())); err != nil {
		return fmt.Errorf("note the mail's state: %w", err)
	}
	s.count(tx, Delivery{Channel: "email", State: state})
	fresh, err := s.one(ctx, tx, `n.id = $1`, n.ID)
	if err != nil {
		return err
	}
	return s.publish(ctx, tx, fresh, false)
}

// line makes one header-safe line of a text: nothing in it can begin another
// header, and mail programs can read it.
func line(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
	return strings.ToValidUTF8(strings.Join(strings.Fields(text), " "), "\uFFFD")
}

func (m Mail) message(n Notification, to account.User, publicURL string) (*mail.Msg, error) {
	msg := mail.NewMsg()
	from, err := netmail.ParseAddress(m.From)
	if err != nil {
		return nil, fmt.Errorf("sender address: %w", err)
	}
	msg.FromMailAddress(from)
	// Parsed, so that a stored address can hold exactly one recipient.
	rcpt, err := netmail.ParseAddress(line(to.Email))
	if err != nil {
		return nil, errAddress
	}
	// A backslash is not encoded there, and makes the header one that cannot be read.
	rcpt.Name = strings.ReplaceAll(line(to.Display), `\`, "")
	msg.ToMailAddress(rcpt)
	msg.Subject(line(n.subject))
	_, host, _ := strings.Cut(from.Address, "@")
	msg.SetMessageIDWithValue(n.ID + "@" + host)
	msg.SetDateWithValue(n.CreatedAt)
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	if n.Kind == "page" {
		msg.SetImportance(mail.ImportanceUrgent)
	}
	var b strings.Builder
	b.WriteString(n.Title + "\n")
	if n.Body != "" {
		b.WriteString("\n" + n.Body + "\n")
	}
	if n.Link != "" && publicURL != "" {
		b.WriteString("\nOpen: " + publicURL + n.Link + "\n")
	}
	b.WriteString("\n-- \nSent by Muster at " + n.CreatedAt.UTC().Format("2006-01-02 15:04") + " UTC.\n")
	msg.SetBodyString(mail.TypeTextPlain, b.String())
	return msg, nil
}

var errAddress = errors.New("the stored email address is not an address")

func (m Mail) send(ctx context.Context, n Notification, to account.User, publicURL string) error {
	msg, err := m.message(n, to, publicURL)
	if err != nil {
		return err
	}
	dialer := m.Dialer
	if dialer == nil {
		dialer = outbound.New(outbound.Mail, outbound.Rules{}, outbound.Options{})
	}
	dial := dialer.DialContext
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS12}
	if m.TLSConfig != nil {
		tlsConfig = m.TLSConfig.Clone()
	}
	tlsConfig.ServerName = m.Host
	opts := []mail.Option{mail.WithTimeout(20 * time.Second), mail.WithoutNoop(), mail.WithTLSConfig(tlsConfig)}
	port := m.Port
	byMode := func(p int) {
		if port == 0 {
			port = p
		}
	}
	switch m.TLS {
	case "tls":
		byMode(465)
		// Not WithSSL: the library would take a dialler of ours for one that
		// speaks in clear, and offer no login. It sees the connection's state
		// under the opportunistic policy, and finds it encrypted already.
		opts = append(opts, mail.WithTLSPolicy(mail.TLSOpportunistic))
		dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			raw, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			conn := tls.Client(raw, tlsConfig)
			if err := conn.HandshakeContext(ctx); err != nil {
				_ = raw.Close()
				return nil, err
			}
			return conn, nil
		}
	case "none":
		byMode(25)
		opts = append(opts, mail.WithTLSPolicy(mail.NoTLS))
	case "opportunistic":
		byMode(587)
		opts = append(opts, mail.WithTLSPolicy(mail.TLSOpportunistic))
	default:
		byMode(587)
		opts = append(opts, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	opts = append(opts, mail.WithPort(port), mail.WithDialContextFunc(dial))
	if m.User != "" {
		opts = append(opts, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(m.User), mail.WithPassword(m.Password))
	}
	c, err := mail.NewClient(m.Host, opts...)
	if err != nil {
		return fmt.Errorf("mail settings: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return c.DialAndSendWithContext(ctx, msg)
}

// permanent says that trying again cannot help.
func permanent(err error) bool {
	if errors.Is(err, errAddress) || outbound.IsRefused(err) {
		return true
	}
	se, ok := errors.AsType[*mail.SendError](err)
	return ok && !se.IsTemp() && se.ErrorCode() >= 500
}

// words is what a screen says about a failed mail; details are in the log.
func words(err error) string {
	if refused, ok := errors.AsType[*outbound.Refused](err); ok {
		return refused.Error()
	}
	if errors.Is(err, errAddress) {
		return "The stored email address is not an address. Correct it in the profile."
	}
	if se, ok := errors.AsType[*mail.SendError](err); ok && se.ErrorCode() > 0 {
		return fmt.Sprintf("The mail server answered with code %d.", se.ErrorCode())
	}
	return "The mail server could not be reached or broke off."
}

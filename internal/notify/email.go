package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"

	"github.com/wneessen/go-mail"

	"muster/internal/account"
	"muster/internal/fault"
	"muster/internal/outbound"
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
	return c.DialAndSendWithContext(ctx, msg)
}

// permanent says that trying again cannot help.
func permanent(err error) bool {
	if r, ok := errors.AsType[*refused](err); ok {
		return r.final()
	}
	if errors.Is(err, errAddress) || outbound.IsRefused(err) {
		return true
	}
	se, ok := errors.AsType[*mail.SendError](err)
	return ok && !se.IsTemp() && se.ErrorCode() >= 500
}

// words is what a screen says about what was not sent; details are in the log.
func words(err error) string {
	if refused, ok := errors.AsType[*outbound.Refused](err); ok {
		return refused.Error()
	}
	if text, ok := gatewayWords(err); ok {
		return text
	}
	if errors.Is(err, errAddress) {
		return "The stored email address is not an address. Correct it in the profile."
	}
	if se, ok := errors.AsType[*mail.SendError](err); ok && se.ErrorCode() > 0 {
		return fmt.Sprintf("The mail server answered with code %d.", se.ErrorCode())
	}
	if text := certificateWords(err, "mail server"); text != "" {
		return text
	}
	return "The mail server could not be reached or broke off."
}

// certificateWords says what is wrong with the certificate of a server; "" when
// that is not what failed.
func certificateWords(err error, of string) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		text := "The " + of + "'s certificate is signed by an authority that this machine does not trust."
		if of == "mail server" {
			text += " An administrator names the authority's file as smtp.ca in muster.yaml."
		}
		return text
	case errors.As(err, &name):
		return "The " + of + "'s certificate is for another name than " + name.Host + "."
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "The " + of + "'s certificate has expired, or is not valid yet."
	case errors.As(err, &invalid):
		return "The " + of + "'s certificate is not valid for this."
	}
	return ""
}

package notify_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	netmail "net/mail"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"muster/internal/await"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/db/dbtest"
	"muster/internal/fault"
	"muster/internal/key"
	"muster/internal/ledger"
	"muster/internal/notify"
	"muster/internal/outbound"
	"muster/internal/task"
)

var ctx = context.Background()

// inbox is a mail server that keeps what it gets. refuse, if set, answers first.
type inbox struct {
	mu     sync.Mutex
	refuse func(n int) *smtp.SMTPError
	n      int
	mails  chan received
}

type received struct {
	from string
	to   []string
	raw  string
	msg  *netmail.Message
	body string

	user, password string // what it logged in with
}

func (b *inbox) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{b: b}, nil }

type session struct {
	b *inbox
	r received
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// AuthMechanisms and Auth take one login, in the form that sends the password itself.
func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		s.r.user, s.r.password = user, password
		return nil
	}), nil
}
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.r.from = from
	return nil
}
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.r.to = append(s.r.to, to)
	return nil
}
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.b.mu.Lock()
	s.b.n++
	n, refuse := s.b.n, s.b.refuse
	s.b.mu.Unlock()
	if refuse != nil {
		if e := refuse(n); e != nil {
			return e
		}
	}
	s.r.raw = string(raw)
	if s.r.msg, err = netmail.ReadMessage(strings.NewReader(s.r.raw)); err != nil {
		return err
	}
	body, _ := io.ReadAll(s.r.msg.Body)
	s.r.body = string(body)
	s.b.mails <- s.r
	return nil
}

// firstByte lets one port serve clients that begin with TLS, and others.
type firstByte struct {
	net.Listener
	tls *tls.Config
}

func (l firstByte) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil || l.tls == nil {
		return c, err
	}
	// A client that begins with TLS speaks first; all others wait to be greeted.
	one := make([]byte, 1)
	_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	n, _ := c.Read(one)
	_ = c.SetReadDeadline(time.Time{})
	if n == 0 {
		return c, nil
	}
	return tls.Server(&unread{c, one}, l.tls), nil
}

// unread gives back what was read to have a look.
type unread struct {
	net.Conn
	first []byte
}

func (u *unread) Read(p []byte) (int, error) {
	if len(u.first) > 0 {
		n := copy(p, u.first)
		u.first = u.first[n:]
		return n, nil
	}
	return u.Conn.Read(p)
}

// serve starts a mail server; with a pair it offers STARTTLS and takes TLS.
func serve(t *testing.T, pair *tls.Certificate) (*inbox, int) {
	b := &inbox{mails: make(chan received, 100)}
	s := smtp.NewServer(b)
	s.Domain, s.AllowInsecureAuth = "localhost", true
	s.ErrorLog = log.New(io.Discard, "", 0)
	if pair != nil {
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*pair}}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln = firstByte{ln, s.TLSConfig}
	go func() { _ = s.Serve(ln) }()
	t.Cleanup(func() { _ = s.Close() })
	return b, ln.Addr().(*net.TCPAddr).Port
}

type rig struct {
	t     *testing.T
	d     *db.DB
	clock *clock.Test
	bus   *bus.Memory
	tasks *task.Queue
	store *notify.Store
	ann   actor.Actor
	admin actor.Actor
	told  chan notify.Notification
}

func open(t *testing.T, set notify.Settings) *rig {
	r := &rig{t: t, d: dbtest.Open(t), clock: clock.NewTest(time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC)), bus: bus.NewMemory(), told: make(chan notify.Notification, 1000)}
	quiet := slog.New(slog.DiscardHandler)
	keys, _, err := ledger.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	l := ledger.New(r.clock, r.bus, keys)
	a := access.New(r.d, l, r.clock, quiet)
	people := account.New(r.d, a, l, r.bus, r.clock)
	r.tasks = task.New(r.d, r.clock, quiet, 4)
	master, err := key.LoadMaster(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	set.Access, set.Ledger, set.Keys = a, l, key.New(a, l, r.clock, master)
	if set.Gateways == nil {
		rules, err := outbound.ParseRules([]string{"127.0.0.0/8"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		set.Gateways = outbound.New(outbound.URLs, rules, outbound.Options{})
	}
	r.store = notify.NewStore(r.d, r.tasks, r.clock, r.bus, people, set, quiet)
	var u, admin account.User
	r.do(func(tx *db.Tx) (err error) {
		if admin, err = people.Create(ctx, tx, actor.System("test"), account.NewUser{Name: "ada", Display: "Ada", Roles: []string{"administrator"}}); err != nil {
			return err
		}
		u, err = people.Create(ctx, tx, actor.System("test"), account.NewUser{Name: "ann", Display: "Ann Émile", Email: "ann@bank.example"})
		return err
	})
	r.ann, r.admin = u.Actor(), admin.Actor()
	r.bus.Subscribe(func(topic string, payload any) {
		if m, ok := payload.(map[string]any); ok && m["type"] == "notification" && topic == "user:"+r.ann.ID {
			r.told <- m["notification"].(notify.Notification)
		}
	})
	return r
}

func (r *rig) start() {
	r.tasks.Start()
	r.t.Cleanup(r.tasks.Stop)
}

func (r *rig) do(fn func(tx *db.Tx) error) {
	r.t.Helper()
	if err := r.d.Do(ctx, fn); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) send(in notify.New) (n notify.Notification) {
	r.t.Helper()
	in.Person = r.ann.ID
	if in.Kind == "" {
		in.Kind = "page"
	}
	r.do(func(tx *db.Tx) (err error) {
		n, err = r.store.Send(ctx, tx, in)
		return err
	})
	return n
}

// until waits for the person's screen to show the mail in a state.
func (r *rig) until(id, state string) notify.Delivery {
	r.t.Helper()
	return r.untilBy(id, "email", state)
}

func (r *rig) untilBy(id, channel, state string) notify.Delivery {
	r.t.Helper()
	late := time.After(await.Limit)
	for {
		select {
		case n := <-r.told:
			for _, c := range n.Channels {
				if n.ID == id && c.Channel == channel && c.State == state {
					return c
				}
			}
		case <-late:
			r.t.Fatalf("by %s it never became %s", channel, state)
		}
	}
}

func (r *rig) mail(b *inbox) received {
	r.t.Helper()
	select {
	case m := <-b.mails:
		return m
	case <-time.After(await.Limit):
		r.t.Fatal("no mail came")
	}
	panic("unreachable")
}

func plain(port int) *notify.Mail {
	return &notify.Mail{Host: "127.0.0.1", Port: port, From: "Muster <muster@bank.example>", TLS: "none"}
}

func TestAPageArrivesByMail(t *testing.T) {
	b, port := serve(t, nil)
	r := open(t, notify.Settings{Mail: plain(port), PublicURL: func() string { return "https://muster.bank.example" }})
	r.start()
	n := r.send(notify.New{Title: "SEV-1 INC-2041 Payments down", Body: "You are on call.\nRéponds.", Link: "/rooms/42", Subject: "[SEV-1] INC-2041 Payments down", Email: true, Key: "page:1"})
	m := r.mail(b)
	if m.from != "muster@bank.example" || len(m.to) != 1 || m.to[0] != "ann@bank.example" {
		t.Errorf("envelope %q to %q", m.from, m.to)
	}
	h := m.msg.Header
	if h.Get("Subject") != "[SEV-1] INC-2041 Payments down" || !strings.Contains(h.Get("Message-Id"), n.ID+"@bank.example") || h.Get("Auto-Submitted") != "auto-generated" || !strings.HasPrefix(h.Get("Content-Type"), "text/plain") {
		t.Errorf("%v", h)
	}
	if !strings.Contains(m.body, "Open: https://muster.bank.example/rooms/42") {
		t.Error(m.body)
	}
	if c := r.until(n.ID, "sent"); c.Error != "" {
		t.Error(c)
	}
	// The same key again tells nobody twice.
	if again := r.send(notify.New{Title: "x", Email: true, Key: "page:1"}); again.ID != n.ID {
		t.Error("told twice")
	}
}

func TestHeadersCannotBeInjected(t *testing.T) {
	b, port := serve(t, nil)
	r := open(t, notify.Settings{Mail: plain(port)})
	r.start()
	r.send(notify.New{Title: "t\r\nBcc: eve@evil.example", Subject: "s\r\nBcc: eve@evil.example\r\n\r\nbody\x00\u2028x", Email: true, Body: ".\r\n.\r\nQUIT\r\n"})
	m := r.mail(b)
	if len(m.to) != 1 || m.msg.Header.Get("Bcc") != "" {
		t.Fatalf("%v to %v", m.msg.Header, m.to)
	}
	if s := m.msg.Header.Get("Subject"); !strings.Contains(s, "Bcc: eve@evil.example body") {
		t.Errorf("subject %q", s)
	}
}

func TestMailIsTriedAgainAndGivenUp(t *testing.T) {
	b, port := serve(t, nil)
	b.refuse = func(n int) *smtp.SMTPError {
		switch n {
		case 1:
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "busy"}
		case 3:
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "nobody here"}
		}
		return nil
	}
	r := open(t, notify.Settings{Mail: plain(port)})
	r.start()
	n := r.send(notify.New{Title: "t", Email: true})
	if c := r.until(n.ID, "queued"); c.Error != "" {
		t.Fatal("the first state is without an error:", c)
	}
	if c := r.until(n.ID, "queued"); c.Error != "The mail server answered with code 451. It is tried again." {
		t.Fatal(c)
	}
	advance(r, b)
	r.until(n.ID, "sent")
	n = r.send(notify.New{Title: "t2", Email: true})
	if c := r.until(n.ID, "failed"); c.Error != "The mail server answered with code 550." {
		t.Error(c)
	}
}

// advance moves time once the next try is planned, which is a moment after its
// state is shown.
func advance(r *rig, b *inbox) {
	r.t.Helper()
	for late := time.Now().Add(await.Limit); ; {
		var planned int
		if err := r.d.Read().QueryRow(ctx, `SELECT COUNT(*) FROM task WHERE kind = 'notify.email' AND state = 'ready'`).Scan(&planned); err != nil {
			r.t.Fatal(err)
		}
		if planned == 1 {
			break
		}
		if time.Now().After(late) {
			r.t.Fatal("it is not tried again")
		}
	}
	r.clock.Advance(2 * time.Second)
	r.tasks.Wake()
	r.mail(b)
}

// A storm becomes few mails, and a SEV-1 waits for none of it.
func TestOnePersonGetsSoManyMails(t *testing.T) {
	b, port := serve(t, nil)
	r := open(t, notify.Settings{Mail: plain(port), PerWindow: 2, Window: time.Minute})
	r.start()
	for range 2 {
		r.mail2(b, r.send(notify.New{Title: "t", Email: true}))
		r.clock.Advance(time.Second)
	}
	var held []notify.Notification
	for i := range 34 {
		n := r.send(notify.New{Title: fmt.Sprint("SEV-4 INC-", i), Subject: "x", Incident: fmt.Sprint("i", i), Severity: 4, Email: true})
		r.held(n.ID)
		held = append(held, n)
	}
	worst := r.send(notify.New{Title: "SEV-1 INC-2081 payments down", Subject: "[SEV-1] INC-2081 payments down", Incident: "i99", Severity: 1, Email: true})
	if m := r.mail(b); m.msg.Header.Get("Subject") != "[SEV-1] INC-2081 payments down" {
		t.Error("held back:", m.msg.Header.Get("Subject"))
	}
	r.until(worst.ID, "sent")
	r.do(func(tx *db.Tx) error { _, err := r.store.See(ctx, tx, r.ann, held[3].ID); return err })
	r.do(func(tx *db.Tx) error { return r.store.Acted(ctx, tx, held[4].ID) })
	r.clock.Advance(time.Minute + time.Second)
	r.tasks.Wake()
	m := r.mail(b)
	if got := m.msg.Header.Get("Subject"); !strings.Contains(got, "[SEV-4] 32 incidents: SEV-4 INC-0") && !strings.Contains(got, "[SEV-4] 33 incidents: SEV-4 INC-0") {
		t.Error(got)
	}
	if strings.Contains(m.body, "INC-4\r\n") || !strings.Contains(m.body, "- SEV-4 INC-33") {
		t.Error(m.body)
	}
	r.until(held[33].ID, "sent")
	if len(b.mails) != 0 {
		t.Error("more than one mail")
	}
}

// What comes within a moment goes out together, the worst first.
func TestWhatComesTogetherIsOneMail(t *testing.T) {
	b, port := serve(t, nil)
	r := open(t, notify.Settings{Mail: plain(port), Gather: 15 * time.Second})
	r.start()
	r.mail2(b, r.send(notify.New{Title: "first", Severity: 3, Email: true}))
	third := r.send(notify.New{Title: "SEV-3 second", Severity: 3, Incident: "i2", Email: true})
	second := r.send(notify.New{Title: "SEV-2 third", Severity: 2, Incident: "i3", Email: true})
	late := time.After(await.Limit)
	for wait := map[string]bool{third.ID: true, second.ID: true}; len(wait) > 0; { // told in any order
		select {
		case n := <-r.told:
			for _, c := range n.Channels {
				if c.Channel == "email" && c.State == "queued" && strings.HasPrefix(c.Error, "Waits a moment") {
					delete(wait, n.ID)
				}
			}
		case <-late:
			t.Fatal("they do not wait for each other")
		}
	}
	r.clock.Advance(16 * time.Second)
	r.tasks.Wake()
	m := r.mail(b)
	if got := m.msg.Header.Get("Subject"); got != "[SEV-2] 2 incidents: SEV-2 third" || strings.Index(m.body, "third") > strings.Index(m.body, "second") {
		t.Error(got, m.body)
	}
}

// Many at once that are all the worst kind become one too, without waiting.
func TestAStormOfTheWorst(t *testing.T) {
	b, port := serve(t, nil)
	r := open(t, notify.Settings{Mail: plain(port)})
	for i := range 35 {
		r.send(notify.New{Title: fmt.Sprint("SEV-1 INC-", i), Incident: fmt.Sprint("i", i), Severity: 1, Email: true})
	}
	r.start()
	if got := r.mail(b).msg.Header.Get("Subject"); got != "[SEV-1] 35 incidents: SEV-1 INC-0" {
		t.Error(got)
	}
}

// A mail server that is away for hours does not lose a page; one that is away
// for a day does, and administrators are told.
func TestMailIsTriedForADay(t *testing.T) {
	b, port := serve(t, nil)
	var up atomic.Bool
	b.refuse = func(int) *smtp.SMTPError {
		if up.Load() {
			return nil
		}
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "busy"}
	}
	r := open(t, notify.Settings{Mail: plain(port)})
	r.start()
	try := func(until string, n notify.Notification, from time.Time) time.Duration {
		for {
			for {
				c := r.next(n.ID)
				if c.State == until {
					return r.clock.Now().Sub(from)
				}
				if c.Error != "" {
					break
				}
			}
			// The first tries at the distance they are made, the rest of the day by the hour.
			step := 5 * time.Minute
			if r.clock.Now().Sub(from) >= time.Hour {
				step = time.Hour
			}
			r.clock.Advance(step)
			r.tasks.Wake()
			if r.clock.Now().Sub(from) > 6*time.Hour && until == "sent" {
				up.Store(true)
			}
		}
	}
	start := r.clock.Now()
	n := r.send(notify.New{Title: "SEV-1 INC-1", Severity: 1, Email: true})
	if took := try("sent", n, start); took < 6*time.Hour {
		t.Error(took)
	}
	r.mail(b)
	up.Store(false)
	start = r.clock.Now()
	n = r.send(notify.New{Title: "SEV-1 INC-2", Severity: 1, Email: true})
	if took := try("failed", n, start); took < 23*time.Hour || took > 25*time.Hour {
		t.Error(took)
	}
	told, err := r.store.List(ctx, r.d.Read(), r.admin, true, 0)
	if err != nil || len(told) != 1 || told[0].Title != "A page to Ann Émile did not get out by email" || !strings.Contains(told[0].Body, "SEV-1 INC-2") {
		t.Error(told, err)
	}
	all, err := r.store.Channels(ctx, r.d.Read(), []string{n.ID})
	if err != nil || all[n.ID][1].Attempts < 30 || len(all[n.ID][1].Tries) != 5 || all[n.ID][1].Tries[4].Error != "The mail server answered with code 451." {
		t.Error(all, err)
	}
}

// The pages of a storm are more than one statement takes parameters, and still read.
func TestChannelsOfAStorm(t *testing.T) {
	r := open(t, notify.Settings{})
	n := r.send(notify.New{Title: "SEV-1 INC-1", Severity: 1})
	ids := []string{}
	for i := range 70_000 {
		ids = append(ids, fmt.Sprint("none-", i))
	}
	all, err := r.store.Channels(ctx, r.d.Read(), append(ids, n.ID))
	if err != nil || len(all) != len(ids)+1 || len(all[n.ID]) != 1 {
		t.Error(len(all), all[n.ID], err)
	}
}

// next waits for the next news of a notification's mail.
func (r *rig) next(id string) notify.Delivery {
	r.t.Helper()
	late := time.After(await.Limit)
	for {
		select {
		case n := <-r.told:
			if n.ID == id {
				for _, c := range n.Channels {
					if c.Channel == "email" {
						return c
					}
				}
			}
		case <-late:
			r.t.Fatal("no news of the mail")
		}
	}
}

func (r *rig) mail2(b *inbox, n notify.Notification) {
	r.t.Helper()
	r.mail(b)
	r.until(n.ID, "sent")
}

func (r *rig) held(id string) {
	r.t.Helper()
	for !strings.HasPrefix(r.until(id, "queued").Error, "Held back") {
		continue
	}
}

func TestWithoutMailItSaysSo(t *testing.T) {
	r := open(t, notify.Settings{})
	n := r.send(notify.New{Title: "t", Email: true})
	if c := n.Channels[1]; c.State != "off" || c.Error != "Email is not set up on this server." {
		t.Error(c)
	}
	n = r.send(notify.New{Title: "t", Kind: "info"})
	if len(n.Channels) != 1 || n.Channels[0].State != "sent" {
		t.Error(n.Channels)
	}
}

func TestSeeingAndActing(t *testing.T) {
	r := open(t, notify.Settings{})
	var heard []string
	r.store.OnSeen(func(_ context.Context, _ *db.Tx, who actor.Actor, n notify.Notification) error {
		heard = append(heard, n.Title+" by "+who.Name)
		return nil
	})
	a, b := r.send(notify.New{Title: "a"}), r.send(notify.New{Title: "b"})
	eve := actor.Actor{ID: "eve", Name: "eve"}
	if err := r.d.Do(ctx, func(tx *db.Tx) error { _, err := r.store.See(ctx, tx, eve, a.ID); return err }); !fault.Is(err, fault.NotFound) {
		t.Error("somebody else saw it:", err)
	}
	for range 2 {
		r.do(func(tx *db.Tx) error { _, err := r.store.See(ctx, tx, r.ann, a.ID); return err })
	}
	if n, _ := r.store.Unseen(ctx, r.d.Read(), r.ann.ID); n != 1 {
		t.Error(n)
	}
	r.do(func(tx *db.Tx) error { return r.store.SeeAll(ctx, tx, r.ann) })
	r.do(func(tx *db.Tx) error { return r.store.Acted(ctx, tx, b.ID) })
	c := r.send(notify.New{Title: "c", Key: "get 1"})
	for _, key := range []string{"get 1", "get 1", "get 2"} {
		r.do(func(tx *db.Tx) error { return r.store.Settle(ctx, tx, r.ann.ID, key) })
	}
	if n, _ := r.store.Unseen(ctx, r.d.Read(), r.ann.ID); n != 0 {
		t.Error("settled, but unseen:", n)
	}
	if strings.Join(heard, ", ") != "a by ann, b by ann" {
		t.Error(heard)
	}
	ns, err := r.store.List(ctx, r.d.Read(), r.ann, false, 0)
	if err != nil || len(ns) != 3 || ns[0].ID != c.ID || ns[0].ActedAt == nil || ns[1].ID != b.ID || ns[1].ActedAt == nil || ns[1].SeenAt == nil || ns[2].ActedAt != nil {
		t.Errorf("%+v %v", ns, err)
	}
}

func TestTLS(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, _ := x509.ParseCertificate(der)
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	b, port := serve(t, &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key})

	set := plain(port)
	set.TLS, set.TLSConfig = "starttls", &tls.Config{RootCAs: roots}
	r := open(t, notify.Settings{Mail: set})
	r.start()
	n := r.send(notify.New{Title: "t", Email: true})
	r.mail(b)
	r.until(n.ID, "sent")

	// The login goes over either kind of encryption, and never in clear.
	for mode, sent := range map[string]bool{"starttls": true, "tls": true, "none": false} {
		m := *set
		m.TLS, m.User, m.Password = mode, "muster", "open sesame"
		r := open(t, notify.Settings{Mail: &m})
		r.start()
		n := r.send(notify.New{Title: "t", Email: true})
		if !sent {
			r.until(n.ID, "queued")
			continue
		}
		if got := r.mail(b); got.user != "muster" || got.password != "open sesame" {
			t.Errorf("%s: logged in as %q with %q", mode, got.user, got.password)
		}
		r.until(n.ID, "sent")
	}

	// A target that the rules refuse is not tried again, and the page says why.
	refused := *set
	rules, err := outbound.ParseRules(nil, []string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	refused.Dialer = outbound.New(outbound.Mail, rules, outbound.Options{})
	r = open(t, notify.Settings{Mail: &refused})
	r.start()
	n = r.send(notify.New{Title: "t", Email: true})
	if c := r.until(n.ID, "failed"); !strings.Contains(c.Error, "outbound.mail.deny") {
		t.Error(c)
	}

	// A server that nobody vouches for gets nothing, nor one without TLS.
	stranger := *set
	stranger.TLSConfig = nil
	_, open25 := serve(t, nil)
	bare := *set
	bare.Port = open25
	for want, m := range map[string]notify.Mail{"signed by an authority that this machine does not trust. An administrator names the authority's file as smtp.ca": stranger, "could not be reached or broke off": bare} {
		r := open(t, notify.Settings{Mail: &m})
		r.start()
		n := r.send(notify.New{Title: "secret", Email: true})
		r.until(n.ID, "queued")
		if c := r.until(n.ID, "queued"); !strings.Contains(c.Error, want) {
			t.Error(c)
		}
	}
	if len(b.mails) != 0 {
		t.Error("mail went to a stranger")
	}
}

func TestSettings(t *testing.T) {
	for field, m := range map[string]notify.Mail{"mail.host": {}, "mail.from": {Host: "h", From: "nobody"}, "mail.tls": {Host: "h", From: "a@b.example", TLS: "ssl3"}} {
		if fs := fault.FieldsOf(m.Validate()); len(fs) != 1 || fs[0].Field != field {
			t.Errorf("%s: %v", field, m.Validate())
		}
	}
	if err := plain(25).Validate(); err != nil {
		t.Error(err)
	}
}

// A page stays open until its person answers, or somebody else did: then
// nothing that waits is sent any more.
func TestAPageIsOpenUntilAnswered(t *testing.T) {
	r := open(t, notify.Settings{Mail: plain(1)}) // the queue does not run: mail waits
	low := r.send(notify.New{Title: "SEV-4 INC-1", Incident: "i1", Severity: 4, Email: true})
	worst := r.send(notify.New{Title: "SEV-1 INC-2", Subject: "[SEV-1] INC-2", Incident: "i2", Severity: 1, Email: true, Drill: true})
	r.send(notify.New{Title: "x", Kind: "mention"})
	r.send(notify.New{Title: "waits", Kind: "approval"})
	ask := r.send(notify.New{Title: "waits", Kind: "approval", Severity: 2})
	list := func() (ids []string) {
		t.Helper()
		ns, err := r.store.Open(ctx, r.d.Read(), r.ann.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range ns {
			ids = append(ids, n.ID)
		}
		return ids
	}
	if worst.Title != "DRILL SEV-1 INC-2" {
		t.Error(worst.Title)
	}
	if got := list(); !slices.Equal(got, []string{worst.ID, ask.ID, low.ID}) {
		t.Error(got)
	}
	r.do(func(tx *db.Tx) error { _, err := r.store.See(ctx, tx, r.ann, worst.ID); return err })
	if got := list(); len(got) != 3 {
		t.Error("seeing it is not answering it:", got)
	}
	r.do(func(tx *db.Tx) error { return r.store.EndPages(ctx, tx, "i1") })
	r.do(func(tx *db.Tx) error { return r.store.Acted(ctx, tx, worst.ID) })
	r.do(func(tx *db.Tx) error { return r.store.End(ctx, tx, ask.ID, ask.ID, "none") })
	if got := list(); len(got) != 0 {
		t.Error(got)
	}
	all, err := r.store.Channels(ctx, r.d.Read(), []string{low.ID, worst.ID})
	if err != nil || all[low.ID][1].State != "skipped" || all[worst.ID][1].State != "skipped" {
		t.Error(all, err)
	}
}

func TestReach(t *testing.T) {
	r := open(t, notify.Settings{})
	if got, err := r.store.Reach(ctx, r.d.Read(), r.ann.ID); err != nil || got.Beyond() || got.Why != "Email is not set up on this server." {
		t.Error(got, err)
	}
	r = open(t, notify.Settings{Mail: plain(1)})
	if got, err := r.store.Reach(ctx, r.d.Read(), r.ann.ID); err != nil || !got.Beyond() {
		t.Error(got, err)
	}
}

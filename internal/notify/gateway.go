package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/ledger"
	"muster/internal/outbound"
)

// Gateway is a firm's own way to telephones: a URL that takes a signed message
// for an address, such as a mobile number. Its secret is never shown again.
type Gateway struct {
	ID        string    `json:"id"`
	Name      string    `json:"name" doc:"As people read it, such as SMS"`
	URL       string    `json:"url"`
	Address   string    `json:"address" doc:"What a person's address there is called, such as Mobile number"`
	Enabled   bool      `json:"enabled"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`

	secret []byte
}

// SaveGateway describes a gateway to add or, with nil for what stays, to change.
type SaveGateway struct {
	Name    *string `json:"name,omitempty" maxLength:"40"`
	URL     *string `json:"url,omitempty" maxLength:"2000"`
	Address *string `json:"address,omitempty" maxLength:"60"`
	Secret  *string `json:"secret,omitempty" maxLength:"200" doc:"Signs what is sent; at least 16 characters. Left out for a new gateway, one is made and shown once"`
	Enabled *bool   `json:"enabled,omitempty"`
}

// Try is one try to send something beyond the browser.
type Try struct {
	At     time.Time `json:"at"`
	Sent   bool      `json:"sent"`
	Error  string    `json:"error,omitempty"`
	Answer string    `json:"answer,omitempty" doc:"What a gateway said"`
}

// Delivered is an entry of a gateway's log.
type Delivered struct {
	Try
	NotificationID string `json:"notification_id"`
	UserID         string `json:"user_id"`
	Title          string `json:"title"`
}

const (
	gatewayPrefix = "gateway:"
	maxGateways   = 50
	maxAnswer     = 500
)

func (s *Store) manage(ctx context.Context, q db.Querier, who actor.Actor) error {
	return s.set.Access.Check(ctx, q, who, "manage", access.Resource{Type: "office"})
}

const gatewayColumns = `id, name, url, address, secret, enabled, created_at, updated_at`

func scanGateway(r db.Scanner) (g Gateway, err error) {
	var created, updated int64
	err = r.Scan(&g.ID, &g.Name, &g.URL, &g.Address, &g.secret, &g.Enabled, &created, &updated)
	g.CreatedAt, g.UpdatedAt = db.At(created), db.At(updated)
	return g, err
}

func (s *Store) gateways(ctx context.Context, q db.Querier) ([]Gateway, error) {
	gs, err := db.All(ctx, q, scanGateway, `SELECT `+gatewayColumns+` FROM gateway ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("list gateways: %w", err)
	}
	return gs, nil
}

func (s *Store) gateway(ctx context.Context, q db.Querier, idOrName string) (Gateway, error) {
	g, err := db.One(ctx, q, scanGateway, `SELECT `+gatewayColumns+` FROM gateway WHERE id = $1 OR name = $1`, idOrName)
	if db.IsNoRows(err) {
		return g, fault.New(fault.NotFound, "There is no such gateway. Look it up under Admin, Gateways.")
	}
	if err != nil {
		return g, fmt.Errorf("read gateway: %w", err)
	}
	return g, nil
}

// Gateways lists all gateways for who administers the office.
func (s *Store) Gateways(ctx context.Context, q db.Querier, who actor.Actor) ([]Gateway, error) {
	if err := s.manage(ctx, q, who); err != nil {
		return nil, err
	}
	return s.gateways(ctx, q)
}

// CreateGateway adds a gateway. The secret is returned when it was made here.
func (s *Store) CreateGateway(ctx context.Context, tx *db.Tx, who actor.Actor, in SaveGateway) (g Gateway, secret string, err error) {
	if err := s.manage(ctx, tx, who); err != nil {
		return g, "", err
	}
	var n int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM gateway`).Scan(&n); err != nil {
		return g, "", fmt.Errorf("count gateways: %w", err)
	}
	if n >= maxGateways {
		return g, "", fault.Newf(fault.Conflict, "There are %d gateways already. Remove one that is not used.", maxGateways)
	}
	now := s.clock.Now()
	g = Gateway{ID: id.New(), Address: "Number or address", Enabled: true, CreatedAt: now, UpdatedAt: now}
	if in.Secret == nil || *in.Secret == "" {
		raw := make([]byte, 32)
		_, _ = rand.Read(raw)
		secret = hex.EncodeToString(raw)
		in.Secret = &secret
	}
	if in.Name == nil {
		in.Name = new(string)
	}
	if in.URL == nil {
		in.URL = new(string)
	}
	if err := s.fillGateway(ctx, tx, &g, in); err != nil {
		return g, "", err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO gateway (id, name, url, address, secret, enabled, created_by, created_at, updated_at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$8)`,
		g.ID, g.Name, g.URL, g.Address, g.secret, g.Enabled, who.ID, db.Micro(now)); err != nil {
		return g, "", taken(err)
	}
	return g, secret, s.set.Ledger.Append(ctx, tx, who, aboutGateway(g), GatewaySaved{Gateway: g.ID, Name: g.Name, URL: g.URL, Enabled: g.Enabled, NewSecret: true, Created: true})
}

// ChangeGateway changes what is given.
func (s *Store) ChangeGateway(ctx context.Context, tx *db.Tx, who actor.Actor, idOrName string, in SaveGateway) (Gateway, error) {
	if err := s.manage(ctx, tx, who); err != nil {
		return Gateway{}, err
	}
	g, err := s.gateway(ctx, tx, idOrName)
	if err != nil {
		return g, err
	}
	if err := s.fillGateway(ctx, tx, &g, in); err != nil {
		return g, err
	}
	g.UpdatedAt = s.clock.Now()
	if _, err := tx.Exec(ctx, `UPDATE gateway SET name = $2, url = $3, address = $4, secret = $5, enabled = $6, updated_at = $7 WHERE id = $1`, g.ID, g.Name, g.URL, g.Address, g.secret, g.Enabled, db.Micro(g.UpdatedAt)); err != nil {
		return g, taken(err)
	}
	return g, s.set.Ledger.Append(ctx, tx, who, aboutGateway(g), GatewaySaved{Gateway: g.ID, Name: g.Name, URL: g.URL, Enabled: g.Enabled, NewSecret: in.Secret != nil})
}

func taken(err error) error {
	if db.IsUnique(err) {
		return fault.Field("name", "Another gateway has this name.")
	}
	return fmt.Errorf("store gateway: %w", err)
}

// DeleteGateway removes a gateway and everybody's address there.
func (s *Store) DeleteGateway(ctx context.Context, tx *db.Tx, who actor.Actor, idOrName string) error {
	if err := s.manage(ctx, tx, who); err != nil {
		return err
	}
	g, err := s.gateway(ctx, tx, idOrName)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM reach_channel WHERE channel = $1`, gatewayPrefix+g.ID); err != nil {
		return fmt.Errorf("forget addresses: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM gateway WHERE id = $1`, g.ID); err != nil {
		return fmt.Errorf("delete gateway: %w", err)
	}
	return s.set.Ledger.Append(ctx, tx, who, aboutGateway(g), GatewayDeleted{Gateway: g.ID, Name: g.Name})
}

// GatewayLog is what was sent through a gateway, newest first.
func (s *Store) GatewayLog(ctx context.Context, q db.Querier, who actor.Actor, idOrName string, limit int) ([]Delivered, error) {
	if err := s.manage(ctx, q, who); err != nil {
		return nil, err
	}
	g, err := s.gateway(ctx, q, idOrName)
	if err != nil {
		return nil, err
	}
	if limit <= 0 || limit > 500 {
		limit = 100
	}
	incidents := []string{}
	ds, err := db.All(ctx, q, func(r db.Scanner) (d Delivered, err error) {
		var at int64
		var incident string
		err = r.Scan(&d.NotificationID, &d.UserID, &at, &d.Sent, &d.Error, &d.Answer, &d.Title, &incident)
		d.At = db.At(at)
		incidents = append(incidents, incident)
		return d, err
	}, `SELECT a.notification, a.person, a.at, a.sent, a.error, a.answer, n.title, n.incident FROM notification_attempt a JOIN notification n ON n.id = a.notification WHERE a.channel = $1 ORDER BY a.id DESC LIMIT $2`, gatewayPrefix+g.ID, limit)
	if err != nil {
		return nil, fmt.Errorf("read the gateway's log: %w", err)
	}
	known := map[string]bool{}
	for n, incident := range incidents {
		hidden, ok := known[incident]
		if !ok {
			if hidden, err = s.hidden(ctx, q, who, incident); err != nil {
				return nil, fmt.Errorf("read the gateway's log: %w", err)
			}
			known[incident] = hidden
		}
		if hidden { // a gateway may repeat what it was given
			ds[n].Title, ds[n].Answer = "About a restricted incident", ""
		}
	}
	return ds, nil
}

func (s *Store) fillGateway(ctx context.Context, tx *db.Tx, g *Gateway, in SaveGateway) error {
	var wrong []fault.FieldError
	bad := func(field, text string) { wrong = append(wrong, fault.FieldError{Field: field, Message: text}) }
	if in.Name != nil {
		g.Name = line(*in.Name)
		if n := utf8.RuneCountInString(g.Name); n < 1 || n > 40 {
			bad("name", "Name the gateway with 1 to 40 characters, such as SMS.")
		}
	}
	if in.Address != nil {
		g.Address = line(*in.Address)
		if n := utf8.RuneCountInString(g.Address); n < 1 || n > 60 {
			bad("address", "Say in 1 to 60 characters what people give there, such as Mobile number.")
		}
	}
	if in.URL != nil {
		g.URL = strings.TrimSpace(*in.URL)
		u, err := url.Parse(g.URL)
		if err == nil {
			_, err = outbound.HostPort(u)
		}
		switch {
		case g.URL == "":
			bad("url", "Give the address that takes the messages, for example https://sms.bank.example/muster.")
		case len(g.URL) > 2000 || err != nil:
			bad("url", "This is not an address to send to. It begins with https:// or http://, names a host, and holds no password.")
		}
	}
	if in.Secret != nil && (len(*in.Secret) < 16 || len(*in.Secret) > 200 || strings.ContainsFunc(*in.Secret, unicode.IsControl)) {
		bad("secret", "The secret has 16 to 200 characters without line breaks. Leave it out when you add a gateway, and one is made.")
	}
	if in.Enabled != nil {
		g.Enabled = *in.Enabled
	}
	if len(wrong) > 0 {
		return fault.Fields(wrong...)
	}
	if in.Secret == nil {
		return nil
	}
	sealed, err := s.set.Keys.Seal(ctx, tx, "gateway "+g.ID, []byte(*in.Secret))
	g.secret = sealed
	return err
}

// message is the JSON that a gateway gets; docs/guide/on-call.md describes it.
type message struct {
	Version  int       `json:"version"`
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Drill    bool      `json:"drill"`
	Severity int       `json:"severity"`
	To       recipient `json:"to"`
	Text     string    `json:"text"`
	Detail   string    `json:"detail"`
	URL      string    `json:"url"`
	SentAt   string    `json:"sent_at"`
	Items    []item    `json:"items"`
}

type recipient struct {
	Address string `json:"address"`
	Login   string `json:"login"`
	Name    string `json:"name"`
}

type item struct {
	ID         string `json:"id"`
	Kind       string `json:"kind"`
	Severity   int    `json:"severity"`
	Drill      bool   `json:"drill"`
	Title      string `json:"title"`
	IncidentID string `json:"incident_id"`
	URL        string `json:"url"`
}

// Sign is the signature of a body sent at a moment, as in Muster-Signature.
func Sign(secret []byte, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// refused is an answer of a gateway that is no success.
type refused struct {
	status int
	answer string
}

func (r *refused) Error() string { return fmt.Sprintf("the gateway answered with status %d", r.status) }

// call sends to a gateway and returns what it said.
func (s *Store) call(ctx context.Context, g Gateway, to account.User, ps []parcel) (string, error) {
	secret, err := s.set.Keys.Unseal(ctx, s.db.Read(), "gateway "+g.ID, g.secret)
	if err != nil {
		return "", err
	}
	n, public := letter(ps), s.set.PublicURL()
	link := func(path string) string {
		if path == "" || public == "" {
			return ""
		}
		return public + path
	}
	now := s.clock.Now().UTC()
	m := message{Version: 1, ID: n.ID, Kind: n.Kind, Drill: n.Drill, Severity: n.Severity, Text: line(n.subject), Detail: n.Body, URL: link(n.Link), SentAt: now.Format(time.RFC3339),
		To: recipient{Address: ps[0].address, Login: to.Name, Name: to.Display}}
	for _, p := range ps {
		m.Items = append(m.Items, item{ID: p.n.ID, Kind: p.n.Kind, Severity: p.n.Severity, Drill: p.n.Drill, Title: p.n.Title, IncidentID: p.n.IncidentID, URL: link(p.n.Link)})
	}
	body, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("encode: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.URL, bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("request: %w", err)
	}
	at := strconv.FormatInt(now.Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Muster")
	req.Header.Set("Muster-Id", n.ID)
	req.Header.Set("Muster-Timestamp", at)
	req.Header.Set("Muster-Signature", Sign(secret, at, body))
	dialer := s.set.Gateways
	if dialer == nil {
		dialer = outbound.New(outbound.URLs, outbound.Rules{}, outbound.Options{})
	}
	client := dialer.Client(perSend)
	defer client.CloseIdleConnections()
	// A redirect would turn the POST into a GET, or take the message elsewhere.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("call the gateway: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	said, _ := io.ReadAll(io.LimitReader(res.Body, 4*maxAnswer+1))
	answer := clip(line(string(said)), maxAnswer)
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return answer, &refused{status: res.StatusCode, answer: answer}
	}
	return answer, nil
}

// final says that trying again cannot help: the gateway does not want this message.
func (r *refused) final() bool {
	switch r.status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusLocked:
		return false
	}
	return r.status < 500
}

func gatewayWords(err error) (string, bool) {
	if r, ok := errors.AsType[*refused](err); ok {
		text := fmt.Sprintf("The gateway answered with status %d.", r.status)
		if r.status >= 300 && r.status < 400 {
			text += " Give it the address that it leads to."
		}
		return text, true
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		if text := certificateWords(err, "gateway"); text != "" {
			return text, true
		}
		return "The gateway could not be reached or broke off.", true
	}
	return "", false
}

func aboutGateway(g Gateway) ledger.About { return ledger.About{Resource: "gateway:" + g.ID} }

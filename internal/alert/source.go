package alert

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/ledger"
	"muster/internal/task"
)

// Source is a monitoring system that may post alerts to a URL of its own.
type Source struct {
	ID             string          `json:"id"`
	Kind           string          `json:"kind" enum:"alertmanager"`
	Name           string          `json:"name"`
	Service        string          `json:"service" doc:"Service of alerts for which neither a rule nor their own label service says one"`
	StaleAfter     int             `json:"stale_after_seconds" doc:"An alert of which nothing was heard for so long is over"`
	CreatedAt      time.Time       `json:"created_at"`
	LastDeliveryAt *time.Time      `json:"last_delivery_at,omitempty"`
	LastError      string          `json:"last_error,omitempty" doc:"Why the newest delivery was refused; empty after a good one"`
	LastErrorAt    *time.Time      `json:"last_error_at,omitempty"`
	LeftOut        int             `json:"left_out" doc:"Alerts that could not be read, in all deliveries"`
	Notice         string          `json:"notice,omitempty" doc:"What was odd in a delivery that was taken: left out, cut, or guessed"`
	NoticeAt       *time.Time      `json:"notice_at,omitempty"`
	Abilities      map[string]bool `json:"abilities,omitempty"`

	secret string
}

// NewSource is what a source is made from.
type NewSource struct {
	Kind    string
	Name    string
	Service string
	// StaleAfter is in seconds; 0: DefaultStale.
	StaleAfter int
}

// DefaultStale is after what silence an alert is over. It is longer than any
// usual repeat_interval: a sender that is alive says again what fires.
const DefaultStale = 24 * time.Hour

func (s Source) stale() time.Duration {
	if s.StaleAfter <= 0 {
		return DefaultStale
	}
	return time.Duration(s.StaleAfter) * time.Second
}

// SourceKinds that have an integration.
var SourceKinds = []string{"alertmanager"}

const sourceColumns = `id, kind, name, service, secret, created_at, last_delivery_at, last_error, last_error_at, stale_after, left_out, notice, notice_at`

func scanSource(r db.Scanner) (s Source, err error) {
	var created, delivery, failed, notice int64
	err = r.Scan(&s.ID, &s.Kind, &s.Name, &s.Service, &s.secret, &created, &delivery, &s.LastError, &failed, &s.StaleAfter, &s.LeftOut, &s.Notice, &notice)
	s.CreatedAt = db.At(created)
	if delivery != 0 {
		t := db.At(delivery)
		s.LastDeliveryAt = &t
	}
	if failed != 0 {
		t := db.At(failed)
		s.LastErrorAt = &t
	}
	if notice != 0 {
		t := db.At(notice)
		s.NoticeAt = &t
	}
	return s, err
}

func sourceResource(name string) access.Resource {
	return access.Resource{Type: "alert_source", Name: name}
}

// newSecret gives the part of a source's URL that only the sender knows, and
// what is stored of it. 256 random bits need no salt and no slow hash.
func newSecret() (plain, stored string) {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	plain = base64.RawURLEncoding.EncodeToString(b)
	return plain, digest(plain)
}

func digest(secret string) string {
	h := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(h[:])
}

// BySecret finds the source a delivery belongs to. The index is searched by a
// hash, so how long it takes says nothing about a stored secret.
func (s *Store) BySecret(ctx context.Context, q db.Querier, kind, secret string) (Source, error) {
	none := fault.New(fault.NotFound, "No alert source has this URL. Copy the URL from the source's settings, or make a new one there.")
	if secret == "" || len(secret) > 200 {
		return Source{}, none
	}
	want := digest(secret)
	src, err := db.One(ctx, q, scanSource, `SELECT `+sourceColumns+` FROM alert_source WHERE secret = $1 AND removed_at = 0`, want)
	if db.IsNoRows(err) {
		return Source{}, none
	}
	if err != nil {
		return Source{}, fmt.Errorf("find alert source: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(src.secret), []byte(want)) != 1 || src.Kind != kind {
		return Source{}, none
	}
	return src, nil
}

// Sources lists the sources, for those who may read them.
func (s *Store) Sources(ctx context.Context, q db.Querier, who actor.Actor) ([]Source, error) {
	if err := s.Access.Check(ctx, q, who, "read", sourceResource("")); err != nil {
		return nil, err
	}
	srcs, err := db.All(ctx, q, scanSource, `SELECT `+sourceColumns+` FROM alert_source WHERE removed_at = 0 ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("list alert sources: %w", err)
	}
	for n := range srcs {
		srcs[n].Abilities = map[string]bool{"manage": s.Access.Allowed(ctx, q, who, "manage", sourceResource(srcs[n].Name))}
	}
	return srcs, nil
}

func (s *Store) source(ctx context.Context, q db.Querier, sourceID string) (Source, error) {
	src, err := db.One(ctx, q, scanSource, `SELECT `+sourceColumns+` FROM alert_source WHERE id = $1 AND removed_at = 0`, sourceID)
	if db.IsNoRows(err) {
		return src, fault.New(fault.NotFound, "There is no such alert source. Look it up under Alert sources.")
	}
	if err != nil {
		return src, fmt.Errorf("read alert source: %w", err)
	}
	return src, nil
}

// CreateSource makes a source; the secret of its URL is given out this once.
func (s *Store) CreateSource(ctx context.Context, tx *db.Tx, who actor.Actor, in NewSource) (src Source, secret string, err error) {
	if err := s.Access.Check(ctx, tx, who, "manage", sourceResource(in.Name)); err != nil {
		return src, "", err
	}
	if in.Kind == "" {
		in.Kind = "alertmanager"
	}
	if err := s.checkSource(ctx, tx, &in); err != nil {
		return src, "", err
	}
	secret, stored := newSecret()
	src = Source{ID: id.New(), Kind: in.Kind, Name: in.Name, Service: in.Service, StaleAfter: in.StaleAfter, CreatedAt: s.Clock.Now(), secret: stored}
	res, err := tx.Exec(ctx, `INSERT INTO alert_source (id, kind, name, service, secret, created_by, created_at, last_delivery_at, last_error, last_error_at, removed_at, stale_after) VALUES ($1,$2,$3,$4,$5,$6,$7,0,'',0,0,$8) ON CONFLICT DO NOTHING`,
		src.ID, src.Kind, src.Name, src.Service, stored, who.ID, db.Micro(src.CreatedAt), src.StaleAfter)
	if err != nil {
		return src, "", fmt.Errorf("create alert source: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return src, "", fault.Newf(fault.Conflict, "There is already an alert source %q. Choose another name.", src.Name)
	}
	src.Abilities = map[string]bool{"manage": true}
	return src, secret, s.Ledger.Append(ctx, tx, who, ledger.About{Resource: "alert_source:" + src.ID}, SourceSaved{Name: src.Name, Kind: src.Kind, Service: src.Service, Stale: src.StaleAfter})
}

func (s *Store) checkSource(ctx context.Context, tx *db.Tx, in *NewSource) error {
	in.Name, in.Service = strings.TrimSpace(in.Name), strings.TrimSpace(in.Service)
	var bad []fault.FieldError
	if in.Kind != "alertmanager" {
		bad = append(bad, fault.FieldError{Field: "kind", Message: "The kind of a source is one of " + strings.Join(SourceKinds, ", ") + "."})
	}
	if n := utf8.RuneCountInString(in.Name); n == 0 || n > 80 || !plainName(in.Name) {
		bad = append(bad, fault.FieldError{Field: "name", Message: "Give the source a name of 1 to 80 characters on one line."})
	}
	if in.Service != "" {
		sv, err := s.Incidents.OnCall.Find(ctx, tx, in.Service)
		switch {
		case err == nil:
			in.Service = sv.Name
		case fault.Is(err, fault.NotFound):
			bad = append(bad, fault.FieldError{Field: "service", Message: fmt.Sprintf("There is no service %q. Create it first, or leave the field empty.", in.Service)})
		default:
			return err
		}
	}
	if in.StaleAfter == 0 {
		in.StaleAfter = int(DefaultStale / time.Second)
	}
	if in.StaleAfter < 300 || in.StaleAfter > 90*24*3600 {
		bad = append(bad, fault.FieldError{Field: "stale_after_seconds", Message: "Give between 5 minutes (300) and 90 days (7776000) without a word after which an alert is over; more than the sender's repeat_interval."})
	}
	if len(bad) > 0 {
		return fault.Fields(bad...)
	}
	return nil
}

// ChangeSource holds what is to change; nil stays as it is.
type ChangeSource struct {
	Name       *string `json:"name,omitempty" maxLength:"80"`
	Service    *string `json:"service,omitempty" maxLength:"80" doc:"Service of alerts for which neither a rule nor their own label service says one"`
	StaleAfter *int    `json:"stale_after_seconds,omitempty" doc:"An alert of which nothing was heard for so long is over"`
}

// UpdateSource changes a source. Its URL stays as it is.
func (s *Store) UpdateSource(ctx context.Context, tx *db.Tx, who actor.Actor, sourceID string, ch ChangeSource) (Source, error) {
	src, err := s.source(ctx, tx, sourceID)
	if err != nil {
		return src, err
	}
	if err := s.Access.Check(ctx, tx, who, "manage", sourceResource(src.Name)); err != nil {
		return src, err
	}
	in := NewSource{Kind: src.Kind, Name: src.Name, Service: src.Service, StaleAfter: src.StaleAfter}
	if ch.Name != nil {
		in.Name = *ch.Name
	}
	if ch.Service != nil {
		in.Service = *ch.Service
	}
	if ch.StaleAfter != nil {
		in.StaleAfter = *ch.StaleAfter
	}
	if err := s.checkSource(ctx, tx, &in); err != nil {
		return src, err
	}
	var taken int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM alert_source WHERE name = $1 AND id <> $2 AND removed_at = 0`, in.Name, src.ID).Scan(&taken); err != nil {
		return src, fmt.Errorf("look for the name: %w", err)
	}
	if taken > 0 {
		return src, fault.Newf(fault.Conflict, "There is already an alert source %q. Choose another name.", in.Name)
	}
	src.Name, src.Service, src.StaleAfter = in.Name, in.Service, in.StaleAfter
	if _, err := tx.Exec(ctx, `UPDATE alert_source SET name = $2, service = $3, stale_after = $4 WHERE id = $1`, src.ID, src.Name, src.Service, src.StaleAfter); err != nil {
		return src, fmt.Errorf("change alert source: %w", err)
	}
	// What fires is looked after by the new setting.
	if err := s.Tasks.Enqueue(ctx, tx, taskStale, staleArgs{src.ID}, task.Options{}); err != nil {
		return src, err
	}
	src.Abilities = map[string]bool{"manage": true}
	return src, s.Ledger.Append(ctx, tx, who, ledger.About{Resource: "alert_source:" + src.ID}, SourceSaved{Name: src.Name, Kind: src.Kind, Service: src.Service, Stale: src.StaleAfter})
}

// RotateSource gives the source a new secret; the old URL stops working at once.
func (s *Store) RotateSource(ctx context.Context, tx *db.Tx, who actor.Actor, sourceID string) (src Source, secret string, err error) {
	if src, err = s.source(ctx, tx, sourceID); err != nil {
		return src, "", err
	}
	if err := s.Access.Check(ctx, tx, who, "manage", sourceResource(src.Name)); err != nil {
		return src, "", err
	}
	secret, stored := newSecret()
	if _, err := tx.Exec(ctx, `UPDATE alert_source SET secret = $2 WHERE id = $1`, src.ID, stored); err != nil {
		return src, "", fmt.Errorf("rotate secret: %w", err)
	}
	src.Abilities = map[string]bool{"manage": true}
	return src, secret, s.Ledger.Append(ctx, tx, who, ledger.About{Resource: "alert_source:" + src.ID}, SourceSaved{Name: src.Name, Kind: src.Kind, Service: src.Service, Rotated: true})
}

// RemoveSource ends a source. Its alerts stay.
func (s *Store) RemoveSource(ctx context.Context, tx *db.Tx, who actor.Actor, sourceID string) error {
	src, err := s.source(ctx, tx, sourceID)
	if err != nil {
		return err
	}
	if err := s.Access.Check(ctx, tx, who, "manage", sourceResource(src.Name)); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE alert_source SET secret = '', removed_at = $2 WHERE id = $1`, src.ID, db.Micro(s.Clock.Now())); err != nil {
		return fmt.Errorf("remove alert source: %w", err)
	}
	return s.Ledger.Append(ctx, tx, who, ledger.About{Resource: "alert_source:" + src.ID}, SourceRemoved{Name: src.Name})
}

// Refused notes why a delivery was not taken, in a transaction of its own.
func (s *Store) Refused(ctx context.Context, src Source, why string) error {
	if len(why) > 500 {
		why = strings.ToValidUTF8(why[:500], "") + "…"
	}
	return s.DB.Do(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE alert_source SET last_error = $2, last_error_at = $3 WHERE id = $1`, src.ID, why, db.Micro(s.Clock.Now()))
		return err
	})
}

func plainName(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == utf8.RuneError || r == '\u2028' || r == '\u202e' })
}

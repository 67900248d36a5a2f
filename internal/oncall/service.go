package oncall

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/ledger"
	"muster/internal/node"
)

// Service is something the bank runs and somebody answers for.
type Service struct {
	ID           string          `json:"id"`
	Name         string          `json:"name" doc:"Short name as alerts carry it, for example payments-api"`
	Title        string          `json:"title"`
	Environments []string        `json:"environments"`
	Production   []string        `json:"production_environments" doc:"Those of them whose name means production"`
	RotationID   string          `json:"rotation_id"`
	RunbookURL   string          `json:"runbook_url"`
	AckTimeout   int             `json:"ack_timeout_seconds" doc:"An acknowledged SEV-1 or SEV-2 that nobody touches for this long is paged again; 0: never"`
	Warnings     []Warning       `json:"warnings,omitempty" doc:"Why a page for it would not reach who it should"`
	GatherAfter  int             `json:"gather_after_seconds" doc:"So long after its newest alert an open incident takes others of the service and environment in; later ones declare another"`
	Abilities    map[string]bool `json:"abilities,omitempty"`
}

// SaveService is what a service is made from.
type SaveService struct {
	Name         string   `json:"name"`
	Title        string   `json:"title,omitempty"`
	Environments []string `json:"environments,omitempty"`
	RotationID   string   `json:"rotation_id,omitempty"`
	RunbookURL   string   `json:"runbook_url,omitempty"`
	AckTimeout   *int     `json:"ack_timeout_seconds,omitempty" doc:"An acknowledged SEV-1 or SEV-2 that nobody touches for this long is paged again; 0: never; 1800 if absent"`
	GatherAfter  int      `json:"gather_after_seconds,omitempty" doc:"So long after its newest alert an open incident takes others of the service and environment in; 7200 (2 h) if absent"`
}

// Store keeps services and rotations.
type Store struct {
	access *access.Access
	ledger *ledger.Ledger
	clock  clock.Clock
	bus    bus.Bus
	people *account.Store
	beyond Beyond
	say    Tell
}

// New builds the store.
func New(a *access.Access, l *ledger.Ledger, c clock.Clock, b bus.Bus, people *account.Store) *Store {
	return &Store{access: a, ledger: l, clock: c, bus: b, people: people}
}

// Clock is the store's.
func (s *Store) Clock() clock.Clock { return s.clock }

// Active says whether somebody can be put on duty or paged: a person whose
// account is not disabled.
func (s *Store) Active(ctx context.Context, q db.Querier, userID string) (bool, error) {
	u, err := s.people.Get(ctx, q, userID)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil && active(u), err
}

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

func (in *SaveService) normalize() error {
	in.Name, in.Title, in.RunbookURL = strings.TrimSpace(in.Name), strings.TrimSpace(in.Title), strings.TrimSpace(in.RunbookURL)
	var bad []fault.FieldError
	if !namePattern.MatchString(in.Name) {
		bad = append(bad, fault.FieldError{Field: "name", Message: "A service name has 1 to 63 lower-case letters, digits, dots, dashes or underscores and begins with a letter or digit, for example payments-api."})
	}
	if in.Title == "" {
		in.Title = in.Name
	}
	if len(in.Title) > 120 {
		bad = append(bad, fault.FieldError{Field: "title", Message: "Shorten the title to 120 characters."})
	}
	if len(in.Environments) > 20 {
		bad = append(bad, fault.FieldError{Field: "environments", Message: "A service has at most 20 environments."})
	}
	envs := []string{}
	for i, e := range in.Environments {
		e = strings.TrimSpace(e)
		if !namePattern.MatchString(e) {
			bad = append(bad, fault.FieldError{Field: fmt.Sprintf("environments[%d]", i), Message: "An environment is a short lower-case word such as dev, qa or prod."})
			break
		}
		if !slices.Contains(envs, e) {
			envs = append(envs, e)
		}
	}
	in.Environments = envs
	if in.RunbookURL != "" {
		u, err := url.Parse(in.RunbookURL)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || len(in.RunbookURL) > 2000 {
			bad = append(bad, fault.FieldError{Field: "runbook_url", Message: "The runbook must be a full http or https address."})
		}
	}
	if in.AckTimeout == nil {
		seconds := int(DefaultAckTimeout / time.Second)
		in.AckTimeout = &seconds
	}
	if n := *in.AckTimeout; n != 0 && (n < 60 || n > 7*24*3600) {
		bad = append(bad, fault.FieldError{Field: "ack_timeout_seconds", Message: "An acknowledgement holds between a minute (60) and a week (604800) without a sign of work, or 0 for ever."})
	}
	if in.GatherAfter == 0 {
		in.GatherAfter = 2 * 3600
	}
	if in.GatherAfter < 60 || in.GatherAfter > 30*24*3600 {
		bad = append(bad, fault.FieldError{Field: "gather_after_seconds", Message: "Alerts gather for between a minute (60) and 30 days (2592000) after the newest."})
	}
	if len(bad) > 0 {
		return fault.Fields(bad...)
	}
	return nil
}

func resource(sv Service) access.Resource {
	return access.Resource{Type: "service", ID: sv.ID, Name: sv.Name}
}

const serviceColumns = `id, name, title, environments, rotation, runbook_url, ack_timeout, gather_after`

func scanService(r db.Scanner) (sv Service, err error) {
	var envs string
	if err = r.Scan(&sv.ID, &sv.Name, &sv.Title, &envs, &sv.RotationID, &sv.RunbookURL, &sv.AckTimeout, &sv.GatherAfter); err != nil {
		return sv, err
	}
	sv.Environments, err = db.FromJSON[[]string](envs)
	if sv.Environments == nil {
		sv.Environments = []string{}
	}
	return sv.judged(), err
}

// judged says which of its environments mean production.
func (sv Service) judged() Service {
	sv.Production = []string{}
	for _, e := range sv.Environments {
		if node.SaysProduction(e) {
			sv.Production = append(sv.Production, e)
		}
	}
	return sv
}

// Services lists what who may read, by name, with what is wrong with their pages.
func (s *Store) Services(ctx context.Context, q db.Querier, who actor.Actor) ([]Service, error) {
	out, err := s.services(ctx, q, who)
	if err != nil {
		return nil, err
	}
	return out, s.warnServices(ctx, q, out)
}

func (s *Store) all(ctx context.Context, q db.Querier) ([]Service, error) {
	all, err := db.All(ctx, q, scanService, `SELECT `+serviceColumns+` FROM service ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("list services: %w", err)
	}
	return all, nil
}

func (s *Store) services(ctx context.Context, q db.Querier, who actor.Actor) ([]Service, error) {
	all, err := s.all(ctx, q)
	if err != nil {
		return nil, err
	}
	out := []Service{}
	for _, sv := range all {
		if s.access.Allowed(ctx, q, who, "read", resource(sv)) {
			sv.Abilities = map[string]bool{"manage": s.access.Allowed(ctx, q, who, "manage", resource(sv))}
			out = append(out, sv)
		}
	}
	return out, nil
}

// Find returns the service with this id or name. Names are in small letters; how
// somebody writes them does not matter.
func (s *Store) Find(ctx context.Context, q db.Querier, idOrName string) (Service, error) {
	sv, err := db.One(ctx, q, scanService, `SELECT `+serviceColumns+` FROM service WHERE id = $1 OR name = $2 ORDER BY CASE WHEN id = $1 THEN 0 ELSE 1 END LIMIT 1`, idOrName, strings.ToLower(strings.TrimSpace(idOrName)))
	if db.IsNoRows(err) {
		return sv, fault.Newf(fault.NotFound, "There is no service %q. Look it up under Services.", idOrName)
	}
	if err != nil {
		return sv, fmt.Errorf("find service: %w", err)
	}
	return sv, nil
}

// CreateService adds a service.
func (s *Store) CreateService(ctx context.Context, tx *db.Tx, who actor.Actor, in SaveService) (Service, error) {
	if err := s.access.Check(ctx, tx, who, "manage", access.Resource{Type: "service", Name: in.Name}); err != nil {
		return Service{}, err
	}
	if err := s.validate(ctx, tx, &in); err != nil {
		return Service{}, err
	}
	sv := Service{ID: id.New(), Name: in.Name, Title: in.Title, Environments: in.Environments, RotationID: in.RotationID, RunbookURL: in.RunbookURL, AckTimeout: *in.AckTimeout, GatherAfter: in.GatherAfter}
	now := db.Micro(s.clock.Now())
	res, err := tx.Exec(ctx, `INSERT INTO service (id, name, title, environments, rotation, runbook_url, ack_timeout, created_at, updated_at, gather_after) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10) ON CONFLICT (name) DO NOTHING`,
		sv.ID, sv.Name, sv.Title, db.JSON(sv.Environments), sv.RotationID, sv.RunbookURL, sv.AckTimeout, now, now, sv.GatherAfter)
	if err != nil {
		return Service{}, fmt.Errorf("create service: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return Service{}, fault.Newf(fault.Conflict, "There is already a service %q. Change that one, or choose another name.", sv.Name)
	}
	return s.savedService(ctx, tx, who, sv.judged(), true)
}

// ChangeService holds what is to change; nil stays as it is.
type ChangeService struct {
	Name         *string   `json:"name,omitempty"`
	Title        *string   `json:"title,omitempty"`
	Environments *[]string `json:"environments,omitempty"`
	RotationID   *string   `json:"rotation_id,omitempty"`
	RunbookURL   *string   `json:"runbook_url,omitempty"`
	AckTimeout   *int      `json:"ack_timeout_seconds,omitempty"`
	GatherAfter  *int      `json:"gather_after_seconds,omitempty"`
}

// UpdateService changes a service.
func (s *Store) UpdateService(ctx context.Context, tx *db.Tx, who actor.Actor, idOrName string, ch ChangeService) (Service, error) {
	sv, err := s.Find(ctx, tx, idOrName)
	if err != nil {
		return Service{}, err
	}
	if err := s.access.Check(ctx, tx, who, "manage", resource(sv)); err != nil {
		return Service{}, err
	}
	in := SaveService{Name: sv.Name, Title: sv.Title, Environments: sv.Environments, RotationID: sv.RotationID, RunbookURL: sv.RunbookURL, AckTimeout: &sv.AckTimeout, GatherAfter: sv.GatherAfter}
	set(&in.Name, ch.Name)
	set(&in.Title, ch.Title)
	set(&in.Environments, ch.Environments)
	set(&in.RotationID, ch.RotationID)
	set(&in.RunbookURL, ch.RunbookURL)
	if ch.AckTimeout != nil {
		in.AckTimeout = ch.AckTimeout
	}
	set(&in.GatherAfter, ch.GatherAfter)
	if err := s.validate(ctx, tx, &in); err != nil {
		return Service{}, err
	}
	if in.Name != sv.Name {
		if other, err := s.Find(ctx, tx, in.Name); err == nil && other.ID != sv.ID {
			return Service{}, fault.Newf(fault.Conflict, "There is already a service %q. Choose another name.", in.Name)
		}
	}
	sv.Name, sv.Title, sv.Environments, sv.RotationID, sv.RunbookURL, sv.AckTimeout, sv.GatherAfter = in.Name, in.Title, in.Environments, in.RotationID, in.RunbookURL, *in.AckTimeout, in.GatherAfter
	if _, err := tx.Exec(ctx, `UPDATE service SET name=$2, title=$3, environments=$4, rotation=$5, runbook_url=$6, ack_timeout=$7, updated_at=$8, gather_after=$9 WHERE id=$1`,
		sv.ID, sv.Name, sv.Title, db.JSON(sv.Environments), sv.RotationID, sv.RunbookURL, sv.AckTimeout, db.Micro(s.clock.Now()), sv.GatherAfter); err != nil {
		return Service{}, fmt.Errorf("update service: %w", err)
	}
	return s.savedService(ctx, tx, who, sv.judged(), false)
}

func (s *Store) validate(ctx context.Context, q db.Querier, in *SaveService) error {
	if err := in.normalize(); err != nil {
		return err
	}
	if in.RotationID == "" {
		return nil
	}
	if _, err := s.rotation(ctx, q, in.RotationID); err != nil {
		if fault.KindOf(err) == fault.NotFound {
			return fault.Field("rotation_id", "There is no such rotation. Create it first, or leave the field empty.")
		}
		return err
	}
	return nil
}

func (s *Store) savedService(ctx context.Context, tx *db.Tx, who actor.Actor, sv Service, isNew bool) (Service, error) {
	err := s.ledger.Append(ctx, tx, who, ledger.About{Resource: "service:" + sv.ID},
		ServiceSaved{Name: sv.Name, Title: sv.Title, Environments: sv.Environments, Rotation: sv.RotationID, RunbookURL: sv.RunbookURL, AckTimeout: sv.AckTimeout, GatherAfter: sv.GatherAfter, New: isNew})
	if err != nil {
		return Service{}, err
	}
	s.tell(tx)
	svs := []Service{sv}
	err = s.warnServices(ctx, tx, svs)
	return svs[0], err
}

// tell lets screens ask again who is on call.
func (s *Store) tell(tx *db.Tx) {
	tx.AfterCommit(func() { s.bus.Publish("office", map[string]any{"type": "oncall"}) })
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

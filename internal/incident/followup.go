package incident

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
)

// Followup is what has to be done, or answered, once the incident is over.
type Followup struct {
	ID        string     `json:"id"`
	Kind      string     `json:"kind" enum:"action,question"`
	Text      string     `json:"text"`
	Owner     string     `json:"owner" doc:"A person's id; empty: nobody yet"`
	Due       string     `json:"due" doc:"YYYY-MM-DD; empty: no date yet"`
	State     string     `json:"state" enum:"open,done,dropped"`
	Answer    string     `json:"answer" doc:"What came of it"`
	CreatedBy string     `json:"created_by"`
	CreatedAt time.Time  `json:"created_at"`
	ClosedAt  *time.Time `json:"closed_at,omitempty"`
}

// NewFollowup is what one adds.
type NewFollowup struct {
	Kind  string `json:"kind" enum:"action,question"`
	Text  string `json:"text" minLength:"1" maxLength:"1000"`
	Owner string `json:"owner,omitempty" maxLength:"80" doc:"A person's id"`
	Due   string `json:"due,omitempty" maxLength:"10" doc:"YYYY-MM-DD"`
}

// ChangeFollowup is what one changes; nil leaves a field as it is.
type ChangeFollowup struct {
	Text   *string `json:"text,omitempty" maxLength:"1000"`
	Owner  *string `json:"owner,omitempty" maxLength:"80" doc:"A person's id; empty for nobody"`
	Due    *string `json:"due,omitempty" maxLength:"10" doc:"YYYY-MM-DD; empty for none"`
	State  *string `json:"state,omitempty" enum:"open,done,dropped"`
	Answer *string `json:"answer,omitempty" maxLength:"2000" doc:"What came of it"`
}

// maxFollowups bounds what one incident carries.
const maxFollowups = 200

const followupColumns = `SELECT id, kind, text, owner, due, state, answer, created_by, created_at, closed_at FROM incident_followup `

func scanFollowup(r db.Scanner) (f Followup, err error) {
	var created, closed int64
	err = r.Scan(&f.ID, &f.Kind, &f.Text, &f.Owner, &f.Due, &f.State, &f.Answer, &f.CreatedBy, &created, &closed)
	f.CreatedAt, f.ClosedAt = db.At(created), when(closed)
	return f, err
}

func (s *Store) followups(ctx context.Context, q db.Querier, incidentID string) ([]Followup, error) {
	fs, err := db.All(ctx, q, scanFollowup, followupColumns+`WHERE incident = $1 ORDER BY id`, incidentID)
	if err != nil {
		return nil, fmt.Errorf("read follow-ups: %w", err)
	}
	return fs, nil
}

// Followups lists the actions and questions of an incident, oldest first.
func (s *Store) Followups(ctx context.Context, q db.Querier, who actor.Actor, idOrTicket string) ([]Followup, error) {
	i, err := s.find(ctx, q, idOrTicket)
	if err != nil {
		return nil, err
	}
	if err := s.check(ctx, q, who, "read", i); err != nil {
		return nil, err
	}
	return s.followups(ctx, q, i.ID)
}

// AddFollowup puts an action or a question on the incident's list, also after its close.
func (s *Store) AddFollowup(ctx context.Context, tx *db.Tx, who actor.Actor, idOrTicket string, in NewFollowup) (Followup, error) {
	i, err := s.hold(ctx, tx, idOrTicket)
	if err != nil {
		return Followup{}, err
	}
	if err := s.check(ctx, tx, who, "update", i); err != nil {
		return Followup{}, err
	}
	f := Followup{ID: id.New(), Kind: in.Kind, Owner: in.Owner, Due: in.Due, State: "open", CreatedBy: who.ID, CreatedAt: s.Clock.Now()}
	if f.Kind != "action" && f.Kind != "question" {
		return Followup{}, fault.Field("kind", "Say whether it is an action or a question.")
	}
	if f.Text, err = sized("text", in.Text, 1, 1000); err != nil {
		return Followup{}, err
	}
	if err := s.owned(ctx, tx, f); err != nil {
		return Followup{}, err
	}
	all, err := s.followups(ctx, tx, i.ID)
	if err != nil {
		return Followup{}, err
	}
	if len(all) >= maxFollowups {
		return Followup{}, fault.Newf(fault.Conflict, "This incident has %d actions and questions already. Put more into your ticket system.", maxFollowups)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO incident_followup (id, incident, kind, text, owner, due, state, answer, created_by, created_at, closed_at) VALUES ($1,$2,$3,$4,$5,$6,$7,'',$8,$9,0)`,
		f.ID, i.ID, f.Kind, f.Text, f.Owner, f.Due, f.State, f.CreatedBy, db.Micro(f.CreatedAt)); err != nil {
		return Followup{}, fmt.Errorf("add follow-up: %w", err)
	}
	return f, s.Ledger.Append(ctx, tx, who, about(i), FollowupAdded{Followup: f.ID, Type: f.Kind, Owner: f.Owner, Due: f.Due, Text: f.Text})
}

// ChangeFollowup changes who has an action or question, until when, and what
// came of it. Done and dropped ones can be opened again.
func (s *Store) ChangeFollowup(ctx context.Context, tx *db.Tx, who actor.Actor, idOrTicket, followup string, ch ChangeFollowup) (Followup, error) {
	i, err := s.hold(ctx, tx, idOrTicket)
	if err != nil {
		return Followup{}, err
	}
	if err := s.check(ctx, tx, who, "update", i); err != nil {
		return Followup{}, err
	}
	f, err := db.One(ctx, tx, scanFollowup, followupColumns+`WHERE incident = $1 AND id = $2`, i.ID, followup)
	if db.IsNoRows(err) {
		return f, fault.New(fault.NotFound, "This incident has no such action or question.")
	}
	if err != nil {
		return f, fmt.Errorf("read follow-up: %w", err)
	}
	old := f
	give(&f.Owner, ch.Owner)
	give(&f.Due, ch.Due)
	give(&f.State, ch.State)
	if ch.Text != nil {
		if f.Text, err = sized("text", *ch.Text, 1, 1000); err != nil {
			return old, err
		}
	}
	if ch.Answer != nil {
		if f.Answer, err = sized("answer", *ch.Answer, 0, 2000); err != nil {
			return old, err
		}
	}
	if !slices.Contains([]string{"open", "done", "dropped"}, f.State) {
		return old, fault.Field("state", "It is open, done or dropped.")
	}
	if err := s.owned(ctx, tx, f); err != nil {
		return old, err
	}
	switch {
	case f == old:
		return f, nil
	case f.State == "open":
		f.ClosedAt = nil
	case old.State == "open":
		now := s.Clock.Now()
		f.ClosedAt = &now
	}
	if _, err := tx.Exec(ctx, `UPDATE incident_followup SET text = $1, owner = $2, due = $3, state = $4, answer = $5, closed_at = $6 WHERE id = $7`,
		f.Text, f.Owner, f.Due, f.State, f.Answer, micro(f.ClosedAt), f.ID); err != nil {
		return old, fmt.Errorf("change follow-up: %w", err)
	}
	ev := FollowupChanged{Followup: f.ID, Type: f.Kind, State: f.State, Owner: f.Owner, Due: f.Due, Was: old.State, Text: f.Text, Answer: f.Answer}
	return f, s.Ledger.Append(ctx, tx, who, about(i), ev)
}

// owned checks owner and date.
func (s *Store) owned(ctx context.Context, q db.Querier, f Followup) error {
	if f.Owner != "" {
		if _, err := s.People.Get(ctx, q, f.Owner); fault.Is(err, fault.NotFound) {
			return fault.Field("owner", "There is no such person.")
		} else if err != nil {
			return err
		}
	}
	if f.Due != "" {
		if _, err := time.Parse(time.DateOnly, f.Due); err != nil {
			return fault.Field("due", "Write the date like 2026-12-01.")
		}
	}
	return nil
}

// sized is text a person wrote, without its edges, of least to most characters.
func sized(field, text string, least, most int) (string, error) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\x00", ""))
	if n := utf8.RuneCountInString(text); n < least || n > most || !utf8.ValidString(text) {
		return "", fault.Field(field, fmt.Sprintf("Write it in %d to %d characters.", least, most))
	}
	return text, nil
}

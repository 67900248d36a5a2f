package approval

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/ledger"
)

// States of an approval.
const (
	Asked    = "asked"
	Approved = "approved"
	Declined = "declined"
	Expired  = "expired"
	Voided   = "voided"
)

// Decisions of a vote.
const (
	Approve = "approve"
	Decline = "decline"
)

// Approval is a question put to people.
type Approval struct {
	ID, Project, Subject, Digest, Summary string
	Attrs                                 map[string]string
	Needs                                 []Need
	RequestedBy                           string // user id
	RequestedVia                          string // user id of who made the API token that asked, when that is another
	Room, Incident                        string
	State, Reason                         string
	AskedAt, ExpiresAt, EndedAt           time.Time
	Votes                                 []Vote
}

// Vote is one person's answer.
type Vote struct {
	UserID   string
	Groups   []string
	Decision string
	Note     string
	At       time.Time
}

// Store keeps approvals and the rules that demand them.
type Store struct {
	access *access.Access
	ledger *ledger.Ledger
	clock  clock.Clock
	people *account.Store

	caution Caution
}

// New builds the store.
func New(a *access.Access, l *ledger.Ledger, c clock.Clock, people *account.Store) *Store {
	s := &Store{access: a, ledger: l, clock: c, people: people}
	if l != nil {
		l.Watch(s.noted)
	}
	return s
}

// AskedFor records the question.
type AskedFor struct {
	Summary   string    `json:"summary" class:"internal"`
	Digest    string    `json:"digest" class:"public"`
	Needs     []Need    `json:"needs" class:"public"`
	ExpiresAt time.Time `json:"expires_at" class:"public"`
}

func (AskedFor) EventKind() string { return "approval.Asked" }

// Voted records one person's answer.
type Voted struct {
	Decision string `json:"decision" class:"public"`
	Note     string `json:"note" class:"internal"`
	Digest   string `json:"digest" class:"public"`
	State    string `json:"state" class:"public"`
}

func (Voted) EventKind() string { return "approval.Voted" }

// Ended records an approval that expired or was voided.
type Ended struct {
	State  string `json:"state" class:"public"`
	Reason string `json:"reason" class:"internal"`
}

func (Ended) EventKind() string { return "approval.Ended" }

// Ask is a new question.
type Ask struct {
	Project, Subject, Digest, Summary string
	Attrs                             map[string]string
	Requirement                       Requirement
	Room, Incident                    string
}

// Ask puts the question.
func (s *Store) Ask(ctx context.Context, tx *db.Tx, who actor.Actor, in Ask) (Approval, error) {
	now := s.clock.Now()
	a := Approval{ID: id.New(), Project: in.Project, Subject: in.Subject, Digest: in.Digest, Summary: in.Summary, Attrs: in.Attrs, Needs: in.Requirement.Needs,
		RequestedBy: who.ID, RequestedVia: who.LentBy, Room: in.Room, Incident: in.Incident, State: Asked, AskedAt: now, ExpiresAt: now.Add(in.Requirement.Expires), Votes: []Vote{}}
	if _, err := tx.Exec(ctx, `INSERT INTO approval (id, project, subject, attrs, digest, summary, needs, requested_by, room, incident, state, asked_at, expires_at, requested_via)
VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)`, a.ID, a.Project, a.Subject, db.JSON(a.Attrs), a.Digest, a.Summary, db.JSON(a.Needs), a.RequestedBy, a.Room, a.Incident, a.State, db.Micro(a.AskedAt), db.Micro(a.ExpiresAt), a.RequestedVia); err != nil {
		return a, fmt.Errorf("ask for approval: %w", err)
	}
	return a, s.ledger.Append(ctx, tx, who, a.about(), AskedFor{a.Summary, a.Digest, a.Needs, a.ExpiresAt})
}

func (a Approval) about() ledger.About {
	return ledger.About{Resource: a.Subject, Room: a.Room, Incident: a.Incident, Project: a.Project}
}

func (a Approval) resource() access.Resource {
	return access.Resource{Project: a.Project, Type: "approval", Attrs: a.Attrs, ID: a.ID, Name: a.Summary}
}

// Decide takes who's answer. digest is what they were shown; it must still be
// what was asked.
func (s *Store) Decide(ctx context.Context, tx *db.Tx, who actor.Actor, approvalID, decision, note, digest string) (Approval, error) {
	// Two people deciding at once come one after the other: each must count the
	// other's vote.
	if _, err := tx.Exec(ctx, `UPDATE approval SET state = state WHERE id = $1`, approvalID); err != nil {
		return Approval{}, fmt.Errorf("lock approval: %w", err)
	}
	a, err := s.Get(ctx, tx, approvalID)
	if err != nil {
		return a, err
	}
	if err := s.May(ctx, tx, who, a); err != nil {
		return a, err
	}
	if digest != a.Digest {
		return a, fault.New(fault.Conflict, "What you looked at is not what is asked for now. Look at the run again, then decide.")
	}
	note = strings.TrimSpace(note)
	if len(note) > 2000 {
		return a, fault.Field("note", "The note has more than 2000 bytes. Shorten it.")
	}
	switch decision {
	case Approve:
	case Decline:
		if note == "" {
			return a, fault.Field("note", "Say why you decline, so that the person who asked knows what to change.")
		}
	default:
		return a, fault.Field("decision", "A decision is approve or decline.")
	}
	now := s.clock.Now()
	v := Vote{who.ID, slices.Clone(who.Groups), decision, note, now}
	if _, err := tx.Exec(ctx, `INSERT INTO approval_vote (approval_id, user_id, groups, decision, note, at) VALUES ($1,$2,$3,$4,$5,$6)`,
		a.ID, v.UserID, db.JSON(v.Groups), v.Decision, v.Note, db.Micro(v.At)); err != nil {
		if db.IsUnique(err) {
			return a, errVoted
		}
		return a, fmt.Errorf("vote: %w", err)
	}
	a.Votes = append(a.Votes, v)
	enough, err := s.Enough(ctx, tx, a, a.Needs)
	if err != nil {
		return a, err
	}
	switch {
	case decision == Decline:
		a.State = Declined
	case enough:
		a.State = Approved
	}
	if a.State != Asked {
		a.Reason, a.EndedAt = note, now
		if err := s.end(ctx, tx, a); err != nil {
			return a, err
		}
	}
	return a, s.ledger.Append(ctx, tx, who, a.about(), Voted{decision, note, a.Digest, a.State})
}

// Enough says whether the yes votes on a meet needs now: a vote counts for as
// long as its voter has an account and is in a group that is asked, which was
// true when they voted and may not be any more.
func (s *Store) Enough(ctx context.Context, q db.Querier, a Approval, needs []Need) (bool, error) {
	ids := make([]string, len(a.Votes))
	for i, v := range a.Votes {
		ids[i] = v.UserID
	}
	people, err := s.people.ByIDs(ctx, q, ids)
	if err != nil {
		return false, err
	}
	var count []Vote
	for _, v := range a.Votes {
		if u, ok := people[v.UserID]; ok && !u.Disabled {
			v.Groups = u.Actor().Groups
			count = append(count, v)
		}
	}
	return Satisfied(needs, count), nil
}

var errVoted = fault.New(fault.Conflict, "You have decided on this already. It still waits for others.")

func (s *Store) end(ctx context.Context, tx *db.Tx, a Approval) error {
	r, err := tx.Exec(ctx, `UPDATE approval SET state = $2, reason = $3, ended_at = $4 WHERE id = $1 AND state = 'asked'`, a.ID, a.State, a.Reason, db.Micro(a.EndedAt))
	if err != nil {
		return fmt.Errorf("end approval: %w", err)
	}
	if n, _ := r.RowsAffected(); n != 1 {
		return fault.New(fault.Conflict, "Somebody else decided at the same moment. Look at the run again.")
	}
	return nil
}

// May says whether who can decide on a now: nil, or the reason why not.
func (s *Store) May(ctx context.Context, q db.Querier, who actor.Actor, a Approval) error {
	refuse := func(text string) error {
		return &access.Denial{Decision: access.Decision{Text: text, WhoCouldGrant: []string{}}, Who: who, Action: "decide", Resource: a.resource()}
	}
	if err := s.access.Check(ctx, q, who, "decide", a.resource()); err != nil {
		return err
	}
	switch {
	case who.Kind != actor.Person:
		return refuse("Only a person can approve. Ask somebody from " + strings.Join(Groups(a.Needs), " or ") + ".")
	case who.ID == a.RequestedBy:
		return refuse("You asked for this yourself, so another person has to decide. Ask somebody from " + strings.Join(Groups(a.Needs), " or ") + ".")
	case lent(who) || who.LentBy != "" && who.LentBy == a.RequestedBy:
		return refuse("The API token you use was made by another person, so it cannot decide. Sign in, or use a token of your own making.")
	case who.ID == a.RequestedVia:
		return refuse("This was asked for with an API token that you made, so another person has to decide. Ask somebody from " + strings.Join(Groups(a.Needs), " or ") + ".")
	case onlyExcept(a.Needs, who):
		return refuse("You changed lately what decides about this, so somebody else has to agree. Ask somebody from " + strings.Join(Groups(a.Needs), " or ") + ".")
	case !slices.ContainsFunc(Groups(a.Needs), who.In):
		return refuse("This needs " + inWords(a.Needs) + ", and you are in none of these groups. Ask somebody who is.")
	}
	why, err := s.held(ctx, q, who, a)
	if err != nil {
		return err
	}
	if why != "" {
		return refuse(why + " Ask somebody else from " + strings.Join(Groups(a.Needs), " or ") + ".")
	}
	switch {
	case a.State == Expired || a.State == Asked && !s.clock.Now().Before(a.ExpiresAt):
		return fault.Newf(fault.Conflict, "The approval expired at %s. Ask for the run again.", a.ExpiresAt.Format("2006-01-02 15:04:05 UTC"))
	case a.State != Asked:
		return fault.Newf(fault.Conflict, "This was already %s.", a.State)
	case slices.ContainsFunc(a.Votes, func(v Vote) bool { return v.UserID == who.ID }):
		return errVoted
	}
	return nil
}

// onlyExcept says whether who's yes would count for nothing that is asked.
func onlyExcept(needs []Need, who actor.Actor) bool {
	return len(needs) > 0 && !slices.ContainsFunc(needs, func(n Need) bool { return !slices.Contains(n.Except, who.ID) })
}

// Void ends a question that no longer makes sense: what was asked for changed,
// or was withdrawn. An approved one can be voided too.
func (s *Store) Void(ctx context.Context, tx *db.Tx, who actor.Actor, approvalID, reason string) error {
	a, err := s.Get(ctx, tx, approvalID)
	if err != nil {
		return err
	}
	if a.State != Asked && a.State != Approved {
		return nil
	}
	if _, err := tx.Exec(ctx, `UPDATE approval SET state = $2, reason = $3, ended_at = $4 WHERE id = $1`, a.ID, Voided, reason, db.Micro(s.clock.Now())); err != nil {
		return fmt.Errorf("void approval: %w", err)
	}
	return s.ledger.Append(ctx, tx, who, a.about(), Ended{Voided, reason})
}

// Expire ends a question whose time has passed; changed is false when it was
// decided before, or still has time.
func (s *Store) Expire(ctx context.Context, tx *db.Tx, who actor.Actor, approvalID string) (changed bool, err error) {
	a, err := s.Get(ctx, tx, approvalID)
	if err != nil || a.State != Asked || s.clock.Now().Before(a.ExpiresAt) {
		return false, err
	}
	a.State, a.Reason, a.EndedAt = Expired, "nobody decided in time", s.clock.Now()
	if err := s.end(ctx, tx, a); err != nil {
		return false, err
	}
	return true, s.ledger.Append(ctx, tx, who, a.about(), Ended{Expired, a.Reason})
}

const columns = `SELECT id, project, subject, attrs, digest, summary, needs, requested_by, room, incident, state, reason, asked_at, expires_at, ended_at, requested_via FROM approval`

func scan(r db.Scanner) (a Approval, err error) {
	var attrs, needs string
	var asked, expires, ended int64
	if err = r.Scan(&a.ID, &a.Project, &a.Subject, &attrs, &a.Digest, &a.Summary, &needs, &a.RequestedBy, &a.Room, &a.Incident, &a.State, &a.Reason, &asked, &expires, &ended, &a.RequestedVia); err != nil {
		return a, err
	}
	a.AskedAt, a.ExpiresAt, a.EndedAt, a.Votes = db.At(asked), db.At(expires), db.At(ended), []Vote{}
	if a.Attrs, err = db.FromJSON[map[string]string](attrs); err != nil {
		return a, err
	}
	a.Needs, err = db.FromJSON[[]Need](needs)
	return a, err
}

// Get gives an approval with its votes.
func (s *Store) Get(ctx context.Context, q db.Querier, approvalID string) (Approval, error) {
	a, err := db.One(ctx, q, scan, columns+` WHERE id = $1`, approvalID)
	if db.IsNoRows(err) {
		return a, fault.New(fault.NotFound, "There is no such approval.")
	}
	if err != nil {
		return a, fmt.Errorf("read approval: %w", err)
	}
	a.Votes, err = db.All(ctx, q, func(r db.Scanner) (v Vote, err error) {
		var at int64
		var groups string
		if err = r.Scan(&v.UserID, &groups, &v.Decision, &v.Note, &at); err != nil {
			return v, err
		}
		v.At = db.At(at)
		v.Groups, err = db.FromJSON[[]string](groups)
		return v, err
	}, `SELECT user_id, groups, decision, note, at FROM approval_vote WHERE approval_id = $1 ORDER BY at, user_id`, a.ID)
	if err != nil {
		return a, fmt.Errorf("read votes: %w", err)
	}
	return a, nil
}

// Pending lists what waits for who's answer, oldest first.
func (s *Store) Pending(ctx context.Context, q db.Querier, who actor.Actor) ([]Approval, error) {
	ids, err := db.All(ctx, q, db.Strings, `SELECT id FROM approval WHERE state = 'asked' ORDER BY asked_at, id`)
	if err != nil {
		return nil, fmt.Errorf("list approvals: %w", err)
	}
	out := []Approval{}
	for _, x := range ids {
		a, err := s.Get(ctx, q, x)
		if err != nil {
			return nil, err
		}
		if s.May(ctx, q, who, a) == nil {
			out = append(out, a)
		}
	}
	return out, nil
}

// Document is a stored set of rules.
type Document struct {
	Project, Name, Text string
	Version             int64
	BuiltIn             bool
	UpdatedBy           string
	UpdatedAt           time.Time
}

// RulesChanged records new approval rules with their text: an auditor can tell
// from the ledger what was demanded at any time.
type RulesChanged struct {
	Name    string `json:"name" class:"public"`
	Version int64  `json:"version" class:"public"`
	Text    string `json:"text" class:"internal"`
}

func (RulesChanged) EventKind() string { return "approval.RulesChanged" }

var documentName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// Put stores rules and says how many. With dry they are only checked.
func (s *Store) Put(ctx context.Context, tx *db.Tx, who actor.Actor, project, name string, content []byte, dry bool) (rules []Rule, result string, err error) {
	res := access.Resource{Type: "policy", Attrs: map[string]string{"name": "approvals", "project": project}, Name: "approvals of " + project}
	if err := s.access.Check(ctx, tx, who, "manage", res); err != nil {
		return nil, "", err
	}
	if name == "" {
		name = "approvals"
	}
	if !documentName.MatchString(name) {
		return nil, "", fault.Field("name", "The name of approval rules has letters, digits, dots, dashes and underscores, at most 100.")
	}
	if rules, err = ParseRules(content); err != nil {
		return nil, "", err
	}
	var version int64
	var old string
	result = "created"
	err = tx.QueryRow(ctx, `SELECT version, body FROM approval_document WHERE project = $1 AND name = $2`, project, name).Scan(&version, &old)
	switch {
	case err == nil && old == string(content):
		return rules, "unchanged", nil
	case err == nil:
		result = "updated"
	case !db.IsNoRows(err):
		return nil, "", fmt.Errorf("read approval rules: %w", err)
	}
	if dry {
		return rules, result, nil
	}
	version++
	if _, err := tx.Exec(ctx, `INSERT INTO approval_document (project, name, body, version, updated_by, updated_at) VALUES ($1,$2,$3,$4,$5,$6)
ON CONFLICT (project, name) DO UPDATE SET body = excluded.body, version = excluded.version, updated_by = excluded.updated_by, updated_at = excluded.updated_at`,
		project, name, string(content), version, who.ID, db.Micro(s.clock.Now())); err != nil {
		return nil, "", fmt.Errorf("store approval rules: %w", err)
	}
	if err := s.note(ctx, tx, who, project, changedRules, nil); err != nil {
		return nil, "", err
	}
	return rules, result, s.ledger.Append(ctx, tx, who, ledger.About{Resource: "approvals:" + name, Project: project}, RulesChanged{name, version, string(content)})
}

// Documents lists a project's approval rules; the built-in ones when it has none.
func (s *Store) Documents(ctx context.Context, q db.Querier, project string) ([]Document, error) {
	out, err := db.All(ctx, q, func(r db.Scanner) (d Document, err error) {
		var at int64
		err = r.Scan(&d.Project, &d.Name, &d.Text, &d.Version, &d.UpdatedBy, &at)
		d.UpdatedAt = db.At(at)
		return d, err
	}, `SELECT project, name, body, version, updated_by, updated_at FROM approval_document WHERE project = $1 ORDER BY name`, project)
	if err != nil {
		return nil, fmt.Errorf("read approval rules: %w", err)
	}
	if len(out) == 0 {
		out = append(out, Document{Project: project, Name: "approvals", Text: DefaultRules, BuiltIn: true})
	}
	return out, nil
}

// Rules are all rules of a project.
func (s *Store) Rules(ctx context.Context, q db.Querier, project string) ([]Rule, error) {
	docs, err := s.Documents(ctx, q, project)
	if err != nil {
		return nil, err
	}
	var out []Rule
	for _, d := range docs {
		rs, err := ParseRules([]byte(d.Text))
		if err != nil { // stored rules were checked; if they cannot be read nothing may pass
			return nil, fmt.Errorf("approval rules %s of %s: %w", d.Name, project, err)
		}
		out = append(out, rs...)
	}
	return out, nil
}

// Required says what is demanded of asker for sub; nil for nothing.
func (s *Store) Required(ctx context.Context, q db.Querier, project string, asker []string, sub Subject) (*Requirement, error) {
	rules, err := s.Rules(ctx, q, project)
	if err != nil {
		return nil, err
	}
	more, err := s.unsettled(ctx, q, project, asker, rules, sub)
	if err != nil {
		return nil, err
	}
	req := Required(rules, sub)
	if more == nil {
		return req, nil
	}
	if req != nil { // both, the shorter time
		more.Expires = min(more.Expires, req.Expires)
		for _, n := range req.Needs {
			if !slices.ContainsFunc(more.Needs, func(o Need) bool { return o.Rule == n.Rule && o.Need == n.Need && slices.Equal(o.Groups, n.Groups) }) {
				more.Needs = append(more.Needs, n)
			}
		}
	}
	return more, nil
}

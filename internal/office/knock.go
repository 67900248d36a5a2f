package office

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
	"muster/internal/message"
	"muster/internal/room"
	"muster/internal/task"
)

// KnockExpiry is how long a knock waits for an answer.
const KnockExpiry = 5 * time.Minute

// A person may knock so often within a minute, at whatever doors.
const knocksAMinute = 6

// Knock is a request to be let in through a door that is not open.
type Knock struct {
	ID         string     `json:"id"`
	UserID     string     `json:"user_id" doc:"Who knocks"`
	RoomID     string     `json:"room_id"`
	State      string     `json:"state" enum:"pending,admitted,declined,withdrawn,expired"`
	Note       string     `json:"note" doc:"From who knocks"`
	Answer     string     `json:"answer" doc:"From who declined"`
	AnsweredBy string     `json:"answered_by"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  time.Time  `json:"expires_at"`
	AnsweredAt *time.Time `json:"answered_at,omitempty"`
	Guest      string     `json:"guest" doc:"Name of a guest who came by a link and has no account yet; empty for everybody else"`
	LooksLike  string     `json:"looks_like" doc:"Id of the person whose name the guest's could be taken for"`
}

// Knocked records a knock.
type Knocked struct {
	Knock string `json:"knock" class:"public"`
	Note  string `json:"note,omitempty" class:"internal"`
	Guest string `json:"guest,omitempty" class:"internal"` // their name, who have no account
}

func (Knocked) EventKind() string { return "office.Knocked" }

// KnockAnswered records what came of a knock.
type KnockAnswered struct {
	Knock  string `json:"knock" class:"public"`
	Person string `json:"person" class:"public"`
	State  string `json:"state" class:"public"`
	Answer string `json:"answer,omitempty" class:"internal"`
	Guest  string `json:"guest,omitempty" class:"internal"`
}

func (KnockAnswered) EventKind() string { return "office.KnockAnswered" }

// SentHome records that a moderator ended somebody's stay in a room.
type SentHome struct {
	Person string `json:"person" class:"public"`
	Reason string `json:"reason,omitempty" class:"internal"`
	Home   string `json:"home,omitempty" class:"public"` // the room they sit in now
}

func (SentHome) EventKind() string { return "office.SentHome" }

const knockCols = `id, person, room, state, note, answer, answered_by, created_at, expires_at, answered_at, guest, looks_like`

func scanKnock(s db.Scanner) (k Knock, err error) {
	var created, expires, answered int64
	err = s.Scan(&k.ID, &k.UserID, &k.RoomID, &k.State, &k.Note, &k.Answer, &k.AnsweredBy, &created, &expires, &answered, &k.Guest, &k.LooksLike)
	k.CreatedAt, k.ExpiresAt = db.At(created), db.At(expires)
	if answered > 0 {
		at := db.At(answered)
		k.AnsweredAt = &at
	}
	return k, err
}

const knockExpireKind = "office.knock-expire"

func (s *Store) registerKnocks(d *db.DB) {
	s.tasks.Handle(knockExpireKind, func(ctx context.Context, t task.Task) error {
		var knockID string
		if err := t.Into(&knockID); err != nil {
			return err
		}
		return d.Do(ctx, func(tx *db.Tx) error {
			k, err := s.knock(ctx, tx, knockID)
			if err != nil || k.State != "pending" {
				return err
			}
			return s.settle(ctx, tx, actor.System("office"), &k, "expired", "")
		})
	})
}

func (s *Store) knock(ctx context.Context, q db.Querier, knockID string) (Knock, error) {
	k, err := db.One(ctx, q, scanKnock, `SELECT `+knockCols+` FROM office_knock WHERE id = $1`, knockID)
	if db.IsNoRows(err) {
		return k, errNoKnock
	}
	return k, err
}

var errNoKnock = fault.New(fault.NotFound, "There is no such knock at a door of yours.")

// Knock asks the people inside a room to be let in. A second knock at the same
// door is the first one.
func (s *Store) Knock(ctx context.Context, tx *db.Tx, who actor.Actor, roomID, note string) (Knock, error) {
	note = strings.TrimSpace(note)
	if utf8.RuneCountInString(note) > 300 {
		return Knock{}, fault.Field("note", "Keep the note within 300 characters.")
	}
	if who.Kind != actor.Person {
		return Knock{}, errOnlyPeople
	}
	r, err := s.rooms.See(ctx, tx, who, roomID)
	if err != nil {
		return Knock{}, err
	}
	if err := s.rooms.Check(ctx, tx, who, "enter", r); err != nil {
		return Knock{}, err
	}
	if r.Archived {
		return Knock{}, fault.New(fault.Conflict, "This room is archived. Its history can still be read.")
	}
	if err := s.pass(ctx, tx, who, r); err == nil {
		return Knock{}, fault.New(fault.Conflict, "You need not knock at "+r.Name+". Go in.")
	} else if !fault.Is(err, fault.Denied) {
		return Knock{}, err
	}
	k, err := db.One(ctx, tx, scanKnock, `SELECT `+knockCols+` FROM office_knock WHERE person = $1 AND room = $2 AND state = 'pending'`, who.ID, r.ID)
	if err == nil || !db.IsNoRows(err) {
		return k, err
	}
	if inside, err := s.inside(ctx, tx, r.ID); err != nil {
		return k, err
	} else if len(inside) == 0 {
		return k, fault.New(fault.Conflict, "Nobody is in "+r.Name+" to let you in. Ask one of its members to Get you.")
	}
	now := s.clock.Now()
	var lately int
	var first int64
	if err := tx.QueryRow(ctx, `SELECT COUNT(*), COALESCE(MIN(created_at), 0) FROM office_knock WHERE person = $1 AND created_at > $2`, who.ID, db.Micro(now.Add(-time.Minute))).Scan(&lately, &first); err != nil {
		return k, err
	}
	if lately >= knocksAMinute {
		return k, fault.Later(fault.RateLimited, db.At(first).Add(time.Minute).Sub(now), "You knocked often in the last minute. Send them a message meanwhile.")
	}
	k = Knock{ID: id.New(), UserID: who.ID, RoomID: r.ID, State: "pending", Note: note, CreatedAt: now, ExpiresAt: now.Add(KnockExpiry)}
	return k, s.putKnock(ctx, tx, who, k)
}

// putKnock stores a knock, plans its end, and tells who is inside.
func (s *Store) putKnock(ctx context.Context, tx *db.Tx, who actor.Actor, k Knock) error {
	if _, err := tx.Exec(ctx, `INSERT INTO office_knock (`+knockCols+`) VALUES ($1, $2, $3, $4, $5, '', '', $6, $7, 0, $8, $9)`, k.ID, k.UserID, k.RoomID, k.State, k.Note, db.Micro(k.CreatedAt), db.Micro(k.ExpiresAt), k.Guest, k.LooksLike); err != nil {
		return fmt.Errorf("knock: %w", err)
	}
	if err := s.tasks.Enqueue(ctx, tx, knockExpireKind, k.ID, task.Options{At: k.ExpiresAt, Key: k.ID}); err != nil {
		return err
	}
	about, err := s.rooms.About(ctx, tx, k.RoomID)
	if err != nil {
		return err
	}
	if err := s.ledger.Append(ctx, tx, who, about, Knocked{k.ID, k.Note, k.Guest}); err != nil {
		return err
	}
	return s.showKnock(ctx, tx, k)
}

// inside lists who sits in the room and is online: who can let somebody in, as
// guests cannot.
func (s *Store) inside(ctx context.Context, q db.Querier, roomID string) ([]string, error) {
	all, err := db.All(ctx, q, db.Strings, `SELECT person FROM location WHERE room = $1 AND person NOT IN (SELECT id FROM guest_visit WHERE room = $1) ORDER BY seat`, roomID)
	if err != nil {
		return nil, fmt.Errorf("read who is inside: %w", err)
	}
	out := []string{}
	for _, p := range all {
		if s.Online(p) {
			out = append(out, p)
		}
	}
	return out, nil
}

// showKnock tells who knocks and everybody inside.
func (s *Store) showKnock(ctx context.Context, tx *db.Tx, k Knock) error {
	all, err := s.inside(ctx, tx, k.RoomID)
	if err != nil {
		return err
	}
	r, err := s.rooms.Get(ctx, tx, k.RoomID)
	if err != nil {
		return err
	}
	users, err := s.people.ByIDs(ctx, tx, all)
	if err != nil {
		return err
	}
	members, err := s.rooms.Members(ctx, tx, r.ID)
	if err != nil {
		return fmt.Errorf("read members: %w", err)
	}
	judge, err := s.rooms.Judge(ctx, tx, actor.System("office"))
	if err != nil {
		return err
	}
	inside := []string{}
	for _, person := range all { // rights may have gone from under somebody who sits there
		u, known := users[person]
		if known && room.Readable(judge.For(u.Actor()), r, slices.Contains(members, person)) {
			inside = append(inside, person)
		}
	}
	tx.AfterCommit(func() {
		if k.Guest == "" { // a guest's page is told of their visit
			inside = append(inside, k.UserID)
		}
		for _, person := range inside {
			s.bus.Publish("user:"+person, map[string]any{"type": "knock", "knock": k})
		}
	})
	return nil
}

// pass says whether who gets through the door of a room they may enter; a
// fault says what to do when not. A closed door stops nobody while nobody is
// inside, and never those whom an incident's room is for.
func (s *Store) pass(ctx context.Context, q db.Querier, who actor.Actor, r room.Room) error {
	if r.Door == "open" {
		return nil
	}
	if at, err := s.where(ctx, q, who.ID); err != nil || at != nil && at.Room == r.ID {
		return err
	}
	member, err := s.rooms.Member(ctx, q, r.ID, who.ID)
	if err != nil || member && (r.Door == "locked" || r.Kind == "incident") {
		return err
	}
	if r.Door == "locked" {
		return fault.New(fault.Denied, "The door of "+r.Name+" is locked. Knock, or ask somebody inside to Get you.")
	}
	inside, err := s.inside(ctx, q, r.ID)
	if err != nil || len(inside) == 0 {
		return err
	}
	return fault.New(fault.Denied, "The door of "+r.Name+" is closed. Knock, and somebody inside lets you in.")
}

// answerable finds a knock that who may answer: somebody inside, or a moderator.
func (s *Store) answerable(ctx context.Context, tx *db.Tx, who actor.Actor, knockID string) (Knock, room.Room, error) {
	k, err := s.knock(ctx, tx, knockID)
	if err != nil {
		return k, room.Room{}, err
	}
	r, err := s.rooms.Get(ctx, tx, k.RoomID)
	if err != nil {
		return k, r, err
	}
	at, err := s.where(ctx, tx, who.ID)
	if err != nil {
		return k, r, err
	}
	inside := at != nil && at.Room == r.ID
	if !s.rooms.May(ctx, tx, who, "read", r) || !inside && !s.rooms.May(ctx, tx, who, "moderate", r) {
		return k, r, errNoKnock
	}
	if k.State != "pending" || !s.clock.Now().Before(k.ExpiresAt) {
		state := k.State
		if state == "pending" {
			state = "expired"
		}
		return k, r, fault.New(fault.Conflict, "This knock was already "+state+".")
	}
	return k, r, nil
}

// LetIn answers a knock: who knocked is a member from now on and, if they are
// still there, sits inside. They asked to; nobody is moved who did not.
func (s *Store) LetIn(ctx context.Context, tx *db.Tx, who actor.Actor, knockID string) (Knock, error) {
	k, r, err := s.answerable(ctx, tx, who, knockID)
	if err != nil {
		return k, err
	}
	if r.Archived {
		return k, fault.New(fault.Conflict, "The room was archived in the meantime.")
	}
	if err := s.settle(ctx, tx, who, &k, "admitted", ""); err != nil {
		return k, err
	}
	if k.Guest != "" {
		// Somebody from outside: who may only watch lets nobody in.
		if err := s.rooms.Check(ctx, tx, who, "post", r); err != nil && !s.rooms.May(ctx, tx, who, "moderate", r) {
			return k, err
		}
		return k, s.admitGuest(ctx, tx, who, r, k)
	}
	u, err := s.people.Get(ctx, tx, k.UserID)
	if err != nil {
		return k, err
	}
	guest := u.Actor().By(who)
	if err := s.rooms.Check(ctx, tx, guest, "enter", r); err != nil {
		return k, fault.Newf(fault.Conflict, "%s may not enter %s any more.", u.Display, r.Name)
	}
	if err := s.rooms.Admit(ctx, tx, guest, r.ID); err != nil {
		return k, err
	}
	if s.Online(u.ID) {
		_, err = s.sit(ctx, tx, guest, r, 0)
	}
	return k, err
}

// TurnAway declines a knock, with a word.
func (s *Store) TurnAway(ctx context.Context, tx *db.Tx, who actor.Actor, knockID, note string) (Knock, error) {
	if note = strings.TrimSpace(note); utf8.RuneCountInString(note) > 300 {
		return Knock{}, fault.Field("note", "Keep the note within 300 characters.")
	}
	k, _, err := s.answerable(ctx, tx, who, knockID)
	if err != nil {
		return k, err
	}
	return k, s.settle(ctx, tx, who, &k, "declined", note)
}

// Withdraw takes one's own knock back.
func (s *Store) Withdraw(ctx context.Context, tx *db.Tx, who actor.Actor, knockID string) (Knock, error) {
	k, err := s.knock(ctx, tx, knockID)
	if err != nil {
		return k, err
	}
	if k.UserID != who.ID {
		return k, errNoKnock
	}
	if k.State != "pending" {
		return k, fault.New(fault.Conflict, "This knock was already "+k.State+".")
	}
	return k, s.settle(ctx, tx, who, &k, "withdrawn", "")
}

// settle ends a pending knock; k is as it is afterwards.
func (s *Store) settle(ctx context.Context, tx *db.Tx, who actor.Actor, k *Knock, state, answer string) error {
	now := s.clock.Now()
	by := who.ID
	if who.IsSystem() {
		by = ""
	}
	res, err := tx.Exec(ctx, `UPDATE office_knock SET state = $2, answer = $3, answered_by = $4, answered_at = $5 WHERE id = $1 AND state = 'pending'`, k.ID, state, answer, by, db.Micro(now))
	if err != nil {
		return fmt.Errorf("answer a knock: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return fault.New(fault.Conflict, "Somebody else answered this knock just now.")
	}
	k.State, k.Answer, k.AnsweredBy, k.AnsweredAt = state, answer, by, &now
	if err := s.tasks.Cancel(ctx, tx, knockExpireKind, k.ID); err != nil {
		return err
	}
	about, err := s.rooms.About(ctx, tx, k.RoomID)
	if err != nil {
		return err
	}
	if err := s.ledger.Append(ctx, tx, who, about, KnockAnswered{k.ID, k.UserID, state, answer, k.Guest}); err != nil {
		return err
	}
	if state == "expired" { // who was busy inside finds it in the chat
		name := "A guest"
		if k.Guest == "" {
			u, err := s.people.Get(ctx, tx, k.UserID)
			if err != nil {
				return err
			}
			name = u.Display
		}
		// Without their note: who may not post here would post, in Muster's name.
		text := name + " knocked at " + k.CreatedAt.UTC().Format("15:04") + " UTC and nobody answered."
		if _, err := s.messages.Post(ctx, tx, who, message.New{Room: k.RoomID, Text: text, Kind: "system"}); err != nil {
			return err
		}
	}
	if k.Guest != "" {
		if err := s.settleVisit(ctx, tx, *k); err != nil {
			return err
		}
	}
	return s.showKnock(ctx, tx, *k)
}

// Knocks lists who's own pending knocks, and those at the door of the room they
// sit in, which they can answer while they may read it.
func (s *Store) Knocks(ctx context.Context, q db.Querier, who actor.Actor) ([]Knock, error) {
	all, err := db.All(ctx, q, scanKnock, `SELECT `+knockCols+` FROM office_knock WHERE state = 'pending' AND
 (person = $1 OR room = (SELECT room FROM location WHERE person = $1)) ORDER BY created_at`, who.ID)
	if err != nil {
		return nil, fmt.Errorf("list knocks: %w", err)
	}
	reads := map[string]bool{}
	out := []Knock{}
	for _, k := range all {
		if _, known := reads[k.RoomID]; !known && k.UserID != who.ID {
			r, err := s.rooms.Get(ctx, q, k.RoomID)
			if err != nil {
				return nil, err
			}
			reads[k.RoomID] = s.rooms.May(ctx, q, who, "read", r)
		}
		if k.UserID == who.ID || reads[k.RoomID] {
			out = append(out, k)
		}
	}
	return out, nil
}

// TurnDoor opens or closes the door of the room one sits in; locking it, or
// turning that of another room, needs the right to change the room.
func (s *Store) TurnDoor(ctx context.Context, tx *db.Tx, who actor.Actor, roomID, door string) (room.Room, error) {
	r, err := s.rooms.See(ctx, tx, who, roomID)
	if err != nil {
		return r, err
	}
	at, err := s.where(ctx, tx, who.ID)
	if err != nil {
		return r, err
	}
	if at != nil && at.Room == r.ID && door != "locked" && r.Door != "locked" {
		return s.rooms.TurnDoor(ctx, tx, who, r.ID, door)
	}
	return s.rooms.Update(ctx, tx, who, r.ID, room.Change{Door: &door})
}

// SendHome ends somebody's stay in a room, by a moderator, with a reason: they
// sit in their home room then, where they have one that lets them in.
func (s *Store) SendHome(ctx context.Context, tx *db.Tx, who actor.Actor, roomID, person, reason string) error {
	if reason = strings.TrimSpace(reason); utf8.RuneCountInString(reason) > 300 {
		return fault.Field("reason", "Keep the reason within 300 characters.")
	}
	r, err := s.rooms.See(ctx, tx, who, roomID)
	if err != nil {
		return err
	}
	if err := s.rooms.Check(ctx, tx, who, "moderate", r); err != nil {
		return err
	}
	at, err := s.where(ctx, tx, person)
	if err != nil {
		return err
	}
	if at == nil || at.Room != r.ID {
		return fault.New(fault.Conflict, "They are not in "+r.Name+".")
	}
	about, err := s.rooms.About(ctx, tx, r.ID)
	if err != nil {
		return err
	}
	ok, err := s.toHome(ctx, tx, who, person, r.ID)
	if err != nil {
		return err
	}
	home := ""
	if !ok {
		err = s.getUp(ctx, tx, person, *at)
	} else if at, err = s.where(ctx, tx, person); err == nil {
		home = at.Room
	}
	if err != nil {
		return err
	}
	tx.AfterCommit(func() {
		s.bus.Publish("user:"+person, map[string]any{"type": "sent_home", "room_id": r.ID, "by": who.ID, "reason": reason, "home_room_id": home})
	})
	if err := s.EndVisit(ctx, tx, who, r, person, sentWord(reason)); err != nil {
		return err
	}
	return s.ledger.Append(ctx, tx, who, about, SentHome{person, reason, home})
}

func sentWord(reason string) string {
	if reason == "" {
		return "You were sent out."
	}
	return "You were sent out: " + reason
}

// getUp takes a person off their seat. A closed door opens when the last one
// goes: nobody is left to answer it.
func (s *Store) getUp(ctx context.Context, tx *db.Tx, person string, at Location) error {
	if _, err := tx.Exec(ctx, `DELETE FROM location WHERE person = $1`, person); err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	tx.AfterCommit(func() { s.moved(person) })
	return s.emptied(ctx, tx, at.Room)
}

func (s *Store) emptied(ctx context.Context, tx *db.Tx, roomID string) error {
	r, err := s.rooms.Get(ctx, tx, roomID)
	if err != nil || r.Door != "closed" || r.Archived {
		return err
	}
	inside, err := s.inside(ctx, tx, roomID)
	if err != nil || len(inside) > 0 {
		return err
	}
	_, err = s.rooms.TurnDoor(ctx, tx, actor.System("office"), roomID, "open")
	return err
}

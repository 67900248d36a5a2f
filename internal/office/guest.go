package office

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/room"
	"muster/internal/task"
)

// GuestStay is how long a guest stays at most; a link that ends sooner ends the
// stay with it.
const GuestStay = 12 * time.Hour

// What one link, and one room, bears of people who knock.
const (
	guestKnocksAMinute = 10 // by one link
	guestsWaiting      = 10 // at one door, at once
)

// Visit is a guest's, from the first knock to the end.
//
//	waiting ──let in──▶ inside ──left, sent home, revoked, archived, timed out──▶ ended
//	   └──declined, withdrawn, expired (5 minutes), link revoked (ended)
type Visit struct {
	ID         string     `json:"id" doc:"Also the guest's user id, once they were let in"`
	RoomID     string     `json:"room_id"`
	Link       string     `json:"link" doc:"Id of the link they came by"`
	Name       string     `json:"name"`
	LooksLike  string     `json:"looks_like" doc:"Id of the person whose name this one could be taken for"`
	State      string     `json:"state" enum:"waiting,inside,declined,withdrawn,expired,ended"`
	Word       string     `json:"word" doc:"What they were told: why declined, or why it ended"`
	CreatedAt  time.Time  `json:"created_at"`
	AdmittedAt *time.Time `json:"admitted_at,omitempty"`
	ExpiresAt  time.Time  `json:"expires_at" doc:"When it ends by itself: the knock, or the stay"`

	Since int64 `json:"-"` // the room's number on admission
}

// Actor is the guest as the one who acts: in no group but that of guests.
func (v Visit) Actor() actor.Actor {
	return actor.Actor{ID: v.ID, Name: account.GuestLogin(v.ID), Display: v.Name, Kind: actor.Guest, Groups: []string{account.GuestGroup}, Session: v.ID, Door: "web"}
}

// GuestEnded is the ledger event of the end of a guest's stay.
type GuestEnded struct {
	Visit  string `json:"visit" class:"public"`
	Guest  string `json:"guest" class:"internal"`
	Reason string `json:"reason" class:"internal"`
}

func (GuestEnded) EventKind() string { return "office.GuestEnded" }

const selectVisit = `SELECT id, link, room, name, looks_like, state, word, since, created_at, admitted_at, expires_at FROM guest_visit`

func scanVisit(s db.Scanner) (v Visit, err error) {
	var created, admitted, expires int64
	err = s.Scan(&v.ID, &v.Link, &v.RoomID, &v.Name, &v.LooksLike, &v.State, &v.Word, &v.Since, &created, &admitted, &expires)
	v.CreatedAt, v.ExpiresAt = db.At(created), db.At(expires)
	if admitted > 0 {
		at := db.At(admitted)
		v.AdmittedAt = &at
	}
	return v, err
}

const (
	linkEndsKind  = "office.guest-link-ends"
	visitEndsKind = "office.guest-visit-ends"
)

func (s *Store) registerGuests(d *db.DB) {
	system := actor.System("office")
	s.tasks.Handle(linkEndsKind, func(ctx context.Context, t task.Task) error {
		var link string
		if err := t.Into(&link); err != nil {
			return err
		}
		return d.Do(ctx, func(tx *db.Tx) error { return s.endVisits(ctx, tx, system, `link = $1`, "The link has ended.", link) })
	})
	s.tasks.Handle(visitEndsKind, func(ctx context.Context, t task.Task) error {
		var visit string
		if err := t.Into(&visit); err != nil {
			return err
		}
		return d.Do(ctx, func(tx *db.Tx) error {
			return s.endVisits(ctx, tx, system, `id = $1`, "The time of the visit is up.", visit)
		})
	})
}

// GuestCSRF is tied to a visit's secret, as an account's is to its session's.
func GuestCSRF(secret string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte("muster guest csrf"))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// VisitBy finds the visit whose secret somebody holds, whatever became of it.
func (s *Store) VisitBy(ctx context.Context, q db.Querier, secret string) (Visit, error) {
	return s.visit(ctx, q, `secret = $1`, digest(secret))
}

func (s *Store) visit(ctx context.Context, q db.Querier, where string, arg string) (Visit, error) {
	v, err := db.One(ctx, q, scanVisit, selectVisit+` WHERE `+where, arg)
	if db.IsNoRows(err) {
		return v, errNoVisit
	}
	if err != nil {
		return v, fmt.Errorf("read a visit: %w", err)
	}
	if (v.State == "inside" || v.State == "waiting") && !s.clock.Now().Before(v.ExpiresAt) {
		v.State = map[string]string{"inside": "ended", "waiting": "expired"}[v.State] // its task is on the way
	}
	return v, nil
}

var (
	errNoVisit = fault.New(fault.Unauthenticated, "Your visit has ended, or never began. Open the link you were given once more.")
	errNotIn   = fault.New(fault.Denied, "You are not inside any more. Open the link you were given once more.")
)

// VisitOf gives a visit by its id, whatever became of it.
func (s *Store) VisitOf(ctx context.Context, q db.Querier, visitID string) (Visit, error) {
	return s.visit(ctx, q, `id = $1`, visitID)
}

// Guest gives the visit of a guest who is inside now.
func (s *Store) Guest(ctx context.Context, q db.Querier, visitID string) (Visit, error) {
	v, err := s.visit(ctx, q, `id = $1`, visitID)
	if err == nil && v.State != "inside" {
		err = errNotIn
	}
	return v, err
}

// GuestSince is from which of the room's numbers on a guest may read it.
func (s *Store) GuestSince(ctx context.Context, q db.Querier, guest, roomID string) (int64, error) {
	v, err := s.Guest(ctx, q, guest)
	if err != nil {
		return 0, err
	}
	if v.RoomID != roomID {
		return 0, errNotIn
	}
	return v.Since, nil
}

// GuestKnock puts somebody with a link at the door of its room: they wait as
// anybody who knocks, and have an account only once they were let in.
func (s *Store) GuestKnock(ctx context.Context, tx *db.Tx, secret, name, note, request string) (v Visit, plain string, err error) {
	l, r, err := s.GuestLinkBy(ctx, tx, secret)
	if err != nil {
		return v, "", err
	}
	if name, err = guestName(name); err != nil {
		return v, "", err
	}
	if err := holdLink(ctx, tx, l.ID); err != nil {
		return v, "", err
	}
	if l, r, err = s.GuestLinkBy(ctx, tx, secret); err != nil { // as it is now that nobody else changes it
		return v, "", err
	}
	if note = strings.TrimSpace(note); utf8.RuneCountInString(note) > 300 {
		return v, "", fault.Field("note", "Keep the note within 300 characters.")
	}
	if l.Most > 0 && l.Inside >= l.Most {
		return v, "", fault.New(fault.Conflict, "As many guests as this link lets in are inside already. Try again when one has left.")
	}
	inside, err := s.inside(ctx, tx, r.ID)
	if err != nil {
		return v, "", err
	}
	if len(inside) == 0 {
		return v, "", fault.New(fault.Conflict, "Nobody is in the room to let you in. Tell whoever invited you that you are here, and try again.")
	}
	now := s.clock.Now()
	var lately, waiting int
	if err := tx.QueryRow(ctx, `SELECT (SELECT COUNT(*) FROM guest_visit WHERE link = $1 AND created_at > $2), (SELECT COUNT(*) FROM guest_visit WHERE room = $3 AND state = 'waiting')`, l.ID, db.Micro(now.Add(-time.Minute)), r.ID).Scan(&lately, &waiting); err != nil {
		return v, "", fmt.Errorf("count knocks: %w", err)
	}
	if lately >= guestKnocksAMinute || waiting >= guestsWaiting {
		return v, "", fault.Later(fault.RateLimited, time.Minute, "Many people wait at this door.")
	}
	people, err := s.people.List(ctx, tx)
	if err != nil {
		return v, "", err
	}
	plain, hash := ticket()
	v = Visit{ID: id.New(), RoomID: r.ID, Link: l.ID, Name: name, State: "waiting", CreatedAt: now, ExpiresAt: now.Add(KnockExpiry)}
	if u, ok := looksLike(name, people); ok {
		v.LooksLike = u.ID
	}
	if _, err := tx.Exec(ctx, `INSERT INTO guest_visit (id, link, room, name, looks_like, secret, state, word, since, created_at, admitted_at, expires_at, ended_at) VALUES ($1, $2, $3, $4, $5, $6, 'waiting', '', 0, $7, 0, $8, 0)`,
		v.ID, v.Link, v.RoomID, v.Name, v.LooksLike, hash, db.Micro(now), db.Micro(v.ExpiresAt)); err != nil {
		return v, "", fmt.Errorf("knock: %w", err)
	}
	k := Knock{ID: id.New(), UserID: v.ID, RoomID: r.ID, State: "pending", Note: note, Guest: v.Name, LooksLike: v.LooksLike, CreatedAt: now, ExpiresAt: v.ExpiresAt}
	who := v.Actor()
	who.Request = request
	return v, plain, s.putKnock(ctx, tx, who, k)
}

// admitGuest lets in a guest who knocked: an account that can do nothing else,
// a membership of this room, and a seat.
func (s *Store) admitGuest(ctx context.Context, tx *db.Tx, by actor.Actor, r room.Room, k Knock) error {
	v, err := s.visit(ctx, tx, `id = $1`, k.UserID)
	if err != nil {
		return err
	}
	if err := holdLink(ctx, tx, v.Link); err != nil {
		return err
	}
	var most int
	var ends, revoked int64
	if err := tx.QueryRow(ctx, `SELECT most, expires_at, revoked_at FROM guest_link WHERE id = $1`, v.Link).Scan(&most, &ends, &revoked); err != nil {
		return fmt.Errorf("read a link: %w", err)
	}
	now := s.clock.Now()
	if v.State != "waiting" || revoked > 0 || ends > 0 && ends <= db.Micro(now) {
		return fault.New(fault.Conflict, "They are not at the door any more.")
	}
	if most > 0 {
		var inside int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM guest_visit WHERE link = $1 AND state = 'inside'`, v.Link).Scan(&inside); err != nil {
			return fmt.Errorf("count guests: %w", err)
		}
		if inside >= most {
			return fault.Newf(fault.Conflict, "The link lets in %d at once, and they are inside. Send one home first.", most)
		}
	}
	v.ExpiresAt = now.Add(GuestStay)
	if ends > 0 && db.At(ends).Before(v.ExpiresAt) {
		v.ExpiresAt = db.At(ends)
	}
	who := v.Actor()
	who.Request = by.Request
	title := "Guest"
	if v.LooksLike != "" {
		title = "Guest, by a name like that of somebody else here"
	}
	if err := s.people.AddGuest(ctx, tx, v.ID, v.Name, title); err != nil {
		return err
	}
	if err := s.rooms.Admit(ctx, tx, who, r.ID); err != nil {
		return err
	}
	// What a policy says of guests counts on the way in, as of anybody.
	if err := s.rooms.Check(ctx, tx, who, "enter", r); err != nil {
		return fault.Wrap(fault.Conflict, "A policy keeps guests out of "+r.Name+". Ask an administrator, who can change it.", err)
	}
	// Read again: letting them in may have said something in the room.
	if r, err = s.rooms.Get(ctx, tx, r.ID); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE guest_visit SET state = 'inside', since = $2, admitted_at = $3, expires_at = $4 WHERE id = $1`, v.ID, r.Seq, db.Micro(now), db.Micro(v.ExpiresAt)); err != nil {
		return fmt.Errorf("let a guest in: %w", err)
	}
	if err := s.tasks.Enqueue(ctx, tx, visitEndsKind, v.ID, task.Options{At: v.ExpiresAt, Key: v.ID}); err != nil {
		return err
	}
	s.tellGuest(tx, v.ID)
	_, err = s.sit(ctx, tx, who, r, 0)
	return err
}

// holdLink keeps others from counting who is there by a link until this is done.
func holdLink(ctx context.Context, tx *db.Tx, linkID string) error {
	if _, err := tx.Exec(ctx, `UPDATE guest_link SET most = most WHERE id = $1`, linkID); err != nil {
		return fmt.Errorf("hold a link: %w", err)
	}
	return nil
}

// tellGuest has a guest's page read anew what it shows.
func (s *Store) tellGuest(tx *db.Tx, visitID string) {
	tx.AfterCommit(func() { s.bus.Publish("user:"+visitID, map[string]any{"type": "visit"}) })
}

// settleVisit notes what came of a guest's knock.
func (s *Store) settleVisit(ctx context.Context, tx *db.Tx, k Knock) error {
	if k.State == "admitted" {
		return nil // admitGuest does it
	}
	if _, err := tx.Exec(ctx, `UPDATE guest_visit SET state = $2, word = $3, ended_at = $4 WHERE id = $1 AND state = 'waiting'`, k.UserID, k.State, k.Answer, db.Micro(s.clock.Now())); err != nil {
		return fmt.Errorf("note what came of a guest's knock: %w", err)
	}
	s.tellGuest(tx, k.UserID)
	return nil
}

// LeaveAsGuest ends one's own visit, or takes back one's knock.
func (s *Store) LeaveAsGuest(ctx context.Context, tx *db.Tx, who actor.Actor) error {
	return s.endVisits(ctx, tx, who, `id = $1`, "You left.", who.ID)
}

// EndVisit ends the visit of a guest who was put out of its room; of anybody
// else it does nothing.
func (s *Store) EndVisit(ctx context.Context, tx *db.Tx, by actor.Actor, r room.Room, person, word string) error {
	return s.endVisits(ctx, tx, by, `id = $1 AND room = $2`, word, person, r.ID)
}

// Archived ends every visit to a room that was archived.
func (s *Store) Archived(ctx context.Context, tx *db.Tx, by actor.Actor, r room.Room) error {
	return s.endVisits(ctx, tx, by, `room = $1`, "The room was closed.", r.ID)
}

// endVisits ends what is picked, with everything that hangs on it: the knock or
// the seat, the membership, the account, and with them the socket and the media.
func (s *Store) endVisits(ctx context.Context, tx *db.Tx, by actor.Actor, where, word string, args ...any) error {
	// Whoever lets one of them in at this moment is waited for.
	if _, err := tx.Exec(ctx, `UPDATE guest_visit SET state = state WHERE `+where+` AND state IN ('waiting', 'inside')`, args...); err != nil {
		return fmt.Errorf("hold visits: %w", err)
	}
	all, err := db.All(ctx, tx, scanVisit, selectVisit+` WHERE `+where+` AND state IN ('waiting', 'inside') ORDER BY created_at`, args...)
	if err != nil {
		return fmt.Errorf("read visits: %w", err)
	}
	for _, v := range all {
		if err := s.endVisit(ctx, tx, by, v, word); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) endVisit(ctx context.Context, tx *db.Tx, by actor.Actor, v Visit, word string) error {
	if v.State == "waiting" {
		k, err := db.One(ctx, tx, scanKnock, `SELECT `+knockCols+` FROM office_knock WHERE person = $1 AND state = 'pending'`, v.ID)
		if err != nil {
			return fmt.Errorf("read a guest's knock: %w", err)
		}
		state := "withdrawn"
		if by.ID != v.ID {
			state = "declined"
		}
		return s.settle(ctx, tx, by, &k, state, word)
	}
	res, err := tx.Exec(ctx, `UPDATE guest_visit SET state = 'ended', word = $2, ended_at = $3 WHERE id = $1 AND state = 'inside'`, v.ID, word, db.Micro(s.clock.Now()))
	if err != nil {
		return fmt.Errorf("end a visit: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return nil
	}
	if err := s.tasks.Cancel(ctx, tx, visitEndsKind, v.ID); err != nil {
		return err
	}
	if at, err := s.where(ctx, tx, v.ID); err != nil {
		return err
	} else if at != nil {
		if err := s.getUp(ctx, tx, v.ID, *at); err != nil {
			return err
		}
	}
	// As the guest, who may always leave.
	if err := s.rooms.Leave(ctx, tx, v.Actor(), v.RoomID, v.ID); err != nil {
		return err
	}
	if err := s.people.EndGuest(ctx, tx, v.ID); err != nil {
		return err
	}
	s.tellGuest(tx, v.ID)
	tx.AfterCommit(func() {
		s.bus.Publish(account.SessionTopic, account.SessionEnded{Type: "session-revoked", SessionID: v.ID, UserID: v.ID})
	})
	about, err := s.rooms.About(ctx, tx, v.RoomID)
	if err != nil {
		return err
	}
	return s.ledger.Append(ctx, tx, by, about, GuestEnded{v.ID, v.Name, word})
}

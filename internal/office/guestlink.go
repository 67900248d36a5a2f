package office

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/room"
	"muster/internal/task"
)

// GuestLink lets somebody without an account knock at the door of one room.
type GuestLink struct {
	ID        string     `json:"id"`
	RoomID    string     `json:"room_id"`
	Label     string     `json:"label" doc:"For whom it is"`
	Most      int        `json:"most" doc:"Guests by it inside at once; 0: as many as are let in"`
	MadeBy    string     `json:"made_by"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"Absent: until it is revoked"`
	Waiting   int        `json:"waiting"`
	Inside    int        `json:"inside"`
}

// NewGuestLink describes a link to be made.
type NewGuestLink struct {
	Label   string
	Most    int
	Expires time.Time // zero: until revoked
}

// GuestLinkMade is the ledger event of a new link.
type GuestLinkMade struct {
	Link    string     `json:"link" class:"public"`
	Label   string     `json:"label,omitempty" class:"internal"`
	Most    int        `json:"most" class:"public"`
	Expires *time.Time `json:"expires,omitempty" class:"public"`
}

func (GuestLinkMade) EventKind() string { return "office.GuestLinkMade" }

// GuestLinkRevoked is the ledger event of a link's end before its time.
type GuestLinkRevoked struct {
	Link string `json:"link" class:"public"`
}

func (GuestLinkRevoked) EventKind() string { return "office.GuestLinkRevoked" }

const (
	maxGuestLinks = 20  // of one room, at once
	maxGuests     = 100 // what a limit can be
	longestLink   = 366 * 24 * time.Hour
)

func scanLink(s db.Scanner) (l GuestLink, err error) {
	var created, expires int64
	err = s.Scan(&l.ID, &l.RoomID, &l.Label, &l.Most, &l.MadeBy, &created, &expires, &l.Waiting, &l.Inside)
	if l.CreatedAt = db.At(created); expires > 0 {
		at := db.At(expires)
		l.ExpiresAt = &at
	}
	return l, err
}

const selectLink = `SELECT id, room, label, most, made_by, created_at, expires_at,
 (SELECT COUNT(*) FROM guest_visit v WHERE v.link = l.id AND v.state = 'waiting'),
 (SELECT COUNT(*) FROM guest_visit v WHERE v.link = l.id AND v.state = 'inside') FROM guest_link l WHERE revoked_at = 0 AND (expires_at = 0 OR expires_at > $1)`

// ticket makes 256 random bits and what of them is stored.
func ticket() (plain, hash string) {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	plain = base64.RawURLEncoding.EncodeToString(b)
	return plain, digest(plain)
}

// digest is enough for 256 random bits, and a look-up by it tells nothing by its timing.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// hosted gives a room to who may make links for guests to it.
func (s *Store) hosted(ctx context.Context, q db.Querier, who actor.Actor, roomID string) (room.Room, error) {
	r, err := s.rooms.See(ctx, q, who, roomID)
	if err != nil {
		return r, err
	}
	return r, s.rooms.Check(ctx, q, who, "invite_guest", r)
}

// MakeGuestLink makes a link; its secret is shown this once.
func (s *Store) MakeGuestLink(ctx context.Context, tx *db.Tx, who actor.Actor, roomID string, in NewGuestLink) (GuestLink, string, error) {
	r, err := s.hosted(ctx, tx, who, roomID)
	if err != nil {
		return GuestLink{}, "", err
	}
	if r.Archived {
		return GuestLink{}, "", fault.New(fault.Conflict, "This room is archived; nobody comes in any more.")
	}
	now := s.clock.Now()
	in.Label = strings.Join(strings.Fields(in.Label), " ")
	switch {
	case utf8.RuneCountInString(in.Label) > 80 || strings.ContainsFunc(in.Label, unicode.IsControl):
		return GuestLink{}, "", fault.Field("label", "Keep the label within 80 characters on one line.")
	case in.Most < 0 || in.Most > maxGuests:
		return GuestLink{}, "", fault.Field("most", fmt.Sprintf("Say 1 to %d guests at once, or 0 for no limit.", maxGuests))
	case !in.Expires.IsZero() && !in.Expires.After(now):
		return GuestLink{}, "", fault.Field("expires_at", "The end lies in the past. Leave it out for a link that stays until it is revoked.")
	case in.Expires.Sub(now) > longestLink:
		return GuestLink{}, "", fault.Field("expires_at", "A link with an end ends within a year. Leave it out for one that stays until it is revoked.")
	}
	var have int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM guest_link WHERE room = $1 AND revoked_at = 0 AND (expires_at = 0 OR expires_at > $2)`, r.ID, db.Micro(now)).Scan(&have); err != nil {
		return GuestLink{}, "", fmt.Errorf("count links: %w", err)
	}
	if have >= maxGuestLinks {
		return GuestLink{}, "", fault.Newf(fault.Conflict, "This room has %d links. Revoke one first.", have)
	}
	plain, hash := ticket()
	l := GuestLink{ID: id.New(), RoomID: r.ID, Label: in.Label, Most: in.Most, MadeBy: who.ID, CreatedAt: now}
	token := ""
	if who.Token { // it lets nobody in for longer than it lasts itself
		token = who.Session
		if !who.Until.IsZero() && (in.Expires.IsZero() || in.Expires.After(who.Until)) {
			in.Expires = who.Until
		}
	}
	if !in.Expires.IsZero() {
		l.ExpiresAt = &in.Expires
	}
	if _, err := tx.Exec(ctx, `INSERT INTO guest_link (id, room, label, secret, most, made_by, created_at, expires_at, revoked_at, token) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9)`,
		l.ID, l.RoomID, l.Label, hash, l.Most, l.MadeBy, db.Micro(now), db.Micro(in.Expires), token); err != nil {
		return l, "", fmt.Errorf("make a link: %w", err)
	}
	if l.ExpiresAt != nil { // whoever is still here by it goes then
		if err := s.tasks.Enqueue(ctx, tx, linkEndsKind, l.ID, task.Options{At: in.Expires, Key: l.ID}); err != nil {
			return l, "", err
		}
	}
	about, err := s.rooms.About(ctx, tx, r.ID)
	if err != nil {
		return l, "", err
	}
	return l, plain, s.ledger.Append(ctx, tx, who, about, GuestLinkMade{l.ID, l.Label, l.Most, l.ExpiresAt})
}

// RevokeGuestLink ends a link, and every visit by it at once.
func (s *Store) RevokeGuestLink(ctx context.Context, tx *db.Tx, who actor.Actor, roomID, linkID string) error {
	r, err := s.hosted(ctx, tx, who, roomID)
	if err != nil {
		return err
	}
	return s.endLink(ctx, tx, who, r.ID, linkID)
}

// TokenEnded revokes the links that were made by an API token.
func (s *Store) TokenEnded(ctx context.Context, tx *db.Tx, who actor.Actor, tokenID string) error {
	type made struct{ id, room string }
	links, err := db.All(ctx, tx, func(r db.Scanner) (m made, err error) { return m, r.Scan(&m.id, &m.room) }, `SELECT id, room FROM guest_link WHERE token = $1 AND revoked_at = 0`, tokenID)
	if err != nil {
		return fmt.Errorf("find links made by a token: %w", err)
	}
	for _, l := range links {
		if err := s.endLink(ctx, tx, who, l.room, l.id); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) endLink(ctx context.Context, tx *db.Tx, who actor.Actor, roomID, linkID string) error {
	res, err := tx.Exec(ctx, `UPDATE guest_link SET revoked_at = $3 WHERE id = $1 AND room = $2 AND revoked_at = 0`, linkID, roomID, db.Micro(s.clock.Now()))
	if err != nil {
		return fmt.Errorf("revoke a link: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return fault.New(fault.NotFound, "There is no such link to this room, or it was revoked already.")
	}
	about, err := s.rooms.About(ctx, tx, roomID)
	if err != nil {
		return err
	}
	if err := s.ledger.Append(ctx, tx, who, about, GuestLinkRevoked{linkID}); err != nil {
		return err
	}
	if err := s.tasks.Cancel(ctx, tx, linkEndsKind, linkID); err != nil {
		return err
	}
	return s.endVisits(ctx, tx, who, `link = $1`, "The link was revoked.", linkID)
}

// GuestLinks lists the links to a room, and who came by them.
func (s *Store) GuestLinks(ctx context.Context, q db.Querier, who actor.Actor, roomID string) ([]GuestLink, []Visit, error) {
	r, err := s.hosted(ctx, q, who, roomID)
	if err != nil {
		return nil, nil, err
	}
	links, err := db.All(ctx, q, scanLink, selectLink+` AND room = $2 ORDER BY created_at DESC`, db.Micro(s.clock.Now()), r.ID)
	if err != nil {
		return nil, nil, fmt.Errorf("list links: %w", err)
	}
	visits, err := db.All(ctx, q, scanVisit, selectVisit+` WHERE room = $1 AND state IN ('waiting', 'inside') ORDER BY created_at`, r.ID)
	return links, visits, err
}

var errNoLink = fault.New(fault.NotFound, "This link does not work any more: it was revoked, has ended, or was not copied whole. Ask whoever gave it to you for a new one.")

// GuestLinkBy finds a working link by its secret.
func (s *Store) GuestLinkBy(ctx context.Context, q db.Querier, secret string) (GuestLink, room.Room, error) {
	l, err := db.One(ctx, q, scanLink, selectLink+` AND secret = $2`, db.Micro(s.clock.Now()), digest(secret))
	if db.IsNoRows(err) {
		return l, room.Room{}, errNoLink
	}
	if err != nil {
		return l, room.Room{}, fmt.Errorf("find a link: %w", err)
	}
	r, err := s.rooms.Get(ctx, q, l.RoomID)
	if err == nil && r.Archived {
		err = errNoLink
	}
	return l, r, err
}

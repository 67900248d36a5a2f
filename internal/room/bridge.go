package room

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
)

// Bridge is how people who cannot come into a room take part by other means,
// and who is there, as somebody in the room noted it.
type Bridge struct {
	RoomID string    `json:"room_id"`
	Kind   string    `json:"kind" example:"Teams"`
	URL    string    `json:"url" doc:"Link of the meeting; may be empty"`
	Phone  string    `json:"phone" doc:"Number to dial; may be empty"`
	Code   string    `json:"code" doc:"Conference id or PIN; may be empty"`
	People []string  `json:"people" doc:"Who is there, by name"`
	SetBy  string    `json:"set_by"`
	SetAt  time.Time `json:"set_at"`
}

// NewBridge is what is set.
type NewBridge struct {
	URL   string `json:"url,omitempty" maxLength:"2000"`
	Phone string `json:"phone,omitempty" maxLength:"40"`
	Code  string `json:"code,omitempty" maxLength:"40"`
}

// BridgeSet is the ledger event of a bridge that was put up. Its code is left
// out: it lets people in.
type BridgeSet struct {
	Kind string `json:"kind" class:"public"`
	Host string `json:"host" class:"internal"`
}

func (BridgeSet) EventKind() string { return "room.BridgeSet" }

// BridgeTaken is the ledger event of a bridge that was taken down.
type BridgeTaken struct {
	Kind string `json:"kind" class:"public"`
}

func (BridgeTaken) EventKind() string { return "room.BridgeTaken" }

// BridgeNoted is the ledger event of who came to, or went from, the bridge.
type BridgeNoted struct {
	Came []string `json:"came,omitempty" class:"internal"`
	Went []string `json:"went,omitempty" class:"internal"`
}

func (BridgeNoted) EventKind() string { return "room.BridgeNoted" }

const (
	maxOnBridge = 200
	maxName     = 80
)

var (
	errNoBridge = fault.New(fault.NotFound, "This room has no bridge. Put one up first: its link, or the number to dial.")
	dialable    = regexp.MustCompile(`^\+?[0-9][0-9 ()/.,*#-]{2,39}$`)
	pin         = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z #*-]{0,39}$`)
)

// known are meeting services by the ends of their host names.
var known = []struct{ host, kind string }{
	{"teams.microsoft.com", "Teams"}, {"teams.live.com", "Teams"}, {"zoom.us", "Zoom"}, {"zoom.com", "Zoom"}, {"webex.com", "Webex"},
	{"meet.google.com", "Meet"}, {"gotomeeting.com", "GoTo"}, {"goto.com", "GoTo"}, {"whereby.com", "Whereby"}, {"meet.jit.si", "Jitsi"},
}

func (in *NewBridge) check() (kind string, err error) {
	in.URL, in.Phone, in.Code = strings.TrimSpace(in.URL), strings.TrimSpace(in.Phone), strings.TrimSpace(in.Code)
	if in.URL == "" && in.Phone == "" {
		return "", fault.Field("url", "Give the meeting's link, or the number to dial.")
	}
	if in.Phone != "" && !dialable.MatchString(in.Phone) {
		return "", fault.Field("phone", "A number looks like +44 20 7946 0000.")
	}
	if in.Code != "" && !pin.MatchString(in.Code) {
		return "", fault.Field("code", "A conference id or PIN has digits, letters, spaces, # and *.")
	}
	kind = "Phone"
	if in.URL != "" {
		u, err := url.Parse(in.URL)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || len(in.URL) > 2000 {
			return "", fault.Field("url", "A meeting's link begins with https://, as the invitation has it.")
		}
		kind = "Meeting"
		for _, k := range known {
			if h := strings.ToLower(u.Hostname()); h == k.host || strings.HasSuffix(h, "."+k.host) {
				kind = k.kind
			}
		}
	}
	return kind, nil
}

// Bridge reads a room's bridge; nil when it has none.
func (s *Store) Bridge(ctx context.Context, q db.Querier, who actor.Actor, roomID string) (*Bridge, error) {
	r, err := s.See(ctx, q, who, roomID)
	if err != nil {
		return nil, err
	}
	return s.bridge(ctx, q, r.ID)
}

func (s *Store) bridge(ctx context.Context, q db.Querier, roomID string) (*Bridge, error) {
	b, err := db.One(ctx, q, func(sc db.Scanner) (b Bridge, err error) {
		var people string
		var at int64
		if err := sc.Scan(&b.RoomID, &b.Kind, &b.URL, &b.Phone, &b.Code, &people, &b.SetBy, &at); err != nil {
			return b, err
		}
		b.SetAt = db.At(at)
		b.People, err = db.FromJSON[[]string](people)
		return b, err
	}, `SELECT room, kind, url, phone, code, people, set_by, set_at FROM room_bridge WHERE room = $1`, roomID)
	if db.IsNoRows(err) {
		return nil, nil
	}
	return &b, err
}

// bridged shows the room's screens that its bridge changed.
func (s *Store) bridged(tx *db.Tx, roomID string) {
	tx.AfterCommit(func() { s.bus.Publish("room:"+roomID, map[string]any{"type": "bridge"}) })
}

// SetBridge puts a bridge up, or changes it; who is noted there stays.
func (s *Store) SetBridge(ctx context.Context, tx *db.Tx, who actor.Actor, roomID string, in NewBridge) (Bridge, error) {
	r, err := s.See(ctx, tx, who, roomID)
	if err != nil {
		return Bridge{}, err
	}
	if err := s.Check(ctx, tx, who, "invite", r); err != nil {
		return Bridge{}, err
	}
	kind, err := in.check()
	if err != nil {
		return Bridge{}, err
	}
	if r.Archived {
		return Bridge{}, fault.New(fault.Conflict, "This room is archived.")
	}
	if _, err := tx.Exec(ctx, `INSERT INTO room_bridge (room, kind, url, phone, code, people, set_by, set_at) VALUES ($1, $2, $3, $4, $5, '[]', $6, $7)
ON CONFLICT (room) DO UPDATE SET kind = excluded.kind, url = excluded.url, phone = excluded.phone, code = excluded.code, set_by = excluded.set_by, set_at = excluded.set_at`,
		r.ID, kind, in.URL, in.Phone, in.Code, who.ID, db.Micro(s.clock.Now())); err != nil {
		return Bridge{}, fmt.Errorf("put up a bridge: %w", err)
	}
	host := ""
	if u, err := url.Parse(in.URL); err == nil {
		host = u.Hostname()
	}
	if err := s.ledger.Append(ctx, tx, who, about(r), BridgeSet{kind, host}); err != nil {
		return Bridge{}, err
	}
	s.bridged(tx, r.ID)
	b, err := s.bridge(ctx, tx, r.ID)
	if err != nil {
		return Bridge{}, err
	}
	return *b, nil
}

// TakeBridge takes a room's bridge down.
func (s *Store) TakeBridge(ctx context.Context, tx *db.Tx, who actor.Actor, roomID string) error {
	r, b, err := s.own(ctx, tx, who, roomID, "invite")
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM room_bridge WHERE room = $1`, r.ID); err != nil {
		return fmt.Errorf("take a bridge down: %w", err)
	}
	s.bridged(tx, r.ID)
	return s.ledger.Append(ctx, tx, who, about(r), BridgeTaken{b.Kind})
}

// own is a room with a bridge on which who may do action.
func (s *Store) own(ctx context.Context, q db.Querier, who actor.Actor, roomID, action string) (Room, Bridge, error) {
	r, err := s.See(ctx, q, who, roomID)
	if err != nil {
		return r, Bridge{}, err
	}
	if err := s.Check(ctx, q, who, action, r); err != nil {
		return r, Bridge{}, err
	}
	b, err := s.bridge(ctx, q, r.ID)
	if err == nil && b == nil {
		err = errNoBridge
	}
	if err != nil {
		return r, Bridge{}, err
	}
	return r, *b, nil
}

// NoteBridge notes by name who is on the bridge now: the whole list.
func (s *Store) NoteBridge(ctx context.Context, tx *db.Tx, who actor.Actor, roomID string, people []string) (Bridge, error) {
	r, b, err := s.own(ctx, tx, who, roomID, "post")
	if err != nil {
		return b, err
	}
	now := []string{}
	for _, p := range people {
		p = strings.Join(strings.Fields(p), " ")
		if p == "" || utf8.RuneCountInString(p) > maxName || !utf8.ValidString(p) || strings.ContainsFunc(p, func(c rune) bool { return unicode.IsControl(c) || unicode.Is(unicode.Cf, c) }) {
			return b, fault.Field("people", fmt.Sprintf("A name has 1 to %d visible characters.", maxName))
		}
		if !slices.ContainsFunc(now, func(o string) bool { return strings.EqualFold(o, p) }) {
			now = append(now, p)
		}
	}
	if len(now) > maxOnBridge {
		return b, fault.Field("people", fmt.Sprintf("At most %d people are noted on a bridge.", maxOnBridge))
	}
	came, went := without(now, b.People), without(b.People, now)
	if len(came)+len(went) == 0 {
		return b, nil
	}
	if _, err := tx.Exec(ctx, `UPDATE room_bridge SET people = $2 WHERE room = $1`, r.ID, db.JSON(now)); err != nil {
		return b, fmt.Errorf("note who is on a bridge: %w", err)
	}
	s.bridged(tx, r.ID)
	b.People = now
	return b, s.ledger.Append(ctx, tx, who, about(r), BridgeNoted{came, went})
}

func without(all, some []string) (out []string) {
	for _, a := range all {
		if !slices.Contains(some, a) {
			out = append(out, a)
		}
	}
	return out
}

// Package room keeps rooms: persistent places to talk and meet, each about a
// subject (a team, an incident, a person).
//
// Invariant: a room's sequence only grows, by one for every version of a
// message in it. What is said in a room is message's; where people sit is
// office's.
package room

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/bus"
	"muster/internal/clock"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/ledger"
)

// Subject is what a room is about.
type Subject struct {
	Kind string `json:"kind" enum:"team,incident,person"`
	ID   string `json:"id"`
}

// Kinds of rooms.
var Kinds = []string{"team", "incident", "lounge", "lobby", "gallery", "meeting", "focus", "office"}

// Doors a room can have: anybody who may read it enters an open one, only
// members enter a locked one; a closed one asks people to be called in.
var Doors = []string{"open", "closed", "locked"}

// What Room.Recording says.
const (
	NotRecorded = "none"
	Recorded    = "required"
)

// Room is a room without anything that depends on who looks.
type Room struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Kind      string    `json:"kind" enum:"team,incident,lounge,lobby,gallery,meeting,focus,office"`
	Topic     string    `json:"topic"`
	Private   bool      `json:"private"`
	Door      string    `json:"door" enum:"open,closed,locked"`
	Subject   Subject   `json:"subject"`
	Floor     string    `json:"floor" doc:"Id of the floor it is on"`
	Recording string    `json:"recording" enum:"none,required" doc:"Whether calls in it are recorded for the record"`
	Seq       int64     `json:"seq" doc:"Number of the newest message version in the room"`
	Archived  bool      `json:"archived"`
	CreatedAt time.Time `json:"created_at"`
}

// Store keeps rooms.
type Store struct {
	access *access.Access
	ledger *ledger.Ledger
	bus    bus.Bus
	clock  clock.Clock

	archived []OnArchived
}

// OnArchived is told, in the same transaction, that a room was archived.
type OnArchived func(ctx context.Context, tx *db.Tx, who actor.Actor, r Room) error

// OnArchived registers fn; only app calls it, before anything changes.
func (s *Store) OnArchived(fn OnArchived) { s.archived = append(s.archived, fn) }

// NewStore makes a store.
func NewStore(a *access.Access, l *ledger.Ledger, b bus.Bus, c clock.Clock) *Store {
	return &Store{access: a, ledger: l, bus: b, clock: c}
}

// Created is the ledger event of a new room.
type Created struct {
	Name    string `json:"name" class:"public"`
	Kind    string `json:"kind" class:"public"`
	Private bool   `json:"private" class:"public"`
}

func (Created) EventKind() string { return "room.Opened" }

// Changed is the ledger event of a renamed, closed or otherwise changed room.
type Changed struct {
	Field string `json:"field" class:"public"`
	From  string `json:"from" class:"internal"`
	To    string `json:"to" class:"internal"`
}

func (Changed) EventKind() string { return "room.Changed" }

// Joined is the ledger event of a membership.
type Joined struct {
	Person string `json:"person" class:"public"`
}

func (Joined) EventKind() string { return "room.Joined" }

// Left ends a membership.
type Left struct {
	Person string `json:"person" class:"public"`
}

func (Left) EventKind() string { return "room.Left" }

const cols = `id, name, kind, topic, private, door, subject_kind, subject_id, floor, recording, seq, archived, created_at`

func scan(s db.Scanner) (r Room, err error) {
	var at int64
	err = s.Scan(&r.ID, &r.Name, &r.Kind, &r.Topic, &r.Private, &r.Door, &r.Subject.Kind, &r.Subject.ID, &r.Floor, &r.Recording, &r.Seq, &r.Archived, &at)
	r.CreatedAt = db.At(at)
	return r, err
}

var errNone = fault.New(fault.NotFound, "There is no such room, or it is private and you are not a member.")

// Get reads a room without asking whether anybody may see it; doors use See.
func (s *Store) Get(ctx context.Context, q db.Querier, roomID string) (Room, error) {
	r, err := db.One(ctx, q, scan, `SELECT `+cols+` FROM room WHERE id = $1`, roomID)
	if db.IsNoRows(err) {
		return r, errNone
	}
	return r, err
}

// Find reads a room by id, or by name among those that are not archived; of
// several, the one that is open to everybody.
func (s *Store) Find(ctx context.Context, q db.Querier, idOrName string) (Room, error) {
	if id.Valid(idOrName) {
		return s.Get(ctx, q, idOrName)
	}
	rs, err := s.named(ctx, q, strings.TrimPrefix(idOrName, "#"))
	if err != nil {
		return Room{}, err
	}
	if len(rs) == 0 {
		return Room{}, errNone
	}
	return rs[0], nil
}

// named lists the rooms of a name, the one that is not private first. A private
// room takes its name from nobody but its members: who makes a room must not
// learn of one by a name that is refused.
func (s *Store) named(ctx context.Context, q db.Querier, name string) ([]Room, error) {
	return db.All(ctx, q, scan, `SELECT `+cols+` FROM room WHERE LOWER(name) = LOWER($1) AND NOT archived ORDER BY private, created_at, id`, name)
}

// free refuses a name that a room has which everybody sees, or who's reads.
func (s *Store) free(ctx context.Context, q db.Querier, who actor.Actor, r Room) error {
	rs, err := s.named(ctx, q, r.Name)
	if err != nil {
		return err
	}
	for _, o := range rs {
		if o.ID != r.ID && (!o.Private && !r.Private || s.May(ctx, q, who, "read", o)) {
			return fault.Field("name", fmt.Sprintf("There is already a room named %q. Choose another name, or archive that room.", r.Name))
		}
	}
	return nil
}

// See reads a room who may read; to everybody else it does not exist.
func (s *Store) See(ctx context.Context, q db.Querier, who actor.Actor, idOrName string) (Room, error) {
	if id.Valid(idOrName) {
		r, err := s.Get(ctx, q, idOrName)
		if err != nil {
			return r, err
		}
		if !s.May(ctx, q, who, "read", r) {
			return Room{}, errNone
		}
		return r, nil
	}
	rs, err := s.named(ctx, q, strings.TrimPrefix(idOrName, "#"))
	if err != nil {
		return Room{}, err
	}
	// A member means their private room: what is meant for few must not go to all
	// because somebody made a room of its name.
	slices.Reverse(rs)
	for _, r := range rs {
		if s.May(ctx, q, who, "read", r) {
			return r, nil
		}
	}
	return Room{}, errNone
}

// Resource is how access sees the room for who.
func (s *Store) Resource(ctx context.Context, q db.Querier, who actor.Actor, r Room) (access.Resource, error) {
	member := false
	if r.ID != "" {
		var err error
		if member, err = s.Member(ctx, q, r.ID, who.ID); err != nil {
			return access.Resource{}, err
		}
	}
	return resource(r, member), nil
}

func resource(r Room, member bool) access.Resource {
	return access.Resource{Type: "room", ID: r.ID, Name: r.Name, Attrs: map[string]string{
		"name": r.Name, "kind": r.Kind, "private": fmt.Sprint(r.Private), "door": r.Door, "member": fmt.Sprint(member),
	}}
}

// Check refuses when who may not do action in r.
func (s *Store) Check(ctx context.Context, q db.Querier, who actor.Actor, action string, r Room) error {
	res, err := s.Resource(ctx, q, who, r)
	if err != nil {
		return err
	}
	return s.access.Check(ctx, q, who, action, res)
}

// May is Check without the reason.
func (s *Store) May(ctx context.Context, q db.Querier, who actor.Actor, action string, r Room) bool {
	res, err := s.Resource(ctx, q, who, r)
	return err == nil && s.access.Allowed(ctx, q, who, action, res)
}

// Judge reads the policies for who, to be asked about many rooms.
func (s *Store) Judge(ctx context.Context, q db.Querier, who actor.Actor) (access.Judge, error) {
	return s.access.Judge(ctx, q, who)
}

// Readable says whether the judged may read r.
func Readable(j access.Judge, r Room, member bool) bool {
	return j.Allowed("read", resource(r, member))
}

// Abilities of the judged in r, for screens.
func Abilities(j access.Judge, r Room, member bool) map[string]bool {
	res := resource(r, member)
	out := map[string]bool{}
	for _, action := range []string{"post", "enter", "invite", "invite_guest", "update", "moderate"} {
		out[action] = j.Allowed(action, res)
	}
	out["post"] = out["post"] && !r.Archived
	out["enter"] = out["enter"] && !r.Archived && (r.Door != "locked" || member)
	return out
}

// New describes a room to be made.
type New struct {
	Name    string
	Kind    string
	Topic   string
	Private bool
	Door    string // "" is open
	Floor   string
	Subject Subject
	Members []string // user ids beside the creator
}

func cleanName(name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	if n := utf8.RuneCountInString(name); n == 0 || n > 80 {
		return "", fault.Field("name", "Give the room a name of 1 to 80 characters.")
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == '\u202e' || r == '\u2066' || r == '\u2067' }) {
		return "", fault.Field("name", "The room's name has characters that cannot be shown. Use letters, digits and punctuation.")
	}
	return name, nil
}

func cleanTopic(topic string) (string, error) {
	topic = strings.TrimSpace(topic)
	if utf8.RuneCountInString(topic) > 500 {
		return "", fault.Field("topic", "Keep the topic within 500 characters.")
	}
	return topic, nil
}

// mostRooms is how many rooms one person makes within ten minutes.
const mostRooms = 60

// Create makes a room; its creator (unless the system) and Members are its members.
func (s *Store) Create(ctx context.Context, tx *db.Tx, who actor.Actor, in New) (Room, error) {
	r := Room{ID: id.New(), Kind: in.Kind, Private: in.Private, Door: in.Door, Subject: in.Subject, Floor: in.Floor, Recording: NotRecorded, CreatedAt: s.clock.Now()}
	var err error
	if r.Name, err = cleanName(in.Name); err != nil {
		return r, err
	}
	if r.Topic, err = cleanTopic(in.Topic); err != nil {
		return r, err
	}
	if r.Kind == "" {
		r.Kind = "team"
	}
	if r.Door == "" {
		r.Door = "open"
	}
	if !slices.Contains(Kinds, r.Kind) {
		return r, fault.Field("kind", "A room's kind is one of "+strings.Join(Kinds, ", ")+".")
	}
	if !slices.Contains(Doors, r.Door) {
		return r, fault.Field("door", "A door is one of "+strings.Join(Doors, ", ")+".")
	}
	if r.Subject.Kind == "" {
		r.Subject.Kind = "team"
	}
	if err := s.access.Check(ctx, tx, who, "create", resource(r, true)); err != nil {
		return r, err
	}
	if err := s.ledger.Bound(ctx, tx, who, Created{}, mostRooms, 10*time.Minute, "rooms"); err != nil {
		return r, err
	}
	if err := s.free(ctx, tx, who, r); err != nil {
		return r, err
	}
	if r.Floor == "" {
		order := `position`
		if r.Kind == "incident" { // where there is a place for war rooms
			order = `CASE WHEN slots > 0 THEN 0 ELSE 1 END, position`
		}
		if err := tx.QueryRow(ctx, `SELECT id FROM floor ORDER BY `+order+` LIMIT 1`).Scan(&r.Floor); err != nil && !db.IsNoRows(err) {
			return r, fmt.Errorf("find a floor: %w", err)
		}
	}
	res, err := tx.Exec(ctx, `INSERT INTO room (`+cols+`, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, FALSE, $11, $12) ON CONFLICT DO NOTHING`,
		r.ID, r.Name, r.Kind, r.Topic, r.Private, r.Door, r.Subject.Kind, r.Subject.ID, r.Floor, r.Recording, db.Micro(r.CreatedAt), who.ID)
	if err != nil {
		return r, fmt.Errorf("create room: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return r, fault.Field("name", fmt.Sprintf("There is already a room named %q. Choose another name, or archive that room.", r.Name))
	}
	about := about(r)
	if err := s.ledger.Append(ctx, tx, who, about, Created{r.Name, r.Kind, r.Private}); err != nil {
		return r, err
	}
	members := slices.Clone(in.Members)
	if !who.IsSystem() {
		members = append(members, who.ID)
	}
	for _, m := range members {
		if err := s.join(ctx, tx, who, r, m); err != nil {
			return r, err
		}
	}
	s.changed(tx, r)
	return r, nil
}

func (s *Store) changed(tx *db.Tx, r Room) {
	tx.AfterCommit(func() {
		s.bus.Publish("rooms", r) // realtime turns it into what each person may see
	})
}

// Change holds what Update changes; nil leaves as is.
type Change struct {
	Name, Topic, Door, Kind, Recording *string
	Archived                           *bool
}

// Update renames a room, sets its topic or door, or archives it.
func (s *Store) Update(ctx context.Context, tx *db.Tx, who actor.Actor, roomID string, c Change) (Room, error) {
	r, err := s.Get(ctx, tx, roomID)
	if err != nil {
		return r, err
	}
	if !s.May(ctx, tx, who, "read", r) && !s.May(ctx, tx, who, "moderate", r) {
		return Room{}, errNone
	}
	action := "update"
	if c.Archived != nil && s.May(ctx, tx, who, "moderate", r) {
		action = "moderate"
	}
	if err := s.Check(ctx, tx, who, action, r); err != nil {
		return r, err
	}
	old := r
	if c.Name != nil {
		if r.Name, err = cleanName(*c.Name); err != nil {
			return r, err
		}
	}
	if c.Topic != nil {
		if r.Topic, err = cleanTopic(*c.Topic); err != nil {
			return r, err
		}
	}
	if c.Door != nil {
		if r.Door = *c.Door; !slices.Contains(Doors, r.Door) {
			return r, fault.Field("door", "A door is one of "+strings.Join(Doors, ", ")+".")
		}
	}
	if c.Archived != nil {
		r.Archived = *c.Archived
	}
	if c.Recording != nil {
		if r.Recording = *c.Recording; r.Recording != NotRecorded && r.Recording != Recorded {
			return r, fault.Field("recording", "Calls in a room are recorded (required) or not (none).")
		}
	}
	if c.Kind != nil && *c.Kind != r.Kind {
		if !slices.Contains(Kinds, *c.Kind) || *c.Kind == "incident" || r.Kind == "incident" {
			return r, fault.Field("kind", "A war room comes and goes with its incident. The kind of any other room is one of "+strings.Join(slices.DeleteFunc(slices.Clone(Kinds), func(k string) bool { return k == "incident" }), ", ")+".")
		}
		r.Kind = *c.Kind
		// Who may make only some kinds of rooms does not get another by changing one.
		if err := s.Check(ctx, tx, who, "create", r); err != nil {
			return r, err
		}
	}
	if !strings.EqualFold(old.Name, r.Name) || old.Archived && !r.Archived {
		if err := s.free(ctx, tx, who, r); err != nil {
			return r, err
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE room SET name = $2, topic = $3, door = $4, archived = $5, kind = $6, recording = $7 WHERE id = $1`, r.ID, r.Name, r.Topic, r.Door, r.Archived, r.Kind, r.Recording); err != nil {
		return r, fmt.Errorf("update room: %w", err)
	}
	for _, f := range []Changed{{"name", old.Name, r.Name}, {"topic", old.Topic, r.Topic}, {"door", old.Door, r.Door}, {"archived", fmt.Sprint(old.Archived), fmt.Sprint(r.Archived)}, {"kind", old.Kind, r.Kind}, {"recording", old.Recording, r.Recording}} {
		if f.From != f.To {
			if err := s.ledger.Append(ctx, tx, who, about(r), f); err != nil {
				return r, err
			}
		}
	}
	if r.Archived && !old.Archived {
		for _, fn := range s.archived {
			if err := fn(ctx, tx, who, r); err != nil {
				return r, err
			}
		}
	}
	if r != old {
		s.changed(tx, r)
	}
	return r, nil
}

// SetPrivate opens a room to everybody who may read rooms, or closes it to all
// but its members. What the room is about decides that, not a request of its
// own: there is no door to it.
func (s *Store) SetPrivate(ctx context.Context, tx *db.Tx, who actor.Actor, roomID string, private bool) (Room, error) {
	r, err := s.Get(ctx, tx, roomID)
	if err != nil {
		return r, err
	}
	if err := s.Check(ctx, tx, who, "update", r); err != nil {
		return r, err
	}
	if r.Private == private {
		return r, nil
	}
	if !private && !r.Archived {
		open := r
		open.Private = false
		if err := s.free(ctx, tx, who, open); err != nil {
			return r, err
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE room SET private = $2 WHERE id = $1`, r.ID, private); err != nil {
		return r, fmt.Errorf("set who may read the room: %w", err)
	}
	was := r.Private
	r.Private = private
	s.changed(tx, r)
	return r, s.ledger.Append(ctx, tx, who, about(r), Changed{"private", fmt.Sprint(was), fmt.Sprint(private)})
}

// MoveTo puts a room on another floor; office has checked that there is one.
func (s *Store) MoveTo(ctx context.Context, tx *db.Tx, who actor.Actor, roomID, floor string) (Room, error) {
	r, err := s.Get(ctx, tx, roomID)
	if err != nil {
		return r, err
	}
	if err := s.Check(ctx, tx, who, "update", r); err != nil {
		return r, err
	}
	if _, err := tx.Exec(ctx, `UPDATE room SET floor = $2 WHERE id = $1`, r.ID, floor); err != nil {
		return r, fmt.Errorf("move room: %w", err)
	}
	was := r.Floor
	r.Floor = floor
	s.changed(tx, r)
	return r, s.ledger.Append(ctx, tx, who, about(r), Changed{"floor", was, floor})
}

// Refloor takes the archived rooms of a floor that is removed to another.
func (s *Store) Refloor(ctx context.Context, tx *db.Tx, from, to string) error {
	if _, err := tx.Exec(ctx, `UPDATE room SET floor = $2 WHERE floor = $1 AND archived`, from, to); err != nil {
		return fmt.Errorf("move archived rooms: %w", err)
	}
	return nil
}

// TurnDoor opens or closes the door because somebody inside did; office has
// checked that they are.
func (s *Store) TurnDoor(ctx context.Context, tx *db.Tx, who actor.Actor, roomID, door string) (Room, error) {
	r, err := s.Get(ctx, tx, roomID)
	if err != nil || r.Door == door {
		return r, err
	}
	if !slices.Contains(Doors, door) {
		return r, fault.Field("door", "A door is one of "+strings.Join(Doors, ", ")+".")
	}
	if _, err := tx.Exec(ctx, `UPDATE room SET door = $2 WHERE id = $1`, r.ID, door); err != nil {
		return r, fmt.Errorf("turn the door: %w", err)
	}
	was := r.Door
	r.Door = door
	s.changed(tx, r)
	return r, s.ledger.Append(ctx, tx, who, about(r), Changed{"door", was, door})
}

func about(r Room) ledger.About {
	a := ledger.About{Resource: "room:" + r.ID, Room: r.ID}
	if r.Subject.Kind == "incident" {
		a.Incident = r.Subject.ID
	}
	return a
}

// About is what ledger events that happen in a room concern.
func (s *Store) About(ctx context.Context, q db.Querier, roomID string) (ledger.About, error) {
	if roomID == "" {
		return ledger.About{}, nil
	}
	r, err := s.Get(ctx, q, roomID)
	return about(r), err
}

// ListFor gives the rooms who may read that are not archived, by name, and
// says of which who is a member.
func (s *Store) ListFor(ctx context.Context, q db.Querier, who actor.Actor) (rooms []Room, member map[string]bool, err error) {
	ms, err := db.All(ctx, q, db.Strings, `SELECT room FROM room_member WHERE person = $1`, who.ID)
	if err != nil {
		return nil, nil, err
	}
	member = map[string]bool{}
	for _, m := range ms {
		member[m] = true
	}
	all, err := s.All(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	j, err := s.access.Judge(ctx, q, who) // once: a query for each of a thousand rooms took a second
	if err != nil {
		return nil, nil, err
	}
	rooms = slices.DeleteFunc(all, func(r Room) bool { return !Readable(j, r, member[r.ID]) })
	return rooms, member, nil
}

// All gives every room that is not archived, without asking who looks.
func (s *Store) All(ctx context.Context, q db.Querier) ([]Room, error) {
	return db.All(ctx, q, scan, `SELECT `+cols+` FROM room WHERE NOT archived ORDER BY LOWER(name)`)
}

// NextSeq takes the room's next number; the caller writes what carries it in the same transaction.
func (s *Store) NextSeq(ctx context.Context, tx *db.Tx, roomID string) (int64, error) {
	var seq int64
	err := tx.QueryRow(ctx, `UPDATE room SET seq = seq + 1 WHERE id = $1 RETURNING seq`, roomID).Scan(&seq)
	if db.IsNoRows(err) {
		return 0, errNone
	}
	return seq, err
}

package office

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/ledger"
	"muster/internal/room"
)

// Floor is a floor plan with the rooms placed on it.
type Floor struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Layout    Layout          `json:"layout"`
	Version   int64           `json:"version" doc:"Grows with each change; say it when you save"`
	ChangedBy string          `json:"changed_by" doc:"User id of who changed it last"`
	ChangedAt *time.Time      `json:"changed_at,omitempty"`
	Abilities map[string]bool `json:"abilities,omitempty" doc:"update, delete; only where you asked for it"`
}

// Plan is a floor as it is edited: what is drawn by itself, as the rooms of
// incidents are, is not in it.
type Plan struct {
	Floor
	Unplaced []string `json:"unplaced" doc:"Ids of rooms that are on the floor and have no place on its plan: they stand in rows below it"`
}

// File is a floor to be carried elsewhere: rooms are known by their names.
type File struct {
	Format  string `json:"format" maxLength:"40" doc:"muster-floor-1"`
	Name    string `json:"name" maxLength:"80"`
	Layout  Layout `json:"layout"`
	LeftOut int    `json:"left_out,omitempty" doc:"How many rooms are not in it, since you may not read them"`
}

// Format names the file's shape.
const Format = "muster-floor-1"

// MaxFloors is how many an office has at most.
const MaxFloors = 50

// FloorChanged is the ledger event of a new or edited floor plan.
type FloorChanged struct {
	Name    string `json:"name" class:"public"`
	Rooms   int    `json:"rooms" class:"public"`
	Version int64  `json:"version" class:"public"`
}

func (FloorChanged) EventKind() string { return "office.FloorChanged" }

// FloorRenamed is the ledger event of another name.
type FloorRenamed struct {
	From string `json:"from" class:"public"`
	To   string `json:"to" class:"public"`
}

func (FloorRenamed) EventKind() string { return "office.FloorRenamed" }

// FloorMoved is the ledger event of another place among the floors.
type FloorMoved struct {
	Name string `json:"name" class:"public"`
	From int    `json:"from" class:"public"`
	To   int    `json:"to" class:"public"`
}

func (FloorMoved) EventKind() string { return "office.FloorMoved" }

// FloorRemoved is the ledger event of a floor that is gone.
type FloorRemoved struct {
	Name string `json:"name" class:"public"`
}

func (FloorRemoved) EventKind() string { return "office.FloorRemoved" }

const floorCols = `id, name, layout, version, changed_by, changed_at`

func scanFloor(s db.Scanner) (f Floor, err error) {
	var layout string
	var at int64
	if err := s.Scan(&f.ID, &f.Name, &layout, &f.Version, &f.ChangedBy, &at); err != nil {
		return f, err
	}
	if at > 0 {
		t := db.At(at)
		f.ChangedAt = &t
	}
	f.Layout, err = db.FromJSON[Layout](layout)
	return f, err
}

func floorResource(f Floor) access.Resource {
	return access.Resource{Type: "floor", ID: f.ID, Name: f.Name}
}

var errNoFloor = fault.New(fault.NotFound, "There is no such floor, or you may not see it.")

// floor reads one that who may see; to everybody else it does not exist.
func (s *Store) floor(ctx context.Context, q db.Querier, who actor.Actor, floorID string) (Floor, error) {
	f, err := db.One(ctx, q, scanFloor, `SELECT `+floorCols+` FROM floor WHERE id = $1`, floorID)
	if db.IsNoRows(err) {
		return f, errNoFloor
	}
	if err != nil {
		return f, fmt.Errorf("read floor: %w", err)
	}
	if err := s.access.Check(ctx, q, who, "read", floorResource(f)); err != nil {
		return Floor{}, access.Hide(err, errNoFloor)
	}
	return f, nil
}

// floorTo is floor for who is about to do something to it.
func (s *Store) floorTo(ctx context.Context, tx *db.Tx, who actor.Actor, action, floorID string) (Floor, error) {
	f, err := s.floor(ctx, tx, who, floorID)
	if err != nil {
		return f, err
	}
	return f, s.access.Check(ctx, tx, who, action, floorResource(f))
}

// holdFloors has what adds, orders or takes away floors come one after the other:
// each counts on how many there are.
func holdFloors(ctx context.Context, tx *db.Tx) error {
	if tx.Dialect() == db.Postgres { // SQLite has one writer anyway
		if _, err := tx.Exec(ctx, `LOCK TABLE floor IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return fmt.Errorf("hold floors: %w", err)
		}
	}
	return nil
}

// FloorSeen says whether the judged may see a floor.
func FloorSeen(j access.Judge, f Floor) bool { return j.Allowed("read", floorResource(f)) }

// FloorAbilities of the judged, for screens.
func FloorAbilities(j access.Judge, f Floor) map[string]bool {
	return map[string]bool{"update": j.Allowed("update", floorResource(f)), "delete": j.Allowed("delete", floorResource(f))}
}

// Floors gives every floor with rooms placed on it: those of its plan that
// still exist, incident rooms in its slots, and the rest in rows below. It asks
// nobody's rights; who shows them picks with FloorSeen.
func (s *Store) Floors(ctx context.Context, q db.Querier, rooms []room.Room) ([]Floor, error) {
	fs, err := db.All(ctx, q, scanFloor, `SELECT `+floorCols+` FROM floor ORDER BY position, id`)
	if err != nil {
		return nil, fmt.Errorf("read floors: %w", err)
	}
	on := map[string][]room.Room{}
	for _, r := range rooms {
		if !r.Archived {
			on[r.Floor] = append(on[r.Floor], r)
		}
	}
	for i := range fs {
		fs[i].Layout = Place(fs[i].Layout, on[fs[i].ID])
	}
	return fs, nil
}

// Plan reads a floor as it is edited.
func (s *Store) Plan(ctx context.Context, q db.Querier, who actor.Actor, floorID string) (Plan, error) {
	f, err := s.floor(ctx, q, who, floorID)
	if err != nil {
		return Plan{}, err
	}
	return s.plan(ctx, q, who, f)
}

func (s *Store) plan(ctx context.Context, q db.Querier, who actor.Actor, f Floor) (Plan, error) {
	rooms, err := s.rooms.All(ctx, q)
	if err != nil {
		return Plan{}, err
	}
	shown, _, err := s.rooms.ListFor(ctx, q, who)
	if err != nil {
		return Plan{}, err
	}
	name := map[string]string{}
	for _, r := range shown {
		name[r.ID] = r.Name
	}
	judge, err := s.access.Judge(ctx, q, who)
	if err != nil {
		return Plan{}, err
	}
	here := map[string]room.Room{}
	for _, r := range rooms {
		if r.Floor == f.ID && r.Kind != "incident" {
			here[r.ID] = r
		}
	}
	out := Plan{Floor: f, Unplaced: []string{}}
	out.Abilities = FloorAbilities(judge, f)
	out.Layout.Rooms = []Placed{}
	for _, p := range f.Layout.Rooms {
		r, ok := here[p.RoomID]
		if !ok {
			continue
		}
		delete(here, p.RoomID)
		p.Kind, p.Name = r.Kind, name[r.ID]
		out.Layout.Rooms = append(out.Layout.Rooms, p)
	}
	for _, r := range rooms {
		if _, ok := here[r.ID]; ok {
			out.Unplaced = append(out.Unplaced, r.ID)
		}
	}
	return out, nil
}

// Export gives a floor to be carried elsewhere.
func (s *Store) Export(ctx context.Context, q db.Querier, who actor.Actor, floorID string) (File, error) {
	p, err := s.Plan(ctx, q, who, floorID)
	if err != nil {
		return File{}, err
	}
	f := File{Format: Format, Name: p.Name, Layout: p.Layout}
	f.Layout.Rooms = []Placed{}
	for _, r := range p.Layout.Rooms {
		if r.Name == "" {
			f.LeftOut++
			continue
		}
		r.RoomID = ""
		f.Layout.Rooms = append(f.Layout.Rooms, r)
	}
	return f, nil
}

func cleanFloorName(name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	if n := utf8.RuneCountInString(name); n == 0 || n > 40 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == '\u202e' || r == '\u2066' || r == '\u2067' }) {
		return "", fault.Field("name", "Give the floor a name of 1 to 40 characters.")
	}
	return name, nil
}

func (s *Store) floorNameFree(ctx context.Context, tx *db.Tx, name, but string) error {
	var taken int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM floor WHERE LOWER(name) = LOWER($1) AND id <> $2`, name, but).Scan(&taken); err != nil {
		return err
	}
	if taken > 0 {
		return fault.Field("name", fmt.Sprintf("There is already a floor named %q. Choose another name.", name))
	}
	return nil
}

// AddFloor makes a floor, behind the others. Rooms that the plan only names are
// made.
func (s *Store) AddFloor(ctx context.Context, tx *db.Tx, who actor.Actor, name string, layout Layout) (Plan, error) {
	if err := s.access.Check(ctx, tx, who, "create", access.Resource{Type: "floor", Name: strings.TrimSpace(name)}); err != nil {
		return Plan{}, err
	}
	name, err := cleanFloorName(name)
	if err != nil {
		return Plan{}, err
	}
	if err := holdFloors(ctx, tx); err != nil {
		return Plan{}, err
	}
	if err := s.floorNameFree(ctx, tx, name, ""); err != nil {
		return Plan{}, err
	}
	var last, n int
	if err := tx.QueryRow(ctx, `SELECT COALESCE(MAX(position), -1), COUNT(*) FROM floor`).Scan(&last, &n); err != nil {
		return Plan{}, fmt.Errorf("add floor: %w", err)
	}
	if n >= MaxFloors {
		return Plan{}, fault.Newf(fault.Conflict, "An office has at most %d floors. Remove one that is empty first.", MaxFloors)
	}
	f := Floor{ID: id.New(), Name: name, Layout: Layout{Rooms: []Placed{}}}
	if _, err := tx.Exec(ctx, `INSERT INTO floor (id, name, position, layout, version, changed_by, changed_at, slots) VALUES ($1, $2, $3, $4, 0, '', 0, 0)`, f.ID, name, last+1, db.JSON(f.Layout)); err != nil {
		return Plan{}, fmt.Errorf("add floor: %w", err)
	}
	return s.save(ctx, tx, who, f, layout)
}

// GroundFloor gives an office without any floor its first, on which rooms are
// placed by themselves.
func (s *Store) GroundFloor(ctx context.Context) error {
	who := actor.System("office")
	return s.access.Do(ctx, who, func(tx *db.Tx) error {
		if err := holdFloors(ctx, tx); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM floor`).Scan(&n); err != nil || n > 0 {
			return err
		}
		_, err := s.AddFloor(ctx, tx, who, "Office", Layout{})
		return err
	})
}

// SetLayout replaces a floor's plan, if it is still the version who looked at.
// A room with an id and on another floor moves here; one that is only named is
// found on this floor by its name, or made.
func (s *Store) SetLayout(ctx context.Context, tx *db.Tx, who actor.Actor, floorID string, version int64, layout Layout) (Plan, error) {
	f, err := s.floorTo(ctx, tx, who, "update", floorID)
	if err != nil {
		return Plan{}, err
	}
	if f.Version != version {
		return Plan{}, s.stale(ctx, tx, f)
	}
	return s.save(ctx, tx, who, f, layout)
}

// stale says who was faster.
func (s *Store) stale(ctx context.Context, q db.Querier, f Floor) error {
	name, at := "Somebody", ""
	if u, err := s.people.Get(ctx, q, f.ChangedBy); err == nil {
		name = u.Display
	} else if strings.HasPrefix(f.ChangedBy, "system:") {
		name = "Muster"
	}
	if f.ChangedAt != nil {
		at = " at " + f.ChangedAt.UTC().Format("15:04 UTC on 2 January")
	}
	return fault.Newf(fault.Conflict, "%s changed %s%s, after you opened it: it is version %d now. Look at their plan, then save yours over it or take theirs.", name, f.Name, at, f.Version)
}

func (s *Store) save(ctx context.Context, tx *db.Tx, who actor.Actor, f Floor, layout Layout) (Plan, error) {
	all, err := s.rooms.All(ctx, tx)
	if err != nil {
		return Plan{}, err
	}
	shown, _, err := s.rooms.ListFor(ctx, tx, who)
	if err != nil {
		return Plan{}, err
	}
	byID, byName, read := map[string]room.Room{}, map[string]room.Room{}, map[string]bool{}
	for _, r := range all {
		byID[r.ID], byName[strings.ToLower(r.Name)] = r, r
	}
	for _, r := range shown {
		read[r.ID] = true
	}
	called := func(i int) string {
		p := layout.Rooms[i]
		if r, ok := byID[p.RoomID]; ok && (read[r.ID] || who.IsSystem()) {
			return r.Name
		} else if ok {
			return fmt.Sprintf("The private room at %d, %d", p.X, p.Y)
		}
		if p.Name != "" {
			return p.Name
		}
		return fmt.Sprintf("Room %d", i+1)
	}
	if err := layout.Check(called); err != nil {
		return Plan{}, err
	}
	layout.Rooms = slices.Clone(layout.Rooms)
	placed := map[string]bool{}
	for i := range layout.Rooms {
		p := &layout.Rooms[i]
		field := fmt.Sprintf("layout.rooms[%d]", i)
		r, found := byID[p.RoomID]
		if found && r.Floor != f.ID && !read[r.ID] && !who.IsSystem() {
			return Plan{}, fault.New(fault.NotFound, "There is no such room as one of this plan, or it is private and you are not a member. Take it off the plan.")
		}
		name := strings.Join(strings.Fields(p.Name), " ")
		switch {
		case p.RoomID != "" && !found:
			return Plan{}, fault.Field(field+".room_id", fmt.Sprintf("%s: there is no room with this id any more. Take it off the plan, or leave the id out and the room is made by its name.", called(i)))
		case p.RoomID == "" && name == "":
			return Plan{}, fault.Field(field+".name", fmt.Sprintf("Room %d has neither an id nor a name. Name it, and it is made.", i+1))
		case p.RoomID == "":
			if r, found = byName[strings.ToLower(name)]; found && r.Floor != f.ID {
				return Plan{}, fault.Field(field+".name", fmt.Sprintf("There is already a room named %q, on another floor. Choose another name, or give its id to move it here.", name))
			}
			if !found {
				if r, err = s.rooms.Create(ctx, tx, who, room.New{Name: name, Kind: p.Kind, Floor: f.ID}); err != nil {
					return Plan{}, err
				}
				byID[r.ID], byName[strings.ToLower(name)] = r, r
			}
		}
		if placed[r.ID] {
			return Plan{}, fault.Field(field, fmt.Sprintf("%s is on the plan twice. Leave one out.", called(i)))
		}
		if r.Kind == "incident" {
			return Plan{}, fault.Field(field, fmt.Sprintf("%s is an incident's room: it takes a place for war rooms by itself. Leave it out.", called(i)))
		}
		placed[r.ID] = true
		if kind := p.Kind; kind != "" && kind != r.Kind {
			if r, err = s.rooms.Update(ctx, tx, who, r.ID, room.Change{Kind: &kind}); err != nil {
				return Plan{}, err
			}
		}
		if r.Floor != f.ID {
			if err := s.mayTakeFrom(ctx, tx, who, r); err != nil {
				return Plan{}, err
			}
			if r, err = s.rooms.MoveTo(ctx, tx, who, r.ID, f.ID); err != nil {
				return Plan{}, err
			}
		}
		p.RoomID, p.Name, p.Kind = r.ID, "", r.Kind
	}
	now := s.clock.Now()
	f.Layout, f.Version, f.ChangedBy, f.ChangedAt = layout, f.Version+1, who.ID, &now
	res, err := tx.Exec(ctx, `UPDATE floor SET layout = $2, slots = $3, version = $4, changed_by = $5, changed_at = $6 WHERE id = $1 AND version = $7`,
		f.ID, db.JSON(layout), len(layout.Slots), f.Version, f.ChangedBy, db.Micro(now), f.Version-1)
	if err != nil {
		return Plan{}, fmt.Errorf("change floor: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 { // somebody was faster by less than this took
		if f, err = s.floor(ctx, tx, who, f.ID); err != nil {
			return Plan{}, err
		}
		return Plan{}, s.stale(ctx, tx, f)
	}
	s.floorsTurned(tx)
	if err := s.ledger.Append(ctx, tx, who, ledger.About{Resource: "floor:" + f.ID}, FloorChanged{f.Name, len(layout.Rooms), f.Version}); err != nil {
		return Plan{}, err
	}
	return s.plan(ctx, tx, who, f)
}

// mayTakeFrom refuses to take a room off a floor that who may not change: its
// plan would change with that.
func (s *Store) mayTakeFrom(ctx context.Context, tx *db.Tx, who actor.Actor, r room.Room) error {
	from, err := db.One(ctx, tx, scanFloor, `SELECT `+floorCols+` FROM floor WHERE id = $1`, r.Floor)
	if db.IsNoRows(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read floor: %w", err)
	}
	if err := s.access.Check(ctx, tx, who, "update", floorResource(from)); err != nil {
		return fault.Wrap(fault.Denied, r.Name+" stands on a floor that you may not change. Leave it out, or have somebody move it who may.", err)
	}
	return nil
}

func (s *Store) floorsTurned(tx *db.Tx) { tx.AfterCommit(func() { s.bus.Publish("floors", "") }) }

// RenameFloor gives a floor another name.
func (s *Store) RenameFloor(ctx context.Context, tx *db.Tx, who actor.Actor, floorID, name string) error {
	f, err := s.floorTo(ctx, tx, who, "update", floorID)
	if err != nil {
		return err
	}
	if name, err = cleanFloorName(name); err != nil || name == f.Name {
		return err
	}
	if err := s.floorNameFree(ctx, tx, name, f.ID); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE floor SET name = $2 WHERE id = $1`, f.ID, name); err != nil {
		return fmt.Errorf("rename floor: %w", err)
	}
	s.floorsTurned(tx)
	return s.ledger.Append(ctx, tx, who, ledger.About{Resource: "floor:" + f.ID}, FloorRenamed{f.Name, name})
}

// MoveFloor puts a floor at a place among the floors, from 0.
func (s *Store) MoveFloor(ctx context.Context, tx *db.Tx, who actor.Actor, floorID string, to int) error {
	if err := holdFloors(ctx, tx); err != nil {
		return err
	}
	f, err := s.floorTo(ctx, tx, who, "update", floorID)
	if err != nil {
		return err
	}
	order, err := db.All(ctx, tx, db.Strings, `SELECT id FROM floor ORDER BY position, id`)
	if err != nil {
		return fmt.Errorf("move floor: %w", err)
	}
	from := slices.Index(order, f.ID)
	if to = min(to, len(order)-1); to < 0 {
		return fault.Field("position", "Floors are counted from 0.")
	}
	if from == to {
		return nil
	}
	order = slices.Insert(slices.Delete(order, from, from+1), to, f.ID)
	for i, each := range order {
		if _, err := tx.Exec(ctx, `UPDATE floor SET position = $2 WHERE id = $1`, each, i); err != nil {
			return fmt.Errorf("move floor: %w", err)
		}
	}
	s.floorsTurned(tx)
	return s.ledger.Append(ctx, tx, who, ledger.About{Resource: "floor:" + f.ID}, FloorMoved{f.Name, from, to})
}

// RemoveFloor takes away a floor without rooms. Archived ones that stood on it
// go to the first that is left, so that they can come back.
func (s *Store) RemoveFloor(ctx context.Context, tx *db.Tx, who actor.Actor, floorID string) error {
	if err := holdFloors(ctx, tx); err != nil {
		return err
	}
	f, err := s.floorTo(ctx, tx, who, "delete", floorID)
	if err != nil {
		return err
	}
	shown, _, err := s.rooms.ListFor(ctx, tx, who)
	if err != nil {
		return err
	}
	all, err := s.rooms.All(ctx, tx)
	if err != nil {
		return err
	}
	still := 0
	for _, r := range all {
		if r.Floor == f.ID {
			still++
		}
	}
	if still > 0 {
		var names []string
		for _, r := range shown {
			if r.Floor == f.ID && len(names) < 5 {
				names = append(names, r.Name)
			}
		}
		if more := still - len(names); more > 0 {
			names = append(names, fmt.Sprintf("%d more", more))
		}
		return fault.Newf(fault.Conflict, "%s is not empty: %s. Move its rooms to another floor or archive them, then remove it.", f.Name, strings.Join(names, ", "))
	}
	others, err := db.All(ctx, tx, db.Strings, `SELECT id FROM floor WHERE id <> $1 ORDER BY position, id`, f.ID)
	if err != nil {
		return fmt.Errorf("remove floor: %w", err)
	}
	if len(others) == 0 {
		return fault.New(fault.Conflict, "This is the only floor. Add another before you remove it.")
	}
	if err := s.rooms.Refloor(ctx, tx, f.ID, others[0]); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM floor WHERE id = $1`, f.ID); err != nil {
		return fmt.Errorf("remove floor: %w", err)
	}
	s.floorsTurned(tx)
	return s.ledger.Append(ctx, tx, who, ledger.About{Resource: "floor:" + f.ID}, FloorRemoved{f.Name})
}

package office

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/id"
	"muster/internal/ledger"
	"muster/internal/room"
)

// Floor is a floor plan with the rooms placed on it. Units are 10 px.
type Floor struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Layout Layout `json:"layout"`
}

// Layout is what is drawn, and what a map editor edits.
type Layout struct {
	Width  int      `json:"width"`
	Height int      `json:"height"`
	Rooms  []Placed `json:"rooms"`
	Slots  []Slot   `json:"slots,omitempty" doc:"Places for incident rooms while they are open"`
}

// Placed is a room on the plan.
type Placed struct {
	RoomID string `json:"room_id"`
	X      int    `json:"x"`
	Y      int    `json:"y"`
	W      int    `json:"w"`
	H      int    `json:"h"`
	Kind   string `json:"kind"`
	Seats  int    `json:"seats"`
	Doors  []Door `json:"doors"`
}

// Door is an opening in a wall.
type Door struct {
	Side string `json:"side" enum:"n,s,e,w"`
	At   int    `json:"at" doc:"Units from the wall's start"`
}

// Slot is a place where an incident's room appears.
type Slot struct {
	X int `json:"x"`
	Y int `json:"y"`
	W int `json:"w"`
	H int `json:"h"`
}

// FloorChanged is the ledger event of a new or edited floor plan.
type FloorChanged struct {
	Name  string `json:"name" class:"public"`
	Rooms int    `json:"rooms" class:"public"`
}

func (FloorChanged) EventKind() string { return "office.FloorChanged" }

func scanFloor(s db.Scanner) (f Floor, err error) {
	var layout string
	if err := s.Scan(&f.ID, &f.Name, &layout); err != nil {
		return f, err
	}
	f.Layout, err = db.FromJSON[Layout](layout)
	return f, err
}

// AddFloor makes a floor.
func (s *Store) AddFloor(ctx context.Context, tx *db.Tx, who actor.Actor, name string, layout Layout) (Floor, error) {
	if err := s.access.Check(ctx, tx, who, "manage", resource); err != nil {
		return Floor{}, err
	}
	f := Floor{ID: id.New(), Name: name, Layout: layout}
	if _, err := tx.Exec(ctx, `INSERT INTO floor (id, name, position, layout) SELECT $1, $2, COUNT(*), $3 FROM floor`, f.ID, name, db.JSON(layout)); err != nil {
		return f, fmt.Errorf("add floor: %w", err)
	}
	return f, s.ledger.Append(ctx, tx, who, ledger.About{Resource: "floor:" + f.ID}, FloorChanged{name, len(layout.Rooms)})
}

// GroundFloor gives an office without any floor its first, on which rooms are
// placed by themselves.
func (s *Store) GroundFloor(ctx context.Context) error {
	who := actor.System("office")
	return s.access.Do(ctx, who, func(tx *db.Tx) error {
		var n int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM floor`).Scan(&n); err != nil || n > 0 {
			return err
		}
		_, err := s.AddFloor(ctx, tx, who, "Office", Layout{})
		return err
	})
}

// SetLayout replaces a floor's plan.
func (s *Store) SetLayout(ctx context.Context, tx *db.Tx, who actor.Actor, floorID string, layout Layout) error {
	if err := s.access.Check(ctx, tx, who, "manage", resource); err != nil {
		return err
	}
	var name string
	err := tx.QueryRow(ctx, `UPDATE floor SET layout = $2 WHERE id = $1 RETURNING name`, floorID, db.JSON(layout)).Scan(&name)
	if db.IsNoRows(err) {
		return fault.New(fault.NotFound, "There is no such floor.")
	}
	if err != nil {
		return fmt.Errorf("change floor: %w", err)
	}
	tx.AfterCommit(func() { s.bus.Publish("floors", floorID) })
	return s.ledger.Append(ctx, tx, who, ledger.About{Resource: "floor:" + floorID}, FloorChanged{name, len(layout.Rooms)})
}

// Floors gives every floor with rooms placed on it: those of its plan that
// still exist, incident rooms in its slots, and the rest in rows below.
func (s *Store) Floors(ctx context.Context, q db.Querier, rooms []room.Room) ([]Floor, error) {
	fs, err := db.All(ctx, q, scanFloor, `SELECT id, name, layout FROM floor ORDER BY position`)
	if err != nil {
		return nil, fmt.Errorf("read floors: %w", err)
	}
	for i := range fs {
		on := []room.Room{}
		for _, r := range rooms {
			if r.Floor == fs[i].ID && !r.Archived {
				on = append(on, r)
			}
		}
		fs[i].Layout = Place(fs[i].Layout, on)
	}
	return fs, nil
}

var resource = access.Resource{Type: "office"}

const (
	margin    = 2  // around the plan and between rooms
	roomW     = 26 // of a room that stands in no plan
	roomH     = 20
	warRoomW  = 26
	planWidth = 112
)

// Place puts rooms on a plan. It is pure, and the same rooms give the same
// plan: incident rooms take the slots in the order they were opened.
func Place(l Layout, rooms []room.Room) Layout {
	out := Layout{Width: max(l.Width, planWidth), Height: l.Height, Rooms: []Placed{}}
	left := map[string]room.Room{}
	for _, r := range rooms {
		left[r.ID] = r
	}
	for _, p := range l.Rooms {
		r, ok := left[p.RoomID]
		if !ok {
			continue
		}
		delete(left, p.RoomID)
		p.Kind = r.Kind
		if p.Doors == nil {
			p.Doors = []Door{}
		}
		out.Rooms = append(out.Rooms, p)
	}
	rest := make([]room.Room, 0, len(left))
	for _, r := range left {
		rest = append(rest, r)
	}
	slices.SortFunc(rest, func(a, b room.Room) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	slots := slices.Clone(l.Slots)
	x, y := margin, out.Height
	if y == 0 {
		y = margin
	}
	for _, r := range rest {
		p := Placed{RoomID: r.ID, Kind: r.Kind, W: roomW, H: roomH, Seats: 8, Doors: []Door{{"s", roomW / 2}}}
		if r.Kind == "incident" {
			p.W, p.Seats = warRoomW, 12
			if len(slots) > 0 {
				p.X, p.Y, p.W, p.H = slots[0].X, slots[0].Y, slots[0].W, slots[0].H
				p.Doors = []Door{{"s", p.W - 8}}
				slots = slots[1:]
				out.Rooms = append(out.Rooms, p)
				continue
			}
		}
		if x+p.W+margin > out.Width {
			x, y = margin, y+roomH+margin
		}
		p.X, p.Y = x, y
		x += p.W + margin
		out.Rooms = append(out.Rooms, p)
		out.Height = max(out.Height, y+roomH+margin)
	}
	if len(slots) > 0 {
		out.Slots = slots
	}
	out.Height = max(out.Height, 2*margin+roomH)
	return out
}

// rank puts incident rooms first.
func rank(r room.Room) int {
	if r.Kind == "incident" {
		return 0
	}
	return 1
}

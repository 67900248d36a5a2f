package office

import (
	"cmp"
	"fmt"
	"slices"

	"muster/internal/fault"
	"muster/internal/room"
)

// Layout is what is drawn, and what a map editor edits: the same for reading,
// saving, import and export. A unit is 10 pixels on a screen.
type Layout struct {
	Width  int      `json:"width" doc:"0 lets the plan grow with its rooms"`
	Height int      `json:"height"`
	Rooms  []Placed `json:"rooms" maxItems:"2000" doc:"At most 500"`
	Slots  []Slot   `json:"slots,omitempty" maxItems:"1000" doc:"Places for incident rooms while they are open, at most 100"`
}

// Placed is a room on the plan.
type Placed struct {
	RoomID string `json:"room_id,omitempty" maxLength:"36" doc:"Absent when saving: the room of that name on this floor, or a new one"`
	Name   string `json:"name,omitempty" maxLength:"80" doc:"Only where a plan is edited, imported or exported, and where you may read the room"`
	X      int    `json:"x"`
	Y      int    `json:"y"`
	W      int    `json:"w"`
	H      int    `json:"h"`
	Kind   string `json:"kind,omitempty" maxLength:"20" doc:"team, office, meeting, focus, lounge, lobby, gallery; incident while one is open. Saving another kind changes the room"`
	Seats  int    `json:"seats" doc:"0 to 500"`
	Doors  []Door `json:"doors,omitempty" maxItems:"1000" doc:"At most 16"`
}

// Door is an opening in a wall.
type Door struct {
	Side string `json:"side" enum:"n,s,e,w"`
	At   int    `json:"at" doc:"Units from the wall's left or upper end to the door's"`
}

// Slot is a place where an incident's room appears.
type Slot struct {
	X int `json:"x"`
	Y int `json:"y"`
	W int `json:"w"`
	H int `json:"h"`
}

// What a plan may be at most, and a room at least.
const (
	MaxSide       = 1000 // units, so 10,000 pixels
	MaxRooms      = 500
	MaxSlots      = 100
	MaxRoomSeats  = maxSeats
	MaxFloorSeats = 10_000
	MaxDoors      = 16
	MinRoom       = 6
	DoorWidth     = 2
)

// box is a rectangle with what people call it.
type box struct {
	x, y, w, h  int
	name, field string
}

func (b box) meets(o box) bool {
	return b.x < o.x+o.w && o.x < b.x+b.w && b.y < o.y+o.h && o.y < b.y+b.h
}

// maxTold bounds how many mistakes of one plan are told at once.
const maxTold = 20

// Check says everything that is wrong with a plan, naming the rooms; called
// names the room at an index of l.Rooms.
func (l Layout) Check(called func(i int) string) error {
	var wrong []fault.FieldError
	say := func(field, format string, a ...any) {
		if len(wrong) < maxTold {
			wrong = append(wrong, fault.FieldError{Field: field, Message: fmt.Sprintf(format, a...)})
		}
	}
	// Before anything is walked through: what is far too big is not looked at further.
	if n := len(l.Rooms); n > MaxRooms {
		return fault.Field("layout.rooms", fmt.Sprintf("A floor holds at most %d rooms; this plan has %d. Spread them over several floors.", MaxRooms, n))
	}
	if n := len(l.Slots); n > MaxSlots {
		return fault.Field("layout.slots", fmt.Sprintf("A floor holds at most %d places for war rooms; this plan has %d.", MaxSlots, n))
	}
	free := l.Width == 0 && l.Height == 0
	if free && len(l.Rooms)+len(l.Slots) > 0 {
		say("layout.width", "Say how wide and how high the floor is, in units of 10 pixels.")
		free = false
	}
	if !free && (l.Width < planLeast || l.Width > MaxSide || l.Height < MinRoom || l.Height > MaxSide) {
		say("layout.width", "The floor is %d × %d units. It can be %d to %d wide and %d to %d high.", l.Width, l.Height, planLeast, MaxSide, MinRoom, MaxSide)
	}
	var boxes []box
	seats := 0
	for i, p := range l.Rooms {
		name, field := called(i), fmt.Sprintf("layout.rooms[%d]", i)
		if p.Kind != "" && !slices.Contains(room.Kinds, p.Kind) {
			say(field+".kind", "%s has the kind %q, which there is not.", name, p.Kind)
		}
		if p.Seats < 0 || p.Seats > MaxRoomSeats {
			say(field+".seats", "%s has %d seats. A room has 0 to %d.", name, p.Seats, MaxRoomSeats)
		} else {
			seats += p.Seats
		}
		b := box{p.X, p.Y, p.W, p.H, name, field}
		if !l.fits(b, say) {
			continue
		}
		boxes = append(boxes, b)
		if len(p.Doors) > MaxDoors {
			say(field+".doors", "%s has %d doors. A room has at most %d.", name, len(p.Doors), MaxDoors)
			continue
		}
		for k, d := range p.Doors {
			wall := p.W
			if d.Side == "e" || d.Side == "w" {
				wall = p.H
			}
			switch {
			case !slices.Contains([]string{"n", "s", "e", "w"}, d.Side):
				say(fmt.Sprintf("%s.doors[%d].side", field, k), "A door of %s is in the wall %q. Walls are n, s, e and w.", name, d.Side)
			case d.At < 0 || d.At > wall-DoorWidth:
				say(fmt.Sprintf("%s.doors[%d].at", field, k), "A door of %s is not on its wall: it begins at %d, and the wall takes doors from 0 to %d.", name, d.At, wall-DoorWidth)
			}
		}
	}
	for i, s := range l.Slots {
		b := box{s.X, s.Y, s.W, s.H, fmt.Sprintf("Place %d for a war room", i+1), fmt.Sprintf("layout.slots[%d]", i)}
		if l.fits(b, say) {
			boxes = append(boxes, b)
		}
	}
	if seats > MaxFloorSeats {
		say("layout.rooms", "The floor has %d seats. It can have %d; spread the rooms over several floors.", seats, MaxFloorSeats)
	}
	for i, a := range boxes {
		for _, b := range boxes[:i] {
			if a.meets(b) {
				say(a.field, "%s overlaps %s. Move one of them.", a.name, b.name)
			}
		}
	}
	if len(wrong) > 0 {
		return fault.Fields(wrong...)
	}
	return nil
}

// fits says whether a box can be compared with others: its numbers are sane and
// it lies on the plan.
func (l Layout) fits(b box, say func(field, format string, a ...any)) bool {
	switch {
	case b.w < MinRoom || b.h < MinRoom || b.w > MaxSide || b.h > MaxSide:
		say(b.field, "%s is %d × %d units. A room is at least %d × %d and at most as big as its floor.", b.name, b.w, b.h, MinRoom, MinRoom)
		return false
	case b.x < 0 || b.y < 0 || b.x > MaxSide || b.y > MaxSide || b.x+b.w > l.Width || b.y+b.h > l.Height:
		say(b.field, "%s lies outside the floor, which is %d × %d units: it goes from %d, %d to %d, %d.", b.name, l.Width, l.Height, b.x, b.y, b.x+b.w, b.y+b.h)
		return false
	}
	return true
}

const (
	margin    = 2  // around the plan and between rooms
	roomW     = 26 // of a room that stands in no plan
	roomH     = 20
	warRoomW  = 26
	planWidth = 112
	planLeast = roomW + 2*margin // so that a room in no plan finds its place
)

// Place puts rooms on a plan. It is pure, and the same rooms give the same
// plan: incident rooms take the slots in the order they were opened, those of
// restricted ones after the others, and what has no place stands in rows below.
func Place(l Layout, rooms []room.Room) Layout {
	out := Layout{Width: l.Width, Height: l.Height, Rooms: []Placed{}}
	if out.Width < planLeast {
		out.Width = planWidth
	}
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
				p.Doors = []Door{{"s", max(0, p.W-8)}}
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

// rank puts incident rooms first, but those of restricted ones last: whether they
// are shown moves no other.
func rank(r room.Room) int {
	switch {
	case r.Kind != "incident":
		return 1
	case r.Private:
		return 2
	}
	return 0
}

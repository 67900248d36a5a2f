package office

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"muster/internal/fault"
	"muster/internal/room"
)

// Team is who shall have a room on a floor that arranges itself.
type Team struct {
	Name   string `json:"name" maxLength:"80"`
	People int    `json:"people" doc:"Seats the room gets, 1 to 200"`
	Kind   string `json:"kind,omitempty" maxLength:"20" doc:"team unless said otherwise"`
}

// MaxTeams is how many an arranged floor takes.
const MaxTeams = 100

const (
	aisle     = 4 // between rows of rooms
	rowTarget = 120
)

// sizeFor is how large a room has to be for its seats to be drawn.
func sizeFor(kind string, seats int) (w, h int) {
	switch kind {
	case "focus":
		return max(10, 5*seats+2), 14
	case "office":
		return 16, 18
	case "meeting", "incident":
		if seats <= 6 {
			return 20, 24
		}
		return min(20+seats, 60), 26 // around an oval table
	case "gallery":
		return max(22, min(60, 5*seats/3)), 24
	}
	columns := (seats + 1) / 2 // facing desks
	if columns > 8 {           // two banks of them
		return 4*((columns+1)/2) + 4, 30
	}
	return max(18, 4*columns+4), 20
}

// Arrange makes a plan of a list of teams: rooms in rows in the order of the
// list, as deep as the row's deepest, stretched to one common right wall, with
// places for two war rooms at the top. It is pure; the same list gives the same
// plan.
func Arrange(teams []Team) (Layout, error) {
	if len(teams) == 0 || len(teams) > MaxTeams {
		return Layout{}, fault.Field("teams", fmt.Sprintf("Name 1 to %d teams.", MaxTeams))
	}
	named := map[string]bool{}
	seats := 0
	for i, t := range teams {
		field := fmt.Sprintf("teams[%d]", i)
		name := strings.Join(strings.Fields(t.Name), " ")
		switch {
		case name == "" || utf8.RuneCountInString(name) > 80:
			return Layout{}, fault.Field(field+".name", "Give each team a name of 1 to 80 characters.")
		case named[strings.ToLower(name)]:
			return Layout{}, fault.Field(field+".name", fmt.Sprintf("%s is named twice. Name each team once.", name))
		case t.People < 1 || t.People > 200:
			return Layout{}, fault.Field(field+".people", fmt.Sprintf("%s has %d people. A room is arranged for 1 to 200.", name, t.People))
		case t.Kind == "incident" || t.Kind != "" && !isKind(t.Kind):
			return Layout{}, fault.Field(field+".kind", fmt.Sprintf("%s cannot be of the kind %q. Choose team, office, meeting, focus, lounge, lobby or gallery.", name, t.Kind))
		}
		named[strings.ToLower(name)] = true
		if seats += t.People; seats > 5000 {
			return Layout{}, fault.Field("teams", "These are more than 5,000 people. Arrange them on several floors.")
		}
	}
	l := Layout{Rooms: []Placed{}, Slots: []Slot{{margin, margin, 34, 26}, {margin + 34 + margin, margin, 34, 26}}}
	// The widest room decides how wide the floor is, within reason.
	l.Width = rowTarget
	for _, t := range teams {
		w, _ := sizeFor(kindOf(t), t.People)
		l.Width = max(l.Width, w+2*margin)
	}
	y := margin + 26 + aisle
	for i := 0; i < len(teams); {
		var row []Placed
		x, deep := margin, 0
		for ; i < len(teams); i++ {
			t := teams[i]
			w, h := sizeFor(kindOf(t), t.People)
			if len(row) > 0 && x+w+margin > l.Width {
				break
			}
			row = append(row, Placed{Name: strings.Join(strings.Fields(t.Name), " "), Kind: kindOf(t), Seats: t.People, X: x, Y: y, W: w})
			x, deep = x+w+margin, max(deep, h)
		}
		// What is left of the row goes to its rooms, the last row excepted: one room
		// across the whole floor would be a hall.
		spare := l.Width - x
		for k := range row {
			if i < len(teams) || len(row) > 2 {
				add := spare / (len(row) - k)
				spare -= add
				row[k].W += add
				for j := k + 1; j < len(row); j++ {
					row[j].X += add
				}
			}
			row[k].H = deep
			row[k].Doors = []Door{{"n", row[k].W/2 - 1}}
		}
		l.Rooms = append(l.Rooms, row...)
		y += deep + aisle
	}
	if l.Height = y - aisle + margin; l.Height > MaxSide || l.Width > MaxSide {
		return Layout{}, fault.Field("teams", "These teams do not fit on one floor. Arrange them on several.")
	}
	return l, nil
}

func kindOf(t Team) string {
	if t.Kind == "" {
		return "team"
	}
	return t.Kind
}

func isKind(k string) bool {
	for _, have := range room.Kinds {
		if have == k {
			return true
		}
	}
	return false
}

// Template is a floor to begin with.
type Template struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	Layout      Layout `json:"layout"`
}

// Templates gives the floors to begin with. Their rooms have names and no ids:
// they are made when the floor is saved.
func Templates() []Template {
	s := func(at int) []Door { return []Door{{"s", at}} }
	n := func(at int) []Door { return []Door{{"n", at}} }
	return []Template{
		{"empty", "Empty floor", "Nothing on it yet", Layout{Width: 112, Height: 72, Rooms: []Placed{}}},
		{"incident", "Incident floor", "Four places for war rooms, a gallery for those who listen, a briefing room and booths for calls", Layout{Width: 126, Height: 82, Slots: []Slot{{2, 2, 40, 28}, {44, 2, 40, 28}, {86, 2, 38, 28}, {2, 34, 40, 24}}, Rooms: []Placed{
			{Name: "Response desk", Kind: "team", X: 44, Y: 34, W: 40, H: 24, Seats: 10, Doors: n(19)},
			{Name: "Gallery", Kind: "gallery", X: 86, Y: 34, W: 38, H: 24, Seats: 24, Doors: n(18)},
			{Name: "Briefing", Kind: "meeting", X: 2, Y: 62, W: 36, H: 18, Seats: 8, Doors: n(17)},
			{Name: "Vendors and partners", Kind: "meeting", X: 40, Y: 62, W: 32, H: 18, Seats: 6, Doors: n(15)},
			{Name: "Call booths", Kind: "focus", X: 74, Y: 62, W: 26, H: 18, Seats: 5, Doors: n(12)},
			{Name: "Front desk", Kind: "lobby", X: 102, Y: 62, W: 22, H: 18, Seats: 6, Doors: n(10)},
		}}},
		{"trading", "Trading support floor", "Desks by what they support, a change board, treasury, two places for war rooms", Layout{Width: 126, Height: 92, Slots: []Slot{{44, 2, 34, 30}, {80, 2, 20, 30}}, Rooms: []Placed{
			{Name: "Trading floor support", Kind: "team", X: 2, Y: 2, W: 40, H: 30, Seats: 16, Doors: s(19)},
			{Name: "Change board", Kind: "meeting", X: 102, Y: 2, W: 22, H: 30, Seats: 8, Doors: s(14)},
			{Name: "Payments operations", Kind: "team", X: 2, Y: 38, W: 29, H: 22, Seats: 8, Doors: s(21)},
			{Name: "Settlement operations", Kind: "team", X: 33, Y: 38, W: 29, H: 22, Seats: 8, Doors: s(21)},
			{Name: "Reliability desk", Kind: "team", X: 64, Y: 38, W: 29, H: 22, Seats: 8, Doors: s(21)},
			{Name: "Market data", Kind: "team", X: 95, Y: 38, W: 29, H: 22, Seats: 6, Doors: s(21)},
			{Name: "Coffee bar", Kind: "lounge", X: 2, Y: 64, W: 36, H: 26, Seats: 8, Doors: n(17)},
			{Name: "Focus booths", Kind: "focus", X: 40, Y: 64, W: 34, H: 12, Seats: 6, Doors: n(16)},
			{Name: "End of day", Kind: "team", X: 40, Y: 78, W: 34, H: 12, Seats: 6, Doors: s(16)},
			{Name: "Liquidity", Kind: "meeting", X: 76, Y: 64, W: 24, H: 26, Seats: 6, Doors: n(11)},
			{Name: "Reception", Kind: "lobby", X: 102, Y: 64, W: 22, H: 26, Seats: 6, Doors: n(10)},
		}}},
		{"open", "Open plan", "Four large desks around a lounge, with meeting rooms and booths along the wall", Layout{Width: 120, Height: 82, Slots: []Slot{{84, 2, 34, 26}}, Rooms: []Placed{
			{Name: "North desks", Kind: "team", X: 2, Y: 2, W: 40, H: 32, Seats: 20, Doors: s(19)},
			{Name: "South desks", Kind: "team", X: 2, Y: 36, W: 40, H: 32, Seats: 20, Doors: n(19)},
			{Name: "East desks", Kind: "team", X: 44, Y: 2, W: 38, H: 32, Seats: 18, Doors: s(18)},
			{Name: "Kitchen", Kind: "lounge", X: 44, Y: 36, W: 38, H: 32, Seats: 12, Doors: n(18)},
			{Name: "Large meeting", Kind: "meeting", X: 84, Y: 30, W: 34, H: 20, Seats: 10, Doors: []Door{{"w", 9}}},
			{Name: "Small meeting", Kind: "meeting", X: 84, Y: 52, W: 16, H: 28, Seats: 6, Doors: []Door{{"w", 13}}},
			{Name: "Corner office", Kind: "office", X: 102, Y: 52, W: 16, H: 28, Seats: 2, Doors: []Door{{"w", 13}}},
			{Name: "Booths", Kind: "focus", X: 2, Y: 70, W: 80, H: 10, Seats: 12, Doors: n(39)},
		}}},
	}
}

package office_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
	"muster/internal/office"
	"muster/internal/room"
)

func at(name string, x, y, w, h int) office.Placed {
	return office.Placed{Name: name, X: x, Y: y, W: w, H: h, Kind: "team", Seats: 4, Doors: []office.Door{{Side: "s", At: 2}}}
}

func floorOf(rooms ...office.Placed) office.Layout {
	return office.Layout{Width: 100, Height: 80, Rooms: rooms}
}

// Every mistake is told with the name of the room it is about.
func TestBadPlans(t *testing.T) {
	many := func(n int, fn func(i int) office.Placed) (out []office.Placed) {
		for i := range n {
			out = append(out, fn(i))
		}
		return out
	}
	odd := func(fn func(p *office.Placed)) office.Layout {
		p := at("Ops", 2, 2, 20, 20)
		fn(&p)
		return floorOf(p)
	}
	for name, c := range map[string]struct {
		plan office.Layout
		says string
	}{
		"overlap":          {floorOf(at("Ops", 2, 2, 20, 20), at("Risk", 21, 10, 20, 20)), "Risk overlaps Ops."},
		"overlap of slots": {office.Layout{Width: 100, Height: 80, Rooms: []office.Placed{at("Ops", 2, 2, 20, 20)}, Slots: []office.Slot{{X: 10, Y: 10, W: 20, H: 20}}}, "Place 1 for a war room overlaps Ops."},
		"beside the floor": {floorOf(at("Ops", 90, 2, 20, 20)), "Ops lies outside the floor"},
		"above the floor":  {floorOf(at("Ops", 2, -1, 20, 20)), "Ops lies outside"},
		"negative size":    {floorOf(at("Ops", 2, 2, -20, 20)), "Ops is -20 × 20 units."},
		"no size":          {floorOf(at("Ops", 2, 2, 0, 20)), "Ops is 0 × 20 units."},
		"huge size":        {floorOf(at("Ops", 2, 2, math.MaxInt, math.MaxInt)), "Ops is"},
		"huge place":       {floorOf(at("Ops", math.MaxInt-1, 2, 20, 20)), "Ops lies outside"},
		"huge floor":       {office.Layout{Width: math.MaxInt, Height: 10}, "The floor is"},
		"narrow floor":     {office.Layout{Width: 5, Height: 10}, "The floor is 5 × 10"},
		"no floor":         {office.Layout{Rooms: []office.Placed{at("Ops", 2, 2, 20, 20)}}, "how wide and how high"},
		"501 seats":        {odd(func(p *office.Placed) { p.Seats = 501 }), "Ops has 501 seats."},
		"negative seats":   {odd(func(p *office.Placed) { p.Seats = -1 }), "Ops has -1 seats."},
		"10,001 seats": {floorOf(many(21, func(i int) office.Placed {
			p := at(fmt.Sprint("Hall ", i), i%10*9, i/10*20, 8, 18)
			p.Seats = 500
			return p
		})...), "The floor has 10500 seats."},
		"501 rooms":         {office.Layout{Width: 1000, Height: 1000, Rooms: many(501, func(i int) office.Placed { return at("x", i%100*10, i/100*10, 8, 8) })}, "at most 500 rooms"},
		"101 slots":         {office.Layout{Width: 1000, Height: 1000, Slots: make([]office.Slot, 101)}, "at most 100 places"},
		"kind":              {odd(func(p *office.Placed) { p.Kind = "pool" }), `Ops has the kind "pool"`},
		"17 doors":          {odd(func(p *office.Placed) { p.Doors = make([]office.Door, 17) }), "Ops has 17 doors."},
		"door in air":       {odd(func(p *office.Placed) { p.Doors = []office.Door{{Side: "up", At: 1}} }), `A door of Ops is in the wall "up".`},
		"door past it":      {odd(func(p *office.Placed) { p.Doors = []office.Door{{Side: "e", At: 19}} }), "A door of Ops is not on its wall"},
		"door before":       {odd(func(p *office.Placed) { p.Doors = []office.Door{{Side: "n", At: -1}} }), "A door of Ops is not on its wall"},
		"door at int's end": {odd(func(p *office.Placed) { p.Doors = []office.Door{{Side: "n", At: math.MaxInt}} }), "A door of Ops is not on its wall"},
	} {
		err := c.plan.Check(func(i int) string { return c.plan.Rooms[i].Name })
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	fine := floorOf(at("Ops", 0, 0, 20, 20), at("Risk", 20, 0, 80, 80))
	if err := fine.Check(func(int) string { return "" }); err != nil {
		t.Error("rooms may share a wall:", err)
	}
	if err := (office.Layout{}).Check(nil); err != nil {
		t.Error("an empty plan:", err)
	}
}

func TestFloorsAreAddedRenamedOrderedRemoved(t *testing.T) {
	w := open(t)
	add := func(name string, l office.Layout) (p office.Plan, err error) {
		err = w.do(func(tx *db.Tx) error {
			p, err = w.office.AddFloor(ctx, tx, w.admin, name, l)
			return err
		})
		return p, err
	}
	names := func() (out []string) {
		fs, err := w.office.Floors(ctx, w.d.Read(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fs {
			out = append(out, f.Name)
		}
		return out
	}
	one, err := add("  Operations ", office.Layout{})
	if err != nil || one.Name != "Operations" || one.Version != 1 || one.ChangedBy != w.admin.ID {
		t.Fatal(one, err)
	}
	two, _ := add("Technology", floorOf(at("Platform", 2, 2, 20, 20)))
	three, _ := add("Risk", office.Layout{})
	if len(two.Layout.Rooms) != 1 || two.Layout.Rooms[0].Name != "Platform" || two.Layout.Rooms[0].RoomID == "" {
		t.Fatal("the named room was not made:", two.Layout.Rooms)
	}
	for _, bad := range []string{"", "operations", strings.Repeat("x", 41), "a\u202eb"} {
		if _, err := add(bad, office.Layout{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	act := func(fn func(tx *db.Tx) error) error { return w.do(fn) }
	if err := act(func(tx *db.Tx) error { return w.office.MoveFloor(ctx, tx, w.admin, three.ID, 0) }); err != nil {
		t.Fatal(err)
	}
	if err := act(func(tx *db.Tx) error { return w.office.MoveFloor(ctx, tx, w.admin, one.ID, 99) }); err != nil {
		t.Fatal(err)
	}
	if err := act(func(tx *db.Tx) error { return w.office.RenameFloor(ctx, tx, w.admin, two.ID, "Engineering") }); err != nil {
		t.Fatal(err)
	}
	if err := act(func(tx *db.Tx) error { return w.office.RenameFloor(ctx, tx, w.admin, two.ID, "RISK") }); !fault.Is(err, fault.Invalid) {
		t.Error("two floors of one name:", err)
	}
	if got := names(); !cmp.Equal(got, []string{"Risk", "Engineering", "Operations"}) {
		t.Error(got)
	}
	// A floor with rooms stays; an empty one goes, and its archived rooms can come back elsewhere.
	remove := func(id string) error {
		return act(func(tx *db.Tx) error { return w.office.RemoveFloor(ctx, tx, w.admin, id) })
	}
	if err := remove(two.ID); !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Message(err), "Platform") {
		t.Error(err)
	}
	yes := true
	w.must(func(tx *db.Tx) error {
		_, err := w.rooms.Update(ctx, tx, w.admin, two.Layout.Rooms[0].RoomID, room.Change{Archived: &yes})
		return err
	})
	if err := remove(two.ID); err != nil {
		t.Error(err)
	}
	if r, err := w.rooms.Get(ctx, w.d.Read(), two.Layout.Rooms[0].RoomID); err != nil || r.Floor != three.ID {
		t.Error(r.Floor, err)
	}
	if err := remove(three.ID); err != nil {
		t.Error(err)
	}
	if err := remove(one.ID); !fault.Is(err, fault.Conflict) {
		t.Error("the only floor went:", err)
	}
	// Nobody else does any of it, and each act is in the ledger.
	for name, fn := range map[string]func(tx *db.Tx) error{
		"add": func(tx *db.Tx) error {
			_, err := w.office.AddFloor(ctx, tx, w.ann, "Mine", office.Layout{})
			return err
		},
		"save": func(tx *db.Tx) error {
			_, err := w.office.SetLayout(ctx, tx, w.ann, one.ID, 1, office.Layout{})
			return err
		},
		"rename": func(tx *db.Tx) error { return w.office.RenameFloor(ctx, tx, w.ann, one.ID, "Mine") },
		"move":   func(tx *db.Tx) error { return w.office.MoveFloor(ctx, tx, w.ann, one.ID, 0) },
		"remove": func(tx *db.Tx) error { return w.office.RemoveFloor(ctx, tx, w.ann, one.ID) },
	} {
		if err := w.do(fn); !fault.Is(err, fault.Denied) {
			t.Error(name, err)
		}
	}
	got := map[string]int{}
	rs, err := w.ledger.Events(ctx, w.d.Read(), ledger.Filter{Kinds: []string{"office.FloorChanged", "office.FloorRenamed", "office.FloorMoved", "office.FloorRemoved"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rs {
		got[r.Kind]++
	}
	if want := map[string]int{"office.FloorChanged": 3, "office.FloorRenamed": 1, "office.FloorMoved": 2, "office.FloorRemoved": 2}; !cmp.Equal(got, want) {
		t.Error(got)
	}
}

func TestSavingAPlan(t *testing.T) {
	w := open(t)
	var one, two office.Plan
	w.must(func(tx *db.Tx) (err error) {
		if one, err = w.office.AddFloor(ctx, tx, w.admin, "One", floorOf(at("Ops", 2, 2, 20, 20), at("Risk", 24, 2, 20, 20))); err != nil {
			return err
		}
		two, err = w.office.AddFloor(ctx, tx, w.admin, "Two", floorOf(at("Lab", 2, 2, 20, 20)))
		return err
	})
	save := func(id string, version int64, l office.Layout) (p office.Plan, err error) {
		err = w.do(func(tx *db.Tx) error {
			p, err = w.office.SetLayout(ctx, tx, w.admin, id, version, l)
			return err
		})
		return p, err
	}
	ops, risk, lab := one.Layout.Rooms[0].RoomID, one.Layout.Rooms[1].RoomID, two.Layout.Rooms[0].RoomID

	// What was read can be saved as it is, and nothing is made twice.
	again, err := save(one.ID, one.Version, one.Layout)
	if err != nil || again.Version != 2 {
		t.Fatal(again.Version, err)
	}
	if diff := cmp.Diff(one.Layout, again.Layout); diff != "" {
		t.Error(diff)
	}
	// Who looked at an older one is told who was faster.
	if _, err := save(one.ID, 1, one.Layout); !fault.Is(err, fault.Conflict) || !strings.Contains(fault.Message(err), "root changed One") || !strings.Contains(fault.Message(err), "version 2") {
		t.Error(err)
	}
	// A room left out stays on the floor, beside the plan; another kind changes the room.
	p := at("", 2, 2, 30, 20)
	p.RoomID, p.Kind = ops, "focus"
	less, err := save(one.ID, 2, floorOf(p))
	if err != nil || !cmp.Equal(less.Unplaced, []string{risk}) || less.Layout.Rooms[0].Kind != "focus" {
		t.Fatal(less, err)
	}
	// With its id a room comes from another floor, by its name it does not.
	if _, err := save(one.ID, 3, floorOf(at("lab", 2, 2, 20, 20))); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), "on another floor") {
		t.Error(err)
	}
	q := at("", 40, 2, 20, 20)
	q.RoomID = lab
	if _, err := save(one.ID, 3, floorOf(p, q)); err != nil {
		t.Fatal(err)
	}
	left, err := w.office.Plan(ctx, w.d.Read(), w.admin, two.ID)
	if err != nil || len(left.Layout.Rooms) != 0 || len(left.Unplaced) != 0 {
		t.Error(left, err)
	}
	// What there is not, what is there twice, and what has no name.
	gone, twice := at("Ghost", 2, 2, 20, 20), at("", 60, 60, 20, 20)
	gone.RoomID, twice.RoomID = "00000000-0000-7000-8000-000000000000", ops
	for name, c := range map[string]struct {
		plan office.Layout
		says string
	}{
		"unknown":             {floorOf(gone), "Ghost: there is no room with this id"},
		"twice":               {floorOf(p, twice), "focus"},
		"nameless":            {floorOf(at(" ", 2, 2, 20, 20)), "neither an id nor a name"},
		"two new of one name": {floorOf(at("New", 2, 2, 20, 20), at("NEW", 40, 2, 20, 20)), "twice"},
	} {
		if _, err := save(one.ID, 4, c.plan); !fault.Is(err, fault.Invalid) || name != "twice" && !strings.Contains(fault.Message(err), c.says) {
			t.Error(name, err)
		}
	}
	// Nothing of a refused plan is kept: no room of it was made.
	if _, err := w.rooms.Find(ctx, w.d.Read(), "New"); !fault.Is(err, fault.NotFound) {
		t.Error("a room of a refused plan was made")
	}
}

// What is exported makes the same floor elsewhere, and tells nothing of rooms
// that who exports may not read.
func TestExportAndImport(t *testing.T) {
	w := open(t)
	var p office.Plan
	slots := []office.Slot{{X: 30, Y: 2, W: 30, H: 20}}
	w.must(func(tx *db.Tx) (err error) {
		if p, err = w.office.AddFloor(ctx, tx, w.admin, "One", office.Layout{Width: 100, Height: 80, Rooms: []office.Placed{at("Ops", 2, 2, 20, 20)}, Slots: slots}); err != nil {
			return err
		}
		secret, err := w.rooms.Create(ctx, tx, actor.System("test"), room.New{Name: "xyzzy", Private: true, Floor: p.ID, Members: []string{w.ann.ID}})
		if err != nil {
			return err
		}
		in := office.Placed{RoomID: secret.ID, X: 60, Y: 40, W: 20, H: 20}
		p, err = w.office.SetLayout(ctx, tx, w.admin, p.ID, p.Version, office.Layout{Width: 100, Height: 80, Rooms: append(p.Layout.Rooms, in), Slots: slots})
		return err
	})
	if b, _ := json.Marshal(p); strings.Contains(string(b), "xyzzy") || len(p.Layout.Rooms) != 2 {
		t.Fatal(string(b))
	}
	f, err := w.office.Export(ctx, w.d.Read(), w.admin, p.ID)
	if err != nil || f.LeftOut != 1 || len(f.Layout.Rooms) != 1 || f.Layout.Rooms[0].RoomID != "" || f.Layout.Rooms[0].Name != "Ops" {
		t.Fatal(f, err)
	}
	there := open(t)
	var made office.Plan
	there.must(func(tx *db.Tx) (err error) {
		made, err = there.office.AddFloor(ctx, tx, there.admin, f.Name, f.Layout)
		return err
	})
	back, err := there.office.Export(ctx, there.d.Read(), there.admin, made.ID)
	if f.LeftOut = 0; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f, back); diff != "" {
		t.Error(diff)
	}
}

// A rule that denies hides one floor, whoever else may see it.
func TestFloorsAreHiddenByPolicy(t *testing.T) {
	w := open(t)
	var p office.Plan
	w.must(func(tx *db.Tx) (err error) {
		if p, err = w.office.AddFloor(ctx, tx, w.admin, "Board", office.Layout{}); err != nil {
			return err
		}
		_, err = w.access.Put(ctx, tx, actor.System("test"), "", "board", "description: x\ncontext: {application: muster}\nfor:\n  floor: [{equals: {name: Board}, deny: [read, update]}]\nby: {group: [responder, administrator]}\n")
		return err
	})
	for _, who := range []actor.Actor{w.ann, w.admin} {
		if _, err := w.office.Plan(ctx, w.d.Read(), who, p.ID); !fault.Is(err, fault.NotFound) || strings.Contains(fault.Message(err), "Board") {
			t.Error(who.Name, err)
		}
		if err := w.do(func(tx *db.Tx) error { return w.office.RenameFloor(ctx, tx, who, p.ID, "Mine") }); !fault.Is(err, fault.NotFound) {
			t.Error(who.Name, err)
		}
	}
	if _, err := w.office.Plan(ctx, w.d.Read(), w.watcher, p.ID); err != nil {
		t.Error(err)
	}
	// Nor are its rooms taken off it, onto a floor that they may change.
	var r room.Room
	w.must(func(tx *db.Tx) (err error) {
		r, err = w.rooms.Create(ctx, tx, actor.System("test"), room.New{Name: "board room", Floor: p.ID})
		return err
	})
	var mine office.Plan
	w.must(func(tx *db.Tx) (err error) {
		mine, err = w.office.AddFloor(ctx, tx, w.admin, "Mine", office.Layout{})
		return err
	})
	err := w.do(func(tx *db.Tx) error {
		_, err := w.office.SetLayout(ctx, tx, w.admin, mine.ID, mine.Version, floorOf(office.Placed{RoomID: r.ID, X: 1, Y: 1, W: 10, H: 8}))
		return err
	})
	if !fault.Is(err, fault.Denied) || strings.Contains(fault.Message(err), "Board") {
		t.Error(err)
	}
}

// An incident opens where there is a place for it.
func TestIncidentsOpenOnTheFloorWithSlots(t *testing.T) {
	w := open(t)
	var two office.Plan
	w.must(func(tx *db.Tx) (err error) {
		if _, err = w.office.AddFloor(ctx, tx, w.admin, "One", floorOf()); err != nil {
			return err
		}
		two, err = w.office.AddFloor(ctx, tx, w.admin, "Two", office.Layout{Width: 100, Height: 80, Rooms: []office.Placed{}, Slots: []office.Slot{{X: 2, Y: 2, W: 30, H: 20}}})
		return err
	})
	if r := w.room(room.New{Name: "inc-1", Kind: "incident"}); r.Floor != two.ID {
		t.Error("opened where no war room is")
	}
	if r := w.room(room.New{Name: "ops"}); r.Floor == two.ID {
		t.Error("a team's room went to the war rooms' floor")
	}
}

func TestArrange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var teams []office.Team
		for i := range rapid.IntRange(1, 40).Draw(t, "teams") {
			teams = append(teams, office.Team{Name: fmt.Sprint("Team ", i), People: rapid.IntRange(1, 80).Draw(t, "people"), Kind: rapid.SampledFrom([]string{"", "team", "meeting", "focus", "lounge", "gallery", "lobby", "office"}).Draw(t, "kind")})
		}
		l, err := office.Arrange(teams)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Check(func(i int) string { return l.Rooms[i].Name }); err != nil {
			t.Fatalf("%v: %+v", err, l)
		}
		for i, p := range l.Rooms {
			if p.Name != teams[i].Name || p.Seats != teams[i].People {
				t.Fatalf("%+v is not %+v", p, teams[i])
			}
		}
		again, _ := office.Arrange(teams)
		if diff := cmp.Diff(l, again); diff != "" {
			t.Fatal(diff)
		}
	})
	for name, teams := range map[string][]office.Team{
		"none": nil, "nameless": {{People: 3}}, "twice": {{Name: "A", People: 3}, {Name: " a", People: 3}}, "nobody": {{Name: "A"}}, "crowd": {{Name: "A", People: 201}},
		"war room": {{Name: "A", People: 3, Kind: "incident"}}, "pool": {{Name: "A", People: 3, Kind: "pool"}}, "101": make([]office.Team, 101),
	} {
		if _, err := office.Arrange(teams); !fault.Is(err, fault.Invalid) {
			t.Error(name, err)
		}
	}
}

// Each template is a plan that can be saved.
func TestTemplates(t *testing.T) {
	for _, tpl := range office.Templates() {
		if err := tpl.Layout.Check(func(i int) string { return tpl.Layout.Rooms[i].Name }); err != nil {
			t.Error(tpl.ID, err)
		}
	}
}

// Each of two who take away the last floors sees the other's still standing.
func TestTheLastFloorsRemovedAtOnce(t *testing.T) {
	w := open(t)
	for round := range 8 {
		all, err := w.office.Floors(ctx, w.d.Read(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for len(all) < 2 {
			var p office.Plan
			w.must(func(tx *db.Tx) (err error) {
				p, err = w.office.AddFloor(ctx, tx, w.admin, fmt.Sprintf("Floor %d of %d", len(all), round), office.Layout{})
				return err
			})
			all = append(all, p.Floor)
		}
		start, errs := make(chan struct{}), make(chan error)
		for _, f := range all {
			go func() {
				<-start
				errs <- w.do(func(tx *db.Tx) error { return w.office.RemoveFloor(ctx, tx, w.admin, f.ID) })
			}()
		}
		close(start)
		gone := 0
		for range all {
			if err := <-errs; err == nil {
				gone++
			} else if !fault.Is(err, fault.Conflict) {
				t.Error(err)
			}
		}
		left, err := w.office.Floors(ctx, w.d.Read(), nil)
		if err != nil || len(left) != 1 || gone != len(all)-1 {
			t.Fatalf("round %d: %d removed, %d left, %v", round, gone, len(left), err)
		}
	}
}

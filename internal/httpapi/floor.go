package httpapi

import (
	"context"
	"slices"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/office"
	"muster/internal/room"
)

// planBody bounds what a plan may weigh: 500 rooms with doors weigh a tenth of it.
const planBody = 512 << 10

// registerFloors adds the floors: their plans, their order, import and export.
func registerFloors(a *API, d OfficeDeps) {
	type FloorPath struct {
		ID string `path:"id" maxLength:"36"`
	}
	Handle(a, Route{Method: "GET", Path: "/floors", ID: "list-floors", Summary: "List the floors you may see, as they are drawn now", Tag: "Office", Access: "floor:read"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (List[office.Floor], error) {
			fs, err := d.floorsFor(ctx, a.DB.Read(), who)
			return ListOf(fs), err
		})
	type add struct {
		Body struct {
			Format  string        `json:"format,omitempty" maxLength:"40" doc:"As exported"`
			Name    string        `json:"name" maxLength:"80"`
			Layout  office.Layout `json:"layout,omitempty"`
			LeftOut int           `json:"left_out,omitempty" doc:"As exported; not looked at"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/floors", ID: "add-floor", Summary: "Add a floor, empty or from a file that was exported", Tag: "Office", Access: "floor:create", Status: 201, MaxBody: planBody,
		Description: "Rooms of the plan that have a name and no id are made. A name that another floor has already is refused."},
		func(ctx context.Context, who actor.Actor, in *add) (out office.Plan, err error) {
			if f := in.Body.Format; f != "" && f != office.Format {
				return out, fault.Field("format", "This file is not a floor of Muster's. Export one, and look at its first line.")
			}
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				out, err = d.Office.AddFloor(ctx, tx, who, in.Body.Name, in.Body.Layout)
				return err
			})
			return out, err
		})
	Handle(a, Route{Method: "GET", Path: "/floors/{id}", ID: "get-floor", Summary: "Read a floor's plan as it is edited", Tag: "Office", Access: "floor:read"},
		func(ctx context.Context, who actor.Actor, in *FloorPath) (office.Plan, error) {
			return d.Office.Plan(ctx, a.DB.Read(), who, in.ID)
		})
	type save struct {
		FloorPath
		Body struct {
			Version int64         `json:"version" minimum:"0" doc:"The one you read; if there is a newer, the answer is 409 and says whose"`
			Layout  office.Layout `json:"layout"`
		}
	}
	Handle(a, Route{Method: "PUT", Path: "/floors/{id}", ID: "save-floor", Summary: "Save a floor's plan", Tag: "Office", Access: "floor:update", MaxBody: planBody,
		Description: "A room with an id that stands on another floor moves here. One that is only named is found on this floor by its name, or made. A room left out stays on the floor, in a row below the plan."},
		func(ctx context.Context, who actor.Actor, in *save) (out office.Plan, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				out, err = d.Office.SetLayout(ctx, tx, who, in.ID, in.Body.Version, in.Body.Layout)
				return err
			})
			return out, err
		})
	type change struct {
		FloorPath
		Body struct {
			Name     *string `json:"name,omitempty" maxLength:"80"`
			Position *int    `json:"position,omitempty" minimum:"0" maximum:"1000" doc:"Place among the floors, from 0"`
		}
	}
	Handle(a, Route{Method: "PATCH", Path: "/floors/{id}", ID: "change-floor", Summary: "Rename a floor, or put it elsewhere among the floors", Tag: "Office", Access: "floor:update"},
		func(ctx context.Context, who actor.Actor, in *change) (out office.Plan, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				if in.Body.Name != nil {
					if err := d.Office.RenameFloor(ctx, tx, who, in.ID, *in.Body.Name); err != nil {
						return err
					}
				}
				if in.Body.Position != nil {
					if err := d.Office.MoveFloor(ctx, tx, who, in.ID, *in.Body.Position); err != nil {
						return err
					}
				}
				out, err = d.Office.Plan(ctx, tx, who, in.ID)
				return err
			})
			return out, err
		})
	Handle(a, Route{Method: "DELETE", Path: "/floors/{id}", ID: "remove-floor", Summary: "Remove a floor without rooms", Tag: "Office", Access: "floor:delete"},
		func(ctx context.Context, who actor.Actor, in *FloorPath) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error { return d.Office.RemoveFloor(ctx, tx, who, in.ID) })
		})
	Handle(a, Route{Method: "GET", Path: "/floors/{id}/export", ID: "export-floor", Summary: "Export a floor's plan as a file that can be imported elsewhere", Tag: "Office", Access: "floor:read"},
		func(ctx context.Context, who actor.Actor, in *FloorPath) (office.File, error) {
			return d.Office.Export(ctx, a.DB.Read(), who, in.ID)
		})
	type arrange struct {
		Body struct {
			Teams []office.Team `json:"teams" maxItems:"1000" doc:"At most 100"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/floors/arrange", ID: "arrange-floor", Summary: "Lay a floor out from a list of teams, without saving it", Tag: "Office", Access: "signed-in"},
		func(_ context.Context, _ actor.Actor, in *arrange) (office.Layout, error) {
			return office.Arrange(in.Body.Teams)
		})
	Handle(a, Route{Method: "GET", Path: "/floor-templates", ID: "list-floor-templates", Summary: "Floors to begin with", Tag: "Office", Access: "signed-in"},
		func(context.Context, actor.Actor, *struct{}) (List[office.Template], error) {
			return ListOf(office.Templates()), nil
		})
}

// placed are the rooms that a plan has a place for. It has the place of every
// room, also of those its reader cannot see, since it must not look different to
// two people; screens draw only rooms they know. But the room of a restricted
// incident would tell that there is one, and when it began: it is drawn for those
// who may read it, and where it cannot move what others see.
func (d OfficeDeps) placed(ctx context.Context, q db.Querier) (open, confined []room.Room, err error) {
	rooms, err := d.Rooms.All(ctx, q)
	for _, r := range rooms {
		switch {
		case r.Archived:
		case r.Private && r.Kind == "incident":
			confined = append(confined, r)
		default:
			open = append(open, r)
		}
	}
	return open, confined, err
}

// readable picks the rooms that each of people may read; who reads none is not in it.
func (d OfficeDeps) readable(ctx context.Context, q db.Querier, judge access.Judge, rooms []room.Room, people []actor.Actor) (map[string][]room.Room, error) {
	out := map[string][]room.Room{}
	for _, r := range rooms {
		members, err := d.Rooms.Members(ctx, q, r.ID)
		if err != nil {
			return nil, err
		}
		for _, who := range people {
			if room.Readable(judge.For(who), r, slices.Contains(members, who.ID)) {
				out[who.ID] = append(out[who.ID], r)
			}
		}
	}
	return out, nil
}

// floorsFor is those who may see, with what they may do.
func (d OfficeDeps) floorsFor(ctx context.Context, q db.Querier, who actor.Actor) ([]office.Floor, error) {
	rooms, confined, err := d.placed(ctx, q)
	if err != nil {
		return nil, err
	}
	judge, err := d.Rooms.Judge(ctx, q, who)
	if err != nil {
		return nil, err
	}
	theirs, err := d.readable(ctx, q, judge, confined, []actor.Actor{who})
	if err != nil {
		return nil, err
	}
	all, err := d.Office.Floors(ctx, q, append(rooms, theirs[who.ID]...))
	if err != nil {
		return nil, err
	}
	out := []office.Floor{}
	for _, f := range all {
		if office.FloorSeen(judge, f) {
			f.Abilities = office.FloorAbilities(judge, f)
			out = append(out, f)
		}
	}
	return out, nil
}

// FloorNews is what the floors are now, and who of those asked about does not see all of them.
type FloorNews struct {
	Floors []office.Floor
	IDs    []string                  // of all of them, in their order
	Some   map[string][]string       // by person: what they see, where it is not everything
	Own    map[string][]office.Floor // by person: the floors as only they see them, with rooms of restricted incidents
}

// Floors as they are now.
func (l *Live) Floors(ctx context.Context, people []actor.Actor) (FloorNews, error) {
	q := l.a.DB.Read()
	rooms, confined, err := l.placed(ctx, q)
	if err != nil {
		return FloorNews{}, err
	}
	fs, err := l.Office.Floors(ctx, q, rooms)
	if err != nil {
		return FloorNews{}, err
	}
	judge, err := l.Rooms.Judge(ctx, q, actor.Actor{})
	if err != nil {
		return FloorNews{}, err
	}
	news := FloorNews{Floors: fs, IDs: []string{}, Some: map[string][]string{}, Own: map[string][]office.Floor{}}
	theirs, err := l.readable(ctx, q, judge, confined, people)
	if err != nil {
		return FloorNews{}, err
	}
	for person, more := range theirs {
		if news.Own[person], err = l.Office.Floors(ctx, q, slices.Concat(rooms, more)); err != nil {
			return FloorNews{}, err
		}
	}
	for _, f := range fs {
		news.IDs = append(news.IDs, f.ID)
	}
	for _, who := range people {
		j, sees := judge.For(who), []string{}
		for _, f := range fs {
			if office.FloorSeen(j, f) {
				sees = append(sees, f.ID)
			}
		}
		if len(sees) < len(fs) {
			news.Some[who.ID] = sees
		}
	}
	return news, nil
}

package incident

import (
	"context"
	"fmt"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
)

// Call is something a person is called to and nobody answered yet: a page, or
// an approval that an open SEV-1 or SEV-2 waits for. It is what a screen shows
// until it is answered, whatever was missed or clicked away.
type Call struct {
	ID             string    `json:"id" doc:"Of the notification"`
	Kind           string    `json:"kind" enum:"page,approval"`
	Title          string    `json:"title" doc:"Of the incident; of an approval what waits"`
	Severity       int       `json:"severity" doc:"1 to 4; 0 where it has none"`
	Drill          bool      `json:"drill"`
	IncidentID     string    `json:"incident_id,omitempty"`
	Ticket         string    `json:"ticket,omitempty"`
	Link           string    `json:"link" doc:"Path in the app"`
	At             time.Time `json:"at"`
	NextPage       *NextPage `json:"next_page,omitempty" doc:"Who is paged next and when, unless somebody acknowledges"`
	MayAcknowledge bool      `json:"may_acknowledge"`
}

// Calls gives what who is called to, worst first and then the oldest.
func (s *Store) Calls(ctx context.Context, q db.Querier, who actor.Actor) ([]Call, error) {
	ns, err := s.Notify.Open(ctx, q, who.ID)
	if err != nil {
		return nil, err
	}
	cs := []Call{}
	for _, n := range ns {
		c := Call{ID: n.ID, Kind: n.Kind, Title: n.Title, Severity: n.Severity, Drill: n.Drill, IncidentID: n.IncidentID, Link: n.Link, At: n.CreatedAt}
		if n.IncidentID != "" {
			i, err := s.Get(ctx, q, who, n.IncidentID)
			switch {
			case fault.Is(err, fault.NotFound), fault.Is(err, fault.Denied): // told of it, and may not read it any more
			case err != nil:
				return nil, err
			default:
				c.Ticket, c.Drill = i.Ticket, c.Drill || i.Mode == "drill" || i.Mode == "test"
				if n.Kind == "page" {
					// As it stands now: it may have been raised or renamed since.
					c.Title, c.Severity, c.NextPage, c.MayAcknowledge = i.Title, i.Severity, i.NextPage, i.Abilities["acknowledge"]
				}
			}
		}
		cs = append(cs, c)
	}
	return cs, nil
}

// Urgency is the severity of an incident while it is open, and whether it is a
// drill; 0 once it is over. One that was merged is what it went on as.
func (s *Store) Urgency(ctx context.Context, q db.Querier, incidentID string) (severity int, drill bool, err error) {
	var stage Stage
	var mode string
	lock := ""
	if _, ok := q.(*db.Tx); ok && q.Dialect() == db.Postgres {
		lock = ` FOR SHARE` // who raises it meanwhile finds what is asked for here
	}
	for into := incidentID; into != ""; { // only an open one can be merged into: this ends
		err = q.QueryRow(ctx, `SELECT severity, stage, mode, merged_into FROM incident WHERE id = $1`+lock, into).Scan(&severity, &stage, &mode, &into)
		if db.IsNoRows(err) {
			return 0, false, nil
		}
		if err != nil {
			return 0, false, fmt.Errorf("read how bad an incident is: %w", err)
		}
	}
	if !stage.Open() {
		return 0, false, nil
	}
	return severity, mode == "drill" || mode == "test", nil
}

package alert

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
)

// Filter narrows a list of alerts; empty fields do not.
type Filter struct {
	State    string // open, acknowledged, resolved, live (not resolved)
	Service  string
	Incident string
	Text     string // words that have to stand in title, summary, service, environment, source or labels
	Worst    bool   // the worst first, and of those the newest; else the newest first
	After    string // cursor of the page before
	Limit    int    // 0: 200
}

// Page is a part of a list.
type Page struct {
	Items []Alert
	Next  string // cursor; "" at the end
}

func (f Filter) where() (cond string, args []any, err error) {
	where := []string{"1 = 1"}
	and := func(cond string, v any) {
		args = append(args, v)
		where = append(where, strings.ReplaceAll(cond, "$", "$"+strconv.Itoa(len(args))))
	}
	switch f.State {
	case "":
	case Open, Acknowledged, Resolved:
		and("a.state = $", f.State)
	case "live":
		where = append(where, "a.state <> 'resolved'")
	default:
		return "", nil, fault.Field("state", "The state is open, acknowledged, resolved or live (not resolved).")
	}
	if f.Service != "" {
		and("a.service = $", f.Service)
	}
	if f.Incident != "" {
		and("a.incident = $", f.Incident)
	}
	words := strings.Fields(strings.ToLower(f.Text))
	for _, w := range words[:min(len(words), 8)] {
		and(`LOWER(a.title || ' ' || a.summary || ' ' || a.service || ' ' || a.environment || ' ' || s.name || ' ' || REPLACE(a.labels, '":"', '=')) LIKE $ ESCAPE '\'`,
			"%"+strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(w)+"%")
	}
	return strings.Join(where, " AND "), args, nil
}

// maxScan bounds how many alerts that somebody may not read one page looks through.
const maxScan = 5000

// Page gives alerts who may read, from a cursor on.
func (s *Store) Page(ctx context.Context, q db.Querier, who actor.Actor, f Filter) (Page, error) {
	cond, args, err := f.where()
	if err != nil {
		return Page{}, err
	}
	if f.Limit <= 0 || f.Limit > 1000 {
		f.Limit = 200
	}
	order := "a.id DESC"
	if f.Worst {
		order = "a.severity, a.id DESC"
	}
	out, j := Page{Items: []Alert{}}, s.judge(q, who)
	after := f.After
	for looked := 0; ; {
		more, params := cond, args
		if after != "" {
			severity, alertID, ok := strings.Cut(after, ".")
			n, err := strconv.Atoi(severity)
			if !ok || err != nil || len(alertID) > 80 {
				return Page{}, fault.Field("cursor", "This is not a cursor that a list of alerts gave.")
			}
			if f.Worst {
				more += fmt.Sprintf(" AND (a.severity > $%d OR a.severity = $%d AND a.id < $%d)", len(params)+1, len(params)+1, len(params)+2)
				params = append(params[:len(params):len(params)], n, alertID)
			} else {
				more += fmt.Sprintf(" AND a.id < $%d", len(params)+1)
				params = append(params[:len(params):len(params)], alertID)
			}
		}
		params = append(params[:len(params):len(params)], f.Limit+1)
		as, err := db.All(ctx, q, scan, `SELECT `+columns+from+`WHERE `+more+fmt.Sprintf(` ORDER BY %s LIMIT $%d`, order, len(params)), params...)
		if err != nil {
			return Page{}, fmt.Errorf("list alerts: %w", err)
		}
		for _, a := range as {
			if len(out.Items) == f.Limit {
				out.Next = after
				return out, nil
			}
			looked++
			after = fmt.Sprintf("%d.%s", a.Severity, a.ID)
			if j.may(ctx, "read", a) {
				out.Items = append(out.Items, j.able(ctx, a))
			}
		}
		if len(as) <= f.Limit {
			return out, nil
		}
		if looked >= maxScan {
			out.Next = after
			return out, nil
		}
	}
}

// List gives the first page of alerts who may read, newest first.
func (s *Store) List(ctx context.Context, q db.Querier, who actor.Actor, f Filter) ([]Alert, error) {
	p, err := s.Page(ctx, q, who, f)
	return p.Items, err
}

// Counts are how many alerts who may read are in each state.
type Counts struct {
	Open         int `json:"open"`
	Acknowledged int `json:"acknowledged"`
	Resolved     int `json:"resolved"`
}

// Count counts the alerts who may read that a filter's other fields let through.
// Alerts that a policy cannot tell apart are judged once.
func (s *Store) Count(ctx context.Context, q db.Querier, who actor.Actor, f Filter) (c Counts, err error) {
	f.State = ""
	cond, args, err := f.where()
	if err != nil {
		return c, err
	}
	type row struct {
		a Alert
		n int
	}
	rows, err := db.All(ctx, q, func(r db.Scanner) (v row, err error) {
		return v, r.Scan(&v.a.State, &v.a.Service, &v.a.Environment, &v.a.Severity, &v.a.Source, &v.a.IncidentID, &v.n)
	}, `SELECT a.state, a.service, a.environment, a.severity, s.name, CASE WHEN i.restricted THEN a.incident ELSE '' END, COUNT(*)`+from+`LEFT JOIN incident i ON i.id = a.incident
 WHERE `+cond+` GROUP BY 1, 2, 3, 4, 5, 6`, args...)
	if err != nil {
		return c, fmt.Errorf("count alerts: %w", err)
	}
	j := s.judge(q, who)
	for _, r := range rows {
		res, err := j.resource(ctx, r.a)
		if err != nil {
			return c, err
		}
		if !s.Access.Allowed(ctx, q, who, "read", access.Resource{Type: res.Type, Attrs: res.Attrs}) {
			continue
		}
		switch r.a.State {
		case Open:
			c.Open += r.n
		case Acknowledged:
			c.Acknowledged += r.n
		default:
			c.Resolved += r.n
		}
	}
	return c, nil
}

package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"muster/internal/fault"
)

// Visitor is who started a drill, and which parts of it are theirs to play.
type Visitor struct {
	UserID   string
	Responds bool // acknowledges, commands, resolves
	Operates bool // asks for the repairing job
	Approves bool
}

// Step is one of a drill's, in its order.
type Step struct {
	ID    string `json:"id" enum:"alert,page,acknowledge,repair,approve,run,resolve"`
	Title string `json:"title"`
	Yours bool   `json:"yours" doc:"You play it; when you do not, a simulated colleague does after a while"`
	Done  bool   `json:"done"`
}

// Drill is how one stands.
type Drill struct {
	State      string    `json:"state" enum:"running,over,failed"`
	Reason     string    `json:"reason,omitempty" doc:"Why it failed"`
	StartedAt  time.Time `json:"started_at"`
	StartedBy  string    `json:"started_by"`
	IncidentID string    `json:"incident_id,omitempty"`
	Ticket     string    `json:"ticket,omitempty"`
	RoomID     string    `json:"room_id,omitempty"`
	RunID      string    `json:"run_id,omitempty"`
	Repair     string    `json:"repair" doc:"The command that repairs it, to be said in the room"`
	Steps      []Step    `json:"steps"`
}

// The drill's fault, and what repairs it.
const (
	service = "payments-api"
	repair  = "/run payments/restart-service service=payments-api env=prod reason=drill"
)

const (
	// patience is how long a part that is the visitor's waits for them.
	patience = 90 * time.Second
	// thought is how long a colleague takes for theirs.
	thought = 4 * time.Second
	longest = 20 * time.Minute
)

// Drill gives the one that goes on, or the last; nil: there was none.
func (f *Office) Drill() *Drill {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.drill == nil {
		return nil
	}
	d := *f.drill
	d.Steps = append([]Step(nil), d.Steps...)
	return &d
}

func (f *Office) running() bool {
	d := f.Drill()
	return d != nil && d.State == "running"
}

var errAway = fault.New(fault.Conflict, "The simulated colleagues are not at work. Start Muster again with serve --demo, without --no-colleagues.")

// StartDrill begins one, or gives the one that goes on.
func (f *Office) StartDrill(v Visitor) (*Drill, error) {
	if f.person("marta") == nil || f.person("helena") == nil {
		return nil, errAway
	}
	f.mu.Lock()
	if f.ctx.Err() != nil || f.drill != nil && f.drill.State == "running" {
		f.mu.Unlock()
		return f.Drill(), nil
	}
	f.drill = &Drill{State: "running", StartedAt: f.o.Clock.Now(), StartedBy: v.UserID, Repair: repair, Steps: []Step{
		{ID: "alert", Title: "Monitoring reports that payments stopped; an incident and its room open"},
		{ID: "page", Title: "Who is on call is paged"},
		{ID: "acknowledge", Title: "Acknowledge the page", Yours: v.Responds},
		{ID: "repair", Title: "Ask for the repairing job in production", Yours: v.Operates},
		{ID: "approve", Title: "A second person approves exactly that", Yours: v.Approves},
		{ID: "run", Title: "The job restarts the service on three hosts"},
		{ID: "resolve", Title: "The alert ends; resolve the incident", Yours: v.Responds},
	}}
	f.done.Go(func() {
		ctx, cancel := context.WithTimeout(f.ctx, longest)
		defer cancel()
		err := f.run(ctx, v)
		f.change(func(d *Drill) {
			if d.State = "over"; err != nil {
				d.State, d.Reason = "failed", err.Error()
			}
		})
		if err != nil && f.ctx.Err() == nil {
			f.o.Log.Warn("the drill broke off", "error", err)
		}
	})
	f.mu.Unlock()
	return f.Drill(), nil
}

func (f *Office) change(fn func(d *Drill)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn(f.drill)
}

func (f *Office) finished(step string) {
	f.change(func(d *Drill) {
		for i := range d.Steps {
			if d.Steps[i].ID == step {
				d.Steps[i].Done = true
			}
		}
	})
}

// incidentView is what the drill reads of an incident.
type incidentView struct {
	ID     string `json:"id"`
	Ticket string `json:"ticket"`
	Stage  string `json:"stage"`
	Mode   string `json:"mode"`
	Room   struct {
		ID string `json:"id"`
	} `json:"room"`
	Service string `json:"service"`
	Times   struct {
		Acknowledged *time.Time `json:"acknowledged"`
	} `json:"times"`
	Pages []struct {
		UserID string `json:"user_id"`
	} `json:"pages"`
}

func (i incidentView) open() bool { return i.Stage != "resolved" && i.Stage != "closed" }

// run is the course of a drill. Each part that is the visitor's waits for them
// first; then a colleague plays it.
func (f *Office) run(ctx context.Context, v Visitor) error {
	marta, helena := f.person("marta"), f.person("helena")
	if marta == nil || helena == nil {
		return errAway
	}
	if err := f.clear(ctx, marta); err != nil {
		return err
	}
	if err := f.o.Break(service); err != nil {
		return fmt.Errorf("stop the demo's service: %w", err)
	}
	fingerprint := rand.Text()
	began := f.o.Clock.Now()
	if err := f.alert(ctx, fingerprint, began, time.Time{}); err != nil {
		return err
	}
	// Whatever becomes of the drill, its alert does not go on for ever.
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if err := f.alert(late, fingerprint, began, f.o.Clock.Now()); err != nil {
			f.o.Log.Warn("end the drill's alert", "error", err)
		}
	}()
	var i incidentView
	if !f.until(ctx, time.Minute, func() bool {
		var list struct {
			Items []incidentView `json:"items"`
		}
		if marta.call(ctx, "GET", "/incidents", nil, &list) != nil {
			return false
		}
		for _, one := range list.Items {
			if one.Service == service && one.Mode == "drill" && one.open() {
				i = one
				return true
			}
		}
		return false
	}) {
		return fmt.Errorf("no incident was opened for the drill's alert")
	}
	look := func() bool { return marta.call(ctx, "GET", "/incidents/"+i.ID, nil, &i) == nil }
	look()
	f.change(func(d *Drill) { d.IncidentID, d.Ticket, d.RoomID = i.ID, i.Ticket, i.Room.ID })
	f.finished("alert")
	paged := false
	for _, p := range i.Pages {
		paged = paged || p.UserID == v.UserID
	}
	if v.Responds && !paged {
		if err := marta.call(ctx, "POST", "/incidents/"+i.ID+"/page", map[string]string{"user_id": v.UserID}, nil); err != nil {
			return err
		}
	}
	f.finished("page")
	if err := marta.call(ctx, "POST", "/rooms/"+i.Room.ID+"/enter", struct{}{}, nil); err != nil {
		return err
	}
	f.say(ctx, marta, i, "I see it too: the consumers on pay-prod-1, -2 and -3 stopped at the same moment. Nothing was deployed in the last hour.")

	acknowledged := func() bool { return look() && (i.Times.Acknowledged != nil || !i.open()) }
	if !f.waits(ctx, v.Responds, acknowledged) {
		if err := marta.call(ctx, "POST", "/incidents/"+i.ID+"/acknowledge", nil, nil); err != nil {
			return err
		}
	}
	f.finished("acknowledge")
	f.say(ctx, marta, i, "A restart, one host at a time, has brought it back before: `"+repair+"`")

	var r struct {
		ID, State, Digest string
		RequestedBy       string `json:"requested_by"`
	}
	asked := func() bool {
		var list struct {
			Items []struct {
				ID, State string
			} `json:"items"`
		}
		if !look() || marta.call(ctx, "GET", "/runs?room_id="+i.Room.ID, nil, &list) != nil {
			return false
		}
		for _, one := range list.Items {
			if one.State != "failed" && one.State != "stopped" {
				r.ID = one.ID
				return true
			}
		}
		return !i.open()
	}
	if !f.waits(ctx, v.Operates, asked) {
		if err := marta.say(ctx, i.Room.ID, repair); err != nil {
			return err
		}
		f.until(ctx, time.Minute, asked)
	}
	if r.ID == "" {
		return f.resolve(ctx, marta, v, look, &i)
	}
	f.change(func(d *Drill) { d.RunID = r.ID })
	f.finished("repair")

	state := func() bool { return marta.call(ctx, "GET", "/runs/"+r.ID, nil, &r) == nil }
	decided := func() bool { return state() && r.State != "waiting" }
	if !f.waits(ctx, v.Approves, decided) {
		if err := helena.call(ctx, "POST", "/rooms/"+i.Room.ID+"/enter", struct{}{}, nil); err != nil {
			return err
		}
		if err := helena.call(ctx, "POST", "/runs/"+r.ID+"/approve", map[string]string{"digest": r.Digest}, nil); err != nil && !decided() {
			return err
		}
		f.say(ctx, helena, i, "Approved: the restart of payments-api on these three hosts, and nothing else.")
	}
	f.finished("approve")
	if !f.until(ctx, 10*time.Minute, func() bool {
		return state() && r.State != "queued" && r.State != "running" && r.State != "waiting"
	}) || r.State != "succeeded" {
		f.say(ctx, marta, i, "That did not help. I take it from here by hand.")
		return f.resolve(ctx, marta, v, look, &i)
	}
	f.finished("run")
	return f.resolve(ctx, marta, v, look, &i, fingerprint, began)
}

// resolve ends the alert, and the incident once the visitor had time to.
func (f *Office) resolve(ctx context.Context, marta *client, v Visitor, look func() bool, i *incidentView, alert ...any) error {
	if len(alert) == 2 {
		if !f.pause(ctx, thought/2) {
			return ctx.Err()
		}
		if err := f.alert(ctx, alert[0].(string), alert[1].(time.Time), f.o.Clock.Now()); err != nil {
			return err
		}
		f.say(ctx, marta, *i, "The queue drains, 0 messages in doubt. From my side this can be resolved.")
	}
	over := func() bool { return look() && !i.open() }
	if !f.waits(ctx, v.Responds, over) {
		if err := marta.call(ctx, "POST", "/incidents/"+i.ID+"/stage", map[string]any{"stage": "resolved", "note": "Payments flow again."}, nil); err != nil && !over() {
			return err
		}
	}
	f.finished("resolve")
	return nil
}

// clear closes what an earlier drill left, so that this one has a room of its own.
func (f *Office) clear(ctx context.Context, marta *client) error {
	var list struct {
		Items []incidentView `json:"items"`
	}
	if err := marta.call(ctx, "GET", "/incidents", nil, &list); err != nil {
		return err
	}
	for _, i := range list.Items {
		if i.Service != service || i.Mode != "drill" || i.Stage == "closed" {
			continue
		}
		if err := marta.call(ctx, "POST", "/incidents/"+i.ID+"/stage", map[string]any{"stage": "closed", "note": "A new drill begins."}, nil); err != nil {
			return err
		}
	}
	return nil
}

// waits gives the visitor time for a part of theirs; a colleague takes a moment
// for one that is not. false: nobody has played it yet.
func (f *Office) waits(ctx context.Context, yours bool, played func() bool) bool {
	d := thought
	if yours {
		d = patience
	}
	return f.until(ctx, d, played)
}

// until asks once a second whether something has come true.
func (f *Office) until(ctx context.Context, d time.Duration, is func() bool) bool {
	end := f.o.Clock.Now().Add(d)
	for !is() {
		if !f.o.Clock.Now().Before(end) || !f.pause(ctx, time.Second) {
			return false
		}
	}
	return true
}

func (f *Office) say(ctx context.Context, p *client, i incidentView, text string) {
	if err := p.say(ctx, i.Room.ID, text); err != nil && ctx.Err() == nil {
		f.o.Log.Debug("a simulated colleague was refused", "name", p.name, "error", err)
	}
}

// alert posts as the demo's Alertmanager does. An end that is zero: it fires.
func (f *Office) alert(ctx context.Context, fingerprint string, start, end time.Time) error {
	status, ends := "firing", "0001-01-01T00:00:00Z"
	if !end.IsZero() {
		status, ends = "resolved", end.Format(time.RFC3339)
	}
	body, err := json.Marshal(map[string]any{
		"version": "4", "groupKey": "drill", "receiver": "muster", "status": status,
		"alerts": []any{map[string]any{
			"status": status, "fingerprint": fingerprint, "startsAt": start.Format(time.RFC3339), "endsAt": ends,
			"labels":      map[string]string{"alertname": "PaymentsNotAcknowledged", "service": service, "environment": "prod", "severity": "critical", "drill": "true"},
			"annotations": map[string]string{"summary": "pacs.008 messages are not acknowledged", "description": "4,618 messages wait in pacs008.out; the oldest for 9 minutes. The cut-off for same-day settlement is in 55 minutes."},
		}},
	})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, "POST", f.o.Hook, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := caller.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
	if res.StatusCode >= 300 {
		return fmt.Errorf("post the drill's alert: %d %s", res.StatusCode, answer)
	}
	return nil
}

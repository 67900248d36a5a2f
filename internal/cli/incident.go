package cli

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

type incidentCmd struct {
	List    incidentList    `cmd:"" help:"List incidents."`
	Show    incidentShow    `cmd:"" help:"Show one incident and its timeline."`
	Declare incidentDeclare `cmd:"" help:"Declare an incident; it opens a room."`
	Stage   incidentStage   `cmd:"" help:"Set an incident's stage."`

	Ack        incidentAck        `cmd:"" help:"Acknowledge incidents: say that you take care."`
	Page       incidentPage       `cmd:"" help:"Page a person, or whoever is on call for a service."`
	Role       incidentRole       `cmd:"" help:"Take a role, give it to somebody, or leave it empty."`
	Note       incidentNote       `cmd:"" help:"Put a note on an incident's timeline."`
	Merge      incidentMerge      `cmd:"" help:"End incidents because they are the same trouble as another."`
	Restrict   incidentRestrict   `cmd:"" help:"Let only members know of an incident, or everybody again."`
	Postmortem incidentPostmortem `cmd:"" help:"Write a postmortem's draft to a file or the terminal."`
}

type incidentList struct {
	State string `default:"open" enum:"open,closed,all" help:"open, closed or all."`
	Limit int    `default:"50"`
}

func (l incidentList) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	found, err := list[incident](ctx, c, "/incidents"+query("state", l.State, "limit", strconv.Itoa(l.Limit)))
	if err != nil {
		return err
	}
	return printList(s, found, "No "+strings.Replace(l.State, "all", "", 1)+" incident. Declare one: muster incident declare TITLE --severity 2",
		[]string{"TICKET", "SEVERITY", "STAGE", "SERVICE", "ENVIRONMENT", "TITLE"}, func(i incident) []string {
			return []string{i.Ticket, sev(i.Severity), i.Stage, dash(i.Service), dash(i.Environment), i.Title}
		})
}

type incidentShow struct {
	ID string `arg:"" help:"Ticket, such as INC-2041, or id."`
}

type timelineEntry struct {
	At    *time.Time `json:"at"`
	Kind  string     `json:"kind"`
	Text  string     `json:"text"`
	Actor named      `json:"actor"`
}

func (i incidentShow) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	inc, err := get[incident](ctx, c, "/incidents/"+seg(i.ID))
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(inc)
	}
	timeline, err := list[timelineEntry](ctx, c, "/incidents/"+seg(i.ID)+"/timeline")
	if err != nil {
		return err
	}
	s.printf("%s  %s  %s\n", clean(inc.Ticket), sev(inc.Severity), clean(inc.Title))
	table(s.std.Out, [][]string{
		{"stage", inc.Stage},
		{"service", dash(inc.Service)},
		{"environment", dash(inc.Environment)},
		{"room", inc.Room.Name},
	})
	for _, e := range timeline {
		s.printf("%s  %s\n", when(e.At), clean(e.Text))
	}
	return nil
}

type incidentDeclare struct {
	Title       []string `arg:"" help:"What is wrong, in a few words."`
	Severity    string   `default:"3" help:"1 (worst) to 4."`
	Service     string   `help:"The service it is about."`
	Environment string   `aliases:"env" help:"dev, qa, prod …"`
	Summary     string   `help:"What is known so far."`
	Mode        string   `default:"real" enum:"real,test,drill,retrospective" help:"real, test (pages nobody), drill (pages and says so) or retrospective."`

	Restricted bool     `help:"Only you, --member and who is in --group know of it."`
	Member     []string `help:"Login name of somebody who may know of a restricted one; may be repeated."`
	Group      []string `help:"Group (role) whose people may know of a restricted one; may be repeated."`
	Gathers    bool     `help:"Alerts of the service and environment join it."`
}

func (d incidentDeclare) Run(ctx context.Context, s *session) error {
	level, err := strconv.Atoi(strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(d.Severity), "sev"), "-"))
	if err != nil || level < 1 || level > 4 {
		return usage("--severity %q: give 1 (worst) to 4.", d.Severity)
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	in := map[string]any{
		"title": strings.Join(d.Title, " "), "severity": level, "service": d.Service,
		"environment": d.Environment, "summary": d.Summary, "mode": d.Mode, "gathers": d.Gathers,
	}
	if d.Restricted || len(d.Member)+len(d.Group) > 0 {
		members, err := userIDs(ctx, c, d.Member)
		if err != nil {
			return err
		}
		in["restricted"], in["members"], in["groups"] = true, members, append([]string{}, d.Group...)
	}
	inc, err := post[incident](ctx, c, "/incidents", in)
	if err != nil {
		return err
	}
	return s.result(inc, "%s was declared. Room: %s\n", clean(inc.Ticket), clean(inc.Room.Name))
}

type incidentStage struct {
	ID    string `arg:"" help:"Ticket or id."`
	Stage string `arg:"" help:"declared, triage, mitigating, monitoring, resolved or closed."`
	Note  string `help:"Why, for the timeline."`

	Anyway bool `help:"Do not ask when an alert still fires or a run waits or runs."`
}

func (i incidentStage) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	path := "/incidents/" + seg(i.ID)
	if err := i.ask(ctx, s, c, path); err != nil {
		return err
	}
	if err := c.call(ctx, http.MethodPost, path+"/stage", map[string]any{"stage": i.Stage, "note": i.Note}, nil); err != nil {
		return err
	}
	inc, err := get[incident](ctx, c, path)
	if err != nil {
		return err
	}
	return s.result(inc, "%s is now %s.\n", clean(inc.Ticket), clean(inc.Stage))
}

type alertCmd struct {
	List    alertList      `cmd:"" help:"List alerts."`
	Ack     alertAck       `cmd:"" help:"Acknowledge alerts and their incidents."`
	Resolve alertResolve   `cmd:"" help:"End alerts by your word; their incidents stay as they are."`
	Source  alertSourceCmd `cmd:"" help:"Where alerts come from."`
}

type alertList struct {
	State   string `help:"open, acknowledged or resolved."`
	Service string `help:"Only this service's."`
}

func (l alertList) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	found, err := list[alert](ctx, c, "/alerts"+query("state", l.State, "service", l.Service))
	if err != nil {
		return err
	}
	return printList(s, found, "No alerts.",
		[]string{"ID", "STATE", "SEVERITY", "SERVICE", "ENVIRONMENT", "COUNT", "LAST", "TITLE"}, func(a alert) []string {
			return []string{a.ID, a.State, sev(a.Severity), dash(a.Service), dash(a.Environment), strconv.Itoa(a.Count), when(a.LastAt), a.Title}
		})
}

type alertAck struct {
	ID []string `arg:"" help:"The ids of one or more alerts."`
}

func (a alertAck) Run(ctx context.Context, s *session) error {
	return actOnAlerts(ctx, s, "acknowledge", a.ID)
}

type alertResolve struct {
	ID []string `arg:"" help:"The ids of one or more alerts."`
}

func (a alertResolve) Run(ctx context.Context, s *session) error {
	return actOnAlerts(ctx, s, "resolve", a.ID)
}

// actOnAlerts does the same to several alerts, or to none of them.
func actOnAlerts(ctx context.Context, s *session, verb string, ids []string) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	if len(ids) == 1 {
		path := "/alerts/" + seg(ids[0])
		out, err := post[alert](ctx, c, path+"/"+verb, struct{}{})
		if err != nil {
			return err
		}
		return s.result(out, "%s is %s.\n", clean(out.Title), clean(out.State))
	}
	out, err := post[struct {
		Items []alert `json:"items"`
	}](ctx, c, "/alerts/"+verb, map[string]any{"ids": ids})
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(out)
	}
	for _, a := range out.Items {
		s.printf("%s is %s.\n", clean(a.Title), clean(a.State))
	}
	return nil
}

type alertSourceCmd struct {
	List   alertSourceList   `cmd:"" help:"List alert sources."`
	Create alertSourceCreate `cmd:"" help:"Create an alert source and print the URL to post to, once."`
	Set    alertSourceSet    `cmd:"" help:"Change an alert source."`
}

type alertSourceList struct{}

func (alertSourceList) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	found, err := list[alertSource](ctx, c, "/alert-sources")
	if err != nil {
		return err
	}
	return printList(s, found, "No alert source yet. Create one: muster alert source create --kind alertmanager --name NAME --service SERVICE",
		[]string{"NAME", "KIND", "SERVICE", "LAST DELIVERY", "LAST ERROR"}, func(a alertSource) []string {
			return []string{a.Name, a.Kind, dash(a.Service), when(a.LastDeliveryAt), dash(a.LastError)}
		})
}

type alertSourceCreate struct {
	Kind       string        `required:"" enum:"alertmanager" help:"alertmanager."`
	Name       string        `required:"" help:"What to call it."`
	Service    string        `help:"The service of alerts for which neither a rule nor their own label service says one."`
	StaleAfter time.Duration `default:"24h" help:"An alert of which nothing was heard for so long is over."`
}

func (a alertSourceCreate) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	out, err := post[struct {
		Source alertSource `json:"source"`
		URL    string      `json:"url"`
	}](ctx, c, "/alert-sources", map[string]any{"kind": a.Kind, "name": a.Name, "service": a.Service, "stale_after_seconds": int(a.StaleAfter.Seconds())})
	if err != nil {
		return err
	}
	return s.result(out, "%s\n", clean(out.URL))
}

type alertSourceSet struct {
	Name       string         `arg:"" help:"Name or id of the source."`
	Service    *string        `help:"The service of alerts for which neither a rule nor their own label says one; empty for none."`
	StaleAfter *time.Duration `help:"An alert of which nothing was heard for so long is over."`
}

func (a alertSourceSet) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	found, err := list[alertSource](ctx, c, "/alert-sources")
	if err != nil {
		return err
	}
	in := map[string]any{}
	if a.Service != nil {
		in["service"] = *a.Service
	}
	if a.StaleAfter != nil {
		in["stale_after_seconds"] = int(a.StaleAfter.Seconds())
	}
	for _, src := range found {
		if src.ID != a.Name && !strings.EqualFold(src.Name, a.Name) {
			continue
		}
		var out alertSource
		if err := c.call(ctx, http.MethodPatch, "/alert-sources/"+seg(src.ID), in, &out); err != nil {
			return err
		}
		return s.result(out, "Alert source %s was changed.\n", clean(out.Name))
	}
	return failed("There is no alert source %q. See: muster alert source list", a.Name)
}

type serviceCmd struct {
	List   serviceList   `cmd:"" help:"List services."`
	Create serviceCreate `cmd:"" help:"Create a service."`
}

type serviceList struct{}

func (serviceList) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	found, err := list[service](ctx, c, "/services")
	if err != nil {
		return err
	}
	return printList(s, found, "No services yet. Create one: muster service create NAME --environment prod",
		[]string{"NAME", "TITLE", "ENVIRONMENTS"}, func(v service) []string {
			return []string{v.Name, dash(v.Title), dash(strings.Join(v.Environments, ", "))}
		})
}

type serviceCreate struct {
	Name        string        `arg:"" help:"Short name, such as payments-api."`
	Title       string        `help:"Name as people know it."`
	Environment []string      `aliases:"env" help:"dev, qa, prod …; may be repeated."`
	Rotation    string        `help:"The rotation on call for it."`
	Runbook     string        `help:"Where its runbook is."`
	GatherAfter time.Duration `default:"2h" help:"So long after its newest alert an open incident takes others of the service and environment in."`

	AckTimeout *time.Duration `help:"An acknowledged SEV-1 or SEV-2 that nobody touches for this long is paged again; 0 for never. Default: 30m."`
}

func (v serviceCreate) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	in := map[string]any{"name": v.Name, "title": v.Title, "environments": v.Environment, "runbook_url": v.Runbook, "gather_after_seconds": int(v.GatherAfter.Seconds())}
	if v.Title == "" {
		in["title"] = v.Name
	}
	if v.Environment == nil {
		in["environments"] = []string{}
	}
	if v.Rotation != "" {
		r, err := findRotation(ctx, c, v.Rotation)
		if err != nil {
			return err
		}
		in["rotation_id"] = r.ID
	}
	if v.AckTimeout != nil {
		in["ack_timeout_seconds"] = int(v.AckTimeout.Seconds())
	}
	out, err := post[service](ctx, c, "/services", in)
	if err != nil {
		return err
	}
	s.warn(out.Warnings)
	return s.result(out, "Service %s was created.\n", clean(out.Name))
}

type rotationCmd struct {
	List   rotationList   `cmd:"" help:"List rotations."`
	Create rotationCreate `cmd:"" help:"Create a rotation."`
}

type rotationList struct{}

func (rotationList) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	found, err := list[rotation](ctx, c, "/rotations")
	if err != nil {
		return err
	}
	return printList(s, found, "No rotations yet. Create one: muster rotation create NAME --member LOGIN",
		[]string{"NAME", "PEOPLE", "SHIFT", "ESCALATES AFTER", "CATCH-ALL"}, func(r rotation) []string {
			return []string{r.Name, strconv.Itoa(len(r.Members)), plural(r.ShiftHours, "hour"), (time.Duration(r.EscalateAfterSeconds) * time.Second).String(), map[bool]string{true: "yes", false: "-"}[r.CatchAll]}
		})
}

type rotationCreate struct {
	Name          string        `arg:"" help:"The rotation's name."`
	Member        []string      `required:"" help:"Login names in order; may be repeated."`
	ShiftHours    int           `default:"168" help:"How long one person's shift is."`
	TimeZone      string        `default:"UTC" help:"Such as Europe/Berlin."`
	EscalateAfter time.Duration `default:"5m" help:"How long until the next is paged when nobody acknowledges."`
	CatchAll      bool          `help:"Page it where nobody else is on call, in place of the rotation before."`
}

func (r rotationCreate) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	members, err := userIDs(ctx, c, r.Member)
	if err != nil {
		return err
	}
	out, err := post[rotation](ctx, c, "/rotations", map[string]any{
		"name": r.Name, "members": members, "shift_hours": r.ShiftHours,
		"time_zone": r.TimeZone, "escalate_after_seconds": int(r.EscalateAfter.Seconds()), "catch_all": r.CatchAll,
	})
	if err != nil {
		return err
	}
	s.warn(out.Warnings)
	return s.result(out, "Rotation %s was created.\n", clean(out.Name))
}

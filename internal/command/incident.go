package command

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/alert"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/incident"
	"muster/internal/oncall"
)

// Response is what the commands about incidents call.
type Response struct {
	Access    *access.Access
	People    *account.Store
	Oncall    *oncall.Store
	Incidents *incident.Store
	Alerts    *alert.Store
}

// IncidentVerbs are the commands about incidents.
func IncidentVerbs(r Response) []Verb {
	return []Verb{r.declare(), r.stage(), r.severity(), r.role(), r.ack(), r.page(), r.note(), r.action(), r.question(), r.merge(), r.restrict(), r.oncall(), r.alert()}
}

// here finds the incident of the room the line was typed in.
func (r Response) here(ctx context.Context, q db.Querier, c Call) (incident.Incident, error) {
	return r.Incidents.ByRoom(ctx, q, c.Who, c.Room.ID)
}

// able offers a verb only in the room of an incident, to those who may.
func (r Response) able(ability string) func(ctx context.Context, q db.Querier, c Call) bool {
	return func(ctx context.Context, q db.Querier, c Call) bool {
		if c.Room.Subject.Kind != "incident" {
			return false
		}
		i, err := r.here(ctx, q, c)
		return err == nil && i.Abilities[ability]
	}
}

func (r Response) declare() Verb {
	return Verb{
		Name: "incident", Usage: "/incident TITLE [sev=2] [service=NAME] [env=NAME] [mode=drill] [restricted=GROUP] [gathers=yes]", Help: "Declare an incident: it gets a ticket and a room, and whoever is on call is paged.",
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			// Not Words: a title may hold an apostrophe.
			in, title := incident.Declare{}, []string{}
			for _, w := range strings.Fields(c.Args) {
				name, value, ok := strings.Cut(w, "=")
				if !ok {
					name = ""
				}
				switch name {
				case "sev", "severity":
					n, err := severity(value)
					if err != nil {
						return Reply{}, err
					}
					in.Severity = n
				case "service":
					in.Service = value
				case "env", "environment":
					in.Environment = value
				case "mode":
					in.Mode = value
				case "restricted": // to oneself and, where named, the people of groups
					in.Restricted = value != "no"
					for _, g := range strings.Split(value, ",") {
						if g != "" && g != "yes" && g != "no" {
							in.Groups = append(in.Groups, g)
						}
					}
				case "gathers":
					in.Gathers = value == "yes" || value == "true"
				default:
					title = append(title, w)
				}
			}
			in.Title = strings.Join(title, " ")
			if in.Title == "" {
				return Reply{}, fault.Field("text", "Say what is wrong: /incident Payments are rejected sev=2 service=payments-api")
			}
			i, err := r.Incidents.Declare(ctx, tx, c.Who, in)
			if err != nil {
				return Reply{}, err
			}
			return Reply{"Declared " + i.Ticket + " (" + incident.Label(i.Severity) + "). Its room is " + i.Room.Name + "."}, nil
		},
		Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
			return r.completeDeclare(ctx, q, c)
		},
		Shown: func(ctx context.Context, q db.Querier, c Call) bool {
			return r.Access.Allowed(ctx, q, c.Who, "declare", access.Resource{Type: "incident"})
		},
	}
}

// completeDeclare proposes values for the word being typed.
func (r Response) completeDeclare(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
	at := strings.LastIndexByte(c.Args, ' ') + 1
	done, part := c.Args[:at], c.Args[at:]
	name, value, ok := strings.Cut(part, "=")
	out := []Completion{}
	propose := func(label, detail, kind string) {
		out = append(out, Completion{Value: done + label, Label: label, Detail: detail, Kind: kind})
	}
	if !ok {
		for _, o := range [][2]string{{"sev=", "1 (worst) to 4"}, {"service=", "whoever is on call for it is paged"}, {"env=", "where it happens"}, {"mode=", "drill: practise; test: pages nobody"}, {"restricted=", "yes, or groups that may know of it"}, {"gathers=yes ", "alerts of the service and environment join it"}} {
			if part == "" && done == "" || strings.HasPrefix(o[0], part) && !strings.Contains(" "+done, " "+o[0]) {
				propose(o[0], o[1], "option")
			}
		}
		return out, nil
	}
	switch name {
	case "sev", "severity":
		for n, text := range []string{"critical, everything else waits", "major", "minor", "for information"} {
			if v := strconv.Itoa(n + 1); strings.HasPrefix(v, value) {
				propose(name+"="+v+" ", text, "value")
			}
		}
	case "mode":
		for _, m := range [][2]string{{"drill", "pages as a real one, and says DRILL"}, {"test", "pages nobody"}, {"retrospective", "it is over already"}} {
			if strings.HasPrefix(m[0], value) {
				propose("mode="+m[0]+" ", m[1], "value")
			}
		}
	case "service":
		services, err := r.Oncall.Services(ctx, q, c.Who)
		if err != nil {
			return nil, err
		}
		for _, sv := range services {
			if strings.Contains(sv.Name, value) {
				propose("service="+sv.Name+" ", sv.Title, "value")
			}
		}
	case "env", "environment":
		seen := map[string]bool{}
		services, err := r.Oncall.Services(ctx, q, c.Who)
		if err != nil {
			return nil, err
		}
		for _, sv := range services {
			for _, e := range sv.Environments {
				if !seen[e] && strings.HasPrefix(e, value) {
					seen[e] = true
					propose(name+"="+e+" ", "", "value")
				}
			}
		}
	}
	return out, nil
}

// severity reads 2, sev2, SEV-2.
func severity(text string) (int, error) {
	digits := strings.TrimLeft(strings.ToLower(text), "sev-")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > 4 {
		return 0, fault.Field("severity", "The severity is a number from 1 (worst) to 4, for example sev=2.")
	}
	return n, nil
}

func (r Response) severity() Verb {
	return Verb{
		Name: "severity", Usage: "/severity 1|2|3|4", Help: "Raise or lower the incident's severity; 1 is worst.",
		Run: func(ctx context.Context, tx *db.Tx, c Call) (Reply, error) {
			i, err := r.here(ctx, tx, c)
			if err != nil {
				return Reply{}, err
			}
			n, err := severity(strings.TrimSpace(c.Args))
			if err != nil {
				return Reply{}, err
			}
			i, err = r.Incidents.Update(ctx, tx, c.Who, i.ID, incident.Change{Severity: &n})
			return Reply{i.Ticket + " is " + incident.Label(n) + "."}, err
		},
		Complete: func(ctx context.Context, q db.Querier, c Call) ([]Completion, error) {
			return choices(c.Args, "value", "1", "2", "3", "4"), nil
		},
		Shown: r.able("command"),
	}
}

// choices proposes words that begin with what is typed.
func choices(typed, kind string, words ...string) []Completion {
	out := []Completion{}
	for _, w := range words {
		if strings.HasPrefix(w, strings.ToLower(strings.TrimSpace(typed))) {
			out = append(out, Completion{Value: w + " ", Label: w, Kind: kind})
		}
	}
	return out
}

// person finds who is meant by @name; "me" is who types.
func (r Response) person(ctx context.Context, q db.Querier, who actor.Actor, text string) (account.User, error) {
	name := strings.TrimPrefix(text, "@")
	if name == "" {
		return account.User{}, fault.Field("text", "Name a person, for example @ann.")
	}
	if name == "me" {
		return r.People.Get(ctx, q, who.ID)
	}
	return r.People.Find(ctx, q, name)
}

func stageWords(i incident.Incident) []string {
	out := []string{}
	for _, st := range i.Stage.Next() {
		out = append(out, string(st))
	}
	slices.Sort(out)
	return out
}

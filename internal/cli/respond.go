package cli

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
)

// ask names what still goes on in an incident that is to be ended. At a terminal
// it asks; a script is told and goes on.
func (i incidentStage) ask(ctx context.Context, s *session, c *client, path string) error {
	if to := strings.ToLower(strings.TrimSpace(i.Stage)); i.Anyway || to != "resolved" && to != "closed" {
		return nil
	}
	inc, err := get[incident](ctx, c, path)
	if err != nil || inc.Stage == "resolved" || inc.Stage == "closed" {
		return err
	}
	open, err := list[struct {
		Kind  string `json:"kind"`
		Title string `json:"title"`
		State string `json:"state"`
	}](ctx, c, path+"/open")
	if err != nil || len(open) == 0 {
		return err
	}
	s.notef("Still going on in %s:\n", clean(inc.Ticket))
	for _, o := range open {
		s.notef("  %s %s: %s\n", clean(o.Kind), clean(o.State), clean(o.Title))
	}
	in, ok := s.std.In.(*os.File)
	if !ok || s.json {
		return nil
	}
	if st, err := in.Stat(); err != nil || st.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	s.notef("End it nevertheless? [y/N] ")
	answer, _ := bufio.NewReader(in).ReadString('\n')
	if a := strings.ToLower(strings.TrimSpace(answer)); a == "y" || a == "yes" {
		return nil
	}
	return failed("%s stays %s.", clean(inc.Ticket), clean(inc.Stage))
}

// each does one thing to several incidents, tells of each, and fails when one did.
func each(s *session, ids []string, do func(id string) (incident, error), said string) error {
	done, bad := []incident{}, []error{}
	for _, id := range ids {
		inc, err := do(id)
		if err != nil {
			if len(ids) == 1 {
				return err
			}
			s.notef("%s: %v\n", clean(id), err)
			bad = append(bad, err)
			continue
		}
		done = append(done, inc)
		s.printf(said+"\n", clean(inc.Ticket))
	}
	if s.json {
		if len(ids) == 1 {
			return s.printJSON(done[0])
		}
		if err := s.printJSON(items[incident]{done}); err != nil {
			return err
		}
	}
	if len(bad) > 0 {
		return failed("%d of %d were refused.", len(bad), len(ids))
	}
	return errors.Join(bad...)
}

type incidentAck struct {
	ID []string `arg:"" help:"Tickets or ids."`
}

func (i incidentAck) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	return each(s, i.ID, func(id string) (incident, error) {
		return post[incident](ctx, c, "/incidents/"+seg(id)+"/acknowledge", struct{}{})
	}, "%s is acknowledged.")
}

type incidentPage struct {
	ID      string `arg:"" help:"Ticket or id."`
	Person  string `arg:"" optional:"" help:"Login name of whom to page."`
	Service string `help:"Page whoever is on call for this service."`
}

func (i incidentPage) Run(ctx context.Context, s *session) error {
	if (i.Person == "") == (i.Service == "") {
		return usage("Give a person or --service, not both.")
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	in, whom := map[string]any{"service": i.Service}, "Whoever is on call for "+i.Service
	if i.Person != "" {
		ids, err := userIDs(ctx, c, []string{i.Person})
		if err != nil {
			return err
		}
		in, whom = map[string]any{"user_id": ids[0]}, i.Person
	}
	inc, err := post[incident](ctx, c, "/incidents/"+seg(i.ID)+"/page", in)
	if err != nil {
		return err
	}
	return s.result(inc, "%s was paged for %s.\n", clean(whom), clean(inc.Ticket))
}

type incidentRole struct {
	ID     string `arg:"" help:"Ticket or id."`
	Role   string `arg:"" help:"commander, operations, communications, scribe or liaison."`
	Person string `arg:"" optional:"" help:"Login name of who has it from now on; without it you do."`
	None   bool   `help:"Leave it empty."`
}

func (i incidentRole) Run(ctx context.Context, s *session) error {
	if i.None && i.Person != "" {
		return usage("Give a person or --none, not both.")
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	path := "/incidents/" + seg(i.ID) + "/roles/" + seg(strings.ToLower(i.Role))
	var inc incident
	if i.None {
		if err := c.call(ctx, http.MethodDelete, path, nil, &inc); err != nil {
			return err
		}
		return s.result(inc, "Nobody is %s of %s.\n", clean(i.Role), clean(inc.Ticket))
	}
	who, id := i.Person, ""
	if who == "" {
		me, err := get[struct {
			User user `json:"user"`
		}](ctx, c, "/me")
		if err != nil {
			return err
		}
		who, id = me.User.Name, me.User.ID
	} else {
		ids, err := userIDs(ctx, c, []string{who})
		if err != nil {
			return err
		}
		id = ids[0]
	}
	if err := c.call(ctx, http.MethodPut, path, map[string]any{"user_id": id}, &inc); err != nil {
		return err
	}
	return s.result(inc, "%s is %s of %s.\n", clean(who), clean(i.Role), clean(inc.Ticket))
}

type incidentNote struct {
	ID   string   `arg:"" help:"Ticket or id."`
	Text []string `arg:"" help:"The note."`
	At   string   `help:"When what it tells of happened, such as 2026-11-22T13:40:00Z; now if left out."`
}

func (i incidentNote) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	in := map[string]any{"text": strings.Join(i.Text, " ")}
	if i.At != "" {
		in["at"] = i.At
	}
	out, err := post[timelineEntry](ctx, c, "/incidents/"+seg(i.ID)+"/notes", in)
	if err != nil {
		return err
	}
	return s.result(out, "Noted.\n")
}

type incidentMerge struct {
	ID   []string `arg:"" help:"Tickets or ids of those that end."`
	Into string   `required:"" help:"The incident that goes on."`
}

func (i incidentMerge) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	return each(s, i.ID, func(id string) (incident, error) {
		return post[incident](ctx, c, "/incidents/"+seg(id)+"/merge", map[string]any{"into": i.Into})
	}, "%s went on as "+strings.ReplaceAll(clean(i.Into), "%", "%%")+".")
}

type incidentRestrict struct {
	ID     string   `arg:"" help:"Ticket or id."`
	Member []string `help:"Login name of somebody who becomes a member; may be repeated."`
	Group  []string `help:"Group (role) whose people become members; may be repeated."`
	Off    bool     `help:"Let everybody who may read incidents know of it again."`
}

func (i incidentRestrict) Run(ctx context.Context, s *session) error {
	if i.Off && len(i.Member)+len(i.Group) > 0 {
		return usage("With --off everybody knows of it: leave --member and --group out.")
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	members, err := userIDs(ctx, c, i.Member)
	if err != nil {
		return err
	}
	in := map[string]any{"restricted": !i.Off, "members": members, "groups": append([]string{}, i.Group...)}
	var inc incident
	if err := c.call(ctx, http.MethodPatch, "/incidents/"+seg(i.ID), in, &inc); err != nil {
		return err
	}
	if inc.Restricted {
		return s.result(inc, "%s is known to its members only.\n", clean(inc.Ticket))
	}
	return s.result(inc, "%s is open to everybody who may read incidents.\n", clean(inc.Ticket))
}

type incidentPostmortem struct {
	ID     string `arg:"" help:"Ticket or id."`
	Output string `short:"o" help:"The file to write, .md or .pdf; without it Markdown is printed."`
}

func (i incidentPostmortem) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	path := "/incidents/" + seg(i.ID) + "/postmortem"
	if s.json {
		draft, err := get[map[string]any](ctx, c, path)
		if err != nil {
			return err
		}
		return s.printJSON(draft)
	}
	ext := ".md"
	if strings.HasSuffix(strings.ToLower(i.Output), ".pdf") {
		ext = ".pdf"
	}
	var text []byte
	if err := c.call(ctx, http.MethodGet, path+ext, nil, &text); err != nil {
		return err
	}
	if i.Output == "" {
		for line := range strings.Lines(string(text)) {
			s.printf("%s\n", clean(strings.TrimRight(line, "\n")))
		}
		return nil
	}
	if err := os.WriteFile(i.Output, text, 0o600); err != nil {
		return failed("The draft cannot be written: %v", err)
	}
	s.printf("Written to %s.\n", i.Output)
	return nil
}

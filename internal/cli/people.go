package cli

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"muster/internal/fault"
)

type officeCmd struct {
	Rename officeRename `cmd:"" help:"Change what the office calls itself."`
}

type officeRename struct {
	Name string `arg:"" help:"Such as your company's name."`
}

func (o officeRename) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	var out struct {
		Name string `json:"name"`
	}
	if err := c.call(ctx, http.MethodPatch, "/office", map[string]any{"name": o.Name}, &out); err != nil {
		return err
	}
	return s.result(out, "The office is now called %s.\n", clean(out.Name))
}

type userCmd struct {
	List userList `cmd:"" help:"List people."`
	Add  userAdd  `cmd:"" help:"Add a person; a password is generated and printed once unless one is given."`

	Unlock   userUnlock   `cmd:"" help:"Let somebody sign in again whose account is locked after wrong passwords."`
	Password userPassword `cmd:"" help:"Give somebody a new password, printed once; their sessions and tokens end, a lock too."`
}

type userList struct{}

func (userList) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	users, err := list[user](ctx, c, "/users")
	if err != nil {
		return err
	}
	for i := range users {
		if users[i].Roles == nil {
			users[i].Roles = []string{}
		}
	}
	return printList(s, users, "No people yet. Add one: muster user add NAME --role responder",
		[]string{"NAME", "DISPLAY", "ROLES", "EMAIL", ""}, func(u user) []string {
			note := ""
			if u.Disabled {
				note = "disabled"
			}
			return []string{u.Name, u.Display, dash(strings.Join(u.Roles, ", ")), dash(u.Email), note}
		})
}

type userAdd struct {
	Name          string   `arg:"" help:"Login name."`
	Display       string   `help:"Name as people know it (default: the login name)."`
	Email         string   `help:"Where pages and invitations go."`
	Role          []string `sep:"none" help:"observer, responder, operator, approver, administrator, auditor, or a group your policies name; may be repeated."`
	Bot           bool     `help:"A program: it has no password and signs in with tokens (muster token create --user NAME)."`
	PasswordStdin bool     `help:"Read the password from the standard input."`
}

func (a userAdd) Run(ctx context.Context, s *session) error {
	in := map[string]any{"name": a.Name, "display": a.Display, "email": a.Email, "roles": a.Role}
	if a.Display == "" {
		in["display"] = a.Name
	}
	in["roles"] = groups(a.Role)
	if a.Bot {
		if a.PasswordStdin {
			return fault.New(fault.Invalid, "A bot has no password. Leave out --password-stdin, and make it a token: muster token create --user NAME")
		}
		in["kind"] = "bot"
	}
	if a.PasswordStdin {
		password, err := secretFrom(s.std.In)
		if err != nil {
			return err
		}
		in["password"] = password
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	out, err := post[struct {
		User     user   `json:"user"`
		Password string `json:"password"`
	}](ctx, c, "/users", in)
	if err != nil {
		return err
	}
	u := out.User
	u.Password = out.Password
	if u.Roles == nil {
		u.Roles = []string{}
	}
	if u.Password != "" {
		return s.result(u, "%s was added. Password, shown only now: %s\n", clean(u.Name), u.Password)
	}
	return s.result(u, "%s was added.\n", clean(u.Name))
}

// secretFrom reads one secret; the line end an echo adds is not part of it.
func secretFrom(r io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return "", err
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if secret == "" {
		return "", usage("The standard input was empty. Pipe the secret into this command.")
	}
	return secret, nil
}

// userRef names whom a command is about.
type userRef struct {
	Name string `arg:"" help:"Login name, address or id."`
}

func (u userRef) path(verb string) string {
	return "/users/" + seg(strings.TrimPrefix(u.Name, "@")) + "/" + verb
}

type userUnlock struct{ userRef }

func (u userUnlock) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	if err := c.call(ctx, http.MethodPost, u.path("unlock"), nil, nil); err != nil {
		return err
	}
	return s.result(map[string]any{"name": u.Name}, "%s can sign in again.\n", clean(u.Name))
}

type userPassword struct{ userRef }

func (u userPassword) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	out := struct {
		Name     string `json:"name"`
		Password string `json:"password"`
	}{Name: u.Name}
	if err := c.call(ctx, http.MethodPost, u.path("password"), nil, &out); err != nil {
		return err
	}
	return s.result(out, "Password of %s, shown only now: %s\n", clean(u.Name), out.Password)
}

type tokenCmd struct {
	Create tokenCreate `cmd:"" help:"Create an API token and print it, once."`
}

type tokenCreate struct {
	User string `help:"Whose token; yours when left out. For somebody else use --data DIR on the server."`
	Name string `default:"cli" help:"What it is for."`
	Days int    `help:"Days until it expires."`
}

func (t tokenCreate) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	in := map[string]any{"name": t.Name}
	if t.User != "" {
		in["user"] = t.User
	}
	if t.Days > 0 {
		in["expires_in_days"] = t.Days
	}
	out, err := post[struct {
		ID      string     `json:"id"`
		Name    string     `json:"name"`
		Expires *time.Time `json:"expires_at,omitempty"`
		Token   string     `json:"token"`
	}](ctx, c, "/tokens", in)
	if err != nil {
		return err
	}
	return s.result(out, "%s\n", out.Token)
}

// userIDs gives the ids of people named on the command line.
func userIDs(ctx context.Context, c *client, names []string) ([]string, error) {
	users, err := list[user](ctx, c, "/users")
	if err != nil {
		return nil, err
	}
	ids := []string{}
	for _, name := range names {
		found := ""
		for _, u := range users {
			if u.ID == name || strings.EqualFold(u.Name, strings.TrimPrefix(name, "@")) {
				found = u.ID
			}
		}
		if found == "" {
			return nil, failed("There is nobody named %q. See: muster user list", name)
		}
		ids = append(ids, found)
	}
	return ids, nil
}

type roomCmd struct {
	List   roomList   `cmd:"" help:"List rooms."`
	Create roomCreate `cmd:"" help:"Create a room."`
}

type roomList struct{}

func (roomList) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	rooms, err := list[room](ctx, c, "/rooms")
	if err != nil {
		return err
	}
	return printList(s, rooms, "No rooms yet. Create one: muster room create NAME",
		[]string{"NAME", "KIND", "TOPIC", ""}, func(r room) []string {
			note := ""
			if r.Private {
				note = "private"
			}
			return []string{r.Name, r.Kind, dash(r.Topic), note}
		})
}

type roomCreate struct {
	Name    string   `arg:"" help:"The room's name."`
	Kind    string   `default:"team" help:"team, lounge, meeting, focus or office."`
	Topic   string   `help:"What it is for."`
	Private bool     `help:"Only members see it."`
	Member  []string `help:"A member's login name; may be repeated."`
}

func (r roomCreate) Run(ctx context.Context, s *session) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	in := map[string]any{"name": r.Name, "kind": r.Kind, "topic": r.Topic, "private": r.Private}
	if len(r.Member) > 0 {
		if in["members"], err = userIDs(ctx, c, r.Member); err != nil {
			return err
		}
	}
	out, err := post[room](ctx, c, "/rooms", in)
	if err != nil {
		return err
	}
	return s.result(out, "Room %s was created.\n", clean(out.Name))
}

// findRoom accepts a room's id, its name, or the ticket an incident room's name
// begins with.
func findRoom(ctx context.Context, c *client, wanted string) (room, error) {
	rooms, err := list[room](ctx, c, "/rooms")
	if err != nil {
		return room{}, err
	}
	wanted = strings.TrimPrefix(wanted, "#")
	for _, r := range rooms {
		if r.ID == wanted || strings.EqualFold(r.Name, wanted) {
			return r, nil
		}
	}
	var begins []room
	for _, r := range rooms {
		if len(r.Name) > len(wanted) && strings.EqualFold(r.Name[:len(wanted)], wanted) && strings.ContainsAny(r.Name[len(wanted):len(wanted)+1], " -:·") {
			begins = append(begins, r)
		}
	}
	if len(begins) == 1 {
		return begins[0], nil
	}
	return room{}, failed("There is no room %q, or you may not see it. See: muster room list", wanted)
}

type sayCmd struct {
	Room string   `arg:"" help:"The room's name or id."`
	Text []string `arg:"" help:"What to say; - reads it from the standard input."`
	Key  string   `help:"Your own id for this message: the same key twice posts once."`
}

func (m sayCmd) Run(ctx context.Context, s *session) error {
	text := strings.Join(m.Text, " ")
	if text == "-" {
		data, err := io.ReadAll(io.LimitReader(s.std.In, 1<<20))
		if err != nil {
			return err
		}
		text = strings.TrimRight(string(data), "\n")
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	r, err := findRoom(ctx, c, m.Room)
	if err != nil {
		return err
	}
	in := map[string]any{"text": text}
	if m.Key != "" {
		in["key"] = m.Key
	}
	var out said
	if err := c.call(ctx, http.MethodPost, "/rooms/"+seg(r.ID)+"/messages", in, &out); err != nil {
		return err
	}
	if out.Error != nil {
		out.Error.settle()
		return out.Error
	}
	if out.Reply != "" {
		return s.result(out, "%s\n", cleanText(out.Reply))
	}
	return s.result(out, "")
}

var usualRoles = []string{"observer", "responder", "operator", "approver", "administrator", "auditor"}

// groups reads what was given for --role. A group's name may have commas in it
// (CN=Ops,OU=IT), so only a list of usual roles is taken apart.
func groups(given []string) []string {
	out := []string{}
	for _, g := range given {
		parts := strings.Split(g, ",")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		if slices.ContainsFunc(parts, func(p string) bool { return !slices.Contains(usualRoles, strings.ToLower(p)) }) {
			parts = []string{g}
		}
		out = append(out, parts...)
	}
	return out
}

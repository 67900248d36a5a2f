// Package command is the text door's grammar: a line typed in a room that
// begins with "/" is parsed, checked and handed to one verb, in the same
// transaction as the message that holds it.
//
// What was typed is stored only after the verb has taken its secrets out
// (Redact). When a verb fails nothing is stored; the person who typed it
// reads why.
package command

import (
	"context"
	"slices"
	"strings"

	"muster/internal/access"
	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/message"
	"muster/internal/room"
)

// Call is one line typed in a room.
type Call struct {
	Who  actor.Actor
	Room room.Room
	Args string // what stands behind the verb, as typed
}

// Reply goes to the person who typed the line, not into the room.
type Reply struct{ Text string }

// Do is an act of the browser in which a line was typed: what only it can do,
// with its own microphone and loudspeaker.
type Do string

// The acts.
const (
	JoinVoice  Do = "join-voice"
	ListenOnly Do = "listen"
	LeaveVoice Do = "leave-voice"
	Mute       Do = "mute"
	Unmute     Do = "unmute"
)

// Completion is one proposal for a half-typed line.
type Completion struct {
	Value  string `json:"value" doc:"The whole line with this proposal taken"`
	Label  string `json:"label"`
	Detail string `json:"detail"`
	Kind   string `json:"kind" enum:"verb,job,option,value,user,node,room"`
}

// Verb is one command. Run is required; the others may be nil.
type Verb struct {
	Name  string
	Usage string // "/run JOB [name=value …]"
	Help  string // one sentence
	// Run does it inside the transaction that stores the line.
	Run func(ctx context.Context, tx *db.Tx, c Call) (Reply, error)
	// Do says what the browser is to do once Run went well.
	Do func(args string) Do
	// Complete proposes how Args may go on; Value is the new Args.
	Complete func(ctx context.Context, q db.Querier, c Call) ([]Completion, error)
	// Redact gives Args without secrets.
	Redact func(ctx context.Context, q db.Querier, c Call) (string, error)
	// Shown says whether help offers the verb to this person here; nil: to everyone.
	Shown func(ctx context.Context, q db.Querier, c Call) bool
}

// Commands is the set of verbs with what is needed to say something in a room.
type Commands struct {
	access   *access.Access
	rooms    *room.Store
	messages *message.Store
	verbs    []Verb
}

// New makes a set without verbs but /help.
func New(a *access.Access, rooms *room.Store, messages *message.Store) *Commands {
	c := &Commands{access: a, rooms: rooms, messages: messages}
	c.Add(c.help())
	return c
}

// Add registers verbs; a name can be taken only once.
func (c *Commands) Add(vs ...Verb) {
	for _, v := range vs {
		if slices.ContainsFunc(c.verbs, func(o Verb) bool { return o.Name == v.Name }) {
			panic("command: /" + v.Name + " is registered twice")
		}
		c.verbs = append(c.verbs, v)
	}
	slices.SortFunc(c.verbs, func(a, b Verb) int { return strings.Compare(a.Name, b.Name) })
}

// Said is what became of a line.
type Said struct {
	Message message.Message
	Reply   string // for the person who typed it
	Do      Do     // for their browser
}

// Say posts text in a room as who; a line that begins with "/" is carried out.
// "//" at the start posts a line that begins with a slash as it is.
func (c *Commands) Say(ctx context.Context, who actor.Actor, in message.New) (Said, error) {
	var said Said
	err := c.access.Do(ctx, who, func(tx *db.Tx) (err error) {
		said = Said{}
		verb, args, ok := split(in.Text)
		if !ok {
			in := in
			if strings.HasPrefix(in.Text, "//") {
				in.Text = in.Text[1:]
			}
			said.Message, err = c.messages.Post(ctx, tx, who, in)
			return err
		}
		v, err := c.find(verb)
		if err != nil {
			return err
		}
		r, err := c.rooms.Get(ctx, tx, in.Room)
		if err != nil {
			return err
		}
		call := Call{Who: who, Room: r, Args: args}
		stored := in
		stored.Command = true
		if v.Redact != nil {
			clean, err := v.Redact(ctx, tx, call)
			if err != nil {
				return err
			}
			stored.Text = strings.TrimSpace("/" + verb + " " + clean)
		}
		if done, err := c.messages.Repeated(ctx, tx, who, stored); err != nil || done != nil {
			if done != nil {
				said.Message = *done // the same line sent again: it was carried out then
			}
			return err
		}
		if said.Message, err = c.messages.Post(ctx, tx, who, stored); err != nil {
			return err
		}
		reply, err := v.Run(ctx, tx, call)
		said.Reply = reply.Text
		if err == nil && v.Do != nil {
			said.Do = v.Do(strings.ToLower(call.Args))
		}
		return err
	})
	if err != nil {
		return Said{}, err
	}
	return said, nil
}

// split takes "/verb args" apart; ok is false for ordinary text.
func split(text string) (verb, args string, ok bool) {
	rest, ok := strings.CutPrefix(text, "/")
	if !ok || strings.HasPrefix(rest, "/") {
		return "", "", false
	}
	verb, args, _ = strings.Cut(rest, " ")
	if i := strings.IndexByte(verb, '\n'); i >= 0 {
		verb, args = verb[:i], verb[i+1:]+" "+args
	}
	// "/etc/passwd is full" is talk, not a command.
	if verb == "" || strings.ContainsAny(verb, "/.") {
		return "", "", false
	}
	return verb, strings.TrimSpace(args), true
}

func (c *Commands) find(name string) (Verb, error) {
	for _, v := range c.verbs {
		if v.Name == name {
			return v, nil
		}
	}
	return Verb{}, fault.Field("text", "There is no command /"+name+". Type /help for the list, or begin the line with // to post it as text.")
}

// Complete proposes how a half-typed line may go on.
func (c *Commands) Complete(ctx context.Context, q db.Querier, who actor.Actor, roomID, text string) ([]Completion, error) {
	rest, ok := strings.CutPrefix(text, "/")
	if !ok || strings.HasPrefix(rest, "/") {
		return []Completion{}, nil
	}
	r, err := c.rooms.Get(ctx, q, roomID)
	if err != nil {
		return nil, err
	}
	call := Call{Who: who, Room: r}
	name, args, spaced := strings.Cut(rest, " ")
	if !spaced {
		out := []Completion{}
		for _, v := range c.verbs {
			if strings.HasPrefix(v.Name, name) && (v.Shown == nil || v.Shown(ctx, q, call)) {
				out = append(out, Completion{Value: "/" + v.Name + " ", Label: v.Usage, Detail: v.Help, Kind: "verb"})
			}
		}
		return out, nil
	}
	v, err := c.find(name)
	if err != nil || v.Complete == nil {
		return []Completion{}, nil
	}
	call.Args = args
	out, err := v.Complete(ctx, q, call)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Value = "/" + name + " " + out[i].Value
	}
	if out == nil {
		out = []Completion{}
	}
	return out[:min(len(out), 50)], nil
}

func (c *Commands) help() Verb {
	return Verb{
		Name: "help", Usage: "/help [COMMAND]", Help: "List the commands you may use here.",
		Run: func(ctx context.Context, tx *db.Tx, call Call) (Reply, error) {
			if name := strings.TrimPrefix(call.Args, "/"); name != "" {
				v, err := c.find(name)
				return Reply{v.Usage + "\n" + v.Help}, err
			}
			var b strings.Builder
			for _, v := range c.verbs {
				if v.Shown == nil || v.Shown(ctx, tx, call) {
					b.WriteString("`" + v.Usage + "` " + v.Help + "\n")
				}
			}
			return Reply{strings.TrimSpace(b.String())}, nil
		},
	}
}

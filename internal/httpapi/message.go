package httpapi

import (
	"context"
	"time"

	"muster/internal/actor"
	"muster/internal/command"
	"muster/internal/db"
	"muster/internal/message"
	"muster/internal/room"
)

// MessageDeps is what the message routes call.
type MessageDeps struct {
	Rooms    *room.Store
	Messages *message.Store
	Commands *command.Commands
}

// Posted is a message that was posted; for a command also the answer to whom typed it.
type Posted struct {
	message.Message
	Reply string `json:"reply,omitempty" doc:"The command's answer, for you only (markdown)"`
	Do    string `json:"do,omitempty" enum:"join-voice,listen,leave-voice,mute,unmute" doc:"What the command asks of the browser it was typed in; others let it be"`
}

type MessagePath struct {
	ID string `path:"id" maxLength:"36"`
}

// RegisterMessages adds history, posting and changing messages.
func RegisterMessages(a *API, d MessageDeps) {
	type history struct {
		RoomPath
		Before       int64     `query:"before" minimum:"0" doc:"Roots with a number below this"`
		Around       string    `query:"around" maxLength:"36" doc:"Message id: the stretch around it"`
		At           int64     `query:"at" minimum:"-1" default:"-1" doc:"A number: the stretch around it, such as where you have read to"`
		On           time.Time `query:"on" doc:"A moment: the stretch around the first message of then or later"`
		ChangedAfter int64     `query:"changed_after" minimum:"-1" default:"-1" doc:"Everything whose newest version has a number above this, replies flat, oldest change first"`
		Limit        int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	Handle(a, Route{Method: "GET", Path: "/rooms/{id}/messages", ID: "list-messages", Summary: "Read a stretch of a room's history", Tag: "Messages", Access: "room:read"},
		func(ctx context.Context, who actor.Actor, in *history) (message.Page, error) {
			rg := message.Range{Before: in.Before, Around: in.Around, On: in.On, Limit: in.Limit}
			if in.At >= 0 {
				rg.At = &in.At
			}
			if in.ChangedAfter >= 0 {
				rg.ChangedAfter = &in.ChangedAfter
			}
			return d.Messages.History(ctx, a.DB.Read(), who, in.RoomPath.ID, rg)
		})
	type post struct {
		RoomPath
		Body struct {
			Text   string `json:"text" doc:"Markdown, or a command that begins with /; at most 16384 bytes"`
			Thread string `json:"thread,omitempty" maxLength:"36" doc:"Id of the message it answers"`
			Key    string `json:"key,omitempty" maxLength:"64" doc:"Your own id for it: sending the same key again gives the same message, and with another text a conflict"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/rooms/{id}/messages", ID: "post-message", Summary: "Say something in a room, or carry out a command", Tag: "Messages", Access: "room:post", Status: 201},
		func(ctx context.Context, who actor.Actor, in *post) (Posted, error) {
			r, err := d.Rooms.See(ctx, a.DB.Read(), who, in.RoomPath.ID)
			if err != nil {
				return Posted{}, err
			}
			said, err := d.Commands.Say(ctx, who, message.New{Room: r.ID, Text: in.Body.Text, Thread: in.Body.Thread, Key: in.Body.Key})
			return Posted{said.Message, said.Reply, string(said.Do)}, err
		})
	type complete struct {
		RoomPath
		Text string `query:"text" maxLength:"4096"`
	}
	Handle(a, Route{Method: "GET", Path: "/rooms/{id}/complete", ID: "complete-command", Summary: "Propose how a half-typed command may go on", Tag: "Messages", Access: "room:read"},
		func(ctx context.Context, who actor.Actor, in *complete) (List[command.Completion], error) {
			q := a.DB.Read()
			r, err := d.Rooms.See(ctx, q, who, in.RoomPath.ID)
			if err != nil {
				return ListOf[command.Completion](nil), err
			}
			items, err := d.Commands.Complete(ctx, q, who, r.ID, in.Text)
			return ListOf(items), err
		})
	Handle(a, Route{Method: "GET", Path: "/messages/{id}", ID: "get-message", Summary: "Read one message", Tag: "Messages", Access: "room:read"},
		func(ctx context.Context, who actor.Actor, in *MessagePath) (message.Message, error) {
			return d.Messages.Get(ctx, a.DB.Read(), who, in.ID)
		})
	type edit struct {
		MessagePath
		Body struct {
			Text string `json:"text" doc:"Markdown; at most 16384 bytes"`
		}
	}
	Handle(a, Route{Method: "PATCH", Path: "/messages/{id}", ID: "edit-message", Summary: "Edit your message; the old text stays as a version", Tag: "Messages", Access: "room:post"},
		func(ctx context.Context, who actor.Actor, in *edit) (m message.Message, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				m, err = d.Messages.Edit(ctx, tx, who, in.ID, in.Body.Text)
				return err
			})
			return m, err
		})
	Handle(a, Route{Method: "DELETE", Path: "/messages/{id}", ID: "delete-message", Summary: "Take a message back; its versions stay in the record", Tag: "Messages", Access: "room:post"},
		func(ctx context.Context, who actor.Actor, in *MessagePath) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error { return d.Messages.Delete(ctx, tx, who, in.ID) })
		})
	Handle(a, Route{Method: "GET", Path: "/messages/{id}/versions", ID: "list-message-versions", Summary: "Read what a message was before", Tag: "Messages", Access: "room:read"},
		func(ctx context.Context, who actor.Actor, in *MessagePath) (List[message.Version], error) {
			vs, err := d.Messages.Versions(ctx, a.DB.Read(), who, in.ID)
			return ListOf(vs), err
		})
	type reaction struct {
		MessagePath
		Emoji string `path:"emoji" maxLength:"64"`
	}
	react := func(on bool) func(ctx context.Context, who actor.Actor, in *reaction) (message.Message, error) {
		return func(ctx context.Context, who actor.Actor, in *reaction) (m message.Message, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				m, err = d.Messages.React(ctx, tx, who, in.ID, in.Emoji, on)
				return err
			})
			return m, err
		}
	}
	Handle(a, Route{Method: "PUT", Path: "/messages/{id}/reactions/{emoji}", ID: "add-reaction", Summary: "React with an emoji", Tag: "Messages", Access: "room:post"}, react(true))
	Handle(a, Route{Method: "DELETE", Path: "/messages/{id}/reactions/{emoji}", ID: "remove-reaction", Summary: "Take your reaction back", Tag: "Messages", Access: "room:post"}, react(false))
	pin := func(on bool) func(ctx context.Context, who actor.Actor, in *MessagePath) (message.Message, error) {
		return func(ctx context.Context, who actor.Actor, in *MessagePath) (m message.Message, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				m, err = d.Messages.Pin(ctx, tx, who, in.ID, on)
				return err
			})
			return m, err
		}
	}
	Handle(a, Route{Method: "PUT", Path: "/messages/{id}/pin", ID: "pin-message", Summary: "Pin a message; in an incident's room it joins the timeline", Tag: "Messages", Access: "room:post"}, pin(true))
	Handle(a, Route{Method: "DELETE", Path: "/messages/{id}/pin", ID: "unpin-message", Summary: "Take a pin off", Tag: "Messages", Access: "room:post"}, pin(false))
}

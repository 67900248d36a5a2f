package main

import (
	"context"
	"os"

	"muster/bench/chat"
	"muster/bench/rig"
)

// chats runs the load generator of package chat, which stands alone as well.
func chats(ctx context.Context, r *rig.Rig) error {
	dir, err := r.Folder("chat")
	if err != nil {
		return err
	}
	results, err := chat.Run(ctx, chat.Env{Bin: r.Bin, Dir: dir, Short: r.Short, Log: os.Stderr})
	for _, res := range results {
		l := r.Line("chat", res.What)
		for _, f := range res.Figures {
			l.Add(f.Name, f.Value, f.Unit)
		}
		if res.Target != "" {
			l.Against(res.Target, res.Met)
		}
		if len(res.Floor) > 0 && len(res.Figures) > 0 {
			f := res.Floor[0]
			l.Over(f.Name, res.Figures[0].Value, f.Value, f.Unit)
		}
		l.Note = res.Note
		r.Put(l)
	}
	return err
}

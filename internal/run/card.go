package run

import (
	"context"
	"encoding/json"
	"slices"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/message"
)

const cardNodes = 150 // nodes in a card; the rest is a count

// card is the run as its room's message shows it: without each node's steps and
// bounded in size; what failed comes first into what is left.
func (s *Store) card(r Run) *message.Card {
	c := r
	c.Abilities = nobody()
	c.DeniedWhy = ""
	c.Nodes = slices.Clone(r.Nodes)
	if len(c.Nodes) > cardNodes {
		slices.SortStableFunc(c.Nodes, func(a, b RunNode) int { return weight(a) - weight(b) })
		c.MoreNodes = len(c.Nodes) - cardNodes
		c.Nodes = c.Nodes[:cardNodes]
	}
	for i := range c.Nodes {
		c.Nodes[i].Steps = nil
		c.Nodes[i].Error = cut(c.Nodes[i].Error, 200)
	}
	c.Command = cut(c.Command, 2000)
	c.NodeFilter = cut(c.NodeFilter, 500)
	c.Options = slices.Clone(r.Options)
	for i := range c.Options {
		c.Options[i].Value = cut(c.Options[i].Value, 200)
	}
	data, err := json.Marshal(c)
	for err == nil && len(data) > message.MaxCard && len(c.Nodes)+len(c.Steps)+len(c.Options) > 0 {
		c.MoreNodes += len(c.Nodes) - len(c.Nodes)/2
		c.Nodes, c.Steps, c.Options = c.Nodes[:len(c.Nodes)/2], c.Steps[:len(c.Steps)/2], c.Options[:len(c.Options)/2]
		data, err = json.Marshal(c)
	}
	if err != nil {
		data = []byte("{}")
	}
	return &message.Card{Type: "run", Ref: r.ID, Data: data}
}

func weight(n RunNode) int {
	return slices.Index([]string{StepFail, Halted, StepRuns, Handled, StepOK, Pending, Skipped}, n.State)
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return safe([]byte(s[:whole([]byte(s[:n]))])) + "…"
}

// nobody's abilities stand in what everybody is shown; one's own come with one's
// own reading.
func nobody() map[string]bool {
	return map[string]bool{"approve": false, "decline": false, "stop": false, "rerun": false, "settle": false}
}

// maxShown bounds node steps in what is pushed to screens; beyond it they are read.
const maxShown = 3000

// shown tells screens after the commit.
func (s *Store) shown(tx *db.Tx, r Run) {
	tx.AfterCommit(func() { s.publish(r) })
}

func (s *Store) publish(r Run) {
	r.Abilities, r.DeniedWhy = nobody(), ""
	if len(r.Nodes)*max(1, len(r.Steps)) > maxShown {
		r.Nodes = slices.Clone(r.Nodes)
		for i := range r.Nodes {
			r.Nodes[i].Steps = nil
		}
	}
	s.bus.Publish("office", map[string]any{"type": "run", "run": r.RunSummary})
	// Who follows a run may not know of the room it was asked for in; who may has
	// that from their own reading.
	r.RoomID, r.IncidentID, r.MessageID = "", "", ""
	s.bus.Publish("run:"+r.ID, map[string]any{"type": "run", "run": r})
}

// changed reads the run again, brings its card up to date and tells screens.
func (s *Store) changed(ctx context.Context, tx *db.Tx, runID string) (Run, error) {
	r, err := s.load(ctx, tx, runID)
	if err == nil {
		s.progressed(ctx, tx, r, true)
	}
	return r, err
}

// progressed tells screens of r, and its card where asked for.
func (s *Store) progressed(ctx context.Context, tx *db.Tx, r Run, card bool) {
	if r.MessageID != "" && card {
		// A card that cannot be shown any more (its message was deleted) must
		// not keep the run from going on.
		if err := s.Messages.UpdateCard(ctx, tx, actor.System("run"), r.MessageID, *s.card(r)); err != nil {
			s.slog.Warn("card not updated", "run", r.ID, "message", r.MessageID, "error", err)
		}
	}
	s.shown(tx, r)
}

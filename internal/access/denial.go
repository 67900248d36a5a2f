package access

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/fault"
	"muster/internal/ledger"
)

// Denial is the error of an action that is not allowed.
type Denial struct {
	Decision Decision
	Who      actor.Actor
	Action   string
	Resource Resource

	recorded atomic.Bool
}

func (d *Denial) Error() string { return d.Decision.Text }

// FaultKind makes doors answer as for any other denial.
func (d *Denial) FaultKind() fault.Kind { return fault.Denied }

// hidden is a denial whose reason is not told: the answer is that of a thing
// that does not exist, while the record says what happened.
type hidden struct {
	shown  error
	denial error
}

func (h *hidden) Error() string   { return h.shown.Error() }
func (h *hidden) Unwrap() []error { return []error{h.shown, h.denial} }

// Hide makes a denial look like shown, to whoever may not know that the thing
// is there. Any other error stays as it is.
func Hide(err, shown error) error {
	if _, ok := errors.AsType[*Denial](err); !ok {
		return err
	}
	return &hidden{shown, err}
}

// What one actor may write into the record by being refused: each thing once a
// window, and so many things; the rest is counted.
const (
	window   = time.Minute
	distinct = 60
	asking   = 10_000 // actors and things remembered at once
)

// repeated is what was refused again within its window.
type repeated struct {
	who         actor.Actor
	action, typ string
	resource    string // "" when there were too many to tell apart
	project     string
	began, last time.Time
	times       int
}

// denials counts refusals that are not recorded one by one.
type denials struct {
	mu     sync.Mutex
	seen   map[string]*repeated
	ended  []*repeated    // whose window is over, and which are not written yet
	things map[string]int // of an actor, in this window
	since  time.Time      // of things
}

// note says whether a denial gets a record of its own.
func (n *denials) note(who actor.Actor, d *Denial, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.seen == nil || now.Sub(n.since) >= window {
		n.things, n.since = map[string]int{}, now
	}
	if n.seen == nil {
		n.seen = map[string]*repeated{}
	}
	resource := d.Resource.Type + ":" + d.Resource.key()
	key := strings.Join([]string{who.ID, d.Action, d.Resource.Project, resource}, "\x00")
	if r := n.seen[key]; r != nil && now.Sub(r.began) < window {
		r.times, r.last = r.times+1, now
		return false
	} else if r != nil && r.times > 0 {
		n.ended = append(n.ended, r)
		delete(n.seen, key)
	}
	if n.things[who.ID] < distinct && len(n.seen) < asking {
		n.things[who.ID]++
		n.seen[key] = &repeated{who: who, action: d.Action, typ: d.Resource.Type, resource: resource, project: d.Resource.Project, began: now, last: now}
		return true
	}
	key = strings.Join([]string{who.ID, d.Action, d.Resource.Type}, "\x00")
	r := n.seen[key]
	if r == nil {
		r = &repeated{who: who, action: d.Action, typ: d.Resource.Type, began: now}
		n.seen[key] = r
	}
	r.times, r.last = r.times+1, now
	return false
}

// over takes out what was counted in windows that have ended; with all, everything.
func (n *denials) over(now time.Time, all bool) []*repeated {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := n.ended
	n.ended = nil
	for k, r := range n.seen {
		if !all && now.Sub(r.began) < window {
			continue
		}
		delete(n.seen, k)
		if r.times > 0 {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *repeated) int { return a.began.Compare(b.began) })
	return out
}

// Do runs fn in one transaction, as db.Do, and records a denial that comes out
// of it in a transaction of its own: what was refused is part of the record.
func (a *Access) Do(ctx context.Context, who actor.Actor, fn func(tx *db.Tx) error) error {
	err := a.db.Do(ctx, fn)
	a.Record(ctx, who, err)
	return err
}

// Record writes err to the ledger if it is a denial that is not recorded yet. Do
// calls it; a door calls it for reads, which open no transaction. The same
// refusal again within a minute is counted, and the count recorded by Flush.
func (a *Access) Record(ctx context.Context, who actor.Actor, err error) {
	d, ok := errors.AsType[*Denial](err)
	if !ok || d.recorded.Swap(true) {
		return
	}
	if d.Who.ID != "" {
		who = d.Who
	}
	if !a.denials.note(who, d, a.clock.Now()) {
		return
	}
	rerr := a.db.Do(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		return a.ledger.Append(ctx, tx, who, ledger.About{
			Resource: d.Resource.Type + ":" + d.Resource.key(),
			Project:  d.Resource.Project,
			Outcome:  ledger.Denied,
		}, denied(d))
	})
	if rerr != nil {
		a.log.ErrorContext(ctx, "denial not recorded", "error", rerr, "actor", who.ID, "action", d.Action, "type", d.Resource.Type)
	}
}

// Flush records how often refusals were repeated in windows that have ended,
// or, with all, until now. A crash loses counts of at most a window; the first
// refusal of each stands in the record already.
func (a *Access) Flush(ctx context.Context, all bool) {
	rs := a.denials.over(a.clock.Now(), all)
	for part := range slices.Chunk(rs, 200) {
		err := a.db.Do(context.WithoutCancel(ctx), func(tx *db.Tx) error {
			for _, r := range part {
				resource := r.resource
				if resource == "" {
					resource = r.typ + ":"
				}
				about := ledger.About{Resource: resource, Project: r.project, Outcome: ledger.Denied}
				if err := a.ledger.Append(ctx, tx, r.who, about, DeniedAgain{Action: r.action, Type: r.typ, Times: r.times, Various: r.resource == "", From: r.began, To: r.last}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			a.log.ErrorContext(ctx, "repeated denials not recorded", "error", err, "kinds", len(part))
		}
	}
}

// Watch flushes until ctx ends, and what is left then.
func (a *Access) Watch(ctx context.Context) {
	for {
		t := a.clock.NewTimer(window / 4)
		select {
		case <-ctx.Done():
			t.Stop()
			a.Flush(ctx, true)
			return
		case <-t.C():
			a.Flush(ctx, false)
		}
	}
}

func (r Resource) key() string {
	if r.ID != "" {
		return r.ID
	}
	name, _ := r.attr("name")
	return name
}

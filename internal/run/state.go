package run

import (
	"maps"
	"slices"
	"sync"
	"time"

	"muster/internal/clock"
)

// progress is the state of an execution in memory: every step on every node.
// It is written to the database in intervals, and whole at the end.
type progress struct {
	mu    sync.Mutex
	clock clock.Clock
	nodes []RunNode
	steps []RunStep
	dirty map[int]bool
	any   bool
	wake  chan struct{}
}

func newProgress(c clock.Clock, nodes []RunNode, steps []RunStep) *progress {
	p := &progress{clock: c, nodes: slices.Clone(nodes), steps: slices.Clone(steps), dirty: map[int]bool{}, wake: make(chan struct{}, 1)}
	for i := range p.nodes {
		p.nodes[i].State, p.nodes[i].Step, p.nodes[i].Exit, p.nodes[i].Error, p.nodes[i].Steps = Pending, 0, nil, "", []RunNodeStep{}
		for j := range p.steps {
			p.nodes[i].Steps = append(p.nodes[i].Steps, RunNodeStep{N: j + 1, State: Pending})
		}
		p.dirty[i] = true
	}
	for j := range p.steps {
		p.steps[j].State, p.steps[j].StartedAt, p.steps[j].FinishedAt = Pending, nil, nil
	}
	return p
}

func (p *progress) touch(n int) {
	p.dirty[n], p.any = true, true
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// begin marks a step as running on a node.
func (p *progress) begin(n, step int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	x := &p.nodes[n]
	x.State = StepRuns
	if x.Exit == nil && x.Error == "" { // of one that failed before, the failed step is told
		x.Step = max(x.Step, step+1)
	}
	x.Steps[step].State, x.Steps[step].StartedAt = StepRuns, &now
	if p.steps[step].StartedAt == nil {
		p.steps[step].StartedAt = &now
	}
	p.steps[step].State = StepRuns
	p.touch(n)
}

// finish notes how a step ended on a node.
func (p *progress) finish(n, step int, state string, exit *int, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	x := &p.nodes[n]
	s := &x.Steps[step]
	s.State, s.FinishedAt, s.Exit, s.Error = state, &now, exit, text
	bad := state == StepFail || state == Halted
	if bad || x.Exit == nil && x.Error == "" {
		x.Exit, x.Error = exit, text
		if bad {
			x.Step = step + 1
		}
	}
	p.steps[step].FinishedAt = &now
	p.summarise(step)
	p.touch(n)
}

// summarise gives a step its state over all nodes.
func (p *progress) summarise(step int) {
	count := map[string]int{}
	for i := range p.nodes {
		count[p.nodes[i].Steps[step].State]++
	}
	s := &p.steps[step]
	switch {
	case count[StepRuns] > 0:
		s.State = StepRuns
	case count[StepFail] > 0:
		s.State = StepFail
	case count[Halted] > 0:
		s.State = Halted
	case count[Pending] > 0 && s.StartedAt != nil:
		s.State = StepRuns // between two nodes
	case count[Pending] > 0:
		s.State = Pending
	case count[Handled] > 0:
		s.State = Handled
	case count[StepOK] > 0:
		s.State = StepOK
	default:
		s.State = Skipped
	}
}

// leave gives a node its final state from its steps; failed says that its
// workflow did not reach the end as it should, halted that a stop is why.
func (p *progress) leave(n int, failed, halted bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	x := &p.nodes[n]
	ran, handled, broke := false, false, false
	for i := range x.Steps {
		switch x.Steps[i].State {
		case Pending:
			x.Steps[i].State = Skipped
		case StepFail:
			failed, ran, broke = true, true, true
		case Halted:
			failed, ran = true, true
		case Handled:
			handled, ran = true, true
		case StepOK:
			ran = true
		}
	}
	switch {
	case failed && halted && !broke:
		x.State = Halted
	case failed:
		x.State = StepFail
	case !ran:
		x.State = Skipped
	case handled:
		x.State = Handled
	default:
		x.State = StepOK
	}
	p.touch(n)
}

// end settles what is still open when the workflow is over.
func (p *progress) end() {
	for n := range p.nodes {
		p.mu.Lock()
		open := p.nodes[n].State == Pending || p.nodes[n].State == StepRuns
		p.mu.Unlock()
		if open {
			p.leave(n, false, false)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.steps {
		p.summarise(i)
	}
}

// complete says that every node went through its whole workflow as it should.
func (p *progress) complete() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !slices.ContainsFunc(p.nodes, func(n RunNode) bool { return n.State != StepOK && n.State != Handled })
}

// count is the progress in numbers.
func (p *progress) count() RunProgress {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counted()
}

func (p *progress) counted() RunProgress {
	c := RunProgress{Total: len(p.nodes)}
	for i := range p.nodes {
		switch p.nodes[i].State {
		case StepFail:
			c.Done, c.Failed = c.Done+1, c.Failed+1
		case StepOK, Handled, Skipped, Halted:
			c.Done++
		}
	}
	return c
}

// copyInto puts the state into a run that is shown.
func (p *progress) copyInto(r *Run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.Progress = p.counted()
	r.Steps = slices.Clone(p.steps)
	if len(r.Nodes) == 0 { // a summary
		return
	}
	r.Nodes = slices.Clone(p.nodes)
	for i := range r.Nodes {
		r.Nodes[i].Steps = slices.Clone(r.Nodes[i].Steps)
	}
}

// take gives the nodes that changed since the last take.
func (p *progress) take() map[int]RunNode {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[int]RunNode{}
	for n := range maps.Keys(p.dirty) {
		x := p.nodes[n]
		x.Steps = slices.Clone(x.Steps)
		out[n] = x
	}
	clear(p.dirty)
	p.any = false
	return out
}

// giveBack marks nodes as not stored after all.
func (p *progress) giveBack(m map[int]RunNode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := range m {
		p.dirty[n] = true
	}
	p.any = true
}

// failures lists the nodes that failed, with why.
func (p *progress) failures() []RunNode {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []RunNode
	for _, n := range p.nodes {
		if n.State == StepFail {
			out = append(out, n)
		}
	}
	return out
}

// showEvery is how often a run's card changes at most.
const showEvery = time.Second

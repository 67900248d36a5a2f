package run

import (
	"sync"
	"sync/atomic"

	"muster/internal/job"
)

// work is a workflow over nodes: it calls step, in the order its strategy gives.
// ok says that the step succeeded there (or was handled so that the workflow
// goes on); goOn that the next step may follow.
type work struct {
	nodes, steps  int
	threads       int
	nodeKeepgoing bool
	strategy      string
	step          func(node, step int) (ok, goOn bool)
	leave         func(node int, failed bool)
	stopped       func() bool
}

func (w work) run() {
	switch w.strategy {
	case job.Sequential:
		w.sequential()
	case job.Parallel:
		w.parallel()
	default:
		w.nodeFirst()
	}
}

// each calls fn for the nodes in order, at most threads at once, and begins no
// further node once more says no.
func (w work) each(more func() bool, fn func(node int)) {
	slots := make(chan struct{}, max(1, w.threads))
	var wg sync.WaitGroup
	for n := range w.nodes {
		slots <- struct{}{}
		if w.stopped() || !more() {
			<-slots
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			fn(n)
		})
	}
	wg.Wait()
}

// nodeFirst: a node goes through all steps before its place is taken by the next.
func (w work) nodeFirst() {
	var halt atomic.Bool
	w.each(func() bool { return !halt.Load() }, func(n int) {
		failed := false
		for s := range w.steps {
			ok, goOn := w.step(n, s)
			if !ok {
				failed = true
			}
			if !goOn || w.stopped() {
				break
			}
		}
		if failed && !w.nodeKeepgoing {
			halt.Store(true)
		}
		w.leave(n, failed)
	})
}

// sequential: a step is done on all nodes before the next step begins.
func (w work) sequential() {
	failed := make([]atomic.Bool, w.nodes)
	var end atomic.Bool
	for s := range w.steps {
		if end.Load() || w.stopped() {
			break
		}
		var halt atomic.Bool
		w.each(func() bool { return !halt.Load() }, func(n int) {
			ok, goOn := w.step(n, s)
			if !ok {
				failed[n].Store(true)
				if !w.nodeKeepgoing {
					halt.Store(true)
				}
			}
			if !goOn {
				end.Store(true)
			}
		})
	}
	for n := range w.nodes {
		w.leave(n, failed[n].Load())
	}
}

// parallel: all steps at once, each over the nodes.
func (w work) parallel() {
	failed := make([]atomic.Bool, w.nodes)
	var end atomic.Bool
	var wg sync.WaitGroup
	for s := range w.steps {
		wg.Go(func() {
			var halt atomic.Bool
			w.each(func() bool { return !halt.Load() && !end.Load() }, func(n int) {
				ok, goOn := w.step(n, s)
				if !ok {
					failed[n].Store(true)
					if !w.nodeKeepgoing {
						halt.Store(true)
					}
				}
				if !goOn {
					end.Store(true)
				}
			})
		})
	}
	wg.Wait()
	for n := range w.nodes {
		w.leave(n, failed[n].Load())
	}
}

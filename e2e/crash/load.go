package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"muster/e2e/host"
)

// load is what people, monitoring and machines do to the bank until stop.
type load struct {
	b    *bank
	ctx  context.Context
	stop func() // and wait
}

func (b *bank) load(tag string) *load {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	l := &load{b: b, ctx: ctx}
	l.stop = func() { cancel(); wg.Wait() }
	worker := func(name string, work func(name string, d *rand.Rand)) {
		wg.Go(func() { work(name, b.dice(name)) })
	}
	for i, c := range b.writers {
		worker(fmt.Sprintf("%s-w%d", tag, i), func(name string, d *rand.Rand) { l.write(name, c, d) })
	}
	worker(tag+"-alerts", l.alerts)
	worker(tag+"-acks", l.acknowledge)
	worker(tag+"-runs", l.runs)
	worker(tag+"-approvals", l.approve)
	worker(tag+"-logs", l.readLogs)
	return l
}

// pause waits, and says whether to go on.
func (l *load) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-l.ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// write posts and edits as one person. What got no answer is sent again under
// the same key, or, every third time, left open.
func (l *load) write(name string, c *host.Client, d *rand.Rand) {
	b := l.b
	var mine []*post
	for n := 1; l.pause(between(d, 40*time.Millisecond, 240*time.Millisecond)); n++ {
		if len(mine) > 0 && d.IntN(5) == 0 {
			l.edit(c, mine[d.IntN(len(mine))], fmt.Sprintf("%s-e%d", name, n))
			continue
		}
		p := &post{key: fmt.Sprintf("%s-%d", name, n), room: b.rooms[d.IntN(len(b.rooms))]}
		p.text = "message " + p.key
		b.book.mu.Lock()
		b.book.posts[p.key] = p
		b.book.mu.Unlock()
		twice, leave := d.IntN(10) == 0, d.IntN(3) == 0
		for l.ctx.Err() == nil {
			done := make(chan answer, 2)
			go func() { done <- l.post(c, p) }()
			if twice { // a client that lost patience: the same key while the first is under way
				go func() { done <- l.post(c, p) }()
				<-done
			}
			if <-done; p.acked {
				mine = append(mine, p)
				break
			}
			if leave || !l.pause(100*time.Millisecond) {
				break
			}
		}
	}
}

func (l *load) post(c *host.Client, p *post) answer {
	var got struct {
		ID, Text string
		Seq      int64
	}
	a, _ := l.b.ask(c, "POST", "/rooms/"+p.room+"/messages", map[string]any{"text": p.text, "key": p.key}, &got)
	if a != acked {
		return a
	}
	l.b.book.mu.Lock()
	was := *p
	p.acked, p.id, p.seq = true, got.ID, got.Seq
	l.b.book.mu.Unlock()
	if got.ID == "" || got.Seq == 0 || got.Text != p.text {
		l.b.book.finding("the answer to %s is not the message: %+v", p.key, got)
	}
	if was.acked && (was.id != got.ID || was.seq != got.Seq) {
		l.b.book.finding("one key, two messages: %s is %s and %s", p.key, was.id, got.ID)
	}
	l.b.book.count("messages acknowledged", 1)
	return a
}

// edit is not sent again: without a key it would be a second edit.
func (l *load) edit(c *host.Client, p *post, text string) {
	e := &edit{text: text}
	l.b.book.mu.Lock()
	l.b.book.edits[p.id] = append(l.b.book.edits[p.id], e)
	l.b.book.mu.Unlock()
	var got struct {
		ChangeSeq int64 `json:"change_seq"`
	}
	if a, _ := l.b.ask(c, "PATCH", "/messages/"+p.id, map[string]any{"text": text}, &got); a == acked {
		l.b.book.mu.Lock()
		e.acked, e.seq = true, got.ChangeSeq
		l.b.book.mu.Unlock()
		l.b.book.count("edits acknowledged", 1)
	}
}

// alerts delivers as Alertmanager does: until it is taken.
func (l *load) alerts(name string, d *rand.Rand) {
	b := l.b
	var sent []*alert
	fresh := 0
	for n := 1; l.pause(between(d, 300*time.Millisecond, 900*time.Millisecond)); n++ {
		var a *alert
		resolve := false
		if len(sent) > 3 && d.IntN(4) == 0 {
			a = sent[d.IntN(len(sent))]
			resolve = d.IntN(3) == 0
			if a.resolved && !resolve {
				continue // firing again would be another alert
			}
		} else {
			s := service(d.IntN(b.services))
			if fresh < b.services && d.IntN(3) == 0 {
				s = service(fresh)
				fresh++
			}
			a = &alert{print: fmt.Sprintf("%s-%d", name, n), service: s}
			b.book.mu.Lock()
			b.book.alerts[a.print] = a
			b.book.mu.Unlock()
			sent = append(sent, a)
		}
		body := delivery(a, resolve)
		for l.ctx.Err() == nil {
			b.book.mu.Lock()
			a.unsure = a.unsure || resolve
			b.book.mu.Unlock()
			if got := b.deliver(body); got == acked {
				b.book.mu.Lock()
				a.acked = true
				if resolve {
					a.resolved, a.unsure = true, false
				}
				b.book.mu.Unlock()
				b.book.count("alert deliveries acknowledged", 1)
				break
			}
			if !l.pause(250 * time.Millisecond) {
				break
			}
		}
	}
}

func delivery(a *alert, resolve bool) []byte {
	status, ends := "firing", "0001-01-01T00:00:00Z"
	if resolve {
		status, ends = "resolved", time.Now().UTC().Format(time.RFC3339Nano)
	}
	body, err := json.Marshal(map[string]any{"version": "4", "groupKey": a.service, "status": status, "alerts": []any{map[string]any{
		"status": status, "fingerprint": a.print, "startsAt": "2026-01-01T00:00:00Z", "endsAt": ends, "generatorURL": "http://prometheus.example/graph",
		"labels":      map[string]string{"alertname": "Probe", "service": a.service, "severity": "critical", "environment": "prod", "instance": a.print},
		"annotations": map[string]string{"summary": "Probe of " + a.service + " fails"},
	}}})
	if err != nil {
		panic(err)
	}
	return body
}

// acknowledge takes care of an incident now and then.
func (l *load) acknowledge(_ string, d *rand.Rand) {
	for l.pause(between(d, 4*time.Second, 12*time.Second)) {
		c := l.b.duty[d.IntN(len(l.b.duty))]
		var open list[struct {
			ID    string
			Times struct{ Acknowledged *time.Time }
		}]
		if a, _ := l.b.ask(c, "GET", "/incidents", nil, &open); a != acked || len(open.Items) == 0 {
			continue
		}
		i := open.Items[d.IntN(len(open.Items))]
		if a, _ := l.b.ask(c, "POST", "/incidents/"+i.ID+"/acknowledge", nil, nil); a == acked {
			l.b.book.mu.Lock()
			l.b.book.acks[i.ID] = true
			l.b.book.mu.Unlock()
			l.b.book.count("incidents acknowledged", 1)
		}
	}
}

// runs asks for runs of every kind, in rooms, under keys.
func (l *load) runs(name string, d *rand.Rand) {
	b := l.b
	kinds := []string{"short", "short", "short", "short", "long", "long", "prod", "prod", "again"}
	for n := 1; l.pause(between(d, 500*time.Millisecond, 1500*time.Millisecond)); n++ {
		r := &asked{key: fmt.Sprintf("%s-%d", name, n), job: kinds[d.IntN(len(kinds))], lines: map[int64]string{}, began: time.Now()}
		b.book.mu.Lock()
		b.book.runs[r.key] = r
		b.book.mu.Unlock()
		room := b.rooms[d.IntN(len(b.rooms))]
		for l.ctx.Err() == nil {
			var got struct {
				ID     string
				Number int64
				Digest string
			}
			a, err := b.ask(b.operator, "POST", "/jobs/"+b.jobs[r.job]+"/run", map[string]any{"key": r.key, "room_id": room}, &got)
			if a == acked {
				b.book.mu.Lock()
				if r.acked && r.id != got.ID {
					b.book.findings = append(b.book.findings, fmt.Sprintf("one key, two runs: %s", r.key))
				}
				r.acked, r.id, r.number, r.digest = true, got.ID, got.Number, got.Digest
				b.book.mu.Unlock()
				b.book.count("runs acknowledged", 1)
				break
			}
			if s := host.Status(err); s >= 400 && s < 500 && s != 429 {
				b.book.finding("a run was refused: %v", err)
				break
			}
			if !l.pause(100 * time.Millisecond) {
				break
			}
		}
	}
}

// approve decides on what waits.
func (l *load) approve(_ string, d *rand.Rand) {
	b := l.b
	for l.pause(between(d, 300*time.Millisecond, 1500*time.Millisecond)) {
		var next *asked
		b.book.mu.Lock()
		for _, r := range b.book.runs {
			if r.job == "prod" && r.acked && !r.approved {
				next = r
				break
			}
		}
		b.book.mu.Unlock()
		if next == nil {
			continue
		}
		a, err := b.ask(b.approver, "POST", "/runs/"+next.id+"/approve", map[string]any{"digest": next.digest, "note": "harness"}, nil)
		switch s := host.Status(err); {
		case a == acked, s == 409: // said before, in an answer that was lost
			b.book.mu.Lock()
			next.approved = true
			b.book.mu.Unlock()
			b.book.count("approvals acknowledged", 1)
		case s >= 400 && s < 500 && s != 429:
			b.book.finding("an approval was refused: %v", err)
		}
	}
}

type logPage struct {
	Items []struct {
		N    int64
		Text string
	}
	Total, Stored int64
	Done          bool
}

// readLogs reads what runs say, and remembers the lines the server calls stored.
func (l *load) readLogs(_ string, d *rand.Rand) {
	b := l.b
	for l.pause(between(d, 100*time.Millisecond, 500*time.Millisecond)) {
		var some []*asked
		b.book.mu.Lock()
		for _, r := range b.book.runs {
			if r.acked && time.Since(r.began) < 15*time.Second {
				some = append(some, r)
			}
		}
		b.book.mu.Unlock()
		if len(some) == 0 {
			continue
		}
		r := some[d.IntN(len(some))]
		var page logPage
		if a, _ := b.ask(b.operator, "GET", "/runs/"+r.id+"/log?limit=5000", nil, &page); a != acked {
			continue
		}
		b.book.mu.Lock()
		for _, line := range page.Items {
			if line.N <= page.Stored {
				if was, ok := r.lines[line.N]; !ok {
					b.book.counts["log lines acknowledged"]++
				} else if was != line.Text {
					b.book.findings = append(b.book.findings, fmt.Sprintf("line %d of run #%d changed from %q to %q", line.N, r.number, was, line.Text))
				}
				r.lines[line.N] = line.Text
			}
		}
		b.book.mu.Unlock()
	}
}

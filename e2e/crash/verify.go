package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/internal/db"
)

// open gives the database for reading, whether the server runs or not.
func (b *bank) open() (*db.DB, error) {
	if b.pg != nil {
		return db.OpenReadOnly(b.pg.url)
	}
	return db.OpenReadOnly(filepath.Join(b.data, "muster.db"))
}

// rows runs a query and scans each row into texts.
func rows(q db.Querier, width int, query string, args ...any) ([][]string, error) {
	return db.All(context.Background(), q, func(s db.Scanner) ([]string, error) {
		out := make([]string, width)
		to := make([]any, width)
		for i := range out {
			to[i] = &out[i]
		}
		return out, s.Scan(to...)
	}, query, args...)
}

// none reports every row of a query that should give none.
func (b *bank) none(q db.Querier, what string, width int, query string, args ...any) {
	found, err := rows(q, width, query, args...)
	if err != nil {
		b.book.finding("%s: %v", what, err)
		return
	}
	for i, r := range found {
		if i == 3 {
			b.book.finding("%s: and %d more", what, len(found)-3)
			break
		}
		b.book.finding("%s: %s", what, strings.Join(r, " "))
	}
}

func number(s string) int64 { n, _ := strconv.ParseInt(s, 10, 64); return n }

// checkLedger verifies the record, also against the checkpoint that was
// exported the last time, and exports the next one.
func (b *bank) checkLedger() {
	file := filepath.Join(b.dir, "checkpoint")
	args := []string{"ledger", "verify"}
	if _, err := os.Stat(file); err == nil {
		args = append(args, "--checkpoint", file)
	}
	if _, err := b.command(args...); err != nil {
		b.book.finding("%v", err)
	}
	if _, err := b.command("ledger", "checkpoint", "--out", file); err != nil {
		b.book.finding("%v", err)
	}
	b.book.count("ledger verifications", 1)
}

// orphan is a run that was at work when its server died.
type orphan struct {
	id      string
	attempt int64
}

// autopsy looks at what a killed server left: every message it acknowledged is
// in the database. It gives the runs that were at work.
func (b *bank) autopsy(checked map[string]bool) ([]orphan, error) {
	d, err := b.open()
	if err != nil {
		return nil, err
	}
	defer d.Close()
	q := d.Read()
	b.book.mu.Lock()
	var fresh []post
	for _, p := range b.book.posts {
		if p.acked && !checked[p.key] {
			fresh = append(fresh, *p)
		}
	}
	b.book.mu.Unlock()
	for _, p := range fresh {
		checked[p.key] = true
		got, err := rows(q, 2, `SELECT seq, client_key FROM message WHERE id = $1`, p.id)
		if err != nil {
			return nil, err
		}
		if len(got) != 1 || number(got[0][0]) != p.seq || got[0][1] != p.key {
			b.book.finding("an acknowledged message is gone after a kill: %s (%s, number %d): %v", p.key, p.id, p.seq, got)
		}
	}
	running, err := rows(q, 2, `SELECT id, attempt FROM run WHERE state = 'running'`)
	var out []orphan
	for _, r := range running {
		out = append(out, orphan{r[0], number(r[1])})
	}
	return out, err
}

// settleIn is how soon after a restart no orphan may still be called running.
const settleIn = 30 * time.Second

// watchOrphans follows them until each is settled, or the life ends.
func (b *bank) watchOrphans(orphans []orphan, life <-chan struct{}) {
	began := time.Now()
	for len(orphans) > 0 {
		select {
		case <-life:
			return
		case <-time.After(500 * time.Millisecond):
		}
		d, err := b.open()
		if err != nil {
			continue
		}
		orphans = slices.DeleteFunc(orphans, func(o orphan) bool {
			left, err := rows(d.Read(), 1, `SELECT id FROM run WHERE id = $1 AND state = 'running' AND attempt = $2`, o.id, o.attempt)
			return err == nil && len(left) == 0
		})
		_ = d.Close()
		if took := time.Since(began); len(orphans) > 0 && took > settleIn {
			b.book.finding("%d runs of a killed server are still called running %s after the restart, such as %s", len(orphans), took.Round(time.Second), orphans[0].id)
			return
		}
	}
	b.book.mu.Lock()
	b.book.settled = max(b.book.settled, time.Since(began))
	b.book.mu.Unlock()
}

// rest waits until nothing is at work or due any more.
func (b *bank) rest(within time.Duration) {
	late := time.Now().Add(within)
	for {
		d, err := b.open()
		if err == nil {
			var busy [][]string
			busy, err = rows(d.Read(), 2, `SELECT 'run ' || id, state FROM run WHERE state IN ('queued', 'running')
UNION ALL SELECT kind || ' ' || id, state FROM task WHERE state = 'running' OR (state = 'ready' AND run_at < $1)`, time.Now().Add(-time.Second).UnixMicro())
			_ = d.Close()
			if err == nil && len(busy) == 0 {
				return
			}
			if err == nil {
				err = fmt.Errorf("%d are still at work or due, such as %s", len(busy), strings.Join(busy[0], " "))
			}
		}
		if time.Now().After(late) {
			b.book.finding("no rest %s after the load ended: %v", within, err)
			return
		}
		time.Sleep(200 * time.Millisecond) // until the server has worked it off
	}
}

// verify looks at everything once more, with the server at rest.
func (b *bank) verify() {
	d, err := b.open()
	if err != nil {
		b.book.finding("open the database: %v", err)
		return
	}
	defer d.Close()
	q := d.Read()
	b.verifyMessages(q)
	b.verifyAlerts(q)
	b.verifyPages(q)
	b.verifyRuns(q)
	b.none(q, "a task was given up", 4, `SELECT kind, id, attempt, error FROM task WHERE state = 'failed'`)
	b.compareFollowers()
	b.checkLedger()
}

func (b *bank) verifyMessages(q db.Querier) {
	type row struct{ id, room, seq, change, text string }
	byKey := map[string]row{}
	all, err := rows(q, 6, `SELECT client_key, id, room, seq, change_seq, text FROM message WHERE client_key <> ''`)
	if err != nil {
		b.book.finding("read messages: %v", err)
	}
	for _, r := range all {
		if _, twice := byKey[r[0]]; twice {
			b.book.finding("two messages under the key %s", r[0])
		}
		byKey[r[0]] = row{r[1], r[2], r[3], r[4], r[5]}
	}
	versions := map[string]map[int64][2]string{} // message, number: change, text
	vs, err := rows(q, 4, `SELECT message, seq, change, text FROM message_version`)
	if err != nil {
		b.book.finding("read versions: %v", err)
	}
	for _, v := range vs {
		if versions[v[0]] == nil {
			versions[v[0]] = map[int64][2]string{}
		}
		versions[v[0]][number(v[1])] = [2]string{v[2], v[3]}
	}
	b.book.mu.Lock()
	posts, edits := b.book.posts, b.book.edits
	b.book.mu.Unlock()
	for _, p := range posts {
		r, there := byKey[p.key]
		switch {
		case p.acked && !there:
			b.book.finding("an acknowledged message is gone: %s", p.key)
		case p.acked && (r.id != p.id || number(r.seq) != p.seq || r.room != p.room):
			b.book.finding("message %s is not where it was acknowledged: %+v", p.key, r)
		case there && versions[r.id][number(r.seq)] != [2]string{"posted", p.text}:
			b.book.finding("the first version of %s is %q", p.key, versions[r.id][number(r.seq)])
		}
		if p.acked {
			b.book.count("messages verified", 1)
		}
	}
	for id, es := range edits {
		for _, e := range es {
			if e.acked && versions[id][e.seq] != [2]string{"edited", e.text} {
				b.book.finding("an acknowledged edit of %s is gone: number %d, %q", id, e.seq, e.text)
			}
		}
	}
	b.none(q, "a room's numbers have a hole or a double", 5, `SELECT r.id, r.seq, COUNT(v.seq), MIN(v.seq), MAX(v.seq) FROM room r JOIN message_version v ON v.room = r.id
GROUP BY r.id, r.seq HAVING r.seq <> COUNT(v.seq) OR MIN(v.seq) <> 1 OR MAX(v.seq) <> r.seq`)
	b.none(q, "a message is not its newest version", 3, `SELECT m.id, m.change_seq, MAX(v.seq) FROM message m JOIN message_version v ON v.message = m.id GROUP BY m.id, m.change_seq HAVING m.change_seq <> MAX(v.seq)`)
	b.none(q, "a message differs from its newest text", 3, `SELECT m.id, m.text, v.text FROM message m JOIN message_version v ON v.room = m.room AND v.seq = m.change_seq WHERE m.text <> v.text`)
}

func (b *bank) verifyAlerts(q db.Querier) {
	found := map[string][][]string{}
	all, err := rows(q, 4, `SELECT fingerprint, state, incident, service FROM alert`)
	if err != nil {
		b.book.finding("read alerts: %v", err)
	}
	for _, r := range all {
		found[r[0]] = append(found[r[0]], r)
	}
	b.book.mu.Lock()
	alerts := b.book.alerts
	b.book.mu.Unlock()
	for _, a := range alerts {
		r := found[a.print]
		switch {
		case len(r) > 1:
			b.book.finding("alert %s is there %d times", a.print, len(r))
		case a.acked && len(r) == 0:
			b.book.finding("an acknowledged alert is gone: %s", a.print)
		case len(r) == 1 && (r[0][2] == "" || r[0][3] != a.service):
			b.book.finding("alert %s has incident %q and service %q", a.print, r[0][2], r[0][3])
		case len(r) == 1 && !a.unsure && a.resolved != (r[0][1] == "resolved"):
			b.book.finding("alert %s is %s, its end was delivered: %v", a.print, r[0][1], a.resolved)
		}
	}
	b.none(q, "two open incidents of one service", 2, `SELECT service, COUNT(*) FROM incident WHERE stage <> 'closed' AND service <> '' GROUP BY service HAVING COUNT(*) > 1`)
	b.none(q, "incidents and their events differ", 2, `SELECT id, (SELECT COUNT(*) FROM ledger_event e WHERE e.kind = 'incident.Declared' AND e.incident = incident.id) FROM incident
WHERE (SELECT COUNT(*) FROM ledger_event e WHERE e.kind = 'incident.Declared' AND e.incident = incident.id) <> 1`)
	b.none(q, "alerts and their events differ", 2, `SELECT 'alerts ' || (SELECT COUNT(*) FROM alert), 'events ' || (SELECT COUNT(*) FROM ledger_event WHERE kind = 'alert.Fired')
FROM counter WHERE name = 'run' AND (SELECT COUNT(*) FROM alert) <> (SELECT COUNT(*) FROM ledger_event WHERE kind = 'alert.Fired')`)
}

// verifyPages: each level of each climb was paged once, in order, not before it
// was due and not long after.
func (b *bank) verifyPages(q db.Querier) {
	b.none(q, "one page twice", 3, `SELECT escalation, level, COUNT(*) FROM incident_page WHERE escalation <> '' GROUP BY escalation, level HAVING COUNT(*) > 1`)
	b.none(q, "a page was left out", 3, `SELECT e.id, e.level, COUNT(p.id) FROM incident_escalation e LEFT JOIN incident_page p ON p.escalation = e.id GROUP BY e.id, e.level HAVING e.level <> COUNT(p.id)`)
	b.none(q, "a page without its notification", 2, `SELECT p.id, COUNT(n.id) FROM incident_page p LEFT JOIN notification n ON n.uniq = 'page:' || p.id GROUP BY p.id HAVING COUNT(n.id) <> 1`)
	b.none(q, "pages and their events differ", 2, `SELECT p.incident, COUNT(*) FROM incident_page p GROUP BY p.incident HAVING COUNT(*) <> (SELECT COUNT(*) FROM ledger_event e WHERE e.kind = 'incident.Paged' AND e.incident = p.incident)`)
	b.none(q, "a page is overdue", 2, `SELECT id, next_at FROM incident_escalation WHERE state = 'running' AND next_at < $1`, time.Now().Add(-5*time.Second).UnixMicro())
	pages, err := rows(q, 3, `SELECT escalation, level, paged_at FROM incident_page WHERE escalation <> '' ORDER BY escalation, level`)
	if err != nil {
		b.book.finding("read pages: %v", err)
	}
	b.book.count("pages", len(pages))
	for i := 1; i < len(pages); i++ {
		if pages[i][0] != pages[i-1][0] {
			continue
		}
		late := time.Duration(number(pages[i][2])-number(pages[i-1][2]))*time.Microsecond - escalate
		b.book.count("pages that fell due", 1)
		if b.stepped {
			continue
		}
		if late < -time.Second { // a page is written a moment after its successor is planned
			b.book.finding("page %s/%s came %s too early", pages[i][0], pages[i][1], -late)
		}
		b.book.mu.Lock()
		b.book.late = max(b.book.late, late)
		b.book.mu.Unlock()
	}
	b.book.mu.Lock()
	acks := b.book.acks
	b.book.mu.Unlock()
	for id := range acks {
		b.none(q, "an acknowledgement is gone", 2, `SELECT id, stage FROM incident WHERE id = $1 AND acknowledged = 0`, id)
	}
}

func (b *bank) verifyRuns(q db.Querier) {
	executed := map[int64]int{}
	raw, err := os.ReadFile(b.ran)
	if err != nil && !os.IsNotExist(err) {
		b.book.finding("read the node's record: %v", err)
	}
	for line := range strings.Lines(string(raw)) {
		executed[number(strings.TrimSpace(line))]++
	}
	events := map[string]map[string]int{} // resource: kind: how often
	es, err := rows(q, 3, `SELECT resource, kind, COUNT(*) FROM ledger_event WHERE kind LIKE 'run.%' GROUP BY resource, kind`)
	if err != nil {
		b.book.finding("read events: %v", err)
	}
	for _, e := range es {
		if events[e[0]] == nil {
			events[e[0]] = map[string]int{}
		}
		events[e[0]][e[1]] = int(number(e[2]))
	}
	byKey := map[string]*asked{}
	b.book.mu.Lock()
	for _, r := range b.book.runs {
		byKey[r.key] = r
	}
	b.book.mu.Unlock()
	all, err := rows(q, 8, `SELECT id, number, client_key, job_name, state, attempt, log_lines, log_sha256 FROM run ORDER BY number`)
	if err != nil {
		b.book.finding("read runs: %v", err)
	}
	there := map[string]bool{}
	for _, r := range all {
		id, n, key, job, state := r[0], number(r[1]), r[2], r[3], r[4]
		job = job[strings.LastIndex(job, "/")+1:]
		there[key] = true
		b.book.count("runs "+state, 1)
		ev, times := events["run:"+id], executed[n]
		delete(executed, n)
		was := byKey[key]
		if was == nil {
			b.book.finding("run #%d was never asked for", n)
			continue
		}
		if job != "again" && times > 1 {
			b.book.finding("run #%d of %s was executed %d times", n, job, times)
		}
		if times > ev["run.Started"] {
			b.book.finding("run #%d was executed %d times and started %d times by the record", n, times, ev["run.Started"])
		}
		ended := slices.Contains([]string{"succeeded", "failed", "stopped", "timed-out"}, state)
		if state == "succeeded" && times == 0 {
			b.book.finding("run #%d succeeded and was not executed", n)
		}
		if state == "failed" && b.calmRuns {
			b.book.finding("run #%d failed", n)
		}
		if want := map[bool]int{true: 1}[ended]; ev["run.Requested"] != 1 || ev["run.Finished"] != want {
			b.book.finding("run #%d is %s and has events %v", n, state, ev)
		}
		if was.approved && (state == "waiting" || ev["run.Approved"] != 1) {
			b.book.finding("run #%d was approved and is %s with events %v", n, state, ev)
		}
		if state == "queued" || state == "running" {
			b.book.finding("run #%d is %s at rest", n, state)
		}
		b.verifyLog(q, id, n, job, state, number(r[6]), r[7], was)
	}
	for _, r := range byKey {
		if r.acked && !there[r.key] {
			b.book.finding("an acknowledged run is gone: %s", r.key)
		}
	}
	for n, times := range executed {
		b.book.finding("run #%d was executed %d times and is not on record", n, times)
	}
}

// verifyLog reads the stored pieces of a log: whole, chained, and with every
// line that was read as stored.
func (b *bank) verifyLog(q db.Querier, id string, n int64, job, state string, total int64, sha string, was *asked) {
	chunks, err := rows(q, 4, `SELECT first, lines, blob, chain FROM run_chunk WHERE run = $1 ORDER BY n`, id)
	if err != nil {
		b.book.finding("read log of run #%d: %v", n, err)
		return
	}
	sum, chain, next := sha256.New(), "", int64(1)
	lines, written := map[int64]string{}, map[string]int{}
	for _, c := range chunks {
		raw, err := os.ReadFile(filepath.Join(b.data, "blobs", c[2]))
		if err != nil {
			b.book.finding("log of run #%d: %v", n, err)
			return
		}
		sum.Write(raw)
		link := sha256.New()
		link.Write([]byte(chain))
		link.Write(raw)
		if chain = hex.EncodeToString(link.Sum(nil)); chain != c[3] || number(c[0]) != next {
			b.book.finding("log of run #%d is broken at line %d", n, next)
			return
		}
		for text := range strings.Lines(string(raw)) {
			var l struct {
				N            int64
				Text, Stream string
			}
			if err := json.Unmarshal([]byte(text), &l); err != nil || l.N != next {
				b.book.finding("log of run #%d: line %d is %q", n, next, text)
				return
			}
			lines[next] = l.Text
			if l.Stream == "out" {
				written[l.Text]++
			}
			next++
		}
	}
	if total != next-1 || sha != "" && sha != hex.EncodeToString(sum.Sum(nil)) {
		b.book.finding("log of run #%d (%s): %d lines on record, %d stored, or another digest", n, state, total, next-1)
	}
	for at, text := range was.lines {
		if lines[at] != text {
			b.book.finding("line %d of run #%d was read as stored (%q) and is now %q", at, n, text, lines[at])
			break
		}
	}
	b.book.count("log lines verified", len(lines))
	if state != "succeeded" || job == "again" {
		return
	}
	for i := 1; i <= logLines[job]; i++ {
		if text := fmt.Sprintf("line %d %d", n, i); written[text] != 1 {
			b.book.finding("run #%d succeeded and its log has %q %d times", n, text, written[text])
			break
		}
	}
}

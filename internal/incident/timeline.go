package incident

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/ledger"
)

// Entry is one line of an incident's timeline.
type Entry struct {
	ID    string         `json:"id"`
	At    time.Time      `json:"at"`
	Kind  string         `json:"kind" example:"page.sent" doc:"What happened, as package.event"`
	Actor EntryActor     `json:"actor"`
	Text  string         `json:"text" doc:"One sentence"`
	Link  string         `json:"link,omitempty" doc:"Path in the app"`
	Data  map[string]any `json:"data"`
}

// EntryActor is who did it.
type EntryActor struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Via  string `json:"via,omitempty" doc:"Display name of who made the API token it was done with, when that is not the person"`
}

// maxTimeline bounds one reading; the newest records are kept.
const maxTimeline = 5000

// Timeline reads the ledger's record of the incident as sentences, with
// people's notes at the moments they speak of. It writes nothing: whatever put
// an event on record is on the timeline, known to this package or not.
func (s *Store) Timeline(ctx context.Context, q db.Querier, who actor.Actor, idOrTicket string) ([]Entry, error) {
	i, err := s.find(ctx, q, idOrTicket)
	if err != nil {
		return nil, err
	}
	if err := s.check(ctx, q, who, "read", i); err != nil {
		return nil, err
	}
	records, err := s.Ledger.Events(ctx, q, ledger.Filter{Incident: i.ID, Newest: true, Limit: maxTimeline})
	if err != nil {
		return nil, err
	}
	slices.Reverse(records)
	users, err := s.People.List(ctx, q)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, u := range users {
		names[u.ID] = u.Display
	}
	notes, err := s.notes(ctx, q, i.ID)
	if err != nil {
		return nil, err
	}
	followups, err := s.followups(ctx, q, i.ID)
	if err != nil {
		return nil, err
	}
	out := []Entry{}
	for _, r := range records {
		e, ok := sentence(r, names, i)
		if !ok {
			continue
		}
		if r.Kind == "incident.Noted" {
			n, ok := notes[e.word("note")]
			if !ok {
				continue
			}
			e.ID, e.At, e.Text, e.Link = n.id, n.at, n.text, ""
		}
		if r.Via != "" && r.ActorKind == string(actor.Person) {
			e.Actor.Via = r.ViaName
			e.Text += fmt.Sprintf(" (By way of an API token made by %s.)", r.ViaName)
		}
		if f := slices.IndexFunc(followups, func(f Followup) bool { return f.ID == e.word("followup") }); f >= 0 {
			e.Text += " " + followups[f].Text
		}
		out = append(out, e)
	}
	sort.SliceStable(out, func(a, b int) bool { return out[a].At.Before(out[b].At) })
	declaredFirst(out)
	return fold(out), nil
}

// shown is how many of a storm's alerts a timeline tells one by one.
const shown = 3

// fold tells the rest of a storm in one line; each alert stays in the record.
func fold(es []Entry) []Entry {
	verbs := map[string]string{"alert.fired": "fired", "alert.resolved": "were resolved", "alert.reopened": "are back", "alert.acknowledged": "were acknowledged"}
	out := []Entry{}
	for n := 0; n < len(es); {
		// An alert that flaps: its turns are told once, then counted.
		turns := n
		for turns < len(es) && (es[turns].Kind == "alert.reopened" || es[turns].Kind == "alert.resolved") && es[turns].word("title") == es[n].word("title") {
			turns++
		}
		if turns-n > shown+1 {
			again := 0
			for _, e := range es[n+shown : turns] {
				if e.Kind == "alert.reopened" {
					again++
				}
			}
			out = append(out, es[n:n+shown]...)
			rest := es[turns-1]
			rest.Text = fmt.Sprintf("%s It fired again %d more times.", strings.TrimSuffix(rest.Text, ".")+".", again)
			rest.Data = map[string]any{"folded": turns - n - shown}
			out = append(out, rest)
			n = turns
			continue
		}
		end := n + 1
		for end < len(es) && es[end].Kind == es[n].Kind && es[end].At.Sub(es[n].At) < time.Minute {
			end++
		}
		verb, ok := verbs[es[n].Kind]
		if !ok || end-n <= shown+1 {
			out = append(out, es[n:end]...)
			n = end
			continue
		}
		out = append(out, es[n:n+shown]...)
		rest := es[n+shown]
		rest.Text, rest.Link = fmt.Sprintf("%d more alerts %s.", end-n-shown, verb), "/alerts"
		rest.Data = map[string]any{"folded": end - n - shown}
		out = append(out, rest)
		n = end
	}
	return out
}

// declaredFirst puts the declaration before the room it opened: in the record
// the room stands first by some microseconds.
func declaredFirst(es []Entry) {
	for n := 1; n < len(es); n++ {
		if es[n].Kind == "incident.declared" && es[n-1].Kind == "room.opened" {
			es[n-1], es[n] = es[n], es[n-1]
		}
	}
}

type note struct {
	id   string
	at   time.Time
	text string
}

func (s *Store) notes(ctx context.Context, q db.Querier, incidentID string) (map[string]note, error) {
	ns, err := db.All(ctx, q, func(r db.Scanner) (n note, err error) {
		var at int64
		err = r.Scan(&n.id, &at, &n.text)
		n.at = db.At(at)
		return n, err
	}, `SELECT id, at, text FROM incident_note WHERE incident = $1`, incidentID)
	if err != nil {
		return nil, fmt.Errorf("read notes: %w", err)
	}
	out := map[string]note{}
	for _, n := range ns {
		out[n.id] = n
	}
	return out, nil
}

// word reads a field as text; a number is written without a fraction.
func (e Entry) word(name string) string {
	switch v := e.Data[name].(type) {
	case string:
		return v
	case float64:
		return fmt.Sprintf("%v", v)
	case int, int64, bool:
		return fmt.Sprint(v)
	}
	return ""
}

func (e Entry) words(name string) (out []string) {
	list, _ := e.Data[name].([]any)
	for _, v := range list {
		if w, ok := v.(string); ok {
			out = append(out, w)
		}
	}
	return out
}

// quiet is how long nobody touched the incident.
func (e Entry) quiet() string {
	n, _ := strconv.ParseFloat(e.word("quiet_seconds"), 64)
	return Spoken(time.Duration(n) * time.Second)
}

func (e Entry) yes(name string) bool { return e.word(name) == "true" }

func (e Entry) first(names ...string) string {
	for _, n := range names {
		if w := e.word(n); w != "" {
			return w
		}
	}
	return ""
}

// kinds gives a record the name under which a timeline shows it, where it is
// not the record's own in small letters.
var kinds = map[string]string{
	"incident.StageChanged": "incident.stage", "incident.RoleChanged": "incident.role", "incident.SeverityChanged": "incident.severity",
	"incident.Paged": "page.sent", "incident.PageSeen": "page.seen", "incident.Acknowledged": "page.acknowledged", "incident.NobodyToPage": "page.nobody", "incident.EverybodyPaged": "page.everybody",
	"incident.Noted": "note", "incident.FirstResponder": "incident.first_responder", "incident.TimeSet": "incident.time",
	"incident.FollowupAdded": "followup.added", "incident.FollowupChanged": "followup.changed",
	"message.Pinned": "pin", "office.GetAsked": "get.asked", "office.GetAnswered": "get.answered",
}

// silent are records that say nothing a reader of the timeline needs: what they
// tell is said by another record of the same transaction, or by the chat.
var silent = map[string]bool{"approval.Asked": true, "room.Joined": true, "room.Left": true, "room.Changed": true, "office.Left": true, "message.Deleted": true, "incident.PostmortemExported": true}

// sentence turns a record into a line. It is tolerant: a field that is not there
// leaves its words out, a kind it does not know is told in plain words.
func sentence(r ledger.Record, names map[string]string, i Incident) (Entry, bool) {
	e := Entry{ID: r.ID, At: r.At, Kind: kinds[r.Kind], Actor: EntryActor{ID: r.ActorID, Name: r.ActorName}, Data: r.Fields}
	if e.Data == nil {
		e.Data = map[string]any{}
	}
	if e.Kind == "" {
		e.Kind = strings.ToLower(r.Kind)
	}
	if n := names[r.ActorID]; n != "" {
		e.Actor.Name = n
	} else if r.ActorKind == string(actor.SystemOf) {
		e.Actor.Name = "Muster"
	}
	if r.Outcome == string(ledger.Denied) {
		e.Text = join(e.Actor.Name, "was refused", quoted(e.first("action")), e.first("type"), e.first("name"))
		return e, true
	}
	if silent[r.Kind] || r.Kind == "approval.Voted" && e.word("state") != "asked" {
		return e, false
	}
	who := func(name string) string {
		id := e.word(name)
		if n := names[id]; n != "" {
			return n
		}
		return id
	}
	by := e.Actor.Name
	switch r.Kind {
	case "incident.Declared":
		e.Text = fmt.Sprintf("%s declared %s (SEV-%s): %s", by, e.word("ticket"), e.word("severity"), e.word("title"))
		if mode := e.word("mode"); mode == "drill" || mode == "test" {
			e.Text = fmt.Sprintf("%s declared the %s %s (SEV-%s): %s", by, strings.ToUpper(mode), e.word("ticket"), e.word("severity"), e.word("title"))
		}
		if sv := e.word("service"); sv != "" {
			e.Text += " · " + join(sv, e.word("environment"))
		}
	case "incident.StageChanged":
		e.Text = stageLine(by, Stage(e.word("from")), Stage(e.word("to")), "")
		if note := strings.TrimSuffix(oneLine(e.word("note")), "."); note != "" {
			e.Text = by + strings.Replace(e.Text[len(by):], ".", ": "+note+".", 1)
		}
	case "incident.SeverityChanged":
		e.Text = fmt.Sprintf("%s changed the severity from SEV-%s to SEV-%s.", by, e.word("from"), e.word("to"))
		if why := e.word("why"); why != "" {
			e.Text = fmt.Sprintf("%s raised the severity from SEV-%s to SEV-%s: %s", by, e.word("from"), e.word("to"), why)
		}
	case "incident.Changed":
		e.Text = fmt.Sprintf("%s changed the %s from %q to %q.", by, e.word("field"), cut(e.word("from"), 100), cut(e.word("to"), 100))
		if e.word("field") == "restricted" {
			e.Text = by + map[bool]string{true: " restricted the incident to its members.", false: " opened the incident to everybody."}[e.word("to") == "true"]
		}
	case "incident.GroupsNamed":
		e.Text = fmt.Sprintf("%s opened the incident to who is in %s.", by, strings.Join(e.words("groups"), ", "))
	case "incident.RoleChanged":
		switch e.word("user") {
		case "":
			e.Text = fmt.Sprintf("%s left the role of %s empty.", by, e.word("role"))
		case r.ActorID:
			e.Text = fmt.Sprintf("%s took the role of %s.", by, e.word("role"))
		default:
			e.Text = fmt.Sprintf("%s made %s %s.", by, who("user"), e.word("role"))
		}
	case "incident.TimeSet":
		name := strings.ReplaceAll(e.word("name"), "_", " ")
		e.Text = fmt.Sprintf("%s set %q to %s.", by, name, clockOf(e.word("to")))
		if e.word("to") == "" {
			e.Text = fmt.Sprintf("%s removed the time of %q.", by, name)
		}
	case "incident.Noted":
		e.Text = by + " made a note."
	case "incident.Paged":
		e.Text = fmt.Sprintf("%s was paged", who("user"))
		switch level := e.word("level"); {
		case level == "0" || level == "":
			e.Text += " by " + by
		case level == "1":
			e.Text += ", on call for " + e.word("service")
		default:
			e.Text += fmt.Sprintf(" as level %s for %s", level, e.word("service"))
		}
		e.Text += "."
	case "incident.PageSeen":
		e.Text = who("user") + " saw the page."
	case "incident.NobodyToPage":
		e.Text = fmt.Sprintf("Nobody is on call for %s, so nobody was paged.", e.word("service"))
		if detail := e.word("detail"); detail != "" {
			e.Text = detail
		} else if e.word("reason") == "ladder_exhausted" {
			e.Text = fmt.Sprintf("Everybody in the rotation of %s was paged twice and nobody acknowledged.", e.word("service"))
		}
	case "incident.EverybodyPaged":
		people := []string{}
		for _, id := range e.words("users") {
			if n := names[id]; n != "" {
				id = n
			}
			people = append(people, id)
		}
		e.Text = fmt.Sprintf("Everybody was paged at once (round %s): %s.", e.word("round"), listed(people))
	case "incident.Acknowledged":
		e.Text = by + " acknowledged."
	case "incident.AckLapsed":
		e.Text = fmt.Sprintf("The acknowledgement ran out: nobody touched the incident for %s.", e.quiet())
	case "incident.Reminded":
		e.Text = fmt.Sprintf("Somebody was reminded: nobody touched the incident for %s.", e.quiet())
	case "incident.Merged":
		if e.word("into") == i.ID {
			e.Text = fmt.Sprintf("%s merged %s into this incident: %s", by, e.word("from_ticket"), e.word("title"))
		} else {
			e.Text = fmt.Sprintf("%s merged this incident into %s.", by, e.word("into_ticket"))
		}
	case "incident.FirstResponder":
		e.Text = who("user") + " was the first in the room."
	case "incident.FollowupAdded":
		e.Text = fmt.Sprintf("%s added %s:", by, map[string]string{"action": "an action", "question": "an open question"}[e.word("type")])
	case "incident.FollowupChanged":
		verb := "changed"
		if e.word("state") != e.word("was") {
			verb = map[string]string{"open": "opened again", "done": "finished", "dropped": "dropped"}[e.word("state")]
		}
		if verb == "finished" && e.word("type") == "question" {
			verb = "answered"
		}
		e.Text = fmt.Sprintf("%s %s %s:", by, verb, map[string]string{"action": "an action", "question": "a question"}[e.word("type")])
	case "room.Opened":
		e.Text, e.Link = fmt.Sprintf("The room %q was opened.", e.word("name")), "/rooms/"+r.Room
	case "office.Entered":
		e.Text = by + " came into the room."
	case "office.GetAsked":
		e.Text = fmt.Sprintf("%s asked %s over.", by, who("person"))
	case "office.GetAnswered":
		e.Text = fmt.Sprintf("%s %s to come over.", by, map[string]string{"accepted": "agreed", "declined": "declined", "expired": "did not answer whether"}[e.word("state")])
		if e.word("state") == "expired" {
			e.Text = "A request to come over expired."
		}
	case "office.Knocked":
		e.Text = by + " knocked at the door."
		if g := e.word("guest"); g != "" {
			e.Text = fmt.Sprintf("%s, a guest, knocked at the door.", cut(g, 80))
		}
	case "office.GuestLinkMade":
		e.Text = by + " made a link for guests to this room."
	case "office.GuestLinkRevoked":
		e.Text = by + " revoked a link for guests."
	case "office.GuestEnded":
		e.Text = fmt.Sprintf("The guest %s is gone. %s", cut(e.word("guest"), 80), cut(e.word("reason"), 320))
		if r.ActorID == e.word("visit") {
			e.Text = fmt.Sprintf("The guest %s left.", cut(e.word("guest"), 80))
		}
	case "office.KnockAnswered":
		if g := e.word("guest"); g != "" {
			who = func(string) string { return "the guest " + cut(g, 80) }
			if r.ActorID == e.word("person") {
				by = "The guest " + cut(g, 80)
			}
		}
		switch e.word("state") {
		case "admitted":
			e.Text = fmt.Sprintf("%s let %s in.", by, who("person"))
		case "declined":
			e.Text = fmt.Sprintf("%s turned %s away.", by, who("person"))
		case "withdrawn":
			e.Text = by + " went away from the door."
		default:
			e.Text = fmt.Sprintf("Nobody answered when %s knocked.", who("person"))
		}
	case "office.SentHome":
		e.Text = fmt.Sprintf("%s sent %s home.", by, who("person"))
	case "room.BridgeSet":
		e.Text = fmt.Sprintf("%s put up a bridge (%s).", by, e.word("kind"))
	case "room.BridgeTaken":
		e.Text = by + " took the bridge down."
	case "room.BridgeNoted":
		came, went := strings.Join(e.words("came"), ", "), strings.Join(e.words("went"), ", ")
		switch {
		case came != "" && went != "":
			e.Text = fmt.Sprintf("%s noted on the bridge: %s; no longer: %s.", by, came, went)
		case came != "":
			e.Text = fmt.Sprintf("%s noted on the bridge: %s.", by, came)
		default:
			e.Text = fmt.Sprintf("%s noted as gone from the bridge: %s.", by, went)
		}
	case "call.Started":
		e.Text = "A call began in the room."
	case "call.Joined":
		e.Text = by + " joined the call."
		if e.word("mode") == "gallery" {
			e.Text = by + " began to listen to the call."
		}
	case "call.Left":
		e.Text = by + " left the call."
	case "call.Spoke":
		e.Text = by + " spoke for the first time in the call."
	case "call.Shared":
		e.Text = by + " showed their screen."
	case "call.Muted":
		e.Text = fmt.Sprintf("%s muted %s.", by, who("person"))
	case "call.Moved":
		e.Text = fmt.Sprintf("%s moved %s %s.", by, who("person"), map[string]string{"table": "to the table", "gallery": "to the gallery"}[e.word("mode")])
	case "call.Whispered":
		e.Text = fmt.Sprintf("%s spoke aside to %s.", by, who("to"))
	case "call.RecordingStarted":
		e.Text = "The call is recorded from here on."
	case "call.RecordingStopped":
		e.Text = "The call went on without being recorded."
	case "call.Recorded":
		e.Text = fmt.Sprintf("What %s said was kept as a recording.", who("person"))
	case "call.Consented":
		e.Text = by + " agreed to be recorded."
	case "call.Replayed":
		e.Text = fmt.Sprintf("%s played a recording of %s.", by, who("person"))
	case "call.Transcribed":
		e.Text = "A recording was put into words."
	case "call.RecordingExpired":
		e.Text = fmt.Sprintf("A recording of %s was deleted: its time was over.", who("person"))
	case "call.Ended":
		e.Text = "The call ended."
	case "message.Pinned":
		if !e.yes("pinned") {
			e.Text = by + " took a message off the timeline."
			break
		}
		e.Text = fmt.Sprintf("%s pinned a message of %s: %s", by, e.word("author"), cut(oneLine(e.word("text")), 300))
		e.Link = "/rooms/" + r.Room + "#m=" + e.word("message")
	default:
		e.Text = other(r, e, who)
		e.Link = link(r)
	}
	return e, true
}

// other tells of alerts, runs and approvals, which stand in other packages, and
// of anything else in plain words.
func other(r ledger.Record, e Entry, who func(string) string) string {
	noun, verb, _ := strings.Cut(r.Kind, ".")
	what := e.first("title", "job", "name", "summary", "command")
	env := e.word("environment")
	if env != "" {
		env = "in " + env
	}
	switch noun {
	case "alert":
		switch verb {
		case "Fired":
			return join("Alert fired:", what, sevOf(e), env)
		case "Reopened":
			return join("Alert is back:", what, env)
		case "Attached":
			return join("Alert belongs to this incident:", what, env)
		case "Resolved":
			return join("Alert resolved:", what, env)
		case "Acknowledged":
			return join(e.Actor.Name, "acknowledged the alert:", what)
		}
	case "run":
		return runLine(verb, e, what, env)
	case "approval":
		switch verb {
		case "Asked":
			return join("Approval was asked:", e.word("summary"))
		case "Voted":
			return join(e.Actor.Name, verbOf[e.word("decision")], "what was asked; more approvals are needed.", noteOf(e))
		case "Ended":
			return join("The approval", e.word("state")+".", reasonOf(e))
		}
	}
	return join(e.Actor.Name+":", spaced(noun), spaced(verb), quoted(what))
}

var verbOf = map[string]string{"approve": "approved", "approved": "approved", "decline": "declined", "declined": "declined", "": "voted on"}

// runLine tells of a run.
func runLine(verb string, e Entry, what, env string) string {
	run := "a run"
	if number := e.first("number", "run"); number != "" && len(number) < 12 {
		run = "run " + number
	}
	on := ""
	if n := e.first("node_count", "nodes"); n == "1" {
		on = "on 1 node"
	} else if n != "" {
		on = "on " + n + " nodes"
	}
	switch verb {
	case "Requested":
		wait := ""
		if e.word("state") == "waiting" {
			wait = "· waits for approval"
		}
		return join(e.Actor.Name, "asked for", run+":", what, env, on, wait)
	case "Approved":
		return join(e.Actor.Name, "approved", run+":", what, env, noteOf(e))
	case "Declined":
		return join(e.Actor.Name, "declined", run+":", what, env, noteOf(e))
	case "Started":
		return join(upper(run), "started:", what, env)
	case "StopAsked":
		return join(e.Actor.Name, "stopped", run+":", what)
	case "Lost":
		again := "Somebody has to decide how it ended."
		if e.yes("again") {
			again = "It is started again."
		}
		return join(upper(run), "lost its worker:", what+".", again)
	case "Settled":
		return join(e.Actor.Name, "settled", run+":", what, "·", e.word("outcome"))
	case "Finished":
		result := e.first("state", "result", "outcome")
		if result == "" {
			result = "finished"
		}
		failed := ""
		if list, ok := e.Data["failed"].([]any); ok && len(list) > 0 {
			failed = fmt.Sprintf("(%d failed)", len(list))
		}
		return join(upper(run), result+":", what, env, on, failed, reasonOf(e))
	}
	return join(e.Actor.Name+":", run, spaced(verb), what)
}

func sevOf(e Entry) string {
	if s := e.word("severity"); s != "" {
		return "(SEV-" + s + ")"
	}
	return ""
}

func noteOf(e Entry) string {
	if n := e.word("note"); n != "" {
		return "· " + cut(oneLine(n), 200)
	}
	return ""
}

func reasonOf(e Entry) string {
	if n := e.first("reason", "error"); n != "" {
		return "· " + cut(oneLine(n), 200)
	}
	return ""
}

func link(r ledger.Record) string {
	kind, id, ok := strings.Cut(r.Resource, ":")
	if !ok || id == "" {
		return ""
	}
	switch kind {
	case "run":
		return "/runs/" + id
	case "alert":
		return "/alerts/" + id
	case "room":
		return "/rooms/" + id
	}
	return ""
}

func join(words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

func oneLine(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), " > ", " · ")
}

func upper(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

func quoted(text string) string {
	if text == "" {
		return ""
	}
	return "“" + cut(text, 120) + "”"
}

// spaced writes CamelCase as small words.
func spaced(text string) string {
	var b strings.Builder
	for n, r := range text {
		if r >= 'A' && r <= 'Z' {
			if n > 0 {
				b.WriteByte(' ')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

func clockOf(text string) string {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	return t.UTC().Format("2006-01-02 15:04:05") + " UTC"
}

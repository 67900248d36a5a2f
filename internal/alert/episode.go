package alert

import (
	"context"
	"fmt"
	"time"

	"muster/internal/db"
	"muster/internal/incident"
	"muster/internal/ledger"
)

// DESIGN: an alert is an episode of trouble.
//
// A source names an alert by its fingerprint and says "firing, since S", again
// and again, and "resolved, at E" at most once. What it says can be late, twice,
// in the wrong order, or missing: nothing is sent about an alert that is
// silenced or inhibited, or whose sender lost its state. So Muster decides by
// itself when one episode ends and the next begins:
//
//	                 fires                       acknowledged (it, or its incident)
//	 (nothing) ───────────────▶ open ─────────────────────────────▶ acknowledged
//	                             │                                       │
//	     ends: source │ person │ incident (resolved or closed) │ silence │
//	                             ▼                                       ▼
//	                          resolved ◀───────────────────────────────────
//	                             │ fires: a new episode
//	                             ├─ its incident is open, or was resolved within
//	                             │  the reopen window ──▶ open, the same alert; a
//	                             │                        resolved incident reopens and pages
//	                             └─ else ──▶ another alert, which gathers anew:
//	                                         it declares an incident and pages
//
// What an alert that fires means:
//
//	it is                        the start it names is        it is
//	live                         known, or before             a repeat; the earliest start is kept
//	live                         clearly later (newer)        a new episode whose end was never heard
//	live, its incident over      any                          a new episode
//	resolved less than a minute  known                        an old delivery that came late, unless
//	                                                          no end follows (doubt.go)
//	resolved by a person         known, its incident open     the same episode: it stays ended (held)
//	resolved by a person         known, its incident over     the same, for the reopen window; then a new
//	                                                          episode: the source has contradicted for
//	                                                          so long, and nobody looks at it any more
//	resolved otherwise           any                          a new episode: senders keep the start when
//	                                                          an alert they had given up on comes back
//
// So an alert that was resolved by hand while its source goes on does not page
// at every resend, and yet no outage is silenced for ever by one click.
//
// What an end means: two replicas of Prometheus name different starts, and
// Alertmanager moves to the earlier one, so an end is never matched by its start
// alone. An end counts unless it lies before the episode: its time is before the
// start that is known and so is its start, or it is an end that was heard already.

// How an episode ended.
const (
	bySource   = "source"
	byPerson   = "person"
	byIncident = "incident"
	bySilence  = "silence"
)

// lateDuplicate is how soon after its end an alert that says it fires, with the
// start it already had, is taken for an old delivery that was overtaken: it fires
// only if no end follows (doubt.go). After that it fires again at once.
const lateDuplicate = time.Minute

// replicas is by how much two replicas that see the same trouble may differ in
// when it began.
const replicas = 5 * time.Minute

// known says whether the start that is named belongs to what was heard already.
func (a Alert) known(start time.Time) bool {
	return start.IsZero() || !start.After(a.latestStart)
}

// newer says whether an alert that is live names so late a start that it must
// have ended in between: later than it was last heard of, or later than what
// replicas may differ by.
func (a Alert) newer(start time.Time) bool {
	return !a.known(start) && !a.latestStart.IsZero() && (start.After(a.LastAt) || start.Sub(a.latestStart) > replicas)
}

// hear takes the start that a repeat names into the episode.
func (a *Alert) hear(start time.Time) {
	if start.IsZero() {
		return
	}
	if start.After(a.latestStart) {
		a.latestStart = start
	}
	if start.After(a.before) && (unknown(a.StartsAt) || start.Before(a.StartsAt)) {
		a.StartsAt = start
	}
}

// old says whether an end is of an earlier episode.
func (a Alert) old(start, end time.Time) bool {
	if unknown(end) {
		return false
	}
	return end.Before(a.StartsAt) && start.Before(a.StartsAt) || !end.After(a.before)
}

// unknown is a moment that nobody named. Senders write the year 1.
func unknown(t time.Time) bool { return t.Year() < 2000 }

// held says whether a person's end still stands against the same episode.
func (in *intake) held(ctx context.Context, a Alert) (bool, error) {
	if a.EndedBy != byPerson {
		return false, nil
	}
	if a.IncidentID == "" {
		return in.now.Sub(a.resolvedAt) < in.src.stale(), nil
	}
	st, err := in.standing(ctx, a.IncidentID)
	if err != nil || st.Stage.Open() {
		return true, err
	}
	since := a.resolvedAt
	if st.Ended.After(since) {
		since = st.Ended
	}
	return in.now.Sub(since) < in.s.Reopen, nil
}

// gone says whether the incident of an alert takes it back no more.
func (in *intake) gone(ctx context.Context, a Alert) (bool, error) {
	if a.IncidentID == "" {
		return false, nil
	}
	st, err := in.standing(ctx, a.IncidentID)
	if err != nil {
		return false, err
	}
	return st.Stage == incident.Closed || st.Stage == incident.Resolved && in.now.Sub(st.Ended) >= in.s.Reopen, nil
}

func (in *intake) standing(ctx context.Context, incidentID string) (incident.Standing, error) {
	if st, ok := in.standings[incidentID]; ok {
		return st, nil
	}
	all, err := in.s.Incidents.Standings(ctx, in.tx, []string{incidentID})
	if err == nil {
		in.standings[incidentID] = all[incidentID]
	}
	return all[incidentID], err
}

// begin makes of an alert its next episode: what was heard before stays behind.
func (a Alert) begin(next Alert) Alert {
	next.before = a.before
	switch {
	case a.State == Resolved && a.EndedBy == bySource && a.EndsAt != nil:
		next.before = *a.EndsAt
	case !unknown(next.StartsAt) && next.StartsAt.After(a.latestStart):
		next.before = a.latestStart
	}
	if next.before.Before(a.before) {
		next.before = a.before
	}
	next.latestStart = next.StartsAt
	return next
}

// end ends an episode and records it. What the room shows of it is finish's.
func (in *intake) end(ctx context.Context, a Alert, by string, at time.Time) (Alert, error) {
	at = at.UTC().Truncate(time.Microsecond)
	a.State, a.EndsAt, a.resolvedAt, a.EndedBy, a.ResolvedBy = Resolved, &at, in.now, by, ""
	switch by {
	case byPerson:
		a.ResolvedBy = in.who.ID
	case byIncident:
		a.resolvedAt = at // which may be long ago: then it is no late duplicate that is told now
	}
	if err := in.write(ctx, a); err != nil {
		return a, err
	}
	about := ledger.About{Resource: "alert:" + a.ID, Incident: a.IncidentID}
	if a.IncidentID != "" {
		i, err := in.incident(ctx, a.IncidentID)
		if err != nil {
			return a, err
		}
		about.Room = i.Room.ID
	}
	return a, in.s.Ledger.Append(ctx, in.tx, in.who, about, AlertResolved{Title: a.Title, By: by})
}

// lock keeps others from changing the alerts that are about to be read, where
// more than one writer can be.
func lock(tx *db.Tx) string {
	if tx.Dialect() == db.Postgres {
		return " FOR UPDATE OF a"
	}
	return ""
}

// ended says in a reply how an alert ended.
func (in *intake) ended(a Alert) string {
	length := ""
	if a.EndsAt != nil && !unknown(a.StartsAt) && !a.EndsAt.Before(a.StartsAt) {
		length = " after " + incident.Spoken(a.EndsAt.Sub(a.StartsAt))
	}
	switch a.EndedBy {
	case bySilence:
		return fmt.Sprintf("Nothing was heard of it since %s UTC: it is taken for over.", a.LastAt.Format("2 Jan 15:04"))
	case byIncident:
		return "Ended with its incident."
	}
	if a.EndedBy == byPerson {
		return fmt.Sprintf("%s resolved it by hand%s. While %s goes on about the same trouble it stays so.", in.who.Display, length, a.Source)
	}
	return "Resolved" + length + "."
}

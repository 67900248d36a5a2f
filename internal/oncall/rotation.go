package oncall

import (
	"time"
)

// Rotation is a ring of people who take turns. Turns are counted on the wall
// clock of the rotation's time zone: a shift that begins at 09:00 begins at
// 09:00 in summer and in winter, and the turn that contains a clock change is an
// hour shorter or longer.
type Rotation struct {
	ID            string     `json:"id"`
	Name          string     `json:"name"`
	Members       []string   `json:"members"`
	ShiftHours    int        `json:"shift_hours"`
	StartsAt      time.Time  `json:"starts_at"`
	TimeZone      string     `json:"time_zone"`
	EscalateAfter int        `json:"escalate_after_seconds"`
	Overrides     []Override `json:"overrides"`
	CatchAll      bool       `json:"catch_all" doc:"It is paged where nobody else is on call; one rotation of the office at most"`
	Warnings      []Warning  `json:"warnings,omitempty" doc:"Who in it a page would not reach as it should"`
}

// Override puts one person on call in place of whose turn it is, from From
// until just before Until. Of several that overlap the one made last wins.
type Override struct {
	ID     string    `json:"id"`
	UserID string    `json:"user_id"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
}

// Duty is one stretch of time during which one person is on call.
type Duty struct {
	UserID string
	From   time.Time
	Until  time.Time
	// Overridden says that an override, not the ring, put the person there.
	Overridden bool
}

// EscalateDelay is how long a page may stay unanswered before the next person is paged.
func (r Rotation) EscalateDelay() time.Duration {
	if r.EscalateAfter <= 0 {
		return DefaultEscalateAfter
	}
	return time.Duration(r.EscalateAfter) * time.Second
}

// location falls back to UTC: a stored name was valid when it was stored, and a
// host whose zone database lost it must still page somebody.
func (r Rotation) location() *time.Location {
	loc, err := time.LoadLocation(r.TimeZone)
	if err != nil {
		return time.UTC
	}
	return loc
}

// turn returns the number of the shift that covers at (negative before the
// rotation's start) and the instants that bound it.
func (r Rotation) turn(at time.Time) (n int64, from, until time.Time) {
	loc := r.location()
	hours := int64(r.ShiftHours)
	if hours <= 0 {
		hours = 24
	}
	// Seconds, not Durations: those end after 292 years.
	base := wall(r.StartsAt.In(loc)).Unix()
	n = floorDiv(wall(at.In(loc)).Unix()-base, hours*3600)
	start := func(k int64) time.Time {
		return instant(time.Unix(base+k*hours*3600, 0).UTC(), loc)
	}
	// The guess is off by at most a few turns: the hour that happens twice, or
	// the one that never happens, lies between wall clock and instant.
	for start(n).After(at) {
		n--
	}
	for !start(n + 1).After(at) {
		n++
	}
	return n, start(n), start(n + 1)
}

// regular is the ring's own answer, before overrides.
func (r Rotation) regular(at time.Time) (index int, d Duty, ok bool) {
	if len(r.Members) == 0 {
		return 0, Duty{}, false
	}
	n, from, until := r.turn(at)
	index = int(((n % int64(len(r.Members))) + int64(len(r.Members))) % int64(len(r.Members)))
	return index, Duty{UserID: r.Members[index], From: from, Until: until}, true
}

// override returns the override in force at the instant.
func (r Rotation) override(at time.Time) (Override, bool) {
	for i := len(r.Overrides) - 1; i >= 0; i-- {
		o := r.Overrides[i]
		if !at.Before(o.From) && at.Before(o.Until) {
			return o, true
		}
	}
	return Override{}, false
}

// segment is the longest stretch around at during which neither the turn nor
// the override in force changes. From is not searched backwards beyond the turn.
func (r Rotation) segment(at time.Time) (Duty, bool) {
	_, d, ok := r.regular(at)
	o, overridden := r.override(at)
	if !ok && !overridden {
		return Duty{}, false
	}
	if overridden {
		d.UserID, d.Overridden = o.UserID, true
		if !ok || o.From.After(d.From) {
			d.From = o.From
		}
		if !ok || o.Until.Before(d.Until) {
			d.Until = o.Until
		}
	}
	for _, other := range r.Overrides {
		for _, edge := range [2]time.Time{other.From, other.Until} {
			if edge.After(at) && edge.Before(d.Until) {
				d.Until = edge
			}
			if !edge.After(at) && edge.After(d.From) {
				d.From = edge
			}
		}
	}
	return d, true
}

// maxSegments bounds the look-ahead of At: a rotation of one person never changes hands.
const maxSegments = 64

// At returns who is on call at the instant and until when the same person stays.
// A rotation without members answers only while an override is in force.
func (r Rotation) At(at time.Time) (Duty, bool) {
	d, ok := r.segment(at)
	if !ok {
		return Duty{}, false
	}
	for range maxSegments {
		next, ok := r.segment(d.Until)
		if !ok || next.UserID != d.UserID {
			break
		}
		d.Until = next.Until
	}
	return d, true
}

// After returns who follows the person on call at the instant. With one member
// and no override that is the same person again.
func (r Rotation) After(at time.Time) (Duty, bool) {
	d, ok := r.At(at)
	if !ok {
		return Duty{}, false
	}
	return r.At(d.Until)
}

// Ladder is the order in which people are paged from the instant on: whoever is
// on call, then the others in the order of the ring. Somebody replaced by an
// override is off duty and therefore not on the ladder in that place.
func (r Rotation) Ladder(at time.Time) []string {
	index, _, ok := r.regular(at)
	o, overridden := r.override(at)
	if !ok {
		if overridden {
			return []string{o.UserID}
		}
		return []string{}
	}
	ladder := make([]string, 0, len(r.Members))
	seen := map[string]bool{}
	add := func(user string) {
		if user != "" && !seen[user] {
			seen[user] = true
			ladder = append(ladder, user)
		}
	}
	if overridden {
		add(o.UserID)
	} else {
		add(r.Members[index])
	}
	for k := 1; k < len(r.Members); k++ {
		add(r.Members[(index+k)%len(r.Members)])
	}
	return ladder
}

// wall strips the zone: the reading of the clock on the wall, as if it were UTC,
// so that hours can be added to it without meeting a clock change.
func wall(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// instant finds when the wall clock in loc shows w. A reading that happens twice
// means its first time; one that never happens means the moment of the change.
func instant(w time.Time, loc *time.Location) time.Time {
	y, m, d := w.Date()
	t := time.Date(y, m, d, w.Hour(), w.Minute(), w.Second(), 0, loc)
	start, end := t.ZoneBounds()
	if !wall(t).Equal(w) {
		// In a gap Go picks an instant beside the change; the change is the nearer bound.
		switch {
		case start.IsZero():
			return end
		case end.IsZero():
			return start
		case t.Sub(start) <= end.Sub(t):
			return start
		default:
			return end
		}
	}
	if start.IsZero() {
		return t
	}
	_, before := start.Add(-time.Nanosecond).Zone()
	_, now := t.Zone()
	if before > now {
		if first := t.Add(-time.Duration(before-now) * time.Second); first.Before(start) && wall(first.In(loc)).Equal(w) {
			return first
		}
	}
	return t
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

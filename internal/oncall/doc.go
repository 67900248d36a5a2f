// Package oncall answers who is on call for a service, now or at any instant:
// services, rotations over their people, and overrides. Its invariant: the
// answer is a pure function of what is stored and the instant asked about, so
// that "who was on call then" has one answer. Paging the person, and what
// happens when nobody answers, belong to package incident.
package oncall

import "time"

// DefaultEscalateAfter is how long a page may go unanswered where a rotation does not say.
const DefaultEscalateAfter = 5 * time.Minute

// DefaultAckTimeout is how long an acknowledged incident may stay untouched where a service does not say.
const DefaultAckTimeout = 30 * time.Minute

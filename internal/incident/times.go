package incident

import (
	"sort"
	"time"

	"muster/internal/db"
)

// Times are the named moments of an incident. They are set as things happen
// and can be corrected; the ledger keeps what they were.
type Times struct {
	ImpactStarted  *time.Time `json:"impact_started,omitempty"`
	FirstSignal    *time.Time `json:"first_signal,omitempty"`
	Detected       *time.Time `json:"detected,omitempty"`
	Declared       *time.Time `json:"declared" nullable:"false"`
	Acknowledged   *time.Time `json:"acknowledged,omitempty"`
	FirstResponder *time.Time `json:"first_responder,omitempty"`
	Mitigated      *time.Time `json:"mitigated,omitempty"`
	Resolved       *time.Time `json:"resolved,omitempty"`
	Closed         *time.Time `json:"closed,omitempty"`
}

// TimeNames in the order in which they normally come.
var TimeNames = []string{"impact_started", "first_signal", "detected", "declared", "acknowledged", "first_responder", "mitigated", "resolved", "closed"}

func (t *Times) field(name string) **time.Time {
	switch name {
	case "impact_started":
		return &t.ImpactStarted
	case "first_signal":
		return &t.FirstSignal
	case "detected":
		return &t.Detected
	case "declared":
		return &t.Declared
	case "acknowledged":
		return &t.Acknowledged
	case "first_responder":
		return &t.FirstResponder
	case "mitigated":
		return &t.Mitigated
	case "resolved":
		return &t.Resolved
	case "closed":
		return &t.Closed
	}
	return nil
}

// Get returns the moment with this name; nil when it is not set.
func (t Times) Get(name string) *time.Time {
	if f := t.field(name); f != nil {
		return *f
	}
	return nil
}

func when(us int64) *time.Time {
	if us == 0 {
		return nil
	}
	t := db.At(us)
	return &t
}

func micro(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return db.Micro(*t)
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

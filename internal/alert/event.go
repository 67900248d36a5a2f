package alert

// Fired records a new alert.
type Fired struct {
	Title       string `json:"title" class:"internal"`
	Source      string `json:"source" class:"public"`
	Fingerprint string `json:"fingerprint" class:"public"`
	Service     string `json:"service" class:"public"`
	Environment string `json:"environment" class:"public"`
	Severity    int    `json:"severity" class:"public"`
	Rule        string `json:"rule,omitempty" class:"public"`
}

func (Fired) EventKind() string { return "alert.Fired" }

// Reopened records an alert that fires again soon after its end.
type Reopened struct {
	Title string `json:"title" class:"internal"`
	Count int    `json:"count" class:"public"`
}

func (Reopened) EventKind() string { return "alert.Reopened" }

// AlertResolved records that it is over, and by whose word.
type AlertResolved struct {
	Title string `json:"title" class:"internal"`
	By    string `json:"by,omitempty" class:"public"` // source, person, incident, silence
}

func (AlertResolved) EventKind() string { return "alert.Resolved" }

// AcknowledgedBy records that somebody looks at it.
type AcknowledgedBy struct {
	Title string `json:"title" class:"internal"`
}

func (AcknowledgedBy) EventKind() string { return "alert.Acknowledged" }

// SourceSaved records a new source, or a new secret in its URL.
type SourceSaved struct {
	Name    string `json:"name" class:"public"`
	Kind    string `json:"kind" class:"public"`
	Service string `json:"service" class:"public"`
	Rotated bool   `json:"rotated" class:"public"`
	Stale   int    `json:"stale_after_seconds,omitempty" class:"public"`
}

func (SourceSaved) EventKind() string { return "alert.SourceSaved" }

// SourceRemoved records that a source's URL no longer works.
type SourceRemoved struct {
	Name string `json:"name" class:"public"`
}

func (SourceRemoved) EventKind() string { return "alert.SourceRemoved" }

// RulesChanged records the rules as they are from now on.
type RulesChanged struct {
	Rules []RoutingRule `json:"rules" class:"internal"`
}

func (RulesChanged) EventKind() string { return "alert.RulesChanged" }

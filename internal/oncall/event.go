package oncall

import "time"

// ServiceSaved records a service as it is from now on.
type ServiceSaved struct {
	Name         string   `json:"name" class:"public"`
	Title        string   `json:"title" class:"internal"`
	Environments []string `json:"environments" class:"public"`
	Rotation     string   `json:"rotation" class:"public"`
	RunbookURL   string   `json:"runbook_url" class:"internal"`
	AckTimeout   int      `json:"ack_timeout_seconds" class:"public"`
	GatherAfter  int      `json:"gather_after_seconds,omitempty" class:"public"`
	New          bool     `json:"new" class:"public"`
}

func (ServiceSaved) EventKind() string { return "oncall.ServiceSaved" }

// RotationSaved records a rotation as it is from now on.
type RotationSaved struct {
	Name          string    `json:"name" class:"public"`
	Members       []string  `json:"members" class:"public"`
	ShiftHours    int       `json:"shift_hours" class:"public"`
	StartsAt      time.Time `json:"starts_at" class:"public"`
	TimeZone      string    `json:"time_zone" class:"public"`
	EscalateAfter int       `json:"escalate_after_seconds" class:"public"`
	CatchAll      bool      `json:"catch_all,omitempty" class:"public"`
	New           bool      `json:"new" class:"public"`
}

func (RotationSaved) EventKind() string { return "oncall.RotationSaved" }

// ServiceRemoved records that a service is no longer kept.
type ServiceRemoved struct {
	Name string `json:"name" class:"public"`
}

func (ServiceRemoved) EventKind() string { return "oncall.ServiceRemoved" }

// RotationRemoved records that a rotation is no longer kept, and who was in it.
type RotationRemoved struct {
	Name    string   `json:"name" class:"public"`
	Members []string `json:"members" class:"public"`
}

func (RotationRemoved) EventKind() string { return "oncall.RotationRemoved" }

// OverrideRemoved records that an override does not come, or ended early.
type OverrideRemoved struct {
	Rotation string    `json:"rotation" class:"public"`
	User     string    `json:"user" class:"public"`
	From     time.Time `json:"from" class:"public"`
	Until    time.Time `json:"until" class:"public"`
	Ended    bool      `json:"ended" class:"public"` // it had begun, and ended now
}

func (OverrideRemoved) EventKind() string { return "oncall.OverrideRemoved" }

// Overridden records that somebody takes a stretch of another's duty.
type Overridden struct {
	Rotation string    `json:"rotation" class:"public"`
	User     string    `json:"user" class:"public"`
	From     time.Time `json:"from" class:"public"`
	Until    time.Time `json:"until" class:"public"`
}

func (Overridden) EventKind() string { return "oncall.Overridden" }

// SwapAsked records that somebody asks another to take a stretch of their duty.
type SwapAsked struct {
	Swap     string    `json:"swap" class:"public"`
	Rotation string    `json:"rotation" class:"public"`
	User     string    `json:"user" class:"public"`
	Other    string    `json:"other" class:"public"`
	From     time.Time `json:"from" class:"public"`
	Until    time.Time `json:"until" class:"public"`
}

func (SwapAsked) EventKind() string { return "oncall.SwapAsked" }

// SwapAnswered records what came of it.
type SwapAnswered struct {
	Swap     string `json:"swap" class:"public"`
	Rotation string `json:"rotation" class:"public"`
	User     string `json:"user" class:"public"`
	Other    string `json:"other" class:"public"`
	Answer   string `json:"answer" class:"public"` // accepted, declined, withdrawn
}

func (SwapAnswered) EventKind() string { return "oncall.SwapAnswered" }

// CalendarMade records a new secret address of a person's duties.
type CalendarMade struct {
	User string `json:"user" class:"public"`
}

func (CalendarMade) EventKind() string { return "oncall.CalendarMade" }

// CalendarEnded records that there is none any more.
type CalendarEnded struct {
	User string `json:"user" class:"public"`
}

func (CalendarEnded) EventKind() string { return "oncall.CalendarEnded" }

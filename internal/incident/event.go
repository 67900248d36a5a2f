package incident

import "time"

// Declared records a new incident.
type Declared struct {
	Ticket      string `json:"ticket" class:"public"`
	Title       string `json:"title" class:"internal"`
	Severity    int    `json:"severity" class:"public"`
	Service     string `json:"service" class:"public"`
	Environment string `json:"environment" class:"public"`
	Mode        string `json:"mode" class:"public"`
	Restricted  bool   `json:"restricted,omitempty" class:"public"`
}

func (Declared) EventKind() string { return "incident.Declared" }

// StageChanged records a step along the stages, or a reopening.
type StageChanged struct {
	From Stage  `json:"from" class:"public"`
	To   Stage  `json:"to" class:"public"`
	Note string `json:"note,omitempty" class:"internal"`
}

func (StageChanged) EventKind() string { return "incident.StageChanged" }

// SeverityChanged records a new severity.
type SeverityChanged struct {
	From int    `json:"from" class:"public"`
	To   int    `json:"to" class:"public"`
	Why  string `json:"why,omitempty" class:"internal"`
}

func (SeverityChanged) EventKind() string { return "incident.SeverityChanged" }

// Changed records another changed field.
type Changed struct {
	Field string `json:"field" class:"public"`
	From  string `json:"from" class:"internal"`
	To    string `json:"to" class:"internal"`
}

func (Changed) EventKind() string { return "incident.Changed" }

// RoleChanged records who holds a role from now on; User is empty when nobody does.
type RoleChanged struct {
	Role string `json:"role" class:"public"`
	User string `json:"user" class:"public"`
	From string `json:"from" class:"public"`
}

func (RoleChanged) EventKind() string { return "incident.RoleChanged" }

// GroupsNamed records which groups a restricted incident was opened to, and who
// was in them.
type GroupsNamed struct {
	Groups []string `json:"groups" class:"public"`
	Users  []string `json:"users" class:"public"`
}

func (GroupsNamed) EventKind() string { return "incident.GroupsNamed" }

// TimeSet records a corrected moment.
type TimeSet struct {
	Name string     `json:"name" class:"public"`
	From *time.Time `json:"from,omitempty" class:"public"`
	To   *time.Time `json:"to,omitempty" class:"public"`
}

func (TimeSet) EventKind() string { return "incident.TimeSet" }

// Noted records a note. Its text is personal and stored apart.
type Noted struct {
	Note string    `json:"note" class:"public"`
	At   time.Time `json:"at" class:"public"`
	Text string    `json:"text" class:"secret"`
}

func (Noted) EventKind() string { return "incident.Noted" }

// Paged records a page to a person.
type Paged struct {
	Page    string `json:"page" class:"public"`
	User    string `json:"user" class:"public"`
	Level   int    `json:"level" class:"public"`
	Service string `json:"service,omitempty" class:"public"`
}

func (Paged) EventKind() string { return "incident.Paged" }

// PageSeen records that the person saw the page.
type PageSeen struct {
	Page string `json:"page" class:"public"`
	User string `json:"user" class:"public"`
}

func (PageSeen) EventKind() string { return "incident.PageSeen" }

// NobodyToPage records that a page could not go to anybody: nobody is on call,
// or everybody was paged and nobody acknowledged.
type NobodyToPage struct {
	Service string `json:"service" class:"public"`
	Reason  string `json:"reason" class:"public"` // none_on_call, ladder_exhausted
	Pages   int    `json:"pages" class:"public"`
	Detail  string `json:"detail,omitempty" class:"internal"` // the sentence
}

func (NobodyToPage) EventKind() string { return "incident.NobodyToPage" }

// EverybodyPaged records a round in which everybody was paged at once because
// nobody had acknowledged.
type EverybodyPaged struct {
	Service string   `json:"service,omitempty" class:"public"`
	Round   int      `json:"round" class:"public"`
	Users   []string `json:"users" class:"public"`
}

func (EverybodyPaged) EventKind() string { return "incident.EverybodyPaged" }

// Acknowledged records that somebody takes care.
type Acknowledged struct {
	First bool `json:"first" class:"public"`
	Level int  `json:"level" class:"public"` // of the page that was answered; 0 when none was
}

func (Acknowledged) EventKind() string { return "incident.Acknowledged" }

// AckLapsed records that an acknowledgement ran out because nothing followed it.
type AckLapsed struct {
	QuietSeconds int `json:"quiet_seconds" class:"public"`
}

func (AckLapsed) EventKind() string { return "incident.AckLapsed" }

// Reminded records who was reminded that nobody touches the incident.
type Reminded struct {
	QuietSeconds int      `json:"quiet_seconds" class:"public"`
	Users        []string `json:"users" class:"public"`
}

func (Reminded) EventKind() string { return "incident.Reminded" }

// Merged records in both incidents that one went on as the other.
type Merged struct {
	From       string `json:"from" class:"public"`
	FromTicket string `json:"from_ticket" class:"public"`
	Into       string `json:"into" class:"public"`
	IntoTicket string `json:"into_ticket" class:"public"`
	Title      string `json:"title" class:"internal"` // of the one that ended
}

func (Merged) EventKind() string { return "incident.Merged" }

// FirstResponder records the first person in the room.
type FirstResponder struct {
	User string `json:"user" class:"public"`
}

func (FirstResponder) EventKind() string { return "incident.FirstResponder" }

// FollowupAdded records an action or a question for after the incident.
type FollowupAdded struct {
	Followup string `json:"followup" class:"public"`
	Type     string `json:"type" class:"public"` // action, question
	Owner    string `json:"owner,omitempty" class:"public"`
	Due      string `json:"due,omitempty" class:"public"`
	Text     string `json:"text" class:"secret"`
}

func (FollowupAdded) EventKind() string { return "incident.FollowupAdded" }

// FollowupChanged records an action or question as it is now.
type FollowupChanged struct {
	Followup string `json:"followup" class:"public"`
	Type     string `json:"type" class:"public"`
	Was      string `json:"was" class:"public"`
	State    string `json:"state" class:"public"`
	Owner    string `json:"owner,omitempty" class:"public"`
	Due      string `json:"due,omitempty" class:"public"`
	Text     string `json:"text" class:"secret"`
	Answer   string `json:"answer,omitempty" class:"secret"`
}

func (FollowupChanged) EventKind() string { return "incident.FollowupChanged" }

// PostmortemExported records that a draft left Muster.
type PostmortemExported struct {
	Format string `json:"format" class:"public"` // markdown, pdf
	SHA256 string `json:"sha256" class:"public"` // of the file
}

func (PostmortemExported) EventKind() string { return "incident.PostmortemExported" }

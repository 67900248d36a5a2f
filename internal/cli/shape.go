package cli

import (
	"encoding/json"
	"strings"
	"time"
)

// What --json prints. Fields are added, never renamed or removed: scripts read
// them. Lists are {"items": [...]}, also when empty.

type user struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Display  string   `json:"display"`
	Email    string   `json:"email"`
	Title    string   `json:"title"`
	Roles    []string `json:"roles"`
	Disabled bool     `json:"disabled"`
	Kind     string   `json:"kind"`
	Password string   `json:"password,omitempty"` // only when one was generated just now
}

type named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type room struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Kind     string `json:"kind"`
	Topic    string `json:"topic"`
	Private  bool   `json:"private"`
	Archived bool   `json:"archived"`
}

type said struct {
	ID     string   `json:"id"`
	RoomID string   `json:"room_id"`
	Seq    int64    `json:"seq"`
	Text   string   `json:"text"`
	Reply  string   `json:"reply,omitempty"`
	Error  *problem `json:"error,omitempty"`
}

type incident struct {
	ID          string            `json:"id"`
	Ticket      string            `json:"ticket"`
	Title       string            `json:"title"`
	Room        named             `json:"room"`
	Severity    int               `json:"severity"`
	Stage       string            `json:"stage"`
	Mode        string            `json:"mode"`
	Restricted  bool              `json:"restricted"`
	MergedInto  string            `json:"merged_into,omitempty"`
	Service     string            `json:"service"`
	Environment string            `json:"environment"`
	Summary     string            `json:"summary"`
	TicketURL   string            `json:"ticket_url,omitempty"`
	Times       map[string]*stamp `json:"times"`
	Roles       []json.RawMessage `json:"roles"`
	Alerts      []incidentAlert   `json:"alerts"`
}

type incidentAlert struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	State string `json:"state"`
}

type stamp = time.Time

type alert struct {
	ID          string            `json:"id"`
	State       string            `json:"state"`
	Title       string            `json:"title"`
	Source      string            `json:"source"`
	Service     string            `json:"service"`
	Environment string            `json:"environment"`
	Severity    int               `json:"severity"`
	Fingerprint string            `json:"fingerprint"`
	Labels      map[string]string `json:"labels"`
	IncidentID  string            `json:"incident_id,omitempty"`
	Count       int               `json:"count"`
	StartsAt    *time.Time        `json:"starts_at"`
	LastAt      *time.Time        `json:"last_at"`
}

type alertSource struct {
	ID             string     `json:"id"`
	Kind           string     `json:"kind"`
	Name           string     `json:"name"`
	Service        string     `json:"service"`
	LastDeliveryAt *time.Time `json:"last_delivery_at"`
	LastError      string     `json:"last_error,omitempty"`
	StaleAfter     int        `json:"stale_after_seconds"`
	LeftOut        int        `json:"left_out"`
	Notice         string     `json:"notice,omitempty"`
}

type service struct {
	ID           string   `json:"id"`
	Name         string   `json:"name"`
	Title        string   `json:"title"`
	Environments []string `json:"environments"`
	RotationID   string   `json:"rotation_id"`
	RunbookURL   string   `json:"runbook_url"`

	AckTimeoutSeconds int       `json:"ack_timeout_seconds"`
	Warnings          []warning `json:"warnings,omitempty"`
}

// warning is why a page would not reach somebody.
type warning struct {
	Kind   string `json:"kind"`
	UserID string `json:"user_id,omitempty"`
	Text   string `json:"text"`
}

type rotation struct {
	ID                   string   `json:"id"`
	Name                 string   `json:"name"`
	Members              []string `json:"members"` // user ids, in order
	ShiftHours           int      `json:"shift_hours"`
	TimeZone             string   `json:"time_zone"`
	EscalateAfterSeconds int      `json:"escalate_after_seconds"`
	CatchAll             bool     `json:"catch_all"`

	Warnings []warning `json:"warnings,omitempty"`
}

type project struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Title string `json:"title"`
	Raw   bool   `json:"allow_raw"`

	Environments map[string]string `json:"environments"`
}

type job struct {
	ID          string `json:"id"`
	UUID        string `json:"uuid"`
	Project     string `json:"project"`
	Group       string `json:"group"`
	Name        string `json:"name"`
	FullName    string `json:"full_name"`
	Description string `json:"description"`
	Version     int    `json:"version"`
}

type node struct {
	Name        string   `json:"name"`
	Hostname    string   `json:"hostname"`
	Username    string   `json:"username"`
	Tags        []string `json:"tags"`
	Environment string   `json:"environment"`
	Description string   `json:"description"`
}

type imported struct {
	Name    string   `json:"name"`
	Result  string   `json:"result"`
	Message string   `json:"message"`
	Line    int      `json:"line,omitempty"`
	Remarks []remark `json:"remarks,omitempty"`
}

// remark is a part of the message: of one step and one kind.
type remark struct {
	Step   string   `json:"step,omitempty"`
	Kind   string   `json:"kind"`
	Tokens []string `json:"tokens,omitempty"`
	Text   string   `json:"text"`
}

type storedKey struct {
	Path        string     `json:"path"`
	Type        string     `json:"type"`
	Size        int        `json:"size"`
	Fingerprint string     `json:"fingerprint,omitempty"`
	ModifiedAt  *time.Time `json:"modified_at"`

	Nodes        []string `json:"nodes"`
	Environments []string `json:"environments"`
}

// usedFor says what the key is bound to.
func (k storedKey) usedFor() string {
	out := strings.Join(k.Nodes, ", ")
	if len(k.Environments) > 0 {
		if out != "" {
			out += " in "
		}
		out += strings.Join(k.Environments, ", ")
	}
	if out == "" {
		return "any node"
	}
	return out
}

// run is what --json prints of a run. The API gives the job as an object or
// null; here it is its name, empty for a command that belongs to no job.
type run struct {
	ID          string     `json:"id"`
	Number      int64      `json:"number"`
	State       string     `json:"state"`
	Reason      string     `json:"reason"`
	Job         string     `json:"job"`
	Project     string     `json:"project"`
	Kind        string     `json:"kind"`
	Title       string     `json:"title"`
	Environment string     `json:"environment"`
	RequestedBy string     `json:"requested_by"`
	RoomID      string     `json:"room_id,omitempty"`
	IncidentID  string     `json:"incident_id,omitempty"`
	RequestedAt *time.Time `json:"requested_at"`
	StartedAt   *time.Time `json:"started_at"`
	FinishedAt  *time.Time `json:"finished_at"`
	Progress    progress   `json:"progress"`
	Nodes       []runNode  `json:"nodes"`
	Approval    *approval  `json:"approval"`
	Digest      string     `json:"digest,omitempty"`
	LogSHA256   string     `json:"log_sha256,omitempty"`
}

type progress struct {
	Done   int `json:"done"`
	Total  int `json:"total"`
	Failed int `json:"failed"`
}

type runNode struct {
	Name  string `json:"name"`
	State string `json:"state"`
	Exit  *int   `json:"exit,omitempty"`
	Error string `json:"error"`
}

type approval struct {
	ID        string     `json:"id"`
	State     string     `json:"state"`
	Need      int        `json:"need"`
	Groups    []string   `json:"groups"`
	ExpiresAt *time.Time `json:"expires_at"`
	Votes     []vote     `json:"votes"`
	Digest    string     `json:"digest"`
	Summary   string     `json:"summary"`
}

type vote struct {
	UserID   string     `json:"user_id"`
	Decision string     `json:"decision"`
	Note     string     `json:"note"`
	At       *time.Time `json:"at"`
}

func (r *run) UnmarshalJSON(data []byte) error {
	type plain run // without this method
	in := struct {
		*plain
		Job *struct {
			Name     string `json:"name"`
			FullName string `json:"full_name"`
		} `json:"job"`
	}{plain: (*plain)(r)}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	if in.Job != nil {
		if r.Job = in.Job.FullName; r.Job == "" {
			r.Job = in.Job.Name
		}
	}
	if r.Nodes == nil {
		r.Nodes = []runNode{}
	}
	return nil
}

// over says whether nothing more will happen by itself.
func (r *run) over() bool {
	switch r.State {
	case "waiting", "queued", "running":
		return false
	}
	return true
}

type logLine struct {
	N      int64  `json:"n"`
	Node   string `json:"node"`
	Step   int    `json:"step"`
	Stream string `json:"stream"`
	Text   string `json:"text"`
}

type logPage struct {
	Items []logLine `json:"items"`
	Next  int64     `json:"next"`
	Total int64     `json:"total"`
	Done  bool      `json:"done"`
}

// after is where the next page begins.
func (p logPage) after() int64 {
	return max(p.Next, p.Items[len(p.Items)-1].N)
}

type gateway struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	URL     string `json:"url"`
	Address string `json:"address"`
	Enabled bool   `json:"enabled"`
	Secret  string `json:"secret,omitempty"` // only when one was made just now
}

type delivered struct {
	At             time.Time `json:"at"`
	Sent           bool      `json:"sent"`
	Error          string    `json:"error"`
	Answer         string    `json:"answer"`
	NotificationID string    `json:"notification_id"`
	UserID         string    `json:"user_id"`
	Title          string    `json:"title"`
}

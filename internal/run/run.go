package run

import (
	"slices"
	"strconv"
	"time"

	"muster/internal/actor"
	"muster/internal/approval"
)

// State of a run.
//
//	waiting ──approved──▶ queued ──claimed──▶ running ──▶ succeeded, failed, stopped, timed-out
//	   │                    │                    └─worker vanished─▶ unknown ──a person settles──▶ failed
//	   └──declined, expired, stopped─────────────▶ stopped
//
// An idempotent job's run goes from running back to queued when its worker vanished.
const (
	Waiting   = "waiting"
	Queued    = "queued"
	Running   = "running"
	Succeeded = "succeeded"
	Failed    = "failed"
	StoppedBy = "stopped"
	TimedOut  = "timed-out"
	Unknown   = "unknown"
)

// States of a step, and of a node.
const (
	Pending  = "pending"
	StepRuns = "running"
	StepOK   = "succeeded"
	StepFail = "failed"
	Skipped  = "skipped"
	Halted   = "stopped" // it was running when the run was stopped
	Handled  = "handled"
)

// Kinds of runs.
const (
	KindJob   = "job"
	KindAdhoc = "adhoc"
)

// Run is one execution, in the form answers, cards and screens have it; what
// depends on who looks is added by Store.View.
type Run struct {
	RunSummary
	Command    string          `json:"command,omitempty" doc:"Of an ad-hoc run"`
	Options    []RunOption     `json:"options"`
	NodeFilter string          `json:"node_filter"`
	Digest     string          `json:"digest" doc:"What an approval binds: job version, options and nodes"`
	Nodes      []RunNode       `json:"nodes"`
	MoreNodes  int             `json:"more_nodes,omitempty" doc:"Nodes left out of a card"`
	Steps      []RunStep       `json:"steps"`
	Approval   *Approval       `json:"approval"`
	LogSHA256  string          `json:"log_sha256"`
	MessageID  string          `json:"message_id,omitempty"`
	Abilities  map[string]bool `json:"abilities"`
	Again      *Again          `json:"again,omitempty" doc:"What asks for the same; only where one run is read"`
	DeniedWhy  string          `json:"denied_approve,omitempty" doc:"Why this person cannot approve it"`
	JobID      string          `json:"-"`
	JobGroup   string          `json:"-"`
	JobUUID    string          `json:"-"`
	ApprovalID string          `json:"-"`
	RequestBy  string          `json:"-"`
	Attempt    int64           `json:"-"`
	Worker     string          `json:"-"`
	StopBy     string          `json:"-"`
	StopReason string          `json:"-"`
	spec       spec
	sealed     []byte
	hand       hand
}

// hand is what asked for a run, kept for what the run records when its request
// is long over.
type hand struct {
	Session string `json:"session,omitempty"`
	Token   bool   `json:"token,omitempty"`
	Via     string `json:"via,omitempty"`
	ViaName string `json:"via_name,omitempty"`
	Address string `json:"address,omitempty"`
	Shown   string `json:"shown,omitempty"` // what people are told of Via
}

func handOf(who actor.Actor) hand {
	return hand{who.Session, who.Token, who.LentBy, who.LentName, who.Address, who.Via()}
}

// of is who acting by the hand that asked.
func (h hand) of(who actor.Actor) actor.Actor {
	return who.By(actor.Actor{Door: "task", Session: h.Session, Token: h.Token, LentBy: h.Via, LentName: h.ViaName, Address: h.Address})
}

// RunSummary is a run in a list.
type RunSummary struct {
	ID          string      `json:"id"`
	Number      int64       `json:"number"`
	Project     string      `json:"project"`
	Kind        string      `json:"kind" enum:"job,adhoc"`
	Job         *RunJob     `json:"job"`
	Title       string      `json:"title"`
	State       string      `json:"state" enum:"waiting,queued,running,succeeded,failed,stopped,timed-out,unknown"`
	Reason      string      `json:"reason" doc:"Why it is in this state, in words"`
	Environment string      `json:"environment" doc:"Of its nodes; several are joined by a comma"`
	Production  bool        `json:"production" doc:"One of its nodes needed what production needs when it was asked for: its environment is production, or nobody knows what it is"`
	RequestedBy string      `json:"requested_by" doc:"User id"`
	Via         string      `json:"requested_via,omitempty" doc:"Display name of who made the API token it was asked for with, when that is not the person"`
	RoomID      string      `json:"room_id,omitempty"`
	IncidentID  string      `json:"incident_id,omitempty"`
	RequestedAt time.Time   `json:"requested_at"`
	StartedAt   *time.Time  `json:"started_at,omitempty"`
	FinishedAt  *time.Time  `json:"finished_at,omitempty"`
	Progress    RunProgress `json:"progress"`
	LogLines    int64       `json:"log_lines"`
}

// RunJob names the job of a run.
type RunJob struct {
	ID      string `json:"id"`
	Name    string `json:"name" doc:"group/name"`
	Version int64  `json:"version"`
}

// RunProgress counts nodes.
type RunProgress struct {
	Done   int `json:"done"`
	Total  int `json:"total"`
	Failed int `json:"failed"`
}

// RunOption is a given option; a secure one shows dots.
type RunOption struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// RunNode is a node of a run.
type RunNode struct {
	Name  string        `json:"name"`
	State string        `json:"state" enum:"pending,running,succeeded,failed,stopped,skipped,handled"`
	Step  int           `json:"step" doc:"Number of the step it is at or ended with, from 1"`
	Exit  *int          `json:"exit,omitempty"`
	Error string        `json:"error"`
	Steps []RunNodeStep `json:"steps"`

	identity map[string]string
}

// RunNodeStep is a step on a node.
type RunNodeStep struct {
	N          int        `json:"n"`
	State      string     `json:"state" enum:"pending,running,succeeded,failed,stopped,skipped,handled"`
	StartedAt  *time.Time `json:"started_at,omitempty"`
	FinishedAt *time.Time `json:"finished_at,omitempty"`
	Exit       *int       `json:"exit,omitempty"`
	Error      string     `json:"error"`
}

// RunStep is a step over all nodes.
type RunStep struct {
	N          int        `json:"n"`
	Kind       string     `json:"kind"`
	Label      string     `json:"label"`
	State      string     `json:"state" enum:"pending,running,succeeded,failed,stopped,skipped,handled"`
	StartedAt  *time.Time `json:"started_at,omitempty"`
	FinishedAt *time.Time `json:"finished_at,omitempty"`
}

// Approval is what a run's viewers see of its approval.
type Approval struct {
	ID          string    `json:"id"`
	State       string    `json:"state" enum:"asked,approved,declined,expired,voided"`
	Need        int       `json:"need"`
	Groups      []string  `json:"groups"`
	Rules       []string  `json:"rules" doc:"Which rules demand it"`
	RequestedBy string    `json:"requested_by"`
	ExpiresAt   time.Time `json:"expires_at"`
	Votes       []Vote    `json:"votes"`
	Digest      string    `json:"digest"`
	Summary     string    `json:"summary"`
	Reason      string    `json:"reason,omitempty"`
}

// Vote is one person's answer.
type Vote struct {
	UserID   string    `json:"user_id"`
	Decision string    `json:"decision" enum:"approve,decline"`
	Note     string    `json:"note"`
	At       time.Time `json:"at"`
}

// ApprovalView turns an approval into what is shown of it.
func ApprovalView(a approval.Approval) *Approval {
	v := &Approval{ID: a.ID, State: a.State, Need: approval.People(a.Needs), Groups: approval.Groups(a.Needs), Rules: []string{}, RequestedBy: a.RequestedBy,
		ExpiresAt: a.ExpiresAt, Votes: []Vote{}, Digest: a.Digest, Summary: a.Summary, Reason: a.Reason}
	for _, n := range a.Needs {
		v.Rules = append(v.Rules, n.Rule)
	}
	for _, x := range a.Votes {
		v.Votes = append(v.Votes, Vote{x.UserID, x.Decision, x.Note, x.At})
	}
	return v
}

// Ended says whether the run is over; unknown is not.
func (s RunSummary) Ended() bool {
	return slices.Contains([]string{Succeeded, Failed, StoppedBy, TimedOut}, s.State)
}

// spec is what was asked for, stored with the run; secure values are not in it.
type spec struct {
	Command   string            `json:"command,omitempty"`
	Options   map[string]string `json:"options,omitempty"`
	Secure    []string          `json:"secure,omitempty"` // given secure options
	Stored    map[string]string `json:"stored,omitempty"` // secure options read from key storage
	Filter    string            `json:"filter,omitempty"` // given by the caller
	Nodes     []string          `json:"nodes,omitempty"`  // chosen by the caller
	Shown     string            `json:"shown,omitempty"`  // the filter that counted
	Threads   int               `json:"threads,omitempty"`
	Keepgoing bool              `json:"keepgoing,omitempty"`
	// Production is whether a node was; not there in runs of before it was kept.
	Production *bool  `json:"production,omitempty"`
	Node       string `json:"node,omitempty"` // the only local node, for a job without a filter
}

// sealedSecrets is encrypted beside the run and removed when it ended.
type sealedSecrets struct {
	// HMAC keys the digest of secure values: without it a digest would let
	// anybody try passwords against it.
	HMAC   []byte            `json:"hmac"`
	Values map[string]string `json:"values"`
}

func ptr(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// NumberText is the run's number as people write it.
func (s RunSummary) NumberText() string { return strconv.FormatInt(s.Number, 10) }

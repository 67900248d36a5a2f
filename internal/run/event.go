package run

// Requested records that somebody asked for a run.
type Requested struct {
	Run         int64    `json:"run" class:"public"`
	Kind        string   `json:"kind" class:"public"`
	Title       string   `json:"title" class:"internal"`
	Job         string   `json:"job,omitempty" class:"public"`
	Version     int64    `json:"version,omitempty" class:"public"`
	Command     string   `json:"command,omitempty" class:"internal"`
	Environment string   `json:"environment" class:"public"`
	Nodes       []string `json:"nodes" class:"internal"`
	NodeCount   int      `json:"node_count" class:"public"`
	Digest      string   `json:"digest" class:"public"`
	State       string   `json:"state" class:"public"`
}

func (Requested) EventKind() string { return "run.Requested" }

// Approved records that a run has all the approval it needs.
type Approved struct {
	Run    int64    `json:"run" class:"public"`
	Title  string   `json:"title" class:"internal"`
	By     []string `json:"by" class:"public"` // user ids
	Digest string   `json:"digest" class:"public"`
	Note   string   `json:"note" class:"internal"`
}

func (Approved) EventKind() string { return "run.Approved" }

// Declined records that a run was refused by a person.
type Declined struct {
	Run   int64  `json:"run" class:"public"`
	Title string `json:"title" class:"internal"`
	Note  string `json:"note" class:"internal"`
}

func (Declined) EventKind() string { return "run.Declined" }

// Started records that a worker began to execute it.
type Started struct {
	Run         int64  `json:"run" class:"public"`
	Title       string `json:"title" class:"internal"`
	Environment string `json:"environment" class:"public"`
	Attempt     int64  `json:"attempt" class:"public"`
	Digest      string `json:"digest" class:"public"`
}

func (Started) EventKind() string { return "run.Started" }

// StopAsked records who wanted a running run stopped.
type StopAsked struct {
	Run   int64  `json:"run" class:"public"`
	Title string `json:"title" class:"internal"`
}

func (StopAsked) EventKind() string { return "run.StopAsked" }

// Finished records how a run ended, with the digest of its whole log.
type Finished struct {
	Run         int64    `json:"run" class:"public"`
	Title       string   `json:"title" class:"internal"`
	Environment string   `json:"environment" class:"public"`
	State       string   `json:"state" class:"public"`
	Reason      string   `json:"reason" class:"internal"`
	Nodes       int      `json:"nodes" class:"public"`
	Failed      []string `json:"failed" class:"internal"`
	LogLines    int64    `json:"log_lines" class:"public"`
	LogSHA256   string   `json:"log_sha256" class:"public"`
}

func (Finished) EventKind() string { return "run.Finished" }

// WorkerLost records that the worker vanished and the outcome is not known.
type WorkerLost struct {
	Run     int64  `json:"run" class:"public"`
	Title   string `json:"title" class:"internal"`
	Attempt int64  `json:"attempt" class:"public"`
	Again   bool   `json:"again" class:"public"` // an idempotent job: it is started again
}

func (WorkerLost) EventKind() string { return "run.Lost" }

// Settled records a person's word on a run whose outcome was not known.
type Settled struct {
	Run     int64  `json:"run" class:"public"`
	Title   string `json:"title" class:"internal"`
	Outcome string `json:"outcome" class:"public"`
	Next    int64  `json:"next,omitempty" class:"public"` // the run started in its place
}

func (Settled) EventKind() string { return "run.Settled" }

package access

import "time"

// Denied records that somebody was refused.
type Denied struct {
	Action string `json:"action" class:"public"`
	Type   string `json:"type" class:"public"`
	Name   string `json:"name" class:"internal"`
	Policy string `json:"policy" class:"public"` // the rule that denied; empty when none allowed
	Line   int    `json:"line" class:"public"`
	Reason string `json:"reason" class:"internal"`
}

func (Denied) EventKind() string { return "access.Denied" }

// DeniedAgain records how often somebody was refused the same again, or, with
// Various, further things of a type after too many different ones.
type DeniedAgain struct {
	Action  string    `json:"action" class:"public"`
	Type    string    `json:"type" class:"public"`
	Times   int       `json:"times" class:"public"`
	Various bool      `json:"various" class:"public"`
	From    time.Time `json:"from" class:"public"`
	To      time.Time `json:"to" class:"public"`
}

func (DeniedAgain) EventKind() string { return "access.DeniedAgain" }

func denied(d *Denial) Denied {
	e := Denied{Action: d.Action, Type: d.Resource.Type, Reason: d.Decision.Text}
	e.Name, _ = d.Resource.attr("name")
	if r := d.Decision.Rule; r != nil {
		e.Policy, e.Line = r.Policy, r.Line
	}
	return e
}

// PolicyChanged records a policy that was stored, with its whole text: an
// auditor can tell from the ledger alone what was allowed at any time.
type PolicyChanged struct {
	Name    string   `json:"name" class:"public"`
	Version int      `json:"version" class:"public"`
	Text    string   `json:"text" class:"internal"`
	SHA256  string   `json:"sha256" class:"public"`
	Dropped []string `json:"dropped" class:"internal"` // documents that are wrong and do not count
}

func (PolicyChanged) EventKind() string { return "access.PolicyChanged" }

// PolicyDeleted records that a policy no longer counts.
type PolicyDeleted struct {
	Name string `json:"name" class:"public"`
}

func (PolicyDeleted) EventKind() string { return "access.PolicyDeleted" }

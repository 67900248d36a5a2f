package call

// Started is the ledger event of a call's beginning.
type Started struct {
	Call string `json:"call" class:"public"`
}

func (Started) EventKind() string { return "call.Started" }

// Ended is the ledger event of a call's end.
type Ended struct {
	Call    string `json:"call" class:"public"`
	Seconds int64  `json:"seconds" class:"public"`
	People  int    `json:"people" class:"public"`
}

func (Ended) EventKind() string { return "call.Ended" }

// Joined is the ledger event of somebody who came into a call.
type Joined struct {
	Call string `json:"call" class:"public"`
	Mode Mode   `json:"mode" class:"public"`
}

func (Joined) EventKind() string { return "call.Joined" }

// Left is the ledger event of somebody who went out of a call.
type Left struct {
	Call    string `json:"call" class:"public"`
	Seconds int64  `json:"seconds" class:"public"`
}

func (Left) EventKind() string { return "call.Left" }

// Spoke is the ledger event of somebody's first word in a call.
type Spoke struct {
	Call string `json:"call" class:"public"`
}

func (Spoke) EventKind() string { return "call.Spoke" }

// Shared is the ledger event of somebody who began to show their screen.
type Shared struct {
	Call string `json:"call" class:"public"`
}

func (Shared) EventKind() string { return "call.Shared" }

// Muted is the ledger event of somebody muted by another.
type Muted struct {
	Call   string `json:"call" class:"public"`
	Person string `json:"person" class:"public"`
}

func (Muted) EventKind() string { return "call.Muted" }

// Moved is the ledger event of somebody put at the table or into the gallery by another.
type Moved struct {
	Call   string `json:"call" class:"public"`
	Person string `json:"person" class:"public"`
	Mode   Mode   `json:"mode" class:"public"`
}

func (Moved) EventKind() string { return "call.Moved" }

// Whispered is the ledger event of somebody who begins to speak to one person only.
type Whispered struct {
	Call string `json:"call" class:"public"`
	To   string `json:"to" class:"public"`
}

func (Whispered) EventKind() string { return "call.Whispered" }

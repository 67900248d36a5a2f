package key

// Stored records that a secret was stored or replaced; never the secret.
type Stored struct {
	Path        string `json:"path" class:"public"`
	Type        string `json:"type" class:"public"`
	Fingerprint string `json:"fingerprint" class:"public"`
	Replaced    bool   `json:"replaced" class:"public"`
}

func (Stored) EventKind() string { return "key.Stored" }

// Deleted records that a secret was removed.
type Deleted struct {
	Path string `json:"path" class:"public"`
}

func (Deleted) EventKind() string { return "key.Deleted" }

// Used records that a secret was opened for a run.
type Used struct {
	Path string `json:"path" class:"public"`
	Run  string `json:"run" class:"public"`
	Node string `json:"node" class:"public"`
}

func (Used) EventKind() string { return "key.Used" }

// Rotated records a new master key and how many secrets went under it.
type Rotated struct {
	Master string `json:"master" class:"public"`
	Keys   int    `json:"keys" class:"public"`
}

func (Rotated) EventKind() string { return "key.Rotated" }

// BoundTo records what a key may be used for; empty lists stand for everything.
type BoundTo struct {
	Path         string   `json:"path" class:"public"`
	Nodes        []string `json:"nodes" class:"internal"`
	Environments []string `json:"environments" class:"public"`
}

func (BoundTo) EventKind() string { return "key.Bound" }

package notify

// GatewaySaved records that a gateway was added or changed; never its secret.
type GatewaySaved struct {
	Gateway   string `json:"gateway" class:"public"`
	Name      string `json:"name" class:"public"`
	URL       string `json:"url" class:"internal"`
	Enabled   bool   `json:"enabled" class:"public"`
	NewSecret bool   `json:"new_secret" class:"public"`
	Created   bool   `json:"created" class:"public"`
}

func (GatewaySaved) EventKind() string { return "notify.GatewaySaved" }

// GatewayDeleted records that a gateway was removed.
type GatewayDeleted struct {
	Gateway string `json:"gateway" class:"public"`
	Name    string `json:"name" class:"public"`
}

func (GatewayDeleted) EventKind() string { return "notify.GatewayDeleted" }

// ReachSet records by which channels a person is called from now on, in order;
// addresses are their own business.
type ReachSet struct {
	Channels []string `json:"channels" class:"internal"`
}

func (ReachSet) EventKind() string { return "notify.ReachSet" }

package account

// Events of this package. Names, addresses and emails of people are personal:
// names are kept readable, since the record is about who did what; what was
// typed by somebody unknown, and emails, are stored apart.

type LoggedIn struct {
	User    string `json:"user" class:"public"`
	Session string `json:"session" class:"public"`
	Address string `json:"address" class:"internal"`
	Agent   string `json:"agent" class:"internal"`
}

func (LoggedIn) EventKind() string { return "account.LoggedIn" }

type LoginFailed struct {
	User    string `json:"user" class:"public"` // "" when there is no such account
	Address string `json:"address" class:"internal"`
	Reason  string `json:"reason" class:"public"`
	// People type passwords into the wrong field.
	Typed string `json:"typed" class:"secret"`
}

func (LoginFailed) EventKind() string { return "account.LoginFailed" }

type LockedOut struct {
	User    string `json:"user" class:"public"`
	Minutes int    `json:"minutes" class:"public"`
	Address string `json:"address" class:"internal"`
}

func (LockedOut) EventKind() string { return "account.LockedOut" }

type Unlocked struct {
	User string `json:"user" class:"public"`
}

func (Unlocked) EventKind() string { return "account.Unlocked" }

type LoggedOut struct {
	Session string `json:"session" class:"public"`
}

func (LoggedOut) EventKind() string { return "account.LoggedOut" }

type SessionRevoked struct {
	User    string `json:"user" class:"public"`
	Session string `json:"session" class:"public"`
}

func (SessionRevoked) EventKind() string { return "account.SessionRevoked" }

type AccessRevoked struct {
	User     string `json:"user" class:"public"`
	Sessions int    `json:"sessions" class:"public"`
	Tokens   int    `json:"tokens" class:"public"`
	Reason   string `json:"reason" class:"public"`
}

func (AccessRevoked) EventKind() string { return "account.AccessRevoked" }

type PasswordChanged struct {
	User  string `json:"user" class:"public"`
	Reset bool   `json:"reset" class:"public"` // by an administrator
}

func (PasswordChanged) EventKind() string { return "account.PasswordChanged" }

type Created struct {
	User    string   `json:"user" class:"public"`
	Name    string   `json:"name" class:"internal"`
	Display string   `json:"display" class:"internal"`
	Email   string   `json:"email" class:"secret"`
	Roles   []string `json:"roles" class:"public"`
	Kind    string   `json:"kind" class:"public"`
}

func (Created) EventKind() string { return "account.Created" }

type Changed struct {
	User     string   `json:"user" class:"public"`
	Display  string   `json:"display" class:"internal"`
	Title    string   `json:"title" class:"internal"`
	Team     string   `json:"team" class:"internal"`
	Skills   []string `json:"skills,omitempty" class:"internal"`
	Email    string   `json:"email" class:"secret"`
	Disabled bool     `json:"disabled" class:"public"`
}

func (Changed) EventKind() string { return "account.Changed" }

type RolesChanged struct {
	User   string   `json:"user" class:"public"`
	Before []string `json:"before" class:"public"`
	After  []string `json:"after" class:"public"`
}

func (RolesChanged) EventKind() string { return "account.RolesChanged" }

type TokenCreated struct {
	User    string `json:"user" class:"public"`
	Token   string `json:"token" class:"public"` // its id
	Name    string `json:"name" class:"internal"`
	Expires string `json:"expires" class:"public"`
}

func (TokenCreated) EventKind() string { return "account.TokenCreated" }

type TokenRevoked struct {
	User  string `json:"user" class:"public"`
	Token string `json:"token" class:"public"`
}

func (TokenRevoked) EventKind() string { return "account.TokenRevoked" }

type SetupLinkMade struct {
	Expires string `json:"expires" class:"public"`
}

func (SetupLinkMade) EventKind() string { return "account.SetupLinkMade" }

type SetUp struct {
	User string `json:"user" class:"public"`
}

func (SetUp) EventKind() string { return "account.SetUp" }

type OfficeNamed struct {
	Name string `json:"name" class:"public"`
}

func (OfficeNamed) EventKind() string { return "account.OfficeNamed" }

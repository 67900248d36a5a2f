package httpapi

import (
	"context"

	"muster/internal/access"
	"muster/internal/account"
	"muster/internal/actor"
	"muster/internal/db"
)

// UserDeps is what the people routes call.
type UserDeps struct {
	Accounts *account.Store
}

// NewUser is a fresh account.
type NewUser struct {
	User     account.User `json:"user"`
	Password string       `json:"password,omitempty" doc:"The generated password, shown this once; absent when you chose one"`
}

// FreshPassword is a password an administrator hands over.
type FreshPassword struct {
	Password string `json:"password" doc:"Shown this once; the person changes it after signing in"`
}

// UserPath names a person.
type UserPath struct {
	ID string `path:"id" maxLength:"254" doc:"User id, login or email address"`
}

// RegisterUsers adds the directory and its administration.
func RegisterUsers(a *API, d UserDeps) {
	see := func(ctx context.Context, q db.Querier, who actor.Actor) error {
		return a.Access.Check(ctx, q, who, "read", access.Resource{Type: "user", Name: "directory"})
	}
	// Asked before the password is hashed: who may not, must not make the server work.
	mayManage := func(ctx context.Context, who actor.Actor) error {
		err := a.Access.Check(ctx, a.DB.Read(), who, "manage", access.Resource{Type: "user", Name: "directory"})
		a.Access.Record(ctx, who, err)
		return err
	}
	Handle(a, Route{Method: "GET", Path: "/users", ID: "list-users", Summary: "Everybody in the office", Tag: "People", Access: "user:read"},
		func(ctx context.Context, who actor.Actor, _ *struct{}) (List[account.User], error) {
			q := a.DB.Read()
			if err := see(ctx, q, who); err != nil {
				return ListOf[account.User](nil), err
			}
			us, err := d.Accounts.List(ctx, q)
			return ListOf(us), err
		})
	Handle(a, Route{Method: "GET", Path: "/users/{id}", ID: "get-user", Summary: "One person", Tag: "People", Access: "user:read"},
		func(ctx context.Context, who actor.Actor, in *UserPath) (account.User, error) {
			q := a.DB.Read()
			if err := see(ctx, q, who); err != nil {
				return account.User{}, err
			}
			return d.Accounts.Find(ctx, q, in.ID)
		})
	type createUser struct {
		Body struct {
			Name     string   `json:"name" maxLength:"32" doc:"Login"`
			Display  string   `json:"display" maxLength:"80"`
			Email    string   `json:"email,omitempty" maxLength:"254"`
			Title    string   `json:"title,omitempty" maxLength:"80"`
			Team     string   `json:"team,omitempty" maxLength:"80"`
			Skills   []string `json:"skills,omitempty" maxItems:"20"`
			Roles    []string `json:"roles,omitempty" maxItems:"200" doc:"observer, responder, operator, approver, administrator, auditor, or a group your policies name"`
			Kind     string   `json:"kind,omitempty" enum:"person,bot" default:"person"`
			Password string   `json:"password,omitempty" maxLength:"512" doc:"Absent: one is generated and returned"`
		}
	}
	Handle(a, Route{Method: "POST", Path: "/users", ID: "create-user", Summary: "Add somebody", Tag: "People", Access: "user:manage", Status: 201},
		func(ctx context.Context, who actor.Actor, in *createUser) (NewUser, error) {
			if err := mayManage(ctx, who); err != nil {
				return NewUser{}, err
			}
			b := in.Body
			n := account.NewUser{Name: b.Name, Display: b.Display, Email: b.Email, Title: b.Title, Team: b.Team, Skills: b.Skills, Roles: b.Roles, Kind: actor.Kind(b.Kind)}
			out := NewUser{}
			var err error
			switch {
			case b.Password != "":
				n.Password, err = d.Accounts.Hash(ctx, b.Password, b.Name, b.Display, b.Email)
			case n.Kind != actor.Bot: // a bot signs in by token only
				out.Password = account.GeneratePassword()
				n.Password, err = d.Accounts.Hash(ctx, out.Password)
			}
			if err != nil {
				return NewUser{}, err
			}
			err = a.Do(ctx, who, func(tx *db.Tx) (err error) {
				out.User, err = d.Accounts.Create(ctx, tx, who, n)
				return err
			})
			if err != nil {
				return NewUser{}, err
			}
			return out, nil
		})
	type updateUser struct {
		UserPath
		Body struct {
			Display  *string   `json:"display,omitempty" maxLength:"80"`
			Email    *string   `json:"email,omitempty" maxLength:"254"`
			Title    *string   `json:"title,omitempty" maxLength:"80"`
			Team     *string   `json:"team,omitempty" maxLength:"80"`
			Skills   *[]string `json:"skills,omitempty" maxItems:"20"`
			Roles    *[]string `json:"roles,omitempty" maxItems:"200"`
			Disabled *bool     `json:"disabled,omitempty" doc:"true ends every session and token at once"`
		}
	}
	Handle(a, Route{Method: "PATCH", Path: "/users/{id}", ID: "update-user", Summary: "Change somebody's name, roles or whether they may sign in", Tag: "People", Access: "user:manage"},
		func(ctx context.Context, who actor.Actor, in *updateUser) (u account.User, err error) {
			b := in.Body
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				id, err := d.idOf(ctx, tx, in.ID)
				if err != nil {
					return err
				}
				u, err = d.Accounts.Update(ctx, tx, who, id, account.Change{Display: b.Display, Email: b.Email, Title: b.Title, Team: b.Team, Skills: b.Skills, Roles: b.Roles, Disabled: b.Disabled})
				return err
			})
			return u, err
		})
	Handle(a, Route{Method: "POST", Path: "/users/{id}/password", ID: "reset-password", Summary: "Give somebody a new password; their sessions and tokens end", Tag: "People", Access: "user:manage"},
		func(ctx context.Context, who actor.Actor, in *UserPath) (FreshPassword, error) {
			if err := mayManage(ctx, who); err != nil {
				return FreshPassword{}, err
			}
			out := FreshPassword{account.GeneratePassword()}
			hashed, err := d.Accounts.Hash(ctx, out.Password)
			if err != nil {
				return FreshPassword{}, err
			}
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				id, err := d.idOf(ctx, tx, in.ID)
				if err != nil {
					return err
				}
				return d.Accounts.ResetPassword(ctx, tx, who, id, hashed)
			})
			if err != nil {
				return FreshPassword{}, err
			}
			return out, nil
		})
	act := func(fn func(ctx context.Context, tx *db.Tx, who actor.Actor, id string) error) func(context.Context, actor.Actor, *UserPath) (None, error) {
		return func(ctx context.Context, who actor.Actor, in *UserPath) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error {
				id, err := d.idOf(ctx, tx, in.ID)
				if err != nil {
					return err
				}
				return fn(ctx, tx, who, id)
			})
		}
	}
	Handle(a, Route{Method: "POST", Path: "/users/{id}/unlock", ID: "unlock-user", Summary: "Let a locked account sign in again", Tag: "People", Access: "user:manage"}, act(d.Accounts.Unlock))
	Handle(a, Route{Method: "POST", Path: "/users/{id}/revoke", ID: "revoke-user", Summary: "End all of somebody's sessions and tokens", Tag: "People", Access: "user:manage"}, act(d.Accounts.Revoke))
}

// idOf accepts whatever Find does.
func (d UserDeps) idOf(ctx context.Context, q db.Querier, key string) (string, error) {
	u, err := d.Accounts.Find(ctx, q, key)
	return u.ID, err
}

package httpapi

import (
	"context"
	"time"

	"muster/internal/actor"
	"muster/internal/db"
	"muster/internal/key"
)

// KeyDeps is what the key storage routes call.
type KeyDeps struct {
	Keys *key.Store
}

// KeyView is a stored key without its content, which is never returned.
type KeyView struct {
	Path        string    `json:"path"`
	Type        key.Type  `json:"type" enum:"private-key,public-key,password"`
	Size        int       `json:"size"`
	Fingerprint string    `json:"fingerprint,omitempty"`
	CreatedBy   string    `json:"created_by"`
	CreatedAt   time.Time `json:"created_at"`
	ModifiedBy  string    `json:"modified_by"`
	ModifiedAt  time.Time `json:"modified_at"`

	Nodes        []string `json:"nodes" doc:"Nodes it may be used for, with * and ?; empty: any"`
	Environments []string `json:"environments" doc:"Environments it may be used for; empty: any"`
}

func keyView(k key.Item) KeyView {
	return KeyView{k.Path, k.Type, k.Size, k.Fingerprint, k.CreatedBy, k.CreatedAt, k.ModifiedBy, k.ModifiedAt, k.Nodes, k.Environments}
}

// KeyPath names a stored key; it may have slashes.
type KeyPath struct {
	Path string `path:"path" maxLength:"500" doc:"For example project/demo/deploy.key"`
}

// RegisterKeys adds key storage.
func RegisterKeys(a *API, d KeyDeps) {
	type list struct {
		Path string `query:"path" maxLength:"500" doc:"At and below this path"`
	}
	Handle(a, Route{Method: "GET", Path: "/keys", ID: "list-keys", Summary: "Stored keys, without their contents", Tag: "Keys", Access: "key:read"},
		func(ctx context.Context, who actor.Actor, in *list) (List[KeyView], error) {
			ks, err := d.Keys.List(ctx, a.DB.Read(), who, in.Path)
			vs := make([]KeyView, len(ks))
			for i, k := range ks {
				vs[i] = keyView(k)
			}
			return ListOf(vs), err
		})
	type putKey struct {
		KeyPath
		Body struct {
			Type    string `json:"type" enum:"private-key,public-key,password"`
			Content string `json:"content" maxLength:"65536" doc:"Never returned again"`
		}
	}
	Handle(a, Route{Method: "PUT", Path: "/keys/{path...}", ID: "put-key", Summary: "Store a key or password, encrypted", Tag: "Keys", Access: "key:manage"},
		func(ctx context.Context, who actor.Actor, in *putKey) (v KeyView, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				k, err := d.Keys.Put(ctx, tx, who, in.Path, key.Type(in.Body.Type), []byte(in.Body.Content))
				v = keyView(k)
				return err
			})
			return v, err
		})
	type bindKey struct {
		KeyPath
		Body struct {
			Nodes        []string `json:"nodes" maxItems:"200" doc:"Nodes it may be used for, with * and ?; empty: any"`
			Environments []string `json:"environments" maxItems:"200" doc:"Environments it may be used for, such as prod; a node whose environment nobody knows is in none. Empty: any"`
		}
	}
	Handle(a, Route{Method: "PATCH", Path: "/keys/{path...}", ID: "bind-key", Summary: "Say for which nodes and environments a key may be used", Tag: "Keys", Access: "key:manage"},
		func(ctx context.Context, who actor.Actor, in *bindKey) (v KeyView, err error) {
			err = a.Do(ctx, who, func(tx *db.Tx) error {
				k, err := d.Keys.Bind(ctx, tx, who, in.Path, key.Bound{Nodes: in.Body.Nodes, Environments: in.Body.Environments})
				v = keyView(k)
				return err
			})
			return v, err
		})
	Handle(a, Route{Method: "DELETE", Path: "/keys/{path...}", ID: "delete-key", Summary: "Delete a stored key", Tag: "Keys", Access: "key:manage"},
		func(ctx context.Context, who actor.Actor, in *KeyPath) (None, error) {
			return None{}, a.Do(ctx, who, func(tx *db.Tx) error { return d.Keys.Delete(ctx, tx, who, in.Path) })
		})
}

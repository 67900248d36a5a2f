package run

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// material is what a digest binds, in one canonical form (JSON with sorted keys):
// the job's version, every option, the nodes with what decides where and as whom
// a step runs, and for an ad-hoc run its command.
type material struct {
	Kind        string              `json:"kind"`
	Project     string              `json:"project"`
	Job         string              `json:"job"`
	Version     int64               `json:"version"`
	JobDigest   string              `json:"job_digest"`
	Command     string              `json:"command"`
	Options     map[string]string   `json:"options"`
	Secrets     map[string]string   `json:"secrets"` // HMACs, or the path of a stored key
	Nodes       []map[string]string `json:"nodes"`
	Environment string              `json:"environment"`
	Threads     int                 `json:"threads"`
	Keepgoing   bool                `json:"keepgoing"`
}

func (m material) digest() string {
	b, err := json.Marshal(m) // maps are written with sorted keys
	if err != nil {
		panic(err) // strings and numbers only
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func secretMACs(sec sealedSecrets, stored map[string]string) map[string]string {
	out := map[string]string{}
	for name, v := range sec.Values {
		mac := hmac.New(sha256.New, sec.HMAC)
		mac.Write([]byte(name + "\x00" + v))
		out[name] = "hmac:" + hex.EncodeToString(mac.Sum(nil))
	}
	for name, path := range stored {
		out[name] = "stored:" + path
	}
	return out
}

// difference says in words how the nodes differ from those asked for.
func difference(was, is []map[string]string) string {
	old, now := map[string]map[string]string{}, map[string]map[string]string{}
	for _, n := range was {
		old[n["nodename"]] = n
	}
	for _, n := range is {
		now[n["nodename"]] = n
	}
	var added, removed, changed []string
	for _, n := range is {
		name := n["nodename"]
		o, ok := old[name]
		if !ok {
			added = append(added, name)
			continue
		}
		var keys []string
		for _, k := range sortedKeys(n) {
			if n[k] != o[k] {
				keys = append(keys, k)
			}
		}
		for _, k := range sortedKeys(o) {
			if _, still := n[k]; !still {
				keys = append(keys, k)
			}
		}
		if len(keys) > 0 {
			changed = append(changed, name+" ("+strings.Join(keys, ", ")+")")
		}
	}
	for _, n := range was {
		if _, ok := now[n["nodename"]]; !ok {
			removed = append(removed, n["nodename"])
		}
	}
	var out []string
	for _, p := range []struct {
		list       []string
		one, words string
	}{{added, "was added", "were added"}, {removed, "is gone", "are gone"}, {changed, "has changed", "have changed"}} {
		if n := len(p.list); n > 0 {
			slices.Sort(p.list)
			w := p.words
			if n == 1 {
				w = p.one
			}
			out = append(out, fmt.Sprintf("%s %s", some(p.list, 5), w))
		}
	}
	return strings.Join(out, "; ")
}

// some lists at most n of the names.
func some(names []string, n int) string {
	if len(names) <= n {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
}

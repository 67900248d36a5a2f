package realtime

import (
	_ "embed"
	"encoding/json"
	"slices"
	"strings"

	"muster/internal/account"
)

//go:embed kinds.json
var kindsText []byte

// kinds is every kind of event by kind of channel. The web app's stores are held
// against it (e2e/live), so it must be whole: what is not in it is told in the log.
var kinds = func() map[string][]string {
	var m map[string][]string
	if err := json.Unmarshal(kindsText, &m); err != nil {
		panic("kinds.json: " + err.Error())
	}
	return m
}()

func listed(channel string, event any) bool {
	typ := ""
	switch e := event.(type) {
	case map[string]any:
		typ, _ = e["type"].(string)
	case map[string]string:
		typ = e["type"]
	case account.SessionEnded:
		typ = e.Type
	}
	kind, _, _ := strings.Cut(channel, ":")
	return slices.Contains(kinds[kind], typ)
}

package app

import (
	"io"
	"log/slog"
	"regexp"
	"strings"

	"muster/internal/config"
	"muster/internal/httpapi"
)

// newLog makes the server's log: one line an entry, whatever is in it, with the
// request's id on every line that belongs to one.
func newLog(out io.Writer, c config.Log) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // config.Check knows only good ones
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: discreet}
	var h slog.Handler = slog.NewTextHandler(out, o)
	if c.Format == "json" {
		h = slog.NewJSONHandler(out, o)
	}
	return slog.New(httpapi.LogHandler(h))
}

// hidden is what stands in for a secret.
const hidden = "[hidden]"

var (
	secretName  = regexp.MustCompile(`(?i)(password|passphrase|secret|token|cookie|authorization|private_?key)`)
	userinfo    = regexp.MustCompile(`(://[^\s/@:"']*):[^\s@"']+@`)
	hookSecret  = regexp.MustCompile(`(/hooks/[a-z0-9-]+/)[^\s/?"'\\]+`)
	mintedToken = regexp.MustCompile(`\bmst_[A-Za-z0-9_-]+`)
)

// discreet is the last guard: nobody should log a secret, and errors of libraries
// quote what they were given.
func discreet(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
		return a
	}
	if secretName.MatchString(a.Key) {
		return slog.String(a.Key, hidden)
	}
	var text string
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		text = v.String()
	case slog.KindAny:
		err, ok := v.Any().(error)
		if !ok {
			return a
		}
		text = err.Error()
	default:
		return a
	}
	if strings.Contains(text, "://") {
		text = userinfo.ReplaceAllString(text, "$1:"+hidden+"@")
	}
	text = hookSecret.ReplaceAllString(text, "$1"+hidden)
	text = mintedToken.ReplaceAllString(text, hidden)
	return slog.String(a.Key, text)
}

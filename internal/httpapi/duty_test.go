package httpapi

import (
	"strings"
	"testing"
)

// A path that carries a secret is not written to the log with it.
func TestLoggableHidesSecrets(t *testing.T) {
	for _, path := range []string{"/hooks/alertmanager/s3cret", "/guest/s3cret", calendarPath + "s3cret.ics", calendarPath + "s3cret/more"} {
		if got := loggable(path); strings.Contains(got, "s3cret") {
			t.Errorf("%s is logged as %s", path, got)
		}
	}
	if got := loggable("/api/v1/me"); got != "/api/v1/me" {
		t.Error(got)
	}
}

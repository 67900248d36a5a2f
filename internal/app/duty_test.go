package app_test

import (
	"context"
	"testing"
	"time"

	"muster/internal/account"
	"muster/internal/db"
	"muster/internal/oncall"
)

// TestDutyIsTold: taking over, handing back and swapping reach the other person
// in the office as it is put together.
func TestDutyIsTold(t *testing.T) {
	s := start(t)
	s.person("root", account.Administrator)
	ann, bob := s.person("ann", account.Responder), s.person("bob", account.Responder)
	var r oncall.Rotation
	s.do(func(ctx context.Context, tx *db.Tx) (err error) {
		r, err = s.Oncall.CreateRotation(ctx, tx, system, oncall.SaveRotation{Name: "payments-primary", Members: []string{ann.ID, bob.ID}, ShiftHours: 24, StartsAt: time.Now().Add(-time.Hour), TimeZone: "UTC"})
		return err
	})
	titles := func(name string) map[string]bool {
		out := map[string]bool{}
		for _, n := range s.as(name).want(200, "GET", "/notifications", nil).items() {
			title, _ := n.(obj)["title"].(string)
			out[title] = true
		}
		return out
	}
	s.as("bob").want(200, "POST", "/rotations/"+r.ID+"/take", obj{})
	s.as("bob").want(200, "POST", "/rotations/"+r.ID+"/hand-back", obj{})
	from := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	sw := s.as("ann").want(201, "POST", "/rotations/"+r.ID+"/swaps", obj{"user_id": bob.ID, "from": from, "until": from.Add(time.Hour)})
	s.as("bob").want(200, "POST", "/swaps/"+sw.id(), obj{"answer": "accepted"})
	for _, want := range []string{"Bob took over your duty of payments-primary", "You are on call again for payments-primary"} {
		if got := titles("ann"); !got[want] {
			t.Errorf("Ann was told %v, not %q", got, want)
		}
	}
	if got := titles("bob"); !got["Ann asks you to take duty of payments-primary"] {
		t.Errorf("Bob was told %v", got)
	}
}

package db_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"muster/internal/db"
	"muster/internal/db/dbtest"
)

// Services were told apart by capitals once, and each could have its incident.
// They are one now: such an office opens, and the newest goes on gathering.
func TestUpgradeOfServicesInOtherCapitals(t *testing.T) {
	ctx, url := context.Background(), dbtest.URL(t)
	old, err := db.OpenAt(ctx, url, 70)
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Do(ctx, func(tx *db.Tx) error {
		for n, of := range [][2]string{{"service:Payments", "PROD"}, {"service:payments", "prod"}, {"service:payments/prod", ""}, {"service:PAYMENTS", "qa"}, {"group:a:1", "prod"}, {"", "prod"}} {
			r := fmt.Sprintf("room %d", n)
			if _, err := tx.Exec(ctx, `INSERT INTO room (id, name, kind, topic, private, door, subject_kind, subject_id, floor, seq, archived, created_by, created_at) VALUES ($1,$1,'incident','',FALSE,'open','','','',0,FALSE,'',0)`, r); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `INSERT INTO incident (id, ticket, ticket_url, title, room, severity, stage, mode, restricted, service, environment, summary, declared_by, collects, merged_into, impact_started, first_signal, detected, declared, acknowledged, first_responder, mitigated, resolved, closed, created_at, updated_at)
VALUES ($1,$1,'','',$2,2,'triage','real',FALSE,'',$3,'','',$4,'',0,0,0,1,0,0,0,0,0,1,1)`, fmt.Sprint(n), r, of[1], of[0]); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	got, err := db.All(ctx, d.Read(), db.Strings, `SELECT collects FROM incident ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"", "service:payments/prod", "service:payments/prod/", "service:payments/qa", "group:a:1", ""}; !slices.Equal(got, want) {
		t.Errorf("they gather %q, want %q", got, want)
	}
}

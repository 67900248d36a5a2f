package notify_test

import (
	"fmt"
	"testing"
	"time"

	"muster/internal/db"
	"muster/internal/notify"
)

// Tries are forgotten after a quarter of a year, however many there are, but for
// those of a page that nobody answered.
func TestTriesAreForgotten(t *testing.T) {
	r := open(t, notify.Settings{})
	count := func(query string, args ...any) (n int) {
		t.Helper()
		if err := r.d.Read().QueryRow(ctx, query, args...).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	tries := func(n notify.Notification) int {
		return count(`SELECT COUNT(*) FROM notification_attempt WHERE notification = $1`, n.ID)
	}
	note := func(n notify.Notification, many int, at time.Time) {
		t.Helper()
		r.do(func(tx *db.Tx) error {
			for k := range many {
				if _, err := tx.Exec(ctx, `INSERT INTO notification_attempt (id, notification, person, channel, at, sent, error, answer) VALUES ($1,$2,$3,'email',$4,FALSE,'busy','')`,
					fmt.Sprintf("%s-%d-%d", n.ID, at.Unix(), k), n.ID, r.ann.ID, db.Micro(at)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	start := r.clock.Now()
	open, over, told, young := r.send(notify.New{Title: "open"}), r.send(notify.New{Title: "over"}), r.send(notify.New{Title: "told", Kind: "info"}), r.send(notify.New{Title: "young", Kind: "info"})
	r.do(func(tx *db.Tx) error { return r.store.End(ctx, tx, over.ID) })
	note(open, 3, start)
	note(over, 2300, start)
	note(told, 2, start)
	r.clock.Advance(90*24*time.Hour + time.Minute)
	note(young, 2, start.Add(2*time.Minute))
	look := func(what string, want ...int) {
		t.Helper()
		if err := r.store.Forget(ctx); err != nil {
			t.Fatal(err)
		}
		if got := []int{tries(open), tries(over), tries(told), tries(young)}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v tries are kept, want %v", what, got, want)
		}
	}
	look("after 90 days", 3, 0, 0, 2)
	planned := `SELECT COUNT(*) FROM task WHERE kind = 'notify.forget' AND state = 'ready' AND run_at > $1 AND run_at <= $2`
	if n := count(planned, db.Micro(r.clock.Now()), db.Micro(r.clock.Now().Add(24*time.Hour))); n != 1 {
		t.Errorf("%d looks at what is kept for now", n)
	}
	r.do(func(tx *db.Tx) error { return r.store.End(ctx, tx, open.ID) })
	r.clock.Advance(24 * time.Hour)
	look("once it was answered", 0, 0, 0, 0)
}

// What is noted is planned to be forgotten, by one task a day.
func TestForgettingIsPlanned(t *testing.T) {
	b, port := serve(t, nil)
	r := open(t, notify.Settings{Mail: plain(port)})
	r.start()
	for _, title := range []string{"one", "two"} {
		n := r.send(notify.New{Title: title, Email: true})
		r.mail(b)
		r.until(n.ID, "sent")
	}
	var n int
	var at int64
	if err := r.d.Read().QueryRow(ctx, `SELECT COUNT(*), MIN(run_at) FROM task WHERE kind = 'notify.forget'`).Scan(&n, &at); err != nil {
		t.Fatal(err)
	}
	if after := db.At(at).Sub(r.clock.Now()); n != 1 || after < 90*24*time.Hour || after > 91*24*time.Hour {
		t.Errorf("%d tasks, in %s", n, after)
	}
	// And what an earlier Muster left, with the start of the server.
	if err := r.store.Watch(ctx); err != nil {
		t.Fatal(err)
	}
	if err := r.d.Read().QueryRow(ctx, `SELECT COUNT(*) FROM task WHERE kind = 'notify.forget'`).Scan(&n); err != nil || n != 2 {
		t.Error(n, err)
	}
}

package alert_test

import (
	"testing"
)

// An alert that says it is a drill declares one, which pages; it never joins real
// trouble, nor does real trouble join it.
func TestADrillIsItsOwn(t *testing.T) {
	r := open(t)
	r.deliver(r.src, one(firing("A", 0, "env", "prod", "drill", "true")))
	r.deliver(r.src, one(firing("B", 0, "env", "prod")))
	r.deliver(r.src, one(firing("C", 0, "env", "prod", "drill", "true")))
	is := r.open()
	if len(is) != 2 {
		t.Fatalf("%d incidents", len(is))
	}
	for _, i := range is {
		want, alerts := "real", 1
		if len(i.Alerts) == 2 {
			want, alerts = "drill", 2
		}
		if i.Mode != want || len(i.Alerts) != alerts || len(i.Pages) != 1 {
			t.Errorf("%s: %s, %d alerts, %d pages", i.Ticket, i.Mode, len(i.Alerts), len(i.Pages))
		}
	}
}

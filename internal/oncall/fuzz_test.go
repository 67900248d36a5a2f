package oncall

import (
	"slices"
	"testing"
	"time"
)

// FuzzRotation: at every instant one person has the duty, turns meet without a
// gap, and overrides take their stretch and nothing else, in every time zone and
// across every clock change between 1900 and 2300.
func FuzzRotation(f *testing.F) {
	berlin, _ := time.LoadLocation("Europe/Berlin")
	gap := time.Date(2026, 3, 29, 2, 30, 0, 0, berlin).Unix()
	fold := time.Date(2026, 10, 25, 2, 30, 0, 0, berlin).Unix()
	f.Add(uint8(1), int64(1774594800), gap, uint16(24), uint8(3), []byte{})
	f.Add(uint8(1), gap-24*3600, gap, uint16(24), uint8(2), []byte{1, 0, 10})
	f.Add(uint8(1), fold-24*3600, fold+3600, uint16(1), uint8(5), []byte{0, 5, 1, 3, 4, 2})
	f.Add(uint8(3), int64(1_700_000_000), int64(1_775_000_000), uint16(12), uint8(2), []byte{2, 200, 90, 3, 10, 250})
	f.Add(uint8(7), int64(1_325_239_000), int64(1_325_300_000), uint16(24), uint8(4), []byte{}) // Apia's day that never was
	f.Add(uint8(8), int64(4_100_000_000), int64(-2_000_000_000), uint16(2160), uint8(100), []byte{9, 9, 9})
	f.Fuzz(func(t *testing.T, zone uint8, start, at int64, hours uint16, members uint8, more []byte) {
		const first, last = -2_208_988_800, 10_413_792_000 // 1900, 2300
		into := func(v int64) time.Time { return time.Unix(first+(v%(last-first)+(last-first))%(last-first), 0) }
		r := Rotation{ShiftHours: 1 + int(hours)%(24*90), TimeZone: zones[int(zone)%len(zones)], StartsAt: into(start)}
		for i := range 1 + int(members)%6 {
			r.Members = append(r.Members, string(rune('a'+i)))
		}
		when := into(at)
		n, from, until := r.turn(when)
		if from.After(when) || !when.Before(until) {
			t.Fatalf("turn %d is [%s, %s) and does not hold %s", n, from, until, when)
		}
		if _, _, end := r.turn(from.Add(-time.Nanosecond)); !end.Equal(from) {
			t.Fatalf("before [%s …) lies a turn that ends at %s", from, end)
		}
		if _, begin, _ := r.turn(until); !begin.Equal(until) {
			t.Fatalf("after (… %s) lies a turn that begins at %s", until, begin)
		}
		// No turn is longer or shorter than it says by more than clocks are moved;
		// a day's change at the date line is the most there ever was.
		if d := until.Sub(from) - time.Duration(r.ShiftHours)*time.Hour; d > 25*time.Hour || d < -25*time.Hour {
			t.Fatalf("a turn of %d h takes %s", r.ShiftHours, until.Sub(from))
		}
		for ; len(more) >= 3 && len(r.Overrides) < 5; more = more[3:] {
			begin := when.Add(time.Duration(int(more[1])-128) * 17 * time.Minute)
			r.Overrides = append(r.Overrides, Override{UserID: string(rune('a' + more[0]%8)), From: begin, Until: begin.Add(time.Duration(1+int(more[2])) * 11 * time.Minute)})
		}
		d, ok := r.At(when)
		if !ok || d.UserID == "" || d.From.After(when) || !when.Before(d.Until) {
			t.Fatalf("at %s: %+v %v", when, d, ok)
		}
		o, overridden := r.override(when)
		_, regular, _ := r.regular(when)
		if want := regular.UserID; overridden && d.UserID != o.UserID || !overridden && d.UserID != want {
			t.Fatalf("%s has the duty; the ring says %s, the override %q", d.UserID, want, o.UserID)
		}
		// The same person until the end that was told, and at the end the one who was told to follow.
		for _, probe := range []time.Time{d.From, when.Add(d.Until.Sub(when) / 2), d.Until.Add(-time.Nanosecond)} {
			if p, _ := r.At(probe); p.UserID != d.UserID {
				t.Fatalf("%s has the duty from %s until %s, but at %s %s has it", d.UserID, d.From, d.Until, probe, p.UserID)
			}
		}
		if next, ok := r.After(when); !ok || next.From.After(d.Until) || len(r.Overrides) == 0 && len(r.Members) > 1 && next.UserID == d.UserID {
			t.Fatalf("after %+v comes %+v", d, next)
		}
		ladder := r.Ladder(when)
		if len(ladder) == 0 || ladder[0] != d.UserID || len(ladder) > len(r.Members) || len(slices.Compact(slices.Sorted(slices.Values(ladder)))) != len(ladder) {
			t.Fatalf("%s has the duty, the ladder is %v of %v", d.UserID, ladder, r.Members)
		}
	})
}

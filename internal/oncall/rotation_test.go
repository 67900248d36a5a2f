package oncall

import (
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

func at(t testing.TB, zone, text string) time.Time {
	t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	v, err := time.ParseInLocation("2006-01-02 15:04", text, loc)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTurnsFollowTheWallClockAcrossClockChanges(t *testing.T) {
	daily := Rotation{Members: []string{"ann", "bob", "cid"}, ShiftHours: 24, TimeZone: "Europe/Berlin", StartsAt: at(t, "Europe/Berlin", "2026-03-27 09:00")}
	weekly := Rotation{Members: []string{"ann", "bob"}, ShiftHours: 168, TimeZone: "America/New_York", StartsAt: at(t, "America/New_York", "2026-10-26 08:00")}
	halves := Rotation{Members: []string{"day", "night"}, ShiftHours: 12, TimeZone: "Europe/London", StartsAt: at(t, "Europe/London", "2026-10-24 08:00")}
	gap := Rotation{Members: []string{"ann", "bob"}, ShiftHours: 24, TimeZone: "Europe/Berlin", StartsAt: at(t, "Europe/Berlin", "2026-03-28 02:30")}
	fold := Rotation{Members: []string{"ann", "bob"}, ShiftHours: 24, TimeZone: "Europe/Berlin", StartsAt: at(t, "Europe/Berlin", "2026-10-24 02:30")}

	tests := []struct {
		name  string
		r     Rotation
		at    time.Time
		want  string
		until time.Time
	}{
		{"first turn", daily, at(t, "Europe/Berlin", "2026-03-27 09:00"), "ann", at(t, "Europe/Berlin", "2026-03-28 09:00")},
		{"last minute before hand-over", daily, at(t, "Europe/Berlin", "2026-03-28 08:59"), "ann", at(t, "Europe/Berlin", "2026-03-28 09:00")},
		{"the day that loses an hour", daily, at(t, "Europe/Berlin", "2026-03-28 09:00"), "bob", at(t, "Europe/Berlin", "2026-03-29 09:00")},
		{"still 09:00 in summer", daily, at(t, "Europe/Berlin", "2026-03-29 09:00"), "cid", at(t, "Europe/Berlin", "2026-03-30 09:00")},
		{"before the start the ring runs backwards", daily, at(t, "Europe/Berlin", "2026-03-27 08:59"), "cid", at(t, "Europe/Berlin", "2026-03-27 09:00")},
		{"the week that gains an hour", weekly, at(t, "America/New_York", "2026-11-02 07:59"), "ann", at(t, "America/New_York", "2026-11-02 08:00")},
		{"after it", weekly, at(t, "America/New_York", "2026-11-02 08:00"), "bob", at(t, "America/New_York", "2026-11-09 08:00")},
		{"half days keep their hours", halves, at(t, "Europe/London", "2026-10-25 19:59"), "day", at(t, "Europe/London", "2026-10-25 20:00")},
		{"half days keep their hours at night", halves, at(t, "Europe/London", "2026-10-25 20:00"), "night", at(t, "Europe/London", "2026-10-26 08:00")},
		{"a hand-over at an hour that never happens comes at the change", gap, time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), "bob", at(t, "Europe/Berlin", "2026-03-30 02:30")},
		{"a minute before the change", gap, time.Date(2026, 3, 29, 0, 59, 0, 0, time.UTC), "ann", time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)},
		{"a hand-over at an hour that happens twice comes the first time", fold, time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC), "bob", at(t, "Europe/Berlin", "2026-10-26 02:30")},
		{"and stays over the second time", fold, time.Date(2026, 10, 25, 1, 15, 0, 0, time.UTC), "bob", at(t, "Europe/Berlin", "2026-10-26 02:30")},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			d, ok := tc.r.At(tc.at)
			if !ok || d.UserID != tc.want || !d.Until.Equal(tc.until) {
				t.Fatalf("At(%s) = %q until %s (%v), want %q until %s", tc.at, d.UserID, d.Until, ok, tc.want, tc.until)
			}
		})
	}
}

func TestOverridesTakeTheirStretchOnly(t *testing.T) {
	z := "Asia/Kolkata"
	r := Rotation{Members: []string{"ann", "bob"}, ShiftHours: 24, TimeZone: z, StartsAt: at(t, z, "2026-05-01 09:00"), Overrides: []Override{
		{UserID: "cid", From: at(t, z, "2026-05-01 12:00"), Until: at(t, z, "2026-05-01 18:00")},
		{UserID: "dee", From: at(t, z, "2026-05-01 14:00"), Until: at(t, z, "2026-05-01 15:00")},
	}}
	for _, tc := range []struct{ at, want, until string }{
		{"2026-05-01 09:00", "ann", "2026-05-01 12:00"},
		{"2026-05-01 12:00", "cid", "2026-05-01 14:00"},
		{"2026-05-01 14:30", "dee", "2026-05-01 15:00"},
		{"2026-05-01 15:00", "cid", "2026-05-01 18:00"},
		{"2026-05-01 18:00", "ann", "2026-05-02 09:00"},
	} {
		d, ok := r.At(at(t, z, tc.at))
		if !ok || d.UserID != tc.want || !d.Until.Equal(at(t, z, tc.until)) {
			t.Errorf("At(%s) = %q until %s, want %q until %s", tc.at, d.UserID, d.Until.In(at(t, z, tc.at).Location()), tc.want, tc.until)
		}
	}
	if next, ok := r.After(at(t, z, "2026-05-01 14:30")); !ok || next.UserID != "cid" {
		t.Errorf("After = %q, want cid", next.UserID)
	}
	if got := r.Ladder(at(t, z, "2026-05-01 12:30")); len(got) != 2 || got[0] != "cid" || got[1] != "bob" {
		t.Errorf("the ladder under an override is %v, want cid, bob", got)
	}
	empty := Rotation{TimeZone: "UTC", ShiftHours: 24}
	if _, ok := empty.At(time.Now()); ok {
		t.Error("an empty rotation named somebody")
	}
	alone := Rotation{Members: []string{"ann"}, TimeZone: "UTC", ShiftHours: 24}
	if d, ok := alone.At(at(t, "UTC", "2026-01-01 00:00")); !ok || d.UserID != "ann" {
		t.Error("a rotation of one must always name that one")
	}
}

var zones = []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns", "Africa/Casablanca", "Pacific/Apia", "America/Sao_Paulo", "Asia/Tehran"}

// Turns must tile time: no instant without a person, none with two, in any zone
// and for any shift length.
func TestTurnsTileTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		start := time.Unix(rapid.Int64Range(1_000_000_000, 2_000_000_000).Draw(t, "start"), 0).UTC()
		when := time.Unix(rapid.Int64Range(1_000_000_000, 2_000_000_000).Draw(t, "at"), 0).UTC()
		r := Rotation{Members: []string{"a", "b", "c"}, ShiftHours: rapid.IntRange(1, 24*28).Draw(t, "hours"), TimeZone: zone, StartsAt: start}
		n, from, until := r.turn(when)
		if from.After(when) || !when.Before(until) {
			t.Fatalf("turn %d is [%s, %s) and does not hold %s", n, from, until, when)
		}
		if before, pFrom, pUntil := r.turn(from.Add(-time.Nanosecond)); !pUntil.Equal(from) || !pFrom.Before(pUntil) || before >= n {
			t.Fatalf("the turn before [%s …) is %d [%s, %s)", from, before, pFrom, pUntil)
		}
		if after, nFrom, _ := r.turn(until); !nFrom.Equal(until) || after <= n {
			t.Fatalf("the turn after (… %s) is %d from %s", until, after, nFrom)
		}
		if r.ShiftHours%24 == 0 {
			loc, _ := time.LoadLocation(zone)
			want, got := wall(start.In(loc)), wall(from.In(loc))
			// A hand-over may only leave its hour on the day the hour does not exist.
			if want.Format("15:04:05") != got.Format("15:04:05") && instant(got.Add(-time.Nanosecond), loc).Equal(from.Add(-time.Nanosecond)) {
				t.Fatalf("hand-over at %s, want %s", got, want.Format("15:04:05"))
			}
		}
	})
}

func TestLadderNamesEverybodyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{3}`), 1, 6, rapid.ID[string]).Draw(t, "members")
		r := Rotation{Members: members, ShiftHours: rapid.IntRange(1, 400).Draw(t, "hours"), TimeZone: rapid.SampledFrom(zones).Draw(t, "zone"), StartsAt: time.Unix(1_700_000_000, 0)}
		when := time.Unix(rapid.Int64Range(1_600_000_000, 1_900_000_000).Draw(t, "at"), 0)
		ladder := r.Ladder(when)
		d, _ := r.At(when)
		if len(ladder) != len(members) || ladder[0] != d.UserID {
			t.Fatalf("ladder %v of %v while %s is on call", ladder, members, d.UserID)
		}
	})
}

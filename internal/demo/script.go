package demo

import "strings"

// beat is one thing that a colleague does: say a line, or without one go to a room.
type beat struct{ who, room, text string }

func simulated(title string) bool { return strings.HasSuffix(title, Simulated) }

// scenes of an ordinary day, played one after the other for as long as somebody
// looks on.
var scenes = [][]beat{
	{
		{"marta", "payments-ops", "pacs.008 out: 412 a minute, all acknowledged within 3 s."},
		{"priya", "settlement", "T2S settlement cycle 4 is through, 0 unmatched."},
	},
	{
		{"kenji", "sre-desk", "/run housekeeping/disk-report"},
	},
	{
		{"tomas", "trading-floor-support", "FIX session LDN-03 reconnected after 4 s, sequence numbers are in step."},
		{"lena", "trading-floor-support", "Seen. Market data never lagged more than 80 ms."},
	},
	{
		{"omar", "lounge", ""},
		{"omar", "lounge", "Is there cake left?"},
		{"omar", "eod-batch", ""},
	},
	{
		{"helena", "change-board", "CHG for the certificate on `fix-gw-03` is approved for tonight, 22:00 to 22:30."},
		{"kenji", "change-board", ""},
		{"kenji", "change-board", "Thanks. I take it, roll-back is the old chain."},
		{"kenji", "sre-desk", ""},
	},
	{
		{"sofia", "treasury", "Intraday liquidity: +3.1 % over the floor, next forecast at the full hour."},
	},
	{
		{"marta", "payments-ops", "/run payments/health-check service=payments-api env=dev"},
	},
	{
		{"omar", "eod-batch", "Dry run of the close: 38 of 38 steps green, 41 minutes."},
		{"priya", "eod-batch", "Settlement inputs were there at 17:52, a minute early."},
	},
	{
		{"lena", "lounge", ""},
		{"tomas", "lounge", ""},
		{"lena", "trading-floor-support", ""},
		{"tomas", "trading-floor-support", ""},
	},
}
